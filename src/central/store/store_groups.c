#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define COLUMNS "id, display_name, type, primary_key, secondary_key, organizations, enabled, etag"

void store_group_free(struct store_group *row)
{
    free(row->id);
    free(row->display_name);
    free(row->type);
    store_secret_free(row->primary_key);
    store_secret_free(row->secondary_key);
    free(row->organizations);
    memset(row, 0, sizeof *row);
}

static void take(struct store_query *q, struct store_group *row)
{
    memset(row, 0, sizeof *row);
    store_query_take_text(q, &row->id);
    store_query_take_text(q, &row->display_name);
    store_query_take_text(q, &row->type);
    store_query_take_text(q, &row->primary_key);
    store_query_take_text(q, &row->secondary_key);
    store_query_take_text(q, &row->organizations);
    row->enabled = store_query_take_int(q) != 0;
    row->etag = store_query_take_int(q);
}

spoke_status store_group_get(struct store *s, const char *id, struct store_group *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM enrolment_group WHERE id = ?";
    struct store_query q;
    memset(out, 0, sizeof *out);
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    const bool found = store_query_row(&q);
    if (found)
        take(&q, out);
    const spoke_status status = store_query_close_found(&q, found);
    if (status != SPOKE_OK)
        store_group_free(out);
    return status;
}

spoke_status store_group_put(struct store *s, const struct store_group *row)
{
    static const char SQL[] =
        "INSERT INTO enrolment_group (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
        " ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, type = excluded.type,"
        " primary_key = excluded.primary_key, secondary_key = excluded.secondary_key,"
        " organizations = excluded.organizations, enabled = excluded.enabled, etag = etag + 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->id);
    store_query_text(&q, row->display_name);
    store_query_text(&q, row->type);
    store_query_text(&q, row->primary_key);
    store_query_text(&q, row->secondary_key);
    store_query_text(&q, row->organizations);
    store_query_int(&q, row->enabled);
    return store_query_run(&q);
}

spoke_status store_group_delete(struct store *s, const char *id)
{
    static const char SQL[] = "DELETE FROM enrolment_group WHERE id = ?";
    return store_query_change(s, SQL, id);
}

spoke_status store_group_each(struct store *s, const char *after, size_t limit,
                              bool (*each)(void *ctx, const struct store_group *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM enrolment_group WHERE id > ? ORDER BY id LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, (int64_t)limit);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_group row;
        take(&q, &row);
        more = q.status == SPOKE_OK && each(ctx, &row);
        store_group_free(&row);
    }
    return store_query_close(&q);
}
