/* A client session driven by the input: calls, and the server's bytes in pieces of any size. What must hold
 * whatever the server says is checked after every call. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/mqtt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WINDOW = 3, RECEIPTS = 2, RECEIVE_BYTES = 64, SEND_BYTES = 96, WIRE_BYTES = 512 };

typedef struct run {
    const uint8_t *data;
    size_t left;
    spoke_mqtt *s;
    uint8_t *memory;
    size_t memory_bytes;
    uint64_t now;
    bool open; /* connect was called, LOST not seen */
    bool connected;
    uint8_t wire[WIRE_BYTES]; /* what the session sent and no whole packet has come of */
    size_t wire_len;
    bool connect_seen, disconnect_seen;
    uint16_t receipts[64]; /* QoS 1 messages told, PUBACK not seen, in order */
    size_t receipt_count;
    uint16_t last_id;
} run;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t take(run *r)
{
    if (r->left == 0)
        return 0;
    r->left--;
    return *r->data++;
}

static void check_view(const run *r, spoke_str view)
{
    const uint8_t *at = (const uint8_t *)view.ptr;
    check(view.len == 0 || (at >= r->memory && at + view.len <= r->memory + r->memory_bytes));
}

static void check_always(const run *r)
{
    const spoke_str output = spoke_mqtt_output(r->s);
    check_view(r, output);
    check(output.len <= SEND_BYTES + 4 && (r->open || output.len == 0));
    check(spoke_mqtt_in_flight(r->s) <= WINDOW);
    check(r->open || spoke_mqtt_deadline(r->s) == UINT64_MAX);
}

/* --- the other end of the output --- */

static void on_sent_packet(run *r, const spoke_mqtt_packet *packet)
{
    check(r->connect_seen == (packet->type != SPOKE_MQTT_CONNECT) && !r->disconnect_seen);
    r->connect_seen = true;
    r->disconnect_seen = packet->type == SPOKE_MQTT_DISCONNECT;
    if (packet->type == SPOKE_MQTT_PUBACK) {
        check(r->receipt_count > 0 && packet->packet_id == r->receipts[0]);
        r->receipt_count--;
        memmove(r->receipts, r->receipts + 1, r->receipt_count * sizeof r->receipts[0]);
    }
    check(packet->type != SPOKE_MQTT_PUBLISH || packet->as.publish.qos <= 1);
}

static void read_sent(run *r)
{
    spoke_mqtt_header header;
    spoke_mqtt_packet packet;
    spoke_status status;
    while ((status = spoke_mqtt_peek(r->wire, r->wire_len, &header)) == SPOKE_OK) {
        const size_t total = header.head_bytes + header.body_bytes;
        if (total > r->wire_len)
            return;
        check(spoke_mqtt_decode(r->wire, total, &packet) == SPOKE_OK);
        on_sent_packet(r, &packet);
        r->wire_len -= total;
        memmove(r->wire, r->wire + total, r->wire_len);
    }
    check(status == SPOKE_E_AGAIN);
}

static void do_send(run *r, size_t most)
{
    const spoke_str output = spoke_mqtt_output(r->s);
    const size_t count = output.len < most ? output.len : most;
    check(count <= WIRE_BYTES - r->wire_len);
    if (count > 0)
        memcpy(r->wire + r->wire_len, output.ptr, count);
    r->wire_len += count;
    spoke_mqtt_sent(r->s, r->now, count);
    read_sent(r);
}

/* --- the calls --- */

static void do_connect(run *r, uint8_t shape)
{
    const spoke_mqtt_will will = {SPOKE_STR("w"), SPOKE_STR("x"), 1, true};
    const spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("d"),
                                                .username = SPOKE_STR("u"),
                                                .password = SPOKE_STR("p"),
                                                .clean_session = (shape & 1) != 0,
                                                .keep_alive_s = shape & 14,
                                                .will = (shape & 16) != 0 ? &will : NULL};
    check(spoke_mqtt_connect(r->s, r->now, &options) == SPOKE_OK);
    r->open = true;
    r->connected = false;
    r->wire_len = r->receipt_count = 0;
    r->connect_seen = r->disconnect_seen = false;
}

static void do_publish(run *r, uint8_t shape)
{
    static const char text[128];
    const spoke_str parts[] = {{text, shape & 7}, {text, shape & 0x60}};
    const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("topic"),
                                                .parts = parts,
                                                .part_count = 2,
                                                .qos = shape & 8 ? 1 : 0,
                                                .token = shape,
                                                .packet_id = shape & 16 ? r->last_id : 0};
    const size_t before = spoke_mqtt_output(r->s).len;
    uint16_t id = 0;
    const spoke_status status = spoke_mqtt_publish(r->s, r->now, &message, &id);
    if (status == SPOKE_OK) {
        check(r->connected && (id != 0) == (message.qos == 1));
        check(spoke_mqtt_output(r->s).len - before ==
              spoke_mqtt_publish_bytes(5, parts[0].len + parts[1].len, message.qos));
        r->last_id = id != 0 ? id : r->last_id;
    } else {
        check(spoke_mqtt_output(r->s).len == before);
    }
}

static void do_request(run *r, uint8_t shape)
{
    const spoke_mqtt_filter filters[] = {{SPOKE_STR("a/+"), 1}, {SPOKE_STR("#"), 0}};
    const spoke_str names[] = {SPOKE_STR("a/+"), SPOKE_STR("#")};
    const size_t count = shape & 3;
    const spoke_status status = shape & 4 ? spoke_mqtt_unsubscribe(r->s, r->now, names, count % 3, NULL)
                                          : spoke_mqtt_subscribe(r->s, r->now, filters, count % 3, NULL);
    check(status != SPOKE_OK || r->connected);
}

static void do_receive(run *r, size_t most)
{
    size_t used = 0;
    const size_t count = most < r->left ? most : r->left;
    spoke_mqtt_receive(r->s, r->now, spoke_str_from((const char *)r->data, count), &used);
    check(used <= count);
    r->data += used;
    r->left -= used;
}

static void do_read(run *r, size_t most)
{
    const spoke_buf room = spoke_mqtt_room(r->s);
    check_view(r, spoke_str_from((const char *)room.ptr, room.cap));
    size_t count = most < r->left ? most : r->left;
    count = count < room.cap ? count : room.cap;
    if (count > 0)
        memcpy(room.ptr, r->data, count);
    spoke_mqtt_received(r->s, r->now, count);
    r->data += count;
    r->left -= count;
}

static void on_event(run *r, const spoke_mqtt_event *event)
{
    check(r->open);
    check_view(r, event->topic);
    check_view(r, event->payload);
    check_view(r, event->codes);
    if (event->kind == SPOKE_MQTT_EVENT_CONNACK)
        r->connected = event->code == 0;
    else
        check(r->connected || event->kind == SPOKE_MQTT_EVENT_LOST);
    if (event->qos == 1 && r->receipt_count < 64)
        r->receipts[r->receipt_count++] = event->packet_id;
    if (event->kind == SPOKE_MQTT_EVENT_LOST)
        r->open = r->connected = false;
}

static void do_next(run *r)
{
    spoke_mqtt_event event;
    const spoke_status status = spoke_mqtt_next(r->s, r->now, &event);
    check(status == SPOKE_OK || status == SPOKE_E_AGAIN);
    if (status == SPOKE_OK)
        on_event(r, &event);
}

static void do_tick(run *r, uint8_t step)
{
    r->now += (uint64_t)step * 100;
    spoke_mqtt_tick(r->s, r->now);
    const size_t before = spoke_mqtt_output(r->s).len;
    check(spoke_mqtt_deadline(r->s) > r->now); /* nobody spins */
    spoke_mqtt_tick(r->s, r->now);
    check(spoke_mqtt_output(r->s).len == before);
}

/* Acknowledges one of the messages told; those of an ended connection are none of the session's any more. */
static void do_ack(run *r, uint8_t which)
{
    if (r->receipt_count > 0)
        (void)!spoke_mqtt_ack(r->s, r->now, r->receipts[which % r->receipt_count]);
}

static void step(run *r)
{
    const uint8_t op = take(r);
    switch (op & 15) {
    case 0:
        do_connect(r, take(r));
        break;
    case 1:
        do_publish(r, take(r));
        break;
    case 2:
        do_request(r, take(r));
        break;
    case 3:
        (void)!spoke_mqtt_disconnect(r->s, r->now);
        break;
    case 4:
        spoke_mqtt_lost(r->s, SPOKE_E_NET);
        break;
    case 5:
        do_tick(r, take(r));
        break;
    case 6:
        do_ack(r, take(r));
        break;
    case 7:
    case 8:
        do_send(r, op >> 4 == 15 ? SIZE_MAX : op >> 4);
        break;
    case 9:
        do_read(r, take(r));
        break;
    case 10:
    case 11:
        do_receive(r, op >> 4);
        break;
    default:
        do_next(r);
        break;
    }
    check_always(r);
}

/* At the end the link breaks: LOST must come, and come once. */
static void finish(run *r)
{
    spoke_mqtt_lost(r->s, SPOKE_E_NET);
    for (size_t i = 0; i < 2 * RECEIVE_BYTES && r->open; i++)
        do_next(r);
    check(!r->open);
    do_next(r);
    check_always(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_mqtt_limits limits = {RECEIVE_BYTES, SEND_BYTES, WINDOW, RECEIPTS};
    run r = {.data = data, .left = size, .memory_bytes = spoke_mqtt_size(&limits)};
    r.memory = malloc(r.memory_bytes);
    check(spoke_mqtt_init(r.memory, r.memory_bytes, &limits, &r.s) == SPOKE_OK);
    while (r.left > 0)
        step(&r);
    finish(&r);
    free(r.memory);
    return 0;
}
