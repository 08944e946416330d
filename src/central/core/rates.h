/* How many CONNECTs the hub sees in a second, and the most that it takes. */
#ifndef SPOKE_SRC_CENTRAL_RATES_H
#define SPOKE_SRC_CENTRAL_RATES_H

#include <cJSON.h>
#include <spoke/base.h>

#define RATES_KEPT_S 600u  /* seconds with connects that are shown */
#define RATES_SLICES 10u   /* the moving second counts in tenths */
#define RATES_MOST 100000u /* largest limit */

struct rate_second {
    int64_t unix_s;
    uint32_t connects, refused;
};

struct rates {
    uint32_t limit;     /* accepted in any 1,000 ms; 0: all */
    uint64_t *accepted; /* when, of the last `limit`, a ring; monotonic ms + 1, 0: never */
    size_t oldest;
    /* what came, refused ones included */
    uint64_t connects, refused;
    uint32_t slices[RATES_SLICES];
    uint64_t slice; /* number of the newest */
    uint32_t peak;
    int64_t peak_ms; /* UTC */
    struct rate_second seconds[RATES_KEPT_S];
    size_t second_at, second_count;
};

/* E_NO_MEMORY. limit at most RATES_MOST. */
spoke_status rates_init(struct rates *r, uint32_t limit);
void rates_fini(struct rates *r);
/* A CONNECT came. False: it is one too many. */
bool rates_admit(struct rates *r, uint64_t now_ms, int64_t unix_ms);
void rates_forget(struct rates *r); /* what came; not the limit */
cJSON *rates_get(const struct rates *r);

#endif
