/* What stands between a device and its hub on real networks, over real sockets and TLS: name servers that never answer
 * or change their mind, hosts that swallow everything, portals, clocks. poll keeps its limit throughout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/spoke.h>

#include "client/machine.h"
#include "port/posix.h"
#include "support/script_broker.h"
#include "support/script_dns.h"
#include "support/support.h"
#include "support/test_ca.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define LIMIT_MS 20u
#define PATIENCE_MS 10000u
/* A loaded machine takes its time between two instructions; a call that blocks takes seconds. */
#define OVER_MS 400u

struct fixture {
    const spoke_transport_ops *transport;
    struct script_dns dns;
    bool resolver; /* built with c-ares: dns is asked */
    spoke_platform *platform;
    struct test_ca *ca;
    struct test_cert cert;
    struct script_broker *broker;
    spoke_client *client;
    unsigned notices[SPOKE_NOTICE_STORAGE + 1];
};

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    ((struct fixture *)user)->notices[notice->kind]++;
}

static void quiet(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    if (getenv("TEST_LOG") != NULL)
        fprintf(stderr, "%d %s: %s\n", (int)level, module, line);
}

static int set_up_with(void **state, const spoke_transport_ops *transport)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->transport = transport;
    if (!script_dns_open(&f->dns))
        return -1;
    f->resolver = posix_dns_check_servers(f->dns.servers) == SPOKE_OK;
    f->ca = test_ca_create("Spoke test root");
    *state = f;
    return 0;
}

static int set_up_native(void **state)
{
    return set_up_with(state, spoke_transport_native());
}

#ifdef SPOKE_HAVE_PAHO
static int set_up_paho(void **state)
{
    return set_up_with(state, spoke_transport_paho());
}
#endif

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    spoke_posix_destroy(f->platform);
    script_broker_destroy(f->broker);
    script_dns_close(&f->dns);
    test_ca_destroy(f->ca);
    test_free(f);
    return 0;
}

/* own_dns: names are asked of the script instead of the system. */
static void start(struct fixture *f, const char *host, bool own_dns)
{
    const spoke_posix_options posix = {.struct_size = sizeof posix,
                                       .log_level = SPOKE_LOG_DEBUG,
                                       .log = quiet,
                                       .dns_servers = own_dns ? f->dns.servers : NULL};
    assert_ok(spoke_posix_create(&posix, &f->platform));
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = host, .port = script_broker_port(f->broker), .registration_id = "d",
                     .credential.primary = KEY, .trust_pem = test_ca_pem(f->ca), .platform = f->platform,
                     .transport = f->transport, .on_notice = note, .user = f, .backoff_min_ms = 1,
                     .backoff_max_ms = 50);
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

static void serve(struct fixture *f, const struct test_cert_options *options)
{
    test_ca_issue(f->ca, options, &f->cert);
    f->broker = script_broker_create(f->cert.cert_pem, f->cert.key_pem);
}

static uint64_t clock_of(const struct fixture *f)
{
    return f->platform->monotonic_ms(f->platform->ctx);
}

static void turn(struct fixture *f)
{
    script_broker_pump(f->broker);
    assert_ok(spoke_client_poll(f->client, LIMIT_MS));
    script_broker_pump(f->broker);
}

static void await_reason(struct fixture *f, spoke_reason reason)
{
    const uint64_t until = clock_of(f) + PATIENCE_MS;
    while (f->client->stats.ended[reason] == 0 && clock_of(f) < until)
        turn(f);
    char why[200];
    if (f->client->stats.ended[reason] == 0)
        fail_msg("reason %d did not come: %s", (int)reason, spoke_client_explain(f->client, why, sizeof why));
}

static void expect_pause(struct fixture *f, uint32_t least_ms)
{
    assert_int_equal(spoke_client_state(f->client), SPOKE_BACKOFF);
    assert_true(f->client->retry_at >= f->client->state_since + least_ms);
}

static void expect_limits_kept(const struct fixture *f)
{
    print_message("%s: poll stayed at most %u ms beyond its limit\n", f->transport->name,
                  (unsigned)f->client->stats.longest_poll_ms);
    assert_true(f->client->stats.longest_poll_ms <= OVER_MS);
}

static void turn_for(struct fixture *f, uint32_t ms)
{
    const uint64_t until = clock_of(f) + ms;
    while (clock_of(f) < until)
        turn(f);
}

/* --- names --- */

static void a_name_server_that_never_answers_holds_no_poll(void **state)
{
    struct fixture *f = *state;
    if (!f->resolver)
        skip();
    f->broker = script_broker_create(NULL, NULL);
    start(f, "hub.example.com", true);
    turn_for(f, 1500);
    assert_int_equal(spoke_client_state(f->client), SPOKE_CONNECTING);
    expect_limits_kept(f);
}

static void each_attempt_asks_anew_and_follows_an_address_that_changed(void **state)
{
    struct fixture *f = *state;
    if (!f->resolver)
        skip();
    const struct test_cert_options options = {.common_name = "hub.example.com", .names = "hub.example.com"};
    serve(f, &options);
    start(f, "hub.example.com", true);
    const uint64_t until = clock_of(f) + PATIENCE_MS;
    unsigned asked = 0;
    while (f->client->stats.ended[SPOKE_REASON_NETWORK] < 2 && clock_of(f) < until) {
        asked += script_dns_serve(&f->dns, SCRIPT_DNS_ELSEWHERE); /* nobody listens there */
        turn(f);
    }
    assert_true(f->client->stats.ended[SPOKE_REASON_NETWORK] >= 2);
    assert_true(asked >= 2);
    while (!script_broker_connected(f->broker) && clock_of(f) < until) {
        script_dns_serve(&f->dns, SCRIPT_DNS_HERE);
        turn(f);
    }
    assert_true(script_broker_connected(f->broker));
}

static void a_dead_address_first_and_a_live_one_second_is_one_attempt(void **state)
{
    struct fixture *f = *state;
    if (!f->resolver)
        skip();
    const struct test_cert_options options = {.common_name = "hub.example.com", .names = "hub.example.com"};
    serve(f, &options);
    start(f, "hub.example.com", true);
    const uint64_t until = clock_of(f) + PATIENCE_MS;
    while (!script_broker_connected(f->broker) && clock_of(f) < until) {
        script_dns_serve(&f->dns, SCRIPT_DNS_DEAD_V6_LIVE_V4);
        turn(f);
    }
    assert_true(script_broker_connected(f->broker));
    assert_int_equal(f->client->stats.attempts, 1);
}

/* --- hosts that swallow everything --- */

static void a_host_that_never_says_a_word_holds_no_poll(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "localhost", .names = "localhost"};
    serve(f, &options);
    script_broker_swallow(f->broker, true);
    start(f, "localhost", false);
    turn_for(f, 1500);
    assert_int_equal(spoke_client_state(f->client), SPOKE_CONNECTING);
    expect_limits_kept(f);
}

/* --- portals --- */

static void html_instead_of_tls_is_told_as_that_and_tried_slowly_until_the_program_knows_better(void **state)
{
    struct fixture *f = *state;
    static const char page[] =
        "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n<html>Please log in</html>";
    f->broker = script_broker_create(NULL, NULL);
    start(f, "localhost", false);
    const uint64_t until = clock_of(f) + PATIENCE_MS;
    while (script_broker_accepted(f->broker) == 0 && clock_of(f) < until)
        turn(f);
    script_broker_send_bytes(f->broker, page, sizeof page - 1);
    await_reason(f, SPOKE_REASON_TLS);
    expect_pause(f, 10000);
    script_broker_drop(f->broker, false);
    const uint64_t attempts = f->client->stats.attempts;
    spoke_client_connect_now(f->client);
    turn(f);
    assert_int_equal(f->client->stats.attempts, attempts + 1);
    expect_limits_kept(f);
}

static void a_portal_with_a_certificate_of_its_own_is_never_believed(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "portal.example", .names = "portal.example"};
    serve(f, &options);
    start(f, "localhost", false);
    const bool native = f->transport == spoke_transport_native();
    await_reason(f, native ? SPOKE_REASON_TRUST : SPOKE_REASON_TLS); /* paho cannot tell the two apart */
    expect_pause(f, native ? 60000 : 10000);
    assert_int_equal(f->client->stats.connects, 0);
    assert_int_equal(f->notices[SPOKE_NOTICE_CLOCK], 0);
}

/* --- clocks --- */

static void expect_clock_doubted(struct fixture *f, const char *not_before, const char *not_after)
{
    const struct test_cert_options options = {
        .common_name = "localhost", .names = "localhost", .not_before = not_before, .not_after = not_after};
    serve(f, &options);
    start(f, "localhost", false);
    const bool native = f->transport == spoke_transport_native();
    await_reason(f,
                 native ? SPOKE_REASON_CLOCK : SPOKE_REASON_TRUST); /* paho does not say what is wrong with it */
    expect_pause(f, 60000);
    assert_int_equal(f->notices[SPOKE_NOTICE_CLOCK], native ? 1 : 0);
}

static void a_certificate_that_has_expired_puts_the_clock_in_doubt(void **state)
{
    expect_clock_doubted(*state, "20200101000000", "20210101000000");
}

static void a_certificate_that_is_not_valid_yet_puts_the_clock_in_doubt(void **state)
{
    expect_clock_doubted(*state, "20850101000000", "20900101000000");
}

#define native(test) cmocka_unit_test_setup_teardown(test, set_up_native, tear_down)
/* clang-format off */
#define over_paho(test) { #test " over paho", test, set_up_paho, tear_down, NULL }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        native(a_name_server_that_never_answers_holds_no_poll),
        native(each_attempt_asks_anew_and_follows_an_address_that_changed),
        native(a_dead_address_first_and_a_live_one_second_is_one_attempt),
        native(a_host_that_never_says_a_word_holds_no_poll),
        native(html_instead_of_tls_is_told_as_that_and_tried_slowly_until_the_program_knows_better),
        native(a_portal_with_a_certificate_of_its_own_is_never_believed),
        native(a_certificate_that_has_expired_puts_the_clock_in_doubt),
        native(a_certificate_that_is_not_valid_yet_puts_the_clock_in_doubt),
#ifdef SPOKE_HAVE_PAHO
        over_paho(a_host_that_never_says_a_word_holds_no_poll),
        over_paho(html_instead_of_tls_is_told_as_that_and_tried_slowly_until_the_program_knows_better),
        over_paho(a_portal_with_a_certificate_of_its_own_is_never_believed),
        over_paho(a_certificate_that_has_expired_puts_the_clock_in_doubt),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
