#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"
#include "central/store/store_broker.h"

enum { CATCH_UP_PAUSE_MS = 1000 }; /* with a store that stays broken */

/* --- writing --- */

static void catch_up(struct broker *b);

static bool begin(struct broker *b)
{
    if (b->options.store == NULL)
        return false;
    if (!b->begun) {
        b->begun = true;
        b->spoilt = (b->behind && b->now < b->catch_up_at) || store_begin(b->options.store) != SPOKE_OK;
        if (b->behind && !b->spoilt)
            catch_up(b);
    }
    return !b->spoilt;
}

/* A row that is gone already is as it should be. */
static void note(struct broker *b, spoke_status status)
{
    b->spoilt = b->spoilt || (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND);
}

static bool is_kept(const struct session *s)
{
    return !s->clean && begin(s->broker);
}

void keep_session(struct session *s, bool there)
{
    struct store *store = s->broker->options.store;
    if (is_kept(s))
        note(s->broker,
             there ? store_broker_session_put(store, s->id) : store_broker_session_delete(store, s->id));
}

void keep_subscription(struct session *s, const char *filter, uint8_t qos, bool there)
{
    struct store *store = s->broker->options.store;
    if (is_kept(s))
        note(s->broker, there ? store_broker_subscription_put(store, s->id, filter, qos)
                              : store_broker_subscription_delete(store, s->id, filter));
}

void keep_delivery(struct session *s, struct delivery *d)
{
    struct store *store = s->broker->options.store;
    if (!is_kept(s))
        return;
    const struct store_broker_delivery row = {
        .client_id = s->id,
        .topic = message_topic(d->message),
        .payload = message_payload(d->message),
        .packet_id = d->packet_id,
        .qos = d->qos,
        .state = d->state,
        .retain = d->retain,
    };
    note(s->broker, d->seq == 0 ? store_broker_delivery_add(store, &row, &d->seq)
                                : store_broker_delivery_set(store, d->seq, d->packet_id, d->state));
}

void keep_delivery_gone(struct session *s, struct delivery *d)
{
    if (d->seq != 0 && is_kept(s))
        note(s->broker, store_broker_delivery_delete(s->broker->options.store, d->seq));
}

void keep_unreleased(struct session *s, uint16_t packet_id, bool there)
{
    struct store *store = s->broker->options.store;
    if (is_kept(s))
        note(s->broker, there ? store_broker_unreleased_put(store, s->id, packet_id)
                              : store_broker_unreleased_delete(store, s->id, packet_id));
}

void keep_retained(struct broker *b, const struct message *m, bool there)
{
    struct store *store = b->options.store;
    if (begin(b))
        note(b, there ? store_broker_retained_put(store, message_topic(m), message_payload(m), m->qos)
                      : store_broker_retained_delete(store, message_topic(m)));
}

void keep_will(struct broker *b, const char *client_id, const struct message *m, bool retain)
{
    const struct store_broker_will row = {client_id, message_topic(m), message_payload(m), m->qos, retain};
    if (begin(b))
        note(b, store_broker_will_put(b->options.store, &row));
}

void keep_will_gone(struct broker *b, const char *client_id)
{
    if (begin(b))
        note(b, store_broker_will_delete(b->options.store, client_id));
}

void keep_wills_gone(struct broker *b)
{
    if (begin(b))
        note(b, store_broker_will_clear(b->options.store));
}

spoke_status keep_commit(struct broker *b)
{
    if (!b->begun)
        return SPOKE_OK;
    spoke_status status = store_commit(b->options.store);
    if (status == SPOKE_OK && b->spoilt)
        status = SPOKE_E_PORT;
    if (status != SPOKE_OK && b->behind && b->now >= b->catch_up_at)
        b->catch_up_at = b->now + CATCH_UP_PAUSE_MS;
    b->behind = status != SPOKE_OK;
    b->begun = b->spoilt = false;
    return status;
}

/* --- catching up --- */

static void put_unreleased(struct session *s)
{
    for (uint32_t id = 1; id <= UINT16_MAX && s->unreleased != NULL; id++)
        if (session_has_id(s, (uint16_t)id))
            keep_unreleased(s, (uint16_t)id, true);
}

static void put_session(struct session *s)
{
    keep_session(s, true);
    for (const struct list_node *at = s->subscriptions.first; at != NULL; at = at->next) {
        const struct subscription *subscription = at->owner;
        keep_subscription(s, subscription->filter, subscription->qos, true);
    }
    for (const struct list_node *at = s->queue.first; at != NULL; at = at->next) {
        struct delivery *d = at->owner;
        d->seq = 0; /* may be another's by now */
        keep_delivery(s, d);
    }
    put_unreleased(s);
}

static bool put_retained(void *ctx, struct message *m)
{
    struct broker *b = ctx;
    keep_retained(b, m, true);
    return !b->spoilt;
}

/* What the failed commit had is still in memory: receivers may have been told, and a sender who was not may ask again.
 * So memory is right, and the store is written anew. */
static void catch_up(struct broker *b)
{
    note(b, store_broker_clear(b->options.store));
    for (const struct list_node *at = b->all.first; at != NULL && !b->spoilt; at = at->next) {
        struct session *s = at->owner;
        if (!s->clean)
            put_session(s);
        if (s->conn != NULL)
            broker_conn_keep_will(s->conn);
    }
    if (!b->spoilt)
        (void)topics_retained_each(&b->topics, SPOKE_STR("#"), put_retained, b);
}

/* --- reading --- */

struct loading {
    struct broker *broker;
    spoke_status status;
};

static bool go_on(struct loading *l, spoke_status status)
{
    l->status = status;
    return status == SPOKE_OK;
}

static bool load_session(void *ctx, const char *client_id)
{
    struct loading *l = ctx;
    return go_on(l, session_restore(l->broker, client_id) != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY);
}

/* A row that goes beyond a bound of now is left where it is: the bound may be raised again. */
static bool load_subscription(void *ctx, const char *client_id, const char *filter, uint8_t qos)
{
    struct loading *l = ctx;
    struct session *s = session_find(l->broker, client_id);
    const spoke_status status = s != NULL ? session_restore_subscription(s, filter, qos) : SPOKE_OK;
    return go_on(l, status == SPOKE_E_NO_MEMORY ? status : SPOKE_OK);
}

static struct delivery *delivery_of(struct broker *b, const struct store_broker_delivery *row)
{
    struct delivery *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->message = message_create(spoke_str_of(row->topic), row->payload, row->qos, &b->message_bytes);
    d->seq = row->seq;
    d->packet_id = row->packet_id;
    d->qos = row->qos;
    d->state = row->packet_id != 0 ? row->state : (uint8_t)DELIVERY_WAITING;
    d->retain = row->retain;
    if (d->message != NULL)
        return d;
    free(d);
    return NULL;
}

static bool load_delivery(void *ctx, const struct store_broker_delivery *row)
{
    struct loading *l = ctx;
    struct session *s = session_find(l->broker, row->client_id);
    if (s == NULL)
        return true;
    struct delivery *d = delivery_of(l->broker, row);
    if (d != NULL)
        session_restore_delivery(s, d);
    return go_on(l, d != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY);
}

static bool load_unreleased(void *ctx, const char *client_id, uint16_t packet_id)
{
    struct loading *l = ctx;
    struct session *s = session_find(l->broker, client_id);
    return go_on(l, s != NULL ? session_restore_id(s, packet_id) : SPOKE_OK);
}

static bool load_retained(void *ctx, const char *topic, spoke_str payload, uint8_t qos)
{
    struct loading *l = ctx;
    struct broker *b = l->broker;
    struct message *m = message_create(spoke_str_of(topic), payload, qos, &b->message_bytes);
    const spoke_status status = m != NULL ? topics_retain(&b->topics, spoke_str_of(topic), m) : SPOKE_E_NO_MEMORY;
    b->retained_count += status == SPOKE_OK ? 1 : 0;
    return go_on(l, status == SPOKE_E_NO_MEMORY ? status : SPOKE_OK);
}

/* The connection did not outlive the broker: the will is due. */
static bool load_will(void *ctx, const struct store_broker_will *row)
{
    struct loading *l = ctx;
    struct broker *b = l->broker;
    struct message *m = message_create(spoke_str_of(row->topic), row->payload, row->qos, &b->message_bytes);
    if (m != NULL)
        broker_add_will(b, m, row->retain);
    return go_on(l, m != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY);
}

spoke_status keep_load(struct broker *b)
{
    struct loading l = {b, SPOKE_OK};
    struct store *store = b->options.store;
    if (store == NULL)
        return SPOKE_OK;
    spoke_status status = store_broker_session_each(store, load_session, &l);
    if (status == SPOKE_OK && l.status == SPOKE_OK)
        status = store_broker_subscription_each(store, load_subscription, &l);
    if (status == SPOKE_OK && l.status == SPOKE_OK)
        status = store_broker_delivery_each(store, load_delivery, &l);
    if (status == SPOKE_OK && l.status == SPOKE_OK)
        status = store_broker_unreleased_each(store, load_unreleased, &l);
    if (status == SPOKE_OK && l.status == SPOKE_OK)
        status = store_broker_retained_each(store, load_retained, &l);
    if (status == SPOKE_OK && l.status == SPOKE_OK)
        status = store_broker_will_each(store, load_will, &l);
    return status != SPOKE_OK ? status : l.status;
}
