/* Carving one block of memory into parts, for every transport. Inline: as refusal.h. */
#ifndef SPOKE_SRC_TRANSPORT_LAYOUT_H
#define SPOKE_SRC_TRANSPORT_LAYOUT_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adds a part and what aligns the next. False: more than memory can hold. */
static inline bool layout_add(size_t *total, size_t part)
{
    const size_t unit = alignof(max_align_t);
    if (part > SIZE_MAX - unit || *total > SIZE_MAX - unit - part)
        return false;
    *total += (part + unit - 1) / unit * unit;
    return true;
}

#endif
