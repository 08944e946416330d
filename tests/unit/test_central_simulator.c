/* Simulated devices live, from their template. */
#include "central/core/simulator.h"
#include "support/core_fixture.h"

#define PUMP "dtmi:a:pump;1"
#define DEVICE "/api/devices/s1"
#define FORM(more) \
    "{\"@id\":\"" PUMP "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"]," \
    "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"displayName\":\"Pump\"," \
    "\"capabilityModel\":{\"@id\":\"dtmi:a:m;1\",\"@type\":\"Interface\",\"contents\":[" \
    "{\"@type\":[\"Telemetry\",\"Temperature\"],\"name\":\"temperature\",\"schema\":\"double\"," \
    "\"unit\":\"degreeCelsius\"},{\"@type\":\"Telemetry\",\"name\":\"motor\",\"schema\":{\"@type\":\"Object\"," \
    "\"fields\":[{\"name\":\"rpm\",\"schema\":\"integer\"},{\"name\":\"state\",\"schema\":\"string\"}]}}," more \
    "{\"@type\":\"Property\",\"name\":\"firmware\",\"schema\":\"string\"}," \
    "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true}," \
    "{\"@type\":\"Property\",\"name\":\"reportInterval\",\"schema\":\"integer\",\"unit\":\"second\",\"writable\":true}," \
    "{\"@type\":\"Command\",\"name\":\"purge\",\"response\":{\"@type\":\"CommandPayload\",\"name\":\"n\",\"schema\":" \
    "\"integer\"}},{\"@type\":\"Command\",\"name\":\"stop\"}," \
    "{\"@type\":\"Component\",\"name\":\"part\",\"schema\":{\"@id\":\"dtmi:a:part;1\",\"@type\":\"Interface\"," \
    "\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"pressure\",\"schema\":\"double\"}," \
    "{\"@type\":\"Property\",\"name\":\"level\",\"schema\":\"double\",\"writable\":true}," \
    "{\"@type\":\"Command\",\"name\":\"open\"}]}}]}}"

static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static void turns(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++)
        bench_advance(&f->bench, 1);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_create(true);
    *state = f;
    ask(f, "PUT", "/api/deviceTemplates/" PUMP, FORM(""));
    ask(f, "PUT", DEVICE, "{\"template\":\"" PUMP "\",\"simulated\":true}");
    turns(f, 8);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static bool is_connected(struct fixture *f)
{
    ask(f, "GET", "/control/devices/s1", "");
    return cJSON_IsTrue(fixture_at(f, "connected"));
}

static int message_count(struct fixture *f)
{
    ask(f, "GET", "/control/devices/s1/messages", "");
    const cJSON *list = cJSON_IsArray(f->json) ? f->json : fixture_at(f, "value");
    return cJSON_GetArraySize(list);
}

static void it_is_provisioned_connected_and_measures(void **state)
{
    struct fixture *f = *state;
    ask(f, "GET", DEVICE, "");
    assert_true(cJSON_IsTrue(fixture_at(f, "provisioned")));
    assert_true(is_connected(f));
    ask(f, "GET", DEVICE "/telemetry/temperature", "");
    assert_true(cJSON_IsNumber(fixture_at(f, "value")));
    assert_null(fixture_at(f, "flag"));
    ask(f, "GET", DEVICE "/telemetry/motor", "");
    assert_true(cJSON_IsNumber(fixture_at(f, "value.rpm")));
    ask(f, "GET", DEVICE "/components/part/telemetry/pressure", "");
    assert_true(cJSON_IsNumber(fixture_at(f, "value")));
    ask(f, "GET", "/control/devices/s1", "");
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "misfits.unmodeled")), 0);
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "misfits.wrongType")), 0);
}

static void it_says_which_model_it_has(void **state)
{
    struct fixture *f = *state;
    struct store_device row;
    assert_ok(store_device_get(core_store(f->bench.core), "s1", &row));
    assert_string_equal(row.model_id, "dtmi:a:m;1");
    assert_string_equal(row.template_id, PUMP);
    store_device_free(&row);
}

static void it_measures_every_five_seconds(void **state)
{
    struct fixture *f = *state;
    const int before = message_count(f);
    bench_advance(&f->bench, SIMULATOR_INTERVAL_MS);
    turns(f, 2);
    assert_int_equal(message_count(f), before + 2); /* of the root and of the component */
    turns(f, 100);
    assert_int_equal(message_count(f), before + 2);
}

static void it_reports_its_properties(void **state)
{
    struct fixture *f = *state;
    ask(f, "GET", DEVICE "/properties", "");
    assert_non_null(cJSON_GetStringValue(fixture_at(f, "firmware")));
    assert_true(cJSON_IsNumber(fixture_at(f, "setpoint")));
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "$metadata.setpoint.ackCode")), 203);
    assert_true(cJSON_IsNumber(fixture_at(f, "part.level")));
}

static void it_acknowledges_what_is_set(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", DEVICE "/properties", "{\"setpoint\":42.5,\"part\":{\"level\":7}}");
    turns(f, 4);
    ask(f, "GET", DEVICE "/properties", "");
    assert_int_equal(fixture_at(f, "setpoint")->valuedouble * 10, 425);
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "$metadata.setpoint.ackCode")), 200);
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "$metadata.setpoint.ackVersion")),
                     cJSON_GetNumberValue(fixture_at(f, "$metadata.setpoint.desiredVersion")));
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "part.level")), 7);
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "part.$metadata.level.ackCode")), 200);
}

static void an_interval_that_is_set_is_kept(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", DEVICE "/properties", "{\"reportInterval\":60}");
    turns(f, 4);
    bench_advance(&f->bench, SIMULATOR_INTERVAL_MS);
    turns(f, 2);
    const int before = message_count(f);
    bench_advance(&f->bench, 55000);
    turns(f, 2);
    assert_int_equal(message_count(f), before);
    bench_advance(&f->bench, 5000);
    turns(f, 2);
    assert_int_equal(message_count(f), before + 2);
}

static void it_answers_commands(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "POST", DEVICE "/commands/purge", "{}");
    turns(f, 4);
    assert_int_equal(f->status, 201);
    assert_true(cJSON_IsNumber(fixture_at(f, "response")));
    assert_null(fixture_at(f, "flag"));
    fixture_ask(f, "POST", DEVICE "/commands/stop", "{}");
    turns(f, 4);
    assert_int_equal(f->status, 201);
    assert_int_equal(cJSON_GetNumberValue(fixture_at(f, "responseCode")), 200);
    fixture_ask(f, "POST", DEVICE "/components/part/commands/open", "{}");
    turns(f, 4);
    assert_int_equal(f->status, 201);
}

static void it_ends_when_it_is_blocked_and_lives_again(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", DEVICE, "{\"enabled\":false}");
    turns(f, 2);
    assert_false(is_connected(f));
    const int before = message_count(f);
    bench_advance(&f->bench, 60000);
    turns(f, 3);
    assert_int_equal(message_count(f), before);
    ask(f, "PATCH", DEVICE, "{\"enabled\":true}");
    turns(f, 8);
    assert_true(is_connected(f));
    assert_true(message_count(f) > before);
}

static void it_ends_when_it_is_no_longer_simulated_or_deleted(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", DEVICE, "{\"simulated\":false}");
    turns(f, 2);
    assert_false(is_connected(f));
    ask(f, "PATCH", DEVICE, "{\"simulated\":true}");
    turns(f, 8);
    assert_true(is_connected(f));
    ask(f, "DELETE", DEVICE, "");
    bench_advance(&f->bench, 60000);
    turns(f, 4);
    fixture_ask(f, "GET", DEVICE, "");
    assert_refused(f, 404, "NotFound", "s1");
}

static void it_follows_its_template(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/deviceTemplates/" PUMP,
        FORM("{\"@type\":\"Telemetry\",\"name\":\"extra\",\"schema\":\"boolean\"},"));
    turns(f, 8);
    ask(f, "GET", DEVICE "/telemetry/extra", "");
    assert_true(cJSON_IsBool(fixture_at(f, "value")));
}

static int connect_count(struct fixture *f)
{
    ask(f, "GET", "/api/events?deviceId=s1&kind=connected", "");
    return cJSON_GetArraySize(fixture_at(f, "value"));
}

static void another_template_does_not_disturb_it(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/deviceTemplates/dtmi:a:other;1",
        "{\"@id\":\"dtmi:a:other;1\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
        "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"capabilityModel\":{"
        "\"@id\":\"dtmi:a:o;1\",\"@type\":\"Interface\",\"contents\":[]}}");
    turns(f, 8);
    assert_int_equal(connect_count(f), 1);
    ask(f, "PUT", "/api/deviceTemplates/" PUMP,
        FORM("{\"@type\":\"Telemetry\",\"name\":\"extra\",\"schema\":\"boolean\"},"));
    turns(f, 8);
    assert_int_equal(connect_count(f), 2);
}

/* What they are made of is compiled for each: a hundred at once would hold up the devices that are none. */
static void many_come_into_the_world_in_several_turns(void **state)
{
    struct fixture *f = *state;
    char target[60];
    for (int i = 0; i < 12; i++) {
        snprintf(target, sizeof target, "/api/devices/t%03d", i);
        ask(f, "PUT", target, "{\"template\":\"" PUMP "\",\"simulated\":true}");
    }
    turns(f, 1);
    ask(f, "GET", "/api/devices/t003", "");
    assert_true(cJSON_IsTrue(fixture_at(f, "provisioned")));
    ask(f, "GET", "/api/devices/t011", "");
    assert_true(cJSON_IsFalse(fixture_at(f, "provisioned")));
    turns(f, 8);
    ask(f, "GET", "/api/devices/t011/telemetry/temperature", "");
    assert_true(cJSON_IsNumber(fixture_at(f, "value")));
}

static void it_waits_for_a_template(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/devices/s2", "{\"simulated\":true}");
    turns(f, 8);
    ask(f, "GET", "/api/devices/s2", "");
    assert_true(cJSON_IsFalse(fixture_at(f, "provisioned")));
    ask(f, "PATCH", "/api/devices/s2", "{\"template\":\"" PUMP "\"}");
    turns(f, 8);
    ask(f, "GET", "/api/devices/s2/telemetry/temperature", "");
    assert_true(cJSON_IsNumber(fixture_at(f, "value")));
}

static void it_comes_back_when_it_was_cut_off(void **state)
{
    struct fixture *f = *state;
    ask(f, "POST", "/control/devices/s1/disconnect", "");
    turns(f, 2);
    assert_false(is_connected(f));
    bench_advance(&f->bench, 30000);
    turns(f, 8);
    assert_true(is_connected(f));
}

static void it_stays_for_days(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", DEVICE "/properties", "{\"reportInterval\":3600}");
    for (int i = 0; i < 3 * 24 * 6; i++)
        bench_advance(&f->bench, 600000);
    turns(f, 8);
    bench_advance(&f->bench, 30000);
    turns(f, 8);
    assert_true(is_connected(f));
}

static void a_hundred_live_and_no_more(void **state)
{
    struct fixture *f = *state;
    char target[60];
    int alive = 0;
    for (int i = 0; i < 101; i++) {
        snprintf(target, sizeof target, "/api/devices/t%03d", i);
        ask(f, "PUT", target, "{\"template\":\"" PUMP "\",\"simulated\":true}");
    }
    turns(f, 40);
    for (int i = 0; i < 101; i++) {
        snprintf(target, sizeof target, "/control/devices/t%03d", i);
        ask(f, "GET", target, "");
        alive += cJSON_IsTrue(fixture_at(f, "connected"));
    }
    assert_int_equal(alive, SIMULATOR_MOST - 1); /* s1 is the first */
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(it_is_provisioned_connected_and_measures),
        WITH_CORE(it_says_which_model_it_has),
        WITH_CORE(it_measures_every_five_seconds),
        WITH_CORE(it_reports_its_properties),
        WITH_CORE(it_acknowledges_what_is_set),
        WITH_CORE(an_interval_that_is_set_is_kept),
        WITH_CORE(it_answers_commands),
        WITH_CORE(it_ends_when_it_is_blocked_and_lives_again),
        WITH_CORE(it_ends_when_it_is_no_longer_simulated_or_deleted),
        WITH_CORE(it_follows_its_template),
        WITH_CORE(another_template_does_not_disturb_it),
        WITH_CORE(many_come_into_the_world_in_several_turns),
        WITH_CORE(it_waits_for_a_template),
        WITH_CORE(it_comes_back_when_it_was_cut_off),
        WITH_CORE(it_stays_for_days),
        WITH_CORE(a_hundred_live_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
