/* What a fleet says of itself: a line while it runs, a summary, the same for programs. */
#ifndef SPOKE_SRC_FLEET_REPORT_H
#define SPOKE_SRC_FLEET_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "fleet/counters.h"
#include "fleet/histogram.h"
#include "fleet/troubles.h"

/* All counters of all threads at one moment. */
struct report_look {
    uint64_t at_us;
    uint64_t value[COUNT_END];
    struct histogram_view latency;
};

struct report_totals {
    struct report_look look; /* when sending stopped */
    uint64_t undelivered;
    double seconds, send_seconds; /* of all; from the first message on */
    uint32_t devices;
    const char *model, *target;
    double cpu_s;
    uint64_t most_rss_bytes;
    bool well;
};

/* One line, as of the time between two looks, without its end. */
void report_progress(FILE *out, double second, const struct report_look *before, const struct report_look *now);
void report_csv_head(FILE *out);
void report_csv(FILE *out, double second, const struct report_look *before, const struct report_look *now);
void report_summary(FILE *out, const struct report_totals *totals, struct troubles *troubles);
void report_json(FILE *out, const struct report_totals *totals, struct troubles *troubles);

#endif
