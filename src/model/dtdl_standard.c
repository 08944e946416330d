/* The schemas that the language itself defines, as elements. */
#include "model/dtdl_private.h"

#define TEXT(literal) \
    { \
        (literal), sizeof(literal) - 1 \
    }
#define STANDARD .version = 2, .flags = DTDL_IS_STANDARD

#define PRIMITIVE(kind_, name_) \
    [DTDL_##kind_] = {.kind = DTDL_##kind_, STANDARD, .id = TEXT(name_), .name = TEXT(name_)}

static const struct dtdl_element primitives[DTDL_CLASS_COUNT] = {
    PRIMITIVE(BOOLEAN, "boolean"),
    PRIMITIVE(BYTE, "byte"),
    PRIMITIVE(SHORT, "short"),
    PRIMITIVE(INTEGER, "integer"),
    PRIMITIVE(LONG, "long"),
    PRIMITIVE(UNSIGNED_BYTE, "unsignedByte"),
    PRIMITIVE(UNSIGNED_SHORT, "unsignedShort"),
    PRIMITIVE(UNSIGNED_INTEGER, "unsignedInteger"),
    PRIMITIVE(UNSIGNED_LONG, "unsignedLong"),
    PRIMITIVE(FLOAT, "float"),
    PRIMITIVE(DOUBLE, "double"),
    PRIMITIVE(DECIMAL, "decimal"),
    PRIMITIVE(STRING, "string"),
    PRIMITIVE(DATE, "date"),
    PRIMITIVE(TIME, "time"),
    PRIMITIVE(DATE_TIME, "dateTime"),
    PRIMITIVE(DURATION, "duration"),
    PRIMITIVE(BYTES, "bytes"),
    PRIMITIVE(UUID, "uuid"),
};

const struct dtdl_element *standard_primitive(enum dtdl_class kind)
{
    return &primitives[kind];
}

/* --- GeoJSON: {"type": "Point", "coordinates": […]} with arrays nested ever deeper --- */

#define ARRAY(name, of) \
    static const struct dtdl_link name##_link = {NULL, (of), DTDL_ELEMENT_SCHEMA}; \
    static const struct dtdl_element name = {.kind = DTDL_ARRAY, STANDARD, .links = &name##_link}

ARRAY(position, &primitives[DTDL_DOUBLE]);
ARRAY(positions, &position);
ARRAY(rings, &positions);
ARRAY(polygons, &rings);

#define GEOMETRY(var, term, type, coordinates_schema) \
    static const struct dtdl_element var##_value = { \
        .kind = DTDL_ENUM_VALUE, STANDARD, .name = TEXT(term), .enum_value = TEXT("\"" type "\"")}; \
    static const struct dtdl_link var##_value_link = {NULL, &var##_value, DTDL_ENUM_VALUES}; \
    static const struct dtdl_link var##_enum_link = {&var##_value_link, &primitives[DTDL_STRING], \
                                                     DTDL_VALUE_SCHEMA}; \
    static const struct dtdl_element var##_enum = {.kind = DTDL_ENUM, STANDARD, .links = &var##_enum_link}; \
    static const struct dtdl_link var##_type_link = {NULL, &var##_enum, DTDL_SCHEMA}; \
    static const struct dtdl_element var##_type = { \
        .kind = DTDL_FIELD, STANDARD, .name = TEXT("type"), .links = &var##_type_link}; \
    static const struct dtdl_link var##_at_link = {NULL, (coordinates_schema), DTDL_SCHEMA}; \
    static const struct dtdl_element var##_at = { \
        .kind = DTDL_FIELD, STANDARD, .name = TEXT("coordinates"), .links = &var##_at_link}; \
    static const struct dtdl_link var##_second = {NULL, &var##_at, DTDL_FIELDS}; \
    static const struct dtdl_link var##_first = {&var##_second, &var##_type, DTDL_FIELDS}

GEOMETRY(point, "point", "Point", &position);
GEOMETRY(multi_point, "multiPoint", "MultiPoint", &positions);
GEOMETRY(line_string, "lineString", "LineString", &positions);
GEOMETRY(multi_line_string, "multiLineString", "MultiLineString", &rings);
GEOMETRY(polygon, "polygon", "Polygon", &rings);
GEOMETRY(multi_polygon, "multiPolygon", "MultiPolygon", &polygons);

/* --- {"value": "1.5", "scale": 3}, {"lon": …, "lat": …, "alt": …}, {"x": …, "y": …, "z": …} --- */

#define FIELD(var, name_, schema_) \
    static const struct dtdl_link var##_schema = {NULL, (schema_), DTDL_SCHEMA}; \
    static const struct dtdl_element var = { \
        .kind = DTDL_FIELD, STANDARD, .name = TEXT(name_), .links = &var##_schema}

FIELD(scaled_value, "value", &primitives[DTDL_DECIMAL]);
FIELD(scaled_scale, "scale", &primitives[DTDL_SHORT]);
static const struct dtdl_link scaled_second = {NULL, &scaled_scale, DTDL_FIELDS};
static const struct dtdl_link scaled_first = {&scaled_second, &scaled_value, DTDL_FIELDS};

#define TRIPLE(var, a, b, c) \
    FIELD(var##_a, a, &primitives[DTDL_DOUBLE]); \
    FIELD(var##_b, b, &primitives[DTDL_DOUBLE]); \
    FIELD(var##_c, c, &primitives[DTDL_DOUBLE]); \
    static const struct dtdl_link var##_third = {NULL, &var##_c, DTDL_FIELDS}; \
    static const struct dtdl_link var##_second = {&var##_third, &var##_b, DTDL_FIELDS}; \
    static const struct dtdl_link var##_first = {&var##_second, &var##_a, DTDL_FIELDS}

TRIPLE(geopoint, "lat", "lon", "alt");
TRIPLE(vector, "x", "y", "z");

#define OBJECT(name_, first_) \
    { \
        .kind = DTDL_OBJECT, STANDARD, .id = TEXT(name_), .name = TEXT(name_), .links = (first_) \
    }
static const struct dtdl_element standards[STD_COUNT] = {
    [STD_POINT] = OBJECT("point", &point_first),
    [STD_MULTI_POINT] = OBJECT("multiPoint", &multi_point_first),
    [STD_LINE_STRING] = OBJECT("lineString", &line_string_first),
    [STD_MULTI_LINE_STRING] = OBJECT("multiLineString", &multi_line_string_first),
    [STD_POLYGON] = OBJECT("polygon", &polygon_first),
    [STD_MULTI_POLYGON] = OBJECT("multiPolygon", &multi_polygon_first),
    [STD_SCALED_DECIMAL] = OBJECT("scaledDecimal", &scaled_first),
    [STD_GEOPOINT] = OBJECT("geopoint", &geopoint_first),
    [STD_VECTOR] = OBJECT("vector", &vector_first),
};

const struct dtdl_element *standard_schema(enum dtdl_standard which)
{
    return &standards[which];
}

bool standard_is(const struct dtdl_element *element, unsigned set)
{
    for (unsigned i = 0; i < STD_COUNT; i++) {
        if (element == &standards[i])
            return (set >> i & 1) != 0;
    }
    return false;
}

bool standard_has_array(const struct dtdl_element *element)
{
    return standard_is(element, 1u << STD_POINT | 1u << STD_MULTI_POINT | 1u << STD_LINE_STRING |
                                    1u << STD_MULTI_LINE_STRING | 1u << STD_POLYGON | 1u << STD_MULTI_POLYGON);
}

/* --- units as values: the schema "TemperatureUnit" --- */

static bool add_unit_value(struct dtdl_model *model, struct element *e, const struct term *unit)
{
    struct element *value = arena_alloc(model->arena, 1, sizeof *value);
    char *quoted = arena_alloc(model->arena, (size_t)unit->length + 2, 1);
    if (value == NULL || quoted == NULL)
        return false;
    spoke_buf out = spoke_buf_from(quoted, (size_t)unit->length + 2);
    if (spoke_buf_append_byte(&out, '"') != SPOKE_OK ||
        spoke_buf_append(&out, spoke_str_of(unit->name)) != SPOKE_OK ||
        spoke_buf_append_byte(&out, '"') != SPOKE_OK)
        return false;
    value->pub.kind = DTDL_ENUM_VALUE;
    value->pub.version = 3;
    value->pub.flags = DTDL_IS_STANDARD;
    value->pub.name = spoke_str_of(unit->name);
    value->pub.enum_value = spoke_buf_str(&out);
    return link_add(model, e, DTDL_ENUM_VALUES, &value->pub) != NULL;
}

const struct dtdl_element *unit_schema(struct dtdl_model *model, enum dtdl_unit_type type, uint32_t contexts)
{
    for (struct unit_enum *u = model->unit_enums; u != NULL; u = u->next) {
        if (u->element.unit_type == type && u->contexts == contexts)
            return &u->element.pub;
    }
    struct unit_enum *made = arena_alloc(model->arena, 1, sizeof *made);
    if (made == NULL)
        return NULL;
    struct element *e = &made->element;
    e->pub.kind = DTDL_ENUM;
    e->pub.version = 3;
    e->pub.flags = DTDL_IS_STANDARD | DTDL_IS_UNIT_ENUM;
    e->pub.id = spoke_str_of(term_unit_type_name(type));
    e->pub.name = e->pub.id;
    e->unit_type = (uint8_t)type;
    made->contexts = contexts;
    link_add(model, e, DTDL_VALUE_SCHEMA, &primitives[DTDL_STRING]);
    const struct term *unit;
    for (size_t i = 0; (unit = term_unit_at(type, contexts, i)) != NULL; i++) {
        if (!add_unit_value(model, e, unit))
            return NULL;
    }
    made->next = model->unit_enums;
    model->unit_enums = made;
    return &e->pub;
}
