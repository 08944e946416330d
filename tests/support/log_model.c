#include "support/log_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void insist(const struct log_model *m, bool holds, const char *what, uint32_t seq)
{
    if (holds)
        return;
    fprintf(stderr, "log_model, seed %llu: %s: seq %u (head %u at %u, tail %u, %zu items, operation %llu)\n",
            (unsigned long long)m->seed, what, seq, m->log.head, m->log.head_offset, m->log.tail, m->count,
            (unsigned long long)m->flash.operations);
    abort();
}

static bool after(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

struct log_model_item *log_model_find(struct log_model *m, uint32_t seq)
{
    size_t low = 0, high = m->count; /* items are in the order of seq */
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (m->items[middle].seq == seq)
            return &m->items[middle];
        if (after(seq, m->items[middle].seq))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint8_t payload_byte(uint32_t seq, uint32_t i)
{
    return (uint8_t)(seq * 31u + i * 7u + (i >> 8) - (seq >> 5));
}

static bool payload_right(const struct log_model_item *item, const uint8_t *bytes, uint32_t len)
{
    bool right = len == item->bytes;
    for (uint32_t i = 0; i < len && right; i++)
        right = bytes[i] == payload_byte(item->seq, i);
    return right;
}

/* --- the owner --- */

static spoke_status found(void *ctx, const struct log_record *record, uint32_t where)
{
    struct log_model *m = ctx;
    struct log_model_item *item = log_model_find(m, record->seq);
    insist(m, item != NULL, "was never appended", record->seq);
    insist(m, item->lane == record->lane && item->bytes == record->head_bytes + record->body_bytes, "is changed",
           record->seq);
    insist(m,
           record->id == ~record->seq && record->created_ms == -(int64_t)record->seq && record->ttl_s == 7 &&
               record->flags == 0xA5,
           "lost its fields", record->seq);
    insist(m, !item->durable, "was told to be done, and comes back", record->seq);
    item->where = where;
    item->found++;
    return SPOKE_OK;
}

static bool lives(void *ctx, uint32_t seq, uint32_t where)
{
    const struct log_model_item *item = log_model_find(ctx, seq);
    return item != NULL && item->state == LOG_MODEL_LIVES && item->where == where;
}

static void moved(void *ctx, uint32_t seq, uint32_t from, uint32_t to)
{
    struct log_model *m = ctx;
    struct log_model_item *item = log_model_find(m, seq);
    insist(m, item != NULL && item->where == from && from != to, "moved from where it was not", seq);
    item->where = to;
}

void log_model_init(struct log_model *m, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes,
                    uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->seed = seed;
    flash_sim_init(&m->flash, block_bytes, block_count, program_bytes, seed);
    m->scratch_bytes = log_scratch_bytes(&m->flash.storage);
    m->most_payload = log_most_bytes(&m->flash.storage) / 2;
    m->capacity = log_capacity(&m->flash.storage, m->most_payload);
}

void log_model_fini(struct log_model *m)
{
    flash_sim_fini(&m->flash);
}

static uint32_t cost(const struct log_model *m, uint32_t bytes)
{
    return log_record_bytes(&m->flash.storage, bytes);
}

spoke_status log_model_open(struct log_model *m, bool damage)
{
    const struct log_owner owner = {.ctx = m, .found = found, .lives = lives, .moved = moved};
    for (size_t i = 0; i < m->count; i++)
        m->items[i].found = 0;
    const spoke_status status = log_open(&m->log, &m->flash.storage, &owner, m->scratch, m->scratch_bytes,
                                         0xC0FFEE00u + (uint32_t)m->count);
    if (status != SPOKE_OK)
        return status;
    m->living_bytes = 0;
    while (m->count > 0 && m->items[m->count - 1].state == LOG_MODEL_ASKED && m->items[m->count - 1].found == 0)
        m->count--; /* its number may be given again */
    for (size_t i = 0; i < m->count; i++) {
        struct log_model_item *item = &m->items[i];
        insist(m, damage || item->state != LOG_MODEL_LIVES || item->found > 0, "was promised, and is lost",
               item->seq);
        insist(m, damage || item->state == LOG_MODEL_ASKED || after(m->log.next_seq, item->seq),
               "number given again", item->seq);
        m->duplicates += item->state == LOG_MODEL_DONE && item->found > 0;
        /* What came back lives again; what is not there ends. */
        item->state = item->found > 0 ? LOG_MODEL_LIVES : LOG_MODEL_DONE;
        item->known = item->found > 0;
        item->told &= item->state == LOG_MODEL_DONE;
        if (item->state == LOG_MODEL_LIVES)
            m->living_bytes += cost(m, item->bytes);
    }
    return log_model_read_all(m);
}

spoke_status log_model_read_all(struct log_model *m)
{
    static uint8_t bytes[1 << 16];
    for (size_t i = 0; i < m->count; i++) {
        struct log_model_item *item = &m->items[i];
        spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
        struct log_record record;
        if (item->state != LOG_MODEL_LIVES)
            continue;
        const uint64_t failed = m->flash.failed_reads;
        const spoke_status status = log_read(&m->log, item->where, &record, &out);
        if (status != SPOKE_OK && (m->flash.off || m->flash.failed_reads != failed))
            return status;
        insist(m, status == SPOKE_OK && record.seq == item->seq, "cannot be read", item->seq);
        insist(m, payload_right(item, bytes, (uint32_t)out.len), "has another payload", item->seq);
    }
    return SPOKE_OK;
}

/* --- a life --- */

static void all_synced(struct log_model *m)
{
    for (size_t i = 0; i < m->count; i++)
        m->items[i].durable |= m->items[i].told;
}

spoke_status log_model_append(struct log_model *m, uint8_t lane, uint32_t bytes)
{
    static char payload[1 << 16];
    if (m->count == LOG_MODEL_ITEMS || bytes > m->most_payload || m->living_bytes + cost(m, bytes) > m->capacity)
        return SPOKE_E_FULL;
    struct log_model_item *item = &m->items[m->count++];
    *item = (struct log_model_item){.seq = m->log.next_seq, .bytes = bytes, .lane = lane, .known = true};
    for (uint32_t i = 0; i < bytes; i++)
        payload[i] = (char)payload_byte(item->seq, i);
    const struct log_record record = {.seq = item->seq,
                                      .id = ~item->seq,
                                      .ttl_s = 7,
                                      .lane = lane,
                                      .flags = 0xA5,
                                      .created_ms = -(int64_t)item->seq};
    const size_t head = bytes > 0 ? item->seq % bytes : 0;
    const spoke_status status = log_append(&m->log, &record, spoke_str_from(payload, head),
                                           spoke_str_from(payload + head, bytes - head), &item->where);
    if (status != SPOKE_OK)
        return status;
    item->state = LOG_MODEL_LIVES;
    m->living_bytes += cost(m, bytes);
    all_synced(m);
    return SPOKE_OK;
}

void log_model_done(struct log_model *m, size_t i)
{
    if (m->items[i].state == LOG_MODEL_LIVES)
        m->living_bytes -= cost(m, m->items[i].bytes);
    m->items[i].state = LOG_MODEL_DONE;
}

static void collect(const struct log_model *m, struct log_mark *mark)
{
    bool open[LOG_LANES] = {false};
    *mark = (struct log_mark){.single_count = 0};
    for (unsigned lane = 0; lane < LOG_LANES; lane++)
        mark->below[lane] = m->log.next_seq - 1;
    for (size_t i = 0; i < m->count; i++) {
        const struct log_model_item *item = &m->items[i];
        if (item->state == LOG_MODEL_LIVES && !open[item->lane]) {
            open[item->lane] = true;
            mark->below[item->lane] = item->seq - 1;
        }
        if (item->state == LOG_MODEL_DONE && open[item->lane] && item->known && mark->single_count < LOG_SINGLES)
            mark->singles[mark->single_count++] = item->seq;
    }
}

static bool covers(const struct log_mark *mark, const struct log_model_item *item)
{
    if (!after(item->seq, mark->below[item->lane]))
        return true;
    for (size_t i = 0; i < mark->single_count; i++)
        if (mark->singles[i] == item->seq)
            return true;
    return false;
}

spoke_status log_model_mark(struct log_model *m)
{
    struct log_mark mark;
    collect(m, &mark);
    const spoke_status status = log_mark(&m->log, &mark);
    if (status == SPOKE_E_FULL && m->living_bytes > m->capacity) /* what came back a second time is too much */
        return SPOKE_OK;
    for (size_t i = 0; i < m->count && status == SPOKE_OK; i++)
        m->items[i].told |= m->items[i].state == LOG_MODEL_DONE && covers(&mark, &m->items[i]);
    return status;
}

/* The oldest living one of a lane, or, while marks have room for it, any. */
static void end_one(struct log_model *m, uint8_t lane)
{
    const bool any = flash_sim_random(&m->flash) % 8 == 0 && m->log.mark.single_count < LOG_SINGLES / 4;
    size_t skip = any ? flash_sim_random(&m->flash) % 5 : 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].state == LOG_MODEL_LIVES && m->items[i].lane == lane && skip-- == 0) {
            log_model_done(m, i);
            return;
        }
}

spoke_status log_model_step(struct log_model *m)
{
    const uint32_t dice = flash_sim_random(&m->flash);
    const uint8_t lane = (uint8_t)(flash_sim_random(&m->flash) % LOG_LANES);
    const uint32_t most = dice % 7 == 0 ? m->most_payload : m->most_payload / 4;
    const uint32_t bytes = flash_sim_random(&m->flash) % (most + 1);
    if (dice % 16 < 9) {
        const spoke_status status = log_model_append(m, lane, bytes);
        if (status != SPOKE_E_FULL || m->count == LOG_MODEL_ITEMS)
            return status;
        insist(m, m->living_bytes + cost(m, bytes) > m->capacity, "is refused below capacity", m->log.next_seq);
        end_one(m, lane);
        return SPOKE_OK;
    }
    if (dice % 16 < 14) {
        end_one(m, lane);
        return SPOKE_OK;
    }
    return log_model_mark(m);
}
