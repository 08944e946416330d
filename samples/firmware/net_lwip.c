/* spoke_net on lwIP's raw interface: one struct link is one TCP connection. As it stands for lwIP without an operating
 * system (NO_SYS 1), and with one (NO_SYS 0, LWIP_TCPIP_CORE_LOCKING 1): tests/firmware/test_net_lwip.c. */
#include <lwip/dns.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <stdatomic.h>
#include <string.h>

#include <spoke/platform.h>

enum state {
    LINK_CLOSED,      /* -> ADDRESSLESS by open */
    LINK_ADDRESSLESS, /* this device has no address yet -> RESOLVING */
    LINK_RESOLVING,   /* -> RESOLVED, FAILED */
    LINK_RESOLVED,    /* -> CONNECTING, FAILED */
    LINK_CONNECTING,  /* -> OPEN, FAILED */
    LINK_OPEN,        /* -> ENDED, FAILED */
    LINK_ENDED,       /* by the peer; what came before can still be read */
    LINK_FAILED
};

struct link {
    struct link *next; /* in `links` */
    enum state state;
    const char *host;
    uint16_t port;
    ip_addr_t address;
    struct tcp_pcb *pcb;   /* NULL: lwIP has taken it back */
    struct pbuf *received; /* what nobody has read yet */
    bool full;             /* lwIP had no room for more to send */
    atomic_bool woken;
    spoke_status why; /* FAILED: E_DNS or E_NET */
    int32_t detail;   /* lwIP's err_t */
#if !NO_SYS
    sys_sem_t changed; /* what wait sleeps on */
#endif
};

/* Those between init and fini: lwIP may answer a question about a name when its link is gone. */
static struct link *links;

static bool exists(const struct link *link)
{
    const struct link *at = links;
    while (at != NULL && at != link)
        at = at->next;
    return at != NULL;
}

static void forget(const struct link *link)
{
    struct link **at = &links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
}

/* --- who runs lwIP: whoever calls enter, or a thread of its own, which is kept out meanwhile --- */

#if NO_SYS

/* lwip_board.c and board.c */
void net_turn(void);
uint32_t net_next_ms(void);
void board_sleep(uint32_t limit_ms);
void board_stay_awake(void);

static spoke_status start(struct link *link)
{
    (void)link;
    return SPOKE_OK;
}

static void stop(struct link *link)
{
    (void)link;
}

static void enter(void)
{
    net_turn();
}

static void leave(void) {}

static void changed(struct link *link)
{
    (void)link;
    board_stay_awake();
}

static void sleep_at_most(struct link *link, uint32_t ms)
{
    const uint32_t most = net_next_ms();
    (void)link;
    board_sleep(ms < most ? ms : most);
}

#else

static spoke_status start(struct link *link)
{
    return sys_sem_new(&link->changed, 0) == ERR_OK ? SPOKE_OK : SPOKE_E_PORT;
}

static void stop(struct link *link)
{
    sys_sem_free(&link->changed);
}

static void enter(void)
{
    LOCK_TCPIP_CORE();
}

static void leave(void)
{
    UNLOCK_TCPIP_CORE();
}

static void changed(struct link *link)
{
    sys_sem_signal(&link->changed);
}

/* Nobody signals that the device got its address, and some ports of lwIP count in 32-bit ticks. */
static void sleep_at_most(struct link *link, uint32_t ms)
{
    const uint32_t most = link->state == LINK_ADDRESSLESS ? 100 : 60000;
    (void)sys_arch_sem_wait(&link->changed, ms < most ? ms : most);
}

#endif

/* --- what lwIP tells about a connection, between enter and leave or in its own thread --- */

static void fail(struct link *link, spoke_status why, err_t detail)
{
    link->state = LINK_FAILED;
    link->why = why;
    link->detail = detail;
    changed(link);
}

/* Also after the link was closed, or opened again for another name: lwIP lets no question be taken back. */
static void on_resolved(const char *name, const ip_addr_t *address, void *arg)
{
    struct link *link = arg;
    if (!exists(link) || link->state != LINK_RESOLVING || strcmp(name, link->host) != 0)
        return;
    if (address == NULL) {
        fail(link, SPOKE_E_DNS, ERR_VAL);
        return;
    }
    link->address = *address;
    link->state = LINK_RESOLVED;
    changed(link);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct link *link = arg;
    (void)pcb;
    (void)error; /* always ERR_OK: failures come to on_error */
    link->state = LINK_OPEN;
    changed(link);
    return ERR_OK;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *bytes, err_t error)
{
    struct link *link = arg;
    (void)pcb;
    (void)error;
    if (bytes == NULL)
        link->state = LINK_ENDED;
    else if (link->received == NULL)
        link->received = bytes;
    else
        pbuf_cat(link->received, bytes);
    changed(link);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct link *link = arg;
    (void)pcb;
    (void)len;
    if (link->full)
        changed(link);
    link->full = false;
    return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
    struct link *link = arg;
    link->pcb = NULL; /* lwIP has freed it */
    fail(link, SPOKE_E_NET, error);
}

/* --- opening --- */

static bool have_address(void)
{
    return netif_default != NULL && netif_is_up(netif_default) && !ip_addr_isany(netif_ip_addr4(netif_default));
}

static void resolve(struct link *link)
{
    link->state = LINK_RESOLVING;
    const err_t error = dns_gethostbyname(link->host, &link->address, on_resolved, link);
    if (error == ERR_OK)
        link->state = LINK_RESOLVED;
    else if (error != ERR_INPROGRESS)
        fail(link, SPOKE_E_DNS, error);
}

static void begin_connect(struct link *link)
{
    link->pcb = tcp_new();
    if (link->pcb == NULL) {
        fail(link, SPOKE_E_NET, ERR_MEM);
        return;
    }
    tcp_arg(link->pcb, link);
    tcp_recv(link->pcb, on_received);
    tcp_sent(link->pcb, on_sent);
    tcp_err(link->pcb, on_error);
    tcp_nagle_disable(link->pcb);
    link->state = LINK_CONNECTING;
    const err_t error = tcp_connect(link->pcb, &link->address, link->port, on_connected);
    if (error != ERR_OK)
        fail(link, SPOKE_E_NET, error);
}

static spoke_status link_init(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    memset(link, 0, sizeof *link);
    const spoke_status status = start(link);
    if (status != SPOKE_OK)
        return status;
    enter();
    link->next = links;
    links = link;
    leave();
    return SPOKE_OK;
}

static spoke_status link_open(void *ctx, void *memory, const char *host, uint16_t port)
{
    struct link *link = memory;
    (void)ctx;
    enter();
    link->host = host;
    link->port = port;
    link->state = LINK_ADDRESSLESS;
    link->full = false;
    link->detail = 0;
    leave();
    return SPOKE_OK;
}

static spoke_status link_step(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    enter();
    if (link->state == LINK_ADDRESSLESS && have_address())
        resolve(link);
    if (link->state == LINK_RESOLVED)
        begin_connect(link);
    spoke_status status = SPOKE_E_AGAIN;
    if (link->state == LINK_FAILED)
        status = link->why;
    else if (link->state == LINK_OPEN || link->state == LINK_ENDED)
        status = SPOKE_OK;
    leave();
    return status;
}

/* --- moving bytes --- */

static spoke_status take(struct link *link, uint8_t *out, size_t cap, size_t *count)
{
    if (link->received == NULL)
        return link->state == LINK_OPEN ? SPOKE_E_AGAIN : SPOKE_E_NET;
    *count = pbuf_copy_partial(link->received, out, (u16_t)(cap < UINT16_MAX ? cap : UINT16_MAX), 0);
    link->received = pbuf_free_header(link->received, (u16_t)*count);
    if (link->pcb != NULL)
        tcp_recved(link->pcb, (u16_t)*count); /* the peer may send so much more */
    return SPOKE_OK;
}

static spoke_status link_read(void *ctx, void *memory, uint8_t *out, size_t cap, size_t *count)
{
    (void)ctx;
    enter();
    const spoke_status status = take(memory, out, cap, count);
    leave();
    return status;
}

static spoke_status give(struct link *link, const uint8_t *bytes, size_t len, size_t *count)
{
    if (link->pcb == NULL || (link->state != LINK_OPEN && link->state != LINK_ENDED))
        return SPOKE_E_NET;
    const size_t room = tcp_sndbuf(link->pcb), part = len < room ? len : room;
    const err_t error = part > 0 ? tcp_write(link->pcb, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) : ERR_MEM;
    link->full = error == ERR_MEM; /* until on_sent */
    if (error == ERR_MEM)
        return SPOKE_E_AGAIN;
    link->detail = error;
    if (error != ERR_OK)
        return SPOKE_E_NET;
    tcp_output(link->pcb);
    *count = part;
    return SPOKE_OK;
}

static spoke_status link_write(void *ctx, void *memory, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)ctx;
    enter();
    const spoke_status status = give(memory, bytes, len, count);
    leave();
    return status;
}

/* --- closing --- */

static void let_go(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK) /* no memory for a FIN */
        tcp_abort(pcb);
}

static void link_close(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    enter();
    link->state = LINK_CLOSED;
    if (link->received != NULL)
        pbuf_free(link->received);
    link->received = NULL;
    if (link->pcb != NULL)
        let_go(link->pcb);
    link->pcb = NULL;
    leave();
}

/* The transport calls it only after an init that went well. */
static void link_fini(void *ctx, void *memory)
{
    link_close(ctx, memory);
    enter();
    forget(memory);
    leave();
    stop(memory);
}

/* --- sleeping --- */

static bool writable(const struct link *link)
{
    switch (link->state) {
    case LINK_CLOSED:
    case LINK_RESOLVING:
    case LINK_CONNECTING:
        return false;
    case LINK_ADDRESSLESS:
        return have_address();
    case LINK_OPEN:
    case LINK_ENDED:
        return !link->full;
    case LINK_RESOLVED: /* step has something to do */
    case LINK_FAILED:
        return true;
    }
    return true;
}

static bool ready(const struct link *link, unsigned want)
{
    const bool readable = link->received != NULL || link->state == LINK_ENDED || link->state == LINK_FAILED;
    return ((want & SPOKE_WANT_READ) != 0 && readable) || ((want & SPOKE_WANT_WRITE) != 0 && writable(link));
}

static void link_wait(void *ctx, void *memory, unsigned want, uint32_t limit_ms)
{
    struct link *link = memory;
    const uint32_t begin = sys_now();
    (void)ctx;
    for (;;) {
        enter();
        const bool now = ready(link, want);
        leave();
        const uint32_t slept = sys_now() - begin;
        if (atomic_exchange(&link->woken, false) || now || slept >= limit_ms)
            return;
        sleep_at_most(link, limit_ms - slept);
    }
}

static void link_wake(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    atomic_store(&link->woken, true);
    changed(link); /* PORT: from an interrupt your system may want another call than from a task */
}

static int link_fd(void *ctx, void *memory)
{
    (void)ctx;
    (void)memory;
    return -1;
}

static int32_t link_detail(void *ctx, void *memory)
{
    const struct link *link = memory;
    (void)ctx;
    /* While connecting, 0 says that the name is not resolved yet. */
    return link->state == LINK_CONNECTING ? ERR_INPROGRESS : link->detail;
}

const spoke_net net_lwip;
const spoke_net net_lwip = {
    .struct_size = sizeof(spoke_net),
    .link_bytes = sizeof(struct link),
    .init = link_init,
    .fini = link_fini,
    .open = link_open,
    .step = link_step,
    .read = link_read,
    .write = link_write,
    .close = link_close,
    .wait = link_wait,
    .wake = link_wake,
    .fd = link_fd,
    .detail = link_detail,
};
