#include <stdlib.h>
#include <string.h>

#include "shell_private.h"

spoke_str backlog_view(const struct backlog *b)
{
    return b->len > 0 ? spoke_str_from((const char *)b->ptr + b->start, b->len) : spoke_str_from("", 0);
}

spoke_status backlog_add(struct backlog *b, const void *bytes, size_t len)
{
    if (len > SHELL_MAX_OUTPUT_BYTES - b->len)
        return SPOKE_E_TOO_LARGE;
    if (len > b->cap - b->start - b->len && b->start > 0) {
        memmove(b->ptr, b->ptr + b->start, b->len);
        b->start = 0;
    }
    if (len > b->cap - b->start - b->len) {
        const size_t cap = 2 * (b->len + len);
        uint8_t *ptr = realloc(b->ptr, cap);
        if (ptr == NULL)
            return SPOKE_E_NO_MEMORY;
        b->ptr = ptr;
        b->cap = cap;
    }
    if (len > 0)
        memcpy(b->ptr + b->start + b->len, bytes, len);
    b->len += len;
    return SPOKE_OK;
}

/* An idle connection keeps no buffer: there may be thousands. */
void backlog_drop(struct backlog *b, size_t count)
{
    b->start += count;
    b->len -= count;
    if (b->len == 0)
        backlog_free(b);
}

void backlog_free(struct backlog *b)
{
    free(b->ptr);
    *b = (struct backlog){0};
}
