/* DTDL text to a graph of checked elements: the language of versions 2, 3 and 4, its extensions, IoT Central's
 * device templates. One engine for the tools, the service and spoke_model_parse; memory comes from an arena, other
 * documents through a resolver, and every error carries its place.
 *
 *     struct dtdl_model *model = dtdl_create(&arena, &options);
 *     status = dtdl_add(model, "thermostat.json", text);
 *     if (status == SPOKE_OK) status = dtdl_finish(model);
 *     for (const struct dtdl_issue *i = dtdl_issues(model); i != NULL; i = i->next) ...
 *     const struct dtdl_element *thermostat = dtdl_interface_at(model, 0);
 *
 * Text that was added is not copied: it outlives the model. One thread at a time. */
#ifndef SPOKE_SRC_MODEL_DTDL_H
#define SPOKE_SRC_MODEL_DTDL_H

#include <spoke/base.h>
#include <spoke/model.h>

#include "base/arena.h"

/* --- the graph --- */

enum dtdl_class {
    DTDL_NONE, /* a type that the model does not define */
    DTDL_INTERFACE,
    DTDL_TELEMETRY,
    DTDL_PROPERTY,
    DTDL_COMMAND,
    DTDL_RELATIONSHIP,
    DTDL_COMPONENT,
    DTDL_COMMAND_PAYLOAD, /* version 2; request and response are told apart since 3 */
    DTDL_COMMAND_REQUEST,
    DTDL_COMMAND_RESPONSE,
    DTDL_FIELD,
    DTDL_ENUM_VALUE,
    DTDL_MAP_KEY,
    DTDL_MAP_VALUE,
    DTDL_ARRAY,
    DTDL_ENUM,
    DTDL_MAP,
    DTDL_OBJECT,
    DTDL_BOOLEAN, /* primitive schemas from here to UUID, in the order of spoke_schema_kind */
    DTDL_BYTE,
    DTDL_SHORT,
    DTDL_INTEGER,
    DTDL_LONG,
    DTDL_UNSIGNED_BYTE,
    DTDL_UNSIGNED_SHORT,
    DTDL_UNSIGNED_INTEGER,
    DTDL_UNSIGNED_LONG,
    DTDL_FLOAT,
    DTDL_DOUBLE,
    DTDL_DECIMAL,
    DTDL_STRING,
    DTDL_DATE,
    DTDL_TIME,
    DTDL_DATE_TIME,
    DTDL_DURATION,
    DTDL_BYTES,
    DTDL_UUID,
    DTDL_COMMAND_TYPE,
    DTDL_UNIT,
    DTDL_UNIT_ATTRIBUTE,
    DTDL_CLASS_COUNT
};

/* Properties whose values are elements. */
enum dtdl_edge {
    DTDL_CONTENTS,
    DTDL_EXTENDS,
    DTDL_SCHEMAS,
    DTDL_SCHEMA,
    DTDL_REQUEST,
    DTDL_RESPONSE,
    DTDL_FIELDS,
    DTDL_ENUM_VALUES,
    DTDL_VALUE_SCHEMA,
    DTDL_ELEMENT_SCHEMA,
    DTDL_MAP_KEY_EDGE,
    DTDL_MAP_VALUE_EDGE,
    DTDL_PROPERTIES, /* of a Relationship */
    DTDL_UNIT_EDGE,
    DTDL_EDGE_COUNT
};

/* Flags of an element. */
enum {
    DTDL_IS_WRITABLE = 1,
    DTDL_IS_NULLABLE = 2, /* request or response */
    DTDL_IS_REQUIRED = 4, /* field with the co-type Required */
    DTDL_IS_CLOUD = 8,    /* IoT Central's cloud property: never on the device */
    DTDL_IS_DURABLE = 16  /* IoT Central's offline command */
};

struct dtdl_link {
    const struct dtdl_link *next; /* in the order of the text */
    const struct dtdl_element *to;
    uint8_t edge; /* enum dtdl_edge */
};

/* Values that IoT Central and other extensions add; raw JSON tokens, empty when absent. */
struct dtdl_extra {
    spoke_str minimum, maximum; /* minValue/maxValue or minimum/maximum */
    spoke_str min_length, max_length, decimal_places;
    spoke_str initial_value;
};

struct dtdl_element {
    uint8_t kind;    /* enum dtdl_class */
    uint8_t version; /* of the language: 2, 3, 4 */
    uint16_t flags;
    spoke_str id; /* as written; empty: see dtdl_element_id */
    spoke_str name;
    spoke_str display_name, description; /* in English, else the first language; empty: none. Escapes resolved */
    spoke_str enum_value;                /* ENUM_VALUE: raw JSON token */
    const struct dtdl_element *parent;   /* NULL: top level or standard */
    const struct dtdl_link *links;       /* in the order of the text, all edges mixed */
    const char *semantic_type;           /* "Temperature"; NULL: none */
    const char *unit;                    /* "degreeCelsius"; NULL: none, or one that the language does not know */
    const struct dtdl_extra *extra;      /* NULL: none */
};

/* The first link of that edge, or NULL; then the next of the same edge. */
const struct dtdl_link *dtdl_first(const struct dtdl_element *element, enum dtdl_edge edge);
const struct dtdl_link *dtdl_next(const struct dtdl_link *link);
/* What the single link of that edge leads to, or NULL. */
const struct dtdl_element *dtdl_target(const struct dtdl_element *element, enum dtdl_edge edge);
/* Appends the id: as written, or as the language assigns it ("dtmi:x:_contents:__temp;1"). E_TOO_SMALL. */
spoke_status dtdl_element_id(const struct dtdl_element *element, spoke_buf *out);
const char *dtdl_class_name(enum dtdl_class kind); /* "Telemetry" */

/* --- loading --- */

/* strict: the language as specified. central: also what IoT Central exports and accepts: the template around the
 * interface, contexts inherited from it, Cloud, value constraints, durable, initialValue. */
enum dtdl_profile { DTDL_STRICT, DTDL_CENTRAL };

/* What to do about contexts that nobody here knows. by_version: allowed in 2, not in 3 and 4. */
enum dtdl_undefined { DTDL_UNDEFINED_BY_VERSION, DTDL_UNDEFINED_ALLOW, DTDL_UNDEFINED_DISALLOW };

/* Finds the document that defines `dtmi`. E_NOT_FOUND: there is none. `name` and `text` live as long as the model. */
typedef spoke_status (*dtdl_resolve_fn)(void *ctx, spoke_str dtmi, const char **name, spoke_str *text);

struct dtdl_options {
    enum dtdl_profile profile;
    enum dtdl_undefined undefined;
    uint8_t max_version; /* 0: 4 */
    const char *const
        *limits; /* limit extensions that are accepted, "dtmi:dtdl:limits:onvif" or with ";1"; NULL: all */
    size_t limit_count;
    dtdl_resolve_fn resolve; /* NULL: documents are complete */
    void *resolve_ctx;
    size_t max_issues; /* 0: 1000; the rest is only counted, and no longer looked for everywhere */
    size_t max_bytes;  /* of all texts; 0: 64 MiB. One text has at most 128 MiB */
};

struct dtdl_issue {
    struct dtdl_issue *next;
    const char *id; /* the reference parser's name of the rule, "missingLiteralProperty"; see docs/templates.md */
    const char *file;                   /* as given to dtdl_add, or by the resolver */
    uint32_t offset;                    /* byte in that text */
    uint32_t line, column;              /* from 1; the column counts characters */
    const struct dtdl_element *element; /* whose rule is broken; NULL: none yet */
    spoke_str property, value;          /* views; empty: none */
    const char *type, *restriction;     /* static text that the sentence quotes; NULL: none */
};

struct dtdl_model;

/* NULL: the arena is used up. options are copied. */
struct dtdl_model *dtdl_create(struct arena *arena, const struct dtdl_options *options);
/* Reads one text. OK also when it has issues: dtdl_finish tells. E_NO_MEMORY, E_TOO_LARGE. */
spoke_status dtdl_add(struct dtdl_model *model, const char *file, spoke_str text);
/* Resolves references and checks everything. OK: valid. E_MODEL: see dtdl_issues. E_NOT_FOUND: nothing is wrong but
 * elements are missing, see dtdl_missing. E_NO_MEMORY, E_TOO_LARGE. */
spoke_status dtdl_finish(struct dtdl_model *model);

/* Sorted by file and place after dtdl_finish. */
const struct dtdl_issue *dtdl_issues(const struct dtdl_model *model);
size_t dtdl_issue_count(const struct dtdl_model *model); /* also those beyond max_issues */
/* One sentence: what is wrong and what would be right. Appends what fits. */
void dtdl_issue_text(const struct dtdl_model *model, const struct dtdl_issue *issue, spoke_buf *out);
/* The JSON pointer of the place (RFC 6901). Appends what fits. */
void dtdl_issue_pointer(const struct dtdl_model *model, const struct dtdl_issue *issue, spoke_buf *out);
/* The i-th id that was referred to and is nowhere; empty past the last. */
spoke_str dtdl_missing(const struct dtdl_model *model, size_t i);

/* Every element in the order of loading, those of the language itself left out. */
const struct dtdl_element *dtdl_element_at(const struct dtdl_model *model, size_t i);
size_t dtdl_element_count(const struct dtdl_model *model);
/* Top-level interfaces of the texts given to dtdl_add, in order: the i-th, or NULL. */
const struct dtdl_element *dtdl_interface_at(const struct dtdl_model *model, size_t i);
/* The element that was given this id, also one that came through the resolver, or a schema of the language
 * ("dtmi:dtdl:instance:Schema:double;3"); NULL: none. */
const struct dtdl_element *dtdl_by_id(const struct dtdl_model *model, spoke_str dtmi);

/* --- contents with inheritance --- */

/* Walks an interface's own contents and those it inherits: nearest first, each once.
 *
 *     struct dtdl_walk walk;
 *     dtdl_walk_begin(&walk, interface);
 *     for (const struct dtdl_element *c; (c = dtdl_walk_next(&walk)) != NULL;) ... */
#define DTDL_WALK_INTERFACES 1025 /* an interface and the 1,024 that it may extend; past that the walk is cut */
struct dtdl_walk {
    const struct dtdl_element *interfaces[DTDL_WALK_INTERFACES];
    size_t count, at;
    const struct dtdl_link *link;
    bool truncated;
};
void dtdl_walk_begin(struct dtdl_walk *walk, const struct dtdl_element *interface);
const struct dtdl_element *dtdl_walk_next(struct dtdl_walk *walk);

/* --- to the run-time table --- */

/* The table of one interface, in the arena, with copies of its text. Relationships and cloud properties are left
 * out. E_NO_MEMORY. */
spoke_status dtdl_compile(const struct dtdl_element *interface, struct arena *arena, const spoke_model **out);
/* The table of one schema alone. */
spoke_status dtdl_compile_schema(const struct dtdl_element *schema, struct arena *arena, const spoke_schema **out);

#endif
