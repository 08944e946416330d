/* @id and @type: which element this is, and of what kind. */
#include "model/dtdl_private.h"

#include <string.h>

/* --- @id --- */

static bool starts_reserved(const struct context *context, spoke_str id)
{
    return spoke_str_starts(id, SPOKE_STR("dtmi:dtdl:")) || spoke_str_starts(id, SPOKE_STR("dtmi:standard:")) ||
           ((context->active & CEN) != 0 && spoke_str_starts(id, SPOKE_STR("dtmi:iotcentral:"))) ||
           ((context->active & OPS) != 0 && spoke_str_starts(id, SPOKE_STR("dtmi:iotoperations:")));
}

bool id_read(struct dtdl_model *model, struct element *e, uint32_t node)
{
    const struct table_slot *before;
    struct dtmi id;
    if (type_of(e, node) != JSON_STRING || e->doc->nodes[node].length == 0) {
        issue_node(model, e, node, "idNotString", DETAILS(.property = SPOKE_STR("@id")));
        return true;
    }
    const spoke_str text = text_of(model, e, node);
    if (!dtmi_parse(text, &id) || !dtmi_valid_in(&id, e->context->version)) {
        issue_node(model, e, node, "invalidId", DETAILS(.property = SPOKE_STR("@id"), .value = text));
        return !id.has_fragment;
    }
    e->pub.id = text;
    if (starts_reserved(e->context, text))
        issue_node(model, e, node, "reservedId", DETAILS(.property = SPOKE_STR("@id"), .value = text));
    else if (text.len > limit_id(DTDL_NONE, e->context))
        issue_node(model, e, node, "idTooLong", DETAILS(.property = SPOKE_STR("@id"), .value = text));
    else if (!table_put(model, &model->ids, text, e, &before))
        return false;
    else if (before != NULL)
        issue_node(model, e, node, "duplicateDefinition", DETAILS(.property = SPOKE_STR("@id"), .value = text));
    return true;
}

void id_demand(struct dtdl_model *model, struct element *e)
{
    if (e->pub.parent == NULL)
        issue_node(model, e, e->node, "missingTopLevelId", DETAILS(.property = SPOKE_STR("@id")));
    else
        issue_node(model, e, e->node, "missingRequiredId", DETAILS(.property = SPOKE_STR("@id")));
}

/* --- @type --- */

#define TYPE_KINDS (TERM_CLASS | TERM_TYPE | TERM_SEMANTIC | TERM_ABSTRACT_TYPE | TERM_OTHER | TERM_UNIT_TYPE)

/* Classes and properties of the language belong to one version each; a schema may come from an older one. */
static bool of_another_version(const struct element *e, const struct term *term, uint32_t context)
{
    const bool language = term->kind == TERM_CLASS || (term->kind == TERM_PROPERTY && term->index < P_UNIT);
    return language && (context & e->context->active) == 0;
}

const struct term *term_here(const struct element *e, spoke_str text, unsigned kinds, uint32_t *contexts)
{
    *contexts = e->context->active;
    if (spoke_str_starts(text, SPOKE_STR("dtmi:"))) {
        const struct term *named = term_by_dtmi(text, kinds, contexts);
        return named != NULL && !of_another_version(e, named, *contexts) ? named : NULL;
    }
    const struct term *term = term_find(text, kinds, e->context->active);
    if (term == NULL && e->context->central) {
        *contexts = CEN;
        term = term_find_central(text, kinds);
    }
    return term;
}

const char *expected_under(unsigned edge)
{
    switch (edge) {
    case DTDL_CONTENTS:
        return "here stands Telemetry, Property, Command, Relationship or Component";
    case DTDL_SCHEMAS:
        return "here stands an Array, Enum, Map or Object";
    case DTDL_EXTENDS:
        return "here stands an Interface";
    case DTDL_FIELDS:
        return "here stands a Field";
    case DTDL_ENUM_VALUES:
        return "here stands an EnumValue";
    case DTDL_MAP_KEY_EDGE:
        return "here stands a MapKey";
    case DTDL_MAP_VALUE_EDGE:
        return "here stands a MapValue";
    case DTDL_PROPERTIES:
        return "here stands a Property";
    case DTDL_REQUEST:
        return "here stands a CommandRequest (in version 2 a CommandPayload)";
    case DTDL_RESPONSE:
        return "here stands a CommandResponse (in version 2 a CommandPayload)";
    default:
        return "here stands a schema: the name of one, such as \"double\", or an Array, Enum, Map or Object";
    }
}

static void bad_type(struct dtdl_model *model, struct element *e, uint32_t node, spoke_str value)
{
    issue_node(model, e, node, e->pub.parent == NULL ? "typeNotRootable" : "badType",
               DETAILS(.property = SPOKE_STR("@type"), .value = value, .restriction = expected_under(e->edge)));
}

/* A co-type that nothing here defines: whether that can be borne depends on the version and on what else is
 * unknown (docs/templates.md, "Unknown extensions"). */
static void read_unknown_type(struct dtdl_model *model, struct element *e, uint32_t node, spoke_str text)
{
    const bool v2 = e->context->version == 2;
    const bool incomplete = e->context->incomplete;
    struct dtmi id;
    const char *issue = NULL;
    if (spoke_str_starts(text, SPOKE_STR("dtmi:"))) {
        if (!dtmi_parse(text, &id))
            issue = "typeInvalidDtmi";
        else if (!incomplete)
            issue = "typeIrrelevantDtmiOrTerm";
    } else if (term_find(text, TERM_ANY, e->context->active) != NULL) {
        if (!incomplete)
            issue = "typeIrrelevantDtmiOrTerm";
    } else if (text.len > 0 && memchr(text.ptr, ':', text.len) != NULL) {
        if (!v2)
            issue = "typeNotDtmiNorTerm";
    } else if (!v2 && !incomplete) {
        issue = "typeUndefinedTerm";
    }
    e->unknown_types = true;
    if (issue != NULL)
        issue_node(model, e, node, issue, DETAILS(.property = SPOKE_STR("@type"), .value = text));
}

static void add_semantic(struct dtdl_model *model, struct element *e, uint32_t node, const struct term *term,
                         uint32_t contexts)
{
    if (e->semantic_in != 0) {
        if (e->semantic != term->index || e->pub.semantic_type != term->name)
            issue_node(model, e, node, "conflictingSupplementalTypes",
                       DETAILS(.property = SPOKE_STR("unit"), .value = spoke_str_of(term->name)));
        return;
    }
    const uint32_t context = term->contexts & contexts;
    e->semantic = term->index;
    e->semantic_in = (context & V2) != 0 ? 2 : (context & QT1) != 0 ? 3 : 4;
    e->pub.semantic_type = term->name;
}

static void begin_interface(struct dtdl_model *model, struct element *e)
{
    struct partition *partition = arena_alloc(model->arena, 1, sizeof *partition);
    if (partition == NULL)
        return;
    e->pub.kind = DTDL_INTERFACE;
    e->partition = partition;
    model->interface_count++;
}

static void add_class(struct dtdl_model *model, struct element *e, uint32_t node, enum dtdl_class kind)
{
    if (e->pub.kind != DTDL_NONE && e->pub.kind != kind)
        issue_node(model, e, node, "multipleMaterialTypes",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(dtdl_class_name(kind)),
                           .type = dtdl_class_name((enum dtdl_class)e->pub.kind)));
    else if (e->pub.kind != kind && kind == DTDL_INTERFACE)
        begin_interface(model, e);
    else
        e->pub.kind = (uint8_t)kind;
}

static void read_type(struct dtdl_model *model, struct element *e, uint32_t node)
{
    uint32_t contexts;
    if (type_of(e, node) != JSON_STRING) {
        bad_type(model, e, node, json_raw(e->doc, node));
        return;
    }
    const spoke_str text = text_of(model, e, node);
    const struct term *term = term_here(e, text, TYPE_KINDS, &contexts);
    if (term == NULL && e->context->central && spoke_str_equal(text, SPOKE_STR("CapabilityModel"))) {
        add_class(model, e, node, DTDL_INTERFACE);
        return;
    }
    if (term != NULL && term->kind == TERM_UNIT_TYPE && (term->contexts & contexts & V2) == 0)
        term = NULL; /* a class in version 2, later an enum */
    if (term == NULL) {
        read_unknown_type(model, e, node, text);
        return;
    }
    switch ((int)term->kind) {
    case TERM_OTHER:
    case TERM_UNIT_TYPE:
        bad_type(model, e, node, text);
        return;
    case TERM_CLASS:
        add_class(model, e, node, (enum dtdl_class)term->index);
        return;
    case TERM_TYPE:
        e->types |= TYPE_BIT(term->index);
        return;
    case TERM_SEMANTIC:
        add_semantic(model, e, node, term, contexts);
        return;
    default:
        issue_node(model, e, node, "abstractSupplementalType",
                   DETAILS(.property = SPOKE_STR("@type"), .value = text));
        return;
    }
}

static void read_types(struct dtdl_model *model, struct element *e, uint32_t node)
{
    if (type_of(e, node) != JSON_ARRAY) {
        read_type(model, e, node);
        return;
    }
    for (uint32_t n = json_first(e->doc, node); n < json_end(e->doc, node); n = json_after(e->doc, n))
        read_type(model, e, n);
}

/* The rule that a type may not, or must, stand beside another. */
static void check_company(struct dtdl_model *model, struct element *e, uint32_t node, const struct adjunct *a)
{
    const char *name = term_type_name((enum dtdl_type)a->type);
    if ((a->classes & CLASS_BIT(e->pub.kind)) == 0 && (a->or_beside & e->types) == 0)
        issue_node(model, e, node, "invalidCotype",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(name),
                           .type = dtdl_class_name((enum dtdl_class)e->pub.kind)));
    else if ((a->versions >> e->context->version & 1) == 0)
        issue_node(model, e, node, "invalidCotypeVersion",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(name)));
    else if ((a->needs & ~e->types) != 0)
        issue_node(model, e, node, "missingCocotype",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(name)));
    else if ((a->excludes & e->types) != 0 && (a->excludes_in & e->context->active) != 0)
        issue_node(model, e, node, "disallowedCocotype",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(name)));
}

const struct adjunct *adjunct_of(const struct element *e, unsigned type)
{
    return adjunct_find((enum dtdl_type)type, e->context->active | (e->context->central ? CEN : 0));
}

bool semantic_allowed(const struct element *e)
{
    const uint64_t v2 = CLASS_BIT(DTDL_PROPERTY) | CLASS_BIT(DTDL_TELEMETRY);
    const uint64_t later = v2 | CLASS_BIT(DTDL_COMMAND_REQUEST) | CLASS_BIT(DTDL_COMMAND_RESPONSE) |
                           CLASS_BIT(DTDL_FIELD) | CLASS_BIT(DTDL_MAP_VALUE);
    const uint64_t central = later | CLASS_BIT(DTDL_COMMAND_PAYLOAD); /* as IoT Central lets its users write */
    const uint64_t classes = e->context->central ? central : e->semantic_in == 2 ? v2 : later;
    return (classes & CLASS_BIT(e->pub.kind)) != 0;
}

static void check_semantic(struct dtdl_model *model, struct element *e, uint32_t node)
{
    if (!semantic_allowed(e))
        issue_node(model, e, node, "invalidCotype",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(e->pub.semantic_type),
                           .type = dtdl_class_name((enum dtdl_class)e->pub.kind)));
    else if (e->context->version != e->semantic_in)
        issue_node(model, e, node, "invalidCotypeVersion",
                   DETAILS(.property = SPOKE_STR("@type"), .value = spoke_str_of(e->pub.semantic_type)));
}

/* IoT Central's vectors bring a unit, as semantic types do. */
static void check_one_unit(struct dtdl_model *model, struct element *e, uint32_t node)
{
    const unsigned units = (unsigned)has_type(e, TYPE_VELOCITY_VECTOR) +
                           (unsigned)has_type(e, TYPE_ACCELERATION_VECTOR) + (unsigned)(e->semantic_in != 0);
    if (units > 1)
        issue_node(model, e, node, "conflictingSupplementalTypes", DETAILS(.property = property_name(P_UNIT)));
}

static void check_types(struct dtdl_model *model, struct element *e, uint32_t node)
{
    for (unsigned type = 0; type < TYPE_COUNT && e->types >> type != 0; type++) {
        if ((e->types >> type & 1) != 0)
            check_company(model, e, node, adjunct_of(e, type));
    }
    if (e->semantic_in != 0)
        check_semantic(model, e, node);
    check_one_unit(model, e, node);
}

/* What is quoted when an element is of a type that may not stand here. */
static spoke_str type_as_written(struct dtdl_model *model, const struct element *e, uint32_t node)
{
    if (e->pub.kind != DTDL_NONE)
        return spoke_str_of(dtdl_class_name((enum dtdl_class)e->pub.kind));
    if (node == 0)
        return SPOKE_STR("an element without @type");
    return type_of(e, node) == JSON_STRING ? text_of(model, e, node) : json_raw(e->doc, node);
}

bool type_settle(struct dtdl_model *model, struct element *e, uint32_t node, const struct rule *rule)
{
    const uint64_t targets = rule != NULL ? rule_targets(rule, e->context->version) : CLASS_BIT(DTDL_INTERFACE);
    if (node != 0) {
        read_types(model, e, node);
    } else if (rule != NULL && rule->infers_type) {
        e->pub.kind = (uint8_t)rule_inferred_class((enum dtdl_property)rule->property, e->context->version);
    }
    if (e->pub.kind == DTDL_NONE || (targets & CLASS_BIT(e->pub.kind)) == 0) {
        if (!e->broken || e->pub.kind != DTDL_NONE)
            bad_type(model, e, node != 0 ? node : e->node, type_as_written(model, e, node));
        return false;
    }
    /* A primitive schema is named, never made anew. */
    if (e->pub.kind >= DTDL_BOOLEAN && e->pub.kind <= DTDL_UUID) {
        bad_type(model, e, node != 0 ? node : e->node,
                 spoke_str_of(dtdl_class_name((enum dtdl_class)e->pub.kind)));
        return false;
    }
    if (e->types != 0 || e->semantic_in != 0)
        check_types(model, e, node);
    return true;
}
