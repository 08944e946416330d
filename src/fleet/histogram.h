/* How long things took, in microseconds: exact to 63, then 32 buckets to each doubling, so that what a percentile says
 * is at most 1/32 above the truth. One thread adds, others may look at the same time. */
#ifndef SPOKE_SRC_FLEET_HISTOGRAM_H
#define SPOKE_SRC_FLEET_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_EXACT 64u
#define HISTOGRAM_PARTS 32u /* of each doubling above it */
#define HISTOGRAM_DOUBLINGS 34u
#define HISTOGRAM_BUCKETS (HISTOGRAM_EXACT + HISTOGRAM_DOUBLINGS * HISTOGRAM_PARTS)
#define HISTOGRAM_MOST_US ((UINT64_C(1) << 40) - 1) /* 12 days; what is longer counts as this */

/* Zeroed: empty. */
struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t most_us;
};

/* What several histograms held at one moment. Zeroed: empty. */
struct histogram_view {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total, most_us;
};

void histogram_add(struct histogram *h, uint64_t us);
/* Adds all that h holds now. */
void histogram_look(const struct histogram *h, struct histogram_view *sum);
/* What came between two looks at the same histograms. most_us is then the top of the last bucket that has any. */
void histogram_between(const struct histogram_view *before, const struct histogram_view *now,
                       struct histogram_view *out);
/* The least bound that so much of all, 0 to 1, does not exceed; 0: it is empty. */
uint64_t histogram_percentile(const struct histogram_view *view, double share);

/* For tests: the bucket of a value, and the greatest value of a bucket. */
size_t histogram_bucket(uint64_t us);
uint64_t histogram_top(size_t bucket);

#endif
