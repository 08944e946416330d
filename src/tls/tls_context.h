/* What the files of this folder share about a context. */
#ifndef SPOKE_SRC_TLS_TLS_CONTEXT_H
#define SPOKE_SRC_TLS_TLS_CONTEXT_H

#include "mbedtls_compat.h"
#include "tls.h"
#include "tls_time.h"

/* Only read once it is made: mbedTLS takes a copy of a key before it works with it, or locks it (RSA). */
struct spoke_trust {
    mbedtls_x509_crt anchors;
    int64_t ends; /* of the one that lasts longest; UTC seconds since 1970 */
};

struct tls_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
#if defined(COMPAT_SERVER_TICKETS)
    mbedtls_ssl_ticket_context ticket; /* servers */
#endif
};

/* One block with what it needs of the rest behind it: a device that proves itself by token has no certificates. */
struct tls_context {
    mbedtls_ssl_config config;
    struct tls_identity *identity; /* NULL: none */
    struct spoke_trust *own_trust; /* NULL: shared, or none */
    int64_t trust_ends;
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    bool server;
};

/* Why a context, or its trust, could not be made. */
struct tls_problem {
    const char *why;
    int code;
};

/* Notes it and returns the status, or E_NO_MEMORY when that is what the code means. */
spoke_status tls_problem_set(struct tls_problem *problem, spoke_status status, int code, const char *why);
/* Into zeroed memory. Both may be given; what is in both is trusted. */
spoke_status tls_trust_load(struct spoke_trust *trust, const char *pem, const char *file,
                            struct tls_problem *problem);
void tls_trust_free(struct spoke_trust *trust); /* also after a load that failed */

#endif
