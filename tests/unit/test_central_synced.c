/* What was told to be kept is on disk: files, the folders that name them, and the folders of those. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "central/backup.h"
#include "central/ca.h"
#include "central/data_dir.h"
#include "central/store/store.h"

static char synced[8192]; /* names of what was synchronised, in order, below the folder of the test: "a\nb\n" */
static const char *disk_fails; /* at this name; NULL: never */
static int fails_with;
static struct data_dir top;
static char why[512];

static int sync_with(long call, int fd)
{
    char link[64], path[512];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    const size_t above = strlen(top.path);
    const char *name = strncmp(path, top.path, above) == 0 ? path + above : path;
    (void)snprintf(synced + strlen(synced), sizeof synced - strlen(synced), "%s\n", name);
    if (disk_fails == NULL || strcmp(name, disk_fails) != 0)
        return (int)syscall(call, fd);
    errno = fails_with;
    return -1;
}

/* In place of the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

/* Where the name stands last, from 1; 0: nowhere. */
static size_t last_place(const char *name)
{
    char line[256];
    size_t place = 0, found = 0;
    for (const char *at = synced; *at != '\0'; at += strcspn(at, "\n") + 1) {
        place++;
        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        found = strcmp(line, name) == 0 ? place : found;
    }
    return found;
}

static void write_file(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs("text", file);
    (void)fclose(file);
}

static int set_up(void **state)
{
    struct store *store = NULL;
    (void)state;
    disk_fails = NULL;
    assert_ok(data_dir_open(NULL, true, &top, why, sizeof why));
    char *data = data_dir_file(&top, "data"), *path = data_dir_file(&top, "data/central.db");
    assert_int_equal(mkdir(data, 0700), 0);
    assert_ok(store_open(path, true, &store, why, sizeof why));
    store_close(store);
    write_file(data, "ca.pem");
    write_file(data, "ca.key");
    free(data);
    free(path);
    synced[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    data_dir_close(&top);
    return 0;
}

static spoke_status make_backup(const char *name)
{
    char *data = data_dir_file(&top, "data"), *copy = data_dir_file(&top, name);
    const spoke_status status = backup_make(data, copy, NULL, why, sizeof why);
    free(data);
    free(copy);
    return status;
}

static void backup_is_on_disk_with_its_folder_and_its_name(void **state)
{
    (void)state;
    assert_ok(make_backup("copy/"));
    const size_t folder = last_place("/copy"), parent = last_place("");
    assert_in_range(last_place("/copy/central.db"), 1, folder - 1);
    assert_in_range(last_place("/copy/ca.pem"), 1, folder - 1);
    assert_in_range(last_place("/copy/ca.key"), 1, folder - 1);
    assert_true(folder > 0 && parent > folder);
}

static void backup_whose_folder_does_not_get_to_the_disk_is_none(void **state)
{
    (void)state;
    char *copy = data_dir_file(&top, "copy");
    disk_fails = "/copy";
    fails_with = EIO;
    assert_int_equal(make_backup("copy"), SPOKE_E_PORT);
    assert_non_null(strstr(why, "does not get to the disk"));
    assert_int_equal(access(copy, F_OK), -1);
    free(copy);
}

static void backup_whose_store_does_not_get_to_the_disk_is_none(void **state)
{
    (void)state;
    disk_fails = "/copy/central.db";
    fails_with = EIO;
    assert_int_equal(make_backup("copy"), SPOKE_E_PORT);
}

static void file_system_that_synchronises_no_folders_is_taken_as_it_is(void **state)
{
    (void)state;
    disk_fails = "/copy";
    fails_with = EINVAL;
    assert_ok(make_backup("copy"));
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (*next)++;
    return SPOKE_OK;
}

static void new_certificates_are_on_disk_when_they_are_handed_out(void **state)
{
    static const char *const NAMES[] = {"localhost"};
    (void)state;
    uint8_t next = 1;
    char *folder = data_dir_file(&top, "fresh");
    assert_int_equal(mkdir(folder, 0700), 0);
    const struct ca_options options = {.folder = folder,
                                       .names = NAMES,
                                       .name_count = 1,
                                       .unix_s = 1772600767,
                                       .random = random_bytes,
                                       .random_ctx = &next};
    struct ca_identity identity;
    assert_ok(ca_open(&options, &identity, why, sizeof why));
    ca_identity_free(&identity);
    assert_in_range(last_place("/fresh/server.pem.new"), 1, last_place("/fresh") - 1);
    assert_in_range(last_place("/fresh/ca.key.new"), 1, last_place("/fresh") - 1);
    free(folder);
}

static void new_data_folder_has_its_name_on_disk(void **state)
{
    (void)state;
    struct data_dir dir;
    char *path = data_dir_file(&top, "a/b");
    assert_ok(data_dir_open(path, false, &dir, why, sizeof why));
    data_dir_close(&dir);
    assert_int_equal(last_place(""), 1);
    assert_int_equal(last_place("/a"), 2);
    free(path);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAIM(backup_is_on_disk_with_its_folder_and_its_name),
        CLAIM(backup_whose_folder_does_not_get_to_the_disk_is_none),
        CLAIM(backup_whose_store_does_not_get_to_the_disk_is_none),
        CLAIM(file_system_that_synchronises_no_folders_is_taken_as_it_is),
        CLAIM(new_certificates_are_on_disk_when_they_are_handed_out),
        CLAIM(new_data_folder_has_its_name_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
