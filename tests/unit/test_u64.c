#include <stdio.h>

#include "support/support.h"

#include "base/u64.h"

static const uint64_t values[] = {0,
                                  1,
                                  9,
                                  10,
                                  99,
                                  255,
                                  256,
                                  65535,
                                  UINT32_MAX,
                                  (uint64_t)UINT32_MAX + 1,
                                  86399999,
                                  1767225600000,
                                  UINT64_MAX - 1,
                                  UINT64_MAX};

static void quotient_and_rest_are_those_of_the_processor(void **state)
{
    (void)state;
    static const uint32_t divisors[] = {1, 7, 10, 255, 256, 1000, 86400, (1u << 24) - 1};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (size_t k = 0; k < sizeof divisors / sizeof divisors[0]; k++) {
            uint64_t value = values[i];
            assert_int_equal(u64_divide(&value, divisors[k]), values[i] % divisors[k]);
            assert_true(value == values[i] / divisors[k]);
        }
    }
}

static void the_text_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char memory[U64_DIGITS], expected[U64_DIGITS + 1];
        const int len = snprintf(expected, sizeof expected, "%llu", (unsigned long long)values[i]);
        const spoke_str text = u64_text(values[i], memory);
        assert_int_equal(text.len, len);
        assert_memory_equal(text.ptr, expected, text.len);
    }
}

static void digits_read_as_their_number_and_too_many_as_more_than_63_bits(void **state)
{
    (void)state;
    uint64_t value = 1;
    assert_true(u64_read(SPOKE_STR("0"), &value));
    assert_true(value == 0);
    assert_true(u64_read(SPOKE_STR("0000000000000000000000000017"), &value));
    assert_true(value == 17);
    assert_true(u64_read(SPOKE_STR("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    static const char *const more[] = {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                                       "36893488147419103232", "99999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        assert_true(u64_read(spoke_str_of(more[i]), &value));
        assert_true(value > INT64_MAX);
    }
}

static void what_is_not_digits_alone_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "x", "1e3", "\xb2"};
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(u64_read(spoke_str_of(bad[i]), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotient_and_rest_are_those_of_the_processor),
        cmocka_unit_test(the_text_reads_back),
        cmocka_unit_test(digits_read_as_their_number_and_too_many_as_more_than_63_bits),
        cmocka_unit_test(what_is_not_digits_alone_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
