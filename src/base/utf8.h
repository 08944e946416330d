/* UTF-8, one character at a time (RFC 3629). */
#ifndef SPOKE_SRC_BASE_UTF8_H
#define SPOKE_SRC_BASE_UTF8_H

#include <spoke/base.h>

/* Bytes of the well-formed character at s.ptr[at], at < s.len; 0: malformed, overlong, a surrogate or cut off. */
size_t utf8_length(spoke_str s, size_t at);
#define UTF8_MOST 4u /* bytes of a character */
/* Puts one scalar value (not a surrogate, at most 0x10FFFF) into the memory, and shows it there. */
spoke_str utf8_put(uint32_t scalar, uint8_t memory[UTF8_MOST]);
/* Appends one scalar value. E_TOO_SMALL leaves out->len as it was. */
spoke_status utf8_append(uint32_t scalar, spoke_buf *out);

#endif
