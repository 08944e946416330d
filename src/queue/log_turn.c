/* The circle turns: the next block becomes the head, the oldest is let go.
 *
 * One block is always free, so that there is a place to move to. When the oldest block has to go:
 *   1. its living records are copied into the head; sync            a cut here: they stand twice, which is fine
 *   2. the head gets a mark that lets the oldest block go; sync     from here on nobody looks at it any more
 *   3. the oldest block is erased                                   torn: it is erased again before it is used
 * If the copies do not fit into the head, the last free block becomes the head first. A cut in step 1 then leaves no
 * free block, and a head that holds nothing but copies: recovery erases it. Only step 2 makes them the originals.
 *
 * Why marks survive: every mark tells all that was ever told, and step 2 writes one before anything is erased. So the
 * last mark of the log is never in a block that goes, unless a later one stands durable in the head. Why nothing that
 * is done comes back: only what lives is copied, so no copy is younger than the mark that ended it, and that mark or a
 * later one is found before any record is believed.
 */
#include "queue/log_private.h"

static bool fits(const struct log *log, uint32_t bytes)
{
    const uint32_t end = log_data_end(log->storage);
    return log->head_offset <= end && bytes <= end - log->head_offset;
}

static bool mark_fits_after(const struct log *log, uint32_t bytes)
{
    const uint64_t needed =
        (uint64_t)log->head_offset + bytes + log_mark_bytes(log->storage, log_mark_numbers(&log->mark));
    return needed <= log->storage->block_bytes;
}

/* The next record of the oldest block that its owner still wants. */
static spoke_status next_living(struct log_walk *walk, struct log_entry *out)
{
    const struct log *log = walk->log;
    spoke_status status;
    do
        status = log_walk_next(walk, out);
    while (status == SPOKE_OK &&
           (out->kind != LOG_DATA ||
            !log->owner.lives(log->owner.ctx, out->as.record.seq, log_where(log, walk->block, out->offset))));
    return status;
}

static uint32_t bytes_of(const struct log *log, const struct log_entry *entry)
{
    return log_record_bytes(log->storage, entry->as.record.head_bytes + entry->as.record.body_bytes);
}

static spoke_status measure(struct log *log, uint32_t block, uint32_t *living)
{
    struct log_walk walk;
    struct log_entry entry;
    *living = 0;
    spoke_status status = log_walk_begin(&walk, log, block);
    while (status == SPOKE_OK && (status = next_living(&walk, &entry)) == SPOKE_OK)
        *living += bytes_of(log, &entry);
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static spoke_status copy(struct log *log)
{
    struct log_walk walk;
    struct log_entry entry;
    spoke_status status = log_walk_begin(&walk, log, log->tail);
    uint32_t count = 0;
    for (; status == SPOKE_OK && (status = next_living(&walk, &entry)) == SPOKE_OK; count++) {
        const struct log_payload from = {.from = log->tail, .from_offset = entry.offset + LOG_DATA_BYTES};
        status = fits(log, bytes_of(log, &entry)) ? log_write_data(log, &entry.as.record, &from) : SPOKE_E_FULL;
    }
    if (status != SPOKE_E_NOT_FOUND)
        return status;
    /* The header of a fresh head has to be durable before a mark in it is. */
    return count > 0 || log->head_offset == log_header_room(log->storage) ? log_sync(log) : SPOKE_OK;
}

/* Goes on to the copy of `seq`. E_PORT: there is none that can be read, so its block cannot be let go. */
static spoke_status next_copy(struct log_walk *walk, uint32_t seq, uint32_t *offset)
{
    struct log_entry entry;
    spoke_status status;
    do
        status = log_walk_next(walk, &entry);
    while (status == SPOKE_OK && (entry.kind != LOG_DATA || entry.as.record.seq != seq));
    *offset = entry.offset;
    return status == SPOKE_E_NOT_FOUND ? SPOKE_E_PORT : status;
}

/* The copies stand in the head, from offset `to` on, in the same order: both are walked side by side. */
static spoke_status tell(struct log *log, uint32_t to)
{
    struct log_walk walk, copies;
    struct log_entry entry;
    uint32_t offset;
    spoke_status status = log_walk_begin(&walk, log, log->tail);
    if (status == SPOKE_OK)
        status = log_walk_begin(&copies, log, log->head);
    copies.offset = to;
    while (status == SPOKE_OK && (status = next_living(&walk, &entry)) == SPOKE_OK) {
        status = next_copy(&copies, entry.as.record.seq, &offset);
        if (status == SPOKE_OK)
            log->owner.moved(log->owner.ctx, entry.as.record.seq, log_where(log, log->tail, entry.offset),
                             log_where(log, log->head, offset));
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static spoke_status let_go(struct log *log)
{
    const uint32_t old = log->tail;
    spoke_status status = log_write_mark(log, log_seq_of(log, old) + 1);
    if (status == SPOKE_OK)
        status = log_sync(log);
    if (status != SPOKE_OK)
        return status;
    log->tail = log_next(log, old);
    (void)log_erase(log, old); /* if it fails: again before the block is used, and told then */
    return SPOKE_OK;
}

/* The copies are durable: from `to` on in the head. */
static spoke_status finish(struct log *log, uint32_t to)
{
    const spoke_status status = tell(log, to);
    return status == SPOKE_OK ? let_go(log) : status;
}

static spoke_status turn_into_head(struct log *log)
{
    const uint32_t to = log->head_offset;
    const spoke_status status = copy(log);
    /* Where it failed some records stand twice now; their owner knows the old places, and both are good. */
    return status == SPOKE_OK ? finish(log, to) : status;
}

static spoke_status turn_into_last_free(struct log *log)
{
    const struct log before = *log;
    spoke_status status = log_open_next(log);
    if (status != SPOKE_OK)
        return status;
    const uint32_t to = log->head_offset;
    status = copy(log);
    if (status == SPOKE_OK)
        return finish(log, to);
    const uint32_t spoilt = log->head; /* copies alone: back to the block before */
    log->head = before.head;
    log->head_offset = before.head_offset;
    log->head_end = before.head_end;
    log->block_seq = before.block_seq;
    /* As long as its header is there that block may not grow: it would end where the header says. */
    if (log_erase(log, spoilt) != SPOKE_OK || log_sync(log) != SPOKE_OK)
        log->head_offset = log->storage->block_bytes;
    return status;
}

static spoke_status turn(struct log *log)
{
    uint32_t living;
    if (log_free(log) ==
        0) /* copied, but not let go: that failed before. No room to say it: opening again helps */
        return mark_fits_after(log, 0) ? finish(log, log_header_room(log->storage)) : SPOKE_E_PORT;
    const spoke_status status = measure(log, log->tail, &living);
    if (status != SPOKE_OK)
        return status;
    const bool into_head = living == 0 || fits(log, living);
    return into_head && mark_fits_after(log, living) ? turn_into_head(log) : turn_into_last_free(log);
}

/* Does more live than leaves room for a record of `bytes`, however often the circle turns? */
static spoke_status check_not_full(struct log *log, uint32_t bytes)
{
    uint64_t sum = 0;
    spoke_status status = SPOKE_OK;
    uint32_t block = log->tail;
    for (uint32_t left = log_distance(log, log->tail, log->head) + 1; left > 0 && status == SPOKE_OK; left--) {
        uint32_t living;
        status = measure(log, block, &living);
        sum += living;
        block = log_next(log, block);
    }
    return status == SPOKE_OK && sum > log_bound(log->storage, bytes) ? SPOKE_E_FULL : status;
}

/* It ends: as long as bytes do not fit, each round empties one block or fills a fresh one with nothing but what lives.
 * After one time round every block in use is such a block, and that `bytes` fit into none of them means that more lives
 * than log_bound: either each lacks less than one record, or no two neighbours would fit into one. Mostly the first
 * round is enough; where two are not, a look at everything saves the wear of turning in vain. */
spoke_status log_make_room(struct log *log, uint32_t bytes)
{
    enum { ROUNDS_BEFORE_LOOK = 2 };
    const uint32_t most = 2 * log->storage->block_count;
    spoke_status status = SPOKE_OK;
    /* No block free: letting the oldest go failed before. First that, for till then recovery drops the head. */
    for (uint32_t round = 0; status == SPOKE_OK && (log_free(log) == 0 || !fits(log, bytes)); round++) {
        if (round == ROUNDS_BEFORE_LOOK)
            status = check_not_full(log, bytes);
        if (status == SPOKE_OK)
            status = round == most ? SPOKE_E_FULL : log_free(log) > 1 ? log_open_next(log) : turn(log);
    }
    return status;
}
