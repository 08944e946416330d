#include "retry.h"

#include <string.h>

#if SPOKE_WITH_REASONS

/* What a build without DPS, or without TLS, cannot meet: the rest of it goes as well. */
static bool at_dps(const struct retry_input *in)
{
    return SPOKE_WITH_DPS && in->at_dps;
}

static bool has_dps(const struct retry_input *in)
{
    return SPOKE_WITH_DPS && in->has_dps;
}

static bool dps_refused(const struct retry_input *in)
{
    return SPOKE_WITH_DPS && in->dps_refused;
}

/* --- pauses --- */

static void count_up(uint8_t *count)
{
    if (*count < UINT8_MAX)
        ++*count;
}

enum shape {
    FULL,  /* anything up to the ceiling: what many devices met at once must not bring them back at once */
    FROM,  /* never sooner than the ceiling, and up to a quarter later */
    ABOUT, /* the ceiling, a fifth more or less */
    NONE
};

static const struct rule {
    enum shape shape;
    bool firm;
    uint32_t base_ms, cap_ms; /* the ceiling doubles with each rung */
} rules[RETRY_CLASSES] = {
    [RETRY_TRANSIENT] = {FULL, false, 0, 0}, /* as configured */
    [RETRY_THROTTLED] = {FULL, true, 10000, 300000},
    [RETRY_BLOCKED] = {ABOUT, true, 300000, 300000},
    [RETRY_SERVICE] = {FULL, true, 10000, 900000},
    [RETRY_TRUST] = {FROM, false, 60000, 600000},
    [RETRY_TLS] = {FROM, false, 10000, 600000},
    [RETRY_CLOCK] = {FULL, false, 2000, 60000},
    [RETRY_CREDENTIAL] = {ABOUT, true, 60000, 3600000},
    [RETRY_CONFIGURATION] = {ABOUT, true, 3600000, 3600000},
    [RETRY_SUDDEN] = {FROM, true, 10000, 120000},
    [RETRY_REFUSED] = {ABOUT, true, 300000, 3600000},
    [RETRY_QUOTA] = {FROM, true, 120000, 900000},
    [RETRY_DUPLICATE] = {FROM, true, 30000, 600000},
    [RETRY_AT_ONCE] = {NONE, false, 0, 0},
    [RETRY_NEVER] = {NONE, false, 0, 0},
};

/* Uniform in [0, ceiling]; the high bits of `random` decide, without a division's bias worth speaking of. */
static uint32_t below(uint32_t ceiling, uint32_t random)
{
    return (uint32_t)(((uint64_t)ceiling + 1) * random >> 32);
}

static uint32_t shaped(enum shape shape, uint32_t ceiling, uint32_t random)
{
    uint32_t pause = 0;
    switch (shape) {
    case FULL:
        pause = below(ceiling, random);
        return pause > 0 ? pause : 1;
    case FROM:
        return ceiling + below(ceiling / 4, random);
    case ABOUT:
        return ceiling - ceiling / 5 + below(ceiling / 5 * 2, random);
    case NONE:
        break;
    }
    return pause;
}

static uint32_t ceiling_ms(uint32_t base_ms, uint32_t cap_ms, unsigned rung)
{
    uint64_t ceiling = base_ms;
    for (unsigned i = 0; i < rung && ceiling < cap_ms; i++)
        ceiling *= 2;
    return ceiling < cap_ms ? (uint32_t)ceiling : cap_ms;
}

/* A service that goes away takes its links along, all at the same moment: what follows a link that stood is spread. */
static uint32_t transient_ms(const struct retry *r, const struct retry_input *in, uint32_t random)
{
    uint32_t ceiling = ceiling_ms(r->min_ms, r->max_ms, r->rungs[RETRY_TRANSIENT]);
    if (in->was_connected && !at_dps(in) && r->spread_ms > ceiling)
        ceiling = r->spread_ms;
    return shaped(FULL, ceiling, random);
}

/* A service that dies just after it came back ends young links of a whole fleet. The bits that drew the pause draw this
 * part, too: both together are as even as each. */
static uint32_t spread_ms(const struct retry *r, uint32_t pause, uint32_t random)
{
    const uint32_t more = below(r->spread_ms, random);
    return more < UINT32_MAX - pause ? pause + more : UINT32_MAX;
}

static uint32_t pause_for(const struct retry *r, enum retry_class class, const struct retry_input *in,
                          uint32_t random)
{
    const struct rule *rule = &rules[class];
    if (class == RETRY_TRANSIENT)
        return transient_ms(r, in, random);
    if (class == RETRY_THROTTLED && in->retry_after_s > 0)
        return shaped(
            FROM, (in->retry_after_s < RETRY_AFTER_MAX_S ? in->retry_after_s : RETRY_AFTER_MAX_S) * 1000u, random);
    const uint32_t pause = shaped(rule->shape, ceiling_ms(rule->base_ms, rule->cap_ms, r->rungs[class]), random);
    return class == RETRY_SUDDEN ? spread_ms(r, pause, random) : pause;
}

/* --- reasons --- */

/* What DPS's own verdict stands for. */
static const struct verdict {
    spoke_reason reason;
    enum retry_class class;
} verdicts[] = {
    [SPOKE_DPS_THROTTLED] = {SPOKE_REASON_THROTTLED, RETRY_THROTTLED},
    [SPOKE_DPS_TRANSIENT] = {SPOKE_REASON_SERVICE, RETRY_TRANSIENT},
    [SPOKE_DPS_CREDENTIAL] = {SPOKE_REASON_CREDENTIAL, RETRY_CREDENTIAL},
    [SPOKE_DPS_BLOCKED] = {SPOKE_REASON_BLOCKED, RETRY_BLOCKED},
    [SPOKE_DPS_SERVICE] = {SPOKE_REASON_SERVICE, RETRY_SERVICE},
    [SPOKE_DPS_CONFIGURATION] = {SPOKE_REASON_CONFIGURATION, RETRY_CONFIGURATION},
};

static struct verdict verdict_of(spoke_dps_class class)
{
    const bool known = (unsigned)class < sizeof verdicts / sizeof verdicts[0];
    return verdicts[known ? class : SPOKE_DPS_TRANSIENT];
}

static spoke_reason dps_reason(const struct retry_input *in)
{
    const bool silent = in->dps_class == SPOKE_DPS_TRANSIENT && in->error->detail == 0; /* it did not answer */
    return silent ? SPOKE_REASON_TIMEOUT : verdict_of(in->dps_class).reason;
}

static bool certificate_refused(const struct retry_input *in)
{
    return SPOKE_WITH_TLS && in->with_certificate && !in->was_connected && in->error->status == SPOKE_E_TLS &&
           in->error->detail == RETRY_TLS_ALERT;
}

/* Only dates speak against it: then it may as well be our clock that is wrong. */
static bool dates_only(const spoke_error *error)
{
    return SPOKE_WITH_TLS && error->status == SPOKE_E_CERTIFICATE && error->source == SPOKE_SOURCE_TLS &&
           error->detail > 0 && (error->detail & ~RETRY_TLS_DATES) == 0;
}

/* CONNACK codes (MQTT 3.1.1 table 3.1). */
static spoke_reason refusal_reason(int32_t code)
{
    if (code == 3)
        return SPOKE_REASON_SERVICE;
    return code == 2 || code == 4 || code == 5 ? SPOKE_REASON_CREDENTIAL : SPOKE_REASON_PROTOCOL;
}

spoke_reason retry_reason(const struct retry_input *in)
{
    if (dps_refused(in))
        return dps_reason(in);
    if (certificate_refused(in))
        return SPOKE_REASON_CREDENTIAL;
    switch (in->error->status) {
    case SPOKE_E_DNS:
        return SPOKE_REASON_DNS;
    case SPOKE_OK: /* the link ended, and nobody knows of a fault */
    case SPOKE_E_NET:
        if (in->token_expired)
            return SPOKE_REASON_TOKEN;
        return in->was_connected ? SPOKE_REASON_PEER_CLOSED : SPOKE_REASON_NETWORK;
    case SPOKE_E_CERTIFICATE:
        return dates_only(in->error) ? SPOKE_REASON_CLOCK : SPOKE_REASON_TRUST;
    case SPOKE_E_CLOCK:
        return SPOKE_REASON_CLOCK;
    case SPOKE_E_TLS:
        return SPOKE_REASON_TLS;
    case SPOKE_E_AUTH:
        return SPOKE_REASON_CREDENTIAL;
    case SPOKE_E_REFUSED:
        return refusal_reason(in->error->detail);
    case SPOKE_E_PROVISION:
    case SPOKE_E_HUB:
        return SPOKE_REASON_SERVICE;
    case SPOKE_E_TOO_LARGE: /* a twin or a CONNECT that will not fit next time either */
    case SPOKE_E_TOO_SMALL:
    case SPOKE_E_ARG:
    case SPOKE_E_UNSUPPORTED:
        return SPOKE_REASON_CONFIGURATION;
    case SPOKE_E_PROTOCOL:
    case SPOKE_E_JSON:
        return SPOKE_REASON_PROTOCOL;
    case SPOKE_E_TIMEOUT:
        return SPOKE_REASON_TIMEOUT;
    case SPOKE_E_NO_MEMORY:
    case SPOKE_E_FULL:
    case SPOKE_E_STATE:
    case SPOKE_E_REENTRANT:
    case SPOKE_E_AGAIN:
    case SPOKE_E_NOT_FOUND:
    case SPOKE_E_PORT:
    case SPOKE_E_MODEL:
    case SPOKE_STATUS_INT32_:
        break;
    }
    return SPOKE_REASON_LOCAL;
}

/* --- classes --- */

/* The hub says 5 also to a disabled device and in short hiccups, so the first refusal only asks for a fresh token,
 * the second for a new assignment, and from then on it is slow. A certificate is as good next time as it was now, so
 * its first refusal asks for the assignment. */
static enum retry_class credential_class(struct retry *r, const struct retry_input *in)
{
    if (at_dps(in))
        return RETRY_CREDENTIAL;
    count_up(&r->hub_refusals);
    if (r->reassigned)
        return certificate_refused(in) ? RETRY_CREDENTIAL : RETRY_REFUSED;
    if (has_dps(in))
        return RETRY_TRANSIENT;
    return r->hub_refusals >= 2 || certificate_refused(in) ? RETRY_CREDENTIAL : RETRY_TRANSIENT;
}

static enum retry_class closed_class(const struct retry *r, const struct retry_input *in)
{
    if (at_dps(in))
        return in->connected_ms < RETRY_SUDDEN_MS ? RETRY_SUDDEN : RETRY_TRANSIENT;
    if (r->unheard_links >= RETRY_UNHEARD_LINKS)
        return RETRY_QUOTA;
    if (r->duplicate)
        return RETRY_DUPLICATE;
    return in->connected_ms < RETRY_SUDDEN_MS ? RETRY_SUDDEN : RETRY_TRANSIENT;
}

/* Only the program's own words; a hub that DPS named may be named better next time. */
static bool hopeless(const struct retry_input *in)
{
    const bool refused = in->error->status == SPOKE_E_ARG || in->error->status == SPOKE_E_UNSUPPORTED;
    return refused && (at_dps(in) || !has_dps(in));
}

/* Which pause follows from the reason; what the reason does not tell is in the status. */
static enum retry_class classify(struct retry *r, const struct retry_input *in, spoke_reason reason)
{
    if (dps_refused(in))
        return verdict_of(in->dps_class).class;
    switch (reason) {
    case SPOKE_REASON_TOKEN:
        return RETRY_AT_ONCE;
    case SPOKE_REASON_PEER_CLOSED:
        return closed_class(r, in);
    case SPOKE_REASON_CREDENTIAL:
        return credential_class(r, in);
    case SPOKE_REASON_CLOCK:
        return in->error->status == SPOKE_E_CLOCK ? RETRY_CLOCK : RETRY_TRUST;
    case SPOKE_REASON_TRUST:
        return RETRY_TRUST;
    case SPOKE_REASON_TLS:
        return in->was_connected ? RETRY_TRANSIENT : RETRY_TLS;
    case SPOKE_REASON_CONFIGURATION:
        return hopeless(in) ? RETRY_NEVER : RETRY_TRUST;
    case SPOKE_REASON_SERVICE: /* CONNACK 3 passes soon; a twin that cannot be had does not */
        return in->error->status == SPOKE_E_HUB ? RETRY_TRUST : RETRY_TRANSIENT;
    case SPOKE_REASON_PROTOCOL: /* a CONNACK that rules us out may be a damaged one: slow, never the end */
        return in->error->status == SPOKE_E_REFUSED ? RETRY_CREDENTIAL : RETRY_TRANSIENT;
    case SPOKE_REASON_DNS:
    case SPOKE_REASON_NETWORK:
    case SPOKE_REASON_TIMEOUT:
    case SPOKE_REASON_LOCAL:
    case SPOKE_REASON_ASKED: /* from here on: no reason to begin with */
    case SPOKE_REASON_BLOCKED:
    case SPOKE_REASON_THROTTLED:
    case SPOKE_REASON_DUPLICATE:
    case SPOKE_REASON_COUNT:
        break;
    }
    return RETRY_TRANSIENT;
}

/* --- what the life of a link tells --- */

/* A hub that serves one link for each identity ends the old one for the new one. Two programs that take turns see
 * links that stand as long as the other one pauses, so within an episode even long ones count as short, if they ended
 * in an orderly way: what a network breaks (a NAT that forgets, a radio) has an errno. */
static void judge_link(struct retry *r, const struct retry_input *in, spoke_reason reason)
{
    if (!in->was_connected || at_dps(in))
        return;
    const bool broken = in->error->status == SPOKE_E_NET && in->error->detail != 0;
    const uint64_t enough = r->duplicate && !broken ? RETRY_CALM_MS : RETRY_STABLE_MS;
    if (in->connected_ms >= enough) {
        r->short_links = 0;
        r->duplicate = false;
        r->rungs[RETRY_DUPLICATE] = 0;
    }
    if (reason != SPOKE_REASON_PEER_CLOSED)
        return;
    if (in->connected_ms < enough && in->was_subscribed)
        count_up(&r->short_links);
    if (in->unheard)
        count_up(&r->unheard_links);
    r->duplicate = r->short_links >= RETRY_SHORT_LINKS;
}

/* After a refused identity, or a hub that stayed out of reach, DPS knows whether the device has moved. */
static bool wants_dps(struct retry *r, const struct retry_input *in, enum retry_class class)
{
    if (!has_dps(in))
        return false;
    if (at_dps(in)) /* DPS itself out of reach: the hub known so far may be back, unless it had refused us */
        return !in->assigned || dps_refused(in) || r->hub_refusals > 0;
    if (in->error->status == SPOKE_E_REFUSED && r->hub_refusals >= 2)
        return true;
    if (certificate_refused(in))
        return !r->reassigned;
    const bool out_of_reach = class == RETRY_TRANSIENT || class == RETRY_TRUST || class == RETRY_TLS;
    return out_of_reach && r->hub_failures > 0 && r->hub_failures % RETRY_HUB_FAILURES == 0;
}

static void specify(struct retry_plan *plan)
{
    if (plan->class == RETRY_DUPLICATE)
        plan->reason = SPOKE_REASON_DUPLICATE;
    else if (plan->class == RETRY_QUOTA)
        plan->reason = SPOKE_REASON_THROTTLED;
}

static const char *text_of(enum retry_class class)
{
    if (SPOKE_WITH_SENTENCES && class == RETRY_DUPLICATE)
        return "the hub ends one link after the other soon after it stood: another program seems to use this "
               "device id; stop it, or give each its own";
    if (SPOKE_WITH_SENTENCES && class == RETRY_QUOTA)
        return "the hub hangs up on whatever is sent: its daily quota may be used up, or a message is not to its "
               "liking; nothing is lost, it is tried again in minutes";
    return NULL;
}

/* --- the machine --- */

void retry_init(struct retry *r, uint32_t min_ms, uint32_t max_ms, uint32_t spread_ms)
{
    memset(r, 0, sizeof *r);
    r->min_ms = min_ms;
    r->max_ms = max_ms;
    r->spread_ms = spread_ms;
}

void retry_forget(struct retry *r)
{
    retry_init(r, r->min_ms, r->max_ms, r->spread_ms);
}

struct retry_plan retry_after(struct retry *r, const struct retry_input *input, uint32_t random)
{
    const bool suspected = r->duplicate;
    const spoke_reason reason = retry_reason(input);
    judge_link(r, input, reason);
    struct retry_plan plan = {.reason = reason, .class = classify(r, input, reason)};
    if (!at_dps(input) && (plan.class == RETRY_TRANSIENT || plan.class == RETRY_TRUST || plan.class == RETRY_TLS))
        r->hub_failures = r->hub_failures < 2 * RETRY_HUB_FAILURES ? (uint8_t)(r->hub_failures + 1) : 1;
    plan.pause_ms = pause_for(r, plan.class, input, random);
    plan.provision = wants_dps(r, input, plan.class);
    plan.firm = rules[plan.class].firm;
    plan.duplicate_begins = r->duplicate && !suspected;
    plan.text = text_of(plan.class);
    specify(&plan);
    count_up(&r->rungs[plan.class]);
    return plan;
}

bool retry_troubled(const struct retry *r)
{
    for (int class = 0; class < RETRY_CLASSES; class ++)
        if (class != RETRY_DUPLICATE && class != RETRY_QUOTA && r->rungs[class] > 0)
            return true;
    return false;
}

/* Of an identity used twice, or a quota, a link that stands says nothing yet. */
void retry_stable(struct retry *r)
{
    const struct retry before = *r;
    retry_forget(r);
    r->rungs[RETRY_DUPLICATE] = before.rungs[RETRY_DUPLICATE];
    r->rungs[RETRY_QUOTA] = before.rungs[RETRY_QUOTA];
    r->short_links = before.short_links;
    r->unheard_links = before.unheard_links;
    r->duplicate = before.duplicate;
}

void retry_accepted(struct retry *r)
{
    r->hub_failures = r->hub_refusals = 0;
    r->reassigned = false;
    r->rungs[RETRY_REFUSED] = 0;
}

void retry_heard(struct retry *r)
{
    r->unheard_links = 0;
    r->rungs[RETRY_QUOTA] = 0;
}

void retry_assigned(struct retry *r)
{
    memset(r->rungs, 0, RETRY_SUDDEN); /* those of the hub stay */
    r->hub_failures = 0;
    if (r->hub_refusals > 0)
        r->reassigned = true;
}

#endif
