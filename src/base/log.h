/* One line to the platform's log. Callers never pass keys, tokens or, above DEBUG, payloads. */
#ifndef SPOKE_SRC_BASE_LOG_H
#define SPOKE_SRC_BASE_LOG_H

#include <spoke/features.h>
#include <spoke/platform.h>

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void log_line(const spoke_platform *platform, spoke_log_level level, const char *module, const char *format, ...);

/* Left out, its arguments are still looked at by the compiler. */
#if !SPOKE_WITH_LOG
#define log_line(...) \
    do { \
        if (SPOKE_WITH_LOG) \
            log_line(__VA_ARGS__); \
    } while (0)
#endif

#endif
