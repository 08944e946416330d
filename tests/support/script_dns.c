#include "support/script_dns.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_BYTES = 12, TYPE_A = 1, TYPE_AAAA = 28, MAX_BYTES = 512 };

bool script_dns_open(struct script_dns *dns)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dns->fd < 0)
        return false;
    if (bind(dns->fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(dns->fd, (struct sockaddr *)&address, &len) != 0) {
        script_dns_close(dns);
        return false;
    }
    snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return true;
}

void script_dns_close(struct script_dns *dns)
{
    if (dns->fd >= 0)
        close(dns->fd);
    dns->fd = -1;
}

/* Where the one question of the query ends; 0 when it is none. */
static size_t question_end(const uint8_t *query, size_t len)
{
    size_t at = HEADER_BYTES;
    while (at < len && query[at] != 0)
        at += (size_t)query[at] + 1;
    return at + 5 <= len ? at + 5 : 0;
}

static size_t append_record(uint8_t *reply, size_t len, uint8_t type, uint8_t last)
{
    const uint8_t v4[] = {127, 0, 0, last};
    static const uint8_t v6[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const uint8_t size = type == TYPE_A ? sizeof(v4) : sizeof(v6);
    /* the name by reference, type, class IN, 60 s, data */
    const uint8_t head[] = {0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 60, 0, size};
    memcpy(reply + len, head, sizeof(head));
    memcpy(reply + len + sizeof(head), type == TYPE_A ? v4 : v6, size);
    return len + sizeof(head) + size;
}

static size_t make_reply(uint8_t *message, size_t len, enum script_dns_answer answer)
{
    size_t end = len > HEADER_BYTES ? question_end(message, len) : 0;
    if (end == 0 || end > MAX_BYTES - 64)
        return 0;
    const uint8_t type = message[end - 3];
    const bool found = answer != SCRIPT_DNS_NXDOMAIN &&
                       (type == TYPE_A || (type == TYPE_AAAA && answer == SCRIPT_DNS_DEAD_V6_LIVE_V4));
    message[2] = 0x81; /* a response, recursion desired */
    message[3] = answer == SCRIPT_DNS_NXDOMAIN ? 0x83 : 0x80;
    memset(message + 6, 0, 6);
    message[7] = found ? 1 : 0;
    return found ? append_record(message, end, type, answer == SCRIPT_DNS_ELSEWHERE ? 2 : 1) : end;
}

unsigned script_dns_serve(struct script_dns *dns, enum script_dns_answer answer)
{
    uint8_t message[MAX_BYTES];
    unsigned served = 0;
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        const ssize_t got = recvfrom(dns->fd, message, sizeof(message), 0, (struct sockaddr *)&from, &from_len);
        if (got < 0)
            return served;
        const size_t len = make_reply(message, (size_t)got, answer);
        if (len > 0 && sendto(dns->fd, message, len, 0, (struct sockaddr *)&from, from_len) == (ssize_t)len)
            served++;
    }
}
