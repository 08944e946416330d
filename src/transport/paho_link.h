/* The paho transport's inside: what its files share.
 *
 *   paho.c            the caller's side: opening, closing, events, sleeping
 *   paho_setup.c      memory, init, fini      paho_target.c  the copy of what to connect to
 *   paho_out.c        what the caller sends   paho_pem.c     trust and keys as files
 *   paho_credentials.c  others of them
 *   paho_worker.c     the thread that calls paho
 *   paho_callbacks.c  what paho calls
 *   paho_queue.c      the bounded queues between them (pure)
 *   paho_error.c      failures in words (pure)
 *
 * Three kinds of threads meet here. The caller's never enters paho, whose functions wait for a lock that paho
 * holds while it resolves names and while it stops its threads (1.3.12). The worker, one for each transport, makes
 * those calls instead. paho's own threads run the callbacks, which copy into a queue and leave. `lock` guards what
 * all share; nobody calls paho while holding it. */
#ifndef SPOKE_SRC_TRANSPORT_PAHO_LINK_H
#define SPOKE_SRC_TRANSPORT_PAHO_LINK_H

#include <pthread.h>
#include <spoke/transport.h>
#include <sys/socket.h>
#include <time.h>

#include "transport/paho_error.h"
#include "transport/paho_pem.h"
#include "transport/paho_queue.h"

#define PAHO_NONE UINT32_MAX

enum {
    PAHO_REQUESTS = 8,       /* SUBSCRIBEs without an answer, as in the native session */
    PAHO_FILTERS = 8,        /* filters of one SUBSCRIBE */
    PAHO_UNACKNOWLEDGED = 16 /* QoS 0 messages that paho has not written yet, beside the window */
};

/* One open, copied: the caller's views end with the call. Two of them: the worker may still read the former one,
 * while a name is being looked up, when the next is asked for. Views point into `text`, NUL behind each. */
struct paho_target {
    spoke_buf text;
    const char *host, *client_id, *username, *will_topic; /* username, will_topic NULL: none */
    spoke_str password, will_payload;
    uint16_t port, keep_alive_s;
    uint32_t limit_ms;
    uint8_t will_qos;
    bool clean_session, will_retain;
    const struct paho_pem *pem;
};

/* A message from publish until its end; the context of paho's callbacks for it. */
struct paho_flight {
    spoke_transport *owner; /* set once: late callbacks read it without the lock */
    uint32_t token;
    uint32_t next; /* in the list of the free, or of the acknowledged */
    uint8_t qos;
};

struct paho_filter {
    spoke_transport *owner; /* set once, too */
    uint8_t request;
    uint8_t code;
};

struct paho_request {
    struct paho_filter filters[PAHO_FILTERS];
    uint8_t count, answered;
};

enum paho_command_kind { PAHO_PUBLISH, PAHO_SUBSCRIBE };

/* In `commands`; topic, NUL and payload follow. */
struct paho_command {
    enum paho_command_kind kind;
    uint32_t index; /* PUBLISH: of the flight; SUBSCRIBE: request * PAHO_FILTERS + filter */
    uint32_t topic_bytes, payload_bytes;
    uint8_t qos;
    bool retain;
};

/* In `messages`; topic and payload follow. */
struct paho_message {
    bool oversize, dup;
    uint8_t qos;
    uint16_t receipt;
    size_t size; /* of the whole packet */
    size_t topic_bytes, payload_bytes;
};

enum paho_phase {
    PAHO_CLOSED,     /* -> CONNECTING by open */
    PAHO_CONNECTING, /* -> OPEN, ENDING */
    PAHO_OPEN,       /* -> LEAVING, ENDING */
    PAHO_LEAVING,    /* DISCONNECT follows what is queued -> ENDING */
    PAHO_ENDING      /* what came in is handed out, then the CLOSED event -> CLOSED */
};

struct spoke_transport {
    const spoke_platform *platform;
    uint32_t test_only;
    uint32_t receive_bytes, send_bytes, in_flight;
    struct paho_pem pems[2];  /* in force, and the former or none */
    spoke_tls_options tls[2]; /* what they were made of */
    unsigned pem;             /* the one in force; under the lock */
    bool former_kept;
    const struct paho_pem *used; /* by the present or the last connection */
    int event_fd;                /* -1: none */
    pthread_t worker;
    bool ready, working; /* lock and conditions exist; the worker runs */

    /* the caller's */
    enum paho_phase phase;
    spoke_error why; /* ENDING: what the CLOSED event will say */
    bool discard;    /* ENDING: aborted, what came in does not matter */
    bool holding;    /* the oldest of `messages` is in the caller's hands */
    uint8_t codes[PAHO_FILTERS];
    uint32_t keep_alive_ms;
    uint64_t phase_limit; /* when patience with connecting, or with leaving, ends */
    uint64_t heard_at;    /* or when the silence began to count */

    pthread_mutex_t lock;
    pthread_cond_t work; /* for the worker */

    /* shared: caller to worker */
    struct paho_target targets[2];
    unsigned target; /* the one to connect to next */
    unsigned taken;  /* the one that the worker reads; 2: neither */
    bool open_due;
    bool retire_due;  /* this connection, or attempt, is given up: destroy the handle */
    bool release_due; /* `commands` may leave */
    bool leave_due;   /* then DISCONNECT, once nothing is unanswered or at drain_until */
    bool quit_due;
    struct timespec drain_until;
    struct paho_queue commands;

    /* shared: worker and callbacks to caller */
    bool live; /* callbacks count: off as soon as the connection is lost or given up */
    bool connected_due, session_present;
    bool lost; /* `loss` says why */
    bool left; /* DISCONNECT went out */
    bool heard, starved;
    spoke_error loss;
    struct paho_queue messages;
    spoke_transport_counters moved;
    uint32_t dropped, deferred; /* messages that found `messages` full: QoS 0, QoS 1 */

    /* shared: what is under way */
    struct paho_flight *flights;
    uint32_t flight_count, window_used; /* window: those of QoS 1 */
    uint32_t free_first, acked_first, acked_last;
    uint32_t unanswered; /* messages and filters whose callback is to come */
    struct paho_request requests[PAHO_REQUESTS];
    uint32_t request_first, request_count;

    /* the worker's, and of callbacks while there is a handle */
    void *handle;
    bool tls_failed, certificate_failed, probe_due;
    int32_t connect_code;
    struct sockaddr_storage address; /* what the name led to, for the probe; ss_family 0: unknown */
    socklen_t address_bytes;
};

/* --- paho.c --- */
uint64_t paho_now_ms(const spoke_transport *t);
void paho_signal(spoke_transport *t); /* ends the caller's sleep; any thread */

/* --- paho_setup.c --- */
size_t paho_size(const spoke_transport_options *options);
spoke_status paho_init(void *memory, size_t size, const spoke_transport_options *options, spoke_transport **out,
                       spoke_error *error);
void paho_fini(spoke_transport *t);

/* --- paho_credentials.c --- */
spoke_status paho_credentials(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error);
void paho_expiry(const spoke_transport *t, spoke_expiry *out);

/* --- paho_target.c --- */
bool paho_target_valid(const spoke_transport_target *target);
/* Copies all of it. False: no room, or a NUL inside a text. */
bool paho_target_keep(struct paho_target *out, const spoke_transport_target *target);
void paho_target_wipe(struct paho_target *target);

/* --- paho_out.c --- */
void paho_flights_reset(spoke_transport *t);                           /* lock held */
void paho_flight_free(spoke_transport *t, struct paho_flight *flight); /* lock held */
spoke_status paho_publish(spoke_transport *t, const spoke_mqtt_publish_options *message, uint16_t *packet_id);
spoke_status paho_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count);
spoke_status paho_ack(spoke_transport *t, uint16_t receipt);

/* --- paho_worker.c --- */
spoke_status paho_worker_start(spoke_transport *t); /* E_PORT */
void paho_worker_stop(spoke_transport *t);          /* waits until paho has let go */
bool paho_plain(const spoke_transport *t);          /* without TLS */
/* http_proxy and https_proxy of the environment, which paho obeys and nobody can switch off (1.3.12). */
bool paho_worker_proxied(const spoke_transport *t);

#endif
