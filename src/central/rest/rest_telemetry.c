#include <stdlib.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "rest.h"

static void answer(struct rest_call *call, const char *component, const char *name)
{
    char *json = NULL, why[TEMPLATE_WHY_CAP];
    int64_t at_ms = 0;
    const struct template_table *t = NULL;
    if (!rest_device_template(call, &t))
        return;
    spoke_status status = store_value_get(core_store(call->core), call->args[0], component, name, &json, &at_ms);
    if (status == SPOKE_E_NOT_FOUND) {
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has not sent %.128s.", call->args[0], name);
        return;
    }
    if (status != SPOKE_OK) {
        rest_fail_internal(&call->reply, status);
    } else {
        cJSON *body = cJSON_CreateObject();
        json_add_time(body, "timestamp", at_ms);
        cJSON_AddItemToObject(body, "value", rest_raw(json));
        if (t != NULL)
            rest_add_fit(
                body, template_telemetry(t, spoke_str_of(component), spoke_str_of(name), spoke_str_of(json), why),
                why);
        rest_ok(&call->reply, 200, body);
    }
    free(json);
}

void rest_telemetry_get(struct rest_call *call)
{
    answer(call, "", call->args[1]);
}

void rest_component_telemetry_get(struct rest_call *call)
{
    answer(call, call->args[1], call->args[2]);
}
