#include "template_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INTERFACES 256u /* in one body: each reference is looked for among them */
#define MODEL "capabilityModel"

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool template_id_good(const char *id)
{
    static const char CHARS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:;.";
    const size_t len = strlen(id);
    return len > sizeof "dtmi:" - 1 && len < TEMPLATE_ID_CAP && strncmp(id, "dtmi:", 5) == 0 &&
           strspn(id, CHARS) == len;
}

const char *template_doc_model_id(const cJSON *tree)
{
    return text_of(cJSON_GetObjectItemCaseSensitive(tree, MODEL), "@id");
}

/* --- several interfaces to one --- */

struct pool {
    cJSON *list; /* the array, emptied as interfaces find their place */
    cJSON *of[MAX_INTERFACES];
    const char *ids[MAX_INTERFACES];
    bool used[MAX_INTERFACES]; /* referred to */
    size_t count;
    char *why;
    size_t why_cap;
};

static spoke_status pool_fill(struct pool *p)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, p->list)
    {
        if (p->count == MAX_INTERFACES) {
            (void)snprintf(p->why, p->why_cap, "a template has at most %u interfaces", MAX_INTERFACES);
            return SPOKE_E_MODEL;
        }
        p->of[p->count] = item;
        p->ids[p->count] = text_of(item, "@id");
        if (!cJSON_IsObject(item) || p->ids[p->count] == NULL) {
            (void)snprintf(p->why, p->why_cap, "element %zu of the array is not an interface with an \"@id\"",
                           p->count);
            return SPOKE_E_MODEL;
        }
        p->count++;
    }
    return SPOKE_OK;
}

static size_t pool_find(const struct pool *p, const char *id)
{
    size_t i = 0;
    while (i < p->count && strcmp(p->ids[i], id) != 0)
        i++;
    return i;
}

/* A string that stands for an element. */
cJSON *template_doc_next_reference(struct json_tree_walk *walk)
{
    cJSON *item;
    while ((item = json_tree_next(walk)) != NULL) {
        if (cJSON_IsString(item) && walk->key != NULL &&
            (strcmp(walk->key, "schema") == 0 || strcmp(walk->key, "extends") == 0))
            return item;
    }
    return NULL;
}

static void mark_used(struct pool *p)
{
    struct json_tree_walk walk;
    const cJSON *item;
    json_tree_begin(&walk, p->list);
    while ((item = template_doc_next_reference(&walk)) != NULL) {
        const size_t i = pool_find(p, item->valuestring);
        if (i < p->count)
            p->used[i] = true;
    }
}

/* The interface that no other one refers to. */
static spoke_status find_root(struct pool *p, size_t *root)
{
    size_t found = p->count;
    mark_used(p);
    for (size_t i = 0; i < p->count; i++) {
        if (p->used[i])
            continue;
        if (found < p->count) {
            (void)snprintf(
                p->why, p->why_cap,
                "%.128s and %.128s stand side by side and none uses the other: a template is one model; "
                "send them one by one",
                p->ids[found], p->ids[i]);
            return SPOKE_E_MODEL;
        }
        found = i;
    }
    if (found == p->count) {
        (void)snprintf(p->why, p->why_cap,
                       p->count == 0 ? "the array has no interface"
                                     : "every interface is used by another one, so none is the model");
        return SPOKE_E_MODEL;
    }
    *root = found;
    return SPOKE_OK;
}

/* The first use gets the interface itself, later ones keep the reference: an id is defined once. */
static spoke_status inline_into(struct pool *p, cJSON *root)
{
    struct json_tree_walk walk;
    cJSON *item;
    spoke_status status = SPOKE_OK;
    json_tree_begin(&walk, root);
    while (status == SPOKE_OK && (item = template_doc_next_reference(&walk)) != NULL) {
        const size_t i = pool_find(p, item->valuestring);
        if (i == p->count || p->of[i] == NULL)
            continue;
        cJSON *instead = cJSON_DetachItemViaPointer(p->list, p->of[i]);
        p->of[i] = NULL;
        status = json_tree_replace(&walk, item, instead);
    }
    if (!walk.too_deep)
        return status;
    (void)snprintf(p->why, p->why_cap, "the interfaces are nested too deeply to become one template");
    return SPOKE_E_MODEL;
}

static spoke_status join_array(cJSON **tree, char *why, size_t why_cap)
{
    struct pool p = {.list = *tree, .why = why, .why_cap = why_cap};
    size_t root = 0;
    spoke_status status = pool_fill(&p);
    if (status == SPOKE_OK)
        status = find_root(&p, &root);
    if (status != SPOKE_OK)
        return status;
    cJSON *model = cJSON_DetachItemViaPointer(p.list, p.of[root]);
    p.of[root] = NULL;
    status = inline_into(&p, model);
    cJSON_Delete(p.list);
    *tree = model;
    return status;
}

/* --- the template around the interface --- */

static bool add_default(cJSON *object, const char *name, const cJSON *value)
{
    if (value == NULL || cJSON_GetObjectItemCaseSensitive(object, name) != NULL)
        return true;
    cJSON *copy = cJSON_Duplicate(value, true);
    return copy != NULL && cJSON_AddItemToObject(object, name, copy);
}

static bool add_type(cJSON *object)
{
    cJSON *types = cJSON_AddArrayToObject(object, "@type");
    return cJSON_AddItemToArray(types, cJSON_CreateString("ModelDefinition")) &&
           cJSON_AddItemToArray(types, cJSON_CreateString("DeviceModel"));
}

/* An older form of the export says "id" and "types". */
static spoke_status rename_old(cJSON *object, const char *old, const char *name)
{
    cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(object, old);
    if (item == NULL)
        return SPOKE_OK;
    if (cJSON_GetObjectItemCaseSensitive(object, name) != NULL) {
        cJSON_Delete(item); /* said twice: the new name counts */
        return SPOKE_OK;
    }
    if (cJSON_AddItemToObject(object, name, item))
        return SPOKE_OK;
    cJSON_Delete(item);
    return SPOKE_E_NO_MEMORY;
}

static spoke_status use_new_names(cJSON *object)
{
    const spoke_status status = rename_old(object, "id", "@id");
    return status == SPOKE_OK ? rename_old(object, "types", "@type") : status;
}

static spoke_status wrap(cJSON **tree, const char *id)
{
    cJSON *model = *tree, *outer = cJSON_CreateObject();
    const bool made = outer != NULL && cJSON_AddStringToObject(outer, "@id", id) != NULL && add_type(outer) &&
                      add_default(outer, "@context", cJSON_GetObjectItemCaseSensitive(model, "@context")) &&
                      add_default(outer, "displayName", cJSON_GetObjectItemCaseSensitive(model, "displayName")) &&
                      add_default(outer, "description", cJSON_GetObjectItemCaseSensitive(model, "description"));
    if (!made || !cJSON_AddItemToObject(outer, MODEL, model)) {
        cJSON_Delete(outer);
        return SPOKE_E_NO_MEMORY;
    }
    *tree = outer;
    return SPOKE_OK;
}

static spoke_status check(const cJSON *tree, const char *id, char *why, size_t why_cap)
{
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(tree, "@id");
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(tree, MODEL);
    const char *model_id = template_doc_model_id(tree);
    if (!cJSON_IsObject(model))
        (void)snprintf(why, why_cap, "\"capabilityModel\" has to be an object, the interface");
    else if (own != NULL && (!cJSON_IsString(own) || strcmp(own->valuestring, id) != 0))
        (void)snprintf(why, why_cap, "\"@id\" of the template differs from the path's");
    else if (model_id == NULL || !template_id_good(model_id))
        (void)snprintf(why, why_cap, "capabilityModel has no \"@id\", the DTMI that devices announce");
    else if (strcmp(model_id, id) == 0)
        (void)snprintf(why, why_cap, "a template's id is another than its model's, %.128s", model_id);
    else
        return SPOKE_OK;
    return SPOKE_E_MODEL;
}

spoke_status template_doc_make(cJSON **tree, const char *id, char *why, size_t why_cap)
{
    spoke_status status = SPOKE_OK;
    if (cJSON_IsArray(*tree))
        status = join_array(tree, why, why_cap);
    if (status == SPOKE_OK && !cJSON_IsObject(*tree)) {
        (void)snprintf(why, why_cap, "a template is an object");
        status = SPOKE_E_MODEL;
    }
    if (status == SPOKE_OK && cJSON_GetObjectItemCaseSensitive(*tree, MODEL) == NULL)
        status = wrap(tree, id);
    else if (status == SPOKE_OK)
        status = use_new_names(*tree);
    if (status == SPOKE_OK)
        status = check(*tree, id, why, why_cap);
    if (status != SPOKE_OK || cJSON_GetObjectItemCaseSensitive(*tree, "@id") != NULL)
        return status;
    return cJSON_AddStringToObject(*tree, "@id", id) != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

/* The model of an array, or the object's own id; NULL: it has none. */
static const char *given_id(const cJSON *tree)
{
    char why[1];
    size_t root = 0;
    struct pool p = {.list = (cJSON *)(uintptr_t)tree, .why = why, .why_cap = sizeof why};
    if (!cJSON_IsArray(tree))
        return text_of(tree, "@id") != NULL ? text_of(tree, "@id") : text_of(tree, "id");
    return pool_fill(&p) == SPOKE_OK && find_root(&p, &root) == SPOKE_OK ? p.ids[root] : NULL;
}

bool template_doc_own_id(const cJSON *tree, char out[TEMPLATE_ID_CAP])
{
    const char *id = given_id(tree);
    const bool wrapped = cJSON_GetObjectItemCaseSensitive(tree, MODEL) != NULL;
    const size_t head = id != NULL ? strcspn(id, ";") : 0;
    if (id == NULL || !template_id_good(id))
        return false;
    const int len = wrapped ? snprintf(out, TEMPLATE_ID_CAP, "%s", id)
                            : snprintf(out, TEMPLATE_ID_CAP, "%.*s:template%s", (int)head, id, id + head);
    return len > 0 && (size_t)len < TEMPLATE_ID_CAP;
}
