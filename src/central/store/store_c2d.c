#include <stdlib.h>
#include <string.h>

#include "store_query.h"

void store_c2d_free(struct store_c2d *row)
{
    free(row->bag);
    free(row->body);
    memset(row, 0, sizeof *row);
}

spoke_status store_c2d_add(struct store *s, const char *device_id, const struct store_c2d *row, int64_t *seq)
{
    static const char SQL[] =
        "INSERT INTO c2d (device_id, expires_ms, enqueued_ms, bag, body) VALUES (?, ?, ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, row->expires_ms);
    store_query_int(&q, row->enqueued_ms);
    store_query_text(&q, row->bag);
    store_query_blob(&q, row->body, row->body_len);
    const spoke_status status = store_query_run(&q);
    if (status == SPOKE_OK && seq != NULL)
        *seq = sqlite3_last_insert_rowid(s->db);
    return status;
}

spoke_status store_c2d_each(struct store *s, const char *device_id,
                            bool (*each)(void *ctx, const struct store_c2d *row), void *ctx)
{
    static const char SQL[] =
        "SELECT seq, expires_ms, enqueued_ms, bag, body FROM c2d WHERE device_id = ? ORDER BY seq";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_c2d row = {.seq = store_query_take_int(&q)};
        row.expires_ms = store_query_take_int(&q);
        row.enqueued_ms = store_query_take_int(&q);
        store_query_take_text(&q, &row.bag);
        store_query_take_blob(&q, &row.body, &row.body_len);
        more = q.status == SPOKE_OK && each(ctx, &row);
        store_c2d_free(&row);
    }
    return store_query_close(&q);
}

spoke_status store_c2d_delete(struct store *s, int64_t seq)
{
    static const char SQL[] = "DELETE FROM c2d WHERE seq = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, seq);
    return store_query_run_found(&q);
}

spoke_status store_c2d_count(struct store *s, const char *device_id, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM c2d WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    return store_query_count(&q, out);
}
