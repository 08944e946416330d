#include "support/support.h"

#include <time.h>

#include "base/iso8601.h"

static const struct {
    int64_t unix_ms;
    const char *text;
} vectors[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {951782399999, "2000-02-28T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {1619004616123, "2021-04-21T11:30:16.123Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};
#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

static void known_moments_come_out_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        char memory[32];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        int64_t back = -1;
        assert_ok(iso8601_format(vectors[i].unix_ms, 3, &out));
        assert_str(spoke_buf_str(&out), vectors[i].text);
        assert_ok(iso8601_parse(spoke_str_of(vectors[i].text), &back));
        assert_true(back == vectors[i].unix_ms);
    }
}

static void every_day_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 366 * 500; day++) { /* past a 400-year cycle */
        const time_t seconds = (time_t)(day * 86400 + day % 86400);
        if (seconds < 0)
            break; /* the C library counts in 32 bits here and knows no day after 2038 */
        struct tm tm;
        char expected[32], memory[32];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        int64_t back = -1;
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
        assert_ok(iso8601_format((int64_t)seconds * 1000, 0, &out));
        assert_str(spoke_buf_str(&out), expected);
        assert_ok(iso8601_parse(spoke_buf_str(&out), &back));
        assert_true(back == (int64_t)seconds * 1000);
    }
}

static void the_fraction_has_as_many_digits_as_asked_for(void **state)
{
    (void)state;
    static const char *const expected[] = {"1970-01-01T00:00:00Z",          "1970-01-01T00:00:00.1Z",
                                           "1970-01-01T00:00:00.12Z",       "1970-01-01T00:00:00.123Z",
                                           "1970-01-01T00:00:00.1230Z",     "1970-01-01T00:00:00.12300Z",
                                           "1970-01-01T00:00:00.123000Z",   "1970-01-01T00:00:00.1230000Z",
                                           "1970-01-01T00:00:00.12300000Z", "1970-01-01T00:00:00.123000000Z"};
    for (unsigned digits = 0; digits <= 9; digits++) {
        char memory[32];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        int64_t back = -1;
        assert_ok(iso8601_format(123, digits, &out));
        assert_str(spoke_buf_str(&out), expected[digits]);
        assert_ok(iso8601_parse(spoke_buf_str(&out), &back));
        assert_true(back == (digits == 0 ? 0 : digits == 1 ? 100 : digits == 2 ? 120 : 123));
    }
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    char memory[40];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(iso8601_format(-1, 3, &out), SPOKE_E_ARG);
    assert_int_equal(iso8601_format(253402300800000, 3, &out), SPOKE_E_ARG);
    assert_int_equal(iso8601_format(INT64_MAX, 3, &out), SPOKE_E_ARG);
    assert_int_equal(iso8601_format(INT64_MIN, 3, &out), SPOKE_E_ARG);
    assert_int_equal(iso8601_format(0, 10, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void formatting_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[21] = {[20] = '!'};
    spoke_buf out = spoke_buf_from(memory, 20);
    assert_ok(iso8601_format(0, 0, &out));
    assert_int_equal(memory[20], '!');
    out = spoke_buf_from(memory, 19);
    assert_int_equal(iso8601_format(0, 0, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
}

static void each_truncation_and_a_byte_too_many_are_refused(void **state)
{
    (void)state;
    const spoke_str whole = SPOKE_STR("2021-04-21T11:30:16.123Z");
    int64_t value = 7;
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(iso8601_parse(spoke_str_from(whole.ptr, len), &value), SPOKE_E_ARG);
    assert_int_equal(iso8601_parse(SPOKE_STR("2021-04-21T11:30:16.123ZZ"), &value), SPOKE_E_ARG);
    assert_int_equal(iso8601_parse(SPOKE_STR("2021-04-21T11:30:16Z "), &value), SPOKE_E_ARG);
    assert_true(value == 7);
}

static void moments_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"1969-12-31T23:59:59Z",  "2021-00-01T00:00:00Z",
                                      "2021-13-01T00:00:00Z",  "2021-01-00T00:00:00Z",
                                      "2021-04-31T00:00:00Z",  "2021-02-29T00:00:00Z",
                                      "2100-02-29T00:00:00Z",  "2021-01-01T24:00:00Z",
                                      "2021-01-01T00:60:00Z",  "2021-01-01T00:00:60Z",
                                      "2021-01-01 00:00:00Z",  "2021-01-01T00:00:00",
                                      "2021-01-01T00:00:00z",  "2021-01-01T00:00:00+00:00",
                                      "2021-01-01T00:00:00.Z", "2021-01-01T00:00:00.1234567890Z",
                                      "2021-01-01T00:00:00.1", "2021-01-01T00:00:00.1aZ",
                                      "+021-01-01T00:00:00Z",  "2021-1-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t value = 7;
        assert_int_equal(iso8601_parse(spoke_str_of(bad[i]), &value), SPOKE_E_ARG);
        assert_true(value == 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_come_out_both_ways),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(the_fraction_has_as_many_digits_as_asked_for),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(formatting_fits_exactly_or_not_at_all),
        cmocka_unit_test(each_truncation_and_a_byte_too_many_are_refused),
        cmocka_unit_test(moments_that_do_not_exist_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
