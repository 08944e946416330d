#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/data_dir.h"

static char why[256];

static void temporary_folder_is_private_and_goes_with_its_files(void **state)
{
    struct data_dir dir;
    struct stat info;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &dir, why, sizeof why));
    char *path = strdup(dir.path), *file = data_dir_file(&dir, "central.db");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    fclose(made);
    data_dir_close(&dir);
    assert_int_equal(access(path, F_OK), -1);
    free(file);
    free(path);
}

static void folder_and_its_parents_are_made_and_kept(void **state)
{
    struct data_dir outer, dir;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &outer, why, sizeof why));
    char *path = data_dir_file(&outer, "a/b/c");
    assert_ok(data_dir_open(path, false, &dir, why, sizeof why));
    data_dir_close(&dir);
    assert_int_equal(access(path, F_OK), 0);
    data_dir_close(&outer);
    free(path);
}

static void folder_in_use_is_refused_until_it_is_let_go(void **state)
{
    struct data_dir first, second;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &first, why, sizeof why));
    assert_int_equal(data_dir_open(first.path, false, &second, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, first.path));
    assert_non_null(strstr(why, "in use by another spoke-central"));
    close(first.lock);
    first.lock = -1;
    assert_ok(data_dir_open(first.path, false, &second, why, sizeof why));
    data_dir_close(&second);
    data_dir_close(&first);
}

static void folder_that_cannot_be_made_is_named(void **state)
{
    struct data_dir dir;
    (void)state;
    assert_int_equal(data_dir_open("/proc/nowhere/at/all", false, &dir, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, "/proc/nowhere/at/all"));
    assert_null(dir.path);
    assert_int_equal(data_dir_open("/dev/null", false, &dir, why, sizeof why), SPOKE_E_PORT);
}

static void folder_that_everybody_may_change_is_refused(void **state)
{
    struct data_dir outer, dir;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &outer, why, sizeof why));
    char *path = data_dir_file(&outer, "shared");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(data_dir_open(path, false, &dir, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, "everybody may write"));
    assert_int_equal(chmod(path, 0770), 0); /* a group is somebody's choice */
    assert_ok(data_dir_open(path, false, &dir, why, sizeof why));
    data_dir_close(&dir);
    data_dir_close(&outer);
    free(path);
}

static void lock_is_not_made_behind_a_link(void **state)
{
    struct data_dir outer, dir;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &outer, why, sizeof why));
    char *path = data_dir_file(&outer, "data"), *link = data_dir_file(&outer, "data/lock");
    char *elsewhere = data_dir_file(&outer, "elsewhere");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(symlink(elsewhere, link), 0);
    assert_int_equal(data_dir_open(path, false, &dir, why, sizeof why), SPOKE_E_PORT);
    assert_int_equal(access(elsewhere, F_OK), -1);
    data_dir_close(&outer);
    free(path);
    free(link);
    free(elsewhere);
}

static void usual_folder_follows_xdg_then_home(void **state)
{
    struct data_dir outer, dir;
    (void)state;
    assert_ok(data_dir_open(NULL, true, &outer, why, sizeof why));
    char *xdg = data_dir_file(&outer, "xdg"), *home = data_dir_file(&outer, "home");
    setenv("XDG_DATA_HOME", xdg, 1);
    setenv("HOME", home, 1);
    assert_ok(data_dir_open(NULL, false, &dir, why, sizeof why));
    assert_string_equal(dir.path + strlen(outer.path), "/xdg/spoke-central");
    data_dir_close(&dir);
    setenv("XDG_DATA_HOME", "relative", 1); /* to be ignored, says the XDG base directory specification */
    assert_ok(data_dir_open(NULL, false, &dir, why, sizeof why));
    assert_string_equal(dir.path + strlen(outer.path), "/home/.local/share/spoke-central");
    data_dir_close(&dir);
    unsetenv("HOME");
    assert_int_equal(data_dir_open(NULL, false, &dir, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, "--data-dir"));
    data_dir_close(&outer);
    free(xdg);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temporary_folder_is_private_and_goes_with_its_files),
        cmocka_unit_test(folder_and_its_parents_are_made_and_kept),
        cmocka_unit_test(folder_in_use_is_refused_until_it_is_let_go),
        cmocka_unit_test(folder_that_cannot_be_made_is_named),
        cmocka_unit_test(folder_that_everybody_may_change_is_refused),
        cmocka_unit_test(lock_is_not_made_behind_a_link),
        cmocka_unit_test(usual_folder_follows_xdg_then_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
