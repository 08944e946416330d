#include "base/json_number.h"

#include <string.h>

#include <spoke/features.h>

#include "base/ascii.h"
#include "base/decimal.h"
#include "base/decimal_near.h"

/* Beyond any double by far, and any text's length moves it by too little to overflow. */
#define MAX_EXPONENT ((int64_t)1 << 60)

/* The text behind the 'e'. */
static int64_t exponent_from(spoke_str text)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (ascii_is_digit(text.ptr[i]) && value < MAX_EXPONENT / 10)
            value = value * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0 && text.ptr[0] == '-' ? -value : value;
}

static struct decimal decimal_from(spoke_str number)
{
    struct decimal d = {.negative = number.ptr[0] == '-'};
    bool fraction = false;
    for (size_t at = d.negative ? 1 : 0; at < number.len; at++) {
        const char c = number.ptr[at];
        if (ascii_lower(c) == 'e') {
            d.exponent += exponent_from(spoke_str_from(number.ptr + at + 1, number.len - at - 1));
            break;
        }
        if (c == '.')
            fraction = true;
        else
            decimal_push(&d, c, fraction);
    }
    decimal_trim(&d);
    return d;
}

/* True when the product and sum stay within 64 bits. */
static bool shift_in(uint64_t *value, unsigned digit)
{
    const uint64_t most = UINT64_MAX / 10;
    if (*value > most || (*value == most && digit > UINT64_MAX % 10))
        return false;
    *value = *value * 10 + digit;
    return true;
}

bool json_number_to_int(spoke_str number, int64_t *out)
{
    const struct decimal d = decimal_from(number);
    uint64_t size = 0;
    if (d.count > 0 && (d.cut || d.exponent < 0 || d.exponent > 18))
        return false;
    for (size_t i = 0; i < d.count; i++) {
        if (!shift_in(&size, (unsigned)(d.digits[i] - '0')))
            return false;
    }
    for (int64_t i = 0; i < d.exponent && d.count > 0; i++) {
        if (!shift_in(&size, 0))
            return false;
    }
    if (size > (uint64_t)INT64_MAX + (d.negative ? 1 : 0))
        return false;
    if (d.negative)
        *out = size > 0 ? -(int64_t)(size - 1) - 1 : 0;
    else
        *out = (int64_t)size;
    return true;
}

int json_number_order(spoke_str number, const char *whole)
{
    const struct decimal d = decimal_from(number);
    const int64_t places = (int64_t)strlen(whole), own = (int64_t)d.count + d.exponent;
    if (d.count == 0 || own != places)
        return d.count == 0 || own < places ? -1 : 1;
    const size_t shorter = d.count < (size_t)places ? d.count : (size_t)places;
    const int order = memcmp(d.digits, whole, shorter);
    if (order != 0)
        return order;
    if (d.count == (size_t)places && !d.cut)
        return 0;
    return d.count < (size_t)places ? -1 : 1; /* neither ends in a zero */
}

bool json_number_to_double(spoke_str number, double *out)
{
    struct decimal d = decimal_from(number);
    return SPOKE_WITH_EXACT_DOUBLES ? decimal_to_double(&d, out) : decimal_near_to_double(&d, out);
}

spoke_status json_number_append_int(int64_t value, spoke_buf *out)
{
    const size_t start = out->len;
    const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    spoke_status status = value < 0 ? spoke_buf_append_byte(out, '-') : SPOKE_OK;
    if (status == SPOKE_OK)
        status = spoke_buf_append_u64(out, size);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

/* As "%g" of the C library prints them: with an exponent where there are more places than digits. */
struct text {
    char bytes[40];
    size_t len;
};

static void put(struct text *t, char c)
{
    t->bytes[t->len++] = c;
}

static void put_digits(struct text *t, const struct decimal *d, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        put(t, i < d->count ? d->digits[i] : '0');
}

/* d.ddde-07 */
static void put_scientific(struct text *t, const struct decimal *d, int exponent)
{
    const unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    put_digits(t, d, 0, 1);
    if (d->count > 1)
        put(t, '.');
    put_digits(t, d, 1, d->count);
    put(t, 'e');
    put(t, exponent < 0 ? '-' : '+');
    if (size >= 100)
        put(t, (char)('0' + size / 100));
    put(t, (char)('0' + size / 10 % 10));
    put(t, (char)('0' + size % 10));
}

/* ddd, ddd.ddd, 0.000ddd; `before` digits stand before the point. */
static void put_plain(struct text *t, const struct decimal *d, int before)
{
    if (before <= 0)
        put(t, '0');
    put_digits(t, d, 0, before > 0 ? (size_t)before : 0);
    if (before >= (int)d->count)
        return;
    put(t, '.');
    for (int i = before; i < 0; i++)
        put(t, '0');
    put_digits(t, d, before > 0 ? (size_t)before : 0, d->count);
}

spoke_status json_number_append_double(double value, spoke_buf *out)
{
    struct decimal d;
    struct text t = {.len = 0};
    size_t precision = DECIMAL_NEAR_DIGITS;
    if (!(SPOKE_WITH_EXACT_DOUBLES ? decimal_from_double(value, &d, &precision)
                                   : decimal_near_from_double(value, &d)))
        return SPOKE_E_ARG;
    if (d.negative)
        put(&t, '-');
    const int before = d.count > 0 ? (int)((int64_t)d.count + d.exponent) : 1;
    if (before < -3 || before > (int)precision)
        put_scientific(&t, &d, before - 1);
    else
        put_plain(&t, &d, before);
    return spoke_buf_append(out, spoke_str_from(t.bytes, t.len));
}

double json_number_widen(float value)
{
    return decimal_widen(value);
}
