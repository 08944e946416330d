#include "base/url.h"

#include "base/ascii.h"
#include "base/hex.h"

static bool unreserved(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

/* The properties of every message come through here. */
spoke_status url_encode(spoke_str text, spoke_buf *out)
{
    size_t len = out->len;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = (uint8_t)text.ptr[i];
        const size_t bytes = unreserved(text.ptr[i]) ? 1 : 3;
        if (bytes > out->cap - len)
            return SPOKE_E_TOO_SMALL;
        out->ptr[len] = bytes == 1 ? byte : '%';
        if (bytes > 1) {
            out->ptr[len + 1] = (uint8_t)hex_digit(byte >> 4, 'A');
            out->ptr[len + 2] = (uint8_t)hex_digit(byte & 15, 'A');
        }
        len += bytes;
    }
    out->len = len;
    return SPOKE_OK;
}

spoke_status url_next(spoke_str text, size_t *at, uint8_t *byte)
{
    const char c = text.ptr[*at];
    if (c != '%') {
        *byte = (uint8_t)c;
        *at += 1;
        return SPOKE_OK;
    }
    size_t end = *at + 1;
    uint32_t value;
    if (!hex_take(text, &end, 2, &value))
        return SPOKE_E_PROTOCOL;
    *byte = (uint8_t)value;
    *at = end;
    return SPOKE_OK;
}

spoke_status url_decode(spoke_str text, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = SPOKE_OK;
    for (size_t at = 0; at < text.len && status == SPOKE_OK;) {
        uint8_t byte = 0;
        status = url_next(text, &at, &byte);
        if (status == SPOKE_OK)
            status = spoke_buf_append_byte(out, byte);
    }
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}
