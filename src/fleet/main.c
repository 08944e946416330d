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
    static const struct tool_command commands[] = {{"fleet", fleet_command}};
    return tool_main(argc, argv, help, commands, sizeof commands / sizeof commands[0]);
}
