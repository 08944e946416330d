/* A network for many clients of one thread: each connection is one descriptor in the thread's own epoll set, where the
 * built-in port takes three to serve any loop. Hosts pass the gate, which resolves each of them once. */
#ifndef SPOKE_SRC_FLEET_NET_H
#define SPOKE_SRC_FLEET_NET_H

#include <spoke/platform.h>

#include "fleet/gate.h"

struct fleet_net {
    struct gate *gate;
    int epoll;
    void *owner; /* whose client is being made: data.ptr of the events of its links */
};

/* Members for a spoke_platform whose ctx is a struct fleet_net. No wake: the thread that turns a client is the only
 * one that uses it. */
extern const spoke_net fleet_net_functions;

#endif
