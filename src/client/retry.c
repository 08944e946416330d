#include "retry.h"

#include <string.h>

#include "base/backoff.h"

/* Uniform in [0, ceiling]; the high bits of `random` decide, without a division's bias worth speaking of. */
static uint32_t below(uint32_t ceiling, uint32_t random)
{
    return (uint32_t)(((uint64_t)ceiling + 1) * random >> 32);
}

/* Around `middle`, a fifth more or less: a fleet that was refused together must not come back together. */
static uint32_t about(uint32_t middle, uint32_t random)
{
    return middle - middle / 5 + below(middle / 5 * 2, random);
}

/* Never sooner than `least`, and not all together after it. */
static uint32_t from(uint32_t least, uint32_t random)
{
    return least + below(least / 4, random);
}

/* Minutes that double, without full jitter: a refused credential must not be tried again at once. */
static uint32_t slow(uint32_t in_a_row, uint32_t random)
{
    const uint32_t doublings = in_a_row < 6 ? in_a_row : 6;
    const uint32_t minutes = UINT32_C(1) << doublings;
    return about((minutes < 60 ? minutes : 60) * 60000u, random);
}

static enum retry_class dps_class(const struct retry_input *in)
{
    switch (in->dps_class) {
    case SPOKE_DPS_THROTTLED:
        return RETRY_THROTTLED;
    case SPOKE_DPS_TRANSIENT:
        return RETRY_TRANSIENT;
    case SPOKE_DPS_CREDENTIAL:
        return RETRY_CREDENTIAL;
    case SPOKE_DPS_BLOCKED:
        return RETRY_BLOCKED;
    case SPOKE_DPS_SERVICE:
        return RETRY_SERVICE;
    case SPOKE_DPS_CONFIGURATION:
        return RETRY_CONFIGURATION;
    }
    return RETRY_TRANSIENT;
}

/* CONNACK codes (MQTT 3.1.1 table 3.1). The hub says 5 also to a disabled device and in short hiccups, so the
 * first refusal only asks for a fresh token, the second for a new assignment, and from then on it is slow. */
static enum retry_class refusal_class(struct retry *r, const struct retry_input *in)
{
    const int32_t code = in->error->detail;
    if (code == 1)
        return RETRY_NEVER;
    if (code == 3)
        return RETRY_TRANSIENT;
    if (in->at_dps)
        return RETRY_CREDENTIAL;
    r->hub_refusals++;
    if (r->reassigned)
        return RETRY_BLOCKED;
    return r->hub_refusals >= 2 && !in->has_dps ? RETRY_CREDENTIAL : RETRY_TRANSIENT;
}

static bool certificate_refused(const struct retry_input *in)
{
    return in->with_certificate && !in->was_connected && in->error->status == SPOKE_E_TLS &&
           in->error->detail == RETRY_TLS_ALERT;
}

/* To DPS once, soon; with its answer, or at DPS itself, slowly. */
static enum retry_class certificate_class(struct retry *r, const struct retry_input *in)
{
    if (in->at_dps)
        return RETRY_CREDENTIAL;
    r->hub_refusals++;
    return in->has_dps && !r->reassigned ? RETRY_TRANSIENT : RETRY_CREDENTIAL;
}

static enum retry_class closed_class(const struct retry_input *in)
{
    if (in->token_expired)
        return RETRY_AT_ONCE;
    return in->was_connected && in->connected_ms < RETRY_SUDDEN_MS ? RETRY_SUDDEN : RETRY_TRANSIENT;
}

static enum retry_class classify(struct retry *r, const struct retry_input *in)
{
    if (in->dps_refused)
        return dps_class(in);
    if (certificate_refused(in))
        return certificate_class(r, in);
    switch (in->error->status) {
    case SPOKE_E_CLOCK:
        return RETRY_CLOCK;
    case SPOKE_E_CERTIFICATE:
        return RETRY_TRUST;
    case SPOKE_E_REFUSED:
        return refusal_class(r, in);
    case SPOKE_E_TOO_LARGE: /* a twin or a CONNECT that will not fit next time either */
    case SPOKE_E_TOO_SMALL:
    case SPOKE_E_HUB:
        return RETRY_TRUST;
    case SPOKE_E_ARG:
    case SPOKE_E_UNSUPPORTED:
        return RETRY_NEVER;
    case SPOKE_OK:
    case SPOKE_E_NO_MEMORY:
    case SPOKE_E_FULL:
    case SPOKE_E_STATE:
    case SPOKE_E_REENTRANT:
    case SPOKE_E_TIMEOUT:
    case SPOKE_E_AGAIN:
    case SPOKE_E_NOT_FOUND:
    case SPOKE_E_PORT:
    case SPOKE_E_DNS:
    case SPOKE_E_NET:
    case SPOKE_E_TLS:
    case SPOKE_E_PROTOCOL:
    case SPOKE_E_PROVISION:
    case SPOKE_E_AUTH:
    case SPOKE_E_JSON:
    case SPOKE_E_MODEL:
    case SPOKE_STATUS_INT32_:
        return closed_class(in);
    }
    return RETRY_TRANSIENT;
}

static uint32_t pause_for(const struct retry *r, enum retry_class class, const struct retry_input *in,
                          uint32_t random)
{
    struct backoff p = {.attempts = r->in_a_row};
    switch (class) {
    case RETRY_TRANSIENT:
        p.base_ms = r->min_ms;
        p.cap_ms = r->max_ms;
        break;
    case RETRY_THROTTLED:
        if (in->retry_after_s > 0)
            return from(in->retry_after_s * 1000u, random);
        p.base_ms = 10000;
        p.cap_ms = 300000;
        break;
    case RETRY_SERVICE:
        p.base_ms = 10000;
        p.cap_ms = 900000;
        break;
    case RETRY_TRUST:
        return from(r->in_a_row < 4 ? 60000u << r->in_a_row : 600000u, random);
    case RETRY_CLOCK:
        p.base_ms = 2000;
        p.cap_ms = 60000;
        break;
    case RETRY_SUDDEN:
        return from(r->in_a_row < 4 ? 10000u << r->in_a_row : 120000u, random);
    case RETRY_CREDENTIAL:
        return slow(r->in_a_row, random);
    case RETRY_BLOCKED:
        return about(300000u, random);
    case RETRY_CONFIGURATION:
        return about(3600000u, random);
    case RETRY_AT_ONCE:
    case RETRY_NEVER:
        return 0;
    }
    return backoff_next_ms(&p, random);
}

/* After a refused identity, or a hub that stayed out of reach, DPS knows whether the device has moved. */
static bool wants_dps(struct retry *r, const struct retry_input *in, enum retry_class class)
{
    if (!in->has_dps)
        return false;
    if (in->at_dps) /* DPS itself out of reach: the hub known so far may be back, unless it had refused us */
        return !in->assigned || in->dps_refused || r->hub_refusals > 0;
    if (in->error->status == SPOKE_E_REFUSED && r->hub_refusals >= 2)
        return true;
    if (certificate_refused(in))
        return !r->reassigned;
    return class == RETRY_TRANSIENT && r->hub_failures > 0 && r->hub_failures % RETRY_HUB_FAILURES == 0;
}

void retry_init(struct retry *r, uint32_t min_ms, uint32_t max_ms)
{
    memset(r, 0, sizeof *r);
    r->min_ms = min_ms;
    r->max_ms = max_ms;
}

struct retry_plan retry_after(struct retry *r, const struct retry_input *input, uint32_t random)
{
    const enum retry_class class = classify(r, input);
    if (class != r->last)
        r->in_a_row = 0;
    r->last = class;
    if (!input->at_dps && class == RETRY_TRANSIENT)
        r->hub_failures++;
    const struct retry_plan plan = {
        .class = class, .pause_ms = pause_for(r, class, input, random), .provision = wants_dps(r, input, class)};
    r->in_a_row++;
    return plan;
}

void retry_stable(struct retry *r)
{
    retry_init(r, r->min_ms, r->max_ms);
}

void retry_accepted(struct retry *r)
{
    r->hub_failures = r->hub_refusals = 0;
    r->reassigned = false;
}

void retry_assigned(struct retry *r)
{
    r->in_a_row = 0;
    r->hub_failures = 0;
    if (r->hub_refusals > 0)
        r->reassigned = true;
}
