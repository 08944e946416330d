/* One random life of one device: what the program, the service, the network and the power do is drawn from a seed.
 * At the end every fault is taken away, and the ledger is held against the service.
 *
 *     struct schedule_figures sum = {0};
 *     char why[SCHEDULE_WHY] = "";
 *     if (!schedule_run(seed, &options, &sum, why)) ... why says what broke; the same seed breaks again
 */
#ifndef SPOKE_TESTS_SCHEDULE_H
#define SPOKE_TESTS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_WHY 256u

struct schedule_options {
    bool log;             /* every step and the client's log on standard error */
    const char *data_dir; /* an empty folder for services that are restarted; NULL: none is */
};

struct schedule_figures {
    uint64_t schedules, steps, virtual_ms;
    uint64_t accepted, refused, delivered, dropped, unsure, copies;
    uint64_t reports, desired, commands, commands_answered;
    uint64_t faults, connects, power_cuts, service_restarts, polls;
    uint64_t longest_over_ms; /* of a poll beyond its limit */
    uint64_t longest_heal_ms; /* from the end of the faults to READY with nothing waiting */
};

bool schedule_run(uint64_t seed, const struct schedule_options *options, struct schedule_figures *sum,
                  char why[SCHEDULE_WHY]);
void schedule_add(struct schedule_figures *sum, const struct schedule_figures *other);

#endif
