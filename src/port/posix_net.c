#include "port/posix.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* An address that stays silent this long gets company by the next one (RFC 8305 section 5). */
enum { ATTEMPT_MS = 250 };

/* The bell of wake. RAISING: its thread is between claiming the bell and ringing it; only a bell that has rung may
 * be silenced, else a descriptor could stay readable, or silent, against what this says. */
enum { WAKE_IDLE, WAKE_RAISING, WAKE_RUNG };

enum link_state {
    LINK_CLOSED,     /* -> RESOLVING by open */
    LINK_RESOLVING,  /* -> CONNECTING, CLOSED */
    LINK_CONNECTING, /* -> CONNECTED, CLOSED */
    LINK_CONNECTED   /* -> CLOSED */
};

struct link {
    enum link_state state;
    int epoll;         /* what fd() gives out */
    int bell;          /* eventfd */
    int timer;         /* in the epoll set while connecting: name server and next address; -1: closed */
    int socket;        /* CONNECTED */
    uint32_t interest; /* epoll events registered for it; 0: not in the set */
    int32_t detail;
    atomic_int wake;
    struct posix_dns dns;
    struct posix_addresses addresses;
    int attempts[POSIX_MAX_ADDRESSES]; /* CONNECTING; -1: failed */
    size_t started;
    uint64_t next_attempt_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static int watch(const struct link *l, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void link_fini(void *ctx, void *link);
static void link_close(void *ctx, void *link);

static spoke_status link_init(void *ctx, void *link)
{
    struct link *l = link;
    memset(l, 0, sizeof(*l));
    atomic_init(&l->wake, WAKE_IDLE);
    l->timer = -1;
    l->socket = -1;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll < 0 || l->bell < 0 || watch(l, l->bell, EPOLLIN) != 0) {
        const int reason = errno;
        link_fini(ctx, link);
        l->detail = reason;
        return SPOKE_E_PORT;
    }
    return SPOKE_OK;
}

static void link_fini(void *ctx, void *link)
{
    struct link *l = link;
    link_close(ctx, link);
    if (l->bell >= 0)
        close(l->bell);
    if (l->epoll >= 0)
        close(l->epoll);
    l->bell = l->epoll = -1;
}

/* --- connecting --- */

/* A refusal says more than the missing route of another address. */
static void note_failure(struct link *l, int reason)
{
    if (l->detail != ECONNREFUSED)
        l->detail = reason;
}

static void close_timer(struct link *l)
{
    if (l->timer >= 0)
        close(l->timer);
    l->timer = -1;
}

static void close_attempts(struct link *l)
{
    for (size_t i = 0; i < l->started; i++)
        if (l->attempts[i] >= 0)
            close(l->attempts[i]);
    l->started = 0;
}

static spoke_status fail(struct link *l, spoke_status status)
{
    link_close(NULL, l);
    return status;
}

/* One timer serves the name look-up and the next address, so that fd() becomes readable for them too. Setting it
 * also takes back that it went off. */
static void set_timer(const struct link *l, uint32_t ms)
{
    struct itimerspec when = {{0, 0}, {0, 0}};
    if (ms != UINT32_MAX) {
        when.it_value.tv_sec = (time_t)(ms / 1000u);
        when.it_value.tv_nsec = ms > 0 ? (long)(ms % 1000u) * 1000000L : 1;
    }
    timerfd_settime(l->timer, 0, &when, NULL);
}

static spoke_status open_with(struct link *l, const char *servers, const char *host, uint16_t port)
{
    if (l->state != LINK_CLOSED)
        return SPOKE_E_STATE;
    l->detail = 0;
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->timer < 0 || watch(l, l->timer, EPOLLIN) != 0) {
        l->detail = errno;
        close_timer(l);
        return SPOKE_E_NET;
    }
    l->state = LINK_RESOLVING;
    const spoke_status status = posix_dns_start(&l->dns, l->epoll, servers, host, port, &l->addresses);
    if (status != SPOKE_OK) {
        l->detail = l->dns.detail;
        return fail(l, status);
    }
    return SPOKE_OK;
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    (void)ctx; /* an application's own platform may lend this function, with a ctx that is not ours */
    return open_with(link, NULL, host, port);
}

static spoke_status link_open_created(void *ctx, void *link, const char *host, uint16_t port)
{
    return open_with(link, ((const struct posix *)ctx)->dns_servers, host, port);
}

static int connect_to(const struct link *l, const union posix_address *address)
{
    const int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const socklen_t len = address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
    const bool begun = connect(fd, &address->any, len) == 0 || errno == EINPROGRESS;
    if (begun && watch(l, fd, EPOLLOUT) == 0)
        return fd;
    const int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static void start_attempt(struct link *l, uint64_t now)
{
    while (l->started < l->addresses.count) {
        const int fd = connect_to(l, &l->addresses.list[l->started]);
        l->attempts[l->started++] = fd;
        if (fd >= 0) {
            l->next_attempt_ms = now + ATTEMPT_MS;
            return;
        }
        note_failure(l, errno);
    }
}

static void adopt(struct link *l, size_t winner)
{
    l->socket = l->attempts[winner];
    l->attempts[winner] = -1;
    close_attempts(l);
    close_timer(l);
    l->interest = EPOLLIN;
    struct epoll_event event = {.events = l->interest, .data.fd = l->socket};
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->socket, &event);
    l->detail = 0;
    l->state = LINK_CONNECTED;
}

/* 0: still under way; 1: connected; -1: failed, errno says why. */
static int attempt_result(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return 0;
    int reason = 0;
    socklen_t len = sizeof(reason);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0)
        reason = errno;
    errno = reason;
    return reason == 0 ? 1 : -1;
}

static spoke_status step_attempts(struct link *l)
{
    size_t alive = 0;
    for (size_t i = 0; i < l->started; i++) {
        const int got = l->attempts[i] >= 0 ? attempt_result(l->attempts[i]) : 0;
        if (got > 0) {
            adopt(l, i);
            return SPOKE_OK;
        }
        if (got < 0) {
            note_failure(l, errno);
            close(l->attempts[i]);
            l->attempts[i] = -1;
        }
        alive += l->attempts[i] >= 0 ? 1 : 0;
    }
    const uint64_t now = now_ms();
    const size_t before = l->started;
    if (alive == 0 || now >= l->next_attempt_ms)
        start_attempt(l, now);
    if (l->started > before && l->attempts[l->started - 1] >= 0)
        alive++;
    if (alive == 0)
        return fail(l, SPOKE_E_NET);
    const bool more = l->started < l->addresses.count;
    set_timer(l, more ? (uint32_t)(l->next_attempt_ms - now) : UINT32_MAX);
    return SPOKE_E_AGAIN;
}

static spoke_status step_names(struct link *l)
{
    const spoke_status status = posix_dns_step(&l->dns);
    if (status == SPOKE_OK) {
        posix_dns_stop(&l->dns);
        l->state = LINK_CONNECTING;
        l->detail = EINPROGRESS;
        return step_attempts(l);
    }
    if (status == SPOKE_E_AGAIN) {
        set_timer(l, posix_dns_next_ms(&l->dns));
        return status;
    }
    l->detail = l->dns.detail;
    return fail(l, status);
}

static spoke_status link_step(void *ctx, void *link)
{
    (void)ctx;
    struct link *l = link;
    switch (l->state) {
    case LINK_RESOLVING:
        return step_names(l);
    case LINK_CONNECTING:
        return step_attempts(l);
    case LINK_CONNECTED:
        return SPOKE_OK;
    case LINK_CLOSED:
        break;
    }
    return SPOKE_E_NET;
}

/* --- connected --- */

static spoke_status io_failure(struct link *l)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return SPOKE_E_AGAIN;
    l->detail = errno;
    return SPOKE_E_NET;
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    (void)ctx;
    struct link *l = link;
    if (l->state != LINK_CONNECTED)
        return SPOKE_E_NET;
    const ssize_t got = recv(l->socket, out, cap, 0);
    if (got < 0)
        return io_failure(l);
    *count = (size_t)got;
    l->detail = 0; /* an orderly end has no errno */
    return got > 0 ? SPOKE_OK : SPOKE_E_NET;
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)ctx;
    struct link *l = link;
    if (l->state != LINK_CONNECTED)
        return SPOKE_E_NET;
    const ssize_t put = send(l->socket, bytes, len, MSG_NOSIGNAL);
    if (put < 0)
        return io_failure(l);
    *count = (size_t)put;
    return put > 0 ? SPOKE_OK : SPOKE_E_AGAIN;
}

static void link_close(void *ctx, void *link)
{
    (void)ctx;
    struct link *l = link;
    posix_dns_stop(&l->dns);
    close_attempts(l);
    close_timer(l);
    if (l->socket >= 0)
        close(l->socket);
    l->socket = -1;
    l->state = LINK_CLOSED;
}

/* --- sleeping --- */

static void silence_bell(struct link *l)
{
    uint64_t rings;
    const ssize_t got = read(l->bell, &rings, sizeof(rings));
    (void)got; /* WAKE_RUNG says that it rang */
    atomic_store(&l->wake, WAKE_IDLE);
}

static bool take_wake(struct link *l)
{
    const int wake = atomic_load(&l->wake);
    if (wake == WAKE_RUNG)
        silence_bell(l);
    return wake != WAKE_IDLE;
}

static void set_interest(struct link *l, unsigned want)
{
    const uint32_t events =
        ((want & SPOKE_WANT_READ) != 0 ? EPOLLIN : 0u) | ((want & SPOKE_WANT_WRITE) != 0 ? EPOLLOUT : 0u);
    if (l->state != LINK_CONNECTED || events == l->interest)
        return;
    /* In the set even a socket of which nothing is wanted tells of a hang-up, again and again. */
    const int change = events == 0 ? EPOLL_CTL_DEL : l->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = events, .data.fd = l->socket};
    epoll_ctl(l->epoll, change, l->socket, &event);
    l->interest = events;
}

static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    (void)ctx;
    struct link *l = link;
    set_interest(l, want);
    if (take_wake(l) || limit_ms == 0)
        return;
    struct epoll_event events[2];
    const int limit = limit_ms > INT_MAX ? INT_MAX : (int)limit_ms;
    if (epoll_wait(l->epoll, events, 2, limit) > 0)
        take_wake(l);
}

static void link_wake(void *ctx, void *link)
{
    (void)ctx;
    struct link *l = link;
    int idle = WAKE_IDLE;
    if (!atomic_compare_exchange_strong(&l->wake, &idle, WAKE_RAISING))
        return; /* it rings already */
    const uint64_t once = 1;
    const ssize_t put = write(l->bell, &once, sizeof(once));
    (void)put; /* cannot fail: the counter is at 0 */
    atomic_store(&l->wake, WAKE_RUNG);
}

static int link_fd(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct link *)link)->epoll;
}

static int32_t link_detail(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct link *)link)->detail;
}

#define LINK_FUNCTIONS(open_function) \
    .struct_size = sizeof(spoke_net), .link_bytes = sizeof(struct link), .init = link_init, .fini = link_fini, \
    .open = (open_function), .step = link_step, .read = link_read, .write = link_write, .close = link_close, \
    .wait = link_wait, .wake = link_wake, .fd = link_fd, .detail = link_detail

const spoke_net posix_net = {LINK_FUNCTIONS(link_open)};
const spoke_net posix_net_created = {LINK_FUNCTIONS(link_open_created)};
