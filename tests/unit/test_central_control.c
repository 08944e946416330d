/* The test-control area, in the shapes that tests of firmware rely on. */
#include "support/core_fixture.h"

static int set_up(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void the_area_is_hidden_unless_asked_for(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(false);
    char *token = NULL;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    fixture_ask_as(f, "GET", "/control/events", "", false, token);
    assert_refused(f, 404, "NotFound", "/control/events");
    fixture_ask(f, "GET", "/control/events", ""); /* in the own process it is always there */
    assert_int_equal(f->status, 200);
    free(token);
    fixture_destroy(f);
}

static void the_area_takes_the_data_planes_token_and_no_api_version(void **state)
{
    struct fixture *f = *state;
    char *token = NULL;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    fixture_ask_as(f, "GET", "/control/uploads", "", false, token);
    assert_answer(f, 200, "[]");
    fixture_ask_as(f, "GET", "/control/uploads", "", false, NULL);
    assert_refused(f, 401, "Unauthorized", "Authorization");
    free(token);
}

static void an_unknown_device_is_404_everywhere(void **state)
{
    static const char *const ASKED[][2] = {
        {"GET", ""}, {"GET", "/messages"}, {"DELETE", "/messages"}, {"POST", "/disconnect"}, {"POST", "/c2d"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof ASKED / sizeof ASKED[0]; i++) {
        char target[100];
        snprintf(target, sizeof target, "/control/devices/ghost%s", ASKED[i][1]);
        fixture_ask(f, ASKED[i][0], target, "{}");
        assert_refused(f, 404, "NotFound", "ghost");
    }
}

static void a_device_nobody_heard_of_yet_has_empty_sections(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_answer(f, 200,
                  "{\"connected\":false,\"modelId\":null,\"desired\":{},\"desiredVersion\":1,\"reported\":{},"
                  "\"reportedVersion\":1,\"c2dPending\":0,\"provisioningPayload\":null}");
}

static void the_state_of_a_connected_device_is_shown(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{\"a\":1}", 0);
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"b\":2}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_answer(
        f, 200,
        "{\"connected\":true,\"modelId\":\"dtmi:acme:pump;1\",\"desired\":{\"b\":2},\"desiredVersion\":2,"
        "\"reported\":{\"a\":1},\"reportedVersion\":2,\"c2dPending\":0,\"provisioningPayload\":null}");
}

static void messages_are_shown_in_order_and_forgotten(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, "devices/d1/messages/events/", "{\"t\":1}", 1);
    fixture_publish(f, "devices/d1/messages/events/a=b&%24.ct=text%2Fplain", "two", 0);
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_int_equal(f->status, 200);
    assert_int_equal(cJSON_GetArraySize(f->json), 2);
    assert_string_equal(fixture_text(f, "0.body"), "{\"t\":1}");
    assert_int_equal(fixture_at(f, "0.qos")->valueint, 1);
    assert_true(cJSON_IsObject(fixture_at(f, "0.system")));
    assert_true(cJSON_IsObject(fixture_at(f, "0.properties")));
    assert_string_equal(fixture_text(f, "1.body"), "two");
    assert_int_equal(fixture_at(f, "1.qos")->valueint, 0);
    assert_string_equal(fixture_text(f, "1.properties.a"), "b");
    assert_string_equal(fixture_text(f, "1.system.contentType"), "text/plain");
    fixture_ask(f, "DELETE", "/control/devices/d1/messages", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_answer(f, 200, "[]");
}

static void message_shows_when_it_was_so_and_whether_it_came_before(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, "devices/d1/messages/events/%24.mid=m&iothub-creation-time-utc=2026-03-04T05%3A00%3A00.5Z",
                    "[{\"t\":1},{\"t\":2}]", 1);
    fixture_publish(f, "devices/d1/messages/events/%24.mid=m", "{}", 1);
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_string_equal(fixture_text(f, "0.time"), "2026-03-04T05:00:00.500Z");
    assert_string_equal(fixture_text(f, "0.system.enqueuedTime"), "2026-03-04T05:06:07.089Z");
    assert_int_equal(fixture_at(f, "0.readings")->valueint, 2);
    assert_null(fixture_at(f, "0.duplicate"));
    assert_null(fixture_at(f, "1.time"));
    assert_null(fixture_at(f, "1.readings"));
    assert_true(cJSON_IsTrue(fixture_at(f, "1.duplicate")));
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/t", "");
    assert_answer(f, 200, "{\"timestamp\":\"2026-03-04T05:00:00.500Z\",\"value\":2}");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    struct fixture *f = *state;
    const struct store_message row = {
        .device_id = (char *)"d1", .body = (void *)"a\0\xff\xc3\xa5\xe2\x82", .body_len = 7};
    fixture_device_row(f, "d1");
    assert_ok(store_message_add(core_store(f->bench.core), &row));
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_string_equal(fixture_text(f, "0.body"), "a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa5\xef\xbf\xbd\xef\xbf\xbd");
}

static void a_device_is_dropped_without_ceremony(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/control/devices/d1/disconnect", "");
    assert_answer(f, 200, "{\"dropped\":true}");
    assert_true(core_conn_ended(f->device.conn));
    fixture_ask(f, "POST", "/control/devices/d1/disconnect", "");
    assert_answer(f, 200, "{\"dropped\":false}");
}

static void a_message_to_a_device_waits_for_it(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "d1");
    fixture_ask(f, "POST", "/control/devices/d1/c2d",
                "{\"body\":\"hello\",\"properties\":{\"a\":\"1\",\"none\":null},\"system\":{\"$.mid\":\"m1\"}}");
    assert_answer(f, 202, "{}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "c2dPending")->valueint, 1);
}

static void a_full_queue_and_a_large_body_are_refused(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "d1");
    for (int i = 0; i < 50; i++) {
        fixture_ask(f, "POST", "/control/devices/d1/c2d", "{\"body\":{\"n\":1}}");
        assert_int_equal(f->status, 202);
    }
    fixture_ask(f, "POST", "/control/devices/d1/c2d", "{}");
    assert_refused(f, 403, "QueueFull", "403004");
    fixture_device_row(f, "d2");
    char *large = calloc(1, SPOKE_MAX_C2D_BYTES + 40);
    strcpy(large, "{\"body\":\"");
    memset(large + strlen(large), 'x', SPOKE_MAX_C2D_BYTES + 1);
    strcat(large, "\"}");
    fixture_ask(f, "POST", "/control/devices/d2/c2d", large);
    assert_refused(f, 413, "PayloadTooLarge", "65536");
    free(large);
}

static void a_broken_message_is_refused_by_place(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "d1");
    fixture_ask(f, "POST", "/control/devices/d1/c2d", "{\"properties\":{\"a\":1}}");
    assert_refused(f, 400, "InvalidBody", "\"a\" of properties");
    fixture_ask(f, "POST", "/control/devices/d1/c2d", "{\"system\":[]}");
    assert_refused(f, 400, "InvalidBody", "\"system\" of a message has to be an object");
    fixture_ask(f, "POST", "/control/devices/d1/c2d", "{\"boddy\":1}");
    assert_refused(f, 400, "InvalidBody", "\"boddy\" is not a member");
}

static void events_tell_what_happened(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "GET", "/control/events", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "0.kind"), "hub-connected");
    assert_string_equal(fixture_text(f, "0.deviceId"), "d1");
}

static void faults_are_armed_shown_and_cleared(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/control/faults", "{\"twinThrottle\":{\"count\":2}}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "GET", "/control/faults", "");
    assert_int_equal(fixture_at(f, "twinThrottle.count")->valueint, 2);
    fixture_ask(f, "PUT", "/control/faults", "{\"noSuchFault\":{}}");
    assert_refused(f, 400, "InvalidBody", "noSuchFault");
    fixture_ask(f, "PUT", "/control/faults", "{}");
    assert_answer(f, 200, "{}");
}

#define CONTROL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_area_is_hidden_unless_asked_for),
        CONTROL(the_area_takes_the_data_planes_token_and_no_api_version),
        CONTROL(an_unknown_device_is_404_everywhere),
        CONTROL(a_device_nobody_heard_of_yet_has_empty_sections),
        CONTROL(the_state_of_a_connected_device_is_shown),
        CONTROL(messages_are_shown_in_order_and_forgotten),
        CONTROL(message_shows_when_it_was_so_and_whether_it_came_before),
        CONTROL(bytes_that_are_no_text_are_replaced),
        CONTROL(a_device_is_dropped_without_ceremony),
        CONTROL(a_message_to_a_device_waits_for_it),
        CONTROL(a_full_queue_and_a_large_body_are_refused),
        CONTROL(a_broken_message_is_refused_by_place),
        CONTROL(events_tell_what_happened),
        CONTROL(faults_are_armed_shown_and_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
