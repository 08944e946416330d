#include "base/heap_arena.h"

#include <stdlib.h>

struct heap_block {
    struct heap_block *next;
    max_align_t bytes[];
};

static void *grow(void *ctx, size_t size)
{
    struct heap_arena *heap = ctx;
    const bool allowed = heap->max_bytes == 0 || size <= heap->max_bytes - heap->bytes;
    struct heap_block *block = allowed ? malloc(sizeof *block + size) : NULL;
    if (block == NULL)
        return NULL;
    block->next = heap->blocks;
    heap->blocks = block;
    heap->bytes += size;
    return block->bytes;
}

void heap_arena_init(struct heap_arena *heap, size_t first_bytes, size_t max_bytes)
{
    heap->blocks = NULL;
    heap->bytes = 0;
    heap->max_bytes = max_bytes;
    arena_init_growing(&heap->arena, grow, heap, first_bytes);
}

void heap_arena_fini(struct heap_arena *heap)
{
    while (heap->blocks != NULL) {
        struct heap_block *block = heap->blocks;
        heap->blocks = block->next;
        free(block);
    }
}
