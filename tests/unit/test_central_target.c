#include "support/support.h"

#include <string.h>

#include "central/core/target.h"

static void target_is_split_and_its_path_decoded(void **state)
{
    static const struct {
        const char *text, *path, *query;
    } rows[] = {
        {"/", "/", ""},
        {"/api/devices", "/api/devices", ""},
        {"/api/devices?", "/api/devices", ""},
        {"/api/devices?$filter=a%20b&x=?", "/api/devices", "$filter=a%20b&x=?"},
        {"/api/devices/a%20b%2ec%c3%A9", "/api/devices/a b.c\xc3\xa9", ""},
        {"/%24iothub/websocket?iothub-no-client-cert=true", "/$iothub/websocket", "iothub-no-client-cert=true"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target target;
        assert_ok(target_parse(spoke_str_of(rows[i].text), &target));
        assert_string_equal(target.path, rows[i].path);
        assert_string_equal(target.query, rows[i].query);
        target_free(&target);
    }
}

static void broken_target_is_refused(void **state)
{
    static const char *const rows[] = {"",       "api",    "*",      "/%",     "/%4",    "/%zz",  "/%4g",
                                       "/a%00b", "/a%0ab", "/a%2Fb", "/a%2fb", "/a\x7f", "/a\tb", "http://x/"};
    struct target target;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(target_parse(spoke_str_of(rows[i]), &target), SPOKE_E_ARG);
        assert_null(target.path);
        assert_null(target.query);
    }
    assert_int_equal(target_parse(SPOKE_STR("/a\0b"), &target), SPOKE_E_ARG);
}

static void target_has_a_largest_size(void **state)
{
    static char text[TARGET_MAX_BYTES + 1];
    struct target target;
    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_ok(target_parse(spoke_str_from(text, TARGET_MAX_BYTES), &target));
    assert_int_equal(strlen(target.path), TARGET_MAX_BYTES);
    target_free(&target);
    assert_int_equal(target_parse(spoke_str_from(text, TARGET_MAX_BYTES + 1), &target), SPOKE_E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_is_split_and_its_path_decoded),
        cmocka_unit_test(broken_target_is_refused),
        cmocka_unit_test(target_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
