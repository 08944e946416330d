#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/data_dir.h"
#include "central/new_token.h"
#include <spoke/central/central.h>

struct fixture {
    struct data_dir dir; /* a temporary folder: the data is below it */
    char *data;
    spoke_central *central;
    char *token, why[512];
};

static void start(struct fixture *f)
{
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.data_dir = f->data, .no_listen = true, .threaded = true);
    if (spoke_central_start(&config, &f->central, f->why, sizeof f->why) != SPOKE_OK)
        fail_msg("%s", f->why);
}

static void stop(struct fixture *f)
{
    spoke_central_stop(f->central);
    f->central = NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(data_dir_open(NULL, true, &f->dir, f->why, sizeof f->why));
    f->data = data_dir_file(&f->dir, "data");
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    stop(f);
    data_dir_close(&f->dir);
    free(f->data);
    free(f->token);
    free(f);
    return 0;
}

static spoke_status make(struct fixture *f, const char *name)
{
    free(f->token);
    f->why[0] = '\0';
    return new_token_make(f->data, name, &f->token, f->why, sizeof f->why);
}

static int get_token(struct fixture *f, const char *name, char *body, size_t cap)
{
    int status = 0;
    char target[128];
    spoke_buf out = spoke_buf_from(body, cap - 1);
    (void)snprintf(target, sizeof target, "/api/apiTokens/%s", name);
    assert_ok(spoke_central_request_wait(f->central, "GET", target, SPOKE_STR(""), 10000, &status, &out));
    body[out.len] = '\0';
    return status;
}

static void running_service_has_the_token_at_once_and_after_a_start(void **state)
{
    struct fixture *f = *state;
    char body[1024];
    assert_ok(make(f, "ops"));
    assert_int_equal(strncmp(f->token, "SharedAccessSignature sr=", 25), 0);
    assert_non_null(strstr(f->token, "&skn=ops&se="));
    for (int starts = 0; starts < 2; starts++) {
        assert_int_equal(get_token(f, "ops", body, sizeof body), 200);
        assert_non_null(strstr(body, "ca310b8d-2f4a-44e0-a36e-957c202cd8d4"));
        assert_null(strstr(body, "hash"));
        stop(f);
        start(f);
    }
}

static void stopped_service_has_the_token_when_it_starts(void **state)
{
    struct fixture *f = *state;
    char body[1024];
    stop(f);
    assert_ok(make(f, "ops"));
    start(f);
    assert_int_equal(get_token(f, "ops", body, sizeof body), 200);
}

static void name_that_is_taken_keeps_its_token(void **state)
{
    struct fixture *f = *state;
    assert_ok(make(f, "ops"));
    assert_int_equal(make(f, "ops"), SPOKE_E_ARG);
    assert_null(f->token);
    assert_non_null(strstr(f->why, "take another"));
}

static void name_that_no_route_could_name_is_refused(void **state)
{
    static const char *const names[] = {
        "", "a b", "a/b", "bootstrap", "1234567890123456789012345678901234567890123456789", "a\n", "\xc3\xa4"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(make(f, names[i]), SPOKE_E_ARG);
        assert_null(f->token);
        assert_true(f->why[0] != '\0');
    }
}

static void no_more_tokens_than_the_service_keeps(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "t-%d", i);
        assert_ok(make(f, name));
    }
    assert_int_equal(make(f, "one-more"), SPOKE_E_PORT);
    assert_null(f->token);
}

static void folder_without_a_store_stays_without_one(void **state)
{
    struct fixture *f = *state;
    char path[600];
    char *data = f->data;
    f->data = data_dir_file(&f->dir, "nowhere");
    assert_int_equal(make(f, "ops"), SPOKE_E_PORT);
    assert_non_null(strstr(f->why, f->data));
    assert_int_equal(mkdir(f->data, 0700), 0);
    assert_int_equal(make(f, "ops"), SPOKE_E_PORT);
    (void)snprintf(path, sizeof path, "%s/central.db", f->data);
    assert_int_equal(access(path, F_OK), -1);
    free(f->data);
    f->data = data;
}

static void file_that_is_no_store_of_ours_is_left_as_it_is(void **state)
{
    static const char *const contents[] = {
        "", "no database at all, but some text that is long enough to be looked at"};
    struct fixture *f = *state;
    char path[600];
    struct stat info;
    char *data = f->data;
    f->data = data_dir_file(&f->dir, "other");
    (void)snprintf(path, sizeof path, "%s/central.db", f->data);
    assert_int_equal(mkdir(f->data, 0700), 0);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fputs(contents[i], file);
        (void)fclose(file);
        assert_int_equal(make(f, "ops"), SPOKE_E_PORT);
        assert_non_null(strstr(f->why, path));
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, strlen(contents[i]));
    }
    free(f->data);
    f->data = data;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(running_service_has_the_token_at_once_and_after_a_start, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_service_has_the_token_when_it_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(name_that_is_taken_keeps_its_token, setup, teardown),
        cmocka_unit_test_setup_teardown(name_that_no_route_could_name_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_tokens_than_the_service_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_without_a_store_stays_without_one, setup, teardown),
        cmocka_unit_test_setup_teardown(file_that_is_no_store_of_ours_is_left_as_it_is, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
