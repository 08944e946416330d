/* What one thread of a fleet has done. It alone writes; others look. */
#ifndef SPOKE_SRC_FLEET_COUNTERS_H
#define SPOKE_SRC_FLEET_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
    /* gauges */
    COUNT_STARTED,
    COUNT_CONNECTED, /* at the hub */
    COUNT_READY,
    COUNT_FAILED, /* for ever */
    /* since the start */
    COUNT_REACHED,    /* devices that were READY once */
    COUNT_RECONNECTS, /* READY again */
    COUNT_ERRORS,     /* attempts that failed, links that were lost */
    COUNT_SENT,       /* messages that the client accepted */
    COUNT_ACKED,
    COUNT_DROPPED, /* accepted, and given up */
    COUNT_SKIPPED, /* not made: the queue was full, or the time for them was over */
    COUNT_REPORTS,
    COUNT_PROPERTIES, /* writable ones that were set */
    COUNT_COMMANDS,
    COUNT_CLOUD, /* cloud-to-device messages */
    COUNT_END
};

struct counters {
    _Atomic uint64_t value[COUNT_END];
};

static inline uint64_t counter_get(const struct counters *c, enum counter which)
{
    return atomic_load_explicit(&c->value[which], memory_order_relaxed);
}

/* by may be -1, for gauges. */
static inline void counter_add(struct counters *c, enum counter which, int64_t by)
{
    atomic_store_explicit(&c->value[which], counter_get(c, which) + (uint64_t)by, memory_order_relaxed);
}

#endif
