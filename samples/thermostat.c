/* Thermostat: provisions itself, reports, obeys. `samples/run.sh thermostat` starts a service for it. */
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>

#include "thermostat_model.h" /* written by spoke-model from models/dtmi/com/example/thermostat-1.json */

spoke_ack thermostat_on_target_temperature(const spoke_property *wanted, const double *celsius, void *user)
{
    (void)wanted;
    if (celsius != NULL && *celsius > 40.0)
        return spoke_reject(400, "expected at most 40 degrees Celsius");
    *(double *)user = celsius != NULL ? *celsius : 21.0; /* NULL: nobody wants a target any more */
    return spoke_accept();                               /* the library reports value, code and version back */
}

spoke_ack thermostat_on_get_max_min_report(const spoke_command *call, const spoke_str *since,
                                           thermostat_get_max_min_report_response *report, void *user)
{
    (void)call, (void)since;
    report->max_temp = *(const double *)user + 0.5;
    report->has = THERMOSTAT_GET_MAX_MIN_REPORT_RESPONSE_HAS_MAX_TEMP;
    return spoke_accept();
}

int main(void)
{
    double target = 21.0;                         /* degrees Celsius */
    const char *port = getenv("SPOKE_MQTT_PORT"); /* unset: 8883 */
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     THERMOSTAT_MODEL, .user = &target);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    for (int reading = 0; status == SPOKE_OK && reading < 60; reading++) {
        status = thermostat_send_temperature(client, target - 0.2);
        if (status == SPOKE_OK || status == SPOKE_E_FULL)
            status = spoke_client_run(client, 1000);
    }
    char why[160];
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s\n", spoke_client_explain(client, why, sizeof why));
    spoke_client_close(client, 2000); /* what is queued still leaves; NULL is fine here and below */
    spoke_client_destroy(client);
    return status == SPOKE_OK ? 0 : 1;
}
