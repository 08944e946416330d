/* The client's inside: one struct, and what its files offer each other.
 *
 *   client.c      life, and the public calls with their lock
 *   config.c      checking and copying the configuration, carving the memory
 *   machine.c     states: what is due, what happened
 *   assignment.c  the hub in force, and what follows a failed attempt beside a pause
 *   connect.c     CONNECTING, tokens
 *   session.c     SYNCING and READY: what arrives, what leaves
 *   telemetry.c   what the program says; outgoing.c: telemetry on its way from the queue (queue/queue.h) to the
 *                 transport: pace, batches, ids, times
 *   handlers.c    finding the program's handlers      record.c  reading and keeping records
 *   retry.c       which trouble asks for which pause, and whether to try at all (pure)
 *                 retry_plain.c  one pause for all of them, in its place
 *   hosts.c       lists of hosts (pure)
 *
 * And the parts that may be left out; parts.h is what they offer the others, left_out.c answers for them:
 *
 *   provision.c   PROVISIONING, the cached assignment
 *   sync.c        the twin; properties.c: what it asks of the program, and what the program reports
 *   command.c     message.c     what the program is asked; call.c: what it has not answered yet
 *   contract.c    the device template: what is said and asked is held to it; contract_init.c: handlers, too
 *   clock.c       unset and wrong clocks
 *   move.c        another scope; home.c: where it has led     renew.c  another key, certificate, trust; expiry warnings
 *   settings.c    accepted writable properties, kept      work.c    long-running commands, kept
 *   stats.c       counters          diagnostics.c the component that tells them; log_ring.c: the last log lines
 */
#ifndef SPOKE_SRC_CLIENT_MACHINE_H
#define SPOKE_SRC_CLIENT_MACHINE_H

#include <spoke/client.h>
#include <spoke/crypto.h>
#include <spoke/features.h>
#include <spoke/proto/dps.h>
#include <spoke/proto/hub.h>
#include <spoke/proto/twin.h>
#include <spoke/stats.h>
#include <stddef.h>

#include "base/backoff.h"
#include "base/http_date.h"
#include "home.h"
#include "log_ring.h"
#include "queue/queue.h"
#include "retry.h"

#define NEVER UINT64_MAX
#define AT_ONCE UINT64_C(0)             /* a time that has come, and that no network puts off */
#define SENTENCE_BYTES 224u             /* of a misfit, for the service and the log */
#define TEXT_BYTES SPOKE_MAX_TEXT_BYTES /* of the scratch */
#define RESOURCE_BYTES (SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + 16u)
/* A token of this build: three bytes for each of the resource's that is escaped, 64 of its own, the signature. */
#define TOKEN_BYTES \
    (3u * RESOURCE_BYTES < SPOKE_MAX_SAS_BYTES - 196u ? 3u * RESOURCE_BYTES + 196u : SPOKE_MAX_SAS_BYTES)
#define USERNAME_BYTES (TEXT_BYTES - TOKEN_BYTES) /* as configured; more where the token is shorter */
#define ACK_LIMIT_MS 60000u      /* a message unacknowledged for longer: the connection is tried anew */
#define OUTGOING_EXTRA_BYTES 40u /* what a message id adds to a topic */

_Static_assert(TEXT_BYTES >= TOKEN_BYTES + RESOURCE_BYTES && TEXT_BYTES >= 2 * SPOKE_MAX_ID_BYTES + 256,
               "SPOKE_MAX_TEXT_BYTES is too small for what has to stand in it");

/* Does this transport know the operation? It may have been built against an older, shorter table. */
#define OFFERS(ops, member) \
    ((ops)->struct_size >= offsetof(spoke_transport_ops, member) + sizeof((ops)->member) && (ops)->member != NULL)

/* The credential of a build without renewal has all the keys that will ever be. */
#define KEYS(config) (SPOKE_WITH_RENEWAL || (config)->credential.secondary != NULL ? 2u : 1u)
/* Something may be asked that the program answers later. */
#define CALLS_WAIT (SPOKE_WITH_DEFER && (SPOKE_WITH_COMMANDS || SPOKE_WITH_MESSAGES))
/* The hub in force may be another than the one configured. */
#define ASSIGNMENTS_CHANGE (SPOKE_WITH_DPS || SPOKE_WITH_HOSTS)
/* A link may be ended for another home, or another credential. */
#define LINKS_END_ANEW (SPOKE_WITH_MOVE || SPOKE_WITH_RENEWAL)
/* The program may be asked something. */
enum { HANDLERS_ASKED = SPOKE_WITH_PROPERTIES || SPOKE_WITH_COMMANDS || SPOKE_WITH_MESSAGES };

/* A call of the service that the program has not answered yet. */
struct pending_call {
    uint32_t request;           /* 0: free */
    const spoke_member *member; /* of the command; NULL: the template has none */
    bool is_message;            /* a cloud-to-device message: owes a PUBACK; else a method: owes a reply */
    bool done;                  /* the program said so; the PUBACK leaves at the next poll */
    uint16_t receipt;
    uint8_t rid_bytes;
    char rid[SPOKE_MAX_RID_BYTES];
};

/* Answers to commands that wait, one behind the other (command.c). */
struct answers {
    uint8_t *bytes;
    size_t cap, from, to;
};

/* How a handler's property stands with the service. Five handlers share a byte. */
enum handler_state {
    HANDLER_UNSET, /* next: SET when the service gives a value */
    HANDLER_SET,   /* its absence from a snapshot takes the value back; next: UNSET, OWED */
    HANDLER_OWED   /* its verdict found no room: it is asked again from the next snapshot; next: SET, UNSET */
};
#define HANDLERS_PER_BYTE 5u
#define NO_HANDLER SIZE_MAX

/* What is known about the wall clock while it is in doubt, and the question for a Date header (clock.c). */
struct clock_check {
    void *link;      /* of platform.net, for that question alone; NULL: it is never asked */
    bool link_ready; /* init was called */
    bool doubted;    /* since the last CONNACK of the hub, a clock unset or wrong may have been the trouble */
    bool certain;    /* it is unset, or the dates of a certificate speak against it */
    bool blamed;     /* the present pause may be for it */
    bool told;       /* the notice went out */
    bool asking;     /* the link is open */
    bool ask_due;
    bool was_set;    /* when it was looked at last, or the last attempt began */
    int64_t ahead_s; /* wall clock minus monotonic clock then */
    uint64_t look_at, ask_from, sought_at;
    uint64_t limit_at; /* of the question */
    size_t sent;       /* bytes of it */
    struct http_date date;
};

/* Accepted writable properties, as the record that keeps them (settings.c). */
struct settings {
    spoke_buf text;       /* {"settings":[["component","name",value],...]  cap 0: none are kept */
    int64_t version;      /* of the last desired document that changed them */
    uint32_t home;        /* whose twin was heard last, or kept; 0: nobody's */
    bool dirty;           /* the record in the store is older */
    bool late;            /* it is so by spoke_property_ack: poll has to write it */
    bool overflow;        /* one found no room, and nobody was told yet */
    spoke_status trouble; /* of reading the record at init */
};
/* Of the record, around the settings themselves: member names, a version, and two names with each character escaped. */
#define SETTINGS_FRAME_BYTES (64u + 2u * (SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES))

/* Long-running commands that were begun and are not finished (work.c). */
struct works {
    struct begun {
        uint32_t id;    /* 0: free */
        size_t handler; /* NO_HANDLER: the record was not readable, and stays */
    } * slots;          /* slot i is kept under the key "work-i" */
    size_t count;       /* 0: the platform keeps no records */
    uint8_t *record;    /* the one looked at last */
    size_t record_cap;
    uint32_t next_id;
    spoke_status trouble; /* of reading them, until somebody was told */
};

/* What the diagnostics component has told (diagnostics.c). */
struct diagnostics {
    uint64_t next_at;   /* telemetry */
    uint64_t sent_at;   /* the last of it */
    uint64_t ready_at;  /* of the link whose beginning was noticed */
    uint32_t figures;   /* a checksum of what telemetry said last: nothing new, nothing sent */
    uint32_t facts;     /* the same of the properties */
    spoke_reason ended; /* the last attempt or link; COUNT: none has */
    struct log_ring ring;
    log_ring_guard guard;
};

/* How far a counter was told by notices, and when the next may go out (outgoing.c). */
struct tally {
    uint64_t due;
    queue_counter count;
};

/* What is looked at most stands first, the smallest before all: a Cortex-M reaches 32 bytes, and 31 words, from the
 * beginning of a struct with a short instruction. */
struct spoke_client {
    /* state */
    bool wanted;              /* open, rather than closed */
    bool polling, in_handler; /* guards against re-entrance and a second polling thread */
    bool asleep;              /* the polling thread is inside the transport's step */
    bool link_open;           /* open was called, CLOSED has not come */
    bool link_at_hub;         /* it leads to the hub, else to DPS */
    bool link_ready;          /* CONNACK came */
    bool subscribed;
    bool closing_link;    /* close was called: the CLOSED to come was asked for */
    bool draining;        /* stop publishing: a new token waits for a quiet moment */
    bool work_left;       /* the transport was given something after its last step */
    bool refused;         /* the transport had no room for something in the last round of work */
    bool news;            /* something waits that no round of work has looked at */
    bool assigned;        /* hub_host and device_id are known */
    bool ask_dps;         /* all the same the next attempt goes to DPS */
    bool anew;            /* the link ends for another home or credential, not for a token */
    bool renewing;        /* this link is being closed for a new token */
    bool link_heard;      /* the hub acknowledged something on this link */
    bool link_unheard;    /* the link that just ended: something waited for an answer, and never was there one */
    bool pause_firm;      /* the service asked for the present pause */
    bool pace_blocks;     /* a message to be replayed waits for its pace */
    bool alive;           /* the first poll has handed out what was kept */
    bool handlers_sorted; /* so a binary search finds them */
#if SPOKE_WITH_PROPERTIES
    bool report_in_flight, resync_wanted;
#endif
    struct host_ring hub_hosts;
    uint8_t key_count, key_used;
    spoke_state state;
    spoke_network network, network_seen; /* as the program says; as machine_work has acted upon */
    void (*release)(void *memory);       /* at destroy; NULL: the memory is the program's */
    const spoke_transport_ops *ops;
    spoke_transport *link;
    /* One for what never happens at once. Valid within one step of the machine: topics and filters; token and user
     * name at connect; acknowledgements being collected; a command's reply. While DPS is asked: that machine (provision.c). */
    uint8_t *scratch;
    size_t work_bytes; /* of it; for text TEXT_BYTES */
    uint64_t state_since;
    uint64_t retry_at;
    uint64_t close_by;    /* a link that is being closed */
    uint64_t attempt_due; /* a link that is being opened: CONNACK, then SUBACK, must have come by then */
    uint64_t ack_due;     /* the oldest message in flight must be acknowledged by then */
    uint32_t ack_of;      /* its token; QUEUE_NO_TOKEN: none is in flight */
    spoke_error error;
    spoke_error link_fault; /* why this connection is being given up, when we are the ones who do it */

    /* this connection */
    uint64_t connected_at;
    uint64_t renew_at, renew_latest, token_ends;
    size_t events_topic_bytes;

    spoke_config config; /* text members point into `strings` */
    spoke_platform platform;
    char *strings;
    struct queue queue; /* telemetry and reported patches */
    struct retry retry;

    /* outgoing.c */
    uint32_t boot_id;    /* random: names this run in message ids */
    uint64_t events_at;  /* when the transport was last asked: for what comes by the thousand at once */
    uint64_t live_since; /* READY since then: what was queued before is replayed at its pace; NEVER: not READY */
    uint64_t pace_us;    /* the next one replayed may leave */
    uint64_t created_asked; /* when the clock was last asked for a message, and what it said */
    int64_t created_now;
    struct tally drops_told, faults_told;
    uint8_t *gathered, *encoded; /* bodies joined; the encoder's output */
    size_t gathered_bytes, encoded_bytes;

    /* the parts, each as far as it is built */
    uint8_t *handler_states;
#if CALLS_WAIT
    struct pending_call *calls;
    size_t call_count;
    uint32_t next_request;
#endif
#if SPOKE_WITH_PROPERTIES
    spoke_twin twin;
    int64_t desired_version; /* last one handed to the handlers */
    size_t unanswered_from;  /* the first refusal in the snapshot of that version that found no room; SIZE_MAX */
    uint64_t report_retry_at, resync_at; /* no sooner */
    struct backoff report_pause;
#endif
#if SPOKE_WITH_COMMANDS
    struct answers answers; /* to commands */
#endif
#if SPOKE_WITH_CHECKS
    spoke_fault fault; /* what `error` is about when it comes from the template */
#endif
#if SPOKE_WITH_CLOCK_HELP
    struct clock_check clock;
#endif
#if SPOKE_WITH_SETTINGS
    struct settings settings;
#endif
#if SPOKE_WITH_WORK
    struct works works;
#endif
#if SPOKE_WITH_DIAGNOSTICS
    struct diagnostics diagnostics;
#endif
#if SPOKE_WITH_STATS
    struct spoke_stats stats; /* every file counts what it does; stats.c adds the gauges */
    uint64_t handler_ms;      /* that handlers took of the present poll */
    uint64_t handler_since;
#endif
#if SPOKE_WITH_DPS
    struct dps_refusal { /* for the retry that follows CLOSED */
        spoke_dps_class failure;
        uint32_t retry_after_s;
    } dps_refusal;
    struct host_ring dps_hosts;
    char *dps_host; /* of the present attempt: the transport reads it until CLOSED */
#endif
#if SPOKE_WITH_MOVE
    struct home home; /* moved to; empty: as configured */
    struct move move;
#endif
#if SPOKE_WITH_RENEWAL
    struct renewal renewal;
    uint64_t expiry_due; /* certificates are looked at then */
#endif

    /* identity */
    spoke_key *keys;             /* primary, secondary: KEYS of them */
    spoke_hub_identity identity; /* host and id end with a NUL */
#if ASSIGNMENTS_CHANGE
    char hub_host[SPOKE_MAX_HOST_BYTES + 1]; /* what stands in it */
    char device_id[SPOKE_MAX_ID_BYTES + 1];
#endif
    char events_topic[SPOKE_MAX_ID_BYTES + 32]; /* the front of every telemetry topic */
};

/* Room for text in the scratch. */
static inline spoke_buf text_room(const spoke_client *c)
{
    return spoke_buf_from(c->scratch, TEXT_BYTES);
}
/* The same at connect: the token, made of a resource at the end of that room; then the user name over the resource. */
static inline spoke_buf token_room(const spoke_client *c)
{
    return spoke_buf_from(c->scratch, TEXT_BYTES - RESOURCE_BYTES);
}
static inline spoke_buf resource_room(const spoke_client *c)
{
    return spoke_buf_from(c->scratch + TEXT_BYTES - RESOURCE_BYTES, RESOURCE_BYTES);
}
static inline spoke_buf username_room(const spoke_client *c, const spoke_buf *token)
{
    return spoke_buf_from(c->scratch + token->len, TEXT_BYTES - token->len);
}

/* --- config.c --- */
/* room: for a reason that names something, `why` points into it then; NULL: reasons stay general. */
spoke_status config_check(const spoke_config *given, spoke_config *resolved, spoke_buf *room, spoke_error *why);
/* Joins the parts in `room`, which holds at least a byte; cut where it ends, and NUL-terminated in any case. */
const char *config_sentence(spoke_buf *room, const char *const parts[], size_t count);
/* The platform given, completed from the built-in port. */
const spoke_platform *config_builtin_platform(void); /* NULL: this build has none */
void config_platform(const spoke_config *resolved, spoke_platform *out);
spoke_dps_config config_dps(const spoke_config *c);
static inline bool config_uses_dps(const spoke_config *c)
{
    return SPOKE_WITH_DPS && c->provisioning_host != NULL;
}
/* Bytes for this configuration (0: the transport refuses it, or it is more than memory can be), and the same walk once more to carve them. */
size_t config_layout(const spoke_config *resolved, spoke_client *client);
spoke_status config_keys(spoke_client *c, spoke_error *why);
/* Readies the queues, recovers what the storage holds. */
spoke_status config_queue(spoke_client *c, spoke_error *why);
/* Checks a credential and decodes its keys, if it has any. */
spoke_status config_credential(const spoke_credential *k, spoke_key keys[2], uint8_t *count, spoke_error *why);
spoke_tls_options config_tls(const spoke_config *c);
spoke_status config_link(spoke_client *c, spoke_error *why); /* readies the transport */

/* One walk that counts, and one that carves; each part takes its own. What every connection uses lies together, and what
 * only traffic fills lies behind all of it: a quiet client then takes few pages of a machine that has pages. */
struct carver {
    uint8_t *memory;   /* NULL: only count */
    size_t used, bulk; /* SIZE_MAX: more than there can be */
};
void *carve_from(struct carver *at, size_t *used, size_t size);
static inline void *carve(struct carver *at, size_t size)
{
    return carve_from(at, &at->used, size);
}
static inline void *carve_bulk(struct carver *at, size_t size)
{
    return carve_from(at, &at->bulk, size);
}

/* --- client.c --- */
/* A text of ours: where sentences are left out it is none, and what the status is called stands for it. */
static inline const char *sentence(const char *text)
{
    return SPOKE_WITH_SENTENCES ? text : NULL;
}
spoke_error fault_of(spoke_status status, spoke_source source, int32_t detail, const char *text);
static inline spoke_error client_fault(spoke_status status, spoke_source source, int32_t detail, const char *text)
{
    return fault_of(status, source, detail, sentence(text));
}
#if SPOKE_WITH_LOCKS
void lock_client(const spoke_client *c);
void unlock_client(const spoke_client *c);
/* After queueing: another thread may be asleep in poll. */
void unlock_and_wake(spoke_client *c, bool wanted);
#else
static inline void lock_client(const spoke_client *c)
{
    (void)c;
}
static inline void unlock_client(const spoke_client *c)
{
    (void)c;
}
static inline void unlock_and_wake(spoke_client *c, bool wanted)
{
    (void)c, (void)wanted;
}
#endif
/* Brackets around a handler's call: it runs without the lock, and may not poll. */
void enter_handler(spoke_client *c);
void leave_handler(spoke_client *c);
/* The same around on_sent. It comes once for each message, and its time is not worth two looks at the clock: it counts
 * as poll's own. */
void enter_outcome(spoke_client *c);
void leave_outcome(spoke_client *c);
/* Tells on_notice, and the log. Called with the lock, from inside poll. */
void client_notice(spoke_client *c, spoke_notice_kind kind, const spoke_error *why, int64_t at_s);

/* --- machine.c --- */
uint64_t now_ms(const spoke_client *c);
uint32_t random_u32(spoke_client *c);
uint32_t random_below(spoke_client *c, uint32_t limit); /* 0 when limit is 0 */
void enter_state(spoke_client *c, spoke_state to, const spoke_error *why);
void enter_without_fault(spoke_client *c, spoke_state to, const char *text);
static inline void enter_well(spoke_client *c, spoke_state to, const char *text)
{
    enter_without_fault(c, to, sentence(text));
}
/* What is due now, without waiting. */
void machine_work(spoke_client *c, uint64_t now);
/* Everything the transport has to say. */
void machine_events(spoke_client *c);
uint64_t machine_deadline(const spoke_client *c);
/* Gives this connection up: its CLOSED event will lead to a retry because of this. False: it was given up before. */
bool give_link_up(spoke_client *c, spoke_status status, spoke_source source, int32_t detail);
static inline void machine_fail(spoke_client *c, spoke_status status, spoke_source source, int32_t detail,
                                const char *text)
{
    if (give_link_up(c, status, source, detail) && SPOKE_WITH_SENTENCES)
        c->link_fault.text = text;
}
void machine_close_link(spoke_client *c, bool graceful);
/* The attempt is over without a link to close. */
void machine_attempt_failed(spoke_client *c, const spoke_error *why, bool at_dps);
/* The program lets us use the network. */
static inline bool machine_may_dial(const spoke_client *c)
{
    return !SPOKE_WITH_NETWORK || (c->network != SPOKE_NETWORK_DOWN && c->network != SPOKE_NETWORK_AIRPLANE);
}
static inline bool machine_metered(const spoke_client *c)
{
    return SPOKE_WITH_NETWORK && c->network == SPOKE_NETWORK_METERED;
}

static inline uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The link leads to the hub, rather than to DPS. */
static inline bool at_hub(const spoke_client *c)
{
    return !SPOKE_WITH_DPS || c->link_at_hub;
}

/* --- assignment.c --- */
bool assignment_possible(spoke_str hub, spoke_str device_id);
void assignment_none(spoke_client *c);
void assignment_set(spoke_client *c, spoke_str hub, spoke_str device_id);
void assignment_configured(spoke_client *c);                   /* the present one of the configured hubs */
void assignment_write(const spoke_client *c, spoke_writer *w); /* its members, into a record */
/* After a failed attempt. True: something other than the usual retry is due (another host, the former home, the former
 * credential) and has been arranged. */
#if SPOKE_WITH_HOSTS || LINKS_END_ANEW
bool connect_otherwise(spoke_client *c, const spoke_error *why, bool at_dps);
#else
static inline bool connect_otherwise(spoke_client *c, const spoke_error *why, bool at_dps)
{
    (void)c, (void)why, (void)at_dps;
    return false;
}
#endif
void connect_ready(spoke_client *c);        /* the hub is reached and synchronised */
void home_forget_troubles(spoke_client *c); /* they were another home's, or another credential's */

/* --- connect.c --- */
void connect_begin(spoke_client *c); /* to the hub if the assignment is known, else to DPS */
/* Ends the link at a quiet moment, as for a new token, so that connect_begin follows. */
void connect_anew(spoke_client *c);
spoke_status connect_hub(spoke_client *c);
spoke_status connect_credential(spoke_client *c, spoke_str resource, spoke_str skn, spoke_buf *out);
spoke_status connect_open(spoke_client *c, const char *host, spoke_mqtt_connect_options *mqtt);

/* --- session.c --- */
void session_event(spoke_client *c, const spoke_transport_event *event);
/* The hub acknowledged the message with this token. It comes once for each, and its event names nothing else. */
void session_acked(spoke_client *c, uint32_t token);
/* After a burst of them: the message that is now the oldest in flight gets its time. */
void session_watch_acks(spoke_client *c);
void session_work(spoke_client *c, uint64_t now);
void session_synced(spoke_client *c);     /* SYNCING is over */
void session_ended(spoke_client *c);      /* the connection is gone: what was in flight, is not */
bool session_idle(const spoke_client *c); /* nothing sent is unanswered */
/* At QoS 0. */
spoke_status session_publish(spoke_client *c, spoke_str topic, spoke_str body);
/* The most that fits a PUBLISH with a topic that starts so: the rest of the topic and the payload. */
size_t session_room(const spoke_client *c, size_t topic_bytes, uint8_t qos);
/* What can never leave for its size is refused when it is queued; again when the device id is known. */
void session_limit_sizes(spoke_client *c);
/* Tells on_sent how a message with an id ended. */
void session_report_outcome(spoke_client *c, uint32_t id, spoke_status outcome);

/* --- outgoing.c --- */
bool outgoing_ids(const spoke_client *c); /* every message carries one */
/* Hands messages to the transport as long as it takes them and the pace allows. */
void outgoing_send(spoke_client *c, uint64_t now);
/* In any state: what has become too old, what is to be told of dropped messages, what the storage has to know. */
void outgoing_work(spoke_client *c, uint64_t now);
void outgoing_tell(spoke_client *c);
uint64_t outgoing_deadline(const spoke_client *c);

/* --- handlers.c --- */
/* Index of the handler, or NO_HANDLER; names of properties as they stand in JSON, of commands as they are. */
size_t handler_find(const spoke_client *c, spoke_str component, spoke_str name, bool command);
bool handlers_sorted(const spoke_config *c);
enum handler_state handler_state_get(const spoke_client *c, size_t handler);
void handler_state_put(spoke_client *c, size_t handler, enum handler_state state);

#include "parts.h" /* which need the above */

#endif
