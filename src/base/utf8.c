#include "base/utf8.h"

/* What may follow a lead byte; the bounds of the second byte shut out overlong forms, surrogates and what lies
 * beyond U+10FFFF (RFC 3629 section 4). */
struct lead {
    size_t len;
    uint8_t second_min, second_max;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte < 0xC2 || byte > 0xF4)
        return (struct lead){0, 0, 0};
    if (byte == 0xE0)
        return (struct lead){3, 0xA0, 0xBF};
    if (byte == 0xED)
        return (struct lead){3, 0x80, 0x9F};
    if (byte == 0xF0)
        return (struct lead){4, 0x90, 0xBF};
    if (byte == 0xF4)
        return (struct lead){4, 0x80, 0x8F};
    return (struct lead){byte < 0xE0 ? 2u : byte < 0xF0 ? 3u : 4u, 0x80, 0xBF};
}

size_t utf8_length(spoke_str s, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)s.ptr + at;
    const struct lead lead = lead_of(bytes[0]);
    if (lead.len <= 1)
        return lead.len;
    if (s.len - at < lead.len || bytes[1] < lead.second_min || bytes[1] > lead.second_max)
        return 0;
    for (size_t i = 2; i < lead.len; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    }
    return lead.len;
}

spoke_status utf8_append(uint32_t scalar, spoke_buf *out)
{
    static const uint8_t leads[4] = {0, 0xC0, 0xE0, 0xF0};
    const size_t more = scalar < 0x80 ? 0 : scalar < 0x800 ? 1 : scalar < 0x10000 ? 2 : 3;
    char bytes[4];
    for (size_t i = more; i > 0; i--) {
        bytes[i] = (char)(0x80 | (scalar & 0x3F));
        scalar >>= 6;
    }
    bytes[0] = (char)(leads[more] | scalar);
    return spoke_buf_append(out, spoke_str_from(bytes, more + 1));
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
