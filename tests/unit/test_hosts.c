#include "client/hosts.h"

#include <string.h>

#include "support/support.h"

static void expect(const char *list, size_t index, const char *host)
{
    char out[SPOKE_MAX_HOST_BYTES + 1];
    assert_true(hosts_get(list, index, out, sizeof out));
    assert_string_equal(out, host);
}

static void one_host_is_a_list(void **state)
{
    (void)state;
    assert_int_equal(hosts_count("dps.example"), 1);
    expect("dps.example", 0, "dps.example");
    expect("dps.example", 3, "dps.example");
}

static void blanks_around_hosts_do_not_count(void **state)
{
    (void)state;
    const char *list = " a.example ,\tb.example,c.example , d.example ";
    assert_int_equal(hosts_count(list), 4);
    expect(list, 0, "a.example");
    expect(list, 1, "b.example");
    expect(list, 3, "d.example");
    expect(list, 4, "a.example");
}

static void what_is_no_list_is_none(void **state)
{
    (void)state;
    char out[8];
    const char *const wrong[] = {"",    " ",    ",",    "a,",        ",a",    "a,,b",
                                 "a b", "a\tb", "a\nb", "a,b,c,d,e", "a\x7f", NULL};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(hosts_count(wrong[i]), 0);
        assert_false(hosts_get(wrong[i], 0, out, sizeof out));
    }
}

static void a_host_of_the_longest_length_is_taken_and_no_longer_one(void **state)
{
    (void)state;
    char list[SPOKE_MAX_HOST_BYTES + 4], out[SPOKE_MAX_HOST_BYTES + 1];
    memset(list, 'x', sizeof list);
    memcpy(list + SPOKE_MAX_HOST_BYTES, ",y", 3);
    assert_int_equal(hosts_count(list), 2);
    assert_true(hosts_get(list, 0, out, sizeof out));
    assert_int_equal(strlen(out), SPOKE_MAX_HOST_BYTES);
    assert_false(hosts_get(list, 0, out, sizeof out - 1));
    memcpy(list + SPOKE_MAX_HOST_BYTES, "x,y", 4);
    assert_int_equal(hosts_count(list), 0);
}

static void each_host_is_tried_once_in_a_round(void **state)
{
    (void)state;
    struct host_ring ring = {0, 0};
    assert_true(hosts_failed(&ring, 3));
    assert_int_equal(ring.at, 1);
    assert_true(hosts_failed(&ring, 3));
    assert_int_equal(ring.at, 2);
    assert_false(hosts_failed(&ring, 3)); /* the round is over and begins where it had begun */
    assert_int_equal(ring.at, 0);
}

static void a_host_that_worked_begins_the_next_round(void **state)
{
    (void)state;
    struct host_ring ring = {0, 0};
    assert_true(hosts_failed(&ring, 2));
    hosts_worked(&ring);
    assert_int_equal(ring.at, 1);
    assert_true(hosts_failed(&ring, 2));
    assert_int_equal(ring.at, 0);
    assert_false(hosts_failed(&ring, 2));
    assert_int_equal(ring.at, 1);
}

static void a_single_host_has_no_other(void **state)
{
    (void)state;
    struct host_ring ring = {0, 0};
    assert_false(hosts_failed(&ring, 1));
    assert_false(hosts_failed(&ring, 0));
    assert_int_equal(ring.at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_host_is_a_list),
        cmocka_unit_test(blanks_around_hosts_do_not_count),
        cmocka_unit_test(what_is_no_list_is_none),
        cmocka_unit_test(a_host_of_the_longest_length_is_taken_and_no_longer_one),
        cmocka_unit_test(each_host_is_tried_once_in_a_round),
        cmocka_unit_test(a_host_that_worked_begins_the_next_round),
        cmocka_unit_test(a_single_host_has_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
