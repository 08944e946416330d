/* A small seeded generator: the same seed makes the same schedule on every machine. */
#ifndef SPOKE_TESTS_CHANCE_H
#define SPOKE_TESTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* splitmix64: neighbouring seeds give unrelated rows. */
static inline uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 to most, both included. */
static inline uint32_t chance_up_to(struct chance *c, uint32_t most)
{
    return (uint32_t)(chance_next(c) % ((uint64_t)most + 1));
}

static inline uint32_t chance_between(struct chance *c, uint32_t least, uint32_t most)
{
    return least + chance_up_to(c, most - least);
}

static inline bool chance_one_in(struct chance *c, uint32_t n)
{
    return chance_up_to(c, n - 1) == 0;
}

#endif
