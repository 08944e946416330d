/* What code is generated for one interface: types, members and their names, worked out before a line is written,
 * so that writing it in another language needs no more than another emitter. */
#ifndef SPOKE_SRC_TOOLS_PLAN_H
#define SPOKE_SRC_TOOLS_PLAN_H

#include "model/dtdl.h"
#include "tools/names.h"

struct plan_type;

/* A field of an object, or a telemetry or property of a component's batch. */
struct plan_field {
    const char *name;       /* of the template */
    const char *identifier; /* the member of the struct */
    const char *mask;       /* macro of its presence bit; NULL: always there */
    unsigned bit;
    const struct plan_type *type;
    const struct dtdl_element *element; /* for its documentation */
    bool pointer;                       /* the schema contains itself */
};

struct plan_value {
    const char *constant; /* C */
    const char *name;     /* of the template */
    int32_t number;
    spoke_str text;        /* string enums: what travels */
    const char *text_name; /* of an array with it, where it is too long for a literal; NULL: it is not */
    const struct dtdl_element *element;
};

struct plan_type {
    uint8_t kind;                       /* spoke_schema_kind */
    const struct dtdl_element *element; /* of enums, arrays, maps, objects; NULL: a primitive or a batch */
    const char *name;                   /* of the type in C */
    const char *primitive;              /* "double" of spoke_codec_double; NULL: tables of its own */
    const char *schema, *codec;         /* names of its tables; NULL: a primitive's */
    bool shared;                        /* the schema is one of the library's: spoke_schema_geopoint */
    const char *list, *layout;          /* of the rows: fields, values or range; members */
    const char *read,
        *write;        /* functions: enums from number or text and to text, others from and to JSON; NULL: none */
    const char *entry; /* MAP: type of an item */
    const char *documentation; /* of a batch */
    const char *all;           /* OBJECT: macro of every presence bit together; NULL: too many, or none */
    const spoke_range *range;  /* NULL: none */
    struct plan_type *item;    /* ARRAY, MAP */
    struct plan_field *fields; /* OBJECT, in the order of the template */
    struct plan_value *values; /* ENUM_* */
    size_t count;              /* of fields or values */
    size_t optional;           /* of the fields */
    bool recursive;            /* its tables are declared before they are defined */
    bool declared;             /* its typedef comes before the struct */
    bool early;                /* ARRAY, MAP: the struct comes before those of what it holds, which contain it */
    bool open;                 /* while the plan is made: its parts are not complete */
    bool late_entry;           /* MAP: the item's type is not complete where the map is */
    bool batch;
    struct plan_type *next; /* parts before wholes */
};

struct plan_member {
    const struct dtdl_element *element;
    const char *name; /* of the template */
    uint8_t member;   /* spoke_member_kind */
    uint8_t flags;
    const struct plan_type *type, *response; /* NULL: none */
    const char *argument;                    /* name of a parameter */
    const char *send;                        /* TELEMETRY: function; PROPERTY: its report function */
    const char *on, *adapter;                /* handler of a command or a writable property */
    const char *later;                       /* ..._ack_... or ..._reply_... */
    const char *initial;                     /* PROPERTY: macro of the initial value; NULL: none that fits */
};

/* The default component or one that is named. */
struct plan_part {
    struct plan_part *next;
    const char *component;              /* NULL: the default one */
    const struct dtdl_element *element; /* the Component; NULL: the default one */
    const struct dtdl_element *interface;
    const char *identifier;      /* what its functions start with */
    struct plan_member *members; /* in the order of the template */
    size_t count;
    const struct plan_type *telemetry, *properties; /* batches; NULL: none */
    const char *send, *report;
};

struct plan {
    struct arena *arena;
    const struct dtdl_element *interface;
    const char *dtmi;
    const char *prefix, *upper;
    const char *model, *members, *handlers;                                     /* of the tables */
    const char *send_one, *report_one, *ack_one, *reply_one, *refuse, *respond; /* functions of the file alone */
    const char *scratch_bytes, *handler_count_name, *model_macro, *guard;
    struct plan_part *parts;
    struct plan_type *types, **types_end;
    size_t member_count, handler_count;
    bool with_handlers;
    struct names globals;
    const spoke_model *table; /* what dtdl_compile makes of it: the source of ranges */
    spoke_status status;
    const char *trouble; /* with status: a sentence */
    /* memory of the making */
    struct plan_type **known;
    size_t known_count, known_cap;
};

struct plan_options {
    const char *prefix; /* NULL: from the DTMI */
    bool no_handlers;
};

/* E_NO_MEMORY, E_TOO_LARGE (and *trouble). The plan lives in the arena. */
spoke_status plan_make(struct plan *plan, struct arena *arena, const struct dtdl_element *interface,
                       const struct plan_options *options);

/* Why dtdl_compile has made no table: a sentence without a full stop. */
const char *plan_no_table(spoke_status status);

/* Parameters are by value, or const pointers for arrays, maps and objects. */
bool plan_by_pointer(const struct plan_type *type);
/* A field of such a value needs no memory for text. */
bool plan_is_simple(const struct plan_type *type);
bool plan_is_enum(const struct plan_type *type);
bool plan_is_text(const struct plan_type *type);
/* Reading such a value may need memory. */
bool plan_needs_scratch(const struct plan_type *type);
/* A command whose response, or request, null may stand for. */
bool plan_may_answer_null(const struct plan_member *member);
bool plan_may_lack_request(const struct plan_member *member);
/* "uint32_t", "uint64_t"; NULL: bytes, or no bits at all. */
const char *plan_has_type(const struct plan_type *type);

#endif
