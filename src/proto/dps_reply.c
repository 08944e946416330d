#include "proto/dps_reply.h"

#include <spoke/proto/hub.h>

#include "base/json_scan.h"
#include "base/u64.h"
#include "proto/topic.h"

enum { MAX_OPERATION_BYTES = 128 };

/* --- topic --- */

/* Digits beyond 32 bits are still a number: a very large one. */
static bool read_seconds(spoke_str digits, uint32_t *out)
{
    uint64_t seconds;
    if (!u64_read(digits, &seconds))
        return false;
    *out = seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
    return true;
}

spoke_status spoke_dps_parse_topic(spoke_str topic, spoke_dps_reply *out)
{
    spoke_str query, retry_after;
    *out = (spoke_dps_reply){0};
    if (!topic_skip_text(&topic, SPOKE_DPS_FILTER))
        return SPOKE_E_NOT_FOUND;
    if (!topic_read_reply(topic, &out->status, &out->rid, &query))
        return SPOKE_E_PROTOCOL;
    out->has_retry_after = spoke_bag_find(query, "retry-after", &retry_after) == SPOKE_OK &&
                           read_seconds(retry_after, &out->retry_after_s);
    return SPOKE_OK;
}

/* --- body --- */

static spoke_str member(spoke_str object, const char *key)
{
    spoke_str value;
    return spoke_json_find(object, key, &value) == SPOKE_OK ? value : spoke_str_from(NULL, 0);
}

/* Service codes have six digits, the first three of them an HTTP status; anything else counts as not said. */
static int32_t code_member(spoke_str object, uint32_t topic_status)
{
    const spoke_str digits = member(object, "errorCode");
    uint32_t code = 0;
    const bool said = digits.len == 6 && spoke_str_u32(digits, &code) == SPOKE_OK && code >= 100000;
    return (int32_t)(said ? code : topic_status);
}

/* The id goes into a topic as it stands, so it may hold nothing that ends or splits one there. */
static spoke_str usable_operation_id(spoke_str id)
{
    return topic_valid(id, TOPIC_ID "~=@,;!*()", MAX_OPERATION_BYTES) ? id : spoke_str_from(NULL, 0);
}

/* A body without a status still is one when the topic says that the operation goes on. */
static enum dps_operation_status read_status(spoke_str text, uint32_t topic_status)
{
    static const struct {
        char text[12];
        enum dps_operation_status status;
    } names[] = {
        {"assigning", DPS_OPERATION_ASSIGNING}, {"unassigned", DPS_OPERATION_ASSIGNING},
        {"assigned", DPS_OPERATION_ASSIGNED},   {"failed", DPS_OPERATION_FAILED},
        {"disabled", DPS_OPERATION_DISABLED},   {"blacklisted", DPS_OPERATION_DISABLED},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (spoke_json_key_is(text, spoke_str_of(names[i].text)))
            return names[i].status;
    }
    return text.len == 0 && topic_status == 202 ? DPS_OPERATION_ASSIGNING : DPS_OPERATION_MALFORMED;
}

static spoke_dps_class class_of(int32_t code)
{
    const int32_t number = code >= 100000 ? code / 1000 : code;
    if (code == 400209)
        return SPOKE_DPS_BLOCKED;
    if (code == 400207 || code == 400208)
        return SPOKE_DPS_SERVICE;
    if (number == 401)
        return SPOKE_DPS_CREDENTIAL;
    if (number == 429)
        return SPOKE_DPS_THROTTLED;
    return number >= 400 && number < 429 ? SPOKE_DPS_CONFIGURATION : SPOKE_DPS_TRANSIENT;
}

/* Members that are not named here (x509, payload, timestamps, etag, what comes next year) are not looked at. */
static void read_body(struct dps_operation *o, spoke_str body, uint32_t topic_status)
{
    const bool error = topic_status >= 400;
    const spoke_str state = error ? body : member(body, "registrationState");
    if (!error)
        o->status = read_status(json_text_member(body, "status"), topic_status);
    o->id = usable_operation_id(json_text_member(body, "operationId"));
    o->hub = member(state, "assignedHub");
    o->device_id = member(state, "deviceId");
    o->code = code_member(state, topic_status);
    o->message = json_text_member(state, error ? "message" : "errorMessage");
}

struct dps_operation dps_read_reply(spoke_str body, uint32_t topic_status)
{
    struct dps_operation o = {.status = topic_status >= 400 ? DPS_OPERATION_FAILED : DPS_OPERATION_MALFORMED,
                              .code = (int32_t)topic_status};
    if (json_is_object(body))
        read_body(&o, body, topic_status);
    o.failure = o.status == DPS_OPERATION_DISABLED
                    ? SPOKE_DPS_BLOCKED
                    : class_of(topic_status >= 429 ? (int32_t)topic_status : o.code);
    return o;
}
