#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

enum { PACKET_IDS = 65536 };

/* --- by id --- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct session *session_find(const struct broker *b, const char *id)
{
    const char *const *found = tfind(id, &b->sessions, compare_ids);
    return found != NULL ? (struct session *)((uintptr_t)*found - offsetof(struct session, id)) : NULL;
}

/* --- life --- */

static spoke_status session_make(struct broker *b, spoke_str id, bool clean, struct session **out)
{
    struct session *s = calloc(1, sizeof *s + id.len + 1);
    if (s == NULL)
        return SPOKE_E_NO_MEMORY;
    memcpy(s->id, id.ptr, id.len);
    s->broker = b;
    s->clean = clean;
    if (tsearch(s->id, &b->sessions, compare_ids) == NULL) {
        free(s);
        return SPOKE_E_NO_MEMORY;
    }
    list_join(&b->all, &s->in_all, s);
    b->session_count++;
    *out = s;
    return SPOKE_OK;
}

static void subscription_free(struct subscription *subscription)
{
    topics_remove(&subscription->session->broker->topics, &subscription->entry);
    list_leave(&subscription->in_session);
    free(subscription);
}

/* What one takes of what all may have: messages are in memory once, but on disk with each session that is kept, and so
 * in memory at the next start. */
static size_t delivery_cost(const struct session *s, const struct message *m)
{
    const bool stored = !s->clean && s->broker->options.store != NULL;
    return sizeof(struct delivery) + (stored ? message_cost(m->topic_len, m->payload_len) : 0);
}

static void delivery_free(struct session *s, struct delivery *d)
{
    list_leave(&d->in_queue);
    s->broker->queued_bytes -= delivery_cost(s, d->message);
    s->queue_bytes -= message_cost(d->message->topic_len, d->message->payload_len);
    message_release(d->message);
    free(d);
}

void session_free(struct session *s)
{
    struct broker *b = s->broker;
    while (s->subscriptions.first != NULL)
        subscription_free(s->subscriptions.first->owner);
    while (s->queue.first != NULL)
        delivery_free(s, s->queue.first->owner);
    list_leave(&s->in_all);
    list_leave(&s->in_away);
    list_leave(&s->in_matched);
    (void)tdelete(s->id, &b->sessions, compare_ids);
    b->session_count--;
    free(s->unreleased);
    free(s);
}

static void session_forget(struct session *s)
{
    keep_session(s, false);
    session_free(s);
}

/* A bound that anybody can reach must not lock out those who come later. */
static bool make_room(struct broker *b)
{
    struct session *longest = b->session_count >= b->limits.sessions ? list_take(&b->away) : NULL;
    if (longest != NULL) {
        broker_log(b, SPOKE_LOG_WARN, "the session of %s is forgotten: there are %u, and it was away longest",
                   longest->id, (unsigned)b->limits.sessions);
        session_forget(longest);
    }
    return b->session_count < b->limits.sessions;
}

spoke_status session_open(struct broker *b, const char *id, bool clean, struct session **out, bool *present)
{
    struct session *s = session_find(b, id);
    *present = s != NULL && !clean && !s->clean;
    if (s != NULL && s->conn != NULL) { /* [MQTT-3.1.4-2]; a clean session ends with it */
        const bool kept = !s->clean;
        broker_conn_end(s->conn, "another connection has its client id");
        s = kept ? s : NULL;
    }
    if (*present) {
        list_leave(&s->in_away);
        *out = s;
        return SPOKE_OK;
    }
    if (s != NULL)
        session_forget(s);
    if (!make_room(b))
        return SPOKE_E_FULL;
    const spoke_status status = session_make(b, spoke_str_of(id), clean, out);
    if (status == SPOKE_OK)
        keep_session(*out, true);
    return status;
}

void session_leave(struct session *s)
{
    s->conn = NULL;
    if (s->clean)
        session_free(s);
    else
        list_join(&s->broker->away, &s->in_away, s);
}

struct session *session_restore(struct broker *b, const char *id)
{
    struct session *s = NULL;
    if (session_make(b, spoke_str_of(id), false, &s) == SPOKE_OK)
        list_join(&b->away, &s->in_away, s);
    return s;
}

/* --- deliveries --- */

/* The ones in flight stand in front. */
static struct delivery *find_in_flight(const struct session *s, uint16_t packet_id)
{
    const struct list_node *at = s->queue.first;
    for (size_t i = 0; i < s->in_flight; i++, at = at->next) {
        struct delivery *d = at->owner;
        if (d->packet_id == packet_id)
            return d;
    }
    return NULL;
}

/* [MQTT-2.3.1-4]: an id is free again once its exchange is complete. There are more ids than in_flight allows. */
static uint16_t next_id(struct session *s)
{
    do {
        s->last_id = s->last_id == UINT16_MAX ? 1 : (uint16_t)(s->last_id + 1);
    } while (find_in_flight(s, s->last_id) != NULL);
    return s->last_id;
}

static struct delivery *after(const struct delivery *d)
{
    return d->in_queue.next != NULL ? d->in_queue.next->owner : NULL;
}

static void delivery_done(struct session *s, struct delivery *d)
{
    if (s->cursor == d)
        s->cursor = after(d);
    s->in_flight--;
    keep_delivery_gone(s, d);
    delivery_free(s, d);
    session_pump(s);
}

static void send_one(struct session *s, struct delivery *d)
{
    const bool again = d->state != DELIVERY_WAITING;
    if (d->state == DELIVERY_RELEASED) {
        broker_conn_ack(s->conn, SPOKE_MQTT_PUBREL, d->packet_id);
        return;
    }
    if (!again) {
        d->packet_id = next_id(s);
        d->state = DELIVERY_SENT;
        s->in_flight++;
        if (d->seq != 0)
            keep_delivery(s, d);
    }
    const struct sending how = {d->packet_id, d->qos, d->retain, again};
    broker_conn_publish(s->conn, d->message, &how);
}

void session_pump(struct session *s)
{
    while (s->conn != NULL && s->cursor != NULL && broker_conn_ready(s->conn)) {
        struct delivery *d = s->cursor;
        if (d->state == DELIVERY_WAITING && s->in_flight >= s->broker->limits.in_flight)
            return;
        send_one(s, d);
        s->cursor = after(d);
    }
}

void session_resume(struct session *s)
{
    s->cursor = s->queue.first != NULL ? s->queue.first->owner : NULL;
    session_pump(s);
}

static bool has_room(const struct session *s, const struct message *m)
{
    const struct broker_limits *limits = &s->broker->limits;
    const size_t cost = message_cost(m->topic_len, m->payload_len), queued = s->broker->queued_bytes;
    if (queued > limits->all_bytes || delivery_cost(s, m) > limits->all_bytes - queued)
        return false;
    return s->queue.count < limits->queue_messages && cost <= limits->queue_bytes &&
           s->queue_bytes <= limits->queue_bytes - cost;
}

static void queue_up(struct session *s, struct delivery *d)
{
    s->queue_bytes += message_cost(d->message->topic_len, d->message->payload_len);
    s->broker->queued_bytes += delivery_cost(s, d->message);
    list_join(&s->queue, &d->in_queue, d);
    if (s->cursor == NULL)
        s->cursor = d;
}

static bool deliver_once(struct session *s, struct message *m, bool retain)
{
    const struct sending how = {.retain = retain};
    if (s->conn == NULL)
        return true;
    const bool room = broker_conn_roomy(s->conn);
    if (room)
        broker_conn_publish(s->conn, m, &how);
    else
        broker_left_out(s->broker);
    return room;
}

bool session_deliver(struct session *s, struct message *m, uint8_t qos, bool retain)
{
    if (qos == 0)
        return deliver_once(s, m, retain);
    struct delivery *d = NULL;
    if (has_room(s, m))
        d = calloc(1, sizeof *d);
    if (d == NULL) {
        broker_left_out(s->broker);
        return false;
    }
    d->message = message_hold(m);
    d->qos = qos;
    d->retain = retain;
    queue_up(s, d);
    session_pump(s);
    if (d->seq == 0) /* pumped first, so that what leaves at once is written once */
        keep_delivery(s, d);
    return true;
}

void session_restore_delivery(struct session *s, struct delivery *d)
{
    if (d->packet_id != 0)
        s->in_flight++;
    if (d->packet_id > s->last_id)
        s->last_id = d->packet_id;
    queue_up(s, d);
}

void session_puback(struct session *s, uint16_t packet_id)
{
    struct delivery *d = find_in_flight(s, packet_id);
    if (d != NULL && d->qos == 1)
        delivery_done(s, d);
}

/* Answered whatever we know of it: the client goes on only with PUBREL (section 4.3.3). */
void session_pubrec(struct session *s, uint16_t packet_id)
{
    struct delivery *d = find_in_flight(s, packet_id);
    if (d != NULL && d->qos == 2 && d->state == DELIVERY_SENT) {
        d->state = DELIVERY_RELEASED;
        keep_delivery(s, d);
    }
    broker_conn_ack(s->conn, SPOKE_MQTT_PUBREL, packet_id);
}

void session_pubcomp(struct session *s, uint16_t packet_id)
{
    struct delivery *d = find_in_flight(s, packet_id);
    if (d != NULL && d->state == DELIVERY_RELEASED)
        delivery_done(s, d);
}

/* --- QoS 2 from the client --- */

static uint8_t bit_of(uint16_t packet_id)
{
    return (uint8_t)(1u << (packet_id & 7));
}

bool session_has_id(const struct session *s, uint16_t packet_id)
{
    return s->unreleased != NULL && (s->unreleased[packet_id >> 3] & bit_of(packet_id)) != 0;
}

spoke_status session_restore_id(struct session *s, uint16_t packet_id)
{
    if (s->unreleased == NULL)
        s->unreleased = calloc(PACKET_IDS / 8, 1);
    if (s->unreleased == NULL)
        return SPOKE_E_NO_MEMORY;
    if (session_has_id(s, packet_id))
        return SPOKE_E_STATE;
    s->unreleased[packet_id >> 3] |= bit_of(packet_id);
    s->unreleased_count++;
    return SPOKE_OK;
}

spoke_status session_take_id(struct session *s, uint16_t packet_id)
{
    const spoke_status status = session_restore_id(s, packet_id);
    if (status == SPOKE_OK)
        keep_unreleased(s, packet_id, true);
    return status;
}

void session_release_id(struct session *s, uint16_t packet_id)
{
    if (!session_has_id(s, packet_id))
        return;
    s->unreleased[packet_id >> 3] &= (uint8_t)~bit_of(packet_id);
    keep_unreleased(s, packet_id, false);
    if (--s->unreleased_count > 0)
        return;
    free(s->unreleased);
    s->unreleased = NULL;
}

/* --- subscriptions --- */

static struct subscription *find_subscription(const struct session *s, spoke_str filter)
{
    s->broker->work += s->subscriptions.count;
    for (const struct list_node *at = s->subscriptions.first; at != NULL; at = at->next) {
        struct subscription *subscription = at->owner;
        if (spoke_str_equal(spoke_str_of(subscription->filter), filter))
            return subscription;
    }
    return NULL;
}

static spoke_status subscription_make(struct session *s, spoke_str filter, uint8_t qos, struct subscription **out)
{
    struct subscription *made = calloc(1, sizeof *made + filter.len + 1);
    if (made == NULL)
        return SPOKE_E_NO_MEMORY;
    memcpy(made->filter, filter.ptr, filter.len);
    made->session = s;
    made->qos = qos;
    const spoke_status status = topics_add(&s->broker->topics, filter, &made->entry, made);
    if (status != SPOKE_OK) {
        free(made);
        return status;
    }
    list_join(&s->subscriptions, &made->in_session, made);
    *out = made;
    return SPOKE_OK;
}

spoke_status session_restore_subscription(struct session *s, const char *filter, uint8_t qos)
{
    struct subscription *made = NULL;
    return subscription_make(s, spoke_str_of(filter), qos, &made);
}

uint8_t session_subscribe(struct session *s, spoke_str filter, uint8_t qos)
{
    enum { REFUSED = 0x80 };
    struct subscription *subscription = find_subscription(s, filter);
    spoke_status status = SPOKE_OK;
    if (spoke_str_equal(filter, BROKER_REFUSED_FILTER))
        return REFUSED;
    if (subscription == NULL && s->subscriptions.count >= s->broker->limits.subscriptions)
        return REFUSED;
    if (subscription == NULL)
        status = subscription_make(s, filter, qos, &subscription);
    if (status != SPOKE_OK)
        return REFUSED;
    subscription->qos = qos; /* [MQTT-3.8.4-3]: replaced */
    keep_subscription(s, subscription->filter, qos, true);
    return qos;
}

bool session_subscribes(const struct session *s, spoke_str filter)
{
    return find_subscription(s, filter) != NULL;
}

void session_unsubscribe(struct session *s, spoke_str filter)
{
    struct subscription *subscription = find_subscription(s, filter);
    if (subscription == NULL)
        return;
    keep_subscription(s, subscription->filter, 0, false);
    subscription_free(subscription);
}
