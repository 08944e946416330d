#include "rest_caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_token.h"
#include "central/core/core_internal.h"
#include "rest_routes.h"

#define MAX_ORGANIZATIONS 20 /* of one thing: each is looked up */

static uint64_t bit(enum rest_right right)
{
    return UINT64_C(1) << right;
}

/* --- who it is --- */

void rest_caller_free(struct rest_caller *caller)
{
    if (caller == NULL)
        return;
    for (size_t i = 0; i < caller->count; i++)
        cJSON_Delete(caller->grants[i].reach);
    free(caller->grants);
    free(caller->id);
    cJSON_Delete(caller->roles);
    free(caller);
}

static spoke_status add_grant(struct core *c, struct rest_caller *caller, const cJSON *assignment)
{
    const char *role = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(assignment, "role"));
    const char *organization = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(assignment, "organization"));
    struct rest_grant grant = {.rights = rest_role_rights(c, role, organization != NULL) | bit(RIGHT_SIGNED_IN)};
    if (organization != NULL) {
        grant.reach = rest_organization_reach(c, organization);
        if (grant.reach == NULL)
            return SPOKE_E_NO_MEMORY;
    }
    caller->grants[caller->count++] = grant;
    return SPOKE_OK;
}

/* Takes the roles, [{"role", "organization"}]; NULL: all rights everywhere. */
static spoke_status make_caller(struct core *c, const char *id, cJSON *roles, struct rest_caller **out)
{
    struct rest_caller *caller = calloc(1, sizeof *caller);
    const size_t room = roles != NULL ? (size_t)cJSON_GetArraySize(roles) : 1;
    spoke_status status = SPOKE_OK;
    const cJSON *item = NULL;
    if (caller != NULL) {
        caller->service = roles == NULL;
        caller->id = strdup(id);
        caller->grants = calloc(room + 1, sizeof *caller->grants);
    }
    if (caller == NULL || caller->id == NULL || caller->grants == NULL) {
        cJSON_Delete(roles);
        rest_caller_free(caller);
        return SPOKE_E_NO_MEMORY;
    }
    caller->roles = roles;
    if (roles == NULL)
        caller->grants[caller->count++].rights = REST_ALL_RIGHTS;
    cJSON_ArrayForEach(item, roles) if (status == SPOKE_OK) status = add_grant(c, caller, item);
    if (status == SPOKE_OK)
        *out = caller;
    else
        rest_caller_free(caller);
    return status;
}

/* An unknown token is told the same as one with a wrong signature: ids are nobody's business. */
static enum api_token_verdict judge_issued(struct core *c, const struct api_token *token, cJSON **document)
{
    struct store_document row;
    if (store_document_get(core_store(c), "apiToken", token->skn, &row) != SPOKE_OK)
        return API_TOKEN_WRONG_SIGNATURE;
    *document = cJSON_Parse(row.json);
    store_document_free(&row);
    const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(*document, "hash"));
    const cJSON *expiry = cJSON_GetObjectItemCaseSensitive(*document, "expiryMs");
    if (hash == NULL || !cJSON_IsNumber(expiry))
        return API_TOKEN_WRONG_SIGNATURE;
    return api_token_judge_issued(token, hash, (int64_t)expiry->valuedouble, core_unix_ms(c));
}

#define REVOKED_SETTING "service_tokens_revoked_ms"

spoke_status rest_service_tokens_revoke(struct core *c)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)(core_unix_ms(c) + REST_TOKEN_LIFE_MS));
    return store_setting_put(core_store(c), REVOKED_SETTING, text);
}

/* When in doubt, it is. */
static bool service_token_revoked(struct core *c, const struct api_token *token)
{
    char *text = NULL;
    const spoke_status status = store_setting_get(core_store(c), REVOKED_SETTING, &text);
    const bool revoked = status != SPOKE_E_NOT_FOUND &&
                         (status != SPOKE_OK || token->expiry_ms <= (int64_t)strtoll(text, NULL, 10));
    free(text);
    return revoked;
}

static enum api_token_verdict find(struct core *c, const struct api_token *token, struct rest_caller **out,
                                   spoke_status *status)
{
    cJSON *document = NULL;
    enum api_token_verdict verdict = api_token_judge(token, core_application_secret(c), core_unix_ms(c));
    if (verdict == API_TOKEN_OK && service_token_revoked(c, token))
        return API_TOKEN_WRONG_SIGNATURE;
    if (verdict == API_TOKEN_OK)
        *status = make_caller(c, token->skn, NULL, out);
    if (verdict != API_TOKEN_WRONG_SIGNATURE)
        return verdict;
    verdict = judge_issued(c, token, &document);
    cJSON *roles = cJSON_DetachItemFromObjectCaseSensitive(document, "roles");
    if (verdict == API_TOKEN_OK)
        *status = make_caller(c, token->skn, roles != NULL ? roles : cJSON_CreateArray(), out);
    else
        cJSON_Delete(roles);
    cJSON_Delete(document);
    return verdict;
}

bool rest_caller_find(struct rest_call *call, struct rest_caller **out)
{
    struct api_token token;
    spoke_status status = SPOKE_OK;
    *out = NULL;
    if (call->request->trusted)
        return true;
    enum api_token_verdict verdict =
        api_token_read(call->request->authorization, core_application_id(call->core), &token);
    if (verdict == API_TOKEN_OK)
        verdict = find(call->core, &token, out, &status);
    spoke_wipe(&token, sizeof token);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (verdict != API_TOKEN_OK)
        rest_fail(&call->reply, 401, "Unauthorized", "%s", api_token_verdict_text(verdict));
    return verdict == API_TOKEN_OK && status == SPOKE_OK;
}

/* --- what it may do, and what it sees --- */

bool rest_may(const struct rest_call *call, enum rest_right right)
{
    if (right == RIGHT_UNSET || right >= RIGHT_COUNT)
        return false;
    if (call->caller == NULL)
        return true;
    for (size_t i = 0; i < call->caller->count; i++)
        if ((call->caller->grants[i].rights & bit(right)) != 0)
            return true;
    return right == RIGHT_SIGNED_IN;
}

/* Does the caller's `right` reach the organization? NULL: the whole application. */
static bool reaches(const struct rest_call *call, enum rest_right right, const char *organization)
{
    if (call->caller == NULL)
        return true;
    for (size_t i = 0; i < call->caller->count; i++) {
        const struct rest_grant *grant = &call->caller->grants[i];
        if ((grant->rights & bit(right)) != 0 &&
            (grant->reach == NULL || (organization != NULL && rest_in_list(grant->reach, organization))))
            return true;
    }
    return false;
}

static enum rest_right right_of(const struct rest_call *call)
{
    return call->route != NULL ? call->route->right : RIGHT_UNSET;
}

bool rest_may_as_well(const struct rest_call *call, enum rest_right right)
{
    for (size_t i = 0; call->caller != NULL && i < call->caller->count; i++) {
        const struct rest_grant *grant = &call->caller->grants[i];
        const cJSON *item = NULL;
        if ((grant->rights & bit(right_of(call))) == 0)
            continue;
        if (grant->reach == NULL && !reaches(call, right, NULL))
            return false;
        cJSON_ArrayForEach(item, grant->reach) if (!reaches(call, right, item->valuestring)) return false;
    }
    return rest_may(call, right);
}

bool rest_sees(const struct rest_call *call, const char *organizations)
{
    if (reaches(call, right_of(call), NULL))
        return true;
    cJSON *list = organizations != NULL ? cJSON_Parse(organizations) : NULL;
    const cJSON *item = NULL;
    bool seen = false;
    cJSON_ArrayForEach(item, list) seen =
        seen || (cJSON_IsString(item) && reaches(call, right_of(call), item->valuestring));
    cJSON_Delete(list);
    return seen;
}

cJSON *rest_reach(const struct rest_call *call, bool *failed)
{
    *failed = false;
    if (reaches(call, right_of(call), NULL))
        return NULL;
    cJSON *list = cJSON_CreateArray();
    *failed = list == NULL;
    for (size_t i = 0; i < call->caller->count && !*failed; i++) {
        const struct rest_grant *grant = &call->caller->grants[i];
        const cJSON *item = NULL;
        if ((grant->rights & bit(right_of(call))) == 0)
            continue;
        cJSON_ArrayForEach(item, grant->reach)
        {
            cJSON *copy = cJSON_Duplicate(item, false);
            *failed = *failed || copy == NULL || !cJSON_AddItemToArray(list, copy);
        }
    }
    return list;
}

bool rest_reach_has(const cJSON *reach, const char *organizations)
{
    if (reach == NULL)
        return true;
    cJSON *list = organizations != NULL ? cJSON_Parse(organizations) : NULL;
    const cJSON *item = NULL;
    bool has = false;
    cJSON_ArrayForEach(item, list) has = has || (cJSON_IsString(item) && rest_in_list(reach, item->valuestring));
    cJSON_Delete(list);
    return has;
}

bool rest_sees_all(const struct rest_call *call, const char *organizations)
{
    return rest_covers_all(call, bit(right_of(call)), organizations);
}

bool rest_covers(const struct rest_call *call, uint64_t rights, const char *organization)
{
    for (unsigned right = 0; right < RIGHT_COUNT; right++)
        if ((rights & bit(right)) != 0 && !reaches(call, right, organization))
            return false;
    return true;
}

bool rest_covers_all(const struct rest_call *call, uint64_t rights, const char *organizations)
{
    if (rest_covers(call, rights, NULL))
        return true;
    cJSON *list = organizations != NULL ? cJSON_Parse(organizations) : NULL;
    const cJSON *item = NULL;
    bool all = cJSON_GetArraySize(list) > 0;
    cJSON_ArrayForEach(item, list) all =
        all && cJSON_IsString(item) && rest_covers(call, rights, item->valuestring);
    cJSON_Delete(list);
    return all;
}

bool rest_may_delete(struct rest_call *call, const char *organizations)
{
    if (rest_sees_all(call, organizations))
        return true;
    rest_fail(&call->reply, 403, "Forbidden",
              "It belongs to other organizations too; take it away from your own with PATCH.");
    return false;
}

/* --- the organizations of what it makes --- */

/* The caller takes nothing away from organizations that are not its own, and gives nothing to them. */
static bool wanted_good(struct rest_call *call, const cJSON *wanted, const cJSON *present)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, wanted)
    {
        const bool own = cJSON_IsString(item) && reaches(call, right_of(call), item->valuestring) &&
                         rest_organization_exists(call->core, item->valuestring);
        if (!cJSON_IsString(item))
            rest_fail(&call->reply, 400, "InvalidBody", "\"organizations\" has to be an array of strings.");
        else if (!own && !rest_in_list(present, item->valuestring))
            rest_fail(&call->reply, 400, "InvalidBody", "Organization %.100s does not exist; create it first.",
                      item->valuestring);
        if (call->reply.status != 0)
            return false;
    }
    const bool bound = !reaches(call, right_of(call), NULL);
    cJSON_ArrayForEach(item, present)
    {
        if (bound && !reaches(call, right_of(call), item->valuestring) && !rest_in_list(wanted, item->valuestring))
            rest_fail(&call->reply, 403, "Forbidden", "This token may not take it away from %.100s.",
                      item->valuestring);
    }
    if (bound && call->reply.status == 0 && cJSON_GetArraySize(wanted) == 0)
        rest_fail(&call->reply, 403, "Forbidden",
                  "This token is bound to an organization; leave \"organizations\" out, or name one of its own.");
    return call->reply.status == 0;
}

/* The first organization that the caller's right is bound to; NULL: the right is bound to none. */
static const char *home_of(const struct rest_call *call)
{
    if (reaches(call, right_of(call), NULL))
        return NULL;
    for (size_t i = 0; i < call->caller->count; i++)
        if ((call->caller->grants[i].rights & bit(right_of(call))) != 0)
            return cJSON_GetStringValue(cJSON_GetArrayItem(call->caller->grants[i].reach, 0));
    return NULL;
}

static char *unsaid(const struct rest_call *call)
{
    const char *home = home_of(call);
    cJSON *list = home != NULL ? cJSON_CreateStringArray(&home, 1) : NULL;
    char *text = list != NULL ? cJSON_PrintUnformatted(list) : NULL;
    cJSON_Delete(list);
    return text;
}

bool rest_organizations(struct rest_call *call, const cJSON *wanted, bool merge, char **slot)
{
    const bool said = wanted != NULL && !cJSON_IsNull(wanted);
    const bool bound = home_of(call) != NULL;
    if ((wanted == NULL && merge) || (!said && bound && *slot != NULL))
        return true;
    if (said && !cJSON_IsArray(wanted)) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"organizations\" has to be an array of strings.");
        return false;
    }
    if (cJSON_GetArraySize(wanted) > MAX_ORGANIZATIONS) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"organizations\" has at most %d of them.",
                  MAX_ORGANIZATIONS);
        return false;
    }
    cJSON *present = *slot != NULL ? cJSON_Parse(*slot) : NULL;
    const bool good = !said || wanted_good(call, wanted, present);
    cJSON_Delete(present);
    if (!good)
        return false;
    free(*slot);
    *slot = said ? cJSON_PrintUnformatted(wanted) : unsaid(call);
    if (*slot == NULL && (said || bound))
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    return call->reply.status == 0;
}
