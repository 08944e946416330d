/* A client session against a hand-written server: bytes in, bytes out, a clock that the test turns. */
#ifndef SPOKE_TESTS_SESSION_H
#define SPOKE_TESTS_SESSION_H

#include "support/support.h"

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
static inline session session_new(const spoke_mqtt_limits *limits)
{
    session t = {.size = spoke_mqtt_size(limits), .now = 1000};
    t.memory = malloc(t.size);
    memset(t.memory, 0xa5, t.size);
    assert_ok(spoke_mqtt_init(t.memory, t.size, limits, &t.s));
    return t;
}

static inline void session_free(session *t)
{
    free(t->memory);
}

static inline void send_all(session *t)
{
    spoke_mqtt_sent(t->s, t->now, spoke_mqtt_output(t->s).len);
    assert_int_equal(spoke_mqtt_output(t->s).len, 0);
}

static inline void feed(session *t, spoke_str bytes)
{
    size_t used = 0;
    spoke_mqtt_receive(t->s, t->now, bytes, &used);
    assert_int_equal(used, bytes.len);
}

static inline spoke_status next(session *t)
{
    return spoke_mqtt_next(t->s, t->now, &t->event);
}

static inline void expect_event(session *t, spoke_mqtt_event_kind kind)
{
    assert_ok(next(t));
    assert_int_equal(t->event.kind, kind);
}

static inline void expect_nothing(session *t)
{
    assert_int_equal(next(t), SPOKE_E_AGAIN);
}

static inline void expect_lost(session *t, spoke_status why)
{
    expect_event(t, SPOKE_MQTT_EVENT_LOST);
    assert_int_equal(t->event.status, why);
    expect_nothing(t); /* once */
    assert_true(spoke_mqtt_deadline(t->s) == UINT64_MAX);
    assert_int_equal(spoke_mqtt_output(t->s).len, 0);
    assert_int_equal(spoke_mqtt_room(t->s).cap, 0);
}

static inline void expect_output(session *t, spoke_str bytes)
{
    const spoke_str output = spoke_mqtt_output(t->s);
    assert_int_equal(output.len, bytes.len);
    assert_memory_equal(output.ptr, bytes.ptr, bytes.len);
}

static inline void expect_sent(session *t, spoke_str bytes)
{
    expect_output(t, bytes);
    send_all(t);
}

static inline void connect_with(session *t, const spoke_mqtt_connect_options *options, const char *connack)
{
    assert_ok(spoke_mqtt_connect(t->s, t->now, options));
    send_all(t);
    feed(t, spoke_str_from(connack, 4));
    expect_event(t, SPOKE_MQTT_EVENT_CONNACK);
}

static inline session session_connected(const spoke_mqtt_limits *limits)
{
    session t = session_new(limits);
    connect_with(&t, &OPTIONS, CONNACK);
    return t;
}

static inline spoke_status publish_as(session *t, const char *payload, uint8_t qos, uint32_t token, uint16_t again,
                                      uint16_t *id)
{
    const spoke_str part = spoke_str_from(payload, strlen(payload));
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &part, .part_count = 1, .qos = qos, .token = token, .packet_id = again};
    return spoke_mqtt_publish(t->s, t->now, &message, id);
}

static inline uint16_t publish(session *t, const char *payload, uint32_t token)
{
    uint16_t id = 0;
    assert_ok(publish_as(t, payload, 1, token, 0, &id));
    assert_true(id != 0);
    return id;
}

static inline void feed_ack(session *t, uint8_t first, uint16_t id)
{
    const char bytes[4] = {(char)first, 2, (char)(id >> 8), (char)id};
    feed(t, spoke_str_from(bytes, 4));
}

static inline void expect_puback(session *t, uint16_t id, uint32_t token)
{
    expect_event(t, SPOKE_MQTT_EVENT_PUBACK);
    assert_int_equal(t->event.packet_id, id);
    assert_int_equal(t->event.token, token);
}

static inline void feed_message(session *t, uint16_t id)
{
    const char bytes[] = {'\x32', 6, 0, 1, 't', (char)(id >> 8), (char)id, 'x'};
    feed(t, spoke_str_from(bytes, sizeof bytes));
}

#endif
