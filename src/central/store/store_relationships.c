/* Which device is behind which gateway. */
#include "store_query.h"

#define COLUMNS "source, id, target, etag"

static void take(struct store_query *q, struct store_relationship *row)
{
    row->source = (const char *)sqlite3_column_text(q->statement, 0);
    row->id = (const char *)sqlite3_column_text(q->statement, 1);
    row->target = (const char *)sqlite3_column_text(q->statement, 2);
    row->etag = sqlite3_column_int64(q->statement, 3);
}

spoke_status store_relationship_put(struct store *s, const struct store_relationship *row)
{
    static const char SQL[] = "INSERT INTO relationship (" COLUMNS ") VALUES (?, ?, ?, max(?, 1))"
                              " ON CONFLICT (source, id) DO UPDATE SET etag = etag + (target <> excluded.target),"
                              " target = excluded.target";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->source);
    store_query_text(&q, row->id);
    store_query_text(&q, row->target);
    store_query_int(&q, row->etag);
    return store_query_run(&q);
}

spoke_status store_relationship_delete(struct store *s, const char *source, const char *id)
{
    static const char SQL[] = "DELETE FROM relationship WHERE source = ? AND id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, source);
    store_query_text(&q, id);
    return store_query_run_found(&q);
}

/* The rows that are left, until `each` is false; closes. */
static spoke_status give(struct store_query *q, bool (*each)(void *ctx, const struct store_relationship *row),
                         void *ctx)
{
    for (bool more = true; more && store_query_row(q);) {
        struct store_relationship row;
        take(q, &row);
        more = each(ctx, &row);
    }
    return store_query_close(q);
}

spoke_status store_relationship_each(struct store *s, const char *device_id, const char *after,
                                     bool (*each)(void *ctx, const struct store_relationship *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM relationship WHERE source = ?1 AND id > ?2"
                              " UNION ALL SELECT " COLUMNS " FROM relationship WHERE target = ?1 AND id > ?2"
                              " ORDER BY id, source";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, after != NULL ? after : "");
    return give(&q, each, ctx);
}

spoke_status store_relationship_between(struct store *s, const char *source, const char *target,
                                        bool (*each)(void *ctx, const struct store_relationship *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM relationship WHERE source = ? AND target = ? ORDER BY id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, source);
    store_query_text(&q, target);
    return give(&q, each, ctx);
}

spoke_status store_gateway_get(struct store *s, const char *device_id, char **gateway_id)
{
    static const char SQL[] = "SELECT source FROM relationship WHERE target = ?";
    return store_query_find_text(s, SQL, device_id, gateway_id);
}
