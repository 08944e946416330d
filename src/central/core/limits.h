/* What an application may ask for: rates and numbers, as a profile says. Without one nothing is limited.
 *
 *     limits_parse(SPOKE_STR("central-limits,requests=5"), &limits, why, sizeof why)
 *     if (!limits_admit(&limits, LIMIT_REQUESTS, now_ms, &wait_s)) ... 429, Retry-After: wait_s */
#ifndef SPOKE_SRC_CENTRAL_LIMITS_H
#define SPOKE_SRC_CENTRAL_LIMITS_H

#include <spoke/base.h>

enum limit {
    LIMIT_REQUESTS, /* a second, of what is not one of the next three */
    LIMIT_QUERIES,
    LIMIT_COMMANDS,
    LIMIT_PROPERTIES,    /* changes of properties */
    LIMIT_REGISTRATIONS, /* at DPS, a minute */
    LIMIT_DEVICES,       /* that there are */
    LIMIT_SIMULATED,
    LIMIT_COUNT
};

struct limits {
    uint32_t most[LIMIT_COUNT];  /* 0: any */
    uint64_t spent[LIMIT_COUNT]; /* of rates: until when what was admitted has used the rate up, in us */
};

/* "central-limits", and overrides behind commas: "requests=5", where 0 takes a limit away. NULL: no limits. E_ARG and a
 * sentence in why. */
spoke_status limits_parse(const char *text, struct limits *out, char *why, size_t why_cap);
/* One more of a rate. False: too many within its time; *wait_s: whole seconds until one may come, from 1. */
bool limits_admit(struct limits *l, enum limit which, uint64_t now_ms, uint32_t *wait_s);

#endif
