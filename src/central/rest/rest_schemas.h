/* The forms of bodies, for the OpenAPI document. The handlers hold bodies to them by themselves, and say what is wrong
 * in words of their own: this is what a reader or a generator of clients sees. */
#ifndef SPOKE_SRC_CENTRAL_REST_SCHEMAS_H
#define SPOKE_SRC_CENTRAL_REST_SCHEMAS_H

#include <cJSON.h>
#include <spoke/base.h>

/* {"Device": {"type": "object", ...}, ...} of all forms; NULL: no memory. */
cJSON *rest_schemas_json(void);
/* What a route names: "Device", or "[Device]" for a page of them. NULL: no memory. */
cJSON *rest_schema_reference(const char *name);
bool rest_schema_known(const char *name);

#endif
