/* From DTDL text to the run-time table: what becomes of each kind of element, and how little memory is enough. */
#include "support/support.h"

#include <dirent.h>
#include <spoke/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/dtdl.h"

static _Alignas(max_align_t) uint8_t memory[256 * 1024];

static const spoke_model *parsed(const char *json)
{
    spoke_buf arena = spoke_buf_from(memory, sizeof memory);
    const spoke_model *model = NULL;
    spoke_error why = {SPOKE_OK, SPOKE_SOURCE_MODEL, 0, ""};
    if (spoke_model_parse(spoke_str_of(json), NULL, &arena, &model, &why) != SPOKE_OK)
        fail_msg("%s (%d): %s", spoke_status_name(why.status), (int)why.detail, why.text);
    assert_true(spoke_model_valid(model));
    return model;
}

static const spoke_member *member(const spoke_model *model, const char *component, const char *name)
{
    const spoke_member *m = spoke_model_member(model, spoke_str_of(component), spoke_str_of(name));
    if (m == NULL)
        fail_msg("no member %s", name);
    return m;
}

#define INTERFACE(contents) \
    "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"contents\":[" contents \
    "]}"
#define V4(contents) \
    "{\"@context\":\"dtmi:dtdl:context;4\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"contents\":[" contents \
    "]}"

static void members_come_sorted_with_kind_flags_and_schema(void **state)
{
    (void)state;
    const spoke_model *m = parsed(
        INTERFACE("{\"@type\":\"Telemetry\",\"name\":\"zeta\",\"schema\":\"double\"},"
                  "{\"@type\":\"Property\",\"name\":\"beta\",\"schema\":\"string\",\"writable\":true},"
                  "{\"@type\":\"Property\",\"name\":\"Alpha\",\"schema\":\"dateTime\"},"
                  "{\"@type\":\"Command\",\"name\":\"go\",\"request\":{\"name\":\"r\",\"schema\":\"integer\"}},"
                  "{\"@type\":\"Relationship\",\"name\":\"rel\"}"));
    assert_string_equal(m->dtmi, "dtmi:x:y;1");
    assert_int_equal(m->member_count, 4);
    assert_string_equal(m->members[0].name, "Alpha");
    assert_string_equal(m->members[3].name, "zeta");
    assert_ptr_equal(member(m, "", "zeta")->schema, &spoke_schema_double);
    assert_int_equal(member(m, "", "beta")->flags, SPOKE_WRITABLE);
    assert_int_equal(member(m, "", "Alpha")->flags, 0);
    assert_ptr_equal(member(m, "", "go")->schema, &spoke_schema_integer);
    assert_null(member(m, "", "go")->response);
}

static void components_and_extended_interfaces_are_there(void **state)
{
    (void)state;
    const spoke_model *m = parsed(
        "[{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"extends\":\"dtmi:x:base;1\","
        "\"contents\":[{\"@type\":\"Component\",\"name\":\"two\",\"schema\":\"dtmi:x:part;1\"},"
        "{\"@type\":\"Component\",\"name\":\"one\",\"schema\":\"dtmi:x:part;1\"}]},"
        "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:base;1\",\"@type\":\"Interface\","
        "\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"inherited\",\"schema\":\"long\"}]},"
        "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:part;1\",\"@type\":\"Interface\","
        "\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":{\"@type\":\"Enum\",\"valueSchema\":\"string\","
        "\"enumValues\":[{\"name\":\"a\",\"enumValue\":\"\\u0041\"}]}}]}]");
    assert_int_equal(m->member_count, 3);
    assert_ptr_equal(member(m, "", "inherited")->schema, &spoke_schema_long);
    assert_ptr_equal(member(m, "one", "t")->schema, member(m, "two", "t")->schema); /* one table for both */
    assert_string_equal(member(m, "one", "t")->schema->values[0].text, "A");
    assert_true(spoke_model_has_component(m, SPOKE_STR("two")));
}

static void objects_are_sorted_and_hold_what_they_are_made_of(void **state)
{
    (void)state;
    const spoke_model *m = parsed(INTERFACE(
        "{\"@type\":\"Telemetry\",\"name\":\"o\",\"schema\":{\"@type\":\"Object\",\"fields\":["
        "{\"name\":\"z\",\"schema\":{\"@type\":\"Array\",\"elementSchema\":\"double\"}},"
        "{\"name\":\"m\",\"schema\":{\"@type\":\"Map\",\"mapKey\":{\"name\":\"k\",\"schema\":\"string\"},\"mapValue\":{"
        "\"name\":\"v\",\"schema\":{\"@type\":\"Enum\",\"valueSchema\":\"integer\",\"enumValues\":["
        "{\"name\":\"one\",\"enumValue\":1},{\"name\":\"minus\",\"enumValue\":-5}]}}}},"
        "{\"name\":\"a\",\"schema\":\"point\"}]}}"));
    const spoke_schema *o = member(m, "", "o")->schema;
    assert_ok(spoke_schema_check(
        o, SPOKE_STR("{\"a\":{\"type\":\"Point\",\"coordinates\":[1,2]},\"m\":{\"k\":-5},\"z\":[1.5]}"), NULL));
    assert_int_equal(spoke_schema_check(o, SPOKE_STR("{\"m\":{\"k\":2}}"), NULL), SPOKE_E_MODEL);
    assert_string_equal(o->fields[0].name, "a");
    assert_ptr_equal(o->fields[0].schema, &spoke_schema_point);
}

static void recursive_schemas_become_recursive_tables(void **state)
{
    (void)state;
    const spoke_model *m = parsed(
        "{\"@context\":\"dtmi:dtdl:context;4\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\",\"contents\":["
        "{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":\"dtmi:x:node;1\"}],\"schemas\":["
        "{\"@id\":\"dtmi:x:node;1\",\"@type\":\"Object\",\"fields\":[{\"name\":\"v\",\"schema\":\"unsignedLong\"},"
        "{\"name\":\"kids\",\"schema\":{\"@type\":\"Array\",\"elementSchema\":\"dtmi:x:node;1\"}}]}]}");
    const spoke_schema *node = member(m, "", "t")->schema;
    assert_ptr_equal(node->fields[0].schema->element, node);
    assert_ok(spoke_schema_check(
        node, SPOKE_STR("{\"v\":1,\"kids\":[{\"kids\":[]},{\"v\":18446744073709551615}]}"), NULL));
}

static void null_may_stand_for_payloads_that_say_so(void **state)
{
    (void)state;
    const spoke_model *m = parsed(V4(
        "{\"@type\":\"Command\",\"name\":\"c\","
        "\"request\":{\"@type\":\"CommandRequest\",\"name\":\"q\",\"schema\":\"integer\",\"nullable\":true},"
        "\"response\":{\"@type\":\"CommandResponse\",\"name\":\"p\",\"schema\":\"integer\",\"nullable\":true}}"));
    assert_int_equal(member(m, "", "c")->flags, SPOKE_NULLABLE_REQUEST | SPOKE_NULLABLE_RESPONSE);
}

#define TEMPLATE(contents) \
    "{\"@id\":\"dtmi:t:plate;1\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],\"@context\":[\"dtmi:iotcentral:context;2\"," \
    "\"dtmi:dtdl:context;2\"],\"displayName\":\"T\",\"capabilityModel\":{\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\"," \
    "\"contents\":[" contents "]}}"

static void a_device_template_gives_ranges_and_keeps_cloud_properties_out(void **state)
{
    (void)state;
    const spoke_model *m = parsed(TEMPLATE(
        "{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"rate\",\"schema\":\"double\",\"writable\":true,\"minValue\":1,"
        "\"maxValue\":5.5},"
        "{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"whole\",\"schema\":\"integer\",\"writable\":true,\"minValue\":1.5,"
        "\"maxValue\":1e2},"
        "{\"@type\":[\"Property\",\"StringValue\"],\"name\":\"text\",\"schema\":\"string\",\"minLength\":2,\"maxLength\":3},"
        "{\"@type\":[\"Property\",\"Cloud\"],\"name\":\"customer\",\"schema\":\"string\"},"
        "{\"@type\":\"Command\",\"name\":\"later\",\"durable\":true},"
        "{\"@type\":[\"Telemetry\",\"Location\"],\"name\":\"place\",\"schema\":\"geopoint\"}"));
    const spoke_schema *rate = member(m, "", "rate")->schema, *whole = member(m, "", "whole")->schema,
                       *text = member(m, "", "text")->schema;
    assert_ok(spoke_schema_check(rate, SPOKE_STR("5.5"), NULL));
    assert_int_equal(spoke_schema_check(rate, SPOKE_STR("0.9"), NULL), SPOKE_E_MODEL);
    assert_ok(spoke_schema_check(whole, SPOKE_STR("100"), NULL));
    assert_int_equal(spoke_schema_check(whole, SPOKE_STR("1"), NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_schema_check(whole, SPOKE_STR("101"), NULL), SPOKE_E_MODEL);
    assert_ok(spoke_schema_check(text, SPOKE_STR("\"abc\""), NULL));
    assert_int_equal(spoke_schema_check(text, SPOKE_STR("\"a\""), NULL), SPOKE_E_MODEL);
    assert_null(spoke_model_member(m, SPOKE_STR(""), SPOKE_STR("customer")));
    assert_int_equal(member(m, "", "later")->flags, SPOKE_DURABLE);
    assert_ptr_equal(member(m, "", "place")->schema, &spoke_schema_geopoint);
}

static void bounds_of_64_bits_are_kept_to_the_last_unit(void **state)
{
    (void)state;
    const spoke_model *m = parsed(TEMPLATE(
        "{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"l\",\"schema\":\"long\",\"minValue\":-9223372036854775807,"
        "\"maxValue\":9223372036854775806}"));
    const spoke_schema *l = member(m, "", "l")->schema;
    assert_ok(spoke_schema_check(l, SPOKE_STR("9223372036854775806"), NULL));
    assert_int_equal(spoke_schema_check(l, SPOKE_STR("9223372036854775807"), NULL), SPOKE_E_MODEL);
    assert_ok(spoke_schema_check(l, SPOKE_STR("-9223372036854775807"), NULL));
    assert_int_equal(spoke_schema_check(l, SPOKE_STR("-9223372036854775808"), NULL), SPOKE_E_MODEL);
}

/* What becomes of a number schema of that kind with these bounds; empty: none. */
static const spoke_schema *bounded(enum dtdl_class kind, const char *minimum, const char *maximum)
{
    const struct dtdl_extra extra = {.minimum = spoke_str_of(minimum), .maximum = spoke_str_of(maximum)};
    const struct dtdl_element element = {.kind = (uint8_t)kind, .version = 4, .extra = &extra};
    struct arena arena;
    const spoke_schema *schema = NULL;
    arena_init(&arena, memory, sizeof memory);
    assert_ok(dtdl_compile_schema(&element, &arena, &schema));
    return schema;
}

static void bounds_of_unsigned_64_bits_are_kept_to_the_last_unit(void **state)
{
    (void)state;
    const struct {
        const char *minimum, *maximum, *value;
        spoke_status status;
    } cases[] = {
        {"", "18446744073709551614", "18446744073709551614", SPOKE_OK},
        {"", "18446744073709551614", "18446744073709551615", SPOKE_E_MODEL},
        {"", "18446744073709551000", "18446744073709551001", SPOKE_E_MODEL},
        {"", "18446744073709551615", "18446744073709551615", SPOKE_OK},
        {"", "99999999999999999999999", "18446744073709551615", SPOKE_OK},
        {"18446744073709551000", "", "18446744073709551000", SPOKE_OK},
        {"18446744073709551000", "", "18446744073709550999", SPOKE_E_MODEL},
        {"18446744073709551615", "", "18446744073709551614", SPOKE_E_MODEL},
        {"99999999999999999999999", "", "18446744073709551614", SPOKE_E_MODEL},
        {"9223372036854775808", "", "9223372036854775807", SPOKE_E_MODEL},
        {"1e19", "", "9999999999999999999", SPOKE_E_MODEL},
        {"1e19", "", "10000000000000000000", SPOKE_OK},
        {"-5", "", "0", SPOKE_OK},
        {"0.5", "2.5", "0", SPOKE_E_MODEL},
        {"0.5", "2.5", "3", SPOKE_E_MODEL},
        {"0.5", "2.5", "2", SPOKE_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const spoke_schema *s = bounded(DTDL_UNSIGNED_LONG, cases[i].minimum, cases[i].maximum);
        if (spoke_schema_check(s, spoke_str_of(cases[i].value), NULL) != cases[i].status)
            fail_msg("%s in %s to %s", cases[i].value, cases[i].minimum, cases[i].maximum);
    }
}

static void an_enum_value_that_no_table_can_hold_is_refused(void **state)
{
    (void)state;
    spoke_buf arena = spoke_buf_from(memory, sizeof memory);
    const spoke_model *model = NULL;
    spoke_error why;
    const char *json = INTERFACE(
        "{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":{\"@type\":\"Enum\",\"valueSchema\":\"string\","
        "\"enumValues\":[{\"name\":\"a\",\"enumValue\":\"a\\u0000b\"}]}}");
    assert_int_equal(spoke_model_parse(spoke_str_of(json), NULL, &arena, &model, &why), SPOKE_E_MODEL);
    assert_non_null(strstr(why.text, "NUL"));
    assert_null(model);
}

static void an_interface_is_picked_by_its_id(void **state)
{
    (void)state;
    const char *json = "[{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:y;1\",\"@type\":\"Interface\"},"
                       "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:z;1\",\"@type\":\"Interface\"}]";
    spoke_buf arena = spoke_buf_from(memory, sizeof memory);
    const spoke_model *model;
    assert_ok(spoke_model_parse(spoke_str_of(json), "dtmi:x:z;1", &arena, &model, NULL));
    assert_string_equal(model->dtmi, "dtmi:x:z;1");
    const size_t used = arena.len;
    assert_ok(spoke_model_parse(spoke_str_of(json), NULL, &arena, &model, NULL)); /* behind the first */
    assert_true(arena.len > used);
    assert_int_equal(spoke_model_parse(spoke_str_of(json), "dtmi:x:q;1", &arena, &model, NULL), SPOKE_E_NOT_FOUND);
    assert_null(model);
}

static void trouble_is_named_with_its_place(void **state)
{
    (void)state;
    const struct {
        const char *json, *word;
        spoke_status status;
        int32_t offset;
    } cases[] = {
        {"{\"@context\":", "not JSON", SPOKE_E_JSON, 12},
        {INTERFACE("{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":\"dubble\"}"), "did you mean 'double'",
         SPOKE_E_MODEL, -1},
        {INTERFACE("{\"@type\":\"Component\",\"name\":\"c\",\"schema\":\"dtmi:x:not:here;1\"}"), "not in the text",
         SPOKE_E_MODEL, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spoke_buf arena = spoke_buf_from(memory, sizeof memory);
        const spoke_model *model = NULL;
        spoke_error why;
        assert_int_equal(spoke_model_parse(spoke_str_of(cases[i].json), NULL, &arena, &model, &why),
                         cases[i].status);
        assert_int_equal(why.status, cases[i].status);
        if (strstr(why.text, cases[i].word) == NULL)
            fail_msg("%s", why.text);
        if (cases[i].offset >= 0)
            assert_int_equal(why.detail, cases[i].offset);
        assert_int_equal(arena.len, 0);
    }
}

static void every_arena_that_is_too_small_says_so(void **state)
{
    (void)state;
    const char *json =
        INTERFACE("{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":{\"@type\":\"Object\",\"fields\":["
                  "{\"name\":\"z\",\"schema\":\"double\"}]}}");
    const spoke_model *model;
    for (size_t shift = 0; shift < 8; shift++) { /* of any alignment */
        spoke_status status = SPOKE_E_NO_MEMORY;
        for (size_t cap = shift; status != SPOKE_OK; cap += 13) {
            spoke_buf arena = spoke_buf_from(memory, cap);
            arena.len = shift;
            memset(memory, 0xA5, cap + 1);
            status = spoke_model_parse(spoke_str_of(json), NULL, &arena, &model, NULL);
            if (status != SPOKE_OK)
                assert_int_equal(status, SPOKE_E_NO_MEMORY);
            assert_int_equal(memory[cap], 0xA5);
            assert_true(shift == 0 || memory[shift - 1] == 0xA5);
        }
        assert_true(spoke_model_valid(model));
    }
}

/* --- what vendors publish --- */

#define PUBLISHED SPOKE_TEST_DATA "/../../../shared/data/dtdl/valid"

static void published_models_become_tables_within_12_times_their_text(void **state)
{
    (void)state;
    static _Alignas(max_align_t) uint8_t room[2 * 1024 * 1024];
    DIR *folder = opendir(PUBLISHED);
    if (folder == NULL)
        skip(); /* the data does not come with the project */
    size_t count = 0;
    for (const struct dirent *file; (file = readdir(folder)) != NULL;) {
        char path[600];
        size_t len = 0;
        snprintf(path, sizeof path, "%s/%s", PUBLISHED, file->d_name);
        char *text = strncmp(file->d_name, "pnp-", 4) == 0 ? test_read_file(path, &len) : NULL;
        if (text == NULL || len * 12 + 32768 > sizeof room)
            continue;
        spoke_buf arena = spoke_buf_from(room, len * 12 + 32768);
        const spoke_model *model = NULL;
        spoke_error why = {SPOKE_OK, SPOKE_SOURCE_MODEL, 0, ""};
        if (spoke_model_parse(spoke_str_from(text, len), NULL, &arena, &model, &why) != SPOKE_OK)
            fail_msg("%s: %s: %s", file->d_name, spoke_status_name(why.status), why.text);
        if (!spoke_model_valid(model))
            fail_msg("%s: the table is not valid", file->d_name);
        free(text);
        count++;
    }
    closedir(folder);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_sorted_with_kind_flags_and_schema),
        cmocka_unit_test(components_and_extended_interfaces_are_there),
        cmocka_unit_test(objects_are_sorted_and_hold_what_they_are_made_of),
        cmocka_unit_test(recursive_schemas_become_recursive_tables),
        cmocka_unit_test(null_may_stand_for_payloads_that_say_so),
        cmocka_unit_test(a_device_template_gives_ranges_and_keeps_cloud_properties_out),
        cmocka_unit_test(bounds_of_64_bits_are_kept_to_the_last_unit),
        cmocka_unit_test(bounds_of_unsigned_64_bits_are_kept_to_the_last_unit),
        cmocka_unit_test(an_enum_value_that_no_table_can_hold_is_refused),
        cmocka_unit_test(an_interface_is_picked_by_its_id),
        cmocka_unit_test(trouble_is_named_with_its_place),
        cmocka_unit_test(every_arena_that_is_too_small_says_so),
        cmocka_unit_test(published_models_become_tables_within_12_times_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
