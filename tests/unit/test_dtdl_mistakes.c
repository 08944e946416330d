/* What a person is told about a template that is wrong: everything at once, with what would be right. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "model/dtdl.h"

static _Alignas(max_align_t) uint8_t memory[256 * 1024];
static char told[4096];

/* All sentences about the text, each with its rule in a line of its own, then the ids that are missing. */
static const char *mistakes_in(enum dtdl_profile profile, const char *json)
{
    struct arena arena;
    spoke_buf out = spoke_buf_from(told, sizeof told - 1);
    const struct dtdl_options options = {.profile = profile};
    arena_init(&arena, memory, sizeof memory);
    struct dtdl_model *model = dtdl_create(&arena, &options);
    assert_non_null(model);
    assert_int_equal(dtdl_add(model, "text", spoke_str_of(json)), SPOKE_OK);
    const spoke_status status = dtdl_finish(model);
    assert_true(status == SPOKE_OK || status == SPOKE_E_MODEL || status == SPOKE_E_NOT_FOUND);
    for (const struct dtdl_issue *issue = dtdl_issues(model); issue != NULL; issue = issue->next) {
        assert_int_equal(spoke_buf_append(&out, spoke_str_of(issue->id)), SPOKE_OK);
        assert_int_equal(spoke_buf_append(&out, SPOKE_STR(": ")), SPOKE_OK);
        dtdl_issue_text(model, issue, &out);
        assert_int_equal(spoke_buf_append(&out, SPOKE_STR("\n")), SPOKE_OK);
    }
    for (size_t i = 0; dtdl_missing(model, i).len > 0; i++) {
        assert_int_equal(spoke_buf_append(&out, SPOKE_STR("missing ")), SPOKE_OK);
        assert_int_equal(spoke_buf_append(&out, dtdl_missing(model, i)), SPOKE_OK);
    }
    told[out.len] = '\0';
    return told;
}

static void assert_told(const char *part)
{
    if (strstr(told, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, told);
}

#define INTERFACE(contents) \
    "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"contents\":[" contents \
    "]}"

static void a_name_that_stands_twice_is_told_beside_other_mistakes(void **state)
{
    (void)state;
    mistakes_in(DTDL_STRICT,
                INTERFACE("{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":\"dubble\"},"
                          "{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":\"double\",\"unti\":1}"));
    assert_told("badDtmiOrTerm");
    assert_told("propertyUndefinedTerm");
    assert_told("nonUniquePropertyValue: another element here has the same name 'a'");
}

static void an_element_that_is_defined_twice_is_told_once(void **state)
{
    (void)state;
    const char *twice = "{\"@type\":\"Telemetry\",\"@id\":\"dtmi:x:a;1\",\"name\":\"a\",\"schema\":\"double\"}";
    char json[512];
    snprintf(json, sizeof json, INTERFACE("%s,%s"), twice, twice);
    mistakes_in(DTDL_STRICT, json);
    assert_told("duplicateDefinition");
    assert_null(strstr(told, "nonUniquePropertyValue"));
}

static void mistakes_are_told_although_a_reference_leads_nowhere(void **state)
{
    (void)state;
    mistakes_in(DTDL_STRICT, INTERFACE("{\"@type\":\"Component\",\"name\":\"c\",\"schema\":\"dtmi:x:pump;1\"},"
                                       "{\"@type\":\"Property\",\"name\":\"p\",\"schema\":"
                                       "{\"@type\":\"Array\",\"elementSchema\":\"double\"}}"));
    assert_told("excludedType");
    assert_told("missing dtmi:x:pump;1");
}

static void what_is_too_long_is_told_with_its_limit(void **state)
{
    (void)state;
    char json[512], name[66];
    memset(name, 'n', 65);
    name[65] = '\0';
    snprintf(json, sizeof json, INTERFACE("{\"@type\":\"Telemetry\",\"name\":\"%s\",\"schema\":\"double\"}"),
             name);
    mistakes_in(DTDL_STRICT, json);
    assert_told("'name' is too long: at most 64 characters");
}

static void words_of_iot_central_lead_to_the_central_profile(void **state)
{
    (void)state;
    const char *json = INTERFACE(
        "{\"@type\":\"Property\",\"name\":\"level\",\"schema\":\"double\",\"minValue\":0,\"maxValue\":100}");
    mistakes_in(DTDL_STRICT, json);
    assert_told("'minValue'; IoT Central's templates have it, and the central profile takes it");
    assert_string_equal(mistakes_in(DTDL_CENTRAL, json), "");
}

static void a_misspelt_type_is_quoted_and_corrected(void **state)
{
    (void)state;
    mistakes_in(DTDL_STRICT,
                INTERFACE("{\"@type\":\"Telemetri\",\"name\":\"a\",\"schema\":\"double\"},{\"name\":\"b\"}"));
    assert_told("Telemetri cannot be the value of this; here stands Telemetry, Property,");
    assert_told("did you mean 'Telemetry'?");
    assert_told("an element without @type cannot be the value of this");
    mistakes_in(DTDL_STRICT,
                "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interfaec\"}");
    assert_told("at the top level stands an Interface, not Interfaec; did you mean 'Interface'?");
}

static void a_context_is_proposed_that_goes_with_the_version(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *context;
    } rows[] = {{3, "dtmi:dtdl:extension:quantitativeTypes;1"}, {4, "dtmi:dtdl:extension:quantitativeTypes;2"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[512];
        snprintf(
            json, sizeof json,
            "{\"@context\":\"dtmi:dtdl:context;%d\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"contents\":["
            "{\"@type\":[\"Telemetry\",\"Temperature\"],\"name\":\"a\",\"schema\":\"double\"}]}",
            rows[i].version);
        mistakes_in(DTDL_STRICT, json);
        assert_told(rows[i].context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_stands_twice_is_told_beside_other_mistakes),
        cmocka_unit_test(an_element_that_is_defined_twice_is_told_once),
        cmocka_unit_test(mistakes_are_told_although_a_reference_leads_nowhere),
        cmocka_unit_test(what_is_too_long_is_told_with_its_limit),
        cmocka_unit_test(words_of_iot_central_lead_to_the_central_profile),
        cmocka_unit_test(a_misspelt_type_is_quoted_and_corrected),
        cmocka_unit_test(a_context_is_proposed_that_goes_with_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
