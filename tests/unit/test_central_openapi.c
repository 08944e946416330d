/* The OpenAPI document. tests/system/openapi.sh holds it against the standard. */
#include "central/rest/rest_routes.h"
#include "central/rest/rest_schemas.h"
#include "support/core_fixture.h"

static int set_up(void **state)
{
    struct fixture *f = fixture_create(true);
    fixture_ask(f, "GET", "/openapi.json", "");
    *state = f;
    return f->status == 200 ? 0 : 1;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static const cJSON *find(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void every_form_that_a_route_names_is_described(void **state)
{
    const struct rest_route *route;
    (void)state;
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++) {
        if (route->takes != NULL && !rest_schema_known(route->takes))
            fail_msg("%s %s takes %s, which rest_schemas.c does not have", route->method, route->pattern,
                     route->takes);
        if (route->gives != NULL && !rest_schema_known(route->gives))
            fail_msg("%s %s gives %s, which rest_schemas.c does not have", route->method, route->pattern,
                     route->gives);
        if (route->body != REST_BODY_OPTIONAL && (route->body == REST_BODY_NONE) != (route->takes == NULL))
            fail_msg("%s %s: body and form do not fit", route->method, route->pattern);
        assert_true((route->status == 204) == (route->gives == NULL));
        assert_true(route->summary[0] >= 'A' && route->summary[0] <= 'Z');
        assert_int_not_equal(route->summary[strlen(route->summary) - 1], '.');
    }
}

static void every_route_is_an_operation_with_an_id_of_its_own(void **state)
{
    const struct fixture *f = *state;
    const struct rest_route *route;
    const cJSON *path, *operation;
    cJSON *seen = cJSON_CreateObject();
    size_t count = 0;
    while ((route = rest_route_at(count)) != NULL)
        count++;
    cJSON_ArrayForEach(path, find(f->json, "paths"))
    {
        cJSON_ArrayForEach(operation, path)
        {
            const char *id = cJSON_GetStringValue(find(operation, "operationId"));
            assert_null(find(seen, id));
            cJSON_AddTrueToObject(seen, id);
        }
    }
    assert_int_equal(cJSON_GetArraySize(seen), count);
    cJSON_Delete(seen);
}

static void an_operation_says_what_it_takes_gives_and_needs(void **state)
{
    const struct fixture *f = *state;
    const cJSON *path = find(find(f->json, "paths"), "/api/devices/{deviceId}/commands/{commandName}");
    const cJSON *post = find(path, "post");
    char *text = cJSON_PrintUnformatted(post);
    assert_string_equal(cJSON_GetStringValue(find(post, "operationId")),
                        "postDevicesByDeviceIdCommandsByCommandName");
    assert_string_equal(cJSON_GetStringValue(find(post, "x-spoke-right")), "command.run");
    assert_non_null(strstr(text, "{\"name\":\"deviceId\",\"in\":\"path\",\"required\":true"));
    assert_non_null(strstr(text, "\"201\":{\"description\":\"The answer.\""));
    assert_non_null(strstr(text, "#/components/schemas/Command"));
    assert_non_null(find(find(find(post, "responses"), "default"), "$ref"));
    cJSON_free(text);
}

/* Does the GET of the path take the query parameter? */
static bool takes(const struct fixture *f, const char *path, const char *name)
{
    const cJSON *get = find(find(find(f->json, "paths"), path), "get"), *item = NULL;
    assert_non_null(get);
    cJSON_ArrayForEach(item, find(get, "parameters"))
    {
        const char *in = cJSON_GetStringValue(find(item, "in"));
        if (in != NULL && strcmp(in, "query") == 0 && strcmp(cJSON_GetStringValue(find(item, "name")), name) == 0)
            return true;
    }
    return false;
}

static void every_query_parameter_is_described(void **state)
{
    static const struct {
        const char *path, *names[10];
    } CASES[] = {
        {"/api/devices", {"$top", "maxpagesize", "$skiptoken", "$filter", "filter", "$orderby", "orderby"}},
        {"/api/events", {"$top", "deviceId", "group", "kind", "after", "before", "order", "from", "to"}},
        {"/api/events/stream", {"deviceId", "kind", "after"}},
        {"/api/devices/{deviceId}/telemetry/{telemetryName}/history", {"from", "to", "buckets"}},
        {"/api/devices/{deviceId}/components/{componentName}/telemetry/{telemetryName}/history", {"buckets"}},
    };
    const struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        for (size_t j = 0; CASES[i].names[j] != NULL; j++)
            if (!takes(f, CASES[i].path, CASES[i].names[j]))
                fail_msg("%s is silent about %s", CASES[i].path, CASES[i].names[j]);
    assert_false(takes(f, "/api/users", "$filter"));
}

static void a_stream_is_described_as_one(void **state)
{
    const struct fixture *f = *state;
    const cJSON *get = find(find(find(f->json, "paths"), "/api/events/stream"), "get");
    const cJSON *good = find(find(get, "responses"), "200");
    assert_non_null(find(find(good, "content"), "text/event-stream"));
    assert_null(find(find(good, "content"), "application/json"));
}

static void a_patch_may_be_a_merge_patch(void **state)
{
    const struct fixture *f = *state;
    const cJSON *patch = find(find(find(f->json, "paths"), "/api/users/{userId}"), "patch");
    assert_non_null(find(find(find(patch, "requestBody"), "content"), "application/merge-patch+json"));
}

static void without_control_mode_it_is_silent_about_the_control_area(void **state)
{
    struct fixture *f = fixture_create(false);
    (void)state;
    fixture_ask(f, "GET", "/openapi.json", "");
    assert_null(strstr(f->text, "/control/"));
    fixture_destroy(f);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_that_a_route_names_is_described),
        STAGED(every_route_is_an_operation_with_an_id_of_its_own),
        STAGED(an_operation_says_what_it_takes_gives_and_needs),
        STAGED(every_query_parameter_is_described),
        STAGED(a_stream_is_described_as_one),
        STAGED(a_patch_may_be_a_merge_patch),
        cmocka_unit_test(without_control_mode_it_is_silent_about_the_control_area),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
