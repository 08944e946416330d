/* The development certificate authority: a folder with ca.pem, ca.key, server.pem and server.key, made at the
 * first start. Keys are P-256, not RSA-2048 as IoT Hub's: they are made in a millisecond, so that a throw-away
 * service starts at once, and signing costs the server a third (0.7 against 2.0 ms with mbedTLS 2.28). Devices pay
 * for it: they verify for 1.4 ms instead of 0.04. Key files have mode 0600. */
#ifndef SPOKE_SRC_CENTRAL_CA_H
#define SPOKE_SRC_CENTRAL_CA_H

#include <spoke/base.h>

enum { CA_RENEW_BEFORE_DAYS = 30, CA_SERVER_DAYS = 397, CA_DAYS = 3650 };

struct ca_options {
    const char *folder;
    const char *const *names; /* what the server is called: host names and IP addresses */
    size_t name_count;
    int64_t unix_s;
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
};

struct ca_identity {
    char *ca_file;         /* path of ca.pem, for clients */
    char *cert_pem;        /* the server's */
    char *key_pem;         /* wiped by ca_identity_free */
    bool new_ca, new_cert; /* made or renewed just now */
};

/* Opens what is there; makes what is missing, bears other names, or ends within CA_RENEW_BEFORE_DAYS. A renewed CA
 * keeps its key. `why` gets a sentence on error. E_PORT: files; E_CERTIFICATE: a file that does not parse or does
 * not fit the others; E_NO_MEMORY. */
spoke_status ca_open(const struct ca_options *options, struct ca_identity *out, char *why, size_t why_cap);
void ca_identity_free(struct ca_identity *identity);

#endif
