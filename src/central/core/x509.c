#include "x509.h"

#include <string.h>

#include "base/base64.h"
#include "crypto/crypto.h"
#include "tls/mbedtls_compat.h"
#include "tls/tls_time.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

const char *x509_verdict_text(enum x509_verdict verdict)
{
    switch (verdict) {
    case X509_TRUSTED:
        return "the certificate is good";
    case X509_UNREADABLE:
        return "the certificate cannot be read";
    case X509_TOO_DEEP:
        return "the certificate's chain is too long";
    case X509_UNTRUSTED:
        return "the certificate does not lead to a verified authority of an enrolment group";
    case X509_EXPIRED:
        return "the certificate, or one above it, has expired";
    case X509_NOT_YET_VALID:
        return "the certificate, or one above it, is not valid yet";
    case X509_CONSTRAINED:
        return "an authority above the certificate constrains names, which this service does not look at";
    case X509_WRONG_USAGE:
        return "the certificate is not for clients (key usage, or it is an authority's)";
    }
    return "?";
}

/* --- text --- */

static bool find(spoke_str text, const char *mark, size_t *at)
{
    const char *found = text.len > 0 ? memmem(text.ptr, text.len, mark, strlen(mark)) : NULL;
    if (found != NULL)
        *at = (size_t)(found - text.ptr);
    return found != NULL;
}

/* base64 in lines, as PEM has it. */
static spoke_status decode_lines(spoke_str text, spoke_buf *der)
{
    char joined[X509_MAX_BYTES * 4 / 3 + 8];
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\r\n\t ", text.ptr[i]) != NULL && text.ptr[i] != '\0')
            continue;
        if (len == sizeof joined)
            return SPOKE_E_TOO_LARGE;
        joined[len++] = text.ptr[i];
    }
    return base64_decode(spoke_str_from(joined, len), der) == SPOKE_OK ? SPOKE_OK : SPOKE_E_ARG;
}

/* Cuts the first PEM certificate off; E_NOT_FOUND: there is none. */
static spoke_status cut_pem(spoke_str *text, spoke_buf *der)
{
    size_t begin, end;
    if (!find(*text, PEM_BEGIN, &begin))
        return SPOKE_E_NOT_FOUND;
    begin += sizeof PEM_BEGIN - 1;
    spoke_str body = spoke_str_from(text->ptr + begin, text->len - begin);
    if (!find(body, PEM_END, &end))
        return SPOKE_E_ARG;
    const size_t used = begin + end + sizeof PEM_END - 1;
    *text = spoke_str_from(text->ptr + used, text->len - used);
    return decode_lines(spoke_str_from(body.ptr, end), der);
}

static spoke_status decode_pem(spoke_str text, spoke_buf *der)
{
    size_t more;
    const spoke_status status = cut_pem(&text, der);
    return status == SPOKE_OK && find(text, PEM_BEGIN, &more) ? SPOKE_E_ARG : status;
}

/* What is valid base64 may be PEM again: people encode whole files. */
static spoke_status decode_base64(spoke_str text, spoke_buf *der)
{
    uint8_t bytes[X509_MAX_BYTES * 2];
    size_t at;
    spoke_buf inner = spoke_buf_from(bytes, sizeof bytes);
    if (text.len > sizeof bytes)
        return SPOKE_E_TOO_LARGE;
    const spoke_status status = base64_decode(text, &inner);
    if (status != SPOKE_OK)
        return SPOKE_E_ARG;
    if (find(spoke_buf_str(&inner), PEM_BEGIN, &at))
        return decode_pem(spoke_buf_str(&inner), der);
    return spoke_buf_append(der, spoke_buf_str(&inner));
}

spoke_status x509_decode(spoke_str text, spoke_buf *der)
{
    struct x509_facts facts;
    size_t at;
    const size_t before = der->len;
    const spoke_status status = find(text, PEM_BEGIN, &at) ? decode_pem(text, der) : decode_base64(text, der);
    if (status != SPOKE_OK)
        return status;
    return x509_read(spoke_str_from((const char *)der->ptr + before, der->len - before), &facts);
}

spoke_status x509_decode_each(const char *pem, bool (*each)(void *ctx, spoke_str der), void *ctx)
{
    uint8_t memory[X509_MAX_BYTES];
    struct x509_facts facts;
    spoke_str rest = spoke_str_of(pem);
    for (;;) {
        spoke_buf der = spoke_buf_from(memory, sizeof memory);
        const spoke_status status = cut_pem(&rest, &der);
        if (status == SPOKE_E_NOT_FOUND)
            return SPOKE_OK;
        if (status != SPOKE_OK || x509_read(spoke_buf_str(&der), &facts) != SPOKE_OK)
            return SPOKE_E_ARG;
        if (!each(ctx, spoke_buf_str(&der)))
            return SPOKE_OK;
    }
}

/* --- DER --- */

/* SEQUENCE with a length of one to three bytes (X.690 section 8.1.3): all that X509_MAX_BYTES needs. */
static size_t der_len(spoke_str der)
{
    const uint8_t *p = (const uint8_t *)der.ptr;
    if (der.len < 4 || p[0] != 0x30)
        return 0;
    if (p[1] < 0x80)
        return 2u + p[1];
    if (p[1] == 0x81)
        return 3u + p[2];
    return p[1] == 0x82 ? 4u + ((size_t)p[2] << 8 | p[3]) : 0;
}

bool x509_cut(spoke_str *chain, spoke_str *certificate)
{
    const size_t len = der_len(*chain);
    if (len == 0 || len > chain->len)
        return false;
    *certificate = spoke_str_from(chain->ptr, len);
    *chain = spoke_str_from(chain->ptr + len, chain->len - len);
    return true;
}

static bool digest(const mbedtls_x509_buf *name, uint8_t out[32])
{
    return crypto_sha256(spoke_str_from((const char *)name->p, name->len), out) == SPOKE_OK;
}

static const mbedtls_x509_name *next_common_name(const mbedtls_x509_name *name)
{
    while (name != NULL && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) != 0)
        name = name->next;
    return name;
}

/* Of several, an authority may have looked at another one than we would take. */
static void read_common_name(const mbedtls_x509_crt *certificate, struct x509_facts *out)
{
    const mbedtls_x509_name *name = next_common_name(&certificate->subject);
    if (name != NULL && next_common_name(name->next) != NULL)
        return;
    /* A NUL inside would make "device1\0.attacker" read as "device1". */
    if (name == NULL || name->val.len >= sizeof out->common_name ||
        memchr(name->val.p, '\0', name->val.len) != NULL)
        return;
    memcpy(out->common_name, name->val.p, name->val.len);
}

/* Adds the certificate at the end of a list. */
static bool parse(mbedtls_x509_crt *list, spoke_str der)
{
    return compat_start() && der.len > 0 && der.len <= X509_MAX_BYTES && der_len(der) == der.len &&
           mbedtls_x509_crt_parse_der(list, (const unsigned char *)der.ptr, der.len) == 0;
}

static bool is_authority(const mbedtls_x509_crt *certificate)
{
    return COMPAT_FIELD(certificate, ca_istrue) != 0 &&
           mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0;
}

spoke_status x509_read(spoke_str der, struct x509_facts *out)
{
    mbedtls_x509_crt certificate;
    memset(out, 0, sizeof *out);
    mbedtls_x509_crt_init(&certificate);
    const bool good = parse(&certificate, der) && digest(&certificate.subject_raw, out->subject) &&
                      digest(&certificate.issuer_raw, out->issuer);
    if (good) {
        read_common_name(&certificate, out);
        out->authority = is_authority(&certificate);
        out->from_s = tls_time(&certificate.valid_from);
        out->to_s = tls_time(&certificate.valid_to);
    }
    mbedtls_x509_crt_free(&certificate);
    return good ? SPOKE_OK : SPOKE_E_ARG;
}

/* --- judging --- */

struct judging {
    int64_t now_s;
    bool late, early, constrained;
};

/* Of a critical one, mbedTLS does not read the certificate. RFC 5280 section 4.2.1.10. */
static bool constrains_names(const mbedtls_x509_crt *certificate)
{
    static const unsigned char OID[] = {0x06, 0x03, 0x55, 0x1D, 0x1E};
    return certificate->v3_ext.len > 0 &&
           memmem(certificate->v3_ext.p, certificate->v3_ext.len, OID, sizeof OID) != NULL;
}

/* Every certificate of the chain, the authority too. mbedTLS's own view of the dates is of the machine's clock. */
static int look(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct judging *judging = ctx;
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    judging->late = judging->late || tls_time(&certificate->valid_to) < judging->now_s;
    judging->constrained = judging->constrained || (depth > 0 && constrains_names(certificate));
    judging->early = judging->early || tls_time(&certificate->valid_from) > judging->now_s;
    return 0;
}

static enum x509_verdict verdict_of(const struct judging *judging)
{
    if (judging->constrained)
        return X509_CONSTRAINED;
    return judging->late ? X509_EXPIRED : judging->early ? X509_NOT_YET_VALID : X509_TRUSTED;
}

static bool for_clients(const mbedtls_x509_crt *own)
{
    return COMPAT_FIELD(own, ca_istrue) == 0 &&
           mbedtls_x509_crt_check_key_usage(own, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
           mbedtls_x509_crt_check_extended_key_usage(own, MBEDTLS_OID_CLIENT_AUTH,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
}

static enum x509_verdict verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *authority, int64_t now_s)
{
    struct judging judging = {.now_s = now_s};
    uint32_t flags = 0;
    const int code = mbedtls_x509_crt_verify(chain, authority, NULL, NULL, &flags, look, &judging);
    if (code != 0 && code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return X509_TOO_DEEP; /* all that mbedTLS itself gives up at */
    return flags != 0 ? X509_UNTRUSTED : verdict_of(&judging);
}

static enum x509_verdict parse_chain(mbedtls_x509_crt *chain, spoke_str bytes)
{
    spoke_str one;
    size_t count = 0;
    while (x509_cut(&bytes, &one)) {
        if (++count > X509_MAX_CHAIN)
            return X509_TOO_DEEP;
        if (!parse(chain, one))
            return X509_UNREADABLE;
    }
    return count > 0 && bytes.len == 0 ? X509_TRUSTED : X509_UNREADABLE;
}

static enum x509_verdict judge(spoke_str chain, spoke_str authority, int64_t now_s, bool clients)
{
    mbedtls_x509_crt shown, trusted;
    mbedtls_x509_crt_init(&shown);
    mbedtls_x509_crt_init(&trusted);
    enum x509_verdict verdict = parse_chain(&shown, chain);
    if (verdict == X509_TRUSTED && !parse(&trusted, authority))
        verdict = X509_UNREADABLE;
    if (verdict == X509_TRUSTED)
        verdict = verify(&shown, &trusted, now_s);
    if (verdict == X509_TRUSTED && clients && !for_clients(&shown))
        verdict = X509_WRONG_USAGE;
    mbedtls_x509_crt_free(&trusted);
    mbedtls_x509_crt_free(&shown);
    return verdict;
}

enum x509_verdict x509_judge(spoke_str chain, spoke_str authority, int64_t now_s)
{
    return judge(chain, authority, now_s, true);
}

enum x509_verdict x509_judge_proof(spoke_str der, spoke_str authority, int64_t now_s)
{
    return judge(der, authority, now_s, false);
}

enum x509_verdict x509_judge_alone(spoke_str der, int64_t now_s)
{
    mbedtls_x509_crt own;
    uint32_t flags = 0;
    struct judging judging = {.now_s = now_s};
    mbedtls_x509_crt_init(&own);
    enum x509_verdict verdict = X509_UNREADABLE;
    if (parse(&own, der)) {
        (void)look(&judging, &own, 0, &flags);
        verdict = verdict_of(&judging);
    }
    if (verdict == X509_TRUSTED && !for_clients(&own))
        verdict = X509_WRONG_USAGE;
    mbedtls_x509_crt_free(&own);
    return verdict;
}
