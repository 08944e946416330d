/* Commands: a POST waits for the device's answer, a GET shows the answers that came. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/refused.h"
#include "central/core/work.h"
#include "rest.h"

#define DEFAULT_RESPONSE_S 30u
#define METHOD_CAP 300u
#define QUEUE_LIFE_MS (INT64_C(24) * 3600 * 1000) /* of an offline command, as in the cloud */

/* A command under way, the `user` of its method call. */
struct command_run {
    struct command_run *next;
    struct core *core;
    core_done_fn done;
    void *user;
    uint64_t ticket; /* of the method call, and of the request; 0: not called yet, not in the list */
    char *device_id, *component, *name;
    char *request; /* JSON text; NULL: none was given */
    char id[37];
};

static void run_free(struct command_run *run)
{
    if (run == NULL)
        return;
    free(run->device_id);
    free(run->component);
    free(run->name);
    free(run->request);
    free(run);
}

static struct command_run **run_place(struct core *c, uint64_t ticket)
{
    struct command_run **at = &c->command_runs;
    while (*at != NULL && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

void rest_commands_free(struct core *c)
{
    while (c->command_runs != NULL) {
        struct command_run *run = c->command_runs;
        c->command_runs = run->next;
        run_free(run);
    }
}

/* --- the request --- */

struct command {
    spoke_str request; /* empty: none was given */
    uint32_t connect_s, response_s;
};

static bool read_seconds(struct rest_call *call, const cJSON *item, uint32_t least, uint32_t most, uint32_t *out)
{
    if (item == NULL)
        return true;
    const double value = item->valuedouble;
    if (!(value >= least && value <= most) || floor(value) < value) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"%s\" of a command has to be a whole number from %u to %u.",
                  item->string, least, most);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_command(struct rest_call *call, struct command *out)
{
    const cJSON *request, *connect, *response;
    const struct rest_member members[] = {{"request", REST_ANY, true, &request},
                                          {"connectionTimeout", REST_NUMBER, false, &connect},
                                          {"responseTimeout", REST_NUMBER, false, &response}};
    *out = (struct command){.response_s = DEFAULT_RESPONSE_S};
    if (!rest_members(call, call->body, "a command", members, 3) ||
        !read_seconds(call, connect, 0, 30, &out->connect_s) ||
        !read_seconds(call, response, 5, 30, &out->response_s))
        return false;
    if (request != NULL && spoke_json_find(call->request->body, "request", &out->request) != SPOKE_OK)
        out->request = (spoke_str){NULL, 0};
    if (out->request.len > SPOKE_MAX_COMMAND_BYTES)
        rest_fail(&call->reply, 413, "PayloadTooLarge", "The request of a command has at most %u bytes.",
                  SPOKE_MAX_COMMAND_BYTES);
    return call->reply.status == 0;
}

/* The name becomes part of an MQTT topic. */
static bool name_good(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:*") == strlen(name);
}

static bool method_name(struct rest_call *call, const char *component, const char *name, char out[METHOD_CAP])
{
    const int len = component != NULL ? snprintf(out, METHOD_CAP, "%s*%s", component, name)
                                      : snprintf(out, METHOD_CAP, "%s", name);
    const bool good = len > 0 && (size_t)len < METHOD_CAP && name_good(out);
    if (!good)
        rest_fail(&call->reply, 400, "InvalidRequest", "%.100s cannot be the name of a command.", name);
    return good;
}

/* False, with a reply: the device's template has no such command, or wants another request. */
static bool request_fits(struct rest_call *call, const struct template_table *t, const char *component,
                         const char *name, spoke_str request)
{
    char why[TEMPLATE_WHY_CAP];
    if (t == NULL)
        return true;
    const enum template_fit fit = template_request(t, spoke_str_of(component), spoke_str_of(name), request, why);
    if (fit == TEMPLATE_UNMODELED)
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s: %s.", call->args[0], why);
    else if (fit != TEMPLATE_FITS)
        rest_fail(&call->reply, 400, "InvalidBody", "Device %.128s: %s.", call->args[0], why);
    return fit == TEMPLATE_FITS;
}

/* --- the answer --- */

static void explain(struct rest_reply *reply, const struct command_run *run, int32_t hub_code)
{
    switch (hub_code) {
    case CODE_NOT_ONLINE:
        rest_fail(reply, 404, "DeviceNotConnected",
                  "Device %.128s is not connected, or does not listen for commands (%d).", run->device_id,
                  (int)hub_code);
        return;
    case CODE_METHOD_TIMEOUT:
        rest_fail(reply, 504, "DeviceTimeout", "Device %.128s did not answer in time (%d).", run->device_id,
                  (int)hub_code);
        return;
    case CODE_METHODS_IN_FLIGHT:
        rest_fail(reply, 429, "TooManyRequests", "Device %.128s has too many commands under way (%d).",
                  run->device_id, (int)hub_code);
        return;
    case CODE_BAD_ANSWER:
        rest_fail(reply, 502, "DeviceAnswerInvalid", "Device %.128s answered with text that is not JSON.",
                  run->device_id);
        return;
    case CODE_ARGUMENT:
        rest_fail(reply, 400, "InvalidRequest", "%.128s cannot be the name of a command (%d).", run->name,
                  (int)hub_code);
        return;
    default:
        rest_fail(reply, 500, "InternalError", "The command could not be sent (%d).", (int)hub_code);
    }
}

static void add_json(cJSON *object, const char *name, spoke_str json)
{
    char *text = json.len > 0 ? text_copy(json) : NULL;
    if (text != NULL)
        cJSON_AddRawToObject(object, name, text);
    free(text);
}

static cJSON *answer_json(const struct command_run *run, int status, spoke_str payload)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "id", run->id);
    add_json(body, "request", spoke_str_of(run->request));
    add_json(body, "response", payload);
    cJSON_AddNumberToObject(body, "responseCode", status);
    return body;
}

/* An answer that does not fit the template is handed on, flagged like telemetry; one of failure is free text. */
static void flag_answer(const struct command_run *run, cJSON *answer, int status, spoke_str payload)
{
    struct store_device row;
    char why[TEMPLATE_WHY_CAP];
    if (status < 200 || status > 299 || store_device_get(core_store(run->core), run->device_id, &row) != SPOKE_OK)
        return;
    const struct template_table *t = core_template(run->core, row.template_id);
    if (t != NULL)
        rest_add_fit(answer,
                     template_response(t, spoke_str_of(run->component), spoke_str_of(run->name), payload, why),
                     why);
    store_device_free(&row);
}

/* That it was sent; with `answered`, what came of it. The caller is told either way. */
static void publish(const struct command_run *run, bool answered, int status, int32_t hub_code, spoke_str payload)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "id", run->id);
    cJSON_AddStringToObject(body, "name", run->name);
    if (!answered)
        add_json(body, "request", spoke_str_of(run->request));
    if (answered && hub_code == 0) {
        cJSON_AddNumberToObject(body, "responseCode", status);
        add_json(body, "response", payload);
    } else if (answered) {
        cJSON_AddNumberToObject(body, "errorCode", hub_code);
    }
    (void)core_publish(run->core, answered ? EVENT_COMMAND_ANSWERED : EVENT_COMMAND_RUN, run->device_id, NULL,
                       run->component[0] != '\0' ? run->component : NULL, body);
}

/* The answer goes out even when the history cannot take it: the device has acted. */
static void remember(const struct command_run *run, const cJSON *answer)
{
    char *text = cJSON_PrintUnformatted(answer);
    spoke_status status = text != NULL ? core_dirty(run->core) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = store_command_add(core_store(run->core), run->device_id, run->component, run->name, text);
    if (status != SPOKE_OK)
        core_log(run->core, SPOKE_LOG_WARN, "rest", "a command was not added to the history: %s",
                 spoke_status_text(status));
    cJSON_free(text);
}

static void finish(void *user, int status, int32_t hub_code, spoke_str payload)
{
    struct command_run *run = user;
    struct rest_reply reply = {0};
    if (run->ticket != 0)
        *run_place(run->core, run->ticket) = run->next;
    if (hub_code == 0 && payload.len > 0 && spoke_json_check(payload) != SPOKE_OK)
        hub_code = CODE_BAD_ANSWER;
    publish(run, true, status, hub_code, payload);
    if (hub_code != 0) {
        explain(&reply, run, hub_code);
    } else {
        rest_ok(&reply, 201, answer_json(run, status, payload));
        flag_answer(run, reply.body, status, payload);
        remember(run, reply.body);
    }
    rest_send(run->core, &reply, run->done, run->user);
    run_free(run);
}

/* --- POST --- */

static struct command_run *run_create(const struct rest_call *call, const char *component, const char *name,
                                      spoke_str request)
{
    struct command_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    run->core = call->core;
    core_guid(run->core, run->id);
    run->done = call->done;
    run->user = call->user;
    if (text_set(&run->device_id, spoke_str_of(call->args[0])) && text_set(&run->name, spoke_str_of(name)) &&
        text_set(&run->component, spoke_str_of(component)) &&
        (request.len == 0 || text_set(&run->request, request)))
        return run;
    run_free(run);
    return NULL;
}

/* --- offline commands --- */

/* The body of the message: a string without its quotes, any other value as it stands, '@' for none. On the heap. */
static char *queue_body(spoke_str request, size_t *len)
{
    char *text = malloc(request.len + 1);
    spoke_buf out = spoke_buf_from(text, request.len + 1);
    spoke_status status = text != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK && spoke_json_type(request) == '"')
        status = spoke_json_text(request, &out);
    else if (status == SPOKE_OK)
        status = spoke_buf_append(&out, request.len > 0 ? request : SPOKE_STR("@"));
    *len = out.len;
    if (status == SPOKE_OK)
        return text;
    free(text);
    return NULL;
}

static void queue(struct rest_call *call, struct command_run *run, const char *method)
{
    const spoke_str names[] = {SPOKE_STR("method-name"), SPOKE_STR("iothub-ack")};
    const spoke_str values[] = {spoke_str_of(method), SPOKE_STR("none")};
    size_t len = 0;
    char *body = queue_body(spoke_str_of(run->request), &len);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (body != NULL)
        status =
            core_c2d_send(call->core, run->device_id, spoke_str_from(body, len), names, values, 2, QUEUE_LIFE_MS);
    free(body);
    if (status == SPOKE_E_FULL) {
        rest_fail(&call->reply, 429, "TooManyRequests",
                  "As many messages as a device may have wait for device %.128s already (403004).",
                  run->device_id);
    } else if (status == SPOKE_E_TOO_LARGE) {
        rest_fail(&call->reply, 413, "PayloadTooLarge", "The request of a queued command has at most %u bytes.",
                  SPOKE_MAX_C2D_BYTES);
    } else if (status != SPOKE_OK) {
        rest_fail_internal(&call->reply, status);
    } else {
        cJSON *answer = cJSON_CreateObject();
        cJSON_AddStringToObject(answer, "id", run->id);
        add_json(answer, "request", spoke_str_of(run->request));
        rest_ok(&call->reply, 201, answer);
        remember(run, answer);
    }
}

static void post(struct rest_call *call, const char *component, const char *name)
{
    struct command command;
    char method[METHOD_CAP];
    const struct template_table *t = NULL;
    if (!rest_device_template(call, &t) || !method_name(call, component, name, method) ||
        !read_command(call, &command) || !request_fits(call, t, component, name, command.request))
        return;
    struct command_run *run = run_create(call, component, name, command.request);
    if (run == NULL) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return;
    }
    publish(run, false, 0, 0, (spoke_str){NULL, 0});
    if (t != NULL && template_is_durable(t, spoke_str_of(component), spoke_str_of(name))) {
        queue(call, run, method);
        run_free(run);
        return;
    }
    call->later = true;
    const uint64_t ticket = core_method_call(call->core, run->device_id, method, command.request,
                                             command.connect_s * 1000u, command.response_s * 1000u, finish, run);
    if (ticket == 0)
        return; /* finish was called, and run is gone */
    run->ticket = call->ticket = ticket;
    run->next = call->core->command_runs;
    call->core->command_runs = run;
}

void core_request_cancel(struct core *c, uint64_t ticket)
{
    struct command_run **place = run_place(c, ticket), *run = *place;
    if (run == NULL) {
        (void)(refused_cancel(c, ticket) ||
               work_cancel(c, ticket)); /* false: it was answered, or cancelled before */
        return;
    }
    *place = run->next;
    core_method_cancel(c, ticket);
    run_free(run);
}

void rest_command_post(struct rest_call *call)
{
    post(call, NULL, call->args[1]);
}

void rest_component_command_post(struct rest_call *call)
{
    post(call, call->args[1], call->args[2]);
}

/* --- GET --- */

struct history {
    struct rest_page page;
    uint32_t skip, seen;
};

static bool add_to_page(void *ctx, const char *json)
{
    struct history *h = ctx;
    char key[16];
    if (h->seen++ < h->skip)
        return true;
    (void)snprintf(key, sizeof key, "%u", h->seen);
    return rest_page_add(&h->page, rest_raw(json), key);
}

static void history(struct rest_call *call, const char *component, const char *name)
{
    struct history h = {.skip = 0};
    if (!rest_device_exists(call) || !rest_page_begin(call, &h.page))
        return;
    if (h.page.after != NULL && spoke_str_u32(spoke_str_of(h.page.after), &h.skip) != SPOKE_OK)
        h.skip = 0; /* no token of ours: from the start, as for any list */
    const spoke_status status =
        store_command_each(core_store(call->core), call->args[0], component, name, add_to_page, &h);
    rest_page_end(call, &h.page, status);
}

void rest_command_history(struct rest_call *call)
{
    history(call, "", call->args[1]);
}

void rest_component_command_history(struct rest_call *call)
{
    history(call, call->args[1], call->args[2]);
}
