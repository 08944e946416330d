/* A gateway and the devices behind it. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest_entity.h"

static cJSON *relationship_json(const struct store_relationship *row)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", row->id);
    rest_add_etag(object, row->etag);
    cJSON_AddStringToObject(object, "source", row->source);
    cJSON_AddStringToObject(object, "target", row->target);
    return object;
}

/* --- finding --- */

static bool visible(struct rest_call *call, const char *device_id)
{
    struct store_device row;
    if (store_device_get(core_store(call->core), device_id, &row) != SPOKE_OK)
        return false;
    const bool seen = rest_sees(call, row.organizations);
    store_device_free(&row);
    return seen;
}

struct found {
    struct rest_call *call;
    const char *id;
    char *source, *target; /* NULL: it was not found */
    int64_t etag;
    bool failed;
};

static void found_free(struct found *found)
{
    free(found->source);
    free(found->target);
}

static bool look(void *ctx, const struct store_relationship *row)
{
    struct found *found = ctx;
    if (strcmp(row->id, found->id) != 0)
        return true;
    found->etag = row->etag;
    found->failed = !text_set(&found->source, spoke_str_of(row->source)) ||
                    !text_set(&found->target, spoke_str_of(row->target));
    return false;
}

/* The relationship of this id that the path's device has, as gateway or behind one. False, with a reply: there is no such
 * device, or trouble. */
static bool find(struct rest_call *call, struct found *out)
{
    *out = (struct found){.call = call, .id = call->args[1]};
    if (!rest_device_exists(call))
        return false;
    const spoke_status status = store_relationship_each(core_store(call->core), call->args[0], NULL, look, out);
    if (status == SPOKE_OK && !out->failed)
        return true;
    rest_fail_internal(&call->reply, out->failed ? SPOKE_E_NO_MEMORY : status);
    found_free(out);
    return false;
}

static bool in_reach(struct rest_call *call, const struct found *found)
{
    return found->source != NULL && visible(call, found->source) && visible(call, found->target);
}

static bool find_existing(struct rest_call *call, struct found *out)
{
    if (!find(call, out))
        return false;
    if (in_reach(call, out))
        return true;
    found_free(out);
    rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no relationship %.128s.", call->args[0],
              call->args[1]);
    return false;
}

/* --- GET --- */

struct listing {
    struct rest_call *call;
    struct rest_page page;
};

static bool add_to_page(void *ctx, const struct store_relationship *row)
{
    struct listing *list = ctx;
    if (!visible(list->call, row->source) || !visible(list->call, row->target))
        return rest_page_pass(&list->page, row->id, NULL);
    return rest_page_add(&list->page, relationship_json(row), row->id);
}

void rest_relationships_list(struct rest_call *call)
{
    struct listing list = {.call = call};
    if (!rest_device_exists(call) || !rest_page_begin(call, &list.page))
        return;
    const spoke_status status =
        store_relationship_each(core_store(call->core), call->args[0], list.page.after, add_to_page, &list);
    rest_page_end(call, &list.page, status);
}

static void show(struct rest_call *call, const struct found *found)
{
    const struct store_relationship row = {found->source, found->id, found->target, found->etag};
    rest_ok(&call->reply, 200, relationship_json(&row));
}

void rest_relationship_get(struct rest_call *call)
{
    struct found found;
    if (!find_existing(call, &found))
        return;
    show(call, &found);
    found_free(&found);
}

/* --- PUT, PATCH, DELETE --- */

static bool has_no_other_gateway(struct rest_call *call, const struct found *old, const char *device)
{
    char *gateway = NULL;
    const spoke_status status = store_gateway_get(core_store(call->core), device, &gateway);
    const bool same = old->target != NULL && strcmp(old->target, device) == 0;
    const bool other = status == SPOKE_OK && !same;
    if (other && visible(call, gateway))
        rest_fail(&call->reply, 409, "Conflict", "Device %.128s is behind gateway %.128s already.", device,
                  gateway);
    else if (other)
        rest_fail(&call->reply, 409, "Conflict",
                  "Device %.128s is behind a gateway of another organization already.", device);
    free(gateway);
    return !other;
}

static bool ends_good(struct rest_call *call, const struct found *old, const char *source, const char *target)
{
    const char *const ends[] = {source, target};
    if (strcmp(source, call->args[0]) != 0 && strcmp(target, call->args[0]) != 0)
        rest_fail(&call->reply, 400, "InvalidBody", "\"source\" or \"target\" has to be the path's device.");
    for (size_t i = 0; i < 2 && call->reply.status == 0; i++)
        if (!visible(call, ends[i]))
            rest_fail(&call->reply, 400, "InvalidBody", "Device %.128s does not exist.", ends[i]);
    if (call->reply.status == 0 && !core_gateway_fits(call->core, source, target))
        rest_fail(&call->reply, 409, "Conflict",
                  "Device %.128s would be behind itself, or behind too many gateways.", target);
    return call->reply.status == 0 && has_no_other_gateway(call, old, target);
}

/* A device has one of an id, be it the gateway in it or behind one: a path names it, and a page ends with it. */
static bool id_free(struct rest_call *call, const struct found *old, const char *device)
{
    struct found found = {.call = call, .id = call->args[1]};
    const spoke_status status = store_relationship_each(core_store(call->core), device, NULL, look, &found);
    const bool same = found.target != NULL && old->target != NULL && strcmp(found.source, old->source) == 0 &&
                      strcmp(found.target, old->target) == 0;
    if (status != SPOKE_OK || found.failed)
        rest_fail_internal(&call->reply, found.failed ? SPOKE_E_NO_MEMORY : status);
    else if (found.source != NULL && !same)
        rest_fail(&call->reply, 409, "Conflict", "Device %.128s has a relationship %.128s already.", device,
                  call->args[1]);
    found_free(&found);
    return call->reply.status == 0;
}

static void save(struct rest_call *call, struct found *old, const cJSON *source, const cJSON *target)
{
    const char *from = source != NULL ? source->valuestring : old->source != NULL ? old->source : call->args[0];
    const char *to = target != NULL ? target->valuestring : old->target;
    const struct store_relationship row = {from, call->args[1], to, core_unix_ms(call->core)};
    spoke_status status = SPOKE_OK;
    if (to == NULL) {
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"target\" of a relationship, the device behind the gateway, is missing.");
        return;
    }
    if (!ends_good(call, old, from, to) || !id_free(call, old, from) || !id_free(call, old, to))
        return;
    if (old->source != NULL && strcmp(old->source, from) != 0)
        status = store_relationship_delete(core_store(call->core), old->source, old->id);
    if (status == SPOKE_OK)
        status = store_relationship_put(core_store(call->core), &row);
    if (status == SPOKE_OK)
        rest_relationship_get(call);
    else
        rest_fail_internal(&call->reply, status);
}

/* None yet, or one that the caller sees: PUT takes nothing from a device out of reach. */
static bool find_free(struct rest_call *call, struct found *out)
{
    if (!find(call, out))
        return false;
    if (out->source == NULL || in_reach(call, out))
        return true;
    found_free(out);
    rest_fail(&call->reply, 409, "Conflict",
              "Device %.128s has a relationship %.128s that reaches into another organization; take another id.",
              call->args[0], call->args[1]);
    return false;
}

static void change(struct rest_call *call, bool merge)
{
    const cJSON *id, *etag, *source, *target;
    const struct rest_member members[] = {{"id", REST_TEXT, false, &id},
                                          {"etag", REST_TEXT, false, &etag},
                                          {"source", REST_TEXT, false, &source},
                                          {"target", REST_TEXT, false, &target}};
    struct found old;
    if (!(merge ? find_existing(call, &old) : find_free(call, &old)))
        return;
    if (!rest_members(call, call->body, "a relationship", members, 4)) {
        found_free(&old);
        return;
    }
    if (!rest_id_good(call->args[1], "_-.:", 128))
        rest_fail(&call->reply, 400, "InvalidRequest",
                  "The id of a relationship has 1 to 128 letters, digits, '_', '-', '.' or ':'.");
    else if (id != NULL && strcmp(id->valuestring, call->args[1]) != 0)
        rest_fail(&call->reply, 400, "InvalidBody", "\"id\" differs from the path's; leave it out.");
    else if (rest_etag_matches(call, etag, old.etag))
        save(call, &old, source, target);
    found_free(&old);
}

void rest_relationship_put(struct rest_call *call)
{
    change(call, false);
}

void rest_relationship_patch(struct rest_call *call)
{
    change(call, true);
}

void rest_relationship_delete(struct rest_call *call)
{
    struct found found;
    if (!find_existing(call, &found))
        return;
    if (rest_etag_matches(call, NULL, found.etag)) {
        const spoke_status status = store_relationship_delete(core_store(call->core), found.source, found.id);
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
        else
            rest_fail_internal(&call->reply, status);
    }
    found_free(&found);
}
