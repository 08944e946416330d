/* Deadlines by the thousand: a heap of timers, each part of what it wakes. The next one is known at once, setting one
 * costs the logarithm of their number, and nobody looks at the others. Times are milliseconds of one clock. One thread; the heap
 * of the C library, so nothing for a device. */
#ifndef SPOKE_SRC_BASE_TIMERS_H
#define SPOKE_SRC_BASE_TIMERS_H

#include <spoke/base.h>

struct timer {
    uint64_t due; /* UINT64_MAX: never */
    size_t place; /* in the heap, from 1; 0: in none */
    void *owner;
};

/* All zeros is one without timers. */
struct timers {
    struct timer **heap;
    size_t count, cap;
};

/* E_NO_MEMORY. The only call that takes memory. */
spoke_status timers_add(struct timers *t, struct timer *timer, uint64_t due, void *owner);
/* Of a timer that was added. UINT64_MAX: never, until it is set again. */
void timers_set(struct timers *t, struct timer *timer, uint64_t due);
/* Nothing when it is in none. */
void timers_remove(struct timers *t, struct timer *timer);
/* Of the first one; UINT64_MAX: there is none. */
uint64_t timers_due(const struct timers *t);
/* The owner of the first timer when it is due, NULL when it is not. It stays: set or remove it. */
void *timers_first(const struct timers *t, uint64_t now);
void timers_free(struct timers *t);

#endif
