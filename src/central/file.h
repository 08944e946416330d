/* Files and folders: small ones that a person names on the command line, and what makes new ones last. */
#ifndef SPOKE_SRC_CENTRAL_FILE_H
#define SPOKE_SRC_CENTRAL_FILE_H

#include <spoke/base.h>

/* The whole file as text on the heap; what: "the device CA", for the sentence in `why`. E_PORT: it cannot be read;
 * E_TOO_LARGE: more than `most` bytes; E_NO_MEMORY. */
spoke_status file_read(const char *path, const char *what, size_t most, char **out, char *why, size_t why_cap);

/* A file that was synchronised is on disk; that it has a name is not, before its folder was too. What has no such thing
 * (EINVAL, as some file systems of a network say), or may be written and not read, is taken as it is. False: errno says
 * why. */
bool file_sync_folder(const char *path);
/* The same of the folder that `path`, a file or a folder itself, stands in. */
bool file_sync_parent(const char *path);

#endif
