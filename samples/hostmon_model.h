/* The device template of hostmon.c. Units: percent, bytes, bytes a second, seconds, degrees Celsius. */
#include <spoke/model.h>

static const spoke_member hostmon_members[] = {
    {SPOKE_TELEMETRY, NULL, "cpuLoad", "double", false},
    {SPOKE_TELEMETRY, NULL, "memoryUsed", "long", false},
    {SPOKE_TELEMETRY, NULL, "diskUsed", "long", false},
    {SPOKE_TELEMETRY, NULL, "networkReceived", "double", false},
    {SPOKE_TELEMETRY, NULL, "networkSent", "double", false},
    {SPOKE_TELEMETRY, NULL, "uptime", "double", false},
    {SPOKE_TELEMETRY, NULL, "temperature", "double", false},
    {SPOKE_PROPERTY, NULL, "hostName", "string", false},
    {SPOKE_PROPERTY, NULL, "kernel", "string", false},
    {SPOKE_PROPERTY, NULL, "cpuCount", "integer", false},
    {SPOKE_PROPERTY, NULL, "memoryTotal", "long", false},
    {SPOKE_PROPERTY, NULL, "diskTotal", "long", false},
    {SPOKE_PROPERTY, NULL, "interval", "integer", true},
    {SPOKE_COMMAND, NULL, "snapshot", "object", false},
};
static const spoke_model hostmon_model = {"dtmi:spoke:HostMonitor;1", hostmon_members,
                                          sizeof hostmon_members / sizeof hostmon_members[0]};
