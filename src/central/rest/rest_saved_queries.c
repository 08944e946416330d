/* Saved queries: texts for POST /api/query with a name, which tiles of dashboards name by their id. */
#include <string.h>

#include "ql.h"
#include "rest_entity.h"

#define MAX_QUERIES 500u
#define MAX_NAME 200u
#define MAX_DESCRIPTION 1024u

/* What it asks of may be gone, or come later; who runs it is told. */
static bool parses(struct rest_call *call, const char *text)
{
    struct ql_query *query = NULL;
    struct ql_fault fault;
    const spoke_status status = ql_parse(spoke_str_of(text), QL_KIND_QUERY, &query, &fault);
    ql_free(query);
    if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidBody", "\"query\" of a saved query, at character %zu: %s.",
                  fault.position, fault.message);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

static bool check(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name = NULL, *description = NULL, *query = NULL;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"description", REST_TEXT, false, &description},
                                          {"query", REST_TEXT, false, &query}};
    (void)before;
    if (!rest_members(call, document, "a saved query", members, 3))
        return false;
    if (name == NULL || name->valuestring[0] == '\0' || strlen(name->valuestring) > MAX_NAME)
        return rest_refuse_body(call, "\"displayName\" of a saved query has to have 1 to 200 bytes.");
    if (description != NULL && strlen(description->valuestring) > MAX_DESCRIPTION)
        return rest_refuse_body(call, "\"description\" of a saved query has at most 1024 bytes.");
    if (query == NULL)
        return rest_refuse_body(
            call, "\"query\" of a saved query is missing: {\"displayName\": \"..\", \"query\": \"SELECT ..\"}.");
    return parses(call, query->valuestring);
}

static bool id_good(const char *id)
{
    return rest_id_good(id, "_-:;", 128);
}

static const struct rest_entity QUERY = {
    .kind = "query",
    .name = "Saved query",
    .id_good = id_good,
    .id_rule = "The id of a saved query has 1 to 128 letters, digits, '_', '-', ':' or ';'.",
    .most = MAX_QUERIES,
    .organized = true,
    .check = check};

void rest_saved_queries_list(struct rest_call *call)
{
    rest_entity_list(call, &QUERY);
}

void rest_saved_query_get(struct rest_call *call)
{
    rest_entity_get(call, &QUERY);
}

void rest_saved_query_put(struct rest_call *call)
{
    rest_entity_put(call, &QUERY);
}

void rest_saved_query_patch(struct rest_call *call)
{
    rest_entity_patch(call, &QUERY);
}

void rest_saved_query_delete(struct rest_call *call)
{
    rest_entity_delete(call, &QUERY);
}
