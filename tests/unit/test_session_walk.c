/* The long run: a random walk against a model. The server is the codec in its other role. What the session queued
 * is kept in a list and compared with what the server decodes, over partial sends, partial reads, acknowledgements
 * in any order and broken links. */

#include "support/session.h"

enum { WALK_STEPS = 200000, WALK_WINDOW = 16, WALK_RECEIPTS = 4, WALK_WIRE = 1 << 16, WALK_LIST = 64 };

typedef struct walk_message {
    uint16_t id;
    uint32_t token;
    char payload[40];
    size_t len;
} walk_message;

typedef struct walk {
    session t;
    uint64_t seed;
    uint8_t up[WALK_WIRE], down[WALK_WIRE]; /* bytes on their way */
    size_t up_len, down_len;
    walk_message queued[1024]; /* PUBLISH packets written and not yet seen by the server, in order */
    size_t queued_first, queued_count;
    walk_message flying[WALK_LIST]; /* published, PUBACK not seen */
    size_t flying_count;
    uint16_t to_ack[WALK_LIST]; /* seen by the server, PUBACK not written */
    size_t to_ack_count;
    uint16_t owed[WALK_LIST]; /* told to the application, not acknowledged by it */
    size_t owed_count;
    uint16_t expected[4096]; /* ids of PUBLISH that the server wrote, in order, PUBACK not seen */
    size_t expected_first, expected_count;
    uint16_t server_id;
    uint32_t token;
    size_t acked, delivered, received, lost;
} walk;

static uint32_t roll(walk *w, uint32_t below)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (uint32_t)(w->seed >> 33) % below;
}

static void walk_publish_one(walk *w, const walk_message *again)
{
    walk_message m = {0};
    uint16_t id = 0;
    if (again != NULL) {
        m = *again;
    } else {
        m.token = w->token++;
        m.len = roll(w, sizeof m.payload);
        for (size_t i = 0; i < m.len; i++)
            m.payload[i] = (char)roll(w, 256);
    }
    const uint8_t qos = again != NULL || roll(w, 4) > 0 ? 1 : 0;
    const spoke_str parts[] = {{m.payload, m.len / 2}, {m.payload + m.len / 2, m.len - m.len / 2}};
    const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("devices/d/messages/events/"),
                                                .parts = parts,
                                                .part_count = 2,
                                                .qos = qos,
                                                .token = m.token,
                                                .packet_id = m.id};
    const spoke_status status = spoke_mqtt_publish(w->t.s, w->t.now, &message, &id);
    if (status == SPOKE_E_FULL && again == NULL)
        return;
    assert_ok(status);
    assert_true((qos == 1) == (id != 0));
    if (again == NULL && qos == 1) {
        for (size_t i = 0; i < w->flying_count; i++)
            assert_int_not_equal(w->flying[i].id, id);
        m.id = id;
        w->flying[w->flying_count++] = m;
        assert_true(w->flying_count <= WALK_WINDOW);
    }
    assert_true(w->queued_count < 1024);
    w->queued[(w->queued_first + w->queued_count++) % 1024] = m;
}

static void walk_move_up(walk *w)
{
    const spoke_str output = spoke_mqtt_output(w->t.s);
    const size_t room = WALK_WIRE - w->up_len;
    size_t count = roll(w, 3) == 0 ? output.len : roll(w, (uint32_t)output.len + 1);
    count = count < room ? count : room;
    if (count > 0)
        memcpy(w->up + w->up_len, output.ptr, count);
    w->up_len += count;
    spoke_mqtt_sent(w->t.s, w->t.now, count);
}

static void server_write(walk *w, const spoke_mqtt_packet *packet)
{
    spoke_buf out = {w->down, w->down_len, WALK_WIRE};
    if (spoke_mqtt_encode(packet, &out) == SPOKE_OK)
        w->down_len = out.len;
}

static void server_check_publish(walk *w, const spoke_mqtt_packet *packet)
{
    assert_true(w->queued_count > 0);
    const walk_message *m = &w->queued[w->queued_first];
    assert_int_equal(packet->packet_id, m->id);
    assert_int_equal(packet->as.publish.payload.len, m->len);
    assert_memory_equal(packet->as.publish.payload.ptr, m->payload, m->len);
    assert_str(packet->as.publish.topic, "devices/d/messages/events/");
    w->queued_first = (w->queued_first + 1) % 1024;
    w->queued_count--;
    w->received++;
    if (packet->packet_id != 0)
        w->to_ack[w->to_ack_count++] = packet->packet_id;
    assert_true(w->to_ack_count <= WALK_WINDOW);
}

static void server_read(walk *w)
{
    spoke_mqtt_header header;
    spoke_mqtt_packet packet;
    size_t at = 0;
    while (spoke_mqtt_peek(w->up + at, w->up_len - at, &header) == SPOKE_OK &&
           header.head_bytes + header.body_bytes <= w->up_len - at) {
        assert_ok(spoke_mqtt_decode(w->up + at, header.head_bytes + header.body_bytes, &packet));
        at += header.head_bytes + header.body_bytes;
        if (packet.type == SPOKE_MQTT_PUBLISH) {
            server_check_publish(w, &packet);
        } else if (packet.type == SPOKE_MQTT_PUBACK) {
            assert_true(w->expected_count > 0);
            assert_int_equal(packet.packet_id, w->expected[w->expected_first]); /* in order of receipt */
            w->expected_first = (w->expected_first + 1) % 4096;
            w->expected_count--;
        } else if (packet.type == SPOKE_MQTT_PINGREQ) {
            server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PINGRESP});
        } else {
            assert_int_equal(packet.type, SPOKE_MQTT_CONNECT);
        }
    }
    memmove(w->up, w->up + at, w->up_len - at);
    w->up_len -= at;
}

static void server_ack_one(walk *w)
{
    if (w->to_ack_count == 0 || WALK_WIRE - w->down_len < 64)
        return;
    const size_t i = roll(w, (uint32_t)w->to_ack_count);
    server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PUBACK, .packet_id = w->to_ack[i]});
    w->to_ack[i] = w->to_ack[--w->to_ack_count];
}

static void server_publish_one(walk *w)
{
    if (w->expected_count == 4096 || WALK_WIRE - w->down_len < 256)
        return;
    char payload[120];
    const size_t len = roll(w, sizeof payload); /* the receive buffer holds 96: some are oversized */
    memset(payload, 'd', sizeof payload);
    const uint8_t qos = (uint8_t)roll(w, 2);
    if (qos > 0) {
        w->server_id = w->server_id == UINT16_MAX ? 1 : (uint16_t)(w->server_id + 1);
        w->expected[(w->expected_first + w->expected_count++) % 4096] = w->server_id;
    }
    server_write(w, &(spoke_mqtt_packet){.type = SPOKE_MQTT_PUBLISH,
                                         .packet_id = qos > 0 ? w->server_id : 0,
                                         .as.publish = {SPOKE_STR("c2d"), {payload, len}, qos, false, false}});
}

static void walk_acked(walk *w)
{
    for (size_t i = 0; i < w->flying_count; i++) {
        if (w->flying[i].id != w->t.event.packet_id)
            continue;
        assert_int_equal(w->flying[i].token, w->t.event.token);
        memmove(&w->flying[i], &w->flying[i + 1], (w->flying_count - i - 1) * sizeof w->flying[0]);
        w->flying_count--;
        w->acked++;
        return;
    }
    fail_msg("id %d was acknowledged twice, or was never in flight", w->t.event.packet_id);
}

static void walk_move_down(walk *w)
{
    size_t used = 0;
    const size_t count = roll(w, (uint32_t)w->down_len + 1);
    spoke_mqtt_receive(w->t.s, w->t.now, spoke_str_from((const char *)w->down, count), &used);
    memmove(w->down, w->down + used, w->down_len - used);
    w->down_len -= used;
    for (uint32_t events = roll(w, 8); events > 0 && next(&w->t) == SPOKE_OK; events--) {
        assert_true(w->t.event.kind != SPOKE_MQTT_EVENT_LOST);
        if (w->t.event.kind == SPOKE_MQTT_EVENT_PUBACK) {
            walk_acked(w);
        } else if (w->t.event.qos == 1) {
            w->owed[w->owed_count++] = w->t.event.packet_id;
            assert_true(w->owed_count <= WALK_RECEIPTS);
        }
        w->delivered += w->t.event.kind == SPOKE_MQTT_EVENT_PUBLISH;
    }
}

static void walk_ack_one(walk *w)
{
    if (w->owed_count == 0)
        return;
    const size_t i = roll(w, (uint32_t)w->owed_count);
    assert_ok(spoke_mqtt_ack(w->t.s, w->t.now, w->owed[i]));
    w->owed[i] = w->owed[--w->owed_count];
}

/* The link breaks anywhere; the session is present afterwards, and what was not acknowledged goes again. */
static void walk_break(walk *w)
{
    walk_message again[WALK_LIST];
    spoke_mqtt_lost(w->t.s, SPOKE_E_NET);
    while (next(&w->t) == SPOKE_OK && w->t.event.kind != SPOKE_MQTT_EVENT_LOST) {
        if (w->t.event.kind == SPOKE_MQTT_EVENT_PUBACK)
            walk_acked(w);
    }
    w->lost++;
    w->up_len = w->down_len = 0;
    w->queued_first = w->queued_count = 0;
    w->to_ack_count = w->owed_count = 0;
    w->expected_first = w->expected_count = 0;
    connect_with(&w->t, &OPTIONS, CONNACK_PRESENT);
    memcpy(again, w->flying, sizeof again);
    assert_int_equal(spoke_mqtt_in_flight(w->t.s), w->flying_count);
    for (size_t i = 0; i < w->flying_count; i++)
        walk_publish_one(w, &again[i]);
}

static void walk_step(walk *w)
{
    switch (roll(w, 8)) {
    case 0:
    case 1:
        walk_publish_one(w, NULL);
        break;
    case 2:
        walk_move_up(w);
        break;
    case 3:
        server_read(w);
        break;
    case 4:
        server_ack_one(w);
        break;
    case 5:
        if (roll(w, 3) == 0)
            server_publish_one(w);
        break;
    case 6:
        walk_move_down(w);
        break;
    default:
        walk_ack_one(w);
        if (roll(w, 2000) == 0)
            walk_break(w);
        break;
    }
    w->t.now += roll(w, 100);
    spoke_mqtt_tick(w->t.s, w->t.now);
    assert_int_equal(spoke_mqtt_in_flight(w->t.s), w->flying_count);
}

static bool walk_settled(const walk *w)
{
    return w->flying_count + w->queued_count + w->expected_count + w->owed_count + w->up_len + w->down_len == 0;
}

static void a_random_walk_neither_loses_nor_doubles_a_message(void **state)
{
    const spoke_mqtt_limits limits = {96, 1200, WALK_WINDOW, WALK_RECEIPTS};
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        walk *w = calloc(1, sizeof *w);
        w->seed = seed * 0x9e3779b97f4a7c15u;
        w->t = session_connected(&limits);
        for (size_t i = 0; i < WALK_STEPS; i++)
            walk_step(w);
        for (size_t i = 0; i < 100000 && !walk_settled(w); i++) { /* nothing new: all must come to rest */
            walk_move_up(w);
            server_read(w);
            server_ack_one(w);
            walk_move_down(w);
            walk_ack_one(w);
        }
        assert_true(walk_settled(w));
        assert_int_equal(spoke_mqtt_in_flight(w->t.s), 0);
        assert_true(w->acked > 5000 && w->delivered > 1000 && w->lost > 5);
        print_message("seed %d: %zu up, %zu acknowledged, %zu down, %zu breaks\n", (int)seed, w->received,
                      w->acked, w->delivered, w->lost);
        session_free(&w->t);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_random_walk_neither_loses_nor_doubles_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
