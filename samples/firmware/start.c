/* From reset to main, and the faults. */
#include <stdint.h>
#include <string.h>

#include "board.h"

#define PAINT 0x5A5A5A5Au

/* link.ld */
extern uint32_t stack_low[], stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];

int main(void);
void reset(void);

/* The stack is painted where it is not in use yet, so that its peak can be read later. */
static void paint_stack(void)
{
    const uint32_t *in_use = (const uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *at = stack_low; at < in_use; at++)
        *at = PAINT;
}

/* The symbols are no objects of C's: between them only addresses can be subtracted. */
static size_t between(const void *low, const void *high)
{
    return (uintptr_t)high - (uintptr_t)low;
}

size_t board_stack_size(void)
{
    return between(stack_low, stack_top);
}

size_t board_stack_peak(void)
{
    const uint32_t *at = stack_low;
    while (*at == PAINT) /* main's frame is not painted */
        at++;
    return between(at, stack_top);
}

_Noreturn void reset(void)
{
    memcpy(data_start, data_load, between(data_start, data_end));
    memset(bss_start, 0, between(bss_start, bss_end));
    paint_stack();
    main();
    board_panic("main returned");
}

static void fault(void)
{
    board_panic("fault: a bad address or instruction, or the stack is too small");
}

static void stray(void)
{
    board_panic("an exception that nobody enabled");
}

/* ARMv7-M B1.5.2: the first stack pointer, the exceptions by number, the board's interrupts. */
typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector exceptions[15], interrupts[BOARD_INTERRUPTS];
} vectors = {
    .stack = stack_top,
    .exceptions = {reset, stray, fault, fault, fault, fault, NULL, NULL, NULL, NULL, stray, stray, NULL, stray,
                   systick_interrupt},
    .interrupts = {[BOARD_TIMER_INTERRUPT] = timer_interrupt, [BOARD_ETHERNET_INTERRUPT] = ethernet_interrupt},
};
