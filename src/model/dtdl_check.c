/* Rules of single elements that need the finished graph: what a semantic type or an extension demands of the schema,
 * the siblings and the object around. */
#include "model/dtdl_private.h"

spoke_str property_name(enum dtdl_property property)
{
    return spoke_str_of(term_property_name(property));
}

static const struct dtdl_element *schema_of(const struct element *e)
{
    return dtdl_target(&e->pub, DTDL_SCHEMA);
}

static uint64_t types_of(const struct dtdl_element *e)
{
    return is_standard(e) ? 0 : element_of(e)->types;
}

static void report(struct dtdl_model *model, struct element *e, const char *id, enum dtdl_property property,
                   spoke_str value)
{
    issue_node(model, e, e->node, id, DETAILS(.property = property_name(property), .value = value));
}

static spoke_str kind_name(const struct dtdl_element *e)
{
    return spoke_str_of(dtdl_class_name((enum dtdl_class)e->kind));
}

/* --- semantic types and units --- */

static void check_unit(struct dtdl_model *model, struct element *e, unsigned wanted)
{
    if (e->pub.unit != NULL && e->unit_type != wanted && !e->context->central)
        issue_node(model, e, e->node, e->pub.version == 2 ? "notRequiredType" : "wrongParent",
                   DETAILS(.property = SPOKE_STR("unit"), .value = spoke_str_of(e->pub.unit),
                           .type = term_unit_type_name((enum dtdl_unit_type)wanted)));
}

static void check_semantic(struct dtdl_model *model, struct element *e)
{
    const struct dtdl_element *schema = schema_of(e);
    if (e->semantic_in == 0)
        return;
    if (schema != NULL && (class_set_numeric() & CLASS_BIT(schema->kind)) == 0)
        issue_node(
            model, e, e->node, "notRequiredType",
            DETAILS(.property = property_name(P_SCHEMA), .value = kind_name(schema), .type = "a numeric schema"));
    check_unit(model, e, e->semantic);
}

/* --- adjunct types --- */

static bool schema_fits(const struct adjunct *a, const struct dtdl_element *schema)
{
    const bool by_class = a->schema_classes == 0 || (a->schema_classes & CLASS_BIT(schema->kind)) != 0;
    const bool by_name = a->schema_standard == 0 || standard_is(schema, a->schema_standard);
    const bool by_type = a->schema_types == 0 || (a->schema_types & types_of(schema)) != 0;
    return by_class && by_name && by_type;
}

static void check_schema(struct dtdl_model *model, struct element *e, const struct adjunct *a)
{
    const struct dtdl_element *schema = schema_of(e);
    if (schema != NULL && !schema_fits(a, schema))
        issue_node(model, e, e->node, a->schema_standard != 0 ? "notRequiredValue" : "notRequiredType",
                   DETAILS(.property = property_name(P_SCHEMA), .value = kind_name(schema),
                           .type = term_type_name((enum dtdl_type)a->type)));
}

static void check_fields(struct dtdl_model *model, struct element *e, const struct adjunct *a)
{
    for (const struct dtdl_link *l = dtdl_first(&e->pub, DTDL_FIELDS); l != NULL && a->field_types != 0;
         l = dtdl_next(l)) {
        if ((types_of(l->to) & a->field_types) == 0)
            issue_node(model, e, element_of(l->to)->node, "notRequiredType",
                       DETAILS(.property = property_name(P_FIELDS), .value = l->to->name,
                               .type = term_type_name((enum dtdl_type)a->type)));
    }
}

/* Which types the fields of an object have: at all, and more than one of them. */
struct field_types {
    uint64_t some, several;
};

static struct field_types types_of_fields(const struct element *object)
{
    struct field_types found = {0, 0};
    for (const struct dtdl_link *l = dtdl_first(&object->pub, DTDL_FIELDS); l != NULL; l = dtdl_next(l)) {
        found.several |= found.some & types_of(l->to);
        found.some |= types_of(l->to);
    }
    return found;
}

static void check_around(struct dtdl_model *model, const struct element *object, struct element *field,
                         const struct adjunct *a, const struct field_types *siblings)
{
    const char *type = term_type_name((enum dtdl_type)a->type);
    const char *issue = NULL;
    if ((object->types & a->parent_types) == 0)
        issue = "parentMissingCotype";
    else if (a->alone && (siblings->several & TYPE_BIT(a->type)) != 0)
        issue = "siblingDuplicatesCotype";
    else if (a->some_sibling != 0 && (siblings->some & a->some_sibling) == 0)
        issue = "siblingMissingCotype";
    if (issue != NULL)
        issue_node(model, field, field->node, issue, DETAILS(.property = property_name(P_FIELDS), .type = type));
}

static void check_siblings(struct dtdl_model *model, const struct element *object)
{
    const struct field_types siblings = types_of_fields(object);
    for (const struct dtdl_link *l = dtdl_first(&object->pub, DTDL_FIELDS); l != NULL && siblings.some != 0;
         l = dtdl_next(l)) {
        struct element *field = element_of(l->to);
        for (unsigned type = 0; type < TYPE_COUNT && field->types >> type != 0; type++) {
            const struct adjunct *a = (field->types >> type & 1) != 0 ? adjunct_of(field, type) : NULL;
            if (a != NULL && a->parent_types != 0)
                check_around(model, object, field, a, &siblings);
        }
    }
}

/* --- siblings: ValueAnnotation and Override --- */

uint32_t value_node(const struct element *e, enum dtdl_property property)
{
    for (const struct extension_value *v = e->values; v != NULL; v = v->next) {
        if (v->property == property)
            return v->node;
    }
    return 0;
}

static spoke_str value_text(struct dtdl_model *model, const struct element *e, enum dtdl_property property)
{
    const uint32_t node = value_node(e, property);
    return node != 0 && e->doc->nodes[node].type == JSON_STRING ? json_text(e->doc, node, model->arena)
                                                                : spoke_str_from(NULL, 0);
}

/* Among all contents of an interface, inherited ones included, as its heirs see them. */
static struct element *content_named(const struct dtdl_model *model, spoke_str name)
{
    const struct table_slot *slot = table_find(&model->names, name);
    return slot != NULL ? slot->element : NULL;
}

static bool has_extension_property(const struct element *e, enum dtdl_property property)
{
    return (property == P_UNIT && e->pub.unit != NULL) || value_node(e, property) != 0;
}

/* What an Override's schema must be: the type of the property that it overrides. */
static bool override_fits(const struct element *e, const struct element *target, enum dtdl_property property)
{
    const struct dtdl_element *schema = schema_of(e);
    if (schema == NULL || property != P_UNIT)
        return true;
    return (schema->flags & DTDL_IS_UNIT_ENUM) != 0 && element_of(schema)->unit_type == target->unit_type;
}

/* All contents of an interface, inherited ones included. */
struct contents {
    struct element *const *interfaces;
    size_t count;
};

static bool value_is(const struct element *e, enum dtdl_property property, spoke_str text)
{
    const uint32_t node = value_node(e, property);
    return node != 0 && e->doc->nodes[node].type == JSON_STRING && json_text_is(e->doc, node, text);
}

static bool overridden_twice(struct dtdl_model *model, const struct contents *all, const struct element *e,
                             spoke_str name, spoke_str overridden)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!all->interfaces[i]->partition->has_annotation)
            continue;
        const struct link_range *own = &all->interfaces[i]->partition->own;
        for (const struct dtdl_link *l = own->first; l != NULL; l = range_next(own, l)) {
            if (!effort_spend(model, 1))
                return false;
            const struct element *other = l->to != NULL ? element_of(l->to) : e;
            if (other != e && has_type(other, TYPE_OVERRIDE) && value_is(other, P_ANNOTATES, name) &&
                value_is(other, P_OVERRIDES, overridden))
                return true;
        }
    }
    return false;
}

static void check_override(struct dtdl_model *model, const struct contents *all, struct element *e,
                           const struct element *target, spoke_str name)
{
    const spoke_str overridden = value_text(model, e, P_OVERRIDES);
    uint32_t context = e->context->active;
    const struct term *term = spoke_str_starts(overridden, SPOKE_STR("dtmi:"))
                                  ? term_by_dtmi(overridden, TERM_PROPERTY, &context)
                                  : term_find(overridden, TERM_PROPERTY, context);
    if (term != NULL && term->index < P_UNIT)
        report(model, e, "matchingPropertyNotSupplemental", P_OVERRIDES, overridden);
    else if (term == NULL || !has_extension_property(target, (enum dtdl_property)term->index))
        report(model, e, "noMatchingSupplementalProperty", P_OVERRIDES, overridden);
    else if (overridden_twice(model, all, e, name, overridden))
        report(model, e, "multipleReference", P_OVERRIDES, overridden);
    else if (!override_fits(e, target, (enum dtdl_property)term->index))
        report(model, e, "siblingPropertyMismatch", P_SCHEMA, overridden);
}

/* What is annotated may be absent: an heir of the interface may bring it. */
static void check_annotation(struct dtdl_model *model, const struct contents *all, struct element *e)
{
    const spoke_str name = value_text(model, e, P_ANNOTATES);
    const struct element *target = content_named(model, name);
    if (target == NULL)
        return;
    if (target->pub.kind != DTDL_PROPERTY && target->pub.kind != DTDL_TELEMETRY)
        report(model, e, "notSiblingRequiredType", P_ANNOTATES, name);
    else if (has_type(target, TYPE_VALUE_ANNOTATION))
        report(model, e, "disallowedType", P_ANNOTATES, name);
    else if (has_type(e, TYPE_OVERRIDE))
        check_override(model, all, e, target, name);
}

void siblings_check(struct dtdl_model *model, struct element *const *interfaces, size_t count)
{
    const struct contents all = {interfaces, count};
    for (size_t i = 0; i < count && !stopped(model); i++) {
        if (!interfaces[i]->partition->has_annotation)
            continue;
        const struct link_range *own = &interfaces[i]->partition->own;
        for (const struct dtdl_link *l = own->first; l != NULL; l = range_next(own, l)) {
            if (!effort_spend(model, 1))
                return;
            struct element *e = l->to != NULL ? element_of(l->to) : NULL;
            if (e != NULL && has_type(e, TYPE_VALUE_ANNOTATION) && !e->broken)
                check_annotation(model, &all, e);
        }
    }
}

/* --- values that must fit the schema --- */

static void check_value(struct dtdl_model *model, struct element *e, enum dtdl_property property)
{
    const struct dtdl_element *schema = schema_of(e);
    const uint32_t node = value_node(e, property);
    if (node == 0 || schema == NULL || schema->kind < DTDL_BOOLEAN || schema->kind > DTDL_UUID)
        return;
    const spoke_schema plain = {.kind = (uint8_t)(schema->kind - DTDL_BOOLEAN)};
    if (spoke_schema_check(&plain, json_raw(e->doc, node), NULL) != SPOKE_OK)
        issue_node(model, e, node, "nonConformantPropertyValue",
                   DETAILS(.property = property_name(property), .value = json_raw(e->doc, node),
                           .type = dtdl_class_name((enum dtdl_class)schema->kind)));
}

static void check_adjuncts(struct dtdl_model *model, struct element *e)
{
    for (unsigned type = 0; type < TYPE_COUNT && e->types >> type != 0; type++) {
        const struct adjunct *a = (e->types >> type & 1) != 0 ? adjunct_of(e, type) : NULL;
        if (a == NULL)
            continue;
        check_schema(model, e, a);
        check_fields(model, e, a);
    }
    if (has_type(e, TYPE_ACCELERATION_VECTOR))
        check_unit(model, e, UNIT_TYPE_ACCELERATION_UNIT);
    if (has_type(e, TYPE_VELOCITY_VECTOR))
        check_unit(model, e, UNIT_TYPE_VELOCITY_UNIT);
    if (e->values != NULL) {
        check_value(model, e, P_MINIMUM);
        check_value(model, e, P_MAXIMUM);
        check_value(model, e, P_SCALE_FACTOR);
    }
}

/* --- enums --- */

static void check_enum(struct dtdl_model *model, struct element *e)
{
    const struct dtdl_element *schema = dtdl_target(&e->pub, DTDL_VALUE_SCHEMA);
    if (schema == NULL)
        return;
    for (const struct dtdl_link *l = dtdl_first(&e->pub, DTDL_ENUM_VALUES); l != NULL; l = dtdl_next(l)) {
        const spoke_str token = l->to->enum_value;
        const bool text = token.len > 0 && token.ptr[0] == '"';
        if (token.len > 0 && text != (schema->kind == DTDL_STRING))
            issue_node(model, element_of(l->to), element_of(l->to)->node, "nonConformantDatatype",
                       DETAILS(.property = property_name(P_ENUM_VALUE), .value = token,
                               .type = dtdl_class_name((enum dtdl_class)schema->kind)));
    }
}

void elements_check(struct dtdl_model *model)
{
    for (size_t i = 0; i < model->element_count && !stopped(model); i++) {
        struct element *e = model->elements[i];
        check_semantic(model, e);
        if (e->types != 0)
            check_adjuncts(model, e);
        if (e->pub.kind == DTDL_ENUM)
            check_enum(model, e);
        else if (e->pub.kind == DTDL_OBJECT)
            check_siblings(model, e);
    }
}
