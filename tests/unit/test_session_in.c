/* What the session makes of what it hears. */
#include "support/session.h"

#include <stdio.h>

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
        {"SUBACK with packet id 0", {"\x90\x03\x00\x00\x00", 5}},
        {"PUBACK too long", {"\x40\x03\x00\x01\x00", 5}},
        {"PUBACK too long, with a 2 in its id", {"\x40\x03\x02\x01\x00", 5}},
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

/* Ids share slots: in one window of 1 the ids 1 and 10 use the same. */
static void a_puback_for_an_id_long_past_acknowledges_nothing(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    const uint16_t id = publish(&t, "x", 7);
    for (uint16_t other = (uint16_t)(id + 1); other < id + 64; other++) {
        feed_ack(&t, 0x40, other);
        expect_nothing(&t);
    }
    feed_ack(&t, 0x40, id);
    expect_puback(&t, id, 7);
    session_free(&t);
}

static void no_bytes_are_no_sign_of_life(void **state)
{
    session t = session_connected(NULL);
    (void)state;
    t.now = 61000;
    spoke_mqtt_tick(t.s, t.now);
    send_all(&t);
    const uint64_t due = spoke_mqtt_deadline(t.s);
    spoke_mqtt_received(t.s, t.now + 20000, 0);
    assert_true(spoke_mqtt_deadline(t.s) == due);
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

/* A remaining length written with more bytes than it needs is legal, if odd. */
static void a_puback_with_a_long_length_counts_as_any_other(void **state)
{
    session t = session_connected(NULL);
    const uint16_t id = publish(&t, "x", 6);
    (void)state;
    assert_int_equal(id, 1);
    feed(&t, WIRE("\x40\x82\x00\x00\x01"));
    expect_puback(&t, id, 6);
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

static void what_looks_like_a_puback_inside_an_oversized_message_is_none(void **state)
{
    const spoke_mqtt_limits limits = {64, 64, 1, 1};
    session t = session_connected(&limits);
    (void)state;
    assert_int_equal(publish(&t, "x", 1), 1);
    feed(&t, WIRE("\x30\x50\x00\x01t"));
    expect_nothing(&t);
    feed(&t, WIRE("\x40\x02\x00\x01"));
    expect_nothing(&t);
    assert_int_equal(spoke_mqtt_in_flight(t.s), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_that_no_server_may_send_end_the_session),
        cmocka_unit_test(an_oversized_topic_that_ends_behind_its_packet_ends_the_session),
        cmocka_unit_test(nothing_may_come_before_connack),
        cmocka_unit_test(a_puback_for_nothing_in_flight_is_passed_over),
        cmocka_unit_test(a_puback_for_an_id_long_past_acknowledges_nothing),
        cmocka_unit_test(no_bytes_are_no_sign_of_life),
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
        cmocka_unit_test(a_puback_with_a_long_length_counts_as_any_other),
        cmocka_unit_test(an_oversized_message_is_skipped_and_told),
        cmocka_unit_test(an_oversized_message_waits_for_a_free_receipt),
        cmocka_unit_test(what_looks_like_a_puback_inside_an_oversized_message_is_none),
        cmocka_unit_test(a_break_inside_an_oversized_message_leaves_no_trace),
        cmocka_unit_test(a_conversation_means_the_same_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
