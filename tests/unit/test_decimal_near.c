#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal_near.h"

/* xorshift64: any bits will do, the same at each run */
static uint64_t seed = 88172645463325252u;

static uint64_t next_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double next_double(void)
{
    const uint64_t bits = next_bits();
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* digits and exponent as text: "-123e-2" */
static void print(const struct decimal *d, char text[40])
{
    snprintf(text, 40, "%s%.*se%d", d->negative ? "-" : "", (int)d->count, d->digits, (int)d->exponent);
}

static double printed(double value)
{
    struct decimal d;
    char text[40];
    assert_true(decimal_near_from_double(value, &d));
    assert_true(d.count <= DECIMAL_NEAR_DIGITS);
    print(&d, text);
    return d.count > 0 ? strtod(text, NULL) : d.negative ? -0.0 : 0.0;
}

static void split(const char *text, struct decimal *d)
{
    *d = (struct decimal){.negative = *text == '-'};
    const char *at = text + (d->negative ? 1 : 0);
    for (bool fraction = false; *at != '\0' && *at != 'e'; at++) {
        if (*at == '.')
            fraction = true;
        else
            decimal_push(d, *at, fraction);
    }
    d->exponent += *at == 'e' ? strtol(at + 1, NULL, 10) : 0;
    decimal_trim(d);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t units_apart(double a, double b)
{
    const uint64_t x = bits_of(a), y = bits_of(b);
    return x > y ? x - y : y - x;
}

static void assert_read_near(const char *text, uint64_t units)
{
    struct decimal d;
    double value = 0;
    split(text, &d);
    assert_true(decimal_near_to_double(&d, &value));
    if (units_apart(value, strtod(text, NULL)) > units)
        fail_msg("%s: %.17g", text, value);
}

static void readings_of_sensors_keep_their_value(void **state)
{
    (void)state;
    char text[40];
    for (int i = -20000; i < 20000; i++) {
        snprintf(text, sizeof text, "%d.%03d", i / 1000, abs(i % 1000));
        assert_read_near(text, 0);
        const double value = strtod(text, NULL);
        assert_true(bits_of(printed(value)) == bits_of(value));
    }
}

static void any_number_is_written_with_15_digits(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        const double value = next_double();
        char text[40];
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, "%.14e", value);
        /* one of the last digit, where a half was too close to call */
        assert_true(fabs(printed(value) / strtod(text, NULL) - 1) < 1.1e-14);
    }
}

static void any_number_is_read_to_one_unit_of_its_last_place(void **state)
{
    (void)state;
    char text[40];
    for (int i = 0; i < 100000; i++) {
        const double value = next_double();
        if (!isnormal(value) || fabs(value) < 1e-290)
            continue;
        snprintf(text, sizeof text, "%.16e", value);
        assert_read_near(text, 1);
    }
    assert_read_near("12345678901234567890123456789", 1); /* more digits than fit */
    assert_read_near("9007199254740993", 1);              /* half way between two */
}

static void the_ends_of_the_range_are_kept(void **state)
{
    (void)state;
    static const char *const beyond[] = {"1e309", "2e400", "1.7976931348623199e308"};
    static const char *const none[] = {"0", "1e-308", "1e-400", "0e999"};
    struct decimal d;
    double value = 0;
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        split(beyond[i], &d);
        assert_false(decimal_near_to_double(&d, &value));
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        split(none[i], &d);
        assert_true(decimal_near_to_double(&d, &value));
        assert_true(bits_of(value) == 0);
    }
    assert_read_near("-0", 0);
    assert_read_near("1.7976931348623157e308", 1);
    assert_read_near("2.3e-308", 1);
    assert_true(bits_of(printed(-0.0)) == bits_of(-0.0));
    assert_true(fabs(printed(4.9406564584124654e-324) / 4.9406564584124654e-324 - 1) < 1e-14);
    assert_true(decimal_near_from_double(1.7976931348623157e308, &d));
    assert_memory_equal(d.digits, "179769313486232", d.count); /* which is more than any double is */
    assert_false(decimal_near_from_double(NAN, &d));
    assert_false(decimal_near_from_double(-INFINITY, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_of_sensors_keep_their_value),
        cmocka_unit_test(any_number_is_written_with_15_digits),
        cmocka_unit_test(any_number_is_read_to_one_unit_of_its_last_place),
        cmocka_unit_test(the_ends_of_the_range_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
