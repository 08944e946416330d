#include <string.h>

#include <spoke/base.h>

#include "base/ascii.h"
#include "base/u64.h"

spoke_str spoke_str_of(const char *text)
{
    return spoke_str_from(text, text != NULL ? strlen(text) : 0);
}

bool spoke_str_equal(spoke_str a, spoke_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool spoke_str_equal_nocase(spoke_str a, spoke_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool spoke_str_starts(spoke_str s, spoke_str prefix)
{
    return s.len >= prefix.len && spoke_str_equal(spoke_str_from(s.ptr, prefix.len), prefix);
}

bool spoke_str_cut(spoke_str s, char at, spoke_str *head, spoke_str *rest)
{
    const char *found = s.len > 0 ? memchr(s.ptr, at, s.len) : NULL;
    if (found == NULL) {
        *head = s;
        *rest = spoke_str_from(NULL, 0);
        return false;
    }
    const size_t before = (size_t)(found - s.ptr);
    *head = spoke_str_from(s.ptr, before);
    *rest = spoke_str_from(found + 1, s.len - before - 1);
    return true;
}

spoke_status spoke_str_u32(spoke_str digits, uint32_t *out)
{
    uint64_t value;
    if (!u64_read(digits, &value) || value > UINT32_MAX)
        return SPOKE_E_ARG;
    *out = (uint32_t)value;
    return SPOKE_OK;
}

spoke_status spoke_buf_append(spoke_buf *out, spoke_str bytes)
{
    if (bytes.len > out->cap - out->len)
        return SPOKE_E_TOO_SMALL;
    if (bytes.len > 0)
        memcpy(out->ptr + out->len, bytes.ptr, bytes.len);
    out->len += bytes.len;
    return SPOKE_OK;
}

spoke_status spoke_buf_append_byte(spoke_buf *out, uint8_t byte)
{
    if (out->len == out->cap)
        return SPOKE_E_TOO_SMALL;
    out->ptr[out->len++] = byte;
    return SPOKE_OK;
}

spoke_status spoke_buf_append_u64(spoke_buf *out, uint64_t value)
{
    char digits[U64_DIGITS];
    return spoke_buf_append(out, u64_text(value, digits));
}

void spoke_wipe(void *memory, size_t len)
{
    volatile uint8_t *bytes = memory;
    for (size_t i = 0; i < len; i++)
        bytes[i] = 0;
}
