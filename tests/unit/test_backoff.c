#include "support/support.h"

#include "base/backoff.h"

static void the_longest_pause_doubles_up_to_the_cap(void **state)
{
    (void)state;
    struct backoff b = {.base_ms = 1000, .cap_ms = 10000};
    static const uint32_t expected[] = {1000, 2000, 4000, 8000, 10000, 10000, 10000};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(backoff_next_ms(&b, UINT32_MAX), expected[i]);
        assert_int_equal(b.attempts, i + 1);
    }
}

static void pauses_are_spread_over_the_whole_range(void **state)
{
    (void)state;
    unsigned quarter[4] = {0};
    for (uint32_t i = 0; i < 4096; i++) {
        struct backoff b = {.base_ms = 1000, .cap_ms = 120000, .attempts = 3};
        const uint32_t pause = backoff_next_ms(&b, i << 20);
        assert_in_range(pause, 1, 8000);
        quarter[(pause - 1) / 2000]++;
    }
    for (size_t i = 0; i < 4; i++)
        assert_in_range(quarter[i], 1000, 1050);
}

static void a_pause_is_never_zero(void **state)
{
    (void)state;
    struct backoff b = {.base_ms = 1000, .cap_ms = 10000};
    assert_int_equal(backoff_next_ms(&b, 0), 1);
    struct backoff none = {.base_ms = 0, .cap_ms = 0};
    assert_int_equal(backoff_next_ms(&none, UINT32_MAX), 1);
    struct backoff never_grows = {.base_ms = 0, .cap_ms = 10000, .attempts = 5};
    assert_int_equal(backoff_next_ms(&never_grows, UINT32_MAX), 1);
}

static void endless_failures_stay_at_the_cap(void **state)
{
    (void)state;
    struct backoff b = {.base_ms = 1, .cap_ms = UINT32_MAX, .attempts = UINT32_MAX};
    assert_int_equal(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
    assert_int_equal(b.attempts, UINT32_MAX);
}

static void a_cap_below_the_base_wins(void **state)
{
    (void)state;
    struct backoff b = {.base_ms = 1000, .cap_ms = 10};
    assert_int_equal(backoff_next_ms(&b, UINT32_MAX), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_pause_doubles_up_to_the_cap),
        cmocka_unit_test(pauses_are_spread_over_the_whole_range),
        cmocka_unit_test(a_pause_is_never_zero),
        cmocka_unit_test(endless_failures_stay_at_the_cap),
        cmocka_unit_test(a_cap_below_the_base_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
