#include "bench.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char bench_body[BENCH_BODY_BYTES + 1] = "{\"temperature\":21.5,\"humidity\":40.25,\"pressure\":1013.2,"
                                              "\"note\":\"exactly 100 bytes of telemetry data\"}";

/* --- measuring --- */

uint64_t bench_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct bench_usage bench_usage_now(void)
{
    return (struct bench_usage){bench_clock_ns(CLOCK_MONOTONIC), bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

void bench_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

uint64_t bench_cpu_ns_of(int process)
{
    clockid_t clock;
    return process > 0 && clock_getcpuclockid(process, &clock) == 0 ? bench_clock_ns(clock) : 0;
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

struct bench_memory bench_memory_now(void)
{
    return (struct bench_memory){memory_kb("VmRSS"), memory_kb("RssAnon")};
}

void bench_latency_add(struct bench_latency *latency, uint64_t ns)
{
    if (latency->count < BENCH_MAX_SAMPLES)
        latency->ns[latency->count++] = (uint32_t)ns;
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(const struct bench_latency *sorted, double share)
{
    return sorted->count > 0 ? sorted->ns[(size_t)((double)(sorted->count - 1) * share)] / 1000.0 : 0;
}

/* --- the line at the end --- */

void bench_print(const struct bench_options *options, const struct bench_usage *start,
                 const struct bench_memory *idle, struct bench_latency *latency)
{
    const struct bench_usage end = bench_usage_now();
    printf("{\"messages\": %" PRIu32 ", \"wall_s\": %.6f, \"cpu_s\": %.6f, ", options->messages,
           (double)(end.wall_ns - start->wall_ns) / 1e9, (double)(end.cpu_ns - start->cpu_ns) / 1e9);
    if (latency != NULL) {
        qsort(latency->ns, latency->count, sizeof *latency->ns, by_size);
        printf("\"p50_us\": %.1f, \"p99_us\": %.1f, ", percentile_us(latency, 0.50), percentile_us(latency, 0.99));
    }
    printf("\"idle_kb\": %ld, \"idle_anonymous_kb\": %ld, \"peak_kb\": %ld}\n", idle->rss_kb, idle->anonymous_kb,
           memory_kb("VmHWM"));
}

/* --- options --- */

static void refuse(const char *program, const char *why)
{
    fprintf(stderr, "%s: %s\n", program, why);
    exit(2);
}

static uint32_t number(const char *program, const char *text, uint32_t least, uint32_t most)
{
    char *end = NULL;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "%s: %s is not a number from %" PRIu32 " to %" PRIu32 "\n", program, text, least, most);
        exit(2);
    }
    return (uint32_t)value;
}

static void take_option(const char *program, int name, struct bench_options *o)
{
    switch (name) {
    case 't':
        o->transport = optarg;
        break;
    case 'p':
        o->port = (uint16_t)number(program, optarg, 1, UINT16_MAX);
        break;
    case 'c':
        o->ca_file = optarg;
        break;
    case 'm':
        o->messages = number(program, optarg, 1, UINT32_MAX);
        break;
    case 'w':
        o->window = (uint16_t)number(program, optarg, 1, UINT16_MAX);
        break;
    case 's':
        o->send_bytes = number(program, optarg, 0, UINT32_MAX);
        break;
    case 'l':
        o->latency = true;
        break;
    default:
        exit(2);
    }
}

void bench_read_options(int argc, char **argv, const char *program, struct bench_options *out)
{
    static const struct option names[] = {
        {"transport", required_argument, NULL, 't'},  {"port", required_argument, NULL, 'p'},
        {"ca", required_argument, NULL, 'c'},         {"messages", required_argument, NULL, 'm'},
        {"window", required_argument, NULL, 'w'},     {"latency", no_argument, NULL, 'l'},
        {"send-bytes", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    *out = (struct bench_options){.transport = "native", .messages = 10000, .window = 64};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;)
        take_option(program, name, out);
    if (out->latency)
        out->window = 1;
    if (out->port == 0 || out->ca_file == NULL)
        refuse(program, "wants --port and --ca");
    if (out->latency && out->messages > BENCH_MAX_SAMPLES)
        refuse(program, "takes at most 100000 messages with --latency");
}
