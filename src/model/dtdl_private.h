/* What the parts of the engine share. The stages, in order: dtdl_context.c reads contexts, dtdl_load.c and dtdl_type.c make
 * elements of JSON objects, dtdl_literal.c reads plain values, dtdl_refer.c resolves references, dtdl_check.c and
 * dtdl_tree.c hold the finished graph against the rules. */
#ifndef SPOKE_SRC_MODEL_DTDL_PRIVATE_H
#define SPOKE_SRC_MODEL_DTDL_PRIVATE_H

#include "model/dtdl.h"
#include "model/dtdl_json.h"
#include "model/dtdl_terms.h"
#include "model/dtmi.h"

/* Which limits hold (version 4: a context may raise them). */
enum dtdl_limits { LIMITS_CORE, LIMITS_AIO, LIMITS_ONVIF };

/* What the contexts around an element say. Shared by all elements under them. */
struct context {
    uint8_t version; /* of the language; 0: no DTDL context yet */
    uint8_t limits;  /* enum dtdl_limits */
    bool incomplete; /* a context that nobody here knows is active */
    bool central;    /* the central profile's terms count */
    uint32_t active; /* bits of dtdl_terms.h */
};

/* A value of an extension's property, kept for the checks of siblings. */
struct extension_value {
    struct extension_value *next;
    uint32_t node;
    uint8_t property; /* enum dtdl_property */
};

/* The links of one property stand together: from the first to the last. */
struct link_range {
    const struct dtdl_link *first, *last;
};
/* The next in it, NULL behind the last; also those that lead nowhere. */
static inline const struct dtdl_link *range_next(const struct link_range *range, const struct dtdl_link *link)
{
    return link != range->last ? link->next : NULL;
}

/* What an interface knows beside its element. All elements in it share it. */
struct partition {
    struct link_range own, bases; /* its contents, what it extends: found at once, whatever else it holds */
    uint32_t nested_bytes;        /* dtdl_tree.c: text of the interfaces inside it */
    uint32_t contents;            /* the same: its own */
    uint32_t own_size;            /* the same: elements below, without what it inherits */
    uint32_t round;               /* the same: of the closure that it was last found in */
    uint16_t chain;               /* the same: the longest path of extends */
    bool has_component;           /* the same: it holds or inherits one */
    bool inherits_many;           /* the same: more than there may be */
    bool has_annotation;          /* holds a ValueAnnotation */
};

struct element {
    struct dtdl_element pub; /* first: the two are one object */
    const struct context *context;
    struct json_doc *doc;
    struct partition *partition; /* of the interface that it is, or is in; NULL: neither */
    struct dtdl_link *last_link;
    struct extension_value *values;
    uint64_t types; /* bit per enum dtdl_type */
    uint32_t node;
    uint32_t size;       /* dtdl_tree.c: elements below, those of inherited contents included; saturates */
    uint16_t depth;      /* the same: the longest path of schemas below */
    bool has_array;      /* the same: an Array is reached through schemas */
    uint8_t mark;        /* the same: enum mark */
    uint8_t edge;        /* enum dtdl_edge through which the owner holds it */
    uint8_t semantic;    /* enum dtdl_unit_type of the semantic type */
    uint8_t semantic_in; /* version of the language that the semantic type belongs to; 0: there is none */
    uint8_t unit_type;   /* enum dtdl_unit_type of `unit` */
    bool unknown_types;  /* has a co-type that nobody here knows */
    bool broken;         /* an issue was reported: what would only follow from it is not said */
};

/* The schema that the units of a type make, "TemperatureUnit". */
struct unit_enum {
    struct element element; /* first */
    struct unit_enum *next;
    uint32_t contexts;
};

/* An issue and the document that it is about. */
struct issue {
    struct dtdl_issue pub; /* first */
    const struct json_doc *doc;
};

/* Elements by text: open addressing, emptied by starting a new round. */
struct table_slot {
    const char *key;
    struct element *element;
    uint32_t length, round;
};
struct table {
    struct table_slot *slots;
    size_t count, room; /* room: a power of two */
    uint32_t round;
};

/* A reference that waits for its target. */
struct reference {
    struct reference *next;
    struct element *from;
    struct dtdl_link *link;
    spoke_str id;
    uint32_t node;
    uint8_t property; /* enum dtdl_property */
};

struct dtdl_model {
    struct arena *arena;
    struct dtdl_options options;
    struct json_doc *docs, *last_doc;
    size_t bytes;
    bool too_large, resolving;
    uint32_t effort; /* steps of walks that a hostile text can make long; see effort_spend */
    size_t interface_count;

    struct element **elements; /* in the order of loading */
    size_t element_count, element_room;
    struct table ids;             /* elements by their dtmi */
    struct table asked;           /* what the resolver was asked for */
    struct table names;           /* of one element, or one interface with all that it inherits */
    struct table codes;           /* languages of one text */
    const struct element **roots; /* top-level interfaces of added texts */
    size_t root_count, root_room;

    size_t loaded; /* so many of them; the others wait to be read */
    struct unit_enum *unit_enums;
    struct reference *references, *last_reference;
    spoke_str *missing;
    size_t missing_count, missing_room;

    struct dtdl_issue *issues, *last_issue;
    size_t issue_count;
};

/* More flags of an element, for the engine alone. */
enum {
    DTDL_IS_STANDARD = 256, /* defined by the language; a struct dtdl_element alone, unless it is a unit enum */
    DTDL_IS_UNIT_ENUM = 512
};

static inline bool is_standard(const struct dtdl_element *element)
{
    return (element->flags & DTDL_IS_STANDARD) != 0;
}

/* Not for standard elements. */
static inline struct element *element_of(const struct dtdl_element *element)
{
    return (struct element *)(uintptr_t)element;
}

/* The element around; NULL: top level. */
static inline struct element *owner_of(const struct element *e)
{
    return e->pub.parent != NULL ? element_of(e->pub.parent) : NULL;
}

static inline bool has_type(const struct element *e, enum dtdl_type type)
{
    return (e->types >> type & 1) != 0;
}

/* --- rules (dtdl_rules.c) --- */

enum value_kind {
    VALUE_NONE,
    VALUE_ELEMENT,
    VALUE_STRING,
    VALUE_LOCALIZED,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_DTMI,
    VALUE_LITERAL, /* of an enum: string or integer */
    VALUE_NUMBER,
    VALUE_DURATION,
    VALUE_UNIT,
    VALUE_COMMAND_TYPE,
    VALUE_TERM, /* Override's: the name of a property */
    VALUE_ANY
};

enum pattern { PATTERN_NONE, PATTERN_NAME, PATTERN_TOPIC, PATTERN_GROUP_ID };

/* One property of a class or of an adjunct type. */
struct rule {
    uint8_t property; /* enum dtdl_property */
    uint8_t kind;     /* enum value_kind */
    uint8_t edge;     /* VALUE_ELEMENT: enum dtdl_edge */
    uint8_t versions; /* bits 2, 3, 4 of the language that have it; 0: all */
    uint8_t required; /* bits of the versions that demand it */
    uint8_t pattern;  /* enum pattern */
    bool plural, id_required, infers_type, same_version;
    uint16_t max_length;
    uint64_t targets; /* VALUE_ELEMENT: bits of enum dtdl_class */
};

const struct rule *rules_of_class(enum dtdl_class kind, size_t *count);
/* NULL: the class has no such property in that version. */
const struct rule *rule_find(enum dtdl_class kind, enum dtdl_property property, unsigned version);
/* Which class an object without @type is, under that property. */
enum dtdl_class rule_inferred_class(enum dtdl_property property, unsigned version);
uint64_t rule_targets(const struct rule *rule, unsigned version);

/* An adjunct type as one or more contexts define it. */
struct adjunct {
    uint8_t type; /* enum dtdl_type */
    uint8_t versions;
    uint32_t contexts;
    uint64_t classes;
    uint64_t or_beside; /* or an element of any class that has one of these types */
    const struct rule *rules;
    uint8_t rule_count;
    uint64_t needs;    /* types that must stand beside it */
    uint64_t excludes; /* types that may not, of `excludes_in` */
    uint32_t excludes_in;
    uint64_t schema_classes;  /* what its schema must be; 0: any */
    uint16_t schema_standard; /* or one of these standard schemas */
    uint64_t schema_types;    /* types that its schema must have, one of them */
    uint64_t field_types;     /* every field must have one of them */
    uint64_t parent_types;    /* the object around must have one of them */
    uint64_t some_sibling;    /* another field must have it */
    bool alone;               /* no other field may have this type */
};

const struct adjunct *adjunct_find(enum dtdl_type type, uint32_t contexts);

#define CLASS_BIT(kind) ((uint64_t)1 << (kind))
#define TYPE_BIT(type) ((uint64_t)1 << (type))
uint64_t class_set_numeric(void);

/* Limits by version and limits extension. */
unsigned limit_id(enum dtdl_class kind, const struct context *context);
unsigned limit_schema_depth(const struct context *context);
unsigned limit_extends_depth(unsigned version);
unsigned limit_text(enum dtdl_property property, const struct context *context);
const char *number_text(unsigned limit); /* static */

/* --- issues (dtdl_issue.c) --- */

struct issue_details {
    spoke_str property, value;
    const char *type, *restriction;
};

void issue_at(struct dtdl_model *model, struct json_doc *doc, uint32_t offset, struct element *element,
              const char *id, struct issue_details details);
/* At a value. */
void issue_node(struct dtdl_model *model, struct element *element, uint32_t node, const char *id,
                struct issue_details details);
/* At the name of a member. */
void issue_name(struct dtdl_model *model, struct element *element, uint32_t node, const char *id,
                struct issue_details details);
#define DETAILS(...) ((struct issue_details){__VA_ARGS__})
/* By document and place, then finds their lines. */
void issues_sort(struct dtdl_model *model);

/* --- stages --- */

/* The context that holds under `node`; NULL: it is in error (reported). parent NULL: a top-level element. */
const struct context *context_read(struct dtdl_model *model, struct element *element, uint32_t node,
                                   const struct context *parent);

struct dtdl_link *link_add(struct dtdl_model *model, struct element *from, enum dtdl_edge edge,
                           const struct dtdl_element *to);
void load_document(struct dtdl_model *model, struct json_doc *doc);
spoke_status document_add(struct dtdl_model *model, const char *file, spoke_str text, struct json_doc **out);
void reference_add(struct dtdl_model *model, struct element *from, const struct rule *rule, uint32_t node);

/* Of a string node, escapes resolved. */
static inline spoke_str text_of(struct dtdl_model *model, const struct element *e, uint32_t node)
{
    return json_text(e->doc, node, model->arena);
}

static inline uint8_t type_of(const struct element *e, uint32_t node)
{
    return e->doc->nodes[node].type; /* enum json_type */
}

/* A word or its long form as the contexts around the element define it. *contexts: those that do. NULL: none. */
const struct term *term_here(const struct element *e, spoke_str text, unsigned kinds, uint32_t *contexts);
/* What may stand under a property, for people. */
const char *expected_under(unsigned edge);
/* False: the element is a layer of another one (its id has a fragment), an extension that has no public definition:
 * what stands in it makes no sense alone. */
bool id_read(struct dtdl_model *model, struct element *e, uint32_t node);
void id_demand(struct dtdl_model *model, struct element *e);
/* What the element is, from @type or from where it stands. `rule`: of the property
 * that it is a value of; NULL: top level. node: of @type; 0: absent. False: it cannot be read further. */
bool type_settle(struct dtdl_model *model, struct element *e, uint32_t node, const struct rule *rule);
/* Whether the semantic type may stand on elements of this class. */
bool semantic_allowed(const struct element *e);

/* Reads a plain value of a rule into the element; reports what is wrong. The node of the value itself, in a value
 * object or an array of one if need be; 0: none. */
uint32_t literal_read(struct dtdl_model *model, struct element *element, const struct rule *rule, uint32_t node);
bool literal_is_integer(spoke_str token);

spoke_status references_resolve(struct dtdl_model *model);
void elements_check(struct dtdl_model *model);
void trees_check(struct dtdl_model *model);
/* What annotations demand, seen from an interface and those that it inherits from; all contents are in
 * model->names. */
void siblings_check(struct dtdl_model *model, struct element *const *interfaces, size_t count);
/* The value of an extension's property; 0: it has none. */
uint32_t value_node(const struct element *e, enum dtdl_property property);
const struct adjunct *adjunct_of(const struct element *e, unsigned type);
spoke_str property_name(enum dtdl_property property);

/* --- tables (dtdl_table.c) --- */

/* Empties it at no cost; `expected` will come. False: no memory. */
bool table_clear(struct dtdl_model *model, struct table *table, size_t expected);
const struct table_slot *table_find(const struct table *table, spoke_str key); /* NULL: not there */
/* Puts it there, unless something is: *before is that, or NULL. False: no memory, or too much work. */
bool table_put(struct dtdl_model *model, struct table *table, spoke_str key, struct element *element,
               const struct table_slot **before);
struct element *id_find(const struct dtdl_model *model, spoke_str id);
bool grow_pointers(struct dtdl_model *model, void *array_of_pointers, size_t *room, size_t count, size_t size);

/* Counts work that grows faster than the text in texts made for it. False, and the model is too large: more than any
 * real model needs. */
bool effort_spend(struct dtdl_model *model, size_t steps);
static inline bool stopped(const struct dtdl_model *model)
{
    return model->arena->exhausted || model->too_large;
}

const struct dtdl_element *standard_primitive(enum dtdl_class kind);
const struct dtdl_element *standard_schema(enum dtdl_standard which);
bool standard_is(const struct dtdl_element *element, unsigned set); /* set: bits of enum dtdl_standard */
bool standard_has_array(const struct dtdl_element *element);
/* The enum of the units of a type, made when first asked for. */
const struct dtdl_element *unit_schema(struct dtdl_model *model, enum dtdl_unit_type type, uint32_t contexts);

#endif
