#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "central/core/template_doc.h"
#include "rest.h"
#include "rest_filter.h"

#define MAX_NAME 148u /* characters */

static void add_text(cJSON *object, const char *name, const char *text)
{
    if (text != NULL)
        cJSON_AddStringToObject(object, name, text);
}

static const char *name_of(const struct store_device *row)
{
    return row->display_name != NULL ? row->display_name : row->id;
}

/* Waiting for approval shows as not enabled: the operator's "enabled": true approves. */
cJSON *rest_device_json(const struct core *core, const struct store_device *row)
{
    const bool connected = core_device_connected(core, row->id);
    const int64_t seen_ms = connected ? core_unix_ms(core) : row->last_seen_ms;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", row->id);
    rest_add_etag(object, row->etag);
    cJSON_AddStringToObject(object, "displayName", name_of(row));
    add_text(object, "template", row->template_id);
    cJSON_AddBoolToObject(object, "enabled", row->enabled && row->approved);
    cJSON_AddBoolToObject(object, "provisioned", row->provisioned);
    cJSON_AddBoolToObject(object, "simulated", row->simulated);
    if (row->organizations != NULL)
        cJSON_AddItemToObject(object, "organizations", rest_raw(row->organizations));
    cJSON_AddBoolToObject(object, "connected", connected);
    if (seen_ms != 0)
        json_add_time(object, "lastSeenTime", seen_ms);
    return object;
}

struct listing {
    struct rest_call *call;
    struct rest_page page;
};

enum {
    FIELD_ID,
    FIELD_NAME,
    FIELD_TEMPLATE,
    FIELD_SCOPES,
    FIELD_ORGANIZATIONS,
    FIELD_ENABLED,
    FIELD_PROVISIONED,
    FIELD_SIMULATED
};
static const struct filter_field FIELDS[] = {
    [FIELD_ID] = {"id", false},
    [FIELD_NAME] = {"displayName", false},
    [FIELD_TEMPLATE] = {"template", false},
    [FIELD_SCOPES] = {"scopes", false}, /* the documentation's word for organizations */
    [FIELD_ORGANIZATIONS] = {"organizations", false},
    [FIELD_ENABLED] = {"enabled", true},
    [FIELD_PROVISIONED] = {"provisioned", true},
    [FIELD_SIMULATED] = {"simulated", true},
};

struct filtered {
    const struct store_device *row;
    cJSON *organizations; /* read when they are asked for */
};

static bool organization_at(struct filtered *f, size_t index, struct filter_value *out)
{
    if (f->row->organizations == NULL)
        return false;
    if (f->organizations == NULL)
        f->organizations = cJSON_Parse(f->row->organizations);
    const char *id =
        index < INT32_MAX ? cJSON_GetStringValue(cJSON_GetArrayItem(f->organizations, (int)index)) : NULL;
    out->text = spoke_str_of(id);
    return id != NULL;
}

static bool field_value(void *ctx, unsigned field, size_t index, struct filter_value *out)
{
    struct filtered *f = ctx;
    const struct store_device *row = f->row;
    const char *text = NULL;
    switch (field) {
    case FIELD_SCOPES:
    case FIELD_ORGANIZATIONS:
        return organization_at(f, index, out);
    case FIELD_ENABLED:
        out->truth = row->enabled && row->approved;
        return true;
    case FIELD_PROVISIONED:
        out->truth = row->provisioned;
        return true;
    case FIELD_SIMULATED:
        out->truth = row->simulated;
        return true;
    case FIELD_ID:
        text = row->id;
        break;
    case FIELD_NAME:
        text = name_of(row);
        break;
    default:
        text = row->template_id;
    }
    out->text = spoke_str_of(text);
    return text != NULL && index == 0;
}

static bool wanted(const struct listing *list, const struct store_device *row)
{
    struct filtered f = {.row = row};
    const bool fits = rest_sees(list->call, row->organizations) &&
                      (list->page.filter == NULL || filter_matches(list->page.filter, field_value, &f));
    cJSON_Delete(f.organizations);
    return fits;
}

static bool add_to_page(void *ctx, const struct store_device *row)
{
    struct listing *list = ctx;
    if (!wanted(list, row))
        return rest_page_pass(&list->page, row->id, name_of(row));
    return rest_page_add_named(&list->page, rest_device_json(list->call->core, row), row->id, name_of(row));
}

void rest_devices_list(struct rest_call *call)
{
    struct listing list = {.call = call};
    if (!rest_page_begin(call, &list.page) ||
        !rest_page_sort(call, &list.page, FIELDS, sizeof FIELDS / sizeof FIELDS[0]))
        return;
    const struct store_place place = rest_page_place(&list.page);
    const spoke_status status = store_device_list(core_store(call->core), &place, add_to_page, &list);
    rest_page_end(call, &list.page, status);
}

void rest_device_get(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    rest_ok(&call->reply, 200, rest_device_json(call->core, &row));
    store_device_free(&row);
}

/* --- PUT and PATCH --- */

struct device_body {
    const cJSON *id, *etag, *display_name, *template_id, *enabled, *provisioned, *simulated, *organizations;
    const cJSON *connected, *last_seen; /* read-only, as provisioned is */
};

static bool read_device(struct rest_call *call, struct device_body *out)
{
    const struct rest_member members[] = {{"id", REST_TEXT, false, &out->id},
                                          {"etag", REST_TEXT, false, &out->etag},
                                          {"displayName", REST_TEXT, true, &out->display_name},
                                          {"template", REST_TEXT, true, &out->template_id},
                                          {"enabled", REST_BOOL, false, &out->enabled},
                                          {"provisioned", REST_BOOL, false, &out->provisioned},
                                          {"simulated", REST_BOOL, false, &out->simulated},
                                          {"organizations", REST_ARRAY, true, &out->organizations},
                                          {"connected", REST_BOOL, false, &out->connected},
                                          {"lastSeenTime", REST_TEXT, false, &out->last_seen}};
    struct rest_reply *reply = &call->reply;
    if (!rest_members(call, call->body, "a device", members, sizeof members / sizeof members[0]))
        return false;
    if (out->id != NULL && strcmp(out->id->valuestring, call->args[0]) != 0)
        rest_fail(reply, 400, "InvalidBody", "\"id\" of a device differs from the path's.");
    else if (cJSON_IsString(out->display_name) && rest_characters(out->display_name->valuestring) > MAX_NAME)
        rest_fail(reply, 400, "InvalidBody", "\"displayName\" of a device has more than %u characters.", MAX_NAME);
    else if (cJSON_IsString(out->template_id) && (strncmp(out->template_id->valuestring, "dtmi:", 5) != 0 ||
                                                  strlen(out->template_id->valuestring) >= TEMPLATE_ID_CAP))
        rest_fail(reply, 400, "InvalidBody",
                  "\"template\" of a device has to be a DTMI of at most %u characters, \"dtmi:...;1\".",
                  TEMPLATE_ID_CAP - 1);
    return reply->status == 0;
}

static bool apply(struct store_device *row, const struct device_body *body, bool merge)
{
    if (!rest_take_text(&row->display_name, body->display_name, merge) ||
        !rest_take_text(&row->template_id, body->template_id, merge))
        return false;
    if (body->enabled != NULL || !merge)
        row->enabled = body->enabled == NULL || cJSON_IsTrue(body->enabled);
    if (row->enabled && (body->enabled != NULL || !merge))
        row->approved = true;
    if (body->simulated != NULL || !merge)
        row->simulated = cJSON_IsTrue(body->simulated);
    return true;
}

/* A new row, still without the body's values. */
static bool begin_device(struct rest_call *call, struct store_device *out)
{
    const char *id = call->args[0];
    const spoke_status status = store_device_find_nocase(core_store(call->core), id, out);
    if (status == SPOKE_OK) {
        rest_fail(&call->reply, 409, "Conflict", "Device %.128s differs from %.128s only by case.",
                  rest_sees(call, out->organizations) ? out->id : "of another organization", id);
        store_device_free(out);
    } else if (status != SPOKE_E_NOT_FOUND) {
        rest_fail_internal(&call->reply, status);
    } else if (!core_good_id(spoke_str_of(id))) {
        rest_fail(&call->reply, 400, "InvalidRequest",
                  "A device id has 1 to %u letters, digits, '-', '.', '_' or ':' and ends with a letter, digit "
                  "or '-'.",
                  SPOKE_MAX_ID_BYTES);
    } else if (!text_set(&out->id, spoke_str_of(id))) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    }
    out->created_ms = core_unix_ms(call->core);
    out->approved = true; /* whoever makes one has looked at it: disabled, it is blocked */
    return call->reply.status == 0;
}

/* Under a profile that limits them. `was`: simulated before; `is_new`: there is no row yet. */
static bool room(struct rest_call *call, const struct store_device *row, bool was, bool is_new)
{
    const uint32_t most = call->core->limits.most[LIMIT_DEVICES];
    const uint32_t most_simulated = call->core->limits.most[LIMIT_SIMULATED];
    size_t all = 0, simulated = 0;
    if ((most == 0 && most_simulated == 0) || (!is_new && (was || !row->simulated)))
        return true;
    const spoke_status status = store_device_count(core_store(call->core), &all, &simulated);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (most != 0 && is_new && all >= most)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "This application has at most %u devices.", most);
    else if (most_simulated != 0 && row->simulated && simulated >= most_simulated)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "This application has at most %u simulated devices.",
                  most_simulated);
    return call->reply.status == 0;
}

static void save(struct rest_call *call, struct store_device *row, const struct device_body *body, bool merge)
{
    const bool was_simulated = row->simulated, is_new = row->etag == 0;
    if (!rest_organizations(call, body->organizations, merge, &row->organizations))
        return;
    spoke_status status = apply(row, body, merge) ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK && !room(call, row, was_simulated, is_new))
        return;
    if (status == SPOKE_OK)
        status = core_device_put(call->core, row);
    if (status != SPOKE_OK) {
        rest_fail_internal(&call->reply, status);
        return;
    }
    call->created = is_new;
    core_device_changed(call->core, row->id);
    rest_device_get(call);
}

void rest_device_put(struct rest_call *call)
{
    struct device_body body;
    struct store_device row;
    if (!read_device(call, &body))
        return;
    const spoke_status status = store_device_get(core_store(call->core), call->args[0], &row);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        rest_fail_internal(&call->reply, status);
    else if (status == SPOKE_OK && !rest_sees(call, row.organizations))
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s does not exist.", call->args[0]);
    else if (rest_etag_matches(call, body.etag, row.etag) && (status == SPOKE_OK || begin_device(call, &row)))
        save(call, &row, &body, false);
    store_device_free(&row);
}

void rest_device_patch(struct rest_call *call)
{
    struct device_body body;
    struct store_device row;
    if (!read_device(call, &body) || !rest_device(call, &row))
        return;
    if (rest_etag_matches(call, body.etag, row.etag))
        save(call, &row, &body, true);
    store_device_free(&row);
}

void rest_device_delete(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    const bool may = rest_etag_matches(call, NULL, row.etag) && rest_may_delete(call, row.organizations);
    store_device_free(&row);
    if (!may)
        return;
    const spoke_status status = core_device_delete(call->core, call->args[0]);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 204, NULL);
    else
        rest_fail_internal(&call->reply, status);
}
