/* Certificates and keys as files, because paho takes nothing else. What is given as text goes into anonymous
 * memory (memfd) that paho opens by its name under /proc: no key ever lies on a disk, and nothing outlives the
 * process. */
#ifndef SPOKE_SRC_TRANSPORT_PAHO_PEM_H
#define SPOKE_SRC_TRANSPORT_PAHO_PEM_H

#include <spoke/transport.h>

struct paho_file {
    int fd;           /* -1: a file of the caller's, or none */
    const char *path; /* NULL: none */
    char name[32];
};

struct paho_pem {
    struct paho_file trust, cert, key;
    int64_t trust_ends, cert_ends; /* UTC seconds since 1970; 0: unknown */
};

void paho_pem_init(struct paho_pem *pem); /* nothing in it: may be closed */
/* Opens and looks through all of them. E_NOT_FOUND: a file cannot be read; E_CERTIFICATE: no PEM of its kind in
 * it, or broken, or a key under a pass phrase; E_ARG: a key without certificate, or the other way round; E_PORT.
 */
spoke_status paho_pem_open(struct paho_pem *pem, const spoke_tls_options *tls, spoke_error *error);
void paho_pem_close(struct paho_pem *pem); /* also after a failed open */

#endif
