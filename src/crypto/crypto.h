/* Hashes on mbedTLS 2.28 and 3.x, behind our own names. */
#ifndef SPOKE_SRC_CRYPTO_CRYPTO_H
#define SPOKE_SRC_CRYPTO_CRYPTO_H

#include <spoke/crypto.h>

spoke_status crypto_hmac_sha256(spoke_str key, spoke_str message, uint8_t mac[32]);
spoke_status crypto_sha256(spoke_str message, uint8_t digest[32]);
spoke_status crypto_sha1(spoke_str message, uint8_t digest[20]); /* WebSocket accept and thumbprints only */
/* Constant time in the length of b. */
bool crypto_equal(spoke_str a, spoke_str b);

#endif
