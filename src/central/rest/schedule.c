#include "schedule.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct month_day {
    int64_t year;
    unsigned month, day; /* from 1 */
};

/* Days since 1970-01-01 as a date of the Gregorian calendar, and back. Counted from the first of March of the year 0, so
 * that a leap day is a year's last; an era has 400 years. Valid from 1970 on. */
static struct month_day date_of(int64_t days)
{
    days += 719468;
    const int64_t era = days / 146097, of_era = days % 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153; /* 0: March */
    return (struct month_day){.year = year + era * 400 + (month >= 10),
                              .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                              .day = (unsigned)(of_year - (153 * month + 2) / 5 + 1)};
}

static int64_t days_of(struct month_day date)
{
    const int64_t year = date.year - (date.month <= 2);
    const int64_t era = year / 400, of_era = year % 400;
    const int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    const int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned month_length(int64_t year, unsigned month)
{
    static const unsigned LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return LENGTHS[month - 1] + (month == 2 && leap);
}

static int64_t after_months(int64_t start_ms, int64_t months)
{
    struct month_day date = date_of(start_ms / DAY_MS);
    const int64_t counted = date.month - 1 + months;
    date.year += counted / 12;
    date.month = (unsigned)(counted % 12) + 1;
    const unsigned length = month_length(date.year, date.month);
    date.day = date.day < length ? date.day : length;
    return days_of(date) * DAY_MS + start_ms % DAY_MS;
}

static int64_t occurrence(const struct schedule *s, int64_t index)
{
    switch (s->recurrence) {
    case SCHEDULE_ONCE:
        return index == 0 ? s->start_ms : SCHEDULE_NEVER;
    case SCHEDULE_DAILY:
        return s->start_ms + index * DAY_MS;
    case SCHEDULE_WEEKLY:
        return s->start_ms + index * 7 * DAY_MS;
    case SCHEDULE_MONTHLY:
        return after_months(s->start_ms, index);
    }
    return SCHEDULE_NEVER;
}

/* One that is not behind the moment, and not many before it. */
static int64_t guess(const struct schedule *s, int64_t at_ms)
{
    static const int64_t LONGEST[] = {1, DAY_MS, 7 * DAY_MS, 31 * DAY_MS};
    return at_ms <= s->start_ms || s->recurrence == SCHEDULE_ONCE ? 0
                                                                  : (at_ms - s->start_ms) / LONGEST[s->recurrence];
}

int64_t schedule_next(const struct schedule *s, int64_t at_or_after_ms)
{
    int64_t index = guess(s, at_or_after_ms), at = occurrence(s, index);
    while (at < at_or_after_ms)
        at = occurrence(s, ++index);
    const bool over = (s->end_ms != 0 && at > s->end_ms) || (s->occurrences != 0 && index >= s->occurrences);
    return over ? SCHEDULE_NEVER : at;
}
