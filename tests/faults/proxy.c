#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chance.h"

#define NEVER UINT64_MAX
#define HELD_BYTES (256u * 1024u) /* in one direction before reading stops */
#define READ_BYTES 16384u
#define MOST_LINKS 512u

enum side { CLIENT, SERVICE };
enum way { UP, DOWN }; /* UP is read from CLIENT, DOWN from SERVICE */

/* Bytes that came together; the last of a flow may be the end. */
struct piece {
    struct piece *next;
    uint64_t due;
    size_t at, len;
    bool end, reset; /* no bytes: the sender closed, or broke, its side */
    uint8_t bytes[];
};

struct flow {
    struct piece *first, *last;
    size_t held;
    uint64_t next_send; /* by the rate */
    bool ended;         /* the reading side has said everything */
    bool done;          /* and it was passed on */
    bool swallow;
    bool blocked; /* the writing side takes nothing now */
};

struct link {
    struct link *next;
    int fd[2]; /* by side; -1: closed */
    bool reaching;
    struct flow flow[2];
    int polled[2]; /* place in the poll table; -1: not in it */
};

struct rules {
    uint32_t delay_ms, jitter_ms, rate, chunk, linger_ms;
    uint64_t stall_until;
    uint64_t cut[2], corrupt[2]; /* bytes from now on; NEVER */
    bool cut_reset, blackhole, refuse;
};

struct proxy {
    int reserve; /* holds the port while the listener is closed */
    int listener;
    uint16_t port, target;
    struct rules rules;
    struct chance chance;
    struct link *links;
    size_t link_count;
    uint64_t now;
    uint64_t connections, carried[2], cuts;
};

/* --- sockets --- */

static struct sockaddr_in loopback(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return address;
}

static int bound_socket(uint16_t port)
{
    const struct sockaddr_in address = loopback(port);
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool start_listening(struct proxy *p)
{
    if (p->listener >= 0)
        return true;
    p->listener = bound_socket(p->port);
    return p->listener >= 0 && listen(p->listener, 128) == 0;
}

static void stop_listening(struct proxy *p)
{
    if (p->listener >= 0)
        close(p->listener);
    p->listener = -1;
}

static void close_side(struct link *l, enum side side, bool reset)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0}; /* close sends RST */
    if (l->fd[side] < 0)
        return;
    if (reset)
        (void)setsockopt(l->fd[side], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(l->fd[side]);
    l->fd[side] = -1;
}

/* --- pieces --- */

static struct piece *add_piece(struct proxy *p, struct flow *f, const uint8_t *bytes, size_t len)
{
    struct piece *piece = calloc(1, sizeof *piece + len);
    if (piece == NULL)
        abort();
    const uint64_t due = p->now + p->rules.delay_ms + chance_up_to(&p->chance, p->rules.jitter_ms);
    piece->due = f->last != NULL && f->last->due > due ? f->last->due : due;
    piece->len = len;
    if (len > 0)
        memcpy(piece->bytes, bytes, len);
    if (f->last != NULL)
        f->last->next = piece;
    else
        f->first = piece;
    f->last = piece;
    f->held += len;
    return piece;
}

static void drop_first(struct flow *f)
{
    struct piece *piece = f->first;
    f->first = piece->next;
    if (f->first == NULL)
        f->last = NULL;
    free(piece);
}

static void drop_all(struct flow *f)
{
    while (f->first != NULL)
        drop_first(f);
    f->held = 0;
}

/* --- links --- */

static void init_rules(struct rules *r)
{
    memset(r, 0, sizeof *r);
    r->cut[UP] = r->cut[DOWN] = r->corrupt[UP] = r->corrupt[DOWN] = NEVER;
}

static void end_link(struct link *l, bool reset)
{
    close_side(l, CLIENT, reset);
    close_side(l, SERVICE, reset);
    for (int way = UP; way <= DOWN; way++) {
        drop_all(&l->flow[way]);
        l->flow[way].ended = l->flow[way].done = true;
    }
}

static void reach_target(struct proxy *p, struct link *l)
{
    const struct sockaddr_in address = loopback(p->target);
    const int on = 1;
    l->fd[SERVICE] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd[SERVICE] < 0) {
        end_link(l, true);
        return;
    }
    (void)setsockopt(l->fd[SERVICE], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    l->reaching = true;
    if (connect(l->fd[SERVICE], (const struct sockaddr *)&address, sizeof address) == 0)
        l->reaching = false;
    else if (errno != EINPROGRESS)
        end_link(l, true);
}

static void accept_one(struct proxy *p)
{
    const int on = 1;
    const int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct link *l = fd >= 0 && p->link_count < MOST_LINKS ? calloc(1, sizeof *l) : NULL;
    if (l == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    l->fd[CLIENT] = fd;
    l->fd[SERVICE] = -1;
    l->next = p->links;
    p->links = l;
    p->link_count++;
    p->connections++;
    l->flow[UP].swallow = l->flow[DOWN].swallow = p->rules.blackhole;
    if (p->rules.blackhole)
        l->flow[DOWN].ended = l->flow[DOWN].done = true; /* there is no other side */
    else
        reach_target(p, l);
}

/* Gone when nobody is left to tell anything. */
static bool link_over(const struct link *l)
{
    if (l->fd[CLIENT] < 0 && l->fd[SERVICE] < 0)
        return true;
    const bool up = l->flow[UP].done || (l->flow[UP].swallow && l->flow[UP].ended);
    const bool down = l->flow[DOWN].done || (l->flow[DOWN].swallow && l->flow[DOWN].ended);
    return up && down;
}

static void remove_ended(struct proxy *p)
{
    for (struct link **at = &p->links; *at != NULL;) {
        struct link *l = *at;
        if (!link_over(l)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        end_link(l, false);
        free(l);
        p->link_count--;
    }
}

/* --- bytes in --- */

static void take_end(struct proxy *p, struct link *l, enum way way, bool reset)
{
    struct flow *f = &l->flow[way];
    f->ended = true;
    if (reset) { /* that side hears no more either */
        struct flow *back = &l->flow[way == UP ? DOWN : UP];
        drop_all(back);
        back->swallow = true;
        close_side(l, way == UP ? CLIENT : SERVICE, false);
    }
    if (f->swallow)
        return;
    struct piece *end = add_piece(p, f, NULL, 0);
    end->end = true;
    end->reset = reset;
    if (way == UP)
        end->due += p->rules.linger_ms;
}

static void read_from(struct proxy *p, struct link *l, enum way way)
{
    uint8_t bytes[READ_BYTES];
    struct flow *f = &l->flow[way];
    const ssize_t got = recv(l->fd[way == UP ? CLIENT : SERVICE], bytes, sizeof bytes, 0);
    if (got > 0 && !f->swallow)
        (void)add_piece(p, f, bytes, (size_t)got);
    else if (got == 0)
        take_end(p, l, way, false);
    else if (got < 0 && errno != EAGAIN && errno != EINTR)
        take_end(p, l, way, true);
}

/* --- bytes out --- */

static void pass_end(struct link *l, enum way way, bool reset)
{
    const enum side to = way == UP ? SERVICE : CLIENT;
    drop_first(&l->flow[way]);
    l->flow[way].done = true;
    if (reset)
        close_side(l, to, true);
    else if (l->fd[to] >= 0)
        (void)shutdown(l->fd[to], SHUT_WR);
    if (reset)
        l->flow[way == UP ? DOWN : UP].done = true;
}

/* How much of the first piece may go in one write, the cut and the rate considered. */
static size_t portion(const struct proxy *p, const struct flow *f, enum way way)
{
    size_t len = f->first->len - f->first->at;
    if (p->rules.chunk > 0 && len > p->rules.chunk)
        len = p->rules.chunk;
    if (p->rules.rate > 0 && len > p->rules.rate / 20 + 1)
        len = p->rules.rate / 20 + 1;
    if (len > p->rules.cut[way])
        len = (size_t)p->rules.cut[way];
    return len;
}

static void corrupt_within(struct proxy *p, struct flow *f, enum way way, size_t len)
{
    if (p->rules.corrupt[way] == NEVER)
        return;
    if (p->rules.corrupt[way] <= len) {
        if (p->rules.corrupt[way] > 0)
            f->first->bytes[f->first->at + (size_t)p->rules.corrupt[way] - 1] ^= 0xff;
        p->rules.corrupt[way] = NEVER;
        return;
    }
    p->rules.corrupt[way] -= len;
}

static void carried(struct proxy *p, struct link *l, enum way way, size_t len)
{
    struct flow *f = &l->flow[way];
    p->carried[way] += len;
    f->held -= len;
    f->first->at += len;
    if (f->first->at == f->first->len)
        drop_first(f);
    if (p->rules.rate > 0)
        f->next_send = p->now + len * 1000u / p->rules.rate;
    if (p->rules.cut[way] == NEVER)
        return;
    p->rules.cut[way] -= len;
    if (p->rules.cut[way] > 0)
        return;
    p->rules.cut[way] = NEVER;
    p->cuts++;
    end_link(l, p->rules.cut_reset);
}

/* One write; false: nothing more can go now. */
static bool write_portion(struct proxy *p, struct link *l, enum way way)
{
    struct flow *f = &l->flow[way];
    const size_t len = portion(p, f, way);
    const uint64_t corrupt = p->rules.corrupt[way];
    uint8_t *at = f->first->bytes + f->first->at;
    uint8_t whole = 0;
    if (corrupt != NEVER && corrupt > 0 && corrupt <= len)
        whole = at[corrupt - 1];
    corrupt_within(p, f, way, len);
    const ssize_t sent = send(l->fd[way == UP ? SERVICE : CLIENT], at, len, MSG_NOSIGNAL);
    if (sent == (ssize_t)len) {
        carried(p, l, way, len);
        return l->fd[CLIENT] >= 0 || l->fd[SERVICE] >= 0;
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        end_link(l, true);
        return false;
    }
    /* Less went than was meant: the corruption counts anew from what did. */
    const size_t some = sent > 0 ? (size_t)sent : 0;
    if (corrupt != NEVER) {
        if (corrupt > 0 && corrupt <= len && corrupt > some)
            at[corrupt - 1] = whole;
        p->rules.corrupt[way] = corrupt > some ? corrupt - some : NEVER;
    }
    f->blocked = true;
    if (some > 0)
        carried(p, l, way, some);
    return false;
}

static void pump(struct proxy *p, struct link *l, enum way way)
{
    struct flow *f = &l->flow[way];
    if (l->reaching || p->now < p->rules.stall_until)
        return;
    f->blocked = false;
    while (f->first != NULL && f->first->due <= p->now && f->next_send <= p->now) {
        if (f->first->end) {
            pass_end(l, way, f->first->reset);
            return;
        }
        if (l->fd[way == UP ? SERVICE : CLIENT] < 0) { /* nobody listens any more */
            f->held = 0;
            drop_all(f);
            f->done = f->ended;
            return;
        }
        if (!write_portion(p, l, way))
            return;
    }
}

/* --- turning --- */

static uint64_t flow_due(const struct proxy *p, const struct link *l, const struct flow *f)
{
    if (l->reaching || f->first == NULL || f->blocked)
        return NEVER;
    uint64_t due = f->first->due > f->next_send ? f->first->due : f->next_send;
    return due > p->rules.stall_until ? due : p->rules.stall_until;
}

uint64_t proxy_deadline(const struct proxy *p)
{
    uint64_t due = NEVER;
    for (const struct link *l = p->links; l != NULL; l = l->next)
        for (int way = UP; way <= DOWN; way++)
            if (flow_due(p, l, &l->flow[way]) < due)
                due = flow_due(p, l, &l->flow[way]);
    return due;
}

static short wanted(const struct link *l, enum side side)
{
    const struct flow *in = &l->flow[side == CLIENT ? UP : DOWN], *out = &l->flow[side == CLIENT ? DOWN : UP];
    short events = 0;
    if (side == SERVICE && l->reaching)
        return POLLOUT;
    if (!in->ended && in->held < HELD_BYTES)
        events |= POLLIN;
    if (out->blocked)
        events |= POLLOUT;
    return events;
}

struct table {
    struct pollfd fds[2 * MOST_LINKS + 2];
    int count;
};

static int add_fd(struct table *t, int fd, short events)
{
    if (fd < 0 || events == 0)
        return -1;
    t->fds[t->count] = (struct pollfd){.fd = fd, .events = events};
    return t->count++;
}

static void heard(struct proxy *p, struct link *l, enum side side, short events)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (side == SERVICE && l->reaching) {
        l->reaching = false;
        if (getsockopt(l->fd[SERVICE], SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
            end_link(l, true); /* the service is not there: the client sees a reset */
        return;
    }
    const enum way in = side == CLIENT ? UP : DOWN;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !l->flow[in].ended)
        read_from(p, l, in);
}

void proxy_turn(struct proxy *p, uint64_t now_ms, int limit_ms, int wake_fd)
{
    static struct table t;
    t.count = 0;
    p->now = now_ms;
    for (struct link *l = p->links; l != NULL; l = l->next)
        for (int way = UP; way <= DOWN; way++)
            pump(p, l, (enum way)way);
    remove_ended(p);
    const uint64_t due = proxy_deadline(p);
    if (due != NEVER && due < now_ms + (uint64_t)limit_ms)
        limit_ms = due > now_ms ? (int)(due - now_ms) : 0;
    (void)add_fd(&t, wake_fd, POLLIN);
    const int listener = add_fd(&t, p->listener, POLLIN);
    for (struct link *l = p->links; l != NULL; l = l->next)
        for (int side = CLIENT; side <= SERVICE; side++)
            l->polled[side] = add_fd(&t, l->fd[side], wanted(l, (enum side)side));
    if (poll(t.fds, (nfds_t)t.count, limit_ms) <= 0)
        return;
    for (struct link *l = p->links; l != NULL; l = l->next)
        for (int side = CLIENT; side <= SERVICE; side++)
            if (l->polled[side] >= 0 && l->fd[side] >= 0 && t.fds[l->polled[side]].revents != 0)
                heard(p, l, (enum side)side, t.fds[l->polled[side]].revents);
    if (listener >= 0 && t.fds[listener].revents != 0)
        accept_one(p);
    for (struct link *l = p->links; l != NULL; l = l->next)
        for (int way = UP; way <= DOWN; way++)
            pump(p, l, (enum way)way);
    remove_ended(p);
}

/* --- commands --- */

struct words {
    char text[128];
    const char *word[5]; /* "" when absent */
};

static bool split(const char *line, struct words *w)
{
    char *at = w->text, *rest = NULL;
    int count = 0;
    for (int i = 0; i < 5; i++)
        w->word[i] = "";
    if (strlen(line) >= sizeof w->text)
        return false;
    memcpy(w->text, line, strlen(line) + 1);
    for (char *word = strtok_r(at, " \t\r\n", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (count == 5)
            return false;
        w->word[count++] = word;
    }
    return count > 0;
}

static bool number(const char *word, uint32_t most, uint32_t *out)
{
    char *end;
    const unsigned long long value = strtoull(word, &end, 10);
    *out = (uint32_t)value;
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && value <= most;
}

static bool is(const char *word, const char *text)
{
    return strcmp(word, text) == 0;
}

static bool on_off(const char *word, bool *out)
{
    *out = is(word, "on");
    return *out || is(word, "off");
}

static bool ending(const char *word, bool *reset)
{
    *reset = is(word, "rst");
    return *reset || is(word, "fin") || word[0] == '\0';
}

static bool set_cut(struct proxy *p, const struct words *w)
{
    uint32_t count;
    const enum way way = is(w->word[1], "up") ? UP : DOWN;
    if (!(way == UP || is(w->word[1], "down")) || !number(w->word[2], UINT32_MAX, &count) || count == 0)
        return false;
    if (is(w->word[0], "corrupt")) {
        p->rules.corrupt[way] = count;
        return true;
    }
    if (!ending(w->word[3], &p->rules.cut_reset))
        return false;
    p->rules.cut[way] = count;
    return true;
}

static bool swallow(struct proxy *p, const char *what)
{
    const bool both = is(what, "both"), up = both || is(what, "up"), down = both || is(what, "down");
    for (struct link *l = p->links; l != NULL; l = l->next) {
        if (up)
            drop_all(&l->flow[UP]);
        if (down)
            drop_all(&l->flow[DOWN]);
        l->flow[UP].swallow = l->flow[UP].swallow || up;
        l->flow[DOWN].swallow = l->flow[DOWN].swallow || down;
    }
    return up || down;
}

static bool kill_all(struct proxy *p, const char *how)
{
    bool reset;
    if (!ending(how, &reset))
        return false;
    for (struct link *l = p->links; l != NULL; l = l->next)
        end_link(l, reset);
    remove_ended(p);
    return true;
}

static bool refuse(struct proxy *p, const char *word)
{
    if (!on_off(word, &p->rules.refuse))
        return false;
    if (p->rules.refuse)
        stop_listening(p);
    return p->rules.refuse || start_listening(p);
}

static bool set_number(struct proxy *p, const struct words *w)
{
    struct rules *r = &p->rules;
    uint32_t value, more = 0;
    if (!number(w->word[1], 1u << 30, &value) || (w->word[2][0] != '\0' && !number(w->word[2], 1u << 30, &more)))
        return false;
    if (is(w->word[0], "delay")) {
        r->delay_ms = value;
        r->jitter_ms = more;
    } else if (is(w->word[0], "rate")) {
        r->rate = value;
    } else if (is(w->word[0], "chunk")) {
        r->chunk = value;
    } else if (is(w->word[0], "stall")) {
        r->stall_until = p->now + value;
    } else if (is(w->word[0], "linger")) {
        r->linger_ms = value;
    } else if (is(w->word[0], "target") && value > 0 && value <= UINT16_MAX) {
        p->target = (uint16_t)value;
    } else {
        return false;
    }
    return true;
}

static bool calm(struct proxy *p)
{
    init_rules(&p->rules);
    return start_listening(p);
}

static bool obey(struct proxy *p, const struct words *w)
{
    if (is(w->word[0], "cut") || is(w->word[0], "corrupt"))
        return set_cut(p, w);
    if (is(w->word[0], "swallow"))
        return swallow(p, w->word[1]);
    if (is(w->word[0], "kill"))
        return kill_all(p, w->word[1]);
    if (is(w->word[0], "refuse"))
        return refuse(p, w->word[1]);
    if (is(w->word[0], "blackhole"))
        return on_off(w->word[1], &p->rules.blackhole);
    if (is(w->word[0], "calm"))
        return calm(p);
    return set_number(p, w);
}

void proxy_command(struct proxy *p, uint64_t now_ms, const char *line, char *reply, size_t cap)
{
    struct words w;
    p->now = now_ms;
    if (!split(line, &w))
        snprintf(reply, cap, "error: a command is one to five words");
    else if (is(w.word[0], "port"))
        snprintf(reply, cap, "ok %u", (unsigned)p->port);
    else if (is(w.word[0], "stats"))
        snprintf(reply, cap, "ok %llu %llu %llu %llu", (unsigned long long)p->connections,
                 (unsigned long long)p->carried[UP], (unsigned long long)p->carried[DOWN],
                 (unsigned long long)p->cuts);
    else if (obey(p, &w))
        snprintf(reply, cap, "ok");
    else
        snprintf(reply, cap, "error: \"%.40s\" is no command, or its arguments are not; see proxy.h", line);
}

/* --- life --- */

struct proxy *proxy_open(uint16_t target_port, uint64_t seed)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    struct proxy *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->listener = -1;
    p->target = target_port;
    p->chance.state = seed;
    init_rules(&p->rules);
    p->reserve = bound_socket(0);
    if (p->reserve >= 0 && getsockname(p->reserve, (struct sockaddr *)&address, &len) == 0)
        p->port = ntohs(address.sin_port);
    if (p->port != 0 && start_listening(p))
        return p;
    proxy_close(p);
    return NULL;
}

void proxy_close(struct proxy *p)
{
    if (p == NULL)
        return;
    (void)kill_all(p, "rst");
    stop_listening(p);
    if (p->reserve >= 0)
        close(p->reserve);
    free(p);
}

uint16_t proxy_port(const struct proxy *p)
{
    return p->port;
}
