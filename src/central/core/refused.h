/* Requests that were refused for their credential, an API token or a device's: who goes on guessing waits for each
 * answer.
 *
 *     return refused_answer(core, request->address, &response, done, user);
 *
 * Of one address (of IPv6: of its network) 20 are answered at once, and two more a second; each of the others is
 * answered a second later, as long as no more than 32 wait: guessers should not take all connections. Only refusals
 * wait: a good credential is never held up, whatever comes from its address. */
#ifndef SPOKE_SRC_CENTRAL_REFUSED_H
#define SPOKE_SRC_CENTRAL_REFUSED_H

#include "core.h"

/* Calls done, now or later; then the response was copied, and the ticket is returned. 0: it was answered. */
uint64_t refused_answer(struct core *c, spoke_str address, const struct core_response *response, core_done_fn done,
                        void *user);
/* False: it does not wait here. */
bool refused_cancel(struct core *c, uint64_t ticket);
void refused_free(struct core *c);

#endif
