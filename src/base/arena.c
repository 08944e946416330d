#include "base/arena.h"

#include <string.h>

#define ARENA_ALIGN 8u
#define ARENA_MAX_BLOCK (1024u * 1024u)

static unsigned char *aligned(unsigned char *at)
{
    return at + (ARENA_ALIGN - (uintptr_t)at % ARENA_ALIGN) % ARENA_ALIGN;
}

void arena_init(struct arena *arena, void *memory, size_t size)
{
    memset(arena, 0, sizeof *arena);
    arena->at = memory;
    arena->end = memory != NULL ? arena->at + size : NULL;
}

void arena_init_growing(struct arena *arena, arena_grow_fn grow, void *ctx, size_t first_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->grow = grow;
    arena->grow_ctx = ctx;
    arena->block_bytes = first_bytes;
}

static bool fits(const struct arena *arena, size_t bytes)
{
    if (arena->at == NULL)
        return false;
    const unsigned char *from = aligned(arena->at);
    return from <= arena->end && bytes <= (size_t)(arena->end - from);
}

/* What is left of the last block is given up: requests are small beside a block. */
static bool add_block(struct arena *arena, size_t bytes)
{
    if (arena->grow == NULL)
        return false;
    const size_t size = bytes > arena->block_bytes ? bytes : arena->block_bytes;
    unsigned char *block = arena->grow(arena->grow_ctx, size);
    if (block == NULL)
        return false;
    arena->at = block;
    arena->end = block + size;
    if (arena->block_bytes < ARENA_MAX_BLOCK)
        arena->block_bytes += arena->block_bytes / 2;
    return true;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    const bool overflow = size != 0 && count > SIZE_MAX / 2 / size;
    if (arena->exhausted || overflow || (!fits(arena, count * size) && !add_block(arena, count * size))) {
        arena->exhausted = true;
        return NULL;
    }
    unsigned char *from = aligned(arena->at);
    arena->at = from + count * size;
    return memset(from, 0, count * size);
}

const char *arena_text(struct arena *arena, spoke_str text)
{
    char *copy = arena_alloc(arena, text.len + 1, 1);
    if (copy != NULL && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return copy;
}
