#include <assert.h>
#include <string.h>

#include "queue/queue_inside.h"

#if SPOKE_WITH_STORAGE

/* The queue on a log: which of its records live, what of them is done, and the index again after a restart. */

/* --- finding an entry by seq --- */

static uint16_t *bucket_of(struct queue *q, uint32_t seq)
{
    return &q->buckets[seq % q->o.messages];
}

void queue_store_enter(struct queue *q, uint16_t slot)
{
    uint16_t *bucket = bucket_of(q, q->entries[slot].seq);
    q->same[slot] = *bucket;
    *bucket = slot;
}

void queue_store_leave(struct queue *q, uint16_t slot)
{
    uint16_t *at = bucket_of(q, q->entries[slot].seq);
    while (*at != slot)
        at = &q->same[*at];
    *at = q->same[slot];
}

static uint16_t slot_with(struct queue *q, uint32_t seq)
{
    uint16_t slot = q->o.messages > 0 ? *bucket_of(q, seq) : NO_SLOT;
    while (slot != NO_SLOT && q->entries[slot].seq != seq)
        slot = q->same[slot];
    return slot;
}

size_t queue_store_log_share(const spoke_storage *storage)
{
    enum { GOOD = 512 }; /* fewer, larger programs */
    const size_t least = log_scratch_bytes(storage);
    return least > GOOD ? least : GOOD;
}

/* --- what is over --- */

#define ANY_LANE QUEUE_LANES /* it was over before the restart: marks do not say of which lane it was */

static bool older_lives(const struct queue *q, uint32_t seq, unsigned lane)
{
    const uint16_t first = q->lanes[lane].first;
    return first != NO_SLOT && seq_before(q->entries[first].seq, seq);
}

/* An older one of its lane lives, so that it has to be named. */
static bool stands_alone(const struct queue *q, uint32_t seq, unsigned lane)
{
    bool alone = lane < QUEUE_LANES && older_lives(q, seq, lane);
    for (unsigned any = 0; lane == ANY_LANE && any < QUEUE_LANES; any++)
        alone = alone || older_lives(q, seq, any);
    return alone;
}

static bool is_run(const struct queue_dead *dead)
{
    return dead->from != dead->seq;
}

/* Numbers of a mark that the dead take; of those dropped only: what may not be forgotten. */
static size_t dead_numbers(const struct queue *q, bool dropped)
{
    size_t count = 0;
    for (size_t i = 0; i < q->dead_count; i++) {
        const struct queue_dead *dead = &q->dead[i];
        if ((dead->dropped || !dropped) && stands_alone(q, dead->seq, dead->lane))
            count += is_run(dead) ? 2 : 1;
    }
    return count;
}

/* Of its lane, and nothing of the lane lives from there through the entry: both may be named as one run. Not while
 * records are being recovered, which come in any order. NULL: none. */
static struct queue_dead *dead_before(struct queue *q, const struct queue_entry *e)
{
    for (size_t i = 0; i < q->dead_count && !q->recovering; i++) {
        struct queue_dead *dead = &q->dead[i];
        if (dead->dropped && dead->lane == e->lane && seq_before(dead->seq, e->seq) &&
            (e->prev == NO_SLOT || seq_before(q->entries[e->prev].seq, dead->from)))
            return dead;
    }
    return NULL;
}

bool queue_store_can_drop(struct queue *q, const struct queue_entry *e)
{
    if (q->o.storage == NULL || !stands_alone(q, e->seq, e->lane) || dead_numbers(q, true) < LOG_SINGLES)
        return true;
    const struct queue_dead *before = dead_before(q, e);
    return before != NULL && is_run(before);
}

static void prune_dead(struct queue *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->dead_count; i++)
        if (stands_alone(q, q->dead[i].seq, q->dead[i].lane))
            q->dead[kept++] = q->dead[i];
    q->dead_count = kept;
}

/* For one number more: one that was delivered makes way for one that was dropped, as it only costs a duplicate.
 * False: none, then it may come again after a restart. */
static bool dead_room(struct queue *q, bool dropped)
{
    if (dead_numbers(q, false) < LOG_SINGLES)
        return true;
    for (size_t i = 0; dropped && i < q->dead_count; i++)
        if (!q->dead[i].dropped) {
            q->dead[i] = q->dead[--q->dead_count];
            return true;
        }
    return false;
}

static size_t dead_runs(const struct queue *q)
{
    size_t count = 0;
    for (size_t i = 0; i < q->dead_count; i++)
        count += is_run(&q->dead[i]) ? 1 : 0;
    return count;
}

static void name_dead(struct queue *q, struct queue_dead dead)
{
    q->unmarked = true;
    if (!stands_alone(q, dead.seq, dead.lane))
        return;
    prune_dead(q);
    if (dead_room(q, dead.dropped))
        q->dead[q->dead_count++] = dead;
}

/* True: it is named by a run that it continues. */
static bool join_run(struct queue *q, const struct queue_entry *e)
{
    struct queue_dead *before = dead_before(q, e);
    if (before != NULL && !is_run(before)) /* it takes a second number then */
        before = dead_runs(q) < LOG_RUNS && dead_room(q, true) ? dead_before(q, e) : NULL;
    if (before == NULL)
        return false;
    before->seq = e->seq;
    q->unmarked = true;
    return true;
}

void queue_store_forget(struct queue *q, const struct queue_entry *e, bool dropped)
{
    if (q->loaded != QUEUE_NO_TOKEN && (q->loaded >> 16) == (e->seq & UINT16_MAX))
        q->loaded = QUEUE_NO_TOKEN;
    prune_dead(q);
    if (!dropped || !join_run(q, e))
        name_dead(q, (struct queue_dead){.seq = e->seq, .from = e->seq, .lane = e->lane, .dropped = dropped});
}

static spoke_status counted(struct queue *q, spoke_status status)
{
    q->counters.storage_faults += status == SPOKE_E_PORT ? 1 : 0;
    return status;
}

spoke_status queue_flush(struct queue *q)
{
    struct log_mark mark = {.single_count = 0};
    if (!q->unmarked)
        return SPOKE_OK;
    prune_dead(q);
    for (unsigned lane = 0; lane < QUEUE_LANES; lane++) {
        const uint16_t first = q->lanes[lane].first;
        mark.below[lane] = (first != NO_SLOT ? q->entries[first].seq : q->next_seq) - 1;
    }
    for (size_t i = 0; i < q->dead_count; i++) {
        const struct queue_dead *dead = &q->dead[i];
        if (is_run(dead))
            mark.runs[mark.run_count++] = (struct log_run){dead->from, dead->seq, dead->lane};
        else
            mark.singles[mark.single_count++] = dead->seq;
    }
    const spoke_status status = log_mark(&q->log, &mark);
    q->unmarked = status != SPOKE_OK;
    return counted(q, status);
}

spoke_status queue_settle(struct queue *q)
{
    if (q->drop_count == 0 || q->o.storage == NULL)
        return SPOKE_OK;
    const spoke_status status = queue_flush(q);
    return status == SPOKE_OK ? counted(q, log_sync(&q->log)) : status;
}

spoke_status queue_store_keep(struct queue *q, uint16_t slot, uint32_t ttl_s, const struct draft *d)
{
    struct queue_entry *e = &q->entries[slot];
    const spoke_str head = spoke_str_from((const char *)d->payload.ptr, d->head_bytes);
    const spoke_str body = spoke_str_from(head.ptr + head.len, d->payload.len - head.len);
    const struct log_record record = {.seq = e->seq,
                                      .id = e->id,
                                      .ttl_s = ttl_s,
                                      .head_bytes = (uint32_t)head.len,
                                      .body_bytes = (uint32_t)body.len,
                                      .created_ms = e->created_ms,
                                      .lane = e->lane,
                                      .flags = e->flags & ENTRY_JOINS};
    uint32_t where = 0;
    (void)queue_flush(q);
    const spoke_status status = log_append(&q->log, &record, head, body, &where);
    if (status == SPOKE_OK) /* else an older patch stays where it is */
        e->place = where;
    return counted(q, status);
}

spoke_status queue_store_read(struct queue *q, const struct queue_entry *e, spoke_buf *out)
{
    struct log_record record;
    const size_t start = out->len;
    spoke_status status = log_read(&q->log, e->place, &record, out);
    /* what the index says is what was found there: else it is another record */
    if (status == SPOKE_OK &&
        (record.seq != e->seq || record.head_bytes != e->head_bytes || record.body_bytes != e->body_bytes ||
         out->len - start != (size_t)e->head_bytes + e->body_bytes))
        status = SPOKE_E_NOT_FOUND;
    if (status != SPOKE_OK)
        out->len = start;
    q->counters.storage_faults += status == SPOKE_E_PORT || status == SPOKE_E_NOT_FOUND ? 1 : 0;
    return status;
}

/* --- the log's questions --- */

static bool lives(void *ctx, uint32_t seq, uint32_t where)
{
    struct queue *q = ctx;
    const uint16_t slot = slot_with(q, seq);
    return slot != NO_SLOT && q->entries[slot].place == where;
}

static void moved(void *ctx, uint32_t seq, uint32_t from, uint32_t to)
{
    struct queue *q = ctx;
    const uint16_t slot = slot_with(q, seq);
    if (slot != NO_SLOT && q->entries[slot].place == from)
        q->entries[slot].place = to;
}

/* --- recovery --- */

/* Records that were moved come behind younger ones, but in a run: the place of the last one is near. */
static uint16_t place_in_lane(const struct queue *q, const struct log_record *record)
{
    uint16_t at = q->recover_hint[record->lane];
    if (at == NO_SLOT)
        at = q->lanes[record->lane].last;
    while (at != NO_SLOT && !seq_before(q->entries[at].seq, record->seq))
        at = q->entries[at].prev;
    uint16_t next = at != NO_SLOT ? q->entries[at].next : q->lanes[record->lane].first;
    while (next != NO_SLOT && seq_before(q->entries[next].seq, record->seq)) {
        at = next;
        next = q->entries[next].next;
    }
    return at;
}

static uint64_t recovered_end(const struct queue *q, const struct log_record *record)
{
    const int64_t unix_ms = q->o.unix_ms;
    const uint64_t life_ms = (uint64_t)record->ttl_s * 1000;
    if (record->ttl_s == 0)
        return NEVER_ENDS;
    if (unix_ms <= 0 || record->created_ms <= 0 || unix_ms <= record->created_ms)
        return q->recover_ms + life_ms;
    const uint64_t lived_ms = (uint64_t)(unix_ms - record->created_ms);
    return q->recover_ms + (lived_ms < life_ms ? life_ms - lived_ms : 0);
}

static void describe(const struct queue *q, struct queue_entry *e, const struct log_record *record, uint32_t where)
{
    e->flags = (uint8_t)((record->flags & ENTRY_JOINS) | ENTRY_RECOVERED);
    e->seq = record->seq;
    e->id = record->id;
    e->place = where;
    e->head_bytes = (uint16_t)record->head_bytes; /* of ours it was no more: else it reads as damaged */
    e->body_bytes = record->body_bytes;
    e->created_ms = record->created_ms;
    e->added_ms = q->recover_ms;
    e->ends_ms = recovered_end(q, record);
}

static void drop_recovered(struct queue *q, uint16_t slot, enum queue_reason why)
{
    if (q->recover_hint[q->entries[slot].lane] == slot)
        q->recover_hint[q->entries[slot].lane] = NO_SLOT;
    slot_drop(q, slot, why);
}

/* The youngest telemetry: NO_SLOT: there is none. */
static uint16_t youngest(const struct queue *q)
{
    uint16_t found = NO_SLOT;
    for (unsigned lane = 0; lane < QUEUE_REPORTS; lane++) {
        const uint16_t slot = q->lanes[lane].last;
        if (slot != NO_SLOT && (found == NO_SLOT || seq_before(q->entries[found].seq, q->entries[slot].seq)))
            found = slot;
    }
    return found;
}

/* The storage holds more than the index: one has to go, by the same policy, and refusing means the youngest here.
 * True: it was another than this record. */
static bool recover_room(struct queue *q, const struct log_record *record)
{
    const enum queue_policy policy = q->o.policy;
    const bool report = record->lane == QUEUE_REPORTS,
               by_age = policy == QUEUE_REFUSE || policy == QUEUE_DROP_NEWEST;
    const uint16_t victim = by_age ? youngest(q) : slot_victim(q, policy, QUEUE_HIGH);
    bool gives_way = victim != NO_SLOT;
    if (gives_way && !report && by_age)
        gives_way = seq_before(record->seq, q->entries[victim].seq);
    else if (gives_way && !report && policy == QUEUE_DROP_LOWEST)
        gives_way = q->entries[victim].lane > record->lane ||
                    (q->entries[victim].lane == record->lane && seq_before(q->entries[victim].seq, record->seq));
    else if (gives_way && !report)
        gives_way = seq_before(q->entries[victim].seq, record->seq);
    const enum queue_reason why = by_age                        ? QUEUE_NEWEST
                                  : policy == QUEUE_DROP_LOWEST ? QUEUE_LOWEST
                                                                : QUEUE_OLDEST;
    if (gives_way) {
        drop_recovered(q, victim, why);
        return true;
    }
    if (report) {
        q->counters.storage_faults++; /* recovered and dropped are telemetry's alone */
    } else {
        q->counters.dropped[why]++;
        q->counters.recovered++;
    }
    name_dead(q,
              (struct queue_dead){.seq = record->seq, .from = record->seq, .lane = record->lane, .dropped = true});
    return false;
}

static spoke_status found(void *ctx, const struct log_record *record, uint32_t where)
{
    struct queue *q = ctx;
    static_assert(LOG_LANES == QUEUE_LANES, "the log passes no other lane on");
    const uint16_t copy = slot_with(q, record->seq);
    if (copy != NO_SLOT) {
        const struct queue_entry *e = &q->entries[copy];
        if (q->recover_hint[e->lane] == copy)
            q->recover_hint[e->lane] = NO_SLOT;
        q->counters.recovered -= e->lane != QUEUE_REPORTS ? 1 : 0;
        slot_remove(q, copy);
    }
    const bool report = record->lane == QUEUE_REPORTS;
    const bool full = q->free == NO_SLOT || (!report && q->kinds[0].count >= q->kinds[0].most_messages);
    if (full && !recover_room(q, record))
        return SPOKE_OK;
    const uint16_t slot = slot_take(q, record->lane);
    describe(q, &q->entries[slot], record, where);
    slot_link(q, slot, place_in_lane(q, record), cost_of(q, &q->entries[slot]));
    q->recover_hint[record->lane] = slot;
    q->counters.recovered += report ? 0 : 1;
    return SPOKE_OK;
}

static void recall(struct queue *q, struct queue_dead dead)
{
    const size_t numbers = is_run(&dead) ? 2 : 1;
    if (stands_alone(q, dead.seq, dead.lane) && dead_numbers(q, false) + numbers <= LOG_SINGLES)
        q->dead[q->dead_count++] = dead;
}

/* What the last mark names has to be named on. */
static void recall_dead(struct queue *q)
{
    const struct log_mark *mark = &q->log.mark;
    prune_dead(q);
    for (size_t i = 0; i < mark->run_count; i++) {
        const struct log_run *run = &mark->runs[i];
        recall(q, (struct queue_dead){.seq = run->to, .from = run->from, .lane = run->lane, .dropped = true});
    }
    for (size_t i = 0; i < mark->single_count; i++) {
        const uint32_t seq = mark->singles[i];
        recall(q, (struct queue_dead){.seq = seq, .from = seq, .lane = ANY_LANE, .dropped = true});
    }
}

spoke_status queue_store_open(struct queue *q, uint64_t now_ms)
{
    const struct log_owner owner = {.ctx = q, .found = found, .lives = lives, .moved = moved};
    const size_t log_bytes = queue_store_log_share(q->o.storage);
    if (q->o.messages == 0 || q->o.memory_bytes <= log_bytes)
        return SPOKE_E_ARG;
    /* a multiple of 8 in front, so that the log's share is aligned too */
    q->scratch = spoke_buf_from(q->o.memory, (q->o.memory_bytes - log_bytes) & ~(size_t)7);
    q->recover_ms = now_ms;
    for (unsigned lane = 0; lane < QUEUE_LANES; lane++)
        q->recover_hint[lane] = NO_SLOT;
    q->recovering = true;
    const spoke_status status =
        log_open(&q->log, q->o.storage, &owner, q->scratch.ptr + q->scratch.cap, log_bytes, q->o.store_id);
    q->recovering = false;
    if (status != SPOKE_OK)
        return status;
    q->next_seq = q->log.next_seq;
    recall_dead(q);
    return SPOKE_OK;
}

/* --- how it does --- */

bool queue_store_answers(struct queue *q)
{
    return log_answers(&q->log);
}

queue_counter queue_store_faults(const struct queue *q)
{
    return (queue_counter)(q->counters.storage_faults + q->log.faults);
}

#endif
