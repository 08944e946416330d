/* When scheduled jobs run. */
#include <string.h>

#include "base/iso8601.h"
#include "central/rest/schedule.h"
#include "support/support.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_ok(iso8601_parse(spoke_str_of(text), &ms));
    return ms;
}

/* The next occurrences from the start on, each a millisecond after the one before. */
static void runs(const struct schedule *s, const char *const *expected, size_t count)
{
    int64_t from = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t next = schedule_next(s, from);
        const int64_t wanted = expected[i] != NULL ? at(expected[i]) : SCHEDULE_NEVER;
        if (next != wanted)
            fail_msg("%zu: %lld, not %s", i, (long long)next, expected[i]);
        from = next == SCHEDULE_NEVER ? next : next + 1;
    }
}
#define RUNS(schedule, ...) \
    runs((schedule), (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void a_day_and_a_week_are_whole_ones(void **state)
{
    (void)state;
    struct schedule s = {.start_ms = at("2026-02-27T05:06:07.089Z"), .recurrence = SCHEDULE_DAILY};
    RUNS(&s, "2026-02-27T05:06:07.089Z", "2026-02-28T05:06:07.089Z", "2026-03-01T05:06:07.089Z");
    s.recurrence = SCHEDULE_WEEKLY;
    RUNS(&s, "2026-02-27T05:06:07.089Z", "2026-03-06T05:06:07.089Z", "2026-03-13T05:06:07.089Z");
}

static void the_nights_of_summer_time_are_like_others(void **state)
{
    (void)state;
    const struct schedule s = {.start_ms = at("2026-03-28T01:30:00Z"), .recurrence = SCHEDULE_DAILY};
    RUNS(&s, "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T01:30:00Z");
}

static void a_month_without_the_day_has_its_last_one(void **state)
{
    (void)state;
    struct schedule s = {.start_ms = at("2026-01-31T23:59:59Z"), .recurrence = SCHEDULE_MONTHLY};
    RUNS(&s, "2026-01-31T23:59:59Z", "2026-02-28T23:59:59Z", "2026-03-31T23:59:59Z", "2026-04-30T23:59:59Z",
         "2026-05-31T23:59:59Z");
    s.start_ms = at("2027-12-29T00:00:00Z");
    RUNS(&s, "2027-12-29T00:00:00Z", "2028-01-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-29T00:00:00Z");
    s.start_ms = at("2099-12-31T00:00:00Z");
    RUNS(&s, "2099-12-31T00:00:00Z", "2100-01-31T00:00:00Z", "2100-02-28T00:00:00Z", "2100-03-31T00:00:00Z");
}

static void it_ends_with_a_date_or_a_number(void **state)
{
    (void)state;
    struct schedule s = {.start_ms = at("2026-01-01T00:00:00Z"),
                         .recurrence = SCHEDULE_DAILY,
                         .end_ms = at("2026-01-02T00:00:00Z")};
    RUNS(&s, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", NULL);
    s.end_ms = 0;
    s.occurrences = 2;
    RUNS(&s, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", NULL);
    s.recurrence = SCHEDULE_ONCE;
    s.occurrences = 0;
    RUNS(&s, "2026-01-01T00:00:00Z", NULL);
}

static void a_moment_long_after_finds_the_next_one(void **state)
{
    (void)state;
    const struct schedule s = {.start_ms = at("1970-01-31T00:00:00Z"), .recurrence = SCHEDULE_MONTHLY};
    assert_int_equal(schedule_next(&s, at("2400-02-28T00:00:01Z")), at("2400-02-29T00:00:00Z"));
    assert_int_equal(schedule_next(&s, at("2400-02-29T00:00:00Z")), at("2400-02-29T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_and_a_week_are_whole_ones),
        cmocka_unit_test(the_nights_of_summer_time_are_like_others),
        cmocka_unit_test(a_month_without_the_day_has_its_last_one),
        cmocka_unit_test(it_ends_with_a_date_or_a_number),
        cmocka_unit_test(a_moment_long_after_finds_the_next_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
