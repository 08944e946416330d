/* What every call of the library can answer, and what a client remembers of its last trouble.
 *
 *     spoke_status status = spoke_client_open(client);
 *     if (status != SPOKE_OK) puts(spoke_status_text(status));
 */
#ifndef SPOKE_STATUS_H
#define SPOKE_STATUS_H

#include <stdint.h>

/* One list drives the enum, the names and the sentences: name, number, sentence.
 * Numbers never change once released; the hundreds say which layer speaks. */
#define SPOKE_STATUS_LIST(X) \
    X(SPOKE_OK, 0, "success") \
    X(SPOKE_E_ARG, -1, "an argument breaks the documented contract") \
    X(SPOKE_E_NO_MEMORY, -2, "the memory handed over is too small, or the heap is used up") \
    X(SPOKE_E_TOO_SMALL, -3, "the output buffer is too small") \
    X(SPOKE_E_FULL, -4, "the outgoing queue is full; poll, then retry") \
    X(SPOKE_E_STATE, -5, "not allowed in the present state") \
    X(SPOKE_E_REENTRANT, -6, "not allowed from inside a handler") \
    X(SPOKE_E_TIMEOUT, -7, "the time limit passed first") \
    X(SPOKE_E_UNSUPPORTED, -8, "left out of this build, or not offered by this backend") \
    X(SPOKE_E_AGAIN, -9, "nothing can be done yet; wait, then try again") \
    X(SPOKE_E_TOO_LARGE, -10, "larger than the service, the protocol or the configured buffers allow") \
    X(SPOKE_E_NOT_FOUND, -11, "there is nothing under that name") \
    X(SPOKE_E_PORT, -100, "the platform port failed; see detail") \
    X(SPOKE_E_DNS, -101, "the host name could not be resolved; check the name and the network") \
    X(SPOKE_E_NET, -102, "the connection failed or was lost; check the network, the host and the port") \
    X(SPOKE_E_CLOCK, -103, "the clock is not set; set it before connecting with a symmetric key") \
    X(SPOKE_E_TLS, -200, "the TLS handshake or record layer failed; see detail") \
    X(SPOKE_E_CERTIFICATE, -201, "the peer's certificate is not trusted; check trust anchors, name and clock") \
    X(SPOKE_E_PROTOCOL, -300, "the peer sent bytes that break the protocol") \
    X(SPOKE_E_REFUSED, -301, "the broker refused the connection; see detail") \
    X(SPOKE_E_PROVISION, -400, "the provisioning service refused; see detail") \
    X(SPOKE_E_AUTH, -401, "the credential was not accepted; check key, identity and clock") \
    X(SPOKE_E_HUB, -402, "the hub answered a request with an error; see detail") \
    X(SPOKE_E_JSON, -500, "the text is not the JSON that was expected") \
    X(SPOKE_E_MODEL, -600, "the device template does not allow this")

typedef enum spoke_status {
#define SPOKE_STATUS_ENUM_(name, number, sentence) name = (number),
    SPOKE_STATUS_LIST(SPOKE_STATUS_ENUM_)
#undef SPOKE_STATUS_ENUM_
        SPOKE_STATUS_INT32_ = INT32_MIN /* keeps the type 4 bytes wide; never returned */
} spoke_status;

/* Which part spoke first; `detail` below is a number in that part's own language. */
typedef enum spoke_source {
    SPOKE_SOURCE_CLIENT, /* detail: 0 */
    SPOKE_SOURCE_PORT,   /* detail: errno, or the port's own number */
    SPOKE_SOURCE_TLS,    /* detail: mbedTLS error code (negative), or with E_CERTIFICATE its verdict (positive,
                                * MBEDTLS_X509_BADCERT_*); for paho, its return code */
    SPOKE_SOURCE_MQTT,   /* detail: CONNACK code, or 0 for a protocol error */
    SPOKE_SOURCE_PROVISIONING, /* detail: the service's 6-digit code, else the 3-digit status */
    SPOKE_SOURCE_HUB,          /* detail: HTTP-like status */
    SPOKE_SOURCE_MODEL         /* detail: of spoke_model_parse the byte in the text, else 0 */
} spoke_source;

typedef struct spoke_error {
    spoke_status status;
    spoke_source source;
    int32_t detail;
    const char *text; /* static storage, never NULL: what happened and what to look at */
} spoke_error;

#endif
