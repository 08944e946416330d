/* A symmetric device key held in memory, and the HMAC made with it. For programs that use tier 0 directly and for
 * tools that derive device keys; the client does this itself. Needs mbedTLS. Never blocks. */
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

#ifdef __cplusplus
}
#endif
#endif
