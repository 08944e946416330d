#include "crypto.h"

#include <mbedtls/md.h>

#include "base/base64.h"

static spoke_status status_of(int code)
{
    if (code == 0)
        return SPOKE_OK;
    return code == MBEDTLS_ERR_MD_ALLOC_FAILED ? SPOKE_E_NO_MEMORY : SPOKE_E_PORT;
}

static spoke_status digest(mbedtls_md_type_t type, spoke_str message, uint8_t *out)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);
    if (info == NULL)
        return SPOKE_E_UNSUPPORTED;
    return status_of(mbedtls_md(info, (const uint8_t *)message.ptr, message.len, out));
}

spoke_status crypto_hmac_sha256(spoke_str key, spoke_str message, uint8_t mac[32])
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    if (info == NULL)
        return SPOKE_E_UNSUPPORTED;
    return status_of(
        mbedtls_md_hmac(info, (const uint8_t *)key.ptr, key.len, (const uint8_t *)message.ptr, message.len, mac));
}

spoke_status crypto_sha256(spoke_str message, uint8_t out[32])
{
    return digest(MBEDTLS_MD_SHA256, message, out);
}

spoke_status crypto_sha1(spoke_str message, uint8_t out[20])
{
    return digest(MBEDTLS_MD_SHA1, message, out);
}

bool crypto_equal(spoke_str a, spoke_str b)
{
    /* With lengths that differ b is compared with itself: the time says nothing about a. */
    const char *left = a.len == b.len ? a.ptr : b.ptr;
    volatile unsigned difference = a.len != b.len;
    for (size_t i = 0; i < b.len; i++)
        difference |= (unsigned)(uint8_t)left[i] ^ (unsigned)(uint8_t)b.ptr[i];
    return difference == 0;
}

static bool key_usable(size_t len)
{
    return len >= SPOKE_MIN_KEY_BYTES && len <= SPOKE_MAX_KEY_BYTES;
}

spoke_status spoke_key_from_base64(spoke_str base64, spoke_key *out)
{
    if (out == NULL)
        return SPOKE_E_ARG;
    spoke_buf bytes = spoke_buf_from(out->bytes, sizeof out->bytes);
    out->len = base64_decode(base64, &bytes) == SPOKE_OK ? bytes.len : 0;
    if (key_usable(out->len))
        return SPOKE_OK;
    spoke_key_wipe(out);
    return SPOKE_E_ARG;
}

spoke_status spoke_key_hmac(void *key, spoke_str message, uint8_t mac[32])
{
    const spoke_key *secret = key;
    if (secret == NULL || mac == NULL || !key_usable(secret->len))
        return SPOKE_E_ARG;
    return crypto_hmac_sha256(spoke_str_from((const char *)secret->bytes, secret->len), message, mac);
}

void spoke_key_wipe(spoke_key *key)
{
    if (key != NULL)
        spoke_wipe(key, sizeof *key);
}
