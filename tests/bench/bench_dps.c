/* What registrations with a false token cost the service: its core in memory, no sockets, on a fake clock.
 *
 *     bench_dps GROUPS RATE SECONDS [budget]
 *
 * RATE connections a second, each with a token that none of GROUPS enrolment groups accepts, all from one address; with
 * "budget" that address counts, as it does for what comes over the network. Prints CPU time as JSON: of the loop in each
 * second, in the last second, and of the slowest registration. */
#include <time.h>

#include "support/central_bench.h"

#define ID "guessed"
#define NAME BENCH_SCOPE "/registrations/" ID

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void add_groups(struct store *store, unsigned count)
{
    char id[32], key[] = BENCH_GROUP_KEY;
    assert_ok(store_begin(store));
    for (unsigned i = 1; i < count; i++) { /* the service made one */
        (void)snprintf(id, sizeof id, "group-%04u", i);
        key[0] = (char)('A' + i % 26);
        key[1] = (char)('A' + i / 26 % 26);
        key[2] = (char)('A' + i / 676);
        const struct store_group row = {.id = id,
                                        .display_name = id,
                                        .type = (char[]){"iot"},
                                        .primary_key = key,
                                        .secondary_key = key,
                                        .enabled = true};
        assert_ok(store_group_put(store, &row));
    }
    assert_ok(store_commit(store));
}

/* The CPU time that it took. */
static double register_once(struct bench *b, const char *token, const char *address)
{
    static struct device d;
    const double start = cpu_ms();
    device_open(&d, b, NULL);
    core_conn_from(d.conn, spoke_str_of(address));
    device_connect_as(&d, ID, NAME "/api-version=2019-03-31", token, true, 240);
    device_subscribe(&d, "$dps/registrations/res/#", 1);
    device_publish(&d, "$dps/registrations/PUT/iotdps-register/?$rid=1", "{\"registrationId\":\"" ID "\"}", 0);
    device_close(&d);
    return cpu_ms() - start;
}

int main(int argc, char **argv)
{
    static struct bench b;
    char token[1024];
    if (argc < 4) {
        (void)fprintf(stderr, "usage: bench_dps GROUPS RATE SECONDS [budget]\n");
        return 2;
    }
    const unsigned groups = (unsigned)strtoul(argv[1], NULL, 10), rate = (unsigned)strtoul(argv[2], NULL, 10);
    const unsigned seconds = (unsigned)strtoul(argv[3], NULL, 10);
    const bool budget = argc > 4 && strcmp(argv[4], "budget") == 0;
    double all = 0, last = 0, slowest = 0;
    bench_open(&b);
    add_groups(core_store(b.core), groups);
    bench_token(ID, "L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg=", NAME, BENCH_START_S + 86400, token,
                sizeof token);
    for (unsigned s = 0; s < seconds; s++) {
        last = 0;
        for (unsigned i = 0; i < rate; i++) {
            const double took = register_once(&b, token, budget ? "\1\2\3\4" : "");
            last += took;
            slowest = took > slowest ? took : slowest;
            b.now_ms = 1000 + s * 1000u + (i + 1) * 1000u / rate;
        }
        core_tick(b.core);
        all += last;
    }
    (void)printf(
        "{\"groups\": %u, \"rate\": %u, \"budget\": %s, \"cpu_ms_each_second\": %.1f, \"cpu_ms_last_second\": %.1f,"
        " \"slowest_ms\": %.2f}\n",
        groups, rate, budget ? "true" : "false", all / seconds, last, slowest);
    bench_close(&b);
    return 0;
}
