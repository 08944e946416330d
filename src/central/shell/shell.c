#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shell_private.h"

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, ACCEPT_REST_MS = 200 };

uint64_t shell_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- listening --- */

static bool address_of(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof v4);
        *len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof v6);
        *len = sizeof v6;
        return true;
    }
    return false;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    struct sockaddr_in v4;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    memcpy(&v4, &address, sizeof v4); /* the port of IPv6 is at the same place */
    return ntohs(v4.sin_port);
}

static int bound_socket(const struct sockaddr_storage *address, socklen_t len)
{
    const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    const int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

/* What a kind of stream is called, and which option says where it listens. */
struct listening {
    enum stream_kind kind;
    const char *what, *address, *address_flag, *port_flag;
    uint16_t port;
};

static void explain_bind(int reason, const struct listening *on, char *why, size_t cap)
{
    const unsigned port = on->port;
    if (reason == EADDRINUSE)
        (void)snprintf(why, cap, "port %u of %s is in use by another program; choose another with %s (0: any)",
                       port, on->address, on->port_flag);
    else if (reason == EADDRNOTAVAIL)
        (void)snprintf(why, cap, "%s is not an address of this machine; check %s", on->address, on->address_flag);
    else if (reason == EACCES)
        (void)snprintf(why, cap, "port %u may only be opened by root; choose one above 1023 with %s", port,
                       on->port_flag);
    else
        (void)snprintf(why, cap, "port %u of %s cannot be opened: %s", port, on->address, strerror(reason));
}

static spoke_status open_listener(struct shell *shell, const struct listening *on, char *why, size_t cap)
{
    struct listener *l = &shell->listeners[shell->listener_count];
    struct sockaddr_storage address;
    socklen_t len = 0;
    if (!address_of(on->address, on->port, &address, &len)) {
        (void)snprintf(why, cap, "\"%s\" is not an IPv4 or IPv6 address; check %s", on->address, on->address_flag);
        return SPOKE_E_ARG;
    }
    l->kind = on->kind;
    l->what = on->what;
    l->socket.fd = bound_socket(&address, len);
    if (l->socket.fd < 0) {
        explain_bind(errno, on, why, cap);
        return SPOKE_E_PORT;
    }
    l->port = port_of(l->socket.fd);
    shell->listener_count++;
    return watch_set(shell, &l->socket, EPOLLIN);
}

static spoke_status open_listeners(struct shell *shell, char *why, size_t cap)
{
    const struct shell_options *o = &shell->options;
    const struct listening all[] = {
        {STREAM_MQTT, "MQTT", o->bind_address, "--bind", "--mqtt-port", o->mqtt_port},
        {STREAM_HTTP, "HTTPS", o->bind_address, "--bind", "--https-port", o->https_port},
        {STREAM_BROKER, "plain MQTT", o->broker_address, "--plain-mqtt", "--plain-mqtt", o->broker_port},
    };
    const size_t count = o->broker != NULL ? 3 : 2;
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < count && status == SPOKE_OK; i++)
        status = open_listener(shell, &all[i], why, cap);
    return status;
}

static spoke_status open_tls(struct shell *shell, char *why, size_t cap)
{
    const struct tls_context_options options = {
        .server = true,
        .ask_certificate = true, /* as the hub: the core judges, and a device may do without */
        .cert_pem = shell->options.cert_pem,
        .key_pem = shell->options.key_pem,
        .random = shell->options.random,
        .random_ctx = shell->options.random_ctx,
    };
    const char *reason = "";
    int32_t detail = 0;
    const spoke_status status = tls_context_create(&options, &shell->tls, &reason, &detail);
    if (status != SPOKE_OK)
        (void)snprintf(why, cap, "TLS cannot start: %s (%d)", reason, (int)detail);
    return status;
}

/* --- accepting --- */

bool shell_mqtt_full(const struct shell *shell)
{
    return shell->counts[STREAM_MQTT] + shell->counts[STREAM_WEBSOCKET] >= shell->options.max_mqtt;
}

static uint32_t limit_of(const struct shell *shell, enum stream_kind kind)
{
    return kind == STREAM_HTTP     ? shell->options.max_http
           : kind == STREAM_BROKER ? shell->options.max_broker
                                   : shell->options.max_mqtt;
}

static bool is_full(const struct shell *shell, enum stream_kind kind)
{
    return kind == STREAM_MQTT ? shell_mqtt_full(shell) : shell->counts[kind] >= limit_of(shell, kind);
}

/* Out of descriptors or memory: the kernel keeps the connection, and epoll would report it without end. */
static void rest(struct shell *shell, int reason)
{
    core_log(shell->core, SPOKE_LOG_ERROR, "shell", "no connection can be taken for now: %s", strerror(reason));
    shell->accept_after_ms = shell->now_ms + ACCEPT_REST_MS;
    for (size_t i = 0; i < shell->listener_count; i++)
        (void)watch_set(shell, &shell->listeners[i].socket, 0);
}

/* The oldest of HTTP that asks nothing, or does not read what it asked for, gives its place to the newest: silence and
 * dripping from a few hundred sockets keep nobody out. */
static bool make_room(struct shell *shell, enum stream_kind kind)
{
    if (kind != STREAM_HTTP)
        return false;
    for (struct list_node *at = shell->http_streams.first; at != NULL; at = at->next) {
        struct stream *s = at->owner;
        if (s->state == STREAM_OPEN && s->stuck_ms == UINT64_MAX && !http_idle(s))
            continue;
        stream_free(s);
        return true;
    }
    return false;
}

static void take(struct shell *shell, struct listener *l, int fd, const struct sockaddr_storage *address,
                 socklen_t len)
{
    const int on = 1;
    if (is_full(shell, l->kind)) {
        l->refused++;
        if (!make_room(shell, l->kind)) {
            (void)close(fd);
            return;
        }
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const spoke_status status = stream_open(shell, l->kind, fd, address, len);
    if (status != SPOKE_OK)
        core_log(shell->core, SPOKE_LOG_ERROR, "shell", "a connection could not be set up: %s",
                 spoke_status_text(status));
}

static void log_refused(struct shell *shell, struct listener *l)
{
    if (l->refused == 0 || shell->now_ms < l->refused_log_ms)
        return;
    core_log(shell->core, SPOKE_LOG_WARN, "shell",
             "%u %s connections were closed for want of room: the limit is %u", (unsigned)l->refused, l->what,
             (unsigned)limit_of(shell, l->kind));
    l->refused = 0;
    l->refused_log_ms = shell->now_ms + SHELL_LOG_PAUSE_MS;
}

struct list *shell_shaking(struct shell *shell, enum stream_kind kind, bool begun)
{
    if (kind == STREAM_HTTP)
        return begun ? &shell->http_shaken : &shell->http_shaking;
    return begun ? &shell->shaken : &shell->shaking;
}

void shell_accept(struct shell *shell, struct listener *l)
{
    const size_t waiting =
        shell_shaking(shell, l->kind, false)->count + shell_shaking(shell, l->kind, true)->count;
    for (size_t i = 0; i < ACCEPTS_PER_TURN && waiting < SHELL_MAX_HANDSHAKES; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        const int fd = accept4(l->socket.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(shell, l, fd, &address, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            rest(shell, errno);
        if (errno != EINTR && errno != ECONNABORTED)
            break;
    }
    log_refused(shell, l);
}

/* --- life --- */

static void fill_defaults(struct shell_options *options)
{
    if (options->max_mqtt == 0)
        options->max_mqtt = SHELL_USUAL_MQTT;
    if (options->max_http == 0)
        options->max_http = 256;
    if (options->max_broker == 0)
        options->max_broker = 1000;
    if (options->patience_ms == 0)
        options->patience_ms = 30000;
    if (options->drain_limit_ms == 0)
        options->drain_limit_ms = 5000;
}

/* A limit that was asked for and cannot be kept is refused; the usual one gives way. */
static spoke_status fit_descriptors(struct shell_options *options, bool asked, char *why, size_t cap)
{
    const rlim_t others = SHELL_OTHER_DESCRIPTORS +
                          2u * (rlim_t)options->max_http + /* each with its socket pair */
                          (options->broker != NULL ? options->max_broker : 0u);
    struct rlimit limit;
    if (!options->listen || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= options->max_mqtt + others)
        return SPOKE_OK;
    if (asked) {
        (void)snprintf(
            why, cap,
            "%u device connections need %llu open files, and this process may have %llu: raise its limit"
            " (ulimit -n, or LimitNOFILE= of systemd), or lower --max-connections",
            (unsigned)options->max_mqtt, (unsigned long long)(options->max_mqtt + others),
            (unsigned long long)limit.rlim_cur);
        return SPOKE_E_ARG;
    }
    options->max_mqtt = (uint32_t)(limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2);
    core_log(options->core, SPOKE_LOG_INFO, "shell", "at most %u devices: the limit of open files allows no more",
             (unsigned)options->max_mqtt);
    return SPOKE_OK;
}

static spoke_status open_loop(struct shell *shell, char *why, size_t cap)
{
    shell->epoll = epoll_create1(EPOLL_CLOEXEC);
    shell->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shell->epoll >= 0 && shell->wake.fd >= 0 && watch_set(shell, &shell->wake, EPOLLIN) == SPOKE_OK)
        return SPOKE_OK;
    (void)snprintf(why, cap, "the event loop cannot start: %s", strerror(errno));
    return SPOKE_E_PORT;
}

static spoke_status open_all(struct shell *shell, char *why, size_t cap)
{
    spoke_status status = open_loop(shell, why, cap);
    if (status != SPOKE_OK || !shell->options.listen)
        return status;
    status = open_tls(shell, why, cap);
    if (status == SPOKE_OK)
        status = open_listeners(shell, why, cap);
    if (status != SPOKE_OK)
        return status;
    for (size_t i = 0; i < CORE_LANES && status == SPOKE_OK; i++)
        status = worker_create(shell, &shell->workers[i]);
    if (status == SPOKE_OK) {
        core_set_offload(shell->core, worker_offload, shell);
        status = http_create(shell, &shell->http);
    }
    if (status == SPOKE_OK) {
        shell->http_loop.fd = http_fd(shell->http);
        status = watch_set(shell, &shell->http_loop, EPOLLIN);
    }
    if (status != SPOKE_OK)
        (void)snprintf(why, cap, "the HTTP server (libmicrohttpd) cannot start");
    return status;
}

spoke_status shell_create(const struct shell_options *options, struct shell **out, char *why, size_t why_cap)
{
    struct shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        return SPOKE_E_NO_MEMORY;
    shell->options = *options;
    fill_defaults(&shell->options);
    shell->core = options->core;
    shell->epoll = shell->wake.fd = -1;
    spoke_status status = fit_descriptors(&shell->options, options->max_mqtt != 0, why, why_cap);
    if (status == SPOKE_OK)
        status = open_all(shell, why, why_cap);
    if (status != SPOKE_OK) {
        shell_destroy(shell);
        return status;
    }
    *out = shell;
    return SPOKE_OK;
}

void shell_destroy(struct shell *shell)
{
    if (shell == NULL)
        return;
    for (size_t i = 0; i < shell->listener_count; i++)
        watch_close(shell, &shell->listeners[i].socket);
    while (shell->streams.first != NULL)
        stream_free(shell->streams.first->owner);
    timers_free(&shell->timers);
    (void)watch_set(shell, &shell->http_loop, 0);
    if (shell->http != NULL)
        http_destroy(shell->http);
    core_set_offload(shell->core, NULL, NULL);
    for (size_t i = 0; i < CORE_LANES; i++)
        worker_destroy(shell->workers[i]);
    tls_context_destroy(shell->tls);
    watch_close(shell, &shell->wake);
    if (shell->epoll >= 0)
        (void)close(shell->epoll);
    free(shell->base);
    free(shell);
}

spoke_status shell_set_base(struct shell *shell, const char *base)
{
    char *copy = strdup(base);
    if (copy == NULL)
        return SPOKE_E_NO_MEMORY;
    free(shell->base);
    shell->base = copy;
    return SPOKE_OK;
}

static uint16_t port_by_kind(const struct shell *shell, enum stream_kind kind)
{
    for (size_t i = 0; i < shell->listener_count; i++)
        if (shell->listeners[i].kind == kind)
            return shell->listeners[i].port;
    return 0;
}

uint16_t shell_mqtt_port(const struct shell *shell)
{
    return port_by_kind(shell, STREAM_MQTT);
}

uint16_t shell_https_port(const struct shell *shell)
{
    return port_by_kind(shell, STREAM_HTTP);
}

uint16_t shell_broker_port(const struct shell *shell)
{
    return port_by_kind(shell, STREAM_BROKER);
}
