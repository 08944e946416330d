/* Doubles to and from decimal digits in a fifth of decimal.h's code: rounded by 64-bit steps, so that what comes out is
 * near, but not always nearest. */
#ifndef SPOKE_SRC_BASE_DECIMAL_NEAR_H
#define SPOKE_SRC_BASE_DECIMAL_NEAR_H

#include "base/decimal.h"

#define DECIMAL_NEAR_DIGITS 15 /* a decimal number of so many is written as it was read */

/* Within one unit of a double's last place. False: beyond the range of a double; below 2.3e-308 it becomes zero. */
bool decimal_near_to_double(const struct decimal *d, double *out);
/* At most DECIMAL_NEAR_DIGITS digits. False: not finite. */
bool decimal_near_from_double(double value, struct decimal *out);

#endif
