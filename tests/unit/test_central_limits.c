/* Rates and numbers of an application: the profile, its overrides, 429 and Retry-After. */
#include "central/core/limits.h"
#include "support/core_fixture.h"

static spoke_status parse(const char *text, struct limits *l)
{
    static char why[200];
    const spoke_status status = limits_parse(text, l, why, sizeof why);
    assert_true((status == SPOKE_OK) || why[0] != '\0');
    return status;
}

static void without_a_profile_nothing_is_limited(void **state)
{
    struct limits l;
    uint32_t wait_s = 0;
    (void)state;
    assert_ok(parse(NULL, &l));
    for (unsigned i = 0; i < 10000; i++)
        assert_true(limits_admit(&l, LIMIT_QUERIES, 0, &wait_s));
}

static void a_profile_can_be_overridden(void **state)
{
    struct limits l;
    (void)state;
    assert_ok(parse("central-limits", &l));
    assert_int_equal(l.most[LIMIT_REQUESTS], 20);
    assert_int_equal(l.most[LIMIT_QUERIES], 1);
    assert_ok(parse("central-limits,requests=5,devices=0", &l));
    assert_int_equal(l.most[LIMIT_REQUESTS], 5);
    assert_int_equal(l.most[LIMIT_DEVICES], 0);
}

static void a_profile_that_is_none_is_refused(void **state)
{
    static const char *const BAD[] = {"",
                                      "central",
                                      "central-limits,",
                                      "central-limits,requests",
                                      "central-limits,requests=",
                                      "central-limits,requests=-1",
                                      "central-limits,requests=1000001",
                                      "central-limits,colours=3",
                                      "requests=5"};
    struct limits l;
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(parse(BAD[i], &l), SPOKE_E_ARG);
}

static void a_rate_admits_so_many_in_a_second_and_says_how_long_to_wait(void **state)
{
    struct limits l;
    uint32_t wait_s = 0;
    (void)state;
    assert_ok(parse("central-limits,requests=20", &l));
    for (unsigned i = 0; i < 20; i++)
        assert_true(limits_admit(&l, LIMIT_REQUESTS, 5000, &wait_s));
    assert_false(limits_admit(&l, LIMIT_REQUESTS, 5000, &wait_s));
    assert_int_equal(wait_s, 1);
    assert_false(limits_admit(&l, LIMIT_REQUESTS, 5049, &wait_s));
    assert_true(limits_admit(&l, LIMIT_REQUESTS, 5050, &wait_s));
    assert_false(limits_admit(&l, LIMIT_REQUESTS, 5050, &wait_s));
    assert_true(limits_admit(&l, LIMIT_COMMANDS, 5050, &wait_s)); /* a rate of its own */
}

/* --- at the door --- */

static struct fixture *f;
static char *token;

static int set_up(void **state)
{
    f = calloc(1, sizeof *f);
    bench_prepare(&f->bench);
    f->bench.start_ms = FIXTURE_UNIX_MS - (int64_t)f->bench.now_ms;
    f->bench.options.profile = "central-limits,requests=3,commands=1,properties=2,devices=2,simulatedDevices=1";
    bench_start(&f->bench);
    *state = f;
    return core_api_token(f->bench.core, "ci", &token) == SPOKE_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    free(token);
    fixture_destroy(*state);
    return 0;
}

static void ask(const char *method, const char *path, const char *body)
{
    char target[200];
    snprintf(target, sizeof target, "%s?api-version=2022-07-31", path);
    fixture_ask_as(f, method, target, body, false, token);
}

static void too_many_requests_are_429_until_the_second_is_over(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ask("GET", "/api/devices", "");
        assert_int_equal(f->status, 200);
    }
    ask("GET", "/api/users", "");
    assert_refused(f, 429, "TooManyRequests", "at most 3");
    assert_int_equal(f->retry_after_s, 1);
    f->bench.now_ms += 1000;
    ask("GET", "/api/users", "");
    assert_int_equal(f->status, 200);
}

static void commands_and_properties_have_rates_of_their_own(void **state)
{
    (void)state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    for (unsigned i = 0; i < 4; i++)
        ask("GET", "/api/devices", "");
    assert_int_equal(f->status, 429);
    ask("PATCH", "/api/devices/d1/properties", "{\"a\":1}");
    assert_int_equal(f->status, 202);
    ask("POST", "/api/devices/d1/commands/c", "{}");
    assert_int_not_equal(f->status, 429);
    ask("POST", "/api/devices/d1/commands/c", "{}");
    assert_refused(f, 429, "TooManyRequests", "at most 1");
}

static void what_is_refused_at_the_door_uses_nothing_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        fixture_ask_as(f, "GET", "/api/devices?api-version=2022-07-31", "", false, NULL);
    ask("GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
}

static void the_test_in_the_same_process_is_not_limited(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        fixture_ask(f, "GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
}

static void a_live_stream_is_one_request_however_long_it_lasts(void **state)
{
    struct core_stream *stream = NULL;
    char text[4096];
    const struct core_request request = {.method = "GET",
                                         .path = "/api/events/stream",
                                         .query = "api-version=2022-07-31",
                                         .authorization = token,
                                         .stream = &stream};
    (void)state;
    (void)core_request(f->bench.core, &request, fixture_done, f);
    assert_int_equal(f->status, 200);
    for (unsigned i = 0; i < 20; i++) {
        fixture_ask(f, "PUT", "/api/devices/d1",
                    i % 2 == 0 ? "{\"displayName\":\"a\"}" : "{\"displayName\":\"b\"}");
        bench_advance(&f->bench, 100);
        while (core_stream_read(stream, text, sizeof text) > 0)
            continue;
    }
    assert_false(core_stream_ended(stream));
    ask("GET", "/api/devices", "");
    assert_int_equal(f->status, 200);
    core_stream_close(stream);
}

static void an_application_has_so_many_devices(void **state)
{
    (void)state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"simulated\":true}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/devices/d2", "{\"simulated\":true}");
    assert_refused(f, 422, "UnprocessableEntity", "at most 1 simulated");
    fixture_ask(f, "PUT", "/api/devices/d2", "{}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/devices/d3", "{}");
    assert_refused(f, 422, "UnprocessableEntity", "at most 2 devices");
    fixture_ask(f, "PUT", "/api/devices/d2", "{\"displayName\":\"still mine\"}");
    assert_int_equal(f->status, 200);
}

static void a_service_with_a_bad_profile_does_not_start(void **state)
{
    struct bench bench;
    char why[200] = "";
    (void)state;
    bench_prepare(&bench);
    bench.options.profile = "strict";
    assert_int_equal(core_create(&bench.options, &bench.core, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "central-limits"));
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_profile_nothing_is_limited),
        cmocka_unit_test(a_profile_can_be_overridden),
        cmocka_unit_test(a_profile_that_is_none_is_refused),
        cmocka_unit_test(a_rate_admits_so_many_in_a_second_and_says_how_long_to_wait),
        STAGED(too_many_requests_are_429_until_the_second_is_over),
        STAGED(commands_and_properties_have_rates_of_their_own),
        STAGED(what_is_refused_at_the_door_uses_nothing_up),
        STAGED(the_test_in_the_same_process_is_not_limited),
        STAGED(a_live_stream_is_one_request_however_long_it_lasts),
        STAGED(an_application_has_so_many_devices),
        cmocka_unit_test(a_service_with_a_bad_profile_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
