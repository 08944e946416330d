/* Rules about what hangs together: names that are unique, depth and size of hierarchies, cycles, what a component
 * may hold. Every walk has its own stack in the arena, so that no model can exhaust the program's. */
#include "model/dtdl_private.h"

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

static uint32_t saturating_add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* --- unique names --- */

/* The text that must be unique among siblings, as a value and not as it is written; empty: this one has none. */
static spoke_str key_of(struct dtdl_model *model, const struct element *e, enum dtdl_property property)
{
    if (property == P_NAME)
        return e->pub.name;
    const uint32_t node = value_node(e, property);
    const spoke_str token = property == P_ENUM_VALUE ? e->pub.enum_value
                            : node != 0              ? json_raw(e->doc, node)
                                                     : spoke_str_from(NULL, 0);
    if (spoke_str_equal(token, SPOKE_STR("-0")))
        return SPOKE_STR("0");
    return token.len > 0 && token.ptr[0] == '"' ? json_resolved(token, model->arena) : token;
}

static size_t link_count(const struct dtdl_element *e, enum dtdl_edge edge)
{
    size_t count = 0;
    for (const struct dtdl_link *l = dtdl_first(e, edge); l != NULL; l = dtdl_next(l))
        count++;
    return count;
}

/* What was defined twice, and told so, of course has the same name. */
static bool same_id(const struct element *a, const struct element *b)
{
    return a->pub.id.len > 0 && spoke_str_equal(a->pub.id, b->pub.id);
}

static void check_unique(struct dtdl_model *model, struct element *e, enum dtdl_edge edge,
                         enum dtdl_property property)
{
    if (!table_clear(model, &model->names, link_count(&e->pub, edge)))
        return;
    for (const struct dtdl_link *l = dtdl_first(&e->pub, edge); l != NULL && !stopped(model); l = dtdl_next(l)) {
        struct element *child = element_of(l->to);
        const struct table_slot *before = NULL;
        const spoke_str key = key_of(model, child, property);
        if (key.len > 0 && table_put(model, &model->names, key, child, &before) && before != NULL &&
            before->element != child && !same_id(before->element, child))
            issue_node(model, child, child->node, "nonUniquePropertyValue",
                       DETAILS(.property = property_name(property), .value = key));
    }
}

static void check_children(struct dtdl_model *model, struct element *e)
{
    switch ((int)e->pub.kind) {
    case DTDL_INTERFACE:
        check_unique(model, e, DTDL_CONTENTS, P_NAME);
        check_unique(model, e, DTDL_CONTENTS, P_INDEX);
        return;
    case DTDL_RELATIONSHIP:
        check_unique(model, e, DTDL_PROPERTIES, P_NAME);
        return;
    case DTDL_OBJECT:
        check_unique(model, e, DTDL_FIELDS, P_NAME);
        check_unique(model, e, DTDL_FIELDS, P_INDEX);
        return;
    case DTDL_ENUM:
        check_unique(model, e, DTDL_ENUM_VALUES, P_NAME);
        check_unique(model, e, DTDL_ENUM_VALUES, P_ENUM_VALUE);
        check_unique(model, e, DTDL_ENUM_VALUES, P_INDEX);
        return;
    default:
        return;
    }
}

/* --- extends --- */

#define EXTENDS_MAX 1024u
#define EXTENDS_MAX_V2 2046u /* two each, ten deep: this is no limit of its own */
#define HIERARCHY_MAX 100000u
#define CONTENTS_MAX_V2 300u

/* Interfaces that hang together by extends, the heir first. */
struct closure {
    struct element **list;
    size_t count, most;
    uint32_t round; /* marks those that are in the list */
};

/* Once for each interface, however often its closure is asked for. */
static void report_many(struct dtdl_model *model, struct element *e)
{
    if (!e->partition->inherits_many)
        issue_node(model, e, e->node, e->pub.version == 2 ? "excessiveDepthNarrow" : "excessiveCount",
                   DETAILS(.property = property_name(P_EXTENDS), .restriction = number_text(EXTENDS_MAX)));
    e->partition->inherits_many = true;
}

/* False: too many of them (reported), or too much work. */
static bool closure_add_bases(struct dtdl_model *model, struct closure *c, const struct element *e)
{
    const struct link_range *bases = &e->partition->bases;
    for (const struct dtdl_link *l = bases->first; l != NULL; l = range_next(bases, l)) {
        if (!effort_spend(model, 1))
            return false;
        struct element *base = l->to != NULL ? element_of(l->to) : NULL;
        if (base == NULL || base->pub.kind != DTDL_INTERFACE || base->partition->round == c->round)
            continue;
        if (c->count == c->most) {
            report_many(model, c->list[0]);
            return false;
        }
        base->partition->round = c->round;
        c->list[c->count++] = base;
    }
    return true;
}

/* Then its closure is not worth the walk. */
static bool chain_too_long(const struct element *e)
{
    return e->partition->chain > limit_extends_depth(e->pub.version);
}

/* All interfaces that one inherits from. */
static bool closure_of(struct dtdl_model *model, struct closure *c, struct element *e)
{
    c->count = 1;
    c->most = (e->pub.version == 2 ? EXTENDS_MAX_V2 : EXTENDS_MAX) + 1;
    c->list[0] = e;
    e->partition->round = ++c->round;
    for (size_t at = 0; at < c->count; at++) {
        if (!closure_add_bases(model, c, c->list[at]))
            return false;
    }
    return true;
}

/* Puts the contents of an interface into model->names. False: another one has the same name, or too much work. */
static bool import(struct dtdl_model *model, struct element *heir, const struct element *base)
{
    const struct table_slot *before;
    const struct link_range *own = &base->partition->own;
    for (const struct dtdl_link *l = own->first; l != NULL; l = range_next(own, l)) {
        if (!effort_spend(model, 1))
            return false;
        struct element *content = l->to != NULL ? element_of(l->to) : NULL;
        if (content == NULL || content->pub.name.len == 0 ||
            !table_put(model, &model->names, content->pub.name, content, &before) || before == NULL ||
            before->element == content || before->element->partition == content->partition)
            continue;
        issue_node(model, heir, heir->node, "nonUniqueImportedPropertyValue",
                   DETAILS(.property = property_name(P_CONTENTS), .value = content->pub.name));
        return false;
    }
    return true;
}

/* Contents that an interface has with all that it inherits: how many, and whether their names are apart. */
static void check_contents(struct dtdl_model *model, const struct closure *c)
{
    struct element *e = c->list[0];
    uint32_t names = 0;
    bool annotated = false;
    for (size_t i = 0; i < c->count; i++) {
        names = saturating_add(names, c->list[i]->partition->contents);
        annotated = annotated || c->list[i]->partition->has_annotation;
    }
    if (names > CONTENTS_MAX_V2 && e->pub.version == 2) {
        issue_node(model, e, e->node, "objectCountAboveMax",
                   DETAILS(.property = property_name(P_CONTENTS), .restriction = number_text(300)));
        return;
    }
    if (names > HIERARCHY_MAX || (c->count == 1 && !annotated) || !table_clear(model, &model->names, names))
        return;
    for (size_t i = 0; i < c->count && !stopped(model); i++) {
        if (!import(model, e, c->list[i]))
            return;
    }
    if (annotated)
        siblings_check(model, c->list, c->count);
}

/* --- depth, size and cycles, in one walk from the leaves up --- */

struct frame {
    struct element *element;
    const struct dtdl_link *next;
};

struct walker {
    struct dtdl_model *model;
    struct closure *closure;
    struct frame *stack;
    size_t depth;
};

static bool counts_as_step(unsigned edge)
{
    return edge == DTDL_SCHEMA || edge == DTDL_ELEMENT_SCHEMA;
}

static bool is_complex(const struct dtdl_element *e)
{
    return e->kind >= DTDL_ARRAY && e->kind <= DTDL_OBJECT;
}

/* Steps below a schema of the language's own. */
static uint16_t standard_depth(const struct dtdl_element *e)
{
    if (standard_is(e, 1u << STD_POINT))
        return 2;
    if (standard_is(e, 1u << STD_MULTI_POINT | 1u << STD_LINE_STRING))
        return 3;
    if (standard_is(e, 1u << STD_MULTI_LINE_STRING | 1u << STD_POLYGON))
        return 4;
    if (standard_is(e, 1u << STD_MULTI_POLYGON))
        return 5;
    return e->kind == DTDL_OBJECT ? 1 : 0;
}

/* Elements in one of them, itself included: of GeoJSON two fields, an enum with its value, and as many arrays around a
 * double as it is deep; of the others two or three fields with their schemas. */
static uint32_t standard_size(const struct dtdl_element *e)
{
    if (e->kind != DTDL_OBJECT)
        return 1;
    if (standard_has_array(e))
        return 5u + standard_depth(e);
    return standard_is(e, 1u << STD_SCALED_DECIMAL) ? 5 : 7;
}

static void add_below(struct element *e, unsigned edge, uint16_t depth, uint32_t size, bool has_array)
{
    const unsigned through = depth + (counts_as_step(edge) ? 1u : 0u);
    if (through > e->depth && through < UINT16_MAX)
        e->depth = (uint16_t)through;
    if (edge != DTDL_MAP_KEY_EDGE) /* alone of all it does not count */
        e->size = saturating_add(e->size, size);
    e->has_array = e->has_array || has_array;
}

static void add_to_interface(struct partition *p, unsigned edge, const struct element *child)
{
    const struct partition *base =
        edge == DTDL_EXTENDS && child->pub.kind == DTDL_INTERFACE ? child->partition : NULL;
    p->contents += edge == DTDL_CONTENTS ? 1 : 0;
    p->has_component =
        p->has_component || child->pub.kind == DTDL_COMPONENT || (base != NULL && base->has_component);
    if (base != NULL && base->chain >= p->chain && base->chain < UINT16_MAX)
        p->chain = (uint16_t)(base->chain + 1);
}

static void add_child(struct element *e, const struct dtdl_link *link)
{
    if (is_standard(link->to)) {
        add_below(e, link->edge, standard_depth(link->to), standard_size(link->to), standard_has_array(link->to));
        return;
    }
    const struct element *child = element_of(link->to);
    if (link->edge == DTDL_CONTENTS || link->edge == DTDL_EXTENDS)
        add_to_interface(e->partition, link->edge, child);
    if (child->pub.kind != DTDL_INTERFACE)
        add_below(e, link->edge, child->depth, saturating_add(child->size, 1), child->has_array);
    else if (link->edge != DTDL_EXTENDS) /* what it holds counts; its schemas are another hierarchy */
        e->size = saturating_add(e->size, saturating_add(child->size, 1));
}

/* What a cycle is called depends on what goes round. */
static void report_cycle(struct walker *w, struct element *e, unsigned edge)
{
    if (edge == DTDL_EXTENDS) {
        issue_node(w->model, e, e->node, "recursiveStructureNarrow",
                   DETAILS(.property = property_name(P_EXTENDS)));
    } else if (e->pub.kind == DTDL_INTERFACE) {
        issue_node(w->model, e, e->node, "recursiveStructureNarrow",
                   DETAILS(.property = property_name(P_CONTENTS)));
    } else if (e->pub.version < 4) {
        issue_node(w->model, e, e->node, "recursiveStructureWide", DETAILS(.property = property_name(P_SCHEMA)));
    }
}

static void push(struct walker *w, struct element *e)
{
    e->mark = MARK_OPEN;
    w->stack[w->depth].element = e;
    w->stack[w->depth++].next = e->pub.links;
}

static bool walked(const struct dtdl_link *link)
{
    return link->to != NULL && link->edge != DTDL_SCHEMAS && link->edge != DTDL_VALUE_SCHEMA &&
           link->edge != DTDL_UNIT_EDGE;
}

/* What is inherited counts once, however many ways lead to it. */
static void add_inherited(struct walker *w, struct element *e)
{
    e->partition->own_size = e->size;
    if (e->partition->bases.first == NULL || chain_too_long(e) || !closure_of(w->model, w->closure, e))
        return;
    for (size_t i = 1; i < w->closure->count; i++)
        e->size = saturating_add(e->size, w->closure->list[i]->partition->own_size);
}

static void finish(struct walker *w, struct element *e)
{
    const unsigned limit = limit_schema_depth(e->context);
    e->mark = MARK_DONE;
    w->depth--;
    e->has_array = e->has_array || e->pub.kind == DTDL_ARRAY;
    if (e->pub.kind == DTDL_INTERFACE)
        add_inherited(w, e);
    if (is_complex(&e->pub) && e->depth > limit && !e->broken) {
        issue_node(w->model, e, e->node, "excessiveDepthWide", DETAILS(.property = property_name(P_SCHEMA)));
        e->depth = 0; /* said once, at the innermost */
    }
}

static void step(struct walker *w)
{
    struct frame *top = &w->stack[w->depth - 1];
    const struct dtdl_link *link = top->next;
    if (link == NULL) {
        finish(w, top->element);
        return;
    }
    if (walked(link) && !is_standard(link->to)) {
        struct element *child = element_of(link->to);
        if (child->mark == MARK_NEW) {
            push(w, child); /* comes back to this link when the child is done */
            return;
        }
        if (child->mark == MARK_OPEN) {
            report_cycle(w, child, link->edge);
            top->next = link->next;
            return;
        }
    }
    if (walked(link))
        add_child(top->element, link);
    top->next = link->next;
}

static void measure(struct dtdl_model *model, struct closure *closure)
{
    struct walker w = {.model = model,
                       .closure = closure,
                       .stack = arena_alloc(model->arena, model->element_count + 1, sizeof *w.stack)};
    for (size_t i = 0; w.stack != NULL && i < model->element_count && !stopped(model); i++) {
        struct element *e = model->elements[i];
        if (e->mark != MARK_NEW)
            continue;
        push(&w, e);
        while (w.depth > 0)
            step(&w);
    }
}

/* --- interfaces --- */

#define PARTITION_MAX (1024u * 1024u)

static void check_component(struct dtdl_model *model, struct element *e)
{
    const struct dtdl_element *target = dtdl_target(&e->pub, DTDL_SCHEMA);
    if (target != NULL && target->kind == DTDL_INTERFACE && element_of(target)->partition->has_component)
        issue_node(
            model, e, e->node, "excludedType",
            DETAILS(.property = property_name(P_SCHEMA), .value = target->id,
                    .restriction = "a component's interface may have no components itself, nor inherit any"));
}

static uint32_t own_bytes(const struct element *e)
{
    return e->doc->nodes[e->node].length;
}

static void check_interface(struct dtdl_model *model, struct element *e, struct closure *c)
{
    if (chain_too_long(e))
        issue_node(model, e, e->node, "excessiveDepthNarrow", DETAILS(.property = property_name(P_EXTENDS)));
    else if (closure_of(model, c, e))
        check_contents(model, c);
    if (e->pub.version > 2 && e->size > HIERARCHY_MAX)
        issue_node(model, e, e->node, "excessiveCount",
                   DETAILS(.property = property_name(P_CONTENTS), .restriction = number_text(HIERARCHY_MAX)));
    if (e->pub.version > 2 && own_bytes(e) > PARTITION_MAX && e->partition->nested_bytes < own_bytes(e) &&
        own_bytes(e) - e->partition->nested_bytes > PARTITION_MAX)
        issue_node(model, e, e->node, "partitionTooLarge", DETAILS(.property = property_name(P_CONTENTS)));
}

/* What a nested interface takes of the text is not its host's. */
static void count_nested(struct dtdl_model *model)
{
    for (size_t i = 0; i < model->element_count; i++) {
        const struct element *e = model->elements[i];
        struct partition *host = owner_of(e) != NULL ? owner_of(e)->partition : NULL;
        if (e->pub.kind == DTDL_INTERFACE && host != NULL)
            host->nested_bytes = saturating_add(host->nested_bytes, own_bytes(e));
    }
}

static void check_interfaces(struct dtdl_model *model, struct closure *closure)
{
    for (size_t i = 0; i < model->element_count && !stopped(model); i++) {
        struct element *e = model->elements[i];
        if (e->pub.kind == DTDL_COMPONENT)
            check_component(model, e);
        else if (e->pub.kind == DTDL_INTERFACE)
            check_interface(model, e, closure);
    }
}

static void check_arrays(struct dtdl_model *model)
{
    for (size_t i = 0; i < model->element_count; i++) {
        struct element *e = model->elements[i];
        if (e->pub.kind == DTDL_PROPERTY && e->pub.version == 2 && e->has_array)
            issue_node(
                model, e, e->node, "excludedType",
                DETAILS(.property = property_name(P_SCHEMA),
                        .restriction = "a Property of version 2 may hold no Array; use version 3, or Telemetry"));
    }
}

/* How many interfaces a closure has to hold at most. */
static size_t closure_room(const struct dtdl_model *model)
{
    return (model->interface_count < EXTENDS_MAX_V2 ? model->interface_count : EXTENDS_MAX_V2) + 1;
}

void trees_check(struct dtdl_model *model)
{
    struct closure closure = {.list = arena_alloc(model->arena, closure_room(model), sizeof *closure.list)};
    for (size_t i = 0; i < model->element_count && !stopped(model); i++)
        check_children(model, model->elements[i]);
    if (stopped(model))
        return;
    measure(model, &closure);
    if (stopped(model))
        return;
    count_nested(model);
    check_interfaces(model, &closure);
    check_arrays(model);
}
