/* The IoT Hub dialect of MQTT: names for the connection, topics from calls, typed events from topics, property
 * bags. Pure functions. Tier 0: may change before 1.0.
 *
 *     spoke_hub_event event;
 *     if (spoke_hub_parse(&identity, topic, payload, &event) == SPOKE_OK && event.kind == SPOKE_HUB_METHOD) ...
 */
#ifndef SPOKE_PROTO_HUB_H
#define SPOKE_PROTO_HUB_H

#include <spoke/base.h>
#include <spoke/proto/mqtt.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPOKE_HUB_API_VERSION "2021-04-12"
#define SPOKE_HUB_FILTER_COUNT 4u

typedef struct spoke_hub_identity {
    spoke_str hub_host, device_id;
    spoke_str module_id;  /* empty: the device itself */
    spoke_str model_id;   /* DTMI; empty: not announced */
    spoke_str user_agent; /* empty: left out */
} spoke_hub_identity;

/* Each appends to out; an error leaves out->len as it was. E_ARG: an id or host that is empty, too long, or holds
 * a space, a control character or one of '#' '+' '/', which no topic can carry. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_client_id(const spoke_hub_identity *id, spoke_buf *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_username(const spoke_hub_identity *id, spoke_buf *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_resource(const spoke_hub_identity *id, spoke_buf *out);
/* The four subscriptions: C2D (QoS 1), twin replies, desired changes, methods. The C2D filter is written to
 * `scratch` and must live as long as the filters are used. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_filters(const spoke_hub_identity *id, spoke_buf *scratch,
                                                          spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT]);

/* --- telemetry --- */

typedef struct spoke_property_pair {
    spoke_str name, value;
} spoke_property_pair;

/* Empty members are left out; an application property may have an empty value, but not an empty name. */
typedef struct spoke_message_properties {
    spoke_str component;        /* $.sub */
    spoke_str message_id;       /* $.mid */
    spoke_str correlation_id;   /* $.cid */
    spoke_str content_type;     /* $.ct */
    spoke_str content_encoding; /* $.ce */
    spoke_str creation_time;    /* iothub-creation-time-utc, 2021-04-21T11:30:16Z */
    const spoke_property_pair *application;
    size_t application_count;
} spoke_message_properties;

/* "devices/{id}/messages/events/" and the bag; properties NULL: no bag. hub_host may be empty. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_telemetry_topic(const spoke_hub_identity *id,
                                                                  const spoke_message_properties *properties,
                                                                  spoke_buf *out);

/* The bag alone, for who learns the device id later. E_ARG: a name is empty. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_bag_write(const spoke_message_properties *properties,
                                                        spoke_buf *out);

/* Walks a property bag "a=1&b=&c". Views are still percent-encoded; has_value tells "b=" from "c";
 * nothing between two '&' is no item. E_NOT_FOUND at the end. */
typedef struct spoke_bag_item {
    spoke_str name, value;
    bool has_value;
} spoke_bag_item;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_bag_next(spoke_str *rest, spoke_bag_item *out);
/* Value of the first `name` (compared after decoding, so $.mid finds %24.mid), still encoded; empty for "c".
 * E_NOT_FOUND leaves *value alone. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_bag_find(spoke_str bag, const char *name, spoke_str *value);
/* Appends the percent-decoded text; '+' stays plus. E_PROTOCOL: a bad escape. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_percent_decode(spoke_str text, spoke_buf *out);
/* Appends with everything outside RFC 3986 unreserved as %XX, upper case. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_percent_encode(spoke_str text, spoke_buf *out);

/* --- requests of the device --- */

SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_twin_get_topic(uint32_t rid, spoke_buf *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_twin_report_topic(uint32_t rid, spoke_buf *out);
/* Echoes the rid of the request byte for byte. E_ARG: the rid is empty, or the status is not in 0..65535. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_method_reply_topic(spoke_str rid, int status, spoke_buf *out);

/* --- what the hub says --- */

typedef enum spoke_hub_event_kind {
    SPOKE_HUB_TWIN_REPLY, /* status, rid, version when has_version; payload */
    SPOKE_HUB_DESIRED,    /* version when has_version; payload is the patch */
    SPOKE_HUB_METHOD,     /* component (may be empty), name, rid, payload */
    SPOKE_HUB_C2D,        /* bag, payload, input; an offline command when `name` is not empty, see below */
    SPOKE_HUB_UNKNOWN     /* a topic this library does not know: report and ignore */
} spoke_hub_event_kind;

/* Views into topic and payload.
 *
 * An offline command is a message whose application property method-name says "command" or "component*command";
 * without the star the component is $.sub, else the property component-name, else empty. Names are views into the
 * bag, not decoded: names that DTDL allows need no escapes. The body is the bare parameter, not always JSON (text
 * comes without quotes); nothing, or the one byte '@', stands for no parameter. */
typedef struct spoke_hub_event {
    spoke_hub_event_kind kind;
    uint32_t status;
    spoke_str rid;
    bool has_version;
    int64_t version;
    spoke_str component, name;
    spoke_str bag;
    spoke_str payload;
    spoke_str input; /* C2D to an edge module: the input it came by; else empty */
} spoke_hub_event;

/* Never fails on strange topics: those are UNKNOWN. E_PROTOCOL: a known topic with a broken number or no $rid, or
 * a method without a name. Ids are compared byte for byte; topics of other devices are UNKNOWN. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_hub_parse(const spoke_hub_identity *id, spoke_str topic,
                                                        spoke_str payload, spoke_hub_event *out);

#ifdef __cplusplus
}
#endif
#endif
