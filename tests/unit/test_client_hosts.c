/* Several DPS hosts or hub hosts: which one is tried when. */
#include "support/client_fixture.h"

#define DAYS(n) ((n)*86400000ull)

static void start_with_hubs(struct fixture *f)
{
    f->config.hub_host = "a.local, b.local,c.local";
    start(f);
    poll(f, 0);
}

/* The attempt under way fails so; ends when the next connection is opened. How long that took. */
static uint64_t fail_so(struct fixture *f, spoke_status status, int32_t detail)
{
    const unsigned opens = fake->opens;
    const uint64_t begun = clock_ms;
    say_closed(status, SPOKE_SOURCE_PORT, detail);
    while (fake->opens == opens && clock_ms - begun < DAYS(1))
        poll(f, 60000);
    assert_true(fake->opens > opens);
    return clock_ms - begun;
}

static void expect_host(const char *host)
{
    assert_string_equal(fake->host, host);
}

static void a_list_of_hosts_that_cannot_be_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    spoke_error why;
    static _Alignas(16) uint8_t memory[262144];
    spoke_client *client;
    spoke_config c = f->config;
    c.hub_host = "a.local,,b.local";
    assert_int_equal(spoke_client_init(memory, sizeof memory, &c, &client, &why), SPOKE_E_ARG);
    assert_non_null(strstr(why.text, "hub_host"));
    c.hub_host = "a,b,c,d,e";
    assert_int_equal(spoke_client_init(memory, sizeof memory, &c, &client, &why), SPOKE_E_ARG);
    c.provisioning_host = "a b";
    c.id_scope = "0ne0";
    assert_int_equal(spoke_client_init(memory, sizeof memory, &c, &client, &why), SPOKE_E_ARG);
    assert_non_null(strstr(why.text, "provisioning_host"));
}

static void the_next_hub_is_tried_after_what_speaks_against_the_host(void **state)
{
    struct fixture *f = *state;
    const struct {
        spoke_status status;
        int32_t detail;
    } rows[] = {
        {SPOKE_E_DNS, 0},         {SPOKE_E_NET, 111},   {SPOKE_E_TIMEOUT, 0},  {SPOKE_E_TLS, 0},
        {SPOKE_E_CERTIFICATE, 0}, {SPOKE_E_REFUSED, 3}, {SPOKE_E_TLS, -0x7780} /* with a key: no word about a certificate of ours */};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_with_hubs(f);
        expect_host("a.local");
        assert_true(fail_so(f, rows[i].status, rows[i].detail) <= 1000);
        expect_host("b.local");
        assert_non_null(strstr(fake->username, "b.local/d/"));
        assert_non_null(strstr(fake->password, "sr=b.local"));
    }
}

static void a_refused_identity_stays_with_its_host(void **state)
{
    struct fixture *f = *state;
    start_with_hubs(f);
    fail_so(f, SPOKE_E_REFUSED, 5);
    expect_host("a.local");
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert", .secondary = "key"};
    start_with_hubs(f);
    fail_so(f, SPOKE_E_TLS, -0x7780);
    expect_host("a.local");
}

static void a_round_through_all_hosts_counts_as_one_failure(void **state)
{
    struct fixture *f = *state;
    f->config.backoff_max_ms = 3600000;
    start_with_hubs(f);
    uint64_t last = 0;
    for (int round = 0; round < 6; round++) {
        expect_host("a.local");
        assert_true(fail_so(f, SPOKE_E_DNS, 0) <= 1000);
        expect_host("b.local");
        assert_true(fail_so(f, SPOKE_E_DNS, 0) <= 1000);
        expect_host("c.local");
        const uint64_t pause = fail_so(f, SPOKE_E_DNS, 0); /* half of 1, 2, 4 .. s with this random source */
        assert_in_range(pause, UINT64_C(490) << round, UINT64_C(510) << round);
        assert_true(pause > last);
        last = pause;
    }
}

static void the_host_that_worked_stays_first_until_it_fails(void **state)
{
    struct fixture *f = *state;
    start_with_hubs(f);
    fail_so(f, SPOKE_E_DNS, 0);
    expect_host("b.local");
    get_ready(f);
    fail_so(f, SPOKE_E_NET, 104); /* a link that stood: first the same again */
    expect_host("b.local");
    fail_so(f, SPOKE_E_NET, 111);
    expect_host("c.local");
    fail_so(f, SPOKE_E_NET, 111);
    expect_host("a.local");
    assert_true(fail_so(f, SPOKE_E_NET, 111) > 400);
    expect_host("b.local");
}

static void start_with_two_dps(struct fixture *f)
{
    f->config.provisioning_host = "dps1.local, dps2.local";
    f->config.id_scope = "0ne0";
    f->config.hub_host = NULL;
    start(f);
    poll(f, 0);
}

static void connect_dps(struct fixture *f)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
}

static void say_dps(struct fixture *f, const char *status, const char *body)
{
    char topic[128];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s", status, (int)strcspn(rid, "&"), rid);
    say_message(topic, body, 0);
    poll(f, 0);
}

static void the_next_dps_is_asked_when_one_is_out_of_reach_or_broken(void **state)
{
    struct fixture *f = *state;
    start_with_two_dps(f);
    expect_host("dps1.local");
    fail_so(f, SPOKE_E_DNS, 0);
    expect_host("dps2.local");
    connect_dps(f);
    say_dps(f, "400", "{\"errorCode\":400006,\"message\":\"no\"}");
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_PROVISION);
    start_with_two_dps(f);
    connect_dps(f);
    say_dps(f, "500", "{\"errorCode\":500001,\"message\":\"no\"}");
    expect(f, SPOKE_BACKOFF);
    run(f, 1000);
    expect_host("dps2.local");
}

static void a_dps_that_refuses_is_not_passed_over(void **state)
{
    struct fixture *f = *state;
    start_with_two_dps(f);
    connect_dps(f);
    say_dps(f, "401", "{\"errorCode\":401002,\"message\":\"no\"}");
    expect(f, SPOKE_BACKOFF);
    run(f, 75000);
    expect_host("dps1.local");
    assert_int_equal(fake->opens, 2);
}

static void a_hub_of_dps_that_fails_is_tried_again_before_dps_is_asked(void **state)
{
    struct fixture *f = *state;
    start_with_two_dps(f);
    connect_dps(f);
    say_dps(
        f, "200",
        "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"hub.local\","
        "\"deviceId\":\"d\",\"status\":\"assigned\"}}");
    poll(f, 0);
    expect_host("hub.local");
    for (int i = 0; i < 9; i++) {
        fail_so(f, SPOKE_E_NET, 111);
        expect_host("hub.local");
    }
    fail_so(f, SPOKE_E_NET, 111);
    expect_host("dps1.local");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_list_of_hosts_that_cannot_be_is_refused_by_name),
        claim(the_next_hub_is_tried_after_what_speaks_against_the_host),
        claim(a_refused_identity_stays_with_its_host),
        claim(a_round_through_all_hosts_counts_as_one_failure),
        claim(the_host_that_worked_stays_first_until_it_fails),
        claim(the_next_dps_is_asked_when_one_is_out_of_reach_or_broken),
        claim(a_dps_that_refuses_is_not_passed_over),
        claim(a_hub_of_dps_that_fails_is_tried_again_before_dps_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
