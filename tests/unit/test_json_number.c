#include "support/support.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_number.h"

static double read_double(const char *text)
{
    double value = 0;
    assert_true(json_number_to_double(spoke_str_of(text), &value));
    return value;
}

static void write_double(double value, char text[40])
{
    spoke_buf out = spoke_buf_from(text, 39);
    assert_ok(json_number_append_double(value, &out));
    text[out.len] = '\0';
}

/* xorshift64: any bits will do, the same at each run */
static uint64_t next_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void integers_are_exact_to_both_ends_of_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"0.0", 0},
                {"0e99999999999999999999", 0},
                {"7", 7},
                {"2.0", 2},
                {"1.5e1", 15},
                {"150e-1", 15},
                {"1E+3", 1000},
                {"0.000001e6", 1},
                {"9223372036854775807", INT64_MAX},
                {"9223372036854775807.000", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"-9.223372036854775808e18", INT64_MIN},
                {"1000000000000000000", 1000000000000000000},
                {"1e18", 1000000000000000000}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t value = 99;
        assert_true(json_number_to_int(spoke_str_of(good[i].text), &value));
        assert_true(value == good[i].value);
    }
}

static void fractions_and_larger_integers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"0.5",
                                      "1.55e1",
                                      "1e-1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551616",
                                      "99999999999999999999",
                                      "1e19",
                                      "99e18",
                                      "1000000000000000000000000000000000000000000000000000000000000000000001",
                                      "1e99999999999999999999",
                                      "1e-99999999999999999999",
                                      "9223372036854775807.5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t value = 99;
        assert_false(json_number_to_int(spoke_str_of(bad[i]), &value));
        assert_true(value == 99);
    }
}

static void zeros_in_any_number_do_not_change_a_value(void **state)
{
    (void)state;
    char text[600];
    int64_t value = 0;
    snprintf(text, sizeof text, "0.%0300de301", 7); /* 299 zeros and a 7 */
    assert_true(json_number_to_int(spoke_str_of(text), &value));
    assert_true(value == 70);
    snprintf(text, sizeof text, "12.%0300d", 0);
    assert_true(json_number_to_int(spoke_str_of(text), &value));
    assert_true(value == 12);
    assert_true(read_double(text) == 12.0);
    snprintf(text, sizeof text, "1%0200de-200", 0);
    assert_true(json_number_to_int(spoke_str_of(text), &value));
    assert_true(value == 1);
}

static void doubles_are_rounded_as_the_c_library_rounds(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.1",
                                        "21.5",
                                        "-273.15",
                                        "1e22",
                                        "1e23",
                                        "9007199254740993",
                                        "2.2250738585072014e-308",
                                        "2.2250738585072011e-308",
                                        "4.9406564584124654e-324",
                                        "1.7976931348623157e308",
                                        "0.500000000000000166533453693773481063544750213623046875",
                                        "123456789012345678901234567890e-10"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(read_double(texts[i]) == strtod(texts[i], NULL));
}

static void a_digit_far_behind_still_breaks_a_tie(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof text, "9007199254740993.%0100d1", 0); /* just above the middle of two doubles */
    assert_true(read_double(text) == 9007199254740994.0);
    assert_true(read_double("9007199254740993") == 9007199254740992.0);
}

static void beyond_the_range_of_a_double_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double value = 99;
        assert_false(json_number_to_double(spoke_str_of(bad[i]), &value));
        assert_true(value == 99);
    }
}

static void what_is_too_small_is_zero_of_its_sign(void **state)
{
    (void)state;
    assert_true(read_double("1e-400") == 0);
    assert_true(read_double("1e-99999999999999999999") == 0);
    assert_true(signbit(read_double("-1e-400")) != 0);
    assert_true(signbit(read_double("-0")) != 0);
    assert_true(signbit(read_double("0")) == 0);
}

static void doubles_are_written_short(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } vectors[] = {{0, "0"},
                   {-0.0, "-0"},
                   {5, "5"},
                   {21.5, "21.5"},
                   {0.1, "0.1"},
                   {-1e-7, "-1e-07"},
                   {1e20, "1e+20"},
                   {0.1 + 0.2, "0.30000000000000004"},
                   {1.0 / 3, "0.3333333333333333"}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[40];
        write_double(vectors[i].value, text);
        assert_string_equal(text, vectors[i].text);
    }
}

static void any_double_reads_back_as_itself(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t bits = next_bits(&seed);
        double value, back;
        char text[40];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        write_double(value, text);
        back = read_double(text);
        assert_memory_equal(&back, &value, sizeof value);
        assert_true(back == strtod(text, NULL));
    }
}

static void not_a_number_and_infinity_are_refused(void **state)
{
    (void)state;
    char text[40];
    spoke_buf out = spoke_buf_from(text, sizeof text);
    assert_int_equal(json_number_append_double((double)NAN, &out), SPOKE_E_ARG);
    assert_int_equal(json_number_append_double((double)INFINITY, &out), SPOKE_E_ARG);
    assert_int_equal(json_number_append_double(-(double)INFINITY, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void writing_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char text[21] = {[20] = '!'};
    spoke_buf out = spoke_buf_from(text, 20);
    assert_ok(json_number_append_int(INT64_MIN, &out));
    assert_str(spoke_buf_str(&out), "-9223372036854775808");
    assert_int_equal(text[20], '!');
    out = spoke_buf_from(text, 19);
    assert_int_equal(json_number_append_int(INT64_MIN, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    assert_ok(json_number_append_int(INT64_MAX, &out));
    assert_str(spoke_buf_str(&out), "9223372036854775807");

    out = spoke_buf_from(text, 4);
    text[4] = '!';
    assert_ok(json_number_append_double(21.5, &out));
    assert_int_equal(text[4], '!');
    out = spoke_buf_from(text, 3);
    assert_int_equal(json_number_append_double(21.5, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
}

/* musl has no locales, and says yes to every name. */
static bool has_comma_locale(void)
{
    return setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL && localeconv()->decimal_point[0] == ',';
}

/* Where no such locale is installed, one is compiled for the occasion. */
static bool use_comma_locale(char folder[])
{
    char command[256];
    if (has_comma_locale())
        return true;
    snprintf(command, sizeof command, "localedef --no-archive -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null",
             mkdtemp(folder));
    (void)!system(command);
    setenv("LOCPATH", folder, 1);
    return has_comma_locale();
}

static void the_order_beside_a_whole_number_is_exact(void **state)
{
    (void)state;
    const struct {
        const char *number;
        int order;
    } cases[] = {{"12345", 0},          {"-12345.000", 0},   {"1.2345e4", 0},  {"1234500e-2", 0},
                 {"12344.99999", -1},   {"12345.00001", 1},  {"123", -1},      {"1.2346e4", 1},
                 {"1.23e4", -1},        {"0", -1},           {"0e99", -1},     {"123456", 1},
                 {"1e999999999999", 1}, {"1e-99999999", -1}, {"0.12345e5", 0}, {"99999", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int order = json_number_order(spoke_str_of(cases[i].number), "12345");
        if ((order > 0) - (order < 0) != cases[i].order)
            fail_msg("%s: %d", cases[i].number, order);
    }
}

static void the_decimal_point_is_a_point_in_every_locale(void **state)
{
    (void)state;
    char folder[] = "/tmp/spoke-locale-XXXXXX", command[64], text[40] = "";
    const bool there = use_comma_locale(folder);
    const char point = localeconv()->decimal_point[0];
    double value = 0;
    if (there)
        write_double(-21.5e100, text);
    const bool read = json_number_to_double(SPOKE_STR("-21.5e100"), &value);
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
    if (!there)
        skip();
    assert_int_equal(point, ',');
    assert_string_equal(text, "-2.15e+101");
    assert_true(read && value == -21.5e100);
}

static void the_order_beside_a_whole_number_of_64_digits_sees_what_follows_them(void **state)
{
    (void)state;
    char whole[65], number[80];
    snprintf(whole, sizeof whole, "%064d", 7);
    whole[0] = '1';
    snprintf(number, sizeof number, "%s.25", whole);
    assert_int_equal(json_number_order(spoke_str_of(whole), whole), 0);
    assert_true(json_number_order(spoke_str_of(number), whole) > 0);
}

static void a_float_becomes_the_double_of_its_shortest_spelling(void **state)
{
    (void)state;
    assert_true(json_number_widen(0.1f) == 0.1);
    assert_true(json_number_widen(-21.7f) == -21.7);
    assert_true(json_number_widen(16777217.0f) == 16777216.0);
    assert_true((float)json_number_widen(3.40282347e38f) == (float)3.40282347e38f);
    assert_true((float)json_number_widen(1.17549435e-38f) == (float)1.17549435e-38f);
    assert_true(isinf(json_number_widen(INFINITY)) && json_number_widen(-INFINITY) < 0);
    assert_true(isnan(json_number_widen(NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact_to_both_ends_of_64_bits),
        cmocka_unit_test(fractions_and_larger_integers_are_refused),
        cmocka_unit_test(zeros_in_any_number_do_not_change_a_value),
        cmocka_unit_test(doubles_are_rounded_as_the_c_library_rounds),
        cmocka_unit_test(a_digit_far_behind_still_breaks_a_tie),
        cmocka_unit_test(beyond_the_range_of_a_double_is_refused),
        cmocka_unit_test(what_is_too_small_is_zero_of_its_sign),
        cmocka_unit_test(doubles_are_written_short),
        cmocka_unit_test(any_double_reads_back_as_itself),
        cmocka_unit_test(not_a_number_and_infinity_are_refused),
        cmocka_unit_test(writing_fits_exactly_or_not_at_all),
        cmocka_unit_test(the_order_beside_a_whole_number_is_exact),
        cmocka_unit_test(the_decimal_point_is_a_point_in_every_locale),
        cmocka_unit_test(the_order_beside_a_whole_number_of_64_digits_sees_what_follows_them),
        cmocka_unit_test(a_float_becomes_the_double_of_its_shortest_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
