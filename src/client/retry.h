/* The connection policy: which trouble it is, which pause it asks for, and whether DPS is to be asked for the hub
 * again (docs/protocol.md, "Retry"). Pure: what happened and 32 random bits go in, a plan comes out.
 *
 *     struct retry_plan plan = retry_after(&r, &what_happened, random_u32(c));
 *
 * retry.c has a pause for each kind of trouble. retry_plain.c stands in its place in a build without REASONS and looks
 * only at what is marked so. */
#ifndef SPOKE_SRC_CLIENT_RETRY_H
#define SPOKE_SRC_CLIENT_RETRY_H

#include <spoke/base.h>
#include <spoke/features.h>
#include <spoke/proto/dps.h>
#include <spoke/stats.h>

#include "base/backoff.h"

#define RETRY_STABLE_MS 60000u    /* READY that long: earlier failures no longer count */
#define RETRY_HUB_FAILURES 10u    /* in a row, then DPS is asked whether the device has another hub */
#define RETRY_AFTER_MAX_S 3600u   /* whatever the service says */
#define RETRY_TLS_ALERT (-0x7780) /* mbedTLS: the peer ended TLS with a fatal alert */
#define RETRY_TLS_DATES 0x0201    /* mbedTLS's verdicts on a certificate: expired, not valid yet */
#define RETRY_SUDDEN_MS 2000u     /* closed sooner after CONNACK: misuse, or another program with our identity */
#define RETRY_SHORT_LINKS 3u      /* ended by the hub within RETRY_STABLE_MS, in a row: another program */
#define RETRY_CALM_MS 1200000u    /* a link that stood so long ends that suspicion: twice its longest pause */
#define RETRY_UNHEARD_LINKS 3u    /* ended by the hub before it acknowledged anything, in a row: quota */

/* Which pause. Those of the hub come last: DPS's answer says nothing about them. */
enum retry_class {
    RETRY_TRANSIENT,     /* full jitter, as configured */
    RETRY_THROTTLED,     /* as long as the service says; else full jitter, 10 s to 5 min */
    RETRY_BLOCKED,       /* the operator decides: about 5 min */
    RETRY_SERVICE,       /* the service's configuration: full jitter, 10 s to 15 min */
    RETRY_TRUST,         /* certificate or clock, or what will not fit: from 1 min to 10 min */
    RETRY_TLS,           /* what answers does not speak our TLS: from 10 s to 10 min */
    RETRY_CLOCK,         /* the clock is not set: full jitter, 2 s to 60 s; nothing is dialled */
    RETRY_CREDENTIAL,    /* about 1, 2, 4 .. 60 min */
    RETRY_CONFIGURATION, /* scope or enrolment unknown: about 60 min */
    RETRY_SUDDEN,        /* from 10 s to 2 min, and the spread on top */
    RETRY_REFUSED,       /* by the hub that DPS has just assigned: about 5, 10, 20 .. 60 min */
    RETRY_QUOTA,         /* the hub hangs up on whatever is sent: from 2 min to 15 min */
    RETRY_DUPLICATE,     /* another program with this identity: from 30 s to 10 min */
    RETRY_AT_ONCE,       /* expected: an expired token */
    RETRY_NEVER,         /* the configuration cannot work */
    RETRY_CLASSES
};

/* What happened, as far as the decision needs it. */
struct retry_input {
    const spoke_error *error; /* plain */
    bool at_dps;              /* plain; else at the hub */
    bool was_connected;       /* a CONNACK 0 had come */
    bool was_subscribed;      /* and the SUBACK: the service had taken us on */
    bool unheard;             /* telemetry was sent, and nothing on this link was ever acknowledged */
    uint64_t connected_ms;    /* since the CONNACK */
    bool token_expired;       /* plain */
    bool with_certificate;    /* that is our credential: TLS is where it is refused */
    bool has_dps, assigned;   /* plain; a hub is known already */
    bool dps_refused;         /* plain; the DPS machine's own verdict: dps_class and retry_after_s */
    spoke_dps_class dps_class;
    uint32_t retry_after_s; /* plain */
};

#if SPOKE_WITH_REASONS
struct retry {                    /* the past, as far as it counts */
    uint32_t min_ms, max_ms;      /* of RETRY_TRANSIENT */
    uint32_t spread_ms;           /* what follows a link that stood is spread over it */
    uint8_t rungs[RETRY_CLASSES]; /* failures of that class: how far its ladder was climbed */
    uint8_t hub_failures;         /* since the hub last accepted us */
    uint8_t hub_refusals;         /* CONNACK 2, 4, 5, or a TLS alert about our certificate, in a row */
    uint8_t short_links;          /* see RETRY_SHORT_LINKS */
    uint8_t unheard_links;        /* see RETRY_UNHEARD_LINKS */
    bool duplicate;               /* an episode: another program is thought to use this identity */
    bool reassigned;              /* DPS was asked since the first of hub_refusals */
};
#else
struct retry { /* retry_plain.c */
    struct backoff ladder;
    uint8_t hub_failures; /* since the hub last accepted us */
};
#endif

struct retry_plan {
    enum retry_class class;
    spoke_reason reason;
    uint32_t pause_ms;
    bool provision;        /* ask DPS for the hub again */
    bool firm;             /* the service asked for the pause: a better network does not shorten it */
    bool duplicate_begins; /* once for each episode */
    const char *text;      /* says more than the error's own; NULL: it says enough */
};

void retry_init(struct retry *r, uint32_t min_ms, uint32_t max_ms, uint32_t spread_ms);
/* Another hub, another identity: nothing of the past counts. */
void retry_forget(struct retry *r);
struct retry_plan retry_after(struct retry *r, const struct retry_input *input, uint32_t random);
/* CONNACK 0 from the hub: it knows us, and it can be reached. */
void retry_accepted(struct retry *r);
/* The link was READY for RETRY_STABLE_MS. */
void retry_stable(struct retry *r);
/* retry_stable would change something. */
bool retry_troubled(const struct retry *r);
/* The hub acknowledged something: it takes what we send. */
void retry_heard(struct retry *r);
/* DPS answered: the next refusal of the hub is its word against DPS's. */
void retry_assigned(struct retry *r);

#if SPOKE_WITH_REASONS
/* Why an attempt failed or a link ended, without regard to what came before. */
spoke_reason retry_reason(const struct retry_input *in);
#endif

#endif
