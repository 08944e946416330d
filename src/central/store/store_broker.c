#include "store_broker.h"

#include <stdlib.h>

#include "store_query.h"

/* --- what the statements have in common --- */

static spoke_status run_for_text(struct store *s, const char *sql, const char *text)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, text);
    return store_query_run(&q);
}

static spoke_status run_alone(struct store *s, const char *sql)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    return store_query_run(&q);
}

spoke_status store_broker_clear(struct store *s)
{
    static const char SESSIONS[] = "DELETE FROM broker_session", RETAINED[] = "DELETE FROM broker_retained";
    spoke_status status = run_alone(s, SESSIONS);
    if (status == SPOKE_OK)
        status = run_alone(s, RETAINED);
    return status == SPOKE_OK ? store_broker_will_clear(s) : status;
}

/* --- sessions --- */

spoke_status store_broker_session_put(struct store *s, const char *client_id)
{
    static const char SQL[] = "INSERT OR IGNORE INTO broker_session (client_id) VALUES (?)";
    return run_for_text(s, SQL, client_id);
}

spoke_status store_broker_session_delete(struct store *s, const char *client_id)
{
    static const char SQL[] = "DELETE FROM broker_session WHERE client_id = ?";
    return run_for_text(s, SQL, client_id);
}

spoke_status store_broker_session_each(struct store *s, bool (*each)(void *ctx, const char *client_id), void *ctx)
{
    static const char SQL[] = "SELECT client_id FROM broker_session ORDER BY client_id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    return store_query_each_text(&q, each, ctx);
}

/* --- subscriptions --- */

spoke_status store_broker_subscription_put(struct store *s, const char *client_id, const char *filter, uint8_t qos)
{
    static const char SQL[] =
        "INSERT OR REPLACE INTO broker_subscription (client_id, filter, qos) VALUES (?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, client_id);
    store_query_text(&q, filter);
    store_query_int(&q, qos);
    return store_query_run(&q);
}

spoke_status store_broker_subscription_delete(struct store *s, const char *client_id, const char *filter)
{
    static const char SQL[] = "DELETE FROM broker_subscription WHERE client_id = ? AND filter = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, client_id);
    store_query_text(&q, filter);
    return store_query_run(&q);
}

spoke_status store_broker_subscription_each(
    struct store *s, bool (*each)(void *ctx, const char *client_id, const char *filter, uint8_t qos), void *ctx)
{
    static const char SQL[] = "SELECT client_id, filter, qos FROM broker_subscription ORDER BY client_id, filter";
    struct store_query q;
    store_query_open(&q, s, SQL);
    for (bool more = true; more && store_query_row(&q);) {
        char *client_id = NULL, *filter = NULL;
        store_query_take_text(&q, &client_id);
        store_query_take_text(&q, &filter);
        const uint8_t qos = (uint8_t)store_query_take_int(&q);
        more = q.status == SPOKE_OK && each(ctx, client_id, filter, qos);
        free(client_id);
        free(filter);
    }
    return store_query_close(&q);
}

/* --- deliveries --- */

spoke_status store_broker_delivery_add(struct store *s, const struct store_broker_delivery *row, int64_t *seq)
{
    static const char SQL[] =
        "INSERT INTO broker_delivery (client_id, packet_id, qos, state, retain, topic, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->client_id);
    store_query_int(&q, row->packet_id);
    store_query_int(&q, row->qos);
    store_query_int(&q, row->state);
    store_query_int(&q, row->retain);
    store_query_text(&q, row->topic);
    store_query_blob(&q, row->payload.ptr, row->payload.len);
    const spoke_status status = store_query_run(&q);
    if (status == SPOKE_OK)
        *seq = sqlite3_last_insert_rowid(s->db);
    return status;
}

spoke_status store_broker_delivery_set(struct store *s, int64_t seq, uint16_t packet_id, uint8_t state)
{
    static const char SQL[] = "UPDATE broker_delivery SET packet_id = ?, state = ? WHERE seq = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, packet_id);
    store_query_int(&q, state);
    store_query_int(&q, seq);
    return store_query_run_found(&q);
}

spoke_status store_broker_delivery_delete(struct store *s, int64_t seq)
{
    static const char SQL[] = "DELETE FROM broker_delivery WHERE seq = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, seq);
    return store_query_run(&q);
}

spoke_status store_broker_delivery_each(struct store *s,
                                        bool (*each)(void *ctx, const struct store_broker_delivery *row),
                                        void *ctx)
{
    static const char SQL[] =
        "SELECT seq, client_id, packet_id, qos, state, retain, topic, payload FROM broker_delivery ORDER BY seq";
    struct store_query q;
    store_query_open(&q, s, SQL);
    for (bool more = true; more && store_query_row(&q);) {
        char *client_id = NULL, *topic = NULL;
        void *payload = NULL;
        struct store_broker_delivery row = {.seq = store_query_take_int(&q)};
        store_query_take_text(&q, &client_id);
        row.packet_id = (uint16_t)store_query_take_int(&q);
        row.qos = (uint8_t)store_query_take_int(&q);
        row.state = (uint8_t)store_query_take_int(&q);
        row.retain = store_query_take_int(&q) != 0;
        store_query_take_text(&q, &topic);
        store_query_take_blob(&q, &payload, &row.payload.len);
        row.client_id = client_id;
        row.topic = topic;
        row.payload.ptr = payload;
        more = q.status == SPOKE_OK && each(ctx, &row);
        free(client_id);
        free(topic);
        free(payload);
    }
    return store_query_close(&q);
}

/* --- packet ids of QoS 2 --- */

static spoke_status run_for_id(struct store *s, const char *sql, const char *client_id, uint16_t packet_id)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, client_id);
    store_query_int(&q, packet_id);
    return store_query_run(&q);
}

spoke_status store_broker_unreleased_put(struct store *s, const char *client_id, uint16_t packet_id)
{
    static const char SQL[] = "INSERT OR REPLACE INTO broker_unreleased (client_id, packet_id) VALUES (?, ?)";
    return run_for_id(s, SQL, client_id, packet_id);
}

spoke_status store_broker_unreleased_delete(struct store *s, const char *client_id, uint16_t packet_id)
{
    static const char SQL[] = "DELETE FROM broker_unreleased WHERE client_id = ? AND packet_id = ?";
    return run_for_id(s, SQL, client_id, packet_id);
}

spoke_status store_broker_unreleased_each(struct store *s,
                                          bool (*each)(void *ctx, const char *client_id, uint16_t packet_id),
                                          void *ctx)
{
    static const char SQL[] = "SELECT client_id, packet_id FROM broker_unreleased ORDER BY client_id, packet_id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    for (bool more = true; more && store_query_row(&q);) {
        char *client_id = NULL;
        store_query_take_text(&q, &client_id);
        const uint16_t packet_id = (uint16_t)store_query_take_int(&q);
        more = q.status == SPOKE_OK && each(ctx, client_id, packet_id);
        free(client_id);
    }
    return store_query_close(&q);
}

/* --- retained messages --- */

spoke_status store_broker_retained_put(struct store *s, const char *topic, spoke_str payload, uint8_t qos)
{
    static const char SQL[] = "INSERT OR REPLACE INTO broker_retained (topic, payload, qos) VALUES (?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, topic);
    store_query_blob(&q, payload.ptr, payload.len);
    store_query_int(&q, qos);
    return store_query_run(&q);
}

spoke_status store_broker_retained_delete(struct store *s, const char *topic)
{
    static const char SQL[] = "DELETE FROM broker_retained WHERE topic = ?";
    return run_for_text(s, SQL, topic);
}

spoke_status store_broker_retained_each(struct store *s,
                                        bool (*each)(void *ctx, const char *topic, spoke_str payload, uint8_t qos),
                                        void *ctx)
{
    static const char SQL[] = "SELECT topic, payload, qos FROM broker_retained ORDER BY topic";
    struct store_query q;
    store_query_open(&q, s, SQL);
    for (bool more = true; more && store_query_row(&q);) {
        char *topic = NULL;
        void *payload = NULL;
        size_t len = 0;
        store_query_take_text(&q, &topic);
        store_query_take_blob(&q, &payload, &len);
        const uint8_t qos = (uint8_t)store_query_take_int(&q);
        more = q.status == SPOKE_OK && each(ctx, topic, spoke_str_from(payload, len), qos);
        free(topic);
        free(payload);
    }
    return store_query_close(&q);
}

/* --- wills --- */

spoke_status store_broker_will_put(struct store *s, const struct store_broker_will *row)
{
    static const char SQL[] =
        "INSERT OR REPLACE INTO broker_will (client_id, topic, payload, qos, retain) VALUES (?, ?, ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->client_id);
    store_query_text(&q, row->topic);
    store_query_blob(&q, row->payload.ptr, row->payload.len);
    store_query_int(&q, row->qos);
    store_query_int(&q, row->retain);
    return store_query_run(&q);
}

spoke_status store_broker_will_delete(struct store *s, const char *client_id)
{
    static const char SQL[] = "DELETE FROM broker_will WHERE client_id = ?";
    return run_for_text(s, SQL, client_id);
}

spoke_status store_broker_will_clear(struct store *s)
{
    static const char SQL[] = "DELETE FROM broker_will";
    return run_alone(s, SQL);
}

spoke_status store_broker_will_each(struct store *s, bool (*each)(void *ctx, const struct store_broker_will *row),
                                    void *ctx)
{
    static const char SQL[] = "SELECT client_id, topic, payload, qos, retain FROM broker_will ORDER BY client_id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    for (bool more = true; more && store_query_row(&q);) {
        char *client_id = NULL, *topic = NULL;
        void *payload = NULL;
        struct store_broker_will row = {.qos = 0};
        store_query_take_text(&q, &client_id);
        store_query_take_text(&q, &topic);
        store_query_take_blob(&q, &payload, &row.payload.len);
        row.qos = (uint8_t)store_query_take_int(&q);
        row.retain = store_query_take_int(&q) != 0;
        row.client_id = client_id;
        row.topic = topic;
        row.payload.ptr = payload;
        more = q.status == SPOKE_OK && each(ctx, &row);
        free(client_id);
        free(topic);
        free(payload);
    }
    return store_query_close(&q);
}
