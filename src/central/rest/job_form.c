/* The form of a job: its group, what is done, in which batches, and when it is too much. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "device_group.h"
#include "jobs.h"

enum { MOST_DATA = 100, MOST_TEXT = 1024 };

enum kind { KIND_PROPERTY, KIND_CLOUD, KIND_COMMAND, KIND_MIGRATION, KIND_COUNT };
static const char *const KINDS[KIND_COUNT][2] = {{"property", "PropertyJobData"},
                                                 {"cloudProperty", "CloudPropertyJobData"},
                                                 {"command", "CommandJobData"},
                                                 {"deviceTemplateMigration", "DeviceTemplateMigrationJobData"}};

void job_path_split(const char *path, char component[SPOKE_MAX_ID_BYTES + 1], char name[SPOKE_MAX_ID_BYTES + 1])
{
    const char *dot = strchr(path, '.');
    const size_t len = dot != NULL ? (size_t)(dot - path) : 0;
    (void)snprintf(component, SPOKE_MAX_ID_BYTES + 1, "%.*s",
                   (int)(len < SPOKE_MAX_ID_BYTES ? len : SPOKE_MAX_ID_BYTES), path);
    (void)snprintf(name, SPOKE_MAX_ID_BYTES + 1, "%.*s", (int)SPOKE_MAX_ID_BYTES, dot != NULL ? dot + 1 : path);
}

/* --- batches and thresholds: {"type": "number" or "percentage", "value": 5} --- */

static bool check_amount(struct rest_call *call, const cJSON *object, const char *name, double least, bool batched)
{
    const cJSON *type, *value, *batch;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"value", REST_NUMBER, false, &value},
                                          {"batch", REST_BOOL, false, &batch}};
    if (object == NULL)
        return true;
    if (!rest_members(call, object, name, members, batched ? 3 : 2))
        return false;
    const bool percentage = type != NULL && strcmp(type->valuestring, "percentage") == 0;
    const double most = percentage ? 100 : 1000000;
    if (type == NULL || (!percentage && strcmp(type->valuestring, "number") != 0))
        rest_fail(&call->reply, 400, "InvalidBody", "\"type\" of %s has to be \"number\" or \"percentage\".",
                  name);
    else if (value == NULL || !(value->valuedouble >= least && value->valuedouble <= most) ||
             floor(value->valuedouble) < value->valuedouble)
        rest_fail(&call->reply, 400, "InvalidBody", "\"value\" of %s has to be a whole number from %.0f to %.0f.",
                  name, least, most);
    return call->reply.status == 0;
}

/* --- data --- */

struct entry {
    enum kind kind;
    const cJSON *path, *value;
    const char *target; /* the template that the devices must have, or get */
};

static bool fail_entry(struct rest_call *call, const char *sentence)
{
    rest_fail(&call->reply, 400, "InvalidBody", "\"data\" of a job: %s.", sentence);
    return false;
}

static bool read_kind(struct rest_call *call, const cJSON *type, enum kind *out)
{
    for (int i = 0; type != NULL && i < KIND_COUNT; i++) {
        if (strcasecmp(type->valuestring, KINDS[i][0]) == 0 || strcasecmp(type->valuestring, KINDS[i][1]) == 0) {
            *out = (enum kind)i;
            return true;
        }
    }
    return fail_entry(call, "\"type\" has to be property, cloudProperty, command or deviceTemplateMigration");
}

static bool read_entry(struct rest_call *call, const cJSON *item, struct entry *out)
{
    const cJSON *type, *target, *template_id;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"target", REST_TEXT, false, &target},
                                          {"template", REST_TEXT, false, &template_id},
                                          {"path", REST_TEXT, false, &out->path},
                                          {"value", REST_ANY, false, &out->value}};
    if (!cJSON_IsObject(item))
        return fail_entry(call, "each has to be an object");
    if (!rest_members(call, item, "an item of \"data\"", members, 5) || !read_kind(call, type, &out->kind))
        return false;
    if (out->kind != KIND_MIGRATION && (target == NULL || out->path == NULL || template_id != NULL))
        return fail_entry(call, "\"target\" (a device template) and \"path\" are needed, and no \"template\"");
    if (out->kind == KIND_MIGRATION && ((target == NULL) == (template_id == NULL) || out->path != NULL))
        return fail_entry(call, "a migration has \"template\", and nothing else");
    if ((out->kind == KIND_PROPERTY || out->kind == KIND_CLOUD) && out->value == NULL)
        return fail_entry(call, "\"value\" is needed");
    out->target = target != NULL ? target->valuestring : template_id->valuestring;
    return true;
}

/* Does the template have it, and would it take the value? */
static bool check_fit(struct rest_call *call, const struct template_table *t, const struct entry *e)
{
    char component[SPOKE_MAX_ID_BYTES + 1], name[SPOKE_MAX_ID_BYTES + 1], why[TEMPLATE_WHY_CAP] = "";
    char *json = e->value != NULL ? cJSON_PrintUnformatted(e->value) : NULL;
    enum template_fit fit = TEMPLATE_FITS;
    job_path_split(e->path->valuestring, component, name);
    const bool cloud = template_is_cloud(t, spoke_str_of(component), spoke_str_of(name));
    if (e->kind == KIND_COMMAND)
        fit = template_request(t, spoke_str_of(component), spoke_str_of(name), spoke_str_of(json), why);
    else
        fit = template_desired(t, spoke_str_of(component), spoke_str_of(name), spoke_str_of(json), why);
    cJSON_free(json);
    if (fit != TEMPLATE_FITS)
        return fail_entry(call, why);
    if (e->kind != KIND_COMMAND && cloud != (e->kind == KIND_CLOUD))
        return fail_entry(call, cloud ? "it is a cloud property; its type is cloudProperty"
                                      : "it is a device's property; its type is property");
    return true;
}

static bool check_entry(struct rest_call *call, const struct entry *e)
{
    const struct template_table *t = core_template(call->core, e->target);
    if (t == NULL) {
        rest_fail(&call->reply, 400, "InvalidBody", "There is no device template %.200s.", e->target);
        return false;
    }
    return e->kind == KIND_MIGRATION || check_fit(call, t, e);
}

static void put_text(cJSON *object, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddStringToObject(object, name, text);
}

/* All of one kind, and for one template; commands and migrations alone. */
static bool check_data(struct rest_call *call, cJSON *data)
{
    const int count = cJSON_GetArraySize(data);
    struct entry first = {.kind = KIND_COUNT};
    cJSON *item = NULL;
    if (data == NULL || count == 0 || count > MOST_DATA)
        return fail_entry(call, "it has to be an array of 1 to 100 objects");
    cJSON_ArrayForEach(item, data)
    {
        struct entry e = {.kind = KIND_COUNT};
        if (!read_entry(call, item, &e) || !check_entry(call, &e))
            return false;
        if (first.kind == KIND_COUNT)
            first = e;
        if (e.kind != first.kind || strcmp(e.target, first.target) != 0)
            return fail_entry(call, "all of it has to be of one type and for one device template");
        if (count > 1 && e.kind != KIND_PROPERTY && e.kind != KIND_CLOUD)
            return fail_entry(call, "a command or a migration stands alone");
    }
    cJSON_ArrayForEach(item, data)
    {
        put_text(item, "type", KINDS[first.kind][0]);
        if (first.kind != KIND_MIGRATION || cJSON_GetObjectItemCaseSensitive(item, "template") != NULL)
            continue;
        cJSON_AddStringToObject(item, "template", first.target);
        cJSON_DeleteItemFromObjectCaseSensitive(item, "target");
        break; /* it stands alone; what first.target pointed to is gone */
    }
    return true;
}

/* --- the whole --- */

static bool check_group(struct rest_call *call, const cJSON *group)
{
    struct store_document row;
    if (group == NULL) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"group\" of a job, the id of a device group, is missing.");
        return false;
    }
    const spoke_status status =
        store_document_get(core_store(call->core), DEVICE_GROUP_KIND, group->valuestring, &row);
    const bool seen = status == SPOKE_OK && rest_sees(call, row.organizations);
    if (status == SPOKE_OK)
        store_document_free(&row);
    if (!seen)
        rest_fail(&call->reply, 400, "InvalidBody", "There is no device group %.255s.", group->valuestring);
    return seen;
}

static bool text_fits(struct rest_call *call, const cJSON *text, const char *name)
{
    if (text == NULL || strlen(text->valuestring) <= MOST_TEXT)
        return true;
    rest_fail(&call->reply, 400, "InvalidBody", "\"%s\" of a job has at most %d bytes.", name, MOST_TEXT);
    return false;
}

bool job_form_allowed(struct rest_call *call, const cJSON *document, const char *organizations)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(document, "data");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(data, 0), "type"));
    const bool command = type != NULL && strcmp(type, KINDS[KIND_COMMAND][0]) == 0;
    const enum rest_right right = command ? RIGHT_COMMAND : RIGHT_DEVICE_WRITE;
    if (rest_covers_all(call, UINT64_C(1) << RIGHT_JOB_WRITE | UINT64_C(1) << right, organizations))
        return true;
    rest_fail(&call->reply, 403, "Forbidden",
              "The roles of this token do not allow what the job does, in each of its organizations.");
    return false;
}

bool job_form_check(struct rest_call *call, cJSON *document, const char *place, const struct rest_member *more,
                    size_t count)
{
    const cJSON *name, *description, *group, *batch, *threshold, *data;
    struct rest_member members[16] = {{"displayName", REST_TEXT, false, &name},
                                      {"description", REST_TEXT, false, &description},
                                      {"group", REST_TEXT, false, &group},
                                      {"batch", REST_OBJECT, false, &batch},
                                      {"cancellationThreshold", REST_OBJECT, false, &threshold},
                                      {"data", REST_ARRAY, false, &data}};
    for (size_t i = 0; i < count; i++)
        members[6 + i] = more[i];
    return rest_members(call, document, place, members, 6 + count) && text_fits(call, name, "displayName") &&
           text_fits(call, description, "description") && check_group(call, group) &&
           check_amount(call, batch, "\"batch\"", 1, false) &&
           check_amount(call, threshold, "\"cancellationThreshold\"", 0, true) &&
           check_data(call, cJSON_GetObjectItemCaseSensitive(document, "data"));
}
