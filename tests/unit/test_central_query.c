/* POST /api/query over what devices sent and reported. */
#include "central/core/work.h"
#include "support/core_fixture.h"
#include <unistd.h>

#define TEMPLATE "dtmi:acme:pumpTemplate;2"
#define FORM \
    "{\"@id\":\"" TEMPLATE "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"]," \
    "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"displayName\":\"Pump\"," \
    "\"capabilityModel\":{\"@id\":\"dtmi:acme:pump;1\",\"@type\":\"Interface\",\"contents\":[" \
    "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}," \
    "{\"@type\":\"Telemetry\",\"name\":\"state\",\"schema\":\"string\"}," \
    "{\"@type\":\"Telemetry\",\"name\":\"motor\",\"schema\":{\"@type\":\"Object\",\"fields\":[" \
    "{\"name\":\"rpm\",\"schema\":\"integer\"}]}}," \
    "{\"@type\":\"Property\",\"name\":\"firmware\",\"schema\":\"string\"}," \
    "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true}," \
    "{\"@type\":[\"Property\",\"Cloud\",\"StringValue\"],\"name\":\"city\",\"schema\":\"string\"}," \
    "{\"@type\":\"Component\",\"name\":\"hydraulics\",\"schema\":{\"@id\":\"dtmi:acme:hydraulics;1\"," \
    "\"@type\":\"Interface\",\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"pressure\",\"schema\":\"double\"}," \
    "{\"@type\":\"Property\",\"name\":\"seal\",\"schema\":\"string\"}]}}]}}"
#define EVENTS "devices/p1/messages/events/"

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    *state = f;
    fixture_ask(f, "PUT", "/api/deviceTemplates/" TEMPLATE, FORM);
    assert_int_equal(f->status, 200);
    fixture_connect(f, "p1");
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void query(struct fixture *f, const char *text)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "query", text);
    char *json = cJSON_PrintUnformatted(body);
    fixture_ask(f, "POST", "/api/query", json);
    cJSON_free(json);
    cJSON_Delete(body);
}

static void results(struct fixture *f, const char *text, const char *expected)
{
    char whole[2000];
    query(f, text);
    snprintf(whole, sizeof whole, "{\"results\":%s}", expected);
    assert_answer(f, 200, whole);
}

static void send(struct fixture *f, const char *body)
{
    fixture_publish(f, EVENTS, body, 1);
    bench_advance(&f->bench, 1000);
}

static void a_message_with_a_selected_name_is_a_row_the_newest_first(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":1,\"state\":\"on\"}");
    send(f, "{\"other\":1}");
    send(f, "{\"flow\":2.50}");
    results(f, "SELECT $id, $ts, flow, state AS s FROM " TEMPLATE,
            "[{\"$id\":\"p1\",\"$ts\":\"2026-03-04T05:06:09.089Z\",\"flow\":2.50},"
            "{\"$id\":\"p1\",\"$ts\":\"2026-03-04T05:06:07.089Z\",\"flow\":1,\"s\":\"on\"}]");
}

static void rows_are_ordered_and_cut(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":3}");
    send(f, "{\"flow\":1}");
    send(f, "{\"state\":\"x\"}");
    send(f, "{\"flow\":2}");
    results(f, "SELECT flow FROM " TEMPLATE " ORDER BY flow", "[{\"flow\":1},{\"flow\":2},{\"flow\":3}]");
    results(f, "SELECT TOP 2 flow AS f FROM " TEMPLATE " ORDER BY f DESC", "[{\"f\":3},{\"f\":2}]");
    results(f, "SELECT TOP 1 flow FROM " TEMPLATE " ORDER BY $ts ASC", "[{\"flow\":3}]");
    results(f, "SELECT TOP 1 flow FROM " TEMPLATE, "[{\"flow\":2}]");
}

static void conditions_choose_rows(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":3,\"state\":\"on\",\"motor\":{\"rpm\":10}}");
    send(f, "{\"flow\":30,\"state\":\"off\"}");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE state = 'on'", "[{\"flow\":3}]");
    results(f, "SELECT motor.rpm FROM " TEMPLATE " WHERE motor.rpm IN [10,11]", "[{\"motor.rpm\":10}]");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE flow > 3 AND $id = 'p1'", "[{\"flow\":30}]");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE $id = 'p2'", "[]");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE $ts < '2026-03-04T05:06:08Z'", "[{\"flow\":3}]");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE $simulated = true", "[]");
}

static void a_window_counts_by_the_time_of_the_measurement(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS "iothub-creation-time-utc=2026-03-04T04%3A06%3A07Z", "{\"flow\":1}", 1);
    send(f, "{\"flow\":2}");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE WITHIN_WINDOW(PT10M)", "[{\"flow\":2}]");
    results(f, "SELECT flow FROM " TEMPLATE " WHERE WITHIN_WINDOW('2026-03-04T04:00:00Z/PT30M')",
            "[{\"flow\":1}]");
    bench_advance(&f->bench, 11 * 60 * 1000);
    results(f, "SELECT flow FROM " TEMPLATE " WHERE WITHIN_WINDOW(PT10M)", "[]");
}

static void components_and_readings_are_rows_of_their_own(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS "%24.sub=hydraulics", "{\"pressure\":7,\"flow\":9}", 1);
    send(f, "[{\"flow\":1},{\"flow\":2},3]");
    results(f, "SELECT hydraulics.pressure, flow FROM " TEMPLATE " ORDER BY flow, hydraulics.pressure",
            "[{\"hydraulics.pressure\":7},{\"flow\":1},{\"flow\":2}]");
}

static void what_is_no_json_is_no_row(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":1");
    send(f, "{\"flow\":2}x");
    send(f, "");
    results(f, "SELECT flow FROM " TEMPLATE, "[]");
}

static void aggregates_are_of_all_rows_or_of_windows(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":1,\"state\":\"a\"}"); /* 05:06:07 */
    send(f, "{\"flow\":4,\"state\":\"b\"}");
    send(f, "{\"flow\":\"none\"}");
    results(
        f,
        "SELECT AVG(flow), SUM(flow), MIN(flow), MAX(flow) AS top, COUNT(flow), FIRST(state), LAST(state) FROM " TEMPLATE,
        "[{\"avg_flow\":2.5,\"sum_flow\":5,\"min_flow\":1,\"top\":4,\"count_flow\":3,\"first_state\":\"a\","
        "\"last_state\":\"b\"}]");
    results(
        f, "SELECT COUNT(flow) FROM " TEMPLATE " GROUP BY WINDOW(PT2S)",
        "[{\"$ts\":\"2026-03-04T05:06:06Z\",\"count_flow\":1},{\"$ts\":\"2026-03-04T05:06:08Z\",\"count_flow\":2}]");
    results(f, "SELECT TOP 1 COUNT(flow) AS n FROM " TEMPLATE " GROUP BY WINDOW(PT2S) ORDER BY n DESC",
            "[{\"$ts\":\"2026-03-04T05:06:08Z\",\"n\":2}]");
    results(f, "SELECT $id, MAX(flow) FROM " TEMPLATE " GROUP BY $id", "[{\"$id\":\"p1\",\"max_flow\":4}]");
    results(f, "SELECT AVG(motor) FROM " TEMPLATE, "[]");
}

static void an_aggregate_without_a_window_is_of_thirty_days(void **state)
{
    struct fixture *f = *state;
    send(f, "{\"flow\":1}");
    f->bench.start_ms += INT64_C(31) * 24 * 3600 * 1000;
    send(f, "{\"flow\":3}");
    results(f, "SELECT SUM(flow) FROM " TEMPLATE, "[{\"sum_flow\":3}]");
}

static void properties_are_rows_of_devices(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/p1/properties", "{\"city\":\"Oslo\"}");
    assert_int_equal(f->status, 202);
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1",
                    "{\"firmware\":\"1.\\u0032\",\"setpoint\":{\"value\":5,\"ac\":200,\"av\":1},"
                    "\"hydraulics\":{\"__t\":\"c\",\"seal\":\"new\"}}",
                    0);
    results(
        f,
        "SELECT $id, firmware, setpoint, city, hydraulics.seal FROM " TEMPLATE
        " WHERE firmware = '1.2' AND setpoint = 5 AND $provisioned = true",
        "[{\"$id\":\"p1\",\"firmware\":\"1.2\",\"setpoint\":5,\"city\":\"Oslo\",\"hydraulics.seal\":\"new\"}]");
    results(f, "SELECT city FROM " TEMPLATE " WHERE city != 'Oslo'", "[]");
}

static void a_query_that_cannot_be_is_refused_with_the_place(void **state)
{
    static const char *const CASES[][2] = {
        {"SELECT flow FROM dtmi:none;1", "There is no device template dtmi:none;1"},
        {"SELECT nothing FROM " TEMPLATE, "At character 8: the template has no telemetry or property 'nothing'"},
        {"SELECT flow, city FROM " TEMPLATE, "At character 14: 'city' is a property"},
        {"SELECT city, flow FROM " TEMPLATE, "At character 14: 'flow' is telemetry"},
        {"SELECT flow FROM " TEMPLATE " WHERE city = 'x'", "'city' is a property"},
        {"SELECT MAX(setpoint) FROM " TEMPLATE, "an aggregate is of telemetry"},
        {"SELECT city FROM " TEMPLATE " WHERE WITHIN_WINDOW(P1D)", "goes with telemetry"},
        {"SELECT city, $ts FROM " TEMPLATE, "$ts goes with telemetry"},
        {"SELECT city FROM " TEMPLATE " ORDER BY $ts", "$ts goes with telemetry"},
        {"SELECT pressure FROM " TEMPLATE, "no telemetry or property 'pressure'"},
        {"SELECT flow FROM", "At character 17: "},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        query(f, CASES[i][0]);
        assert_refused(f, 400, "InvalidQuery", CASES[i][1]);
    }
    fixture_ask(f, "POST", "/api/query", "{}");
    assert_refused(f, 400, "InvalidBody", "\"query\" of a query is missing");
    fixture_ask(f, "POST", "/api/query", "{\"query\":1}");
    assert_refused(f, 400, "InvalidBody", "has to be a string");
    fixture_ask(f, "GET", "/api/query", "");
    assert_refused(f, 405, "MethodNotAllowed", "POST");
}

static void too_many_windows_are_refused_and_too_many_rows_cut(void **state)
{
    struct fixture *f = *state;
    char body[100];
    for (int i = 0; i <= 10000; i++) {
        snprintf(body, sizeof body, "{\"flow\":%d}", i);
        fixture_publish(f, EVENTS, body, 0);
        f->bench.now_ms += 1000;
    }
    (void)core_commit(f->bench.core);
    query(f, "SELECT AVG(flow) FROM " TEMPLATE " GROUP BY WINDOW(PT1S)");
    assert_refused(f, 422, "UnprocessableEntity", "10000 rows or windows");
    query(f, "SELECT flow FROM " TEMPLATE);
    assert_int_equal(f->status, 200);
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "results")), 10000);
}

static void a_rare_template_is_walked_by_device_with_the_same_answer(void **state)
{
    struct fixture *f = *state;
    char body[60];
    send(f, "{\"flow\":1}");
    fixture_ask(f, "PUT", "/api/devices/p2", "{\"template\":\"" TEMPLATE "\"}");
    device_close(&f->device);
    fixture_device_row(f, "other");
    fixture_login(f, "other");
    for (int i = 0; i < 40; i++) {
        snprintf(body, sizeof body, "{\"flow\":%d}", i);
        fixture_publish(f, "devices/other/messages/events/", body, 1);
    }
    fixture_ask(f, "PATCH", "/api/devices/other", "{\"template\":null}");
    device_close(&f->device);
    fixture_login(f, "p1");
    send(f, "{\"flow\":2}");
    device_close(&f->device);
    fixture_device_row(f, "p2");
    fixture_ask(f, "PATCH", "/api/devices/p2", "{\"template\":\"" TEMPLATE "\"}");
    fixture_login(f, "p2");
    fixture_publish(f, "devices/p2/messages/events/", "[{\"flow\":3},{\"flow\":4}]", 1);
    fixture_ask(f, "PATCH", "/api/devices/other", "{\"template\":null}");
    results(f, "SELECT flow FROM " TEMPLATE, "[{\"flow\":3},{\"flow\":4},{\"flow\":2},{\"flow\":1}]");
    results(f, "SELECT TOP 2 flow FROM " TEMPLATE, "[{\"flow\":3},{\"flow\":4}]");
    results(f, "SELECT SUM(flow) FROM " TEMPLATE, "[{\"sum_flow\":10}]");
    results(f, "SELECT flow FROM " TEMPLATE " ORDER BY flow DESC",
            "[{\"flow\":4},{\"flow\":3},{\"flow\":2},{\"flow\":1}]");
}

/* --- who asks --- */

static char *token_of(struct fixture *f, const char *body)
{
    fixture_ask(f, "PUT", "/api/apiTokens/t", body);
    assert_int_equal(f->status, 200);
    return strdup(fixture_text(f, "token"));
}

static void a_query_sees_the_devices_of_the_askers_organization(void **state)
{
    static const char TARGET[] = "/api/query?api-version=2022-10-31-preview";
    static const char BODY[] = "{\"query\":\"SELECT flow FROM " TEMPLATE "\"}",
                      CITY[] = "{\"query\":\"SELECT $id, city FROM " TEMPLATE "\"}";
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    send(f, "{\"flow\":1}");
    fixture_ask(f, "PATCH", "/api/devices/p1/properties", "{\"city\":\"Oslo\"}");
    char *token = token_of(f, "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":"
                              "\"oslo\"}]}");
    fixture_ask_as(f, "POST", TARGET, BODY, false, token);
    assert_answer(f, 200, "{\"results\":[]}");
    fixture_ask_as(f, "POST", TARGET, CITY, false, token);
    assert_answer(f, 200, "{\"results\":[]}");
    fixture_ask(f, "PATCH", "/api/devices/p1", "{\"organizations\":[\"oslo\"]}");
    fixture_ask_as(f, "POST", TARGET, BODY, false, token);
    assert_answer(f, 200, "{\"results\":[{\"flow\":1}]}");
    fixture_ask_as(f, "POST", TARGET, CITY, false, token);
    assert_answer(f, 200, "{\"results\":[{\"$id\":\"p1\",\"city\":\"Oslo\"}]}");
    free(token);
}

static void a_query_needs_its_right(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/roles/viewer", "{\"displayName\":\"Viewer\",\"rights\":[\"device.read\"]}");
    assert_int_equal(f->status, 200);
    char *token = token_of(f, "{\"roles\":[{\"role\":\"viewer\"}]}");
    fixture_ask_as(f, "POST", "/api/query?api-version=2022-07-31", "{}", false, token);
    assert_refused(f, 403, "Forbidden", "");
    free(token);
}

/* --- another thread, played here --- */

struct played {
    void (*run)(void *job);
    void (*done)(void *job);
    void *job;
    unsigned count;
};

static bool play(void *ctx, unsigned lane, void (*run)(void *job), void (*done)(void *job), void *job)
{
    struct played *p = ctx;
    (void)lane;
    *p = (struct played){run, done, job, p->count + 1};
    return true;
}

static struct fixture *with_file(char path[64])
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(path, "/tmp/spoke_query_XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    bench_prepare(&f->bench);
    f->bench.start_ms = FIXTURE_UNIX_MS - (int64_t)f->bench.now_ms;
    f->bench.options.hub_host = "localhost";
    f->bench.options.store_path = path;
    bench_start(&f->bench);
    fixture_ask(f, "PUT", "/api/deviceTemplates/" TEMPLATE, FORM);
    fixture_connect(f, "p1");
    send(f, "{\"flow\":1}");
    return f;
}

static void remove_file(struct fixture *f, const char *path)
{
    char name[80];
    fixture_destroy(f);
    (void)unlink(path);
    snprintf(name, sizeof name, "%s-wal", path);
    (void)unlink(name);
    snprintf(name, sizeof name, "%s-shm", path);
    (void)unlink(name);
}

static void a_query_of_a_file_runs_elsewhere_and_is_answered_later(void **state)
{
    (void)state;
    char path[64];
    struct played p = {.count = 0};
    struct fixture *f = with_file(path);
    core_set_offload(f->bench.core, play, &p);
    query(f, "SELECT flow FROM " TEMPLATE);
    assert_int_equal(f->status, 0);
    assert_true(f->ticket != 0);
    send(f, "{\"flow\":2}"); /* devices go on */
    p.run(p.job);
    p.done(p.job);
    assert_answer(f, 200, "{\"results\":[{\"flow\":2},{\"flow\":1}]}");
    remove_file(f, path);
}

static void a_query_whose_asker_left_is_not_answered(void **state)
{
    (void)state;
    char path[64];
    struct played p = {.count = 0};
    struct fixture *f = with_file(path);
    core_set_offload(f->bench.core, play, &p);
    query(f, "SELECT flow FROM " TEMPLATE);
    core_request_cancel(f->bench.core, f->ticket);
    const unsigned answers = f->answers;
    p.run(p.job);
    p.done(p.job);
    assert_int_equal(f->answers, answers);
    remove_file(f, path);
}

static void a_query_that_takes_too_long_is_told_so(void **state)
{
    (void)state;
    char path[64];
    struct played p = {.count = 0};
    struct fixture *f = with_file(path);
    core_set_offload(f->bench.core, play, &p);
    query(f, "SELECT flow FROM " TEMPLATE);
    bench_advance(&f->bench, 30000);
    p.run(p.job);
    p.done(p.job);
    assert_refused(f, 504, "QueryTimeout", "longer than 30 s");
    remove_file(f, path);
}

static void the_ninth_query_that_waits_is_refused(void **state)
{
    (void)state;
    char path[64];
    struct played p[9] = {{.count = 0}};
    struct fixture *f = with_file(path);
    for (int i = 0; i < 9; i++) {
        core_set_offload(f->bench.core, play, &p[i]);
        query(f, "SELECT flow FROM " TEMPLATE);
    }
    assert_refused(f, 429, "TooManyRequests", "Too many queries");
    for (int i = 0; i < 8; i++) {
        p[i].run(p[i].job);
        p[i].done(p[i].job);
    }
    assert_int_equal(f->status, 200);
    remove_file(f, path);
}

/* Here it would hold up all devices for as long as it takes. */
static void a_query_that_cannot_run_elsewhere_is_refused(void **state)
{
    (void)state;
    char path[64];
    struct played p = {.count = 0};
    struct fixture *f = with_file(path);
    core_set_offload(f->bench.core, play, &p);
    assert_int_equal(unlink(path), 0);
    query(f, "SELECT flow FROM " TEMPLATE);
    assert_refused(f, 429, "TooManyRequests", "ask again in a moment");
    assert_int_equal(p.count, 0);
    remove_file(f, path);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(a_message_with_a_selected_name_is_a_row_the_newest_first),
        WITH_CORE(rows_are_ordered_and_cut),
        WITH_CORE(conditions_choose_rows),
        WITH_CORE(a_window_counts_by_the_time_of_the_measurement),
        WITH_CORE(components_and_readings_are_rows_of_their_own),
        WITH_CORE(what_is_no_json_is_no_row),
        WITH_CORE(aggregates_are_of_all_rows_or_of_windows),
        WITH_CORE(an_aggregate_without_a_window_is_of_thirty_days),
        WITH_CORE(properties_are_rows_of_devices),
        WITH_CORE(a_query_that_cannot_be_is_refused_with_the_place),
        WITH_CORE(a_rare_template_is_walked_by_device_with_the_same_answer),
        WITH_CORE(a_query_sees_the_devices_of_the_askers_organization),
        WITH_CORE(a_query_needs_its_right),
        WITH_CORE(too_many_windows_are_refused_and_too_many_rows_cut),
        cmocka_unit_test(a_query_of_a_file_runs_elsewhere_and_is_answered_later),
        cmocka_unit_test(a_query_whose_asker_left_is_not_answered),
        cmocka_unit_test(a_query_that_takes_too_long_is_told_so),
        cmocka_unit_test(the_ninth_query_that_waits_is_refused),
        cmocka_unit_test(a_query_that_cannot_run_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
