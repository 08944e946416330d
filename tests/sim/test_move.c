/* Moving to another service: the device ends READY at the one or at the other, whatever fails and wherever the power is
 * cut, and what it had to say goes with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MINUTE 60000ull
#define LONG (60 * MINUTE)

struct fixture {
    struct sim sim;
    spoke_platform platform; /* the sim's, with a store that can fail */
    spoke_client *client;
    char scope[64];
    unsigned stores, cut_at; /* the store that is the last; 0: none */
    bool cut_done;           /* it is done, and only its answer is lost */
    bool dead, refuses;      /* the power is gone; the store fails */
    unsigned notices;
    spoke_error moved;
    double target;
    char text[16384];
};

static spoke_status cut_store(void *ctx, const char *key, spoke_str value)
{
    struct fixture *f = ctx;
    if (f->dead || f->refuses)
        return SPOKE_E_PORT;
    f->stores++;
    f->dead = f->stores == f->cut_at;
    if (f->dead && !f->cut_done)
        return SPOKE_E_PORT;
    return f->sim.platform.store(&f->sim, key, value);
}

/* The platform's context is the fixture, and its first member the sim. */
static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    struct fixture *f = user;
    (void)client;
    if (notice->kind != SPOKE_NOTICE_MOVE)
        return;
    f->notices++;
    f->moved = notice->error;
}

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    return spoke_json_double(wanted->value, &f->target) == SPOKE_OK ? spoke_accept()
                                                                    : spoke_reject(400, "a number");
}

static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("DeviceMove", spoke_move_command),
                                         SPOKE_ON_PROPERTY("target", set_target)};

static spoke_config config_of(struct fixture *f)
{
    spoke_config config = sim_config(&f->sim);
    f->platform = f->sim.platform;
    f->platform.store = cut_store;
    config.platform = &f->platform;
    config.on_notice = note;
    config.user = f;
    config.handlers = handlers;
    config.handler_count = 2;
    return config;
}

static void start(struct fixture *f)
{
    const spoke_config config = config_of(f);
    spoke_client_destroy(f->client);
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    assert_ptr_equal(f, &f->sim);
    sim_start(&f->sim, NULL);
    sim_start_other(&f->sim);
    snprintf(f->scope, sizeof f->scope, "%s", spoke_central_env_of(f->sim.other)->id_scope);
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

static int request(struct fixture *f, bool at_other, const char *method, const char *target, const char *body)
{
    struct sim *s = &f->sim;
    spoke_central *first = s->central;
    if (at_other) {
        s->central = s->other;
        s->other = first;
    }
    const int status = sim_request(s, NULL, method, target, body, f->text, sizeof f->text);
    if (at_other) {
        s->other = s->central;
        s->central = first;
    }
    return status;
}

static void faults(struct fixture *f, bool at_other, const char *body)
{
    assert_in_range(request(f, at_other, "PUT", "/control/faults", body), 200, 204);
}

static bool at_host(const struct fixture *f, const char *host)
{
    return spoke_client_state(f->client) == SPOKE_READY &&
           spoke_str_equal(spoke_client_hub_host(f->client), spoke_str_of(host));
}

/* Polls until READY there. */
static bool arrives(struct fixture *f, const char *host, uint64_t limit_ms)
{
    const uint64_t until = f->sim.now + limit_ms;
    while (!at_host(f, host) && !f->dead && f->sim.now < until)
        if (spoke_client_poll(f->client, 1000) != SPOKE_OK)
            break;
    return at_host(f, host);
}

static bool told(struct fixture *f, uint64_t limit_ms)
{
    const uint64_t until = f->sim.now + limit_ms;
    while (f->notices == 0 && f->sim.now < until)
        if (spoke_client_poll(f->client, 1000) != SPOKE_OK)
            break;
    return f->notices > 0;
}

static void ready_at_home(struct fixture *f)
{
    start(f);
    assert_true(arrives(f, "localhost", MINUTE));
}

static void move_out(struct fixture *f)
{
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
    assert_int_equal(f->notices, 1);
    assert_int_equal(f->moved.status, SPOKE_OK);
}

/* --- it works --- */

static void a_move_leads_to_the_other_service_and_is_kept(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    move_out(f);
    assert_true(sim_contains(sim_record(&f->sim, "home"), SIM_OTHER_HOST));
    assert_string_equal(sim_record(&f->sim, "move"), "");
    const unsigned connects = f->sim.connects;
    start(f); /* the new home is known: no DPS */
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
    assert_int_equal(f->sim.connects, connects + 1);
    assert_int_equal(f->notices, 1);
}

static void what_was_queued_and_reported_goes_with_the_device(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    faults(f, false, "{\"pubackDelay\":{\"ms\":5000}}");
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    sim_run(&f->sim, f->client, 100);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    sim_run(&f->sim, f->client, 1000);
    assert_ok(spoke_send(f->client, spoke_i64("n", 2))); /* while the link drains */
    assert_ok(spoke_report(f->client, spoke_i64("r", 3)));
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
    assert_true(sim_drain(&f->sim, f->client, MINUTE));
    sim_run(&f->sim, f->client, 2000);
    request(f, false, "GET", "/control/devices/" SIM_DEVICE "/messages", NULL);
    assert_true(sim_contains(f->text, "{\\\"n\\\":1}"));
    assert_int_equal(sim_count(f->text, "{\\\"n\\\":2}"), 0);
    request(f, true, "GET", "/control/devices/" SIM_DEVICE "/messages", NULL);
    assert_int_equal(sim_count(f->text, "{\\\"n\\\":2}"), 1);
    request(f, true, "GET", "/control/devices/" SIM_DEVICE, NULL);
    assert_true(sim_contains(f->text, "\"r\":3"));
}

static void the_new_hub_counts_versions_of_its_own(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    for (int i = 1; i <= 3; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"target\":%d}", i);
        request(f, false, "PATCH", "/api/devices/" SIM_DEVICE "/properties", body);
        sim_run(&f->sim, f->client, 1000);
    }
    assert_true(f->target == 3);
    move_out(f);
    request(f, true, "PATCH", "/api/devices/" SIM_DEVICE "/properties", "{\"target\":7}");
    sim_run(&f->sim, f->client, 2000);
    assert_true(f->target == 7); /* although its version is below the one known from the old hub */
}

static void the_command_answers_before_the_device_leaves(void **state)
{
    struct fixture *f = *state;
    char body[200];
    ready_at_home(f);
    snprintf(body, sizeof body, "{\"request\":{\"idScope\":\"%s\",\"provisioningHost\":\"" SIM_OTHER_HOST "\"}}",
             f->scope);
    sim_request(&f->sim, f->client, "POST", "/api/devices/" SIM_DEVICE "/commands/DeviceMove", body, f->text,
                sizeof f->text);
    assert_true(sim_contains(f->text, "202"));
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
}

static void a_move_back_needs_no_host_of_its_own(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    move_out(f);
    f->notices = 0;
    assert_ok(spoke_client_move(f->client, spoke_central_env_of(f->sim.central)->id_scope, NULL));
    assert_true(arrives(f, "localhost", MINUTE));
    assert_int_equal(f->moved.status, SPOKE_OK);
}

static void a_new_assignment_at_the_new_home_is_kept_there(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    move_out(f);
    faults(f, true, "{\"refuseConnect\":{\"code\":5,\"count\":2}}");
    spoke_client_destroy(f->client);
    f->client = NULL;
    start(f);
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE)); /* by way of its DPS */
    assert_true(sim_contains(sim_record(&f->sim, "home"), f->scope));
    assert_true(sim_contains(sim_record(&f->sim, "assignment"), "localhost"));
}

static void a_firmware_with_another_scope_wins_over_a_former_move(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    move_out(f);
    spoke_config config = config_of(f);
    spoke_client_destroy(f->client);
    config.id_scope = "0neNEW";
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, MINUTE)); /* unknown there, and asked all the same */
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_REFUSED);
}

static void a_device_whose_old_service_is_gone_arrives_after_a_restart(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    faults(f, false, "{\"refuseConnect\":{\"code\":5},\"dpsRefuseConnect\":{\"code\":5}}");
    start(f);
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
}

/* --- it does not --- */

static void expect_stay(struct fixture *f, spoke_status status, unsigned most_minutes)
{
    assert_true(told(f, most_minutes * MINUTE));
    assert_string_equal(spoke_status_name(f->moved.status), spoke_status_name(status));
    assert_true(arrives(f, "localhost", MINUTE));
    assert_string_equal(sim_record(&f->sim, "move"), "");
    assert_string_equal(sim_record(&f->sim, "home"), "");
    sim_run(&f->sim, f->client, 10 * MINUTE);
    assert_true(at_host(f, "localhost"));
    assert_int_equal(f->notices, 1);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST)); /* the next one is free to begin */
}

static void an_unknown_scope_ends_the_move_at_once(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    const unsigned connects = f->sim.connects;
    assert_ok(spoke_client_move(f->client, "0neNONE", SIM_OTHER_HOST));
    assert_true(told(f, MINUTE));
    assert_true(arrives(f, "localhost", MINUTE));
    assert_int_equal(f->sim.connects, connects + 2);
    expect_stay(f, SPOKE_E_REFUSED, 1);
}

static void a_device_that_is_blocked_there_stays(void **state)
{
    struct fixture *f = *state;
    assert_in_range(request(f, true, "PUT", "/api/devices/" SIM_DEVICE, "{\"enabled\":false}"), 200, 201);
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    expect_stay(f, SPOKE_E_PROVISION, 1);
}

static void a_dps_that_is_silent_is_tried_three_times(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    const unsigned connects = f->sim.connects;
    assert_ok(spoke_client_move(f->client, f->scope, SIM_SILENT_HOST));
    assert_true(told(f, 20 * MINUTE));
    assert_true(arrives(f, "localhost", MINUTE));
    assert_int_equal(f->sim.connects, connects + 6); /* each try, and each way back */
    expect_stay(f, SPOKE_E_TIMEOUT, 1);
}

static void a_hub_that_refuses_is_tried_three_times(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    faults(f, true, "{\"refuseConnect\":{\"code\":5,\"count\":3}}");
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    expect_stay(f, SPOKE_E_REFUSED, 20);
}

static void a_hub_that_refuses_twice_is_reached_with_the_third_try(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    faults(f, true, "{\"refuseConnect\":{\"code\":5,\"count\":2}}");
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    assert_true(arrives(f, SIM_OTHER_HOST, 20 * MINUTE));
    assert_int_equal(f->moved.status, SPOKE_OK);
}

static void between_two_tries_the_device_works_at_home(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    faults(f, true, "{\"refuseConnect\":{\"code\":5}}");
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    while (at_host(f, "localhost"))
        assert_ok(spoke_client_poll(f->client, 1000));
    assert_true(arrives(f, "localhost", 10000));
    assert_int_equal(f->notices, 0);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_true(sim_drain(&f->sim, f->client, 10000));
}

static unsigned tries(const struct fixture *f)
{
    const char *at = strstr(sim_record(&f->sim, "move"), "\"tries\":");
    return at != NULL ? (unsigned)atoi(at + 8) : 99;
}

static void an_outage_does_not_use_the_tries_up(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    f->sim.unreachable = true;
    while (tries(f) == 0)
        assert_ok(spoke_client_poll(f->client, 1000));
    sim_run(&f->sim, f->client, 8 * MINUTE);
    assert_int_equal(tries(f), 1);
    f->sim.unreachable = false;
    assert_true(arrives(f, SIM_OTHER_HOST, 10 * MINUTE));
}

static void a_home_out_of_reach_for_ten_minutes_does_not_hold_the_move_up(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    faults(f, true, "{\"refuseConnect\":{\"code\":5,\"count\":1}}");
    faults(f, false, "{\"refuseConnect\":{\"code\":3,\"count\":1000}}");
    assert_true(arrives(f, SIM_OTHER_HOST, 20 * MINUTE));
    assert_int_equal(f->moved.status, SPOKE_OK);
}

static void a_store_that_fails_lets_no_move_begin_and_none_end_homeless(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    f->refuses = true;
    assert_int_equal(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST), SPOKE_E_PORT);
    sim_run(&f->sim, f->client, 10 * MINUTE);
    assert_true(at_host(f, "localhost"));
    f->refuses = false;
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    f->refuses = true; /* from the counting of the first try on */
    assert_true(told(f, 20 * MINUTE));
    assert_int_equal(f->moved.status, SPOKE_E_PORT);
    assert_true(arrives(f, "localhost", MINUTE));
    f->refuses = false; /* the order itself was kept, and could not be taken back */
    start(f);
    assert_true(arrives(f, SIM_OTHER_HOST, MINUTE));
}

static void a_home_that_cannot_be_kept_is_left_again(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    while (strstr(sim_record(&f->sim, "move"), "\"tries\":0") != NULL)
        assert_ok(spoke_client_poll(f->client, 1000));
    f->refuses = true;
    assert_true(arrives(f, "localhost", MINUTE));
    assert_string_equal(sim_record(&f->sim, "home"), "");
    f->refuses = false;
    assert_true(arrives(f, SIM_OTHER_HOST, 5 * MINUTE)); /* with the second try */
    assert_true(sim_contains(sim_record(&f->sim, "home"), SIM_OTHER_HOST));
}

static void what_cannot_be_moved_to_is_refused(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    char long_host[300];
    memset(long_host, 'x', sizeof long_host);
    long_host[sizeof long_host - 1] = '\0';
    assert_int_equal(spoke_client_move(NULL, "0ne", NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, NULL, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, "", NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, "a/b", NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, long_host, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, "0ne", ""), SPOKE_E_ARG);
    assert_int_equal(spoke_client_move(f->client, "0ne", long_host), SPOKE_E_ARG);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST));
    assert_int_equal(spoke_client_move(f->client, f->scope, SIM_OTHER_HOST), SPOKE_E_STATE);
    spoke_config config = config_of(f);
    spoke_client_destroy(f->client);
    f->platform.store = NULL;
    assert_ok(spoke_client_create(&config, &f->client));
    assert_int_equal(spoke_client_move(f->client, f->scope, NULL), SPOKE_E_UNSUPPORTED);
}

/* --- power cuts --- */

/* One life with a cut at the k-th store, and one after it. False: the first life had fewer stores. */
static bool live_twice(struct fixture *f, unsigned k, bool done)
{
    sim_records_clear(&f->sim);
    f->stores = 0;
    f->cut_at = k;
    f->cut_done = done;
    f->dead = false;
    start(f);
    (void)arrives(f, "localhost", MINUTE);
    if (!f->dead && spoke_client_move(f->client, f->scope, SIM_OTHER_HOST) == SPOKE_OK)
        (void)arrives(f, SIM_OTHER_HOST, MINUTE);
    for (int i = 0; i < 20 && !f->dead; i++)
        assert_ok(spoke_client_poll(f->client, 100));
    const bool cut = f->dead;
    f->dead = false;
    f->cut_at = 0;
    start(f);
    const uint64_t until = f->sim.now + 5 * MINUTE;
    while (spoke_client_state(f->client) != SPOKE_READY && f->sim.now < until)
        assert_ok(spoke_client_poll(f->client, 1000));
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
    return cut;
}

static void a_power_cut_at_any_store_leaves_the_old_home_or_the_new_one(void **state)
{
    struct fixture *f = *state;
    unsigned cuts = 0;
    for (int done = 0; done < 2; done++)
        for (unsigned k = 1; live_twice(f, k, done != 0); k++) {
            cuts++;
            /* the order to move was kept: it is carried out; else the device is where it was */
            const bool ordered = k > 2 || (k == 2 && done);
            assert_true(arrives(f, ordered ? SIM_OTHER_HOST : "localhost", 5 * MINUTE));
            sim_run(&f->sim, f->client, 2 * MINUTE);
            assert_true(at_host(f, ordered ? SIM_OTHER_HOST : "localhost"));
            assert_string_equal(sim_record(&f->sim, "move"), "");
        }
    assert_in_range(cuts, 8, 40);
}

static void a_device_that_restarts_during_each_try_gives_up_and_stays(void **state)
{
    struct fixture *f = *state;
    ready_at_home(f);
    assert_ok(spoke_client_move(f->client, f->scope, SIM_SILENT_HOST));
    for (int i = 0; i < 3; i++) {
        assert_true(sim_reach(&f->sim, f->client, SPOKE_PROVISIONING, MINUTE));
        assert_int_equal(f->notices, 0);
        start(f);
    }
    expect_stay(f, SPOKE_E_TIMEOUT, 1);
}

#define RECORD(over, registration, rest) "{\"over\":\"" over "\",\"registration\":\"" registration "\"," rest "}"

static void start_with_record(struct fixture *f, const char *key, const char *text)
{
    char record[400];
    const char *at = strstr(text, "SCOPE"); /* stands for the configured one */
    const size_t front = at != NULL ? (size_t)(at - text) : strlen(text);
    snprintf(record, sizeof record, "%.*s%s%s", (int)front, text,
             at != NULL ? spoke_central_env_of(f->sim.central)->id_scope : "", at != NULL ? at + 5 : "");
    sim_records_clear(&f->sim);
    sim_record_set(&f->sim, key, record);
    start(f);
    assert_true(arrives(f, "localhost", MINUTE));
}

static void records_that_no_move_could_have_written_do_not_count(void **state)
{
    struct fixture *f = *state;
    const char *const broken[] = {"{",
                                  "[]",
                                  "{\"scope\":\"x\"}",
                                  RECORD("SCOPE", "dev-1", "\"scope\":\"a/b\",\"tries\":0"),
                                  RECORD("SCOPE", "dev-1", "\"scope\":\"0n\\u0000e\",\"tries\":0"),
                                  RECORD("SCOPE", "dev-1", "\"scope\":\"0ne\",\"hosts\":\"a,\",\"tries\":0"),
                                  RECORD("SCOPE", "dev-1", "\"scope\":\"0ne\",\"hosts\":5,\"tries\":0"),
                                  RECORD("SCOPE", "other", "\"scope\":\"0ne\",\"tries\":0"),
                                  RECORD("elsewhere", "dev-1", "\"scope\":\"0ne\",\"tries\":0")};
    const char *const wrong_count[] = {"-1", "256", "1.5", "\"1\"", "null"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        start_with_record(f, "home", broken[i]);
        start_with_record(f, "move", broken[i]);
        assert_string_equal(sim_record(&f->sim, "move"), "");
    }
    for (size_t i = 0; i < sizeof wrong_count / sizeof wrong_count[0]; i++) {
        char record[200];
        snprintf(record, sizeof record, RECORD("SCOPE", "dev-1", "\"scope\":\"0ne\",\"tries\":%s"),
                 wrong_count[i]);
        start_with_record(f, "move", record);
        assert_string_equal(sim_record(&f->sim, "move"), "");
    }
    assert_int_equal(f->notices, 0);
}

#define claim(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_move_leads_to_the_other_service_and_is_kept),
        claim(what_was_queued_and_reported_goes_with_the_device),
        claim(the_new_hub_counts_versions_of_its_own),
        claim(the_command_answers_before_the_device_leaves),
        claim(a_move_back_needs_no_host_of_its_own),
        claim(a_new_assignment_at_the_new_home_is_kept_there),
        claim(a_firmware_with_another_scope_wins_over_a_former_move),
        claim(a_device_whose_old_service_is_gone_arrives_after_a_restart),
        claim(an_unknown_scope_ends_the_move_at_once),
        claim(a_device_that_is_blocked_there_stays),
        claim(a_dps_that_is_silent_is_tried_three_times),
        claim(a_hub_that_refuses_is_tried_three_times),
        claim(a_hub_that_refuses_twice_is_reached_with_the_third_try),
        claim(between_two_tries_the_device_works_at_home),
        claim(an_outage_does_not_use_the_tries_up),
        claim(a_home_out_of_reach_for_ten_minutes_does_not_hold_the_move_up),
        claim(a_store_that_fails_lets_no_move_begin_and_none_end_homeless),
        claim(a_home_that_cannot_be_kept_is_left_again),
        claim(what_cannot_be_moved_to_is_refused),
        claim(a_power_cut_at_any_store_leaves_the_old_home_or_the_new_one),
        claim(a_device_that_restarts_during_each_try_gives_up_and_stays),
        claim(records_that_no_move_could_have_written_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
