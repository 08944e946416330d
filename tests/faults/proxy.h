/* A TCP proxy on loopback that does to a connection what bad networks do, byte by byte and on command.
 *
 *     struct proxy *p = proxy_open(8883, seed);
 *     connect to proxy_port(p) ...
 *     proxy_command(p, now_ms, "cut up 300", reply, sizeof reply);
 *     for (;;) proxy_turn(p, now_ms(), 100);
 *
 * Commands, one a line; the answer is "ok", "ok VALUE" or "error WHY":
 *
 *     port                      the port to connect to
 *     target PORT               where new connections lead, on loopback
 *     delay MS [JITTER]         each byte waits so long, and up to JITTER more; order is kept
 *     rate BYTES                a second, in each direction; 0: no limit
 *     chunk BYTES               most bytes in one write; 0: no limit
 *     stall MS                  nothing moves for so long, as behind lost packets
 *     cut up|down N [fin|rst]   the connection that carries the N-th byte from now is cut behind it
 *     corrupt up|down N         the N-th byte from now is inverted
 *     kill [fin|rst]            every connection ends now
 *     swallow up|down|both      open connections are half open from now on: bytes and ends vanish
 *     blackhole on|off          new connections stand, and everything in them vanishes
 *     refuse on|off             new connections are refused
 *     linger MS                 the end of a connection is told to the service so much later: a new one overtakes it
 *     calm                      all of the above is over; what is half open stays so
 *     stats                     ok CONNECTIONS BYTES_UP BYTES_DOWN CUTS
 *
 * Up is from the client to the service. Time is the caller's; heap is used. One thread. */
#ifndef SPOKE_TESTS_PROXY_H
#define SPOKE_TESTS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

/* NULL: no socket, or no memory (errno). */
struct proxy *proxy_open(uint16_t target_port, uint64_t seed);
void proxy_close(struct proxy *p);
uint16_t proxy_port(const struct proxy *p);
void proxy_command(struct proxy *p, uint64_t now_ms, const char *line, char *reply, size_t cap);
/* Does what is due at now_ms, and waits up to limit_ms for more, or for `wake_fd` to be readable (-1: none). */
void proxy_turn(struct proxy *p, uint64_t now_ms, int limit_ms, int wake_fd);
/* When a turn has something to do without any socket: UINT64_MAX: never. */
uint64_t proxy_deadline(const struct proxy *p);

#endif
