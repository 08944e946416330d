#include "machine.h"

#include <string.h>

#include "base/log.h"

#if SPOKE_WITH_MESSAGES

/* Cloud-to-device messages, and the commands that come as such: offline ones. */

static spoke_ack ask_offline(spoke_client *c, const spoke_handler *handler, const spoke_hub_event *event,
                             uint32_t request)
{
    const spoke_member *member = contract_command(c, event->component, event->name);
    spoke_fault fault;
    spoke_writer nowhere; /* an offline command has no answer */
    if (member != NULL && contract_checks(c) &&
        spoke_offline_request_check(member, call_parameter(event, true), &fault) != SPOKE_OK &&
        contract_misfit(c, &fault))
        return spoke_reject(400, "an offline command does not fit the device template");
    COUNT(c, commands, 1);
    spoke_writer_init(&nowhere, c->scratch, c->work_bytes);
    return call_handler(c, handler, event, request, true, &nowhere);
}

static spoke_ack ask_about_message(spoke_client *c, const spoke_hub_event *event, uint32_t request)
{
    if (event->name.len > 0) {
        const size_t handler = handler_find(c, event->component, event->name, true);
        if (handler != NO_HANDLER)
            return ask_offline(c, &c->config.handlers[handler], event, request);
    }
    if (c->config.on_message == NULL)
        return spoke_reject(404, "nobody listens");
    const spoke_message message = {
        .client = c, .body = event->payload, .properties = event->bag, .request = request};
    enter_handler(c);
    const spoke_ack verdict = c->config.on_message(&message, c->config.user);
    leave_handler(c);
    return verdict;
}

/* The PUBACK leaves when the program is done, so that a crash before that brings the message again. MQTT cannot
 * refuse a message: a refusal is logged and acknowledged, or it would come for ever. */
void message_event(spoke_client *c, const spoke_hub_event *event, uint8_t qos, uint16_t receipt)
{
    struct pending_call *call = qos == 1 ? call_claim(c) : NULL;
    const uint32_t request = call != NULL ? call->request : 0;
    if (call != NULL) {
        call->is_message = true;
        call->receipt = receipt;
    }
    const spoke_ack verdict = ask_about_message(c, event, request);
    if (verdict.code >= 300)
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a cloud-to-device message was refused (%d): %s",
                 verdict.code, verdict.text != NULL ? verdict.text : "");
    if (verdict.code == 0 && call != NULL)
        return; /* deferred */
    if (verdict.code == 0 && qos == 1)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "too many messages are deferred: this one is acknowledged at once (raise `commands`)");
    if (call != NULL)
        memset(call, 0, sizeof *call);
    if (qos == 1 && c->ops->ack(c->link, receipt) == SPOKE_OK)
        c->work_left = true;
}

void message_work(spoke_client *c)
{
    for (size_t i = 0; i < c->call_count; i++) {
        struct pending_call *call = &c->calls[i];
        if (call->request == 0 || !call->is_message || !call->done)
            continue;
        if (c->ops->ack(c->link, call->receipt) == SPOKE_OK)
            c->work_left = true;
        memset(call, 0, sizeof *call);
    }
}

spoke_status spoke_message_done(spoke_client *client, uint32_t request)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    struct pending_call *call = call_find(client, request, true);
    if (call != NULL)
        call->done = client->news = true;
    unlock_and_wake(client, call != NULL);
    return call != NULL ? SPOKE_OK : SPOKE_E_NOT_FOUND;
}

#endif
