/* Reading that takes long: done in another thread, with a connection of its own to the store, so that devices are not
 * held up; where there is no such thread or the store is in memory, done at once. Whoever starts it embeds a struct work
 * and is told when it is over. */
#ifndef SPOKE_SRC_CENTRAL_WORK_H
#define SPOKE_SRC_CENTRAL_WORK_H

#include <stdatomic.h>

#include "core.h"

enum work_end {
    WORK_GOES_ON,
    WORK_TOO_LONG, /* the time limit passed */
    WORK_LEFT      /* nobody waits for it any more */
};

enum work_lane { WORK_SLOW, WORK_QUICK }; /* queries; what people wait for while they look on */

struct work {
    enum work_lane lane;
    void (*run)(struct work *w,
                struct store *s); /* maybe in another thread: looks at the store and at what is its own */
    void (*done)(struct work *w); /* in the core's thread, once; may free it. Not when run is at once */
    struct core *core;
    uint64_t ticket, due_ms;
    atomic_int end; /* enum work_end */
    bool elsewhere; /* in another thread */
    struct work *next;
};

/* True: it runs elsewhere, and `done` will be called; w->ticket cancels it. False: it was run, and is the caller's again.
 * E_FULL in *status: too much waits already, or there are no descriptors or memory to run it elsewhere; nothing was run. */
bool work_start(struct core *c, struct work *w, uint32_t limit_ms, spoke_status *status);
/* Asked by `run` now and then: an end that is not WORK_GOES_ON. */
enum work_end work_ended(struct work *w);
/* False: no such work. `done` is still called, as soon as it has noticed. */
bool work_cancel(struct core *c, uint64_t ticket);

uint64_t work_deadline(const struct core *c);
void work_tick(struct core *c);
/* Nothing may run any more. */
void work_fini(struct core *c);

#endif
