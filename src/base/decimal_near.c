#include "base/decimal_near.h"

#include <string.h>

#include "base/u64.h"

#define MANTISSA_BITS 52
#define INFINITE 2047        /* the exponent field of infinities and of what is no number */
#define LEAST_EXPONENT -1074 /* of the last bit of the smallest doubles */
#define WHOLE_DIGITS 19u     /* fit 64 bits */
#define LEAST UINT64_C(100000000000000)
#define BEYOND (LEAST * 10) /* of DECIMAL_NEAR_DIGITS */

/* mantissa * 2^exponent; the highest bit of the mantissa is set, so that a step by ten loses less than 2^-60 of it. */
struct scaled {
    uint64_t mantissa;
    int exponent;
};

static void lift(struct scaled *s)
{
    while (s->mantissa >> 63 == 0) {
        s->mantissa <<= 1;
        s->exponent--;
    }
}

static void times_ten(struct scaled *s)
{
    s->mantissa = (s->mantissa >> 3) * 5;
    s->exponent += 4;
    lift(s);
}

static void by_ten(struct scaled *s)
{
    (void)u64_divide(&s->mantissa, 5);
    s->exponent--;
    lift(s);
}

bool decimal_near_to_double(const struct decimal *d, double *out)
{
    const size_t taken = d->count < WHOLE_DIGITS ? d->count : WHOLE_DIGITS;
    const int64_t places = (int64_t)d->count + d->exponent; /* before the point */
    uint64_t whole = 0, bits = 0;
    for (size_t i = 0; i < taken; i++)
        whole = whole * 10 + (unsigned)(d->digits[i] - '0');
    if (whole != 0 && places > 310) /* 1.8e308 is the largest */
        return false;
    if (whole != 0 && places > -310) { /* 2.3e-308 is the smallest that all bits name */
        struct scaled s = {whole, 0};
        lift(&s);
        int power = (int)(places - (int64_t)taken);
        for (; power > 0; power--)
            times_ten(&s);
        for (; power < 0; power++)
            by_ten(&s);
        /* The hidden bit counts as one of the exponent; so does a mantissa that is rounded up to the next power. */
        const int exponent = s.exponent + 11 - LEAST_EXPONENT;
        if (exponent >= 0)
            bits = ((uint64_t)exponent << MANTISSA_BITS) + (s.mantissa >> 11) + (s.mantissa >> 10 & 1);
    }
    if (bits >> MANTISSA_BITS >= INFINITE)
        return false;
    bits |= (uint64_t)d->negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* Twice the whole part, so that the half is seen; what has more than DECIMAL_NEAR_DIGITS before the point is BEYOND. */
static uint64_t twice_whole(const struct scaled *s)
{
    if (s->exponent > -14)
        return 2 * BEYOND;
    return s->exponent > -64 ? s->mantissa >> (-s->exponent - 1) : 0;
}

/* The digits that stand before the point when it has moved by *power places. */
static uint64_t leading_digits(struct scaled *s, int64_t *power)
{
    for (;;) {
        const uint64_t twice = twice_whole(s);
        if (twice >= 2 * BEYOND) {
            by_ten(s);
            *power += 1;
        } else if (twice < 2 * LEAST) {
            times_ten(s);
            *power -= 1;
        } else {
            return (twice + 1) / 2;
        }
    }
}

bool decimal_near_from_double(double value, struct decimal *out)
{
    uint64_t bits;
    char memory[U64_DIGITS];
    memcpy(&bits, &value, sizeof bits);
    const int field = (int)(bits >> MANTISSA_BITS & INFINITE);
    struct scaled s = {bits & ((UINT64_C(1) << MANTISSA_BITS) - 1), LEAST_EXPONENT};
    *out = (struct decimal){.negative = bits >> 63 != 0};
    if (field == INFINITE || (field == 0 && s.mantissa == 0))
        return field != INFINITE;
    if (field > 0) {
        s.mantissa |= UINT64_C(1) << MANTISSA_BITS;
        s.exponent += field - 1;
    }
    lift(&s);
    const spoke_str digits = u64_text(leading_digits(&s, &out->exponent), memory);
    for (size_t i = 0; i < digits.len; i++)
        decimal_push(out, digits.ptr[i], false);
    decimal_trim(out);
    return true;
}
