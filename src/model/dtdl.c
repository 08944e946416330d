#include "model/dtdl_private.h"

#include <string.h>

#define DEFAULT_MAX_ISSUES 1000u
#define DEFAULT_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct dtdl_model *dtdl_create(struct arena *arena, const struct dtdl_options *options)
{
    struct dtdl_model *model = arena_alloc(arena, 1, sizeof *model);
    if (model == NULL)
        return NULL;
    model->arena = arena;
    if (options != NULL)
        model->options = *options;
    if (model->options.max_version == 0)
        model->options.max_version = 4;
    if (model->options.max_issues == 0)
        model->options.max_issues = DEFAULT_MAX_ISSUES;
    if (model->options.max_bytes == 0)
        model->options.max_bytes = DEFAULT_MAX_BYTES;
    return model;
}

/* --- documents --- */

spoke_status document_add(struct dtdl_model *model, const char *file, spoke_str text, struct json_doc **out)
{
    struct json_fault fault = {0, NULL};
    *out = NULL;
    if (text.len > model->options.max_bytes - model->bytes)
        return SPOKE_E_TOO_LARGE;
    model->bytes += text.len;
    struct json_doc *doc = arena_alloc(model->arena, 1, sizeof *doc);
    if (doc == NULL)
        return SPOKE_E_NO_MEMORY;
    doc->file = file;
    doc->text = text;
    if (model->last_doc != NULL) {
        doc->number = model->last_doc->number + 1;
        model->last_doc->next = doc;
    } else {
        model->docs = doc;
    }
    model->last_doc = doc;
    const spoke_status status = json_doc_read(doc, model->arena, &fault);
    if (status == SPOKE_E_JSON) {
        doc->count = 0;
        issue_at(model, doc, fault.offset, NULL, "invalidJson", DETAILS(.restriction = fault.what));
        return SPOKE_OK;
    }
    if (status == SPOKE_OK)
        *out = doc;
    return status;
}

spoke_status dtdl_add(struct dtdl_model *model, const char *file, spoke_str text)
{
    struct json_doc *doc;
    spoke_status status = document_add(model, file, text, &doc);
    if (status == SPOKE_OK && doc != NULL)
        load_document(model, doc);
    if (model->arena->exhausted)
        status = SPOKE_E_NO_MEMORY;
    if (status != SPOKE_OK)
        issues_sort(model); /* nobody needs to finish it to be told what was found */
    return status;
}

static spoke_status verdict(const struct dtdl_model *model)
{
    if (model->arena->exhausted)
        return SPOKE_E_NO_MEMORY;
    if (model->issue_count > 0)
        return SPOKE_E_MODEL;
    if (model->too_large)
        return SPOKE_E_TOO_LARGE;
    return model->missing_count > 0 ? SPOKE_E_NOT_FOUND : SPOKE_OK;
}

spoke_status dtdl_finish(struct dtdl_model *model)
{
    const spoke_status status = stopped(model) ? SPOKE_OK : references_resolve(model);
    if (status == SPOKE_OK && !stopped(model)) {
        elements_check(model);
        trees_check(model);
    }
    issues_sort(model);
    return status == SPOKE_OK || model->arena->exhausted ? verdict(model) : status;
}

/* --- looking --- */

spoke_str dtdl_missing(const struct dtdl_model *model, size_t i)
{
    return i < model->missing_count ? model->missing[i] : spoke_str_from(NULL, 0);
}

const struct dtdl_element *dtdl_element_at(const struct dtdl_model *model, size_t i)
{
    return i < model->element_count ? &model->elements[i]->pub : NULL;
}

size_t dtdl_element_count(const struct dtdl_model *model)
{
    return model->element_count;
}

const struct dtdl_element *dtdl_interface_at(const struct dtdl_model *model, size_t i)
{
    return i < model->root_count ? &model->roots[i]->pub : NULL;
}

const struct dtdl_element *dtdl_by_id(const struct dtdl_model *model, spoke_str dtmi)
{
    uint32_t context;
    const struct element *element = id_find(model, dtmi);
    if (element != NULL)
        return &element->pub;
    const struct term *term = term_by_dtmi(dtmi, TERM_SCHEMA | TERM_STANDARD, &context);
    if (term == NULL)
        return NULL;
    return term->kind == TERM_SCHEMA ? standard_primitive((enum dtdl_class)term->index)
                                     : standard_schema((enum dtdl_standard)term->index);
}

static const struct dtdl_link *from_here(const struct dtdl_link *link, unsigned edge)
{
    while (link != NULL && (link->edge != edge || link->to == NULL))
        link = link->next;
    return link;
}

const struct dtdl_link *dtdl_first(const struct dtdl_element *element, enum dtdl_edge edge)
{
    return from_here(element->links, edge);
}

const struct dtdl_link *dtdl_next(const struct dtdl_link *link)
{
    return from_here(link->next, link->edge);
}

const struct dtdl_element *dtdl_target(const struct dtdl_element *element, enum dtdl_edge edge)
{
    const struct dtdl_link *link = dtdl_first(element, edge);
    return link != NULL ? link->to : NULL;
}

const char *dtdl_class_name(enum dtdl_class kind)
{
    static const char *const names[DTDL_CLASS_COUNT] = {"(no type)",
                                                        "Interface",
                                                        "Telemetry",
                                                        "Property",
                                                        "Command",
                                                        "Relationship",
                                                        "Component",
                                                        "CommandPayload",
                                                        "CommandRequest",
                                                        "CommandResponse",
                                                        "Field",
                                                        "EnumValue",
                                                        "MapKey",
                                                        "MapValue",
                                                        "Array",
                                                        "Enum",
                                                        "Map",
                                                        "Object",
                                                        "Boolean",
                                                        "Byte",
                                                        "Short",
                                                        "Integer",
                                                        "Long",
                                                        "UnsignedByte",
                                                        "UnsignedShort",
                                                        "UnsignedInteger",
                                                        "UnsignedLong",
                                                        "Float",
                                                        "Double",
                                                        "Decimal",
                                                        "String",
                                                        "Date",
                                                        "Time",
                                                        "DateTime",
                                                        "Duration",
                                                        "Bytes",
                                                        "Uuid",
                                                        "CommandType",
                                                        "Unit",
                                                        "UnitAttribute"};
    return names[kind];
}

/* --- identifiers that the language assigns --- */

static const char *edge_name(unsigned edge)
{
    static const char *const names[DTDL_EDGE_COUNT] = {
        "contents",   "extends",     "schemas",       "schema", "request",  "response",   "fields",
        "enumValues", "valueSchema", "elementSchema", "mapKey", "mapValue", "properties", "unit"};
    return names[edge];
}

static bool edge_is_plural(unsigned edge)
{
    return edge == DTDL_CONTENTS || edge == DTDL_FIELDS || edge == DTDL_ENUM_VALUES || edge == DTDL_PROPERTIES ||
           edge == DTDL_EXTENDS || edge == DTDL_SCHEMAS;
}

#define ID_STEPS DTDL_JSON_DEPTH /* elements cannot nest deeper than their text */

spoke_status dtdl_element_id(const struct dtdl_element *element, spoke_buf *out)
{
    const struct dtdl_element *steps[ID_STEPS];
    size_t count = 0;
    const struct dtdl_element *at = element;
    while (at->id.len == 0 && at->parent != NULL && count < ID_STEPS) {
        steps[count++] = at;
        at = at->parent;
    }
    if (count == 0)
        return spoke_buf_append(out, at->id);
    spoke_str path, version;
    const bool versioned = spoke_str_cut(at->id, ';', &path, &version);
    spoke_status status = spoke_buf_append(out, path);
    while (count > 0 && status == SPOKE_OK) {
        const struct element *step = element_of(steps[--count]);
        status = spoke_buf_append(out, SPOKE_STR(":_"));
        if (status == SPOKE_OK)
            status = spoke_buf_append(out, spoke_str_of(edge_name(step->edge)));
        if (status == SPOKE_OK && edge_is_plural(step->edge)) {
            status = spoke_buf_append(out, SPOKE_STR(":__"));
            if (status == SPOKE_OK)
                status = spoke_buf_append(out, step->pub.name);
        }
    }
    if (status == SPOKE_OK && versioned)
        status = spoke_buf_append(out, spoke_str_from(path.ptr + path.len, version.len + 1));
    return status;
}

/* --- contents with inheritance --- */

void dtdl_walk_begin(struct dtdl_walk *walk, const struct dtdl_element *interface)
{
    memset(walk, 0, sizeof *walk);
    walk->interfaces[0] = interface;
    walk->count = 1;
    walk->link = dtdl_first(interface, DTDL_CONTENTS);
}

static bool already_in(const struct dtdl_walk *walk, const struct dtdl_element *interface)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->interfaces[i] == interface)
            return true;
    }
    return false;
}

static void add_bases(struct dtdl_walk *walk, const struct dtdl_element *interface)
{
    for (const struct dtdl_link *l = dtdl_first(interface, DTDL_EXTENDS); l != NULL; l = dtdl_next(l)) {
        if (already_in(walk, l->to))
            continue;
        if (walk->count == DTDL_WALK_INTERFACES) {
            walk->truncated = true;
            return;
        }
        walk->interfaces[walk->count++] = l->to;
    }
}

const struct dtdl_element *dtdl_walk_next(struct dtdl_walk *walk)
{
    while (walk->link == NULL) {
        if (walk->at == walk->count)
            return NULL;
        add_bases(walk, walk->interfaces[walk->at++]);
        if (walk->at == walk->count)
            return NULL;
        walk->link = dtdl_first(walk->interfaces[walk->at], DTDL_CONTENTS);
    }
    const struct dtdl_element *found = walk->link->to;
    walk->link = dtdl_next(walk->link);
    return found;
}
