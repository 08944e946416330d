/* The heap of timers gives out who is due first, whatever was set, moved and taken out. */
#include "support/support.h"

#include "base/timers.h"

enum { COUNT = 100 };

static struct timer all[COUNT];
static struct timers timers;

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_ok(timers_add(&timers, &all[i], UINT64_MAX, &all[i]));
    return 0;
}

static int clear(void **state)
{
    (void)state;
    timers_free(&timers);
    return 0;
}

static struct timer *first(void)
{
    return timers_first(&timers, UINT64_MAX - 1);
}

static uint64_t least(void)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < COUNT; i++)
        due = all[i].place != 0 && all[i].due < due ? all[i].due : due;
    return due;
}

static void nobody_is_due_where_none_waits(void **state)
{
    (void)state;
    assert_null(first());
}

static void the_earliest_comes_first(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 30);
    timers_set(&timers, &all[1], 10);
    timers_set(&timers, &all[2], 20);
    assert_ptr_equal(first(), &all[1]);
}

static void one_that_is_put_off_makes_way(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 10);
    timers_set(&timers, &all[1], 20);
    timers_set(&timers, &all[0], 30);
    assert_ptr_equal(first(), &all[1]);
    timers_set(&timers, &all[0], 5);
    assert_ptr_equal(first(), &all[0]);
}

static void one_that_never_is_due_waits_and_may_come_back(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 10);
    timers_set(&timers, &all[0], UINT64_MAX);
    timers_set(&timers, &all[0], UINT64_MAX);
    assert_null(first());
    timers_set(&timers, &all[0], 7);
    assert_ptr_equal(first(), &all[0]);
}

static void toss(struct timer *timer, uint32_t number)
{
    if (number % 8 == 0 && timer->place != 0)
        timers_remove(&timers, timer);
    else if (timer->place == 0)
        assert_ok(timers_add(&timers, timer, number / 8 % 50, timer));
    else
        timers_set(&timers, timer, number % 4 == 0 ? UINT64_MAX : number / 8 % 50);
}

static void whatever_is_done_the_first_is_the_least(void **state)
{
    uint32_t number = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        number = number * 1664525u + 1013904223u;
        toss(&all[number >> 8 & 63], number >> 16);
        assert_int_equal(timers_due(&timers), least());
        assert_true(first() == NULL || first()->due == least());
    }
}

static void a_heap_that_cannot_grow_says_so(void **state)
{
    struct timers full = {.count = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
    struct timer one;
    (void)state;
    assert_int_equal(timers_add(&full, &one, 1, &one), SPOKE_E_NO_MEMORY);
    assert_int_equal(full.count, SIZE_MAX / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_due_where_none_waits, fill, clear),
        cmocka_unit_test_setup_teardown(the_earliest_comes_first, fill, clear),
        cmocka_unit_test_setup_teardown(one_that_is_put_off_makes_way, fill, clear),
        cmocka_unit_test_setup_teardown(one_that_never_is_due_waits_and_may_come_back, fill, clear),
        cmocka_unit_test_setup_teardown(whatever_is_done_the_first_is_the_least, fill, clear),
        cmocka_unit_test(a_heap_that_cannot_grow_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
