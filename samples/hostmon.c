/* Host monitor: this machine's real figures, from /proc and /sys, as a device. `samples/demo.sh` runs it.
 *
 *   hostmon [--transport native|paho] [--seconds N]
 *
 * The component "diagnostics" of its template is the library's own: it tells the health of the connection, and answers
 * getLog, without a line of code here. */
#include <signal.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "hostmon_model.h" /* written by spoke-model from models/hostmon.json */

/* --- reading the machine --- */

struct counters {                      /* that only grow; rates are differences */
    unsigned long long busy, total;    /* CPU, in ticks */
    unsigned long long received, sent; /* all interfaces but loopback, in bytes */
    double at;                         /* seconds since boot */
};

static bool read_line(const char *path, char *line, size_t cap)
{
    FILE *file = fopen(path, "r");
    const bool ok = file != NULL && fgets(line, (int)cap, file) != NULL;
    if (file != NULL)
        fclose(file);
    return ok;
}

static void read_cpu(struct counters *c)
{
    char line[256];
    unsigned long long t[8] = {0};
    if (read_line("/proc/stat", line, sizeof line) &&
        sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
               &t[6], &t[7]) >= 4) {
        for (size_t i = 0; i < 8; i++)
            c->total += t[i];
        c->busy = c->total - t[3] - t[4]; /* idle, iowait */
    }
}

static void read_network(struct counters *c)
{
    char line[512], name[32];
    unsigned long long received, sent;
    FILE *file = fopen("/proc/net/dev", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, " %31[^:]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &received, &sent) == 3 &&
            strcmp(name, "lo") != 0) {
            c->received += received;
            c->sent += sent;
        }
    if (file != NULL)
        fclose(file);
}

static double read_uptime(void)
{
    char line[64];
    return read_line("/proc/uptime", line, sizeof line) ? strtod(line, NULL) : 0;
}

static int64_t meminfo(const char *key)
{
    char line[128];
    long long kilobytes = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kilobytes = strtoll(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return kilobytes * 1024;
}

/* In bytes. */
static int64_t disk_total(void)
{
    struct statvfs disk;
    return statvfs("/", &disk) == 0 ? (int64_t)(disk.f_blocks * disk.f_frsize) : 0;
}

static int64_t disk_used(void)
{
    struct statvfs disk;
    return statvfs("/", &disk) == 0 ? (int64_t)((disk.f_blocks - disk.f_bfree) * disk.f_frsize) : 0;
}

static bool read_temperature(double *celsius)
{
    char line[32];
    const bool is_there = read_line("/sys/class/thermal/thermal_zone0/temp", line, sizeof line);
    *celsius = is_there ? strtod(line, NULL) / 1000 : 0;
    return is_there;
}

/* What was busy of the time between, in percent. Within the template's 0 to 100 even where the kernel's idle time
 * steps back, as it may: a value outside would not leave. */
static double load_between(const struct counters *before, const struct counters *now)
{
    if (now->total <= before->total || now->busy <= before->busy)
        return 0;
    const double percent = 100.0 * (double)(now->busy - before->busy) / (double)(now->total - before->total);
    return percent < 100 ? percent : 100;
}

/* A second. An interface that is gone takes its bytes along: then nothing is known, and 0 is said. */
static double rate(unsigned long long before, unsigned long long now, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

static hostmon_telemetry read_machine(struct counters *before)
{
    hostmon_telemetry f = {.has = HOSTMON_TELEMETRY_ALL};
    struct counters now = {.at = read_uptime()};
    read_cpu(&now);
    read_network(&now);
    const double seconds = now.at - before->at;
    f.cpu_load = load_between(before, &now);
    if (before->at > 0 && seconds > 0) {
        f.network_received = rate(before->received, now.received, seconds);
        f.network_sent = rate(before->sent, now.sent, seconds);
    }
    *before = now;
    f.uptime = now.at;
    f.memory_used = meminfo("MemTotal:") - meminfo("MemAvailable:");
    f.disk_used = disk_used();
    if (!read_temperature(&f.temperature))
        f.has &= ~HOSTMON_TELEMETRY_HAS_TEMPERATURE; /* not every machine has a thermometer */
    return f;
}

/* --- the device --- */

enum { INTERVAL_S = 2 };

struct monitor {
    struct counters counters;
    hostmon_telemetry figures; /* of the last reading */
    int32_t interval_s;
};

/* 1 to 3600: the template says so, and other values do not come this far. */
spoke_ack hostmon_on_interval(const spoke_property *wanted, const int32_t *seconds, void *user)
{
    struct monitor *m = user;
    m->interval_s = seconds != NULL ? *seconds : INTERVAL_S;
    printf("property interval = %d s (version %lld), accepted\n", (int)m->interval_s, (long long)wanted->version);
    return spoke_accept();
}

spoke_ack hostmon_on_snapshot(const spoke_command *call, hostmon_snapshot_response *response, void *user)
{
    const hostmon_telemetry *f = &((const struct monitor *)user)->figures;
    (void)call;
    *response = (hostmon_snapshot_response){.has = HOSTMON_SNAPSHOT_RESPONSE_ALL,
                                            .cpu_load = f->cpu_load,
                                            .memory_used = f->memory_used,
                                            .disk_used = f->disk_used,
                                            .network_received = f->network_received,
                                            .network_sent = f->network_sent,
                                            .uptime = f->uptime,
                                            .temperature = f->temperature};
    if ((f->has & HOSTMON_TELEMETRY_HAS_TEMPERATURE) == 0)
        response->has &= ~HOSTMON_SNAPSHOT_RESPONSE_HAS_TEMPERATURE;
    printf("command snapshot answered\n");
    return spoke_accept();
}

static void show_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    (void)user;
    const spoke_str hub = spoke_client_hub_host(client);
    printf("%s -> %s: %s", spoke_state_name(from), spoke_state_name(to), why->text);
    if (to == SPOKE_CONNECTING)
        printf(" %.*s", (int)hub.len, hub.ptr);
    printf("\n");
}

static spoke_status introduce(spoke_client *client)
{
    struct utsname about;
    if (uname(&about) != 0)
        return SPOKE_OK;
    const hostmon_properties properties = {.has = HOSTMON_PROPERTIES_ALL & ~HOSTMON_PROPERTIES_HAS_INTERVAL,
                                           .host_name = spoke_str_of(about.nodename),
                                           .kernel = spoke_str_of(about.release),
                                           .cpu_count = (int32_t)sysconf(_SC_NPROCESSORS_ONLN),
                                           .memory_total = meminfo("MemTotal:"),
                                           .disk_total = disk_total()};
    return hostmon_report(client, &properties);
}

/* --- the program --- */

static volatile sig_atomic_t stopped;
static spoke_client *running; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
    spoke_client_wake(running);
}

static double monotonic_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static spoke_status monitor_until(spoke_client *client, struct monitor *m, double end)
{
    double due = 0;
    spoke_status status = introduce(client);
    while (status == SPOKE_OK && !stopped && monotonic_s() < end) {
        if (monotonic_s() >= due) {
            m->figures = read_machine(&m->counters);
            status = hostmon_send(client, &m->figures);
            due = monotonic_s() + (double)m->interval_s;
        }
        if (status == SPOKE_OK || status == SPOKE_E_FULL) /* full: this reading is skipped, the next one may fit */
            status = spoke_client_poll(client, 200);
    }
    return status;
}

struct options {
    const spoke_transport_ops *transport;
    double seconds;
};

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--seconds") == 0 && strtod(value, NULL) > 0)
            o->seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--transport") == 0 && strcmp(value, "native") == 0)
            o->transport = (i++, spoke_transport_native());
#ifdef SPOKE_HAVE_PAHO
        else if (strcmp(argv[i], "--transport") == 0 && strcmp(value, "paho") == 0)
            o->transport = (i++, spoke_transport_paho());
#endif
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {spoke_transport_native(), 1e9};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: hostmon [--transport native|paho] [--seconds N]\n"
                        "SPOKE_HOST, SPOKE_MQTT_PORT, SPOKE_CA_FILE, SPOKE_ID_SCOPE, SPOKE_DEVICE_ID and\n"
                        "SPOKE_DEVICE_KEY say where to connect and as whom.\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct monitor monitor = {.interval_s = INTERVAL_S};
    monitor.figures = read_machine(&monitor.counters);
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     HOSTMON_MODEL, .on_state = show_state, .user = &monitor, .transport = options.transport,
                     .diagnostics = "diagnostics", .user_agent = "hostmon/1.0");
    spoke_status status = spoke_client_create(&config, &running);
    if (status == SPOKE_OK)
        status = spoke_client_open(running);
    if (status == SPOKE_OK) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        printf("transport %s\n", options.transport->name);
        status = monitor_until(running, &monitor, monotonic_s() + options.seconds);
    }
    char why[200];
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s\n", spoke_client_explain(running, why, sizeof why));
    else if ((status = spoke_client_close(running, 3000)) != SPOKE_OK)
        fprintf(stderr, "ended before everything was sent\n");
    spoke_client_destroy(running);
    return status == SPOKE_OK ? 0 : 1;
}
