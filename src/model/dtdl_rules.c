/* The metamodel as tables: which properties a class has, in which versions, and what an extension adds. The facts
 * are those of the public DTDL specifications and of the metamodel published with Microsoft's parser (MIT). */
#include "model/dtdl_private.h"

#define B2 4u /* bit of language version 2, as 1 << 2 */
#define B3 8u
#define B4 16u
#define B34 (B3 | B4)
#define B234 (B2 | B3 | B4)
#define ANY_LENGTH 0

#define C(kind) CLASS_BIT(DTDL_##kind)
#define PRIMITIVES \
    (C(BOOLEAN) | C(BYTE) | C(SHORT) | C(INTEGER) | C(LONG) | C(UNSIGNED_BYTE) | C(UNSIGNED_SHORT) | \
     C(UNSIGNED_INTEGER) | C(UNSIGNED_LONG) | C(FLOAT) | C(DOUBLE) | C(DECIMAL) | C(STRING) | C(DATE) | C(TIME) | \
     C(DATE_TIME) | C(DURATION) | C(BYTES) | C(UUID))
#define COMPLEX (C(ARRAY) | C(ENUM) | C(MAP) | C(OBJECT))
#define ANY_SCHEMA (PRIMITIVES | COMPLEX)
#define CONTENT (C(TELEMETRY) | C(PROPERTY) | C(COMMAND) | C(RELATIONSHIP) | C(COMPONENT))
#define NUMERIC \
    (C(BYTE) | C(SHORT) | C(INTEGER) | C(LONG) | C(UNSIGNED_BYTE) | C(UNSIGNED_SHORT) | C(UNSIGNED_INTEGER) | \
     C(UNSIGNED_LONG) | C(FLOAT) | C(DOUBLE) | C(DECIMAL))
#define ONLY_V4 \
    (C(BYTE) | C(SHORT) | C(UNSIGNED_BYTE) | C(UNSIGNED_SHORT) | C(UNSIGNED_INTEGER) | C(UNSIGNED_LONG) | \
     C(DECIMAL) | C(BYTES) | C(UUID))

uint64_t class_set_numeric(void)
{
    return NUMERIC;
}

/* Designated by hand: property, kind, edge, versions, required, pattern, then the flags. */
#define NAME \
    { \
        .property = P_NAME, .kind = VALUE_STRING, .required = B234, .pattern = PATTERN_NAME \
    }
#define SCHEMA \
    { \
        .property = P_SCHEMA, .kind = VALUE_ELEMENT, .edge = DTDL_SCHEMA, .required = B234, .targets = ANY_SCHEMA \
    }
#define MANY(property_, edge_, targets_) \
    .property = (property_), .kind = VALUE_ELEMENT, .edge = (edge_), .targets = (targets_), .plural = true

static const struct rule common_rules[] = {
    {.property = P_DISPLAY_NAME, .kind = VALUE_LOCALIZED},
    {.property = P_DESCRIPTION, .kind = VALUE_LOCALIZED},
    {.property = P_COMMENT, .kind = VALUE_STRING},
};
static const struct rule interface_rules[] = {
    {MANY(P_CONTENTS, DTDL_CONTENTS, CONTENT)},
    {MANY(P_EXTENDS, DTDL_EXTENDS, C(INTERFACE)), .id_required = true},
    {MANY(P_SCHEMAS, DTDL_SCHEMAS, COMPLEX), .id_required = true, .same_version = true},
};
static const struct rule telemetry_rules[] = {NAME, SCHEMA};
static const struct rule property_rules[] = {NAME, SCHEMA, {.property = P_WRITABLE, .kind = VALUE_BOOLEAN}};
static const struct rule command_rules[] = {
    NAME,
    {.property = P_REQUEST,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_REQUEST,
     .targets = C(COMMAND_PAYLOAD) | C(COMMAND_REQUEST),
     .infers_type = true,
     .same_version = true},
    {.property = P_RESPONSE,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_RESPONSE,
     .targets = C(COMMAND_PAYLOAD) | C(COMMAND_RESPONSE),
     .infers_type = true,
     .same_version = true},
    {.property = P_COMMAND_TYPE, .kind = VALUE_COMMAND_TYPE},
};
static const struct rule relationship_rules[] = {
    NAME,
    {.property = P_TARGET, .kind = VALUE_DTMI},
    {.property = P_MIN_MULTIPLICITY, .kind = VALUE_INTEGER},
    {.property = P_MAX_MULTIPLICITY, .kind = VALUE_INTEGER},
    {MANY(P_PROPERTIES, DTDL_PROPERTIES, C(PROPERTY))},
    {.property = P_WRITABLE, .kind = VALUE_BOOLEAN},
};
static const struct rule component_rules[] = {
    NAME,
    {.property = P_SCHEMA,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_SCHEMA,
     .required = B234,
     .targets = C(INTERFACE),
     .id_required = true},
};
static const struct rule payload_rules[] = {
    NAME, SCHEMA, {.property = P_NULLABLE, .kind = VALUE_BOOLEAN, .versions = B4}};
static const struct rule field_rules[] = {NAME, SCHEMA};
static const struct rule enum_value_rules[] = {
    NAME, {.property = P_ENUM_VALUE, .kind = VALUE_LITERAL, .required = B234}};
static const struct rule map_key_rules[] = {
    NAME,
    {.property = P_SCHEMA,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_SCHEMA,
     .required = B234,
     .targets = C(STRING),
     .id_required = true},
};
static const struct rule array_rules[] = {
    {.property = P_ELEMENT_SCHEMA,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_ELEMENT_SCHEMA,
     .required = B234,
     .targets = ANY_SCHEMA},
};
static const struct rule enum_rules[] = {
    {.property = P_VALUE_SCHEMA,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_VALUE_SCHEMA,
     .required = B234,
     .targets = C(INTEGER) | C(STRING),
     .id_required = true},
    {MANY(P_ENUM_VALUES, DTDL_ENUM_VALUES, C(ENUM_VALUE)), .required = B2, .infers_type = true,
     .same_version = true},
};
static const struct rule map_rules[] = {
    {.property = P_MAP_KEY,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_MAP_KEY_EDGE,
     .required = B234,
     .targets = C(MAP_KEY),
     .infers_type = true,
     .same_version = true},
    {.property = P_MAP_VALUE,
     .kind = VALUE_ELEMENT,
     .edge = DTDL_MAP_VALUE_EDGE,
     .required = B234,
     .targets = C(MAP_VALUE),
     .infers_type = true,
     .same_version = true},
};
static const struct rule object_rules[] = {
    {MANY(P_FIELDS, DTDL_FIELDS, C(FIELD)), .required = B2, .infers_type = true, .same_version = true},
};

#define RULES(table) \
    { \
        (table), sizeof(table) / sizeof(table)[0] \
    }
static const struct {
    const struct rule *rules;
    size_t count;
} class_rules[DTDL_CLASS_COUNT] = {
    [DTDL_INTERFACE] = RULES(interface_rules),
    [DTDL_TELEMETRY] = RULES(telemetry_rules),
    [DTDL_PROPERTY] = RULES(property_rules),
    [DTDL_COMMAND] = RULES(command_rules),
    [DTDL_RELATIONSHIP] = RULES(relationship_rules),
    [DTDL_COMPONENT] = RULES(component_rules),
    [DTDL_COMMAND_PAYLOAD] = RULES(payload_rules),
    [DTDL_COMMAND_REQUEST] = RULES(payload_rules),
    [DTDL_COMMAND_RESPONSE] = RULES(payload_rules),
    [DTDL_FIELD] = RULES(field_rules),
    [DTDL_ENUM_VALUE] = RULES(enum_value_rules),
    [DTDL_MAP_KEY] = RULES(map_key_rules),
    [DTDL_MAP_VALUE] = RULES(field_rules),
    [DTDL_ARRAY] = RULES(array_rules),
    [DTDL_ENUM] = RULES(enum_rules),
    [DTDL_MAP] = RULES(map_rules),
    [DTDL_OBJECT] = RULES(object_rules),
};

const struct rule *rules_of_class(enum dtdl_class kind, size_t *count)
{
    *count = class_rules[kind].count;
    return class_rules[kind].rules;
}

static const struct rule *find_rule(const struct rule *rules, size_t count, enum dtdl_property property,
                                    unsigned version)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].property == property && (rules[i].versions == 0 || (rules[i].versions >> version & 1) != 0))
            return &rules[i];
    }
    return NULL;
}

const struct rule *rule_find(enum dtdl_class kind, enum dtdl_property property, unsigned version)
{
    const struct rule *rule = find_rule(class_rules[kind].rules, class_rules[kind].count, property, version);
    return rule != NULL ? rule
                        : find_rule(common_rules, sizeof common_rules / sizeof common_rules[0], property, version);
}

uint64_t rule_targets(const struct rule *rule, unsigned version)
{
    uint64_t targets = rule->targets;
    if (version < 4)
        targets &= ~ONLY_V4;
    return targets & ~(version < 3 ? C(COMMAND_REQUEST) | C(COMMAND_RESPONSE) : C(COMMAND_PAYLOAD));
}

enum dtdl_class rule_inferred_class(enum dtdl_property property, unsigned version)
{
    switch ((int)property) {
    case P_REQUEST:
        return version < 3 ? DTDL_COMMAND_PAYLOAD : DTDL_COMMAND_REQUEST;
    case P_RESPONSE:
        return version < 3 ? DTDL_COMMAND_PAYLOAD : DTDL_COMMAND_RESPONSE;
    case P_FIELDS:
        return DTDL_FIELD;
    case P_ENUM_VALUES:
        return DTDL_ENUM_VALUE;
    case P_MAP_KEY:
        return DTDL_MAP_KEY;
    case P_MAP_VALUE:
        return DTDL_MAP_VALUE;
    default:
        return DTDL_NONE;
    }
}

/* --- extensions --- */

#define T(type) TYPE_BIT(TYPE_##type)
#define S(which) (1u << STD_##which)
#define GEOSPATIAL \
    (S(POINT) | S(MULTI_POINT) | S(LINE_STRING) | S(MULTI_LINE_STRING) | S(POLYGON) | S(MULTI_POLYGON) | \
     S(GEOPOINT))
#define VALUE_BEARING \
    (C(COMMAND_REQUEST) | C(COMMAND_RESPONSE) | C(FIELD) | C(MAP_VALUE) | C(PROPERTY) | C(TELEMETRY))
#define ADDS(table) .rules = (table), .rule_count = sizeof(table) / sizeof(table)[0]

static const struct rule annotates[] = {{.property = P_ANNOTATES, .kind = VALUE_STRING, .required = B234}};
static const struct rule overrides[] = {{.property = P_OVERRIDES, .kind = VALUE_TERM, .required = B234}};
static const struct rule ttl[] = {{.property = P_TTL, .kind = VALUE_DURATION, .required = B234}};
static const struct rule an_index[] = {{.property = P_INDEX, .kind = VALUE_INTEGER, .required = B234}};
static const struct rule mqtt1[] = {
    {.property = P_PAYLOAD_FORMAT, .kind = VALUE_STRING, .required = B234},
    {.property = P_TELEMETRY_TOPIC, .kind = VALUE_STRING, .pattern = PATTERN_TOPIC},
    {.property = P_COMMAND_TOPIC, .kind = VALUE_STRING, .pattern = PATTERN_TOPIC},
};
static const struct rule mqtt4[] = {
    /* 2 and 3 have no propertyTopic, which their contexts do not define */
    {.property = P_PAYLOAD_FORMAT, .kind = VALUE_STRING, .required = B234},
    {.property = P_TELEMETRY_TOPIC, .kind = VALUE_STRING, .pattern = PATTERN_TOPIC},
    {.property = P_COMMAND_TOPIC, .kind = VALUE_STRING, .pattern = PATTERN_TOPIC},
    {.property = P_PROPERTY_TOPIC, .kind = VALUE_STRING, .pattern = PATTERN_TOPIC},
    {.property = P_CMD_SERVICE_GROUP_ID, .kind = VALUE_STRING, .pattern = PATTERN_GROUP_ID},
    {.property = P_TELEM_SERVICE_GROUP_ID, .kind = VALUE_STRING, .pattern = PATTERN_GROUP_ID},
};
static const struct rule a_unit[] = {{.property = P_UNIT, .kind = VALUE_UNIT, .edge = DTDL_UNIT_EDGE}};
static const struct rule ontology[] = {
    {.property = P_ONTOLOGY, .kind = VALUE_STRING, .required = B234, .max_length = 128}};
static const struct rule type_ref[] = {
    {.property = P_TYPE_REF, .kind = VALUE_STRING, .required = B234, .max_length = 128}};
static const struct rule group[] = {
    {.property = P_GROUP, .kind = VALUE_STRING, .required = B234, .max_length = 128, .pattern = PATTERN_NAME}};
static const struct rule limits[] = {
    {.property = P_MINIMUM, .kind = VALUE_NUMBER},
    {.property = P_MAXIMUM, .kind = VALUE_NUMBER},
};
static const struct rule decimal_places[] = {
    {.property = P_DECIMAL_PLACES, .kind = VALUE_INTEGER, .required = B234}};
static const struct rule scale_factor[] = {{.property = P_SCALE_FACTOR, .kind = VALUE_NUMBER, .required = B234}};
static const struct rule a_namespace[] = {
    {.property = P_NAMESPACE, .kind = VALUE_STRING, .required = B234, .max_length = 128}};
static const struct rule initial_value[] = {{.property = P_INITIAL_VALUE, .kind = VALUE_ANY}};
static const struct rule color[] = {{.property = P_COLOR, .kind = VALUE_STRING}};
static const struct rule number_value[] = {
    {.property = P_MIN_VALUE, .kind = VALUE_NUMBER},
    {.property = P_MAX_VALUE, .kind = VALUE_NUMBER},
    {.property = P_DECIMAL_PLACES, .kind = VALUE_INTEGER},
    {.property = P_DISPLAY_UNIT, .kind = VALUE_LOCALIZED},
};
static const struct rule string_value[] = {
    {.property = P_MIN_LENGTH, .kind = VALUE_INTEGER},
    {.property = P_MAX_LENGTH, .kind = VALUE_INTEGER},
    {.property = P_DISPLAY_UNIT, .kind = VALUE_LOCALIZED},
};

#define RESULTS4 (T(NORMAL_RESULT) | T(ERROR_RESULT) | T(ERROR_CODE) | T(ERROR_INFO))
#define CENTRAL_VALUE (C(PROPERTY) | C(TELEMETRY) | C(FIELD) | C(COMMAND_PAYLOAD) | C(MAP_VALUE))

static const struct adjunct adjuncts[] = {
    {.type = TYPE_VALUE_ANNOTATION,
     .contexts = AN1,
     .versions = B3,
     .classes = C(PROPERTY) | C(TELEMETRY),
     ADDS(annotates)},
    {.type = TYPE_VALUE_ANNOTATION,
     .contexts = AN2,
     .versions = B34,
     .classes = C(PROPERTY) | C(TELEMETRY),
     ADDS(annotates)},
    {.type = TYPE_HISTORIZED, .contexts = HI1, .versions = B3, .classes = C(PROPERTY) | C(TELEMETRY)},
    {.type = TYPE_HISTORIZED, .contexts = HI2, .versions = B34, .classes = C(PROPERTY) | C(TELEMETRY)},
    {.type = TYPE_OVERRIDE,
     .contexts = OV1,
     .versions = B3,
     .classes = C(PROPERTY),
     ADDS(overrides),
     .needs = T(VALUE_ANNOTATION)},
    {.type = TYPE_OVERRIDE,
     .contexts = OV2,
     .versions = B34,
     .classes = C(PROPERTY),
     ADDS(overrides),
     .needs = T(VALUE_ANNOTATION)},
    {.type = TYPE_REQUIRED, .contexts = RQ1, .versions = B34, .classes = C(FIELD)},
    {.type = TYPE_REQUIRED, .contexts = RQ2, .versions = B34, .classes = C(FIELD) | C(PROPERTY)},

    {.type = TYPE_CACHEABLE,
     .contexts = MQ1,
     .versions = B3,
     .classes = C(COMMAND),
     ADDS(ttl),
     .needs = T(IDEMPOTENT)},
    {.type = TYPE_CACHEABLE,
     .contexts = MQ2 | MQ3 | MQ4,
     .versions = B34,
     .classes = C(COMMAND),
     ADDS(ttl),
     .needs = T(IDEMPOTENT)},
    {.type = TYPE_IDEMPOTENT, .contexts = MQ1, .versions = B3, .classes = C(COMMAND)},
    {.type = TYPE_IDEMPOTENT, .contexts = MQ2 | MQ3 | MQ4, .versions = B34, .classes = C(COMMAND)},
    {.type = TYPE_INDEXED,
     .contexts = MQ1,
     .versions = B3,
     .classes = C(ENUM_VALUE) | C(FIELD) | C(TELEMETRY),
     ADDS(an_index)},
    {.type = TYPE_INDEXED,
     .contexts = MQ2 | MQ3,
     .versions = B34,
     .classes = C(ENUM_VALUE) | C(FIELD) | C(TELEMETRY),
     ADDS(an_index)},
    {.type = TYPE_INDEXED,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(ENUM_VALUE) | C(FIELD) | C(TELEMETRY) | C(PROPERTY),
     ADDS(an_index)},
    {.type = TYPE_MQTT, .contexts = MQ1, .versions = B3, .classes = C(INTERFACE), ADDS(mqtt1)},
    {.type = TYPE_MQTT, .contexts = MQ2 | MQ3 | MQ4, .versions = B34, .classes = C(INTERFACE), ADDS(mqtt4)},
    {.type = TYPE_TRANSPARENT,
     .contexts = MQ2 | MQ3 | MQ4,
     .versions = B34,
     .classes = C(COMMAND_REQUEST) | C(COMMAND_RESPONSE),
     .schema_classes = C(OBJECT)},
    {.type = TYPE_ERROR, .contexts = MQ3 | MQ4, .versions = B34, .classes = C(OBJECT)},
    {.type = TYPE_ERROR_MESSAGE,
     .contexts = MQ3 | MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .schema_classes = C(STRING),
     .parent_types = T(ERROR),
     .alone = true},
    {.type = TYPE_ERROR_RESULT,
     .contexts = MQ3 | MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1,
     .schema_types = T(ERROR),
     .parent_types = T(RESULT),
     .alone = true},
    {.type = TYPE_NORMAL_RESULT,
     .contexts = MQ3 | MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1,
     .parent_types = T(RESULT),
     .alone = true},
    {.type = TYPE_RESULT,
     .contexts = MQ3,
     .versions = B34,
     .classes = C(OBJECT),
     .field_types = T(NORMAL_RESULT) | T(ERROR_RESULT)},
    {.type = TYPE_RESULT, .contexts = MQ4, .versions = B34, .classes = C(OBJECT), .field_types = RESULTS4},
    {.type = TYPE_ERROR_CODE,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .schema_classes = C(ENUM),
     .parent_types = T(RESULT) | T(ERROR),
     .alone = true},
    {.type = TYPE_ERROR_INFO,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .schema_classes = C(OBJECT),
     .parent_types = T(RESULT) | T(ERROR),
     .alone = true,
     .some_sibling = T(ERROR_CODE)},
    {.type = TYPE_FRAGMENTED,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(PROPERTY),
     .or_beside = T(PROPERTY_VALUE),
     .schema_classes = C(MAP)},
    {.type = TYPE_INDIRECT,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1},
    {.type = TYPE_PROPERTY_RESULT,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(OBJECT),
     .field_types = T(PROPERTY_VALUE) | T(READ_ERROR) | T(WRITE_ERROR)},
    {.type = TYPE_PROPERTY_VALUE,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1,
     .parent_types = T(PROPERTY_RESULT),
     .alone = true},
    {.type = TYPE_READ_ERROR,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1,
     .schema_types = T(ERROR),
     .parent_types = T(PROPERTY_RESULT),
     .alone = true},
    {.type = TYPE_WRITE_ERROR,
     .contexts = MQ4,
     .versions = B34,
     .classes = C(FIELD),
     .excludes = T(REQUIRED),
     .excludes_in = RQ1,
     .schema_types = T(ERROR),
     .parent_types = T(PROPERTY_RESULT),
     .alone = true},

    {.type = TYPE_ACCELERATION_VECTOR,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(TELEMETRY),
     ADDS(a_unit),
     .schema_standard = S(VECTOR)},
    {.type = TYPE_VELOCITY_VECTOR,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(TELEMETRY),
     ADDS(a_unit),
     .schema_standard = S(VECTOR)},
    {.type = TYPE_LOCATION,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(TELEMETRY),
     .schema_standard = GEOSPATIAL},
    {.type = TYPE_STATE,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(TELEMETRY),
     .schema_classes = C(ENUM)},
    {.type = TYPE_EVENT,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(TELEMETRY),
     .schema_classes = NUMERIC | C(STRING)},

    {.type = TYPE_EVENT, .contexts = OPS, .versions = B4, .classes = C(INTERFACE)},
    {.type = TYPE_COMPOSITE,
     .contexts = OPS,
     .versions = B4,
     .classes = C(INTERFACE),
     ADDS(ontology),
     .excludes = T(EVENT),
     .excludes_in = OPS},
    {.type = TYPE_CONGRUENCE, .contexts = OPS, .versions = B4, .classes = C(INTERFACE) | COMPLEX, ADDS(type_ref)},
    {.type = TYPE_DETAIL, .contexts = OPS, .versions = B4, .classes = C(OBJECT)},
    {.type = TYPE_GROUP_MEMBER, .contexts = OPS, .versions = B4, .classes = C(COMMAND), ADDS(group)},
    {.type = TYPE_HAS_CAPABILITY,
     .contexts = OPS,
     .versions = B4,
     .classes = C(RELATIONSHIP),
     .excludes = T(HAS_COMPONENT),
     .excludes_in = OPS},
    {.type = TYPE_HAS_COMPONENT, .contexts = OPS, .versions = B4, .classes = C(RELATIONSHIP)},
    {.type = TYPE_LIMITED,
     .contexts = OPS,
     .versions = B4,
     .classes = VALUE_BEARING,
     ADDS(limits),
     .schema_classes = NUMERIC},
    {.type = TYPE_PRECISE,
     .contexts = OPS,
     .versions = B4,
     .classes = VALUE_BEARING,
     ADDS(decimal_places),
     .schema_classes = NUMERIC},
    {.type = TYPE_QUALIFIED, .contexts = OPS, .versions = B4, .classes = CONTENT | C(FIELD), ADDS(a_namespace)},
    {.type = TYPE_SCALED_STATICALLY,
     .contexts = OPS,
     .versions = B4,
     .classes = VALUE_BEARING,
     ADDS(scale_factor),
     .schema_classes = NUMERIC},
    {.type = TYPE_SUBJECT,
     .contexts = OPS,
     .versions = B4,
     .classes = C(FIELD),
     .parent_types = T(DETAIL),
     .alone = true},

    /* The central profile's, which no context defines. */
    {.type = TYPE_CLOUD, .contexts = CEN, .versions = B2, .classes = C(PROPERTY)},
    {.type = TYPE_NUMBER_VALUE,
     .contexts = CEN,
     .versions = B2,
     .classes = CENTRAL_VALUE,
     ADDS(number_value),
     .schema_classes = NUMERIC},
    {.type = TYPE_STRING_VALUE,
     .contexts = CEN,
     .versions = B2,
     .classes = CENTRAL_VALUE,
     ADDS(string_value),
     .schema_classes = C(STRING)},
    {.type = TYPE_BOOLEAN_VALUE,
     .contexts = CEN,
     .versions = B2,
     .classes = CENTRAL_VALUE,
     .schema_classes = C(BOOLEAN)},
    {.type = TYPE_DATE_TIME_VALUE, .contexts = CEN, .versions = B2, .classes = CENTRAL_VALUE},
    {.type = TYPE_INITIALIZED,
     .contexts = CEN,
     .versions = B2,
     .classes = C(PROPERTY) | C(FIELD) | C(COMMAND_PAYLOAD),
     ADDS(initial_value)},
    {.type = TYPE_VISUALIZED, .contexts = CEN, .versions = B2, .classes = CONTENT | C(FIELD), ADDS(color)},
};

const struct adjunct *adjunct_find(enum dtdl_type type, uint32_t contexts)
{
    for (size_t i = 0; i < sizeof adjuncts / sizeof adjuncts[0]; i++) {
        if (adjuncts[i].type == type && (adjuncts[i].contexts & contexts) != 0)
            return &adjuncts[i];
    }
    return NULL;
}

/* --- limits --- */

unsigned limit_id(enum dtdl_class kind, const struct context *context)
{
    if (kind == DTDL_INTERFACE)
        return context->limits == LIMITS_CORE ? 128 : 256;
    return context->limits == LIMITS_CORE ? 2048 : 512;
}

unsigned limit_schema_depth(const struct context *context)
{
    if (context->version < 4)
        return 5;
    return context->limits == LIMITS_ONVIF ? 24 : context->limits == LIMITS_AIO ? 12 : 8;
}

unsigned limit_extends_depth(unsigned version)
{
    return version < 4 ? 10 : 12;
}

unsigned limit_text(enum dtdl_property property, const struct context *context)
{
    if (context->version == 2 && (property == P_NAME || property == P_DISPLAY_NAME))
        return 64;
    if (property == P_DESCRIPTION && context->limits != LIMITS_CORE)
        return context->limits == LIMITS_AIO ? 2048 : 4096;
    return property == P_NAME || property == P_DISPLAY_NAME || property == P_DESCRIPTION || property == P_COMMENT
               ? 512
               : ANY_LENGTH;
}

/* The numbers that limits are made of, as an issue can quote them. */
const char *number_text(unsigned limit)
{
    static const struct {
        unsigned limit;
        const char *text;
    } numbers[] = {{2, "2"},     {30, "30"},     {64, "64"},     {100, "100"},   {128, "128"},      {300, "300"},
                   {512, "512"}, {1024, "1024"}, {2048, "2048"}, {4096, "4096"}, {100000, "100000"}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].limit == limit)
            return numbers[i].text;
    }
    return "fewer";
}
