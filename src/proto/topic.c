#include "proto/topic.h"

#include <stdarg.h>
#include <string.h>

#include <spoke/proto/hub.h>

#include "base/ascii.h"
#include "base/u64.h"
#include "base/url.h"

static spoke_status write_pattern(spoke_buf *out, const char *at, va_list values)
{
    const spoke_str *value = NULL;
    spoke_status status = SPOKE_OK;
    while (status == SPOKE_OK) {
        const size_t plain = strcspn(at, "[{}]");
        status = spoke_buf_append(out, spoke_str_from(at, plain));
        at += plain;
        if (*at == '\0' || status != SPOKE_OK)
            return status;
        switch (*at++) {
        case '[': /* its braces have the same value */
            value = va_arg(values, const spoke_str *);
            at = value->len > 0 ? at : strchr(at, ']');
            break;
        case '{':
            value = value != NULL ? value : va_arg(values, const spoke_str *);
            status = *at == '%' ? url_encode(*value, out) : spoke_buf_append(out, *value);
            at = strchr(at, '}');
            break;
        default:
            value = NULL;
        }
    }
    return status;
}

spoke_status topic_write(spoke_buf *out, const char *pattern, ...)
{
    const size_t start = out->len;
    va_list values;
    va_start(values, pattern);
    const spoke_status status = write_pattern(out, pattern, values);
    va_end(values);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

spoke_status topic_write_number(spoke_buf *out, const char *pattern, uint32_t number, const spoke_str *rest)
{
    char memory[U64_DIGITS];
    const spoke_str digits = u64_text(number, memory);
    return topic_write(out, pattern, &digits, rest);
}

bool topic_valid(spoke_str text, const char *others, size_t most)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c == '\0' || (!ascii_is_alpha(c) && !ascii_is_digit(c) && strchr(others, c) == NULL))
            return false;
    }
    return text.len > 0 && text.len <= most;
}

bool topic_skip(spoke_str *topic, spoke_str prefix)
{
    if (!spoke_str_starts(*topic, prefix))
        return false;
    *topic = spoke_str_from(topic->ptr + prefix.len, topic->len - prefix.len);
    return true;
}

bool topic_skip_text(spoke_str *topic, const char *prefix)
{
    return topic_skip(topic, spoke_str_from(prefix, strcspn(prefix, "#")));
}

bool topic_number(spoke_str digits, int64_t *out)
{
    uint64_t value;
    if (!u64_read(digits, &value) || value > INT64_MAX || (digits.len > 1 && digits.ptr[0] == '0'))
        return false;
    *out = (int64_t)value;
    return true;
}

bool topic_read_reply(spoke_str text, uint32_t *status, spoke_str *rid, spoke_str *query)
{
    spoke_str digits;
    if (!spoke_str_cut(text, '/', &digits, query) || digits.len != 3 || !topic_skip_text(query, "?"))
        return false;
    if (spoke_str_u32(digits, status) != SPOKE_OK || *status < 100)
        return false;
    return spoke_bag_find(*query, "$rid", rid) == SPOKE_OK && rid->len > 0;
}
