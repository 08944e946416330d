#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"

#define FIRST_BLOCK 16384u
#define MAX_ARENA_BYTES (64u * 1024u * 1024u) /* of one text of at most a megabyte */
#define MAX_ISSUES 100u
#define SPOKEN_ISSUES 20u /* in the sentence; the array has more */
#define ISSUE_CAP 1024u
#define MAX_CHOICES 1000u /* of one enum or object: a message may have a hundred thousand values to compare */

/* --- judging --- */

void template_report_free(struct template_report *report)
{
    free(report->text);
    cJSON_Delete(report->issues);
    memset(report, 0, sizeof *report);
}

static spoke_status load(struct heap_arena *heap, spoke_str text, struct dtdl_model **out)
{
    const struct dtdl_options options = {.profile = DTDL_CENTRAL, .max_issues = MAX_ISSUES};
    heap_arena_init(heap, FIRST_BLOCK, MAX_ARENA_BYTES);
    *out = dtdl_create(&heap->arena, &options);
    spoke_status status = *out != NULL ? dtdl_add(*out, "the template", text) : SPOKE_E_NO_MEMORY;
    return status == SPOKE_OK ? dtdl_finish(*out) : status;
}

static const char *end_text(spoke_buf *text)
{
    if (text->len == text->cap) /* cut: the last byte makes room */
        text->len--;
    text->ptr[text->len] = '\0';
    return (const char *)text->ptr;
}

static cJSON *issue_json(const struct dtdl_model *model, const struct dtdl_issue *issue)
{
    uint8_t pointer[512], sentence[ISSUE_CAP];
    spoke_buf place = spoke_buf_from(pointer, sizeof pointer), text = spoke_buf_from(sentence, sizeof sentence);
    cJSON *item = cJSON_CreateObject();
    dtdl_issue_pointer(model, issue, &place);
    dtdl_issue_text(model, issue, &text);
    cJSON_AddStringToObject(item, "pointer", end_text(&place));
    cJSON_AddNumberToObject(item, "line", issue->line);
    cJSON_AddNumberToObject(item, "column", issue->column);
    cJSON_AddStringToObject(item, "rule", issue->id);
    cJSON_AddStringToObject(item, "message", end_text(&text));
    return item;
}

static const char *text_at(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text != NULL && text[0] != '\0' ? text : "the document";
}

static void speak(FILE *out, const cJSON *issues, size_t count)
{
    const cJSON *item = NULL;
    size_t spoken = 0;
    (void)fprintf(out, "The template breaks %zu rule%s.", count, count == 1 ? "" : "s");
    cJSON_ArrayForEach(item, issues)
    {
        if (spoken++ == SPOKEN_ISSUES)
            break;
        (void)fprintf(out, "\nLine %d, column %d, %s: %s [%s]",
                      cJSON_GetObjectItemCaseSensitive(item, "line")->valueint,
                      cJSON_GetObjectItemCaseSensitive(item, "column")->valueint, text_at(item, "pointer"),
                      text_at(item, "message"), text_at(item, "rule"));
    }
    if (count > SPOKEN_ISSUES)
        (void)fprintf(out, "\nAnd %zu more.", count - SPOKEN_ISSUES);
}

/* A template is complete in itself, as the cloud wants it; what is referred to has to be inside. */
static void speak_missing(FILE *out, const struct dtdl_model *model)
{
    spoke_str id;
    (void)fprintf(out, "The template refers to what is not in it; put it inline:");
    for (size_t i = 0; i < SPOKEN_ISSUES && (id = dtdl_missing(model, i)).len > 0; i++)
        (void)fprintf(out, " %.*s", (int)id.len, id.ptr);
}

static spoke_status report_fill(struct template_report *report, const struct dtdl_model *model,
                                spoke_status status)
{
    size_t len = 0;
    FILE *out = open_memstream(&report->text, &len);
    report->issues = cJSON_CreateArray();
    if (out == NULL || report->issues == NULL) {
        if (out != NULL)
            (void)fclose(out);
        return SPOKE_E_NO_MEMORY;
    }
    for (const struct dtdl_issue *issue = dtdl_issues(model); issue != NULL; issue = issue->next)
        cJSON_AddItemToArray(report->issues, issue_json(model, issue));
    if (status == SPOKE_E_NOT_FOUND)
        speak_missing(out, model);
    else
        speak(out, report->issues, dtdl_issue_count(model));
    return fclose(out) == 0 ? SPOKE_E_MODEL : SPOKE_E_NO_MEMORY;
}

spoke_status template_judge(spoke_str text, struct template_report *report)
{
    struct heap_arena heap;
    struct dtdl_model *model;
    memset(report, 0, sizeof *report);
    spoke_status status = load(&heap, text, &model);
    if (status == SPOKE_E_MODEL || status == SPOKE_E_NOT_FOUND || status == SPOKE_E_JSON)
        status = report_fill(report, model, status);
    heap_arena_fini(&heap);
    return status;
}

/* --- the table --- */

struct cloud_property {
    const struct cloud_property *next;
    const char *component; /* "": the default one */
    const char *name;
    const spoke_schema *schema;
};

struct component {
    const struct component *next;
    const char *name;
};

struct template_table {
    struct heap_arena heap; /* of all that follows */
    const spoke_model *model;
    const struct cloud_property *cloud; /* which the model leaves out: devices have nothing to do with them */
    const struct component *components; /* also those that have no member in the model */
};

static spoke_status add_cloud(struct template_table *t, const char *component, const struct dtdl_element *property)
{
    struct cloud_property *cloud = arena_alloc(&t->heap.arena, 1, sizeof *cloud);
    if (cloud == NULL)
        return SPOKE_E_NO_MEMORY;
    cloud->component = component;
    cloud->name = arena_text(&t->heap.arena, property->name);
    cloud->next = t->cloud;
    t->cloud = cloud;
    const spoke_status status =
        dtdl_compile_schema(dtdl_target(property, DTDL_SCHEMA), &t->heap.arena, &cloud->schema);
    return cloud->name != NULL ? status : SPOKE_E_NO_MEMORY;
}

static spoke_status list_cloud(struct template_table *t, const char *component,
                               const struct dtdl_element *interface)
{
    struct dtdl_walk walk;
    const struct dtdl_element *content;
    spoke_status status = SPOKE_OK;
    dtdl_walk_begin(&walk, interface);
    while (status == SPOKE_OK && (content = dtdl_walk_next(&walk)) != NULL) {
        if ((content->flags & DTDL_IS_CLOUD) != 0)
            status = add_cloud(t, component, content);
    }
    return status;
}

static spoke_status add_component(struct template_table *t, const struct dtdl_element *element)
{
    struct component *component = arena_alloc(&t->heap.arena, 1, sizeof *component);
    if (component == NULL)
        return SPOKE_E_NO_MEMORY;
    component->name = arena_text(&t->heap.arena, element->name);
    component->next = t->components;
    t->components = component;
    return component->name != NULL ? list_cloud(t, component->name, dtdl_target(element, DTDL_SCHEMA))
                                   : SPOKE_E_NO_MEMORY;
}

static spoke_status list_components(struct template_table *t, const struct dtdl_element *interface)
{
    struct dtdl_walk walk;
    const struct dtdl_element *content;
    spoke_status status = SPOKE_OK;
    dtdl_walk_begin(&walk, interface);
    while (status == SPOKE_OK && (content = dtdl_walk_next(&walk)) != NULL) {
        if (content->kind == DTDL_COMPONENT)
            status = add_component(t, content);
    }
    return status;
}

static size_t count_links(const struct dtdl_element *element, enum dtdl_edge edge)
{
    size_t count = 0;
    for (const struct dtdl_link *link = dtdl_first(element, edge); link != NULL; link = dtdl_next(link))
        count++;
    return count;
}

/* E_TOO_LARGE: checking one message against it could hold up all other devices. */
static spoke_status check_cost(const struct dtdl_model *model)
{
    for (size_t i = 0; i < dtdl_element_count(model); i++) {
        const struct dtdl_element *element = dtdl_element_at(model, i);
        if ((element->kind == DTDL_ENUM && count_links(element, DTDL_ENUM_VALUES) > MAX_CHOICES) ||
            (element->kind == DTDL_OBJECT && count_links(element, DTDL_FIELDS) > MAX_CHOICES))
            return SPOKE_E_TOO_LARGE;
    }
    return SPOKE_OK;
}

static spoke_status compile(struct template_table *t, spoke_str json, const char *model_id)
{
    struct heap_arena graph;
    struct dtdl_model *model;
    spoke_status status = load(&graph, json, &model);
    if (status == SPOKE_E_NOT_FOUND || status == SPOKE_E_JSON)
        status = SPOKE_E_MODEL;
    if (status == SPOKE_OK)
        status = check_cost(model);
    if (status == SPOKE_OK) {
        const struct dtdl_element *interface = dtdl_by_id(model, spoke_str_of(model_id));
        heap_arena_init(&t->heap, 1024, MAX_ARENA_BYTES);
        status = interface != NULL && interface->kind == DTDL_INTERFACE
                     ? dtdl_compile(interface, &t->heap.arena, &t->model)
                     : SPOKE_E_MODEL;
        if (status == SPOKE_OK)
            status = list_cloud(t, "", interface);
        if (status == SPOKE_OK)
            status = list_components(t, interface);
    }
    heap_arena_fini(&graph);
    return status;
}

spoke_status template_compile(spoke_str json, const char *model_id, struct template_table **out)
{
    struct template_table *t = calloc(1, sizeof *t);
    *out = NULL;
    if (t == NULL)
        return SPOKE_E_NO_MEMORY;
    const spoke_status status = compile(t, json, model_id);
    if (status == SPOKE_OK)
        *out = t;
    else
        template_free(t);
    return status;
}

void template_free(struct template_table *t)
{
    if (t == NULL)
        return;
    heap_arena_fini(&t->heap);
    free(t);
}

size_t template_bytes(const struct template_table *t)
{
    return sizeof *t + t->heap.bytes;
}

bool template_has_component(const struct template_table *t, spoke_str component)
{
    const struct component *at = t->components;
    while (at != NULL && !spoke_str_equal(spoke_str_of(at->name), component))
        at = at->next;
    return at != NULL;
}

const char *template_component(const struct template_table *t, size_t i)
{
    const struct component *at = t->components;
    for (; at != NULL && i > 0; i--)
        at = at->next;
    return at != NULL ? at->name : NULL;
}

/* --- values --- */

const char *template_fit_text(enum template_fit fit)
{
    switch (fit) {
    case TEMPLATE_FITS:
        return "fits";
    case TEMPLATE_UNMODELED:
        return "unmodeled";
    case TEMPLATE_WRONG_TYPE:
        return "wrong type";
    case TEMPLATE_READ_ONLY:
        return "read-only";
    }
    return "";
}

static const char *kind_text(spoke_member_kind kind)
{
    return kind == SPOKE_TELEMETRY ? "telemetry" : kind == SPOKE_PROPERTY ? "property" : "command";
}

static const struct cloud_property *find_cloud(const struct template_table *t, spoke_str component, spoke_str name)
{
    const struct cloud_property *cloud = t->cloud;
    while (cloud != NULL && !(spoke_str_equal(spoke_str_of(cloud->name), name) &&
                              spoke_str_equal(spoke_str_of(cloud->component), component)))
        cloud = cloud->next;
    return cloud;
}

bool template_is_cloud(const struct template_table *t, spoke_str component, spoke_str name)
{
    return find_cloud(t, component, name) != NULL;
}

bool template_is_telemetry(const struct template_table *t, spoke_str component, spoke_str name)
{
    return spoke_model_find(t->model, SPOKE_TELEMETRY, component, name) != NULL;
}

bool template_is_property(const struct template_table *t, spoke_str component, spoke_str name)
{
    return spoke_model_find(t->model, SPOKE_PROPERTY, component, name) != NULL;
}

bool template_is_command(const struct template_table *t, spoke_str component, spoke_str name)
{
    return spoke_model_find(t->model, SPOKE_COMMAND, component, name) != NULL;
}

/* A name from outside may be long: a part of it says enough. */
static int shown(spoke_str text)
{
    return text.len > 64 ? 64 : (int)text.len;
}

/* What the name stands for instead, "; it is a command". */
static const char *instead(const struct template_table *t, const spoke_member *member, spoke_str component,
                           spoke_str name)
{
    if (member == NULL)
        return template_is_cloud(t, component, name) ? "; it is a cloud property, which devices do not have" : "";
    switch ((spoke_member_kind)member->member) {
    case SPOKE_TELEMETRY:
        return "; it is telemetry";
    case SPOKE_PROPERTY:
        return "; it is a property";
    case SPOKE_COMMAND:
        return "; it is a command";
    }
    return "";
}

static const spoke_member *find(const struct template_table *t, spoke_member_kind kind, spoke_str component,
                                spoke_str name, char why[TEMPLATE_WHY_CAP])
{
    const spoke_member *member = spoke_model_member(t->model, component, name);
    if (member != NULL && member->member == kind)
        return member;
    const bool part = component.len > 0;
    if (part && !template_has_component(t, component))
        (void)snprintf(why, TEMPLATE_WHY_CAP, "the template has no component '%.*s'", shown(component),
                       component.ptr);
    else
        (void)snprintf(why, TEMPLATE_WHY_CAP, "the template has no %s '%.*s'%s%.*s%s%s", kind_text(kind),
                       shown(name), name.ptr, part ? " of component '" : "", part ? shown(component) : 0,
                       part ? component.ptr : "", part ? "'" : "", instead(t, member, component, name));
    return NULL;
}

static enum template_fit check_cloud(const struct cloud_property *cloud, spoke_str json,
                                     char why[TEMPLATE_WHY_CAP])
{
    spoke_fault fault;
    char reason[TEMPLATE_WHY_CAP / 2];
    if (spoke_json_type(json) == 'n' || spoke_schema_check(cloud->schema, json, &fault) == SPOKE_OK)
        return TEMPLATE_FITS;
    (void)snprintf(why, TEMPLATE_WHY_CAP, "cloud property '%.64s': %s", cloud->name,
                   spoke_fault_text(&fault, reason, sizeof reason));
    return TEMPLATE_WRONG_TYPE;
}

static enum template_fit check(const spoke_member *member, const spoke_schema *schema, spoke_str json,
                               char why[TEMPLATE_WHY_CAP])
{
    spoke_fault fault;
    memset(&fault, 0, sizeof fault);
    if (spoke_schema_check(schema, json, &fault) == SPOKE_OK)
        return TEMPLATE_FITS;
    fault.member = member;
    (void)spoke_fault_text(&fault, why, TEMPLATE_WHY_CAP);
    return TEMPLATE_WRONG_TYPE;
}

enum template_fit template_telemetry(const struct template_table *t, spoke_str component, spoke_str name,
                                     spoke_str json, char why[TEMPLATE_WHY_CAP])
{
    const spoke_member *member = find(t, SPOKE_TELEMETRY, component, name, why);
    return member != NULL ? check(member, member->schema, json, why) : TEMPLATE_UNMODELED;
}

/* The value inside an acknowledgement; the text itself when it is none. */
static spoke_str acknowledged(spoke_str json)
{
    spoke_str value, code, version;
    int64_t number;
    const bool found = spoke_json_type(json) == '{' && spoke_json_find(json, "value", &value) == SPOKE_OK &&
                       spoke_json_find(json, "ac", &code) == SPOKE_OK &&
                       spoke_json_find(json, "av", &version) == SPOKE_OK &&
                       spoke_json_int(code, &number) == SPOKE_OK && spoke_json_int(version, &number) == SPOKE_OK;
    return found ? value : json;
}

enum template_fit template_reported(const struct template_table *t, spoke_str component, spoke_str name,
                                    spoke_str json, char why[TEMPLATE_WHY_CAP])
{
    const spoke_member *member = find(t, SPOKE_PROPERTY, component, name, why);
    if (member == NULL)
        return TEMPLATE_UNMODELED;
    const bool writable = (member->flags & SPOKE_WRITABLE) != 0;
    return check(member, member->schema, writable ? acknowledged(json) : json, why);
}

enum template_fit template_desired(const struct template_table *t, spoke_str component, spoke_str name,
                                   spoke_str json, char why[TEMPLATE_WHY_CAP])
{
    const struct cloud_property *cloud = find_cloud(t, component, name);
    if (cloud != NULL)
        return check_cloud(cloud, json, why);
    const spoke_member *member = find(t, SPOKE_PROPERTY, component, name, why);
    const bool removed = spoke_json_type(json) == 'n';
    if (member == NULL)
        return removed ? TEMPLATE_FITS : TEMPLATE_UNMODELED; /* what an older template knew can be cleared away */
    if ((member->flags & SPOKE_WRITABLE) == 0) {
        (void)snprintf(why, TEMPLATE_WHY_CAP,
                       "property '%.*s' is read-only in the template: only the device sets it", shown(name),
                       name.ptr);
        return TEMPLATE_READ_ONLY;
    }
    return removed ? TEMPLATE_FITS : check(member, member->schema, json, why);
}

typedef spoke_status (*command_check)(const spoke_member *member, spoke_str json, spoke_fault *fault);

static enum template_fit check_command(const struct template_table *t, spoke_str component, spoke_str name,
                                       spoke_str json, command_check checks, char why[TEMPLATE_WHY_CAP])
{
    const spoke_member *member = find(t, SPOKE_COMMAND, component, name, why);
    spoke_fault fault;
    if (member == NULL)
        return TEMPLATE_UNMODELED;
    if (checks(member, json, &fault) == SPOKE_OK)
        return TEMPLATE_FITS;
    (void)spoke_fault_text(&fault, why, TEMPLATE_WHY_CAP);
    return TEMPLATE_WRONG_TYPE;
}

enum template_fit template_request(const struct template_table *t, spoke_str component, spoke_str name,
                                   spoke_str json, char why[TEMPLATE_WHY_CAP])
{
    return check_command(t, component, name, json, spoke_request_check, why);
}

enum template_fit template_response(const struct template_table *t, spoke_str component, spoke_str name,
                                    spoke_str json, char why[TEMPLATE_WHY_CAP])
{
    return check_command(t, component, name, json, spoke_response_check, why);
}

bool template_is_durable(const struct template_table *t, spoke_str component, spoke_str name)
{
    const spoke_member *member = spoke_model_find(t->model, SPOKE_COMMAND, component, name);
    return member != NULL && (member->flags & SPOKE_DURABLE) != 0;
}
