#include "support/support.h"

#include <string.h>

#include "transport/native_stream.h"

/* A link that holds `left` bytes 0, 1, 2, ... and then nothing, or its end. */
struct source {
    spoke_platform platform;
    spoke_net net;
    size_t left, most; /* most: with one read */
    uint8_t next;
    bool ended;
    unsigned reads;
    struct native_stream stream;
};

static spoke_status source_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct source *s = ctx;
    (void)link;
    s->reads++;
    if (s->left == 0)
        return s->ended ? SPOKE_E_NET : SPOKE_E_AGAIN;
    *count = s->left < cap ? s->left : cap;
    *count = *count < s->most ? *count : s->most;
    for (size_t i = 0; i < *count; i++)
        out[i] = s->next++;
    s->left -= *count;
    return SPOKE_OK;
}

static void source_init(struct source *s, size_t left)
{
    memset(s, 0, sizeof(*s));
    s->left = left;
    s->most = SIZE_MAX;
    s->net.read = source_read;
    s->platform.ctx = s;
    s->platform.net = &s->net;
    s->stream.platform = &s->platform;
    native_stream_reset(&s->stream);
}

/* Takes what is there in pieces of `piece`, checking that no byte is lost, doubled or out of turn. */
static void take(struct source *s, size_t piece, size_t *total)
{
    uint8_t out[2 * NATIVE_AHEAD_BYTES];
    size_t count = 0;
    while (native_stream_read(&s->stream, out, piece, &count) == SPOKE_OK) {
        assert_in_range(count, 1, piece);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(out[i], (uint8_t)(*total + i));
        *total += count;
    }
}

static void small_reads_share_one_call_of_the_port(void **state)
{
    struct source s;
    size_t total = 0;
    (void)state;
    source_init(&s, 1000);
    take(&s, 5, &total);
    assert_int_equal(total, 1000);
    assert_int_equal(s.reads, 1);
}

static void every_mixture_of_sizes_gives_the_same_bytes(void **state)
{
    static const size_t sizes[] = {
        1, 2, 5, 255, NATIVE_AHEAD_BYTES - 1, NATIVE_AHEAD_BYTES, NATIVE_AHEAD_BYTES + 1};
    struct source s;
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            source_init(&s, 3 * NATIVE_AHEAD_BYTES);
            s.most = sizes[i];
            size_t total = 0;
            for (int round = 0; round < 3 * NATIVE_AHEAD_BYTES && total < 3 * NATIVE_AHEAD_BYTES; round++) {
                native_stream_look(&s.stream); /* the port says that more is there */
                take(&s, sizes[j], &total);
            }
            assert_int_equal(total, 3 * NATIVE_AHEAD_BYTES);
        }
}

static void a_large_read_goes_straight_through(void **state)
{
    struct source s;
    uint8_t out[NATIVE_AHEAD_BYTES];
    size_t count = 0;
    (void)state;
    source_init(&s, 2 * NATIVE_AHEAD_BYTES);
    assert_ok(native_stream_read(&s.stream, out, sizeof(out), &count));
    assert_int_equal(count, sizeof(out));
    assert_int_equal(s.stream.end, 0);
    assert_true(s.stream.reads > 0);
}

static void an_emptied_link_is_not_asked_again_until_told(void **state)
{
    struct source s;
    uint8_t out[16];
    size_t count = 0;
    (void)state;
    source_init(&s, 10);
    assert_ok(native_stream_read(&s.stream, out, sizeof(out), &count));
    assert_int_equal(native_stream_read(&s.stream, out, sizeof(out), &count), SPOKE_E_AGAIN);
    assert_int_equal(s.reads, 1);
    s.ended = true;
    native_stream_look(&s.stream);
    assert_int_equal(native_stream_read(&s.stream, out, sizeof(out), &count), SPOKE_E_NET);
}

static void a_link_that_never_empties_is_left_alone_until_the_next_look(void **state)
{
    struct source s;
    uint8_t out[NATIVE_AHEAD_BYTES];
    size_t count = 0;
    (void)state;
    source_init(&s, SIZE_MAX);
    for (int look = 0; look < 2; look++) {
        s.reads = 0;
        while (native_stream_read(&s.stream, out, sizeof(out), &count) == SPOKE_OK)
            assert_in_range(s.reads, 1, NATIVE_READS);
        assert_int_equal(s.reads, NATIVE_READS);
        native_stream_look(&s.stream);
    }
}

static void a_new_connection_sees_nothing_of_the_old(void **state)
{
    struct source s;
    uint8_t out[4];
    size_t count = 0;
    (void)state;
    source_init(&s, 10);
    assert_ok(native_stream_read(&s.stream, out, sizeof(out), &count));
    native_stream_reset(&s.stream);
    assert_int_equal(native_stream_read(&s.stream, out, sizeof(out), &count), SPOKE_E_AGAIN);
    for (size_t i = 0; i < sizeof(s.stream.ahead); i++)
        assert_int_equal(s.stream.ahead[i], 0);
}

static void discarding_drops_what_was_read_ahead_too(void **state)
{
    struct source s;
    uint8_t out[4];
    size_t count = 0;
    (void)state;
    source_init(&s, 10);
    assert_ok(native_stream_read(&s.stream, out, sizeof(out), &count));
    assert_int_equal(native_stream_discard(&s.stream), SPOKE_E_AGAIN);
    assert_int_equal(native_stream_read(&s.stream, out, sizeof(out), &count), SPOKE_E_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_reads_share_one_call_of_the_port),
        cmocka_unit_test(every_mixture_of_sizes_gives_the_same_bytes),
        cmocka_unit_test(a_large_read_goes_straight_through),
        cmocka_unit_test(an_emptied_link_is_not_asked_again_until_told),
        cmocka_unit_test(a_link_that_never_empties_is_left_alone_until_the_next_look),
        cmocka_unit_test(a_new_connection_sees_nothing_of_the_old),
        cmocka_unit_test(discarding_drops_what_was_read_ahead_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
