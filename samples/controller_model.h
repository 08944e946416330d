/* The device template of controller.c: dtmi:com:example:TemperatureController;2 of the public model repository,
 * with its components thermostat1, thermostat2 and deviceInformation. */
#include <spoke/model.h>

#define THERMOSTAT_MEMBERS(component) \
    {SPOKE_TELEMETRY, component, "temperature", "double", false}, \
        {SPOKE_PROPERTY, component, "targetTemperature", "double", true}, \
        {SPOKE_PROPERTY, component, "maxTempSinceLastReboot", "double", false}, \
    { \
        SPOKE_COMMAND, component, "getMaxMinReport", "object", false \
    }

static const spoke_member controller_members[] = {
    {SPOKE_TELEMETRY, NULL, "workingSet", "double", false},
    {SPOKE_PROPERTY, NULL, "serialNumber", "string", false},
    {SPOKE_COMMAND, NULL, "reboot", "integer", false},
    THERMOSTAT_MEMBERS("thermostat1"),
    THERMOSTAT_MEMBERS("thermostat2"),
    {SPOKE_PROPERTY, "deviceInformation", "manufacturer", "string", false},
    {SPOKE_PROPERTY, "deviceInformation", "model", "string", false},
    {SPOKE_PROPERTY, "deviceInformation", "swVersion", "string", false},
    {SPOKE_PROPERTY, "deviceInformation", "osName", "string", false},
    {SPOKE_PROPERTY, "deviceInformation", "totalMemory", "double", false},
};
static const spoke_model controller_model = {"dtmi:com:example:TemperatureController;2", controller_members,
                                             sizeof controller_members / sizeof controller_members[0]};
