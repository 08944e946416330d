/* Example payloads fit their schemas. */
#include "support/support.h"

#include <spoke/model_codec.h>

#include "tools/payload.h"

static void fits(const spoke_schema *schema)
{
    for (int flavour = PAYLOAD_PLAIN; flavour <= PAYLOAD_SPARSE; flavour++) {
        struct text json = {0};
        assert_true(payload_write(schema, (enum payload_flavour)flavour, &json));
        if (spoke_schema_check(schema, text_str(&json), NULL) != SPOKE_OK)
            fail_msg("%s does not fit", json.ptr);
        text_free(&json);
    }
}

static void every_primitive_has_payloads_that_fit(void **state)
{
    (void)state;
    const spoke_schema *const all[] = {&spoke_schema_boolean,        &spoke_schema_byte,
                                       &spoke_schema_short,          &spoke_schema_integer,
                                       &spoke_schema_long,           &spoke_schema_unsigned_byte,
                                       &spoke_schema_unsigned_short, &spoke_schema_unsigned_integer,
                                       &spoke_schema_unsigned_long,  &spoke_schema_float,
                                       &spoke_schema_double,         &spoke_schema_decimal,
                                       &spoke_schema_string,         &spoke_schema_date,
                                       &spoke_schema_time,           &spoke_schema_date_time,
                                       &spoke_schema_duration,       &spoke_schema_bytes,
                                       &spoke_schema_uuid,           &spoke_schema_geopoint,
                                       &spoke_schema_multi_polygon};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fits(all[i]);
}

static void ranges_and_lengths_are_kept(void **state)
{
    (void)state;
    const spoke_range high = {true, true, 90.5, 91, 1000, 1001}, low = {true, true, -7, -6, -7, -6};
    const spoke_range length = {true, true, 0, 0, 7, 9}, none = {false, true, 0, 0, 0, 0};
    const spoke_range huge = {true, false, 0, 0, (int64_t)(UINT64_MAX - 1), 0};
    const spoke_schema schemas[] = {{SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &high},
                                    {SPOKE_SCHEMA_FLOAT, 0, NULL, NULL, NULL, &low},
                                    {SPOKE_SCHEMA_INTEGER, 0, NULL, NULL, NULL, &high},
                                    {SPOKE_SCHEMA_BYTE, 0, NULL, NULL, NULL, &low},
                                    {SPOKE_SCHEMA_UNSIGNED_LONG, 0, NULL, NULL, NULL, &huge},
                                    {SPOKE_SCHEMA_STRING, 0, NULL, NULL, NULL, &length},
                                    {SPOKE_SCHEMA_STRING, 0, NULL, NULL, NULL, &none}};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        fits(&schemas[i]);
}

static void an_enum_without_values_has_no_payload(void **state)
{
    (void)state;
    static const spoke_schema empty = {SPOKE_SCHEMA_ENUM_STRING, 0, NULL, NULL, NULL, NULL};
    static const spoke_schema list = {SPOKE_SCHEMA_ARRAY, 0, &empty, NULL, NULL, NULL};
    struct text json = {0};
    assert_false(payload_write(&empty, PAYLOAD_PLAIN, &json));
    assert_true(payload_write(&list, PAYLOAD_PLAIN, &json));
    assert_str(text_str(&json), "[]");
    text_free(&json);
}

static void a_schema_that_contains_itself_ends(void **state)
{
    (void)state;
    spoke_schema node = {SPOKE_SCHEMA_OBJECT, 3, NULL, NULL, NULL, NULL};
    const spoke_schema list = {SPOKE_SCHEMA_ARRAY, 0, &node, NULL, NULL, NULL};
    const spoke_schema_field fields[] = {{"a", &node, false}, {"b", &node, false}, {"c", &list, false}};
    node.fields = fields;
    fits(&node);
    const spoke_schema_field always[] = {{"a", &node, true}};
    struct text json = {0};
    node.fields = always;
    node.count = 1;
    assert_false(payload_write(&node, PAYLOAD_PLAIN, &json)); /* no text is long enough */
    text_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_primitive_has_payloads_that_fit),
        cmocka_unit_test(ranges_and_lengths_are_kept),
        cmocka_unit_test(an_enum_without_values_has_no_payload),
        cmocka_unit_test(a_schema_that_contains_itself_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
