/* What the files of the test double share. */
#ifndef SPOKE_SRC_CENTRAL_FAKE_H
#define SPOKE_SRC_CENTRAL_FAKE_H

#include <spoke/central/fake.h>

struct fake_record;
struct fake_seen;

struct spoke_fake {
    uint64_t now; /* ms; also the monotonic clock */
    uint32_t random;
    bool down, woken;
    spoke_central *central;
    spoke_platform platform;
    spoke_net net;
    struct fake_record *records; /* what clients keep */
    struct fake_key *keys;       /* of enrolled devices */
    struct fake_seen *seen;      /* how far spoke_fake_wait has read */
    spoke_fake_poll_fn poll;
    void *poll_ctx;
    bool polling; /* the device is at work: it may not be asked to work meanwhile */
    char *answer; /* of the last request, NUL-terminated */
    char why[1024];
};

/* --- fake_machine.c --- */
void fake_machine_set_up(struct spoke_fake *f);
void fake_machine_free(struct spoke_fake *f);
int64_t fake_unix_ms(void *ctx);
uint64_t fake_monotonic_ms(void *ctx);
/* Time moves on to the service's next deadline, at most to `until`. */
void fake_move(struct spoke_fake *f, uint64_t until);

#endif
