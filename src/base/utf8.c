#include "base/utf8.h"

size_t utf8_length(spoke_str s, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)s.ptr + at;
    const uint8_t lead = bytes[0];
    if (lead < 0x80)
        return 1;
    const size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead < 0xC2 || s.len - at < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629 section 4). */
    const unsigned head = (unsigned)lead << 8 | bytes[1];
    const bool overlong = (head & 0xFFE0) == 0xE080 || (head & 0xFFF0) == 0xF080;
    return overlong || (head & 0xFFE0) == 0xEDA0 || head > 0xF48F ? 0 : len;
}

spoke_str utf8_put(uint32_t scalar, uint8_t memory[UTF8_MOST])
{
    static const uint8_t leads[4] = {0, 0xC0, 0xE0, 0xF0};
    const size_t more = scalar < 0x80 ? 0 : scalar < 0x800 ? 1 : scalar < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--) {
        memory[i] = (uint8_t)(0x80 | (scalar & 0x3F));
        scalar >>= 6;
    }
    memory[0] = (uint8_t)(leads[more] | scalar);
    return spoke_str_from((const char *)memory, more + 1);
}

spoke_status utf8_append(uint32_t scalar, spoke_buf *out)
{
    uint8_t memory[UTF8_MOST];
    return spoke_buf_append(out, utf8_put(scalar, memory));
}

bool spoke_utf8_valid(spoke_str s)
{
    for (size_t at = 0; at < s.len;) {
        const size_t len = utf8_length(s, at);
        if (len == 0 || s.ptr[at] == '\0')
            return false;
        at += len;
    }
    return true;
}
