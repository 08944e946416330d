#include <assert.h>
#include <string.h>

#include "queue/queue_inside.h"

/* --- sizes --- */

enum { RING_OVERHEAD = 8 }; /* what the ring adds to a payload, rounding apart */

size_t queue_index_bytes(const spoke_storage *storage, size_t messages)
{
    const size_t beside = on_storage(storage) ? 4 : SPOKE_WITH_DROPS ? 2 : 0; /* ages, age; buckets, same */
    return messages * (sizeof(struct queue_entry) + beside * sizeof(uint16_t));
}

queue_sum queue_cost(const spoke_storage *storage, size_t payload_bytes)
{
    if (on_storage(storage))
        return log_record_bytes(storage, payload_bytes < UINT32_MAX ? (uint32_t)payload_bytes : UINT32_MAX);
    return ((queue_sum)payload_bytes + RING_OVERHEAD + 7) & ~(queue_sum)7;
}

size_t queue_memory_bytes(const struct queue_options *options, size_t most)
{
    if (on_storage(options->storage))
        return 2 * most + 8 + queue_store_log_share(options->storage);
    const uint64_t budgets = (uint64_t)options->telemetry_bytes + options->report_bytes;
    uint64_t slack = budgets / 8;
    if (options->policy != QUEUE_REFUSE && slack < most + RING_OVERHEAD)
        slack = most + RING_OVERHEAD;
    const uint64_t all = (budgets + slack + 15) & ~(uint64_t)7;
    return all < INT32_MAX ? (size_t)all : SIZE_MAX;
}

/* --- life --- */

/* The next slot that was never used: memory of a large index that is not needed stays as it was. */
static uint16_t touch_slot(struct queue *q)
{
    const uint16_t slot = q->touched++;
    q->entries[slot].state = ENTRY_FREE;
    q->entries[slot].next = NO_SLOT;
    if (SPOKE_WITH_DROPS)
        q->age[slot] = NO_SLOT;
    return slot;
}

static void clear_index(struct queue *q)
{
    const size_t slots = q->o.messages;
    q->entries = q->o.index;
    if (slots > 0) {
        q->ages = (uint16_t *)(void *)(q->entries + slots);
        q->age = q->ages + slots;
        q->buckets = q->age + slots;
        q->same = q->buckets + slots;
    }
    q->age_count = 0;
    for (size_t i = 0; stores(q) && i < slots; i++)
        q->buckets[i] = NO_SLOT;
    q->touched = 0;
    q->free = slots > 0 ? touch_slot(q) : NO_SLOT;
    for (size_t lane = 0; lane < QUEUE_LANES; lane++)
        q->lanes[lane] = (struct queue_line){NO_SLOT, NO_SLOT, NO_SLOT, NO_SLOT};
}

void queue_clear(struct queue *q)
{
    assert(!stores(q));
    clear_index(q);
    for (size_t k = 0; k < 2; k++) {
        q->kinds[k].cost = q->kinds[k].payload = 0;
        q->kinds[k].count = q->kinds[k].unsent = 0;
    }
    q->drop_first = q->drop_count = 0;
    ring_init(q);
}

spoke_status queue_init(struct queue *q, const struct queue_options *options, uint64_t now_ms)
{
    memset(q, 0, sizeof *q);
    q->o = *options;
    if (options->messages > QUEUE_MOST_MESSAGES || options->telemetry_messages > options->messages ||
        (!stores(q) && options->memory_bytes > INT32_MAX))
        return SPOKE_E_ARG;
    q->kinds[0].budget = options->telemetry_bytes;
    q->kinds[0].most_messages = options->telemetry_messages;
    q->kinds[1].budget = options->report_bytes;
    q->kinds[1].most_messages = options->messages - options->telemetry_messages;
    q->next_seq = 1;
    q->loaded = QUEUE_NO_TOKEN;
    clear_index(q);
    spoke_status status = SPOKE_OK;
    if (stores(q))
        status = queue_store_open(q, now_ms);
    else
        ring_init(q);
    queue_limit(q, false, SIZE_MAX);
    queue_limit(q, true, SIZE_MAX);
    return status;
}

/* The largest payload that the budget holds, rounding and overhead counted. */
static size_t most_of(const struct queue *q, size_t k)
{
    uint64_t most = q->kinds[k].budget;
    if (stores(q)) {
        const uint64_t record = log_most_bytes(q->o.storage);
        most = record < most ? record : most;
        most = q->scratch.cap < most ? q->scratch.cap : most;
    } else {
        const uint64_t ring = q->ring.cap > 2 * RING_OVERHEAD ? q->ring.cap - RING_OVERHEAD : 0;
        most = ring < most ? ring : most;
    }
    while (most > 0 && queue_cost(q->o.storage, (size_t)most) > q->kinds[k].budget)
        most--;
    return (size_t)most;
}

void queue_limit(struct queue *q, bool reports, size_t most)
{
    const size_t k = reports ? 1 : 0;
    const size_t possible = most_of(q, k);
    q->most[k] = most < possible ? most : possible;
}

/* --- slots and lanes --- */

static uint32_t token_of(const struct queue *q, uint16_t slot)
{
    return q->entries[slot].seq << 16 | slot;
}

/* NO_SLOT: nothing in the queue has this token. */
static uint16_t slot_named(const struct queue *q, uint32_t token)
{
    const uint16_t slot = (uint16_t)(token & UINT16_MAX);
    const bool known = slot < q->touched && q->entries[slot].state != ENTRY_FREE && token_of(q, slot) == token;
    return known ? slot : NO_SLOT;
}

static inline uint16_t next_free(struct queue *q)
{
    const uint16_t slot = q->free;
    assert(slot != NO_SLOT); /* every caller has made room */
    q->free = q->entries[slot].next;
    if (q->free == NO_SLOT && q->touched < q->o.messages)
        q->free = touch_slot(q);
    return slot;
}

uint16_t slot_take(struct queue *q, unsigned lane)
{
    const uint16_t slot = next_free(q);
    q->entries[slot] = (struct queue_entry){.lane = lane & 15u, .state = ENTRY_QUEUED};
    entry_set_members(&q->entries[slot], 1);
    return slot;
}

static void give_back(struct queue *q, uint16_t slot)
{
    q->entries[slot].state = ENTRY_FREE;
    q->entries[slot].next = q->free;
    q->free = slot;
}

static void chain(struct queue *q, uint16_t slot, uint16_t behind)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_line *lane = &q->lanes[e->lane];
    e->prev = behind;
    e->next = behind != NO_SLOT ? q->entries[behind].next : lane->first;
    if (behind != NO_SLOT)
        q->entries[behind].next = slot;
    else
        lane->first = slot;
    if (e->next != NO_SLOT)
        q->entries[e->next].prev = slot;
    else
        lane->last = slot;
}

/* This and take_out run once for each message: inlined there, and called from the rest. */
static inline void put_in(struct queue *q, uint16_t slot, uint16_t behind, queue_sum cost)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_line *lane = &q->lanes[e->lane];
    struct queue_kind *kind = &q->kinds[kind_of(e->lane)];
    chain(q, slot, behind);
    if (lane->unsent == e->next)
        lane->unsent = slot;
    if (lane->fresh == e->next)
        lane->fresh = slot;
    kind->cost += cost;
    kind->payload += (queue_sum)e->head_bytes + e->body_bytes;
    kind->count++;
    kind->unsent++;
    if (q->kinds[0].count > q->counters.high)
        q->counters.high = (uint32_t)q->kinds[0].count;
    if (stores(q))
        queue_store_enter(q, slot);
    ages_put(q, slot);
}

void slot_link(struct queue *q, uint16_t slot, uint16_t behind, queue_sum cost)
{
    put_in(q, slot, behind, cost);
}

static inline void unlink_slot(struct queue *q, uint16_t slot)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_line *lane = &q->lanes[e->lane];
    if (lane->unsent == slot)
        lane->unsent = e->next;
    if (lane->fresh == slot)
        lane->fresh = e->next;
    if (e->prev != NO_SLOT)
        q->entries[e->prev].next = e->next;
    else
        lane->first = e->next;
    if (e->next != NO_SLOT)
        q->entries[e->next].prev = e->prev;
    else
        lane->last = e->prev;
}

static inline void take_out(struct queue *q, uint16_t slot)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_kind *kind = &q->kinds[kind_of(e->lane)];
    ages_take(q, slot);
    if (stores(q))
        queue_store_leave(q, slot);
    kind->cost -= cost_of(q, e);
    kind->payload -= (queue_sum)e->head_bytes + e->body_bytes;
    kind->count--;
    unlink_slot(q, slot);
    give_back(q, slot);
}

static void count_unsent_out(struct queue *q, uint16_t slot)
{
    const struct queue_entry *e = &q->entries[slot];
    q->kinds[kind_of(e->lane)].unsent -= e->state == ENTRY_QUEUED ? 1 : 0;
}

void slot_remove(struct queue *q, uint16_t slot)
{
    count_unsent_out(q, slot);
    take_out(q, slot);
}

/* The message is over; what became of it was counted. */
static inline void release(struct queue *q, uint16_t slot, bool dropped)
{
    if (stores(q))
        queue_store_forget(q, &q->entries[slot], dropped);
    else
        ring_free(q, &q->entries[slot]);
    take_out(q, slot);
}

/* --- groups --- */

static void ungroup(struct queue *q, uint16_t leader)
{
    const uint16_t members = entry_members(&q->entries[leader]);
    uint16_t slot = leader;
    for (uint16_t i = 0; i < members; i++, slot = q->entries[slot].next) {
        entry_set_members(&q->entries[slot], 1);
        if (q->entries[slot].state == ENTRY_QUEUED)
            ages_put(q, slot);
    }
}

void queue_ungroup(struct queue *q, uint32_t token)
{
    const uint16_t slot = slot_named(q, token);
    if (!SPOKE_WITH_BATCHES || slot == NO_SLOT)
        return;
    ungroup(q, slot);
    entry_set_packet_id(&q->entries[slot], 0); /* a repeat would be another message */
}

/* --- dropping --- */

/* An outcome can be told, or nobody waits for it. */
static bool can_tell(const struct queue *q, uint32_t id)
{
    return !SPOKE_WITH_NOTICES || id == 0 || q->drop_count < QUEUE_DROPS;
}

static void tell(struct queue *q, uint32_t id, enum queue_reason why)
{
    q->counters.dropped[why]++;
    if (!SPOKE_WITH_NOTICES || id == 0 || q->drop_count == QUEUE_DROPS)
        return;
    q->drops[(q->drop_first + q->drop_count) % QUEUE_DROPS] = (struct queue_drop){id, why};
    q->drop_count++;
}

void slot_drop(struct queue *q, uint16_t slot, enum queue_reason why)
{
    const struct queue_entry *e = &q->entries[slot];
    if (SPOKE_WITH_BATCHES)
        ungroup(q, slot);
    if (e->lane != QUEUE_REPORTS)
        tell(q, entry_id(e), why);
    count_unsent_out(q, slot);
    release(q, slot, true);
}

spoke_status queue_drop(struct queue *q, uint32_t token, enum queue_reason why)
{
    const uint16_t slot = slot_named(q, token);
    if (slot == NO_SLOT)
        return SPOKE_OK;
    if (!can_tell(q, entry_id(&q->entries[slot])))
        return SPOKE_E_FULL;
    slot_drop(q, slot, why);
    return SPOKE_OK;
}

spoke_status queue_next_dropped(struct queue *q, uint32_t *id, enum queue_reason *why)
{
    if (!SPOKE_WITH_NOTICES || q->drop_count == 0)
        return SPOKE_E_AGAIN;
    *id = q->drops[q->drop_first].id;
    *why = q->drops[q->drop_first].why;
    q->drop_first = (q->drop_first + 1) % QUEUE_DROPS;
    q->drop_count--;
    return SPOKE_OK;
}

/* After a failure of the storage nothing is read for a while. */
static bool reading_rests(struct queue *q, uint64_t now_ms)
{
    if (!SPOKE_WITH_STORAGE || q->read_again_ms == 0)
        return false;
    if (q->read_again_ms <= now_ms)
        q->read_again_ms = 0;
    return q->read_again_ms != 0;
}

void queue_age(struct queue *q, uint64_t now_ms)
{
    (void)reading_rests(q, now_ms); /* so that the deadline is none of the past */
    while (SPOKE_WITH_DROPS && q->age_count > 0 && entry_ends_ms(&q->entries[q->ages[0]]) <= now_ms &&
           can_tell(q, entry_id(&q->entries[q->ages[0]])))
        slot_drop(q, q->ages[0], QUEUE_EXPIRED);
}

uint64_t queue_deadline(const struct queue *q)
{
    const uint64_t ends =
        SPOKE_WITH_DROPS && q->age_count > 0 ? entry_ends_ms(&q->entries[q->ages[0]]) : NEVER_ENDS;
    return SPOKE_WITH_STORAGE && q->read_again_ms != 0 && q->read_again_ms < ends ? q->read_again_ms : ends;
}

/* --- making room --- */

uint16_t slot_victim(const struct queue *q, enum queue_policy policy, enum queue_lane highest)
{
    uint16_t victim = NO_SLOT;
    for (unsigned lane = QUEUE_REPORTS; lane-- > (unsigned)highest;) {
        const uint16_t slot = q->lanes[lane].fresh;
        if (slot == NO_SLOT)
            continue;
        if (policy == QUEUE_DROP_LOWEST)
            return slot;
        if (victim == NO_SLOT || seq_before(q->entries[slot].seq, q->entries[victim].seq))
            victim = slot;
    }
    return victim;
}

static bool has_room(const struct queue *q, size_t k, queue_sum cost)
{
    const struct queue_kind *kind = &q->kinds[k];
    return q->free != NO_SLOT && kind->count < kind->most_messages && cost <= kind->budget &&
           kind->cost <= kind->budget - cost;
}

/* Dropping all that the policy allows would do: else nothing is dropped in vain. Looks at as many as the new message
 * takes the place of. */
static bool can_make_room(const struct queue *q, enum queue_lane highest, queue_sum cost)
{
    const struct queue_kind *kind = &q->kinds[0];
    queue_sum droppable = 0;
    for (unsigned lane = highest; lane < QUEUE_REPORTS; lane++)
        for (uint16_t slot = q->lanes[lane].fresh; slot != NO_SLOT; slot = q->entries[slot].next) {
            droppable += cost_of(q, &q->entries[slot]);
            if (kind->cost - droppable + cost <= kind->budget)
                return true;
        }
    return false;
}

static spoke_status make_room(struct queue *q, const struct queue_message *m, queue_sum cost)
{
    if (has_room(q, 0, cost))
        return SPOKE_OK;
    const enum queue_policy policy = SPOKE_WITH_DROPS ? q->o.policy : QUEUE_REFUSE;
    const enum queue_lane highest = policy == QUEUE_DROP_LOWEST ? m->lane : QUEUE_HIGH;
    if (policy == QUEUE_REFUSE || policy == QUEUE_DROP_NEWEST || !can_make_room(q, highest, cost))
        return SPOKE_E_FULL;
    while (!has_room(q, 0, cost)) {
        const uint16_t victim = slot_victim(q, policy, highest);
        if (victim == NO_SLOT || !can_tell(q, entry_id(&q->entries[victim])) ||
            !queue_store_can_drop(q, &q->entries[victim]))
            return SPOKE_E_FULL;
        slot_drop(q, victim, policy == QUEUE_DROP_LOWEST ? QUEUE_LOWEST : QUEUE_OLDEST);
    }
    return SPOKE_OK;
}

/* --- adding --- */

static spoke_status write_draft(struct queue *q, size_t most, queue_write_fn write, void *ctx, struct draft *d)
{
    if (!stores(q))
        return ring_write(q, most, write, ctx, d);
    q->loaded = QUEUE_NO_TOKEN;
    d->payload = spoke_buf_from(q->scratch.ptr, most);
    const spoke_status status = write(ctx, &d->payload, &d->head_bytes);
    d->spare = q->scratch.cap - d->payload.len;
    return status == SPOKE_E_TOO_SMALL ? SPOKE_E_TOO_LARGE : status;
}

/* Under the entry's seq. */
static spoke_status keep(struct queue *q, uint16_t slot, uint32_t ttl_s, const struct draft *d)
{
    if (stores(q))
        return queue_store_keep(q, slot, ttl_s, d);
    q->entries[slot].place = (uint32_t)(d->payload.ptr - q->ring.memory);
    ring_commit(q, slot, d->payload.len);
    return SPOKE_OK;
}

static inline spoke_status commit(struct queue *q, uint64_t now_ms, const struct queue_message *m,
                                  const struct draft *d, queue_sum cost)
{
    const uint16_t slot = next_free(q);
    q->entries[slot] = (struct queue_entry){.seq = q->next_seq,
                                            .body_bytes = (uint32_t)(d->payload.len - d->head_bytes),
                                            .head_bytes = (uint16_t)d->head_bytes,
                                            .flags = m->joins ? ENTRY_JOINS : 0,
                                            .lane = (unsigned)m->lane & 15u,
                                            .state = ENTRY_QUEUED};
    entry_set_members(&q->entries[slot], 1);
    entry_set_id(&q->entries[slot], m->id);
    entry_date(&q->entries[slot], now_ms, m->ttl_s > 0 ? now_ms + (uint64_t)m->ttl_s * 1000 : NEVER_ENDS,
               m->created_ms);
    const spoke_status status = keep(q, slot, m->ttl_s, d);
    if (status == SPOKE_OK || status == SPOKE_E_PORT) /* who knows what a failing medium kept under this number */
        q->next_seq++;
    if (status != SPOKE_OK) {
        give_back(q, slot);
        return status;
    }
    put_in(q, slot, q->lanes[m->lane].last, cost);
    if (stores(q))
        q->loaded = token_of(q, slot);
    return SPOKE_OK;
}

static spoke_status add_telemetry(struct queue *q, uint64_t now_ms, const struct queue_message *m,
                                  queue_write_fn write, void *ctx)
{
    struct draft d;
    spoke_status status = write_draft(q, q->most[0], write, ctx, &d);
    if (status == SPOKE_OK && d.head_bytes > QUEUE_MOST_HEAD)
        return SPOKE_E_TOO_LARGE;
    const queue_sum cost = status == SPOKE_OK ? queue_cost(q->o.storage, d.payload.len) : 0;
    if (status == SPOKE_OK)
        status = make_room(q, m, cost);
    if (status == SPOKE_OK)
        return commit(q, now_ms, m, &d, cost);
    if (!SPOKE_WITH_DROPS || status != SPOKE_E_FULL || q->o.policy != QUEUE_DROP_NEWEST || !can_tell(q, m->id))
        return status;
    tell(q, m->id, QUEUE_NEWEST);
    return SPOKE_OK;
}

/* --- reports --- */

static spoke_str payload_of(struct queue *q, const struct queue_entry *e, spoke_buf *room)
{
    const size_t len = (size_t)e->head_bytes + e->body_bytes;
    if (!stores(q))
        return spoke_str_from((const char *)q->ring.memory + e->place, len);
    return queue_store_read(q, e, room) == SPOKE_OK ? spoke_buf_str(room) : spoke_str_from(NULL, 0);
}

/* Writes the patch that does what the last one waiting and the new one do into d; not OK: they stay two. Works in the
 * room behind the new one; E_TOO_SMALL: there is too little. */
static spoke_status compose(struct queue *q, const struct queue_entry *last, struct draft *d)
{
    spoke_buf room = spoke_buf_from(d->payload.ptr + d->payload.len, d->spare);
    if (q->o.compose == NULL)
        return SPOKE_E_UNSUPPORTED;
    const spoke_str older = payload_of(q, last, &room);
    if (older.len == 0)
        return SPOKE_E_UNSUPPORTED; /* it cannot be read */
    spoke_buf out = spoke_buf_from(room.ptr + room.len, room.cap - room.len);
    const spoke_status status = q->o.compose(older, spoke_buf_str(&d->payload), &out);
    if (status != SPOKE_OK || out.len > q->most[1])
        return status != SPOKE_OK ? status : SPOKE_E_TOO_LARGE;
    memmove(d->payload.ptr, out.ptr, out.len);
    d->payload.len = out.len;
    return SPOKE_OK;
}

/* The composed patch takes the place of the older in everything but the payload. */
static spoke_status replace(struct queue *q, uint16_t slot, const struct draft *d)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_kind *kind = &q->kinds[1];
    const struct queue_entry before = *e;
    const queue_sum cost = kind->cost - cost_of(q, &before) + queue_cost(q->o.storage, d->payload.len);
    if (cost > kind->budget)
        return SPOKE_E_FULL;
    if (!stores(q))
        ring_free(q, &before);
    const spoke_status status = keep(q, slot, 0, d);
    if (status != SPOKE_OK)
        return status;
    e->body_bytes = (uint32_t)d->payload.len;
    kind->cost = cost;
    kind->payload = kind->payload - before.body_bytes + e->body_bytes;
    q->counters.coalesced++;
    return SPOKE_OK;
}

static spoke_status add_report(struct queue *q, uint64_t now_ms, const struct queue_message *m,
                               queue_write_fn write, void *ctx)
{
    struct draft d;
    const uint16_t last = q->lanes[QUEUE_REPORTS].last;
    const bool joins = last != NO_SLOT && q->entries[last].state == ENTRY_QUEUED;
    spoke_status composed = SPOKE_E_UNSUPPORTED;
    spoke_status status = write_draft(q, q->most[1], write, ctx, &d);
    if (SPOKE_WITH_MERGE && status == SPOKE_OK && joins)
        composed = compose(q, &q->entries[last], &d);
    if (SPOKE_WITH_MERGE && composed == SPOKE_E_TOO_SMALL && !stores(q)) {
        ring_compact(q);
        status = write_draft(q, q->most[1], write, ctx, &d);
        composed = status == SPOKE_OK ? compose(q, &q->entries[last], &d) : SPOKE_E_UNSUPPORTED;
    }
    if (SPOKE_WITH_MERGE && composed == SPOKE_OK)
        return replace(q, last, &d);
    if (status != SPOKE_OK)
        return status;
    const queue_sum cost = queue_cost(q->o.storage, d.payload.len);
    return has_room(q, 1, cost) ? commit(q, now_ms, m, &d, cost) : SPOKE_E_FULL;
}

spoke_status queue_add(struct queue *q, uint64_t now_ms, const struct queue_message *m, queue_write_fn write,
                       void *ctx)
{
    queue_age(q, now_ms);
    if (SPOKE_WITH_PROPERTIES && m->lane == QUEUE_REPORTS)
        return add_report(q, now_ms, m, write, ctx);
    const spoke_status status = add_telemetry(q, now_ms, m, write, ctx);
    if (status == SPOKE_OK)
        q->counters.accepted++;
    else if (status == SPOKE_E_FULL || status == SPOKE_E_PORT)
        q->counters.refused++;
    return status;
}

/* --- sending --- */

static void view(const struct queue *q, uint16_t slot, uint64_t now_ms, struct queue_item *out)
{
    const struct queue_entry *e = &q->entries[slot];
    const char *text = (const char *)(stores(q) ? q->scratch.ptr : q->ring.memory + e->place);
    *out = (struct queue_item){.token = token_of(q, slot),
                               .seq = e->seq,
                               .id = entry_id(e),
                               .lane = (enum queue_lane)e->lane,
                               .packet_id = entry_packet_id(e),
                               .members = entry_members(e),
                               .joins = (e->flags & ENTRY_JOINS) != 0,
                               .sent_before = (e->flags & ENTRY_SENT_BEFORE) != 0,
                               .repeats = (e->flags & ENTRY_PLACED) != 0,
                               .recovered = (e->flags & ENTRY_RECOVERED) != 0,
                               .created_ms = entry_created_ms(e),
                               .waited_ms = entry_waited_ms(e, now_ms),
                               .ends_ms = entry_ends_ms(e),
                               .head = spoke_str_from(text, e->head_bytes),
                               .body = spoke_str_from(text + e->head_bytes, e->body_bytes)};
}

/* Into the scratch. E_NOT_FOUND, E_PORT, E_TOO_SMALL: it cannot be read, see queue_store_read. */
static spoke_status load(struct queue *q, uint16_t slot)
{
    const uint32_t token = token_of(q, slot);
    if (q->loaded == token)
        return SPOKE_OK;
    q->loaded = QUEUE_NO_TOKEN;
    q->scratch.len = 0;
    const spoke_status status = queue_store_read(q, &q->entries[slot], &q->scratch);
    if (status == SPOKE_OK)
        q->loaded = token;
    return status;
}

static spoke_status look_at(struct queue *q, uint16_t slot, uint64_t now_ms, struct queue_item *out)
{
    const spoke_status status = stores(q) ? load(q, slot) : SPOKE_OK;
    if (status == SPOKE_OK)
        view(q, slot, now_ms, out);
    return status;
}

/* It could not be read: is that for good? A medium that does not answer may do so in a moment, and then nothing is
 * lost. Only a record that fails three times in a row while others can be read is beyond help. */
static bool is_lost(struct queue *q, uint16_t slot, uint64_t now_ms, spoke_status status)
{
    enum { TRIES = 3, PAUSE_MS = 1000 };
    const uint32_t token = token_of(q, slot);
    if (status != SPOKE_E_PORT)
        return true;
    if (q->unread != token)
        q->unread_tries = 0;
    q->unread = token;
    q->unread_tries = queue_store_answers(q) ? q->unread_tries + 1 : 0;
    if (q->unread_tries == TRIES)
        return true;
    q->read_again_ms = now_ms + PAUSE_MS;
    return false;
}

/* What a pace holds back. */
static bool waits(const struct queue_entry *e, uint64_t now_ms, const struct queue_filter *filter)
{
    return SPOKE_WITH_PACE && now_ms - entry_waited_ms(e, now_ms) < filter->waits_before_ms;
}

/* MQTT 3.1.1, 4.4 and 4.6: what is repeated in a session keeps the order in which it was sent first. It holds places of
 * the window until it is acknowledged, so nothing is gained by letting it wait. */
static uint16_t choose(const struct queue *q, uint64_t now_ms, const struct queue_filter *filter)
{
    uint16_t repeat = NO_SLOT, highest = NO_SLOT;
    for (unsigned lane = 0; lane < QUEUE_REPORTS; lane++) {
        const uint16_t slot = q->lanes[lane].unsent;
        if (slot == NO_SLOT)
            continue;
        const struct queue_entry *e = &q->entries[slot];
        if (SPOKE_WITH_RESUME && (e->flags & ENTRY_PLACED) != 0 &&
            (repeat == NO_SLOT || seq_before(e->order, q->entries[repeat].order)))
            repeat = slot;
        if (highest == NO_SLOT && lane <= (unsigned)filter->lowest && !waits(e, now_ms, filter))
            highest = slot;
    }
    return repeat != NO_SLOT ? repeat : highest;
}

spoke_status queue_next(struct queue *q, uint64_t now_ms, const struct queue_filter *filter,
                        struct queue_item *out)
{
    queue_age(q, now_ms);
    for (uint16_t slot; !reading_rests(q, now_ms) && (slot = choose(q, now_ms, filter)) != NO_SLOT;) {
        const spoke_status status = look_at(q, slot, now_ms, out);
        if (status == SPOKE_OK)
            return SPOKE_OK;
        if (!can_tell(q, entry_id(&q->entries[slot])) || !is_lost(q, slot, now_ms, status))
            break;
        slot_drop(q, slot, status == SPOKE_E_TOO_SMALL ? QUEUE_TOO_LARGE : QUEUE_UNREADABLE);
    }
    return SPOKE_E_AGAIN;
}

spoke_status queue_next_report(struct queue *q, uint64_t now_ms, struct queue_item *out)
{
    const struct queue_line *lane = &q->lanes[QUEUE_REPORTS];
    while (lane->first != NO_SLOT && lane->first == lane->unsent && !reading_rests(q, now_ms)) {
        const spoke_status status = look_at(q, lane->first, now_ms, out);
        if (status == SPOKE_OK)
            return SPOKE_OK;
        if (!is_lost(q, lane->first, now_ms, status))
            break;
        slot_drop(q, lane->first, QUEUE_UNREADABLE);
    }
    return SPOKE_E_AGAIN;
}

spoke_status queue_after(struct queue *q, uint64_t now_ms, uint32_t token, struct queue_item *out)
{
    const uint16_t slot = slot_named(q, token);
    const uint16_t next = slot != NO_SLOT ? q->entries[slot].next : NO_SLOT;
    if (next == NO_SLOT || q->entries[next].state != ENTRY_QUEUED || look_at(q, next, now_ms, out) != SPOKE_OK)
        return SPOKE_E_AGAIN;
    return SPOKE_OK;
}

static inline void mark_sent(struct queue *q, uint16_t slot, uint16_t members)
{
    struct queue_entry *e = &q->entries[slot];
    struct queue_line *lane = &q->lanes[e->lane];
    assert(lane->unsent == slot);
    lane->unsent = e->next;
    q->kinds[kind_of(e->lane)].unsent--;
    if ((e->flags & ENTRY_SENT_BEFORE) == 0)
        lane->fresh = e->next;
    e->state = ENTRY_SENT;
    if ((e->flags & ENTRY_PLACED) == 0)
        e->order = q->next_order;
    e->flags |= ENTRY_SENT_BEFORE | (SPOKE_WITH_RESUME ? ENTRY_PLACED : 0);
    entry_set_members(e, members);
    ages_take(q, slot);
}

void queue_sent(struct queue *q, uint32_t token, uint16_t packet_id, uint16_t members)
{
    uint16_t slot = (uint16_t)(token & UINT16_MAX);
    assert(slot_named(q, token) == slot && members > 0);
    entry_set_packet_id(&q->entries[slot], packet_id);
    mark_sent(q, slot, members);
    while (SPOKE_WITH_BATCHES && --members > 0) {
        slot = q->entries[slot].next;
        mark_sent(q, slot, 0);
    }
    q->next_order++;
}

spoke_status queue_done(struct queue *q, uint32_t token, uint32_t *id, uint32_t *rest)
{
    const uint16_t slot = slot_named(q, token);
    if (slot == NO_SLOT)
        return SPOKE_E_NOT_FOUND;
    const struct queue_entry *e = &q->entries[slot];
    if (e->state != ENTRY_SENT || entry_members(e) == 0)
        return SPOKE_E_NOT_FOUND;
    *id = entry_id(e);
    *rest = QUEUE_NO_TOKEN;
    if (entry_members(e) > 1) {
        entry_set_members(&q->entries[e->next], (uint16_t)(entry_members(e) - 1));
        *rest = token_of(q, e->next);
    }
    q->counters.delivered += e->lane != QUEUE_REPORTS ? 1 : 0;
    release(q, slot, false);
    return SPOKE_OK;
}

/* --- going back --- */

static void requeue(struct queue *q, uint16_t slot)
{
    struct queue_entry *e = &q->entries[slot];
    e->state = ENTRY_QUEUED;
    q->kinds[kind_of(e->lane)].unsent++;
    if (entry_members(e) > 0) /* a group ages with its leader */
        ages_put(q, slot);
}

static void rewind_lane(struct queue *q, unsigned lane)
{
    struct queue_line *line = &q->lanes[lane];
    for (uint16_t slot = line->first; slot != line->unsent; slot = q->entries[slot].next)
        requeue(q, slot);
    line->unsent = line->first;
}

void queue_rewind(struct queue *q)
{
    for (unsigned lane = 0; lane < QUEUE_LANES; lane++)
        rewind_lane(q, lane);
}

void queue_rewind_report(struct queue *q)
{
    rewind_lane(q, QUEUE_REPORTS);
}

void queue_forget_packet_ids(struct queue *q)
{
    for (unsigned lane = 0; SPOKE_WITH_RESUME && lane < QUEUE_LANES; lane++)
        for (uint16_t slot = q->lanes[lane].first; slot != q->lanes[lane].fresh; slot = q->entries[slot].next) {
            entry_set_packet_id(&q->entries[slot], 0);
            q->entries[slot].flags &= (uint8_t)~ENTRY_PLACED;
        }
}

void queue_forget_packet_id(struct queue *q, uint32_t token)
{
    const uint16_t slot = SPOKE_WITH_RESUME ? slot_named(q, token) : NO_SLOT;
    if (slot != NO_SLOT)
        entry_set_packet_id(&q->entries[slot], 0);
}

/* --- looking --- */

size_t queue_count(const struct queue *q)
{
    return q->kinds[0].count;
}

size_t queue_unsent(const struct queue *q)
{
    return q->kinds[0].unsent;
}

size_t queue_in_flight(const struct queue *q)
{
    return q->kinds[0].count - q->kinds[0].unsent;
}

size_t queue_reports(const struct queue *q)
{
    return q->kinds[1].count;
}

uint64_t queue_bytes(const struct queue *q)
{
    return q->kinds[0].payload;
}

queue_counter queue_faults(const struct queue *q)
{
    return queue_store_faults(q);
}

queue_counter queue_dropped(const struct queue *q)
{
    queue_counter sum = 0;
    for (size_t i = 0; i < QUEUE_REASONS; i++)
        sum += q->counters.dropped[i];
    return sum;
}

uint32_t queue_oldest_sent(const struct queue *q)
{
    uint16_t oldest = NO_SLOT;
    for (unsigned lane = 0; lane < QUEUE_REPORTS; lane++) {
        const uint16_t slot = q->lanes[lane].first;
        if (slot == q->lanes[lane].unsent)
            continue;
        if (oldest == NO_SLOT || seq_before(q->entries[slot].order, q->entries[oldest].order))
            oldest = slot;
    }
    return oldest != NO_SLOT ? token_of(q, oldest) : QUEUE_NO_TOKEN;
}

uint32_t queue_report_sent(const struct queue *q)
{
    const struct queue_line *lane = &q->lanes[QUEUE_REPORTS];
    return lane->first != lane->unsent ? token_of(q, lane->first) : QUEUE_NO_TOKEN;
}

uint64_t queue_age_ms(const struct queue *q, uint64_t now_ms)
{
    uint64_t longest = 0;
    for (unsigned lane = 0; lane < QUEUE_REPORTS; lane++) {
        const uint16_t slot = q->lanes[lane].first;
        const uint64_t waited = slot != NO_SLOT ? entry_waited_ms(&q->entries[slot], now_ms) : 0;
        longest = waited > longest ? waited : longest;
    }
    return longest;
}
