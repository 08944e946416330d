/* In the place of src/tls and src/crypto, for the figures without TLS: the linker needs the names. Nothing here works. */
#include "crypto/crypto.h"
#include "tls/tls.h"

spoke_status tls_context_create(const struct tls_context_options *options, struct tls_context **out,
                                const char **why, int32_t *detail)
{
    (void)options, (void)out, (void)why, (void)detail;
    return SPOKE_E_UNSUPPORTED;
}

void tls_context_destroy(struct tls_context *context)
{
    (void)context;
}

void tls_context_ends(const struct tls_context *context, int64_t *own, int64_t *trust)
{
    (void)context, (void)own, (void)trust;
}

size_t tls_size(void)
{
    return 0;
}

spoke_status tls_init(void *memory, size_t size, struct tls_context *context, struct tls **out)
{
    (void)memory, (void)size, (void)context, (void)out;
    return SPOKE_E_UNSUPPORTED;
}

void tls_fini(struct tls *t)
{
    (void)t;
}

void tls_use(struct tls *t, struct tls_context *context)
{
    (void)t, (void)context;
}

spoke_status tls_start(struct tls *t, const char *host, const struct tls_stream *stream)
{
    (void)t, (void)host, (void)stream;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status tls_handshake(struct tls *t)
{
    (void)t;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status tls_read(struct tls *t, uint8_t *out, size_t cap, size_t *count)
{
    (void)t, (void)out, (void)cap, (void)count;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status tls_write(struct tls *t, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)t, (void)bytes, (void)len, (void)count;
    return SPOKE_E_UNSUPPORTED;
}

bool tls_pending(const struct tls *t)
{
    (void)t;
    return false;
}

unsigned tls_wants(const struct tls *t)
{
    (void)t;
    return 0;
}

void tls_close_notify(struct tls *t)
{
    (void)t;
}

spoke_error tls_error(const struct tls *t)
{
    (void)t;
    return (spoke_error){SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_TLS, 0, ""};
}

int64_t tls_peer_ends(const struct tls *t)
{
    (void)t;
    return 0;
}

spoke_status spoke_key_from_base64(spoke_str base64, spoke_key *out)
{
    (void)base64, (void)out;
    return SPOKE_OK;
}

spoke_status spoke_key_hmac(void *key, spoke_str message, uint8_t mac[32])
{
    (void)key, (void)message, (void)mac;
    return SPOKE_E_UNSUPPORTED;
}

void spoke_key_wipe(spoke_key *key)
{
    (void)key;
}

spoke_status spoke_certificate_ends(const char *pem, int64_t *first_s, int64_t *latest_s)
{
    (void)pem, (void)first_s, (void)latest_s;
    return SPOKE_E_UNSUPPORTED;
}
