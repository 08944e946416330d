/* Credentials, and the individual enrolment (attestation) that beats the group's. Symmetric keys only. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest.h"

static void add_secret(cJSON *object, const char *name, char *secret, size_t cap)
{
    cJSON_AddStringToObject(object, name, secret);
    spoke_wipe(secret, cap);
}

void rest_credentials_get(struct rest_call *call)
{
    char primary[96] = "", secondary[96] = "";
    if (!rest_device_exists(call))
        return;
    spoke_status status = core_device_key(call->core, call->args[0], false, primary);
    if (status == SPOKE_OK)
        status = core_device_key(call->core, call->args[0], true, secondary);
    if (status != SPOKE_OK) {
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no symmetric keys.", call->args[0]);
        return;
    }
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "idScope", core_id_scope(call->core));
    cJSON *keys = cJSON_AddObjectToObject(body, "symmetricKey");
    add_secret(keys, "primaryKey", primary, sizeof primary);
    add_secret(keys, "secondaryKey", secondary, sizeof secondary);
    rest_ok(&call->reply, 200, body);
}

static cJSON *attestation_json(const struct store_device *row)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "type", "symmetricKey");
    cJSON *keys = cJSON_AddObjectToObject(body, "symmetricKey");
    cJSON_AddStringToObject(keys, "primaryKey", row->primary_key);
    if (row->secondary_key != NULL)
        cJSON_AddStringToObject(keys, "secondaryKey", row->secondary_key);
    return body;
}

void rest_attestation_get(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    if (row.primary_key != NULL)
        rest_ok(&call->reply, 200, attestation_json(&row));
    else
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no individual enrolment.", call->args[0]);
    store_device_free(&row);
}

bool rest_symmetric_keys(struct rest_call *call, const cJSON *attestation, char **primary, char **secondary)
{
    const cJSON *type, *keys, *x509, *tpm, *first = NULL, *second = NULL;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"symmetricKey", REST_OBJECT, false, &keys},
                                          {"x509", REST_OBJECT, false, &x509},
                                          {"tpm", REST_OBJECT, false, &tpm}};
    const struct rest_member key_members[] = {{"primaryKey", REST_TEXT, false, &first},
                                              {"secondaryKey", REST_TEXT, false, &second}};
    if (!rest_members(call, attestation, "an attestation", members, 4))
        return false;
    if (type == NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"type\" of an attestation is missing.");
    else if (strcmp(type->valuestring, "x509") == 0 || strcmp(type->valuestring, "tpm") == 0)
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "This service attests by symmetric key; certificates come in with --device-ca.");
    else if (strcmp(type->valuestring, "symmetricKey") != 0 || x509 != NULL || tpm != NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"type\" of an attestation does not fit its members.");
    else if (keys != NULL && !rest_members(call, keys, "attestation.symmetricKey", key_members, 2))
        return false;
    return call->reply.status == 0 && rest_key(call, first, "attestation.symmetricKey.primaryKey", primary) &&
           rest_key(call, second, "attestation.symmetricKey.secondaryKey", secondary);
}

static void save(struct rest_call *call, const struct store_device *row)
{
    const spoke_status status = core_device_put(call->core, row);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else
        core_device_changed(call->core, row->id);
}

void rest_attestation_put(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    if (rest_symmetric_keys(call, call->body, &row.primary_key, &row.secondary_key)) {
        save(call, &row);
        if (call->reply.status == 0)
            rest_ok(&call->reply, 200, attestation_json(&row));
    }
    store_device_free(&row);
}

void rest_attestation_delete(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    const bool had = row.primary_key != NULL;
    char *const primary = row.primary_key, *const secondary = row.secondary_key;
    row.primary_key = row.secondary_key = NULL;
    if (!had)
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no individual enrolment.", call->args[0]);
    else
        save(call, &row);
    if (call->reply.status == 0)
        rest_ok(&call->reply, 204, NULL);
    row.primary_key = primary; /* freed, wiped, with the row */
    row.secondary_key = secondary;
    store_device_free(&row);
}
