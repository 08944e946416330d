/* What the port needs of the board: an MPS2 with its Cortex-M4 image (AN386), which QEMU has as mps2-an386. A port to
 * another board begins with another board.c. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of its interrupts; start.c has the table. */
enum { BOARD_TIMER_INTERRUPT = 8, BOARD_ETHERNET_INTERRUPT = 13, BOARD_INTERRUPTS };
void systick_interrupt(void);
void timer_interrupt(void);
void ethernet_interrupt(void);

void board_init(void);

uint64_t board_ms(void);            /* since reset */
int64_t board_ask_wall_clock(void); /* UTC seconds since 1970, of the machine behind the debugger */
/* Until a frame comes or board_stay_awake is called (or was, since the last sleep), for at most so long. */
void board_sleep(uint32_t limit_ms);
void board_stay_awake(void);   /* also from an interrupt */
uint32_t board_awake_us(void); /* since reset, modulo 2^32 */
void board_print(const char *text);
void board_print_number(const char *text, uint32_t number); /* behind the text */
/* Prints it and ends the program; a product resets itself instead. */
_Noreturn void board_panic(const char *why);

/* The page of flash that production writes for each device (see link.ld): name, NUL, value, NUL, and so on; an empty
 * name ends it. NULL: it is not there. */
const char *board_setting(const char *name);
/* The next of them; *at is NULL for the first. False: there is no more. */
bool board_next_setting(const char **at, const char **name, const char **value);

/* Ethernet frames, without the checksum. */
void board_eth_init(const uint8_t mac[6]);
size_t board_eth_pending(void);                     /* bytes of the next frame; 0: none */
void board_eth_read(void *frame, size_t len);       /* takes it, or NULL: drops it */
bool board_eth_send(const void *frame, size_t len); /* false: no room */

/* The most of the stack that was ever in use, and how much there is. */
size_t board_stack_peak(void);
size_t board_stack_size(void);

#endif
