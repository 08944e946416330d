/* What lwIP asks of the compiler and the machine. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <stdint.h>

_Noreturn void board_panic(const char *why);
uint32_t platform_random_32(void);

#define LWIP_NO_UNISTD_H 1
#define LWIP_RAND() platform_random_32() /* ports and query numbers that an outsider cannot guess */
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(text) board_panic(text)

#endif
