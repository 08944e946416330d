/* Modules of IoT Edge devices: this service knows none, and says so as the cloud does of a device without modules. */
#include "rest.h"

void rest_modules_list(struct rest_call *call)
{
    struct rest_page page;
    if (rest_device_exists(call) && rest_page_begin(call, &page))
        rest_page_end(call, &page, SPOKE_OK);
}

void rest_module_none(struct rest_call *call)
{
    if (rest_device_exists(call))
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no module %.128s.", call->args[0],
                  call->args[1]);
}
