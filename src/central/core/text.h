/* Text of strangers on its way into messages. */
#ifndef SPOKE_SRC_CENTRAL_TEXT_H
#define SPOKE_SRC_CENTRAL_TEXT_H

#include <spoke/base.h>

/* The bytes of the longest beginning within `most` that does not split a UTF-8 character: what "%.*s" shows. */
static inline int text_shown(spoke_str s, size_t most)
{
    if (s.len <= most)
        return (int)s.len;
    while (most > 0 && ((unsigned char)s.ptr[most] & 0xc0u) == 0x80u)
        most--;
    return (int)most;
}

#endif
