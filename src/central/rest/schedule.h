/* When a scheduled job runs: every day, week or month from a start on, in UTC, which knows no summer time. Pure. */
#ifndef SPOKE_SRC_CENTRAL_SCHEDULE_H
#define SPOKE_SRC_CENTRAL_SCHEDULE_H

#include <spoke/base.h>

enum schedule_recurrence { SCHEDULE_ONCE, SCHEDULE_DAILY, SCHEDULE_WEEKLY, SCHEDULE_MONTHLY };

struct schedule {
    int64_t start_ms; /* UTC */
    enum schedule_recurrence recurrence;
    int64_t end_ms;       /* the last moment that counts; 0: no end */
    uint32_t occurrences; /* in all; 0: any number */
};

#define SCHEDULE_NEVER INT64_MAX

/* The first occurrence at or after the moment; SCHEDULE_NEVER: there is none any more. A month that has no such day has
 * its last one instead. */
int64_t schedule_next(const struct schedule *s, int64_t at_or_after_ms);

#endif
