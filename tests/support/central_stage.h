/* The usual stage of a test of the service: one bench, on which "dev-001" is provisioned, and two devices. Each test
 * file has its own. */
#ifndef SPOKE_TESTS_CENTRAL_STAGE_H
#define SPOKE_TESTS_CENTRAL_STAGE_H

#include "support/central_bench.h"

static struct bench bench;
static struct device dev, other;

static inline int stage_set(void **state)
{
    (void)state;
    bench_open(&bench);
    bench_provision(&bench, "dev-001");
    return 0;
}

/* And it is connected, with a clean session. */
static inline int stage_set_online(void **state)
{
    (void)stage_set(state);
    device_online(&dev, &bench, "dev-001", true);
    return 0;
}

static inline int stage_clear(void **state)
{
    (void)state;
    device_close(&dev);
    device_close(&other);
    bench_close(&bench);
    return 0;
}

#endif
