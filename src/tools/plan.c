#include "tools/plan.h"

#include <string.h>

#include "tools/plan_type.h"

#define NO_MEMORY "there is not enough memory"

static bool fail(struct plan *plan, spoke_status status, const char *trouble)
{
    if (plan->status == SPOKE_OK) {
        plan->status = status;
        plan->trouble = trouble;
    }
    return false;
}

static const char *take(struct plan *plan, const char *a, const char *b, const char *c)
{
    const char *joined = name_join(plan->arena, name_join(plan->arena, a, b), c);
    const char *taken = names_take(&plan->globals, joined);
    if (taken == NULL)
        fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    return taken;
}

/* --- members --- */

static bool is_member(const struct dtdl_element *element)
{
    return (element->kind == DTDL_TELEMETRY || element->kind == DTDL_PROPERTY || element->kind == DTDL_COMMAND) &&
           (element->flags & DTDL_IS_CLOUD) == 0;
}

static bool has_handler(const struct plan_member *member)
{
    return member->member == SPOKE_COMMAND || (member->flags & SPOKE_WRITABLE) != 0;
}

/* The parameter that carries the value; the others have the names that are taken here first. */
static const char *argument_name(struct plan *plan, const char *snake)
{
    static const char *const others[] = {"client",   "user",    "wanted", "call",   "request",
                                         "response", "version", "ack",    "code",   "values",
                                         "status",   "field",   "json",   "memory", "scratch"};
    struct names scope = {.arena = plan->arena};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        (void)names_take(&scope, others[i]);
    const char *argument = names_take_local(&scope, &plan->globals, snake);
    if (argument == NULL)
        fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    return argument;
}

/* getLog of the library's own diagnostics: the client answers it, when `diagnostics` of its configuration names the
 * component. */
static bool client_answers(const struct plan_part *part, const struct plan_member *member)
{
    return part->component != NULL &&
           spoke_str_equal(part->interface->id, SPOKE_STR("dtmi:spoke:Diagnostics;1")) &&
           strcmp(member->name, "getLog") == 0;
}

static void name_functions(struct plan *plan, const struct plan_part *part, struct plan_member *member,
                           const char *snake)
{
    if (member->member == SPOKE_TELEMETRY)
        member->send = take(plan, part->identifier, "send", snake);
    if (member->member == SPOKE_PROPERTY)
        member->send = take(plan, part->identifier, "report", snake);
    if (!has_handler(member) || client_answers(part, member))
        return;
    member->on = take(plan, part->identifier, "on", snake);
    member->adapter = take(plan, part->identifier, member->member == SPOKE_COMMAND ? "call" : "take", snake);
    member->later = take(plan, part->identifier, member->member == SPOKE_COMMAND ? "reply" : "ack", snake);
    plan->handler_count++;
}

static bool member_schemas(struct plan *plan, const struct plan_part *part, struct plan_member *member,
                           const char *snake)
{
    const struct dtdl_element *element = member->element;
    const spoke_member *compiled =
        spoke_model_member(plan->table, spoke_str_of(part->component), spoke_str_of(member->name));
    const spoke_schema *first = compiled != NULL ? compiled->schema : NULL;
    const spoke_schema *second = compiled != NULL ? compiled->response : NULL;
    const char *hint = name_join(plan->arena, plan_interface_base(plan, element->parent), snake);
    if (element->kind != DTDL_COMMAND) {
        member->type = plan_type_of(plan, dtdl_target(element, DTDL_SCHEMA), first, hint);
        return member->type != NULL;
    }
    const struct dtdl_element *request = dtdl_target(element, DTDL_REQUEST);
    const struct dtdl_element *response = dtdl_target(element, DTDL_RESPONSE);
    if (request != NULL)
        member->type =
            plan_type_of(plan, dtdl_target(request, DTDL_SCHEMA), first, name_join(plan->arena, hint, "request"));
    if (response != NULL)
        member->response = plan_type_of(plan, dtdl_target(response, DTDL_SCHEMA), second,
                                        name_join(plan->arena, hint, "response"));
    return plan->status == SPOKE_OK;
}

/* IoT Central does not hold an initial value to its schema: one that does not fit is no constant. */
static void name_initial(struct plan *plan, const struct plan_part *part, struct plan_member *member,
                         const char *snake)
{
    const struct dtdl_extra *extra = member->element->extra;
    const spoke_member *compiled =
        spoke_model_member(plan->table, spoke_str_of(part->component), spoke_str_of(member->name));
    if (member->member != SPOKE_PROPERTY || extra == NULL || extra->initial_value.len == 0 || compiled == NULL ||
        spoke_schema_check(compiled->schema, extra->initial_value, NULL) != SPOKE_OK)
        return;
    const char *name = name_join(plan->arena, part->identifier, name_join(plan->arena, snake, "initial"));
    const char *upper = name != NULL ? name_upper(plan->arena, name) : NULL;
    member->initial = upper != NULL ? take(plan, upper, "", "") : NULL;
}

static uint8_t flags_of(const struct dtdl_element *element)
{
    const struct dtdl_element *request = dtdl_target(element, DTDL_REQUEST);
    const struct dtdl_element *response = dtdl_target(element, DTDL_RESPONSE);
    unsigned flags = 0;
    if (element->kind == DTDL_PROPERTY && (element->flags & DTDL_IS_WRITABLE) != 0)
        flags |= SPOKE_WRITABLE;
    if (element->kind == DTDL_COMMAND && (element->flags & DTDL_IS_DURABLE) != 0)
        flags |= SPOKE_DURABLE;
    if (element->kind == DTDL_COMMAND && request != NULL && (request->flags & DTDL_IS_NULLABLE) != 0)
        flags |= SPOKE_NULLABLE_REQUEST;
    if (element->kind == DTDL_COMMAND && response != NULL && (response->flags & DTDL_IS_NULLABLE) != 0)
        flags |= SPOKE_NULLABLE_RESPONSE;
    return (uint8_t)flags;
}

static bool fill_member(struct plan *plan, const struct plan_part *part, struct plan_member *member,
                        const struct dtdl_element *element)
{
    const char *snake = name_snake(plan->arena, element->name);
    member->element = element;
    member->name = arena_text(plan->arena, element->name);
    member->member = (uint8_t)(element->kind == DTDL_TELEMETRY  ? SPOKE_TELEMETRY
                               : element->kind == DTDL_PROPERTY ? SPOKE_PROPERTY
                                                                : SPOKE_COMMAND);
    member->flags = flags_of(element);
    if (snake == NULL || member->name == NULL)
        return fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    if (!member_schemas(plan, part, member, snake))
        return false;
    member->argument = argument_name(plan, snake);
    name_functions(plan, part, member, snake);
    name_initial(plan, part, member, snake);
    return plan->status == SPOKE_OK;
}

static bool fill_members(struct plan *plan, struct plan_part *part)
{
    struct dtdl_walk walk;
    const struct dtdl_element *element;
    size_t count = 0;
    dtdl_walk_begin(&walk, part->interface);
    while ((element = dtdl_walk_next(&walk)) != NULL)
        count += is_member(element);
    part->members = arena_alloc(plan->arena, count + 1, sizeof *part->members);
    if (part->members == NULL)
        return fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    if (walk.truncated)
        return fail(plan, SPOKE_E_TOO_LARGE, "an interface extends more than 1,024 others");
    dtdl_walk_begin(&walk, part->interface);
    while ((element = dtdl_walk_next(&walk)) != NULL) {
        if (!is_member(element))
            continue;
        if (!fill_member(plan, part, &part->members[part->count], element))
            return false;
        part->count++;
    }
    plan->member_count += part->count;
    return true;
}

/* --- batches --- */

static size_t count_kind(const struct plan_part *part, spoke_member_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < part->count; i++)
        count += part->members[i].member == kind;
    return count;
}

static const struct plan_type *make_batch(struct plan *plan, const struct plan_part *part, spoke_member_kind kind,
                                          const char *name, const char *documentation)
{
    const size_t count = count_kind(part, kind);
    if (count == 0)
        return NULL;
    if (count > UINT16_MAX - 1) {
        fail(plan, SPOKE_E_TOO_LARGE, "an interface has more than 65,534 members of a kind");
        return NULL;
    }
    struct plan_type *type = plan_batch(
        plan, name_join(plan->arena, plan_interface_base(plan, part->interface), name), documentation, count);
    size_t at = 0;
    for (size_t i = 0; type != NULL && i < part->count; i++) {
        const struct plan_member *member = &part->members[i];
        if (member->member != kind)
            continue;
        type->fields[at].name = member->name;
        type->fields[at].element = member->element;
        type->fields[at].type = member->type;
        at++;
    }
    if (type != NULL)
        plan_finish_fields(plan, type);
    return type;
}

/* Components of the same interface have the same batches. */
static const struct plan_part *twin_of(const struct plan *plan, const struct plan_part *part)
{
    for (const struct plan_part *p = plan->parts; p != part; p = p->next) {
        if (p->interface == part->interface)
            return p;
    }
    return NULL;
}

static bool fill_batches(struct plan *plan, struct plan_part *part)
{
    const struct plan_part *twin = twin_of(plan, part);
    part->telemetry = twin != NULL ? twin->telemetry
                                   : make_batch(plan, part, SPOKE_TELEMETRY, "telemetry",
                                                "Telemetry for one message: set members and their bits in `has`.");
    part->properties = twin != NULL
                           ? twin->properties
                           : make_batch(plan, part, SPOKE_PROPERTY, "properties",
                                        "Properties for one report: set members and their bits in `has`.");
    if (part->telemetry != NULL)
        part->send = take(plan, part->identifier, "send", "");
    if (part->properties != NULL)
        part->report = take(plan, part->identifier, "report", "");
    return plan->status == SPOKE_OK;
}

/* --- parts --- */

static struct plan_part *add_part(struct plan *plan, struct plan_part **end, const struct dtdl_element *component,
                                  const struct dtdl_element *interface)
{
    struct plan_part *part = arena_alloc(plan->arena, 1, sizeof *part);
    if (part == NULL) {
        fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
        return NULL;
    }
    part->element = component;
    part->interface = interface;
    part->identifier = plan->prefix;
    if (component != NULL) {
        part->component = arena_text(plan->arena, component->name);
        part->identifier = name_join(plan->arena, plan->prefix, name_snake(plan->arena, component->name));
        if (part->component == NULL || part->identifier == NULL)
            fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    }
    *end = part;
    return plan->status == SPOKE_OK ? part : NULL;
}

static bool add_parts(struct plan *plan)
{
    struct dtdl_walk walk;
    const struct dtdl_element *element;
    struct plan_part *part = add_part(plan, &plan->parts, NULL, plan->interface);
    if (part == NULL)
        return false;
    dtdl_walk_begin(&walk, plan->interface);
    while ((element = dtdl_walk_next(&walk)) != NULL) {
        const struct dtdl_element *interface =
            element->kind == DTDL_COMPONENT ? dtdl_target(element, DTDL_SCHEMA) : NULL;
        if (interface == NULL)
            continue;
        part = add_part(plan, &part->next, element, interface);
        if (part == NULL)
            return false;
    }
    return true;
}

/* --- the whole --- */

static const char *prefix_of(struct plan *plan, const char *wanted)
{
    const spoke_str name = wanted != NULL ? spoke_str_of(wanted) : name_of_dtmi(plan->interface->id);
    const char *prefix = name_snake(plan->arena, name);
    /* what starts with spoke_ is the library's */
    if (prefix != NULL && (strcmp(prefix, "spoke") == 0 || strncmp(prefix, "spoke_", 6) == 0))
        prefix = name_join(plan->arena, "my", prefix);
    return prefix;
}

/* What a program uses beside the names of the template. */
static bool take_fixed_names(struct plan *plan)
{
    plan->model_macro = take(plan, plan->upper, "MODEL", "");
    plan->guard = take(plan, plan->upper, "MODEL_H", "");
    plan->handler_count_name = take(plan, plan->upper, "HANDLER_COUNT", "");
    plan->scratch_bytes = take(plan, plan->upper, "SCRATCH_BYTES", "");
    plan->model = take(plan, plan->prefix, "model", "");
    plan->handlers = take(plan, plan->prefix, "handlers", "");
    return plan->status == SPOKE_OK;
}

/* What nobody sees, so that a telemetry called "one" keeps the name that it would have anywhere. */
static void take_inner_names(struct plan *plan)
{
    plan->members = take(plan, plan->prefix, "members", "");
    plan->ack_one = take(plan, plan->prefix, "ack_one", "");
    plan->reply_one = take(plan, plan->prefix, "reply_one", "");
    plan->respond = take(plan, plan->prefix, "respond", "");
    plan->send_one = take(plan, plan->prefix, "send_one", "");
    plan->report_one = take(plan, plan->prefix, "report_one", "");
    plan->refuse = take(plan, plan->prefix, "refuse", "");
}

const char *plan_no_table(spoke_status status)
{
    if (status == SPOKE_E_NO_MEMORY)
        return NO_MEMORY;
    if (status == SPOKE_E_MODEL)
        return "the value of an enum holds the character NUL, which no table can; give it another value";
    return "the interface is too large for a table: more than 65,535 fields or values of one schema";
}

spoke_status plan_make(struct plan *plan, struct arena *arena, const struct dtdl_element *interface,
                       const struct plan_options *options)
{
    memset(plan, 0, sizeof *plan);
    plan->arena = plan->globals.arena = arena;
    plan->interface = interface;
    plan->types_end = &plan->types;
    plan->with_handlers = !options->no_handlers;
    plan->prefix = prefix_of(plan, options->prefix);
    plan->dtmi = arena_text(arena, interface->id);
    plan->upper = plan->prefix != NULL ? name_upper(arena, plan->prefix) : NULL;
    if (plan->upper == NULL || plan->dtmi == NULL)
        fail(plan, SPOKE_E_NO_MEMORY, NO_MEMORY);
    const spoke_status status = plan->status == SPOKE_OK ? dtdl_compile(interface, arena, &plan->table) : SPOKE_OK;
    if (status != SPOKE_OK)
        fail(plan, status, plan_no_table(status));
    if (plan->status != SPOKE_OK || !take_fixed_names(plan) || !add_parts(plan))
        return plan->status;
    for (struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        if (!fill_members(plan, part))
            return plan->status;
    }
    for (struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        if (!fill_batches(plan, part))
            return plan->status;
    }
    plan_order_types(plan);
    take_inner_names(plan);
    return plan->status;
}
