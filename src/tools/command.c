#include <errno.h>
#include <string.h>

#include "tools/tool.h"

/* What was not printed was not said: a full disk behind a pipe is trouble, whatever the command found. */
static int flushed(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "%s: standard output cannot be written: %s\n", tool_program, strerror(errno));
    return TOOL_TROUBLE;
}

int tool_main(int argc, char **argv, const char *help, const struct tool_command *commands, size_t count)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        fputs(help, stdout);
        return flushed(TOOL_OK);
    }
    if (strcmp(name, "--version") == 0) {
        printf("%s %s\n", tool_program, SPOKE_VERSION);
        return flushed(TOOL_OK);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return flushed(commands[i].run(argc - 1, argv + 1));
    }
    if (argc > 1)
        fprintf(stderr, "%s: there is no command %s\n\n", tool_program, name);
    fputs(help, stderr);
    return TOOL_TROUBLE;
}
