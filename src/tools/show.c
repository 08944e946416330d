#include <stdlib.h>
#include <string.h>

#include "tools/emit_part.h"
#include "tools/tool.h"

static const char help[] =
    "spoke-model show [options] FILE...\n"
    "\n"
    "Prints a template as a tree: members with schema, unit, range and direction, components, and what is inherited\n"
    "from where.\n"
    "\n"
    "  --interface DTMI            which interface. Default: the one that no other of the files refers to\n";

#define MAX_NESTING 32u
#define REPEAT_BYTES 65536u /* of output; past that, what was shown is not shown again: shared schemas multiply */

struct show {
    struct text out;
    const struct dtdl_element *path[MAX_NESTING]; /* schemas being shown: one that contains itself ends there */
    const struct dtdl_element *interface;
    const struct dtdl_element **shown;
    size_t shown_count, shown_cap;
};

static void indent(struct show *show, unsigned depth)
{
    text_addf(&show->out, "%*s", (int)(depth * 2), "");
}

static void add_about(struct show *show, const struct dtdl_element *element)
{
    struct text about = {0};
    emit_add_about(&about, element);
    while (about.len > 0 && about.ptr[about.len - 1] == ' ')
        about.ptr[--about.len] = '\0';
    if (about.len > 0)
        text_adds(&show->out, "  -- ");
    for (size_t i = 0; i < about.len; i++)
        text_addf(&show->out, "%c", (unsigned char)about.ptr[i] < ' ' ? ' ' : about.ptr[i]);
    text_adds(&show->out, "\n");
    text_free(&about);
}

static void add_semantic_type(struct show *show, const struct dtdl_element *element)
{
    if (element->semantic_type != NULL)
        text_addf(&show->out, " %s", element->semantic_type);
}

/* --- schemas --- */

static void add_schema_name(struct show *show, const struct dtdl_element *schema)
{
    /* "unsignedLong": the class name with a small first letter is the term; a dateTime is one, too */
    const char *name = schema != NULL ? dtdl_class_name((enum dtdl_class)schema->kind) : "nothing";
    if (schema != NULL && schema->kind >= DTDL_BOOLEAN && schema->kind <= DTDL_UUID)
        text_addf(&show->out, "%c%s", name[0] >= 'A' && name[0] <= 'Z' ? name[0] - 'A' + 'a' : name[0], name + 1);
    else
        text_adds(&show->out, name);
}

static bool on_path(const struct show *show, const struct dtdl_element *schema, unsigned depth)
{
    for (unsigned i = 0; i < depth && i < MAX_NESTING; i++) {
        if (show->path[i] == schema)
            return true;
    }
    return false;
}

static bool was_shown(const struct show *show, const struct dtdl_element *schema)
{
    for (size_t i = 0; i < show->shown_count; i++) {
        if (show->shown[i] == schema)
            return true;
    }
    return false;
}

/* What does not fit into memory is only shown again. */
static void remember(struct show *show, const struct dtdl_element *schema)
{
    if (show->shown_count == show->shown_cap) {
        const size_t cap = show->shown_cap > 0 ? show->shown_cap * 2 : 64;
        const struct dtdl_element **grown = realloc(show->shown, cap * sizeof(const struct dtdl_element *));
        if (grown == NULL)
            return;
        show->shown = grown;
        show->shown_cap = cap;
    }
    show->shown[show->shown_count++] = schema;
}

static void show_schema(struct show *show, const struct dtdl_element *schema, unsigned depth, unsigned nesting);

static void show_values(struct show *show, const struct dtdl_element *schema, unsigned depth)
{
    const struct dtdl_link *link = dtdl_first(schema, DTDL_ENUM_VALUES);
    for (; link != NULL; link = dtdl_next(link)) {
        indent(show, depth);
        text_addf(&show->out, "%.*s = %.*s", (int)link->to->name.len, link->to->name.ptr,
                  (int)link->to->enum_value.len, link->to->enum_value.ptr);
        add_about(show, link->to);
    }
}

static void show_fields(struct show *show, const struct dtdl_element *schema, unsigned depth, unsigned nesting)
{
    const struct dtdl_link *link = dtdl_first(schema, DTDL_FIELDS);
    for (; link != NULL; link = dtdl_next(link)) {
        const struct dtdl_element *field = link->to, *target = dtdl_target(field, DTDL_SCHEMA);
        indent(show, depth);
        text_addf(&show->out, "%.*s: ", (int)field->name.len, field->name.ptr);
        add_schema_name(show, target);
        add_semantic_type(show, field);
        text_adds(&show->out, (field->flags & DTDL_IS_REQUIRED) != 0 ? ", required" : "");
        add_about(show, field);
        show_schema(show, target, depth + 1, nesting + 1);
    }
}

static void show_items(struct show *show, const char *label, const struct dtdl_element *schema, unsigned depth,
                       unsigned nesting)
{
    indent(show, depth);
    text_addf(&show->out, "%s: ", label);
    add_schema_name(show, schema);
    text_adds(&show->out, "\n");
    show_schema(show, schema, depth + 1, nesting + 1);
}

/* What stands below the line that names it. As deep as the model's schemas. */
static void show_schema(struct show *show, const struct dtdl_element *schema, unsigned depth, unsigned nesting)
{
    if (schema == NULL || nesting >= MAX_NESTING || schema->kind < DTDL_ARRAY || schema->kind > DTDL_OBJECT)
        return;
    const bool again = was_shown(show, schema);
    if (on_path(show, schema, nesting) || (again && show->out.len > REPEAT_BYTES)) {
        indent(show, depth);
        text_adds(&show->out, "(as above)\n");
        return;
    }
    show->path[nesting] = schema;
    if (!again)
        remember(show, schema);
    if (schema->kind == DTDL_ENUM)
        show_values(show, schema, depth);
    else if (schema->kind == DTDL_OBJECT)
        show_fields(show, schema, depth, nesting);
    else if (schema->kind == DTDL_ARRAY)
        show_items(show, "each", dtdl_target(schema, DTDL_ELEMENT_SCHEMA), depth, nesting);
    else if (dtdl_target(schema, DTDL_MAP_VALUE_EDGE) != NULL)
        show_items(show, "each value", dtdl_target(dtdl_target(schema, DTDL_MAP_VALUE_EDGE), DTDL_SCHEMA), depth,
                   nesting);
}

/* --- contents --- */

static void show_payload(struct show *show, const char *label, const struct dtdl_element *payload, unsigned depth)
{
    if (payload == NULL)
        return;
    const struct dtdl_element *schema = dtdl_target(payload, DTDL_SCHEMA);
    indent(show, depth);
    text_addf(&show->out, "%s %.*s: ", label, (int)payload->name.len, payload->name.ptr);
    add_schema_name(show, schema);
    text_adds(&show->out, (payload->flags & DTDL_IS_NULLABLE) != 0 ? " or null" : "");
    add_about(show, payload);
    show_schema(show, schema, depth + 1, 0);
}

static void add_flags(struct show *show, const struct dtdl_element *element)
{
    if ((element->flags & DTDL_IS_CLOUD) != 0)
        text_adds(&show->out, ", cloud property (never on the device)");
    else if (element->kind == DTDL_PROPERTY && (element->flags & DTDL_IS_WRITABLE) != 0)
        text_adds(&show->out, ", writable");
    if ((element->flags & DTDL_IS_DURABLE) != 0)
        text_adds(&show->out, ", queued while offline");
    if (element->parent != NULL && element->parent != show->interface)
        text_addf(&show->out, ", from %.*s", (int)element->parent->id.len, element->parent->id.ptr);
}

static void show_content(struct show *show, const struct dtdl_element *element, unsigned depth)
{
    const struct dtdl_element *schema = dtdl_target(element, DTDL_SCHEMA);
    indent(show, depth);
    text_addf(&show->out, "%s %.*s", dtdl_class_name((enum dtdl_class)element->kind), (int)element->name.len,
              element->name.ptr);
    if (schema != NULL && element->kind != DTDL_COMPONENT) {
        text_adds(&show->out, ": ");
        add_schema_name(show, schema);
        add_semantic_type(show, element);
    }
    add_flags(show, element);
    add_about(show, element);
    if (element->kind != DTDL_COMPONENT)
        show_schema(show, schema, depth + 1, 0);
    show_payload(show, "request", dtdl_target(element, DTDL_REQUEST), depth + 1);
    show_payload(show, "response", dtdl_target(element, DTDL_RESPONSE), depth + 1);
}

static void show_interface(struct show *show, const struct dtdl_element *interface, unsigned depth)
{
    const struct dtdl_element *element;
    struct dtdl_walk walk;
    indent(show, depth);
    text_addf(&show->out, "%.*s (DTDL %u)", (int)interface->id.len, interface->id.ptr, interface->version);
    add_about(show, interface);
    show->interface = interface;
    dtdl_walk_begin(&walk, interface);
    while ((element = dtdl_walk_next(&walk)) != NULL)
        show_content(show, element, depth + 1);
    if (walk.truncated) {
        indent(show, depth + 1);
        text_addf(&show->out, "and what it inherits from more than %u others\n", DTDL_WALK_INTERFACES - 1u);
    }
}

/* The interface, then those of its components: they have none themselves. */
static void show_all(struct show *show, const struct dtdl_element *interface)
{
    const struct dtdl_element *element;
    struct dtdl_walk walk;
    show_interface(show, interface, 0);
    dtdl_walk_begin(&walk, interface);
    while ((element = dtdl_walk_next(&walk)) != NULL) {
        const struct dtdl_element *inner =
            element->kind == DTDL_COMPONENT ? dtdl_target(element, DTDL_SCHEMA) : NULL;
        if (inner == NULL)
            continue;
        text_addf(&show->out, "\ncomponent %.*s: ", (int)element->name.len, element->name.ptr);
        show_interface(show, inner, 0);
    }
}

static int run(struct tool_model *model, const char *dtmi, const struct tool_arguments *arguments)
{
    struct show show = {{0}, {NULL}, NULL, NULL, 0, 0};
    if (arguments->path_count == 0)
        return tool_usage("show", "name a file");
    const int code = tool_load_valid(model, arguments->paths, arguments->path_count);
    if (code != TOOL_OK)
        return code;
    const struct dtdl_element *interface = tool_pick_interface(model, dtmi);
    if (interface == NULL)
        return TOOL_INVALID;
    show_all(&show, interface);
    const bool printed = !show.out.failed && fwrite(show.out.ptr, 1, show.out.len, stdout) == show.out.len;
    text_free(&show.out);
    free(show.shown);
    return printed ? TOOL_OK : TOOL_TROUBLE;
}

int tool_show(int argc, char **argv)
{
    const char *dtmi = NULL;
    struct tool_model model;
    struct tool_option list[TOOL_LOAD_OPTION_COUNT + 1] = {{0}};
    tool_model_init(&model);
    tool_load_options(&model, list);
    list[TOOL_LOAD_OPTION_COUNT] = (struct tool_option){.name = "--interface", .value = true, .to = &dtmi};
    struct tool_arguments arguments = {
        .help = help, .load_help = true, .options = list, .option_count = sizeof list / sizeof list[0]};
    int code = tool_parse(argc, argv, &arguments);
    if (code < 0)
        code = run(&model, dtmi, &arguments);
    tool_arguments_free(&arguments);
    tool_model_free(&model);
    return code;
}
