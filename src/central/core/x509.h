/* X.509 certificates as the service sees them: read from what people upload, described, and a device's chain held
 * against the authorities it may come from. The dates count by the caller's clock, not the machine's. */
#ifndef SPOKE_SRC_CENTRAL_X509_H
#define SPOKE_SRC_CENTRAL_X509_H

#include <spoke/base.h>

#define X509_MAX_BYTES 8192u /* one certificate as DER */
#define X509_MAX_CHAIN 6u    /* certificates that a device shows, its own first */
#define X509_MAX_CHAIN_BYTES 24576u

struct x509_facts {
    char common_name[SPOKE_MAX_ID_BYTES +
                     1];             /* of the subject; "": none, several, longer than an id, or with a NUL */
    bool authority;                  /* may sign other certificates */
    int64_t from_s, to_s;            /* validity, UTC seconds since 1970 */
    uint8_t subject[32], issuer[32]; /* SHA-256 of the names as they are encoded */
};

enum x509_verdict {
    X509_TRUSTED,
    X509_UNREADABLE,
    X509_TOO_DEEP,
    X509_UNTRUSTED,
    X509_EXPIRED,
    X509_NOT_YET_VALID,
    X509_CONSTRAINED,
    X509_WRONG_USAGE
};
const char *x509_verdict_text(enum x509_verdict verdict); /* a clause: "the certificate has expired" */

/* One certificate out of text: PEM, or the base64 of PEM or DER. Appends its DER. E_ARG: it is none, or there is more
 * than one; E_TOO_LARGE; E_TOO_SMALL: no room. */
spoke_status x509_decode(spoke_str text, spoke_buf *der);
/* Each certificate of a PEM file, to `each` as DER; false stops. E_ARG: one that cannot be read. */
spoke_status x509_decode_each(const char *pem, bool (*each)(void *ctx, spoke_str der), void *ctx);
/* E_ARG: not a certificate, or something stands behind it. */
spoke_status x509_read(spoke_str der, struct x509_facts *out);
/* Cuts the first certificate off a row of them. False: there is none any more, or no whole one. */
bool x509_cut(spoke_str *chain, spoke_str *certificate);

/* Does the chain (DER, the device's own certificate first) lead to this authority, which need not be a root, with every
 * signature, date and usage in order? */
enum x509_verdict x509_judge(spoke_str chain, spoke_str authority, int64_t now_s);
/* A device's own certificate alone, known by its digest: dates and usage. */
enum x509_verdict x509_judge_alone(spoke_str der, int64_t now_s);
/* Did the authority sign this certificate, and is it in its time? For proof of possession: any usage will do. */
enum x509_verdict x509_judge_proof(spoke_str der, spoke_str authority, int64_t now_s);

#endif
