/* One simulated device: a client, what it measures, and when it speaks. Belongs to one thread. */
#ifndef SPOKE_SRC_FLEET_DEVICE_H
#define SPOKE_SRC_FLEET_DEVICE_H

#include <spoke/client.h>

#include "base/timers.h"
#include "fleet/counters.h"
#include "fleet/gate.h"
#include "fleet/histogram.h"
#include "fleet/identities.h"
#include "fleet/net.h"
#include "fleet/options.h"
#include "fleet/template.h"
#include "fleet/troubles.h"

#define DEVICE_ROOM 65536u /* scratch: the longest message or report */

/* What all devices share. Read-only once the threads run, but for what has a lock. */
struct fleet {
    const struct fleet_options *options;
    const struct fleet_template *t;
    const struct spoke_trust *trust; /* read once for all */
    struct identities *identities;
    struct gate gate;
    struct troubles troubles;
    uint64_t begin_ms;
    _Atomic int speak; /* devices that are READY send telemetry */
    _Atomic int stop;
};

/* What the devices of one thread share. */
struct crew {
    struct fleet *fleet;
    struct fleet_net net;
    spoke_platform platform;
    struct timers timers;
    struct counters counters;
    struct histogram latency; /* from the send call to on_sent */
    bool over;                /* what goodbyes still bring is neither counted nor noted */
    uint8_t room[DEVICE_ROOM];
};

struct device {
    struct timer timer;
    struct crew *crew;
    spoke_client *client; /* in `memory`; NULL: not begun, or ended */
    void *memory;
    uint32_t number; /* in the fleet, from 0 */
    bool reached;    /* it was READY once */
    bool to_report;
    double interval_ms, next_send_ms; /* next_send_ms: INFINITY until it is READY */
    uint32_t next_group;
    uint32_t last_id;
    uint32_t slots;    /* of sent_us, a power of two */
    uint64_t *sent_us; /* by id modulo slots */
    struct value_memory values;
};

/* Nothing yet but a number. */
void device_init(struct device *d, struct crew *crew, uint32_t number);
/* Makes the client and wants it connected. When that fails it is noted and counted. */
void device_begin(struct device *d, uint64_t now_ms);
/* The fleet speaks from now on, and so does the device if it is READY. */
void device_speak(struct device *d, uint64_t now_ms);
/* Does what is due, and sets its timer. `quiet`: nothing new is sent. */
void device_turn(struct device *d, uint64_t now_ms, bool quiet);
/* Says DISCONNECT where there is a link, waiting limit_ms for it, and frees. */
void device_end(struct device *d, uint32_t limit_ms);

/* Handlers for the template. */
spoke_ack device_on_property(const spoke_property *wanted, void *user);
spoke_ack device_on_command(const spoke_command *call, void *user);

/* Messages that a device's queue holds for so many a second. */
uint32_t device_queue_messages(double rate);
/* Seconds that a writable interval asks for: a number of units, or an ISO 8601 duration; within 10 ms and a day. 0: it
 * says nothing of that kind. */
double device_interval_s(spoke_str json, double unit_s);

uint64_t fleet_now_us(void);

#endif
