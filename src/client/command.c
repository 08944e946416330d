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
    const struct queue_message m = {.lane = QUEUE_NORMAL};
    const spoke_status status = queue_add(&c->answers, now_ms(c), &m, write_answer, &a);
    c->work_left = c->work_left || status == SPOKE_OK;
    return status;
}

void command_answer_or_log(spoke_client *c, spoke_str rid, int code, spoke_str json)
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

/* Offline, '@' says that there is no parameter. */
static spoke_str parameter_of(const spoke_hub_event *event, bool offline)
{
    const bool none = offline && spoke_str_equal(event->payload, SPOKE_STR("@"));
    return none ? spoke_str_from(NULL, 0) : event->payload;
}

static spoke_ack ask_handler(spoke_client *c, const spoke_handler *handler, const spoke_hub_event *event,
                             uint32_t request, bool offline, spoke_writer *reply)
{
    const spoke_command call = {.client = c,
                                .component = spoke_str_of(handler->component),
                                .name = spoke_str_of(handler->name),
                                .payload = parameter_of(event, offline),
                                .request = request,
                                .offline = offline,
                                .reply = reply};
    enter_handler(c);
    const spoke_ack verdict = handler->command(&call, c->config.user);
    leave_handler(c);
    return verdict;
}

/* A sentence as the body, written over whatever the handler wrote. */
static void answer_with(spoke_client *c, spoke_str rid, int code, const char *text)
{
    spoke_str json;
    spoke_writer w;
    spoke_writer_init(&w, c->work, c->work_bytes);
    spoke_write_value(&w, spoke_text(NULL, spoke_str_of(text)));
    if (spoke_writer_finish(&w, &json) != SPOKE_OK)
        json = spoke_str_from(NULL, 0);
    command_answer_or_log(c, rid, code, json);
}

static void answer_fault(spoke_client *c, spoke_str rid, int code, const spoke_fault *fault)
{
    char text[SENTENCE_BYTES];
    answer_with(c, rid, code, spoke_fault_text(fault, text, sizeof text));
}

/* Only 200 promises the response; 202 and its like may come without. What else travels is an explanation. */
static bool response_fits(const spoke_client *c, const struct pending_call *call, int code, spoke_str json,
                          spoke_fault *fault)
{
    const bool promised = code == 200 || (code > 200 && code < 300 && json.len > 0);
    return call->member == NULL || !promised || !contract_checks(c) ||
           spoke_response_check(call->member, json, fault) == SPOKE_OK;
}

static void send_response(spoke_client *c, const struct pending_call *call, int code, spoke_str json)
{
    const spoke_str rid = spoke_str_from(call->rid, call->rid_bytes);
    spoke_fault fault;
    if (!response_fits(c, call, code, json, &fault) && contract_misfit(c, &fault))
        answer_fault(c, rid, 500, &fault);
    else
        command_answer_or_log(c, rid, code, json);
}

static void finish_call(spoke_client *c, struct pending_call *call, spoke_writer *reply, spoke_ack verdict)
{
    const spoke_str rid = spoke_str_from(call->rid, call->rid_bytes);
    spoke_str json = {NULL, 0};
    if (verdict.code == 0)
        return; /* deferred */
    if (verdict.code < 100 || verdict.code > UINT16_MAX)
        command_answer_or_log(c, rid, 500, SPOKE_STR("\"the handler answered with an impossible code\""));
    else if (spoke_writer_finish(reply, &json) != SPOKE_OK)
        command_answer_or_log(c, rid, 500, SPOKE_STR("\"the answer could not be written\""));
    else if (json.len == 0 && verdict.text != NULL && verdict.code != 200)
        answer_with(c, rid, verdict.code, verdict.text); /* an explanation, not the response */
    else
        send_response(c, call, verdict.code, json);
    memset(call, 0, sizeof *call);
}

static void run_command(spoke_client *c, const spoke_handler *handler, const spoke_member *member,
                        const spoke_hub_event *event)
{
    struct pending_call *call = call_claim(c);
    if (call == NULL) {
        command_answer_or_log(c, event->rid, 429, SPOKE_STR("\"too many commands are being worked on\""));
        return;
    }
    const uint32_t request = call->request;
    memcpy(call->rid, event->rid.ptr, event->rid.len);
    call->rid_bytes = (uint8_t)event->rid.len;
    call->member = member;
    spoke_writer reply;
    spoke_writer_init(&reply, c->work, c->work_bytes);
    const spoke_ack verdict = ask_handler(c, handler, event, request, false, &reply);
    if (call->request == request)
        finish_call(c, call, &reply, verdict);
}

static void refuse_unhandled(spoke_client *c, const spoke_hub_event *event, bool in_template)
{
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "a command without a handler: %.*s", (int)event->name.len,
             event->name.ptr);
    if (in_template)
        command_answer_or_log(c, event->rid, 501, SPOKE_STR("\"this firmware has no handler for the command\""));
    else
        command_answer_or_log(c, event->rid, 404, SPOKE_STR("\"this device has no such command\""));
}

void command_event(spoke_client *c, const spoke_hub_event *event)
{
    spoke_fault fault;
    if (event->rid.len > SPOKE_MAX_RID_BYTES) {
        log_line(&c->platform, SPOKE_LOG_ERROR, "client",
                 "a command with an impossibly long request id was ignored");
        return;
    }
    c->stats.commands++;
    const size_t handler = handler_find(c, event->component, event->name, true);
    const spoke_member *member = spoke_model_find(c->config.model, SPOKE_COMMAND, event->component, event->name);
    const bool own = diagnostics_answers(&c->config, event->component, event->name);
    const bool checked = member != NULL && contract_checks(c) && !(own && event->payload.len == 0);
    if (handler == NO_HANDLER && !own)
        refuse_unhandled(c, event, member != NULL);
    else if (event->payload.len > 0 && spoke_json_check(event->payload) != SPOKE_OK)
        command_answer_or_log(c, event->rid, 400, SPOKE_STR("\"the request is not valid JSON\""));
    else if (checked && spoke_request_check(member, event->payload, &fault) != SPOKE_OK &&
             contract_misfit(c, &fault))
        answer_fault(c, event->rid, 400, &fault);
    else if (own)
        diagnostics_get_log(c, event->rid, event->payload);
    else
        run_command(c, &c->config.handlers[handler], member, event);
}

spoke_status spoke_command_reply(spoke_client *client, uint32_t request, int code, spoke_str json)
{
    if (client == NULL || code < 100 || code > UINT16_MAX || (json.len > 0 && spoke_json_check(json) != SPOKE_OK))
        return SPOKE_E_ARG;
    lock_client(client);
    struct pending_call *call = call_find(client, request, false);
    spoke_status status = call != NULL ? SPOKE_OK : SPOKE_E_NOT_FOUND;
    spoke_fault fault;
    if (call != NULL && !response_fits(client, call, code, json, &fault) && contract_misfit(client, &fault))
        status = SPOKE_E_MODEL;
    if (status == SPOKE_OK)
        status = command_answer(client, spoke_str_from(call->rid, call->rid_bytes), code, json);
    if (status == SPOKE_OK)
        memset(call, 0, sizeof *call);
    client->news = true;
    unlock_and_wake(client, status == SPOKE_OK);
    return status;
}

/* --- cloud-to-device messages and offline commands --- */

static spoke_ack ask_offline(spoke_client *c, const spoke_handler *handler, const spoke_hub_event *event,
                             uint32_t request)
{
    const spoke_member *member = spoke_model_find(c->config.model, SPOKE_COMMAND, event->component, event->name);
    spoke_fault fault;
    spoke_writer nowhere; /* an offline command has no answer */
    if (member != NULL && contract_checks(c) &&
        spoke_offline_request_check(member, parameter_of(event, true), &fault) != SPOKE_OK &&
        contract_misfit(c, &fault))
        return spoke_reject(400, "an offline command does not fit the device template");
    c->stats.commands++;
    spoke_writer_init(&nowhere, c->work, c->work_bytes);
    return ask_handler(c, handler, event, request, true, &nowhere);
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
