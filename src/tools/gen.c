#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/emit.h"
#include "tools/tool.h"

static const char help[] =
    "spoke-model gen [options] FILE... --out DIR\n"
    "\n"
    "Writes PREFIX_model.h and PREFIX_model.c: the template as a table in ROM, typed functions to send, structs and\n"
    "enums, and the handlers that the program has to define.\n"
    "\n"
    "  --out DIR                   where to; made, with those above it, if it is not there\n"
    "  --prefix NAME               what every name starts with. Default: the last part of the DTMI, in snake_case\n"
    "  --interface DTMI            which interface. Default: the one that no other of the files refers to\n"
    "  --all                       every interface of the files, each with its default prefix\n"
    "  --no-handlers               only what sends\n"
    "  --depfile FILE              names every file that was read, for make and ninja\n"
    "  --self-test                 also PREFIX_self_test.c: a program that tries what was written\n"
    "  --list                      only prints the prefixes\n";

struct gen {
    const char *out, *depfile, *interface;
    struct plan_options plan;
    bool all, self_test, list;
    struct names prefixes; /* of --all */
    struct text depends;
};

static int cannot_write(const char *path)
{
    fprintf(stderr, "spoke-model gen: %s cannot be written: %s\n", path, strerror(errno));
    return TOOL_TROUBLE;
}

static int save(const struct gen *gen, const struct plan *plan, const char *end,
                void (*emit)(const struct plan *plan, struct text *out))
{
    struct text path = {0}, content = {0};
    text_addf(&path, "%s/%s_%s", gen->out, plan->prefix, end);
    emit(plan, &content);
    const int code = path.failed || !text_save(&content, path.ptr) ? cannot_write(path.ptr) : TOOL_OK;
    text_free(&path);
    text_free(&content);
    return code;
}

/* Make and ninja: spaces, '#' and '$' are escaped. */
static void add_escaped(struct text *out, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == ' ' || *c == '#')
            text_adds(out, "\\");
        if (*c == '$')
            text_adds(out, "$");
        text_addf(out, "%c", *c);
    }
}

static int save_depfile(const struct gen *gen, const struct tool_model *model, const struct plan *plan)
{
    struct text content = {0}, target = {0};
    if (gen->depfile == NULL)
        return TOOL_OK;
    text_addf(&target, "%s/%s_model.c", gen->out, plan->prefix);
    if (!target.failed)
        add_escaped(&content, target.ptr);
    text_adds(&content, ":");
    for (const struct tool_file *file = model->files; file != NULL; file = file->next) {
        if (strcmp(file->path, "-") == 0)
            continue;
        text_adds(&content, " \\\n  ");
        add_escaped(&content, file->path);
    }
    text_adds(&content, "\n");
    const int code = text_save(&content, gen->depfile) ? TOOL_OK : cannot_write(gen->depfile);
    text_free(&target);
    text_free(&content);
    return code;
}

static int write_files(const struct gen *gen, const struct tool_model *model, const struct plan *plan)
{
    int code = save(gen, plan, "model.h", emit_header);
    if (code == TOOL_OK)
        code = save(gen, plan, "model.c", emit_source);
    if (code == TOOL_OK && gen->self_test)
        code = save(gen, plan, "self_test.c", emit_self_test);
    return code == TOOL_OK ? save_depfile(gen, model, plan) : code;
}

static int generate(struct gen *gen, struct tool_model *model, const struct dtdl_element *interface)
{
    struct plan plan;
    struct plan_options options = gen->plan;
    if (gen->all) {
        const char *base =
            options.prefix != NULL ? options.prefix : name_snake(&model->heap.arena, name_of_dtmi(interface->id));
        options.prefix = names_take(&gen->prefixes, base);
    }
    if (plan_make(&plan, &model->heap.arena, interface, &options) != SPOKE_OK) {
        fprintf(stderr, "spoke-model gen: %.*s: %s\n", (int)interface->id.len, interface->id.ptr, plan.trouble);
        return TOOL_TROUBLE;
    }
    if (gen->list) {
        puts(plan.prefix);
        return TOOL_OK;
    }
    return write_files(gen, model, &plan);
}

static int generate_all(struct gen *gen, struct tool_model *model)
{
    const struct dtdl_element *interface;
    int code = TOOL_OK;
    gen->prefixes.arena = &model->heap.arena;
    for (size_t i = 0; code == TOOL_OK && (interface = dtdl_interface_at(model->model, i)) != NULL; i++)
        code = generate(gen, model, interface);
    return code;
}

/* The folder and those above it. False: errno says why. */
static bool make_folder(const char *path)
{
    struct text whole = {0};
    text_adds(&whole, path);
    bool made = !whole.failed;
    for (size_t i = 1; made && i <= whole.len; i++) {
        if (whole.ptr[i] != '/' && whole.ptr[i] != '\0')
            continue;
        const char end = whole.ptr[i];
        whole.ptr[i] = '\0';
        made = mkdir(whole.ptr, 0777) == 0 || errno == EEXIST;
        whole.ptr[i] = end;
    }
    const int kept = errno;
    text_free(&whole);
    errno = kept;
    return made;
}

static int run(struct gen *gen, struct tool_model *model, const struct tool_arguments *arguments)
{
    if (arguments->path_count == 0)
        return tool_usage("gen", "name a file");
    if (gen->out == NULL && !gen->list)
        return tool_usage("gen", "name a folder with --out");
    const int code = tool_load_valid(model, arguments->paths, arguments->path_count);
    if (code != TOOL_OK)
        return code;
    if (!gen->list && !make_folder(gen->out))
        return cannot_write(gen->out);
    if (gen->all)
        return generate_all(gen, model);
    const struct dtdl_element *interface = tool_pick_interface(model, gen->interface);
    return interface != NULL ? generate(gen, model, interface) : TOOL_INVALID;
}

int tool_gen(int argc, char **argv)
{
    struct gen gen = {0};
    struct tool_model model;
    tool_model_init(&model);
    struct tool_option list[TOOL_LOAD_OPTION_COUNT + 8] = {{0}};
    const struct tool_option own[] = {{.name = "--out", .value = true, .to = &gen.out},
                                      {.name = "--prefix", .value = true, .to = &gen.plan.prefix},
                                      {.name = "--interface", .value = true, .to = &gen.interface},
                                      {.name = "--depfile", .value = true, .to = &gen.depfile},
                                      {.name = "--all", .to = &gen.all},
                                      {.name = "--no-handlers", .to = &gen.plan.no_handlers},
                                      {.name = "--self-test", .to = &gen.self_test},
                                      {.name = "--list", .to = &gen.list}};
    tool_load_options(&model, list);
    memcpy(&list[TOOL_LOAD_OPTION_COUNT], own, sizeof own);
    struct tool_arguments arguments = {
        .help = help, .load_help = true, .options = list, .option_count = sizeof list / sizeof list[0]};
    int code = tool_parse(argc, argv, &arguments);
    if (code < 0)
        code = run(&gen, &model, &arguments);
    tool_arguments_free(&arguments);
    tool_model_free(&model);
    return code;
}
