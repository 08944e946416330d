#include "queue/log_private.h"

#include <string.h>

#include "base/crc32.h"

/* --- sizes --- */

size_t log_scratch_bytes(const spoke_storage *storage)
{
    (void)storage;
    return LOG_PIECE;
}

static uint32_t data_room(const spoke_storage *storage)
{
    return log_data_end(storage) - log_header_room(storage);
}

uint32_t log_most_bytes(const spoke_storage *storage)
{
    return log_sizes_valid(storage) ? data_room(storage) - LOG_DATA_BYTES - LOG_CRC_BYTES : 0;
}

uint32_t log_record_bytes(const spoke_storage *storage, uint32_t payload_bytes)
{
    if (payload_bytes > storage->block_bytes)
        return UINT32_MAX; /* in no block */
    return log_padded(storage, LOG_DATA_BYTES + payload_bytes + LOG_CRC_BYTES);
}

/* With one mark beside the records of a block. */
uint64_t log_bound(const spoke_storage *storage, uint32_t record_bytes)
{
    const uint32_t mark = log_mark_bytes(storage, LOG_SINGLES), room = data_room(storage) - mark;
    const uint32_t most = record_bytes > mark ? record_bytes : mark;
    const uint64_t blocks = storage->block_count - 1;
    const uint64_t by_record = most < room ? blocks * (room - most) : 0, by_pair = blocks / 2 * room;
    return by_record > by_pair ? by_record : by_pair;
}

uint64_t log_capacity(const spoke_storage *storage, uint32_t most_payload)
{
    if (most_payload > log_most_bytes(storage))
        return 0;
    const uint64_t bound = log_bound(storage, log_record_bytes(storage, most_payload));
    const uint64_t sane = (uint64_t)(storage->block_count - 1) * data_room(storage) / 8 * 7;
    return bound < sane ? bound : sane;
}

/* --- writing --- */

spoke_status log_append(struct log *log, const struct log_record *record, spoke_str head, spoke_str body,
                        uint32_t *where)
{
    const uint32_t most = log_most_bytes(log->storage);
    if (head.len > most || body.len > most - head.len)
        return SPOKE_E_TOO_LARGE;
    struct log_record full = *record;
    full.head_bytes = (uint32_t)head.len;
    full.body_bytes = (uint32_t)body.len;
    if (!log_after(log->next_seq, record->seq))
        log->next_seq = record->seq + 1; /* even if it fails: who knows what the medium kept */
    log->window_bytes = 0;
    spoke_status status = log_make_room(log, log_record_bytes(log->storage, full.head_bytes + full.body_bytes));
    if (status != SPOKE_OK)
        return status;
    *where = log_where(log, log->head, log->head_offset);
    status = log_write_data(log, &full, &(struct log_payload){.head = head, .body = body});
    return status == SPOKE_OK ? log_sync(log) : status;
}

static bool named(const uint32_t *list, size_t count, uint32_t seq)
{
    while (count > 0)
        if (list[--count] == seq)
            return true;
    return false;
}

static bool runs_name(const struct log_mark *mark, const struct log_run *run)
{
    for (size_t i = 0; i < mark->run_count; i++)
        if (mark->runs[i].lane == run->lane && mark->runs[i].from == run->from)
            return true;
    return false;
}

static void add_runs(struct log_mark *sum, const struct log_mark *kept)
{
    for (size_t i = 0; i < kept->run_count; i++) {
        const struct log_run *run = &kept->runs[i];
        if (log_after(run->to, sum->below[run->lane]) && !runs_name(sum, run) && sum->run_count < LOG_RUNS &&
            log_mark_numbers(sum) + 2 <= LOG_SINGLES)
            sum->runs[sum->run_count++] = *run;
    }
}

/* What was told before stays told: a lane goes only forward, runs stay until it has passed them, and singles until all
 * lanes have, for their own lane is not known any more. The new ones come first. */
static void add_mark(struct log_mark *kept, const struct log_mark *told)
{
    struct log_mark sum = *told;
    if (log_mark_numbers(&sum) > LOG_SINGLES)
        sum.single_count = LOG_SINGLES - 2 * sum.run_count;
    for (unsigned lane = 0; lane < LOG_LANES; lane++)
        if (log_after(kept->below[lane], told->below[lane]))
            sum.below[lane] = kept->below[lane];
    uint32_t least = sum.below[0];
    for (unsigned lane = 1; lane < LOG_LANES; lane++)
        if (log_after(least, sum.below[lane]))
            least = sum.below[lane];
    add_runs(&sum, kept);
    for (size_t i = 0; i < kept->single_count && log_mark_numbers(&sum) < LOG_SINGLES; i++)
        if (log_after(kept->singles[i], least) && !named(sum.singles, sum.single_count, kept->singles[i]))
            sum.singles[sum.single_count++] = kept->singles[i];
    *kept = sum;
}

spoke_status log_mark(struct log *log, const struct log_mark *mark)
{
    const uint32_t tail = log->tail;
    add_mark(&log->mark, mark);
    log->window_bytes = 0;
    const spoke_status status = log_make_room(log, log_mark_bytes(log->storage, log_mark_numbers(&log->mark)));
    if (status != SPOKE_OK || log->tail != tail)
        return status; /* letting the tail go has told it already */
    return log_write_mark(log, log_seq_of(log, tail));
}

/* --- reading --- */

static bool names_record(const struct log *log, uint32_t where, struct log_place *place, uint32_t *block)
{
    const spoke_storage *storage = log->storage;
    *block = where / storage->block_bytes;
    if (*block >= storage->block_count)
        return false;
    *place = (struct log_place){log->store_id, log_seq_of(log, *block), where % storage->block_bytes};
    return place->offset <= storage->block_bytes - (LOG_DATA_BYTES + LOG_CRC_BYTES);
}

static spoke_status read_at(const struct log *log, uint32_t block, uint32_t offset, void *out, uint32_t len)
{
    const spoke_storage *storage = log->storage;
    return storage->read(storage->ctx, block, offset, out, len) == SPOKE_OK ? SPOKE_OK : SPOKE_E_PORT;
}

spoke_status log_read(struct log *log, uint32_t where, struct log_record *record, spoke_buf *out)
{
    struct log_place place;
    uint32_t block, crc;
    uint8_t raw[LOG_DATA_BYTES], last[LOG_CRC_BYTES];
    if (!names_record(log, where, &place, &block))
        return SPOKE_E_NOT_FOUND;
    if (read_at(log, block, place.offset, raw, sizeof raw) != SPOKE_OK)
        return SPOKE_E_PORT;
    if (!log_data_read(&place, raw, record, &crc))
        return SPOKE_E_NOT_FOUND;
    const uint32_t rest = log->storage->block_bytes - place.offset;
    if (record->head_bytes > rest || record->body_bytes > rest - record->head_bytes)
        return SPOKE_E_NOT_FOUND;
    const uint32_t payload = record->head_bytes + record->body_bytes;
    const uint32_t bytes = log_record_bytes(log->storage, payload);
    if (bytes > rest)
        return SPOKE_E_NOT_FOUND;
    if (payload > out->cap - out->len)
        return SPOKE_E_TOO_SMALL;
    if ((payload > 0 &&
         read_at(log, block, place.offset + LOG_DATA_BYTES, out->ptr + out->len, payload) != SPOKE_OK) ||
        read_at(log, block, place.offset + bytes - LOG_CRC_BYTES, last, sizeof last) != SPOKE_OK)
        return SPOKE_E_PORT;
    if (crc32_add(crc, out->ptr + out->len, payload) != log_u32(last))
        return SPOKE_E_NOT_FOUND;
    out->len += payload;
    return SPOKE_OK;
}

bool log_answers(struct log *log)
{
    uint8_t byte;
    for (uint32_t block = 0; block < log->storage->block_count; block++)
        if (read_at(log, block, 0, &byte, sizeof byte) == SPOKE_OK)
            return true;
    return false;
}
