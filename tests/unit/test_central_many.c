/* Connections by the thousand: what they cost while nothing happens to them, and that none is forgotten. */
#include "support/central_stage.h"

#include <central/core/core_internal.h>

enum { MANY = 10000, CONNECT_LIMIT_MS = 30000 };

static struct conn *conns[MANY];

/* One a millisecond. */
static void open_many(void)
{
    for (size_t i = 0; i < MANY; i++) {
        assert_ok(core_conn_open(bench.core, spoke_str_of(NULL), &conns[i]));
        core_conn_own(conns[i], &conns[i]);
        bench.now_ms++;
    }
}

static void take_stirred(void)
{
    while (core_conn_stirred(bench.core) != NULL)
        ;
}

static void close_many(void)
{
    for (size_t i = 0; i < MANY; i++)
        core_conn_close(conns[i]);
}

static void each_of_many_connections_ends_at_its_own_time(void **state)
{
    (void)state;
    open_many();
    bench.now_ms += CONNECT_LIMIT_MS - MANY;
    for (size_t i = 0; i < MANY; i++) {
        assert_false(core_conn_ended(conns[i]));
        assert_int_equal(core_deadline(bench.core), bench.now_ms);
        core_tick(bench.core);
        assert_true(core_conn_ended(conns[i]));
        bench.now_ms++;
    }
    close_many();
}

static void tick_looks_at_no_connection_that_is_not_due(void **state)
{
    (void)state;
    open_many();
    bench.now_ms += 10000;
    core_tick(bench.core);
    assert_int_equal(bench.core->ticks, 0);
    bench.now_ms += CONNECT_LIMIT_MS - MANY - 10000;
    core_tick(bench.core);
    assert_int_equal(bench.core->ticks, 1);
    close_many();
}

/* A device that talks pushes its deadline with every packet; its timer goes off once per silence. */
static void packets_of_a_device_cost_no_ticks(void **state)
{
    (void)state;
    device_online(&dev, &bench, "dev-001", true);
    const uint64_t before = bench.core->ticks;
    for (uint16_t id = 1; id <= 1000; id++) {
        bench_advance(&bench, 300); /* 300 s in all; the keep-alive allows 360 of silence */
        device_publish(&dev, "devices/dev-001/messages/events/", "{}", id);
    }
    assert_false(core_conn_ended(dev.conn));
    assert_true(bench.core->ticks - before <= 1);
}

static void silence_counts_from_the_last_packet(void **state)
{
    (void)state;
    device_online(&dev, &bench, "dev-001", true);
    bench_advance(&bench, 359000);
    device_publish(&dev, "devices/dev-001/messages/events/", "{}", 1);
    bench_advance(&bench, 359999);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_true(core_conn_ended(dev.conn));
}

static void only_the_connection_that_got_output_is_named(void **state)
{
    (void)state;
    open_many();
    device_online(&dev, &bench, "dev-001", true);
    core_conn_own(dev.conn, &dev);
    take_stirred();
    device_publish(&dev, "devices/dev-001/messages/events/", "{}", 1);
    assert_ptr_equal(core_conn_stirred(bench.core), &dev);
    assert_null(core_conn_stirred(bench.core));
    close_many();
}

/* Before the commit there is nothing that may leave, so nobody has to look. */
static void connection_is_named_after_the_commit_and_not_before(void **state)
{
    uint8_t memory[200];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_packet p;
    (void)state;
    device_online(&dev, &bench, "dev-001", true);
    core_conn_own(dev.conn, &dev);
    take_stirred();
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = 1;
    p.as.publish.qos = 1;
    p.as.publish.topic = SPOKE_STR("devices/dev-001/messages/events/");
    p.as.publish.payload = SPOKE_STR("{}");
    assert_ok(spoke_mqtt_encode(&p, &out));
    core_conn_receive(dev.conn, (const uint8_t *)out.ptr, out.len);
    assert_false(core_any_stirred(bench.core));
    assert_ok(core_commit(bench.core));
    assert_ptr_equal(core_conn_stirred(bench.core), &dev);
}

static void connection_that_the_service_ends_is_named(void **state)
{
    (void)state;
    device_online(&dev, &bench, "dev-001", true);
    core_conn_own(dev.conn, &dev);
    take_stirred();
    assert_true(core_device_disconnect(bench.core, "dev-001", "a test wants it"));
    assert_ptr_equal(core_conn_stirred(bench.core), &dev);
}

static void output_that_a_fault_held_back_is_named_when_its_time_comes(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"connackDelay\":{\"ms\":500}}");
    device_open(&dev, &bench, NULL);
    device_connect_hub(&dev, "dev-001", true);
    core_conn_own(dev.conn, &dev);
    take_stirred();
    bench_advance(&bench, 499);
    assert_false(core_any_stirred(bench.core));
    bench_advance(&bench, 1);
    assert_ptr_equal(core_conn_stirred(bench.core), &dev);
    assert_int_equal(device_connack(&dev), 0);
}

static void connection_that_is_gone_is_not_named(void **state)
{
    (void)state;
    open_many();
    close_many();
    assert_null(core_conn_stirred(bench.core));
}

static void device_is_found_among_many_by_its_id_alone(void **state)
{
    (void)state;
    open_many();
    assert_null(hub_conn(bench.core, "dev-001"));
    device_online(&dev, &bench, "dev-001", true);
    assert_ptr_equal(hub_conn(bench.core, "dev-001"), dev.conn);
    assert_null(hub_conn(bench.core, "dev-002"));
    assert_null(hub_conn(bench.core, ""));
    device_close(&dev);
    assert_null(hub_conn(bench.core, "dev-001"));
    close_many();
}

static void device_that_comes_again_is_found_at_its_new_connection(void **state)
{
    (void)state;
    device_online(&dev, &bench, "dev-001", true);
    device_online(&other, &bench, "dev-001", true);
    assert_true(core_conn_ended(dev.conn));
    device_close(&dev);
    assert_ptr_equal(hub_conn(bench.core, "dev-001"), other.conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_of_many_connections_ends_at_its_own_time, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(tick_looks_at_no_connection_that_is_not_due, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(packets_of_a_device_cost_no_ticks, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(silence_counts_from_the_last_packet, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(only_the_connection_that_got_output_is_named, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(connection_is_named_after_the_commit_and_not_before, stage_set,
                                        stage_clear),
        cmocka_unit_test_setup_teardown(connection_that_the_service_ends_is_named, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(output_that_a_fault_held_back_is_named_when_its_time_comes, stage_set,
                                        stage_clear),
        cmocka_unit_test_setup_teardown(connection_that_is_gone_is_not_named, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(device_is_found_among_many_by_its_id_alone, stage_set, stage_clear),
        cmocka_unit_test_setup_teardown(device_that_comes_again_is_found_at_its_new_connection, stage_set,
                                        stage_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
