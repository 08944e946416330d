#include "support/support.h"

#include <spoke/model.h>

static const spoke_member members[] = {
    {"", "reboot", SPOKE_COMMAND, 0, &spoke_schema_integer, NULL},
    {NULL, "workingSet", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {"thermostat1", "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL},
    {"thermostat1", "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {"thermostat2", "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_integer, NULL},
};
static const spoke_model model = {"dtmi:com:example:TemperatureController;1", members,
                                  sizeof members / sizeof members[0]};

static void a_member_is_found_by_component_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < model.member_count; i++)
        assert_ptr_equal(
            spoke_model_member(&model, spoke_str_of(members[i].component), spoke_str_of(members[i].name)),
            &members[i]);
}

static void a_member_of_another_kind_is_not_found(void **state)
{
    (void)state;
    const spoke_str component = SPOKE_STR("thermostat1"), name = SPOKE_STR("temperature");
    assert_ptr_equal(spoke_model_find(&model, SPOKE_TELEMETRY, component, name), &members[3]);
    assert_null(spoke_model_find(&model, SPOKE_PROPERTY, component, name));
}

static void the_default_component_is_null_or_empty(void **state)
{
    (void)state;
    assert_ptr_equal(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR(""), SPOKE_STR("workingSet")),
                     &members[1]);
    assert_ptr_equal(spoke_model_find(&model, SPOKE_COMMAND, spoke_str_of(NULL), SPOKE_STR("reboot")),
                     &members[0]);
}

static void what_the_template_lacks_is_not_found(void **state)
{
    (void)state;
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR(""), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_COMMAND, SPOKE_STR("thermostat1"), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("Thermostat1"), SPOKE_STR("temperature")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat1"), SPOKE_STR("temp")));
    assert_null(spoke_model_find(&model, SPOKE_TELEMETRY, SPOKE_STR("thermostat1"), SPOKE_STR("")));
    assert_null(spoke_model_member(&model, SPOKE_STR("thermostat1"), spoke_str_from("target\0", 7)));
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

/* --- tables that no tool wrote --- */

#define VALID(...) \
    spoke_model_valid(&(const spoke_model){"dtmi:x;1", (const spoke_member[]){__VA_ARGS__}, \
                                           sizeof((const spoke_member[]){__VA_ARGS__}) / sizeof(spoke_member)})
#define T(component, name, schema) \
    { \
        component, name, SPOKE_TELEMETRY, 0, schema, NULL \
    }

static void a_table_is_valid_in_order_and_with_all_its_parts(void **state)
{
    (void)state;
    const spoke_schema *d = &spoke_schema_double;
    assert_true(spoke_model_valid(&model));
    assert_true(spoke_model_valid(&(const spoke_model){"dtmi:x;1", NULL, 0}));
    assert_true(VALID(T(NULL, "B", d), T("", "a", d), T("p", "a", d)));
    assert_false(VALID(T(NULL, "a", d), T("", "a", d)));   /* the same twice */
    assert_false(VALID(T(NULL, "a", d), T(NULL, "B", d))); /* not bytewise */
    assert_false(VALID(T("p", "a", d), T(NULL, "b", d)));  /* the default component is first */
    assert_false(VALID(T(NULL, NULL, d)));
    assert_false(VALID(T(NULL, "", d)));
    assert_false(VALID(T(NULL, "a", NULL)));
    assert_false(VALID({NULL, "a", 3, 0, d, NULL}));
    assert_true(VALID({NULL, "a", SPOKE_COMMAND, 0, NULL, NULL}));
    assert_false(spoke_model_valid(NULL));
    assert_false(spoke_model_valid(&(const spoke_model){NULL, NULL, 0}));
    assert_false(spoke_model_valid(&(const spoke_model){"dtmi:x;1", NULL, 1}));
}

static void schemas_are_looked_at_as_far_down_as_they_go(void **state)
{
    (void)state;
    const spoke_schema none = {.kind = SPOKE_SCHEMA_ARRAY}, strange = {.kind = SPOKE_SCHEMA_OBJECT + 1};
    const spoke_schema of_none = {.kind = SPOKE_SCHEMA_MAP, .element = &none};
    const spoke_schema_field twisted[] = {{"b", &spoke_schema_double, false}, {"a", &spoke_schema_double, false}};
    const spoke_schema object = {.kind = SPOKE_SCHEMA_OBJECT, .count = 2, .fields = twisted};
    const spoke_schema listed = {.kind = SPOKE_SCHEMA_ENUM_STRING, .count = 1};
    const spoke_schema *const bad[] = {&none, &of_none, &strange, &object, &listed};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(VALID(T(NULL, "a", bad[i])));
        assert_false(VALID({NULL, "a", SPOKE_COMMAND, 0, NULL, bad[i]}));
    }
    spoke_schema_field kids[3];
    const spoke_schema node = {.kind = SPOKE_SCHEMA_OBJECT, .count = 3, .fields = kids};
    const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        kids[i] = (spoke_schema_field){names[i], &node, false};
    assert_true(VALID(T(NULL, "a", &node))); /* without end, and yet it ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_by_component_and_name),
        cmocka_unit_test(a_member_of_another_kind_is_not_found),
        cmocka_unit_test(the_default_component_is_null_or_empty),
        cmocka_unit_test(what_the_template_lacks_is_not_found),
        cmocka_unit_test(components_are_those_with_members),
        cmocka_unit_test(a_table_is_valid_in_order_and_with_all_its_parts),
        cmocka_unit_test(schemas_are_looked_at_as_far_down_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
