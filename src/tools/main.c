#include <errno.h>
#include <string.h>

#include "tools/tool.h"

static const char help[] =
    "spoke-model: device templates (DTDL 2, 3, 4 and IoT Central's) checked, shown, compared, and turned into C\n"
    "\n"
    "  spoke-model check FILE|DIR...         what is wrong with a template, with its place\n"
    "  spoke-model show FILE                 a readable tree\n"
    "  spoke-model gen FILE --out DIR        a C header and source: table, typed functions, structs\n"
    "  spoke-model diff OLD NEW              what would break devices in the field\n"
    "  spoke-model sample FILE               an example payload for each capability\n"
    "  spoke-model conformance FILE.jsonl    agreement with a set of cases\n"
    "\n"
    "Each has --help. Exit code: 0 fine, 1 not valid (diff: breaking), 2 wrong usage or a file that cannot be read.\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"check", tool_check},
    {"show", tool_show},
    {"gen", tool_gen},
    {"diff", tool_diff},
    {"sample", tool_sample},
#ifdef SPOKE_HAVE_CONFORMANCE
    {"conformance", tool_conformance},
#endif
};

/* What was not printed was not said: a full disk behind a pipe is trouble, whatever the command found. */
static int flushed(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "spoke-model: standard output cannot be written: %s\n", strerror(errno));
    return TOOL_TROUBLE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        fputs(help, stdout);
        return TOOL_OK;
    }
    if (strcmp(name, "--version") == 0) {
        puts("spoke-model " SPOKE_VERSION);
        return TOOL_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return flushed(commands[i].run(argc - 1, argv + 1));
    }
    if (argc > 1)
        fprintf(stderr, "spoke-model: there is no command %s\n\n", name);
    fputs(help, stderr);
    return TOOL_TROUBLE;
}
