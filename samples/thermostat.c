/* Thermostat: provisions itself, reports, obeys. `samples/run.sh thermostat` starts a service for it. */
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>

#include "thermostat_model.h"

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    double celsius;
    if (spoke_json_double(wanted->value, &celsius) != SPOKE_OK || celsius > 40.0)
        return spoke_reject(400, "expected at most 40 degrees Celsius");
    *(double *)user = celsius;
    return spoke_accept(); /* the library reports value, code and version back */
}

static spoke_ack report_extremes(const spoke_command *call, void *user)
{
    spoke_write(call->reply, spoke_f64("maxTemp", *(const double *)user + 0.5));
    return spoke_accept();
}

int main(void)
{
    double target = 21.0; /* degrees Celsius */
    const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("targetTemperature", set_target),
                                      SPOKE_ON_COMMAND("getMaxMinReport", report_extremes)};
    const char *port = getenv("SPOKE_MQTT_PORT"); /* unset: 8883 */
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     .model = &thermostat_model, .handlers = handlers, .handler_count = 2, .user = &target);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    for (int reading = 0; status == SPOKE_OK && reading < 60; reading++) {
        status = spoke_send(client, spoke_f64("temperature", target - 0.2));
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
