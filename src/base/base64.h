/* Base64 with padding (RFC 4648 section 4). */
#ifndef SPOKE_SRC_BASE_BASE64_H
#define SPOKE_SRC_BASE_BASE64_H

#include <spoke/base.h>

/* Both append; E_TOO_SMALL leaves out->len as it was. decode: E_ARG for anything but canonical, padded base64. */
spoke_status base64_encode(spoke_str bytes, spoke_buf *out);
spoke_status base64_decode(spoke_str text, spoke_buf *out);
/* The same, but bits of the last group that nobody reads may be set. */
spoke_status base64_decode_loose(spoke_str text, spoke_buf *out);

#endif
