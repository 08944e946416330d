#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_number.h"

/* xorshift64: any bits will do, the same at each run */
static uint64_t seed = 88172645463325252u;

static uint64_t next_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* The fewest digits, 15 at least, by the C library. */
static void print_as_before(double value, char text[40])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 40, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

static void assert_printed_as_before(double value)
{
    char ours[41], theirs[40];
    spoke_buf out = spoke_buf_from(ours, 40);
    assert_ok(json_number_append_double(value, &out));
    ours[out.len] = '\0';
    print_as_before(value, theirs);
    assert_string_equal(ours, theirs);
}

static void assert_read_as_before(const char *text)
{
    double value = 0;
    const double expected = strtod(text, NULL);
    const bool read = json_number_to_double(spoke_str_of(text), &value);
    assert_int_equal(read, isfinite(expected) != 0);
    if (read && memcmp(&value, &expected, sizeof value) != 0)
        fail_msg("%s: %a, not %a", text, value, expected);
}

static void readings_of_sensors_are_written_as_the_c_library_writes_them(void **state)
{
    (void)state;
    for (int i = -20000; i < 20000; i++) {
        assert_printed_as_before(i / 10.0);
        assert_printed_as_before(i * 0.001);
        assert_printed_as_before(i / 3.0);
    }
}

static void numbers_of_any_size_are_written_as_the_c_library_writes_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        double value;
        const uint64_t bits = next_bits();
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_printed_as_before(value);
        assert_printed_as_before((double)(bits >> bits % 64));
    }
}

static void powers_of_two_have_neighbours_of_two_distances(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent < 1024; exponent++) {
        const double power = ldexp(1.0, exponent);
        assert_printed_as_before(power);
        assert_printed_as_before(nextafter(power, 0));
        assert_printed_as_before(nextafter(power, 2 * power));
    }
}

static void ties_are_written_to_the_even_digit(void **state)
{
    (void)state;
    assert_printed_as_before(0x1.eb3ec8f6bad77p+50); /* 2160519475293021.75 */
    assert_printed_as_before(0x1.28b5079f8294cp+47); /* 163116479398218.375 */
    assert_printed_as_before(0x1.4df675fa92456p+63); /* 12032275688978559...5 */
}

static void long_texts_are_read_as_the_c_library_reads_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[120];
        const int exponent = (int)(next_bits() % 700) - 360;
        snprintf(text, sizeof text, "%llu%llu.%llue%d", (unsigned long long)next_bits(),
                 (unsigned long long)next_bits() % 1000000, (unsigned long long)next_bits(), exponent);
        assert_read_as_before(text);
    }
}

/* Exactly between two doubles, and a hair to either side. */
static void the_middle_of_two_doubles_goes_to_the_even_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char text[80];
        const unsigned long long odd = (1ull << 53) + (next_bits() >> 12) * 2 + 1; /* has no double of its own */
        snprintf(text, sizeof text, "%llu", odd);
        assert_read_as_before(text);
        snprintf(text, sizeof text, "%llu.%040d1", odd, 0);
        assert_read_as_before(text);
        snprintf(text, sizeof text, "%llu.9999999999999999999999999999999999", odd - 1);
        assert_read_as_before(text);
    }
}

/* The fewest digits, six at least, by the C library. */
static void assert_widened_as_printed(float value)
{
    double named = 0;
    for (int digits = 6; digits <= 9; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        named = strtod(text, NULL);
        if ((float)named == value)
            break;
    }
    if (json_number_widen(value) != named)
        fail_msg("%a: %.17g, not %.17g", (double)value, json_number_widen(value), named);
}

/* 0.01f is less than 0.01, 0.001f more than 0.001. */
static void floats_beside_a_power_of_ten_are_widened_to_it(void **state)
{
    (void)state;
    for (int exponent = -45; exponent <= 38; exponent++) {
        char text[20];
        snprintf(text, sizeof text, "1e%d", exponent);
        const float power = strtof(text, NULL);
        assert_widened_as_printed(power);
        assert_widened_as_printed(-power);
        assert_widened_as_printed(nextafterf(power, 0));
        assert_widened_as_printed(nextafterf(power, 2 * power));
    }
}

static void floats_of_any_size_are_widened_to_the_number_that_is_printed(void **state)
{
    (void)state;
    for (int exponent = -149; exponent < 128; exponent++) {
        const float power = ldexpf(1.0f, exponent);
        assert_widened_as_printed(power);
        assert_widened_as_printed(nextafterf(power, 0));
        assert_widened_as_printed(nextafterf(power, 2 * power));
    }
    for (unsigned i = 0; i < 20000; i++) {
        float value;
        const uint32_t bits = (uint32_t)next_bits();
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_widened_as_printed(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_of_sensors_are_written_as_the_c_library_writes_them),
        cmocka_unit_test(numbers_of_any_size_are_written_as_the_c_library_writes_them),
        cmocka_unit_test(powers_of_two_have_neighbours_of_two_distances),
        cmocka_unit_test(ties_are_written_to_the_even_digit),
        cmocka_unit_test(long_texts_are_read_as_the_c_library_reads_them),
        cmocka_unit_test(the_middle_of_two_doubles_goes_to_the_even_one),
        cmocka_unit_test(floats_beside_a_power_of_ten_are_widened_to_it),
        cmocka_unit_test(floats_of_any_size_are_widened_to_the_number_that_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
