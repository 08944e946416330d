/* One process, one fake clock: a client on the native transport, spoke-central behind it, and between them a link
 * that can be cut after any byte, stalled or closed. An hour of retries runs in milliseconds. */
#ifndef SPOKE_TESTS_SIM_H
#define SPOKE_TESTS_SIM_H

#include "support/support.h"

#include <spoke/central/central.h>
#include <spoke/spoke.h>

#define SIM_NEVER UINT64_MAX
#define SIM_DEVICE "dev-1"
#define SIM_OTHER_HOST "other.local"
#define SIM_SILENT_HOST "silent.local" /* takes a connection and never says a word */

struct sim {
    uint64_t now; /* monotonic ms */
    int64_t unix_ms;
    bool clock_unset;
    uint32_t seed;
    spoke_central *central;
    spoke_central *other; /* NULL, or a second service, at SIM_OTHER_HOST */
    spoke_platform platform;
    spoke_net net;
    char key[96]; /* of SIM_DEVICE, base64 */
    struct {
        char key[32];
        char value[8192];
    } records[8]; /* what the client keeps; "" when free */
    /* the link */
    size_t chunk;              /* most bytes for one read or write; 0: no limit */
    uint64_t up, down;         /* bytes carried so far, all connections together */
    uint64_t cut_up, cut_down; /* the link dies once that many were carried; SIM_NEVER */
    uint64_t cut_again;        /* not 0: after each cut upwards the next one is armed so many bytes later */
    bool unreachable, silent;  /* silent: bytes vanish both ways (half-open) */
    bool mute, deaf;           /* they vanish only upwards, or only downwards */
    bool no_dns;
    unsigned connects;
    unsigned sleeps; /* of the client: waits that took time */
    bool woken;
    /* what the client logged at WARN or worse, last line */
    char complaint[256];
};

/* A record of the client's; "" when there is none. */
const char *sim_record(const struct sim *s, const char *key);
void sim_record_set(struct sim *s, const char *key, const char *value);
void sim_records_clear(struct sim *s);

/* config NULL: a plain ephemeral service with one DPS poll and retry-after 3. */
void sim_start(struct sim *s, const spoke_central_config *config);
void sim_stop(struct sim *s);
/* Clock, link and machine without a service: for tests that start their own. */
void sim_prepare(struct sim *s);
/* A second service, in which SIM_DEVICE has the same key. */
void sim_start_other(struct sim *s);

/* Fields of `config` that lead to the service (hosts, scope, key, platform, plaintext). */
spoke_config sim_config(struct sim *s);

/* Polls until the state is reached or the virtual time has passed. */
bool sim_reach(struct sim *s, spoke_client *client, spoke_state state, uint64_t limit_ms);
/* Polls for that much virtual time. */
void sim_run(struct sim *s, spoke_client *client, uint64_t duration_ms);
/* Polls until everything queued is acknowledged. */
bool sim_drain(struct sim *s, spoke_client *client, uint64_t limit_ms);

/* A route of the service; the answer's status, the body in `out` when it is not NULL (NUL-terminated). The client
 * is polled meanwhile when it is not NULL, as a command needs. */
int sim_request(struct sim *s, spoke_client *client, const char *method, const char *target, const char *body,
                char *out, size_t cap);
/* The telemetry bodies the service holds for SIM_DEVICE, as the control area lists them. */
void sim_messages(struct sim *s, char *out, size_t cap);
bool sim_contains(const char *text, const char *part);
size_t sim_count(const char *text, const char *part);

#endif
