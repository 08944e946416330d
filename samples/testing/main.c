/* The fan as a program, for the tests from outside in this folder: its connection comes from the environment. */
#include <stdio.h>
#include <stdlib.h>

#include "fan.h"

int main(void)
{
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"));
    struct fan fan;
    char why[160];
    spoke_status status = fan_start(&fan, config);
    while (status == SPOKE_OK)
        status = fan_turn(&fan);
    (void)fprintf(stderr, "stopped: %s\n", spoke_client_explain(fan.client, why, sizeof why));
    fan_stop(&fan);
    return 1;
}
