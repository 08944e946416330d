/* Credentials that were not accepted, by the address that they came from: who goes on guessing has to wait.
 *
 *     if (guesses_wait_ms(&guesses, address, cost_ms, now_ms) > 0) ... not now
 *     guesses_charge(&guesses, address, cost_ms, now_ms);
 *
 * Each one uses up some of the time of its address; burst_ms of that may be used up ahead. Together they use up a share
 * of that from the time of all. What has no address (the process itself) does not count. */
#ifndef SPOKE_SRC_CENTRAL_GUESSES_H
#define SPOKE_SRC_CENTRAL_GUESSES_H

#include <spoke/base.h>

#define GUESSES_ADDRESSES 64u     /* remembered; the one that was quiet longest makes room */
#define GUESSES_ADDRESS_BYTES 16u /* at most */

struct guesser {
    char address[GUESSES_ADDRESS_BYTES];
    size_t len;
    uint64_t spent_ms; /* until when what failed has used up the rate */
};

struct guesses {
    uint32_t burst_ms;
    uint32_t share; /* of all together each costs cost_ms / share; 0: only addresses count */
    uint64_t all_spent_ms;
    struct guesser of[GUESSES_ADDRESSES];
};

/* Until one of this cost may come; 0: now. */
uint64_t guesses_wait_ms(const struct guesses *g, spoke_str address, uint32_t cost_ms, uint64_t now_ms);
/* One failed; more than burst_ms ahead if need be: what was done already has its price. */
void guesses_charge(struct guesses *g, spoke_str address, uint32_t cost_ms, uint64_t now_ms);

#endif
