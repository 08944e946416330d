/* One device under measurement: connects straight to a hub, sends telemetry, prints what that took as JSON.
 *
 *     bench_client --port N --ca FILE [--transport native|paho] [--messages N] [--window N] [--latency]
 *
 * --window says how many messages may be unacknowledged. --latency keeps one in flight and times each from the
 * send call to its acknowledgement. Memory is looked at when the client is connected and idle, and at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <spoke/spoke.h>

#include "bench.h"

enum {
    ENTRY_BYTES = 160,  /* what one message takes in the queue, generously */
    IDLE_MS = 300,      /* of quiet before memory is looked at */
    PATIENCE_MS = 60000 /* for one message, or for the connection */
};

struct bench {
    const struct bench_options *options;
    spoke_client *client;
    uint32_t sent, acknowledged, failed;
    struct bench_latency *latency; /* NULL: not wanted */
    uint64_t sent_ns;
};

static uint64_t clock_ns(void)
{
    return bench_clock_ns(CLOCK_MONOTONIC);
}

/* --- the device --- */

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct bench *b = user;
    (void)client;
    (void)id;
    b->acknowledged++;
    b->failed += outcome != SPOKE_OK;
    if (b->latency != NULL)
        bench_latency_add(b->latency, clock_ns() - b->sent_ns);
}

static const spoke_transport_ops *transport_named(const char *name)
{
    if (strcmp(name, "native") == 0)
        return spoke_transport_native();
#ifdef SPOKE_HAVE_PAHO
    if (strcmp(name, "paho") == 0)
        return spoke_transport_paho();
#endif
    return NULL;
}

static spoke_status create_client(struct bench *b)
{
    const struct bench_options *o = b->options;
    /* Any key will do: the sink lets everyone in. */
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "localhost", .registration_id = "dev1", .port = o->port,
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODw==", .trust_file = o->ca_file,
                     .on_sent = on_sent, .user = b, .transport = transport_named(o->transport),
                     .in_flight = o->window, .queue_bytes = (uint32_t)(o->window + 8) * ENTRY_BYTES,
                     .send_bytes = o->send_bytes);
    const spoke_status status = spoke_client_create(&config, &b->client);
    return status == SPOKE_OK ? spoke_client_open(b->client) : status;
}

static bool connect_client(struct bench *b)
{
    const uint64_t until = clock_ns() + PATIENCE_MS * UINT64_C(1000000);
    spoke_status status = create_client(b);
    while (status == SPOKE_OK && spoke_client_state(b->client) != SPOKE_READY && clock_ns() < until)
        status = spoke_client_poll(b->client, 1000);
    if (status == SPOKE_OK && spoke_client_state(b->client) == SPOKE_READY)
        return true;
    char why[256];
    fprintf(stderr, "bench_client: not connected: %s\n", spoke_client_explain(b->client, why, sizeof why));
    return false;
}

static spoke_status send_one(struct bench *b)
{
    const spoke_outgoing message = {.body = spoke_str_from(bench_body, BENCH_BODY_BYTES),
                                    .content_type = "",
                                    .content_encoding = "",
                                    .id = b->sent + 1};
    if (b->latency != NULL)
        b->sent_ns = clock_ns();
    const spoke_status status = spoke_message_send(b->client, &message);
    b->sent += status == SPOKE_OK;
    return status;
}

/* Keeps `window` messages unacknowledged until `messages` have gone and come back. */
static bool send_all(struct bench *b, uint32_t messages, uint32_t window)
{
    uint64_t moved_ns = clock_ns();
    b->sent = b->acknowledged = 0;
    while (b->acknowledged < messages) {
        spoke_status status = SPOKE_OK;
        const uint32_t before = b->acknowledged;
        while (status == SPOKE_OK && b->sent < messages && b->sent - b->acknowledged < window)
            status = send_one(b);
        if (status == SPOKE_OK || status == SPOKE_E_FULL)
            status = spoke_client_poll(b->client, 1000);
        if (b->acknowledged != before)
            moved_ns = clock_ns();
        else if (clock_ns() - moved_ns > PATIENCE_MS * UINT64_C(1000000))
            status = SPOKE_E_TIMEOUT;
        if (status != SPOKE_OK || b->failed > 0) {
            fprintf(stderr, "bench_client: %s after %" PRIu32 " messages\n", spoke_status_text(status),
                    b->acknowledged);
            return false;
        }
    }
    return true;
}

/* --- the run --- */

static bool measure(struct bench *b)
{
    static struct bench_latency latency;
    const struct bench_options *o = b->options;
    if (spoke_client_run(b->client, IDLE_MS) != SPOKE_OK)
        return false;
    const struct bench_memory idle = bench_memory_now();
    if (!send_all(b, BENCH_WARM_UP, o->window))
        return false;
    b->latency = o->latency ? &latency : NULL;
    const struct bench_usage start = bench_usage_now();
    if (!send_all(b, o->messages, o->window))
        return false;
    bench_print(o, &start, &idle, b->latency);
    return true;
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_read_options(argc, argv, "bench_client", &options);
    if (transport_named(options.transport) == NULL) {
        fprintf(stderr, "bench_client: this build has no transport %s\n", options.transport);
        return 2;
    }
    struct bench bench = {.options = &options};
    const bool ok = connect_client(&bench) && measure(&bench);
    if (ok)
        (void)spoke_client_close(bench.client, 5000);
    spoke_client_destroy(bench.client);
    return ok ? 0 : 1;
}
