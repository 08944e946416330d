/* An append-only log of records over flash-like blocks, used as a circle: the oldest block's living records are moved
 * forward, then it is erased. Power may go at any program or erase: what was synced stays, what was not is whole or
 * absent. Records name their place in time by `seq`; when two carry the same, they are copies of one. Which records
 * still live, only the owner knows (queue.c). Pure but for the storage; no heap.
 *
 *     log_open(&log, storage, &owner, scratch, sizeof scratch, random_id);   calls owner.found for what waits
 *     log_append(&log, &record, head, body, &where);                         durable on return
 *     log_mark(&log, &done);                                                 once a round
 *
 * After E_PORT the log goes on with what the storage still takes; what was appended before is not touched.
 *
 * Format, recovery, wear: docs/reliability.md.
 */
#ifndef SPOKE_SRC_QUEUE_LOG_H
#define SPOKE_SRC_QUEUE_LOG_H

#include <spoke/base.h>
#include <spoke/platform.h>

#define LOG_LANES 4u
#define LOG_SINGLES 16u /* most records done out of order that one mark names; a run counts as two */
#define LOG_RUNS 4u     /* most runs among them */

/* What is kept with a payload. */
struct log_record {
    uint32_t seq; /* order of acceptance; compares as serial numbers do, so it may wrap */
    uint32_t id;  /* the program's; 0: none */
    uint32_t ttl_s;
    uint32_t head_bytes, body_bytes;
    int64_t created_ms; /* UTC since 1970; 0: unknown */
    uint8_t lane;
    uint8_t flags; /* the owner's */
};

/* All of a lane from one seq through another. */
struct log_run {
    uint32_t from, to;
    uint8_t lane;
};

/* How far the owner has got: below[lane] and everything before it in that lane is done, and so are the singles (any
 * lane) and the runs. In a lane where nothing lives below[] is the newest seq of all, so that serial comparison never
 * gets old; 0 before the first record. What an earlier mark said stays said: log_mark takes the later of both for each
 * lane, and keeps earlier singles and runs as long as there is room; a run of the same lane that begins alike replaces
 * one. */
struct log_mark {
    uint32_t below[LOG_LANES];
    struct log_run runs[LOG_RUNS];
    uint32_t singles[LOG_SINGLES];
    size_t run_count, single_count;
};

/* The owner's answers; none may call the log. */
struct log_owner {
    void *ctx;
    /* During log_open: a record that no mark has done; copies come again, the last one counts. */
    spoke_status (*found)(void *ctx, const struct log_record *record, uint32_t where);
    /* During log_append and log_mark: is the record at this place still wanted? And: it is at `to` now. */
    bool (*lives)(void *ctx, uint32_t seq, uint32_t where);
    void (*moved)(void *ctx, uint32_t seq, uint32_t from, uint32_t to);
};

struct log {
    const spoke_storage *storage;
    struct log_owner owner;
    uint8_t *scratch; /* programs and reads pass through it, within a call */
    size_t scratch_bytes;
    uint32_t store_id;          /* random, from the first format on: names this storage in message ids */
    uint32_t head, head_offset; /* block being filled, where the next record goes */
    uint32_t head_end;          /* behind the last good record of the head; + 1: a power cut closed it */
    uint32_t tail;              /* oldest block in use */
    uint32_t block_seq;         /* of the head */
    uint32_t next_seq;          /* above every seq ever seen in the storage */
    uint32_t doubtful;          /* so many blocks yet to be begun may only look erased, since a sync failed */
    struct log_mark mark;       /* all that was ever told */
    uint32_t window_block, window_offset, window_bytes; /* what of the storage stands in scratch */
    uint64_t programs, erases;                          /* calls of the storage */
    uint64_t faults; /* records and blocks that were lost to damage; not what a power cut left unfinished */
};

/* Least scratch. More makes fewer, larger programs; best is log_record_bytes of the usual message. */
size_t log_scratch_bytes(const spoke_storage *storage);
/* Most payload (head and body) of one record; 0: these sizes cannot work. */
uint32_t log_most_bytes(const spoke_storage *storage);
/* Bytes that a payload takes in the log; and how many such bytes may live at once so that there is always room for
 * the next record, when no payload is larger than most_payload. A storage filled beyond seven eighths would move its
 * content too often, so less counts as full. */
uint32_t log_record_bytes(const spoke_storage *storage, uint32_t payload_bytes);
uint64_t log_capacity(const spoke_storage *storage, uint32_t most_payload);

/* Reads everything, formats what was never formatted (with `store_id`), reports records by `found` in the order in
 * which they stand: by seq, but for those that were moved. E_ARG: the sizes cannot work. E_PORT: the storage failed.
 * E_PROTOCOL: it holds something of another program or version: nothing was changed. Else what `found` answered. */
spoke_status log_open(struct log *log, const spoke_storage *storage, const struct log_owner *owner,
                      uint8_t *scratch, size_t scratch_bytes, uint32_t store_id);
/* Appends and syncs. E_FULL: too much lives (the owner keeps below log_capacity, so it does not come). E_TOO_LARGE:
 * beyond log_most_bytes. E_PORT: not accepted, though it may be found after a restart. */
spoke_status log_append(struct log *log, const struct log_record *record, spoke_str head, spoke_str body,
                        uint32_t *where);
/* Tells how far the owner has got; not synced: a mark that is lost costs duplicates. */
spoke_status log_mark(struct log *log, const struct log_mark *mark);
/* All that was told so far, marks too, is durable. E_PORT. */
spoke_status log_sync(struct log *log);
/* Reads head and body, one behind the other, into out (appended), and checks them. E_NOT_FOUND: no whole record stands
 * there; E_PORT: the storage failed, and may work again; E_TOO_SMALL: out has no room. */
spoke_status log_read(struct log *log, uint32_t where, struct log_record *record, spoke_buf *out);
/* Can anything at all be read? */
bool log_answers(struct log *log);

#endif
