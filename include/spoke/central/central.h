/* spoke-central inside your process: the IoT Central-style service for tests of your own firmware. For unit tests on a fake
 * clock, fake.h beside this file has it in short functions.
 *
 *     spoke_central *central = NULL;
 *     const spoke_central_config config =
 *         SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true);
 *     status = spoke_central_start(&config, &central, NULL, 0);
 *     ... connect to "localhost", spoke_central_env_of(central)->mqtt_port, trusting ->ca_file ...
 *     spoke_central_stop(central);
 *
 * Heap is used freely. Threads: with .threaded the service turns in its own thread and every function may be
 * called from any thread; without it nothing happens but inside spoke_central_poll and one thread at a time calls.
 */
#ifndef SPOKE_CENTRAL_H
#define SPOKE_CENTRAL_H

#include <spoke/base.h>
#include <spoke/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spoke_central spoke_central;

/* Zero means the default in brackets. Text is copied. */
typedef struct spoke_central_config {
    size_t struct_size;
    const char *bind_address; /* [127.0.0.1] */
    uint16_t mqtt_port;       /* [8883] */
    uint16_t https_port;      /* [8443] */
    bool any_port;            /* the system picks the ports that are left 0 */
    bool no_listen;           /* no sockets at all: only spoke_central_link_open and spoke_central_request */
    bool threaded;
    const char *data_dir;       /* [$XDG_DATA_HOME or ~/.local/share, + /spoke-central]; made when missing */
    bool ephemeral;             /* a temporary data folder, removed at stop; with no_listen: memory only */
    bool control;               /* the test-control routes under /control/; refused beyond loopback */
    const char *id_scope;       /* [made at the first start and kept] */
    const char *group_key;      /* base64, of the default enrolment group [made and kept] */
    const char *hub_host;       /* the name that DPS hands out [localhost, or bind_address if others reach it] */
    const char *device_ca_file; /* PEM: an X.509 enrolment group's CA [none] */
    uint32_t dps_polls;         /* "assigning" answers before the result [1]; UINT32_MAX: none */
    uint32_t dps_retry_after_s; /* said with each of them [3]; UINT32_MAX: 0 */
    bool relaxed_durability;    /* PUBACK before the event is on disk */
    bool approve_by_hand;       /* unknown devices with a good group key wait for approval */
    spoke_log_level log_level;  /* [SPOKE_LOG_ERROR] */
    /* [stderr] In the service's thread with .threaded; the texts live until it returns, and it must not call back. */
    void (*log)(void *user, spoke_log_level level, const char *module, const char *line);
    void *log_user;
    /* the clock; both or neither [the system's] */
    uint64_t (*monotonic_ms)(void *ctx);
    int64_t (*unix_ms)(void *ctx);
    void *clock_ctx;
    /* CONNECTs that the hub accepts in any second, at most 100,000; what comes above is refused with CONNACK 3 [no limit] */
    uint32_t connect_rate;
    /* A message whose message id the device used before is acknowledged and not kept [kept and flagged]. */
    bool drop_duplicates;
    /* Devices at a time; E_ARG when the process may not have as many open files [16384, or what those allow]. */
    uint32_t max_connections;
    uint32_t keep_messages; /* of all devices together: the oldest go [10,000,000] */
    uint32_t keep_days;     /* what is so much older than the newest goes [of any age] */
    const char
        *tls_cert_file;       /* PEM: the server's certificate, and the chain behind it [one by a CA of its own] */
    const char *tls_key_file; /* PEM: its key; both or neither */
    /* An ordinary MQTT 3.1.1 broker beside the service, over plain TCP and open to whoever reaches it: topics between
     * its own clients, nothing of devices. For MQTT clients of yours and for conformance suites. */
    const char *plain_mqtt_address; /* an IPv4 or IPv6 address [no broker] */
    uint16_t plain_mqtt_port;       /* 0: the system picks */
    bool plain_mqtt_open;           /* the address may be one that others reach; E_ARG without it */
    /* Limits of the application: "central-limits" has those of IoT Central's documentation, "central-limits,requests=5"
     * others (docs/central.md); E_ARG for a word it does not know [no limits]. */
    const char *profile;
} spoke_central_config;

/* clang-format off */
#define SPOKE_CENTRAL_CONFIG(...) { .struct_size = sizeof(spoke_central_config), __VA_ARGS__ }
/* clang-format on */

/* Everything a client needs to connect; what --print-env prints. The service's own, valid until stop, and constant: any
 * thread may read it. group_key and api_token are secrets. */
typedef struct spoke_central_env {
    const char *host;
    uint16_t mqtt_port, https_port;
    const char *ca_file; /* PEM; NULL with no_listen and with tls_cert_file, whose CA others know */
    const char *id_scope, *group_key;
    const char *api_base;        /* https://localhost:port */
    const char *api_token;       /* the whole Authorization value */
    const char *plain_mqtt_host; /* NULL: there is no such broker */
    uint16_t plain_mqtt_port;
} spoke_central_env;

/* Opens the data folder, makes the CA at the first start, binds. It blocks
 * for as long as that takes, which is seconds where a store of an older format has to be brought over. `why`, when
 * given, gets one sentence on error, and *out is NULL then. E_ARG, E_PORT (folder, port in use), E_CERTIFICATE (a file of
 * the CA or of yours is broken), E_NO_MEMORY. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_start(const spoke_central_config *config,
                                                            spoke_central **out, char *why, size_t why_cap);
/* Ends the thread, answers the requests that still wait with 503, closes every connection, flushes the store, frees.
 * Blocks until all that is done. Not from inside `done`, whose own requests are refused from here on, and while no other
 * thread calls the service. NULL is fine. */
SPOKE_API void spoke_central_stop(spoke_central *central);
/* NULL for NULL. */
SPOKE_API const spoke_central_env *spoke_central_env_of(const spoke_central *central);

/* Does what is due, and before that sleeps until there is something, up to limit_ms; with a clock of yours and no_listen it
 * does not sleep. E_STATE: with .threaded. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_poll(spoke_central *central, uint32_t limit_ms);
/* When poll has something to do again unless something comes: ms of the monotonic clock; UINT64_MAX: never. */
SPOKE_API uint64_t spoke_central_deadline(const spoke_central *central);

/* The key of this device, or that its group (the default one, of a device that is not known) gives this registration
 * id. Appends base64, for the caller to wipe. E_ARG, E_TOO_SMALL, E_NOT_FOUND: it has none, as with certificates. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_device_key(spoke_central *central,
                                                                 const char *registration_id, spoke_buf *out);

/* Every route of the REST API and of the control area, without HTTP: "PATCH", "/api/devices/d/properties?...",
 * body. `done` is called exactly once, inside this call or a later poll (in the service's thread with .threaded);
 * `body` lives until it returns. Authorised as administrator; api-version may be left out. E_STATE: the service
 * is being stopped. */
typedef void (*spoke_central_done_fn)(void *user, int http_status, spoke_str body);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_request(spoke_central *central, const char *method,
                                                              const char *target, spoke_str body,
                                                              spoke_central_done_fn done, void *user);
/* The same, waiting (and polling when not threaded) up to limit_ms of real time. Appends the body to out; out and
 * http_status may be NULL. E_TIMEOUT: no answer so far, and none will be heard of, whether the request works or not; at
 * once in the service's own thread, where nobody else could answer. E_TOO_SMALL: it was answered, and *http_status is set, but
 * the body does not fit. E_STATE: as above. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_request_wait(spoke_central *central, const char *method,
                                                                   const char *target, spoke_str body,
                                                                   uint32_t limit_ms, int *http_status,
                                                                   spoke_buf *out);

/* A connection without sockets or TLS: the MQTT bytes themselves, for simulations. None of them blocks. Not with
 * .threaded: E_STATE. Close them before spoke_central_stop. */
typedef struct spoke_central_link spoke_central_link;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_central_link_open(spoke_central *central, spoke_central_link **out);
/* Device to service, taken at once; once the service has hung up, nothing happens. */
SPOKE_API void spoke_central_link_send(spoke_central_link *link, spoke_str bytes);
/* Service to device: what may leave now. The view lives until the next call on the service or a link of it. */
SPOKE_API spoke_str spoke_central_link_output(const spoke_central_link *link);
/* So many bytes of that view have left, at most all of them. */
SPOKE_API void spoke_central_link_sent(spoke_central_link *link, size_t count);
SPOKE_API bool spoke_central_link_closed(const spoke_central_link *link); /* the service hung up */
SPOKE_API void spoke_central_link_close(spoke_central_link *link);        /* the device did; frees. NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
