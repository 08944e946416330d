#include "support/support.h"

#include "base/hex.h"

static void digits_of_either_case_are_read_and_stepped_over(void **state)
{
    (void)state;
    size_t at = 1;
    uint32_t value = 0;
    assert_true(hex_take(SPOKE_STR("x00fFA9y"), &at, 4, &value));
    assert_int_equal(value, 0xff);
    assert_int_equal(at, 5);
    assert_true(hex_take(SPOKE_STR("x00fFA9y"), &at, 2, &value));
    assert_int_equal(value, 0xa9);
    assert_int_equal(at, 7);
}

static void too_few_digits_are_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "12 ", "12g4", "123", "-123", "0x12"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t at = 0;
        uint32_t value = 7;
        assert_false(hex_take(spoke_str_of(bad[i]), &at, 4, &value));
        assert_int_equal(value, 7);
    }
}

static void every_digit_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        const char digits[2] = {hex_digit(i, 'a'), hex_digit(i, 'A')};
        size_t at = 0;
        uint32_t value = 0;
        assert_true(hex_take(spoke_str_from(digits, 2), &at, 2, &value));
        assert_int_equal(value, i * 17);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_of_either_case_are_read_and_stepped_over),
        cmocka_unit_test(too_few_digits_are_no_number),
        cmocka_unit_test(every_digit_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
