/* What a PUBACK stands on: the store's log is synchronised before it may leave. */
#include "support/central_stage.h"

#include <central/store/store_query.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENTS "devices/dev-001/messages/events/"

static char folder[64], path[96];
static int syncs;
static bool disk_fails;

static int sync_with(long call, int fd)
{
    syncs++;
    if (!disk_fails)
        return (int)syscall(call, fd);
    errno = EIO;
    return -1;
}

/* In place of the C library's, so that what the store asks of the disk is seen. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

static void start(bool durable)
{
    bench_prepare(&bench);
    bench.options.store_path = path;
    bench.options.durable = durable;
    bench_start(&bench);
    bench_provision(&bench, "dev-001");
    device_online(&dev, &bench, "dev-001", true);
    syncs = 0;
    disk_fails = false;
}

static int set(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/spoke-durable-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/central.db", folder);
    return 0;
}

static int clear(void **state)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char name[128];
    (void)stage_clear(state);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* Received and not committed: as in the middle of a turn. */
static void receive(uint16_t packet_id)
{
    uint8_t memory[200];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = packet_id;
    p.as.publish.qos = 1;
    p.as.publish.topic = SPOKE_STR(EVENTS);
    p.as.publish.payload = SPOKE_STR("{}");
    assert_ok(spoke_mqtt_encode(&p, &out));
    core_conn_receive(dev.conn, (const uint8_t *)out.ptr, out.len);
}

static void puback_waits_for_the_disk(void **state)
{
    (void)state;
    start(true);
    receive(1);
    device_expect_nothing(&dev);
    assert_int_equal(syncs, 0);
    assert_ok(core_commit(bench.core));
    assert_true(syncs > 0);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
}

static void messages_of_one_turn_share_a_sync(void **state)
{
    (void)state;
    start(true);
    for (uint16_t id = 1; id <= 100; id++)
        receive(id);
    device_expect_nothing(&dev);
    assert_ok(core_commit(bench.core));
    assert_int_equal(syncs, 1);
    for (uint16_t id = 1; id <= 100; id++)
        assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, id);
}

static void relaxed_store_asks_nothing_of_the_disk(void **state)
{
    (void)state;
    start(false);
    receive(1);
    device_expect_nothing(&dev); /* and waits for the commit all the same */
    assert_ok(core_commit(bench.core));
    assert_int_equal(syncs, 0);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
}

static bool count_one(void *ctx, const struct store_message *row)
{
    (void)row;
    ++*(int *)ctx;
    return true;
}

static int stored(void)
{
    int count = 0;
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 100, count_one, &count));
    return count;
}

static void message_that_the_disk_refuses_is_not_acknowledged_and_comes_again(void **state)
{
    (void)state;
    start(true);
    receive(1);
    disk_fails = true;
    assert_int_not_equal(core_commit(bench.core), SPOKE_OK);
    disk_fails = false;
    device_expect_nothing(&dev);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(stored(), 0);
    device_close(&dev);
    device_online(&dev, &bench, "dev-001", true);
    receive(1);
    assert_ok(core_commit(bench.core));
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    assert_int_equal(stored(), 1);
}

static void delayed_puback_is_for_what_was_committed_as_well(void **state)
{
    char why[100];
    cJSON *faults = cJSON_Parse("{\"pubackDelay\":{\"ms\":500}}");
    (void)state;
    start(true);
    assert_ok(core_faults_put(bench.core, faults, why, sizeof why));
    cJSON_Delete(faults);
    receive(1);
    disk_fails = true;
    assert_int_not_equal(core_commit(bench.core), SPOKE_OK);
    disk_fails = false;
    bench.now_ms += 500;
    core_tick(bench.core);
    device_expect_nothing(&dev);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(stored(), 0);
}

/* Else it would be kept, not acknowledged, and come again. */
static void what_comes_after_a_transaction_ended_by_itself_is_not_stored(void **state)
{
    (void)state;
    start(true);
    receive(1);
    assert_int_equal(sqlite3_exec(core_store(bench.core)->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    receive(2);
    assert_int_not_equal(core_commit(bench.core), SPOKE_OK);
    device_expect_nothing(&dev);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(stored(), 0);
    device_close(&dev);
    device_online(&dev, &bench, "dev-001", true);
    receive(1);
    assert_ok(core_commit(bench.core));
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    assert_int_equal(stored(), 1);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set, clear)
    const struct CMUnitTest tests[] = {
        CLAIM(puback_waits_for_the_disk),
        CLAIM(messages_of_one_turn_share_a_sync),
        CLAIM(message_that_the_disk_refuses_is_not_acknowledged_and_comes_again),
        CLAIM(delayed_puback_is_for_what_was_committed_as_well),
        CLAIM(what_comes_after_a_transaction_ended_by_itself_is_not_stored),
        CLAIM(relaxed_store_asks_nothing_of_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
