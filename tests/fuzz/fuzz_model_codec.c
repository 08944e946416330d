/* Structs from JSON: what the schema takes is read, written, taken again, and stays as it is. */
#include <stdlib.h>
#include <string.h>

#include <spoke/model_codec.h>

#define MAX_INPUT 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One of everything, and itself in a pointer, an array and a map. */
enum level { LEVEL_LOW = -5, LEVEL_HIGH = 300 };
struct thing;
struct things {
    const struct thing *items;
    size_t count;
};
struct entry {
    spoke_str key;
    uint64_t value;
};
struct entries {
    const struct entry *items;
    size_t count;
};
struct thing {
    uint32_t has;
    bool yes;
    int8_t byte;
    uint32_t whole;
    int64_t wide;
    float narrow;
    double real;
    spoke_str text, moment, blob;
    enum level level;
    struct things list;
    struct entries map;
    const struct thing *next;
};

extern const spoke_schema thing_schema;
extern const spoke_codec thing_codec;
static const spoke_enum_value level_values[] = {{LEVEL_LOW, NULL}, {LEVEL_HIGH, NULL}};
static const spoke_schema level_schema = {SPOKE_SCHEMA_ENUM_INTEGER, 2, NULL, NULL, level_values, NULL};
static const spoke_codec level_codec = {&level_schema, sizeof(enum level), 0, 0, NULL, NULL};
static const spoke_schema list_schema = {SPOKE_SCHEMA_ARRAY, 0, &thing_schema, NULL, NULL, NULL};
static const spoke_codec list_codec = {&list_schema, sizeof(struct things), sizeof(struct thing), 0, &thing_codec,
                                       NULL};
static const spoke_schema map_schema = {SPOKE_SCHEMA_MAP, 0, &spoke_schema_unsigned_long, NULL, NULL, NULL};
static const spoke_codec map_codec = {&map_schema,
                                      sizeof(struct entries),
                                      sizeof(struct entry),
                                      offsetof(struct entry, value),
                                      &spoke_codec_unsigned_long,
                                      NULL};
static const spoke_schema_field fields[] = {{"blob", &spoke_schema_bytes, false},
                                            {"byte", &spoke_schema_byte, false},
                                            {"level", &level_schema, false},
                                            {"list", &list_schema, false},
                                            {"map", &map_schema, false},
                                            {"moment", &spoke_schema_date_time, false},
                                            {"narrow", &spoke_schema_float, false},
                                            {"next", &thing_schema, false},
                                            {"real", &spoke_schema_double, false},
                                            {"text", &spoke_schema_string, false},
                                            {"whole", &spoke_schema_unsigned_integer, false},
                                            {"wide", &spoke_schema_long, false},
                                            {"yes", &spoke_schema_boolean, false}};
#define MEMBER(codec, name, bit, pointer) \
    { \
        &(codec), offsetof(struct thing, name), (bit), (pointer) \
    }
static const spoke_codec_member layout[] = {MEMBER(spoke_codec_bytes, blob, 0, false),
                                            MEMBER(spoke_codec_byte, byte, 1, false),
                                            MEMBER(level_codec, level, 2, false),
                                            MEMBER(list_codec, list, 3, false),
                                            MEMBER(map_codec, map, 4, false),
                                            MEMBER(spoke_codec_date_time, moment, 5, false),
                                            MEMBER(spoke_codec_float, narrow, 6, false),
                                            MEMBER(thing_codec, next, 7, true),
                                            MEMBER(spoke_codec_double, real, 8, false),
                                            MEMBER(spoke_codec_string, text, 9, false),
                                            MEMBER(spoke_codec_unsigned_integer, whole, 10, false),
                                            MEMBER(spoke_codec_long, wide, 11, false),
                                            MEMBER(spoke_codec_boolean, yes, 12, false)};
const spoke_schema thing_schema = {SPOKE_SCHEMA_OBJECT, 13, NULL, fields, NULL, NULL};
const spoke_codec thing_codec = {&thing_schema, sizeof(struct thing), 4, offsetof(struct thing, has), NULL,
                                 layout};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t first_scratch[65536], second_scratch[65536];
static char first_text[262144], second_text[262144];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct thing thing, again;
    spoke_buf scratch = spoke_buf_from(first_scratch, sizeof first_scratch);
    spoke_buf more = spoke_buf_from(second_scratch, sizeof second_scratch);
    spoke_buf once = spoke_buf_from(first_text, sizeof first_text),
              twice = spoke_buf_from(second_text, sizeof second_text);
    const spoke_str json = spoke_str_from((const char *)data, size);
    spoke_str first, second;
    bool given = false;
    if (size > MAX_INPUT)
        return 0;
    (void)!spoke_codec_request(&thing_codec, json, true, &again, &given, &more);
    (void)!spoke_codec_request(&spoke_codec_string, json, true, &first, &given, &more);
    const bool fits = spoke_schema_check(&thing_schema, json, NULL) == SPOKE_OK;
    const spoke_status status = spoke_codec_read(&thing_codec, json, &thing, &scratch, NULL);
    require(fits == (status == SPOKE_OK) || status == SPOKE_E_NO_MEMORY);
    if (status != SPOKE_OK)
        return 0;
    more.len = 0;
    require(spoke_codec_text(&thing_codec, &thing, &once, &first) == SPOKE_OK);
    require(spoke_schema_check(&thing_schema, first, NULL) == SPOKE_OK);
    require(spoke_codec_read(&thing_codec, first, &again, &more, NULL) == SPOKE_OK);
    require(spoke_codec_text(&thing_codec, &again, &twice, &second) == SPOKE_OK);
    require(spoke_str_equal(first, second));
    return 0;
}
