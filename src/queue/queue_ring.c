#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "queue/queue_inside.h"

/* Payloads of uneven size in one piece of memory, used as a circle. In one lane they die in the order in which they
 * came, and the circle just turns. Where lanes overtake each other dead ones lie between the living; then all are moved
 * together, which costs at most a fixed multiple of the bytes won, as an eighth of the memory is always free. */

struct block {
    uint32_t size; /* of the whole block, a multiple of 8 */
    uint16_t slot; /* NO_SLOT: dead */
    uint16_t unused;
};

_Static_assert(sizeof(struct block) == 8, "as queue_cost counts it");

static struct block block_at(const struct queue_ring *r, uint32_t offset)
{
    struct block b;
    memcpy(&b, r->memory + offset, sizeof b);
    return b;
}

static void block_put(struct queue_ring *r, uint32_t offset, struct block b)
{
    memcpy(r->memory + offset, &b, sizeof b);
}

void ring_init(struct queue *q)
{
    q->ring = (struct queue_ring){.memory = q->o.memory,
                                  .cap = (uint32_t)(q->o.memory_bytes & ~(size_t)7),
                                  .end = (uint32_t)(q->o.memory_bytes & ~(size_t)7)};
}

static bool wrapped(const struct queue_ring *r)
{
    return r->held > 0 && r->tail <= r->oldest;
}

/* Dead blocks at the front are room again. Not done when they die: the message being added lies behind them. */
static void reclaim(struct queue_ring *r)
{
    while (r->held > 0) {
        const struct block b = block_at(r, r->oldest);
        if (b.slot != NO_SLOT)
            return;
        r->held--;
        r->oldest += b.size;
        if (r->oldest >= r->end) {
            r->oldest = 0;
            r->end = r->cap;
        }
    }
    r->oldest = r->tail = 0;
    r->end = r->cap;
}

/* --- moving everything together --- */

/* Moves the living blocks of [from, until) down to `to`; returns where they end. */
static uint32_t slide(struct queue_ring *r, uint32_t from, uint32_t until, uint32_t to)
{
    while (from < until) {
        const struct block b = block_at(r, from);
        if (b.slot != NO_SLOT) {
            if (to != from)
                memmove(r->memory + to, r->memory + from, b.size);
            to += b.size;
        } else {
            r->held--;
        }
        from += b.size;
    }
    return to;
}

static void reverse(uint8_t *from, size_t words)
{
    for (size_t i = 0, j = words; i + 1 < j; i++) {
        uint64_t a, b;
        j--;
        memcpy(&a, from + 8 * i, 8);
        memcpy(&b, from + 8 * j, 8);
        memcpy(from + 8 * i, &b, 8);
        memcpy(from + 8 * j, &a, 8);
    }
}

/* Exchanges [0, middle) with [middle, end): the older ones come first again. */
static void rotate(uint8_t *memory, uint32_t middle, uint32_t end)
{
    reverse(memory, middle / 8);
    reverse(memory + middle, (end - middle) / 8);
    reverse(memory, end / 8);
}

void ring_compact(struct queue *q)
{
    struct queue_ring *r = &q->ring;
    uint32_t end;
    reclaim(r);
    if (wrapped(r)) {
        const uint32_t oldest = r->oldest, until = r->end;
        const uint32_t middle = slide(r, 0, r->tail, 0);
        end = slide(r, oldest, until, middle);
        rotate(r->memory, middle, end);
    } else {
        end = slide(r, r->oldest, r->tail, 0);
    }
    r->oldest = 0;
    r->tail = end;
    r->end = r->cap;
    for (uint32_t at = 0; at < end;) {
        const struct block b = block_at(r, at);
        q->entries[b.slot].place = at + (uint32_t)sizeof b;
        at += b.size;
    }
}

/* --- adding --- */

/* In a build with a single lane the circle just turns: what lies dead behind the first that lives is soon the front. */
enum { MOVES = SPOKE_WITH_PRIORITIES || SPOKE_WITH_PROPERTIES || SPOKE_WITH_DROPS };
enum attempt { BEHIND_THE_LAST, AT_THE_START, MOVED_TOGETHER, ATTEMPTS };

/* False: there is no such place. */
static bool place(struct queue *q, enum attempt attempt, uint32_t *offset, uint32_t *room)
{
    struct queue_ring *r = &q->ring;
    if (MOVES && attempt == MOVED_TOGETHER)
        ring_compact(q);
    if (attempt == AT_THE_START) {
        *offset = 0;
        *room = r->oldest;
        return !wrapped(r) && r->held > 0 && *room > sizeof(struct block);
    }
    *offset = r->tail;
    *room = (wrapped(r) ? r->oldest : r->cap) - r->tail;
    return *room > sizeof(struct block);
}

spoke_status ring_write(struct queue *q, size_t most, queue_write_fn write, void *ctx, struct draft *d)
{
    struct queue_ring *r = &q->ring;
    reclaim(r);
    for (enum attempt attempt = BEHIND_THE_LAST; attempt < (MOVES ? ATTEMPTS : MOVED_TOGETHER); attempt++) {
        uint32_t offset, room;
        if (!place(q, attempt, &offset, &room))
            continue;
        d->payload = spoke_buf_from(r->memory + offset + sizeof(struct block), room - sizeof(struct block));
        const spoke_status status = write(ctx, &d->payload, &d->head_bytes);
        if (status == SPOKE_E_TOO_SMALL && d->payload.cap < most)
            continue;
        if (status == SPOKE_E_TOO_SMALL || (status == SPOKE_OK && d->payload.len > most))
            return SPOKE_E_TOO_LARGE;
        d->spare = d->payload.cap - d->payload.len;
        return status;
    }
    return r->held > 0 ? SPOKE_E_FULL : SPOKE_E_TOO_LARGE;
}

void ring_commit(struct queue *q, uint16_t slot, size_t len)
{
    struct queue_ring *r = &q->ring;
    struct queue_entry *e = &q->entries[slot];
    const uint32_t offset = e->place - (uint32_t)sizeof(struct block);
    const struct block b = {.size = (uint32_t)((sizeof b + len + 7) & ~(size_t)7), .slot = slot};
    assert(offset == r->tail || (offset == 0 && !wrapped(r)));
    if (offset == 0 && r->held > 0)
        r->end = r->tail;
    block_put(r, offset, b);
    r->tail = offset + b.size;
    r->held++;
}

void ring_free(struct queue *q, const struct queue_entry *e)
{
    const uint16_t dead = NO_SLOT;
    uint8_t *at = q->ring.memory + e->place - sizeof(struct block);
    memcpy(at + offsetof(struct block, slot), &dead, sizeof dead);
}
