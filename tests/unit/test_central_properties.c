/* The property bag of a message, decoded and written as JSON. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <central/core/properties.h>

static struct properties p;

static int clear(void **state)
{
    (void)state;
    properties_free(&p);
    memset(&p, 0, sizeof p);
    return 0;
}

static void assert_written(const struct property_list *list, const char *expected)
{
    char *json = properties_json(list);
    assert_non_null(json);
    assert_string_equal(json, expected);
    free(json);
}

static void read_bag(const char *bag)
{
    assert_ok(properties_read(&p, spoke_str_of(bag)));
}

static void refuse(const char *bag, spoke_status status)
{
    assert_int_equal(properties_read(&p, spoke_str_of(bag)), status);
}

static void system_properties_have_their_long_names(void **state)
{
    (void)state;
    read_bag("$.ct=application%2Fjson&$.ce=utf-8&$.mid=7&iothub-creation-time-utc=now&colour=red");
    assert_written(&p.system,
                   "{\"contentType\":\"application/json\",\"contentEncoding\":\"utf-8\",\"messageId\":\"7\","
                   "\"creationTimeUtc\":\"now\"}");
    assert_written(&p.application, "{\"colour\":\"red\"}");
}

static void unknown_system_property_keeps_its_name(void **state)
{
    (void)state;
    read_bag("$.new=1&$other=2&id=3");
    assert_written(&p.system, "{\"$.new\":\"1\"}");
    assert_written(&p.application, "{\"$other\":\"2\",\"id\":\"3\"}");
}

static void empty_bag_is_an_empty_object(void **state)
{
    (void)state;
    read_bag("");
    assert_written(&p.system, "{}");
    assert_written(&p.application, "{}");
}

static void bag_may_begin_like_a_query_and_have_gaps(void **state)
{
    (void)state;
    read_bag("?a=1&&b=2&=3&");
    assert_written(&p.application, "{\"a\":\"1\",\"b\":\"2\"}");
}

static void of_two_with_one_name_the_last_counts(void **state)
{
    (void)state;
    read_bag("a=1&b=2&a=3&$.mid=x&$.mid=y");
    assert_written(&p.application, "{\"a\":\"3\",\"b\":\"2\"}");
    assert_string_equal(properties_get(&p.system, "messageId"), "y");
}

static void name_without_a_value_is_null_and_one_with_an_empty_value_is_not(void **state)
{
    (void)state;
    read_bag("none&empty=");
    assert_written(&p.application, "{\"none\":null,\"empty\":\"\"}");
    assert_null(properties_get(&p.application, "none"));
    assert_string_equal(properties_get(&p.application, "empty"), "");
    assert_null(properties_get(&p.application, "absent"));
}

static void what_json_has_to_escape_is_escaped(void **state)
{
    (void)state;
    read_bag("%22%5c=%01%0a%c3%a4");
    assert_written(&p.application, "{\"\\\"\\\\\":\"\\u0001\\u000a\xc3\xa4\"}");
}

/* The room is reckoned for the worst that a text can become. */
static void longest_escapes_fit(void **state)
{
    char bag[3 * 500 + 3] = "a=", expected[6 * 500 + 20] = "{\"a\":\"";
    (void)state;
    for (int i = 0; i < 500; i++) {
        strcat(bag, "%01");
        strcat(expected, "\\u0001");
    }
    strcat(expected, "\"}");
    read_bag(bag);
    assert_written(&p.application, expected);
}

static void broken_escapes_and_bytes_that_are_not_utf8_are_refused(void **state)
{
    static const char *const bad[] = {"a=%4", "a=%zz", "%", "a=%ff", "%c3=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuse(bad[i], SPOKE_E_PROTOCOL);
        (void)clear(state);
    }
}

static void thousand_properties_are_taken_and_one_more_is_not(void **state)
{
    char bag[8 * 1001 + 1];
    size_t len = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(bag + len, sizeof bag - len, "%s%d=", i > 0 ? "&" : "", i);
    read_bag(bag);
    assert_int_equal(p.application.count, 1000);
    static const char *const added[PROPERTIES_ADDED] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                                        "i", "j", "k", "l", "m", "n", "o", "p"};
    for (size_t i = 0; i < PROPERTIES_ADDED; i++) /* there is room for the hub's own */
        properties_put(&p.application, added[i], "");
    (void)clear(state);
    (void)snprintf(bag + len, sizeof bag - len, "&x=");
    refuse(bag, SPOKE_E_TOO_LARGE);
}

static void names_of_system_properties_are_free(void **state)
{
    (void)state;
    read_bag("$.mid=123&ab=cde");
    assert_int_equal(p.bytes, 3 + 2 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(system_properties_have_their_long_names, clear),
        cmocka_unit_test_teardown(unknown_system_property_keeps_its_name, clear),
        cmocka_unit_test_teardown(empty_bag_is_an_empty_object, clear),
        cmocka_unit_test_teardown(bag_may_begin_like_a_query_and_have_gaps, clear),
        cmocka_unit_test_teardown(of_two_with_one_name_the_last_counts, clear),
        cmocka_unit_test_teardown(name_without_a_value_is_null_and_one_with_an_empty_value_is_not, clear),
        cmocka_unit_test_teardown(what_json_has_to_escape_is_escaped, clear),
        cmocka_unit_test_teardown(longest_escapes_fit, clear),
        cmocka_unit_test_teardown(broken_escapes_and_bytes_that_are_not_utf8_are_refused, clear),
        cmocka_unit_test_teardown(thousand_properties_are_taken_and_one_more_is_not, clear),
        cmocka_unit_test_teardown(names_of_system_properties_are_free, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
