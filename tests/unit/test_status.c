#include "support/support.h"

#include <string.h>

static const spoke_status all[] = {
#define STATUS(name, number, sentence) name,
    SPOKE_STATUS_LIST(STATUS)
#undef STATUS
};
#define ALL_COUNT (sizeof all / sizeof all[0])

static void each_status_has_a_name_and_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        assert_true(strncmp(spoke_status_name(all[i]), "SPOKE_", 6) == 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(spoke_status_name(all[i]), spoke_status_name(all[j]));
            assert_string_not_equal(spoke_status_text(all[i]), spoke_status_text(all[j]));
            assert_int_not_equal(all[i], all[j]);
        }
    }
}

static void errors_are_negative_and_success_is_zero(void **state)
{
    (void)state;
    assert_int_equal(SPOKE_OK, 0);
    for (size_t i = 1; i < ALL_COUNT; i++)
        assert_true(all[i] < 0);
}

static void names_are_spelled_as_in_the_program(void **state)
{
    (void)state;
    assert_string_equal(spoke_status_name(SPOKE_OK), "SPOKE_OK");
    assert_string_equal(spoke_status_name(SPOKE_E_TOO_SMALL), "SPOKE_E_TOO_SMALL");
    assert_string_equal(spoke_status_text(SPOKE_E_TOO_SMALL), "the output buffer is too small");
}

static void unknown_numbers_get_an_answer_too(void **state)
{
    (void)state;
    assert_string_equal(spoke_status_name((spoke_status)-999), "SPOKE_E_?");
    assert_string_equal(spoke_status_text((spoke_status)-999), "an unknown status");
    assert_string_equal(spoke_status_name(SPOKE_STATUS_INT32_), "SPOKE_E_?");
    assert_string_equal(spoke_status_text(SPOKE_STATUS_INT32_), "an unknown status");
    assert_string_equal(spoke_source_name((spoke_source)99), "unknown");
}

static void sources_have_names(void **state)
{
    (void)state;
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_CLIENT), "client");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_PORT), "port");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_TLS), "tls");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_MQTT), "mqtt");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_PROVISIONING), "provisioning");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_HUB), "hub");
    assert_string_equal(spoke_source_name(SPOKE_SOURCE_MODEL), "model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_a_name_and_a_sentence_of_its_own),
        cmocka_unit_test(errors_are_negative_and_success_is_zero),
        cmocka_unit_test(names_are_spelled_as_in_the_program),
        cmocka_unit_test(unknown_numbers_get_an_answer_too),
        cmocka_unit_test(sources_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
