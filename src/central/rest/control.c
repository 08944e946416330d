/* The test-control area: what a test looks at and what it disturbs. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "rest.h"

#define MESSAGES_BYTES (64u * 1024u * 1024u) /* bodies in one reply; what is beyond comes after a DELETE */
#define MESSAGES_SHOWN 10000                 /* the last ones */
#define MAX_PROPERTIES 128u
#define MAX_UPLOADS_SHOWN 1000 /* the last ones */
#define MAX_FLAGS 20           /* shown of one message */

static cJSON *section(const char *json)
{
    return rest_raw(json != NULL ? json : "{}");
}

static cJSON *state_json(struct rest_call *call, const struct store_device *row, const struct store_twin *twin,
                         size_t c2d_pending)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddBoolToObject(body, "connected", core_device_connected(call->core, row->id));
    if (row->model_id != NULL)
        cJSON_AddStringToObject(body, "modelId", row->model_id);
    else
        cJSON_AddNullToObject(body, "modelId");
    cJSON_AddItemToObject(body, "desired", section(twin->desired));
    cJSON_AddNumberToObject(body, "desiredVersion", (double)twin->desired_version);
    cJSON_AddItemToObject(body, "reported", section(twin->reported));
    cJSON_AddNumberToObject(body, "reportedVersion", (double)twin->reported_version);
    cJSON_AddNumberToObject(body, "c2dPending", (double)c2d_pending);
    cJSON_AddItemToObject(body, "provisioningPayload", rest_raw(row->provisioning_payload));
    return body;
}

/* Which template, and how many values did not fit the one that the device had when they came. */
static void add_misfits(cJSON *state, const char *template_id, const struct store_misfits *row)
{
    cJSON_AddStringToObject(state, "template", template_id);
    cJSON *body = cJSON_AddObjectToObject(state, "misfits");
    cJSON_AddNumberToObject(body, "unmodeled", (double)row->unmodeled);
    cJSON_AddNumberToObject(body, "wrongType", (double)row->wrong_type);
    if (row->last_ms == 0)
        return;
    json_add_time(body, "lastTime", row->last_ms);
    cJSON_AddItemToObject(body, "lastReason", rest_text(row->last_reason, strlen(row->last_reason)));
}

void control_device_get(struct rest_call *call)
{
    struct store *s = core_store(call->core);
    struct store_device row;
    struct store_twin twin;
    struct store_misfits misfits;
    size_t pending = 0;
    if (!rest_device(call, &row))
        return;
    spoke_status status = store_twin_get(s, row.id, &twin);
    if (status == SPOKE_E_NOT_FOUND) { /* nobody wrote to it: versions start at 1 */
        twin.desired_version = twin.reported_version = 1;
        status = SPOKE_OK;
    }
    if (status == SPOKE_OK)
        status = store_c2d_count(s, row.id, &pending);
    memset(&misfits, 0, sizeof misfits);
    if (status == SPOKE_OK)
        status = store_misfits_get(s, row.id, &misfits);
    if (status == SPOKE_OK) {
        rest_ok(&call->reply, 200, state_json(call, &row, &twin, pending));
        if (row.template_id != NULL) /* else it is unassigned, and nothing was checked */
            add_misfits(call->reply.body, row.template_id, &misfits);
    } else {
        rest_fail_internal(&call->reply, status);
    }
    store_misfits_free(&misfits);
    store_twin_free(&twin);
    store_device_free(&row);
}

struct messages {
    const struct template_table *t; /* NULL: nothing is checked */
    cJSON *list;
    size_t bytes;
};

static bool add_flag(void *ctx, const struct misfit *misfit)
{
    cJSON *list = ctx, *item = cJSON_CreateObject();
    if (misfit->element >= 0)
        cJSON_AddNumberToObject(item, "element", misfit->element);
    cJSON_AddItemToObject(item, "name", rest_text(misfit->name.ptr, misfit->name.len));
    rest_add_fit(item, misfit->fit, misfit->why);
    cJSON_AddItemToArray(list, item);
    return cJSON_GetArraySize(list) < MAX_FLAGS;
}

/* [{"name", "flag", "reason"}] of the values that do not fit the template that the device has now; NULL: all do. */
static cJSON *flags_json(const struct template_table *t, const struct store_message *row)
{
    cJSON *system = NULL, *list = cJSON_CreateArray();
    (void)core_parse_json(spoke_str_of(row->system), &system);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(system, "contentType"));
    const char *unread = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(system, "undecoded"));
    const struct misfit whole = {.element = -1, .fit = TEMPLATE_WRONG_TYPE, .why = unread};
    if (unread != NULL)
        (void)add_flag(list, &whole);
    else if (type == NULL || strcasestr(type, "json") != NULL)
        misfits_of_message(t, spoke_str_of(row->component), spoke_str_from(row->body, row->body_len), add_flag,
                           list);
    cJSON_Delete(system);
    if (cJSON_GetArraySize(list) > 0)
        return list;
    cJSON_Delete(list);
    return NULL;
}

/* How many elements a message with several readings has; -1: it is not one. */
static int reading_count(const struct store_message *row)
{
    const spoke_str body = spoke_str_from(row->body, row->body_len);
    spoke_json_cursor at;
    spoke_str key, value;
    int count = 0;
    if (spoke_json_type(body) != '[' || spoke_json_check(body) != SPOKE_OK ||
        spoke_json_enter(body, &at) != SPOKE_OK)
        return -1;
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK)
        count++;
    return count;
}

static bool add_message(void *ctx, const struct store_message *row)
{
    struct messages *m = ctx;
    m->bytes += row->body_len;
    if (m->bytes > MESSAGES_BYTES)
        return false;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "qos", row->qos);
    if (row->created_ms != 0)
        json_add_time(item, "time", row->created_ms);
    if (row->duplicate)
        cJSON_AddTrueToObject(item, "duplicate");
    cJSON_AddItemToObject(item, "body", rest_text(row->body, row->body_len));
    const int readings = reading_count(row);
    if (readings >= 0)
        cJSON_AddNumberToObject(item, "readings", readings);
    cJSON_AddItemToObject(item, "system", section(row->system));
    cJSON_AddItemToObject(item, "properties", section(row->properties));
    cJSON *flags = m->t != NULL ? flags_json(m->t, row) : NULL;
    if (flags != NULL)
        cJSON_AddItemToObject(item, "flags", flags);
    cJSON_AddItemToArray(m->list, item);
    return true;
}

void control_messages_get(struct rest_call *call)
{
    const struct template_table *t = NULL;
    if (!rest_device_template(call, &t))
        return;
    struct messages m = {.t = t, .list = cJSON_CreateArray()};
    struct store *s = core_store(call->core);
    int64_t after = 0;
    spoke_status status = store_message_tail(s, call->args[0], MESSAGES_SHOWN, &after);
    if (status == SPOKE_OK)
        status = store_message_each(s, call->args[0], after, MESSAGES_SHOWN, add_message, &m);
    if (status == SPOKE_OK) {
        rest_ok(&call->reply, 200, m.list);
        return;
    }
    cJSON_Delete(m.list);
    rest_fail_internal(&call->reply, status);
}

void control_messages_delete(struct rest_call *call)
{
    if (!rest_device_exists(call))
        return;
    const spoke_status status = core_events_clear(call->core, call->args[0]);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 204, NULL);
    else
        rest_fail_internal(&call->reply, status);
}

void control_disconnect(struct rest_call *call)
{
    if (!rest_device_exists(call))
        return;
    cJSON *body = cJSON_CreateObject();
    cJSON_AddBoolToObject(body, "dropped",
                          core_device_disconnect(call->core, call->args[0], "a test asked for it"));
    rest_ok(&call->reply, 200, body);
}

struct c2d {
    spoke_str names[MAX_PROPERTIES], values[MAX_PROPERTIES];
    size_t count;
};

static bool add_pairs(struct rest_call *call, struct c2d *out, const cJSON *object, const char *place)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, object)
    {
        if (!cJSON_IsString(item) && !cJSON_IsNull(item)) { /* null: a name without a value */
            rest_fail(&call->reply, 400, "InvalidBody", "\"%.100s\" of %s has to be a string, or null.",
                      item->string, place);
            return false;
        }
        if (out->count == MAX_PROPERTIES) {
            rest_fail(&call->reply, 400, "InvalidBody", "A message has at most %u properties.", MAX_PROPERTIES);
            return false;
        }
        out->names[out->count] = spoke_str_of(item->string);
        out->values[out->count++] = spoke_str_of(item->valuestring);
    }
    return true;
}

static void send_c2d(struct rest_call *call, spoke_str body, const struct c2d *message)
{
    const spoke_status status =
        core_c2d_send(call->core, call->args[0], body, message->names, message->values, message->count, 0);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 202, cJSON_CreateObject());
    else if (status == SPOKE_E_FULL)
        rest_fail(&call->reply, 403, "QueueFull", "As many messages as a device may have wait already (403004).");
    else if (status == SPOKE_E_TOO_LARGE)
        rest_fail(&call->reply, 413, "PayloadTooLarge", "A message has at most %u bytes.", SPOKE_MAX_C2D_BYTES);
    else if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidBody", "A property of the message cannot be sent.");
    else
        rest_fail_internal(&call->reply, status);
}

void control_c2d(struct rest_call *call)
{
    const cJSON *body = NULL, *properties = NULL, *system = NULL;
    struct c2d message = {.count = 0};
    const struct rest_member members[] = {{"body", REST_ANY, true, &body},
                                          {"properties", REST_OBJECT, false, &properties},
                                          {"system", REST_OBJECT, false, &system}};
    if (!rest_device_exists(call) || !rest_members(call, call->body, "a message", members, 3) ||
        !add_pairs(call, &message, system, "system") || !add_pairs(call, &message, properties, "properties"))
        return;
    /* text as it stands; any other value as its JSON; none at all is an empty body */
    char *printed = body != NULL && !cJSON_IsString(body) ? cJSON_PrintUnformatted(body) : NULL;
    send_c2d(call, spoke_str_of(cJSON_IsString(body) ? body->valuestring : printed), &message);
    cJSON_free(printed);
}

static void answer_tree(struct rest_call *call, cJSON *tree)
{
    if (tree != NULL)
        rest_ok(&call->reply, 200, tree);
    else
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
}

void control_events_get(struct rest_call *call)
{
    answer_tree(call, core_events_get(call->core));
}

void control_rates_get(struct rest_call *call)
{
    answer_tree(call, core_rates_get(call->core));
}

void control_rates_delete(struct rest_call *call)
{
    core_rates_forget(call->core);
    rest_ok(&call->reply, 204, NULL);
}

/* File upload is not offered, so none was begun. */
struct upload_array {
    const struct core *core;
    cJSON *list;
};

static bool add_upload(void *ctx, const struct store_upload *row)
{
    const struct upload_array *all = ctx;
    return cJSON_InsertItemInArray(all->list, 0, rest_upload_json(all->core, row)) != 0; /* oldest first */
}

void control_uploads_get(struct rest_call *call)
{
    struct upload_array all = {call->core, cJSON_CreateArray()};
    (void)store_upload_each(core_store(call->core), NULL, 0, MAX_UPLOADS_SHOWN, add_upload, &all);
    answer_tree(call, all.list);
}

void control_faults_get(struct rest_call *call)
{
    answer_tree(call, core_faults_get(call->core));
}

void control_faults_put(struct rest_call *call)
{
    char why[200] = "";
    const spoke_status status = core_faults_put(call->core, call->body, why, sizeof why);
    if (status == SPOKE_OK)
        answer_tree(call, core_faults_get(call->core));
    else if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidBody", "%s.", why);
    else
        rest_fail_internal(&call->reply, status);
}
