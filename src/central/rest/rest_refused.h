/* Requests that were refused for their token: who goes on guessing waits for each answer.
 *
 *     if (reply.status == 401 && rest_refused_later(&call)) return call.ticket;
 *
 * Of one address (of IPv6: of its network) 20 are answered at once, and two more a second; each of the others is
 * answered a second later, as long as no more than 32 wait: guessers should not take all connections. Only refusals
 * wait: a good token is never held up, whatever comes from its address. */
#ifndef SPOKE_SRC_CENTRAL_REST_REFUSED_H
#define SPOKE_SRC_CENTRAL_REST_REFUSED_H

#include "rest.h"

/* Takes the reply, to send it later; the ticket is call->ticket. False: it is to be sent now. */
bool rest_refused_later(struct rest_call *call);
/* False: it does not wait here. */
bool rest_refused_cancel(struct core *c, uint64_t ticket);

#endif
