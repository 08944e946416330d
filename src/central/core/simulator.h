/* Simulated devices: a device with "simulated": true lives, played from its template. Each is an MQTT client inside the
 * service, on the other end of a connection without a socket; so all that holds for devices holds for it. */
#ifndef SPOKE_SRC_CENTRAL_SIMULATOR_H
#define SPOKE_SRC_CENTRAL_SIMULATOR_H

#include "core.h"

enum { SIMULATOR_MOST = 100, SIMULATOR_INTERVAL_MS = 5000 };

spoke_status simulator_begin(struct core *c);
void simulator_free(struct core *c);
/* Templates have changed: it looks who is to live. */
void simulator_look(struct core *c);
/* The same for a device, which costs little unless it is, or was, simulated. */
void simulator_device_changed(struct core *c, const char *device_id);
/* One of its connections has something to say. */
void simulator_hear(struct core *c);

#endif
