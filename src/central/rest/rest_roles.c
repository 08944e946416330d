/* Roles: the three built-in ones of IoT Central, and custom ones as documents. */
#include <stdlib.h>
#include <string.h>

#include "rest_caller.h"
#include "rest_entity.h"

#define MAX_ROLES 50u
#define MAX_ASSIGNMENTS 20
#define MAX_NAME 200u

#define BIT(right) (UINT64_C(1) << (right))
#define OPERATOR \
    (BIT(RIGHT_DEVICE_READ) | BIT(RIGHT_DEVICE_WRITE) | BIT(RIGHT_COMMAND) | BIT(RIGHT_TEMPLATE_READ) | \
     BIT(RIGHT_GROUP_READ) | BIT(RIGHT_JOB_READ) | BIT(RIGHT_JOB_WRITE) | BIT(RIGHT_QUERY) | \
     BIT(RIGHT_DASHBOARD_READ))
#define BUILDER (OPERATOR | BIT(RIGHT_TEMPLATE_WRITE) | BIT(RIGHT_GROUP_WRITE) | BIT(RIGHT_DASHBOARD_WRITE))

/* What there is once for the whole application: nobody has it by a role that is bound to an organization. */
#define UNDIVIDED \
    (BIT(RIGHT_CONTROL) | BIT(RIGHT_TEMPLATE_WRITE) | BIT(RIGHT_ENROLMENT_READ) | BIT(RIGHT_ENROLMENT_WRITE) | \
     BIT(RIGHT_FILE_READ) | BIT(RIGHT_FILE_WRITE))

static const struct {
    const char *id, *name;
    uint64_t rights;
} BUILT_IN[] = {
    {"344138e9-8de4-4497-8c54-5237e96d6aaf", "Builder", BUILDER},
    {"ae2c9854-393b-4f97-8c42-479d70ce626e", "Operator", OPERATOR},
    {REST_ADMINISTRATOR, "Administrator", REST_ALL_RIGHTS},
};
#define BUILT_IN_COUNT (sizeof BUILT_IN / sizeof BUILT_IN[0])

static const char *const NAMES[RIGHT_COUNT] = {
    [RIGHT_DEVICE_READ] = "device.read",       [RIGHT_DEVICE_WRITE] = "device.write",
    [RIGHT_COMMAND] = "command.run",           [RIGHT_TEMPLATE_READ] = "template.read",
    [RIGHT_TEMPLATE_WRITE] = "template.write", [RIGHT_GROUP_READ] = "group.read",
    [RIGHT_GROUP_WRITE] = "group.write",       [RIGHT_JOB_READ] = "job.read",
    [RIGHT_JOB_WRITE] = "job.write",           [RIGHT_QUERY] = "query.run",
    [RIGHT_DASHBOARD_READ] = "dashboard.read", [RIGHT_DASHBOARD_WRITE] = "dashboard.write",
    [RIGHT_ENROLMENT_READ] = "enrolment.read", [RIGHT_ENROLMENT_WRITE] = "enrolment.write",
    [RIGHT_PEOPLE_READ] = "people.read",       [RIGHT_PEOPLE_WRITE] = "people.write",
    [RIGHT_FILE_READ] = "file.read",           [RIGHT_FILE_WRITE] = "file.write",
};

const char *rest_right_name(enum rest_right right)
{
    return right < RIGHT_COUNT ? NAMES[right] : NULL;
}

static enum rest_right right_of_name(const char *name)
{
    for (unsigned i = 0; name != NULL && i < RIGHT_COUNT; i++)
        if (NAMES[i] != NULL && strcmp(NAMES[i], name) == 0)
            return i;
    return RIGHT_UNSET;
}

static uint64_t rights_of_list(const cJSON *list)
{
    uint64_t rights = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        const enum rest_right right = right_of_name(cJSON_GetStringValue(item));
        if (right != RIGHT_UNSET)
            rights |= BIT(right);
    }
    return rights;
}

static uint64_t custom_rights(struct core *c, const char *role)
{
    struct store_document row;
    if (store_document_get(core_store(c), "role", role, &row) != SPOKE_OK)
        return 0;
    cJSON *document = cJSON_Parse(row.json);
    const uint64_t rights = rights_of_list(cJSON_GetObjectItemCaseSensitive(document, "rights"));
    cJSON_Delete(document);
    store_document_free(&row);
    return rights;
}

static size_t built_in(const char *role)
{
    size_t i = 0;
    while (i < BUILT_IN_COUNT && strcmp(BUILT_IN[i].id, role) != 0)
        i++;
    return i;
}

uint64_t rest_role_rights(struct core *c, const char *role, bool bound)
{
    if (role == NULL)
        return 0;
    const size_t i = built_in(role);
    const uint64_t rights = i < BUILT_IN_COUNT ? BUILT_IN[i].rights : custom_rights(c, role);
    return bound ? rights & ~UNDIVIDED : rights;
}

/* --- assignments --- */

static bool assignment_good(struct rest_call *call, const cJSON *item)
{
    const cJSON *role = NULL, *organization = NULL;
    const struct rest_member members[] = {{"role", REST_TEXT, false, &role},
                                          {"organization", REST_TEXT, false, &organization}};
    if (!cJSON_IsObject(item))
        rest_fail(&call->reply, 400, "InvalidBody", "\"roles\" has to be an array of objects with \"role\".");
    else if (!rest_members(call, item, "roles", members, 2))
        return false;
    else if (role == NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"role\" of roles is missing; GET /api/roles lists them.");
    if (call->reply.status != 0)
        return false;
    const char *bound_to = organization != NULL ? organization->valuestring : NULL;
    const uint64_t rights = rest_role_rights(call->core, role->valuestring, bound_to != NULL);
    if (rights == 0)
        rest_fail(&call->reply, 400, "InvalidBody", "Role %.100s does not exist; GET /api/roles lists them.",
                  role->valuestring);
    else if (bound_to != NULL && !(rest_organization_exists(call->core, bound_to) &&
                                   rest_covers(call, BIT(RIGHT_PEOPLE_WRITE), bound_to)))
        rest_fail(&call->reply, 400, "InvalidBody", "Organization %.100s does not exist; create it first.",
                  bound_to);
    else if (!rest_covers(call, rights, bound_to))
        rest_fail(&call->reply, 403, "Forbidden", "This token may not give what it has not got itself.");
    return call->reply.status == 0;
}

bool rest_roles_good(struct rest_call *call, const cJSON *roles)
{
    const cJSON *item = NULL;
    const int count = cJSON_GetArraySize(roles);
    if (count < 1 || count > MAX_ASSIGNMENTS) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"roles\" has to be an array of 1 to %d assignments.",
                  MAX_ASSIGNMENTS);
        return false;
    }
    cJSON_ArrayForEach(item, roles) if (!assignment_good(call, item)) return false;
    return true;
}

char *rest_roles_organizations(const char *id, const cJSON *document)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *item = NULL;
    char *text = NULL;
    bool bound = true;
    (void)id;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "roles"))
    {
        const char *to = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "organization"));
        bound = bound && to != NULL;
        if (to != NULL)
            cJSON_AddItemToArray(list, cJSON_CreateString(to));
    }
    if (bound)
        text = cJSON_PrintUnformatted(list);
    cJSON_Delete(list);
    return text;
}

struct usage {
    const char *role;
    bool used;
};

static bool look_for_role(void *ctx, const struct store_document *row)
{
    struct usage *usage = ctx;
    cJSON *document = cJSON_Parse(row->json);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "roles"))
    {
        const char *role = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "role"));
        usage->used = usage->used || (role != NULL && strcmp(role, usage->role) == 0);
    }
    cJSON_Delete(document);
    return !usage->used;
}

spoke_status rest_role_used(struct core *c, const char *role, bool *out)
{
    struct usage usage = {.role = role};
    spoke_status status = store_document_each(core_store(c), "apiToken", NULL, INT32_MAX, look_for_role, &usage);
    if (status == SPOKE_OK && !usage.used)
        status = store_document_each(core_store(c), "user", NULL, INT32_MAX, look_for_role, &usage);
    *out = usage.used;
    return status;
}

/* --- the routes --- */

static bool id_good(const char *id)
{
    return rest_id_good(id, "-_", 48) && built_in(id) == BUILT_IN_COUNT;
}

static bool check_role(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name = NULL, *rights = NULL, *item = NULL;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"rights", REST_ARRAY, false, &rights}};
    (void)before;
    if (!rest_members(call, document, "a role", members, 2))
        return false;
    if (name == NULL || name->valuestring[0] == '\0' || strlen(name->valuestring) > MAX_NAME)
        rest_fail(&call->reply, 400, "InvalidBody", "\"displayName\" of a role has to have 1 to %u bytes.",
                  MAX_NAME);
    else if (cJSON_GetArraySize(rights) == 0 || cJSON_GetArraySize(rights) > RIGHT_COUNT)
        rest_fail(&call->reply, 400, "InvalidBody", "\"rights\" of a role has to name 1 to %d of them.",
                  RIGHT_COUNT);
    cJSON_ArrayForEach(item, rights)
    {
        if (call->reply.status == 0 && right_of_name(cJSON_GetStringValue(item)) == RIGHT_UNSET)
            rest_fail(&call->reply, 400, "InvalidBody",
                      "\"%.60s\" is not a right; the built-in roles of GET /api/roles show them all.",
                      cJSON_IsString(item) ? item->valuestring : "");
    }
    if (call->reply.status == 0 && !rest_covers(call, rights_of_list(rights), NULL))
        rest_fail(&call->reply, 403, "Forbidden", "This token may not give what it has not got itself.");
    return call->reply.status == 0;
}

static bool role_may_go(struct rest_call *call, const cJSON *document)
{
    bool used = false;
    (void)document;
    const spoke_status status = rest_role_used(call->core, call->args[0], &used);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (used)
        rest_fail(&call->reply, 409, "Conflict",
                  "A token or a user has this role; take it away from them before it is deleted.");
    return call->reply.status == 0;
}

static const struct rest_entity ROLE = {.kind = "role",
                                        .name = "Role",
                                        .id_good = id_good,
                                        .id_rule = "A role's id has 1 to 48 letters, digits, '-' or '_'.",
                                        .most = MAX_ROLES,
                                        .check = check_role,
                                        .may_go = role_may_go};

static cJSON *built_in_json(size_t i)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "id", BUILT_IN[i].id);
    cJSON_AddStringToObject(body, "displayName", BUILT_IN[i].name);
    cJSON *rights = cJSON_AddArrayToObject(body, "rights");
    for (unsigned right = 0; right < RIGHT_COUNT; right++)
        if (NAMES[right] != NULL && (BUILT_IN[i].rights & BIT(right)) != 0)
            cJSON_AddItemToArray(rights, cJSON_CreateStringReference(NAMES[right]));
    return body;
}

struct role_list {
    struct rest_call *call;
    struct rest_page page;
    size_t next; /* built-in one that was not listed yet */
};

/* The built-in ones stand where their ids are in the order, so that pages go on by id. */
static bool add_built_in(struct role_list *list, const char *before)
{
    for (; list->next < BUILT_IN_COUNT; list->next++) {
        const char *id = BUILT_IN[list->next].id;
        if (before != NULL && strcmp(id, before) > 0)
            return true;
        if (list->page.after != NULL && strcmp(id, list->page.after) <= 0)
            continue;
        if (!rest_page_add(&list->page, built_in_json(list->next), id))
            return false;
    }
    return true;
}

static bool add_custom(void *ctx, const struct store_document *row)
{
    struct role_list *list = ctx;
    return add_built_in(list, row->id) &&
           rest_page_add(&list->page, rest_entity_json(list->call, &ROLE, row), row->id);
}

void rest_roles_list(struct rest_call *call)
{
    struct role_list list = {.call = call};
    if (!rest_page_begin(call, &list.page))
        return;
    const spoke_status status = store_document_each(core_store(call->core), ROLE.kind, list.page.after,
                                                    list.page.limit + 1, add_custom, &list);
    if (status == SPOKE_OK && !list.page.more)
        (void)add_built_in(&list, NULL);
    rest_page_end(call, &list.page, status);
}

void rest_role_get(struct rest_call *call)
{
    const size_t i = built_in(call->args[0]);
    if (i < BUILT_IN_COUNT)
        rest_ok(&call->reply, 200, built_in_json(i));
    else
        rest_entity_get(call, &ROLE);
}

/* False, with a reply. */
static bool may_change(struct rest_call *call)
{
    if (!rest_covers(call, BIT(RIGHT_PEOPLE_WRITE), NULL))
        rest_fail(&call->reply, 403, "Forbidden",
                  "Roles belong to the whole application; this token is bound to an organization.");
    else if (built_in(call->args[0]) < BUILT_IN_COUNT)
        rest_fail(&call->reply, 409, "Conflict", "A built-in role cannot be changed; make one of your own.");
    return call->reply.status == 0;
}

void rest_role_put(struct rest_call *call)
{
    if (may_change(call))
        rest_entity_put(call, &ROLE);
}

void rest_role_patch(struct rest_call *call)
{
    if (may_change(call))
        rest_entity_patch(call, &ROLE);
}

void rest_role_delete(struct rest_call *call)
{
    if (may_change(call))
        rest_entity_delete(call, &ROLE);
}
