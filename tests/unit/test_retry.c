/* The classification table of docs/protocol.md, row by row. */
#include "client/retry.h"
#include "support/support.h"

#define MINUTE 60000u

static struct retry fresh(void)
{
    struct retry r;
    retry_init(&r, 1000, 120000);
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
    plan = hub_error(&r, SPOKE_E_REFUSED, 5, 0);
    assert_int_equal(plan.class, RETRY_BLOCKED);
    assert_true(plan.provision);
    assert_in_range(plan.pause_ms, 4 * MINUTE, 6 * MINUTE);
}

static void a_wrong_protocol_version_never_heals(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_int_equal(hub_error(&r, SPOKE_E_REFUSED, 1, 0).class, RETRY_NEVER);
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
    assert_int_equal(retry_after(&r, &in, 0).class, RETRY_TRANSIENT);
}

static void dps_errors_that_an_operator_must_mend_have_pauses_of_their_own(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_int_equal(dps_refused(&r, SPOKE_DPS_SERVICE, 0, UINT32_MAX).pause_ms, 10000);
    assert_int_equal(dps_refused(&r, SPOKE_DPS_TRANSIENT, 0, UINT32_MAX).pause_ms, 1000);
    assert_in_range(hub_error(&r, SPOKE_E_CLOCK, 0, UINT32_MAX).pause_ms, 2000, 2000);
    assert_in_range(hub_error(&r, SPOKE_E_HUB, 403, 0).pause_ms, 60000, 75000);
    assert_int_equal(hub_error(&r, SPOKE_E_ARG, 0, 0).class, RETRY_NEVER);
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
        cmocka_unit_test(a_wrong_protocol_version_never_heals),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
