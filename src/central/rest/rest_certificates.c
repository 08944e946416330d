#include "rest_certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "central/core/core_internal.h"
#include "crypto/crypto.h"

static const char *const ENTRIES[2] = {"primary", "secondary"};
static const char *const FILES[2] = {"file-0", "file-1"}; /* of --device-ca */

/* --- reading --- */

bool rest_attestation_read(struct rest_call *call, const cJSON *attestation, bool merge,
                           struct rest_attestation *out)
{
    const cJSON *type, *tpm;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"symmetricKey", REST_OBJECT, false, &out->keys},
                                          {"x509", REST_OBJECT, false, &out->x509},
                                          {"tpm", REST_OBJECT, false, &tpm}};
    struct rest_reply *reply = &call->reply;
    if (!rest_members(call, attestation, "an attestation", members, 4))
        return false;
    if (tpm != NULL || (type != NULL && strcmp(type->valuestring, "tpm") == 0)) {
        rest_fail(
            reply, 422, "UnprocessableEntity",
            "This service cannot attest by TPM: a TPM enrols over HTTPS or AMQP, and this service speaks MQTT to "
            "devices. Use \"symmetricKey\" or \"x509\".");
        return false;
    }
    if (type != NULL && strcmp(type->valuestring, "symmetricKey") == 0)
        out->kind = REST_BY_KEY;
    else if (type != NULL && strcmp(type->valuestring, "x509") == 0)
        out->kind = REST_BY_CERTIFICATE;
    else if (type != NULL)
        rest_fail(reply, 400, "InvalidBody", "\"type\" of an attestation has to be \"symmetricKey\" or \"x509\".");
    else if (!merge)
        rest_fail(reply, 400, "InvalidBody", "\"type\" of an attestation is missing.");
    if (reply->status == 0 && (out->kind == REST_BY_KEY ? out->x509 : out->keys) != NULL)
        rest_fail(reply, 400, "InvalidBody", "\"type\" of an attestation does not fit its members.");
    return reply->status == 0;
}

static bool look_at(struct rest_call *call, const char *place, bool authority, const struct x509_facts *facts)
{
    struct rest_reply *reply = &call->reply;
    if (authority && !facts->authority)
        rest_fail(reply, 400, "InvalidBody",
                  "%s is not a certificate of an authority: its basic constraints have to say CA.", place);
    else if (!authority && facts->authority)
        rest_fail(reply, 400, "InvalidBody", "%s is a certificate of an authority, and has to be a device's.",
                  place);
    else if (facts->to_s < core_unix_ms(call->core) / 1000)
        rest_fail(reply, 400, "InvalidBody", "%s has expired.", place);
    return reply->status == 0;
}

bool rest_certificate_read(struct rest_call *call, const cJSON *object, const char *place, bool authority,
                           struct rest_certificate *out)
{
    const cJSON *text, *verified, *info, *etag;
    const struct rest_member members[] = {
        {"certificate", REST_TEXT, false, &text},
        {"verified", REST_BOOL, false, &verified}, /* this and the next: of an answer */
        {"info", REST_OBJECT, false, &info},
        {"etag", REST_TEXT, false, &etag}};
    if (!rest_members(call, object, place, members, 4))
        return false;
    if (text == NULL) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"certificate\" of %s is missing.", place);
        return false;
    }
    spoke_buf der = spoke_buf_from(out->der, sizeof out->der);
    if (x509_decode(spoke_str_of(text->valuestring), &der) != SPOKE_OK ||
        x509_read(spoke_buf_str(&der), &out->facts) != SPOKE_OK) {
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"certificate\" of %s has to be one X.509 certificate: PEM, or base64 of PEM or DER.", place);
        return false;
    }
    out->change = REST_SET;
    out->len = der.len;
    return look_at(call, place, authority, &out->facts);
}

bool rest_certificates_read(struct rest_call *call, const cJSON *x509, bool authority,
                            struct rest_certificates *out)
{
    const cJSON *both = NULL, *entries[2] = {NULL, NULL};
    const struct rest_member outer[] = {
        {authority ? "signingCertificates" : "clientCertificates", REST_OBJECT, false, &both}};
    const struct rest_member inner[] = {{ENTRIES[0], REST_OBJECT, true, &entries[0]},
                                        {ENTRIES[1], REST_OBJECT, true, &entries[1]}};
    out->of[0].change = out->of[1].change = REST_KEEP;
    if (x509 != NULL && !rest_members(call, x509, "attestation.x509", outer, 1))
        return false;
    if (both != NULL && !rest_members(call, both, outer[0].name, inner, 2))
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (cJSON_IsNull(entries[i]))
            out->of[i].change = REST_REMOVE;
        else if (entries[i] != NULL &&
                 !rest_certificate_read(call, entries[i], ENTRIES[i], authority, &out->of[i]))
            return false;
    }
    return true;
}

/* --- keeping --- */

static bool same(const struct store_certificate *row, const struct rest_certificate *certificate)
{
    return row->der_len == certificate->len && memcmp(row->der, certificate->der, certificate->len) == 0;
}

static spoke_status keep_one(struct rest_call *call, enum store_owner kind, const char *owner, const char *entry,
                             const struct rest_certificate *certificate)
{
    struct store *s = core_store(call->core);
    struct store_certificate present;
    const spoke_status found = store_certificate_get(s, kind, owner, entry, &present);
    if (found != SPOKE_OK && found != SPOKE_E_NOT_FOUND)
        return found;
    const bool known = found == SPOKE_OK && same(&present, certificate);
    store_certificate_free(&present);
    if (known)
        return SPOKE_OK;
    const struct store_certificate row = {.owner = (char *)(uintptr_t)owner,
                                          .entry = (char *)(uintptr_t)entry,
                                          .der = (void *)(uintptr_t)certificate->der,
                                          .der_len = certificate->len,
                                          .etag = core_unix_ms(call->core)};
    return store_certificate_put(s, kind, &row, certificate->facts.subject);
}

spoke_status rest_certificates_keep(struct rest_call *call, enum store_owner kind, const char *owner,
                                    const struct rest_certificates *certificates)
{
    struct store *s = core_store(call->core);
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < 2 && status == SPOKE_OK; i++) {
        if (certificates->of[i].change == REST_SET)
            status = keep_one(call, kind, owner, ENTRIES[i], &certificates->of[i]);
        else if (certificates->of[i].change == REST_REMOVE)
            status = store_certificate_delete(s, kind, owner, ENTRIES[i]);
        if (certificates->of[i].change == REST_REMOVE && status == SPOKE_E_NOT_FOUND)
            status = SPOKE_OK;
    }
    return status;
}

struct twin_search {
    const struct rest_certificate *certificate;
    const char *group;
    char other[256];
};

static bool compare_groups(void *ctx, const struct store_certificate *row)
{
    struct twin_search *search = ctx;
    if (strcmp(row->owner, search->group) == 0 || !same(row, search->certificate))
        return true;
    (void)snprintf(search->other, sizeof search->other, "%s", row->owner);
    return false;
}

bool rest_certificates_free(struct rest_call *call, const char *group,
                            const struct rest_certificates *certificates)
{
    for (size_t i = 0; i < 2; i++) {
        struct twin_search search = {&certificates->of[i], group, ""};
        if (certificates->of[i].change != REST_SET)
            continue;
        const spoke_status status = store_authority_each(core_store(call->core), certificates->of[i].facts.subject,
                                                         compare_groups, &search);
        if (status != SPOKE_OK)
            rest_fail_internal(&call->reply, status);
        else if (search.other[0] != '\0')
            rest_fail(&call->reply, 409, "Conflict",
                      "Enrolment group %.128s has this certificate; a device would not know which group it is in.",
                      search.other);
        if (call->reply.status != 0)
            return false;
    }
    return true;
}

/* --- answers --- */

static void add_base64(cJSON *object, const char *name, spoke_str bytes)
{
    const size_t cap = bytes.len / 3 * 4 + 8;
    char *text = malloc(cap);
    if (text == NULL)
        return;
    spoke_buf out = spoke_buf_from(text, cap - 1);
    if (base64_encode(bytes, &out) == SPOKE_OK) {
        text[out.len] = '\0';
        cJSON_AddStringToObject(object, name, text);
    }
    free(text);
}

static void add_thumbprint(cJSON *object, spoke_str der)
{
    uint8_t digest[20];
    char text[41];
    if (crypto_sha1(der, digest) != SPOKE_OK)
        return;
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(text + 2 * i, 3, "%02X", digest[i]);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(object, "info"), "sha1Thumbprint", text);
}

cJSON *rest_certificate_json(const struct store_certificate *row, enum store_owner kind)
{
    const spoke_str der = spoke_str_from(row->der, row->der_len);
    cJSON *object = cJSON_CreateObject();
    add_base64(object, "certificate", der);
    if (kind == STORE_OF_GROUP)
        cJSON_AddBoolToObject(object, "verified", row->verified);
    add_thumbprint(object, der);
    if (kind == STORE_OF_GROUP)
        rest_add_etag(object, row->etag);
    return object;
}

cJSON *rest_certificates_json(struct store *s, enum store_owner kind, const char *owner)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < 2; i++) {
        struct store_certificate row;
        spoke_status status = store_certificate_get(s, kind, owner, ENTRIES[i], &row);
        if (status == SPOKE_E_NOT_FOUND && kind == STORE_OF_GROUP)
            status = store_certificate_get(s, kind, owner, FILES[i], &row);
        if (status != SPOKE_OK)
            continue;
        cJSON_AddItemToObject(object, ENTRIES[i], rest_certificate_json(&row, kind));
        store_certificate_free(&row);
    }
    return object;
}
