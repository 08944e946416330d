/* Connects that fail, thousands of times at each stage on the way to READY: the heap in use afterwards is what it was
 * after the third. Real sockets and TLS, native transport.
 *
 *     fault-cycles [--cycles 10000]
 *
 * The service lives in a process of its own, so that the heap counted here is the device's alone (mallinfo2: the
 * client, mbedTLS, the resolver). A stage fails by the network (between the client and its sockets stands a wrapper
 * that breaks them), by the service's fault injection, or by configuration. Exit status 1: some stage leaks. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/support.h"
#include "support/test_ca.h"

#include <spoke/central/central.h>
#include <spoke/spoke.h>

#define NEVER UINT64_MAX
#define DEVICE "cycles"
#define CYCLE_LIMIT_S 60
#define ROUNDING_BYTES \
    256u /* chunks differ by what is not worth splitting; a leak in each way would be far more */

enum breakage {
    BREAKS_NOT,
    BREAKS_DNS,
    BREAKS_TCP,
    BREAKS_UP,   /* after so many bytes to the service */
    BREAKS_DOWN, /* from it */
    BREAKS_STATE /* at the entry of a state */
};

struct stage {
    const char *name;
    enum breakage how;
    uint64_t bytes;
    spoke_state state;
    const char *faults; /* NULL: none */
    bool wrong_trust, closes;
};

static const struct stage stages[] = {
    {.name = "the name is not found", .how = BREAKS_DNS},
    {.name = "TCP is refused", .how = BREAKS_TCP},
    {.name = "TLS: broken behind the first byte", .how = BREAKS_UP, .bytes = 1},
    {.name = "TLS: broken within the server's hello", .how = BREAKS_DOWN, .bytes = 40},
    {.name = "TLS: broken within the certificate", .how = BREAKS_DOWN, .bytes = 300},
    {.name = "TLS: the certificate is not trusted", .wrong_trust = true},
    {.name = "DPS refuses CONNECT", .faults = "{\"dpsRefuseConnect\":{\"count\":1000000,\"code\":3}}"},
    {.name = "DPS is throttled", .faults = "{\"dpsThrottle\":{\"count\":1000000,\"retryAfter\":1}}"},
    {.name = "the hub refuses CONNECT", .faults = "{\"refuseConnect\":{\"count\":1000000,\"code\":3}}"},
    {.name = "broken after CONNACK", .how = BREAKS_STATE, .state = SPOKE_SYNCING},
    {.name = "broken at READY", .how = BREAKS_STATE, .state = SPOKE_READY},
    {.name = "closed and opened at READY", .closes = true},
};
#define STAGES (sizeof stages / sizeof stages[0])

/* --- the network in between: one client, so its state is the program's --- */

static struct {
    const spoke_net *below;
    const struct stage *stage;
    uint64_t up, down;
    bool broken;
} wire;

static spoke_status wire_open(void *ctx, void *link, const char *host, uint16_t port)
{
    wire.up = wire.down = 0;
    wire.broken = false;
    return wire.below->open(ctx, link, host, port);
}

static spoke_status wire_step(void *ctx, void *link)
{
    if (wire.stage->how == BREAKS_DNS)
        return SPOKE_E_DNS;
    return wire.stage->how == BREAKS_TCP ? SPOKE_E_NET : wire.below->step(ctx, link);
}

static bool breaks(void)
{
    wire.broken = wire.broken || (wire.stage->how == BREAKS_UP && wire.up >= wire.stage->bytes) ||
                  (wire.stage->how == BREAKS_DOWN && wire.down >= wire.stage->bytes);
    return wire.broken;
}

static size_t allowed(enum breakage way, uint64_t passed, size_t len)
{
    const uint64_t left = wire.stage->how == way ? wire.stage->bytes - passed : NEVER;
    return len < left ? len : (size_t)left;
}

static spoke_status wire_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    if (breaks())
        return SPOKE_E_NET;
    const spoke_status status = wire.below->read(ctx, link, out, allowed(BREAKS_DOWN, wire.down, cap), count);
    wire.down += status == SPOKE_OK ? *count : 0;
    return status;
}

static spoke_status wire_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    if (breaks())
        return SPOKE_E_NET;
    const spoke_status status = wire.below->write(ctx, link, bytes, allowed(BREAKS_UP, wire.up, len), count);
    wire.up += status == SPOKE_OK ? *count : 0;
    return status;
}

/* --- the service, in the parent --- */

static void obey(spoke_central *central, int from, int to)
{
    char line[256];
    FILE *wishes = fdopen(from, "r");
    while (fgets(line, sizeof line, wishes) != NULL) {
        static char text[4096];
        spoke_buf out = spoke_buf_from(text, sizeof text);
        int http = 0;
        line[strcspn(line, "\n")] = '\0';
        const spoke_status status =
            spoke_central_request_wait(central, "PUT", "/control/faults", spoke_str_of(line), 5000, &http, &out);
        const char answer = status == SPOKE_OK && http == 200 ? '+' : '-';
        if (write(to, &answer, 1) != 1)
            break;
    }
    fclose(wishes);
}

static void serve(int from, int to)
{
    char why[200] = "", key[96] = "", line[600];
    spoke_central *central = NULL;
    const spoke_central_config config = SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true,
                                                             .control = true, .dps_polls = UINT32_MAX);
    if (spoke_central_start(&config, &central, why, sizeof why) != SPOKE_OK)
        fail_msg("the service did not start: %s", why);
    spoke_buf room = spoke_buf_from(key, sizeof key - 1);
    assert_ok(spoke_central_device_key(central, DEVICE, &room));
    const spoke_central_env *env = spoke_central_env_of(central);
    const int len =
        snprintf(line, sizeof line, "%u %s %s %s\n", (unsigned)env->mqtt_port, env->id_scope, key, env->ca_file);
    if (write(to, line, (size_t)len) == len)
        obey(central, from, to);
    spoke_central_stop(central);
}

/* --- the device, in the child --- */

struct device {
    int wishes, answers;
    unsigned port;
    char scope[64], key[96], ca[256];
    spoke_platform *machine, platform;
    spoke_net net;
    spoke_client *client;
    unsigned failures, readies;
};

static void on_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct device *d = user;
    (void)client, (void)from;
    d->failures += to == SPOKE_BACKOFF && why->status != SPOKE_OK;
    d->readies += to == SPOKE_READY;
    if (wire.stage->how == BREAKS_STATE && to == wire.stage->state)
        wire.broken = true;
}

static void put_faults(struct device *d, const char *faults)
{
    char answer = '-';
    char line[256];
    const int len = snprintf(line, sizeof line, "%s\n", faults);
    assert_true(write(d->wishes, line, (size_t)len) == len && read(d->answers, &answer, 1) == 1);
    assert_int_equal(answer, '+');
}

static void create(struct device *d, const char *wrong_pem)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "localhost", .port = (uint16_t)d->port, .id_scope = d->scope,
                     .registration_id = DEVICE, .credential.primary = d->key,
                     .trust_file = wrong_pem == NULL ? d->ca : NULL, .trust_pem = wrong_pem,
                     .platform = &d->platform, .on_state = on_state, .user = d);
    assert_ok(spoke_client_create(&config, &d->client));
    assert_ok(spoke_client_open(d->client));
}

/* One way that ends badly, or in READY and a close. */
static bool cycle(struct device *d, bool closes)
{
    const unsigned failures = d->failures, readies = d->readies;
    const time_t limit = time(NULL) + CYCLE_LIMIT_S;
    while (d->failures == failures && !(closes && d->readies > readies) && time(NULL) < limit) {
        spoke_client_connect_now(d->client);
        if (spoke_client_poll(d->client, 1000) != SPOKE_OK)
            return false;
    }
    if (!closes)
        return d->failures > failures;
    (void)spoke_client_close(d->client, 1000);
    return spoke_client_open(d->client) == SPOKE_OK && d->readies > readies;
}

static size_t heap_in_use(void)
{
    return mallinfo2().uordblks;
}

/* The first ways fill what is kept for good (the resolver's channel, a TLS session to resume). */
static bool run_stage(struct device *d, const struct stage *stage, unsigned cycles, const char *wrong_pem)
{
    size_t first = 0, most = 0;
    bool done = true;
    wire.stage = stage;
    put_faults(d, stage->faults != NULL ? stage->faults : "{}");
    create(d, stage->wrong_trust ? wrong_pem : NULL);
    for (unsigned i = 0; i < cycles && done; i++) {
        done = cycle(d, stage->closes);
        const size_t now = heap_in_use();
        if (i == 2)
            first = now;
        most = now > most ? now : most;
    }
    const size_t last = heap_in_use();
    printf("%-44s %8zu bytes after the third, %8zu after %u, most %8zu: %s\n", stage->name, first, last, cycles,
           most,
           !done                           ? "did not fail as it should"
           : last > first + ROUNDING_BYTES ? "LEAKS"
                                           : "flat");
    spoke_client_destroy(d->client);
    return done && last <= first + ROUNDING_BYTES;
}

static int live(struct device *d, unsigned cycles)
{
    struct test_ca *other = test_ca_create("Somebody else");
    unsigned bad = 0;
    const spoke_posix_options options = {.struct_size = sizeof options, .log_level = SPOKE_LOG_ERROR};
    assert_ok(spoke_posix_create(&options, &d->machine));
    d->platform = *d->machine;
    wire.below = d->platform.net != NULL ? d->platform.net : spoke_platform_posix()->net;
    d->net = *wire.below;
    d->net.open = wire_open;
    d->net.step = wire_step;
    d->net.read = wire_read;
    d->net.write = wire_write;
    d->platform.net = &d->net;
    for (size_t i = 0; i < STAGES; i++)
        bad += run_stage(d, &stages[i], cycles, test_ca_pem(other)) ? 0 : 1;
    printf("%zu stages, %u cycles each: %s\n", STAGES, cycles, bad == 0 ? "no byte is lost" : "some leak");
    spoke_posix_destroy(d->machine);
    test_ca_destroy(other);
    return bad > 0;
}

static int child(int wishes, int answers, unsigned cycles)
{
    static struct device d;
    char line[600] = "";
    d.wishes = wishes;
    d.answers = answers;
    for (size_t len = 0; len + 1 < sizeof line && (len == 0 || line[len - 1] != '\n'); len++)
        if (read(answers, line + len, 1) != 1)
            return 1;
    if (sscanf(line, "%u %63s %95s %255s", &d.port, d.scope, d.key, d.ca) != 4)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return live(&d, cycles);
}

/* glibc counts what its threads keep at hand as in use: without such caches the count is exact. */
static void without_caches(char **argv)
{
    static const char name[] = "GLIBC_TUNABLES";
    if (getenv(name) == NULL && setenv(name, "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 1) == 0)
        (void)execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    int down[2], up[2], status = 1;
    const unsigned long cycles =
        argc == 3 && strcmp(argv[1], "--cycles") == 0 ? strtoul(argv[2], NULL, 10) : 10000;
    if ((argc != 1 && argc != 3) || cycles < 4) {
        fprintf(stderr, "usage: %s [--cycles N], at least 4\n", argv[0]);
        return 2;
    }
    without_caches(argv);
    if (pipe(down) != 0 || pipe(up) != 0)
        return 1;
    const pid_t pid = fork();
    if (pid == 0) {
        close(down[1]);
        close(up[0]);
        exit(child(up[1], down[0], (unsigned)cycles));
    }
    close(down[0]);
    close(up[1]);
    serve(up[0], down[1]);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
