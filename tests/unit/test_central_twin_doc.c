/* Twin documents: merging, limits, size, metadata. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include <central/core/twin_doc.h>

#define NOW "2026-03-04T05:06:07.089Z"

static cJSON *parse(const char *json)
{
    cJSON *tree = cJSON_Parse(json);
    assert_non_null(tree);
    return tree;
}

static void assert_tree(const cJSON *have, const char *expected)
{
    cJSON *want = parse(expected);
    if (!cJSON_Compare(have, want, true)) {
        char *text = cJSON_PrintUnformatted(have);
        fail_msg("have %s\n want %s", text, expected);
    }
    cJSON_Delete(want);
}

static void assert_merged(const char *section, const char *patch, const char *expected)
{
    cJSON *s = parse(section), *p = parse(patch);
    assert_ok(twin_doc_merge(s, p));
    assert_tree(s, expected);
    cJSON_Delete(s);
    cJSON_Delete(p);
}

static spoke_status check(const char *patch, char *why, size_t cap)
{
    cJSON *p = parse(patch);
    const spoke_status status = twin_doc_check(p, why, cap);
    cJSON_Delete(p);
    return status;
}

static void assert_refused(const char *patch, const char *reason)
{
    char why[160] = "";
    assert_int_equal(check(patch, why, sizeof why), SPOKE_E_ARG);
    if (strstr(why, reason) == NULL)
        fail_msg("%s: said \"%s\"", patch, why);
}

static void assert_allowed(const char *patch)
{
    char why[160] = "";
    if (check(patch, why, sizeof why) != SPOKE_OK)
        fail_msg("%s: %s", patch, why);
}

static size_t size_of(const char *json)
{
    cJSON *tree = parse(json);
    const size_t size = twin_doc_size(tree);
    cJSON_Delete(tree);
    return size;
}

static void members_add_replace_and_null_deletes(void **state)
{
    (void)state;
    assert_merged("{\"a\":1,\"b\":2}", "{\"b\":null,\"c\":3,\"a\":\"x\"}", "{\"a\":\"x\",\"c\":3}");
    assert_merged("{}", "{\"gone\":null}", "{}");
    assert_merged("{\"a\":1}", "{}", "{\"a\":1}");
}

static void objects_merge_and_arrays_replace_whole(void **state)
{
    (void)state;
    assert_merged("{\"o\":{\"x\":1,\"y\":{\"z\":2}},\"l\":[1,2]}",
                  "{\"o\":{\"y\":{\"z\":null,\"w\":3}},\"l\":[3]}", "{\"o\":{\"x\":1,\"y\":{\"w\":3}},\"l\":[3]}");
    assert_merged("{\"o\":5}", "{\"o\":{\"a\":{\"b\":null,\"c\":1}}}", "{\"o\":{\"a\":{\"c\":1}}}");
    assert_merged("{\"o\":{\"a\":1}}", "{\"o\":[{\"n\":null}]}", "{\"o\":[{\"n\":null}]}");
}

static void names_differ_by_case(void **state)
{
    (void)state;
    assert_merged("{\"a\":1}", "{\"A\":2}", "{\"a\":1,\"A\":2}");
}

static void name_given_twice_takes_the_last_value(void **state)
{
    (void)state;
    assert_merged("{}", "{\"a\":1,\"a\":2,\"o\":{\"x\":1,\"x\":null}}", "{\"a\":2,\"o\":{}}");
}

static void sizes_are_as_the_service_counts_them(void **state)
{
    (void)state;
    assert_int_equal(size_of("{\"telemetrySendFrequency\":\"5m\",\"batteryLevel\":55}"), 44);
    assert_int_equal(size_of("{\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":{\"value\":21.5,\"ac\":200,"
                             "\"av\":3,\"ad\":\"done\"}}}"),
                     71);
    assert_int_equal(size_of("{\"on\":true,\"name\":\"caf\xc3\xa9\\n\"}"), 15);
    assert_int_equal(size_of("{}"), 0);
    assert_int_equal(size_of("{\"l\":[1,true,\"ab\",null]}"), 1 + 8 + 4 + 2);
}

static void names_have_no_dot_dollar_space_or_control_characters(void **state)
{
    (void)state;
    assert_refused("{\"$version\":1}", "'$'");
    assert_refused("{\"$metadata\":{}}", "'$'");
    assert_refused("{\"a.b\":1}", "'.'");
    assert_refused("{\"a b\":1}", "space");
    assert_refused("{\"a\\u0001\":1}", "control");
    assert_refused("{\"a\\u0085\":1}", "control");
    assert_refused("{\"\":1}", "empty");
    assert_refused("{\"o\":{\"deep$\":null}}", "'$'");
    assert_refused("{\"l\":[{\"a.b\":1}]}", "'.'");
    assert_allowed("{\"__t\":\"c\",\"\xc3\xa9\":1,\"a-b_c\":2}");
}

static void refusal_never_splits_a_character(void **state)
{
    (void)state;
    char json[400];
    char why[160] = "";
    size_t len = 3;
    (void)snprintf(json, sizeof json, "{\"x");
    for (int i = 0; i < 50; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, "\xe2\x82\xac");
    (void)snprintf(json + len, sizeof json - len, ".\":1}");
    assert_int_equal(check(json, why, sizeof why), SPOKE_E_ARG);
    assert_true(spoke_utf8_valid(spoke_str_of(why)));
}

static void names_end_at_1024_bytes_and_texts_at_4096(void **state)
{
    (void)state;
    char json[6000];
    (void)snprintf(json, sizeof json, "{\"%01024d\":1}", 0);
    assert_allowed(json);
    (void)snprintf(json, sizeof json, "{\"%01025d\":1}", 0);
    assert_refused(json, "1 KB");
    (void)snprintf(json, sizeof json, "{\"a\":\"%04096d\"}", 0);
    assert_allowed(json);
    (void)snprintf(json, sizeof json, "{\"a\":[\"%04097d\"]}", 0);
    assert_refused(json, "4 KB");
}

static void integers_end_at_52_bits(void **state)
{
    (void)state;
    assert_allowed("{\"a\":4503599627370495,\"b\":-4503599627370496,\"c\":1e300,\"d\":0.5}");
    assert_refused("{\"a\":4503599627370496}", "52 bits");
    assert_refused("{\"a\":-4503599627370497}", "52 bits");
    assert_refused("{\"a\":1e999}", "double");
}

static void ten_levels_are_allowed_and_no_more(void **state)
{
    (void)state;
    assert_allowed("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":1}}}}}}}}}}");
    assert_refused("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"11\":1}}}}}}}}}}}",
                   "10 levels");
    assert_refused("{\"1\":[[[[[[[[[[1]]]]]]]]]]}", "10 levels");
    assert_merged("{}", "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{}}}}}}}}}}}",
                  "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{}}}}}}}}}}}");
}

static void only_objects_are_patches(void **state)
{
    (void)state;
    assert_refused("[]", "object");
    assert_refused("5", "object");
    assert_refused("null", "object");
}

static void stamped(cJSON *meta, const char *section, const char *patch, int64_t version, const char *expected)
{
    cJSON *s = parse(section), *p = parse(patch);
    assert_ok(twin_doc_stamp(meta, s, p, version, NOW));
    assert_tree(meta, expected);
    cJSON_Delete(s);
    cJSON_Delete(p);
}

#define AT(n) "\"$lastUpdated\":\"" NOW "\",\"$lastUpdatedVersion\":" #n

static void metadata_tells_when_each_property_changed(void **state)
{
    (void)state;
    cJSON *meta = cJSON_CreateObject();
    stamped(meta, "{\"a\":1,\"o\":{\"x\":1}}", "{\"a\":1,\"o\":{\"x\":1}}", 2,
            "{\"a\":{" AT(2) "},\"o\":{" AT(2) "}}");
    stamped(meta, "{\"o\":{\"x\":2}}", "{\"a\":null,\"o\":{\"x\":2}}", 3, "{\"o\":{" AT(3) "}}");
    cJSON_Delete(meta);
}

static void metadata_goes_into_components(void **state)
{
    (void)state;
    cJSON *meta = cJSON_CreateObject();
    stamped(meta, "{\"c\":{\"__t\":\"c\",\"x\":1,\"y\":1}}", "{\"c\":{\"__t\":\"c\",\"x\":1,\"y\":1}}", 2,
            "{\"c\":{" AT(2) ",\"x\":{" AT(2) "},\"y\":{" AT(2) "}}}");
    stamped(meta, "{\"c\":{\"__t\":\"c\",\"x\":2}}", "{\"c\":{\"x\":2,\"y\":null}}", 3,
            "{\"c\":{" AT(3) ",\"x\":{" AT(3) "}}}");
    cJSON_Delete(meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_add_replace_and_null_deletes),
        cmocka_unit_test(objects_merge_and_arrays_replace_whole),
        cmocka_unit_test(names_differ_by_case),
        cmocka_unit_test(name_given_twice_takes_the_last_value),
        cmocka_unit_test(sizes_are_as_the_service_counts_them),
        cmocka_unit_test(names_have_no_dot_dollar_space_or_control_characters),
        cmocka_unit_test(refusal_never_splits_a_character),
        cmocka_unit_test(names_end_at_1024_bytes_and_texts_at_4096),
        cmocka_unit_test(integers_end_at_52_bits),
        cmocka_unit_test(ten_levels_are_allowed_and_no_more),
        cmocka_unit_test(only_objects_are_patches),
        cmocka_unit_test(metadata_tells_when_each_property_changed),
        cmocka_unit_test(metadata_goes_into_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
