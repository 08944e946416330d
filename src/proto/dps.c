#include <spoke/proto/dps.h>

#include <assert.h>
#include <string.h>

#include <spoke/features.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "proto/dps_reply.h"
#include "proto/topic.h"

enum {
    DEFAULT_REQUEST_LIMIT_MS = 30000,
    DEFAULT_TOTAL_LIMIT_MS = 900000,
    DEFAULT_PAUSE_MS = 2000,
    MAX_DOUBLINGS = 5, /* 2 s to 64 s, then capped */
    MAX_PAUSE_MS = 60000,
    MAX_MESSAGE_BYTES = 200
};

/* --- the connection --- */

#define RESOURCE "{}/registrations/{}"

static spoke_status write_ids(const spoke_dps_config *config, const char *pattern, spoke_buf *out)
{
    if (!topic_valid(config->id_scope, TOPIC_ID, SPOKE_MAX_SCOPE_BYTES) ||
        !topic_valid(config->registration_id, TOPIC_ID, SPOKE_MAX_ID_BYTES))
        return SPOKE_E_ARG;
    return topic_write(out, pattern, &config->id_scope, &config->registration_id, &config->user_agent);
}

spoke_status spoke_dps_username(const spoke_dps_config *config, spoke_buf *out)
{
    return write_ids(config, RESOURCE "/api-version=" SPOKE_DPS_API_VERSION "[&ClientVersion={%}]", out);
}

spoke_status spoke_dps_resource(const spoke_dps_config *config, spoke_buf *out)
{
    return write_ids(config, RESOURCE, out);
}

spoke_status spoke_dps_init(spoke_dps *d, const spoke_dps_config *config, void *scratch, size_t size)
{
    const spoke_str payload = config->payload;
    spoke_buf room = spoke_buf_from(scratch, size);
    if (size < SPOKE_DPS_MIN_SCRATCH_BYTES)
        return SPOKE_E_NO_MEMORY;
    if (spoke_dps_resource(config, &room) != SPOKE_OK || !spoke_utf8_valid(config->model_id))
        return SPOKE_E_ARG;
    if (!SPOKE_WITH_DPS_PAYLOAD && payload.len > 0)
        return SPOKE_E_UNSUPPORTED;
    if (payload.len > 0 && !json_is_object(payload))
        return SPOKE_E_ARG;
    memset(d, 0, sizeof *d); /* SPOKE_DPS_IDLE */
    d->config = *config;
    d->scratch = spoke_buf_from(scratch, size);
    if (d->config.request_limit_ms == 0)
        d->config.request_limit_ms = DEFAULT_REQUEST_LIMIT_MS;
    if (d->config.total_limit_ms == 0)
        d->config.total_limit_ms = DEFAULT_TOTAL_LIMIT_MS;
    return SPOKE_OK;
}

/* --- steps --- */

/* A fresh $rid for each request, never reset: a late reply to an old one matches nothing. */
static void ask(spoke_dps *d)
{
    d->step = d->operation_bytes > 0 ? SPOKE_DPS_POLLING : SPOKE_DPS_REGISTERING;
    d->to_send = true;
    d->rid++;
    d->due = UINT64_MAX; /* the caller may have no room for it yet */
}

static void wait_for(spoke_dps *d, uint64_t now, uint32_t pause_ms)
{
    d->step = SPOKE_DPS_WAITING;
    d->due = now + pause_ms;
    spoke_dps_tick(d, now);
}

static void forget_operation(spoke_dps *d)
{
    d->operation_bytes = d->scratch.len = 0;
}

/* The event's views go where the operation id was: nothing is asked any more. */
static void finish(spoke_dps *d, spoke_dps_event_kind kind)
{
    d->step = SPOKE_DPS_DONE;
    d->to_send = false;
    d->event.kind = kind;
    d->event_ready = true;
}

/* Cuts at a whole UTF-8 character. */
static spoke_str shortened(spoke_str text)
{
    if (text.len <= MAX_MESSAGE_BYTES)
        return text;
    size_t len = MAX_MESSAGE_BYTES;
    while (len > 0 && ((uint8_t)text.ptr[len] & 0xC0u) == 0x80u)
        len--;
    return spoke_str_from(text.ptr, len);
}

static void refuse(spoke_dps *d, spoke_dps_class failure, int32_t code)
{
    d->event = (spoke_dps_event){.failure = failure, .code = code};
    finish(d, SPOKE_DPS_REFUSED);
}

void spoke_dps_start(spoke_dps *d, uint64_t now)
{
    forget_operation(d);
    d->event_ready = false;
    d->registered_anew = false;
    d->refused_queries = 0;
    d->give_up = now + d->config.total_limit_ms;
    ask(d);
}

static bool awaits_reply(const spoke_dps *d)
{
    return (d->step == SPOKE_DPS_REGISTERING || d->step == SPOKE_DPS_POLLING) && !d->to_send;
}

uint64_t spoke_dps_deadline(const spoke_dps *d)
{
    if (d->step == SPOKE_DPS_IDLE || d->step == SPOKE_DPS_DONE)
        return UINT64_MAX;
    return d->due < d->give_up ? d->due : d->give_up;
}

void spoke_dps_tick(spoke_dps *d, uint64_t now)
{
    const uint64_t deadline = spoke_dps_deadline(d);
    if (now < deadline || deadline == UINT64_MAX)
        return;
    if (d->step == SPOKE_DPS_WAITING && now < d->give_up)
        ask(d);
    else
        refuse(d, SPOKE_DPS_TRANSIENT, 0);
}

spoke_status spoke_dps_next(spoke_dps *d, spoke_dps_event *event)
{
    if (!d->event_ready)
        return SPOKE_E_AGAIN;
    d->event_ready = false;
    *event = d->event;
    return SPOKE_OK;
}

/* --- requests --- */

static void write_members(spoke_writer *w, spoke_str object, bool skip_model_id)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_enter(object, &at);
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK) {
        if (skip_model_id && spoke_json_key_is(key, SPOKE_STR("modelId")))
            continue;
        spoke_write_raw_key(w, key);
        json_write_raw(w, value);
    }
}

static void write_payload(spoke_writer *w, const spoke_dps_config *config)
{
    json_write_name(w, "payload");
    spoke_write_begin_object(w);
    if (config->model_id.len > 0)
        json_write_text_member(w, "modelId", config->model_id);
    if (SPOKE_WITH_DPS_PAYLOAD)
        write_members(w, config->payload, config->model_id.len > 0);
    spoke_write_end_object(w);
}

static spoke_status write_registration(const spoke_dps_config *config, spoke_buf *out, spoke_str *body)
{
    spoke_writer w;
    spoke_writer_init(&w, out->ptr + out->len, out->cap - out->len);
    spoke_write_begin_object(&w);
    json_write_text_member(&w, "registrationId", config->registration_id);
    if (config->model_id.len > 0 || (SPOKE_WITH_DPS_PAYLOAD && config->payload.len > 0))
        write_payload(&w, config);
    spoke_write_end_object(&w);
    return spoke_writer_finish(&w, body);
}

static spoke_status write_topic(const spoke_dps *d, spoke_buf *out)
{
    const char *pattern = d->step == SPOKE_DPS_POLLING
                              ? "$dps/registrations/GET/iotdps-get-operationstatus/?$rid={}&operationId={}"
                              : "$dps/registrations/PUT/iotdps-register/?$rid={}";
    const spoke_str operation_id = spoke_str_from((const char *)d->scratch.ptr, d->operation_bytes);
    return topic_write_number(out, pattern, d->rid, &operation_id);
}

spoke_status spoke_dps_output(spoke_dps *d, spoke_str *topic, spoke_str *payload)
{
    if (!d->to_send)
        return SPOKE_E_AGAIN;
    d->scratch.len = d->operation_bytes;
    const spoke_status status = write_topic(d, &d->scratch);
    assert(status == SPOKE_OK); /* SPOKE_DPS_MIN_SCRATCH_BYTES */
    (void)status;
    *topic =
        spoke_str_from((const char *)d->scratch.ptr + d->operation_bytes, d->scratch.len - d->operation_bytes);
    *payload = spoke_str_from(NULL, 0);
    return d->step == SPOKE_DPS_POLLING ? SPOKE_OK : write_registration(&d->config, &d->scratch, payload);
}

void spoke_dps_sent(spoke_dps *d, uint64_t now)
{
    if (!d->to_send)
        return;
    d->to_send = false;
    d->due = now + d->config.request_limit_ms;
}

/* --- replies --- */

static bool is_own_rid(const spoke_dps *d, spoke_str rid)
{
    uint32_t number;
    return spoke_str_u32(rid, &number) == SPOKE_OK && number == d->rid;
}

static uint32_t refused_query_pause_ms(spoke_dps *d, const spoke_dps_reply *reply)
{
    const uint32_t doublings = d->refused_queries < MAX_DOUBLINGS ? d->refused_queries : MAX_DOUBLINGS;
    d->refused_queries++;
    if (reply->retry_after_s > 0)
        return reply->retry_after_s * 1000;
    const uint32_t pause = (uint32_t)DEFAULT_PAUSE_MS << doublings;
    return pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS;
}

/* A service that restarted has forgotten the operation, not the device; a conflict is with another attempt. */
static bool worth_registering_anew(const spoke_dps *d, uint32_t status)
{
    return !d->registered_anew && ((status == 404 && d->step == SPOKE_DPS_POLLING) || status == 409);
}

static void refuse_malformed(spoke_dps *d, const spoke_dps_reply *reply)
{
    refuse(d, SPOKE_DPS_TRANSIENT, (int32_t)reply->status);
}

/* In the service's own words, kept where the operation id was. */
static void refuse_as_said(spoke_dps *d, const spoke_dps_reply *reply, const struct dps_operation *o)
{
    forget_operation(d);
    const spoke_status kept = spoke_buf_append(&d->scratch, shortened(o->message));
    assert(kept == SPOKE_OK); /* SPOKE_DPS_MIN_SCRATCH_BYTES */
    (void)kept;
    refuse(d, o->failure, o->code);
    d->event.retry_after_s = reply->retry_after_s;
    d->event.message = spoke_buf_str(&d->scratch);
}

/* True: another request will follow. */
static bool tried_again(spoke_dps *d, uint64_t now, const spoke_dps_reply *reply)
{
    uint32_t pause_ms = DEFAULT_PAUSE_MS;
    if (reply->status >= 429 && d->step == SPOKE_DPS_POLLING) {
        pause_ms = refused_query_pause_ms(d, reply);
    } else if (worth_registering_anew(d, reply->status)) {
        d->registered_anew = true;
        forget_operation(d);
    } else {
        return false;
    }
    wait_for(d, now, pause_ms);
    return true;
}

static void on_assigning(spoke_dps *d, uint64_t now, const spoke_dps_reply *reply, spoke_str id)
{
    if (id.len > 0) {
        forget_operation(d);
        if (spoke_buf_append(&d->scratch, id) == SPOKE_OK) /* it fits: SPOKE_DPS_MIN_SCRATCH_BYTES */
            d->operation_bytes = d->scratch.len;
    }
    if (d->operation_bytes == 0) {
        refuse_malformed(d, reply);
        return;
    }
    d->refused_queries = 0;
    wait_for(d, now, reply->has_retry_after ? reply->retry_after_s * 1000 : DEFAULT_PAUSE_MS);
}

/* Appends the text; false when it is none, or none that can stand in a topic or host name. */
static bool keep_name(spoke_dps *d, spoke_str json, size_t most, spoke_str *out)
{
    const size_t start = d->scratch.len;
    if (spoke_json_text(json, &d->scratch) != SPOKE_OK)
        return false;
    *out = spoke_str_from((const char *)d->scratch.ptr + start, d->scratch.len - start);
    return topic_valid(*out, TOPIC_LEVEL, most);
}

static void on_assigned(spoke_dps *d, const spoke_dps_reply *reply, const struct dps_operation *o)
{
    forget_operation(d);
    d->event = (spoke_dps_event){.hub = {NULL, 0}};
    if (keep_name(d, o->hub, SPOKE_MAX_HOST_BYTES, &d->event.hub) &&
        keep_name(d, o->device_id, SPOKE_MAX_ID_BYTES, &d->event.device_id))
        finish(d, SPOKE_DPS_ASSIGNED);
    else
        refuse_malformed(d, reply);
}

static void on_answer(spoke_dps *d, uint64_t now, const spoke_dps_reply *reply, spoke_str body)
{
    const struct dps_operation o = dps_read_reply(body, reply->status);
    switch (o.status) {
    case DPS_OPERATION_ASSIGNING:
        on_assigning(d, now, reply, o.id);
        break;
    case DPS_OPERATION_ASSIGNED:
        on_assigned(d, reply, &o);
        break;
    case DPS_OPERATION_FAILED:
    case DPS_OPERATION_DISABLED:
        refuse_as_said(d, reply, &o);
        break;
    case DPS_OPERATION_MALFORMED:
        refuse_malformed(d, reply);
        break;
    }
}

void spoke_dps_receive(spoke_dps *d, uint64_t now, spoke_str topic, spoke_str payload)
{
    spoke_dps_reply reply;
    if (!awaits_reply(d) || spoke_dps_parse_topic(topic, &reply) != SPOKE_OK || !is_own_rid(d, reply.rid))
        return;
    if (reply.retry_after_s > SPOKE_DPS_MAX_RETRY_AFTER_S)
        reply.retry_after_s = SPOKE_DPS_MAX_RETRY_AFTER_S;
    if (reply.status < 200 || (reply.status >= 300 && reply.status < 400))
        refuse_malformed(d, &reply);
    else if (reply.status < 400 || !tried_again(d, now, &reply))
        on_answer(d, now, &reply, payload);
}
