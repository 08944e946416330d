#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest_certificates.h"

#define MAX_GROUP_ID 255u
#define MAX_NAME 200u

/* Keys are shown to whoever asks for the one group, never in a list. */
static cJSON *keys_json(const struct store_group *row, bool shown)
{
    cJSON *keys = cJSON_CreateObject();
    if (!shown)
        return keys;
    cJSON_AddStringToObject(keys, "primaryKey", row->primary_key);
    cJSON_AddStringToObject(keys, "secondaryKey", row->secondary_key != NULL ? row->secondary_key : "");
    return keys;
}

static cJSON *group_json(struct core *c, const struct store_group *row, bool shown)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", row->id);
    rest_add_etag(object, row->etag);
    cJSON_AddStringToObject(object, "displayName", row->display_name != NULL ? row->display_name : row->id);
    cJSON_AddBoolToObject(object, "enabled", row->enabled);
    cJSON_AddStringToObject(object, "type", row->type != NULL ? row->type : "iot");
    cJSON_AddStringToObject(object, "idScope", core_id_scope(c));
    if (row->organizations != NULL)
        cJSON_AddItemToObject(object, "organizations", rest_raw(row->organizations));
    cJSON *attestation = cJSON_AddObjectToObject(object, "attestation");
    const bool by_key = row->primary_key != NULL;
    cJSON_AddStringToObject(attestation, "type", by_key ? "symmetricKey" : "x509");
    if (by_key)
        cJSON_AddItemToObject(attestation, "symmetricKey", keys_json(row, shown));
    else
        cJSON_AddItemToObject(cJSON_AddObjectToObject(attestation, "x509"), "signingCertificates",
                              rest_certificates_json(core_store(c), STORE_OF_GROUP, row->id));
    return object;
}

struct group_list {
    struct rest_page page;
    struct core *core;
};

static bool add_to_page(void *ctx, const struct store_group *row)
{
    struct group_list *list = ctx;
    return rest_page_add(&list->page, group_json(list->core, row, false), row->id);
}

void rest_groups_list(struct rest_call *call)
{
    struct group_list list = {.core = call->core};
    if (!rest_page_begin(call, &list.page))
        return;
    const spoke_status status =
        store_group_each(core_store(call->core), list.page.after, list.page.limit + 1, add_to_page, &list);
    rest_page_end(call, &list.page, status);
}

bool rest_group(struct rest_call *call, struct store_group *out)
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
    if (!rest_group(call, &row))
        return;
    rest_ok(&call->reply, 200, group_json(call->core, &row, true));
    store_group_free(&row);
}

struct group_body {
    const cJSON *id, *etag, *display_name, *enabled, *type, *attestation, *organizations;
    struct rest_certificates certificates;
};

#define TYPES_RULE "\"type\" of an enrolment group has to be \"iot\" or \"iotEdge\"."

static bool type_good(const char *type)
{
    return strcmp(type, "iot") == 0 || strcmp(type, "iotEdge") == 0;
}

static bool read_group(struct rest_call *call, struct group_body *out)
{
    const cJSON *scope;
    const struct rest_member members[] = {{"id", REST_TEXT, false, &out->id},
                                          {"etag", REST_TEXT, false, &out->etag},
                                          {"displayName", REST_TEXT, true, &out->display_name},
                                          {"enabled", REST_BOOL, false, &out->enabled},
                                          {"type", REST_TEXT, true, &out->type},
                                          {"idScope", REST_TEXT, false, &scope}, /* of an answer */
                                          {"organizations", REST_ARRAY, true, &out->organizations},
                                          {"attestation", REST_OBJECT, false, &out->attestation}};
    struct rest_reply *reply = &call->reply;
    if (!rest_members(call, call->body, "an enrolment group", members, sizeof members / sizeof members[0]))
        return false;
    if (out->id != NULL && strcmp(out->id->valuestring, call->args[0]) != 0)
        rest_fail(reply, 400, "InvalidBody", "\"id\" of an enrolment group differs from the path's.");
    else if (cJSON_IsString(out->display_name) && strlen(out->display_name->valuestring) > MAX_NAME)
        rest_fail(reply, 400, "InvalidBody", "\"displayName\" of an enrolment group has at most %u bytes.",
                  MAX_NAME);
    else if (cJSON_IsString(out->type) && !type_good(out->type->valuestring))
        rest_fail(reply, 400, "InvalidBody", TYPES_RULE);
    out->certificates.of[0].change = out->certificates.of[1].change = REST_KEEP;
    return reply->status == 0;
}

/* Into the row and into body->certificates; nothing is stored. A group keeps its kind: its devices would be locked out. */
static bool apply_attestation(struct rest_call *call, struct store_group *row, struct group_body *body, bool merge)
{
    struct rest_attestation attestation = {.kind = row->primary_key == NULL && row->etag != 0 ? REST_BY_CERTIFICATE
                                                                                              : REST_BY_KEY};
    const enum rest_attestation_kind before = attestation.kind;
    if (!rest_attestation_read(call, body->attestation, merge, &attestation))
        return false;
    if (row->etag != 0 && attestation.kind != before) {
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "An enrolment group keeps its kind of attestation; make another group.");
        return false;
    }
    if (attestation.kind == REST_BY_KEY)
        return rest_symmetric_keys(call, attestation.keys, &row->primary_key, &row->secondary_key);
    return rest_certificates_read(call, attestation.x509, true, &body->certificates) &&
           rest_certificates_free(call, call->args[0], &body->certificates);
}

/* PUT replaces; what is left out goes back to what a new group has. */
static bool apply(struct rest_call *call, struct store_group *row, struct group_body *body, bool merge)
{
    if (!rest_take_text(&row->display_name, body->display_name, merge) ||
        !rest_take_text(&row->type, body->type, merge)) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return false;
    }
    if (body->enabled != NULL || !merge)
        row->enabled = body->enabled == NULL || cJSON_IsTrue(body->enabled);
    if (!rest_organizations(call, body->organizations, merge, &row->organizations))
        return false;
    return body->attestation == NULL || apply_attestation(call, row, body, merge);
}

static void save(struct rest_call *call, struct store_group *row, struct group_body *body, bool merge)
{
    if (!apply(call, row, body, merge))
        return;
    call->created = row->etag == 0;
    if (call->created)
        row->etag = core_unix_ms(call->core);
    spoke_status status = store_group_put(core_store(call->core), row);
    if (status == SPOKE_OK)
        status = rest_certificates_keep(call, STORE_OF_GROUP, row->id, &body->certificates);
    if (body->attestation != NULL)
        core_group_changed(call->core);
    if (status == SPOKE_OK)
        rest_group_get(call);
    else
        rest_fail_internal(&call->reply, status);
}

static bool room_for_one(struct rest_call *call)
{
    size_t count = 0;
    const spoke_status status = store_group_count(core_store(call->core), &count);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (count >= AUTH_MAX_GROUPS)
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "An application has at most %u enrolment groups; delete one that is not needed.",
                  AUTH_MAX_GROUPS);
    return call->reply.status == 0;
}

static bool begin_group(struct rest_call *call, struct store_group *out, const struct group_body *body)
{
    const char *id = call->args[0];
    const size_t len = strlen(id);
    if (len == 0 || len > MAX_GROUP_ID ||
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != len)
        rest_fail(&call->reply, 400, "InvalidRequest", "A group id has 1 to %u letters, digits or '-'.",
                  MAX_GROUP_ID);
    else if (body->attestation == NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"attestation\" of an enrolment group is missing.");
    else if (room_for_one(call) && !text_set(&out->id, spoke_str_of(id)))
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
        save(call, &row, &body, false);
    store_group_free(&row);
}

void rest_group_patch(struct rest_call *call)
{
    struct group_body body;
    struct store_group row;
    if (!read_group(call, &body) || !rest_group(call, &row))
        return;
    if (rest_etag_matches(call, body.etag, row.etag))
        save(call, &row, &body, true);
    store_group_free(&row);
}

void rest_group_delete(struct rest_call *call)
{
    struct store_group row;
    if (!rest_group(call, &row))
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
    core_group_changed(call->core);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 204, NULL);
    else
        rest_fail_internal(&call->reply, status);
}
