#include <stddef.h>
#include <string.h>

#include <spoke/proto/hub.h>

#include "base/url.h"
#include "proto/topic.h"

/* --- reading --- */

spoke_status spoke_bag_next(spoke_str *rest, spoke_bag_item *out)
{
    spoke_str item = {NULL, 0};
    while (item.len == 0) {
        if (rest->len == 0)
            return SPOKE_E_NOT_FOUND;
        (void)spoke_str_cut(*rest, '&', &item, rest); /* without '&' the whole rest is the last item */
    }
    out->has_value = spoke_str_cut(item, '=', &out->name, &out->value);
    return SPOKE_OK;
}

/* Compares without room for the decoded text: one character, plain or escaped, at a time. */
static bool decodes_to(spoke_str encoded, const char *name)
{
    for (size_t at = 0; at < encoded.len; name++) {
        uint8_t byte = 0;
        if (url_next(encoded, &at, &byte) != SPOKE_OK || *name == '\0' || byte != (uint8_t)*name)
            return false;
    }
    return *name == '\0';
}

spoke_status spoke_bag_find(spoke_str bag, const char *name, spoke_str *value)
{
    spoke_bag_item item;
    while (spoke_bag_next(&bag, &item) == SPOKE_OK) {
        if (!decodes_to(item.name, name))
            continue;
        *value = item.value;
        return SPOKE_OK;
    }
    return SPOKE_E_NOT_FOUND;
}

spoke_status spoke_percent_decode(spoke_str text, spoke_buf *out)
{
    return url_decode(text, out);
}

/* --- writing --- */

spoke_status spoke_percent_encode(spoke_str text, spoke_buf *out)
{
    return url_encode(text, out);
}

/* Most messages have few of them: what is absent costs a look, which a pattern of them all would not give. */
static spoke_status write_system(const spoke_message_properties *properties, spoke_buf *out)
{
    static const struct {
        const char *front; /* percent-encoded; the first item of a bag has no '&' */
        size_t place;
    } members[] = {
        {"&%24.ct=", offsetof(spoke_message_properties, content_type)},
        {"&%24.ce=", offsetof(spoke_message_properties, content_encoding)},
        {"&%24.sub=", offsetof(spoke_message_properties, component)},
        {"&%24.mid=", offsetof(spoke_message_properties, message_id)},
        {"&%24.cid=", offsetof(spoke_message_properties, correlation_id)},
        {"&iothub-creation-time-utc=", offsetof(spoke_message_properties, creation_time)},
    };
    const size_t start = out->len;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const spoke_str *value = (const spoke_str *)((const char *)properties + members[i].place);
        if (value->len == 0)
            continue;
        const char *front = members[i].front + (out->len == start);
        spoke_status status = spoke_buf_append(out, spoke_str_from(front, strlen(front)));
        if (status == SPOKE_OK)
            status = url_encode(*value, out);
        if (status != SPOKE_OK)
            return status;
    }
    return SPOKE_OK;
}

/* An application property may be empty, and then is still there. */
static spoke_status write_application(const spoke_property_pair *pair, bool first, spoke_buf *out)
{
    static const char pattern[] = "&{%}={%}";
    return pair->name.len > 0 ? topic_write(out, pattern + first, &pair->name, &pair->value) : SPOKE_E_ARG;
}

spoke_status spoke_bag_write(const spoke_message_properties *properties, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = write_system(properties, out);
    for (size_t i = 0; i < properties->application_count && status == SPOKE_OK; i++)
        status = write_application(&properties->application[i], out->len == start, out);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}
