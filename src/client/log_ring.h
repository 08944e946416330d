/* The last log lines, in memory of the caller's. The oldest leave, each whole, to make room for the newest. Pure.
 *
 * Lines come from any thread, with the client's lock held and without it, and nobody may wait for the ring: so its
 * guard is tried, and a line that finds somebody else inside is left out. */
#ifndef SPOKE_SRC_CLIENT_LOG_RING_H
#define SPOKE_SRC_CLIENT_LOG_RING_H

#include <spoke/platform.h>

#if defined(__STDC_NO_ATOMICS__)
typedef bool log_ring_guard; /* no threads there */
#else
#include <stdatomic.h>
typedef atomic_flag log_ring_guard;
#endif

struct log_ring {
    uint8_t *bytes;
    size_t cap, used; /* lines one behind the other, the oldest first */
};

/* Views are valid until the next line is added. */
struct log_ring_line {
    int64_t unix_s; /* 0: the clock was not set */
    uint64_t uptime_ms;
    spoke_log_level level;
    spoke_str module, text;
};

void log_ring_init(struct log_ring *ring, void *memory, size_t cap);
/* What is longer than the ring, or than 255 bytes, is cut at a whole character. */
void log_ring_add(struct log_ring *ring, const struct log_ring_line *line);
/* *at: 0 for the oldest. False: there is no more. */
bool log_ring_next(const struct log_ring *ring, size_t *at, struct log_ring_line *out);

void log_ring_guard_init(log_ring_guard *guard);
bool log_ring_enter(log_ring_guard *guard); /* false: somebody is inside */
void log_ring_leave(log_ring_guard *guard);

#endif
