#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "central/shell/websocket.h"

/* --- a client's side of framing --- */

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

struct bytes {
    uint8_t at[70100];
    size_t len;
};

static void add_header(struct bytes *b, uint8_t first, size_t payload_len)
{
    b->at[b->len++] = first;
    if (payload_len < 126) {
        b->at[b->len++] = (uint8_t)(0x80 | payload_len);
        return;
    }
    const size_t width = payload_len <= UINT16_MAX ? 2 : 8;
    b->at[b->len++] = width == 2 ? 0x80 | 126 : 0x80 | 127;
    for (size_t i = 0; i < width; i++)
        b->at[b->len++] = (uint8_t)((uint64_t)payload_len >> 8 * (width - 1 - i));
}

static void add_frame(struct bytes *b, uint8_t first, const void *payload, size_t len)
{
    add_header(b, first, len);
    memcpy(b->at + b->len, mask, sizeof mask);
    b->len += sizeof mask;
    for (size_t i = 0; i < len; i++)
        b->at[b->len++] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
}

/* --- what came out --- */

struct heard {
    uint8_t data[70100];
    size_t data_len;
    char pings[4][126];
    size_t ping_count;
    enum websocket_event_kind end;
    uint16_t code;
    char reason[126];
};

static void hear_event(struct heard *h, const struct websocket_event *event)
{
    switch (event->kind) {
    case WEBSOCKET_EVENT_NONE:
        return;
    case WEBSOCKET_EVENT_DATA:
        memcpy(h->data + h->data_len, event->payload.ptr, event->payload.len);
        h->data_len += event->payload.len;
        return;
    case WEBSOCKET_EVENT_PING:
        assert_true(h->ping_count < 4);
        memcpy(h->pings[h->ping_count++], event->payload.ptr, event->payload.len);
        return;
    case WEBSOCKET_EVENT_CLOSE:
        memcpy(h->reason, event->payload.len > 0 ? event->payload.ptr : "", event->payload.len);
        break;
    case WEBSOCKET_EVENT_ERROR:
        assert_non_null(event->why);
        break;
    }
    assert_int_equal(h->end, WEBSOCKET_EVENT_NONE);
    h->end = event->kind;
    h->code = event->code;
}

static void hear(struct heard *h, const struct bytes *input, size_t step)
{
    struct websocket w = {0};
    memset(h, 0, sizeof *h);
    for (size_t at = 0; at < input->len; at += step) {
        const size_t piece = input->len - at < step ? input->len - at : step;
        uint8_t *bytes = malloc(piece);
        assert_non_null(bytes);
        memcpy(bytes, input->at + at, piece);
        for (size_t used = 0; used < piece;) {
            struct websocket_event event;
            used += websocket_receive(&w, bytes + used, piece - used, &event);
            hear_event(h, &event);
        }
        free(bytes);
    }
}

static void expect_error(const struct bytes *input, uint16_t code)
{
    static struct heard h;
    hear(&h, input, input->len);
    assert_int_equal(h.end, WEBSOCKET_EVENT_ERROR);
    assert_int_equal(h.code, code);
    hear(&h, input, 1);
    assert_int_equal(h.end, WEBSOCKET_EVENT_ERROR);
    assert_int_equal(h.code, code);
}

/* --- handshake --- */

static void accept_value_is_that_of_the_rfc(void **state)
{
    (void)state;
    uint8_t memory[WEBSOCKET_ACCEPT_BYTES + 1];
    memory[WEBSOCKET_ACCEPT_BYTES] = 0xA5;
    spoke_buf out = spoke_buf_from(memory, WEBSOCKET_ACCEPT_BYTES);
    assert_ok(websocket_accept(SPOKE_STR("dGhlIHNhbXBsZSBub25jZQ=="), &out));
    assert_str(spoke_buf_str(&out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(memory[WEBSOCKET_ACCEPT_BYTES], 0xA5);
    spoke_buf one_short = spoke_buf_from(memory, WEBSOCKET_ACCEPT_BYTES - 1);
    assert_int_equal(websocket_accept(SPOKE_STR("dGhlIHNhbXBsZSBub25jZQ=="), &one_short), SPOKE_E_TOO_SMALL);
}

static void accept_refuses_what_is_not_sixteen_bytes(void **state)
{
    (void)state;
    uint8_t memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const char *key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (size_t len = 0; len < strlen(key); len++)
        assert_int_equal(websocket_accept(spoke_str_from(key, len), &out), SPOKE_E_ARG);
    assert_int_equal(websocket_accept(SPOKE_STR("dGhlIHNhbXBsZSBub25jZQ==A"), &out), SPOKE_E_ARG);
    assert_int_equal(websocket_accept(SPOKE_STR("dGhlIHNhbXBsZSBub25jZQ=?"), &out), SPOKE_E_ARG);
    assert_int_equal(websocket_accept(SPOKE_STR("AAAAAAAAAAAAAAAAAAAAAAAA"), &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void token_is_found_without_regard_to_case(void **state)
{
    (void)state;
    spoke_str found;
    assert_true(websocket_token(SPOKE_STR("chat, \tMQTT ,x"), SPOKE_STR("mqtt"), &found));
    assert_str(found, "MQTT");
    assert_true(websocket_token(SPOKE_STR("mqtt"), SPOKE_STR("mqtt"), &found));
    assert_false(websocket_token(SPOKE_STR("mqttv3.1, xmqtt"), SPOKE_STR("mqtt"), &found));
    assert_false(websocket_token(SPOKE_STR(""), SPOKE_STR("mqtt"), &found));
    assert_false(websocket_token(SPOKE_STR(",,"), SPOKE_STR("mqtt"), &found));
}

/* --- frames --- */

static void masked_hello_of_the_rfc_is_read(void **state)
{
    (void)state;
    /* section 5.7, its text frame turned into a binary one */
    const struct bytes input = {{0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, 11};
    static struct heard h;
    hear(&h, &input, input.len);
    assert_int_equal(h.data_len, 5);
    assert_memory_equal(h.data, "Hello", 5);
    assert_int_equal(h.end, WEBSOCKET_EVENT_NONE);
}

static void every_length_form_is_read_in_any_pieces(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
    static const size_t steps[] = {1, 2, 3, 7, 1000, 70100};
    static struct heard h;
    static struct bytes input;
    static uint8_t payload[70000];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        input.len = 0;
        add_frame(&input, 0x82, payload, lengths[i]);
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
            hear(&h, &input, steps[j]);
            assert_int_equal(h.data_len, lengths[i]);
            assert_memory_equal(h.data, payload, lengths[i]);
            assert_int_equal(h.end, WEBSOCKET_EVENT_NONE);
        }
    }
}

static void truncated_frame_gives_its_bytes_and_no_error(void **state)
{
    (void)state;
    static struct bytes input;
    static struct heard h;
    input.len = 0;
    add_frame(&input, 0x82, "0123456789", 10);
    const size_t whole = input.len;
    for (input.len = 0; input.len < whole; input.len++) {
        hear(&h, &input, 1);
        assert_int_equal(h.data_len, input.len > 6 ? input.len - 6 : 0);
        assert_int_equal(h.end, WEBSOCKET_EVENT_NONE);
    }
}

static void ping_between_fragments_is_told_at_once(void **state)
{
    (void)state;
    static struct bytes input;
    static struct heard h;
    input.len = 0;
    add_frame(&input, 0x02, "ab", 2);
    add_frame(&input, 0x89, "are you there", 13);
    add_frame(&input, 0x00, "", 0);
    add_frame(&input, 0x8A, "unasked pong", 12);
    add_frame(&input, 0x80, "cd", 2);
    add_frame(&input, 0x82, "ef", 2);
    for (size_t step = 1; step <= input.len; step++) {
        hear(&h, &input, step);
        assert_int_equal(h.data_len, 6);
        assert_memory_equal(h.data, "abcdef", 6);
        assert_int_equal(h.ping_count, 1);
        assert_string_equal(h.pings[0], "are you there");
        assert_int_equal(h.end, WEBSOCKET_EVENT_NONE);
    }
}

static void control_frame_may_hold_125_bytes_and_no_more(void **state)
{
    (void)state;
    static struct bytes input;
    static struct heard h;
    uint8_t payload[126];
    memset(payload, 'p', sizeof payload);
    input.len = 0;
    add_frame(&input, 0x89, payload, 125);
    hear(&h, &input, 1);
    assert_int_equal(h.ping_count, 1);
    assert_int_equal(strlen(h.pings[0]), 125);
    input.len = 0;
    add_frame(&input, 0x89, payload, 126);
    expect_error(&input, WEBSOCKET_CODE_PROTOCOL);
}

static void close_tells_code_and_reason_and_ends(void **state)
{
    (void)state;
    static struct bytes input;
    static struct heard h;
    input.len = 0;
    add_frame(&input, 0x88,
              "\x03\xe8"
              "bye",
              5);
    add_frame(&input, 0x82, "late", 4);
    hear(&h, &input, 1);
    assert_int_equal(h.end, WEBSOCKET_EVENT_CLOSE);
    assert_int_equal(h.code, 1000);
    assert_string_equal(h.reason, "bye");
    assert_int_equal(h.data_len, 0);
    input.len = 0;
    add_frame(&input, 0x88, "", 0);
    hear(&h, &input, 1);
    assert_int_equal(h.end, WEBSOCKET_EVENT_CLOSE);
    assert_int_equal(h.code, WEBSOCKET_CODE_NONE);
}

static void close_that_breaks_the_rules_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        size_t len;
        uint16_t code;
    } rows[] = {
        {"\x03", 1, WEBSOCKET_CODE_PROTOCOL},         {"\x03\xe7", 2, WEBSOCKET_CODE_PROTOCOL}, /* 999 */
        {"\x03\xec", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 1004 */
        {"\x03\xed", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 1005 */
        {"\x03\xee", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 1006 */
        {"\x03\xf7", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 1015 */
        {"\x0b\xb7", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 2999 */
        {"\x13\x88", 2, WEBSOCKET_CODE_PROTOCOL},                                               /* 5000 */
        {"\x03\xe8\xff", 3, WEBSOCKET_CODE_NOT_UTF8},
    };
    static struct bytes input;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        input.len = 0;
        add_frame(&input, 0x88, rows[i].payload, rows[i].len);
        expect_error(&input, rows[i].code);
    }
}

static void header_that_breaks_the_rules_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        uint16_t code;
    } rows[] = {
        {"\x82\x00", 2, WEBSOCKET_CODE_PROTOCOL}, /* not masked */
        {"\xC2\x80", 2, WEBSOCKET_CODE_PROTOCOL}, /* each reserved bit */
        {"\xA2\x80", 2, WEBSOCKET_CODE_PROTOCOL},
        {"\x92\x80", 2, WEBSOCKET_CODE_PROTOCOL},
        {"\x83\x80", 2, WEBSOCKET_CODE_PROTOCOL}, /* reserved opcodes */
        {"\x87\x80", 2, WEBSOCKET_CODE_PROTOCOL},
        {"\x8B\x80", 2, WEBSOCKET_CODE_PROTOCOL},
        {"\x8F\x80", 2, WEBSOCKET_CODE_PROTOCOL},
        {"\x81\x80", 2, WEBSOCKET_CODE_DATA_TYPE},                          /* text */
        {"\x80\x80", 2, WEBSOCKET_CODE_PROTOCOL},                           /* nothing to continue */
        {"\x09\x80", 2, WEBSOCKET_CODE_PROTOCOL},                           /* a ping in fragments */
        {"\x02\x80mask\x82\x80", 8, WEBSOCKET_CODE_PROTOCOL},               /* a message in a message */
        {"\x82\xFE\x00\x7Dmask", 8, WEBSOCKET_CODE_PROTOCOL},               /* 125 in 16 bits */
        {"\x82\xFF\0\0\0\0\0\0\xFF\xFFmask", 14, WEBSOCKET_CODE_PROTOCOL},  /* 65535 in 64 bits */
        {"\x82\xFF\x80\0\0\0\0\0\0\0mask", 14, WEBSOCKET_CODE_PROTOCOL},    /* the top bit */
        {"\x82\xFF\0\0\0\0\0\x10\0\x01mask", 14, WEBSOCKET_CODE_TOO_LARGE}, /* 1 MiB and a byte */
        {"\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFmask", 14, WEBSOCKET_CODE_TOO_LARGE},
    };
    static struct bytes input;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(input.at, rows[i].bytes, rows[i].len);
        input.len = rows[i].len;
        expect_error(&input, rows[i].code);
    }
}

static void frame_of_the_largest_size_is_taken(void **state)
{
    (void)state;
    const struct bytes input = {"\x82\xFF\0\0\0\0\0\x10\0\0maskdata", 18};
    static struct heard h;
    hear(&h, &input, 18);
    assert_int_equal(h.data_len, 4);
    assert_int_equal(h.end, WEBSOCKET_EVENT_NONE);
}

/* --- output --- */

static void header_has_the_shortest_length_form(void **state)
{
    (void)state;
    uint8_t out[WEBSOCKET_MAX_HEADER_BYTES + 1];
    out[WEBSOCKET_MAX_HEADER_BYTES] = 0xA5;
    assert_int_equal(websocket_header(out, WEBSOCKET_BINARY, 0), 2);
    assert_memory_equal(out, "\x82\x00", 2);
    assert_int_equal(websocket_header(out, WEBSOCKET_PONG, 125), 2);
    assert_memory_equal(out, "\x8A\x7D", 2);
    assert_int_equal(websocket_header(out, WEBSOCKET_BINARY, 126), 4);
    assert_memory_equal(out, "\x82\x7E\x00\x7E", 4);
    assert_int_equal(websocket_header(out, WEBSOCKET_BINARY, 65535), 4);
    assert_memory_equal(out, "\x82\x7E\xFF\xFF", 4);
    assert_int_equal(websocket_header(out, WEBSOCKET_BINARY, 65536), 10);
    assert_memory_equal(out, "\x82\x7F\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(out[WEBSOCKET_MAX_HEADER_BYTES], 0xA5);
}

static void close_payload_is_the_code_or_nothing(void **state)
{
    (void)state;
    uint8_t out[3] = {0, 0, 0xA5};
    assert_int_equal(websocket_close_payload(out, WEBSOCKET_CODE_PROTOCOL), 2);
    assert_memory_equal(out, "\x03\xEA\xA5", 3);
    assert_int_equal(websocket_close_payload(out, WEBSOCKET_CODE_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_value_is_that_of_the_rfc),
        cmocka_unit_test(accept_refuses_what_is_not_sixteen_bytes),
        cmocka_unit_test(token_is_found_without_regard_to_case),
        cmocka_unit_test(masked_hello_of_the_rfc_is_read),
        cmocka_unit_test(every_length_form_is_read_in_any_pieces),
        cmocka_unit_test(truncated_frame_gives_its_bytes_and_no_error),
        cmocka_unit_test(ping_between_fragments_is_told_at_once),
        cmocka_unit_test(control_frame_may_hold_125_bytes_and_no_more),
        cmocka_unit_test(close_tells_code_and_reason_and_ends),
        cmocka_unit_test(close_that_breaks_the_rules_is_an_error),
        cmocka_unit_test(header_that_breaks_the_rules_is_an_error),
        cmocka_unit_test(frame_of_the_largest_size_is_taken),
        cmocka_unit_test(header_has_the_shortest_length_form),
        cmocka_unit_test(close_payload_is_the_code_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
