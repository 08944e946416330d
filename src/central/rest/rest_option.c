/* The options in the query part of a request's target. */
#include <stdlib.h>

#include "base/iso8601.h"
#include "rest.h"
#include "rest_query.h"

bool rest_option(struct rest_call *call, const char *name, char **value)
{
    *value = NULL;
    const spoke_status status = rest_query_get(call->request->query, name, value);
    if (status == SPOKE_OK || status == SPOKE_E_NOT_FOUND)
        return true;
    if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidQuery", "%s is there twice or is not well-formed.", name);
    else
        rest_fail_internal(&call->reply, status);
    return false;
}

bool rest_option_count(struct rest_call *call, const char *name, size_t most, size_t *out)
{
    char *text = NULL;
    uint32_t value = 0;
    if (!rest_option(call, name, &text))
        return false;
    if (text == NULL)
        return true;
    const bool good = spoke_str_u32(spoke_str_of(text), &value) == SPOKE_OK && value >= 1 && value <= most;
    if (good)
        *out = value;
    else
        rest_fail(&call->reply, 400, "InvalidQuery", "%s has to be a number from 1 to %zu.", name, most);
    free(text);
    return good;
}

bool rest_option_time(struct rest_call *call, const char *name, int64_t *out)
{
    char *text = NULL;
    if (!rest_option(call, name, &text))
        return false;
    const bool good = text == NULL || iso8601_parse(spoke_str_of(text), out) == SPOKE_OK;
    if (!good)
        rest_fail(&call->reply, 400, "InvalidQuery", "%s has to be a time such as 2026-03-04T05:06:07Z.", name);
    free(text);
    return good;
}
