/* A name server on a loopback UDP port that the test drives step by step: it answers only when told to. */
#ifndef SPOKE_TESTS_SCRIPT_DNS_H
#define SPOKE_TESTS_SCRIPT_DNS_H

#include <stdbool.h>

enum script_dns_answer {
    SCRIPT_DNS_NXDOMAIN,
    SCRIPT_DNS_ELSEWHERE,      /* A 127.0.0.2 alone */
    SCRIPT_DNS_HERE,           /* A 127.0.0.1 alone */
    SCRIPT_DNS_DEAD_V6_LIVE_V4 /* AAAA 100::1 (RFC 6666, goes nowhere); A 127.0.0.1 */
};

struct script_dns {
    int fd;
    char servers[32]; /* for spoke_posix_options.dns_servers */
};

bool script_dns_open(struct script_dns *dns);
void script_dns_close(struct script_dns *dns);
/* Answers every question that has arrived; returns how many. */
unsigned script_dns_serve(struct script_dns *dns, enum script_dns_answer answer);

#endif
