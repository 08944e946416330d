#include <spoke/features.h>
#include <spoke/proto/hub.h>

#include <spoke/proto/pnp.h>

#include "base/url.h"
#include "proto/topic.h"

#define TWIN_REPLIES "$iothub/twin/res/#"
#define DESIRED "$iothub/twin/PATCH/properties/desired/#"
#define METHODS "$iothub/methods/POST/#"

/* What a pattern says about a module. */
#if SPOKE_WITH_MODULES
#define MODULE(part) part
#else
#define MODULE(part) ""
#endif
/* Front of topics and, behind the host, of SAS resources. */
#define IDENTITY "devices/{}" MODULE("[/modules/{}]")

/* --- the connection --- */

/* Refused here, before a connection is tried: the hub closes the link on a topic it cannot read. */
static bool id_valid(spoke_str id)
{
    return topic_valid(id, TOPIC_LEVEL, SPOKE_MAX_ID_BYTES);
}

static bool is_module(const spoke_hub_identity *id)
{
    return SPOKE_WITH_MODULES && id->module_id.len > 0;
}

static bool identity_valid(const spoke_hub_identity *id)
{
    return id_valid(id->device_id) && (id->module_id.len == 0 || (SPOKE_WITH_MODULES && id_valid(id->module_id)));
}

/* A pattern of the ids of device and module. */
static spoke_status write_ids(const spoke_hub_identity *id, const char *pattern, spoke_buf *out)
{
    return identity_valid(id) ? topic_write(out, pattern, &id->device_id, &id->module_id) : SPOKE_E_ARG;
}

/* One of the hub's host, the ids, and what is told about the device. */
static spoke_status write_at_hub(const spoke_hub_identity *id, const char *pattern, spoke_buf *out)
{
    if (!topic_valid(id->hub_host, TOPIC_LEVEL, SPOKE_MAX_HOST_BYTES) || !identity_valid(id))
        return SPOKE_E_ARG;
    return topic_write(out, pattern, &id->hub_host, &id->device_id,
#if SPOKE_WITH_MODULES
                       &id->module_id,
#endif
                       &id->user_agent, &id->model_id);
}

spoke_status spoke_hub_client_id(const spoke_hub_identity *id, spoke_buf *out)
{
    return write_ids(id, "{}" MODULE("[/{}]"), out);
}

spoke_status spoke_hub_username(const spoke_hub_identity *id, spoke_buf *out)
{
    return write_at_hub(id,
                        "{}/{}" MODULE("[/{}]") "/?api-version=" SPOKE_HUB_API_VERSION
                                                "[&DeviceClientType={%}][&model-id={%}]",
                        out);
}

spoke_status spoke_hub_resource(const spoke_hub_identity *id, spoke_buf *out)
{
    return write_at_hub(id, "{}/" IDENTITY, out);
}

spoke_status spoke_hub_filters(const spoke_hub_identity *id, spoke_buf *scratch,
                               spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT])
{
    const size_t start = scratch->len;
    const spoke_status status =
        write_ids(id, is_module(id) ? IDENTITY "/#" : IDENTITY "/messages/devicebound/#", scratch);
    if (status != SPOKE_OK)
        return status;
    const char *c2d = (const char *)scratch->ptr + start;
    filters[0] = (spoke_mqtt_filter){spoke_str_from(c2d, scratch->len - start), 1};
    filters[1] = (spoke_mqtt_filter){SPOKE_STR(TWIN_REPLIES), 0};
    filters[2] = (spoke_mqtt_filter){SPOKE_STR(DESIRED), 0};
    filters[3] = (spoke_mqtt_filter){SPOKE_STR(METHODS), 0};
    return SPOKE_OK;
}

/* --- what the device says --- */

spoke_status spoke_hub_telemetry_topic(const spoke_hub_identity *id, const spoke_message_properties *properties,
                                       spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = write_ids(id, IDENTITY "/messages/events/", out);
    if (status == SPOKE_OK && properties != NULL)
        status = spoke_bag_write(properties, out);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

spoke_status spoke_hub_twin_get_topic(uint32_t rid, spoke_buf *out)
{
    return topic_write_number(out, "$iothub/twin/GET/?$rid={}", rid, NULL);
}

spoke_status spoke_hub_twin_report_topic(uint32_t rid, spoke_buf *out)
{
    return topic_write_number(out, "$iothub/twin/PATCH/properties/reported/?$rid={}", rid, NULL);
}

spoke_status spoke_hub_method_reply_topic(spoke_str rid, int status, spoke_buf *out)
{
    if (status < 0 || status > UINT16_MAX || rid.len == 0)
        return SPOKE_E_ARG;
    return topic_write_number(out, "$iothub/methods/res/{}/?$rid={}", (uint32_t)status, &rid);
}

/* --- what the hub says --- */

/* Reads "$version"; absent is no error. */
static spoke_status read_version(spoke_str query, spoke_hub_event *out)
{
    spoke_str digits;
    if (spoke_bag_find(query, "$version", &digits) != SPOKE_OK)
        return SPOKE_OK;
    out->has_version = true;
    return topic_number(digits, &out->version) ? SPOKE_OK : SPOKE_E_PROTOCOL;
}

static spoke_status parse_twin_reply(spoke_str rest, spoke_hub_event *out)
{
    spoke_str query;
    out->kind = SPOKE_HUB_TWIN_REPLY;
    return topic_read_reply(rest, &out->status, &out->rid, &query) ? read_version(query, out) : SPOKE_E_PROTOCOL;
}

static spoke_status parse_desired(spoke_str rest, spoke_hub_event *out)
{
    out->kind = SPOKE_HUB_DESIRED;
    return topic_skip_text(&rest, "?") ? read_version(rest, out) : SPOKE_E_PROTOCOL;
}

/* The name ends at the first "/?$rid=": what stands before is not decoded. */
static spoke_status parse_method(spoke_str rest, spoke_hub_event *out)
{
    const spoke_str mark = SPOKE_STR("/?$rid=");
    size_t at = 0;
    out->kind = SPOKE_HUB_METHOD;
    while (at < rest.len && !spoke_str_starts(spoke_str_from(rest.ptr + at, rest.len - at), mark))
        at++;
    if (at == 0 || at == rest.len)
        return SPOKE_E_PROTOCOL;
    spoke_str more;
    const size_t rid_at = at + mark.len;
    (void)spoke_str_cut(spoke_str_from(rest.ptr + rid_at, rest.len - rid_at), '&', &out->rid, &more);
    spoke_pnp_split_command(spoke_str_from(rest.ptr, at), &out->component, &out->name);
    return out->rid.len > 0 ? SPOKE_OK : SPOKE_E_PROTOCOL;
}

/* As spoke_pnp_split_command, but in a bag the star may have been written as %2A. */
static void split_encoded_command(spoke_str method, spoke_str *component, spoke_str *name)
{
    uint8_t byte = 0;
    size_t before = 0;
    *component = spoke_str_from(NULL, 0);
    *name = method;
    for (size_t at = 0; at < method.len && url_next(method, &at, &byte) == SPOKE_OK; before = at) {
        if (byte != '*' || before == 0)
            continue;
        *component = spoke_str_from(method.ptr, before);
        *name = spoke_str_from(method.ptr + at, method.len - at);
        return;
    }
}

/* IoT Central's convention for commands that may wait: a message that names a method. Which component is meant is
 * documented nowhere, so each of the plausible places is looked at. */
static void find_offline_command(spoke_hub_event *out)
{
    spoke_str method;
    if (spoke_bag_find(out->bag, "method-name", &method) != SPOKE_OK)
        return;
    split_encoded_command(method, &out->component, &out->name);
    if (out->component.len == 0 && spoke_bag_find(out->bag, "$.sub", &out->component) != SPOKE_OK &&
        spoke_bag_find(out->bag, "component-name", &out->component) != SPOKE_OK)
        out->component = spoke_str_from(NULL, 0);
}

/* True when the topic is "devices/{own id}[/modules/{own id}]/" and more; *topic then is that more. The id is
 * compared as it stands: a '%' in it is a percent sign, not an escape. */
static bool skip_identity(const spoke_hub_identity *id, spoke_str *topic)
{
    if (!topic_skip_text(topic, "devices/") || !topic_skip(topic, id->device_id))
        return false;
    if (is_module(id) && (!topic_skip_text(topic, "/modules/") || !topic_skip(topic, id->module_id)))
        return false;
    return topic_skip_text(topic, "/");
}

static spoke_status parse_message(const spoke_hub_identity *id, spoke_str topic, spoke_hub_event *out)
{
    if (!SPOKE_WITH_MESSAGES || !skip_identity(id, &topic))
        return SPOKE_OK;
    if (topic_skip_text(&topic, "messages/devicebound/"))
        out->bag = topic;
    else if (is_module(id) && topic_skip_text(&topic, "inputs/"))
        (void)spoke_str_cut(topic, '/', &out->input, &out->bag); /* without '/' there is no bag */
    else
        return SPOKE_OK;
    out->kind = SPOKE_HUB_C2D;
    find_offline_command(out);
    return SPOKE_OK;
}

spoke_status spoke_hub_parse(const spoke_hub_identity *id, spoke_str topic, spoke_str payload,
                             spoke_hub_event *out)
{
    *out = (spoke_hub_event){.kind = SPOKE_HUB_UNKNOWN, .payload = payload};
    spoke_str rest = topic;
    if (topic_skip_text(&rest, TWIN_REPLIES))
        return parse_twin_reply(rest, out);
    if (topic_skip_text(&rest, DESIRED))
        return parse_desired(rest, out);
    if (topic_skip_text(&rest, METHODS))
        return parse_method(rest, out);
    return parse_message(id, topic, out);
}
