#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define COLUMNS "kind, id, json, organizations, etag"

void store_document_free(struct store_document *row)
{
    free(row->kind);
    free(row->id);
    store_secret_free(row->json); /* hashes of tokens, connection strings */
    free(row->organizations);
    memset(row, 0, sizeof *row);
}

static void take(struct store_query *q, struct store_document *row)
{
    memset(row, 0, sizeof *row);
    store_query_take_text(q, &row->kind);
    store_query_take_text(q, &row->id);
    store_query_take_text(q, &row->json);
    store_query_take_text(q, &row->organizations);
    row->etag = store_query_take_int(q);
}

spoke_status store_document_get(struct store *s, const char *kind, const char *id, struct store_document *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM document WHERE kind = ? AND id = ?";
    struct store_query q;
    memset(out, 0, sizeof *out);
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, id);
    const bool found = store_query_row(&q);
    if (found)
        take(&q, out);
    const spoke_status status = store_query_close_found(&q, found);
    if (status != SPOKE_OK)
        store_document_free(out);
    return status;
}

spoke_status store_document_put(struct store *s, const struct store_document *row)
{
    static const char SQL[] =
        "INSERT INTO document (" COLUMNS ") VALUES (?, ?, ?, ?, max(?, 1)) ON CONFLICT (kind, id) DO UPDATE"
        " SET etag = etag + ((json, organizations) IS NOT (excluded.json, excluded.organizations)),"
        " json = excluded.json, organizations = excluded.organizations";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->kind);
    store_query_text(&q, row->id);
    store_query_text(&q, row->json);
    store_query_text(&q, row->organizations);
    store_query_int(&q, row->etag);
    return store_query_run(&q);
}

spoke_status store_document_delete(struct store *s, const char *kind, const char *id)
{
    static const char SQL[] = "DELETE FROM document WHERE kind = ? AND id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, id);
    return store_query_run_found(&q);
}

spoke_status store_document_each(struct store *s, const char *kind, const char *after, size_t limit,
                                 bool (*each)(void *ctx, const struct store_document *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM document WHERE kind = ? AND id > ? ORDER BY id LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, (int64_t)limit);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_document row;
        take(&q, &row);
        more = q.status == SPOKE_OK && each(ctx, &row);
        store_document_free(&row);
    }
    return store_query_close(&q);
}

spoke_status store_document_count(struct store *s, const char *kind, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM document WHERE kind = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    return store_query_count(&q, out);
}

spoke_status store_organization_users(struct store *s, const char *id, size_t *out)
{
    static const char SQL[] =
        "SELECT (SELECT count(*) FROM device, json_each(device.organizations) AS o WHERE o.value = ?1) +"
        " (SELECT count(*) FROM enrolment_group AS g, json_each(g.organizations) AS o WHERE o.value = ?1) +"
        " (SELECT count(*) FROM document, json_each(document.organizations) AS o WHERE o.value = ?1"
        " AND document.kind <> 'organization') +"
        " (SELECT count(*) FROM document, json_each(document.json, '$.roles') AS r"
        " WHERE document.organizations IS NULL AND json_extract(r.value, '$.organization') = ?1)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_query_count(&q, out);
}
