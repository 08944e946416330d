#include <stdlib.h>
#include <string.h>

#include "store_query.h"

void store_twin_free(struct store_twin *row)
{
    free(row->desired);
    free(row->reported);
    free(row->desired_meta);
    free(row->reported_meta);
    memset(row, 0, sizeof *row);
}

spoke_status store_twin_get(struct store *s, const char *device_id, struct store_twin *out)
{
    static const char SQL[] = "SELECT desired, reported, desired_meta, reported_meta, desired_version,"
                              " reported_version FROM twin WHERE device_id = ?";
    struct store_query q;
    memset(out, 0, sizeof *out);
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    const bool found = store_query_row(&q);
    if (found) {
        store_query_take_text(&q, &out->desired);
        store_query_take_text(&q, &out->reported);
        store_query_take_text(&q, &out->desired_meta);
        store_query_take_text(&q, &out->reported_meta);
        out->desired_version = store_query_take_int(&q);
        out->reported_version = store_query_take_int(&q);
    }
    const spoke_status status = store_query_close_found(&q, found);
    if (status != SPOKE_OK)
        store_twin_free(out);
    return status;
}

spoke_status store_twin_put(struct store *s, const char *device_id, const struct store_twin *row)
{
    static const char SQL[] = "INSERT OR REPLACE INTO twin (device_id, desired, reported, desired_meta,"
                              " reported_meta, desired_version, reported_version) VALUES (?, ?, ?, ?, ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, row->desired != NULL ? row->desired : "{}");
    store_query_text(&q, row->reported != NULL ? row->reported : "{}");
    store_query_text(&q, row->desired_meta);
    store_query_text(&q, row->reported_meta);
    store_query_int(&q, row->desired_version);
    store_query_int(&q, row->reported_version);
    return store_query_run(&q);
}
