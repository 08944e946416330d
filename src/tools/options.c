#include "tools/tool.h"

#include <stdlib.h>
#include <string.h>

static const char load_help[] =
    "  --profile strict|central    the language as specified, or what IoT Central exports and accepts.\n"
    "                              Default: central where a text is a device template or names IoT Central's\n"
    "                              context, strict else\n"
    "  --undefined-extensions allow|disallow\n"
    "                              contexts that nobody knows. Default: allowed in DTDL 2 only\n"
    "  --max-version 2|3|4         refuse later versions of the language\n"
    "  --models DIR                find referenced ids in DIR/dtmi/com/example/thermostat-1.json; repeatable.\n"
    "                              A file in such a layout finds its neighbours without\n";

int tool_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s %s: ", tool_program, command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see %s %s --help\n", tool_program, command);
    va_end(args);
    return TOOL_TROUBLE;
}

static const struct tool_option *option_named(const struct tool_arguments *arguments, const char *name, size_t len)
{
    for (size_t i = 0; i < arguments->option_count; i++) {
        const char *own = arguments->options[i].name;
        if (strlen(own) == len && strncmp(own, name, len) == 0)
            return &arguments->options[i];
    }
    return NULL;
}

static bool take_value(const struct tool_option *option, const char *value)
{
    if (option->handle != NULL)
        return option->handle(option->ctx, value);
    *(const char **)option->to = value;
    return true;
}

/* "--out DIR" or "--out=DIR". */
static int take_option(int argc, char **argv, int *at, const struct tool_arguments *arguments)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    const size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct tool_option *option = option_named(arguments, word, len);
    if (option == NULL)
        return tool_usage(argv[0], "there is no option %s", word);
    if (!option->value && equals != NULL)
        return tool_usage(argv[0], "%s takes no value", option->name);
    if (!option->value) {
        *(bool *)option->to = true;
        return -1;
    }
    const char *value = equals != NULL ? equals + 1 : *at + 1 < argc ? argv[*at + 1] : NULL;
    if (value == NULL)
        return tool_usage(argv[0], "%s needs a value", option->name);
    *at += equals == NULL;
    return take_value(option, value) ? -1 : tool_usage(argv[0], "%s cannot be %s", option->name, value);
}

int tool_parse(int argc, char **argv, struct tool_arguments *arguments)
{
    bool only_paths = false;
    arguments->path_count = 0;
    arguments->paths = calloc((size_t)argc + 1, sizeof *arguments->paths);
    if (arguments->paths == NULL)
        return tool_usage(argv[0], "there is not enough memory");
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        if (!only_paths && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            fputs(arguments->help, stdout);
            fputs(arguments->load_help ? load_help : "", stdout);
            return TOOL_OK;
        }
        if (!only_paths && strcmp(word, "--") == 0) {
            only_paths = true;
        } else if (!only_paths && word[0] == '-' && word[1] != '\0') {
            const int code = take_option(argc, argv, &at, arguments);
            if (code >= 0)
                return code;
        } else {
            arguments->paths[arguments->path_count++] = word;
        }
    }
    return -1;
}

void tool_arguments_free(struct tool_arguments *arguments)
{
    free(arguments->paths);
    arguments->paths = NULL;
}

/* --- options of loading --- */

static bool take_profile(void *ctx, const char *value)
{
    struct tool_model *model = ctx;
    if (strcmp(value, "strict") != 0 && strcmp(value, "central") != 0)
        return false;
    model->profile = strcmp(value, "strict") == 0 ? TOOL_PROFILE_STRICT : TOOL_PROFILE_CENTRAL;
    return true;
}

static bool take_undefined(void *ctx, const char *value)
{
    struct tool_model *model = ctx;
    if (strcmp(value, "allow") != 0 && strcmp(value, "disallow") != 0)
        return false;
    model->undefined = strcmp(value, "allow") == 0 ? DTDL_UNDEFINED_ALLOW : DTDL_UNDEFINED_DISALLOW;
    return true;
}

static bool take_max_version(void *ctx, const char *value)
{
    struct tool_model *model = ctx;
    if (value[0] < '2' || value[0] > '4' || value[1] != '\0')
        return false;
    model->max_version = (unsigned)(value[0] - '0');
    return true;
}

static bool take_root(void *ctx, const char *value)
{
    struct tool_model *model = ctx;
    if (model->root_count == TOOL_MAX_ROOTS)
        return false;
    model->roots[model->root_count++] = value;
    return true;
}

void tool_load_options(struct tool_model *model, struct tool_option *options)
{
    options[0] = (struct tool_option){.name = "--profile", .value = true, .handle = take_profile, .ctx = model};
    options[1] = (struct tool_option){
        .name = "--undefined-extensions", .value = true, .handle = take_undefined, .ctx = model};
    options[2] =
        (struct tool_option){.name = "--max-version", .value = true, .handle = take_max_version, .ctx = model};
    options[3] = (struct tool_option){.name = "--models", .value = true, .handle = take_root, .ctx = model};
}
