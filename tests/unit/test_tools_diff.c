/* What breaks devices in the field, in each direction. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "tools/diff.h"

struct seen {
    size_t breaking, compatible;
    char last[600]; /* "place: what" */
};

static void note(void *ctx, const struct diff_change *change)
{
    struct seen *seen = ctx;
    seen->breaking += change->breaking;
    seen->compatible += !change->breaking;
    snprintf(seen->last, sizeof seen->last, "%s: %s", change->place, change->what);
}

static struct seen sent_by_device(const spoke_schema *old, const spoke_schema *new)
{
    struct seen seen = {0, 0, ""};
    assert_true(diff_schema(NULL, old, new, true, note, &seen));
    return seen;
}

static struct seen sent_by_service(const spoke_schema *old, const spoke_schema *new)
{
    struct seen seen = {0, 0, ""};
    assert_true(diff_schema(NULL, new, old, false, note, &seen));
    return seen;
}

static void a_wider_type_takes_what_devices_send(void **state)
{
    (void)state;
    const struct seen out = sent_by_device(&spoke_schema_integer, &spoke_schema_long);
    assert_int_equal(out.breaking, 0);
    assert_int_equal(out.compatible, 1);
    assert_int_equal(sent_by_device(&spoke_schema_unsigned_byte, &spoke_schema_short).breaking, 0);
    assert_int_equal(sent_by_device(&spoke_schema_long, &spoke_schema_double).breaking, 0);
}

static void a_wider_type_breaks_devices_that_receive_it(void **state)
{
    (void)state;
    assert_int_equal(sent_by_service(&spoke_schema_integer, &spoke_schema_long).breaking, 2);
    assert_int_equal(sent_by_service(&spoke_schema_long, &spoke_schema_integer).breaking, 0);
    assert_int_equal(sent_by_service(&spoke_schema_long, &spoke_schema_double).breaking, 1);
}

static void the_64_bit_ends_are_exact(void **state)
{
    (void)state;
    assert_int_equal(sent_by_device(&spoke_schema_unsigned_long, &spoke_schema_long).breaking, 1);
    assert_int_equal(sent_by_device(&spoke_schema_long, &spoke_schema_unsigned_long).breaking, 1);
    assert_int_equal(sent_by_device(&spoke_schema_unsigned_integer, &spoke_schema_long).breaking, 0);
}

static void another_type_breaks_both_ways(void **state)
{
    (void)state;
    const struct seen seen = sent_by_device(&spoke_schema_double, &spoke_schema_string);
    assert_int_equal(seen.breaking, 1);
    assert_string_equal(seen.last, ": devices in the field may send double, where string is expected");
    assert_int_equal(sent_by_service(&spoke_schema_double, &spoke_schema_string).breaking, 1);
}

static void a_narrower_range_breaks_what_devices_send(void **state)
{
    (void)state;
    const spoke_range wide = {true, true, 0, 100, 0, 0}, narrow = {true, true, 10, 90, 0, 0};
    const spoke_schema from = {SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &wide};
    const spoke_schema to = {SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &narrow};
    assert_int_equal(sent_by_device(&from, &to).breaking, 2);
    assert_int_equal(sent_by_service(&from, &to).breaking, 0);
    assert_int_equal(sent_by_service(&to, &from).breaking, 2);
    assert_int_equal(sent_by_device(&to, &spoke_schema_double).breaking, 0);
}

static void lengths_are_compared_like_ranges(void **state)
{
    (void)state;
    const spoke_range short_text = {false, true, 0, 0, 0, 10};
    const spoke_schema bounded = {SPOKE_SCHEMA_STRING, 0, NULL, NULL, NULL, &short_text};
    assert_int_equal(sent_by_device(&spoke_schema_string, &bounded).breaking, 1);
    assert_int_equal(sent_by_device(&bounded, &spoke_schema_string).breaking, 0);
}

static void an_enum_value_less_breaks_senders_and_one_more_receivers(void **state)
{
    (void)state;
    static const spoke_enum_value two[] = {{0, "on"}, {0, "off"}};
    const spoke_schema old = {SPOKE_SCHEMA_ENUM_STRING, 2, NULL, NULL, two, NULL};
    const spoke_schema fewer = {SPOKE_SCHEMA_ENUM_STRING, 1, NULL, NULL, two, NULL};
    const struct seen seen = sent_by_device(&old, &fewer);
    assert_int_equal(seen.breaking, 1);
    assert_non_null(strstr(seen.last, "\"off\""));
    assert_int_equal(sent_by_service(&old, &fewer).breaking, 0);
    assert_int_equal(sent_by_service(&fewer, &old).breaking, 1);
    assert_int_equal(sent_by_device(&fewer, &old).breaking, 0);
    assert_int_equal(sent_by_device(&fewer, &old).compatible, 1);
}

static void fields_break_when_the_other_side_does_not_know_or_misses_them(void **state)
{
    (void)state;
    static const spoke_schema_field one[] = {{"a", &spoke_schema_double, false}};
    static const spoke_schema_field two[] = {{"a", &spoke_schema_double, false},
                                             {"b", &spoke_schema_double, false}};
    static const spoke_schema_field must[] = {{"a", &spoke_schema_double, true}};
    const spoke_schema small = {SPOKE_SCHEMA_OBJECT, 1, NULL, one, NULL, NULL};
    const spoke_schema large = {SPOKE_SCHEMA_OBJECT, 2, NULL, two, NULL, NULL};
    const spoke_schema strict = {SPOKE_SCHEMA_OBJECT, 1, NULL, must, NULL, NULL};
    assert_int_equal(sent_by_device(&small, &large).breaking, 0);  /* added */
    assert_int_equal(sent_by_device(&large, &small).breaking, 1);  /* removed */
    assert_int_equal(sent_by_service(&small, &large).breaking, 1); /* unknown to devices */
    assert_int_equal(sent_by_device(&small, &strict).breaking, 1); /* required now */
    assert_int_equal(sent_by_device(&strict, &small).breaking, 0);
}

static void the_place_leads_into_arrays_and_objects(void **state)
{
    (void)state;
    static const spoke_schema doubles = {SPOKE_SCHEMA_ARRAY, 0, &spoke_schema_double, NULL, NULL, NULL};
    static const spoke_schema strings = {SPOKE_SCHEMA_ARRAY, 0, &spoke_schema_string, NULL, NULL, NULL};
    static const spoke_schema_field before[] = {{"list", &doubles, false}};
    static const spoke_schema_field after[] = {{"list", &strings, false}};
    const spoke_schema old = {SPOKE_SCHEMA_OBJECT, 1, NULL, before, NULL, NULL};
    const spoke_schema new = {SPOKE_SCHEMA_OBJECT, 1, NULL, after, NULL, NULL};
    assert_string_equal(sent_by_device(&old, &new).last,
                        ".list[]: devices in the field may send double, where string is expected");
}

static void schemas_that_contain_themselves_are_compared_once(void **state)
{
    (void)state;
    spoke_schema a = {SPOKE_SCHEMA_OBJECT, 2, NULL, NULL, NULL, NULL}, b = a;
    const spoke_schema_field of_a[] = {{"x", &a, false}, {"y", &a, false}};
    const spoke_schema_field of_b[] = {{"x", &b, false}, {"y", &b, false}};
    a.fields = of_a;
    b.fields = of_b;
    assert_int_equal(sent_by_device(&a, &b).breaking, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wider_type_takes_what_devices_send),
        cmocka_unit_test(a_wider_type_breaks_devices_that_receive_it),
        cmocka_unit_test(the_64_bit_ends_are_exact),
        cmocka_unit_test(another_type_breaks_both_ways),
        cmocka_unit_test(a_narrower_range_breaks_what_devices_send),
        cmocka_unit_test(lengths_are_compared_like_ranges),
        cmocka_unit_test(an_enum_value_less_breaks_senders_and_one_more_receivers),
        cmocka_unit_test(fields_break_when_the_other_side_does_not_know_or_misses_them),
        cmocka_unit_test(the_place_leads_into_arrays_and_objects),
        cmocka_unit_test(schemas_that_contain_themselves_are_compared_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
