#include "target.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `out` has room for path.len + 1. A path is handed on as a C string, so a NUL inside would hide its tail. An escaped
 * '/' belongs to a name (RFC 3986 section 2.2): taken for a separator it would lead past who filters paths before us. */
static spoke_status decode_path(spoke_str path, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char byte = (unsigned char)path.ptr[i];
        if (byte == '%') {
            const int high = path.len - i > 2 ? hex_digit(path.ptr[i + 1]) : -1;
            const int low = path.len - i > 2 ? hex_digit(path.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SPOKE_E_ARG;
            byte = (unsigned char)(high * 16 + low);
            i += 2;
            if (byte == '/')
                return SPOKE_E_ARG;
        }
        if (byte < 0x20 || byte == 0x7F)
            return SPOKE_E_ARG;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return SPOKE_OK;
}

spoke_status target_parse(spoke_str text, struct target *out)
{
    memset(out, 0, sizeof *out);
    if (text.len > TARGET_MAX_BYTES)
        return SPOKE_E_TOO_LARGE;
    if (text.len == 0 || text.ptr[0] != '/' || memchr(text.ptr, '\0', text.len) != NULL)
        return SPOKE_E_ARG;
    spoke_str path, query = {NULL, 0};
    (void)spoke_str_cut(text, '?', &path, &query);
    out->path = malloc(path.len + 1);
    out->query = strndup(query.len > 0 ? query.ptr : "", query.len);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (out->path != NULL && out->query != NULL)
        status = decode_path(path, out->path);
    if (status != SPOKE_OK)
        target_free(out);
    return status;
}

void target_free(struct target *target)
{
    free(target->path);
    free(target->query);
    memset(target, 0, sizeof *target);
}
