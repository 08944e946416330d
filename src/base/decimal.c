#include "base/decimal.h"

#include <assert.h>
#include <string.h>

#include "base/u64.h"

_Static_assert(sizeof(double) == sizeof(uint64_t), "IEEE 754");

#define MANTISSA_BITS 52u
#define HIDDEN_BIT (UINT64_C(1) << MANTISSA_BITS)
#define INFINITE 2047u       /* the exponent field of infinities and of what is no number */
#define LEAST_EXPONENT -1074 /* of the last bit of the smallest doubles */
#define SHIFT_MOST 28u       /* bits at a time: ten times as much still fits 32 */
#define WHOLE_DIGITS 19      /* fit 64 bits */

void decimal_push(struct decimal *d, char digit, bool fraction)
{
    const bool leading = d->count == 0 && digit == '0';
    const bool full = d->count == DECIMAL_DIGITS;
    if (full)
        d->cut = d->cut || digit != '0';
    else if (!leading)
        d->digits[d->count++] = digit;
    if (fraction && !full)
        d->exponent--;
    if (!fraction && full)
        d->exponent++;
}

void decimal_trim(struct decimal *d)
{
    while (d->count > 0 && d->digits[d->count - 1] == '0' && !d->cut) {
        d->count--;
        d->exponent++;
    }
}

/* Where the point stands: so many digits are before it. */
static int64_t point(const struct decimal *d)
{
    return (int64_t)d->count + d->exponent;
}

/* --- times and by powers of two --- */

/* Long division by 2^bits, from the first digit on. What is written never overtakes what is read. */
static void divide(struct decimal *d, unsigned bits)
{
    const size_t count = d->count;
    uint32_t rest = 0;
    d->count = 0;
    for (size_t i = 0; i < count || rest != 0; i++) {
        rest = rest * 10 + (i < count ? (uint32_t)(d->digits[i] - '0') : 0);
        decimal_push(d, (char)('0' + (rest >> bits)), i >= count);
        rest &= (1u << bits) - 1;
    }
}

/* Multiplication by 2^bits, from the last digit on, with room in front for what is carried. */
static void multiply(struct decimal *d, unsigned bits)
{
    size_t first = DECIMAL_GROWTH, count = d->count + DECIMAL_GROWTH;
    uint32_t carry = 0;
    memmove(d->digits + first, d->digits, d->count);
    for (size_t i = count; i-- > 0;) {
        carry += i >= DECIMAL_GROWTH ? (uint32_t)(d->digits[i] - '0') << bits : 0;
        d->digits[i] = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (first = 0; first < count && d->digits[first] == '0';)
        first++;
    count -= first;
    memmove(d->digits, d->digits + first, count);
    for (; count > DECIMAL_DIGITS; count--, d->exponent++)
        d->cut = d->cut || d->digits[count - 1] != '0';
    d->count = count;
}

static void scale(struct decimal *d, int bits)
{
    for (int left = -bits; left > 0; left -= (int)SHIFT_MOST)
        divide(d, left > (int)SHIFT_MOST ? SHIFT_MOST : (unsigned)left);
    for (int left = bits; left > 0; left -= (int)SHIFT_MOST)
        multiply(d, left > (int)SHIFT_MOST ? SHIFT_MOST : (unsigned)left);
    decimal_trim(d); /* so that a half is a five and nothing more */
}

/* --- rounding --- */

/* What stands before the point, at most WHOLE_DIGITS digits. */
static uint64_t whole_part(const struct decimal *d)
{
    const int places = (int)point(d);
    uint64_t whole = 0;
    for (int i = 0; i < places; i++)
        whole = whole * 10 + (i < (int)d->count ? (unsigned)(d->digits[i] - '0') : 0u);
    return whole;
}

/* Is what stands behind the first `keep` digits more than half of one of them, or half and that one odd? */
static bool rounds_up(const struct decimal *d, int64_t keep, bool odd)
{
    if (keep < 0 || keep >= (int64_t)d->count)
        return false;
    const bool half = d->digits[keep] == '5' && keep + 1 == (int64_t)d->count && !d->cut;
    return half ? odd : d->digits[keep] >= '5';
}

static void round_to(struct decimal *d, size_t digits)
{
    if (d->count <= digits)
        return;
    const bool up = rounds_up(d, (int64_t)digits, (d->digits[digits - 1] & 1) != 0);
    d->exponent += (int64_t)(d->count - digits);
    d->count = digits;
    d->cut = false;
    while (up && d->count > 0 && d->digits[d->count - 1] == '9') {
        d->count--;
        d->exponent++;
    }
    if (up && d->count > 0)
        d->digits[d->count - 1]++;
    else if (up)
        d->digits[d->count++] = '1';
    decimal_trim(d);
}

static int bit_length(uint64_t value)
{
    int bits = 0;
    for (; value != 0; value >>= 1)
        bits++;
    return bits;
}

/* Brings the number to 53 bits before the point, fewer where doubles have fewer. Returns the power of two left out. */
static int normalize(struct decimal *d)
{
    int binary = 0;
    for (; point(d) > WHOLE_DIGITS; binary += (int)SHIFT_MOST)
        divide(d, SHIFT_MOST);
    for (; point(d) < 1; binary -= (int)SHIFT_MOST)
        multiply(d, SHIFT_MOST);
    const int missing = (int)MANTISSA_BITS + 1 - bit_length(whole_part(d));
    const int most = binary - LEAST_EXPONENT;
    const int up = missing < most ? missing : most;
    scale(d, up);
    return binary - up;
}

bool decimal_to_double(struct decimal *d, double *out)
{
    uint64_t bits = 0;
    if (d->count > 0 && point(d) > 310) /* 1.8e308 is the largest */
        return false;
    if (d->count > 0 && point(d) > -330) { /* 4.9e-324 is the smallest */
        const int binary = normalize(d);
        uint64_t whole = whole_part(d);
        whole += rounds_up(d, point(d), (whole & 1) != 0) ? 1 : 0;
        /* The hidden bit counts as one of the exponent; so does a mantissa that was rounded up to the next power. */
        bits = whole >= HIDDEN_BIT ? ((uint64_t)(binary - LEAST_EXPONENT) << MANTISSA_BITS) + whole : whole;
    }
    if (bits >> MANTISSA_BITS >= INFINITE)
        return false;
    bits |= (uint64_t)d->negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* --- from binary --- */

/* mantissa * 2^exponent, taken apart from a double or a float, which has fewer bits and names itself in fewer digits. */
struct binary {
    uint64_t mantissa;
    int exponent;
    bool negative;
};

static void push_whole(struct decimal *d, uint64_t whole)
{
    char memory[U64_DIGITS];
    const spoke_str digits = u64_text(whole, memory);
    for (size_t i = 0; i < digits.len; i++)
        decimal_push(d, digits.ptr[i], false);
}

/* Numbers like those of sensors: the fraction in fixed point fits 64 bits with room for a digit. Digits are made until
 * they name the number: until what is left, or what is missing to one more, is less than half of the last bit. */
static void fixed_point(const struct binary *b, struct decimal *d)
{
    const unsigned places = (unsigned)-b->exponent + 1; /* and one for the half */
    const uint64_t one = UINT64_C(1) << places;
    uint64_t rest = b->mantissa << 1 & (one - 1), half = 1;
    push_whole(d, b->mantissa << 1 >> places);
    while (rest >= half && one - rest >= half) {
        rest *= 10;
        half *= 10;
        decimal_push(d, (char)('0' + (rest >> places)), true);
        rest &= one - 1;
    }
    if (d->count == 0) /* 0.01f is a hair less: all its digits are zeros, and the last is to become a one */
        d->digits[d->count++] = '0';
    char *const last = &d->digits[d->count - 1];
    if (rest > one / 2 || (rest == one / 2 && (*last & 1) != 0))
        *last += 1; /* never a nine: it would have ended one digit earlier */
}

/* The digits of any number: of one that no text names in fewer, rounded to so many. */
static void rounded(const struct binary *b, size_t precision, struct decimal *d)
{
    *d = (struct decimal){.negative = b->negative};
    push_whole(d, b->mantissa);
    scale(d, b->exponent);
    round_to(d, precision);
}

/* True when that was all: the number is zero, or of an ordinary size. */
static bool ordinary(const struct binary *b, struct decimal *d)
{
    *d = (struct decimal){.negative = b->negative};
    if (b->mantissa != 0 && (b->exponent > 0 || b->exponent < -59))
        return false;
    if (b->mantissa != 0)
        fixed_point(b, d);
    decimal_trim(d);
    return true;
}

static bool take_apart(double value, struct binary *out)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned exponent = bits >> MANTISSA_BITS & INFINITE;
    out->negative = bits >> 63 != 0;
    out->mantissa = (bits & (HIDDEN_BIT - 1)) | (exponent > 0 ? HIDDEN_BIT : 0);
    out->exponent = (int)(exponent > 0 ? exponent - 1 : 0) + LEAST_EXPONENT;
    return exponent != INFINITE;
}

bool decimal_from_double(double value, struct decimal *out, size_t *precision)
{
    struct binary b;
    if (!take_apart(value, &b))
        return false;
    bool found = ordinary(&b, out);
    *precision = out->count > 15 ? out->count : 15;
    for (size_t digits = 15; !found; digits++) { /* 17 name any */
        struct decimal trial;
        double back = 0;
        rounded(&b, digits, out);
        trial = *out;
        found = digits == 17 || (decimal_to_double(&trial, &back) && memcmp(&back, &value, sizeof back) == 0);
        *precision = digits;
    }
    return true;
}

double decimal_widen(float value)
{
    enum { SPARE_BITS = 29 }; /* of a double's mantissa, that a float has not */
    double wide = (double)value;
    struct binary b;
    struct decimal d;
    if (!take_apart(wide, &b))
        return wide;
    b.mantissa >>= SPARE_BITS;
    b.exponent += SPARE_BITS;
    bool found = ordinary(&b, &d) && decimal_to_double(&d, &wide);
    for (size_t digits = 6; !found && digits <= 9; digits++) { /* nine name any */
        rounded(&b, digits, &d);
        found = decimal_to_double(&d, &wide) && (float)wide == value;
    }
    return wide;
}
