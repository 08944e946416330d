/* The writing half of the codec: check, measure, then write without looking back. */
#include "mqtt/codec.h"

#include <spoke/features.h>

enum { CONNACK_LAST_CODE = 5 };

static uint8_t *put_u16(uint8_t *at, uint16_t value)
{
    *at++ = (uint8_t)(value >> 8);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_text(uint8_t *at, spoke_str text)
{
    return codec_put_bytes(put_u16(at, (uint16_t)text.len), text);
}

static uint8_t first_byte(spoke_mqtt_type type, uint8_t flags)
{
    return (uint8_t)((unsigned)type << 4 | flags);
}

static uint8_t *put_header(uint8_t *at, uint8_t first, size_t body)
{
    *at++ = first;
    while (body >= 0x80) {
        *at++ = (uint8_t)(body | 0x80);
        body >>= 7;
    }
    *at++ = (uint8_t)body;
    return at;
}

/* Takes the room of a whole packet and writes its fixed header; NULL when it does not fit. */
static uint8_t *open_packet(spoke_buf *out, uint8_t first, size_t body)
{
    const size_t total = codec_packet_bytes(body);
    if (total > out->cap - out->len)
        return NULL;
    uint8_t *at = put_header(out->ptr + out->len, first, body);
    out->len += total;
    return at;
}

uint8_t *codec_put_ack(uint8_t *at, uint16_t packet_id)
{
    return put_u16(put_header(at, first_byte(SPOKE_MQTT_PUBACK, 0), 2), packet_id);
}

uint8_t *codec_put_empty(uint8_t *at, spoke_mqtt_type type)
{
    return put_header(at, first_byte(type, 0), 0);
}

uint8_t *codec_put_publish_head(uint8_t *at, uint8_t flags, size_t body_bytes, spoke_str topic, uint16_t packet_id)
{
    at = put_text(put_header(at, first_byte(SPOKE_MQTT_PUBLISH, flags), body_bytes), topic);
    return packet_id != 0 ? put_u16(at, packet_id) : at;
}

size_t spoke_mqtt_publish_bytes(size_t topic_bytes, size_t payload_bytes, uint8_t qos)
{
    const size_t body = codec_publish_body_bytes(topic_bytes, payload_bytes, qos);
    return body != SIZE_MAX ? codec_packet_bytes(body) : SIZE_MAX;
}

static bool has_will(const spoke_mqtt_packet *p)
{
    return SPOKE_WITH_WILL && p->as.connect.has_will;
}

static bool will_valid(const spoke_mqtt_will *will)
{
    return will->qos <= 2 && codec_topic_valid(will->topic) && will->payload.len <= CODEC_MAX_TEXT;
}

static bool connect_valid(const spoke_mqtt_packet *p)
{
    if (!codec_text_valid(p->as.connect.client_id) || !codec_text_valid(p->as.connect.username))
        return false;
    if (p->as.connect.client_id.len == 0 && !p->as.connect.clean_session) /* [MQTT-3.1.3-7] */
        return false;
    if (p->as.connect.has_password && !p->as.connect.has_username)
        return false;
    return p->as.connect.password.len <= CODEC_MAX_TEXT && (!has_will(p) || will_valid(&p->as.connect.will));
}

static uint8_t connect_flags(const spoke_mqtt_packet *p)
{
    unsigned flags = 0;
    if (p->as.connect.clean_session)
        flags |= CODEC_CONNECT_CLEAN;
    if (p->as.connect.has_username)
        flags |= CODEC_CONNECT_USERNAME;
    if (p->as.connect.has_password)
        flags |= CODEC_CONNECT_PASSWORD;
    if (has_will(p)) {
        flags |= CODEC_CONNECT_WILL | (unsigned)p->as.connect.will.qos << CODEC_CONNECT_WILL_QOS_SHIFT;
        flags |= p->as.connect.will.retain ? CODEC_CONNECT_WILL_RETAIN : 0u;
    }
    return (uint8_t)flags;
}

static size_t connect_body_bytes(const spoke_mqtt_packet *p)
{
    size_t body = 2 + p->as.connect.protocol.len + 1 + 1 + 2; /* name, level, flags, keep-alive */
    body += 2 + p->as.connect.client_id.len;
    if (has_will(p))
        body += 2 + p->as.connect.will.topic.len + 2 + p->as.connect.will.payload.len;
    if (p->as.connect.has_username)
        body += 2 + p->as.connect.username.len;
    if (p->as.connect.has_password)
        body += 2 + p->as.connect.password.len;
    return body;
}

spoke_status codec_encode_connect(const spoke_mqtt_packet *p, spoke_buf *out)
{
    if (!connect_valid(p))
        return SPOKE_E_ARG;
    uint8_t *at = open_packet(out, first_byte(SPOKE_MQTT_CONNECT, 0), connect_body_bytes(p));
    if (at == NULL)
        return SPOKE_E_TOO_SMALL;
    at = put_text(at, p->as.connect.protocol);
    *at++ = p->as.connect.level;
    *at++ = connect_flags(p);
    at = put_u16(at, p->as.connect.keep_alive_s);
    at = put_text(at, p->as.connect.client_id);
    if (has_will(p))
        at = put_text(put_text(at, p->as.connect.will.topic), p->as.connect.will.payload);
    if (p->as.connect.has_username)
        at = put_text(at, p->as.connect.username);
    if (p->as.connect.has_password)
        put_text(at, p->as.connect.password);
    return SPOKE_OK;
}

static spoke_status encode_connack(const spoke_mqtt_packet *p, spoke_buf *out)
{
    if (p->as.connack.code > CONNACK_LAST_CODE || (p->as.connack.session_present && p->as.connack.code != 0))
        return SPOKE_E_ARG;
    uint8_t *at = open_packet(out, first_byte(SPOKE_MQTT_CONNACK, 0), 2);
    if (at == NULL)
        return SPOKE_E_TOO_SMALL;
    at[0] = p->as.connack.session_present ? 1 : 0;
    at[1] = p->as.connack.code;
    return SPOKE_OK;
}

static bool publish_valid(const spoke_mqtt_packet *p)
{
    const uint8_t qos = p->as.publish.qos;
    return qos <= 2 && (qos > 0) == (p->packet_id != 0) && (qos > 0 || !p->as.publish.dup) &&
           codec_topic_valid(p->as.publish.topic);
}

static spoke_status encode_publish(const spoke_mqtt_packet *p, spoke_buf *out)
{
    const spoke_str topic = p->as.publish.topic, payload = p->as.publish.payload;
    const size_t body = codec_publish_body_bytes(topic.len, payload.len, p->as.publish.qos);
    if (!publish_valid(p) || body == SIZE_MAX)
        return SPOKE_E_ARG;
    if (codec_packet_bytes(body) > out->cap - out->len)
        return SPOKE_E_TOO_SMALL;
    const unsigned flags =
        (p->as.publish.dup ? 8u : 0u) | (unsigned)p->as.publish.qos << 1 | (p->as.publish.retain ? 1u : 0u);
    uint8_t *at = codec_put_publish_head(out->ptr + out->len, (uint8_t)flags, body, topic, p->packet_id);
    codec_put_bytes(at, payload);
    out->len += codec_packet_bytes(body);
    return SPOKE_OK;
}

/* The packets that are an id and perhaps a list behind it. */
static spoke_status encode_with_id(const spoke_mqtt_packet *p, spoke_str list, spoke_buf *out)
{
    if (p->packet_id == 0 || list.len > SPOKE_MQTT_MAX_REMAINING - 2)
        return SPOKE_E_ARG;
    uint8_t *at = open_packet(out, first_byte(p->type, codec_fixed_flags(p->type)), 2 + list.len);
    if (at == NULL)
        return SPOKE_E_TOO_SMALL;
    codec_put_bytes(put_u16(at, p->packet_id), list);
    return SPOKE_OK;
}

spoke_status spoke_mqtt_encode(const spoke_mqtt_packet *packet, spoke_buf *out)
{
    if (packet == NULL || out == NULL)
        return SPOKE_E_ARG;
    switch (packet->type) {
    case SPOKE_MQTT_CONNECT:
        return packet->as.connect.level == CODEC_PROTOCOL_LEVEL &&
                       spoke_str_equal(packet->as.connect.protocol, CODEC_PROTOCOL_NAME)
                   ? codec_encode_connect(packet, out)
                   : SPOKE_E_ARG;
    case SPOKE_MQTT_CONNACK:
        return encode_connack(packet, out);
    case SPOKE_MQTT_PUBLISH:
        return encode_publish(packet, out);
    case SPOKE_MQTT_PUBACK:
    case SPOKE_MQTT_PUBREC:
    case SPOKE_MQTT_PUBREL:
    case SPOKE_MQTT_PUBCOMP:
    case SPOKE_MQTT_UNSUBACK:
        return encode_with_id(packet, spoke_str_from(NULL, 0), out);
    case SPOKE_MQTT_SUBSCRIBE:
    case SPOKE_MQTT_UNSUBSCRIBE:
        if (!codec_filters_valid(packet->as.filters, packet->type == SPOKE_MQTT_SUBSCRIBE))
            return SPOKE_E_ARG;
        return encode_with_id(packet, packet->as.filters, out);
    case SPOKE_MQTT_SUBACK:
        return codec_codes_valid(packet->as.codes) ? encode_with_id(packet, packet->as.codes, out) : SPOKE_E_ARG;
    case SPOKE_MQTT_PINGREQ:
    case SPOKE_MQTT_PINGRESP:
    case SPOKE_MQTT_DISCONNECT:
        return open_packet(out, first_byte(packet->type, 0), 0) != NULL ? SPOKE_OK : SPOKE_E_TOO_SMALL;
    }
    return SPOKE_E_ARG;
}

static const spoke_str *filter_at(const codec_filter_list *list, size_t i)
{
    return list->filters != NULL ? &list->filters[i].filter : &list->names[i];
}

/* 0 when a filter breaks the standard or all of them are too long for a packet. */
static size_t filter_list_bytes(const codec_filter_list *list, bool with_qos)
{
    size_t total = 0;
    for (size_t i = 0; i < list->count; i++) {
        const spoke_str *filter = filter_at(list, i);
        if (!codec_filter_valid(*filter) || (with_qos && list->filters[i].qos > 2))
            return 0;
        total += 2 + filter->len + (with_qos ? 1 : 0);
        if (total > SPOKE_MQTT_MAX_REMAINING - 2)
            return 0;
    }
    return total;
}

spoke_status codec_encode_list(uint16_t packet_id, bool with_qos, const codec_filter_list *list, spoke_buf *out)
{
    const spoke_mqtt_type type = with_qos ? SPOKE_MQTT_SUBSCRIBE : SPOKE_MQTT_UNSUBSCRIBE;
    const size_t bytes = filter_list_bytes(list, with_qos);
    if (packet_id == 0 || bytes == 0)
        return SPOKE_E_ARG;
    uint8_t *at = open_packet(out, first_byte(type, codec_fixed_flags(type)), 2 + bytes);
    if (at == NULL)
        return SPOKE_E_TOO_SMALL;
    at = put_u16(at, packet_id);
    for (size_t i = 0; i < list->count; i++) {
        at = put_text(at, *filter_at(list, i));
        if (with_qos)
            *at++ = list->filters[i].qos;
    }
    return SPOKE_OK;
}

spoke_status spoke_mqtt_encode_filters(uint16_t packet_id, bool with_qos, const spoke_mqtt_filter *filters,
                                       size_t count, spoke_buf *out)
{
    const codec_filter_list list = {filters, NULL, count};
    return filters != NULL && out != NULL ? codec_encode_list(packet_id, with_qos, &list, out) : SPOKE_E_ARG;
}
