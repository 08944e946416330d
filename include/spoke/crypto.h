/* A symmetric device key held in memory, the HMAC made with it, how long certificates last, and trust that clients
 * share. The client does the first three itself: they are for programs that use tier 0 directly, and for tools. Needs
 * mbedTLS. Never blocks, but to read a file. */
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

/* Trusted CA certificates that were read once, for any number of clients:
 *
 *     spoke_trust *trust = NULL;
 *     spoke_status status = spoke_trust_create(NULL, "roots.pem", &trust, NULL);
 *     ... .trust = trust in each configuration; destroy the clients, then the trust ...
 *
 * Nothing changes in it after create, so clients in several threads may share one, if mbedTLS has
 * MBEDTLS_THREADING_C (Debian's has). Native transport only. */
typedef struct spoke_trust spoke_trust;
/* Of a PEM text, of a file, or with both NULL of the system's bundle; text and file are not needed afterwards. Takes
 * mbedTLS's heap, reads the file at once. `why` may be NULL. E_ARG: both are given; E_CERTIFICATE, E_NOT_FOUND,
 * E_NO_MEMORY; E_UNSUPPORTED: a file, and this mbedTLS reads none; E_TLS: its PSA crypto did not start. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_trust_create(const char *pem, const char *file, spoke_trust **out,
                                                           spoke_error *why);
SPOKE_API void spoke_trust_destroy(spoke_trust *trust); /* after the clients that use it; NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
