/* What a device was promised, held against what the service has.
 *
 *     ledger_offered(l, n, priority);   before the send; n rises from message to message
 *     ledger_outcome(l, n, SPOKE_OK);   on_sent said so
 *     ledger_arrived(l, n, "mid", 1);   for each message in the service, in its order
 *     ledger_check(l, 0)                after the last one
 *
 * Claims: what was accepted arrived, or was told as dropped; what was told as delivered arrived; nothing arrived that
 * was refused; first arrivals of one priority are in order of acceptance; copies bear one message id, and what bears one
 * message id has one content: who drops copies by it loses nothing. */
#ifndef SPOKE_TESTS_LEDGER_H
#define SPOKE_TESTS_LEDGER_H

#include <spoke/client.h>

enum ledger_fate {
    LEDGER_UNKNOWN, /* n was never offered */
    LEDGER_REFUSED,
    LEDGER_UNSURE, /* offered while power went: both is fine */
    LEDGER_ACCEPTED,
    LEDGER_DELIVERED, /* told so */
    LEDGER_DROPPED    /* told so */
};

struct ledger_entry {
    enum ledger_fate fate;
    spoke_priority priority;
    uint32_t copies;
    char id[40];    /* message id of the first copy; "" when it bore none */
    char group[40]; /* of the first message that this one was the first reading of, and how many it had */
    uint32_t members;
};

#define LEDGER_PRIORITIES 3

struct ledger {
    struct ledger_entry *entries;     /* by n */
    uint32_t capacity;                /* n is below it */
    bool with_ids;                    /* every message has to bear a message id */
    bool regroups;                    /* a restart may join readings in other batches, with other message ids */
    uint32_t last[LEDGER_PRIORITIES]; /* highest n whose first copy arrived, plus 1 */
    char why[160];                    /* the first broken claim; "" when there is none */
    /* figures, complete after ledger_check */
    uint32_t accepted, refused, unsure, delivered, dropped, copies, lost;
};

/* Heap for messages 0 to capacity - 1. False: no memory. */
bool ledger_init(struct ledger *l, uint32_t capacity);
void ledger_free(struct ledger *l);
/* Before the send: its outcome may be told before it returns. */
void ledger_offered(struct ledger *l, uint32_t n, spoke_priority priority);
/* The send failed: it is not accepted (REFUSED), or power went meanwhile (UNSURE). */
void ledger_not_accepted(struct ledger *l, uint32_t n, enum ledger_fate fate);
void ledger_outcome(struct ledger *l, uint32_t n, spoke_status outcome);
/* All queued ones may be gone: the device lost power, and had them in RAM only. */
void ledger_forget_waiting(struct ledger *l);
/* members: how many readings that message has, this one being the first of them; 0: it is a later one. */
void ledger_arrived(struct ledger *l, uint32_t n, const char *message_id, uint32_t members);
/* untold: drops that were counted, but whose telling the power cut took along. False: a claim is broken, l->why. */
bool ledger_check(struct ledger *l, uint32_t untold);

#endif
