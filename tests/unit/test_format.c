#include "support/support.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"

static void texts_and_numbers_stand_where_printf_puts_them(void **state)
{
    (void)state;
    char ours[160], theirs[160];
    const size_t len = format_text(ours, sizeof ours, "%s:%.*s %d %d %u %ld %ld %lu 100%%.", "hub", 3, "gateway",
                                   0, INT_MIN, UINT_MAX, LONG_MAX, LONG_MIN, ULONG_MAX);
    snprintf(theirs, sizeof theirs, "%s:%.*s %d %d %u %ld %ld %lu 100%%.", "hub", 3, "gateway", 0, INT_MIN,
             UINT_MAX, LONG_MAX, LONG_MIN, ULONG_MAX);
    assert_string_equal(ours, theirs);
    assert_int_equal(len, strlen(theirs));
}

static void no_more_of_a_text_is_read_than_its_precision(void **state)
{
    (void)state;
    const char bare[3] = {'a', 'b', 'c'}; /* no NUL */
    const char *volatile nothing = NULL;
    char text[16];
    assert_int_equal(format_text(text, sizeof text, "%.*s|%.*s", 3, bare, 0, nothing), 4);
    assert_string_equal(text, "abc|");
}

static void what_does_not_fit_is_cut(void **state)
{
    (void)state;
    char text[9];
    memset(text, '!', sizeof text);
    assert_int_equal(format_text(text, 8, "%s", "1234567"), 7);
    assert_string_equal(text, "1234567");
    assert_int_equal(format_text(text, 8, "%s%d", "12345", 678), 7);
    assert_string_equal(text, "1234567");
    assert_int_equal(text[8], '!');
    assert_int_equal(format_text(text, 1, "%s", "1"), 0);
    assert_int_equal(text[0], '\0');
}

static void a_text_is_cut_between_characters_and_ends_there(void **state)
{
    (void)state;
    char text[16];
    for (size_t cap = 1; cap <= 8; cap++) { /* z, two bytes, four bytes: whole from 2, 4 and 8 on */
        static const char *const whole[] = {"", "z", "z", "z\xC3\xA9", "z\xC3\xA9", "z\xC3\xA9", "z\xC3\xA9"};
        const char *expected = cap < 8 ? whole[cap - 1] : "z\xC3\xA9\xF0\x9F\x94\xA5";
        assert_int_equal(format_text(text, cap, "%s%u", "z\xC3\xA9\xF0\x9F\x94\xA5", 7u), strlen(expected));
        assert_string_equal(text, expected);
    }
}

static void what_it_does_not_know_is_said(void **state)
{
    (void)state;
    char text[16];
    assert_true(format_text(text, sizeof text, "a%xb", 7u) == FORMAT_UNKNOWN);
    assert_string_equal(text, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_numbers_stand_where_printf_puts_them),
        cmocka_unit_test(no_more_of_a_text_is_read_than_its_precision),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(a_text_is_cut_between_characters_and_ends_there),
        cmocka_unit_test(what_it_does_not_know_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
