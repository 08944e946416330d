/* One TLS 1.2 session over a non-blocking byte stream, on mbedTLS 2.28 and 3.x. Client and server.
 *
 * A context (trust, own certificate, random source) is made once and may serve many sessions; sessions in several
 * threads need an mbedTLS with MBEDTLS_THREADING_C and a random source that may be called from all of them.
 * Heap is mbedTLS's: taken by tls_init and handshakes, never by tls_read and tls_write.
 */
#ifndef SPOKE_SRC_TLS_TLS_H
#define SPOKE_SRC_TLS_TLS_H

#include <spoke/platform.h>

/* Where Debian, Alpine, Arch and OpenWrt keep the trusted certificates. */
#define TLS_SYSTEM_TRUST_FILE "/etc/ssl/certs/ca-certificates.crt"

/* The stream below. OK with *count >= 1, E_AGAIN, or E_NET. */
struct tls_stream {
    void *ctx;
    spoke_status (*read)(void *ctx, uint8_t *out, size_t cap, size_t *count);
    spoke_status (*write)(void *ctx, const uint8_t *bytes, size_t len, size_t *count);
};

struct tls_context_options {
    bool server;
    const char *trust_pem, *trust_file; /* client: CAs of servers; server: CAs of client certificates, or NULL */
    const struct spoke_trust *trust;    /* where those are NULL: read already; outlives the context */
    const char *cert_pem, *key_pem;     /* own chain and key; NULL: none (servers need them) */
    bool do_not_verify;                 /* clients under test only */
    bool ask_certificate;               /* server: asks clients for one, and leaves the judgement to the caller */
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
};

struct tls_context;
struct tls;

/* `why`: a static sentence on error. E_CERTIFICATE: PEM unreadable; E_NOT_FOUND: file missing; E_ARG. */
spoke_status tls_context_create(const struct tls_context_options *options, struct tls_context **out,
                                const char **why, int32_t *detail);
void tls_context_destroy(struct tls_context *context); /* NULL is fine; after its sessions */
/* When they end, UTC seconds since 1970: the own certificate, and the trusted one that lasts longest. 0: none. */
void tls_context_ends(const struct tls_context *context, int64_t *own, int64_t *trust);

size_t tls_size(void);
spoke_status tls_init(void *memory, size_t size, struct tls_context *context, struct tls **out);
void tls_fini(struct tls *t);
/* Another context of the same side from the next tls_start on, which is the only call that may follow; the session for
 * resumption is forgotten, since it would let the new trust and identity go unproven. Takes no heap, cannot fail. */
void tls_use(struct tls *t, struct tls_context *context);
/* Readies the session for a new stream. host: SNI and the name that the certificate must bear (clients).
 * Keeps the last session of the same host for resumption. */
spoke_status tls_start(struct tls *t, const char *host, const struct tls_stream *stream);
/* OK: done. E_AGAIN: wait for tls_wants. E_CERTIFICATE: not trusted (tls_error says expired, not yet valid, wrong
 * name or unknown issuer). E_TLS, E_NET. */
spoke_status tls_handshake(struct tls *t);
bool tls_resumed(const struct tls *t); /* the handshake took up an earlier session instead of a full exchange */
/* As the stream's. E_NET: orderly end (close notify) or broken. E_TLS: record layer. After E_AGAIN of tls_write
 * the next call must bring the same bytes, or more behind them; the wrapper repeats the length that mbedTLS
 * wants to see again. */
spoke_status tls_read(struct tls *t, uint8_t *out, size_t cap, size_t *count);
spoke_status tls_write(struct tls *t, const uint8_t *bytes, size_t len, size_t *count);
bool tls_pending(const struct tls *t);   /* decrypted bytes wait: read before sleeping */
unsigned tls_wants(const struct tls *t); /* SPOKE_WANT_READ or SPOKE_WANT_WRITE after E_AGAIN */
void tls_close_notify(struct tls *t);    /* best effort, never blocks */
/* What went wrong, as a static sentence that says what to do, and mbedTLS's number. */
spoke_error tls_error(const struct tls *t);
/* When the peer's certificate ends, of the last full handshake that got as far; 0: there was none. */
int64_t tls_peer_ends(const struct tls *t);
/* Server: the verified client certificate's subject CN, or NULL when none was given or it was not verified. */
const char *tls_peer_common_name(const struct tls *t);
/* Server with ask_certificate: the chain that the client showed, DER, its own certificate first; that it has the key is
 * proven. Once, after the handshake: then it is forgotten. OK without a byte: it showed none. E_TOO_SMALL: more than
 * fits, and *out as it was. Such sessions are never resumed, so that each connection shows its chain. */
spoke_status tls_take_peer_chain(struct tls *t, spoke_buf *out);

#endif
