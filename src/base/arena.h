/* A bump allocator: everything goes at once, when its owner says so. */
#ifndef SPOKE_SRC_BASE_ARENA_H
#define SPOKE_SRC_BASE_ARENA_H

#include <stddef.h>

#include <spoke/base.h>

/* Another block of at least `size` bytes, aligned for max_align_t, or NULL. */
typedef void *(*arena_grow_fn)(void *ctx, size_t size);

struct arena {
    unsigned char *at, *end;
    arena_grow_fn grow; /* NULL: the first block is all there is */
    void *grow_ctx;
    size_t block_bytes; /* of the next block; grows by half each time, up to a megabyte */
    bool exhausted;     /* sticks: something was refused */
};

/* In the caller's memory alone. */
void arena_init(struct arena *arena, void *memory, size_t size);
/* In blocks as they are needed. */
void arena_init_growing(struct arena *arena, arena_grow_fn grow, void *ctx, size_t first_bytes);
/* Zeroed and aligned for every type here (8 bytes); NULL and `exhausted` when there is no room. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it; NULL when there is no room. */
const char *arena_text(struct arena *arena, spoke_str text);

#endif
