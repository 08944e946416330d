/* Direct methods: QoS 0, never queued, one answer in time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

#define MAX_IN_FLIGHT 10u /* calls of one device */

static const char *const log_module = "method";

struct method_call {
    struct method_call *next;
    uint64_t ticket; /* in hexadecimal also the $rid */
    char device_id[CONN_ID_CAP];
    char *name, *payload;
    size_t payload_len;
    bool sent;
    uint64_t due; /* of the connection, then of the answer */
    uint32_t response_limit_ms;
    core_method_fn done;
    void *user;
};

static void call_free(struct method_call *call)
{
    free(call->name);
    free(call->payload);
    free(call);
}

void method_free_all(struct core *c)
{
    while (c->calls != NULL) {
        struct method_call *call = c->calls;
        c->calls = call->next;
        call_free(call);
    }
}

static void unlink_call(struct core *c, const struct method_call *call)
{
    for (struct method_call **at = &c->calls; *at != NULL; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            return;
        }
}

/* Ends a call. It leaves the list first: `done` may start and cancel others. */
static void finish(struct core *c, struct method_call *call, int status, int32_t code, spoke_str payload)
{
    unlink_call(c, call);
    call->done(call->user, status, code, payload);
    call_free(call);
}

static void fail(struct core *c, struct method_call *call, int32_t code, const char *why)
{
    core_log(c, SPOKE_LOG_INFO, log_module, "%s: %s: %ld %s", call->device_id, call->name, (long)code, why);
    finish(c, call, 0, code, spoke_str_from(NULL, 0));
}

/* --- calling --- */

static bool ready(struct core *c, const char *device_id, struct conn **out)
{
    *out = hub_conn(c, device_id);
    return *out != NULL && conn_subscription(*out, TOPIC_METHODS) != NULL;
}

static void send(struct conn *k, struct method_call *call)
{
    char *topic = NULL;
    int len = asprintf(&topic, "$iothub/methods/POST/%s/?$rid=%llx", call->name, (unsigned long long)call->ticket);
    call->sent = true;
    call->due = core_now_ms(k->core) + call->response_limit_ms;
    core_due(k->core, call->due);
    if (len < 0)
        return; /* no memory: the caller's deadline answers */
    conn_publish(k, spoke_str_from(topic, (size_t)len), spoke_str_from(call->payload, call->payload_len), 0, 0,
                 false);
    free(topic);
}

void method_device_ready(struct conn *k)
{
    if (conn_subscription(k, TOPIC_METHODS) == NULL)
        return;
    for (struct method_call *call = k->core->calls; call != NULL; call = call->next)
        if (!call->sent && strcmp(call->device_id, k->id) == 0)
            send(k, call);
}

static size_t in_flight(const struct core *c, const char *device_id)
{
    size_t count = 0;
    for (const struct method_call *call = c->calls; call != NULL; call = call->next)
        count += strcmp(call->device_id, device_id) == 0;
    return count;
}

/* A name that can stand in a topic: MQTT's wildcards and the end of the name cannot. */
static bool good_name(const char *name)
{
    return name[0] != '\0' && strlen(name) <= 512 && strpbrk(name, "+#?/") == NULL &&
           spoke_utf8_valid(spoke_str_of(name));
}

/* 0, or the code that refuses the call at once. */
static int32_t refusal(struct core *c, const char *device_id, const char *name, spoke_str payload,
                       uint32_t connect_limit_ms)
{
    struct conn *k;
    if (!good_name(name) || strlen(device_id) >= CONN_ID_CAP)
        return CODE_ARGUMENT;
    if (payload.len > SPOKE_MAX_COMMAND_BYTES)
        return CODE_TOO_LARGE;
    if (in_flight(c, device_id) >= MAX_IN_FLIGHT)
        return CODE_METHODS_IN_FLIGHT;
    return connect_limit_ms == 0 && !ready(c, device_id, &k) ? CODE_NOT_ONLINE : 0;
}

static struct method_call *new_call(const char *device_id, const char *name, spoke_str payload)
{
    struct method_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->name = text_copy(spoke_str_of(name));
    call->payload = text_copy(payload);
    call->payload_len = payload.len;
    (void)snprintf(call->device_id, sizeof call->device_id, "%s", device_id);
    if (call->name != NULL && call->payload != NULL)
        return call;
    call_free(call);
    return NULL;
}

uint64_t core_method_call(struct core *c, const char *device_id, const char *method, spoke_str payload,
                          uint32_t connect_limit_ms, uint32_t response_limit_ms, core_method_fn done, void *user)
{
    int32_t code = refusal(c, device_id, method, payload, connect_limit_ms);
    struct method_call *call = code == 0 ? new_call(device_id, method, payload) : NULL;
    if (call == NULL) {
        core_log(c, SPOKE_LOG_INFO, log_module, "%s: %s: not called: %ld", device_id, method, (long)code);
        done(user, 0, code != 0 ? code : 500001, spoke_str_from(NULL, 0));
        return 0;
    }
    struct conn *k;
    call->ticket = ++c->last_ticket;
    call->response_limit_ms = response_limit_ms;
    call->done = done;
    call->user = user;
    call->next = c->calls;
    c->calls = call;
    if (ready(c, device_id, &k)) {
        send(k, call);
    } else {
        call->due = core_now_ms(c) + connect_limit_ms;
        core_due(c, call->due);
    }
    return call->ticket;
}

static struct method_call *find_call(struct core *c, uint64_t ticket)
{
    for (struct method_call *call = c->calls; call != NULL; call = call->next)
        if (call->ticket == ticket)
            return call;
    return NULL;
}

void core_method_cancel(struct core *c, uint64_t ticket)
{
    struct method_call *call = find_call(c, ticket);
    if (call == NULL)
        return;
    unlink_call(c, call);
    call_free(call);
}

/* --- time --- */

uint64_t method_deadline(const struct core *c)
{
    uint64_t due = UINT64_MAX;
    for (const struct method_call *call = c->calls; call != NULL; call = call->next)
        due = call->due < due ? call->due : due;
    return due;
}

void method_tick(struct core *c)
{
    struct method_call *call = c->calls;
    while (call != NULL) {
        if (core_now_ms(c) < call->due) {
            call = call->next;
            continue;
        }
        if (call->sent)
            fail(c, call, CODE_METHOD_TIMEOUT, "the device did not answer in time");
        else
            fail(c, call, CODE_NOT_ONLINE, "the device did not come online in time");
        call = c->calls; /* `done` may have changed the list */
    }
}

/* --- the answer --- */

struct answer {
    uint32_t status;
    uint64_t ticket;
    bool known_form; /* the $rid is one that this service writes */
};

static bool read_hex(spoke_str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = text.ptr[i] != '\0' ? strchr(digits, text.ptr[i]) : NULL;
        if (at == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(at - digits);
    }
    return text.len > 0 && text.len <= 16;
}

static bool read_topic(spoke_str rest, struct answer *out)
{
    spoke_str digits, query, rid;
    if (!spoke_str_cut(rest, '/', &digits, &query) || spoke_str_u32(digits, &out->status) != SPOKE_OK ||
        out->status > INT32_MAX || !topic_rid(query, &rid))
        return false;
    out->known_form = read_hex(rid, &out->ticket);
    return true;
}

static void take_answer(struct conn *k, const struct answer *answer, spoke_str payload)
{
    struct core *c = k->core;
    struct method_call *call = answer->known_form ? find_call(c, answer->ticket) : NULL;
    if (call == NULL || !call->sent || strcmp(call->device_id, k->id) != 0) {
        conn_log(k, SPOKE_LOG_WARN, log_module, "an answer that nobody waits for: late, or given twice");
        return;
    }
    if (payload.len > 0 && spoke_json_check(payload) != SPOKE_OK)
        fail(c, call, CODE_BAD_ANSWER, "the device's answer is not JSON");
    else
        finish(c, call, (int)answer->status, 0, payload);
}

bool method_publish(struct conn *k, const spoke_mqtt_packet *packet)
{
    spoke_str topic = packet->as.publish.topic;
    spoke_str head = SPOKE_STR("$iothub/methods/res/");
    struct answer answer;
    if (!spoke_str_starts(topic, head))
        return false;
    if (!read_topic(spoke_str_from(topic.ptr + head.len, topic.len - head.len), &answer)) {
        conn_protocol_error(k, "a method answer whose topic is not $iothub/methods/res/{status}/?$rid=...");
        return true;
    }
    if (packet->as.publish.payload.len > SPOKE_MAX_COMMAND_BYTES) {
        conn_end(k, "hub-protocol-error", "a method answer larger than 128 KB", CODE_TOO_LARGE);
        return true;
    }
    conn_puback(k, packet->packet_id);
    take_answer(k, &answer, packet->as.publish.payload);
    return true;
}
