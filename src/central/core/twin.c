/* Twins: GET, reported patches, desired changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "twin_doc.h"

static const char *const log_module = "twin";

#define WHY_CAP 160u

/* Ours: what the 32 KB do not count (empty objects, nulls in arrays, control characters) is bounded too, and so is the
 * time that a merge takes. */
#define MAX_VALUES 4096u
#define MAX_SECTION_TEXT (8u * SPOKE_MAX_TWIN_SECTION_BYTES)

/* One section of a row, parsed. */
struct section {
    char **json_text, **meta_text;
    int64_t *version;
    cJSON *json, *meta;
};

/* --- the row --- */

static spoke_status load(struct core *c, const char *device_id, struct store_twin *row)
{
    memset(row, 0, sizeof *row);
    spoke_status status = store_twin_get(c->store, device_id, row);
    if (status == SPOKE_OK || status != SPOKE_E_NOT_FOUND)
        return status;
    row->desired_version = row->reported_version = 1;
    bool made = text_set(&row->desired, SPOKE_STR("{}")) && text_set(&row->reported, SPOKE_STR("{}")) &&
                text_set(&row->desired_meta, SPOKE_STR("{}")) && text_set(&row->reported_meta, SPOKE_STR("{}"));
    if (made)
        return SPOKE_OK;
    store_twin_free(row);
    return SPOKE_E_NO_MEMORY;
}

static spoke_status section_open(struct store_twin *row, bool desired, bool empty, struct section *out)
{
    out->json_text = desired ? &row->desired : &row->reported;
    out->meta_text = desired ? &row->desired_meta : &row->reported_meta;
    out->version = desired ? &row->desired_version : &row->reported_version;
    out->json = empty ? cJSON_CreateObject() : twin_doc_open(*out->json_text);
    out->meta = empty ? cJSON_CreateObject() : twin_doc_open(*out->meta_text);
    return out->json != NULL && out->meta != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static void section_close(struct section *s)
{
    cJSON_Delete(s->json);
    cJSON_Delete(s->meta);
}

static bool print_over(char **slot, const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (text == NULL)
        return false;
    free(*slot);
    *slot = text;
    return true;
}

/* A section that is too large already may become smaller step by step. */
static spoke_status fits(size_t before, size_t after, size_t most, const char *unit, char *why, size_t why_cap)
{
    if (after <= most || after <= before)
        return SPOKE_OK;
    (void)snprintf(why, why_cap, "the properties would take %zu %s; %zu are allowed", after, unit, most);
    return SPOKE_E_TOO_LARGE;
}

static spoke_status print_section(struct section *s, char *why, size_t why_cap)
{
    const size_t before = *s->json_text != NULL ? strlen(*s->json_text) : 0;
    if (!print_over(s->json_text, s->json) || !print_over(s->meta_text, s->meta))
        return SPOKE_E_NO_MEMORY;
    return fits(before, strlen(*s->json_text), MAX_SECTION_TEXT, "bytes of JSON", why, why_cap);
}

/* The merge on the parsed section; nothing is stored yet. */
static spoke_status merge(struct core *c, struct section *s, const cJSON *patch, char *why, size_t why_cap)
{
    char now[40];
    const size_t size = twin_doc_size(s->json), count = twin_doc_count(s->json);
    spoke_status status = twin_doc_merge(s->json, patch);
    if (status == SPOKE_OK)
        status = fits(size, twin_doc_size(s->json), SPOKE_MAX_TWIN_SECTION_BYTES, "bytes", why, why_cap);
    if (status == SPOKE_OK)
        status = fits(count, twin_doc_count(s->json), MAX_VALUES, "values", why, why_cap);
    if (status != SPOKE_OK)
        return status;
    core_time(c, 3, now);
    ++*s->version;
    status = twin_doc_stamp(s->meta, s->json, patch, *s->version, now);
    return status == SPOKE_OK ? print_section(s, why, why_cap) : status;
}

/* Changes one section and stores it, or changes nothing. *after: the section as it is now, heap. */
static spoke_status change(struct core *c, const char *device_id, bool desired, const cJSON *patch, bool replace,
                           int64_t *version, char **after, char *why, size_t why_cap)
{
    struct store_twin row;
    struct section s;
    spoke_status status = twin_doc_check(patch, why, why_cap);
    if (status != SPOKE_OK)
        return status;
    /* A full section's names deleted and a full section put in: more cannot be meant, and is not even tried. */
    status = fits(0, twin_doc_size(patch), 2 * SPOKE_MAX_TWIN_SECTION_BYTES, "bytes", why, why_cap);
    if (status == SPOKE_OK)
        status = fits(0, twin_doc_count(patch), MAX_VALUES, "values", why, why_cap);
    if (status != SPOKE_OK)
        return status;
    status = load(c, device_id, &row);
    if (status != SPOKE_OK)
        return status;
    status = section_open(&row, desired, replace, &s);
    if (status == SPOKE_OK)
        status = merge(c, &s, patch, why, why_cap);
    if (status == SPOKE_OK)
        status = core_dirty(c);
    if (status == SPOKE_OK)
        status = store_twin_put(c->store, device_id, &row);
    if (status == SPOKE_OK)
        status = core_publish_properties(c, desired ? EVENT_PROPERTY_DESIRED : EVENT_PROPERTY_REPORTED, device_id,
                                         NULL, patch, replace, *s.version);
    if (status == SPOKE_OK) {
        *version = *s.version;
        *after = *s.json_text;
        *s.json_text = NULL;
    }
    section_close(&s);
    store_twin_free(&row);
    return status;
}

/* {...} with its $version, heap: every section leaves this service so. NULL: no memory. */
static char *versioned(const char *object, int64_t version)
{
    char *text = NULL;
    size_t len = strlen(object) - 1; /* without the last brace */
    int written =
        asprintf(&text, "%.*s%s\"$version\":%lld}", (int)len, object, len > 1 ? "," : "", (long long)version);
    return written < 0 ? NULL : text;
}

/* --- replies --- */

static void reply(struct conn *k, spoke_str rid, unsigned status, int64_t version, const char *body)
{
    char topic[SPOKE_MAX_RID_BYTES + 96];
    char tail[40] = "";
    if (conn_subscription(k, TOPIC_TWIN_REPLIES) == NULL) {
        conn_log(k, SPOKE_LOG_WARN, log_module, "asks but has not subscribed to the replies");
        return;
    }
    if (version > 0)
        (void)snprintf(tail, sizeof tail, "&$version=%lld", (long long)version);
    int len =
        snprintf(topic, sizeof topic, "$iothub/twin/res/%u/?$rid=%.*s%s", status, (int)rid.len, rid.ptr, tail);
    conn_publish(k, spoke_str_from(topic, (size_t)len), spoke_str_of(body), 0, 0, false);
}

static void reply_error(struct conn *k, spoke_str rid, unsigned status, int32_t code, const char *message)
{
    char *body = core_error_body(k->core, code, message);
    conn_log(k, SPOKE_LOG_WARN, log_module, "%u %s", status, message);
    reply(k, rid, status, 0, body);
    free(body);
}

/* --- GET --- */

static char *whole_twin(const struct store_twin *row)
{
    char *text = NULL;
    char *desired = versioned(row->desired, row->desired_version);
    char *reported = versioned(row->reported, row->reported_version);
    if (desired == NULL || reported == NULL ||
        asprintf(&text, "{\"desired\":%s,\"reported\":%s}", desired, reported) < 0)
        text = NULL;
    free(desired);
    free(reported);
    return text;
}

static void take_get(struct conn *k, spoke_str rid)
{
    struct store_twin row;
    char *body = NULL;
    if (load(k->core, k->id, &row) == SPOKE_OK) {
        body = whole_twin(&row);
        store_twin_free(&row);
    }
    if (body != NULL)
        reply(k, rid, 200, 0, body);
    else
        reply_error(k, rid, 500, 500001, "The twin could not be read.");
    free(body);
}

/* --- reported --- */

static void answer_report(struct conn *k, spoke_str rid, spoke_status status, int64_t version, const char *why)
{
    if (status == SPOKE_OK)
        reply(k, rid, 204, version, NULL);
    else if (status == SPOKE_E_TOO_LARGE)
        reply_error(k, rid, 413, CODE_TOO_LARGE, why);
    else if (status == SPOKE_E_ARG)
        reply_error(k, rid, 400, CODE_ARGUMENT, why);
    else
        reply_error(k, rid, 500, 500001, "The properties could not be stored.");
}

static void take_report(struct conn *k, spoke_str rid, spoke_str payload)
{
    char why[WHY_CAP] = "";
    char *after = NULL;
    cJSON *patch = NULL;
    int64_t version = 0;
    if (!k->has_api_version) {
        reply_error(k, rid, 400, CODE_ARGUMENT, "The user name of the CONNECT has no api-version.");
        return;
    }
    if (!core_parse_json(payload, &patch)) {
        reply_error(k, rid, 400, CODE_ARGUMENT, "The body is not JSON, or has a NUL character.");
        return;
    }
    spoke_status status = change(k->core, k->id, false, patch, false, &version, &after, why, sizeof why);
    if (status == SPOKE_OK)
        status = misfits_note_report(k, payload);
    answer_report(k, rid, status, version, why);
    cJSON_Delete(patch);
    free(after);
}

bool twin_publish(struct conn *k, const spoke_mqtt_packet *packet)
{
    spoke_str topic = packet->as.publish.topic;
    spoke_str get = SPOKE_STR("$iothub/twin/GET/");
    spoke_str patch = SPOKE_STR("$iothub/twin/PATCH/properties/reported/");
    spoke_str rid;
    bool is_get = spoke_str_starts(topic, get);
    if (!is_get && !spoke_str_starts(topic, patch))
        return false;
    size_t head = is_get ? get.len : patch.len;
    if (!topic_rid(spoke_str_from(topic.ptr + head, topic.len - head), &rid)) {
        conn_protocol_error(k, "a twin request without $rid, or with one longer than 128 characters");
        return true;
    }
    conn_puback(k, packet->packet_id);
    if (fault_take(&k->core->faults, FAULT_TWIN_SILENCE, k->id, NULL))
        return true;
    if (fault_take(&k->core->faults, FAULT_TWIN_THROTTLE, k->id, NULL))
        reply_error(k, rid, 429, CODE_THROTTLED, "Throttled: too many requests.");
    else if (is_get)
        take_get(k, rid);
    else
        take_report(k, rid, packet->as.publish.payload);
    return true;
}

/* --- desired --- */

/* Only a device that is connected and has subscribed is told; a change is never queued. */
static void notify(struct conn *k, const char *document, int64_t version)
{
    char topic[96];
    char *body = versioned(document, version);
    int len =
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%lld", (long long)version);
    if (body == NULL) {
        conn_drop(k, "hub-protocol-error", "the service has no memory left", 0);
        return;
    }
    conn_publish(k, spoke_str_from(topic, (size_t)len), spoke_str_of(body), 0, 0, false);
    free(body);
}

/* The next change overtakes it. False: no memory. */
static bool keep_for_later(struct conn *k, const char *document, int64_t version)
{
    k->late_version = version;
    return text_set(&k->late_desired, spoke_str_of(document));
}

/* As faults have it: lost, twice, or out of order. */
static void tell(struct conn *k, const char *document, int64_t version)
{
    struct faults *f = &k->core->faults;
    if (fault_take(f, FAULT_DESIRED_DROP, k->id, NULL))
        return;
    if (k->late_desired == NULL && fault_take(f, FAULT_DESIRED_REORDER, k->id, NULL) &&
        keep_for_later(k, document, version))
        return;
    notify(k, document, version);
    if (fault_take(f, FAULT_DESIRED_DUPLICATE, k->id, NULL))
        notify(k, document, version);
    if (k->late_desired == NULL)
        return;
    notify(k, k->late_desired, k->late_version);
    free(k->late_desired);
    k->late_desired = NULL;
}

spoke_status core_desired_patch(struct core *c, const char *device_id, const cJSON *patch, bool replace,
                                int64_t *version, char *why, size_t why_cap)
{
    char *after = NULL;
    struct conn *k = hub_conn(c, device_id);
    spoke_status status = change(c, device_id, true, patch, replace, version, &after, why, why_cap);
    if (status == SPOKE_OK && k != NULL && conn_subscription(k, TOPIC_DESIRED) != NULL) {
        char *as_sent = replace ? NULL : cJSON_PrintUnformatted(patch); /* nulls included */
        tell(k, as_sent != NULL ? as_sent : after, *version);
        free(as_sent);
    }
    free(after);
    return status;
}
