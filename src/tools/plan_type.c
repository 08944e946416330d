#include "tools/plan_type.h"

#include <string.h>

#include "tools/text.h"

#define MAX_NESTING 64u /* the language allows 24 */
#define MAX_BASE 120u   /* characters of a type's name */

static void *fail(struct plan *plan, spoke_status status, const char *trouble)
{
    if (plan->status == SPOKE_OK) {
        plan->status = status;
        plan->trouble = trouble;
    }
    return NULL;
}

static void *allocate(struct plan *plan, size_t count, size_t size)
{
    void *memory = arena_alloc(plan->arena, count, size);
    return memory != NULL ? memory : fail(plan, SPOKE_E_NO_MEMORY, "there is not enough memory");
}

static const char *take(struct plan *plan, const char *identifier)
{
    const char *taken = names_take(&plan->globals, identifier);
    return taken != NULL ? taken : fail(plan, SPOKE_E_NO_MEMORY, "there is not enough memory");
}

static struct plan_type *append(struct plan *plan, struct plan_type *type)
{
    *plan->types_end = type;
    plan->types_end = &type->next;
    return type;
}

static const char *take_suffixed(struct plan *plan, const char *base, const char *suffix)
{
    return take(plan, name_join(plan->arena, base, suffix));
}

static bool name_tables(struct plan *plan, struct plan_type *type, const char *base, const char *list)
{
    type->schema = take_suffixed(plan, base, "schema");
    type->codec = take_suffixed(plan, base, "codec");
    type->list = take_suffixed(plan, base, list);
    type->layout = take_suffixed(plan, base, "layout");
    return plan->status == SPOKE_OK;
}

/* The library's own table of that schema; NULL: it has none. */
static const char *shared_schema(const spoke_schema *compiled)
{
    static const struct {
        const spoke_schema *schema;
        const char *name;
    } shared[] = {
        {&spoke_schema_scaled_decimal, "spoke_schema_scaled_decimal"},
        {&spoke_schema_geopoint, "spoke_schema_geopoint"},
        {&spoke_schema_vector, "spoke_schema_vector"},
        {&spoke_schema_point, "spoke_schema_point"},
        {&spoke_schema_multi_point, "spoke_schema_multi_point"},
        {&spoke_schema_line_string, "spoke_schema_line_string"},
        {&spoke_schema_multi_line_string, "spoke_schema_multi_line_string"},
        {&spoke_schema_polygon, "spoke_schema_polygon"},
        {&spoke_schema_multi_polygon, "spoke_schema_multi_polygon"},
    };
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        if (shared[i].schema == compiled)
            return shared[i].name;
    }
    return NULL;
}

/* --- primitives --- */

static const struct {
    const char *codec, *type;
} primitives[] = {
    [SPOKE_SCHEMA_BOOLEAN] = {"boolean", "bool"},
    [SPOKE_SCHEMA_BYTE] = {"byte", "int8_t"},
    [SPOKE_SCHEMA_SHORT] = {"short", "int16_t"},
    [SPOKE_SCHEMA_INTEGER] = {"integer", "int32_t"},
    [SPOKE_SCHEMA_LONG] = {"long", "int64_t"},
    [SPOKE_SCHEMA_UNSIGNED_BYTE] = {"unsigned_byte", "uint8_t"},
    [SPOKE_SCHEMA_UNSIGNED_SHORT] = {"unsigned_short", "uint16_t"},
    [SPOKE_SCHEMA_UNSIGNED_INTEGER] = {"unsigned_integer", "uint32_t"},
    [SPOKE_SCHEMA_UNSIGNED_LONG] = {"unsigned_long", "uint64_t"},
    [SPOKE_SCHEMA_FLOAT] = {"float", "float"},
    [SPOKE_SCHEMA_DOUBLE] = {"double", "double"},
    [SPOKE_SCHEMA_DECIMAL] = {"decimal", "spoke_str"},
    [SPOKE_SCHEMA_STRING] = {"string", "spoke_str"},
    [SPOKE_SCHEMA_DATE] = {"date", "spoke_str"},
    [SPOKE_SCHEMA_TIME] = {"time", "spoke_str"},
    [SPOKE_SCHEMA_DATE_TIME] = {"date_time", "spoke_str"},
    [SPOKE_SCHEMA_DURATION] = {"duration", "spoke_str"},
    [SPOKE_SCHEMA_BYTES] = {"bytes", "spoke_str"},
    [SPOKE_SCHEMA_UUID] = {"uuid", "spoke_str"},
};

/* One of each in a program; one with a range has a name of its own. */
static struct plan_type *primitive(struct plan *plan, unsigned kind, const spoke_range *range, const char *hint)
{
    struct plan_type *type = allocate(plan, 1, sizeof *type);
    if (type == NULL)
        return NULL;
    type->kind = (uint8_t)kind;
    type->name = primitives[kind].type;
    type->range = range;
    if (range == NULL) {
        type->primitive = primitives[kind].codec;
        return type;
    }
    return name_tables(plan, type, hint, "range") ? append(plan, type) : NULL;
}

/* --- which types are known --- */

static size_t known_slot(const struct plan *plan, const struct dtdl_element *element)
{
    const uintptr_t bits = (uintptr_t)element;
    size_t slot = (size_t)(bits / 8 * 2654435761u) & (plan->known_cap - 1);
    while (plan->known[slot] != NULL && plan->known[slot]->element != element)
        slot = (slot + 1) & (plan->known_cap - 1);
    return slot;
}

static struct plan_type *known(const struct plan *plan, const struct dtdl_element *element)
{
    return plan->known_cap > 0 ? plan->known[known_slot(plan, element)] : NULL;
}

static bool remember(struct plan *plan, struct plan_type *type)
{
    if ((plan->known_count + 1) * 2 > plan->known_cap) {
        struct plan_type **old = plan->known;
        const size_t old_cap = plan->known_cap, cap = old_cap > 0 ? old_cap * 2 : 64;
        struct plan_type **grown = allocate(plan, cap, sizeof(struct plan_type *));
        if (grown == NULL)
            return false;
        plan->known = grown;
        plan->known_cap = cap;
        for (size_t i = 0; i < old_cap; i++) {
            if (old[i] != NULL)
                grown[known_slot(plan, old[i]->element)] = old[i];
        }
    }
    plan->known[known_slot(plan, type->element)] = type;
    plan->known_count++;
    return true;
}

/* --- names --- */

static const char *part_of(const struct dtdl_element *element, const struct dtdl_element *child)
{
    switch ((int)element->kind) {
    case DTDL_COMMAND:
        return dtdl_target(element, DTDL_REQUEST) == child ? "request" : "response";
    case DTDL_ARRAY:
        return "item";
    case DTDL_MAP:
        return "value";
    default:
        return NULL;
    }
}

static const char *named(struct plan *plan, const struct dtdl_element *element)
{
    switch ((int)element->kind) {
    case DTDL_TELEMETRY:
    case DTDL_PROPERTY:
    case DTDL_COMMAND:
    case DTDL_FIELD:
        return name_snake(plan->arena, element->name);
    default:
        return NULL;
    }
}

const char *plan_interface_base(struct plan *plan, const struct dtdl_element *interface)
{
    struct dtdl_walk walk;
    dtdl_walk_begin(&walk, plan->interface);
    while (dtdl_walk_next(&walk) != NULL)
        ;
    for (size_t i = 0; i < walk.count; i++) {
        if (walk.interfaces[i] == interface)
            return plan->prefix;
    }
    return name_join(plan->arena, plan->prefix, name_snake(plan->arena, name_of_dtmi(interface->id)));
}

/* "thermostat_get_max_min_report_response" from where the schema is defined: names of what stands around it. What the
 * language defines inside its own schemas has no name and is called after where it is used first. */
static const char *base_name(struct plan *plan, const struct dtdl_element *schema, const char *hint)
{
    if (schema->parent == NULL && schema->id.len == 0)
        return hint;
    const struct dtdl_element *child = schema;
    const char *name = "";
    for (const struct dtdl_element *e = schema->parent; name != NULL; child = e, e = e->parent) {
        const bool root = e == NULL || e->kind == DTDL_INTERFACE;
        const bool defined = child->kind >= DTDL_ARRAY && child->kind <= DTDL_OBJECT;
        if (root && defined) /* of `schemas`, or of the language itself */
            name = name_join(plan->arena, name_snake(plan->arena, name_of_dtmi(child->id)), name);
        if (root)
            return name_join(plan->arena, e == NULL ? plan->prefix : plan_interface_base(plan, e), name);
        const char *own = named(plan, e), *part = part_of(e, child);
        if (part != NULL && strlen(name) < MAX_BASE)
            name = name_join(plan->arena, part, name);
        if (own != NULL && strlen(name) < MAX_BASE)
            name = name_join(plan->arena, own, name);
    }
    return NULL;
}

/* --- enums --- */

static bool fill_value(struct plan *plan, struct plan_type *type, struct plan_value *value,
                       const struct dtdl_element *element)
{
    int64_t number = 0;
    value->element = element;
    value->name = arena_text(plan->arena, element->name);
    if (type->kind == SPOKE_SCHEMA_ENUM_INTEGER) {
        if (spoke_json_int(element->enum_value, &number) != SPOKE_OK || number < INT32_MIN || number > INT32_MAX)
            number = 0;
    } else {
        char *memory = allocate(plan, element->enum_value.len + 1, 1);
        if (memory == NULL)
            return false;
        spoke_buf text = spoke_buf_from(memory, element->enum_value.len);
        if (spoke_json_text(element->enum_value, &text) == SPOKE_OK)
            value->text = spoke_buf_str(&text);
    }
    value->number = (int32_t)number;
    if (value->text.len > TEXT_LITERAL_MAX)
        value->text_name = take_suffixed(plan, type->list, "long");
    const char *constant =
        name_upper(plan->arena, name_join(plan->arena, type->name, name_snake(plan->arena, element->name)));
    value->constant = take(plan, constant);
    return value->constant != NULL && value->name != NULL;
}

static size_t count_links(const struct dtdl_element *element, enum dtdl_edge edge)
{
    size_t count = 0;
    for (const struct dtdl_link *link = dtdl_first(element, edge); link != NULL; link = dtdl_next(link))
        count++;
    return count;
}

static bool fill_enum(struct plan *plan, struct plan_type *type)
{
    const struct dtdl_element *values = dtdl_target(type->element, DTDL_VALUE_SCHEMA);
    const bool text = values != NULL && values->kind == DTDL_STRING;
    type->kind = text ? SPOKE_SCHEMA_ENUM_STRING : SPOKE_SCHEMA_ENUM_INTEGER;
    const size_t count = count_links(type->element, DTDL_ENUM_VALUES);
    if (count > UINT16_MAX)
        return fail(plan, SPOKE_E_TOO_LARGE, "an enum has more than 65,535 values") != NULL;
    type->values = allocate(plan, count + 1, sizeof *type->values);
    if (type->values == NULL)
        return false;
    if (count == 0) /* C has no enum without a constant */
        type->values[0].constant = take(plan, name_upper(plan->arena, name_join(plan->arena, type->name, "NONE")));
    const struct dtdl_link *link = dtdl_first(type->element, DTDL_ENUM_VALUES);
    for (; link != NULL; link = dtdl_next(link)) {
        if (!fill_value(plan, type, &type->values[type->count++], link->to))
            return false;
    }
    return true;
}

/* --- objects --- */

void plan_finish_fields(struct plan *plan, struct plan_type *type)
{
    struct names members = {.arena = plan->arena};
    const char *upper = name_upper(plan->arena, type->name);
    (void)names_take(&members, "has");
    for (size_t i = 0; i < type->count && plan->status == SPOKE_OK; i++) {
        struct plan_field *field = &type->fields[i];
        const char *snake = name_snake(plan->arena, field->element->name);
        field->identifier = names_take_local(&members, &plan->globals, snake);
        if (field->identifier == NULL || upper == NULL) {
            fail(plan, SPOKE_E_NO_MEMORY, "there is not enough memory");
            return;
        }
        if ((field->element->flags & DTDL_IS_REQUIRED) != 0 && !type->batch)
            continue;
        const char *mask = name_join(plan->arena, upper, "HAS");
        field->mask = take(plan, name_join(plan->arena, mask, name_upper(plan->arena, snake)));
        field->bit = (unsigned)type->optional++;
    }
    if (type->optional > 0 && type->optional <= 64)
        type->all = take(plan, name_join(plan->arena, upper, "ALL"));
}

static const spoke_schema *compiled_field(const spoke_schema *compiled, const char *name)
{
    if (compiled == NULL || compiled->kind != SPOKE_SCHEMA_OBJECT)
        return NULL;
    for (size_t i = 0; i < compiled->count; i++) {
        if (strcmp(compiled->fields[i].name, name) == 0)
            return compiled->fields[i].schema;
    }
    return NULL;
}

static struct plan_type *type_of(struct plan *plan, const struct dtdl_element *schema,
                                 const spoke_schema *compiled, const char *hint, unsigned depth);

static bool fill_field(struct plan *plan, struct plan_type *type, struct plan_field *field,
                       const struct dtdl_element *element, const spoke_schema *compiled, unsigned depth)
{
    field->element = element;
    field->name = arena_text(plan->arena, element->name);
    if (field->name == NULL)
        return false;
    const char *hint = name_join(plan->arena, type->name, name_snake(plan->arena, element->name));
    struct plan_type *target =
        type_of(plan, dtdl_target(element, DTDL_SCHEMA), compiled_field(compiled, field->name), hint, depth + 1);
    if (target == NULL)
        return false;
    field->type = target;
    /* An array or a map is a pointer and a count: complete without its items. */
    field->pointer = target->open && target->kind == SPOKE_SCHEMA_OBJECT;
    return true;
}

static bool fill_object(struct plan *plan, struct plan_type *type, const spoke_schema *compiled, unsigned depth)
{
    const size_t count = count_links(type->element, DTDL_FIELDS);
    if (count > UINT16_MAX - 1)
        return fail(plan, SPOKE_E_TOO_LARGE, "an object has more than 65,534 fields") != NULL;
    type->kind = SPOKE_SCHEMA_OBJECT;
    type->fields = allocate(plan, count + 1, sizeof *type->fields);
    if (type->fields == NULL)
        return false;
    const struct dtdl_link *link = dtdl_first(type->element, DTDL_FIELDS);
    for (; link != NULL; link = dtdl_next(link)) {
        if (!fill_field(plan, type, &type->fields[type->count], link->to, compiled, depth))
            return false;
        type->count++;
    }
    plan_finish_fields(plan, type);
    return plan->status == SPOKE_OK;
}

struct plan_type *plan_batch(struct plan *plan, const char *name, const char *documentation, size_t count)
{
    struct plan_type *type = allocate(plan, 1, sizeof *type);
    if (type == NULL)
        return NULL;
    type->kind = SPOKE_SCHEMA_OBJECT;
    type->batch = true;
    type->documentation = documentation;
    type->name = take(plan, name);
    type->fields = allocate(plan, count, sizeof *type->fields);
    type->count = count;
    return plan->status == SPOKE_OK && name_tables(plan, type, type->name, "fields") ? append(plan, type) : NULL;
}

/* --- arrays and maps --- */

static bool fill_array(struct plan *plan, struct plan_type *type, const spoke_schema *compiled, unsigned depth)
{
    type->kind = SPOKE_SCHEMA_ARRAY;
    const char *hint = name_join(plan->arena, type->name, "item");
    type->item = type_of(plan, dtdl_target(type->element, DTDL_ELEMENT_SCHEMA),
                         compiled != NULL ? compiled->element : NULL, hint, depth + 1);
    return type->item != NULL;
}

static bool fill_map(struct plan *plan, struct plan_type *type, const spoke_schema *compiled, unsigned depth)
{
    const struct dtdl_element *value = dtdl_target(type->element, DTDL_MAP_VALUE_EDGE);
    const char *hint = name_join(plan->arena, type->name, "value");
    type->kind = SPOKE_SCHEMA_MAP;
    type->entry = take(plan, name_join(plan->arena, type->name, "entry"));
    type->item = value == NULL || type->entry == NULL
                     ? NULL
                     : type_of(plan, dtdl_target(value, DTDL_SCHEMA), compiled != NULL ? compiled->element : NULL,
                               hint, depth + 1);
    type->late_entry = type->item != NULL && type->item->open;
    return type->item != NULL;
}

/* --- any schema --- */

static bool fill(struct plan *plan, struct plan_type *type, const spoke_schema *compiled, unsigned depth)
{
    switch ((int)type->element->kind) {
    case DTDL_ENUM:
        return fill_enum(plan, type);
    case DTDL_OBJECT:
        return fill_object(plan, type, compiled, depth);
    case DTDL_ARRAY:
        return fill_array(plan, type, compiled, depth);
    case DTDL_MAP:
        return fill_map(plan, type, compiled, depth);
    default:
        return fail(plan, SPOKE_E_MODEL, "a schema is of no class that can travel") != NULL;
    }
}

static struct plan_type *complex_type(struct plan *plan, const struct dtdl_element *schema,
                                      const spoke_schema *compiled, const char *hint, unsigned depth)
{
    struct plan_type *type = allocate(plan, 1, sizeof *type);
    if (type == NULL)
        return NULL;
    type->element = schema;
    type->name = take(plan, base_name(plan, schema, hint));
    type->open = true;
    if (type->name == NULL || !remember(plan, type) ||
        !name_tables(plan, type, type->name, schema->kind == DTDL_ENUM ? "values" : "fields") ||
        !fill(plan, type, compiled, depth))
        return NULL;
    type->open = false;
    const char *shared = shared_schema(compiled);
    if (shared != NULL)
        type->schema = shared;
    type->shared = shared != NULL;
    const char *read = type->kind == SPOKE_SCHEMA_ENUM_INTEGER ? "from_number" : "from_text";
    type->read = take_suffixed(plan, type->name, schema->kind == DTDL_ENUM ? read : "read");
    type->write = take_suffixed(plan, type->name, schema->kind == DTDL_ENUM ? "text" : "write");
    return plan->status == SPOKE_OK ? append(plan, type) : NULL;
}

/* As deep as the schemas of the model; those that contain themselves end at what is known. */
static struct plan_type *type_of(struct plan *plan, const struct dtdl_element *schema,
                                 const spoke_schema *compiled, const char *hint, unsigned depth)
{
    if (schema == NULL)
        return fail(plan, SPOKE_E_MODEL, "something that travels has no schema");
    if (depth > MAX_NESTING)
        return fail(plan, SPOKE_E_TOO_LARGE, "schemas are nested more than 64 deep");
    if (schema->kind >= DTDL_BOOLEAN && schema->kind <= DTDL_UUID)
        return primitive(plan, (unsigned)schema->kind - DTDL_BOOLEAN + SPOKE_SCHEMA_BOOLEAN,
                         compiled != NULL ? compiled->range : NULL, hint);
    struct plan_type *type = known(plan, schema);
    if (type == NULL)
        return complex_type(plan, schema, compiled, hint, depth);
    type->recursive = type->recursive || type->open;
    return type;
}

struct plan_type *plan_type_of(struct plan *plan, const struct dtdl_element *schema, const spoke_schema *compiled,
                               const char *hint)
{
    return type_of(plan, schema, compiled, hint, 0);
}

/* A list that contains itself is complete without its items: it goes first, with no more of its items than a name. */
void plan_order_types(struct plan *plan)
{
    for (struct plan_type *type = plan->types; type != NULL; type = type->next) {
        type->declared = type->declared || type->recursive;
        type->early = type->recursive && (type->kind == SPOKE_SCHEMA_ARRAY || type->kind == SPOKE_SCHEMA_MAP);
        if (type->early && type->kind == SPOKE_SCHEMA_MAP)
            type->late_entry = true;
        else if (type->early)
            type->item->declared = true;
    }
}

/* --- questions --- */

bool plan_is_enum(const struct plan_type *type)
{
    return type->kind == SPOKE_SCHEMA_ENUM_INTEGER || type->kind == SPOKE_SCHEMA_ENUM_STRING;
}

bool plan_is_text(const struct plan_type *type)
{
    return type->kind >= SPOKE_SCHEMA_DECIMAL && type->kind <= SPOKE_SCHEMA_UUID &&
           type->kind != SPOKE_SCHEMA_BYTES;
}

bool plan_by_pointer(const struct plan_type *type)
{
    return type->kind >= SPOKE_SCHEMA_ARRAY;
}

bool plan_is_simple(const struct plan_type *type)
{
    return type->kind < SPOKE_SCHEMA_ARRAY && type->kind != SPOKE_SCHEMA_BYTES &&
           type->kind != SPOKE_SCHEMA_UNSIGNED_LONG;
}

bool plan_needs_scratch(const struct plan_type *type)
{
    return type->kind >= SPOKE_SCHEMA_DECIMAL && !plan_is_enum(type);
}

bool plan_may_answer_null(const struct plan_member *member)
{
    return member->response != NULL && (member->flags & SPOKE_NULLABLE_RESPONSE) != 0;
}

bool plan_may_lack_request(const struct plan_member *member)
{
    return member->type != NULL && (member->flags & SPOKE_NULLABLE_REQUEST) != 0;
}

const char *plan_has_type(const struct plan_type *type)
{
    if (type->optional == 0 || type->optional > 64)
        return NULL;
    return type->optional <= 32 ? "uint32_t" : "uint64_t";
}
