/* Decimal numbers of many digits, and doubles to and from them, rounded to nearest: by whole numbers alone, so that a
 * processor without doubles needs no library for them, and no locale and no heap have a say. */
#ifndef SPOKE_SRC_BASE_DECIMAL_H
#define SPOKE_SRC_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 17 digits name any double, and 40 tell it from the middle of two neighbours. More are kept for texts that come as close
 * to one as they like: what is cut off then can only matter behind the hundredth digit. */
#define DECIMAL_DIGITS 128u
#define DECIMAL_GROWTH 9u /* digits that one doubling adds at most, in front */

/* digits * 10^exponent, no zero in front; no digits: zero. */
struct decimal {
    char digits[DECIMAL_DIGITS + DECIMAL_GROWTH];
    size_t count;
    int64_t exponent;
    bool negative;
    bool cut; /* more digits followed, not all of them zero */
};

/* One more digit, '0' to '9'; `fraction`: it stands behind the point. */
void decimal_push(struct decimal *d, char digit, bool fraction);
/* Takes the zeros at the end away. */
void decimal_trim(struct decimal *d);

/* False: beyond the range of a double; what is too small becomes zero. The decimal is used up. */
bool decimal_to_double(struct decimal *d, double *out);
/* The fewest digits that read back as the same double, and `*precision`: how many it was asked for when they came out, 15
 * at least. False: not finite. */
bool decimal_from_double(double value, struct decimal *out, size_t *precision);
/* The double that the float's shortest text names: 0.1f gives 0.1, not 0.10000000149011612. */
double decimal_widen(float value);

#endif
