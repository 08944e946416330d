/* A bad link: readings and alarms are kept in a file, through a restart too, and leave when there is a network, alarms
 * first. `samples/run.sh offline` runs it twice: `offline down` only fills the file, then `offline` delivers. */
#include <inttypes.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const spoke_delivery alarm = {.priority = SPOKE_HIGH};                /* overtakes whatever waits */
static const spoke_delivery trace = {.priority = SPOKE_LOW, .ttl_s = 86400}; /* nobody wants it after a day */

static spoke_status measure(spoke_client *client, int reading)
{
    const spoke_field temperature = spoke_f64("temperature", 20.0 + reading), signal = spoke_i64("signal", -90),
                      hot = spoke_bool("hot", true);
    spoke_status status = spoke_telemetry_send_as(client, NULL, NULL, &temperature, 1);
    if (status == SPOKE_OK)
        status = spoke_telemetry_send_as(client, &trace, NULL, &signal, 1);
    return status == SPOKE_OK && reading == 4 ? spoke_telemetry_send_as(client, &alarm, NULL, &hot, 1) : status;
}

int main(int argc, char **argv)
{
    const char *port = getenv("SPOKE_MQTT_PORT"), *file = getenv("SPOKE_QUEUE_FILE");
    const bool down = argc > 1 && strcmp(argv[1], "down") == 0;
    spoke_client *client = NULL;
    spoke_storage *storage = NULL;
    spoke_status status = spoke_storage_file_open(file != NULL ? file : "offline.queue", 16384, 16, &storage);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     .storage = storage, .queue_bytes = 65536, .when_full = SPOKE_FULL_DROP_LOWEST,
                     .replay_per_s = 20);
    if (status == SPOKE_OK)
        status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK && down)
        spoke_client_network(client, SPOKE_NETWORK_DOWN); /* a program that does not know leaves this out */
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    for (int reading = 0; status == SPOKE_OK && reading < 5; reading++) {
        status = measure(client, reading); /* OK: it is in the file, whatever happens now */
        if (status == SPOKE_OK)
            status = spoke_client_run(client, 100);
    }
    for (int wait = 0; status == SPOKE_OK && !down && wait < 300 && spoke_client_pending(client) > 0; wait++)
        status = spoke_client_run(client, 100); /* half a minute; what is left then stays in the file */
    char why[160];
    spoke_stats stats = SPOKE_STATS;
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s: %s\n", spoke_status_text(status),
                spoke_client_explain(client, why, sizeof why));
    if (spoke_client_stats(client, &stats) == SPOKE_OK)
        printf("%" PRIu64 " found, %" PRIu64 " accepted, %" PRIu64 " delivered, %" PRIu32 " wait in the file\n",
               stats.recovered, stats.accepted, stats.delivered, stats.queue_messages);
    spoke_client_close(client, 2000);
    spoke_client_destroy(client);
    spoke_storage_file_close(storage);
    return status == SPOKE_OK ? 0 : 1;
}
