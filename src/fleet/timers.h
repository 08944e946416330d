/* Who is due next: a binary heap, so that a turn costs the logarithm of the fleet, not the fleet. One thread. */
#ifndef SPOKE_SRC_FLEET_TIMERS_H
#define SPOKE_SRC_FLEET_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#define TIMER_NONE SIZE_MAX /* timer->at: it is not in the heap */

/* Part of what waits. */
struct timer {
    uint64_t due_ms;
    size_t at;
};

struct timers {
    struct timer **heap; /* the caller's, room for all that may ever wait */
    size_t count;
};

/* Puts it in, or to its new place. UINT64_MAX: takes it out. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ms);
/* The first; NULL: none waits. */
struct timer *timers_first(const struct timers *timers);

#endif
