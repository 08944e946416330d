/* Small files that a person names on the command line. */
#ifndef SPOKE_SRC_CENTRAL_FILE_H
#define SPOKE_SRC_CENTRAL_FILE_H

#include <spoke/base.h>

/* The whole file as text on the heap; what: "the device CA", for the sentence in `why`. E_PORT: it cannot be read;
 * E_TOO_LARGE: more than `most` bytes; E_NO_MEMORY. */
spoke_status file_read(const char *path, const char *what, size_t most, char **out, char *why, size_t why_cap);

#endif
