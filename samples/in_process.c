/* A test of firmware with the service in its own process: starts it, connects a device, sends, asks the service what
 * it saw. `samples/in_process` needs nothing else. */
#include <spoke/central/central.h>
#include <spoke/spoke.h>
#include <stdio.h>

enum { KEY_BYTES = 96, ANSWER_BYTES = 256, LIMIT_MS = 10000 };

static spoke_status send_one(const spoke_central_env *service, const char *key)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = service->host, .port = service->mqtt_port, .id_scope = service->id_scope,
                     .registration_id = "tested", .credential.primary = key, .trust_file = service->ca_file);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    if (status == SPOKE_OK)
        status = spoke_send(client, spoke_f64("temperature", 21.5));
    for (int i = 0; status == SPOKE_OK && spoke_client_pending(client) > 0 && i < LIMIT_MS / 100; i++)
        status = spoke_client_poll(client, 100);
    spoke_client_close(client, 1000);
    spoke_client_destroy(client);
    return status;
}

int main(void)
{
    char why[200] = "", key[KEY_BYTES], answer[ANSWER_BYTES];
    spoke_buf key_text = spoke_buf_from(key, sizeof key - 1), body = spoke_buf_from(answer, sizeof answer);
    int http_status = 0;
    spoke_central *central = NULL;
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .dps_polls = UINT32_MAX);
    spoke_status status = spoke_central_start(&config, &central, why, sizeof why);
    if (status == SPOKE_OK)
        status = spoke_central_device_key(central, "tested", &key_text);
    key[key_text.len] = '\0';
    if (status == SPOKE_OK)
        status = send_one(spoke_central_env_of(central), key);
    if (status == SPOKE_OK)
        status = spoke_central_request_wait(central, "GET", "/api/devices/tested/telemetry/temperature",
                                            SPOKE_STR(""), 1000, &http_status, &body);
    printf("%s, HTTP %d: %.*s%s\n", spoke_status_name(status), http_status, (int)body.len, answer, why);
    spoke_wipe(key, sizeof key);
    spoke_central_stop(central);
    return http_status == 200 ? 0 : 1;
}
