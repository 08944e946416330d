/* A core in memory with a clock that stands still, asked as an administrator; and a device that speaks MQTT to it
 * byte for byte. For the tests of the REST data plane and of the control area. */
#ifndef SPOKE_TESTS_CORE_FIXTURE_H
#define SPOKE_TESTS_CORE_FIXTURE_H

#include "support/support.h"

#include <cJSON.h>
#include <spoke/crypto.h>
#include <spoke/proto/mqtt.h>
#include <spoke/proto/sas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core.h"

#define FIXTURE_UNIX_MS INT64_C(1772600767089) /* 2026-03-04T05:06:07.089Z */
#define FIXTURE_GROUP_KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct fixture {
    struct core *core;
    uint64_t now_ms;
    int64_t unix_ms;
    uint8_t next_random;
    /* the last answer */
    unsigned answers;
    int status;
    uint32_t retry_after_s;
    char code[40];
    char *text;
    cJSON *json;
    uint64_t ticket;
    /* the device */
    struct conn *conn;
    char topic[300], payload[2000];
};

static inline uint64_t fixture_monotonic(void *ctx)
{
    return ((struct fixture *)ctx)->now_ms;
}

static inline int64_t fixture_unix(void *ctx)
{
    return ((struct fixture *)ctx)->unix_ms;
}

static inline spoke_status fixture_random(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = ((struct fixture *)ctx)->next_random++;
    return SPOKE_OK;
}

static inline struct fixture *fixture_create(bool control)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[200] = "";
    f->now_ms = 1000;
    f->unix_ms = FIXTURE_UNIX_MS;
    const struct core_options options = {.store_path = ":memory:",
                                         .control = control,
                                         .id_scope = "0ne0000ABCD",
                                         .group_key = FIXTURE_GROUP_KEY,
                                         .hub_host = "localhost",
                                         .monotonic_ms = fixture_monotonic,
                                         .unix_ms = fixture_unix,
                                         .clock_ctx = f,
                                         .random = fixture_random,
                                         .random_ctx = f};
    if (core_create(&options, &f->core, why, sizeof why) != SPOKE_OK)
        fail_msg("no core: %s", why);
    return f;
}

static inline void fixture_destroy(struct fixture *f)
{
    if (f->conn != NULL)
        core_conn_close(f->conn);
    core_destroy(f->core);
    cJSON_Delete(f->json);
    free(f->text);
    free(f);
}

/* --- asking --- */

static inline void fixture_done(void *user, const struct core_response *response)
{
    struct fixture *f = user;
    f->answers++;
    f->status = response->status;
    f->retry_after_s = response->retry_after_s;
    snprintf(f->code, sizeof f->code, "%s", response->error_code != NULL ? response->error_code : "");
    free(f->text);
    cJSON_Delete(f->json);
    f->text = strndup(response->body.len > 0 ? response->body.ptr : "", response->body.len);
    f->json = cJSON_Parse(f->text);
}

static inline void fixture_ask_as(struct fixture *f, const char *method, const char *target, const char *body,
                                  bool trusted, const char *authorization)
{
    char path[600];
    const size_t len = strcspn(target, "?");
    snprintf(path, sizeof path, "%.*s", (int)len, target);
    const struct core_request request = {.method = method,
                                         .path = path,
                                         .query = target[len] == '?' ? target + len + 1 : "",
                                         .authorization = authorization,
                                         .trusted = trusted,
                                         .base = "https://localhost:1",
                                         .body = spoke_str_of(body)};
    f->status = 0;
    f->ticket = core_request(f->core, &request, fixture_done, f);
}

static inline void fixture_ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask_as(f, method, target, body, true, NULL);
}

/* The answer is this JSON, member order included; "" for none. */
#define assert_answer(f, status_, text_) fixture_assert_answer((f), (status_), (text_), __FILE__, __LINE__)
static inline void fixture_assert_answer(const struct fixture *f, int status, const char *text, const char *file,
                                         int line)
{
    if (f->status == status && f->text != NULL && strcmp(f->text, text) == 0)
        return;
    print_error("expected %d %s\ngot      %d %s\n", status, text, f->status,
                f->text != NULL ? f->text : "nothing");
    _fail(file, line);
}

/* The answer is an error whose message has these words. */
#define assert_refused(f, status_, code_, words_) \
    fixture_assert_refused((f), (status_), (code_), (words_), __FILE__, __LINE__)
static inline void fixture_assert_refused(const struct fixture *f, int status, const char *code, const char *words,
                                          const char *file, int line)
{
    const cJSON *error = cJSON_GetObjectItem(f->json, "error");
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItem(error, "message"));
    const char *body_code = cJSON_GetStringValue(cJSON_GetObjectItem(error, "code"));
    if (f->status == status && strcmp(f->code, code) == 0 && body_code != NULL && strcmp(body_code, code) == 0 &&
        said != NULL && strstr(said, words) != NULL)
        return;
    print_error("expected %d %s ...%s...\ngot      %d %s %s\n", status, code, words, f->status, f->code,
                f->text != NULL ? f->text : "nothing");
    _fail(file, line);
}

/* A member of the answer, "a.b.c"; NULL when it is not there. */
static inline const cJSON *fixture_at(const struct fixture *f, const char *path)
{
    char name[100];
    const cJSON *at = f->json;
    while (*path != '\0' && at != NULL) {
        const size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(name)) : cJSON_GetObjectItemCaseSensitive(at, name);
        path += len + (path[len] == '.');
    }
    return at;
}

static inline const char *fixture_text(const struct fixture *f, const char *path)
{
    const char *text = cJSON_GetStringValue(fixture_at(f, path));
    return text != NULL ? text : "(none)";
}

/* --- the device --- */

static inline void fixture_device_row(struct fixture *f, const char *id)
{
    struct store_device row = {.id = strdup(id),
                               .hub_host = strdup("localhost"),
                               .enabled = true,
                               .approved = true,
                               .provisioned = true,
                               .created_ms = 16};
    assert_ok(store_device_put(core_store(f->core), &row));
    store_device_free(&row);
}

static inline void fixture_send(struct fixture *f, const spoke_mqtt_packet *packet)
{
    uint8_t bytes[4096];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    assert_ok(spoke_mqtt_encode(packet, &out));
    core_conn_receive(f->conn, out.ptr, out.len);
    core_commit(f->core);
}

/* Takes the next packet from the service. Its type; 0: none. Topic and payload go to the fixture. */
static inline int fixture_take(struct fixture *f)
{
    spoke_mqtt_header header;
    spoke_mqtt_packet packet;
    core_commit(f->core);
    const spoke_str out = core_conn_output(f->conn);
    if (out.len == 0)
        return 0;
    assert_ok(spoke_mqtt_peek((const uint8_t *)out.ptr, out.len, &header));
    const size_t len = header.head_bytes + header.body_bytes;
    assert_ok(spoke_mqtt_decode((const uint8_t *)out.ptr, len, &packet));
    if (packet.type == SPOKE_MQTT_CONNACK)
        assert_int_equal(packet.as.connack.code, 0);
    if (packet.type == SPOKE_MQTT_PUBLISH) {
        const spoke_str topic = packet.as.publish.topic, payload = packet.as.publish.payload;
        snprintf(f->topic, sizeof f->topic, "%.*s", (int)topic.len, topic.ptr);
        snprintf(f->payload, sizeof f->payload, "%.*s", (int)payload.len, payload.len > 0 ? payload.ptr : "");
    }
    core_conn_sent(f->conn, len);
    return (int)packet.type;
}

static inline void fixture_login(struct fixture *f, const char *id)
{
    char key_text[96], password[600], username[300], resource[300];
    spoke_key key;
    spoke_buf token = spoke_buf_from(password, sizeof password);
    assert_ok(core_device_key(f->core, id, false, key_text));
    assert_ok(spoke_key_from_base64(spoke_str_of(key_text), &key));
    snprintf(resource, sizeof resource, "localhost/devices/%s", id);
    assert_ok(spoke_sas_token(spoke_str_of(resource), f->unix_ms / 1000 + 3600, spoke_str_of(NULL), spoke_key_hmac,
                              &key, &token));
    snprintf(username, sizeof username, "localhost/%s/?api-version=2021-04-12&model-id=dtmi%%3Aacme%%3Apump%%3B1",
             id);
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNECT};
    packet.as.connect.protocol = SPOKE_STR("MQTT");
    packet.as.connect.level = 4;
    packet.as.connect.client_id = spoke_str_of(id);
    packet.as.connect.username = spoke_str_of(username);
    packet.as.connect.password = spoke_buf_str(&token);
    packet.as.connect.has_username = packet.as.connect.has_password = true;
    packet.as.connect.clean_session = true;
    assert_ok(core_conn_open(f->core, NULL, &f->conn));
    fixture_send(f, &packet);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_CONNACK);
}

/* A provisioned device, connected, listening to commands and desired properties. */
static inline void fixture_connect(struct fixture *f, const char *id)
{
    uint8_t bytes[300];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    const spoke_mqtt_filter filters[] = {{SPOKE_STR("$iothub/methods/POST/#"), 0},
                                         {SPOKE_STR("$iothub/twin/PATCH/properties/desired/#"), 0}};
    fixture_device_row(f, id);
    fixture_login(f, id);
    assert_ok(spoke_mqtt_encode_filters(1, true, filters, 2, &out));
    core_conn_receive(f->conn, out.ptr, out.len);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_SUBACK);
}

static inline void fixture_publish(struct fixture *f, const char *topic, const char *payload, uint8_t qos)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH, .packet_id = qos > 0 ? 7 : 0};
    packet.as.publish.topic = spoke_str_of(topic);
    packet.as.publish.payload = spoke_str_of(payload);
    packet.as.publish.qos = qos;
    fixture_send(f, &packet);
    if (qos > 0)
        assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
}

#endif
