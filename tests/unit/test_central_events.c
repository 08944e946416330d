/* What happens to devices is told at /api/events. */
#include "support/core_fixture.h"

static int setup(void **state)
{
    struct fixture *f = fixture_create(false);
    fixture_device_row(f, "pump-1");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static size_t count(const struct fixture *f)
{
    return (size_t)cJSON_GetArraySize(fixture_at(f, "value"));
}

/* The types of the answer's events, "a b ". */
static const char *types(const struct fixture *f)
{
    static char text[600];
    const cJSON *item = NULL;
    text[0] = '\0';
    cJSON_ArrayForEach(item, fixture_at(f, "value"))
    {
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(item, "type"));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", type);
    }
    return text;
}

static void get(struct fixture *f, const char *query)
{
    char target[300];
    snprintf(target, sizeof target, "/api/events?%s", query);
    (void)core_commit(f->bench.core);
    fixture_ask(f, "GET", target, NULL);
    assert_int_equal(f->status, 200);
}

static void telemetry_is_an_event_with_its_body_component_and_times(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump-1");
    device_publish(&f->device,
                   "devices/pump-1/messages/events/%24.sub=motor&%24.ctime=2026-03-04T05%3A06%3A00Z&batch=b7",
                   "{\"rpm\":1480}", 0);
    get(f, "kind=telemetry");
    assert_int_equal(count(f), 1);
    assert_string_equal(fixture_text(f, "value.0.source"), "telemetry");
    assert_string_equal(fixture_text(f, "value.0.deviceId"), "pump-1");
    assert_string_equal(fixture_text(f, "value.0.component"), "motor");
    assert_string_equal(fixture_text(f, "value.0.creationTime"), "2026-03-04T05:06:00.000Z");
    assert_string_equal(fixture_text(f, "value.0.enqueuedTime"), "2026-03-04T05:06:07.089Z");
    assert_string_equal(fixture_text(f, "value.0.messageProperties.batch"), "b7");
    assert_int_equal(fixture_at(f, "value.0.body.rpm")->valueint, 1480);
}

static void telemetry_that_is_not_json_is_shown_as_text(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump-1");
    device_publish(&f->device, "devices/pump-1/messages/events/", "not \"json", 0);
    get(f, "kind=telemetry");
    assert_string_equal(fixture_text(f, "value.0.text"), "not \"json");
    assert_null(fixture_at(f, "value.0.body"));
}

static void connection_is_told_with_its_end_and_the_reason(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump-1");
    assert_true(core_device_disconnect(f->bench.core, "pump-1", "a test"));
    get(f, "kind=deviceConnectivity&order=asc");
    assert_string_equal(types(f), "connected disconnected ");
    assert_string_equal(fixture_text(f, "value.1.body.reason"), "a test");
}

static void life_of_a_device_is_told_in_order(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/new", "{\"displayName\":\"one\"}");
    fixture_ask(f, "PATCH", "/api/devices/new", "{\"displayName\":\"two\"}");
    fixture_ask(f, "PATCH", "/api/devices/new", "{\"enabled\":false}");
    fixture_ask(f, "PATCH", "/api/devices/new", "{\"enabled\":true}");
    fixture_ask(f, "PATCH", "/api/devices/new", "{\"template\":\"dtmi:x:y;1\"}");
    get(f, "deviceId=new&order=asc");
    assert_string_equal(types(f), "registered displayNameChanged disabled enabled deviceTemplateChanged ");
    assert_string_equal(fixture_text(f, "value.4.templateId"), "dtmi:x:y;1");
}

static void device_that_is_deleted_leaves_that_it_was(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump-1");
    fixture_ask(f, "DELETE", "/api/devices/pump-1", NULL);
    assert_int_equal(f->status, 204);
    get(f, "deviceId=pump-1");
    assert_string_equal(types(f), "deleted ");
}

static void change_without_effect_is_no_event(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/pump-1", "{\"enabled\":true}");
    get(f, "");
    assert_int_equal(count(f), 0);
}

static void property_changes_are_told_with_their_version(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump-1");
    device_publish(&f->device, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{\"serial\":\"S1\"}", 0);
    fixture_ask(f, "PATCH", "/api/devices/pump-1/properties", "{\"setpoint\":42.5}");
    get(f, "kind=properties&order=asc");
    assert_string_equal(types(f), "devicePropertyReportedChange devicePropertyDesiredChange ");
    assert_string_equal(fixture_text(f, "value.0.body.properties.serial"), "S1");
    assert_int_equal(fixture_at(f, "value.0.body.version")->valueint, 2);
}

static void command_is_told_when_it_runs_and_when_it_ends(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "POST", "/api/devices/pump-1/commands/reboot", "{\"request\":{\"delay\":3}}");
    assert_int_equal(f->status, 404); /* not connected */
    get(f, "kind=commands&order=asc");
    assert_string_equal(types(f), "commandRun commandAnswered ");
    assert_string_equal(fixture_text(f, "value.0.body.name"), "reboot");
    assert_int_equal(fixture_at(f, "value.0.body.request.delay")->valueint, 3);
    assert_int_equal(fixture_at(f, "value.1.body.errorCode")->valueint, 404103);
    assert_string_equal(fixture_text(f, "value.0.body.id"), fixture_text(f, "value.1.body.id"));
}

static void template_changes_are_told_without_a_device(void **state)
{
    struct fixture *f = *state;
    static const char TEMPLATE[] = "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:M;1\","
                                   "\"@type\":\"Interface\",\"contents\":[]}";
    fixture_ask(f, "PUT", "/api/deviceTemplates/dtmi:x:t;1", TEMPLATE);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/deviceTemplates/dtmi:x:t;1", TEMPLATE);
    fixture_ask(f, "DELETE", "/api/deviceTemplates/dtmi:x:t;1", NULL);
    get(f, "kind=deviceTemplateLifecycle&order=asc");
    assert_string_equal(types(f), "created updated deleted ");
    assert_string_equal(fixture_text(f, "value.0.templateId"), "dtmi:x:t;1");
    assert_null(fixture_at(f, "value.0.deviceId"));
}

static void request_that_fails_leaves_no_event(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/pump-1/properties", "{\"$bad\":1}");
    assert_true(f->status >= 400);
    get(f, "");
    assert_int_equal(count(f), 0);
}

static void make_events(struct fixture *f, int count_)
{
    for (int i = 0; i < count_; i++)
        assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, "pump-1", NULL, NULL, NULL));
    assert_ok(core_commit(f->bench.core));
}

static void pages_follow_each_other_in_both_orders(void **state)
{
    static const char *const ORDERS[] = {"asc", "desc"};
    struct fixture *f = *state;
    make_events(f, 5);
    for (int i = 0; i < 2; i++) {
        char target[400];
        snprintf(target, sizeof target, "/api/events?$top=2&order=%s", ORDERS[i]);
        for (int page = 0, next = i == 0 ? 1 : 5; page < 3; page++) {
            fixture_ask(f, "GET", target, NULL);
            const cJSON *item = NULL;
            cJSON_ArrayForEach(item, fixture_at(f, "value"))
            {
                assert_int_equal(cJSON_GetObjectItem(item, "position")->valueint, next);
                next += i == 0 ? 1 : -1;
            }
            assert_int_equal(count(f), page < 2 ? 2 : 1);
            if (page < 2)
                snprintf(target, sizeof target, "%s", fixture_text(f, "nextLink") + strlen("https://localhost:1"));
        }
        assert_null(fixture_at(f, "nextLink"));
    }
}

static void events_between_positions_and_times_are_found(void **state)
{
    struct fixture *f = *state;
    make_events(f, 2);
    f->bench.now_ms += 60000;
    make_events(f, 2);
    get(f, "after=1&before=4");
    assert_int_equal(count(f), 2);
    get(f, "after=0");
    assert_int_equal(count(f), 4);
    get(f, "before=0");
    assert_int_equal(count(f), 0);
    get(f, "from=2026-03-04T05:07:00Z");
    assert_int_equal(count(f), 2);
    get(f, "to=2026-03-04T05:07:00Z");
    assert_int_equal(count(f), 2);
    get(f, "from=2026-03-04T05:09:00Z");
    assert_int_equal(count(f), 0);
}

static void what_is_not_committed_is_not_shown(void **state)
{
    struct fixture *f = *state;
    assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, "pump-1", NULL, NULL, NULL));
    fixture_ask(f, "GET", "/api/events", NULL);
    assert_int_equal(count(f), 0);
    get(f, "");
    assert_int_equal(count(f), 1);
}

/* The events' devices, "a b ". */
static const char *devices(const struct fixture *f)
{
    static char text[600];
    const cJSON *item = NULL;
    text[0] = '\0';
    cJSON_ArrayForEach(item, fixture_at(f, "value"))
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(item, "deviceId"));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", id != NULL ? id : "-");
    }
    return text;
}

#define PUMP "dtmi:a:pump;1"

/* Three pumps, of which 1 and 2 run, in a group of those that run; the third is of no template. An event of each. */
static void make_group(struct fixture *f)
{
    char path[60];
    fixture_ask(f, "PUT", "/api/deviceTemplates/" PUMP,
                "{\"@id\":\"" PUMP "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
                "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"displayName\":\"Pump\","
                "\"capabilityModel\":{\"@id\":\"dtmi:a:m;1\",\"@type\":\"Interface\",\"contents\":["
                "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}]}}");
    assert_int_equal(f->status, 200);
    for (int i = 1; i <= 3; i++) {
        snprintf(path, sizeof path, "/api/devices/pump-%d", i);
        fixture_ask(f, "PUT", path, i < 3 ? "{\"template\":\"" PUMP "\"}" : "{}");
        assert_int_equal(f->status, 200);
    }
    fixture_ask(f, "PUT", "/api/deviceGroups/running",
                "{\"displayName\":\"Running\",\"filter\":\"SELECT * FROM devices WHERE $template = \\\"" PUMP
                "\\\" AND $enabled = true\"}");
    assert_int_equal(f->status, 200);
    for (int i = 1; i <= 3; i++) {
        snprintf(path, sizeof path, "pump-%d", i);
        assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, path, NULL, NULL, NULL));
    }
}

static void several_devices_are_asked_for_at_once(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    get(f, "kind=connected&deviceId=pump-3,pump-1,nobody");
    assert_string_equal(devices(f), "pump-3 pump-1 ");
}

static void events_of_a_group_are_those_of_its_devices(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    get(f, "kind=connected&group=running");
    assert_string_equal(devices(f), "pump-2 pump-1 ");
    get(f, "kind=connected&group=running&deviceId=pump-1,pump-3");
    assert_string_equal(devices(f), "pump-1 ");
    fixture_ask(f, "PATCH", "/api/devices/pump-1", "{\"enabled\":false}");
    get(f, "kind=connected&group=running");
    assert_string_equal(devices(f), "pump-2 ");
}

static void what_is_of_no_device_is_of_no_group(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    get(f, "kind=created&group=running");
    assert_int_equal(count(f), 0);
    get(f, "kind=created&deviceId=pump-1,pump-2");
    assert_int_equal(count(f), 0);
    get(f, "kind=created");
    assert_int_equal(count(f), 1);
}

static void group_whose_template_is_gone_has_no_events(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    fixture_ask(f, "PUT", "/api/deviceGroups/gone",
                "{\"displayName\":\"Gone\",\"filter\":\"SELECT * FROM " PUMP "\"}");
    assert_int_equal(f->status, 200);
    for (int i = 1; i < 3; i++)
        fixture_ask(f, "PUT", i == 1 ? "/api/devices/pump-1" : "/api/devices/pump-2", "{\"template\":null}");
    fixture_ask(f, "DELETE", "/api/deviceTemplates/" PUMP, NULL);
    assert_int_equal(f->status, 204);
    get(f, "group=gone");
    assert_int_equal(count(f), 0);
}

/* A page looks up so many devices; the list goes on behind them. */
static void many_devices_of_others_give_short_pages(void **state)
{
    struct fixture *f = *state;
    char id[20];
    make_group(f);
    for (int i = 0; i < 1200; i++) {
        snprintf(id, sizeof id, "other-%d", i);
        fixture_device_row(f, id);
        assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, id, NULL, NULL, NULL));
    }
    get(f, "kind=connected&group=running");
    assert_int_equal(count(f), 0);
    for (int pages = 1; pages < 4 && count(f) == 0; pages++) {
        const char *next = fixture_text(f, "nextLink");
        fixture_ask(f, "GET", strstr(next, "/api/"), NULL);
        assert_int_equal(f->status, 200);
    }
    assert_string_equal(devices(f), "pump-2 pump-1 ");
}

static void group_that_is_not_there_is_answered_404(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/events?group=nobody", NULL);
    assert_refused(f, 404, "NotFound", "nobody");
}

static void groups_events_are_for_those_who_may_read_groups(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    fixture_ask(f, "PUT", "/api/roles/watcher", "{\"displayName\":\"Watcher\",\"rights\":[\"device.read\"]}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/apiTokens/w", "{\"roles\":[{\"role\":\"watcher\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "GET", "/api/events?api-version=2022-07-31&group=running", NULL, false, token);
    assert_refused(f, 403, "Forbidden", "device groups");
    free(token);
}

static void other_organizations_groups_and_devices_are_not_there(void **state)
{
    struct fixture *f = *state;
    make_group(f);
    fixture_ask(f, "PUT", "/api/organizations/north", "{\"displayName\":\"North\"}");
    fixture_ask(f, "PATCH", "/api/devices/pump-1", "{\"organizations\":[\"north\"]}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/apiTokens/n",
                "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"north\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "GET", "/api/events?api-version=2022-07-31&group=running", NULL, false, token);
    assert_int_equal(f->status, 404);
    fixture_ask_as(f, "GET", "/api/events?api-version=2022-07-31&kind=connected&deviceId=pump-1,pump-2", NULL,
                   false, token);
    assert_int_equal(f->status, 200);
    assert_string_equal(devices(f), "pump-1 ");
    free(token);
}

static void hundred_devices_are_asked_for_at_most(void **state)
{
    struct fixture *f = *state;
    char target[600] = "/api/events?deviceId=x";
    for (int i = 1; i < 100; i++)
        strcat(target, ",x");
    fixture_ask(f, "GET", target, NULL);
    assert_int_equal(f->status, 200);
    strcat(target, ",x");
    fixture_ask(f, "GET", target, NULL);
    assert_refused(f, 400, "InvalidQuery", "name a group");
}

static void bad_question_is_answered_400(void **state)
{
    static const char *const BAD[] = {"after=x",   "after=-1",       "before=1e3",     "after=9999999999999999999",
                                      "kind=nice", "kind=",          "from=yesterday", "order=up",
                                      "$top=1001", "after=1&after=2"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char target[200];
        snprintf(target, sizeof target, "/api/events?%s", BAD[i]);
        fixture_ask(f, "GET", target, NULL);
        assert_refused(f, 400, "InvalidQuery", "");
    }
}

static void stranger_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_ask_as(f, "GET", "/api/events?api-version=2022-07-31", NULL, false, NULL);
    assert_int_equal(f->status, 401);
}

/* --- who is woken --- */

static void note_wake(void *ctx)
{
    ++*(int *)ctx;
}

static void listener_hears_of_commits_that_brought_events(void **state)
{
    struct fixture *f = *state;
    int wakes = 0;
    struct core_listener listener = {.wake = note_wake, .ctx = &wakes};
    core_listen(f->bench.core, &listener);
    assert_ok(core_commit(f->bench.core));
    assert_int_equal(wakes, 0);
    assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, "pump-1", NULL, NULL, NULL));
    assert_int_equal(wakes, 0);
    assert_ok(core_commit(f->bench.core));
    assert_int_equal(wakes, 1);
    core_unlisten(&listener);
    make_events(f, 1);
    assert_int_equal(wakes, 1);
}

static void task_runs_once_when_it_is_due(void **state)
{
    struct fixture *f = *state;
    int runs = 0;
    struct core_task task = {.run = note_wake, .ctx = &runs};
    assert_ok(core_task_set(f->bench.core, &task, f->bench.now_ms + 100));
    assert_int_equal(core_deadline(f->bench.core), f->bench.now_ms + 100);
    core_tick(f->bench.core);
    assert_int_equal(runs, 0);
    f->bench.now_ms += 100;
    core_tick(f->bench.core);
    core_tick(f->bench.core);
    assert_int_equal(runs, 1);
    core_task_remove(f->bench.core, &task);
}

#define EVENTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENTS(telemetry_is_an_event_with_its_body_component_and_times),
        EVENTS(telemetry_that_is_not_json_is_shown_as_text),
        EVENTS(connection_is_told_with_its_end_and_the_reason),
        EVENTS(life_of_a_device_is_told_in_order),
        EVENTS(device_that_is_deleted_leaves_that_it_was),
        EVENTS(change_without_effect_is_no_event),
        EVENTS(property_changes_are_told_with_their_version),
        EVENTS(command_is_told_when_it_runs_and_when_it_ends),
        EVENTS(template_changes_are_told_without_a_device),
        EVENTS(request_that_fails_leaves_no_event),
        EVENTS(pages_follow_each_other_in_both_orders),
        EVENTS(events_between_positions_and_times_are_found),
        EVENTS(what_is_not_committed_is_not_shown),
        EVENTS(several_devices_are_asked_for_at_once),
        EVENTS(events_of_a_group_are_those_of_its_devices),
        EVENTS(what_is_of_no_device_is_of_no_group),
        EVENTS(group_whose_template_is_gone_has_no_events),
        EVENTS(many_devices_of_others_give_short_pages),
        EVENTS(group_that_is_not_there_is_answered_404),
        EVENTS(groups_events_are_for_those_who_may_read_groups),
        EVENTS(other_organizations_groups_and_devices_are_not_there),
        EVENTS(hundred_devices_are_asked_for_at_most),
        EVENTS(bad_question_is_answered_400),
        EVENTS(stranger_is_refused),
        EVENTS(listener_hears_of_commits_that_brought_events),
        EVENTS(task_runs_once_when_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
