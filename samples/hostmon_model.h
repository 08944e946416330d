/* The device template of hostmon.c. Units: percent, bytes, bytes a second, seconds, degrees Celsius. */
#include <spoke/model.h>

static const spoke_schema_field hostmon_snapshot_fields[] = {
    {"cpuLoad", &spoke_schema_double, false},     {"diskUsed", &spoke_schema_long, false},
    {"memoryUsed", &spoke_schema_long, false},    {"networkReceived", &spoke_schema_double, false},
    {"networkSent", &spoke_schema_double, false}, {"temperature", &spoke_schema_double, false},
    {"uptime", &spoke_schema_double, false}};
static const spoke_schema hostmon_snapshot = {
    .kind = SPOKE_SCHEMA_OBJECT, .count = 7, .fields = hostmon_snapshot_fields};
static const spoke_range hostmon_interval_range = {
    .has_low = true, .has_high = true, .low_whole = 1, .high_whole = 3600};
static const spoke_schema hostmon_interval = {.kind = SPOKE_SCHEMA_INTEGER, .range = &hostmon_interval_range};

static const spoke_member hostmon_members[] = {
    {NULL, "cpuCount", SPOKE_PROPERTY, 0, &spoke_schema_integer, NULL},
    {NULL, "cpuLoad", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {NULL, "diskTotal", SPOKE_PROPERTY, 0, &spoke_schema_long, NULL},
    {NULL, "diskUsed", SPOKE_TELEMETRY, 0, &spoke_schema_long, NULL},
    {NULL, "hostName", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {NULL, "interval", SPOKE_PROPERTY, SPOKE_WRITABLE, &hostmon_interval, NULL},
    {NULL, "kernel", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {NULL, "memoryTotal", SPOKE_PROPERTY, 0, &spoke_schema_long, NULL},
    {NULL, "memoryUsed", SPOKE_TELEMETRY, 0, &spoke_schema_long, NULL},
    {NULL, "networkReceived", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {NULL, "networkSent", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {NULL, "snapshot", SPOKE_COMMAND, 0, NULL, &hostmon_snapshot},
    {NULL, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {NULL, "uptime", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
};
static const spoke_model hostmon_model = {"dtmi:spoke:HostMonitor;1", hostmon_members,
                                          sizeof hostmon_members / sizeof hostmon_members[0]};
