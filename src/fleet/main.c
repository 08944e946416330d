#include <stdio.h>
#include <string.h>

#include "fleet/fleet.h"
#include "tools/tool.h"

static const char help[] =
    "spoke: devices on the command line\n"
    "\n"
    "  spoke fleet TEMPLATE...    simulates devices of a device template, many in one process\n"
    "\n"
    "Each command has --help. spoke --version shows the version.\n";

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        fputs(help, stdout);
        return TOOL_OK;
    }
    if (strcmp(name, "--version") == 0) {
        puts("spoke " SPOKE_VERSION);
        return TOOL_OK;
    }
    if (strcmp(name, "fleet") == 0)
        return fleet_command(argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "spoke: there is no command %s\n\n", name);
    fputs(help, stderr);
    return TOOL_TROUBLE;
}
