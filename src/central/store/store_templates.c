#include "store_row.h"

#define COLUMNS "id, model_id, json, etag, name"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_template, id),   STORE_MEMBER(struct store_template, model_id),
    STORE_MEMBER(struct store_template, json), STORE_MEMBER(struct store_template, etag),
    STORE_MEMBER(struct store_template, name),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_template, MEMBERS);

void store_template_free(struct store_template *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_template_get(struct store *s, const char *id, struct store_template *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM device_template WHERE id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_template_of_model(struct store *s, const char *model_id, char **id)
{
    static const char SQL[] = "SELECT id FROM device_template WHERE model_id = ?";
    return store_query_find_text(s, SQL, model_id, id);
}

spoke_status store_template_put(struct store *s, const struct store_template *row)
{
    static const char SQL[] =
        "INSERT INTO device_template (" COLUMNS ") VALUES (?1, ?2, ?3, max(?4, 1),"
        " coalesce(json_extract(?3, '$.displayName'), ?1)) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " etag = etag + ((model_id, json) IS NOT (excluded.model_id, excluded.json)),"
        " model_id = excluded.model_id, json = excluded.json";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_row_bind(&q, &ROW, row, ROW.count - 1);
    return store_query_run(&q);
}

spoke_status store_template_delete(struct store *s, const char *id)
{
    static const char SQL[] = "DELETE FROM device_template WHERE id = ?";
    return store_query_change(s, SQL, id);
}

spoke_status store_template_each(struct store *s, const char *after, size_t limit,
                                 bool (*each)(void *ctx, const struct store_template *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM device_template WHERE id > ? ORDER BY id LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, (int64_t)limit);
    struct store_template row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(&q);
}

/* An index has the names. */
#define LIST(condition, order) "SELECT " COLUMNS " FROM device_template WHERE " condition " ORDER BY " order

spoke_status store_template_list(struct store *s, const struct store_place *place,
                                 bool (*each)(void *ctx, const struct store_template *row), void *ctx)
{
    static const char *const SQL[] = {
        [STORE_BY_ID] = LIST("id > ?2", "id"),
        [STORE_BY_ID_DOWN] = LIST("id < ?2", "id DESC"),
        [STORE_BY_NAME] = LIST("(name, id) > (?1, ?2)", "name, id"),
        [STORE_BY_NAME_DOWN] = LIST("(name, id) < (?1, ?2)", "name DESC, id DESC"),
    };
    struct store_query q;
    store_query_open(&q, s, SQL[place->order]);
    store_query_place(&q, place);
    struct store_template row = {0};
    while (store_row_next(&q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(&q);
}

spoke_status store_template_count(struct store *s, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM device_template";
    struct store_query q;
    store_query_open(&q, s, SQL);
    return store_query_count(&q, out);
}

spoke_status store_template_users(struct store *s, const char *id, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM device WHERE template_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_query_count(&q, out);
}

spoke_status store_template_versions(struct store *s, const char *stem, bool (*each)(void *ctx, const char *id),
                                     void *ctx)
{
    static const char SQL[] =
        "SELECT id FROM device_template WHERE id >= ?1 AND id < ?1 || ':'"; /* digits come before it */
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, stem);
    return store_query_each_text(&q, each, ctx);
}

spoke_status store_template_waiting(struct store *s, const char *model_id,
                                    bool (*each)(void *ctx, const char *device_id), void *ctx)
{
    static const char SQL[] = "SELECT id FROM device WHERE model_id = ? AND template_id IS NULL";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, model_id);
    return store_query_each_text(&q, each, ctx);
}

spoke_status store_template_adopt(struct store *s, const char *id, const char *model_id, size_t *out)
{
    static const char SQL[] = "UPDATE device SET template_id = ?, etag = etag + 1"
                              " WHERE model_id = ? AND template_id IS NULL";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    store_query_text(&q, model_id);
    (void)store_query_row(&q);
    *out = q.status == SPOKE_OK ? (size_t)sqlite3_changes(s->db) : 0;
    return store_query_close(&q);
}

/* --- cloud properties --- */

spoke_status store_cloud_get(struct store *s, const char *device_id, char **json)
{
    static const char SQL[] = "SELECT json FROM cloud_property WHERE device_id = ?";
    return store_query_find_text(s, SQL, device_id, json);
}

spoke_status store_cloud_put(struct store *s, const char *device_id, const char *json)
{
    static const char SQL[] = "INSERT OR REPLACE INTO cloud_property (device_id, json) VALUES (?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, json);
    return store_query_run(&q);
}

/* --- misfits --- */

#define MISFITS "unmodeled, wrong_type, last_ms, last_reason"

static const struct store_member MISFIT_MEMBERS[] = {
    STORE_MEMBER(struct store_misfits, unmodeled),
    STORE_MEMBER(struct store_misfits, wrong_type),
    STORE_MEMBER(struct store_misfits, last_ms),
    STORE_MEMBER(struct store_misfits, last_reason),
};
static const struct store_layout MISFIT_ROW = STORE_LAYOUT(struct store_misfits, MISFIT_MEMBERS);

void store_misfits_free(struct store_misfits *row)
{
    store_row_free(&MISFIT_ROW, row);
}

spoke_status store_misfits_add(struct store *s, const char *device_id, const struct store_misfits *more)
{
    static const char SQL[] = "INSERT INTO misfit (device_id, " MISFITS ") VALUES (?, ?, ?, ?, ?)"
                              " ON CONFLICT (device_id) DO UPDATE SET unmodeled = unmodeled + excluded.unmodeled,"
                              " wrong_type = wrong_type + excluded.wrong_type, last_ms = excluded.last_ms,"
                              " last_reason = excluded.last_reason";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, more->unmodeled);
    store_query_int(&q, more->wrong_type);
    store_query_int(&q, more->last_ms);
    store_query_text(&q, more->last_reason != NULL ? more->last_reason : "");
    return store_query_run(&q);
}

spoke_status store_misfits_get(struct store *s, const char *device_id, struct store_misfits *out)
{
    static const char SQL[] = "SELECT " MISFITS " FROM misfit WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    const spoke_status status = store_row_get(&q, &MISFIT_ROW, out);
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}
