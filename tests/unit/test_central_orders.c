/* Faults that a message orders for its device. */
#include "support/central_stage.h"

#define EVENTS "devices/dev-001/messages/events/"
#define ORDER(kind) EVENTS "AzIoTHub_FaultOperationType=" kind
#define DELAY "&AzIoTHub_FaultOperationDelayInSecs="
#define DURATION "&AzIoTHub_FaultOperationDurationInSecs="

static void order(const char *topic)
{
    device_publish(&dev, topic, "{}", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
}

static uint8_t connect_again(void)
{
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    return device_connack(&dev);
}

static void connection_is_killed_once_after_the_delay(void **state)
{
    (void)state;
    order(ORDER("KillTcp") DELAY "2" DURATION "30");
    bench_advance(&bench, 1999);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(connect_again(), 0);
    bench_advance(&bench, 40000);
    assert_false(core_conn_ended(dev.conn));
    assert_true(core_deadline(bench.core) > bench.now_ms + 1000);
}

static void shutdown_without_a_delay_lets_the_puback_leave(void **state)
{
    (void)state;
    order(ORDER("ShutDownMqtt"));
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 100);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(connect_again(), 0);
}

static void throttling_and_auth_error_refuse_for_the_duration(void **state)
{
    static const struct {
        const char *topic;
        uint8_t code;
    } CASES[] = {{ORDER("InvokeThrottling") DELAY "1" DURATION "5", 3},
                 {ORDER("InvokeAuthError") DELAY "1" DURATION "5", 5}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        order(CASES[i].topic);
        bench_advance(&bench, 1000);
        assert_true(core_conn_ended(dev.conn));
        assert_int_equal(connect_again(), CASES[i].code);
        bench_advance(&bench, 4999);
        assert_int_equal(connect_again(), CASES[i].code);
        bench_advance(&bench, 1);
        assert_int_equal(connect_again(), 0);
    }
}

static void quota_accepts_and_closes_at_a_message_for_the_duration(void **state)
{
    (void)state;
    order(ORDER("InvokeMaxMessageQuota") DELAY "1" DURATION "5");
    bench_advance(&bench, 1000);
    assert_false(core_conn_ended(dev.conn));
    device_publish(&dev, EVENTS, "{}", 1);
    device_expect_nothing(&dev);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(connect_again(), 0);
    bench_advance(&bench, 5000);
    order(EVENTS);
}

static void orders_are_for_their_own_device(void **state)
{
    (void)state;
    bench_provision(&bench, "dev-002");
    device_online(&other, &bench, "dev-002", true);
    order(ORDER("KillTcp"));
    bench_advance(&bench, 100);
    assert_true(core_conn_ended(dev.conn));
    assert_false(core_conn_ended(other.conn));
}

static void what_is_no_order_is_a_property(void **state)
{
    (void)state;
    order(ORDER("KillAmqpConnection"));
    order(ORDER("KillTcp") DELAY "soon" DURATION "-1"); /* as if they were not there */
    bench_advance(&bench, 100);
    assert_int_equal(connect_again(), 0);
    bench_advance(&bench, 100000);
    assert_false(core_conn_ended(dev.conn));
}

static void without_the_control_area_nothing_is_obeyed(void **state)
{
    (void)state;
    device_close(&dev);
    bench_close(&bench);
    bench_prepare(&bench);
    bench.options.control = false;
    bench_start(&bench);
    bench_provision(&bench, "dev-001");
    device_online(&dev, &bench, "dev-001", true);
    order(ORDER("KillTcp"));
    bench_advance(&bench, 1000);
    assert_false(core_conn_ended(dev.conn));
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set_online, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(connection_is_killed_once_after_the_delay),
        CLAIM(shutdown_without_a_delay_lets_the_puback_leave),
        CLAIM(throttling_and_auth_error_refuse_for_the_duration),
        CLAIM(quota_accepts_and_closes_at_a_message_for_the_duration),
        CLAIM(orders_are_for_their_own_device),
        CLAIM(what_is_no_order_is_a_property),
        CLAIM(without_the_control_area_nothing_is_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
