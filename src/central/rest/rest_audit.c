#include "rest_audit.h"

#include <string.h>

#include "central/core/core_internal.h"
#include "rest_caller.h"
#include "rest_routes.h"

#define MAX_NAMES 20  /* of a body: null in a patch may stand for any name */
#define MAX_NAME 100u /* bytes */

#define AUTHORITY "/api/enrollmentGroups/{}/certificates/{}"

static const struct audited {
    const char *pattern, *type, *part;
    unsigned place; /* of the id among the path's names */
} AUDITED[] = {
    {"/api/devices/{}", "device", NULL, 0},
    {"/api/devices/{}/attestation", "device", "attestation", 0},
    {"/api/devices/{}/relationships/{}", "device", "relationships", 0},
    {"/api/deviceGroups/{}", "deviceGroup", NULL, 0},
    {"/api/jobs/{}", "job", NULL, 0},
    {"/api/jobs/{}/stop", "job", "status", 0},
    {"/api/jobs/{}/resume", "job", "status", 0},
    {"/api/jobs/{}/rerun/{}", "job", NULL, 1},
    {"/api/scheduledJobs/{}", "scheduledJob", NULL, 0},
    {"/api/deviceTemplates/{}", "deviceTemplate", NULL, 0},
    {"/api/deviceTemplates/{}/views/{}", "deviceTemplate", "views", 0},
    {"/api/enrollmentGroups/{}", "enrollmentGroup", NULL, 0},
    {AUTHORITY, "enrollmentGroup", "certificates", 0},
    {AUTHORITY "/generateVerificationCode", "enrollmentGroup", "certificates", 0},
    {AUTHORITY "/verify", "enrollmentGroup", "certificates", 0},
    {"/api/dashboards/{}", "dashboard", NULL, 0},
    {"/api/queries/{}", "query", NULL, 0},
    {"/api/apiTokens/{}", "apiToken", NULL, 0},
    {"/api/users/{}", "user", NULL, 0},
    {"/api/roles/{}", "role", NULL, 0},
    {"/api/organizations/{}", "organization", NULL, 0},
    {"/api/fileUploads", "fileUpload", NULL, 0},
};

static const struct audited *find(const char *pattern)
{
    for (size_t i = 0; i < sizeof AUDITED / sizeof AUDITED[0]; i++)
        if (strcmp(AUDITED[i].pattern, pattern) == 0)
            return &AUDITED[i];
    return NULL;
}

const char *rest_audit_type(const char *pattern)
{
    const struct audited *what = find(pattern);
    return what != NULL ? what->type : NULL;
}

/* The names alone: among the values are secrets. */
static cJSON *names_of(const cJSON *body)
{
    cJSON *names = cJSON_CreateArray();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, body)
    {
        if (strcmp(item->string, "id") != 0 && strcmp(item->string, "etag") != 0 &&
            strlen(item->string) <= MAX_NAME && cJSON_GetArraySize(names) < MAX_NAMES)
            cJSON_AddItemToArray(names, cJSON_CreateString(item->string));
    }
    return names;
}

void rest_audit_begin(struct rest_call *call, struct rest_audit *out)
{
    const struct audited *what = find(call->route->pattern);
    *out = (struct rest_audit){NULL, NULL, NULL, NULL};
    if (what == NULL)
        return;
    out->type = what->type;
    out->part = what->part;
    out->id = call->args[what->place] != NULL ? call->args[what->place] : "default"; /* there is one of it */
    if (what->part == NULL && call->body != NULL)
        out->names = names_of(call->body);
}

static cJSON *named(cJSON *body, const char *name, const char *id, const char *type)
{
    cJSON *object = cJSON_AddObjectToObject(body, name);
    cJSON_AddItemToObject(object, "id", rest_text(id, strlen(id)));
    cJSON_AddStringToObject(object, "type", type);
    return object;
}

static cJSON *event_of(const struct rest_call *call, struct rest_audit *audit, bool updated)
{
    const bool itself = call->caller == NULL;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(call->reply.body, "displayName"));
    cJSON *body = cJSON_CreateObject();
    (void)named(body, "actor", itself ? "service" : call->caller->id, itself ? "system" : "apiToken");
    cJSON *resource = named(body, "resource", audit->id, audit->type);
    if (name != NULL && audit->part == NULL) /* a view's name is not its template's */
        cJSON_AddStringToObject(resource, "displayName", name);
    if (!updated)
        return body;
    cJSON *update = cJSON_AddObjectToObject(body, "updated");
    if (audit->part != NULL)
        audit->names = cJSON_CreateStringArray(&audit->part, 1);
    if (audit->names != NULL) /* a template's are not taken apart */
        cJSON_AddItemToObject(update, "properties", audit->names);
    audit->names = NULL;
    return body;
}

static enum store_event_kind kind_of(const struct rest_call *call, const struct rest_audit *audit)
{
    if (audit->part != NULL) /* a part that comes or goes changes the whole */
        return EVENT_AUDIT_UPDATED;
    if (call->created)
        return EVENT_AUDIT_CREATED;
    return strcmp(call->route->method, "DELETE") == 0 ? EVENT_AUDIT_DELETED : EVENT_AUDIT_UPDATED;
}

void rest_audit_end(struct rest_call *call, struct rest_audit *audit)
{
    if (audit->type != NULL && !call->later && call->reply.code == NULL) {
        const enum store_event_kind kind = kind_of(call, audit);
        /* of no device: a device that goes takes its own events along */
        (void)core_publish(call->core, kind, NULL, NULL, NULL, event_of(call, audit, kind == EVENT_AUDIT_UPDATED));
    }
    cJSON_Delete(audit->names);
}
