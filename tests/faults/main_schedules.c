/* Seeded schedules in simulated time.
 *
 *     fault-schedules --seeds 1..1000 [--restarts FOLDER]
 *     fault-schedules --seed 4711 --log        one of them again, told step by step
 *
 * Each tenth seed has a service that is restarted now and then, on data in FOLDER (an empty one, best in memory).
 * Prints a line each thousand, the figures, and for each failure the command that repeats it. Exit status 1 when
 * there was one, 2 for a wrong option. */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schedule.h"

#define RESTARTS_EVERY 10u
#define MOST_FAILURES 20u

static const char *program, *restarts;
static uint64_t current;

/* An assertion, a sanitizer or a signal ends the process: the seed is told all the same. */
static void tell_seed(void)
{
    char line[300];
    const int len = snprintf(
        line, sizeof line, "seed %" PRIu64 " ended the process: %s --seed %" PRIu64 "%s%s --log\n", current,
        program, current, restarts != NULL ? " --restarts " : "", restarts != NULL ? restarts : "");
    if (current != 0 && len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

static void on_signal(int signal_number)
{
    tell_seed();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *file; folder != NULL && (file = readdir(folder)) != NULL;) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", path, file->d_name);
        if (file->d_name[0] != '.')
            unlink(name);
    }
    if (folder != NULL)
        closedir(folder);
}

static bool run(uint64_t seed, bool log, struct schedule_figures *sum)
{
    char why[SCHEDULE_WHY], folder[300];
    struct schedule_options options = {.log = log};
    snprintf(folder, sizeof folder, "%s/service", restarts != NULL ? restarts : "");
    if (restarts != NULL && seed % RESTARTS_EVERY == 0) {
        empty_folder(folder);
        options.data_dir = folder;
    }
    current = seed;
    const bool fine = schedule_run(seed, &options, sum, why);
    current = 0;
    if (!fine)
        printf("FAILED: seed %" PRIu64 ": %s\n  again: %s --seed %" PRIu64 "%s%s --log\n", seed, why, program,
               seed, restarts != NULL ? " --restarts " : "", restarts != NULL ? restarts : "");
    return fine;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tell(const struct schedule_figures *f, unsigned failures, double took)
{
    printf("%" PRIu64 " schedules, %u failed, %.0f s; %" PRIu64 " steps, %" PRIu64
           " faults, %.0f days of device time\n",
           f->schedules, failures, took, f->steps, f->faults, (double)f->virtual_ms / 86400000.0);
    printf("  messages: %" PRIu64 " accepted, %" PRIu64 " delivered, %" PRIu64 " dropped as told, %" PRIu64
           " refused, %" PRIu64 " unsure (power went), %" PRIu64 " copies\n",
           f->accepted, f->delivered, f->dropped, f->refused, f->unsure, f->copies);
    printf("  properties: %" PRIu64 " reports, %" PRIu64 " desired changes; commands: %" PRIu64 ", %" PRIu64
           " answered\n",
           f->reports, f->desired, f->commands, f->commands_answered);
    printf("  connects %" PRIu64 ", power cuts %" PRIu64 ", service restarts %" PRIu64 ", polls %" PRIu64 "\n",
           f->connects, f->power_cuts, f->service_restarts, f->polls);
    printf("  longest poll beyond its limit: %" PRIu64 " ms; longest way back to READY: %" PRIu64 " s\n",
           f->longest_over_ms, f->longest_heal_ms / 1000);
}

static int run_all(uint64_t first, uint64_t last, bool log)
{
    struct schedule_figures sum = {0};
    unsigned failures = 0;
    const double begun = seconds();
    for (uint64_t seed = first; seed <= last && failures < MOST_FAILURES; seed++) {
        failures += run(seed, log, &sum) ? 0 : 1;
        if (sum.schedules % 1000 == 0)
            fprintf(stderr, "%" PRIu64 " schedules, %u failed, %.0f s\n", sum.schedules, failures,
                    seconds() - begun);
    }
    tell(&sum, failures, seconds() - begun);
    return failures == 0 ? 0 : 1;
}

static bool read_range(const char *range, uint64_t *first, uint64_t *last)
{
    char *end;
    *first = strtoull(range, &end, 10);
    if (end == range || strncmp(end, "..", 2) != 0)
        return false;
    const char *second = end + 2;
    *last = strtoull(second, &end, 10);
    return end != second && *end == '\0' && *first > 0 && *last >= *first;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, last = 100;
    bool log = false, good = true;
    program = argv[0];
    for (int i = 1; i < argc && good; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--log") == 0) {
            log = true;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            good = read_range(value, &first, &last);
            i++;
        } else if (strcmp(argv[i], "--seed") == 0) {
            first = last = strtoull(value, NULL, 10);
            good = first > 0;
            i++;
        } else if (strcmp(argv[i], "--restarts") == 0) {
            restarts = value;
            good = value[0] != '\0';
            i++;
        } else {
            good = false;
        }
    }
    if (!good) {
        fprintf(stderr, "usage: %s --seeds 1..1000 | --seed 4711 [--log] [--restarts FOLDER]\n", argv[0]);
        return 2;
    }
    if (log)
        setenv("SIM_LOG", "1", 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(tell_seed);
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    return run_all(first, last, log);
}
