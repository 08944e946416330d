#include <spoke/model.h>

/* The schemas that the language defines: one table of each in a program, however many templates use it. */

/* clang-format off */
#define PRIMITIVE(name, kind_) const spoke_schema spoke_schema_##name = {.kind = (kind_)}
/* clang-format on */
PRIMITIVE(boolean, SPOKE_SCHEMA_BOOLEAN);
PRIMITIVE(byte, SPOKE_SCHEMA_BYTE);
PRIMITIVE(short, SPOKE_SCHEMA_SHORT);
PRIMITIVE(integer, SPOKE_SCHEMA_INTEGER);
PRIMITIVE(long, SPOKE_SCHEMA_LONG);
PRIMITIVE(unsigned_byte, SPOKE_SCHEMA_UNSIGNED_BYTE);
PRIMITIVE(unsigned_short, SPOKE_SCHEMA_UNSIGNED_SHORT);
PRIMITIVE(unsigned_integer, SPOKE_SCHEMA_UNSIGNED_INTEGER);
PRIMITIVE(unsigned_long, SPOKE_SCHEMA_UNSIGNED_LONG);
PRIMITIVE(float, SPOKE_SCHEMA_FLOAT);
PRIMITIVE(double, SPOKE_SCHEMA_DOUBLE);
PRIMITIVE(decimal, SPOKE_SCHEMA_DECIMAL);
PRIMITIVE(string, SPOKE_SCHEMA_STRING);
PRIMITIVE(date, SPOKE_SCHEMA_DATE);
PRIMITIVE(time, SPOKE_SCHEMA_TIME);
PRIMITIVE(date_time, SPOKE_SCHEMA_DATE_TIME);
PRIMITIVE(duration, SPOKE_SCHEMA_DURATION);
PRIMITIVE(bytes, SPOKE_SCHEMA_BYTES);
PRIMITIVE(uuid, SPOKE_SCHEMA_UUID);

#define OBJECT(fields_) \
    { \
        .kind = SPOKE_SCHEMA_OBJECT, .count = sizeof(fields_) / sizeof(fields_)[0], .fields = (fields_) \
    }
#define ARRAY(element_) \
    { \
        .kind = SPOKE_SCHEMA_ARRAY, .element = (element_) \
    }

/* --- IoT Central --- */

static const spoke_schema_field geopoint_fields[] = {{"alt", &spoke_schema_double, false},
                                                     {"lat", &spoke_schema_double, false},
                                                     {"lon", &spoke_schema_double, false}};
static const spoke_schema_field vector_fields[] = {
    {"x", &spoke_schema_double, false}, {"y", &spoke_schema_double, false}, {"z", &spoke_schema_double, false}};
const spoke_schema spoke_schema_geopoint = OBJECT(geopoint_fields);
const spoke_schema spoke_schema_vector = OBJECT(vector_fields);

/* --- DTDL v4 --- */

static const spoke_schema_field scaled_decimal_fields[] = {{"scale", &spoke_schema_short, false},
                                                           {"value", &spoke_schema_decimal, false}};
const spoke_schema spoke_schema_scaled_decimal = OBJECT(scaled_decimal_fields);

/* --- GeoJSON (RFC 7946) as DTDL has it --- */

static const spoke_schema positions = ARRAY(&spoke_schema_double);
static const spoke_schema lines = ARRAY(&positions);
static const spoke_schema polygons = ARRAY(&lines);
static const spoke_schema multi_polygons = ARRAY(&polygons);

#define GEOMETRY(name, type, coordinates_) \
    static const spoke_enum_value name##_types[] = {{0, type}}; \
    static const spoke_schema name##_type = { \
        .kind = SPOKE_SCHEMA_ENUM_STRING, .count = 1, .values = name##_types}; \
    static const spoke_schema_field name##_fields[] = {{"coordinates", (coordinates_), false}, \
                                                       {"type", &name##_type, false}}; \
    const spoke_schema spoke_schema_##name = OBJECT(name##_fields)

GEOMETRY(point, "Point", &positions);
GEOMETRY(multi_point, "MultiPoint", &lines);
GEOMETRY(line_string, "LineString", &lines);
GEOMETRY(multi_line_string, "MultiLineString", &polygons);
GEOMETRY(polygon, "Polygon", &polygons);
GEOMETRY(multi_polygon, "MultiPolygon", &multi_polygons);
