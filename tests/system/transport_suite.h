/* The contract of include/spoke/transport.h as tests, the same for every transport.
 *
 *     const struct transport_kind kind = {.ops = spoke_transport_native, .follows_clock = true};
 *     return transport_suite_run(&kind);
 */
#ifndef SPOKE_TESTS_TRANSPORT_SUITE_H
#define SPOKE_TESTS_TRANSPORT_SUITE_H

#include <spoke/transport.h>

struct transport_kind {
    const spoke_transport_ops *(*ops)(void);
    bool follows_clock; /* keeps time by the platform's clock, so that a test can put it forward */
    bool uses_net;      /* reaches the network through the platform: narrow links and name servers apply */
    bool tells_causes;  /* tells a certificate that is not trusted (E_CERTIFICATE) from other TLS failures (E_TLS),
                           and  bytes that are not MQTT (E_PROTOCOL) from a lost link (E_NET) */
};

/* Number of failed tests. */
int transport_suite_run(const struct transport_kind *kind);

#endif
