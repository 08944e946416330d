/* Which trouble asks for which pause, and for a new registration or not (docs/protocol.md, "Retry"). Pure. */
#ifndef SPOKE_SRC_CLIENT_RETRY_H
#define SPOKE_SRC_CLIENT_RETRY_H

#include <spoke/base.h>
#include <spoke/proto/dps.h>

#define RETRY_STABLE_MS 60000u    /* connected that long: earlier failures no longer count */
#define RETRY_HUB_FAILURES 10u    /* in a row, then the hub is asked for anew */
#define RETRY_TLS_ALERT (-0x7780) /* mbedTLS: the peer ended TLS with a fatal alert */
#define RETRY_SUDDEN_MS 2000u     /* closed sooner after CONNACK: misuse, or another program with our identity */

enum retry_class {
    RETRY_TRANSIENT,     /* back off as configured */
    RETRY_THROTTLED,     /* base 10 s, cap 5 min */
    RETRY_BLOCKED,       /* the operator decides: 5 min, a fifth more or less */
    RETRY_SERVICE,       /* the service's configuration: base 10 s, cap 15 min */
    RETRY_TRUST,         /* certificate or clock: base 60 s, cap 10 min */
    RETRY_CLOCK,         /* the clock is not set: base 2 s, cap 60 s */
    RETRY_CREDENTIAL,    /* 1, 2, 4 .. 60 min */
    RETRY_CONFIGURATION, /* scope or enrolment unknown: 60 min, a fifth more or less */
    RETRY_SUDDEN,        /* base 10 s, cap 2 min */
    RETRY_AT_ONCE,       /* expected: an expired token, a changed assignment */
    RETRY_NEVER          /* waiting cannot help */
};

/* What happened, as far as the decision needs it. */
struct retry_input {
    const spoke_error *error;
    bool at_dps;           /* else at the hub */
    bool was_connected;    /* a CONNACK 0 had come */
    uint64_t connected_ms; /* how long ago */
    bool token_expired;
    bool with_certificate;  /* that is our credential: TLS is where it is refused */
    bool has_dps, assigned; /* a hub is known already */
    bool dps_refused;       /* the DPS machine's own verdict: dps_class and retry_after_s */
    spoke_dps_class dps_class;
    uint32_t retry_after_s;
};

struct retry {               /* failures so far */
    uint32_t min_ms, max_ms; /* of RETRY_TRANSIENT */
    uint32_t in_a_row;       /* of the present class, for its back-off */
    enum retry_class last;
    uint32_t hub_failures; /* since the hub last stayed connected */
    uint32_t hub_refusals; /* CONNACK 2, 4, 5, or a TLS alert about our certificate, in a row */
    bool reassigned;       /* DPS was asked since the first of them */
};

struct retry_plan {
    enum retry_class class;
    uint32_t pause_ms;
    bool provision; /* ask DPS for the hub again */
};

void retry_init(struct retry *r, uint32_t min_ms, uint32_t max_ms);
struct retry_plan retry_after(struct retry *r, const struct retry_input *input, uint32_t random);
/* CONNACK 0 from the hub: it knows us, and it can be reached. */
void retry_accepted(struct retry *r);
/* The link was READY for RETRY_STABLE_MS. */
void retry_stable(struct retry *r);
/* DPS answered: the next refusal of the hub is its word against DPS's. */
void retry_assigned(struct retry *r);

#endif
