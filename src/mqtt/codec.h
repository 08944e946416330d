/* What the session needs of the codec beyond the public calls. */
#ifndef SPOKE_MQTT_CODEC_H
#define SPOKE_MQTT_CODEC_H

#include <string.h>

#include <spoke/proto/mqtt.h>

#define CODEC_MAX_TEXT 65535u /* section 1.5.3: two length bytes */
#define CODEC_ACK_BYTES 4u
#define CODEC_EMPTY_BYTES 2u /* PINGREQ, PINGRESP, DISCONNECT */
#define CODEC_PROTOCOL_NAME SPOKE_STR("MQTT")
#define CODEC_PROTOCOL_LEVEL 4

/* Flags of the CONNECT packet, section 3.1.2.3. */
enum {
    CODEC_CONNECT_RESERVED = 0x01,
    CODEC_CONNECT_CLEAN = 0x02,
    CODEC_CONNECT_WILL = 0x04,
    CODEC_CONNECT_WILL_QOS_SHIFT = 3,
    CODEC_CONNECT_WILL_RETAIN = 0x20,
    CODEC_CONNECT_PASSWORD = 0x40,
    CODEC_CONNECT_USERNAME = 0x80
};

static inline uint16_t codec_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint8_t codec_publish_qos(uint8_t flags)
{
    return flags >> 1 & 3;
}

/* A whole packet, from what its body takes. */
static inline size_t codec_packet_bytes(size_t body)
{
    return body + (body < 0x80 ? 2u : body < 0x4000 ? 3u : body < 0x200000 ? 4u : 5u);
}

/* What a PUBLISH holds behind its fixed header; SIZE_MAX: more than any packet can. */
static inline size_t codec_publish_body_bytes(size_t topic_bytes, size_t payload_bytes, uint8_t qos)
{
    const size_t head = 2 + topic_bytes + (qos > 0 ? 2 : 0);
    if (topic_bytes > CODEC_MAX_TEXT || payload_bytes > SPOKE_MQTT_MAX_REMAINING - head)
        return SIZE_MAX;
    return head + payload_bytes;
}

static inline uint8_t *codec_put_bytes(uint8_t *at, spoke_str bytes)
{
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

/* A name that may be published to: not empty, UTF-8, no wildcard (sections 3.3.2.1 and 4.7). */
bool codec_topic_valid(spoke_str topic);
/* Any other text: UTF-8 without NUL, short enough for its length prefix. */
bool codec_text_valid(spoke_str s);
/* Wildcards stand where section 4.7.1 lets them. */
bool codec_filter_valid(spoke_str s);
/* The filters of a SUBSCRIBE (with_qos) or UNSUBSCRIBE as they stand on the wire; there is at least one. */
bool codec_filters_valid(spoke_str filters, bool with_qos);
/* The return codes of a SUBACK; there is at least one. */
bool codec_codes_valid(spoke_str codes);
/* The low nibble that section 2.2.2 fixes for every type but PUBLISH. */
uint8_t codec_fixed_flags(spoke_mqtt_type type);

/* Decodes the packet of a header that spoke_mqtt_peek gave; all its bytes are there. E_PROTOCOL: also for what only a
 * server receives, so that a client carries no code for it. */
spoke_status codec_decode_answer(const spoke_mqtt_header *header, const uint8_t *bytes, spoke_mqtt_packet *out);

/* The writers below trust their caller for room and for valid arguments; they return where the next byte goes. */
uint8_t *codec_put_ack(uint8_t *at, uint16_t packet_id);
uint8_t *codec_put_empty(uint8_t *at, spoke_mqtt_type type);
/* A PUBLISH up to its payload; flags are the low nibble of the first byte. */
uint8_t *codec_put_publish_head(uint8_t *at, uint8_t flags, size_t body_bytes, spoke_str topic,
                                uint16_t packet_id);

/* As spoke_mqtt_encode, for a CONNECT of the protocol and level that we speak. */
spoke_status codec_encode_connect(const spoke_mqtt_packet *p, spoke_buf *out);
/* The filters of a SUBSCRIBE, or the bare names of an UNSUBSCRIBE: one of the two is NULL. */
typedef struct codec_filter_list {
    const spoke_mqtt_filter *filters;
    const spoke_str *names;
    size_t count;
} codec_filter_list;
/* SUBSCRIBE with_qos, for which filters are needed, else UNSUBSCRIBE; answers as spoke_mqtt_encode_filters. */
spoke_status codec_encode_list(uint16_t packet_id, bool with_qos, const codec_filter_list *list, spoke_buf *out);

#endif
