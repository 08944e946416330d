/* The bump allocator: aligned, zeroed, in given memory or in blocks, and done for good when it is used up. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap_arena.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    static unsigned char memory[256];
    struct arena arena;
    memset(memory, 0xFF, sizeof memory);
    for (size_t shift = 0; shift < 8; shift++) {
        arena_init(&arena, memory + shift, sizeof memory - shift);
        unsigned char *a = arena_alloc(&arena, 3, 1);
        unsigned char *b = arena_alloc(&arena, 2, 8);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal((uintptr_t)a % 8, 0);
        assert_int_equal((uintptr_t)b % 8, 0);
        assert_true(b >= a + 3);
        for (size_t i = 0; i < 16; i++)
            assert_int_equal(b[i], 0);
    }
}

static void what_fits_exactly_is_given_and_a_byte_more_is_not(void **state)
{
    (void)state;
    _Alignas(8) unsigned char memory[33];
    struct arena arena;
    memory[32] = 0xA5;
    arena_init(&arena, memory, 32);
    assert_non_null(arena_alloc(&arena, 4, 8));
    assert_int_equal(memory[32], 0xA5);
    assert_null(arena_alloc(&arena, 1, 1));
    arena_init(&arena, memory, 32);
    assert_null(arena_alloc(&arena, 33, 1));
    assert_true(arena.exhausted);
}

static void a_refusal_sticks(void **state)
{
    (void)state;
    _Alignas(8) unsigned char memory[64];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    assert_null(arena_alloc(&arena, 65, 1));
    assert_null(arena_alloc(&arena, 1, 1));
    assert_null(arena_text(&arena, SPOKE_STR("")));
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    _Alignas(8) unsigned char memory[64];
    const size_t sizes[][2] = {{SIZE_MAX, 1}, {SIZE_MAX / 2, 2}, {SIZE_MAX / 8 + 2, 8}, {SIZE_MAX, SIZE_MAX}};
    for (size_t i = 0; i < 4; i++) {
        struct arena arena;
        arena_init(&arena, memory, sizeof memory);
        assert_null(arena_alloc(&arena, sizes[i][0], sizes[i][1]));
    }
}

static void no_memory_at_all_is_no_crash(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    assert_null(arena_alloc(&arena, 1, 1));
}

static void a_text_gets_its_end(void **state)
{
    (void)state;
    _Alignas(8) unsigned char memory[64];
    struct arena arena;
    memset(memory, 0xFF, sizeof memory);
    arena_init(&arena, memory, sizeof memory);
    assert_string_equal(arena_text(&arena, spoke_str_from("abcdef", 3)), "abc");
    assert_string_equal(arena_text(&arena, spoke_str_from(NULL, 0)), "");
}

/* --- blocks --- */

struct blocks {
    void *given[64];
    size_t sizes[64];
    size_t count, most;
};

static void *grow(void *ctx, size_t size)
{
    struct blocks *blocks = ctx;
    if (blocks->count == blocks->most)
        return NULL;
    blocks->sizes[blocks->count] = size;
    return blocks->given[blocks->count++] = malloc(size);
}

static void free_blocks(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        free(blocks->given[i]);
}

static void blocks_come_as_they_are_needed_and_grow(void **state)
{
    (void)state;
    struct blocks blocks = {.most = 64};
    struct arena arena;
    arena_init_growing(&arena, grow, &blocks, 64);
    assert_int_equal(blocks.count, 0);
    for (size_t i = 0; i < 1000; i++)
        memset(arena_alloc(&arena, 1, 24), 1, 24);
    assert_true(blocks.count > 1 && blocks.count < 20);
    assert_true(blocks.sizes[blocks.count - 1] > blocks.sizes[0]);
    free_blocks(&blocks);
}

static void a_large_piece_gets_a_block_of_its_size(void **state)
{
    (void)state;
    struct blocks blocks = {.most = 64};
    struct arena arena;
    arena_init_growing(&arena, grow, &blocks, 64);
    memset(arena_alloc(&arena, 1, 100000), 1, 100000);
    assert_int_equal(blocks.count, 1);
    assert_int_equal(blocks.sizes[0], 100000);
    free_blocks(&blocks);
}

static void a_heap_that_is_used_up_exhausts_the_arena(void **state)
{
    (void)state;
    struct blocks blocks = {.most = 1};
    struct arena arena;
    arena_init_growing(&arena, grow, &blocks, 64);
    assert_non_null(arena_alloc(&arena, 1, 64));
    assert_null(arena_alloc(&arena, 1, 64));
    assert_true(arena.exhausted);
    free_blocks(&blocks);
}

static void blocks_stop_growing_at_a_megabyte(void **state)
{
    (void)state;
    struct blocks blocks = {.most = 64};
    struct arena arena;
    arena_init_growing(&arena, grow, &blocks, 1000000);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(arena_alloc(&arena, 1, 1000000));
    assert_int_equal(blocks.count, 4);
    assert_int_equal(blocks.sizes[1], 1500000);
    assert_int_equal(blocks.sizes[3], 1500000);
    free_blocks(&blocks);
}

/* --- the heap --- */

static void a_heap_arena_gives_up_at_its_limit_and_not_before(void **state)
{
    (void)state;
    struct heap_arena heap;
    heap_arena_init(&heap, 64, 128);
    assert_non_null(arena_alloc(&heap.arena, 1, 64));
    assert_int_equal(heap.bytes, 64);
    assert_null(arena_alloc(&heap.arena, 1, 65));
    assert_true(heap.arena.exhausted);
    assert_int_equal(heap.bytes, 64);
    heap_arena_fini(&heap);
}

static void a_heap_arena_without_a_limit_goes_on(void **state)
{
    (void)state;
    struct heap_arena heap;
    heap_arena_init(&heap, 64, 0);
    for (size_t i = 0; i < 100; i++)
        memset(arena_alloc(&heap.arena, 1, 1000), 1, 1000);
    assert_true(heap.bytes >= 100000);
    heap_arena_fini(&heap);
    assert_null(heap.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(what_fits_exactly_is_given_and_a_byte_more_is_not),
        cmocka_unit_test(a_refusal_sticks),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(no_memory_at_all_is_no_crash),
        cmocka_unit_test(a_text_gets_its_end),
        cmocka_unit_test(blocks_come_as_they_are_needed_and_grow),
        cmocka_unit_test(a_large_piece_gets_a_block_of_its_size),
        cmocka_unit_test(a_heap_that_is_used_up_exhausts_the_arena),
        cmocka_unit_test(blocks_stop_growing_at_a_megabyte),
        cmocka_unit_test(a_heap_arena_gives_up_at_its_limit_and_not_before),
        cmocka_unit_test(a_heap_arena_without_a_limit_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
