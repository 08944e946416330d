/* Counters and gauges, as a program reads them. */
#include "support/client_fixture.h"

static spoke_stats stats_of(const struct fixture *f)
{
    spoke_stats stats = SPOKE_STATS;
    assert_ok(spoke_client_stats(f->client, &stats));
    return stats;
}

static void every_reason_and_every_drop_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SPOKE_REASON_COUNT; i++) {
        assert_true(strlen(spoke_reason_name((spoke_reason)i)) > 1);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(spoke_reason_name((spoke_reason)i), spoke_reason_name((spoke_reason)j));
    }
    for (int i = 0; i < SPOKE_DROP_COUNT; i++) {
        assert_true(strlen(spoke_drop_name((spoke_drop)i)) > 1);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(spoke_drop_name((spoke_drop)i), spoke_drop_name((spoke_drop)j));
    }
    assert_string_equal(spoke_reason_name(SPOKE_REASON_COUNT), "?");
    assert_string_equal(spoke_drop_name(SPOKE_DROP_COUNT), "?");
}

static void arguments_are_checked(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = SPOKE_STATS;
    assert_int_equal(spoke_client_stats(NULL, &stats), SPOKE_E_ARG);
    assert_int_equal(spoke_client_stats(f->client, NULL), SPOKE_E_ARG);
    stats.struct_size = 0;
    assert_int_equal(spoke_client_stats(f->client, &stats), SPOKE_E_ARG);
    stats.struct_size = sizeof stats.struct_size - 1;
    assert_int_equal(spoke_client_stats(f->client, &stats), SPOKE_E_ARG);
}

static void an_older_program_gets_what_its_struct_has_room_for(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = SPOKE_STATS;
    memset(&stats, 0xA5, sizeof stats);
    stats.struct_size = offsetof(spoke_stats, connects);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.struct_size, offsetof(spoke_stats, connects));
    assert_int_equal(stats.attempts, 0);
    assert_int_equal(*(uint8_t *)&stats.connects, 0xA5);
}

static void a_newer_program_finds_zeros_behind(void **state)
{
    struct fixture *f = *state;
    struct {
        spoke_stats stats;
        uint64_t newer;
    } both;
    memset(&both, 0xA5, sizeof both);
    both.stats.struct_size = sizeof both;
    assert_ok(spoke_client_stats(f->client, &both.stats));
    assert_int_equal(both.newer, 0);
    assert_int_equal(both.stats.queue_messages, 0);
}

static void the_queue_shows(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_send(f->client, spoke_i64("a", 1)));
    assert_ok(spoke_send(f->client, spoke_i64("a", 2)));
    assert_int_equal(stats_of(f).queue_messages, 2);
}

static void desired_documents_are_counted_once_each(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_int_equal(stats_of(f).desired, 1);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":1,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(stats_of(f).desired, 2);
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"target\":1,\"$version\":2},\"reported\":{}}"); /* known already */
    poll(f, 0);
    assert_int_equal(stats_of(f).desired, 2);
}

static void answer_report(struct fixture *f, const char *status)
{
    char topic[128];
    const char *request = NULL;
    poll(f, 0);
    for (size_t i = 0; i < fake->sent_count; i++)
        if (strstr(fake->sent[i].topic, "/reported/") != NULL)
            request = strstr(fake->sent[i].topic, "$rid=");
    assert_non_null(request);
    snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s&$version=2", status, request);
    say_message(topic, "", 0);
    poll(f, 0);
}

static void reports_are_counted_and_those_that_the_hub_refused(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("a", 1)));
    answer_report(f, "204");
    assert_int_equal(stats_of(f).reports, 1);
    assert_int_equal(stats_of(f).reports_refused, 0);
    assert_ok(spoke_report(f->client, spoke_i64("a", 2)));
    answer_report(f, "400");
    assert_int_equal(stats_of(f).reports, 2);
    assert_int_equal(stats_of(f).reports_refused, 1);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":1,\"$version\":2}", 0);
    answer_report(f, "429"); /* an acknowledgement is a report, and waits now */
    assert_int_equal(stats_of(f).reports, 3);
    assert_int_equal(stats_of(f).reports_refused, 1);
    assert_int_equal(spoke_property_report(f->client, NULL, NULL, 0), SPOKE_E_ARG);
    assert_int_equal(stats_of(f).reports, 3);
}

static void commands_are_counted_however_they_come(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/methods/POST/go/?$rid=1", "", 0);
    say_message("$iothub/methods/POST/unknown/?$rid=2", "", 0);
    say_message("devices/d/messages/devicebound/method-name=go", "@", 1);
    poll(f, 0);
    assert_int_equal(stats_of(f).commands, 3);
}

static void reports_are_counted_with_what_became_of_them(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_report(f->client, spoke_i64("a", 1)));
    assert_ok(spoke_report(f->client, spoke_i64("b", 2)));
    assert_int_equal(stats_of(f).reports, 2);
    assert_int_equal(stats_of(f).reports_coalesced, 1);
    get_ready(f);
    answer_report(f, "204");
    assert_int_equal(stats_of(f).reports_refused, 0);
    assert_ok(spoke_report(f->client, spoke_i64("c", 3)));
    poll(f, 0);
    answer_report(f, "400");
    assert_int_equal(stats_of(f).reports, 3);
    assert_int_equal(stats_of(f).reports_refused, 1);
}

/* accepted + recovered = delivered + dropped + queue_messages */
static void adds_up(const struct fixture *f)
{
    const spoke_stats s = stats_of(f);
    uint64_t ended = s.delivered;
    for (int i = 0; i < SPOKE_DROP_COUNT; i++)
        ended += s.dropped[i];
    assert_int_equal(s.accepted + s.recovered, ended + s.queue_messages);
}

static void every_message_has_one_end(void **state)
{
    struct fixture *f = *state;
    static const spoke_when_full policies[] = {SPOKE_FULL_REFUSE, SPOKE_FULL_DROP_OLDEST, SPOKE_FULL_DROP_NEWEST,
                                               SPOKE_FULL_DROP_LOWEST};
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        f->config.when_full = policies[i];
        f->config.queue_messages = 5;
        start(f);
        get_ready(f);
        for (int step = 0; step < 400; step++) {
            seed = seed * 1103515245u + 12345u;
            const spoke_delivery how = {.priority = (spoke_priority)(seed >> 16) % 3, .ttl_s = (seed >> 20) % 3};
            const spoke_field x = spoke_i64("x", step);
            switch (seed >> 24 & 3) {
            case 0:
            case 1:
                (void)!spoke_telemetry_send_as(f->client, &how, NULL, &x, 1);
                break;
            case 2:
                if (fake->sent_count > 0 && last_sent()->qos == 1)
                    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
                break;
            default:
                clock_ms += 700;
            }
            fake->sent_count = fake->sent_count > 200 ? 0 : fake->sent_count;
            adds_up(f);
            poll(f, 0);
            adds_up(f);
        }
        assert_true(stats_of(f).delivered > 10 && stats_of(f).accepted > 50);
    }
}

/* --- time --- */

static uint32_t oversleep_ms;

static void slow_step(spoke_transport *t, uint32_t limit_ms)
{
    fake_step(t, limit_ms);
    clock_ms += oversleep_ms;
}

static void a_poll_beyond_its_limit_is_measured(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops slow = fake_ops;
    slow.step = slow_step;
    f->config.transport = &slow;
    start(f);
    oversleep_ms = 0;
    poll(f, 100);
    assert_int_equal(stats_of(f).longest_poll_ms, 0);
    oversleep_ms = 7;
    poll(f, 100);
    assert_in_range(stats_of(f).longest_poll_ms, 7, 14); /* poll may step twice */
    oversleep_ms = 0;
    poll(f, 100);
    assert_in_range(stats_of(f).longest_poll_ms, 7, 14);
    spoke_client_destroy(f->client);
    f->client = NULL;
}

static spoke_ack slow_handler(const spoke_command *call, void *user)
{
    (void)call;
    (void)user;
    clock_ms += 5000;
    return spoke_accept();
}

static void the_time_of_handlers_is_the_programs_own(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler slow[] = {SPOKE_ON_COMMAND("go", slow_handler)};
    f->config.handlers = slow;
    f->config.handler_count = 1;
    start(f);
    get_ready(f);
    const uint64_t before = clock_ms;
    say_message("$iothub/methods/POST/go/?$rid=1", "", 0);
    poll(f, 0);
    assert_int_equal(clock_ms - before, 5000);
    assert_int_equal(stats_of(f).longest_poll_ms, 0);
}

/* --- bytes --- */

static void some_bytes(const spoke_transport *t, spoke_transport_counters *out)
{
    (void)t;
    *out = (spoke_transport_counters){.bytes_in = 12, .bytes_out = 34};
}

static void bytes_are_the_transports(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops counting = fake_ops;
    poll(f, 0);
    assert_int_equal(stats_of(f).bytes_in, 0); /* this one counts none */
    counting.counters = some_bytes;
    f->config.transport = &counting;
    start(f);
    poll(f, 0);
    assert_int_equal(stats_of(f).bytes_in, 12);
    assert_int_equal(stats_of(f).bytes_out, 34);
    spoke_client_destroy(f->client);
    f->client = NULL;
}

/* --- troubles and notices --- */

static void the_state_that_lasts_counts_already(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const uint64_t before = stats_of(f).ready_ms;
    run(f, 5000);
    assert_int_equal(stats_of(f).ready_ms - before, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(every_reason_and_every_drop_has_a_name_of_its_own),
        claim(arguments_are_checked),
        claim(an_older_program_gets_what_its_struct_has_room_for),
        claim(a_newer_program_finds_zeros_behind),
        claim(the_queue_shows),
        claim(every_message_has_one_end),
        claim(desired_documents_are_counted_once_each),
        claim(reports_are_counted_and_those_that_the_hub_refused),
        claim(commands_are_counted_however_they_come),
        claim(reports_are_counted_with_what_became_of_them),
        claim(a_poll_beyond_its_limit_is_measured),
        claim(the_time_of_handlers_is_the_programs_own),
        claim(bytes_are_the_transports),
        claim(the_state_that_lasts_counts_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
