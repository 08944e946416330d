#include "limits.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US 1000000u
#define MINUTE_US 60000000u
#define MOST 1000000u

/* The numbers of IoT Central's page of quotas and limits. */
static const struct {
    const char *name;
    uint32_t central;
    uint32_t window_us; /* of a rate; 0: it is a number */
} LIMITS[LIMIT_COUNT] = {
    [LIMIT_REQUESTS] = {"requests", 20, SECOND_US},
    [LIMIT_QUERIES] = {"queries", 1, SECOND_US},
    [LIMIT_COMMANDS] = {"commands", 20, SECOND_US},
    [LIMIT_PROPERTIES] = {"properties", 100, SECOND_US},
    [LIMIT_REGISTRATIONS] = {"registrations", 200, MINUTE_US},
    [LIMIT_DEVICES] = {"devices", 200000, 0},
    [LIMIT_SIMULATED] = {"simulatedDevices", 100, 0},
};

static spoke_status override(spoke_str text, struct limits *out, char *why, size_t why_cap)
{
    spoke_str name, number;
    uint32_t value = 0;
    const bool pair = spoke_str_cut(text, '=', &name, &number);
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (!spoke_str_equal(name, spoke_str_of(LIMITS[i].name)))
            continue;
        if (!pair || spoke_str_u32(number, &value) != SPOKE_OK || value > MOST) {
            (void)snprintf(why, why_cap, "%s wants a number up to %u behind =", LIMITS[i].name, MOST);
            return SPOKE_E_ARG;
        }
        out->most[i] = value;
        return SPOKE_OK;
    }
    (void)snprintf(why, why_cap,
                   "\"%.*s\" is not a limit; there are requests, queries, commands, properties, registrations, "
                   "devices and "
                   "simulatedDevices",
                   name.len > 40 ? 40 : (int)name.len, name.len > 0 ? name.ptr : "");
    return SPOKE_E_ARG;
}

spoke_status limits_parse(const char *text, struct limits *out, char *why, size_t why_cap)
{
    spoke_str profile, rest = {NULL, 0};
    spoke_status status = SPOKE_OK;
    memset(out, 0, sizeof *out);
    if (text == NULL)
        return SPOKE_OK;
    bool more = spoke_str_cut(spoke_str_of(text), ',', &profile, &rest);
    if (!spoke_str_equal(profile, SPOKE_STR("central-limits"))) {
        (void)snprintf(why, why_cap,
                       "the profile is central-limits, with overrides such as ,requests=5 behind it");
        return SPOKE_E_ARG;
    }
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        out->most[i] = LIMITS[i].central;
    while (more && status == SPOKE_OK) {
        spoke_str one, tail = {NULL, 0};
        more = spoke_str_cut(rest, ',', &one, &tail);
        rest = tail;
        status = override(one, out, why, why_cap);
    }
    return status;
}

/* Each one admitted uses up its part of the window; what is used up ahead of time is a window at most. */
bool limits_admit(struct limits *l, enum limit which, uint64_t now_ms, uint32_t *wait_s)
{
    const uint64_t now_us = now_ms * 1000;
    if (l->most[which] == 0)
        return true;
    const uint64_t window_us = LIMITS[which].window_us, part_us = window_us / l->most[which];
    const uint64_t spent = l->spent[which] > now_us ? l->spent[which] : now_us;
    if (spent + part_us > now_us + window_us) {
        *wait_s = (uint32_t)((spent + part_us - now_us - window_us + SECOND_US - 1) / SECOND_US);
        return false;
    }
    l->spent[which] = spent + part_us;
    return true;
}
