#include "fleet/timers.h"

static void place(struct timers *t, struct timer *timer, size_t at)
{
    t->heap[at] = timer;
    timer->at = at;
}

static void rise(struct timers *t, struct timer *timer)
{
    size_t at = timer->at;
    for (; at > 0 && t->heap[(at - 1) / 2]->due_ms > timer->due_ms; at = (at - 1) / 2)
        place(t, t->heap[(at - 1) / 2], at);
    place(t, timer, at);
}

static void sink(struct timers *t, struct timer *timer)
{
    size_t at = timer->at;
    for (size_t child = at * 2 + 1; child < t->count; child = at * 2 + 1) {
        if (child + 1 < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
            child++;
        if (t->heap[child]->due_ms >= timer->due_ms)
            break;
        place(t, t->heap[child], at);
        at = child;
    }
    place(t, timer, at);
}

static void take_out(struct timers *t, struct timer *timer)
{
    struct timer *last = t->heap[--t->count];
    const size_t hole = timer->at;
    timer->at = TIMER_NONE;
    if (last == timer)
        return;
    place(t, last, hole);
    sink(t, last);
    rise(t, last);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ms)
{
    const uint64_t before = timer->due_ms;
    timer->due_ms = due_ms;
    if (due_ms == UINT64_MAX) {
        if (timer->at != TIMER_NONE)
            take_out(timers, timer);
        return;
    }
    if (timer->at == TIMER_NONE) {
        place(timers, timer, timers->count++);
        rise(timers, timer);
    } else if (due_ms < before) {
        rise(timers, timer);
    } else {
        sink(timers, timer);
    }
}

struct timer *timers_first(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0] : NULL;
}
