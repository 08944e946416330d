/* The client session against a hand-written server: bytes in, bytes out, a clock that the test turns. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/mqtt.h>

#define WIRE(literal) spoke_str_from((literal), sizeof(literal) - 1)

static const char CONNACK[] = "\x20\x02\x00\x00";
static const char CONNACK_PRESENT[] = "\x20\x02\x01\x00";

typedef struct session {
    void *memory;
    size_t size;
    spoke_mqtt *s;
    uint64_t now;
    spoke_mqtt_event event; /* the last one */
} session;

static const spoke_mqtt_connect_options OPTIONS = {
    .client_id = {"dev", 3}, .username = {"user", 4}, .password = {"secret", 6}, .keep_alive_s = 60};

/* The memory ends where the session's does and is not clean, as on a device. */
static session session_new(const spoke_mqtt_limits *limits)
{
    session t = {.size = spoke_mqtt_size(limits), .now = 1000};
    t.memory = malloc(t.size);
    memset(t.memory, 0xa5, t.size);
    assert_ok(spoke_mqtt_init(t.memory, t.size, limits, &t.s));
    return t;
}

static void session_free(session *t)
{
    free(t->memory);
}

static void send_all(session *t)
{
    spoke_mqtt_sent(t->s, t->now, spoke_mqtt_output(t->s).len);
    assert_int_equal(spoke_mqtt_output(t->s).len, 0);
}

static void feed(session *t, spoke_str bytes)
{
    size_t used = 0;
    spoke_mqtt_receive(t->s, t->now, bytes, &used);
    assert_int_equal(used, bytes.len);
}

static spoke_status next(session *t)
{
    return spoke_mqtt_next(t->s, t->now, &t->event);
}

static void expect_event(session *t, spoke_mqtt_event_kind kind)
{
    assert_ok(next(t));
    assert_int_equal(t->event.kind, kind);
}

static void expect_nothing(session *t)
{
    assert_int_equal(next(t), SPOKE_E_AGAIN);
}

static void expect_lost(session *t, spoke_status why)
{
    expect_event(t, SPOKE_MQTT_EVENT_LOST);
    assert_int_equal(t->event.status, why);
    expect_nothing(t); /* once */
    assert_true(spoke_mqtt_deadline(t->s) == UINT64_MAX);
    assert_int_equal(spoke_mqtt_output(t->s).len, 0);
    assert_int_equal(spoke_mqtt_room(t->s).cap, 0);
}

static void expect_output(session *t, spoke_str bytes)
{
    const spoke_str output = spoke_mqtt_output(t->s);
    assert_int_equal(output.len, bytes.len);
    assert_memory_equal(output.ptr, bytes.ptr, bytes.len);
}

static void expect_sent(session *t, spoke_str bytes)
{
    expect_output(t, bytes);
    send_all(t);
}

static void connect_with(session *t, const spoke_mqtt_connect_options *options, const char *connack)
{
    assert_ok(spoke_mqtt_connect(t->s, t->now, options));
    send_all(t);
    feed(t, spoke_str_from(connack, 4));
    expect_event(t, SPOKE_MQTT_EVENT_CONNACK);
}

static session session_connected(const spoke_mqtt_limits *limits)
{
    session t = session_new(limits);
    connect_with(&t, &OPTIONS, CONNACK);
    return t;
}

static spoke_status publish_as(session *t, const char *payload, uint8_t qos, uint32_t token, uint16_t again,
                               uint16_t *id)
{
    const spoke_str part = spoke_str_from(payload, strlen(payload));
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &part, .part_count = 1, .qos = qos, .token = token, .packet_id = again};
    return spoke_mqtt_publish(t->s, t->now, &message, id);
}

static uint16_t publish(session *t, const char *payload, uint32_t token)
{
    uint16_t id = 0;
    assert_ok(publish_as(t, payload, 1, token, 0, &id));
    assert_true(id != 0);
    return id;
}

static void feed_ack(session *t, uint8_t first, uint16_t id)
{
    const char bytes[4] = {(char)first, 2, (char)(id >> 8), (char)id};
    feed(t, spoke_str_from(bytes, 4));
}

static void expect_puback(session *t, uint16_t id, uint32_t token)
{
    expect_event(t, SPOKE_MQTT_EVENT_PUBACK);
    assert_int_equal(t->event.packet_id, id);
    assert_int_equal(t->event.token, token);
}

static void feed_message(session *t, uint16_t id)
{
    const char bytes[] = {'\x32', 6, 0, 1, 't', (char)(id >> 8), (char)id, 'x'};
    feed(t, spoke_str_from(bytes, sizeof bytes));
}

/* --- memory --- */

static void limits_out_of_range_have_no_size(void **state)
{
    const spoke_mqtt_limits small_in = {.receive_bytes = 63}, small_out = {.send_bytes = 63};
    const spoke_mqtt_limits large_in = {.receive_bytes = UINT32_MAX}, large_out = {.send_bytes = UINT32_MAX};
    const spoke_mqtt_limits least = {64, 64, 1, 1};
    uint64_t memory[4096];
    spoke_mqtt *s;
    (void)state;
    assert_int_equal(spoke_mqtt_size(&small_in), 0);
    assert_int_equal(spoke_mqtt_size(&small_out), 0);
    assert_int_equal(spoke_mqtt_size(&large_in), 0);
    assert_int_equal(spoke_mqtt_size(&large_out), 0);
    assert_true(spoke_mqtt_size(NULL) > SPOKE_DEFAULT_RECEIVE_BYTES + SPOKE_DEFAULT_SEND_BYTES);
    assert_true(spoke_mqtt_size(&least) < 1024);
    assert_int_equal(spoke_mqtt_init(memory, sizeof memory, &small_in, &s), SPOKE_E_ARG);
}

static void init_takes_memory_of_the_exact_size_and_none_smaller(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 3, 2};
    const size_t size = spoke_mqtt_size(&limits);
    char *memory = malloc(size + 64);
    spoke_mqtt *s;
    (void)state;
    memset(memory, 0xa5, size + 64);
    assert_int_equal(spoke_mqtt_init(memory, size - 1, &limits, &s), SPOKE_E_NO_MEMORY);
    assert_int_equal(spoke_mqtt_init(NULL, size, &limits, &s), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_init(memory, size, &limits, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_init(memory + 1, size + 63, &limits, &s), SPOKE_E_ARG);
    assert_ok(spoke_mqtt_init(memory, size, &limits, &s));
    for (size_t i = 0; i < 64; i++)
        assert_int_equal((uint8_t)memory[size + i], 0xa5);
    free(memory);
}

/* --- connecting --- */

static void connect_writes_what_the_options_say(void **state)
{
    const spoke_mqtt_will will = {SPOKE_STR("w"), SPOKE_STR("bye"), 1, true};
    spoke_mqtt_connect_options options = OPTIONS;
    session t = session_new(NULL);
    (void)state;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options));
    expect_output(&t, WIRE("\x10\x1d\x00\x04MQTT\x04\xc0\x00\x3c\x00\x03"
                           "dev\x00\x04user\x00\x06secret"));
    options.clean_session = true;
    options.will = &will;
    options.password = SPOKE_STR("");
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options)); /* a new stream replaces the one that never was */
    expect_output(&t, WIRE("\x10\x1d\x00\x04MQTT\x04\xae\x00\x3c\x00\x03"
                           "dev\x00\x01w\x00\x03"
                           "bye\x00\x04user"));
    session_free(&t);
}

static void connect_refuses_what_cannot_be_sent(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    static const char name[60];
    const spoke_mqtt_will will = {SPOKE_STR("w"), SPOKE_STR("bye"), 2, false};
    spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("d")};
    session t = session_new(&limits);
    (void)state;
    options.password = spoke_str_from(name, sizeof name);
    assert_int_equal(spoke_mqtt_connect(t.s, t.now, &options), SPOKE_E_ARG); /* a password needs a user name */
    options.username = SPOKE_STR("u");
    assert_int_equal(spoke_mqtt_connect(t.s, t.now, &options), SPOKE_E_TOO_SMALL);
    assert_int_equal(spoke_mqtt_output(t.s).len, 0);
    assert_true(spoke_mqtt_deadline(t.s) == UINT64_MAX);
    options = OPTIONS;
    options.will = &will;
    assert_int_equal(spoke_mqtt_connect(t.s, t.now, &options), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_connect(t.s, t.now, NULL), SPOKE_E_ARG);
    session_free(&t);
}

static void connect_fits_a_send_buffer_of_exactly_its_size(void **state)
{
    spoke_mqtt_limits limits = {64, 64, 1, 1};
    static const char password[43] = "0123456789012345678901234567890123456789012";
    /* 2 fixed header + 10 variable + 2+3 client id + 2+1 user name + 2+42 password = 64 */
    spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("dev"), .username = SPOKE_STR("u")};
    session t = session_new(&limits);
    (void)state;
    options.password = spoke_str_from(password, 42);
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options));
    assert_int_equal(spoke_mqtt_output(t.s).len, 64);
    options.password = spoke_str_from(password, 43);
    assert_int_equal(spoke_mqtt_connect(t.s, t.now, &options), SPOKE_E_TOO_SMALL);
    session_free(&t);
}

static bool memory_holds(const session *t, const char *text)
{
    return memmem(t->memory, t->size, text, strlen(text)) != NULL;
}

static void credentials_are_gone_once_they_are_sent(void **state)
{
    session t = session_new(NULL);
    (void)state;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    assert_true(memory_holds(&t, "secret"));
    spoke_mqtt_sent(t.s, t.now, 27); /* up to "secr" */
    assert_false(memory_holds(&t, "user"));
    assert_false(memory_holds(&t, "secr"));
    assert_str(spoke_mqtt_output(t.s), "cret");
    send_all(&t);
    assert_false(memory_holds(&t, "cret"));
    session_free(&t);
}

static void credentials_are_gone_when_the_stream_breaks_first(void **state)
{
    session t = session_new(NULL);
    (void)state;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    assert_false(memory_holds(&t, "secret"));
    expect_lost(&t, SPOKE_E_NET);
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    spoke_mqtt_reset(t.s);
    assert_false(memory_holds(&t, "secret"));
    session_free(&t);
}

/* The buffer is full with the CONNECT, of which half is sent, when the DISCONNECT makes the rest move. */
static void credentials_are_gone_when_the_output_moves(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("dev"), .username = SPOKE_STR("u")};
    session t = session_new(&limits);
    (void)state;
    options.password = SPOKE_STR("1234567890abcdefghijABCDEFGHIJ<password>**");
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options));
    spoke_mqtt_sent(t.s, t.now, 54);
    assert_ok(spoke_mqtt_disconnect(t.s, t.now));
    send_all(&t);
    assert_false(memory_holds(&t, "word"));
    session_free(&t);
}

static void nothing_can_be_queued_before_connack(void **state)
{
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 0};
    session t = session_new(NULL);
    (void)state;
    assert_int_equal(publish_as(&t, "x", 0, 0, 0, NULL), SPOKE_E_STATE);
    assert_int_equal(spoke_mqtt_disconnect(t.s, t.now), SPOKE_E_STATE);
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    assert_int_equal(publish_as(&t, "x", 0, 0, 0, NULL), SPOKE_E_STATE);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, NULL), SPOKE_E_STATE);
    assert_int_equal(spoke_mqtt_unsubscribe(t.s, t.now, &filter.filter, 1, NULL), SPOKE_E_STATE);
    session_free(&t);
}

static void a_refusal_is_told_with_its_code_and_ends_the_session(void **state)
{
    (void)state;
    for (uint8_t code = 1; code < 8; code++) {
        const char refusal[] = {'\x20', 2, 0, (char)code, '\x30'}; /* what follows it does not count */
        session t = session_new(NULL);
        assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
        send_all(&t);
        feed(&t, spoke_str_from(refusal, sizeof refusal));
        expect_event(&t, SPOKE_MQTT_EVENT_CONNACK);
        assert_int_equal(t.event.code, code);
        expect_lost(&t, SPOKE_E_REFUSED);
        session_free(&t);
    }
}

/* Servers close right behind a refusal, and the caller may see both before it asks for events. */
static void a_refusal_outranks_the_end_of_the_stream(void **state)
{
    session t = session_new(NULL);
    (void)state;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    send_all(&t);
    feed(&t, WIRE("\x20\x02\x00\x05"));
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_event(&t, SPOKE_MQTT_EVENT_CONNACK);
    expect_event(&t, SPOKE_MQTT_EVENT_LOST);
    assert_int_equal(t.event.status, SPOKE_E_REFUSED);
    assert_int_equal(t.event.code, 5);
    session_free(&t);
}

static void a_server_that_never_answers_connect_is_lost_at_the_limit(void **state)
{
    spoke_mqtt_connect_options options = OPTIONS;
    session t = session_new(NULL);
    (void)state;
    options.connack_limit_ms = 500;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options));
    send_all(&t);
    assert_int_equal(spoke_mqtt_deadline(t.s), 1500);
    t.now = 1400;
    feed(&t, WIRE("\x20")); /* a byte is not an answer */
    t.now = 1499;
    spoke_mqtt_tick(t.s, t.now);
    expect_nothing(&t);
    t.now = 1500;
    spoke_mqtt_tick(t.s, t.now);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    assert_int_equal(spoke_mqtt_deadline(t.s), 1500 + SPOKE_DEFAULT_CONNECT_LIMIT_MS);
    session_free(&t);
}

/* --- what a server may not do --- */

static void packets_that_no_server_may_send_end_the_session(void **state)
{
    static const struct {
        const char *why;
        spoke_str bytes;
    } bad[] = {
        {"second CONNACK", {CONNACK, 4}},
        {"CONNECT", {"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", 14}},
        {"PUBREC", {"\x50\x02\x00\x01", 4}},
        {"PUBREL", {"\x62\x02\x00\x01", 4}},
        {"PUBCOMP", {"\x70\x02\x00\x01", 4}},
        {"SUBSCRIBE", {"\x82\x06\x00\x01\x00\x01t\x00", 8}},
        {"UNSUBSCRIBE", {"\xa2\x05\x00\x01\x00\x01t", 7}},
        {"PINGREQ", {"\xc0\x00", 2}},
        {"DISCONNECT", {"\xe0\x00", 2}},
        {"type 0", {"\x00\x00", 2}},
        {"type 15", {"\xf0\x00", 2}},
        {"PUBLISH with QoS 2", {"\x34\x05\x00\x01t\x00\x01", 7}},
        {"PUBLISH with QoS 3", {"\x36\x05\x00\x01t\x00\x01", 7}},
        {"PUBLISH without topic", {"\x30\x02\x00\x00", 4}},
        {"PUBLISH to a wildcard", {"\x30\x03\x00\x01#", 5}},
        {"PUBLISH not UTF-8", {"\x30\x03\x00\x01\xff", 5}},
        {"PUBLISH with packet id 0", {"\x32\x05\x00\x01t\x00\x00", 7}},
        {"PUBACK with packet id 0", {"\x40\x02\x00\x00", 4}},
        {"PUBACK too long", {"\x40\x03\x00\x01\x00", 5}},
        {"SUBACK for nothing", {"\x90\x03\x00\x01\x00", 5}},
        {"UNSUBACK for nothing", {"\xb0\x02\x00\x01", 4}},
        {"PINGRESP with a body", {"\xd0\x01\x00", 3}},
        {"a fifth length byte", {"\x30\xff\xff\xff\xff", 5}},
        {"an oversized SUBACK", {"\x90\xff\xff\x7f", 4}},
        {"an oversized PUBLISH without topic", {"\x30\xff\xff\x7f\x00\x00", 6}},
        {"an oversized PUBLISH with QoS 2", {"\x34\xff\xff\x7f\x00\x01t", 7}},
        {"an oversized PUBLISH to a wildcard", {"\x30\xff\xff\x7f\x00\x01+", 7}},
        {"an oversized PUBLISH with packet id 0", {"\x32\xff\xff\x7f\x00\x01t\x00\x00", 9}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        session t = session_connected(NULL);
        print_message("%s\n", bad[i].why);
        feed(&t, bad[i].bytes);
        expect_lost(&t, SPOKE_E_PROTOCOL);
        session_free(&t);
    }
}

static void an_oversized_topic_that_ends_behind_its_packet_ends_the_session(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    feed(&t, WIRE("\x30\x50\x00\x60"));
    expect_lost(&t, SPOKE_E_PROTOCOL);
    session_free(&t);
}

static void nothing_may_come_before_connack(void **state)
{
    static const spoke_str early[] = {{"\x30\x03\x00\x01t", 5},    {"\x40\x02\x00\x01", 4},
                                      {"\x90\x03\x00\x01\x00", 5}, {"\xd0\x00", 2},
                                      {"\x30\xff\xff\x7f\x00", 5}, {"\xb0\x02\x00\x01", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        session t = session_new(NULL);
        assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
        send_all(&t);
        feed(&t, early[i]);
        expect_lost(&t, SPOKE_E_PROTOCOL);
        session_free(&t);
    }
}

static void a_puback_for_nothing_in_flight_is_passed_over(void **state)
{
    session t = session_connected(NULL);
    const uint16_t id = publish(&t, "x", 7);
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    uint16_t request = 0;
    (void)state;
    assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, &request));
    feed_ack(&t, 0x40, (uint16_t)(id + 999));
    expect_nothing(&t);
    feed_ack(&t, 0x40, request); /* not a message's id */
    expect_nothing(&t);
    feed_ack(&t, 0x40, id);
    expect_puback(&t, id, 7);
    feed_ack(&t, 0x40, id); /* twice */
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 0);
    session_free(&t);
}

/* --- publishing --- */

static void a_message_is_written_in_its_parts_and_acknowledged_by_token(void **state)
{
    const spoke_str parts[] = {SPOKE_STR("{\"a\":"), SPOKE_STR(""), SPOKE_STR("1}")};
    spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("a/b"), .parts = parts, .part_count = 3, .qos = 1, .retain = true, .token = 0xfeedf00d};
    uint16_t id = 0;
    session t = session_connected(NULL);
    (void)state;
    assert_ok(spoke_mqtt_publish(t.s, t.now, &message, &id));
    assert_int_equal(id, 1);
    expect_sent(&t, WIRE("\x33\x0e\x00\x03"
                         "a/b\x00\x01{\"a\":1}"));
    assert_int_equal(spoke_mqtt_in_flight(t.s), 1);
    feed_ack(&t, 0x40, id);
    expect_puback(&t, id, 0xfeedf00d);
    message.qos = 0;
    message.retain = false;
    message.part_count = 0;
    message.parts = NULL;
    assert_ok(spoke_mqtt_publish(t.s, t.now, &message, &id));
    assert_int_equal(id, 0);
    expect_sent(&t, WIRE("\x30\x05\x00\x03"
                         "a/b"));
    session_free(&t);
}

static void messages_that_break_the_standard_are_refused(void **state)
{
    const spoke_str part = SPOKE_STR("x");
    const spoke_mqtt_publish_options good = {.topic = SPOKE_STR("t"), .parts = &part, .part_count = 1};
    spoke_mqtt_publish_options bad = good;
    session t = session_connected(NULL);
    (void)state;
    bad.qos = 2;
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &bad, NULL), SPOKE_E_ARG);
    bad = good, bad.topic = SPOKE_STR("a/+");
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &bad, NULL), SPOKE_E_ARG);
    bad = good, bad.topic = SPOKE_STR("");
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &bad, NULL), SPOKE_E_ARG);
    bad = good, bad.parts = NULL;
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &bad, NULL), SPOKE_E_ARG);
    bad = good, bad.packet_id = 1; /* QoS 0 is never sent again */
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &bad, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, NULL, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_output(t.s).len, 0);
    session_free(&t);
}

static void a_message_of_exactly_the_send_buffer_fits_and_one_byte_more_never(void **state)
{
    const spoke_mqtt_limits limits = {64, 200, 2, 1};
    static const char text[256];
    spoke_str parts[2] = {{text, 100}, {text, 95}}; /* 2 + 3 + 195 = 200 */
    spoke_mqtt_publish_options message = {.topic = SPOKE_STR("t"), .parts = parts, .part_count = 2};
    session t = session_connected(&limits);
    (void)state;
    parts[1].len = 94; /* from 128 on the length takes a byte more */
    assert_ok(spoke_mqtt_publish(t.s, t.now, &message, NULL));
    assert_int_equal(spoke_mqtt_output(t.s).len, 200);
    assert_int_equal(publish_as(&t, "", 0, 0, 0, NULL), SPOKE_E_FULL);
    send_all(&t);
    parts[1].len = 95;
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &message, NULL), SPOKE_E_TOO_LARGE);
    parts[1].len = SIZE_MAX;
    assert_int_equal(spoke_mqtt_publish(t.s, t.now, &message, NULL), SPOKE_E_TOO_LARGE);
    session_free(&t);
}

static void a_full_send_buffer_takes_no_id(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 2, 1};
    uint16_t id = 0;
    session t = session_connected(&limits);
    (void)state;
    assert_ok(publish_as(&t, "0123456789012345678901234567890123456789012345678901234", 1, 0, 0, &id)); /* 62 */
    assert_int_equal(publish_as(&t, "", 1, 0, 0, &id), SPOKE_E_FULL);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 1);
    spoke_mqtt_sent(t.s, t.now, 5); /* 2 + 5 are free: exactly what is needed, once what waits has moved */
    assert_ok(publish_as(&t, "", 1, 0, 0, &id));
    assert_int_equal(spoke_mqtt_output(t.s).len, 64);
    assert_memory_equal(spoke_mqtt_output(t.s).ptr + 57, "\x32\x05\x00\x01t\x00\x02", 7);
    session_free(&t);
}

static void a_full_window_waits_for_an_acknowledgement(void **state)
{
    const spoke_mqtt_limits limits = {64, 256, 3, 1};
    uint16_t ids[3], id;
    session t = session_connected(&limits);
    (void)state;
    for (uint16_t i = 0; i < 3; i++)
        ids[i] = publish(&t, "x", i);
    assert_int_equal(publish_as(&t, "x", 1, 9, 0, &id), SPOKE_E_FULL);
    assert_ok(publish_as(&t, "x", 0, 9, 0, &id)); /* QoS 0 needs no id */
    feed_ack(&t, 0x40, ids[1]);
    expect_puback(&t, ids[1], 1);
    publish(&t, "x", 3);
    assert_int_equal(publish_as(&t, "x", 1, 9, 0, &id), SPOKE_E_FULL);
    session_free(&t);
}

static void a_full_window_does_not_keep_a_subscription_out(void **state)
{
    const spoke_mqtt_limits limits = {64, 256, 1, 1};
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    uint16_t id = 0;
    session t = session_connected(&limits);
    const uint16_t message = publish(&t, "x", 1);
    (void)state;
    assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, &id));
    assert_int_not_equal(id, message);
    session_free(&t);
}

/* The widest window: all 65,535 ids at work at once, each one different, each acknowledged by its token. */
static void every_id_can_be_in_flight_at_once(void **state)
{
    const spoke_mqtt_limits limits = {64, 256, 65535, 1};
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    uint8_t *used = calloc(65536, 1);
    uint16_t id;
    session t = session_connected(&limits);
    (void)state;
    for (uint32_t i = 0; i < 65535; i++) {
        id = publish(&t, "", i);
        assert_int_equal(used[id]++, 0);
        assert_int_equal(id, i + 1);
        send_all(&t);
    }
    assert_int_equal(publish_as(&t, "", 1, 0, 0, &id), SPOKE_E_FULL);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, &id), SPOKE_E_FULL);
    for (uint32_t i = 65535; i-- > 0;) {
        feed_ack(&t, 0x40, (uint16_t)(i + 1));
        expect_puback(&t, (uint16_t)(i + 1), i);
    }
    assert_int_equal(spoke_mqtt_in_flight(t.s), 0);
    free(used);
    session_free(&t);
}

/* With one message in flight at a time, an acknowledgement that comes late must not meet a newer message. */
static void an_id_comes_back_only_after_thousands_of_others(void **state)
{
    const spoke_mqtt_limits limits = {64, 256, 1, 1};
    uint8_t *used = calloc(65536, 1);
    session t = session_connected(&limits);
    (void)state;
    for (uint32_t i = 0; i < 60000; i++) {
        const uint16_t id = publish(&t, "", i);
        assert_int_equal(used[id]++, 0);
        send_all(&t);
        feed_ack(&t, 0x40, id);
        expect_puback(&t, id, i);
    }
    free(used);
    session_free(&t);
}

/* --- subscribing --- */

static void requests_are_written_and_answered(void **state)
{
    const spoke_mqtt_filter filters[] = {{SPOKE_STR("a/#"), 1}, {SPOKE_STR("+"), 0}};
    const spoke_str names[] = {SPOKE_STR("a/#")};
    uint16_t id = 0;
    session t = session_connected(NULL);
    (void)state;
    assert_ok(spoke_mqtt_subscribe(t.s, t.now, filters, 2, &id));
    assert_int_equal(id, 1);
    expect_sent(&t, WIRE("\x82\x0c\x00\x01\x00\x03"
                         "a/#\x01\x00\x01+\x00"));
    feed(&t, WIRE("\x90\x04\x00\x01\x01\x80"));
    expect_event(&t, SPOKE_MQTT_EVENT_SUBACK);
    assert_int_equal(t.event.packet_id, 1);
    assert_int_equal(t.event.codes.len, 2);
    assert_memory_equal(t.event.codes.ptr, "\x01\x80", 2);
    assert_ok(spoke_mqtt_unsubscribe(t.s, t.now, names, 1, &id));
    assert_int_equal(id, 2);
    expect_sent(&t, WIRE("\xa2\x07\x00\x02\x00\x03"
                         "a/#"));
    feed(&t, WIRE("\xb0\x02\x00\x02"));
    expect_event(&t, SPOKE_MQTT_EVENT_UNSUBACK);
    assert_int_equal(t.event.packet_id, 2);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 0);
    session_free(&t);
}

static void requests_that_cannot_be_sent_are_refused(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    static const spoke_mqtt_filter many[33];
    static const char name[60] = "012345678901234567890123456789012345678901234567890123456789";
    const spoke_mqtt_filter qos2 = {SPOKE_STR("a"), 2}, wild = {SPOKE_STR("a#"), 0};
    const spoke_mqtt_filter longest = {{name, 57}, 0}, too_long = {{name, 58}, 0};
    session t = session_connected(&limits);
    (void)state;
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &qos2, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &wild, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &wild, 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, NULL, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_unsubscribe(t.s, t.now, NULL, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, many, 33, NULL), SPOKE_E_TOO_LARGE);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &too_long, 1, NULL), SPOKE_E_TOO_LARGE);
    assert_ok(spoke_mqtt_subscribe(t.s, t.now, &longest, 1, NULL));
    assert_int_equal(spoke_mqtt_output(t.s).len, 64);
    assert_int_equal(spoke_mqtt_unsubscribe(t.s, t.now, &wild.filter, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_unsubscribe(t.s, t.now, &qos2.filter, 1, NULL), SPOKE_E_FULL);
    session_free(&t);
}

static void eight_requests_may_wait_and_end_with_their_connection(void **state)
{
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    session t = session_connected(NULL);
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++)
            assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, NULL));
        assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, NULL), SPOKE_E_FULL);
        spoke_mqtt_lost(t.s, SPOKE_E_NET);
        expect_lost(&t, SPOKE_E_NET);
        connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    }
    session_free(&t);
}

static void an_answer_of_the_wrong_form_ends_the_session(void **state)
{
    static const spoke_str wrong[] = {
        {"\x90\x04\x00\x01\x01\x01", 6}, {"\x90\x03\x00\x02\x01", 5}, {"\xb0\x02\x00\x01", 4}};
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        session t = session_connected(NULL);
        assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, NULL));
        feed(&t, wrong[i]);
        expect_lost(&t, SPOKE_E_PROTOCOL);
        session_free(&t);
    }
}

/* --- sending again --- */

static void unacknowledged_messages_go_again_under_their_ids_in_order(void **state)
{
    uint16_t ids[3];
    session t = session_connected(NULL);
    (void)state;
    for (uint16_t i = 0; i < 3; i++)
        ids[i] = publish(&t, "x", i);
    send_all(&t);
    feed_ack(&t, 0x40, ids[1]);
    expect_puback(&t, ids[1], 1);
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_lost(&t, SPOKE_E_NET);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_true(t.event.session_present);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 2);
    assert_int_equal(publish(&t, "new", 9), 4); /* a new one takes none of their ids */
    uint16_t id = 0;
    assert_ok(publish_as(&t, "x", 1, 100, ids[0], &id));
    assert_int_equal(id, ids[0]);
    assert_ok(publish_as(&t, "x", 1, 102, ids[2], NULL));
    assert_int_equal(publish_as(&t, "x", 1, 101, ids[1], NULL), SPOKE_E_NOT_FOUND);
    assert_int_equal(publish_as(&t, "x", 1, 101, 4000, NULL), SPOKE_E_NOT_FOUND);
    expect_sent(&t, WIRE("\x32\x08\x00\x01t\x00\x04new"
                         "\x3a\x06\x00\x01t\x00\x01x"
                         "\x3a\x06\x00\x01t\x00\x03x"));
    feed_ack(&t, 0x40, ids[0]);
    expect_puback(&t, ids[0], 100);
    feed_ack(&t, 0x40, ids[2]);
    expect_puback(&t, ids[2], 102);
    session_free(&t);
}

static void a_server_without_the_session_frees_every_id(void **state)
{
    session t = session_connected(NULL);
    const uint16_t id = publish(&t, "x", 1);
    (void)state;
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_lost(&t, SPOKE_E_NET);
    connect_with(&t, &OPTIONS, CONNACK);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 0);
    assert_int_equal(publish_as(&t, "x", 1, 1, id, NULL), SPOKE_E_NOT_FOUND);
    feed_ack(&t, 0x40, id);
    expect_nothing(&t);
    session_free(&t);
}

static void reset_frees_every_id(void **state)
{
    session t = session_connected(NULL);
    const uint16_t id = publish(&t, "x", 1);
    (void)state;
    spoke_mqtt_reset(t.s);
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 0);
    assert_int_equal(spoke_mqtt_output(t.s).len, 0);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_int_equal(publish_as(&t, "x", 1, 1, id, NULL), SPOKE_E_NOT_FOUND);
    session_free(&t);
}

/* --- receiving --- */

static void a_message_is_told_with_all_that_it_says(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    feed(&t, WIRE("\x3b\x0a\x00\x03"
                  "a/b\x12\x34"
                  "xyz\x30\x03\x00\x01t"));
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_str(t.event.topic, "a/b");
    assert_str(t.event.payload, "xyz");
    assert_int_equal(t.event.packet_id, 0x1234);
    assert_int_equal(t.event.qos, 1);
    assert_true(t.event.dup);
    assert_true(t.event.retain);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_str(t.event.payload, "");
    assert_int_equal(t.event.qos, 0);
    assert_int_equal(t.event.packet_id, 0);
    assert_false(t.event.dup);
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 0), SPOKE_E_NOT_FOUND);
    assert_ok(spoke_mqtt_ack(t.s, t.now, 0x1234));
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 0x1234), SPOKE_E_NOT_FOUND);
    expect_sent(&t, WIRE("\x40\x02\x12\x34"));
    session_free(&t);
}

static void pubacks_leave_in_order_of_receipt(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 3};
    session t = session_connected(&limits);
    (void)state;
    for (uint16_t round = 0; round < 3; round++) { /* the ring wraps */
        for (uint16_t id = 5; id < 8; id++) {
            feed_message(&t, id);
            expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
        }
        assert_ok(spoke_mqtt_ack(t.s, t.now, 7));
        assert_ok(spoke_mqtt_ack(t.s, t.now, 6));
        assert_int_equal(spoke_mqtt_ack(t.s, t.now, 6), SPOKE_E_NOT_FOUND);
        assert_int_equal(spoke_mqtt_output(t.s).len, 0);
        assert_ok(spoke_mqtt_ack(t.s, t.now, 5));
        expect_sent(&t, WIRE("\x40\x02\x00\x05\x40\x02\x00\x06\x40\x02\x00\x07"));
        feed_message(&t, 9);
        expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
        assert_ok(spoke_mqtt_ack(t.s, t.now, 9));
        send_all(&t);
    }
    session_free(&t);
}

static void the_same_id_twice_is_acknowledged_twice(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    feed_message(&t, 5);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    feed_message(&t, 5);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_ok(spoke_mqtt_ack(t.s, t.now, 5));
    assert_ok(spoke_mqtt_ack(t.s, t.now, 5));
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 5), SPOKE_E_NOT_FOUND);
    expect_sent(&t, WIRE("\x40\x02\x00\x05\x40\x02\x00\x05"));
    session_free(&t);
}

static void receipts_owed_hold_further_messages_back_and_lose_none(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 2};
    session t = session_connected(&limits);
    (void)state;
    feed(&t, WIRE("\x32\x06\x00\x01t\x00\x01x\x32\x06\x00\x01t\x00\x02x\x32\x06\x00\x01t\x00\x03x\xd0"));
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 0);
    assert_ok(spoke_mqtt_ack(t.s, t.now, 2));
    expect_nothing(&t); /* 1 is in front of it */
    assert_ok(spoke_mqtt_ack(t.s, t.now, 1));
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_int_equal(t.event.packet_id, 3);
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 63);
    session_free(&t);
}

static void a_full_send_buffer_delays_pubacks_and_loses_none(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 2};
    session t = session_connected(&limits);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    feed_message(&t, 2);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_ok(publish_as(&t, "01234567890123456789012345678901234567890123456789012", 0, 0, 0, NULL)); /* 58 */
    assert_ok(spoke_mqtt_ack(t.s, t.now, 1));
    assert_ok(spoke_mqtt_ack(t.s, t.now, 2));
    assert_int_equal(spoke_mqtt_output(t.s).len, 62);
    assert_memory_equal(spoke_mqtt_output(t.s).ptr + 58, "\x40\x02\x00\x01", 4);
    spoke_mqtt_sent(t.s, t.now, 1);
    assert_int_equal(spoke_mqtt_output(t.s).len, 61);
    spoke_mqtt_sent(t.s, t.now, 1);
    assert_int_equal(spoke_mqtt_output(t.s).len, 64);
    assert_memory_equal(spoke_mqtt_output(t.s).ptr + 60, "\x40\x02\x00\x02", 4);
    session_free(&t);
}

static void receipts_end_with_their_connection(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 1), SPOKE_E_NOT_FOUND);
    expect_lost(&t, SPOKE_E_NET);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 1), SPOKE_E_NOT_FOUND);
    session_free(&t);
}

/* What came whole before the stream broke was received: the acknowledgement spares a second sending. */
static void events_received_before_the_break_come_before_lost(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    const uint16_t id = publish(&t, "x", 8);
    (void)state;
    send_all(&t);
    assert_int_equal(id, 1);
    feed(&t, WIRE("\x32\x05\x00\x01t\x00\x01\x32\x05\x00\x01t\x00\x02\x40\x02\x00\x01"
                  "\x30\x05")); /* the last one is half a packet */
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    spoke_mqtt_lost(t.s, SPOKE_E_TIMEOUT); /* the first reason stays */
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    expect_puback(&t, id, 8);
    expect_lost(&t, SPOKE_E_NET);
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_nothing(&t);
    session_free(&t);
}

static void room_ends_exactly_where_the_buffer_does(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    char wire[64] = "\x30\x3e\x00\x01t";
    session t = session_connected(&limits);
    (void)state;
    spoke_buf room = spoke_mqtt_room(t.s);
    assert_int_equal(room.cap, 64);
    assert_int_equal(room.len, 0);
    memcpy(room.ptr, wire, 64);
    spoke_mqtt_received(t.s, t.now, 64); /* a packet that fills it to the last byte is whole, not oversized */
    assert_int_equal(spoke_mqtt_room(t.s).cap, 0);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_int_equal(t.event.payload.len, 59);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 64);
    session_free(&t);
}

static void receive_takes_what_fits_and_says_how_much(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    static const char wire[70] = "\x30\x3f\x00\x01t";
    size_t used = 1;
    session t = session_connected(&limits);
    (void)state;
    spoke_mqtt_receive(t.s, t.now, spoke_str_from(wire, sizeof wire), &used);
    assert_int_equal(used, 64);
    spoke_mqtt_receive(t.s, t.now, spoke_str_from(wire, sizeof wire), &used);
    assert_int_equal(used, 0); /* an oversized packet waits to be seen */
    spoke_mqtt_receive(t.s, t.now, spoke_str_from(NULL, 0), NULL);
    spoke_mqtt_received(t.s, t.now, 1000); /* more than there is room for is cut to the room */
    expect_nothing(&t);
    session_free(&t);
}

static void calls_outside_a_connection_do_nothing(void **state)
{
    size_t used = 1;
    session t = session_new(NULL);
    (void)state;
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 0);
    spoke_mqtt_receive(t.s, t.now, WIRE("\x30"), &used);
    assert_int_equal(used, 0);
    spoke_mqtt_received(t.s, t.now, 4);
    spoke_mqtt_sent(t.s, t.now, 4);
    spoke_mqtt_tick(t.s, t.now);
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_nothing(&t);
    session_free(&t);
}

static void missing_arguments_are_harmless(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    assert_int_equal(spoke_mqtt_connect(NULL, 0, &OPTIONS), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_disconnect(NULL, 0), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_publish(NULL, 0, NULL, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_subscribe(NULL, 0, NULL, 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_unsubscribe(NULL, 0, NULL, 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_ack(NULL, 0, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_next(NULL, 0, &t.event), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_next(t.s, 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_output(NULL).len, 0);
    assert_int_equal(spoke_mqtt_room(NULL).cap, 0);
    assert_int_equal(spoke_mqtt_in_flight(NULL), 0);
    assert_true(spoke_mqtt_deadline(NULL) == UINT64_MAX);
    spoke_mqtt_sent(NULL, 0, 1);
    spoke_mqtt_received(NULL, 0, 1);
    spoke_mqtt_tick(NULL, 0);
    spoke_mqtt_lost(NULL, SPOKE_OK);
    spoke_mqtt_reset(NULL);
    session_free(&t);
}

/* --- packets larger than the buffer --- */

typedef struct oversize {
    size_t topic_bytes, payload_bytes;
    uint8_t qos;
} oversize;

/* The message, and a PINGRESP and a small message behind it. Heap; *len gets the length. */
static uint8_t *write_oversize(const oversize *o, size_t *len)
{
    const size_t total = spoke_mqtt_publish_bytes(o->topic_bytes, o->payload_bytes, o->qos);
    char *text = malloc(o->topic_bytes + o->payload_bytes);
    memset(text, 'q', o->topic_bytes + o->payload_bytes);
    const spoke_mqtt_packet packet = {
        .type = SPOKE_MQTT_PUBLISH,
        .packet_id = o->qos > 0 ? 0x0102 : 0,
        .as.publish = {{text, o->topic_bytes}, {text, o->payload_bytes}, o->qos, o->qos > 0, true}};
    spoke_buf out = spoke_buf_from(malloc(total + 7), total + 7);
    assert_ok(spoke_mqtt_encode(&packet, &out));
    assert_ok(spoke_buf_append(&out, WIRE("\xd0\x00\x30\x03\x00\x01z")));
    free(text);
    *len = out.len;
    return out.ptr;
}

/* Feeds in pieces of `step` bytes and hands each event to the check. */
static size_t feed_in_steps(session *t, const uint8_t *wire, size_t len, size_t step, spoke_mqtt_event *events,
                            char *topic, size_t most)
{
    size_t at = 0, count = 0, idle = 0;
    while (at < len || idle < 2) {
        size_t used = 0;
        const size_t piece = len - at < step ? len - at : step;
        spoke_mqtt_receive(t->s, t->now, spoke_str_from((const char *)wire + at, piece), &used);
        at += used;
        idle = at == len ? idle + 1 : 0;
        while (next(t) == SPOKE_OK) {
            assert_true(count < most);
            if (t->event.kind == SPOKE_MQTT_EVENT_OVERSIZE && t->event.topic.len > 0)
                memcpy(topic, t->event.topic.ptr, t->event.topic.len); /* the view must be good now */
            events[count++] = t->event;
        }
    }
    return count;
}

static void check_oversize(const oversize *o, size_t step, bool topic_fits)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    spoke_mqtt_event events[3];
    char topic[64] = {0};
    size_t len;
    uint8_t *wire = write_oversize(o, &len);
    assert_int_equal(feed_in_steps(&t, wire, len, step, events, topic, 3), 2);
    assert_int_equal(events[0].kind, SPOKE_MQTT_EVENT_OVERSIZE);
    assert_int_equal(events[0].size, len - 7);
    assert_int_equal(events[0].qos, o->qos);
    assert_int_equal(events[0].dup, o->qos > 0);
    assert_true(events[0].retain);
    assert_int_equal(events[0].topic.len, topic_fits ? o->topic_bytes : 0);
    for (size_t i = 0; i < events[0].topic.len; i++)
        assert_int_equal(topic[i], 'q');
    assert_int_equal(events[1].kind, SPOKE_MQTT_EVENT_PUBLISH);
    if (o->qos > 0) {
        assert_int_equal(events[0].packet_id, 0x0102);
        assert_int_equal(spoke_mqtt_output(t.s).len, 0);
        assert_ok(spoke_mqtt_ack(t.s, t.now, 0x0102));
        expect_sent(&t, WIRE("\x40\x02\x01\x02"));
    }
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 0x0102), SPOKE_E_NOT_FOUND);
    free(wire);
    session_free(&t);
}

static void an_oversized_message_is_skipped_and_told(void **state)
{
    static const size_t payloads[] = {0, 1, 13, 14, 15, 16, 40, 64, 1000, 20000};
    static const size_t topics[] = {1, 20, 43, 44, 45, 46, 60, 61, 62, 63, 64, 65, 200, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        for (size_t k = 0; k < sizeof payloads / sizeof payloads[0]; k++) {
            for (uint8_t qos = 0; qos < 2; qos++) {
                const oversize o = {topics[i], payloads[k], qos};
                const size_t total = spoke_mqtt_publish_bytes(topics[i], payloads[k], qos);
                const size_t body = 2u + topics[i] + (qos > 0 ? 2 : 0);
                const size_t head = body + (total - body - payloads[k]);
                if (total <= 64)
                    continue;
                for (size_t step = 1; step <= 64; step = step * 3 + 1)
                    check_oversize(&o, step, head <= 48); /* three quarters of the buffer */
            }
        }
    }
}

static void an_oversized_message_waits_for_a_free_receipt(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    char wire[60] = "\x32\x60\x00\x01t\x00\x02";
    session t = session_connected(&limits);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    feed(&t, spoke_str_from(wire, 50));
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 0);
    assert_ok(spoke_mqtt_ack(t.s, t.now, 1));
    expect_nothing(&t);
    feed(&t, spoke_str_from(wire + 10, 48));
    expect_event(&t, SPOKE_MQTT_EVENT_OVERSIZE);
    assert_int_equal(t.event.packet_id, 2);
    assert_str(t.event.topic, "t");
    session_free(&t);
}

static void a_break_inside_an_oversized_message_leaves_no_trace(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    feed(&t, WIRE("\x30\x60\x00\x01txyz"));
    expect_nothing(&t);
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_lost(&t, SPOKE_E_NET);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_int_equal(spoke_mqtt_room(t.s).cap, 64);
    feed_message(&t, 3);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    session_free(&t);
}

/* --- time --- */

static void tick_at(session *t, uint64_t now)
{
    t->now = now;
    spoke_mqtt_tick(t->s, now);
    spoke_mqtt_tick(t->s, now); /* the second changes nothing */
}

/* Connected at 1,000 with a keep-alive of 60 s. */
static void a_ping_goes_out_when_nothing_was_sent_for_the_interval(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    t.now = 31000;
    assert_ok(publish_as(&t, "x", 0, 0, 0, NULL));
    send_all(&t);
    t.now = 50000;
    feed(&t, WIRE("\x30\x03\x00\x01t")); /* what is heard does not put the ping off */
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_int_equal(spoke_mqtt_deadline(t.s), 91000);
    tick_at(&t, 90999);
    assert_int_equal(spoke_mqtt_output(t.s).len, 0);
    tick_at(&t, 91000);
    expect_sent(&t, WIRE("\xc0\x00"));
    assert_int_equal(spoke_mqtt_deadline(t.s), 121000);
    t.now = 92000;
    feed(&t, WIRE("\xd0\x00"));
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_deadline(t.s), 151000);
    session_free(&t);
}

static void a_silent_peer_is_lost_half_an_interval_after_the_ping(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    tick_at(&t, 61000);
    expect_sent(&t, WIRE("\xc0\x00"));
    tick_at(&t, 90999);
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_output(t.s).len, 0); /* never a second PINGREQ */
    tick_at(&t, 91000);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

/* A device that only reports at QoS 0 always sends in time; the dead link must show all the same. */
static void a_busy_sender_notices_a_silent_peer_too(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    while (spoke_mqtt_deadline(t.s) != UINT64_MAX && t.now < 200000) {
        t.now += 1000;
        spoke_mqtt_tick(t.s, t.now);
        if (publish_as(&t, "x", 0, 0, 0, NULL) == SPOKE_OK)
            send_all(&t);
    }
    assert_int_equal(t.now, 91000); /* 1.5 intervals after the CONNACK */
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

static void a_link_that_takes_no_bytes_is_lost_in_time(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    assert_ok(publish_as(&t, "012345678901234567890123456789012345678901234567890123456", 0, 0, 0, NULL)); /* 62 */
    assert_ok(publish_as(&t, "", 0, 0, 0, NULL) == SPOKE_E_FULL ? SPOKE_OK : SPOKE_E_ARG);
    tick_at(&t, 61000);
    assert_int_equal(spoke_mqtt_output(t.s).len, 64); /* control packets have room of their own */
    tick_at(&t, 91000);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

static void any_byte_is_a_sign_of_life(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    tick_at(&t, 61000);
    send_all(&t);
    t.now = 90999;
    feed(&t, WIRE("\x30")); /* the first byte of something long */
    tick_at(&t, 91000);
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_deadline(t.s), 121000);
    tick_at(&t, 121000); /* the server must hear from us, whatever became of the PINGRESP */
    expect_sent(&t, WIRE("\xc0\x00"));
    session_free(&t);
}

static void a_ping_that_waits_in_the_output_is_not_doubled(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    tick_at(&t, 61000);
    for (uint64_t now = 62000; now < 400000; now += 20000) {
        t.now = now;
        feed(&t, WIRE("\xd0\x00"));
        expect_nothing(&t);
        tick_at(&t, now);
        expect_output(&t, WIRE("\xc0\x00"));
        assert_true(spoke_mqtt_deadline(t.s) > now); /* and nobody spins */
    }
    session_free(&t);
}

static void no_keep_alive_means_no_deadline(void **state)
{
    spoke_mqtt_connect_options options = OPTIONS;
    session t = session_new(NULL);
    (void)state;
    options.keep_alive_s = 0;
    connect_with(&t, &options, CONNACK);
    assert_true(spoke_mqtt_deadline(t.s) == UINT64_MAX);
    tick_at(&t, 1000000000);
    expect_nothing(&t);
    assert_ok(spoke_mqtt_disconnect(t.s, t.now));
    assert_true(spoke_mqtt_deadline(t.s) == UINT64_MAX);
    session_free(&t);
}

static void deadlines_near_the_end_of_time_do_not_wrap(void **state)
{
    session t = session_new(NULL);
    (void)state;
    t.now = UINT64_MAX - 10;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    assert_true(spoke_mqtt_deadline(t.s) == UINT64_MAX);
    tick_at(&t, t.now + 1);
    expect_nothing(&t);
    session_free(&t);
}

/* While every receipt is owed we do not read, so the silence is ours; the server must still hear from us. */
static void silence_does_not_count_while_receipts_hold_the_reading(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    size_t pings = 0;
    session t = session_connected(&limits);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    feed_message(&t, 2);
    expect_nothing(&t);
    while (t.now < 600000) {
        const uint64_t deadline = spoke_mqtt_deadline(t.s);
        assert_true(deadline > t.now);
        tick_at(&t, deadline);
        pings += spoke_mqtt_output(t.s).len / 2;
        send_all(&t);
        expect_nothing(&t);
    }
    assert_in_range(pings, 6, 10); /* once an interval, ten minutes long */
    assert_ok(spoke_mqtt_ack(t.s, t.now, 1));
    send_all(&t);
    assert_int_equal(spoke_mqtt_deadline(t.s), t.now + 60000);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    tick_at(&t, t.now + 60000);
    tick_at(&t, t.now + 30000);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

/* --- closing --- */

static void disconnect_is_the_last_word(void **state)
{
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 0};
    session t = session_connected(NULL);
    const uint16_t id = publish(&t, "x", 3);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_ok(spoke_mqtt_disconnect(t.s, t.now));
    assert_int_equal(spoke_mqtt_disconnect(t.s, t.now), SPOKE_E_STATE);
    assert_int_equal(publish_as(&t, "x", 0, 0, 0, NULL), SPOKE_E_STATE);
    assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, NULL), SPOKE_E_STATE);
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 1), SPOKE_E_NOT_FOUND);
    feed_message(&t, 2); /* nor is it owed for what comes now */
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_int_equal(spoke_mqtt_ack(t.s, t.now, 2), SPOKE_E_NOT_FOUND);
    feed_ack(&t, 0x40, id); /* but acknowledgements still count */
    expect_puback(&t, id, 3);
    expect_sent(&t, WIRE("\x32\x06\x00\x01t\x00\x01x\xe0\x00"));
    assert_true(spoke_mqtt_deadline(t.s) == UINT64_MAX);
    tick_at(&t, 10000000);
    expect_nothing(&t);
    spoke_mqtt_lost(t.s, SPOKE_OK);
    expect_lost(&t, SPOKE_OK);
    session_free(&t);
}

static void a_disconnect_that_nobody_takes_is_lost_in_time(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    assert_ok(spoke_mqtt_disconnect(t.s, t.now));
    assert_int_equal(spoke_mqtt_deadline(t.s), 31000);
    feed(&t, WIRE("\xd0\x00"));
    tick_at(&t, 31000);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

static void a_connack_that_comes_after_disconnect_is_still_told(void **state)
{
    session t = session_new(NULL);
    (void)state;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    assert_ok(spoke_mqtt_disconnect(t.s, t.now));
    feed(&t, spoke_str_from(CONNACK, 4));
    expect_event(&t, SPOKE_MQTT_EVENT_CONNACK);
    assert_int_equal(publish_as(&t, "x", 0, 0, 0, NULL), SPOKE_E_STATE);
    session_free(&t);
}

/* --- whole conversations --- */

/* One of everything that a server says. The last answer is to the request that the client made. */
static const char CONVERSATION[] = "\x20\x02\x00\x00"
                                   "\x90\x04\x00\x01\x01\x80"
                                   "\x30\x07\x00\x03"
                                   "a/bhi"
                                   "\xd0\x00"
                                   "\x32\x0a\x00\x03"
                                   "a/b\x00\x09xyz"
                                   "\x40\x02\x00\x02"
                                   "\x31\x60\x00\x06"
                                   "topic/0123456789012345678901234567890123456789012345678901234567890123456789"
                                   "012345678901234567"
                                   "\xb0\x02\x00\x03";

/* Feeds what is there, in pieces that end at the two cuts and then every `step` bytes; writes the events as text.
 */
static void converse(size_t cut1, size_t cut2, size_t step, char *log, size_t log_bytes)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    const spoke_mqtt_filter filters[] = {{SPOKE_STR("a/b"), 1}, {SPOKE_STR("c"), 0}};
    const size_t len = sizeof CONVERSATION - 1;
    session t = session_new(&limits);
    size_t at = 0, used = 0, wrote = 0;
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    send_all(&t);
    while (at < len) {
        size_t end = at < cut1 ? cut1 : at < cut2 ? cut2 : len;
        end = end - at > step ? at + step : end;
        spoke_mqtt_receive(t.s, t.now, spoke_str_from(CONVERSATION + at, end - at), &used);
        at += used;
        while (next(&t) == SPOKE_OK) {
            const spoke_mqtt_event *e = &t.event;
            wrote += (size_t)snprintf(log + wrote, log_bytes - wrote, "%d id %d size %zu [%.*s] [%.*s] %zu\n",
                                      (int)e->kind, e->packet_id, e->size, (int)e->topic.len,
                                      e->topic.len > 0 ? e->topic.ptr : "", (int)e->payload.len,
                                      e->payload.len > 0 ? e->payload.ptr : "", e->codes.len);
            assert_true(wrote < log_bytes);
            if (e->kind == SPOKE_MQTT_EVENT_CONNACK) {
                assert_ok(spoke_mqtt_subscribe(t.s, t.now, filters, 2, NULL));
                publish(&t, "m", 5);
                assert_ok(spoke_mqtt_unsubscribe(t.s, t.now, &filters[0].filter, 1, NULL));
            } else if (e->qos == 1) {
                assert_ok(spoke_mqtt_ack(t.s, t.now, e->packet_id));
            }
            send_all(&t);
        }
    }
    session_free(&t);
}

static void a_conversation_means_the_same_however_it_is_cut(void **state)
{
    const size_t len = sizeof CONVERSATION - 1;
    char expected[1024] = "", got[1024];
    (void)state;
    converse(0, 0, 64, expected, sizeof expected);
    assert_string_equal(expected, "0 id 0 size 0 [] [] 0\n"
                                  "1 id 1 size 0 [] [] 2\n"
                                  "4 id 0 size 0 [a/b] [hi] 0\n"
                                  "4 id 9 size 0 [a/b] [xyz] 0\n"
                                  "3 id 2 size 0 [] [] 0\n"
                                  "5 id 0 size 98 [topic/] [] 0\n"
                                  "2 id 3 size 0 [] [] 0\n");
    for (size_t step = 1; step < 64; step++) {
        converse(0, 0, step, got, sizeof got);
        assert_string_equal(got, expected);
    }
    for (size_t cut1 = 0; cut1 <= len; cut1++) {
        for (size_t cut2 = cut1; cut2 <= len; cut2++) {
            converse(cut1, cut2, 64, got, sizeof got);
            assert_string_equal(got, expected);
        }
    }
}

/* --- the long run: a random walk against a model ---
 * The server is the codec in its other role. What the session queued is kept in a list and compared with what the
 * server decodes, over partial sends, partial reads, acknowledgements in any order and broken links. */

enum { WALK_STEPS = 200000, WALK_WINDOW = 16, WALK_RECEIPTS = 4, WALK_WIRE = 1 << 16, WALK_LIST = 64 };

typedef struct walk_message {
    uint16_t id;
    uint32_t token;
    char payload[40];
    size_t len;
} walk_message;

typedef struct walk {
    session t;
    uint64_t seed;
    uint8_t up[WALK_WIRE], down[WALK_WIRE]; /* bytes on their way */
    size_t up_len, down_len;
    walk_message queued[1024]; /* PUBLISH packets written and not yet seen by the server, in order */
    size_t queued_first, queued_count;
    walk_message flying[WALK_LIST]; /* published, PUBACK not seen */
    size_t flying_count;
    uint16_t to_ack[WALK_LIST]; /* seen by the server, PUBACK not written */
    size_t to_ack_count;
    uint16_t owed[WALK_LIST]; /* told to the application, not acknowledged by it */
    size_t owed_count;
    uint16_t expected[4096]; /* ids of PUBLISH that the server wrote, in order, PUBACK not seen */
    size_t expected_first, expected_count;
    uint16_t server_id;
    uint32_t token;
    size_t acked, delivered, received, lost;
} walk;

static uint32_t roll(walk *w, uint32_t below)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (uint32_t)(w->seed >> 33) % below;
}

static void walk_publish_one(walk *w, const walk_message *again)
{
    walk_message m = {0};
    uint16_t id = 0;
    if (again != NULL) {
        m = *again;
    } else {
        m.token = w->token++;
        m.len = roll(w, sizeof m.payload);
        for (size_t i = 0; i < m.len; i++)
            m.payload[i] = (char)roll(w, 256);
    }
    const uint8_t qos = again != NULL || roll(w, 4) > 0 ? 1 : 0;
    const spoke_str parts[] = {{m.payload, m.len / 2}, {m.payload + m.len / 2, m.len - m.len / 2}};
    const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("devices/d/messages/events/"),
                                                .parts = parts,
                                                .part_count = 2,
                                                .qos = qos,
                                                .token = m.token,
                                                .packet_id = m.id};
    const spoke_status status = spoke_mqtt_publish(w->t.s, w->t.now, &message, &id);
    if (status == SPOKE_E_FULL && again == NULL)
        return;
    assert_ok(status);
    assert_true((qos == 1) == (id != 0));
    if (again == NULL && qos == 1) {
        for (size_t i = 0; i < w->flying_count; i++)
            assert_int_not_equal(w->flying[i].id, id);
        m.id = id;
        w->flying[w->flying_count++] = m;
        assert_true(w->flying_count <= WALK_WINDOW);
    }
    assert_true(w->queued_count < 1024);
    w->queued[(w->queued_first + w->queued_count++) % 1024] = m;
}

static void walk_move_up(walk *w)
{
    const spoke_str output = spoke_mqtt_output(w->t.s);
    const size_t room = WALK_WIRE - w->up_len;
    size_t count = roll(w, 3) == 0 ? output.len : roll(w, (uint32_t)output.len + 1);
    count = count < room ? count : room;
    if (count > 0)
        memcpy(w->up + w->up_len, output.ptr, count);
    w->up_len += count;
    spoke_mqtt_sent(w->t.s, w->t.now, count);
}

static void server_write(walk *w, const spoke_mqtt_packet *packet)
{
    spoke_buf out = {w->down, w->down_len, WALK_WIRE};
    if (spoke_mqtt_encode(packet, &out) == SPOKE_OK)
        w->down_len = out.len;
}

static void server_check_publish(walk *w, const spoke_mqtt_packet *packet)
{
    assert_true(w->queued_count > 0);
    const walk_message *m = &w->queued[w->queued_first];
    assert_int_equal(packet->packet_id, m->id);
    assert_int_equal(packet->as.publish.payload.len, m->len);
    assert_memory_equal(packet->as.publish.payload.ptr, m->payload, m->len);
    assert_str(packet->as.publish.topic, "devices/d/messages/events/");
    w->queued_first = (w->queued_first + 1) % 1024;
    w->queued_count--;
    w->received++;
    if (packet->packet_id != 0)
        w->to_ack[w->to_ack_count++] = packet->packet_id;
    assert_true(w->to_ack_count <= WALK_WINDOW);
}

static void server_read(walk *w)
{
    spoke_mqtt_header header;
    spoke_mqtt_packet packet;
    size_t at = 0;
    while (spoke_mqtt_peek(w->up + at, w->up_len - at, &header) == SPOKE_OK &&
           header.head_bytes + header.body_bytes <= w->up_len - at) {
        assert_ok(spoke_mqtt_decode(w->up + at, header.head_bytes + header.body_bytes, &packet));
        at += header.head_bytes + header.body_bytes;
        if (packet.type == SPOKE_MQTT_PUBLISH) {
            server_check_publish(w, &packet);
        } else if (packet.type == SPOKE_MQTT_PUBACK) {
            assert_true(w->expected_count > 0);
            assert_int_equal(packet.packet_id, w->expected[w->expected_first]); /* in order of receipt */
            w->expected_first = (w->expected_first + 1) % 4096;
            w->expected_count--;
        } else if (packet.type == SPOKE_MQTT_PINGREQ) {
            server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PINGRESP});
        } else {
            assert_int_equal(packet.type, SPOKE_MQTT_CONNECT);
        }
    }
    memmove(w->up, w->up + at, w->up_len - at);
    w->up_len -= at;
}

static void server_ack_one(walk *w)
{
    if (w->to_ack_count == 0 || WALK_WIRE - w->down_len < 64)
        return;
    const size_t i = roll(w, (uint32_t)w->to_ack_count);
    server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PUBACK, .packet_id = w->to_ack[i]});
    w->to_ack[i] = w->to_ack[--w->to_ack_count];
}

static void server_publish_one(walk *w)
{
    if (w->expected_count == 4096 || WALK_WIRE - w->down_len < 256)
        return;
    char payload[120];
    const size_t len = roll(w, sizeof payload); /* the receive buffer holds 96: some are oversized */
    memset(payload, 'd', sizeof payload);
    const uint8_t qos = (uint8_t)roll(w, 2);
    if (qos > 0) {
        w->server_id = w->server_id == UINT16_MAX ? 1 : (uint16_t)(w->server_id + 1);
        w->expected[(w->expected_first + w->expected_count++) % 4096] = w->server_id;
    }
    server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PUBLISH,
                                         .packet_id = qos > 0 ? w->server_id : 0,
                                         .as.publish = {SPOKE_STR("c2d"), {payload, len}, qos, false, false}});
}

static void walk_acked(walk *w)
{
    for (size_t i = 0; i < w->flying_count; i++) {
        if (w->flying[i].id != w->t.event.packet_id)
            continue;
        assert_int_equal(w->flying[i].token, w->t.event.token);
        memmove(&w->flying[i], &w->flying[i + 1], (w->flying_count - i - 1) * sizeof w->flying[0]);
        w->flying_count--;
        w->acked++;
        return;
    }
    fail_msg("id %d was acknowledged twice, or was never in flight", w->t.event.packet_id);
}

static void walk_move_down(walk *w)
{
    size_t used = 0;
    const size_t count = roll(w, (uint32_t)w->down_len + 1);
    spoke_mqtt_receive(w->t.s, w->t.now, spoke_str_from((const char *)w->down, count), &used);
    memmove(w->down, w->down + used, w->down_len - used);
    w->down_len -= used;
    for (uint32_t events = roll(w, 8); events > 0 && next(&w->t) == SPOKE_OK; events--) {
        assert_true(w->t.event.kind != SPOKE_MQTT_EVENT_LOST);
        if (w->t.event.kind == SPOKE_MQTT_EVENT_PUBACK) {
            walk_acked(w);
        } else if (w->t.event.qos == 1) {
            w->owed[w->owed_count++] = w->t.event.packet_id;
            assert_true(w->owed_count <= WALK_RECEIPTS);
        }
        w->delivered += w->t.event.kind == SPOKE_MQTT_EVENT_PUBLISH;
    }
}

static void walk_ack_one(walk *w)
{
    if (w->owed_count == 0)
        return;
    const size_t i = roll(w, (uint32_t)w->owed_count);
    assert_ok(spoke_mqtt_ack(w->t.s, w->t.now, w->owed[i]));
    w->owed[i] = w->owed[--w->owed_count];
}

/* The link breaks anywhere; the session is present afterwards, and what was not acknowledged goes again. */
static void walk_break(walk *w)
{
    walk_message again[WALK_LIST];
    spoke_mqtt_lost(w->t.s, SPOKE_E_NET);
    while (next(&w->t) == SPOKE_OK && w->t.event.kind != SPOKE_MQTT_EVENT_LOST) {
        if (w->t.event.kind == SPOKE_MQTT_EVENT_PUBACK)
            walk_acked(w);
    }
    w->lost++;
    w->up_len = w->down_len = 0;
    w->queued_first = w->queued_count = 0;
    w->to_ack_count = w->owed_count = 0;
    w->expected_first = w->expected_count = 0;
    connect_with(&w->t, &OPTIONS, CONNACK_PRESENT);
    memcpy(again, w->flying, sizeof again);
    assert_int_equal(spoke_mqtt_in_flight(w->t.s), w->flying_count);
    for (size_t i = 0; i < w->flying_count; i++)
        walk_publish_one(w, &again[i]);
}

static void walk_step(walk *w)
{
    switch (roll(w, 8)) {
    case 0:
    case 1:
        walk_publish_one(w, NULL);
        break;
    case 2:
        walk_move_up(w);
        break;
    case 3:
        server_read(w);
        break;
    case 4:
        server_ack_one(w);
        break;
    case 5:
        if (roll(w, 3) == 0)
            server_publish_one(w);
        break;
    case 6:
        walk_move_down(w);
        break;
    default:
        walk_ack_one(w);
        if (roll(w, 2000) == 0)
            walk_break(w);
        break;
    }
    w->t.now += roll(w, 100);
    spoke_mqtt_tick(w->t.s, w->t.now);
    assert_int_equal(spoke_mqtt_in_flight(w->t.s), w->flying_count);
}

static bool walk_settled(const walk *w)
{
    return w->flying_count + w->queued_count + w->expected_count + w->owed_count + w->up_len + w->down_len == 0;
}

static void a_random_walk_neither_loses_nor_doubles_a_message(void **state)
{
    const spoke_mqtt_limits limits = {96, 1200, WALK_WINDOW, WALK_RECEIPTS};
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        walk *w = calloc(1, sizeof *w);
        w->seed = seed * 0x9e3779b97f4a7c15u;
        w->t = session_connected(&limits);
        for (size_t i = 0; i < WALK_STEPS; i++)
            walk_step(w);
        for (size_t i = 0; i < 100000 && !walk_settled(w); i++) { /* nothing new: all must come to rest */
            walk_move_up(w);
            server_read(w);
            server_ack_one(w);
            walk_move_down(w);
            walk_ack_one(w);
        }
        assert_true(walk_settled(w));
        assert_int_equal(spoke_mqtt_in_flight(w->t.s), 0);
        assert_true(w->acked > 5000 && w->delivered > 1000 && w->lost > 5);
        print_message("seed %d: %zu up, %zu acknowledged, %zu down, %zu breaks\n", (int)seed, w->received,
                      w->acked, w->delivered, w->lost);
        session_free(&w->t);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_out_of_range_have_no_size),
        cmocka_unit_test(init_takes_memory_of_the_exact_size_and_none_smaller),
        cmocka_unit_test(connect_writes_what_the_options_say),
        cmocka_unit_test(connect_refuses_what_cannot_be_sent),
        cmocka_unit_test(connect_fits_a_send_buffer_of_exactly_its_size),
        cmocka_unit_test(credentials_are_gone_once_they_are_sent),
        cmocka_unit_test(credentials_are_gone_when_the_stream_breaks_first),
        cmocka_unit_test(credentials_are_gone_when_the_output_moves),
        cmocka_unit_test(nothing_can_be_queued_before_connack),
        cmocka_unit_test(a_refusal_is_told_with_its_code_and_ends_the_session),
        cmocka_unit_test(a_refusal_outranks_the_end_of_the_stream),
        cmocka_unit_test(a_server_that_never_answers_connect_is_lost_at_the_limit),
        cmocka_unit_test(packets_that_no_server_may_send_end_the_session),
        cmocka_unit_test(an_oversized_topic_that_ends_behind_its_packet_ends_the_session),
        cmocka_unit_test(nothing_may_come_before_connack),
        cmocka_unit_test(a_puback_for_nothing_in_flight_is_passed_over),
        cmocka_unit_test(a_message_is_written_in_its_parts_and_acknowledged_by_token),
        cmocka_unit_test(messages_that_break_the_standard_are_refused),
        cmocka_unit_test(a_message_of_exactly_the_send_buffer_fits_and_one_byte_more_never),
        cmocka_unit_test(a_full_send_buffer_takes_no_id),
        cmocka_unit_test(a_full_window_waits_for_an_acknowledgement),
        cmocka_unit_test(a_full_window_does_not_keep_a_subscription_out),
        cmocka_unit_test(every_id_can_be_in_flight_at_once),
        cmocka_unit_test(an_id_comes_back_only_after_thousands_of_others),
        cmocka_unit_test(requests_are_written_and_answered),
        cmocka_unit_test(requests_that_cannot_be_sent_are_refused),
        cmocka_unit_test(eight_requests_may_wait_and_end_with_their_connection),
        cmocka_unit_test(an_answer_of_the_wrong_form_ends_the_session),
        cmocka_unit_test(unacknowledged_messages_go_again_under_their_ids_in_order),
        cmocka_unit_test(a_server_without_the_session_frees_every_id),
        cmocka_unit_test(reset_frees_every_id),
        cmocka_unit_test(a_message_is_told_with_all_that_it_says),
        cmocka_unit_test(pubacks_leave_in_order_of_receipt),
        cmocka_unit_test(the_same_id_twice_is_acknowledged_twice),
        cmocka_unit_test(receipts_owed_hold_further_messages_back_and_lose_none),
        cmocka_unit_test(a_full_send_buffer_delays_pubacks_and_loses_none),
        cmocka_unit_test(receipts_end_with_their_connection),
        cmocka_unit_test(events_received_before_the_break_come_before_lost),
        cmocka_unit_test(room_ends_exactly_where_the_buffer_does),
        cmocka_unit_test(receive_takes_what_fits_and_says_how_much),
        cmocka_unit_test(calls_outside_a_connection_do_nothing),
        cmocka_unit_test(missing_arguments_are_harmless),
        cmocka_unit_test(an_oversized_message_is_skipped_and_told),
        cmocka_unit_test(an_oversized_message_waits_for_a_free_receipt),
        cmocka_unit_test(a_break_inside_an_oversized_message_leaves_no_trace),
        cmocka_unit_test(a_ping_goes_out_when_nothing_was_sent_for_the_interval),
        cmocka_unit_test(a_silent_peer_is_lost_half_an_interval_after_the_ping),
        cmocka_unit_test(a_busy_sender_notices_a_silent_peer_too),
        cmocka_unit_test(a_link_that_takes_no_bytes_is_lost_in_time),
        cmocka_unit_test(any_byte_is_a_sign_of_life),
        cmocka_unit_test(a_ping_that_waits_in_the_output_is_not_doubled),
        cmocka_unit_test(no_keep_alive_means_no_deadline),
        cmocka_unit_test(deadlines_near_the_end_of_time_do_not_wrap),
        cmocka_unit_test(silence_does_not_count_while_receipts_hold_the_reading),
        cmocka_unit_test(disconnect_is_the_last_word),
        cmocka_unit_test(a_disconnect_that_nobody_takes_is_lost_in_time),
        cmocka_unit_test(a_connack_that_comes_after_disconnect_is_still_told),
        cmocka_unit_test(a_conversation_means_the_same_however_it_is_cut),
        cmocka_unit_test(a_random_walk_neither_loses_nor_doubles_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
