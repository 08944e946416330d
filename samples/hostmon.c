/* Host monitor: this machine's real figures, from /proc and /sys, as a device. `samples/demo.sh` runs it.
 *
 *   hostmon [--transport native|paho] [--seconds N] */
#include <signal.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "hostmon_model.h"

/* --- reading the machine --- */

struct counters {                      /* that only grow; rates are differences */
    unsigned long long busy, total;    /* CPU, in ticks */
    unsigned long long received, sent; /* all interfaces but loopback, in bytes */
    double at;                         /* seconds since boot */
};

struct figures {
    double cpu_load, received, sent, uptime, temperature;
    int64_t memory_total, memory_used, disk_total, disk_used;
    bool has_temperature;
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

static void read_disk(struct figures *f)
{
    struct statvfs disk;
    if (statvfs("/", &disk) != 0)
        return;
    f->disk_total = (int64_t)(disk.f_blocks * disk.f_frsize);
    f->disk_used = f->disk_total - (int64_t)(disk.f_bfree * disk.f_frsize);
}

static void read_temperature(struct figures *f)
{
    char line[32];
    f->has_temperature = read_line("/sys/class/thermal/thermal_zone0/temp", line, sizeof line);
    if (f->has_temperature)
        f->temperature = strtod(line, NULL) / 1000;
}

static struct figures read_machine(struct counters *before)
{
    struct figures f = {0};
    struct counters now = {.at = read_uptime()};
    read_cpu(&now);
    read_network(&now);
    const double seconds = now.at - before->at;
    if (now.total > before->total)
        f.cpu_load = 100.0 * (double)(now.busy - before->busy) / (double)(now.total - before->total);
    if (before->at > 0 && seconds > 0) {
        f.received = (double)(now.received - before->received) / seconds;
        f.sent = (double)(now.sent - before->sent) / seconds;
    }
    *before = now;
    f.uptime = now.at;
    f.memory_total = meminfo("MemTotal:");
    f.memory_used = f.memory_total - meminfo("MemAvailable:");
    read_disk(&f);
    read_temperature(&f);
    return f;
}

/* --- the device --- */

struct monitor {
    struct counters counters;
    struct figures figures;
    int64_t interval_s;
};

static size_t as_fields(const struct figures *f, spoke_field fields[7])
{
    size_t count = 0;
    fields[count++] = spoke_f64("cpuLoad", f->cpu_load);
    fields[count++] = spoke_i64("memoryUsed", f->memory_used);
    fields[count++] = spoke_i64("diskUsed", f->disk_used);
    fields[count++] = spoke_f64("networkReceived", f->received);
    fields[count++] = spoke_f64("networkSent", f->sent);
    fields[count++] = spoke_f64("uptime", f->uptime);
    if (f->has_temperature)
        fields[count++] = spoke_f64("temperature", f->temperature);
    return count;
}

static spoke_ack set_interval(const spoke_property *wanted, void *user)
{
    struct monitor *m = user;
    int64_t seconds;
    if (spoke_json_int(wanted->value, &seconds) != SPOKE_OK || seconds < 1 || seconds > 3600)
        return spoke_reject(400, "expected 1 to 3600 whole seconds");
    m->interval_s = seconds;
    printf("property interval = %lld s (version %lld), accepted\n", (long long)seconds,
           (long long)wanted->version);
    return spoke_accept();
}

static spoke_ack take_snapshot(const spoke_command *call, void *user)
{
    struct monitor *m = user;
    spoke_field fields[7];
    const size_t count = as_fields(&m->figures, fields);
    for (size_t i = 0; i < count; i++)
        spoke_write(call->reply, fields[i]);
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

static spoke_status introduce(spoke_client *client, const struct figures *f)
{
    struct utsname about;
    if (uname(&about) != 0)
        return SPOKE_OK;
    return spoke_report(client, spoke_text("hostName", spoke_str_of(about.nodename)),
                        spoke_text("kernel", spoke_str_of(about.release)),
                        spoke_i64("cpuCount", sysconf(_SC_NPROCESSORS_ONLN)),
                        spoke_i64("memoryTotal", f->memory_total), spoke_i64("diskTotal", f->disk_total));
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
    spoke_status status = introduce(client, &m->figures);
    while (status == SPOKE_OK && !stopped && monotonic_s() < end) {
        if (monotonic_s() >= due) {
            spoke_field fields[7];
            m->figures = read_machine(&m->counters);
            status = spoke_telemetry_send(client, NULL, fields, as_fields(&m->figures, fields));
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
    struct monitor monitor = {.interval_s = 2};
    monitor.figures = read_machine(&monitor.counters);
    const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("interval", set_interval),
                                      SPOKE_ON_COMMAND("snapshot", take_snapshot)};
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     .model = &hostmon_model, .handlers = handlers, .handler_count = 2, .on_state = show_state,
                     .user = &monitor, .transport = options.transport);
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
