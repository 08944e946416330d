#include "base/u64.h"

#include "base/ascii.h"

/* Long division, a byte at a time: as they leave at the front, those of the quotient come in at the back. What remains
 * has 24 bits, and there is room for another eight. */
uint32_t u64_divide(uint64_t *value, uint32_t by)
{
    uint32_t rest = 0;
    for (size_t i = 0; i < sizeof *value; i++) {
        rest = rest << 8 | (uint32_t)(*value >> 56);
        *value = *value << 8 | rest / by;
        rest %= by;
    }
    return rest;
}

spoke_str u64_text(uint64_t value, char memory[U64_DIGITS])
{
    size_t first = U64_DIGITS;
    while (value > UINT32_MAX)
        memory[--first] = (char)('0' + u64_divide(&value, 10));
    uint32_t rest = (uint32_t)value;
    do {
        memory[--first] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    return spoke_str_from(memory + first, U64_DIGITS - first);
}

bool u64_read(spoke_str digits, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]))
            return false;
        value = value >> 60 == 0 ? value * 10 + (uint8_t)(digits.ptr[i] - '0') : UINT64_MAX;
    }
    *out = value;
    return digits.len > 0;
}
