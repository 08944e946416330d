/* The device template of thermostat.c: dtmi:com:example:Thermostat;1 of the public model repository. */
#include <spoke/model.h>

static const spoke_member thermostat_members[] = {
    {SPOKE_TELEMETRY, NULL, "temperature", "double", false},
    {SPOKE_PROPERTY, NULL, "targetTemperature", "double", true},
    {SPOKE_PROPERTY, NULL, "maxTempSinceLastReboot", "double", false},
    {SPOKE_COMMAND, NULL, "getMaxMinReport", "object", false},
};
static const spoke_model thermostat_model = {"dtmi:com:example:Thermostat;1", thermostat_members,
                                             sizeof thermostat_members / sizeof thermostat_members[0]};
