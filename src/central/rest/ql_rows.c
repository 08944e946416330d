#include "ql_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- finding --- */

static bool same_field(const struct ql_field *a, const struct ql_field *b)
{
    if (a->count != b->count || !spoke_str_equal(a->component, b->component))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!spoke_str_equal(a->segments[i], b->segments[i]))
            return false;
    return true;
}

#define SHOWN(text) ((text).len > 64 ? 64 : (int)(text).len), (text).ptr

/* Of telemetry the component is apart; a property is found from the root of its document. */
static bool place(const struct ql_path *path, const struct template_table *t, struct ql_field *out,
                  bool *telemetry)
{
    spoke_str component = {NULL, 0};
    *out = (struct ql_field){.count = ql_segments(path, out->segments)};
    out->count = ql_segments(path, out->segments);
    if (t == NULL)
        return true;
    const bool part = out->count > 1 && template_has_component(t, out->segments[0]);
    if (part)
        component = out->segments[0];
    const spoke_str name = out->segments[part];
    *telemetry = template_is_telemetry(t, component, name);
    if (!*telemetry)
        return template_is_property(t, component, name) || template_is_cloud(t, component, name);
    out->component = component;
    out->count -= part;
    memmove(out->segments, out->segments + part, out->count * sizeof out->segments[0]);
    return true;
}

struct finder {
    struct ql_query *query;
    const struct template_table *t;
    struct ql_fields *out;
    struct ql_fault *fault;
};

static spoke_status refuse(struct finder *f, const struct ql_path *path, const char *what, spoke_str text)
{
    f->fault->position = ql_position(f->query, path);
    (void)snprintf(f->fault->message, sizeof f->fault->message, what, SHOWN(text));
    return SPOKE_E_ARG;
}

static spoke_status find(struct finder *f, struct ql_path *path)
{
    struct ql_field field;
    struct ql_fields *fields = f->out;
    bool telemetry = false;
    size_t i = 0;
    if (path->name != QL_FIELD)
        return SPOKE_OK;
    if (!place(path, f->t, &field, &telemetry))
        return refuse(f, path, "the template has no telemetry or property '%.*s'", path->text);
    if (fields->count == 0)
        fields->telemetry = telemetry;
    if (fields->telemetry != telemetry)
        return refuse(f, path,
                      telemetry
                          ? "'%.*s' is telemetry and what stands before it a property; ask for one or the other"
                          : "'%.*s' is a property and what stands before it telemetry; ask for one or the other",
                      path->text);
    while (i < fields->count && !same_field(&fields->of[i], &field))
        i++;
    if (i == fields->count)
        fields->of[fields->count++] = field;
    path->slot = (uint8_t)i;
    return SPOKE_OK;
}

/* Of properties there is one value, that of now. */
static spoke_status check_properties(struct finder *f)
{
    struct ql_query *q = f->query;
    for (size_t i = 0; i < q->item_count; i++) {
        if (q->items[i].aggregate != QL_PLAIN)
            return refuse(f, &q->items[i].path, "an aggregate is of telemetry, and '%.*s' is a property",
                          q->items[i].path.text);
        if (q->items[i].path.name == QL_TS)
            return refuse(f, &q->items[i].path, "%.*s goes with telemetry, not with properties",
                          q->items[i].path.text);
    }
    for (size_t i = 0; i < q->node_count; i++) {
        if (q->nodes[i].op == QL_WITHIN_WINDOW)
            return refuse(f, &q->nodes[i].path, "WITHIN_WINDOW(%.*s) goes with telemetry, not with properties",
                          q->nodes[i].path.text);
        if (q->nodes[i].path.name == QL_TS)
            return refuse(f, &q->nodes[i].path, "%.*s goes with telemetry, not with properties",
                          q->nodes[i].path.text);
    }
    for (size_t i = 0; i < q->order_count; i++)
        if (q->orders[i].path.name == QL_TS)
            return refuse(f, &q->orders[i].path, "%.*s goes with telemetry, not with properties",
                          q->orders[i].path.text);
    return SPOKE_OK;
}

spoke_status ql_fields_find(struct ql_query *query, const struct template_table *t, struct ql_fields *out,
                            struct ql_fault *fault)
{
    struct finder f = {query, t, out, fault};
    spoke_status status = SPOKE_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < query->item_count && status == SPOKE_OK; i++)
        status = find(&f, &query->items[i].path);
    for (size_t i = 0; i < query->node_count && status == SPOKE_OK; i++)
        if (query->nodes[i].path.text.len > 0) /* AND, OR and NOT have none */
            status = find(&f, &query->nodes[i].path);
    for (size_t i = 0; i < query->order_count && status == SPOKE_OK; i++)
        status = find(&f, &query->orders[i].path);
    if (out->count == 0)
        out->telemetry = t != NULL; /* SELECT $id, $ts: of messages */
    if (status == SPOKE_OK && t != NULL && !out->telemetry)
        status = check_properties(&f);
    return status;
}

/* --- values --- */

static bool find_member(spoke_str object, spoke_str name, spoke_str *out)
{
    spoke_json_cursor at;
    spoke_str key, value;
    if (spoke_json_type(object) != '{' || spoke_json_enter(object, &at) != SPOKE_OK)
        return false;
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        if (!spoke_json_key_is(key, name))
            continue;
        *out = value;
        return true;
    }
    return false;
}

/* {"value":..,"ac":..,"av":..}: what a device answers to a writable property. */
static void unwrap(spoke_str *json)
{
    spoke_str value, other;
    if (spoke_json_type(*json) == '{' && find_member(*json, SPOKE_STR("value"), &value) &&
        find_member(*json, SPOKE_STR("ac"), &other) && find_member(*json, SPOKE_STR("av"), &other))
        *json = value;
}

static bool find_inside(spoke_str json, const struct ql_field *field, bool reported, spoke_str *out)
{
    for (size_t i = 0; i < field->count; i++) {
        if (!find_member(json, field->segments[i], &json))
            return false;
        if (reported)
            unwrap(&json);
    }
    *out = json;
    return true;
}

static struct ql_value read_field(struct ql_row *row, const struct ql_field *field)
{
    const struct ql_value none = {.type = QL_NONE};
    spoke_str json;
    if (row->fields->telemetry) {
        if (!spoke_str_equal(spoke_str_of(row->from->component), field->component) ||
            !find_inside(row->object, field, false, &json))
            return none;
    } else if (!find_inside(row->from->cloud, field, false, &json) &&
               !find_inside(row->from->reported, field, true, &json)) {
        return none;
    }
    return ql_value_of(json, &row->room);
}

static struct ql_value text_value(const char *text)
{
    return (struct ql_value){.type = text != NULL ? QL_TEXT : QL_NONE, .text = spoke_str_of(text)};
}

static struct ql_value bool_value(bool truth)
{
    return (struct ql_value){.type = QL_BOOL, .truth = truth};
}

void ql_row_get(void *ctx, const struct ql_path *path, struct ql_value *out)
{
    struct ql_row *row = ctx;
    const struct store_scanned *from = row->from;
    switch (path->name) {
    case QL_FIELD:
        if (!row->known[path->slot])
            row->values[path->slot] = read_field(row, &row->fields->of[path->slot]);
        row->known[path->slot] = true;
        *out = row->values[path->slot];
        return;
    case QL_ID:
        *out = text_value(from->device_id);
        return;
    case QL_TS:
        *out = (struct ql_value){.type = QL_NUMBER, .number = (double)from->at_ms};
        return;
    case QL_DISPLAY_NAME:
        *out = text_value(from->display_name != NULL ? from->display_name : from->device_id);
        return;
    case QL_TEMPLATE:
        *out = text_value(from->template_id);
        return;
    case QL_ENABLED:
        *out = bool_value(from->enabled);
        return;
    case QL_PROVISIONED:
        *out = bool_value(from->provisioned);
        return;
    case QL_SIMULATED:
        *out = bool_value(from->simulated);
        return;
    case QL_ORGANIZATIONS:
        *out = text_value(from->organizations);
        return;
    }
}

/* --- rows --- */

static bool give(struct ql_reader *reader, const struct store_scanned *from, spoke_str object,
                 bool (*each)(void *ctx, struct ql_row *row), void *ctx)
{
    reader->row.fields = reader->fields;
    reader->row.from = from;
    reader->row.object = object;
    reader->row.room = spoke_buf_from(reader->room, reader->room_cap);
    memset(reader->row.known, 0, reader->fields->count * sizeof reader->row.known[0]);
    return each(ctx, &reader->row);
}

spoke_status ql_read(struct ql_reader *reader, const struct store_scanned *from,
                     bool (*each)(void *ctx, struct ql_row *row), void *ctx)
{
    const size_t wanted = from->body.len + from->reported.len + from->cloud.len;
    const char type = spoke_json_type(from->body);
    spoke_json_cursor at;
    spoke_str key, object;
    bool more = true;
    if (wanted > reader->room_cap) {
        char *room = realloc(reader->room, 2 * wanted);
        if (room == NULL)
            return SPOKE_E_NO_MEMORY;
        reader->room = room;
        reader->room_cap = 2 * wanted;
    }
    if (!reader->fields->telemetry)
        (void)give(reader, from, from->body, each, ctx);
    else if ((type != '{' && type != '[') || spoke_json_check(from->body) != SPOKE_OK)
        return SPOKE_OK;
    else if (type == '{')
        (void)give(reader, from, from->body, each, ctx);
    else if (spoke_json_enter(from->body, &at) == SPOKE_OK)
        while (more && spoke_json_member(&at, &key, &object) == SPOKE_OK)
            more = spoke_json_type(object) != '{' || give(reader, from, object, each, ctx);
    return SPOKE_OK;
}

void ql_reader_free(struct ql_reader *reader)
{
    free(reader->room);
    memset(reader, 0, sizeof *reader);
}
