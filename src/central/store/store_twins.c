#include "store_row.h"

#define COLUMNS "desired, reported, desired_meta, reported_meta, desired_version, reported_version"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_twin, desired),         STORE_MEMBER(struct store_twin, reported),
    STORE_MEMBER(struct store_twin, desired_meta),    STORE_MEMBER(struct store_twin, reported_meta),
    STORE_MEMBER(struct store_twin, desired_version), STORE_MEMBER(struct store_twin, reported_version),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_twin, MEMBERS);

void store_twin_free(struct store_twin *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_twin_get(struct store *s, const char *device_id, struct store_twin *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM twin WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_twin_put(struct store *s, const char *device_id, const struct store_twin *row)
{
    static const char SQL[] = "INSERT OR REPLACE INTO twin (device_id, " COLUMNS ") VALUES (?1,"
                              " coalesce(?2, '{}'), coalesce(?3, '{}'), ?4, ?5, ?6, ?7)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_row_bind(&q, &ROW, row, ROW.count);
    return store_query_run(&q);
}
