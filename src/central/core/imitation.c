#include "imitation.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"
#include "synth/hint.h"
#include "synth/value.h"

enum {
    FIRST_BLOCK = 16384,
    MAX_ARENA_BYTES = 64 * 1024 * 1024,
    MESSAGE_BYTES = 65536,
    VALUE_BYTES = 16384, /* a value that is longer is left out */
    LEAST_INTERVAL_MS = 100,
    MOST_INTERVAL_MS = 24 * 3600 * 1000
};

struct part {
    const struct value_plan *plan; /* NULL: nothing to make */
    double interval_unit_s;        /* a writable property that says how often telemetry is sent; 0: another one */
};

struct imitation {
    struct heap_arena heap;
    const spoke_model *model;
    struct part *parts; /* as the model's members */
    struct value_memory memory;
    struct value_slot *slots;
    uint16_t slot_count;
    uint64_t interval_ms; /* 0: nobody asked for one */
    uint8_t value[VALUE_BYTES], message[MESSAGE_BYTES];
};

/* --- making --- */

static const spoke_schema *made_of(const spoke_member *member)
{
    return member->member == SPOKE_COMMAND ? member->response : member->schema;
}

static bool is_writable(const spoke_member *member)
{
    return member->member == SPOKE_PROPERTY && (member->flags & SPOKE_WRITABLE) != 0;
}

static spoke_status make_parts(struct imitation *im, const struct dtdl_element *interface)
{
    struct arena *arena = &im->heap.arena;
    const size_t count = im->model->member_count;
    uint16_t slots = 0;
    im->parts = arena_alloc(arena, count, sizeof *im->parts);
    if (im->parts == NULL && count > 0)
        return SPOKE_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const spoke_member *member = &im->model->members[i];
        const struct sense_hint hint = hint_of(interface, member);
        im->parts[i] = (struct part){.plan = NULL};
        if (is_writable(member))
            im->parts[i].interval_unit_s = sense_interval_unit_s(&hint);
        if (made_of(member) == NULL)
            continue;
        /* the plan keeps the name alone, which is the model's; the rest of the graph goes */
        im->parts[i].plan = value_plan_make(arena, made_of(member), &hint, &slots);
        if (im->parts[i].plan == NULL)
            return SPOKE_E_NO_MEMORY;
    }
    im->slots = arena_alloc(arena, slots, sizeof *im->slots);
    im->slot_count = slots;
    return im->slots != NULL || slots == 0 ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static spoke_status compile(struct imitation *im, spoke_str json, const char *model_id, uint64_t seed)
{
    const struct dtdl_options options = {.profile = DTDL_CENTRAL, .max_issues = 1};
    struct heap_arena graph;
    heap_arena_init(&graph, FIRST_BLOCK, MAX_ARENA_BYTES);
    struct dtdl_model *model = dtdl_create(&graph.arena, &options);
    spoke_status status = model != NULL ? dtdl_add(model, "the template", json) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = dtdl_finish(model);
    const struct dtdl_element *interface = status == SPOKE_OK ? dtdl_by_id(model, spoke_str_of(model_id)) : NULL;
    if (status == SPOKE_OK)
        status = interface != NULL && interface->kind == DTDL_INTERFACE
                     ? dtdl_compile(interface, &im->heap.arena, &im->model)
                     : SPOKE_E_MODEL;
    if (status == SPOKE_OK)
        status = make_parts(im, interface);
    if (status == SPOKE_OK)
        value_memory_init(&im->memory, random_of(seed, 1), im->slots, im->slot_count);
    heap_arena_fini(&graph);
    return status;
}

spoke_status imitation_make(spoke_str json, const char *model_id, uint64_t seed, struct imitation **out)
{
    struct imitation *im = calloc(1, sizeof *im);
    if (im == NULL)
        return SPOKE_E_NO_MEMORY;
    heap_arena_init(&im->heap, 4096, MAX_ARENA_BYTES);
    const spoke_status status = compile(im, json, model_id, seed);
    if (status == SPOKE_OK)
        *out = im;
    else
        imitation_free(im);
    return status;
}

void imitation_free(struct imitation *im)
{
    if (im == NULL)
        return;
    heap_arena_fini(&im->heap);
    free(im);
}

/* --- values --- */

/* A value that fits. False: none could be made, or it would be too long. */
static bool make_value(struct imitation *im, size_t i, int64_t unix_ms, spoke_str *json)
{
    const struct value_plan *plan = im->parts[i].plan;
    spoke_writer w;
    if (plan == NULL)
        return false;
    im->memory.unix_ms = unix_ms;
    spoke_writer_init(&w, im->value, sizeof im->value);
    return value_write(plan, &im->memory, &w) && spoke_writer_finish(&w, json) == SPOKE_OK &&
           spoke_schema_check(made_of(&im->model->members[i]), *json, NULL) == SPOKE_OK;
}

static bool same_component(const spoke_member *a, const spoke_member *b)
{
    return spoke_str_equal(spoke_str_of(a->component), spoke_str_of(b->component));
}

static bool next_telemetry(const struct imitation *im, size_t *at)
{
    while (*at < im->model->member_count && im->model->members[*at].member != SPOKE_TELEMETRY)
        ++*at;
    return *at < im->model->member_count;
}

/* Members of a component stand together in a model. */
bool imitation_message(struct imitation *im, int64_t unix_ms, size_t *at, const char **component, spoke_str *body)
{
    while (next_telemetry(im, at)) {
        const spoke_member *first = &im->model->members[*at];
        spoke_writer w;
        size_t count = 0;
        spoke_writer_init(&w, im->message, sizeof im->message);
        spoke_write_begin_object(&w);
        for (; *at < im->model->member_count && same_component(first, &im->model->members[*at]); ++*at) {
            spoke_str json;
            if (im->model->members[*at].member != SPOKE_TELEMETRY || !make_value(im, *at, unix_ms, &json))
                continue;
            spoke_write(&w, spoke_json(im->model->members[*at].name, json));
            count++;
        }
        spoke_write_end_object(&w);
        *component = first->component != NULL ? first->component : "";
        if (count > 0 && spoke_writer_finish(&w, body) == SPOKE_OK)
            return true;
    }
    return false;
}

/* --- properties --- */

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* The part of a section that a component has; the section itself for the default one. */
static const cJSON *level_of(const cJSON *section, const char *component)
{
    return component != NULL ? member(section, component) : section;
}

static cJSON *patch_level(cJSON *patch, const char *component)
{
    if (component == NULL)
        return patch;
    cJSON *level = cJSON_GetObjectItemCaseSensitive(patch, component);
    if (level == NULL) {
        level = cJSON_AddObjectToObject(patch, component);
        cJSON_AddStringToObject(level, "__t", "c");
    }
    return level;
}

static void add_acknowledged(cJSON *level, const char *name, cJSON *value, int code, double version,
                             const char *description)
{
    cJSON *ack = cJSON_AddObjectToObject(level, name);
    cJSON_AddItemToObject(ack, "value", value);
    cJSON_AddNumberToObject(ack, "ac", code);
    cJSON_AddNumberToObject(ack, "av", version);
    cJSON_AddStringToObject(ack, "ad", description);
}

static cJSON *patch_or_null(cJSON *patch)
{
    if (patch != NULL && patch->child != NULL)
        return patch;
    cJSON_Delete(patch);
    return NULL;
}

cJSON *imitation_report(struct imitation *im, int64_t unix_ms, const cJSON *desired, const cJSON *reported)
{
    cJSON *patch = cJSON_CreateObject();
    for (size_t i = 0; i < im->model->member_count; i++) {
        const spoke_member *m = &im->model->members[i];
        spoke_str json;
        const bool known = member(level_of(desired, m->component), m->name) != NULL ||
                           (is_writable(m) && member(level_of(reported, m->component), m->name) != NULL);
        if (m->member != SPOKE_PROPERTY || known || !make_value(im, i, unix_ms, &json))
            continue;
        cJSON *value = cJSON_ParseWithLength(json.ptr, json.len);
        if (is_writable(m))
            add_acknowledged(patch_level(patch, m->component), m->name, value, 203, 0, "a first value");
        else
            cJSON_AddItemToObject(patch_level(patch, m->component), m->name, value);
    }
    return patch_or_null(patch);
}

static void obey(struct imitation *im, size_t i, const cJSON *value)
{
    const double unit_ms = im->parts[i].interval_unit_s * 1000;
    if (!(unit_ms > 0) || !cJSON_IsNumber(value) || !(value->valuedouble > 0))
        return;
    const double wanted = value->valuedouble * unit_ms;
    im->interval_ms = wanted < LEAST_INTERVAL_MS  ? LEAST_INTERVAL_MS
                      : wanted > MOST_INTERVAL_MS ? MOST_INTERVAL_MS
                                                  : (uint64_t)wanted;
}

static bool fits(const spoke_member *m, const cJSON *value)
{
    char *json = cJSON_PrintUnformatted(value);
    const bool good = json != NULL && spoke_schema_check(m->schema, spoke_str_of(json), NULL) == SPOKE_OK;
    cJSON_free(json);
    return good;
}

cJSON *imitation_acknowledge(struct imitation *im, const cJSON *desired, double version)
{
    cJSON *patch = cJSON_CreateObject();
    for (size_t i = 0; i < im->model->member_count; i++) {
        const spoke_member *m = &im->model->members[i];
        const cJSON *value = member(level_of(desired, m->component), m->name);
        if (!is_writable(m) || value == NULL || cJSON_IsNull(value))
            continue;
        const bool good = fits(m, value);
        if (good)
            obey(im, i, value);
        add_acknowledged(patch_level(patch, m->component), m->name, cJSON_Duplicate(value, true), good ? 200 : 400,
                         version, good ? "done, by a simulated device" : "it does not fit the template");
    }
    return patch_or_null(patch);
}

uint64_t imitation_interval_ms(const struct imitation *im, uint64_t usual)
{
    return im->interval_ms != 0 ? im->interval_ms : usual;
}

/* --- commands --- */

int imitation_answer(struct imitation *im, int64_t unix_ms, spoke_str method, spoke_str *body)
{
    spoke_str component = {NULL, 0}, name = {NULL, 0};
    if (!spoke_str_cut(method, '*', &component, &name)) {
        name = method;
        component = spoke_str_from(NULL, 0);
    }
    const spoke_member *m = spoke_model_find(im->model, SPOKE_COMMAND, component, name);
    *body = spoke_str_from(NULL, 0);
    if (m == NULL)
        return 404;
    if (!make_value(im, (size_t)(m - im->model->members), unix_ms, body))
        *body = spoke_str_from(NULL, 0);
    return 200;
}
