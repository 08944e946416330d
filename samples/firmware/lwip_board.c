/* lwIP's side of the board: its Ethernet interface, its clock, its turn. With an operating system the board's vendor
 * has this, and lwIP a thread; then tcpip_init takes the place of lwip_init, and net_turn goes. */
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <string.h>

#include "board.h"
#include "platform.h"

static struct netif ethernet;
static uint8_t flat[1536]; /* a frame in one piece */

u32_t sys_now(void)
{
    return (u32_t)board_ms();
}

static err_t send_frame(struct netif *netif, struct pbuf *frame)
{
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
    struct pbuf *frame = len <= sizeof flat ? pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL) : NULL;
    board_eth_read(frame != NULL ? flat : NULL, len);
    if (frame == NULL)
        return; /* no room: TCP sends it again */
    pbuf_take(frame, flat, (u16_t)len);
    if (ethernet.input(frame, &ethernet) != ERR_OK)
        pbuf_free(frame);
}

void net_turn(void)
{
    for (size_t len = board_eth_pending(); len > 0; len = board_eth_pending())
        receive_frame(len);
    sys_check_timeouts();
}

uint32_t net_next_ms(void)
{
    return sys_timeouts_sleeptime();
}

void net_init(void)
{
    lwip_init();
    netif_add_noaddr(&ethernet, NULL, start_ethernet, netif_input);
    netif_set_default(&ethernet);
    netif_set_up(&ethernet);
    if (dhcp_start(&ethernet) != ERR_OK)
        board_panic("DHCP did not start");
}

bool net_add_host(const char *name, const char *address)
{
    ip_addr_t ip;
    return ipaddr_aton(address, &ip) == 1 && dns_local_addhost(name, &ip) == ERR_OK;
}
