#include "port/posix.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

/* IPv6 and IPv4 in turn (RFC 8305 section 4), so that one dead family costs one attempt. */
static void alternate_families(struct posix_addresses *found)
{
    for (size_t i = 1; i < found->count; i++) {
        const sa_family_t previous = found->list[i - 1].any.sa_family;
        size_t other = i;
        while (other < found->count && found->list[other].any.sa_family == previous)
            other++;
        if (other == found->count)
            return;
        const union posix_address moved = found->list[other];
        memmove(&found->list[i + 1], &found->list[i], (other - i) * sizeof(moved));
        found->list[i] = moved;
    }
}

static void add_address(struct posix_dns *dns, const struct sockaddr *address, socklen_t len)
{
    struct posix_addresses *found = dns->out;
    union posix_address *entry = &found->list[found->count];
    if (found->count == POSIX_MAX_ADDRESSES || len > sizeof(*entry))
        return;
    memcpy(entry, address, len);
    if (address->sa_family == AF_INET)
        entry->v4.sin_port = htons(dns->port);
    else if (address->sa_family == AF_INET6)
        entry->v6.sin6_port = htons(dns->port);
    else
        return;
    found->count++;
}

/* c-ares 1.18 would ask a server for the address of "127.0.0.1". */
static bool add_literal(struct posix_dns *dns)
{
    union posix_address literal;
    memset(&literal, 0, sizeof(literal));
    if (inet_pton(AF_INET, dns->host, &literal.v4.sin_addr) == 1)
        literal.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, dns->host, &literal.v6.sin6_addr) == 1)
        literal.any.sa_family = AF_INET6;
    else
        return false;
    add_address(dns, &literal.any, sizeof(literal));
    dns->done = true;
    return true;
}

/* "localhost" and what ends in ".localhost" are the loopback by definition (RFC 6761 section 6.3): never asked of a
 * server, and there without a hosts file. IPv4 first, since that is where most local services listen. */
static bool add_loopback(struct posix_dns *dns)
{
    static const char name[] = ".localhost";
    const size_t len = strlen(dns->host);
    const bool below = len >= sizeof(name) - 1 && strcasecmp(dns->host + len - (sizeof(name) - 1), name) == 0;
    if (!below && strcasecmp(dns->host, name + 1) != 0)
        return false;
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    add_address(dns, (const struct sockaddr *)&v4, sizeof(v4));
    add_address(dns, (const struct sockaddr *)&v6, sizeof(v6));
    dns->done = true;
    return true;
}

static spoke_status result(struct posix_dns *dns)
{
    if (!dns->done)
        return SPOKE_E_AGAIN;
    return dns->out->count > 0 ? SPOKE_OK : SPOKE_E_DNS;
}

#ifdef SPOKE_HAVE_CARES

#include <ares.h>
#include <poll.h>
#include <sys/epoll.h>

/* The first question waits this long, each repetition twice as long; a silent resolver is given up after 14 s. */
enum { QUERY_MS = 2000, QUERY_TRIES = 3 };

static void socket_changed(void *user, ares_socket_t fd, int readable, int writable)
{
    const struct posix_dns *dns = user;
    struct epoll_event event = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), .data.fd = fd};
    if (event.events == 0)
        epoll_ctl(dns->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(dns->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(dns->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* ares_library_init does something on Windows and Android only, and its counter is no business of a library
 * that keeps no globals. */
static int make_channel(struct posix_dns *dns, ares_channel *out)
{
    char lookups[] = "fb"; /* the hosts file first, then the servers */
    struct ares_options options;
    memset(&options, 0, sizeof(options));
    options.timeout = QUERY_MS;
    options.tries = QUERY_TRIES;
    options.lookups = lookups;
    options.sock_state_cb = socket_changed;
    options.sock_state_cb_data = dns;
    return ares_init_options(out, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
}

spoke_status posix_dns_check_servers(const char *servers)
{
    struct posix_dns none = {.epoll = -1};
    ares_channel channel;
    if (make_channel(&none, &channel) != ARES_SUCCESS)
        return SPOKE_E_NO_MEMORY;
    const int status = servers[0] != '\0' ? ares_set_servers_ports_csv(channel, servers) : ARES_EBADSTR;
    ares_destroy(channel);
    return status == ARES_SUCCESS ? SPOKE_OK : SPOKE_E_ARG;
}

static void answered(void *user, int status, int timeouts, struct ares_addrinfo *answer)
{
    (void)timeouts;
    struct posix_dns *dns = user;
    dns->done = true;
    dns->detail = status;
    if (answer == NULL)
        return;
    for (const struct ares_addrinfo_node *node = answer->nodes; node != NULL; node = node->ai_next)
        add_address(dns, node->ai_addr, node->ai_addrlen);
    alternate_families(dns->out);
    ares_freeaddrinfo(answer);
}

spoke_status posix_dns_start(struct posix_dns *dns, int epoll, const char *servers, const char *host,
                             uint16_t port, struct posix_addresses *out)
{
    *dns = (struct posix_dns){.epoll = epoll, .host = host, .port = port, .out = out};
    out->count = 0;
    if (add_literal(dns) || add_loopback(dns))
        return SPOKE_OK;
    ares_channel channel;
    dns->detail = make_channel(dns, &channel);
    if (dns->detail != ARES_SUCCESS)
        return SPOKE_E_DNS;
    dns->channel = channel;
    if (servers != NULL && (dns->detail = ares_set_servers_ports_csv(channel, servers)) != ARES_SUCCESS)
        return SPOKE_E_DNS;
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(channel, host, NULL, &hints, answered, dns);
    return SPOKE_OK;
}

spoke_status posix_dns_step(struct posix_dns *dns)
{
    if (dns->done)
        return result(dns);
    ares_channel channel = dns->channel;
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd ready[ARES_GETSOCK_MAXNUM];
    const unsigned wanted = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* The library's macros for these bits shift into the sign. */
        const bool in = (wanted >> i & 1u) != 0, out = (wanted >> (i + ARES_GETSOCK_MAXNUM) & 1u) != 0;
        const short events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
        if (events != 0)
            ready[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    poll(ready, count, 0);
    for (nfds_t i = 0; i < count; i++) {
        const bool in = (ready[i].revents & ~POLLOUT) != 0;
        const bool out = (ready[i].revents & POLLOUT) != 0;
        if (in || out)
            ares_process_fd(channel, in ? ready[i].fd : ARES_SOCKET_BAD, out ? ready[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its time-outs */
    return result(dns);
}

uint32_t posix_dns_next_ms(struct posix_dns *dns)
{
    struct timeval left;
    if (dns->done || dns->channel == NULL || ares_timeout(dns->channel, NULL, &left) == NULL)
        return UINT32_MAX;
    return (uint32_t)left.tv_sec * 1000u + (uint32_t)left.tv_usec / 1000u + 1u;
}

void posix_dns_stop(struct posix_dns *dns)
{
    if (dns->channel != NULL)
        ares_destroy(dns->channel);
    dns->channel = NULL;
}

#else

spoke_status posix_dns_check_servers(const char *servers)
{
    (void)servers;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status posix_dns_start(struct posix_dns *dns, int epoll, const char *servers, const char *host,
                             uint16_t port, struct posix_addresses *out)
{
    (void)servers; /* refused by posix_dns_check_servers */
    *dns = (struct posix_dns){.epoll = epoll, .host = host, .port = port, .out = out};
    out->count = 0;
    if (!add_literal(dns))
        add_loopback(dns);
    return SPOKE_OK;
}

spoke_status posix_dns_step(struct posix_dns *dns)
{
    if (dns->done)
        return result(dns);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *answer = NULL;
    dns->done = true;
    dns->detail = getaddrinfo(dns->host, NULL, &hints, &answer);
    if (dns->detail == 0) {
        for (const struct addrinfo *node = answer; node != NULL; node = node->ai_next)
            add_address(dns, node->ai_addr, node->ai_addrlen);
        freeaddrinfo(answer);
        alternate_families(dns->out);
    }
    return result(dns);
}

uint32_t posix_dns_next_ms(struct posix_dns *dns)
{
    return dns->done ? UINT32_MAX : 0;
}

void posix_dns_stop(struct posix_dns *dns)
{
    (void)dns;
}

#endif
