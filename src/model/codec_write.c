#include <spoke/model_codec.h>

#include "base/base64.h"
#include "base/json_number.h"
#include "model/codec_memory.h"

#define NUMBER_BYTES 24u /* 20 digits are the longest */

static void fail(spoke_writer *w, spoke_status status)
{
    if (w->status == SPOKE_OK)
        w->status = status;
}

/* --- one value as a field --- */

/* A C enum may be 1, 2 or 4 bytes wide (-fshort-enums): the value whose low bytes are these, or schema->count. */
static size_t enum_index(const spoke_codec *codec, const void *value)
{
    const spoke_schema *schema = codec->schema;
    const bool whole = schema->kind == SPOKE_SCHEMA_ENUM_INTEGER;
    uint32_t stored = 0, mask = UINT32_MAX;
    if (codec->size == 1) {
        stored = *(const uint8_t *)value;
        mask = UINT8_MAX;
    } else if (codec->size == 2) {
        uint16_t half;
        memcpy(&half, value, sizeof half);
        stored = half;
        mask = UINT16_MAX;
    } else {
        memcpy(&stored, value, sizeof stored);
    }
    size_t i = 0;
    while (i < schema->count && ((whole ? (uint32_t)schema->values[i].number : (uint32_t)i) & mask) != stored)
        i++;
    return i;
}

static spoke_status enum_field(const spoke_codec *codec, const void *value, spoke_field *out)
{
    const size_t i = enum_index(codec, value);
    if (i == codec->schema->count)
        return SPOKE_E_MODEL;
    *out = codec->schema->kind == SPOKE_SCHEMA_ENUM_INTEGER
               ? spoke_i64(NULL, codec->schema->values[i].number)
               : spoke_text(NULL, spoke_str_of(codec->schema->values[i].text));
    return SPOKE_OK;
}

/* What a field's 64-bit integer cannot hold travels as JSON text. */
static spoke_status unsigned_field(uint64_t value, spoke_buf *scratch, spoke_field *out)
{
    if (value <= INT64_MAX) {
        *out = spoke_i64(NULL, (int64_t)value);
        return SPOKE_OK;
    }
    if (scratch == NULL)
        return SPOKE_E_NO_MEMORY;
    const size_t start = scratch->len;
    if (spoke_buf_append_u64(scratch, value) != SPOKE_OK)
        return SPOKE_E_NO_MEMORY;
    *out = spoke_json(NULL, spoke_str_from((const char *)scratch->ptr + start, scratch->len - start));
    return SPOKE_OK;
}

static int64_t integer_at(spoke_schema_kind kind, const void *value)
{
    switch ((int)kind) {
    case SPOKE_SCHEMA_BYTE:
        return *(const int8_t *)value;
    case SPOKE_SCHEMA_SHORT:
        return *(const int16_t *)value;
    case SPOKE_SCHEMA_INTEGER:
        return *(const int32_t *)value;
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
        return *(const uint8_t *)value;
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
        return *(const uint16_t *)value;
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
        return *(const uint32_t *)value;
    default:
        return *(const int64_t *)value;
    }
}

/* Everything but bytes, arrays, maps and objects. */
static spoke_status scalar_field(const spoke_codec *codec, const void *value, spoke_buf *scratch, spoke_field *out)
{
    const spoke_schema_kind kind = (spoke_schema_kind)codec->schema->kind;
    switch (kind) {
    case SPOKE_SCHEMA_BOOLEAN:
        *out = spoke_bool(NULL, *(const bool *)value);
        return SPOKE_OK;
    case SPOKE_SCHEMA_BYTE:
    case SPOKE_SCHEMA_SHORT:
    case SPOKE_SCHEMA_INTEGER:
    case SPOKE_SCHEMA_LONG:
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
        *out = spoke_i64(NULL, integer_at(kind, value));
        return SPOKE_OK;
    case SPOKE_SCHEMA_UNSIGNED_LONG:
        return unsigned_field(*(const uint64_t *)value, scratch, out);
    case SPOKE_SCHEMA_FLOAT:
        *out = spoke_f64(NULL, json_number_widen(*(const float *)value));
        return SPOKE_OK;
    case SPOKE_SCHEMA_DOUBLE:
        *out = spoke_f64(NULL, *(const double *)value);
        return SPOKE_OK;
    case SPOKE_SCHEMA_DECIMAL:
    case SPOKE_SCHEMA_STRING:
    case SPOKE_SCHEMA_DATE:
    case SPOKE_SCHEMA_TIME:
    case SPOKE_SCHEMA_DATE_TIME:
    case SPOKE_SCHEMA_DURATION:
    case SPOKE_SCHEMA_UUID:
        *out = spoke_text(NULL, *(const spoke_str *)value);
        return SPOKE_OK;
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        return enum_field(codec, value, out);
    case SPOKE_SCHEMA_BYTES:
    case SPOKE_SCHEMA_ARRAY:
    case SPOKE_SCHEMA_MAP:
    case SPOKE_SCHEMA_OBJECT:
        break;
    }
    return SPOKE_E_ARG;
}

static bool is_scalar(const spoke_codec *codec)
{
    return codec->schema->kind < SPOKE_SCHEMA_ARRAY && codec->schema->kind != SPOKE_SCHEMA_BYTES;
}

/* --- into a writer --- */

static void write_value(const spoke_codec *codec, const void *value, unsigned depth, spoke_writer *w);

/* Base64 is made where it is needed: between the quotes of an empty text. */
static void write_bytes(spoke_str bytes, spoke_writer *w)
{
    spoke_write_value(w, spoke_text(NULL, spoke_str_from(NULL, 0)));
    if (w->status != SPOKE_OK)
        return;
    w->out.len--;
    fail(w, base64_encode(bytes, &w->out));
    if (w->status == SPOKE_OK)
        fail(w, spoke_buf_append_byte(&w->out, '"'));
}

static void write_list(const spoke_codec *codec, const void *value, unsigned depth, spoke_writer *w)
{
    const bool map = codec->schema->kind == SPOKE_SCHEMA_MAP;
    struct codec_list list;
    memcpy(&list, value, sizeof list);
    if (map)
        spoke_write_begin_object(w);
    else
        spoke_write_begin_array(w);
    for (size_t i = 0; i < list.count && w->status == SPOKE_OK; i++) {
        const unsigned char *item = (const unsigned char *)list.items + i * codec->stride;
        if (map)
            spoke_write_key(w, *(const spoke_str *)(const void *)item);
        write_value(codec->element, item + codec->offset, depth + 1, w);
    }
    if (map)
        spoke_write_end_object(w);
    else
        spoke_write_end_array(w);
}

/* NULL: the member is a pointer that points nowhere. */
static const void *member_value(const spoke_codec_member *member, const void *value)
{
    const unsigned char *at = (const unsigned char *)value + member->offset;
    const void *target = at;
    if (member->pointer)
        memcpy(&target, at, sizeof target);
    return target;
}

static void write_object(const spoke_codec *codec, const void *value, unsigned depth, spoke_writer *w)
{
    spoke_write_begin_object(w);
    for (size_t i = 0; i < codec->schema->count && w->status == SPOKE_OK; i++) {
        const spoke_codec_member *member = &codec->members[i];
        if (!codec_member_set(codec, member, value))
            continue;
        const void *at = member_value(member, value);
        if (at == NULL) {
            fail(w, SPOKE_E_MODEL);
            return;
        }
        spoke_write_key(w, spoke_str_of(codec->schema->fields[i].name));
        write_value(member->codec, at, depth + 1, w);
    }
    spoke_write_end_object(w);
}

static void write_scalar(const spoke_codec *codec, const void *value, spoke_writer *w)
{
    uint8_t digits[NUMBER_BYTES];
    spoke_buf scratch = spoke_buf_from(digits, sizeof digits);
    spoke_field field;
    const spoke_status status = scalar_field(codec, value, &scratch, &field);
    if (status == SPOKE_OK)
        spoke_write_value(w, field);
    else
        fail(w, status);
}

/* As deep as the model's schemas; where one contains itself, as deep as any JSON here. */
static void write_value(const spoke_codec *codec, const void *value, unsigned depth, spoke_writer *w)
{
    if (depth >= SPOKE_JSON_DEPTH)
        fail(w, SPOKE_E_TOO_LARGE);
    else if (codec->schema->kind == SPOKE_SCHEMA_OBJECT)
        write_object(codec, value, depth, w);
    else if (codec->schema->kind == SPOKE_SCHEMA_BYTES)
        write_bytes(*(const spoke_str *)value, w);
    else if (is_scalar(codec))
        write_scalar(codec, value, w);
    else
        write_list(codec, value, depth, w);
}

void spoke_codec_write(const spoke_codec *codec, const void *value, spoke_writer *w)
{
    if (value != NULL)
        write_value(codec, value, 0, w);
    else
        spoke_write_value(w, spoke_null(NULL));
}

spoke_status spoke_codec_text(const spoke_codec *codec, const void *value, spoke_buf *scratch, spoke_str *json)
{
    spoke_writer w;
    *json = spoke_str_from(NULL, 0);
    if (scratch == NULL)
        return SPOKE_E_NO_MEMORY;
    spoke_writer_init(&w, scratch->ptr + scratch->len, scratch->cap - scratch->len);
    spoke_codec_write(codec, value, &w);
    const spoke_status status = spoke_writer_finish(&w, json);
    scratch->len += json->len;
    return status == SPOKE_E_TOO_SMALL ? SPOKE_E_NO_MEMORY : status;
}

/* --- fields --- */

spoke_status spoke_codec_field(const spoke_codec *codec, const char *name, const void *value, spoke_buf *scratch,
                               spoke_field *out)
{
    spoke_status status;
    spoke_str json;
    if (is_scalar(codec)) {
        status = scalar_field(codec, value, scratch, out);
    } else {
        status = spoke_codec_text(codec, value, scratch, &json);
        *out = spoke_json(NULL, json);
    }
    out->name = name;
    return status;
}

spoke_status spoke_codec_fields(const spoke_codec *object, const void *values, spoke_buf *scratch,
                                spoke_field *out, size_t *count)
{
    spoke_status status = SPOKE_OK;
    *count = 0;
    for (size_t i = 0; i < object->schema->count && status == SPOKE_OK; i++) {
        const spoke_codec_member *member = &object->members[i];
        if (!codec_member_set(object, member, values))
            continue;
        status = spoke_codec_field(member->codec, object->schema->fields[i].name, member_value(member, values),
                                   scratch, &out[*count]);
        *count += 1;
    }
    return status;
}
