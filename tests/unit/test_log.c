#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/log.h"

struct capture {
    unsigned lines;
    spoke_log_level level;
    char module[16];
    char line[512];
};

static void keep(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    struct capture *seen = ctx;
    seen->lines++;
    seen->level = level;
    snprintf(seen->module, sizeof seen->module, "%s", module);
    snprintf(seen->line, sizeof seen->line, "%s", line);
}

static void a_line_is_formatted_and_handed_over(void **state)
{
    (void)state;
    struct capture seen = {0};
    const spoke_platform platform = {.struct_size = sizeof platform, .ctx = &seen, .log = keep};
    log_line(&platform, SPOKE_LOG_WARN, "net", "%s answered %d", "broker", 5);
    assert_int_equal(seen.lines, 1);
    assert_int_equal(seen.level, SPOKE_LOG_WARN);
    assert_string_equal(seen.module, "net");
    assert_string_equal(seen.line, "broker answered 5");
}

static void without_a_log_nothing_happens(void **state)
{
    (void)state;
    const spoke_platform silent = {.struct_size = sizeof silent};
    log_line(&silent, SPOKE_LOG_ERROR, "net", "%s", "lost");
    log_line(NULL, SPOKE_LOG_ERROR, "net", "%s", "lost");
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    struct capture seen = {0};
    const spoke_platform platform = {.struct_size = sizeof platform, .ctx = &seen, .log = keep};
    log_line(&platform, SPOKE_LOG_INFO, "hub", "%s", "a\nb\r\x1B[2J\x7F\xC3\xA9");
    assert_string_equal(seen.line, "a?b??[2J?\xC3\xA9");
}

static void a_long_line_is_cut_not_lost(void **state)
{
    (void)state;
    struct capture seen = {0};
    const spoke_platform platform = {.struct_size = sizeof platform, .ctx = &seen, .log = keep};
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_line(&platform, SPOKE_LOG_INFO, "hub", "%s", text);
    assert_int_equal(strlen(seen.line), 255);
    assert_memory_equal(seen.line, text, 255);
}

static void a_line_that_cannot_be_formatted_is_left_out(void **state)
{
    (void)state;
    struct capture seen = {0};
    const spoke_platform platform = {.struct_size = sizeof platform, .ctx = &seen, .log = keep};
    const wchar_t no_character[] = {(wchar_t)0x7FFFFFFF, 0};
    log_line(&platform, SPOKE_LOG_INFO, "hub", "%ls", no_character);
    assert_int_equal(seen.lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_formatted_and_handed_over),
        cmocka_unit_test(without_a_log_nothing_happens),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(a_long_line_is_cut_not_lost),
        cmocka_unit_test(a_line_that_cannot_be_formatted_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
