/* Bad input and bad times: each ends in the documented state, with a sentence that says what to do, and heals by
 * itself when the cause goes away. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

struct fixture {
    struct sim sim;
    spoke_client *client;
    char text[16384];
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    sim_start(&f->sim, NULL);
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

static void start(struct fixture *f, const spoke_config *config)
{
    assert_ok(spoke_client_create(config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

static void start_plain(struct fixture *f)
{
    const spoke_config config = sim_config(&f->sim);
    start(f, &config);
}

static void ready(struct fixture *f)
{
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
}

static int request(struct fixture *f, const char *method, const char *target, const char *body)
{
    return sim_request(&f->sim, f->client, method, target, body, f->text, sizeof f->text);
}

static void put_faults(struct fixture *f, const char *faults)
{
    assert_in_range(sim_request(&f->sim, NULL, "PUT", "/control/faults", faults, f->text, sizeof f->text), 200,
                    204);
}

/* The last error: status, number and a part of its sentence. */
static void expect_error(struct fixture *f, spoke_status status, int32_t detail, const char *part)
{
    const spoke_error *error = spoke_client_error(f->client);
    assert_string_equal(spoke_status_name(error->status), spoke_status_name(status));
    if (detail != 0)
        assert_int_equal(error->detail, detail);
    assert_true(sim_contains(error->text, part));
}

/* Waits for BACKOFF and checks how long it lasts: until the next connection is tried. */
static void expect_pause(struct fixture *f, uint64_t at_least_ms, uint64_t at_most_ms)
{
    assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, 120000));
    const uint64_t begun = f->sim.now;
    const unsigned connects = f->sim.connects;
    while (f->sim.connects == connects && f->sim.now - begun <= at_most_ms)
        assert_ok(spoke_client_poll(f->client, 1000));
    assert_in_range(f->sim.now - begun, at_least_ms, at_most_ms);
}

/* --- configuration --- */

static void expect_refused(spoke_config config, const char *part)
{
    static _Alignas(16) uint8_t memory[65536];
    spoke_client *client;
    spoke_error why;
    assert_int_equal(spoke_client_init(memory, sizeof memory, &config, &client, &why), SPOKE_E_ARG);
    assert_null(client);
    assert_true(sim_contains(why.text, part));
    assert_int_equal(spoke_client_size(&config), 0);
}

static void a_wrong_configuration_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.registration_id = "a+b";
    expect_refused(c, "registration_id");
    c = sim_config(&f->sim);
    c.id_scope = NULL;
    expect_refused(c, "id_scope");
    c = sim_config(&f->sim);
    c.provisioning_host = NULL;
    expect_refused(c, "hub_host");
    c = sim_config(&f->sim);
    c.credential.primary = NULL;
    expect_refused(c, "credential.primary");
    c = sim_config(&f->sim);
    c.provisioning_payload = "{";
    expect_refused(c, "provisioning_payload");
    c = sim_config(&f->sim);
    c.keep_alive_s = 1178;
    expect_refused(c, "keep_alive_s");
    c = sim_config(&f->sim);
    c.struct_size = 0;
    expect_refused(c, "SPOKE_CONFIG");
}

static void a_key_that_is_not_base64_is_refused_at_init(void **state)
{
    struct fixture *f = *state;
    static _Alignas(16) uint8_t memory[262144];
    spoke_config c = sim_config(&f->sim);
    c.credential.primary = "not base64!";
    spoke_client *client;
    spoke_error why;
    assert_int_equal(spoke_client_init(memory, sizeof memory, &c, &client, &why), SPOKE_E_ARG);
    assert_true(sim_contains(why.text, "base64"));
}

static void memory_one_byte_short_is_refused(void **state)
{
    struct fixture *f = *state;
    static _Alignas(16) uint8_t memory[262144];
    spoke_config c = sim_config(&f->sim);
    const size_t size = spoke_client_size(&c);
    spoke_client *client;
    assert_in_range(size, 1, sizeof memory - 1);
    memory[size] = 0xcc;
    assert_int_equal(spoke_client_init(memory, size - 1, &c, &client, NULL), SPOKE_E_NO_MEMORY);
    assert_ok(spoke_client_init(memory, size, &c, &client, NULL));
    assert_ok(spoke_client_open(client));
    assert_true(sim_reach(&f->sim, client, SPOKE_READY, 60000));
    assert_int_equal(memory[size], 0xcc);
    spoke_client_destroy(client);
}

/* --- provisioning --- */

static void a_wrong_key_is_a_credential_error_tried_again_after_minutes(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    start(f, &c);
    expect_pause(f, 48000, 72000);
    expect_error(f, SPOKE_E_PROVISION, 401002, "device key");
}

static void a_wrong_scope_is_told_and_tried_again_slowly(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.id_scope = "0neWRONG";
    start(f, &c);
    expect_pause(f, 40000, 75 * 60000);
    assert_true(spoke_client_error(f->client)->status != SPOKE_OK);
}

static void a_blocked_device_waits_five_minutes_and_heals_when_unblocked(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, "PUT", "/api/devices/dev-1", "{\"enabled\":false}"), 200);
    start_plain(f);
    expect_pause(f, 240000, 360000);
    expect_error(f, SPOKE_E_PROVISION, 400209, "operator");
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1", "{\"enabled\":true}"), 200);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 400000));
}

static void a_throttled_registration_obeys_retry_after(void **state)
{
    struct fixture *f = *state;
    put_faults(f, "{\"dpsThrottle\":{\"count\":1,\"retryAfter\":17}}");
    start_plain(f);
    expect_pause(f, 17000, 21500);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
}

static void a_throttled_poll_still_ends_assigned(void **state)
{
    struct fixture *f = *state;
    put_faults(f, "{\"dpsThrottlePoll\":{\"count\":2,\"retryAfter\":5},\"dpsPolls\":3}");
    start_plain(f);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 120000));
}

static void a_refused_connect_at_dps_is_retried(void **state)
{
    struct fixture *f = *state;
    put_faults(f, "{\"dpsRefuseConnect\":{\"count\":1,\"code\":3}}");
    start_plain(f);
    expect_pause(f, 1, 1000);
    ready(f);
}

/* --- the machine --- */

static void without_a_clock_nothing_is_sent_and_it_connects_once_the_clock_is_set(void **state)
{
    struct fixture *f = *state;
    f->sim.clock_unset = true;
    start_plain(f);
    sim_run(&f->sim, f->client, 30000);
    assert_int_equal(f->sim.connects, 0);
    expect_error(f, SPOKE_E_CLOCK, 0, "clock");
    f->sim.clock_unset = false;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 120000));
}

static void without_dns_it_says_so_and_connects_when_it_works(void **state)
{
    struct fixture *f = *state;
    f->sim.no_dns = true;
    start_plain(f);
    sim_run(&f->sim, f->client, 600000);
    expect_error(f, SPOKE_E_DNS, 0, "name");
    assert_in_range(f->sim.connects, 5, 60);
    f->sim.no_dns = false;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 130000));
}

static void after_three_days_without_network_it_is_back_within_one_back_off(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    f->sim.unreachable = true;
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/disconnect", NULL), 200);
    sim_run(&f->sim, f->client, UINT64_C(72) * 3600 * 1000);
    f->sim.unreachable = false;
    const uint64_t begun = f->sim.now;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 130000));
    assert_true(f->sim.now - begun <= 125000);
}

static void connect_now_skips_the_pause(void **state)
{
    struct fixture *f = *state;
    f->sim.unreachable = true;
    start_plain(f);
    sim_run(&f->sim, f->client, 600000);
    f->sim.unreachable = false;
    spoke_client_connect_now(f->client);
    const uint64_t begun = f->sim.now;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 130000));
    assert_true(f->sim.now - begun < 4000);
}

static void a_half_open_link_is_noticed_within_one_and_a_half_keep_alives(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.keep_alive_s = 60;
    start(f, &c);
    ready(f);
    f->sim.silent = true;
    const uint64_t begun = f->sim.now;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, 600000));
    assert_in_range(f->sim.now - begun, 30000, 90000);
    f->sim.silent = false;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 130000));
}

static void an_idle_day_costs_one_ping_for_each_keep_alive(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.sas_lifetime_s = 86400;
    start(f, &c);
    ready(f);
    const uint64_t before = f->sim.up;
    sim_run(&f->sim, f->client, 3600 * 1000);
    assert_in_range(f->sim.up - before, 2 * 14, 2 * 16); /* PINGREQ is two bytes; every 240 s */
}

/* --- the hub --- */

static void a_refusing_hub_gets_a_fresh_token_then_dps_is_asked(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    put_faults(f, "{\"refuseConnect\":{\"count\":2,\"code\":5}}");
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/disconnect", NULL), 200);
    sim_records_clear(&f->sim);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, 1000));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 120000));
    assert_true(sim_record(&f->sim, "assignment")[0] != '\0'); /* assigned anew */
}

static void a_moved_device_follows_its_assignment(void **state)
{
    struct fixture *f = *state;
    put_faults(f, "{\"assignHub\":{\"deviceId\":\"dev-1\",\"hub\":\"hub-2.local\"}}");
    start_plain(f);
    sim_run(&f->sim, f->client, 10000);
    assert_str(spoke_client_hub_host(f->client), "hub-2.local");
}

static void a_dropped_puback_is_sent_again_after_the_reconnect(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    put_faults(f, "{\"dropPuback\":{\"count\":1}}");
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    sim_run(&f->sim, f->client, 5000);
    assert_int_equal(spoke_client_pending(f->client), 1);
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/disconnect", NULL), 200);
    assert_true(sim_drain(&f->sim, f->client, 130000));
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_int_equal(sim_count(f->text, "\"body\""), 2); /* at least once: both copies are there */
}

static void an_unacknowledged_message_does_not_wait_for_ever(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    put_faults(f, "{\"dropPuback\":{\"count\":1}}");
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_true(sim_drain(&f->sim, f->client, 300000)); /* 60 s without PUBACK: the link is tried anew */
}

static void a_throttled_twin_report_is_sent_again(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    put_faults(f, "{\"twinThrottle\":{\"count\":3}}");
    assert_ok(spoke_report(f->client, spoke_i64("x", 1)));
    sim_run(&f->sim, f->client, 300000);
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"x\":1"));
}

static void a_silent_twin_delays_ready_but_not_telemetry(void **state)
{
    struct fixture *f = *state;
    put_faults(f, "{\"twinSilence\":{\"count\":1}}");
    start_plain(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_true(sim_drain(&f->sim, f->client, 20000));
    assert_int_equal(spoke_client_state(f->client), SPOKE_SYNCING);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 130000));
}

static void a_refused_report_is_dropped_and_told(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("bad.name", 1)));
    sim_run(&f->sim, f->client, 10); /* what waits would travel in the same patch */
    assert_ok(spoke_report(f->client, spoke_i64("good", 1)));
    sim_run(&f->sim, f->client, 5000);
    expect_error(f, SPOKE_E_HUB, 400, "patch");
    assert_int_equal(request(f, "GET", "/control/devices/dev-1", NULL), 200);
    assert_true(sim_contains(f->text, "\"good\":1"));
}

static void a_twin_larger_than_the_receive_buffer_says_which_size_to_raise(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.receive_bytes = 1024;
    start(f, &c);
    ready(f);
    char patch[1400];
    memset(patch, 'x', sizeof patch);
    memcpy(patch, "{\"big\":\"", 8);
    memcpy(patch + sizeof patch - 3, "\"}", 3);
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", patch), 202);
    sim_run(&f->sim, f->client, 2000);
    expect_error(f, SPOKE_E_TOO_LARGE, 0, "receive_bytes");
}

static void two_programs_with_one_identity_back_off(void **state)
{
    struct fixture *f = *state;
    spoke_client *twin;
    const spoke_config c = sim_config(&f->sim);
    start(f, &c);
    ready(f);
    assert_ok(spoke_client_create(&c, &twin));
    assert_ok(spoke_client_open(twin));
    const unsigned before = f->sim.connects;
    const uint64_t until = f->sim.now + 600000;
    while (f->sim.now < until) {
        assert_ok(spoke_client_poll(f->client, 500));
        assert_ok(spoke_client_poll(twin, 500));
    }
    assert_in_range(f->sim.connects - before, 2, 120);
    spoke_client_destroy(twin);
}

#define with_service(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_service(a_wrong_configuration_is_refused_by_name),
        with_service(a_key_that_is_not_base64_is_refused_at_init),
        with_service(memory_one_byte_short_is_refused),
        with_service(a_wrong_key_is_a_credential_error_tried_again_after_minutes),
        with_service(a_wrong_scope_is_told_and_tried_again_slowly),
        with_service(a_blocked_device_waits_five_minutes_and_heals_when_unblocked),
        with_service(a_throttled_registration_obeys_retry_after),
        with_service(a_throttled_poll_still_ends_assigned),
        with_service(a_refused_connect_at_dps_is_retried),
        with_service(without_a_clock_nothing_is_sent_and_it_connects_once_the_clock_is_set),
        with_service(without_dns_it_says_so_and_connects_when_it_works),
        with_service(after_three_days_without_network_it_is_back_within_one_back_off),
        with_service(connect_now_skips_the_pause),
        with_service(a_half_open_link_is_noticed_within_one_and_a_half_keep_alives),
        with_service(an_idle_day_costs_one_ping_for_each_keep_alive),
        with_service(a_refusing_hub_gets_a_fresh_token_then_dps_is_asked),
        with_service(a_moved_device_follows_its_assignment),
        with_service(a_dropped_puback_is_sent_again_after_the_reconnect),
        with_service(an_unacknowledged_message_does_not_wait_for_ever),
        with_service(a_throttled_twin_report_is_sent_again),
        with_service(a_silent_twin_delays_ready_but_not_telemetry),
        with_service(a_refused_report_is_dropped_and_told),
        with_service(a_twin_larger_than_the_receive_buffer_says_which_size_to_raise),
        with_service(two_programs_with_one_identity_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
