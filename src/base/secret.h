/* Text on the heap that nobody may find in memory once it is done with: keys, tokens. */
#ifndef SPOKE_SRC_BASE_SECRET_H
#define SPOKE_SRC_BASE_SECRET_H

#include <spoke/base.h>
#include <stdlib.h>
#include <string.h>

/* Wipes it up to its NUL, and frees it. NULL is fine. */
static inline void secret_free(char *text)
{
    if (text != NULL)
        spoke_wipe(text, strlen(text));
    free(text);
}

#endif
