#include <float.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json_number.h"
#include "model/check.h"
#include "model/check_text.h"
#include "model/lookup.h"

/* --- kinds --- */

bool kind_is_whole(spoke_schema_kind kind)
{
    return kind >= SPOKE_SCHEMA_BYTE && kind <= SPOKE_SCHEMA_UNSIGNED_LONG;
}

bool kind_is_real(spoke_schema_kind kind)
{
    return kind == SPOKE_SCHEMA_FLOAT || kind == SPOKE_SCHEMA_DOUBLE;
}

bool kind_is_text(spoke_schema_kind kind)
{
    return (kind >= SPOKE_SCHEMA_DECIMAL && kind <= SPOKE_SCHEMA_UUID) || kind == SPOKE_SCHEMA_ENUM_STRING;
}

static bool kind_is_unsigned(spoke_schema_kind kind)
{
    return kind >= SPOKE_SCHEMA_UNSIGNED_BYTE && kind <= SPOKE_SCHEMA_UNSIGNED_LONG;
}

/* Bits of a whole kind: the signed ones stand in the order of their size, and so do the others. */
static unsigned kind_bits(spoke_schema_kind kind)
{
    const unsigned first = kind_is_unsigned(kind) ? SPOKE_SCHEMA_UNSIGNED_BYTE : SPOKE_SCHEMA_BYTE;
    return 8u << ((unsigned)kind - first);
}

struct whole kind_low(spoke_schema_kind kind)
{
    if (kind_is_unsigned(kind))
        return (struct whole){false, 0};
    return (struct whole){true, (uint64_t)1 << (kind_bits(kind) - 1)};
}

struct whole kind_high(spoke_schema_kind kind)
{
    const unsigned bits = kind_bits(kind) - (kind_is_unsigned(kind) ? 0 : 1);
    return (struct whole){false, UINT64_MAX >> (64 - bits)};
}

/* --- whole numbers --- */

/* An end of a range, as the table holds it. */
static struct whole whole_of(spoke_schema_kind kind, int64_t end)
{
    if (kind == SPOKE_SCHEMA_UNSIGNED_LONG || end >= 0)
        return (struct whole){false, (uint64_t)end};
    return (struct whole){true, 0 - (uint64_t)end};
}

static bool is_less(struct whole a, struct whole b)
{
    if (a.negative != b.negative)
        return a.negative && (a.size != 0 || b.size != 0);
    return a.negative ? a.size > b.size : a.size < b.size;
}

static enum reason check_listed_number(const spoke_schema *s, struct whole value)
{
    for (uint16_t i = 0; i < s->count; i++) {
        const struct whole listed = whole_of(SPOKE_SCHEMA_ENUM_INTEGER, s->values[i].number);
        if (listed.size == value.size && (listed.negative == value.negative || value.size == 0))
            return FITS;
    }
    return NOT_LISTED;
}

enum reason check_whole(const spoke_schema *s, struct whole value)
{
    const spoke_schema_kind kind = (spoke_schema_kind)s->kind;
    if (kind == SPOKE_SCHEMA_ENUM_INTEGER)
        return check_listed_number(s, value);
    if (value.negative ? kind_is_unsigned(kind) || value.size > kind_low(kind).size
                       : value.size > kind_high(kind).size)
        return OUT_OF_KIND;
    if (s->range == NULL)
        return FITS;
    if (s->range->has_low && is_less(value, whole_of(kind, s->range->low_whole)))
        return TOO_LOW;
    return s->range->has_high && is_less(whole_of(kind, s->range->high_whole), value) ? TOO_HIGH : FITS;
}

/* False: a fraction or an exponent. More than 64 bits saturate, which no kind but the unsigned long could mistake:
 * *over says so. */
static bool whole_from(spoke_str token, struct whole *out, bool *over)
{
    *out = (struct whole){token.ptr[0] == '-', 0};
    *over = false;
    for (size_t i = out->negative ? 1 : 0; i < token.len; i++) {
        if (!ascii_is_digit(token.ptr[i]))
            return false;
        const unsigned digit = (unsigned)(token.ptr[i] - '0');
        *over = *over || out->size > (UINT64_MAX - digit) / 10;
        out->size = out->size * 10 + digit;
    }
    return true;
}

/* --- real numbers --- */

/* From here on a number rounds to infinity as binary32: the middle between the greatest and 2^128. As a double, in
 * digits, and the double below. */
#define FLOAT_END 0x1.ffffffp127
#define FLOAT_END_DIGITS "340282356779733661637539395458142568448"
#define BELOW_FLOAT_END 0x1.fffffefffffffp127

enum reason check_real(const spoke_schema *s, double value)
{
    const double size = value < 0 ? -value : value;
    if (!(size <= DBL_MAX) || (s->kind == SPOKE_SCHEMA_FLOAT && size >= FLOAT_END)) /* the first also at NaN */
        return OUT_OF_KIND;
    if (s->range == NULL)
        return FITS;
    if (s->range->has_low && value < s->range->low)
        return TOO_LOW;
    return s->range->has_high && value > s->range->high ? TOO_HIGH : FITS;
}

/* Most numbers: no exponent, a mantissa below 2^53 and at most 22 places, so that one division rounds right. */
static bool real_at_once(spoke_str token, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool negative = token.ptr[0] == '-';
    uint64_t mantissa = 0;
    size_t places = 0;
    bool point = false;
    for (size_t i = negative ? 1 : 0; i < token.len; i++) {
        const char c = token.ptr[i];
        if (c == '.') {
            point = true;
            continue;
        }
        if (!ascii_is_digit(c) || mantissa > ((uint64_t)1 << 53) / 10 - 1 || places == 22)
            return false;
        mantissa = mantissa * 10 + (unsigned)(c - '0');
        places += point ? 1 : 0;
    }
    *out = (double)mantissa / tens[places] * (negative ? -1.0 : 1.0);
    return true;
}

/* So short and without exponent it is below 10^38, which every kind holds. */
static bool is_modest(spoke_str token)
{
    if (token.len > 38)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        if (ascii_lower(token.ptr[i]) == 'e')
            return false;
    }
    return true;
}

/* A decimal below the end may round to it as a double. */
static double short_of_end(spoke_str token, double value)
{
    if ((value != FLOAT_END && value != -FLOAT_END) || json_number_order(token, FLOAT_END_DIGITS) >= 0)
        return value;
    return value < 0 ? -BELOW_FLOAT_END : BELOW_FLOAT_END;
}

static enum reason check_real_token(const spoke_schema *s, spoke_str token)
{
    double value;
    if (s->range == NULL && is_modest(token))
        return FITS;
    if (!real_at_once(token, &value) && !json_number_to_double(token, &value))
        return OUT_OF_KIND;
    return check_real(s, s->kind == SPOKE_SCHEMA_FLOAT ? short_of_end(token, value) : value);
}

enum reason check_number(const spoke_schema *s, spoke_str token)
{
    struct whole value;
    bool over;
    if (kind_is_real((spoke_schema_kind)s->kind))
        return check_real_token(s, token);
    if (!kind_is_whole((spoke_schema_kind)s->kind) && s->kind != SPOKE_SCHEMA_ENUM_INTEGER)
        return WRONG_TYPE;
    if (!whole_from(token, &value, &over))
        return NOT_WHOLE;
    if (over)
        return s->kind == SPOKE_SCHEMA_ENUM_INTEGER ? NOT_LISTED : OUT_OF_KIND;
    return check_whole(s, value);
}

/* --- text --- */

static enum reason check_length(const spoke_range *range, spoke_str text, bool raw)
{
    const size_t units = text_units(text, raw);
    if (range->has_low && range->low_whole > 0 && units < (uint64_t)range->low_whole)
        return TOO_SHORT;
    if (range->has_high && (range->high_whole < 0 || units > (uint64_t)range->high_whole))
        return TOO_LONG;
    return FITS;
}

static enum reason check_listed_text(const spoke_schema *s, spoke_str text, bool raw)
{
    for (uint16_t i = 0; i < s->count; i++) {
        const char *listed = s->values[i].text;
        if (raw ? spoke_json_key_is(text, spoke_str_of(listed)) : name_order(listed, text) == 0)
            return FITS;
    }
    return NOT_LISTED;
}

enum reason check_string(const spoke_schema *s, spoke_str text, bool raw)
{
    raw = raw && text.len > 0 && memchr(text.ptr, '\\', text.len) != NULL;
    if (s->kind == SPOKE_SCHEMA_STRING)
        return s->range != NULL ? check_length(s->range, text, raw) : FITS;
    if (s->kind == SPOKE_SCHEMA_ENUM_STRING)
        return check_listed_text(s, text, raw);
    if (!kind_is_text((spoke_schema_kind)s->kind))
        return WRONG_TYPE;
    return text_fits((spoke_schema_kind)s->kind, text, raw) ? FITS : BAD_FORMAT;
}
