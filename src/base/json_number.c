#include "base/json_number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

/* 17 digits name any double. What is cut off behind 64 can only matter when those 64 agree with the exact middle
 * of two neighbours; then either neighbour is within half a unit and a hair. */
#define MAX_DIGITS 64u
/* Beyond any double by far, and any text's length moves it by too little to overflow. */
#define MAX_EXPONENT ((int64_t)1 << 60)

/* digits * 10^exponent, no zero at either end; no digits: zero. */
struct decimal {
    char digits[MAX_DIGITS + 1];
    size_t count;
    int64_t exponent;
    bool negative;
    bool cut; /* more digits followed, not all of them zero */
};

static void decimal_push(struct decimal *d, char digit, bool fraction)
{
    const bool leading = d->count == 0 && digit == '0';
    const bool full = d->count == MAX_DIGITS;
    if (full)
        d->cut = d->cut || digit != '0';
    else if (!leading)
        d->digits[d->count++] = digit;
    if (fraction && !full)
        d->exponent--;
    if (!fraction && full)
        d->exponent++;
}

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
    while (d.count > 0 && d.digits[d.count - 1] == '0' && !d.cut) {
        d.count--;
        d.exponent++;
    }
    return d;
}

/* True when the product and sum stay within 64 bits. */
static bool shift_in(uint64_t *value, unsigned digit)
{
    if (*value > (UINT64_MAX - digit) / 10)
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
    char text[MAX_DIGITS + 16];
    if (d.count == 0) {
        *out = d.negative ? -0.0 : 0.0;
        return true;
    }
    if (d.cut) { /* any digit there keeps the value on its side of the middle */
        d.digits[d.count++] = '1';
        d.exponent--;
    }
    const int exponent = d.exponent > 9999 ? 9999 : d.exponent < -9999 ? -9999 : (int)d.exponent;
    /* A whole mantissa and an exponent: no decimal point, so strtod has no locale to obey. */
    const int len =
        snprintf(text, sizeof text, "%s%.*se%d", d.negative ? "-" : "", (int)d.count, d.digits, exponent);
    assert(len > 0 && (size_t)len < sizeof text);
    (void)len;
    const double value = strtod(text, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
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

/* Whatever printf puts between the digits is the locale's decimal point, one byte or several. */
static size_t fix_point(char *text)
{
    size_t len = 0;
    for (const char *from = text; *from != '\0'; from++) {
        if (ascii_is_digit(*from) || *from == '-' || *from == '+' || *from == 'e')
            text[len++] = *from;
        else if (len > 0 && text[len - 1] != '.')
            text[len++] = '.';
    }
    return len;
}

spoke_status json_number_append_double(double value, spoke_buf *out)
{
    char text[40];
    size_t len = 0;
    if (!isfinite(value))
        return SPOKE_E_ARG;
    for (int digits = 15; digits <= 17; digits++) {
        double back = 0;
        snprintf(text, sizeof text, "%.*g", digits, value);
        len = fix_point(text);
        if (json_number_to_double(spoke_str_from(text, len), &back) && back == value)
            break;
    }
    return spoke_buf_append(out, spoke_str_from(text, len));
}

double json_number_widen(float value)
{
    double wide = (double)value;
    if (!isfinite(value))
        return wide;
    for (int digits = 6; digits <= 9; digits++) { /* nine name any float */
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (json_number_to_double(spoke_str_from(text, fix_point(text)), &wide) && (float)wide == value)
            break;
    }
    return wide;
}
