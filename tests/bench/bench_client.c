/* One device under measurement: connects straight to a hub, sends telemetry, prints what that took as JSON.
 *
 *     bench_client --port N --ca FILE [--transport native|paho] [--messages N] [--window N] [--latency]
 *
 * --window says how many messages may be unacknowledged. --latency keeps one in flight and times each from the
 * send call to its acknowledgement. Memory is looked at when the client is connected and idle, and at the end. */
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <spoke/spoke.h>

enum {
    BODY_BYTES = 100,
    WARM_UP = 1000,      /* messages sent before anything is timed */
    ENTRY_BYTES = 160,   /* what one message takes in the queue, generously */
    IDLE_MS = 300,       /* of quiet before memory is looked at */
    PATIENCE_MS = 60000, /* for one message, or for the connection */
    MAX_SAMPLES = 100000
};

struct options {
    const char *transport, *ca_file;
    uint16_t port, window;
    uint32_t messages, send_bytes;
    bool latency;
};

struct bench {
    const struct options *options;
    spoke_client *client;
    uint32_t sent, acknowledged, failed;
    uint32_t *samples; /* ns; NULL: none are wanted */
    uint64_t sent_ns;
};

struct usage {
    uint64_t wall_ns, cpu_ns;
};

/* --- measuring --- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct usage usage_now(void)
{
    return (struct usage){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

/* A line of /proc/self/status, in kB. */
static long memory_kb(const char *name)
{
    char line[256];
    long kb = -1;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL)
        return -1;
    while (kb < 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    }
    fclose(file);
    return kb;
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(const uint32_t *sorted, size_t count, double share)
{
    return count > 0 ? sorted[(size_t)((double)(count - 1) * share)] / 1000.0 : 0;
}

/* --- the device --- */

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct bench *b = user;
    (void)client;
    (void)id;
    b->acknowledged++;
    b->failed += outcome != SPOKE_OK;
    if (b->samples != NULL)
        b->samples[b->acknowledged - 1] = (uint32_t)(clock_ns(CLOCK_MONOTONIC) - b->sent_ns);
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
    const struct options *o = b->options;
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
    const uint64_t until = clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * UINT64_C(1000000);
    spoke_status status = create_client(b);
    while (status == SPOKE_OK && spoke_client_state(b->client) != SPOKE_READY && clock_ns(CLOCK_MONOTONIC) < until)
        status = spoke_client_poll(b->client, 1000);
    if (status == SPOKE_OK && spoke_client_state(b->client) == SPOKE_READY)
        return true;
    char why[256];
    fprintf(stderr, "bench_client: not connected: %s\n", spoke_client_explain(b->client, why, sizeof why));
    return false;
}

static spoke_status send_one(struct bench *b)
{
    static const char body[] = "{\"temperature\":21.5,\"humidity\":40.25,\"pressure\":1013.2,"
                               "\"note\":\"exactly 100 bytes of telemetry data\"}";
    static_assert(sizeof body == BODY_BYTES + 1, "the figures are quoted for this size");
    const spoke_outgoing message = {
        .body = spoke_str_from(body, BODY_BYTES), .content_type = "", .content_encoding = "", .id = b->sent + 1};
    if (b->samples != NULL)
        b->sent_ns = clock_ns(CLOCK_MONOTONIC);
    const spoke_status status = spoke_message_send(b->client, &message);
    b->sent += status == SPOKE_OK;
    return status;
}

/* Keeps `window` messages unacknowledged until `messages` have gone and come back. */
static bool send_all(struct bench *b, uint32_t messages, uint32_t window)
{
    uint64_t moved_ns = clock_ns(CLOCK_MONOTONIC);
    b->sent = b->acknowledged = 0;
    while (b->acknowledged < messages) {
        spoke_status status = SPOKE_OK;
        const uint32_t before = b->acknowledged;
        while (status == SPOKE_OK && b->sent < messages && b->sent - b->acknowledged < window)
            status = send_one(b);
        if (status == SPOKE_OK || status == SPOKE_E_FULL)
            status = spoke_client_poll(b->client, 1000);
        if (b->acknowledged != before)
            moved_ns = clock_ns(CLOCK_MONOTONIC);
        else if (clock_ns(CLOCK_MONOTONIC) - moved_ns > PATIENCE_MS * UINT64_C(1000000))
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

static void print_latency(struct bench *b)
{
    qsort(b->samples, b->acknowledged, sizeof *b->samples, by_size);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, ", percentile_us(b->samples, b->acknowledged, 0.50),
           percentile_us(b->samples, b->acknowledged, 0.99));
}

static bool measure(struct bench *b)
{
    static uint32_t samples[MAX_SAMPLES];
    const struct options *o = b->options;
    if (spoke_client_run(b->client, IDLE_MS) != SPOKE_OK)
        return false;
    const long idle_kb = memory_kb("VmRSS"), idle_anonymous_kb = memory_kb("RssAnon");
    if (!send_all(b, WARM_UP, o->window))
        return false;
    b->samples = o->latency ? samples : NULL;
    const struct usage start = usage_now();
    if (!send_all(b, o->messages, o->window))
        return false;
    const struct usage end = usage_now();
    printf("{\"messages\": %" PRIu32 ", \"wall_s\": %.6f, \"cpu_s\": %.6f, ", o->messages,
           (double)(end.wall_ns - start.wall_ns) / 1e9, (double)(end.cpu_ns - start.cpu_ns) / 1e9);
    if (o->latency)
        print_latency(b);
    printf("\"idle_kb\": %ld, \"idle_anonymous_kb\": %ld, \"peak_kb\": %ld}\n", idle_kb, idle_anonymous_kb,
           memory_kb("VmHWM"));
    return true;
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
    char *end = NULL;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "bench_client: %s is not a number from %" PRIu32 " to %" PRIu32 "\n", text, least, most);
        exit(2);
    }
    return (uint32_t)value;
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"transport", required_argument, NULL, 't'},  {"port", required_argument, NULL, 'p'},
        {"ca", required_argument, NULL, 'c'},         {"messages", required_argument, NULL, 'm'},
        {"window", required_argument, NULL, 'w'},     {"latency", no_argument, NULL, 'l'},
        {"send-bytes", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 't':
            o->transport = optarg;
            break;
        case 'p':
            o->port = (uint16_t)number(optarg, 1, UINT16_MAX);
            break;
        case 'c':
            o->ca_file = optarg;
            break;
        case 'm':
            o->messages = number(optarg, 1, UINT32_MAX);
            break;
        case 'w':
            o->window = (uint16_t)number(optarg, 1, UINT16_MAX);
            break;
        case 's':
            o->send_bytes = number(optarg, 0, UINT32_MAX);
            break;
        case 'l':
            o->latency = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {.transport = "native", .messages = 10000, .window = 64};
    read_options(argc, argv, &options);
    if (options.latency)
        options.window = 1;
    if (options.port == 0 || options.ca_file == NULL || transport_named(options.transport) == NULL ||
        (options.latency && options.messages > MAX_SAMPLES)) {
        fprintf(stderr, "bench_client: wants --port, --ca and a transport that this build has\n");
        return 2;
    }
    struct bench bench = {.options = &options};
    const bool ok = connect_client(&bench) && measure(&bench);
    if (ok)
        (void)spoke_client_close(bench.client, 5000);
    spoke_client_destroy(bench.client);
    return ok ? 0 : 1;
}
