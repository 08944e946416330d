/* Text that a caller carries to and fro without reading it: the place of a list that a page ended at may be something that
 * the caller does not see. Sealed, not signed: whoever makes one up gets another place of the same list. */
#ifndef SPOKE_SRC_CENTRAL_REST_SEAL_H
#define SPOKE_SRC_CENTRAL_REST_SEAL_H

#include "central/core/core.h"

/* On the heap; NULL: no memory, or no randomness. */
char *rest_seal(struct core *c, const char *text);
/* On the heap; NULL: it was not sealed, or there is no memory. */
char *rest_unseal(struct core *c, const char *sealed);

#endif
