/* Views of device templates. The kinds of tiles are test_central_dashboards.c's. */
#include "support/core_fixture.h"

#define TEMPLATE(version) "/api/deviceTemplates/dtmi:acme:pump;" version
#define VIEWS TEMPLATE("1") "/views"
#define INTERFACE(version, contents) \
    "{\"@context\":[\"dtmi:dtdl:context;2\",\"dtmi:iotcentral:context;2\"],\"@id\":\"dtmi:acme:model;" version \
    "\",\"@type\":\"Interface\",\"contents\":[" contents "]}"
#define FLOW "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}"
#define SETPOINT "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true}"
#define CITY "{\"@type\":[\"Property\",\"Cloud\"],\"name\":\"city\",\"schema\":\"string\"}"
#define PURGE "{\"@type\":\"Command\",\"name\":\"purge\"}"
#define MOTOR \
    "{\"@type\":\"Component\",\"name\":\"motor\",\"schema\":{\"@id\":\"dtmi:acme:motor;1\",\"@type\":\"Interface\"," \
    "\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"speed\",\"schema\":\"double\"}]}}"
#define ALL FLOW "," SETPOINT "," CITY "," PURGE "," MOTOR

#define TILE(configuration) "{\"displayName\":\"t\",\"configuration\":" configuration "}"
#define SHOWS(type, name) TILE("{\"type\":\"" type "\",\"capabilities\":[{\"capability\":\"" name "\"}]}")
#define VIEW(kind, tiles) "{\"displayName\":\"v\",\"kind\":\"" kind "\",\"tiles\":[" tiles "]}"

static void put_well(struct fixture *f, const char *target, const char *body)
{
    fixture_ask(f, "PUT", target, body);
    if (f->status != 200)
        fail_msg("%s %s: %s", target, body, f->text);
}

static int set_up(void **state)
{
    *state = fixture_create(false);
    put_well(*state, TEMPLATE("1"), INTERFACE("1", ALL));
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void a_view_shows_what_its_template_has_on_the_device_that_is_looked_at(void **state)
{
    static const char *const TILES[] = {
        SHOWS("lineChart", "flow"),
        SHOWS("lkv", "motor.speed"),
        SHOWS("property", "setpoint"),
        SHOWS("property", "city"),
        TILE("{\"type\":\"command\",\"command\":\"purge\"}"),
        TILE("{\"type\":\"markdown\",\"description\":\"x\"}"),
    };
    struct fixture *f = *state;
    char body[500];
    for (size_t i = 0; i < sizeof TILES / sizeof TILES[0]; i++) {
        snprintf(body, sizeof body, VIEW("dashboard", "%s"), TILES[i]);
        put_well(f, VIEWS "/v", body);
        char *kept = cJSON_PrintUnformatted(fixture_at(f, "tiles.0"));
        assert_string_equal(kept, TILES[i]);
        assert_null(fixture_at(f, "missing"));
        cJSON_free(kept);
    }
}

static void a_view_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "\"displayName\" of a view"},
        {"{\"displayName\":\"\"}", "\"displayName\" of a view"},
        {"{\"displayName\":\"v\",\"kind\":\"page\"}", "\"kind\" of a view"},
        {"{\"displayName\":\"v\",\"order\":-1}", "\"order\" of a view"},
        {"{\"displayName\":\"v\",\"order\":1.5}", "\"order\" of a view"},
        {"{\"displayName\":\"v\",\"order\":1e300}", "\"order\" of a view"},
        {"{\"displayName\":\"v\",\"favorite\":true}", "\"favorite\" is not a member"},
        {VIEW("dashboard", SHOWS("lkv", "steam")), "The template has no telemetry \"steam\""},
        {VIEW("dashboard", SHOWS("lkv", "motor.flow")), "The template has no telemetry \"motor.flow\""},
        {VIEW("dashboard", SHOWS("lkv", "setpoint")), "The template has no telemetry \"setpoint\""},
        {VIEW("dashboard", SHOWS("property", "flow")), "The template has no property \"flow\""},
        {VIEW("dashboard", TILE("{\"type\":\"command\",\"command\":\"fly\"}")), "no command \"fly\""},
        {VIEW("dashboard", TILE("{\"type\":\"lkv\"}")), "lacks \"capabilities\""},
        {VIEW("dashboard", TILE("{\"type\":\"lkv\",\"group\":\"g\",\"capabilities\":[]}")), "has \"group\""},
        {VIEW("dashboard", TILE("{\"type\":\"lkv\",\"devices\":[\"d\"],\"capabilities\":[]}")), "has \"devices\""},
        {VIEW("dashboard", TILE("{\"type\":\"command\",\"command\":\"purge\",\"device\":\"d\"}")),
         "has \"device\""},
        {VIEW("dashboard", TILE("{\"type\":\"deviceCount\",\"group\":\"g\"}")), "only dashboards have"},
        {VIEW("form", SHOWS("lkv", "flow")), "not of forms"},
        {VIEW("form", SHOWS("property", "flow")), "The template has no property \"flow\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", VIEWS "/v", CASES[i][0]);
        if (f->status != 400)
            fail_msg("%s: %d", CASES[i][0], f->status);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "GET", VIEWS, "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void a_view_stays_in_its_place_and_a_new_one_comes_last(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/a", "{\"displayName\":\"a\"}");
    put_well(f, VIEWS "/b", "{\"displayName\":\"b\"}");
    assert_int_equal(fixture_at(f, "order")->valueint, 1);
    put_well(f, VIEWS "/a", "{\"displayName\":\"a\",\"order\":7}");
    put_well(f, VIEWS "/a", "{\"displayName\":\"c\"}");
    assert_int_equal(fixture_at(f, "order")->valueint, 7);
    assert_string_equal(fixture_text(f, "kind"), "dashboard");
}

static void an_older_etag_does_not_change_a_view(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", VIEW("form", SHOWS("property", "setpoint")));
    char *before = strdup(f->text);
    put_well(f, VIEWS "/v", before);
    assert_string_equal(f->text, before);
    fixture_ask(f, "PATCH", VIEWS "/v", "{\"displayName\":\"w\"}");
    assert_string_equal(fixture_text(f, "tiles.0.configuration.type"), "property");
    fixture_ask(f, "PUT", VIEWS "/v", before);
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    free(before);
}

static void a_template_has_twenty_views_of_its_own_at_most(void **state)
{
    struct fixture *f = *state;
    char target[100];
    put_well(f, TEMPLATE("2"), INTERFACE("2", FLOW));
    put_well(f, TEMPLATE("2") "/views/other", "{\"displayName\":\"x\"}");
    for (int i = 0; i < 20; i++) {
        snprintf(target, sizeof target, VIEWS "/v%d", i);
        put_well(f, target, "{\"displayName\":\"x\"}");
    }
    fixture_ask(f, "PUT", VIEWS "/v20", "{\"displayName\":\"x\"}");
    assert_refused(f, 422, "UnprocessableEntity", "A device template has at most 20 of these");
    put_well(f, VIEWS "/v0", "{\"displayName\":\"y\"}");
    fixture_ask(f, "GET", VIEWS, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 20);
}

static void a_view_has_64_kilobytes_at_most(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, 70000);
    snprintf(body, 70000, "{\"displayName\":\"v\"%*s}", 65600, "");
    fixture_ask(f, "PUT", VIEWS "/v", body);
    assert_refused(f, 413, "PayloadTooLarge", "65536 bytes");
    free(body);
}

/* A document is parsed to be shown, which keeps the service from everything else meanwhile. */
static void large_views_come_in_more_pages(void **state)
{
    struct fixture *f = *state;
    char target[400], *body = calloc(1, 70000);
    int seen = 0;
    snprintf(body, 70000,
             "{\"displayName\":\"v\",\"tiles\":[{\"displayName\":\"t\",\"configuration\":{\"type\":\"image\","
             "\"image\":\"%060000d\"}}]}",
             0);
    for (int i = 0; i < 9; i++) {
        snprintf(target, sizeof target, VIEWS "/v%d", i);
        put_well(f, target, body);
    }
    snprintf(target, sizeof target, VIEWS);
    for (int page = 0; page < 3; page++) {
        fixture_ask(f, "GET", target, "");
        seen += cJSON_GetArraySize(fixture_at(f, "value"));
        assert_int_equal(fixture_at(f, "nextLink") != NULL, page < 2);
        if (page < 2)
            snprintf(target, sizeof target, VIEWS "%s", strchr(fixture_text(f, "nextLink"), '?'));
    }
    assert_int_equal(seen, 9);
    free(body);
}

static void a_view_names_two_hundred_capabilities_at_most(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, 20000);
    size_t len = (size_t)sprintf(body, "{\"displayName\":\"v\",\"tiles\":[");
    for (int tile = 0; tile < 3; tile++) {
        len += (size_t)sprintf(body + len,
                               "%s{\"displayName\":\"t\",\"configuration\":{\"type\":\"lkv\",\"capabilities\":[",
                               tile > 0 ? "," : "");
        for (int i = 0; i < 67; i++)
            len += (size_t)sprintf(body + len, "%s{\"capability\":\"flow\"}", i > 0 ? "," : "");
        len += (size_t)sprintf(body + len, "]}}");
    }
    (void)sprintf(body + len, "]}");
    fixture_ask(f, "PUT", VIEWS "/v", body);
    assert_refused(f, 400, "InvalidBody", "at most 200 capabilities");
    free(body);
}

static void what_the_template_lost_is_shown_as_missing_and_may_stay(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", VIEW("dashboard", SHOWS("lkv", "flow") "," SHOWS("lineChart", "flow")));
    put_well(f, TEMPLATE("1"), INTERFACE("1", SETPOINT));
    fixture_ask(f, "GET", VIEWS "/v", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "missing")), 1);
    assert_string_equal(fixture_text(f, "missing.0"), "flow");
    char *shown = strdup(f->text);
    put_well(f, VIEWS "/v", shown);
    fixture_ask(f, "PUT", VIEWS "/w", VIEW("dashboard", SHOWS("lkv", "flow")));
    assert_refused(f, 400, "InvalidBody", "The template has no telemetry \"flow\"");
    free(shown);
}

static void a_new_version_takes_the_views_of_the_one_before_along(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", VIEW("dashboard", SHOWS("lkv", "flow")));
    put_well(f, TEMPLATE("10"), INTERFACE("10", SETPOINT));
    put_well(f, TEMPLATE("10") "/views/w", "{\"displayName\":\"w\"}");
    put_well(f, TEMPLATE("9"), INTERFACE("9", FLOW)); /* 1 is the nearest below */
    fixture_ask(f, "GET", TEMPLATE("9") "/views", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_null(fixture_at(f, "value.0.missing"));
    put_well(f, TEMPLATE("11"), INTERFACE("11", SETPOINT)); /* 10 is */
    fixture_ask(f, "GET", TEMPLATE("11") "/views", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 2);
    assert_string_equal(fixture_text(f, "value.0.missing.0"), "flow");
}

static void another_template_takes_no_views_along(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", VIEW("dashboard", SHOWS("lkv", "flow")));
    put_well(f, "/api/deviceTemplates/dtmi:acme:pumps;2",
             "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:acme:others;2\",\"@type\":\"Interface\","
             "\"contents\":[]}");
    fixture_ask(f, "GET", "/api/deviceTemplates/dtmi:acme:pumps;2/views", "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void a_template_that_is_replaced_keeps_its_views(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", VIEW("form", SHOWS("property", "setpoint")));
    put_well(f, TEMPLATE("1"), INTERFACE("1", ALL));
    fixture_ask(f, "GET", VIEWS "/v", "");
    assert_int_equal(f->status, 200);
}

static void views_go_with_their_template(void **state)
{
    struct fixture *f = *state;
    put_well(f, VIEWS "/v", "{\"displayName\":\"v\"}");
    fixture_ask(f, "DELETE", TEMPLATE("1"), "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", VIEWS, "");
    assert_refused(f, 404, "NotFound", "Device template dtmi:acme:pump;1 does not exist");
    put_well(f, TEMPLATE("1"), INTERFACE("1", ALL));
    fixture_ask(f, "GET", VIEWS, "");
    assert_answer(f, 200, "{\"value\":[]}");
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_view_shows_what_its_template_has_on_the_device_that_is_looked_at),
        STAGED(a_view_that_cannot_be_is_refused),
        STAGED(a_view_stays_in_its_place_and_a_new_one_comes_last),
        STAGED(an_older_etag_does_not_change_a_view),
        STAGED(a_template_has_twenty_views_of_its_own_at_most),
        STAGED(a_view_has_64_kilobytes_at_most),
        STAGED(large_views_come_in_more_pages),
        STAGED(a_view_names_two_hundred_capabilities_at_most),
        STAGED(what_the_template_lost_is_shown_as_missing_and_may_stay),
        STAGED(a_new_version_takes_the_views_of_the_one_before_along),
        STAGED(another_template_takes_no_views_along),
        STAGED(a_template_that_is_replaced_keeps_its_views),
        STAGED(views_go_with_their_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
