#include "store_row.h"

#define COLUMNS \
    "seq, id, device_id, blob_name, blob_uri, started_ms, expires_ms, ended_ms, success, status, description"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_upload, seq),         STORE_MEMBER(struct store_upload, id),
    STORE_MEMBER(struct store_upload, device_id),   STORE_MEMBER(struct store_upload, blob_name),
    STORE_MEMBER(struct store_upload, blob_uri),    STORE_MEMBER(struct store_upload, started_ms),
    STORE_MEMBER(struct store_upload, expires_ms),  STORE_MEMBER(struct store_upload, ended_ms),
    STORE_MEMBER(struct store_upload, success),     STORE_MEMBER(struct store_upload, status),
    STORE_MEMBER(struct store_upload, description),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_upload, MEMBERS);

void store_upload_free(struct store_upload *row)
{
    store_row_free(&ROW, row);
}

static spoke_status forget_oldest(struct store *s, const char *device_id)
{
    static const char SQL[] = "DELETE FROM upload WHERE device_id = ?1 AND seq <= (SELECT seq FROM upload WHERE"
                              " device_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, STORE_UPLOADS_KEPT);
    return store_query_run(&q);
}

spoke_status store_upload_add(struct store *s, const struct store_upload *row)
{
    static const char SQL[] = "INSERT INTO upload (id, device_id, blob_name, blob_uri, started_ms, expires_ms,"
                              " ended_ms, success, status) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->id);
    store_query_text(&q, row->device_id);
    store_query_text(&q, row->blob_name);
    store_query_text(&q, row->blob_uri);
    store_query_int(&q, row->started_ms);
    store_query_int(&q, row->expires_ms);
    const spoke_status status = store_query_run(&q);
    return status == SPOKE_OK ? forget_oldest(s, row->device_id) : status;
}

spoke_status store_upload_end(struct store *s, const struct store_upload *row)
{
    static const char SQL[] =
        "UPDATE upload SET ended_ms = ?, success = ?, status = ?, description = ? WHERE id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, row->ended_ms);
    store_query_int(&q, row->success);
    store_query_int(&q, row->status);
    store_query_text(&q, row->description);
    store_query_text(&q, row->id);
    return store_query_run(&q);
}

spoke_status store_upload_get(struct store *s, const char *device_id, const char *id, struct store_upload *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM upload WHERE id = ? AND device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    store_query_text(&q, device_id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_upload_open_count(struct store *s, const char *device_id, int64_t now_ms, size_t *out)
{
    static const char SQL[] =
        "SELECT count(*) FROM upload WHERE device_id = ? AND ended_ms = 0 AND expires_ms > ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, now_ms);
    return store_query_count(&q, out);
}

spoke_status store_upload_each(struct store *s, const char *device_id, int64_t before, size_t limit,
                               bool (*each)(void *ctx, const struct store_upload *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM upload WHERE (?1 IS NULL OR device_id = ?1) AND seq < ?2"
                              " ORDER BY seq DESC LIMIT ?3";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, before > 0 ? before : INT64_MAX);
    store_query_int(&q, (int64_t)limit);
    struct store_upload row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(&q);
}
