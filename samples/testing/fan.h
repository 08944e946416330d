/* The firmware under test: a fan that runs above a limit, which the cloud may set. */
#ifndef FAN_H
#define FAN_H

#include <spoke/spoke.h>

struct fan {
    spoke_client *client;
    const spoke_platform *machine;
    double celsius;  /* what the sensor says */
    double limit;    /* above it the fan runs; 30 unless the cloud wants another */
    bool stopped;    /* by a command, until the next reading */
    uint64_t due_ms; /* of the next reading: one every ten seconds */
};

/* The connection is the caller's: the product's, or a test's. The rest of the configuration is the fan's. */
spoke_status fan_start(struct fan *fan, spoke_config config);
spoke_status fan_turn(struct fan *fan); /* once around the main loop; sleeps up to 100 ms */
bool fan_runs(const struct fan *fan);
void fan_stop(struct fan *fan);

#endif
