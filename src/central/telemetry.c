/* Device-to-cloud messages: the property bag, what the hub adds, and the newest value of each name. */
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include <base/iso8601.h>
#include <spoke/proto/hub.h>

/* System properties and the names under which they are shown. */
static const struct {
    const char *wire, *shown;
} system_names[] = {
    {"$.mid", "messageId"},
    {"$.cid", "correlationId"},
    {"$.uid", "userId"},
    {"$.ct", "contentType"},
    {"$.ce", "contentEncoding"},
    {"$.ctime", "creationTimeUtc"},
    {"iothub-creation-time-utc", "creationTimeUtc"},
    {"$.sub", "component"},
    {"$.on", "outputName"},
    {"$.to", "to"},
    {"$.exp", "expiryTimeUtc"},
    {"$.ifid", "interfaceId"},
};

#define MAX_PROPERTIES 1000u /* ours: a bag of 64 KB could hold 30,000, and each is compared with the others */

/* Members of one message that count as values: no more could be kept, and tens of thousands, each a row, would
 * hold up the other devices. The message itself is kept whole. */
#define MAX_VALUES STORE_VALUES_KEPT

/* A bag read: two trees, and what it counts towards the limits. */
struct properties {
    cJSON *system, *application;
    size_t bytes, count;
};

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

/* --- the bag --- */

static const char *system_name(const char *name)
{
    for (size_t i = 0; i < sizeof system_names / sizeof system_names[0]; i++)
        if (strcmp(system_names[i].wire, name) == 0)
            return system_names[i].shown;
    return strncmp(name, "$.", 2) == 0 ? name : NULL;
}

/* The decoded text on the heap. E_PROTOCOL: a bad escape, or no UTF-8. */
static spoke_status decode(spoke_str text, char **out)
{
    *out = malloc(text.len + 1);
    if (*out == NULL)
        return SPOKE_E_NO_MEMORY;
    spoke_buf buf = spoke_buf_from(*out, text.len);
    spoke_status status = spoke_percent_decode(text, &buf);
    if (status == SPOKE_OK && !spoke_utf8_valid(spoke_buf_str(&buf)))
        status = SPOKE_E_PROTOCOL;
    if (status != SPOKE_OK) {
        free(*out);
        *out = NULL;
        return status;
    }
    (*out)[buf.len] = '\0';
    return SPOKE_OK;
}

static void put(cJSON *tree, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(tree, name); /* given twice: the last one counts */
    if (value != NULL)
        cJSON_AddStringToObject(tree, name, value);
    else
        cJSON_AddNullToObject(tree, name);
}

static spoke_status read_item(struct properties *p, const spoke_bag_item *item)
{
    char *name = NULL, *value = NULL;
    if (++p->count > MAX_PROPERTIES)
        return SPOKE_E_TOO_LARGE;
    spoke_status status = decode(item->name, &name);
    if (status == SPOKE_OK && item->has_value)
        status = decode(item->value, &value);
    if (status == SPOKE_OK) {
        const char *shown = system_name(name);
        put(shown != NULL ? p->system : p->application, shown != NULL ? shown : name, value);
        p->bytes += (shown != NULL ? 0 : strlen(name)) + (value != NULL ? strlen(value) : 0);
    }
    free(name);
    free(value);
    return status;
}

static spoke_status read_bag(struct properties *p, spoke_str bag)
{
    spoke_bag_item item;
    spoke_status status;
    if (spoke_str_starts(bag, SPOKE_STR("?"))) /* some clients write it like a query */
        bag = spoke_str_from(bag.ptr + 1, bag.len - 1);
    while ((status = spoke_bag_next(&bag, &item)) == SPOKE_OK)
        if (item.name.len > 0 && (status = read_item(p, &item)) != SPOKE_OK)
            return status;
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* --- what the hub adds --- */

static void add_system(struct conn *k, struct properties *p)
{
    char now[40];
    core_time(k->core, 3, now);
    const cJSON *component = cJSON_GetObjectItemCaseSensitive(p->system, "component");
    put(p->system, "enqueuedTime", now);
    put(p->system, "connectionDeviceId", k->id);
    put(p->system, "connectionAuthMethod",
        k->by_certificate ? "{\"scope\":\"device\",\"type\":\"x509\",\"issuer\":\"iothub\"}"
                          : "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\"}");
    if (k->model_id != NULL)
        put(p->system, "dtDataschema", k->model_id);
    if (cJSON_IsString(component))
        put(p->system, "dtSubject", component->valuestring);
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

static const char *system_text(const struct properties *p, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(p->system, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static int64_t value_time(const struct properties *p, int64_t now)
{
    const char *text = system_text(p, "creationTimeUtc");
    int64_t at;
    return text != NULL && iso8601_parse(spoke_str_of(text), &at) == SPOKE_OK ? at : now;
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

static spoke_status keep_value(struct conn *k, const struct store_message *row, spoke_str raw_key, spoke_str value,
                               int64_t at_ms)
{
    char *name = NULL;
    char *json = text_copy(value);
    spoke_status status = json != NULL ? member_name(raw_key, &name) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK && !telemetry_name_reserved(spoke_str_of(name)))
        status = store_value_put(k->core->store, k->id, row->component, name, json, at_ms);
    free(name);
    free(json);
    return status;
}

/* IoT Central reads UTF-8 JSON objects; anything else is kept as a message but has no values. */
static bool claims_json(const struct properties *p)
{
    const char *type = system_text(p, "contentType");
    return type == NULL || strcasestr(type, "json") != NULL;
}

static spoke_status keep_values(struct conn *k, const struct store_message *row, const struct properties *p)
{
    spoke_str body = spoke_str_from(row->body, row->body_len);
    spoke_str key, value;
    spoke_json_cursor at;
    if (!claims_json(p) || spoke_json_type(body) != '{' || spoke_json_check(body) != SPOKE_OK ||
        spoke_json_enter(body, &at) != SPOKE_OK)
        return SPOKE_OK;
    int64_t at_ms = value_time(p, row->at_ms);
    spoke_status status = SPOKE_OK;
    for (int i = 0; i < MAX_VALUES && status == SPOKE_OK; i++) {
        status = spoke_json_member(&at, &key, &value);
        if (status == SPOKE_OK)
            status = keep_value(k, row, key, value, at_ms);
    }
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        return status;
    return store_value_trim(k->core->store, k->id);
}

/* --- storing --- */

static spoke_status keep(struct conn *k, const struct properties *p, spoke_str body, uint8_t qos)
{
    const char *component = system_text(p, "component");
    struct store_message row;
    memset(&row, 0, sizeof row);
    row.at_ms = core_unix_ms(k->core);
    row.qos = qos;
    row.device_id = k->id;
    row.component = text_copy(spoke_str_of(component));
    row.system = cJSON_PrintUnformatted(p->system);
    row.properties = cJSON_PrintUnformatted(p->application);
    row.body = (void *)(uintptr_t)body.ptr; /* the store only reads it */
    row.body_len = body.len;
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (row.component != NULL && row.system != NULL && row.properties != NULL)
        status = core_dirty(k->core);
    if (status == SPOKE_OK)
        status = store_message_add(k->core->store, &row);
    if (status == SPOKE_OK)
        status = keep_values(k, &row, p);
    if (status == SPOKE_OK && claims_json(p))
        status = misfits_note_message(k, spoke_str_of(component), body);
    free(row.component);
    free(row.system);
    free(row.properties);
    return status;
}

spoke_status telemetry_store(struct conn *k, spoke_str bag, spoke_str body, uint8_t qos, bool retain, bool will)
{
    struct properties p = {cJSON_CreateObject(), cJSON_CreateObject(), 0, 0};
    spoke_status status = p.system != NULL && p.application != NULL ? read_bag(&p, bag) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK &&
        (body.len > SPOKE_MAX_TELEMETRY_BYTES || p.bytes > SPOKE_MAX_TELEMETRY_BYTES - body.len))
        status = SPOKE_E_TOO_LARGE;
    if (status == SPOKE_OK) {
        if (retain) /* nothing is retained here: the reader of the message is told */
            put(p.application, "mqtt-retain", "true");
        if (will)
            put(p.application, "iothub-MessageType", "Will");
        add_system(k, &p);
        status = keep(k, &p, body, qos);
    }
    cJSON_Delete(p.system);
    cJSON_Delete(p.application);
    return status;
}
