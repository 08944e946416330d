/* The gzip encoder: what it writes inflates to what went in, in memory of the caller's alone. */
#include "support/support.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <spoke/encoder.h>

static max_align_t memory[SPOKE_GZIP_BYTES / sizeof(max_align_t)];
static spoke_encoder gzip;
static char body[300000], packed[300000], again[300000];

static int set(void **state)
{
    (void)state;
    return spoke_gzip_init(memory, sizeof memory, NULL, &gzip) == SPOKE_OK ? 0 : -1;
}

/* As many readings as make about `len` bytes of JSON. */
static spoke_str readings(size_t len)
{
    size_t used = 0;
    used += (size_t)snprintf(body, sizeof body, "[");
    for (unsigned i = 0; used < len; i++)
        used += (size_t)snprintf(body + used, sizeof body - used, "%s{\"temperature\":%u.%u,\"humidity\":%u}",
                                 i > 0 ? "," : "", 20 + i % 7, i % 10, 40 + i * 13 % 31);
    body[used++] = ']';
    return spoke_str_from(body, used);
}

static size_t inflated(spoke_str from)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (z_const Bytef *)(uintptr_t)from.ptr;
    z.avail_in = (uInt)from.len;
    z.next_out = (Bytef *)again;
    z.avail_out = sizeof again;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    const size_t len = sizeof again - z.avail_out;
    assert_int_equal(inflateEnd(&z), Z_OK);
    return len;
}

static void assert_comes_back(spoke_str from)
{
    spoke_buf out = spoke_buf_from(packed, sizeof packed);
    assert_ok(gzip.encode(gzip.ctx, from, &out));
    assert_true(out.len < from.len);
    assert_int_equal(inflated(spoke_buf_str(&out)), from.len);
    assert_memory_equal(again, from.ptr, from.len);
}

static void encoder_says_gzip_and_leaves_short_bodies_alone(void **state)
{
    (void)state;
    assert_string_equal(gzip.encoding, "gzip");
    assert_int_equal(gzip.least_bytes, 128);
}

static void bodies_of_every_size_come_back(void **state)
{
    (void)state;
    for (size_t len = 128; len < 280000; len = len * 3 / 2)
        assert_comes_back(readings(len));
}

static void each_body_is_whole_by_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_comes_back(readings(900));
}

static void result_is_appended(void **state)
{
    (void)state;
    const spoke_str from = readings(500);
    spoke_buf out = spoke_buf_from(packed, sizeof packed);
    assert_ok(spoke_buf_append(&out, SPOKE_STR("head")));
    assert_ok(gzip.encode(gzip.ctx, from, &out));
    assert_memory_equal(packed, "head", 4);
    assert_int_equal(inflated(spoke_str_from(packed + 4, out.len - 4)), from.len);
}

static void exact_room_is_enough_and_a_byte_less_is_not(void **state)
{
    (void)state;
    const spoke_str from = readings(500);
    spoke_buf out = spoke_buf_from(packed, sizeof packed);
    assert_ok(gzip.encode(gzip.ctx, from, &out));
    const size_t need = out.len;
    memset(packed, 0x5a, sizeof packed);
    out = spoke_buf_from(packed, need);
    assert_ok(gzip.encode(gzip.ctx, from, &out));
    assert_int_equal(packed[need], 0x5a);
    memset(packed, 0x5a, sizeof packed);
    out = spoke_buf_from(packed, need - 1);
    assert_int_equal(gzip.encode(gzip.ctx, from, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    assert_int_equal(packed[need - 1], 0x5a);
    out = spoke_buf_from(packed, 0);
    assert_int_equal(gzip.encode(gzip.ctx, from, &out), SPOKE_E_TOO_SMALL);
}

static void what_would_grow_is_sent_as_it_is(void **state)
{
    (void)state;
    spoke_buf out = spoke_buf_from(packed, sizeof packed);
    uint32_t x = 1;
    for (size_t i = 0; i < 1000; i++)
        body[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
    assert_int_equal(gzip.encode(gzip.ctx, spoke_str_from(body, 1000), &out), SPOKE_E_UNSUPPORTED);
    assert_int_equal(gzip.encode(gzip.ctx, SPOKE_STR("{}"), &out), SPOKE_E_UNSUPPORTED);
    assert_int_equal(gzip.encode(gzip.ctx, spoke_str_from(NULL, 0), &out), SPOKE_E_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    assert_comes_back(readings(500)); /* and the next one is none the worse */
}

static void encoding_takes_no_heap(void **state)
{
    (void)state;
    const spoke_str from = readings(3000);
    const size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 50; i++) {
        spoke_buf out = spoke_buf_from(packed, sizeof packed);
        if (gzip.encode(gzip.ctx, from, &out) != SPOKE_OK)
            fail();
    }
    assert_int_equal(mallinfo2().uordblks, before);
}

static void stated_size_is_enough_for_all_options(void **state)
{
    (void)state;
    for (uint8_t bits = 9; bits <= 15; bits++)
        for (uint8_t level = 1; level <= 9; level++) {
            const spoke_gzip_options options = {sizeof options, bits, level, (uint8_t)(1 + (bits + level) % 9), 1};
            const size_t size = spoke_gzip_size(&options);
            void *own = malloc(size);
            assert_ok(spoke_gzip_init(own, size, &options, &gzip));
            assert_comes_back(readings(5000));
            free(own);
        }
    assert_true(spoke_gzip_size(NULL) <= SPOKE_GZIP_BYTES);
}

static void too_little_memory_is_said(void **state)
{
    (void)state;
    for (size_t size = 0; size < 20000; size += 512)
        assert_int_equal(spoke_gzip_init(memory, size, NULL, &gzip), SPOKE_E_NO_MEMORY);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    static const spoke_gzip_options bad[] = {{sizeof bad[0], 8, 0, 0, 0},
                                             {sizeof bad[0], 16, 0, 0, 0},
                                             {sizeof bad[0], 0, 10, 0, 0},
                                             {sizeof bad[0], 0, 0, 10, 0},
                                             {1, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(spoke_gzip_size(&bad[i]), 0);
        assert_int_equal(spoke_gzip_init(memory, sizeof memory, &bad[i], &gzip), SPOKE_E_ARG);
    }
    assert_int_equal(spoke_gzip_init(NULL, 1, NULL, &gzip), SPOKE_E_ARG);
    assert_int_equal(spoke_gzip_init((char *)memory + 1, sizeof memory - 1, NULL, &gzip), SPOKE_E_ARG);
    assert_int_equal(spoke_gzip_init(memory, sizeof memory, NULL, NULL), SPOKE_E_ARG);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup(name, set)
    const struct CMUnitTest tests[] = {
        CLAIM(encoder_says_gzip_and_leaves_short_bodies_alone),
        CLAIM(bodies_of_every_size_come_back),
        CLAIM(each_body_is_whole_by_itself),
        CLAIM(result_is_appended),
        CLAIM(exact_room_is_enough_and_a_byte_less_is_not),
        CLAIM(what_would_grow_is_sent_as_it_is),
        CLAIM(encoding_takes_no_heap),
        CLAIM(stated_size_is_enough_for_all_options),
        CLAIM(too_little_memory_is_said),
        CLAIM(options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
