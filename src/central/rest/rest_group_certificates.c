/* Authorities of an X.509 group, one at a time: upload, proof of possession, removal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "crypto/crypto.h"
#include "rest_certificates.h"

#define CODE_BYTES 24u /* shown as twice as many digits; a common name has room for 64 */

/* The group and the name of the entry. False, with a reply. Release the row. */
static bool begin(struct rest_call *call, struct store_group *group)
{
    const char *entry = call->args[1];
    if (!rest_group(call, group))
        return false;
    if (strcmp(entry, "primary") != 0 && strcmp(entry, "secondary") != 0)
        rest_fail(&call->reply, 404, "NotFound", "A group has a \"primary\" and a \"secondary\" certificate.");
    else if (group->primary_key != NULL)
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "Enrolment group %.128s attests by symmetric key and has no certificates.", group->id);
    if (call->reply.status != 0)
        store_group_free(group);
    return call->reply.status == 0;
}

/* Its entry, too. False, with a reply. */
static bool find(struct rest_call *call, struct store_group *group, struct store_certificate *row)
{
    if (!begin(call, group))
        return false;
    const spoke_status status =
        store_certificate_get(core_store(call->core), STORE_OF_GROUP, group->id, call->args[1], row);
    if (status == SPOKE_E_NOT_FOUND)
        rest_fail(&call->reply, 404, "NotFound", "Enrolment group %.128s has no %s certificate.", group->id,
                  call->args[1]);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    if (status != SPOKE_OK)
        store_group_free(group);
    return status == SPOKE_OK;
}

static void answer(struct rest_call *call, const char *group)
{
    struct store_certificate row;
    const spoke_status status =
        store_certificate_get(core_store(call->core), STORE_OF_GROUP, group, call->args[1], &row);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 200, rest_certificate_json(&row, STORE_OF_GROUP));
    else
        rest_fail_internal(&call->reply, status);
    store_certificate_free(&row);
}

void rest_group_certificate_get(struct rest_call *call)
{
    struct store_group group;
    struct store_certificate row;
    if (!find(call, &group, &row))
        return;
    rest_ok(&call->reply, 200, rest_certificate_json(&row, STORE_OF_GROUP));
    store_certificate_free(&row);
    store_group_free(&group);
}

/* The group shows its certificates, so its etag rises with them. */
static spoke_status touch(struct rest_call *call, const struct store_group *group, spoke_status status)
{
    core_group_changed(call->core);
    return status == SPOKE_OK ? store_group_put(core_store(call->core), group) : status;
}

static int64_t present_etag(struct rest_call *call, const char *group)
{
    struct store_certificate row;
    int64_t etag = 0;
    if (store_certificate_get(core_store(call->core), STORE_OF_GROUP, group, call->args[1], &row) == SPOKE_OK)
        etag = row.etag;
    store_certificate_free(&row);
    return etag;
}

void rest_group_certificate_put(struct rest_call *call)
{
    struct store_group group;
    struct rest_certificates certificates = {{{.change = REST_KEEP}, {.change = REST_KEEP}}};
    if (!begin(call, &group))
        return;
    const size_t index = strcmp(call->args[1], "primary") == 0 ? 0 : 1;
    if (rest_certificate_read(call, call->body, "a signing certificate", true, &certificates.of[index]) &&
        rest_etag_matches(call, cJSON_GetObjectItemCaseSensitive(call->body, "etag"),
                          present_etag(call, group.id)) &&
        rest_certificates_free(call, group.id, &certificates)) {
        const spoke_status status =
            touch(call, &group, rest_certificates_keep(call, STORE_OF_GROUP, group.id, &certificates));
        if (status == SPOKE_OK)
            answer(call, group.id);
        else
            rest_fail_internal(&call->reply, status);
    }
    store_group_free(&group);
}

void rest_group_certificate_delete(struct rest_call *call)
{
    struct store_group group;
    struct store_certificate row;
    if (!find(call, &group, &row))
        return;
    if (rest_etag_matches(call, NULL, row.etag)) {
        const spoke_status status =
            touch(call, &group,
                  store_certificate_delete(core_store(call->core), STORE_OF_GROUP, group.id, call->args[1]));
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
        else
            rest_fail_internal(&call->reply, status);
    }
    store_certificate_free(&row);
    store_group_free(&group);
}

/* --- proof of possession --- */

static bool make_code(struct core *c, char out[2 * CODE_BYTES + 1])
{
    char key[96];
    uint8_t digest[32];
    if (!core_make_key(c, key) || crypto_sha256(spoke_str_of(key), digest) != SPOKE_OK)
        return false;
    for (size_t i = 0; i < CODE_BYTES; i++)
        (void)snprintf(out + 2 * i, 3, "%02X", digest[i]);
    return true;
}

static spoke_status put(struct rest_call *call, const struct store_certificate *row)
{
    struct x509_facts facts;
    const spoke_status status = x509_read(spoke_str_from(row->der, row->der_len), &facts);
    return status == SPOKE_OK ? store_certificate_put(core_store(call->core), STORE_OF_GROUP, row, facts.subject)
                              : status;
}

void rest_group_certificate_code(struct rest_call *call)
{
    struct store_group group;
    struct store_certificate row;
    char code[2 * CODE_BYTES + 1];
    if (!find(call, &group, &row))
        return;
    spoke_status status = make_code(call->core, code) ? SPOKE_OK : SPOKE_E_PORT;
    if (status == SPOKE_OK && !text_set(&row.code, spoke_str_of(code)))
        status = SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = touch(call, &group, put(call, &row));
    if (status == SPOKE_OK) {
        cJSON *body = cJSON_CreateObject();
        cJSON_AddStringToObject(body, "verificationCode", code);
        rest_ok(&call->reply, 200, body);
    } else {
        rest_fail_internal(&call->reply, status);
    }
    store_certificate_free(&row);
    store_group_free(&group);
}

static bool proven(struct rest_call *call, const struct store_certificate *row)
{
    const cJSON *text;
    const struct rest_member members[] = {{"certificate", REST_TEXT, false, &text}};
    struct rest_reply *reply = &call->reply;
    uint8_t memory[X509_MAX_BYTES];
    spoke_buf der = spoke_buf_from(memory, sizeof memory);
    struct x509_facts facts;
    if (!rest_members(call, call->body, "a proof", members, 1))
        return false;
    if (text == NULL || x509_decode(spoke_str_of(text->valuestring), &der) != SPOKE_OK ||
        x509_read(spoke_buf_str(&der), &facts) != SPOKE_OK) {
        rest_fail(reply, 400, "InvalidBody", "\"certificate\" has to be one X.509 certificate, PEM or base64.");
        return false;
    }
    if (row->code == NULL) {
        rest_fail(reply, 422, "UnprocessableEntity",
                  "Ask for a verification code first: generateVerificationCode.");
        return false;
    }
    const enum x509_verdict verdict = x509_judge_proof(spoke_buf_str(&der), spoke_str_from(row->der, row->der_len),
                                                       core_unix_ms(call->core) / 1000);
    if (strcmp(facts.common_name, row->code) != 0)
        rest_fail(reply, 422, "UnprocessableEntity",
                  "The common name of the certificate has to be the verification code, %s.", row->code);
    else if (verdict == X509_UNTRUSTED)
        rest_fail(reply, 422, "UnprocessableEntity", "The certificate was not signed by the authority.");
    else if (verdict != X509_TRUSTED)
        rest_fail(reply, 422, "UnprocessableEntity", "It proves nothing: %s.", x509_verdict_text(verdict));
    return reply->status == 0;
}

void rest_group_certificate_verify(struct rest_call *call)
{
    struct store_group group;
    struct store_certificate row;
    if (!find(call, &group, &row))
        return;
    if (proven(call, &row)) {
        row.verified = true;
        free(row.code); /* a proof counts once */
        row.code = NULL;
        const spoke_status status = touch(call, &group, put(call, &row));
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
        else
            rest_fail_internal(&call->reply, status);
    }
    store_certificate_free(&row);
    store_group_free(&group);
}
