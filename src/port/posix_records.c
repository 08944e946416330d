#include "port/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_KEY_BYTES = 64, NAME_BYTES = MAX_KEY_BYTES + 6 };

/* A key becomes a file name: whatever could leave the folder or clash with a temporary name is refused. */
static bool key_valid(const char *key)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (key == NULL || key[0] == '.')
        return false;
    const size_t len = strnlen(key, MAX_KEY_BYTES + 1);
    return len >= 1 && len <= MAX_KEY_BYTES && strspn(key, allowed) == len;
}

spoke_status posix_records_open(const char *path, int *dir)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return SPOKE_E_PORT;
    *dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *dir >= 0 ? SPOKE_OK : SPOKE_E_PORT;
}

static spoke_status read_whole(int fd, spoke_buf *out)
{
    size_t len = out->len;
    for (;;) {
        uint8_t beyond; /* full: look whether the record goes on */
        const bool full = len == out->cap;
        const ssize_t got = full ? read(fd, &beyond, 1) : read(fd, out->ptr + len, out->cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SPOKE_E_PORT;
        if (got == 0)
            break;
        if (full)
            return SPOKE_E_TOO_SMALL;
        len += (size_t)got;
    }
    out->len = len;
    return SPOKE_OK;
}

spoke_status posix_record_load(int dir, const char *key, spoke_buf *out)
{
    if (!key_valid(key))
        return SPOKE_E_ARG;
    /* O_NONBLOCK: somebody may have put a pipe there. */
    const int fd = openat(dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? SPOKE_E_NOT_FOUND : SPOKE_E_PORT;
    struct stat about;
    spoke_status status = SPOKE_E_PORT;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        status = read_whole(fd, out);
    close(fd);
    return status;
}

static spoke_status write_whole(int fd, spoke_str value)
{
    while (value.len > 0) {
        const ssize_t put = write(fd, value.ptr, value.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return SPOKE_E_PORT;
        value.ptr += put;
        value.len -= (size_t)put;
    }
    return fsync(fd) == 0 ? SPOKE_OK : SPOKE_E_PORT;
}

static spoke_status write_file(int dir, const char *name, spoke_str value)
{
    const int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return SPOKE_E_PORT;
    const spoke_status status = write_whole(fd, value);
    return close(fd) == 0 ? status : SPOKE_E_PORT;
}

static spoke_status remove_record(int dir, const char *key)
{
    if (unlinkat(dir, key, 0) != 0)
        return errno == ENOENT ? SPOKE_OK : SPOKE_E_PORT;
    return fsync(dir) == 0 ? SPOKE_OK : SPOKE_E_PORT;
}

/* The old record stays whole until the new one is on the disk under a name of its own. */
spoke_status posix_record_store(int dir, const char *key, spoke_str value)
{
    if (!key_valid(key))
        return SPOKE_E_ARG;
    if (value.len == 0)
        return remove_record(dir, key);
    char name[NAME_BYTES];
    snprintf(name, sizeof(name), ".%s.tmp", key);
    spoke_status status = write_file(dir, name, value);
    if (status == SPOKE_OK && (renameat(dir, name, dir, key) != 0 || fsync(dir) != 0))
        status = SPOKE_E_PORT;
    if (status != SPOKE_OK)
        unlinkat(dir, name, 0);
    return status;
}
