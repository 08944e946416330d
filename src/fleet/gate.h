/* Where a fleet may connect to. A load generator that is pointed at the wrong host harms somebody: so a target has to
 * be this machine, or be named a second time. Every host passes here, those that a provisioning service assigns too,
 * and its addresses are looked up once: what was looked at is what is connected to. Any thread. */
#ifndef SPOKE_SRC_FLEET_GATE_H
#define SPOKE_SRC_FLEET_GATE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>

#include <spoke/base.h>

#define GATE_ADDRESSES 4u
#define GATE_HOSTS 64u
#define GATE_AGAIN_MS 30000u /* then a name that had no address is resolved again */

union gate_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct gate_host {
    char name[SPOKE_MAX_HOST_BYTES + 1];
    union gate_address addresses[GATE_ADDRESSES]; /* port 0 */
    size_t count;                                 /* 0: the name has no address */
    bool allowed;
    uint64_t looked_ms;
};

/* Fills addresses and count. May block. */
typedef void (*gate_resolve_fn)(void *ctx, struct gate_host *host);

struct gate {
    pthread_mutex_t lock;
    gate_resolve_fn resolve;
    void *ctx;
    uint64_t (*now_ms)(void);
    const char *named;    /* --target-is; NULL: none */
    bool named_is_target; /* then hubs that it assigns are its own business */
    struct gate_host hosts[GATE_HOSTS];
    size_t count;
};

/* resolve NULL: the system's. Texts are not copied. */
void gate_init(struct gate *gate, const char *target, const char *named, gate_resolve_fn resolve, void *ctx);
void gate_fini(struct gate *gate);
/* The entry of the host, with an address and as long as the gate lives. May block, while there is none. NULL: it has no
 * address, more hosts than GATE_HOSTS, or a name too long. */
const struct gate_host *gate_look(struct gate *gate, const char *host);
/* True: nothing speaks against the target. Else why and what to do, one sentence. */
bool gate_check_target(struct gate *gate, const char *target, char *why, size_t cap);

/* Whether it leads to this machine alone. */
bool gate_is_loopback(const union gate_address *address);

#endif
