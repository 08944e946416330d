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

/* An application property may be empty, and then is still there. */
static spoke_status write_application(const spoke_property_pair *pair, bool first, spoke_buf *out)
{
    if (pair->name.len == 0)
        return SPOKE_E_ARG;
    return topic_write(out, first ? "{%}={%}" : "&{%}={%}", &pair->name, &pair->value);
}

spoke_status spoke_bag_write(const spoke_message_properties *properties, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = topic_write(
        out, "[|%24.ct={%}][|%24.ce={%}][|%24.sub={%}][|%24.mid={%}][|%24.cid={%}][|iothub-creation-time-utc={%}]",
        &properties->content_type, &properties->content_encoding, &properties->component, &properties->message_id,
        &properties->correlation_id, &properties->creation_time);
    for (size_t i = 0; i < properties->application_count && status == SPOKE_OK; i++)
        status = write_application(&properties->application[i], out->len == start, out);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}
