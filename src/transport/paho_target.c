#include <string.h>

#include "transport/paho_link.h"

/* Appends the text and a NUL. A view into the buffer; NULL: no room, or a NUL inside. */
static const char *keep(spoke_buf *out, spoke_str text)
{
    const char *at = (const char *)out->ptr + out->len;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return NULL;
    if (spoke_buf_append(out, text) != SPOKE_OK || spoke_buf_append_byte(out, 0) != SPOKE_OK)
        return NULL;
    return at;
}

static bool keep_bytes(spoke_buf *out, spoke_str bytes, spoke_str *kept)
{
    *kept = spoke_str_from((const char *)out->ptr + out->len, bytes.len);
    return spoke_buf_append(out, bytes) == SPOKE_OK;
}

static bool keep_will(struct paho_target *out, const spoke_mqtt_will *will)
{
    out->will_topic = NULL;
    if (will == NULL)
        return true;
    out->will_topic = keep(&out->text, will->topic);
    out->will_qos = will->qos;
    out->will_retain = will->retain;
    return out->will_topic != NULL && keep_bytes(&out->text, will->payload, &out->will_payload);
}

static bool keep_all(struct paho_target *out, const spoke_transport_target *target)
{
    const spoke_mqtt_connect_options *mqtt = &target->mqtt;
    out->host = keep(&out->text, spoke_str_of(target->host));
    out->client_id = keep(&out->text, mqtt->client_id);
    if (mqtt->username.len > 0)
        out->username = keep(&out->text, mqtt->username);
    return out->host != NULL && out->client_id != NULL && (mqtt->username.len == 0 || out->username != NULL) &&
           keep_bytes(&out->text, mqtt->password, &out->password) && keep_will(out, mqtt->will);
}

void paho_target_wipe(struct paho_target *target)
{
    spoke_wipe(target->text.ptr, target->text.len);
}

bool paho_target_keep(struct paho_target *out, const spoke_transport_target *target)
{
    paho_target_wipe(out);
    *out = (struct paho_target){.text = spoke_buf_from(out->text.ptr, out->text.cap),
                                .port = target->port,
                                .keep_alive_s = target->mqtt.keep_alive_s,
                                .limit_ms = target->connect_limit_ms,
                                .clean_session = target->mqtt.clean_session};
    const bool kept = keep_all(out, target);
    if (!kept)
        paho_target_wipe(out);
    return kept;
}

bool paho_target_valid(const spoke_transport_target *target)
{
    const spoke_mqtt_connect_options *mqtt = &target->mqtt;
    const bool will_fits = mqtt->will == NULL || (mqtt->will->topic.len > 0 && mqtt->will->qos <= 1 &&
                                                  spoke_utf8_valid(mqtt->will->topic));
    return target->host != NULL && target->host[0] != '\0' && target->port != 0 &&
           strnlen(target->host, SPOKE_MAX_HOST_BYTES + 1) <= SPOKE_MAX_HOST_BYTES &&
           spoke_utf8_valid(mqtt->client_id) && spoke_utf8_valid(mqtt->username) && will_fits;
}
