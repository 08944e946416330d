#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "client/log_ring.h"

enum { LINE = 3 + 8 + 8 }; /* at least: what a line takes beside its text */

static void add(struct log_ring *ring, spoke_log_level level, const char *text)
{
    const struct log_ring_line line = {.unix_s = 1767225600,
                                       .uptime_ms = 5,
                                       .level = level,
                                       .module = SPOKE_STR("m"),
                                       .text = spoke_str_of(text)};
    log_ring_add(ring, &line);
}

/* "one two " */
static const char *all(const struct log_ring *ring)
{
    static char text[1024];
    struct log_ring_line line;
    size_t at = 0;
    text[0] = '\0';
    while (log_ring_next(ring, &at, &line))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s ", (int)line.text.len, line.text.ptr);
    return text;
}

static void lines_come_back_in_order_with_all_that_was_said(void **state)
{
    uint8_t memory[256];
    struct log_ring ring;
    struct log_ring_line line;
    size_t at = 0;
    (void)state;
    log_ring_init(&ring, memory, sizeof memory);
    add(&ring, SPOKE_LOG_WARN, "one");
    add(&ring, SPOKE_LOG_INFO, "two");
    assert_string_equal(all(&ring), "one two ");
    assert_true(log_ring_next(&ring, &at, &line));
    assert_int_equal(line.level, SPOKE_LOG_WARN);
    assert_int_equal(line.unix_s, 1767225600);
    assert_int_equal(line.uptime_ms, 5);
    assert_str(line.module, "m");
}

static void an_empty_ring_has_no_lines(void **state)
{
    uint8_t memory[64];
    struct log_ring ring;
    (void)state;
    log_ring_init(&ring, memory, sizeof memory);
    assert_string_equal(all(&ring), "");
}

static void the_oldest_lines_leave_whole(void **state)
{
    uint8_t memory[200];
    char text[16];
    struct log_ring ring;
    (void)state;
    log_ring_init(&ring, memory, sizeof memory);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%.*s%02d", i % 7, "-------", i);
        add(&ring, SPOKE_LOG_INFO, text);
        const char *now = all(&ring);
        const size_t len = strlen(now);
        strcat(text, " ");
        assert_true(len >= strlen(text));
        assert_string_equal(now + len - strlen(text), text);
        const char *first = strpbrk(now, "0123456789");
        assert_true(strspn(now, "-") == (size_t)(first - now)); /* no half line in front */
    }
}

static void nothing_is_written_behind_the_memory(void **state)
{
    uint8_t memory[300];
    char text[300];
    struct log_ring ring;
    (void)state;
    for (size_t cap = 0; cap <= 298; cap++) {
        memset(memory, 0xA5, sizeof memory);
        log_ring_init(&ring, memory, cap);
        for (size_t len = 1; len < 280; len += 9) {
            memset(text, 'x', len);
            text[len] = '\0';
            add(&ring, SPOKE_LOG_INFO, text);
            assert_true(ring.used <= cap);
        }
        assert_int_equal(memory[cap], 0xA5);
        assert_int_equal(memory[cap + 1], 0xA5);
    }
}

static void a_line_longer_than_the_ring_is_cut(void **state)
{
    uint8_t memory[64];
    struct log_ring ring;
    struct log_ring_line line;
    size_t at = 0;
    (void)state;
    log_ring_init(&ring, memory, sizeof memory);
    add(&ring, SPOKE_LOG_INFO, "0123456789012345678901234567890123456789012345678901234567890123456789");
    assert_true(log_ring_next(&ring, &at, &line));
    assert_in_range(line.text.len, 20, 64 - LINE);
    assert_int_equal(ring.used, 64);
}

static void a_character_is_not_cut_in_half(void **state)
{
    uint8_t memory[64];
    char text[80] = "";
    struct log_ring ring;
    struct log_ring_line line;
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        size_t at = 0;
        memset(text, 'x', (size_t)shift);
        text[shift] = '\0';
        while (strlen(text) < 70)
            strcat(text, "\xE2\x82\xAC"); /* three bytes each */
        log_ring_init(&ring, memory, sizeof memory);
        add(&ring, SPOKE_LOG_INFO, text);
        assert_true(log_ring_next(&ring, &at, &line));
        assert_true(spoke_utf8_valid(line.text));
        assert_int_equal((line.text.len - (size_t)shift) % 3, 0);
    }
}

static void what_is_no_text_becomes_text(void **state)
{
    uint8_t memory[128];
    struct log_ring ring;
    (void)state;
    log_ring_init(&ring, memory, sizeof memory);
    add(&ring, SPOKE_LOG_INFO, "a\xFFz");
    assert_string_equal(all(&ring), "a?z ");
    log_ring_init(&ring, memory, sizeof memory);
    log_ring_add(&ring, &(struct log_ring_line){.level = SPOKE_LOG_INFO, .text = SPOKE_STR("b\0\xFFz")});
    assert_string_equal(all(&ring), "b??z "); /* and a line needs no module */
}

static void the_guard_lets_one_in(void **state)
{
    log_ring_guard guard;
    (void)state;
    log_ring_guard_init(&guard);
    assert_true(log_ring_enter(&guard));
    assert_false(log_ring_enter(&guard));
    log_ring_leave(&guard);
    assert_true(log_ring_enter(&guard));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_in_order_with_all_that_was_said),
        cmocka_unit_test(an_empty_ring_has_no_lines),
        cmocka_unit_test(the_oldest_lines_leave_whole),
        cmocka_unit_test(nothing_is_written_behind_the_memory),
        cmocka_unit_test(a_line_longer_than_the_ring_is_cut),
        cmocka_unit_test(a_character_is_not_cut_in_half),
        cmocka_unit_test(what_is_no_text_becomes_text),
        cmocka_unit_test(the_guard_lets_one_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
