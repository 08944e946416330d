/* JSON trees that keep numbers as written: reading, merging, walking. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/json_tree.h"
#include "support/support.h"

static cJSON *tree_of(const char *text)
{
    cJSON *tree = NULL;
    assert_ok(json_tree_read(spoke_str_of(text), &tree, NULL));
    return tree;
}

static void assert_tree(const cJSON *tree, const char *text)
{
    char *printed = cJSON_PrintUnformatted(tree);
    assert_string_equal(printed, text);
    cJSON_free(printed);
}

static void what_was_read_is_printed_as_it_was_written(void **state)
{
    static const char *const CASES[] = {
        "{}",
        "[]",
        "null",
        "\"x\"",
        "-0",
        "[true,false,null,1]",
        "{\"a\":9223372036854775807,\"b\":2.0,\"c\":-0,\"d\":1E400,\"e\":0.1e-7}",
        "{\"a\":{\"b\":[{\"c\":[[]]},\"\\u0001\\\"\\\\\"]},\"\":{}}",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cJSON *tree = tree_of(CASES[i]);
        assert_tree(tree, CASES[i]);
        cJSON_Delete(tree);
    }
}

static void text_that_is_not_one_value_is_refused_where_it_goes_wrong(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } CASES[] = {{"", 0},
                 {" ", 1},
                 {"{", 1},
                 {"[1,]", 3},
                 {"{\"a\"}", 4},
                 {"{\"a\":}", 5},
                 {"{\"a\":1,}", 7},
                 {"[1 2]", 3},
                 {"[}", 1},
                 {"{]", 1},
                 {"{} x", 3},
                 {"tru", 0},
                 {"01", 1},
                 {"\"\xff\"", 1},
                 {"\"\\ud800\"", 0},
                 {"\"\\u0000\"", 8},
                 {"\xef\xbb\xbf{}", 0},
                 {"{a:1}", 1},
                 {"[\"a\n\"]", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cJSON *tree = NULL;
        size_t at = 99;
        if (json_tree_read(spoke_str_of(CASES[i].text), &tree, &at) != SPOKE_E_JSON || tree != NULL)
            fail_msg("%s was taken", CASES[i].text);
        if (CASES[i].at != at && strstr(CASES[i].text, "ud800") == NULL)
            fail_msg("%s goes wrong at %zu, not %zu", CASES[i].text, at, CASES[i].at);
    }
    cJSON *tree = NULL;
    assert_int_equal(json_tree_read(spoke_str_from("{}\0", 3), &tree, NULL), SPOKE_E_JSON);
}

static void each_truncation_is_refused(void **state)
{
    static const char TEXT[] = "{\"a\":[1.5e3,\"\\u00e4\",{\"b\":null}],\"c\":true}";
    (void)state;
    for (size_t len = 0; len < sizeof TEXT - 1; len++) {
        cJSON *tree = NULL;
        char *copy = malloc(len + 1); /* exact, for the sanitizer */
        memcpy(copy, TEXT, len);
        assert_int_equal(json_tree_read(spoke_str_from(copy, len), &tree, NULL), SPOKE_E_JSON);
        free(copy);
    }
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_TREE_DEPTH + 2];
    cJSON *tree = NULL;
    (void)state;
    memset(text, '[', JSON_TREE_DEPTH);
    memset(text + JSON_TREE_DEPTH, ']', JSON_TREE_DEPTH);
    assert_ok(json_tree_read(spoke_str_from(text, 2 * JSON_TREE_DEPTH), &tree, NULL));
    cJSON_Delete(tree);
    memset(text, '[', JSON_TREE_DEPTH + 1);
    memset(text + JSON_TREE_DEPTH + 1, ']', JSON_TREE_DEPTH + 1);
    assert_int_equal(json_tree_read(spoke_str_from(text, sizeof text), &tree, NULL), SPOKE_E_TOO_LARGE);
}

static void a_merge_follows_rfc_7396(void **state)
{
    static const char *const CASES[][3] = {
        /* the RFC's own examples that begin with two objects */
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":9007199254740993}", "{\"b\":2.0}", "{\"a\":9007199254740993,\"b\":2.0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cJSON *target = tree_of(CASES[i][0]), *patch = tree_of(CASES[i][1]);
        assert_ok(json_tree_merge(target, patch));
        assert_tree(target, CASES[i][2]);
        cJSON_Delete(target);
        cJSON_Delete(patch);
    }
}

static void a_patch_that_would_take_long_is_refused(void **state)
{
    cJSON *target = cJSON_CreateObject(), *patch = cJSON_CreateObject();
    char name[16];
    (void)state;
    for (int i = 0; i < 1001; i++) {
        snprintf(name, sizeof name, "n%d", i);
        cJSON_AddNullToObject(patch, name);
    }
    assert_int_equal(json_tree_merge(target, patch), SPOKE_E_TOO_LARGE);
    cJSON_Delete(target);
    cJSON_Delete(patch);
}

static void a_walk_meets_every_item_and_what_replaces_it(void **state)
{
    cJSON *tree = tree_of("{\"a\":\"x\",\"b\":[\"x\",2],\"c\":{\"d\":\"x\"}}");
    struct json_tree_walk walk;
    cJSON *item;
    char met[200] = "";
    (void)state;
    json_tree_begin(&walk, tree);
    while ((item = json_tree_next(&walk)) != NULL) {
        strcat(met, walk.key);
        if (cJSON_IsString(item) && strcmp(item->valuestring, "x") == 0)
            assert_ok(json_tree_replace(&walk, item, tree_of("{\"n\":\"y\"}")));
    }
    assert_string_equal(met, "anbbnbcdn");
    assert_tree(tree, "{\"a\":{\"n\":\"y\"},\"b\":[{\"n\":\"y\"},2],\"c\":{\"d\":{\"n\":\"y\"}}}");
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_is_printed_as_it_was_written),
        cmocka_unit_test(text_that_is_not_one_value_is_refused_where_it_goes_wrong),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_merge_follows_rfc_7396),
        cmocka_unit_test(a_patch_that_would_take_long_is_refused),
        cmocka_unit_test(a_walk_meets_every_item_and_what_replaces_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
