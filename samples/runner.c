/* Fire and forget: a thread of its own turns the client; this one only sends. `samples/run.sh runner` starts a
 * service for it. */
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    /* A platform of our own, since threads need its lock; it also keeps the assignment across restarts. */
    const spoke_posix_options options = {
        .struct_size = sizeof options, .state_dir = getenv("SPOKE_STATE_DIR"), .log_level = SPOKE_LOG_WARN};
    const char *port = getenv("SPOKE_MQTT_PORT");
    spoke_platform *platform = NULL;
    spoke_client *client = NULL;
    spoke_runner *runner = NULL;
    spoke_status status = spoke_posix_create(&options, &platform);
    if (status == SPOKE_OK) {
        const spoke_config config =
            SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"),
                         .port = (uint16_t)(port != NULL ? atoi(port) : 0), .id_scope = getenv("SPOKE_ID_SCOPE"),
                         .registration_id = getenv("SPOKE_DEVICE_ID"),
                         .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                         .platform = platform);
        status = spoke_client_create(&config, &client);
    }
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    if (status == SPOKE_OK)
        status = spoke_runner_start(client, &runner);
    for (int count = 0; status == SPOKE_OK && count < 20; count++) {
        status = spoke_send(client, spoke_i64("count", count)); /* returns at once, connected or not */
        usleep(250000);
    }
    const spoke_status polled = spoke_runner_stop(runner);
    if (status == SPOKE_OK)
        status = polled;
    if (status == SPOKE_OK)
        status = spoke_client_close(client, 10000); /* what is queued still leaves */
    char why[160];
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s\n", spoke_client_explain(client, why, sizeof why));
    else
        printf("20 messages sent and acknowledged\n");
    spoke_client_destroy(client);
    spoke_posix_destroy(platform);
    return status == SPOKE_OK ? 0 : 1;
}
