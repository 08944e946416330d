#include <spoke/model_codec.h>

/* clang-format off */
#define PRIMITIVE(name, type) \
    const spoke_codec spoke_codec_##name = {.schema = &spoke_schema_##name, .size = sizeof(type)}
/* clang-format on */
PRIMITIVE(boolean, bool);
PRIMITIVE(byte, int8_t);
PRIMITIVE(short, int16_t);
PRIMITIVE(integer, int32_t);
PRIMITIVE(long, int64_t);
PRIMITIVE(unsigned_byte, uint8_t);
PRIMITIVE(unsigned_short, uint16_t);
PRIMITIVE(unsigned_integer, uint32_t);
PRIMITIVE(unsigned_long, uint64_t);
PRIMITIVE(float, float);
PRIMITIVE(double, double);
PRIMITIVE(decimal, spoke_str);
PRIMITIVE(string, spoke_str);
PRIMITIVE(date, spoke_str);
PRIMITIVE(time, spoke_str);
PRIMITIVE(date_time, spoke_str);
PRIMITIVE(duration, spoke_str);
PRIMITIVE(bytes, spoke_str);
PRIMITIVE(uuid, spoke_str);

size_t spoke_enum_index(const spoke_schema *schema, int32_t number)
{
    size_t i = 0;
    while (i < schema->count && schema->values[i].number != number)
        i++;
    return i;
}

size_t spoke_enum_index_of_text(const spoke_schema *schema, spoke_str text)
{
    size_t i = 0;
    while (i < schema->count && !spoke_str_equal(spoke_str_of(schema->values[i].text), text))
        i++;
    return i;
}
