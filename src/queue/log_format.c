#include "queue/log_format.h"

#include <string.h>

#include "base/crc32.h"

static const uint8_t magic[8] = {'S', 'p', 'o', 'k', 'e', 'L', 'o', 'g'};

uint32_t log_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void log_put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* --- sizes --- */

static uint32_t unit(const spoke_storage *storage)
{
    return storage->program_bytes > 8 ? storage->program_bytes : 8;
}

uint32_t log_padded(const spoke_storage *storage, uint32_t bytes)
{
    return (bytes + unit(storage) - 1) / unit(storage) * unit(storage);
}

bool log_sizes_valid(const spoke_storage *s)
{
    if (s->program_bytes == 0 || s->program_bytes > LOG_UNIT_MOST ||
        (s->program_bytes & (s->program_bytes - 1)) != 0)
        return false;
    return s->block_bytes >= 512 && s->block_bytes % unit(s) == 0 && s->block_count >= 4 &&
           s->block_count <= UINT32_MAX / s->block_bytes; /* places are 32 bits */
}

uint32_t log_header_room(const spoke_storage *storage)
{
    return log_padded(storage, LOG_HEADER_BYTES);
}

uint32_t log_mark_bytes(const spoke_storage *storage, size_t numbers)
{
    return log_padded(storage, LOG_MARK_BYTES + 4 * (uint32_t)numbers + LOG_CRC_BYTES);
}

uint32_t log_data_end(const spoke_storage *storage)
{
    return storage->block_bytes - log_mark_bytes(storage, LOG_SINGLES);
}

/* --- block headers --- */

static void write_known(const spoke_storage *storage, uint8_t raw[LOG_HEADER_KNOWN])
{
    memcpy(raw, magic, sizeof magic);
    log_put_u32(raw + 8, LOG_VERSION);
    log_put_u32(raw + 12, storage->block_bytes);
    log_put_u32(raw + 16, storage->block_count);
    log_put_u32(raw + 20, storage->program_bytes);
}

void log_block_write(const spoke_storage *storage, const struct log_block *block, uint8_t raw[LOG_HEADER_BYTES])
{
    write_known(storage, raw);
    log_put_u32(raw + 24, block->store_id);
    log_put_u32(raw + 28, block->block_seq);
    log_put_u32(raw + 32, block->next_seq);
    log_put_u32(raw + 36, block->prev_end);
    log_put_u32(raw + 40, crc32_add(0, raw, 40));
}

static bool whole(const uint8_t raw[LOG_HEADER_BYTES])
{
    return memcmp(raw, magic, sizeof magic) == 0 && log_u32(raw + 40) == crc32_add(0, raw, 40);
}

/* A single bit is worth the search: it would cost all records of the block. */
static bool mend(uint8_t raw[LOG_HEADER_BYTES])
{
    for (unsigned bit = 0; bit < 8 * LOG_HEADER_BYTES; bit++) {
        raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (whole(raw))
            return true;
        raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return false;
}

static bool resembles(const uint8_t raw[LOG_HEADER_BYTES], const uint8_t known[LOG_HEADER_KNOWN])
{
    unsigned equal = 0;
    for (size_t i = 0; i < LOG_HEADER_KNOWN; i++)
        equal += raw[i] == known[i];
    return equal >= LOG_HEADER_KNOWN - 4;
}

enum log_block_kind log_block_read(const spoke_storage *storage, const uint8_t raw[LOG_HEADER_BYTES],
                                   struct log_block *out)
{
    uint8_t copy[LOG_HEADER_BYTES], known[LOG_HEADER_KNOWN];
    memcpy(copy, raw, sizeof copy);
    write_known(storage, known);
    const bool similar = resembles(copy, known);
    if (!whole(copy) && !(similar && mend(copy)))
        return similar ? LOG_BLOCK_DAMAGED : LOG_BLOCK_OTHER;
    if (memcmp(copy, known, sizeof known) != 0)
        return LOG_BLOCK_FOREIGN;
    *out = (struct log_block){log_u32(copy + 24), log_u32(copy + 28), log_u32(copy + 32), log_u32(copy + 36)};
    /* No flash endures half of the numbers; whoever claims more would make us wrap. */
    return out->block_seq >= 1 && out->block_seq <= INT32_MAX ? LOG_BLOCK_OURS : LOG_BLOCK_DAMAGED;
}

bool log_block_torn(const spoke_storage *storage, const uint8_t raw[LOG_HEADER_BYTES])
{
    uint8_t known[LOG_HEADER_KNOWN];
    write_known(storage, known);
    for (size_t i = 0; i < LOG_HEADER_KNOWN; i++)
        if ((raw[i] & known[i]) != known[i])
            return false;
    return true;
}

/* --- records --- */

static uint32_t begin_crc(const struct log_place *place)
{
    uint8_t raw[12];
    log_put_u32(raw, place->store_id);
    log_put_u32(raw + 4, place->block_seq);
    log_put_u32(raw + 8, place->offset);
    return crc32_add(0, raw, sizeof raw);
}

bool log_data_read(const struct log_place *place, const uint8_t raw[LOG_DATA_BYTES], struct log_record *out,
                   uint32_t *crc)
{
    if (raw[0] != LOG_DATA || raw[1] >= LOG_LANES)
        return false;
    *crc = crc32_add(begin_crc(place), raw, 32);
    if (log_u32(raw + 32) != *crc)
        return false;
    *out = (struct log_record){
        .lane = raw[1],
        .flags = raw[2],
        .seq = log_u32(raw + 4),
        .id = log_u32(raw + 8),
        .ttl_s = log_u32(raw + 12),
        .created_ms = (int64_t)(log_u32(raw + 16) | (uint64_t)log_u32(raw + 20) << 32),
        .head_bytes = log_u32(raw + 24),
        .body_bytes = log_u32(raw + 28),
    };
    return true;
}

uint32_t log_data_write(const struct log_place *place, const struct log_record *record,
                        uint8_t raw[LOG_DATA_BYTES])
{
    raw[0] = LOG_DATA;
    raw[1] = record->lane;
    raw[2] = record->flags;
    raw[3] = 0;
    log_put_u32(raw + 4, record->seq);
    log_put_u32(raw + 8, record->id);
    log_put_u32(raw + 12, record->ttl_s);
    log_put_u32(raw + 16, (uint32_t)record->created_ms);
    log_put_u32(raw + 20, (uint32_t)((uint64_t)record->created_ms >> 32));
    log_put_u32(raw + 24, record->head_bytes);
    log_put_u32(raw + 28, record->body_bytes);
    const uint32_t crc = crc32_add(begin_crc(place), raw, 32);
    log_put_u32(raw + 32, crc);
    return crc;
}

uint32_t log_mark_peek(const spoke_storage *storage, const uint8_t raw[LOG_MARK_BYTES])
{
    const bool possible =
        raw[0] == LOG_MARK && raw[1] <= LOG_SINGLES && raw[2] <= LOG_RUNS && 2 * raw[2] <= raw[1];
    return possible ? log_mark_bytes(storage, raw[1]) : 0;
}

static uint32_t mark_crc(const struct log_place *place, const uint8_t *raw, uint32_t bytes)
{
    return crc32_add(begin_crc(place), raw, bytes - LOG_CRC_BYTES);
}

bool log_mark_read(const struct log_place *place, const uint8_t *raw, uint32_t bytes, struct log_mark *out,
                   uint32_t *tail_seq)
{
    if (log_u32(raw + bytes - LOG_CRC_BYTES) != mark_crc(place, raw, bytes))
        return false;
    *tail_seq = log_u32(raw + 4);
    for (unsigned i = 0; i < LOG_LANES; i++)
        out->below[i] = log_u32(raw + 8 + 4 * i);
    const uint8_t *at = raw + LOG_MARK_BYTES;
    out->run_count = raw[2];
    out->single_count = (size_t)raw[1] - 2u * raw[2];
    for (size_t i = 0; i < out->run_count; i++, at += 8)
        out->runs[i] = (struct log_run){log_u32(at), log_u32(at + 4), raw[3] >> 2 * i & 3};
    for (size_t i = 0; i < out->single_count; i++, at += 4)
        out->singles[i] = log_u32(at);
    return true;
}

void log_mark_write(const struct log_place *place, const struct log_mark *mark, uint32_t tail_seq, uint8_t *raw,
                    uint32_t bytes)
{
    memset(raw, 0xFF, bytes);
    raw[0] = LOG_MARK;
    raw[1] = (uint8_t)log_mark_numbers(mark);
    raw[2] = (uint8_t)mark->run_count;
    raw[3] = 0;
    log_put_u32(raw + 4, tail_seq);
    for (unsigned i = 0; i < LOG_LANES; i++)
        log_put_u32(raw + 8 + 4 * i, mark->below[i]);
    uint8_t *at = raw + LOG_MARK_BYTES;
    for (size_t i = 0; i < mark->run_count; i++, at += 8) {
        log_put_u32(at, mark->runs[i].from);
        log_put_u32(at + 4, mark->runs[i].to);
        raw[3] |= (uint8_t)(mark->runs[i].lane << 2 * i);
    }
    for (size_t i = 0; i < mark->single_count; i++, at += 4)
        log_put_u32(at, mark->singles[i]);
    log_put_u32(raw + bytes - LOG_CRC_BYTES, mark_crc(place, raw, bytes));
}
