/* Certificates: what people upload is read, and a chain is held against an authority at a given time. */
#include "support/support.h"
#include "support/test_ca.h"

#include <base/base64.h>
#include <central/core/x509.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1772600767) /* 2026-03-04T05:06:07Z */

static struct test_ca *ca;

static int make_ca(void **state)
{
    (void)state;
    ca = test_ca_create("Factory Root");
    return 0;
}

static int drop_ca(void **state)
{
    (void)state;
    test_ca_destroy(ca);
    return 0;
}

static spoke_str der_of(const char *pem)
{
    static unsigned char memory[4][16384];
    static unsigned turn;
    unsigned char *out = memory[turn++ % 4];
    return spoke_str_from((const char *)out, test_cert_der(pem, out, sizeof memory[0]));
}

static spoke_str leaf_of(struct test_ca *issuer, struct test_cert_options options, const char *above)
{
    static char pem[24576];
    struct test_cert leaf;
    options.common_name = "pump-1";
    test_ca_issue(issuer, &options, &leaf);
    (void)snprintf(pem, sizeof pem, "%s%s", leaf.cert_pem, above != NULL ? above : "");
    return der_of(pem);
}

#define LEAF(...) leaf_of(ca, (struct test_cert_options){__VA_ARGS__}, NULL)

static enum x509_verdict judged(spoke_str chain)
{
    return x509_judge(chain, der_of(test_ca_pem(ca)), NOW);
}

/* --- reading --- */

static spoke_status decoded(const char *text, spoke_buf *out)
{
    static uint8_t memory[X509_MAX_BYTES];
    *out = spoke_buf_from(memory, sizeof memory);
    return x509_decode(spoke_str_of(text), out);
}

static void pem_and_base64_of_pem_and_of_der_are_the_same_certificate(void **state)
{
    (void)state;
    char text[16384];
    spoke_buf out, encoded = spoke_buf_from(text, sizeof text - 1);
    const spoke_str der = der_of(test_ca_pem(ca));
    assert_ok(decoded(test_ca_pem(ca), &out));
    assert_true(spoke_str_equal(spoke_buf_str(&out), der));
    assert_ok(base64_encode(der, &encoded));
    text[encoded.len] = '\0';
    assert_ok(decoded(text, &out));
    assert_true(spoke_str_equal(spoke_buf_str(&out), der));
    encoded.len = 0;
    assert_ok(base64_encode(spoke_str_of(test_ca_pem(ca)), &encoded));
    text[encoded.len] = '\0';
    assert_ok(decoded(text, &out));
    assert_true(spoke_str_equal(spoke_buf_str(&out), der));
}

static void what_is_no_certificate_is_refused(void **state)
{
    static const char *const TEXTS[] = {"",
                                        "x",
                                        "AAAA",
                                        "MIIB",
                                        "-----BEGIN CERTIFICATE-----",
                                        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"};
    spoke_buf out;
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        assert_int_equal(decoded(TEXTS[i], &out), SPOKE_E_ARG);
}

static void two_certificates_are_not_one(void **state)
{
    char text[8192];
    spoke_buf out;
    (void)state;
    (void)snprintf(text, sizeof text, "%s%s", test_ca_pem(ca), test_ca_pem(ca));
    assert_int_equal(decoded(text, &out), SPOKE_E_ARG);
}

static void each_truncation_and_a_byte_too_many_are_refused(void **state)
{
    struct x509_facts facts;
    (void)state;
    const spoke_str der = der_of(test_ca_pem(ca));
    char *copy = malloc(der.len + 1);
    memcpy(copy, der.ptr, der.len);
    copy[der.len] = 0;
    assert_ok(x509_read(spoke_str_from(copy, der.len), &facts));
    for (size_t len = 0; len < der.len; len++) {
        char *exact = malloc(len + (len == 0)); /* so that a read beyond is seen */
        memcpy(exact, copy, len);
        assert_int_equal(x509_read(spoke_str_from(exact, len), &facts), SPOKE_E_ARG);
        free(exact);
    }
    assert_int_equal(x509_read(spoke_str_from(copy, der.len + 1), &facts), SPOKE_E_ARG);
    free(copy);
}

static void a_certificate_is_described(void **state)
{
    struct x509_facts authority, leaf;
    (void)state;
    assert_ok(x509_read(der_of(test_ca_pem(ca)), &authority));
    assert_ok(x509_read(LEAF(.not_after = "20270101000000"), &leaf));
    assert_string_equal(authority.common_name, "Factory Root");
    assert_string_equal(leaf.common_name, "pump-1");
    assert_true(authority.authority);
    assert_false(leaf.authority);
    assert_memory_equal(leaf.issuer, authority.subject, 32);
    assert_int_equal(leaf.to_s, 1798761600);
    assert_int_equal(leaf.from_s, 1577836800);
}

/* --- judging --- */

static void a_leaf_of_the_authority_is_trusted(void **state)
{
    (void)state;
    assert_int_equal(judged(LEAF(0)), X509_TRUSTED);
    assert_int_equal(judged(LEAF(.usage = "client")), X509_TRUSTED);
}

static void an_authority_of_the_same_name_is_another_one(void **state)
{
    (void)state;
    struct test_ca *stranger = test_ca_create("Factory Root");
    assert_int_equal(judged(leaf_of(stranger, (struct test_cert_options){0}, NULL)), X509_UNTRUSTED);
    test_ca_destroy(stranger);
}

static void dates_count_by_the_given_clock(void **state)
{
    (void)state;
    assert_int_equal(judged(LEAF(.not_after = "20260304050606")), X509_EXPIRED);
    assert_int_equal(judged(LEAF(.not_after = "20260304050607")), X509_TRUSTED);
    assert_int_equal(judged(LEAF(.not_before = "20260304050608")), X509_NOT_YET_VALID);
    assert_int_equal(judged(LEAF(.not_before = "20260304050607")), X509_TRUSTED);
}

static void a_certificate_of_a_server_or_of_an_authority_is_for_no_client(void **state)
{
    (void)state;
    assert_int_equal(judged(LEAF(.usage = "server")), X509_WRONG_USAGE);
    struct test_ca *below = test_ca_create_under(ca, &(struct test_cert_options){.common_name = "pump-1"});
    assert_int_equal(judged(der_of(test_ca_pem(below))), X509_WRONG_USAGE);
    assert_int_equal(judged(der_of(test_ca_pem(ca))), X509_WRONG_USAGE);
    test_ca_destroy(below);
}

static void a_chain_leads_over_intermediates_which_have_to_be_shown(void **state)
{
    (void)state;
    struct test_ca *line = test_ca_create_under(ca, &(struct test_cert_options){.common_name = "Line 1"});
    assert_int_equal(judged(leaf_of(line, (struct test_cert_options){0}, test_ca_pem(line))), X509_TRUSTED);
    assert_int_equal(judged(leaf_of(line, (struct test_cert_options){0}, NULL)), X509_UNTRUSTED);
    assert_int_equal(
        x509_judge(leaf_of(line, (struct test_cert_options){0}, NULL), der_of(test_ca_pem(line)), NOW),
        X509_TRUSTED);
    test_ca_destroy(line);
}

static void an_intermediate_that_has_expired_spoils_the_chain(void **state)
{
    (void)state;
    struct test_ca *line = test_ca_create_under(
        ca, &(struct test_cert_options){.common_name = "Line 1", .not_after = "20250101000000"});
    assert_int_equal(judged(leaf_of(line, (struct test_cert_options){0}, test_ca_pem(line))), X509_EXPIRED);
    test_ca_destroy(line);
}

static void a_certificate_of_several_common_names_has_none(void **state)
{
    struct test_cert leaf;
    struct x509_facts facts;
    (void)state;
    test_ca_issue(ca, &(struct test_cert_options){.common_name = "pump-1,OU=pump-2"}, &leaf);
    const spoke_str der = der_of(leaf.cert_pem);
    assert_ok(x509_read(der, &facts));
    assert_string_equal(facts.common_name, "pump-1");
    unsigned char *unit =
        memmem(der.ptr, der.len, "\x55\x04\x0B", 3); /* that of the unit becomes a common name's */
    assert_non_null(unit);
    unit[2] = 0x03;
    assert_ok(x509_read(der, &facts));
    assert_string_equal(facts.common_name, "");
}

static void an_authority_that_constrains_names_spoils_the_chain(void **state)
{
    (void)state;
    struct test_ca *line =
        test_ca_create_under(ca, &(struct test_cert_options){.common_name = "Line 1", .constrained = true});
    const spoke_str whole = leaf_of(line, (struct test_cert_options){0}, test_ca_pem(line));
    assert_int_equal(judged(whole), X509_CONSTRAINED);
    assert_int_equal(
        x509_judge(leaf_of(line, (struct test_cert_options){0}, NULL), der_of(test_ca_pem(line)), NOW),
        X509_CONSTRAINED);
    test_ca_destroy(line);
}

static void a_leaf_signs_no_other(void **state)
{
    (void)state;
    struct test_cert pretender;
    test_ca_issue(ca, &(struct test_cert_options){.common_name = "pretender"}, &pretender);
    /* what the holder of a device's key can make: a certificate in the name of another one below its own */
    struct test_ca *forged = test_ca_create("pretender");
    assert_int_equal(judged(leaf_of(forged, (struct test_cert_options){0}, pretender.cert_pem)), X509_UNTRUSTED);
    test_ca_destroy(forged);
}

static void a_chain_too_long_is_refused(void **state)
{
    (void)state;
    struct test_ca *above = NULL;
    char pem[12288] = "", rest[12288];
    struct test_ca *line[X509_MAX_CHAIN];
    above = ca;
    for (unsigned i = 0; i < X509_MAX_CHAIN; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "Line %u", i);
        line[i] = test_ca_create_under(above, &(struct test_cert_options){.common_name = name});
        above = line[i];
        if (i == X509_MAX_CHAIN - 1) {
            assert_int_equal(judged(leaf_of(line[i - 1], (struct test_cert_options){0}, pem)), X509_TRUSTED);
            assert_int_equal(
                judged(leaf_of(line[i], (struct test_cert_options){0},
                               (snprintf(rest, sizeof rest, "%s%s", test_ca_pem(line[i]), pem), rest))),
                X509_TOO_DEEP);
        }
        (void)snprintf(rest, sizeof rest, "%s%s", test_ca_pem(line[i]), pem);
        memcpy(pem, rest, sizeof pem);
    }
    for (unsigned i = 0; i < X509_MAX_CHAIN; i++)
        test_ca_destroy(line[i]);
}

static void a_broken_chain_is_unreadable(void **state)
{
    (void)state;
    const spoke_str leaf = LEAF(0);
    assert_int_equal(judged(spoke_str_from(leaf.ptr, 0)), X509_UNREADABLE);
    assert_int_equal(judged(spoke_str_from(leaf.ptr, leaf.len - 1)), X509_UNREADABLE);
    assert_int_equal(judged(SPOKE_STR("\x30\x03\x01\x01\x00")), X509_UNREADABLE);
}

static void a_certificate_alone_is_judged_by_date_and_usage(void **state)
{
    struct test_cert own;
    (void)state;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "pump-1"}, &own);
    assert_int_equal(x509_judge_alone(der_of(own.cert_pem), NOW), X509_TRUSTED);
    test_cert_self_signed(&(struct test_cert_options){.common_name = "pump-1", .not_after = "20250101000000"},
                          &own);
    assert_int_equal(x509_judge_alone(der_of(own.cert_pem), NOW), X509_EXPIRED);
    assert_int_equal(x509_judge_alone(der_of(test_ca_pem(ca)), NOW), X509_WRONG_USAGE);
    assert_int_equal(x509_judge_alone(SPOKE_STR("x"), NOW), X509_UNREADABLE);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, make_ca, drop_ca)
    const struct CMUnitTest tests[] = {
        CLAIM(pem_and_base64_of_pem_and_of_der_are_the_same_certificate),
        CLAIM(what_is_no_certificate_is_refused),
        CLAIM(two_certificates_are_not_one),
        CLAIM(each_truncation_and_a_byte_too_many_are_refused),
        CLAIM(a_certificate_is_described),
        CLAIM(a_leaf_of_the_authority_is_trusted),
        CLAIM(an_authority_of_the_same_name_is_another_one),
        CLAIM(dates_count_by_the_given_clock),
        CLAIM(a_certificate_of_a_server_or_of_an_authority_is_for_no_client),
        CLAIM(a_chain_leads_over_intermediates_which_have_to_be_shown),
        CLAIM(an_intermediate_that_has_expired_spoils_the_chain),
        CLAIM(a_certificate_of_several_common_names_has_none),
        CLAIM(an_authority_that_constrains_names_spoils_the_chain),
        CLAIM(a_leaf_signs_no_other),
        CLAIM(a_chain_too_long_is_refused),
        CLAIM(a_broken_chain_is_unreadable),
        CLAIM(a_certificate_alone_is_judged_by_date_and_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
