/* Orders to move, and trials of credentials, at their edges: what is taken, what is refused, what ends them. */
#include "support/client_fixture.h"
#include "support/records.h"

#define MINUTE_MS 60000u
#define HOME_RECORD(scope, hosts) \
    "{\"over\":\"0ne0\",\"registration\":\"d\",\"scope\":\"" scope "\",\"hosts\":\"" hosts \
    "\",\"hub\":\"hub9.local\",\"device\":\"d\"}"
#define MOVE_RECORD(scope, hosts, tries) \
    "{\"over\":\"0ne0\",\"registration\":\"d\",\"scope\":\"" scope "\",\"hosts\":\"" hosts "\",\"tries\":" tries \
    "}"

static struct {
    unsigned moves, credentials;
    spoke_status moved, changed;
} heard;

static void on_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    heard.moves += notice->kind == SPOKE_NOTICE_MOVE;
    heard.credentials += notice->kind == SPOKE_NOTICE_CREDENTIAL;
    if (notice->kind == SPOKE_NOTICE_MOVE)
        heard.moved = notice->error.status;
    if (notice->kind == SPOKE_NOTICE_CREDENTIAL)
        heard.changed = notice->error.status;
}

static char log_text[8192];

static void keep_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    const size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%s\n", line);
}

/* --- a transport that can change certificates, or fail to --- */

static struct {
    spoke_status take, drop; /* its answers: to new ones, to dropping the former */
    unsigned takes, drops;
} tls;
static spoke_transport_ops ops;

static spoke_status take_credentials(spoke_transport *t, const spoke_tls_options *options, spoke_error *error)
{
    (void)t;
    const spoke_status status = options != NULL ? tls.take : tls.drop;
    *error = (spoke_error){status, SPOKE_SOURCE_TLS, 0, "the fake says so"};
    tls.takes += options != NULL;
    tls.drops += options == NULL;
    return status;
}

static const spoke_handler move_handlers[] = {SPOKE_ON_COMMAND("DeviceMove", spoke_move_command),
                                              SPOKE_ON_COMMAND("go", on_command)};

static int set_up_move(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    records_reset();
    memset(&heard, 0, sizeof heard);
    memset(&tls, 0, sizeof tls);
    log_text[0] = '\0';
    ops = fake_ops;
    ops.credentials = take_credentials;
    f->platform.load = records_load;
    f->platform.store = records_store;
    f->platform.log = keep_log;
    f->config.transport = &ops;
    f->config.on_notice = on_notice;
    f->config.handlers = move_handlers;
    f->config.handler_count = 2;
    f->config.credential.secondary = NULL;
    record_put("assignment",
               SPOKE_STR("{\"scope\":\"0ne0\",\"registration\":\"d\",\"hub\":\"hub1.local\",\"device\":\"d\"}"));
    start_with_dps(f);
    return 0;
}

#define moving(test) cmocka_unit_test_setup_teardown(test, set_up_move, tear_down)

/* Turns until there was another connection; says where to. */
static const char *dialled(struct fixture *f)
{
    const unsigned before = fake->opens;
    for (int i = 0; i < 200 && fake->opens == before; i++)
        poll(f, MINUTE_MS);
    assert_int_equal(fake->opens, before + 1);
    return fake->host;
}

static void connect_dps(struct fixture *f)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    poll(f, 0);
}

static void say_dps(struct fixture *f, const char *status, const char *body)
{
    char topic[128];
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s&%.*s", status, (int)strcspn(rid, "&"), rid);
    say_message(topic, body, 0);
    poll(f, 0);
}

static void assign(struct fixture *f, const char *hub, const char *device)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"%s\","
             "\"deviceId\":\"%s\",\"status\":\"assigned\"}}",
             hub, device);
    connect_dps(f);
    say_dps(f, "200/?x=1", body);
}

static void reach_hub(struct fixture *f)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    expect(f, SPOKE_READY);
}

static void order_move(struct fixture *f)
{
    get_ready(f);
    assert_ok(spoke_client_move(f->client, "0ne9", "dps9.local"));
}

/* --- the command --- */

static const char *call_move(struct fixture *f, const char *payload)
{
    say_message("$iothub/methods/POST/DeviceMove/?$rid=1", payload, 0);
    poll(f, 0);
    for (size_t i = fake->sent_count; i > 0; i--)
        if (strncmp(fake->sent[i - 1].topic, "$iothub/methods/res/", 20) == 0)
            return fake->sent[i - 1].topic + 20;
    return "none";
}

static void the_command_takes_a_scope_alone_or_with_hosts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *payload, *kept;
    } cases[] = {
        {"\"0ne9\"", "\"scope\":\"0ne9\",\"tries\":"},
        {"{\"idScope\":\"0ne9\"}", "\"scope\":\"0ne9\",\"tries\":"},
        {"{\"idScope\":\"0ne9\",\"provisioningHost\":null}", "\"scope\":\"0ne9\",\"tries\":"},
        {"{\"provisioningHost\":\"a.local,b.local\",\"idScope\":\"0ne9\"}",
         "\"scope\":\"0ne9\",\"hosts\":\"a.local,b.local\",\"tries\":"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        record_put("move", (spoke_str){NULL, 0});
        start(f);
        get_ready(f);
        assert_string_equal(call_move(f, cases[i].payload), "202/?$rid=1");
        assert_non_null(strstr(record("move"), cases[i].kept));
    }
}

static void a_payload_that_is_no_goal_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",
                                      "5",
                                      "null",
                                      "[\"0ne9\"]",
                                      "\"\"",
                                      "\"0ne\\u0000\"",
                                      "\"0123456789012345678901234567890123456789012345678901234567890123x\"",
                                      "{}",
                                      "{\"idScope\":5}",
                                      "{\"idScope\":\"0ne9\",\"provisioningHost\":5}",
                                      "{\"idScope\":\"0ne9\",\"provisioningHost\":\"\"}",
                                      "\"a/b\"",
                                      "{\"idScope\":\"0ne9\",\"provisioningHost\":\"a b\"}"};
    get_ready(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_string_equal(call_move(f, bad[i]), "400/?$rid=1");
    assert_string_equal(record("move"), "");
    run(f, 10000);
    expect(f, SPOKE_READY);
}

static void a_second_order_is_refused_while_the_first_is_carried_out(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/methods/POST/DeviceMove/?$rid=1", "\"0ne9\"", 0);
    assert_string_equal(call_move(f, "\"0ne8\""), "409/?$rid=1");
    assert_non_null(strstr(record("move"), "0ne9"));
}

static void a_device_that_cannot_move_says_so(void **state)
{
    struct fixture *f = *state;
    f->platform.load = NULL;
    start_with_dps(f);
    assert_int_equal(spoke_client_move(f->client, "0ne9", NULL), SPOKE_E_UNSUPPORTED);
    f->platform.load = records_load;
    f->platform.store = NULL;
    start_with_dps(f);
    assert_int_equal(spoke_client_move(f->client, "0ne9", NULL), SPOKE_E_UNSUPPORTED);
    f->platform.store = records_store;
    f->config.provisioning_host = NULL;
    f->config.hub_host = "hub.local";
    start(f);
    get_ready(f);
    assert_string_equal(call_move(f, "\"0ne9\""), "501/?$rid=1");
}

static void an_order_that_cannot_be_kept_is_refused(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    records.fail_at = 0;
    assert_string_equal(call_move(f, "\"0ne9\""), "500/?$rid=1");
    run(f, 10000);
    expect(f, SPOKE_READY);
}

static void an_offline_order_comes_as_bare_text(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"@", "", "0123456789012345678901234567890123456789012345678901234567890123x",
                                      "a/b"};
    get_ready(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        say_message("devices/d/messages/devicebound/method-name=DeviceMove", bad[i], 1);
        poll(f, 0);
        assert_string_equal(record("move"), "");
    }
    say_message("devices/d/messages/devicebound/method-name=DeviceMove", "0ne9", 1);
    poll(f, 0);
    assert_non_null(strstr(record("move"), "\"scope\":\"0ne9\""));
    assert_int_equal(fake->ack_count, 5);
}

/* --- the way there --- */

static void a_move_to_another_host_of_the_same_scope_is_one(void **state)
{
    struct fixture *f = *state;
    record_put("home", SPOKE_STR(HOME_RECORD("0ne9", "dps8.local")));
    record_put("move", SPOKE_STR(MOVE_RECORD("0ne9", "dps9.local", "0")));
    start(f);
    assert_string_equal(dialled(f), "dps9.local");
    record_put("move", SPOKE_STR(MOVE_RECORD("0ne9", "dps8.local", "1")));
    start(f); /* arrived: only the record had not been removed */
    assert_string_equal(dialled(f), "hub9.local");
    assert_string_equal(record("move"), "");
}

static void a_record_without_its_count_is_no_move(void **state)
{
    struct fixture *f = *state;
    record_put("move", SPOKE_STR("{\"over\":\"0ne0\",\"registration\":\"d\",\"scope\":\"0ne9\"}"));
    start(f);
    assert_string_equal(dialled(f), "hub1.local");
    assert_string_equal(record("move"), "");
}

/* Where nothing can be written, a move found there is not tried for ever. */
static void a_move_that_cannot_be_counted_is_given_up(void **state)
{
    struct fixture *f = *state;
    record_put("move", SPOKE_STR(MOVE_RECORD("0ne9", "dps9.local", "0")));
    f->platform.store = NULL;
    start(f);
    assert_string_equal(dialled(f), "hub1.local");
    for (int i = 0; i < 5 && heard.moves == 0; i++) {
        clock_ms += 10 * MINUTE_MS;
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
        assert_string_equal(dialled(f), "hub1.local");
    }
    assert_int_equal(heard.moves, 1);
    assert_int_equal(heard.moved, SPOKE_E_PORT);
    assert_non_null(strstr(log_text, "could not be removed"));
}

static void refusals_that_asking_again_would_not_change_end_a_move(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {"{\"errorCode\":404201,\"message\":\"no\"}",
                                         "{\"errorCode\":401002,\"message\":\"no\"}",
                                         "{\"errorCode\":400209,\"message\":\"no\"}"};
    static const char *const statuses[] = {"404/?x=1", "401/?x=1", "400/?x=1"};
    for (size_t i = 0; i < 3; i++) {
        start(f);
        heard.moves = 0;
        order_move(f);
        assert_string_equal(dialled(f), "dps9.local");
        connect_dps(f);
        say_dps(f, statuses[i], bodies[i]);
        assert_string_equal(dialled(f), "hub1.local");
        assert_int_equal(heard.moves, 1);
        assert_int_equal(heard.moved, SPOKE_E_PROVISION);
        assert_string_equal(record("move"), "");
    }
}

static void what_the_link_says_ends_a_move_or_does_not(void **state)
{
    struct fixture *f = *state;
    static const struct {
        spoke_status status;
        int32_t detail;
        unsigned moves;
    } cases[] = {{SPOKE_E_ARG, 0, 1},
                 {SPOKE_E_UNSUPPORTED, 0, 1},
                 {SPOKE_E_REFUSED, 5, 1},
                 {SPOKE_E_REFUSED, 3, 0},
                 {SPOKE_E_TLS, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        record_put("move", (spoke_str){NULL, 0});
        start(f);
        heard.moves = 0;
        order_move(f);
        assert_string_equal(dialled(f), "dps9.local");
        say_closed(cases[i].status, SPOKE_SOURCE_MQTT, cases[i].detail);
        assert_string_equal(dialled(f), "hub1.local");
        assert_int_equal(heard.moves, cases[i].moves);
    }
}

static void a_dps_that_asks_for_time_gets_it(void **state)
{
    struct fixture *f = *state;
    order_move(f);
    assert_string_equal(dialled(f), "dps9.local");
    connect_dps(f);
    say_dps(f, "429/?x=1&retry-after=200", "{\"errorCode\":429001,\"message\":\"later\"}");
    const uint64_t begun = clock_ms;
    assert_string_equal(dialled(f), "hub1.local");
    reach_hub(f);
    assert_string_equal(dialled(f), "dps9.local");
    assert_in_range(clock_ms - begun, 200000, 210000);
}

static void without_a_clock_no_try_is_wasted(void **state)
{
    struct fixture *f = *state;
    order_move(f);
    f->clock_unset = true;
    run(f, 10 * MINUTE_MS);
    assert_non_null(strstr(record("move"), "\"tries\":0"));
    f->clock_unset = false;
    assert_string_equal(dialled(f), "dps9.local");
    assert_non_null(strstr(record("move"), "\"tries\":1"));
}

static void with_a_certificate_a_move_needs_no_clock(void **state)
{
    struct fixture *f = *state;
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert", .secondary = "key"};
    f->clock_unset = true;
    start(f);
    order_move(f);
    assert_string_equal(dialled(f), "dps9.local");
}

static void a_device_with_another_name_at_the_same_hub_begins_anew(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    record_put("assignment", (spoke_str){NULL, 0});
    start(f);
    assert_string_equal(dialled(f), "dps.local");
    assign(f, "hub1.local", "d");
    assert_str(spoke_client_device_id(f->client), "d");
    poll(f, 0);
    for (int i = 0; i < 2; i++) { /* refused twice: DPS is asked again */
        say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
        (void)dialled(f);
    }
    assert_string_equal(fake->host, "dps.local");
    assign(f, "hub1.local", "e");
    assert_str(spoke_client_device_id(f->client), "e");
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
}

/* --- a credential on trial --- */

#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0="

static void a_move_waits_for_the_trial_of_a_credential(void **state)
{
    struct fixture *f = *state;
    const spoke_credential next = {.primary = OTHER_KEY};
    get_ready(f);
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_ok(spoke_client_move(f->client, "0ne9", "dps9.local"));
    assert_string_equal(dialled(f), "hub1.local");
    reach_hub(f);
    assert_int_equal(heard.credentials, 1);
    assert_string_equal(dialled(f), "dps9.local");
}

static void a_trial_waits_for_the_end_of_a_move(void **state)
{
    struct fixture *f = *state;
    const spoke_credential next = {.primary = OTHER_KEY};
    char before[512];
    order_move(f);
    assert_string_equal(dialled(f), "dps9.local");
    memcpy(before, fake->password, sizeof before);
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_ok(spoke_send(f->client, spoke_i64("n", 1))); /* its PUBACK is waited for */
    assign(f, "hub9.local", "d");
    poll(f, 0);
    assert_string_equal(fake->host, "hub9.local");
    assert_int_equal(heard.credentials, 0);
    reach_hub(f);
    assert_int_equal(heard.moves, 1);
    assert_int_equal(heard.moved, SPOKE_OK);
    const uint64_t arrived = clock_ms;
    assert_string_equal(dialled(f), "hub9.local");
    assert_in_range(clock_ms - arrived, 0, 11000); /* not with the next token */
    reach_hub(f);
    assert_int_equal(heard.credentials, 1);
    assert_int_equal(heard.changed, SPOKE_OK);
}

static void a_key_that_dps_refuses_twice_is_given_up(void **state)
{
    struct fixture *f = *state;
    const spoke_credential next = {.primary = OTHER_KEY};
    record_put("assignment", (spoke_str){NULL, 0});
    start(f);
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(dialled(f), "dps.local");
        connect_dps(f);
        assert_int_equal(heard.credentials, 0);
        say_dps(f, "401/?x=1", "{\"errorCode\":401002,\"message\":\"no\"}");
        poll(f, 0);
    }
    assert_int_equal(heard.credentials, 1);
    assert_int_equal(heard.changed, SPOKE_E_PROVISION);
}

static void what_dps_says_of_anything_else_leaves_a_key_on_trial(void **state)
{
    struct fixture *f = *state;
    const spoke_credential next = {.primary = OTHER_KEY};
    record_put("assignment", (spoke_str){NULL, 0});
    start(f);
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (int i = 0; i < 3; i++) {
        assert_string_equal(dialled(f), "dps.local");
        connect_dps(f);
        say_dps(f, "500/?x=1", "{\"errorCode\":500001,\"message\":\"no\"}");
        poll(f, 0);
    }
    assert_int_equal(heard.credentials, 0);
}

static void each_refusal_of_an_identity_counts_against_a_new_key(void **state)
{
    struct fixture *f = *state;
    static const struct {
        spoke_status status;
        int32_t detail;
        unsigned given_up;
    } cases[] = {{SPOKE_E_REFUSED, 2, 1}, {SPOKE_E_REFUSED, 4, 1}, {SPOKE_E_REFUSED, 5, 1},
                 {SPOKE_E_REFUSED, 3, 0}, {SPOKE_E_TLS, 0, 0},     {SPOKE_E_PORT, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const spoke_credential next = {.primary = OTHER_KEY};
        heard.credentials = 0;
        f->config.provisioning_host = NULL;
        f->config.hub_host = "hub1.local";
        start(f);
        get_ready(f);
        assert_ok(spoke_client_set_credential(f->client, &next));
        for (int attempt = 0; attempt < 2; attempt++) {
            assert_string_equal(dialled(f), "hub1.local");
            say_closed(cases[i].status, SPOKE_SOURCE_MQTT, cases[i].detail);
            poll(f, 0);
        }
        assert_int_equal(heard.credentials, cases[i].given_up);
    }
}

static void trust_is_judged_by_tls_alone(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    assert_string_equal(dialled(f), "hub1.local");
    for (int i = 0; i < 3; i++) { /* says nothing of trust */
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
        assert_string_equal(dialled(f), "hub1.local");
    }
    assert_int_equal(heard.credentials, 0);
    for (int i = 0; i < 2; i++) {
        say_closed(SPOKE_E_TLS, SPOKE_SOURCE_TLS, 1);
        (void)dialled(f);
    }
    assert_int_equal(heard.credentials, 1);
    assert_int_equal(heard.changed, SPOKE_E_TLS);
    assert_int_equal(tls.drops, 1);
}

static void a_former_credential_that_stays_in_the_transport_is_logged(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    tls.drop = SPOKE_E_PORT;
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    assert_string_equal(dialled(f), "hub1.local");
    reach_hub(f);
    assert_int_equal(heard.credentials, 1);
    assert_int_equal(heard.changed, SPOKE_OK);
    assert_non_null(strstr(log_text, "keeps a former credential"));
}

static void a_former_credential_that_does_not_come_back_is_logged_and_the_reason_told(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    assert_string_equal(dialled(f), "hub1.local");
    tls.take = SPOKE_E_CERTIFICATE;
    for (int i = 0; i < 2; i++) {
        say_closed(SPOKE_E_TLS, SPOKE_SOURCE_TLS, 1);
        (void)dialled(f);
    }
    assert_int_equal(heard.changed, SPOKE_E_TLS);
    assert_non_null(strstr(log_text, "did not come back"));
}

static void a_transport_without_the_operation_cannot_change_trust(void **state)
{
    struct fixture *f = *state;
    ops.credentials = NULL;
    start(f);
    assert_int_equal(spoke_client_set_trust(f->client, "trust 2"), SPOKE_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        moving(the_command_takes_a_scope_alone_or_with_hosts),
        moving(a_payload_that_is_no_goal_is_refused),
        moving(a_second_order_is_refused_while_the_first_is_carried_out),
        moving(a_device_that_cannot_move_says_so),
        moving(an_order_that_cannot_be_kept_is_refused),
        moving(an_offline_order_comes_as_bare_text),
        moving(a_move_to_another_host_of_the_same_scope_is_one),
        moving(a_record_without_its_count_is_no_move),
        moving(a_move_that_cannot_be_counted_is_given_up),
        moving(refusals_that_asking_again_would_not_change_end_a_move),
        moving(what_the_link_says_ends_a_move_or_does_not),
        moving(a_dps_that_asks_for_time_gets_it),
        moving(without_a_clock_no_try_is_wasted),
        moving(with_a_certificate_a_move_needs_no_clock),
        moving(a_device_with_another_name_at_the_same_hub_begins_anew),
        moving(a_move_waits_for_the_trial_of_a_credential),
        moving(a_trial_waits_for_the_end_of_a_move),
        moving(a_key_that_dps_refuses_twice_is_given_up),
        moving(what_dps_says_of_anything_else_leaves_a_key_on_trial),
        moving(each_refusal_of_an_identity_counts_against_a_new_key),
        moving(trust_is_judged_by_tls_alone),
        moving(a_former_credential_that_stays_in_the_transport_is_logged),
        moving(a_former_credential_that_does_not_come_back_is_logged_and_the_reason_told),
        moving(a_transport_without_the_operation_cannot_change_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
