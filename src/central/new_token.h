/* An API token for whoever has the data folder: how a service without a terminal gets its first one. */
#ifndef SPOKE_SRC_CENTRAL_NEW_TOKEN_H
#define SPOKE_SRC_CENTRAL_NEW_TOKEN_H

#include <spoke/base.h>

/* Issues an administrator's token that is good for a year, in the store of data_dir (NULL: the usual folder), whether a
 * service runs on it or not; a running one takes it at once. name: its id, among /api/apiTokens. *token gets the whole
 * Authorization value on the heap, which is in no file and to be wiped. E_ARG: the name cannot be used or is taken; E_PORT:
 * there is no such store, it takes no writes, or it is of another format. `why` has a sentence. */
spoke_status new_token_make(const char *data_dir, const char *name, char **token, char *why, size_t why_cap);

#endif
