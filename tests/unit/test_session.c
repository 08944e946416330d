/* What the session says, when, and under which ids. */
#include "support/session.h"

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
    assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
    spoke_mqtt_sent(t.s, t.now, 20); /* the rest stands further back */
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    assert_false(memory_holds(&t, "ecret"));
    session_free(&t);
}

/* A server that accepts before it has read all of the CONNECT lets us queue more, and the rest of it moves. */
static void credentials_are_gone_when_the_output_moves(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("dev"), .username = SPOKE_STR("u")};
    session t = session_new(&limits);
    (void)state;
    options.password = SPOKE_STR("1234567890abcdefghijABCDEFGHIJ<password>**");
    assert_ok(spoke_mqtt_connect(t.s, t.now, &options));
    spoke_mqtt_sent(t.s, t.now, 54);
    feed(&t, spoke_str_from(CONNACK, 4));
    expect_event(&t, SPOKE_MQTT_EVENT_CONNACK);
    assert_ok(publish_as(&t, "x", 0, 0, 0, NULL));
    assert_memory_equal(spoke_mqtt_output(t.s).ptr, "assword>**", 10);
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
        const char refusal[] = {'\x20', 2, 0, (char)code, '\x20', 2, 0, 0}; /* what follows does not count */
        session t = session_new(NULL);
        assert_ok(spoke_mqtt_connect(t.s, t.now, &OPTIONS));
        send_all(&t);
        feed(&t, spoke_str_from(refusal, sizeof refusal));
        expect_event(&t, SPOKE_MQTT_EVENT_CONNACK);
        assert_int_equal(t.event.code, code);
        expect_event(&t, SPOKE_MQTT_EVENT_LOST);
        assert_int_equal(t.event.status, SPOKE_E_REFUSED);
        assert_int_equal(t.event.code, code);
        expect_nothing(&t);
        connect_with(&t, &OPTIONS, CONNACK);
        spoke_mqtt_lost(t.s, SPOKE_E_NET);
        expect_event(&t, SPOKE_MQTT_EVENT_LOST);
        assert_int_equal(t.event.code, 0);
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
static void an_id_comes_back_only_after_nearly_all_others(void **state)
{
    enum { NEARLY_ALL = 65529 }; /* nine slots of 7,281 ids or one more */
    const spoke_mqtt_limits limits = {64, 256, 1, 1};
    uint32_t *last = calloc(65536, sizeof *last);
    session t = session_connected(&limits);
    (void)state;
    for (uint32_t i = 1; i < 3 * NEARLY_ALL; i++) {
        const uint16_t id = publish(&t, "", i);
        assert_true(last[id] == 0 || i - last[id] >= NEARLY_ALL);
        last[id] = i;
        send_all(&t);
        feed_ack(&t, 0x40, id);
        expect_puback(&t, id, i);
    }
    free(last);
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

/* Neither those answered nor those refused may leave anything behind. */
static void requests_can_be_made_for_ever(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1}, wild = {SPOKE_STR("a#"), 1};
    uint16_t id = 0;
    session t = session_connected(&limits);
    (void)state;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(spoke_mqtt_subscribe(t.s, t.now, &wild, 1, NULL), SPOKE_E_ARG);
        assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, &id));
        send_all(&t);
        const char answer[] = {'\x90', 3, (char)(id >> 8), (char)id, 1};
        feed(&t, spoke_str_from(answer, 5));
        expect_event(&t, SPOKE_MQTT_EVENT_SUBACK);
    }
    spoke_mqtt_lost(t.s, SPOKE_E_NET);
    expect_lost(&t, SPOKE_E_NET);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    publish(&t, "x", 1);
    session_free(&t);
}

static void a_message_is_not_answered_by_suback(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    assert_int_equal(publish(&t, "x", 1), 1); /* its token looks like the number of filters */
    feed(&t, WIRE("\x90\x03\x00\x01\x01"));
    expect_lost(&t, SPOKE_E_PROTOCOL);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 1);
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

static void a_clean_session_leaves_no_id_to_the_next_one(void **state)
{
    static const spoke_mqtt_limits one = {.in_flight = 1};
    spoke_mqtt_connect_options clean = OPTIONS;
    clean.clean_session = true;
    session t = session_new(&one);
    (void)state;
    connect_with(&t, &clean, CONNACK);
    publish(&t, "never acknowledged", 1);
    send_all(&t);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    publish(&t, "takes the one place", 2);
    session_free(&t);
}

static void a_clean_session_that_never_stood_costs_no_id(void **state)
{
    spoke_mqtt_connect_options clean = OPTIONS;
    clean.clean_session = true;
    session t = session_connected(NULL);
    (void)state;
    const uint16_t id = publish(&t, "unacknowledged", 1);
    assert_ok(spoke_mqtt_connect(t.s, t.now, &clean));
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_ok(publish_as(&t, "unacknowledged", 1, 1, id, NULL));
    session_free(&t);
}

static void a_new_message_takes_the_place_of_one_that_is_not_sent_again(void **state)
{
    static const spoke_mqtt_limits two = {.in_flight = 2};
    session t = session_new(&two);
    (void)state;
    connect_with(&t, &OPTIONS, CONNACK);
    const uint16_t dropped = publish(&t, "dropped meanwhile", 1), kept = publish(&t, "kept", 2);
    send_all(&t);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_ok(publish_as(&t, "kept", 1, 2, kept, NULL));
    publish(&t, "urgent", 3);
    assert_int_equal(publish_as(&t, "one too many", 1, 4, 0, NULL), SPOKE_E_FULL);
    assert_int_equal(publish_as(&t, "dropped meanwhile", 1, 1, dropped, NULL), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 2);
    session_free(&t);
}

static void it_is_never_the_place_of_one_that_was_sent_again(void **state)
{
    static const spoke_mqtt_limits two = {.in_flight = 2};
    session t = session_new(&two);
    (void)state;
    connect_with(&t, &OPTIONS, CONNACK);
    const uint16_t kept = publish(&t, "kept", 1), dropped = publish(&t, "dropped meanwhile", 2);
    send_all(&t);
    connect_with(&t, &OPTIONS, CONNACK_PRESENT);
    assert_ok(publish_as(&t, "kept", 1, 1, kept, NULL));
    publish(&t, "urgent", 3);
    assert_int_equal(publish_as(&t, "dropped meanwhile", 1, 2, dropped, NULL), SPOKE_E_NOT_FOUND);
    feed_ack(&t, 0x40, kept);
    expect_puback(&t, kept, 1);
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

static void the_id_of_a_request_is_no_message_to_send_again(void **state)
{
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    uint16_t id = 0;
    session t = session_connected(NULL);
    (void)state;
    assert_ok(spoke_mqtt_subscribe(t.s, t.now, &filter, 1, &id));
    assert_int_equal(publish_as(&t, "x", 1, 1, id, NULL), SPOKE_E_NOT_FOUND);
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
    assert_ok(
        publish_as(&t, "01234567890123456789012345678901234567890123456789012345678", 0, 0, 0, NULL)); /* 64 */
    tick_at(&t, 61000);
    assert_int_equal(spoke_mqtt_output(t.s).len, 66); /* control packets have room of their own */
    assert_int_equal(publish_as(&t, "", 0, 0, 0, NULL), SPOKE_E_FULL);
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

static void a_ping_of_which_one_byte_is_sent_goes_on_with_the_other(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    tick_at(&t, 61000);
    expect_output(&t, WIRE("\xc0\x00"));
    spoke_mqtt_sent(t.s, t.now, 1);
    expect_output(&t, WIRE("\x00"));
    tick_at(&t, 61001); /* it still waits: no second one */
    expect_sent(&t, WIRE("\x00"));
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
    tick_at(&t, t.now + 60000);
    tick_at(&t, t.now + 30000);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    expect_lost(&t, SPOKE_E_TIMEOUT);
    session_free(&t);
}

/* Here the application is done with all it was given: that its PUBACK does not leave is the link's doing. */
static void silence_counts_when_only_the_link_holds_the_reading(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    feed_message(&t, 1);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
    assert_ok(
        publish_as(&t, "01234567890123456789012345678901234567890123456789012345678", 0, 0, 0, NULL)); /* 64 */
    assert_ok(spoke_mqtt_ack(t.s, t.now, 1));
    feed_message(&t, 2);
    expect_nothing(&t);
    const uint64_t heard = t.now;
    tick_at(&t, spoke_mqtt_deadline(t.s)); /* PINGREQ */
    tick_at(&t, spoke_mqtt_deadline(t.s));
    assert_int_equal(t.now, heard + 90000);
    expect_event(&t, SPOKE_MQTT_EVENT_PUBLISH);
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
        cmocka_unit_test(a_message_is_written_in_its_parts_and_acknowledged_by_token),
        cmocka_unit_test(messages_that_break_the_standard_are_refused),
        cmocka_unit_test(a_message_of_exactly_the_send_buffer_fits_and_one_byte_more_never),
        cmocka_unit_test(a_full_send_buffer_takes_no_id),
        cmocka_unit_test(a_full_window_waits_for_an_acknowledgement),
        cmocka_unit_test(a_full_window_does_not_keep_a_subscription_out),
        cmocka_unit_test(every_id_can_be_in_flight_at_once),
        cmocka_unit_test(an_id_comes_back_only_after_nearly_all_others),
        cmocka_unit_test(requests_are_written_and_answered),
        cmocka_unit_test(requests_that_cannot_be_sent_are_refused),
        cmocka_unit_test(eight_requests_may_wait_and_end_with_their_connection),
        cmocka_unit_test(requests_can_be_made_for_ever),
        cmocka_unit_test(a_message_is_not_answered_by_suback),
        cmocka_unit_test(an_answer_of_the_wrong_form_ends_the_session),
        cmocka_unit_test(unacknowledged_messages_go_again_under_their_ids_in_order),
        cmocka_unit_test(a_server_without_the_session_frees_every_id),
        cmocka_unit_test(a_clean_session_leaves_no_id_to_the_next_one),
        cmocka_unit_test(a_clean_session_that_never_stood_costs_no_id),
        cmocka_unit_test(a_new_message_takes_the_place_of_one_that_is_not_sent_again),
        cmocka_unit_test(it_is_never_the_place_of_one_that_was_sent_again),
        cmocka_unit_test(reset_frees_every_id),
        cmocka_unit_test(the_id_of_a_request_is_no_message_to_send_again),
        cmocka_unit_test(a_ping_goes_out_when_nothing_was_sent_for_the_interval),
        cmocka_unit_test(a_silent_peer_is_lost_half_an_interval_after_the_ping),
        cmocka_unit_test(a_busy_sender_notices_a_silent_peer_too),
        cmocka_unit_test(a_link_that_takes_no_bytes_is_lost_in_time),
        cmocka_unit_test(any_byte_is_a_sign_of_life),
        cmocka_unit_test(a_ping_that_waits_in_the_output_is_not_doubled),
        cmocka_unit_test(a_ping_of_which_one_byte_is_sent_goes_on_with_the_other),
        cmocka_unit_test(no_keep_alive_means_no_deadline),
        cmocka_unit_test(deadlines_near_the_end_of_time_do_not_wrap),
        cmocka_unit_test(silence_does_not_count_while_receipts_hold_the_reading),
        cmocka_unit_test(silence_counts_when_only_the_link_holds_the_reading),
        cmocka_unit_test(disconnect_is_the_last_word),
        cmocka_unit_test(a_disconnect_that_nobody_takes_is_lost_in_time),
        cmocka_unit_test(a_connack_that_comes_after_disconnect_is_still_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
