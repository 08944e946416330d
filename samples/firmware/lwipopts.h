/* lwIP for one or two connections: no threads, no sockets, and memory from arrays that the link map shows. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 /* one thread, and interrupts keep out of it */
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0

#define MEM_ALIGNMENT 4
#define MEM_SIZE 6144      /* an array of lwIP's own: what is being sent */
#define PBUF_POOL_SIZE 8   /* frames received and not read yet */
#define MEMP_NUM_TCP_PCB 4 /* one open, others still closing */
#define MEMP_NUM_TCP_SEG 16

#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 12
#define TCP_LISTEN_BACKLOG 0

#define LWIP_IPV6 0
#define LWIP_RAW 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_DHCP 1
#define LWIP_DNS 1
#define DNS_TABLE_SIZE 2
/* Names that no server knows: net_add_host. */
#define DNS_LOCAL_HOSTLIST 1
#define DNS_LOCAL_HOSTLIST_IS_DYNAMIC 1
#define MEMP_NUM_LOCALHOSTLIST 4

#define LWIP_STATS 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HAVE_LOOPIF 0

#endif
