/* Numbers that look random and repeat with their seed: splitmix64 (Steele, Lea, Flood 2014). Not for secrets. */
#ifndef SPOKE_SRC_SYNTH_RANDOM_H
#define SPOKE_SRC_SYNTH_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Each member of a fleet its own sequence, whatever the others do. */
static inline struct random random_of(uint64_t seed, uint64_t member)
{
    struct random r = {seed};
    r.state = random_next(&r) ^ member * 0xd1342543de82ef95u;
    return r;
}

/* From 0 to below 1. */
static inline double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* From 0 to below `end`, which is not 0. */
static inline uint32_t random_below(struct random *r, uint32_t end)
{
    return (uint32_t)((random_next(r) >> 32) * end >> 32);
}

#endif
