#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Wiped when it is not handed on: it may be a key. */
static spoke_status take(FILE *file, size_t most, char **out)
{
    char *text = calloc(1, most + 2);
    if (text == NULL)
        return SPOKE_E_NO_MEMORY;
    const size_t len = fread(text, 1, most + 1, file);
    const spoke_status status = ferror(file) ? SPOKE_E_PORT : len > most ? SPOKE_E_TOO_LARGE : SPOKE_OK;
    if (status == SPOKE_OK) {
        *out = text;
        return SPOKE_OK;
    }
    spoke_wipe(text, len);
    free(text);
    return status;
}

spoke_status file_read(const char *path, const char *what, size_t most, char **out, char *why, size_t why_cap)
{
    FILE *file = fopen(path, "rbe");
    errno = file != NULL ? 0 : errno;
    spoke_status status = file != NULL ? take(file, most, out) : SPOKE_E_PORT;
    if (status == SPOKE_E_PORT)
        (void)snprintf(why, why_cap, "%s %s cannot be read: %s", what, path, strerror(errno));
    else if (status == SPOKE_E_TOO_LARGE)
        (void)snprintf(why, why_cap, "%s %s has more than %zu bytes", what, path, most);
    if (file != NULL)
        (void)fclose(file);
    return status;
}

bool file_sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES;
    const bool done = fsync(fd) == 0 || errno == EINVAL;
    const int reason = errno;
    (void)close(fd);
    errno = reason;
    return done;
}

bool file_sync_parent(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    char *folder = len > 0 ? strndup(path, len) : strdup(".");
    const bool done = folder != NULL && file_sync_folder(folder);
    const int reason = errno;
    free(folder);
    errno = reason;
    return done;
}
