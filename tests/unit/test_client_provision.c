/* Identity: the way to DPS and back, the kept assignment, keys, tokens and the clock. */
#include "support/client_fixture.h"

#define KEPT(hub, device) \
    "{\"scope\":\"0ne0\",\"registration\":\"d\",\"hub\":\"" hub "\",\"device\":\"" device "\"}"

static void say_dps(const char *status, const char *body)
{
    char topic[128];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    const size_t len = strcspn(rid, "&");
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s", status, (int)len, rid);
    say_message(topic, body, 0);
}

static void connect_dps(struct fixture *f)
{
    poll(f, 0);
    expect(f, SPOKE_PROVISIONING);
    assert_string_equal(fake->host, "dps.local");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
}

static void assign(struct fixture *f, const char *hub)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"%s\","
             "\"deviceId\":\"d\",\"status\":\"assigned\"}}",
             hub);
    say_dps("200", body);
    poll(f, 0);
}

/* Refused or unreachable until the client opens the next connection. */
static void fail_attempt(struct fixture *f, spoke_status status, int32_t detail)
{
    const unsigned opens = fake->opens;
    say_closed(status, SPOKE_SOURCE_MQTT, detail);
    poll(f, 0);
    while (fake->opens == opens && spoke_client_state(f->client) == SPOKE_BACKOFF)
        poll(f, 600000);
}

static void an_assignment_leads_to_the_hub_and_is_kept(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    assert_string_equal(last_sent()->topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
    assign(f, "hub1.local");
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_string_equal(fake->host, "hub1.local");
    assert_string_equal(f->record, KEPT("hub1.local", "d"));
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
}

static void what_comes_before_the_subscription_stands_is_not_dps_speaking(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say_message("$dps/registrations/res/401/?$rid=1", "{}", 1);
    poll(f, 0);
    expect(f, SPOKE_PROVISIONING);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
    assign(f, "hub1.local");
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
}

static void a_device_without_records_asks_dps_at_each_start(void **state)
{
    struct fixture *f = *state;
    f->platform.load = NULL;
    f->platform.store = NULL;
    for (int i = 0; i < 2; i++) {
        start_with_dps(f);
        connect_dps(f);
        assign(f, "hub1.local");
        poll(f, 0);
        assert_string_equal(fake->host, "hub1.local");
    }
}

static void a_kept_assignment_is_used_first(void **state)
{
    struct fixture *f = *state;
    snprintf(f->record, sizeof f->record, "%s", KEPT("hub1.local", "d"));
    start_with_dps(f);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_string_equal(fake->host, "hub1.local");
}

static void a_kept_assignment_that_cannot_be_is_ignored(void **state)
{
    struct fixture *f = *state;
    const char *const broken[] = {KEPT("hub 1", "d"),
                                  KEPT("hub1.local", "a/b"),
                                  KEPT("", "d"),
                                  KEPT("h", ""),
                                  KEPT("h\\u0000x", "d"),
                                  "{\"scope\":\"0ne0\"}",
                                  "[",
                                  "{}",
                                  "{\"scope\":\"other\",\"registration\":\"d\",\"hub\":\"h\",\"device\":\"d\"}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        snprintf(f->record, sizeof f->record, "%s", broken[i]);
        start_with_dps(f);
        poll(f, 0);
        expect(f, SPOKE_PROVISIONING);
    }
}

static void an_impossible_assignment_is_asked_for_again_and_not_the_end(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    connect_dps(f);
    assign(f, "hub 1");
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_string_equal(f->record, "");
    run(f, 10000);
    expect(f, SPOKE_PROVISIONING);
}

static void ten_failures_ask_dps_and_with_dps_away_the_hub_is_tried_again(void **state)
{
    struct fixture *f = *state;
    snprintf(f->record, sizeof f->record, "%s", KEPT("hub1.local", "d"));
    start_with_dps(f);
    poll(f, 0);
    for (int i = 0; i < 10; i++) {
        assert_string_equal(fake->host, "hub1.local");
        fail_attempt(f, SPOKE_E_DNS, 0);
    }
    assert_string_equal(fake->host, "dps.local");
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
    fail_attempt(f, SPOKE_E_NET, 111);
    assert_string_equal(fake->host, "hub1.local");
}

static void a_hub_that_refuses_twice_leads_to_dps(void **state)
{
    struct fixture *f = *state;
    snprintf(f->record, sizeof f->record, "%s", KEPT("hub1.local", "d"));
    start_with_dps(f);
    poll(f, 0);
    fail_attempt(f, SPOKE_E_REFUSED, 5);
    assert_string_equal(fake->host, "hub1.local");
    fail_attempt(f, SPOKE_E_REFUSED, 5);
    assert_string_equal(fake->host, "dps.local");
    fail_attempt(f, SPOKE_E_NET, 111);
    assert_string_equal(fake->host, "dps.local"); /* the hub's word stands */
}

static void a_refused_device_certificate_asks_dps_once_and_then_waits_long(void **state)
{
    struct fixture *f = *state;
    snprintf(f->record, sizeof f->record, "%s", KEPT("hub1.local", "d"));
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert", .secondary = "key"};
    start_with_dps(f);
    poll(f, 0);
    fail_attempt(f, SPOKE_E_TLS, -0x7780);
    assert_string_equal(fake->host, "dps.local");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    assign(f, "hub1.local");
    poll(f, 0);
    assert_string_equal(fake->host, "hub1.local");
    const uint64_t begun = clock_ms;
    fail_attempt(f, SPOKE_E_TLS, -0x7780);
    assert_true(clock_ms - begun >= 48000);
}

static void messages_get_fresh_ids_after_a_conversation_with_dps(void **state)
{
    struct fixture *f = *state;
    snprintf(f->record, sizeof f->record, "%s", KEPT("hub1.local", "d"));
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    for (int i = 0; i < 11; i++)
        if (strcmp(fake->host, "hub1.local") == 0)
            fail_attempt(f, SPOKE_E_NET, 111);
    assert_string_equal(fake->host, "dps.local");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED}); /* a clean session: the ids are free again */
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    assign(f, "hub1.local");
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = true});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"n\":1}");
    assert_int_equal(last_sent()->packet_id, 0);
}

static void a_registration_that_can_never_leave_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    static char payload[2600];
    memset(payload, 'x', sizeof payload);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + sizeof payload - 3, "\"}", 3);
    f->config.provisioning_payload = payload;
    f->config.send_bytes = 2048;
    start_with_dps(f);
    connect_dps(f);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TOO_LARGE);
}

static void a_refusal_is_told_by_its_code_and_waits_as_its_class_asks(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *topic_status;
        int32_t code;
        const char *word;
        uint32_t least_ms;
    } rows[] = {{"401", 401002, "credential", 48000}, {"404", 404201, "id_scope", 2880000},
                {"400", 400207, "configuration", 1},  {"400", 400209, "operator", 240000},
                {"429", 429001, "throttled", 1},      {"500", 500001, "failed", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[64];
        start_with_dps(f);
        connect_dps(f);
        snprintf(body, sizeof body, "{\"errorCode\":%d,\"message\":\"no\"}", (int)rows[i].code);
        say_dps(rows[i].topic_status, body);
        poll(f, 0);
        poll(f, 0);
        expect(f, SPOKE_BACKOFF);
        const spoke_error *error = spoke_client_error(f->client);
        assert_int_equal(error->status, SPOKE_E_PROVISION);
        assert_int_equal(error->detail, rows[i].code);
        assert_non_null(strstr(error->text, rows[i].word));
        assert_true(spoke_client_next_ms(f->client) >= rows[i].least_ms);
    }
}

static void strange_answers_of_dps_end_the_attempt(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x80")});
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_PROTOCOL);
    start_with_dps(f);
    connect_dps(f);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_OVERSIZE, .size = 100000});
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TOO_LARGE);
}

/* --- keys and clock --- */

static spoke_status foreign_hmac(void *ctx, spoke_str message, uint8_t mac[32])
{
    (void)message;
    memset(mac, 0x11, 32);
    return *(const spoke_status *)ctx;
}

static void a_key_that_lives_elsewhere_signs_or_fails_the_attempt(void **state)
{
    struct fixture *f = *state;
    spoke_status answer = SPOKE_OK;
    f->config.credential = (spoke_credential){.hmac = foreign_hmac, .hmac_ctx = &answer};
    start(f);
    poll(f, 0);
    assert_non_null(strstr(fake->password, "sig=ERERERER"));
    answer = SPOKE_E_PORT;
    start(f);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_PORT);
}

static void only_a_refused_identity_changes_the_key(void **state)
{
    struct fixture *f = *state;
    char first[64];
    poll(f, 0);
    memcpy(first, strstr(fake->password, "sig="), 20);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 3); /* server unavailable */
    poll(f, 0);
    clock_ms -= clock_ms % 1000; /* the same second: the token depends on nothing but key and clock */
    spoke_client_connect_now(f->client);
    poll(f, 0);
    assert_int_equal(fake->opens, 2);
    assert_memory_equal(strstr(fake->password, "sig="), first, 20);
}

static void without_a_clock_no_token_is_made_until_there_is_one(void **state)
{
    struct fixture *f = *state;
    f->clock_unset = true;
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_CLOCK);
    assert_int_equal(fake->opens, 0);
    run(f, 120000);
    assert_int_equal(fake->opens, 0);
    f->clock_unset = false;
    run(f, 60000);
    assert_int_equal(fake->opens, 1);
    expect(f, SPOKE_CONNECTING);
}

static void a_lost_clock_at_renewal_waits_in_back_off(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->clock_unset = true;
    while (spoke_client_state(f->client) == SPOKE_READY)
        poll(f, 60000);
    expect(f, SPOKE_BACKOFF);
    run(f, 30000);
    expect(f, SPOKE_BACKOFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(an_assignment_leads_to_the_hub_and_is_kept),
        claim(what_comes_before_the_subscription_stands_is_not_dps_speaking),
        claim(a_device_without_records_asks_dps_at_each_start),
        claim(a_kept_assignment_is_used_first),
        claim(a_kept_assignment_that_cannot_be_is_ignored),
        claim(an_impossible_assignment_is_asked_for_again_and_not_the_end),
        claim(ten_failures_ask_dps_and_with_dps_away_the_hub_is_tried_again),
        claim(a_hub_that_refuses_twice_leads_to_dps),
        claim(a_refused_device_certificate_asks_dps_once_and_then_waits_long),
        claim(messages_get_fresh_ids_after_a_conversation_with_dps),
        claim(a_registration_that_can_never_leave_is_told_at_once),
        claim(a_refusal_is_told_by_its_code_and_waits_as_its_class_asks),
        claim(strange_answers_of_dps_end_the_attempt),
        claim(a_key_that_lives_elsewhere_signs_or_fails_the_attempt),
        claim(only_a_refused_identity_changes_the_key),
        claim(without_a_clock_no_token_is_made_until_there_is_one),
        claim(a_lost_clock_at_renewal_waits_in_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
