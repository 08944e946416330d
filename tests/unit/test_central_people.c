/* API tokens, users, roles and organizations. */
#include "central/rest/api_token.h"
#include "support/core_fixture.h"

#define ADMINISTRATOR "ca310b8d-2f4a-44e0-a36e-957c202cd8d4"
#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"
#define VERSION "?api-version=2022-07-31"

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    fixture_ask(f, "PUT", "/api/organizations/norway", "{\"displayName\":\"Norway\"}");
    fixture_ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\",\"parent\":\"norway\"}");
    fixture_ask(f, "PUT", "/api/organizations/bergen", "{\"displayName\":\"Bergen\",\"parent\":\"norway\"}");
    assert_int_equal(f->status, 200);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void ask_as(struct fixture *f, const char *token, const char *method, const char *path, const char *body)
{
    char target[400];
    snprintf(target, sizeof target, "%s%s", path, strchr(path, '?') != NULL ? "&api-version=2022-07-31" : VERSION);
    fixture_ask_as(f, method, target, body, false, token);
}

static char *token_for(struct fixture *f, const char *id, const char *body)
{
    char path[100];
    snprintf(path, sizeof path, "/api/apiTokens/%s", id);
    fixture_ask(f, "PUT", path, body);
    if (f->status != 200)
        fail_msg("%d %s", f->status, f->text);
    return strdup(fixture_text(f, "token"));
}

static char *bound_token(struct fixture *f, const char *id, const char *role, const char *organization)
{
    char body[300];
    snprintf(body, sizeof body, "{\"roles\":[{\"role\":\"%s\",\"organization\":\"%s\"}]}", role, organization);
    return token_for(f, id, body);
}

/* --- API tokens --- */

static void a_token_is_shown_once_and_works(void **state)
{
    struct fixture *f = *state;
    char *token = token_for(f, "ci", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_true(strncmp(token, "SharedAccessSignature sr=", 25) == 0);
    assert_string_equal(fixture_text(f, "expiry"), "2027-03-04T05:06:07.089Z");
    fixture_ask(f, "GET", "/api/apiTokens/ci", "");
    assert_null(fixture_at(f, "token"));
    assert_string_equal(fixture_text(f, "roles.0.role"), OPERATOR);
    fixture_ask(f, "GET", "/api/apiTokens", "");
    assert_null(strstr(f->text, "sig="));
    assert_null(strstr(f->text, "hash"));
    assert_string_equal(fixture_text(f, "value.0.id"), "ci");
    ask_as(f, token, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    free(token);
}

static void the_store_has_nothing_that_makes_a_token(void **state)
{
    struct fixture *f = *state;
    struct store_document row;
    struct api_token parts;
    char *token = token_for(f, "ci", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_ok(store_document_get(core_store(f->bench.core), "apiToken", "ci", &row));
    assert_int_equal(api_token_read(token, core_application_id(f->bench.core), &parts), API_TOKEN_OK);
    assert_null(strstr(row.json, parts.sig));
    store_document_free(&row);
    free(token);
}

static void a_token_ends_when_it_was_said_to(void **state)
{
    struct fixture *f = *state;
    char *token =
        token_for(f, "ci", "{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"expiry\":\"2026-03-04T05:06:08Z\"}");
    ask_as(f, token, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    f->bench.start_ms += 911;
    ask_as(f, token, "GET", "/api/devices", "");
    assert_refused(f, 401, "Unauthorized", "expired");
    free(token);
}

static void a_deleted_token_is_revoked_at_once(void **state)
{
    struct fixture *f = *state;
    char *token = token_for(f, "ci", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    fixture_ask(f, "DELETE", "/api/apiTokens/ci", "");
    assert_answer(f, 204, "");
    ask_as(f, token, "GET", "/api/devices", "");
    assert_refused(f, 401, "Unauthorized", "revoked");
    fixture_ask(f, "DELETE", "/api/apiTokens/ci", "");
    assert_refused(f, 404, "NotFound", "API token ci does not exist");
    free(token);
}

static void the_tokens_shown_at_starts_are_revoked_together(void **state)
{
    struct fixture *f = *state;
    char *shown = NULL, *later = NULL;
    assert_ok(core_api_token(f->bench.core, "bootstrap", &shown));
    char *oslo = bound_token(f, "oslo", ADMINISTRATOR, "oslo");
    char *own = token_for(f, "own", "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\"}]}");
    fixture_ask(f, "PUT", "/api/apiTokens/bootstrap", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_refused(f, 409, "Conflict", "stands for the tokens");
    ask_as(f, oslo, "DELETE", "/api/apiTokens/bootstrap", "");
    assert_refused(f, 404, "NotFound", "does not exist");
    f->bench.start_ms += 1000;
    ask_as(f, own, "DELETE", "/api/apiTokens/bootstrap", "");
    assert_answer(f, 204, "");
    ask_as(f, shown, "GET", "/api/devices", "");
    assert_refused(f, 401, "Unauthorized", "revoked");
    ask_as(f, own, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    f->bench.start_ms += 1000;
    assert_ok(core_api_token(f->bench.core, "bootstrap", &later));
    ask_as(f, later, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    free(shown);
    free(later);
    free(own);
    free(oslo);
}

static void a_token_is_not_made_twice(void **state)
{
    struct fixture *f = *state;
    char *token = token_for(f, "ci", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    fixture_ask(f, "PUT", "/api/apiTokens/ci", "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\"}]}");
    assert_refused(f, 409, "Conflict", "delete it first");
    ask_as(f, token, "GET", "/api/apiTokens", "");
    assert_int_equal(f->status, 403);
    free(token);
}

static void a_token_body_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "1 to 20 assignments"},
        {"{\"roles\":[]}", "1 to 20 assignments"},
        {"{\"roles\":{}}", "\"roles\" of an API token has to be an array"},
        {"{\"roles\":[1]}", "array of objects"},
        {"{\"roles\":[{}]}", "\"role\" of roles is missing"},
        {"{\"roles\":[{\"role\":\"x\"}]}", "Role x does not exist"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"x\"}]}", "Organization x does not exist"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\",\"more\":1}]}", "\"more\" is not a member"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"expiry\":\"soon\"}", "has to be like"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"expiry\":\"2020-01-01T00:00:00Z\"}", "in the past"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"token\":\"mine\"}", "\"token\" is not a member"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"hash\":\"mine\"}", "\"hash\" is not a member"},
        {"{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"id\":\"other\"}", "\"id\" differs"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", "/api/apiTokens/ci", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "PUT", "/api/apiTokens/a b", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_refused(f, 400, "InvalidRequest", "An API token's id has");
    fixture_ask(f, "GET", "/api/apiTokens", "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void nobody_gives_what_they_have_not_got(void **state)
{
    struct fixture *f = *state;
    char *oslo = bound_token(f, "oslo", ADMINISTRATOR, "oslo");
    ask_as(f, oslo, "PUT", "/api/apiTokens/more", "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\"}]}");
    assert_refused(f, 403, "Forbidden", "may not give");
    ask_as(f, oslo, "PUT", "/api/apiTokens/more",
           "{\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"bergen\"}]}");
    assert_refused(f, 400, "InvalidBody", "Organization bergen does not exist");
    ask_as(f, oslo, "PUT", "/api/users/more",
           "{\"type\":\"email\",\"email\":\"a@b.no\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_refused(f, 403, "Forbidden", "may not give");
    ask_as(f, oslo, "PUT", "/api/apiTokens/more",
           "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\",\"organization\":\"oslo\"}]}");
    assert_int_equal(f->status, 200);
    free(oslo);
}

static void a_custom_role_cannot_be_used_to_rise(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/roles/people",
                "{\"displayName\":\"People\",\"rights\":[\"people.read\",\"people.write\"]}");
    char *people = token_for(f, "people", "{\"roles\":[{\"role\":\"people\"}]}");
    ask_as(f, people, "PUT", "/api/roles/all", "{\"displayName\":\"All\",\"rights\":[\"device.write\"]}");
    assert_refused(f, 403, "Forbidden", "may not give");
    ask_as(f, people, "PATCH", "/api/roles/people", "{\"rights\":[\"people.write\",\"device.read\"]}");
    assert_refused(f, 403, "Forbidden", "may not give");
    ask_as(f, people, "PUT", "/api/apiTokens/all", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_refused(f, 403, "Forbidden", "may not give");
    free(people);
}

/* --- users --- */

static void a_user_of_each_type_is_kept(void **state)
{
    static const char *const BODIES[] = {
        "{\"type\":\"email\",\"email\":\"ada@example.com\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}",
        "{\"type\":\"servicePrincipal\",\"tenantId\":\"t\",\"objectId\":\"o\",\"roles\":[{\"role\":\"" OPERATOR
        "\",\"organization\":\"oslo\"}]}",
        "{\"type\":\"adGroup\",\"tenantId\":\"t\",\"objectId\":\"o\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        char path[40];
        snprintf(path, sizeof path, "/api/users/user_%zu", i);
        fixture_ask(f, "PUT", path, BODIES[i]);
        assert_int_equal(f->status, 200);
        assert_non_null(strstr(f->text, BODIES[i] + 1));
    }
    fixture_ask(f, "GET", "/api/users", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 3);
    fixture_ask(f, "DELETE", "/api/users/user_1", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/api/users/user_1", "");
    assert_refused(f, 404, "NotFound", "User user_1 does not exist");
}

static void a_users_patch_merges_and_heeds_the_etag(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/users/ada",
                "{\"type\":\"email\",\"email\":\"ada@example.com\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    char *etag = cJSON_PrintUnformatted(fixture_at(f, "etag")), body[200];
    snprintf(body, sizeof body, "{\"email\":\"ada@example.org\",\"etag\":%s}", etag);
    fixture_ask(f, "PATCH", "/api/users/ada", body);
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "email"), "ada@example.org");
    assert_string_equal(fixture_text(f, "roles.0.role"), OPERATOR);
    fixture_ask(f, "PATCH", "/api/users/ada", body);
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    fixture_ask(f, "PATCH", "/api/users/ada", "{\"email\":null}");
    assert_refused(f, 400, "InvalidBody", "has an \"email\"");
    fixture_ask(f, "PATCH", "/api/users/bob", "{}");
    assert_int_equal(f->status, 404);
    cJSON_free(etag);
}

static void a_user_body_is_refused_by_place(void **state)
{
#define ROLES "\"roles\":[{\"role\":\"" OPERATOR "\"}]"
    static const char *const CASES[][2] = {
        {"{}", "\"type\" of a user has to be"},
        {"{\"type\":\"robot\"," ROLES "}", "\"type\" of a user has to be"},
        {"{\"type\":\"email\"," ROLES "}", "has an \"email\""},
        {"{\"type\":\"email\",\"email\":\"nobody\"," ROLES "}", "has an \"email\""},
        {"{\"type\":\"email\",\"email\":\"a@b@c\"," ROLES "}", "has an \"email\""},
        {"{\"type\":\"email\",\"email\":\"a@b\",\"tenantId\":\"t\"," ROLES "}", "no tenantId"},
        {"{\"type\":\"adGroup\",\"tenantId\":\"t\"," ROLES "}", "\"objectId\""},
        {"{\"type\":\"adGroup\",\"tenantId\":\"t\",\"objectId\":\"\"," ROLES "}", "\"objectId\""},
        {"{\"type\":\"email\",\"email\":\"a@b\"}", "1 to 20 assignments"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", "/api/users/ada", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "PUT", "/api/users/ada.lovelace",
                "{\"type\":\"email\",\"email\":\"a@b\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_refused(f, 400, "InvalidRequest", "A user's id has");
}

/* --- roles --- */

static void the_built_in_roles_are_listed_with_their_rights(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/roles", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 3);
    fixture_ask(f, "GET", "/api/roles/" ADMINISTRATOR, "");
    assert_string_equal(fixture_text(f, "displayName"), "Administrator");
    assert_string_equal(fixture_text(f, "rights.0"), "device.read");
    fixture_ask(f, "GET", "/api/roles/nobody", "");
    assert_refused(f, 404, "NotFound", "Role nobody does not exist");
}

static void roles_come_in_pages_with_the_custom_ones_among_them(void **state)
{
    static const char *const ORDER[] = {"0-first", "344138e9-8de4-4497-8c54-5237e96d6aaf", OPERATOR, ADMINISTRATOR,
                                        "last"};
    struct fixture *f = *state;
    char target[300] = "/api/roles?$top=1";
    fixture_ask(f, "PUT", "/api/roles/0-first", "{\"displayName\":\"x\",\"rights\":[\"device.read\"]}");
    fixture_ask(f, "PUT", "/api/roles/last", "{\"displayName\":\"x\",\"rights\":[\"device.read\"]}");
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++) {
        fixture_ask(f, "GET", target, "");
        assert_string_equal(fixture_text(f, "value.0.id"), ORDER[i]);
        if (i + 1 == sizeof ORDER / sizeof ORDER[0])
            break;
        snprintf(target, sizeof target, "%s", fixture_text(f, "nextLink") + strlen("https://localhost:1"));
    }
    assert_null(fixture_at(f, "nextLink"));
}

static void a_custom_role_gives_what_it_names(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/roles/viewer", "{\"displayName\":\"Viewer\",\"rights\":[\"device.read\"]}");
    assert_int_equal(f->status, 200);
    char *token = token_for(f, "v", "{\"roles\":[{\"role\":\"viewer\"}]}");
    ask_as(f, token, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    ask_as(f, token, "PUT", "/api/devices/d1", "{}");
    assert_refused(f, 403, "Forbidden", "roles of this token");
    fixture_ask(f, "PATCH", "/api/roles/viewer", "{\"rights\":[\"device.read\",\"device.write\"]}");
    ask_as(f, token, "PUT", "/api/devices/d1", "{}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "DELETE", "/api/roles/viewer", "");
    assert_refused(f, 409, "Conflict", "has this role");
    fixture_ask(f, "DELETE", "/api/apiTokens/v", "");
    fixture_ask(f, "DELETE", "/api/roles/viewer", "");
    assert_answer(f, 204, "");
    free(token);
}

static void who_may_see_groups_and_no_devices_sees_none_in_a_group(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/roles/groups", "{\"displayName\":\"G\",\"rights\":[\"group.read\"]}");
    fixture_ask(f, "PUT", "/api/deviceGroups/g", "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices\"}");
    assert_int_equal(f->status, 200);
    char *token = token_for(f, "g", "{\"roles\":[{\"role\":\"groups\"}]}");
    ask_as(f, token, "GET", "/api/deviceGroups/g", "");
    assert_int_equal(f->status, 200);
    ask_as(f, token, "GET", "/api/deviceGroups/g/devices", "");
    assert_refused(f, 403, "Forbidden", "devices");
    free(token);
}

static void a_role_body_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "\"displayName\" of a role"},
        {"{\"displayName\":\"\",\"rights\":[\"device.read\"]}", "\"displayName\" of a role"},
        {"{\"displayName\":\"x\"}", "has to name 1 to"},
        {"{\"displayName\":\"x\",\"rights\":[]}", "has to name 1 to"},
        {"{\"displayName\":\"x\",\"rights\":[\"device.fly\"]}", "\"device.fly\" is not a right"},
        {"{\"displayName\":\"x\",\"rights\":[5]}", "is not a right"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", "/api/roles/r", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "PUT", "/api/roles/" OPERATOR, "{\"displayName\":\"x\",\"rights\":[\"device.read\"]}");
    assert_refused(f, 409, "Conflict", "built-in");
    fixture_ask(f, "DELETE", "/api/roles/" OPERATOR, "");
    assert_refused(f, 409, "Conflict", "built-in");
}

/* --- organizations --- */

static void an_organization_is_made_shown_changed_and_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/organizations/oslo", "");
    assert_string_equal(fixture_text(f, "displayName"), "Oslo");
    assert_string_equal(fixture_text(f, "parent"), "norway");
    assert_null(fixture_at(f, "organizations"));
    fixture_ask(f, "PATCH", "/api/organizations/oslo", "{\"parent\":null}");
    assert_int_equal(f->status, 200);
    assert_null(fixture_at(f, "parent"));
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/api/organizations", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 2);
}

static void an_organization_has_at_most_five_levels_and_no_circle(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/l3", "{\"displayName\":\"3\",\"parent\":\"oslo\"}");
    fixture_ask(f, "PUT", "/api/organizations/l4", "{\"displayName\":\"4\",\"parent\":\"l3\"}");
    fixture_ask(f, "PUT", "/api/organizations/l5", "{\"displayName\":\"5\",\"parent\":\"l4\"}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/organizations/l6", "{\"displayName\":\"6\",\"parent\":\"l5\"}");
    assert_refused(f, 400, "InvalidBody", "at most 5 levels");
    fixture_ask(f, "PUT", "/api/organizations/top", "{\"displayName\":\"top\"}");
    fixture_ask(f, "PATCH", "/api/organizations/norway", "{\"parent\":\"top\"}");
    assert_refused(f, 400, "InvalidBody", "at most 5 levels");
    fixture_ask(f, "PATCH", "/api/organizations/norway", "{\"parent\":\"l4\"}");
    assert_refused(f, 400, "InvalidBody", "below itself");
    fixture_ask(f, "PATCH", "/api/organizations/norway", "{\"parent\":\"norway\"}");
    assert_refused(f, 400, "InvalidBody", "below itself");
}

static void an_organization_in_use_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "DELETE", "/api/organizations/norway", "");
    assert_refused(f, 409, "Conflict", "below it");
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"organizations\":[\"oslo\"]}");
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_refused(f, 409, "Conflict", "1 devices, tokens");
    fixture_ask(f, "DELETE", "/api/devices/d1", "");
    free(token_for(f, "t",
                   "{\"roles\":[{\"role\":\"" OPERATOR "\"},{\"role\":\"" OPERATOR
                   "\",\"organization\":\"oslo\"}]}"));
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_refused(f, 409, "Conflict", "1 devices, tokens");
    fixture_ask(f, "DELETE", "/api/apiTokens/t", "");
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_answer(f, 204, "");
}

static void an_organization_that_cannot_be_is_refused(void **state)
{
    static const char *const IDS[] = {
        "a", "-ab", "ab-", "Ab", "a_b", "a%62", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) {
        char path[100];
        snprintf(path, sizeof path, "/api/organizations/%s", IDS[i]);
        fixture_ask(f, "PUT", path, "{\"displayName\":\"x\"}");
        assert_refused(f, 400, "InvalidRequest", "An organization's id has");
    }
    fixture_ask(f, "PUT", "/api/organizations/xx", "{}");
    assert_refused(f, 400, "InvalidBody", "\"displayName\" of an organization");
    fixture_ask(f, "PUT", "/api/organizations/xx", "{\"displayName\":\"x\",\"parent\":\"nowhere\"}");
    assert_refused(f, 400, "InvalidBody", "Organization nowhere does not exist");
}

/* --- what somebody sees who is bound to one --- */

static void a_bound_caller_sees_the_devices_of_its_organization_and_below(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/in-oslo", "{\"organizations\":[\"oslo\"]}");
    fixture_ask(f, "PUT", "/api/devices/in-bergen", "{\"organizations\":[\"bergen\"]}");
    fixture_ask(f, "PUT", "/api/devices/in-norway", "{\"organizations\":[\"norway\"]}");
    fixture_ask(f, "PUT", "/api/devices/of-nobody", "{}");
    char *oslo = bound_token(f, "o", OPERATOR, "oslo"), *norway = bound_token(f, "n", OPERATOR, "norway");
    ask_as(f, oslo, "GET", "/api/devices", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_string_equal(fixture_text(f, "value.0.id"), "in-oslo");
    ask_as(f, norway, "GET", "/api/devices", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 3);
    ask_as(f, norway, "GET", "/api/devices/in-oslo", "");
    assert_int_equal(f->status, 200);
    ask_as(f, norway, "GET", "/api/devices/of-nobody", "");
    assert_int_equal(f->status, 404);
    ask_as(f, oslo, "GET", "/api/devices/in-norway", "");
    assert_int_equal(f->status, 404);
    free(oslo);
    free(norway);
}

static void what_a_bound_caller_makes_lands_in_its_organization(void **state)
{
    struct fixture *f = *state;
    char *oslo = bound_token(f, "o", OPERATOR, "oslo");
    ask_as(f, oslo, "PUT", "/api/devices/d1", "{}");
    assert_string_equal(fixture_text(f, "organizations.0"), "oslo");
    ask_as(f, oslo, "PUT", "/api/devices/d1", "{\"displayName\":\"again\"}");
    assert_string_equal(fixture_text(f, "organizations.0"), "oslo");
    ask_as(f, oslo, "PUT", "/api/devices/d2", "{\"organizations\":[\"bergen\"]}");
    assert_refused(f, 400, "InvalidBody", "Organization bergen does not exist");
    ask_as(f, oslo, "PATCH", "/api/devices/d1", "{\"organizations\":[]}");
    assert_refused(f, 403, "Forbidden", "bound to an organization");
    free(oslo);
}

static void a_bound_caller_takes_nothing_from_other_organizations(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/shared", "{\"organizations\":[\"oslo\",\"bergen\"]}");
    char *oslo = bound_token(f, "o", OPERATOR, "oslo");
    ask_as(f, oslo, "PATCH", "/api/devices/shared", "{\"organizations\":[\"oslo\"]}");
    assert_refused(f, 403, "Forbidden", "may not take it away from bergen");
    ask_as(f, oslo, "PATCH", "/api/devices/shared", "{\"organizations\":[\"bergen\",\"oslo\"]}");
    assert_int_equal(f->status, 200);
    free(oslo);
}

static void a_bound_caller_deletes_nothing_that_is_shared(void **state)
{
    static const char *const SHARED[][2] = {
        {"/api/devices/shared", "{\"organizations\":[\"oslo\",\"bergen\"]}"},
        {"/api/dashboards/shared", "{\"displayName\":\"x\",\"organizations\":[\"oslo\",\"bergen\"]}"},
        {"/api/deviceGroups/shared",
         "{\"displayName\":\"x\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"oslo\",\"bergen\"]}"},
    };
    struct fixture *f = *state;
    char *oslo = bound_token(f, "o", ADMINISTRATOR, "oslo"),
         *norway = bound_token(f, "n", ADMINISTRATOR, "norway");
    for (size_t i = 0; i < sizeof SHARED / sizeof SHARED[0]; i++) {
        fixture_ask(f, "PUT", SHARED[i][0], SHARED[i][1]);
        assert_int_equal(f->status, 200);
        ask_as(f, oslo, "DELETE", SHARED[i][0], "");
        assert_refused(f, 403, "Forbidden", "belongs to other organizations too");
        ask_as(f, norway, "DELETE", SHARED[i][0], "");
        assert_answer(f, 204, "");
    }
    free(oslo);
    free(norway);
}

static void roles_hold_each_for_its_own_organization(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/roles/viewer", "{\"displayName\":\"Viewer\",\"rights\":[\"device.read\"]}");
    fixture_ask(f, "PUT", "/api/devices/in-oslo", "{\"organizations\":[\"oslo\"]}");
    fixture_ask(f, "PUT", "/api/devices/in-bergen", "{\"organizations\":[\"bergen\"]}");
    char *token = token_for(f, "mixed",
                            "{\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"oslo\"},"
                            "{\"role\":\"viewer\",\"organization\":\"bergen\"}]}");
    ask_as(f, token, "GET", "/api/devices/in-bergen", "");
    assert_int_equal(f->status, 200);
    ask_as(f, token, "PATCH", "/api/devices/in-bergen", "{\"enabled\":false}");
    assert_int_equal(f->status, 404);
    ask_as(f, token, "PATCH", "/api/devices/in-oslo", "{\"enabled\":false}");
    assert_int_equal(f->status, 200);
    free(token);
}

static void a_bound_administrator_rules_only_below(void **state)
{
    struct fixture *f = *state;
    char *oslo = bound_token(f, "o", ADMINISTRATOR, "oslo");
    free(bound_token(f, "b", OPERATOR, "bergen"));
    free(token_for(f, "all", "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}"));
    ask_as(f, oslo, "GET", "/api/apiTokens", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    ask_as(f, oslo, "DELETE", "/api/apiTokens/all", "");
    assert_int_equal(f->status, 404);
    ask_as(f, oslo, "PUT", "/api/organizations/new", "{\"displayName\":\"new\"}");
    assert_refused(f, 403, "Forbidden", "name a \"parent\" of its own");
    ask_as(f, oslo, "PUT", "/api/organizations/new", "{\"displayName\":\"new\",\"parent\":\"bergen\"}");
    assert_refused(f, 400, "InvalidBody", "Organization bergen does not exist");
    ask_as(f, oslo, "PUT", "/api/organizations/new", "{\"displayName\":\"new\",\"parent\":\"oslo\"}");
    assert_int_equal(f->status, 200);
    ask_as(f, oslo, "PATCH", "/api/organizations/oslo", "{\"displayName\":\"Christiania\"}");
    assert_int_equal(f->status, 200);
    free(oslo);
}

static void me_says_who_asks_and_what_it_may(void **state)
{
    struct fixture *f = *state;
    char *oslo = bound_token(f, "o", OPERATOR, "oslo");
    ask_as(f, oslo, "GET", "/api/me", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "id"), "o");
    assert_string_equal(fixture_text(f, "type"), "apiToken");
    assert_string_equal(fixture_text(f, "roles.0.organization"), "oslo");
    assert_non_null(strstr(f->text, "command.run"));
    assert_null(strstr(f->text, "people.read"));
    fixture_ask(f, "GET", "/api/me", "");
    assert_string_equal(fixture_text(f, "type"), "service");
    assert_non_null(strstr(f->text, "people.write"));
    free(oslo);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_token_is_shown_once_and_works),
        STAGED(the_store_has_nothing_that_makes_a_token),
        STAGED(a_token_ends_when_it_was_said_to),
        STAGED(a_deleted_token_is_revoked_at_once),
        STAGED(the_tokens_shown_at_starts_are_revoked_together),
        STAGED(a_token_is_not_made_twice),
        STAGED(a_token_body_is_refused_by_place),
        STAGED(nobody_gives_what_they_have_not_got),
        STAGED(a_custom_role_cannot_be_used_to_rise),
        STAGED(a_user_of_each_type_is_kept),
        STAGED(a_users_patch_merges_and_heeds_the_etag),
        STAGED(a_user_body_is_refused_by_place),
        STAGED(the_built_in_roles_are_listed_with_their_rights),
        STAGED(roles_come_in_pages_with_the_custom_ones_among_them),
        STAGED(a_custom_role_gives_what_it_names),
        STAGED(who_may_see_groups_and_no_devices_sees_none_in_a_group),
        STAGED(a_role_body_is_refused_by_place),
        STAGED(an_organization_is_made_shown_changed_and_deleted),
        STAGED(an_organization_has_at_most_five_levels_and_no_circle),
        STAGED(an_organization_in_use_is_not_deleted),
        STAGED(an_organization_that_cannot_be_is_refused),
        STAGED(a_bound_caller_sees_the_devices_of_its_organization_and_below),
        STAGED(what_a_bound_caller_makes_lands_in_its_organization),
        STAGED(a_bound_caller_takes_nothing_from_other_organizations),
        STAGED(a_bound_caller_deletes_nothing_that_is_shared),
        STAGED(roles_hold_each_for_its_own_organization),
        STAGED(a_bound_administrator_rules_only_below),
        STAGED(me_says_who_asks_and_what_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
