/* Organizations: a tree of at most five levels. Whoever is bound to one sees it and what is below. */
#include <stdlib.h>
#include <string.h>

#include "rest_caller.h"
#include "rest_entity.h"

#define KIND "organization"
#define MAX_ORGANIZATIONS 200u
#define MAX_DEPTH 5u
#define MAX_NAME 200u

bool rest_organization_exists(struct core *c, const char *id)
{
    struct store_document row;
    const spoke_status status = store_document_get(core_store(c), KIND, id, &row);
    if (status == SPOKE_OK)
        store_document_free(&row);
    return status == SPOKE_OK;
}

/* --- the tree: an object, id to parent ("" at the top) --- */

static bool add_parent(void *ctx, const struct store_document *row)
{
    cJSON *document = cJSON_Parse(row->json);
    const char *parent = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "parent"));
    cJSON_AddStringToObject(ctx, row->id, parent != NULL ? parent : "");
    cJSON_Delete(document);
    return true;
}

static cJSON *read_tree(struct core *c)
{
    cJSON *tree = cJSON_CreateObject();
    if (tree == NULL ||
        store_document_each(core_store(c), KIND, NULL, MAX_ORGANIZATIONS, add_parent, tree) == SPOKE_OK)
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

static const char *parent_of(const cJSON *tree, const char *id)
{
    const char *parent = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, id));
    return parent != NULL ? parent : "";
}

/* How many levels `id` is below `top`; 0: it is top itself, MAX_DEPTH: it is not below. top "": its own level, from 0. */
static unsigned levels_below(const cJSON *tree, const char *id, const char *top)
{
    unsigned levels = 0;
    while (levels < MAX_DEPTH && strcmp(id, top) != 0 && id[0] != '\0') {
        id = parent_of(tree, id);
        levels++;
    }
    return strcmp(id, top) == 0 ? levels : MAX_DEPTH;
}

cJSON *rest_organization_reach(struct core *c, const char *id)
{
    cJSON *tree = read_tree(c), *reach = cJSON_CreateArray();
    const cJSON *item = NULL;
    if (tree == NULL || reach == NULL) {
        cJSON_Delete(tree);
        cJSON_Delete(reach);
        return NULL;
    }
    cJSON_AddItemToArray(reach, cJSON_CreateString(id));
    cJSON_ArrayForEach(item, tree)
    {
        const unsigned levels = levels_below(tree, item->string, id);
        if (levels > 0 && levels < MAX_DEPTH)
            cJSON_AddItemToArray(reach, cJSON_CreateString(item->string));
    }
    cJSON_Delete(tree);
    return reach;
}

/* --- the routes --- */

/* ^(?!-)[a-z0-9-]{1,48}[a-z0-9]$ */
static bool id_good(const char *id)
{
    const size_t len = strlen(id);
    return len >= 2 && len <= 49 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && id[0] != '-' &&
           id[len - 1] != '-';
}

/* Where it would stand: its parent's level, and how far what is below it reaches down. */
static bool fits(struct rest_call *call, const char *parent)
{
    cJSON *tree = read_tree(call->core);
    const char *id = call->args[0];
    const cJSON *item = NULL;
    unsigned below = 0;
    const unsigned above = tree != NULL ? levels_below(tree, parent, "") : 0;
    cJSON_ArrayForEach(item, tree)
    {
        const unsigned levels = levels_below(tree, item->string, id);
        if (levels < MAX_DEPTH && levels > below)
            below = levels;
    }
    if (tree == NULL)
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    else if (levels_below(tree, parent, id) < MAX_DEPTH)
        rest_fail(&call->reply, 400, "InvalidBody", "An organization cannot stand below itself.");
    else if (above + 1 + below > MAX_DEPTH)
        rest_fail(&call->reply, 400, "InvalidBody", "Organizations have at most %u levels.", MAX_DEPTH);
    cJSON_Delete(tree);
    return call->reply.status == 0;
}

/* Only who sees the whole application makes a new top, and nobody moves anything where they see nothing. */
static bool check_parent(struct rest_call *call, const char *parent, const char *before)
{
    const uint64_t right = UINT64_C(1) << RIGHT_PEOPLE_WRITE;
    if (before != NULL && strcmp(parent, before) == 0)
        return true;
    if (parent[0] == '\0' && !rest_covers(call, right, NULL))
        rest_fail(&call->reply, 403, "Forbidden",
                  "This token is bound to an organization; name a \"parent\" of its own.");
    else if (parent[0] != '\0' &&
             !(rest_organization_exists(call->core, parent) && rest_covers(call, right, parent)))
        rest_fail(&call->reply, 400, "InvalidBody", "Organization %.100s does not exist; create it first.",
                  parent);
    return call->reply.status == 0 && (parent[0] == '\0' || fits(call, parent));
}

static const char *parent_in(const cJSON *document)
{
    const char *parent = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "parent"));
    return parent != NULL ? parent : "";
}

static bool check(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name = NULL, *parent = NULL;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"parent", REST_TEXT, false, &parent}};
    if (!rest_members(call, document, "an organization", members, 2))
        return false;
    if (name == NULL || name->valuestring[0] == '\0' || strlen(name->valuestring) > MAX_NAME) {
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"displayName\" of an organization has to have 1 to %u bytes.", MAX_NAME);
        return false;
    }
    return check_parent(call, parent_in(document), before != NULL ? parent_in(before) : NULL);
}

static char *belongs(const char *id, const cJSON *document)
{
    cJSON *list = cJSON_CreateStringArray(&id, 1);
    char *text = list != NULL ? cJSON_PrintUnformatted(list) : NULL;
    (void)document;
    cJSON_Delete(list);
    return text;
}

static bool has_children(struct core *c, const char *id)
{
    cJSON *tree = read_tree(c);
    const bool found = tree == NULL || rest_in_list(tree, id); /* when in doubt */
    cJSON_Delete(tree);
    return found;
}

static bool may_go(struct rest_call *call, const cJSON *document)
{
    size_t users = 0;
    (void)document;
    const spoke_status status = store_organization_users(core_store(call->core), call->args[0], &users);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (has_children(call->core, call->args[0]))
        rest_fail(&call->reply, 409, "Conflict", "There are organizations below it; delete or move them first.");
    else if (users > 0)
        rest_fail(&call->reply, 409, "Conflict",
                  "%zu devices, tokens, users or other things belong to it; give them another one first.", users);
    return call->reply.status == 0;
}

static const struct rest_entity ORGANIZATION = {
    .kind = KIND,
    .name = "Organization",
    .id_good = id_good,
    .id_rule = "An organization's id has 2 to 49 lower-case letters, digits or '-', none of them at an end.",
    .most = MAX_ORGANIZATIONS,
    .organized = true,
    .check = check,
    .belongs = belongs,
    .may_go = may_go};

void rest_organizations_list(struct rest_call *call)
{
    rest_entity_list(call, &ORGANIZATION);
}

void rest_organization_get(struct rest_call *call)
{
    rest_entity_get(call, &ORGANIZATION);
}

void rest_organization_put(struct rest_call *call)
{
    rest_entity_put(call, &ORGANIZATION);
}

void rest_organization_patch(struct rest_call *call)
{
    rest_entity_patch(call, &ORGANIZATION);
}

void rest_organization_delete(struct rest_call *call)
{
    rest_entity_delete(call, &ORGANIZATION);
}
