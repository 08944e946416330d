/* Compressed telemetry: what is read, how much at most, and what is kept as it came. */
#include "support/core_fixture.h"

#include <central/core/inflate.h>

#define EVENTS "devices/d1/messages/events/"
#define MESSAGES "/control/devices/d1/messages"
#define UNPACKED_LIMIT (4u * SPOKE_MAX_TELEMETRY_BYTES)

/* {"temperature":21.5} by another program */
static const uint8_t GZIP[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x49,
                               0xcd, 0x2d, 0x48, 0x2d, 0x4a, 0x2c, 0x29, 0x2d, 0x4a, 0x55, 0xb2, 0x32, 0x32, 0xd4,
                               0x33, 0xad, 0x05, 0x00, 0xda, 0x38, 0x8e, 0x7a, 0x14, 0x00, 0x00, 0x00};

static spoke_str gzip_body(void)
{
    return spoke_str_from((const char *)GZIP, sizeof GZIP);
}

static void assert_flagged(struct fixture *f, const char *reason)
{
    fixture_ask(f, "GET", MESSAGES, "");
    assert_string_equal(fixture_text(f, "0.system.undecoded"), reason);
    assert_null(fixture_at(f, "0.system.decodedFrom"));
    assert_int_equal(bench_events(&f->bench, "hub-protocol-error"), 0);
}

static void encodings_have_their_names(void **state)
{
    (void)state;
    assert_int_equal(packing_of(NULL), PACKING_NONE);
    assert_int_equal(packing_of("utf-8"), PACKING_NONE);
    assert_int_equal(packing_of("gzip, gzip"), PACKING_NONE);
    assert_int_equal(packing_of("GZip"), PACKING_GZIP);
    assert_int_equal(packing_of("x-gzip"), PACKING_GZIP);
    assert_int_equal(packing_of("deflate"), PACKING_DEFLATE);
}

#ifdef SPOKE_HAVE_ZLIB

#include <zlib.h>

static char big[8u * 1024u * 1024u];
static uint8_t packed[400000];

/* window_bits as zlib has it: 31 gzip, 15 with its own frame, -15 none. */
static spoke_str pack(int window_bits, spoke_str body)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)(uintptr_t)body.ptr;
    z.avail_in = (uInt)body.len;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t len = sizeof packed - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return spoke_str_from((const char *)packed, len);
}

static spoke_str blanks(size_t len)
{
    memset(big, ' ', len);
    big[0] = '{';
    big[len - 1] = '}';
    return spoke_str_from(big, len);
}

static spoke_status unpack(enum packing packing, spoke_str body, size_t most)
{
    char *out = NULL;
    size_t len = 0;
    const spoke_status status = inflate_body(packing, body, most, &out, &len);
    assert_true((out != NULL) == (status == SPOKE_OK));
    free(out);
    return status;
}

static void golden_body_comes_out_as_it_was(void **state)
{
    (void)state;
    char *out = NULL;
    size_t len = 0;
    assert_ok(inflate_body(PACKING_GZIP, gzip_body(), 100, &out, &len));
    assert_str(spoke_str_from(out, len), "{\"temperature\":21.5}");
    free(out);
}

static void cut_off_and_followed_bodies_are_broken(void **state)
{
    (void)state;
    uint8_t more[sizeof GZIP + 1] = {0};
    memcpy(more, GZIP, sizeof GZIP);
    for (size_t len = 0; len < sizeof GZIP; len++)
        assert_int_equal(unpack(PACKING_GZIP, spoke_str_from((const char *)GZIP, len), 100), SPOKE_E_PROTOCOL);
    assert_int_equal(unpack(PACKING_GZIP, spoke_str_from((const char *)more, sizeof more), 100), SPOKE_E_PROTOCOL);
    more[sizeof GZIP - 6] ^= 1; /* the checksum */
    assert_int_equal(unpack(PACKING_GZIP, spoke_str_from((const char *)more, sizeof GZIP), 100), SPOKE_E_PROTOCOL);
}

static void bound_holds_to_the_byte(void **state)
{
    (void)state;
    assert_int_equal(unpack(PACKING_GZIP, gzip_body(), 20), SPOKE_OK);
    assert_int_equal(unpack(PACKING_GZIP, gzip_body(), 19), SPOKE_E_TOO_LARGE);
    assert_int_equal(unpack(PACKING_GZIP, gzip_body(), 0), SPOKE_E_TOO_LARGE);
}

static void deflate_comes_with_and_without_its_frame(void **state)
{
    (void)state;
    assert_ok(unpack(PACKING_DEFLATE, pack(15, blanks(5000)), 5000));
    assert_ok(unpack(PACKING_DEFLATE, pack(-15, blanks(5000)), 5000));
    assert_int_equal(unpack(PACKING_DEFLATE, pack(31, blanks(5000)), 5000), SPOKE_E_PROTOCOL);
    assert_int_equal(unpack(PACKING_GZIP, pack(15, blanks(5000)), 5000), SPOKE_E_PROTOCOL);
}

static void empty_body_is_read(void **state)
{
    (void)state;
    assert_ok(unpack(PACKING_GZIP, pack(31, spoke_str_from("", 0)), 100));
}

/* --- in messages --- */

static void packed_message_is_shown_and_counted_as_what_it_holds(void **state)
{
    struct fixture *f = *state;
    device_publish_bytes(&f->device, EVENTS "%24.ct=application%2Fjson&%24.ce=gzip", gzip_body(), 7);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
    fixture_ask(f, "GET", MESSAGES, "");
    assert_string_equal(fixture_text(f, "0.body"), "{\"temperature\":21.5}");
    assert_string_equal(fixture_text(f, "0.system.contentEncoding"), "gzip");
    assert_string_equal(fixture_text(f, "0.system.decodedFrom"), "gzip");
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/temperature", "");
    assert_int_equal(f->status, 200);
    assert_true(fixture_at(f, "value")->valuedouble > 21.4);
}

static void bomb_is_kept_as_it_came_and_acknowledged(void **state)
{
    struct fixture *f = *state;
    device_publish_bytes(&f->device, EVENTS "%24.ce=gzip", pack(31, blanks(sizeof big)), 7);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
    assert_flagged(f, "the body is kept as it came: unpacked it is larger than 1 MB");
}

static void body_at_the_bound_is_read(void **state)
{
    struct fixture *f = *state;
    device_publish_bytes(&f->device, EVENTS "%24.ce=gzip", pack(31, blanks(UNPACKED_LIMIT)), 7);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
    fixture_ask(f, "GET", MESSAGES, "");
    assert_int_equal(strlen(fixture_text(f, "0.body")), UNPACKED_LIMIT);
}

static void body_that_is_not_packed_is_kept_as_it_came(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS "%24.ce=gzip", "{\"temperature\":1}", 1);
    assert_flagged(f, "the body is kept as it came: it is not what its content encoding says");
    assert_string_equal(fixture_text(f, "0.body"), "{\"temperature\":1}");
}

#else

static void without_zlib_a_packed_body_is_kept_as_it_came(void **state)
{
    struct fixture *f = *state;
    device_publish_bytes(&f->device, EVENTS "%24.ce=gzip", gzip_body(), 7);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
    assert_flagged(f, "the body is kept as it came: this service was built without zlib");
}

#endif

static int set_up(void **state)
{
    struct fixture *f = fixture_create(true);
    fixture_connect(f, "d1");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_have_their_names),
#ifdef SPOKE_HAVE_ZLIB
        cmocka_unit_test(golden_body_comes_out_as_it_was),
        cmocka_unit_test(cut_off_and_followed_bodies_are_broken),
        cmocka_unit_test(bound_holds_to_the_byte),
        cmocka_unit_test(deflate_comes_with_and_without_its_frame),
        cmocka_unit_test(empty_body_is_read),
        CLAIM(packed_message_is_shown_and_counted_as_what_it_holds),
        CLAIM(bomb_is_kept_as_it_came_and_acknowledged),
        CLAIM(body_at_the_bound_is_read),
        CLAIM(body_that_is_not_packed_is_kept_as_it_came),
#else
        CLAIM(without_zlib_a_packed_body_is_kept_as_it_came),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
