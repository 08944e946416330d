/* Random lives of a log against the plain lists of log_model: any sizes, any load, power cuts and failures of the
 * medium at any time. SPOKE_LOG_SEEDS=20000 runs as many; SPOKE_LOG_SEED=7 runs that one alone. */
#include <stdlib.h>

#include "support/log_model.h"
#include "support/support.h"

static struct log_model model;

static uint32_t dice(uint32_t sides)
{
    return flash_sim_random(&model.flash) % sides;
}

static void choose_sizes(uint64_t seed)
{
    static const uint32_t units[] = {1, 2, 4, 8, 16, 32, 64};
    struct flash_sim first = {.random = seed};
    const uint32_t unit = units[flash_sim_random(&first) % 7];
    const uint32_t block_bytes = 512 + 64 * (flash_sim_random(&first) % 20);
    const uint32_t blocks = 4 + flash_sim_random(&first) % 6;
    log_model_init(&model, block_bytes, blocks, unit, flash_sim_random(&first));
    model.seed = seed;
    model.scratch_bytes = log_scratch_bytes(&model.flash.storage) + dice(LOG_MODEL_SCRATCH / 2 + 1);
    model.most_payload = log_most_bytes(&model.flash.storage) / (1 + dice(6));
    model.capacity = log_capacity(&model.flash.storage, model.most_payload) / (1 + dice(3));
}

static void plan_trouble(void)
{
    if (dice(4) == 0)
        flash_sim_fail(&model.flash, 1 + dice(200), 1 + dice(4));
    if (dice(4) == 0)
        flash_sim_fail_reads(&model.flash, 1 + dice(3000), 1 + dice(3));
    if (dice(4) != 0)
        flash_sim_cut(&model.flash, 1 + dice(dice(2) == 0 ? 20 : 300), (enum flash_cut)dice(FLASH_CUTS));
}

/* Until the power goes, or for a while. */
static void live(void)
{
    for (uint32_t left = 150; left > 0 && !model.flash.off; left--) {
        const spoke_status status = log_model_step(&model);
        assert_true(status == SPOKE_OK || status == SPOKE_E_PORT);
    }
}

static void one_life(uint64_t seed)
{
    choose_sizes(seed);
    for (uint32_t session = 1 + dice(7); session > 0; session--) {
        plan_trouble();
        const spoke_status status = log_model_open(&model, false);
        assert_true(status == SPOKE_OK || status == SPOKE_E_PORT);
        if (status == SPOKE_OK)
            live();
        flash_sim_power_on(&model.flash);
    }
    assert_ok(log_model_open(&model, false));
    log_model_fini(&model);
}

static void no_life_loses_what_was_accepted(void **state)
{
    (void)state;
    const char *one = getenv("SPOKE_LOG_SEED"), *many = getenv("SPOKE_LOG_SEEDS");
    const uint64_t from = one != NULL ? strtoull(one, NULL, 10) : 1;
    const uint64_t seeds = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 1500;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        one_life(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_life_loses_what_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
