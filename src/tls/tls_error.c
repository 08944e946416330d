#include "tls_error.h"

#include <spoke/features.h>

#include "mbedtls_compat.h"

/* An mbedTLS error is a module's number plus, in the low seven bits, that of a helper below it. */
#define LOW_BITS 0x7f

static spoke_error make(spoke_status status, spoke_source source, int code, const char *text)
{
    const spoke_error error = {status, source, code, SPOKE_WITH_SENTENCES ? text : spoke_status_text(status)};
    return error;
}

bool tls_error_is_memory(int code)
{
    switch (code) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
    case MBEDTLS_ERR_MD_ALLOC_FAILED:
    case MBEDTLS_ERR_CIPHER_ALLOC_FAILED:
    case MBEDTLS_ERR_PEM_ALLOC_FAILED:
        return true;
    default:
        return (-code & LOW_BITS) == -MBEDTLS_ERR_MPI_ALLOC_FAILED ||
               (-code & LOW_BITS) == -MBEDTLS_ERR_ASN1_ALLOC_FAILED;
    }
}

/* The clock comes first: with a wrong one every other verdict is doubtful. */
static const char *verdict_text(const struct tls_failure *failure)
{
    const uint32_t verdict = failure->verdict;
    if (verdict & MBEDTLS_X509_BADCERT_FUTURE)
        return "the peer's certificate is not valid yet: check the device's clock";
    if (verdict & MBEDTLS_X509_BADCERT_EXPIRED)
        return "the peer's certificate has expired: check the device's clock, then have the certificate renewed";
    if (verdict & MBEDTLS_X509_BADCERT_REVOKED)
        return "the peer's certificate was revoked: ask whoever runs the service";
    if (verdict & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return failure->self_signed
                   ? "the peer's certificate is self-signed and not trusted: add it to the trusted certificates if "
                     "it is yours"
                   : "the peer's certificate comes from an unknown issuer: add the root of its chain to the trusted "
                     "certificates";
    if (verdict & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return "the peer's certificate is for another host name: check the host that was configured";
    if (verdict & (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        return "the peer's certificate has a weak key or signature: have it made anew with SHA-256 and RSA-2048 or "
               "P-256";
    if (verdict &
        (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE))
        return "the peer's certificate was not issued for this use: have it made with the right key usage";
    return "the peer's certificate did not pass verification: have its chain checked";
}

/* RFC 5246 section 7.2.2. */
static const char *alert_text(const struct tls_failure *failure)
{
    switch (failure->alert) {
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
        return failure->server
                   ? "the client refused this server's certificate: check the client's trusted "
                     "certificates, clock and host name"
                   : "the peer refused this device's certificate: check that it is enrolled and in date";
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
        return "the peer refused the handshake: it shares no cipher suite with TLS 1.2 ECDHE and AES, or wants a "
               "client certificate";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
        return "the peer does not accept TLS 1.2: check its configuration";
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME:
        return "the peer does not serve this host name: check the host that was configured";
    case MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC:
    case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR:
        return "the peer could not decrypt what it received: something between changed the bytes";
    default:
        return "the peer ended the session with a TLS alert: look at its log";
    }
}

static const char *tls_text(const struct tls_failure *failure)
{
    const int code = failure->code;
    if (tls_error_is_memory(code))
        return "mbedTLS has no memory left: give it a larger heap";
    if ((-code & LOW_BITS) == -MBEDTLS_ERR_ENTROPY_SOURCE_FAILED)
        return "the platform's random source failed: check the port's random function";
    switch (code) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return alert_text(failure);
    case COMPAT_ERR_VERSION:
        return "the peer does not offer TLS 1.2: check its configuration";
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
        return failure->handshake ? "what answers there does not speak TLS: check the port"
                                  : "a TLS record is malformed: something between changed the bytes";
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return "a TLS record is damaged: something between changed the bytes";
    default:
        return failure->handshake ? "the TLS handshake failed: see detail" : "the TLS session failed: see detail";
    }
}

static bool about_certificate(int code)
{
    const int module = -code & ~LOW_BITS;
    return code == COMPAT_ERR_CERTIFICATE ||
           (module >= -MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && module <= -MBEDTLS_ERR_X509_BUFFER_TOO_SMALL);
}

spoke_error tls_error_from(const struct tls_failure *failure)
{
    const int code = failure->code;
    if (code == 0)
        return make(SPOKE_OK, SPOKE_SOURCE_TLS, 0, spoke_status_text(SPOKE_OK));
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return make(SPOKE_E_NET, SPOKE_SOURCE_TLS, code, "the peer closed the TLS session");
    if (code == MBEDTLS_ERR_NET_CONN_RESET || code == MBEDTLS_ERR_SSL_CONN_EOF)
        return make(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0,
                    failure->handshake
                        ? "the connection broke during the TLS handshake: check that the port is the TLS one"
                        : "the connection broke without a TLS close: check the network");
    if (tls_error_is_memory(code) || !about_certificate(code))
        return make(SPOKE_E_TLS, SPOKE_SOURCE_TLS, code, tls_text(failure));
    /* The code is the same for every verdict; the flags tell a wrong clock from a wrong name. */
    if (failure->verdict != 0 && failure->verdict <= INT32_MAX)
        return make(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, (int32_t)failure->verdict, verdict_text(failure));
    return make(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, code,
                "the peer's certificate cannot be read: have it made anew as X.509 version 3");
}
