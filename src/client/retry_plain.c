#include "retry.h"

#if !SPOKE_WITH_REASONS

/* The policy in short: one ladder for all troubles, with full jitter. Only READY for RETRY_STABLE_MS leads back to its
 * foot, so that links which end soon climb it, too. */

#define TOP 32u             /* rungs: a base of 1 ms has reached any ceiling there */
#define REFUSAL_FAILURES 5u /* that a refusal counts for: the second in a row asks DPS */

/* What will be said again in a second. */
static bool lasts(spoke_status status)
{
    return status == SPOKE_E_REFUSED || status == SPOKE_E_PROVISION || status == SPOKE_E_CERTIFICATE ||
           status == SPOKE_E_HUB || status == SPOKE_E_TOO_LARGE;
}

/* After refusals, or a hub that stayed out of reach, DPS knows whether the device has moved. */
static bool wants_dps(struct retry *r, const struct retry_input *in)
{
    if (!SPOKE_WITH_DPS || !in->has_dps)
        return false;
    if (in->at_dps) /* DPS itself out of reach: the hub known so far may be back */
        return !in->assigned || in->dps_refused;
    r->hub_failures = (uint8_t)(r->hub_failures + (in->error->status == SPOKE_E_REFUSED ? REFUSAL_FAILURES : 1));
    if (r->hub_failures < RETRY_HUB_FAILURES)
        return false;
    r->hub_failures = 0;
    return true;
}

void retry_init(struct retry *r, uint32_t min_ms, uint32_t max_ms, uint32_t spread_ms)
{
    (void)spread_ms; /* of the first attempt alone */
    *r = (struct retry){.ladder = {.base_ms = min_ms, .cap_ms = max_ms}};
}

void retry_forget(struct retry *r)
{
    r->ladder.attempts = r->hub_failures = 0;
}

struct retry_plan retry_after(struct retry *r, const struct retry_input *in, uint32_t random)
{
    struct retry_plan plan = {.class = RETRY_TRANSIENT, .provision = wants_dps(r, in)};
    if (in->token_expired)
        return plan;
    if (lasts(in->error->status))
        r->ladder.attempts = TOP;
    plan.pause_ms = backoff_next_ms(&r->ladder, random);
    if (SPOKE_WITH_DPS && in->retry_after_s > 0) {
        const uint32_t asked_s = in->retry_after_s < RETRY_AFTER_MAX_S ? in->retry_after_s : RETRY_AFTER_MAX_S;
        plan.firm = true;
        plan.pause_ms = asked_s * 1000 + plan.pause_ms; /* never sooner, and not all together */
    }
    return plan;
}

bool retry_troubled(const struct retry *r)
{
    return r->ladder.attempts > 0;
}

void retry_stable(struct retry *r)
{
    retry_forget(r);
}

void retry_accepted(struct retry *r)
{
    r->hub_failures = 0;
}

void retry_assigned(struct retry *r)
{
    r->hub_failures = 0;
}

void retry_heard(struct retry *r)
{
    (void)r;
}

#endif
