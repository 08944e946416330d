/* When the service commits: at once for few senders, together for a crowd. */
#include "support/central_stage.h"

#include <central/core/core_internal.h>

enum { SENDERS = 40, FEW = 6, PAUSE_MS = 2, GREAT_PAUSE_MS = 6 };

static struct device senders[SENDERS];

static int setup(void **state)
{
    (void)state;
    bench_prepare(&bench);
    bench.options.commit_pause_ms = PAUSE_MS;
    bench_start(&bench);
    for (int i = 0; i < SENDERS; i++) {
        char id[16];
        snprintf(id, sizeof id, "dev-%03d", i);
        bench_provision(&bench, id);
        device_online(&senders[i], &bench, id, true);
    }
    bench.now_ms += 1000;
    core_tick(bench.core);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SENDERS; i++)
        device_close(&senders[i]);
    bench_close(&bench);
    return 0;
}

/* Received, as in the middle of a turn. */
static void publish(int sender)
{
    uint8_t memory[200];
    char topic[80];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    snprintf(topic, sizeof topic, "devices/dev-%03d/messages/events/", sender);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = 7;
    p.as.publish.qos = 1;
    p.as.publish.topic = spoke_str_of(topic);
    p.as.publish.payload = SPOKE_STR("{}");
    assert_ok(spoke_mqtt_encode(&p, &out));
    core_conn_receive(senders[sender].conn, (const uint8_t *)out.ptr, out.len);
}

static bool acknowledged(int sender)
{
    const spoke_str output = core_conn_output(senders[sender].conn);
    core_conn_sent(senders[sender].conn, output.len);
    return output.len > 0;
}

/* Two spans in which so many of them send. */
static void make_a_crowd(int count)
{
    for (int span = 0; span < 2; span++) {
        for (int i = 0; i < count; i++)
            publish(i);
        core_tick(bench.core);
        bench.now_ms += GREAT_PAUSE_MS;
    }
    core_tick(bench.core);
    for (int i = 0; i < count; i++)
        assert_true(acknowledged(i));
}

/* After a crowd: the commit of one more of its spans, then what is sent behind it waits for exactly this long. */
static void waits_behind_a_commit(int count, uint64_t pause_ms)
{
    for (int i = 0; i < count; i++)
        publish(i);
    core_tick(bench.core); /* the last commit is long enough ago */
    assert_true(acknowledged(1));
    publish(1);
    core_tick(bench.core);
    assert_false(acknowledged(1));
    assert_true(core_uncommitted(bench.core));
    assert_int_equal(core_deadline(bench.core), bench.now_ms + pause_ms);
    bench.now_ms += pause_ms;
    core_tick(bench.core);
    assert_true(acknowledged(1));
    assert_false(core_uncommitted(bench.core));
}

static void one_device_never_waits_for_others(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        publish(0);
        core_tick(bench.core);
        assert_true(acknowledged(0));
        bench.now_ms += (uint64_t)(i % 2);
    }
}

static void in_a_crowd_commits_keep_their_distance(void **state)
{
    (void)state;
    make_a_crowd(FEW);
    waits_behind_a_commit(FEW, PAUSE_MS);
}

static void in_a_great_crowd_commits_keep_three_times_their_distance(void **state)
{
    (void)state;
    make_a_crowd(SENDERS);
    waits_behind_a_commit(SENDERS, GREAT_PAUSE_MS);
}

static void after_the_crowd_commits_come_at_once_again(void **state)
{
    (void)state;
    make_a_crowd(FEW);
    bench.now_ms += 1000;
    publish(0);
    core_tick(bench.core);
    (void)acknowledged(0);
    bench.now_ms += PAUSE_MS;
    publish(0);
    core_tick(bench.core);
    (void)acknowledged(0);
    publish(0);
    core_tick(bench.core);
    assert_true(acknowledged(0));
}

static void commit_that_is_asked_for_does_not_wait(void **state)
{
    (void)state;
    make_a_crowd(FEW);
    for (int i = 0; i < FEW; i++)
        publish(i);
    core_tick(bench.core);
    (void)acknowledged(1);
    publish(1);
    assert_ok(core_commit(bench.core));
    assert_true(acknowledged(1));
}

#define ROUND(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUND(one_device_never_waits_for_others),
        ROUND(in_a_crowd_commits_keep_their_distance),
        ROUND(in_a_great_crowd_commits_keep_three_times_their_distance),
        ROUND(after_the_crowd_commits_come_at_once_again),
        ROUND(commit_that_is_asked_for_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
