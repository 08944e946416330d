#include "tls.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "tls_context.h"
#include "tls_error.h"
#include "tls_pages.h"

enum phase {
    PHASE_IDLE,      /* no stream yet -> HANDSHAKE */
    PHASE_HANDSHAKE, /* -> OPEN, FAILED */
    PHASE_OPEN,      /* -> FAILED */
    PHASE_FAILED     /* broken or closed by the peer; tls_start -> HANDSHAKE */
};

struct tls {
    struct tls_context *context;
    mbedtls_ssl_context ssl;
    struct tls_stream stream;
    enum phase phase;
    unsigned wants;
    spoke_error error;
    uint32_t verdict; /* of the peer's chain, from the verification callback */
    bool self_signed;
    int64_t peer_ends;

    size_t unsent;  /* bytes of finished records that the stream has not taken yet */
    size_t promise; /* plain bytes in those records that no tls_write has reported yet */

    mbedtls_ssl_session session;
    bool have_session, offered, full;
    char host[SPOKE_MAX_HOST_BYTES + 1]; /* whose session it is */
    char peer[SPOKE_MAX_ID_BYTES + 1];
};

/* --- the stream below, as mbedTLS calls it --- */

static int stream_code(spoke_status status, unsigned want, size_t count, size_t cap)
{
    if (status == SPOKE_E_AGAIN || (status == SPOKE_OK && count == 0))
        return want == SPOKE_WANT_READ ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_WANT_WRITE;
    if (status != SPOKE_OK || count > cap)
        return MBEDTLS_ERR_NET_CONN_RESET;
    return (int)count;
}

static int stream_read(void *ctx, unsigned char *out, size_t cap)
{
    struct tls *t = ctx;
    size_t count = 0;
    const spoke_status status = t->stream.read(t->stream.ctx, out, cap, &count);
    return stream_code(status, SPOKE_WANT_READ, count, cap);
}

static int stream_write(void *ctx, const unsigned char *bytes, size_t len)
{
    struct tls *t = ctx;
    size_t count = 0;
    const spoke_status status = t->stream.write(t->stream.ctx, bytes, len, &count);
    const int code = stream_code(status, SPOKE_WANT_WRITE, count, len);
    /* mbedTLS hands over all it holds each time, so what is not taken here is what it still holds. */
    t->unsent = code > 0 ? len - (size_t)code : len;
    return code;
}

/* --- errors --- */

static spoke_status fail(struct tls *t, int code)
{
    const struct tls_failure failure = {
        .code = code,
        .verdict = t->verdict,
        .self_signed = t->self_signed,
        .handshake = t->phase == PHASE_HANDSHAKE,
        .server = t->context->server,
        .alert = code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? compat_alert(&t->ssl) : 0,
    };
    t->error = tls_error_from(&failure);
    t->phase = PHASE_FAILED;
    return t->error.status;
}

static spoke_status again_or_fail(struct tls *t, int code)
{
    if (code != MBEDTLS_ERR_SSL_WANT_READ && code != MBEDTLS_ERR_SSL_WANT_WRITE)
        return fail(t, code == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : code);
    t->wants = code == MBEDTLS_ERR_SSL_WANT_READ ? SPOKE_WANT_READ : SPOKE_WANT_WRITE;
    return SPOKE_E_AGAIN;
}

static spoke_status refuse(const struct tls *t)
{
    return t->phase == PHASE_FAILED ? t->error.status : SPOKE_E_STATE;
}

/* --- life --- */

/* Only listens: mbedTLS has judged, and keeps the verdict where a failed handshake cannot reach it. */
static int note_verdict(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct tls *t = ctx;
    t->verdict |= *flags;
    if (depth > 0)
        return 0;
    t->peer_ends = tls_time(&certificate->valid_to);
    t->self_signed =
        certificate->issuer_raw.len == certificate->subject_raw.len &&
        memcmp(certificate->issuer_raw.p, certificate->subject_raw.p, certificate->subject_raw.len) == 0;
    return 0;
}

size_t tls_size(void)
{
    return sizeof(struct tls);
}

spoke_status tls_init(void *memory, size_t size, struct tls_context *context, struct tls **out)
{
    if (memory == NULL || context == NULL || size < sizeof(struct tls) ||
        (uintptr_t)memory % alignof(struct tls) != 0)
        return SPOKE_E_ARG;
    struct tls *t = memory;
    memset(t, 0, sizeof *t);
    t->context = context;
    t->error.source = SPOKE_SOURCE_TLS;
    t->error.text = spoke_status_text(SPOKE_OK);
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_session_init(&t->session);
    const int code = mbedtls_ssl_setup(&t->ssl, &context->config);
    if (code != 0) {
        mbedtls_ssl_free(&t->ssl);
        return tls_error_is_memory(code) ? SPOKE_E_NO_MEMORY : SPOKE_E_TLS;
    }
    mbedtls_ssl_set_verify(&t->ssl, note_verdict, t);
    tls_release_pages(&t->ssl);
    *out = t;
    return SPOKE_OK;
}

void tls_fini(struct tls *t)
{
    if (t == NULL)
        return;
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_session_free(&t->session);
    spoke_wipe(t, sizeof *t);
}

/* --- handshake --- */

static void drop_session(struct tls *t)
{
    mbedtls_ssl_session_free(&t->session);
    mbedtls_ssl_session_init(&t->session);
    t->have_session = false;
}

static int name_peer(struct tls *t, const char *host)
{
    const spoke_str name = spoke_str_of(host);
    if (!spoke_str_equal_nocase(name, spoke_str_of(t->host))) {
        drop_session(t);
        memcpy(t->host, host, name.len + 1);
    }
    const int code = mbedtls_ssl_set_hostname(&t->ssl, host);
    if (code == 0 && t->have_session)
        t->offered = mbedtls_ssl_set_session(&t->ssl, &t->session) == 0;
    return code;
}

void tls_use(struct tls *t, struct tls_context *context)
{
    (void)mbedtls_ssl_session_reset(&t->ssl); /* what failed here fails in tls_start again */
    COMPAT_FIELD(&t->ssl, conf) = &context->config;
    t->context = context;
    t->phase = PHASE_IDLE;
    drop_session(t);
}

static bool host_usable(const struct tls *t, const char *host)
{
    return t->context->server || (host != NULL && host[0] != '\0' && strlen(host) <= SPOKE_MAX_HOST_BYTES);
}

spoke_status tls_start(struct tls *t, const char *host, const struct tls_stream *stream)
{
    if (t == NULL || stream == NULL || stream->read == NULL || stream->write == NULL || !host_usable(t, host))
        return SPOKE_E_ARG;
    t->stream = *stream;
    t->phase = PHASE_HANDSHAKE;
    t->error.status = SPOKE_OK;
    t->error.detail = 0;
    t->error.text = spoke_status_text(SPOKE_OK);
    t->verdict = 0;
    t->unsent = t->promise = 0;
    t->wants = 0;
    t->self_signed = t->offered = t->full = false;
    t->peer[0] = '\0';
    int code = mbedtls_ssl_session_reset(&t->ssl);
    tls_release_pages(&t->ssl);
    if (code == 0 && !t->context->server)
        code = name_peer(t, host);
    if (code != 0)
        return fail(t, code);
    mbedtls_ssl_set_bio(&t->ssl, t, stream_write, stream_read, NULL);
    return SPOKE_OK;
}

static void keep_session(struct tls *t)
{
    drop_session(t);
    compat_forget_chain(&t->ssl);
    t->have_session = mbedtls_ssl_get_session(&t->ssl, &t->session) == 0;
    if (!t->have_session)
        drop_session(t);
}

static void copy_common_name(struct tls *t, const mbedtls_x509_buf *value)
{
    /* A NUL inside would make "device1\0.attacker" read as "device1". */
    if (value->len == 0 || value->len >= sizeof t->peer || memchr(value->p, '\0', value->len) != NULL)
        return;
    memcpy(t->peer, value->p, value->len);
    t->peer[value->len] = '\0';
}

static void note_peer(struct tls *t)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&t->ssl);
    if (certificate == NULL || mbedtls_ssl_get_verify_result(&t->ssl) != 0)
        return;
    for (const mbedtls_x509_name *name = &certificate->subject; name != NULL; name = name->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
            copy_common_name(t, &name->val);
            return;
        }
    }
}

/* Step by step, to see whether the server's certificate was part of it: a resumed session leaves it out. */
static int shake_hands(struct tls *t)
{
    int code = 0;
    while (code == 0 && compat_state(&t->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER) {
        if (compat_state(&t->ssl) == MBEDTLS_SSL_SERVER_CERTIFICATE)
            t->full = true;
        code = mbedtls_ssl_handshake_step(&t->ssl);
    }
    return code;
}

spoke_status tls_handshake(struct tls *t)
{
    if (t->phase == PHASE_OPEN)
        return SPOKE_OK;
    if (t->phase != PHASE_HANDSHAKE)
        return refuse(t);
    const int code = shake_hands(t);
    if (code != 0) {
        const spoke_status status = again_or_fail(t, code);
        /* Whatever went wrong, the next attempt must not stumble over the old session again. */
        if (status != SPOKE_E_AGAIN)
            drop_session(t);
        return status;
    }
    t->phase = PHASE_OPEN;
    if (t->context->server)
        note_peer(t);
    else
        keep_session(t);
    return SPOKE_OK;
}

bool tls_resumed(const struct tls *t)
{
    return t->phase == PHASE_OPEN && !t->full;
}

/* --- data --- */

spoke_status tls_read(struct tls *t, uint8_t *out, size_t cap, size_t *count)
{
    *count = 0;
    if (cap == 0)
        return SPOKE_E_ARG;
    if (t->phase != PHASE_OPEN)
        return refuse(t);
    const int code = mbedtls_ssl_read(&t->ssl, out, cap);
    if (code <= 0)
        return again_or_fail(t, code);
    *count = (size_t)code;
    return SPOKE_OK;
}

/* A record that mbedTLS still holds makes it flush that record on the next write and report whatever length it is
 * given as written. So nothing new may be handed over before the stream has taken the old: whether it is part of
 * an earlier tls_write or an alert that a read caused. A write of no bytes flushes and does nothing else. */
static int flush(struct tls *t)
{
    return t->unsent > 0 ? mbedtls_ssl_write(&t->ssl, (const unsigned char *)"", 0) : 0;
}

static int write_record(struct tls *t, const uint8_t *bytes, size_t len)
{
    const int room = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
    if (room <= 0)
        return room == 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : room;
    t->promise = len < (size_t)room ? len : (size_t)room;
    const int code = mbedtls_ssl_write(&t->ssl, bytes, t->promise);
    assert(code <= 0 || (size_t)code == t->promise);
    return code;
}

spoke_status tls_write(struct tls *t, const uint8_t *bytes, size_t len, size_t *count)
{
    *count = 0;
    if (len == 0 || len < t->promise)
        return SPOKE_E_ARG;
    if (t->phase != PHASE_OPEN)
        return refuse(t);
    int code = flush(t);
    if (code == 0 && t->promise == 0)
        code = write_record(t, bytes, len);
    if (code < 0)
        return again_or_fail(t, code);
    *count = t->promise;
    t->promise = 0;
    return SPOKE_OK;
}

bool tls_pending(const struct tls *t)
{
    return t->phase == PHASE_OPEN && mbedtls_ssl_get_bytes_avail(&t->ssl) > 0;
}

int64_t tls_peer_ends(const struct tls *t)
{
    return t->peer_ends;
}

unsigned tls_wants(const struct tls *t)
{
    return t->wants;
}

void tls_close_notify(struct tls *t)
{
    /* With a record half sent mbedTLS would only flush it and leave the alert out. */
    if (t->phase == PHASE_OPEN && flush(t) == 0)
        (void)mbedtls_ssl_close_notify(&t->ssl);
}

spoke_error tls_error(const struct tls *t)
{
    return t->error;
}

spoke_status tls_take_peer_chain(struct tls *t, spoke_buf *out)
{
    const size_t before = out->len;
    spoke_status status = SPOKE_OK;
    if (t->phase != PHASE_OPEN)
        return SPOKE_OK;
    for (const mbedtls_x509_crt *at = mbedtls_ssl_get_peer_cert(&t->ssl); at != NULL && status == SPOKE_OK;
         at = at->next)
        status = spoke_buf_append(out, spoke_str_from((const char *)at->raw.p, at->raw.len));
    if (status != SPOKE_OK)
        out->len = before;
    compat_forget_chain(&t->ssl);
    return status;
}

const char *tls_peer_common_name(const struct tls *t)
{
    return t->phase == PHASE_OPEN && t->peer[0] != '\0' ? t->peer : NULL;
}
