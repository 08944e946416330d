#include <string.h>

#include <spoke/proto/hub.h>

#include "support/output.h"

static spoke_status write_bag(const void *ctx, spoke_buf *out)
{
    return spoke_bag_write(ctx, out);
}

static void assert_item(spoke_str *rest, const char *name, const char *value)
{
    spoke_bag_item item;
    assert_ok(spoke_bag_next(rest, &item));
    assert_str(item.name, name);
    assert_int_equal(item.has_value, value != NULL);
    assert_str(item.value, value != NULL ? value : "");
}

static void assert_end(spoke_str *rest)
{
    spoke_bag_item item;
    assert_int_equal(spoke_bag_next(rest, &item), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_bag_next(rest, &item), SPOKE_E_NOT_FOUND);
}

/* --- reading --- */

static void null_empty_and_value_are_told_apart(void **state)
{
    (void)state;
    spoke_str rest = SPOKE_STR("prop1&prop2=&prop3=a%20string");
    assert_item(&rest, "prop1", NULL);
    assert_item(&rest, "prop2", "");
    assert_item(&rest, "prop3", "a%20string");
    assert_end(&rest);
}

static void an_empty_bag_has_no_items(void **state)
{
    (void)state;
    spoke_str rest = {NULL, 0};
    assert_end(&rest);
}

static void nothing_between_ampersands_is_no_item(void **state)
{
    (void)state;
    spoke_str rest = SPOKE_STR("&&a=1&&b=2&");
    assert_item(&rest, "a", "1");
    assert_item(&rest, "b", "2");
    assert_end(&rest);
}

static void only_the_first_equals_sign_splits(void **state)
{
    (void)state;
    spoke_str rest = SPOKE_STR("a=b=c&=x&=");
    assert_item(&rest, "a", "b=c");
    assert_item(&rest, "", "x");
    assert_item(&rest, "", "");
    assert_end(&rest);
}

static void every_truncation_of_a_bag_ends(void **state)
{
    (void)state;
    const spoke_str bag = SPOKE_STR("%24.mid=m1&iothub-ack=none&flag&empty=&method-name=reboot");
    for (size_t len = 0; len <= bag.len; len++) {
        spoke_str rest = spoke_str_from(bag.ptr, len);
        spoke_bag_item item;
        size_t items = 0;
        while (spoke_bag_next(&rest, &item) == SPOKE_OK)
            items++;
        assert_true(items <= 5);
    }
}

static void a_name_is_found_raw_and_encoded(void **state)
{
    (void)state;
    spoke_str value;
    assert_ok(spoke_bag_find(SPOKE_STR("x=1&%24.mid=m%2F1"), "$.mid", &value));
    assert_str(value, "m%2F1");
    assert_ok(spoke_bag_find(SPOKE_STR("x=1&$.mid=m2"), "$.mid", &value));
    assert_str(value, "m2");
    assert_ok(spoke_bag_find(SPOKE_STR("%6dethod%2Dname=go"), "method-name", &value));
    assert_str(value, "go");
}

static void the_first_of_two_equal_names_counts(void **state)
{
    (void)state;
    spoke_str value;
    assert_ok(spoke_bag_find(SPOKE_STR("a=1&a=2"), "a", &value));
    assert_str(value, "1");
}

static void names_that_only_resemble_are_not_found(void **state)
{
    (void)state;
    spoke_str value = SPOKE_STR("untouched");
    assert_int_equal(spoke_bag_find(SPOKE_STR("$.mi=1&$.midd=2&%24.mid%=3&%2=4&%=5&=6"), "$.mid", &value),
                     SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_bag_find(SPOKE_STR("A=1"), "a", &value), SPOKE_E_NOT_FOUND);
    assert_str(value, "untouched");
}

static void a_name_without_a_value_is_found_empty(void **state)
{
    (void)state;
    spoke_str value = SPOKE_STR("x");
    assert_ok(spoke_bag_find(SPOKE_STR("flag&other=1"), "flag", &value));
    assert_int_equal(value.len, 0);
}

static void plus_stays_plus_when_decoded(void **state)
{
    (void)state;
    char memory[16];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_percent_decode(SPOKE_STR("a+b%2Bc%2b"), &out));
    assert_str(spoke_buf_str(&out), "a+b+c+");
}

static void a_broken_escape_is_refused_and_leaves_the_length(void **state)
{
    (void)state;
    static const char *const broken[] = {"%", "%2", "ab%", "%G0", "%2x", "%%41"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char memory[16];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        assert_int_equal(spoke_percent_decode(spoke_str_of(broken[i]), &out), SPOKE_E_PROTOCOL);
        assert_int_equal(out.len, 0);
    }
}

/* --- writing --- */

static spoke_status write_encoded(const void *ctx, spoke_buf *out)
{
    return spoke_percent_encode(*(const spoke_str *)ctx, out);
}

static spoke_status write_decoded(const void *ctx, spoke_buf *out)
{
    return spoke_percent_decode(*(const spoke_str *)ctx, out);
}

static void percent_coding_fills_its_room_exactly(void **state)
{
    (void)state;
    const spoke_str plain = SPOKE_STR("a/b=\xFF"), encoded = SPOKE_STR("a%2Fb%3D%ff");
    assert_writes(write_encoded, &plain, "a%2Fb%3D%FF");
    assert_writes(write_decoded, &encoded, "a/b=\xFF");
}

static void system_properties_have_encoded_names_and_values(void **state)
{
    (void)state;
    const spoke_message_properties properties = {.component = SPOKE_STR("thermostat1"),
                                                 .message_id = SPOKE_STR("m/1"),
                                                 .correlation_id = SPOKE_STR("c 1"),
                                                 .content_type = SPOKE_STR("application/json;charset=utf-8"),
                                                 .content_encoding = SPOKE_STR("utf-8"),
                                                 .creation_time = SPOKE_STR("2021-04-21T11:30:16Z")};
    assert_writes(write_bag, &properties,
                  "%24.ct=application%2Fjson%3Bcharset%3Dutf-8&%24.ce=utf-8&%24.sub=thermostat1&%24.mid=m%2F1"
                  "&%24.cid=c%201&iothub-creation-time-utc=2021-04-21T11%3A30%3A16Z");
}

static void no_property_makes_an_empty_bag(void **state)
{
    (void)state;
    const spoke_message_properties none = {.application = NULL};
    assert_writes(write_bag, &none, "");
}

static void only_items_behind_the_first_have_an_ampersand(void **state)
{
    (void)state;
    const spoke_property_pair pair = {SPOKE_STR("k"), SPOKE_STR("v")};
    const spoke_message_properties alone[] = {{.content_encoding = SPOKE_STR("x")}, {.component = SPOKE_STR("x")}};
    const spoke_message_properties both = {
        .creation_time = SPOKE_STR("x"), .application = &pair, .application_count = 1};
    assert_writes(write_bag, &alone[0], "%24.ce=x");
    assert_writes(write_bag, &alone[1], "%24.sub=x");
    assert_writes(write_bag, &both, "iothub-creation-time-utc=x&k=v");
}

static void an_application_property_may_be_empty(void **state)
{
    (void)state;
    const spoke_property_pair pairs[] = {{SPOKE_STR("a&b"), SPOKE_STR("1=2")}, {SPOKE_STR("empty"), {NULL, 0}}};
    const spoke_message_properties properties = {.application = pairs, .application_count = 2};
    assert_writes(write_bag, &properties, "a%26b=1%3D2&empty=");
}

static void a_property_without_a_name_is_refused(void **state)
{
    (void)state;
    const spoke_property_pair pairs[] = {{SPOKE_STR("a"), SPOKE_STR("1")}, {{NULL, 0}, SPOKE_STR("2")}};
    const spoke_message_properties properties = {.application = pairs, .application_count = 2};
    char memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_bag_write(&properties, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
    spoke_buf tiny = spoke_buf_from(memory, 2); /* what went wrong first is what is told */
    assert_int_equal(spoke_bag_write(&properties, &tiny), SPOKE_E_TOO_SMALL);
}

static void reserved_characters_never_reach_the_topic(void **state)
{
    (void)state;
    const spoke_property_pair pair = {SPOKE_STR("/#+&=%?$ \xC3\xA9"), SPOKE_STR("*!'()~")};
    const spoke_message_properties properties = {.application = &pair, .application_count = 1};
    assert_writes(write_bag, &properties, "%2F%23%2B%26%3D%25%3F%24%20%C3%A9=%2A%21%27%28%29~");
}

static void all_bytes_survive_in_names_and_values(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char text[2] = {(char)byte, 'x'};
        const spoke_property_pair pair = {spoke_str_from(text, 2), spoke_str_from(text, 2)};
        const spoke_message_properties properties = {.application = &pair, .application_count = 1};
        char bag_memory[32], decoded_memory[32];
        spoke_buf bag = spoke_buf_from(bag_memory, sizeof bag_memory);
        assert_ok(spoke_bag_write(&properties, &bag));
        spoke_str rest = spoke_buf_str(&bag);
        spoke_bag_item item;
        assert_ok(spoke_bag_next(&rest, &item));
        assert_end(&rest);
        const spoke_str sides[] = {item.name, item.value};
        for (size_t i = 0; i < 2; i++) {
            spoke_buf decoded = spoke_buf_from(decoded_memory, sizeof decoded_memory);
            assert_ok(spoke_percent_decode(sides[i], &decoded));
            assert_true(spoke_str_equal(spoke_buf_str(&decoded), pair.name));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_empty_and_value_are_told_apart),
        cmocka_unit_test(an_empty_bag_has_no_items),
        cmocka_unit_test(nothing_between_ampersands_is_no_item),
        cmocka_unit_test(only_the_first_equals_sign_splits),
        cmocka_unit_test(every_truncation_of_a_bag_ends),
        cmocka_unit_test(a_name_is_found_raw_and_encoded),
        cmocka_unit_test(the_first_of_two_equal_names_counts),
        cmocka_unit_test(names_that_only_resemble_are_not_found),
        cmocka_unit_test(a_name_without_a_value_is_found_empty),
        cmocka_unit_test(plus_stays_plus_when_decoded),
        cmocka_unit_test(a_broken_escape_is_refused_and_leaves_the_length),
        cmocka_unit_test(percent_coding_fills_its_room_exactly),
        cmocka_unit_test(system_properties_have_encoded_names_and_values),
        cmocka_unit_test(no_property_makes_an_empty_bag),
        cmocka_unit_test(only_items_behind_the_first_have_an_ampersand),
        cmocka_unit_test(an_application_property_may_be_empty),
        cmocka_unit_test(a_property_without_a_name_is_refused),
        cmocka_unit_test(reserved_characters_never_reach_the_topic),
        cmocka_unit_test(all_bytes_survive_in_names_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
