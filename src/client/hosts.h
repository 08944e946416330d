/* Lists of hosts, "a.example, b.example", and which of them is tried next. Pure. Without HOSTS a list is one host.
 *
 * The host that worked last is tried first. When an attempt fails in a way that speaks against the host, the next one
 * follows soon; only when all of them have failed does the back-off count that as one failure. */
#ifndef SPOKE_SRC_CLIENT_HOSTS_H
#define SPOKE_SRC_CLIENT_HOSTS_H

#include <spoke/base.h>
#include <spoke/features.h>

/* How many; 0: empty, more than SPOKE_MAX_HOSTS, or one of them is empty, too long, or holds a blank or a control
 * character. Blanks around a host do not count. */
size_t hosts_count(const char *list);
/* The one at that place, modulo their number, NUL-terminated. False: hosts_count is 0, or the host does not fit. */
bool hosts_get(const char *list, size_t index, char *out, size_t cap);

struct host_ring {
    uint8_t at;     /* the one in use */
    uint8_t failed; /* in a row, since one of them worked or all had failed */
};

/* This host did not work. True: another one has not been tried in this round. */
bool hosts_failed(struct host_ring *ring, size_t count);
/* It worked. */
static inline void hosts_worked(struct host_ring *ring)
{
    if (SPOKE_WITH_HOSTS)
        ring->failed = 0;
}

#endif
