#include "support/support.h"

#include <spoke/model.h>

static const spoke_member members[] = {
    {SPOKE_TELEMETRY, NULL, "workingSet", "double", false},
    {SPOKE_TELEMETRY, "thermostat1", "temperature", "double", false},
    {SPOKE_PROPERTY, "thermostat1", "temperature", "double", true},
    {SPOKE_TELEMETRY, "thermostat2", "temperature", "integer", false},
    {SPOKE_COMMAND, "", "reboot", "integer", false},
};
static const spoke_model model = {"dtmi:com:example:TemperatureController;1", members,
                                  sizeof members / sizeof members[0]};

static void a_member_is_found_by_kind_component_and_name(void **state)
{
    (void)state;
    const spoke_str name = SPOKE_STR("temperature");
    assert_ptr_equal(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat1"), name), &members[1]);
    assert_ptr_equal(spoke_model_find(&model, SPOKE_PROPERTY, SPOKE_STR("thermostat1"), name), &members[2]);
    assert_ptr_equal(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat2"), name), &members[3]);
}

static void the_default_component_is_null_or_empty(void **state)
{
    (void)state;
    assert_ptr_equal(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR(""), SPOKE_STR("workingSet")),
                     &members[0]);
    assert_ptr_equal(spoke_model_find(&model, SPOKE_COMMAND, spoke_str_of(NULL), SPOKE_STR("reboot")),
                     &members[4]);
}

static void what_the_template_lacks_is_not_found(void **state)
{
    (void)state;
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR(""), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_COMMAND, SPOKE_STR("thermostat1"), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("Thermostat1"), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat1"), SPOKE_STR("temp")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat1"), SPOKE_STR("")));
    assert_null(spoke_model_find(NULL, SPOKE_TELEMETRY, SPOKE_STR(""), SPOKE_STR("workingSet")));
}

static void components_are_those_with_members(void **state)
{
    (void)state;
    assert_true(spoke_model_has_component(&model, SPOKE_STR("thermostat1")));
    assert_true(spoke_model_has_component(&model, SPOKE_STR("thermostat2")));
    assert_true(spoke_model_has_component(&model, SPOKE_STR("")));
    assert_false(spoke_model_has_component(&model, SPOKE_STR("thermostat")));
    assert_false(spoke_model_has_component(NULL, SPOKE_STR("thermostat1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_by_kind_component_and_name),
        cmocka_unit_test(the_default_component_is_null_or_empty),
        cmocka_unit_test(what_the_template_lacks_is_not_found),
        cmocka_unit_test(components_are_those_with_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
