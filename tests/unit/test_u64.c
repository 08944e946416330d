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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotient_and_rest_are_those_of_the_processor),
        cmocka_unit_test(the_text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
