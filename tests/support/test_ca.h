/* Certificates for tests, made in memory: an authority, and leaves of any name and validity under it.
 *
 *     struct test_ca *ca = test_ca_create("Test Root");
 *     struct test_cert server;
 *     test_ca_issue(ca, &(struct test_cert_options){.common_name = "localhost", .names = "localhost"}, &server);
 *     ... trust test_ca_pem(ca), serve server.cert_pem and server.key_pem ...
 *     test_ca_destroy(ca);
 *
 * Keys are P-256. What cannot be made fails the test that asked. */
#ifndef SPOKE_TESTS_TEST_CA_H
#define SPOKE_TESTS_TEST_CA_H

#include <stdbool.h>
#include <stddef.h>

struct test_cert_options {
    const char *common_name;
    const char *names; /* subject alternative names: "localhost,*.example,IP:127.0.0.1"; NULL: none */
    const char *not_before, *not_after; /* "20200101000000"; NULL: 2020 and 2090 */
    bool rsa;                           /* RSA-2048 instead; slow to make */
    const char *usage;                  /* extended key usage: "client" or "server"; NULL: none */
    bool constrained;                   /* names below it are constrained, by an extension that is not critical */
};

struct test_cert {
    char cert_pem[4096];
    char key_pem[2048];
};

struct test_ca;

struct test_ca *test_ca_create(const char *common_name);
/* One below another: an intermediate. Its names and usage count as a leaf's do. */
struct test_ca *test_ca_create_under(struct test_ca *above, const struct test_cert_options *options);
void test_ca_destroy(struct test_ca *ca); /* NULL is fine */
const char *test_ca_pem(const struct test_ca *ca);
void test_ca_issue(struct test_ca *ca, const struct test_cert_options *options, struct test_cert *out);
/* The DER of a PEM text's certificates, one after another. Its length. */
size_t test_cert_der(const char *pem, unsigned char *out, size_t cap);
void test_cert_self_signed(const struct test_cert_options *options, struct test_cert *out);

#endif
