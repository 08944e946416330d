/* 64-bit numbers and their digits. Division is by small ones, for processors that divide 32 bits at a time: their
 * compiler's library takes 700 bytes to divide any by any. */
#ifndef SPOKE_SRC_BASE_U64_H
#define SPOKE_SRC_BASE_U64_H

#include <spoke/base.h>

#define U64_DIGITS 20u /* of UINT64_MAX */

/* Divides in place and returns the remainder. `by` has 24 bits at most. */
uint32_t u64_divide(uint64_t *value, uint32_t by);
/* The decimal text, in `memory`. */
spoke_str u64_text(uint64_t value, char memory[U64_DIGITS]);
/* False: it is not digits alone, one at least. Exact up to INT64_MAX; what is more reads as something more. */
bool u64_read(spoke_str digits, uint64_t *out);

#endif
