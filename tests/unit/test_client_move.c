/* Moving house, step by step: what a command may ask for, what counts as a try, and what has to wait. The simulation
 * (tests/sim/test_move.c) has the whole way between two services. */
#include "support/client_fixture.h"

#define MINUTE 60000ull
#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0="

/* --- records by name --- */

static struct {
    char key[16], value[1300];
} kept[4];

static size_t place_of(const char *key)
{
    size_t at = 0;
    while (at < 3 && kept[at].key[0] != '\0' && strcmp(kept[at].key, key) != 0)
        at++;
    return at;
}

static spoke_status load_kept(void *ctx, const char *key, spoke_buf *out)
{
    (void)ctx;
    const size_t at = place_of(key);
    return kept[at].value[0] != '\0' ? spoke_buf_append(out, spoke_str_of(kept[at].value)) : SPOKE_E_NOT_FOUND;
}

static spoke_status store_kept(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    const size_t at = place_of(key);
    snprintf(kept[at].key, sizeof kept[at].key, "%s", key);
    copy(kept[at].value, sizeof kept[at].value, value);
    return SPOKE_OK;
}

static const char *record(const char *key)
{
    return kept[place_of(key)].value;
}

/* --- a device at home, at hub.local --- */

static struct {
    unsigned count;
    spoke_notice_kind kind;
    spoke_error error;
} heard;

static void on_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    if (notice->kind != SPOKE_NOTICE_MOVE && notice->kind != SPOKE_NOTICE_CREDENTIAL)
        return;
    heard.count++;
    heard.kind = notice->kind;
    heard.error = notice->error;
}

static const spoke_handler movers[] = {SPOKE_ON_COMMAND("DeviceMove", spoke_move_command)};

static void restart(struct fixture *f)
{
    memset(&heard, 0, sizeof heard);
    start(f);
}

static int set_up_home(void **state)
{
    const int failed = set_up(state);
    struct fixture *f = *state;
    memset(kept, 0, sizeof kept);
    f->platform.load = load_kept;
    f->platform.store = store_kept;
    f->config.provisioning_host = "dps.local";
    f->config.id_scope = "0ne0";
    f->config.hub_host = NULL;
    f->config.handlers = movers;
    f->config.handler_count = 1;
    f->config.on_notice = on_notice;
    f->config.credential.secondary = NULL;
    assert_ok(store_kept(
        NULL, "assignment",
        SPOKE_STR("{\"scope\":\"0ne0\",\"registration\":\"d\",\"hub\":\"hub.local\",\"device\":\"d\"}")));
    restart(f);
    return failed;
}

/* The same without a move under way. */
static void start_over(struct fixture *f)
{
    assert_ok(store_kept(NULL, "move", spoke_str_of("")));
    restart(f);
}

/* Waits for the next connection but those. */
static void until_opened(struct fixture *f, unsigned opens)
{
    for (int i = 0; i < 5000 && fake->opens < opens; i++)
        poll(f, 1000);
    assert_int_equal(fake->opens, opens);
}

static void be_ready(struct fixture *f)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    expect(f, SPOKE_READY);
}

static void answer_dps(struct fixture *f, const char *status, const char *arguments, const char *body)
{
    char topic[200];
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s%s", status, (int)strcspn(rid, "&"), rid,
             arguments);
    say_message(topic, body, 0);
    poll(f, 0);
}

static void fail_so(struct fixture *f, spoke_status status, int32_t detail)
{
    say_closed(status, SPOKE_SOURCE_MQTT, detail);
    poll(f, 0);
}

/* READY at home, a move ordered, and the first try on its way to DPS. */
static void begin_move(struct fixture *f)
{
    poll(f, 0);
    be_ready(f);
    assert_ok(spoke_client_move(f->client, "0neB", "other.local"));
    until_opened(f, 2);
    assert_string_equal(fake->host, "other.local");
    assert_non_null(strstr(fake->username, "0neB/registrations/d"));
    assert_non_null(strstr(record("move"), "\"tries\":1"));
}

static void expect_end(struct fixture *f, spoke_status status)
{
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.kind, SPOKE_NOTICE_MOVE);
    assert_string_equal(spoke_status_name(heard.error.status), spoke_status_name(status));
    assert_string_equal(record("move"), "");
    assert_string_equal(record("home"), "");
    until_opened(f, 3);
    assert_string_equal(fake->host, "hub.local");
}

/* --- refusals --- */

static void each_final_refusal_of_dps_ends_the_move(void **state)
{
    struct fixture *f = *state;
    const char *const answers[][2] = {
        {"404", "{\"errorCode\":404201}"}, {"401", "{\"errorCode\":401002}"}, {"400", "{\"errorCode\":400209}"}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        restart(f);
        begin_move(f);
        answer_dps(f, answers[i][0], "", answers[i][1]);
        expect_end(f, SPOKE_E_PROVISION);
    }
    restart(f);
    begin_move(f);
    fail_so(f, SPOKE_E_REFUSED, 4);
    expect_end(f, SPOKE_E_REFUSED);
    restart(f);
    begin_move(f);
    fail_so(f, SPOKE_E_UNSUPPORTED, 0); /* no later try would do better */
    expect_end(f, SPOKE_E_UNSUPPORTED);
}

/* The try has failed; how long the device is READY at home before the next one. */
static uint64_t pause_at_home(struct fixture *f)
{
    assert_int_equal(heard.count, 0);
    until_opened(f, 3);
    assert_string_equal(fake->host, "hub.local");
    be_ready(f);
    const uint64_t begun = clock_ms;
    until_opened(f, 4);
    assert_string_equal(fake->host, "other.local");
    return clock_ms - begun;
}

static void what_may_pass_is_tried_again_after_a_minute(void **state)
{
    struct fixture *f = *state;
    const struct {
        spoke_status status;
        int32_t detail;
    } rows[] = {{SPOKE_E_NET, 111}, {SPOKE_E_REFUSED, 3}, {SPOKE_E_CERTIFICATE, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_over(f);
        begin_move(f);
        fail_so(f, rows[i].status, rows[i].detail);
        assert_in_range(pause_at_home(f), MINUTE - 2000, MINUTE + 2000);
    }
    start_over(f);
    begin_move(f);
    answer_dps(f, "500", "", "{\"errorCode\":500001}");
    assert_in_range(pause_at_home(f), MINUTE - 2000, MINUTE + 2000);
}

static void a_throttled_try_waits_as_long_as_dps_says(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    answer_dps(f, "429", "&retry-after=200", "{\"errorCode\":429001}");
    assert_in_range(pause_at_home(f), 198000, 202000);
}

static void the_third_try_is_the_last(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(heard.count, 0);
        until_opened(f, 2 + 2 * i);
        assert_string_equal(fake->host, "other.local");
        fail_so(f, SPOKE_E_DNS, 0);
        until_opened(f, 3 + 2 * i);
        assert_string_equal(fake->host, "hub.local");
        be_ready(f);
    }
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_E_DNS);
}

static void all_hosts_of_the_goal_are_one_try(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    be_ready(f);
    assert_ok(spoke_client_move(f->client, "0neB", "one.local, two.local"));
    until_opened(f, 2);
    assert_string_equal(fake->host, "one.local");
    fail_so(f, SPOKE_E_DNS, 0);
    until_opened(f, 3);
    assert_string_equal(fake->host, "two.local");
    assert_non_null(strstr(record("move"), "\"tries\":1"));
    fail_so(f, SPOKE_E_DNS, 0);
    until_opened(f, 4);
    assert_string_equal(fake->host, "hub.local");
}

/* --- what has to wait --- */

static void without_a_clock_no_try_is_wasted(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    f->clock_unset = true;
    restart(f);
    run(f, 10 * MINUTE);
    assert_int_equal(fake->opens, 0);
    assert_non_null(strstr(record("move"), "\"tries\":1"));
    f->clock_unset = false;
    until_opened(f, 1);
    assert_string_equal(fake->host, "other.local");
    assert_non_null(strstr(record("move"), "\"tries\":2"));
}

static void a_certificate_needs_no_clock_to_move(void **state)
{
    struct fixture *f = *state;
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert", .secondary = "key"};
    f->clock_unset = true;
    restart(f);
    begin_move(f);
}

static void a_new_credential_is_proven_before_the_device_moves(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    be_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_ok(spoke_client_move(f->client, "0neB", "other.local"));
    until_opened(f, 2);
    assert_string_equal(fake->host, "hub.local");
    be_ready(f);
    assert_int_equal(heard.kind, SPOKE_NOTICE_CREDENTIAL);
    until_opened(f, 3);
    assert_string_equal(fake->host, "other.local");
}

static void a_credential_that_comes_during_a_try_waits_for_its_end(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    fail_so(f, SPOKE_E_REFUSED, 5);
    assert_int_equal(heard.kind, SPOKE_NOTICE_MOVE); /* the refusal was said to the old one */
    until_opened(f, 3);
    be_ready(f);
    assert_int_equal(heard.kind, SPOKE_NOTICE_CREDENTIAL);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void a_close_in_the_middle_of_a_try_does_not_end_it(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    spoke_client_close(f->client, 0);
    expect(f, SPOKE_IDLE);
    assert_ok(spoke_client_open(f->client));
    until_opened(f, 3);
    assert_string_equal(fake->host, "other.local");
    assert_non_null(strstr(record("move"), "\"tries\":1"));
}

/* --- arriving --- */

static void a_move_that_had_arrived_when_the_power_went_is_over(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    answer_dps(f, "200", "",
               "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
               "\"hub.other\",\"deviceId\":\"d\",\"status\":\"assigned\"}}");
    until_opened(f, 3);
    char order[400];
    snprintf(order, sizeof order, "%s", record("move"));
    assert_string_equal(fake->host, "hub.other");
    be_ready(f);
    assert_non_null(strstr(record("home"), "hub.other"));
    assert_ok(store_kept(NULL, "move", spoke_str_of(order))); /* as if its removal had been cut off */
    restart(f);
    assert_string_equal(record("move"), "");
    poll(f, 0);
    assert_string_equal(fake->host, "hub.other");
    assert_int_equal(heard.count, 0);
    assert_ok(store_kept(NULL, "move",
                         SPOKE_STR("{\"over\":\"0ne0\",\"registration\":\"d\",\"scope\":\"0neB\","
                                   "\"hosts\":\"third.local\",\"tries\":0}")));
    restart(f); /* the same scope at another DPS is another home */
    poll(f, 0);
    assert_string_equal(fake->host, "third.local");
}

static void a_move_that_cannot_be_counted_is_not_tried(void **state)
{
    struct fixture *f = *state;
    begin_move(f);
    f->platform.store = NULL;
    restart(f);
    until_opened(f, 1);
    assert_string_equal(fake->host, "hub.local");
    be_ready(f);
    for (int i = 0; i < 60 && heard.count == 0; i++) {
        run(f, MINUTE);
        if (spoke_client_state(f->client) != SPOKE_READY)
            be_ready(f);
        assert_string_equal(fake->host, "hub.local");
    }
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_E_PORT);
}

static void a_home_whose_hub_cannot_be_is_registered_at_again(void **state)
{
    struct fixture *f = *state;
    assert_ok(store_kept(NULL, "home",
                         SPOKE_STR("{\"over\":\"0ne0\",\"registration\":\"d\",\"scope\":\"0neB\","
                                   "\"hub\":\"h h\",\"device\":\"d\"}")));
    restart(f);
    poll(f, 0);
    assert_string_equal(fake->host, "dps.local");
    assert_non_null(strstr(fake->username, "0neB/registrations/d"));
}

/* --- the command --- */

static int command(struct fixture *f, const char *payload, bool offline)
{
    const spoke_command call = {.client = f->client, .payload = spoke_str_of(payload), .offline = offline};
    const spoke_ack verdict = spoke_move_command(&call, NULL);
    assert_non_null(verdict.text);
    return verdict.code;
}

static void a_command_names_the_scope_and_perhaps_the_host(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *payload;
        bool offline;
        const char *scope, *hosts;
    } rows[] = {
        {"\"0neB\"", false, "\"scope\":\"0neB\",\"tries\"", NULL},
        {"{\"idScope\":\"0neB\"}", false, "\"scope\":\"0neB\",\"tries\"", NULL},
        {"{\"idScope\":\"0neB\",\"provisioningHost\":null}", false, "\"scope\":\"0neB\",\"tries\"", NULL},
        {"{\"idScope\":\"0neB\",\"provisioningHost\":\"b.local\"}", false, "0neB", "\"hosts\":\"b.local\""},
        {"0neB", true, "\"scope\":\"0neB\",\"tries\"", NULL},
        {"{\"idScope\":\"0neB\",\"provisioningHost\":\"b.local\"}", true, "0neB", "\"hosts\":\"b.local\""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_over(f);
        assert_int_equal(command(f, rows[i].payload, rows[i].offline), 202);
        assert_non_null(strstr(record("move"), rows[i].scope));
        assert_true(rows[i].hosts == NULL || strstr(record("move"), rows[i].hosts) != NULL);
        assert_int_equal(command(f, rows[i].payload, rows[i].offline), 409);
    }
}

static void a_command_that_names_no_scope_is_refused(void **state)
{
    struct fixture *f = *state;
    char long_scope[100];
    memset(long_scope, 'x', sizeof long_scope);
    long_scope[sizeof long_scope - 1] = '\0';
    const char *const wrong[] = {"",
                                 "null",
                                 "5",
                                 "[\"0ne\"]",
                                 "{}",
                                 "\"\"",
                                 "\"a/b\"",
                                 "\"0n\\u0000e\"",
                                 "{\"idScope\":5}",
                                 "{\"idScope\":\"0ne\",\"provisioningHost\":5}",
                                 "{\"idScope\":\"0ne\",\"provisioningHost\":\"\"}",
                                 "{\"idScope\":\"0ne\",\"provisioningHost\":\"a,,b\"}",
                                 "0ne"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(command(f, wrong[i], false), 400);
    assert_int_equal(command(f, "", true), 400);
    assert_int_equal(command(f, long_scope, true), 400);
    assert_int_equal(command(f, "a b", true), 400);
    assert_string_equal(record("move"), "");
}

static spoke_status no_store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    (void)key;
    (void)value;
    return SPOKE_E_PORT;
}

static void a_command_says_when_the_device_cannot_move(void **state)
{
    struct fixture *f = *state;
    f->platform.store = no_store;
    restart(f);
    assert_int_equal(command(f, "\"0neB\"", false), 500);
    f->platform.store = NULL;
    restart(f);
    assert_int_equal(command(f, "\"0neB\"", false), 501);
    f->platform.store = store_kept;
    f->platform.load = NULL;
    restart(f);
    assert_int_equal(command(f, "\"0neB\"", false), 501);
    f->platform.load = load_kept;
    f->config.provisioning_host = NULL;
    f->config.hub_host = "hub.local";
    restart(f);
    assert_int_equal(command(f, "\"0neB\"", false), 501);
}

#define at_home(test) cmocka_unit_test_setup_teardown(test, set_up_home, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_home(each_final_refusal_of_dps_ends_the_move),
        at_home(what_may_pass_is_tried_again_after_a_minute),
        at_home(a_throttled_try_waits_as_long_as_dps_says),
        at_home(the_third_try_is_the_last),
        at_home(all_hosts_of_the_goal_are_one_try),
        at_home(without_a_clock_no_try_is_wasted),
        at_home(a_certificate_needs_no_clock_to_move),
        at_home(a_new_credential_is_proven_before_the_device_moves),
        at_home(a_credential_that_comes_during_a_try_waits_for_its_end),
        at_home(a_close_in_the_middle_of_a_try_does_not_end_it),
        at_home(a_move_that_had_arrived_when_the_power_went_is_over),
        at_home(a_move_that_cannot_be_counted_is_not_tried),
        at_home(a_home_whose_hub_cannot_be_is_registered_at_again),
        at_home(a_command_names_the_scope_and_perhaps_the_host),
        at_home(a_command_that_names_no_scope_is_refused),
        at_home(a_command_says_when_the_device_cannot_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
