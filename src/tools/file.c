#include "tools/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Never by realloc, which leaves what it moves behind. */
static bool grow(struct file_text *out, size_t room)
{
    char *bigger = malloc(room);
    if (bigger == NULL)
        return false;
    const size_t length = out->text.len;
    if (length > 0)
        memcpy(bigger, out->owned, length);
    file_free(out);
    out->owned = bigger;
    out->text = spoke_str_from(bigger, length);
    return true;
}

static bool read_all(FILE *in, struct file_text *out)
{
    size_t room = 0, got;
    do {
        if (out->text.len + 1 >= room) {
            room = room == 0 ? 65536 : room * 2;
            if (room > FILE_MAX_BYTES || !grow(out, room)) {
                errno = room > FILE_MAX_BYTES ? EFBIG : ENOMEM;
                return false;
            }
        }
        got = fread(out->owned + out->text.len, 1, room - out->text.len - 1, in);
        out->text.len += got;
    } while (got > 0);
    out->owned[out->text.len] = '\0';
    return ferror(in) == 0;
}

bool file_read(const char *path, struct file_text *out)
{
    FILE *in = fopen(path, "rb");
    out->owned = NULL;
    out->text = spoke_str_from(NULL, 0);
    if (in == NULL)
        return false;
    (void)setvbuf(in, NULL, _IONBF, 0); /* no copy in a buffer of its own */
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
    if (text->owned != NULL)
        spoke_wipe(text->owned, text->text.len);
    free(text->owned);
    text->owned = NULL;
    text->text = spoke_str_from(NULL, 0);
}
