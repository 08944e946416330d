/* The words of the language: what each term names, and in which contexts. The facts are those of the public DTDL
 * specifications and of the metamodel that Microsoft publishes with its parser (MIT licence). */
#ifndef SPOKE_SRC_MODEL_DTDL_TERMS_H
#define SPOKE_SRC_MODEL_DTDL_TERMS_H

#include "model/dtdl.h"

/* A bit for each context that is known here. */
enum {
    V2 = 1 << 0, /* dtmi:dtdl:context;2 */
    V3 = 1 << 1,
    V4 = 1 << 2,
    AN1 = 1 << 3, /* dtmi:dtdl:extension:annotation;1 */
    AN2 = 1 << 4,
    HI1 = 1 << 5, /* historization */
    HI2 = 1 << 6,
    MQ1 = 1 << 7, /* mqtt */
    MQ2 = 1 << 8,
    MQ3 = 1 << 9,
    MQ4 = 1 << 10,
    OV1 = 1 << 11, /* overriding */
    OV2 = 1 << 12,
    QT1 = 1 << 13, /* quantitativeTypes */
    QT2 = 1 << 14,
    QT3 = 1 << 15,
    RQ1 = 1 << 16, /* requirement */
    RQ2 = 1 << 17,
    AIO = 1 << 18, /* dtmi:dtdl:limits:aio;1 */
    ONV = 1 << 19, /* dtmi:dtdl:limits:onvif;1 */
    CEN = 1 << 20, /* dtmi:iotcentral:context;2 */
    OPS = 1 << 21, /* dtmi:iotoperations:context;4 */
    V34 = V3 | V4,
    ALL = V2 | V3 | V4,
    QTS = QT1 | QT2 | QT3
};
#define DTDL_CONTEXTS 22u

enum term_kind {
    TERM_CLASS = 1 << 0,         /* index: enum dtdl_class */
    TERM_TYPE = 1 << 1,          /* an adjunct type; index: enum dtdl_type */
    TERM_SEMANTIC = 1 << 2,      /* a semantic type; index: its enum dtdl_unit_type */
    TERM_ABSTRACT_TYPE = 1 << 3, /* a supplemental type that no element can have */
    TERM_PROPERTY = 1 << 4,      /* index: enum dtdl_property */
    TERM_SCHEMA = 1 << 5,        /* a primitive schema; index: enum dtdl_class */
    TERM_STANDARD = 1 << 6,      /* a standard schema; index: enum dtdl_standard */
    TERM_COMMAND_TYPE = 1 << 7,
    TERM_UNIT = 1 << 8,      /* index: its enum dtdl_unit_type */
    TERM_UNIT_TYPE = 1 << 9, /* index: enum dtdl_unit_type */
    TERM_PREFIX = 1 << 10,
    TERM_OTHER = 1 << 11, /* has a place in the metamodel, none in a model */
    TERM_ANY = (1 << 12) - 1
};

enum dtdl_unit_type {
    UNIT_TYPE_ACCELERATION_UNIT,
    UNIT_TYPE_ANGLE_UNIT,
    UNIT_TYPE_ANGULAR_ACCELERATION_UNIT,
    UNIT_TYPE_ANGULAR_VELOCITY_UNIT,
    UNIT_TYPE_APPARENT_ENERGY_UNIT,
    UNIT_TYPE_APPARENT_POWER_UNIT,
    UNIT_TYPE_AREA_UNIT,
    UNIT_TYPE_CAPACITANCE_UNIT,
    UNIT_TYPE_CHARGE_UNIT,
    UNIT_TYPE_CURRENT_UNIT,
    UNIT_TYPE_DATA_RATE_UNIT,
    UNIT_TYPE_DATA_SIZE_UNIT,
    UNIT_TYPE_DENSITY_UNIT,
    UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT,
    UNIT_TYPE_ENERGY_UNIT,
    UNIT_TYPE_FORCE_UNIT,
    UNIT_TYPE_FREQUENCY_UNIT,
    UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT,
    UNIT_TYPE_ILLUMINANCE_UNIT,
    UNIT_TYPE_INDUCTANCE_UNIT,
    UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT,
    UNIT_TYPE_IRRADIANCE_UNIT,
    UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT,
    UNIT_TYPE_LENGTH_UNIT,
    UNIT_TYPE_LUMINANCE_UNIT,
    UNIT_TYPE_LUMINOUS_FLUX_UNIT,
    UNIT_TYPE_LUMINOUS_INTENSITY_UNIT,
    UNIT_TYPE_MAGNETIC_FLUX_UNIT,
    UNIT_TYPE_MAGNETIC_INDUCTION_UNIT,
    UNIT_TYPE_MASS_FLOW_RATE_UNIT,
    UNIT_TYPE_MASS_UNIT,
    UNIT_TYPE_POWER_UNIT,
    UNIT_TYPE_PRESSURE_UNIT,
    UNIT_TYPE_RADIOACTIVITY_UNIT,
    UNIT_TYPE_REACTIVE_ENERGY_UNIT,
    UNIT_TYPE_REACTIVE_POWER_UNIT,
    UNIT_TYPE_RECIPROCAL_LENGTH_UNIT,
    UNIT_TYPE_RECIPROCAL_TIME_UNIT,
    UNIT_TYPE_RESISTANCE_UNIT,
    UNIT_TYPE_SOUND_PRESSURE_UNIT,
    UNIT_TYPE_TEMPERATURE_UNIT,
    UNIT_TYPE_TIME_UNIT,
    UNIT_TYPE_TORQUE_UNIT,
    UNIT_TYPE_UNITLESS,
    UNIT_TYPE_VELOCITY_UNIT,
    UNIT_TYPE_VOLTAGE_UNIT,
    UNIT_TYPE_VOLUME_FLOW_RATE_UNIT,
    UNIT_TYPE_VOLUME_UNIT,
    UNIT_TYPE_COUNT
};

/* Adjunct types; below 64 so that a set of them is one word. */
enum dtdl_type {
    TYPE_ACCELERATION_VECTOR,
    TYPE_CACHEABLE,
    TYPE_COMPOSITE,
    TYPE_CONGRUENCE,
    TYPE_DETAIL,
    TYPE_ERROR,
    TYPE_ERROR_CODE,
    TYPE_ERROR_INFO,
    TYPE_ERROR_MESSAGE,
    TYPE_ERROR_RESULT,
    TYPE_EVENT,
    TYPE_FRAGMENTED,
    TYPE_GROUP_MEMBER,
    TYPE_HAS_CAPABILITY,
    TYPE_HAS_COMPONENT,
    TYPE_HISTORIZED,
    TYPE_IDEMPOTENT,
    TYPE_INDEXED,
    TYPE_INDIRECT,
    TYPE_LIMITED,
    TYPE_LOCATION,
    TYPE_MQTT,
    TYPE_NORMAL_RESULT,
    TYPE_OVERRIDE,
    TYPE_PRECISE,
    TYPE_PROPERTY_RESULT,
    TYPE_PROPERTY_VALUE,
    TYPE_QUALIFIED,
    TYPE_READ_ERROR,
    TYPE_REQUIRED,
    TYPE_RESULT,
    TYPE_SCALED_STATICALLY,
    TYPE_STATE,
    TYPE_SUBJECT,
    TYPE_TRANSPARENT,
    TYPE_VALUE_ANNOTATION,
    TYPE_VELOCITY_VECTOR,
    TYPE_WRITE_ERROR,
    TYPE_CLOUD, /* those of IoT Central's exports, in the central profile alone */
    TYPE_NUMBER_VALUE,
    TYPE_STRING_VALUE,
    TYPE_BOOLEAN_VALUE,
    TYPE_DATE_TIME_VALUE,
    TYPE_INITIALIZED,
    TYPE_VISUALIZED,
    TYPE_COUNT
};

enum dtdl_standard {
    STD_POINT,
    STD_MULTI_POINT,
    STD_LINE_STRING,
    STD_MULTI_LINE_STRING,
    STD_POLYGON,
    STD_MULTI_POLYGON,
    STD_SCALED_DECIMAL,
    STD_GEOPOINT,
    STD_VECTOR,
    STD_COUNT
};

enum dtdl_property {
    P_NAME, /* of the language */
    P_DISPLAY_NAME,
    P_DESCRIPTION,
    P_COMMENT,
    P_CONTENTS,
    P_EXTENDS,
    P_SCHEMAS,
    P_SCHEMA,
    P_WRITABLE,
    P_REQUEST,
    P_RESPONSE,
    P_COMMAND_TYPE,
    P_NULLABLE,
    P_TARGET,
    P_MIN_MULTIPLICITY,
    P_MAX_MULTIPLICITY,
    P_PROPERTIES,
    P_ELEMENT_SCHEMA,
    P_ENUM_VALUES,
    P_VALUE_SCHEMA,
    P_ENUM_VALUE,
    P_FIELDS,
    P_MAP_KEY,
    P_MAP_VALUE,
    P_SYMBOL,
    P_UNIT, /* of extensions */
    P_ANNOTATES,
    P_OVERRIDES,
    P_PAYLOAD_FORMAT,
    P_TELEMETRY_TOPIC,
    P_COMMAND_TOPIC,
    P_PROPERTY_TOPIC,
    P_CMD_SERVICE_GROUP_ID,
    P_TELEM_SERVICE_GROUP_ID,
    P_INDEX,
    P_TTL,
    P_MINIMUM,
    P_MAXIMUM,
    P_DECIMAL_PLACES,
    P_SCALE_FACTOR,
    P_NAMESPACE,
    P_ONTOLOGY,
    P_TYPE_REF,
    P_GROUP,
    P_BASE_UNIT, /* known, but on no element that a model may define */
    P_BOTTOM_UNIT,
    P_TOP_UNIT,
    P_PREFIX,
    P_EXPONENT,
    P_ALIAS_FOR,
    P_LANGUAGE_MAJOR_VERSION,
    P_MIN_VALUE, /* of IoT Central's exports, in the central profile alone */
    P_MAX_VALUE,
    P_MIN_LENGTH,
    P_MAX_LENGTH,
    P_DISPLAY_UNIT,
    P_INITIAL_VALUE,
    P_COLOR,
    P_TRUE_NAME,
    P_FALSE_NAME,
    P_DURABLE,
    P_COUNT
};

struct term {
    const char *name;
    uint8_t length;
    uint16_t kind; /* enum term_kind */
    uint8_t index;
    uint32_t contexts;
};

/* The term of one of these kinds that one of these contexts defines; NULL: none. */
const struct term *term_find(spoke_str name, unsigned kinds, uint32_t contexts);
/* The same for its long form, "dtmi:dtdl:class:Telemetry;2", whatever contexts are active. *context: the one that
 * defines it. NULL: the language has no such id. */
const struct term *term_by_dtmi(spoke_str dtmi, unsigned kinds, uint32_t *context);
/* The bit of a context, "dtmi:dtdl:context;3"; 0: nobody here knows it. */
uint32_t term_context(spoke_str specifier);
/* Whether there is such a context in any version. */
bool term_context_family_known(spoke_str family);
/* The terms of the central profile alone, where no DTDL context defines them. */
const struct term *term_find_central(spoke_str name, unsigned kinds);
/* The i-th unit of a type in a context, NULL past the last; in alphabetical order. */
const struct term *term_unit_at(enum dtdl_unit_type type, uint32_t contexts, size_t i);
const char *term_unit_type_name(enum dtdl_unit_type type);
const char *term_property_name(enum dtdl_property property);
const char *term_type_name(enum dtdl_type type);
/* The specifier of a context that defines such a term and can be added to the active ones; NULL: there is none. */
const char *term_defined_elsewhere(spoke_str name, unsigned kinds, uint32_t active);
/* The term of those kinds that is spelt most like `name`; NULL: none comes close. */
const struct term *term_nearest(spoke_str name, unsigned kinds, uint32_t contexts);

#endif
