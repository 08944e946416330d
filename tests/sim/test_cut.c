/* The link is cut after every single byte of a whole conversation, in both directions: provisioning, connect,
 * twin, telemetry, a writable property, a reported property, a command. Wherever the cut falls, the device is
 * READY again, every telemetry message is in the service (at most doubled, and then marked as such by order), the
 * property is acknowledged and the reported one is there. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define MESSAGES 3

struct run {
    struct sim *sim;
    spoke_client *client;
    char device[32];
    char key[96];
    double target;
    char text[16384];
};

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct run *r = user;
    return spoke_json_double(wanted->value, &r->target) == SPOKE_OK ? spoke_accept()
                                                                    : spoke_reject(400, "a number");
}

static spoke_ack answer(const spoke_command *call, void *user)
{
    (void)user;
    spoke_write(call->reply, spoke_bool("done", true));
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("target", set_target), SPOKE_ON_COMMAND("go", answer)};

static int ask(struct run *r, const char *method, const char *suffix, const char *body)
{
    char target[128];
    snprintf(target, sizeof target, suffix, r->device);
    return sim_request(r->sim, r->client, method, target, body, r->text, sizeof r->text);
}

static void start_run(struct run *r, struct sim *sim, unsigned number)
{
    memset(r, 0, sizeof *r);
    r->sim = sim;
    sim_records_clear(sim);
    snprintf(r->device, sizeof r->device, "cut-%u", number);
    spoke_buf key = spoke_buf_from(r->key, sizeof r->key - 1);
    assert_ok(spoke_central_device_key(sim->central, r->device, &key));
    spoke_config config = sim_config(sim);
    config.registration_id = r->device;
    config.credential.primary = r->key;
    config.handlers = handlers;
    config.handler_count = 2;
    config.user = r;
    assert_ok(spoke_client_create(&config, &r->client));
    assert_ok(spoke_client_open(r->client));
}

static void converse(struct run *r)
{
    for (int i = 0; i < MESSAGES; i++)
        assert_ok(spoke_send(r->client, spoke_i64("n", i)));
    assert_ok(spoke_report(r->client, spoke_text("serial", SPOKE_STR("S1"))));
    assert_true(sim_reach(r->sim, r->client, SPOKE_READY, 600000));
    assert_int_equal(ask(r, "PATCH", "/api/devices/%s/properties", "{\"target\":21}"), 202);
    const int status = ask(r, "POST", "/api/devices/%s/commands/go", "{}");
    assert_true(status == 201 || status == 404 || status == 504); /* the cut may take the command with it */
    assert_true(sim_reach(r->sim, r->client, SPOKE_READY, 600000));
    assert_true(sim_drain(r->sim, r->client, 600000));
    sim_run(r->sim, r->client, 130000);
}

static void check_nothing_lost(struct run *r)
{
    char part[32];
    assert_int_equal(spoke_client_state(r->client), SPOKE_READY);
    assert_int_equal(ask(r, "GET", "/control/devices/%s/messages", NULL), 200);
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(part, sizeof part, "{\\\"n\\\":%d}", i);
        assert_in_range(sim_count(r->text, part), 1, 2);
    }
    assert_true(r->target == 21);
    assert_int_equal(ask(r, "GET", "/control/devices/%s", NULL), 200);
    assert_true(sim_contains(r->text, "\"serial\":\"S1\""));
    assert_true(sim_contains(r->text, "\"ac\":200"));
}

static void finish_run(struct run *r)
{
    spoke_client_destroy(r->client);
    char target[64];
    snprintf(target, sizeof target, "/api/devices/%s", r->device);
    assert_int_equal(sim_request(r->sim, NULL, "DELETE", target, NULL, NULL, 0), 204);
}

/* An uncut conversation's size in the chosen direction. */
static uint64_t measure(struct sim *sim, bool up)
{
    struct run r;
    const uint64_t before = up ? sim->up : sim->down;
    start_run(&r, sim, 0);
    converse(&r);
    check_nothing_lost(&r);
    finish_run(&r);
    return (up ? sim->up : sim->down) - before;
}

static void cut_everywhere(bool up)
{
    struct sim sim;
    sim_start(&sim, NULL);
    const uint64_t total = measure(&sim, up);
    assert_in_range(total, 300, 20000);
    for (unsigned n = 0; n < total; n++) {
        struct run r;
        start_run(&r, &sim, n + 1);
        if (up)
            sim.cut_up = sim.up + n;
        else
            sim.cut_down = sim.down + n;
        converse(&r);
        assert_true(sim.cut_up == SIM_NEVER && sim.cut_down == SIM_NEVER); /* it did fall */
        check_nothing_lost(&r);
        finish_run(&r);
    }
    print_message("cut %s after each of %u bytes\n", up ? "up" : "down", (unsigned)total);
    sim_stop(&sim);
}

static void a_cut_after_any_byte_to_the_service_loses_nothing(void **state)
{
    (void)state;
    cut_everywhere(true);
}

static void a_cut_after_any_byte_to_the_device_loses_nothing(void **state)
{
    (void)state;
    cut_everywhere(false);
}

static void one_byte_at_a_time_both_ways_changes_nothing(void **state)
{
    (void)state;
    struct sim sim;
    struct run r;
    sim_start(&sim, NULL);
    sim.chunk = 1;
    start_run(&r, &sim, 1);
    converse(&r);
    check_nothing_lost(&r);
    finish_run(&r);
    sim_stop(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_at_a_time_both_ways_changes_nothing),
        cmocka_unit_test(a_cut_after_any_byte_to_the_service_loses_nothing),
        cmocka_unit_test(a_cut_after_any_byte_to_the_device_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
