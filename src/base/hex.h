/* Hexadecimal digits. */
#ifndef SPOKE_SRC_BASE_HEX_H
#define SPOKE_SRC_BASE_HEX_H

#include <spoke/base.h>

/* Of 0 to 15; `ten` is the letter for 10. */
static inline char hex_digit(unsigned value, char ten)
{
    return (char)(value < 10 ? '0' + value : (unsigned)ten - 10 + value);
}

/* Reads `count` digits at *at, in either case, and steps over them. False: so many do not stand there. */
bool hex_take(spoke_str text, size_t *at, size_t count, uint32_t *value);

#endif
