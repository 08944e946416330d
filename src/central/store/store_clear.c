/* Events of a device that is gone, or was cleared: nobody sees them from that moment on, and more than a few of them leave
 * the file in pieces, so that nobody waits for it. The table `cleared` says up to which of its numbers a device's events
 * are on their way out; a new device of that id counts on in a span of numbers of its own (STORE_SEQ_SPAN). */
#include <stdlib.h>

#include "store_query.h"

enum { AT_ONCE = 256, PIECE = 64 };

spoke_status store_clear_begin(struct store *s)
{
    static const char SQL[] = "SELECT EXISTS (SELECT 1 FROM cleared)";
    int64_t some = 0;
    const spoke_status status = store_query_number(s, SQL, &some);
    s->clearing = some != 0;
    return status;
}

bool store_clearing(const struct store *s)
{
    return s->clearing;
}

/* The one number that a SELECT answers of a device; 0 for NULL. */
static spoke_status number_of(struct store *s, const char *sql, const char *device_id, int64_t *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, device_id);
    *out = store_query_row(&q) ? store_query_take_int(&q) : 0;
    return store_query_close(&q);
}

spoke_status store_cleared_up_to(struct store *s, const char *device_id, int64_t *seq)
{
    static const char SQL[] = "SELECT " STORE_CLEARED_UP_TO("?1");
    return number_of(s, SQL, device_id, seq);
}

static spoke_status mark(struct store *s, const char *device_id, int64_t seq)
{
    static const char SQL[] = "INSERT OR REPLACE INTO cleared (device_id, seq, position) VALUES (?, ?, ?)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, seq);
    store_query_int(&q, s->position);
    s->clearing = true;
    return store_query_run(&q);
}

static spoke_status remove_up_to(struct store *s, const char *device_id, int64_t seq)
{
    static const char SQL[] = "DELETE FROM event WHERE device_id = ? AND seq <= ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, seq);
    return store_query_run(&q);
}

spoke_status store_message_clear(struct store *s, const char *device_id)
{
    int64_t first = 0, last = 0, before = 0;
    spoke_status status = store_event_span(s, device_id, &first, &last);
    if (status == SPOKE_OK)
        status = store_cleared_up_to(s, device_id, &before);
    if (status != SPOKE_OK || last == 0)
        return status;
    if (before == 0 && last - first < AT_ONCE)
        status = remove_up_to(s, device_id, last);
    else
        status = mark(s, device_id, last);
    if (status == SPOKE_OK)
        store_events_count(s, first - last - 1); /* numbers are dense within a device */
    return status == SPOKE_OK ? store_events_remember(s) : status;
}

/* --- a piece --- */

/* Of all that is cleared, what was cleared first. False: nothing is, or there is trouble. */
static bool find_first(struct store *s, char **device_id, int64_t *up_to, spoke_status *status)
{
    static const char SQL[] = "SELECT device_id, seq FROM cleared ORDER BY position LIMIT 1";
    struct store_query q;
    *device_id = NULL;
    store_query_open(&q, s, SQL);
    const bool found = store_query_row(&q);
    if (found) {
        store_query_take_text(&q, device_id);
        *up_to = store_query_take_int(&q);
    }
    *status = store_query_close(&q);
    return found && *status == SPOKE_OK;
}

spoke_status store_clear_some(struct store *s)
{
    static const char LOWEST[] = "SELECT min(seq) FROM event WHERE device_id = ?"; /* NULL: there is none */
    static const char DONE[] = "DELETE FROM cleared WHERE device_id = ?";
    char *device_id = NULL;
    int64_t up_to = 0, lowest = 0;
    spoke_status status;
    if (find_first(s, &device_id, &up_to, &status)) {
        status = number_of(s, LOWEST, device_id, &lowest);
        const bool more = lowest > 0 && lowest <= up_to;
        if (status == SPOKE_OK && more)
            status = remove_up_to(s, device_id, up_to - lowest < PIECE ? up_to : lowest + PIECE - 1);
        else if (status == SPOKE_OK)
            status = store_query_change(s, DONE, device_id);
    }
    free(device_id);
    return status == SPOKE_OK ? store_clear_begin(s) : status;
}
