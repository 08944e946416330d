/* Device groups: a filter in the query language, and who it takes. */
#ifndef SPOKE_SRC_CENTRAL_DEVICE_GROUP_H
#define SPOKE_SRC_CENTRAL_DEVICE_GROUP_H

#include "ql_rows.h"
#include "rest.h"

#define DEVICE_GROUP_KIND "deviceGroup"

/* A group that is being looked through. */
struct device_group {
    struct ql_query *filter;
    struct ql_fields fields;
    struct ql_reader reader;
    char *template_id; /* that all of its devices have; NULL: any */
    cJSON *reach;      /* organizations whose devices it has; NULL: of all */
    bool empty;        /* its filter cannot be used any more */
};

/* E_NOT_FOUND: no such group. E_ARG: its filter cannot be used any more (its template is gone). Close it in any case. */
spoke_status device_group_open(struct core *c, const char *id, struct device_group *out);
void device_group_close(struct device_group *group);
/* The same for a request that asks for what its devices do, by whoever may read groups as well. A group whose template is
 * gone has no devices. False, with a reply: there is none, or not for this caller. */
bool device_group_ask(struct rest_call *call, const char *id, struct device_group *out);
/* Is the device in the group now? When in doubt, it is not. */
bool device_group_has(struct core *c, struct device_group *group, const char *device_id);

/* The organizations of something (JSON array) and those below, whose devices it has: a new array in *out; NULL stays
 * NULL, which is all of them. Also on an error. */
spoke_status device_group_reach(struct core *c, const char *organizations, cJSON **out);

/* Calls `each` for the devices of the group behind `after` (NULL: from the start), in order of id, and `passed` for those
 * that were looked at and are not of it; false stops, for whoever may not look at all at once. Devices without a template
 * are in no group. */
struct device_group_walk {
    const char *only; /* looks at this device alone; NULL: at all */
    const char *after;
    bool (*each)(void *ctx, const struct store_scanned *row);
    bool (*passed)(void *ctx, const char *device_id);
    void *ctx;
};
spoke_status device_group_each(struct core *c, struct device_group *group, const struct device_group_walk *walk);

#endif
