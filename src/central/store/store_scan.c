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
    "m.device_id, m.component, m.at_ms, m.created_ms, m.body, d.provisioned, d.simulated, d.organizations, m.position"

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
    row->position = sqlite3_column_int64(q->statement, 8);
}

static spoke_status bounds_of(struct store *s, const char *device_id, int64_t from_ms, int64_t *low, int64_t *high)
{
    const struct store_event_range range = {
        .device_id = device_id, .kinds = STORE_EVENT_BIT(EVENT_TELEMETRY), .from_ms = from_ms};
    return store_event_bounds(s, &range, low, high);
}

/* Of one device, or in order of arrival of all that have the template. */
static spoke_status walk_messages(struct store *s, const struct store_scan *scan, const char *device_id,
                                  int64_t low, int64_t high,
                                  void (*take)(struct store_query *, struct store_scanned *))
{
    static const char ONE[] = "SELECT " OF_MESSAGE " FROM device d CROSS JOIN event m ON m.device_id = d.id"
                              " WHERE d.id = ?1 AND (?2 IS NULL OR d.template_id = ?2) AND m.seq >= ?3"
                              " AND m.seq < ?4 AND m.at_ms >= ?5 AND m.kind = 1 AND m.seq > " STORE_CLEARED_UP_TO(
                                  "?1") " ORDER BY m.seq DESC";
    static const char ALL[] =
        "SELECT " OF_MESSAGE " FROM event m CROSS JOIN device d ON d.id = m.device_id"
        " WHERE d.template_id = ?2 AND m.position >= ?3 AND m.position < ?4 AND m.at_ms >= ?5"
        " AND m.kind = 1 AND NOT " STORE_IS_CLEARED("m") " ORDER BY m.position DESC";
    struct store_query q;
    store_query_open(&q, s, device_id != NULL ? ONE : ALL);
    store_query_text(&q, device_id);
    store_query_text(&q, scan->template_id);
    store_query_int(&q, low);
    store_query_int(&q, high);
    store_query_int(&q, scan->from_ms);
    return walk(&q, scan, take);
}

/* --- of a template --- */

#define FEW_DEVICES 256

struct few {
    size_t count;
    char *ids[FEW_DEVICES];
    int64_t low[FEW_DEVICES], high[FEW_DEVICES];
};

static void few_free(struct few *few)
{
    for (size_t i = 0; i < few->count; i++)
        free(few->ids[i]);
    free(few);
}

/* False: it has more than a few, or there is trouble. */
static bool find_few(struct store *s, const char *template_id, struct few *few)
{
    static const char SQL[] = "SELECT id FROM device WHERE template_id = ? LIMIT ?";
    struct store_query q;
    bool good = true;
    store_query_open(&q, s, SQL);
    store_query_text(&q, template_id);
    store_query_int(&q, FEW_DEVICES + 1);
    while (good && store_query_row(&q)) {
        good = few->count < FEW_DEVICES;
        if (good)
            store_query_take_text(&q, &few->ids[few->count++]);
    }
    return store_query_close(&q) == SPOKE_OK && good;
}

/* Going from device to device costs some times as much for a message as going through all of them in turn. */
static bool is_rare(struct store *s, const struct store_scan *scan, struct few *few, int64_t all)
{
    int64_t count = 0;
    if (!find_few(s, scan->template_id, few))
        return false;
    for (size_t i = 0; i < few->count; i++) {
        if (bounds_of(s, few->ids[i], scan->from_ms, &few->low[i], &few->high[i]) != SPOKE_OK)
            return false;
        count += few->high[i] > few->low[i] ? few->high[i] - few->low[i] : 0;
    }
    return count < all / 4;
}

static void take_disordered(struct store_query *q, struct store_scanned *row)
{
    take_message(q, row);
    row->disordered = true;
}

struct enough {
    const struct store_scan *scan;
    bool is;
};

static bool pass_on(void *ctx, const struct store_scanned *row)
{
    struct enough *enough = ctx;
    enough->is = !enough->scan->each(enough->scan->ctx, row);
    return !enough->is;
}

static int ask_stop(void *ctx)
{
    const struct enough *enough = ctx;
    return enough->scan->stop != NULL ? enough->scan->stop(enough->scan->ctx) : 0;
}

static spoke_status walk_few(struct store *s, const struct store_scan *scan, const struct few *few)
{
    struct enough enough = {.scan = scan};
    struct store_scan one = *scan;
    spoke_status status = SPOKE_OK;
    one.each = pass_on;
    one.stop = ask_stop;
    one.ctx = &enough;
    for (size_t i = 0; i < few->count && status == SPOKE_OK && !enough.is; i++)
        status = walk_messages(s, &one, few->ids[i], few->low[i], few->high[i], take_disordered);
    return status;
}

spoke_status store_scan_messages(struct store *s, const struct store_scan *scan)
{
    static const char LAST[] = "SELECT max(position) FROM event";
    int64_t low = 0, high = 0;
    spoke_status status = SPOKE_OK;
    if (sqlite3_db_readonly(s->db, "main") == 1) /* its idea of where the stream ends is as old as its last walk */
        status = store_query_number(s, LAST, &s->position);
    if (status == SPOKE_OK)
        status = bounds_of(s, scan->device_id, scan->from_ms, &low, &high);
    if (status != SPOKE_OK)
        return status;
    struct few *few = scan->device_id == NULL ? calloc(1, sizeof *few) : NULL;
    if (few != NULL && is_rare(s, scan, few, high - low))
        status = walk_few(s, scan, few);
    else
        status = walk_messages(s, scan, scan->device_id, low, high, take_message);
    if (few != NULL)
        few_free(few);
    return status;
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
    static const char ONE[] =
        OF_DEVICE "d.id = ?2 AND d.template_id IS NOT NULL AND (?1 IS NULL OR d.template_id = ?1)";
    struct store_query q;
    store_query_open(&q, s, scan->device_id != NULL ? ONE : scan->template_id != NULL ? OF_TEMPLATE : ALL);
    store_query_text(&q, scan->template_id);
    store_query_text(&q, scan->device_id != NULL ? scan->device_id : scan->after != NULL ? scan->after : "");
    return walk(&q, scan, take_device);
}
