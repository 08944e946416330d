#include "mqtt/session.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "mqtt/codec.h"

#define MIN_BUFFER_BYTES 64u
#define MAX_BUFFER_BYTES (SPOKE_MQTT_MAX_REMAINING + 5u)
#define DEFAULT_RECEIPTS 16u
#define NO_SLOT UINT32_MAX
#define NEVER UINT64_MAX

/* --- memory --- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

static bool limits_complete(const spoke_mqtt_limits *given, spoke_mqtt_limits *out)
{
    const spoke_mqtt_limits none = {0};
    const spoke_mqtt_limits *from = given != NULL ? given : &none;
    out->receive_bytes = or_default(from->receive_bytes, SPOKE_DEFAULT_RECEIVE_BYTES);
    out->send_bytes = or_default(from->send_bytes, SPOKE_DEFAULT_SEND_BYTES);
    out->in_flight = (uint16_t)or_default(from->in_flight, SPOKE_DEFAULT_IN_FLIGHT);
    out->receipts = (uint16_t)(SPOKE_WITH_LISTENING ? or_default(from->receipts, DEFAULT_RECEIPTS) : 0);
    return out->receive_bytes >= MIN_BUFFER_BYTES && out->receive_bytes <= MAX_BUFFER_BYTES &&
           out->send_bytes >= MIN_BUFFER_BYTES && out->send_bytes <= MAX_BUFFER_BYTES;
}

/* Requests have slots of their own as long as ids last, so that a full window cannot keep SUBSCRIBE out. */
static uint32_t slot_count(const spoke_mqtt_limits *limits)
{
    const uint32_t wanted = limits->in_flight + MQTT_REQUESTS;
    return wanted < UINT16_MAX ? wanted : UINT16_MAX;
}

/* Completes the limits; 0: one is out of range. The largest buffers and tables together stay far below 32 bits. */
static size_t memory_bytes(const spoke_mqtt_limits *given, spoke_mqtt_limits *limits)
{
    static_assert(2ull * MAX_BUFFER_BYTES + UINT16_MAX * (sizeof(mqtt_slot) + sizeof(mqtt_receipt)) < INT32_MAX,
                  "sums of size_t cannot overflow");
    if (!limits_complete(given, limits))
        return 0;
    return sizeof(spoke_mqtt) + slot_count(limits) * sizeof(mqtt_slot) + limits->receipts * sizeof(mqtt_receipt) +
           limits->receive_bytes + limits->send_bytes + MQTT_CONTROL_BYTES;
}

size_t spoke_mqtt_size(const spoke_mqtt_limits *limits)
{
    spoke_mqtt_limits complete;
    return memory_bytes(limits, &complete);
}

/* The parts follow each other in falling alignment, so no gap is needed. */
static void carve(spoke_mqtt *s, const spoke_mqtt_limits *limits)
{
    static_assert(alignof(mqtt_slot) <= alignof(spoke_mqtt), "slots stand behind the session");
    static_assert(alignof(mqtt_receipt) <= alignof(mqtt_slot), "receipts stand behind the slots");
    memset(s, 0, sizeof *s);
    s->limits = *limits;
    s->slot_count = slot_count(limits);
    s->slots = (mqtt_slot *)(s + 1);
    s->receipts = (mqtt_receipt *)(s->slots + s->slot_count);
    s->in = (uint8_t *)(s->receipts + limits->receipts);
    s->out = s->in + limits->receive_bytes;
    s->limit_at = NEVER;
}

spoke_status spoke_mqtt_init(void *memory, size_t size, const spoke_mqtt_limits *limits, spoke_mqtt **out)
{
    spoke_mqtt_limits complete;
    if (memory == NULL || out == NULL || (uintptr_t)memory % alignof(max_align_t) != 0)
        return SPOKE_E_ARG;
    const size_t needed = memory_bytes(limits, &complete);
    if (needed == 0)
        return SPOKE_E_ARG;
    if (size < needed)
        return SPOKE_E_NO_MEMORY;
    spoke_mqtt *s = memory;
    carve(s, &complete);
    mqtt_forget_ids(s);
    *out = s;
    return SPOKE_OK;
}

/* --- packet ids --- */

void mqtt_forget_ids(spoke_mqtt *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++)
        s->slots[i] = (mqtt_slot){i + 1 < s->slot_count ? i + 1 : NO_SLOT, 0, SLOT_FREE, false};
    s->free_first = 0;
    s->free_last = s->slot_count - 1;
    s->in_flight = s->held = s->held_at = 0;
    memset(s->requests, 0, sizeof s->requests);
}

static mqtt_slot *take_slot(spoke_mqtt *s, slot_use use, uint32_t value)
{
    const uint32_t index = s->free_first;
    if (index == NO_SLOT)
        return NULL;
    mqtt_slot *slot = &s->slots[index];
    s->free_first = slot->value;
    const uint32_t next_id = slot->id + s->slot_count;
    slot->id = (uint16_t)(slot->id == 0 || next_id > UINT16_MAX ? index + 1 : next_id);
    slot->use = (uint8_t)use;
    slot->value = value;
    return slot;
}

mqtt_slot *mqtt_slot_find(const spoke_mqtt *s, uint16_t id)
{
    mqtt_slot *slot = &s->slots[(uint32_t)(id - 1) % s->slot_count];
    return id != 0 && slot->use != SLOT_FREE && slot->id == id ? slot : NULL;
}

static void not_held(spoke_mqtt *s, mqtt_slot *slot)
{
    if (!SPOKE_WITH_RESUME)
        return;
    s->held -= slot->held ? 1 : 0;
    slot->held = false;
}

void mqtt_slot_release(spoke_mqtt *s, mqtt_slot *slot)
{
    const uint32_t index = (uint32_t)(slot - s->slots);
    assert(slot->use != SLOT_FREE);
    not_held(s, slot);
    if (slot->use == SLOT_MESSAGE)
        s->in_flight--;
    slot->use = SLOT_FREE;
    slot->value = NO_SLOT;
    if (s->free_first == NO_SLOT)
        s->free_first = index;
    else
        s->slots[s->free_last].value = index;
    s->free_last = index;
}

/* What was in flight when the connection ended keeps its ids, for being sent again. */
static void hold_over(spoke_mqtt *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++)
        s->slots[i].held = s->slots[i].use == SLOT_MESSAGE;
    s->held = s->in_flight;
    s->held_at = 0;
}

/* Its owner may have dropped the message, or sends others first: a window full of such ids would never open again. */
static void give_up_held(spoke_mqtt *s)
{
    while (!s->slots[s->held_at].held)
        s->held_at++;
    mqtt_slot_release(s, &s->slots[s->held_at]);
}

size_t spoke_mqtt_in_flight(const spoke_mqtt *s)
{
    return s != NULL ? s->in_flight : 0;
}

/* --- output --- */

static size_t out_waiting(const spoke_mqtt *s)
{
    return s->out_tail - s->out_head;
}

/* Moves what waits to the front. Nothing of a CONNECT may stay behind. */
static void out_compact(spoke_mqtt *s)
{
    const size_t waiting = out_waiting(s), old_tail = s->out_tail;
    if (s->out_head == 0)
        return;
    memmove(s->out, s->out + s->out_head, waiting);
    s->out_head = 0;
    s->out_tail = waiting;
    if (s->connect_left > 0)
        spoke_wipe(s->out + waiting, old_tail - waiting);
}

/* Room for packets; what is behind send_bytes is for control packets alone. */
static size_t out_room(const spoke_mqtt *s)
{
    const size_t waiting = out_waiting(s);
    return waiting < s->limits.send_bytes ? s->limits.send_bytes - waiting : 0;
}

/* Where the next `bytes` go; the caller knows that there is room. The move is rare: the buffer starts again at its
 * front each time that it runs empty. */
static uint8_t *out_claim(spoke_mqtt *s, size_t bytes)
{
    if (bytes > s->limits.send_bytes + MQTT_CONTROL_BYTES - s->out_tail)
        out_compact(s);
    uint8_t *at = s->out + s->out_tail;
    s->out_tail += bytes;
    return at;
}

static void out_control(spoke_mqtt *s, spoke_mqtt_type type)
{
    codec_put_empty(out_claim(s, CODEC_EMPTY_BYTES), type);
}

static void out_clear(spoke_mqtt *s)
{
    if (s->connect_left > 0)
        spoke_wipe(s->out + s->out_head, out_waiting(s));
    s->out_head = s->out_tail = 0;
    s->connect_left = s->ping_left = 0;
}

spoke_str spoke_mqtt_output(const spoke_mqtt *s)
{
    if (s == NULL)
        return spoke_str_from(NULL, 0);
    return spoke_str_from((const char *)s->out + s->out_head, out_waiting(s));
}

/* [MQTT-4.6.0-2]: PUBACKs in order of receipt, so a message not done yet holds back those behind it. */
static void flush_acks(spoke_mqtt *s, uint64_t now)
{
    while (SPOKE_WITH_LISTENING && s->receipt_count > 0 && s->receipts[s->receipt_first].done &&
           out_room(s) >= CODEC_ACK_BYTES) {
        codec_put_ack(out_claim(s, CODEC_ACK_BYTES), s->receipts[s->receipt_first].id);
        s->receipt_first = s->receipt_first + 1 < s->limits.receipts ? s->receipt_first + 1 : 0;
        s->receipt_count--;
        if (s->blocked) {
            s->blocked = false;
            mqtt_hear(s, now);
        }
    }
}

void spoke_mqtt_sent(spoke_mqtt *s, uint64_t now, size_t count)
{
    if (s == NULL || count == 0 || out_waiting(s) == 0)
        return;
    count = count < out_waiting(s) ? count : out_waiting(s);
    if (s->connect_left > 0) {
        const size_t secret = count < s->connect_left ? count : s->connect_left;
        spoke_wipe(s->out + s->out_head, secret);
        s->connect_left -= secret;
    }
    s->ping_left -= count < s->ping_left ? count : s->ping_left;
    s->out_head += count;
    if (s->out_head == s->out_tail)
        s->out_head = s->out_tail = 0;
    s->sent_at = now;
    flush_acks(s, now);
    if (s->state == MQTT_CLOSING && out_waiting(s) == 0)
        s->limit_at = NEVER; /* said all; what remains is the caller's closing of the stream */
}

/* --- time --- */

static uint64_t later(uint64_t now, uint64_t ms)
{
    return ms < NEVER - now ? now + ms : NEVER;
}

void mqtt_hear(spoke_mqtt *s, uint64_t now)
{
    s->heard_at = now;
    if (s->state == MQTT_CONNECTED)
        s->limit_at = NEVER;
}

/* A PINGREQ is due when nothing was sent for the interval, as the server wants it, and also when nothing was
 * heard for as long: a device that only sends QoS 0 would never learn that the link is dead.
 * Whatever is heard settles a PINGREQ, because its PINGRESP may stand behind a long message. */
static uint64_t ping_due(const spoke_mqtt *s)
{
    if (s->state != MQTT_CONNECTED || s->keep_alive_ms == 0 || s->limit_at != NEVER)
        return NEVER;
    return later(s->sent_at < s->heard_at ? s->sent_at : s->heard_at, s->keep_alive_ms);
}

static bool is_over(const spoke_mqtt *s)
{
    return s->state == MQTT_IDLE || s->state == MQTT_LOST;
}

uint64_t spoke_mqtt_deadline(const spoke_mqtt *s)
{
    if (s == NULL || is_over(s))
        return NEVER;
    const uint64_t ping = ping_due(s);
    return ping < s->limit_at ? ping : s->limit_at;
}

/* A PINGREQ that still waits in the output serves: the link does not take bytes, and a second would change
 * nothing. The wait for a sign of life starts all the same. */
static void ping(spoke_mqtt *s, uint64_t now)
{
    if (s->ping_left == 0) {
        out_control(s, SPOKE_MQTT_PINGREQ);
        s->ping_left = out_waiting(s);
    }
    s->limit_at = later(now, s->keep_alive_ms / 2);
}

/* Then not the peer is silent: we do not listen until an acknowledgement comes. One that is there and finds no room
 * to leave is the link's doing again. */
static bool waits_for_application(const spoke_mqtt *s)
{
    return SPOKE_WITH_LISTENING && s->blocked && !s->receipts[s->receipt_first].done;
}

void spoke_mqtt_tick(spoke_mqtt *s, uint64_t now)
{
    if (s == NULL || is_over(s))
        return;
    if (waits_for_application(s))
        mqtt_hear(s, now);
    if (now >= s->limit_at)
        mqtt_lose(s, SPOKE_E_TIMEOUT);
    else if (now >= ping_due(s))
        ping(s, now);
}

/* --- connection --- */

static void drop_receipts(spoke_mqtt *s)
{
    s->receipt_first = s->receipt_count = 0;
    s->blocked = false;
}

void mqtt_lose(spoke_mqtt *s, spoke_status why)
{
    if (is_over(s))
        return;
    out_clear(s);
    drop_receipts(s); /* the server sends again what was not acknowledged on this connection */
    s->state = MQTT_LOST;
    s->why = why;
    s->limit_at = NEVER;
}

void spoke_mqtt_lost(spoke_mqtt *s, spoke_status why)
{
    if (s != NULL)
        mqtt_lose(s, why);
}

/* A SUBSCRIBE ends with its connection. */
static void release_requests(spoke_mqtt *s)
{
    for (size_t i = 0; i < MQTT_REQUESTS; i++) {
        if (s->requests[i] != 0)
            mqtt_slot_release(s, mqtt_slot_find(s, s->requests[i]));
        s->requests[i] = 0;
    }
}

static void forget_connection(spoke_mqtt *s)
{
    out_clear(s);
    drop_receipts(s);
    s->in_kept = s->in_head = s->in_tail = 0;
    s->skip = (mqtt_skip){0};
    s->state = MQTT_IDLE;
    s->accepted = false;
    s->code = 0;
    s->limit_at = NEVER;
}

void spoke_mqtt_reset(spoke_mqtt *s)
{
    if (s == NULL)
        return;
    forget_connection(s);
    mqtt_forget_ids(s);
}

static spoke_status queue_connect(spoke_mqtt *s, const spoke_mqtt_connect_options *options)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNECT};
    spoke_buf out = spoke_buf_from(s->out, s->limits.send_bytes);
    packet.as.connect.protocol = CODEC_PROTOCOL_NAME;
    packet.as.connect.level = CODEC_PROTOCOL_LEVEL;
    packet.as.connect.client_id = options->client_id;
    packet.as.connect.username = options->username;
    packet.as.connect.password = options->password;
    packet.as.connect.has_username = options->username.len > 0;
    packet.as.connect.has_password = options->password.len > 0;
    packet.as.connect.clean_session = options->clean_session;
    packet.as.connect.keep_alive_s = options->keep_alive_s;
    if (SPOKE_WITH_WILL && options->will != NULL) {
        packet.as.connect.has_will = true;
        packet.as.connect.will = *options->will;
    }
    const spoke_status status = codec_encode_connect(&packet, &out);
    s->out_tail = s->connect_left = out.len;
    return status;
}

spoke_status spoke_mqtt_connect(spoke_mqtt *s, uint64_t now, const spoke_mqtt_connect_options *options)
{
    if (s == NULL || options == NULL || (options->will != NULL && options->will->qos > 1))
        return SPOKE_E_ARG;
    if (!SPOKE_WITH_WILL && options->will != NULL)
        return SPOKE_E_UNSUPPORTED;
    if (!SPOKE_WITH_RESUME && !options->clean_session)
        return SPOKE_E_UNSUPPORTED;
    if (!SPOKE_WITH_RESUME ||
        (s->clean && s->accepted)) /* that session ended with its connection [MQTT-3.1.2-6] */
        mqtt_forget_ids(s);
    s->clean = options->clean_session;
    forget_connection(s);
    if (SPOKE_WITH_RESUME) {
        release_requests(s);
        hold_over(s);
    }
    const spoke_status status = queue_connect(s, options);
    if (status != SPOKE_OK)
        return status;
    s->state = MQTT_CONNECTING;
    s->keep_alive_ms = (uint64_t)options->keep_alive_s * 1000;
    s->sent_at = s->heard_at = now;
    s->limit_at = later(now, or_default(options->connack_limit_ms, SPOKE_DEFAULT_CONNECT_LIMIT_MS));
    return SPOKE_OK;
}

spoke_status spoke_mqtt_disconnect(spoke_mqtt *s, uint64_t now)
{
    if (s == NULL)
        return SPOKE_E_ARG;
    if (s->state != MQTT_CONNECTING && s->state != MQTT_CONNECTED)
        return SPOKE_E_STATE;
    out_control(s, SPOKE_MQTT_DISCONNECT);
    drop_receipts(s); /* nothing may follow a DISCONNECT [MQTT-3.14.4-2] */
    s->state = MQTT_CLOSING;
    s->limit_at = s->keep_alive_ms != 0 ? later(now, s->keep_alive_ms / 2) : NEVER;
    return SPOKE_OK;
}

/* --- what the application queues --- */

/* What stands behind the fixed header; SIZE_MAX: more than the send buffer holds. */
static size_t body_bytes(const spoke_mqtt *s, const spoke_mqtt_publish_options *message)
{
    const size_t most = s->limits.send_bytes;
    size_t total = 2 + message->topic.len + (message->qos > 0 ? 2 : 0);
    for (size_t i = 0; i < message->part_count && total <= most; i++)
        total = message->parts[i].len <= most ? total + message->parts[i].len : SIZE_MAX;
    return total <= most ? total : SIZE_MAX;
}

static bool message_valid(const spoke_mqtt_publish_options *message)
{
    if (message->qos > 1 || (message->qos == 0 && message->packet_id != 0))
        return false;
    return codec_topic_valid(message->topic) && (message->part_count == 0 || message->parts != NULL);
}

/* The slot of a QoS 1 message: the one it has when it is sent again, else a free one. */
static spoke_status slot_for(spoke_mqtt *s, const spoke_mqtt_publish_options *message, mqtt_slot **out)
{
    if (!SPOKE_WITH_RESUME && message->packet_id != 0)
        return SPOKE_E_NOT_FOUND;
    if (message->packet_id != 0) {
        *out = mqtt_slot_find(s, message->packet_id);
        if (*out == NULL || (*out)->use != SLOT_MESSAGE)
            return SPOKE_E_NOT_FOUND;
        not_held(s, *out);
        return SPOKE_OK;
    }
    if (SPOKE_WITH_RESUME && s->in_flight == s->limits.in_flight && s->held > 0)
        give_up_held(s);
    *out = s->in_flight < s->limits.in_flight ? take_slot(s, SLOT_MESSAGE, 0) : NULL;
    if (*out == NULL)
        return SPOKE_E_FULL;
    s->in_flight++;
    return SPOKE_OK;
}

static void write_publish(uint8_t *at, const spoke_mqtt_publish_options *message, uint16_t id, size_t body)
{
    const unsigned dup = message->packet_id != 0 ? 8u : 0u;
    const unsigned flags = dup | (unsigned)message->qos << 1 | (message->retain ? 1u : 0u);
    at = codec_put_publish_head(at, (uint8_t)flags, body, message->topic, id);
    for (size_t i = 0; i < message->part_count; i++)
        at = codec_put_bytes(at, message->parts[i]);
}

spoke_status spoke_mqtt_publish(spoke_mqtt *s, uint64_t now, const spoke_mqtt_publish_options *message,
                                uint16_t *packet_id)
{
    mqtt_slot *slot = NULL;
    (void)now; /* time is counted from the moment that bytes leave */
    if (s == NULL || message == NULL || !message_valid(message))
        return SPOKE_E_ARG;
    if (s->state != MQTT_CONNECTED)
        return SPOKE_E_STATE;
    const size_t body = body_bytes(s, message);
    const size_t packet = codec_packet_bytes(body);
    if (body == SIZE_MAX || packet > s->limits.send_bytes)
        return SPOKE_E_TOO_LARGE;
    if (packet > out_room(s))
        return SPOKE_E_FULL;
    if (message->qos == 1) {
        const spoke_status status = slot_for(s, message, &slot);
        if (status != SPOKE_OK)
            return status;
        slot->value = message->token;
    }
    const uint16_t id = slot != NULL ? slot->id : 0;
    write_publish(out_claim(s, packet), message, id, body);
    if (packet_id != NULL)
        *packet_id = id;
    return SPOKE_OK;
}

static uint16_t *free_request(spoke_mqtt *s)
{
    for (size_t i = 0; i < MQTT_REQUESTS; i++) {
        if (s->requests[i] == 0)
            return &s->requests[i];
    }
    return NULL;
}

static spoke_status write_request(spoke_mqtt *s, const codec_filter_list *what, uint16_t id)
{
    out_compact(s);
    spoke_buf out = spoke_buf_from(s->out + s->out_tail, out_room(s));
    const spoke_status status = codec_encode_list(id, what->filters != NULL, what, &out);
    s->out_tail += out.len;
    if (status == SPOKE_E_TOO_SMALL)
        return out_waiting(s) == 0 ? SPOKE_E_TOO_LARGE : SPOKE_E_FULL;
    return status;
}

static spoke_status queue_request(spoke_mqtt *s, const codec_filter_list *what, uint16_t *packet_id)
{
    if (s->state != MQTT_CONNECTED)
        return SPOKE_E_STATE;
    if (what->count > s->limits.receive_bytes / 2) /* the answer, a byte for each filter, must fit with ease */
        return SPOKE_E_TOO_LARGE;
    uint16_t *pending = free_request(s);
    mqtt_slot *slot =
        pending != NULL ? take_slot(s, SLOT_REQUEST, what->names != NULL ? 0 : (uint32_t)what->count) : NULL;
    if (slot == NULL)
        return SPOKE_E_FULL;
    const spoke_status status = write_request(s, what, slot->id);
    if (status != SPOKE_OK) {
        mqtt_slot_release(s, slot);
        return status;
    }
    *pending = slot->id;
    if (packet_id != NULL)
        *packet_id = slot->id;
    return SPOKE_OK;
}

spoke_status spoke_mqtt_subscribe(spoke_mqtt *s, uint64_t now, const spoke_mqtt_filter *filters, size_t count,
                                  uint16_t *packet_id)
{
    const codec_filter_list what = {filters, NULL, count};
    (void)now;
    if (!SPOKE_WITH_LISTENING)
        return SPOKE_E_UNSUPPORTED;
    if (s == NULL || filters == NULL)
        return SPOKE_E_ARG;
    for (size_t i = 0; i < count; i++) {
        if (filters[i].qos > 1)
            return SPOKE_E_ARG;
    }
    return queue_request(s, &what, packet_id);
}

spoke_status spoke_mqtt_unsubscribe(spoke_mqtt *s, uint64_t now, const spoke_str *filters, size_t count,
                                    uint16_t *packet_id)
{
    const codec_filter_list what = {NULL, filters, count};
    (void)now;
    if (!SPOKE_WITH_LISTENING)
        return SPOKE_E_UNSUPPORTED;
    return s != NULL && filters != NULL ? queue_request(s, &what, packet_id) : SPOKE_E_ARG;
}

spoke_status spoke_mqtt_ack(spoke_mqtt *s, uint64_t now, uint16_t packet_id)
{
    if (!SPOKE_WITH_LISTENING)
        return SPOKE_E_UNSUPPORTED;
    if (s == NULL)
        return SPOKE_E_ARG;
    /* As far as the ring is short and the oldest is asked for first, this look is short. */
    for (uint32_t i = 0, at = s->receipt_first; i < s->receipt_count; i++) {
        mqtt_receipt *receipt = &s->receipts[at];
        if (receipt->id == packet_id && !receipt->done) {
            receipt->done = true;
            if (s->blocked)
                mqtt_hear(s, now); /* from here on the silence may count */
            flush_acks(s, now);
            return SPOKE_OK;
        }
        at = at + 1 < s->limits.receipts ? at + 1 : 0;
    }
    return SPOKE_E_NOT_FOUND;
}
