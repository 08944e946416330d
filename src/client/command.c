#include "machine.h"

#include <string.h>

#include "base/log.h"

/* Commands: direct methods that want an answer, and the offline ones that come as cloud-to-device messages. */

/* --- calls that wait for the program --- */

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
        if (request != 0 && c->calls[i].request == request && c->calls[i].is_message == is_message)
            return &c->calls[i];
    return NULL;
}

/* --- answers --- */

struct answer {
    spoke_str rid, json;
    int code;
};

static spoke_status write_answer(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const struct answer *a = ctx;
    spoke_status status = spoke_hub_method_reply_topic(a->rid, a->code, out);
    *head_bytes = out->len;
    return status == SPOKE_OK ? spoke_buf_append(out, a->json) : status;
}

/* E_FULL when the answers that wait leave no room. */
spoke_status command_answer(spoke_client *c, spoke_str rid, int code, spoke_str json)
{
    struct answer a = {rid, json, code};
    const spoke_status status = outbox_add(&c->answers, 0, 0, write_answer, &a);
    c->work_left = c->work_left || status == SPOKE_OK;
    return status;
}

static void answer_or_log(spoke_client *c, spoke_str rid, int code, spoke_str json)
{
    const spoke_status status = command_answer(c, rid, code, json);
    if (status == SPOKE_OK)
        return;
    log_line(&c->platform, SPOKE_LOG_ERROR, "client",
             "the answer to a command does not fit (%s): raise report_bytes", spoke_status_name(status));
    if (command_answer(c, rid, 500, SPOKE_STR("\"the answer does not fit on this device\"")) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a command stays unanswered: the caller will time out");
}

/* --- calling the handler --- */

static spoke_ack ask_handler(spoke_client *c, const struct handler_slot *slot, const spoke_hub_event *event,
                             uint32_t request, bool offline, spoke_writer *reply)
{
    const bool no_parameter = offline && spoke_str_equal(event->payload, SPOKE_STR("@"));
    const spoke_command call = {.client = c,
                                .component = spoke_str_of(slot->handler.component),
                                .name = spoke_str_of(slot->handler.name),
                                .payload = no_parameter ? (spoke_str){NULL, 0} : event->payload,
                                .request = request,
                                .offline = offline,
                                .reply = reply};
    enter_handler(c);
    const spoke_ack verdict = slot->handler.command(&call, c->config.user);
    leave_handler(c);
    return verdict;
}

/* What the handler wrote, or, for a refusal without a body, its text as a JSON string. */
static spoke_status reply_body(spoke_client *c, spoke_writer *reply, spoke_ack verdict, spoke_str *json)
{
    spoke_status status = spoke_writer_finish(reply, json);
    if (status != SPOKE_OK || json->len > 0 || verdict.text == NULL)
        return status;
    spoke_writer w;
    spoke_writer_init(&w, c->work, c->work_bytes);
    spoke_write_value(&w, spoke_text(NULL, spoke_str_of(verdict.text)));
    return spoke_writer_finish(&w, json);
}

static void finish_call(spoke_client *c, struct pending_call *call, spoke_writer *reply, spoke_ack verdict)
{
    const spoke_str rid = spoke_str_from(call->rid, call->rid_bytes);
    spoke_str json = {NULL, 0};
    if (call->request == 0 || verdict.code == 0)
        return; /* answered from inside the handler, or deferred */
    if (verdict.code < 100 || verdict.code > UINT16_MAX)
        answer_or_log(c, rid, 500, SPOKE_STR("\"the handler answered with an impossible code\""));
    else if (reply_body(c, reply, verdict, &json) == SPOKE_OK)
        answer_or_log(c, rid, verdict.code, json);
    else
        answer_or_log(c, rid, 500, SPOKE_STR("\"the answer could not be written\""));
    memset(call, 0, sizeof *call);
}

static void run_command(spoke_client *c, const struct handler_slot *slot, const spoke_hub_event *event)
{
    struct pending_call *call = call_claim(c);
    if (call == NULL) {
        answer_or_log(c, event->rid, 429, SPOKE_STR("\"too many commands are being worked on\""));
        return;
    }
    const uint32_t request = call->request;
    memcpy(call->rid, event->rid.ptr, event->rid.len);
    call->rid_bytes = (uint8_t)event->rid.len;
    spoke_writer reply;
    spoke_writer_init(&reply, c->work, c->work_bytes);
    const spoke_ack verdict = ask_handler(c, slot, event, request, false, &reply);
    if (call->request == request)
        finish_call(c, call, &reply, verdict);
}

void command_event(spoke_client *c, const spoke_hub_event *event)
{
    if (event->rid.len > SPOKE_MAX_RID_BYTES) {
        log_line(&c->platform, SPOKE_LOG_ERROR, "client",
                 "a command with an impossibly long request id was ignored");
        return;
    }
    const struct handler_slot *slot = handler_find(c, event->component, event->name, true);
    if (slot == NULL) {
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a command without a handler: %.*s", (int)event->name.len,
                 event->name.ptr);
        answer_or_log(c, event->rid, 404, SPOKE_STR("\"this device has no such command\""));
    } else if (event->payload.len > 0 && spoke_json_check(event->payload) != SPOKE_OK) {
        answer_or_log(c, event->rid, 400, SPOKE_STR("\"the request is not valid JSON\""));
    } else {
        run_command(c, slot, event);
    }
}

spoke_status spoke_command_reply(spoke_client *client, uint32_t request, int code, spoke_str json)
{
    if (client == NULL || code < 100 || code > UINT16_MAX || (json.len > 0 && spoke_json_check(json) != SPOKE_OK))
        return SPOKE_E_ARG;
    lock_client(client);
    struct pending_call *call = call_find(client, request, false);
    spoke_status status = SPOKE_E_NOT_FOUND;
    if (call != NULL)
        status = command_answer(client, spoke_str_from(call->rid, call->rid_bytes), code, json);
    if (status == SPOKE_OK)
        memset(call, 0, sizeof *call);
    client->news = true;
    unlock_client(client);
    if (status == SPOKE_OK)
        wake_poller(client);
    return status;
}

/* --- cloud-to-device messages and offline commands --- */

static spoke_ack ask_about_message(spoke_client *c, const spoke_hub_event *event, uint32_t request)
{
    if (event->name.len > 0) {
        const struct handler_slot *slot = handler_find(c, event->component, event->name, true);
        spoke_writer nowhere; /* an offline command has no answer */
        spoke_writer_init(&nowhere, c->work, c->work_bytes);
        if (slot != NULL)
            return ask_handler(c, slot, event, request, true, &nowhere);
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
    if (call != NULL && call->request == request)
        memset(call, 0, sizeof *call);
    if (qos == 1 && c->ops->ack(c->link, receipt) == SPOKE_OK)
        c->work_left = true;
}

spoke_status spoke_message_done(spoke_client *client, uint32_t request)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    struct pending_call *call = call_find(client, request, true);
    if (call != NULL)
        call->done = client->news = true;
    unlock_client(client);
    if (call == NULL)
        return SPOKE_E_NOT_FOUND;
    wake_poller(client);
    return SPOKE_OK;
}
