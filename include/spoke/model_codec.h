/* Between C values and JSON, by a table: what code written by spoke-model is made of (docs/templates.md).
 *
 *     spoke_buf scratch = spoke_buf_from(memory, sizeof memory);
 *     thermostat_report report;
 *     status = spoke_codec_read(&thermostat_report_codec, json, &report, &scratch, NULL);
 *
 * How a schema looks in C: numbers and booleans as stdint's, float, double, bool; enums as a C enum, whose value is
 * what travels (integer) or the index in the template's order (string); BYTES as the bytes themselves and every
 * other text as spoke_str; an array as {const T *items; size_t count;}; a map the same of {spoke_str key; T value;};
 * an object as a struct whose `has` tells which optional members are set.
 *
 * Pure functions of their arguments: any thread, never block, no heap, at most SPOKE_JSON_DEPTH levels of stack. */
#ifndef SPOKE_MODEL_CODEC_H
#define SPOKE_MODEL_CODEC_H

#include <spoke/base.h>
#include <spoke/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spoke_codec spoke_codec;

#define SPOKE_CODEC_ALWAYS 0xffffu /* no bit: the member is always there */

/* One member of a struct; stands at the same index as its field in the schema. */
typedef struct spoke_codec_member {
    const spoke_codec *codec;
    uint32_t offset; /* bytes */
    uint16_t bit;    /* in `has`, or SPOKE_CODEC_ALWAYS */
    bool pointer;    /* the member is a pointer to the value: a schema that contains itself */
} spoke_codec_member;

struct spoke_codec {
    const spoke_schema *schema;
    uint32_t size;                     /* of the C type, bytes */
    uint32_t stride;                   /* ARRAY, MAP: from item to item. OBJECT: bytes of `has`; 0: it has none */
    uint32_t offset;                   /* MAP: of the value in an item. OBJECT: of `has` */
    const spoke_codec *element;        /* ARRAY, MAP */
    const spoke_codec_member *members; /* OBJECT: schema->count of them */
};

/* Of schemas that need no table of their own. */
extern SPOKE_API const spoke_codec spoke_codec_boolean, spoke_codec_byte, spoke_codec_short, spoke_codec_integer,
    spoke_codec_long, spoke_codec_unsigned_byte, spoke_codec_unsigned_short, spoke_codec_unsigned_integer,
    spoke_codec_unsigned_long, spoke_codec_float, spoke_codec_double, spoke_codec_decimal, spoke_codec_string,
    spoke_codec_date, spoke_codec_time, spoke_codec_date_time, spoke_codec_duration, spoke_codec_bytes,
    spoke_codec_uuid;

/* Reads one JSON value that fits the schema into *out, which is overwritten. Text without escapes is a view of
 * `json`; other text, bytes, items and what pointers point to are appended to `scratch` (NULL: there is none) and
 * live as long as it does. E_MODEL and *fault (may be NULL): the value does not fit. E_NO_MEMORY: scratch is too
 * small. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_codec_read(const spoke_codec *codec, spoke_str json, void *out,
                                                         spoke_buf *scratch, spoke_fault *fault);
/* Writes the value behind a key, in an array or alone; NULL: null. Errors stick in the writer: E_MODEL for a number that the
 * enum does not have or a required member that is a NULL pointer, E_TOO_LARGE for more than SPOKE_JSON_DEPTH
 * levels, and what the writer itself answers. Ranges and text formats are spoke_schema_check's business. */
SPOKE_API void spoke_codec_write(const spoke_codec *codec, const void *value, spoke_writer *w);
/* The value as JSON text at the end of `scratch`, which *json views. E_NO_MEMORY: it does not fit; else as above. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_codec_text(const spoke_codec *codec, const void *value,
                                                         spoke_buf *scratch, spoke_str *json);
/* The value as a field for spoke_telemetry_send. Borrows `name` and the value's text; what has to be JSON text goes
 * to `scratch`. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_codec_field(const spoke_codec *codec, const char *name,
                                                          const void *value, spoke_buf *scratch, spoke_field *out);
/* The members of a struct that are set, each as a field: at most schema->count of them. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_codec_fields(const spoke_codec *object, const void *values,
                                                           spoke_buf *scratch, spoke_field *out, size_t *count);
/* A command's request. *given is false when there is none, or null. offline: as IoT Central queues a command, where
 * text has no quotes and "@" stands for no request. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_codec_request(const spoke_codec *codec, spoke_str payload,
                                                            bool offline, void *out, bool *given,
                                                            spoke_buf *scratch);
/* Index of the value in the schema's list: of an integer enum by its number, of a string enum by its text.
 * schema->count: it is none of them. */
SPOKE_API size_t spoke_enum_index(const spoke_schema *schema, int32_t number);
SPOKE_API size_t spoke_enum_index_of_text(const spoke_schema *schema, spoke_str text);

/* Presence bits of structs with more than 64 optional members: `has` is an array of bytes. */
static inline void spoke_has_set(uint8_t *has, unsigned bit)
{
    has[bit / 8u] = (uint8_t)(has[bit / 8u] | (1u << bit % 8u));
}

static inline bool spoke_has(const uint8_t *has, unsigned bit)
{
    return (has[bit / 8u] >> bit % 8u & 1u) != 0;
}

#ifdef __cplusplus
}
#endif
#endif
