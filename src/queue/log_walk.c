#include "queue/log_private.h"

#include <string.h>

#include "base/crc32.h"

spoke_status log_view(struct log *log, uint32_t block, uint32_t offset, uint32_t len, const uint8_t **out)
{
    const bool inside = block == log->window_block && offset >= log->window_offset &&
                        offset + len <= log->window_offset + log->window_bytes;
    if (!inside) {
        const uint32_t rest = log->storage->block_bytes - offset;
        const uint32_t take = log->scratch_bytes < rest ? (uint32_t)log->scratch_bytes : rest;
        log->window_bytes = 0;
        if (log->storage->read(log->storage->ctx, block, offset, log->scratch, take) != SPOKE_OK)
            return SPOKE_E_PORT;
        log->window_block = block;
        log->window_offset = offset;
        log->window_bytes = take;
    }
    *out = log->scratch + (offset - log->window_offset);
    return SPOKE_OK;
}

spoke_status log_block_of(struct log *log, uint32_t block, enum log_block_kind *kind, struct log_block *out)
{
    const uint8_t *raw;
    const spoke_status status = log_view(log, block, 0, LOG_HEADER_BYTES, &raw);
    if (status == SPOKE_OK)
        *kind = log_block_read(log->storage, raw, out);
    return status;
}

static bool all_erased(const uint8_t *bytes, uint32_t len)
{
    return len == 0 || (bytes[0] == 0xFF && memcmp(bytes, bytes + 1, len - 1) == 0);
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

spoke_status log_blank(struct log *log, uint32_t block, uint32_t offset, bool *blank)
{
    *blank = true;
    while (*blank && offset < log->storage->block_bytes) {
        const uint32_t piece = shorter(LOG_PIECE, log->storage->block_bytes - offset);
        const uint8_t *bytes;
        const spoke_status status = log_view(log, block, offset, piece, &bytes);
        if (status != SPOKE_OK)
            return status;
        *blank = all_erased(bytes, piece);
        offset += piece;
    }
    return SPOKE_OK;
}

/* --- walking --- */

/* Where the block before it ends, as this one's header says. */
static spoke_status read_limit(struct log_walk *walk)
{
    struct log *log = walk->log;
    enum log_block_kind kind;
    struct log_block next;
    walk->limit = log->storage->block_bytes;
    if (walk->block == log->head)
        return SPOKE_OK;
    const spoke_status status = log_block_of(log, log_next(log, walk->block), &kind, &next);
    if (status != SPOKE_OK || kind != LOG_BLOCK_OURS || next.store_id != log->store_id ||
        next.block_seq != log_seq_of(log, walk->block) + 1)
        return status;
    const uint32_t end = next.prev_end & ~(uint32_t)LOG_END_CUT;
    if (end >= walk->offset && end <= walk->limit) {
        walk->limit = end;
        walk->closed = (next.prev_end & LOG_END_CUT) == 0;
    }
    return SPOKE_OK;
}

spoke_status log_walk_begin(struct log_walk *walk, struct log *log, uint32_t block)
{
    enum log_block_kind kind;
    struct log_block header;
    const uint32_t start = log_header_room(log->storage);
    *walk = (struct log_walk){.log = log, .block = block, .offset = start, .good_end = start};
    const spoke_status status = log_block_of(log, block, &kind, &header);
    if (status != SPOKE_OK)
        return status;
    if (kind == LOG_BLOCK_OURS && header.store_id == log->store_id && header.block_seq == log_seq_of(log, block))
        return read_limit(walk);
    walk->limit = start;
    walk->damaged = 1;
    walk->closed = true;
    return SPOKE_OK;
}

static struct log_place place_of(const struct log_walk *walk)
{
    return (struct log_place){walk->log->store_id, log_seq_of(walk->log, walk->block), walk->offset};
}

/* Goes over `len` bytes from `offset` on and compares with the crc in the last bytes of the record. */
static spoke_status check_payload(const struct log_walk *walk, uint32_t len, uint32_t crc, uint32_t bytes,
                                  bool *right)
{
    const uint8_t *piece;
    uint32_t offset = walk->offset + LOG_DATA_BYTES;
    while (len > 0) {
        const uint32_t take = shorter(len, LOG_PIECE);
        const spoke_status status = log_view(walk->log, walk->block, offset, take, &piece);
        if (status != SPOKE_OK)
            return status;
        crc = crc32_add(crc, piece, take);
        offset += take;
        len -= take;
    }
    const spoke_status status =
        log_view(walk->log, walk->block, walk->offset + bytes - LOG_CRC_BYTES, LOG_CRC_BYTES, &piece);
    *right = status == SPOKE_OK && log_u32(piece) == crc;
    return status;
}

/* *bytes: what stands at the offset takes so much, whole or not; 0: nothing that could be told. */
static spoke_status try_data(const struct log_walk *walk, struct log_entry *out, uint32_t *bytes, bool *right)
{
    const uint32_t rest = walk->limit - walk->offset;
    const uint8_t *raw;
    uint32_t crc;
    if (rest < LOG_DATA_BYTES + LOG_CRC_BYTES)
        return SPOKE_OK;
    const spoke_status status = log_view(walk->log, walk->block, walk->offset, LOG_DATA_BYTES, &raw);
    const struct log_place place = place_of(walk);
    struct log_record *record = &out->as.record;
    if (status != SPOKE_OK || !log_data_read(&place, raw, record, &crc))
        return status;
    if (record->head_bytes > rest || record->body_bytes > rest - record->head_bytes)
        return SPOKE_OK;
    const uint32_t payload = record->head_bytes + record->body_bytes;
    const uint32_t needed = log_record_bytes(walk->log->storage, payload);
    if (needed > rest)
        return SPOKE_OK;
    *bytes = needed;
    out->kind = LOG_DATA;
    return check_payload(walk, payload, crc, needed, right);
}

static spoke_status try_mark(const struct log_walk *walk, struct log_entry *out, uint32_t *bytes, bool *right)
{
    const uint32_t rest = walk->limit - walk->offset;
    const uint8_t *raw;
    if (rest < LOG_MARK_BYTES + LOG_CRC_BYTES)
        return SPOKE_OK;
    spoke_status status = log_view(walk->log, walk->block, walk->offset, LOG_MARK_BYTES, &raw);
    const uint32_t needed = status == SPOKE_OK ? log_mark_peek(walk->log->storage, raw) : 0;
    if (needed == 0 || needed > rest)
        return status;
    status = log_view(walk->log, walk->block, walk->offset, needed, &raw);
    const struct log_place place = place_of(walk);
    if (status == SPOKE_OK && log_mark_read(&place, raw, needed, &out->as.mark, &out->tail_seq)) {
        out->kind = LOG_MARK;
        *bytes = needed;
        *right = true;
    }
    return status;
}

static void begin_damage(struct log_walk *walk)
{
    walk->damaged++;
    walk->since = 0;
    walk->stretch = false;
}

/* A unit that begins no record: erased, or damaged. */
static spoke_status step_over(struct log_walk *walk)
{
    const uint32_t unit = log_padded(walk->log->storage, 1);
    const uint8_t *raw;
    const spoke_status status = log_view(walk->log, walk->block, walk->offset, unit, &raw);
    const bool erased = status == SPOKE_OK && all_erased(raw, unit);
    if (status == SPOKE_OK && !erased && !walk->stretch)
        begin_damage(walk);
    walk->stretch = !erased;
    walk->offset += unit;
    return status;
}

static void count_damage(struct log_walk *walk)
{
    walk->faults += walk->damaged;
    walk->damaged = 0;
}

/* In a block that is not closed the last append and the marks around it may never have been synced, and any part of
 * them is there. What stands before two records was synced before the second began: no power cut broke that. */
static void after_whole(struct log_walk *walk, enum log_kind kind)
{
    walk->good_end = walk->offset;
    walk->stretch = false;
    walk->since += kind == LOG_DATA;
    if (walk->closed || walk->since >= 2)
        count_damage(walk);
}

spoke_status log_walk_next(struct log_walk *walk, struct log_entry *out)
{
    const uint32_t unit = log_padded(walk->log->storage, 1);
    while (walk->offset <= walk->limit && walk->limit - walk->offset >= unit) {
        uint32_t bytes = 0;
        bool right = false;
        spoke_status status = try_data(walk, out, &bytes, &right);
        if (status == SPOKE_OK && bytes == 0)
            status = try_mark(walk, out, &bytes, &right);
        if (status == SPOKE_OK && bytes == 0)
            status = step_over(walk);
        if (status != SPOKE_OK)
            return status;
        out->offset = walk->offset;
        walk->offset += bytes;
        if (right) {
            after_whole(walk, out->kind);
            return SPOKE_OK;
        }
        if (bytes > 0)
            begin_damage(walk);
    }
    if (walk->closed)
        count_damage(walk);
    return SPOKE_E_NOT_FOUND;
}
