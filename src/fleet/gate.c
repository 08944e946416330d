#include "fleet/gate.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* getaddrinfo's order: the address to prefer comes first. */
static void resolve_by_system(void *ctx, struct gate_host *host)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    (void)ctx;
    if (getaddrinfo(host->name, NULL, &wanted, &found) != 0)
        return;
    for (const struct addrinfo *at = found; at != NULL && host->count < GATE_ADDRESSES; at = at->ai_next) {
        if (at->ai_addrlen <= sizeof host->addresses[0])
            memcpy(&host->addresses[host->count++], at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void gate_init(struct gate *gate, const char *target, const char *named, gate_resolve_fn resolve, void *ctx)
{
    memset(gate, 0, sizeof *gate);
    pthread_mutex_init(&gate->lock, NULL);
    gate->resolve = resolve != NULL ? resolve : resolve_by_system;
    gate->ctx = ctx;
    gate->now_ms = monotonic_ms;
    gate->named = named;
    gate->named_is_target = named != NULL && strcasecmp(named, target) == 0;
}

void gate_fini(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}

bool gate_is_loopback(const union gate_address *address)
{
    if (address->any.sa_family == AF_INET)
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    if (address->any.sa_family != AF_INET6)
        return false;
    const struct in6_addr *six = &address->v6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static bool is_here(const struct gate_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        if (!gate_is_loopback(&host->addresses[i]))
            return false;
    }
    return host->count > 0;
}

static void look_up(struct gate *gate, struct gate_host *host)
{
    gate->resolve(gate->ctx, host);
    host->allowed = is_here(host) || gate->named_is_target;
    host->looked_ms = gate->now_ms();
}

static struct gate_host *add_host(struct gate *gate, const char *name)
{
    if (gate->count == GATE_HOSTS || strlen(name) > SPOKE_MAX_HOST_BYTES)
        return NULL;
    struct gate_host *host = &gate->hosts[gate->count++];
    memcpy(host->name, name, strlen(name) + 1);
    look_up(gate, host);
    return host;
}

const struct gate_host *gate_look(struct gate *gate, const char *name)
{
    struct gate_host *found = NULL;
    pthread_mutex_lock(&gate->lock);
    for (size_t i = 0; i < gate->count && found == NULL; i++) {
        if (strcasecmp(gate->hosts[i].name, name) == 0)
            found = &gate->hosts[i];
    }
    if (found == NULL)
        found = add_host(gate, name);
    else if (found->count == 0 && gate->now_ms() - found->looked_ms >= GATE_AGAIN_MS)
        look_up(gate, found); /* nobody has seen it yet */
    const bool known = found != NULL && found->count > 0;
    pthread_mutex_unlock(&gate->lock);
    return known ? found : NULL;
}

bool gate_check_target(struct gate *gate, const char *target, char *why, size_t cap)
{
    if (gate->named != NULL && !gate->named_is_target) {
        snprintf(why, cap, "--target-is names %s, and the target is %s: the two have to be the same host",
                 gate->named, target);
        return false;
    }
    const struct gate_host *host = gate_look(gate, target);
    if (host == NULL) {
        snprintf(why, cap, "the host %s has no address; check its name", target);
        return false;
    }
    if (!host->allowed)
        snprintf(why, cap,
                 "%s is not this machine, and nothing was sent; if you may load it, name it again: --target-is %s",
                 target, target);
    return host->allowed;
}
