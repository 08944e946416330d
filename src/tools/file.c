#include "tools/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool read_all(FILE *in, struct file_text *out)
{
    size_t room = 0, length = 0, got;
    do {
        if (length + 1 >= room) {
            room = room == 0 ? 65536 : room * 2;
            char *bigger = room > FILE_MAX_BYTES ? NULL : realloc(out->owned, room);
            if (bigger == NULL) {
                errno = room > FILE_MAX_BYTES ? EFBIG : ENOMEM;
                return false;
            }
            out->owned = bigger;
        }
        got = fread(out->owned + length, 1, room - length - 1, in);
        length += got;
    } while (got > 0);
    out->owned[length] = '\0';
    out->text = spoke_str_from(out->owned, length);
    return ferror(in) == 0;
}

bool file_read(const char *path, struct file_text *out)
{
    FILE *in = fopen(path, "rb");
    out->owned = NULL;
    out->text = spoke_str_from(NULL, 0);
    if (in == NULL)
        return false;
    const bool ok = read_all(in, out);
    const int kept = errno;
    fclose(in);
    if (!ok)
        file_free(out);
    errno = kept;
    return ok;
}

void file_free(struct file_text *text)
{
    free(text->owned);
    text->owned = NULL;
    text->text = spoke_str_from(NULL, 0);
}
