#include "bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 512, IDLE_BYTES = 1024 };

bool bytes_reserve(struct bytes *b, size_t more)
{
    if (more <= b->cap - b->len)
        return true;
    if (more > SIZE_MAX / 2 - b->len)
        return false;
    size_t cap = b->cap < FIRST_BYTES ? FIRST_BYTES : b->cap;
    while (cap - b->len < more)
        cap *= 2;
    uint8_t *ptr = realloc(b->ptr, cap);
    if (ptr == NULL)
        return false;
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

bool bytes_append(struct bytes *b, const void *from, size_t len)
{
    if (!bytes_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->ptr + b->len, from, len);
    b->len += len;
    return true;
}

void bytes_free(struct bytes *b)
{
    free(b->ptr);
    memset(b, 0, sizeof *b);
}

void bytes_consume(struct bytes *b, size_t count)
{
    assert(count <= b->len);
    b->len -= count;
    if (count > 0 && b->len > 0)
        memmove(b->ptr, b->ptr + count, b->len);
    if (b->len == 0 && b->cap > IDLE_BYTES)
        bytes_free(b);
}
