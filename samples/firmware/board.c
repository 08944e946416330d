/* The board: registers of the MPS2 (ARM DAI 0386) and of the processor, semihosting for what the board lacks. */
#include "board.h"

#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define CORE_HZ 25000000u

#define SYSTICK_CONTROL REGISTER(0xE000E010) /* ARMv7-M B3.3 */
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define SYSTICK_BITS 24
#define SYSTICK_TOP ((1u << SYSTICK_BITS) - 1)
#define INTERRUPT_STATE REGISTER(0xE000ED04) /* ARMv7-M B3.2.4 */
#define SYSTICK_PENDING (1u << 26)
#define INTERRUPTS_ON REGISTER(0xE000E100) /* a bit each */

#define TIMER_CONTROL REGISTER(0x40000000)
#define TIMER_VALUE REGISTER(0x40000004)
#define TIMER_RELOAD REGISTER(0x40000008)
#define TIMER_INTERRUPT REGISTER(0x4000000C)

#define UART_DATA REGISTER(0x40004000)
#define UART_STATE REGISTER(0x40004004) /* bit 0: full */
#define UART_CONTROL REGISTER(0x40004008)
#define UART_DIVIDER REGISTER(0x40004010)

/* --- semihosting: the debugger, or QEMU, does it --- */

enum { SEMIHOSTING_TIME = 0x11, SEMIHOSTING_EXIT = 0x18 };
#define EXIT_RUN_TIME_ERROR 0x20023u

static uint32_t semihosting(uint32_t operation, uint32_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int64_t board_ask_wall_clock(void)
{
    return semihosting(SEMIHOSTING_TIME, 0);
}

/* --- time: SysTick counts down through its 24 bits, and wakes the processor no more often than that --- */

static volatile uint32_t rounds;

void systick_interrupt(void)
{
    rounds++;
}

/* With interrupts on. A round counts from its interrupt on, which may come between the two readings, or be pending while
 * the counter runs again already, or be over while the counter is still at 0: then once more. */
static uint64_t core_clock(void)
{
    uint32_t round, left;
    do {
        round = rounds;
        left = SYSTICK_VALUE;
    } while (left == 0 || (INTERRUPT_STATE & SYSTICK_PENDING) != 0 || round != rounds);
    return ((uint64_t)round << SYSTICK_BITS) + (SYSTICK_TOP - left);
}

uint64_t board_ms(void)
{
    return core_clock() / (CORE_HZ / 1000u);
}

/* --- sleep: a timer, a frame, or somebody who calls board_stay_awake ends it --- */

static volatile bool awake;
static uint64_t slept; /* of core_clock */

void timer_interrupt(void)
{
    TIMER_CONTROL = 0;
    TIMER_INTERRUPT = 1;
}

void board_stay_awake(void)
{
    awake = true;
}

void board_sleep(uint32_t limit_ms)
{
    const uint64_t begin = core_clock();
    if (limit_ms == 0)
        return;
    TIMER_CONTROL = 0;
    TIMER_RELOAD = (limit_ms < 60000u ? limit_ms : 60000u) * (CORE_HZ / 1000u); /* 0 would stop it */
    TIMER_VALUE = TIMER_RELOAD;
    /* Interrupts, the timer's too, are held back so that none comes between here and the sleep, which they end all the
     * same. */
    __asm__ volatile("cpsid i" ::: "memory");
    TIMER_CONTROL = 9; /* on, interrupt */
    if (!awake)
        __asm__ volatile("wfi" ::: "memory");
    awake = false;
    __asm__ volatile("cpsie i" ::: "memory");
    slept += core_clock() - begin;
}

uint32_t board_awake_us(void)
{
    return (uint32_t)((core_clock() - slept) / (CORE_HZ / 1000000u));
}

/* --- the console --- */

static void print_byte(char byte)
{
    while ((UART_STATE & 1u) != 0)
        ;
    UART_DATA = (uint8_t)byte;
}

void board_print(const char *text)
{
    for (; *text != '\0'; text++)
        print_byte(*text);
}

void board_print_number(const char *text, uint32_t number)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    board_print(text);
    board_print(at);
}

_Noreturn void board_panic(const char *why)
{
    board_print("panic: ");
    board_print(why);
    board_print("\n");
    semihosting(SEMIHOSTING_EXIT, EXIT_RUN_TIME_ERROR);
    for (;;)
        board_sleep(UINT32_MAX);
}

void board_init(void)
{
    UART_DIVIDER = CORE_HZ / 115200u;
    UART_CONTROL = 1; /* sends only */
    SYSTICK_RELOAD = SYSTICK_TOP;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7; /* the core's clock, interrupt, on */
    INTERRUPTS_ON = 1u << BOARD_TIMER_INTERRUPT;
}

/* --- settings --- */

extern const char settings_page[], settings_end[]; /* link.ld */

/* The text at `at` ends inside the page: an unwritten page of flash holds 0xFF and no NUL. */
static const char *behind(const char *at)
{
    const char *end = at < settings_end ? memchr(at, '\0', (size_t)(settings_end - at)) : NULL;
    return end != NULL ? end + 1 : NULL;
}

bool board_next_setting(const char **at, const char **name, const char **value)
{
    *name = *at != NULL ? *at : settings_page;
    *value = behind(*name);
    if (*value == NULL || **name == '\0')
        return false;
    *at = behind(*value);
    return *at != NULL;
}

const char *board_setting(const char *wanted)
{
    const char *at = NULL, *name, *value;
    while (board_next_setting(&at, &name, &value))
        if (strcmp(name, wanted) == 0)
            return value;
    return NULL;
}

/* --- Ethernet: SMSC LAN9118 (its data sheet, chapter 5), by its FIFOs --- */

#define ETH(offset) REGISTER(0x40200000u + (offset))
#define ETH_RX_DATA ETH(0x00)
#define ETH_TX_DATA ETH(0x20)
#define ETH_RX_STATUS ETH(0x40)
#define ETH_RX_PEEK ETH(0x44)
#define ETH_INTERRUPT_CONFIG ETH(0x54)
#define ETH_INTERRUPT_STATUS ETH(0x58)
#define ETH_INTERRUPT_ENABLE ETH(0x5C)
#define ETH_TX_CONFIG ETH(0x70)
#define ETH_HW_CONFIG ETH(0x74)
#define ETH_RX_INFO ETH(0x7C) /* statuses waiting: bits 23..16 */
#define ETH_TX_INFO ETH(0x80) /* bytes free: bits 15..0 */
#define ETH_MAC_COMMAND ETH(0xA4)
#define ETH_MAC_DATA ETH(0xA8)

#define MAC_CONTROL 1u
#define MAC_ADDRESS_HIGH 2u
#define MAC_ADDRESS_LOW 3u
#define MAC_BUSY 0x80000000u
#define MAC_SENDS_AND_RECEIVES 0x0000000Cu
#define RX_ERROR 0x00008000u
#define FRAME_WAITS 0x00000008u /* a status in the FIFO */
#define TX_FIRST_AND_LAST 0x00003000u
#define CHECKSUM_BYTES 4u

static void mac_write(uint32_t index, uint32_t value)
{
    ETH_MAC_DATA = value;
    ETH_MAC_COMMAND = MAC_BUSY | index;
    while ((ETH_MAC_COMMAND & MAC_BUSY) != 0)
        ;
}

void board_eth_init(const uint8_t mac[6])
{
    ETH_HW_CONFIG = 1; /* soft reset */
    while ((ETH_HW_CONFIG & 1u) != 0)
        ;
    ETH_HW_CONFIG = 0x00150000u; /* 5 KB of the FIFO for sending; a frame leaves when it is there as a whole */
    mac_write(MAC_ADDRESS_LOW,
              (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
    mac_write(MAC_ADDRESS_HIGH, (uint32_t)mac[4] | (uint32_t)mac[5] << 8);
    mac_write(MAC_CONTROL, MAC_SENDS_AND_RECEIVES);
    ETH_TX_CONFIG = 6;                  /* on; statuses, which nobody reads, may overrun: else it stops at 128 */
    ETH_INTERRUPT_CONFIG = 0x00000111u; /* on, active high, driven both ways: before it is the other way round */
    INTERRUPTS_ON = 1u << BOARD_ETHERNET_INTERRUPT;
}

static size_t frame_bytes(uint32_t status)
{
    const size_t len = status >> 16 & 0x3FFFu;
    return len > CHECKSUM_BYTES ? len - CHECKSUM_BYTES : 0;
}

static void drop(uint32_t status)
{
    const uint32_t words = ((status >> 16 & 0x3FFFu) + 3) / 4;
    for (uint32_t i = 0; i < words; i++)
        (void)ETH_RX_DATA;
}

/* Only wakes the processor; who empties the FIFO lets it come again. */
void ethernet_interrupt(void)
{
    ETH_INTERRUPT_ENABLE = 0;
    awake = true;
}

static size_t pending(void)
{
    while ((ETH_RX_INFO >> 16 & 0xFFu) > 0) {
        const uint32_t status = ETH_RX_PEEK;
        if ((status & RX_ERROR) == 0 && frame_bytes(status) > 0)
            return frame_bytes(status);
        drop(ETH_RX_STATUS);
    }
    return 0;
}

size_t board_eth_pending(void)
{
    const size_t len = pending();
    if (len > 0)
        return len;
    ETH_INTERRUPT_STATUS = FRAME_WAITS;
    ETH_INTERRUPT_ENABLE = FRAME_WAITS;
    return pending(); /* it may have come before */
}

void board_eth_read(void *frame, size_t len)
{
    const uint32_t status = ETH_RX_STATUS;
    if (frame == NULL) {
        drop(status);
        return;
    }
    uint8_t *out = frame;
    for (uint32_t words = ((status >> 16 & 0x3FFFu) + 3) / 4; words > 0; words--) {
        const uint32_t word = ETH_RX_DATA; /* the checksum, too */
        const size_t count = len < sizeof word ? len : sizeof word;
        memcpy(out, &word, count);
        out += count;
        len -= count;
    }
}

bool board_eth_send(const void *frame, size_t len)
{
    const uint8_t *in = frame;
    if ((ETH_TX_INFO & 0xFFFFu) < len + 16)
        return false;
    ETH_TX_DATA = TX_FIRST_AND_LAST | (uint32_t)len;
    ETH_TX_DATA = (uint32_t)len;
    while (len > 0) {
        uint32_t word = 0;
        const size_t count = len < sizeof word ? len : sizeof word;
        memcpy(&word, in, count);
        ETH_TX_DATA = word;
        in += count;
        len -= count;
    }
    return true;
}
