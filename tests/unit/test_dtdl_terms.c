/* The words of the language: found by name and by identifier, in the contexts that define them, and guessed. */
#include "support/support.h"

#include <string.h>

#include "model/dtdl_terms.h"

static void a_word_is_found_where_a_context_defines_it(void **state)
{
    (void)state;
    assert_int_equal(term_find(SPOKE_STR("double"), TERM_SCHEMA, V2)->index, DTDL_DOUBLE);
    assert_int_equal(term_find(SPOKE_STR("unsignedLong"), TERM_SCHEMA, V4)->index, DTDL_UNSIGNED_LONG);
    assert_null(term_find(SPOKE_STR("unsignedLong"), TERM_SCHEMA, V2 | V3));
    assert_null(term_find(SPOKE_STR("double"), TERM_CLASS, V2));
    assert_int_equal(term_find(SPOKE_STR("Temperature"), TERM_SEMANTIC, QT2)->index, UNIT_TYPE_TEMPERATURE_UNIT);
    assert_null(term_find(SPOKE_STR("Temperature"), TERM_ANY, V3));
    assert_null(term_find(SPOKE_STR("telemetry"), TERM_ANY, UINT32_MAX));
    assert_null(term_find(SPOKE_STR(""), TERM_ANY, UINT32_MAX));
    assert_null(term_find(SPOKE_STR("Telemetr"), TERM_ANY, UINT32_MAX));
    assert_null(term_find(SPOKE_STR("Telemetryx"), TERM_ANY, UINT32_MAX));
}

static void a_word_with_two_meanings_is_told_apart_by_kind(void **state)
{
    (void)state;
    assert_int_equal(term_find(SPOKE_STR("byte"), TERM_SCHEMA, V4 | QT2)->index, DTDL_BYTE);
    assert_int_equal(term_find(SPOKE_STR("byte"), TERM_UNIT, V4 | QT2)->index, UNIT_TYPE_DATA_SIZE_UNIT);
}

static void the_long_form_of_a_word_says_its_context(void **state)
{
    (void)state;
    static const struct {
        const char *dtmi;
        unsigned kinds;
        uint32_t context;
        const char *name;
    } words[] = {
        {"dtmi:dtdl:class:Telemetry;2", TERM_CLASS, V2, "Telemetry"},
        {"dtmi:dtdl:class:Telemetry;4", TERM_CLASS, V4, "Telemetry"},
        {"dtmi:dtdl:property:contents;3", TERM_PROPERTY, V3, "contents"},
        {"dtmi:dtdl:instance:Schema:double;3", TERM_SCHEMA, V3, "double"},
        {"dtmi:dtdl:instance:CommandType:synchronous;2", TERM_COMMAND_TYPE, V2, "synchronous"},
        {"dtmi:standard:class:Temperature;2", TERM_SEMANTIC, V2, "Temperature"},
        {"dtmi:standard:unit:kelvin;2", TERM_UNIT, V2, "kelvin"},
        {"dtmi:standard:schema:geospatial:point;3", TERM_STANDARD, V3, "point"},
        {"dtmi:iotcentral:schema:vector;2", TERM_STANDARD, CEN, "vector"},
        {"dtmi:dtdl:extension:quantitativeTypes:v1:class:Temperature", TERM_SEMANTIC, QT1, "Temperature"},
        {"dtmi:dtdl:extension:quantitativeTypes:v2:unit:kelvin", TERM_UNIT, QT2, "kelvin"},
        {"dtmi:dtdl:extension:quantitativeTypes:v1:enum:TemperatureUnit", TERM_UNIT_TYPE, QT1, "TemperatureUnit"},
        {"dtmi:dtdl:extension:mqtt:v3:Idempotent", TERM_TYPE, MQ3, "Idempotent"},
        {"dtmi:dtdl:extension:mqtt:v3:Cacheable:ttl", TERM_PROPERTY, MQ3, "ttl"},
        {"dtmi:dtdl:extension:requirement:v1:Required", TERM_TYPE, RQ1, "Required"},
        {"dtmi:iotoperations:class:Limited;4", TERM_TYPE, OPS, "Limited"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        uint32_t context = 0;
        const struct term *term = term_by_dtmi(spoke_str_of(words[i].dtmi), words[i].kinds, &context);
        if (term == NULL || strcmp(term->name, words[i].name) != 0 || context != words[i].context)
            fail_msg("%s is %s", words[i].dtmi, term != NULL ? term->name : "unknown");
    }
}

static void other_identifiers_are_no_words(void **state)
{
    (void)state;
    static const char *const none[] = {"dtmi:dtdl:class:Telemetry;5",
                                       "dtmi:dtdl:class:Telemetry",
                                       "dtmi:dtdl:class:Telemetry;22",
                                       "dtmi:dtdl:property:Telemetry;2",
                                       "dtmi:dtdl:class:double;2",
                                       "dtmi:dtdl:class:Byte;3",
                                       "dtmi:dtdl:instance:Schema:uuid;2",
                                       "dtmi:com:example:class:Telemetry;2",
                                       "dtmi:dtdl:extension:mqtt:v1:Result",
                                       "dtmi:",
                                       "dtmi:dtdl:",
                                       ""};
    uint32_t context;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (term_by_dtmi(spoke_str_of(none[i]), TERM_ANY, &context) != NULL)
            fail_msg("%s is a word", none[i]);
}

static void contexts_are_known_by_their_specifier(void **state)
{
    (void)state;
    assert_int_equal(term_context(SPOKE_STR("dtmi:dtdl:context;3")), V3);
    assert_int_equal(term_context(SPOKE_STR("dtmi:dtdl:extension:mqtt;4")), MQ4);
    assert_int_equal(term_context(SPOKE_STR("dtmi:iotcentral:context;2")), CEN);
    assert_int_equal(term_context(SPOKE_STR("dtmi:dtdl:context;5")), 0);
    assert_int_equal(term_context(SPOKE_STR("dtmi:dtdl:context")), 0);
    assert_true(term_context_family_known(SPOKE_STR("dtmi:dtdl:extension:mqtt")));
    assert_false(term_context_family_known(SPOKE_STR("dtmi:dtdl:extension:mqt")));
    assert_false(term_context_family_known(SPOKE_STR("dtmi:com:example:context")));
}

static void every_enumerated_word_has_a_name(void **state)
{
    (void)state;
    for (unsigned p = 0; p < P_COUNT; p++)
        assert_non_null(term_property_name((enum dtdl_property)p));
    for (unsigned t = 0; t < TYPE_COUNT; t++)
        assert_non_null(term_type_name((enum dtdl_type)t));
    for (unsigned u = 0; u < UNIT_TYPE_COUNT; u++)
        assert_non_null(term_unit_type_name((enum dtdl_unit_type)u));
}

static void units_of_a_type_come_in_order_and_by_context(void **state)
{
    (void)state;
    assert_string_equal(term_unit_at(UNIT_TYPE_TEMPERATURE_UNIT, QT1, 0)->name, "degreeCelsius");
    assert_string_equal(term_unit_at(UNIT_TYPE_TEMPERATURE_UNIT, QT1, 1)->name, "degreeFahrenheit");
    assert_string_equal(term_unit_at(UNIT_TYPE_TEMPERATURE_UNIT, QT1, 2)->name, "kelvin");
    assert_null(term_unit_at(UNIT_TYPE_TEMPERATURE_UNIT, QT1, 3));
    assert_null(term_unit_at(UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT2, 0));
    assert_non_null(term_unit_at(UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3, 0));
}

static void a_slip_is_recognised_and_nonsense_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        unsigned kinds;
        const char *meant;
    } slips[] = {
        {"Telemtry", TERM_CLASS, "Telemetry"},
        {"telemetry", TERM_CLASS, "Telemetry"},
        {"doubel", TERM_SCHEMA, "double"},
        {"conents", TERM_PROPERTY, "contents"},
        {"degreeCelcius", TERM_UNIT, "degreeCelsius"},
        {"Proprety", TERM_CLASS, "Property"},
        {"xyzzy", TERM_SCHEMA, NULL},
        {"", TERM_SCHEMA, NULL},
        {"a name that is far longer than any of the language's own", TERM_ANY, NULL},
    };
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        const struct term *near = term_nearest(spoke_str_of(slips[i].written), slips[i].kinds, V2 | V3 | V4);
        const char *name = near != NULL ? near->name : "nothing";
        if (strcmp(name, slips[i].meant != NULL ? slips[i].meant : "nothing") != 0)
            fail_msg("%s is taken for %s", slips[i].written, name);
    }
}

static void a_word_of_another_context_names_it(void **state)
{
    (void)state;
    assert_string_equal(term_defined_elsewhere(SPOKE_STR("Required"), TERM_TYPE, V4),
                        "dtmi:dtdl:extension:requirement;1");
    assert_string_equal(term_defined_elsewhere(SPOKE_STR("geopoint"), TERM_STANDARD, V2),
                        "dtmi:iotcentral:context;2");
    assert_null(term_defined_elsewhere(SPOKE_STR("Foobar"), TERM_ANY, V4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_found_where_a_context_defines_it),
        cmocka_unit_test(a_word_with_two_meanings_is_told_apart_by_kind),
        cmocka_unit_test(the_long_form_of_a_word_says_its_context),
        cmocka_unit_test(other_identifiers_are_no_words),
        cmocka_unit_test(contexts_are_known_by_their_specifier),
        cmocka_unit_test(every_enumerated_word_has_a_name),
        cmocka_unit_test(units_of_a_type_come_in_order_and_by_context),
        cmocka_unit_test(a_slip_is_recognised_and_nonsense_is_not),
        cmocka_unit_test(a_word_of_another_context_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
