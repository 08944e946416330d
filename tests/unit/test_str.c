#include "support/support.h"

#include <string.h>

static void views_of_c_strings_leave_the_nul_out(void **state)
{
    (void)state;
    assert_int_equal(spoke_str_of("abc").len, 3);
    assert_int_equal(spoke_str_of("").len, 0);
    assert_int_equal(spoke_str_of(NULL).len, 0);
    assert_null(spoke_str_of(NULL).ptr);
    assert_int_equal(SPOKE_STR("a\0b").len, 3);
}

static void equality_compares_bytes_and_length(void **state)
{
    (void)state;
    assert_true(spoke_str_equal(SPOKE_STR("ab"), SPOKE_STR("ab")));
    assert_false(spoke_str_equal(SPOKE_STR("ab"), SPOKE_STR("aB")));
    assert_false(spoke_str_equal(SPOKE_STR("ab"), SPOKE_STR("abc")));
    assert_true(spoke_str_equal(spoke_str_of(NULL), SPOKE_STR("")));
    assert_false(spoke_str_equal(SPOKE_STR("a\0b"), SPOKE_STR("a\0c")));
}

static void case_is_folded_for_ascii_letters_alone(void **state)
{
    (void)state;
    assert_true(spoke_str_equal_nocase(SPOKE_STR("Host.Example"), SPOKE_STR("hOST.eXAMPLE")));
    assert_false(spoke_str_equal_nocase(SPOKE_STR("ab"), SPOKE_STR("abc")));
    assert_false(spoke_str_equal_nocase(SPOKE_STR("[@"), SPOKE_STR("{`")));
    assert_false(spoke_str_equal_nocase(SPOKE_STR("\xC3\x84"), SPOKE_STR("\xC3\xA4")));
}

static void a_prefix_may_be_empty_or_everything(void **state)
{
    (void)state;
    assert_true(spoke_str_starts(SPOKE_STR("abc"), SPOKE_STR("")));
    assert_true(spoke_str_starts(SPOKE_STR("abc"), SPOKE_STR("ab")));
    assert_true(spoke_str_starts(SPOKE_STR("abc"), SPOKE_STR("abc")));
    assert_false(spoke_str_starts(SPOKE_STR("abc"), SPOKE_STR("abcd")));
    assert_false(spoke_str_starts(SPOKE_STR("abc"), SPOKE_STR("b")));
    assert_true(spoke_str_starts(spoke_str_of(NULL), spoke_str_of(NULL)));
}

static void a_cut_splits_at_the_first_separator(void **state)
{
    (void)state;
    spoke_str head, rest;
    assert_true(spoke_str_cut(SPOKE_STR("a=b=c"), '=', &head, &rest));
    assert_str(head, "a");
    assert_str(rest, "b=c");
    assert_true(spoke_str_cut(SPOKE_STR("="), '=', &head, &rest));
    assert_str(head, "");
    assert_str(rest, "");
    assert_false(spoke_str_cut(SPOKE_STR("abc"), '=', &head, &rest));
    assert_str(head, "abc");
    assert_str(rest, "");
    assert_false(spoke_str_cut(spoke_str_of(NULL), '=', &head, &rest));
    assert_str(head, "");
}

static void a_cut_may_write_over_its_input(void **state)
{
    (void)state;
    spoke_str head, rest = SPOKE_STR("a/b/c");
    assert_true(spoke_str_cut(rest, '/', &head, &rest));
    assert_str(head, "a");
    assert_str(rest, "b/c");
}

static void decimal_digits_are_read_up_to_the_bound(void **state)
{
    (void)state;
    uint32_t value = 7;
    assert_ok(spoke_str_u32(SPOKE_STR("0"), &value));
    assert_int_equal(value, 0);
    assert_ok(spoke_str_u32(SPOKE_STR("007"), &value));
    assert_int_equal(value, 7);
    assert_ok(spoke_str_u32(SPOKE_STR("4294967295"), &value));
    assert_int_equal(value, UINT32_MAX);
}

static void what_is_not_a_small_decimal_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1a", "0x1", "4294967296", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t value = 7;
        assert_int_equal(spoke_str_u32(spoke_str_of(bad[i]), &value), SPOKE_E_ARG);
        assert_int_equal(value, 7);
    }
}

static void appending_fits_exactly_and_not_one_byte_more(void **state)
{
    (void)state;
    char memory[6] = ".....!";
    spoke_buf out = spoke_buf_from(memory, 5);
    assert_ok(spoke_buf_append(&out, SPOKE_STR("abc")));
    assert_int_equal(spoke_buf_append(&out, SPOKE_STR("def")), SPOKE_E_TOO_SMALL);
    assert_str(spoke_buf_str(&out), "abc");
    assert_ok(spoke_buf_append(&out, SPOKE_STR("d")));
    assert_ok(spoke_buf_append_byte(&out, 'e'));
    assert_int_equal(spoke_buf_append_byte(&out, 'f'), SPOKE_E_TOO_SMALL);
    assert_ok(spoke_buf_append(&out, spoke_str_of(NULL)));
    assert_str(spoke_buf_str(&out), "abcde");
    assert_int_equal(memory[5], '!');
}

static void a_huge_length_does_not_wrap_round(void **state)
{
    (void)state;
    char memory[4] = "abc";
    spoke_buf out = {(uint8_t *)memory, 2, 4};
    assert_int_equal(spoke_buf_append(&out, spoke_str_from(memory, SIZE_MAX)), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 2);
}

static void an_empty_buffer_needs_no_memory(void **state)
{
    (void)state;
    spoke_buf out = spoke_buf_from(NULL, 0);
    assert_ok(spoke_buf_append(&out, SPOKE_STR("")));
    assert_int_equal(spoke_buf_append_byte(&out, 'x'), SPOKE_E_TOO_SMALL);
}

static void numbers_are_appended_in_decimal_or_not_at_all(void **state)
{
    (void)state;
    char memory[21];
    spoke_buf out = spoke_buf_from(memory, 20);
    memory[20] = '!';
    assert_ok(spoke_buf_append_u64(&out, UINT64_MAX));
    assert_str(spoke_buf_str(&out), "18446744073709551615");
    assert_int_equal(memory[20], '!');
    out = spoke_buf_from(memory, 19);
    assert_int_equal(spoke_buf_append_u64(&out, UINT64_MAX), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    assert_ok(spoke_buf_append_u64(&out, 0));
    assert_str(spoke_buf_str(&out), "0");
}

static void wiping_leaves_zeros_and_keeps_to_its_length(void **state)
{
    (void)state;
    char memory[4] = "key";
    spoke_wipe(memory, 2);
    assert_memory_equal(memory, "\0\0y", 3);
    spoke_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_of_c_strings_leave_the_nul_out),
        cmocka_unit_test(equality_compares_bytes_and_length),
        cmocka_unit_test(case_is_folded_for_ascii_letters_alone),
        cmocka_unit_test(a_prefix_may_be_empty_or_everything),
        cmocka_unit_test(a_cut_splits_at_the_first_separator),
        cmocka_unit_test(a_cut_may_write_over_its_input),
        cmocka_unit_test(decimal_digits_are_read_up_to_the_bound),
        cmocka_unit_test(what_is_not_a_small_decimal_is_refused),
        cmocka_unit_test(appending_fits_exactly_and_not_one_byte_more),
        cmocka_unit_test(a_huge_length_does_not_wrap_round),
        cmocka_unit_test(an_empty_buffer_needs_no_memory),
        cmocka_unit_test(numbers_are_appended_in_decimal_or_not_at_all),
        cmocka_unit_test(wiping_leaves_zeros_and_keeps_to_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
