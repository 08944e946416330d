#include "fleet/fleet.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <spoke/crypto.h>

#include "fleet/report.h"
#include "fleet/worker.h"

#define SPARE_FILES 64u  /* beside one for each device */
#define PLAIN_EVERY_S 10 /* a line of progress where there is no terminal */
#define TURN_MS 1000     /* of the thread that tells */
#define SECOND_SIGNAL_CODE 130

struct run {
    struct fleet fleet;
    struct fleet_template t;
    struct identities identities;
    spoke_trust *trust;
    struct worker *workers;
    size_t worker_count;
    FILE *csv, *human; /* human: where progress and summary go; NULL: nowhere */
    bool terminal;
    struct report_look first, before; /* first: when a message had been sent */
    uint64_t speak_ms;                /* since when telemetry is sent; 0: not yet */
    size_t troubles_told;
};

static int say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("spoke fleet: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    return TOOL_TROUBLE;
}

/* --- before it begins; each answers -1 to go on, else the exit code --- */

static int load_template(struct run *r, struct fleet_options *o)
{
    const int code = tool_load_valid(&o->loaded, o->arguments.paths, o->arguments.path_count);
    if (code != TOOL_OK)
        return TOOL_TROUBLE;
    const struct dtdl_element *interface = tool_pick_interface(&o->loaded, o->interface);
    if (interface == NULL)
        return TOOL_TROUBLE;
    const spoke_status status =
        template_make(&o->loaded.heap.arena, interface, device_on_property, device_on_command, &r->t);
    if (status != SPOKE_OK)
        return say("the template cannot be used: %s", spoke_status_text(status));
    if (r->t.left_out > 0)
        fprintf(stderr,
                "spoke fleet: note: of %zu capabilities no value fits the template, '%s' for one; they are left "
                "out\n",
                r->t.left_out, r->t.example);
    if (r->t.message_count == 0)
        fputs("spoke fleet: note: the template has no telemetry; nothing is sent\n", stderr);
    if (r->t.most_bytes > DEVICE_ROOM / 2)
        return say("a message of this template would take more than %u bytes", DEVICE_ROOM / 2);
    return -1;
}

static int read_identities(struct run *r, struct fleet_options *o)
{
    char why[300];
    r->identities.prefix = o->prefix;
    r->identities.first = o->first;
    r->identities.group = o->has_group_key ? &o->group_key : NULL;
    if (o->keys_file == NULL)
        return -1;
    if (!identities_read(&r->identities, o->keys_file, why, sizeof why))
        return say("%s", why);
    if (o->devices > r->identities.count)
        return say("%s has %zu devices; --devices asks for %u", o->keys_file, r->identities.count,
                   (unsigned)o->devices);
    o->devices = o->devices > 0 ? o->devices : (uint32_t)r->identities.count;
    return -1;
}

static int read_trust(struct run *r, const struct fleet_options *o)
{
    spoke_error why;
    if (spoke_trust_create(NULL, o->trust_file, &r->trust, &why) != SPOKE_OK)
        return say("%s: %s", o->trust_file != NULL ? o->trust_file : "the system's bundle", why.text);
    r->fleet.trust = r->trust;
    return -1;
}

static int check_target(struct run *r, const struct fleet_options *o)
{
    char why[800];
    const char *target = options_target(o);
    if (!gate_check_target(&r->fleet.gate, target, why, sizeof why))
        return say("%s", why);
    const struct gate_host *host = gate_look(&r->fleet.gate, target);
    for (size_t i = 0; o->key_in_arguments && i < host->count; i++) {
        if (!gate_is_loopback(&host->addresses[i]))
            return say(
                "--group-key can be read by everybody on this machine while it runs; for %s put the key in a file "
                "that only you can read: --group-key-file",
                target);
    }
    return -1;
}

/* A descriptor for each device; the limit that a process begins with is often 1,024, and may be raised. */
static int raise_limit(const struct fleet_options *o)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)o->devices + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
        return -1;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= wanted) {
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
            return -1;
    }
    return say(
        "%u devices need %lu open files and this process may have %lu; raise the limit (ulimit -n), or run fewer",
        (unsigned)o->devices, (unsigned long)wanted, (unsigned long)limit.rlim_max);
}

static int open_csv(struct run *r, const struct fleet_options *o)
{
    if (o->csv == NULL)
        return -1;
    r->csv = fopen(o->csv, "w");
    if (r->csv == NULL)
        return say("%s cannot be written: %s", o->csv, strerror(errno));
    setvbuf(r->csv, NULL, _IOLBF, 0); /* others may read it while it grows */
    report_csv_head(r->csv);
    return -1;
}

static int prepare(struct run *r, struct fleet_options *o)
{
    int code = check_target(r, o);
    if (code < 0)
        code = load_template(r, o);
    if (code < 0)
        code = read_identities(r, o);
    if (code < 0)
        code = read_trust(r, o);
    if (code < 0)
        code = raise_limit(o);
    return code < 0 ? open_csv(r, o) : code;
}

/* --- while it runs --- */

static void look(const struct run *r, struct report_look *out)
{
    memset(out, 0, sizeof *out);
    out->at_us = fleet_now_us();
    for (size_t i = 0; i < r->worker_count; i++) {
        for (int c = 0; c < COUNT_END; c++)
            out->value[c] += counter_get(&r->workers[i].crew.counters, (enum counter)c);
        histogram_look(&r->workers[i].crew.latency, &out->latency);
    }
}

static double second_of(const struct run *r, const struct report_look *now)
{
    return (double)now->at_us / 1e6 - (double)r->fleet.begin_ms / 1e3;
}

/* Each kind of trouble when it first happens: the summary may be hours away. */
static void tell_troubles(struct run *r)
{
    struct trouble kind;
    while ((kind = troubles_at(&r->fleet.troubles, r->troubles_told)).count > 0) {
        fprintf(r->human, "%s%s: %s\n", r->terminal ? "\r\033[K" : "", kind.device, kind.text);
        fflush(r->human);
        r->troubles_told++;
    }
}

static void tell(struct run *r, bool last)
{
    static struct report_look now; /* large */
    look(r, &now);
    if (last && now.at_us - r->before.at_us < TURN_MS * 500u) { /* too short for rates */
        if (r->terminal)
            fputs("\n", r->human);
        return;
    }
    const double second = second_of(r, &now);
    if (r->first.at_us == 0 && now.value[COUNT_SENT] > 0)
        r->first = r->before.at_us != 0 ? r->before : now;
    if (r->csv != NULL)
        report_csv(r->csv, second, &r->before, &now);
    const bool plain_due = (uint64_t)second % PLAIN_EVERY_S == 0;
    if (r->human != NULL) {
        tell_troubles(r);
        if (r->terminal || plain_due || last) {
            fputs(r->terminal ? "\r\033[K" : "", r->human);
            report_progress(r->human, second, &r->before, &now);
            fputs(r->terminal && !last ? "" : "\n", r->human);
            fflush(r->human);
        }
    }
    r->before = now;
}

static bool all_gave_up(const struct run *r)
{
    return r->before.value[COUNT_FAILED] == r->fleet.options->devices;
}

static void speak_when_all_are_there(struct run *r)
{
    const uint64_t *v = r->before.value;
    if (r->speak_ms != 0 || v[COUNT_REACHED] + v[COUNT_FAILED] < r->fleet.options->devices)
        return;
    r->speak_ms = fleet_now_us() / 1000;
    atomic_store(&r->fleet.speak, 1);
}

static uint64_t end_ms(const struct run *r)
{
    const uint64_t duration_ms = (uint64_t)r->fleet.options->duration_s * 1000;
    return duration_ms > 0 && r->speak_ms > 0 ? r->speak_ms + duration_ms : UINT64_MAX;
}

static void wait_for_the_end(struct run *r, const sigset_t *signals)
{
    uint64_t next = r->fleet.begin_ms + TURN_MS, now = fleet_now_us() / 1000;
    for (; now < end_ms(r) && !all_gave_up(r); now = fleet_now_us() / 1000) {
        const uint64_t until = next < end_ms(r) ? next : end_ms(r), left = until > now ? until - now : 0;
        const struct timespec limit = {(time_t)(left / 1000), (long)(left % 1000) * 1000000L};
        if (sigtimedwait(signals, NULL, &limit) > 0)
            return;
        if (fleet_now_us() / 1000 < next)
            continue;
        tell(r, false);
        speak_when_all_are_there(r);
        next += (fleet_now_us() / 1000 - next) / TURN_MS * TURN_MS + TURN_MS; /* no turn is made up for */
    }
}

static bool all_ended(const struct run *r)
{
    for (size_t i = 0; i < r->worker_count; i++) {
        if (r->workers[i].started && atomic_load(&r->workers[i].ended) == 0)
            return false;
    }
    return true;
}

/* What was sent is waited for, and the goodbyes; a second signal does not wait. */
static void drain(struct run *r, const sigset_t *signals)
{
    const struct timespec nap = {0, 20000000};
    atomic_store(&r->fleet.stop, 1);
    while (!all_ended(r)) {
        if (sigtimedwait(signals, NULL, &nap) > 0)
            _exit(SECOND_SIGNAL_CODE);
    }
}

/* --- at the end --- */

/* ru_maxrss would count what the program that started this one had used. */
static uint64_t most_rss_bytes(void)
{
    char line[128];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL &&
           sscanf(line, "VmHWM: %lu", &kilobytes) != 1)
        continue;
    if (status != NULL)
        fclose(status);
    return (uint64_t)kilobytes * 1024;
}

static struct report_totals totals_of(const struct run *r, const struct report_look *ready)
{
    const struct fleet_options *o = r->fleet.options;
    struct report_totals t = {.devices = o->devices, .model = r->t.model->dtmi, .target = options_target(o)};
    struct rusage used;
    look(r, &t.look);
    t.look.value[COUNT_READY] = ready->value[COUNT_READY]; /* before they said goodbye */
    t.seconds = second_of(r, ready);
    t.send_seconds = r->first.at_us != 0 ? (double)(ready->at_us - r->first.at_us) / 1e6 : 0;
    for (size_t i = 0; i < r->worker_count; i++)
        t.undelivered += r->workers[i].undelivered;
    getrusage(RUSAGE_SELF, &used);
    t.cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
              (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    t.most_rss_bytes = most_rss_bytes();
    const uint64_t *v = t.look.value;
    t.well = v[COUNT_REACHED] == v[COUNT_STARTED] && v[COUNT_ERRORS] == 0 && v[COUNT_DROPPED] == 0 &&
             t.undelivered == 0 && v[COUNT_STARTED] > 0 && v[COUNT_SKIPPED] * 9 <= v[COUNT_SENT];
    return t;
}

static int write_json(struct run *r, const struct report_totals *totals)
{
    const char *path = r->fleet.options->json;
    const bool standard = strcmp(path, "-") == 0;
    FILE *out = standard ? stdout : fopen(path, "w");
    if (out == NULL)
        return say("%s cannot be written: %s", path, strerror(errno));
    report_json(out, totals, &r->fleet.troubles);
    const bool written = fflush(out) == 0 && !ferror(out);
    if (!standard)
        fclose(out);
    return written ? -1 : say("%s cannot be written: %s", path, strerror(errno));
}

/* False: a part of it was lost. */
static bool close_csv(struct run *r)
{
    const bool written = !ferror(r->csv);
    return fclose(r->csv) == 0 && written;
}

static int finish(struct run *r, const struct report_look *ready)
{
    static struct report_totals totals; /* large */
    totals = totals_of(r, ready);
    if (r->human != NULL)
        report_summary(r->human, &totals, &r->fleet.troubles);
    const int code = r->fleet.options->json != NULL ? write_json(r, &totals) : -1;
    return code >= 0 ? code : totals.well ? TOOL_OK : TOOL_INVALID;
}

static int start_workers(struct run *r)
{
    const struct fleet_options *o = r->fleet.options;
    const uint32_t threads = o->threads < o->devices ? o->threads : o->devices;
    r->workers = calloc(threads, sizeof *r->workers);
    if (r->workers == NULL)
        return say("there is not enough memory");
    for (uint32_t i = 0; i < threads; i++) {
        const spoke_status status = worker_start(&r->workers[i], &r->fleet, i, threads);
        r->worker_count++;
        if (status != SPOKE_OK)
            return say("a thread cannot be started: %s",
                       status == SPOKE_E_PORT ? strerror(errno) : spoke_status_text(status));
    }
    return -1;
}

static int run(struct run *r)
{
    static struct report_look ready; /* large */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the threads inherit it */
    const bool json_alone = r->fleet.options->json != NULL && strcmp(r->fleet.options->json, "-") == 0;
    r->human = r->fleet.options->quiet ? NULL : json_alone ? stderr : stdout;
    r->terminal = r->human != NULL && isatty(fileno(r->human)) == 1;
    r->fleet.begin_ms = fleet_now_us() / 1000;
    r->speak_ms = r->fleet.options->together ? 0 : r->fleet.begin_ms;
    atomic_store(&r->fleet.speak, !r->fleet.options->together);
    const int code = start_workers(r);
    if (code < 0) {
        r->before.at_us = fleet_now_us();
        wait_for_the_end(r, &signals);
        tell(r, true);
        look(r, &ready);
    }
    drain(r, &signals);
    const int end = code < 0 ? finish(r, &ready) : code;
    for (size_t i = 0; i < r->worker_count; i++)
        worker_fini(&r->workers[i]);
    free(r->workers);
    return end;
}

static int with_options(struct fleet_options *o)
{
    struct run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return say("there is not enough memory");
    r->fleet.options = o;
    r->fleet.t = &r->t;
    r->fleet.identities = &r->identities;
    troubles_init(&r->fleet.troubles);
    gate_init(&r->fleet.gate, options_target(o), o->target_is, NULL, NULL);
    int code = prepare(r, o);
    if (code < 0)
        code = run(r);
    if (r->csv != NULL && !close_csv(r))
        code = say("%s could not be written whole", o->csv);
    gate_fini(&r->fleet.gate);
    troubles_fini(&r->fleet.troubles);
    identities_free(&r->identities);
    spoke_trust_destroy(r->trust);
    free(r);
    return code;
}

int fleet_command(int argc, char **argv)
{
    struct fleet_options options;
    int code = options_parse(argc, argv, &options);
    if (code < 0)
        code = with_options(&options);
    options_free(&options);
    return code;
}
