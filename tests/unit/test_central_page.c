#include "support/support.h"

#include <string.h>

#include "central/shell/page.h"

static void root_is_always_there(void **state)
{
    (void)state;
    const struct page_file *root = page_find("/");
    assert_non_null(root);
    assert_true(root->bytes.len > 0);
    assert_string_equal(root->type, page_is_built() ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
}

static void path_beside_the_table_finds_nothing(void **state)
{
    static const char *const PATHS[] = {"",
                                        "/..",
                                        "/../etc/passwd",
                                        "//",
                                        "/./",
                                        "/index.html/",
                                        "/app-.js",
                                        "/page_files.inc",
                                        "app.js",
                                        "/%2e%2e/",
                                        "/node_modules",
                                        "/api/devices",
                                        "/control",
                                        "/\xff\xfe",
                                        "/?",
                                        "/src/main.tsx"};
    (void)state;
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++)
        assert_null(page_find(PATHS[i]));
}

/* The path in quotes behind `attribute`, looked up. */
static const struct page_file *linked(const char *attribute)
{
    static char path[64];
    const spoke_str html = page_find("/")->bytes;
    const char *at = memmem(html.ptr, html.len, attribute, strlen(attribute));
    assert_non_null(at);
    at += strlen(attribute);
    const char *end = memchr(at, '"', (size_t)(html.ptr + html.len - at));
    assert_true(end != NULL && (size_t)(end - at) < sizeof path);
    memcpy(path, at, (size_t)(end - at));
    path[end - at] = '\0';
    return page_find(path);
}

static void what_the_root_names_is_there_and_may_be_cached_for_ever(void **state)
{
    static const char *const ATTRIBUTES[] = {"src=\"", "rel=\"modulepreload\" href=\"",
                                             "rel=\"stylesheet\" href=\"", "rel=\"icon\" href=\""};
    (void)state;
    if (!page_is_built())
        skip();
    for (size_t i = 0; i < sizeof ATTRIBUTES / sizeof ATTRIBUTES[0]; i++) {
        const struct page_file *file = linked(ATTRIBUTES[i]);
        assert_non_null(file);
        assert_true(file->immutable);
    }
    assert_false(page_find("/")->immutable);
}

/* What the browser fetches before it shows devices. */
static void first_load_stays_under_its_budget(void **state)
{
    (void)state;
    if (!page_is_built())
        skip();
    const size_t bytes = linked("src=\"")->bytes.len + linked("rel=\"modulepreload\" href=\"")->bytes.len +
                         linked("rel=\"stylesheet\" href=\"")->bytes.len + page_find("/")->bytes.len;
    assert_in_range(bytes, 1, 150 * 1024);
}

static void packed_bytes_are_gzip_and_fewer(void **state)
{
    (void)state;
    if (!page_is_built())
        skip();
    const struct page_file *script = linked("rel=\"modulepreload\" href=\"");
    assert_true(script->gzip.len > 2 && script->gzip.len < script->bytes.len / 2);
    assert_memory_equal(script->gzip.ptr, "\x1f\x8b", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_always_there),
        cmocka_unit_test(path_beside_the_table_finds_nothing),
        cmocka_unit_test(what_the_root_names_is_there_and_may_be_cached_for_ever),
        cmocka_unit_test(first_load_stays_under_its_budget),
        cmocka_unit_test(packed_bytes_are_gzip_and_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
