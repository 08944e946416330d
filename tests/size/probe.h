/* A probe is an image that keeps what it names, and with it all that this calls: what the linker would leave in a
 * device that uses these functions. It has no code of its own that could hide in the figures. */
#ifndef SPOKE_TESTS_SIZE_PROBE_H
#define SPOKE_TESTS_SIZE_PROBE_H

typedef void (*probe_root)(void);

#define PROBE_KEEP(...) __attribute__((section(".roots"), used)) const probe_root probe_roots[] = {__VA_ARGS__}
#define PROBE_FN(function) ((probe_root)(function))

#endif
