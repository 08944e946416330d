/* The development certificate authority: a folder with ca.pem, ca.key, server.pem and server.key, made at the
 * first start. Keys are P-256: they are made in milliseconds, so that a throw-away service starts at once, and a
 * handshake costs the server a fraction of what RSA-2048 does. Key files have mode 0600. */
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
