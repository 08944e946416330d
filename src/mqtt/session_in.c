/* What comes in: the receive buffer, parsed in place, and what each packet means. */
#include <assert.h>
#include <string.h>

#include "mqtt/codec.h"
#include "mqtt/session.h"

/* --- what stands in the receive buffer --- */

typedef enum look {
    LOOK_WAIT,     /* more bytes are needed to go on */
    LOOK_PACKET,   /* a whole packet */
    LOOK_OVERSIZE, /* the head of a PUBLISH that is larger than the buffer */
    LOOK_PASSING,  /* more of such a PUBLISH */
    LOOK_BROKEN    /* no server may send this here */
} look;

static size_t in_waiting(const spoke_mqtt *s)
{
    return s->in_tail - s->in_head;
}

static size_t packet_bytes(const spoke_mqtt_header *header)
{
    return header->head_bytes + header->body_bytes;
}

/* CONNACK comes first and once (section 3.2). QoS 2 was never granted, so neither its PUBLISH nor its acks come;
 * without a subscription no PUBLISH at all; the other types are a client's. */
static bool server_may_send(const spoke_mqtt *s, const spoke_mqtt_header *header)
{
    const spoke_mqtt_type type = header->type;
    if (!s->accepted)
        return type == SPOKE_MQTT_CONNACK;
    if (type == SPOKE_MQTT_PUBACK || type == SPOKE_MQTT_PINGRESP)
        return true;
    if (!SPOKE_WITH_LISTENING)
        return false;
    if (type == SPOKE_MQTT_PUBLISH)
        return codec_publish_qos(header->flags) <= 1;
    return type == SPOKE_MQTT_SUBACK || type == SPOKE_MQTT_UNSUBACK;
}

/* Bytes of a PUBLISH in front of its payload; the length of its topic is there. */
static size_t publish_head_bytes(const spoke_mqtt_header *header, const uint8_t *at)
{
    const size_t id = codec_publish_qos(header->flags) > 0 ? 2 : 0;
    return header->head_bytes + 2 + codec_u16(at + header->head_bytes) + id;
}

/* A quarter of the buffer stays free for the rest to pass through. */
static bool head_fits(const spoke_mqtt *s, size_t head_bytes)
{
    return head_bytes <= s->limits.receive_bytes - s->limits.receive_bytes / 4;
}

static look look_at_oversize(const spoke_mqtt *s, const spoke_mqtt_header *header, const uint8_t *at)
{
    if (header->type != SPOKE_MQTT_PUBLISH)
        return LOOK_BROKEN; /* no other packet has a reason to be so long */
    if (in_waiting(s) < header->head_bytes + 2)
        return LOOK_WAIT;
    const size_t head_bytes = publish_head_bytes(header, at);
    if (head_bytes > packet_bytes(header))
        return LOOK_BROKEN;
    return !head_fits(s, head_bytes) || in_waiting(s) >= head_bytes ? LOOK_OVERSIZE : LOOK_WAIT;
}

/* Says what spoke_mqtt_next would find, and changes nothing: spoke_mqtt_room asks as well. */
static look look_ahead(const spoke_mqtt *s, spoke_mqtt_header *header)
{
    const uint8_t *at = s->in + s->in_head;
    if (SPOKE_WITH_LISTENING && s->skip.size > 0)
        return in_waiting(s) > 0 ? LOOK_PASSING : LOOK_WAIT;
    const spoke_status status = spoke_mqtt_peek(at, in_waiting(s), header);
    if (status != SPOKE_OK)
        return status == SPOKE_E_AGAIN ? LOOK_WAIT : LOOK_BROKEN;
    if (!server_may_send(s, header))
        return LOOK_BROKEN;
    if (packet_bytes(header) > s->limits.receive_bytes)
        return SPOKE_WITH_LISTENING ? look_at_oversize(s, header, at) : LOOK_BROKEN;
    return in_waiting(s) >= packet_bytes(header) ? LOOK_PACKET : LOOK_WAIT;
}

/* --- bytes in --- */

static bool is_open(const spoke_mqtt *s)
{
    return s->state == MQTT_CONNECTING || s->state == MQTT_CONNECTED || s->state == MQTT_CLOSING;
}

/* Moves the begun packet to the front. It stays there until it is whole, so no byte is moved twice. */
static void in_compact(spoke_mqtt *s)
{
    const size_t waiting = in_waiting(s);
    if (waiting > 0 && s->in_head > s->in_kept)
        memmove(s->in + s->in_kept, s->in + s->in_head, waiting);
    s->in_head = s->in_kept;
    s->in_tail = s->in_kept + waiting;
}

spoke_buf spoke_mqtt_room(spoke_mqtt *s)
{
    spoke_mqtt_header header;
    if (s == NULL || !is_open(s) || look_ahead(s, &header) != LOOK_WAIT)
        return spoke_buf_from(NULL, 0);
    in_compact(s);
    return spoke_buf_from(s->in + s->in_tail, s->limits.receive_bytes - s->in_tail);
}

void spoke_mqtt_received(spoke_mqtt *s, uint64_t now, size_t count)
{
    if (s == NULL || !is_open(s) || count == 0)
        return;
    const size_t room = s->limits.receive_bytes - s->in_tail;
    s->in_tail += count < room ? count : room;
    mqtt_hear(s, now);
}

void spoke_mqtt_receive(spoke_mqtt *s, uint64_t now, spoke_str bytes, size_t *used)
{
    const spoke_buf room = spoke_mqtt_room(s);
    const size_t count = bytes.len < room.cap ? bytes.len : room.cap;
    if (count > 0) {
        memcpy(room.ptr, bytes.ptr, count);
        spoke_mqtt_received(s, now, count);
    }
    if (used != NULL)
        *used = count;
}

/* --- what the packets mean --- */

typedef enum step { STEP_EVENT, STEP_SILENT, STEP_WAIT, STEP_BROKEN } step;

/* In every other state a PUBACK could not leave any more: the message counts as not acknowledged. */
static bool owes_receipt(const spoke_mqtt *s, uint8_t qos)
{
    return qos == 1 && s->state == MQTT_CONNECTED;
}

static void owe_receipt(spoke_mqtt *s, uint16_t id)
{
    assert(s->receipt_count < s->limits.receipts);
    uint32_t at = s->receipt_first + s->receipt_count;
    at -= at < s->limits.receipts ? 0u : s->limits.receipts;
    s->receipts[at] = (mqtt_receipt){id, false};
    s->receipt_count++;
}

static step on_connack(spoke_mqtt *s, uint64_t now, const spoke_mqtt_packet *packet, spoke_mqtt_event *event)
{
    event->kind = SPOKE_MQTT_EVENT_CONNACK;
    event->code = packet->as.connack.code;
    event->session_present = packet->as.connack.session_present;
    if (event->code != 0) {
        s->code = event->code;
        s->in_head = s->in_tail; /* [MQTT-3.2.2-5]: the server closes now */
        mqtt_lose(s, SPOKE_E_REFUSED);
        s->why = SPOKE_E_REFUSED; /* also when the stream has ended since: the server's word is the reason */
        return STEP_EVENT;
    }
    s->accepted = true;
    if (s->state == MQTT_CONNECTING)
        s->state = MQTT_CONNECTED;
    mqtt_hear(s, now);
    if (SPOKE_WITH_RESUME && !event->session_present && s->in_flight > 0)
        mqtt_forget_ids(s);
    return STEP_EVENT;
}

static step on_publish(spoke_mqtt *s, const spoke_mqtt_packet *packet, spoke_mqtt_event *event)
{
    event->kind = SPOKE_MQTT_EVENT_PUBLISH;
    event->packet_id = packet->packet_id;
    event->topic = packet->as.publish.topic;
    event->payload = packet->as.publish.payload;
    event->qos = packet->as.publish.qos;
    event->dup = packet->as.publish.dup;
    event->retain = packet->as.publish.retain;
    if (owes_receipt(s, event->qos))
        owe_receipt(s, packet->packet_id);
    return STEP_EVENT;
}

/* A PUBACK for nothing in flight is passed over. It loses nothing, and a server that got a message twice, with DUP
 * after a reconnect, may well acknowledge it twice; to break the link for that would send all of it again. */
static step on_puback(spoke_mqtt *s, uint16_t id, spoke_mqtt_event *event)
{
    mqtt_slot *slot = mqtt_slot_find(s, id);
    if (slot == NULL || slot->use != SLOT_MESSAGE)
        return STEP_SILENT;
    event->kind = SPOKE_MQTT_EVENT_PUBACK;
    event->packet_id = id;
    event->token = slot->value;
    mqtt_slot_release(s, slot);
    return STEP_EVENT;
}

/* Takes a request that has this many filters (0: UNSUBSCRIBE) off the list. */
static bool take_request(spoke_mqtt *s, uint16_t id, size_t filters)
{
    mqtt_slot *slot = mqtt_slot_find(s, id);
    if (slot == NULL || slot->use != SLOT_REQUEST || slot->value != filters)
        return false;
    mqtt_slot_release(s, slot);
    for (size_t i = 0; i < MQTT_REQUESTS; i++) {
        if (s->requests[i] == id)
            s->requests[i] = 0;
    }
    return true;
}

/* SUBACK and UNSUBACK. Unlike a PUBACK, one that answers no request of ours, or with another number of codes
 * [MQTT-3.8.4-5], means that the answer we wait for is lost: better the link breaks than that we wait for ever. */
static step on_answer(spoke_mqtt *s, const spoke_mqtt_packet *packet, spoke_mqtt_event *event)
{
    if (!take_request(s, packet->packet_id, packet->as.codes.len))
        return STEP_BROKEN;
    event->kind = packet->type == SPOKE_MQTT_SUBACK ? SPOKE_MQTT_EVENT_SUBACK : SPOKE_MQTT_EVENT_UNSUBACK;
    event->packet_id = packet->packet_id;
    event->codes = packet->as.codes;
    return STEP_EVENT;
}

/* --- stepping through the buffer --- */

static step on_packet(spoke_mqtt *s, uint64_t now, const spoke_mqtt_packet *packet, spoke_mqtt_event *event)
{
    if (packet->type == SPOKE_MQTT_CONNACK)
        return on_connack(s, now, packet, event);
    if (packet->type == SPOKE_MQTT_PINGRESP)
        return STEP_SILENT; /* its bytes were the sign of life */
    if (!SPOKE_WITH_LISTENING || packet->type == SPOKE_MQTT_PUBACK)
        return on_puback(s, packet->packet_id, event);
    if (packet->type == SPOKE_MQTT_PUBLISH)
        return on_publish(s, packet, event);
    return on_answer(s, packet, event); /* SUBACK or UNSUBACK: server_may_send has sorted out the rest */
}

/* False: it is a message, and has to wait until one is acknowledged. */
static bool has_receipt(spoke_mqtt *s, const spoke_mqtt_header *header)
{
    s->blocked = SPOKE_WITH_LISTENING && header->type == SPOKE_MQTT_PUBLISH &&
                 owes_receipt(s, codec_publish_qos(header->flags)) && s->receipt_count == s->limits.receipts;
    return !s->blocked;
}

static step take_packet(spoke_mqtt *s, uint64_t now, const spoke_mqtt_header *header, spoke_mqtt_event *event)
{
    spoke_mqtt_packet packet;
    if (codec_decode_answer(header, s->in + s->in_head, &packet) != SPOKE_OK)
        return STEP_BROKEN;
    s->in_head += packet_bytes(header);
    return on_packet(s, now, &packet, event);
}

/* Keeps the topic at the front of the buffer when it fits; the text of one that does not fit is not checked. */
static step begin_skip(spoke_mqtt *s, const spoke_mqtt_header *header)
{
    const uint8_t *at = s->in + s->in_head;
    const size_t topic_bytes = codec_u16(at + header->head_bytes);
    const size_t head_bytes = publish_head_bytes(header, at);
    s->skip = (mqtt_skip){.size = packet_bytes(header),
                          .topic_bytes = topic_bytes,
                          .id_bytes = codec_publish_qos(header->flags) > 0 ? 2 : 0,
                          .rest_bytes = packet_bytes(header) - head_bytes,
                          .flags = header->flags};
    in_compact(s);
    s->in_head = header->head_bytes + 2;
    if (!head_fits(s, head_bytes))
        return STEP_SILENT;
    s->skip.topic = spoke_str_from((const char *)s->in + s->in_head, topic_bytes);
    s->skip.topic_bytes = 0;
    s->in_kept = s->in_head += topic_bytes;
    return codec_topic_valid(s->skip.topic) ? STEP_SILENT : STEP_BROKEN;
}

static void pass(spoke_mqtt *s, size_t *left)
{
    const size_t count = *left < in_waiting(s) ? *left : in_waiting(s);
    s->in_head += count;
    *left -= count;
}

static step end_skip(spoke_mqtt *s, spoke_mqtt_event *event)
{
    event->kind = SPOKE_MQTT_EVENT_OVERSIZE;
    event->packet_id = s->skip.packet_id;
    event->qos = codec_publish_qos(s->skip.flags);
    event->dup = (s->skip.flags & 8) != 0;
    event->retain = (s->skip.flags & 1) != 0;
    event->size = s->skip.size;
    event->topic = s->skip.topic;
    if (owes_receipt(s, event->qos))
        owe_receipt(s, event->packet_id);
    s->skip = (mqtt_skip){0};
    s->in_kept = 0; /* the topic stays put until spoke_mqtt_room moves things */
    return STEP_EVENT;
}

static step pass_through(spoke_mqtt *s, spoke_mqtt_event *event)
{
    mqtt_skip *skip = &s->skip;
    pass(s, &skip->topic_bytes);
    for (; skip->id_bytes > 0 && in_waiting(s) > 0; skip->id_bytes--)
        skip->packet_id = (uint16_t)(skip->packet_id << 8 | s->in[s->in_head++]);
    if (skip->id_bytes == 0 && skip->packet_id == 0 && codec_publish_qos(skip->flags) > 0)
        return STEP_BROKEN;
    pass(s, &skip->rest_bytes);
    return skip->topic_bytes + skip->id_bytes + skip->rest_bytes == 0 ? end_skip(s, event) : STEP_WAIT;
}

/* By far the most frequent packet of a device that reports: worth a way of its own, a fifth of the usual. */
static bool puback_waits(const spoke_mqtt *s)
{
    const uint8_t *at = s->in + s->in_head;
    return in_waiting(s) >= CODEC_ACK_BYTES && at[0] == SPOKE_MQTT_PUBACK << 4 && at[1] == 2 && s->accepted &&
           s->skip.size == 0 && codec_u16(at + 2) != 0;
}

static step take_step(spoke_mqtt *s, uint64_t now, spoke_mqtt_event *event)
{
    spoke_mqtt_header header;
    if (puback_waits(s)) {
        s->in_head += CODEC_ACK_BYTES;
        return on_puback(s, codec_u16(s->in + s->in_head - 2), event);
    }
    const look found = look_ahead(s, &header);
    if (!SPOKE_WITH_LISTENING && found > LOOK_PACKET)
        return STEP_BROKEN; /* the rest is about messages */
    switch (found) {
    case LOOK_WAIT:
        return STEP_WAIT;
    case LOOK_PACKET:
        return has_receipt(s, &header) ? take_packet(s, now, &header, event) : STEP_WAIT;
    case LOOK_OVERSIZE:
        return has_receipt(s, &header) ? begin_skip(s, &header) : STEP_WAIT;
    case LOOK_PASSING:
        return pass_through(s, event);
    case LOOK_BROKEN:
        break;
    }
    return STEP_BROKEN;
}

static spoke_status give_lost(spoke_mqtt *s, spoke_mqtt_event *event)
{
    event->kind = SPOKE_MQTT_EVENT_LOST;
    event->status = s->why;
    event->code = s->code;
    s->state = MQTT_IDLE;
    return SPOKE_OK;
}

spoke_status spoke_mqtt_next(spoke_mqtt *s, uint64_t now, spoke_mqtt_event *event)
{
    if (s == NULL || event == NULL)
        return SPOKE_E_ARG;
    memset(event, 0, sizeof *event);
    if (s->state == MQTT_IDLE)
        return SPOKE_E_AGAIN;
    step result = STEP_SILENT;
    while (result == STEP_SILENT)
        result = take_step(s, now, event);
    if (result == STEP_EVENT)
        return SPOKE_OK;
    if (result == STEP_BROKEN)
        mqtt_lose(s, SPOKE_E_PROTOCOL);
    return s->state == MQTT_LOST ? give_lost(s, event) : SPOKE_E_AGAIN;
}
