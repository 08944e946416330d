#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "central/store/store.h"
#include "data_dir.h"
#include "file.h"

enum { MAX_PEM_BYTES = 256 * 1024 };

/* The store first: it is what takes long and what may fail. */
static const char STORE[] = "central.db";
static const char BROKER[] = "broker.db"; /* only where there was a plain broker */
static const char *const OTHERS[] = {BROKER, "ca.pem", "ca.key", "server.pem", "server.key"};
#define OTHER_COUNT (sizeof OTHERS / sizeof OTHERS[0])

static void show(void *ctx, unsigned percent)
{
    (void)fprintf(ctx, "\r%3u %%", percent);
    if (percent == 100)
        (void)fputc('\n', ctx);
    (void)fflush(ctx);
}

static bool write_private(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return false;
    const size_t len = strlen(text);
    const bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

static spoke_status copy_store(const char *from, const char *to, FILE *progress, char *why, size_t why_cap)
{
    return store_backup(from, to, progress != NULL ? show : NULL, progress, why, why_cap);
}

static spoke_status copy_file(const char *from, const char *to, char *why, size_t why_cap)
{
    char *text = NULL;
    if (access(from, F_OK) != 0)
        return SPOKE_OK; /* a service that never listened has no certificates */
    spoke_status status = file_read(from, "the file", MAX_PEM_BYTES, &text, why, why_cap);
    if (status == SPOKE_OK && !write_private(to, text)) {
        (void)snprintf(why, why_cap, "%s cannot be written: %s", to, strerror(errno));
        status = SPOKE_E_PORT;
    }
    secret_free(text);
    return status;
}

static spoke_status copy_one(const char *from, const char *to, const char *name, FILE *progress, char *why,
                             size_t why_cap)
{
    if (name == BROKER && access(from, F_OK) != 0)
        return SPOKE_OK;
    return name == STORE || name == BROKER ? copy_store(from, to, progress, why, why_cap)
                                           : copy_file(from, to, why, why_cap);
}

/* `name` of both folders; one of our literals. */
static spoke_status with_paths(const struct data_dir *from, const struct data_dir *to, const char *name,
                               FILE *progress, char *why, size_t why_cap)
{
    char *source = data_dir_file(from, name), *target = data_dir_file(to, name);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (source != NULL && target != NULL)
        status = copy_one(source, target, name, progress, why, why_cap);
    free(source);
    free(target);
    return status;
}

static void remove_all(const struct data_dir *to)
{
    char *path = data_dir_file(to, STORE);
    if (path != NULL)
        (void)unlink(path);
    free(path);
    for (size_t i = 0; i < OTHER_COUNT; i++) {
        path = data_dir_file(to, OTHERS[i]);
        if (path != NULL)
            (void)unlink(path);
        free(path);
    }
    (void)rmdir(to->path);
}

static spoke_status copy_all(const struct data_dir *from, const struct data_dir *to, FILE *progress, char *why,
                             size_t why_cap)
{
    spoke_status status = with_paths(from, to, STORE, progress, why, why_cap);
    for (size_t i = 0; i < OTHER_COUNT && status == SPOKE_OK; i++)
        status = with_paths(from, to, OTHERS[i], NULL, why, why_cap);
    if (status == SPOKE_OK && !(file_sync_folder(to->path) && file_sync_parent(to->path))) {
        (void)snprintf(why, why_cap, "the folder %s does not get to the disk: %s", to->path, strerror(errno));
        status = SPOKE_E_PORT;
    }
    return status;
}

spoke_status backup_make(const char *data_dir, const char *folder, FILE *progress, char *why, size_t why_cap)
{
    const struct data_dir from = {data_dir_path(data_dir), -1, false};
    const struct data_dir to = {(char *)(uintptr_t)folder, -1, false};
    spoke_status status = SPOKE_OK;
    if (from.path == NULL) {
        (void)snprintf(why, why_cap, "there is no home folder to copy from; name the data with --data-dir");
        return SPOKE_E_PORT;
    }
    if (mkdir(folder, S_IRWXU) != 0) {
        status = errno == EEXIST ? SPOKE_E_ARG : SPOKE_E_PORT;
        (void)snprintf(why, why_cap, "the folder %s cannot be made: %s", folder, strerror(errno));
    } else {
        status = copy_all(&from, &to, progress, why, why_cap);
        if (status != SPOKE_OK)
            remove_all(&to);
    }
    free(from.path);
    return status;
}
