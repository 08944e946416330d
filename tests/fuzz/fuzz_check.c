/* Payloads against schemas. The first byte picks the schema; the rest is held to it, and to a second, slow reading of
 * the same rules over the JSON reader: both agree. Every refusal has a sentence, in any room. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/model.h>

#define MAX_INPUT 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char scratch[MAX_INPUT + 1];

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* --- schemas of every kind --- */

static const spoke_enum_value numbers[] = {{0, NULL}, {-7, NULL}, {2147483647, NULL}};
static const spoke_schema number_enum = {.kind = SPOKE_SCHEMA_ENUM_INTEGER, .count = 3, .values = numbers};
static const spoke_enum_value words[] = {{0, "on"}, {0, ""}, {0, "\xC3\xA4\""}};
static const spoke_schema word_enum = {.kind = SPOKE_SCHEMA_ENUM_STRING, .count = 3, .values = words};
static const spoke_range length_range = {.has_low = true, .has_high = true, .low_whole = 1, .high_whole = 4};
static const spoke_schema label = {.kind = SPOKE_SCHEMA_STRING, .range = &length_range};
static const spoke_range real_range = {.has_low = true, .has_high = true, .low = -1.5, .high = 1e9};
static const spoke_schema reading = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &real_range};
static const spoke_range whole_range = {.has_low = true, .low_whole = -5};
static const spoke_schema level = {.kind = SPOKE_SCHEMA_LONG, .range = &whole_range};
static const spoke_schema node;
static const spoke_schema nodes = {.kind = SPOKE_SCHEMA_ARRAY, .element = &node};
static const spoke_schema node_map = {.kind = SPOKE_SCHEMA_MAP, .element = &node};
static const spoke_schema_field node_fields[] = {
    {"bool", &spoke_schema_boolean, false},
    {"byte", &spoke_schema_byte, false},
    {"bytes", &spoke_schema_bytes, false},
    {"date", &spoke_schema_date, false},
    {"dateTime", &spoke_schema_date_time, false},
    {"decimal", &spoke_schema_decimal, false},
    {"duration", &spoke_schema_duration, false},
    {"enum", &number_enum, true},
    {"float", &spoke_schema_float, false},
    {"label", &label, false},
    {"level", &level, false},
    {"list", &nodes, false},
    {"map", &node_map, false},
    {"reading", &reading, false},
    {"time", &spoke_schema_time, false},
    {"ulong", &spoke_schema_unsigned_long, false},
    {"uuid", &spoke_schema_uuid, false},
    {"word", &word_enum, false},
};
static const spoke_schema node = {
    .kind = SPOKE_SCHEMA_OBJECT, .count = sizeof node_fields / sizeof node_fields[0], .fields = node_fields};
static const spoke_schema lists = {.kind = SPOKE_SCHEMA_ARRAY, .element = &spoke_schema_double};

static const spoke_member members[] = {
    {NULL, "a", SPOKE_TELEMETRY, 0, &node, NULL},
    {NULL, "b", SPOKE_TELEMETRY, 0, &lists, NULL},
    {NULL, "c", SPOKE_PROPERTY, SPOKE_WRITABLE, &word_enum, NULL},
    {"part", "a", SPOKE_TELEMETRY, 0, &spoke_schema_integer, NULL},
};
static const spoke_model model = {"dtmi:fuzz:x;1", members, sizeof members / sizeof members[0]};

/* --- the second reading --- */

static bool fits(const spoke_schema *s, spoke_str json);

static bool number_fits(const spoke_schema *s, spoke_str json)
{
    while (json.len > 0 && strchr(" \t\r\n", json.ptr[0]) != NULL)
        json = spoke_str_from(json.ptr + 1, json.len - 1);
    while (json.len > 0 && strchr(" \t\r\n", json.ptr[json.len - 1]) != NULL)
        json.len--;
    double value;
    if (s->kind == SPOKE_SCHEMA_FLOAT) { /* the C library rounds it at once */
        memcpy(scratch, json.ptr, json.len);
        scratch[json.len] = '\0';
        return isfinite(strtof(scratch, NULL)) != 0;
    }
    if (s->kind == SPOKE_SCHEMA_DOUBLE) {
        const spoke_field field = {NULL, SPOKE_KIND_DOUBLE, {false}};
        spoke_field given = field;
        if (spoke_json_double(json, &value) != SPOKE_OK)
            return false;
        given.as.number = value;
        return spoke_field_check(s, &given, NULL) == SPOKE_OK;
    }
    for (size_t i = 0; i < json.len; i++)
        if (strchr(".eE", json.ptr[i]) != NULL)
            return false;
    int64_t integer;
    if (spoke_json_int(json, &integer) == SPOKE_OK) {
        const spoke_field given = spoke_i64(NULL, integer);
        const bool minus_zero = integer == 0 && json.ptr[0] == '-';
        return spoke_field_check(s, &given, NULL) == SPOKE_OK &&
               !(minus_zero && s->kind >= SPOKE_SCHEMA_UNSIGNED_BYTE && s->kind <= SPOKE_SCHEMA_UNSIGNED_LONG);
    }
    return s->kind == SPOKE_SCHEMA_UNSIGNED_LONG && json.ptr[0] != '-' &&
           (json.len < 20 || (json.len == 20 && memcmp(json.ptr, "18446744073709551615", 20) <= 0));
}

/* The text with its escapes resolved takes the other path through the checks. */
static bool text_fits(const spoke_schema *s, spoke_str json)
{
    spoke_buf text = spoke_buf_from(scratch, sizeof scratch);
    require(spoke_json_text(json, &text) == SPOKE_OK);
    const spoke_field given = spoke_text(NULL, spoke_buf_str(&text));
    return spoke_field_check(s, &given, NULL) == SPOKE_OK;
}

static bool object_fits(const spoke_schema *s, spoke_str json)
{
    spoke_json_cursor at;
    spoke_str key, value;
    bool seen[32] = {false};
    require(spoke_json_enter(json, &at) == SPOKE_OK);
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        uint16_t i = 0;
        while (i < s->count && !spoke_json_key_is(key, spoke_str_of(s->fields[i].name)))
            i++;
        if (i == s->count || !fits(s->fields[i].schema, value))
            return false;
        seen[i] = true;
    }
    for (uint16_t i = 0; i < s->count; i++)
        if (s->fields[i].required && !seen[i])
            return false;
    return true;
}

static bool elements_fit(const spoke_schema *s, spoke_str json)
{
    spoke_json_cursor at;
    spoke_str key, value;
    require(spoke_json_enter(json, &at) == SPOKE_OK);
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK)
        if (!fits(s->element, value))
            return false;
    return true;
}

/* json is valid, and no deeper than the reader goes: so is the recursion. */
static bool fits(const spoke_schema *s, spoke_str json)
{
    switch (spoke_json_type(json)) {
    case '{':
        return s->kind == SPOKE_SCHEMA_OBJECT ? object_fits(s, json)
                                              : s->kind == SPOKE_SCHEMA_MAP && elements_fit(s, json);
    case '[':
        return s->kind == SPOKE_SCHEMA_ARRAY && elements_fit(s, json);
    case '"':
        return text_fits(s, json);
    case '0':
        return number_fits(s, json);
    case 't':
    case 'f':
        return s->kind == SPOKE_SCHEMA_BOOLEAN;
    default:
        return false;
    }
}

/* --- sentences --- */

static void explain(const spoke_fault *fault)
{
    char text[200];
    const size_t caps[] = {0, 1, 2, 17, 60, sizeof text - 1};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        memset(text, '#', sizeof text);
        const char *out = spoke_fault_text(fault, text, caps[i]);
        require(text[caps[i]] == '#' && (caps[i] == 0 || strlen(out) < caps[i]));
        require(spoke_utf8_valid(spoke_str_of(out)));
        require(caps[i] < 60 || out[0] != '\0');
    }
}

static void check_schema(const spoke_schema *s, spoke_str json)
{
    spoke_fault fault;
    const bool wanted = spoke_json_check(json) == SPOKE_OK && fits(s, json);
    const spoke_status status = spoke_schema_check(s, json, &fault);
    require((status == SPOKE_OK) == wanted);
    if (status != SPOKE_OK)
        explain(&fault);
}

static void check_telemetry(spoke_str component, spoke_str json)
{
    spoke_fault fault;
    spoke_json_cursor at;
    spoke_str key, value;
    bool wanted = spoke_json_check(json) == SPOKE_OK && spoke_json_type(json) == '{' &&
                  spoke_json_enter(json, &at) == SPOKE_OK;
    while (wanted && spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        const spoke_schema *schema = NULL;
        for (size_t i = 0; i < model.member_count; i++)
            if (members[i].member == SPOKE_TELEMETRY && spoke_json_key_is(key, spoke_str_of(members[i].name)) &&
                spoke_str_equal(component, spoke_str_of(members[i].component)))
                schema = members[i].schema;
        wanted = schema != NULL && fits(schema, value);
    }
    const spoke_status status = spoke_telemetry_check(&model, component, json, &fault);
    require((status == SPOKE_OK) == wanted);
    if (status != SPOKE_OK)
        explain(&fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MAX_INPUT)
        return 0;
    const spoke_str json = spoke_str_from((const char *)data + 1, size - 1);
    spoke_fault fault;
    switch (data[0] % 4) {
    case 0:
        check_telemetry(SPOKE_STR(""), json);
        check_telemetry(SPOKE_STR("part"), json);
        break;
    case 1:
        if (spoke_desired_check(&model, SPOKE_STR(""), SPOKE_STR("c"), json, &fault) != SPOKE_OK)
            explain(&fault);
        if (spoke_utf8_valid(json) && /* as every key of a JSON text is */
            spoke_desired_check(&model, SPOKE_STR(""), json, SPOKE_STR("1"), &fault) != SPOKE_OK)
            explain(&fault);
        break;
    default:
        check_schema(&node, json);
        for (uint16_t i = 0; i < node.count; i++)
            check_schema(node.fields[i].schema, json);
        check_schema(&lists, json);
        break;
    }
    return 0;
}
