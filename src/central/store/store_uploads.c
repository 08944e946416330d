#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define COLUMNS \
    "seq, id, device_id, blob_name, blob_uri, started_ms, expires_ms, ended_ms, success, status, description"

void store_upload_free(struct store_upload *row)
{
    free(row->id);
    free(row->device_id);
    free(row->blob_name);
    free(row->blob_uri);
    free(row->description);
    memset(row, 0, sizeof *row);
}

static void take(struct store_query *q, struct store_upload *row)
{
    memset(row, 0, sizeof *row);
    row->seq = store_query_take_int(q);
    store_query_take_text(q, &row->id);
    store_query_take_text(q, &row->device_id);
    store_query_take_text(q, &row->blob_name);
    store_query_take_text(q, &row->blob_uri);
    row->started_ms = store_query_take_int(q);
    row->expires_ms = store_query_take_int(q);
    row->ended_ms = store_query_take_int(q);
    row->success = store_query_take_int(q) != 0;
    row->status = (int32_t)store_query_take_int(q);
    store_query_take_text(q, &row->description);
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
    memset(out, 0, sizeof *out);
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    store_query_text(&q, device_id);
    const bool found = store_query_row(&q);
    if (found)
        take(&q, out);
    const spoke_status status = store_query_close_found(&q, found);
    if (status != SPOKE_OK)
        store_upload_free(out);
    return status;
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
    for (bool more = true; more && store_query_row(&q);) {
        struct store_upload row;
        take(&q, &row);
        more = q.status == SPOKE_OK && each(ctx, &row);
        store_upload_free(&row);
    }
    return store_query_close(&q);
}
