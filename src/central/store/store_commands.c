#include <stdlib.h>

#include "store_query.h"

static spoke_status forget_before(struct store *s, const char *device_id)
{
    static const char SQL[] = "DELETE FROM command WHERE device_id = ?1 AND"
                              " seq <= (SELECT max(seq) FROM command WHERE device_id = ?1) - ?2";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, STORE_COMMANDS_KEPT);
    return store_query_run(&q);
}

spoke_status store_command_add(struct store *s, const char *device_id, const char *component, const char *name,
                               const char *json)
{
    static const char SQL[] = "INSERT INTO command (device_id, seq, component, name, json) VALUES (?1,"
                              " (SELECT coalesce(max(seq), 0) + 1 FROM command WHERE device_id = ?1), ?2, ?3, ?4)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    store_query_text(&q, json);
    const spoke_status status = store_query_run(&q);
    return status == SPOKE_OK ? forget_before(s, device_id) : status;
}

spoke_status store_command_each(struct store *s, const char *device_id, const char *component, const char *name,
                                bool (*each)(void *ctx, const char *json), void *ctx)
{
    static const char SQL[] =
        "SELECT json FROM command WHERE device_id = ? AND component = ? AND name = ? ORDER BY seq";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    return store_query_each_text(&q, each, ctx);
}
