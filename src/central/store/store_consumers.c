/* Those who read the event stream, each up to a position of its own. */
#include "store_row.h"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_consumer, name),
    STORE_MEMBER(struct store_consumer, position),
    STORE_MEMBER(struct store_consumer, lost),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_consumer, MEMBERS);

void store_consumer_free(struct store_consumer *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_consumers_begin(struct store *s)
{
    static const char SQL[] = "SELECT coalesce(min(position), 9223372036854775807) FROM consumer";
    return store_query_number(s, SQL, &s->slowest);
}

spoke_status store_consumer_get(struct store *s, const char *name, struct store_consumer *out)
{
    static const char SQL[] = "SELECT name, position, lost FROM consumer WHERE name = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, name);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_consumer_put(struct store *s, const char *name, int64_t position)
{
    static const char SQL[] = "INSERT INTO consumer (name, position, lost) VALUES (?1, ?2, 0)"
                              " ON CONFLICT (name) DO UPDATE SET position = ?2";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, name);
    store_query_int(&q, position);
    const spoke_status status = store_query_run(&q);
    return status == SPOKE_OK ? store_consumers_begin(s) : status;
}

spoke_status store_consumer_delete(struct store *s, const char *name)
{
    static const char SQL[] = "DELETE FROM consumer WHERE name = ?";
    const spoke_status status = store_query_change(s, SQL, name);
    return status == SPOKE_OK ? store_consumers_begin(s) : status;
}

spoke_status store_consumer_each(struct store *s, bool (*each)(void *ctx, const struct store_consumer *row),
                                 void *ctx)
{
    static const char SQL[] = "SELECT name, position, lost FROM consumer ORDER BY name";
    struct store_query q;
    store_query_open(&q, s, SQL);
    struct store_consumer row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(&q);
}

spoke_status store_consumers_note(struct store *s, int64_t position, const char *device_id, int64_t seq)
{
    static const char ALL[] = "UPDATE consumer SET lost = lost + (SELECT count(*) FROM event"
                              " WHERE event.position > consumer.position AND event.position <= ?1"
                              " AND NOT " STORE_IS_CLEARED("event") ")"
                                                                    " WHERE position < ?1";
    static const char ONE[] = "UPDATE consumer SET lost = lost + (SELECT count(*) FROM event"
                              " WHERE device_id = ?2 AND seq > " STORE_CLEARED_UP_TO(
                                  "?2") " AND seq <= ?3"
                                        " AND +event.position > consumer.position)"
                                        " WHERE position < ?1 AND EXISTS (SELECT 1 FROM event"
                                        " WHERE device_id = ?2 AND seq > " STORE_CLEARED_UP_TO(
                                            "?2") " AND seq <= ?3"
                                                  " AND +event.position > consumer.position)";
    struct store_query q;
    if (s->slowest >= position)
        return SPOKE_OK;
    store_query_open(&q, s, device_id != NULL ? ONE : ALL);
    store_query_int(&q, position);
    if (device_id != NULL) {
        store_query_text(&q, device_id);
        store_query_int(&q, seq);
    }
    const spoke_status status = store_query_run(&q);
    s->lost = s->lost || (status == SPOKE_OK && sqlite3_changes(s->db) > 0);
    return status;
}

bool store_consumers_lost(struct store *s)
{
    const bool lost = s->lost;
    s->lost = false;
    return lost;
}
