/* The service's core on a bench: fake clocks, a store in memory, and devices that speak MQTT bytes. */
#ifndef SPOKE_TESTS_CENTRAL_BENCH_H
#define SPOKE_TESTS_CENTRAL_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include <central/core/core.h>
#include <crypto/crypto.h>
#include <spoke/proto/mqtt.h>
#include <spoke/proto/sas.h>

#define BENCH_SCOPE "0ne00ABCDEF"
#define BENCH_HUB "central-hub-1.local"
/* the 64 bytes 0x00..0x3f */
#define BENCH_GROUP_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define BENCH_START_S 1767225600 /* 2026-01-01T00:00:00Z */
#define BENCH_MODEL "dtmi:com:example:Thermostat;1"

struct bench {
    struct core *core;
    uint64_t now_ms;
    int64_t start_ms; /* UTC when now_ms was 0 */
    uint8_t random;
    struct core_options options;
};

static inline uint64_t bench_monotonic(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static inline int64_t bench_unix(void *ctx)
{
    const struct bench *b = ctx;
    return b->start_ms + (int64_t)b->now_ms;
}

static inline spoke_status bench_random(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = ((struct bench *)ctx)->random++;
    return SPOKE_OK;
}

static inline struct core_options bench_options(struct bench *b)
{
    const struct core_options o = {.store_path = ":memory:",
                                   .control = true,
                                   .id_scope = BENCH_SCOPE,
                                   .group_key = BENCH_GROUP_KEY,
                                   .hub_host = BENCH_HUB,
                                   .dps_polls = 1,
                                   .dps_retry_after_s = 3,
                                   .monotonic_ms = bench_monotonic,
                                   .unix_ms = bench_unix,
                                   .clock_ctx = b,
                                   .random = bench_random,
                                   .random_ctx = b};
    return o;
}

static inline void bench_start(struct bench *b)
{
    char why[200] = "";
    const spoke_status status = core_create(&b->options, &b->core, why, sizeof why);
    if (status != SPOKE_OK)
        fail_msg("%s", why);
}

/* All but the start, for other options. */
static inline void bench_prepare(struct bench *b)
{
    memset(b, 0, sizeof *b);
    b->now_ms = 1000;
    b->start_ms = BENCH_START_S * INT64_C(1000);
    b->options = bench_options(b);
}

static inline void bench_open(struct bench *b)
{
    bench_prepare(b);
    bench_start(b);
}

static inline void bench_close(struct bench *b)
{
    core_destroy(b->core);
    b->core = NULL;
}

static inline void bench_advance(struct bench *b, uint64_t ms)
{
    b->now_ms += ms;
    core_tick(b->core);
    core_commit(b->core);
}

/* Number of events of a kind so far. */
static inline int bench_events(struct bench *b, const char *kind)
{
    cJSON *list = core_events_get(b->core);
    const cJSON *item;
    int count = 0;
    cJSON_ArrayForEach(item, list)
    {
        count += strcmp(cJSON_GetObjectItem(item, "kind")->valuestring, kind) == 0;
    }
    cJSON_Delete(list);
    return count;
}

static inline void bench_faults(struct bench *b, const char *json)
{
    char why[200] = "";
    cJSON *tree = cJSON_Parse(json);
    const spoke_status status = core_faults_put(b->core, tree, why, sizeof why);
    cJSON_Delete(tree);
    if (status != SPOKE_OK)
        fail_msg("%s", why);
    core_commit(b->core);
}

/* --- a device --- */

struct device {
    struct bench *bench;
    struct conn *conn;
    uint8_t bytes[400000]; /* what it received */
    size_t len, at;
};

/* chain: the certificates that it shows, DER; NULL: none. */
static inline void device_open(struct device *d, struct bench *b, const spoke_str *chain)
{
    memset(d, 0, sizeof *d);
    d->bench = b;
    assert_ok(core_conn_open(b->core, chain != NULL ? *chain : spoke_str_of(NULL), &d->conn));
}

static inline void device_close(struct device *d)
{
    if (d->conn == NULL)
        return;
    core_conn_close(d->conn);
    d->conn = NULL;
    core_commit(d->bench->core);
}

static inline void device_raw(struct device *d, const void *bytes, size_t len)
{
    core_conn_receive(d->conn, bytes, len);
    core_commit(d->bench->core);
}

static inline void device_send(struct device *d, const spoke_mqtt_packet *packet)
{
    static uint8_t memory[400000];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_mqtt_encode(packet, &out));
    device_raw(d, out.ptr, out.len);
}

/* The next packet from the service; false: none. */
static inline bool device_next(struct device *d, spoke_mqtt_packet *out)
{
    spoke_mqtt_header header;
    spoke_str more;
    while ((more = core_conn_output(d->conn)).len > 0) {
        assert_true(more.len <= sizeof d->bytes - d->len);
        memcpy(d->bytes + d->len, more.ptr, more.len);
        d->len += more.len;
        core_conn_sent(d->conn, more.len);
    }
    if (spoke_mqtt_peek(d->bytes + d->at, d->len - d->at, &header) != SPOKE_OK)
        return false;
    const size_t whole = header.head_bytes + header.body_bytes;
    assert_true(whole <= d->len - d->at);
    assert_ok(spoke_mqtt_decode(d->bytes + d->at, whole, out));
    d->at += whole;
    return true;
}

static inline spoke_mqtt_packet device_expect(struct device *d, spoke_mqtt_type type)
{
    spoke_mqtt_packet packet;
    memset(&packet, 0, sizeof packet);
    if (!device_next(d, &packet))
        fail_msg("the service said nothing; packet %d was expected", (int)type);
    assert_int_equal(packet.type, type);
    return packet;
}

static inline void device_expect_nothing(struct device *d)
{
    spoke_mqtt_packet packet;
    if (device_next(d, &packet))
        fail_msg("packet %d was not expected", (int)packet.type);
}

/* Token over `resource` as it stands, by the group key's derived key (or by `key`). */
static inline void bench_token(const char *id, const char *key, const char *resource, int64_t expires_s, char *out,
                               size_t cap)
{
    spoke_key group, own;
    char derived[96];
    spoke_buf text = spoke_buf_from(derived, sizeof derived);
    if (key == NULL) {
        assert_ok(spoke_key_from_base64(SPOKE_STR(BENCH_GROUP_KEY), &group));
        assert_ok(spoke_sas_derive(spoke_str_of(id), spoke_key_hmac, &group, &text));
    } else {
        assert_ok(spoke_buf_append(&text, spoke_str_of(key)));
    }
    assert_ok(spoke_key_from_base64(spoke_buf_str(&text), &own));
    spoke_buf token = spoke_buf_from(out, cap - 1);
    assert_ok(
        spoke_sas_token(spoke_str_of(resource), expires_s, spoke_str_of(NULL), spoke_key_hmac, &own, &token));
    out[token.len] = '\0';
}

static inline void device_connect_as(struct device *d, const char *client_id, const char *username,
                                     const char *password, bool clean, uint16_t keep_alive_s)
{
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_CONNECT;
    p.as.connect.protocol = SPOKE_STR("MQTT");
    p.as.connect.level = 4;
    p.as.connect.client_id = spoke_str_of(client_id);
    p.as.connect.username = spoke_str_of(username);
    p.as.connect.has_username = username != NULL;
    p.as.connect.password = spoke_str_of(password);
    p.as.connect.has_password = password != NULL;
    p.as.connect.clean_session = clean;
    p.as.connect.keep_alive_s = keep_alive_s;
    device_send(d, &p);
}

static inline void device_connect_dps(struct device *d, const char *id)
{
    char resource[256], token[1024], username[300];
    (void)snprintf(resource, sizeof resource, BENCH_SCOPE "/registrations/%s", id);
    (void)snprintf(username, sizeof username, "%s/api-version=2019-03-31", resource);
    bench_token(id, NULL, resource, BENCH_START_S + 86400, token, sizeof token);
    device_connect_as(d, id, username, token, true, 240);
}

static inline void device_connect_hub(struct device *d, const char *id, bool clean)
{
    char resource[256], token[1024], username[512];
    (void)snprintf(resource, sizeof resource, BENCH_HUB "/devices/%s", id);
    (void)snprintf(username, sizeof username,
                   BENCH_HUB "/%s/?api-version=2021-04-12&model-id=dtmi%%3Acom%%3Aexample%%3AThermostat%%3B1", id);
    bench_token(id, NULL, resource, BENCH_START_S + 3600, token, sizeof token);
    device_connect_as(d, id, username, token, clean, 240);
}

static inline uint8_t device_connack(struct device *d)
{
    return device_expect(d, SPOKE_MQTT_CONNACK).as.connack.code;
}

static inline void device_subscribe(struct device *d, const char *filter, uint8_t qos)
{
    uint8_t memory[1024];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const spoke_mqtt_filter filters[1] = {{spoke_str_of(filter), qos}};
    assert_ok(spoke_mqtt_encode_filters(7, true, filters, 1, &out));
    device_raw(d, out.ptr, out.len);
}

static inline void device_subscribe_ok(struct device *d, const char *filter, uint8_t qos)
{
    device_subscribe(d, filter, qos);
    const spoke_mqtt_packet suback = device_expect(d, SPOKE_MQTT_SUBACK);
    assert_int_equal(suback.packet_id, 7);
    assert_int_equal(suback.as.codes.len, 1);
}

static inline void device_publish_bytes(struct device *d, const char *topic, spoke_str payload, uint16_t packet_id)
{
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = packet_id;
    p.as.publish.qos = packet_id != 0;
    p.as.publish.topic = spoke_str_of(topic);
    p.as.publish.payload = payload;
    device_send(d, &p);
}

static inline void device_publish(struct device *d, const char *topic, const char *payload, uint16_t packet_id)
{
    device_publish_bytes(d, topic, spoke_str_of(payload), packet_id);
}

static inline void device_puback(struct device *d, uint16_t packet_id)
{
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBACK;
    p.packet_id = packet_id;
    device_send(d, &p);
}

static inline void device_goodbye(struct device *d)
{
    static const uint8_t disconnect[2] = {0xe0, 0};
    device_raw(d, disconnect, sizeof disconnect);
    device_close(d);
}

/* Provisions by one registration with no polls in between, so that the hub knows the device. */
static inline void bench_provision(struct bench *b, const char *id)
{
    static struct device d;
    char body[256];
    bench_faults(b, "{\"dpsPolls\":0}");
    device_open(&d, b, NULL);
    device_connect_dps(&d, id);
    assert_int_equal(device_connack(&d), 0);
    device_subscribe_ok(&d, "$dps/registrations/res/#", 1);
    (void)snprintf(body, sizeof body, "{\"registrationId\":\"%s\",\"payload\":{\"modelId\":\"" BENCH_MODEL "\"}}",
                   id);
    device_publish(&d, "$dps/registrations/PUT/iotdps-register/?$rid=1", body, 0);
    assert_str(device_expect(&d, SPOKE_MQTT_PUBLISH).as.publish.topic, "$dps/registrations/res/200/?$rid=1");
    device_goodbye(&d);
    bench_faults(b, "{}");
}

/* A provisioned device on the hub, CONNACK taken. */
static inline void device_online(struct device *d, struct bench *b, const char *id, bool clean)
{
    device_open(d, b, NULL);
    device_connect_hub(d, id, clean);
    assert_int_equal(device_connack(d), 0);
}

static inline void assert_json(spoke_str text, const char *expected)
{
    cJSON *have = cJSON_ParseWithLength(text.ptr, text.len);
    cJSON *want = cJSON_Parse(expected);
    assert_non_null(want);
    if (have == NULL || !cJSON_Compare(have, want, true))
        fail_msg("JSON differs: %.*s\n   wanted: %s", (int)text.len, text.len > 0 ? text.ptr : "", expected);
    cJSON_Delete(have);
    cJSON_Delete(want);
}

#endif
