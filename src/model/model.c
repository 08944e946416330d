#include "model/lookup.h"

#include <string.h>

/* --- order --- */

/* The order from byte *common on, before which the two are equal; *common grows to where they differ. */
static int order_from(const char *name, spoke_str view, size_t *common)
{
    size_t i = *common;
    while (i < view.len && name[i] == view.ptr[i] && name[i] != '\0')
        i++;
    *common = i;
    if (i < view.len) /* name ends here, or the view goes on behind a NUL */
        return name[i] == '\0' ? -1 : (unsigned char)name[i] - (unsigned char)view.ptr[i];
    return name[i] == '\0' ? 0 : 1;
}

int name_order(const char *name, spoke_str view)
{
    size_t common = 0;
    return order_from(name != NULL ? name : "", view, &common);
}

/* --- look-up --- */

/* What the names between two entries of a sorted list have in common with the one looked for, those entries have:
 * so a binary search looks at each byte hardly more than once. Zero where an end is of another component. */
struct search {
    size_t low, high;
    size_t low_common, high_common;
};

static void narrow(struct search *s, size_t middle, int order, size_t common)
{
    if (order < 0) {
        s->low = middle + 1;
        s->low_common = common;
    } else {
        s->high = middle;
        s->high_common = common;
    }
}

static size_t known_common(const struct search *s)
{
    return s->low_common < s->high_common ? s->low_common : s->high_common;
}

static int component_order(const char *component, spoke_str wanted)
{
    if (component == NULL)
        return wanted.len == 0 ? 0 : -1;
    return wanted.len == 0 && component[0] == '\0' ? 0 : name_order(component, wanted);
}

const spoke_member *spoke_model_member(const spoke_model *model, spoke_str component, spoke_str name)
{
    struct search s = {.high = model != NULL ? model->member_count : 0};
    while (s.low < s.high) {
        const size_t middle = s.low + (s.high - s.low) / 2;
        const spoke_member *member = &model->members[middle];
        int order = component_order(member->component, component);
        size_t common = 0;
        if (order == 0) {
            common = known_common(&s);
            order = order_from(member->name, name, &common);
            if (order == 0)
                return member;
        }
        narrow(&s, middle, order, common);
    }
    return NULL;
}

const spoke_member *spoke_model_find(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                     spoke_str name)
{
    const spoke_member *member = spoke_model_member(model, component, name);
    return member != NULL && member->member == kind ? member : NULL;
}

static const spoke_member *component_by_search(const spoke_model *model, spoke_str component)
{
    size_t low = 0, high = model != NULL ? model->member_count : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = component_order(model->members[middle].component, component);
        if (order == 0)
            return &model->members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool spoke_model_has_component(const spoke_model *model, spoke_str component)
{
    return component_by_search(model, component) != NULL;
}

static bool has_escape(spoke_str raw)
{
    return raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL;
}

const spoke_member *model_component_raw(const spoke_model *model, spoke_str raw_component)
{
    if (!has_escape(raw_component))
        return component_by_search(model, raw_component);
    for (size_t i = 0; model != NULL && i < model->member_count; i++) {
        if (spoke_json_key_is(raw_component, spoke_str_of(model->members[i].component)))
            return &model->members[i];
    }
    return NULL;
}

const spoke_member *model_member_raw(const spoke_model *model, spoke_str raw_component, spoke_str raw_name)
{
    if (!has_escape(raw_component) && !has_escape(raw_name))
        return spoke_model_member(model, raw_component, raw_name);
    for (size_t i = 0; model != NULL && i < model->member_count; i++) {
        const spoke_member *member = &model->members[i];
        if (spoke_json_key_is(raw_component, spoke_str_of(member->component)) &&
            spoke_json_key_is(raw_name, spoke_str_of(member->name)))
            return member;
    }
    return NULL;
}

/* --- fields of an object --- */

static uint16_t field_by_search(const spoke_schema *schema, spoke_str name)
{
    struct search s = {.high = schema->count};
    while (s.low < s.high) {
        const size_t middle = s.low + (s.high - s.low) / 2;
        size_t common = known_common(&s);
        const int order = order_from(schema->fields[middle].name, name, &common);
        if (order == 0)
            return (uint16_t)middle;
        narrow(&s, middle, order, common);
    }
    return schema->count;
}

static uint16_t field_by_escapes(const spoke_schema *schema, spoke_str raw_name)
{
    for (uint16_t i = 0; i < schema->count; i++) {
        if (spoke_json_key_is(raw_name, spoke_str_of(schema->fields[i].name)))
            return i;
    }
    return schema->count;
}

uint16_t schema_field_raw(const spoke_schema *schema, spoke_str raw_name)
{
    return has_escape(raw_name) ? field_by_escapes(schema, raw_name) : field_by_search(schema, raw_name);
}

/* --- tables that no tool wrote --- */

/* How far a schema is looked at. A recursive one has no end; what lies beyond is as its beginning. */
#define VALID_DEPTH 12u
#define VALID_STEPS 4096u

static bool fields_valid(const spoke_schema *s)
{
    if (s->count > 0 && s->fields == NULL)
        return false;
    for (uint16_t i = 0; i < s->count; i++) {
        const char *name = s->fields[i].name;
        if (name == NULL || s->fields[i].schema == NULL)
            return false;
        if (i > 0 && name_order(s->fields[i - 1].name, spoke_str_of(name)) >= 0)
            return false;
    }
    return true;
}

static bool values_valid(const spoke_schema *s)
{
    if (s->count > 0 && s->values == NULL)
        return false;
    for (uint16_t i = 0; s->kind == SPOKE_SCHEMA_ENUM_STRING && i < s->count; i++) {
        if (s->values[i].text == NULL)
            return false;
    }
    return true;
}

static bool node_valid(const spoke_schema *s)
{
    switch (s->kind) {
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        return values_valid(s);
    case SPOKE_SCHEMA_ARRAY:
    case SPOKE_SCHEMA_MAP:
        return s->element != NULL;
    case SPOKE_SCHEMA_OBJECT:
        return fields_valid(s);
    default:
        return s->kind < SPOKE_SCHEMA_ENUM_INTEGER;
    }
}

/* The i-th schema below; NULL past the last. */
static const spoke_schema *child(const spoke_schema *s, unsigned i)
{
    if (s->kind == SPOKE_SCHEMA_OBJECT)
        return i < s->count ? s->fields[i].schema : NULL;
    return (s->kind == SPOKE_SCHEMA_ARRAY || s->kind == SPOKE_SCHEMA_MAP) && i == 0 ? s->element : NULL;
}

static bool schema_valid(const spoke_schema *root)
{
    struct {
        const spoke_schema *schema;
        unsigned next;
    } stack[VALID_DEPTH];
    unsigned depth = 1;
    stack[0].schema = root;
    stack[0].next = 0;
    if (!node_valid(root))
        return false;
    for (unsigned steps = 0; depth > 0 && steps < VALID_STEPS; steps++) {
        const spoke_schema *below = child(stack[depth - 1].schema, stack[depth - 1].next++);
        if (below == NULL || depth == VALID_DEPTH) {
            depth--;
            continue;
        }
        if (!node_valid(below))
            return false;
        stack[depth].schema = below;
        stack[depth++].next = 0;
    }
    return true;
}

static int member_order(const spoke_member *member, spoke_str component, spoke_str name)
{
    const int order = name_order(member->component, component);
    return order != 0 ? order : name_order(member->name, name);
}

static bool member_valid(const spoke_member *m)
{
    if (m->name == NULL || m->name[0] == '\0' || m->member > SPOKE_COMMAND)
        return false;
    if (m->member != SPOKE_COMMAND && m->schema == NULL)
        return false;
    return (m->schema == NULL || schema_valid(m->schema)) && (m->response == NULL || schema_valid(m->response));
}

bool spoke_model_valid(const spoke_model *model)
{
    if (model == NULL || model->dtmi == NULL || (model->member_count > 0 && model->members == NULL))
        return false;
    for (size_t i = 0; i < model->member_count; i++) {
        const spoke_member *m = &model->members[i];
        if (!member_valid(m))
            return false;
        if (i > 0 && member_order(m - 1, spoke_str_of(m->component), spoke_str_of(m->name)) >= 0)
            return false;
    }
    return true;
}
