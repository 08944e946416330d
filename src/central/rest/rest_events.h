/* What the list of events and its live stream share: which events are asked for, and how one is shown. */
#ifndef SPOKE_SRC_CENTRAL_REST_EVENTS_H
#define SPOKE_SRC_CENTRAL_REST_EVENTS_H

#include "device_group.h"
#include "rest.h"

enum {
    EVENTS_MOST_DEVICES = 100,
    EVENTS_REMEMBERED = 256,
    EVENTS_MOST_LOOKED = 500 /* devices that one request looks up: a few milliseconds */
};

struct events_asked {
    char *device_id;                /* of range.device_id and ids; owned */
    char *ids[EVENTS_MOST_DEVICES]; /* in order */
    size_t count;                   /* of ids; 0: of all devices, and of none */
    bool grouped;
    struct device_group group;
    struct store_event_range range;
    struct core *core;
    struct rest_call *call;
    bool positioned; /* "after" was given, perhaps as 0 */
    bool bound;      /* the caller does not see every device */
    size_t looked;   /* devices that were looked up */
    struct events_remembered {
        char *id;
        bool good; /* the caller sees it, and the group has it */
    } remembered[EVENTS_REMEMBERED];
};
/* Reads deviceId, group, kind, after, before, from, to. False, with a reply: a bad one, or a device or group that the
 * caller does not see. events_asked_free in any case. */
bool events_asked_read(struct rest_call *call, struct events_asked *out);
void events_asked_free(struct events_asked *asked);
/* Is this one asked for, and may the caller see it? */
bool events_asked_sees(struct events_asked *asked, const struct store_event *row);
/* So many devices were looked up that the rest is for another request. */
bool events_asked_tired(const struct events_asked *asked);
/* Decimal, from 0 to 18 digits. False: something else. */
bool events_position(const char *text, int64_t *out);
/* NULL: no memory. */
cJSON *event_json(const struct store_event *row);

#endif
