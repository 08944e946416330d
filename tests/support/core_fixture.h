/* The bench, asked through REST as an administrator, and one device. For the tests of the REST data plane and of the
 * control area. */
#ifndef SPOKE_TESTS_CORE_FIXTURE_H
#define SPOKE_TESTS_CORE_FIXTURE_H

#include "support/central_bench.h"

#define FIXTURE_UNIX_MS INT64_C(1772600767089) /* 2026-03-04T05:06:07.089Z */
#define FIXTURE_GROUP_KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct fixture {
    struct bench bench;
    struct device device;
    /* the last answer */
    unsigned answers;
    int status;
    uint32_t retry_after_s;
    char code[40], allow[80];
    char *text;
    cJSON *json;
    uint64_t ticket;
    /* the last message to the device */
    char topic[300], payload[2000];
};

static inline struct fixture *fixture_create(bool control)
{
    struct fixture *f = calloc(1, sizeof *f);
    bench_prepare(&f->bench);
    f->bench.start_ms = FIXTURE_UNIX_MS - (int64_t)f->bench.now_ms;
    f->bench.options.control = control;
    f->bench.options.id_scope = "0ne0000ABCD";
    f->bench.options.group_key = FIXTURE_GROUP_KEY;
    f->bench.options.hub_host = "localhost";
    bench_start(&f->bench);
    return f;
}

static inline void fixture_destroy(struct fixture *f)
{
    device_close(&f->device);
    bench_close(&f->bench);
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
    snprintf(f->allow, sizeof f->allow, "%s", response->allow != NULL ? response->allow : "");
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
    f->ticket = core_request(f->bench.core, &request, fixture_done, f);
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
    assert_ok(store_device_put(core_store(f->bench.core), &row));
    store_device_free(&row);
}

/* Takes the next packet from the service. Its type; 0: none. Topic and payload go to the fixture. */
static inline int fixture_take(struct fixture *f)
{
    spoke_mqtt_packet packet;
    (void)core_commit(f->bench.core);
    if (!device_next(&f->device, &packet))
        return 0;
    if (packet.type == SPOKE_MQTT_CONNACK)
        assert_int_equal(packet.as.connack.code, 0);
    if (packet.type == SPOKE_MQTT_PUBLISH) {
        const spoke_str topic = packet.as.publish.topic, payload = packet.as.publish.payload;
        snprintf(f->topic, sizeof f->topic, "%.*s", (int)topic.len, topic.ptr);
        snprintf(f->payload, sizeof f->payload, "%.*s", (int)payload.len, payload.len > 0 ? payload.ptr : "");
    }
    return (int)packet.type;
}

static inline void fixture_login(struct fixture *f, const char *id)
{
    char key[96], token[600], username[300], resource[300];
    assert_ok(core_device_key(f->bench.core, id, false, key));
    snprintf(resource, sizeof resource, "localhost/devices/%s", id);
    bench_token(id, key, resource, bench_unix(&f->bench) / 1000 + 3600, token, sizeof token);
    snprintf(username, sizeof username, "localhost/%s/?api-version=2021-04-12&model-id=dtmi%%3Aacme%%3Apump%%3B1",
             id);
    device_open(&f->device, &f->bench, NULL);
    device_connect_as(&f->device, id, username, token, true, 0);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_CONNACK);
}

/* A provisioned device, connected, listening to commands and desired properties. */
static inline void fixture_connect(struct fixture *f, const char *id)
{
    fixture_device_row(f, id);
    fixture_login(f, id);
    device_subscribe_ok(&f->device, "$iothub/twin/PATCH/properties/desired/#", 0);
    /* last: a command that waited goes out behind its SUBACK */
    device_subscribe_ok(&f->device, "$iothub/methods/POST/#", 0);
}

static inline void fixture_publish(struct fixture *f, const char *topic, const char *payload, uint8_t qos)
{
    device_publish(&f->device, topic, payload, qos > 0 ? 7 : 0);
    if (qos > 0)
        assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBACK);
}

#endif
