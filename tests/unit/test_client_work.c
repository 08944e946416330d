/* Long-running commands: begun ones outlive the client until they are finished, and damaged records do no harm. */
#include "support/client_fixture.h"
#include "support/records.h"

static struct {
    spoke_status begun;
    uint32_t id;
    unsigned notices;
    spoke_status noticed;
} seen;

static void note_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(notice->kind, SPOKE_NOTICE_STORAGE);
    seen.notices++;
    seen.noticed = notice->error.status;
}

static spoke_ack on_long(const spoke_command *call, void *user)
{
    (void)user;
    seen.begun = spoke_work_begin(call, &seen.id);
    return seen.begun == SPOKE_OK ? spoke_reject(202, "begun") : spoke_reject(503, spoke_status_text(seen.begun));
}

static const spoke_handler long_handlers[] = {SPOKE_ON_COMMAND("update", on_long),
                                              SPOKE_ON_COMPONENT_COMMAND("part", "update", on_long)};

static void restart(struct fixture *f)
{
    memset(&seen, 0, sizeof seen);
    start(f);
}

static int set_up_work(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    records_reset();
    f->platform.load = records_load;
    f->platform.store = records_store;
    f->config.on_notice = note_notice;
    f->config.handlers = long_handlers;
    f->config.handler_count = 2;
    f->config.commands = 2;
    restart(f);
    return 0;
}

static void call(struct fixture *f, const char *name, const char *payload)
{
    char topic[96];
    snprintf(topic, sizeof topic, "$iothub/methods/POST/%s/?$rid=1", name);
    say_message(topic, payload, 0);
    poll(f, 0);
    poll(f, 0);
}

/* "1:update={"x":1} 2:part*update= " */
static const char *works_of(struct fixture *f)
{
    static char text[600];
    spoke_work work = {0};
    text[0] = '\0';
    while (spoke_work_next(f->client, work.id, &work) == SPOKE_OK) {
        const size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%u:%.*s%s%.*s=%.*s ", (unsigned)work.id, (int)work.component.len,
                 work.component.len > 0 ? work.component.ptr : "", work.component.len > 0 ? "*" : "",
                 (int)work.name.len, work.name.ptr, (int)work.payload.len,
                 work.payload.len > 0 ? work.payload.ptr : "");
    }
    return text;
}

static spoke_status finish(struct fixture *f, uint32_t id)
{
    const spoke_field result = spoke_text("result", SPOKE_STR("done"));
    return spoke_work_finish(f->client, id, &result, 1);
}

static bool reported(const char *body)
{
    for (size_t i = 0; i < fake->sent_count; i++)
        if (strstr(fake->sent[i].topic, "/reported/") != NULL && strcmp(fake->sent[i].body, body) == 0)
            return true;
    return false;
}

/* --- the promise --- */

static void begun_work_is_there_after_a_restart_before_anything_is_opened(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "{\"url\":\"x\"}");
    call(f, "part*update", "");
    assert_ok(seen.begun);
    spoke_client_destroy(f->client);
    assert_ok(spoke_client_create(&f->config, &f->client));
    assert_string_equal(works_of(f), "1:update={\"url\":\"x\"} 2:part*update= ");
}

static void the_caller_hears_202(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "");
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/202/?$rid=1");
}

static void finished_work_is_reported_in_its_component_and_gone(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "part*update", "7");
    assert_ok(finish(f, seen.id));
    poll(f, 0);
    assert_true(reported("{\"part\":{\"__t\":\"c\",\"result\":\"done\"}}"));
    restart(f);
    assert_string_equal(works_of(f), "");
}

static void work_of_an_earlier_run_can_be_finished(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "7");
    restart(f);
    assert_ok(finish(f, 1));
    get_ready(f);
    poll(f, 0);
    assert_true(reported("{\"result\":\"done\"}"));
    assert_int_equal(finish(f, 1), SPOKE_E_NOT_FOUND);
}

static void ids_are_not_given_twice_while_a_work_has_them(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "1");
    call(f, "update", "2");
    assert_ok(finish(f, 1));
    restart(f);
    get_ready(f);
    call(f, "update", "3");
    assert_int_equal(seen.id, 3);
    assert_string_equal(works_of(f), "2:update=2 3:update=3 ");
}

static void the_last_id_is_followed_by_the_first_free_one(void **state)
{
    struct fixture *f = *state;
    record_put("work-0", SPOKE_STR("{\"id\":4294967295,\"component\":\"\",\"name\":\"update\"}"));
    restart(f);
    get_ready(f);
    call(f, "update", "1");
    assert_int_equal(seen.id, 1);
}

static void an_offline_command_keeps_its_text(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("devices/d/messages/devicebound/method-name=update", "say \"hi\"", 1);
    poll(f, 0);
    assert_ok(seen.begun);
    restart(f);
    assert_string_equal(works_of(f), "1:update=say \"hi\" ");
}

/* --- limits --- */

static void one_more_than_commands_is_full(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "1");
    call(f, "update", "2");
    call(f, "update", "3");
    assert_int_equal(seen.begun, SPOKE_E_FULL);
    assert_ok(finish(f, 1));
    call(f, "update", "4");
    assert_ok(seen.begun);
}

static void a_payload_that_cannot_be_kept_is_too_large_and_takes_no_place(void **state)
{
    struct fixture *f = *state;
    char payload[400];
    const size_t frame = strlen("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":\"\"}");
    f->config.report_bytes = 256;
    restart(f);
    get_ready(f);
    snprintf(payload, sizeof payload, "\"%0*d\"", (int)(256 - frame + 1), 0);
    call(f, "update", payload);
    assert_int_equal(seen.begun, SPOKE_E_TOO_LARGE);
    assert_string_equal(works_of(f), "");
    snprintf(payload, sizeof payload, "\"%0*d\"", (int)(256 - frame - 1), 0); /* id 2 by now; the same width */
    call(f, "update", payload);
    assert_ok(seen.begun);
}

static void offline_text_has_to_fit_beside_its_record(void **state)
{
    struct fixture *f = *state;
    char text[300];
    f->config.report_bytes = 256;
    restart(f);
    get_ready(f);
    snprintf(text, sizeof text, "%0150d", 0);
    say_message("devices/d/messages/devicebound/method-name=update", text, 1);
    poll(f, 0);
    assert_int_equal(seen.begun, SPOKE_E_TOO_LARGE);
}

static void without_a_store_it_is_unsupported(void **state)
{
    struct fixture *f = *state;
    f->platform.load = NULL;
    f->platform.store = NULL;
    restart(f);
    get_ready(f);
    call(f, "update", "1");
    assert_int_equal(seen.begun, SPOKE_E_UNSUPPORTED);
    assert_string_equal(works_of(f), "");
}

static void a_store_that_fails_begins_nothing(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    records.fail_at = records.stores;
    call(f, "update", "1");
    assert_int_equal(seen.begun, SPOKE_E_PORT);
    assert_string_equal(works_of(f), "");
}

static void a_finish_that_cannot_be_queued_leaves_the_work(void **state)
{
    struct fixture *f = *state;
    char text[300];
    f->config.report_bytes = 256;
    restart(f);
    get_ready(f);
    call(f, "update", "1");
    snprintf(text, sizeof text, "%0290d", 0);
    const spoke_field large = spoke_text("result", spoke_str_of(text));
    assert_int_equal(spoke_work_finish(f->client, seen.id, &large, 1), SPOKE_E_TOO_LARGE);
    assert_string_equal(works_of(f), "1:update=1 ");
}

static void a_removal_that_fails_leaves_the_work_to_be_finished_again(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    call(f, "update", "1");
    records.fail_at = records.stores;
    assert_int_equal(finish(f, 1), SPOKE_E_PORT);
    records.fail_at = RECORDS_NEVER;
    assert_string_equal(works_of(f), "1:update=1 ");
    assert_ok(finish(f, 1));
}

static void a_platform_that_only_reads_is_none(void **state)
{
    struct fixture *f = *state;
    f->platform.store = NULL;
    restart(f);
    get_ready(f);
    call(f, "update", "1");
    assert_int_equal(seen.begun, SPOKE_E_UNSUPPORTED);
}

static void offline_bytes_that_are_no_text_are_refused(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("devices/d/messages/devicebound/method-name=update", "\xFF", 1);
    poll(f, 0);
    assert_int_equal(seen.begun, SPOKE_E_ARG);
}

static void arguments_are_checked(void **state)
{
    struct fixture *f = *state;
    spoke_work work;
    uint32_t id;
    const spoke_command nothing = {0};
    const spoke_command strange = {.client = f->client, .name = SPOKE_STR("strange")};
    assert_int_equal(spoke_work_begin(NULL, &id), SPOKE_E_ARG);
    assert_int_equal(spoke_work_begin(&nothing, &id), SPOKE_E_ARG);
    assert_int_equal(spoke_work_begin(&strange, &id), SPOKE_E_ARG);
    assert_int_equal(spoke_work_begin(&strange, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_work_next(NULL, 0, &work), SPOKE_E_ARG);
    assert_int_equal(spoke_work_next(f->client, 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_work_finish(NULL, 1, NULL, 0), SPOKE_E_ARG);
    assert_int_equal(finish(f, 0), SPOKE_E_NOT_FOUND);
    assert_int_equal(finish(f, 9), SPOKE_E_NOT_FOUND);
}

/* --- hostile and broken records --- */

static void a_damaged_record_is_left_out_with_a_notice_and_its_place_is_free(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "x",
        "[]",
        "{}",
        "{\"id\":0,\"component\":\"\",\"name\":\"update\"}",
        "{\"id\":-1,\"component\":\"\",\"name\":\"update\"}",
        "{\"id\":4294967296,\"component\":\"\",\"name\":\"update\"}",
        "{\"id\":\"1\",\"component\":\"\",\"name\":\"update\"}",
        "{\"id\":1,\"name\":\"update\"}",
        "{\"id\":1,\"component\":\"\"}",
        "{\"id\":1,\"component\":\"\",\"name\":7}",
        "{\"id\":1,\"component\":\"\",\"name\":\"other\"}",
        "{\"id\":1,\"component\":\"\",\"name\":\"update\",\"text\":7}",
        "{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        records_reset();
        record_put("work-1", spoke_str_of(bad[i]));
        record_put("work-0", SPOKE_STR("{\"id\":5,\"component\":\"part\",\"name\":\"update\",\"payload\":[1]}"));
        restart(f);
        get_ready(f);
        if (seen.notices != 1)
            fail_msg("%s: %u notices", bad[i], seen.notices);
        assert_string_equal(works_of(f), "5:part*update=[1] ");
        call(f, "update", "");
        assert_ok(seen.begun);
    }
}

static void each_truncation_of_a_record_is_left_out(void **state)
{
    struct fixture *f = *state;
    static const char good[] = "{\"id\":5,\"component\":\"part\",\"name\":\"update\",\"payload\":[1]}";
    for (size_t len = 1; len < sizeof good - 1; len++) {
        record_put("work-0", spoke_str_from(good, len));
        restart(f);
        assert_string_equal(works_of(f), "");
    }
}

static void two_works_of_one_id_are_one(void **state)
{
    struct fixture *f = *state;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":1}"));
    record_put("work-1", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":2}"));
    restart(f);
    assert_string_equal(works_of(f), "1:update=1 ");
}

static void a_record_that_changes_meanwhile_is_not_believed(void **state)
{
    struct fixture *f = *state;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":1}"));
    restart(f);
    record_put("work-0", SPOKE_STR("{\"id\":2,\"component\":\"\",\"name\":\"update\",\"payload\":1}"));
    assert_string_equal(works_of(f), "");
    poll(f, 0);
    assert_int_equal(seen.notices, 1);
}

static void what_the_store_could_not_give_is_not_written_over(void **state)
{
    struct fixture *f = *state;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":1}"));
    records.loads_fail = true;
    restart(f);
    records.loads_fail = false;
    get_ready(f);
    assert_int_equal(seen.notices, 1);
    call(f, "update", "2");
    assert_int_equal(seen.begun, SPOKE_E_FULL);
    restart(f);
    assert_string_equal(works_of(f), "1:update=1 ");
}

static const char *unreadable; /* that record alone */

static spoke_status load_some(void *ctx, const char *key, spoke_buf *out)
{
    return unreadable != NULL && strcmp(key, unreadable) == 0 ? SPOKE_E_PORT : records_load(ctx, key, out);
}

static void a_work_begun_beside_an_unreadable_one_does_not_take_its_id(void **state)
{
    struct fixture *f = *state;
    f->platform.load = load_some;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":1}"));
    unreadable = "work-0";
    restart(f);
    get_ready(f);
    call(f, "update", "2");
    assert_ok(seen.begun);
    unreadable = NULL;
    restart(f);
    assert_non_null(strstr(works_of(f), "1:update=1 "));
    assert_non_null(strstr(works_of(f), ":update=2 "));
}

static void a_work_that_cannot_be_read_for_a_moment_is_still_there(void **state)
{
    struct fixture *f = *state;
    f->platform.load = load_some;
    restart(f);
    get_ready(f);
    call(f, "update", "1");
    call(f, "update", "2");
    unreadable = "work-0";
    assert_string_equal(works_of(f), "2:update=2 ");
    call(f, "update", "3");
    assert_int_equal(seen.begun, SPOKE_E_FULL);
    unreadable = NULL;
    assert_string_equal(works_of(f), "1:update=1 2:update=2 ");
    assert_ok(finish(f, 1));
}

/* --- another firmware --- */

static const spoke_member members[] = {{NULL, "update", SPOKE_COMMAND, 0, &spoke_schema_integer, NULL},
                                       {"part", "update", SPOKE_COMMAND, 0, NULL, NULL}};
static const spoke_model model = {"dtmi:test:work;1", members, 2};

static void a_payload_that_no_longer_fits_the_template_is_left_out(void **state)
{
    struct fixture *f = *state;
    record_put("work-0", SPOKE_STR("{\"id\":1,\"component\":\"\",\"name\":\"update\",\"payload\":\"text\"}"));
    record_put("work-1", SPOKE_STR("{\"id\":2,\"component\":\"\",\"name\":\"update\",\"text\":\"8\"}"));
    f->config.model = &model;
    restart(f);
    assert_string_equal(works_of(f), "2:update=8 ");
    poll(f, 0);
    assert_int_equal(seen.noticed, SPOKE_E_MODEL);
    f->config.checks = SPOKE_CHECKS_WARN;
    restart(f);
    assert_string_equal(works_of(f), "1:update=\"text\" 2:update=8 ");
}

/* Every store done or not done, then the power is gone: the result is reported at least once, or the command was
 * never answered with 202. */
static void a_power_cut_at_each_store_loses_neither_the_work_nor_its_result(void **state)
{
    struct fixture *f = *state;
    for (int cut = 0; cut < 2; cut++) {
        for (int behind = 0; behind < 2; behind++) {
            records_reset();
            restart(f);
            get_ready(f);
            records.fail_at = cut;
            records.fails_done = behind != 0;
            call(f, "update", "1");
            const bool promised = seen.begun == SPOKE_OK;
            bool result = false;
            if (promised && finish(f, seen.id) != SPOKE_E_FULL) {
                poll(f, 0);
                result = reported("{\"result\":\"done\"}");
            }
            records.fail_at = RECORDS_NEVER;
            restart(f);
            if (promised && strcmp(works_of(f), "1:update=1 ") == 0) {
                assert_ok(finish(f, 1));
                get_ready(f);
                poll(f, 0);
                result = reported("{\"result\":\"done\"}");
            }
            assert_int_equal(result, promised);
        }
    }
}

#define works(test) cmocka_unit_test_setup_teardown(test, set_up_work, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        works(begun_work_is_there_after_a_restart_before_anything_is_opened),
        works(the_caller_hears_202),
        works(finished_work_is_reported_in_its_component_and_gone),
        works(work_of_an_earlier_run_can_be_finished),
        works(ids_are_not_given_twice_while_a_work_has_them),
        works(the_last_id_is_followed_by_the_first_free_one),
        works(an_offline_command_keeps_its_text),
        works(one_more_than_commands_is_full),
        works(a_payload_that_cannot_be_kept_is_too_large_and_takes_no_place),
        works(offline_text_has_to_fit_beside_its_record),
        works(without_a_store_it_is_unsupported),
        works(a_store_that_fails_begins_nothing),
        works(a_finish_that_cannot_be_queued_leaves_the_work),
        works(a_removal_that_fails_leaves_the_work_to_be_finished_again),
        works(a_platform_that_only_reads_is_none),
        works(offline_bytes_that_are_no_text_are_refused),
        works(arguments_are_checked),
        works(a_damaged_record_is_left_out_with_a_notice_and_its_place_is_free),
        works(each_truncation_of_a_record_is_left_out),
        works(two_works_of_one_id_are_one),
        works(a_record_that_changes_meanwhile_is_not_believed),
        works(what_the_store_could_not_give_is_not_written_over),
        works(a_work_begun_beside_an_unreadable_one_does_not_take_its_id),
        works(a_work_that_cannot_be_read_for_a_moment_is_still_there),
        works(a_payload_that_no_longer_fits_the_template_is_left_out),
        works(a_power_cut_at_each_store_loses_neither_the_work_nor_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
