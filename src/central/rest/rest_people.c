/* API tokens, users, and who the caller is. */
#include <stdlib.h>
#include <string.h>

#include "api_token.h"
#include "base/iso8601.h"
#include "central/core/core_internal.h"
#include "rest_caller.h"
#include "rest_entity.h"

#define MAX_USERS 200u
#define MAX_TEXT 320u /* of an e-mail address: 64 + 1 + 255 */

/* --- API tokens --- */

bool rest_token_id_good(const char *id)
{
    return rest_id_good(id, "-_", 48);
}

/* The hash and the number behind the expiry stay here. */
static void show_token(struct rest_call *call, cJSON *document)
{
    (void)call;
    cJSON_DeleteItemFromObjectCaseSensitive(document, "hash");
    cJSON_DeleteItemFromObjectCaseSensitive(document, "expiryMs");
}

static bool read_expiry(struct rest_call *call, const cJSON *item, int64_t *out)
{
    const int64_t now = core_unix_ms(call->core);
    *out = now + REST_TOKEN_LIFE_MS;
    if (item == NULL)
        return true;
    if (iso8601_parse(spoke_str_of(item->valuestring), out) != SPOKE_OK)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"expiry\" of an API token has to be like \"2030-01-31T00:00:00Z\".");
    else if (*out <= now)
        rest_fail(&call->reply, 400, "InvalidBody", "\"expiry\" of an API token is in the past.");
    return call->reply.status == 0;
}

/* Completes the document with expiry and hash, and makes the text that is shown once. */
static spoke_status issue(struct rest_call *call, cJSON *document, int64_t expiry_ms, char **token)
{
    char sig[96] = "";
    const spoke_status status =
        core_make_key(call->core, sig)
            ? api_token_issue(core_application_id(call->core), sig, call->args[0], expiry_ms, document, token)
            : SPOKE_E_PORT;
    spoke_wipe(sig, sizeof sig);
    return status;
}

static bool check_token(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *roles = NULL, *expiry = NULL;
    const struct rest_member members[] = {{"roles", REST_ARRAY, false, &roles},
                                          {"expiry", REST_TEXT, false, &expiry}};
    int64_t expiry_ms = 0;
    char *token = NULL;
    if (before != NULL) {
        rest_fail(&call->reply, 409, "Conflict",
                  "API token %.100s exists; delete it first, which revokes it, or take another id.",
                  call->args[0]);
        return false;
    }
    if (!rest_members(call, document, "an API token", members, 2) || !rest_roles_good(call, roles) ||
        !read_expiry(call, expiry, &expiry_ms))
        return false;
    const spoke_status status = issue(call, document, expiry_ms, &token);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    call->reply.secret = token;
    return status == SPOKE_OK;
}

static const struct rest_entity TOKEN = {.kind = "apiToken",
                                         .name = "API token",
                                         .id_good = rest_token_id_good,
                                         .id_rule = REST_TOKEN_ID_RULE,
                                         .most = REST_MOST_TOKENS,
                                         .organized = true,
                                         .check = check_token,
                                         .show = show_token,
                                         .belongs = rest_roles_organizations};

void rest_tokens_list(struct rest_call *call)
{
    rest_entity_list(call, &TOKEN);
}

void rest_token_get(struct rest_call *call)
{
    rest_entity_get(call, &TOKEN);
}

/* The one answer that has the token in it. */
void rest_token_put(struct rest_call *call)
{
    if (strcmp(call->args[0], REST_SERVICE_TOKEN) == 0) {
        rest_fail(&call->reply, 409, "Conflict",
                  "This id stands for the tokens that are shown at a start; take another one.");
        return;
    }
    rest_entity_put(call, &TOKEN);
    if (call->reply.secret != NULL && call->reply.code == NULL && call->reply.body != NULL)
        cJSON_AddStringToObject(call->reply.body, "token", call->reply.secret);
}

void rest_token_delete(struct rest_call *call)
{
    const bool all = strcmp(call->args[0], REST_SERVICE_TOKEN) == 0;
    if (!all || !rest_covers(call, REST_ALL_RIGHTS, NULL)) {
        rest_entity_delete(call, &TOKEN);
        return;
    }
    const spoke_status status = rest_service_tokens_revoke(call->core);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 204, NULL);
    else
        rest_fail_internal(&call->reply, status);
}

/* --- users --- */

static bool user_id_good(const char *id)
{
    return rest_id_good(id, "-_", 48);
}

static bool text_good(const cJSON *item)
{
    return item != NULL && item->valuestring[0] != '\0' && strlen(item->valuestring) <= MAX_TEXT;
}

static bool looks_like_email(const cJSON *item)
{
    const char *at = text_good(item) ? strchr(item->valuestring, '@') : NULL;
    return at != NULL && at != item->valuestring && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
           strpbrk(item->valuestring, " \t\r\n<>\"") == NULL;
}

static bool check_user(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *type = NULL, *email = NULL, *tenant = NULL, *object = NULL, *roles = NULL;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"email", REST_TEXT, false, &email},
                                          {"tenantId", REST_TEXT, false, &tenant},
                                          {"objectId", REST_TEXT, false, &object},
                                          {"roles", REST_ARRAY, false, &roles}};
    (void)before;
    if (!rest_members(call, document, "a user", members, 5))
        return false;
    const char *kind = type != NULL ? type->valuestring : "";
    const bool by_email = strcmp(kind, "email") == 0;
    if (!by_email && strcmp(kind, "servicePrincipal") != 0 && strcmp(kind, "adGroup") != 0)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"type\" of a user has to be \"email\", \"servicePrincipal\" or \"adGroup\".");
    else if (by_email && (!looks_like_email(email) || tenant != NULL || object != NULL))
        rest_fail(&call->reply, 400, "InvalidBody",
                  "A user of type \"email\" has an \"email\", and no tenantId or objectId.");
    else if (!by_email && (email != NULL || !text_good(tenant) || !text_good(object)))
        rest_fail(&call->reply, 400, "InvalidBody",
                  "A user of type \"%s\" has a \"tenantId\" and an \"objectId\", and no email.", kind);
    return call->reply.status == 0 && rest_roles_good(call, roles);
}

static const struct rest_entity USER = {.kind = "user",
                                        .name = "User",
                                        .id_good = user_id_good,
                                        .id_rule = "A user's id has 1 to 48 letters, digits, '-' or '_'.",
                                        .most = MAX_USERS,
                                        .organized = true,
                                        .check = check_user,
                                        .belongs = rest_roles_organizations};

void rest_users_list(struct rest_call *call)
{
    rest_entity_list(call, &USER);
}

void rest_user_get(struct rest_call *call)
{
    rest_entity_get(call, &USER);
}

void rest_user_put(struct rest_call *call)
{
    rest_entity_put(call, &USER);
}

void rest_user_patch(struct rest_call *call)
{
    rest_entity_patch(call, &USER);
}

void rest_user_delete(struct rest_call *call)
{
    rest_entity_delete(call, &USER);
}

/* --- who am I --- */

static void add_rights(const struct rest_call *call, cJSON *body)
{
    cJSON *rights = cJSON_AddArrayToObject(body, "rights");
    for (unsigned right = 0; right < RIGHT_COUNT; right++)
        if (rest_right_name(right) != NULL && rest_may(call, right))
            cJSON_AddItemToArray(rights, cJSON_CreateStringReference(rest_right_name(right)));
}

void rest_me_get(struct rest_call *call)
{
    const struct rest_caller *caller = call->caller;
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "id", caller != NULL ? caller->id : "service");
    cJSON_AddStringToObject(body, "type", caller == NULL || caller->service ? "service" : "apiToken");
    cJSON *roles = caller != NULL && caller->roles != NULL ? cJSON_Duplicate(caller->roles, true) : NULL;
    cJSON_AddItemToObject(body, "roles", roles != NULL ? roles : cJSON_CreateArray());
    add_rights(call, body);
    cJSON_AddStringToObject(body, "applicationId", core_application_id(call->core));
    cJSON_AddBoolToObject(body, "control", core_control(call->core) && rest_may(call, RIGHT_CONTROL));
    rest_ok(&call->reply, 200, body);
}
