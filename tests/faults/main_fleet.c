/* A fleet in one process loses its hub at once and comes back, in simulated time.
 *
 *     fault-fleet [--devices 1000] [--rate 100] [--outage 0]
 *
 * The service accepts `rate` connections in any second and refuses more. Every device spreads its first connect over
 * first_connect_spread_ms = devices / (rate - 4 * sqrt(rate)) seconds: the mean rate then leaves room for chance.
 * All connect; then every link breaks in the same millisecond, the hub is away for `outage` ms, and each device sends
 * three messages meanwhile. As soon as all are back that happens once more, to links that are young, some younger than
 * 2 s. Claims: no connect was refused, so that the rate held in every second; every device is READY again; every message
 * is there. Prints the connects per second. 1 when a claim is broken. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

#define MOST_DEVICES 10000u
#define TICK_MS 10u
#define LIMIT_MS (20u * 60u * 1000u)
#define STABLE_MS 61000u /* a link lost sooner is another matter: it may be the device's own fault */

struct fleet {
    struct sim sim;
    spoke_net below;
    unsigned devices, rate;
    uint64_t outage_ms, spread_ms, away_until;
    spoke_client **clients;
    char (*keys)[96];
    unsigned broken;
};

static spoke_status fleet_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct fleet *f = ctx;
    f->sim.unreachable = f->sim.now < f->away_until;
    return f->below.open(ctx, link, host, port);
}

/* The loop in main turns everything; nobody sleeps in a client's poll. */
static void fleet_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    (void)ctx, (void)link, (void)want, (void)limit_ms;
}

static spoke_status no_record(void *ctx, const char *key, spoke_buf *out)
{
    (void)ctx, (void)key, (void)out;
    return SPOKE_E_NOT_FOUND;
}

static spoke_status forget_record(void *ctx, const char *key, spoke_str value)
{
    (void)ctx, (void)key, (void)value;
    return SPOKE_OK;
}

static void broken(struct fleet *f, const char *claim, unsigned number)
{
    if (f->broken++ < 10)
        printf("FAILED: %s: %u\n", claim, number);
}

static void start(struct fleet *f)
{
    const spoke_central_config config = SPOKE_CENTRAL_CONFIG(.control = true, .connect_rate = f->rate);
    sim_start(&f->sim, &config);
    f->below = f->sim.net;
    f->sim.net.open = fleet_open;
    f->sim.net.wait = fleet_wait;
    f->sim.platform.load = no_record;
    f->sim.platform.store = forget_record;
    for (unsigned i = 0; i < f->devices; i++) {
        char id[24];
        snprintf(id, sizeof id, "fleet-%u", i);
        spoke_buf key = spoke_buf_from(f->keys[i], sizeof f->keys[i] - 1);
        assert_ok(spoke_central_device_key(f->sim.central, id, &key));
        spoke_config c = sim_config(&f->sim);
        c.registration_id = id;
        c.credential.primary = f->keys[i];
        c.first_connect_spread_ms = (uint32_t)f->spread_ms;
        c.in_flight = 8;
        c.queue_bytes = c.report_bytes = 1024;
        c.receive_bytes = c.send_bytes = 2048;
        assert_ok(spoke_client_create(&c, &f->clients[i]));
        assert_ok(spoke_client_open(f->clients[i]));
    }
}

static void tick(struct fleet *f, uint64_t ms)
{
    assert_ok(spoke_central_poll(f->sim.central, 0));
    for (unsigned i = 0; i < f->devices; i++)
        if (spoke_client_poll(f->clients[i], 0) != SPOKE_OK)
            broken(f, "poll fails in device", i);
    f->sim.now += ms;
}

static unsigned at_rest(const struct fleet *f)
{
    unsigned count = 0;
    for (unsigned i = 0; i < f->devices; i++)
        count += spoke_client_state(f->clients[i]) == SPOKE_READY && spoke_client_pending(f->clients[i]) == 0;
    return count;
}

static void until_at_rest(struct fleet *f, const char *what)
{
    const uint64_t begun = f->sim.now;
    while (at_rest(f) < f->devices && f->sim.now - begun < LIMIT_MS)
        tick(f, TICK_MS);
    printf("%s: %u of %u devices READY with nothing waiting after %.1f s\n", what, at_rest(f), f->devices,
           (double)(f->sim.now - begun) / 1000);
    if (at_rest(f) < f->devices)
        broken(f, "devices are not READY", f->devices - at_rest(f));
}

static int ask(struct fleet *f, const char *method, const char *target, char *out, size_t cap)
{
    return sim_request(&f->sim, NULL, method, target, NULL, out, cap);
}

static unsigned number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at != NULL ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* What the service counted since the last look. */
static void look_at_rates(struct fleet *f)
{
    static char text[262144];
    assert_int_equal(ask(f, "GET", "/control/rates", text, sizeof text), 200);
    printf("  the service: %.120s\n", text);
    if (number_behind(text, "\"refused\":") > 0)
        broken(f, "connects were refused", number_behind(text, "\"refused\":"));
    (void)ask(f, "DELETE", "/control/rates", NULL, 0);
}

static void lose_hub(struct fleet *f)
{
    char target[64];
    f->away_until = f->sim.now + f->outage_ms;
    for (unsigned i = 0; i < f->devices; i++) {
        snprintf(target, sizeof target, "/control/devices/fleet-%u/disconnect", i);
        (void)ask(f, "POST", target, NULL, 0);
    }
    for (unsigned i = 0; i < f->devices; i++)
        for (int n = 0; n < 3; n++)
            if (spoke_send(f->clients[i], spoke_i64("n", n)) != SPOKE_OK)
                broken(f, "a message was not accepted by device", i);
}

static void check_messages(struct fleet *f)
{
    static char text[65536];
    char target[64], part[32];
    for (unsigned i = 0; i < f->devices; i++) {
        snprintf(target, sizeof target, "/control/devices/fleet-%u/messages", i);
        assert_int_equal(ask(f, "GET", target, text, sizeof text), 200);
        for (int n = 0; n < 3; n++) {
            snprintf(part, sizeof part, "{\\\"n\\\":%d}", n);
            if (strstr(text, part) == NULL)
                broken(f, "a message is lost of device", i);
        }
    }
}

static bool read_options(int argc, char **argv, struct fleet *f)
{
    f->devices = 1000;
    f->rate = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        const unsigned long value = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--devices") == 0)
            f->devices = (unsigned)value;
        else if (strcmp(argv[i], "--rate") == 0)
            f->rate = (unsigned)value;
        else if (strcmp(argv[i], "--outage") == 0)
            f->outage_ms = value;
        else
            return false;
    }
    return argc % 2 == 1 && f->devices > 0 && f->devices <= MOST_DEVICES && f->rate > 20 && f->rate <= 100000;
}

int main(int argc, char **argv)
{
    static struct fleet f;
    struct fleet options = {.devices = 0};
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: %s [--devices N] [--rate CONNECTS_A_SECOND, above 20] [--outage MS]\n", argv[0]);
        return 2;
    }
    f = options;
    f.spread_ms = (uint64_t)(f.devices * 1000.0 / (f.rate - 4 * sqrt(f.rate)));
    f.clients = test_calloc(f.devices, sizeof *f.clients);
    f.keys = test_calloc(f.devices, sizeof *f.keys);
    printf("%u devices, at most %u connects a second, first_connect_spread_ms = %" PRIu64 "\n", f.devices, f.rate,
           f.spread_ms);
    start(&f);
    until_at_rest(&f, "power-up");
    look_at_rates(&f);
    for (const uint64_t until = f.sim.now + STABLE_MS; f.sim.now < until;)
        tick(&f, 100);
    lose_hub(&f);
    until_at_rest(&f, "the hub was lost");
    look_at_rates(&f);
    lose_hub(&f);
    until_at_rest(&f, "the hub was lost again at once");
    look_at_rates(&f);
    check_messages(&f);
    for (unsigned i = 0; i < f.devices; i++)
        spoke_client_destroy(f.clients[i]);
    sim_stop(&f.sim);
    test_free(f.clients);
    test_free(f.keys);
    return f.broken > 0;
}
