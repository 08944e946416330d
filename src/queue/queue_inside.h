/* What the files of the queue share. */
#ifndef SPOKE_SRC_QUEUE_QUEUE_INSIDE_H
#define SPOKE_SRC_QUEUE_QUEUE_INSIDE_H

#include "queue/queue.h"

#define NO_SLOT UINT16_MAX
#define NEVER_ENDS UINT64_MAX

enum entry_state {
    ENTRY_FREE,   /* next: QUEUED */
    ENTRY_QUEUED, /* next: SENT; FREE when dropped */
    ENTRY_SENT    /* next: FREE when acknowledged; QUEUED on rewind */
};

enum {
    ENTRY_SENT_BEFORE = 1,
    ENTRY_RECOVERED = 2,
    ENTRY_JOINS = 4,
    ENTRY_PLACED = 8 /* sent in the session that the hub keeps: `order` stays, however often it is repeated */
};

/* In a lane the SENT ones stand first, then the QUEUED, both in order of seq. Those sent before are the first of them
 * too, and of these the placed ones, whose order grows along the lane. A group is a run of neighbours: the leader
 * counts its members, the others have 0. */
/* What only some builds ask for: how long it waits, and what the program calls it. */
#define QUEUE_TIMES \
    (SPOKE_WITH_PACE || SPOKE_WITH_STATS || SPOKE_WITH_BATCHES || SPOKE_WITH_STAMPS || SPOKE_WITH_STORAGE)
#define QUEUE_NAMES (SPOKE_WITH_NOTICES || SPOKE_WITH_STORAGE)

struct queue_entry {
#if QUEUE_TIMES
    queue_time added_ms;
#endif
#if SPOKE_WITH_DROPS || SPOKE_WITH_STORAGE
    uint64_t ends_ms;
#endif
#if SPOKE_WITH_STAMPS || SPOKE_WITH_STORAGE
    int64_t created_ms;
#endif
    uint32_t seq;
#if QUEUE_NAMES
    uint32_t id;
#endif
    uint32_t place; /* offset in the ring, or where in the log */
    uint32_t body_bytes;
    uint32_t order; /* of sending: of the first in this session */
    uint16_t head_bytes;
    uint16_t prev, next; /* in the lane; free ones hang on next */
    uint8_t flags;
    uint8_t lane : 4, state : 4;
#if SPOKE_WITH_RESUME
    uint16_t packet_id;
#endif
#if SPOKE_WITH_BATCHES
    uint16_t members;
#endif
};

_Static_assert(sizeof(struct queue_entry) <= 56, "docs/memory.md counts on it");

/* What waits longer than the type can say counts from its last turn: it has waited for weeks in any case. */
static inline uint64_t entry_waited_ms(const struct queue_entry *e, uint64_t now_ms)
{
#if QUEUE_TIMES
    return now_ms > e->added_ms ? (queue_time)(now_ms - e->added_ms) : 0;
#else
    (void)e, (void)now_ms;
    return 0;
#endif
}

static inline void entry_set_id(struct queue_entry *e, uint32_t id)
{
#if QUEUE_NAMES
    e->id = id;
#endif
    (void)e, (void)id;
}

static inline uint32_t entry_id(const struct queue_entry *e)
{
#if QUEUE_NAMES
    return e->id;
#else
    (void)e;
    return 0;
#endif
}

/* When it was added, when it ages out, and when it was made: as far as the build knows. */
static inline void entry_date(struct queue_entry *e, uint64_t added_ms, uint64_t ends_ms, int64_t created_ms)
{
#if QUEUE_TIMES
    e->added_ms = (queue_time)added_ms;
#endif
#if SPOKE_WITH_DROPS || SPOKE_WITH_STORAGE
    e->ends_ms = SPOKE_WITH_DROPS ? ends_ms : NEVER_ENDS;
#endif
#if SPOKE_WITH_STAMPS || SPOKE_WITH_STORAGE
    e->created_ms = created_ms;
#endif
    (void)e, (void)added_ms, (void)ends_ms, (void)created_ms;
}

static inline uint64_t entry_ends_ms(const struct queue_entry *e)
{
#if SPOKE_WITH_DROPS || SPOKE_WITH_STORAGE
    return e->ends_ms;
#else
    (void)e;
    return NEVER_ENDS;
#endif
}

static inline void entry_set_packet_id(struct queue_entry *e, uint16_t id)
{
#if SPOKE_WITH_RESUME
    e->packet_id = id;
#endif
    (void)e, (void)id;
}

static inline uint16_t entry_packet_id(const struct queue_entry *e)
{
#if SPOKE_WITH_RESUME
    return e->packet_id;
#else
    (void)e;
    return 0;
#endif
}

static inline void entry_set_members(struct queue_entry *e, uint16_t members)
{
#if SPOKE_WITH_BATCHES
    e->members = members;
#endif
    (void)e, (void)members;
}

static inline uint16_t entry_members(const struct queue_entry *e)
{
#if SPOKE_WITH_BATCHES
    return e->members;
#else
    (void)e;
    return 1;
#endif
}

static inline int64_t entry_created_ms(const struct queue_entry *e)
{
#if SPOKE_WITH_STAMPS || SPOKE_WITH_STORAGE
    return e->created_ms;
#else
    (void)e;
    return 0;
#endif
}

/* --- queue.c --- */
static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* Payloads lie on a storage, rather than in memory. */
static inline bool on_storage(const spoke_storage *storage)
{
    return SPOKE_WITH_STORAGE && storage != NULL;
}

static inline bool stores(const struct queue *q)
{
    return on_storage(q->o.storage);
}

static inline size_t kind_of(unsigned lane)
{
    return SPOKE_WITH_PROPERTIES && lane == QUEUE_REPORTS ? 1 : 0;
}

static inline queue_sum cost_of(const struct queue *q, const struct queue_entry *e)
{
    return queue_cost(q->o.storage, (size_t)e->head_bytes + e->body_bytes);
}

uint16_t slot_take(struct queue *q, unsigned lane);
/* Behind `behind` in its lane; NO_SLOT: at its front. Counts it, at its queue_cost. */
void slot_link(struct queue *q, uint16_t slot, uint16_t behind, queue_sum cost);
/* Takes it out of the index; its payload stays where it is. */
void slot_remove(struct queue *q, uint16_t slot);
/* Drops it, counted. */
void slot_drop(struct queue *q, uint16_t slot, enum queue_reason why);
/* The telemetry that the policy drops before all others, of lanes down from `highest`: NO_SLOT: none. */
uint16_t slot_victim(const struct queue *q, enum queue_policy policy, enum queue_lane highest);

/* The message that is being added, before it has a slot. */
struct draft {
    spoke_buf payload; /* in the ring, not yet committed; or in the scratch */
    size_t head_bytes;
    size_t spare; /* bytes of room behind it */
};

/* --- queue_ring.c --- */
void ring_init(struct queue *q);
/* Writes a message behind the others, to be committed before the next call on the ring. E_FULL: no room now;
 * E_TOO_LARGE: never. */
spoke_status ring_write(struct queue *q, size_t most, queue_write_fn write, void *ctx, struct draft *d);
/* The payload written last, `len` bytes of it, belongs to the slot. */
void ring_commit(struct queue *q, uint16_t slot, size_t len);
void ring_free(struct queue *q, const struct queue_entry *e);
void ring_compact(struct queue *q);

/* --- queue_ages.c --- */
void ages_enter(struct queue *q, uint16_t slot);
void ages_leave(struct queue *q, uint16_t slot);
/* Most never end: then these are a comparison. */
static inline void ages_put(struct queue *q, uint16_t slot)
{
    if (SPOKE_WITH_DROPS && entry_ends_ms(&q->entries[slot]) != NEVER_ENDS)
        ages_enter(q, slot);
}
static inline void ages_take(struct queue *q, uint16_t slot)
{
    if (SPOKE_WITH_DROPS && entry_ends_ms(&q->entries[slot]) != NEVER_ENDS)
        ages_leave(q, slot);
}

/* --- queue_store.c --- */
#if SPOKE_WITH_STORAGE
spoke_status queue_store_open(struct queue *q, uint64_t now_ms);
void queue_store_enter(struct queue *q, uint16_t slot); /* into the look-up by seq */
void queue_store_leave(struct queue *q, uint16_t slot);
/* The message is over: what the storage has to be told of it. */
void queue_store_forget(struct queue *q, const struct queue_entry *e, bool dropped);
/* Into the log under the entry's seq. Durable with it: what was dropped for it stays dropped, and after a power cut no
 * more is found than the index held. */
spoke_status queue_store_keep(struct queue *q, uint16_t slot, uint32_t ttl_s, const struct draft *d);
size_t queue_store_log_share(const spoke_storage *storage); /* of the memory, for the log */
bool queue_store_can_drop(struct queue *q, const struct queue_entry *e);
/* E_NOT_FOUND: it is damaged; E_PORT: the storage failed, and may work again. */
spoke_status queue_store_read(struct queue *q, const struct queue_entry *e, spoke_buf *out);
bool queue_store_answers(struct queue *q); /* can anything at all be read? */
queue_counter queue_store_faults(const struct queue *q);
#else
static inline spoke_status queue_store_open(struct queue *q, uint64_t now_ms)
{
    (void)q, (void)now_ms;
    return SPOKE_E_UNSUPPORTED;
}
static inline void queue_store_enter(struct queue *q, uint16_t slot)
{
    (void)q, (void)slot;
}
static inline void queue_store_leave(struct queue *q, uint16_t slot)
{
    (void)q, (void)slot;
}
static inline void queue_store_forget(struct queue *q, const struct queue_entry *e, bool dropped)
{
    (void)q, (void)e, (void)dropped;
}
static inline spoke_status queue_store_keep(struct queue *q, uint16_t slot, uint32_t ttl_s, const struct draft *d)
{
    (void)q, (void)slot, (void)ttl_s, (void)d;
    return SPOKE_E_UNSUPPORTED;
}
static inline size_t queue_store_log_share(const spoke_storage *storage)
{
    (void)storage;
    return 0;
}
static inline bool queue_store_can_drop(struct queue *q, const struct queue_entry *e)
{
    (void)q, (void)e;
    return true;
}
static inline spoke_status queue_store_read(struct queue *q, const struct queue_entry *e, spoke_buf *out)
{
    (void)q, (void)e, (void)out;
    return SPOKE_E_UNSUPPORTED;
}
static inline bool queue_store_answers(struct queue *q)
{
    (void)q;
    return false;
}
static inline queue_counter queue_store_faults(const struct queue *q)
{
    (void)q;
    return 0;
}
#endif

#endif
