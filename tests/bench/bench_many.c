/* Many clients in one process, on one thread, as a gateway or a simulator has them: connected over TLS from one epoll
 * set, left idle, and connected once more, which resumes their sessions. Prints what that took as JSON.
 *
 *     bench_many --port N --ca FILE [--clients N] [--at-once N] [--service PID] [--idle-s N] [--small]
 *
 * --small: the sizes of "small firmware" in docs/memory.md. --at-once: how many connect at the same time. --service: the
 * process on the other side, whose CPU time is told too. Memory is that of the whole process. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <spoke/crypto.h>
#include <spoke/spoke.h>

#include "bench.h"

enum {
    EVENTS = 256,
    SETTLE_MS = 500,      /* of quiet before memory is looked at */
    PATIENCE_MS = 120000, /* for all of them to connect */
    CLOSE_MS = 5000
};

struct options {
    const char *ca_file;
    uint16_t port;
    uint32_t clients, at_once, idle_s;
    int service;
    bool small;
};

struct device {
    spoke_client *client;
    uint64_t due_ms;
};

struct many {
    struct options o;
    struct device *devices;
    uint32_t opened, ready;
    uint64_t turns;
    int epoll;
    spoke_trust *trust;
};

/* --- measuring --- */

struct usage {
    uint64_t wall_ns, cpu_ns, service_ns;
};

static uint64_t now_ms(void)
{
    return bench_clock_ns(CLOCK_MONOTONIC) / 1000000u;
}

static struct usage usage_now(int service)
{
    const struct bench_usage own = bench_usage_now();
    return (struct usage){own.wall_ns, own.cpu_ns, bench_cpu_ns_of(service)};
}

static void print_usage(const char *name, struct usage from, struct usage to)
{
    printf("\"%s\": {\"wall_s\": %.3f, \"cpu_s\": %.3f, \"service_cpu_s\": %.3f}, ", name,
           (double)(to.wall_ns - from.wall_ns) / 1e9, (double)(to.cpu_ns - from.cpu_ns) / 1e9,
           (double)(to.service_ns - from.service_ns) / 1e9);
}

/* --- the loop of a program with many clients --- */

static bool fail(const struct many *m, const char *what, spoke_client *client)
{
    char why[256] = "";
    if (client != NULL)
        spoke_client_explain(client, why, sizeof why);
    fprintf(stderr, "bench_many: %s, %" PRIu32 " of %" PRIu32 " are connected: %s\n", what, m->ready, m->o.clients,
            why);
    return false;
}

static bool turn(struct many *m, uint32_t index)
{
    struct device *d = &m->devices[index];
    m->turns++;
    if (spoke_client_poll(d->client, 0) != SPOKE_OK)
        return fail(m, "a client failed", d->client);
    const uint32_t ms = spoke_client_next_ms(d->client);
    d->due_ms = ms == UINT32_MAX ? UINT64_MAX : now_ms() + ms;
    return true;
}

static int sleep_ms(const struct many *m, uint32_t limit_ms)
{
    uint64_t due = UINT64_MAX;
    const uint64_t now = now_ms();
    for (uint32_t i = 0; i < m->o.clients; i++)
        due = m->devices[i].due_ms < due ? m->devices[i].due_ms : due;
    if (due <= now)
        return 0;
    return (int)(due - now < limit_ms ? due - now : limit_ms);
}

/* One wake-up: whatever has something to read, and whatever is due. */
static bool round_of(struct many *m, uint32_t limit_ms)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(m->epoll, events, EVENTS, sleep_ms(m, limit_ms));
    for (int i = 0; i < count; i++) {
        if (!turn(m, events[i].data.u32))
            return false;
    }
    const uint64_t now = now_ms();
    for (uint32_t i = 0; i < m->o.clients; i++) {
        if (m->devices[i].due_ms <= now && !turn(m, i))
            return false;
    }
    return true;
}

static bool loop_for(struct many *m, uint32_t ms)
{
    const uint64_t until = now_ms() + ms;
    for (uint64_t now = now_ms(); now < until; now = now_ms()) {
        if (!round_of(m, (uint32_t)(until - now)))
            return false;
    }
    return true;
}

static bool connect_all(struct many *m)
{
    const uint64_t until = now_ms() + PATIENCE_MS;
    m->opened = 0;
    while (m->ready < m->o.clients) {
        while (m->opened < m->o.clients && m->opened - m->ready < m->o.at_once) {
            struct device *d = &m->devices[m->opened++];
            if (spoke_client_open(d->client) != SPOKE_OK)
                return fail(m, "a client cannot be opened", d->client);
            d->due_ms = 0;
        }
        if (!round_of(m, 1000))
            return false;
        if (now_ms() > until)
            return fail(m, "no patience left", m->devices[m->opened - 1].client);
    }
    return true;
}

static bool close_all(struct many *m)
{
    for (uint32_t i = 0; i < m->o.clients; i++) {
        if (spoke_client_close(m->devices[i].client, CLOSE_MS) != SPOKE_OK)
            return fail(m, "a client cannot be closed", m->devices[i].client);
        m->devices[i].due_ms = UINT64_MAX;
    }
    return true;
}

/* --- the clients --- */

static void on_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct many *m = user;
    (void)client;
    (void)why;
    m->ready += to == SPOKE_READY;
    m->ready -= from == SPOKE_READY;
}

static void make_small(spoke_config *config)
{
    config->queue_bytes = config->receive_bytes = config->send_bytes = 2048;
    config->report_bytes = 1024;
    config->in_flight = 8;
    config->commands = 1;
}

static bool create_all(struct many *m)
{
    m->devices = calloc(m->o.clients, sizeof *m->devices);
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (spoke_trust_create(NULL, m->o.ca_file, &m->trust, NULL) != SPOKE_OK)
        return fail(m, "the CA file cannot be read", NULL);
    if (m->devices == NULL || m->epoll < 0)
        return fail(m, "no memory or descriptor", NULL);
    for (uint32_t i = 0; i < m->o.clients; i++) {
        char id[32];
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        snprintf(id, sizeof id, "dev-%" PRIu32, i);
        /* Any key will do: the service of this bench lets everyone in. */
        spoke_config config = SPOKE_CONFIG(.hub_host = "localhost", .registration_id = id, .port = m->o.port,
                                           .credential.primary = "AAECAwQFBgcICQoLDA0ODw==", .trust = m->trust,
                                           .on_state = on_state, .user = m);
        if (m->o.small)
            make_small(&config);
        m->devices[i].due_ms = UINT64_MAX;
        if (spoke_client_create(&config, &m->devices[i].client) != SPOKE_OK)
            return fail(m, "a client cannot be made", NULL);
        if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, spoke_client_fd(m->devices[i].client), &event) != 0)
            return fail(m, "no descriptor for a client", NULL);
    }
    return true;
}

static void destroy_all(struct many *m)
{
    for (uint32_t i = 0; m->devices != NULL && i < m->o.clients; i++)
        spoke_client_destroy(m->devices[i].client);
    free(m->devices);
    spoke_trust_destroy(m->trust);
}

/* --- the run --- */

static bool measure(struct many *m)
{
    const long empty_kb = bench_memory_now().rss_kb;
    const struct usage start = usage_now(m->o.service);
    if (!create_all(m))
        return false;
    const struct usage created = usage_now(m->o.service);
    const long created_kb = bench_memory_now().rss_kb;
    if (!connect_all(m))
        return false;
    const struct usage connected = usage_now(m->o.service);
    if (!loop_for(m, SETTLE_MS))
        return false;
    const long connected_kb = bench_memory_now().rss_kb, anonymous_kb = bench_memory_now().anonymous_kb;
    const struct usage idle = usage_now(0);
    if (!loop_for(m, m->o.idle_s * 1000))
        return false;
    const struct usage idled = usage_now(0);
    if (!close_all(m))
        return false;
    const struct usage again = usage_now(m->o.service);
    if (!connect_all(m))
        return false;
    const struct usage resumed = usage_now(m->o.service);
    if (!loop_for(m, SETTLE_MS))
        return false;
    printf("{\"clients\": %" PRIu32 ", \"empty_kb\": %ld, \"created_kb\": %ld, \"connected_kb\": %ld, "
           "\"anonymous_kb\": %ld, \"resumed_kb\": %ld, ",
           m->o.clients, empty_kb, created_kb, connected_kb, anonymous_kb, bench_memory_now().rss_kb);
    print_usage("create", start, created);
    print_usage("connect", created, connected);
    print_usage("resume", again, resumed);
    printf("\"idle_cpu_share\": %.5f}\n",
           (double)(idled.cpu_ns - idle.cpu_ns) / (double)(idled.wall_ns - idle.wall_ns));
    return close_all(m);
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
    char *end = NULL;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "bench_many: %s is not a number from %" PRIu32 " to %" PRIu32 "\n", text, least, most);
        exit(2);
    }
    return (uint32_t)value;
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},    {"ca", required_argument, NULL, 'c'},
        {"clients", required_argument, NULL, 'n'}, {"at-once", required_argument, NULL, 'a'},
        {"service", required_argument, NULL, 's'}, {"idle-s", required_argument, NULL, 'i'},
        {"small", no_argument, NULL, 'S'},         {NULL, 0, NULL, 0}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (name == 'p')
            o->port = (uint16_t)number(optarg, 1, UINT16_MAX);
        else if (name == 'c')
            o->ca_file = optarg;
        else if (name == 'n')
            o->clients = number(optarg, 1, 1000000);
        else if (name == 'a')
            o->at_once = number(optarg, 1, UINT32_MAX);
        else if (name == 's')
            o->service = (int)number(optarg, 1, INT32_MAX);
        else if (name == 'i')
            o->idle_s = number(optarg, 1, 3600);
        else if (name == 'S')
            o->small = true;
        else
            exit(2);
    }
}

int main(int argc, char **argv)
{
    struct many many = {.o = {.clients = 1000, .at_once = 64, .idle_s = 2}, .epoll = -1};
    read_options(argc, argv, &many.o);
    if (many.o.port == 0 || many.o.ca_file == NULL) {
        fprintf(stderr, "bench_many: wants --port and --ca\n");
        return 2;
    }
    bench_raise_files();
    const bool ok = measure(&many);
    destroy_all(&many);
    return ok ? 0 : 1;
}
