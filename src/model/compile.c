#include <string.h>

#include "base/json_number.h"
#include "model/dtdl.h"
#include "model/lookup.h"

/* From the graph to the table of the run time. An element becomes one schema, however often it is referred to, and
 * before what is below it: so recursive schemas need neither recursion nor repetition. */

#define BUCKETS 64u

struct entry {
    struct entry *in_bucket;
    struct entry *pending; /* the next one to fill */
    const struct dtdl_element *element;
    spoke_schema *schema;
};

struct compiler {
    struct arena *arena;
    struct entry *buckets[BUCKETS];
    struct entry *first, *last; /* in the order of filling */
    spoke_status status;        /* the first trouble */
};

static void fail(struct compiler *c, spoke_status status)
{
    if (c->status == SPOKE_OK)
        c->status = status;
}

/* NULL also for none: look at the status. */
static void *take(struct compiler *c, size_t count, size_t size)
{
    void *memory = arena_alloc(c->arena, count, size);
    if (memory == NULL)
        fail(c, SPOKE_E_NO_MEMORY);
    return memory;
}

static const char *take_text(struct compiler *c, spoke_str text)
{
    const char *copy = arena_text(c->arena, text);
    if (copy == NULL)
        fail(c, SPOKE_E_NO_MEMORY);
    return copy;
}

static uint16_t count_of(struct compiler *c, const struct dtdl_element *element, enum dtdl_edge edge)
{
    size_t count = 0;
    for (const struct dtdl_link *l = dtdl_first(element, edge); l != NULL; l = dtdl_next(l))
        count++;
    if (count > UINT16_MAX)
        fail(c, SPOKE_E_TOO_LARGE);
    return count > UINT16_MAX ? 0 : (uint16_t)count;
}

/* --- sorting: in place, in n log n whatever the input --- */

typedef int (*order_fn)(const void *a, const void *b);

static void swap(unsigned char *a, unsigned char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

static void sink(unsigned char *base, size_t root, size_t count, size_t size, order_fn order)
{
    for (size_t child = root * 2 + 1; child < count; child = root * 2 + 1) {
        if (child + 1 < count && order(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (order(base + root * size, base + child * size) >= 0)
            return;
        swap(base + root * size, base + child * size, size);
        root = child;
    }
}

static void sort(void *base, size_t count, size_t size, order_fn order)
{
    for (size_t i = count / 2; i > 0; i--)
        sink(base, i - 1, count, size, order);
    for (size_t end = count; end > 1; end--) {
        swap(base, (unsigned char *)base + (end - 1) * size, size);
        sink(base, 0, end - 1, size, order);
    }
}

static int field_order(const void *a, const void *b)
{
    const spoke_schema_field *x = a, *y = b;
    return name_order(x->name, spoke_str_of(y->name));
}

static int member_order(const void *a, const void *b)
{
    const spoke_member *x = a, *y = b;
    const int order = name_order(x->component, spoke_str_of(y->component));
    return order != 0 ? order : name_order(x->name, spoke_str_of(y->name));
}

/* --- kinds --- */

static bool is_primitive(const struct dtdl_element *e)
{
    return e->kind >= DTDL_BOOLEAN && e->kind <= DTDL_UUID;
}

/* The enum of both is in the same order, but for the schemas that have something below them. */
static spoke_schema_kind primitive_kind(const struct dtdl_element *e)
{
    return (spoke_schema_kind)(e->kind - DTDL_BOOLEAN + SPOKE_SCHEMA_BOOLEAN);
}

static const spoke_schema *ready_made(spoke_schema_kind kind)
{
    static const spoke_schema *const schemas[] = {
        [SPOKE_SCHEMA_BOOLEAN] = &spoke_schema_boolean,
        [SPOKE_SCHEMA_BYTE] = &spoke_schema_byte,
        [SPOKE_SCHEMA_SHORT] = &spoke_schema_short,
        [SPOKE_SCHEMA_INTEGER] = &spoke_schema_integer,
        [SPOKE_SCHEMA_LONG] = &spoke_schema_long,
        [SPOKE_SCHEMA_UNSIGNED_BYTE] = &spoke_schema_unsigned_byte,
        [SPOKE_SCHEMA_UNSIGNED_SHORT] = &spoke_schema_unsigned_short,
        [SPOKE_SCHEMA_UNSIGNED_INTEGER] = &spoke_schema_unsigned_integer,
        [SPOKE_SCHEMA_UNSIGNED_LONG] = &spoke_schema_unsigned_long,
        [SPOKE_SCHEMA_FLOAT] = &spoke_schema_float,
        [SPOKE_SCHEMA_DOUBLE] = &spoke_schema_double,
        [SPOKE_SCHEMA_DECIMAL] = &spoke_schema_decimal,
        [SPOKE_SCHEMA_STRING] = &spoke_schema_string,
        [SPOKE_SCHEMA_DATE] = &spoke_schema_date,
        [SPOKE_SCHEMA_TIME] = &spoke_schema_time,
        [SPOKE_SCHEMA_DATE_TIME] = &spoke_schema_date_time,
        [SPOKE_SCHEMA_DURATION] = &spoke_schema_duration,
        [SPOKE_SCHEMA_BYTES] = &spoke_schema_bytes,
        [SPOKE_SCHEMA_UUID] = &spoke_schema_uuid,
    };
    return schemas[kind];
}

/* The language's own complex schemas, which the engine names without a "dtmi:"; NULL: another. */
static const spoke_schema *standard_object(const struct dtdl_element *e)
{
    static const struct {
        const char *name;
        const spoke_schema *schema;
    } known[] = {
        {"point", &spoke_schema_point},
        {"multiPoint", &spoke_schema_multi_point},
        {"lineString", &spoke_schema_line_string},
        {"multiLineString", &spoke_schema_multi_line_string},
        {"polygon", &spoke_schema_polygon},
        {"multiPolygon", &spoke_schema_multi_polygon},
        {"scaledDecimal", &spoke_schema_scaled_decimal},
        {"geopoint", &spoke_schema_geopoint},
        {"vector", &spoke_schema_vector},
    };
    for (size_t i = 0; e->kind == DTDL_OBJECT && e->id.len > 0 && i < sizeof known / sizeof known[0]; i++) {
        if (name_order(known[i].name, e->id) == 0)
            return known[i].schema;
    }
    return NULL;
}

/* --- ranges --- */

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

/* False: not written in digits alone, or beyond 64 bits. */
static bool digits_to_unsigned(spoke_str token, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < token.len; i++) {
        const unsigned digit = (unsigned)(token.ptr[i] - '0');
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return token.len > 0;
}

/* `unsigned` values beyond the signed ones are kept in two's complement. *beyond: -1, 0 or 1 for a bound that lies
 * below, in or above what 64 bits hold. up: a fraction is rounded up, else down. */
static bool whole_bound(spoke_str token, bool up, bool as_unsigned, int64_t *out, int *beyond)
{
    double value;
    uint64_t size;
    *beyond = 0;
    if (spoke_json_int(token, out) == SPOKE_OK) {
        *beyond = as_unsigned && *out < 0 ? -1 : 0;
        return true;
    }
    if (as_unsigned && digits_to_unsigned(token, &size)) {
        *out = (int64_t)size;
        return true;
    }
    if (spoke_json_double(token, &value) != SPOKE_OK)
        return false;
    if (as_unsigned && value >= TWO_63 && value < TWO_64) {
        *out = (int64_t)(uint64_t)value;
        return true;
    }
    if (value >= TWO_63 || value < -TWO_63 || (as_unsigned && value < 0)) {
        *beyond = value < 0 ? -1 : 1;
        return true;
    }
    *out = (int64_t)value;
    if (up && (double)*out < value)
        (*out)++;
    if (!up && (double)*out > value)
        (*out)--;
    return true;
}

static void set_whole_range(spoke_range *r, spoke_str low, spoke_str high, bool as_unsigned)
{
    int beyond;
    r->has_low = whole_bound(low, true, as_unsigned, &r->low_whole, &beyond) && beyond >= 0;
    if (r->has_low && beyond > 0)
        r->low_whole = as_unsigned ? -1 : INT64_MAX; /* the greatest */
    r->has_high = whole_bound(high, false, as_unsigned, &r->high_whole, &beyond) && beyond <= 0;
    if (r->has_high && beyond < 0)
        r->high_whole = as_unsigned ? 0 : INT64_MIN;
}

static void set_real_range(spoke_range *r, spoke_str low, spoke_str high)
{
    r->has_low = spoke_json_double(low, &r->low) == SPOKE_OK;
    r->has_high = spoke_json_double(high, &r->high) == SPOKE_OK;
}

/* What the extension says about a value of that kind; false: nothing that matters to it. */
static bool range_of(const struct dtdl_extra *extra, spoke_schema_kind kind, spoke_range *out)
{
    memset(out, 0, sizeof *out);
    if (extra == NULL)
        return false;
    if (kind == SPOKE_SCHEMA_STRING)
        set_whole_range(out, extra->min_length, extra->max_length, false);
    else if (kind == SPOKE_SCHEMA_FLOAT || kind == SPOKE_SCHEMA_DOUBLE)
        set_real_range(out, extra->minimum, extra->maximum);
    else if (kind >= SPOKE_SCHEMA_BYTE && kind <= SPOKE_SCHEMA_UNSIGNED_LONG)
        set_whole_range(out, extra->minimum, extra->maximum, kind == SPOKE_SCHEMA_UNSIGNED_LONG);
    return out->has_low || out->has_high;
}

static const spoke_schema *ranged(struct compiler *c, spoke_schema_kind kind, const spoke_range *range)
{
    spoke_schema *schema = take(c, 1, sizeof *schema);
    spoke_range *copy = take(c, 1, sizeof *copy);
    if (schema == NULL || copy == NULL)
        return NULL;
    *copy = *range;
    schema->kind = (uint8_t)kind;
    schema->range = copy;
    return schema;
}

/* --- schemas --- */

static struct entry *find(const struct compiler *c, const struct dtdl_element *element, size_t *bucket)
{
    *bucket = (uintptr_t)element / sizeof *element % BUCKETS;
    struct entry *e = c->buckets[*bucket];
    while (e != NULL && e->element != element)
        e = e->in_bucket;
    return e;
}

/* The schema of that element: filled now or later. */
static const spoke_schema *schema_of(struct compiler *c, const struct dtdl_element *element)
{
    size_t bucket;
    spoke_range range;
    if (element == NULL) {
        fail(c, SPOKE_E_MODEL); /* never in a graph that was found valid */
        return NULL;
    }
    if (is_primitive(element) && !range_of(element->extra, primitive_kind(element), &range))
        return ready_made(primitive_kind(element));
    const spoke_schema *standard = standard_object(element);
    if (standard != NULL)
        return standard;
    struct entry *e = find(c, element, &bucket);
    if (e != NULL)
        return e->schema;
    e = take(c, 1, sizeof *e);
    spoke_schema *schema = take(c, 1, sizeof *schema);
    if (e == NULL || schema == NULL)
        return NULL;
    *e = (struct entry){.in_bucket = c->buckets[bucket], .element = element, .schema = schema};
    c->buckets[bucket] = e;
    if (c->last != NULL)
        c->last->pending = e;
    else
        c->first = e;
    c->last = e;
    return schema;
}

/* Of a content, field or payload: what its schema says, within what the element itself adds. */
static const spoke_schema *value_schema(struct compiler *c, const struct dtdl_element *holder)
{
    const struct dtdl_element *schema = holder != NULL ? dtdl_target(holder, DTDL_SCHEMA) : NULL;
    spoke_range range;
    if (schema != NULL && is_primitive(schema) && range_of(holder->extra, primitive_kind(schema), &range))
        return ranged(c, primitive_kind(schema), &range);
    return schema_of(c, schema);
}

static void fill_object(struct compiler *c, const struct dtdl_element *e, spoke_schema *out)
{
    const uint16_t count = count_of(c, e, DTDL_FIELDS);
    spoke_schema_field *fields = count > 0 ? take(c, count, sizeof *fields) : NULL;
    out->kind = SPOKE_SCHEMA_OBJECT;
    if (fields == NULL)
        return;
    for (const struct dtdl_link *l = dtdl_first(e, DTDL_FIELDS); l != NULL; l = dtdl_next(l)) {
        spoke_schema_field *field = &fields[out->count++];
        field->name = take_text(c, l->to->name);
        field->schema = value_schema(c, l->to);
        field->required = (l->to->flags & DTDL_IS_REQUIRED) != 0;
    }
    out->fields = fields;
    if (c->status == SPOKE_OK)
        sort(fields, count, sizeof *fields, field_order);
}

static void fill_value(struct compiler *c, spoke_str token, bool text, spoke_enum_value *out)
{
    int64_t number = 0;
    if (!text) {
        if (spoke_json_int(token, &number) != SPOKE_OK || number < INT32_MIN || number > INT32_MAX)
            fail(c, SPOKE_E_MODEL);
        out->number = (int32_t)number;
        return;
    }
    uint8_t *room = take(c, token.len + 1, 1); /* resolved it is no longer, and there stands a NUL behind it */
    spoke_buf resolved = spoke_buf_from(room, token.len);
    if (room != NULL &&
        (spoke_json_text(token, &resolved) != SPOKE_OK || memchr(room, '\0', resolved.len) != NULL))
        fail(c, SPOKE_E_MODEL); /* the table ends text with NUL: it would allow another value */
    out->text = (const char *)room;
}

static void fill_enum(struct compiler *c, const struct dtdl_element *e, spoke_schema *out)
{
    const struct dtdl_element *kind = dtdl_target(e, DTDL_VALUE_SCHEMA);
    const bool text = kind != NULL && kind->kind == DTDL_STRING;
    const uint16_t count = count_of(c, e, DTDL_ENUM_VALUES);
    spoke_enum_value *values = count > 0 ? take(c, count, sizeof *values) : NULL;
    out->kind = text ? SPOKE_SCHEMA_ENUM_STRING : SPOKE_SCHEMA_ENUM_INTEGER;
    if (values == NULL)
        return;
    for (const struct dtdl_link *l = dtdl_first(e, DTDL_ENUM_VALUES); l != NULL; l = dtdl_next(l))
        fill_value(c, l->to->enum_value, text, &values[out->count++]);
    out->values = values;
}

static void fill(struct compiler *c, const struct dtdl_element *e, spoke_schema *out)
{
    spoke_range range;
    switch (e->kind) {
    case DTDL_OBJECT:
        fill_object(c, e, out);
        return;
    case DTDL_ENUM:
        fill_enum(c, e, out);
        return;
    case DTDL_ARRAY:
        out->kind = SPOKE_SCHEMA_ARRAY;
        out->element = schema_of(c, dtdl_target(e, DTDL_ELEMENT_SCHEMA));
        return;
    case DTDL_MAP:
        out->kind = SPOKE_SCHEMA_MAP;
        out->element = value_schema(c, dtdl_target(e, DTDL_MAP_VALUE_EDGE));
        return;
    default:
        break;
    }
    if (!is_primitive(e)) {
        fail(c, SPOKE_E_MODEL);
        return;
    }
    const spoke_schema *made = range_of(e->extra, primitive_kind(e), &range) ? ranged(c, primitive_kind(e), &range)
                                                                             : ready_made(primitive_kind(e));
    if (made != NULL)
        *out = *made;
}

static void fill_pending(struct compiler *c)
{
    for (struct entry *e = c->first; e != NULL && c->status == SPOKE_OK; e = e->pending)
        fill(c, e->element, e->schema);
}

/* --- members --- */

static bool is_member(const struct dtdl_element *e)
{
    const bool kind = e->kind == DTDL_TELEMETRY || e->kind == DTDL_PROPERTY || e->kind == DTDL_COMMAND;
    return kind && (e->flags & DTDL_IS_CLOUD) == 0;
}

static void set_command(struct compiler *c, const struct dtdl_element *e, spoke_member *out)
{
    const struct dtdl_element *request = dtdl_target(e, DTDL_REQUEST), *response = dtdl_target(e, DTDL_RESPONSE);
    out->member = SPOKE_COMMAND;
    if ((e->flags & DTDL_IS_DURABLE) != 0)
        out->flags |= SPOKE_DURABLE;
    if (request != NULL && (request->flags & DTDL_IS_NULLABLE) != 0)
        out->flags |= SPOKE_NULLABLE_REQUEST;
    if (response != NULL && (response->flags & DTDL_IS_NULLABLE) != 0)
        out->flags |= SPOKE_NULLABLE_RESPONSE;
    out->schema = request != NULL ? value_schema(c, request) : NULL;
    out->response = response != NULL ? value_schema(c, response) : NULL;
}

static void set_member(struct compiler *c, const char *component, const struct dtdl_element *e, spoke_member *out)
{
    out->component = component;
    out->name = take_text(c, e->name);
    if (e->kind == DTDL_COMMAND) {
        set_command(c, e, out);
        return;
    }
    out->member = e->kind == DTDL_TELEMETRY ? SPOKE_TELEMETRY : SPOKE_PROPERTY;
    if ((e->flags & DTDL_IS_WRITABLE) != 0)
        out->flags |= SPOKE_WRITABLE;
    out->schema = value_schema(c, e);
}

/* An interface and those that it extends, however many: nearest first, each once. */
struct visit {
    struct visit *next;
    const struct dtdl_element *interface;
};

static void visit(struct compiler *c, struct visit *first, const struct dtdl_element *interface)
{
    struct visit *last = first;
    while (last->interface != interface && last->next != NULL)
        last = last->next;
    if (last->interface == interface)
        return;
    last->next = take(c, 1, sizeof *last);
    if (last->next != NULL)
        last->next->interface = interface;
}

static struct visit *lineage(struct compiler *c, const struct dtdl_element *interface)
{
    struct visit *first = take(c, 1, sizeof *first);
    if (first == NULL)
        return NULL;
    first->interface = interface;
    for (struct visit *v = first; v != NULL; v = v->next)
        for (const struct dtdl_link *l = dtdl_first(v->interface, DTDL_EXTENDS); l != NULL; l = dtdl_next(l))
            visit(c, first, l->to);
    return first;
}

/* The contents of one interface, counted (out NULL) or written. */
static size_t members_of(struct compiler *c, const char *component, const struct visit *lineage, spoke_member *out)
{
    size_t count = 0;
    for (const struct visit *v = lineage; v != NULL; v = v->next) {
        for (const struct dtdl_link *l = dtdl_first(v->interface, DTDL_CONTENTS); l != NULL; l = dtdl_next(l)) {
            if (!is_member(l->to))
                continue;
            if (out != NULL)
                set_member(c, component, l->to, &out[count]);
            count++;
        }
    }
    return count;
}

static size_t component_members(struct compiler *c, const struct dtdl_element *component, spoke_member *out)
{
    const struct dtdl_element *schema = dtdl_target(component, DTDL_SCHEMA);
    if (component->kind != DTDL_COMPONENT || schema == NULL)
        return 0;
    const char *name = out != NULL ? take_text(c, component->name) : NULL;
    return members_of(c, name, lineage(c, schema), out);
}

/* The interface's own and those of its components. */
static size_t all_members(struct compiler *c, const struct visit *lineage, spoke_member *out)
{
    size_t count = members_of(c, NULL, lineage, out);
    for (const struct visit *v = lineage; v != NULL; v = v->next)
        for (const struct dtdl_link *l = dtdl_first(v->interface, DTDL_CONTENTS); l != NULL; l = dtdl_next(l))
            count += component_members(c, l->to, out != NULL ? out + count : NULL);
    return count;
}

spoke_status dtdl_compile(const struct dtdl_element *interface, struct arena *arena, const spoke_model **out)
{
    struct compiler c = {.arena = arena};
    const struct visit *own = lineage(&c, interface);
    const size_t count = all_members(&c, own, NULL);
    spoke_model *model = take(&c, 1, sizeof *model);
    spoke_member *members = count > 0 ? take(&c, count, sizeof *members) : NULL;
    *out = NULL;
    if (c.status != SPOKE_OK)
        return c.status;
    all_members(&c, own, members);
    fill_pending(&c);
    *model = (spoke_model){.dtmi = take_text(&c, interface->id), .members = members, .member_count = count};
    if (c.status != SPOKE_OK)
        return c.status;
    sort(members, count, sizeof *members, member_order);
    *out = model;
    return SPOKE_OK;
}

spoke_status dtdl_compile_schema(const struct dtdl_element *schema, struct arena *arena, const spoke_schema **out)
{
    struct compiler c = {.arena = arena};
    const bool holder = dtdl_target(schema, DTDL_SCHEMA) != NULL; /* a content, field or payload */
    const spoke_schema *made = holder ? value_schema(&c, schema) : schema_of(&c, schema);
    fill_pending(&c);
    *out = c.status == SPOKE_OK ? made : NULL;
    return c.status;
}
