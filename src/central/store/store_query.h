/* One SQL statement from binding to reset, with the first error kept: what store_*.c are written with.
 *
 *     struct store_query q;
 *     store_query_open(&q, s, SQL);
 *     store_query_text(&q, id);
 *     while (store_query_row(&q)) ... store_query_take_text(&q, &row.name) ...
 *     return store_query_close(&q);
 */
#ifndef SPOKE_SRC_CENTRAL_STORE_QUERY_H
#define SPOKE_SRC_CENTRAL_STORE_QUERY_H

#include <sqlite3.h>

#include "base/list.h"
#include "store.h"

#define STORE_STATEMENTS 160
#define STORE_APPLICATION_ID 0x53504f4b /* "SPOK": tells our file from anybody else's SQLite file */
#define STORE_NOT_COUNTED (-1)

struct checkpoint;
struct schema;

struct store {
    sqlite3 *db;
    const struct schema *schema;
    bool begun;
    int64_t position, committed; /* of the last event: that there is, and that is committed */
    int64_t slowest;             /* consumer's position; INT64_MAX: there is none */
    bool lost;                   /* events that one of them had not read */
    uint32_t keep;               /* events of all devices */
    int64_t keep_ms;             /* 0: of any age */
    uint32_t added;              /* since it was last looked whether there are more */
    int64_t events;              /* that there are; STORE_NOT_COUNTED: to be counted when it matters */
    bool clearing;               /* events that were cleared are still in the file */
    bool spoilt;                 /* values of this transaction are lost: it must not be committed */
    struct list noted;           /* values that wait for the commit */
    void *noted_by_name;         /* the same, root of tsearch */
    bool durable;
    int log_pages, log_from;       /* of the write-ahead log: that there are, and from how many on it is emptied */
    struct checkpoint *checkpoint; /* the thread that does; NULL: it was not needed yet */
    size_t statement_count;
    struct {
        const char *sql; /* compared as a pointer: the text is static */
        sqlite3_stmt *statement;
    } statements[STORE_STATEMENTS];
};

/* Makes the file for its owner only, before SQLite opens it, so that the keys inside are never readable by others; -wal
 * and -shm inherit it. */
spoke_status store_make_private(const char *path, char *why, size_t why_cap);

struct store_query {
    struct store *store;
    sqlite3_stmt *statement;
    int bound, taken; /* parameters and columns used so far */
    bool own;         /* not from the cache: finalized when closed */
    spoke_status status;
};

void store_query_open(struct store_query *q, struct store *s, const char *sql);
/* Bind the next parameter. The bytes must live until the close. NULL text binds SQL's NULL. */
void store_query_text(struct store_query *q, const char *text);
void store_query_blob(struct store_query *q, const void *bytes, size_t len);
void store_query_int(struct store_query *q, int64_t value);
/* The name and the id of a place, as ?1 and ?2. */
void store_query_place(struct store_query *q, const struct store_place *place);
/* The next row; false at the end and on an error. */
bool store_query_row(struct store_query *q);
/* Take the next column. Text and blob are copied to the heap; a failed copy becomes the query's status. */
void store_query_take_text(struct store_query *q, char **out);
void store_query_take_blob(struct store_query *q, void **out, size_t *len);
int64_t store_query_take_int(struct store_query *q);
/* Gives `each` the one column of each row that is left until it is false, and closes. The text lives until it returns. */
spoke_status store_query_each_text(struct store_query *q, bool (*each)(void *ctx, const char *text), void *ctx);
spoke_status store_query_close(struct store_query *q);
/* For a query that has to hit one row: E_NOT_FOUND when `found` is false. */
spoke_status store_query_close_found(struct store_query *q, bool found);

/* Run what answers no rows, and close. _found: E_NOT_FOUND when it changed none. */
spoke_status store_query_run(struct store_query *q);
spoke_status store_query_run_found(struct store_query *q);
/* The one number of a SELECT count(*), and closes; 0 on an error. */
spoke_status store_query_count(struct store_query *q, size_t *out);
/* The one text that a SELECT by an id finds, on the heap; NULL unless it answers SPOKE_OK. E_NOT_FOUND: no such row. */
spoke_status store_query_find_text(struct store *s, const char *sql, const char *id, char **out);
/* Runs a statement whose one parameter is an id. E_NOT_FOUND: it changed no row. */
spoke_status store_query_change(struct store *s, const char *sql, const char *id);

/* Values were lost, or SQLite has ended the transaction by itself: what is written now would be kept without the rest. */
bool store_spoilt(const struct store *s);

/* Writes the values that wait. Whether it worked or not, none waits any more; a failure spoils the transaction. */
spoke_status store_values_flush(struct store *s);

/* --- store_clear.c: events that are on their way out --- */

/* A device counts its events in one span of numbers. While those of another one that had its id are on their way out, it
 * has the next span. */
#define STORE_SEQ_SPAN (INT64_C(1) << 40)
/* Its events up to that number are; 0: none. */
#define STORE_CLEARED_UP_TO(device) "(SELECT coalesce(max(seq), 0) FROM cleared WHERE device_id = " device ")"
spoke_status store_cleared_up_to(struct store *s, const char *device_id, int64_t *seq);
/* For a row of `event`: it is. As a rule that costs a comparison. */
#define STORE_IS_CLEARED(event) \
    "(" event \
    ".position <= (SELECT coalesce(max(position), 0) FROM cleared) AND EXISTS (SELECT 1 FROM cleared AS c" \
    " WHERE c.device_id = " event ".device_id AND " event ".seq <= c.seq))"
/* Looks whether there are any: at the start, and when what was written is gone again. */
spoke_status store_clear_begin(struct store *s);

/* The first and last number of a device's events; zeros: it has none. */
spoke_status store_event_span(struct store *s, const char *device_id, int64_t *first, int64_t *last);
/* So many more events are there, or fewer. */
void store_events_count(struct store *s, int64_t change);
/* Positions are not given twice, also when the last events were cleared. */
spoke_status store_events_remember(struct store *s);
/* Forgets the oldest events beyond `keep` and `keep_ms`, now and then. Before a commit. */
spoke_status store_events_forget(struct store *s);
/* Where the stream goes on. At the start, and when what was written is gone again. */
spoke_status store_events_begin(struct store *s);
/* The numbers, positions or those of one device, among which the events of a range are: from low on, and below high. */
spoke_status store_event_bounds(struct store *s, const struct store_event_range *range, int64_t *low,
                                int64_t *high);
/* Those up to that position are about to go: of all devices, or with `device_id` those of one up to `seq`. */
spoke_status store_consumers_note(struct store *s, int64_t position, const char *device_id, int64_t seq);
/* --- store_checkpoint.c: the write-ahead log --- */
void store_checkpoint_begin(struct store *s);
void store_checkpoint(struct store *s); /* after a commit */
void store_checkpoint_end(struct store *s);

/* Looks who is the slowest. */
spoke_status store_consumers_begin(struct store *s);
/* One number that a statement without parameters answers; 0 for NULL. */
spoke_status store_query_number(struct store *s, const char *sql, int64_t *out);

spoke_status store_status(int sqlite_code); /* extended result codes */

#endif
