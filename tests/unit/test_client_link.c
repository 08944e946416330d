/* What the link refuses, cannot carry or says wrongly: the client goes on, or says what to change. */
#include "support/client_fixture.h"

static spoke_transport_ops ops;
static struct spoke_transport_trouble {
    spoke_status open, subscribe, publish_again, store, ack;
    uint64_t nap_ms; /* the device sleeps so long inside the next wait, and the link is gone when it wakes */
} trouble;
static char log_text[4096]; /* every line, in a row */

static void keep_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    const size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%s\n", line);
}

static spoke_status open_or_not(spoke_transport *t, const spoke_transport_target *target)
{
    return trouble.open != SPOKE_OK ? trouble.open : fake_open(t, target);
}

static spoke_status subscribe_or_not(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    return trouble.subscribe != SPOKE_OK ? trouble.subscribe : fake_subscribe(t, filters, count);
}

static spoke_status publish_or_not(spoke_transport *t, const spoke_mqtt_publish_options *m, uint16_t *packet_id)
{
    return m->packet_id != 0 && trouble.publish_again != SPOKE_OK ? trouble.publish_again
                                                                  : fake_publish(t, m, packet_id);
}

static spoke_status ack_or_not(spoke_transport *t, uint16_t receipt)
{
    return trouble.ack != SPOKE_OK ? trouble.ack : fake_ack(t, receipt);
}

static void step_or_sleep(spoke_transport *t, uint32_t limit_ms)
{
    clock_ms += trouble.nap_ms;
    if (trouble.nap_ms > 0)
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    trouble.nap_ms = 0;
    fake_step(t, limit_ms);
}

static spoke_status store_or_not(void *ctx, const char *key, spoke_str value)
{
    return trouble.store != SPOKE_OK ? trouble.store : fake_store(ctx, key, value);
}

static int set_up_trouble(void **state)
{
    set_up(state);
    struct fixture *f = *state;
    ops = fake_ops;
    ops.open = open_or_not;
    ops.subscribe = subscribe_or_not;
    ops.publish = publish_or_not;
    ops.ack = ack_or_not;
    ops.step = step_or_sleep;
    trouble = (struct spoke_transport_trouble){.open = SPOKE_OK};
    log_text[0] = '\0';
    f->config.transport = &ops;
    f->platform.store = store_or_not;
    f->platform.log = keep_log;
    start(f);
    return 0;
}

#define troubled(test) cmocka_unit_test_setup_teardown(test, set_up_trouble, tear_down)

static void expect_back_off(struct fixture *f, spoke_status status, const char *part)
{
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, status);
    assert_non_null(strstr(spoke_client_error(f->client)->text, part));
}

/* --- the way to DPS --- */

static void connect_dps(struct fixture *f)
{
    poll(f, 0);
    assert_string_equal(fake->host, "dps.local");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    poll(f, 0);
}

static void say_dps(uint8_t qos, const char *status, const char *hub, const char *device)
{
    char topic[128], body[1024];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    const size_t len = strcspn(rid, "&");
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s", status, (int)len, rid);
    snprintf(body, sizeof body,
             "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"%s\","
             "\"deviceId\":\"%s\",\"status\":\"assigned\"}}",
             hub, device);
    say_message(topic, body, qos);
}

static void a_dps_link_without_room_to_subscribe_is_given_up(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    trouble.subscribe = SPOKE_E_FULL;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    expect_back_off(f, SPOKE_E_FULL, "send_bytes");
}

static void more_codes_than_dps_was_asked_for_end_the_attempt(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x01")});
    expect_back_off(f, SPOKE_E_PROTOCOL, "subscription");
}

static void a_dps_that_does_not_answer_is_told_as_silence(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    clock_ms += 30000; /* the limit of one request */
    expect_back_off(f, SPOKE_E_PROVISION, "did not answer in time");
}

static void a_registration_waits_for_room_and_then_leaves(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    fake->full = true;
    connect_dps(f);
    assert_int_equal(fake->sent_count, 0);
    expect(f, SPOKE_PROVISIONING);
    fake->full = false;
    poll(f, 0);
    assert_int_equal(fake->sent_count, 1);
}

static void a_dps_reply_that_owes_an_acknowledgement_gets_it(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    say_dps(1, "200", "hub1.local", "d");
    poll(f, 0);
    assert_int_equal(fake->ack_count, 1);
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
}

static void a_dps_reply_counts_also_when_its_acknowledgement_is_refused(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    trouble.ack = SPOKE_E_STATE;
    say_dps(1, "200", "hub1.local", "d");
    poll(f, 0);
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
}

static void an_assignment_that_cannot_be_kept_still_counts(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    trouble.store = SPOKE_E_PORT;
    say_dps(0, "200", "hub1.local", "d");
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_string_equal(fake->host, "hub1.local");
    assert_non_null(strstr(log_text, "could not be kept"));
}

static void a_device_without_storage_asks_dps_at_each_start(void **state)
{
    struct fixture *f = *state;
    f->platform.load = NULL;
    f->platform.store = NULL;
    for (int i = 0; i < 2; i++) {
        start_with_dps(f);
        connect_dps(f);
        say_dps(0, "200", "hub1.local", "d");
        poll(f, 0);
        poll(f, 0);
        expect(f, SPOKE_CONNECTING);
    }
}

static void a_record_of_other_types_is_ignored(void **state)
{
    struct fixture *f = *state;
    const char *const records[] = {
        "{\"scope\":5,\"registration\":\"d\",\"hub\":\"h\",\"device\":\"d\"}",
        "{\"scope\":\"0ne0\",\"registration\":\"e\",\"hub\":\"h\",\"device\":\"d\"}",
        "{\"scope\":\"0ne0\",\"registration\":\"d\",\"device\":\"d\"}",
        "{\"scope\":\"0ne0\",\"registration\":\"d\",\"hub\":5,\"device\":\"d\"}",
        "{\"scope\":\"0ne0\",\"registration\":\"d\",\"hub\":\"h\"}",
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        snprintf(f->record, sizeof f->record, "%s", records[i]);
        start_with_dps(f);
        poll(f, 0);
        expect(f, SPOKE_PROVISIONING);
    }
}

/* --- the way to the hub --- */

static void a_connection_that_cannot_be_started_is_tried_again(void **state)
{
    struct fixture *f = *state;
    trouble.open = SPOKE_E_PORT;
    expect_back_off(f, SPOKE_E_PORT, "could not be started");
    trouble.open = SPOKE_OK;
    run(f, 60000);
    assert_int_equal(fake->opens, 1);
}

static void a_hub_link_without_room_to_subscribe_is_given_up(void **state)
{
    struct fixture *f = *state;
    trouble.subscribe = SPOKE_E_TOO_LARGE;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    expect_back_off(f, SPOKE_E_TOO_LARGE, "send_bytes");
}

/* DPS does not hear the model in its user name; the hub does. */
static void a_model_id_too_long_for_the_assigned_hub_is_named(void **state)
{
    struct fixture *f = *state;
    static char dtmi[1900];
    static const spoke_member members[] = {{NULL, "t", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL}};
    static const spoke_model model = {dtmi, members, 1};
    memset(dtmi, 'x', sizeof dtmi - 1);
    memcpy(dtmi, "dtmi:", 5);
    f->config.model = &model;
    f->config.handlers = NULL;
    f->config.handler_count = 0;
    start_with_dps(f);
    connect_dps(f);
    say_dps(0, "200", "hub1.local", "d");
    expect_back_off(f, SPOKE_E_TOO_SMALL, "shorten model id");
}

static void a_password_that_the_hub_calls_bad_changes_the_key(void **state)
{
    struct fixture *f = *state;
    char first[512];
    poll(f, 0);
    memcpy(first, fake->password, sizeof first);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 4);
    poll(f, 0);
    clock_ms += 1;
    spoke_client_connect_now(f->client);
    poll(f, 0);
    assert_int_equal(fake->opens, 2);
    assert_string_not_equal(fake->password, first);
}

static void a_close_after_the_end_of_the_token_reconnects_at_once(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    trouble.nap_ms = 2 * 3600000;
    poll(f, 0);
    expect(f, SPOKE_CONNECTING); /* without a pause in between */
    assert_int_equal(fake->opens, 2);
}

static void a_renewal_that_is_overdue_waits_for_nothing(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0); /* would keep a renewal in time waiting */
    poll(f, 0);
    clock_ms += 3590000;
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_int_equal(fake->opens, 2);
}

/* --- messages --- */

static void a_message_whose_id_the_link_forgot_goes_as_a_new_one(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    trouble.publish_again = SPOKE_E_NOT_FOUND;
    reconnect(f, true);
    assert_string_equal(last_sent()->body, "{\"n\":1}");
    assert_int_equal(last_sent()->packet_id, 0);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static spoke_status outcomes[4];
static unsigned outcome_count;

static void note_outcome(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(id, outcome_count + 1);
    outcomes[outcome_count++] = outcome;
}

/* Queued while the device id was thought to be "d". */
static void a_message_that_no_longer_fits_the_assigned_id_is_given_up_and_the_next_sent(void **state)
{
    struct fixture *f = *state;
    static char body[2100];
    char device[121];
    f->config.send_bytes = 2048;
    f->config.on_sent = note_outcome;
    outcome_count = 0;
    start_with_dps(f);
    spoke_outgoing message = {.content_type = "text/plain", .id = 1};
    memset(body, 'x', sizeof body);
    message.body = spoke_str_from(body, sizeof body);
    while (spoke_message_send(f->client, &message) == SPOKE_E_TOO_LARGE)
        message.body.len--; /* the longest that may leave */
    assert_in_range(message.body.len, 1900, 2040);
    const spoke_outgoing small = {.body = SPOKE_STR("2"), .id = 2};
    assert_ok(spoke_message_send(f->client, &small));
    connect_dps(f);
    memset(device, 'd', sizeof device - 1);
    device[sizeof device - 1] = '\0';
    say_dps(0, "200", "hub1.local", device);
    poll(f, 0);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(outcome_count, 1);
    assert_int_equal(outcomes[0], SPOKE_E_TOO_LARGE);
    assert_string_equal(last_sent()->body, "2");
    assert_int_equal(spoke_client_pending(f->client), 1);
}

/* --- strange input --- */

static void a_known_topic_with_broken_numbers_is_acknowledged_and_ignored(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const size_t before = fake->sent_count;
    say_message("$iothub/twin/res/abc/?$rid=1", "{}", 1);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=x", "{}", 1);
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_int_equal(fake->ack_count, 2);
    assert_int_equal(fake->sent_count, before);
}

static void an_unknown_topic_is_logged_in_part_and_survives_a_refused_acknowledgement(void **state)
{
    struct fixture *f = *state;
    char topic[200] = "devices/";
    memset(topic + 8, 'x', 180);
    get_ready(f);
    trouble.ack = SPOKE_E_STATE;
    log_text[0] = '\0';
    say_message(topic, "{}", 1);
    poll(f, 0);
    expect(f, SPOKE_READY);
    topic[100] = '\0';
    assert_non_null(strstr(log_text, topic));
    topic[100] = 'x';
    topic[101] = '\0';
    assert_null(strstr(log_text, topic));
}

static void say_oversize(const char *topic, uint8_t qos)
{
    say((spoke_transport_event){
        .kind = SPOKE_TRANSPORT_OVERSIZE, .topic = spoke_str_of(topic), .size = 100000, .qos = qos, .receipt = 9});
}

static void an_oversized_message_on_a_broken_topic_is_told_and_no_more(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    trouble.ack = SPOKE_E_STATE;
    say_oversize("$iothub/twin/res/abc/?$rid=1", 1);
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TOO_LARGE);
}

static void an_oversized_desired_change_asks_for_the_twin(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_oversize("$iothub/twin/PATCH/properties/desired/?$version=2", 0);
    poll(f, 0);
    poll(f, 0);
    assert_non_null(strstr(last_sent()->topic, "$iothub/twin/GET/"));
    expect(f, SPOKE_READY);
}

static void an_oversized_command_without_room_for_its_refusal_is_logged(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 256;
    start(f);
    get_ready(f);
    fake->full = true; /* nothing leaves, so the refusals fill their room */
    for (int i = 0; i < 8; i++) {
        say_oversize("$iothub/methods/POST/go/?$rid=a1", 0);
        poll(f, 0);
    }
    assert_non_null(strstr(log_text, "no room to refuse a command"));
    expect(f, SPOKE_READY);
}

/* --- reports --- */

static void answer_report(const char *status)
{
    char topic[128];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s", status, rid);
    say_message(topic, "", 0);
}

static void a_report_that_the_hub_fails_to_take_is_repeated(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_report(f->client, spoke_i64("x", 1)));
    poll(f, 0);
    const size_t before = fake->sent_count;
    answer_report("503");
    poll(f, 0);
    assert_int_equal(fake->sent_count, before);
    run(f, 60000);
    assert_string_equal(last_sent()->body, "{\"x\":1}");
    assert_true(fake->sent_count > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        troubled(a_dps_link_without_room_to_subscribe_is_given_up),
        troubled(more_codes_than_dps_was_asked_for_end_the_attempt),
        troubled(a_dps_that_does_not_answer_is_told_as_silence),
        troubled(a_registration_waits_for_room_and_then_leaves),
        troubled(a_dps_reply_that_owes_an_acknowledgement_gets_it),
        troubled(a_dps_reply_counts_also_when_its_acknowledgement_is_refused),
        troubled(an_assignment_that_cannot_be_kept_still_counts),
        troubled(a_device_without_storage_asks_dps_at_each_start),
        troubled(a_record_of_other_types_is_ignored),
        troubled(a_connection_that_cannot_be_started_is_tried_again),
        troubled(a_hub_link_without_room_to_subscribe_is_given_up),
        troubled(a_model_id_too_long_for_the_assigned_hub_is_named),
        troubled(a_password_that_the_hub_calls_bad_changes_the_key),
        troubled(a_close_after_the_end_of_the_token_reconnects_at_once),
        troubled(a_renewal_that_is_overdue_waits_for_nothing),
        troubled(a_message_whose_id_the_link_forgot_goes_as_a_new_one),
        troubled(a_message_that_no_longer_fits_the_assigned_id_is_given_up_and_the_next_sent),
        troubled(a_known_topic_with_broken_numbers_is_acknowledged_and_ignored),
        troubled(an_unknown_topic_is_logged_in_part_and_survives_a_refused_acknowledgement),
        troubled(an_oversized_message_on_a_broken_topic_is_told_and_no_more),
        troubled(an_oversized_desired_change_asks_for_the_twin),
        troubled(an_oversized_command_without_room_for_its_refusal_is_logged),
        troubled(a_report_that_the_hub_fails_to_take_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
