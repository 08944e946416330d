/* Flash-like blocks in a file. What the queue must not find is a file half made: it is filled and synced under another
 * name first. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spoke/platform.h>

enum { BLOCK_BYTES = 65536, BLOCK_COUNT = 64 };

static_assert(sizeof(off_t) >= sizeof(int64_t), "build with -D_FILE_OFFSET_BITS=64: a queue may pass 2 GB");

struct file_storage {
    spoke_storage storage; /* first: the caller holds its address */
    int fd;
    uint8_t *erased; /* one block of 0xFF */
};

/* --- bytes --- */

static spoke_status read_fully(int fd, uint8_t *out, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t got = pread(fd, out, len, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return SPOKE_E_PORT; /* 0: somebody made the file shorter */
        out += got;
        at += got;
        len -= (size_t)got;
    }
    return SPOKE_OK;
}

static spoke_status write_fully(int fd, const uint8_t *bytes, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t put = pwrite(fd, bytes, len, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return SPOKE_E_PORT;
        bytes += put;
        at += put;
        len -= (size_t)put;
    }
    return SPOKE_OK;
}

static spoke_status sync_data(int fd)
{
    int failed;
    do
        failed = fdatasync(fd);
    while (failed != 0 && errno == EINTR);
    return failed == 0 ? SPOKE_OK : SPOKE_E_PORT;
}

/* --- spoke_storage --- */

static bool place_of(const struct file_storage *f, uint32_t block, uint32_t offset, size_t len, off_t *at)
{
    const spoke_storage *s = &f->storage;
    *at = (off_t)block * s->block_bytes + offset;
    if (block < s->block_count && offset <= s->block_bytes && len <= s->block_bytes - offset)
        return true;
    errno = EINVAL;
    return false;
}

static spoke_status file_read(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    const struct file_storage *f = ctx;
    off_t at;
    return place_of(f, block, offset, len, &at) ? read_fully(f->fd, out, len, at) : SPOKE_E_PORT;
}

static spoke_status file_program(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    const struct file_storage *f = ctx;
    off_t at;
    return place_of(f, block, offset, len, &at) ? write_fully(f->fd, bytes, len, at) : SPOKE_E_PORT;
}

static spoke_status file_erase(void *ctx, uint32_t block)
{
    const struct file_storage *f = ctx;
    return file_program(ctx, block, 0, f->erased, f->storage.block_bytes);
}

static spoke_status file_sync(void *ctx)
{
    const struct file_storage *f = ctx;
    return sync_data(f->fd);
}

/* --- opening --- */

/* E_STATE: another process has it, or replaced it just now. */
static spoke_status lock_file(int fd, const char *path)
{
    struct stat ours, named;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? SPOKE_E_STATE : SPOKE_E_PORT;
    if (fstat(fd, &ours) != 0)
        return SPOKE_E_PORT;
    if (lstat(path, &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev)
        return SPOKE_E_STATE;
    return SPOKE_OK;
}

static spoke_status fill(struct file_storage *f)
{
    const spoke_storage *s = &f->storage;
    if (ftruncate(f->fd, 0) != 0 || fchmod(f->fd, 0600) != 0) /* what an earlier try left */
        return SPOKE_E_PORT;
    const int refused = posix_fallocate(f->fd, 0, (off_t)s->block_bytes * s->block_count);
    if (refused != 0) {
        errno = refused;
        return SPOKE_E_PORT;
    }
    for (uint32_t block = 0; block < s->block_count; block++)
        if (file_erase(f, block) != SPOKE_OK)
            return SPOKE_E_PORT;
    return sync_data(f->fd);
}

/* The name is durable once its folder is. path has been opened, so it has room for a shorter one. */
static spoke_status sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path] = '\0'; /* the root keeps its own */
    const int fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return SPOKE_E_PORT;
    const int failed = fsync(fd);
    close(fd);
    return failed == 0 ? SPOKE_OK : SPOKE_E_PORT;
}

static spoke_status make_file(struct file_storage *f, const char *path, char *new_path)
{
    f->fd = open(new_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (f->fd < 0)
        return SPOKE_E_PORT;
    struct stat found;
    spoke_status status = lock_file(f->fd, new_path);
    if (status == SPOKE_OK && lstat(path, &found) == 0) {
        unlink(new_path); /* another process was faster */
        return SPOKE_E_STATE;
    }
    if (status == SPOKE_OK)
        status = fill(f);
    if (status == SPOKE_OK && rename(new_path, path) != 0)
        status = SPOKE_E_PORT;
    return status;
}

static spoke_status check_file(const struct file_storage *f, const char *path)
{
    struct stat about;
    if (fstat(f->fd, &about) != 0)
        return SPOKE_E_PORT;
    if (!S_ISREG(about.st_mode) || about.st_size != (off_t)f->storage.block_bytes * f->storage.block_count)
        return SPOKE_E_ARG;
    return lock_file(f->fd, path);
}

static spoke_status open_file(struct file_storage *f, const char *path)
{
    /* O_NONBLOCK: somebody may have put a pipe there. */
    f->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (f->fd < 0 && errno != ENOENT)
        return SPOKE_E_PORT;
    const size_t len = strlen(path) + sizeof ".new";
    char *new_path = malloc(len);
    if (new_path == NULL)
        return SPOKE_E_NO_MEMORY;
    snprintf(new_path, len, "%s.new", path);
    spoke_status status = f->fd >= 0 ? check_file(f, path) : make_file(f, path, new_path);
    if (status == SPOKE_OK) /* also one that was there: who made it may have died before */
        status = sync_folder(new_path);
    const int reason = errno;
    free(new_path);
    errno = reason;
    return status;
}

static bool sizes_valid(uint32_t block_bytes, uint32_t block_count)
{
    return block_bytes >= 512 && block_bytes % 8 == 0 && block_count >= 4 &&
           block_count <= UINT32_MAX / block_bytes;
}

static struct file_storage *new_storage(uint32_t block_bytes, uint32_t block_count)
{
    struct file_storage *f = calloc(1, sizeof *f);
    uint8_t *erased = malloc(block_bytes);
    if (f == NULL || erased == NULL) {
        free(f);
        free(erased);
        return NULL;
    }
    f->storage = (spoke_storage){.struct_size = sizeof(spoke_storage),
                                 .ctx = f,
                                 .block_bytes = block_bytes,
                                 .block_count = block_count,
                                 .program_bytes = 1,
                                 .read = file_read,
                                 .program = file_program,
                                 .erase = file_erase,
                                 .sync = file_sync};
    memset(erased, 0xFF, block_bytes);
    f->erased = erased;
    f->fd = -1;
    return f;
}

spoke_status spoke_storage_file_open(const char *path, uint32_t block_bytes, uint32_t block_count,
                                     spoke_storage **out)
{
    if (out == NULL)
        return SPOKE_E_ARG;
    *out = NULL;
    block_bytes = block_bytes > 0 ? block_bytes : BLOCK_BYTES;
    block_count = block_count > 0 ? block_count : BLOCK_COUNT;
    if (path == NULL || path[0] == '\0' || !sizes_valid(block_bytes, block_count))
        return SPOKE_E_ARG;
    struct file_storage *f = new_storage(block_bytes, block_count);
    if (f == NULL)
        return SPOKE_E_NO_MEMORY;
    const spoke_status status = open_file(f, path);
    if (status == SPOKE_OK) {
        *out = &f->storage;
        return SPOKE_OK;
    }
    const int reason = errno;
    spoke_storage_file_close(&f->storage);
    errno = reason;
    return status;
}

void spoke_storage_file_close(spoke_storage *storage)
{
    if (storage == NULL)
        return;
    struct file_storage *f = storage->ctx;
    if (f->fd >= 0)
        close(f->fd);
    free(f->erased);
    free(f);
}
