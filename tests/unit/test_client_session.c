/* What leaves the client for the hub, and when: sizes, order, patience. */
#include "support/client_fixture.h"

static void fill(char *text, size_t len)
{
    memset(text, 'x', len);
    text[len] = '\0';
}

/* --- patience --- */

static void a_hub_that_never_answers_subscribe_leads_to_back_off(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    poll(f, 0);
    expect(f, SPOKE_SYNCING);
    run(f, SPOKE_DEFAULT_CONNECT_LIMIT_MS + 10);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
}

static void a_dps_that_never_answers_subscribe_leads_to_back_off(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    poll(f, 0);
    expect(f, SPOKE_PROVISIONING);
    run(f, SPOKE_DEFAULT_CONNECT_LIMIT_MS + 10);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
}

static void a_transport_that_never_reports_is_given_up(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    run(f, 2 * SPOKE_DEFAULT_CONNECT_LIMIT_MS);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
}

static void a_request_left_from_the_last_connection_does_not_keep_the_next_one_awake(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("x", 1))); /* never answered */
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    clock_ms += 200000;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    poll(f, 0);
    expect(f, SPOKE_SYNCING);
    run(f, 10000); /* SUBACK takes its time */
    expect(f, SPOKE_SYNCING);
}

static void a_message_that_is_never_acknowledged_costs_the_connection_not_the_message(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    run(f, 61000);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void each_burst_of_acknowledgements_gives_the_next_message_its_time(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const size_t before = fake->sent_count;
    for (int64_t i = 0; i < 3; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
    run(f, 40000);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[before].token});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[before + 1].token});
    run(f, 59000);
    expect(f, SPOKE_READY);
    run(f, 2000);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
}

static void acknowledgements_of_younger_messages_do_not_help_the_oldest(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const size_t before = fake->sent_count;
    for (int64_t i = 0; i < 2; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
    run(f, 40000);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[before + 1].token});
    run(f, 21000);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
}

static void closing_sleeps_while_the_service_does_not_let_it_finish(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    fake->ignores_close = true;
    const uint64_t begun = clock_ms;
    (void)spoke_client_close(f->client, 10000);
    assert_in_range(clock_ms - begun, 0, 10100);
    expect(f, SPOKE_IDLE);
}

static void a_close_during_the_drain_for_a_token_still_sends_what_is_queued(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0); /* keeps the renewal waiting */
    poll(f, 0);
    clock_ms += 2975000; /* renewal is due at 82.5 % of an hour */
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    (void)spoke_client_close(f->client, 300);
    assert_string_equal(last_sent()->body, "{\"n\":1}");
}

static void reports_wait_too_while_the_link_drains_for_a_token(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    clock_ms += 2975000; /* renewal is due at 82.5 % of an hour */
    poll(f, 0);
    const size_t before = fake->sent_count;
    assert_ok(spoke_report(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    assert_int_equal(fake->sent_count, before);
}

/* --- sizes --- */

static void a_message_that_can_never_leave_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    static char text[4200];
    fill(text, 4090); /* fits the queue of 8192, not the send buffer of 4096 */
    const spoke_outgoing message = {.body = spoke_str_of(text), .content_type = "text/plain", .id = 1};
    assert_int_equal(spoke_message_send(f->client, &message), SPOKE_E_TOO_LARGE);
    assert_int_equal(spoke_client_pending(f->client), 0);
    fill(text, 3800);
    const spoke_outgoing smaller = {.body = spoke_str_of(text), .content_type = "text/plain"};
    assert_ok(spoke_message_send(f->client, &smaller));
}

static void a_report_that_can_never_leave_is_refused_and_blocks_nothing(void **state)
{
    struct fixture *f = *state;
    static char text[4200];
    get_ready(f);
    fill(text, 4040); /* fits the report queue of 4096, not with its topic into the send buffer */
    assert_int_equal(spoke_report(f->client, spoke_text("x", spoke_str_of(text))), SPOKE_E_TOO_LARGE);
    assert_ok(spoke_report(f->client, spoke_i64("y", 1)));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"y\":1}");
}

static void an_answer_that_can_never_leave_is_refused(void **state)
{
    struct fixture *f = *state;
    static char text[4200];
    f->config.report_bytes = 8192; /* answers wait in as much room */
    start(f);
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    fill(text, 4100);
    text[0] = text[4099] = '"';
    assert_int_equal(spoke_command_reply(f->client, 1, 200, spoke_str_of(text)), SPOKE_E_TOO_LARGE);
    assert_ok(spoke_command_reply(f->client, 1, 200, SPOKE_STR("1")));
}

/* --- order and room --- */

static void what_the_send_buffer_did_not_take_follows_without_delay(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    for (int i = 0; i < 4; i++)
        say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    fake->per_step = 1;
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(spoke_command_reply(f->client, i, 200, SPOKE_STR("1")));
    const size_t before = fake->sent_count;
    for (int i = 0; i < 4; i++) {
        if (spoke_client_next_ms(f->client) > 0)
            break;
        poll(f, 60000);
    }
    assert_int_equal(fake->sent_count - before, 4);
}

static void a_foreign_loop_is_told_that_something_was_queued(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    poll(f, 0);
    assert_true(spoke_client_next_ms(f->client) > 0);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_int_equal(spoke_client_next_ms(f->client), 0);
    poll(f, 0);
    assert_true(spoke_client_next_ms(f->client) > 0);
    assert_ok(spoke_report(f->client, spoke_i64("n", 1)));
    assert_int_equal(spoke_client_next_ms(f->client), 0);
}

static spoke_status sent_outcome;
static unsigned sent_calls;

static void send_another(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)user;
    sent_outcome = outcome;
    if (sent_calls++ > 0)
        return;
    const spoke_outgoing next = {.body = SPOKE_STR("2"), .id = id + 1};
    assert_ok(spoke_message_send(client, &next));
}

static void on_sent_comes_once_for_each_id_and_may_send(void **state)
{
    struct fixture *f = *state;
    sent_calls = 0;
    f->config.on_sent = send_another;
    start(f);
    get_ready(f);
    const spoke_outgoing first = {.body = SPOKE_STR("1"), .id = 1};
    assert_ok(spoke_message_send(f->client, &first));
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 60000);
    assert_int_equal(sent_calls, 1);
    assert_string_equal(last_sent()->body, "2");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 0);
    assert_int_equal(sent_calls, 2);
    assert_int_equal(sent_outcome, SPOKE_OK);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

/* --- looking, and the first attempt --- */

static void trouble_reads_as_one_sentence(void **state)
{
    struct fixture *f = *state;
    char text[200], one[1];
    assert_string_equal(spoke_client_explain(f->client, text, sizeof text), "SPOKE_OK (client): success");
    poll(f, 0);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
    poll(f, 0);
    assert_string_equal(spoke_client_explain(f->client, text, sizeof text),
                        "SPOKE_E_REFUSED (mqtt, 5): the fake says so");
    assert_string_equal(spoke_client_explain(f->client, one, sizeof one), "");
    assert_string_equal(spoke_client_explain(f->client, NULL, 0), "");
    assert_int_equal(spoke_client_fd(f->client), -1);
    assert_int_equal(spoke_client_fd(NULL), -1);
    assert_true(spoke_client_next_ms(NULL) == UINT32_MAX);
    assert_string_equal(spoke_state_name((spoke_state)99), "?");
}

static void ready_forgets_the_trouble_before_it(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
    spoke_client_connect_now(f->client);
    get_ready(f);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_OK);
}

static void the_first_attempt_is_spread_over_the_time_that_was_set(void **state)
{
    struct fixture *f = *state;
    f->config.first_connect_spread_ms = 10000;
    start(f);
    const uint64_t begun = clock_ms;
    while (fake->opens == 0)
        poll(f, 60000);
    assert_in_range(clock_ms - begun, 5000, 5100); /* the middle, as the fixture's dice fall */
}

/* --- answers to reports --- */

static void answer_report(const char *status)
{
    char topic[128];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s&$version=5", status, rid);
    say_message(topic, "", 0);
}

static void a_throttled_report_is_repeated_after_a_pause_that_grows(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("x", 1)));
    poll(f, 0);
    uint64_t total = 0;
    for (int i = 0; i < 4; i++) {
        const uint64_t begun = clock_ms;
        const size_t before = fake->sent_count;
        answer_report("429");
        while (fake->sent_count == before)
            poll(f, 60000);
        total += clock_ms - begun;
        assert_string_equal(last_sent()->body, "{\"x\":1}");
    }
    expect(f, SPOKE_READY);
    assert_in_range(total, 5000, 60000); /* half of 1, 2, 4, 8 s and no less */
}

static void a_refused_report_is_dropped_and_told(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("x", 1)));
    poll(f, 0);
    assert_ok(spoke_report(f->client, spoke_i64("y", 2)));
    poll(f, 0);
    answer_report("400");
    poll(f, 0);
    assert_int_equal(spoke_client_error(f->client)->detail, 400);
    assert_string_equal(last_sent()->body, "{\"y\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_hub_that_never_answers_subscribe_leads_to_back_off),
        claim(a_dps_that_never_answers_subscribe_leads_to_back_off),
        claim(a_transport_that_never_reports_is_given_up),
        claim(a_request_left_from_the_last_connection_does_not_keep_the_next_one_awake),
        claim(a_message_that_is_never_acknowledged_costs_the_connection_not_the_message),
        claim(each_burst_of_acknowledgements_gives_the_next_message_its_time),
        claim(acknowledgements_of_younger_messages_do_not_help_the_oldest),
        claim(closing_sleeps_while_the_service_does_not_let_it_finish),
        claim(a_close_during_the_drain_for_a_token_still_sends_what_is_queued),
        claim(reports_wait_too_while_the_link_drains_for_a_token),
        claim(a_message_that_can_never_leave_is_refused_at_once),
        claim(a_report_that_can_never_leave_is_refused_and_blocks_nothing),
        claim(an_answer_that_can_never_leave_is_refused),
        claim(what_the_send_buffer_did_not_take_follows_without_delay),
        claim(a_foreign_loop_is_told_that_something_was_queued),
        claim(on_sent_comes_once_for_each_id_and_may_send),
        claim(trouble_reads_as_one_sentence),
        claim(ready_forgets_the_trouble_before_it),
        claim(the_first_attempt_is_spread_over_the_time_that_was_set),
        claim(a_throttled_report_is_repeated_after_a_pause_that_grows),
        claim(a_refused_report_is_dropped_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
