/* Walks over many rows, for queries: nothing is copied, and somebody may stop them. */
#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define STEPS_BETWEEN_LOOKS 20000 /* of SQLite's machine, about a millisecond */

spoke_status store_open_reader(const struct store *s, struct store **out)
{
    const char *path = sqlite3_db_filename(s->db, "main");
    *out = NULL;
    if (path == NULL || path[0] == '\0')
        return SPOKE_E_UNSUPPORTED;
    struct store *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return SPOKE_E_NO_MEMORY;
    reader->events = STORE_NOT_COUNTED;
    spoke_status status =
        store_status(sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
    if (status == SPOKE_OK)
        status = store_status(
            sqlite3_exec(reader->db, "PRAGMA trusted_schema=OFF; PRAGMA query_only=ON; PRAGMA temp_store=MEMORY",
                         NULL, NULL, NULL));
    if (status == SPOKE_OK)
        *out = reader;
    else
        store_close(reader);
    return status;
}

static const char *text_at(struct store_query *q, int column)
{
    return (const char *)sqlite3_column_text(q->statement, column);
}

static spoke_str bytes_at(struct store_query *q, int column)
{
    const void *bytes = sqlite3_column_blob(q->statement, column);
    return spoke_str_from(bytes, (size_t)sqlite3_column_bytes(q->statement, column));
}

/* An interrupted statement ends with an error; whoever stopped it knows why. */
static spoke_status walk(struct store_query *q, const struct store_scan *scan,
                         void (*take)(struct store_query *, struct store_scanned *))
{
    sqlite3_progress_handler(q->store->db, scan->stop != NULL ? STEPS_BETWEEN_LOOKS : 0, scan->stop, scan->ctx);
    for (bool more = true; more && store_query_row(q);) {
        struct store_scanned row;
        memset(&row, 0, sizeof row);
        take(q, &row);
        more = scan->each(scan->ctx, &row);
    }
    sqlite3_progress_handler(q->store->db, 0, NULL, NULL);
    return store_query_close(q);
}

/* --- messages --- */

#define OF_MESSAGE \
    "m.device_id, m.component, m.at_ms, m.created_ms, m.body, d.provisioned, d.simulated, d.organizations"

static void take_message(struct store_query *q, struct store_scanned *row)
{
    const int64_t received = sqlite3_column_int64(q->statement, 2),
                  created = sqlite3_column_int64(q->statement, 3);
    row->device_id = text_at(q, 0);
    row->component = text_at(q, 1);
    row->at_ms = created != 0 && created < received ? created : received;
    row->body = bytes_at(q, 4);
    row->provisioned = sqlite3_column_int(q->statement, 5) != 0;
    row->simulated = sqlite3_column_int(q->statement, 6) != 0;
    row->organizations = text_at(q, 7);
}

/* A reader's own idea of where the stream ends is as old as its last walk. */
static spoke_status find_bounds(struct store *s, const struct store_scan *scan, int64_t *low, int64_t *high)
{
    static const char LAST[] = "SELECT max(position) FROM event";
    const struct store_event_range range = {
        .device_id = scan->device_id, .kinds = STORE_EVENT_BIT(EVENT_TELEMETRY), .from_ms = scan->from_ms};
    spoke_status status = SPOKE_OK;
    if (sqlite3_db_readonly(s->db, "main") == 1)
        status = store_query_number(s, LAST, &s->position);
    return status == SPOKE_OK ? store_event_bounds(s, &range, low, high) : status;
}

spoke_status store_scan_messages(struct store *s, const struct store_scan *scan)
{
    static const char ONE[] = "SELECT " OF_MESSAGE " FROM device d CROSS JOIN event m ON m.device_id = d.id"
                              " WHERE d.id = ?1 AND (?2 IS NULL OR d.template_id = ?2) AND m.seq >= ?3"
                              " AND m.seq < ?4 AND m.at_ms >= ?5 AND m.kind = 1 ORDER BY m.seq DESC";
    static const char ALL[] =
        "SELECT " OF_MESSAGE " FROM event m CROSS JOIN device d ON d.id = m.device_id"
        " WHERE d.template_id = ?2 AND m.position >= ?3 AND m.position < ?4 AND m.at_ms >= ?5"
        " AND m.kind = 1 ORDER BY m.position DESC";
    struct store_query q;
    int64_t low = 0, high = 0;
    const spoke_status status = find_bounds(s, scan, &low, &high);
    if (status != SPOKE_OK)
        return status;
    store_query_open(&q, s, scan->device_id != NULL ? ONE : ALL);
    store_query_text(&q, scan->device_id);
    store_query_text(&q, scan->template_id);
    store_query_int(&q, low);
    store_query_int(&q, high);
    store_query_int(&q, scan->from_ms);
    return walk(&q, scan, take_message);
}

/* --- devices --- */

static void take_device(struct store_query *q, struct store_scanned *row)
{
    row->device_id = text_at(q, 0);
    row->display_name = text_at(q, 1);
    row->template_id = text_at(q, 2);
    row->enabled = sqlite3_column_int(q->statement, 3) != 0;
    row->provisioned = sqlite3_column_int(q->statement, 4) != 0;
    row->simulated = sqlite3_column_int(q->statement, 5) != 0;
    row->organizations = text_at(q, 6);
    row->reported = bytes_at(q, 7);
    row->cloud = bytes_at(q, 8);
}

spoke_status store_scan_devices(struct store *s, const struct store_scan *scan)
{
#define OF_DEVICE \
    "SELECT d.id, d.display_name, d.template_id, d.enabled AND d.approved, d.provisioned, d.simulated," \
    " d.organizations, t.reported, c.json FROM device d LEFT JOIN twin t ON t.device_id = d.id" \
    " LEFT JOIN cloud_property c ON c.device_id = d.id WHERE "
    static const char OF_TEMPLATE[] = OF_DEVICE "d.template_id = ?1 AND d.id > ?2 ORDER BY d.id";
    static const char ALL[] = OF_DEVICE "d.template_id IS NOT ?1 AND d.id > ?2 ORDER BY d.id";
    struct store_query q;
    store_query_open(&q, s, scan->template_id != NULL ? OF_TEMPLATE : ALL);
    store_query_text(&q, scan->template_id);
    store_query_text(&q, scan->after != NULL ? scan->after : "");
    return walk(&q, scan, take_device);
}
