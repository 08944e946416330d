/* The classification table of docs/protocol.md, row by row. */
#include "client/retry.h"
#include "support/support.h"

#define MINUTE 60000u

static struct retry fresh(void)
{
    struct retry r;
    retry_init(&r, 1000, 120000, 0);
    return r;
}

static struct retry_plan hub_error(struct retry *r, spoke_status status, int32_t detail, uint32_t random)
{
    const spoke_error error = {status, SPOKE_SOURCE_MQTT, detail, "x"};
    const struct retry_input in = {.error = &error, .has_dps = true, .assigned = true};
    return retry_after(r, &in, random);
}

static struct retry_plan dps_refused(struct retry *r, spoke_dps_class class, uint32_t retry_after_s,
                                     uint32_t random)
{
    const spoke_error error = {SPOKE_E_PROVISION, SPOKE_SOURCE_PROVISIONING, 400000, "x"};
    const struct retry_input in = {.error = &error,
                                   .at_dps = true,
                                   .has_dps = true,
                                   .dps_refused = true,
                                   .dps_class = class,
                                   .retry_after_s = retry_after_s};
    return retry_after(r, &in, random);
}

static void a_lost_link_backs_off_with_full_jitter_up_to_the_cap(void **state)
{
    (void)state;
    struct retry r = fresh();
    uint32_t ceiling = 1000;
    for (int i = 0; i < 12; i++) {
        const struct retry_plan plan = hub_error(&r, SPOKE_E_NET, 111, UINT32_MAX);
        assert_int_equal(plan.class, RETRY_TRANSIENT);
        assert_int_equal(plan.pause_ms, ceiling);
        ceiling = ceiling * 2 < 120000 ? ceiling * 2 : 120000;
    }
    assert_int_equal(hub_error(&r, SPOKE_E_NET, 111, 0).pause_ms, 1);
}

static void ten_failures_in_a_row_ask_dps_again(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 1; i < 10; i++)
        assert_false(hub_error(&r, SPOKE_E_DNS, 0, 0).provision);
    assert_true(hub_error(&r, SPOKE_E_NET, 0, 0).provision);
}

static void an_accepted_connect_forgets_the_failures_before_it(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 1; i < 10; i++)
        hub_error(&r, SPOKE_E_NET, 0, 0);
    retry_accepted(&r);
    assert_false(hub_error(&r, SPOKE_E_NET, 0, 0).provision);
}

static void a_refused_identity_tries_a_fresh_token_then_dps_then_slowly(void **state)
{
    (void)state;
    struct retry r = fresh();
    struct retry_plan plan = hub_error(&r, SPOKE_E_REFUSED, 5, 0);
    assert_int_equal(plan.class, RETRY_TRANSIENT);
    assert_false(plan.provision);
    plan = hub_error(&r, SPOKE_E_REFUSED, 5, 0);
    assert_true(plan.provision);
    retry_assigned(&r);
    const uint32_t minutes[] = {5, 10, 20, 40, 60, 60};
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        plan = hub_error(&r, SPOKE_E_REFUSED, 5, UINT32_C(1) << 31);
        assert_int_equal(plan.class, RETRY_REFUSED);
        assert_true(plan.provision);
        assert_in_range(plan.pause_ms, minutes[i] * 48000, minutes[i] * 72000);
        retry_assigned(&r);
    }
}

static void a_wrong_protocol_version_is_tried_slowly_and_never_given_up(void **state)
{
    (void)state;
    struct retry r = fresh();
    const struct retry_plan plan = hub_error(&r, SPOKE_E_REFUSED, 1, UINT32_C(1) << 31);
    assert_int_equal(plan.reason, SPOKE_REASON_PROTOCOL);
    assert_in_range(plan.pause_ms, 48000, 72000);
}

static void server_unavailable_is_transient(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 3; i++) {
        const struct retry_plan plan = hub_error(&r, SPOKE_E_REFUSED, 3, 0);
        assert_int_equal(plan.class, RETRY_TRANSIENT);
        assert_false(plan.provision);
    }
}

static void an_untrusted_certificate_is_retried_no_sooner_than_a_minute(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_in_range(hub_error(&r, SPOKE_E_CERTIFICATE, 0, 0).pause_ms, 60000, 75000);
    assert_in_range(hub_error(&r, SPOKE_E_CERTIFICATE, 0, UINT32_MAX).pause_ms, 120000, 150000);
}

static void an_expired_token_reconnects_at_once(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "x"};
    const struct retry_input in = {
        .error = &error, .was_connected = true, .connected_ms = 3600000, .token_expired = true, .has_dps = true};
    const struct retry_plan plan = retry_after(&r, &in, UINT32_MAX);
    assert_int_equal(plan.class, RETRY_AT_ONCE);
    assert_int_equal(plan.pause_ms, 0);
}

static void a_close_right_after_connack_waits_ten_seconds_and_longer_each_time(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "x"};
    const struct retry_input in = {.error = &error, .was_connected = true, .connected_ms = 500, .has_dps = true};
    assert_in_range(retry_after(&r, &in, 0).pause_ms, 10000, 12500);
    assert_in_range(retry_after(&r, &in, 0).pause_ms, 20000, 25000);
}

/* A link of ours that the hub ended. */
static struct retry_plan link_ended(struct retry *r, uint64_t connected_ms, bool unheard, int32_t detail)
{
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, detail, "x"};
    const struct retry_input in = {.error = &error,
                                   .was_connected = true,
                                   .was_subscribed = true,
                                   .unheard = unheard,
                                   .connected_ms = connected_ms,
                                   .has_dps = true,
                                   .assigned = true};
    return retry_after(r, &in, 0);
}

static struct retry_plan hub_closed(struct retry *r, uint64_t connected_ms, bool unheard)
{
    return link_ended(r, connected_ms, unheard, 0);
}

static void the_third_short_link_in_a_row_is_another_program_with_this_identity(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_int_equal(hub_closed(&r, 20000, false).reason, SPOKE_REASON_PEER_CLOSED);
    assert_int_equal(hub_closed(&r, 20000, false).class, RETRY_TRANSIENT);
    struct retry_plan plan = hub_closed(&r, 20000, false);
    assert_int_equal(plan.class, RETRY_DUPLICATE);
    assert_int_equal(plan.reason, SPOKE_REASON_DUPLICATE);
    assert_true(plan.duplicate_begins && plan.firm && plan.text != NULL);
    const uint32_t seconds[] = {60, 120, 240, 480, 600, 600};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        retry_stable(&r); /* the links of such an identity stand as long as the other program pauses */
        plan = hub_closed(&r, 300000, false);
        assert_int_equal(plan.pause_ms, seconds[i] * 1000);
        assert_false(plan.duplicate_begins);
    }
}

static void a_link_that_stood_for_twenty_minutes_ends_the_suspicion(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 5; i++)
        hub_closed(&r, 20000, false);
    assert_int_equal(hub_closed(&r, RETRY_CALM_MS, false).class, RETRY_TRANSIENT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(hub_closed(&r, 20000, false).reason, SPOKE_REASON_PEER_CLOSED);
    const struct retry_plan again = hub_closed(&r, 20000, false);
    assert_true(again.duplicate_begins);
    assert_in_range(again.pause_ms, 30000, 37500);
}

static void a_network_that_breaks_links_after_minutes_is_not_suspected_for_long(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 6; i++)
        link_ended(&r, 20000, false, 104);
    assert_true(r.duplicate);
    assert_int_equal(link_ended(&r, RETRY_STABLE_MS - 1, false, 104).class, RETRY_DUPLICATE);
    for (int i = 0; i < 20; i++) { /* a NAT that forgets after five minutes */
        retry_stable(&r);
        assert_int_equal(link_ended(&r, 300000, false, 104).class, RETRY_TRANSIENT);
    }
    assert_false(r.duplicate);
}

static void a_link_that_stood_for_a_minute_breaks_the_row(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 20; i++)
        assert_int_equal(hub_closed(&r, i % 3 == 2 ? RETRY_STABLE_MS : 20000, false).class, RETRY_TRANSIENT);
}

static void silence_is_no_sign_of_another_program(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0, "x"};
    const struct retry_input in = {.error = &error, .was_connected = true, .was_subscribed = true};
    for (int i = 0; i < 10; i++)
        assert_int_equal(retry_after(&r, &in, 0).reason, SPOKE_REASON_TIMEOUT);
}

static void a_hub_that_hangs_up_on_what_is_sent_is_tried_after_minutes(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (unsigned i = 1; i < RETRY_UNHEARD_LINKS; i++)
        assert_int_equal(hub_closed(&r, 70000, true).class, RETRY_TRANSIENT);
    const uint32_t seconds[] = {120, 240, 480, 900, 900};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        const struct retry_plan plan = hub_closed(&r, 5000, true);
        assert_int_equal(plan.class, RETRY_QUOTA);
        assert_int_equal(plan.reason, SPOKE_REASON_THROTTLED);
        assert_int_equal(plan.pause_ms, seconds[i] * 1000);
        retry_stable(&r);
    }
    retry_heard(&r);
    assert_int_equal(hub_closed(&r, RETRY_CALM_MS, true).class, RETRY_TRANSIENT);
}

static void the_first_retry_after_a_link_that_stood_is_spread_over_the_fleet(void **state)
{
    (void)state;
    struct retry r;
    retry_init(&r, 1000, 120000, 50000);
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 0, "x"};
    struct retry_input in = {.error = &error, .was_connected = true, .connected_ms = 3600000};
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 50000);
    in.was_connected = false;
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 2000); /* and those behind it are not */
    in.was_connected = true;
    in.connected_ms = 5000; /* the hub came back and died again */
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 50000);
}

static void a_spread_never_shortens_a_pause(void **state)
{
    (void)state;
    struct retry r;
    retry_init(&r, 1000, 120000, 1500);
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 0, "x"};
    const struct retry_input in = {.error = &error, .was_connected = true, .connected_ms = 3600000};
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 1500);
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 2000);
}

static void a_link_lost_at_once_waits_its_pause_and_the_spread(void **state)
{
    (void)state;
    struct retry r;
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 0, "x"};
    const struct retry_input in = {.error = &error, .was_connected = true, .connected_ms = RETRY_SUDDEN_MS - 1};
    const uint32_t randoms[] = {0, UINT32_MAX / 2, UINT32_MAX}, pauses[] = {10000, 36250, 62500};
    for (size_t i = 0; i < 3; i++) {
        retry_init(&r, 1000, 120000, 50000);
        const struct retry_plan plan = retry_after(&r, &in, randoms[i]);
        assert_int_equal(plan.class, RETRY_SUDDEN);
        assert_int_equal(plan.pause_ms, pauses[i]);
    }
    assert_int_equal(retry_after(&r, &in, 0).pause_ms, 20000); /* the next of its ladder, and spread as far */
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 100000);
    retry_init(&r, 1000, 120000, UINT32_MAX);
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, UINT32_MAX);
}

static void what_answers_without_our_tls_is_tried_slowly(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_TLS, SPOKE_SOURCE_TLS, -0x7200, "x"};
    const struct retry_input in = {.error = &error};
    const uint32_t seconds[] = {10, 20, 40, 80, 160, 320, 600, 600};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        const struct retry_plan plan = retry_after(&r, &in, 0);
        assert_int_equal(plan.reason, SPOKE_REASON_TLS);
        assert_int_equal(plan.pause_ms, seconds[i] * 1000);
        assert_false(plan.firm); /* another network may lead past the portal */
    }
}

static void only_dates_against_a_certificate_put_the_clock_in_doubt(void **state)
{
    (void)state;
    struct retry r = fresh();
    static const struct {
        int32_t verdict;
        spoke_reason reason;
    } rows[] = {{0x0001, SPOKE_REASON_CLOCK}, {0x0200, SPOKE_REASON_CLOCK}, {0x0201, SPOKE_REASON_CLOCK},
                {0x0008, SPOKE_REASON_TRUST}, {0x0009, SPOKE_REASON_TRUST}, {-0x2700, SPOKE_REASON_TRUST}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const spoke_error error = {SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, rows[i].verdict, "x"};
        const struct retry_input in = {.error = &error};
        const struct retry_plan plan = retry_after(&r, &in, 0);
        assert_int_equal(plan.reason, rows[i].reason);
        assert_int_equal(plan.class, RETRY_TRUST);
    }
}

static void a_class_of_dps_that_there_is_not_is_the_services_trouble(void **state)
{
    (void)state;
    struct retry r = fresh();
    const struct retry_plan plan = dps_refused(&r, (spoke_dps_class)99, 0, UINT32_MAX);
    assert_int_equal(plan.class, RETRY_TRANSIENT);
    assert_int_equal(plan.reason, SPOKE_REASON_SERVICE);
}

static void only_the_programs_own_words_are_hopeless(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0, "x"};
    struct retry_input in = {.error = &error, .has_dps = true, .assigned = true};
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_TRUST); /* DPS named that hub */
    in.has_dps = false;
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_NEVER);
    in.has_dps = in.at_dps = true;
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_NEVER);
}

static void no_pause_is_longer_than_an_hour_and_a_fifth_however_often_it_fails(void **state)
{
    (void)state;
    for (int status = -700; status <= 0; status++) {
        struct retry r = fresh();
        for (int i = 0; i < 300; i++) {
            const spoke_error error = {(spoke_status)status, SPOKE_SOURCE_CLIENT, 5, "x"};
            const struct retry_input in = {.error = &error,
                                           .at_dps = i % 3 == 0,
                                           .has_dps = true,
                                           .was_connected = i % 2 == 0,
                                           .was_subscribed = true};
            assert_in_range(retry_after(&r, &in, UINT32_MAX).pause_ms, 0, 72 * MINUTE);
        }
    }
}

static void throttling_waits_as_long_as_dps_says_and_never_less(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_int_equal(dps_refused(&r, SPOKE_DPS_THROTTLED, 7, 0).pause_ms, 7000);
    assert_in_range(dps_refused(&r, SPOKE_DPS_THROTTLED, 7, UINT32_MAX).pause_ms, 7000, 8750);
    assert_in_range(dps_refused(&r, SPOKE_DPS_THROTTLED, 0, UINT32_MAX).pause_ms, 10000, 300000);
}

static void a_credential_that_dps_refuses_is_tried_after_1_2_4_to_60_minutes(void **state)
{
    (void)state;
    struct retry r = fresh();
    const uint32_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        const struct retry_plan plan = dps_refused(&r, SPOKE_DPS_CREDENTIAL, 0, UINT32_C(1) << 31);
        assert_true(plan.provision);
        assert_in_range(plan.pause_ms, minutes[i] * 48000, minutes[i] * 72000);
    }
}

static void a_blocked_device_asks_every_five_minutes(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 5; i++)
        assert_in_range(dps_refused(&r, SPOKE_DPS_BLOCKED, 0, 12345u * (unsigned)i).pause_ms, 4 * MINUTE,
                        6 * MINUTE);
}

static void an_unknown_scope_asks_every_hour(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_in_range(dps_refused(&r, SPOKE_DPS_CONFIGURATION, 0, 0).pause_ms, 48 * MINUTE, 72 * MINUTE);
}

static void with_dps_out_of_reach_the_known_hub_is_tried_again(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 111, "x"};
    struct retry_input in = {.error = &error, .at_dps = true, .has_dps = true, .assigned = true};
    assert_false(retry_after(&r, &in, 0).provision);
    in.assigned = false;
    assert_true(retry_after(&r, &in, 0).provision);
}

static void a_minute_of_stable_connection_resets_the_back_off(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 0; i < 6; i++)
        hub_error(&r, SPOKE_E_NET, 0, UINT32_MAX);
    retry_stable(&r);
    assert_int_equal(hub_error(&r, SPOKE_E_NET, 0, UINT32_MAX).pause_ms, 1000);
}

static void a_refused_device_certificate_asks_dps_once_and_is_slow_after_it(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_TLS, SPOKE_SOURCE_TLS, RETRY_TLS_ALERT, "x"};
    struct retry_input in = {.error = &error, .with_certificate = true, .has_dps = true, .assigned = true};
    struct retry_plan plan = retry_after(&r, &in, 0);
    assert_int_equal(plan.class, RETRY_TRANSIENT);
    assert_true(plan.provision);
    retry_assigned(&r);
    plan = retry_after(&r, &in, 0);
    assert_int_equal(plan.class, RETRY_CREDENTIAL);
    assert_false(plan.provision);
    in.at_dps = true;
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_CREDENTIAL);
    in.with_certificate = false; /* a key is not refused by TLS */
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_TLS);
}

static void dps_errors_that_an_operator_must_mend_have_pauses_of_their_own(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_int_equal(dps_refused(&r, SPOKE_DPS_SERVICE, 0, UINT32_MAX).pause_ms, 10000);
    assert_int_equal(dps_refused(&r, SPOKE_DPS_TRANSIENT, 0, UINT32_MAX).pause_ms, 1000);
    assert_in_range(hub_error(&r, SPOKE_E_CLOCK, 0, UINT32_MAX).pause_ms, 2000, 2000);
    assert_in_range(hub_error(&r, SPOKE_E_HUB, 403, 0).pause_ms, 60000, 75000);
    assert_int_equal(dps_refused(&r, SPOKE_DPS_THROTTLED, UINT32_MAX, 0).pause_ms, 60 * MINUTE);
    const spoke_error error = {SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5, "x"};
    const struct retry_input at_dps = {.error = &error, .at_dps = true, .has_dps = true};
    assert_int_equal(retry_after(&r, &at_dps, 0).class, RETRY_CREDENTIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_link_backs_off_with_full_jitter_up_to_the_cap),
        cmocka_unit_test(ten_failures_in_a_row_ask_dps_again),
        cmocka_unit_test(an_accepted_connect_forgets_the_failures_before_it),
        cmocka_unit_test(a_refused_identity_tries_a_fresh_token_then_dps_then_slowly),
        cmocka_unit_test(a_wrong_protocol_version_is_tried_slowly_and_never_given_up),
        cmocka_unit_test(server_unavailable_is_transient),
        cmocka_unit_test(an_untrusted_certificate_is_retried_no_sooner_than_a_minute),
        cmocka_unit_test(an_expired_token_reconnects_at_once),
        cmocka_unit_test(a_close_right_after_connack_waits_ten_seconds_and_longer_each_time),
        cmocka_unit_test(throttling_waits_as_long_as_dps_says_and_never_less),
        cmocka_unit_test(a_credential_that_dps_refuses_is_tried_after_1_2_4_to_60_minutes),
        cmocka_unit_test(a_blocked_device_asks_every_five_minutes),
        cmocka_unit_test(an_unknown_scope_asks_every_hour),
        cmocka_unit_test(with_dps_out_of_reach_the_known_hub_is_tried_again),
        cmocka_unit_test(a_refused_device_certificate_asks_dps_once_and_is_slow_after_it),
        cmocka_unit_test(dps_errors_that_an_operator_must_mend_have_pauses_of_their_own),
        cmocka_unit_test(a_minute_of_stable_connection_resets_the_back_off),
        cmocka_unit_test(the_third_short_link_in_a_row_is_another_program_with_this_identity),
        cmocka_unit_test(a_link_that_stood_for_twenty_minutes_ends_the_suspicion),
        cmocka_unit_test(a_network_that_breaks_links_after_minutes_is_not_suspected_for_long),
        cmocka_unit_test(a_link_that_stood_for_a_minute_breaks_the_row),
        cmocka_unit_test(silence_is_no_sign_of_another_program),
        cmocka_unit_test(a_hub_that_hangs_up_on_what_is_sent_is_tried_after_minutes),
        cmocka_unit_test(the_first_retry_after_a_link_that_stood_is_spread_over_the_fleet),
        cmocka_unit_test(a_spread_never_shortens_a_pause),
        cmocka_unit_test(a_link_lost_at_once_waits_its_pause_and_the_spread),
        cmocka_unit_test(what_answers_without_our_tls_is_tried_slowly),
        cmocka_unit_test(only_dates_against_a_certificate_put_the_clock_in_doubt),
        cmocka_unit_test(a_class_of_dps_that_there_is_not_is_the_services_trouble),
        cmocka_unit_test(only_the_programs_own_words_are_hopeless),
        cmocka_unit_test(no_pause_is_longer_than_an_hour_and_a_fifth_however_often_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
