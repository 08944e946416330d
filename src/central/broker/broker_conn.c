/* One byte stream: framing, CONNECT, keep-alive, and what each packet asks for. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"
#include "central/core/text.h"

enum {
    CONNECT_LIMIT_MS = 10000,
    MAX_CONNECT_BYTES = 3 * 65535 + 4096, /* before a peer has said who it is: a will, its topic, the names */
    READY_PART = 4,                       /* of output_bytes: then messages rather wait in the queue */
    OUTPUT_SLACK = 4,                     /* times output_bytes: the peer asks and does not read */
    MAX_FILTERS = 1024,                   /* of one SUBSCRIBE or UNSUBSCRIBE */
    SHOWN_ID = 64,
};

enum conn_state {
    CONN_NEW,  /* no CONNECT yet; next: OPEN, ENDED */
    CONN_OPEN, /* next: ENDED */
    CONN_ENDED
};

struct broker_conn {
    struct broker *broker;
    struct list_node in_held, in_stirred, in_broken, in_busy;
    struct timer timer; /* not later than silent_until */
    void *owner;
    enum conn_state state;
    struct session *session; /* CONN_OPEN */
    struct bytes in;         /* a packet that is not whole yet */
    struct bytes out;        /* [out_at, out_ready) may leave, [out_ready, len) waits for the commit */
    size_t out_at, out_ready;
    size_t counted;        /* of the broker's buffered */
    size_t filters_done;   /* of the SUBSCRIBE in hand, which goes on when it is its turn; 0: there is none */
    uint64_t silent_until; /* UINT64_MAX: no keep-alive */
    uint64_t silence_limit_ms;
    bool broken;
    struct message *will; /* NULL: none, or it was said goodbye */
    bool will_retain;
};

/* --- life --- */

static void stir(struct broker_conn *k)
{
    if (k->owner != NULL)
        list_join(&k->broker->stirred, &k->in_stirred, k->owner);
}

spoke_status broker_conn_open(struct broker *b, uint64_t now, struct broker_conn **out)
{
    struct broker_conn *k = calloc(1, sizeof *k);
    if (k == NULL)
        return SPOKE_E_NO_MEMORY;
    k->broker = b;
    k->silent_until = now + CONNECT_LIMIT_MS;
    if (timers_add(&b->timers, &k->timer, k->silent_until, k) != SPOKE_OK) {
        free(k);
        return SPOKE_E_NO_MEMORY;
    }
    *out = k;
    return SPOKE_OK;
}

static size_t waiting(const struct broker_conn *k)
{
    return k->out.len - k->out_at;
}

/* After anything that changed the buffers. */
static void count_buffers(struct broker_conn *k)
{
    const size_t now = k->in.len + waiting(k);
    k->broker->buffered = k->broker->buffered - k->counted + now;
    k->counted = now;
}

static void forget_output(struct broker_conn *k)
{
    k->out.len = k->out_at = k->out_ready = 0;
    count_buffers(k);
}

void broker_conn_keep_will(struct broker_conn *k)
{
    if (k->will != NULL)
        keep_will(k->broker, k->session->id, k->will, k->will_retain);
}

/* Every way out leads here. */
static void enter_ended(struct broker_conn *k)
{
    struct session *s = k->session;
    k->state = CONN_ENDED;
    k->session = NULL;
    if (k->will != NULL) { /* section 3.1.2.5: every end but DISCONNECT */
        keep_will_gone(k->broker, s->id);
        broker_add_will(k->broker, k->will, k->will_retain);
    }
    k->will = NULL;
    if (s != NULL) {
        k->broker->connected--;
        session_leave(s);
    }
    stir(k);
}

/* What it was told last still goes out. */
static void finish(struct broker_conn *k, const char *why)
{
    if (k->state == CONN_ENDED)
        return;
    const spoke_str id = k->session != NULL ? spoke_str_of(k->session->id) : SPOKE_STR("(no CONNECT)");
    broker_log(k->broker, SPOKE_LOG_INFO, "%.*s: closed: %s", text_shown(id, SHOWN_ID), id.ptr, why);
    enter_ended(k);
}

void broker_conn_end(struct broker_conn *k, const char *why)
{
    finish(k, why);
    forget_output(k);
}

static void break_off(struct broker_conn *k)
{
    k->broken = true;
    forget_output(k);
    list_join(&k->broker->broken, &k->in_broken, k);
}

void broker_conn_close(struct broker_conn *k, uint64_t now)
{
    if (k == NULL)
        return;
    struct broker *b = k->broker;
    b->now = now;
    broker_conn_end(k, "the stream was closed without DISCONNECT");
    list_leave(&k->in_held);
    list_leave(&k->in_stirred);
    list_leave(&k->in_broken);
    list_leave(&k->in_busy);
    b->buffered -= k->counted;
    timers_remove(&b->timers, &k->timer);
    bytes_free(&k->in);
    bytes_free(&k->out);
    free(k);
    broker_settle(b);
}

void broker_conn_own(struct broker_conn *k, void *owner)
{
    k->owner = owner;
    stir(k);
}

bool broker_conn_ended(const struct broker_conn *k)
{
    return k->state == CONN_ENDED;
}

/* --- output --- */

/* A client that reads gets on also while others fill the buffers. */
static bool has_room(const struct broker_conn *k, size_t most)
{
    const struct broker *b = k->broker;
    return !k->broken && (waiting(k) == 0 || (waiting(k) < most && b->buffered < b->limits.buffer_bytes));
}

bool broker_conn_ready(const struct broker_conn *k)
{
    return has_room(k, k->broker->limits.output_bytes / READY_PART);
}

bool broker_conn_roomy(const struct broker_conn *k)
{
    return has_room(k, k->broker->limits.output_bytes);
}

/* Sessions call this in the middle of their work, so trouble only breaks the connection. */
static void queue(struct broker_conn *k, const spoke_mqtt_packet *packet, size_t bytes)
{
    if (k->broken || k->state == CONN_ENDED)
        return;
    if (k->out_at > k->out.cap / 2) {
        bytes_consume(&k->out, k->out_at);
        k->out_ready -= k->out_at;
        k->out_at = 0;
    }
    if (waiting(k) / OUTPUT_SLACK > k->broker->limits.output_bytes || !bytes_reserve(&k->out, bytes)) {
        break_off(k);
        return;
    }
    spoke_buf buf = {k->out.ptr, k->out.len, k->out.cap};
    const spoke_status status = spoke_mqtt_encode(packet, &buf);
    assert(status == SPOKE_OK); /* everything in it was decoded or made here, and has room */
    (void)status;
    k->out.len = buf.len;
    count_buffers(k);
    list_join(&k->broker->held, &k->in_held, k);
}

void broker_conn_publish(struct broker_conn *k, const struct message *m, const struct sending *how)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH, .packet_id = how->packet_id};
    packet.as.publish.topic = spoke_str_from(message_topic(m), m->topic_len);
    packet.as.publish.payload = message_payload(m);
    packet.as.publish.qos = how->qos;
    packet.as.publish.dup = how->dup;
    packet.as.publish.retain = how->retain;
    queue(k, &packet, spoke_mqtt_publish_bytes(m->topic_len, m->payload_len, how->qos));
}

void broker_conn_ack(struct broker_conn *k, spoke_mqtt_type type, uint16_t packet_id)
{
    const spoke_mqtt_packet packet = {.type = type, .packet_id = packet_id};
    queue(k, &packet, 4);
}

static void connack(struct broker_conn *k, uint8_t code, bool present)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNACK};
    packet.as.connack.code = code;
    packet.as.connack.session_present = present;
    queue(k, &packet, 4);
}

spoke_str broker_conn_output(const struct broker_conn *k)
{
    const size_t len = k->out_ready - k->out_at;
    return spoke_str_from(len > 0 ? (const char *)k->out.ptr + k->out_at : NULL, len);
}

void broker_conn_sent(struct broker_conn *k, uint64_t now, size_t count)
{
    assert(count <= k->out_ready - k->out_at);
    k->broker->now = now;
    k->out_at += count;
    if (k->out_at == k->out.len) {
        bytes_consume(&k->out, k->out_at);
        k->out_at = k->out_ready = 0;
    }
    count_buffers(k);
    if (k->session != NULL)
        session_pump(k->session);
    broker_settle(k->broker);
}

/* Those who wait have a turn of their own, so that they get on whatever those do who come. */
static void begin_turn(struct broker *b)
{
    b->enough = b->work + b->limits.work;
}

spoke_status broker_commit(struct broker *b)
{
    const spoke_status status = keep_commit(b);
    if (status != SPOKE_OK)
        broker_log(b, SPOKE_LOG_ERROR, "what was received could not be stored: %s", spoke_status_text(status));
    for (struct broker_conn *k = list_take(&b->held); k != NULL; k = list_take(&b->held)) {
        if (status != SPOKE_OK)
            broker_conn_end(k, "the broker could not store what it received");
        k->out_ready = k->out.len;
        stir(k);
    }
    begin_turn(b);
    broker_settle(b);
    return status;
}

/* --- CONNECT --- */

static void refuse(struct broker_conn *k, uint8_t code, const char *why)
{
    connack(k, code, false);
    finish(k, why);
}

/* [MQTT-3.1.3-6]: a client without an id gets one that nobody has. */
static void name_client(struct broker *b, char *out, size_t cap)
{
    do {
        (void)snprintf(out, cap, "auto-%llu", (unsigned long long)++b->named);
    } while (session_find(b, out) != NULL);
}

/* False: there is no room for it. */
static bool take_will(struct broker_conn *k, const spoke_mqtt_packet *connect)
{
    struct broker *b = k->broker;
    const spoke_mqtt_will *will = &connect->as.connect.will;
    if (!connect->as.connect.has_will)
        return true;
    const size_t cost = message_cost(will->topic.len, will->payload.len);
    if (topics_deep(will->topic) || b->message_bytes > b->limits.all_bytes ||
        cost > b->limits.all_bytes - b->message_bytes)
        return false;
    k->will = message_create(will->topic, will->payload, will->qos, &b->message_bytes);
    k->will_retain = will->retain;
    return k->will != NULL;
}

static void drop_will(struct broker_conn *k)
{
    message_release(k->will);
    k->will = NULL;
}

/* [MQTT-3.1.2-24]: one and a half times; 0 turns it off. */
static void start_keep_alive(struct broker_conn *k, uint16_t keep_alive_s)
{
    k->silence_limit_ms = keep_alive_s * UINT64_C(1500);
    k->silent_until = k->silence_limit_ms != 0 ? k->broker->now + k->silence_limit_ms : UINT64_MAX;
    timers_set(&k->broker->timers, &k->timer, k->silent_until);
}

static void enter_open(struct broker_conn *k, const spoke_mqtt_packet *connect, const char *id)
{
    struct session *s = NULL;
    bool present = false;
    if (!take_will(k, connect)) {
        refuse(k, 3, "there is no room for its will");
        return;
    }
    if (session_open(k->broker, id, connect->as.connect.clean_session, &s, &present) != SPOKE_OK) {
        drop_will(k); /* it was never connected */
        refuse(k, 3, "there is no room for another session");
        return;
    }
    s->conn = k;
    k->session = s;
    k->state = CONN_OPEN;
    k->broker->connected++;
    broker_conn_keep_will(k);
    start_keep_alive(k, connect->as.connect.keep_alive_s);
    connack(k, 0, present); /* [MQTT-3.2.0-1]: before anything else */
    session_resume(s);
}

static void take_connect(struct broker_conn *k, const spoke_mqtt_packet *connect)
{
    char made[40];
    if (connect->as.connect.level != 4 || !spoke_str_equal(connect->as.connect.protocol, SPOKE_STR("MQTT"))) {
        refuse(k, 1, "not MQTT 3.1.1"); /* [MQTT-3.1.2-2] */
        return;
    }
    const spoke_str id = connect->as.connect.client_id;
    if (id.len == 0 && !connect->as.connect.clean_session) {
        refuse(k, 2, "a session to come back to needs a client id"); /* [MQTT-3.1.3-8] */
        return;
    }
    if (id.len == 0)
        name_client(k->broker, made, sizeof made);
    char *text = strndup(id.len > 0 ? id.ptr : made, id.len > 0 ? id.len : sizeof made);
    if (text == NULL)
        refuse(k, 3, "there is no memory for another session");
    else
        enter_open(k, connect, text);
    free(text);
}

/* --- packets --- */

static void take_publish(struct broker_conn *k, const spoke_mqtt_packet *p)
{
    const struct route r = {p->as.publish.topic, p->as.publish.payload, p->as.publish.qos, p->as.publish.retain};
    spoke_status fresh = SPOKE_OK;
    if (r.qos == 2) /* [MQTT-4.3.3-2]: given out at once, and not again until it was released */
        fresh = session_take_id(k->session, p->packet_id);
    if (fresh == SPOKE_E_NO_MEMORY) {
        broker_conn_end(k, "there is no memory for its packet ids");
        return;
    }
    if (fresh == SPOKE_OK)
        broker_route(k->broker, &r);
    if (r.qos > 0)
        broker_conn_ack(k, r.qos == 1 ? SPOKE_MQTT_PUBACK : SPOKE_MQTT_PUBREC, p->packet_id);
}

static void take_pubrel(struct broker_conn *k, uint16_t packet_id)
{
    session_release_id(k->session, packet_id);
    broker_conn_ack(k, SPOKE_MQTT_PUBCOMP, packet_id);
}

static size_t count_filters(spoke_str rest, bool with_qos)
{
    spoke_mqtt_filter item;
    size_t count = 0;
    while (spoke_mqtt_filter_next(&rest, with_qos, &item) == SPOKE_OK)
        count++;
    return count;
}

/* From filters_done on, until it is another's turn. */
static void send_retained(struct broker_conn *k, spoke_str rest)
{
    spoke_mqtt_filter item;
    for (size_t i = 0; spoke_mqtt_filter_next(&rest, true, &item) == SPOKE_OK; i++) {
        if (i < k->filters_done)
            continue;
        if (i > 0 && k->broker->work >= k->broker->enough) {
            k->filters_done = i;
            return;
        }
        if (session_subscribes(k->session, item.filter))
            broker_send_retained(k->session, item.filter, item.qos);
    }
    k->filters_done = 0;
}

/* One SUBACK for all, in their order, before what is retained for them [MQTT-3.8.4-5]. */
static void take_subscribe(struct broker_conn *k, const spoke_mqtt_packet *p)
{
    char codes[MAX_FILTERS];
    spoke_mqtt_filter item;
    spoke_str rest = p->as.filters;
    size_t count = 0;
    if (k->filters_done == 0) {
        while (spoke_mqtt_filter_next(&rest, true, &item) == SPOKE_OK)
            codes[count++] = (char)session_subscribe(k->session, item.filter, item.qos);
        spoke_mqtt_packet suback = {.type = SPOKE_MQTT_SUBACK, .packet_id = p->packet_id};
        suback.as.codes = spoke_str_from(codes, count);
        queue(k, &suback, 7 + count);
    }
    send_retained(k, p->as.filters);
}

static void take_unsubscribe(struct broker_conn *k, const spoke_mqtt_packet *p)
{
    spoke_mqtt_filter item;
    spoke_str rest = p->as.filters;
    while (spoke_mqtt_filter_next(&rest, false, &item) == SPOKE_OK)
        session_unsubscribe(k->session, item.filter);
    broker_conn_ack(k, SPOKE_MQTT_UNSUBACK, p->packet_id);
}

static void take_filters(struct broker_conn *k, const spoke_mqtt_packet *p)
{
    const bool subscribe = p->type == SPOKE_MQTT_SUBSCRIBE;
    if (count_filters(p->as.filters, subscribe) > MAX_FILTERS)
        broker_conn_end(k, "more than 1024 filters in one packet");
    else if (subscribe)
        take_subscribe(k, p);
    else
        take_unsubscribe(k, p);
}

static void take_disconnect(struct broker_conn *k)
{
    if (k->will != NULL)
        keep_will_gone(k->broker, k->session->id);
    drop_will(k); /* [MQTT-3.14.4-3] */
    finish(k, "it said DISCONNECT");
}

static void take_packet(struct broker_conn *k, const spoke_mqtt_packet *p)
{
    const spoke_mqtt_packet pong = {.type = SPOKE_MQTT_PINGRESP};
    switch (p->type) {
    case SPOKE_MQTT_PUBLISH:
        take_publish(k, p);
        break;
    case SPOKE_MQTT_PUBACK:
        session_puback(k->session, p->packet_id);
        break;
    case SPOKE_MQTT_PUBREC:
        session_pubrec(k->session, p->packet_id);
        break;
    case SPOKE_MQTT_PUBREL:
        take_pubrel(k, p->packet_id);
        break;
    case SPOKE_MQTT_PUBCOMP:
        session_pubcomp(k->session, p->packet_id);
        break;
    case SPOKE_MQTT_SUBSCRIBE:
    case SPOKE_MQTT_UNSUBSCRIBE:
        take_filters(k, p);
        break;
    case SPOKE_MQTT_PINGREQ:
        queue(k, &pong, 2);
        break;
    case SPOKE_MQTT_DISCONNECT:
        take_disconnect(k);
        break;
    case SPOKE_MQTT_CONNECT:
        broker_conn_end(k, "a second CONNECT"); /* [MQTT-3.1.0-2] */
        break;
    case SPOKE_MQTT_CONNACK:
    case SPOKE_MQTT_SUBACK:
    case SPOKE_MQTT_UNSUBACK:
    case SPOKE_MQTT_PINGRESP:
        broker_conn_end(k, "a packet that only a server sends");
        break;
    }
}

/* --- framing --- */

static void take_bytes(struct broker_conn *k, const uint8_t *bytes, size_t len)
{
    spoke_mqtt_packet packet;
    if (spoke_mqtt_decode(bytes, len, &packet) != SPOKE_OK)
        broker_conn_end(k, "a malformed packet"); /* [MQTT-4.8.0-1] */
    else if (k->state == CONN_NEW)
        take_connect(k, &packet);
    else
        take_packet(k, &packet);
    if (k->silence_limit_ms != 0)
        k->silent_until = k->broker->now + k->silence_limit_ms;
}

/* Looks at the fixed header before the body is there, so that nothing is collected that will be refused. */
static bool header_ok(struct broker_conn *k, const spoke_mqtt_header *header)
{
    const bool fresh = k->state == CONN_NEW;
    if (fresh && header->type != SPOKE_MQTT_CONNECT)
        broker_conn_end(k, "the first packet is not CONNECT"); /* [MQTT-3.1.0-1] */
    else if (header->body_bytes > k->broker->limits.packet_bytes ||
             (fresh && header->body_bytes > MAX_CONNECT_BYTES))
        broker_conn_end(k, "a packet larger than the broker takes");
    return k->state != CONN_ENDED;
}

/* What is left may be whole packets: then it is a busy one. */
static size_t take_packets(struct broker_conn *k, const uint8_t *bytes, size_t len)
{
    struct broker *b = k->broker;
    size_t at = 0;
    while (k->state != CONN_ENDED && !k->broken && at < len) {
        if (b->work >= b->enough) {
            list_join(&b->busy, &k->in_busy, k);
            break;
        }
        spoke_mqtt_header header;
        const spoke_status status = spoke_mqtt_peek(bytes + at, len - at, &header);
        if (status == SPOKE_E_AGAIN)
            break;
        if (status != SPOKE_OK) {
            broker_conn_end(k, "a broken fixed header");
            break;
        }
        const size_t whole = header.head_bytes + header.body_bytes;
        if (!header_ok(k, &header) || whole > len - at)
            break;
        take_bytes(k, bytes + at, whole);
        if (k->filters_done == 0)
            at += whole;
    }
    return at;
}

static void take_kept(struct broker_conn *k)
{
    bytes_consume(&k->in, take_packets(k, k->in.ptr, k->in.len));
}

bool broker_conn_may_read(const struct broker_conn *k)
{
    return k->in_busy.in == NULL;
}

void broker_conn_receive(struct broker_conn *k, uint64_t now, const uint8_t *bytes, size_t len)
{
    bool kept = true;
    k->broker->now = now;
    if (k->state == CONN_ENDED || len == 0)
        return;
    if (k->in.len > 0) {
        kept = bytes_append(&k->in, bytes, len);
        if (kept && broker_conn_may_read(k))
            take_kept(k);
    } else {
        const size_t used = take_packets(k, bytes, len);
        kept = k->state == CONN_ENDED || bytes_append(&k->in, bytes + used, len - used);
    }
    count_buffers(k);
    if (!kept || (k->in.len > 0 && k->broker->buffered > k->broker->limits.buffer_bytes))
        broker_conn_end(k, "there is no memory for what it sent");
    broker_settle(k->broker);
}

static void go_on(struct broker_conn *k)
{
    take_kept(k);
    count_buffers(k);
    stir(k); /* it may be read again */
}

/* --- time --- */

uint64_t broker_deadline(const struct broker *b)
{
    const uint64_t due = timers_due(&b->timers);
    if (b->begun || b->held.count > 0 || b->busy.count > 0)
        return 0;
    return b->dropped > b->dropped_logged && b->dropped_log_at < due ? b->dropped_log_at : due;
}

/* A packet moves silent_until and leaves the timer alone, which so goes off once per silence and not per packet. */
void broker_tick(struct broker *b, uint64_t now)
{
    struct broker_conn *k;
    b->now = now;
    broker_tell_left_out(b);
    begin_turn(b);
    for (size_t left = b->busy.count; left > 0 && b->work < b->enough; left--) /* busy again: at the end */
        go_on(list_take(&b->busy));
    while ((k = timers_first(&b->timers, now)) != NULL) {
        if (now >= k->silent_until && k->in_busy.in != NULL) /* it spoke, and waits for its turn */
            k->silent_until = now + (k->state == CONN_NEW ? CONNECT_LIMIT_MS : k->silence_limit_ms);
        const bool over = k->state != CONN_ENDED && now >= k->silent_until;
        timers_set(&b->timers, &k->timer, over || k->state == CONN_ENDED ? UINT64_MAX : k->silent_until);
        if (over)
            broker_conn_end(k, k->state == CONN_NEW ? "no CONNECT within 10 seconds"
                                                    : "silent for 1.5 keep-alive intervals");
    }
    broker_settle(b);
}
