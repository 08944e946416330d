/* Buckets with exact edges, percentiles that are never too low and at most 1/32 too high. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "fleet/histogram.h"
#include "synth/random.h"

static struct histogram h;
static struct histogram_view view, later, between;

static int empty(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    memset(&view, 0, sizeof view);
    memset(&later, 0, sizeof later);
    return 0;
}

static void values_below_64_have_a_bucket_each(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 64; us++) {
        assert_int_equal(histogram_bucket(us), us);
        assert_int_equal(histogram_top((size_t)us), us);
    }
}

static void each_bucket_begins_behind_the_top_of_the_one_before(void **state)
{
    (void)state;
    for (size_t bucket = 0; bucket + 1 < HISTOGRAM_BUCKETS; bucket++) {
        assert_int_equal(histogram_bucket(histogram_top(bucket)), bucket);
        assert_int_equal(histogram_bucket(histogram_top(bucket) + 1), bucket + 1);
    }
    assert_int_equal(histogram_top(HISTOGRAM_BUCKETS - 1), HISTOGRAM_MOST_US);
}

static void edges_of_the_first_doublings_are_where_arithmetic_has_them(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket(64), 64);
    assert_int_equal(histogram_bucket(65), 64);
    assert_int_equal(histogram_bucket(66), 65);
    assert_int_equal(histogram_bucket(127), 95);
    assert_int_equal(histogram_bucket(128), 96);
    assert_int_equal(histogram_bucket(131), 96);
    assert_int_equal(histogram_bucket(132), 97);
}

static void what_is_longer_than_the_longest_counts_as_it(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(HISTOGRAM_MOST_US + 1), HISTOGRAM_BUCKETS - 1);
}

static void an_empty_one_has_no_percentile(void **state)
{
    (void)state;
    histogram_look(&h, &view);
    assert_int_equal(histogram_percentile(&view, 0.5), 0);
    assert_int_equal(histogram_percentile(&view, 1), 0);
}

static void percentiles_of_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t us = 1; us <= 10; us++)
        histogram_add(&h, us);
    histogram_look(&h, &view);
    assert_int_equal(histogram_percentile(&view, 0.5), 5);
    assert_int_equal(histogram_percentile(&view, 0.51), 6);
    assert_int_equal(histogram_percentile(&view, 0.9), 9);
    assert_int_equal(histogram_percentile(&view, 1), 10);
    assert_int_equal(histogram_percentile(&view, 0), 1);
}

static void the_longest_is_kept_as_it_was(void **state)
{
    (void)state;
    histogram_add(&h, 1000003);
    histogram_add(&h, 7);
    histogram_look(&h, &view);
    assert_int_equal(view.most_us, 1000003);
    assert_int_equal(histogram_percentile(&view, 0.99), 1000003);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_at_most_a_thirty_second_too_high(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static uint64_t all[COUNT];
    struct random random = random_of(1, 1);
    for (size_t i = 0; i < COUNT; i++) {
        all[i] = random_next(&random) >> (30 + random_below(&random, 30));
        histogram_add(&h, all[i]);
    }
    qsort(all, COUNT, sizeof all[0], by_size);
    histogram_look(&h, &view);
    for (int percent = 1; percent <= 100; percent++) {
        const uint64_t right = all[(size_t)(percent * COUNT / 100) - 1];
        const uint64_t said = histogram_percentile(&view, percent / 100.0);
        assert_true(said >= right);
        assert_true(said <= right + right / 32 + 1);
    }
}

static void several_are_looked_at_as_one(void **state)
{
    (void)state;
    static struct histogram other;
    histogram_add(&h, 1);
    histogram_add(&other, 50);
    histogram_look(&h, &view);
    histogram_look(&other, &view);
    assert_int_equal(view.total, 2);
    assert_int_equal(histogram_percentile(&view, 1), 50);
}

static void between_two_looks_stands_what_came_between(void **state)
{
    (void)state;
    histogram_add(&h, 60);
    histogram_look(&h, &view);
    histogram_add(&h, 3);
    histogram_add(&h, 4);
    histogram_look(&h, &later);
    histogram_between(&view, &later, &between);
    assert_int_equal(between.total, 2);
    assert_int_equal(between.most_us, 4);
    assert_int_equal(histogram_percentile(&between, 0.5), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_below_64_have_a_bucket_each, empty),
        cmocka_unit_test_setup(each_bucket_begins_behind_the_top_of_the_one_before, empty),
        cmocka_unit_test_setup(edges_of_the_first_doublings_are_where_arithmetic_has_them, empty),
        cmocka_unit_test_setup(what_is_longer_than_the_longest_counts_as_it, empty),
        cmocka_unit_test_setup(an_empty_one_has_no_percentile, empty),
        cmocka_unit_test_setup(percentiles_of_small_values_are_exact, empty),
        cmocka_unit_test_setup(the_longest_is_kept_as_it_was, empty),
        cmocka_unit_test_setup(percentiles_are_at_most_a_thirty_second_too_high, empty),
        cmocka_unit_test_setup(several_are_looked_at_as_one, empty),
        cmocka_unit_test_setup(between_two_looks_stands_what_came_between, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
