#include "fleet/template.h"

#include <stdlib.h>
#include <string.h>

#include "synth/hint.h"

#define GROUP_BYTES 1500u /* a message takes more than one capability up to here */
#define TRIES 8           /* values that are made to see how long they get */
#define TRIAL_BYTES 262144u

/* --- values --- */

spoke_status template_value(const struct fleet_template *t, size_t member, struct value_memory *memory,
                            spoke_buf *out, spoke_str *json)
{
    const struct value_plan *plan = t->parts[member].value;
    spoke_writer w;
    if (plan == NULL)
        return SPOKE_E_MODEL;
    spoke_writer_init(&w, out->ptr + out->len, out->cap - out->len);
    const bool made = value_write(plan, memory, &w);
    const spoke_status status = spoke_writer_finish(&w, json);
    if (status == SPOKE_OK && made)
        out->len += json->len;
    return status != SPOKE_OK ? status : made ? SPOKE_OK : SPOKE_E_MODEL;
}

spoke_status template_field(const struct fleet_template *t, size_t member, struct value_memory *memory,
                            spoke_buf *scratch, spoke_field *out)
{
    spoke_str json;
    const spoke_status status = template_value(t, member, memory, scratch, &json);
    if (status == SPOKE_OK)
        *out = spoke_json(t->model->members[member].name, json);
    return status;
}

spoke_status template_message(const struct fleet_template *t, const struct template_group *group,
                              struct value_memory *memory, spoke_buf *out, spoke_str *json)
{
    spoke_writer w;
    bool made = true;
    spoke_writer_init(&w, out->ptr + out->len, out->cap - out->len);
    spoke_write_begin_object(&w);
    for (size_t i = 0; i < group->count && made; i++) {
        spoke_write_key(&w, spoke_str_of(t->model->members[group->members[i]].name));
        made = value_write(t->parts[group->members[i]].value, memory, &w);
    }
    spoke_write_end_object(&w);
    const spoke_status status = spoke_writer_finish(&w, json);
    if (status == SPOKE_OK)
        out->len += json->len;
    return made || status != SPOKE_OK ? status : SPOKE_E_MODEL;
}

/* --- parts --- */

static const spoke_schema *made_of(const spoke_member *member)
{
    return member->member == SPOKE_COMMAND ? member->response : member->schema;
}

static bool same_component(const spoke_member *a, const spoke_member *b)
{
    return spoke_str_equal(spoke_str_of(a->component), spoke_str_of(b->component));
}

/* "targetTemperature" leads "temperature"; where no telemetry has the rest of its name, the one of the same semantic
 * type does. */
static const struct value_plan *led_by(const struct fleet_template *t, const struct dtdl_element *interface,
                                       const spoke_member *target, const char *semantic_type)
{
    const struct value_plan *found = NULL;
    for (size_t i = 0; sense_is_target(target->name) && i < t->model->member_count; i++) {
        const spoke_member *member = &t->model->members[i];
        if (member->member != SPOKE_TELEMETRY || !same_component(member, target) || t->parts[i].value == NULL ||
            value_plan_slot(t->parts[i].value) == VALUE_NO_SLOT)
            continue;
        if (sense_holds(target->name, member->name))
            return t->parts[i].value;
        const char *type = hint_of(interface, member).semantic_type;
        if (found == NULL && type != NULL && semantic_type != NULL && strcmp(type, semantic_type) == 0)
            found = t->parts[i].value;
    }
    return found;
}

static spoke_status make_parts(struct arena *arena, const struct dtdl_element *interface, struct fleet_template *t)
{
    for (size_t i = 0; i < t->model->member_count; i++) {
        const spoke_member *member = &t->model->members[i];
        const struct sense_hint hint = hint_of(interface, member);
        if (made_of(member) == NULL)
            continue;
        t->parts[i].value = value_plan_make(arena, made_of(member), &hint, &t->slots);
        if (t->parts[i].value == NULL)
            return SPOKE_E_NO_MEMORY;
    }
    for (size_t i = 0; i < t->model->member_count; i++) {
        const spoke_member *member = &t->model->members[i];
        const struct sense_hint hint = hint_of(interface, member);
        if (member->member != SPOKE_PROPERTY || (member->flags & SPOKE_WRITABLE) == 0)
            continue;
        t->parts[i].leads = led_by(t, interface, member, hint.semantic_type);
        t->parts[i].interval_unit_s = sense_interval_unit_s(&hint);
    }
    return SPOKE_OK;
}

/* --- trying --- */

/* The longest of several values that fit; 0: none does. */
static size_t try_part(const struct fleet_template *t, size_t member, struct value_memory *memory, spoke_buf *room)
{
    size_t most = 0;
    for (int i = 0; i < TRIES; i++) {
        spoke_str json;
        room->len = 0;
        if (template_value(t, member, memory, room, &json) != SPOKE_OK ||
            spoke_schema_check(made_of(&t->model->members[member]), json, NULL) != SPOKE_OK)
            return 0;
        most = json.len > most ? json.len : most;
    }
    return most;
}

/* sizes: for each member; a member of which no value fits loses its plan. */
static void try_parts(struct fleet_template *t, struct value_memory *memory, spoke_buf *room, size_t *sizes)
{
    for (size_t i = 0; i < t->model->member_count; i++) {
        if (t->parts[i].value == NULL)
            continue;
        sizes[i] = try_part(t, i, memory, room);
        if (sizes[i] > 0)
            continue;
        t->parts[i].value = NULL;
        t->example = t->model->members[i].name;
        t->left_out++;
    }
}

/* --- groups --- */

static bool travels(const struct fleet_template *t, size_t i, spoke_member_kind kind)
{
    const spoke_member *member = &t->model->members[i];
    return member->member == kind && (member->flags & SPOKE_WRITABLE) == 0 && t->parts[i].value != NULL;
}

/* In the model's order, which keeps components together. */
static spoke_status group(struct arena *arena, struct fleet_template *t, spoke_member_kind kind,
                          const size_t *sizes, struct template_group **groups, size_t *count)
{
    const size_t members = t->model->member_count;
    uint16_t *list = arena_alloc(arena, members, sizeof *list);
    *groups = arena_alloc(arena, members, sizeof **groups);
    if (list == NULL || *groups == NULL)
        return SPOKE_E_NO_MEMORY;
    struct template_group *open = NULL;
    size_t bytes = 0;
    for (size_t i = 0; i < members; i++) {
        const spoke_member *member = &t->model->members[i];
        const size_t size = sizes[i] + strlen(member->name) + 4;
        if (!travels(t, i, kind))
            continue;
        if (open == NULL || bytes + size > GROUP_BYTES || open->count == TEMPLATE_GROUP_MOST ||
            !same_component(member, &t->model->members[open->members[0]])) {
            open = &(*groups)[(*count)++];
            *open = (struct template_group){.component = member->component, .members = list};
            bytes = 64; /* the component's object around a report */
        }
        *list++ = (uint16_t)i;
        open->count++;
        bytes += size;
        t->most_bytes = bytes > t->most_bytes ? bytes : t->most_bytes;
    }
    return SPOKE_OK;
}

/* What a device has reported, and what it was asked for with the answer to it: value, code, version and text. */
static size_t twin_bytes(const struct fleet_template *t, const size_t *sizes)
{
    size_t bytes = 256;
    for (size_t i = 0; i < t->model->member_count; i++) {
        const spoke_member *member = &t->model->members[i];
        const size_t one = strlen(member->name) + sizes[i] + 8;
        if (member->member == SPOKE_PROPERTY)
            bytes += (member->flags & SPOKE_WRITABLE) != 0 ? one * 2 + 64 : one;
    }
    return bytes + bytes / 2; /* later values may be longer */
}

static spoke_status try_and_group(struct arena *arena, struct fleet_template *t)
{
    const size_t members = t->model->member_count;
    size_t *sizes = arena_alloc(arena, members, sizeof *sizes);
    struct value_slot *slots = arena_alloc(arena, t->slots, sizeof *slots);
    void *memory = malloc(TRIAL_BYTES);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if ((sizes != NULL || members == 0) && (slots != NULL || t->slots == 0) && memory != NULL) {
        spoke_buf room = spoke_buf_from(memory, TRIAL_BYTES);
        struct value_memory trial;
        value_memory_init(&trial, random_of(1, 1), slots, t->slots);
        try_parts(t, &trial, &room, sizes);
        t->twin_bytes = twin_bytes(t, sizes);
        status = group(arena, t, SPOKE_TELEMETRY, sizes, &t->messages, &t->message_count);
    }
    if (status == SPOKE_OK)
        status = group(arena, t, SPOKE_PROPERTY, sizes, &t->reports, &t->report_count);
    t->most_bytes += t->most_bytes / 2 + 256; /* later values may be longer than those that were tried */
    free(memory);
    return status;
}

/* --- handlers --- */

static spoke_status make_handlers(struct arena *arena, struct fleet_template *t, spoke_property_fn on_property,
                                  spoke_command_fn on_command)
{
    t->handlers = arena_alloc(arena, t->model->member_count, sizeof *t->handlers);
    if (t->handlers == NULL && t->model->member_count > 0)
        return SPOKE_E_NO_MEMORY;
    for (size_t i = 0; i < t->model->member_count; i++) {
        const spoke_member *member = &t->model->members[i];
        const bool command = member->member == SPOKE_COMMAND;
        if (command || (member->flags & SPOKE_WRITABLE) != 0)
            t->handlers[t->handler_count++] = (spoke_handler){.component = member->component,
                                                              .name = member->name,
                                                              .property = command ? NULL : on_property,
                                                              .command = command ? on_command : NULL};
    }
    return SPOKE_OK;
}

spoke_status template_make(struct arena *arena, const struct dtdl_element *interface,
                           spoke_property_fn on_property, spoke_command_fn on_command, struct fleet_template *out)
{
    memset(out, 0, sizeof *out);
    spoke_status status = dtdl_compile(interface, arena, &out->model);
    if (status == SPOKE_OK && out->model->member_count > UINT16_MAX)
        status = SPOKE_E_TOO_LARGE;
    if (status == SPOKE_OK) {
        out->parts = arena_alloc(arena, out->model->member_count, sizeof *out->parts);
        status = out->parts != NULL || out->model->member_count == 0 ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    }
    if (status == SPOKE_OK)
        status = make_parts(arena, interface, out);
    if (status == SPOKE_OK)
        status = try_and_group(arena, out);
    return status == SPOKE_OK ? make_handlers(arena, out, on_property, on_command) : status;
}
