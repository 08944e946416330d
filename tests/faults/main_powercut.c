/* Power cut at every operation of the storage, in a run of a thousand messages.
 *
 *     fault-powercut [--manner 0..5] [--stride 1] [--first 1]
 *
 * A first run counts the storage's programs, erases and syncs: K. Then K runs, each losing power in another one, in
 * each manner that tests/support/flash_sim.h knows (or the one named); the device starts again on what the cut left.
 * In every run each of the thousand messages that were accepted is in the service at least once, in order, and none
 * that was refused. --stride 100: every hundredth operation. Prints figures; 1 when a run failed, with the command that
 * repeats it. */
#include <cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger.h"
#include "world.h"

#define MESSAGES 1000u
#define SEED 4711u
#define STABLE_MS 61000u /* a link that stood so long is no sign of an identity used twice */
#define DRAIN_LIMIT_MS (2u * 3600u * 1000u)

struct run {
    struct world world;
    struct ledger ledger;
    spoke_config config;
    spoke_client *client;
    unsigned restarts;
    bool failed;
};

static void take_outcome(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct run *r = user;
    (void)client;
    ledger_outcome(&r->ledger, id - 1, outcome);
}

static void start_device(struct run *r)
{
    spoke_status status = spoke_client_create(&r->config, &r->client);
    if (status != SPOKE_OK && world_is_dark(&r->world)) { /* the cut fell into the very first start */
        world_power_on(&r->world);
        r->restarts++;
        status = spoke_client_create(&r->config, &r->client);
    }
    assert_ok(status);
    assert_ok(spoke_client_open(r->client));
}

static void after_a_cut(struct run *r)
{
    if (!world_is_dark(&r->world))
        return;
    r->restarts++;
    spoke_client_destroy(r->client);
    world_power_on(&r->world);
    start_device(r);
}

static void pass(struct run *r, uint64_t ms)
{
    const uint64_t until = r->world.sim.now + ms;
    while (r->world.sim.now < until) {
        assert_ok(spoke_client_poll(r->client, (uint32_t)(until - r->world.sim.now)));
        after_a_cut(r);
    }
}

static void send(struct run *r, uint32_t n)
{
    char body[32];
    snprintf(body, sizeof body, "{\"n\":%u}", n);
    const spoke_outgoing m = {
        .body = spoke_str_of(body), .id = n + 1, .priority = (spoke_priority)(n % LEDGER_PRIORITIES)};
    ledger_offered(&r->ledger, n, m.priority);
    const spoke_status status = spoke_message_send(r->client, &m);
    if (status == SPOKE_OK)
        return;
    ledger_not_accepted(&r->ledger, n, world_is_dark(&r->world) ? LEDGER_UNSURE : LEDGER_REFUSED);
    after_a_cut(r);
}

static void drain(struct run *r)
{
    const uint64_t until = r->world.sim.now + DRAIN_LIMIT_MS;
    while (spoke_client_pending(r->client) > 0 && r->world.sim.now < until)
        pass(r, 1000);
}

/* Half of the time offline, so that the log fills, goes round, and is read again. */
static void send_all(struct run *r)
{
    for (uint32_t n = 0; n < MESSAGES; n++) {
        if (n % 100 == 50) {
            r->world.unreachable_until = WORLD_NEVER;
            world_cut_now(&r->world);
        } else if (n % 100 == 0) {
            r->world.unreachable_until = 0;
            drain(r);
            pass(r, STABLE_MS);
        }
        send(r, n);
        if (n % 10 == 9)
            pass(r, 200);
    }
    r->world.unreachable_until = 0;
    drain(r);
}

static void check(struct run *r)
{
    static char text[2u * 1024u * 1024u];
    const cJSON *message = NULL;
    assert_int_equal(
        world_ask(&r->world, "GET", "/control/devices/" SIM_DEVICE "/messages", NULL, text, sizeof text), 200);
    cJSON *list = cJSON_Parse(text);
    assert_non_null(list);
    cJSON_ArrayForEach(message, list)
    {
        const cJSON *system = cJSON_GetObjectItemCaseSensitive(message, "system");
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(system, "messageId"));
        cJSON *body = cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "body")));
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(body, "n");
        ledger_arrived(&r->ledger, cJSON_IsNumber(n) ? (uint32_t)n->valuedouble : UINT32_MAX, id != NULL ? id : "",
                       1);
        cJSON_Delete(body);
    }
    cJSON_Delete(list);
    r->failed = !ledger_check(&r->ledger, 0);
}

/* k 0: no cut. */
static void run(struct run *r, uint64_t k, enum flash_cut manner)
{
    memset(r, 0, sizeof *r);
    world_start(&r->world, NULL, SEED);
    world_add_flash(&r->world, 2048, 24, 8);
    flash_sim_cut(&r->world.flash, k, manner);
    assert_true(ledger_init(&r->ledger, MESSAGES));
    r->ledger.with_ids = true;
    r->config = sim_config(&r->world.sim);
    r->config.storage = &r->world.flash.storage;
    r->config.in_flight = 8;
    r->config.queue_bytes = 12000;
    r->config.queue_messages = 100;
    r->config.on_sent = take_outcome;
    r->config.user = r;
    start_device(r);
    send_all(r);
    check(r);
    spoke_client_destroy(r->client);
}

static void end(struct run *r)
{
    world_stop(&r->world);
    ledger_free(&r->ledger);
}

struct sweep {
    int manner; /* -1: all */
    uint64_t first, stride;
};

struct figures {
    uint64_t runs, failed, cuts, copies, unsure, refused, delivered;
};

static void sweep_manner(const struct sweep *s, uint64_t operations, int manner, struct figures *f)
{
    static struct run r;
    for (uint64_t k = s->first; k <= operations; k += s->stride) {
        run(&r, k, (enum flash_cut)manner);
        f->runs++;
        f->failed += r.failed;
        f->cuts += r.restarts > 0;
        f->copies += r.ledger.copies;
        f->unsure += r.ledger.unsure;
        f->refused += r.ledger.refused;
        f->delivered += r.ledger.delivered;
        if (r.failed)
            printf("FAILED: cut in operation %" PRIu64
                   ", manner %d: %s\n  again: fault-powercut --manner %d --first %" PRIu64 " --stride 1000000\n",
                   k, manner, r.ledger.why, manner, k);
        end(&r);
        if (f->runs % 500 == 0)
            fprintf(stderr, "%" PRIu64 " runs, %" PRIu64 " failed\n", f->runs, f->failed);
    }
}

static uint64_t count_operations(void)
{
    static struct run r;
    run(&r, 0, FLASH_CUT_NOTHING);
    const struct flash_sim *flash = &r.world.flash;
    printf("a run without a cut: %u messages accepted, %u delivered, %s; storage: %" PRIu64 " operations (%" PRIu64
           " programs, %" PRIu64 " erases, %" PRIu64 " syncs)\n",
           r.ledger.accepted, r.ledger.delivered, r.failed ? r.ledger.why : "all claims hold", flash->operations,
           flash->programs, flash->erases, flash->syncs);
    const uint64_t operations = r.failed ? 0 : flash->operations;
    end(&r);
    return operations;
}

static bool read_options(int argc, char **argv, struct sweep *s)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--manner") == 0 && value >= 0 && value < FLASH_CUTS)
            s->manner = (int)value;
        else if (strcmp(argv[i], "--stride") == 0 && value > 0)
            s->stride = (uint64_t)value;
        else if (strcmp(argv[i], "--first") == 0 && value > 0)
            s->first = (uint64_t)value;
        else
            return false;
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct sweep s = {.manner = -1, .first = 1, .stride = 1};
    struct figures f = {0};
    const time_t begun = time(NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!read_options(argc, argv, &s)) {
        fprintf(stderr, "usage: %s [--manner 0..5] [--stride N] [--first K]\n", argv[0]);
        return 2;
    }
    const uint64_t operations = count_operations();
    for (int manner = 0; manner < FLASH_CUTS; manner++)
        if (s.manner < 0 || s.manner == manner)
            sweep_manner(&s, operations, manner, &f);
    printf("%" PRIu64 " runs with a cut each, %" PRIu64 " of them fell, %" PRIu64 " failed: %" PRIu64
           " messages delivered, %" PRIu64 " copies, %" PRIu64 " offered while power went, %" PRIu64
           " refused; %.0f s\n",
           f.runs, f.cuts, f.failed, f.delivered, f.copies, f.unsure, f.refused, difftime(time(NULL), begun));
    return operations == 0 || f.failed > 0 ? 1 : 0;
}
