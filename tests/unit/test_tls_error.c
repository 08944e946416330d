#include "support/support.h"

#include <string.h>

#include "tls/mbedtls_compat.h"
#include "tls/tls_error.h"

static spoke_error of_code(int code)
{
    return tls_error_from(&(struct tls_failure){.code = code, .handshake = true});
}

static spoke_error of_verdict(uint32_t verdict)
{
    return tls_error_from(
        &(struct tls_failure){.code = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, .verdict = verdict, .handshake = true});
}

static const char *of_alert(unsigned alert, bool server)
{
    return tls_error_from(&(struct tls_failure){.code = MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE,
                                                .alert = alert,
                                                .handshake = true,
                                                .server = server})
        .text;
}

static void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void every_verdict_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    static const uint32_t verdicts[] = {MBEDTLS_X509_BADCERT_FUTURE,      MBEDTLS_X509_BADCERT_EXPIRED,
                                        MBEDTLS_X509_BADCERT_REVOKED,     MBEDTLS_X509_BADCERT_NOT_TRUSTED,
                                        MBEDTLS_X509_BADCERT_CN_MISMATCH, MBEDTLS_X509_BADCERT_BAD_KEY,
                                        MBEDTLS_X509_BADCERT_KEY_USAGE,   MBEDTLS_X509_BADCERT_OTHER};
    const size_t count = sizeof verdicts / sizeof verdicts[0];
    for (size_t i = 0; i < count; i++) {
        const spoke_error error = of_verdict(verdicts[i]);
        assert_int_equal(error.status, SPOKE_E_CERTIFICATE);
        assert_int_equal(error.source, SPOKE_SOURCE_TLS);
        assert_int_equal(error.detail, verdicts[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(error.text, of_verdict(verdicts[k]).text);
    }
}

static void the_clock_is_suspected_before_the_issuer(void **state)
{
    (void)state;
    assert_says(of_verdict(MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_NOT_TRUSTED).text,
                "check the device's clock");
    assert_says(of_verdict(MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_CN_MISMATCH).text,
                "unknown issuer");
}

static void weak_keys_and_signatures_share_a_sentence(void **state)
{
    (void)state;
    assert_says(of_verdict(MBEDTLS_X509_BADCERT_BAD_MD).text, "weak key or signature");
    assert_says(of_verdict(MBEDTLS_X509_BADCERT_BAD_PK).text, "weak key or signature");
}

static void a_certificate_that_cannot_be_read_is_a_certificate_error(void **state)
{
    (void)state;
    static const int codes[] = {COMPAT_ERR_CERTIFICATE, MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE,
                                MBEDTLS_ERR_X509_INVALID_FORMAT + MBEDTLS_ERR_ASN1_OUT_OF_DATA,
                                MBEDTLS_ERR_X509_BUFFER_TOO_SMALL};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(of_code(codes[i]).status, SPOKE_E_CERTIFICATE);
        assert_says(of_code(codes[i]).text, "cannot be read");
    }
}

static void a_verification_that_broke_down_is_a_tls_error(void **state)
{
    (void)state;
    assert_int_equal(of_code(MBEDTLS_ERR_X509_FATAL_ERROR).status, SPOKE_E_TLS);
}

static void alerts_say_whose_certificate_was_refused(void **state)
{
    (void)state;
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA, false), "refused this device's certificate");
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA, true), "refused this server's certificate");
}

static void alerts_say_what_to_check(void **state)
{
    (void)state;
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE, false), "cipher suite");
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION, false), "TLS 1.2");
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME, false), "host");
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC, false), "changed the bytes");
    assert_says(of_alert(MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, false), "look at its log");
}

static void lack_of_memory_is_seen_in_every_module(void **state)
{
    (void)state;
    static const int codes[] = {MBEDTLS_ERR_SSL_ALLOC_FAILED,
                                MBEDTLS_ERR_X509_ALLOC_FAILED,
                                MBEDTLS_ERR_PK_ALLOC_FAILED,
                                MBEDTLS_ERR_MD_ALLOC_FAILED,
                                MBEDTLS_ERR_CIPHER_ALLOC_FAILED,
                                MBEDTLS_ERR_MPI_ALLOC_FAILED,
                                MBEDTLS_ERR_ECP_ALLOC_FAILED,
                                MBEDTLS_ERR_PEM_ALLOC_FAILED,
                                MBEDTLS_ERR_X509_INVALID_FORMAT + MBEDTLS_ERR_ASN1_ALLOC_FAILED};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_true(tls_error_is_memory(codes[i]));
        assert_int_equal(of_code(codes[i]).status, SPOKE_E_TLS);
        assert_says(of_code(codes[i]).text, "larger heap");
    }
    assert_false(tls_error_is_memory(0));
    assert_false(tls_error_is_memory(MBEDTLS_ERR_SSL_INVALID_MAC));
}

static void ends_of_the_connection_are_network_errors(void **state)
{
    (void)state;
    assert_int_equal(of_code(MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY).status, SPOKE_E_NET);
    assert_int_equal(of_code(MBEDTLS_ERR_SSL_CONN_EOF).status, SPOKE_E_NET);
    assert_int_equal(of_code(MBEDTLS_ERR_NET_CONN_RESET).status, SPOKE_E_NET);
}

static void a_number_nobody_foresaw_still_has_a_sentence(void **state)
{
    (void)state;
    const spoke_error error = of_code(MBEDTLS_ERR_SSL_INTERNAL_ERROR);
    assert_int_equal(error.status, SPOKE_E_TLS);
    assert_int_equal(error.detail, MBEDTLS_ERR_SSL_INTERNAL_ERROR);
    assert_says(error.text, "see detail");
    assert_int_equal(of_code(0).status, SPOKE_OK);
    assert_non_null(of_code(0).text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_has_a_sentence_of_its_own),
        cmocka_unit_test(the_clock_is_suspected_before_the_issuer),
        cmocka_unit_test(weak_keys_and_signatures_share_a_sentence),
        cmocka_unit_test(a_certificate_that_cannot_be_read_is_a_certificate_error),
        cmocka_unit_test(a_verification_that_broke_down_is_a_tls_error),
        cmocka_unit_test(alerts_say_whose_certificate_was_refused),
        cmocka_unit_test(alerts_say_what_to_check),
        cmocka_unit_test(lack_of_memory_is_seen_in_every_module),
        cmocka_unit_test(ends_of_the_connection_are_network_errors),
        cmocka_unit_test(a_number_nobody_foresaw_still_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
