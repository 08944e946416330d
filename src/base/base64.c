#include "base/base64.h"

#include "base/ascii.h"

spoke_status base64_encode(spoke_str bytes, spoke_buf *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t groups = (bytes.len + 2) / 3;
    if (groups > (out->cap - out->len) / 4)
        return SPOKE_E_TOO_SMALL;
    uint8_t *to = out->ptr + out->len;
    out->len += groups * 4;
    for (size_t bit = 0; bit < bytes.len * 8; bit += 6) {
        const size_t at = bit / 8; /* the six reach into the byte behind it, if there is one */
        const unsigned next = at + 1 < bytes.len ? (uint8_t)bytes.ptr[at + 1] : 0;
        const unsigned pair = (unsigned)(uint8_t)bytes.ptr[at] << 8 | next;
        *to++ = (uint8_t)alphabet[pair >> (10 - bit % 8) & 63];
    }
    while (to < out->ptr + out->len)
        *to++ = '=';
    return SPOKE_OK;
}

/* -1: not of the alphabet. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `pad` characters of the group of four are '='. False: a character is wrong, or (canonical) bits that nobody reads
 * are set. */
static bool decode_group(const char *text, size_t pad, bool canonical, uint8_t bytes[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        const int value = i < 4 - pad ? value_of(text[i]) : 0;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    bytes[0] = (uint8_t)(bits >> 16);
    bytes[1] = (uint8_t)(bits >> 8);
    bytes[2] = (uint8_t)bits;
    return !canonical || ((pad < 1 || bytes[2] == 0) && (pad < 2 || bytes[1] == 0));
}

static spoke_status decode(spoke_str text, bool canonical, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = text.len % 4 == 0 ? SPOKE_OK : SPOKE_E_ARG;
    for (size_t at = 0; at < text.len && status == SPOKE_OK; at += 4) {
        const char *group = text.ptr + at;
        size_t pad = 0;
        uint8_t bytes[3];
        if (at + 4 == text.len && group[3] == '=')
            pad = group[2] == '=' ? 2 : 1;
        if (decode_group(group, pad, canonical, bytes))
            status = spoke_buf_append(out, spoke_str_from((const char *)bytes, 3 - pad));
        else
            status = SPOKE_E_ARG;
        spoke_wipe(bytes, sizeof bytes); /* keys come this way */
    }
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

spoke_status base64_decode(spoke_str text, spoke_buf *out)
{
    return decode(text, true, out);
}

spoke_status base64_decode_loose(spoke_str text, spoke_buf *out)
{
    return decode(text, false, out);
}
