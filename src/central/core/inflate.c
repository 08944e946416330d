#include "inflate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum packing packing_of(const char *content_encoding)
{
    if (content_encoding == NULL)
        return PACKING_NONE;
    if (strcasecmp(content_encoding, "gzip") == 0 || strcasecmp(content_encoding, "x-gzip") == 0)
        return PACKING_GZIP;
    return strcasecmp(content_encoding, "deflate") == 0 ? PACKING_DEFLATE : PACKING_NONE;
}

#ifdef SPOKE_HAVE_ZLIB

#include <zlib.h>

enum { WINDOW_BITS = 15, GZIP_FRAME = 16, FIRST_BYTES = 1024 };

/* Room for more, doubled up to the bound. */
static spoke_status grow(z_stream *z, char **out, size_t *cap, size_t most)
{
    if (*cap >= most)
        return SPOKE_E_TOO_LARGE;
    const size_t used = *cap, wanted = used == 0 ? FIRST_BYTES : used * 2, next = wanted < most ? wanted : most;
    char *more = realloc(*out, next);
    if (more == NULL)
        return SPOKE_E_NO_MEMORY;
    *out = more;
    *cap = next;
    z->next_out = (Bytef *)more + used;
    z->avail_out = (uInt)(next - used);
    return SPOKE_OK;
}

static spoke_status run(z_stream *z, size_t most, char **out, size_t *cap)
{
    for (;;) {
        if (z->avail_out == 0) {
            const spoke_status status = grow(z, out, cap, most);
            if (status != SPOKE_OK)
                return status;
        }
        const int result = inflate(z, Z_NO_FLUSH);
        if (result == Z_STREAM_END)
            return z->avail_in == 0 ? SPOKE_OK : SPOKE_E_PROTOCOL;
        if (result == Z_MEM_ERROR)
            return SPOKE_E_NO_MEMORY;
        if (result != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
            return SPOKE_E_PROTOCOL;
    }
}

static spoke_status unpack(int window_bits, spoke_str body, size_t most, char **out, size_t *len)
{
    z_stream z;
    size_t cap = 0;
    memset(&z, 0, sizeof z);
    *out = NULL;
    if (inflateInit2(&z, window_bits) != Z_OK)
        return SPOKE_E_NO_MEMORY;
    z.next_in = (z_const Bytef *)(uintptr_t)body.ptr;
    z.avail_in = (uInt)body.len;
    const spoke_status status = run(&z, most, out, &cap);
    *len = cap - z.avail_out;
    (void)inflateEnd(&z);
    if (status != SPOKE_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

spoke_status inflate_body(enum packing packing, spoke_str body, size_t most, char **out, size_t *len)
{
    /* one byte of room beyond the bound tells a body that just fits from one that does not */
    const size_t room = most + 1;
    spoke_status status =
        unpack(packing == PACKING_GZIP ? WINDOW_BITS + GZIP_FRAME : WINDOW_BITS, body, room, out, len);
    if (status == SPOKE_E_PROTOCOL && packing == PACKING_DEFLATE)
        status = unpack(-WINDOW_BITS, body, room, out, len);
    if (status == SPOKE_OK && *len > most) {
        free(*out);
        *out = NULL;
        status = SPOKE_E_TOO_LARGE;
    }
    return status;
}

#else

spoke_status inflate_body(enum packing packing, spoke_str body, size_t most, char **out, size_t *len)
{
    (void)packing, (void)body, (void)most;
    *out = NULL;
    *len = 0;
    return SPOKE_E_UNSUPPORTED;
}

#endif
