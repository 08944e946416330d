#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define LOOK_EVERY 1000u                 /* messages */
#define FORGET_AT_ONCE (4u * LOOK_EVERY) /* a store that was larger shrinks by and by, and holds nobody up */

void store_message_free(struct store_message *row)
{
    free(row->device_id);
    free(row->component);
    free(row->message_id);
    free(row->system);
    free(row->properties);
    free(row->body);
    memset(row, 0, sizeof *row);
}

static spoke_status last_number(struct store *s, const char *device_id, int64_t *seq)
{
    static const char SQL[] = "SELECT max(seq) FROM message WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    *seq = store_query_row(&q) ? store_query_take_int(&q) : 0; /* NULL, when there is none, is taken as 0 */
    return store_query_close(&q);
}

static void count_change(struct store *s, int64_t change)
{
    if (s->messages != STORE_NOT_COUNTED)
        s->messages += change;
}

/* Of a statement that deletes messages. */
static spoke_status close_delete(struct store_query *q)
{
    const spoke_status status = store_query_close(q);
    if (status == SPOKE_OK)
        count_change(q->store, -sqlite3_changes(q->store->db));
    return status;
}

/* Numbers are dense within a device, so the row that falls out of the window is found by its number. */
static spoke_status forget_up_to(struct store *s, const char *device_id, int64_t seq)
{
    static const char SQL[] = "DELETE FROM message WHERE device_id = ? AND seq <= ?";
    struct store_query q;
    if (seq <= 0)
        return SPOKE_OK;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, seq);
    (void)store_query_row(&q);
    return close_delete(&q);
}

static spoke_status insert(struct store *s, const struct store_message *row, int64_t seq)
{
    static const char SQL[] =
        "INSERT INTO message (device_id, seq, at_ms, qos, component, system, properties, body,"
        " created_ms, message_id, duplicate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->device_id);
    store_query_int(&q, seq);
    store_query_int(&q, row->at_ms);
    store_query_int(&q, row->qos);
    store_query_text(&q, row->component);
    store_query_text(&q, row->system);
    store_query_text(&q, row->properties);
    store_query_blob(&q, row->body, row->body_len);
    store_query_int(&q, row->created_ms);
    store_query_text(&q, row->message_id);
    store_query_int(&q, row->duplicate);
    (void)store_query_row(&q);
    return store_query_close(&q);
}

spoke_status store_message_add(struct store *s, const struct store_message *row)
{
    int64_t last = 0;
    spoke_status status = last_number(s, row->device_id, &last);
    if (status == SPOKE_OK)
        status = insert(s, row, last + 1);
    if (status != SPOKE_OK)
        return status;
    s->added++;
    count_change(s, 1);
    return forget_up_to(s, row->device_id, last + 1 - STORE_MESSAGES_KEPT);
}

void store_keep(struct store *s, uint32_t messages)
{
    s->keep = messages;
}

static spoke_status ask_number(struct store *s, const char *sql, int64_t *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    if (store_query_row(&q))
        *out = store_query_take_int(&q);
    return store_query_close(&q);
}

/* Counting all of them takes long, and is left alone while there cannot be too many. Within a device their numbers are
 * dense. */
static spoke_status count_messages(struct store *s)
{
    static const char SPAN[] = "SELECT (SELECT max(rowid) FROM message) - (SELECT min(rowid) FROM message) + 1";
    static const char COUNT[] = "SELECT sum((SELECT max(seq) FROM message WHERE device_id = device.id)"
                                " - (SELECT min(seq) FROM message WHERE device_id = device.id) + 1) FROM device";
    int64_t span = 0;
    if (s->messages != STORE_NOT_COUNTED)
        return SPOKE_OK;
    const spoke_status status = ask_number(s, SPAN, &span);
    return status == SPOKE_OK && span > s->keep ? ask_number(s, COUNT, &s->messages) : status;
}

/* Rows are numbered in the order that they came, so the oldest are the lowest. */
static spoke_status forget_oldest(struct store *s, int64_t count)
{
    static const char SQL[] =
        "DELETE FROM message WHERE rowid IN (SELECT rowid FROM message ORDER BY rowid LIMIT ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, count < FORGET_AT_ONCE ? count : FORGET_AT_ONCE);
    (void)store_query_row(&q);
    return close_delete(&q);
}

spoke_status store_messages_forget(struct store *s)
{
    if (s->added < LOOK_EVERY)
        return SPOKE_OK;
    s->added = 0;
    const spoke_status status = count_messages(s);
    return status == SPOKE_OK && s->messages > s->keep ? forget_oldest(s, s->messages - s->keep) : status;
}

static void take(struct store_query *q, struct store_message *row)
{
    memset(row, 0, sizeof *row);
    store_query_take_text(q, &row->device_id);
    row->seq = store_query_take_int(q);
    row->at_ms = store_query_take_int(q);
    row->qos = (uint8_t)store_query_take_int(q);
    store_query_take_text(q, &row->component);
    store_query_take_text(q, &row->system);
    store_query_take_text(q, &row->properties);
    store_query_take_blob(q, &row->body, &row->body_len);
    row->created_ms = store_query_take_int(q);
    store_query_take_text(q, &row->message_id);
    row->duplicate = store_query_take_int(q) != 0;
}

spoke_status store_message_each(struct store *s, const char *device_id, int64_t after_seq, size_t limit,
                                bool (*each)(void *ctx, const struct store_message *row), void *ctx)
{
    static const char SQL[] =
        "SELECT device_id, seq, at_ms, qos, component, system, properties, body,"
        " created_ms, message_id, duplicate FROM message WHERE device_id = ? AND seq > ? ORDER BY seq LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, after_seq);
    store_query_int(&q, (int64_t)limit);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_message row;
        take(&q, &row);
        more = q.status == SPOKE_OK && each(ctx, &row);
        store_message_free(&row);
    }
    return store_query_close(&q);
}

spoke_status store_message_known(struct store *s, const char *device_id, const char *message_id, bool *known)
{
    static const char SQL[] = "SELECT 1 FROM message WHERE device_id = ? AND message_id = ? LIMIT 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, message_id);
    *known = store_query_row(&q);
    return store_query_close(&q);
}

spoke_status store_message_clear(struct store *s, const char *device_id)
{
    static const char SQL[] = "DELETE FROM message WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    (void)store_query_row(&q);
    return close_delete(&q);
}
