/* Settings, long commands and health at their edges: other threads, full memory, records and templates of others. */
#include "client/machine.h"
#include "support/client_fixture.h"
#include "support/records.h"

static char log_text[8192];

static void keep_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    const size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%s\n", line);
}

/* --- health: the template --- */

static const char device[] =
    "{\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],"
    "\"@id\":\"dtmi:test:Device;1\",\"@type\":\"Interface\",\"contents\":["
    "{\"@type\":\"Telemetry\",\"name\":\"x\",\"schema\":\"double\"},"
    "{\"@type\":\"Component\",\"name\":\"health\",\"schema\":\"dtmi:spoke:Diagnostics;1\"}"
    "]}";

static uint8_t arena_memory[160 * 1024];

/* The component, with one piece of its interface's text put in place of another as often as it stands there. */
static const spoke_model *model_with(const char *from, const char *to)
{
    static char text[32 * 1024];
    const spoke_model *model = NULL;
    spoke_error why;
    char *interface = test_read_file(SPOKE_TEST_DATA "/../../src/client/diagnostics.json", NULL);
    assert_non_null(interface);
    size_t len = (size_t)snprintf(text, sizeof text, "[%s,", device);
    for (const char *at = interface; *at != '\0';) {
        const bool here = from != NULL && strncmp(at, from, strlen(from)) == 0;
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s", here ? (int)strlen(to) : 1, here ? to : at);
        at += here ? strlen(from) : 1;
    }
    snprintf(text + len, sizeof text - len, "]");
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
    log_text[0] = '\0';
    f->platform.log = keep_log;
    f->config.model = model_with(NULL, NULL);
    f->config.handlers = NULL;
    f->config.handler_count = 0;
    f->config.diagnostics = "health";
    f->config.sas_lifetime_s = 86400;
    start(f);
    return 0;
}

#define healthy(test) cmocka_unit_test_setup_teardown(test, set_up_health, tear_down)

static void a_component_of_that_name_with_other_types_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const changes[][2] = {
        {"\"schema\": \"long\"", "\"schema\": \"double\""},
        {"\"elementSchema\": \"string\"", "\"elementSchema\": \"integer\""},
        {"\"@type\": \"Array\",\n          \"elementSchema\": \"string\"",
         "\"@type\": \"Object\", \"fields\": [{\"name\": \"a\", \"schema\": \"string\"}]"},
        {"\"response\": {\n        \"name\": \"lines\",\n        \"displayName\": \"Lines\",\n        \"schema\": {\n"
         "          \"@type\": \"Array\",\n          \"elementSchema\": \"string\"\n        }\n      }",
         "\"comment\": \"answers nothing\""},
    };
    f->config.answer_unhandled = true;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        spoke_client *none = NULL;
        static max_align_t memory[64];
        spoke_error why;
        f->config.model = model_with(changes[i][0], changes[i][1]);
        assert_int_equal(spoke_client_init(memory, sizeof memory, &f->config, &none, &why), SPOKE_E_ARG);
        assert_non_null(strstr(why.text, "dtmi:spoke:Diagnostics;1"));
    }
}

/* --- health: the log --- */

static const char *get_log(struct fixture *f, const char *request)
{
    fake->sent_count = 0;
    say_message("$iothub/methods/POST/health*getLog/?$rid=9", request, 0);
    poll(f, 0);
    for (size_t i = 0; i < fake->sent_count; i++)
        if (strncmp(fake->sent[i].topic, "$iothub/methods/res/", 20) == 0)
            return strstr(fake->sent[i].topic, "/res/200/") != NULL ? fake->sent[i].body : fake->sent[i].topic;
    return "none";
}

static void get_log_takes_null_for_no_request(void **state)
{
    struct fixture *f = *state;
    f->config.checks = SPOKE_CHECKS_OFF; /* the template knows no null */
    start(f);
    get_ready(f);
    assert_int_equal(get_log(f, "null")[0], '[');
}

static void debug_lines_are_not_kept(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->client->platform.log_tap(f->client->platform.tap_ctx, SPOKE_LOG_DEBUG, "test", "a payload");
    f->client->platform.log_tap(f->client->platform.tap_ctx, SPOKE_LOG_INFO, "test", "a fact");
    const char *lines = get_log(f, "{\"level\":\"debug\"}");
    assert_null(strstr(lines, "a payload"));
    assert_non_null(strstr(lines, "a fact"));
}

/* Nobody waits for a thread that is inside the ring: the line is lost, the caller asks again. */
static void while_another_thread_writes_lines_are_left_out_and_get_log_answers_503(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_true(log_ring_enter(&f->client->diagnostics.guard));
    say_message("$iothub/strange", "x", 0);
    poll(f, 0);
    assert_non_null(strstr(get_log(f, ""), "/res/503/"));
    log_ring_leave(&f->client->diagnostics.guard);
    assert_non_null(strstr(log_text, "$iothub/strange")); /* the port has it all the same */
    assert_null(strstr(get_log(f, ""), "$iothub/strange"));
}

static void a_log_that_finds_no_room_among_the_answers_says_503_when_it_can(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 256;
    f->config.log_bytes = 4096;
    start(f);
    get_ready(f);
    fake->full = true;
    for (int i = 0; i < 8; i++) {
        say_message("$iothub/methods/POST/other/?$rid=1", "", 0); /* their answers fill the room */
        poll(f, 0);
    }
    say_message("$iothub/methods/POST/health*getLog/?$rid=9", "", 0);
    poll(f, 0);
    assert_non_null(strstr(log_text, "a command stays unanswered"));
    fake->full = false;
    poll(f, 0);
    assert_int_equal(get_log(f, "")[0], '[');
}

static spoke_transport_ops ops;
static spoke_expiry ends;

static void tell_ends(const spoke_transport *t, spoke_expiry *out)
{
    (void)t;
    *out = ends;
}

static void an_end_beyond_the_calendar_is_not_told(void **state)
{
    struct fixture *f = *state;
    static const int64_t strange[] = {INT64_MAX, INT64_C(253402300800), 0};
    ops = fake_ops;
    ops.expiry = tell_ends;
    f->config.transport = &ops;
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        ends = (spoke_expiry){.client_cert = strange[i], .trust = 4070908800};
        start(f);
        get_ready(f);
        poll(f, 0);
        bool told = false;
        for (size_t j = 0; j < fake->sent_count; j++) {
            assert_null(strstr(fake->sent[j].body, "credentialExpiry"));
            told = told || strstr(fake->sent[j].body, "\"trustExpiry\":\"2099-01-01T00:00:00Z\"") != NULL;
        }
        assert_true(told);
    }
    spoke_client_destroy(f->client);
    f->client = NULL;
}

/* --- health: the figures --- */

static void a_pause_that_lasts_counts_already(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = {.struct_size = sizeof stats};
    poll(f, 0);
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0x04);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    run(f, 5000);
    expect(f, SPOKE_BACKOFF);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.backoff_ms, 5000);
}

/* --- settings --- */

static char told[512];
static spoke_ack verdict;

static spoke_ack on_setting(const spoke_property *wanted, void *user)
{
    const size_t at = strlen(told);
    (void)user;
    snprintf(told + at, sizeof told - at, "%.*s=%.*s ", (int)wanted->name.len, wanted->name.ptr,
             (int)wanted->value.len, wanted->value.ptr);
    return verdict;
}

static spoke_ack on_long(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    uint32_t id;
    f->commands++;
    return spoke_work_begin(call, &id) == SPOKE_OK ? spoke_reject(202, "begun") : spoke_reject(503, "no room");
}

static const spoke_handler mixed[] = {SPOKE_ON_COMMAND("update", on_long), SPOKE_ON_PROPERTY("mode", on_setting),
                                      SPOKE_ON_PROPERTY("target", on_setting),
                                      SPOKE_ON_COMPONENT_COMMAND("part", "update", on_long)};

static int set_up_kept(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    records_reset();
    log_text[0] = told[0] = '\0';
    verdict = spoke_accept();
    f->platform.log = keep_log;
    f->platform.load = records_load;
    f->platform.store = records_store;
    f->config.keep_settings = true;
    f->config.handlers = mixed;
    f->config.handler_count = 4;
    f->config.commands = 3;
    start(f);
    return 0;
}

#define kept(test) cmocka_unit_test_setup_teardown(test, set_up_kept, tear_down)

#define KEPT \
    "{\"settings\":[[\"\",\"mode\",\"on\"],[\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}"

static void settings_are_found_among_handlers_of_commands(void **state)
{
    struct fixture *f = *state;
    record_put("settings", SPOKE_STR(KEPT));
    start(f);
    poll(f, 0);
    assert_string_equal(told, "mode=\"on\" target=21 ");
}

static void a_setting_refused_without_a_word_is_kept_no_more(void **state)
{
    struct fixture *f = *state;
    const int codes[] = {400, 199, 300};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        record_put("settings", SPOKE_STR(KEPT));
        verdict = spoke_reject(codes[i], NULL);
        start(f);
        get_ready(f);
        verdict = spoke_accept();
        told[0] = '\0';
        start(f);
        poll(f, 0);
        assert_string_equal(told, "");
    }
    assert_non_null(strstr(log_text, "the kept setting 'target' was refused (400): \n"));
}

static void a_setting_deferred_at_the_start_stays_kept(void **state)
{
    struct fixture *f = *state;
    record_put("settings", SPOKE_STR(KEPT));
    verdict = spoke_defer();
    start(f);
    poll(f, 0);
    told[0] = '\0';
    start(f);
    poll(f, 0);
    assert_string_equal(told, "mode=\"on\" target=21 ");
}

static void a_late_verdict_about_what_has_no_handler_keeps_nothing(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_property_ack(f->client, NULL, "other", SPOKE_STR("5"), 3, spoke_accept()));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("5"), 3, (spoke_ack){202, NULL}));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("5"), 3, spoke_reject(400, "no")));
    poll(f, 0);
    assert_string_equal(record("settings"), "");
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("5"), 3, spoke_accept()));
    assert_ok(
        spoke_property_ack(f->client, NULL, "mode", SPOKE_STR("6"), 2, spoke_accept())); /* of an older one */
    poll(f, 0);
    assert_non_null(strstr(record("settings"), "\"version\":3"));
}

static void an_empty_list_of_settings_is_a_sound_record(void **state)
{
    struct fixture *f = *state;
    log_text[0] = '\0';
    record_put("settings", SPOKE_STR("{\"settings\":[],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}"));
    start(f);
    poll(f, 0);
    assert_string_equal(told, "");
    assert_null(strstr(log_text, "cannot be read"));
    record_put("settings", SPOKE_STR("{\"settings\":[ ],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}"));
    start(f);
    poll(f, 0);
    assert_non_null(strstr(log_text, "cannot be read"));
}

static void a_record_that_lacks_its_hub_or_device_is_not_this_ones(void **state)
{
    struct fixture *f = *state;
    static const char *const records_of_others[] = {
        "{\"settings\":[[\"\",\"target\",21]],\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21]],\"hub\":\"hub.local\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21]],\"hub\":5,\"device\":\"d\",\"version\":7}",
    };
    for (size_t i = 0; i < sizeof records_of_others / sizeof records_of_others[0]; i++) {
        record_put("settings", spoke_str_of(records_of_others[i]));
        start(f);
        poll(f, 0);
        assert_string_equal(told, "");
    }
}

static void settings_that_fill_the_record_leave_no_room_for_one_more(void **state)
{
    struct fixture *f = *state;
    char body[400];
    f->config.report_bytes = 256;
    for (int digits = 238; digits > 200 && record("settings")[0] == '\0'; digits--) {
        snprintf(body, sizeof body, "{\"desired\":{\"mode\":\"%0*d\",\"$version\":5},\"reported\":{}}", digits, 0);
        start(f);
        connect_only(f);
        say_twin("200", body);
        poll(f, 0);
    }
    assert_true(record("settings")[0] != '\0'); /* the largest that fits */
    told[0] = '\0';
    say_message("$iothub/twin/PATCH/properties/desired/?$version=6", "{\"target\":1,\"$version\":6}", 0);
    poll(f, 0);
    assert_string_equal(told, "target=1 "); /* it is in force, and not kept */
    told[0] = '\0';
    start(f);
    poll(f, 0);
    assert_null(strstr(told, "target"));
    assert_non_null(strstr(told, "mode"));
}

/* --- long commands --- */

static void call_update(struct fixture *f, const char *name)
{
    char topic[64];
    snprintf(topic, sizeof topic, "$iothub/methods/POST/%s/?$rid=1", name);
    say_message(topic, "", 0);
    poll(f, 0);
}

static void works_stand_in_the_order_of_their_numbers_whatever_their_slots(void **state)
{
    struct fixture *f = *state;
    spoke_work work = {0};
    record_put("work-0", SPOKE_STR("{\"id\":9,\"component\":\"\",\"name\":\"update\"}"));
    record_put("work-1", SPOKE_STR("{\"id\":4,\"component\":\"part\",\"name\":\"update\"}"));
    start(f);
    assert_ok(spoke_work_next(f->client, 0, &work));
    assert_int_equal(work.id, 4);
    assert_str(work.component, "part");
    assert_ok(spoke_work_next(f->client, 4, &work));
    assert_int_equal(work.id, 9);
    get_ready(f);
    call_update(f, "update");
    assert_ok(spoke_work_next(f->client, 9, &work));
    assert_int_equal(work.id, 10);
}

static void numbers_that_are_in_use_are_passed_over(void **state)
{
    struct fixture *f = *state;
    spoke_work work = {0};
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\"}"));
    record_put("work-1", SPOKE_STR("{\"id\":4294967295,\"component\":\"\",\"name\":\"update\"}"));
    start(f);
    get_ready(f);
    call_update(f, "update");
    assert_ok(spoke_work_next(f->client, 1, &work));
    assert_int_equal(work.id, 2);
}

static void the_last_number_is_given_before_the_first(void **state)
{
    struct fixture *f = *state;
    spoke_work work = {0};
    record_put("work-0", SPOKE_STR("{\"id\":4294967294,\"component\":\"\",\"name\":\"update\"}"));
    start(f);
    get_ready(f);
    call_update(f, "update");
    call_update(f, "update");
    assert_ok(spoke_work_next(f->client, 0, &work));
    assert_int_equal(work.id, 1);
    assert_ok(spoke_work_next(f->client, 4294967294u, &work));
    assert_true(work.id == UINT32_MAX);
}

static void a_record_that_names_another_command_meanwhile_is_not_believed(void **state)
{
    struct fixture *f = *state;
    spoke_work work = {0};
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\"}"));
    start(f);
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"part\",\"name\":\"update\"}"));
    assert_int_equal(spoke_work_next(f->client, 0, &work), SPOKE_E_NOT_FOUND);
}

static spoke_client *finished_elsewhere; /* by another thread, as soon as the lock is free */
static int unlocks_until;

static void no_lock(void *ctx)
{
    (void)ctx;
}

static void finish_at_unlock(void *ctx)
{
    (void)ctx;
    if (finished_elsewhere == NULL || --unlocks_until > 0)
        return;
    spoke_client *client = finished_elsewhere;
    finished_elsewhere = NULL;
    const spoke_field result = spoke_text("result", SPOKE_STR("theirs"));
    assert_ok(spoke_work_finish(client, 1, &result, 1));
}

static void two_threads_may_finish_one_work(void **state)
{
    struct fixture *f = *state;
    const spoke_field result = spoke_text("result", SPOKE_STR("ours"));
    f->platform.lock = no_lock;
    f->platform.unlock = finish_at_unlock;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\"}"));
    start(f);
    finished_elsewhere = f->client;
    unlocks_until = 1; /* behind the look for it */
    assert_ok(spoke_work_finish(f->client, 1, &result, 1));
    assert_null(finished_elsewhere);
    assert_int_equal(spoke_work_finish(f->client, 1, &result, 1), SPOKE_E_NOT_FOUND);
    assert_string_equal(record("work-0"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        healthy(a_component_of_that_name_with_other_types_is_refused),
        healthy(get_log_takes_null_for_no_request),
        healthy(debug_lines_are_not_kept),
        healthy(while_another_thread_writes_lines_are_left_out_and_get_log_answers_503),
        healthy(a_log_that_finds_no_room_among_the_answers_says_503_when_it_can),
        healthy(an_end_beyond_the_calendar_is_not_told),
        healthy(a_pause_that_lasts_counts_already),
        kept(settings_are_found_among_handlers_of_commands),
        kept(a_setting_refused_without_a_word_is_kept_no_more),
        kept(a_setting_deferred_at_the_start_stays_kept),
        kept(a_late_verdict_about_what_has_no_handler_keeps_nothing),
        kept(an_empty_list_of_settings_is_a_sound_record),
        kept(a_record_that_lacks_its_hub_or_device_is_not_this_ones),
        kept(settings_that_fill_the_record_leave_no_room_for_one_more),
        kept(works_stand_in_the_order_of_their_numbers_whatever_their_slots),
        kept(numbers_that_are_in_use_are_passed_over),
        kept(the_last_number_is_given_before_the_first),
        kept(a_record_that_names_another_command_meanwhile_is_not_believed),
        kept(two_threads_may_finish_one_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
