/* Where a device connects, for people and for the web page. */
#include "central/core/core_internal.h"
#include "rest.h"

void rest_connection_info_get(struct rest_call *call)
{
    const struct core_connection connection = core_connection(call->core);
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "idScope", core_id_scope(call->core));
    if (connection.host != NULL) {
        cJSON_AddStringToObject(body, "provisioningHost", connection.host);
        cJSON_AddNumberToObject(body, "mqttPort", connection.mqtt_port);
    }
    if (connection.ca_pem != NULL)
        cJSON_AddStringToObject(body, "certificateAuthority", connection.ca_pem);
    rest_ok(&call->reply, 200, body);
}
