/* Between structs and JSON by table: each kind's ends, presence, memory, and what may not be. */
#include "support/support.h"

#include <float.h>
#include <spoke/model_codec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- an object with a member of every sort, as generated code declares it --- */

enum mode { MODE_OFF, MODE_ON };
struct numbers {
    const double *items;
    size_t count;
};
struct label {
    spoke_str key;
    int16_t value;
};
struct labels {
    const struct label *items;
    size_t count;
};
struct report {
    uint32_t has;
    spoke_str text;
    spoke_str blob;
    enum mode mode;
    struct numbers numbers;
    struct labels labels;
    bool needed;
};
enum { HAS_TEXT = 1, HAS_BLOB = 2, HAS_MODE = 4, HAS_NUMBERS = 8, HAS_LABELS = 16 };

static const spoke_enum_value mode_values[] = {{0, "off"}, {0, "on \"full\""}};
static const spoke_schema mode_schema = {SPOKE_SCHEMA_ENUM_STRING, 2, NULL, NULL, mode_values, NULL};
static const spoke_codec mode_codec = {&mode_schema, sizeof(enum mode), 0, 0, NULL, NULL};
static const spoke_schema numbers_schema = {SPOKE_SCHEMA_ARRAY, 0, &spoke_schema_double, NULL, NULL, NULL};
static const spoke_codec numbers_codec = {
    &numbers_schema, sizeof(struct numbers), sizeof(double), 0, &spoke_codec_double, NULL};
static const spoke_schema labels_schema = {SPOKE_SCHEMA_MAP, 0, &spoke_schema_short, NULL, NULL, NULL};
static const spoke_codec labels_codec = {&labels_schema,       sizeof(struct labels),
                                         sizeof(struct label), offsetof(struct label, value),
                                         &spoke_codec_short,   NULL};
static const spoke_schema_field report_fields[] = {
    {"blob", &spoke_schema_bytes, false}, {"labels", &labels_schema, false},
    {"mode", &mode_schema, false},        {"needed", &spoke_schema_boolean, true},
    {"numbers", &numbers_schema, false},  {"text", &spoke_schema_string, false}};
static const spoke_codec_member report_layout[] = {
    {&spoke_codec_bytes, offsetof(struct report, blob), 1, false},
    {&labels_codec, offsetof(struct report, labels), 4, false},
    {&mode_codec, offsetof(struct report, mode), 2, false},
    {&spoke_codec_boolean, offsetof(struct report, needed), SPOKE_CODEC_ALWAYS, false},
    {&numbers_codec, offsetof(struct report, numbers), 3, false},
    {&spoke_codec_string, offsetof(struct report, text), 0, false},
};
static const spoke_schema report_schema = {SPOKE_SCHEMA_OBJECT, 6, NULL, report_fields, NULL, NULL};
static const spoke_codec report_codec = {&report_schema, sizeof(struct report), 4, offsetof(struct report, has),
                                         NULL,           report_layout};

/* A schema that contains itself. */
struct node {
    uint64_t has;
    const struct node *next;
};
extern const spoke_codec node_codec;
extern const spoke_schema node_schema;
static const spoke_schema_field node_fields[] = {{"next", &node_schema, false}};
static const spoke_codec_member node_layout[] = {{&node_codec, offsetof(struct node, next), 40, true}};
const spoke_schema node_schema = {SPOKE_SCHEMA_OBJECT, 1, NULL, node_fields, NULL, NULL};
const spoke_codec node_codec = {&node_schema, sizeof(struct node), 8, offsetof(struct node, has),
                                NULL,         node_layout};

static uint64_t scratch_memory[512];
static char text_memory[2048];

static spoke_buf scratch_of(size_t bytes)
{
    return spoke_buf_from(scratch_memory, bytes);
}

/* Reads into *value and writes it again: the text must be as it was. */
static void comes_back(const spoke_codec *codec, const char *json, void *value)
{
    spoke_buf scratch = scratch_of(sizeof scratch_memory), again = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_str back;
    assert_ok(spoke_codec_read(codec, spoke_str_of(json), value, &scratch, NULL));
    assert_ok(spoke_codec_text(codec, value, &again, &back));
    assert_str(back, json);
}

/* --- numbers --- */

static void whole_numbers_keep_their_last_unit(void **state)
{
    (void)state;
    int8_t byte;
    int16_t two;
    int32_t four;
    int64_t eight;
    uint8_t ubyte;
    uint16_t utwo;
    uint32_t ufour;
    uint64_t ueight;
    comes_back(&spoke_codec_byte, "-128", &byte);
    assert_int_equal(byte, INT8_MIN);
    comes_back(&spoke_codec_short, "-32768", &two);
    assert_int_equal(two, INT16_MIN);
    comes_back(&spoke_codec_integer, "-2147483648", &four);
    assert_int_equal(four, INT32_MIN);
    comes_back(&spoke_codec_long, "-9223372036854775808", &eight);
    assert_true(eight == INT64_MIN);
    comes_back(&spoke_codec_unsigned_byte, "255", &ubyte);
    assert_int_equal(ubyte, UINT8_MAX);
    comes_back(&spoke_codec_unsigned_short, "65535", &utwo);
    assert_int_equal(utwo, UINT16_MAX);
    comes_back(&spoke_codec_unsigned_integer, "4294967295", &ufour);
    assert_true(ufour == UINT32_MAX);
    comes_back(&spoke_codec_unsigned_long, "18446744073709551615", &ueight);
    assert_true(ueight == UINT64_MAX);
    comes_back(&spoke_codec_unsigned_long, "9223372036854775808", &ueight);
    assert_true(ueight == (uint64_t)INT64_MAX + 1);
}

static void a_float_is_written_as_short_as_it_was_read(void **state)
{
    (void)state;
    float single;
    double wide;
    comes_back(&spoke_codec_float, "0.1", &single);
    assert_true(single == (float)0.1f);
    comes_back(&spoke_codec_float, "3.402823e+38", &single);
    comes_back(&spoke_codec_float, "1.4013e-45", &single);
    comes_back(&spoke_codec_double, "0.10000000149011612", &wide);
    spoke_buf again = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_str back;
    single = FLT_MAX;
    assert_ok(spoke_codec_text(&spoke_codec_float, &single, &again, &back));
    assert_ok(spoke_schema_check(&spoke_schema_float, back, NULL));
}

/* --- enums --- */

static void enums_of_any_width_travel(void **state)
{
    (void)state;
    static const spoke_enum_value values[] = {{-1, NULL}, {127, NULL}};
    const spoke_schema schema = {SPOKE_SCHEMA_ENUM_INTEGER, 2, NULL, NULL, values, NULL};
    const spoke_codec one = {&schema, 1, 0, 0, NULL, NULL}, two = {&schema, 2, 0, 0, NULL, NULL};
    const spoke_codec four = {&schema, 4, 0, 0, NULL, NULL};
    int8_t narrow;
    int16_t half;
    int32_t full;
    comes_back(&one, "-1", &narrow);
    assert_int_equal(narrow, -1);
    comes_back(&two, "-1", &half);
    assert_int_equal(half, -1);
    comes_back(&four, "127", &full);
    assert_int_equal(full, 127);
}

static void a_number_that_the_enum_does_not_have_is_not_written(void **state)
{
    (void)state;
    const enum mode wrong = (enum mode)2;
    spoke_buf again = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_str back;
    assert_int_equal(spoke_codec_text(&mode_codec, &wrong, &again, &back), SPOKE_E_MODEL);
    assert_int_equal(back.len, 0);
}

static void enum_values_are_found_by_number_and_by_text(void **state)
{
    (void)state;
    static const spoke_enum_value values[] = {{7, NULL}, {-7, NULL}};
    const spoke_schema schema = {SPOKE_SCHEMA_ENUM_INTEGER, 2, NULL, NULL, values, NULL};
    assert_int_equal(spoke_enum_index(&schema, -7), 1);
    assert_int_equal(spoke_enum_index(&schema, 0), 2);
    assert_int_equal(spoke_enum_index_of_text(&mode_schema, SPOKE_STR("off")), 0);
    assert_int_equal(spoke_enum_index_of_text(&mode_schema, SPOKE_STR("of")), 2);
}

/* --- objects --- */

static const char full[] =
    "{\"blob\":\"AQIDBA==\",\"labels\":{\"a\":1,\"b \\\"c\\\"\":-2},\"mode\":\"on \\\"full\\\"\","
    "\"needed\":true,\"numbers\":[1.5,-2,0],\"text\":\"a \\\\ and a \\n\"}";

static void an_object_comes_back_with_all_its_parts(void **state)
{
    (void)state;
    struct report report;
    comes_back(&report_codec, full, &report);
    assert_int_equal(report.has, HAS_TEXT | HAS_BLOB | HAS_MODE | HAS_NUMBERS | HAS_LABELS);
    assert_str(report.text, "a \\ and a \n");
    assert_int_equal(report.blob.len, 4);
    assert_memory_equal(report.blob.ptr, "\1\2\3\4", 4);
    assert_int_equal(report.mode, MODE_ON);
    assert_int_equal(report.numbers.count, 3);
    assert_true(report.numbers.items[1] == -2);
    assert_str(report.labels.items[1].key, "b \"c\"");
    assert_int_equal(report.labels.items[1].value, -2);
    assert_true(report.needed);
}

static void only_members_that_are_set_are_written(void **state)
{
    (void)state;
    struct report report;
    comes_back(&report_codec, "{\"needed\":false,\"text\":\"\"}", &report);
    assert_int_equal(report.has, HAS_TEXT);
    comes_back(&report_codec, "{\"needed\":false}", &report);
    assert_int_equal(report.has, 0);
}

static void what_does_not_fit_the_schema_is_refused_with_its_place(void **state)
{
    (void)state;
    struct report report;
    spoke_buf scratch = scratch_of(sizeof scratch_memory);
    spoke_fault fault;
    char why[160];
    assert_int_equal(spoke_codec_read(&report_codec, SPOKE_STR("{\"needed\":1}"), &report, &scratch, &fault),
                     SPOKE_E_MODEL);
    assert_non_null(strstr(spoke_fault_text(&fault, why, sizeof why), "needed"));
    const char *const wrong[] = {"{}",
                                 "{\"needed\":true,\"other\":1}",
                                 "{\"needed\":null}",
                                 "[]",
                                 "null",
                                 "",
                                 "{\"needed\":true,\"labels\":{\"a\":32768}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_not_equal(spoke_codec_read(&report_codec, spoke_str_of(wrong[i]), &report, &scratch, NULL),
                             SPOKE_OK);
}

static void bytes_with_spare_bits_are_read_as_the_check_takes_them(void **state)
{
    (void)state;
    spoke_buf scratch = scratch_of(sizeof scratch_memory);
    spoke_str bytes;
    assert_ok(spoke_codec_read(&spoke_codec_bytes, SPOKE_STR("\"2+1=\""), &bytes, &scratch, NULL));
    assert_int_equal(bytes.len, 2);
    assert_memory_equal(bytes.ptr, "\xdb\xed", 2);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct report report;
    for (size_t len = 0; len < sizeof full - 1; len++) {
        spoke_buf scratch = scratch_of(sizeof scratch_memory);
        assert_int_not_equal(spoke_codec_read(&report_codec, spoke_str_from(full, len), &report, &scratch, NULL),
                             SPOKE_OK);
    }
}

static void keys_with_escapes_are_the_same_keys(void **state)
{
    (void)state;
    struct report report;
    assert_ok(spoke_codec_read(&report_codec, SPOKE_STR("{\"n\\u0065eded\":true}"), &report, NULL, NULL));
    assert_true(report.needed);
}

static void text_without_escapes_needs_no_memory_and_is_a_view(void **state)
{
    (void)state;
    const spoke_str json = SPOKE_STR(" \"plain\" ");
    spoke_str text;
    assert_ok(spoke_codec_read(&spoke_codec_string, json, &text, NULL, NULL));
    assert_ptr_equal(text.ptr, json.ptr + 2);
    assert_int_equal(spoke_codec_read(&spoke_codec_string, SPOKE_STR("\"a\\n\""), &text, NULL, NULL),
                     SPOKE_E_NO_MEMORY);
    assert_int_equal(spoke_codec_read(&spoke_codec_bytes, SPOKE_STR("\"AQ==\""), &text, NULL, NULL),
                     SPOKE_E_NO_MEMORY);
}

static void too_little_memory_is_an_answer_and_nothing_is_written_past_it(void **state)
{
    (void)state;
    struct report report;
    size_t needed = 0;
    for (;; needed++) {
        memset(scratch_memory, 0xa5, sizeof scratch_memory);
        spoke_buf scratch = scratch_of(needed);
        const spoke_status status = spoke_codec_read(&report_codec, spoke_str_of(full), &report, &scratch, NULL);
        assert_int_equal(((const uint8_t *)scratch_memory)[needed], 0xa5);
        if (status == SPOKE_OK)
            break;
        assert_int_equal(status, SPOKE_E_NO_MEMORY);
        assert_true(needed < 1024);
    }
    assert_true(needed > 3 * sizeof(double));
}

static void scratch_is_appended_to_and_items_are_aligned(void **state)
{
    (void)state;
    struct numbers numbers;
    spoke_buf scratch = spoke_buf_from((char *)scratch_memory + 1, 100);
    assert_ok(spoke_buf_append(&scratch, SPOKE_STR("mine")));
    assert_ok(spoke_codec_read(&numbers_codec, SPOKE_STR("[1,2]"), &numbers, &scratch, NULL));
    assert_int_equal((uintptr_t)numbers.items % 8, 0);
    assert_memory_equal((char *)scratch_memory + 1, "mine", 4);
    assert_true(numbers.items[0] == 1 && numbers.items[1] == 2);
}

static void more_than_64_optional_members_have_their_bits_in_bytes(void **state)
{
    (void)state;
    enum { COUNT = 70 };
    struct wide {
        uint8_t has[(COUNT + 7) / 8];
        uint8_t values[COUNT];
    } wide;
    static char names[COUNT][4];
    spoke_schema_field fields[COUNT];
    spoke_codec_member layout[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "f%02u", i);
        fields[i] = (spoke_schema_field){names[i], &spoke_schema_unsigned_byte, false};
        layout[i] = (spoke_codec_member){&spoke_codec_unsigned_byte, (uint32_t)(offsetof(struct wide, values) + i),
                                         (uint16_t)i, false};
    }
    const spoke_schema schema = {SPOKE_SCHEMA_OBJECT, COUNT, NULL, fields, NULL, NULL};
    const spoke_codec codec = {&schema, sizeof wide, sizeof wide.has, 0, NULL, layout};
    comes_back(&codec, "{\"f00\":1,\"f63\":2,\"f64\":3,\"f69\":4}", &wide);
    assert_true(spoke_has(wide.has, 0) && spoke_has(wide.has, 69));
    assert_false(spoke_has(wide.has, 1));
    spoke_has_set(wide.has, 1);
    assert_true(spoke_has(wide.has, 1));
}

/* --- schemas that contain themselves --- */

static void a_chain_is_read_into_scratch_and_written_again(void **state)
{
    (void)state;
    struct node node;
    comes_back(&node_codec, "{\"next\":{\"next\":{}}}", &node);
    assert_true(node.has == (uint64_t)1 << 40);
    assert_true(node.next->next->has == 0);
}

static void a_ring_of_pointers_ends_at_the_depth_limit(void **state)
{
    (void)state;
    struct node ring = {(uint64_t)1 << 40, &ring};
    spoke_buf again = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_str back;
    assert_int_equal(spoke_codec_text(&node_codec, &ring, &again, &back), SPOKE_E_TOO_LARGE);
    const struct node nowhere = {(uint64_t)1 << 40, NULL};
    assert_int_equal(spoke_codec_text(&node_codec, &nowhere, &again, &back), SPOKE_E_MODEL);
}

/* --- writing --- */

static void text_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    struct report report;
    spoke_buf scratch = scratch_of(sizeof scratch_memory);
    spoke_str back;
    assert_ok(spoke_codec_read(&report_codec, spoke_str_of(full), &report, &scratch, NULL));
    for (size_t cap = 0; cap < sizeof full - 1; cap++) {
        memset(text_memory, 0x5a, sizeof text_memory);
        spoke_buf small = spoke_buf_from(text_memory, cap);
        assert_int_equal(spoke_codec_text(&report_codec, &report, &small, &back), SPOKE_E_NO_MEMORY);
        assert_int_equal(text_memory[cap], 0x5a);
        assert_int_equal(small.len, 0);
    }
    spoke_buf exact = spoke_buf_from(text_memory, sizeof full - 1);
    assert_ok(spoke_codec_text(&report_codec, &report, &exact, &back));
    assert_str(back, full);
}

static void fields_are_those_that_are_set_in_the_order_of_names(void **state)
{
    (void)state;
    const double items[] = {1};
    const struct report report = {.has = HAS_NUMBERS | HAS_MODE, .mode = MODE_OFF, .numbers = {items, 1}};
    spoke_buf scratch = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_field fields[6];
    size_t count = 0;
    assert_ok(spoke_codec_fields(&report_codec, &report, &scratch, fields, &count));
    assert_int_equal(count, 3);
    assert_string_equal(fields[0].name, "mode");
    assert_int_equal(fields[0].kind, SPOKE_KIND_TEXT);
    assert_string_equal(fields[1].name, "needed");
    assert_int_equal(fields[2].kind, SPOKE_KIND_JSON);
    assert_str(fields[2].as.text, "[1]");
}

static void a_field_that_64_bits_cannot_hold_is_json(void **state)
{
    (void)state;
    const uint64_t huge = UINT64_MAX, small = 5;
    spoke_buf scratch = spoke_buf_from(text_memory, sizeof text_memory);
    spoke_field field;
    assert_ok(spoke_codec_field(&spoke_codec_unsigned_long, "n", &huge, &scratch, &field));
    assert_str(field.as.text, "18446744073709551615");
    assert_ok(spoke_codec_field(&spoke_codec_unsigned_long, "n", &small, NULL, &field));
    assert_true(field.kind == SPOKE_KIND_INT && field.as.integer == 5);
    assert_int_equal(spoke_codec_field(&spoke_codec_unsigned_long, "n", &huge, NULL, &field), SPOKE_E_NO_MEMORY);
}

/* --- requests --- */

static void a_request_may_be_absent_or_null(void **state)
{
    (void)state;
    int32_t delay = 1;
    bool given = true;
    assert_ok(spoke_codec_request(&spoke_codec_integer, SPOKE_STR(""), false, &delay, &given, NULL));
    assert_false(given);
    assert_ok(spoke_codec_request(&spoke_codec_integer, SPOKE_STR(" null "), false, &delay, &given, NULL));
    assert_false(given);
    assert_ok(spoke_codec_request(&spoke_codec_integer, SPOKE_STR("5"), false, &delay, &given, NULL));
    assert_true(given && delay == 5);
    assert_int_equal(spoke_codec_request(&spoke_codec_integer, SPOKE_STR("@"), false, &delay, &given, NULL),
                     SPOKE_E_MODEL);
}

static void an_offline_command_s_text_has_no_quotes(void **state)
{
    (void)state;
    spoke_buf scratch = scratch_of(sizeof scratch_memory);
    spoke_str text;
    bool given = false;
    enum mode mode;
    assert_ok(spoke_codec_request(&spoke_codec_string, SPOKE_STR("say \"hi\""), true, &text, &given, &scratch));
    assert_true(given);
    assert_str(text, "say \"hi\"");
    assert_ok(spoke_codec_request(&spoke_codec_string, SPOKE_STR("\"quoted\""), true, &text, &given, &scratch));
    assert_str(text, "quoted");
    assert_ok(spoke_codec_request(&mode_codec, SPOKE_STR("off"), true, &mode, &given, &scratch));
    assert_int_equal(mode, MODE_OFF);
    assert_int_equal(spoke_codec_request(&spoke_codec_date, SPOKE_STR("today"), true, &text, &given, &scratch),
                     SPOKE_E_MODEL);
    assert_ok(spoke_codec_request(&spoke_codec_string, SPOKE_STR("@"), true, &text, &given, &scratch));
    assert_false(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_keep_their_last_unit),
        cmocka_unit_test(a_float_is_written_as_short_as_it_was_read),
        cmocka_unit_test(enums_of_any_width_travel),
        cmocka_unit_test(a_number_that_the_enum_does_not_have_is_not_written),
        cmocka_unit_test(enum_values_are_found_by_number_and_by_text),
        cmocka_unit_test(an_object_comes_back_with_all_its_parts),
        cmocka_unit_test(only_members_that_are_set_are_written),
        cmocka_unit_test(what_does_not_fit_the_schema_is_refused_with_its_place),
        cmocka_unit_test(bytes_with_spare_bits_are_read_as_the_check_takes_them),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(keys_with_escapes_are_the_same_keys),
        cmocka_unit_test(text_without_escapes_needs_no_memory_and_is_a_view),
        cmocka_unit_test(too_little_memory_is_an_answer_and_nothing_is_written_past_it),
        cmocka_unit_test(scratch_is_appended_to_and_items_are_aligned),
        cmocka_unit_test(more_than_64_optional_members_have_their_bits_in_bytes),
        cmocka_unit_test(a_chain_is_read_into_scratch_and_written_again),
        cmocka_unit_test(a_ring_of_pointers_ends_at_the_depth_limit),
        cmocka_unit_test(text_fits_exactly_or_not_at_all),
        cmocka_unit_test(fields_are_those_that_are_set_in_the_order_of_names),
        cmocka_unit_test(a_field_that_64_bits_cannot_hold_is_json),
        cmocka_unit_test(a_request_may_be_absent_or_null),
        cmocka_unit_test(an_offline_command_s_text_has_no_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
