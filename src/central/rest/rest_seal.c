#include "rest_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "central/core/core_internal.h"
#include "crypto/crypto.h"

#define MARK '~'        /* no id begins with it */
#define NONCE_CHARS 44u /* the first of core_make_key */
#define MAX_TEXT 2048u
#define BASE64_CAP(len) (((len) + 2) / 3 * 4 + 1)

/* HMAC as a function of nonce and block number (NIST SP 800-108, counter mode), under a key of its own. */
static spoke_status mix(struct core *c, const char *nonce, uint8_t *bytes, size_t len)
{
    uint8_t key[32], block[32];
    char message[NONCE_CHARS + 24];
    spoke_status status =
        crypto_hmac_sha256(spoke_str_of(core_application_secret(c)), SPOKE_STR("skiptoken"), key);
    for (size_t i = 0; i < len && status == SPOKE_OK; i++) {
        if (i % sizeof block == 0) {
            (void)snprintf(message, sizeof message, "%.*s\n%zu", (int)NONCE_CHARS, nonce, i / sizeof block);
            status =
                crypto_hmac_sha256(spoke_str_from((const char *)key, sizeof key), spoke_str_of(message), block);
        }
        bytes[i] ^= block[i % sizeof block];
    }
    spoke_wipe(key, sizeof key);
    spoke_wipe(block, sizeof block);
    return status;
}

char *rest_seal(struct core *c, const char *text)
{
    char nonce[96];
    const size_t len = strlen(text);
    uint8_t bytes[MAX_TEXT];
    char *sealed = len <= sizeof bytes ? malloc(1 + NONCE_CHARS + BASE64_CAP(len)) : NULL;
    if (sealed == NULL)
        return NULL;
    memcpy(bytes, text, len);
    spoke_buf out = spoke_buf_from(sealed + 1 + NONCE_CHARS, BASE64_CAP(len) - 1);
    if (!core_make_key(c, nonce) || strlen(nonce) < NONCE_CHARS || mix(c, nonce, bytes, len) != SPOKE_OK ||
        base64_encode(spoke_str_from((const char *)bytes, len), &out) != SPOKE_OK) {
        free(sealed);
        return NULL;
    }
    sealed[0] = MARK;
    memcpy(sealed + 1, nonce, NONCE_CHARS);
    sealed[1 + NONCE_CHARS + out.len] = '\0';
    return sealed;
}

char *rest_unseal(struct core *c, const char *sealed)
{
    uint8_t bytes[MAX_TEXT];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    if (sealed[0] != MARK || strlen(sealed) < 1 + NONCE_CHARS ||
        base64_decode(spoke_str_of(sealed + 1 + NONCE_CHARS), &out) != SPOKE_OK ||
        mix(c, sealed + 1, bytes, out.len) != SPOKE_OK)
        return NULL;
    return strndup((const char *)bytes, out.len);
}
