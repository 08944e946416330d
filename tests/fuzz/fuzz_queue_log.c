/* The log on a storage with anything in it: opening never reads outside, never runs on, believes nothing that is not
 * right; what it takes can be used, written to, and opened again with nothing lost.
 *
 * First byte: sizes, and whether the rest is the storage itself, or changes to a good log: place (2 bytes), value. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/proto_input.h"
#include "queue/log.h"

enum { MOST_BYTES = 8 * 1024, MOST_RECORDS = 1024, SCRATCH = 192 };

struct place {
    uint32_t seq, where;
    bool promised; /* appended here: has to be found again */
};

struct medium {
    spoke_ram_storage ram;
    uint8_t memory[MOST_BYTES];
    uint64_t reads;
    struct log log;
    uint8_t scratch[SCRATCH];
    struct place places[MOST_RECORDS];
    size_t count;
    uint16_t hint[4096]; /* where a seq may be in places */
};

static spoke_status counted_read(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    struct medium *m = ctx;
    const spoke_storage *s = &m->ram.storage;
    require(block < s->block_count && offset <= s->block_bytes && len <= s->block_bytes - offset);
    m->reads++;
    memcpy(out, m->memory + (size_t)block * s->block_bytes + offset, len);
    return SPOKE_OK;
}

static spoke_status program(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    struct medium *m = ctx;
    const spoke_storage *s = &m->ram.storage;
    require(block < s->block_count && offset <= s->block_bytes && len <= s->block_bytes - offset);
    require(offset % s->program_bytes == 0 && len % s->program_bytes == 0);
    uint8_t *at = m->memory + (size_t)block * s->block_bytes + offset;
    require(len > 0 && at[0] == 0xFF &&
            memcmp(at, at + 1, len - 1) == 0); /* nothing twice, whatever stood there */
    memcpy(at, bytes, len);
    return SPOKE_OK;
}

static spoke_status erase(void *ctx, uint32_t block)
{
    struct medium *m = ctx;
    require(block < m->ram.storage.block_count);
    memset(m->memory + (size_t)block * m->ram.storage.block_bytes, 0xFF, m->ram.storage.block_bytes);
    return SPOKE_OK;
}

/* --- the owner: keeps every place it hears of --- */

static struct place *place_of(struct medium *m, uint32_t seq)
{
    uint16_t *hint = &m->hint[seq % 4096];
    if (*hint < m->count && m->places[*hint].seq == seq)
        return &m->places[*hint];
    for (size_t i = 0; i < m->count; i++)
        if (m->places[i].seq == seq) {
            *hint = (uint16_t)i;
            return &m->places[i];
        }
    return NULL;
}

static spoke_status found(void *ctx, const struct log_record *record, uint32_t where)
{
    struct medium *m = ctx;
    struct place *place = place_of(m, record->seq);
    require(record->lane < LOG_LANES);
    if (place == NULL && m->count == MOST_RECORDS)
        return SPOKE_OK;
    if (place == NULL) {
        place = &m->places[m->count++];
        *place = (struct place){.seq = record->seq};
    }
    place->promised = false;
    place->where = where;
    return SPOKE_OK;
}

static bool lives(void *ctx, uint32_t seq, uint32_t where)
{
    const struct place *place = place_of(ctx, seq);
    return place != NULL && place->where == where;
}

static void moved(void *ctx, uint32_t seq, uint32_t from, uint32_t to)
{
    struct place *place = place_of(ctx, seq);
    require(place != NULL && place->where == from && from != to);
    place->where = to;
}

static spoke_status open_log(struct medium *m)
{
    const struct log_owner owner = {.ctx = m, .found = found, .lives = lives, .moved = moved};
    m->reads = 0;
    const spoke_status status = log_open(&m->log, &m->ram.storage, &owner, m->scratch, sizeof m->scratch, 77);
    require(status == SPOKE_OK || status == SPOKE_E_PROTOCOL);
    require(m->reads < 400u * MOST_BYTES / 8); /* bounded by the size, whatever it holds */
    return status;
}

static void append(struct medium *m, uint32_t bytes)
{
    static const char payload[512] = "payload";
    const uint32_t seq = m->log.next_seq;
    uint32_t where;
    if (m->count == MOST_RECORDS)
        return;
    const spoke_status status =
        log_append(&m->log, &(struct log_record){.seq = seq, .lane = (uint8_t)(seq % LOG_LANES)},
                   spoke_str_from(payload, bytes), spoke_str_from(NULL, 0), &where);
    require(status == SPOKE_OK || status == SPOKE_E_FULL || status == SPOKE_E_TOO_LARGE);
    if (status == SPOKE_OK && place_of(m, seq) == NULL) /* a hostile record may have the number already */
        m->places[m->count++] = (struct place){.seq = seq, .where = where, .promised = true};
}

static void read_all(struct medium *m)
{
    uint8_t bytes[MOST_BYTES];
    for (size_t i = 0; i < m->count; i++) {
        spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
        struct log_record record;
        require(log_read(&m->log, m->places[i].where, &record, &out) == SPOKE_OK);
        require(record.seq == m->places[i].seq && out.len == record.head_bytes + record.body_bytes);
    }
}

static void use(struct medium *m, bool forget)
{
    read_all(m);
    if (forget)
        m->count = 0; /* then nothing of it lives */
    for (uint32_t i = 0; i < 40; i++) {
        append(m, i * 37 % 200);
        if (i % 8 == 0) {
            const uint32_t newest = m->log.next_seq - 1;
            struct log_mark mark = {.single_count = 0};
            for (unsigned lane = 0; lane < LOG_LANES; lane++)
                mark.below[lane] = m->count > 0 ? m->places[0].seq - 1 : newest;
            const spoke_status status = log_mark(&m->log, &mark);
            require(status == SPOKE_OK || status == SPOKE_E_FULL);
        }
    }
    read_all(m);
}

static bool is_done(const struct log_mark *mark, uint32_t seq)
{
    const uint32_t behind = mark->below[seq % LOG_LANES] - seq;
    bool done = behind < 0x80000000u;
    for (size_t i = 0; i < mark->single_count; i++)
        done |= mark->singles[i] == seq;
    return done;
}

/* What was appended has to be found, unless a hostile mark had it done before it was there. */
static void open_again(struct medium *m)
{
    require(open_log(m) == SPOKE_OK);
    for (size_t i = 0; i < m->count; i++)
        require(!m->places[i].promised || is_done(&m->log.mark, m->places[i].seq));
}

static void choose_sizes(struct medium *m, uint8_t dice)
{
    static const uint32_t units[] = {1, 8, 32, 64};
    static const uint32_t sizes[][2] = {{512, 4}, {512, 7}, {1024, 4}, {1536, 5}};
    spoke_storage_ram_init(&m->ram, m->memory, sizes[dice >> 2 & 3][0], sizes[dice >> 2 & 3][1]);
    m->ram.storage.ctx = m;
    m->ram.storage.program_bytes = units[dice & 3];
    m->ram.storage.read = counted_read;
    m->ram.storage.program = program;
    m->ram.storage.erase = erase;
    memset(m->memory, 0xFF, sizeof m->memory);
}

static void change_good_log(struct medium *m, const uint8_t *data, size_t size)
{
    const size_t total = (size_t)m->ram.storage.block_bytes * m->ram.storage.block_count;
    require(open_log(m) == SPOKE_OK);
    use(m, false);
    for (size_t i = 0; i + 3 <= size; i += 3)
        m->memory[(data[i] | (size_t)data[i + 1] << 8) % total] ^= data[i + 2];
    m->count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct medium medium;
    struct medium *m = &medium;
    if (size == 0)
        return 0;
    m->count = 0;
    choose_sizes(m, data[0]);
    if ((data[0] & 0x10) != 0)
        change_good_log(m, data + 1, size - 1);
    else
        memcpy(m->memory, data + 1, size - 1 < sizeof m->memory ? size - 1 : sizeof m->memory);
    if (open_log(m) != SPOKE_OK)
        return 0;
    use(m, (data[0] & 0x20) != 0);
    open_again(m);
    use(m, true);
    open_again(m);
    return 0;
}
