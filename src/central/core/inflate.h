/* Compressed bodies, read within bounds. Built without zlib, nothing can be read. */
#ifndef SPOKE_SRC_CENTRAL_INFLATE_H
#define SPOKE_SRC_CENTRAL_INFLATE_H

#include <spoke/base.h>

/* How a body is packed, by its content encoding. */
enum packing {
    PACKING_NONE, /* text, as "utf-8", or what this service does not know */
    PACKING_GZIP,
    PACKING_DEFLATE /* RFC 1950, as HTTP has it; without its frame is fine too */
};
enum packing packing_of(const char *content_encoding); /* NULL: NONE */

/* The body unpacked, on the heap (never NULL when OK). E_TOO_LARGE: it would take more than `most` bytes, of which no
 * more than twice that were ever allocated; E_PROTOCOL: it is broken, cut off, or followed by something; E_NO_MEMORY;
 * E_UNSUPPORTED: there is no zlib. */
spoke_status inflate_body(enum packing packing, spoke_str body, size_t most, char **out, size_t *len);

#endif
