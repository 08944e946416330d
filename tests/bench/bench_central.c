/* Many devices against spoke-central: as small as a client can be, so that the service is what is measured.
 *
 *     bench_central prepare --data DIR --devices N --group-key KEY
 *     bench_central fill --data DIR --devices N --messages M [--keep K] [--burst B] [--commit C]
 *     bench_central load --port P --ca FILE --devices N --group-key KEY [--service PID] [--messages M] [--window W]
 *                        [--rate R] [--burst B] [--connecting C] [--attempt-s S]
 *
 * `prepare` makes a data folder in which so many devices are provisioned, `fill` gives it M messages, B of a device in a row
 * and C in a transaction, of which the store keeps K. `load` connects all of them over TLS, C at a time (0: all at once), looks
 * at the service's memory while they are idle, sends M QoS 1 messages in all, with at most W of a device unacknowledged and
 * R a second (0: as fast as they are acknowledged) in bursts of B of a device, each a record. A device that does not get
 * online, or not within S seconds, tries again as our client does: after a random part of 1 s, 2 s, 4 s .. 120 s. All print
 * what that took as JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <central/store/store.h>
#include <crypto/crypto.h>
#include <spoke/limits.h>
#include <spoke/platform.h>
#include <spoke/proto/mqtt.h>
#include <spoke/proto/sas.h>
#include <tls/tls.h>

enum {
    IN_BYTES = 4096,
    OUT_BYTES = 16384, /* one TLS record */
    EVENTS = 512,
    MAX_SAMPLES = 2000000,
    IDLE_MS = 1000, /* of quiet before memory is looked at */
    PATIENCE_MS = 600000,
    BACKOFF_MS = 1000, /* the client's (docs/reliability.md) */
    BACKOFF_CAP_MS = 120000
};

struct options {
    const char *command, *data, *ca_file, *group_key;
    uint32_t port, devices, messages, window, rate, burst, connecting, service, keep, commit, attempt_s;
};

enum stage { STAGE_NONE, STAGE_HANDSHAKE, STAGE_CONNECT, STAGE_ONLINE, STAGE_BACKOFF };
enum loss { LOSS_REFUSED, LOSS_HANDSHAKE, LOSS_CONNECTION, LOSS_TIMEOUT, LOSS_COUNT };

struct device {
    struct load *load;
    uint32_t number, in_flight, losses;
    uint64_t due_ns; /* when this attempt, or the pause before the next one, ends */
    int fd;
    enum stage stage;
    bool wants_write;
    struct tls *tls;
    void *tls_memory;
    uint16_t next_id;
    uint32_t *sent_us; /* of the window, a ring by packet id */
    uint8_t in[64];    /* an answer that is not whole */
    size_t in_len;
    uint8_t *out;
    size_t out_at, out_len;
};

struct load {
    struct options options;
    struct tls_context *tls;
    int epoll;
    struct device *devices;
    uint32_t begun, online, sent, acknowledged;
    uint32_t losses[LOSS_COUNT], most_losses; /* of all, and of one device */
    bool sending;                             /* what breaks now breaks the figures */
    uint32_t next;                            /* whose turn it is to send */
    uint64_t start_ns;
    uint32_t *samples;
    size_t sample_count;
};

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_central: %s: %s\n", what, why);
    exit(1);
}

static void check(spoke_status status, const char *what)
{
    if (status != SPOKE_OK)
        fail(what, spoke_status_text(status));
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void device_id(uint32_t number, char out[32])
{
    (void)snprintf(out, 32, "bench-%05u", (unsigned)number);
}

/* --- preparing --- */

static void prepare(const struct options *o)
{
    char path[512], why[256] = "", id[32];
    struct store *store = NULL;
    (void)snprintf(path, sizeof path, "%s/central.db", o->data);
    check(store_open(path, false, &store, why, sizeof why), path);
    check(store_begin(store), path);
    for (uint32_t i = 0; i < o->devices; i++) {
        device_id(i, id);
        const struct store_device row = {.id = id,
                                         .display_name = id,
                                         .group_id = (char[]){"SAS-IoT-Devices"},
                                         .enabled = true,
                                         .provisioned = true,
                                         .approved = true};
        check(store_device_put(store, &row), id);
    }
    check(store_commit(store), path);
    store_close(store);
}

static void add_message(struct store *store, uint32_t number, const struct options *o, const char *path)
{
    char id[32], body[100];
    device_id(number / o->burst % o->devices, id);
    const int len = snprintf(body, sizeof body, "{\"temperature\":%u.5,\"humidity\":40.25,\"count\":%u}",
                             20u + (unsigned)number % 10u, (unsigned)number);
    const struct store_message row = {
        .device_id = id,
        .at_ms = INT64_C(1772600767089) + number,
        .qos = 1,
        .system = (char[]){"{\"contentType\":\"application/json\",\"contentEncoding\":\"utf-8\",\"enqueuedTime\":"
                           "\"2026-03-04T05:06:07.089Z\",\"connectionDeviceId\":\"bench-00001\","
                           "\"connectionAuthMethod\":\"{\\\"scope\\\":\\\"device\\\"}\"}"},
        .properties = (char[]){"{}"},
        .body = body,
        .body_len = (size_t)len};
    check(store_message_add(store, &row), path);
}

/* --- a process --- */

static double process_cpu_s(uint32_t pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const char *rest = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    if (rest == NULL || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* name: "VmRSS:" now, "VmHWM:" at most. */
static long process_memory_kb(uint32_t pid, const char *name)
{
    char path[64], line[256];
    long kb = -1;
    (void)snprintf(path, sizeof path, "/proc/%u/status", (unsigned)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && kb < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name), NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return kb;
}

static double process_written(void)
{
    char line[128];
    double bytes = 0;
    FILE *file = fopen("/proc/self/io", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "wchar:", 6) == 0)
            bytes = strtod(line + 6, NULL);
    if (file != NULL)
        (void)fclose(file);
    return bytes;
}

static void fill(const struct options *o)
{
    char path[512], why[256] = "";
    struct store *store = NULL;
    (void)snprintf(path, sizeof path, "%s/central.db", o->data);
    check(store_open(path, false, &store, why, sizeof why), path);
    if (o->keep != 0)
        store_keep(store, o->keep);
    const double written_before = process_written();
    const uint64_t start = clock_ns(CLOCK_MONOTONIC), own_start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < o->messages; i++) {
        check(store_begin(store), path);
        add_message(store, i, o, path);
        if ((i + 1) % o->commit == 0 || i == o->messages - 1)
            check(store_commit(store), path);
    }
    const double took_s = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    const double own_s = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_start) / 1e9;
    const double written = process_written(), count = o->messages > 0 ? o->messages : 1;
    printf(
        "{\"messages\": %u, \"messages_per_s\": %.0f, \"cpu_s_per_100k\": %.3f, \"bytes_written_per_message\": %.0f}\n",
        (unsigned)o->messages, o->messages / (took_s > 0 ? took_s : 1), own_s * 100000 / count,
        (written - written_before) / count);
    store_close(store);
}

/* --- bytes --- */

static spoke_status result(ssize_t count, size_t *out)
{
    *out = count > 0 ? (size_t)count : 0;
    if (count > 0)
        return SPOKE_OK;
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? SPOKE_E_AGAIN : SPOKE_E_NET;
}

static spoke_status read_socket(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    return result(recv(((struct device *)ctx)->fd, out, cap, MSG_DONTWAIT), count);
}

static spoke_status write_socket(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    return result(send(((struct device *)ctx)->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL), count);
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    const spoke_platform *machine = spoke_platform_posix();
    (void)ctx;
    return machine->random(machine->ctx, out, len);
}

static void watch(struct device *d, bool add)
{
    struct epoll_event event = {.events = EPOLLIN | (d->wants_write ? (uint32_t)EPOLLOUT : 0u), .data.ptr = d};
    if (epoll_ctl(d->load->epoll, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, d->fd, &event) != 0)
        fail("epoll_ctl", strerror(errno));
}

/* --- attempts --- */

static void close_link(struct device *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    tls_fini(d->tls);
    free(d->tls_memory);
    free(d->out);
    d->fd = -1;
    d->tls = NULL;
    d->tls_memory = NULL;
    d->out = NULL;
    d->out_at = d->out_len = d->in_len = 0;
}

/* The whole random part of a pause that doubles, as the client has it. */
static uint64_t backoff_ns(uint32_t losses)
{
    uint32_t random = 0;
    uint64_t most_ms = BACKOFF_MS;
    for (uint32_t i = 1; i < losses && most_ms < BACKOFF_CAP_MS; i++)
        most_ms *= 2;
    check(random_bytes(NULL, (uint8_t *)&random, sizeof random), "random");
    return (most_ms < BACKOFF_CAP_MS ? most_ms : BACKOFF_CAP_MS) * UINT64_C(1000000) * random / UINT32_MAX;
}

static void lose(struct device *d, enum loss how, const char *why)
{
    struct load *l = d->load;
    if (l->sending)
        fail("a connection ended", why);
    l->online -= d->stage == STAGE_ONLINE;
    l->losses[how]++;
    d->losses++;
    l->most_losses = d->losses > l->most_losses ? d->losses : l->most_losses;
    close_link(d);
    d->stage = STAGE_BACKOFF;
    d->due_ns = clock_ns(CLOCK_MONOTONIC) + backoff_ns(d->losses);
}

static void flush(struct device *d)
{
    size_t count = 0;
    spoke_status status = SPOKE_OK;
    while (d->out_at < d->out_len && status == SPOKE_OK) {
        status = tls_write(d->tls, d->out + d->out_at, d->out_len - d->out_at, &count);
        d->out_at += status == SPOKE_OK ? count : 0;
    }
    if (status != SPOKE_OK && status != SPOKE_E_AGAIN) {
        lose(d, LOSS_CONNECTION, tls_error(d->tls).text);
        return;
    }
    if (d->out_at == d->out_len) {
        free(d->out); /* as the service: ten thousand idle ones keep no buffer */
        d->out = NULL;
        d->out_at = d->out_len = 0;
    }
    if (d->wants_write != (status == SPOKE_E_AGAIN)) {
        d->wants_write = !d->wants_write;
        watch(d, false);
    }
}

static bool put(struct device *d, const spoke_mqtt_packet *packet)
{
    if (d->out == NULL)
        d->out = malloc(OUT_BYTES);
    if (d->out == NULL)
        fail("memory", "there is none left");
    spoke_buf out = {d->out, d->out_len, OUT_BYTES};
    if (spoke_mqtt_encode(packet, &out) != SPOKE_OK)
        return false;
    d->out_len = out.len;
    return true;
}

/* --- a device --- */

static void begin(struct load *l, struct device *d)
{
    const struct tls_stream below = {d, read_socket, write_socket};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->options.port)};
    const int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0 ||
        (connect(d->fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS))
        fail("connect", strerror(errno));
    (void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    d->tls_memory = malloc(tls_size());
    if (d->tls_memory == NULL)
        fail("memory", "there is none left");
    check(tls_init(d->tls_memory, tls_size(), l->tls, &d->tls), "TLS");
    check(tls_start(d->tls, "localhost", &below), "TLS");
    d->stage = STAGE_HANDSHAKE;
    d->due_ns = clock_ns(CLOCK_MONOTONIC) + l->options.attempt_s * UINT64_C(1000000000);
    d->wants_write = true; /* until it is connected */
    watch(d, true);
}

static void say_connect(struct device *d)
{
    char id[32], resource[128], username[160], derived[96], token[512];
    spoke_key group, own;
    spoke_mqtt_packet p = {.type = SPOKE_MQTT_CONNECT};
    spoke_buf key = spoke_buf_from(derived, sizeof derived), password = spoke_buf_from(token, sizeof token);
    device_id(d->number, id);
    (void)snprintf(resource, sizeof resource, "localhost/devices/%s", id);
    (void)snprintf(username, sizeof username, "localhost/%s/?api-version=2021-04-12", id);
    check(spoke_key_from_base64(spoke_str_of(d->load->options.group_key), &group), "the group key");
    check(spoke_sas_derive(spoke_str_of(id), spoke_key_hmac, &group, &key), "the device key");
    check(spoke_key_from_base64(spoke_buf_str(&key), &own), "the device key");
    check(spoke_sas_token(spoke_str_of(resource), (int64_t)time(NULL) + 86400, spoke_str_of(NULL), spoke_key_hmac,
                          &own, &password),
          "the token");
    p.as.connect.protocol = SPOKE_STR("MQTT");
    p.as.connect.level = 4;
    p.as.connect.client_id = spoke_str_of(id);
    p.as.connect.has_username = p.as.connect.has_password = p.as.connect.clean_session = true;
    p.as.connect.username = spoke_str_of(username);
    p.as.connect.password = spoke_buf_str(&password);
    p.as.connect.keep_alive_s = 1177;
    if (!put(d, &p))
        fail("CONNECT", "too large");
    flush(d);
}

/* False: its window is full, or its record. */
static bool publish(struct device *d)
{
    const struct options *o = &d->load->options;
    char id[32], topic[128], body[160];
    spoke_mqtt_packet p = {.type = SPOKE_MQTT_PUBLISH};
    if (d->in_flight == o->window || d->out_at > 0)
        return false;
    device_id(d->number, id);
    (void)snprintf(topic, sizeof topic, "devices/%s/messages/events/$.ct=application%%2Fjson&$.ce=utf-8", id);
    const int len = snprintf(body, sizeof body, "{\"temperature\":%u.%u,\"humidity\":40.25,\"count\":%u}",
                             20u + d->next_id % 10u, d->next_id % 7u, (unsigned)d->load->sent);
    p.packet_id = (uint16_t)(d->next_id % 65535u + 1u);
    p.as.publish.qos = 1;
    p.as.publish.topic = spoke_str_of(topic);
    p.as.publish.payload = spoke_str_from(body, (size_t)len);
    if (!put(d, &p))
        return false;
    d->sent_us[d->next_id % o->window] = (uint32_t)((clock_ns(CLOCK_MONOTONIC) - d->load->start_ns) / 1000);
    d->next_id = (uint16_t)((d->next_id + 1u) % 65535u);
    d->in_flight++;
    d->load->sent++;
    return true;
}

static void take(struct device *d, const uint8_t *bytes, size_t len)
{
    struct load *l = d->load;
    spoke_mqtt_packet p;
    if (spoke_mqtt_decode(bytes, len, &p) != SPOKE_OK)
        fail("an answer", "is malformed");
    if (p.type == SPOKE_MQTT_CONNACK) {
        if (p.as.connack.code == 3) {
            lose(d, LOSS_REFUSED, "CONNECT was refused");
            return;
        }
        if (p.as.connack.code != 0)
            fail("CONNECT", "was refused for good");
        d->stage = STAGE_ONLINE;
        l->online++;
    } else if (p.type == SPOKE_MQTT_PUBACK) {
        const uint32_t now = (uint32_t)((clock_ns(CLOCK_MONOTONIC) - l->start_ns) / 1000);
        if (l->sample_count < MAX_SAMPLES)
            l->samples[l->sample_count++] = now - d->sent_us[(p.packet_id - 1u) % l->options.window];
        d->in_flight--;
        l->acknowledged++;
    }
}

static void take_all(struct device *d, uint8_t *bytes, size_t len)
{
    spoke_mqtt_header header;
    size_t at = 0;
    while (spoke_mqtt_peek(bytes + at, len - at, &header) == SPOKE_OK &&
           header.head_bytes + header.body_bytes <= len - at) {
        take(d, bytes + at, header.head_bytes + header.body_bytes);
        if (d->stage == STAGE_BACKOFF)
            return;
        at += header.head_bytes + header.body_bytes;
    }
    d->in_len = len - at;
    if (d->in_len > sizeof d->in)
        fail("an answer", "is too long");
    memcpy(d->in, bytes + at, d->in_len);
}

static void receive(struct device *d)
{
    static uint8_t bytes[sizeof d->in + IN_BYTES];
    size_t count = 0;
    spoke_status status;
    for (;;) {
        memcpy(bytes, d->in, d->in_len);
        status = tls_read(d->tls, bytes + d->in_len, IN_BYTES, &count);
        if (status != SPOKE_OK)
            break;
        take_all(d, bytes, d->in_len + count);
        if (d->stage == STAGE_BACKOFF)
            return;
    }
    if (status != SPOKE_E_AGAIN)
        lose(d, LOSS_CONNECTION, tls_error(d->tls).text);
}

static void hear(struct device *d)
{
    if (d->stage == STAGE_HANDSHAKE) {
        const spoke_status status = tls_handshake(d->tls);
        const bool wants_write = status == SPOKE_E_AGAIN && (tls_wants(d->tls) & SPOKE_WANT_WRITE) != 0;
        if (status != SPOKE_OK && status != SPOKE_E_AGAIN) {
            lose(d, LOSS_HANDSHAKE, tls_error(d->tls).text);
            return;
        }
        if (wants_write != d->wants_write) {
            d->wants_write = wants_write;
            watch(d, false);
        }
        if (status == SPOKE_OK) {
            d->stage = STAGE_CONNECT;
            say_connect(d);
        }
        return;
    }
    flush(d);
    if (d->stage != STAGE_BACKOFF)
        receive(d);
}

static void wait_for_events(struct load *l, int limit_ms)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(l->epoll, events, EVENTS, limit_ms);
    for (int i = 0; i < count; i++)
        hear(events[i].data.ptr);
}

/* --- the run --- */

/* Attempts that take too long end, and those that are due begin. */
static void look_at_attempts(struct load *l, uint64_t now_ns)
{
    for (uint32_t i = 0; i < l->begun; i++) {
        struct device *d = &l->devices[i];
        if (d->stage == STAGE_ONLINE || d->due_ns > now_ns)
            continue;
        if (d->stage == STAGE_BACKOFF)
            begin(l, d);
        else
            lose(d, LOSS_TIMEOUT, "it takes too long");
    }
}

static void connect_all(struct load *l)
{
    const uint64_t end = clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * UINT64_C(1000000);
    while (l->online < l->options.devices) {
        while (l->begun < l->options.devices && l->begun - l->online < l->options.connecting)
            begin(l, &l->devices[l->begun++]);
        wait_for_events(l, 100);
        look_at_attempts(l, clock_ns(CLOCK_MONOTONIC));
        if (clock_ns(CLOCK_MONOTONIC) > end)
            fail("connecting", "takes too long");
    }
    l->sending = true;
}

/* Each device in turn, one record at most, until enough is out. */
static void send_due(struct load *l, uint32_t due)
{
    for (uint32_t looked = 0; looked < l->options.devices && l->sent < due; looked++) {
        struct device *d = &l->devices[l->next];
        const uint32_t share = l->options.rate != 0 ? l->options.burst : l->options.window;
        uint32_t count = 0;
        while (l->sent < due && count < share && publish(d))
            count++;
        if (count > 0)
            flush(d);
        l->next = (l->next + 1) % l->options.devices;
    }
}

static void send_all(struct load *l)
{
    const struct options *o = &l->options;
    uint64_t moved_ns = clock_ns(CLOCK_MONOTONIC);
    l->start_ns = moved_ns;
    while (l->acknowledged < o->messages) {
        const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
        const uint64_t allowed = o->rate != 0 ? (now_ns - l->start_ns) / 1000 * o->rate / 1000000 : o->messages;
        const uint32_t before = l->acknowledged;
        send_due(l, allowed < o->messages ? (uint32_t)allowed : o->messages);
        wait_for_events(l, o->rate != 0 ? 1 : 100);
        if (l->acknowledged != before)
            moved_ns = now_ns;
        else if (now_ns - moved_ns > PATIENCE_MS * UINT64_C(1000000))
            fail("sending", "nothing is acknowledged any more");
    }
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct load *l, double share)
{
    return l->sample_count > 0 ? l->samples[(size_t)((double)(l->sample_count - 1) * share)] / 1000.0 : 0;
}

static void run(struct load *l)
{
    const struct options *o = &l->options;
    const uint64_t start = clock_ns(CLOCK_MONOTONIC);
    const double cpu_start = process_cpu_s(o->service);
    const long before_kb = process_memory_kb(o->service, "VmRSS:");
    connect_all(l);
    const double connect_s = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    const double cpu_connected = process_cpu_s(o->service);
    wait_for_events(l, 0);
    const struct timespec pause = {IDLE_MS / 1000, 0};
    (void)nanosleep(&pause, NULL);
    const double cpu_idle = process_cpu_s(o->service);
    const long idle_kb = process_memory_kb(o->service, "VmRSS:"),
               peak_kb = process_memory_kb(o->service, "VmHWM:");
    const uint64_t send_start = clock_ns(CLOCK_MONOTONIC), own_start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    send_all(l);
    const double send_s = (double)(clock_ns(CLOCK_MONOTONIC) - send_start) / 1e9;
    const double own_s = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_start) / 1e9;
    const double cpu_s = process_cpu_s(o->service) - cpu_idle;
    const double hundred_thousands = o->messages > 0 ? o->messages / 100000.0 : 1;
    qsort(l->samples, l->sample_count, sizeof *l->samples, by_size);
    printf(
        "{\"devices\": %u, \"connect_s\": %.2f, \"connect_service_cpu_s\": %.2f, \"idle_cpu_share\": %.4f,"
        " \"refused\": %u, \"handshakes_lost\": %u, \"connections_lost\": %u, \"timeouts\": %u, \"most_of_one\": %u,"
        " \"empty_kb\": %ld, \"peak_kb\": %ld, \"idle_kb\": %ld, \"after_kb\": %ld, \"messages\": %u, \"send_s\": %.2f,"
        " \"messages_per_s\": %.0f, \"service_cpu_s_per_100k\": %.3f, \"client_cpu_s_per_100k\": %.3f,"
        " \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
        (unsigned)o->devices, connect_s, cpu_connected - cpu_start,
        (cpu_idle - cpu_connected) / (IDLE_MS / 1000.0), (unsigned)l->losses[LOSS_REFUSED],
        (unsigned)l->losses[LOSS_HANDSHAKE], (unsigned)l->losses[LOSS_CONNECTION],
        (unsigned)l->losses[LOSS_TIMEOUT], (unsigned)l->most_losses, before_kb, peak_kb, idle_kb,
        process_memory_kb(o->service, "VmRSS:"), (unsigned)o->messages, send_s,
        o->messages / (send_s > 0 ? send_s : 1), cpu_s / hundred_thousands, own_s / hundred_thousands,
        percentile_ms(l, 0.5), percentile_ms(l, 0.99));
}

static void load(const struct options *o)
{
    struct load l = {.options = *o, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    const struct tls_context_options tls = {.trust_file = o->ca_file, .random = random_bytes};
    const struct rlimit files = {o->devices + 64u, o->devices + 64u};
    const char *why = "";
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur < files.rlim_cur &&
        setrlimit(RLIMIT_NOFILE, &files) != 0)
        fail("open files", "this process may not have one for each device");
    if (tls_context_create(&tls, &l.tls, &why, NULL) != SPOKE_OK)
        fail(o->ca_file, why);
    l.devices = calloc(o->devices, sizeof *l.devices);
    l.samples = calloc(MAX_SAMPLES, sizeof *l.samples);
    if (l.devices == NULL || l.samples == NULL || l.epoll < 0)
        fail("memory", "there is none left");
    for (uint32_t i = 0; i < o->devices; i++) {
        l.devices[i] = (struct device){.load = &l, .number = i, .fd = -1};
        l.devices[i].sent_us = calloc(o->window, sizeof *l.devices[i].sent_us);
        if (l.devices[i].sent_us == NULL)
            fail("memory", "there is none left");
    }
    run(&l);
    for (uint32_t i = 0; i < o->devices; i++) {
        close_link(&l.devices[i]);
        free(l.devices[i].sent_us);
    }
    tls_context_destroy(l.tls);
    free(l.devices);
    free(l.samples);
}

static uint32_t number(const char *text)
{
    uint32_t value = 0;
    if (spoke_str_u32(spoke_str_of(text), &value) != SPOKE_OK)
        fail(text, "a number is wanted");
    return value;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"data", required_argument, NULL, 'd'},
                                          {"ca", required_argument, NULL, 'a'},
                                          {"group-key", required_argument, NULL, 'k'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"devices", required_argument, NULL, 'n'},
                                          {"messages", required_argument, NULL, 'm'},
                                          {"window", required_argument, NULL, 'w'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"burst", required_argument, NULL, 'b'},
                                          {"connecting", required_argument, NULL, 'c'},
                                          {"service", required_argument, NULL, 's'},
                                          {"keep", required_argument, NULL, 'e'},
                                          {"commit", required_argument, NULL, 'o'},
                                          {"attempt-s", required_argument, NULL, 't'},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.devices = 100,
                        .window = 64,
                        .burst = 1,
                        .connecting = 128,
                        .commit = 2000,
                        .attempt_s = SPOKE_DEFAULT_CONNECT_LIMIT_MS / 1000,
                        .data = ".",
                        .group_key = "",
                        .ca_file = ""};
    for (int id; (id = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (id) {
        case 'd':
            o.data = optarg;
            break;
        case 'a':
            o.ca_file = optarg;
            break;
        case 'k':
            o.group_key = optarg;
            break;
        case 'p':
            o.port = number(optarg);
            break;
        case 'n':
            o.devices = number(optarg);
            break;
        case 'm':
            o.messages = number(optarg);
            break;
        case 'w':
            o.window = number(optarg);
            break;
        case 'r':
            o.rate = number(optarg);
            break;
        case 'b':
            o.burst = number(optarg);
            break;
        case 'c':
            o.connecting = number(optarg);
            break;
        case 's':
            o.service = number(optarg);
            break;
        case 'e':
            o.keep = number(optarg);
            break;
        case 'o':
            o.commit = number(optarg);
            break;
        case 't':
            o.attempt_s = number(optarg);
            break;
        default:
            return 2;
        }
    }
    o.command = optind < argc ? argv[optind] : "";
    if (o.devices == 0 || o.window == 0 || o.burst == 0 || o.commit == 0 || o.attempt_s == 0)
        fail("options", "devices, window, burst, commit and attempt-s are at least 1");
    if (o.connecting == 0)
        o.connecting = o.devices;
    if (strcmp(o.command, "prepare") == 0)
        prepare(&o);
    else if (strcmp(o.command, "fill") == 0)
        fill(&o);
    else if (strcmp(o.command, "load") == 0)
        load(&o);
    else
        fail(o.command, "the command is prepare, fill or load");
    return 0;
}
