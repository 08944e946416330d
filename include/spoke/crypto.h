/* A symmetric device key held in memory, the HMAC made with it, and how long certificates last. For programs that use
 * tier 0 directly and for tools; the client does this itself. Needs mbedTLS. Never blocks. */
#ifndef SPOKE_CRYPTO_H
#define SPOKE_CRYPTO_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Decoded bytes; wipe with spoke_key_wipe. */
typedef struct spoke_key {
    uint8_t bytes[SPOKE_MAX_KEY_BYTES];
    size_t len;
} spoke_key;

/* E_ARG: not base64, or not 16 to 64 bytes long. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_key_from_base64(spoke_str base64, spoke_key *out);
/* A spoke_sas_hmac_fn (proto/sas.h); ctx is a spoke_key. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_key_hmac(void *key, spoke_str message, uint8_t mac[32]);
SPOKE_API void spoke_key_wipe(spoke_key *key);

/* When the certificates in a PEM text end, UTC seconds since 1970: the first of them (the own one of a chain), and that
 * which lasts longest (the last of several trust anchors). Takes mbedTLS's heap meanwhile. E_CERTIFICATE: none in it
 * can be read. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_certificate_ends(const char *pem, int64_t *first_s,
                                                               int64_t *latest_s);

#ifdef __cplusplus
}
#endif
#endif
