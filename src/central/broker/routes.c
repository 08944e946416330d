#include "broker_internal.h"

enum { LOG_PAUSE_MS = 1000 }; /* between lines that strangers cause */

void broker_left_out(struct broker *b)
{
    b->dropped++;
    broker_tell_left_out(b);
}

void broker_tell_left_out(struct broker *b)
{
    if (b->dropped == b->dropped_logged || b->now < b->dropped_log_at)
        return;
    broker_log(b, SPOKE_LOG_WARN,
               "messages left out: %llu (a receiver's queue or the memory for messages is full)",
               (unsigned long long)(b->dropped - b->dropped_logged));
    b->dropped_logged = b->dropped;
    b->dropped_log_at = b->now + LOG_PAUSE_MS;
}

/* --- receivers --- */

/* One message for each session, with the greatest QoS of all its filters that match [MQTT-3.3.5-1]. */
static void match(void *ctx, struct topic_entry *entry)
{
    const struct subscription *subscription = entry->owner;
    struct session *s = subscription->session;
    if (s->in_matched.in == NULL) {
        s->matched_qos = subscription->qos;
        list_join(ctx, &s->in_matched, s);
    } else if (subscription->qos > s->matched_qos) {
        s->matched_qos = subscription->qos;
    }
}

static uint8_t lesser(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void give_out(struct broker *b, struct message *m)
{
    struct list matched = {0};
    struct session *s;
    b->work += topics_match(&b->topics, spoke_str_from(message_topic(m), m->topic_len), match, &matched);
    while ((s = list_take(&matched)) != NULL) /* [MQTT-3.3.1-9]: these have RETAIN 0 */
        (void)session_deliver(s, m, lesser(m->qos, s->matched_qos), false);
}

/* --- retained messages --- */

static void forget_retained(struct broker *b, spoke_str topic, struct message *m)
{
    if (topics_retained(&b->topics, topic) == NULL)
        return;
    keep_retained(b, m, false);
    if (topics_retain(&b->topics, topic, NULL) == SPOKE_OK)
        b->retained_count--;
}

static void retain(struct broker *b, spoke_str topic, struct message *m)
{
    const bool replaces = topics_retained(&b->topics, topic) != NULL;
    if (!replaces && b->retained_count >= b->limits.retained) {
        broker_left_out(b);
        return;
    }
    if (topics_retain(&b->topics, topic, message_hold(m)) != SPOKE_OK) {
        broker_left_out(b);
        return;
    }
    b->retained_count += replaces ? 0 : 1;
    keep_retained(b, m, true);
}

struct retained_for {
    struct session *session;
    uint8_t qos;
};

/* A receiver that is full is not asked again for each of thousands. */
static bool send_retained(void *ctx, struct message *m)
{
    const struct retained_for *to = ctx;
    return session_deliver(to->session, m, lesser(m->qos, to->qos), true); /* [MQTT-3.3.1-8] */
}

void broker_send_retained(struct session *s, spoke_str filter, uint8_t qos)
{
    struct retained_for to = {s, qos};
    s->broker->work += topics_retained_each(&s->broker->topics, filter, send_retained, &to);
}

/* --- both --- */

/* Section 4.7.2: names that begin with '$' are the broker's own and carry nothing between clients. */
static bool is_own(spoke_str topic)
{
    return topic.ptr[0] == '$';
}

void broker_route(struct broker *b, const struct route *r)
{
    const size_t cost = message_cost(r->topic.len, r->payload.len);
    if (is_own(r->topic))
        return;
    if (topics_deep(r->topic) || b->message_bytes > b->limits.all_bytes ||
        cost > b->limits.all_bytes - b->message_bytes) {
        broker_left_out(b);
        return;
    }
    struct message *m = message_create(r->topic, r->payload, r->qos, &b->message_bytes);
    if (m == NULL) {
        broker_left_out(b);
        return;
    }
    if (r->retain && r->payload.len == 0)
        forget_retained(b, r->topic, m); /* [MQTT-3.3.1-10] */
    else if (r->retain)
        retain(b, r->topic, m);
    give_out(b, m);
    message_release(m);
}
