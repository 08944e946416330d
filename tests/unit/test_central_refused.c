/* Whoever guesses tokens waits, and nobody else does. */
#include "support/core_fixture.h"

static char *good;

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    assert_ok(core_api_token(f->bench.core, "ci", &good));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(good);
    fixture_destroy(*state);
    return 0;
}

/* The status; 0: it is not answered yet. */
static int ask(struct fixture *f, const char *address, const char *token)
{
    const struct core_request request = {.method = "GET",
                                         .path = "/api/me",
                                         .query = "api-version=2022-07-31",
                                         .authorization = token,
                                         .address = spoke_str_of(address),
                                         .base = ""};
    f->status = 0;
    f->ticket = core_request(f->bench.core, &request, fixture_done, f);
    return f->status;
}

/* A device asks where to put a file, with a token that is none of its own. */
static int ask_as_device(struct fixture *f, const char *address, const char *token)
{
    const struct core_request request = {.method = "POST",
                                         .path = "/devices/d1/files",
                                         .query = "api-version=2021-04-12",
                                         .authorization = token,
                                         .address = spoke_str_of(address),
                                         .base = "",
                                         .body = SPOKE_STR("{\"blobName\":\"x\"}")};
    f->status = 0;
    f->ticket = core_request(f->bench.core, &request, fixture_done, f);
    return f->status;
}

static void guess(struct fixture *f, const char *address, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(ask(f, address, "Bearer x"), 401);
}

static void after_twenty_guesses_each_answer_takes_a_second(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
        assert_int_not_equal(f->ticket, 0);
    }
    bench_advance(&f->bench, 999);
    assert_int_equal(f->answers, 20);
    bench_advance(&f->bench, 1);
    assert_int_equal(f->answers, 23);
    assert_refused(f, 401, "Unauthorized", "SharedAccessSignature");
}

static void a_good_token_does_not_wait_and_neither_does_another_address(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
    assert_int_equal(ask(f, "\1\2\3\4", good), 200);
    assert_int_equal(ask(f, "\1\2\3\5", "Bearer x"), 401);
    assert_int_equal(ask(f, "\1\2\3\4\5\6\7\10", "Bearer x"), 401);
    guess(f, "", 100); /* the service's own streams, which have none */
}

static void two_guesses_a_second_are_answered_at_once_again(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    bench_advance(&f->bench, 1000);
    guess(f, "\1\2\3\4", 2);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
    bench_advance(&f->bench, 20000);
    guess(f, "\1\2\3\4", 20);
}

static void of_many_addresses_the_one_that_was_quiet_longest_is_forgotten(void **state)
{
    struct fixture *f = *state;
    char address[5] = "\1\2\3\1";
    guess(f, "\1\2\3\4", 20);
    for (int i = 1; i < 200; i++) {
        address[2] = (char)i;
        guess(f, address, 1);
    }
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
}

static void no_more_than_32_wait_so_that_connections_are_left(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    for (int i = 0; i < 32; i++)
        assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
    guess(f, "\1\2\3\4", 100);
    bench_advance(&f->bench, 1000);
    assert_int_equal(f->answers, 152);
}

static void who_leaves_is_not_answered(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
    const uint64_t first = f->ticket;
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0);
    core_request_cancel(f->bench.core, first);
    core_request_cancel(f->bench.core, first);
    bench_advance(&f->bench, 1000);
    assert_int_equal(f->answers, 21);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 401);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 401);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0); /* and one that still waits at the end */
}

static void a_device_that_guesses_over_https_waits_like_a_caller(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask_as_device(f, "\1\2\3\4", "SharedAccessSignature x"), 401);
    assert_int_equal(ask_as_device(f, "\1\2\3\4", "SharedAccessSignature x"), 0);
    assert_int_equal(ask(f, "\1\2\3\4", "Bearer x"), 0); /* one address, one rate, whatever is guessed */
    bench_advance(&f->bench, 1000);
    assert_int_equal(f->answers, 22);
    assert_int_equal(ask_as_device(f, "\1\2\3\4", "SharedAccessSignature x"), 401);
}

static void a_device_that_guessed_and_left_is_not_answered(void **state)
{
    struct fixture *f = *state;
    guess(f, "\1\2\3\4", 20);
    assert_int_equal(ask_as_device(f, "\1\2\3\4", "SharedAccessSignature x"), 0);
    core_request_cancel(f->bench.core, f->ticket);
    bench_advance(&f->bench, 1000);
    assert_int_equal(f->answers, 20);
}

static void a_good_token_of_a_device_does_not_wait(void **state)
{
    struct fixture *f = *state;
    char key[96], token[600];
    fixture_device_row(f, "d1");
    assert_ok(core_device_key(f->bench.core, "d1", false, key));
    bench_token("d1", key, "localhost/devices/d1", bench_unix(&f->bench) / 1000 + 60, token, sizeof token);
    guess(f, "\1\2\3\4", 20);
    assert_int_equal(ask_as_device(f, "\1\2\3\4", "SharedAccessSignature x"), 0);
    assert_int_equal(ask_as_device(f, "\1\2\3\4", token), 400); /* no storage is configured */
}

#define REFUSED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSED(after_twenty_guesses_each_answer_takes_a_second),
        REFUSED(a_good_token_does_not_wait_and_neither_does_another_address),
        REFUSED(two_guesses_a_second_are_answered_at_once_again),
        REFUSED(of_many_addresses_the_one_that_was_quiet_longest_is_forgotten),
        REFUSED(no_more_than_32_wait_so_that_connections_are_left),
        REFUSED(who_leaves_is_not_answered),
        REFUSED(a_device_that_guesses_over_https_waits_like_a_caller),
        REFUSED(a_device_that_guessed_and_left_is_not_answered),
        REFUSED(a_good_token_of_a_device_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
