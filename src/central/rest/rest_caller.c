/* Who asks, what they may do, and what they see. */
#include <stdlib.h>

#include "rest.h"
#include "rest_routes.h"

bool rest_may(const struct rest_call *call, enum rest_right right)
{
    (void)call;
    (void)right;
    return true;
}

bool rest_sees(const struct rest_call *call, const char *organizations)
{
    (void)call;
    (void)organizations;
    return true;
}

static bool ids_only(const cJSON *list)
{
    const cJSON *item = NULL;
    if (!cJSON_IsArray(list))
        return false;
    cJSON_ArrayForEach(item, list) if (!cJSON_IsString(item)) return false;
    return true;
}

bool rest_organizations(struct rest_call *call, const cJSON *wanted, bool merge, char **slot)
{
    if (wanted == NULL && merge)
        return true;
    if (wanted != NULL && !cJSON_IsNull(wanted) && !ids_only(wanted)) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"organizations\" has to be an array of strings.");
        return false;
    }
    free(*slot);
    *slot = cJSON_IsArray(wanted) ? cJSON_PrintUnformatted(wanted) : NULL;
    if (*slot == NULL && cJSON_IsArray(wanted))
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    return call->reply.status == 0;
}
