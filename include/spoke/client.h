/* The client: provisions, connects, stays connected, and speaks telemetry, properties and commands.
 *
 *     const spoke_config config = SPOKE_CONFIG(.provisioning_host = "global.azure-devices-provisioning.net",
 *                                              .id_scope = "0ne...", .registration_id = "dev-1",
 *                                              .credential.primary = key);
 *     spoke_client *client = NULL;
 *     spoke_status status = spoke_client_create(&config, &client);
 *     if (status == SPOKE_OK) status = spoke_client_open(client);
 *     while (status == SPOKE_OK) {
 *         status = spoke_send(client, spoke_f64("temperature", 21.5));
 *         if (status == SPOKE_OK) status = spoke_client_run(client, 1000);
 *     }
 *
 * All I/O and all handlers happen inside spoke_client_poll (and _run, _close), in the thread that calls it.
 * Threads: with lock and unlock in the platform every function here is safe from any thread, but one thread at a
 * time polls. The lock is never held while waiting or while a handler runs. From inside a handler everything is
 * allowed but poll, run, close and destroy (E_REENTRANT). */
#ifndef SPOKE_CLIENT_H
#define SPOKE_CLIENT_H

#include <spoke/base.h>
#include <spoke/model.h>
#include <spoke/platform.h>
#include <spoke/proto/sas.h>
#include <spoke/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spoke_client spoke_client;

/* --- handlers --- */

/* Verdict on a property update or a command: HTTP-like code, and why. text: static storage or NULL. */
typedef struct spoke_ack {
    int code;
    const char *text;
} spoke_ack;

static inline spoke_ack spoke_accept(void)
{
    spoke_ack ack = {200, NULL};
    return ack;
}

static inline spoke_ack spoke_reject(int code, const char *text)
{
    spoke_ack ack = {code, text};
    return ack;
}

/* The answer follows later: spoke_command_reply, spoke_property_ack or spoke_message_done. */
static inline spoke_ack spoke_defer(void)
{
    spoke_ack ack = {0, NULL};
    return ack;
}

/* A writable property that the service wants changed. Views are valid until the handler returns. With a model the
 * value fits it: others were acknowledged with 400 and the reason, properties that the model lacks with 404,
 * those that are not writable with 405.
 * The verdict is reported as value/ac/av/ad with this value; deferring reports 202 and waits for
 * spoke_property_ack. The null value means that the service removed it: go back to the default. */
typedef struct spoke_property {
    spoke_client *client;
    spoke_str component; /* empty: the default component */
    spoke_str name;
    spoke_str value; /* JSON */
    int64_t version;
    bool initial; /* from the full twin after a connect, not from a live change */
} spoke_property;

/* A command. With a model the payload fits it: others were answered with 400 and the reason. What is written to
 * `reply` with a code from 200 to 299 has to fit the template's response, and with 200 it may not be missing; else 500
 * leaves in its place, with the reason, which spoke_client_explain has as well. The text of a verdict other than 200
 * leaves when nothing was written: it is an explanation, not a response.
 * `offline`: it was queued by the service (IoT Central's offline command); no answer can be given and the verdict
 * only tells whether it is done. */
typedef struct spoke_command {
    spoke_client *client;
    spoke_str component;
    spoke_str name;
    spoke_str payload; /* JSON; empty: none. Offline: as the service sent it, text without quotes */
    uint32_t request;  /* to quote in spoke_command_reply after spoke_defer() */
    bool offline;
    spoke_writer *reply; /* what is written here travels back with the verdict */
} spoke_command;

/* A cloud-to-device message. Walk `properties` with spoke_bag_next (proto/hub.h). Accepting acknowledges it;
 * deferring keeps it (and, as the hub demands order, those behind it) unacknowledged until spoke_message_done. */
typedef struct spoke_message {
    spoke_client *client;
    spoke_str body;
    spoke_str properties;
    uint32_t request;
} spoke_message;

typedef spoke_ack (*spoke_property_fn)(const spoke_property *wanted, void *user);
typedef spoke_ack (*spoke_command_fn)(const spoke_command *call, void *user);
typedef spoke_ack (*spoke_message_fn)(const spoke_message *message, void *user);

typedef struct spoke_handler {
    const char *component; /* NULL: the default component */
    const char *name;
    spoke_property_fn property; /* exactly one of the two */
    spoke_command_fn command;
} spoke_handler;

/* clang-format off */
#define SPOKE_ON_PROPERTY(name, fn) { NULL, (name), (fn), NULL }
#define SPOKE_ON_COMMAND(name, fn) { NULL, (name), NULL, (fn) }
#define SPOKE_ON_COMPONENT_PROPERTY(component, name, fn) { (component), (name), (fn), NULL }
#define SPOKE_ON_COMPONENT_COMMAND(component, name, fn) { (component), (name), NULL, (fn) }
/* clang-format on */

/* --- state --- */

/* Where the client is; beside it stands what is wanted (open or closed). */
typedef enum spoke_state {
    SPOKE_IDLE,         /* next: PROVISIONING or CONNECTING on open */
    SPOKE_PROVISIONING, /* next: CONNECTING when assigned; BACKOFF on any refusal or fault; CLOSING */
    SPOKE_CONNECTING,   /* next: SYNCING on CONNACK; BACKOFF; CLOSING */
    SPOKE_SYNCING,      /* subscribing, first twin; next: READY; BACKOFF; CLOSING */
    SPOKE_READY,        /* next: CONNECTING for a new token; BACKOFF when the link is lost; CLOSING on close */
    SPOKE_BACKOFF,      /* waiting to try again; next: CONNECTING or PROVISIONING; IDLE on close */
    SPOKE_CLOSING,      /* next: IDLE when drained or the limit passed */
    SPOKE_FAILED        /* waiting cannot help; see spoke_client_error; next: IDLE on close */
} spoke_state;

SPOKE_API const char *spoke_state_name(spoke_state state); /* "READY" */

/* Called inside poll at each change. `why` is never NULL; its status is OK when nothing went wrong. */
typedef void (*spoke_state_fn)(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why,
                               void *user);
/* One call for each message that was queued with an id, also in a run before: OK when the hub has it (PUBACK); dropped:
 * E_FULL by policy, E_TIMEOUT by age, E_TOO_LARGE for this hub, E_PORT unreadable in the storage. */
typedef void (*spoke_sent_fn)(spoke_client *client, uint32_t id, spoke_status outcome, void *user);

/* What the program should know beyond states and errors. */
typedef enum spoke_notice_kind {
    SPOKE_NOTICE_EXPIRY,     /* a certificate, or the last trust anchor, ends within config.expiry_warning_days */
    SPOKE_NOTICE_DUPLICATE,  /* another program seems to use this identity: the hub ends one link for the other */
    SPOKE_NOTICE_CLOCK,      /* the clock is unset or disagrees with the server's certificate */
    SPOKE_NOTICE_MOVE,       /* a move to another scope ended: status OK, or why the device stayed */
    SPOKE_NOTICE_CREDENTIAL, /* a new credential was taken over (status OK) or given up: the old one is in force */
    SPOKE_NOTICE_DROP,       /* messages were dropped, for any reason; detail: how many since the last notice */
    SPOKE_NOTICE_STORAGE /* the storage failed or held something unreadable; that of the queue at most every 10 s */
} spoke_notice_kind;

typedef struct spoke_notice {
    spoke_notice_kind kind;
    spoke_error error; /* text never NULL */
    int64_t at_s;      /* EXPIRY: when it ends, UTC seconds since 1970 */
} spoke_notice;

/* Called inside poll. Views are valid until it returns. */
typedef void (*spoke_notice_fn)(spoke_client *client, const spoke_notice *notice, void *user);

/* --- configuration --- */

/* Priorities: a message of a higher one is sent first; order is kept within one. */
typedef enum spoke_priority { SPOKE_NORMAL, SPOKE_HIGH, SPOKE_LOW } spoke_priority;

/* What happens to telemetry when the queue is full. Messages that this run has sent once are never dropped: where they
 * fill the queue (one for in_flight or fewer, the link away) DROP_OLDEST and _LOWEST answer E_FULL too. on_sent tells
 * E_FULL for each that is dropped and has an id; spoke_stats counts them all. Sixteen drops with ids may wait to be
 * told: with more a send answers E_FULL until the next poll, whatever the policy. */
typedef enum spoke_when_full {
    SPOKE_FULL_REFUSE,      /* sending answers E_FULL: the program decides */
    SPOKE_FULL_DROP_OLDEST, /* whatever its priority */
    SPOKE_FULL_DROP_NEWEST, /* the message being sent is accepted, and dropped */
    SPOKE_FULL_DROP_LOWEST /* the oldest of the lowest priority, if that is not above the new one's; else E_FULL */
} spoke_when_full;

/* Compresses telemetry bodies; for example by spoke_gzip_init() of encoder.h. Called under the client's lock. */
typedef struct spoke_encoder {
    const char *encoding; /* goes out as content encoding: "gzip" */
    size_t least_bytes;   /* shorter bodies are sent as they are */
    /* Appends to out. E_TOO_SMALL or E_UNSUPPORTED: the body is sent as it is. */
    spoke_status (*encode)(void *ctx, spoke_str body, spoke_buf *out);
    void *ctx;
} spoke_encoder;

/* What the program knows about its network. */
typedef enum spoke_network {
    SPOKE_NETWORK_UP,      /* or unknown: connect as wanted */
    SPOKE_NETWORK_METERED, /* messages of low priority, diagnostics and replay wait; the next connect asks for the
                            * longest keep-alive */
    SPOKE_NETWORK_DOWN, /* there is none: no attempt is made, a link that still stands is used until it breaks */
    SPOKE_NETWORK_AIRPLANE /* silence: the link is ended and nothing is sent until the mode changes */
} spoke_network;

/* How strictly the device template is kept. */
typedef enum spoke_checks {
    SPOKE_CHECKS_STRICT, /* what does not fit is neither sent nor handed to a handler */
    SPOKE_CHECKS_WARN,   /* it is logged, and passes all the same */
    SPOKE_CHECKS_OFF /* the model is announced, its components are known, and what has no handler answers 501 */
} spoke_checks;

typedef enum spoke_credential_kind { SPOKE_SYMMETRIC_KEY, SPOKE_X509 } spoke_credential_kind;

/* Keys are taken at init; PEM text is not copied and lives as long as the client. */
typedef struct spoke_credential {
    spoke_credential_kind kind;
    const char *primary;    /* base64 key of this device (never the group's), or PEM certificate chain */
    const char *secondary;  /* NULL or another key, tried when the first is refused; or PEM private key */
    spoke_sas_hmac_fn hmac; /* instead of primary: the key lives elsewhere (secure element, PKCS#11) */
    void *hmac_ctx;
} spoke_credential;

/* Build with SPOKE_CONFIG(...). Zero means the documented default (limits.h). Text is copied unless said. */
typedef struct spoke_config {
    size_t struct_size;
    /* identity and hosts */
    /* Hosts are tried in order, separated by commas, at most SPOKE_MAX_HOSTS. The one that worked stays the first. */
    const char *provisioning_host; /* NULL: no DPS; hub_host and registration_id (as device id) are used */
    const char *id_scope;
    const char *registration_id;
    const char *hub_host;
    uint16_t port; /* of both hosts; 0: 8883 */
    spoke_credential credential;
    const char *trust_pem;  /* CA certificates; not copied. NULL with trust_file NULL: the system's bundle */
    const char *trust_file; /* not copied */
    uint32_t test_only;     /* SPOKE_TEST_ONLY_*: read transport.h before you use it */
    const char *user_agent; /* NULL: "spoke/<version>" */
    const char *provisioning_payload; /* JSON object sent with the registration; NULL: none */
    /* behaviour */
    const spoke_model *model;      /* not copied; keep it alive. NULL: none is announced, nothing is checked */
    const spoke_handler *handlers; /* not copied; keep them alive, best as constants. Sorted by component, then
                                    * name, bytewise, they are found by binary search, else one by one */
    size_t handler_count;
    spoke_message_fn on_message; /* NULL: cloud-to-device messages are acknowledged and logged */
    spoke_state_fn on_state;     /* NULL: none */
    spoke_sent_fn on_sent;       /* NULL: none */
    void *user;                  /* last argument of every handler */
    /* machine */
    const spoke_platform *platform;       /* NULL: spoke_platform_posix() */
    const spoke_transport_ops *transport; /* NULL: spoke_transport_native() */
    /* times */
    uint32_t keep_alive_s;
    uint32_t sas_lifetime_s; /* of a token; at most 86400 */
    uint32_t backoff_min_ms, backoff_max_ms;
    uint32_t connect_limit_ms;
    /* The first attempt, and the first after a link was lost, wait a random part of it (after a link lost within
     * 2 s of its CONNACK on top of the pause): for a fleet of N devices and a service that takes R connects a
     * second, more than 16, N / (R - 4 * sqrt(R)) seconds; N / R would exceed R in every other second. 0: none. */
    uint32_t first_connect_spread_ms;
    /* memory, carved once */
    uint32_t queue_bytes, report_bytes, receive_bytes, send_bytes;
    uint16_t in_flight;
    uint16_t commands; /* deferred at the same time */
    uint32_t reserved; /* was padding: shorter configurations may have anything here */
    /* template */
    spoke_checks checks;   /* of what is said and asked against `model` */
    bool answer_unhandled; /* commands and writable properties of the model may lack handlers: they answer 501 */
    /* store and forward */
    bool message_ids;          /* every message gets an id that its duplicates carry too; with storage: always */
    spoke_when_full when_full; /* of telemetry */
    const spoke_storage *storage; /* not copied. Queued telemetry and reports survive a restart in it. NULL: RAM */
    uint32_t queue_messages;      /* most telemetry messages; 0: queue_bytes / 128, at least 16 */
    uint32_t ttl_s;               /* of telemetry that names none; 0: for ever */
    uint32_t replay_per_s;        /* messages a second of what waited before the link was READY; 0: no limit */
    uint16_t batch_count;         /* most readings joined in one message, as a JSON array; 0, 1: none are */
    uint16_t batch_span_ms;       /* made within so long of each other; 0: 1000 */
    const spoke_encoder *encoder; /* not copied; NULL: bodies are sent as they are */
    /* being told, and recovering */
    spoke_notice_fn on_notice; /* NULL: notices are only logged */
    const char *time_host;     /* asked for an HTTP Date header (port 80) when the clock is unset or wrong and the
                                   * platform has offer_time; NULL: never */
    uint16_t expiry_warning_days; /* 0: 30 */
    uint16_t time_port;           /* 0: 80 */
    bool keep_settings; /* accepted writable properties are kept by platform.store and handed to their handlers at
                         * open, before any connection */
    /* diagnostics: a component with the interface dtmi:spoke:Diagnostics;1 */
    const char *diagnostics;       /* its name in the template; NULL: none */
    uint32_t diagnostics_period_s; /* of its telemetry; 0: 300 */
    uint32_t log_bytes; /* RAM for the last log lines, for getLog; 0: 2048 with diagnostics. Of no use without */
    const struct spoke_trust *trust; /* crypto.h: read once, shared with other clients, outlives them; in place of
                                      * trust_pem and trust_file. NULL: none. What set_trust brings is its own */
} spoke_config;

/* const spoke_config config = SPOKE_CONFIG(.id_scope = "...", .model = &model); */
/* clang-format off */
#define SPOKE_CONFIG(...) { .struct_size = sizeof(spoke_config), __VA_ARGS__ }
/* clang-format on */

/* --- life --- */

/* Bytes one client needs for this configuration; 0 when init would refuse it too (keys and certificates are only
 * looked at there). */
SPOKE_API size_t spoke_client_size(const spoke_config *config);
/* Checks the whole configuration, parses keys and certificates, carves `memory` (aligned for max_align_t; it
 * outlives the client). mbedTLS takes its own heap. E_ARG, E_NO_MEMORY, E_CERTIFICATE; *out NULL on error and
 * `why`, when given, names the field and what would be right; its text may stand in `memory`.
 * E_ARG also for what does not agree with the model: a handler for what it lacks, and, unless answer_unhandled is
 * set, a command or writable property without a handler. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_init(void *memory, size_t size, const spoke_config *config,
                                                          spoke_client **out, spoke_error *why);
/* The same on the heap. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_create(const spoke_config *config, spoke_client **out);
/* Ends the connection without waiting, wipes secrets, frees what create took. No other thread may be in a call on
 * the client, nor a runner turn it. NULL is fine. */
SPOKE_API void spoke_client_destroy(spoke_client *client);
/* Wants the client connected, from now on and for ever; returns at once. E_STATE: it already is. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_open(spoke_client *client);
/* Stops taking new work, drains what is queued within limit_ms over a connection that stands (without one it does not
 * wait: see spoke_client_pending), says DISCONNECT. E_TIMEOUT: something was left; it stays queued for the next open.
 * Blocks up to limit_ms. */
SPOKE_API spoke_status spoke_client_close(spoke_client *client, uint32_t limit_ms);

/* --- turning the crank --- */

/* Does what is due, sleeping up to limit_ms for something to happen. Fails only when waiting cannot help (FAILED);
 * a lost link is a state, not an error. E_STATE: another thread polls or closes; E_REENTRANT: inside a handler. The two hold for
 * run and close as well. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_poll(spoke_client *client, uint32_t limit_ms);
/* Polls for the whole duration. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_run(spoke_client *client, uint32_t duration_ms);
/* Makes the present or the next poll return soon. Any thread, also from a signal handler on POSIX. */
SPOKE_API void spoke_client_wake(spoke_client *client);
/* For foreign event loops: poll when the descriptor is readable or next_ms has passed. -1: the port has none.
 * Ask next_ms again after any other call on the client, which may have queued something (0 then); a thread that is
 * not the loop's calls wake after it. UINT32_MAX: only the descriptor matters. */
SPOKE_API int spoke_client_fd(const spoke_client *client);
SPOKE_API uint32_t spoke_client_next_ms(const spoke_client *client);
/* Skips the rest of a BACKOFF, whatever the reason for it; not while the network is DOWN or in AIRPLANE mode. */
SPOKE_API void spoke_client_connect_now(spoke_client *client);
/* Tells what is known about the network; any thread, any time, also before open; returns at once. UP or METERED after
 * DOWN or AIRPLANE connects within first_connect_spread_ms, unless the service asked for a longer pause (refused,
 * throttled, blocked, an identity used twice); connect_now overrides that. A value that there is not is ignored. */
SPOKE_API void spoke_client_network(spoke_client *client, spoke_network network);

/* --- new keys, new homes --- */

/* Another key or certificate, used from the next connect on, which is made at a quiet moment with nothing in flight.
 * The present one stays until the hub has accepted the new one; when that is refused twice, or reached no hub in three
 * rounds of five attempts, it is used again. Between two rounds the present one is used: until it was READY for a
 * minute, or was refused twice itself. SPOKE_NOTICE_CREDENTIAL tells. Keys are taken; PEM text is borrowed until the
 * notice for the old, and for ever for the one in force. The client keeps nothing of it: store the new credential
 * yourself, before this call, and forget the old one after the notice. Any thread whose mbedTLS allows it
 * (docs/threading.md); reads PEM at once, never waits.
 * E_ARG, E_CERTIFICATE, E_NO_MEMORY, E_PORT: it cannot be used, nothing changes (spoke_client_explain). E_STATE: another
 * change is under way. E_UNSUPPORTED: the transport cannot change certificates. A BACKOFF under way is waited for:
 * after a refusal that may be an hour, unless you call spoke_client_connect_now. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_set_credential(spoke_client *client,
                                                                    const spoke_credential *credential);
/* Other trust anchors, as PEM, borrowed as above: prepared ahead of a root's end, in force when the hub was reached
 * with them, else the present ones stay. Errors as above. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_set_trust(spoke_client *client, const char *trust_pem);
/* Moves to another DPS scope (IoT Central application), and with provisioning_host not NULL to another DPS (or a list;
 * at most 253 characters in all; NULL: the configured one). The registration id and the credential must be good there. The device registers
 * there first and stays where it is unless it got READY at the new hub: a refusal ends the move, anything else is
 * tried three times, with a minute at the present home in between. Then the new home is kept by platform.store and wins
 * over the configuration, until that names another id_scope. A power cut at any time leaves the old home or the new
 * one, and a move that was under way goes on. SPOKE_NOTICE_MOVE tells. What is queued goes along; what was reported
 * before is to be reported again. Any thread; calls platform.store, never waits.
 * E_ARG; E_STATE: a move is under way; E_UNSUPPORTED: no DPS, or no store; else what the store says. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_move(spoke_client *client, const char *id_scope,
                                                          const char *provisioning_host);
/* The same as a command: put it into the handlers, as SPOKE_ON_COMMAND("DeviceMove", spoke_move_command). The payload
 * is the scope as a JSON string, or {"idScope": "...", "provisioningHost": "..."}. Answers 202, or, when no
 * move begins, 400, 409, 500 or 501. */
SPOKE_API spoke_ack spoke_move_command(const spoke_command *call, void *user);

/* --- looking --- */

SPOKE_API spoke_state spoke_client_state(const spoke_client *client);
/* The last trouble, OK when there was none since READY. Valid until the next call on the client, also by another
 * thread: while one polls, take a copy with spoke_client_explain. The same holds for the two names below. */
SPOKE_API const spoke_error *spoke_client_error(const spoke_client *client);
/* The same as one sentence with source and numbers: "provisioning refused (401002): ...". Returns out. */
SPOKE_API const char *spoke_client_explain(const spoke_client *client, char *out, size_t cap);
/* Where DPS assigned this device; empty before that. Valid until the next call on the client. */
SPOKE_API spoke_str spoke_client_hub_host(const spoke_client *client);
SPOKE_API spoke_str spoke_client_device_id(const spoke_client *client);
/* Messages accepted and not yet acknowledged by the hub. */
SPOKE_API size_t spoke_client_pending(const spoke_client *client);

/* --- speaking --- */

/* Queues one telemetry message (a JSON object of the fields, QoS 1). Copies them; returns at once, in any state
 * but FAILED and CLOSING: before READY it waits in the queue. component NULL: the default component.
 * E_FULL: no room until the hub acknowledges something; poll, then retry. E_TOO_LARGE: can never fit. E_STATE: FAILED
 * or CLOSING. E_PORT: the storage failed, and the message may yet be found and sent after a restart; with a storage the
 * call takes as long as it does.
 * E_MODEL: the template has no such telemetry, or another type or range; spoke_client_explain names the place.
 * E_ARG: a name or text that is not UTF-8, NaN. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_telemetry_send(spoke_client *client, const char *component,
                                                             const spoke_field *fields, size_t count);

/* How one message is to be treated; zeroed: as the configuration says. */
typedef struct spoke_delivery {
    spoke_priority priority;
    uint32_t ttl_s; /* from now; not delivered by then, it is dropped. 0: config.ttl_s */
    uint32_t id;    /* not 0: quoted by on_sent */
} spoke_delivery;
/* spoke_telemetry_send with a priority, a time to live, an id. how NULL: the same as it. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_telemetry_send_as(spoke_client *client, const spoke_delivery *how,
                                                                const char *component, const spoke_field *fields,
                                                                size_t count);

/* One message in full. Zeroed members are left out. All copied. */
typedef struct spoke_outgoing {
    const char *component;
    spoke_str body;
    const char *content_type;     /* NULL: application/json with a body that is checked to be JSON. Whatever is
                                   * application/json in utf-8 is telemetry, and held to the model */
    const char *content_encoding; /* NULL: utf-8 */
    const char *message_id, *correlation_id;
    int64_t creation_time_s;                      /* UTC seconds since 1970; 0: left out */
    const struct spoke_property_pair *properties; /* spoke_property_pair of proto/hub.h */
    size_t property_count;
    uint32_t id; /* not 0: quoted by on_sent */
    spoke_priority priority;
    uint32_t ttl_s; /* 0: config.ttl_s */
} spoke_outgoing;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_message_send(spoke_client *client, const spoke_outgoing *message);

/* Queues a merge patch of reported properties; spoke_null deletes. One patch travels at a time, in order; it is
 * kept until the hub answers. E_FULL, E_TOO_LARGE, E_STATE, E_PORT, E_MODEL, E_ARG as above. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_property_report(spoke_client *client, const char *component,
                                                              const spoke_field *fields, size_t count);
/* The final verdict on a deferred writable property. `value` is one JSON value: what is in force now; of several
 * verdicts on one property the last call counts, whatever its version. E_MODEL: it does not fit the model; else as
 * property_report. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_property_ack(spoke_client *client, const char *component,
                                                           const char *name, spoke_str value, int64_t version,
                                                           spoke_ack ack);
/* Answers a deferred command. `json` is one JSON value or empty. E_NOT_FOUND: no such request, answered already, or its
 * connection is gone (the hub forgot it). Nothing was sent, and the request still waits: E_MODEL: it does not fit the
 * model; E_FULL: no room beside the answers that wait: poll, then retry; E_TOO_LARGE: for report_bytes or a packet. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_command_reply(spoke_client *client, uint32_t request, int code,
                                                            spoke_str json);
/* Acknowledges a deferred message. E_NOT_FOUND: its connection is gone; the hub delivers it again. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_message_done(spoke_client *client, uint32_t request);

/* --- long-running commands --- */

/* A command that takes longer than its caller waits: begun in its handler, which then returns code 202; its result is
 * a reported property. Begun ones are kept by platform.store until they are finished, so that a restart does not lose
 * them: at start the program asks for those it had begun. */
typedef struct spoke_work {
    uint32_t id;               /* never 0 */
    spoke_str component, name; /* as long as the client lives */
    spoke_str payload; /* JSON, of an offline command its text; empty: none. Until the next spoke_work function */
} spoke_work;

/* Inside a command's handler. E_FULL: config.commands are begun already; E_TOO_LARGE: the payload cannot be kept;
 * E_UNSUPPORTED: the platform has no store; E_PORT: it failed. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_work_begin(const spoke_command *call, uint32_t *id);
/* The unfinished work with the smallest id above `after` (0: the first). E_NOT_FOUND: there is no more. One that the
 * store cannot read now is passed over, and is there the next time. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_work_next(spoke_client *client, uint32_t after, spoke_work *out);
/* Reports the fields as spoke_property_report does, in the command's component, and forgets the work once the report
 * is queued: a crash in between leaves the work, never neither. E_NOT_FOUND: no such work; E_PORT: also when the store
 * did not forget it, then finish it again; else as property_report. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_work_finish(spoke_client *client, uint32_t id,
                                                          const spoke_field *fields, size_t count);

/* One line a message from C: spoke_send(client, spoke_f64("temperature", t), spoke_i64("rssi", r)); */
#define SPOKE_COUNT_(...) (sizeof((const spoke_field[]){__VA_ARGS__}) / sizeof(spoke_field))
#define spoke_send(client, ...) \
    spoke_telemetry_send((client), NULL, (const spoke_field[]){__VA_ARGS__}, SPOKE_COUNT_(__VA_ARGS__))
#define spoke_report(client, ...) \
    spoke_property_report((client), NULL, (const spoke_field[]){__VA_ARGS__}, SPOKE_COUNT_(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
