/* Whole files in memory. They may hold keys: what was read is wiped before its memory is given back. */
#ifndef SPOKE_SRC_TOOLS_FILE_H
#define SPOKE_SRC_TOOLS_FILE_H

#include <spoke/base.h>

struct file_text {
    spoke_str text;
    char *owned;
};

#define FILE_MAX_BYTES ((size_t)1 << 30)

/* False: errno says why; EFBIG beyond FILE_MAX_BYTES. */
bool file_read(const char *path, struct file_text *out);
void file_free(struct file_text *text);

#endif
