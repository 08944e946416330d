/* What the seeded schedules found, each as a story of its own. */
#include <string.h>

#include "sim.h"

struct fixture {
    struct sim sim;
    spoke_client *client;
    spoke_ram_storage ram;
    uint8_t memory[32 * 2048];
    char text[16384];
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    sim_start(&f->sim, NULL);
    memset(f->memory, 0xff, sizeof f->memory);
    spoke_storage_ram_init(&f->ram, f->memory, 2048, 32);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    sim_stop(&f->sim);
    test_free(f);
    return 0;
}

static void start(struct fixture *f, const spoke_config *config)
{
    assert_ok(spoke_client_create(config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

/* The message id of the first message whose body begins so. */
static void id_of(const char *messages, const char *body, char out[40])
{
    static const char name[] = "\"messageId\":\"";
    const char *at = strstr(messages, body);
    assert_non_null(at);
    at = strstr(at, name);
    assert_non_null(at);
    at += sizeof name - 1;
    const size_t len = strcspn(at, "\"");
    assert_in_range(len, 1, 39);
    memcpy(out, at, len);
    out[len] = '\0';
}

/* The service may drop copies by their id: then a group led by a message that was there alone would go with it. */
static void a_message_that_leads_a_group_after_a_restart_has_another_id(void **state)
{
    struct fixture *f = *state;
    char alone[40], group[40];
    spoke_config c = sim_config(&f->sim);
    c.storage = &f->ram.storage;
    c.batch_count = 4;
    c.in_flight = 1;
    start(f, &c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
    assert_int_equal(
        sim_request(&f->sim, NULL, "PUT", "/control/faults", "{\"dropPuback\":{\"count\":1}}", NULL, 0), 200);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    sim_run(&f->sim, f->client, 100);
    assert_ok(spoke_send(f->client, spoke_i64("n", 2)));
    spoke_client_destroy(f->client);
    start(f, &c);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
    assert_true(sim_drain(&f->sim, f->client, 60000));
    sim_messages(&f->sim, f->text, sizeof f->text);
    id_of(f->text, "\"{\\\"n\\\":1}", alone);
    id_of(f->text, "\"[{\\\"n\\\":1},{\\\"n\\\":2}]", group);
    assert_string_not_equal(alone, group);
}

/* Polls that did something, or nothing, in no time. */
static unsigned idle_polls(struct fixture *f, uint64_t duration_ms)
{
    const uint64_t until = f->sim.now + duration_ms;
    unsigned idle = 0;
    while (f->sim.now < until && idle < 10000) {
        const uint64_t before = f->sim.now;
        assert_ok(spoke_client_poll(f->client, (uint32_t)(until - before)));
        idle += f->sim.now == before;
    }
    return idle;
}

/* The hub is silent; the link is given up for it while a paced replay has more to send than it may. */
static void a_paced_replay_rests_while_its_link_is_being_closed(void **state)
{
    struct fixture *f = *state;
    spoke_config c = sim_config(&f->sim);
    c.replay_per_s = 1;
    c.queue_bytes = 65536;
    start(f, &c);
    for (int n = 0; n < 200; n++)
        assert_ok(spoke_send(f->client, spoke_i64("n", n)));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 60000));
    f->sim.silent = true;
    assert_in_range(idle_polls(f, 70000), 0, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_that_leads_a_group_after_a_restart_has_another_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_paced_replay_rests_while_its_link_is_being_closed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
