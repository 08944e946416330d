#include "base/iso8601.h"

#include "base/ascii.h"
#include "base/u64.h"

#define DAY_S 86400
#define MAX_UNIX_MS 253402300799999 /* 9999-12-31T23:59:59.999Z */

struct moment {
    unsigned year, month, day, hour, minute, second, milli;
};

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`, 1970 to 10000: 32 bits hold them. */
static uint32_t days_before_year(unsigned year)
{
    const uint32_t past = year - 1;
    const uint32_t leaps_to_1969 = 1969 / 4 - 1969 / 100 + 1969 / 400;
    return (past - 1969) * 365 + past / 4 - past / 100 + past / 400 - leaps_to_1969;
}

static struct moment moment_from(int64_t unix_ms)
{
    struct moment m = {.month = 1};
    uint64_t left = (uint64_t)unix_ms;
    m.milli = u64_divide(&left, 1000);
    const uint32_t in_day = u64_divide(&left, DAY_S);
    uint32_t days = (uint32_t)left;
    m.year = 1970 + days / 366; /* never too late, and at most some years early */
    while (days_before_year(m.year + 1) <= days)
        m.year++;
    days -= days_before_year(m.year);
    while (days >= days_in_month(m.year, m.month))
        days -= days_in_month(m.year, m.month++);
    m.day = 1 + days;
    m.hour = in_day / 3600;
    m.minute = in_day / 60 % 60;
    m.second = in_day % 60;
    return m;
}

static int64_t moment_ms(const struct moment *m)
{
    int64_t days = days_before_year(m->year) + m->day - 1;
    for (unsigned month = 1; month < m->month; month++)
        days += days_in_month(m->year, month);
    return (days * DAY_S + m->hour * 3600 + m->minute * 60 + m->second) * 1000 + m->milli;
}

static void put_digits(char *at, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

spoke_status iso8601_format(int64_t unix_ms, unsigned fraction_digits, spoke_buf *out)
{
    char text[] = "yyyy-MM-ddThh:mm:ss.mmm000000Z";
    size_t len = sizeof "yyyy-MM-ddThh:mm:ss" - 1;
    if (unix_ms < 0 || unix_ms > MAX_UNIX_MS || fraction_digits > 9)
        return SPOKE_E_ARG;
    const struct moment m = moment_from(unix_ms);
    put_digits(text, m.year, 4);
    put_digits(text + 5, m.month, 2);
    put_digits(text + 8, m.day, 2);
    put_digits(text + 11, m.hour, 2);
    put_digits(text + 14, m.minute, 2);
    put_digits(text + 17, m.second, 2);
    put_digits(text + 20, m.milli, 3);
    if (fraction_digits > 0)
        len += 1 + fraction_digits;
    text[len++] = 'Z';
    return spoke_buf_append(out, spoke_str_from(text, len));
}

/* Takes exactly `digits` digits and the character behind them off the front. */
static bool take(spoke_str *rest, unsigned digits, char after, unsigned *value)
{
    unsigned sum = 0;
    if (rest->len < digits + 1u || rest->ptr[digits] != after)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        if (!ascii_is_digit(rest->ptr[i]))
            return false;
        sum = sum * 10 + (unsigned)(rest->ptr[i] - '0');
    }
    *rest = spoke_str_from(rest->ptr + digits + 1, rest->len - digits - 1);
    *value = sum;
    return true;
}

/* ".123": what lies behind the milliseconds is cut off. */
static bool take_fraction(spoke_str rest, unsigned *milli)
{
    static const unsigned weight[9] = {100, 10, 1};
    if (rest.len < 2 || rest.len > 10 || rest.ptr[rest.len - 1] != 'Z')
        return false;
    for (size_t i = 0; i + 1 < rest.len; i++) {
        if (!ascii_is_digit(rest.ptr[i]))
            return false;
        *milli += (unsigned)(rest.ptr[i] - '0') * weight[i];
    }
    return true;
}

/* The last field: seconds with or without a fraction, and nothing behind the Z. */
static bool take_seconds(spoke_str rest, struct moment *m)
{
    if (take(&rest, 2, 'Z', &m->second))
        return rest.len == 0;
    return take(&rest, 2, '.', &m->second) && take_fraction(rest, &m->milli);
}

static bool is_real(const struct moment *m)
{
    return m->year >= 1970 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= days_in_month(m->year, m->month) && m->hour < 24 && m->minute < 60 && m->second < 60;
}

spoke_status iso8601_parse(spoke_str text, int64_t *unix_ms)
{
    struct moment m = {0};
    spoke_str rest = text;
    if (!take(&rest, 4, '-', &m.year) || !take(&rest, 2, '-', &m.month) || !take(&rest, 2, 'T', &m.day) ||
        !take(&rest, 2, ':', &m.hour) || !take(&rest, 2, ':', &m.minute) || !take_seconds(rest, &m) ||
        !is_real(&m))
        return SPOKE_E_ARG;
    *unix_ms = moment_ms(&m);
    return SPOKE_OK;
}
