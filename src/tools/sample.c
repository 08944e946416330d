#include <string.h>

#include "tools/payload.h"
#include "tools/plan.h"
#include "tools/tool.h"

static const char help[] =
    "spoke-model sample [options] FILE...\n"
    "\n"
    "Prints an example payload for each capability, as it travels: telemetry and properties as objects, a command's\n"
    "request and response as bare values. Values obey ranges, enums and formats.\n"
    "\n"
    "  --interface DTMI            which interface. Default: the one that no other of the files refers to\n"
    "  --json                      one JSON array, with the bare values\n";

struct sample {
    const char *interface;
    bool json;
};

static const char *const kinds[] = {"telemetry", "property", "command"};

/* The value alone, with only what is required where the whole would be too large; null where none fits. */
static void add_value(struct text *out, const spoke_schema *schema)
{
    if (schema == NULL ||
        (!payload_write(schema, PAYLOAD_PLAIN, out) && !payload_write(schema, PAYLOAD_SPARSE, out)))
        text_adds(out, "null");
}

/* --- text --- */

/* {"name":value}, in the component's object when there is one and it is a property's. */
static void add_message(struct text *out, const spoke_member *member)
{
    const bool wrapped = member->component != NULL && member->member == SPOKE_PROPERTY;
    if (wrapped)
        text_addf(out, "{\"%s\":{\"__t\":\"c\",", member->component);
    text_addf(out, "%s\"%s\":", wrapped ? "" : "{", member->name);
    add_value(out, member->schema);
    text_adds(out, wrapped ? "}}" : "}");
}

static void add_line(struct text *out, const spoke_member *member)
{
    text_adds(out, kinds[member->member]);
    text_addf(out, " %s%s%s", member->component != NULL ? member->component : "",
              member->component != NULL ? "." : "", member->name);
    if (member->member != SPOKE_COMMAND) {
        text_adds(out, (member->flags & SPOKE_WRITABLE) != 0 ? " (writable): " : ": ");
        add_message(out, member);
        text_adds(out, "\n");
        return;
    }
    text_adds(out, "\n");
    if (member->schema != NULL) {
        text_adds(out, "  request: ");
        add_value(out, member->schema);
        text_adds(out, "\n");
    }
    if (member->response != NULL) {
        text_adds(out, "  response: ");
        add_value(out, member->response);
        text_adds(out, "\n");
    }
}

/* --- JSON --- */

static void add_object(struct text *out, const spoke_member *member)
{
    text_addf(out, "  {\"kind\": \"%s\", \"component\": ", kinds[member->member]);
    if (member->component != NULL)
        text_add_json(out, spoke_str_of(member->component));
    else
        text_adds(out, "null");
    text_adds(out, ", \"name\": ");
    text_add_json(out, spoke_str_of(member->name));
    if (member->schema != NULL) {
        text_adds(out, member->member == SPOKE_COMMAND ? ", \"request\": " : ", \"value\": ");
        add_value(out, member->schema);
    }
    if (member->response != NULL) {
        text_adds(out, ", \"response\": ");
        add_value(out, member->response);
    }
    text_adds(out, "}");
}

/* --- both --- */

static int print_samples(const struct sample *sample, const spoke_model *model)
{
    struct text out = {0};
    if (sample->json)
        text_adds(&out, "[\n");
    for (size_t i = 0; i < model->member_count; i++) {
        if (!sample->json) {
            add_line(&out, &model->members[i]);
            continue;
        }
        text_adds(&out, i > 0 ? ",\n" : "");
        add_object(&out, &model->members[i]);
    }
    if (sample->json)
        text_adds(&out, "\n]\n");
    const bool printed = !out.failed && fwrite(out.ptr != NULL ? out.ptr : "", 1, out.len, stdout) == out.len;
    text_free(&out);
    return printed ? TOOL_OK : TOOL_TROUBLE;
}

static int run(const struct sample *sample, struct tool_model *model, const struct tool_arguments *arguments)
{
    const spoke_model *table = NULL;
    if (arguments->path_count == 0)
        return tool_usage("sample", "name a file");
    const int code = tool_load_valid(model, arguments->paths, arguments->path_count);
    if (code != TOOL_OK)
        return code;
    const struct dtdl_element *interface = tool_pick_interface(model, sample->interface);
    if (interface == NULL)
        return TOOL_INVALID;
    const spoke_status status = dtdl_compile(interface, &model->heap.arena, &table);
    if (status == SPOKE_OK)
        return print_samples(sample, table);
    fprintf(stderr, "spoke-model sample: %s\n", plan_no_table(status));
    return TOOL_TROUBLE;
}

int tool_sample(int argc, char **argv)
{
    struct sample sample = {0};
    struct tool_model model;
    struct tool_option list[TOOL_LOAD_OPTION_COUNT + 2] = {{0}};
    tool_model_init(&model);
    tool_load_options(&model, list);
    list[TOOL_LOAD_OPTION_COUNT] =
        (struct tool_option){.name = "--interface", .value = true, .to = &sample.interface};
    list[TOOL_LOAD_OPTION_COUNT + 1] = (struct tool_option){.name = "--json", .to = &sample.json};
    struct tool_arguments arguments = {
        .help = help, .load_help = true, .options = list, .option_count = sizeof list / sizeof list[0]};
    int code = tool_parse(argc, argv, &arguments);
    if (code < 0)
        code = run(&sample, &model, &arguments);
    tool_arguments_free(&arguments);
    tool_model_free(&model);
    return code;
}
