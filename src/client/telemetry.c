#include "machine.h"

#include <string.h>

#include <spoke/proto/pnp.h>

#include "base/iso8601.h"

/* --- fields --- */

static spoke_status check_fields(const spoke_field *fields, size_t count)
{
    if (fields == NULL || count == 0)
        return SPOKE_E_ARG;
    for (size_t i = 0; i < count; i++)
        if (fields[i].name == NULL || !spoke_utf8_valid(spoke_str_of(fields[i].name)))
            return SPOKE_E_ARG;
    return SPOKE_OK;
}

static void write_fields(spoke_writer *w, const spoke_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        spoke_write(w, fields[i]);
}

/* --- one message into the queue --- */

struct message_source {
    const spoke_message_properties *properties;
    spoke_str body;
    const spoke_field *fields; /* instead of body */
    size_t field_count;
    bool joins; /* see queue_message */
};

static spoke_status write_body(const struct message_source *source, spoke_buf *out)
{
    if (source->fields == NULL)
        return spoke_buf_append(out, source->body);
    spoke_writer w;
    spoke_str text;
    spoke_writer_init(&w, out->ptr + out->len, out->cap - out->len);
    write_fields(&w, source->fields, source->field_count);
    const spoke_status status = spoke_writer_finish(&w, &text);
    out->len += status == SPOKE_OK ? text.len : 0;
    return status;
}

static spoke_status write_message(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const struct message_source *source = ctx;
    spoke_status status =
        spoke_bag_write(source->properties, out); /* the front of the topic needs the device id */
    *head_bytes = out->len;
    if (status == SPOKE_OK && *head_bytes > TEXT_BYTES - SPOKE_MAX_ID_BYTES - 64)
        return SPOKE_E_TOO_LARGE; /* the topic could not be put together */
    if (status == SPOKE_OK)
        status = write_body(source, out);
    return status == SPOKE_OK && out->len > SPOKE_MAX_TELEMETRY_BYTES ? SPOKE_E_TOO_LARGE : status;
}

static enum queue_lane lane_of(spoke_priority priority)
{
    return priority == SPOKE_HIGH ? QUEUE_HIGH : priority == SPOKE_LOW ? QUEUE_LOW : QUEUE_NORMAL;
}

/* 0: the clock is not set. Asked once a millisecond: messages may come by the thousand in one. */
static int64_t unix_ms_at(spoke_client *c, uint64_t now)
{
    int64_t unix_s;
    if (c->created_asked != now) {
        c->created_asked = now;
        c->created_now = c->platform.unix_seconds(c->platform.ctx, &unix_s) == SPOKE_OK ? unix_s * 1000 : 0;
    }
    return c->created_now;
}

/* With the lock. */
static inline spoke_status add_message(spoke_client *c, struct message_source *source, const spoke_delivery *how)
{
    const uint64_t now = now_ms(c);
    struct queue_message m = {.lane = lane_of(how->priority),
                              .id = how->id,
                              .ttl_s = how->ttl_s > 0 ? how->ttl_s : c->config.ttl_s,
                              .created_ms = SPOKE_WITH_STAMPS ? unix_ms_at(c, now) : 0,
                              .joins = source->joins};
    return queue_add(&c->queue, now, &m, write_message, source);
}

static inline spoke_status enqueue(spoke_client *c, struct message_source *source, const spoke_delivery *how)
{
    lock_client(c);
    spoke_status status = SPOKE_E_STATE;
    if (c->state != SPOKE_FAILED && c->state != SPOKE_CLOSING)
        status = add_message(c, source, how);
    c->news = true;
    unlock_and_wake(c, status == SPOKE_OK);
    return status;
}

static bool priority_known(spoke_priority priority)
{
    return (unsigned)priority <= SPOKE_LOW;
}

/* What this build has left out. */
static bool lacks(uint32_t ttl_s, uint32_t id)
{
    return (!SPOKE_WITH_DROPS && ttl_s > 0) || (!SPOKE_WITH_NOTICES && id != 0);
}

spoke_status spoke_telemetry_send(spoke_client *client, const char *component, const spoke_field *fields,
                                  size_t count)
{
    return spoke_telemetry_send_as(client, NULL, component, fields, count);
}

spoke_status spoke_telemetry_send_as(spoke_client *client, const spoke_delivery *how, const char *component,
                                     const spoke_field *fields, size_t count)
{
    static const spoke_delivery usual = {SPOKE_NORMAL, 0, 0};
    if (client == NULL || check_fields(fields, count) != SPOKE_OK ||
        (how != NULL && !priority_known(how->priority)))
        return SPOKE_E_ARG;
    if (how != NULL && lacks(how->ttl_s, how->id))
        return SPOKE_E_UNSUPPORTED;
    if (contract_fields(client, SPOKE_TELEMETRY, component, fields, count) != SPOKE_OK)
        return SPOKE_E_MODEL;
    const spoke_message_properties properties = {.component = spoke_str_of(component),
                                                 .content_type = SPOKE_STR("application/json"),
                                                 .content_encoding = SPOKE_STR("utf-8")};
    struct message_source source = {
        .properties = &properties, .fields = fields, .field_count = count, .joins = true};
    return enqueue(client, &source, how != NULL ? how : &usual);
}

/* "application/json; charset=utf-8" is application/json. */
static bool names(const char *text, spoke_str wanted)
{
    spoke_str head, rest;
    if (text == NULL)
        return true;
    (void)spoke_str_cut(spoke_str_of(text), ';', &head, &rest);
    while (head.len > 0 && head.ptr[head.len - 1] == ' ')
        head.len--;
    return spoke_str_equal_nocase(head, wanted);
}

/* A message of any other type, or in another encoding (gzip), is none of the template's business. */
static bool is_json(const spoke_outgoing *message)
{
    return names(message->content_type, SPOKE_STR("application/json")) &&
           names(message->content_encoding, SPOKE_STR("utf-8"));
}

static spoke_str text_or(const char *text, spoke_str otherwise)
{
    return text != NULL ? spoke_str_from(text, strlen(text)) : otherwise;
}

spoke_status spoke_message_send(spoke_client *client, const spoke_outgoing *message)
{
    if (client == NULL || message == NULL || (message->property_count > 0 && message->properties == NULL) ||
        !priority_known(message->priority))
        return SPOKE_E_ARG;
    if (lacks(message->ttl_s, message->id))
        return SPOKE_E_UNSUPPORTED;
    if (message->content_type == NULL && spoke_json_check(message->body) != SPOKE_OK)
        return SPOKE_E_ARG;
    uint8_t room[40];
    spoke_buf created = spoke_buf_from(room, sizeof room);
    if (message->creation_time_s > INT64_MAX / 1000 ||
        (message->creation_time_s != 0 &&
         iso8601_format(message->creation_time_s * 1000, 0, &created) != SPOKE_OK))
        return SPOKE_E_ARG;
    if (contract_checks(client) && is_json(message) &&
        contract_body(client, message->component, message->body) != SPOKE_OK)
        return SPOKE_E_MODEL;
    const spoke_str none = {NULL, 0};
    const spoke_message_properties properties = {
        .component = text_or(message->component, none),
        .message_id = text_or(message->message_id, none),
        .correlation_id = text_or(message->correlation_id, none),
        .content_type = text_or(message->content_type, SPOKE_STR("application/json")),
        .content_encoding = text_or(message->content_encoding, SPOKE_STR("utf-8")),
        .creation_time = spoke_buf_str(&created),
        .application = message->properties,
        .application_count = message->property_count};
    struct message_source source = {.properties = &properties,
                                    .body = message->body,
                                    .joins = message->content_type == NULL && message->content_encoding == NULL &&
                                             spoke_json_type(message->body) == '{'};
    const spoke_delivery how = {message->priority, message->ttl_s, message->id};
    return enqueue(client, &source, &how);
}

/* --- reported properties --- */

#if SPOKE_WITH_PROPERTIES

struct report_source {
    const char *component;
    const spoke_field *fields;
    size_t count;
};

static spoke_status write_report(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const struct report_source *source = ctx;
    spoke_writer w;
    spoke_str text;
    *head_bytes = 0;
    spoke_writer_init(&w, out->ptr, out->cap);
    spoke_write_begin_object(&w);
    spoke_pnp_begin_component(&w, source->component);
    write_fields(&w, source->fields, source->count);
    spoke_pnp_end_component(&w, source->component);
    spoke_write_end_object(&w);
    const spoke_status status = spoke_writer_finish(&w, &text);
    out->len = status == SPOKE_OK ? text.len : 0;
    return status == SPOKE_OK && text.len > SPOKE_MAX_TWIN_SECTION_BYTES * 2 ? SPOKE_E_TOO_LARGE : status;
}

spoke_status spoke_property_report(spoke_client *client, const char *component, const spoke_field *fields,
                                   size_t count)
{
    if (client == NULL || check_fields(fields, count) != SPOKE_OK)
        return SPOKE_E_ARG;
    if (contract_fields(client, SPOKE_PROPERTY, component, fields, count) != SPOKE_OK)
        return SPOKE_E_MODEL;
    struct report_source source = {component, fields, count};
    return report_enqueue(client, write_report, &source);
}

#endif
