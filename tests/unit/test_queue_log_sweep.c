/* Power cuts at every operation of the log, in every way that the simulated flash knows. */
#include <stdlib.h>

#include "support/log_model.h"
#include "support/support.h"

static const uint32_t units[] = {1, 8, 32};

enum { STEPS = 420, BLOCK_BYTES = 768, BLOCKS = 5 };

static struct log_model model;

static void begin(uint32_t unit, uint64_t seed)
{
    log_model_init(&model, BLOCK_BYTES, BLOCKS, unit, seed);
    model.scratch_bytes = seed % 2 == 0 ? LOG_MODEL_SCRATCH : log_scratch_bytes(&model.flash.storage);
}

static void live(unsigned steps)
{
    for (unsigned i = 0; i < steps && !model.flash.off; i++)
        if (log_model_step(&model) != SPOKE_OK)
            assert_true(model.flash.off);
}

static uint64_t operations_of_a_life(uint32_t unit, uint64_t seed)
{
    begin(unit, seed);
    assert_ok(log_model_open(&model, false));
    live(STEPS);
    const uint64_t operations = model.flash.operations;
    assert_in_range(model.log.block_seq, 3 * BLOCKS, UINT32_MAX); /* the circle went round */
    log_model_fini(&model);
    return operations;
}

static void live_on(unsigned steps)
{
    for (unsigned i = 0; i < steps && !model.flash.off; i++) {
        const spoke_status status = log_model_step(&model);
        assert_true(status == SPOKE_OK || status == SPOKE_E_PORT);
    }
}

static void open_after_cut(bool failed)
{
    flash_sim_power_on(&model.flash);
    assert_ok(log_model_open(&model, false));
    assert_true(failed || model.log.faults == 0); /* a power cut is no damage */
}

/* The second cut comes while the first is being healed, or soon after. */
static void cut_twice(uint32_t unit, uint64_t seed, uint64_t first, enum flash_cut how, uint64_t second)
{
    begin(unit, seed);
    flash_sim_cut(&model.flash, first, how);
    if (log_model_open(&model, false) == SPOKE_OK)
        live(STEPS);
    assert_true(model.flash.off);
    flash_sim_power_on(&model.flash);
    flash_sim_cut(&model.flash, second, (enum flash_cut)((how + second) % FLASH_CUTS));
    if (log_model_open(&model, false) == SPOKE_OK)
        live(30);
    open_after_cut(false);
    live(30);
    open_after_cut(false);
    log_model_fini(&model);
}

static void killed_then_cut(uint32_t unit, uint64_t seed, uint64_t first, uint64_t second)
{
    begin(unit, seed);
    flash_sim_cut(&model.flash, first, FLASH_CUT_KILL);
    if (log_model_open(&model, false) == SPOKE_OK)
        live(STEPS);
    flash_sim_power_on(&model.flash);
    flash_sim_cut(&model.flash, second, FLASH_CUT_CACHE);
    if (log_model_open(&model, false) == SPOKE_OK)
        live(30);
    open_after_cut(false);
    live(30);
    open_after_cut(false);
    log_model_fini(&model);
}

static void sweep(enum flash_cut how)
{
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        const uint64_t seed = 20 + u + how * 10u, operations = operations_of_a_life(units[u], seed);
        for (uint64_t k = 1; k <= operations; k++)
            cut_twice(units[u], seed, k, how, k % 7);
    }
}

/* Also an oldest block that could not be let go: before it is, nothing may be accepted. */
static void what_was_synced_survives_a_failure_and_then_a_cut(void **state)
{
    (void)state;
    const uint64_t operations = operations_of_a_life(8, 77);
    for (uint64_t k = 1; k <= operations; k++)
        for (uint64_t later = 1; later <= 10; later += 3) {
            begin(8, 77);
            flash_sim_fail(&model.flash, k, 1 + k % 2);
            flash_sim_cut(&model.flash, k + later, (enum flash_cut)(k % FLASH_CUTS));
            if (log_model_open(&model, false) == SPOKE_OK)
                live_on(STEPS);
            open_after_cut(true);
            log_model_fini(&model);
        }
}

static void what_was_synced_survives_a_cut_before_any_operation(void **state)
{
    (void)state;
    sweep(FLASH_CUT_NOTHING);
}

static void what_was_synced_survives_a_cut_after_any_operation(void **state)
{
    (void)state;
    sweep(FLASH_CUT_DONE);
}

static void what_was_synced_survives_operations_torn_at_any_byte(void **state)
{
    (void)state;
    sweep(FLASH_CUT_BYTES);
}

static void what_was_synced_survives_operations_torn_bit_by_bit(void **state)
{
    (void)state;
    sweep(FLASH_CUT_BITS);
}

static void what_was_synced_survives_the_loss_of_what_was_not(void **state)
{
    (void)state;
    sweep(FLASH_CUT_CACHE);
}

/* What the next life finds is there, but not yet durable; the second cut may take any part of it. */
static void what_was_synced_survives_the_end_of_the_program_and_then_a_cut(void **state)
{
    (void)state;
    sweep(FLASH_CUT_KILL);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        const uint64_t seed = 70 + u, operations = operations_of_a_life(units[u], seed);
        for (uint64_t k = 1; k <= operations; k++)
            for (uint64_t second = 1; second <= 10; second++)
                killed_then_cut(units[u], seed, k, second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_survives_a_cut_before_any_operation),
        cmocka_unit_test(what_was_synced_survives_a_cut_after_any_operation),
        cmocka_unit_test(what_was_synced_survives_operations_torn_at_any_byte),
        cmocka_unit_test(what_was_synced_survives_operations_torn_bit_by_bit),
        cmocka_unit_test(what_was_synced_survives_the_loss_of_what_was_not),
        cmocka_unit_test(what_was_synced_survives_the_end_of_the_program_and_then_a_cut),
        cmocka_unit_test(what_was_synced_survives_a_failure_and_then_a_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
