/* Names of a template as identifiers of C. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/names.h"

static uint64_t memory[8192];
static struct arena arena;

static int fresh_arena(void **state)
{
    (void)state;
    arena_init(&arena, memory, sizeof memory);
    return 0;
}

static void words_are_told_apart_as_a_reader_would(void **state)
{
    (void)state;
    static const struct {
        const char *name, *snake;
    } cases[] = {{"temperature", "temperature"},
                 {"maxTempSinceLastReboot", "max_temp_since_last_reboot"},
                 {"TemperatureController", "temperature_controller"},
                 {"IPAddress", "ip_address"},
                 {"firmwareURL", "firmware_url"},
                 {"thermostat1", "thermostat1"},
                 {"Co2Level", "co2_level"},
                 {"PM25", "pm25"},
                 {"snake_case__twice", "snake_case_twice"},
                 {"ALLCAPS", "allcaps"},
                 {"x-y", "x_y"},
                 {"1st", "x_1st"},
                 {"", "x"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(name_snake(&arena, spoke_str_of(cases[i].name)), cases[i].snake);
}

static void a_very_long_name_is_cut(void **state)
{
    (void)state;
    char name[600];
    memset(name, 'a', sizeof name);
    assert_int_equal(strlen(name_snake(&arena, spoke_str_from(name, sizeof name))), NAME_MAX);
}

static void a_dtmi_is_named_by_its_last_part(void **state)
{
    (void)state;
    assert_str(name_of_dtmi(SPOKE_STR("dtmi:com:example:Thermostat;1")), "Thermostat");
    assert_str(name_of_dtmi(SPOKE_STR("dtmi:com:example:Thermostat")), "Thermostat");
    assert_str(name_of_dtmi(SPOKE_STR("Thermostat")), "Thermostat");
}

static void an_identifier_is_given_once(void **state)
{
    (void)state;
    struct names names = {.arena = &arena};
    assert_string_equal(names_take(&names, "a"), "a");
    assert_string_equal(names_take(&names, "a"), "a_2");
    assert_string_equal(names_take(&names, "a_2"), "a_2_2");
    assert_string_equal(names_take(&names, "a"), "a_3");
    for (int i = 0; i < 200; i++) { /* past several sizes of the table */
        char name[8];
        snprintf(name, sizeof name, "n%d", i);
        assert_string_equal(names_take(&names, arena_text(&arena, spoke_str_of(name))), name);
    }
    assert_true(names_has(&names, "n0"));
    assert_false(names_has(&names, "n200"));
}

static void keywords_and_types_are_marked(void **state)
{
    (void)state;
    struct names globals = {.arena = &arena}, members = {.arena = &arena};
    (void)names_take(&globals, "pump_mode");
    static const struct {
        const char *snake, *local;
    } cases[] = {{"int", "int_"},       {"class", "class_"},         {"alignas", "alignas_"},
                 {"xor_eq", "xor_eq_"}, {"size_t", "size_t_"},       {"spoke_str", "spoke_str_"},
                 {"linux", "linux_"},   {"pump_mode", "pump_mode_"}, {"int", "int_2"},
                 {"value", "value"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(names_take_local(&members, &globals, cases[i].snake), cases[i].local);
}

static void no_memory_is_null_and_no_crash(void **state)
{
    (void)state;
    struct names names = {.arena = &arena};
    arena_init(&arena, memory, 16);
    assert_null(names_take(&names, "a"));
    assert_null(name_snake(&arena, SPOKE_STR("aVeryLongNameThatDoesNotFit")));
    assert_null(name_join(&arena, NULL, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_are_told_apart_as_a_reader_would, fresh_arena),
        cmocka_unit_test_setup(a_very_long_name_is_cut, fresh_arena),
        cmocka_unit_test_setup(a_dtmi_is_named_by_its_last_part, fresh_arena),
        cmocka_unit_test_setup(an_identifier_is_given_once, fresh_arena),
        cmocka_unit_test_setup(keywords_and_types_are_marked, fresh_arena),
        cmocka_unit_test_setup(no_memory_is_null_and_no_crash, fresh_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
