/* The built-in port's parts: posix.c (clock, random, log, lock), posix_records.c, posix_net.c, posix_dns.c. */
#ifndef SPOKE_SRC_PORT_POSIX_H
#define SPOKE_SRC_PORT_POSIX_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <spoke/platform.h>

/* What spoke_posix_create makes. */
struct posix {
    spoke_platform platform;
    pthread_mutex_t mutex;
    int state_dir; /* descriptor of the records' folder; -1: none */
    spoke_log_level log_level;
    void (*log)(void *user, spoke_log_level level, const char *module, const char *line);
    void *user;
    char *dns_servers; /* NULL: the system's */
};

/* E_CLOCK for a time before this library was written: such a clock was never set. */
spoke_status posix_check_clock(int64_t seconds, int64_t *out);

/* Records: a file each in the folder `dir`. Keys are 1..64 of [A-Za-z0-9._-] and do not begin with a dot. */
spoke_status posix_records_open(const char *path, int *dir);
spoke_status posix_record_load(int dir, const char *key, spoke_buf *out);
spoke_status posix_record_store(int dir, const char *key, spoke_str value);

/* An application's own platform may borrow functions of the static port, and brings a ctx of its own: those look
 * at no ctx. The functions of a created port expect its struct posix. */
extern const spoke_net posix_net, posix_net_created;

/* --- names to addresses --- */

enum { POSIX_MAX_ADDRESSES = 8 };

union posix_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct posix_addresses {
    union posix_address list[POSIX_MAX_ADDRESSES];
    size_t count;
};

/* One look-up at a time. With c-ares its sockets live in the link's epoll set; nothing blocks. Without it
 * getaddrinfo runs inside posix_dns_step and may block for as long as the system's resolver does. */
struct posix_dns {
    void *channel; /* c-ares' */
    int epoll;
    const char *host;
    uint16_t port;
    bool done;
    int32_t detail; /* c-ares' status, or getaddrinfo's; 0: found */
    struct posix_addresses *out;
};

/* E_ARG: not a list of addresses; E_UNSUPPORTED: built without c-ares. */
spoke_status posix_dns_check_servers(const char *servers);
/* Found addresses go to *out, families alternating. Descriptors are tagged with their own number in the epoll set.
 */
spoke_status posix_dns_start(struct posix_dns *dns, int epoll, const char *servers, const char *host,
                             uint16_t port, struct posix_addresses *out);
/* OK: at least one address; E_AGAIN; E_DNS (detail is set). */
spoke_status posix_dns_step(struct posix_dns *dns);
/* Milliseconds until posix_dns_step has something to do even if no descriptor says so; UINT32_MAX: never. */
uint32_t posix_dns_next_ms(struct posix_dns *dns);
void posix_dns_stop(struct posix_dns *dns); /* fine when not started */

#endif
