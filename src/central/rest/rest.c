#include "rest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_token.h"
#include "base/secret.h"
#include "central/core/core_internal.h"
#include "central/core/device_http.h"
#include "central/core/refused.h"
#include "rest_audit.h"
#include "rest_caller.h"
#include "rest_query.h"
#include "rest_routes.h"

#define MAX_BODY_BYTES (1024u * 1024u)

/* --- replies --- */

void rest_ok(struct rest_reply *reply, int status, cJSON *body)
{
    reply->status = status;
    reply->body = body;
}

void rest_fail(struct rest_reply *reply, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reply->message, sizeof reply->message, format, args);
    va_end(args);
    free(reply->text); /* a failure on the way out of another one */
    cJSON_Delete(reply->issues);
    reply->text = NULL;
    reply->issues = NULL;
    reply->status = status;
    reply->code = code;
}

void rest_fail_internal(struct rest_reply *reply, spoke_status status)
{
    rest_fail(reply, 500, "InternalError", "The service could not do it: %s.", spoke_status_text(status));
}

static cJSON *error_body(struct core *c, struct rest_reply *reply)
{
    char id[37], when[40] = "";
    struct tm utc;
    const time_t seconds = (time_t)(core_unix_ms(c) / 1000);
    core_guid(c, id);
    if (gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(when, sizeof when, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* RFC 1123; the locale stays "C" */
    cJSON *body = cJSON_CreateObject();
    cJSON *error = cJSON_AddObjectToObject(body, "error");
    cJSON_AddStringToObject(error, "code", reply->code);
    const char *message = reply->text != NULL ? reply->text : reply->message;
    cJSON_AddItemToObject(error, "message", rest_text(message, strlen(message)));
    if (reply->issues != NULL)
        cJSON_AddItemToObject(error, "issues", reply->issues);
    reply->issues = NULL;
    cJSON_AddStringToObject(error, "requestId", id);
    cJSON_AddStringToObject(error, "time", when);
    return body;
}

void rest_send(struct core *c, struct rest_reply *reply, core_done_fn done, void *user)
{
    struct core_response response = {.status = reply->status, .error_code = reply->code, .allow = reply->allow};
    if (reply->code != NULL)
        reply->body = error_body(c, reply);
    char *text = reply->body != NULL ? cJSON_PrintUnformatted(reply->body) : NULL;
    if (reply->body != NULL && text == NULL)
        response.status = 500; /* no memory, not even for an error's text */
    cJSON_Delete(reply->body);
    free(reply->text);
    reply->body = NULL;
    reply->text = NULL;
    response.body = spoke_str_of(text);
    response.retry_after_s = reply->status != 429 ? 0 : reply->retry_after_s > 0 ? reply->retry_after_s : 1;
    done(user, &response);
    if (reply->secret != NULL && text != NULL)
        spoke_wipe(text, strlen(text));
    secret_free(reply->secret);
    reply->secret = NULL;
    cJSON_free(text);
}

bool rest_device(struct rest_call *call, struct store_device *out)
{
    spoke_status status = store_device_get(core_store(call->core), call->args[0], out);
    if (status == SPOKE_OK && !rest_sees(call, out->organizations)) {
        store_device_free(out);
        status = SPOKE_E_NOT_FOUND;
    }
    if (status == SPOKE_E_NOT_FOUND)
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s does not exist.", call->args[0]);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

bool rest_device_exists(struct rest_call *call)
{
    struct store_device row;
    const bool found = rest_device(call, &row);
    if (found)
        store_device_free(&row);
    return found;
}

bool rest_device_template(struct rest_call *call, const struct template_table **out)
{
    struct store_device row;
    if (!rest_device(call, &row))
        return false;
    *out = core_template(call->core, row.template_id);
    store_device_free(&row);
    return true;
}

void rest_add_fit(cJSON *object, enum template_fit fit, const char *why)
{
    if (fit == TEMPLATE_FITS)
        return;
    cJSON_AddStringToObject(object, "flag", template_fit_text(fit));
    cJSON_AddItemToObject(object, "reason", rest_text(why, strlen(why)));
}

/* --- finding the handler --- */

static bool fits(const char *pattern, const char *path)
{
    while (*pattern != '\0') {
        if (*pattern == '{') {
            const size_t len = strcspn(path, "/");
            if (len == 0)
                return false;
            path += len;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/* Ends each segment of a path that fits, so that args point at them. */
static void cut(const char *pattern, char *path, const char *args[REST_ARGS])
{
    size_t count = 0;
    while (*pattern != '\0') {
        if (*pattern++ != '{') {
            path++;
            continue;
        }
        assert(count < REST_ARGS);
        args[count++] = path;
        path += strcspn(path, "/");
        pattern++;
        if (*pattern == '\0')
            return;
        *path++ = '\0';
        pattern++;
    }
}

struct match {
    const struct rest_route *route;
    char *path; /* args point into it */
    char allow[64];
};

static spoke_status find_route(struct rest_call *call, struct match *m)
{
    const struct rest_route *route;
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++) {
        if (!fits(route->pattern, call->request->path))
            continue;
        if (strcmp(route->method, call->request->method) == 0) {
            m->path = strdup(call->request->path);
            if (m->path == NULL)
                return SPOKE_E_NO_MEMORY;
            call->route = m->route = route;
            cut(route->pattern, m->path, call->args);
            return SPOKE_OK;
        }
        const size_t used = strlen(m->allow);
        const bool reads = strcmp(route->method, "GET") == 0; /* where there is GET, there is HEAD */
        (void)snprintf(m->allow + used, sizeof m->allow - used, "%s%s%s", used > 0 ? ", " : "", route->method,
                       reads ? ", HEAD" : "");
    }
    return SPOKE_E_NOT_FOUND;
}

/* --- checks before the handler --- */

static bool is_control(const struct core_request *request)
{
    return strncmp(request->path, "/control/", sizeof "/control/" - 1) == 0;
}

static bool routed(struct rest_call *call, struct match *m)
{
    const struct core_request *request = call->request;
    const bool hidden = is_control(request) && !request->trusted && !core_control(call->core);
    const spoke_status status = hidden ? SPOKE_E_NOT_FOUND : find_route(call, m);
    if (status == SPOKE_E_NO_MEMORY) {
        rest_fail_internal(&call->reply, status);
    } else if (status != SPOKE_OK && m->allow[0] != '\0') {
        rest_fail(&call->reply, 405, "MethodNotAllowed", "%.20s is not allowed here, only %s.", request->method,
                  m->allow);
        call->reply.allow = m->allow;
    } else if (status != SPOKE_OK) {
        rest_fail(&call->reply, 404, "NotFound", "There is nothing at %.200s.", request->path);
    }
    return status == SPOKE_OK;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

static enum limit limit_of(const struct rest_route *route)
{
    if (route->right == RIGHT_QUERY)
        return LIMIT_QUERIES;
    if (route->right == RIGHT_COMMAND)
        return LIMIT_COMMANDS;
    return strcmp(route->method, "GET") != 0 && ends_with(route->pattern, "/properties") ? LIMIT_PROPERTIES
                                                                                         : LIMIT_REQUESTS;
}

/* Of the application, not of a token: as in the cloud. */
static bool in_time(struct rest_call *call)
{
    struct limits *limits = &call->core->limits;
    const enum limit which = limit_of(call->route);
    const bool goes_on = call->request->round != NULL; /* a stream was one request when it began */
    if (call->request->trusted || goes_on || is_control(call->request) ||
        limits_admit(limits, which, core_now_ms(call->core), &call->reply.retry_after_s))
        return true;
    rest_fail(&call->reply, 429, "TooManyRequests",
              "This application takes at most %u such requests a second; wait %u s.", limits->most[which],
              call->reply.retry_after_s);
    return false;
}

static bool version_known(struct rest_call *call)
{
    static const char *const KNOWN[] = {"2022-07-31", "2022-10-31-preview"};
    char *version = NULL;
    if (strncmp(call->request->path, "/api/", sizeof "/api/" - 1) != 0)
        return true;
    const spoke_status status = rest_query_get(call->request->query, "api-version", &version);
    if (status == SPOKE_E_NOT_FOUND && call->request->trusted)
        return true;
    for (size_t i = 0; status == SPOKE_OK && i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (strcmp(version, KNOWN[i]) == 0) {
            free(version);
            return true;
        }
    }
    free(version);
    rest_fail(&call->reply, 400, "InvalidRequest", "api-version is %s; use %s or %s.",
              status == SPOKE_E_NOT_FOUND ? "missing" : "not one that is known", KNOWN[0], KNOWN[1]);
    return false;
}

/* RFC 7396: what a patch of another type would mean is not known. What follows a ';' does not matter to JSON. */
static bool patch_readable(struct rest_call *call)
{
    const char *type = call->request->content_type;
    const size_t len = type != NULL ? strcspn(type, "; \t") : 0;
    const spoke_str name = spoke_str_from(type, len);
    if (strcmp(call->request->method, "PATCH") != 0 || type == NULL ||
        spoke_str_equal_nocase(name, SPOKE_STR("application/json")) ||
        spoke_str_equal_nocase(name, SPOKE_STR("application/merge-patch+json")))
        return true;
    rest_fail(&call->reply, 415, "UnsupportedMediaType",
              "The Content-Type of a PATCH is application/json or application/merge-patch+json.");
    return false;
}

static bool body_read(struct rest_call *call, enum rest_body kind)
{
    const spoke_str text =
        kind == REST_BODY_OPTIONAL && call->request->body.len == 0 ? SPOKE_STR("{}") : call->request->body;
    if (kind == REST_BODY_NONE)
        return true;
    if (text.len > MAX_BODY_BYTES)
        rest_fail(&call->reply, 413, "PayloadTooLarge", "A body has at most %u bytes.", MAX_BODY_BYTES);
    else if (kind == REST_BODY_TEXT)
        return true;
    else if (!core_parse_json(text, &call->body))
        rest_fail(&call->reply, 400, "InvalidBody", "The body is not JSON, or has a NUL character (\\u0000).");
    else if (!cJSON_IsObject(call->body))
        rest_fail(&call->reply, 400, "InvalidBody", "The body has to be a JSON object.");
    else
        (void)rest_names_once(call, call->body);
    return call->reply.status == 0;
}

/* --- the door --- */

/* What devices sent is committed first: only the handler's own writes share the fate of its reply. */
static void run_writing(struct rest_call *call, const struct rest_route *route)
{
    const bool alone = !call->request->joined;
    if (alone)
        (void)core_commit(call->core);
    spoke_status status = core_dirty(call->core);
    if (status == SPOKE_OK) {
        struct rest_audit audit;
        rest_audit_begin(call, &audit);
        route->handler(call);
        rest_audit_end(call, &audit);
        status = alone ? core_commit(call->core) : SPOKE_OK;
    }
    if (status == SPOKE_OK || call->later)
        return;
    cJSON_Delete(call->reply.body);
    call->reply.body = NULL;
    rest_fail_internal(&call->reply, status);
}

/* Deny by default: a line of the table that names no right is closed to everybody. */
static bool permitted(struct rest_call *call)
{
    if (call->route->right != RIGHT_UNSET && rest_may(call, call->route->right))
        return true;
    rest_fail(&call->reply, 403, "Forbidden", "The roles of this token do not allow it.");
    return false;
}

static void run(struct rest_call *call, struct match *m)
{
    if (!routed(call, m) || !permitted(call) || !in_time(call) || !version_known(call) || !patch_readable(call) ||
        !body_read(call, m->route->body))
        return;
    if (strcmp(m->route->method, "GET") == 0)
        m->route->handler(call);
    else
        run_writing(call, m->route);
}

static void answer_refused(void *user, const struct core_response *response)
{
    struct rest_call *call = user;
    call->ticket = refused_answer(call->core, call->request->address, response, call->done, call->user);
}

uint64_t core_request(struct core *c, const struct core_request *request, core_done_fn done, void *user)
{
    struct match m = {0};
    struct rest_caller *caller = NULL;
    struct rest_call call = {.core = c, .request = request, .done = done, .user = user};
    if (device_http(c, request, done, user, &call.ticket)) /* a device, which has no token of this API */
        return call.ticket;
    if (rest_caller_find(&call, &caller)) { /* before all else: a stranger learns nothing of the paths */
        call.caller = caller;
        run(&call, &m);
    } else if (call.reply.status == 401) {
        rest_send(c, &call.reply, answer_refused, &call);
        call.later = true;
    }
    if (!call.later)
        rest_send(c, &call.reply, done, user);
    rest_caller_free(caller);
    cJSON_Delete(call.body);
    free(m.path);
    return call.ticket;
}

spoke_status core_api_token(struct core *c, const char *token_id, char **out)
{
    return api_token_make(core_application_id(c), core_application_secret(c), token_id,
                          core_unix_ms(c) + REST_TOKEN_LIFE_MS, out);
}
