#include "fleet/histogram.h"

#include <math.h>

#define EXACT_BITS 6u /* of HISTOGRAM_EXACT */
#define PART_BITS 5u  /* of HISTOGRAM_PARTS */

size_t histogram_bucket(uint64_t us)
{
    if (us < HISTOGRAM_EXACT)
        return (size_t)us;
    const uint64_t value = us < HISTOGRAM_MOST_US ? us : HISTOGRAM_MOST_US;
    unsigned bits = EXACT_BITS;
    while (value >> bits >= 2)
        bits++;
    return HISTOGRAM_EXACT + (bits - EXACT_BITS) * HISTOGRAM_PARTS +
           (size_t)((value >> (bits - PART_BITS)) - HISTOGRAM_PARTS);
}

uint64_t histogram_top(size_t bucket)
{
    if (bucket < HISTOGRAM_EXACT)
        return bucket;
    const size_t above = bucket - HISTOGRAM_EXACT;
    const unsigned bits = EXACT_BITS + (unsigned)(above / HISTOGRAM_PARTS);
    const uint64_t part = above % HISTOGRAM_PARTS + HISTOGRAM_PARTS;
    return ((part + 1) << (bits - PART_BITS)) - 1;
}

/* One thread writes: nothing is lost between the two. */
void histogram_add(struct histogram *h, uint64_t us)
{
    _Atomic uint64_t *count = &h->counts[histogram_bucket(us)];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
    if (us > atomic_load_explicit(&h->most_us, memory_order_relaxed))
        atomic_store_explicit(&h->most_us, us, memory_order_relaxed);
}

void histogram_look(const struct histogram *h, struct histogram_view *sum)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        const uint64_t count = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        sum->counts[i] += count;
        sum->total += count;
    }
    const uint64_t most = atomic_load_explicit(&h->most_us, memory_order_relaxed);
    sum->most_us = most > sum->most_us ? most : sum->most_us;
}

void histogram_between(const struct histogram_view *before, const struct histogram_view *now,
                       struct histogram_view *out)
{
    out->total = now->total - before->total;
    out->most_us = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        out->counts[i] = now->counts[i] - before->counts[i];
        if (out->counts[i] > 0)
            out->most_us = histogram_top(i);
    }
    out->most_us = out->most_us < now->most_us ? out->most_us : now->most_us;
}

uint64_t histogram_percentile(const struct histogram_view *view, double share)
{
    /* 0.07 of 5000 is 350, whatever the last bit of 0.07 says */
    const uint64_t wanted = (uint64_t)fmax(ceil(share * (double)view->total - 1e-6), 0);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && view->total > 0; i++) {
        seen += view->counts[i];
        if (seen >= wanted && seen > 0)
            return histogram_top(i) < view->most_us ? histogram_top(i) : view->most_us;
    }
    return 0;
}
