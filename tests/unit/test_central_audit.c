/* Who changed what: audit events of changes by REST. */
#include "central/rest/rest_audit.h"
#include "central/rest/rest_routes.h"
#include "support/core_fixture.h"

#define ADMINISTRATOR "ca310b8d-2f4a-44e0-a36e-957c202cd8d4"
#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"
#define AUDIT "/api/events?kind=audit"
#define VERSION "api-version=2022-07-31"

static int set_up(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

/* The newest audit event, as JSON without position and time; "": there is none. */
static const char *newest(struct fixture *f)
{
    static char text[2000];
    ask(f, "GET", AUDIT "&$top=1", "");
    cJSON *event = cJSON_GetArrayItem(fixture_at(f, "value"), 0);
    cJSON_DeleteItemFromObject(event, "position");
    cJSON_DeleteItemFromObject(event, "enqueuedTime");
    char *printed = event != NULL ? cJSON_PrintUnformatted(event) : NULL;
    snprintf(text, sizeof text, "%s", printed != NULL ? printed : "");
    cJSON_free(printed);
    return text;
}

static char *token_of(struct fixture *f, const char *id, const char *role, const char *organization)
{
    char target[100], body[200];
    snprintf(target, sizeof target, "/api/apiTokens/%s", id);
    snprintf(body, sizeof body, "{\"roles\":[{\"role\":\"%s\"%s%s%s}]}", role,
             organization != NULL ? ",\"organization\":\"" : "", organization != NULL ? organization : "",
             organization != NULL ? "\"" : "");
    ask(f, "PUT", target, body);
    return strdup(fixture_text(f, "token"));
}

static int status_for(struct fixture *f, const char *token)
{
    fixture_ask_as(f, "GET", AUDIT "&" VERSION, "", false, token);
    return f->status;
}

/* --- the claims --- */

static void every_change_is_told_here_or_by_events_of_its_own(void **state)
{
    static const char *const OTHERS[] = {"/properties", "/commands/{}", "/api/query"};
    const struct rest_route *route;
    (void)state;
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++) {
        bool told = strcmp(route->method, "GET") == 0 || strncmp(route->pattern, "/control/", 9) == 0 ||
                    rest_audit_type(route->pattern) != NULL;
        for (size_t k = 0; k < sizeof OTHERS / sizeof OTHERS[0]; k++)
            told = told || strstr(route->pattern, OTHERS[k]) != NULL;
        if (!told)
            fail_msg("%s %s: say in rest_audit.c what it changes", route->method, route->pattern);
    }
}

static void a_device_is_created_updated_and_deleted(void **state)
{
    struct fixture *f = *state;
#define PUMP "\"resource\":{\"id\":\"pump-1\",\"type\":\"device\""
#define SERVICE "\"actor\":{\"id\":\"service\",\"type\":\"system\"}"
    ask(f, "PUT", "/api/devices/pump-1", "{\"displayName\":\"Pump 1\"}");
    assert_string_equal(newest(f), "{\"source\":\"audit\",\"type\":\"created\",\"body\":{" SERVICE "," PUMP
                                   ",\"displayName\":\"Pump 1\"}}}");
    ask(f, "PATCH", "/api/devices/pump-1", "{\"displayName\":\"P\",\"enabled\":false,\"id\":\"pump-1\"}");
    assert_string_equal(newest(f),
                        "{\"source\":\"audit\",\"type\":\"updated\",\"body\":{" SERVICE "," PUMP
                        ",\"displayName\":\"P\"},\"updated\":{\"properties\":[\"displayName\",\"enabled\"]}}}");
    ask(f, "PUT", "/api/devices/pump-1", "{}");
    assert_non_null(strstr(newest(f), "\"type\":\"updated\""));
    ask(f, "DELETE", "/api/devices/pump-1", "");
    assert_string_equal(newest(f), "{\"source\":\"audit\",\"type\":\"deleted\",\"body\":{" SERVICE "," PUMP "}}}");
    ask(f, "GET", AUDIT, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 4);
}

static void each_kind_of_thing_is_named(void **state)
{
    static const struct {
        const char *method, *target, *body, *words;
    } CASES[] = {
        {"PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}", "\"type\":\"organization\""},
        {"PUT", "/api/roles/r", "{\"displayName\":\"R\",\"rights\":[\"device.read\"]}", "\"type\":\"role\""},
        {"PUT", "/api/users/u",
         "{\"type\":\"email\",\"email\":\"a@example.com\",\"roles\":[{\"role\":\"" OPERATOR "\"}]}",
         "\"resource\":{\"id\":\"u\",\"type\":\"user\"}"},
        {"PUT", "/api/enrollmentGroups/g", "{\"attestation\":{\"type\":\"symmetricKey\"}}",
         "\"type\":\"created\",\"body\":{" SERVICE
         ",\"resource\":{\"id\":\"g\",\"type\":\"enrollmentGroup\",\"displayName\":\"g\"}}"},
        {"PATCH", "/api/enrollmentGroups/g", "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":null}}}",
         "\"updated\":{\"properties\":[\"attestation\"]}"},
        {"PUT", "/api/deviceTemplates/dtmi:a:t;1",
         "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:a:m;1\",\"@type\":\"Interface\",\"contents\":[]}",
         "\"type\":\"created\",\"body\":{" SERVICE
         ",\"resource\":{\"id\":\"dtmi:a:t;1\",\"type\":\"deviceTemplate\""},
        {"PATCH", "/api/deviceTemplates/dtmi:a:t;1", "{\"displayName\":\"T\"}", "\"type\":\"updated\""},
        {"PUT", "/api/deviceTemplates/dtmi:a:t;1/views/v", "{\"displayName\":\"V\"}",
         "\"type\":\"updated\",\"body\":{" SERVICE
         ",\"resource\":{\"id\":\"dtmi:a:t;1\",\"type\":\"deviceTemplate\"},\"updated\":{\"properties\":[\"views\"]}"},
        {"DELETE", "/api/deviceTemplates/dtmi:a:t;1/views/v", "", "\"updated\":{\"properties\":[\"views\"]}"},
        {"PUT", "/api/fileUploads",
         "{\"container\":\"files\",\"connectionString\":\"AccountName=acct1;AccountKey=" FIXTURE_GROUP_KEY
         ";EndpointSuffix=example.com\"}",
         "\"resource\":{\"id\":\"default\",\"type\":\"fileUpload\"}"},
        {"PUT", "/api/devices/gw", "{}", "\"type\":\"created\""},
        {"PUT", "/api/devices/leaf", "{}", "\"type\":\"created\""},
        {"PUT", "/api/devices/gw/relationships/r", "{\"target\":\"leaf\"}",
         "\"updated\":{\"properties\":[\"relationships\"]}"},
        {"PUT", "/api/devices/gw/attestation", "{\"type\":\"symmetricKey\"}",
         "\"updated\":{\"properties\":[\"attestation\"]}"},
        {"DELETE", "/api/devices/gw/attestation", "", "\"type\":\"updated\""},
        {"DELETE", "/api/organizations/oslo", "", "\"type\":\"deleted\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask(f, CASES[i].method, CASES[i].target, CASES[i].body);
        if (strstr(newest(f), CASES[i].words) == NULL)
            fail_msg("%s %s: %s", CASES[i].method, CASES[i].target, newest(f));
    }
    ask(f, "GET", AUDIT "&$top=100", "");
    assert_null(strstr(f->text, FIXTURE_GROUP_KEY));
}

static void the_actor_is_the_token_and_no_secret_is_told(void **state)
{
    struct fixture *f = *state;
    char *token = token_of(f, "ci", ADMINISTRATOR, NULL), *other;
    fixture_ask_as(f, "PUT", "/api/apiTokens/next?" VERSION, "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}", false,
                   token);
    other = strdup(fixture_text(f, "token"));
    assert_string_equal(newest(f),
                        "{\"source\":\"audit\",\"type\":\"created\",\"body\":{\"actor\":{\"id\":\"ci\",\"type\":"
                        "\"apiToken\"},\"resource\":{\"id\":\"next\",\"type\":\"apiToken\"}}}");
    assert_null(strstr(f->text, strstr(other, "sig=")));
    free(token);
    free(other);
}

static void what_was_refused_is_not_told(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/none", "{}");
    fixture_ask(f, "PUT", "/api/devices/d", "{\"enabled\":1}");
    fixture_ask(f, "DELETE", "/api/enrollmentGroups/none", "");
    assert_string_equal(newest(f), "");
}

static void it_is_told_to_who_asks_for_it_and_looks_after_people(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    char *administrator = token_of(f, "a", ADMINISTRATOR, NULL), *bound = token_of(f, "b", ADMINISTRATOR, "oslo"),
         *operator_ = token_of(f, "o", OPERATOR, NULL);
    assert_int_equal(status_for(f, administrator), 200);
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 4);
    assert_int_equal(status_for(f, bound), 403);
    assert_int_equal(status_for(f, operator_), 403);
    assert_refused(f, 403, "Forbidden", "people.read");
    fixture_ask_as(f, "GET", "/api/events?" VERSION, "", false, administrator);
    assert_answer(f, 200, "{\"value\":[]}");
    fixture_ask_as(f, "GET", "/api/events?kind=created,updated,deleted&" VERSION, "", false, operator_);
    assert_answer(f, 200, "{\"value\":[]}");
    free(administrator);
    free(bound);
    free(operator_);
}

static void a_patch_of_many_names_tells_a_few(void **state)
{
    struct fixture *f = *state;
    char body[4000] = "{\"displayName\":\"O\"";
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    for (int i = 0; i < 100; i++)
        snprintf(body + strlen(body), sizeof body - strlen(body), ",\"n%d\":null", i);
    strcat(body, "}");
    ask(f, "PATCH", "/api/organizations/oslo", body);
    (void)newest(f);
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value.0.body.updated.properties")), 20);
}

#define AUDITED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_told_here_or_by_events_of_its_own),
        AUDITED(a_device_is_created_updated_and_deleted),
        AUDITED(each_kind_of_thing_is_named),
        AUDITED(the_actor_is_the_token_and_no_secret_is_told),
        AUDITED(what_was_refused_is_not_told),
        AUDITED(it_is_told_to_who_asks_for_it_and_looks_after_people),
        AUDITED(a_patch_of_many_names_tells_a_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
