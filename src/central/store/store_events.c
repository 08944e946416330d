/* The event stream. A telemetry message is its event: it is written once. */
#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define LOOK_EVERY 1000u                 /* events */
#define FORGET_AT_ONCE (4u * LOOK_EVERY) /* a store that was larger shrinks by and by, and holds nobody up */

#define COLUMNS \
    "position, kind, device_id, seq, at_ms, created_ms, qos, duplicate, component, message_id, template_id, system," \
    " properties, body"
#define CLEARED_COLUMN 14 /* behind those, of what is read */

static void free_row(struct store_event *row)
{
    free(row->device_id);
    free(row->component);
    free(row->message_id);
    free(row->template_id);
    free(row->system);
    free(row->properties);
    free(row->body);
    memset(row, 0, sizeof *row);
}

/* --- where it goes on --- */

/* Positions are not given twice, also when the last events were cleared away: then a setting remembers. */
#define LAST_POSITION "event-position"

spoke_status store_events_begin(struct store *s)
{
    static const char MAX[] = "SELECT max(position) FROM event";
    static const char KEPT[] = "SELECT CAST(value AS INTEGER) FROM setting WHERE name = '" LAST_POSITION "'";
    int64_t kept = 0;
    spoke_status status = store_query_number(s, MAX, &s->position);
    if (status == SPOKE_OK)
        status = store_query_number(s, KEPT, &kept);
    if (kept > s->position)
        s->position = kept;
    s->committed = s->position;
    if (status == SPOKE_OK)
        status = store_consumers_begin(s);
    return status == SPOKE_OK ? store_clear_begin(s) : status;
}

spoke_status store_events_remember(struct store *s)
{
    static const char SQL[] = "INSERT OR REPLACE INTO setting (name, value) VALUES ('" LAST_POSITION "', ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, s->position);
    return store_query_run(&q);
}

int64_t store_event_last(const struct store *s)
{
    return s->committed;
}

spoke_status store_event_first(struct store *s, int64_t *position)
{
    static const char SQL[] = "SELECT min(position) FROM event WHERE position <= ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, s->committed);
    *position = store_query_row(&q) ? store_query_take_int(&q) : 0;
    return store_query_close(&q);
}

/* --- adding --- */

static spoke_status last_number(struct store *s, const char *device_id, int64_t *seq)
{
    static const char SQL[] = "SELECT max(seq) FROM event WHERE device_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    *seq = store_query_row(&q) ? store_query_take_int(&q) : 0; /* NULL, when there is none, is taken as 0 */
    return store_query_close(&q);
}

/* Where its span begins, below the first number. */
static int64_t span_of(int64_t seq)
{
    return seq / STORE_SEQ_SPAN * STORE_SEQ_SPAN;
}

/* Behind those that are on their way out, and behind the last of them that has just left, a span begins. */
static spoke_status next_number(struct store *s, const char *device_id, int64_t *seq)
{
    int64_t last = 0, cleared = 0;
    spoke_status status = last_number(s, device_id, &last);
    if (status == SPOKE_OK && s->clearing)
        status = store_cleared_up_to(s, device_id, &cleared);
    *seq = (cleared > 0 && last <= cleared ? span_of(cleared) + STORE_SEQ_SPAN : last) + 1;
    return status;
}

/* A device that has events exists, or has existed in this very round; of one that is gone there is at most that it was
 * deleted. So only the first two events have to ask. */
static spoke_status check_device(struct store *s, const struct store_event *row, int64_t seq)
{
    static const char SQL[] = "SELECT 1 FROM device WHERE id = ?";
    struct store_query q;
    if (seq - span_of(seq) > 2 || row->kind == EVENT_DEVICE_DELETED)
        return SPOKE_OK;
    store_query_open(&q, s, SQL);
    store_query_text(&q, row->device_id);
    const bool found = store_query_row(&q);
    return store_query_close_found(&q, found);
}

void store_events_count(struct store *s, int64_t change)
{
    if (s->events != STORE_NOT_COUNTED)
        s->events += change;
}

/* Of a statement that deletes events. */
static spoke_status close_delete(struct store_query *q)
{
    const spoke_status status = store_query_close(q);
    if (status == SPOKE_OK)
        store_events_count(q->store, -sqlite3_changes(q->store->db));
    return status;
}

/* Numbers are dense within a device, so the row that falls out of the window is found by its number. */
static spoke_status forget_up_to(struct store *s, const char *device_id, int64_t seq)
{
    static const char SQL[] = "DELETE FROM event WHERE device_id = ? AND seq > ? AND seq <= ?";
    struct store_query q;
    const int64_t span = span_of(seq + STORE_MESSAGES_KEPT);
    if (seq <= span)
        return SPOKE_OK;
    const spoke_status status = store_consumers_note(s, s->position, device_id, seq);
    if (status != SPOKE_OK)
        return status;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, span);
    store_query_int(&q, seq);
    (void)store_query_row(&q);
    return close_delete(&q);
}

static spoke_status insert(struct store *s, const struct store_event *row, int64_t seq)
{
    static const char SQL[] = "INSERT INTO event (" COLUMNS ") VALUES (?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?,"
                              " ?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, s->position + 1);
    store_query_int(&q, row->kind);
    store_query_text(&q, row->device_id);
    store_query_int(&q, seq);
    store_query_int(&q, row->at_ms);
    store_query_int(&q, row->created_ms);
    store_query_int(&q, row->qos);
    store_query_int(&q, row->duplicate);
    store_query_text(&q, row->component);
    store_query_text(&q, row->message_id);
    store_query_text(&q, row->template_id);
    store_query_text(&q, row->system);
    store_query_text(&q, row->properties);
    store_query_blob(&q, row->body, row->body_len);
    return store_query_run(&q);
}

static void count_new(struct store *s)
{
    s->position++;
    if (!s->begun)
        s->committed = s->position;
    s->added++;
    store_events_count(s, 1);
}

spoke_status store_event_add(struct store *s, const struct store_event *row)
{
    int64_t seq = 0;
    spoke_status status = SPOKE_OK;
    if (row->device_id != NULL) {
        status = next_number(s, row->device_id, &seq);
        if (status == SPOKE_OK)
            status = check_device(s, row, seq);
    }
    if (status == SPOKE_OK)
        status = insert(s, row, seq);
    if (status != SPOKE_OK)
        return status;
    count_new(s);
    return row->device_id != NULL ? forget_up_to(s, row->device_id, seq - STORE_MESSAGES_KEPT) : SPOKE_OK;
}

/* --- forgetting --- */

void store_keep(struct store *s, uint32_t events)
{
    s->keep = events;
}

void store_keep_ms(struct store *s, int64_t age_ms)
{
    s->keep_ms = age_ms;
}

/* Counting all of them takes long, and is left alone while there cannot be too many. Within a device their numbers are
 * dense. */
static spoke_status count_events(struct store *s)
{
    static const char SPAN[] = "SELECT (SELECT max(position) FROM event) - (SELECT min(position) FROM event) + 1";
    static const char COUNT[] =
        "SELECT sum((SELECT max(seq) FROM event WHERE device_id = device.id)"
        " - (SELECT min(seq) FROM event WHERE device_id = device.id AND seq > " STORE_CLEARED_UP_TO(
            "device.id") ") + 1) FROM device";
    int64_t span = 0;
    if (s->events != STORE_NOT_COUNTED)
        return SPOKE_OK;
    const spoke_status status = store_query_number(s, SPAN, &span);
    return status == SPOKE_OK && span > s->keep ? store_query_number(s, COUNT, &s->events) : status;
}

static spoke_status ask_number(struct store *s, const char *sql, int64_t with, int64_t *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_int(&q, with);
    *out = store_query_row(&q) ? store_query_take_int(&q) : 0;
    return store_query_close(&q);
}

/* How many up to that position do not count any more. */
static spoke_status count_cleared(struct store *s, int64_t position, int64_t *count)
{
    static const char SQL[] = "SELECT count(*) FROM event WHERE position <= ? AND " STORE_IS_CLEARED("event");
    *count = 0;
    return s->clearing ? ask_number(s, SQL, position, count) : SPOKE_OK;
}

/* Positions rise in the order that events came, so the oldest have the lowest. */
static spoke_status forget_oldest(struct store *s, int64_t count)
{
    static const char UP_TO[] = "SELECT max(position) FROM (SELECT position FROM event ORDER BY position LIMIT ?)";
    static const char SQL[] = "DELETE FROM event WHERE position <= ?";
    struct store_query q;
    int64_t position = 0, cleared = 0;
    spoke_status status = ask_number(s, UP_TO, count < FORGET_AT_ONCE ? count : FORGET_AT_ONCE, &position);
    if (status == SPOKE_OK)
        status = store_consumers_note(s, position, NULL, 0);
    if (status == SPOKE_OK)
        status = count_cleared(s, position, &cleared);
    if (status != SPOKE_OK)
        return status;
    store_query_open(&q, s, SQL);
    store_query_int(&q, position);
    (void)store_query_row(&q);
    status = close_delete(&q);
    if (status == SPOKE_OK)
        store_events_count(s, cleared);
    return status;
}

static spoke_status forget_old(struct store *s)
{
    static const char NEWEST[] = "SELECT at_ms FROM event ORDER BY position DESC LIMIT 1";
    static const char COUNT[] = "SELECT count(*) FROM (SELECT at_ms FROM event ORDER BY position LIMIT ?2)"
                                " WHERE at_ms < ?1";
    struct store_query q;
    int64_t newest = 0, count = 0;
    if (s->keep_ms == 0)
        return SPOKE_OK;
    spoke_status status = store_query_number(s, NEWEST, &newest);
    if (status != SPOKE_OK)
        return status;
    store_query_open(&q, s, COUNT);
    store_query_int(&q, newest - s->keep_ms);
    store_query_int(&q, FORGET_AT_ONCE);
    count = store_query_row(&q) ? store_query_take_int(&q) : 0;
    status = store_query_close(&q);
    return status == SPOKE_OK && count > 0 ? forget_oldest(s, count) : status;
}

spoke_status store_events_forget(struct store *s)
{
    if (s->added < LOOK_EVERY)
        return SPOKE_OK;
    s->added = 0;
    spoke_status status = count_events(s);
    if (status == SPOKE_OK && s->events > s->keep)
        status = forget_oldest(s, s->events - s->keep);
    return status == SPOKE_OK ? forget_old(s) : status;
}

/* --- reading --- */

static void take(struct store_query *q, struct store_event *row)
{
    memset(row, 0, sizeof *row);
    row->position = store_query_take_int(q);
    if (sqlite3_column_int(q->statement, CLEARED_COLUMN) != 0)
        return;
    row->kind = (enum store_event_kind)store_query_take_int(q);
    store_query_take_text(q, &row->device_id);
    row->seq = store_query_take_int(q);
    row->at_ms = store_query_take_int(q);
    row->created_ms = store_query_take_int(q);
    row->qos = (uint8_t)store_query_take_int(q);
    row->duplicate = store_query_take_int(q) != 0;
    store_query_take_text(q, &row->component);
    store_query_take_text(q, &row->message_id);
    store_query_take_text(q, &row->template_id);
    store_query_take_text(q, &row->system);
    store_query_take_text(q, &row->properties);
    store_query_take_blob(q, &row->body, &row->body_len);
}

spoke_status store_event_span(struct store *s, const char *device_id, int64_t *first, int64_t *last)
{
    static const char SQL[] =
        "SELECT (SELECT min(seq) FROM event WHERE device_id = ?1 AND seq > " STORE_CLEARED_UP_TO(
            "?1") "),"
                  " (SELECT max(seq) FROM event WHERE device_id = ?1 AND seq > " STORE_CLEARED_UP_TO("?1") ")";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    *first = *last = 0;
    if (store_query_row(&q)) {
        *first = store_query_take_int(&q);
        *last = store_query_take_int(&q);
    }
    return store_query_close(&q);
}

/* A number in rising order that events are found by: positions, or those of a device. */
struct scale {
    struct store *store;
    const char *device_id; /* NULL: positions */
};

/* The first event at or behind a number: its own number, when it was, and its position. False: there is none. */
static bool look(const struct scale *scale, int64_t number, int64_t *found, int64_t *at_ms, int64_t *position,
                 spoke_status *status)
{
    static const char ALL[] =
        "SELECT position, at_ms, position FROM event WHERE position >= ? ORDER BY position LIMIT 1";
    static const char ONE[] =
        "SELECT seq, at_ms, position FROM event WHERE seq >= ? AND device_id = ? ORDER BY seq LIMIT 1";
    struct store_query q;
    store_query_open(&q, scale->store, scale->device_id != NULL ? ONE : ALL);
    store_query_int(&q, number);
    if (scale->device_id != NULL)
        store_query_text(&q, scale->device_id);
    const bool row = store_query_row(&q);
    if (row) {
        *found = store_query_take_int(&q);
        *at_ms = store_query_take_int(&q);
        *position = store_query_take_int(&q);
    }
    *status = store_query_close(&q);
    return row;
}

/* The lowest number in [low, high) whose event is at or behind the time and the position; `high` when none is. */
static spoke_status find(const struct scale *scale, int64_t low, int64_t high, int64_t from_ms, int64_t position,
                         int64_t *out)
{
    spoke_status status = SPOKE_OK;
    while (low < high && status == SPOKE_OK) {
        const int64_t middle = low + (high - low) / 2;
        int64_t number = 0, at_ms = 0, at = 0;
        const bool there = look(scale, middle, &number, &at_ms, &at, &status);
        if (status == SPOKE_OK && there && number < high && (at_ms < from_ms || at < position))
            low = number + 1;
        else
            high = middle;
    }
    *out = low;
    return status;
}

spoke_status store_event_bounds(struct store *s, const struct store_event_range *range, int64_t *low,
                                int64_t *high)
{
    static const char LOWEST[] = "SELECT min(position) FROM event";
    const struct scale scale = {s, range->device_id};
    spoke_status status;
    if (range->device_id != NULL) {
        status = store_event_span(s, range->device_id, low, high);
    } else {
        *high = s->position;
        status = store_query_number(s, LOWEST, low);
        *low = *low > range->after ? *low : range->after + 1;
    }
    ++*high;
    if (range->device_id == NULL && range->before != 0 && range->before < *high)
        *high = range->before;
    const bool narrow = range->from_ms > 0 || (range->device_id != NULL && range->after > 0);
    if (status == SPOKE_OK && narrow)
        status = find(&scale, *low, *high, range->from_ms, range->after + 1, low);
    if (status == SPOKE_OK && range->device_id != NULL && range->before != 0 && range->before <= s->position)
        status = find(&scale, *low, *high, 0, range->before, high);
    if (status == SPOKE_OK && range->to_ms != 0)
        status = find(&scale, *low, *high, range->to_ms, 0, high);
    return status;
}

#define ALL_EVENTS(WHERE, ORDER) \
    "SELECT " COLUMNS ", " STORE_IS_CLEARED( \
        "event") " FROM event " WHERE " position >= ?1 AND position < ?2 AND at_ms >= ?3 AND at_ms < ?4" \
                 " AND ((?5 >> kind) & 1) AND +position > ?6 AND +position < ?7 ORDER BY position " ORDER \
                 " LIMIT ?8"
#define ONE_DEVICE(WHERE, ORDER) \
    "SELECT " COLUMNS ", 0 FROM event " WHERE \
    " device_id = ?9 AND seq >= ?1 AND seq < ?2 AND at_ms >= ?3 AND at_ms < ?4" \
    " AND ((?5 >> kind) & 1) AND +position > ?6 AND +position < ?7 ORDER BY seq " ORDER " LIMIT ?8"
#define RARE "INDEXED BY event_rare WHERE kind <> 1 AND"
#define RARE_OF_DEVICE "INDEXED BY event_rare_of_device WHERE kind <> 1 AND"

static const char *reading(const struct store_event_range *range)
{
    static const char *const SQL[2][2][2] = {
        {{ALL_EVENTS("WHERE", "ASC"), ALL_EVENTS("WHERE", "DESC")},
         {ALL_EVENTS(RARE, "ASC"), ALL_EVENTS(RARE, "DESC")}},
        {{ONE_DEVICE("WHERE", "ASC"), ONE_DEVICE("WHERE", "DESC")},
         {ONE_DEVICE(RARE_OF_DEVICE, "ASC"), ONE_DEVICE(RARE_OF_DEVICE, "DESC")}},
    };
    const bool rare = range->kinds != 0 && (range->kinds & STORE_EVENT_BIT(EVENT_TELEMETRY)) == 0;
    return SQL[range->device_id != NULL][rare][range->newest_first];
}

spoke_status store_event_each(struct store *s, const struct store_event_range *range, size_t limit,
                              bool (*each)(void *ctx, const struct store_event *row), void *ctx)
{
    struct store_query q;
    const uint64_t most = limit; /* which a size_t of 32 bits never exceeds */
    int64_t low = 0, high = 0;
    const spoke_status status = store_event_bounds(s, range, &low, &high);
    if (status != SPOKE_OK || low >= high)
        return status;
    store_query_open(&q, s, reading(range));
    store_query_int(&q, low);
    store_query_int(&q, high);
    store_query_int(&q, range->from_ms);
    store_query_int(&q, range->to_ms != 0 ? range->to_ms : INT64_MAX);
    store_query_int(&q, range->kinds != 0 ? (int64_t)(range->kinds & INT64_MAX) : INT64_MAX);
    store_query_int(&q, range->after);
    store_query_int(&q, range->before != 0 ? range->before : INT64_MAX);
    store_query_int(&q, most < INT64_MAX ? (int64_t)most : INT64_MAX);
    if (range->device_id != NULL)
        store_query_text(&q, range->device_id);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_event row;
        take(&q, &row);
        more = q.status == SPOKE_OK && each(ctx, &row);
        free_row(&row);
    }
    return store_query_close(&q);
}

/* --- telemetry --- */

spoke_status store_message_add(struct store *s, const struct store_message *row)
{
    const struct store_event event = {.kind = EVENT_TELEMETRY,
                                      .at_ms = row->at_ms,
                                      .created_ms = row->created_ms,
                                      .qos = row->qos,
                                      .duplicate = row->duplicate,
                                      .device_id = row->device_id,
                                      .component = row->component,
                                      .message_id = row->message_id,
                                      .system = row->system,
                                      .properties = row->properties,
                                      .body = row->body,
                                      .body_len = row->body_len};
    return store_event_add(s, &event);
}

static struct store_message as_message(const struct store_event *event)
{
    return (struct store_message){.seq = event->seq,
                                  .at_ms = event->at_ms,
                                  .created_ms = event->created_ms,
                                  .qos = event->qos,
                                  .duplicate = event->duplicate,
                                  .device_id = event->device_id,
                                  .component = event->component,
                                  .message_id = event->message_id,
                                  .system = event->system,
                                  .properties = event->properties,
                                  .body = event->body,
                                  .body_len = event->body_len};
}

spoke_status store_message_each(struct store *s, const char *device_id, int64_t after_seq, size_t limit,
                                bool (*each)(void *ctx, const struct store_message *row), void *ctx)
{
    static const char SQL[] =
        "SELECT " COLUMNS ", 0 FROM event WHERE device_id = ?1 AND seq > ?2 AND seq > " STORE_CLEARED_UP_TO(
            "?1") " AND kind = 1 ORDER BY seq LIMIT ?3";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, after_seq);
    store_query_int(&q, (int64_t)limit);
    for (bool more = true; more && store_query_row(&q);) {
        struct store_event event;
        take(&q, &event);
        const struct store_message row = as_message(&event);
        more = q.status == SPOKE_OK && each(ctx, &row);
        free_row(&event);
    }
    return store_query_close(&q);
}

spoke_status store_message_tail(struct store *s, const char *device_id, int64_t count, int64_t *after_seq)
{
    const spoke_status status = last_number(s, device_id, after_seq);
    *after_seq = *after_seq > count ? *after_seq - count : 0;
    return status;
}

spoke_status store_message_known(struct store *s, const char *device_id, const char *message_id, bool *known)
{
    static const char SQL[] = "SELECT 1 FROM event WHERE device_id = ?1 AND message_id = ?2"
                              " AND seq > " STORE_CLEARED_UP_TO("?1") " LIMIT 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, message_id);
    *known = store_query_row(&q);
    return store_query_close(&q);
}
