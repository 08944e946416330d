/* The least that shows a program outside the tree compiling, linking and running against an installed spoke. */
#include <spoke/spoke.h>
#include <stdio.h>

int main(void)
{
    const spoke_config config = SPOKE_CONFIG(.hub_host = "localhost", .registration_id = "consumer",
                                             .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                             .test_only = SPOKE_TEST_ONLY_PLAINTEXT);
    spoke_client *client = NULL;
    const spoke_status status = spoke_client_create(&config, &client);
    char why[160];
    printf("%s: a client of %zu bytes, %s\n", spoke_status_name(status), spoke_client_size(&config),
           spoke_client_explain(client, why, sizeof why));
    spoke_client_destroy(client);
    return status == SPOKE_OK ? 0 : 1;
}
