/* Who changed what: each change by REST of something that people look after becomes an event of the source "audit",
 * in the transaction of the change. What devices hear of (properties, commands) has events of its own.
 *
 *     struct rest_audit audit;
 *     rest_audit_begin(call, &audit);
 *     route->handler(call);
 *     rest_audit_end(call, &audit); */
#ifndef SPOKE_SRC_CENTRAL_REST_AUDIT_H
#define SPOKE_SRC_CENTRAL_REST_AUDIT_H

#include "rest.h"

struct rest_audit {
    const char *type, *part; /* "device", and "attestation" when it is no member; type NULL: nothing to tell */
    const char *id;          /* lives as long as the call */
    cJSON *names;            /* members of the body; NULL: none */
};

/* "device", of a route's pattern; NULL: what it does is not told. */
const char *rest_audit_type(const char *pattern);
void rest_audit_begin(struct rest_call *call, struct rest_audit *out);
/* Tells it when the handler succeeded. Frees. */
void rest_audit_end(struct rest_call *call, struct rest_audit *audit);

#endif
