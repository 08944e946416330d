/* Cloud-to-device messages: queue, lock, order, time to live, sessions. */
#include "support/central_stage.h"

#define C2D "devices/dev-001/messages/devicebound/#"

static int setup(void **state)
{
    (void)stage_set(state);
    device_online(&dev, &bench, "dev-001", false);
    return 0;
}

static void post(const char *body)
{
    assert_ok(core_c2d_send(bench.core, "dev-001", spoke_str_of(body), NULL, NULL, 0, 0));
    core_commit(bench.core);
}

static spoke_mqtt_packet expect_body(const char *body)
{
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(p.as.publish.payload, body);
    return p;
}

static size_t waiting(void)
{
    size_t count;
    assert_ok(store_c2d_count(core_store(bench.core), "dev-001", &count));
    return count;
}

static void reconnect(bool clean)
{
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", clean);
    assert_int_equal(device_connack(&dev), 0);
}

static void ping(void)
{
    device_raw(&dev, "\xc0\x00", 2);
    device_expect(&dev, SPOKE_MQTT_PINGRESP);
}

static void bag_tells_null_from_empty_and_has_to_and_mid(void **state)
{
    (void)state;
    const spoke_str names[] = {SPOKE_STR("$.mid"), SPOKE_STR("null"), SPOKE_STR("empty"), SPOKE_STR("a b")};
    const spoke_str values[] = {SPOKE_STR("m1"), {NULL, 0}, SPOKE_STR(""), SPOKE_STR("c&d")};
    device_subscribe_ok(&dev, C2D, 1);
    assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("@"), names, values, 4, 0));
    core_commit(bench.core);
    const spoke_mqtt_packet p = expect_body("@");
    assert_int_equal(p.as.publish.qos, 1);
    assert_false(p.as.publish.dup);
    assert_str(p.as.publish.topic,
               "devices/dev-001/messages/devicebound/%24.to=%2Fdevices%2Fdev-001%2Fmessages%2FdeviceBound&"
               "%24.mid=m1&null&empty=&a%20b=c%26d");
}

static void message_waits_for_the_subscription_and_goes_with_its_puback(void **state)
{
    (void)state;
    post("1");
    device_expect_nothing(&dev);
    device_subscribe_ok(&dev, C2D, 1);
    const spoke_mqtt_packet p = expect_body("1");
    assert_int_equal(waiting(), 1);
    device_puback(&dev, p.packet_id);
    assert_int_equal(waiting(), 0);
}

static void qos_0_subscription_completes_when_sent(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 0);
    post("1");
    const spoke_mqtt_packet p = expect_body("1");
    assert_int_equal(p.as.publish.qos, 0);
    assert_int_equal(waiting(), 0);
}

static void greater_qos_counts_when_both_spellings_are_subscribed(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, "devices/+/messages/devicebound/#", 0);
    device_subscribe_ok(&dev, C2D, 1);
    post("1");
    const spoke_mqtt_packet p = expect_body("1");
    assert_int_equal(p.as.publish.qos, 1);
    device_expect_nothing(&dev);
    assert_int_equal(waiting(), 1);
}

static void kept_session_gets_its_messages_right_after_connack(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    device_close(&dev);
    post("1");
    post("2");
    reconnect(false);
    expect_body("1");
    expect_body("2");
}

static void clean_session_empties_the_queue(void **state)
{
    (void)state;
    post("1");
    reconnect(true);
    assert_int_equal(waiting(), 0);
    device_subscribe_ok(&dev, C2D, 1);
    device_expect_nothing(&dev);
}

static void pubacks_out_of_order_close(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    post("1");
    post("2");
    expect_body("1");
    device_puback(&dev, expect_body("2").packet_id);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(bench_events(&bench, "hub-protocol-error"), 1);
    assert_int_equal(waiting(), 2);
}

static void puback_for_nothing_is_ignored(void **state)
{
    (void)state;
    device_puback(&dev, 999);
    assert_false(core_conn_ended(dev.conn));
}

static void lock_ends_after_60_seconds_and_the_message_comes_again(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    post("1");
    const uint16_t id = expect_body("1").packet_id;
    bench_advance(&bench, 59999);
    device_expect_nothing(&dev);
    bench_advance(&bench, 1);
    const spoke_mqtt_packet again = expect_body("1");
    assert_true(again.as.publish.dup);
    assert_int_equal(again.packet_id, id);
    device_puback(&dev, id);
    assert_int_equal(waiting(), 0);
    bench_advance(&bench, 60000);
    device_expect_nothing(&dev);
}

static void late_puback_of_a_message_that_came_again_counts(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    post("1");
    const uint16_t first = expect_body("1").packet_id;
    bench_advance(&bench, 30000);
    post("2");
    const uint16_t second = expect_body("2").packet_id;
    bench_advance(&bench, 30000);
    expect_body("1"); /* now behind 2 in line */
    device_puback(&dev, first);
    device_puback(&dev, second);
    assert_false(core_conn_ended(dev.conn));
    assert_int_equal(waiting(), 0);
}

static void unacknowledged_message_comes_again_after_a_reconnect_under_its_id(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    post("1");
    const uint16_t id = expect_body("1").packet_id;
    reconnect(false);
    const spoke_mqtt_packet again = expect_body("1");
    assert_int_equal(again.packet_id, id);
    assert_true(again.as.publish.dup);
}

static void window_of_ten_moves_with_the_pubacks(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    for (int i = 0; i < 12; i++)
        post("x");
    uint16_t ids[10];
    for (int i = 0; i < 10; i++)
        ids[i] = device_expect(&dev, SPOKE_MQTT_PUBLISH).packet_id;
    device_expect_nothing(&dev);
    device_puback(&dev, ids[0]);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    device_expect_nothing(&dev);
}

static void fifty_first_message_finds_the_queue_full(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        post("x");
    assert_int_equal(core_c2d_send(bench.core, "dev-001", SPOKE_STR("x"), NULL, NULL, 0, 0), SPOKE_E_FULL);
}

static void message_past_its_time_is_gone_and_makes_room(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("old"), NULL, NULL, 0, 5000));
    bench_advance(&bench, 5000);
    post("new");
    assert_int_equal(waiting(), 1);
    device_subscribe_ok(&dev, C2D, 1);
    expect_body("new");
    device_expect_nothing(&dev);
}

static void one_hour_is_the_time_to_live_when_none_is_said(void **state)
{
    (void)state;
    post("1");
    for (int i = 0; i < 35; i++) {
        bench_advance(&bench, 100000);
        ping();
    }
    bench_advance(&bench, 90000);
    device_close(&dev);
    bench_advance(&bench, 10000);
    post("2");
    assert_int_equal(waiting(), 1);
}

static void message_past_its_time_is_not_sent_again(void **state)
{
    (void)state;
    device_subscribe_ok(&dev, C2D, 1);
    assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("1"), NULL, NULL, 0, 60000));
    core_commit(bench.core);
    expect_body("1");
    bench_advance(&bench, 60000);
    device_expect_nothing(&dev);
    assert_int_equal(waiting(), 0);
    assert_true(core_deadline(bench.core) > bench.now_ms);
}

static void bodies_end_at_64_kb(void **state)
{
    (void)state;
    static char body[SPOKE_MAX_C2D_BYTES + 1];
    device_subscribe_ok(&dev, C2D, 1);
    assert_int_equal(core_c2d_send(bench.core, "dev-001", spoke_str_from(body, sizeof body), NULL, NULL, 0, 0),
                     SPOKE_E_TOO_LARGE);
    assert_ok(core_c2d_send(bench.core, "dev-001", spoke_str_from(body, sizeof body - 1), NULL, NULL, 0, 0));
    core_commit(bench.core);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload.len, SPOKE_MAX_C2D_BYTES);
}

static void unknown_device_gets_none(void **state)
{
    (void)state;
    assert_int_equal(core_c2d_send(bench.core, "nobody", SPOKE_STR("x"), NULL, NULL, 0, 0), SPOKE_E_NOT_FOUND);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(bag_tells_null_from_empty_and_has_to_and_mid),
        CLAIM(message_waits_for_the_subscription_and_goes_with_its_puback),
        CLAIM(qos_0_subscription_completes_when_sent),
        CLAIM(greater_qos_counts_when_both_spellings_are_subscribed),
        CLAIM(kept_session_gets_its_messages_right_after_connack),
        CLAIM(clean_session_empties_the_queue),
        CLAIM(pubacks_out_of_order_close),
        CLAIM(puback_for_nothing_is_ignored),
        CLAIM(lock_ends_after_60_seconds_and_the_message_comes_again),
        CLAIM(late_puback_of_a_message_that_came_again_counts),
        CLAIM(unacknowledged_message_comes_again_after_a_reconnect_under_its_id),
        CLAIM(window_of_ten_moves_with_the_pubacks),
        CLAIM(fifty_first_message_finds_the_queue_full),
        CLAIM(message_past_its_time_is_gone_and_makes_room),
        CLAIM(one_hour_is_the_time_to_live_when_none_is_said),
        CLAIM(message_past_its_time_is_not_sent_again),
        CLAIM(bodies_end_at_64_kb),
        CLAIM(unknown_device_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
