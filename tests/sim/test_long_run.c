/* Days and months of virtual time: an identity used twice, tokens renewed, links that swallow bytes, a device that
 * has nothing to say. */
#include <stdio.h>
#include <string.h>

#include "client/machine.h"
#include "sim.h"

#define MINUTE (60u * 1000u)
#define HOUR (60u * MINUTE)
#define DAY (24u * HOUR)

struct fixture {
    struct sim sim;
    spoke_client *client, *other;
    unsigned duplicates, notices;
    unsigned delivered;
    char text[1 << 20];
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
    spoke_client_destroy(f->other);
    sim_stop(&f->sim);
    test_free(f);
    return 0;
}

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    struct fixture *f = user;
    (void)client;
    f->notices++;
    f->duplicates += notice->kind == SPOKE_NOTICE_DUPLICATE ? 1 : 0;
}

static void count_delivered(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)id;
    assert_ok(outcome);
    ((struct fixture *)user)->delivered++;
}

static spoke_client *client_of(const spoke_config *config)
{
    spoke_client *client;
    assert_ok(spoke_client_create(config, &client));
    assert_ok(spoke_client_open(client));
    return client;
}

static spoke_config config_of(struct fixture *f)
{
    spoke_config c = sim_config(&f->sim);
    c.on_notice = note;
    c.on_sent = count_delivered;
    c.user = f;
    return c;
}

static void put_faults(struct fixture *f, const char *faults)
{
    assert_in_range(sim_request(&f->sim, NULL, "PUT", "/control/faults", faults, NULL, 0), 200, 204);
}

static void say_something(struct fixture *f, int64_t n)
{
    const spoke_outgoing message = {.body = SPOKE_STR("{\"n\":1}"), .id = (uint32_t)n};
    assert_ok(spoke_message_send(f->client, &message));
}

/* --- an identity used twice --- */

static void take_turns(struct fixture *f, uint64_t duration_ms)
{
    const uint64_t until = f->sim.now + duration_ms;
    while (f->sim.now < until) {
        assert_ok(spoke_client_poll(f->client, 100));
        assert_ok(spoke_client_poll(f->other, 900));
    }
}

static void two_programs_with_one_identity_connect_rarely_and_one_is_ready_soon_after_the_other_stops(void **state)
{
    struct fixture *f = *state;
    const spoke_config c = config_of(f);
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    f->other = client_of(&c);
    take_turns(f, HOUR);
    assert_in_range(f->duplicates, 2, 2); /* each was told, once */
    const unsigned before = f->sim.connects;
    take_turns(f, DAY - HOUR);
    print_message("%u connects in 24 hours\n", f->sim.connects);
    assert_in_range(f->sim.connects - before, 1, 23 * 8);
    assert_in_range(f->duplicates, 2, 2);
    assert_ok(spoke_client_close(f->other, 1000));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 750 * 1000 + 5000));
    sim_run(&f->sim, f->client, HOUR);
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
}

static void another_program_that_visits_once_is_no_duplicate(void **state)
{
    struct fixture *f = *state;
    const spoke_config c = config_of(f);
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    f->other = client_of(&c);
    take_turns(f, 5000);
    assert_ok(spoke_client_close(f->other, 1000));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    sim_run(&f->sim, f->client, DAY);
    assert_int_equal(f->duplicates, 0);
}

/* --- quota --- */

static void a_day_of_used_up_quota_costs_few_connects_and_no_message(void **state)
{
    struct fixture *f = *state;
    const spoke_config c = config_of(f);
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    const uint64_t until = f->sim.now + DAY;
    const unsigned before = f->sim.connects;
    for (uint32_t n = 1; n <= 24; n++)
        say_something(f, n);
    while (f->sim.now < until) {
        put_faults(f, "{\"dropAfterPublishes\":{\"count\":1}}"); /* it fires once: armed again and again */
        sim_run(&f->sim, f->client, 1000);
    }
    print_message("%u connects in a day without quota\n", f->sim.connects - before);
    assert_in_range(f->sim.connects - before, 60, 130);
    assert_true(f->client->stats.ended[SPOKE_REASON_THROTTLED] > 50);
    put_faults(f, "{}");
    assert_true(sim_drain(&f->sim, f->client, 1125 * 1000 + 5000));
    assert_int_equal(f->delivered, 24);
}

/* --- tokens --- */

/* What the service got since it was asked last. */
static size_t arrived(struct fixture *f)
{
    sim_messages(&f->sim, f->text, sizeof f->text);
    assert_in_range(sim_request(&f->sim, NULL, "DELETE", "/control/devices/dev-1/messages", NULL, NULL, 0), 200,
                    204);
    return sim_count(f->text, "\"body\"");
}

static void thirty_days_of_hourly_tokens_lose_nothing_and_double_nothing(void **state)
{
    struct fixture *f = *state;
    spoke_config c = config_of(f);
    c.sas_lifetime_s = 3600;
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    uint32_t sent = 0;
    size_t stored = 0;
    for (int day = 0; day < 30; day++) {
        const uint64_t until = f->sim.now + DAY;
        while (f->sim.now < until) {
            say_something(f, ++sent);
            sim_run(&f->sim, f->client, 7 * MINUTE + sent % 50 * 1000); /* wherever that falls in a renewal */
        }
        stored += arrived(f);
    }
    const spoke_stats *s = &f->client->stats;
    print_message("%llu renewals, %u messages\n", (unsigned long long)s->token_renewals, sent);
    assert_int_equal(f->delivered, sent);
    assert_int_equal(stored, sent); /* not one of them twice */
    assert_in_range(s->token_renewals, 30 * 24, 30 * 24 * 5 / 4);
    assert_int_equal(s->ended[SPOKE_REASON_TOKEN], s->token_renewals);
    assert_int_equal(s->ended[SPOKE_REASON_PEER_CLOSED], 0);
    assert_int_equal(s->backoff_ms, 0);
}

/* --- silence --- */

/* How long it takes to notice, from the moment when bytes begin to vanish. */
static uint64_t notice_silence(struct fixture *f, bool *way, uint32_t keep_alive_s, bool sending)
{
    spoke_config c = config_of(f);
    c.keep_alive_s = keep_alive_s;
    c.queue_bytes = 100000;
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    sim_run(&f->sim, f->client, 7000);
    *way = true;
    const uint64_t begun = f->sim.now;
    for (uint32_t n = 1; spoke_client_state(f->client) == SPOKE_READY && n < 10000; n++) {
        if (sending)
            say_something(f, n);
        sim_run(&f->sim, f->client, 1000);
    }
    const uint64_t took = f->sim.now - begun;
    *way = false;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 4 * MINUTE));
    assert_true(sim_drain(&f->sim, f->client, MINUTE));
    spoke_client_destroy(f->client);
    f->client = NULL;
    return took;
}

static void a_link_that_swallows_bytes_is_noticed_within_one_and_a_half_keep_alives(void **state)
{
    struct fixture *f = *state;
    bool *const ways[] = {&f->sim.silent, &f->sim.mute, &f->sim.deaf};
    static const uint32_t keep_alives_s[] = {20, 60, 240, 1177};
    for (size_t way = 0; way < 3; way++)
        for (size_t k = 0; k < 4; k++)
            for (int sending = 0; sending < 2; sending++) {
                const uint64_t took = notice_silence(f, ways[way], keep_alives_s[k], sending == 1);
                if (took > keep_alives_s[k] * 1500u + 2000)
                    fail_msg("way %u, keep-alive %u s, sending %d: %llu ms", (unsigned)way,
                             (unsigned)keep_alives_s[k], sending, (unsigned long long)took);
            }
}

/* --- nothing to say --- */

static void an_idle_hour_wakes_at_most_twice_for_each_keep_alive(void **state)
{
    struct fixture *f = *state;
    spoke_config c = config_of(f);
    c.sas_lifetime_s = 86400;
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    sim_run(&f->sim, f->client, 2 * MINUTE);
    const uint64_t until = f->sim.now + HOUR;
    unsigned wakes = 0;
    while (f->sim.now < until) {
        const uint64_t left = until - f->sim.now;
        assert_ok(spoke_client_poll(f->client, (uint32_t)left));
        wakes++;
    }
    print_message("%u wake-ups in an idle hour of 15 keep-alives\n", wakes);
    assert_in_range(wakes, 15, 2 * 15 + 1);
}

static void airplane_mode_is_a_day_without_a_byte_or_a_wake_up(void **state)
{
    struct fixture *f = *state;
    const spoke_config c = config_of(f);
    f->client = client_of(&c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, MINUTE));
    spoke_client_network(f->client, SPOKE_NETWORK_AIRPLANE);
    sim_run(&f->sim, f->client, 5000);
    assert_int_equal(sim_request(&f->sim, NULL, "GET", "/control/devices/dev-1", NULL, f->text, sizeof f->text),
                     200);
    assert_true(sim_contains(f->text, "\"connected\":false")); /* DISCONNECT was said */
    say_something(f, 1);
    const uint64_t up = f->sim.up, begun = f->sim.now;
    const unsigned sleeps = f->sim.sleeps;
    assert_ok(spoke_client_poll(f->client, DAY));
    assert_int_equal(f->sim.now - begun, DAY);
    assert_int_equal(f->sim.sleeps - sleeps, 1);
    assert_int_equal(f->sim.up, up);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    assert_true(sim_drain(&f->sim, f->client, 10000));
}

#define with_service(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_service(two_programs_with_one_identity_connect_rarely_and_one_is_ready_soon_after_the_other_stops),
        with_service(another_program_that_visits_once_is_no_duplicate),
        with_service(a_day_of_used_up_quota_costs_few_connects_and_no_message),
        with_service(thirty_days_of_hourly_tokens_lose_nothing_and_double_nothing),
        with_service(a_link_that_swallows_bytes_is_noticed_within_one_and_a_half_keep_alives),
        with_service(an_idle_hour_wakes_at_most_twice_for_each_keep_alive),
        with_service(airplane_mode_is_a_day_without_a_byte_or_a_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
