/* Telemetry that was joined, compressed, kept through an outage and sent twice, as the service sees it. */
#include <spoke/encoder.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { READINGS = 60, TEXT_BYTES = 256 * 1024 };

struct fixture {
    struct sim sim;
    spoke_client *client;
    spoke_encoder gzip;
    max_align_t memory[SPOKE_GZIP_BYTES / sizeof(max_align_t)];
    char text[TEXT_BYTES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    sim_start(&f->sim, NULL);
    assert_ok(spoke_gzip_init(f->memory, sizeof f->memory, NULL, &f->gzip));
    spoke_config c = sim_config(&f->sim);
    c.message_ids = true;
    c.batch_count = 20;
    c.batch_span_ms = 5000;
    c.encoder = &f->gzip;
    assert_ok(spoke_client_create(&c, &f->client));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    sim_stop(&f->sim);
    free(f);
    return 0;
}

static void ready(struct fixture *f)
{
    assert_ok(spoke_client_open(f->client));
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 120000));
}

static void go_offline(struct fixture *f)
{
    f->sim.unreachable = true;
    f->sim.cut_up = f->sim.up;
    sim_run(&f->sim, f->client, 5000);
}

static void come_back(struct fixture *f)
{
    f->sim.unreachable = false;
    f->sim.cut_up = SIM_NEVER;
    assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 20 * 60000));
    assert_true(sim_drain(&f->sim, f->client, 120000));
}

static void send_readings(struct fixture *f)
{
    for (int i = 0; i < READINGS; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i), spoke_f64("temperature", 20 + i % 7 * 0.5)));
}

static const char *messages(struct fixture *f)
{
    assert_int_equal(sim_request(&f->sim, f->client, "GET", "/control/devices/" SIM_DEVICE "/messages", NULL,
                                 f->text, sizeof f->text),
                     200);
    return f->text;
}

/* In the text of the answer the quotes of a body are escaped. */
static void assert_each_reading_came(struct fixture *f, const char *text)
{
    char wanted[40];
    for (int i = 0; i < READINGS; i++) {
        snprintf(wanted, sizeof wanted, "\\\"n\\\":%d,", i);
        if (!sim_contains(text, wanted))
            fail_msg("reading %d is missing", i);
    }
    assert_int_equal(sim_request(&f->sim, f->client, "GET", "/api/devices/" SIM_DEVICE "/telemetry/n", NULL,
                                 f->text, sizeof f->text),
                     200);
    assert_true(sim_contains(f->text, "\"value\":59"));
}

static void what_was_joined_and_compressed_offline_is_seen_reading_by_reading(void **state)
{
    struct fixture *f = *state;
    ready(f);
    go_offline(f);
    send_readings(f);
    sim_run(&f->sim, f->client, 60000);
    come_back(f);
    const char *text = messages(f);
    assert_true(sim_count(text, "\"body\"") < READINGS / 4);
    assert_true(sim_contains(text, "\"decodedFrom\":\"gzip\""));
    assert_true(sim_contains(text, "\"readings\":20"));
    assert_true(sim_contains(text, "\"time\":\"")); /* it came late, and says when it was so */
    assert_int_equal(sim_count(text, "\"undecoded\""), 0);
    assert_each_reading_came(f, text);
}

static void what_comes_twice_is_told_by_its_id(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(
        sim_request(&f->sim, NULL, "PUT", "/control/faults", "{\"dropPuback\":{\"count\":100}}", NULL, 0), 200);
    send_readings(f);
    sim_run(&f->sim, f->client, 5000);
    const size_t sent = sim_count(messages(f), "\"body\"");
    assert_true(sent > 0);
    assert_int_equal(sim_request(&f->sim, NULL, "PUT", "/control/faults", "{}", NULL, 0), 200);
    assert_int_equal(sim_request(&f->sim, NULL, "POST", "/control/devices/" SIM_DEVICE "/disconnect", "", NULL, 0),
                     200);
    assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, 60000));
    come_back(f);
    const char *text = messages(f);
    assert_int_equal(sim_count(text, "\"duplicate\":true"), sent);
    assert_each_reading_came(f, text);
}

/* The hub keeps the session: what it did not acknowledge comes again in the order in which it came. */
static void repeats_arrive_in_the_order_of_sending_whatever_their_priority(void **state)
{
    struct fixture *f = *state;
    static const spoke_priority mixed[] = {SPOKE_LOW, SPOKE_NORMAL, SPOKE_HIGH, SPOKE_NORMAL};
    ready(f);
    assert_int_equal(
        sim_request(&f->sim, NULL, "PUT", "/control/faults", "{\"dropPuback\":{\"count\":8}}", NULL, 0), 200);
    for (int i = 0; i < 4; i++) {
        const spoke_delivery how = {mixed[i], 0, 0};
        const spoke_field n = spoke_i64("n", i);
        assert_ok(spoke_telemetry_send_as(f->client, &how, NULL, &n, 1));
        sim_run(&f->sim, f->client, 500);
    }
    for (int links = 0; links < 2; links++) {
        assert_int_equal(
            sim_request(&f->sim, NULL, "POST", "/control/devices/" SIM_DEVICE "/disconnect", "", NULL, 0), 200);
        assert_true(sim_reach(&f->sim, f->client, SPOKE_BACKOFF, 60000));
        assert_true(sim_reach(&f->sim, f->client, SPOKE_READY, 20 * 60000));
        sim_run(&f->sim, f->client, 5000);
    }
    assert_true(sim_drain(&f->sim, f->client, 1000));
    const char *at = messages(f);
    for (int i = 0; i < 12; i++) {
        at = strstr(at, "\\\"n\\\":");
        assert_non_null(at);
        at += strlen("\\\"n\\\":");
        assert_int_equal(strtol(at, NULL, 10), i % 4);
    }
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(what_was_joined_and_compressed_offline_is_seen_reading_by_reading),
        CLAIM(what_comes_twice_is_told_by_its_id),
        CLAIM(repeats_arrive_in_the_order_of_sending_whatever_their_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
