/* A device template (DTDL interface) as a constant table, and the checks that hold a program and a service to it.
 *
 *     const spoke_member *member = spoke_model_member(&thermostat_model, SPOKE_STR(""), SPOKE_STR("temperature"));
 *     spoke_fault fault;
 *     if (spoke_schema_check(member->schema, SPOKE_STR("21.5"), &fault) != SPOKE_OK)
 *         puts(spoke_fault_text(&fault, text, sizeof text));
 *
 * The tables are written by spoke-model (docs/templates.md) or built at run time by spoke_model_parse. Everything
 * here is a pure function of its arguments: any thread, never blocks, no heap, bounded stack. */
#ifndef SPOKE_MODEL_H
#define SPOKE_MODEL_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- schemas --- */

/* DTDL's schemas. How each travels as JSON: DTDL v4 specification, "Schema"; docs/templates.md. */
typedef enum spoke_schema_kind {
    SPOKE_SCHEMA_BOOLEAN,
    SPOKE_SCHEMA_BYTE, /* signed, 8 bits; from here to UNSIGNED_LONG: numbers without a fraction */
    SPOKE_SCHEMA_SHORT,
    SPOKE_SCHEMA_INTEGER, /* 32 bits */
    SPOKE_SCHEMA_LONG,    /* 64 bits */
    SPOKE_SCHEMA_UNSIGNED_BYTE,
    SPOKE_SCHEMA_UNSIGNED_SHORT,
    SPOKE_SCHEMA_UNSIGNED_INTEGER,
    SPOKE_SCHEMA_UNSIGNED_LONG,
    SPOKE_SCHEMA_FLOAT,
    SPOKE_SCHEMA_DOUBLE,
    SPOKE_SCHEMA_DECIMAL, /* from here to UUID: text */
    SPOKE_SCHEMA_STRING,
    SPOKE_SCHEMA_DATE,
    SPOKE_SCHEMA_TIME,
    SPOKE_SCHEMA_DATE_TIME,
    SPOKE_SCHEMA_DURATION,
    SPOKE_SCHEMA_BYTES, /* base64 */
    SPOKE_SCHEMA_UUID,
    SPOKE_SCHEMA_ENUM_INTEGER, /* valueSchema integer */
    SPOKE_SCHEMA_ENUM_STRING,  /* valueSchema string */
    SPOKE_SCHEMA_ARRAY,
    SPOKE_SCHEMA_MAP,
    SPOKE_SCHEMA_OBJECT
} spoke_schema_kind;

typedef struct spoke_schema spoke_schema;

/* One field of an object. */
typedef struct spoke_schema_field {
    const char *name;
    const spoke_schema *schema;
    bool required; /* co-type Required: it may not be left out */
} spoke_schema_field;

/* One value of an enum: what travels. */
typedef struct spoke_enum_value {
    int32_t number;   /* ENUM_INTEGER */
    const char *text; /* ENUM_STRING; NULL else */
} spoke_enum_value;

/* What the template allows beside the type (minValue, maxValue, minLength, maxLength of IoT Central; minimum and
 * maximum of others). Both ends belong to it. Which pair counts depends on the kind: `low`/`high` for FLOAT and
 * DOUBLE; `low_whole`/`high_whole` for whole numbers (two's complement of the value for UNSIGNED_LONG) and, as
 * UTF-16 units, for the length of STRING. */
typedef struct spoke_range {
    bool has_low, has_high;
    double low, high;
    int64_t low_whole, high_whole;
} spoke_range;

struct spoke_schema {
    uint8_t kind;                     /* spoke_schema_kind */
    uint16_t count;                   /* of fields or values */
    const spoke_schema *element;      /* ARRAY: of each element; MAP: of each value */
    const spoke_schema_field *fields; /* OBJECT: sorted by name, bytewise */
    const spoke_enum_value *values;   /* ENUM_*: in the order of the template */
    const spoke_range *range;         /* NULL: none */
};

/* Ready-made: the language's own schemas, IoT Central's, and GeoJSON's, so that tables stay small. */
extern SPOKE_API const spoke_schema spoke_schema_boolean, spoke_schema_byte, spoke_schema_short,
    spoke_schema_integer, spoke_schema_long, spoke_schema_unsigned_byte, spoke_schema_unsigned_short,
    spoke_schema_unsigned_integer, spoke_schema_unsigned_long, spoke_schema_float, spoke_schema_double,
    spoke_schema_decimal, spoke_schema_string, spoke_schema_date, spoke_schema_time, spoke_schema_date_time,
    spoke_schema_duration, spoke_schema_bytes, spoke_schema_uuid;
extern SPOKE_API const spoke_schema spoke_schema_scaled_decimal; /* DTDL v4: {"scale", "value"} */
extern SPOKE_API const spoke_schema spoke_schema_geopoint;       /* IoT Central: {"alt", "lat", "lon"} */
extern SPOKE_API const spoke_schema spoke_schema_vector;         /* IoT Central: {"x", "y", "z"} */
extern SPOKE_API const spoke_schema spoke_schema_point, spoke_schema_multi_point, spoke_schema_line_string,
    spoke_schema_multi_line_string, spoke_schema_polygon, spoke_schema_multi_polygon;

/* --- members --- */

typedef enum spoke_member_kind { SPOKE_TELEMETRY, SPOKE_PROPERTY, SPOKE_COMMAND } spoke_member_kind;

/* Flags of a member. */
enum {
    SPOKE_WRITABLE = 1,         /* PROPERTY: the service may set it */
    SPOKE_DURABLE = 2,          /* COMMAND: IoT Central queues it while the device is offline */
    SPOKE_NULLABLE_REQUEST = 4, /* COMMAND: null may stand for the request (DTDL v4) */
    SPOKE_NULLABLE_RESPONSE = 8 /* COMMAND: the same of the response */
};

/* One capability. All text is static. */
typedef struct spoke_member {
    const char *component; /* NULL: the default component */
    const char *name;
    uint8_t member;               /* spoke_member_kind */
    uint8_t flags;                /* SPOKE_WRITABLE, ... */
    const spoke_schema *schema;   /* TELEMETRY, PROPERTY: of the value. COMMAND: of the request; NULL: none */
    const spoke_schema *response; /* COMMAND: NULL: none */
} spoke_member;

/* Members are sorted by component (NULL first), then name, both bytewise, and no two are equal: DTDL names are
 * unique in an interface whatever they name. spoke_model_valid says whether a table keeps that. */
typedef struct spoke_model {
    const char *dtmi; /* announced at provisioning and at connect */
    const spoke_member *members;
    size_t member_count;
} spoke_model;

/* By binary search; NULL: the template has none. component empty: the default component. */
SPOKE_API const spoke_member *spoke_model_member(const spoke_model *model, spoke_str component, spoke_str name);
/* The same, and NULL also when it is of another kind. */
SPOKE_API const spoke_member *spoke_model_find(const spoke_model *model, spoke_member_kind kind,
                                               spoke_str component, spoke_str name);
/* True when any member belongs to that component. */
SPOKE_API bool spoke_model_has_component(const spoke_model *model, spoke_str component);
/* The order and the pointers that all functions here rely on: with a table that is not valid they may read behind its
 * names. For tables that no tool wrote; spoke_client_init asks it, too. */
SPOKE_API bool spoke_model_valid(const spoke_model *model);

/* --- checks --- */

/* Where a value does not fit, and why. Small, so that a client can keep one; the texts it points to are the
 * template's. It holds names, never values: those may be secret. For spoke_fault_text; all members are private. */
#define SPOKE_FAULT_DEPTH 8 /* steps of the place that are kept; deeper ones are left out of the sentence */
#define SPOKE_FAULT_NAME 24 /* bytes of a strange name that are kept */
typedef struct spoke_fault {
    const spoke_member *member; /* NULL: a bare schema was checked, or the template has no such member */
    const spoke_schema *root;   /* of the whole value */
    const spoke_schema *schema; /* what was expected at the place */
    const char *component;      /* where a member was looked for; NULL: the default one */
    const spoke_member *like;   /* what may have been meant */
    uint8_t reason;
    uint8_t part;                     /* of the member: its value, request or response; or the kind asked for */
    char found;                       /* as spoke_json_type says */
    uint8_t depth;                    /* of the place */
    uint16_t path[SPOKE_FAULT_DEPTH]; /* index of the field in an OBJECT, of the element in ARRAY and MAP */
    char name[SPOKE_FAULT_NAME];      /* what the template lacks, cut, NUL-terminated */
} spoke_fault;

/* Whether the JSON text is exactly one value of that schema. E_MODEL and *fault (may be NULL): where and why not.
 * Numbers are judged as written: 2.0 is no integer, -0 is not unsigned, 64-bit limits are exact. An object may lack
 * fields that are not required, but not have others, and nowhere null. At most SPOKE_JSON_DEPTH levels. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_schema_check(const spoke_schema *schema, spoke_str json,
                                                           spoke_fault *fault);
/* The same for a field before it is written: without a detour over text, but for KIND_JSON. A double is no integer,
 * whatever its value. The field's name does not matter. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_field_check(const spoke_schema *schema, const spoke_field *field,
                                                          spoke_fault *fault);

/* The same against a template: the member is looked up by the field's name, and has to be of that kind, which is
 * TELEMETRY or PROPERTY. null fits any property: it deletes. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_member_check(const spoke_model *model, spoke_member_kind kind,
                                                           spoke_str component, const spoke_field *field,
                                                           spoke_fault *fault);
/* The body of a telemetry message: an object of telemetry of that component. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_telemetry_check(const spoke_model *model, spoke_str component,
                                                              spoke_str json, spoke_fault *fault);
/* A property that the service sets: it has to be writable. Names and value as they stand in the JSON; null, which
 * takes the value back, fits. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_desired_check(const spoke_model *model, spoke_str raw_component,
                                                            spoke_str raw_name, spoke_str value,
                                                            spoke_fault *fault);
/* What a command is called with, and what it answers with when it succeeds. json empty: nothing, which fits when the
 * template has none or allows null. A call without parameters may also carry null or {}, as services send. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_request_check(const spoke_member *command, spoke_str json,
                                                            spoke_fault *fault);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_response_check(const spoke_member *command, spoke_str json,
                                                             spoke_fault *fault);

/* The request of an offline command: text comes without its quotes. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_offline_request_check(const spoke_member *command, spoke_str payload,
                                                                    spoke_fault *fault);

/* One sentence that names the place: "telemetry 'status' of component 'pump1': .code: expected one of 1, 2, 3".
 * Returns out; cuts what does not fit at a whole character, and each name of more than 42 bytes. 224 bytes are enough
 * but for deep places and long lists. cap 0: returns "". */
SPOKE_API const char *spoke_fault_text(const spoke_fault *fault, char *out, size_t cap);

/* --- parsing at run time --- */

/* Builds the table from DTDL text (an interface, an array of interfaces, or an IoT Central device template) behind
 * arena->len, where it and all of its text live, whatever the alignment; `json` does not lie there, and may go away.
 * dtmi: which interface, NULL: the first. The central profile of docs/templates.md is used. E_JSON, E_MODEL: *why (may
 * be NULL) says what is wrong, in text that may stand in the arena, and has the byte offset as detail; E_NOT_FOUND: no
 * such interface; E_NO_MEMORY: the arena is too small, 12 times the text and 32 KB are enough, and most of it is free
 * again afterwards; E_TOO_LARGE; E_ARG: arena->len is beyond arena->cap, or a NULL. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_model_parse(spoke_str json, const char *dtmi, spoke_buf *arena,
                                                          const spoke_model **out, spoke_error *why);

#ifdef __cplusplus
}
#endif
#endif
