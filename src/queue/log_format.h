/* How the log stands in its blocks: pure conversions between bytes and structs. All numbers little endian.
 *
 * Block    header | records, one behind the other | what is still erased
 * Header   magic[8] version block_bytes block_count program_bytes store_id block_seq next_seq prev_end crc
 * Data     kind lane flags 0 | seq id ttl_s | created_ms (8) | head_bytes body_bytes | crc of these 32 | head body |
 *          padding | crc of all but padding, in the last 4 bytes
 * Mark     kind count runs lanes | tail_seq | below[4] | count numbers: from and to of each run, then the singles |
 *          padding | crc in the last 4 bytes; lanes has two bits for each run, those of the first lowest
 *
 * A header or record is padded with 0xFF to whole units: the larger of program_bytes and 8. The crc of a record begins
 * with store_id, block_seq and its offset, so that nothing that stood there before, or elsewhere, is ever taken for it.
 */
#ifndef SPOKE_SRC_QUEUE_LOG_FORMAT_H
#define SPOKE_SRC_QUEUE_LOG_FORMAT_H

#include "queue/log.h"

enum {
    LOG_VERSION = 1,
    LOG_HEADER_BYTES = 44,
    LOG_HEADER_KNOWN = 24, /* as far as all headers of a storage are the same */
    LOG_DATA_BYTES = 36,   /* in front of head and body */
    LOG_CRC_BYTES = 4,
    LOG_MARK_BYTES = 24, /* in front of the numbers */
    LOG_MARK_MOST = LOG_MARK_BYTES + 4 * LOG_SINGLES + LOG_CRC_BYTES,
    LOG_END_CUT = 1, /* in prev_end: that block was closed by a power cut, whose last append may be broken */
    LOG_UNIT_MOST = 64,
    LOG_PIECE = 128 /* LOG_MARK_MOST in the largest units */
};

enum log_kind { LOG_DATA = 0xD5, LOG_MARK = 0x4D };

enum log_block_kind {
    LOG_BLOCK_OURS,
    LOG_BLOCK_FOREIGN, /* whole, but of another version, or made with other sizes */
    LOG_BLOCK_DAMAGED, /* nearly ours */
    LOG_BLOCK_OTHER    /* anything: erased, torn, or not of this library */
};

struct log_block {
    uint32_t store_id;
    uint32_t block_seq; /* 1, 2, 3 .. in the order of use */
    uint32_t next_seq;  /* of records, when the block was begun */
    uint32_t prev_end;  /* where the good part of the block before ends */
};

/* Where a record stands, as its crc sees it. */
struct log_place {
    uint32_t store_id, block_seq, offset;
};

bool log_sizes_valid(const spoke_storage *storage);
uint32_t log_padded(const spoke_storage *storage, uint32_t bytes);
uint32_t log_header_room(const spoke_storage *storage);
uint32_t log_mark_bytes(const spoke_storage *storage, size_t numbers);
/* Singles and ends of runs: at most LOG_SINGLES. */
static inline size_t log_mark_numbers(const struct log_mark *mark)
{
    return 2 * mark->run_count + mark->single_count;
}
/* Data stays below this offset; the rest is kept for the mark that lets the tail go. */
uint32_t log_data_end(const spoke_storage *storage);

/* A header with a single wrong bit is mended. */
enum log_block_kind log_block_read(const spoke_storage *storage, const uint8_t raw[LOG_HEADER_BYTES],
                                   struct log_block *out);
void log_block_write(const spoke_storage *storage, const struct log_block *block, uint8_t raw[LOG_HEADER_BYTES]);
/* What a header that was cut while it was first programmed can look like: no bit is missing that it needs. */
bool log_block_torn(const spoke_storage *storage, const uint8_t raw[LOG_HEADER_BYTES]);

/* False unless kind, lane, sizes and crc are right. *crc: the record's so far, to go on with head and body. */
bool log_data_read(const struct log_place *place, const uint8_t raw[LOG_DATA_BYTES], struct log_record *out,
                   uint32_t *crc);
uint32_t log_data_write(const struct log_place *place, const struct log_record *record,
                        uint8_t raw[LOG_DATA_BYTES]);

/* Bytes that the mark at raw takes if it is one; 0: it is none. */
uint32_t log_mark_peek(const spoke_storage *storage, const uint8_t raw[LOG_MARK_BYTES]);
bool log_mark_read(const struct log_place *place, const uint8_t *raw, uint32_t bytes, struct log_mark *out,
                   uint32_t *tail_seq);
void log_mark_write(const struct log_place *place, const struct log_mark *mark, uint32_t tail_seq, uint8_t *raw,
                    uint32_t bytes);

uint32_t log_u32(const uint8_t *at);
void log_put_u32(uint8_t *at, uint32_t value);

/* Serial numbers: a after b. */
static inline bool log_after(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

#endif
