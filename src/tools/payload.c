#include "tools/payload.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/text_len.h"

#define MAX_DEPTH 8u /* of arrays, maps and optional fields; a schema that contains itself ends there */
#define FIRST_BYTES 4096u
#define MAX_BYTES (8u * 1024u * 1024u)

struct maker {
    spoke_writer *w;
    enum payload_flavour flavour;
    bool impossible;
    const spoke_schema *path[SPOKE_JSON_DEPTH];
};

static void make(struct maker *m, const spoke_schema *schema, unsigned depth);

/* --- numbers --- */

static const struct {
    int64_t low, high;
} whole[] = {
    [SPOKE_SCHEMA_BYTE] = {INT8_MIN, INT8_MAX},        [SPOKE_SCHEMA_SHORT] = {INT16_MIN, INT16_MAX},
    [SPOKE_SCHEMA_INTEGER] = {INT32_MIN, INT32_MAX},   [SPOKE_SCHEMA_LONG] = {INT64_MIN, INT64_MAX},
    [SPOKE_SCHEMA_UNSIGNED_BYTE] = {0, UINT8_MAX},     [SPOKE_SCHEMA_UNSIGNED_SHORT] = {0, UINT16_MAX},
    [SPOKE_SCHEMA_UNSIGNED_INTEGER] = {0, UINT32_MAX},
};

static void make_whole(struct maker *m, const spoke_schema *schema)
{
    const spoke_range *range = schema->range;
    int64_t low = whole[schema->kind].low, high = whole[schema->kind].high;
    if (range != NULL && range->has_low && range->low_whole > low)
        low = range->low_whole;
    if (range != NULL && range->has_high && range->high_whole < high)
        high = range->high_whole;
    int64_t value = m->flavour == PAYLOAD_HARD ? low : 42;
    value = value > high ? high : value;
    value = value < low ? low : value;
    m->impossible = m->impossible || low > high;
    spoke_write_value(m->w, spoke_i64(NULL, value));
}

static void make_unsigned_long(struct maker *m, const spoke_schema *schema)
{
    const spoke_range *range = schema->range;
    const uint64_t low = range != NULL && range->has_low ? (uint64_t)range->low_whole : 0;
    const uint64_t high = range != NULL && range->has_high ? (uint64_t)range->high_whole : UINT64_MAX;
    uint64_t value = m->flavour == PAYLOAD_HARD ? high : 42;
    value = value > high ? high : value;
    value = value < low ? low : value;
    m->impossible = m->impossible || low > high;
    spoke_write_value(m->w, spoke_u64(NULL, value));
}

static void make_double(struct maker *m, const spoke_schema *schema)
{
    const spoke_range *range = schema->range;
    const double top = schema->kind == SPOKE_SCHEMA_FLOAT ? 3.402823e38 : DBL_MAX;
    const double low = range != NULL && range->has_low ? range->low : -top;
    const double high = range != NULL && range->has_high ? range->high : top;
    double value = m->flavour == PAYLOAD_HARD ? high : 21.5;
    value = value > high ? high : value;
    value = value < low ? low : value;
    m->impossible = m->impossible || low > high;
    spoke_write_value(m->w, spoke_f64(NULL, value));
}

/* --- text --- */

static void make_string(struct maker *m, const spoke_schema *schema)
{
    const char *base = m->flavour == PAYLOAD_HARD ? "a \"quote\" and a \\ and a \n" : "text";
    char text[TEXT_LEN_MOST];
    const size_t len = strlen(base);
    memset(text, 'x', sizeof text);
    memcpy(text, base, len);
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_from(text, text_len_within(schema->range, len))));
}

static void make_format(struct maker *m, spoke_schema_kind kind)
{
    static const char *const plain[] = {
        [SPOKE_SCHEMA_DECIMAL] = "21.50",
        [SPOKE_SCHEMA_DATE] = "2024-02-29",
        [SPOKE_SCHEMA_TIME] = "12:34:56Z",
        [SPOKE_SCHEMA_DATE_TIME] = "2024-02-29T12:34:56Z",
        [SPOKE_SCHEMA_DURATION] = "PT1H30M",
        [SPOKE_SCHEMA_BYTES] = "AQIDBA==",
        [SPOKE_SCHEMA_UUID] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    };
    static const char *const hard[] = {
        [SPOKE_SCHEMA_DECIMAL] = "-123456789012345678901234567890.000",
        [SPOKE_SCHEMA_DATE] = "0001-01-01",
        [SPOKE_SCHEMA_TIME] = "23:59:59.123456789+14:00",
        [SPOKE_SCHEMA_DATE_TIME] = "9999-12-31T23:59:59.999-12:00",
        [SPOKE_SCHEMA_DURATION] = "P1Y2M3DT4H5M6.7S",
        [SPOKE_SCHEMA_BYTES] = "+/8A",
        [SPOKE_SCHEMA_UUID] = "FFFFFFFF-ffff-FFFF-ffff-FFFFFFFFFFFF",
    };
    const char *text = m->flavour == PAYLOAD_HARD ? hard[kind] : plain[kind];
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_of(text)));
}

/* --- the others --- */

static void make_enum(struct maker *m, const spoke_schema *schema)
{
    if (schema->count == 0) {
        m->impossible = true;
        return;
    }
    const spoke_enum_value *value = &schema->values[m->flavour == PAYLOAD_HARD ? schema->count - 1 : 0];
    spoke_write_value(m->w, schema->kind == SPOKE_SCHEMA_ENUM_INTEGER
                                ? spoke_i64(NULL, value->number)
                                : spoke_text(NULL, spoke_str_of(value->text)));
}

/* Whether a value of it exists at all: an enum without values does not. */
static bool possible(const spoke_schema *schema)
{
    const bool is_enum = schema->kind == SPOKE_SCHEMA_ENUM_INTEGER || schema->kind == SPOKE_SCHEMA_ENUM_STRING;
    return !is_enum || schema->count > 0;
}

/* A schema that contains itself is written twice on any path. */
static bool goes_on(const struct maker *m, const spoke_schema *inner, unsigned depth)
{
    unsigned seen = 0;
    for (unsigned i = 0; i <= depth && i < SPOKE_JSON_DEPTH; i++)
        seen += m->path[i] == inner && inner->kind >= SPOKE_SCHEMA_ARRAY;
    return m->flavour != PAYLOAD_SPARSE && depth < MAX_DEPTH && seen < 2 && possible(inner);
}

static void make_array(struct maker *m, const spoke_schema *schema, unsigned depth)
{
    spoke_write_begin_array(m->w);
    for (int i = 0; i < 2 && goes_on(m, schema->element, depth); i++)
        make(m, schema->element, depth + 1);
    spoke_write_end_array(m->w);
}

static void make_map(struct maker *m, const spoke_schema *schema, unsigned depth)
{
    spoke_write_begin_object(m->w);
    if (goes_on(m, schema->element, depth)) {
        spoke_write_key(m->w, m->flavour == PAYLOAD_HARD ? SPOKE_STR("a \"key\"") : SPOKE_STR("key"));
        make(m, schema->element, depth + 1);
    }
    spoke_write_end_object(m->w);
}

static void make_object(struct maker *m, const spoke_schema *schema, unsigned depth)
{
    spoke_write_begin_object(m->w);
    for (size_t i = 0; i < schema->count; i++) {
        const spoke_schema_field *field = &schema->fields[i];
        if (!field->required && !goes_on(m, field->schema, depth))
            continue;
        spoke_write_key(m->w, spoke_str_of(field->name));
        make(m, field->schema, depth + 1);
    }
    spoke_write_end_object(m->w);
}

/* Schemas that contain themselves end at MAX_DEPTH; required fields that never end, at the writer's 64 levels. */
static void make(struct maker *m, const spoke_schema *schema, unsigned depth)
{
    const spoke_schema_kind kind = (spoke_schema_kind)schema->kind;
    m->impossible = m->impossible || depth >= SPOKE_JSON_DEPTH;
    if (m->impossible || m->w->status != SPOKE_OK)
        return;
    m->path[depth] = schema;
    switch (kind) {
    case SPOKE_SCHEMA_BOOLEAN:
        spoke_write_value(m->w, spoke_bool(NULL, m->flavour != PAYLOAD_HARD));
        return;
    case SPOKE_SCHEMA_BYTE:
    case SPOKE_SCHEMA_SHORT:
    case SPOKE_SCHEMA_INTEGER:
    case SPOKE_SCHEMA_LONG:
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
        make_whole(m, schema);
        return;
    case SPOKE_SCHEMA_UNSIGNED_LONG:
        make_unsigned_long(m, schema);
        return;
    case SPOKE_SCHEMA_FLOAT:
    case SPOKE_SCHEMA_DOUBLE:
        make_double(m, schema);
        return;
    case SPOKE_SCHEMA_STRING:
        make_string(m, schema);
        return;
    case SPOKE_SCHEMA_DECIMAL:
    case SPOKE_SCHEMA_DATE:
    case SPOKE_SCHEMA_TIME:
    case SPOKE_SCHEMA_DATE_TIME:
    case SPOKE_SCHEMA_DURATION:
    case SPOKE_SCHEMA_BYTES:
    case SPOKE_SCHEMA_UUID:
        make_format(m, kind);
        return;
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        make_enum(m, schema);
        return;
    case SPOKE_SCHEMA_ARRAY:
        make_array(m, schema, depth);
        return;
    case SPOKE_SCHEMA_MAP:
        make_map(m, schema, depth);
        return;
    case SPOKE_SCHEMA_OBJECT:
        make_object(m, schema, depth);
        return;
    }
}

bool payload_write(const spoke_schema *schema, enum payload_flavour flavour, struct text *out)
{
    for (size_t bytes = FIRST_BYTES; bytes <= MAX_BYTES; bytes *= 4) {
        void *memory = malloc(bytes);
        spoke_writer w;
        spoke_str json;
        if (memory == NULL)
            return false;
        spoke_writer_init(&w, memory, bytes);
        struct maker m = {.w = &w, .flavour = flavour};
        make(&m, schema, 0);
        const spoke_status status = spoke_writer_finish(&w, &json);
        const bool done = status == SPOKE_OK && !m.impossible;
        if (done)
            text_add(out, json);
        free(memory);
        if (done || status != SPOKE_E_TOO_SMALL)
            return done;
    }
    return false;
}
