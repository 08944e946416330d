/* Cloud properties: IoT Central's co-type Cloud. They are set and shown with a device's properties, but the service
 * alone has them. Kept as {"city": "Oslo", "pump1": {"bay": 3}}. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "rest.h"

#define MAX_BYTES SPOKE_MAX_TWIN_SECTION_BYTES

/* The cloud properties of one level go from one object to the other. */
static void move_level(const struct template_table *t, const char *component, cJSON *from, cJSON *to)
{
    for (cJSON *item = from->child, *next; item != NULL; item = next) {
        next = item->next;
        if (!template_is_cloud(t, spoke_str_of(component), spoke_str_of(item->string)))
            continue;
        cJSON *taken = cJSON_DetachItemViaPointer(from, item);
        if (!cJSON_AddItemToObject(to, taken->string, taken))
            cJSON_Delete(taken);
    }
}

/* A component of which nothing is left for the device is not sent at all. */
static void move_component(const struct template_table *t, cJSON *values, cJSON *component, cJSON *out)
{
    cJSON *taken = cJSON_CreateObject();
    move_level(t, component->string, component, taken);
    if (taken->child == NULL || !cJSON_AddItemToObject(out, component->string, taken)) {
        cJSON_Delete(taken);
        return;
    }
    if (component->child == NULL ||
        (component->child->next == NULL && strcmp(component->child->string, "__t") == 0))
        cJSON_Delete(cJSON_DetachItemViaPointer(values, component));
}

cJSON *rest_cloud_take(const struct template_table *t, const char *component, cJSON *values)
{
    cJSON *out = cJSON_CreateObject();
    if (t == NULL || out == NULL)
        return out;
    move_level(t, component, values, out);
    for (cJSON *item = values->child, *next; item != NULL && component[0] == '\0'; item = next) {
        next = item->next;
        if (cJSON_IsObject(item) && template_has_component(t, spoke_str_of(item->string)))
            move_component(t, values, item, out);
    }
    return out;
}

/* What the device has; an empty object: nothing. NULL: trouble, in *status. */
static cJSON *kept(struct rest_call *call, spoke_status *status)
{
    char *json = NULL;
    cJSON *tree = NULL;
    *status = store_cloud_get(core_store(call->core), call->args[0], &json);
    if (*status == SPOKE_E_NOT_FOUND) {
        *status = SPOKE_OK;
        tree = cJSON_CreateObject();
    } else if (*status == SPOKE_OK) {
        *status = json_tree_read(spoke_str_of(json), &tree, NULL);
    }
    free(json);
    if (*status == SPOKE_OK && tree == NULL)
        *status = SPOKE_E_NO_MEMORY;
    return tree;
}

static spoke_status merge(cJSON *tree, const char *component, const cJSON *taken, bool replace)
{
    if (component[0] == '\0')
        return json_tree_merge(tree, taken);
    if (replace)
        cJSON_DeleteItemFromObjectCaseSensitive(tree, component);
    cJSON *patch = cJSON_CreateObject();
    cJSON *copy = cJSON_Duplicate(taken, true);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (copy != NULL && cJSON_AddItemToObject(patch, component, copy))
        status = json_tree_merge(tree, patch);
    else
        cJSON_Delete(copy);
    cJSON_Delete(patch);
    return status;
}

bool rest_cloud_merge(struct rest_call *call, const char *component, const cJSON *taken, bool replace, char **out)
{
    spoke_status status = SPOKE_OK;
    *out = NULL;
    if (taken != NULL && taken->child == NULL && !replace)
        return true;
    cJSON *tree = replace && component[0] == '\0' ? cJSON_CreateObject() : kept(call, &status);
    if (status == SPOKE_OK)
        status = tree != NULL && taken != NULL ? merge(tree, component, taken, replace) : SPOKE_E_NO_MEMORY;
    char *json = status == SPOKE_OK ? cJSON_PrintUnformatted(tree) : NULL;
    if (status == SPOKE_OK)
        status = json == NULL ? SPOKE_E_NO_MEMORY : strlen(json) <= MAX_BYTES ? SPOKE_OK : SPOKE_E_TOO_LARGE;
    if (status == SPOKE_OK)
        *out = json;
    else
        cJSON_free(json);
    if (status == SPOKE_E_TOO_LARGE)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "The cloud properties would take more than %u bytes.",
                  MAX_BYTES);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    cJSON_Delete(tree);
    return status == SPOKE_OK;
}

bool rest_cloud_keep(struct rest_call *call, const char *component, const cJSON *taken, bool replace,
                     const char *json)
{
    if (json == NULL)
        return true;
    spoke_status status = store_cloud_put(core_store(call->core), call->args[0], json);
    if (status == SPOKE_OK && taken->child != NULL)
        status =
            core_publish_properties(call->core, EVENT_PROPERTY_CLOUD, call->args[0], component, taken, replace, 0);
    if (status == SPOKE_OK)
        return true;
    cJSON_Delete(call->reply.body);
    call->reply.body = NULL;
    rest_fail_internal(&call->reply, status);
    return false;
}

static void add_all(cJSON *out, const cJSON *values)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values)
    {
        cJSON_AddItemToObject(out, item->string, cJSON_Duplicate(item, true));
    }
}

/* A component's values go into what is shown of it, or make it appear. */
static void show_in(cJSON *out, const cJSON *values)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values)
    {
        cJSON *present = cJSON_GetObjectItemCaseSensitive(out, item->string);
        if (present == NULL)
            cJSON_AddItemToObject(out, item->string, cJSON_Duplicate(item, true));
        else if (cJSON_GetObjectItemCaseSensitive(present, "$metadata") != NULL)
            add_all(present, item);
    }
}

void rest_cloud_show(struct rest_call *call, const char *component, cJSON *out)
{
    spoke_status status = SPOKE_OK;
    cJSON *tree = kept(call, &status);
    const cJSON *level = component[0] != '\0' ? cJSON_GetObjectItemCaseSensitive(tree, component) : tree;
    if (cJSON_IsObject(level))
        show_in(out, level);
    cJSON_Delete(tree);
}
