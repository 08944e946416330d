#include <stdlib.h>

#include "tools/tool.h"

static const char help[] =
    "spoke-model check [options] FILE|DIR...\n"
    "\n"
    "Checks device templates. All files together form one model; folders are walked for *.json (not\n"
    "*.expanded.json), '-' is standard input. Every error is a line: file:line:column: error: place: what is wrong\n"
    "and what would be right [rule].\n"
    "\n"
    "  --each                      each file is a model of its own\n"
    "  --json                      the same as a JSON object on standard output, also where a file could not be read\n"
    "                              (\"unread\": true)\n"
    "  --quiet                     only the exit code\n";

struct check {
    bool each, json, quiet;
    struct text out; /* JSON: the issues and missing ids so far */
    struct text missing;
    size_t errors;
    bool unread; /* something could not be read, which stands on stderr */
};

static void add_issue(const struct tool_model *model, const struct dtdl_issue *issue, struct text *out)
{
    char memory[2048], place[512];
    spoke_buf text = spoke_buf_from(memory, sizeof memory), pointer = spoke_buf_from(place, sizeof place);
    dtdl_issue_text(model->model, issue, &text);
    dtdl_issue_pointer(model->model, issue, &pointer);
    text_adds(out, out->len > 0 ? ",\n    {\"file\": " : "\n    {\"file\": ");
    text_add_json(out, spoke_str_of(issue->file));
    text_addf(out, ", \"line\": %u, \"column\": %u, \"pointer\": ", issue->line, issue->column);
    text_add_json(out, spoke_buf_str(&pointer));
    text_adds(out, ", \"rule\": ");
    text_add_json(out, spoke_str_of(issue->id));
    text_adds(out, ", \"message\": ");
    text_add_json(out, spoke_buf_str(&text));
    text_adds(out, "}");
}

static void add_json(struct check *check, const struct tool_model *model)
{
    for (const struct dtdl_issue *issue = dtdl_issues(model->model); issue != NULL; issue = issue->next)
        add_issue(model, issue, &check->out);
    for (size_t i = 0; dtdl_missing(model->model, i).len > 0; i++) {
        text_adds(&check->missing, check->missing.len > 0 ? ", " : "");
        text_add_json(&check->missing, dtdl_missing(model->model, i));
    }
}

/* options: as the command line gave them; one model of these paths. */
static int check_paths(struct check *check, const struct tool_model *options, const char *const *paths,
                       size_t count)
{
    struct tool_model model;
    tool_model_init(&model);
    tool_model_take_options(&model, options);
    int code = tool_load(&model, paths, count);
    if (code == TOOL_OK) {
        code = model.status == SPOKE_OK ? TOOL_OK : TOOL_INVALID;
        check->errors += dtdl_issue_count(model.model);
        if (check->json)
            add_json(check, &model);
        else if (!check->quiet)
            tool_print_issues(&model, stdout);
    }
    check->unread = check->unread || code == TOOL_TROUBLE;
    tool_model_free(&model);
    return code;
}

static int check_each(struct check *check, const struct tool_model *options, const char *const *paths,
                      size_t count)
{
    struct tool_model list;
    int worst = TOOL_OK;
    tool_model_init(&list);
    int code = tool_list_files(&list, paths, count);
    for (const struct tool_file *file = list.files; code == TOOL_OK && file != NULL; file = file->next) {
        const int one = check_paths(check, options, &file->path, 1);
        worst = one > worst ? one : worst;
    }
    tool_model_free(&list);
    return code != TOOL_OK ? code : worst;
}

static void print_json(const struct check *check, int code)
{
    printf(
        "{\n  \"valid\": %s,\n  \"unread\": %s,\n  \"errors\": %zu,\n  \"issues\": [%s%s],\n  \"missing\": [%s]\n}\n",
        code == TOOL_OK ? "true" : "false", check->unread || code == TOOL_TROUBLE ? "true" : "false",
        check->errors, check->out.len > 0 ? check->out.ptr : "", check->out.len > 0 ? "\n  " : "",
        check->missing.len > 0 ? check->missing.ptr : "");
}

static int run(struct check *check, const struct tool_model *options, const struct tool_arguments *arguments)
{
    if (arguments->path_count == 0)
        return tool_usage("check", "name a file or a folder");
    const int code = check->each ? check_each(check, options, arguments->paths, arguments->path_count)
                                 : check_paths(check, options, arguments->paths, arguments->path_count);
    if (check->json)
        print_json(check, code);
    text_free(&check->out);
    text_free(&check->missing);
    return code;
}

int tool_check(int argc, char **argv)
{
    struct check check = {0};
    struct tool_model options;
    struct tool_option list[TOOL_LOAD_OPTION_COUNT + 3] = {{0}};
    tool_model_init(&options);
    tool_load_options(&options, list);
    list[TOOL_LOAD_OPTION_COUNT] = (struct tool_option){.name = "--each", .to = &check.each};
    list[TOOL_LOAD_OPTION_COUNT + 1] = (struct tool_option){.name = "--json", .to = &check.json};
    list[TOOL_LOAD_OPTION_COUNT + 2] = (struct tool_option){.name = "--quiet", .to = &check.quiet};
    struct tool_arguments arguments = {
        .help = help, .load_help = true, .options = list, .option_count = sizeof list / sizeof list[0]};
    const int code = tool_parse(argc, argv, &arguments);
    const int result = code >= 0 ? code : run(&check, &options, &arguments);
    tool_arguments_free(&arguments);
    return result;
}
