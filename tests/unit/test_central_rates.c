/* Connect rate: what is counted, what is shown, and the hub that takes only so many in a second. */
#include "support/core_fixture.h"

#include "central/core/rates.h"

#define START_MS (BENCH_START_S * INT64_C(1000))

static struct rates rates;

static int set(void **state)
{
    (void)state;
    assert_ok(rates_init(&rates, 0));
    return 0;
}

static int clear(void **state)
{
    (void)state;
    rates_fini(&rates);
    return 0;
}

static unsigned admit(uint64_t now_ms, unsigned count)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < count; i++)
        admitted += rates_admit(&rates, now_ms, START_MS + (int64_t)now_ms);
    return admitted;
}

static void limit_to(uint32_t limit)
{
    rates_fini(&rates);
    assert_ok(rates_init(&rates, limit));
}

static double shown(const char *object, const char *name)
{
    cJSON *tree = rates_get(&rates);
    const cJSON *at = object != NULL ? cJSON_GetObjectItem(tree, object) : tree;
    const double value = cJSON_GetObjectItem(at, name)->valuedouble;
    cJSON_Delete(tree);
    return value;
}

static void without_a_limit_all_are_taken(void **state)
{
    (void)state;
    assert_int_equal(admit(0, 5000), 5000);
    assert_true(shown(NULL, "refused") == 0);
}

static void no_thousand_ms_ever_have_more_than_the_limit(void **state)
{
    (void)state;
    static uint64_t at[2000];
    size_t accepted = 0;
    limit_to(7);
    for (uint64_t now = 0; now < 9000; now += 13)
        for (int i = 0; i < 3; i++)
            if (rates_admit(&rates, now, START_MS + (int64_t)now))
                at[accepted++] = now;
    for (size_t i = 7; i < accepted; i++)
        assert_true(at[i] - at[i - 7] >= 1000);
    assert_true(accepted >= 7 * 8); /* and the hub is not slower than it says */
}

static void limit_opens_again_one_second_later_to_the_ms(void **state)
{
    (void)state;
    limit_to(2);
    assert_int_equal(admit(500, 3), 2);
    assert_int_equal(admit(1499, 1), 0);
    assert_int_equal(admit(1500, 3), 2);
    assert_true(shown(NULL, "refused") == 3);
}

static void peak_is_of_a_second_that_may_begin_anywhere(void **state)
{
    (void)state;
    admit(900, 4);
    admit(1300, 5);
    admit(5000, 8);
    assert_true(shown("peak", "connects") == 9);
    assert_true(shown(NULL, "connects") == 17);
}

static void connects_a_second_apart_do_not_add_up(void **state)
{
    (void)state;
    admit(0, 3);
    admit(1000, 3);
    admit(1000000, 3);
    assert_true(shown("peak", "connects") == 3);
}

static void seconds_are_shown_oldest_first_and_the_last_ones_kept(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < 700; s++)
        admit(s * 1000, 1);
    cJSON *tree = rates_get(&rates);
    const cJSON *list = cJSON_GetObjectItem(tree, "seconds");
    assert_int_equal(cJSON_GetArraySize(list), 600);
    char *first = cJSON_PrintUnformatted(cJSON_GetArrayItem(list, 0));
    char *last = cJSON_PrintUnformatted(cJSON_GetArrayItem(list, 599));
    assert_string_equal(first, "{\"at\":\"2026-01-01T00:01:40.000Z\",\"connects\":1,\"refused\":0}");
    assert_string_equal(last, "{\"at\":\"2026-01-01T00:11:39.000Z\",\"connects\":1,\"refused\":0}");
    free(first);
    free(last);
    cJSON_Delete(tree);
}

static void forgetting_keeps_the_limit(void **state)
{
    (void)state;
    limit_to(1);
    assert_int_equal(admit(0, 2), 1);
    rates_forget(&rates);
    assert_true(shown(NULL, "connects") == 0);
    assert_int_equal(admit(10, 1), 0);
}

/* --- on the wire --- */

static void route_shows_and_forgets_what_came(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(true);
    fixture_connect(f, "d1");
    fixture_ask(f, "GET", "/control/rates", "");
    assert_answer(f, 200,
                  "{\"connects\":1,\"refused\":0,\"peak\":{\"connects\":1,\"at\":\"2026-03-04T05:06:07.089Z\"},"
                  "\"seconds\":[{\"at\":\"2026-03-04T05:06:07.000Z\",\"connects\":1,\"refused\":0}]}");
    fixture_ask(f, "DELETE", "/control/rates", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/control/rates", "");
    assert_answer(f, 200, "{\"connects\":0,\"refused\":0,\"peak\":{\"connects\":0},\"seconds\":[]}");
    fixture_destroy(f);
}

static void throttled_hub_refuses_with_three_and_takes_them_later(void **state)
{
    (void)state;
    static struct bench bench;
    static struct device devices[30];
    char id[16];
    int accepted = 0, refused = 0;
    bench_prepare(&bench);
    bench.options.connect_rate = 10;
    bench_start(&bench);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(id, sizeof id, "dev-%d", i);
        bench_provision(&bench, id);
        device_open(&devices[i], &bench, NULL);
        device_connect_hub(&devices[i], id, true);
        const uint8_t code = device_connack(&devices[i]);
        accepted += code == 0;
        refused += code == 3;
    }
    assert_int_equal(accepted, 10);
    assert_int_equal(refused, 20);
    device_close(&devices[29]);
    bench_advance(&bench, 1000);
    device_online(&devices[29], &bench, "dev-29", true);
    for (int i = 0; i < 30; i++)
        device_close(&devices[i]);
    bench_close(&bench);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set, clear)
    const struct CMUnitTest tests[] = {
        CLAIM(without_a_limit_all_are_taken),
        CLAIM(no_thousand_ms_ever_have_more_than_the_limit),
        CLAIM(limit_opens_again_one_second_later_to_the_ms),
        CLAIM(peak_is_of_a_second_that_may_begin_anywhere),
        CLAIM(connects_a_second_apart_do_not_add_up),
        CLAIM(seconds_are_shown_oldest_first_and_the_last_ones_kept),
        CLAIM(forgetting_keeps_the_limit),
        CLAIM(route_shows_and_forgets_what_came),
        CLAIM(throttled_hub_refuses_with_three_and_takes_them_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
