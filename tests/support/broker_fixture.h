/* A broker without sockets and clients that speak to it packet by packet, for its tests. What a client was sent waits
 * in a row until the test takes it. */
#ifndef SPOKE_TESTS_BROKER_FIXTURE_H
#define SPOKE_TESTS_BROKER_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/mqtt.h>

#include "central/broker/broker.h"
#include "central/store/store_broker.h"
#include "support/support.h"

#define BROKER_CLIENTS 8

struct peer {
    struct broker_conn *conn;
    bool deaf; /* reads nothing */
    uint8_t *heard;
    size_t heard_len, taken;
};

struct broker_fixture {
    struct broker *broker;
    struct store *store;
    struct broker_limits limits;
    uint64_t now;
    struct peer peers[BROKER_CLIENTS];
    char line[200]; /* logged last */
    size_t lines;
    spoke_mqtt_packet packet; /* taken last; its views live until the next take of that client */
};

/* --- the machine --- */

static inline void keep_line(void *user, spoke_log_level level, const char *line)
{
    struct broker_fixture *f = user;
    if (level > SPOKE_LOG_WARN)
        return;
    (void)snprintf(f->line, sizeof f->line, "%s", line);
    f->lines++;
}

static inline void broker_start(struct broker_fixture *f)
{
    const struct broker_options options = {
        .limits = f->limits, .store = f->store, .log = keep_line, .log_user = f};
    assert_int_equal(broker_create(&options, &f->broker), SPOKE_OK);
}

static inline void peer_gone(struct broker_fixture *f, size_t at)
{
    broker_conn_close(f->peers[at].conn, f->now);
    f->peers[at].conn = NULL;
}

static inline void broker_stop(struct broker_fixture *f)
{
    for (size_t i = 0; i < BROKER_CLIENTS; i++)
        peer_gone(f, i);
    broker_destroy(f->broker);
    f->broker = NULL;
}

/* The process ends and another one starts with what was kept. */
static inline void broker_restart(struct broker_fixture *f)
{
    broker_stop(f);
    broker_start(f);
}

static inline int broker_set_up(void **state)
{
    struct broker_fixture *f = calloc(1, sizeof *f);
    char why[200];
    f->now = 1000;
    if (store_broker_open(":memory:", false, &f->store, why, sizeof why) != SPOKE_OK)
        return -1;
    broker_start(f);
    *state = f;
    return 0;
}

static inline int broker_tear_down(void **state)
{
    struct broker_fixture *f = *state;
    broker_stop(f);
    store_close(f->store);
    for (size_t i = 0; i < BROKER_CLIENTS; i++)
        free(f->peers[i].heard);
    free(f);
    return 0;
}

static inline void pull(struct broker_fixture *f, struct peer *p)
{
    for (spoke_str out = broker_conn_output(p->conn); out.len > 0; out = broker_conn_output(p->conn)) {
        p->heard = realloc(p->heard, p->heard_len + out.len);
        assert_non_null(p->heard);
        memcpy(p->heard + p->heard_len, out.ptr, out.len);
        p->heard_len += out.len;
        broker_conn_sent(p->conn, f->now, out.len);
    }
}

/* What a turn of the loop does, until nothing is left to say. */
static inline void settle(struct broker_fixture *f)
{
    do {
        broker_tick(f->broker, f->now);
        assert_int_equal(broker_commit(f->broker), SPOKE_OK);
        for (size_t i = 0; i < BROKER_CLIENTS; i++)
            if (f->peers[i].conn != NULL && !f->peers[i].deaf)
                pull(f, &f->peers[i]);
    } while (broker_deadline(f->broker) == 0);
}

static inline void pass(struct broker_fixture *f, uint64_t ms)
{
    f->now += ms;
    broker_tick(f->broker, f->now);
    settle(f);
}

/* --- sending --- */

static inline void open_peer(struct broker_fixture *f, size_t at)
{
    struct peer *p = &f->peers[at];
    if (p->conn != NULL)
        peer_gone(f, at);
    p->heard_len = p->taken = 0;
    p->deaf = false;
    assert_int_equal(broker_conn_open(f->broker, f->now, &p->conn), SPOKE_OK);
    broker_conn_own(p->conn, p);
}

static inline void say_bytes(struct broker_fixture *f, size_t at, const void *bytes, size_t len)
{
    broker_conn_receive(f->peers[at].conn, f->now, bytes, len);
    settle(f);
}

static inline void say(struct broker_fixture *f, size_t at, const spoke_mqtt_packet *packet)
{
    static uint8_t memory[2 * 1024 * 1024];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_mqtt_encode(packet, &out), SPOKE_OK);
    say_bytes(f, at, out.ptr, out.len);
}

static inline void say_short(struct broker_fixture *f, size_t at, spoke_mqtt_type type, uint16_t packet_id)
{
    const spoke_mqtt_packet packet = {.type = type, .packet_id = packet_id};
    say(f, at, &packet);
}

static inline spoke_mqtt_packet connect_of(const char *id, bool clean)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNECT};
    packet.as.connect.protocol = SPOKE_STR("MQTT");
    packet.as.connect.level = 4;
    packet.as.connect.client_id = spoke_str_of(id);
    packet.as.connect.clean_session = clean;
    return packet;
}

static inline void publish_as(struct broker_fixture *f, size_t at, const char *topic, const char *payload,
                              uint8_t qos, bool retain, uint16_t packet_id)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH, .packet_id = packet_id};
    packet.as.publish.topic = spoke_str_of(topic);
    packet.as.publish.payload = spoke_str_of(payload);
    packet.as.publish.qos = qos;
    packet.as.publish.retain = retain;
    say(f, at, &packet);
}

/* --- hearing --- */

/* False: nothing more came. */
static inline bool hear(struct broker_fixture *f, size_t at)
{
    struct peer *p = &f->peers[at];
    spoke_mqtt_header header;
    if (p->taken == p->heard_len)
        return false;
    if (spoke_mqtt_peek(p->heard + p->taken, p->heard_len - p->taken, &header) != SPOKE_OK)
        return false;
    const size_t len = header.head_bytes + header.body_bytes;
    assert_true(len <= p->heard_len - p->taken);
    assert_int_equal(spoke_mqtt_decode(p->heard + p->taken, len, &f->packet), SPOKE_OK);
    p->taken += len;
    return true;
}

static inline void expect_nothing(struct broker_fixture *f, size_t at)
{
    assert_false(hear(f, at));
}

static inline void expect(struct broker_fixture *f, size_t at, spoke_mqtt_type type)
{
    assert_true(hear(f, at));
    assert_int_equal(f->packet.type, type);
}

static inline void expect_id(struct broker_fixture *f, size_t at, spoke_mqtt_type type, uint16_t packet_id)
{
    expect(f, at, type);
    assert_int_equal(f->packet.packet_id, packet_id);
}

static inline void expect_text(spoke_str text, const char *wanted)
{
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.ptr, wanted, text.len);
}

/* A PUBLISH; the flags are in f->packet. */
static inline void expect_message(struct broker_fixture *f, size_t at, const char *topic, const char *payload,
                                  uint8_t qos)
{
    expect(f, at, SPOKE_MQTT_PUBLISH);
    expect_text(f->packet.as.publish.topic, topic);
    expect_text(f->packet.as.publish.payload, payload);
    assert_int_equal(f->packet.as.publish.qos, qos);
}

static inline void expect_end(struct broker_fixture *f, size_t at)
{
    assert_true(broker_conn_ended(f->peers[at].conn));
}

/* --- both --- */

static inline void expect_connack(struct broker_fixture *f, size_t at, uint8_t code, bool present)
{
    expect(f, at, SPOKE_MQTT_CONNACK);
    assert_int_equal(f->packet.as.connack.code, code);
    assert_int_equal(f->packet.as.connack.session_present, present);
}

static inline void connect_as(struct broker_fixture *f, size_t at, const char *id, bool clean)
{
    const spoke_mqtt_packet packet = connect_of(id, clean);
    open_peer(f, at);
    say(f, at, &packet);
    expect(f, at, SPOKE_MQTT_CONNACK);
    assert_int_equal(f->packet.as.connack.code, 0);
}

/* The return code. What is retained for it comes behind. */
static inline uint8_t subscribe(struct broker_fixture *f, size_t at, const char *filter, uint8_t qos)
{
    uint8_t memory[1024];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const spoke_mqtt_filter item = {spoke_str_of(filter), qos};
    assert_int_equal(spoke_mqtt_encode_filters(77, true, &item, 1, &out), SPOKE_OK);
    say_bytes(f, at, out.ptr, out.len);
    expect_id(f, at, SPOKE_MQTT_SUBACK, 77);
    assert_int_equal(f->packet.as.codes.len, 1);
    return (uint8_t)f->packet.as.codes.ptr[0];
}

static inline void unsubscribe(struct broker_fixture *f, size_t at, const char *filter)
{
    uint8_t memory[1024];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const spoke_mqtt_filter item = {spoke_str_of(filter), 0};
    assert_int_equal(spoke_mqtt_encode_filters(78, false, &item, 1, &out), SPOKE_OK);
    say_bytes(f, at, out.ptr, out.len);
    expect_id(f, at, SPOKE_MQTT_UNSUBACK, 78);
}

#endif
