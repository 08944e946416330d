/* Dashboards, and the modules that no device has. */
#include "support/core_fixture.h"

#define PATH "/api/dashboards/dtmi:acme:dash1"

static int set_up(void **state)
{
    *state = fixture_create(false);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void put_tile(struct fixture *f, const char *configuration)
{
    char body[2000];
    snprintf(body, sizeof body,
             "{\"displayName\":\"d\",\"tiles\":[{\"displayName\":\"t\",\"x\":0,\"y\":0,\"width\":2,\"height\":2,"
             "\"configuration\":%s}]}",
             configuration);
    fixture_ask(f, "PUT", PATH, body);
}

#define DATA \
    "\"group\":\"g\",\"devices\":[\"d1\"],\"capabilities\":[{\"capability\":\"flow\",\"aggregateFunction\":\"avg\"}]"
#define TIME "\"queryRange\":{\"type\":\"time\",\"duration\":\"PT30M\",\"resolution\":\"PT1M\"}"
#define COUNT "\"queryRange\":{\"type\":\"count\",\"count\":100}"
#define CHART "\"format\":{\"xAxisEnabled\":true,\"yAxisEnabled\":true,\"legendEnabled\":true}"
#define WORDS \
    "\"format\":{\"abbreviateValue\":false,\"decimalPlaces\":1,\"textSize\":14,\"textSizeUnit\":\"pt\",\"wordWrap\":true}"

static void a_tile_of_each_type_is_kept(void **state)
{
    static const char *const TILES[] = {
        "{\"type\":\"lineChart\"," DATA "," TIME "," CHART "}",
        "{\"type\":\"lineChart\"," DATA "," COUNT "}",
        "{\"type\":\"barChart\"," DATA "," TIME "}",
        "{\"type\":\"pieChart\"," DATA "," TIME "}",
        "{\"type\":\"heatMapChart\"," DATA "," TIME "}",
        "{\"type\":\"kpi\"," DATA "," TIME "," WORDS "}",
        "{\"type\":\"lkv\"," DATA "," WORDS ",\"showTrend\":true}",
        "{\"type\":\"property\"," DATA "," WORDS "}",
        "{\"type\":\"eventChart\"," DATA "," TIME "}",
        "{\"type\":\"stateChart\"," DATA "," COUNT "}",
        "{\"type\":\"eventHistoryChart\"," DATA "," TIME "," WORDS "}",
        "{\"type\":\"stateHistoryChart\"," DATA "," TIME "," WORDS "}",
        "{\"type\":\"mapProperty\"," DATA ",\"zoomLevel\":24}",
        "{\"type\":\"mapTelemetry\"," DATA ",\"zoomLevel\":0}",
        "{\"type\":\"deviceCount\",\"group\":\"g\"," WORDS "}",
        "{\"type\":\"command\",\"group\":\"g\",\"command\":\"purge\",\"device\":\"d1\"}",
        "{\"type\":\"markdown\",\"description\":\"# x\",\"href\":\"https://example.com\"}",
        "{\"type\":\"image\",\"image\":\"a\",\"format\":{\"fitImage\":true,\"showTitle\":false,\"textSizeUnit\":\"px\"}}",
        "{\"type\":\"image\",\"format\":{\"textSize\":0,\"textSizeUnit\":\"px\"},\"image\":\"\"}", /* as the cloud has one without text */
        "{\"type\":\"label\",\"text\":\"x\",\"textSize\":24,\"textSizeUnit\":\"pt\",\"wordWrap\":true}",
        "{\"type\":\"externalContent\",\"sourceUrl\":\"https://example.com/\"}",
        "{\"type\":\"dataExplorer\",\"query\":\"q\"," TIME "}",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof TILES / sizeof TILES[0]; i++) {
        put_tile(f, TILES[i]);
        if (f->status != 200)
            fail_msg("%s: %s", TILES[i], f->text);
        char *kept = cJSON_PrintUnformatted(fixture_at(f, "tiles.0.configuration"));
        assert_string_equal(kept, TILES[i]);
        cJSON_free(kept);
    }
}

static void a_tile_that_cannot_be_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "tiles[0].configuration has no \"type\""},
        {"{\"type\":\"gauge\"}", "has no \"type\" of tile that is known"},
        {"{\"type\":\"kpi\",\"group\":\"g\",\"devices\":[]}",
         "lacks \"capabilities\", which a tile of type kpi has"},
        {"{\"type\":\"kpi\"," DATA ",\"zoomLevel\":1}", "has \"zoomLevel\", which a tile of type kpi has not"},
        {"{\"type\":\"kpi\"," DATA "," COUNT "}", "not of type \"time\""},
        {"{\"type\":\"lkv\"," DATA "," TIME "}", "has \"queryRange\", which a tile of type lkv has not"},
        {"{\"type\":\"kpi\"," DATA ",\"colour\":1}", "\"colour\" is not a member of tiles[0].configuration"},
        {"{\"type\":\"kpi\"," DATA ",\"queryRange\":{\"type\":\"time\",\"duration\":\"PT7M\"}}",
         "\"duration\" is not"},
        {"{\"type\":\"kpi\"," DATA
         ",\"queryRange\":{\"type\":\"time\",\"duration\":\"P1D\",\"resolution\":\"PT7M\"}}",
         "\"resolution\" is not"},
        {"{\"type\":\"lineChart\"," DATA ",\"queryRange\":{\"type\":\"count\",\"count\":0}}", "from 1 to 100"},
        {"{\"type\":\"lineChart\"," DATA ",\"queryRange\":{\"type\":\"time\",\"count\":5}}", "queryRange"},
        {"{\"type\":\"kpi\",\"group\":\"g\",\"devices\":[1],\"capabilities\":[]}", "device that is not a string"},
        {"{\"type\":\"kpi\",\"group\":\"g\",\"devices\":[],\"capabilities\":[1]}",
         "capability that is not an object"},
        {"{\"type\":\"kpi\",\"group\":\"g\",\"devices\":[],\"capabilities\":[{}]}", "without \"capability\""},
        {"{\"type\":\"kpi\",\"group\":\"g\",\"devices\":[],\"capabilities\":[{\"capability\":\"a\","
         "\"aggregateFunction\":\"median\"}]}",
         "\"aggregateFunction\" that is not"},
        {"{\"type\":\"mapProperty\"," DATA ",\"zoomLevel\":25}", "from 0 to 24"},
        {"{\"type\":\"kpi\"," DATA ",\"format\":{\"decimalPlaces\":1.5}}", "\"decimalPlaces\""},
        {"{\"type\":\"kpi\"," DATA ",\"format\":{\"textSize\":-1}}", "\"textSize\""},
        {"{\"type\":\"kpi\"," DATA ",\"format\":{\"colour\":1}}", "\"colour\" is not a member"},
        {"{\"type\":\"markdown\",\"description\":\"x\",\"href\":\"javascript:alert(1)\"}",
         "\"href\" that does not begin"},
        {"{\"type\":\"markdown\",\"description\":\"x\",\"href\":\"//example.com\"}",
         "\"href\" that does not begin"},
        {"{\"type\":\"externalContent\",\"sourceUrl\":\"http://example.com\"}",
         "\"sourceUrl\" that does not begin"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        put_tile(f, CASES[i][0]);
        if (f->status != 400)
            fail_msg("%s: %d", CASES[i][0], f->status);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "GET", PATH, "");
    assert_refused(f, 404, "NotFound", "Dashboard dtmi:acme:dash1 does not exist");
}

static void a_dashboard_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "\"displayName\" of a dashboard"},
        {"{\"displayName\":\"\"}", "\"displayName\" of a dashboard"},
        {"{\"displayName\":\"x\",\"personal\":true}", "\"personal\""},
        {"{\"displayName\":\"x\",\"tiles\":[1]}", "tiles[0] is not an object"},
        {"{\"displayName\":\"x\",\"tiles\":[{}]}", "tiles[0] lacks a \"displayName\""},
        {"{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\"}]}", "tiles[0] lacks a \"configuration\""},
        {"{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\",\"x\":101}]}", "\"x\" or \"y\""},
        {"{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\",\"y\":0.5}]}", "\"x\" or \"y\""},
        {"{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\",\"width\":0}]}", "\"width\" or \"height\""},
        {"{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\",\"height\":1e300}]}",
         "\"width\" or \"height\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", PATH, CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "PUT", "/api/dashboards/a b", "{\"displayName\":\"x\"}");
    assert_refused(f, 400, "InvalidRequest", "A dashboard's id has");
}

static void a_dashboard_has_at_most_a_hundred_tiles(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, 101 * 80 + 100);
    strcpy(body, "{\"displayName\":\"x\",\"tiles\":[");
    for (size_t i = 0; i < 101; i++)
        strcat(body, "{\"displayName\":\"t\",\"configuration\":{\"type\":\"label\",\"text\":\"x\"}},");
    strcpy(body + strlen(body) - 1, "]}");
    fixture_ask(f, "PUT", PATH, body);
    assert_refused(f, 400, "InvalidBody", "at most 100 tiles");
    free(body);
}

/* The page offers it: a file of 100 KB is 133,360 characters in base64. */
static void a_dashboard_holds_a_picture_of_a_hundred_kilobytes(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, 150000);
    for (int more = 0; more <= 1; more++) {
        const size_t len = (size_t)snprintf(body, 150000,
                                            "{\"displayName\":\"x\",\"tiles\":[{\"displayName\":\"t\","
                                            "\"configuration\":{\"type\":\"image\",\"image\":\"");
        const size_t picture = 140000 + (size_t)more;
        memset(body + len, 'A', picture);
        (void)snprintf(body + len + picture, 10, "\"}}]}");
        fixture_ask(f, "PUT", PATH, body);
        if (more == 0)
            assert_int_equal(f->status, 200);
        else
            assert_refused(f, 400, "InvalidBody", "an \"image\" of more than 140000 bytes");
    }
    free(body);
}

static void a_dashboard_is_changed_listed_and_deleted(void **state)
{
    struct fixture *f = *state;
    put_tile(f, "{\"type\":\"label\",\"text\":\"x\"}");
    assert_int_equal(f->status, 200);
    char *before = strdup(f->text);
    fixture_ask(f, "PUT", PATH, before);
    assert_answer(f, 200, before);
    fixture_ask(f, "PATCH", PATH, "{\"displayName\":\"other\"}");
    assert_string_equal(fixture_text(f, "displayName"), "other");
    assert_string_equal(fixture_text(f, "tiles.0.configuration.text"), "x");
    fixture_ask(f, "PUT", PATH, before);
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    fixture_ask(f, "GET", "/api/dashboards", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "dtmi:acme:dash1");
    fixture_ask(f, "DELETE", PATH, "");
    assert_answer(f, 204, "");
    fixture_ask(f, "DELETE", PATH, "");
    assert_int_equal(f->status, 404);
    free(before);
}

static void no_device_has_modules(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/devices/d1/modules", "");
    assert_refused(f, 404, "NotFound", "Device d1 does not exist");
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "GET", "/api/devices/d1/modules", "");
    assert_answer(f, 200, "{\"value\":[]}");
    fixture_ask(f, "GET", "/api/devices/d1/modules/m/components/c/telemetry/t", "");
    assert_refused(f, 404, "NotFound", "Device d1 has no module m");
    fixture_ask(f, "POST", "/api/devices/d1/modules/m/commands/c", "");
    assert_refused(f, 404, "NotFound", "Device d1 has no module m");
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_tile_of_each_type_is_kept),
        STAGED(a_tile_that_cannot_be_is_refused_by_place),
        STAGED(a_dashboard_that_cannot_be_is_refused),
        STAGED(a_dashboard_has_at_most_a_hundred_tiles),
        STAGED(a_dashboard_holds_a_picture_of_a_hundred_kilobytes),
        STAGED(a_dashboard_is_changed_listed_and_deleted),
        STAGED(no_device_has_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
