/* A test of firmware with the service in its own process: starts it, teaches client and service the same device
 * template, sends what fits and what does not, asks the service what it saw. `samples/in_process` needs nothing else. */
#include <spoke/central/central.h>
#include <spoke/spoke.h>
#include <stdio.h>

enum { KEY_BYTES = 96, ANSWER_BYTES = 2048, LIMIT_MS = 10000, ARENA_BYTES = 64 * 1024 };

static const char TEMPLATE[] = "{\"@context\": \"dtmi:dtdl:context;2\", \"@id\": \"dtmi:com:example:Tested;1\","
                               " \"@type\": \"Interface\", \"contents\": [{\"@type\": \"Telemetry\","
                               " \"name\": \"temperature\", \"schema\": \"double\"}]}";

/* Sends what the template has; and is refused what it lacks, before anything leaves. */
static spoke_status speak(spoke_client *client)
{
    char why[200];
    if (spoke_send(client, spoke_f64("temprature", 21.5)) != SPOKE_E_MODEL)
        return SPOKE_E_MODEL;
    printf("refused: %s\n", spoke_client_explain(client, why, sizeof why));
    spoke_status status = spoke_send(client, spoke_f64("temperature", 21.5));
    for (int i = 0; status == SPOKE_OK && spoke_client_pending(client) > 0 && i < LIMIT_MS / 100; i++)
        status = spoke_client_poll(client, 100);
    return status;
}

/* The device: reads the template as it runs; a product would rather have its table written by spoke-model. */
static spoke_status run_device(const spoke_central_env *service, const char *key)
{
    static uint8_t memory[ARENA_BYTES];
    spoke_buf arena = spoke_buf_from(memory, sizeof memory);
    const spoke_model *model = NULL;
    spoke_client *client = NULL;
    spoke_status status = spoke_model_parse(spoke_str_of(TEMPLATE), NULL, &arena, &model, NULL);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = service->host, .port = service->mqtt_port, .id_scope = service->id_scope,
                     .registration_id = "tested", .credential.primary = key, .trust_file = service->ca_file,
                     .model = model);
    if (status == SPOKE_OK)
        status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    if (status == SPOKE_OK)
        status = speak(client);
    spoke_client_close(client, 1000);
    spoke_client_destroy(client);
    return status;
}

/* One request to the service; its answer is printed. */
static spoke_status ask(spoke_central *central, const char *method, const char *target, const char *sent)
{
    char answer[ANSWER_BYTES];
    spoke_buf body = spoke_buf_from(answer, sizeof answer);
    int http_status = 0;
    const spoke_status status =
        spoke_central_request_wait(central, method, target, spoke_str_of(sent), LIMIT_MS, &http_status, &body);
    printf("%s %s: HTTP %d: %.*s\n", method, target, http_status, (int)body.len, answer);
    return status == SPOKE_OK && http_status != 200 ? SPOKE_E_HUB : status;
}

int main(void)
{
    char why[200] = "", key[KEY_BYTES];
    spoke_buf key_text = spoke_buf_from(key, sizeof key - 1);
    spoke_central *central = NULL;
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .dps_polls = UINT32_MAX);
    spoke_status status = spoke_central_start(&config, &central, why, sizeof why);
    if (status == SPOKE_OK)
        status = spoke_central_device_key(central, "tested", &key_text);
    key[key_text.len] = '\0';
    if (status == SPOKE_OK)
        status = ask(central, "PUT", "/api/deviceTemplates/dtmi:com:example:Tested:template;1", TEMPLATE);
    if (status == SPOKE_OK)
        status = run_device(spoke_central_env_of(central), key);
    if (status == SPOKE_OK)
        status = ask(central, "GET", "/api/devices/tested", "");
    if (status == SPOKE_OK)
        status = ask(central, "GET", "/api/devices/tested/telemetry/temperature", "");
    printf("%s%s\n", spoke_status_name(status), why);
    spoke_wipe(key, sizeof key);
    spoke_central_stop(central);
    return status == SPOKE_OK ? 0 : 1;
}
