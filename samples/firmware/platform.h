/* The port: what spoke_config.platform is given. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <spoke/platform.h>

/* Once, before everything else. seed: see platform.c. */
void platform_init(const char *seed);
const spoke_platform *platform_get(void);

/* Of the array that mbedTLS takes its memory from: most that was ever in use, and its size. */
size_t platform_tls_peak(void);
size_t platform_tls_size(void);

/* --- net_lwip.c --- */
extern const spoke_net net_lwip;

/* --- lwip_board.c --- */
void net_init(void);        /* starts lwIP and asks for an address by DHCP */
void net_turn(void);        /* all that lwIP has to do now: frames that came, timers that are due */
uint32_t net_next_ms(void); /* until a timer of its is due */
/* A host that no name server has to be asked for. address: "10.0.2.2". False: unusable, or one too many. */
bool net_add_host(const char *name, const char *address);

#endif
