/* The service without sockets: devices, DPS, twins, commands, as one single-threaded machine. The shell
 * (src/central/shell/) brings bytes, HTTP requests and the time of day; tests bring them from memory. */
#ifndef SPOKE_SRC_CENTRAL_CORE_H
#define SPOKE_SRC_CENTRAL_CORE_H

#include <cJSON.h>
#include <spoke/base.h>
#include <spoke/central/central.h>

#include "base/list.h"
#include "base/timers.h"
#include "central/store/store.h"

struct core;
struct conn; /* one MQTT byte stream, DPS or hub: the CONNECT's user name tells */

struct core_options {
    const char *store_path; /* ":memory:" */
    bool durable, control, approve_by_hand;
    const char *id_scope, *group_key, *hub_host; /* NULL: kept ones, or made */
    const char *device_ca_pem;
    uint32_t dps_polls, dps_retry_after_s; /* resolved: 0 means 0 */
    uint32_t connect_rate;                 /* of the hub, per second; 0: any */
    bool drop_duplicates;
    uint32_t keep_messages; /* of all devices; 0: STORE_ALL_MESSAGES_KEPT */
    uint32_t keep_days;     /* 0: of any age */
    const char *profile;    /* limits.h; NULL: no limits */
    uint32_t
        commit_pause_ms; /* between the commits of core_tick while many devices send, thrice that when very many do; 0: each tick commits */
    uint64_t (*monotonic_ms)(void *ctx);
    int64_t (*unix_ms)(void *ctx);
    void *clock_ctx;
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    spoke_log_level log_level;
    void (*log)(void *user, spoke_log_level level, const char *module, const char *line);
    void *log_user;
};

/* Opens the store, with what is kept there. E_ARG, E_PORT, E_CERTIFICATE, E_NO_MEMORY, with a sentence in why. The texts of
 * options are copied or not used later, except log_user and the contexts. */
spoke_status core_create(const struct core_options *options, struct core **out, char *why, size_t why_cap);
void core_destroy(struct core *c);

uint64_t core_now_ms(const struct core *c); /* monotonic */
int64_t core_unix_ms(const struct core *c);
struct store *core_store(struct core *c);
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void core_log(const struct core *c, spoke_log_level level, const char *module, const char *format, ...);
/* A warning that somebody causes who has proven nothing: a few of them in a second, and then how many more there were. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void core_log_stranger(struct core *c, const char *module, const char *format, ...);
const char *core_id_scope(const struct core *c);
const char *core_hub_host(const struct core *c);
const char *core_application_id(const struct core *c); /* GUID */

/* Where devices find the service, for people who connect one. host NULL: not known, since nothing listens; ca_pem NULL:
 * the authority is nothing that we have. */
struct core_connection {
    const char *host, *ca_pem;
    uint16_t mqtt_port;
};
/* Copies. E_NO_MEMORY. */
spoke_status core_set_connection(struct core *c, const struct core_connection *connection);
struct core_connection core_connection(const struct core *c);
const char *core_application_secret(const struct core *c); /* base64; signs API tokens */
bool core_control(const struct core *c);
/* 32 hex digits in GUID form, NUL-terminated. */
void core_guid(struct core *c, char out[37]);

/* store_document_put of a tree. organizations: a JSON array, or NULL. */
spoke_status core_document_put(struct core *c, const char *kind, const char *id, const cJSON *document,
                               const char *organizations);

/* --- connections (conn.c) --- */

/* peer_chain: the certificates that the client showed and proved to have the key of, DER, its own first; copied. Empty:
 * none. Whether they are trusted is the core's to say. */
spoke_status core_conn_open(struct core *c, spoke_str peer_chain, struct conn **out);
/* Of the peer, up to 16 bytes, by which credentials that are not accepted count; without it they do not. */
void core_conn_from(struct conn *k, spoke_str address);
void core_conn_receive(struct conn *k, const uint8_t *bytes, size_t len);
/* At most `fragment` bytes when that fault is armed. The view lives until the next call on the core. */
spoke_str core_conn_output(const struct conn *k);
void core_conn_sent(struct conn *k, size_t count);
bool core_conn_ended(
    const struct conn *k);            /* the service hangs up, output or not: close the stream, then close k */
void core_conn_close(struct conn *k); /* the stream is gone; frees. Fires the will when no DISCONNECT came */
/* Whoever has thousands of streams names the owner of each, and asks which ones to look at: core_conn_stirred gives
 * the owner of a connection that has got output or has ended, each once until that happens again; NULL: no more. */
void core_conn_own(struct conn *k, void *owner);
void *core_conn_stirred(struct core *c);
bool core_any_stirred(const struct core *c);

/* Whoever has threads to spare runs in them what would hold up devices: `run` there, then `done` in the core's own, during
 * a turn. Those of a lane run one after the other, and do not wait for those of the other. False: it cannot be taken
 * now. */
#define CORE_LANES 2u
typedef bool (*core_offload_fn)(void *ctx, unsigned lane, void (*run)(void *job), void (*done)(void *job),
                                void *job);
/* NULL, before the thread ends: what still runs is told to stop. */
void core_set_offload(struct core *c, core_offload_fn offload, void *ctx);

uint64_t core_deadline(const struct core *c);
/* Does what is due, then core_commit, unless one that was just now is too soon (commit_pause_ms). */
void core_tick(struct core *c);
bool core_uncommitted(const struct core *c); /* something was received since the last commit */
/* Commits the store and lets out what waited for it. On error what was written since the last commit is gone, and
 * the connections that waited have ended: their devices come back and ask again. Call after each round of receive. */
spoke_status core_commit(struct core *c);

/* --- REST and control (rest.c) --- */

struct core_request {
    const char *method;        /* "GET" */
    const char *path;          /* decoded path without query */
    const char *query;         /* raw, without '?'; "" */
    const char *authorization; /* NULL: none was sent */
    const char *if_match;      /* the same */
    const char *if_none_match; /* the same */
    const char *content_type;  /* the same; a body without one is taken for JSON */
    spoke_str address;    /* of the asker, up to 16 bytes, by which refused tokens count; empty: they do not */
    spoke_str peer_chain; /* certificates that the client showed, DER, as for core_conn_open */
    bool trusted;         /* in-process: no authorisation, api-version optional */
    const char *base;     /* "https://localhost:8443" for nextLink */
    const char *last_event_id; /* header Last-Event-ID, or NULL */
    /* Where to put a stream; NULL: the asker cannot take one. With a 200 and *stream set, the stream is the answer's
     * body, and the asker's to close. */
    struct core_stream **stream;
    struct core_stream *round; /* a stream asks for more; NULL: anybody else asks */
    bool joined;               /* what it writes is committed with the round: its answer says nothing of that */
    spoke_str body;
};
struct core_stream;
struct core_response {
    int status;
    const char *error_code; /* x-ms-error-code, or NULL */
    const char *allow;      /* of a 405: the methods that there are; else NULL */
    uint32_t retry_after_s; /* 0: none */
    spoke_str body;         /* JSON or empty */
};
/* Calls done exactly once, now or from a later core_tick or core_conn_receive. Returns a ticket to cancel with
 * when the asker goes away first (then done is not called), 0 when it was answered already. */
typedef void (*core_done_fn)(void *user, const struct core_response *response);
uint64_t core_request(struct core *c, const struct core_request *request, core_done_fn done, void *user);
void core_request_cancel(struct core *c, uint64_t ticket); /* harmless when it was answered or cancelled */
/* --- a live stream of events (rest_stream.c): text/event-stream, made as it is read --- */

/* `wake` is called when there is something to read, or it has ended. */
void core_stream_listen(struct core_stream *s, void (*wake)(void *user), void *user);
/* Takes up to `cap` bytes. 0: nothing for now, or it has ended. What is not read costs no more than one round. */
size_t core_stream_read(struct core_stream *s, char *out, size_t cap);
bool core_stream_ended(const struct core_stream *s); /* all is read, and nothing more comes */
void core_stream_close(struct core_stream *s);       /* before core_destroy */

/* A fresh administrator token, the whole Authorization value. *out on the heap. */
spoke_status core_api_token(struct core *c, const char *token_id, char **out);

/* --- what REST asks of the hub --- */

/* Key of a device: its own, or derived from its (or the default) group. base64, NUL-terminated. */
spoke_status core_device_key(struct core *c, const char *device_id, bool secondary, char out[96]);
bool core_device_connected(const struct core *c, const char *device_id);
/* Drops the socket without ceremony. False: not connected. */
bool core_device_disconnect(struct core *c, const char *device_id, const char *why);
/* The device row was changed or deleted: closes what may no longer be. */
void core_device_changed(struct core *c, const char *device_id);

/* Merges (or with `replace` replaces) the desired section, raises its version by one, notifies the device when it
 * is connected and subscribed. E_TOO_LARGE, E_ARG: a limit of the twin is broken (why says which), nothing
 * changed. */
spoke_status core_desired_patch(struct core *c, const char *device_id, const cJSON *patch, bool replace,
                                int64_t *version, char *why, size_t why_cap);

/* Calls a direct method. done once: the device's status and payload (JSON text, may be empty), or status 0 and a
 * code: 404103 not online, 504101 no answer in time, 403800 ten are under way, 400004 a name that cannot stand in
 * a topic, 413001 a payload beyond 128 KB, 502000 the answer was not JSON, 500001 no memory. Ticket to cancel, 0
 * when done already. */
typedef void (*core_method_fn)(void *user, int status, int32_t hub_code, spoke_str payload);
uint64_t core_method_call(struct core *c, const char *device_id, const char *method, spoke_str payload,
                          uint32_t connect_limit_ms, uint32_t response_limit_ms, core_method_fn done, void *user);
void core_method_cancel(struct core *c, uint64_t ticket);

/* Queues a cloud-to-device message. names/values plain text, `count` pairs, system keys as "$.mid".
 * E_FULL: 50 wait already. ttl_ms 0: one hour. */
spoke_status core_c2d_send(struct core *c, const char *device_id, spoke_str body, const spoke_str *names,
                           const spoke_str *values, size_t count, int64_t ttl_ms);

/* --- the event stream (stream.c): what happened, for whoever reads it at a pace of their own --- */

/* Writes an event of the present moment, in the same transaction as what it is about. Takes `body`, a JSON object or
 * NULL. E_NOT_FOUND: there is no such device; any other failure is logged as well. */
spoke_status core_publish(struct core *c, enum store_event_kind kind, const char *device_id,
                          const char *template_id, const char *component, cJSON *body);
/* The same for properties of a device, as they were sent. version: of the section; 0: it has none. */
spoke_status core_publish_properties(struct core *c, enum store_event_kind kind, const char *device_id,
                                     const char *component, const cJSON *properties, bool replace,
                                     int64_t version);
/* store_device_put with the lifecycle events that follow from the difference: registered, provisioned, enabled ...
 * Whoever changes a device goes through here. */
spoke_status core_device_put(struct core *c, const struct store_device *row);
/* With everything that it had, its connection among it. */
spoke_status core_device_delete(struct core *c, const char *device_id);
/* Forgets the events of a device. */
spoke_status core_events_clear(struct core *c, const char *device_id);
const char *core_event_source(enum store_event_kind kind); /* "deviceLifecycle" */
const char *core_event_type(enum store_event_kind kind);   /* "registered" */
/* STORE_EVENT_BITs of a source or a type; 0: there is none of that name. Those of the audit go by their source alone:
 * "deleted" is of a device or a template. */
uint64_t core_event_kinds(spoke_str name);
#define CORE_AUDIT_BITS \
    (STORE_EVENT_BIT(EVENT_AUDIT_CREATED) | STORE_EVENT_BIT(EVENT_AUDIT_UPDATED) | \
     STORE_EVENT_BIT(EVENT_AUDIT_DELETED))

/* Is called after each commit that brought events: they can be read now. It notes the fact and returns; reading is for
 * a task. The memory is the listener's, until core_unlisten. */
struct core_listener {
    struct list_node in_listeners;
    void (*wake)(void *ctx);
    void *ctx;
};
void core_listen(struct core *c, struct core_listener *listener);
void core_unlisten(struct core_listener *listener);

/* Something that the loop does at a time, once for each time that it is set. All zeros but `run` and `ctx` at first. */
struct core_task {
    struct timer timer;
    void (*run)(void *ctx);
    void *ctx;
};
/* Monotonic ms; UINT64_MAX: not any more. E_NO_MEMORY only at the first time. */
spoke_status core_task_set(struct core *c, struct core_task *task, uint64_t at);
void core_task_remove(struct core *c, struct core_task *task);

/* --- test control --- */

/* Shape of control-api: replaces all faults. E_ARG with why. */
spoke_status core_faults_put(struct core *c, const cJSON *faults, char *why, size_t why_cap);
cJSON *core_faults_get(struct core *c); /* new tree */
cJSON *core_rates_get(struct core *c);  /* new tree: CONNECTs to the hub */
void core_rates_forget(struct core *c);
cJSON *core_events_get(struct core *c); /* new array */
void core_event(struct core *c, const char *kind, const char *device_id, const char *reg_id, const char *why,
                int32_t code); /* NULL and 0: left out */

#endif
