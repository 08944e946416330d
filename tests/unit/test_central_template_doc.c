/* What people send as a template, brought into one form. */
#include <stdio.h>
#include <string.h>

#include "central/core/json_tree.h"
#include "central/core/template_doc.h"
#include "support/support.h"

#define ID "dtmi:t:t;1"

static spoke_status make(const char *text, cJSON **tree, char *why, size_t why_cap)
{
    assert_ok(json_tree_read(spoke_str_of(text), tree, NULL));
    return template_doc_make(tree, ID, why, why_cap);
}

static void assert_made(const char *text, const char *expected)
{
    char why[300] = "";
    cJSON *tree = NULL;
    if (make(text, &tree, why, sizeof why) != SPOKE_OK)
        fail_msg("%s: %s", text, why);
    char *printed = cJSON_PrintUnformatted(tree);
    assert_string_equal(printed, expected);
    cJSON_free(printed);
    cJSON_Delete(tree);
}

static void assert_refused(const char *text, const char *words)
{
    char why[300] = "";
    cJSON *tree = NULL;
    assert_int_equal(make(text, &tree, why, sizeof why), SPOKE_E_MODEL);
    if (strstr(why, words) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why, words);
    cJSON_Delete(tree);
}

static void a_template_stays_as_it_is(void **state)
{
    static const char TEXT[] = "{\"@id\":\"" ID "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
                               "\"capabilityModel\":{\"@id\":\"dtmi:m;1\",\"contents\":[]}}";
    (void)state;
    assert_made(TEXT, TEXT);
}

static void a_template_without_its_id_gets_the_path_s(void **state)
{
    (void)state;
    assert_made("{\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}",
                "{\"capabilityModel\":{\"@id\":\"dtmi:m;1\"},\"@id\":\"" ID "\"}");
}

static void an_interface_is_wrapped(void **state)
{
    (void)state;
    assert_made("{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:m;1\",\"@type\":\"Interface\","
                "\"displayName\":{\"en\":\"M\"}}",
                "{\"@id\":\"" ID "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
                "\"@context\":\"dtmi:dtdl:context;2\",\"displayName\":{\"en\":\"M\"},"
                "\"capabilityModel\":{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:m;1\","
                "\"@type\":\"Interface\",\"displayName\":{\"en\":\"M\"}}}");
}

static void an_older_export_gets_the_new_names(void **state)
{
    (void)state;
    assert_made("{\"id\":\"" ID "\",\"types\":[\"ModelDefinition\"],\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}",
                "{\"capabilityModel\":{\"@id\":\"dtmi:m;1\"},\"@id\":\"" ID "\",\"@type\":[\"ModelDefinition\"]}");
    assert_refused("{\"id\":\"dtmi:x;1\",\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}", "differs from the path's");
}

#define WRAPPED(model) \
    "{\"@id\":\"" ID "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],\"capabilityModel\":" model "}"

static void interfaces_are_inlined_where_they_are_first_used(void **state)
{
    (void)state;
    assert_made(
        "[{\"@id\":\"dtmi:c;1\",\"n\":1},"
        "{\"@id\":\"dtmi:m;1\",\"extends\":[\"dtmi:b;1\"],\"contents\":[{\"schema\":\"dtmi:c;1\"},"
        "{\"schema\":\"dtmi:c;1\"},{\"schema\":\"double\",\"target\":\"dtmi:c;1\"}]},"
        "{\"@id\":\"dtmi:b;1\",\"extends\":\"dtmi:a;1\"},{\"@id\":\"dtmi:a;1\"}]",
        WRAPPED("{\"@id\":\"dtmi:m;1\",\"extends\":[{\"@id\":\"dtmi:b;1\",\"extends\":{\"@id\":\"dtmi:a;1\"}}],"
                "\"contents\":[{\"schema\":{\"@id\":\"dtmi:c;1\",\"n\":1}},{\"schema\":\"dtmi:c;1\"},"
                "{\"schema\":\"double\",\"target\":\"dtmi:c;1\"}]}"));
    assert_made("[{\"@id\":\"dtmi:m;1\"}]", WRAPPED("{\"@id\":\"dtmi:m;1\"}"));
}

static void what_is_no_template_is_refused_with_a_reason(void **state)
{
    static const char *const CASES[][2] = {
        {"1", "is an object"},
        {"[]", "no interface"},
        {"[1]", "element 0"},
        {"[{\"@id\":\"dtmi:a;1\"},{\"@id\":1}]", "element 1"},
        {"[{\"@id\":\"dtmi:a;1\"},{\"@id\":\"dtmi:b;1\"}]", "dtmi:a;1 and dtmi:b;1 stand side by side"},
        {"[{\"@id\":\"dtmi:a;1\",\"extends\":\"dtmi:b;1\"},{\"@id\":\"dtmi:b;1\",\"extends\":\"dtmi:a;1\"}]",
         "used by another one"},
        {"{}", "no \"@id\""},
        {"{\"@id\":\"model\"}", "no \"@id\""},
        {"{\"@id\":\"" ID "\"}", "another than its model's"},
        {"{\"capabilityModel\":\"dtmi:m;1\"}", "has to be an object"},
        {"{\"capabilityModel\":{}}", "no \"@id\""},
        {"{\"@id\":\"dtmi:x;1\",\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}", "differs from the path's"},
        {"{\"@id\":5,\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}", "differs from the path's"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_refused(CASES[i][0], CASES[i][1]);
}

static void a_chain_that_becomes_too_deep_is_refused(void **state)
{
    char text[20000] = "[", one[100];
    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(one, sizeof one, "%s{\"@id\":\"dtmi:i%d;1\",\"extends\":[\"dtmi:i%d;1\"]}", i > 0 ? "," : "", i,
                 i + 1);
        strcat(text, one);
    }
    strcat(text, "]");
    assert_refused(text, "nested too deeply");
}

static void more_interfaces_than_a_template_has_are_refused(void **state)
{
    char text[20000] = "[";
    (void)state;
    for (int i = 0; i < 257; i++)
        strcat(text, i > 0 ? ",{\"@id\":\"dtmi:a;1\"}" : "{\"@id\":\"dtmi:a;1\"}");
    strcat(text, "]");
    assert_refused(text, "at most 256");
}

static void an_id_of_its_own_comes_from_the_model(void **state)
{
    static const char *const CASES[][2] = {
        {"{\"@id\":\"dtmi:a:b;1\"}", "dtmi:a:b:template;1"},
        {"{\"@id\":\"dtmi:a:b\"}", "dtmi:a:b:template"},
        {"{\"@id\":\"dtmi:t;1\",\"capabilityModel\":{\"@id\":\"dtmi:m;1\"}}", "dtmi:t;1"},
    };
    char id[TEMPLATE_ID_CAP];
    cJSON *tree = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_ok(json_tree_read(spoke_str_of(CASES[i][0]), &tree, NULL));
        assert_true(template_doc_own_id(tree, id));
        assert_string_equal(id, CASES[i][1]);
        cJSON_Delete(tree);
    }
    assert_ok(json_tree_read(SPOKE_STR("{\"@id\":\"other\"}"), &tree, NULL));
    assert_false(template_doc_own_id(tree, id));
    cJSON_Delete(tree);
}

static void an_id_that_cannot_stand_in_a_path_is_no_good(void **state)
{
    char text[300] = "dtmi:";
    (void)state;
    assert_true(template_id_good("dtmi:modelDefinition:abc:def"));
    assert_false(template_id_good("dtmi:"));
    assert_false(template_id_good("urn:a:b"));
    assert_false(template_id_good("dtmi:a/b;1"));
    assert_false(template_id_good("dtmi:a b;1"));
    memset(text + 5, 'a', 251);
    assert_true(template_id_good(text));
    text[256] = 'a';
    assert_false(template_id_good(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_stays_as_it_is),
        cmocka_unit_test(a_template_without_its_id_gets_the_path_s),
        cmocka_unit_test(an_older_export_gets_the_new_names),
        cmocka_unit_test(an_interface_is_wrapped),
        cmocka_unit_test(interfaces_are_inlined_where_they_are_first_used),
        cmocka_unit_test(what_is_no_template_is_refused_with_a_reason),
        cmocka_unit_test(a_chain_that_becomes_too_deep_is_refused),
        cmocka_unit_test(more_interfaces_than_a_template_has_are_refused),
        cmocka_unit_test(an_id_of_its_own_comes_from_the_model),
        cmocka_unit_test(an_id_that_cannot_stand_in_a_path_is_no_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
