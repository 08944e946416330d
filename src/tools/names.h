/* Names of the template as C identifiers: snake_case, no keyword, none twice. */
#ifndef SPOKE_SRC_TOOLS_NAMES_H
#define SPOKE_SRC_TOOLS_NAMES_H

#include "base/arena.h"

/* Identifiers of one scope. Zero it, set `arena`. */
struct names {
    struct arena *arena;
    const char **slots;
    size_t count, cap;
};

#define NAME_MAX 60u /* characters of one part of an identifier; more is cut */

/* "maxTempSinceLastReboot" -> "max_temp_since_last_reboot", "IPAddress" -> "ip_address". NULL: no memory. */
const char *name_snake(struct arena *arena, spoke_str name);
const char *name_upper(struct arena *arena, const char *snake);
/* The last segment of a DTMI: "dtmi:com:example:Thermostat;1" -> "Thermostat". */
spoke_str name_of_dtmi(spoke_str dtmi);
/* "a_b" of "a" and "b"; either may be empty. */
const char *name_join(struct arena *arena, const char *a, const char *b);
/* The identifier if it is new in that scope, or with the first of _2, _3, ... that makes it so. Remembered. */
const char *names_take(struct names *names, const char *identifier);
bool names_has(const struct names *names, const char *identifier);
/* For members and parameters: also no keyword of C or C++, no macro or type of the headers that stand above, and
 * no name of `globals` (C++ would read it as a change of meaning). */
const char *names_take_local(struct names *names, const struct names *globals, const char *snake);

#endif
