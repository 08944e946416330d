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
static bool decodes_to(spoke_str encoded, spoke_str name)
{
    size_t matched = 0;
    for (size_t at = 0; at < encoded.len; matched++) {
        uint8_t byte = 0;
        if (url_next(encoded, &at, &byte) != SPOKE_OK)
            return false;
        if (matched == name.len || byte != (uint8_t)name.ptr[matched])
            return false;
    }
    return matched == name.len;
}

spoke_status spoke_bag_find(spoke_str bag, const char *name, spoke_str *value)
{
    const spoke_str wanted = spoke_str_of(name);
    spoke_bag_item item;
    while (spoke_bag_next(&bag, &item) == SPOKE_OK) {
        if (!decodes_to(item.name, wanted))
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

static void put_separator(struct topic_writer *w)
{
    if (w->out->len > w->start)
        topic_put_text(w, "&");
}

static void put_item(struct topic_writer *w, const char *encoded_name, spoke_str value)
{
    if (value.len > 0)
        put_separator(w);
    topic_put_option(w, encoded_name, value);
}

/* An application property may be empty, and then is still there. */
static void put_application(struct topic_writer *w, const spoke_property_pair *pair)
{
    topic_require(w, pair->name.len > 0);
    put_separator(w);
    topic_put_encoded(w, pair->name);
    topic_put_text(w, "=");
    topic_put_encoded(w, pair->value);
}

spoke_status spoke_bag_write(const spoke_message_properties *properties, spoke_buf *out)
{
    struct topic_writer w = topic_begin(out);
    put_item(&w, "%24.ct=", properties->content_type);
    put_item(&w, "%24.ce=", properties->content_encoding);
    put_item(&w, "%24.sub=", properties->component);
    put_item(&w, "%24.mid=", properties->message_id);
    put_item(&w, "%24.cid=", properties->correlation_id);
    put_item(&w, "iothub-creation-time-utc=", properties->creation_time);
    for (size_t i = 0; i < properties->application_count; i++)
        put_application(&w, &properties->application[i]);
    return topic_end(&w);
}
