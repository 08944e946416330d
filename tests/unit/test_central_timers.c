/* The heap of deadlines and the list that the service's loop is made of. */
#include "support/support.h"

#include <string.h>

#include <base/list.h>
#include <base/timers.h>

enum { MANY = 10000 };

static struct timers timers;
static struct timer timer[MANY];

static int clear(void **state)
{
    (void)state;
    timers_free(&timers);
    memset(timer, 0, sizeof timer);
    return 0;
}

/* The same disorder at each run. */
static uint64_t mixed(uint64_t number)
{
    return number * 7919 % MANY;
}

static void add_many(void)
{
    for (size_t i = 0; i < MANY; i++)
        assert_ok(timers_add(&timers, &timer[i], mixed(i), &timer[i]));
}

static void timers_come_in_the_order_of_their_time(void **state)
{
    (void)state;
    add_many();
    for (uint64_t due = 0; due < MANY; due++) {
        assert_int_equal(timers_due(&timers), due);
        struct timer *first = timers_first(&timers, due);
        assert_non_null(first);
        assert_int_equal(first->due, due);
        timers_remove(&timers, first);
    }
    assert_int_equal(timers_due(&timers), UINT64_MAX);
}

static void timer_that_is_not_due_is_not_given(void **state)
{
    (void)state;
    assert_ok(timers_add(&timers, &timer[0], 100, &timer[0]));
    assert_null(timers_first(&timers, 99));
    assert_ptr_equal(timers_first(&timers, 100), &timer[0]);
}

static void no_timer_is_never_due(void **state)
{
    (void)state;
    assert_null(timers_first(&timers, UINT64_MAX));
    assert_int_equal(timers_due(&timers), UINT64_MAX);
}

static void timer_that_is_set_anew_finds_its_place(void **state)
{
    (void)state;
    add_many();
    for (size_t i = 0; i < MANY; i++) /* later ones, and sooner ones */
        timers_set(&timers, &timer[i], MANY - timer[i].due);
    for (uint64_t due = 1; due <= MANY; due++) {
        struct timer *first = timers_first(&timers, MANY);
        assert_int_equal(first->due, due);
        timers_set(&timers, first, UINT64_MAX);
    }
}

static void timers_that_leave_from_the_middle_leave_the_others_in_order(void **state)
{
    uint64_t last = 0;
    size_t left = 0;
    (void)state;
    add_many();
    for (size_t i = 0; i < MANY; i += 3)
        timers_remove(&timers, &timer[i]);
    for (struct timer *first; (first = timers_first(&timers, MANY)) != NULL; left++) {
        assert_true(first->due >= last);
        last = first->due;
        timers_remove(&timers, first);
    }
    assert_int_equal(left, MANY - (MANY + 2) / 3);
}

static void timer_in_no_heap_may_be_removed(void **state)
{
    (void)state;
    timers_remove(&timers, &timer[0]);
    assert_ok(timers_add(&timers, &timer[0], 1, &timer[0]));
    timers_remove(&timers, &timer[0]);
    timers_remove(&timers, &timer[0]);
    assert_int_equal(timers.count, 0);
}

static void list_gives_its_nodes_in_the_order_that_they_joined(void **state)
{
    struct list list = {0};
    struct list_node node[3] = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        list_join(&list, &node[i], &node[i]);
    list_join(&list, &node[0], NULL); /* is in it already */
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(list_take(&list), &node[i]);
    assert_null(list_take(&list));
}

static void node_leaves_a_list_from_anywhere(void **state)
{
    struct list list = {0};
    struct list_node node[4] = {0};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        list_join(&list, &node[i], &node[i]);
    list_leave(&node[1]);
    list_leave(&node[3]);
    list_leave(&node[0]);
    list_leave(&node[0]);
    assert_int_equal(list.count, 1);
    list_join(&list, &node[1], &node[1]);
    assert_ptr_equal(list_take(&list), &node[2]);
    assert_ptr_equal(list_take(&list), &node[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(timers_come_in_the_order_of_their_time, clear),
        cmocka_unit_test_teardown(timer_that_is_not_due_is_not_given, clear),
        cmocka_unit_test_teardown(no_timer_is_never_due, clear),
        cmocka_unit_test_teardown(timer_that_is_set_anew_finds_its_place, clear),
        cmocka_unit_test_teardown(timers_that_leave_from_the_middle_leave_the_others_in_order, clear),
        cmocka_unit_test_teardown(timer_in_no_heap_may_be_removed, clear),
        cmocka_unit_test(list_gives_its_nodes_in_the_order_that_they_joined),
        cmocka_unit_test(node_leaves_a_list_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
