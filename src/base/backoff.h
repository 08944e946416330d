/* Exponential back-off with full jitter. */
#ifndef SPOKE_SRC_BASE_BACKOFF_H
#define SPOKE_SRC_BASE_BACKOFF_H

#include <spoke/base.h>

struct backoff {
    uint32_t base_ms, cap_ms;
    uint32_t attempts; /* failures in a row */
};

/* The next pause: uniform in [0, min(cap, base * 2^attempts)], at least 1; counts the attempt. `random` is 32
 * fresh random bits. */
uint32_t backoff_next_ms(struct backoff *b, uint32_t random);

#endif
