/* Device Provisioning Service over MQTT, as a pure machine: asks to register, waits as long as the service says,
 * polls, and ends in exactly one event. Tier 0: may change before 1.0.
 *
 *     spoke_dps_init(&dps, &config, scratch, sizeof scratch);   after CONNACK and SUBACK of SPOKE_DPS_FILTER:
 *     spoke_dps_start(&dps, now);
 *     while (spoke_dps_output(&dps, &topic, &payload) == SPOKE_OK) { publish; spoke_dps_sent(&dps, now); }
 *     spoke_dps_receive(&dps, now, topic, payload);  spoke_dps_next(&dps, &event);
 */
#ifndef SPOKE_PROTO_DPS_H
#define SPOKE_PROTO_DPS_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPOKE_DPS_API_VERSION "2019-03-31"
#define SPOKE_DPS_FILTER "$dps/registrations/res/#"
#define SPOKE_DPS_MAX_RETRY_AFTER_S 300u /* a longer retry-after counts as this */
#define SPOKE_DPS_MIN_SCRATCH_BYTES 512u

/* Views must outlive the machine. */
typedef struct spoke_dps_config {
    spoke_str id_scope;
    spoke_str registration_id; /* also the MQTT client id */
    spoke_str model_id;        /* DTMI; empty: not announced */
    spoke_str user_agent;      /* empty: left out */
    spoke_str payload;         /* a JSON object merged beside modelId (which wins over one in here); empty: none */
    uint32_t request_limit_ms; /* wait for one reply; 0: 30000 */
    uint32_t total_limit_ms;   /* the whole registration; 0: 900000 */
} spoke_dps_config;

/* "{scope}/registrations/{id}/api-version=..[&ClientVersion=..]" and "{scope}/registrations/{id}". Append to out;
 * an error leaves out->len as it was. E_ARG: scope or id empty, too long, or not of letters, digits and "-._:". */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_username(const spoke_dps_config *config, spoke_buf *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_resource(const spoke_dps_config *config, spoke_buf *out);

typedef enum spoke_dps_event_kind {
    SPOKE_DPS_ASSIGNED, /* hub, device_id */
    SPOKE_DPS_REFUSED   /* failure class, code, retry_after_s */
} spoke_dps_event_kind;

/* What a refusal asks for (docs/protocol.md lists code by code). */
typedef enum spoke_dps_class {
    SPOKE_DPS_THROTTLED,    /* 429: again after retry_after_s, else back off */
    SPOKE_DPS_TRANSIENT,    /* 5xx, no reply in time, malformed replies: back off */
    SPOKE_DPS_CREDENTIAL,   /* 401xxx: key, clock or identity; slow retry */
    SPOKE_DPS_BLOCKED,      /* 400209, disabled: wait for the operator, minutes */
    SPOKE_DPS_SERVICE,      /* 400207, 400208: the service's own configuration */
    SPOKE_DPS_CONFIGURATION /* 404xxx and other 4xx: scope or enrolment; very slow retry */
} spoke_dps_class;

/* Views live until the next call on the machine. */
typedef struct spoke_dps_event {
    spoke_dps_event_kind kind;
    spoke_str hub, device_id; /* such as a topic can carry, at most SPOKE_MAX_HOST_BYTES and SPOKE_MAX_ID_BYTES */
    spoke_dps_class failure;
    int32_t code;           /* 6-digit service code, else the topic's status; 0: no reply in time */
    uint32_t retry_after_s; /* 0: not said, or "at once" */
    spoke_str message; /* the service's own words: raw JSON text without quotes, cut at 200 bytes; may be empty */
} spoke_dps_event;

/* How the machine goes about it. Each registration ends in one event.
 *
 *  - 202: waits as long as retry-after says (2 s when it says nothing or no number; 0 is at once: one query is
 *    outstanding at a time, so the service's own pace is the floor), then asks for the operation's status.
 *  - 200: the status in the body decides; success needs a hub and a device id.
 *  - 429 or above to a query: waits (retry-after, else 2 s doubling to 60 s), then asks again about the same
 *    operation. To the registration itself: REFUSED, so that the caller can hang up and back off.
 *  - 404 to a query, or 409: the service lost or confused the operation; registers anew, once.
 *  - No reply in request_limit_ms, or no end in total_limit_ms: REFUSED, TRANSIENT, code 0. */
typedef enum spoke_dps_step {
    SPOKE_DPS_IDLE,        /* next: REGISTERING on start */
    SPOKE_DPS_REGISTERING, /* a request is to be sent or unanswered; next: WAITING on 202, DONE */
    SPOKE_DPS_WAITING, /* until the pause is over; next: POLLING, REGISTERING when no operation is known, DONE */
    SPOKE_DPS_POLLING, /* a status query is to be sent or unanswered; next: WAITING, DONE */
    SPOKE_DPS_DONE     /* the event is there or was taken; next: REGISTERING on start */
} spoke_dps_step;

typedef struct spoke_dps { /* private */
    spoke_dps_step step;
    bool to_send, event_ready, registered_anew;
    uint32_t rid;
    uint32_t refused_queries; /* in a row */
    uint64_t due, give_up;
    spoke_buf scratch;
    size_t operation_bytes; /* of the operation id, at the front of scratch; 0: none known */
    spoke_dps_event event;
    spoke_dps_config config;
} spoke_dps;

/* `scratch` holds the outgoing topic and body, the operation id and the result; 1024 bytes suffice for ids of
 * ordinary length (E_TOO_SMALL from output otherwise). It outlives the machine. E_ARG: as spoke_dps_username, or
 * the payload is not a JSON object; E_NO_MEMORY: less than SPOKE_DPS_MIN_SCRATCH_BYTES. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_init(spoke_dps *d, const spoke_dps_config *config, void *scratch,
                                                       size_t size);
/* Begins a registration, also after one that has ended. */
SPOKE_API void spoke_dps_start(spoke_dps *d, uint64_t now);
/* The message to publish now (QoS 1). E_AGAIN: none. Views live until the next call on the machine. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_output(spoke_dps *d, spoke_str *topic, spoke_str *payload);
SPOKE_API void spoke_dps_sent(spoke_dps *d, uint64_t now);
/* Any message of the connection. Others' topics and unknown $rid are ignored. */
SPOKE_API void spoke_dps_receive(spoke_dps *d, uint64_t now, spoke_str topic, spoke_str payload);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_next(spoke_dps *d, spoke_dps_event *event); /* E_AGAIN: none */
/* When tick next has something to do; UINT64_MAX: never. */
SPOKE_API uint64_t spoke_dps_deadline(const spoke_dps *d);
SPOKE_API void spoke_dps_tick(spoke_dps *d, uint64_t now);

/* One reply topic taken apart. A retry-after that is not a number counts as missing; one beyond 32 bits as
 * UINT32_MAX. E_NOT_FOUND: not a DPS reply; E_PROTOCOL: one without a three-digit status or a $rid. */
typedef struct spoke_dps_reply {
    uint32_t status;
    spoke_str rid;
    bool has_retry_after;
    uint32_t retry_after_s;
} spoke_dps_reply;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_dps_parse_topic(spoke_str topic, spoke_dps_reply *out);

#ifdef __cplusplus
}
#endif
#endif
