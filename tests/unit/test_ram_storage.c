#include "support/support.h"

#include <string.h>

#include <spoke/platform.h>

enum { BLOCK = 512, BLOCKS = 4 };

struct fixture {
    uint8_t memory[BLOCK * BLOCKS + 1]; /* and a guard byte */
    spoke_ram_storage ram;
};

static const spoke_storage *begin(struct fixture *f)
{
    memset(f->memory, 0x5A, sizeof f->memory);
    spoke_storage_ram_init(&f->ram, f->memory, BLOCK, BLOCKS);
    return &f->ram.storage;
}

static void memory_keeps_what_it_held(void **state)
{
    (void)state;
    struct fixture f;
    const spoke_storage *s = begin(&f);
    uint8_t byte = 0;
    assert_ok(s->read(s->ctx, 3, BLOCK - 1, &byte, 1));
    assert_int_equal(byte, 0x5A);
    assert_int_equal(s->program_bytes, 1);
    assert_null(s->sync);
}

static void an_erased_block_reads_as_ff_and_its_neighbours_do_not(void **state)
{
    (void)state;
    struct fixture f;
    const spoke_storage *s = begin(&f);
    assert_ok(s->erase(s->ctx, 1));
    assert_int_equal(f.memory[BLOCK - 1], 0x5A);
    assert_int_equal(f.memory[BLOCK], 0xFF);
    assert_int_equal(f.memory[2 * BLOCK - 1], 0xFF);
    assert_int_equal(f.memory[2 * BLOCK], 0x5A);
}

static void what_was_programmed_is_read(void **state)
{
    (void)state;
    struct fixture f;
    const spoke_storage *s = begin(&f);
    char back[5];
    assert_ok(s->erase(s->ctx, 2));
    assert_ok(s->program(s->ctx, 2, BLOCK - 5, "hello", 5));
    assert_ok(s->read(s->ctx, 2, BLOCK - 5, back, 5));
    assert_memory_equal(back, "hello", 5);
}

static void nothing_outside_is_touched(void **state)
{
    (void)state;
    struct fixture f;
    const spoke_storage *s = begin(&f);
    char bytes[8] = {0};
    assert_int_equal(s->read(s->ctx, BLOCKS, 0, bytes, 1), SPOKE_E_PORT);
    assert_int_equal(s->read(s->ctx, 0, BLOCK + 1, bytes, 0), SPOKE_E_PORT);
    assert_int_equal(s->program(s->ctx, BLOCKS - 1, BLOCK - 7, bytes, 8), SPOKE_E_PORT);
    assert_int_equal(s->erase(s->ctx, BLOCKS), SPOKE_E_PORT);
    for (size_t i = 0; i < sizeof f.memory; i++)
        assert_int_equal(f.memory[i], 0x5A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_keeps_what_it_held),
        cmocka_unit_test(an_erased_block_reads_as_ff_and_its_neighbours_do_not),
        cmocka_unit_test(what_was_programmed_is_read),
        cmocka_unit_test(nothing_outside_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
