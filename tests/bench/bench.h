/* What the programs of one table share (clients.py): their options, the message, and the line of JSON at the end.
 *
 *     bench_read_options(argc, argv, "bench_client", &options);
 *     struct bench_memory idle = bench_memory_now();      // connected, and quiet
 *     ... BENCH_WARM_UP messages
 *     struct bench_usage start = bench_usage_now();
 *     ... options.messages messages; with options.latency each time of one goes to bench_latency_add
 *     bench_print(&options, &start, &idle, options.latency ? &latency : NULL); */
#ifndef SPOKE_TESTS_BENCH_H
#define SPOKE_TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define BENCH_TOPIC "devices/dev1/messages/events/"

enum {
    BENCH_BODY_BYTES = 100,
    BENCH_WARM_UP = 1000, /* messages sent before anything is timed */
    BENCH_MAX_SAMPLES = 100000
};

extern const char bench_body[BENCH_BODY_BYTES + 1];

struct bench_options {
    const char *transport, *ca_file;
    uint16_t port, window; /* window: messages unacknowledged at most; 1 with latency */
    uint32_t messages, send_bytes;
    bool latency;
};

/* Exits with a sentence when they make no sense. */
void bench_read_options(int argc, char **argv, const char *program, struct bench_options *out);

struct bench_usage {
    uint64_t wall_ns, cpu_ns; /* of the whole process */
};

struct bench_memory {
    long rss_kb, anonymous_kb;
};

struct bench_latency {
    uint32_t count;
    uint32_t ns[BENCH_MAX_SAMPLES];
};

uint64_t bench_clock_ns(clockid_t clock);
struct bench_usage bench_usage_now(void);
struct bench_memory bench_memory_now(void);
void bench_raise_files(void);          /* open files: as many as this process may have */
uint64_t bench_cpu_ns_of(int process); /* so far; 0: there is none */
void bench_latency_add(struct bench_latency *latency, uint64_t ns); /* beyond BENCH_MAX_SAMPLES: nothing */

/* latency NULL: none was measured. Sorts it. */
void bench_print(const struct bench_options *options, const struct bench_usage *start,
                 const struct bench_memory *idle, struct bench_latency *latency);

#endif
