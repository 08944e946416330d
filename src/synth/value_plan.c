#include "synth/value_plan.h"

#include <math.h>
#include <string.h>

/* A schema becomes one plan in each capability, however often it is referred to there, and before what is below it:
 * so schemas that contain themselves need neither recursion nor repetition. */

struct pending {
    struct pending *next;
    struct value_plan *plan;
};

struct planner {
    struct arena *arena;
    struct pending *first, *last;
    uint16_t *slots;
};

static bool is_number(spoke_schema_kind kind)
{
    return (kind >= SPOKE_SCHEMA_BYTE && kind <= SPOKE_SCHEMA_DOUBLE) || kind == SPOKE_SCHEMA_DECIMAL;
}

static bool is_real(spoke_schema_kind kind)
{
    return kind == SPOKE_SCHEMA_FLOAT || kind == SPOKE_SCHEMA_DOUBLE;
}

/* What wanders, flips or was chosen once. */
static bool is_kept(spoke_schema_kind kind)
{
    return is_number(kind) || kind == SPOKE_SCHEMA_BOOLEAN || kind == SPOKE_SCHEMA_STRING ||
           kind == SPOKE_SCHEMA_ENUM_INTEGER || kind == SPOKE_SCHEMA_ENUM_STRING;
}

/* --- numbers: the usual, within what is allowed --- */

struct limits {
    double low, high;
};

static struct limits limits_of_kind(spoke_schema_kind kind)
{
    static const struct limits whole[] = {
        [SPOKE_SCHEMA_BYTE] = {INT8_MIN, INT8_MAX},        [SPOKE_SCHEMA_SHORT] = {INT16_MIN, INT16_MAX},
        [SPOKE_SCHEMA_INTEGER] = {INT32_MIN, INT32_MAX},   [SPOKE_SCHEMA_LONG] = {-9e18, 9e18},
        [SPOKE_SCHEMA_UNSIGNED_BYTE] = {0, UINT8_MAX},     [SPOKE_SCHEMA_UNSIGNED_SHORT] = {0, UINT16_MAX},
        [SPOKE_SCHEMA_UNSIGNED_INTEGER] = {0, UINT32_MAX}, [SPOKE_SCHEMA_UNSIGNED_LONG] = {0, 1.8e19},
    };
    static const struct limits real = {-3e38, 3e38};
    return is_real(kind) || kind == SPOKE_SCHEMA_DECIMAL ? real : whole[kind];
}

static struct limits limits_of(const spoke_schema *schema)
{
    const spoke_schema_kind kind = (spoke_schema_kind)schema->kind;
    const spoke_range *range = schema->range;
    struct limits limits = limits_of_kind(kind);
    if (range == NULL || kind == SPOKE_SCHEMA_DECIMAL)
        return limits;
    const bool is_unsigned = kind == SPOKE_SCHEMA_UNSIGNED_LONG;
    const double low = is_real(kind) ? range->low
                       : is_unsigned ? (double)(uint64_t)range->low_whole
                                     : (double)range->low_whole;
    const double high = is_real(kind) ? range->high
                        : is_unsigned ? (double)(uint64_t)range->high_whole
                                      : (double)range->high_whole;
    limits.low = range->has_low ? fmax(limits.low, low) : limits.low;
    limits.high = range->has_high ? fmin(limits.high, high) : limits.high;
    return limits;
}

/* Where the usual and the allowed have nothing in common, or the template is precise on both ends, the template
 * knows better. */
static struct sense_number number_within(const struct sense_number *usual, struct limits allowed,
                                         const spoke_range *range)
{
    struct sense_number number = *usual;
    number.low = fmax(usual->low, allowed.low);
    number.high = fmin(usual->high, allowed.high);
    if (number.low < number.high)
        return number;
    const double span = usual->high - usual->low;
    const bool from_high = range != NULL && range->has_high && !range->has_low;
    number.low = from_high ? fmax(allowed.low, allowed.high - span) : allowed.low;
    number.high = from_high ? allowed.high : fmin(allowed.high, allowed.low + span);
    return number;
}

/* --- making --- */

static struct value_plan *take_plan(struct planner *p, const spoke_schema *schema, const struct sense_hint *hint)
{
    const spoke_schema_kind kind = (spoke_schema_kind)schema->kind;
    struct value_plan *plan = arena_alloc(p->arena, 1, sizeof *plan);
    if (plan == NULL)
        return NULL;
    plan->schema = schema;
    plan->slot = is_kept(kind) && *p->slots < VALUE_NO_SLOT ? (*p->slots)++ : VALUE_NO_SLOT;
    plan->text = (uint8_t)sense_text_of(hint);
    plan->pair = kind == SPOKE_SCHEMA_ARRAY && schema->element->kind == SPOKE_SCHEMA_DOUBLE &&
                 hint->name != NULL && strcmp(hint->name, "coordinates") == 0;
    if (is_number(kind)) {
        const struct sense_number usual = sense_number_of(hint);
        const struct limits allowed = limits_of(schema);
        plan->number = number_within(&usual, allowed, schema->range);
        plan->least = allowed.low;
        plan->most = allowed.high;
    }
    return plan;
}

/* That of the schema when it has one already. */
static struct value_plan *plan_of(struct planner *p, const spoke_schema *schema, const struct sense_hint *hint)
{
    if (schema->kind < SPOKE_SCHEMA_ARRAY)
        return take_plan(p, schema, hint);
    for (const struct pending *at = p->first; at != NULL; at = at->next) {
        if (at->plan->schema == schema)
            return at->plan;
    }
    struct pending *entry = arena_alloc(p->arena, 1, sizeof *entry);
    struct value_plan *plan = entry != NULL ? take_plan(p, schema, hint) : NULL;
    if (plan == NULL)
        return NULL;
    entry->plan = plan;
    *(p->last != NULL ? &p->last->next : &p->first) = entry;
    p->last = entry;
    return plan;
}

static bool fill_object(struct planner *p, struct value_plan *plan)
{
    const spoke_schema *schema = plan->schema;
    plan->fields = arena_alloc(p->arena, schema->count, sizeof *plan->fields);
    if (plan->fields == NULL && schema->count > 0)
        return false;
    for (size_t i = 0; i < schema->count; i++) {
        const struct sense_hint hint = {.name = schema->fields[i].name};
        plan->fields[i] = plan_of(p, schema->fields[i].schema, &hint);
        if (plan->fields[i] == NULL)
            return false;
    }
    return true;
}

static bool fill(struct planner *p, struct value_plan *plan, const struct sense_hint *hint)
{
    if (plan->schema->kind == SPOKE_SCHEMA_OBJECT)
        return fill_object(p, plan);
    if (plan->schema->element == NULL)
        return true;
    plan->element = plan_of(p, plan->schema->element, hint);
    return plan->element != NULL;
}

const struct value_plan *value_plan_make(struct arena *arena, const spoke_schema *schema,
                                         const struct sense_hint *hint, uint16_t *slots)
{
    static const struct sense_hint nothing = {NULL, NULL, NULL};
    struct planner p = {.arena = arena, .slots = slots};
    struct value_plan *top = plan_of(&p, schema, hint);
    for (const struct pending *at = p.first; top != NULL && at != NULL; at = at->next) {
        if (!fill(&p, at->plan, at->plan == top ? hint : &nothing))
            return NULL;
    }
    return top;
}

uint16_t value_plan_slot(const struct value_plan *plan)
{
    return is_number((spoke_schema_kind)plan->schema->kind) ? plan->slot : VALUE_NO_SLOT;
}

void value_lead(const struct value_plan *plan, struct value_memory *memory, double target)
{
    if (value_plan_slot(plan) != VALUE_NO_SLOT)
        memory->slots[plan->slot].target = isnan(target) ? target : fmin(fmax(target, plan->least), plan->most);
}
