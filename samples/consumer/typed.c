/* A program outside the tree with a device template: lamp.json becomes lamp_model.h at build time. A misspelt name, a
 * wrong type or a forgotten handler does not compile or link. */
#include <spoke/spoke.h>
#include <stdio.h>

#include "lamp_model.h"

spoke_ack lamp_on_mode(const spoke_property *wanted, const lamp_mode *mode, void *user)
{
    (void)wanted;
    *(lamp_mode *)user = mode != NULL ? *mode : LAMP_MODE_OFF;
    return spoke_accept();
}

spoke_ack lamp_on_blink(const spoke_command *call, const int32_t *times, double *took_seconds, void *user)
{
    (void)call;
    (void)user;
    if (times == NULL || *times > 10)
        return spoke_reject(400, "expected at most 10 times");
    *took_seconds = 0.5 * *times;
    return spoke_accept();
}

int main(void)
{
    lamp_mode mode = LAMP_MODE_OFF;
    const spoke_config config =
        SPOKE_CONFIG(LAMP_MODEL, .user = &mode, .hub_host = "localhost", .registration_id = "lamp",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                     .test_only = SPOKE_TEST_ONLY_PLAINTEXT);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = lamp_send_power(client, 7.5); /* waits in the queue until the lamp is connected */
    if (status == SPOKE_OK)
        status = lamp_report_mode(client, mode);
    char why[160];
    printf("%s: %zu message waits, %s\n", spoke_status_name(status), spoke_client_pending(client),
           spoke_client_explain(client, why, sizeof why));
    spoke_client_destroy(client);
    return status == SPOKE_OK ? 0 : 1;
}
