/* What the files of this folder share about a context. */
#ifndef SPOKE_SRC_TLS_TLS_CONTEXT_H
#define SPOKE_SRC_TLS_TLS_CONTEXT_H

#include "mbedtls_compat.h"
#include "tls.h"
#include "tls_time.h"

struct tls_context {
    mbedtls_ssl_config config;
    mbedtls_x509_crt trust, chain;
    mbedtls_pk_context key;
#if defined(COMPAT_SERVER_TICKETS)
    mbedtls_ssl_ticket_context ticket;
#endif
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    bool server;
};

#endif
