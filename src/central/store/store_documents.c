#include "store_row.h"

#define COLUMNS "kind, id, json, organizations, etag"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_document, kind),        STORE_MEMBER(struct store_document, id),
    STORE_MEMBER_SECRET(struct store_document, json), STORE_MEMBER(struct store_document, organizations),
    STORE_MEMBER(struct store_document, etag),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_document, MEMBERS);

void store_document_free(struct store_document *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_document_get(struct store *s, const char *kind, const char *id, struct store_document *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM document WHERE kind = ? AND id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_document_put(struct store *s, const struct store_document *row)
{
    static const char SQL[] =
        "INSERT INTO document (" COLUMNS ", status, at_ms) VALUES (?1, ?2, ?3, ?4, max(?5, 1),"
        " CASE ?1 WHEN 'job' THEN json_extract(?3, '$.status') END, CASE ?1 WHEN 'job' THEN"
        " json_extract(?3, '$.createdMs') WHEN 'scheduledJob' THEN json_extract(?3, '$.nextMs') END)"
        " ON CONFLICT (kind, id) DO UPDATE"
        " SET etag = etag + ((json, organizations) IS NOT (excluded.json, excluded.organizations)),"
        " json = excluded.json, organizations = excluded.organizations, status = excluded.status,"
        " at_ms = excluded.at_ms";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_row_bind(&q, &ROW, row, ROW.count);
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

spoke_status store_documents_delete(struct store *s, const char *kind)
{
    static const char SQL[] = "DELETE FROM document WHERE kind = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    return store_query_run(&q);
}

spoke_status store_documents_copy(struct store *s, const char *kind, const char *to)
{
    static const char SQL[] = "INSERT OR IGNORE INTO document (" COLUMNS ")"
                              " SELECT ?2, id, json, organizations, etag FROM document WHERE kind = ?1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, to);
    return store_query_run(&q);
}

/* The rows that are left, until `each` is false; closes. */
static spoke_status give(struct store_query *q, bool (*each)(void *ctx, const struct store_document *row),
                         void *ctx)
{
    struct store_document row = {0};
    while (store_row_next(q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(q);
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
    return give(&q, each, ctx);
}

/* --- jobs, which are found by columns of their own (format 14) --- */

static spoke_status each_of_status(struct store *s, const char *kind, const char *status,
                                   bool (*each)(void *ctx, const struct store_document *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM document INDEXED BY document_of_status"
                              " WHERE kind = ? AND status IS ? AND at_ms IS NOT NULL ORDER BY at_ms, id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    store_query_text(&q, status);
    return give(&q, each, ctx);
}

spoke_status store_job_each(struct store *s, const char *status,
                            bool (*each)(void *ctx, const struct store_document *row), void *ctx)
{
    return each_of_status(s, "job", status, each, ctx);
}

spoke_status store_job_scheduled(struct store *s, bool (*each)(void *ctx, const struct store_document *row),
                                 void *ctx)
{
    return each_of_status(s, "scheduledJob", NULL, each, ctx);
}

spoke_status store_document_count(struct store *s, const char *kind, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM document WHERE kind = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, kind);
    return store_query_count(&q, out);
}

/* Of many devices the arrays are not taken apart where the id does not even stand in the text. */
spoke_status store_organization_users(struct store *s, const char *id, size_t *out)
{
    static const char SQL[] =
        "SELECT (SELECT count(*) FROM device, json_each(device.organizations) AS o"
        " WHERE instr(device.organizations, '\"' || ?1 || '\"') AND o.value = ?1) +"
        " (SELECT count(*) FROM enrolment_group AS g, json_each(g.organizations) AS o WHERE o.value = ?1) +"
        " (SELECT count(*) FROM document, json_each(document.organizations) AS o WHERE o.value = ?1"
        " AND document.kind <> 'organization') +"
        " (SELECT count(*) FROM document, json_each(document.json, '$.roles') AS r"
        " WHERE document.kind IN ('apiToken', 'user') AND document.organizations IS NULL AND json_extract(r.value, '$.organization') = ?1)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_query_count(&q, out);
}
