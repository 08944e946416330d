#include "fleet/net.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct link {
    void *owner;
    const struct gate_host *host; /* NULL: closed */
    uint16_t port;
    size_t tried;   /* addresses of the host */
    int socket;     /* -1: none */
    bool connected; /* else on the way */
    uint32_t interest;
    int32_t detail;
};

static void close_socket(struct link *l)
{
    if (l->socket >= 0)
        close(l->socket);
    l->socket = -1;
    l->interest = 0;
    l->connected = false;
}

static void link_close(void *ctx, void *link)
{
    struct link *l = link;
    (void)ctx;
    close_socket(l);
    l->host = NULL;
}

static spoke_status link_init(void *ctx, void *link)
{
    struct link *l = link;
    memset(l, 0, sizeof *l);
    l->owner = ((const struct fleet_net *)ctx)->owner;
    l->socket = -1;
    return SPOKE_OK;
}

/* --- readiness --- */

static void set_interest(const struct fleet_net *net, struct link *l, uint32_t events)
{
    if (events == l->interest || l->socket < 0)
        return;
    /* In the set even a socket of which nothing is wanted tells of a hang-up, again and again. */
    const int change = events == 0 ? EPOLL_CTL_DEL : l->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = events, .data.ptr = l->owner};
    if (epoll_ctl(net->epoll, change, l->socket, &event) == 0)
        l->interest = events;
}

/* A limit above 0 comes only at the end, when one client after the other is closed. */
static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct link *l = link;
    const uint32_t in = (want & SPOKE_WANT_READ) != 0, out = (want & SPOKE_WANT_WRITE) != 0;
    set_interest(ctx, l, (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0));
    struct pollfd ready = {.fd = l->socket, .events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0))};
    if (limit_ms > 0)
        (void)poll(&ready, 1, limit_ms < INT_MAX ? (int)limit_ms : INT_MAX);
}

static void link_wake(void *ctx, void *link)
{
    (void)ctx, (void)link;
}

static int link_fd(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct link *)link)->socket;
}

/* --- connecting --- */

static int connect_to(const struct link *l)
{
    union gate_address to = l->host->addresses[l->tried];
    const bool four = to.any.sa_family == AF_INET;
    const int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *(four ? &to.v4.sin_port : &to.v6.sin6_port) = htons(l->port);
    if (connect(fd, &to.any, four ? sizeof to.v4 : sizeof to.v6) == 0 || errno == EINPROGRESS)
        return fd;
    const int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* From `tried` on, the first address to which a way can be begun. */
static spoke_status begin_attempt(struct fleet_net *net, struct link *l)
{
    for (; l->tried < l->host->count; l->tried++) {
        l->socket = connect_to(l);
        if (l->socket >= 0) {
            set_interest(net, l, EPOLLOUT);
            return SPOKE_E_AGAIN;
        }
        l->detail = errno;
    }
    return SPOKE_E_NET;
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct fleet_net *net = ctx;
    struct link *l = link;
    l->host = gate_look(net->gate, host);
    l->port = port;
    l->tried = 0;
    l->detail = 0;
    if (l->host == NULL)
        return SPOKE_E_DNS;
    if (!l->host->allowed) {
        l->detail = EPERM;
        return SPOKE_E_NET;
    }
    const spoke_status status = begin_attempt(net, l);
    return status == SPOKE_E_AGAIN ? SPOKE_OK : status;
}

/* 0: under way; 1: connected; -1: failed, errno says why. */
static int attempt_result(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return 0;
    int reason = 0;
    socklen_t len = sizeof reason;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0)
        reason = errno;
    errno = reason;
    return reason == 0 ? 1 : -1;
}

static spoke_status link_step(void *ctx, void *link)
{
    struct link *l = link;
    if (l->socket < 0)
        return SPOKE_E_NET;
    if (l->connected)
        return SPOKE_OK;
    const int result = attempt_result(l->socket);
    if (result == 0)
        return SPOKE_E_AGAIN;
    l->connected = result > 0;
    if (l->connected) {
        l->detail = 0;
        return SPOKE_OK;
    }
    l->detail = errno;
    close_socket(l);
    l->tried++;
    return begin_attempt(ctx, l);
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
    struct link *l = link;
    (void)ctx;
    const ssize_t got = l->connected ? recv(l->socket, out, cap, 0) : 0;
    if (got < 0)
        return io_failure(l);
    *count = (size_t)got;
    l->detail = 0; /* an orderly end has no errno */
    return got > 0 ? SPOKE_OK : SPOKE_E_NET;
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct link *l = link;
    (void)ctx;
    if (!l->connected)
        return SPOKE_E_NET;
    const ssize_t put = send(l->socket, bytes, len, MSG_NOSIGNAL);
    if (put < 0)
        return io_failure(l);
    *count = (size_t)put;
    return put > 0 ? SPOKE_OK : SPOKE_E_AGAIN;
}

static int32_t link_detail(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct link *)link)->detail;
}

const spoke_net fleet_net_functions = {.struct_size = sizeof(spoke_net),
                                       .link_bytes = sizeof(struct link),
                                       .init = link_init,
                                       .fini = link_close,
                                       .open = link_open,
                                       .step = link_step,
                                       .read = link_read,
                                       .write = link_write,
                                       .close = link_close,
                                       .wait = link_wait,
                                       .wake = link_wake,
                                       .fd = link_fd,
                                       .detail = link_detail};
