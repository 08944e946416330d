#include "store_row.h"

#define COLUMNS "id, display_name, type, primary_key, secondary_key, organizations, enabled, etag"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_group, id),
    STORE_MEMBER(struct store_group, display_name),
    STORE_MEMBER(struct store_group, type),
    STORE_MEMBER_SECRET(struct store_group, primary_key),
    STORE_MEMBER_SECRET(struct store_group, secondary_key),
    STORE_MEMBER(struct store_group, organizations),
    STORE_MEMBER(struct store_group, enabled),
    STORE_MEMBER(struct store_group, etag),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_group, MEMBERS);

void store_group_free(struct store_group *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_group_get(struct store *s, const char *id, struct store_group *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM enrolment_group WHERE id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_group_put(struct store *s, const struct store_group *row)
{
    static const char SQL[] =
        "INSERT INTO enrolment_group (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, max(?, 1))"
        " ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, type = excluded.type,"
        " primary_key = excluded.primary_key, secondary_key = excluded.secondary_key,"
        " organizations = excluded.organizations, enabled = excluded.enabled, etag = etag + 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_row_bind(&q, &ROW, row, ROW.count);
    return store_query_run(&q);
}

spoke_status store_group_delete(struct store *s, const char *id)
{
    static const char SQL[] = "DELETE FROM enrolment_group WHERE id = ?";
    return store_query_change(s, SQL, id);
}

spoke_status store_group_count(struct store *s, size_t *out)
{
    struct store_query q;
    store_query_open(&q, s, "SELECT count(*) FROM enrolment_group");
    return store_query_count(&q, out);
}

spoke_status store_group_each(struct store *s, const char *after, size_t limit,
                              bool (*each)(void *ctx, const struct store_group *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM enrolment_group WHERE id > ? ORDER BY id LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, (int64_t)limit);
    struct store_group row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(&q);
}
