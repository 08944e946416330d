#include <spoke/model_codec.h>

#include "base/base64.h"
#include "model/codec_memory.h"

/* Every function here is given text that spoke_schema_check took for that schema; what it answers otherwise is for
 * safety alone. */

struct reader {
    spoke_buf *scratch; /* NULL: none */
};

static spoke_status read_value(struct reader *r, const spoke_codec *codec, spoke_str json, unsigned depth,
                               void *out);

/* --- memory --- */

#define SCRATCH_ALIGN 8u /* enough for every type of a generated struct */

static void *take(struct reader *r, size_t count, size_t size)
{
    spoke_buf *scratch = r->scratch;
    if (scratch == NULL)
        return NULL;
    const size_t gap = (SCRATCH_ALIGN - (uintptr_t)(scratch->ptr + scratch->len) % SCRATCH_ALIGN) % SCRATCH_ALIGN;
    const size_t left = scratch->cap - scratch->len;
    if (gap > left || count > (left - gap) / size)
        return NULL;
    void *memory = scratch->ptr + scratch->len + gap;
    scratch->len += gap + count * size;
    return memset(memory, 0, count * size);
}

/* --- text --- */

static spoke_str between_quotes(spoke_str json)
{
    return json.len >= 2 ? spoke_str_from(json.ptr + 1, json.len - 2) : spoke_str_from(NULL, 0);
}

static bool has_escape(spoke_str body)
{
    return body.len > 0 && memchr(body.ptr, '\\', body.len) != NULL;
}

/* json: a string with its quotes. */
static spoke_status read_text(struct reader *r, spoke_str json, spoke_str *out)
{
    *out = between_quotes(json);
    if (!has_escape(*out))
        return SPOKE_OK;
    if (r->scratch == NULL)
        return SPOKE_E_NO_MEMORY;
    const size_t start = r->scratch->len;
    const spoke_status status = spoke_json_text(json, r->scratch);
    *out = spoke_str_from((const char *)r->scratch->ptr + start, r->scratch->len - start);
    return status == SPOKE_E_TOO_SMALL ? SPOKE_E_NO_MEMORY : status;
}

/* Escapes in base64 ("\/" of a careful encoder) are resolved first. */
static spoke_status read_bytes(struct reader *r, spoke_str json, spoke_str *out)
{
    spoke_str text;
    spoke_status status = read_text(r, json, &text);
    if (status != SPOKE_OK)
        return status;
    if (r->scratch == NULL)
        return text.len == 0 ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    const size_t start = r->scratch->len;
    status = base64_decode_loose(text, r->scratch); /* what the check takes */
    *out = spoke_str_from((const char *)r->scratch->ptr + start, r->scratch->len - start);
    return status == SPOKE_E_TOO_SMALL ? SPOKE_E_NO_MEMORY : status;
}

/* --- numbers --- */

static spoke_status read_integer(spoke_str json, int64_t low, int64_t high, int64_t *out)
{
    const spoke_status status = spoke_json_int(json, out);
    return status == SPOKE_OK && (*out < low || *out > high) ? SPOKE_E_MODEL : status;
}

static spoke_status read_unsigned(spoke_str json, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < json.len; i++) {
        const unsigned digit = (unsigned)(uint8_t)json.ptr[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return SPOKE_E_MODEL;
        value = value * 10 + digit;
    }
    *out = value;
    return json.len > 0 ? SPOKE_OK : SPOKE_E_JSON;
}

/* A C enum may be 1, 2 or 4 bytes wide (-fshort-enums). */
static void store_enum(const spoke_codec *codec, int32_t number, void *out)
{
    const uint8_t byte = (uint8_t)number;
    const uint16_t half = (uint16_t)number;
    if (codec->size == sizeof byte)
        memcpy(out, &byte, sizeof byte);
    else if (codec->size == sizeof half)
        memcpy(out, &half, sizeof half);
    else
        memcpy(out, &number, sizeof number);
}

static spoke_status read_enum(const spoke_codec *codec, spoke_str json, void *out)
{
    const spoke_schema *schema = codec->schema;
    int64_t number = 0;
    size_t i = 0;
    if (schema->kind == SPOKE_SCHEMA_ENUM_INTEGER) {
        const spoke_status status = read_integer(json, INT32_MIN, INT32_MAX, &number);
        if (status != SPOKE_OK)
            return status;
        i = spoke_enum_index(schema, (int32_t)number);
    } else {
        const spoke_str body = between_quotes(json);
        while (i < schema->count && !spoke_json_key_is(body, spoke_str_of(schema->values[i].text)))
            i++;
        number = (int64_t)i;
    }
    if (i == schema->count)
        return SPOKE_E_MODEL;
    store_enum(codec, (int32_t)number, out);
    return SPOKE_OK;
}

static spoke_status read_number(spoke_schema_kind kind, spoke_str json, void *out)
{
    static const struct {
        int64_t low, high;
    } bounds[] = {{INT8_MIN, INT8_MAX}, {INT16_MIN, INT16_MAX}, {INT32_MIN, INT32_MAX}, {INT64_MIN, INT64_MAX},
                  {0, UINT8_MAX},       {0, UINT16_MAX},        {0, UINT32_MAX}};
    int64_t value = 0;
    const size_t row = (size_t)kind - SPOKE_SCHEMA_BYTE;
    const spoke_status status = read_integer(json, bounds[row].low, bounds[row].high, &value);
    if (status != SPOKE_OK)
        return status;
    switch ((int)kind) {
    case SPOKE_SCHEMA_BYTE:
        *(int8_t *)out = (int8_t)value;
        break;
    case SPOKE_SCHEMA_SHORT:
        *(int16_t *)out = (int16_t)value;
        break;
    case SPOKE_SCHEMA_INTEGER:
        *(int32_t *)out = (int32_t)value;
        break;
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
        *(uint8_t *)out = (uint8_t)value;
        break;
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
        *(uint16_t *)out = (uint16_t)value;
        break;
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
        *(uint32_t *)out = (uint32_t)value;
        break;
    default:
        *(int64_t *)out = value;
        break;
    }
    return SPOKE_OK;
}

static spoke_status read_float(spoke_str json, float *out)
{
    double value = 0;
    const spoke_status status = spoke_json_double(json, &value);
    *out = (float)value;
    return status;
}

/* --- arrays, maps, objects --- */

static spoke_status count_items(spoke_str json, size_t *count)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_enter(json, &at);
    *count = 0;
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK)
        *count += 1;
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* The key of a map's entry with its quotes. */
static spoke_status read_key(struct reader *r, spoke_str raw_key, void *item)
{
    return read_text(r, spoke_str_from(raw_key.ptr - 1, raw_key.len + 2), (spoke_str *)item);
}

static spoke_status read_items(struct reader *r, const spoke_codec *codec, spoke_str json, unsigned depth,
                               unsigned char *items)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_enter(json, &at);
    for (size_t i = 0; status == SPOKE_OK; i++) {
        unsigned char *item = items + i * codec->stride;
        status = spoke_json_member(&at, &key, &value);
        if (status == SPOKE_OK && !at.array)
            status = read_key(r, key, item);
        if (status == SPOKE_OK)
            status = read_value(r, codec->element, value, depth + 1, item + codec->offset);
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

static spoke_status read_list(struct reader *r, const spoke_codec *codec, spoke_str json, unsigned depth,
                              void *out)
{
    const char opening = codec->schema->kind == SPOKE_SCHEMA_MAP ? '{' : '[';
    struct codec_list list = {NULL, 0};
    spoke_status status = spoke_json_type(json) == opening ? count_items(json, &list.count) : SPOKE_E_MODEL;
    if (status == SPOKE_OK && list.count > 0) {
        unsigned char *items = take(r, list.count, codec->stride);
        list.items = items;
        status = items != NULL ? read_items(r, codec, json, depth, items) : SPOKE_E_NO_MEMORY;
    }
    memcpy(out, &list, sizeof list);
    return status;
}

/* Index of the field, schema->count when there is none. Sorted bytewise; keys with escapes are rare. */
static size_t field_index(const spoke_schema *schema, spoke_str raw_key)
{
    size_t low = 0, high = schema->count, i = 0;
    if (has_escape(raw_key)) {
        while (i < schema->count && !spoke_json_key_is(raw_key, spoke_str_of(schema->fields[i].name)))
            i++;
        return i;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const spoke_str name = spoke_str_of(schema->fields[middle].name);
        const size_t shorter = name.len < raw_key.len ? name.len : raw_key.len;
        int order = memcmp(name.ptr, raw_key.ptr, shorter);
        if (order == 0)
            order = (name.len > raw_key.len) - (name.len < raw_key.len);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return schema->count;
}

static spoke_status read_member(struct reader *r, const spoke_codec *codec, size_t index, spoke_str json,
                                unsigned depth, void *out)
{
    const spoke_codec_member *member = &codec->members[index];
    unsigned char *at = (unsigned char *)out + member->offset;
    if (member->pointer) {
        void *target = take(r, 1, member->codec->size);
        if (target == NULL)
            return SPOKE_E_NO_MEMORY;
        memcpy(at, &target, sizeof target);
        at = target;
    }
    codec_set_member(codec, member, out);
    return read_value(r, member->codec, json, depth + 1, at);
}

static spoke_status read_object(struct reader *r, const spoke_codec *codec, spoke_str json, unsigned depth,
                                void *out)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_type(json) == '{' ? spoke_json_enter(json, &at) : SPOKE_E_MODEL;
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK) {
        const size_t index = field_index(codec->schema, key);
        if (index == codec->schema->count)
            return SPOKE_E_MODEL;
        status = read_member(r, codec, index, value, depth, out);
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* As deep as the model's schemas; where one contains itself, as deep as any JSON here. */
static spoke_status read_value(struct reader *r, const spoke_codec *codec, spoke_str json, unsigned depth,
                               void *out)
{
    const spoke_schema_kind kind = (spoke_schema_kind)codec->schema->kind;
    if (depth >= SPOKE_JSON_DEPTH)
        return SPOKE_E_JSON;
    switch (kind) {
    case SPOKE_SCHEMA_BOOLEAN:
        return spoke_json_bool(json, (bool *)out);
    case SPOKE_SCHEMA_BYTE:
    case SPOKE_SCHEMA_SHORT:
    case SPOKE_SCHEMA_INTEGER:
    case SPOKE_SCHEMA_LONG:
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
        return read_number(kind, json, out);
    case SPOKE_SCHEMA_UNSIGNED_LONG:
        return read_unsigned(json, (uint64_t *)out);
    case SPOKE_SCHEMA_FLOAT:
        return read_float(json, (float *)out);
    case SPOKE_SCHEMA_DOUBLE:
        return spoke_json_double(json, (double *)out);
    case SPOKE_SCHEMA_DECIMAL:
    case SPOKE_SCHEMA_STRING:
    case SPOKE_SCHEMA_DATE:
    case SPOKE_SCHEMA_TIME:
    case SPOKE_SCHEMA_DATE_TIME:
    case SPOKE_SCHEMA_DURATION:
    case SPOKE_SCHEMA_UUID:
        return read_text(r, json, (spoke_str *)out);
    case SPOKE_SCHEMA_BYTES:
        return read_bytes(r, json, (spoke_str *)out);
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        return read_enum(codec, json, out);
    case SPOKE_SCHEMA_ARRAY:
    case SPOKE_SCHEMA_MAP:
        return read_list(r, codec, json, depth, out);
    case SPOKE_SCHEMA_OBJECT:
        return read_object(r, codec, json, depth, out);
    }
    return SPOKE_E_ARG;
}

/* --- public --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static spoke_str trimmed(spoke_str json)
{
    while (json.len > 0 && is_space(json.ptr[json.len - 1]))
        json.len--;
    while (json.len > 0 && is_space(json.ptr[0]))
        json = spoke_str_from(json.ptr + 1, json.len - 1);
    return json;
}

spoke_status spoke_codec_read(const spoke_codec *codec, spoke_str json, void *out, spoke_buf *scratch,
                              spoke_fault *fault)
{
    struct reader r = {scratch};
    memset(out, 0, codec->size);
    const spoke_status status = spoke_schema_check(codec->schema, json, fault);
    return status == SPOKE_OK ? read_value(&r, codec, trimmed(json), 0, out) : status;
}

/* --- requests --- */

static bool is_text(const spoke_codec *codec)
{
    const uint8_t kind = codec->schema->kind;
    return (kind >= SPOKE_SCHEMA_DECIMAL && kind <= SPOKE_SCHEMA_UUID) || kind == SPOKE_SCHEMA_ENUM_STRING;
}

/* An offline command's text comes bare. It is quoted to be checked, so that the schema's rules hold for it, too. */
static spoke_status read_bare_text(const spoke_codec *codec, spoke_str text, void *out, spoke_buf *scratch)
{
    spoke_str json;
    const spoke_status status = spoke_codec_text(&spoke_codec_string, &text, scratch, &json);
    return status == SPOKE_OK ? spoke_codec_read(codec, json, out, scratch, NULL) : status;
}

spoke_status spoke_codec_request(const spoke_codec *codec, spoke_str payload, bool offline, void *out, bool *given,
                                 spoke_buf *scratch)
{
    const spoke_str json = trimmed(payload);
    *given = json.len > 0 && !spoke_str_equal(json, SPOKE_STR("null")) &&
             !(offline && spoke_str_equal(json, SPOKE_STR("@")));
    memset(out, 0, codec->size);
    if (!*given)
        return SPOKE_OK;
    if (offline && is_text(codec) && json.ptr[0] != '"')
        return read_bare_text(codec, payload, out, scratch);
    return spoke_codec_read(codec, json, out, scratch, NULL);
}
