#include "proto/topic.h"

#include <string.h>

#include <spoke/proto/hub.h>

#include "base/ascii.h"
#include "base/url.h"

void topic_require(struct topic_writer *w, bool valid)
{
    if (!valid && w->status == SPOKE_OK)
        w->status = SPOKE_E_ARG;
}

void topic_put(struct topic_writer *w, spoke_str text)
{
    if (w->status == SPOKE_OK)
        w->status = spoke_buf_append(w->out, text);
}

void topic_put_text(struct topic_writer *w, const char *text)
{
    topic_put(w, spoke_str_from(text, strlen(text)));
}

void topic_put_encoded(struct topic_writer *w, spoke_str text)
{
    if (w->status == SPOKE_OK)
        w->status = url_encode(text, w->out);
}

void topic_put_option(struct topic_writer *w, const char *name, spoke_str value)
{
    if (value.len == 0)
        return;
    topic_put_text(w, name);
    topic_put_encoded(w, value);
}

void topic_put_number(struct topic_writer *w, uint64_t number)
{
    if (w->status == SPOKE_OK)
        w->status = spoke_buf_append_u64(w->out, number);
}

spoke_status topic_end(const struct topic_writer *w)
{
    if (w->status != SPOKE_OK)
        w->out->len = w->start;
    return w->status;
}

bool topic_all_of(spoke_str text, bool (*allowed)(char c))
{
    for (size_t i = 0; i < text.len; i++) {
        if (!allowed(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

static bool level_character(char c)
{
    return c > ' ' && c <= '~' && c != '#' && c != '+' && c != '/';
}

bool topic_level_valid(spoke_str text)
{
    return topic_all_of(text, level_character);
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
    return topic_skip(topic, spoke_str_from(prefix, strlen(prefix)));
}

bool topic_number(spoke_str digits, int64_t *out)
{
    uint64_t value = 0;
    if (digits.len == 0 || digits.len > 19 || (digits.len > 1 && digits.ptr[0] == '0')) /* 19 fit 64 bits */
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]))
            return false;
        value = value * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    *out = (int64_t)value;
    return value <= INT64_MAX;
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
