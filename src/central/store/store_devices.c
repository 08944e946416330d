#include "store_row.h"

#define COLUMNS \
    "id, display_name, template_id, model_id, primary_key, secondary_key, group_id, hub_host, " \
    "provisioning_payload, organizations, enabled, provisioned, simulated, approved, created_ms, " \
    "last_seen_ms, etag"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_device, id),
    STORE_MEMBER(struct store_device, display_name),
    STORE_MEMBER(struct store_device, template_id),
    STORE_MEMBER(struct store_device, model_id),
    STORE_MEMBER_SECRET(struct store_device, primary_key),
    STORE_MEMBER_SECRET(struct store_device, secondary_key),
    STORE_MEMBER(struct store_device, group_id),
    STORE_MEMBER(struct store_device, hub_host),
    STORE_MEMBER(struct store_device, provisioning_payload),
    STORE_MEMBER(struct store_device, organizations),
    STORE_MEMBER(struct store_device, enabled),
    STORE_MEMBER(struct store_device, provisioned),
    STORE_MEMBER(struct store_device, simulated),
    STORE_MEMBER(struct store_device, approved),
    STORE_MEMBER(struct store_device, created_ms),
    STORE_MEMBER(struct store_device, last_seen_ms),
    STORE_MEMBER(struct store_device, etag),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_device, MEMBERS);

void store_device_free(struct store_device *row)
{
    store_row_free(&ROW, row);
}

/* The rows that are left, until `each` is false; closes. */
static spoke_status give(struct store_query *q, bool (*each)(void *ctx, const struct store_device *row), void *ctx)
{
    struct store_device row = {0};
    while (store_row_next(q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
    return store_query_close(q);
}

static spoke_status get_one(struct store *s, const char *sql, const char *id, struct store_device *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_device_get(struct store *s, const char *id, struct store_device *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM device WHERE id = ?";
    return get_one(s, SQL, id, out);
}

spoke_status store_device_find_nocase(struct store *s, const char *id, struct store_device *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM device WHERE id = ? COLLATE NOCASE ORDER BY id LIMIT 1";
    return get_one(s, SQL, id, out);
}

/* Being seen is no change that an operator's "etag" should trip over. */
#define CHANGED \
    "(display_name, template_id, model_id, primary_key, secondary_key, group_id, hub_host," \
    " provisioning_payload, organizations, enabled, provisioned, simulated, approved) IS NOT" \
    " (excluded.display_name, excluded.template_id, excluded.model_id, excluded.primary_key," \
    " excluded.secondary_key, excluded.group_id, excluded.hub_host, excluded.provisioning_payload," \
    " excluded.organizations, excluded.enabled, excluded.provisioned, excluded.simulated, excluded.approved)"

spoke_status store_device_put(struct store *s, const struct store_device *row)
{
    /* The first etag comes from the clock, so that a device deleted and made again does not repeat one. */
    static const char SQL[] =
        "INSERT INTO device (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
        " ?15, ?16, max(?15, 1))"
        " ON CONFLICT (id) DO UPDATE SET etag = etag + (" CHANGED "), display_name = excluded.display_name,"
        " template_id = excluded.template_id, model_id = excluded.model_id, primary_key = excluded.primary_key,"
        " secondary_key = excluded.secondary_key, group_id = excluded.group_id, hub_host = excluded.hub_host,"
        " provisioning_payload = excluded.provisioning_payload, organizations = excluded.organizations,"
        " enabled = excluded.enabled, provisioned = excluded.provisioned, simulated = excluded.simulated,"
        " approved = excluded.approved, created_ms = excluded.created_ms, last_seen_ms = excluded.last_seen_ms";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_row_bind(&q, &ROW, row, ROW.count - 1);
    return store_query_run(&q);
}

static spoke_status forget_sessions(struct store *s, const char *id)
{
    /* the device's own and those of its modules, "device/module": behind '/' comes '0' */
    static const char SQL[] =
        "DELETE FROM session WHERE client_id = ?1 OR (client_id > ?1 || '/' AND client_id < ?1 || '0')";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, id);
    return store_query_run(&q);
}

spoke_status store_device_delete(struct store *s, const char *id)
{
    static const char SQL[] = "DELETE FROM device WHERE id = ?";
    spoke_status status = store_values_flush(s); /* while there is a device that they can belong to */
    if (status == SPOKE_OK)
        status = store_message_clear(s, id); /* which counts them; those that go by themselves are not seen */
    if (status == SPOKE_OK)
        status = store_query_change(s, SQL, id);
    return status == SPOKE_OK ? forget_sessions(s, id) : status;
}

spoke_status store_device_each(struct store *s, const char *after, size_t limit,
                               bool (*each)(void *ctx, const struct store_device *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM device WHERE id > ? ORDER BY id LIMIT ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, (int64_t)limit);
    return give(&q, each, ctx);
}

/* An index has the names (format 8). Before the first row stands "", behind the last one a blob: any text is less. */
#define LIST(condition, order) "SELECT " COLUMNS " FROM device WHERE " condition " ORDER BY " order
#define NAME "coalesce(display_name, id)"

spoke_status store_device_list(struct store *s, const struct store_place *place,
                               bool (*each)(void *ctx, const struct store_device *row), void *ctx)
{
    static const char *const SQL[] = {
        [STORE_BY_ID] = LIST("id > ?2", "id"),
        [STORE_BY_ID_DOWN] = LIST("id < ?2", "id DESC"),
        [STORE_BY_NAME] = LIST("(" NAME ", id) > (?1, ?2)", NAME ", id"),
        [STORE_BY_NAME_DOWN] = LIST("(" NAME ", id) < (?1, ?2)", NAME " DESC, id DESC"),
    };
    struct store_query q;
    store_query_open(&q, s, SQL[place->order]);
    store_query_place(&q, place);
    return give(&q, each, ctx);
}

spoke_status store_device_simulated(struct store *s, bool (*each)(void *ctx, const char *id), void *ctx)
{
    static const char SQL[] = "SELECT id FROM device WHERE simulated <> 0 ORDER BY id";
    struct store_query q;
    store_query_open(&q, s, SQL);
    return store_query_each_text(&q, each, ctx);
}

spoke_status store_device_count(struct store *s, size_t *all, size_t *simulated)
{
    static const char SQL[] = "SELECT count(*), coalesce(sum(simulated), 0) FROM device";
    struct store_query q;
    store_query_open(&q, s, SQL);
    const bool found = store_query_row(&q);
    *all = found ? (size_t)store_query_take_int(&q) : 0;
    *simulated = found ? (size_t)store_query_take_int(&q) : 0;
    return store_query_close_found(&q, found);
}
