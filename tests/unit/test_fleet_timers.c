/* The heap of timers gives out who is due first, whatever was set, moved and taken out. */
#include "support/support.h"

#include "fleet/random.h"
#include "fleet/timers.h"

enum { COUNT = 100 };

static struct timer all[COUNT];
static struct timer *room[COUNT];
static struct timers timers;

static int empty(void **state)
{
    (void)state;
    timers = (struct timers){.heap = room};
    for (size_t i = 0; i < COUNT; i++)
        all[i] = (struct timer){.at = TIMER_NONE};
    return 0;
}

static uint64_t least(void)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < COUNT; i++) {
        if (all[i].at != TIMER_NONE && all[i].due_ms < due)
            due = all[i].due_ms;
    }
    return due;
}

static void nobody_is_due_where_none_waits(void **state)
{
    (void)state;
    assert_null(timers_first(&timers));
}

static void the_earliest_comes_first(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 30);
    timers_set(&timers, &all[1], 10);
    timers_set(&timers, &all[2], 20);
    assert_ptr_equal(timers_first(&timers), &all[1]);
}

static void one_that_is_put_off_makes_way(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 10);
    timers_set(&timers, &all[1], 20);
    timers_set(&timers, &all[0], 30);
    assert_ptr_equal(timers_first(&timers), &all[1]);
    timers_set(&timers, &all[0], 5);
    assert_ptr_equal(timers_first(&timers), &all[0]);
}

static void one_that_never_is_due_leaves_and_may_come_back(void **state)
{
    (void)state;
    timers_set(&timers, &all[0], 10);
    timers_set(&timers, &all[0], UINT64_MAX);
    timers_set(&timers, &all[0], UINT64_MAX);
    assert_null(timers_first(&timers));
    timers_set(&timers, &all[0], 7);
    assert_ptr_equal(timers_first(&timers), &all[0]);
}

static void whatever_is_done_the_first_is_the_least(void **state)
{
    (void)state;
    struct random random = random_of(1, 2);
    for (int i = 0; i < 20000; i++) {
        struct timer *timer = &all[random_below(&random, COUNT)];
        timers_set(&timers, timer, random_below(&random, 4) == 0 ? UINT64_MAX : random_below(&random, 50));
        const struct timer *first = timers_first(&timers);
        assert_int_equal(first != NULL ? first->due_ms : UINT64_MAX, least());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_is_due_where_none_waits, empty),
        cmocka_unit_test_setup(the_earliest_comes_first, empty),
        cmocka_unit_test_setup(one_that_is_put_off_makes_way, empty),
        cmocka_unit_test_setup(one_that_never_is_due_leaves_and_may_come_back, empty),
        cmocka_unit_test_setup(whatever_is_done_the_first_is_the_least, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
