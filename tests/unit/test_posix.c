#include "support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/posix.h"

/* --- a created platform with its own folder --- */

struct fixture {
    char dir[64];
    char state[80];
    spoke_platform *platform;
    char line[64];
    unsigned lines;
};

static void keep_line(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)level;
    struct fixture *f = user;
    f->lines++;
    snprintf(f->line, sizeof(f->line), "%s|%s", module, line);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    snprintf(f->dir, sizeof(f->dir), "/tmp/spoke-posix-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
    const spoke_posix_options options = {.struct_size = sizeof(options),
                                         .state_dir = f->state,
                                         .log_level = SPOKE_LOG_INFO,
                                         .log = keep_line,
                                         .user = f};
    *state = f;
    return spoke_posix_create(&options, &f->platform) == SPOKE_OK ? 0 : -1;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    spoke_posix_destroy(f->platform);
    remove_all(f->state);
    remove_all(f->dir);
    free(f);
    return 0;
}

static unsigned files_in(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 ? 1 : 0;
    closedir(dir);
    return count;
}

static spoke_status store(struct fixture *f, const char *key, const char *value)
{
    return f->platform->store(f->platform->ctx, key, spoke_str_of(value));
}

static spoke_status load(struct fixture *f, const char *key, spoke_buf *out)
{
    return f->platform->load(f->platform->ctx, key, out);
}

/* --- records --- */

static void a_record_comes_back_as_stored(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[32];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(store(f, "assignment", "first"));
    assert_ok(store(f, "assignment", "second"));
    assert_ok(load(f, "assignment", &out));
    assert_str(spoke_buf_str(&out), "second");
    assert_int_equal(files_in(f->state), 1);
}

static void a_record_survives_the_platform(void **state)
{
    struct fixture *f = *state;
    assert_ok(store(f, "assignment", "kept"));
    spoke_posix_destroy(f->platform);
    const spoke_posix_options options = {.struct_size = sizeof(options), .state_dir = f->state};
    assert_ok(spoke_posix_create(&options, &f->platform));
    uint8_t memory[8];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(load(f, "assignment", &out));
    assert_str(spoke_buf_str(&out), "kept");
}

static void a_missing_record_is_not_found(void **state)
{
    uint8_t memory[8];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_int_equal(load(*state, "nothing", &out), SPOKE_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
}

static void an_empty_value_removes_the_record(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[8];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(store(f, "k", "v"));
    assert_ok(store(f, "k", ""));
    assert_ok(store(f, "k", "")); /* already gone */
    assert_int_equal(load(f, "k", &out), SPOKE_E_NOT_FOUND);
    assert_int_equal(files_in(f->state), 0);
}

static void a_record_fills_the_buffer_exactly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[6] = {0, 0, 0, 0, 0, 0xa5};
    assert_ok(store(f, "k", "12345"));
    spoke_buf exact = spoke_buf_from(memory, 5);
    assert_ok(load(f, "k", &exact));
    assert_str(spoke_buf_str(&exact), "12345");
    assert_int_equal(memory[5], 0xa5);
    spoke_buf shorter = spoke_buf_from(memory, 4);
    assert_int_equal(load(f, "k", &shorter), SPOKE_E_TOO_SMALL);
    assert_int_equal(shorter.len, 0);
}

static void loading_appends(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[8];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(spoke_buf_append(&out, SPOKE_STR("ab")));
    assert_ok(store(f, "k", "cd"));
    assert_ok(load(f, "k", &out));
    assert_str(spoke_buf_str(&out), "abcd");
}

static void keys_that_could_leave_the_folder_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",        ".",   "..",       "../x", "a/b", "/etc/passwd",
                                      ".hidden", "a b", "\xc3\xa4", "a\n"};
    uint8_t memory[8];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        spoke_buf out = spoke_buf_from(memory, sizeof(memory));
        assert_int_equal(store(f, bad[i], "x"), SPOKE_E_ARG);
        assert_int_equal(load(f, bad[i], &out), SPOKE_E_ARG);
    }
    char longest[66];
    memset(longest, 'k', sizeof(longest));
    longest[65] = '\0';
    assert_int_equal(store(f, longest, "x"), SPOKE_E_ARG);
    longest[64] = '\0';
    assert_ok(store(f, longest, "x"));
    assert_int_equal(files_in(f->dir), 1);
}

static void records_are_for_the_owner_only(void **state)
{
    struct fixture *f = *state;
    struct stat about;
    char path[128];
    const mode_t old = umask(0);
    assert_ok(store(f, "k", "v"));
    umask(old);
    snprintf(path, sizeof(path), "%s/k", f->state);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(f->state, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
}

static void neither_links_nor_pipes_pass_for_records(void **state)
{
    struct fixture *f = *state;
    char path[128];
    uint8_t memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    snprintf(path, sizeof(path), "%s/link", f->state);
    assert_int_equal(symlink("/etc/hosts", path), 0);
    assert_int_equal(load(f, "link", &out), SPOKE_E_PORT);
    snprintf(path, sizeof(path), "%s/pipe", f->state);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load(f, "pipe", &out), SPOKE_E_PORT);
    assert_int_equal(out.len, 0);
}

static void a_write_that_was_cut_short_leaves_the_old_record(void **state)
{
    struct fixture *f = *state;
    char path[128];
    uint8_t memory[16];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(store(f, "k", "old"));
    snprintf(path, sizeof(path), "%s/.k.tmp", f->state);
    FILE *half = fopen(path, "w"); /* as after a power cut */
    assert_non_null(half);
    fputs("ne", half);
    fclose(half);
    assert_ok(load(f, "k", &out));
    assert_str(spoke_buf_str(&out), "old");
    assert_ok(store(f, "k", "new"));
    assert_int_equal(files_in(f->state), 1);
}

static void a_failed_store_leaves_the_old_record(void **state)
{
    struct fixture *f = *state;
    char path[128];
    uint8_t memory[16];
    spoke_buf out = spoke_buf_from(memory, sizeof(memory));
    assert_ok(store(f, "k", "old"));
    snprintf(path, sizeof(path), "%s/.k.tmp", f->state);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(store(f, "k", "new"), SPOKE_E_PORT);
    assert_int_equal(rmdir(path), 0);
    assert_ok(load(f, "k", &out));
    assert_str(spoke_buf_str(&out), "old");
}

/* --- the rest of the platform --- */

static void a_clock_before_2024_is_not_set(void **state)
{
    (void)state;
    int64_t seconds = -1;
    assert_int_equal(posix_check_clock(0, &seconds), SPOKE_E_CLOCK);
    assert_int_equal(posix_check_clock(1704067199, &seconds), SPOKE_E_CLOCK);
    assert_int_equal(seconds, -1);
    assert_ok(posix_check_clock(1704067200, &seconds));
    assert_int_equal(seconds, 1704067200);
}

static void the_clocks_run(void **state)
{
    (void)state;
    const spoke_platform *platform = spoke_platform_posix();
    int64_t seconds = 0;
    assert_ok(platform->unix_seconds(platform->ctx, &seconds));
    assert_true(seconds >= 1704067200);
    const uint64_t before = platform->monotonic_ms(platform->ctx);
    assert_true(platform->monotonic_ms(platform->ctx) >= before);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    const spoke_platform *platform = spoke_platform_posix();
    uint8_t a[600] = {0}, b[600] = {0}; /* more than getrandom gives in one uninterrupted piece */
    assert_ok(platform->random(platform->ctx, a, sizeof(a)));
    assert_ok(platform->random(platform->ctx, b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 568, b + 568, 32);
}

static void lines_above_the_level_are_dropped(void **state)
{
    struct fixture *f = *state;
    f->platform->log(f->platform->ctx, SPOKE_LOG_DEBUG, "m", "dropped");
    assert_int_equal(f->lines, 0);
    f->platform->log(f->platform->ctx, SPOKE_LOG_INFO, "m", "kept");
    assert_int_equal(f->lines, 1);
    assert_string_equal(f->line, "m|kept");
}

static void *count_under_the_lock(void *user)
{
    struct fixture *f = user;
    for (int i = 0; i < 1000; i++) {
        f->platform->lock(f->platform->ctx);
        f->lines++;
        f->platform->unlock(f->platform->ctx);
    }
    return NULL;
}

static void the_lock_excludes(void **state)
{
    struct fixture *f = *state;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, count_under_the_lock, f), 0);
    count_under_the_lock(f);
    pthread_join(other, NULL);
    assert_int_equal(f->lines, 2000);
}

static void the_static_platform_has_neither_lock_nor_records(void **state)
{
    (void)state;
    const spoke_platform *platform = spoke_platform_posix();
    assert_null(platform->lock);
    assert_null(platform->unlock);
    assert_null(platform->load);
    assert_null(platform->store);
    assert_non_null(platform->net);
    assert_int_equal(platform->struct_size, sizeof(spoke_platform));
}

static void a_platform_without_a_folder_keeps_no_records(void **state)
{
    (void)state;
    spoke_platform *platform = NULL;
    assert_ok(spoke_posix_create(NULL, &platform));
    assert_null(platform->load);
    assert_non_null(platform->lock);
    spoke_posix_destroy(platform);
    spoke_posix_destroy(NULL);
}

static void options_that_cannot_work_are_refused(void **state)
{
    (void)state;
    spoke_platform *platform = NULL;
    spoke_posix_options options = {.struct_size = 0};
    assert_int_equal(spoke_posix_create(&options, &platform), SPOKE_E_ARG);
    options.struct_size = sizeof(options);
    options.state_dir = "/nonexistent/folder/state";
    assert_int_equal(spoke_posix_create(&options, &platform), SPOKE_E_PORT);
    options.state_dir = "/dev/null"; /* no folder */
    assert_int_equal(spoke_posix_create(&options, &platform), SPOKE_E_PORT);
    options.state_dir = NULL;
    options.log_level = (spoke_log_level)9;
    assert_int_equal(spoke_posix_create(&options, &platform), SPOKE_E_ARG);
    options.log_level = SPOKE_LOG_ERROR;
    options.dns_servers = "no address";
    assert_int_not_equal(spoke_posix_create(&options, &platform), SPOKE_OK);
    assert_null(platform);
    assert_int_equal(spoke_posix_create(NULL, NULL), SPOKE_E_ARG);
}

static void options_of_an_older_header_are_accepted(void **state)
{
    (void)state;
    spoke_platform *platform = NULL;
    /* Only the first members existed; what lies behind them must not be read. */
    const spoke_posix_options options = {.struct_size = offsetof(spoke_posix_options, log_level),
                                         .log_level = (spoke_log_level)99,
                                         .dns_servers = "no address"};
    assert_ok(spoke_posix_create(&options, &platform));
    spoke_posix_destroy(platform);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_comes_back_as_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_survives_the_platform, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_record_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_value_removes_the_record, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_fills_the_buffer_exactly_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(loading_appends, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_could_leave_the_folder_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(records_are_for_the_owner_only, setup, teardown),
        cmocka_unit_test_setup_teardown(neither_links_nor_pipes_pass_for_records, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_was_cut_short_leaves_the_old_record, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_store_leaves_the_old_record, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_above_the_level_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lock_excludes, setup, teardown),
        cmocka_unit_test(a_clock_before_2024_is_not_set),
        cmocka_unit_test(the_clocks_run),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(the_static_platform_has_neither_lock_nor_records),
        cmocka_unit_test(a_platform_without_a_folder_keeps_no_records),
        cmocka_unit_test(options_that_cannot_work_are_refused),
        cmocka_unit_test(options_of_an_older_header_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
