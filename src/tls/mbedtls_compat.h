/* mbedTLS 2.28 and 3.x under one set of names: everything that differs between them, and nothing else. */
#ifndef SPOKE_SRC_TLS_MBEDTLS_COMPAT_H
#define SPOKE_SRC_TLS_MBEDTLS_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
/* Absent from builds for devices alone, which serve nobody. */
#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_SRV_C)
#define COMPAT_SERVER_TICKETS
#include <mbedtls/ssl_ticket.h>
#endif
#if defined(MBEDTLS_USE_PSA_CRYPTO)
#include <psa/crypto.h>
#endif

typedef int (*compat_rng)(void *ctx, unsigned char *out, size_t len);

/* 3.x renames these and keeps their numbers. */
#if MBEDTLS_VERSION_MAJOR >= 3
#define COMPAT_ERR_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
#define COMPAT_ERR_CERTIFICATE MBEDTLS_ERR_SSL_BAD_CERTIFICATE
#define COMPAT_FIELD(object, member) ((object)->MBEDTLS_PRIVATE(member))
#else
#define COMPAT_ERR_VERSION MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#define COMPAT_ERR_CERTIFICATE MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE
#define COMPAT_FIELD(object, member) ((object)->member)
#endif

/* A build of mbedTLS on top of PSA needs it started; to start it again does no harm. */
static inline bool compat_start(void)
{
#if defined(MBEDTLS_USE_PSA_CRYPTO)
    return psa_crypto_init() == PSA_SUCCESS;
#else
    return true;
#endif
}

/* TLS 1.2 and nothing else: all that 2.28 has, and all that DPS promises. */
static inline void compat_only_tls12(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* Key exchange and certificates use these and no others, what costs a device least first: mbedTLS by itself would
 * begin with P-521, which a server that follows the client's order then takes, at three times the cost. */
static inline void compat_groups(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03010000
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
    mbedtls_ssl_conf_groups(config, groups);
#else
    static const mbedtls_ecp_group_id curves[] = {
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)
        MBEDTLS_ECP_DP_CURVE25519,
#endif
#if defined(MBEDTLS_ECP_DP_SECP256R1_ENABLED)
        MBEDTLS_ECP_DP_SECP256R1,
#endif
#if defined(MBEDTLS_ECP_DP_SECP384R1_ENABLED)
        MBEDTLS_ECP_DP_SECP384R1,
#endif
#if defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED)
        MBEDTLS_ECP_DP_SECP521R1,
#endif
        MBEDTLS_ECP_DP_NONE
    };
    mbedtls_ssl_conf_curves(config, curves);
#endif
}

/* len counts the NUL, as mbedTLS wants it for PEM. */
static inline int compat_parse_key(mbedtls_pk_context *key, const char *pem, size_t len, compat_rng rng, void *ctx)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, len, NULL, 0, rng, ctx);
#else
    (void)rng;
    (void)ctx;
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, len, NULL, 0);
#endif
}

static inline int compat_check_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *key,
                                    compat_rng rng, void *ctx)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_check_pair(public_key, key, rng, ctx);
#else
    (void)rng;
    (void)ctx;
    return mbedtls_pk_check_pair(public_key, key);
#endif
}

static inline int compat_state(const mbedtls_ssl_context *ssl)
{
    return (int)COMPAT_FIELD(ssl, state);
}

/* Frees the chain that the peer showed, which nobody looks at after the handshake: several KB with a real service. */
static inline void compat_forget_chain(mbedtls_ssl_context *ssl)
{
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
    mbedtls_ssl_session *current = COMPAT_FIELD(ssl, session), holder;
    mbedtls_ssl_session_init(&holder);
    COMPAT_FIELD(&holder, peer_cert) = COMPAT_FIELD(current, peer_cert);
    COMPAT_FIELD(current, peer_cert) = NULL;
    mbedtls_ssl_session_free(&holder);
#else
    (void)ssl;
#endif
}

/* Does the session know a certificate of the peer? */
static inline bool compat_has_peer(const mbedtls_ssl_session *session)
{
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
    return COMPAT_FIELD(session, peer_cert) != NULL;
#else
    return COMPAT_FIELD(session, peer_cert_digest) != NULL;
#endif
}

/* Number of the alert (RFC 5246 section 7.2) after MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: neither version hands it
 * out, both leave it in the record. */
static inline unsigned compat_alert(const mbedtls_ssl_context *ssl)
{
    return COMPAT_FIELD(ssl, in_msg)[1];
}

#endif
