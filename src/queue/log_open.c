/* Recovery. What it finds was written by this library, torn by a power cut, damaged, or not ours at all: nothing is
 * believed before its crc is right, and every loop is bounded by the sizes of the storage. */
#include "queue/log_private.h"

#include <string.h>

#include "base/crc32.h"

struct survey {
    uint32_t foreign, damaged, ours;
    uint32_t newest; /* of ours */
    struct log_block header;
};

static spoke_status survey_blocks(struct log *log, struct survey *s)
{
    *s = (struct survey){.ours = 0};
    for (uint32_t block = 0; block < log->storage->block_count; block++) {
        enum log_block_kind kind;
        struct log_block header;
        const spoke_status status = log_block_of(log, block, &kind, &header);
        if (status != SPOKE_OK)
            return status;
        s->foreign += kind == LOG_BLOCK_FOREIGN;
        s->damaged += kind == LOG_BLOCK_DAMAGED;
        if (kind == LOG_BLOCK_OURS && (s->ours++ == 0 || header.block_seq > s->header.block_seq)) {
            s->newest = block;
            s->header = header;
        }
    }
    return SPOKE_OK;
}

/* --- a storage without a log --- */

/* A block that was never used, but perhaps a first header was cut in it. *fresh: the first that is erased all over. */
static spoke_status check_unused(struct log *log, uint32_t block, bool *unused, uint32_t *fresh)
{
    const uint8_t *raw;
    bool blank = false;
    spoke_status status = log_view(log, block, 0, LOG_HEADER_BYTES, &raw);
    *unused = status == SPOKE_OK && log_block_torn(log->storage, raw);
    if (*unused)
        status = log_blank(log, block, log_header_room(log->storage), unused);
    if (status == SPOKE_OK && *unused)
        status = log_blank(log, block, 0, &blank);
    if (blank && block < *fresh)
        *fresh = block;
    return status;
}

/* Begins in a block that needs no erase: if that were cut, nobody could tell any more what had been there. */
static spoke_status format(struct log *log, const struct survey *s)
{
    const uint32_t count = log->storage->block_count;
    uint32_t fresh = count, others = 0;
    spoke_status status = SPOKE_OK;
    for (uint32_t block = 0; block < count && status == SPOKE_OK; block++) {
        bool unused;
        status = check_unused(log, block, &unused, &fresh);
        others += !unused;
    }
    if (status != SPOKE_OK)
        return status;
    if (others > 0 && s->damaged == 0)
        return SPOKE_E_PROTOCOL;
    log->faults += others > 0 ? s->damaged : 0;
    log->tail = fresh < count ? fresh : 0;
    log->head = log->tail > 0 ? log->tail - 1 : count - 1; /* so that the fresh block comes next, with number 1 */
    log->next_seq = 1;
    status = log_open_next(log);
    return status == SPOKE_OK ? log_sync(log) : status;
}

/* --- a storage with one --- */

/* The oldest block that counts up to the head. What has lost its header in between has lost its records. */
static spoke_status find_tail(struct log *log)
{
    uint32_t block = log->head;
    log->tail = log->head;
    for (uint32_t back = 1; back < log->storage->block_count && back < log->block_seq; back++) {
        enum log_block_kind kind;
        struct log_block header;
        block = block > 0 ? block - 1 : log->storage->block_count - 1;
        const spoke_status status = log_block_of(log, block, &kind, &header);
        if (status != SPOKE_OK)
            return status;
        if (kind == LOG_BLOCK_OURS && header.store_id == log->store_id &&
            header.block_seq == log->block_seq - back)
            log->tail = block;
    }
    return SPOKE_OK;
}

static void seen(struct log *log, uint32_t seq)
{
    if (!log_after(log->next_seq, seq))
        log->next_seq = seq + 1;
}

static spoke_status last_mark_of(struct log *log, uint32_t block, bool *found, uint32_t *tail_seq)
{
    struct log_walk walk;
    struct log_entry entry;
    spoke_status status = log_walk_begin(&walk, log, block);
    while (status == SPOKE_OK && (status = log_walk_next(&walk, &entry)) == SPOKE_OK)
        if (entry.kind == LOG_MARK) {
            log->mark = entry.as.mark;
            *tail_seq = entry.tail_seq;
            *found = true;
        }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* From the head backwards; then what the mark let go is no more in use. */
static spoke_status find_mark(struct log *log)
{
    bool found = false;
    uint32_t tail_seq = 0;
    const uint32_t used = log_distance(log, log->tail, log->head) + 1;
    for (uint32_t back = 0, block = log->head; back < used && !found; back++) {
        const spoke_status status = last_mark_of(log, block, &found, &tail_seq);
        if (status != SPOKE_OK)
            return status;
        block = block > 0 ? block - 1 : log->storage->block_count - 1;
    }
    for (unsigned lane = 0; lane < LOG_LANES; lane++)
        seen(log, log->mark.below[lane]);
    while (found && log->tail != log->head && log_after(tail_seq, log_seq_of(log, log->tail)))
        log->tail = log_next(log, log->tail);
    return SPOKE_OK;
}

/* No block free: the head was the last one, and the oldest was not let go. So the head holds copies, no more. */
static spoke_status drop_copies(struct log *log)
{
    const uint32_t head = log->head;
    if (log_free(log) > 0)
        return SPOKE_OK;
    log->head = head > 0 ? head - 1 : log->storage->block_count - 1;
    log->block_seq--;
    /* Durable before the block in front of it grows: the header would say where that one ends. */
    const spoke_status status = log_erase(log, head);
    return status == SPOKE_OK ? log_sync(log) : status;
}

static bool done(const struct log_mark *mark, const struct log_record *record)
{
    if (!log_after(record->seq, mark->below[record->lane]))
        return true;
    for (size_t i = 0; i < mark->run_count; i++)
        if (mark->runs[i].lane == record->lane && !log_after(mark->runs[i].from, record->seq) &&
            !log_after(record->seq, mark->runs[i].to))
            return true;
    for (size_t i = 0; i < mark->single_count; i++)
        if (mark->singles[i] == record->seq)
            return true;
    return false;
}

static spoke_status report(struct log *log, struct log_walk *walk)
{
    struct log_entry entry;
    spoke_status status;
    while ((status = log_walk_next(walk, &entry)) == SPOKE_OK) {
        const struct log_record *record = &entry.as.record;
        if (entry.kind != LOG_DATA)
            continue;
        seen(log, record->seq);
        if (done(&log->mark, record))
            continue;
        status = log->owner.found(log->owner.ctx, record, log_where(log, walk->block, entry.offset));
        if (status != SPOKE_OK)
            return status;
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* Writing goes on behind the last record, unless something was torn there: then in the next block. */
static spoke_status resume_at(struct log *log, const struct log_walk *walk, bool *torn)
{
    bool blank = false;
    spoke_status status = SPOKE_OK;
    log->head_offset = log->head_end = walk->good_end;
    if (!walk->closed && walk->damaged == 0)
        status = log_blank(log, log->head, log->head_offset, &blank);
    *torn = !blank;
    if (!blank) {
        log->head_offset = log->storage->block_bytes;
        log->head_end |= LOG_END_CUT;
    }
    return status;
}

/* Is something behind the head that was never whole, or is so no more? */
static spoke_status look_ahead(struct log *log, bool *torn)
{
    bool blank;
    const spoke_status status = log_blank(log, log_next(log, log->head), 0, &blank);
    *torn |= !blank;
    return status;
}

static spoke_status recover(struct log *log, const struct survey *s)
{
    bool torn = false;
    log->store_id = s->header.store_id;
    log->next_seq = s->header.next_seq;
    log->head = s->newest;
    log->block_seq = s->header.block_seq;
    /* What a life before programmed and did not sync can be read, and yet get lost, if only that program ended and not
     * the power. Nothing is built on it, or told, before it is durable. */
    spoke_status status = log_sync(log);
    if (status == SPOKE_OK)
        status = find_tail(log);
    if (status == SPOKE_OK)
        status = find_mark(log);
    if (status == SPOKE_OK)
        status = drop_copies(log);
    const uint32_t used = log_distance(log, log->tail, log->head) + 1;
    for (uint32_t i = 0, block = log->tail; i < used && status == SPOKE_OK; i++, block = log_next(log, block)) {
        struct log_walk walk;
        status = log_walk_begin(&walk, log, block);
        if (status == SPOKE_OK)
            status = report(log, &walk);
        log->faults += walk.faults;
        if (status == SPOKE_OK && block == log->head)
            status = resume_at(log, &walk, &torn);
    }
    if (status == SPOKE_OK)
        status = look_ahead(log, &torn);
    /* Numbers that were given to records which can no more be read are not given again: at most one block of them. */
    if (torn || log->faults > 0)
        log->next_seq += log->storage->block_bytes / (LOG_DATA_BYTES + LOG_CRC_BYTES);
    return status;
}

spoke_status log_open(struct log *log, const spoke_storage *storage, const struct log_owner *owner,
                      uint8_t *scratch, size_t scratch_bytes, uint32_t store_id)
{
    struct survey s;
    if (storage == NULL || storage->struct_size < sizeof *storage || storage->read == NULL ||
        storage->program == NULL || storage->erase == NULL || !log_sizes_valid(storage) ||
        scratch_bytes < LOG_PIECE)
        return SPOKE_E_ARG;
    *log = (struct log){.storage = storage,
                        .owner = *owner,
                        .scratch = scratch,
                        .scratch_bytes = scratch_bytes / LOG_UNIT_MOST * LOG_UNIT_MOST,
                        .store_id = store_id};
    const spoke_status status = survey_blocks(log, &s);
    if (status != SPOKE_OK)
        return status;
    if (s.foreign > 0)
        return SPOKE_E_PROTOCOL;
    return s.ours > 0 ? recover(log, &s) : format(log, &s);
}
