/* Percent coding (RFC 3986 section 2.1). */
#ifndef SPOKE_SRC_BASE_URL_H
#define SPOKE_SRC_BASE_URL_H

#include <spoke/base.h>

/* Both append; an error leaves out->len as it was.
 * encode: all but the unreserved characters becomes %XX with upper-case hex.
 * decode: either case of hex; '+' stays plus. E_PROTOCOL: a '%' without two hex digits. */
spoke_status url_encode(spoke_str text, spoke_buf *out);
spoke_status url_decode(spoke_str text, spoke_buf *out);
/* Reads one plain or escaped byte at *at, which is inside the text, and steps over it. E_PROTOCOL. */
spoke_status url_next(spoke_str text, size_t *at, uint8_t *byte);

#endif
