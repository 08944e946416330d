/* What the program can tell the connection policy, in every state, and what the policy tells the program. */
#include "client/machine.h"
#include "support/client_fixture.h"

#define HOUR 3600000u
#define DAY (24u * HOUR)

/* --- every state --- */

static void to_idle(struct fixture *f)
{
    assert_ok(spoke_client_close(f->client, 0));
    assert_ok(spoke_client_open(f->client));
}

static void to_provisioning(struct fixture *f)
{
    start_with_dps(f);
    poll(f, 0);
}

static void to_talking_with_dps(struct fixture *f)
{
    to_provisioning(f);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
}

static void to_connecting(struct fixture *f)
{
    poll(f, 0);
}

static void to_back_off(struct fixture *f)
{
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
}

static const struct {
    void (*enter)(struct fixture *);
    spoke_state state;
} stages[] = {{to_idle, SPOKE_IDLE},
              {to_provisioning, SPOKE_PROVISIONING},
              {to_talking_with_dps, SPOKE_PROVISIONING},
              {to_connecting, SPOKE_CONNECTING},
              {connect_only, SPOKE_SYNCING},
              {get_ready, SPOKE_READY},
              {to_back_off, SPOKE_BACKOFF}};
#define STAGES (sizeof stages / sizeof stages[0])

static struct fixture *enter(void **state, size_t stage)
{
    tear_down(state);
    set_up(state);
    struct fixture *f = *state;
    stages[stage].enter(f);
    expect(f, stages[stage].state);
    return f;
}

/* One poll that is given a day sleeps the day. */
static void expect_a_quiet_day(struct fixture *f)
{
    const uint64_t begun = clock_ms;
    const unsigned opens = fake->opens;
    const size_t sent = fake->sent_count;
    poll(f, DAY);
    assert_int_equal(clock_ms - begun, DAY);
    assert_int_equal(fake->opens, opens);
    assert_int_equal(fake->sent_count, sent);
}

static void airplane_mode_hangs_up_and_sleeps_from_every_state(void **state)
{
    for (size_t i = 0; i < STAGES; i++) {
        struct fixture *f = enter(state, i);
        spoke_client_network(f->client, SPOKE_NETWORK_AIRPLANE);
        for (int turns = 0; turns < 4; turns++)
            poll(f, 0);
        assert_false(fake->open);
        expect(f, SPOKE_BACKOFF);
        expect_a_quiet_day(f);
        spoke_client_connect_now(f->client); /* the mode is the stronger word */
        poll(f, 0);
        expect_a_quiet_day(f);
        const unsigned opens = fake->opens;
        spoke_client_network(f->client, SPOKE_NETWORK_UP);
        poll(f, 1);
        assert_int_equal(fake->opens, opens + 1);
        assert_int_equal(f->client->stats.troubles[0].count, stages[i].enter == to_back_off ? 1 : 0);
    }
}

static void with_the_network_down_nothing_is_dialled_and_what_stands_is_used(void **state)
{
    for (size_t i = 0; i < STAGES; i++) {
        struct fixture *f = enter(state, i);
        const bool stood = fake->open;
        spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
        poll(f, 0);
        assert_int_equal(fake->open, stood);
        expect(f, stages[i].state == SPOKE_IDLE ? SPOKE_BACKOFF : stages[i].state);
        if (stood)
            say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 101);
        poll(f, 0);
        expect(f, SPOKE_BACKOFF);
        expect_a_quiet_day(f);
        const unsigned opens = fake->opens;
        spoke_client_network(f->client, SPOKE_NETWORK_METERED);
        poll(f, 1);
        assert_int_equal(fake->opens, opens + 1);
    }
}

static void a_link_that_stands_outlasts_the_renewal_while_the_network_is_down(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    run(f, 2 * HOUR);
    expect(f, SPOKE_READY);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"n\":1}");
    spoke_client_network(f->client, SPOKE_NETWORK_UP); /* the renewal that is due is made now */
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(fake->opens, 2);
}

static void a_renewal_that_the_network_stops_holds_no_message_back(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    const uint32_t token = last_sent()->token;
    clock_ms = f->client->renew_at;
    f->client->ack_due = NEVER;
    poll(f, 0); /* waits for the PUBACK, and sends nothing more */
    assert_true(f->client->draining);
    assert_ok(spoke_send(f->client, spoke_i64("n", 2)));
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    poll(f, 0);
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"n\":2}");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = token});
    poll(f, 0);
    expect(f, SPOKE_READY);
}

static void the_way_from_dps_to_the_hub_is_held_while_the_network_is_down(void **state)
{
    struct fixture *f = *state;
    to_talking_with_dps(f);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    say_message(
        "$dps/registrations/res/200/?$rid=1",
        "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h.local\","
        "\"deviceId\":\"d\",\"status\":\"assigned\"}}",
        0);
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    poll(f, 0);
    assert_string_equal(fake->host, "h.local");
}

static void a_metered_network_gets_the_longest_keep_alive_from_the_next_connect(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_int_equal(fake->keep_alive_s, SPOKE_DEFAULT_KEEP_ALIVE_S);
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    poll(f, 0);
    assert_int_equal(fake->opens, 1);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0);
    run(f, 15000);
    assert_int_equal(fake->opens, 2);
    assert_int_equal(fake->keep_alive_s, SPOKE_MAX_KEEP_ALIVE_S);
}

static void a_network_that_is_there_again_shortens_no_pause_the_service_asked_for(void **state)
{
    struct fixture *f = *state;
    to_talking_with_dps(f);
    say_message("$dps/registrations/res/401/?$rid=1", "{\"errorCode\":401002,\"message\":\"no\"}", 0);
    poll(f, 0);
    poll(f, 0);
    const unsigned opens = fake->opens;
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    poll(f, 0);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    poll(f, 1000);
    assert_int_equal(fake->opens, opens);
    spoke_client_connect_now(f->client); /* that does */
    poll(f, 0);
    assert_int_equal(fake->opens, opens + 1);
}

static void to_connect_now_is_ignored_as_long_as_there_is_no_network(void **state)
{
    struct fixture *f = *state;
    static const spoke_network away[] = {SPOKE_NETWORK_DOWN, SPOKE_NETWORK_AIRPLANE};
    for (size_t i = 0; i < 2; i++) {
        to_talking_with_dps(f);
        say_message("$dps/registrations/res/401/?$rid=1", "{\"errorCode\":401002,\"message\":\"no\"}", 0);
        poll(f, 0);
        poll(f, 0);
        const unsigned opens = fake->opens;
        spoke_client_network(f->client, away[i]);
        spoke_client_connect_now(f->client); /* does not end the service's pause behind its back */
        poll(f, 0);
        spoke_client_connect_now(f->client);
        spoke_client_network(f->client, SPOKE_NETWORK_UP);
        poll(f, 1000);
        assert_int_equal(fake->opens, opens);
    }
}

static void to_connect_now_overrides_the_spread_of_a_network_that_is_back(void **state)
{
    struct fixture *f = *state;
    f->config.first_connect_spread_ms = 60000;
    start(f);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    poll(f, DAY);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    spoke_client_connect_now(f->client);
    poll(f, 0);
    assert_int_equal(fake->opens, 1);
}

static void a_fleet_that_gets_its_network_back_is_spread(void **state)
{
    struct fixture *f = *state;
    f->config.first_connect_spread_ms = 60000;
    start(f);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    poll(f, DAY);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    const uint64_t begun = clock_ms;
    while (fake->opens == 0)
        poll(f, 60000);
    assert_in_range(clock_ms - begun, 29000, 31000); /* this fixture's random bits are the middle */
}

/* A pause of the client's own, not one that the service asked for. */
static void to_a_long_pause(struct fixture *f)
{
    f->config.backoff_min_ms = 600000;
    f->config.backoff_max_ms = 600000;
    start(f);
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_in_range(spoke_client_next_ms(f->client), 60000, 600000);
}

static void a_network_that_is_there_again_is_tried_at_once_whatever_the_pause(void **state)
{
    struct fixture *f = *state;
    static const spoke_network before[] = {SPOKE_NETWORK_DOWN, SPOKE_NETWORK_AIRPLANE, SPOKE_NETWORK_METERED};
    for (size_t i = 0; i < 3; i++) {
        to_a_long_pause(f);
        spoke_client_network(f->client, before[i]);
        poll(f, 0);
        assert_int_equal(fake->opens, 1);
        spoke_client_network(f->client, SPOKE_NETWORK_UP);
        assert_int_equal(spoke_client_next_ms(f->client), 0); /* it is news */
        poll(f, 0);
        poll(f, 1000);
        assert_int_equal(fake->opens, 2);
    }
}

static void a_network_that_becomes_metered_is_no_reason_to_hurry(void **state)
{
    struct fixture *f = *state;
    to_a_long_pause(f);
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    poll(f, 0);
    poll(f, 10000);
    assert_int_equal(fake->opens, 1);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN);
    poll(f, 0);
    spoke_client_network(f->client, SPOKE_NETWORK_METERED); /* but one that is there again is */
    poll(f, 0);
    poll(f, 1000);
    assert_int_equal(fake->opens, 2);
}

static void a_mode_that_there_is_not_is_ignored(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    spoke_client_network(f->client, (spoke_network)99);
    spoke_client_network(NULL, SPOKE_NETWORK_DOWN);
    run(f, 1000);
    expect(f, SPOKE_READY);
}

static void news_of_the_network_are_due_at_once(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_true(spoke_client_next_ms(f->client) > 1000);
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    assert_int_equal(spoke_client_next_ms(f->client), 0);
    poll(f, 0);
    assert_true(spoke_client_next_ms(f->client) > 1000);
}

static void to_be_where_one_is_already_changes_and_tells_nothing(void **state)
{
    struct fixture *f = *state;
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "");
    poll(f, 0);
    const unsigned changes = f->changes;
    enter_state(f->client, SPOKE_CONNECTING, &none);
    assert_int_equal(f->changes, changes);
    assert_int_equal(f->client->stats.attempts, 1);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
    machine_close_link(f->client, true); /* there is none */
    assert_false(f->client->closing_link);
}

static void close_works_in_airplane_mode(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    spoke_client_network(f->client, SPOKE_NETWORK_AIRPLANE);
    assert_ok(spoke_client_close(f->client, 1000));
    expect(f, SPOKE_IDLE);
    expect_a_quiet_day(f);
}

/* --- links that the hub ends --- */

static unsigned notices[SPOKE_NOTICE_STORAGE + 1];

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    assert_non_null(notice->error.text);
    notices[notice->kind]++;
}

static void start_noting(struct fixture *f)
{
    memset(notices, 0, sizeof notices);
    f->config.on_notice = note;
    start(f);
}

/* Dials whatever the pause, stands for `stood_ms`, and is ended by the hub. */
static void live(struct fixture *f, uint32_t stood_ms)
{
    spoke_client_connect_now(f->client);
    fake->sent_count = 0;
    get_ready(f);
    run(f, stood_ms);
    expect(f, SPOKE_READY);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
}

static void three_short_links_tell_once_of_another_program_with_this_identity(void **state)
{
    struct fixture *f = *state;
    start_noting(f);
    for (int i = 0; i < 8; i++)
        live(f, 20000);
    assert_int_equal(notices[SPOKE_NOTICE_DUPLICATE], 1);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_DUPLICATE], 6);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_PEER_CLOSED], 2);
    assert_non_null(strstr(spoke_client_error(f->client)->text, "device id"));
    live(f, RETRY_CALM_MS);
    for (int i = 0; i < 3; i++)
        live(f, 20000);
    assert_int_equal(notices[SPOKE_NOTICE_DUPLICATE], 2);
}

static void the_pauses_of_an_identity_used_twice_grow_from_30_s_to_10_min(void **state)
{
    struct fixture *f = *state;
    start_noting(f);
    live(f, 20000);
    live(f, 20000);
    const uint32_t seconds[] = {30, 60, 120, 240, 480, 600, 600};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        live(f, 20000);
        assert_in_range(spoke_client_next_ms(f->client), seconds[i] * 1000, seconds[i] * 1250);
    }
}

/* Sends one message and is hung up on. */
static void publish_and_be_closed(struct fixture *f)
{
    spoke_client_connect_now(f->client);
    fake->sent_count = 0;
    get_ready(f);
    run(f, 5000);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
}

static void a_hub_that_closes_on_publish_is_slowed_to_minutes_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    for (unsigned i = 1; i < RETRY_UNHEARD_LINKS; i++) {
        publish_and_be_closed(f);
        assert_in_range(spoke_client_next_ms(f->client), 1, 5000);
    }
    const uint32_t seconds[] = {120, 240, 480, 900, 900};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        publish_and_be_closed(f);
        assert_in_range(spoke_client_next_ms(f->client), seconds[i] * 1000, seconds[i] * 1250);
    }
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_THROTTLED], 5);
    assert_non_null(strstr(spoke_client_error(f->client)->text, "quota"));
    assert_int_equal(spoke_client_pending(f->client), 1);
    spoke_client_connect_now(f->client);
    fake->sent_count = 0;
    get_ready(f);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 0);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void a_link_that_carried_something_is_no_sign_of_a_quota(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        spoke_client_connect_now(f->client);
        fake->sent_count = 0;
        get_ready(f);
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
        poll(f, 0);
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
        poll(f, 0);
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
        run(f, 59000);
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0);
        poll(f, 0);
    }
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_THROTTLED], 0);
}

/* --- how often --- */

static void a_refused_identity_dials_at_most_36_times_a_day(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    const uint64_t until = clock_ms + DAY;
    while (clock_ms < until) {
        if (fake->open && !fake->ended)
            say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
        poll(f, (uint32_t)(until - clock_ms));
    }
    assert_in_range(fake->opens, 20, 36);
}

static spoke_status slow_unix(void *ctx, int64_t *out)
{
    clock_ms += 70;
    return fake_unix(ctx, out);
}

static void the_longest_stay_of_poll_beyond_its_limit_is_kept(void **state)
{
    struct fixture *f = *state;
    f->platform.unix_seconds = slow_unix;
    start(f);
    poll(f, 0); /* the clock is noted, and a token is made */
    assert_int_equal(f->client->stats.longest_poll_ms, 140);
    run(f, 30000);
    assert_int_equal(f->client->stats.longest_poll_ms, 140);
}

static void syncing_has_a_deadline_of_its_own(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    fake->full = true; /* the transport takes the subscription, and nothing behind it, for ever */
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    expect(f, SPOKE_SYNCING);
    const uint64_t begun = clock_ms;
    while (spoke_client_state(f->client) == SPOKE_SYNCING && clock_ms - begun < HOUR) {
        poll(f, 60000);
        clock_ms += 1000; /* full: it does not sleep */
    }
    expect(f, SPOKE_BACKOFF);
    assert_in_range(clock_ms - begun, 590000, 700000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(airplane_mode_hangs_up_and_sleeps_from_every_state),
        claim(with_the_network_down_nothing_is_dialled_and_what_stands_is_used),
        claim(a_link_that_stands_outlasts_the_renewal_while_the_network_is_down),
        claim(a_renewal_that_the_network_stops_holds_no_message_back),
        claim(the_way_from_dps_to_the_hub_is_held_while_the_network_is_down),
        claim(a_metered_network_gets_the_longest_keep_alive_from_the_next_connect),
        claim(a_network_that_is_there_again_shortens_no_pause_the_service_asked_for),
        claim(to_connect_now_is_ignored_as_long_as_there_is_no_network),
        claim(to_connect_now_overrides_the_spread_of_a_network_that_is_back),
        claim(a_fleet_that_gets_its_network_back_is_spread),
        claim(a_network_that_is_there_again_is_tried_at_once_whatever_the_pause),
        claim(a_network_that_becomes_metered_is_no_reason_to_hurry),
        claim(a_mode_that_there_is_not_is_ignored),
        claim(news_of_the_network_are_due_at_once),
        claim(to_be_where_one_is_already_changes_and_tells_nothing),
        claim(close_works_in_airplane_mode),
        claim(three_short_links_tell_once_of_another_program_with_this_identity),
        claim(the_pauses_of_an_identity_used_twice_grow_from_30_s_to_10_min),
        claim(a_hub_that_closes_on_publish_is_slowed_to_minutes_and_nothing_is_lost),
        claim(a_link_that_carried_something_is_no_sign_of_a_quota),
        claim(a_refused_identity_dials_at_most_36_times_a_day),
        claim(the_longest_stay_of_poll_beyond_its_limit_is_kept),
        claim(syncing_has_a_deadline_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
