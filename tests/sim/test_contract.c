/* A device with a template beside the service: what does not fit reaches neither, and both are told. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

static const spoke_range celsius_range = {.has_low = true, .has_high = true, .low = 5, .high = 40};
static const spoke_schema celsius = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &celsius_range};
static const spoke_member members[] = {
    {NULL, "add", SPOKE_COMMAND, 0, &spoke_schema_integer, &spoke_schema_integer},
    {NULL, "serial", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &celsius, NULL},
    {NULL, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
};
static const spoke_model model = {"dtmi:sim:contract;1", members, sizeof members / sizeof members[0]};

struct fixture {
    struct sim sim;
    spoke_client *client;
    unsigned property_calls, command_calls;
    char text[16384];
};

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    (void)wanted;
    f->property_calls++;
    return spoke_accept();
}

static spoke_ack add(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    f->command_calls++;
    spoke_write(call->reply, spoke_json(NULL, call->payload));
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("add", add), SPOKE_ON_PROPERTY("target", set_target)};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    sim_start(&f->sim, NULL);
    spoke_config config = sim_config(&f->sim);
    config.model = &model;
    config.handlers = handlers;
    config.handler_count = 2;
    config.user = f;
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
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
}

static bool twin_has(struct fixture *f, const char *part)
{
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    return sim_contains(f->text, part);
}

static void a_refused_property_is_refused_in_the_twin(void **state)
{
    struct fixture *f = *state;
    set(f, "{\"target\":41,\"serial\":\"x\",\"other\":{\"deep\":[1]}}");
    sim_run(&f->sim, f->client, 1000);
    assert_true(twin_has(f, "property 'target': expected 5 to 40"));
    assert_true(sim_contains(f->text, "property 'serial': the service may not set it"));
    assert_true(sim_contains(f->text, "the template has no property 'other'"));
    assert_int_equal(sim_count(f->text, "\"ac\":4"), 3);
    assert_int_equal(f->property_calls, 0);
    const uint64_t up = f->sim.up;
    sim_run(&f->sim, f->client, 100000); /* and that is all: no answer calls for another */
    assert_int_equal(f->sim.up, up);
}

/* The conversation about one refusal is some 300 bytes each way. */
static void a_refusal_outlives_a_link_cut_after_any_byte(void **state)
{
    struct fixture *f = *state;
    for (unsigned cut = 0; cut < 300; cut += 3) {
        char patch[64], wanted[64];
        snprintf(patch, sizeof patch, "{\"target\":%u,\"old\":%u}", 1000 + cut, cut);
        f->sim.cut_up = cut % 2 == 0 ? f->sim.up + cut : SIM_NEVER;
        f->sim.cut_down = cut % 2 != 0 ? f->sim.down + cut : SIM_NEVER;
        set(f, patch);
        sim_run(&f->sim, f->client, 1000);
        assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 600000));
        sim_run(&f->sim, f->client, 60000);
        snprintf(wanted, sizeof wanted, "\"target\":{\"value\":%u,\"ac\":400,", 1000 + cut);
        assert_true(twin_has(f, wanted));
        snprintf(wanted, sizeof wanted, "\"old\":{\"value\":%u,\"ac\":404,", cut);
        assert_true(sim_contains(f->text, wanted));
    }
    assert_int_equal(f->property_calls, 0);
    assert_in_range(f->sim.connects, 50, 400); /* the link was cut indeed */
}

static void a_command_is_called_with_what_the_template_says_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, "POST", "/api/devices/dev-1/commands/add", "{\"request\":1.5}"), 201);
    assert_true(sim_contains(f->text, "\"responseCode\":400"));
    assert_true(sim_contains(f->text, "command 'add' request: expected a whole number"));
    assert_int_equal(request(f, "POST", "/api/devices/dev-1/commands/add", "{}"), 201);
    assert_true(sim_contains(f->text, "\"responseCode\":400"));
    assert_int_equal(f->command_calls, 0);
    assert_int_equal(request(f, "POST", "/api/devices/dev-1/commands/add", "{\"request\":7}"), 201);
    assert_true(sim_contains(f->text, "\"responseCode\":200"));
    assert_int_equal(f->command_calls, 1);
}

static void telemetry_that_does_not_fit_never_leaves(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(spoke_send(f->client, spoke_text("temperature", SPOKE_STR("21"))), SPOKE_E_MODEL);
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 22)));
    assert_true(sim_drain(&f->sim, f->client, 60000));
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_int_equal(sim_count(f->text, "\"body\""), 1);
    assert_true(sim_contains(f->text, "22"));
}

#define claim(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_refused_property_is_refused_in_the_twin),
        claim(a_refusal_outlives_a_link_cut_after_any_byte),
        claim(a_command_is_called_with_what_the_template_says_only),
        claim(telemetry_that_does_not_fit_never_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
