#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spoke/platform.h>

enum { BLOCK = 4096, BLOCKS = 8 };

struct fixture {
    char dir[64], path[80], new_path[96];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    snprintf(f->dir, sizeof f->dir, "/tmp/spoke-storage-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/queue", f->dir);
    snprintf(f->new_path, sizeof f->new_path, "%s.new", f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    unlink(f->new_path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static spoke_storage *open_queue(const struct fixture *f)
{
    spoke_storage *storage = NULL;
    assert_ok(spoke_storage_file_open(f->path, BLOCK, BLOCKS, &storage));
    return storage;
}

static spoke_status try_open(const struct fixture *f, uint32_t block_bytes, uint32_t block_count)
{
    spoke_storage *storage = (spoke_storage *)&errno; /* anything but NULL */
    const spoke_status status = spoke_storage_file_open(f->path, block_bytes, block_count, &storage);
    assert_true(status == SPOKE_OK ? storage != NULL : storage == NULL);
    spoke_storage_file_close(storage);
    return status;
}

static void a_new_file_is_whole_and_erased_and_its_owners_alone(void **state)
{
    const struct fixture *f = *state;
    spoke_storage *s = open_queue(f);
    struct stat about;
    uint8_t bytes[BLOCK];
    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_size, BLOCK * BLOCKS);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_true(about.st_blocks * 512 >= BLOCK * BLOCKS); /* not sparse: no room is missing later */
    assert_int_equal(access(f->new_path, F_OK), -1);
    for (uint32_t block = 0; block < BLOCKS; block++) {
        assert_ok(s->read(s->ctx, block, 0, bytes, sizeof bytes));
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0xFF);
    }
    spoke_storage_file_close(s);
}

static void what_was_programmed_is_there_after_opening_again(void **state)
{
    spoke_storage *s = open_queue(*state);
    char back[5];
    assert_ok(s->program(s->ctx, 7, BLOCK - 5, "hello", 5));
    assert_ok(s->sync(s->ctx));
    spoke_storage_file_close(s);
    s = open_queue(*state);
    assert_ok(s->read(s->ctx, 7, BLOCK - 5, back, 5));
    assert_memory_equal(back, "hello", 5);
    spoke_storage_file_close(s);
}

static void an_erase_takes_one_block(void **state)
{
    spoke_storage *s = open_queue(*state);
    uint8_t bytes[2];
    for (uint32_t block = 0; block < 3; block++)
        assert_ok(s->program(s->ctx, block, 100, "xy", 2));
    assert_ok(s->erase(s->ctx, 1));
    for (uint32_t block = 0; block < 3; block++) {
        assert_ok(s->read(s->ctx, block, 100, bytes, 2));
        assert_int_equal(bytes[0], block == 1 ? 0xFF : 'x');
    }
    spoke_storage_file_close(s);
}

static void other_sizes_are_refused_and_the_file_stays(void **state)
{
    spoke_storage_file_close(open_queue(*state));
    assert_int_equal(try_open(*state, BLOCK, BLOCKS + 1), SPOKE_E_ARG);
    assert_int_equal(try_open(*state, 2 * BLOCK, BLOCKS), SPOKE_E_ARG);
    assert_ok(try_open(*state, BLOCK, BLOCKS));
}

static void sizes_that_cannot_work_are_refused(void **state)
{
    assert_int_equal(try_open(*state, 504, 4), SPOKE_E_ARG);
    assert_int_equal(try_open(*state, 513, 4), SPOKE_E_ARG);
    assert_int_equal(try_open(*state, 512, 3), SPOKE_E_ARG);
    assert_int_equal(try_open(*state, 1u << 31, 4), SPOKE_E_ARG);
    assert_int_equal(spoke_storage_file_open("", 0, 0, &(spoke_storage *){NULL}), SPOKE_E_ARG);
    assert_int_equal(spoke_storage_file_open(NULL, 0, 0, &(spoke_storage *){NULL}), SPOKE_E_ARG);
    assert_int_equal(spoke_storage_file_open("x", 0, 0, NULL), SPOKE_E_ARG);
}

static void zero_sizes_mean_64_blocks_of_64_kb(void **state)
{
    const struct fixture *f = *state;
    struct stat about;
    assert_ok(try_open(f, 0, 0));
    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_size, 64 * 65536);
}

static void a_second_user_is_told_that_another_has_it(void **state)
{
    spoke_storage *s = open_queue(*state);
    assert_int_equal(try_open(*state, BLOCK, BLOCKS), SPOKE_E_STATE);
    spoke_storage_file_close(s);
    assert_ok(try_open(*state, BLOCK, BLOCKS));
}

static void a_file_that_another_process_is_making_is_left_to_it(void **state)
{
    const struct fixture *f = *state;
    spoke_storage *s = open_queue(f); /* holds the lock of what we call the new file now */
    assert_int_equal(rename(f->path, f->new_path), 0);
    assert_int_equal(try_open(f, BLOCK, BLOCKS), SPOKE_E_STATE);
    spoke_storage_file_close(s);
}

static void a_half_made_file_is_made_anew(void **state)
{
    const struct fixture *f = *state;
    FILE *file = fopen(f->new_path, "w");
    assert_non_null(file);
    for (int i = 0; i < BLOCK * (BLOCKS + 1); i++)
        fputc(0, file);
    fclose(file);
    a_new_file_is_whole_and_erased_and_its_owners_alone(state);
}

static void a_symbolic_link_is_not_followed(void **state)
{
    const struct fixture *f = *state;
    spoke_storage_file_close(open_queue(f));
    assert_int_equal(rename(f->path, f->new_path), 0);
    assert_int_equal(symlink(f->new_path, f->path), 0);
    assert_int_equal(try_open(f, BLOCK, BLOCKS), SPOKE_E_PORT);
    assert_int_equal(errno, ELOOP);
}

static void what_is_no_file_is_refused(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(try_open(f, BLOCK, BLOCKS), SPOKE_E_ARG);
}

static void a_missing_folder_is_told_by_errno(void **state)
{
    (void)state;
    spoke_storage *storage;
    assert_int_equal(spoke_storage_file_open("/tmp/spoke-no-such-folder/queue", BLOCK, BLOCKS, &storage),
                     SPOKE_E_PORT);
    assert_int_equal(errno, ENOENT);
}

static void nothing_outside_is_touched(void **state)
{
    spoke_storage *s = open_queue(*state);
    char bytes[8] = {0};
    assert_int_equal(s->read(s->ctx, BLOCKS, 0, bytes, 1), SPOKE_E_PORT);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(s->program(s->ctx, BLOCKS - 1, BLOCK - 7, bytes, 8), SPOKE_E_PORT);
    assert_int_equal(s->erase(s->ctx, BLOCKS), SPOKE_E_PORT);
    spoke_storage_file_close(s);
}

static void a_file_that_was_cut_short_is_an_error_not_zeros(void **state)
{
    const struct fixture *f = *state;
    spoke_storage *s = open_queue(f);
    uint8_t byte;
    assert_int_equal(truncate(f->path, BLOCK), 0);
    assert_int_equal(s->read(s->ctx, 1, 0, &byte, 1), SPOKE_E_PORT);
    spoke_storage_file_close(s);
}

/* In a child, for the limit stays. */
static int folder_syncs;
static bool folder_sync_fails;

/* In place of the C library's. */
__attribute__((visibility("default"))) int fsync(int fd)
{
    (void)fd;
    folder_syncs++;
    errno = EIO;
    return folder_sync_fails ? -1 : 0;
}

/* Else messages would be accepted into a file whose name a power cut may take. */
static void no_file_is_used_before_its_name_is_durable(void **state)
{
    folder_sync_fails = true;
    assert_int_equal(try_open(*state, BLOCK, BLOCKS), SPOKE_E_PORT);
    assert_int_equal(errno, EIO);
    assert_int_equal(try_open(*state, BLOCK, BLOCKS), SPOKE_E_PORT); /* it is there now, by the new name */
    folder_sync_fails = false;
    folder_syncs = 0;
    assert_ok(try_open(*state, BLOCK, BLOCKS));
    assert_int_equal(folder_syncs, 1);
}

static void when_the_disk_is_too_small_errno_says_so_and_nothing_is_left_in_the_way(void **state)
{
    const struct fixture *f = *state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {BLOCK * 2, BLOCK * 2};
        signal(SIGXFSZ, SIG_IGN);
        const bool limited = setrlimit(RLIMIT_FSIZE, &limit) == 0;
        spoke_storage *storage;
        const spoke_status status = spoke_storage_file_open(f->path, BLOCK, BLOCKS, &storage);
        _exit(limited && status == SPOKE_E_PORT && errno == EFBIG ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_ok(try_open(f, BLOCK, BLOCKS));
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_new_file_is_whole_and_erased_and_its_owners_alone),
        WITH_FOLDER(what_was_programmed_is_there_after_opening_again),
        WITH_FOLDER(an_erase_takes_one_block),
        WITH_FOLDER(other_sizes_are_refused_and_the_file_stays),
        WITH_FOLDER(sizes_that_cannot_work_are_refused),
        WITH_FOLDER(zero_sizes_mean_64_blocks_of_64_kb),
        WITH_FOLDER(a_second_user_is_told_that_another_has_it),
        WITH_FOLDER(a_file_that_another_process_is_making_is_left_to_it),
        WITH_FOLDER(a_half_made_file_is_made_anew),
        WITH_FOLDER(a_symbolic_link_is_not_followed),
        WITH_FOLDER(what_is_no_file_is_refused),
        WITH_FOLDER(a_missing_folder_is_told_by_errno),
        WITH_FOLDER(nothing_outside_is_touched),
        WITH_FOLDER(a_file_that_was_cut_short_is_an_error_not_zeros),
        WITH_FOLDER(no_file_is_used_before_its_name_is_durable),
        WITH_FOLDER(when_the_disk_is_too_small_errno_says_so_and_nothing_is_left_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
