/* An arena in blocks of the heap, for programs that have one: tools, the service, tests. */
#ifndef SPOKE_SRC_BASE_HEAP_ARENA_H
#define SPOKE_SRC_BASE_HEAP_ARENA_H

#include "base/arena.h"

struct heap_arena {
    struct arena arena;
    struct heap_block *blocks;
    size_t bytes;     /* taken so far */
    size_t max_bytes; /* refused beyond; 0: no limit */
};

/* Takes nothing yet. Not to be moved afterwards: the arena knows the address. */
void heap_arena_init(struct heap_arena *heap, size_t first_bytes, size_t max_bytes);
/* Gives all blocks back, and with them everything that was allocated. */
void heap_arena_fini(struct heap_arena *heap);

#endif
