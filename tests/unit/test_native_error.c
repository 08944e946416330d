#include "support/support.h"

#include <string.h>

#include "transport/native_error.h"

static void check(spoke_error error, spoke_status status, spoke_source source, int32_t detail)
{
    assert_int_equal(error.status, status);
    assert_int_equal(error.source, source);
    assert_int_equal(error.detail, detail);
    assert_non_null(error.text);
    assert_true(strlen(error.text) > 10 || status == SPOKE_OK);
}

static void a_close_that_was_asked_for_is_no_error(void **state)
{
    (void)state;
    check(native_error_none(), SPOKE_OK, SPOKE_SOURCE_CLIENT, 0);
}

static void each_stage_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    const char *texts[2][NATIVE_STAGE_OPEN + 1];
    for (int i = 0; i <= NATIVE_STAGE_OPEN; i++) {
        const spoke_error lost = native_error_link((enum native_stage)i, SPOKE_E_NET, 104);
        check(lost, SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
        texts[0][i] = lost.text;
        texts[1][i] = native_error_timeout((enum native_stage)i).text;
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(texts[0][i], texts[0][j]);
            assert_true(i == NATIVE_STAGE_OPEN || strcmp(texts[1][i], texts[1][j]) != 0);
        }
    }
}

static void a_timeout_names_who_was_silent(void **state)
{
    (void)state;
    check(native_error_timeout(NATIVE_STAGE_DNS), SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0);
    check(native_error_timeout(NATIVE_STAGE_TCP), SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0);
    check(native_error_timeout(NATIVE_STAGE_TLS), SPOKE_E_TIMEOUT, SPOKE_SOURCE_TLS, 0);
    check(native_error_timeout(NATIVE_STAGE_CONNACK), SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0);
}

static void the_session_speaks_for_itself(void **state)
{
    (void)state;
    check(native_error_session(SPOKE_E_TIMEOUT), SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0);
    check(native_error_session(SPOKE_E_PROTOCOL), SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, 0);
    check(native_error_session(SPOKE_E_STATE), SPOKE_E_STATE, SPOKE_SOURCE_MQTT, 0);
}

static void each_refusal_has_its_code_and_a_sentence(void **state)
{
    (void)state;
    const char *previous = "";
    for (uint8_t code = 1; code <= 6; code++) {
        const spoke_error error = native_error_refused(code);
        check(error, SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, code);
        assert_string_not_equal(error.text, previous);
        previous = error.text;
    }
    check(native_error_refused(255), SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_that_was_asked_for_is_no_error),
        cmocka_unit_test(each_stage_has_a_sentence_of_its_own),
        cmocka_unit_test(a_timeout_names_who_was_silent),
        cmocka_unit_test(the_session_speaks_for_itself),
        cmocka_unit_test(each_refusal_has_its_code_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
