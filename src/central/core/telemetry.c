/* Device-to-cloud messages: the property bag, what the hub adds, and the newest value of each name. */
#include <spoke/proto/hub.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"
#include "core_internal.h"
#include "inflate.h"
#include "orders.h"
#include "properties.h"

/* Members of one message that count as values: no more could be kept, and tens of thousands, each a row, would
 * hold up the other devices. The message itself is kept whole. */
#define MAX_VALUES STORE_VALUES_KEPT

/* What a packed body may become: readings that were joined before they were packed, and no bomb. */
#define MAX_UNPACKED_BYTES (4u * SPOKE_MAX_TELEMETRY_BYTES)

/* A device's clock may run ahead of ours; what it dates further ahead than the hub lets a token's clock differ is no
 * time. */
#define MAX_AHEAD_MS (5 * 60 * 1000)

bool telemetry_topic(const struct conn *k, spoke_str topic, spoke_str *bag)
{
    spoke_str head, id, rest;
    if (!spoke_str_cut(topic, '/', &head, &rest) || !spoke_str_equal(head, SPOKE_STR("devices")) ||
        !spoke_str_cut(rest, '/', &id, &rest) || !spoke_str_equal(id, spoke_str_of(k->id)))
        return false;
    *bag = spoke_str_from(NULL, 0);
    if (spoke_str_equal(rest, SPOKE_STR("messages/events"))) /* old clients leave the last slash out */
        return true;
    if (!spoke_str_starts(rest, SPOKE_STR("messages/events/")))
        return false;
    *bag = spoke_str_from(rest.ptr + 16, rest.len - 16);
    return true;
}

/* --- what the hub adds --- */

static const char *system_text(const struct properties *p, const char *name)
{
    return properties_get(&p->system, name);
}

static void add_system(struct conn *k, struct properties *p, const char *now)
{
    const char *component = system_text(p, "component");
    properties_put(&p->system, "enqueuedTime", now);
    properties_put(&p->system, "connectionDeviceId", k->id);
    properties_put(&p->system, "connectionAuthMethod",
                   k->by_certificate ? "{\"scope\":\"device\",\"type\":\"x509\",\"issuer\":\"iothub\"}"
                                     : "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\"}");
    if (k->model_id != NULL)
        properties_put(&p->system, "dtDataschema", k->model_id);
    if (component != NULL)
        properties_put(&p->system, "dtSubject", component);
}

/* --- newest values --- */

bool telemetry_name_reserved(spoke_str name)
{
    static const char *const names[] = {"EventEnqueuedUtcTime",
                                        "EventProcessedUtcTime",
                                        "PartitionId",
                                        "EventHub",
                                        "User",
                                        "$metadata",
                                        "$version"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (spoke_str_equal(spoke_str_of(names[i]), name))
            return true;
    return name.len == 0;
}

/* 0: the device does not say, or what it says is no time that can have been. */
static int64_t creation_time(const struct properties *p, int64_t now)
{
    const char *text = system_text(p, "creationTimeUtc");
    int64_t at;
    if (text == NULL || iso8601_parse(spoke_str_of(text), &at) != SPOKE_OK)
        return 0;
    return at > 0 && at <= now + MAX_AHEAD_MS ? at : 0;
}

/* The member's name without escapes, on the heap; empty when a NUL character would end it early. */
static spoke_status member_name(spoke_str raw_key, char **out)
{
    /* spoke_json_text wants the quotes, which stand around the raw key in the body */
    spoke_str quoted = spoke_str_from(raw_key.ptr - 1, raw_key.len + 2);
    *out = malloc(raw_key.len + 1);
    if (*out == NULL)
        return SPOKE_E_NO_MEMORY;
    spoke_buf buf = spoke_buf_from(*out, raw_key.len);
    spoke_status status = spoke_json_text(quoted, &buf);
    if (status != SPOKE_OK || memchr(*out, '\0', buf.len) != NULL)
        buf.len = 0;
    (*out)[buf.len] = '\0';
    return status;
}

/* When it was measured, for all we know: a clock that is ahead must not hide what comes after it. */
static int64_t value_time(const struct store_message *row)
{
    return row->created_ms != 0 && row->created_ms < row->at_ms ? row->created_ms : row->at_ms;
}

static spoke_status keep_value(struct conn *k, const struct store_message *row, spoke_str raw_key, spoke_str value)
{
    char *name = NULL;
    spoke_status status = member_name(raw_key, &name);
    if (status == SPOKE_OK && !telemetry_name_reserved(spoke_str_of(name)))
        status = store_value_note(k->core->store, k->id, row->component, name, value, value_time(row));
    free(name);
    return status;
}

/* IoT Central reads UTF-8 JSON objects; anything else is kept as a message but has no values. */
static bool claims_json(const struct properties *p)
{
    const char *type = system_text(p, "contentType");
    return type == NULL || strcasestr(type, "json") != NULL;
}

/* Members from *from on, `most` of them; *from and *most are what is left to skip and to take. */
static spoke_status keep_members(struct conn *k, const struct store_message *row, spoke_str object, size_t *from,
                                 size_t *most)
{
    spoke_str key, value;
    spoke_json_cursor at;
    spoke_status status = spoke_json_enter(object, &at);
    while (status == SPOKE_OK && *most > 0) {
        status = spoke_json_member(&at, &key, &value);
        if (status != SPOKE_OK)
            break;
        if (*from > 0) {
            --*from;
            continue;
        }
        --*most;
        status = keep_value(k, row, key, value);
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static size_t count_members(spoke_str array)
{
    spoke_str key, object, value;
    spoke_json_cursor at, in;
    size_t count = 0;
    if (spoke_json_enter(array, &at) != SPOKE_OK)
        return 0;
    while (spoke_json_member(&at, &key, &object) == SPOKE_OK)
        if (spoke_json_type(object) == '{' && spoke_json_enter(object, &in) == SPOKE_OK)
            while (spoke_json_member(&in, &key, &value) == SPOKE_OK)
                count++;
    return count;
}

/* Several readings, oldest first: of too many values the last ones count, and of two for one name the later. */
static spoke_status keep_readings(struct conn *k, const struct store_message *row, spoke_str array)
{
    const size_t count = count_members(array);
    size_t from = count > MAX_VALUES ? count - MAX_VALUES : 0, most = MAX_VALUES;
    spoke_str key, object;
    spoke_json_cursor at;
    spoke_status status = spoke_json_enter(array, &at);
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &object)) == SPOKE_OK)
        if (spoke_json_type(object) == '{')
            status = keep_members(k, row, object, &from, &most);
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static spoke_status keep_values(struct conn *k, const struct store_message *row, const struct properties *p)
{
    const spoke_str body = spoke_str_from(row->body, row->body_len);
    const char type = spoke_json_type(body);
    size_t from = 0, most = MAX_VALUES;
    if (!claims_json(p) || (type != '{' && type != '[') || spoke_json_check(body) != SPOKE_OK)
        return SPOKE_OK;
    return type == '{' ? keep_members(k, row, body, &from, &most) : keep_readings(k, row, body);
}

/* --- packed bodies --- */

static const char *unread_text(spoke_status status)
{
    if (status == SPOKE_E_TOO_LARGE)
        return "the body is kept as it came: unpacked it is larger than 1 MB";
    if (status == SPOKE_E_UNSUPPORTED)
        return "the body is kept as it came: this service was built without zlib";
    return "the body is kept as it came: it is not what its content encoding says";
}

/* Unpacks a body that is packed, and notes what was done. *unpacked is heap, or NULL when `body` stays as it is. */
static spoke_status unpack(struct properties *p, spoke_str *body, char **unpacked)
{
    const enum packing packing = packing_of(system_text(p, "contentEncoding"));
    size_t len = 0;
    *unpacked = NULL;
    if (packing == PACKING_NONE)
        return SPOKE_OK;
    const spoke_status status = inflate_body(packing, *body, MAX_UNPACKED_BYTES, unpacked, &len);
    if (status == SPOKE_E_NO_MEMORY)
        return status;
    if (status == SPOKE_OK) {
        properties_put(&p->system, "decodedFrom", packing == PACKING_GZIP ? "gzip" : "deflate");
        *body = spoke_str_from(*unpacked, len);
    } else {
        properties_put(&p->system, "undecoded", unread_text(status));
    }
    return SPOKE_OK;
}

/* --- storing --- */

static spoke_status check_template(struct conn *k, const struct properties *p, const char *component,
                                   spoke_str body)
{
    const char *unread = system_text(p, "undecoded");
    if (unread != NULL)
        return misfits_note_unread(k, unread);
    return claims_json(p) ? misfits_note_message(k, spoke_str_of(component), body) : SPOKE_OK;
}

static spoke_status store_row(struct conn *k, struct store_message *row, const struct properties *p)
{
    struct store *s = k->core->store;
    spoke_status status = core_dirty(k->core);
    if (status == SPOKE_OK && row->message_id != NULL)
        status = store_message_known(s, k->id, row->message_id, &row->duplicate);
    if (status != SPOKE_OK || (row->duplicate && k->core->options.drop_duplicates))
        return status;
    status = store_message_add(s, row);
    if (status == SPOKE_OK)
        status = keep_values(k, row, p);
    if (status == SPOKE_OK)
        status = check_template(k, p, row->component, spoke_str_from(row->body, row->body_len));
    return status;
}

static spoke_status keep(struct conn *k, const struct properties *p, spoke_str body, uint8_t qos)
{
    const char *id = system_text(p, "messageId");
    struct store_message row;
    memset(&row, 0, sizeof row);
    row.at_ms = core_unix_ms(k->core);
    row.created_ms = creation_time(p, row.at_ms);
    row.qos = qos;
    row.device_id = k->id;
    row.message_id = id != NULL && id[0] != '\0' ? (char *)(uintptr_t)id : NULL; /* the store only reads it */
    row.component = text_copy(spoke_str_of(system_text(p, "component")));
    row.system = properties_json(&p->system);
    row.properties = properties_json(&p->application);
    row.body = (void *)(uintptr_t)body.ptr;
    row.body_len = body.len;
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (row.component != NULL && row.system != NULL && row.properties != NULL)
        status = store_row(k, &row, p);
    free(row.component);
    free(row.system);
    free(row.properties);
    return status;
}

spoke_status telemetry_store(struct conn *k, spoke_str bag, spoke_str body, uint8_t qos, bool retain, bool will)
{
    struct properties p;
    char *unpacked = NULL, now[40];
    spoke_status status = properties_read(&p, bag);
    if (status == SPOKE_OK &&
        (body.len > SPOKE_MAX_TELEMETRY_BYTES || p.bytes > SPOKE_MAX_TELEMETRY_BYTES - body.len))
        status = SPOKE_E_TOO_LARGE;
    if (status == SPOKE_OK) {
        if (retain) /* nothing is retained here: the reader of the message is told */
            properties_put(&p.application, "mqtt-retain", "true");
        if (will)
            properties_put(&p.application, "iothub-MessageType", "Will");
        core_time(k->core, 3, now);
        add_system(k, &p, now);
        status = unpack(&p, &body, &unpacked);
    }
    if (status == SPOKE_OK)
        status = keep(k, &p, body, qos);
    if (status == SPOKE_OK && !will)
        orders_take(k, &p.application);
    free(unpacked);
    properties_free(&p);
    return status;
}
