/* Identifiers: their syntax, their parts, and what each version of the language allows. */
#include "support/support.h"

#include <string.h>

#include "model/dtmi.h"

static bool valid_in(const char *text, unsigned version)
{
    struct dtmi id;
    return dtmi_parse(spoke_str_of(text), &id) && dtmi_valid_in(&id, version);
}

static void an_identifier_is_taken_apart(void **state)
{
    (void)state;
    struct dtmi id;
    assert_true(dtmi_parse(SPOKE_STR("dtmi:com:example:Thermostat_2;12.345#part"), &id));
    assert_str(id.path, "com:example:Thermostat_2");
    assert_str(id.fragment, "#part");
    assert_int_equal(id.major, 12);
    assert_int_equal(id.minor, 345);
    assert_true(id.has_version && id.has_minor && id.has_fragment && !id.reserved);
    assert_str(dtmi_label(&id, 0), "com");
    assert_str(dtmi_label(&id, 2), "Thermostat_2");
    assert_int_equal(dtmi_label(&id, 3).len, 0);
}

static void labels_are_letters_digits_and_underscores_inside(void **state)
{
    (void)state;
    static const char *const good[] = {"dtmi:a;1", "dtmi:A:b_c:d9;1", "dtmi:a__b;1", "dtmi:a"};
    static const char *const bad[] = {"",          "dtmi",        "dtmi:",     "dtmi:;1",         "dtmi:a:;1",
                                      "dtmi::a;1", "dtmi:a_;1",   "dtmi:9;1",  "dtmi:a-b;1",      "dtmi:a b;1",
                                      "Dtmi:a;1",  " dtmi:a;1",   "dtmi:a;1 ", "dtmi:\xC3\xA4;1", "dtmi:a/b;1",
                                      "urn:a;1",   "dtmi:a:b;1:c"};
    struct dtmi id;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(dtmi_parse(spoke_str_of(good[i]), &id));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (dtmi_parse(spoke_str_of(bad[i]), &id))
            fail_msg("%s is taken", bad[i]);
}

static void versions_have_nine_and_six_digits_and_no_leading_zero(void **state)
{
    (void)state;
    struct dtmi id;
    static const char *const bad[] = {"dtmi:a;",      "dtmi:a;0",   "dtmi:a;01",   "dtmi:a;1234567890",
                                      "dtmi:a;1.",    "dtmi:a;1.0", "dtmi:a;1.01", "dtmi:a;1.1234567",
                                      "dtmi:a;1.2.3", "dtmi:a;-1",  "dtmi:a;+1",   "dtmi:a;1a",
                                      "dtmi:a;.1",    "dtmi:a;1;2"};
    assert_true(dtmi_parse(SPOKE_STR("dtmi:a;999999999.999999"), &id));
    assert_int_equal(id.major, 999999999);
    assert_int_equal(id.minor, 999999);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (dtmi_parse(spoke_str_of(bad[i]), &id))
            fail_msg("%s is taken", bad[i]);
}

static void version_two_wants_one_number_and_later_ones_take_any(void **state)
{
    (void)state;
    assert_true(valid_in("dtmi:a;1", 2));
    assert_false(valid_in("dtmi:a", 2));
    assert_false(valid_in("dtmi:a;1.2", 2));
    for (unsigned version = 3; version <= 4; version++)
        assert_true(valid_in("dtmi:a;1", version) && valid_in("dtmi:a", version) &&
                    valid_in("dtmi:a;1.2", version));
}

static void models_have_no_fragments_and_no_labels_of_the_language(void **state)
{
    (void)state;
    struct dtmi id;
    assert_true(dtmi_parse(SPOKE_STR("dtmi:a:_contents:__t;1"), &id));
    assert_true(id.reserved);
    for (unsigned version = 2; version <= 4; version++) {
        assert_false(valid_in("dtmi:a:_b;1", version));
        assert_false(valid_in("dtmi:a;1#b", version));
        assert_false(valid_in("dtmi:a;1#", version));
    }
}

static void every_beginning_of_an_identifier_is_read_within_its_bytes(void **state)
{
    (void)state;
    const char whole[] = "dtmi:ab:c_d;12.34#ef";
    for (size_t length = 0; length < sizeof whole; length++) {
        char *exact = test_malloc(length + 1);
        struct dtmi id;
        memcpy(exact, whole, length);
        (void)dtmi_parse(spoke_str_from(exact, length), &id);
        test_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identifier_is_taken_apart),
        cmocka_unit_test(labels_are_letters_digits_and_underscores_inside),
        cmocka_unit_test(versions_have_nine_and_six_digits_and_no_leading_zero),
        cmocka_unit_test(version_two_wants_one_number_and_later_ones_take_any),
        cmocka_unit_test(models_have_no_fragments_and_no_labels_of_the_language),
        cmocka_unit_test(every_beginning_of_an_identifier_is_read_within_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
