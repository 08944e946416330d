/* Comparing what is borrowed: the same texts, not the same letters. Inline: as refusal.h. */
#ifndef SPOKE_SRC_TRANSPORT_TLS_OPTIONS_H
#define SPOKE_SRC_TRANSPORT_TLS_OPTIONS_H

#include <spoke/transport.h>

static inline bool tls_options_equal(const spoke_tls_options *a, const spoke_tls_options *b)
{
    return a->trust_pem == b->trust_pem && a->trust_file == b->trust_file &&
           a->client_cert_pem == b->client_cert_pem && a->client_key_pem == b->client_key_pem;
}

#endif
