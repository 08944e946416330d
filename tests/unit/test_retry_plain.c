/* The policy of a build without SPOKE_WITH_REASONS, whatever this build is. */
#undef SPOKE_WITH_REASONS
#define SPOKE_WITH_REASONS 0
#include "client/retry_plain.c"

#include "support/support.h"

static struct retry fresh(void)
{
    struct retry r;
    retry_init(&r, 1000, 120000, 0);
    return r;
}

static struct retry_plan hub_error(struct retry *r, spoke_status status, uint32_t random)
{
    const spoke_error error = {status, SPOKE_SOURCE_MQTT, 5, "x"};
    const struct retry_input in = {.error = &error, .has_dps = true, .assigned = true};
    return retry_after(r, &in, random);
}

static struct retry_plan dps_error(struct retry *r, bool refused, uint32_t retry_after_s, uint32_t random)
{
    const spoke_error error = {refused ? SPOKE_E_PROVISION : SPOKE_E_NET, SPOKE_SOURCE_PROVISIONING, 0, "x"};
    const struct retry_input in = {.error = &error,
                                   .at_dps = true,
                                   .has_dps = true,
                                   .assigned = true,
                                   .dps_refused = refused,
                                   .retry_after_s = retry_after_s};
    return retry_after(r, &in, random);
}

static void pauses_double_with_full_jitter_up_to_the_cap(void **state)
{
    (void)state;
    struct retry r = fresh();
    uint32_t ceiling = 1000;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(hub_error(&r, SPOKE_E_NET, UINT32_MAX).pause_ms, ceiling);
        ceiling = ceiling * 2 < 120000 ? ceiling * 2 : 120000;
    }
    assert_int_equal(hub_error(&r, SPOKE_E_NET, 0).pause_ms, 1);
}

static void a_refusal_is_at_the_top_at_once(void **state)
{
    (void)state;
    static const spoke_status lasting[] = {SPOKE_E_REFUSED, SPOKE_E_CERTIFICATE, SPOKE_E_HUB, SPOKE_E_TOO_LARGE};
    for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++) {
        struct retry r = fresh();
        assert_int_equal(hub_error(&r, lasting[i], UINT32_MAX).pause_ms, 120000);
    }
    struct retry r = fresh();
    assert_int_equal(dps_error(&r, true, 0, UINT32_MAX).pause_ms, 120000);
}

static void ten_failures_or_two_refusals_ask_dps(void **state)
{
    (void)state;
    struct retry r = fresh();
    for (int i = 1; i < 10; i++)
        assert_false(hub_error(&r, SPOKE_E_NET, 0).provision);
    assert_true(hub_error(&r, SPOKE_E_NET, 0).provision);
    assert_false(hub_error(&r, SPOKE_E_REFUSED, 0).provision);
    assert_true(hub_error(&r, SPOKE_E_REFUSED, 0).provision);
}

static void an_accepted_connect_and_an_assignment_forget_the_hubs_failures(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_false(hub_error(&r, SPOKE_E_REFUSED, 0).provision);
    retry_accepted(&r);
    assert_false(hub_error(&r, SPOKE_E_REFUSED, 0).provision);
    retry_assigned(&r);
    assert_false(hub_error(&r, SPOKE_E_REFUSED, 0).provision);
}

static void without_dps_nobody_is_asked(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5, "x"};
    const struct retry_input in = {.error = &error, .assigned = true};
    for (int i = 0; i < 30; i++)
        assert_false(retry_after(&r, &in, 0).provision);
}

static void dps_is_asked_again_after_its_refusal_and_the_hub_after_its_silence(void **state)
{
    (void)state;
    struct retry r = fresh();
    assert_true(dps_error(&r, true, 0, 0).provision);
    assert_false(dps_error(&r, false, 0, 0).provision);
}

static void what_the_service_asks_for_is_kept_and_spread(void **state)
{
    (void)state;
    struct retry r = fresh();
    const struct retry_plan least = dps_error(&r, true, 30, 0), most = dps_error(&r, true, 30, UINT32_MAX);
    assert_true(least.firm);
    assert_int_equal(least.pause_ms, 30001);
    assert_int_equal(most.pause_ms, 150000);
    assert_int_equal(dps_error(&r, true, UINT32_MAX, 0).pause_ms, RETRY_AFTER_MAX_S * 1000 + 1);
}

static void an_expired_token_reconnects_at_once(void **state)
{
    (void)state;
    struct retry r = fresh();
    const spoke_error error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "x"};
    const struct retry_input in = {.error = &error, .token_expired = true};
    assert_int_equal(retry_after(&r, &in, UINT32_MAX).pause_ms, 0);
    assert_false(retry_troubled(&r));
}

static void a_link_that_stood_leads_back_to_the_foot_of_the_ladder(void **state)
{
    (void)state;
    struct retry r = fresh();
    hub_error(&r, SPOKE_E_REFUSED, 0);
    retry_accepted(&r);
    retry_heard(&r);
    assert_true(retry_troubled(&r));
    retry_stable(&r);
    assert_false(retry_troubled(&r));
    assert_int_equal(hub_error(&r, SPOKE_E_NET, UINT32_MAX).pause_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_with_full_jitter_up_to_the_cap),
        cmocka_unit_test(a_refusal_is_at_the_top_at_once),
        cmocka_unit_test(ten_failures_or_two_refusals_ask_dps),
        cmocka_unit_test(an_accepted_connect_and_an_assignment_forget_the_hubs_failures),
        cmocka_unit_test(without_dps_nobody_is_asked),
        cmocka_unit_test(dps_is_asked_again_after_its_refusal_and_the_hub_after_its_silence),
        cmocka_unit_test(what_the_service_asks_for_is_kept_and_spread),
        cmocka_unit_test(an_expired_token_reconnects_at_once),
        cmocka_unit_test(a_link_that_stood_leads_back_to_the_foot_of_the_ladder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
