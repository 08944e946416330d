#include "base/hex.h"

#include "base/ascii.h"

bool hex_take(spoke_str text, size_t *at, size_t count, uint32_t *value)
{
    uint32_t read = 0;
    for (size_t end = *at + count; *at < end; *at += 1) {
        const int digit = *at < text.len ? ascii_hex_value(text.ptr[*at]) : -1;
        if (digit < 0)
            return false;
        read = read << 4 | (uint32_t)digit;
    }
    *value = read;
    return true;
}
