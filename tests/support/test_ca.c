#include "test_ca.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "support.h"

#define NAME_BYTES 256
/* Context tags of a GeneralName (RFC 5280 section 4.2.1.6). */
#define TAG_DNS 2
#define TAG_IP 7

struct test_ca {
    mbedtls_pk_context key;
    char name[NAME_BYTES];
    struct test_cert own;
    unsigned char serial;
};

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static void make_key(mbedtls_pk_context *key, bool rsa)
{
    mbedtls_pk_init(key);
    assert_int_equal(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY)), 0);
    if (rsa)
        assert_int_equal(mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), random_bytes, NULL, 2048, 65537), 0);
    else
        assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), random_bytes, NULL),
                         0);
}

/* --- subject alternative names --- */

static int write_name(unsigned char **at, unsigned char *start, const char *name)
{
    unsigned char address[4];
    const bool ip = strncmp(name, "IP:", 3) == 0;
    if (ip)
        assert_int_equal(inet_pton(AF_INET, name + 3, address), 1);
    const unsigned char *bytes = ip ? address : (const unsigned char *)name;
    const size_t len = ip ? sizeof address : strlen(name);
    const unsigned char tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | (ip ? TAG_IP : TAG_DNS);
    return mbedtls_asn1_write_raw_buffer(at, start, bytes, len) + mbedtls_asn1_write_len(at, start, len) +
           mbedtls_asn1_write_tag(at, start, tag);
}

static void add_names(mbedtls_x509write_cert *cert, const char *names)
{
    unsigned char der[512];
    unsigned char *at = der + sizeof der;
    char list[NAME_BYTES];
    char *rest = NULL;
    int len = 0;
    assert_true(strlen(names) < sizeof list);
    memcpy(list, names, strlen(names) + 1);
    for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
        len += write_name(&at, der, name);
    len += mbedtls_asn1_write_len(&at, der, (size_t)len);
    len += mbedtls_asn1_write_tag(&at, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    assert_int_equal(mbedtls_x509write_crt_set_extension(cert, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, at,
                                                         (size_t)len),
                     0);
}

/* --- certificates --- */

struct request {
    const struct test_cert_options *options;
    const char *issuer;
    mbedtls_pk_context *key, *issuer_key;
    unsigned char serial;
    bool authority;
};

static void set_serial(mbedtls_x509write_cert *cert, unsigned char serial)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
    assert_int_equal(mbedtls_x509write_crt_set_serial_raw(cert, &serial, 1), 0);
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    assert_int_equal(mbedtls_mpi_lset(&number, serial), 0);
    assert_int_equal(mbedtls_x509write_crt_set_serial(cert, &number), 0);
    mbedtls_mpi_free(&number);
#endif
}

static void subject_of(const char *common_name, char out[NAME_BYTES])
{
    assert_true(snprintf(out, NAME_BYTES, "CN=%s", common_name) < NAME_BYTES);
}

static void add_usage(mbedtls_x509write_cert *cert, const char *usage)
{
    /* SEQUENCE { id-kp-serverAuth or id-kp-clientAuth } (RFC 5280 section 4.2.1.12) */
    unsigned char der[] = {0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
    if (strcmp(usage, "client") == 0)
        der[sizeof der - 1] = 0x02;
    assert_int_equal(mbedtls_x509write_crt_set_extension(cert, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, der,
                                                         sizeof der),
                     0);
}

static void add_constraint(mbedtls_x509write_cert *cert)
{
    /* NameConstraints { excludedSubtrees { dNSName "x" } } (RFC 5280 section 4.2.1.10) */
    static const unsigned char DER[] = {0x30, 0x07, 0xA1, 0x05, 0x30, 0x03, 0x82, 0x01, 0x78};
    assert_int_equal(mbedtls_x509write_crt_set_extension(cert, "\x55\x1D\x1E", 3, 0, DER, sizeof DER), 0);
}

static void write_pem(const struct request *request, struct test_cert *out)
{
    const struct test_cert_options *options = request->options;
    const char *from = options->not_before != NULL ? options->not_before : "20200101000000";
    const char *to = options->not_after != NULL ? options->not_after : "20900101000000";
    char subject[NAME_BYTES];
    subject_of(options->common_name, subject);

    mbedtls_x509write_cert cert;
    mbedtls_x509write_crt_init(&cert);
    mbedtls_x509write_crt_set_version(&cert, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&cert, MBEDTLS_MD_SHA256);
    set_serial(&cert, request->serial);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&cert, subject), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&cert, request->issuer), 0);
    assert_int_equal(mbedtls_x509write_crt_set_validity(&cert, from, to), 0);
    mbedtls_x509write_crt_set_subject_key(&cert, request->key);
    mbedtls_x509write_crt_set_issuer_key(&cert, request->issuer_key);
    assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&cert, request->authority, -1), 0);
    if (options->names != NULL)
        add_names(&cert, options->names);
    if (options->usage != NULL)
        add_usage(&cert, options->usage);
    if (options->constrained)
        add_constraint(&cert);
    assert_int_equal(
        mbedtls_x509write_crt_pem(&cert, (unsigned char *)out->cert_pem, sizeof out->cert_pem, random_bytes, NULL),
        0);
    mbedtls_x509write_crt_free(&cert);
    assert_int_equal(mbedtls_pk_write_key_pem(request->key, (unsigned char *)out->key_pem, sizeof out->key_pem),
                     0);
}

struct test_ca *test_ca_create(const char *common_name)
{
    struct test_ca *ca = calloc(1, sizeof *ca);
    assert_non_null(ca);
    make_key(&ca->key, false);
    subject_of(common_name, ca->name);
    ca->serial = 1;
    const struct test_cert_options options = {.common_name = common_name};
    write_pem(&(struct request){&options, ca->name, &ca->key, &ca->key, ca->serial, true}, &ca->own);
    return ca;
}

struct test_ca *test_ca_create_under(struct test_ca *above, const struct test_cert_options *options)
{
    struct test_ca *ca = calloc(1, sizeof *ca);
    assert_non_null(ca);
    make_key(&ca->key, options->rsa);
    subject_of(options->common_name, ca->name);
    ca->serial = 1;
    above->serial++;
    write_pem(&(struct request){options, above->name, &ca->key, &above->key, above->serial, true}, &ca->own);
    return ca;
}

size_t test_cert_der(const char *pem, unsigned char *out, size_t cap)
{
    mbedtls_x509_crt list;
    size_t len = 0;
    mbedtls_x509_crt_init(&list);
    assert_int_equal(mbedtls_x509_crt_parse(&list, (const unsigned char *)pem, strlen(pem) + 1), 0);
    for (const mbedtls_x509_crt *at = &list; at != NULL; at = at->next) {
        assert_true(at->raw.len <= cap - len);
        memcpy(out + len, at->raw.p, at->raw.len);
        len += at->raw.len;
    }
    mbedtls_x509_crt_free(&list);
    return len;
}

void test_ca_destroy(struct test_ca *ca)
{
    if (ca == NULL)
        return;
    mbedtls_pk_free(&ca->key);
    free(ca);
}

const char *test_ca_pem(const struct test_ca *ca)
{
    return ca->own.cert_pem;
}

void test_ca_issue(struct test_ca *ca, const struct test_cert_options *options, struct test_cert *out)
{
    mbedtls_pk_context key;
    make_key(&key, options->rsa);
    ca->serial++;
    write_pem(&(struct request){options, ca->name, &key, &ca->key, ca->serial, false}, out);
    mbedtls_pk_free(&key);
}

void test_cert_self_signed(const struct test_cert_options *options, struct test_cert *out)
{
    mbedtls_pk_context key;
    char subject[NAME_BYTES];
    make_key(&key, options->rsa);
    subject_of(options->common_name, subject);
    write_pem(&(struct request){options, subject, &key, &key, 1, false}, out);
    mbedtls_pk_free(&key);
}
