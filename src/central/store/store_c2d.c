#include "store_row.h"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_c2d, seq),
    STORE_MEMBER(struct store_c2d, expires_ms),
    STORE_MEMBER(struct store_c2d, enqueued_ms),
    STORE_MEMBER(struct store_c2d, bag),
    STORE_MEMBER_BLOB(struct store_c2d, body, body_len),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_c2d, MEMBERS);

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
    struct store_c2d row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
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
