/* Faults that tests arm through the control area: a table of what each one takes, and the ones now armed. */
#ifndef SPOKE_SRC_CENTRAL_FAULTS_H
#define SPOKE_SRC_CENTRAL_FAULTS_H

#include <cJSON.h>
#include <spoke/base.h>

enum fault_kind {
    FAULT_DPS_REFUSE_CONNECT,   /* number: CONNACK code */
    FAULT_DPS_THROTTLE,         /* number: seconds of retry-after */
    FAULT_DPS_THROTTLE_POLL,    /* number: seconds of retry-after */
    FAULT_DPS_POLLS,            /* number: "assigning" answers */
    FAULT_REFUSE_CONNECT,       /* number: CONNACK code */
    FAULT_PUBACK_DELAY,         /* number: milliseconds */
    FAULT_DROP_PUBACK,          /* counted only */
    FAULT_DROP_AFTER_PUBLISHES, /* count: which publish of a connection; fires once */
    FAULT_TWIN_THROTTLE,        /* counted only */
    FAULT_TWIN_SILENCE,         /* counted only */
    FAULT_FRAGMENT,             /* number: bytes */
    FAULT_EXPIRE_TOKEN,         /* fires once */
    FAULT_ASSIGN_HUB,           /* text: host; fires once */
    FAULT_DPS_SILENCE,          /* counted only */
    FAULT_SWALLOW,              /* text: "up", "down", "both"; NULL: both */
    FAULT_CONNACK_SILENCE,      /* counted only */
    FAULT_CONNACK_DELAY,        /* number: milliseconds */
    FAULT_CLOSE_AFTER_CONNACK,  /* number: milliseconds */
    FAULT_CLOSE_ON_PUBLISH,     /* counted only */
    FAULT_DUPLICATE_PUBACK,     /* counted only */
    FAULT_WRONG_PUBACK_ID,      /* counted only */
    FAULT_PING_SILENCE,         /* counted only */
    FAULT_DESIRED_DUPLICATE,    /* counted only */
    FAULT_DESIRED_REORDER,      /* counted only */
    FAULT_DESIRED_DROP,         /* counted only */
    FAULT_BLOCK_DEVICE,         /* as long as it is armed */
    FAULT_KINDS
};

struct fault {
    bool armed, has_number;
    uint32_t count, number;
    char *device_id; /* NULL: every device */
    char *text;
};

struct faults {
    struct fault of[FAULT_KINDS];
};

void faults_clear(struct faults *f);
/* All or nothing. E_ARG: why names the member. */
spoke_status faults_put(struct faults *f, const cJSON *tree, char *why, size_t why_cap);
/* What is armed, in the shape that faults_put takes. NULL: no memory. */
cJSON *faults_get(const struct faults *f);

/* The fault when it is armed for this device (NULL: one that has no name yet); else NULL. */
const struct fault *fault_armed(const struct faults *f, enum fault_kind kind, const char *device_id);
/* Uses up one of a counted fault. False: not armed. *out, when given, is what it was armed with,
 * without its texts. */
bool fault_take(struct faults *f, enum fault_kind kind, const char *device_id, struct fault *out);
/* Is the way of these bytes swallowed? up: from the device to the service. */
bool fault_swallows(const struct faults *f, bool up, const char *device_id);
/* Disarms one. */
void fault_spent(struct faults *f, enum fault_kind kind);

#endif
