/* The device template of thermostat.c: dtmi:com:example:Thermostat;1 of the public model repository. */
#include <spoke/model.h>

static const spoke_schema_field thermostat_report_fields[] = {{"avgTemp", &spoke_schema_double, false},
                                                              {"endTime", &spoke_schema_date_time, false},
                                                              {"maxTemp", &spoke_schema_double, false},
                                                              {"minTemp", &spoke_schema_double, false},
                                                              {"startTime", &spoke_schema_date_time, false}};
static const spoke_schema thermostat_report = {
    .kind = SPOKE_SCHEMA_OBJECT, .count = 5, .fields = thermostat_report_fields};

static const spoke_member thermostat_members[] = {
    {NULL, "getMaxMinReport", SPOKE_COMMAND, 0, &spoke_schema_date_time, &thermostat_report},
    {NULL, "maxTempSinceLastReboot", SPOKE_PROPERTY, 0, &spoke_schema_double, NULL},
    {NULL, "targetTemperature", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL},
    {NULL, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
};
static const spoke_model thermostat_model = {"dtmi:com:example:Thermostat;1", thermostat_members,
                                             sizeof thermostat_members / sizeof thermostat_members[0]};
