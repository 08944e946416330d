/* What the list of events and its live stream share: which events are asked for, and how one is shown. */
#ifndef SPOKE_SRC_CENTRAL_REST_EVENTS_H
#define SPOKE_SRC_CENTRAL_REST_EVENTS_H

#include "rest.h"

struct events_asked {
    char *device_id; /* of range.device_id; owned */
    struct store_event_range range;
    struct core *core;
    struct rest_call *call;
    bool bound;    /* the caller does not see every device */
    char *last_id; /* the device that was looked at last, and whether the caller sees it */
    bool last_seen;
};
/* Reads deviceId, kind, after, before, from, to. False, with a reply: a bad one, or a device that the caller does not
 * see. events_asked_free in any case. */
bool events_asked_read(struct rest_call *call, struct events_asked *out);
void events_asked_free(struct events_asked *asked);
/* May the caller see this one? */
bool events_asked_sees(struct events_asked *asked, const struct store_event *row);
/* Decimal, from 0 to 18 digits. False: something else. */
bool events_position(const char *text, int64_t *out);
/* NULL: no memory. */
cJSON *event_json(const struct store_event *row);

#endif
