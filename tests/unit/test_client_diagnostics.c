/* The diagnostics component: its contract, what it tells and when, and getLog. */
#include "client/machine.h"
#include "support/client_fixture.h"

#define DIAGNOSTICS_FILE SPOKE_TEST_DATA "/../../src/client/diagnostics.json"

static const char device[] =
    "{\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],"
    "\"@id\":\"dtmi:test:Device;1\",\"@type\":\"Interface\",\"contents\":["
    "{\"@type\":\"Telemetry\",\"name\":\"x\",\"schema\":\"double\"},"
    "{\"@type\":\"Component\",\"name\":\"health\",\"schema\":\"dtmi:spoke:Diagnostics;1\"}"
    "]}";

static uint8_t arena_memory[160 * 1024];

/* A device with the component "health"; `without` NULL, or what is cut out of the interface's names. */
static const spoke_model *model_without(const char *without)
{
    static char text[32 * 1024];
    const spoke_model *model = NULL;
    spoke_error why;
    char *interface = test_read_file(DIAGNOSTICS_FILE, NULL);
    assert_non_null(interface);
    char *name = without != NULL ? strstr(interface, without) : NULL;
    if (without != NULL) {
        assert_non_null(name);
        name[1] = 'X';
    }
    snprintf(text, sizeof text, "[%s,%s]", device, interface);
    free(interface);
    spoke_buf arena = spoke_buf_from(arena_memory, sizeof arena_memory);
    if (spoke_model_parse(spoke_str_of(text), NULL, &arena, &model, &why) != SPOKE_OK)
        fail_msg("%s", why.text);
    return model;
}

static int set_up_health(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    f->config.model = model_without(NULL);
    f->config.handlers = NULL;
    f->config.handler_count = 0;
    f->config.diagnostics = "health";
    f->config.sas_lifetime_s = 86400; /* no renewal gets in the way */
    start(f);
    return 0;
}

static const struct sent *find_sent(const char *topic_part, size_t from)
{
    for (size_t i = from; i < fake->sent_count; i++)
        if (strstr(fake->sent[i].topic, topic_part) != NULL)
            return &fake->sent[i];
    return NULL;
}

static size_t count_sent(const char *topic_part)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += strstr(fake->sent[i].topic, topic_part) != NULL;
    return count;
}

/* The hub answers all that was sent; how many messages were telemetry. */
static size_t answer_all(struct fixture *f)
{
    const size_t events = count_sent("/events/");
    for (size_t i = 0; i < fake->sent_count; i++) {
        char topic[96];
        if (fake->sent[i].qos == 1)
            say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[i].token});
        if (strstr(fake->sent[i].topic, "/reported/") == NULL)
            continue;
        snprintf(topic, sizeof topic, "$iothub/twin/res/204/?%s&$version=5", strstr(fake->sent[i].topic, "$rid="));
        say_message(topic, "", 0);
    }
    fake->sent_count = 0;
    poll(f, 0);
    return events;
}

/* So long with a hub that answers within 20 s. */
static size_t live(struct fixture *f, uint64_t ms)
{
    const uint64_t until = clock_ms + ms;
    size_t events = answer_all(f);
    while (clock_ms < until) {
        run(f, 20000);
        events += answer_all(f);
    }
    return events;
}

/* --- the contract --- */

static void a_template_with_the_component_is_taken(void **state)
{
    struct fixture *f = *state;
    get_ready(f); /* without a handler for getLog */
}

static void refuses(struct fixture *f, const char *part)
{
    spoke_client *none = NULL;
    static max_align_t memory[4096];
    spoke_error why;
    assert_int_equal(spoke_client_init(memory, sizeof memory, &f->config, &none, &why), SPOKE_E_ARG);
    if (strstr(why.text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, why.text);
}

static void each_member_that_the_component_lacks_is_named(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {
        "\"queueMessages\"",  "\"queueBytes\"",       "\"queueAge\"",    "\"delivered\"",   "\"dropped\"",
        "\"retransmitted\"",  "\"connects\"",         "\"backoffTime\"", "\"bytesIn\"",     "\"bytesOut\"",
        "\"longestPoll\"",    "\"libraryVersion\"",   "\"userAgent\"",   "\"lastTrouble\"", "\"lastTroubleTime\"",
        "\"lastDisconnect\"", "\"credentialExpiry\"", "\"trustExpiry\""};
    f->config.answer_unhandled = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[32] = "";
        f->config.model = model_without(names[i]);
        snprintf(name, sizeof name, "%.*s", (int)strlen(names[i]) - 2, names[i] + 1);
        refuses(f, name);
        refuses(f, "dtmi:spoke:Diagnostics;1");
    }
    f->config.model = model_without("\"getLog\"");
    refuses(f, "getLog");
}

static void a_component_that_the_template_lacks_is_refused(void **state)
{
    struct fixture *f = *state;
    f->config.diagnostics = "other";
    f->config.answer_unhandled = true;
    refuses(f, "add it to the template");
}

static void get_log_without_diagnostics_needs_a_handler(void **state)
{
    struct fixture *f = *state;
    f->config.diagnostics = NULL;
    refuses(f, "getLog");
}

static void a_handler_of_the_programs_for_get_log_is_refused(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler own[] = {SPOKE_ON_COMPONENT_COMMAND("health", "getLog", on_command)};
    f->config.handlers = own;
    f->config.handler_count = 1;
    refuses(f, "the client itself answers");
}

static void a_ring_too_small_for_a_line_is_refused(void **state)
{
    struct fixture *f = *state;
    f->config.log_bytes = 255;
    refuses(f, "log_bytes");
}

/* Every member of the interface is told about, and nothing that it lacks (the client would have refused it). */
static void all_telemetry_of_the_interface_is_sent(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    poll(f, 0);
    const struct sent *figures = find_sent("/events/", 0);
    assert_non_null(figures);
    size_t in_model = 0;
    for (size_t i = 0; i < f->config.model->member_count; i++) {
        const spoke_member *m = &f->config.model->members[i];
        spoke_str value;
        if (m->component == NULL || m->member != SPOKE_TELEMETRY)
            continue;
        in_model++;
        assert_ok(spoke_json_find(spoke_str_of(figures->body), m->name, &value));
    }
    assert_int_equal(in_model, 11);
}

/* --- telling --- */

static void figures_and_facts_leave_with_the_first_ready(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    poll(f, 0);
    const struct sent *figures = find_sent("/events/", 0);
    assert_non_null(figures);
    assert_non_null(strstr(figures->topic, "%24.sub=health"));
    const struct sent *facts = find_sent("/reported/", 0);
    assert_non_null(facts);
    assert_non_null(strstr(facts->body, "{\"health\":{\"__t\":\"c\",\"libraryVersion\":\""));
    assert_non_null(strstr(facts->body, "\"userAgent\":\"spoke/"));
    assert_null(strstr(facts->body, "lastTrouble"));
    assert_null(strstr(facts->body, "Expiry"));
}

static void without_news_the_figures_come_once_an_hour(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_int_equal(live(f, 3500 * 1000), 1);
    assert_int_equal(live(f, 10 * 3600 * 1000), 10);
}

static void news_are_told_once_a_period(void **state)
{
    struct fixture *f = *state;
    f->config.diagnostics_period_s = 60;
    start(f);
    get_ready(f);
    live(f, 60 * 1000);
    size_t events = 0;
    for (int i = 0; i < 30; i++) {
        f->client->stats.connects++;
        events += live(f, 20 * 1000);
    }
    assert_int_equal(events, 10);
}

static void a_metered_network_hears_nothing_of_it(void **state)
{
    struct fixture *f = *state;
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    get_ready(f);
    assert_int_equal(live(f, 7200 * 1000), 0);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    assert_int_equal(live(f, 20 * 1000), 1);
}

static void the_last_trouble_is_told_with_its_time_after_a_reconnect(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    poll(f, 0);
    answer_all(f);
    const spoke_error why = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "the fake says so"};
    stats_ended(f->client, SPOKE_REASON_PEER_CLOSED, &why);
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{}}");
    poll(f, 0);
    poll(f, 0);
    const struct sent *facts = find_sent("/reported/", 0);
    assert_non_null(facts);
    assert_non_null(strstr(facts->body, "\"lastTrouble\":\"the fake says so\""));
    assert_non_null(strstr(facts->body, "\"lastTroubleTime\":\"2026-01-01T00:"));
    assert_non_null(strstr(facts->body, "\"lastDisconnect\":\""));
}

static void a_trouble_before_the_clock_was_set_takes_the_former_ones_time_away(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    poll(f, 0);
    answer_all(f);
    const spoke_error why = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "the fake says so"};
    f->clock_unset = true;
    stats_ended(f->client, SPOKE_REASON_PEER_CLOSED, &why);
    f->clock_unset = false;
    clock_ms += 301 * 1000; /* a period */
    poll(f, 0);
    const struct sent *facts = find_sent("/reported/", 0);
    assert_non_null(facts);
    assert_non_null(strstr(facts->body, "\"lastTrouble\":\"the fake says so\""));
    assert_non_null(strstr(facts->body, "\"lastTroubleTime\":null"));
}

static void known_expiry(const spoke_transport *t, spoke_expiry *out)
{
    (void)t;
    *out = (spoke_expiry){.client_cert = 1798761600, .trust = 1893456000};
}

static void expiries_are_told_when_they_are_known(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops knowing = fake_ops;
    knowing.expiry = known_expiry;
    f->config.transport = &knowing;
    start(f);
    get_ready(f);
    poll(f, 0);
    const struct sent *facts = find_sent("/reported/", 0);
    assert_non_null(facts);
    assert_non_null(strstr(facts->body, "\"credentialExpiry\":\"2027-01-01T00:00:00Z\""));
    assert_non_null(strstr(facts->body, "\"trustExpiry\":\"2030-01-01T00:00:00Z\""));
    spoke_client_destroy(f->client);
    f->client = NULL;
}

static void a_full_queue_is_left_to_the_program(void **state)
{
    struct fixture *f = *state;
    char text[200];
    f->config.checks = SPOKE_CHECKS_OFF;
    f->config.queue_bytes = 256;
    f->config.report_bytes = 256;
    start(f);
    snprintf(text, sizeof text, "%0180d", 0);
    assert_ok(spoke_send(f->client, spoke_text("x", spoke_str_of(text))));
    get_ready(f);
    poll(f, 0);
    assert_int_equal(spoke_client_pending(f->client), 1);
    assert_null(find_sent("sub=health", 0));
    live(f, 300 * 1000); /* there is room now, but not for so much: it is left out, and nothing else is harmed */
    expect(f, SPOKE_READY);
}

static void no_policy_gives_it_room_at_the_programs_cost(void **state)
{
    struct fixture *f = *state;
    static const spoke_when_full policies[] = {SPOKE_FULL_REFUSE, SPOKE_FULL_DROP_OLDEST, SPOKE_FULL_DROP_NEWEST,
                                               SPOKE_FULL_DROP_LOWEST};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        spoke_stats stats = SPOKE_STATS;
        f->config.when_full = policies[i];
        f->config.queue_messages = 10;
        start(f);
        const spoke_delivery low = {.priority = SPOKE_LOW};
        const spoke_field x = spoke_f64("x", 1);
        for (int n = 0; n < 10; n++)
            assert_ok(spoke_telemetry_send_as(f->client, &low, NULL, &x, 1));
        get_ready(f);
        poll(f, 0);
        assert_ok(spoke_client_stats(f->client, &stats));
        for (int why = 0; why < SPOKE_DROP_COUNT; why++)
            assert_int_equal(stats.dropped[why], 0);
        assert_int_equal(stats.refused, 0);
        assert_int_equal(stats.accepted, 10);
        assert_int_equal(live(f, 340 * 1000), 11); /* and in the next period it follows */
    }
}

/* --- getLog --- */

static const char *get_log(struct fixture *f, const char *request)
{
    fake->sent_count = 0;
    say_message("$iothub/methods/POST/health*getLog/?$rid=9", request, 0);
    poll(f, 0);
    const struct sent *answer = find_sent("$iothub/methods/res/", 0);
    assert_non_null(answer);
    return strstr(answer->topic, "/res/200/") != NULL ? answer->body : answer->topic;
}

static size_t lines_in(const char *json)
{
    spoke_json_cursor at;
    spoke_str key, value;
    size_t count = 0;
    assert_ok(spoke_json_check(spoke_str_of(json)));
    assert_int_equal(json[0], '[');
    assert_ok(spoke_json_enter(spoke_str_of(json), &at));
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        assert_int_equal(spoke_json_type(value), '"');
        count++;
    }
    return count;
}

static void get_log_answers_with_the_last_lines_newest_last(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const char *lines = get_log(f, "{}");
    assert_true(lines_in(lines) >= 3);
    assert_non_null(strstr(lines, "2026-01-01T00:00:0"));
    const char *first = strstr(lines, "IDLE -> CONNECTING"), *last = strstr(lines, "SYNCING -> READY");
    assert_non_null(first);
    assert_non_null(last);
    assert_true(first < last);
}

static void get_log_counts_from_the_newest(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const char *lines = get_log(f, "{\"lines\":1}");
    assert_int_equal(lines_in(lines), 1);
    assert_non_null(strstr(lines, "SYNCING -> READY"));
}

static void get_log_leaves_out_what_is_below_the_level(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_int_equal(lines_in(get_log(f, "{\"level\":\"error\"}")), 0);
    say_message("$iothub/strange", "x", 0); /* worth a warning */
    poll(f, 0);
    assert_int_equal(lines_in(get_log(f, "{\"level\":\"warning\",\"lines\":50}")), 1);
}

static void get_log_has_what_did_not_fit_the_template(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_null(f->platform.log); /* nobody else reads lines */
    assert_int_equal(spoke_send(f->client, spoke_i64("nonsense", 1)), SPOKE_E_MODEL);
    assert_non_null(strstr(get_log(f, ""), "nonsense"));
}

static void get_log_takes_a_call_without_a_request(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_true(lines_in(get_log(f, "")) > 0);
}

static void get_log_refuses_what_is_no_request(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"7",
                                      "[]",
                                      "{\"lines\":0}",
                                      "{\"lines\":-1}",
                                      "{\"lines\":1.5}",
                                      "{\"lines\":\"1\"}",
                                      "{\"lines\":4294967296}",
                                      "{\"level\":\"loud\"}",
                                      "{\"level\":1}",
                                      "{"};
    get_ready(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(strstr(get_log(f, bad[i]), "/res/400/"));
    f->config.checks = SPOKE_CHECKS_OFF; /* nobody else looks then */
    start(f);
    get_ready(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(strstr(get_log(f, bad[i]), "/res/400/"));
}

static void get_log_gives_as_many_lines_as_fit_the_answer(void **state)
{
    struct fixture *f = *state;
    f->config.log_bytes = 65536;
    f->config.report_bytes = 1024;
    start(f);
    get_ready(f);
    for (int i = 0; i < 100; i++) {
        say_message("$iothub/strange/with/a/long/name/to/fill/the/ring", "x", 0);
        poll(f, 0);
    }
    const char *lines = get_log(f, "{}");
    assert_in_range(lines_in(lines), 2, 99);
    assert_true(strlen(lines) <= 1024);
}

static void debug_lines_are_not_kept(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->client->platform.log_tap(f->client->platform.tap_ctx, SPOKE_LOG_DEBUG, "m", "a payload");
    assert_null(strstr(get_log(f, "{\"level\":\"debug\"}"), "a payload"));
}

/* Another thread is in the ring: nobody waits for it. */
static void a_ring_in_use_leaves_the_line_out_and_asks_to_ask_again(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_true(log_ring_enter(&f->client->diagnostics.guard));
    f->client->platform.log_tap(f->client->platform.tap_ctx, SPOKE_LOG_WARN, "m", "meanwhile");
    assert_non_null(strstr(get_log(f, "{}"), "/res/503/"));
    log_ring_leave(&f->client->diagnostics.guard);
    assert_null(strstr(get_log(f, "{}"), "meanwhile"));
}

static void a_log_that_finds_no_room_among_the_answers_is_not_sent(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 256;
    start(f);
    get_ready(f);
    fake->full = true;
    fake->sent_count = 0;
    for (int i = 0; i < 20; i++) {
        say_message("$iothub/methods/POST/unknown/?$rid=1", "", 0);
        poll(f, 0);
    }
    say_message("$iothub/methods/POST/health*getLog/?$rid=9", "{}", 0);
    poll(f, 0);
    fake->full = false;
    poll(f, 0);
    poll(f, 0);
    assert_null(find_sent("rid=9", 0));
    assert_true(lines_in(get_log(f, "{}")) <= 3);
}

static void a_model_without_the_checks_needs_no_component(void **state)
{
    struct fixture *f = *state;
    f->config.model = NULL;
    start(f);
    get_ready(f);
    assert_true(lines_in(get_log(f, "null")) > 0);
}

static void a_line_before_the_clock_is_set_has_the_time_since_the_start(void **state)
{
    struct fixture *f = *state;
    f->clock_unset = true;
    start(f);
    poll(f, 0);
    f->clock_unset = false;
    spoke_client_connect_now(f->client);
    get_ready(f);
    assert_non_null(strstr(get_log(f, "{}"), "\"+1 s info client: IDLE -> CONNECTING"));
}

static void no_key_and_no_token_stands_in_the_log(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{}}");
    poll(f, 0);
    const char *lines = get_log(f, "{}");
    assert_null(strstr(lines, "AAECAwQF"));
    assert_null(strstr(lines, "SharedAccessSignature"));
    assert_null(strstr(lines, "sig="));
}

#define healthy(test) cmocka_unit_test_setup_teardown(test, set_up_health, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        healthy(a_template_with_the_component_is_taken),
        healthy(each_member_that_the_component_lacks_is_named),
        healthy(a_component_that_the_template_lacks_is_refused),
        healthy(get_log_without_diagnostics_needs_a_handler),
        healthy(a_handler_of_the_programs_for_get_log_is_refused),
        healthy(a_ring_too_small_for_a_line_is_refused),
        healthy(all_telemetry_of_the_interface_is_sent),
        healthy(figures_and_facts_leave_with_the_first_ready),
        healthy(without_news_the_figures_come_once_an_hour),
        healthy(news_are_told_once_a_period),
        healthy(a_metered_network_hears_nothing_of_it),
        healthy(the_last_trouble_is_told_with_its_time_after_a_reconnect),
        healthy(a_trouble_before_the_clock_was_set_takes_the_former_ones_time_away),
        healthy(expiries_are_told_when_they_are_known),
        healthy(a_full_queue_is_left_to_the_program),
        healthy(no_policy_gives_it_room_at_the_programs_cost),
        healthy(get_log_answers_with_the_last_lines_newest_last),
        healthy(get_log_counts_from_the_newest),
        healthy(get_log_leaves_out_what_is_below_the_level),
        healthy(get_log_has_what_did_not_fit_the_template),
        healthy(get_log_takes_a_call_without_a_request),
        healthy(get_log_refuses_what_is_no_request),
        healthy(get_log_gives_as_many_lines_as_fit_the_answer),
        healthy(debug_lines_are_not_kept),
        healthy(a_ring_in_use_leaves_the_line_out_and_asks_to_ask_again),
        healthy(a_log_that_finds_no_room_among_the_answers_is_not_sent),
        healthy(a_model_without_the_checks_needs_no_component),
        healthy(a_line_before_the_clock_is_set_has_the_time_since_the_start),
        healthy(no_key_and_no_token_stands_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
