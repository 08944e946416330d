#include "machine.h"

#include <string.h>

#include "base/log.h"

#if SPOKE_WITH_COMMANDS

/* Commands: direct methods that want an answer. */

/* A sentence of ours as an answer, JSON; where sentences are left out the code has to do. */
#define EXPLANATION(json) (SPOKE_WITH_SENTENCES ? SPOKE_STR(json) : (spoke_str){NULL, 0})

/* --- answers --- */

/* One waits for nothing but room in the transport: this, its topic and its body, behind those that came before. */
struct waiting {
    uint32_t topic_bytes, body_bytes;
};

void command_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    uint8_t *bytes = carve_bulk(at, resolved->report_bytes);
    if (client != NULL)
        client->answers = (struct answers){.bytes = bytes, .cap = resolved->report_bytes};
}

void command_ended(spoke_client *c)
{
    c->answers.from = c->answers.to = 0;
}

bool command_idle(const spoke_client *c)
{
    return c->answers.from == c->answers.to;
}

static bool send_answer(spoke_client *c)
{
    struct answers *a = &c->answers;
    struct waiting w;
    if (command_idle(c))
        return false;
    memcpy(&w, a->bytes + a->from, sizeof w);
    const char *topic = (const char *)a->bytes + a->from + sizeof w;
    if (session_publish(c, spoke_str_from(topic, w.topic_bytes),
                        spoke_str_from(topic + w.topic_bytes, w.body_bytes)) != SPOKE_OK)
        return false;
    a->from += sizeof w + w.topic_bytes + w.body_bytes;
    return true;
}

void command_work(spoke_client *c)
{
    while (send_answer(c)) {
    }
}

/* What left is room again. */
static void close_up(struct answers *a)
{
    memmove(a->bytes, a->bytes + a->from, a->to - a->from);
    a->to -= a->from;
    a->from = 0;
}

static spoke_status write_answer(spoke_buf *out, spoke_str rid, int code, spoke_str json)
{
    struct waiting w = {0, (uint32_t)json.len};
    uint8_t *front = out->ptr;
    spoke_status status = spoke_buf_append(out, spoke_str_from((const char *)&w, sizeof w));
    if (status == SPOKE_OK)
        status = spoke_hub_method_reply_topic(rid, code, out);
    if (status == SPOKE_OK) {
        w.topic_bytes = (uint32_t)(out->len - sizeof w);
        memcpy(front, &w, sizeof w);
        status = spoke_buf_append(out, json);
    }
    return status;
}

/* E_FULL when the answers that wait leave no room. */
spoke_status command_answer(spoke_client *c, spoke_str rid, int code, spoke_str json)
{
    struct answers *a = &c->answers;
    close_up(a);
    spoke_buf out = spoke_buf_from(a->bytes + a->to, a->cap - a->to);
    const spoke_status status = write_answer(&out, rid, code, json);
    if (status == SPOKE_E_TOO_SMALL)
        return a->to > 0 ? SPOKE_E_FULL : SPOKE_E_TOO_LARGE;
    if (status == SPOKE_OK && out.len - sizeof(struct waiting) > session_room(c, 0, 0))
        return SPOKE_E_TOO_LARGE; /* for any packet */
    a->to += status == SPOKE_OK ? out.len : 0;
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
    if (command_answer(c, rid, 500, EXPLANATION("\"the answer does not fit on this device\"")) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a command stays unanswered: the caller will time out");
}

/* --- calling the handler --- */

/* A sentence as the body, written over whatever the handler wrote. */
static void answer_with(spoke_client *c, spoke_str rid, int code, const char *text)
{
    spoke_str json;
    spoke_writer w;
    spoke_writer_init(&w, c->scratch, c->work_bytes);
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
    if (SPOKE_WITH_DEFER && verdict.code == 0)
        return; /* deferred */
    if (verdict.code < 100 || verdict.code > UINT16_MAX)
        command_answer_or_log(c, rid, 500, EXPLANATION("\"the handler answered with an impossible code\""));
    else if (spoke_writer_finish(reply, &json) != SPOKE_OK)
        command_answer_or_log(c, rid, 500, EXPLANATION("\"the answer could not be written\""));
    else if (json.len == 0 && verdict.text != NULL && verdict.code != 200)
        answer_with(c, rid, verdict.code, verdict.text); /* an explanation, not the response */
    else
        send_response(c, call, verdict.code, json);
    memset(call, 0, sizeof *call);
}

static void run_command(spoke_client *c, const spoke_handler *handler, const spoke_member *member,
                        const spoke_hub_event *event)
{
    struct pending_call at_once = {.request = 1}, *call = SPOKE_WITH_DEFER ? call_claim(c) : &at_once;
    if (call == NULL) {
        command_answer_or_log(c, event->rid, 429, EXPLANATION("\"too many commands are being worked on\""));
        return;
    }
    const uint32_t request = call->request;
    memcpy(call->rid, event->rid.ptr, event->rid.len);
    call->rid_bytes = (uint8_t)event->rid.len;
    call->member = member;
    spoke_writer reply;
    spoke_writer_init(&reply, c->scratch, c->work_bytes);
    const spoke_ack verdict = call_handler(c, handler, event, request, false, &reply);
    if (call->request == request)
        finish_call(c, call, &reply, verdict);
}

static void refuse_unhandled(spoke_client *c, const spoke_hub_event *event, bool in_template)
{
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "a command without a handler: %.*s", (int)event->name.len,
             event->name.ptr);
    if (in_template)
        command_answer_or_log(c, event->rid, 501, EXPLANATION("\"this firmware has no handler for the command\""));
    else
        command_answer_or_log(c, event->rid, 404, EXPLANATION("\"this device has no such command\""));
}

void command_event(spoke_client *c, const spoke_hub_event *event)
{
    spoke_fault fault;
    if (event->rid.len > SPOKE_MAX_RID_BYTES) {
        log_line(&c->platform, SPOKE_LOG_ERROR, "client",
                 "a command with an impossibly long request id was ignored");
        return;
    }
    COUNT(c, commands, 1);
    const size_t handler = handler_find(c, event->component, event->name, true);
    const spoke_member *member = contract_command(c, event->component, event->name);
    const bool own = diagnostics_answers(&c->config, event->component, event->name);
    const bool checked = member != NULL && contract_checks(c) && !(own && event->payload.len == 0);
    if (handler == NO_HANDLER && !own)
        refuse_unhandled(c, event, member != NULL);
    else if (event->payload.len > 0 && spoke_json_check(event->payload) != SPOKE_OK)
        command_answer_or_log(c, event->rid, 400, EXPLANATION("\"the request is not valid JSON\""));
    else if (checked && spoke_request_check(member, event->payload, &fault) != SPOKE_OK &&
             contract_misfit(c, &fault))
        answer_fault(c, event->rid, 400, &fault);
    else if (own)
        diagnostics_get_log(c, event->rid, event->payload);
    else
        run_command(c, &c->config.handlers[handler], member, event);
}

void command_too_large(spoke_client *c, const spoke_hub_event *event)
{
    if (command_answer(c, event->rid, 413, EXPLANATION("\"the request is larger than this device can take\"")) !=
        SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "no room to refuse a command: the caller will time out");
}

#if SPOKE_WITH_DEFER
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
#endif

#endif
