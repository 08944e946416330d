/* The simulated world around one device: tests/sim with harsher links, a clock that is wrong, storage that loses
 * power, and a service that is stopped and started again on its data. */
#ifndef SPOKE_TESTS_WORLD_H
#define SPOKE_TESTS_WORLD_H

#include "sim/sim.h"
#include "support/flash_sim.h"

#include "chance.h"

struct world_link; /* of a client: the sim's, and what was done to it */

struct world {
    struct sim sim; /* first: the platform's ctx is both */
    spoke_net below;
    struct world_link *link; /* of the client that runs, open or not; NULL: none */
    int64_t skew_s;          /* the device's clock beside the service's */
    /* All times of the sim's clock; 0: not now. */
    uint64_t stall_until;       /* bytes and connects wait, as behind lost packets; none is lost */
    uint64_t blackhole_until;   /* connections opened before then stand, and swallow everything */
    uint64_t unreachable_until; /* connections are refused */
    uint64_t no_dns_until;
    struct flash_sim flash; /* loses power with the rest; storage.block_count 0: there is none */
    bool no_power;          /* records are refused, as the storage is */
    uint64_t records_left;  /* power goes at the write of a record after so many; WORLD_NEVER */
    const char *data_dir;   /* of a service that may be restarted; NULL: memory only */
    unsigned time_asked;    /* calls of seek_time */
};
#define WORLD_NEVER UINT64_MAX
#define WORLD_SCOPE "0ne00FAULTS"

/* data_dir: the service keeps its data there and can be restarted, borrowed; NULL: in memory. */
void world_start(struct world *w, const char *data_dir, uint64_t seed);
void world_stop(struct world *w);

/* Storage of so many blocks, erased. */
void world_add_flash(struct world *w, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes);
/* Power went somewhere: nothing that the device does counts any more. */
bool world_is_dark(const struct world *w);
void world_power_on(struct world *w);

/* From now on the open link swallows, in either direction, until it is closed. */
void world_half_open(struct world *w, bool up, bool down);
void world_cut_now(struct world *w);
/* Stops the service and starts it on the same data; it cannot be reached for a while. Needs a data_dir. */
void world_restart_service(struct world *w, uint64_t away_ms);
/* Everything in order again, but for links that already are half open. */
void world_heal(struct world *w);
/* Time without a device. */
void world_pass(struct world *w, uint64_t ms);
/* A request that answers at once (not a command). */
int world_ask(struct world *w, const char *method, const char *target, const char *body, char *out, size_t cap);

#endif
