/* Payloads against schemas: each kind's edges, each rule of objects, and sentences that name the place. */
#include "support/support.h"

#include <spoke/model.h>
#include <stdio.h>
#include <string.h>

static const spoke_enum_value levels[] = {{1, NULL}, {-2, NULL}, {3, NULL}};
static const spoke_schema level = {.kind = SPOKE_SCHEMA_ENUM_INTEGER, .count = 3, .values = levels};
static const spoke_enum_value states[] = {{0, "on"}, {0, "off"}};
static const spoke_schema state_enum = {.kind = SPOKE_SCHEMA_ENUM_STRING, .count = 2, .values = states};
static const spoke_schema numbers = {.kind = SPOKE_SCHEMA_ARRAY, .element = &spoke_schema_double};
static const spoke_schema counters = {.kind = SPOKE_SCHEMA_MAP, .element = &spoke_schema_integer};
static const spoke_schema_field inner_fields[] = {{"code", &level, true}, {"text", &spoke_schema_string, false}};
static const spoke_schema inner = {.kind = SPOKE_SCHEMA_OBJECT, .count = 2, .fields = inner_fields};
static const spoke_schema inners = {.kind = SPOKE_SCHEMA_ARRAY, .element = &inner};
static const spoke_schema_field outer_fields[] = {{"list", &inners, false}, {"map", &counters, false}};
static const spoke_schema outer = {.kind = SPOKE_SCHEMA_OBJECT, .count = 2, .fields = outer_fields};
static const spoke_range percent_range = {.has_low = true, .has_high = true, .low = 0, .high = 100};
static const spoke_schema percent = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &percent_range};
static const spoke_range hour_range = {.has_low = true, .has_high = true, .low_whole = -12, .high_whole = 14};
static const spoke_schema hour = {.kind = SPOKE_SCHEMA_INTEGER, .range = &hour_range};
static const spoke_range natural_range = {.has_low = true, .low_whole = 0};
static const spoke_schema natural = {.kind = SPOKE_SCHEMA_LONG, .range = &natural_range};
static const spoke_range big_range = {.has_low = true, .low_whole = (int64_t)0x8000000000000000u};
static const spoke_schema big = {.kind = SPOKE_SCHEMA_UNSIGNED_LONG, .range = &big_range};
static const spoke_range label_range = {.has_low = true, .has_high = true, .low_whole = 2, .high_whole = 4};
static const spoke_schema label = {.kind = SPOKE_SCHEMA_STRING, .range = &label_range};
/* A tree: only the language's fourth version can say it. */
static const spoke_schema tree;
static const spoke_schema trees = {.kind = SPOKE_SCHEMA_ARRAY, .element = &tree};
static const spoke_schema_field tree_fields[] = {{"children", &trees, false}};
static const spoke_schema tree = {.kind = SPOKE_SCHEMA_OBJECT, .count = 1, .fields = tree_fields};

struct sample {
    const spoke_schema *schema;
    const char *json;
};

static void expect(const struct sample *samples, size_t count, spoke_status wanted)
{
    for (size_t i = 0; i < count; i++) {
        spoke_fault fault;
        char text[200] = "";
        const spoke_status status = spoke_schema_check(samples[i].schema, spoke_str_of(samples[i].json), &fault);
        if (status != SPOKE_OK)
            spoke_fault_text(&fault, text, sizeof text);
        if (status != wanted)
            fail_msg("%s answered %s %s", samples[i].json, spoke_status_name(status), text);
        assert_int_equal(spoke_schema_check(samples[i].schema, spoke_str_of(samples[i].json), NULL), wanted);
        if (status != SPOKE_OK)
            assert_int_not_equal(text[0], '\0');
    }
}

#define EXPECT(samples, status) expect((samples), sizeof(samples) / sizeof(samples)[0], (status))

static void whole_numbers_are_judged_as_written_and_to_the_last_unit(void **state)
{
    (void)state;
    const struct sample good[] = {{&spoke_schema_integer, "2147483647"},
                                  {&spoke_schema_integer, " -2147483648 "},
                                  {&spoke_schema_integer, "-0"},
                                  {&spoke_schema_long, "9223372036854775807"},
                                  {&spoke_schema_long, "-9223372036854775808"},
                                  {&spoke_schema_byte, "-128"},
                                  {&spoke_schema_short, "32767"},
                                  {&spoke_schema_unsigned_byte, "255"},
                                  {&spoke_schema_unsigned_short, "65535"},
                                  {&spoke_schema_unsigned_integer, "4294967295"},
                                  {&spoke_schema_unsigned_long, "18446744073709551615"}};
    const struct sample bad[] = {{&spoke_schema_integer, "2147483648"},
                                 {&spoke_schema_integer, "-2147483649"},
                                 {&spoke_schema_integer, "2.0"},
                                 {&spoke_schema_integer, "1e2"},
                                 {&spoke_schema_integer, "01"},
                                 {&spoke_schema_integer, "+1"},
                                 {&spoke_schema_integer, "\"1\""},
                                 {&spoke_schema_integer, "true"},
                                 {&spoke_schema_integer, "null"},
                                 {&spoke_schema_integer, ""},
                                 {&spoke_schema_integer, "1 2"},
                                 {&spoke_schema_integer, "[1]"},
                                 {&spoke_schema_long, "9223372036854775808"},
                                 {&spoke_schema_long, "-9223372036854775809"},
                                 {&spoke_schema_long, "99999999999999999999999999"},
                                 {&spoke_schema_byte, "128"},
                                 {&spoke_schema_byte, "-129"},
                                 {&spoke_schema_short, "32768"},
                                 {&spoke_schema_unsigned_byte, "256"},
                                 {&spoke_schema_unsigned_byte, "-0"},
                                 {&spoke_schema_unsigned_short, "-1"},
                                 {&spoke_schema_unsigned_integer, "4294967296"},
                                 {&spoke_schema_unsigned_long, "18446744073709551616"},
                                 {&spoke_schema_unsigned_long, "36893488147419103232"}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void real_numbers_fit_when_they_round_to_a_finite_one(void **state)
{
    (void)state;
    const struct sample good[] = {{&spoke_schema_double, "1"},
                                  {&spoke_schema_double, "-0.0"},
                                  {&spoke_schema_double, "1.79769313486231E+308"},
                                  {&spoke_schema_double, "1e-400"},
                                  {&spoke_schema_double, "123456789012345678901234567890.5"},
                                  {&spoke_schema_float, "3.402823E+38"},
                                  {&spoke_schema_float, "-340282356779733600000000000000000000000.0"}};
    const struct sample bad[] = {{&spoke_schema_double, "1.79769313486233E+308"},
                                 {&spoke_schema_double, "1e999"},
                                 {&spoke_schema_float, "3.402824E+38"},
                                 {&spoke_schema_float, "-1e39"},
                                 {&spoke_schema_double, "\"1\""},
                                 {&spoke_schema_double, "NaN"},
                                 {&spoke_schema_double, ".5"},
                                 {&spoke_schema_double, "1."}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

/* 2^128 - 2^103 is the middle between the greatest binary32 and infinity, and belongs to infinity. */
#define FLOAT_END "340282356779733661637539395458142568448"
#define BELOW_FLOAT_END "340282356779733661637539395458142568447"

static void a_float_is_judged_to_the_last_digit(void **state)
{
    (void)state;
    static const spoke_range least = {.has_low = true, .low = 0};
    static const spoke_schema positive = {.kind = SPOKE_SCHEMA_FLOAT, .range = &least};
    const struct sample good[] = {{&spoke_schema_float, BELOW_FLOAT_END},
                                  {&spoke_schema_float, "-" BELOW_FLOAT_END},
                                  {&spoke_schema_float, BELOW_FLOAT_END ".99999999999999999999999999999999999999"},
                                  {&spoke_schema_float, "3.40282356779733661637539395458142568447e38"},
                                  {&spoke_schema_float, "0.000340282356779733661637539395458142568447E+42"},
                                  {&spoke_schema_float, BELOW_FLOAT_END "000e-3"},
                                  {&positive, BELOW_FLOAT_END},
                                  {&spoke_schema_float, "3.4028235677973366e38"},
                                  {&spoke_schema_float, "-0.0"},
                                  {&spoke_schema_float, "0e999999999999999999999"},
                                  {&spoke_schema_float, "5e-324"}};
    const struct sample bad[] = {{&spoke_schema_float, FLOAT_END},
                                 {&spoke_schema_float, "-" FLOAT_END},
                                 {&spoke_schema_float, FLOAT_END ".0"},
                                 {&spoke_schema_float, FLOAT_END ".00000000000000000000000000000000000000000001"},
                                 {&spoke_schema_float, "34028235677973366163753939545814256844.8e1"},
                                 {&spoke_schema_float, "3.4028235677973367e38"},
                                 {&positive, "-" BELOW_FLOAT_END},
                                 {&positive, FLOAT_END}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void text_formats_are_what_the_language_says(void **state)
{
    (void)state;
    const struct sample good[] = {{&spoke_schema_string, "\"\""},
                                  {&spoke_schema_string, "\"\\u0000\\ud83d\\ude00\""},
                                  {&spoke_schema_date, "\"2024-02-29\""},
                                  {&spoke_schema_date, "\"2000-02-29\""},
                                  {&spoke_schema_date, "\"2024\\u002d02-29\""},
                                  {&spoke_schema_date, "\"0001-01-01\""},
                                  {&spoke_schema_time, "\"23:59:59Z\""},
                                  {&spoke_schema_time, "\"06:00:00.0000+14:00\""},
                                  {&spoke_schema_date_time, "\"1980-01-01T06:00:00-00:00\""},
                                  {&spoke_schema_duration, "\"P3Y6M4DT8H9M5.00134S\""},
                                  {&spoke_schema_duration, "\"P2W4DT8H\""},
                                  {&spoke_schema_duration, "\"P3.4W\""},
                                  {&spoke_schema_decimal, "\"+123.\""},
                                  {&spoke_schema_decimal, "\"0.00\""},
                                  {&spoke_schema_bytes, "\"\""},
                                  {&spoke_schema_bytes, "\"2\\/1=\""},
                                  {&spoke_schema_bytes, "\"AA==\""},
                                  {&spoke_schema_uuid, "\"12345678-9ABC-def0-1234-56789abcdef0\""}};
    const struct sample bad[] = {{&spoke_schema_string, "\"open"},
                                 {&spoke_schema_string, "\"\\ud83d\""},
                                 {&spoke_schema_string, "\"\xC3\""},
                                 {&spoke_schema_string, "1"},
                                 {&spoke_schema_date, "\"2023-02-29\""},
                                 {&spoke_schema_date, "\"1900-02-29\""},
                                 {&spoke_schema_date, "\"0000-01-01\""},
                                 {&spoke_schema_date, "\"2024-02-29Z\""},
                                 {&spoke_schema_date, "\"2024-13-01\""},
                                 {&spoke_schema_time, "\"23:59:60Z\""},
                                 {&spoke_schema_time, "\"24:00:00Z\""},
                                 {&spoke_schema_time, "\"23:59:59\""},
                                 {&spoke_schema_time, "\"23:59:59+14:01\""},
                                 {&spoke_schema_time, "\"23:59:59.Z\""},
                                 {&spoke_schema_date_time, "\"1980-01-01 06:00:00Z\""},
                                 {&spoke_schema_date_time, "\"1980-01-01T06:00Z\""},
                                 {&spoke_schema_duration, "\"P\""},
                                 {&spoke_schema_duration, "\"P1DT\""},
                                 {&spoke_schema_duration, "\"P1Y3W\""},
                                 {&spoke_schema_duration, "\"PT.5S\""},
                                 {&spoke_schema_duration, "\"P1.5DT1H\""},
                                 {&spoke_schema_duration, "\"PT5S9M\""},
                                 {&spoke_schema_duration, "\"P8H\""},
                                 {&spoke_schema_decimal, "\"01\""},
                                 {&spoke_schema_decimal, "\"\""},
                                 {&spoke_schema_decimal, "\".5\""},
                                 {&spoke_schema_decimal, "1"},
                                 {&spoke_schema_bytes, "\"2-1=\""},
                                 {&spoke_schema_bytes, "\"AAA\""},
                                 {&spoke_schema_bytes, "\"A===\""},
                                 {&spoke_schema_bytes, "\"AAAA==\""},
                                 {&spoke_schema_uuid, "\"{12345678-9abc-def0-1234-56789abcdef0}\""},
                                 {&spoke_schema_uuid, "\"12345678-9abc-def0-1234-56789abcdef\""}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void an_enum_takes_its_values_and_not_their_like(void **state)
{
    (void)state;
    const struct sample good[] = {
        {&level, "1"}, {&level, "-2"}, {&state_enum, "\"on\""}, {&state_enum, "\"\\u006ff\\u0066\""}};
    const struct sample bad[] = {
        {&level, "2"},          {&level, "1.0"},         {&level, "\"1\""},  {&level, "99999999999999999999"},
        {&level, "4294967297"}, {&state_enum, "\"On\""}, {&state_enum, "0"}, {&state_enum, "\"\""}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void objects_lack_only_what_is_not_required_and_have_nothing_else(void **state)
{
    (void)state;
    const struct sample good[] = {
        {&inner, "{\"code\":1}"},
        {&inner, " { \"text\" : \"x\" , \"code\" : 3 } "},
        {&inner, "{\"c\\u006fde\":1}"},
        {&outer, "{}"},
        {&outer, "{\"list\":[],\"map\":{}}"},
        {&outer, "{\"list\":[{\"code\":1},{\"code\":-2,\"text\":\"\"}],\"map\":{\"any thing\":5}}"},
        {&numbers, "[1,2.5,-3e4]"},
        {&tree, "{\"children\":[{\"children\":[{}]},{}]}"},
        {&spoke_schema_point, "{\"type\":\"Point\",\"coordinates\":[1,2]}"},
        {&spoke_schema_geopoint, "{\"lat\":1}"},
        {&spoke_schema_scaled_decimal, "{\"value\":\"3.14\",\"scale\":-2}"},
        {&outer, "{\"map\":{\"\\u0061\\n\":1,\"\":2,\"\\u0000\":3}}"},
        {&inner, "{\"code\":1,\"code\":-2}"}}; /* the reader takes the first */
    const struct sample bad[] = {{&inner, "{}"},
                                 {&inner, "{\"text\":\"x\"}"},
                                 {&inner, "{\"code\":1,\"more\":2}"},
                                 {&inner, "{\"code\":null}"},
                                 {&inner, "{\"code\":1,\"code\":9}"},
                                 {&inner, "{\"text\":\"x\",\"text\":\"y\"}"},
                                 {&inner, "{\"code\\u0000\":1}"},
                                 {&outer, "{\"map\":{\"\\ud800\":1}}"},
                                 {&inner, "{\"code\":1,}"},
                                 {&inner, "{\"code\":1"},
                                 {&inner, "{\"code\" 1}"},
                                 {&inner, "{code:1}"},
                                 {&inner, "[1]"},
                                 {&inner, "{\"value\":{\"code\":1}}"},
                                 {&outer, "{\"map\":{\"a\":1.5}}"},
                                 {&outer, "{\"list\":[{}]}"},
                                 {&numbers, "[1,null]"},
                                 {&numbers, "[1,]"},
                                 {&numbers, "[,1]"},
                                 {&numbers, "[1 2]"},
                                 {&numbers, "[1]]"},
                                 {&numbers, "{\"0\":1}"},
                                 {&spoke_schema_point, "{\"type\":\"point\"}"},
                                 {&spoke_schema_vector, "{\"X\":1}"}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void ranges_hold_both_their_ends(void **state)
{
    (void)state;
    const struct sample good[] = {{&percent, "0"},
                                  {&percent, "100.0"},
                                  {&hour, "-12"},
                                  {&hour, "14"},
                                  {&big, "9223372036854775808"},
                                  {&natural, "-0"},
                                  {&label, "\"ab\""},
                                  {&label, "\"\\ud83d\\ude00\xF0\x9F\x98\x80\""}};
    const struct sample bad[] = {{&percent, "100.00001"},
                                 {&percent, "-1e-9"},
                                 {&hour, "15"},
                                 {&hour, "-13"},
                                 {&big, "9223372036854775807"},
                                 {&natural, "-1"},
                                 {&label, "\"\\ud83d\\ude00\\ud83d\\ude00a\""},
                                 {&label, "\"\xC3\xA4\""},
                                 {&label, "\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\\u0041\""}};
    EXPECT(good, SPOKE_OK);
    EXPECT(bad, SPOKE_E_MODEL);
}

static void required_fields_past_the_64th_are_not_forgotten(void **state)
{
    (void)state;
    static char names[70][4];
    static spoke_schema_field fields[70];
    char json[1200] = "{";
    for (unsigned i = 0; i < 70; i++) {
        snprintf(names[i], sizeof names[i], "f%02u", i);
        fields[i] = (spoke_schema_field){names[i], &spoke_schema_integer, i >= 62};
        if (i >= 62)
            snprintf(json + strlen(json), sizeof json - strlen(json), "%s\"%s\":1", i > 62 ? "," : "", names[i]);
    }
    const spoke_schema wide = {.kind = SPOKE_SCHEMA_OBJECT, .count = 70, .fields = fields};
    char all[sizeof json + 1];
    snprintf(all, sizeof all, "%s}", json);
    assert_ok(spoke_schema_check(&wide, spoke_str_of(all), NULL));
    json[strlen(json) - strlen(",\"f69\":1")] = '}';
    json[strlen(all) - 1 - strlen(",\"f69\":1") + 1] = '\0';
    spoke_fault fault;
    char text[80];
    assert_int_equal(spoke_schema_check(&wide, spoke_str_of(json), &fault), SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text), ".f69: it is required, and missing");
}

static void nesting_ends_where_the_readers_ends(void **state)
{
    (void)state;
    char json[20000] = "";
    for (unsigned depth = 1; depth < 1000; depth += depth < 20 ? 1 : 300) {
        json[0] = '\0';
        for (unsigned i = 0; i < depth; i++)
            strcat(json, "{\"children\":[");
        for (unsigned i = 0; i < depth; i++)
            strcat(json, "]}");
        assert_int_equal(spoke_schema_check(&tree, spoke_str_of(json), NULL),
                         depth * 2 <= SPOKE_JSON_DEPTH ? SPOKE_OK : SPOKE_E_MODEL);
    }
}

static void a_telemetry_message_nests_no_deeper_than_other_json(void **state)
{
    (void)state;
    static const spoke_member one[] = {{NULL, "t", SPOKE_TELEMETRY, 0, &tree, NULL}};
    const spoke_model deep = {"dtmi:x;1", one, 1};
    for (unsigned depth = 1; depth < 40; depth++) {
        char json[1200] = "{\"t\":";
        for (unsigned i = 0; i < depth; i++)
            strcat(json, i % 2 == 0 ? "{\"children\":" : "[");
        if (depth % 2 != 0)
            strcat(json, "[]"), strcat(json, "}");
        for (unsigned i = depth - depth % 2; i > 0; i--)
            strcat(json, i % 2 == 0 ? "]" : "}");
        strcat(json, "}");
        assert_int_equal(spoke_telemetry_check(&deep, SPOKE_STR(""), spoke_str_of(json), NULL) == SPOKE_OK,
                         spoke_json_check(spoke_str_of(json)) == SPOKE_OK);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    const char *json = "{\"list\":[{\"code\":1,\"text\":\"\\ud83d\\ude00\"}],\"map\":{\"k\":-15}}";
    assert_ok(spoke_schema_check(&outer, spoke_str_of(json), NULL));
    for (size_t len = 0; len < strlen(json); len++)
        assert_int_equal(spoke_schema_check(&outer, spoke_str_from(json, len), NULL), SPOKE_E_MODEL);
}

/* --- fields --- */

static void fields_are_checked_as_what_they_will_be_written_as(void **state)
{
    (void)state;
    const struct {
        const spoke_schema *schema;
        spoke_field field;
        spoke_status status;
    } cases[] = {
        {&spoke_schema_double, spoke_f64("x", 1.5), SPOKE_OK},
        {&spoke_schema_double, spoke_i64("x", 1), SPOKE_OK},
        {&spoke_schema_double, spoke_f64("x", 1.0 / (double)(1 - 1)), SPOKE_E_MODEL},
        {&spoke_schema_float, spoke_f64("x", 3.5e38), SPOKE_E_MODEL},
        {&spoke_schema_integer, spoke_f64("x", 2), SPOKE_E_MODEL},
        {&spoke_schema_integer, spoke_i64("x", INT64_C(2147483648)), SPOKE_E_MODEL},
        {&spoke_schema_long, spoke_i64("x", INT64_MIN), SPOKE_OK},
        {&spoke_schema_long, spoke_u64("x", UINT64_MAX), SPOKE_E_MODEL},
        {&spoke_schema_unsigned_long, spoke_u64("x", UINT64_MAX), SPOKE_OK},
        {&spoke_schema_unsigned_long, spoke_i64("x", -1), SPOKE_E_MODEL},
        {&spoke_schema_boolean, spoke_bool("x", true), SPOKE_OK},
        {&spoke_schema_boolean, spoke_i64("x", 1), SPOKE_E_MODEL},
        {&spoke_schema_string, spoke_text("x", SPOKE_STR("21")), SPOKE_OK},
        {&spoke_schema_double, spoke_text("x", SPOKE_STR("21")), SPOKE_E_MODEL},
        {&spoke_schema_string, spoke_json("x", SPOKE_STR("\"21\"")), SPOKE_OK},
        {&spoke_schema_string, spoke_null("x"), SPOKE_E_MODEL},
        {&spoke_schema_date, spoke_text("x", SPOKE_STR("2024-02-29")), SPOKE_OK},
        {&spoke_schema_date, spoke_text("x", SPOKE_STR("2024\\u002d02-29")), SPOKE_E_MODEL},
        {&level, spoke_i64("x", -2), SPOKE_OK},
        {&level, spoke_i64("x", 7), SPOKE_E_MODEL},
        {&level, spoke_f64("x", 1), SPOKE_E_MODEL},
        {&state_enum, spoke_text("x", SPOKE_STR("off")), SPOKE_OK},
        {&state_enum, spoke_text("x", SPOKE_STR("of")), SPOKE_E_MODEL},
        {&hour, spoke_i64("x", 15), SPOKE_E_MODEL},
        {&percent, spoke_i64("x", 101), SPOKE_E_MODEL},
        {&label, spoke_text("x", SPOKE_STR("abcde")), SPOKE_E_MODEL},
        {&inner, spoke_json("x", SPOKE_STR("{\"code\":1}")), SPOKE_OK},
        {&inner, spoke_text("x", SPOKE_STR("{}")), SPOKE_E_MODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (spoke_field_check(cases[i].schema, &cases[i].field, NULL) != cases[i].status)
            fail_msg("case %zu", i);
}

/* --- templates --- */

static const spoke_member members[] = {
    {NULL, "answer", SPOKE_COMMAND, SPOKE_NULLABLE_RESPONSE, NULL, &spoke_schema_integer},
    {NULL, "ask", SPOKE_COMMAND, 0, &spoke_schema_date, NULL},
    {NULL, "hour", SPOKE_TELEMETRY, 0, &hour, NULL},
    {NULL, "name", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_string, NULL},
    {"pump", "status", SPOKE_TELEMETRY, 0, &inner, NULL},
};
static const spoke_model model = {"dtmi:x:y;1", members, sizeof members / sizeof members[0]};

static void a_fault_names_member_and_place(void **state)
{
    (void)state;
    const struct {
        const char *component, *body, *text;
    } cases[] = {
        {"", "{\"hour\":15}", "telemetry 'hour': expected -12 to 14"},
        {"", "{\"hour\":1,\"hour\":\"2\"}", "telemetry 'hour': expected a whole number, found text"},
        {"", "{\"houre\":1}", "the template has no telemetry 'houre'; did you mean 'hour'?"},
        {"pump", "{\"hour\":1}",
         "the template has no telemetry 'hour' of component 'pump'; did you mean 'hour' of no component?"},
        {"pump", "{\"Statu\":1}",
         "the template has no telemetry 'Statu' of component 'pump'; did you mean 'status'?"},
        {"", "{\"status\":1}",
         "the template has no telemetry 'status'; did you mean 'status' of component 'pump'?"},
        {"", "{\"nothing\":1}", "the template has no telemetry 'nothing'"},
        {"pump2", "{\"status\":1}", "the template has no component 'pump2'"},
        {"", "{\"name\":\"x\"}", "property 'name': used as telemetry"},
        {"", "[1]", "expected an object, found an array"},
        {"", "{\"hour\":1}}", "not valid JSON"},
        {"", "{\"hour\":1,}", "not valid JSON"},
        {"pump", "{\"status\":{\"code\":7}}",
         "telemetry 'status' of component 'pump': .code: expected one of 1, -2, 3"},
        {"pump", "{\"status\":{\"cod\":7}}",
         "telemetry 'status' of component 'pump': no field 'cod'; there is code, text"},
        {"pump", "{\"status\":{}}", "telemetry 'status' of component 'pump': .code: it is required, and missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spoke_fault fault;
        char text[160];
        assert_int_equal(
            spoke_telemetry_check(&model, spoke_str_of(cases[i].component), spoke_str_of(cases[i].body), &fault),
            SPOKE_E_MODEL);
        assert_string_equal(spoke_fault_text(&fault, text, sizeof text), cases[i].text);
    }
    assert_ok(spoke_telemetry_check(&model, SPOKE_STR(""), SPOKE_STR(" { \"h\\u006fur\" : 3 } "), NULL));
    assert_ok(spoke_telemetry_check(&model, SPOKE_STR(""), SPOKE_STR("{}"), NULL));
}

static void a_name_nearly_right_is_told(void **state)
{
    (void)state;
    static const spoke_member names[] = {{NULL, "battery", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
                                         {NULL, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
                                         {NULL, "temperatures", SPOKE_PROPERTY, 0, &spoke_schema_double, NULL},
                                         {NULL, "x1", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL}};
    const spoke_model named = {"dtmi:x;1", names, 4};
    const struct {
        const char *typed, *meant;
    } cases[] = {{"temprature", "temperature"},
                 {"Temperature", "temperature"},
                 {"temperatrue", "temperature"},
                 {"temperatures", NULL}, /* a property's very name, and that is said instead */
                 {"tempe", NULL},
                 {"batery", "battery"},
                 {"xbattery1", "battery"},
                 {"x2", "x1"},
                 {"y2", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const spoke_field field = spoke_f64(cases[i].typed, 1);
        spoke_fault fault;
        assert_int_equal(spoke_member_check(&named, SPOKE_TELEMETRY, SPOKE_STR(""), &field, &fault),
                         SPOKE_E_MODEL);
        if (cases[i].meant == NULL)
            assert_null(fault.like);
        else
            assert_string_equal(fault.like->name, cases[i].meant);
    }
}

static void a_place_shows_indexes_and_where_it_is_cut(void **state)
{
    (void)state;
    spoke_fault fault;
    char text[120], small[20];
    assert_int_equal(spoke_schema_check(&outer, SPOKE_STR("{\"list\":[{\"code\":1},{\"code\":{}}]}"), &fault),
                     SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text),
                        ".list[1].code: expected one of 1, -2, 3, found an object");
    assert_string_equal(spoke_fault_text(&fault, small, sizeof small), ".list[1].code: expe");
    for (size_t cap = 0; cap < sizeof text; cap++) { /* never a byte behind */
        memset(text, '#', sizeof text);
        spoke_fault_text(&fault, text, cap);
        assert_int_equal(text[cap], '#');
    }
}

#define A64 "a234567890123456789012345678901234567890123456789012345678901234"

static void the_longest_names_leave_room_for_the_reason(void **state)
{
    (void)state;
    const spoke_schema_field fields[] = {{A64 A64, &spoke_schema_boolean, false}};
    const spoke_schema object = {.kind = SPOKE_SCHEMA_OBJECT, .count = 1, .fields = fields};
    const spoke_member long_names[] = {{A64 A64 A64, A64, SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
                                       {A64 A64 A64, A64 A64, SPOKE_TELEMETRY, 0, &object, NULL}};
    const spoke_model long_model = {"dtmi:x;1", long_names, 2};
    char text[224];
    spoke_fault fault;
    assert_int_equal(spoke_telemetry_check(&long_model, SPOKE_STR(A64 A64 A64),
                                           SPOKE_STR("{\"" A64 A64 "\":{\"" A64 A64 "\":1}}"), &fault),
                     SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text),
                        "telemetry 'a23456789012345678901234567890123456789...' of component "
                        "'a23456789012345678901234567890123456789...': "
                        ".a23456789012345678901234567890123456789...: expected true or false, found a number");
}

static void an_index_beyond_16_bits_stays_at_the_greatest(void **state)
{
    (void)state;
    static char json[2 * 70000 + 8];
    size_t len = 0;
    json[len++] = '[';
    for (size_t i = 0; i < 70000; i++) {
        json[len++] = i < 69999 ? '1' : 'x';
        json[len++] = i < 69999 ? ',' : ']';
    }
    json[len - 2] = '1';
    assert_ok(spoke_schema_check(&numbers, spoke_str_from(json, len), NULL));
    memcpy(json + len - 2, "\"\"]", 3);
    spoke_fault fault;
    char text[80];
    assert_int_equal(spoke_schema_check(&numbers, spoke_str_from(json, len + 1), &fault), SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text), "[65535]: expected a number, found text");
}

static void a_property_is_checked_and_null_deletes_it(void **state)
{
    (void)state;
    const spoke_field good = spoke_text("name", SPOKE_STR("x")), gone = spoke_null("name"),
                      gone_as_json = spoke_json("name", SPOKE_STR(" null")),
                      half = spoke_json("name", SPOKE_STR("nul")), bad = spoke_i64("name", 1),
                      command = spoke_i64("ask", 1);
    assert_ok(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &good, NULL));
    assert_ok(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &gone, NULL));
    assert_ok(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &gone_as_json, NULL));
    assert_int_equal(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &half, NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &bad, NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR("pump"), &good, NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_member_check(&model, SPOKE_PROPERTY, SPOKE_STR(""), &command, NULL), SPOKE_E_MODEL);
}

static void requests_and_responses_are_there_when_the_template_has_them(void **state)
{
    (void)state;
    const spoke_member *answer = &members[0], *ask = &members[1];
    spoke_fault fault;
    char text[120];
    assert_ok(spoke_request_check(answer, SPOKE_STR(""), NULL));
    assert_ok(spoke_request_check(answer, SPOKE_STR(" {} "), NULL));
    assert_ok(spoke_request_check(answer, SPOKE_STR("null"), NULL));
    assert_int_equal(spoke_request_check(answer, SPOKE_STR("1"), &fault), SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text),
                        "command 'answer' request: the template has none");
    assert_ok(spoke_request_check(ask, SPOKE_STR("\"2024-01-01\""), NULL));
    assert_int_equal(spoke_request_check(ask, SPOKE_STR("null"), NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_request_check(ask, SPOKE_STR(""), &fault), SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text),
                        "command 'ask' request: missing: expected a date, as \"2026-02-28\"");
    assert_ok(spoke_response_check(answer, SPOKE_STR(""), NULL));
    assert_ok(spoke_response_check(answer, SPOKE_STR("5"), NULL));
    assert_int_equal(spoke_response_check(answer, SPOKE_STR("\"5\""), &fault), SPOKE_E_MODEL);
    assert_string_equal(spoke_fault_text(&fault, text, sizeof text),
                        "command 'answer' response: expected a whole number, found text");
    assert_ok(spoke_response_check(ask, SPOKE_STR(""), NULL));
    assert_int_equal(spoke_response_check(ask, SPOKE_STR("5"), NULL), SPOKE_E_MODEL);
}

static void an_offline_request_is_bare_text_or_json(void **state)
{
    (void)state;
    static const spoke_member say = {NULL, "say", SPOKE_COMMAND, SPOKE_DURABLE, &spoke_schema_string, NULL};
    static const spoke_member turn = {NULL, "turn", SPOKE_COMMAND, SPOKE_DURABLE, &state_enum, NULL};
    static const spoke_member count = {NULL, "count", SPOKE_COMMAND, SPOKE_DURABLE, &spoke_schema_integer, NULL};
    assert_ok(spoke_offline_request_check(&say, SPOKE_STR("good morning"), NULL));
    assert_ok(spoke_offline_request_check(&say, SPOKE_STR("\"quoted\""), NULL));
    assert_int_equal(spoke_offline_request_check(&say, SPOKE_STR(""), NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_offline_request_check(&say, SPOKE_STR("\xC3"), NULL), SPOKE_E_MODEL);
    assert_int_equal(spoke_offline_request_check(&say, SPOKE_STR("\0"), NULL), SPOKE_E_MODEL);
    assert_ok(spoke_offline_request_check(&turn, SPOKE_STR("off"), NULL));
    assert_int_equal(spoke_offline_request_check(&turn, SPOKE_STR("up"), NULL), SPOKE_E_MODEL);
    assert_ok(spoke_offline_request_check(&count, SPOKE_STR("5"), NULL));
    assert_int_equal(spoke_offline_request_check(&count, SPOKE_STR("five"), NULL), SPOKE_E_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_judged_as_written_and_to_the_last_unit),
        cmocka_unit_test(real_numbers_fit_when_they_round_to_a_finite_one),
        cmocka_unit_test(a_float_is_judged_to_the_last_digit),
        cmocka_unit_test(text_formats_are_what_the_language_says),
        cmocka_unit_test(an_enum_takes_its_values_and_not_their_like),
        cmocka_unit_test(objects_lack_only_what_is_not_required_and_have_nothing_else),
        cmocka_unit_test(ranges_hold_both_their_ends),
        cmocka_unit_test(required_fields_past_the_64th_are_not_forgotten),
        cmocka_unit_test(nesting_ends_where_the_readers_ends),
        cmocka_unit_test(a_telemetry_message_nests_no_deeper_than_other_json),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(fields_are_checked_as_what_they_will_be_written_as),
        cmocka_unit_test(a_fault_names_member_and_place),
        cmocka_unit_test(a_name_nearly_right_is_told),
        cmocka_unit_test(a_place_shows_indexes_and_where_it_is_cut),
        cmocka_unit_test(the_longest_names_leave_room_for_the_reason),
        cmocka_unit_test(an_index_beyond_16_bits_stays_at_the_greatest),
        cmocka_unit_test(a_property_is_checked_and_null_deletes_it),
        cmocka_unit_test(requests_and_responses_are_there_when_the_template_has_them),
        cmocka_unit_test(an_offline_request_is_bare_text_or_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
