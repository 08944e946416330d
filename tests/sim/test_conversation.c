/* The whole path, device and service in one process: what a device's user would see. */
#include <spoke/proto/hub.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

struct app {
    double target;
    unsigned property_calls, command_calls, messages, sent;
    bool defer_command, defer_property, defer_message;
    uint32_t request;
    int64_t version;
    char payload[64], body[64];
    spoke_state states[64];
    size_t state_count;
    spoke_status outcome;
};

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct app *app = user;
    app->property_calls++;
    app->version = wanted->version;
    if (app->defer_property)
        return spoke_defer();
    if (spoke_json_type(wanted->value) == 'n') {
        app->target = 0;
        return spoke_accept();
    }
    double celsius;
    if (spoke_json_double(wanted->value, &celsius) != SPOKE_OK || celsius > 40)
        return spoke_reject(400, "at most 40 degrees");
    app->target = celsius;
    return spoke_accept();
}

static spoke_ack run_command(const spoke_command *call, void *user)
{
    struct app *app = user;
    app->command_calls++;
    app->request = call->request;
    snprintf(app->payload, sizeof app->payload, "%s%.*s", call->offline ? "offline:" : "", (int)call->payload.len,
             call->payload.len > 0 ? call->payload.ptr : "");
    if (app->defer_command)
        return spoke_defer();
    spoke_write(call->reply, spoke_f64("maxTemp", 22.5));
    return spoke_accept();
}

static spoke_ack take_message(const spoke_message *message, void *user)
{
    struct app *app = user;
    app->messages++;
    app->request = message->request;
    snprintf(app->body, sizeof app->body, "%.*s", (int)message->body.len, message->body.ptr);
    return app->defer_message ? spoke_defer() : spoke_accept();
}

static void note_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct app *app = user;
    (void)client;
    (void)from;
    assert_non_null(why->text);
    if (app->state_count < 64)
        app->states[app->state_count++] = to;
}

static void note_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct app *app = user;
    (void)client;
    app->sent = id;
    app->outcome = outcome;
}

static const spoke_handler handlers[] = {
    SPOKE_ON_PROPERTY("targetTemperature", set_target),
    SPOKE_ON_COMMAND("getMaxMinReport", run_command),
    SPOKE_ON_COMPONENT_PROPERTY("thermostat1", "targetTemperature", set_target),
    SPOKE_ON_COMPONENT_COMMAND("thermostat1", "reboot", run_command),
};

struct pending_answer {
    bool done;
    int status;
    char text[256];
};

struct fixture {
    struct sim sim;
    struct pending_answer answer; /* the service may answer as late as its stop */
    struct app app;
    spoke_client *client;
    char text[16384];
};

static void connect_fixture(struct fixture *f, const spoke_config *config)
{
    assert_ok(spoke_client_create(config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

static spoke_config app_config(struct fixture *f)
{
    spoke_config config = sim_config(&f->sim);
    config.handlers = handlers;
    config.handler_count = sizeof handlers / sizeof handlers[0];
    config.on_state = note_state;
    config.on_sent = note_sent;
    config.on_message = take_message;
    config.user = &f->app;
    return config;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    sim_start(&f->sim, NULL);
    const spoke_config config = app_config(f);
    connect_fixture(f, &config);
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

static void ready(struct fixture *f)
{
    if (!sim_reach(&f->sim, f->client, SPOKE_READY, 60000)) {
        char why[200];
        fail_msg("not READY but %s: %s", spoke_state_name(spoke_client_state(f->client)),
                 spoke_client_explain(f->client, why, sizeof why));
    }
}

static int request(struct fixture *f, const char *method, const char *target, const char *body)
{
    return sim_request(&f->sim, f->client, method, target, body, f->text, sizeof f->text);
}

/* --- connecting --- */

static void a_new_device_provisions_connects_and_is_ready(void **state)
{
    struct fixture *f = *state;
    const spoke_state expected[] = {SPOKE_PROVISIONING, SPOKE_CONNECTING, SPOKE_SYNCING, SPOKE_READY};
    ready(f);
    assert_int_equal(f->app.state_count, 4);
    assert_memory_equal(f->app.states, expected, sizeof expected);
    assert_str(spoke_client_device_id(f->client), SIM_DEVICE);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_OK);
}

static void a_restart_connects_from_the_kept_assignment_without_dps(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_ok(spoke_client_close(f->client, 1000));
    spoke_client_destroy(f->client);
    f->app.state_count = 0;
    const spoke_config config = app_config(f);
    connect_fixture(f, &config);
    ready(f);
    assert_int_equal(f->app.states[0], SPOKE_CONNECTING);
}

static void an_assignment_kept_for_another_scope_is_not_used(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    sim_record_set(
        &f->sim, "assignment",
        "{\"scope\":\"0neOTHER\",\"registration\":\"dev-1\",\"hub\":\"elsewhere\",\"device\":\"dev-1\"}");
    const spoke_config config = app_config(f);
    connect_fixture(f, &config);
    ready(f);
    assert_int_equal(f->app.states[0], SPOKE_PROVISIONING);
}

static void close_drains_the_queue_and_says_goodbye(void **state)
{
    struct fixture *f = *state;
    ready(f);
    for (int i = 0; i < 10; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
    assert_ok(spoke_client_close(f->client, 5000));
    assert_int_equal(spoke_client_state(f->client), SPOKE_IDLE);
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_int_equal(sim_count(f->text, "\"body\""), 10);
}

static void close_while_connecting_ends_idle_and_open_works_again(void **state)
{
    struct fixture *f = *state;
    sim_run(&f->sim, f->client, 500);
    assert_int_equal(spoke_client_state(f->client), SPOKE_PROVISIONING);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_int_equal(spoke_client_state(f->client), SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    ready(f);
}

static void a_wait_of_dps_is_honoured_to_the_second(void **state)
{
    struct fixture *f = *state;
    const uint64_t begun = f->sim.now;
    ready(f);
    assert_in_range(f->sim.now - begun, 3000, 3100); /* retry-after 3, and nothing of our own */
}

/* --- telemetry --- */

static void telemetry_sent_before_the_connection_arrives_in_order_once(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 21.5), spoke_text("unit", SPOKE_STR("C"))));
    assert_ok(
        spoke_telemetry_send(f->client, "thermostat1", (const spoke_field[]){spoke_f64("temperature", 22)}, 1));
    ready(f);
    assert_true(sim_drain(&f->sim, f->client, 5000));
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_int_equal(sim_count(f->text, "\"body\""), 2);
    assert_true(sim_contains(f->text, "{\\\"temperature\\\":21.5,\\\"unit\\\":\\\"C\\\"}"));
    assert_true(sim_contains(f->text, "\"component\":\"thermostat1\""));
    assert_true(sim_contains(f->text, "\"contentType\":\"application/json\""));
    assert_int_equal(request(f, "GET", "/api/devices/dev-1/telemetry/temperature", NULL), 200);
    assert_true(sim_contains(f->text, "21.5"));
}

static void a_message_keeps_its_properties_and_reports_its_outcome(void **state)
{
    struct fixture *f = *state;
    const spoke_property_pair pairs[] = {{SPOKE_STR("batch"), SPOKE_STR("a&b=c/%")},
                                         {SPOKE_STR("empty"), {NULL, 0}}};
    const spoke_outgoing message = {.body = SPOKE_STR("{\"a\":1}"),
                                    .message_id = "m-1",
                                    .correlation_id = "c-1",
                                    .creation_time_s = 1767225600,
                                    .properties = pairs,
                                    .property_count = 2,
                                    .id = 77};
    assert_ok(spoke_message_send(f->client, &message));
    ready(f);
    assert_true(sim_drain(&f->sim, f->client, 5000));
    assert_int_equal(f->app.sent, 77);
    assert_int_equal(f->app.outcome, SPOKE_OK);
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_true(sim_contains(f->text, "\"messageId\":\"m-1\""));
    assert_true(sim_contains(f->text, "\"correlationId\":\"c-1\""));
    assert_true(sim_contains(f->text, "\"batch\":\"a&b=c/%\""));
    assert_true(sim_contains(f->text, "\"empty\":\"\""));
    assert_true(sim_contains(f->text, "2026-01-01T00:00:00Z"));
}

static void bad_telemetry_is_refused_before_it_is_queued(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(spoke_send(f->client, spoke_text("t", SPOKE_STR("\xff\xfe"))), SPOKE_E_ARG);
    assert_int_equal(spoke_send(f->client, spoke_f64("t", 0.0 / 0.0)), SPOKE_E_ARG);
    assert_int_equal(spoke_send(f->client, spoke_f64("\xc0", 1)), SPOKE_E_ARG);
    const spoke_outgoing broken = {.body = SPOKE_STR("{\"a\":")};
    assert_int_equal(spoke_message_send(f->client, &broken), SPOKE_E_ARG);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void telemetry_larger_than_the_queue_is_refused_as_too_large(void **state)
{
    struct fixture *f = *state;
    static char big[20000];
    memset(big, 'x', sizeof big);
    assert_int_equal(spoke_send(f->client, spoke_text("t", spoke_str_from(big, sizeof big))), SPOKE_E_TOO_LARGE);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
}

/* --- properties --- */

static void reported_properties_reach_the_twin_and_null_deletes(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_ok(spoke_report(f->client, spoke_text("serialNumber", SPOKE_STR("S1")), spoke_i64("boots", 3)));
    assert_ok(spoke_report(f->client, spoke_null("boots")));
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"serialNumber\":\"S1\""));
    assert_int_equal(sim_count(f->text, "boots"), 0);
}

static void a_writable_property_is_acknowledged_with_the_verdict(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"targetTemperature\":25}"), 202);
    sim_run(&f->sim, f->client, 1000);
    assert_true(f->app.target == 25);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"value\":25"));
    assert_true(sim_contains(f->text, "\"ac\":200"));
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"targetTemperature\":99}"), 202);
    sim_run(&f->sim, f->client, 1000);
    assert_true(f->app.target == 25);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"ac\":400"));
    assert_true(sim_contains(f->text, "at most 40 degrees"));
}

static void a_component_property_is_acknowledged_inside_its_component(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(
        request(f, "PATCH", "/api/devices/dev-1/components/thermostat1/properties", "{\"targetTemperature\":30}"),
        202);
    sim_run(&f->sim, f->client, 1000);
    assert_true(f->app.target == 30);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":{\"value\":30"));
}

static void a_property_changed_while_offline_is_seen_once_after_the_reconnect(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"targetTemperature\":19}"), 202);
    assert_ok(spoke_client_open(f->client));
    ready(f);
    assert_true(f->app.target == 19);
    assert_int_equal(f->app.property_calls, 1);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_ok(spoke_client_open(f->client));
    ready(f);
    assert_int_equal(f->app.property_calls, 1); /* nothing new: not asked again */
}

static void a_deferred_property_is_pending_until_the_program_decides(void **state)
{
    struct fixture *f = *state;
    f->app.defer_property = true;
    ready(f);
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"targetTemperature\":25}"), 202);
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"ac\":202"));
    assert_ok(
        spoke_property_ack(f->client, NULL, "targetTemperature", SPOKE_STR("25"), f->app.version, spoke_accept()));
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"ac\":200"));
}

/* --- commands --- */

static void a_command_is_answered_with_what_the_handler_wrote(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(
        request(f, "POST", "/api/devices/dev-1/commands/getMaxMinReport", "{\"request\":{\"since\":1}}"), 201);
    assert_true(sim_contains(f->text, "\"maxTemp\":22.5"));
    assert_true(sim_contains(f->text, "\"responseCode\":200"));
    assert_string_equal(f->app.payload, "{\"since\":1}");
}

static void a_component_command_reaches_its_own_handler(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(
        request(f, "POST", "/api/devices/dev-1/components/thermostat1/commands/reboot", "{\"request\":5}"), 201);
    assert_int_equal(f->app.command_calls, 1);
    assert_string_equal(f->app.payload, "5");
}

static void an_unknown_command_is_answered_404(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(request(f, "POST", "/api/devices/dev-1/commands/selfDestruct", "{}"), 201);
    assert_true(sim_contains(f->text, "\"responseCode\":404"));
}

static void note_answer(void *user, int http_status, spoke_str body)
{
    struct pending_answer *a = user;
    a->done = true;
    a->status = http_status;
    snprintf(a->text, sizeof a->text, "%.*s", (int)body.len, body.ptr);
}

static void a_deferred_command_is_answered_later_and_only_once(void **state)
{
    struct fixture *f = *state;
    f->app.defer_command = true;
    ready(f);
    assert_ok(spoke_central_request(f->sim.central, "POST", "/api/devices/dev-1/commands/getMaxMinReport",
                                    SPOKE_STR("{}"), note_answer, &f->answer));
    sim_run(&f->sim, f->client, 2000);
    assert_int_equal(f->app.command_calls, 1);
    assert_false(f->answer.done);
    assert_ok(spoke_command_reply(f->client, f->app.request, 200, SPOKE_STR("{\"late\":true}")));
    assert_int_equal(spoke_command_reply(f->client, f->app.request, 200, SPOKE_STR("1")), SPOKE_E_NOT_FOUND);
    sim_run(&f->sim, f->client, 1000);
    assert_true(f->answer.done);
    assert_int_equal(f->answer.status, 201);
    assert_true(sim_contains(f->answer.text, "\"late\":true"));
}

static void the_answer_to_a_command_of_a_lost_connection_is_refused(void **state)
{
    struct fixture *f = *state;
    f->app.defer_command = true;
    ready(f);
    assert_ok(spoke_central_request(f->sim.central, "POST", "/api/devices/dev-1/commands/getMaxMinReport",
                                    SPOKE_STR("{}"), note_answer, &f->answer));
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/disconnect", NULL), 200);
    sim_run(&f->sim, f->client, 100);
    assert_int_equal(spoke_command_reply(f->client, f->app.request, 200, SPOKE_STR("1")), SPOKE_E_NOT_FOUND);
}

/* --- cloud to device --- */

static void a_cloud_message_is_acknowledged_after_the_handler(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/c2d",
                             "{\"body\":\"hello\",\"properties\":{\"p\":\"1\"},\"system\":{\"$.mid\":\"m1\"}}"),
                     202);
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(f->app.messages, 1);
    assert_string_equal(f->app.body, "hello");
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"c2dPending\":0"));
}

static void a_deferred_cloud_message_stays_pending_until_done(void **state)
{
    struct fixture *f = *state;
    f->app.defer_message = true;
    ready(f);
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/c2d", "{\"body\":\"hello\"}"), 202);
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"c2dPending\":1"));
    assert_ok(spoke_message_done(f->client, f->app.request));
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"c2dPending\":0"));
}

static void an_offline_command_is_run_when_the_device_comes_back(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/c2d",
                             "{\"body\":\"@\",\"properties\":{\"method-name\":\"thermostat1*reboot\"}}"),
                     202);
    assert_ok(spoke_client_open(f->client));
    ready(f);
    sim_run(&f->sim, f->client, 1000);
    assert_int_equal(f->app.command_calls, 1);
    assert_string_equal(f->app.payload, "offline:");
}

/* --- tokens --- */

static void a_day_of_hourly_tokens_loses_and_doubles_nothing(void **state)
{
    struct fixture *f = *state;
    ready(f);
    const unsigned before = f->sim.connects;
    for (int minute = 0; minute < 24 * 60; minute++) {
        assert_ok(spoke_send(f->client, spoke_i64("minute", minute)));
        sim_run(&f->sim, f->client, 60000);
    }
    assert_true(sim_drain(&f->sim, f->client, 60000));
    static char all[4 << 20];
    sim_messages(&f->sim, all, sizeof all);
    assert_int_equal(sim_count(all, "\"body\""), 24 * 60);
    assert_in_range(f->sim.connects - before, 28, 31); /* 80 to 85 % of an hour each */
    assert_int_equal(request(f, "GET", "/control/events", NULL), 200);
    assert_int_equal(sim_count(f->text, "hub-token-expired"), 0);
}

#define with_client(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_client(a_new_device_provisions_connects_and_is_ready),
        with_client(a_restart_connects_from_the_kept_assignment_without_dps),
        with_client(an_assignment_kept_for_another_scope_is_not_used),
        with_client(close_drains_the_queue_and_says_goodbye),
        with_client(close_while_connecting_ends_idle_and_open_works_again),
        with_client(a_wait_of_dps_is_honoured_to_the_second),
        with_client(telemetry_sent_before_the_connection_arrives_in_order_once),
        with_client(a_message_keeps_its_properties_and_reports_its_outcome),
        with_client(bad_telemetry_is_refused_before_it_is_queued),
        with_client(telemetry_larger_than_the_queue_is_refused_as_too_large),
        with_client(reported_properties_reach_the_twin_and_null_deletes),
        with_client(a_writable_property_is_acknowledged_with_the_verdict),
        with_client(a_component_property_is_acknowledged_inside_its_component),
        with_client(a_property_changed_while_offline_is_seen_once_after_the_reconnect),
        with_client(a_deferred_property_is_pending_until_the_program_decides),
        with_client(a_command_is_answered_with_what_the_handler_wrote),
        with_client(a_component_command_reaches_its_own_handler),
        with_client(an_unknown_command_is_answered_404),
        with_client(a_deferred_command_is_answered_later_and_only_once),
        with_client(the_answer_to_a_command_of_a_lost_connection_is_refused),
        with_client(a_cloud_message_is_acknowledged_after_the_handler),
        with_client(a_deferred_cloud_message_stays_pending_until_done),
        with_client(an_offline_command_is_run_when_the_device_comes_back),
        with_client(a_day_of_hourly_tokens_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
