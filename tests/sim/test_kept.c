/* A device that loses power beside the service: settings, long-running commands, and what it tells of its health. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct fixture {
    struct sim sim;
    spoke_client *client;
    spoke_config config;
    char told[256]; /* what the handlers were told */
    char text[65536];
};

/* --- power --- */

static struct {
    spoke_status (*store)(void *ctx, const char *key, spoke_str value); /* the simulation's own */
    int stores, cut_at;                                                 /* -1: never */
    bool behind;                                                        /* cut when that one is written */
    bool gone;
} power;

static spoke_status store_under_power(void *ctx, const char *key, spoke_str value)
{
    if (power.gone)
        return SPOKE_E_PORT;
    power.gone = power.stores == power.cut_at;
    power.stores++;
    const spoke_status status = power.gone && !power.behind ? SPOKE_E_PORT : power.store(ctx, key, value);
    return power.gone ? SPOKE_E_PORT : status;
}

static void power_on(struct fixture *f)
{
    spoke_client_destroy(f->client);
    f->client = NULL;
    power.gone = false;
    power.cut_at = -1;
    f->told[0] = '\0';
    assert_ok(spoke_client_create(&f->config, &f->client));
}

static void start(struct fixture *f)
{
    power_on(f);
    assert_ok(spoke_client_open(f->client));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
}

/* --- the program --- */

static spoke_ack on_target(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    snprintf(f->told + strlen(f->told), sizeof f->told - strlen(f->told), "target=%.*s%s ", (int)wanted->value.len,
             wanted->value.ptr, wanted->initial ? "!" : "");
    return spoke_accept();
}

/* The service calls: an update takes longer than anybody waits for an answer. */
static spoke_ack on_update(const spoke_command *call, void *user)
{
    const spoke_ack begun = {202, "begun"}; /* the result follows as a property */
    uint32_t id;
    (void)user;
    return spoke_work_begin(call, &id) == SPOKE_OK ? begun : spoke_reject(503, "not now");
}

/* When the work is done; and at start, for what was begun before the restart. */
static spoke_status finish_updates(spoke_client *client)
{
    const spoke_field result = spoke_text("updateResult", SPOKE_STR("done"));
    spoke_status status = SPOKE_OK;
    spoke_work work = {0};
    while (status == SPOKE_OK && spoke_work_next(client, work.id, &work) == SPOKE_OK)
        status = spoke_work_finish(client, work.id, &result, 1);
    return status;
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("target", on_target),
                                         SPOKE_ON_COMMAND("update", on_update)};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    sim_start(&f->sim, NULL);
    memset(&power, 0, sizeof power);
    power.store = f->sim.platform.store;
    power.cut_at = -1;
    f->sim.platform.store = store_under_power;
    f->config = sim_config(&f->sim);
    f->config.handlers = handlers;
    f->config.handler_count = 2;
    f->config.keep_settings = true;
    f->config.user = f;
    start(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    sim_stop(&f->sim);
    test_free(f);
    return 0;
}

static int request(struct fixture *f, const char *method, const char *target, const char *body)
{
    return sim_request(&f->sim, f->client, method, target, body, f->text, sizeof f->text);
}

static void set(struct fixture *f, const char *properties)
{
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", properties), 202);
    sim_run(&f->sim, f->client, 1000);
}

static bool twin_has(struct fixture *f, const char *part)
{
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    return strstr(f->text, part) != NULL;
}

/* --- settings --- */

static void a_device_without_a_network_starts_with_its_last_settings(void **state)
{
    struct fixture *f = *state;
    set(f, "{\"target\":21}");
    set(f, "{\"target\":22}");
    f->sim.unreachable = true;
    power_on(f);
    assert_ok(spoke_client_open(f->client));
    sim_run(&f->sim, f->client, 60000);
    assert_string_equal(f->told, "target=22! ");
    assert_int_not_equal(spoke_client_state(f->client), SPOKE_READY);
}

static void what_changed_while_the_device_was_off_follows_the_kept_settings(void **state)
{
    struct fixture *f = *state;
    set(f, "{\"target\":21}");
    spoke_client_destroy(f->client);
    f->client = NULL;
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"target\":23}"), 202);
    start(f);
    assert_string_equal(f->told, "target=21! target=23! ");
    sim_run(&f->sim, f->client, 1000);
    assert_true(twin_has(f, "\"target\":{\"value\":23,\"ac\":200"));
}

static void settings_survive_a_power_cut_at_each_store(void **state)
{
    struct fixture *f = *state;
    set(f, "{\"target\":1}");
    for (int i = 0; i < 2; i++) {
        for (int behind = 0; behind < 2; behind++) {
            char patch[64], last[64];
            const int before = 10 * (2 * i + behind), after = before + 5;
            snprintf(patch, sizeof patch, "{\"target\":%d}", before);
            set(f, patch);
            power.cut_at = power.stores;
            power.behind = behind != 0;
            snprintf(patch, sizeof patch, "{\"target\":%d}", after);
            set(f, patch);
            assert_true(power.gone);
            start(f);
            snprintf(last, sizeof last, "target=%d! target=%d! ", behind != 0 ? after : before, after);
            assert_string_equal(f->told, last);
        }
    }
}

/* --- long-running commands --- */

static struct {
    bool done;
    int status;
    char body[1024];
} answer;

static void take_answer(void *user, int http_status, spoke_str body)
{
    (void)user;
    answer.done = true;
    answer.status = http_status;
    snprintf(answer.body, sizeof answer.body, "%.*s", (int)body.len, body.len > 0 ? body.ptr : "");
}

/* The service calls; the device lives until it answers or the power goes. */
static void call_update(struct fixture *f)
{
    const uint64_t until = f->sim.now + 60000;
    memset(&answer, 0, sizeof answer);
    assert_ok(spoke_central_request(f->sim.central, "POST", "/api/devices/dev-1/commands/update",
                                    SPOKE_STR("{\"request\":{\"url\":\"x\"}}"), take_answer, NULL));
    while (!answer.done && !power.gone && f->sim.now < until)
        assert_ok(spoke_client_poll(f->client, 1000));
}

static bool promised(void)
{
    return answer.done && answer.status == 201 && strstr(answer.body, "\"responseCode\":202") != NULL;
}

static void a_command_begun_before_a_restart_ends_as_a_property_after_it(void **state)
{
    struct fixture *f = *state;
    call_update(f);
    assert_true(promised());
    power_on(f);
    spoke_work work, none;
    assert_ok(spoke_work_next(f->client, 0, &work));
    assert_str(work.name, "update");
    assert_str(work.payload, "{\"url\":\"x\"}");
    assert_ok(finish_updates(f->client));
    assert_ok(spoke_client_open(f->client));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
    sim_run(&f->sim, f->client, 1000);
    assert_true(twin_has(f, "\"updateResult\":\"done\""));
    assert_int_equal(spoke_work_next(f->client, 0, &none), SPOKE_E_NOT_FOUND);
}

/* The power goes at the k-th store, before it or behind it, for each k until there is none: what was answered with 202
 * has its result in the end. The report in between lies in `storage`. */
static void no_power_cut_loses_a_promised_result(void **state)
{
    struct fixture *f = *state;
    static uint8_t flash[16 * 4096];
    static spoke_ram_storage storage;
    memset(flash, 0xFF, sizeof flash);
    spoke_storage_ram_init(&storage, flash, 4096, 16);
    f->config.storage = &storage.storage;
    start(f);
    bool cut = true;
    unsigned promises = 0;
    for (int k = 0; cut; k++) {
        for (int behind = 0; behind < 2; behind++) {
            const spoke_field none = spoke_null("updateResult");
            assert_ok(spoke_property_report(f->client, NULL, &none, 1));
            sim_run(&f->sim, f->client, 1000);
            assert_false(twin_has(f, "updateResult"));
            power.cut_at = power.stores + k;
            power.behind = behind != 0;
            call_update(f);
            if (!power.gone)
                assert_true(finish_updates(f->client) == SPOKE_OK || power.gone);
            cut = power.gone;
            const bool owed = promised();
            promises += owed;
            power_on(f);
            assert_ok(finish_updates(f->client));
            assert_ok(spoke_client_open(f->client));
            assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
            sim_run(&f->sim, f->client, 60000);
            const bool kept = twin_has(f, "\"updateResult\":\"done\"");
            assert_true(kept || !owed);
        }
    }
    assert_true(promises >= 4); /* two stores, and none: the last ones were answered */
}

/* --- health --- */

/* An interface with the component "health". */
static const char *health_template(void)
{
    static char text[32 * 1024];
    char *interface = test_read_file(SPOKE_TEST_DATA "/../../src/client/diagnostics.json", NULL);
    assert_non_null(interface);
    snprintf(
        text, sizeof text,
        "[{\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"@id\":\"dtmi:sim:Healthy;1\","
        "\"@type\":\"Interface\",\"displayName\":\"Healthy\",\"contents\":["
        "{\"@type\":\"Component\",\"name\":\"health\",\"schema\":\"dtmi:spoke:Diagnostics;1\"}]},%s]",
        interface);
    free(interface);
    return text;
}

static void start_healthy(struct fixture *f)
{
    static uint8_t memory[160 * 1024];
    spoke_buf arena = spoke_buf_from(memory, sizeof memory);
    spoke_error why;
    if (spoke_model_parse(spoke_str_of(health_template()), NULL, &arena, &f->config.model, &why) != SPOKE_OK)
        fail_msg("%s", why.text);
    if (request(f, "PUT", "/api/deviceTemplates/dtmi:sim:healthy:template;1", health_template()) != 200)
        fail_msg("%s", f->text);
    f->config.handlers = NULL;
    f->config.handler_count = 0;
    f->config.diagnostics = "health";
    start(f);
    sim_run(&f->sim, f->client, 2000);
}

static void the_service_sees_the_figures_under_the_template(void **state)
{
    struct fixture *f = *state;
    start_healthy(f);
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_true(sim_contains(f->text, "\"component\":\"health\""));
    assert_true(sim_contains(f->text, "longestPoll"));
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"misfits\":{\"unmodeled\":0,\"wrongType\":0}"));
}

static void the_service_reads_versions_and_troubles_as_properties(void **state)
{
    struct fixture *f = *state;
    start_healthy(f);
    assert_int_equal(request(f, "GET", "/api/devices/dev-1/components/health/properties", NULL), 200);
    assert_true(sim_contains(f->text, "\"libraryVersion\":\""));
    assert_true(sim_contains(f->text, "\"userAgent\":\"spoke/"));
}

static void the_service_gets_the_log(void **state)
{
    struct fixture *f = *state;
    start_healthy(f);
    assert_int_equal(
        request(f, "POST", "/api/devices/dev-1/components/health/commands/getLog", "{\"request\":{\"lines\":3}}"),
        201);
    assert_true(sim_contains(f->text, "\"responseCode\":200"));
    assert_true(sim_contains(f->text, "SYNCING -> READY"));
    assert_int_equal(sim_count(f->text, "Z info ") + sim_count(f->text, "Z warning "), 3);
    assert_int_equal(sim_count(f->text, f->sim.key), 0);
}

#define claim(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_device_without_a_network_starts_with_its_last_settings),
        claim(what_changed_while_the_device_was_off_follows_the_kept_settings),
        claim(settings_survive_a_power_cut_at_each_store),
        claim(a_command_begun_before_a_restart_ends_as_a_property_after_it),
        claim(no_power_cut_loses_a_promised_result),
        claim(the_service_sees_the_figures_under_the_template),
        claim(the_service_reads_versions_and_troubles_as_properties),
        claim(the_service_gets_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
