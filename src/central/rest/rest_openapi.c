/* The OpenAPI document (3.1), made of the table of routes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest_caller.h"
#include "rest_routes.h"
#include "rest_schemas.h"

#define PATH_CAP 256u
#define NAME_CAP 64u

/* --- names --- */

/* What the hole behind a segment is called: devices -> deviceId, commands -> commandName. */
static void hole_name(spoke_str segment, char out[NAME_CAP])
{
    static const char *const NAMED[] = {"components", "commands", "telemetry", "modules"};
    const char *suffix = "Id";
    for (size_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++)
        if (spoke_str_equal(segment, spoke_str_of(NAMED[i])))
            suffix = "Name";
    if (segment.len > 1 && segment.ptr[segment.len - 1] == 's')
        segment.len--;
    (void)snprintf(out, NAME_CAP, "%.*s%s", (int)segment.len, segment.ptr, suffix);
}

/* Walks a pattern: the path with named holes, the names of the holes, and an id of the operation. */
struct naming {
    char path[PATH_CAP], operation[PATH_CAP];
    char holes[REST_ARGS][NAME_CAP];
    size_t count;
};

static void append(char out[PATH_CAP], const char *text, size_t len)
{
    const size_t used = strlen(out);
    if (len >= PATH_CAP - used) /* no pattern is so long */
        len = PATH_CAP - used - 1;
    memcpy(out + used, text, len);
    out[used + len] = '\0';
}

static void append_word(char out[PATH_CAP], spoke_str word)
{
    const size_t used = strlen(out);
    append(out, word.ptr, word.len);
    if (out[used] >= 'a' && out[used] <= 'z')
        out[used] = (char)(out[used] - 'a' + 'A');
}

static void name_all(const struct rest_route *route, struct naming *n)
{
    spoke_str rest = spoke_str_of(route->pattern + 1), before = {NULL, 0};
    memset(n, 0, sizeof *n);
    for (const char *at = route->method; *at != '\0'; at++)
        append(n->operation, (const char[]){(char)(*at - 'A' + 'a')}, 1);
    for (bool more = true; more;) {
        spoke_str segment, tail = {NULL, 0};
        more = spoke_str_cut(rest, '/', &segment, &tail);
        rest = tail;
        append(n->path, "/", 1);
        if (spoke_str_equal(segment, SPOKE_STR("{}")) && n->count < REST_ARGS) {
            char *hole = n->holes[n->count++];
            hole_name(before, hole);
            append(n->path, "{", 1);
            append(n->path, hole, strlen(hole));
            append(n->path, "}", 1);
            append(n->operation, "By", 2);
            append_word(n->operation, spoke_str_of(hole));
        } else {
            append(n->path, segment.ptr, segment.len);
            if (!spoke_str_equal(segment, SPOKE_STR("api")))
                append_word(n->operation, segment);
        }
        before = segment;
    }
    for (char *at = n->operation; *at != '\0'; at++)
        if (*at == '.' || *at == '$')
            *at = '_';
}

/* --- parameters --- */

static cJSON *parameter(const char *name, const char *in, bool required, const char *type, const char *says)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "in", in);
    if (says != NULL)
        cJSON_AddStringToObject(item, "description", says);
    cJSON_AddBoolToObject(item, "required", required);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(item, "schema"), "type", type);
    return item;
}

static void add_query(cJSON *list, unsigned query)
{
    static const struct {
        unsigned flag;
        const char *name, *type, *says;
    } QUERY[] = {
        {REST_QUERY_PAGE, "$top", "integer", "Items in a page, 1 to 100, of events to 1000"},
        {REST_QUERY_PAGE, "maxpagesize", "integer", "The same, as the preview spells it"},
        {REST_QUERY_PAGE, "$skiptoken", "string", "Where a page goes on; nextLink has it"},
        {REST_QUERY_FILTER, "$filter", "string", "Such as: provisioned eq true and template eq 'dtmi:a:b;1'"},
        {REST_QUERY_FILTER, "filter", "string", "The same, as the preview spells it"},
        {REST_QUERY_FILTER, "$orderby", "string", "displayName, or displayName desc"},
        {REST_QUERY_FILTER, "orderby", "string", "The same, as the preview spells it"},
        {REST_QUERY_EVENTS, "deviceId", "string", "Events of this device"},
        {REST_QUERY_EVENTS, "group", "string", "Events of the devices of this device group"},
        {REST_QUERY_EVENTS, "kind", "string", "Sources or types, with commas between: telemetry,connected"},
        {REST_QUERY_EVENTS, "after", "integer", "Behind this position"},
        {REST_QUERY_PAST, "before", "integer", "Before this position"},
        {REST_QUERY_PAST, "order", "string", "desc, the newest first, or asc"},
        {REST_QUERY_TIME, "from", "string", "From this time on: 2026-03-04T05:06:07Z"},
        {REST_QUERY_TIME, "to", "string", "Before this time"},
        {REST_QUERY_BUCKETS, "buckets", "integer", "Parts of the time, 1 to 1000"},
    };
    for (size_t i = 0; i < sizeof QUERY / sizeof QUERY[0]; i++)
        if ((query & QUERY[i].flag) != 0)
            cJSON_AddItemToArray(list, parameter(QUERY[i].name, "query", false, QUERY[i].type, QUERY[i].says));
}

static void add_parameters(cJSON *operation, const struct rest_route *route, const struct naming *n)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < n->count; i++)
        cJSON_AddItemToArray(list, parameter(n->holes[i], "path", true, "string", NULL));
    if (strncmp(route->pattern, "/api/", 5) == 0) {
        cJSON *version = cJSON_CreateObject();
        cJSON_AddStringToObject(version, "$ref", "#/components/parameters/apiVersion");
        cJSON_AddItemToArray(list, version);
    }
    add_query(list, route->query);
    if (cJSON_GetArraySize(list) > 0)
        cJSON_AddItemToObject(operation, "parameters", list);
    else
        cJSON_Delete(list);
}

/* --- bodies --- */

static cJSON *content(const char *schema, bool patch)
{
    const bool live = strcmp(schema, "EventStream") == 0;
    cJSON *types = cJSON_CreateObject();
    cJSON_AddItemToObject(cJSON_AddObjectToObject(types, live ? "text/event-stream" : "application/json"),
                          "schema", rest_schema_reference(schema));
    if (patch)
        cJSON_AddItemToObject(cJSON_AddObjectToObject(types, "application/merge-patch+json"), "schema",
                              rest_schema_reference(schema));
    return types;
}

/* A patch leaves out what it does not change, so what has to be in a document need not be in it. */
static void add_body(cJSON *operation, const struct rest_route *route)
{
    const bool patch = strcmp(route->method, "PATCH") == 0;
    if (route->body == REST_BODY_NONE || route->takes == NULL)
        return;
    cJSON *body = cJSON_AddObjectToObject(operation, "requestBody");
    cJSON_AddBoolToObject(body, "required", route->body != REST_BODY_OPTIONAL);
    cJSON_AddItemToObject(body, "content", content(patch ? "Any" : route->takes, patch));
    if (patch && strcmp(route->takes, "Any") != 0) {
        char says[120];
        (void)snprintf(says, sizeof says, "What changes of a %s (RFC 7396).", route->takes);
        cJSON_AddStringToObject(body, "description", says);
    }
}

static void add_responses(cJSON *operation, const struct rest_route *route)
{
    char status[12];
    cJSON *responses = cJSON_AddObjectToObject(operation, "responses");
    (void)snprintf(status, sizeof status, "%d", route->status);
    cJSON *good = cJSON_AddObjectToObject(responses, status);
    cJSON_AddStringToObject(good, "description", route->gives == NULL ? "Done." : "The answer.");
    if (route->gives != NULL)
        cJSON_AddItemToObject(good, "content", content(route->gives, false));
    cJSON_AddStringToObject(cJSON_AddObjectToObject(responses, "default"), "$ref", "#/components/responses/Error");
}

/* --- the document --- */

static void add_operation(cJSON *paths, size_t index, const struct rest_route *route)
{
    struct naming n;
    char method[12] = "";
    name_all(route, &n);
    for (size_t i = 0; i + 1 < sizeof method && route->method[i] != '\0'; i++)
        method[i] = (char)(route->method[i] - 'A' + 'a');
    cJSON *path = cJSON_GetObjectItemCaseSensitive(paths, n.path);
    if (path == NULL)
        path = cJSON_AddObjectToObject(paths, n.path);
    cJSON *operation = cJSON_AddObjectToObject(path, method);
    cJSON_AddStringToObject(operation, "operationId", n.operation);
    cJSON_AddStringToObject(operation, "summary", route->summary);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(operation, "tags"), cJSON_CreateString(rest_route_area(index)));
    if (rest_right_name(route->right) != NULL)
        cJSON_AddStringToObject(operation, "x-spoke-right", rest_right_name(route->right));
    add_parameters(operation, route, &n);
    add_body(operation, route);
    add_responses(operation, route);
}

static void add_components(cJSON *document)
{
    cJSON *components = cJSON_AddObjectToObject(document, "components");
    cJSON *version = parameter("api-version", "query", true, "string", NULL);
    const char *const known[] = {"2022-07-31", "2022-10-31-preview"};
    cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(version, "schema"), "enum",
                          cJSON_CreateStringArray(known, 2));
    cJSON_AddItemToObject(cJSON_AddObjectToObject(components, "parameters"), "apiVersion", version);
    cJSON *error = cJSON_AddObjectToObject(cJSON_AddObjectToObject(components, "responses"), "Error");
    cJSON_AddStringToObject(error, "description", "What is wrong, and what to do about it.");
    cJSON_AddItemToObject(error, "content", content("Error", false));
    cJSON *scheme = cJSON_AddObjectToObject(cJSON_AddObjectToObject(components, "securitySchemes"), "apiToken");
    cJSON_AddStringToObject(scheme, "type", "apiKey");
    cJSON_AddStringToObject(scheme, "in", "header");
    cJSON_AddStringToObject(scheme, "name", "Authorization");
    cJSON_AddStringToObject(scheme, "description", "SharedAccessSignature sr=..&sig=..&skn=..&se=..");
    cJSON_AddItemToObject(components, "schemas", rest_schemas_json());
}

static void add_security(cJSON *document)
{
    cJSON *need = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(need, "apiToken");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "security"), need);
}

void rest_openapi_get(struct rest_call *call)
{
    const struct rest_route *route;
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "openapi", "3.1.0");
    cJSON *info = cJSON_AddObjectToObject(document, "info");
    cJSON_AddStringToObject(info, "title", "spoke-central");
    cJSON_AddStringToObject(info, "version", "2022-07-31");
    cJSON_AddStringToObject(info, "description", "Devices, templates, data and people of this application.");
    cJSON *server = cJSON_CreateObject();
    cJSON_AddStringToObject(server, "url", call->request->base != NULL ? call->request->base : "/");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "servers"), server);
    add_security(document);
    cJSON *paths = cJSON_AddObjectToObject(document, "paths");
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++)
        if (route->right != RIGHT_CONTROL || core_control(call->core))
            add_operation(paths, i, route);
    add_components(document);
    rest_ok(&call->reply, 200, document);
}
