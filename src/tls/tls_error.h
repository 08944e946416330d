/* mbedTLS's numbers in words. */
#ifndef SPOKE_SRC_TLS_TLS_ERROR_H
#define SPOKE_SRC_TLS_TLS_ERROR_H

#include <spoke/base.h>

/* What is known about a session that failed. */
struct tls_failure {
    int code;         /* mbedTLS's */
    uint32_t verdict; /* MBEDTLS_X509_BADCERT_* of the peer's chain */
    bool self_signed; /* the peer's own certificate is its own issuer */
    bool handshake;   /* it happened before the session stood */
    bool server;
    unsigned alert; /* of the peer, with MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE */
};

spoke_error tls_error_from(const struct tls_failure *failure);
/* True for the "out of memory" of any module of mbedTLS. */
bool tls_error_is_memory(int code);

#endif
