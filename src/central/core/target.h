/* The target of an HTTP request (RFC 3986): "/api/devices/a%20b?x=1" into a decoded path and a raw query. */
#ifndef SPOKE_SRC_CENTRAL_TARGET_H
#define SPOKE_SRC_CENTRAL_TARGET_H

#include <spoke/base.h>

enum { TARGET_MAX_BYTES = 8192 };

struct target {
    char *path;  /* decoded, never with a NUL inside */
    char *query; /* raw, without the '?'; "" when there is none */
};

/* E_ARG: does not begin with '/', a broken escape, one of a '/' or NUL, a control character. E_TOO_LARGE, E_NO_MEMORY. */
spoke_status target_parse(spoke_str text, struct target *out);
void target_free(struct target *target);

#endif
