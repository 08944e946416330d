/* A device that starts: provisions, connects, sends one message, and ends with its acknowledgement. Prints how long that
 * took since the process was started, as JSON.
 *
 *     bench_start --port N --ca FILE --since NS [--service PID]
 *
 * --since: CLOCK_MONOTONIC, in ns, when it was started. --service: the process on the other side, whose CPU time in
 * between is told too; both DPS and the hub are there. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <spoke/spoke.h>

#include "bench.h"

enum { PATIENCE_MS = 20000 };

struct options {
    const char *ca_file;
    uint16_t port;
    uint64_t since_ns;
    int service;
};

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)id;
    *(bool *)user = outcome == SPOKE_OK;
}

static spoke_status start(const struct options *o, spoke_client **client, bool *acknowledged)
{
    /* Any key will do: the service of this bench lets everyone in. */
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "localhost", .id_scope = "0ne00000000", .registration_id = "dev1",
                     .port = o->port, .credential.primary = "AAECAwQFBgcICQoLDA0ODw==", .trust_file = o->ca_file,
                     .on_sent = on_sent, .user = acknowledged);
    const spoke_outgoing message = {.body = spoke_str_from(bench_body, BENCH_BODY_BYTES), .id = 1};
    spoke_status status = spoke_client_create(&config, client);
    if (status == SPOKE_OK)
        status = spoke_message_send(*client, &message);
    return status == SPOKE_OK ? spoke_client_open(*client) : status;
}

static bool run(const struct options *o, spoke_client **client)
{
    bool acknowledged = false;
    char why[256] = "it cannot be made";
    const uint64_t until = bench_clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * UINT64_C(1000000);
    spoke_status status = start(o, client, &acknowledged);
    while (status == SPOKE_OK && !acknowledged && bench_clock_ns(CLOCK_MONOTONIC) < until)
        status = spoke_client_poll(*client, 1000);
    if (acknowledged)
        return true;
    if (*client != NULL)
        spoke_client_explain(*client, why, sizeof why);
    fprintf(stderr, "bench_start: no acknowledgement: %s\n", why);
    return false;
}

static uint64_t number(const char *text)
{
    char *end = NULL;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0') {
        fprintf(stderr, "bench_start: %s is no number\n", text);
        exit(2);
    }
    return value;
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                          {"ca", required_argument, NULL, 'c'},
                                          {"since", required_argument, NULL, 's'},
                                          {"service", required_argument, NULL, 'S'},
                                          {NULL, 0, NULL, 0}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (name == 'p')
            o->port = (uint16_t)number(optarg);
        else if (name == 'c')
            o->ca_file = optarg;
        else if (name == 's')
            o->since_ns = number(optarg);
        else if (name == 'S')
            o->service = (int)number(optarg);
        else
            exit(2);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.port = 0};
    spoke_client *client = NULL;
    read_options(argc, argv, &options);
    if (options.port == 0 || options.ca_file == NULL || options.since_ns == 0) {
        fprintf(stderr, "bench_start: wants --port, --ca and --since\n");
        return 2;
    }
    const uint64_t service_ns = bench_cpu_ns_of(options.service);
    const bool ok = run(&options, &client);
    if (ok)
        printf("{\"start_ms\": %.2f, \"cpu_ms\": %.2f, \"service_cpu_ms\": %.2f}\n",
               (double)(bench_clock_ns(CLOCK_MONOTONIC) - options.since_ns) / 1e6,
               (double)bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e6,
               (double)(bench_cpu_ns_of(options.service) - service_ns) / 1e6);
    spoke_client_destroy(client);
    return ok ? 0 : 1;
}
