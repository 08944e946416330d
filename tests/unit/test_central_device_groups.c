/* Device groups: filters, and who they take. */
#include "central/rest/device_group.h"
#include "support/core_fixture.h"

#define GROUP "/api/deviceGroups/g-1"

static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    *state = f;
    ask(f, "PUT", "/api/deviceTemplates/dtmi:a:pump;1",
        "{\"@id\":\"dtmi:a:pump;1\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
        "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"displayName\":\"Pump\","
        "\"capabilityModel\":{\"@id\":\"dtmi:a:m;1\",\"@type\":\"Interface\",\"contents\":["
        "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"},"
        "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true},"
        "{\"@type\":[\"Property\",\"Cloud\",\"StringValue\"],\"name\":\"city\",\"schema\":\"string\"}]}}");
    ask(f, "PUT", "/api/devices/d1", "{\"template\":\"dtmi:a:pump;1\",\"displayName\":\"North one\"}");
    ask(f, "PUT", "/api/devices/d2", "{\"template\":\"dtmi:a:pump;1\",\"enabled\":false}");
    ask(f, "PUT", "/api/devices/d3", "{\"template\":\"dtmi:a:other;1\"}");
    ask(f, "PUT", "/api/devices/d4", "{}");
    ask(f, "PATCH", "/api/devices/d1/properties", "{\"city\":\"Oslo\"}");
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void make(struct fixture *f, const char *filter)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "displayName", "G");
    cJSON_AddStringToObject(body, "filter", filter);
    char *text = cJSON_PrintUnformatted(body);
    fixture_ask(f, "PUT", GROUP, text);
    cJSON_free(text);
    cJSON_Delete(body);
}

/* The ids of the group's devices, "d1 d2 ". */
static const char *members(struct fixture *f, const char *target)
{
    static char ids[200];
    const cJSON *item;
    ask(f, "GET", target, "");
    ids[0] = '\0';
    cJSON_ArrayForEach(item, fixture_at(f, "value"))
    {
        strcat(ids, cJSON_GetObjectItem(item, "id")->valuestring);
        strcat(ids, " ");
    }
    return ids;
}

static void a_group_is_kept_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", GROUP,
                "{\"displayName\":\"G\",\"description\":\"d\",\"filter\":\"SELECT * FROM devices\"}");
    assert_answer(f, 200,
                  "{\"id\":\"g-1\",\"etag\":\"\\\"19cb73d3271\\\"\",\"displayName\":\"G\",\"description\":\"d\","
                  "\"filter\":\"SELECT * FROM devices\"}");
    fixture_ask(f, "PATCH", GROUP, "{\"description\":null,\"displayName\":\"H\"}");
    assert_string_equal(fixture_text(f, "displayName"), "H");
    assert_null(fixture_at(f, "description"));
    fixture_ask(f, "GET", "/api/deviceGroups", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "g-1");
    fixture_ask(f, "DELETE", GROUP, "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", GROUP, "");
    assert_refused(f, 404, "NotFound", "Device group g-1 does not exist");
    fixture_ask(f, "GET", GROUP "/devices", "");
    assert_refused(f, 404, "NotFound", "Device group g-1 does not exist");
}

static void a_filter_takes_the_devices_that_it_says(void **state)
{
    static const char *const CASES[][2] = {
        {"SELECT * FROM devices", "d1 d2 d3 "}, /* d4 has no template */
        {"SELECT * FROM dtmi:a:pump;1", "d1 d2 "},
        {"SELECT * FROM devices WHERE $template = \"dtmi:a:pump;1\" AND $enabled = true", "d1 "},
        {"SELECT * FROM devices WHERE $template = \"dtmi:a:none;1\"", ""},
        {"SELECT * FROM devices WHERE $id IN ['d1','d3','d4']", "d1 d3 "},
        {"SELECT * FROM devices WHERE STARTSWITH($displayName, 'North')", "d1 "},
        {"SELECT * FROM devices WHERE city = 'Oslo'", "d1 "},
        {"SELECT * FROM dtmi:a:pump;1 WHERE NOT city = 'Oslo'", "d2 "},
        {"SELECT * FROM devices WHERE $provisioned = true OR $simulated = true", ""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        make(f, CASES[i][0]);
        if (f->status != 200)
            fail_msg("%s: %s", CASES[i][0], f->text);
        if (strcmp(members(f, GROUP "/devices"), CASES[i][1]) != 0)
            fail_msg("%s: %s", CASES[i][0], members(f, GROUP "/devices"));
    }
}

static void a_reported_value_counts_without_its_acknowledgement(void **state)
{
    struct fixture *f = *state;
    ask(f, "DELETE", "/api/devices/d4", "");
    fixture_connect(f, "d4");
    ask(f, "PATCH", "/api/devices/d4", "{\"template\":\"dtmi:a:pump;1\"}");
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1",
                    "{\"setpoint\":{\"value\":5,\"ac\":200,\"av\":1},\"part\":{\"__t\":\"c\",\"x\":\"y\"}}", 0);
    make(f, "SELECT * FROM devices WHERE setpoint >= 5 AND part.x = 'y'");
    assert_string_equal(members(f, GROUP "/devices"), "d4 ");
}

static void the_devices_of_a_group_come_in_pages(void **state)
{
    struct fixture *f = *state;
    make(f, "SELECT * FROM devices");
    assert_string_equal(members(f, GROUP "/devices?$top=2"), "d1 d2 ");
    assert_string_equal(fixture_text(f, "nextLink"),
                        "https://localhost:1/api/deviceGroups/g-1/devices?$top=2&%24skiptoken=d2");
    assert_string_equal(members(f, GROUP "/devices?$top=2&$skiptoken=d2"), "d3 ");
    assert_null(fixture_at(f, "nextLink"));
    fixture_ask(f, "GET", GROUP "/devices?$top=0", "");
    assert_refused(f, 400, "InvalidQuery", "$top");
}

static void a_group_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "\"displayName\" of a device group is missing"},
        {"{\"displayName\":\"x\"}", "\"filter\" of a device group is missing"},
        {"{\"displayName\":\"\",\"filter\":\"SELECT * FROM devices\"}", "1 to 1024 bytes"},
        {"{\"displayName\":1,\"filter\":\"SELECT * FROM devices\"}", "has to be a string"},
        {"{\"displayName\":\"x\",\"filter\":\"SELECT\"}", "at character 7: "},
        {"{\"displayName\":\"x\",\"filter\":\"SELECT * FROM dtmi:a:none;1\"}", "no such device template"},
        {"{\"displayName\":\"x\",\"filter\":\"SELECT * FROM dtmi:a:pump;1 WHERE flow > 1\"}", "not by telemetry"},
        {"{\"displayName\":\"x\",\"filter\":\"SELECT * FROM dtmi:a:pump;1 WHERE x > 1\"}",
         "no telemetry or property"},
        {"{\"displayName\":\"x\",\"filter\":\"SELECT * FROM devices\",\"y\":1}", "\"y\" is not a member"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", GROUP, CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "PUT", "/api/deviceGroups/a.b", "{\"displayName\":\"x\",\"filter\":\"SELECT * FROM devices\"}");
    assert_refused(f, 400, "InvalidRequest", "letters, digits");
}

static void a_group_of_an_organization_has_its_devices_and_those_below(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/norway", "{\"displayName\":\"N\"}");
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\",\"parent\":\"norway\"}");
    ask(f, "PATCH", "/api/devices/d1", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PATCH", "/api/devices/d2", "{\"organizations\":[\"norway\"]}");
    ask(f, "PUT", GROUP,
        "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"norway\"]}");
    assert_string_equal(members(f, GROUP "/devices"), "d1 d2 ");
    ask(f, "PATCH", GROUP, "{\"organizations\":[\"oslo\"]}");
    assert_string_equal(members(f, GROUP "/devices"), "d1 ");
    ask(f, "PUT", "/api/apiTokens/t",
        "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    ask(f, "PATCH", GROUP, "{\"organizations\":[\"norway\",\"oslo\"]}");
    fixture_ask_as(f, "GET", GROUP "/devices?api-version=2022-07-31", "", false, token);
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    free(token);
}

static void a_group_that_hardly_anything_is_in_gives_short_pages(void **state)
{
    struct fixture *f = *state;
    char id[20];
    unsigned pages = 1;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "n%04u", i);
        struct store_device row = {
            .id = id, .template_id = "dtmi:x:y;1", .enabled = true, .approved = true, .simulated = i == 4500};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
    }
    ask(f, "PUT", GROUP, "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices WHERE $simulated = true\"}");
    fixture_ask(f, "GET", GROUP "/devices", "");
    unsigned found = 0;
    for (; pages < 20; pages++) {
        if (strcmp(fixture_text(f, "value.0.id"), "n4500") == 0)
            found++;
        if (fixture_at(f, "nextLink") == NULL)
            break;
        char *link = strdup(strstr(fixture_text(f, "nextLink"), "/api/"));
        fixture_ask(f, "GET", link, "");
        free(link);
    }
    assert_int_equal(found, 1);
    assert_in_range(pages, 5, 6);
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

/* No organization that could be found is not all of them. */
static void the_reach_of_a_group_is_no_wider_without_memory(void **state)
{
    struct fixture *f = *state;
    cJSON_Hooks hooks = {.malloc_fn = no_memory, .free_fn = free};
    cJSON *reach = NULL;
    cJSON_InitHooks(&hooks);
    const spoke_status status = device_group_reach(f->bench.core, "[\"oslo\"]", &reach);
    cJSON_InitHooks(NULL);
    assert_int_equal(status, SPOKE_E_NO_MEMORY);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(a_group_is_kept_as_it_was_put),
        WITH_CORE(a_filter_takes_the_devices_that_it_says),
        WITH_CORE(a_reported_value_counts_without_its_acknowledgement),
        WITH_CORE(the_devices_of_a_group_come_in_pages),
        WITH_CORE(a_group_that_cannot_be_is_refused),
        WITH_CORE(a_group_of_an_organization_has_its_devices_and_those_below),
        WITH_CORE(a_group_that_hardly_anything_is_in_gives_short_pages),
        WITH_CORE(the_reach_of_a_group_is_no_wider_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
