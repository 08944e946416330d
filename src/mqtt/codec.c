#include "mqtt/codec.h"

#include <string.h>

#include <spoke/features.h>

/* --- names --- */

#ifdef __OPTIMIZE_SIZE__
static bool text_is_plain(spoke_str s)
{
    (void)s;
    return false; /* byte by byte finds the same */
}
#else
#define EACH_BYTE(byte) (SIZE_MAX / 255 * (byte))

static size_t load_word(const char *at)
{
    size_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Top bits set for the bytes of a word that are ASCII, not NUL, and neither '+' nor '#' (which differ in bit 3
 * only). Adding 0x7f lifts the top bit of every byte but zero; ASCII bytes cannot carry into the next. */
static size_t plain_bytes(size_t word)
{
    const size_t not_nul = word + EACH_BYTE(0x7f);
    const size_t not_wild = ((word | EACH_BYTE(0x08)) ^ EACH_BYTE(0x2b)) + EACH_BYTE(0x7f);
    return ~word & not_nul & not_wild;
}

/* Almost every topic is plain ASCII and is checked with every message, so this goes by words. */
static bool text_is_plain(spoke_str s)
{
    if (s.len < sizeof(size_t))
        return false;
    size_t plain = plain_bytes(load_word(s.ptr + s.len - sizeof(size_t)));
    for (size_t at = 0; at + sizeof(size_t) < s.len; at += sizeof(size_t))
        plain &= plain_bytes(load_word(s.ptr + at));
    return (plain & EACH_BYTE(0x80)) == EACH_BYTE(0x80);
}
#endif

static bool topic_valid_by_bytes(spoke_str topic)
{
    for (size_t i = 0; i < topic.len; i++) {
        if (topic.ptr[i] == '+' || topic.ptr[i] == '#')
            return false;
    }
    return spoke_utf8_valid(topic);
}

bool codec_topic_valid(spoke_str topic)
{
    if (topic.len == 0 || topic.len > CODEC_MAX_TEXT)
        return false;
    return text_is_plain(topic) || topic_valid_by_bytes(topic);
}

bool codec_text_valid(spoke_str s)
{
    return s.len <= CODEC_MAX_TEXT && spoke_utf8_valid(s);
}

/* Section 4.7.1: '#' stands alone in the last level, '+' alone in its level. */
bool codec_filter_valid(spoke_str s)
{
    if (s.len == 0 || !codec_text_valid(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const bool starts = i == 0 || s.ptr[i - 1] == '/';
        const bool last = i + 1 == s.len;
        if (s.ptr[i] == '#' && !(starts && last))
            return false;
        if (s.ptr[i] == '+' && !(starts && (last || s.ptr[i + 1] == '/')))
            return false;
    }
    return true;
}

static bool suback_code_valid(uint8_t code)
{
    return code <= 2 || code == 0x80; /* [MQTT-3.9.3-2] */
}

/* --- fixed header --- */

uint8_t codec_fixed_flags(spoke_mqtt_type type)
{
    return type == SPOKE_MQTT_PUBREL || type == SPOKE_MQTT_SUBSCRIBE || type == SPOKE_MQTT_UNSUBSCRIBE ? 2 : 0;
}

static bool first_byte_valid(uint8_t byte)
{
    const uint8_t flags = byte & 15;
    const int type = byte >> 4;
    if (type < SPOKE_MQTT_CONNECT || type > SPOKE_MQTT_DISCONNECT)
        return false;
    if (type != SPOKE_MQTT_PUBLISH)
        return flags == codec_fixed_flags((spoke_mqtt_type)type);
    /* [MQTT-3.3.1-2]: DUP is for QoS 1 and 2. [MQTT-3.3.1-4]: there is no QoS 3. */
    const uint8_t qos = codec_publish_qos(flags);
    return qos != 3 && !(qos == 0 && (flags & 8) != 0);
}

spoke_status spoke_mqtt_peek(const uint8_t *bytes, size_t len, spoke_mqtt_header *out)
{
    if (out == NULL || (bytes == NULL && len > 0))
        return SPOKE_E_ARG;
    if (len == 0)
        return SPOKE_E_AGAIN;
    if (!first_byte_valid(bytes[0]))
        return SPOKE_E_PROTOCOL;
    size_t body = 0;
    for (size_t i = 1; i <= 4; i++) {
        if (i == len)
            return SPOKE_E_AGAIN;
        body |= (size_t)(bytes[i] & 0x7f) << (7 * (i - 1));
        if ((bytes[i] & 0x80) == 0) {
            out->type = (spoke_mqtt_type)(bytes[0] >> 4);
            out->flags = bytes[0] & 15;
            out->head_bytes = i + 1;
            out->body_bytes = body;
            return SPOKE_OK;
        }
    }
    return SPOKE_E_PROTOCOL;
}

/* --- decoding --- */

/* Walks a body. The first shortage sticks and later takes give zeros, so one look at `ok` ends a chain. */
typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool ok;
} reader;

static void expect(reader *r, bool condition)
{
    r->ok = r->ok && condition;
}

static spoke_str take_bytes(reader *r, size_t count)
{
    expect(r, count <= r->left);
    if (!r->ok)
        return spoke_str_from(NULL, 0);
    const spoke_str bytes = {(const char *)r->at, count};
    r->at += count;
    r->left -= count;
    return bytes;
}

static uint8_t take_byte(reader *r)
{
    const spoke_str byte = take_bytes(r, 1);
    return r->ok ? (uint8_t)byte.ptr[0] : 0;
}

static uint16_t take_u16(reader *r)
{
    const spoke_str bytes = take_bytes(r, 2);
    return r->ok ? codec_u16((const uint8_t *)bytes.ptr) : 0;
}

static uint16_t take_packet_id(reader *r)
{
    const uint16_t id = take_u16(r);
    expect(r, id != 0); /* [MQTT-2.3.1-1] */
    return id;
}

static spoke_str take_binary(reader *r)
{
    return take_bytes(r, take_u16(r));
}

static spoke_str take_text(reader *r)
{
    const spoke_str text = take_binary(r);
    expect(r, spoke_utf8_valid(text)); /* [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
    return text;
}

static spoke_str take_topic(reader *r)
{
    const spoke_str topic = take_binary(r);
    expect(r, codec_topic_valid(topic));
    return topic;
}

static void decode_will(reader *r, uint8_t flags, spoke_mqtt_will *will)
{
    will->topic = take_topic(r);
    will->payload = take_binary(r);
    will->qos = flags >> CODEC_CONNECT_WILL_QOS_SHIFT & 3;
    will->retain = (flags & CODEC_CONNECT_WILL_RETAIN) != 0;
}

static bool connect_flags_valid(uint8_t flags)
{
    const uint8_t will_qos = flags >> CODEC_CONNECT_WILL_QOS_SHIFT & 3;
    const bool will = (flags & CODEC_CONNECT_WILL) != 0;
    if ((flags & CODEC_CONNECT_RESERVED) != 0 || will_qos == 3)
        return false;
    if (!will && (will_qos != 0 || (flags & CODEC_CONNECT_WILL_RETAIN) != 0))
        return false;
    return (flags & CODEC_CONNECT_USERNAME) != 0 || (flags & CODEC_CONNECT_PASSWORD) == 0; /* [MQTT-3.1.2-22] */
}

static void decode_connect(reader *r, spoke_mqtt_packet *out)
{
    out->as.connect.protocol = take_text(r);
    out->as.connect.level = take_byte(r);
    if (out->as.connect.level != CODEC_PROTOCOL_LEVEL ||
        !spoke_str_equal(out->as.connect.protocol, CODEC_PROTOCOL_NAME)) {
        /* Another version has another form. The service must be able to name it when it refuses (section 3.1.2.2).
         */
        (void)take_bytes(r, r->left);
        return;
    }
    const uint8_t flags = take_byte(r);
    expect(r, connect_flags_valid(flags));
    out->as.connect.clean_session = (flags & CODEC_CONNECT_CLEAN) != 0;
    out->as.connect.has_will = (flags & CODEC_CONNECT_WILL) != 0;
    out->as.connect.has_username = (flags & CODEC_CONNECT_USERNAME) != 0;
    out->as.connect.has_password = (flags & CODEC_CONNECT_PASSWORD) != 0;
    out->as.connect.keep_alive_s = take_u16(r);
    out->as.connect.client_id = take_text(r);
    if (out->as.connect.has_will)
        decode_will(r, flags, &out->as.connect.will);
    if (out->as.connect.has_username)
        out->as.connect.username = take_text(r);
    if (out->as.connect.has_password)
        out->as.connect.password = take_binary(r);
}

static void decode_publish(reader *r, uint8_t flags, spoke_mqtt_packet *out)
{
    out->as.publish.qos = codec_publish_qos(flags);
    out->as.publish.dup = (flags & 8) != 0;
    out->as.publish.retain = (flags & 1) != 0;
    out->as.publish.topic = take_topic(r);
    if (out->as.publish.qos > 0)
        out->packet_id = take_packet_id(r);
    out->as.publish.payload = take_bytes(r, r->left);
}

bool codec_filters_valid(spoke_str filters, bool with_qos)
{
    spoke_mqtt_filter filter;
    if (filters.len == 0) /* [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
        return false;
    spoke_status status = SPOKE_OK;
    while (status == SPOKE_OK)
        status = spoke_mqtt_filter_next(&filters, with_qos, &filter);
    return status == SPOKE_E_NOT_FOUND;
}

bool codec_codes_valid(spoke_str codes)
{
    for (size_t i = 0; i < codes.len; i++) {
        if (!suback_code_valid((uint8_t)codes.ptr[i]))
            return false;
    }
    return codes.len > 0;
}

/* Two bytes of a CONNACK, an id, or nothing at all: what a client receives that has subscribed to nothing, and the rest
 * that holds neither a text nor a list. */
static spoke_status decode_short(const spoke_mqtt_header *header, const uint8_t *body, spoke_mqtt_packet *out)
{
    const size_t expected = header->type < SPOKE_MQTT_PINGREQ ? 2 : 0;
    bool valid = header->body_bytes == expected;
    if (!valid || expected == 0)
        return valid ? SPOKE_OK : SPOKE_E_PROTOCOL;
    if (header->type == SPOKE_MQTT_CONNACK) {
        out->as.connack.session_present = body[0] != 0;
        out->as.connack.code = body[1]; /* reserved codes too: whoever is refused wants to see the number */
        valid = body[0] == 0 || (body[0] == 1 && body[1] == 0); /* [MQTT-3.2.2-4] */
    } else {
        out->packet_id = codec_u16(body);
        valid = out->packet_id != 0;
    }
    return valid ? SPOKE_OK : SPOKE_E_PROTOCOL;
}

static void decode_suback(reader *r, spoke_mqtt_packet *out)
{
    out->packet_id = take_packet_id(r);
    out->as.codes = take_bytes(r, r->left);
    expect(r, codec_codes_valid(out->as.codes));
}

/* The requests for topics and for their end. */
static void decode_request(reader *r, spoke_mqtt_packet *out)
{
    out->packet_id = take_packet_id(r);
    out->as.filters = take_bytes(r, r->left);
    expect(r, codec_filters_valid(out->as.filters, out->type == SPOKE_MQTT_SUBSCRIBE));
}

static reader open_body(const spoke_mqtt_header *header, const uint8_t *bytes)
{
    return (reader){bytes + header->head_bytes, header->body_bytes, true};
}

static spoke_status close_body(const reader *r)
{
    return r->ok && r->left == 0 ? SPOKE_OK : SPOKE_E_PROTOCOL;
}

/* The packets that both sides receive, or a client alone. */
spoke_status codec_decode_answer(const spoke_mqtt_header *header, const uint8_t *bytes, spoke_mqtt_packet *out)
{
    memset(out, 0, sizeof *out);
    out->type = header->type;
    const bool long_one = header->type == SPOKE_MQTT_PUBLISH || header->type == SPOKE_MQTT_SUBACK;
    if (!SPOKE_WITH_LISTENING || !long_one)
        return decode_short(header, bytes + header->head_bytes, out);
    reader r = open_body(header, bytes);
    if (header->type == SPOKE_MQTT_PUBLISH)
        decode_publish(&r, header->flags, out);
    else
        decode_suback(&r, out);
    return close_body(&r);
}

spoke_status spoke_mqtt_decode(const uint8_t *bytes, size_t len, spoke_mqtt_packet *out)
{
    spoke_mqtt_header header;
    if (out == NULL || (bytes == NULL && len > 0))
        return SPOKE_E_ARG;
    if (spoke_mqtt_peek(bytes, len, &header) != SPOKE_OK || len - header.head_bytes != header.body_bytes)
        return SPOKE_E_PROTOCOL;
    const spoke_status status = codec_decode_answer(&header, bytes, out);
    /* what a server alone receives */
    reader r = open_body(&header, bytes);
    if (header.type == SPOKE_MQTT_CONNECT)
        decode_connect(&r, out);
    else if (header.type == SPOKE_MQTT_SUBSCRIBE || header.type == SPOKE_MQTT_UNSUBSCRIBE)
        decode_request(&r, out);
    else
        return status;
    return close_body(&r);
}

spoke_status spoke_mqtt_filter_next(spoke_str *rest, bool with_qos, spoke_mqtt_filter *out)
{
    if (rest == NULL || out == NULL)
        return SPOKE_E_ARG;
    if (rest->len == 0)
        return SPOKE_E_NOT_FOUND;
    reader r = {(const uint8_t *)rest->ptr, rest->len, true};
    const spoke_str filter = take_binary(&r);
    const uint8_t qos = with_qos ? take_byte(&r) : 0;
    if (!r.ok || !codec_filter_valid(filter) || qos > 2) /* qos > 2 covers the six reserved bits as well */
        return SPOKE_E_PROTOCOL;
    *out = (spoke_mqtt_filter){filter, qos};
    *rest = spoke_str_from((const char *)r.at, r.left);
    return SPOKE_OK;
}
