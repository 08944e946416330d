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
/* One call for each message that spoke_message_send gave an id: OK when the hub has it (PUBACK). */
typedef void (*spoke_sent_fn)(spoke_client *client, uint32_t id, spoke_status outcome, void *user);

/* --- configuration --- */

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
    uint32_t first_connect_spread_ms; /* the first attempt waits a random part of it; 0: none */
    /* memory, carved once */
    uint32_t queue_bytes, report_bytes, receive_bytes, send_bytes;
    uint16_t in_flight;
    uint16_t commands; /* deferred at the same time */
    uint32_t reserved; /* was padding: shorter configurations may have anything here */
    /* template */
    spoke_checks checks;   /* of what is said and asked against `model` */
    bool answer_unhandled; /* commands and writable properties of the model may lack handlers: they answer 501 */
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
/* Stops taking new work, drains what is queued within limit_ms, says DISCONNECT. E_TIMEOUT: something was left;
 * it stays queued for the next open. Blocks up to limit_ms. */
SPOKE_API spoke_status spoke_client_close(spoke_client *client, uint32_t limit_ms);

/* --- turning the crank --- */

/* Does what is due, sleeping up to limit_ms for something to happen. Fails only when waiting cannot help (FAILED);
 * a lost link is a state, not an error. */
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
/* Skips the rest of a BACKOFF. */
SPOKE_API void spoke_client_connect_now(spoke_client *client);

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
 * E_FULL: no room until the hub acknowledges something; poll, then retry. E_TOO_LARGE: can never fit.
 * E_MODEL: the template has no such telemetry, or another type or range; spoke_client_explain names the place.
 * E_ARG: a name or text that is not UTF-8, NaN. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_telemetry_send(spoke_client *client, const char *component,
                                                             const spoke_field *fields, size_t count);

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
} spoke_outgoing;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_message_send(spoke_client *client, const spoke_outgoing *message);

/* Queues a merge patch of reported properties; spoke_null deletes. One patch travels at a time, in order; it is
 * kept until the hub answers. E_FULL, E_TOO_LARGE, E_MODEL, E_ARG as above. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_property_report(spoke_client *client, const char *component,
                                                              const spoke_field *fields, size_t count);
/* The final verdict on a deferred writable property. `value` is one JSON value: what is in force now. E_MODEL: it
 * does not fit the model. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_property_ack(spoke_client *client, const char *component,
                                                           const char *name, spoke_str value, int64_t version,
                                                           spoke_ack ack);
/* Answers a deferred command. `json` is one JSON value or empty. E_MODEL: it does not fit the model; nothing was
 * sent, and the request still waits. E_NOT_FOUND: no such request, answered already,
 * or its connection is gone (the hub forgot it). */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_command_reply(spoke_client *client, uint32_t request, int code,
                                                            spoke_str json);
/* Acknowledges a deferred message. E_NOT_FOUND: its connection is gone; the hub delivers it again. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_message_done(spoke_client *client, uint32_t request);

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
