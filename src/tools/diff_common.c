/* What the two comparisons, of payloads and of meanings, share. */
#include "tools/diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void diff_tell(const struct diff_telling *at, bool breaking, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const struct diff_change change = {breaking, at->member, at->place.len > 0 ? at->place.ptr : "", what};
    at->tell(at->ctx, &change);
}

void diff_leave(struct diff_telling *at, size_t length)
{
    at->place.len = length;
    if (at->place.ptr != NULL)
        at->place.ptr[length] = '\0';
}

static bool grow(struct diff_pairs *seen)
{
    const size_t cap = seen->cap > 0 ? seen->cap * 2 : 32;
    struct diff_pair *grown = realloc(seen->pairs, cap * sizeof *grown);
    seen->failed = seen->failed || grown == NULL;
    if (grown == NULL)
        return false;
    seen->pairs = grown;
    seen->cap = cap;
    return true;
}

bool diff_pair_is_new(struct diff_pairs *seen, const void *old, const void *new)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->pairs[i].old == old && seen->pairs[i].new == new)
            return false;
    }
    if (seen->count == seen->cap && !grow(seen))
        return false;
    seen->pairs[seen->count++] = (struct diff_pair){old, new};
    return true;
}
