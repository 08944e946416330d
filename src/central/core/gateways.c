/* Gateways and the devices behind them. */
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

#define MOST_GATEWAYS 16 /* one behind the other */

bool core_gateway_fits(struct core *c, const char *gateway_id, const char *device_id)
{
    char *at = text_copy(spoke_str_of(gateway_id));
    bool fits = at != NULL;
    for (int i = 0; at != NULL && fits; i++) {
        char *above = NULL;
        fits = strcmp(at, device_id) != 0 && i < MOST_GATEWAYS;
        if (fits)
            (void)store_gateway_get(c->store, at, &above);
        free(at);
        at = above;
    }
    free(at);
    return fits;
}

static bool forget_each(void *ctx, const struct store_relationship *row)
{
    char **id = ctx;
    return !text_set(id, spoke_str_of(row->id));
}

static spoke_status leave_gateway(struct core *c, const char *gateway_id, const char *device_id)
{
    char *id = NULL;
    spoke_status status = store_relationship_between(c->store, gateway_id, device_id, forget_each, &id);
    if (status == SPOKE_OK && id != NULL)
        status = store_relationship_delete(c->store, gateway_id, id);
    free(id);
    return status;
}

struct taken {
    const char *source, *id;
    bool found;
};

static bool look_for_id(void *ctx, const struct store_relationship *row)
{
    struct taken *taken = ctx;
    taken->found = strcmp(row->source, taken->source) == 0 && strcmp(row->id, taken->id) == 0;
    return !taken->found;
}

/* People give relationships ids of their own, which may be another device's. */
static spoke_status id_free(struct core *c, const char *gateway_id, const char *id)
{
    struct taken taken = {.source = gateway_id, .id = id};
    const spoke_status status = store_relationship_each(c->store, gateway_id, NULL, look_for_id, &taken);
    return status == SPOKE_OK && taken.found ? SPOKE_E_ARG : status;
}

spoke_status core_gateway_link(struct core *c, const char *gateway_id, const char *device_id)
{
    struct store_device row;
    char *before = NULL;
    spoke_status status = store_device_get(c->store, gateway_id, &row);
    if (status != SPOKE_OK)
        return status;
    store_device_free(&row);
    if (!core_gateway_fits(c, gateway_id, device_id))
        return SPOKE_E_ARG;
    status = store_gateway_get(c->store, device_id, &before);
    const bool same = status == SPOKE_OK && strcmp(before, gateway_id) == 0;
    const spoke_status room = same ? SPOKE_OK : id_free(c, gateway_id, device_id);
    if (room != SPOKE_OK) {
        free(before);
        return room;
    }
    if (status == SPOKE_OK && !same)
        status = leave_gateway(c, before, device_id);
    free(before);
    if (same || (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND))
        return status;
    const struct store_relationship link = {gateway_id, device_id, device_id, core_unix_ms(c)};
    return store_relationship_put(c->store, &link);
}
