/* How MQTT reaches the network. Applications only choose one:
 *
 *     .transport = spoke_transport_native()   the default: our session over mbedTLS, in the caller's thread
 *     .transport = spoke_transport_paho()     paho.mqtt.c (link spoke-paho)
 *
 * The rest of this file is for those who write one. No callback crosses the interface; one thread at a time calls
 * (wake excepted). Contract, tested for every transport by tests/system/transport_suite: every accepted message
 * ends exactly once, as ACKED or by the CLOSED event of its connection; publish answers E_FULL instead of growing;
 * nothing blocks but `step`, and that no longer than its limit; credentials come anew with each open. */
#ifndef SPOKE_TRANSPORT_H
#define SPOKE_TRANSPORT_H

#include <spoke/base.h>
#include <spoke/platform.h>
#include <spoke/proto/mqtt.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Explicit, ugly and logged as a warning at every connect. Never in a product. */
enum {
    SPOKE_TEST_ONLY_PLAINTEXT = 1,           /* no TLS at all */
    SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER = 2 /* any certificate */
};

/* Trust and client identity, PEM in memory or in a file. Borrowed by init: lives as long as the transport. */
typedef struct spoke_tls_options {
    const char *trust_pem;       /* CA certificates; wins over trust_file */
    const char *trust_file;      /* NULL with trust_pem NULL: the port's usual bundle, where there is one */
    const char *client_cert_pem; /* chain for X.509 identities; NULL: none */
    const char *client_key_pem;
    uint32_t test_only; /* SPOKE_TEST_ONLY_* */
} spoke_tls_options;

typedef struct spoke_transport_options {
    const spoke_platform *platform; /* complete: no NULL member but load, store, lock, unlock, log */
    spoke_tls_options tls;
    spoke_mqtt_limits limits;
    const struct spoke_trust
        *trust; /* in place of the system's bundle where `tls` names no trust. NULL: none is shared */
} spoke_transport_options;

/* One connection. Views are copied or used up before `open` returns. */
typedef struct spoke_transport_target {
    const char *host; /* for DNS, SNI and the certificate's name; lives until CLOSED */
    uint16_t port;
    spoke_mqtt_connect_options mqtt;
    uint32_t connect_limit_ms; /* DNS to CONNACK */
} spoke_transport_target;

typedef enum spoke_transport_event_kind {
    SPOKE_TRANSPORT_CONNECTED,  /* CONNACK 0: session_present */
    SPOKE_TRANSPORT_CLOSED,     /* once for each open, whatever happened: error (status OK: asked for) */
    SPOKE_TRANSPORT_SUBSCRIBED, /* codes, one byte a filter, in order */
    SPOKE_TRANSPORT_ACKED,      /* token */
    SPOKE_TRANSPORT_MESSAGE,    /* topic, payload, qos, receipt: with QoS 1 owe ack(receipt) */
    SPOKE_TRANSPORT_OVERSIZE    /* topic when known, size, receipt as above */
} spoke_transport_event_kind;

/* What its kind does not name is zero. Views live until the next call on the transport. */
typedef struct spoke_transport_event {
    spoke_transport_event_kind kind;
    bool session_present, dup;
    uint8_t qos;
    uint16_t receipt;
    uint32_t token;
    size_t size;
    spoke_str topic, payload, codes;
    spoke_error error;
} spoke_transport_event;

typedef struct spoke_transport spoke_transport; /* each implementation's own */

/* Ends of validity, UTC seconds since 1970; 0: unknown, or there is none. */
typedef struct spoke_expiry {
    int64_t client_cert; /* of the identity's own certificate */
    int64_t trust;       /* of the trust anchor that lasts longest */
    int64_t server;      /* of the certificate that the peer showed last; 0 before the first handshake */
} spoke_expiry;

typedef struct spoke_transport_counters { /* bytes on the wire as far as the transport sees them, since init */
    uint64_t bytes_in, bytes_out;
} spoke_transport_counters;

typedef struct spoke_transport_ops {
    size_t struct_size;
    const char *name; /* "native", "paho" */
    /* Memory for init, aligned for max_align_t. 0: a limit is out of range. */
    size_t (*size)(const spoke_transport_options *options);
    /* Parses trust and keys now, so that mistakes show at init: E_CERTIFICATE, E_ARG. *error says more. */
    spoke_status (*init)(void *memory, size_t size, const spoke_transport_options *options, spoke_transport **out,
                         spoke_error *error);
    void (*fini)(spoke_transport *t); /* from any state; frees what TLS or paho hold */
    /* Starts connecting and returns at once. E_STATE: not closed. */
    spoke_status (*open)(spoke_transport *t, const spoke_transport_target *target);
    /* As spoke_mqtt_publish. *packet_id: 0 when this transport cannot repeat under an id. */
    spoke_status (*publish)(spoke_transport *t, const spoke_mqtt_publish_options *message, uint16_t *packet_id);
    /* The filters are used up or copied before it returns. */
    spoke_status (*subscribe)(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count);
    /* Done with a QoS 1 message; PUBACKs leave in order of receipt. */
    spoke_status (*ack)(spoke_transport *t, uint16_t receipt);
    /* Moves bytes; sleeps up to limit_ms, or less: until something happened, its own deadline, or wake. */
    void (*step)(spoke_transport *t, uint32_t limit_ms);
    spoke_status (*next)(spoke_transport *t, spoke_transport_event *event); /* E_AGAIN: none */
    /* DISCONNECT after what is queued, then CLOSED. abort: CLOSED at once, legal in any state. */
    void (*close)(spoke_transport *t);
    void (*abort)(spoke_transport *t);
    void (*wake)(spoke_transport *t); /* any thread */
    int (*fd)(const spoke_transport *t);
    uint32_t (*next_ms)(const spoke_transport *t); /* until step wants to be called again; UINT32_MAX: never */
    /* Takes another trust and identity, read now and used from the next open on; borrowed as by init. The former ones
     * are kept beside them: given again they come back, which cannot fail; tls NULL drops them (the caller must not
     * be inside step then). Nothing changes on error: E_CERTIFICATE, E_ARG, E_NO_MEMORY, E_PORT; E_STATE: former ones
     * are still kept, or are still in use by the link. As publish, one thread at a time; but unlike it also while
     * another thread is inside step. Members from here on may be NULL: this transport cannot. */
    spoke_status (*credentials)(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error);
    void (*expiry)(const spoke_transport *t, spoke_expiry *out);
    void (*counters)(const spoke_transport *t, spoke_transport_counters *out);
} spoke_transport_ops;

SPOKE_API const spoke_transport_ops *spoke_transport_native(void);
/* In the separate library spoke-paho, so that a native program links no OpenSSL. */
SPOKE_API const spoke_transport_ops *spoke_transport_paho(void);

#ifdef __cplusplus
}
#endif
#endif
