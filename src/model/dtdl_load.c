/* JSON objects to elements, and which property says what. Elements wait in a queue, so that nesting in the text costs
 * no stack. */
#include "model/dtdl_private.h"

#include <string.h>

/* The members of an object that JSON-LD keeps for itself; 0: absent. */
struct keywords {
    uint32_t context, id, type;
};

/* --- making elements --- */

/* An element takes more memory than the text of one that is good, the shortest of which is
 * {"name":"a","enumValue":1} and a comma. So when there are more of them than that, some of those that were made are in
 * error, and the rest need not be; nor when more is wrong than anybody wants to hear. */
#define SHORTEST_ELEMENT 27u

static bool room_for_element(const struct dtdl_model *model)
{
    return model->element_count < model->bytes / SHORTEST_ELEMENT + 16 &&
           model->issue_count <= model->options.max_issues;
}

/* NULL: no memory, or there are too many already. */
static struct element *element_new(struct dtdl_model *model, struct json_doc *doc, uint32_t node,
                                   struct element *owner, enum dtdl_edge edge)
{
    if (!room_for_element(model))
        return NULL;
    struct element *e = arena_alloc(model->arena, 1, sizeof *e);
    if (e == NULL || !grow_pointers(model, &model->elements, &model->element_room, model->element_count,
                                    sizeof *model->elements))
        return NULL;
    model->elements[model->element_count++] = e;
    e->doc = doc;
    e->node = node;
    e->edge = (uint8_t)edge;
    if (owner != NULL) {
        e->pub.parent = &owner->pub;
        e->context = owner->context;
        e->partition = owner->partition;
    }
    return e;
}

static void range_add(struct link_range *range, const struct dtdl_link *link)
{
    if (range->first == NULL)
        range->first = link;
    range->last = link;
}

struct dtdl_link *link_add(struct dtdl_model *model, struct element *from, enum dtdl_edge edge,
                           const struct dtdl_element *to)
{
    struct dtdl_link *link = arena_alloc(model->arena, 1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->edge = (uint8_t)edge;
    link->to = to;
    if (from->last_link != NULL)
        from->last_link->next = link;
    else
        from->pub.links = link;
    from->last_link = link;
    if (edge == DTDL_CONTENTS)
        range_add(&from->partition->own, link);
    else if (edge == DTDL_EXTENDS)
        range_add(&from->partition->bases, link);
    return link;
}

void reference_add(struct dtdl_model *model, struct element *from, const struct rule *rule, uint32_t node)
{
    struct reference *r = arena_alloc(model->arena, 1, sizeof *r);
    struct dtdl_link *link = link_add(model, from, (enum dtdl_edge)rule->edge, NULL);
    if (r == NULL || link == NULL)
        return;
    r->from = from;
    r->link = link;
    r->id = text_of(model, from, node);
    r->node = node;
    r->property = rule->property;
    if (model->last_reference != NULL)
        model->last_reference->next = r;
    else
        model->references = r;
    model->last_reference = r;
}

/* --- properties whose values are elements --- */

static void element_issue(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node,
                          const char *id, spoke_str value)
{
    issue_node(model, e, node, id,
               DETAILS(.property = property_name((enum dtdl_property)rule->property), .value = value,
                       .restriction = expected_under(rule->kind == VALUE_ELEMENT ? rule->edge : DTDL_SCHEMA)));
}

/* valueSchema and a map key's schema: one of a few names, nothing else. */
static bool only_names(const struct rule *rule)
{
    return rule->targets == CLASS_BIT(DTDL_STRING) || rule->property == P_VALUE_SCHEMA;
}

static const struct dtdl_element *named_schema(struct dtdl_model *model, const struct element *e,
                                               const struct term *term, uint32_t contexts)
{
    if (term->kind == TERM_SCHEMA)
        return standard_primitive((enum dtdl_class)term->index);
    if (term->kind == TERM_STANDARD)
        return standard_schema((enum dtdl_standard)term->index);
    return unit_schema(model, (enum dtdl_unit_type)term->index, term->contexts & contexts & e->context->active);
}

static void read_dtmi_reference(struct dtdl_model *model, struct element *e, const struct rule *rule,
                                uint32_t node, spoke_str text)
{
    struct dtmi id;
    if (!dtmi_parse(text, &id) || !dtmi_valid_in(&id, e->context->version))
        element_issue(model, e, rule, node, "badDtmiOrTerm", text);
    else if (text.len > limit_id(DTDL_NONE, e->context))
        element_issue(model, e, rule, node, "idTooLong", text);
    else if (only_names(rule))
        element_issue(model, e, rule, node, "incorrectPropertyValue", text);
    else
        reference_add(model, e, rule, node);
}

/* "double", "dtmi:com:example:Thermostat;1": a name of the language, or another element's id. */
static void read_reference(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    uint32_t contexts;
    const spoke_str text = text_of(model, e, node);
    const struct term *term = term_here(e, text, TERM_SCHEMA | TERM_STANDARD | TERM_UNIT_TYPE, &contexts);
    if (term != NULL && term->kind == TERM_UNIT_TYPE && (term->contexts & contexts & QTS) == 0)
        term = NULL; /* in version 2 a class of units, not an enum */
    const char *wrong = rule->property == P_VALUE_SCHEMA ? "incorrectPropertyValue" : "badType";
    if (term != NULL && term->kind != TERM_SCHEMA && (rule->targets & CLASS_BIT(DTDL_OBJECT)) == 0) {
        element_issue(model, e, rule, node, wrong, text);
    } else if (term != NULL) {
        const struct dtdl_element *target = named_schema(model, e, term, contexts);
        if ((contexts & ALL) > (e->context->active & ALL))
            element_issue(model, e, rule, node, "disallowedVersionReference", text);
        else if (target == NULL || (rule_targets(rule, e->context->version) & CLASS_BIT(target->kind)) == 0)
            element_issue(model, e, rule, node, wrong, text);
        else
            link_add(model, e, (enum dtdl_edge)rule->edge, target);
    } else if (spoke_str_starts(text, SPOKE_STR("dtmi:"))) {
        read_dtmi_reference(model, e, rule, node, text);
    } else {
        element_issue(model, e, rule, node,
                      term_find(text, TERM_ANY, e->context->active) != NULL ? "badType" : "badDtmiOrTerm", text);
    }
}

static bool is_id_reference(const struct element *e, uint32_t node)
{
    return json_count(e->doc, node, 2) == 1 && json_key_is(e->doc, json_first(e->doc, node), SPOKE_STR("@id"));
}

static void read_element(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    switch (type_of(e, node)) {
    case JSON_STRING:
        read_reference(model, e, rule, node);
        return;
    case JSON_OBJECT:
        if (only_names(rule)) {
            element_issue(model, e, rule, node, "incorrectPropertyValue", spoke_str_from(NULL, 0));
        } else if (is_id_reference(e, node)) {
            element_issue(model, e, rule, node, "idReference", json_raw(e->doc, json_first(e->doc, node)));
        } else {
            struct element *child = element_new(model, e->doc, node, e, (enum dtdl_edge)rule->edge);
            if (child != NULL)
                link_add(model, e, (enum dtdl_edge)rule->edge, &child->pub);
        }
        return;
    case JSON_NULL:
        element_issue(model, e, rule, node, "propertyValueNull", spoke_str_from(NULL, 0));
        return;
    default:
        element_issue(model, e, rule, node, "refNotStringOrObject", json_raw(e->doc, node));
        return;
    }
}

/* Version 2 limits how many there may be. */
static uint32_t most_elements(const struct element *e, const struct rule *rule)
{
    if (!rule->plural)
        return 1;
    if (e->context->version > 2)
        return UINT32_MAX;
    switch ((int)rule->property) {
    case P_FIELDS:
        return 30;
    case P_ENUM_VALUES:
        return 100;
    case P_EXTENDS:
        return 2;
    case P_PROPERTIES:
    case P_CONTENTS:
        return 300;
    default:
        return UINT32_MAX;
    }
}

static void read_elements(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    if (type_of(e, node) != JSON_ARRAY) {
        read_element(model, e, rule, node);
        return;
    }
    const uint32_t most = most_elements(e, rule);
    const uint32_t count = json_count(e->doc, node, UINT32_MAX);
    if (count == 0 && (rule->required >> e->context->version & 1) != 0) {
        element_issue(model, e, rule, node, "objectCountBelowMin", spoke_str_from(NULL, 0));
    } else if (count > most) {
        issue_node(model, e, node, rule->plural ? "objectCountAboveMax" : "objectMultipleValues",
                   DETAILS(.property = property_name((enum dtdl_property)rule->property),
                           .restriction = number_text(most)));
        return;
    }
    for (uint32_t n = json_first(e->doc, node); n < json_end(e->doc, node); n = json_after(e->doc, n))
        read_element(model, e, rule, n);
}

/* --- units and command types: names of the language alone --- */

static uint32_t single_node(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    if (type_of(e, node) != JSON_ARRAY)
        return node;
    const uint32_t count = json_count(e->doc, node, 2);
    if (count == 1)
        return json_first(e->doc, node);
    if (count > 1 || e->semantic_in != 0)
        element_issue(model, e, rule, node, count > 1 ? "objectMultipleValues" : "objectCountBelowMin",
                      spoke_str_from(NULL, 0));
    return 0;
}

static bool expect_string(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    switch (type_of(e, node)) {
    case JSON_STRING:
        return true;
    case JSON_OBJECT:
        element_issue(model, e, rule, node, "refObjectNotAllowed", spoke_str_from(NULL, 0));
        return false;
    case JSON_NULL:
        element_issue(model, e, rule, node, "propertyValueNull", spoke_str_from(NULL, 0));
        return false;
    default:
        element_issue(model, e, rule, node, "refNotStringOrObject", json_raw(e->doc, node));
        return false;
    }
}

static void read_unit(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    uint32_t contexts;
    struct dtmi id;
    const uint32_t at = single_node(model, e, rule, node);
    if (at == 0 || !expect_string(model, e, rule, at))
        return;
    const spoke_str text = text_of(model, e, at);
    const struct term *unit = term_here(e, text, TERM_UNIT, &contexts);
    if (unit != NULL) {
        e->pub.unit = unit->name;
        e->unit_type = unit->index;
    } else if (e->context->central) {
        return; /* IoT Central takes any text for a unit */
    } else if (term_here(e, text, TERM_ANY, &contexts) != NULL) {
        element_issue(model, e, rule, at, e->context->version == 2 ? "notRequiredType" : "badType", text);
    } else if (dtmi_parse(text, &id) && dtmi_valid_in(&id, e->context->version)) {
        reference_add(model, e, rule, at);
    } else {
        element_issue(model, e, rule, at, "badDtmiOrTerm", text);
    }
}

static void read_command_type(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    uint32_t contexts;
    struct dtmi id;
    if (type_of(e, node) == JSON_ARRAY && json_count(e->doc, node, 2) == 0)
        return;
    const uint32_t at = single_node(model, e, rule, node);
    if (at == 0)
        return;
    if (type_of(e, at) == JSON_OBJECT) {
        element_issue(model, e, rule, at, "badType", spoke_str_from(NULL, 0));
        return;
    }
    if (!expect_string(model, e, rule, at))
        return;
    const spoke_str text = text_of(model, e, at);
    if (term_here(e, text, TERM_COMMAND_TYPE, &contexts) != NULL)
        return;
    if (term_here(e, text, TERM_ANY, &contexts) != NULL)
        element_issue(model, e, rule, at, "badType", text);
    else if (dtmi_parse(text, &id) && dtmi_valid_in(&id, e->context->version))
        element_issue(model, e, rule, at, "incorrectPropertyValue", text);
    else
        element_issue(model, e, rule, at, "badDtmiOrTerm", text);
}

/* --- properties --- */

static void keep_value(struct dtdl_model *model, struct element *e, enum dtdl_property property, uint32_t node)
{
    struct extension_value *value = arena_alloc(model->arena, 1, sizeof *value);
    if (value == NULL)
        return;
    value->property = (uint8_t)property;
    value->node = node;
    value->next = e->values;
    e->values = value;
}

static void read_property(struct dtdl_model *model, struct element *e, const struct rule *rule, uint32_t node)
{
    switch ((int)rule->kind) {
    case VALUE_ELEMENT:
        read_elements(model, e, rule, node);
        return;
    case VALUE_UNIT:
        read_unit(model, e, rule, node);
        return;
    case VALUE_COMMAND_TYPE:
        read_command_type(model, e, rule, node);
        return;
    default:
        node = literal_read(model, e, rule, node);
        if (rule->property >= P_UNIT && node != 0)
            keep_value(model, e, (enum dtdl_property)rule->property, node);
        return;
    }
}

static const struct rule unit_rule = {.property = P_UNIT, .kind = VALUE_UNIT, .edge = DTDL_UNIT_EDGE};

/* IoT Central takes these on anything that carries a value, without a co-type that would allow them. */
static const struct rule *central_rule(const struct element *e, enum dtdl_property property)
{
    static const struct rule loose[] = {
        {.property = P_MIN_VALUE, .kind = VALUE_NUMBER},
        {.property = P_MAX_VALUE, .kind = VALUE_NUMBER},
        {.property = P_MIN_LENGTH, .kind = VALUE_INTEGER},
        {.property = P_MAX_LENGTH, .kind = VALUE_INTEGER},
        {.property = P_DECIMAL_PLACES, .kind = VALUE_INTEGER},
        {.property = P_DISPLAY_UNIT, .kind = VALUE_LOCALIZED},
        {.property = P_INITIAL_VALUE, .kind = VALUE_ANY},
        {.property = P_COLOR, .kind = VALUE_STRING},
        {.property = P_TRUE_NAME, .kind = VALUE_LOCALIZED},
        {.property = P_FALSE_NAME, .kind = VALUE_LOCALIZED},
        {.property = P_UNIT, .kind = VALUE_UNIT, .edge = DTDL_UNIT_EDGE},
    };
    static const struct rule durable = {.property = P_DURABLE, .kind = VALUE_BOOLEAN};
    if (!e->context->central)
        return NULL;
    if (property == P_DURABLE)
        return e->pub.kind == DTDL_COMMAND ? &durable : NULL;
    for (size_t i = 0; i < sizeof loose / sizeof loose[0]; i++) {
        if (loose[i].property == property)
            return &loose[i];
    }
    return NULL;
}

static const struct rule *extension_rule(const struct element *e, enum dtdl_property property)
{
    if (property == P_UNIT && e->semantic_in != 0)
        return &unit_rule;
    for (unsigned type = 0; type < TYPE_COUNT && e->types >> type != 0; type++) {
        const struct adjunct *a = (e->types >> type & 1) != 0 ? adjunct_of(e, type) : NULL;
        for (size_t i = 0; a != NULL && i < a->rule_count; i++) {
            if (a->rules[i].property == property)
                return &a->rules[i];
        }
    }
    return central_rule(e, property);
}

/* A property that no type of the element has: borne only beside a co-type that is unknown, too. */
static void read_unknown_property(struct dtdl_model *model, struct element *e, uint32_t node, spoke_str key)
{
    const bool v2 = e->context->version == 2;
    struct dtmi id;
    const char *issue = "propertyUndefinedTerm";
    bool tenable = true;
    if (spoke_str_starts(key, SPOKE_STR("dtmi:"))) {
        tenable = dtmi_parse(key, &id);
        issue = tenable ? "propertyIrrelevantDtmiOrTerm" : "propertyInvalidDtmi";
    } else if (term_find(key, TERM_ANY, e->context->active) != NULL) {
        issue = "propertyIrrelevantDtmiOrTerm";
    } else if (key.len > 0 && memchr(key.ptr, ':', key.len) != NULL) {
        tenable = false;
        issue = "propertyNotDtmiNorTerm";
    }
    if (e->unknown_types && (v2 || (tenable && (e->context->incomplete || e->broken))))
        return; /* broken: the type was complained of, which says enough */
    issue_name(model, e, node, issue,
               DETAILS(.property = key, .type = dtdl_class_name((enum dtdl_class)e->pub.kind)));
}

/* What was met among an element's members: a bit for each property of the language, for the keywords these. */
enum { SEEN_ID = 61, SEEN_TYPE, SEEN_CONTEXT, SEEN_BITS };

struct seen {
    uint64_t bits;
    bool strangers; /* model->names holds the other names */
};

_Static_assert((int)P_COUNT <= (int)SEEN_ID, "a bit for each property and keyword");

static void repeated(struct dtdl_model *model, struct element *e, uint32_t node, spoke_str key)
{
    issue_name(model, e, node, "duplicatePropertyName", DETAILS(.property = key));
}

static bool seen_before(struct seen *seen, unsigned bit)
{
    const bool before = (seen->bits >> bit & 1) != 0;
    seen->bits |= (uint64_t)1 << bit;
    return before;
}

/* Names that the language does not know. */
static bool stranger_seen_before(struct dtdl_model *model, struct element *e, struct seen *seen, spoke_str key)
{
    const struct table_slot *before = NULL;
    if (!seen->strangers && !table_clear(model, &model->names, 0))
        return false;
    seen->strangers = true;
    return table_put(model, &model->names, key, e, &before) && before != NULL;
}

static unsigned keyword_bit(spoke_str key)
{
    if (spoke_str_equal(key, SPOKE_STR("@id")))
        return SEEN_ID;
    if (spoke_str_equal(key, SPOKE_STR("@type")))
        return SEEN_TYPE;
    return spoke_str_equal(key, SPOKE_STR("@context")) ? SEEN_CONTEXT : SEEN_BITS;
}

static void read_keyword(struct dtdl_model *model, struct element *e, uint32_t node, spoke_str key,
                         struct seen *seen)
{
    const unsigned bit = keyword_bit(key);
    const bool before = bit < SEEN_BITS ? seen_before(seen, bit) : stranger_seen_before(model, e, seen, key);
    if (before)
        repeated(model, e, node, key);
    else if (spoke_str_equal(key, SPOKE_STR("@graph")))
        issue_name(model, e, node, "graphDisallowed", DETAILS(.property = key));
    else if (e->context->version > 2 && bit == SEEN_BITS)
        issue_name(model, e, node, e->pub.parent == NULL ? "topLevelKeywordDisallowed" : "keywordDisallowed",
                   DETAILS(.property = key, .value = key));
}

/* Members that IoT Central writes into an interface and that say nothing to a device. */
static bool central_noise(const struct element *e, spoke_str key)
{
    return e->context->central && e->pub.kind == DTDL_INTERFACE &&
           (spoke_str_equal(key, SPOKE_STR("etag")) || spoke_str_equal(key, SPOKE_STR("id")) ||
            spoke_str_equal(key, SPOKE_STR("types")));
}

static void read_member(struct dtdl_model *model, struct element *e, uint32_t node, struct seen *seen)
{
    uint32_t contexts;
    const spoke_str key = json_key(e->doc, node, model->arena);
    if (key.len > 0 && key.ptr[0] == '@') {
        read_keyword(model, e, node, key, seen);
        return;
    }
    const struct term *term = term_here(e, key, TERM_PROPERTY, &contexts);
    const struct rule *rule = NULL;
    if (term != NULL) {
        rule = rule_find((enum dtdl_class)e->pub.kind, (enum dtdl_property)term->index, e->context->version);
        if (rule == NULL)
            rule = extension_rule(e, (enum dtdl_property)term->index);
    }
    if (rule == NULL) {
        if (stranger_seen_before(model, e, seen, key))
            repeated(model, e, node, key);
        else if (!central_noise(e, key))
            read_unknown_property(model, e, node, key);
        return;
    }
    if (seen_before(seen, rule->property))
        repeated(model, e, node, property_name((enum dtdl_property)rule->property));
    else
        read_property(model, e, rule, node);
}

/* --- what must not be missing --- */

static bool named_by_parent(const struct element *e)
{
    return e->pub.id.len == 0 && (e->edge == DTDL_CONTENTS || e->edge == DTDL_FIELDS ||
                                  e->edge == DTDL_ENUM_VALUES || e->edge == DTDL_PROPERTIES);
}

static void check_required(struct dtdl_model *model, struct element *e, const struct rule *rules, size_t count,
                           uint64_t seen, bool extension)
{
    for (size_t i = 0; i < count; i++) {
        if ((rules[i].required >> e->context->version & 1) == 0 || (seen >> rules[i].property & 1) != 0)
            continue;
        const bool element = rules[i].kind == VALUE_ELEMENT;
        const char *id = extension                                           ? "missingSupplementalLiteralProperty"
                         : element                                           ? "missingObjectProperty"
                         : rules[i].property == P_NAME && named_by_parent(e) ? "missingDtmiSegPropertyValue"
                                                                             : "missingLiteralProperty";
        issue_node(model, e, e->node, id,
                   DETAILS(.property = property_name((enum dtdl_property)rules[i].property)));
    }
}

static void check_all_required(struct dtdl_model *model, struct element *e, uint64_t seen)
{
    size_t count;
    const struct rule *rules = rules_of_class((enum dtdl_class)e->pub.kind, &count);
    check_required(model, e, rules, count, seen, false);
    for (unsigned type = 0; type < TYPE_COUNT && e->types >> type != 0; type++) {
        const struct adjunct *a = (e->types >> type & 1) != 0 ? adjunct_of(e, type) : NULL;
        if (a != NULL)
            check_required(model, e, a->rules, a->rule_count, seen, true);
    }
    if (e->semantic_in != 0 && semantic_allowed(e) && (seen >> P_UNIT & 1) == 0 && !e->context->central)
        issue_node(model, e, e->node, "missingSupplementalObjectProperty", DETAILS(.property = SPOKE_STR("unit")));
}

/* --- one element --- */

static struct keywords find_keywords(const struct element *e)
{
    struct keywords found = {0};
    for (uint32_t n = json_first(e->doc, e->node); n < json_end(e->doc, e->node); n = json_after(e->doc, n)) {
        const spoke_str key = json_raw_key(e->doc, n);
        if (key.len == 0 || (key.ptr[0] != '@' && !e->doc->nodes[n].key_escaped))
            continue;
        if (found.context == 0 && json_key_is(e->doc, n, SPOKE_STR("@context")))
            found.context = n;
        else if (found.id == 0 && json_key_is(e->doc, n, SPOKE_STR("@id")))
            found.id = n;
        else if (found.type == 0 && json_key_is(e->doc, n, SPOKE_STR("@type")))
            found.type = n;
    }
    return found;
}

/* Older templates say id and types. */
static void find_old_keywords(const struct element *e, struct keywords *found)
{
    if (!e->context->central || e->pub.parent != NULL)
        return;
    if (found->id == 0)
        found->id = json_member(e->doc, e->node, SPOKE_STR("id"));
    if (found->type == 0)
        found->type = json_member(e->doc, e->node, SPOKE_STR("types"));
}

static bool settle_context(struct dtdl_model *model, struct element *e, uint32_t node)
{
    if (node != 0) {
        e->context = context_read(model, e, node, e->context);
    } else if (e->context == NULL) {
        issue_node(model, e, e->node, "missingContext", DETAILS(.property = SPOKE_STR("@context")));
    }
    const uint32_t graph = e->pub.parent == NULL ? json_member(e->doc, e->node, SPOKE_STR("@graph")) : 0;
    if (graph != 0 && e->context != NULL)
        issue_name(model, e, graph, "topLevelGraphDisallowed", DETAILS(.property = SPOKE_STR("@graph")));
    return e->context != NULL && graph == 0;
}

/* The rule of the owner's property that this element is a value of. */
static const struct rule *rule_of_edge(const struct element *e)
{
    size_t count;
    const struct rule *rules = rules_of_class((enum dtdl_class)e->pub.parent->kind, &count);
    for (size_t i = 0; i < count; i++) {
        if (rules[i].kind == VALUE_ELEMENT && rules[i].edge == e->edge)
            return &rules[i];
    }
    return NULL;
}

static void check_definition_version(struct dtdl_model *model, struct element *e, const struct rule *rule)
{
    const unsigned mine = e->context->version, around = owner_of(e)->context->version;
    if (mine > around || (rule->same_version && mine != around))
        issue_node(model, e, e->node, "disallowedVersionDefinition",
                   DETAILS(.property = property_name((enum dtdl_property)rule->property)));
}

static void check_id_length(struct dtdl_model *model, struct element *e, uint32_t node)
{
    if (e->pub.kind == DTDL_INTERFACE && e->pub.id.len > limit_id(DTDL_INTERFACE, e->context) && !e->broken)
        issue_node(model, e, node, "idTooLongForType", DETAILS(.property = SPOKE_STR("@id"), .value = e->pub.id));
}

static void note_flags(struct element *e)
{
    if (has_type(e, TYPE_REQUIRED))
        e->pub.flags |= DTDL_IS_REQUIRED;
    if (has_type(e, TYPE_CLOUD))
        e->pub.flags |= DTDL_IS_CLOUD;
}

static void load_element(struct dtdl_model *model, struct element *e)
{
    static const struct context none = {.version = 2}; /* of what cannot be read: an element without a type */
    struct keywords found = find_keywords(e);
    if (!settle_context(model, e, found.context)) {
        e->context = &none;
        e->broken = true;
        return;
    }
    e->pub.version = e->context->version;
    find_old_keywords(e, &found);
    const struct rule *rule = e->pub.parent != NULL ? rule_of_edge(e) : NULL;
    if (rule != NULL)
        check_definition_version(model, e, rule);
    if (found.id != 0 && !id_read(model, e, found.id))
        return;
    if (!type_settle(model, e, found.type, rule))
        return;
    if (found.id == 0 && (e->pub.parent == NULL || rule->id_required))
        id_demand(model, e);
    check_id_length(model, e, found.id);
    note_flags(e);
    if (has_type(e, TYPE_VALUE_ANNOTATION) && e->partition != NULL)
        e->partition->has_annotation = true;
    struct seen seen = {0};
    for (uint32_t n = json_first(e->doc, e->node); n < json_end(e->doc, e->node) && !stopped(model);
         n = json_after(e->doc, n))
        read_member(model, e, n, &seen);
    check_all_required(model, e, seen.bits);
}

/* --- documents --- */

/* Elements are made while others are read, and wait their turn in the list of all. */
static void load_waiting(struct dtdl_model *model)
{
    while (model->loaded < model->element_count && !stopped(model))
        load_element(model, model->elements[model->loaded++]);
}

static const struct context *central_context(struct dtdl_model *model)
{
    struct context *context = arena_alloc(model->arena, 1, sizeof *context);
    if (context == NULL)
        return NULL;
    context->version = 2;
    context->central = true;
    context->active = V2 | CEN;
    return context;
}

/* {"@type": ["ModelDefinition", "DeviceModel"], "capabilityModel": {…}}: the interface inside, 0: no template. */
static uint32_t template_model(const struct dtdl_model *model, const struct json_doc *doc, uint32_t node)
{
    const uint32_t inner =
        model->options.profile == DTDL_CENTRAL ? json_member(doc, node, SPOKE_STR("capabilityModel")) : 0;
    return inner != 0 && doc->nodes[inner].type == JSON_OBJECT ? inner : 0;
}

static void add_root(struct dtdl_model *model, struct element *e)
{
    if (model->resolving)
        return;
    if (!grow_pointers(model, &model->roots, &model->root_room, model->root_count, sizeof *model->roots))
        return;
    model->roots[model->root_count++] = e;
}

static void load_root(struct dtdl_model *model, struct json_doc *doc, uint32_t node)
{
    if (doc->nodes[node].type != JSON_OBJECT) {
        issue_at(model, doc, json_value_offset(doc, node), NULL, "notJsonObject",
                 DETAILS(.value = json_raw(doc, node)));
        return;
    }
    const uint32_t inner = template_model(model, doc, node);
    struct element *e = element_new(model, doc, inner != 0 ? inner : node, NULL, DTDL_CONTENTS);
    if (e == NULL)
        return;
    if (inner != 0 ||
        (model->options.profile == DTDL_CENTRAL && json_member(doc, node, SPOKE_STR("@context")) == 0))
        e->context = central_context(model);
    add_root(model, e);
    load_waiting(model);
}

/* {"value": [templates], "nextLink": …}: IoT Central's REST API lists them so. The array, or the root. */
static uint32_t list_of_templates(const struct dtdl_model *model, const struct json_doc *doc)
{
    const uint32_t list = model->options.profile == DTDL_CENTRAL ? json_member(doc, 0, SPOKE_STR("value")) : 0;
    return list != 0 && doc->nodes[list].type == JSON_ARRAY && json_member(doc, 0, SPOKE_STR("@id")) == 0 ? list
                                                                                                          : 0;
}

void load_document(struct dtdl_model *model, struct json_doc *doc)
{
    const uint32_t list = list_of_templates(model, doc);
    if (doc->nodes[list].type != JSON_ARRAY) {
        load_root(model, doc, 0);
        return;
    }
    for (uint32_t n = json_first(doc, list); n < json_end(doc, list) && !stopped(model); n = json_after(doc, n))
        load_root(model, doc, n);
}
