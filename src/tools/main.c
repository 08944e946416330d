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

static const struct tool_command commands[] = {
    {"check", tool_check},
    {"show", tool_show},
    {"gen", tool_gen},
    {"diff", tool_diff},
    {"sample", tool_sample},
#ifdef SPOKE_HAVE_CONFORMANCE
    {"conformance", tool_conformance},
#endif
};

int main(int argc, char **argv)
{
    return tool_main(argc, argv, help, commands, sizeof commands / sizeof commands[0]);
}
