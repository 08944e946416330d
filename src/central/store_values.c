#include "store_query.h"

static spoke_status write_value(struct store *s, const char *sql, const char *device_id, const char *component,
                                const char *name, const char *json, int64_t at_ms)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    store_query_text(&q, json);
    store_query_int(&q, at_ms);
    (void)store_query_row(&q);
    return store_query_close(&q);
}

spoke_status store_value_put(struct store *s, const char *device_id, const char *component, const char *name,
                             const char *json, int64_t at_ms)
{
    static const char UPDATE[] = "UPDATE telemetry_value SET json = ?4, at_ms = ?5"
                                 " WHERE device_id = ?1 AND component = ?2 AND name = ?3 AND at_ms <= ?5";
    static const char INSERT[] = /* ignored when there is a newer one */
        "INSERT OR IGNORE INTO telemetry_value (device_id, component, name, json, at_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5)";
    spoke_status status = write_value(s, UPDATE, device_id, component, name, json, at_ms);
    if (status != SPOKE_OK || sqlite3_changes(s->db) > 0)
        return status;
    return write_value(s, INSERT, device_id, component, name, json, at_ms);
}

spoke_status store_value_trim(struct store *s, const char *device_id)
{
    static const char SQL[] =
        "DELETE FROM telemetry_value WHERE device_id = ?1 AND (component, name) IN (SELECT component, name"
        " FROM telemetry_value WHERE device_id = ?1 ORDER BY at_ms DESC LIMIT -1 OFFSET ?2)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, STORE_VALUES_KEPT);
    (void)store_query_row(&q);
    return store_query_close(&q);
}

spoke_status store_value_get(struct store *s, const char *device_id, const char *component, const char *name,
                             char **json, int64_t *at_ms)
{
    static const char SQL[] = "SELECT json, at_ms FROM telemetry_value"
                              " WHERE device_id = ? AND component = ? AND name = ?";
    struct store_query q;
    *json = NULL;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    const bool found = store_query_row(&q);
    if (found) {
        store_query_take_text(&q, json);
        *at_ms = store_query_take_int(&q);
    }
    return store_query_close_found(&q, found);
}
