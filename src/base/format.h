/* What the library needs of printf, without the C library's: that takes more flash than a whole MQTT session, and in some
 * of them heap. */
#ifndef SPOKE_SRC_BASE_FORMAT_H
#define SPOKE_SRC_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_UNKNOWN SIZE_MAX

/* Writes text, and a NUL behind it; cap is at least 1. What does not fit is cut, between two characters of UTF-8. Knows %s,
 * %.*s, %d, %u, %ld, %lu and %%; at anything else it stops with FORMAT_UNKNOWN. NULL counts as no text. Returns the length
 * of what stands in `out`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
size_t
format_text(char *out, size_t cap, const char *format, ...);
#if defined(__GNUC__)
__attribute__((format(printf, 3, 0)))
#endif
size_t
format_values(char *out, size_t cap, const char *format, va_list values);

#endif
