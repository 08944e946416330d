/* Direct methods: online or not at all, once, one answer in time. */
#include "support/central_stage.h"

struct result {
    int calls, status;
    int32_t code;
    char payload[64];
};

static void hear(void *user, int status, int32_t hub_code, spoke_str payload)
{
    struct result *r = user;
    r->calls++;
    r->status = status;
    r->code = hub_code;
    (void)snprintf(r->payload, sizeof r->payload, "%.*s", (int)payload.len, payload.len > 0 ? payload.ptr : "");
}

static uint64_t call(struct result *r, const char *name, const char *payload, uint32_t connect_limit_ms)
{
    memset(r, 0, sizeof *r);
    return core_method_call(bench.core, "dev-001", name, spoke_str_of(payload), connect_limit_ms, 30000, hear, r);
}

static void listen(void)
{
    device_subscribe_ok(&dev, "$iothub/methods/POST/#", 0);
}

static void answer(const char *status, const char *rid, const char *payload)
{
    char topic[128];
    (void)snprintf(topic, sizeof topic, "$iothub/methods/res/%s/?$rid=%s", status, rid);
    device_publish(&dev, topic, payload, 0);
}

static void request_goes_out_once_and_its_answer_comes_back(void **state)
{
    (void)state;
    struct result r;
    listen();
    assert_true(call(&r, "thermostat1*reboot", "{\"delay\":5}", 0) != 0);
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_int_equal(p.as.publish.qos, 0);
    assert_str(p.as.publish.topic, "$iothub/methods/POST/thermostat1*reboot/?$rid=1");
    assert_str(p.as.publish.payload, "{\"delay\":5}");
    assert_int_equal(r.calls, 0);
    answer("201", "1", "{\"ok\":true}");
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.status, 201);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.payload, "{\"ok\":true}");
    device_expect_nothing(&dev);
}

static void empty_request_and_empty_answer_are_legal(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload.len, 0);
    answer("200", "1", NULL);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.payload, "");
}

static void device_that_is_away_or_deaf_is_404103_at_once(void **state)
{
    (void)state;
    struct result r;
    assert_int_equal(call(&r, "reboot", NULL, 0), 0); /* connected, not subscribed */
    assert_int_equal(r.code, 404103);
    device_close(&dev);
    assert_int_equal(call(&r, "reboot", NULL, 0), 0);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.code, 404103);
    device_online(&dev, &bench, "dev-001", true);
    listen();
    device_expect_nothing(&dev); /* never queued */
}

static void no_answer_in_time_is_504101_and_a_late_one_is_dropped(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    bench_advance(&bench, 29999);
    assert_int_equal(r.calls, 0);
    bench_advance(&bench, 1);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.code, 504101);
    answer("200", "1", "{}");
    assert_int_equal(r.calls, 1);
    assert_false(core_conn_ended(dev.conn));
}

static void device_that_left_meanwhile_may_come_back_and_answer(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    device_close(&dev);
    assert_int_equal(r.calls, 0); /* the caller waits on */
    device_online(&dev, &bench, "dev-001", true);
    listen();
    device_expect_nothing(&dev); /* and the call is not made twice */
    answer("200", "1", "{}");
    assert_int_equal(r.status, 200);
}

static void first_answer_wins(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    answer("200", "1", "1");
    answer("500", "1", "2");
    assert_int_equal(r.calls, 1);
    assert_string_equal(r.payload, "1");
}

static void answer_that_is_no_json_is_the_callers_error(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    answer("200", "1", "{oops");
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.code, 502000);
}

static void answer_of_another_device_does_not_count(void **state)
{
    (void)state;
    struct result r;
    listen();
    call(&r, "reboot", NULL, 0);
    bench_provision(&bench, "dev-002");
    device_online(&other, &bench, "dev-002", true);
    device_publish(&other, "$iothub/methods/res/200/?$rid=1", "{}", 0);
    assert_int_equal(r.calls, 0);
}

static void connect_limit_waits_for_the_subscription(void **state)
{
    (void)state;
    struct result r;
    device_close(&dev);
    assert_true(call(&r, "reboot", "1", 5000) != 0);
    bench_advance(&bench, 4000);
    device_online(&dev, &bench, "dev-001", true);
    device_expect_nothing(&dev);
    listen();
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    bench_advance(&bench, 29000); /* the answer has its own limit */
    answer("200", "1", "");
    assert_int_equal(r.status, 200);
}

static void connect_limit_ends_with_404103(void **state)
{
    (void)state;
    struct result r;
    device_close(&dev);
    call(&r, "reboot", "1", 5000);
    bench_advance(&bench, 4999);
    assert_int_equal(r.calls, 0);
    assert_int_equal(core_deadline(bench.core), bench.now_ms + 1);
    bench_advance(&bench, 1);
    assert_int_equal(r.code, 404103);
}

static void eleventh_call_in_flight_is_403800(void **state)
{
    (void)state;
    struct result r[11];
    listen();
    for (int i = 0; i < 10; i++)
        assert_true(call(&r[i], "reboot", NULL, 0) != 0);
    assert_int_equal(call(&r[10], "reboot", NULL, 0), 0);
    assert_int_equal(r[10].code, 403800);
}

static void cancelled_call_is_never_answered(void **state)
{
    (void)state;
    struct result r;
    listen();
    core_method_cancel(bench.core, call(&r, "reboot", NULL, 0));
    answer("200", "1", "{}");
    bench_advance(&bench, 60000);
    assert_int_equal(r.calls, 0);
}

static void names_that_cannot_stand_in_a_topic_are_400004(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a+b", "a#", "a/b", "a?b", "\xff"};
    struct result r;
    listen();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(call(&r, bad[i], NULL, 0), 0);
        assert_int_equal(r.code, 400004);
    }
}

static void payload_beyond_128_kb_is_413001_and_an_answer_beyond_closes(void **state)
{
    (void)state;
    static char big[SPOKE_MAX_COMMAND_BYTES + 1];
    struct result r = {0};
    memset(big, '1', sizeof big);
    listen();
    assert_int_equal(
        core_method_call(bench.core, "dev-001", "m", spoke_str_from(big, sizeof big), 0, 1000, hear, &r), 0);
    assert_int_equal(r.code, 413001);
    assert_true(
        core_method_call(bench.core, "dev-001", "m", spoke_str_from(big, sizeof big - 1), 0, 1000, hear, &r) != 0);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    device_publish_bytes(&dev, "$iothub/methods/res/200/?$rid=1", spoke_str_from(big, sizeof big), 0);
    assert_true(core_conn_ended(dev.conn));
}

static void broken_answer_topics_close(void **state)
{
    (void)state;
    static const char *const bad[] = {"$iothub/methods/res/", "$iothub/methods/res/x/?$rid=1",
                                      "$iothub/methods/res/200/", "$iothub/methods/res/99999999999/?$rid=1",
                                      "$iothub/methods/res/200/?$rid="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        device_publish(&dev, bad[i], "{}", 0);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
        device_online(&dev, &bench, "dev-001", true);
    }
}

static void answer_nobody_asked_for_is_ignored(void **state)
{
    (void)state;
    answer("200", "zzz", "{}");
    answer("200", "ffffffffffffffff", "{}");
    answer("200", "11111111111111111", "{}");
    assert_false(core_conn_ended(dev.conn));
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set_online, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(request_goes_out_once_and_its_answer_comes_back),
        CLAIM(empty_request_and_empty_answer_are_legal),
        CLAIM(device_that_is_away_or_deaf_is_404103_at_once),
        CLAIM(no_answer_in_time_is_504101_and_a_late_one_is_dropped),
        CLAIM(device_that_left_meanwhile_may_come_back_and_answer),
        CLAIM(first_answer_wins),
        CLAIM(answer_that_is_no_json_is_the_callers_error),
        CLAIM(answer_of_another_device_does_not_count),
        CLAIM(connect_limit_waits_for_the_subscription),
        CLAIM(connect_limit_ends_with_404103),
        CLAIM(eleventh_call_in_flight_is_403800),
        CLAIM(cancelled_call_is_never_answered),
        CLAIM(names_that_cannot_stand_in_a_topic_are_400004),
        CLAIM(payload_beyond_128_kb_is_413001_and_an_answer_beyond_closes),
        CLAIM(broken_answer_topics_close),
        CLAIM(answer_nobody_asked_for_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
