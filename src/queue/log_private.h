/* What the log's files share: log.c (append, mark, read), log_walk.c (reading a block), log_write.c (programming one),
 * log_turn.c (room: next block, oldest block), log_open.c (recovery), log_format.c (bytes). */
#ifndef SPOKE_SRC_QUEUE_LOG_PRIVATE_H
#define SPOKE_SRC_QUEUE_LOG_PRIVATE_H

#include "queue/log_format.h"

/* --- the circle --- */

static inline uint32_t log_next(const struct log *log, uint32_t block)
{
    return block + 1 == log->storage->block_count ? 0 : block + 1;
}

/* How many blocks lie from one to the other, in the direction of writing. */
static inline uint32_t log_distance(const struct log *log, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + log->storage->block_count - from;
}

/* Sequence number of a block in use: they count along the circle up to the head. */
static inline uint32_t log_seq_of(const struct log *log, uint32_t block)
{
    return log->block_seq - log_distance(log, block, log->head);
}

/* Blocks out of use. */
static inline uint32_t log_free(const struct log *log)
{
    return log->storage->block_count - 1 - log_distance(log, log->tail, log->head);
}

static inline uint32_t log_where(const struct log *log, uint32_t block, uint32_t offset)
{
    return block * log->storage->block_bytes + offset;
}

/* --- log_walk.c: the records of one block, in order --- */

struct log_entry {
    enum log_kind kind;
    uint32_t offset;
    uint32_t tail_seq; /* of a mark: what is before this block was let go */
    union {
        struct log_record record;
        struct log_mark mark;
    } as;
};

/* Damage is stepped over, a unit at a time where not even a length can be trusted, up to the next whole record. */
struct log_walk {
    struct log *log;
    uint32_t block, offset, limit;
    uint32_t good_end; /* behind the last whole record so far */
    uint32_t faults;   /* stretches of damage that no power cut can have made */
    uint32_t damaged;  /* those of which that is not known yet */
    uint32_t since;    /* whole data records behind the last of them */
    bool closed;       /* all before `limit` was good when the next block was begun */
    bool stretch;      /* within one */
};

/* Bytes [offset, offset + len) of a block, len at most LOG_PIECE; valid until the next call or program. */
spoke_status log_view(struct log *log, uint32_t block, uint32_t offset, uint32_t len, const uint8_t **out);
spoke_status log_block_of(struct log *log, uint32_t block, enum log_block_kind *kind, struct log_block *out);
/* Does the block, from offset on, read as erased? */
spoke_status log_blank(struct log *log, uint32_t block, uint32_t offset, bool *blank);
/* Of a block in use. One without a right header has no records. */
spoke_status log_walk_begin(struct log_walk *walk, struct log *log, uint32_t block);
/* The next whole record. E_NOT_FOUND: the end. */
spoke_status log_walk_next(struct log_walk *walk, struct log_entry *out);

/* --- log_write.c: into the head, at head_offset, which moves on even when it fails: what was begun is spoilt --- */

/* Head and body from memory, or, both views being empty, as they stand from byte from_offset of block from on. */
struct log_payload {
    spoke_str head, body;
    uint32_t from, from_offset;
};
spoke_status log_write_data(struct log *log, const struct log_record *record, const struct log_payload *payload);
/* The present mark; says that what is before block tail_seq is let go. */
spoke_status log_write_mark(struct log *log, uint32_t tail_seq);
spoke_status log_erase(struct log *log, uint32_t block);
/* Makes the next block the head; erases it unless it is blank. */
spoke_status log_open_next(struct log *log);

/* --- log_turn.c --- */

/* How many bytes of records may live so that one more of record_bytes finds room. */
uint64_t log_bound(const spoke_storage *storage, uint32_t record_bytes); /* in log.c, beside log_capacity */
/* Until `bytes` of data fit into the head. E_FULL: too much lives. */
spoke_status log_make_room(struct log *log, uint32_t bytes);

#endif
