/* Credentials, and the individual enrolment (attestation) that beats the group's: keys or certificates of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "central/core/core_internal.h"
#include "rest_certificates.h"

static void add_secret(cJSON *object, const char *name, char *secret, size_t cap)
{
    cJSON_AddStringToObject(object, name, secret);
    spoke_wipe(secret, cap);
}

static cJSON *x509_json(struct rest_call *call, const char *id)
{
    cJSON *x509 = cJSON_CreateObject();
    cJSON_AddItemToObject(x509, "clientCertificates",
                          rest_certificates_json(core_store(call->core), STORE_OF_DEVICE, id));
    return x509;
}

/* --- credentials --- */

static bool add_keys(struct rest_call *call, const char *id, cJSON *body)
{
    char primary[96] = "", secondary[96] = "";
    spoke_status status = core_device_key(call->core, id, false, primary);
    if (status == SPOKE_OK)
        status = core_device_key(call->core, id, true, secondary);
    if (status != SPOKE_OK)
        return false;
    cJSON *keys = cJSON_AddObjectToObject(body, "symmetricKey");
    add_secret(keys, "primaryKey", primary, sizeof primary);
    add_secret(keys, "secondaryKey", secondary, sizeof secondary);
    return true;
}

/* A device of an X.509 group has none that the service would know: the scope is all it needs. */
static bool in_x509_group(struct rest_call *call, const struct store_device *row)
{
    struct store_group group;
    if (row->group_id == NULL || store_group_get(core_store(call->core), row->group_id, &group) != SPOKE_OK)
        return false;
    const bool x509 = group.primary_key == NULL;
    store_group_free(&group);
    return x509;
}

void rest_credentials_get(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "idScope", core_id_scope(call->core));
    bool known = true;
    if (auth_device_has_certificates(call->core, row.id))
        cJSON_AddItemToObject(body, "x509", x509_json(call, row.id));
    else
        known = add_keys(call, row.id, body) || in_x509_group(call, &row);
    if (known) {
        rest_ok(&call->reply, 200, body);
    } else {
        cJSON_Delete(body);
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no credentials: its enrolment group is gone.",
                  row.id);
    }
    store_device_free(&row);
}

/* --- attestation --- */

static cJSON *attestation_json(struct rest_call *call, const struct store_device *row)
{
    cJSON *body = cJSON_CreateObject();
    const bool by_key = row->primary_key != NULL;
    cJSON_AddStringToObject(body, "type", by_key ? "symmetricKey" : "x509");
    if (!by_key) {
        cJSON_AddItemToObject(body, "x509", x509_json(call, row->id));
        return body;
    }
    cJSON *keys = cJSON_AddObjectToObject(body, "symmetricKey");
    cJSON_AddStringToObject(keys, "primaryKey", row->primary_key);
    if (row->secondary_key != NULL)
        cJSON_AddStringToObject(keys, "secondaryKey", row->secondary_key);
    return body;
}

/* The device, which has an enrolment of its own. False, with a reply. */
static bool enrolled(struct rest_call *call, struct store_device *row)
{
    if (!rest_device(call, row))
        return false;
    if (auth_device_has_own(call->core, row))
        return true;
    rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no individual enrolment.", row->id);
    store_device_free(row);
    return false;
}

void rest_attestation_get(struct rest_call *call)
{
    struct store_device row;
    if (!enrolled(call, &row))
        return;
    rest_ok(&call->reply, 200, attestation_json(call, &row));
    store_device_free(&row);
}

bool rest_symmetric_keys(struct rest_call *call, const cJSON *keys, char **primary, char **secondary)
{
    const cJSON *first = NULL, *second = NULL;
    const struct rest_member members[] = {{"primaryKey", REST_TEXT, true, &first},
                                          {"secondaryKey", REST_TEXT, true, &second}};
    if (keys != NULL && !rest_members(call, keys, "attestation.symmetricKey", members, 2))
        return false;
    return rest_key(call, first, "attestation.symmetricKey.primaryKey", primary) &&
           rest_key(call, second, "attestation.symmetricKey.secondaryKey", secondary);
}

/* Wiped and gone. */
static void drop_keys(struct store_device *row)
{
    char **const keys[2] = {&row->primary_key, &row->secondary_key};
    for (size_t i = 0; i < 2; i++) {
        secret_free(*keys[i]);
        *keys[i] = NULL;
    }
}

/* The device answers to its id, and so must what it shows. */
static bool named_so(struct rest_call *call, const char *id, const struct rest_certificates *certificates)
{
    for (size_t i = 0; i < 2; i++) {
        const struct rest_certificate *one = &certificates->of[i];
        if (one->change != REST_SET ||
            spoke_str_equal_nocase(spoke_str_of(one->facts.common_name), spoke_str_of(id)))
            continue;
        rest_fail(&call->reply, 400, "InvalidBody",
                  "The common name of a device's certificate has to be the device id, %.128s.", id);
        return false;
    }
    return true;
}

static bool something_left(struct rest_call *call, const char *id, const struct rest_certificates *certificates)
{
    static const char *const ENTRIES[2] = {"primary", "secondary"};
    for (size_t i = 0; i < 2; i++) {
        struct store_certificate row;
        if (certificates->of[i].change == REST_SET)
            return true;
        if (certificates->of[i].change == REST_KEEP &&
            store_certificate_get(core_store(call->core), STORE_OF_DEVICE, id, ENTRIES[i], &row) == SPOKE_OK) {
            store_certificate_free(&row);
            return true;
        }
    }
    rest_fail(&call->reply, 400, "InvalidBody", "An enrolment by certificate needs \"primary\" or \"secondary\".");
    return false;
}

static spoke_status forget_certificates(struct rest_call *call, const char *id)
{
    const spoke_status status = store_certificate_delete(core_store(call->core), STORE_OF_DEVICE, id, NULL);
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static void store(struct rest_call *call, const struct store_device *row, spoke_status status)
{
    if (status == SPOKE_OK)
        status = core_device_put(call->core, row);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else
        core_device_changed(call->core, row->id);
}

static void save_certificates(struct rest_call *call, struct store_device *row, const cJSON *x509, bool merge)
{
    struct rest_certificates certificates;
    if (!rest_certificates_read(call, x509, false, &certificates))
        return;
    for (size_t i = 0; i < 2 && !merge; i++) /* PUT replaces */
        if (certificates.of[i].change == REST_KEEP)
            certificates.of[i].change = REST_REMOVE;
    if (!named_so(call, row->id, &certificates) || !something_left(call, row->id, &certificates))
        return;
    drop_keys(row);
    store(call, row, rest_certificates_keep(call, STORE_OF_DEVICE, row->id, &certificates));
}

static void save(struct rest_call *call, struct store_device *row, bool merge)
{
    struct rest_attestation attestation = {.kind = row->primary_key != NULL ? REST_BY_KEY : REST_BY_CERTIFICATE};
    if (!rest_attestation_read(call, call->body, merge, &attestation))
        return;
    if (attestation.kind == REST_BY_CERTIFICATE)
        save_certificates(call, row, attestation.x509, merge);
    else if (rest_symmetric_keys(call, attestation.keys, &row->primary_key, &row->secondary_key))
        store(call, row, forget_certificates(call, row->id));
    if (call->reply.status == 0)
        rest_ok(&call->reply, 200, attestation_json(call, row));
}

void rest_attestation_put(struct rest_call *call)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return;
    save(call, &row, false);
    store_device_free(&row);
}

void rest_attestation_patch(struct rest_call *call)
{
    struct store_device row;
    if (!enrolled(call, &row))
        return;
    save(call, &row, true);
    store_device_free(&row);
}

void rest_attestation_delete(struct rest_call *call)
{
    struct store_device row;
    if (!enrolled(call, &row))
        return;
    drop_keys(&row);
    store(call, &row, forget_certificates(call, row.id));
    if (call->reply.status == 0)
        rest_ok(&call->reply, 204, NULL);
    store_device_free(&row);
}
