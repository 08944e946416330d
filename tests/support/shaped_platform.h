/* The POSIX port with a clock that the test can put forward and links that can be made narrow. */
#ifndef SPOKE_TESTS_SHAPED_PLATFORM_H
#define SPOKE_TESTS_SHAPED_PLATFORM_H

#include <spoke/platform.h>

struct shaped_platform {
    spoke_platform platform; /* for the code under test */
    const spoke_platform *inner;
    spoke_net net;
    uint64_t ahead_ms; /* added to the monotonic clock */
    size_t chunk;      /* at most so many bytes with each read and write; 0: no limit */
    unsigned warnings; /* log lines at WARN */
    unsigned long reads, writes, waits;
};

void shaped_platform_init(struct shaped_platform *shaped, const spoke_platform *inner);

#endif
