/* Who the devices are: numbered names with keys derived from a group's, or names and keys from a file. */
#ifndef SPOKE_SRC_FLEET_IDENTITIES_H
#define SPOKE_SRC_FLEET_IDENTITIES_H

#include <spoke/crypto.h>

#include "base/heap_arena.h"
#include "tools/file.h"

#define IDENTITY_KEY_BYTES 96u /* of a key as base64, NUL included */

struct identity {
    char id[SPOKE_MAX_ID_BYTES + 1];
    char key[IDENTITY_KEY_BYTES]; /* wipe it */
};

struct identities {
    const char *prefix;
    uint32_t first;
    const spoke_key *group; /* NULL: of a file */
    struct file_text file;
    spoke_str *lines; /* each "id,key" */
    size_t count;     /* of lines */
};

/* A line each: an id and a base64 key with a comma between them; blanks around them, empty lines, lines that begin
 * with '#', and the first line "id,key" are passed over. False: `why` says what is wrong and in which line, without
 * the key. */
bool identities_read(struct identities *all, const char *path, char *why, size_t cap);
void identities_free(struct identities *all);
/* The i-th, from 0. False: the key cannot be derived. */
bool identities_get(const struct identities *all, uint32_t i, struct identity *out);

#endif
