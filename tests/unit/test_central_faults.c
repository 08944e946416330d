/* Faults and events of the control area: their shape, what each does, how they use themselves up. */
#include "support/central_stage.h"

#define EVENTS "devices/dev-001/messages/events/"
#define PUT "$dps/registrations/PUT/iotdps-register/?$rid=1"
#define BODY "{\"registrationId\":\"dev-001\"}"

static void assert_armed(const char *json)
{
    cJSON *have = core_faults_get(bench.core);
    char *text = cJSON_PrintUnformatted(have);
    assert_json(spoke_str_of(text), json);
    free(text);
    cJSON_Delete(have);
}

static void assert_refused(const char *json)
{
    char why[200] = "";
    cJSON *tree = cJSON_Parse(json);
    assert_int_equal(core_faults_put(bench.core, tree, why, sizeof why), SPOKE_E_ARG);
    assert_true(strlen(why) > 0);
    cJSON_Delete(tree);
}

static void online(void)
{
    device_online(&dev, &bench, "dev-001", true);
}

static void registering(void)
{
    device_open(&dev, &bench, NULL);
    device_connect_dps(&dev, "dev-001");
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, "$dps/registrations/res/#", 1);
}

static void expect_topic(const char *topic)
{
    assert_str(device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.topic, topic);
}

/* --- shape --- */

static void every_fault_comes_back_as_it_was_armed(void **state)
{
    (void)state;
    static const char *const all =
        "{\"dpsRefuseConnect\":{\"count\":1,\"code\":3},\"dpsThrottle\":{\"count\":2,\"retryAfter\":5},"
        "\"dpsThrottlePoll\":{\"count\":1,\"retryAfter\":0},\"dpsPolls\":4,"
        "\"refuseConnect\":{\"count\":3,\"code\":5,\"deviceId\":\"a\"},\"pubackDelay\":{\"ms\":100},"
        "\"dropPuback\":{\"count\":1,\"deviceId\":\"a\"},\"dropAfterPublishes\":{\"count\":9},"
        "\"twinThrottle\":{\"count\":1},\"twinSilence\":{\"count\":1,\"deviceId\":\"b\"},"
        "\"fragment\":{\"bytes\":1},\"expireToken\":{\"deviceId\":\"z\"},"
        "\"assignHub\":{\"deviceId\":\"a\",\"hub\":\"h\"},\"dpsSilence\":{\"count\":1},"
        "\"swallow\":{\"direction\":\"up\",\"deviceId\":\"a\"},\"connackSilence\":{\"count\":2},"
        "\"connackDelay\":{\"ms\":5},\"closeAfterConnack\":{\"count\":1,\"ms\":7},\"closeOnPublish\":{\"count\":3},"
        "\"duplicatePuback\":{\"count\":1},\"wrongPubackId\":{\"count\":1},\"pingSilence\":{\"count\":1},"
        "\"desiredDuplicate\":{\"count\":1},\"desiredReorder\":{\"count\":1},\"desiredDrop\":{\"count\":1},"
        "\"blockDevice\":{\"deviceId\":\"a\"}}";
    bench_faults(&bench, all);
    assert_armed(all);
    bench_faults(&bench, "{\"dpsPolls\":0}");
    assert_armed("{\"dpsPolls\":0}");
    bench_faults(&bench, "{}");
    assert_armed("{}");
}

static void count_is_one_when_not_given_and_zero_arms_nothing(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"dropPuback\":{},\"twinThrottle\":{\"count\":0}}");
    assert_armed("{\"dropPuback\":{\"count\":1}}");
}

static void mistakes_are_named_and_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"[]",
                                      "{\"nonsense\":{}}",
                                      "{\"refuseConnect\":{\"count\":1}}",
                                      "{\"refuseConnect\":{\"code\":6}}",
                                      "{\"refuseConnect\":{\"code\":5,\"deviceId\":7}}",
                                      "{\"refuseConnect\":{\"code\":5,\"device\":\"a\"}}",
                                      "{\"dropPuback\":{\"count\":-1}}",
                                      "{\"dropPuback\":{\"count\":1.5}}",
                                      "{\"dropPuback\":5}",
                                      "{\"dpsPolls\":{}}",
                                      "{\"dpsPolls\":\"3\"}",
                                      "{\"fragment\":{\"bytes\":0}}",
                                      "{\"expireToken\":{}}",
                                      "{\"assignHub\":{\"deviceId\":\"a\"}}",
                                      "{\"dpsThrottle\":{\"deviceId\":\"a\"}}",
                                      "{\"swallow\":{\"direction\":\"sideways\"}}",
                                      "{\"swallow\":{\"direction\":\"up down\"}}",
                                      "{\"swallow\":{\"direction\":1}}",
                                      "{\"swallow\":{\"count\":1}}",
                                      "{\"connackDelay\":{}}",
                                      "{\"blockDevice\":{}}"};
    bench_faults(&bench, "{\"dpsPolls\":2}");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(bad[i]);
    assert_armed("{\"dpsPolls\":2}");
}

/* --- provisioning --- */

static void dps_refuses_connects_as_often_as_told(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"dpsRefuseConnect\":{\"count\":2,\"code\":3}}");
    for (int i = 0; i < 2; i++) {
        device_open(&dev, &bench, NULL);
        device_connect_dps(&dev, "dev-001");
        assert_int_equal(device_connack(&dev), 3);
        device_close(&dev);
    }
    assert_armed("{}");
    registering();
}

static void dps_throttles_registrations_and_polls(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"dpsThrottle\":{\"count\":1,\"retryAfter\":7},\"dpsThrottlePoll\":{\"count\":1}}");
    registering();
    device_publish(&dev, PUT, BODY, 0);
    spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_true(spoke_str_starts(p.as.publish.topic, SPOKE_STR("$dps/registrations/res/429/?")));
    assert_non_null(memmem(p.as.publish.topic.ptr, p.as.publish.topic.len, "retry-after=7", 13));
    device_publish(&dev, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=x", "", 0);
    expect_topic("$dps/registrations/res/429/?$rid=2"); /* and none was said */
    assert_armed("{}");
}

static void assign_hub_moves_the_device_once(void **state)
{
    (void)state;
    struct store_device row;
    bench_faults(&bench, "{\"dpsPolls\":0,\"assignHub\":{\"deviceId\":\"dev-001\",\"hub\":\"hub-2.local\"}}");
    registering();
    device_publish(&dev, PUT, BODY, 0);
    expect_topic("$dps/registrations/res/200/?$rid=1");
    device_close(&dev);
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    assert_string_equal(row.hub_host, "hub-2.local");
    store_device_free(&row);
    assert_armed("{\"dpsPolls\":0}");
    device_open(&dev, &bench, NULL); /* the old hub knows it no more */
    device_connect_hub(&dev, "dev-001", true);
    assert_int_equal(device_connack(&dev), 5);
    device_close(&dev);
    registering();
    device_publish(&dev, PUT, BODY, 0);
    device_close(&dev);
    online();
}

static void dps_leaves_a_request_unanswered(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"dpsSilence\":{\"count\":1},\"dpsPolls\":0}");
    registering();
    device_publish(&dev, PUT, BODY, 0);
    device_expect_nothing(&dev);
    device_publish(&dev, PUT, BODY, 0);
    expect_topic("$dps/registrations/res/200/?$rid=1");
}

static void device_that_was_moved_connects_to_its_new_hub(void **state)
{
    (void)state;
    char token[1024];
    bench_faults(&bench, "{\"dpsPolls\":0,\"assignHub\":{\"deviceId\":\"dev-001\",\"hub\":\"hub-2.local\"}}");
    registering();
    device_publish(&dev, PUT, BODY, 0);
    const spoke_str body = device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload;
    assert_non_null(memmem(body.ptr, body.len, "\"assignedHub\":\"hub-2.local\"", 27));
    device_close(&dev);
    bench_token("dev-001", NULL, "hub-2.local/devices/dev-001", BENCH_START_S + 3600, token, sizeof token);
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, "dev-001", "hub-2.local/dev-001/?api-version=2021-04-12", token, true, 240);
    assert_int_equal(device_connack(&dev), 0);
}

/* --- hub --- */

static void hub_refuses_the_named_device_only(void **state)
{
    (void)state;
    bench_provision(&bench, "dev-002");
    bench_faults(&bench, "{\"refuseConnect\":{\"count\":1,\"code\":3,\"deviceId\":\"dev-001\"}}");
    device_online(&other, &bench, "dev-002", true);
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    assert_int_equal(device_connack(&dev), 3);
    device_close(&dev);
    online();
}

static void pubacks_are_delayed_in_order(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"pubackDelay\":{\"ms\":500}}");
    device_publish(&dev, EVENTS, "{}", 1);
    bench_advance(&bench, 100);
    bench_faults(&bench, "{}");
    device_publish(&dev, EVENTS, "{}", 2); /* must not overtake */
    device_expect_nothing(&dev);
    assert_int_equal(core_deadline(bench.core), bench.now_ms + 400);
    bench_advance(&bench, 399);
    device_expect_nothing(&dev);
    bench_advance(&bench, 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 2);
}

static bool count_one(void *ctx, const struct store_message *row)
{
    (void)row;
    ++*(int *)ctx;
    return true;
}

static void dropped_puback_leaves_the_message_stored(void **state)
{
    (void)state;
    int stored = 0;
    online();
    bench_faults(&bench, "{\"dropPuback\":{\"count\":1}}");
    device_publish(&dev, EVENTS, "{}", 0); /* QoS 0 does not use it up */
    device_publish(&dev, EVENTS, "{}", 1);
    device_publish(&dev, EVENTS, "{}", 2);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 2);
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 10, count_one, &stored));
    assert_int_equal(stored, 3);
}

static void connection_ends_at_the_nth_publish(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"dropAfterPublishes\":{\"count\":3}}");
    device_publish(&dev, EVENTS, "{}", 1);
    device_publish(&dev, EVENTS, "{}", 2);
    assert_false(core_conn_ended(dev.conn));
    device_publish(&dev, EVENTS, "{}", 3);
    assert_true(core_conn_ended(dev.conn));
    assert_armed("{}");
}

static void twin_throttles_then_keeps_silent_then_works(void **state)
{
    (void)state;
    online();
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    bench_faults(&bench, "{\"twinThrottle\":{\"count\":1}}");
    device_publish(&dev, "$iothub/twin/GET/?$rid=1", "", 0);
    expect_topic("$iothub/twin/res/429/?$rid=1");
    bench_faults(&bench, "{\"twinSilence\":{\"count\":1}}");
    device_publish(&dev, "$iothub/twin/PATCH/properties/reported/?$rid=2", "{\"a\":1}", 0);
    device_expect_nothing(&dev);
    device_publish(&dev, "$iothub/twin/PATCH/properties/reported/?$rid=3", "{\"a\":1}", 0);
    expect_topic("$iothub/twin/res/204/?$rid=3&$version=2");
}

static void fragments_are_as_small_as_told(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"fragment\":{\"bytes\":1,\"deviceId\":\"dev-001\"}}");
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    assert_int_equal(core_conn_output(dev.conn).len, 1);
    assert_int_equal(device_connack(&dev), 0);
}

static void token_expires_now_or_at_the_next_connect(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"expireToken\":{\"deviceId\":\"dev-001\"}}");
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(bench_events(&bench, "hub-token-expired"), 1);
    assert_armed("{}");
    device_close(&dev);
    bench_faults(&bench, "{\"expireToken\":{\"deviceId\":\"dev-001\"}}");
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    assert_int_equal(device_connack(&dev), 5);
    assert_armed("{}");
}

/* --- half-open links --- */

static int stored_messages(void)
{
    int stored = 0;
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 100, count_one, &stored));
    return stored;
}

static void swallowed_bytes_leave_the_connection_standing(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"swallow\":{\"deviceId\":\"dev-001\"}}");
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect_nothing(&dev);
    assert_int_equal(stored_messages(), 0);
    bench_advance(&bench, 361000); /* past 1.5 keep-alives: the service gave up, and the device cannot hear it */
    assert_int_equal(bench_events(&bench, "hub-disconnected"), 1);
    assert_false(core_conn_ended(dev.conn));
}

static void link_that_lost_bytes_stays_dead_when_the_fault_is_gone(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"swallow\":{\"direction\":\"both\"}}");
    device_publish(&dev, EVENTS, "{}", 1);
    bench_faults(&bench, "{}");
    device_publish(&dev, EVENTS, "{}", 2);
    assert_int_equal(stored_messages(), 0);
    device_close(&dev);
    online();
    device_publish(&dev, EVENTS, "{}", 3);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 3);
}

static void swallowing_downwards_stores_what_is_never_acknowledged(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"swallow\":{\"direction\":\"down\"}}");
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect_nothing(&dev);
    assert_int_equal(stored_messages(), 1);
    bench_faults(&bench, "{}");
    device_publish(&dev, EVENTS, "{}", 2);
    device_expect_nothing(&dev); /* bytes are missing in between */
}

static void swallowing_upwards_ends_as_silence_does(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"swallow\":{\"direction\":\"up\"}}");
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect_nothing(&dev);
    bench_advance(&bench, 361000);
    assert_true(core_conn_ended(dev.conn));
}

static void link_on_which_nothing_was_lost_goes_on_after_the_fault(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"swallow\":{}}");
    bench_faults(&bench, "{}");
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
}

static void connect_is_never_answered_as_often_as_told(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"connackSilence\":{\"count\":1}}");
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    bench_advance(&bench, 120000);
    device_expect_nothing(&dev);
    assert_false(core_conn_ended(dev.conn));
    device_close(&dev);
    online();
}

static void connack_and_what_follows_come_late(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"connackDelay\":{\"ms\":2000}}");
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect_nothing(&dev);
    assert_int_equal(core_deadline(bench.core), bench.now_ms + 2000);
    bench_advance(&bench, 1999);
    device_expect_nothing(&dev);
    bench_advance(&bench, 1);
    assert_int_equal(device_connack(&dev), 0);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    assert_true(core_deadline(bench.core) > bench.now_ms);
}

static void connection_closes_some_time_after_its_connack(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"closeAfterConnack\":{\"count\":1,\"ms\":300}}");
    online();
    bench_advance(&bench, 299);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_true(core_conn_ended(dev.conn));
    device_close(&dev);
    online();
    bench_advance(&bench, 300);
    assert_false(core_conn_ended(dev.conn));
}

static void quota_accepts_then_closes_at_each_first_publish(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"closeOnPublish\":{\"count\":2}}");
    for (int i = 0; i < 2; i++) {
        online();
        device_publish(&dev, EVENTS, "{}", 1);
        device_expect_nothing(&dev);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
    }
    assert_int_equal(stored_messages(), 0);
    assert_armed("{}");
    online();
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
}

static void puback_comes_twice_or_with_another_id(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"duplicatePuback\":{\"count\":1}}");
    device_publish(&dev, EVENTS, "{}", 0); /* QoS 0 does not use it up */
    device_publish(&dev, EVENTS, "{}", 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    bench_faults(&bench, "{\"wrongPubackId\":{\"count\":2}}");
    device_publish(&dev, EVENTS, "{}", 2);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 0x8002);
    device_publish(&dev, EVENTS, "{}", 0x8000);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 0x7fff);
    device_publish(&dev, EVENTS, "{}", 3);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 3);
    device_expect_nothing(&dev);
}

static void ping_is_not_answered_as_often_as_told(void **state)
{
    (void)state;
    static const uint8_t ping[2] = {0xc0, 0};
    online();
    bench_faults(&bench, "{\"pingSilence\":{\"count\":1}}");
    device_raw(&dev, ping, sizeof ping);
    device_expect_nothing(&dev);
    device_raw(&dev, ping, sizeof ping);
    device_expect(&dev, SPOKE_MQTT_PINGRESP);
}

/* --- desired changes --- */

static void want(int value)
{
    char why[200], json[40];
    int64_t version;
    (void)snprintf(json, sizeof json, "{\"a\":%d}", value);
    cJSON *patch = cJSON_Parse(json);
    assert_ok(core_desired_patch(bench.core, "dev-001", patch, false, &version, why, sizeof why));
    cJSON_Delete(patch);
    core_commit(bench.core);
}

static void expect_desired(int version, const char *json)
{
    char topic[100];
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    (void)snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", version);
    assert_str(p.as.publish.topic, topic);
    assert_json(p.as.publish.payload, json);
}

static void listening(void)
{
    online();
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    device_subscribe_ok(&dev, "$iothub/twin/PATCH/properties/desired/#", 0);
}

static void desired_change_comes_twice(void **state)
{
    (void)state;
    listening();
    bench_faults(&bench, "{\"desiredDuplicate\":{\"count\":1}}");
    want(1);
    expect_desired(2, "{\"a\":1,\"$version\":2}");
    expect_desired(2, "{\"a\":1,\"$version\":2}");
    want(2);
    expect_desired(3, "{\"a\":2,\"$version\":3}");
    device_expect_nothing(&dev);
}

static void desired_change_comes_behind_the_next_one(void **state)
{
    (void)state;
    listening();
    bench_faults(&bench, "{\"desiredReorder\":{\"count\":1}}");
    want(1);
    device_expect_nothing(&dev);
    want(2);
    expect_desired(3, "{\"a\":2,\"$version\":3}");
    expect_desired(2, "{\"a\":1,\"$version\":2}");
    device_expect_nothing(&dev);
}

static void desired_change_that_was_dropped_is_in_the_twin(void **state)
{
    (void)state;
    listening();
    bench_faults(&bench, "{\"desiredDrop\":{\"count\":1}}");
    want(1);
    device_expect_nothing(&dev);
    device_publish(&dev, "$iothub/twin/GET/?$rid=1", "", 0);
    assert_json(device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload,
                "{\"desired\":{\"a\":1,\"$version\":2},\"reported\":{\"$version\":1}}");
}

static void blocked_device_is_dropped_refused_and_not_assigned(void **state)
{
    (void)state;
    online();
    bench_faults(&bench, "{\"dpsPolls\":0,\"blockDevice\":{\"deviceId\":\"dev-001\"}}");
    assert_true(core_conn_ended(dev.conn));
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    assert_int_equal(device_connack(&dev), 5);
    device_close(&dev);
    registering();
    device_publish(&dev, PUT, BODY, 0);
    const spoke_str body = device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload;
    assert_non_null(memmem(body.ptr, body.len, "400209", 6));
    device_close(&dev);
    bench_faults(&bench, "{}");
    online();
}

/* --- events --- */

static void events_say_what_who_when_and_why(void **state)
{
    (void)state;
    core_event(bench.core, "hub-refused", "d", NULL, "because", 5);
    cJSON *list = core_events_get(bench.core);
    char *last = cJSON_PrintUnformatted(cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1));
    assert_json(spoke_str_of(last), "{\"kind\":\"hub-refused\",\"at\":\"2026-01-01T00:00:01.000Z\","
                                    "\"deviceId\":\"d\",\"why\":\"because\",\"code\":5}");
    free(last);
    cJSON_Delete(list);
}

static void oldest_events_make_room(void **state)
{
    (void)state;
    for (int i = 0; i < 10001; i++)
        core_event(bench.core, i == 0 ? "first" : "later", NULL, "r", NULL, i);
    cJSON *list = core_events_get(bench.core);
    assert_int_equal(cJSON_GetArraySize(list), 10000);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 9999), "code")->valueint, 10000);
    cJSON_Delete(list);
    assert_int_equal(bench_events(&bench, "first"), 0);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(every_fault_comes_back_as_it_was_armed),
        CLAIM(count_is_one_when_not_given_and_zero_arms_nothing),
        CLAIM(mistakes_are_named_and_change_nothing),
        CLAIM(dps_refuses_connects_as_often_as_told),
        CLAIM(dps_throttles_registrations_and_polls),
        CLAIM(assign_hub_moves_the_device_once),
        CLAIM(dps_leaves_a_request_unanswered),
        CLAIM(device_that_was_moved_connects_to_its_new_hub),
        CLAIM(hub_refuses_the_named_device_only),
        CLAIM(pubacks_are_delayed_in_order),
        CLAIM(dropped_puback_leaves_the_message_stored),
        CLAIM(connection_ends_at_the_nth_publish),
        CLAIM(twin_throttles_then_keeps_silent_then_works),
        CLAIM(fragments_are_as_small_as_told),
        CLAIM(token_expires_now_or_at_the_next_connect),
        CLAIM(swallowed_bytes_leave_the_connection_standing),
        CLAIM(link_that_lost_bytes_stays_dead_when_the_fault_is_gone),
        CLAIM(swallowing_downwards_stores_what_is_never_acknowledged),
        CLAIM(swallowing_upwards_ends_as_silence_does),
        CLAIM(link_on_which_nothing_was_lost_goes_on_after_the_fault),
        CLAIM(connect_is_never_answered_as_often_as_told),
        CLAIM(connack_and_what_follows_come_late),
        CLAIM(connection_closes_some_time_after_its_connack),
        CLAIM(quota_accepts_then_closes_at_each_first_publish),
        CLAIM(puback_comes_twice_or_with_another_id),
        CLAIM(ping_is_not_answered_as_often_as_told),
        CLAIM(desired_change_comes_twice),
        CLAIM(desired_change_comes_behind_the_next_one),
        CLAIM(desired_change_that_was_dropped_is_in_the_twin),
        CLAIM(blocked_device_is_dropped_refused_and_not_assigned),
        CLAIM(events_say_what_who_when_and_why),
        CLAIM(oldest_events_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
