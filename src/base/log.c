#include "base/log.h"

#include <stdarg.h>

#include "base/format.h"

#if SPOKE_WITH_LOG

#define LINE_BYTES 256u

/* Part of a line may come from the wire: it must neither start another line nor drive a terminal. */
static void tame(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    }
}

void log_line(const spoke_platform *platform, spoke_log_level level, const char *module, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list values;
    if (platform == NULL || (platform->log == NULL && platform->log_tap == NULL))
        return;
    va_start(values, format);
    const size_t len = format_values(line, sizeof line, format, values);
    va_end(values);
    if (len == FORMAT_UNKNOWN)
        return;
    tame(line);
    if (platform->log_tap != NULL)
        platform->log_tap(platform->tap_ctx, level, module, line);
    if (platform->log != NULL)
        platform->log(platform->ctx, level, module, line);
}

#endif
