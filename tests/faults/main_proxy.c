/* The proxy as a program: commands on standard input, answers on standard output, the first line is the port.
 *
 *     fault-proxy TARGET_PORT [SEED]
 *
 * Ends when standard input does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy.h"

#define LINE_BYTES 256u

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct input {
    char line[LINE_BYTES];
    size_t len;
};

/* Every whole line that has come is obeyed. False: there will be no more. */
static int take_commands(struct proxy *p, struct input *in)
{
    char reply[160];
    const ssize_t got = read(STDIN_FILENO, in->line + in->len, sizeof in->line - in->len);
    if (got <= 0)
        return 0;
    in->len += (size_t)got;
    for (char *end; (end = memchr(in->line, '\n', in->len)) != NULL;) {
        *end = '\0';
        proxy_command(p, now_ms(), in->line, reply, sizeof reply);
        printf("%s\n", reply);
        in->len -= (size_t)(end + 1 - in->line);
        memmove(in->line, end + 1, in->len);
    }
    return in->len < sizeof in->line;
}

static int readable(void)
{
    fd_set set;
    struct timeval at_once = {0, 0};
    FD_ZERO(&set);
    FD_SET(STDIN_FILENO, &set);
    return select(STDIN_FILENO + 1, &set, NULL, NULL, &at_once) > 0;
}

int main(int argc, char **argv)
{
    struct input in = {.len = 0};
    const long target = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (target <= 0 || target > UINT16_MAX) {
        fprintf(stderr, "usage: %s TARGET_PORT [SEED]\n", argv[0]);
        return 2;
    }
    struct proxy *p = proxy_open((uint16_t)target, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    if (p == NULL) {
        perror("the proxy has no port");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%u\n", (unsigned)proxy_port(p));
    do {
        proxy_turn(p, now_ms(), 1000, STDIN_FILENO);
    } while (!readable() || take_commands(p, &in));
    proxy_close(p);
    return 0;
}
