/* A device with a storage loses its link and, in the same moment, its power, after any byte of a conversation; then it
 * starts again from the same storage. Whenever that is, the service has every message, in order but for copies, at most
 * twice, and both copies under one id; and the report arrives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "support/flash_sim.h"

#define MESSAGES 5
#define STRIDE 5 /* bytes from one cut to the next */

struct run {
    struct sim *sim;
    struct flash_sim flash;
    spoke_client *client;
    spoke_config config;
    char device[32], key[96], text[32768];
};

static void power_up(struct run *r)
{
    flash_sim_power_on(&r->flash);
    assert_ok(spoke_client_create(&r->config, &r->client));
    assert_ok(spoke_client_open(r->client));
}

static void power_down(struct run *r)
{
    flash_sim_cut(&r->flash, 1, FLASH_CUT_CACHE);
    assert_int_equal(r->flash.storage.sync(r->flash.storage.ctx), SPOKE_E_PORT); /* power goes here */
    spoke_client_destroy(r->client);
    r->client = NULL;
}

static void start_run(struct run *r, struct sim *sim, unsigned number)
{
    memset(r, 0, sizeof *r);
    r->sim = sim;
    sim_records_clear(sim);
    flash_sim_init(&r->flash, 4096, 16, 8, number + 1);
    snprintf(r->device, sizeof r->device, "store-%u", number);
    spoke_buf key = spoke_buf_from(r->key, sizeof r->key - 1);
    assert_ok(spoke_central_device_key(sim->central, r->device, &key));
    r->config = sim_config(sim);
    r->config.registration_id = r->device;
    r->config.credential.primary = r->key;
    r->config.storage = &r->flash.storage;
    power_up(r);
}

static void finish_run(struct run *r)
{
    char target[64];
    spoke_client_destroy(r->client);
    flash_sim_fini(&r->flash);
    snprintf(target, sizeof target, "/api/devices/%s", r->device);
    assert_int_equal(sim_request(r->sim, NULL, "DELETE", target, NULL, NULL, 0), 204);
}

static bool drained(const struct run *r)
{
    return spoke_client_state(r->client) == SPOKE_READY && spoke_client_pending(r->client) == 0;
}

/* Until everything is delivered, or the cut has fallen. */
static void converse(struct run *r)
{
    for (int i = 0; i < MESSAGES; i++)
        assert_ok(spoke_send(r->client, spoke_i64("n", i)));
    assert_ok(spoke_report(r->client, spoke_text("serial", SPOKE_STR("S1"))));
    for (int i = 0; i < 5000 && !(drained(r) && r->sim->cut_up == SIM_NEVER && r->sim->cut_down == SIM_NEVER);
         i++) {
        const bool armed = r->sim->cut_up != SIM_NEVER || r->sim->cut_down != SIM_NEVER;
        sim_run(r->sim, r->client, 10);
        if (armed && r->sim->cut_up == SIM_NEVER && r->sim->cut_down == SIM_NEVER)
            return;
    }
}

static void ask(struct run *r, const char *target)
{
    char path[128];
    snprintf(path, sizeof path, target, r->device);
    assert_int_equal(sim_request(r->sim, r->client, "GET", path, NULL, r->text, sizeof r->text), 200);
}

/* The message id in front of or behind `at`, within its message. */
static void copy_id(const char *message, char out[17])
{
    const char *id = strstr(message, "\"messageId\":\"");
    assert_non_null(id);
    snprintf(out, 17, "%s", id + strlen("\"messageId\":\""));
}

static void check(struct run *r)
{
    char part[32], first[17], copy[17];
    ask(r, "/control/devices/%s/messages");
    const char *before = r->text;
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(part, sizeof part, "{\\\"n\\\":%d}", i);
        assert_in_range(sim_count(r->text, part), 1, 2);
        const char *at = strstr(r->text, part);
        assert_true(at >= before); /* in order, as far as first copies go */
        copy_id(at, first);
        assert_int_equal(strlen(first), 16);
        const char *again = strstr(at + 1, part);
        if (again != NULL) {
            copy_id(again, copy);
            assert_string_equal(copy, first);
        }
        before = at;
    }
    ask(r, "/control/devices/%s");
    assert_true(sim_contains(r->text, "\"serial\":\"S1\""));
}

static uint64_t measure(struct sim *sim, bool up)
{
    struct run r;
    const uint64_t before = up ? sim->up : sim->down;
    start_run(&r, sim, 0);
    converse(&r);
    sim_run(sim, r.client, 5000);
    ask(&r, "/control/devices/%s/messages");
    check(&r);
    finish_run(&r);
    return (up ? sim->up : sim->down) - before;
}

static void die_everywhere(bool up)
{
    struct sim sim;
    static struct run r;
    sim_start(&sim, NULL);
    const uint64_t total = measure(&sim, up);
    for (unsigned n = 0; n < total; n += STRIDE) {
        start_run(&r, &sim, n + 1);
        if (up)
            sim.cut_up = sim.up + n;
        else
            sim.cut_down = sim.down + n;
        converse(&r);
        power_down(&r);
        sim.cut_up = sim.cut_down = SIM_NEVER;
        power_up(&r);
        assert_true(sim_reach(&sim, r.client, SPOKE_READY, 600000));
        assert_true(sim_drain(&sim, r.client, 600000));
        sim_run(&sim, r.client, 130000);
        check(&r);
        finish_run(&r);
    }
    sim_stop(&sim);
}

static void a_device_that_dies_with_its_link_while_speaking_loses_nothing(void **state)
{
    (void)state;
    die_everywhere(true);
}

static void a_device_that_dies_with_its_link_while_hearing_loses_nothing(void **state)
{
    (void)state;
    die_everywhere(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_that_dies_with_its_link_while_speaking_loses_nothing),
        cmocka_unit_test(a_device_that_dies_with_its_link_while_hearing_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
