/* The folder where the service keeps its store and its certificates, locked against a second process. */
#ifndef SPOKE_SRC_CENTRAL_DATA_DIR_H
#define SPOKE_SRC_CENTRAL_DATA_DIR_H

#include <spoke/base.h>

struct data_dir {
    char *path;
    int lock; /* descriptor; -1: none */
    bool temporary;
};

/* The path, or for NULL the usual one, on the heap. NULL: no home, or no memory. */
char *data_dir_path(const char *path);
/* path NULL: $XDG_DATA_HOME or ~/.local/share, + /spoke-central. temporary: a new folder below $TMPDIR that
 * data_dir_close removes. Made with mode 0700 when missing. `why` gets a sentence on error. */
spoke_status data_dir_open(const char *path, bool temporary, struct data_dir *out, char *why, size_t why_cap);
void data_dir_close(struct data_dir *dir);
/* "path/name" on the heap, NULL without memory. */
char *data_dir_file(const struct data_dir *dir, const char *name);

#endif
