#include "queue/log_private.h"

#include <string.h>

#include "base/crc32.h"

/* After a sync that failed nobody knows what is on the medium, and a file system may forget it without another word,
 * also the header of the head. So writing goes on in another block; but for the last free one, whose header is synced
 * with the copies. And no block that reads as erased is believed to be, once round the circle. */
spoke_status log_sync(struct log *log)
{
    const spoke_storage *storage = log->storage;
    if (storage->sync == NULL || storage->sync(storage->ctx) == SPOKE_OK)
        return SPOKE_OK;
    if (log_free(log) > 0)
        log->head_offset = storage->block_bytes;
    log->doubtful = storage->block_count;
    return SPOKE_E_PORT;
}

spoke_status log_erase(struct log *log, uint32_t block)
{
    log->window_bytes = 0;
    log->erases++;
    return log->storage->erase(log->storage->ctx, block) == SPOKE_OK ? SPOKE_OK : SPOKE_E_PORT;
}

static spoke_status program(struct log *log, uint32_t block, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    log->window_bytes = 0;
    log->programs++;
    return log->storage->program(log->storage->ctx, block, offset, bytes, len) == SPOKE_OK ? SPOKE_OK
                                                                                           : SPOKE_E_PORT;
}

/* --- data: a stream through scratch, as many whole units at a time as go in --- */

struct stream {
    struct log *log;
    uint32_t offset; /* of what stands in scratch */
    uint32_t fill, room;
    uint32_t crc;
};

static spoke_status flush(struct stream *s)
{
    const spoke_status status = program(s->log, s->log->head, s->offset, s->log->scratch, s->fill);
    s->offset += s->fill;
    s->fill = 0;
    return status;
}

/* bytes NULL: from the storage, at from_offset of block `from`. */
static spoke_status put(struct stream *s, const char *bytes, uint32_t len, uint32_t from, uint32_t from_offset)
{
    const spoke_storage *storage = s->log->storage;
    spoke_status status = SPOKE_OK;
    for (uint32_t done = 0; done < len && status == SPOKE_OK;) {
        const uint32_t piece = len - done < s->room - s->fill ? len - done : s->room - s->fill;
        uint8_t *at = s->log->scratch + s->fill;
        if (bytes != NULL)
            memcpy(at, bytes + done, piece);
        else if (storage->read(storage->ctx, from, from_offset + done, at, piece) != SPOKE_OK)
            return SPOKE_E_PORT;
        s->crc = crc32_add(s->crc, at, piece);
        s->fill += piece;
        done += piece;
        if (s->fill == s->room)
            status = flush(s);
    }
    return status;
}

static spoke_status put_payload(struct stream *s, const struct log_record *record,
                                const struct log_payload *payload)
{
    if (payload->head.len + payload->body.len == 0)
        return put(s, NULL, record->head_bytes + record->body_bytes, payload->from, payload->from_offset);
    spoke_status status = put(s, payload->head.ptr, record->head_bytes, 0, 0);
    if (status == SPOKE_OK)
        status = put(s, payload->body.ptr, record->body_bytes, 0, 0);
    return status;
}

/* Padding so that the crc ends the last unit: with it the record is whole. */
static spoke_status put_end(struct stream *s, uint32_t padding)
{
    uint8_t crc[LOG_CRC_BYTES];
    log_put_u32(crc, s->crc);
    spoke_status status = SPOKE_OK;
    for (; padding > 0 && status == SPOKE_OK; padding--)
        status = put(s, "\xFF", 1, 0, 0);
    return status == SPOKE_OK ? put(s, (const char *)crc, sizeof crc, 0, 0) : status;
}

spoke_status log_write_data(struct log *log, const struct log_record *record, const struct log_payload *payload)
{
    const struct log_place place = {log->store_id, log->block_seq, log->head_offset};
    const uint32_t used = LOG_DATA_BYTES + record->head_bytes + record->body_bytes + LOG_CRC_BYTES;
    const uint32_t bytes = log_padded(log->storage, used);
    uint8_t raw[LOG_DATA_BYTES];
    const uint32_t crc = log_data_write(&place, record, raw);
    struct stream s = {.log = log, .offset = log->head_offset, .room = (uint32_t)log->scratch_bytes};
    log->head_offset += bytes;
    log->window_bytes = 0;
    spoke_status status = put(&s, (const char *)raw, sizeof raw, 0, 0);
    s.crc = crc;
    if (status == SPOKE_OK)
        status = put_payload(&s, record, payload);
    if (status == SPOKE_OK)
        status = put_end(&s, bytes - used);
    if (status == SPOKE_OK && s.fill > 0)
        status = flush(&s);
    if (status == SPOKE_OK)
        log->head_end = log->head_offset;
    return status;
}

spoke_status log_write_mark(struct log *log, uint32_t tail_seq)
{
    uint8_t raw[LOG_PIECE];
    const struct log_place place = {log->store_id, log->block_seq, log->head_offset};
    const uint32_t bytes = log_mark_bytes(log->storage, log_mark_numbers(&log->mark));
    log_mark_write(&place, &log->mark, tail_seq, raw, bytes);
    log->head_offset += bytes;
    const spoke_status status = program(log, log->head, place.offset, raw, bytes);
    if (status == SPOKE_OK)
        log->head_end = log->head_offset;
    return status;
}

/* --- blocks --- */

/* Durably: an erase that a cut undoes behind a header would bring back what stood there. Most of it bears another
 * number, but not what an earlier try to begin this block left behind. */
static spoke_status make_blank(struct log *log, uint32_t block)
{
    bool blank = false;
    spoke_status status = log->doubtful > 0 ? SPOKE_OK : log_blank(log, block, 0, &blank);
    if (status != SPOKE_OK || blank)
        return status;
    status = log_erase(log, block);
    if (status == SPOKE_OK)
        status = log_sync(log);
    if (status == SPOKE_OK)
        status = log_blank(log, block, 0, &blank);
    return status != SPOKE_OK || blank ? status : SPOKE_E_PORT; /* worn out */
}

spoke_status log_open_next(struct log *log)
{
    const uint32_t block = log_next(log, log->head);
    const struct log_block header = {log->store_id, log->block_seq + 1, log->next_seq, log->head_end};
    const uint32_t room = log_header_room(log->storage);
    uint8_t raw[LOG_UNIT_MOST];
    memset(raw, 0xFF, sizeof raw);
    log_block_write(log->storage, &header, raw);
    /* Then prev_end is true: whatever is broken before it is damage. And what reads as erased stays erased. */
    spoke_status status = log_sync(log);
    if (status == SPOKE_OK)
        status = make_blank(log, block);
    if (status == SPOKE_OK)
        status = program(log, block, 0, raw, room);
    if (status != SPOKE_OK)
        return status; /* no head yet: the next try erases it again */
    log->head = block;
    log->block_seq++;
    log->doubtful -= log->doubtful > 0;
    log->head_offset = log->head_end = room;
    return SPOKE_OK;
}
