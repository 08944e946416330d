/* A thread that turns its share of the devices: one epoll set, one heap of timers. */
#ifndef SPOKE_SRC_FLEET_WORKER_H
#define SPOKE_SRC_FLEET_WORKER_H

#include "fleet/device.h"

struct worker {
    struct crew crew;
    pthread_t thread;
    struct device *devices;
    size_t count;
    size_t begun;     /* the first so many devices */
    uint64_t at_once; /* of them may be on their way to READY */
    bool started, speaks;
    uint64_t undelivered; /* once ended: accepted, and neither acknowledged nor given up before the goodbyes */
    _Atomic int ended;
};

/* Every `stride`-th device from `first` on. E_NO_MEMORY, E_PORT: errno says why. worker_fini in either case. */
spoke_status worker_start(struct worker *w, struct fleet *fleet, uint32_t first, uint32_t stride);
/* The threads end when fleet->stop is set: nothing new is sent, what is under way gets ten seconds, then each device says
 * DISCONNECT. */
void worker_join(struct worker *w);
void worker_fini(struct worker *w);

#endif
