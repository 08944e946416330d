/* How long a made-up text has to be. */
#ifndef SPOKE_SRC_MODEL_TEXT_LEN_H
#define SPOKE_SRC_MODEL_TEXT_LEN_H

#include <spoke/model.h>

#define TEXT_LEN_MOST 1024u /* a minLength beyond that is not met */

/* A buffer holds `len` characters of ASCII, and 'x' behind them up to TEXT_LEN_MOST: how many of all the length limits
 * (NULL: none) want. */
static inline size_t text_len_within(const spoke_range *range, size_t len)
{
    if (range != NULL && range->has_high && range->high_whole < (int64_t)len)
        len = range->high_whole > 0 ? (size_t)range->high_whole : 0;
    if (range != NULL && range->has_low && range->low_whole > (int64_t)len)
        len = range->low_whole < (int64_t)TEXT_LEN_MOST ? (size_t)range->low_whole : TEXT_LEN_MOST;
    return len;
}

#endif
