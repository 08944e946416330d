#include "base/backoff.h"

/* min(cap, base * 2^attempts) */
static uint32_t ceiling_ms(const struct backoff *b)
{
    uint64_t ceiling = b->base_ms;
    for (uint32_t i = 0; i < b->attempts && ceiling > 0 && ceiling < b->cap_ms; i++)
        ceiling *= 2;
    return ceiling < b->cap_ms ? (uint32_t)ceiling : b->cap_ms;
}

uint32_t backoff_next_ms(struct backoff *b, uint32_t random)
{
    /* The high half of the product spreads 32 bits evenly over 0..ceiling. */
    const uint32_t pause = (uint32_t)((uint64_t)random * ((uint64_t)ceiling_ms(b) + 1) >> 32);
    if (b->attempts < UINT32_MAX)
        b->attempts++;
    return pause > 0 ? pause : 1;
}
