#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/backup.h"
#include "central/data_dir.h"
#include "central/file.h"
#include "central/store/store_broker.h"
#include <spoke/central/central.h>

struct fixture {
    struct data_dir dir; /* a temporary folder: data and copies are below it */
    char *data, *copy;
    spoke_central *central;
    char why[512];
};

static spoke_central *start(struct fixture *f, const char *folder)
{
    spoke_central *central = NULL;
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.data_dir = folder, .any_port = true, .threaded = true);
    if (spoke_central_start(&config, &central, f->why, sizeof f->why) != SPOKE_OK)
        fail_msg("%s", f->why);
    return central;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(data_dir_open(NULL, true, &f->dir, f->why, sizeof f->why));
    f->data = data_dir_file(&f->dir, "data");
    f->copy = data_dir_file(&f->dir, "copy");
    f->central = start(f, f->data);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    spoke_central_stop(f->central);
    data_dir_close(&f->dir);
    free(f->data);
    free(f->copy);
    free(f);
    return 0;
}

static int status_of(spoke_central *central, const char *method, const char *target, const char *body)
{
    int status = 0;
    char bytes[4096];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    assert_ok(spoke_central_request_wait(central, method, target, spoke_str_of(body), 10000, &status, &out));
    return status;
}

static char *text_of(const char *folder, const char *name)
{
    char path[512];
    char *text = calloc(1, 16384);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 16383, file) > 0);
    (void)fclose(file);
    return text;
}

static void copy_of_a_running_service_starts_with_the_same_devices_and_certificates(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_of(f->central, "PUT", "/api/devices/kept", "{\"displayName\":\"Kept\"}"), 200);
    assert_ok(backup_make(f->data, f->copy, NULL, f->why, sizeof f->why));
    assert_int_equal(status_of(f->central, "PUT", "/api/devices/later", "{}"), 200);

    spoke_central *restored = start(f, f->copy);
    assert_int_equal(status_of(restored, "GET", "/api/devices/kept", ""), 200);
    assert_int_equal(status_of(restored, "GET", "/api/devices/later", ""), 404);
    assert_string_equal(spoke_central_env_of(restored)->id_scope, spoke_central_env_of(f->central)->id_scope);
    assert_string_equal(spoke_central_env_of(restored)->group_key, spoke_central_env_of(f->central)->group_key);
    spoke_central_stop(restored);

    char *ours = text_of(f->data, "ca.pem"), *theirs = text_of(f->copy, "ca.pem");
    assert_string_equal(theirs, ours);
    free(ours);
    free(theirs);
}

static bool is_kept(void *ctx, const char *topic, spoke_str payload, uint8_t qos)
{
    (void)payload, (void)qos;
    *(bool *)ctx = strcmp(topic, "kept") == 0;
    return true;
}

static void what_the_plain_broker_keeps_is_copied(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    bool kept = false;
    char *source = data_dir_file(&(struct data_dir){f->data, -1, false}, "broker.db");
    char *target = data_dir_file(&(struct data_dir){f->copy, -1, false}, "broker.db");
    assert_ok(store_broker_open(source, true, &store, f->why, sizeof f->why));
    assert_ok(store_broker_retained_put(store, "kept", SPOKE_STR("m"), 1));
    assert_ok(backup_make(f->data, f->copy, NULL, f->why, sizeof f->why));
    store_close(store);
    assert_ok(store_broker_open(target, true, &store, f->why, sizeof f->why));
    assert_ok(store_broker_retained_each(store, is_kept, &kept));
    store_close(store);
    assert_true(kept);
    free(source);
    free(target);
}

static void copy_is_readable_by_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char path[512];
    assert_ok(backup_make(f->data, f->copy, NULL, f->why, sizeof f->why));
    assert_int_equal(stat(f->copy, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    static const char *const names[] = {"central.db", "ca.key", "server.key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->copy, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
}

static void folder_that_is_there_is_left_as_it_is(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(backup_make(f->data, f->data, NULL, f->why, sizeof f->why), SPOKE_E_ARG);
    assert_non_null(strstr(f->why, f->data));
    assert_int_equal(status_of(f->central, "GET", "/api/devices", ""), 200);
}

static void failed_copy_leaves_nothing_and_says_why(void **state)
{
    struct fixture *f = *state;
    char nowhere[512];
    (void)snprintf(nowhere, sizeof nowhere, "%s/nowhere", f->dir.path);
    assert_int_equal(backup_make(nowhere, f->copy, NULL, f->why, sizeof f->why), SPOKE_E_PORT);
    assert_non_null(strstr(f->why, "nowhere/central.db"));
    assert_int_equal(access(f->copy, F_OK), -1);
}

static void database_of_another_program_is_not_copied(void **state)
{
    struct fixture *f = *state;
    char other[512], path[1024];
    (void)snprintf(other, sizeof other, "%s/other", f->dir.path);
    (void)snprintf(path, sizeof path, "%s/central.db", other);
    assert_int_equal(mkdir(other, 0700), 0);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fclose(file); /* an empty file is an empty database, and not ours */
    assert_int_equal(backup_make(other, f->copy, NULL, f->why, sizeof f->why), SPOKE_E_PORT);
    assert_non_null(strstr(f->why, "not a store of spoke-central"));
    assert_int_equal(access(f->copy, F_OK), -1);
}

static void progress_ends_with_a_hundred_percent(void **state)
{
    struct fixture *f = *state;
    char shown[64] = "";
    FILE *progress = fmemopen(shown, sizeof shown, "w");
    assert_non_null(progress);
    assert_ok(backup_make(f->data, f->copy, progress, f->why, sizeof f->why));
    (void)fclose(progress);
    assert_string_equal(shown, "\r100 %\n");
}

/* As of a folder of drops: who may not read it cannot synchronise it, and a copy in it is a good one all the same. */
static void folder_that_may_be_written_and_not_read_is_taken_as_it_is(void **state)
{
    enum { NOBODY = 65534 };
    char folder[] = "/tmp/spoke_drops_XXXXXX", file[64];
    const uid_t before = geteuid();
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/copy", folder);
    assert_int_equal(chmod(folder, 0333), 0);
    if (before == 0) /* to whom modes are nothing */
        assert_int_equal(seteuid(NOBODY), 0);
    const bool done = file_sync_parent(file);
    assert_int_equal(seteuid(before), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copy_of_a_running_service_starts_with_the_same_devices_and_certificates,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_plain_broker_keeps_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_is_readable_by_its_owner_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_that_is_there_is_left_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_copy_leaves_nothing_and_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(database_of_another_program_is_not_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(progress_ends_with_a_hundred_percent, setup, teardown),
        cmocka_unit_test(folder_that_may_be_written_and_not_read_is_taken_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
