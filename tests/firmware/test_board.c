/* samples/firmware/board.c in QEMU, in place of main.c: its clock never goes back, at whatever moment of SysTick's rounds
 * (0.67 s each) it is read. A clock that takes no care where a round ends fails within a few of them. */
#include "board.h"

enum { LOOK_MS = 10000 };

int main(void)
{
    board_init();
    uint64_t last = board_ms();
    const uint64_t end = last + LOOK_MS;
    while (last < end) {
        const uint64_t now = board_ms();
        if (now < last)
            board_panic("the clock went back");
        last = now;
    }
    board_print("ok its clock never goes back\n");
    board_panic("the test is over");
}
