/* A device whose every promise is written down: it sends numbered messages, reports a property, obeys, and appends a
 * line to its account for each thing that was promised to it. A process that is killed at any moment leaves an account
 * that is true: a line is in the file (not in a buffer) before the next step is taken.
 *
 *     SPOKE_DEVICE_KEY=K fault-device --port P --scope S --id D --ca FILE --account FILE --state FOLDER
 *                  [--host localhost] [--storage FILE] [--transport native|paho] [--count N] [--rate PER_SECOND]
 *                  [--seed N] [--keep-alive S] [--sync] [--quiet]
 *
 * The account: "O n priority" before a send, "A n" accepted, "F n why" refused; "D n" told as delivered, "X n why" told
 * as dropped; "R key value" a report accepted; "H key value" the handler got it; "S ms state"; "L ms worst_us own_us
 * rss_kb pending" once a second: the longest that poll stayed beyond its limit in that second, and the same without the
 * time in which it was ready to run and the system ran somebody else (/proc/self/schedstat).
 * Starts behind the last n of the account. SIGUSR1: connect now. Ends when count messages are sent and none waits, or at SIGTERM: 0; when
 * it cannot go on: 1, with a sentence; a wrong option: 2. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spoke/spoke.h>

#include "chance.h"

#define REPORT_KEYS 4u
#define MOST_LINE 128

struct options {
    const char *host, *scope, *id, *key, *ca, *account, *state, *storage, *transport;
    uint16_t port, keep_alive_s;
    uint32_t count, rate;
    uint64_t seed;
    bool sync, quiet;
};

struct device {
    struct options o;
    struct chance chance;
    int account;
    uint32_t next_n;
    int64_t next_value;
    spoke_client *client;
    int schedstat;
    uint64_t worst_us, own_us; /* since the last line "L" */
};

static volatile sig_atomic_t stop, hurry;

/* A program may know that the way is free again. */
static void on_usr1(int signal_number)
{
    (void)signal_number;
    hurry = 1;
}

static void on_term(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* How long this thread has waited for a processor since its start; 0 where the system does not tell. */
static uint64_t waited_us(const struct device *d)
{
    char text[96] = "";
    uint64_t ran, waited;
    if (d->schedstat < 0 || pread(d->schedstat, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
        return 0;
    return waited / 1000;
}

/* --- the account --- */

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
put_down(struct device *d, const char *format, ...)
{
    char line[MOST_LINE];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (len <= 0 || (size_t)len >= sizeof line - 1)
        return;
    line[len] = '\n';
    if (write(d->account, line, (size_t)len + 1) != len + 1) {
        fprintf(stderr, "fault-device: the account cannot be written\n");
        _exit(1);
    }
    if (d->o.sync)
        (void)fdatasync(d->account);
}

/* Where an earlier process stopped. The last line may be cut off when the machine, not the process, went down. */
static void read_account(struct device *d)
{
    FILE *file = fopen(d->o.account, "r");
    char line[MOST_LINE], key[8];
    uint32_t n;
    int64_t value;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "O %" SCNu32, &n) == 1 && n >= d->next_n)
            d->next_n = n + 1;
        if (sscanf(line, "R %7s %" SCNd64, key, &value) == 2 && value > d->next_value)
            d->next_value = value;
    }
    if (file != NULL)
        fclose(file);
}

static long resident_kb(void)
{
    char text[128] = "";
    long size = 0, resident = 0;
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || sscanf(text, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (fd >= 0)
        close(fd);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* --- handlers --- */

static void on_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct device *d = user;
    (void)client, (void)from;
    put_down(d, "S %" PRIu64 " %s", now_us() / 1000, spoke_state_name(to));
    if (!d->o.quiet)
        fprintf(stderr, "%" PRIu64 " %s: %s\n", now_us() / 1000, spoke_state_name(to), why->text);
}

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    if (outcome == SPOKE_OK)
        put_down(user, "D %" PRIu32, id - 1);
    else
        put_down(user, "X %" PRIu32 " %s", id - 1, spoke_status_name(outcome));
}

static spoke_ack on_wanted(const spoke_property *wanted, void *user)
{
    int64_t value;
    if (spoke_json_int(wanted->value, &value) != SPOKE_OK)
        return spoke_reject(400, "a number");
    put_down(user, "H %.*s %" PRId64, (int)wanted->name.len, wanted->name.ptr, value);
    return spoke_accept();
}

static spoke_ack on_command(const spoke_command *call, void *user)
{
    (void)user;
    spoke_write(call->reply, spoke_bool("done", true));
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("d0", on_wanted), SPOKE_ON_PROPERTY("d1", on_wanted),
                                         SPOKE_ON_COMMAND("go", on_command)};

/* --- what it says --- */

static void send_one(struct device *d)
{
    char body[64];
    const uint32_t n = d->next_n++;
    snprintf(body, sizeof body, "{\"n\":%" PRIu32 "}", n);
    const spoke_outgoing m = {
        .body = spoke_str_of(body), .id = n + 1, .priority = (spoke_priority)chance_up_to(&d->chance, 2)};
    put_down(d, "O %" PRIu32 " %d", n, (int)m.priority);
    const spoke_status status = spoke_message_send(d->client, &m);
    if (status == SPOKE_OK)
        put_down(d, "A %" PRIu32, n);
    else
        put_down(d, "F %" PRIu32 " %s", n, spoke_status_name(status));
}

static void report_one(struct device *d)
{
    char name[] = "k0";
    const int64_t value = ++d->next_value;
    name[1] = (char)('0' + chance_up_to(&d->chance, REPORT_KEYS - 1));
    put_down(d, "Q %s %" PRId64, name, value);
    if (spoke_report(d->client, spoke_i64(name, value)) == SPOKE_OK)
        put_down(d, "R %s %" PRId64, name, value);
}

static bool all_done(const struct device *d)
{
    return d->o.count > 0 && d->next_n >= d->o.count && spoke_client_pending(d->client) == 0 &&
           spoke_client_state(d->client) == SPOKE_READY;
}

static uint32_t until_ms(uint64_t due_us)
{
    const uint64_t now = now_us();
    return due_us <= now ? 0 : (uint32_t)((due_us - now) / 1000 + 1);
}

static void keep_longest(uint64_t *longest, uint64_t other)
{
    if (other > *longest)
        *longest = other;
}

static spoke_status poll_once(struct device *d, uint32_t limit_ms)
{
    const uint64_t waited = waited_us(d), begun = now_us();
    const spoke_status status = spoke_client_poll(d->client, limit_ms);
    const uint64_t took = now_us() - begun, allowed = (uint64_t)limit_ms * 1000;
    if (took <= allowed)
        return status;
    const uint64_t over = took - allowed, elsewhere = waited_us(d) - waited;
    keep_longest(&d->worst_us, over);
    keep_longest(&d->own_us, over > elsewhere ? over - elsewhere : 0);
    return status;
}

static void tell(struct device *d)
{
    put_down(d, "L %" PRIu64 " %" PRIu64 " %" PRIu64 " %ld %zu", now_us() / 1000, d->worst_us, d->own_us,
             resident_kb(), spoke_client_pending(d->client));
    d->worst_us = d->own_us = 0;
}

static spoke_status live(struct device *d)
{
    const uint64_t pause = 1000000 / d->o.rate;
    uint64_t send_at = now_us(), report_at = send_at, tell_at = send_at;
    spoke_status status = SPOKE_OK;
    while (status == SPOKE_OK && !stop && !all_done(d)) {
        if (hurry) {
            hurry = 0;
            spoke_client_connect_now(d->client);
        }
        if (now_us() >= send_at && (d->o.count == 0 || d->next_n < d->o.count)) {
            send_one(d);
            send_at += pause;
            if (send_at + 1000000 < now_us()) /* it was stopped for a while */
                send_at = now_us();
        }
        if (now_us() >= report_at) {
            report_one(d);
            report_at = now_us() + 500000;
        }
        if (now_us() >= tell_at) {
            tell(d);
            tell_at = now_us() + 1000000;
        }
        const bool more = d->o.count == 0 || d->next_n < d->o.count;
        status = poll_once(d, more ? until_ms(send_at) : 100);
    }
    return status;
}

/* --- options --- */

static const struct option names[] = {
    {"port", required_argument, NULL, 'p'},    {"scope", required_argument, NULL, 's'},
    {"id", required_argument, NULL, 'i'},      {"ca", required_argument, NULL, 'c'},
    {"account", required_argument, NULL, 'a'}, {"state", required_argument, NULL, 't'},
    {"storage", required_argument, NULL, 'f'}, {"transport", required_argument, NULL, 'x'},
    {"count", required_argument, NULL, 'n'},   {"rate", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 'e'},    {"keep-alive", required_argument, NULL, 'v'},
    {"host", required_argument, NULL, 'h'},    {"sync", no_argument, NULL, 'y'},
    {"quiet", no_argument, NULL, 'q'},         {NULL, 0, NULL, 0}};

static void take_option(struct options *o, int name, const char *value)
{
    switch (name) {
    case 'p':
        o->port = (uint16_t)strtoul(value, NULL, 10);
        break;
    case 's':
        o->scope = value;
        break;
    case 'i':
        o->id = value;
        break;
    case 'c':
        o->ca = value;
        break;
    case 'a':
        o->account = value;
        break;
    case 't':
        o->state = value;
        break;
    case 'f':
        o->storage = value;
        break;
    case 'x':
        o->transport = value;
        break;
    case 'n':
        o->count = (uint32_t)strtoul(value, NULL, 10);
        break;
    case 'r':
        o->rate = (uint32_t)strtoul(value, NULL, 10);
        break;
    case 'e':
        o->seed = strtoull(value, NULL, 10);
        break;
    case 'v':
        o->keep_alive_s = (uint16_t)strtoul(value, NULL, 10);
        break;
    case 'h':
        o->host = value;
        break;
    case 'y':
        o->sync = true;
        break;
    default:
        o->quiet = true;
        break;
    }
}

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){
        .key = getenv("SPOKE_DEVICE_KEY"), .host = "localhost", .transport = "native", .rate = 50, .seed = 1};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (name == '?')
            return false;
        take_option(o, name, optarg);
    }
    return optind == argc && o->port != 0 && o->scope != NULL && o->id != NULL && o->key != NULL &&
           o->account != NULL && o->rate > 0 && o->rate <= 10000;
}

static const spoke_transport_ops *transport_of(const char *name)
{
#ifdef SPOKE_HAVE_PAHO
    if (strcmp(name, "paho") == 0)
        return spoke_transport_paho();
#endif
    return strcmp(name, "native") == 0 ? spoke_transport_native() : NULL;
}

/* --- life --- */

static spoke_config config_of(struct device *d, const spoke_platform *platform, const spoke_storage *storage)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = d->o.host, .port = d->o.port, .id_scope = d->o.scope,
                     .registration_id = d->o.id, .credential.primary = d->o.key, .trust_file = d->o.ca,
                     .platform = platform, .transport = transport_of(d->o.transport), .handlers = handlers,
                     .handler_count = sizeof handlers / sizeof handlers[0], .on_state = on_state,
                     .on_sent = on_sent, .user = d, .storage = storage, .message_ids = true,
                     .keep_alive_s = d->o.keep_alive_s, .queue_bytes = 262144, .backoff_min_ms = 100,
                     .backoff_max_ms = 2000, .connect_limit_ms = 5000);
    return config;
}

static int run(struct device *d, const spoke_platform *platform, const spoke_storage *storage)
{
    const spoke_config config = config_of(d, platform, storage);
    char why[200];
    spoke_status status = spoke_client_create(&config, &d->client);
    if (status == SPOKE_OK)
        status = spoke_client_open(d->client);
    if (status == SPOKE_OK)
        status = live(d);
    if (status != SPOKE_OK)
        fprintf(stderr, "fault-device: %s\n", spoke_client_explain(d->client, why, sizeof why));
    if (d->client != NULL)
        (void)spoke_client_close(d->client, 5000);
    if (d->client != NULL)
        tell(d);
    spoke_client_destroy(d->client);
    return status == SPOKE_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct device d = {.account = -1, .schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC)};
    spoke_platform *platform = NULL;
    spoke_storage *storage = NULL;
    if (!read_options(argc, argv, &d.o) || transport_of(d.o.transport) == NULL) {
        fprintf(
            stderr,
            "usage: SPOKE_DEVICE_KEY=K %s --port P --scope S --id D --ca FILE --account FILE ...; see main_device.c\n",
            argv[0]);
        return 2;
    }
    signal(SIGTERM, on_term);
    signal(SIGINT, on_term);
    signal(SIGUSR1, on_usr1);
    read_account(&d);
    d.chance.state = d.o.seed + d.next_n;
    d.account = open(d.o.account, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const spoke_posix_options options = {
        .struct_size = sizeof options, .state_dir = d.o.state, .log_level = SPOKE_LOG_ERROR};
    spoke_status status = d.account >= 0 ? spoke_posix_create(&options, &platform) : SPOKE_E_PORT;
    if (status == SPOKE_OK && d.o.storage != NULL)
        status = spoke_storage_file_open(d.o.storage, 65536, 16, &storage);
    if (status != SPOKE_OK)
        fprintf(stderr, "fault-device: account, state folder or storage cannot be opened: %s\n",
                spoke_status_name(status));
    const int result = status == SPOKE_OK ? run(&d, platform, storage) : 1;
    spoke_storage_file_close(storage);
    spoke_posix_destroy(platform);
    if (d.account >= 0)
        close(d.account);
    return result;
}
