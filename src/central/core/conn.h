/* One MQTT 3.1.1 byte stream, as a server: framing, CONNECT, keep-alive, subscriptions, acknowledgements. What the
 * messages mean is the business of dps_service.c and hub_service.c. */
#ifndef SPOKE_SRC_CENTRAL_CONN_H
#define SPOKE_SRC_CENTRAL_CONN_H

#include <spoke/base.h>
#include <spoke/proto/mqtt.h>

#include "base/list.h"
#include "base/timers.h"
#include "bytes.h"
#include "core.h"
#include "guesses.h"

#define CONN_ID_CAP (SPOKE_MAX_ID_BYTES + 1)
#define CONN_FILTER_CAP (SPOKE_MAX_ID_BYTES + 64u)
#define CONN_C2D_WINDOW 10u

enum conn_state {
    CONN_NEW, /* no CONNECT yet; next: DPS, HUB, ENDED */
    CONN_DPS, /* next: ENDED */
    CONN_HUB, /* next: ENDED */
    CONN_ENDED
};

enum conn_topic { TOPIC_DPS, TOPIC_C2D, TOPIC_TWIN_REPLIES, TOPIC_DESIRED, TOPIC_METHODS };

struct subscription {
    char filter[CONN_FILTER_CAP];
    enum conn_topic topic;
    uint8_t qos;
};

/* A cloud-to-device message that is on its way, in order of delivery. */
struct c2d_delivery {
    int64_t seq;
    uint64_t lock_until;
    uint16_t packet_id;
    bool again;
};

/* A PUBACK that a fault holds back. */
struct late_ack {
    uint64_t due;
    uint16_t packet_id;
};

struct log_budget {
    uint64_t ends_ms; /* when the second ends in which lines are counted */
    uint32_t lines, left_out;
};

struct conn {
    struct core *core;
    struct list_node in_conns, in_held, in_stirred; /* of the core's lists */
    struct timer timer;                             /* not later than it wants a tick */
    void *owner;                                    /* whose stream it is */
    enum conn_state state;
    bool simulated; /* the simulator is at the other end */
    bool clean_session, goodbye, has_will, has_api_version;
    char *peer_chain; /* certificates, until the CONNECT is judged; NULL: none */
    size_t peer_chain_len;
    char address[GUESSES_ADDRESS_BYTES]; /* of the peer */
    size_t address_len;                  /* 0: not known */

    struct bytes in;  /* a packet that is not whole yet */
    struct bytes out; /* [out_at, out_ready) may leave, [out_ready, len) waits for the commit */
    size_t out_at, out_ready;

    char id[CONN_ID_CAP];      /* ClientId: device id, or registration id */
    uint64_t silent_until;     /* keep-alive, or the wait for CONNECT */
    uint32_t silence_limit_ms; /* between packets */
    struct subscription subscriptions[SPOKE_MAX_SUBSCRIPTIONS];
    size_t subscription_count;
    struct late_ack *late;
    size_t late_count, late_cap;
    uint32_t publishes;
    struct log_budget log; /* of conn_log */
    uint64_t round;        /* the core's, in which it last waited for a commit */

    /* faults */
    bool lost_up, lost_down; /* bytes of this direction vanished, so no later ones arrive: a half-open link */
    uint64_t quiet_until;    /* output waits; 0: it does not */
    uint64_t close_at;       /* UINT64_MAX: not */
    char *late_desired;      /* a desired change that goes out behind the next one */
    int64_t late_version;

    char *will_topic;
    struct bytes will_payload;
    uint8_t will_qos;
    bool will_retain;

    /* what the CONNECT proved itself by */
    bool by_certificate;
    char *group_id;           /* whose authority or, at DPS, key it was; NULL: one of the device's own */
    uint8_t proof_digest[32]; /* as in auth_enrolment */
    int64_t token_expires_ms; /* UTC; INT64_MAX: never */
    uint64_t group_round;     /* the core's when it was judged */

    /* hub */
    char *model_id;
    char *template_id;       /* as of template_round; NULL: none */
    uint64_t template_round; /* the core's when it was looked up */
    uint64_t token_due;      /* when to look at it */
    struct c2d_delivery c2d[CONN_C2D_WINDOW];
    size_t c2d_count;

    /* DPS: what the CONNECT proved */
    bool proven, enrolment_enabled;
    const char *unproven_why; /* static; NULL: nothing better than that */
    bool unjudged;            /* too many failed before: the credential waits, to be looked at later */
    struct auth_token *token; /* that waits; NULL: the peer chain does */
};

/* --- for the services --- */

/* Queues a packet. Trouble (memory, a peer that does not read) ends the connection. */
void conn_connack(struct conn *k, uint8_t code, bool session_present);
void conn_publish(struct conn *k, spoke_str topic, spoke_str payload, uint8_t qos, uint16_t packet_id, bool dup);
void conn_puback(struct conn *k, uint16_t packet_id); /* 0, as of QoS 0: nothing */
/* Faults: nothing leaves for that long; it hangs up after that long; both directions are dead. */
void conn_hold_back(struct conn *k, uint32_t ms);
void conn_close_in(struct conn *k, uint32_t ms);
void conn_go_silent(struct conn *k);
/* Refuses a CONNECT: CONNACK, event, end. */
void conn_refuse(struct conn *k, uint8_t code, const char *event, const char *why);
/* Hangs up after what is queued. `event` NULL: only the log line and, for a hub connection, hub-disconnected. */
void conn_end(struct conn *k, const char *event, const char *why, int32_t code);
/* Hangs up and forgets what is queued. */
void conn_drop(struct conn *k, const char *event, const char *why, int32_t code);
void conn_protocol_error(struct conn *k, const char *why);
/* A line about what the client did, "{id}: ...": a few a second, since one that errs all the time must not fill a disk. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void conn_log(struct conn *k, spoke_log_level level, const char *module, const char *format, ...);
/* With two filters for one topic, the one with the greater QoS (MQTT 3.1.1 section 3.3.5). NULL: none. */
const struct subscription *conn_subscription(const struct conn *k, enum conn_topic topic);
/* Adds or replaces. */
void conn_subscribe(struct conn *k, spoke_str filter, enum conn_topic topic, uint8_t qos);
/* The connection of a device; NULL: it has none. */
struct conn *hub_conn(const struct core *c, const char *device_id);
/* The certificates that the client showed, until CONNECT is judged. */
spoke_str conn_chain(const struct conn *k);
void conn_forget_chain(struct conn *k);
spoke_str conn_address(const struct conn *k);
/* CONNECT was accepted: keep-alive starts, the will is kept. E_NO_MEMORY ends the connection. */
spoke_status conn_accept(struct conn *k, enum conn_state role, const spoke_mqtt_packet *connect);

/* A timer of the connection was set. */
void conn_due(struct conn *k, uint64_t at);

/* --- for core.c --- */
/* Does what is due, and sets the timer anew. */
void conn_tick(struct conn *k);
/* There is something to send or to close: the owner of the stream has to look. */
void conn_stir(struct conn *k);
/* After a commit: what was held may leave. A commit that failed ends the connection instead. */
void conn_release(struct conn *k, bool durable);
void conn_free(struct conn *k);

#endif
