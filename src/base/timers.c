#include "base/timers.h"

#include <stdlib.h>

static void put(struct timers *t, size_t place, struct timer *timer)
{
    t->heap[place - 1] = timer;
    timer->place = place;
}

static void move_up(struct timers *t, struct timer *timer)
{
    size_t place = timer->place;
    for (; place > 1 && t->heap[place / 2 - 1]->due > timer->due; place /= 2)
        put(t, place, t->heap[place / 2 - 1]);
    put(t, place, timer);
}

/* The one below `place` that comes first; 0: nothing is below. */
static size_t earlier_child(const struct timers *t, size_t place)
{
    const size_t left = 2 * place;
    if (left > t->count)
        return 0;
    return left < t->count && t->heap[left]->due < t->heap[left - 1]->due ? left + 1 : left;
}

static void move_down(struct timers *t, struct timer *timer)
{
    size_t place = timer->place, child;
    while ((child = earlier_child(t, place)) != 0 && t->heap[child - 1]->due < timer->due) {
        put(t, place, t->heap[child - 1]);
        place = child;
    }
    put(t, place, timer);
}

spoke_status timers_add(struct timers *t, struct timer *timer, uint64_t due, void *owner)
{
    if (t->count == t->cap) {
        const size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
        struct timer **heap =
            cap <= SIZE_MAX / sizeof(struct timer *) ? realloc(t->heap, cap * sizeof *heap) : NULL;
        if (heap == NULL)
            return SPOKE_E_NO_MEMORY;
        t->heap = heap;
        t->cap = cap;
    }
    *timer = (struct timer){.due = due, .owner = owner};
    put(t, ++t->count, timer);
    move_up(t, timer);
    return SPOKE_OK;
}

void timers_set(struct timers *t, struct timer *timer, uint64_t due)
{
    const bool sooner = due < timer->due;
    timer->due = due;
    if (sooner)
        move_up(t, timer);
    else
        move_down(t, timer);
}

void timers_remove(struct timers *t, struct timer *timer)
{
    if (timer->place == 0)
        return;
    struct timer *last = t->heap[--t->count];
    if (last != timer) {
        put(t, timer->place, last);
        move_up(t, last);
        move_down(t, last);
    }
    timer->place = 0;
}

uint64_t timers_due(const struct timers *t)
{
    return t->count > 0 ? t->heap[0]->due : UINT64_MAX;
}

void *timers_first(const struct timers *t, uint64_t now)
{
    return timers_due(t) <= now && t->count > 0 ? t->heap[0]->owner : NULL;
}

void timers_free(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}
