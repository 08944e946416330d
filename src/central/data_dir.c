#include "data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static char *joined(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static char *default_path(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data != NULL && data[0] == '/')
        return joined(data, "spoke-central");
    return home != NULL && home[0] == '/' ? joined(home, ".local/share/spoke-central") : NULL;
}

char *data_dir_path(const char *path)
{
    return path != NULL ? strdup(path) : default_path();
}

static char *temporary_path(void)
{
    const char *folder = getenv("TMPDIR");
    char *path = joined(folder != NULL && folder[0] == '/' ? folder : "/tmp", "spoke-central-XXXXXX");
    if (path != NULL && mkdtemp(path) == NULL) {
        free(path);
        return NULL;
    }
    return path;
}

/* A new one is to last; a disk that cannot do that says so at the first commit. */
static int make_folder(const char *path)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : -1;
    (void)file_sync_parent(path);
    return 0;
}

/* Parents too. */
static int make_folders(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return -1;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)make_folder(copy); /* what fails here fails below, with the reason */
        *slash = '/';
    }
    const int result = make_folder(copy);
    free(copy);
    return result;
}

/* Whoever may rename in the folder could put his own keys and store in the place of ours. */
static spoke_status check_mode(const struct data_dir *dir, char *why, size_t why_cap)
{
    struct stat info;
    if (stat(dir->path, &info) != 0)
        (void)snprintf(why, why_cap, "the data folder %s cannot be looked at: %s", dir->path, strerror(errno));
    else if ((info.st_mode & S_IWOTH) != 0)
        (void)snprintf(why, why_cap, "everybody may write to the data folder %s; chmod o-w, or choose another",
                       dir->path);
    else
        return SPOKE_OK;
    return SPOKE_E_PORT;
}

static spoke_status take_lock(struct data_dir *dir, char *why, size_t why_cap)
{
    char *path = data_dir_file(dir, "lock");
    if (path == NULL)
        return SPOKE_E_NO_MEMORY;
    dir->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (dir->lock < 0) {
        (void)snprintf(why, why_cap, "the data folder %s cannot be written: %s", dir->path, strerror(errno));
        return SPOKE_E_PORT;
    }
    if (flock(dir->lock, LOCK_EX | LOCK_NB) == 0)
        return SPOKE_OK;
    (void)snprintf(
        why, why_cap,
        "the data folder %s is in use by another spoke-central; stop that one, or choose another folder "
        "with --data-dir",
        dir->path);
    return SPOKE_E_PORT;
}

spoke_status data_dir_open(const char *path, bool temporary, struct data_dir *out, char *why, size_t why_cap)
{
    *out = (struct data_dir){NULL, -1, temporary};
    out->path = temporary ? temporary_path() : data_dir_path(path);
    if (out->path == NULL) {
        (void)snprintf(why, why_cap,
                       temporary ? "no temporary folder could be made; is $TMPDIR (or /tmp) writable?"
                                 : "there is no home folder to keep data in; choose a folder with --data-dir");
        return SPOKE_E_PORT;
    }
    spoke_status status = SPOKE_E_PORT;
    if (make_folders(out->path) != 0)
        (void)snprintf(why, why_cap, "the data folder %s cannot be made: %s", out->path, strerror(errno));
    else
        status = check_mode(out, why, why_cap);
    if (status == SPOKE_OK)
        status = take_lock(out, why, why_cap);
    if (status != SPOKE_OK)
        data_dir_close(out);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void data_dir_close(struct data_dir *dir)
{
    if (dir->temporary && dir->path != NULL)
        (void)nftw(dir->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    if (dir->lock >= 0)
        (void)close(dir->lock);
    free(dir->path);
    *dir = (struct data_dir){NULL, -1, false};
}

char *data_dir_file(const struct data_dir *dir, const char *name)
{
    return joined(dir->path, name);
}
