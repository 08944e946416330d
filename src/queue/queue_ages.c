#include "queue/queue_inside.h"

/* A binary heap of those that wait and end one day: messages of one lane may live for different times. */

/* Those that end together, end in the order in which they came. */
#if SPOKE_WITH_DROPS

static bool ends_before(const struct queue *q, uint16_t a, uint16_t b)
{
    const struct queue_entry *x = &q->entries[a], *y = &q->entries[b];
    return x->ends_ms < y->ends_ms || (x->ends_ms == y->ends_ms && seq_before(x->seq, y->seq));
}

static void set_at(struct queue *q, size_t at, uint16_t slot)
{
    q->ages[at] = slot;
    q->age[slot] = (uint16_t)at;
}

static size_t rise(struct queue *q, size_t at)
{
    const uint16_t slot = q->ages[at];
    while (at > 0 && ends_before(q, slot, q->ages[(at - 1) / 2])) {
        set_at(q, at, q->ages[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    set_at(q, at, slot);
    return at;
}

static void sink(struct queue *q, size_t at)
{
    const uint16_t slot = q->ages[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < q->age_count && ends_before(q, q->ages[child + 1], q->ages[child]))
            child++;
        if (child >= q->age_count || !ends_before(q, q->ages[child], slot))
            break;
        set_at(q, at, q->ages[child]);
        at = child;
    }
    set_at(q, at, slot);
}

void ages_enter(struct queue *q, uint16_t slot)
{
    if (q->age[slot] != NO_SLOT)
        return;
    q->ages[q->age_count] = slot;
    rise(q, q->age_count++);
}

void ages_leave(struct queue *q, uint16_t slot)
{
    const uint16_t at = q->age[slot];
    if (at == NO_SLOT)
        return;
    q->age[slot] = NO_SLOT;
    q->age_count--;
    if (at == q->age_count)
        return;
    set_at(q, at, q->ages[q->age_count]);
    sink(q, rise(q, at));
}

#endif
