/* spoke_net on lwIP's raw interface: one struct link is one TCP connection. lwIP runs nowhere but in net_turn, which
 * `step` and `wait` call: its callbacks come in the same thread, and none of them calls the client. */
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <string.h>

#include "board.h"
#include "platform.h"

enum state {
    LINK_CLOSED,      /* -> LINK_ADDRESSLESS by open */
    LINK_ADDRESSLESS, /* the board has no address yet -> LINK_RESOLVING */
    LINK_RESOLVING,   /* -> LINK_RESOLVED, LINK_FAILED */
    LINK_RESOLVED,    /* -> LINK_CONNECTING, LINK_FAILED */
    LINK_CONNECTING,  /* -> LINK_OPEN, LINK_FAILED */
    LINK_OPEN,        /* -> LINK_ENDED, LINK_FAILED */
    LINK_ENDED,       /* by the peer; what came before can still be read */
    LINK_FAILED
};

struct link {
    enum state state;
    const char *host;
    uint16_t port;
    ip_addr_t address;
    struct tcp_pcb *pcb;   /* NULL: lwIP has taken it back */
    struct pbuf *received; /* what nobody has read yet */
    bool full;             /* lwIP had no room for more to send */
    volatile bool woken;
    spoke_status why; /* LINK_FAILED: E_DNS or E_NET */
    int32_t detail;   /* lwIP's err_t */
};

static struct netif ethernet;

/* --- the interface below: Ethernet frames from and to the board --- */

static err_t send_frame(struct netif *netif, struct pbuf *frame)
{
    static uint8_t flat[1536];
    (void)netif;
    const u16_t len = pbuf_copy_partial(frame, flat, sizeof flat, 0);
    return board_eth_send(flat, len) ? ERR_OK : ERR_MEM; /* TCP sends it again */
}

static err_t start_ethernet(struct netif *netif)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}; /* PORT: each device its own */
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->mtu = 1500;
    netif->hwaddr_len = sizeof mac;
    memcpy(netif->hwaddr, mac, sizeof mac);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
    board_eth_init(mac);
    return ERR_OK;
}

static void receive_frame(size_t len)
{
    struct pbuf *frame = len <= UINT16_MAX ? pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL) : NULL;
    if (frame == NULL) {
        board_eth_read(NULL, len); /* no room: TCP sends it again */
        return;
    }
    static uint8_t flat[1536];
    board_eth_read(flat, len < sizeof flat ? len : sizeof flat);
    pbuf_take(frame, flat, frame->tot_len);
    if (ethernet.input(frame, &ethernet) != ERR_OK)
        pbuf_free(frame);
}

/* Everything that lwIP has to do now. */
static void net_turn(void)
{
    for (size_t len = board_eth_pending(); len > 0; len = board_eth_pending())
        receive_frame(len);
    sys_check_timeouts();
}

u32_t sys_now(void)
{
    return (u32_t)board_ms();
}

void net_lwip_init(void)
{
    lwip_init();
    netif_add_noaddr(&ethernet, NULL, start_ethernet, netif_input);
    netif_set_default(&ethernet);
    netif_set_up(&ethernet);
    if (dhcp_start(&ethernet) != ERR_OK)
        board_panic("DHCP did not start");
}

bool net_lwip_add_host(const char *name, const char *address)
{
    ip_addr_t ip;
    return ipaddr_aton(address, &ip) == 1 && dns_local_addhost(name, &ip) == ERR_OK;
}

/* --- what lwIP tells about a connection --- */

static void fail(struct link *link, spoke_status why, err_t detail)
{
    link->state = LINK_FAILED;
    link->why = why;
    link->detail = detail;
}

/* Also after the link was closed, or opened again for another name: lwIP does not let a question be taken back. */
static void on_resolved(const char *name, const ip_addr_t *address, void *arg)
{
    struct link *link = arg;
    if (link->state != LINK_RESOLVING || strcmp(name, link->host) != 0)
        return;
    if (address == NULL) {
        fail(link, SPOKE_E_DNS, ERR_VAL);
        return;
    }
    link->address = *address;
    link->state = LINK_RESOLVED;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct link *link = arg;
    (void)pcb;
    (void)error; /* always ERR_OK: failures come to on_error */
    link->state = LINK_OPEN;
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
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    (void)pcb;
    (void)len;
    ((struct link *)arg)->full = false;
    return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
    struct link *link = arg;
    link->pcb = NULL; /* lwIP has freed it */
    fail(link, SPOKE_E_NET, error);
}

/* --- opening --- */

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
    (void)ctx;
    memset(memory, 0, sizeof(struct link));
    return SPOKE_OK;
}

static spoke_status link_open(void *ctx, void *memory, const char *host, uint16_t port)
{
    struct link *link = memory;
    (void)ctx;
    link->host = host;
    link->port = port;
    link->state = LINK_ADDRESSLESS;
    link->full = false;
    link->detail = 0;
    return SPOKE_OK;
}

static spoke_status link_step(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    net_turn();
    if (link->state == LINK_ADDRESSLESS && dhcp_supplied_address(&ethernet))
        resolve(link);
    if (link->state == LINK_RESOLVED)
        begin_connect(link);
    if (link->state == LINK_FAILED)
        return link->why;
    return link->state == LINK_OPEN || link->state == LINK_ENDED ? SPOKE_OK : SPOKE_E_AGAIN;
}

/* --- moving bytes --- */

static spoke_status link_read(void *ctx, void *memory, uint8_t *out, size_t cap, size_t *count)
{
    struct link *link = memory;
    (void)ctx;
    if (link->received == NULL)
        return link->state == LINK_OPEN ? SPOKE_E_AGAIN : SPOKE_E_NET;
    *count = pbuf_copy_partial(link->received, out, (u16_t)(cap < UINT16_MAX ? cap : UINT16_MAX), 0);
    link->received = pbuf_free_header(link->received, (u16_t)*count);
    if (link->pcb != NULL)
        tcp_recved(link->pcb, (u16_t)*count); /* the peer may send so much more */
    return SPOKE_OK;
}

static spoke_status link_write(void *ctx, void *memory, const uint8_t *bytes, size_t len, size_t *count)
{
    struct link *link = memory;
    (void)ctx;
    if (link->pcb == NULL || (link->state != LINK_OPEN && link->state != LINK_ENDED))
        return SPOKE_E_NET;
    const size_t room = tcp_sndbuf(link->pcb), part = len < room ? len : room;
    const err_t error = part > 0 ? tcp_write(link->pcb, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) : ERR_MEM;
    link->full = error == ERR_MEM;
    if (error == ERR_OK) {
        tcp_output(link->pcb);
        *count = part;
        return SPOKE_OK;
    }
    link->detail = error;
    return error == ERR_MEM ? SPOKE_E_AGAIN : SPOKE_E_NET;
}

static void link_close(void *ctx, void *memory)
{
    struct link *link = memory;
    (void)ctx;
    link->state = LINK_CLOSED;
    if (link->received != NULL)
        pbuf_free(link->received);
    link->received = NULL;
    if (link->pcb == NULL)
        return;
    tcp_arg(link->pcb, NULL);
    tcp_recv(link->pcb, NULL);
    tcp_sent(link->pcb, NULL);
    tcp_err(link->pcb, NULL);
    if (tcp_close(link->pcb) != ERR_OK) /* no memory for a FIN */
        tcp_abort(link->pcb);
    link->pcb = NULL;
}

static void link_fini(void *ctx, void *memory)
{
    link_close(ctx, memory);
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
        return dhcp_supplied_address(&ethernet);
    case LINK_OPEN:
        return !link->full;
    case LINK_RESOLVED: /* step has something to do */
    case LINK_ENDED:
    case LINK_FAILED:
        return true;
    }
    return true;
}

static bool readable(const struct link *link)
{
    return link->received != NULL || link->state == LINK_ENDED || link->state == LINK_FAILED;
}

static void link_wait(void *ctx, void *memory, unsigned want, uint32_t limit_ms)
{
    struct link *link = memory;
    const uint64_t begin = board_ms();
    (void)ctx;
    for (;;) {
        net_turn();
        if (link->woken || ((want & SPOKE_WANT_READ) != 0 && readable(link)) ||
            ((want & SPOKE_WANT_WRITE) != 0 && writable(link)) || board_ms() - begin >= limit_ms)
            break;
        board_sleep();
    }
    link->woken = false;
}

static void link_wake(void *ctx, void *memory)
{
    (void)ctx;
    ((struct link *)memory)->woken = true;
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
