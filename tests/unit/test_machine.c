/* The client over a fake transport: every edge of its states, and what a strange service may say to it. */
#include "support/client_fixture.h"

/* --- edges --- */

static void idle_connecting_syncing_ready(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_int_equal(f->changes, 3);
    assert_string_equal(fake->host, "hub.local");
}

static void connecting_to_back_off_when_refused_and_on_to_connecting(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 3);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->detail, 3);
    poll(f, 60000);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_int_equal(fake->opens, 2);
}

static void connecting_to_failed_when_the_configuration_cannot_work_until_closed(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0);
    assert_int_equal(spoke_client_poll(f->client, 0), SPOKE_E_ARG);
    expect(f, SPOKE_FAILED);
    assert_int_equal(spoke_send(f->client, spoke_i64("n", 1)), SPOKE_E_STATE);
    assert_int_equal(spoke_client_poll(f->client, 1000), SPOKE_E_ARG);
    assert_int_equal(fake->opens, 1);
    assert_ok(spoke_client_close(f->client, 0));
    expect(f, SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
}

static void connecting_to_back_off_on_a_wrong_protocol_version_that_may_heal(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 1);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
}

static void what_comes_behind_a_fault_on_the_same_link_is_ignored(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    fake->ignores_close = true;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x80\x00\x00")});
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    assert_int_equal(f->commands, 0);
    poll(f, 3000); /* a close that is ignored ends all the same */
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_PROTOCOL);
}

static void syncing_to_back_off_when_a_subscription_is_refused(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x80\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_PROTOCOL);
}

static void syncing_to_back_off_when_the_twin_is_refused(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("403", "{}");
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->detail, 403);
}

static void ready_to_back_off_when_the_link_is_lost(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    clock_ms += 10000;
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->detail, 104);
}

static void ready_to_connecting_with_another_token_before_the_old_one_ends(void **state)
{
    struct fixture *f = *state;
    char first[512];
    get_ready(f);
    memcpy(first, fake->password, sizeof first);
    assert_true(strncmp(first, "SharedAccessSignature sr=", 25) == 0);
    const uint64_t begun = clock_ms;
    while (fake->opens == 1)
        poll(f, 60000);
    assert_in_range(clock_ms - begun, 2880000, 3060000);
    expect(f, SPOKE_CONNECTING);
    assert_string_not_equal(fake->password, first);
}

static void renewal_waits_for_what_is_in_flight_but_not_for_ever(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    clock_ms += 3100000; /* past the renewal */
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    fake->full = true;
    poll(f, 0);
    fake->full = false;
    poll(f, 20000);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING); /* the message never left; it waits for the new connection */
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void every_state_ends_idle_on_close(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_client_close(f->client, 100)); /* from IDLE, before the first poll */
    expect(f, SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    poll(f, 0);
    assert_ok(spoke_client_close(f->client, 100)); /* from CONNECTING */
    expect(f, SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    connect_only(f);
    assert_ok(spoke_client_close(f->client, 100)); /* from SYNCING */
    expect(f, SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_ok(spoke_client_close(f->client, 100)); /* from BACKOFF */
    expect(f, SPOKE_IDLE);
}

static void close_keeps_its_limit_when_the_service_never_answers(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    fake->ignores_close = true;
    const uint64_t begun = clock_ms;
    assert_int_equal(spoke_client_close(f->client, 3000), SPOKE_E_TIMEOUT);
    assert_in_range(clock_ms - begun, 2900, 3200);
    expect(f, SPOKE_IDLE);
    assert_int_equal(spoke_client_pending(f->client), 1); /* kept for the next open */
}

static void a_refused_identity_tries_the_secondary_key(void **state)
{
    struct fixture *f = *state;
    char first[512];
    poll(f, 0);
    memcpy(first, strstr(fake->password, "sig="), 20);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
    poll(f, 0);
    while (fake->opens == 1)
        poll(f, 1000);
    assert_memory_not_equal(strstr(fake->password, "sig="), first, 20);
}

/* --- delivery --- */

static void what_was_not_acknowledged_is_sent_again_in_order_under_its_id(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    for (int i = 0; i < 3; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
    poll(f, 0);
    const size_t base = fake->sent_count - 3;
    const uint16_t id = (uint16_t)(base + 2);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[base].token});
    poll(f, 0);
    reconnect(f, true);
    size_t again = 0;
    for (size_t i = 0; i < fake->sent_count; i++) {
        if (strncmp(fake->sent[i].topic, "devices/", 8) != 0)
            continue;
        char body[32];
        snprintf(body, sizeof body, "{\"n\":%d}", (int)again + 1);
        assert_string_equal(fake->sent[i].body, body);
        assert_int_equal(fake->sent[i].packet_id, id + again);
        again++;
    }
    assert_int_equal(again, 2);
}

static void a_hub_that_lost_the_session_gets_them_as_new_messages(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    reconnect(f, false);
    assert_string_equal(last_sent()->body, "{\"n\":1}");
    assert_int_equal(last_sent()->packet_id, 0);
}

/* --- strange input --- */

static void an_unknown_topic_is_acknowledged_and_ignored(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/something/new/?x=1", "{}", 1);
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_int_equal(fake->ack_count, 1);
    assert_int_equal(fake->acked[0], 7);
}

static void a_twin_that_is_not_json_is_asked_for_again_and_then_given_up(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200", "{\"desired\":{\"$version\":");
    poll(f, 0);
    expect(f, SPOKE_SYNCING);
    for (int i = 0; i < 3; i++)
        poll(f, 2000);
    say_twin("200", "]");
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_HUB);
}

static void a_desired_change_that_is_not_json_leads_to_a_fresh_twin(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":", 0);
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_int_equal(f->properties, 0);
    assert_non_null(strstr(last_sent()->topic, "$iothub/twin/GET/"));
}

static void a_method_with_a_broken_payload_is_answered_400_before_any_handler(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/methods/POST/go/?$rid=a1", "{\"x\":", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/400/?$rid=a1");
}

static void a_method_without_payload_reaches_the_handler(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=a1");
    assert_string_equal(last_sent()->body, "");
}

static void a_refusal_without_body_carries_its_text_as_json(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_reject(409, "the \"door\" is open");
    say_message("$iothub/methods/POST/go/?$rid=a1", "1", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/409/?$rid=a1");
    assert_string_equal(last_sent()->body, "\"the \\\"door\\\" is open\"");
}

static void more_commands_than_can_be_deferred_are_answered_429(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    for (int i = 0; i < 5; i++)
        say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 4);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/429/?$rid=a1");
}

static void an_oversized_command_is_answered_413(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say((spoke_transport_event){
        .kind = SPOKE_TRANSPORT_OVERSIZE, .topic = SPOKE_STR("$iothub/methods/POST/go/?$rid=a1"), .size = 100000});
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/413/?$rid=a1");
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TOO_LARGE);
}

static void an_oversized_cloud_message_is_acknowledged_and_told(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_OVERSIZE,
                                .topic = SPOKE_STR("devices/d/messages/devicebound/"),
                                .size = 100000,
                                .qos = 1,
                                .receipt = 9});
    poll(f, 0);
    assert_int_equal(fake->acked[0], 9);
    assert_int_equal(f->messages, 0);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TOO_LARGE);
}

static void a_removed_property_is_told_as_null_after_a_reconnect(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200", "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    assert_string_equal(f->value, "5");
    assert_true(f->initial);
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"$version\":4},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    assert_int_equal(f->properties, 2);
    assert_string_equal(f->value, "null");
}

static void properties_of_components_and_root_are_acknowledged_in_one_patch(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200",
             "{\"desired\":{\"target\":5,\"part\":{\"__t\":\"c\",\"target\":6},\"$version\":3},\"reported\":{}}");
    poll(f, 0);
    assert_int_equal(f->properties, 2);
    assert_non_null(strstr(last_sent()->topic, "$iothub/twin/PATCH/properties/reported/"));
    assert_string_equal(last_sent()->body, "{\"target\":{\"value\":5,\"ac\":200,\"av\":3},\"part\":{\"__t\":\"c\","
                                           "\"target\":{\"value\":6,\"ac\":200,\"av\":3}}}");
}

static void a_full_send_buffer_loses_no_report_and_no_answer(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    fake->full = true;
    assert_ok(spoke_report(f->client, spoke_i64("x", 1)));
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    poll(f, 0);
    const size_t before = fake->sent_count;
    fake->full = false;
    poll(f, 0);
    assert_int_equal(fake->sent_count - before, 2);
    assert_string_equal(fake->sent[before].topic, "$iothub/methods/res/200/?$rid=a1");
    assert_string_equal(fake->sent[before + 1].body, "{\"x\":1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(idle_connecting_syncing_ready),
        claim(connecting_to_back_off_when_refused_and_on_to_connecting),
        claim(connecting_to_failed_when_the_configuration_cannot_work_until_closed),
        claim(connecting_to_back_off_on_a_wrong_protocol_version_that_may_heal),
        claim(what_comes_behind_a_fault_on_the_same_link_is_ignored),
        claim(syncing_to_back_off_when_a_subscription_is_refused),
        claim(syncing_to_back_off_when_the_twin_is_refused),
        claim(ready_to_back_off_when_the_link_is_lost),
        claim(ready_to_connecting_with_another_token_before_the_old_one_ends),
        claim(renewal_waits_for_what_is_in_flight_but_not_for_ever),
        claim(every_state_ends_idle_on_close),
        claim(close_keeps_its_limit_when_the_service_never_answers),
        claim(a_refused_identity_tries_the_secondary_key),
        claim(what_was_not_acknowledged_is_sent_again_in_order_under_its_id),
        claim(a_hub_that_lost_the_session_gets_them_as_new_messages),
        claim(an_unknown_topic_is_acknowledged_and_ignored),
        claim(a_twin_that_is_not_json_is_asked_for_again_and_then_given_up),
        claim(a_desired_change_that_is_not_json_leads_to_a_fresh_twin),
        claim(a_method_with_a_broken_payload_is_answered_400_before_any_handler),
        claim(a_method_without_payload_reaches_the_handler),
        claim(a_refusal_without_body_carries_its_text_as_json),
        claim(more_commands_than_can_be_deferred_are_answered_429),
        claim(an_oversized_command_is_answered_413),
        claim(an_oversized_cloud_message_is_acknowledged_and_told),
        claim(a_removed_property_is_told_as_null_after_a_reconnect),
        claim(properties_of_components_and_root_are_acknowledged_in_one_patch),
        claim(a_full_send_buffer_loses_no_report_and_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
