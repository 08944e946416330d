/* The device template of controller.c: dtmi:com:example:TemperatureController;2 of the public model repository,
 * with its components thermostat1, thermostat2 and deviceInformation. */
#include <spoke/model.h>

static const spoke_schema_field controller_report_fields[] = {{"avgTemp", &spoke_schema_double, false},
                                                              {"endTime", &spoke_schema_date_time, false},
                                                              {"maxTemp", &spoke_schema_double, false},
                                                              {"minTemp", &spoke_schema_double, false},
                                                              {"startTime", &spoke_schema_date_time, false}};
static const spoke_schema controller_report = {
    .kind = SPOKE_SCHEMA_OBJECT, .count = 5, .fields = controller_report_fields};

#define THERMOSTAT_MEMBERS(component) \
    {component, "getMaxMinReport", SPOKE_COMMAND, 0, &spoke_schema_date_time, &controller_report}, \
        {component, "maxTempSinceLastReboot", SPOKE_PROPERTY, 0, &spoke_schema_double, NULL}, \
        {component, "targetTemperature", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL}, \
    { \
        component, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL \
    }

static const spoke_member controller_members[] = {
    {NULL, "reboot", SPOKE_COMMAND, 0, &spoke_schema_integer, NULL},
    {NULL, "serialNumber", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {NULL, "workingSet", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
    {"deviceInformation", "manufacturer", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "model", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "osName", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "processorArchitecture", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "processorManufacturer", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "swVersion", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL},
    {"deviceInformation", "totalMemory", SPOKE_PROPERTY, 0, &spoke_schema_double, NULL},
    {"deviceInformation", "totalStorage", SPOKE_PROPERTY, 0, &spoke_schema_double, NULL},
    THERMOSTAT_MEMBERS("thermostat1"),
    THERMOSTAT_MEMBERS("thermostat2"),
};
static const spoke_model controller_model = {"dtmi:com:example:TemperatureController;2", controller_members,
                                             sizeof controller_members / sizeof controller_members[0]};
