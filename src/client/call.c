#include "machine.h"

#include <string.h>

#if SPOKE_WITH_COMMANDS || SPOKE_WITH_MESSAGES

/* Calls of the service that wait for the program: commands and messages share the places. */

#if CALLS_WAIT

void call_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    struct pending_call *calls = carve(at, resolved->commands * sizeof *calls);
    if (client == NULL)
        return;
    client->calls = calls;
    client->call_count = resolved->commands;
    client->next_request = 1;
    calls_ended(client);
}

void calls_ended(spoke_client *c)
{
    memset(c->calls, 0, c->call_count * sizeof *c->calls);
}

bool calls_idle(const spoke_client *c)
{
    bool idle = true;
    for (size_t i = 0; i < c->call_count; i++)
        idle = idle && c->calls[i].request == 0;
    return idle;
}

struct pending_call *call_claim(spoke_client *c)
{
    for (size_t i = 0; i < c->call_count; i++) {
        struct pending_call *call = &c->calls[i];
        if (call->request != 0)
            continue;
        memset(call, 0, sizeof *call);
        call->request = c->next_request;
        c->next_request = c->next_request == UINT32_MAX ? 1 : c->next_request + 1;
        return call;
    }
    return NULL;
}

struct pending_call *call_find(spoke_client *c, uint32_t request, bool is_message)
{
    for (size_t i = 0; i < c->call_count; i++)
        if (request != 0 && c->calls[i].request == request &&
            (!SPOKE_WITH_MESSAGES || c->calls[i].is_message == is_message))
            return &c->calls[i];
    return NULL;
}

#endif

spoke_str call_parameter(const spoke_hub_event *event, bool offline)
{
    const bool none = SPOKE_WITH_MESSAGES && offline && spoke_str_equal(event->payload, SPOKE_STR("@"));
    return none ? spoke_str_from(NULL, 0) : event->payload;
}

spoke_ack call_handler(spoke_client *c, const spoke_handler *handler, const spoke_hub_event *event,
                       uint32_t request, bool offline, spoke_writer *reply)
{
    const spoke_command call = {.client = c,
                                .component = spoke_str_of(handler->component),
                                .name = spoke_str_of(handler->name),
                                .payload = call_parameter(event, offline),
                                .request = request,
                                .offline = offline,
                                .reply = reply};
    enter_handler(c);
    const spoke_ack verdict = handler->command(&call, c->config.user);
    leave_handler(c);
    return verdict;
}

#endif
