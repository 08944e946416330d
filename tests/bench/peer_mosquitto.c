/* A peer: libmosquitto alone, as a program of the benchmark (clients.py).
 *
 * Its best settings here: everything in the caller's thread, as many in flight as the window, TCP_NODELAY. */
#include <stdio.h>
#include <stdlib.h>

#include <mosquitto.h>

#include "bench.h"

enum { IDLE_MS = 300, TURN_MS = 1000 };

#define PATIENCE_NS (60 * UINT64_C(1000000000))

struct peer {
    struct mosquitto *client;
    bool connected, timing;
    uint32_t sent, acknowledged;
    uint64_t sent_ns;
    struct bench_latency latency;
};

static void die(const char *what)
{
    fprintf(stderr, "peer_mosquitto: %s\n", what);
    exit(1);
}

static void check(int result)
{
    if (result != MOSQ_ERR_SUCCESS)
        die(mosquitto_strerror(result));
}

static void on_connect(struct mosquitto *client, void *context, int code)
{
    (void)client;
    if (code != 0)
        die(mosquitto_connack_string(code));
    ((struct peer *)context)->connected = true;
}

static void on_publish(struct mosquitto *client, void *context, int id)
{
    struct peer *p = context;
    (void)client, (void)id;
    p->acknowledged++;
    if (p->timing)
        bench_latency_add(&p->latency, bench_clock_ns(CLOCK_MONOTONIC) - p->sent_ns);
}

static void turn(const struct peer *p, uint64_t moved_ns)
{
    check(mosquitto_loop(p->client, TURN_MS, 1));
    if (bench_clock_ns(CLOCK_MONOTONIC) - moved_ns > PATIENCE_NS)
        die("nothing came for a minute");
}

static void connect_client(struct peer *p, const struct bench_options *o)
{
    p->client = mosquitto_new("dev1", true, p);
    if (p->client == NULL)
        die("no memory");
    mosquitto_connect_callback_set(p->client, on_connect);
    mosquitto_publish_callback_set(p->client, on_publish);
    check(mosquitto_username_pw_set(p->client, "hub.local/dev1", "any"));
    check(mosquitto_tls_set(p->client, o->ca_file, NULL, NULL, NULL, NULL));
    check(mosquitto_tls_opts_set(p->client, 1, "tlsv1.2", NULL));
    check(mosquitto_int_option(p->client, MOSQ_OPT_TCP_NODELAY, 1));
    check(mosquitto_max_inflight_messages_set(p->client, o->window));
    check(mosquitto_connect(p->client, "localhost", o->port, 240));
    const uint64_t begun = bench_clock_ns(CLOCK_MONOTONIC);
    while (!p->connected)
        turn(p, begun);
}

/* Returns when all are acknowledged. */
static void send_all(struct peer *p, uint32_t messages, uint32_t window)
{
    uint64_t moved_ns = bench_clock_ns(CLOCK_MONOTONIC);
    p->sent = p->acknowledged = 0;
    while (p->acknowledged < messages) {
        const uint32_t before = p->acknowledged;
        while (p->sent < messages && p->sent - p->acknowledged < window) {
            p->sent_ns = bench_clock_ns(CLOCK_MONOTONIC); /* the one in flight, when that is timed */
            check(mosquitto_publish(p->client, NULL, BENCH_TOPIC, BENCH_BODY_BYTES, bench_body, 1, false));
            p->sent++;
        }
        turn(p, moved_ns);
        if (p->acknowledged != before)
            moved_ns = bench_clock_ns(CLOCK_MONOTONIC);
    }
}

int main(int argc, char **argv)
{
    static struct peer peer;
    struct bench_options options;
    bench_read_options(argc, argv, "peer_mosquitto", &options);
    mosquitto_lib_init();
    connect_client(&peer, &options);
    check(mosquitto_loop(peer.client, IDLE_MS, 1));
    const struct bench_memory idle = bench_memory_now();
    send_all(&peer, BENCH_WARM_UP, options.window);
    peer.timing = options.latency;
    const struct bench_usage start = bench_usage_now();
    send_all(&peer, options.messages, options.window);
    bench_print(&options, &start, &idle, options.latency ? &peer.latency : NULL);
    mosquitto_disconnect(peer.client);
    mosquitto_destroy(peer.client);
    mosquitto_lib_cleanup();
    return 0;
}
