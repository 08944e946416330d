#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest.h"

#define MAX_GROUP_ID 255u

static cJSON *group_json(const struct store_group *row)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", row->id);
    rest_add_etag(object, row->etag);
    cJSON_AddStringToObject(object, "displayName", row->display_name != NULL ? row->display_name : row->id);
    cJSON_AddBoolToObject(object, "enabled", row->enabled);
    cJSON_AddStringToObject(object, "type", row->type != NULL ? row->type : "iot");
    cJSON *attestation = cJSON_AddObjectToObject(object, "attestation");
    if (row->primary_key == NULL) {
        cJSON_AddStringToObject(attestation, "type", "x509");
        cJSON *certificates =
            cJSON_AddObjectToObject(cJSON_AddObjectToObject(attestation, "x509"), "signingCertificates");
        cJSON *primary = cJSON_AddObjectToObject(certificates, "primary");
        cJSON_AddBoolToObject(primary, "verified", true); /* whoever starts the service answers for it */
        return object;
    }
    cJSON_AddStringToObject(attestation, "type", "symmetricKey");
    cJSON *keys = cJSON_AddObjectToObject(attestation, "symmetricKey");
    cJSON_AddStringToObject(keys, "primaryKey", row->primary_key != NULL ? row->primary_key : "");
    cJSON_AddStringToObject(keys, "secondaryKey", row->secondary_key != NULL ? row->secondary_key : "");
    return object;
}

static bool add_to_page(void *ctx, const struct store_group *row)
{
    return rest_page_add(ctx, group_json(row), row->id);
}

void rest_groups_list(struct rest_call *call)
{
    struct rest_page page;
    if (!rest_page_begin(call, &page))
        return;
    const spoke_status status =
        store_group_each(core_store(call->core), page.after, page.limit + 1, add_to_page, &page);
    rest_page_end(call, &page, status);
}

static bool get_group(struct rest_call *call, struct store_group *out)
{
    const spoke_status status = store_group_get(core_store(call->core), call->args[0], out);
    if (status == SPOKE_E_NOT_FOUND)
        rest_fail(&call->reply, 404, "NotFound", "Enrolment group %.128s does not exist.", call->args[0]);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

void rest_group_get(struct rest_call *call)
{
    struct store_group row;
    if (!get_group(call, &row))
        return;
    rest_ok(&call->reply, 200, group_json(&row));
    store_group_free(&row);
}

struct group_body {
    const cJSON *id, *etag, *display_name, *enabled, *type, *attestation;
};

static bool read_group(struct rest_call *call, struct group_body *out)
{
    const struct rest_member members[] = {{"id", REST_TEXT, false, &out->id},
                                          {"etag", REST_TEXT, false, &out->etag},
                                          {"displayName", REST_TEXT, false, &out->display_name},
                                          {"enabled", REST_BOOL, false, &out->enabled},
                                          {"type", REST_TEXT, false, &out->type},
                                          {"attestation", REST_OBJECT, false, &out->attestation}};
    struct rest_reply *reply = &call->reply;
    if (!rest_members(call, call->body, "an enrolment group", members, sizeof members / sizeof members[0]))
        return false;
    if (out->id != NULL && strcmp(out->id->valuestring, call->args[0]) != 0)
        rest_fail(reply, 400, "InvalidBody", "\"id\" of an enrolment group differs from the path's.");
    else if (out->type != NULL && strcmp(out->type->valuestring, "iot") != 0)
        rest_fail(reply, 400, "InvalidBody", "\"type\" of an enrolment group has to be \"iot\".");
    return reply->status == 0;
}

static bool apply(struct rest_call *call, struct store_group *row, const struct group_body *body)
{
    bool done = true;
    if (body->display_name != NULL)
        done = text_set(&row->display_name, spoke_str_of(body->display_name->valuestring));
    if (body->type != NULL)
        done = done && text_set(&row->type, spoke_str_of(body->type->valuestring));
    if (!done) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return false;
    }
    if (body->enabled != NULL)
        row->enabled = cJSON_IsTrue(body->enabled);
    if (body->attestation == NULL)
        return true;
    if (row->primary_key == NULL && row->etag != 0) {
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "The certificates of this group come from --device-ca and cannot be changed here.");
        return false;
    }
    return rest_symmetric_keys(call, body->attestation, &row->primary_key, &row->secondary_key);
}

static void save(struct rest_call *call, struct store_group *row, const struct group_body *body)
{
    if (!apply(call, row, body))
        return;
    const spoke_status status = store_group_put(core_store(call->core), row);
    if (status == SPOKE_OK)
        rest_group_get(call);
    else
        rest_fail_internal(&call->reply, status);
}

static bool begin_group(struct rest_call *call, struct store_group *out, const struct group_body *body)
{
    const char *id = call->args[0];
    const size_t len = strlen(id);
    if (len > MAX_GROUP_ID || strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != len)
        rest_fail(&call->reply, 400, "InvalidRequest", "A group id has 1 to %u letters, digits or '-'.",
                  MAX_GROUP_ID);
    else if (body->attestation == NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"attestation\" of an enrolment group is missing.");
    else if (!text_set(&out->id, spoke_str_of(id)) || !text_set(&out->type, SPOKE_STR("iot")))
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    out->enabled = true;
    return call->reply.status == 0;
}

/* Of a group that is there, PUT keeps the keys when it names none: new ones would lock its devices out. */
void rest_group_put(struct rest_call *call)
{
    struct group_body body;
    struct store_group row;
    if (!read_group(call, &body))
        return;
    const spoke_status status = store_group_get(core_store(call->core), call->args[0], &row);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        rest_fail_internal(&call->reply, status);
    else if (rest_etag_matches(call, body.etag, row.etag) &&
             (status == SPOKE_OK || begin_group(call, &row, &body)))
        save(call, &row, &body);
    store_group_free(&row);
}

void rest_group_patch(struct rest_call *call)
{
    struct group_body body;
    struct store_group row;
    if (!read_group(call, &body) || !get_group(call, &row))
        return;
    if (rest_etag_matches(call, body.etag, row.etag))
        save(call, &row, &body);
    store_group_free(&row);
}

void rest_group_delete(struct rest_call *call)
{
    struct store_group row;
    if (!get_group(call, &row))
        return;
    const bool matches = rest_etag_matches(call, NULL, row.etag);
    store_group_free(&row);
    if (!matches)
        return;
    if (strcmp(call->args[0], CORE_DEFAULT_GROUP) == 0) {
        rest_fail(&call->reply, 409, "Conflict", "The default group cannot be deleted; disable it instead.");
        return;
    }
    const spoke_status status = store_group_delete(core_store(call->core), call->args[0]);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 204, NULL);
    else
        rest_fail_internal(&call->reply, status);
}
