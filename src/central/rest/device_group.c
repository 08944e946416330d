#include "device_group.h"

#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest_caller.h"
#include "rest_entity.h"

enum { MOST_GROUPS = 500, MOST_TEXT = 1024 };

/* --- the filter --- */

/* FROM dtmi:..., or a condition that all devices have to satisfy: then they are found by the template. */
static bool find_template(struct device_group *group)
{
    const struct ql_query *q = group->filter;
    if (!spoke_str_equal_nocase(q->source, SPOKE_STR("devices")))
        return text_set(&group->template_id, q->source);
    for (size_t i = 0; i < q->node_count; i++) {
        const struct ql_node *node = &q->nodes[i];
        if (node->required && node->op == QL_EQUAL && node->path.name == QL_TEMPLATE &&
            q->literals[node->first].type == QL_TEXT)
            return text_set(&group->template_id, q->literals[node->first].text);
    }
    return true;
}

static spoke_status parse_filter(struct core *c, const char *text, struct device_group *group,
                                 struct ql_fault *fault)
{
    spoke_status status = ql_parse(spoke_str_of(text), QL_KIND_FILTER, &group->filter, fault);
    if (status != SPOKE_OK)
        return status;
    if (!find_template(group))
        return SPOKE_E_NO_MEMORY;
    const bool devices = spoke_str_equal_nocase(group->filter->source, SPOKE_STR("devices"));
    const struct template_table *t = devices ? NULL : core_template(c, group->template_id);
    if (!devices && t == NULL) {
        fault->position = (size_t)(group->filter->source.ptr - group->filter->text) + 1;
        strcpy(fault->message, "there is no such device template");
        return SPOKE_E_ARG;
    }
    status = ql_fields_find(group->filter, t, &group->fields, fault);
    if (status == SPOKE_OK && group->fields.telemetry && group->fields.count > 0) {
        fault->position = 1;
        strcpy(fault->message, "a group is chosen by properties and by $names, not by telemetry");
        status = SPOKE_E_ARG;
    }
    group->fields.telemetry = false;
    group->reader.fields = &group->fields;
    return status;
}

/* --- looking through --- */

/* A group of an organization has the devices of that one and of those below. */
spoke_status device_group_reach(struct core *c, const char *organizations, cJSON **out)
{
    cJSON *list = organizations != NULL ? cJSON_Parse(organizations) : NULL;
    const cJSON *item = NULL;
    if (cJSON_GetArraySize(list) > 0)
        *out = cJSON_CreateArray();
    const bool all = organizations == NULL || (list != NULL && cJSON_GetArraySize(list) == 0);
    spoke_status status = all || *out != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    cJSON_ArrayForEach(item, list)
    {
        cJSON *below = cJSON_IsString(item) ? rest_organization_reach(c, item->valuestring) : NULL;
        for (cJSON *id; below != NULL && (id = cJSON_DetachItemFromArray(below, 0)) != NULL;)
            cJSON_AddItemToArray(*out, id);
        if (below == NULL)
            status = SPOKE_E_NO_MEMORY;
        cJSON_Delete(below);
    }
    cJSON_Delete(list);
    return status;
}

spoke_status device_group_open(struct core *c, const char *id, struct device_group *out)
{
    struct store_document row;
    struct ql_fault fault;
    memset(out, 0, sizeof *out);
    spoke_status status = store_document_get(core_store(c), DEVICE_GROUP_KIND, id, &row);
    if (status != SPOKE_OK)
        return status;
    cJSON *document = cJSON_Parse(row.json);
    const char *filter = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "filter"));
    status = filter != NULL ? parse_filter(c, filter, out, &fault) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = device_group_reach(c, row.organizations, &out->reach);
    cJSON_Delete(document);
    store_document_free(&row);
    return status;
}

void device_group_close(struct device_group *group)
{
    ql_free(group->filter);
    ql_reader_free(&group->reader);
    free(group->template_id);
    cJSON_Delete(group->reach);
    memset(group, 0, sizeof *group);
}

struct looking {
    struct device_group *group;
    const struct device_group_walk *walk;
    int64_t now_ms;
    spoke_status status;
    bool taken;
};

static bool take_row(void *ctx, struct ql_row *row)
{
    struct looking *l = ctx;
    l->taken = ql_match(l->group->filter, l->now_ms, ql_row_get, row);
    return false;
}

static bool take_scanned(void *ctx, const struct store_scanned *row)
{
    struct looking *l = ctx;
    l->taken = false;
    if (rest_reach_has(l->group->reach, row->organizations))
        l->status = ql_read(&l->group->reader, row, take_row, l);
    if (l->status != SPOKE_OK)
        return false;
    return l->taken ? l->walk->each(l->walk->ctx, row) : l->walk->passed(l->walk->ctx, row->device_id);
}

spoke_status device_group_each(struct core *c, struct device_group *group, const struct device_group_walk *walk)
{
    struct looking l = {.group = group, .walk = walk, .now_ms = core_unix_ms(c)};
    const struct store_scan scan = {.template_id = group->template_id,
                                    .device_id = walk->only,
                                    .after = walk->after,
                                    .each = take_scanned,
                                    .ctx = &l};
    const spoke_status status = store_scan_devices(core_store(c), &scan);
    return l.status != SPOKE_OK ? l.status : status;
}

static bool is_found(void *ctx, const struct store_scanned *row)
{
    (void)row;
    *(bool *)ctx = true;
    return false;
}

static bool is_passed(void *ctx, const char *device_id)
{
    (void)ctx;
    (void)device_id;
    return false;
}

bool device_group_has(struct core *c, struct device_group *group, const char *device_id)
{
    bool found = false;
    const struct device_group_walk walk = {
        .only = device_id, .each = is_found, .passed = is_passed, .ctx = &found};
    return !group->empty && device_group_each(c, group, &walk) == SPOKE_OK && found;
}

/* --- the routes --- */

static bool id_good(const char *id)
{
    return rest_id_good(id, "_-", 255);
}

static bool texts_good(struct rest_call *call, const cJSON *name, const cJSON *description, const cJSON *filter)
{
    if (name == NULL || filter == NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"%s\" of a device group is missing.",
                  name == NULL ? "displayName" : "filter");
    else if (name->valuestring[0] == '\0' || strlen(name->valuestring) > MOST_TEXT)
        rest_fail(&call->reply, 400, "InvalidBody", "\"displayName\" of a device group has 1 to %d bytes.",
                  MOST_TEXT);
    else if (cJSON_IsString(description) && strlen(description->valuestring) > MOST_TEXT)
        rest_fail(&call->reply, 400, "InvalidBody", "\"description\" of a device group has at most %d bytes.",
                  MOST_TEXT);
    return call->reply.status == 0;
}

static bool check(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name, *description, *filter;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"description", REST_TEXT, false, &description},
                                          {"filter", REST_TEXT, false, &filter}};
    struct device_group group;
    struct ql_fault fault;
    (void)before;
    if (!rest_members(call, document, "a device group", members, 3) ||
        !texts_good(call, name, description, filter))
        return false;
    memset(&group, 0, sizeof group);
    const spoke_status status = parse_filter(call->core, filter->valuestring, &group, &fault);
    device_group_close(&group);
    if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidBody", "\"filter\" of a device group, at character %zu: %s.",
                  fault.position, fault.message);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

/* Its filter says on whom the jobs of all its organizations run. */
static bool allowed(struct rest_call *call, const cJSON *document, const char *organizations)
{
    (void)document;
    if (rest_sees_all(call, organizations))
        return true;
    rest_fail(&call->reply, 403, "Forbidden", "The device group is of other organizations too.");
    return false;
}

static const struct rest_entity DEVICE_GROUP = {
    .kind = DEVICE_GROUP_KIND,
    .name = "Device group",
    .id_good = id_good,
    .id_rule = "The id of a device group has 1 to 255 letters, digits, '_' or '-'.",
    .most = MOST_GROUPS,
    .organized = true,
    .check = check,
    .allowed = allowed,
};

void rest_device_groups_list(struct rest_call *call)
{
    rest_entity_list(call, &DEVICE_GROUP);
}

void rest_device_group_get(struct rest_call *call)
{
    rest_entity_get(call, &DEVICE_GROUP);
}

void rest_device_group_put(struct rest_call *call)
{
    rest_entity_put(call, &DEVICE_GROUP);
}

void rest_device_group_patch(struct rest_call *call)
{
    rest_entity_patch(call, &DEVICE_GROUP);
}

void rest_device_group_delete(struct rest_call *call)
{
    rest_entity_delete(call, &DEVICE_GROUP);
}

bool device_group_ask(struct rest_call *call, const char *id, struct device_group *out)
{
    struct store_document row;
    const char *const before = call->args[0];
    memset(out, 0, sizeof *out);
    if (!rest_may_as_well(call, RIGHT_GROUP_READ)) {
        rest_fail(&call->reply, 403, "Forbidden", "The roles of this token do not allow to read device groups.");
        return false;
    }
    call->args[0] = id;
    const bool found = rest_entity_find(call, &DEVICE_GROUP, &row);
    call->args[0] = before;
    if (!found)
        return false;
    store_document_free(&row);
    const spoke_status status = device_group_open(call->core, id, out);
    out->empty = status == SPOKE_E_ARG;
    if (status != SPOKE_OK && status != SPOKE_E_ARG)
        rest_fail_internal(&call->reply, status);
    return call->reply.status == 0;
}

struct listing {
    struct rest_call *call;
    struct rest_page page;
    spoke_status status;
};

static bool pass(void *ctx, const char *device_id)
{
    struct listing *list = ctx;
    return rest_page_pass(&list->page, device_id, NULL);
}

static bool add_to_page(void *ctx, const struct store_scanned *row)
{
    struct listing *list = ctx;
    struct store_device device;
    if (!rest_sees(list->call, row->organizations))
        return pass(list, row->device_id);
    list->status = store_device_get(core_store(list->call->core), row->device_id, &device);
    if (list->status != SPOKE_OK)
        return false;
    const bool more = rest_page_add(&list->page, rest_device_json(list->call->core, &device), device.id);
    store_device_free(&device);
    return more;
}

void rest_device_group_devices(struct rest_call *call)
{
    struct store_document row;
    struct device_group group;
    struct listing list = {.call = call};
    if (!rest_entity_find(call, &DEVICE_GROUP, &row))
        return;
    store_document_free(&row);
    if (!rest_may_as_well(call, RIGHT_DEVICE_READ)) {
        rest_fail(&call->reply, 403, "Forbidden", "The roles of this token do not allow to read devices.");
        return;
    }
    if (!rest_page_begin(call, &list.page))
        return;
    spoke_status status = device_group_open(call->core, call->args[0], &group);
    const struct device_group_walk walk = {
        .after = list.page.after, .each = add_to_page, .passed = pass, .ctx = &list};
    if (status == SPOKE_OK)
        status = device_group_each(call->core, &group, &walk);
    else if (status == SPOKE_E_ARG)
        status = SPOKE_OK; /* the template of its filter is gone, and its devices with it */
    device_group_close(&group);
    rest_page_end(call, &list.page, status != SPOKE_OK ? status : list.status);
}
