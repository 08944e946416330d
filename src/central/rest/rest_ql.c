/* POST /api/query: a query in the query language over the telemetry or the properties of the devices of a template. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/work.h"
#include "ql_rows.h"
#include "ql_run.h"
#include "rest.h"

enum { LIMIT_MS = 30000, MAX_TELEMETRY_ROWS = 10000, MAX_PROPERTY_ROWS = 1000 };
#define USUAL_SPAN_MS (INT64_C(30) * 24 * 3600 * 1000) /* of an aggregate that names no window */

struct asked {
    struct work work;
    struct core *core;
    core_done_fn answer;
    void *user;
    struct ql_query *query;
    struct ql_fields fields;
    struct ql_reader reader;
    struct ql_run *run;
    cJSON *reach; /* of the asker; NULL: everything */
    int64_t now_ms;
    char *template_id, *device_id;
    spoke_status status; /* of the walk */
    char *json;          /* NULL: it was not walked to the end */
};

static void asked_free(struct asked *a)
{
    if (a == NULL)
        return;
    ql_run_free(a->run);
    ql_reader_free(&a->reader);
    ql_free(a->query);
    cJSON_Delete(a->reach);
    free(a->template_id);
    free(a->device_id);
    free(a->json);
    free(a);
}

/* --- walking, perhaps in another thread --- */

static int stop(void *ctx)
{
    struct asked *a = ctx;
    return work_ended(&a->work) != WORK_GOES_ON;
}

static bool take_row(void *ctx, struct ql_row *row)
{
    struct asked *a = ctx;
    /* the newest first; devices keep their order of id */
    const uint64_t number = a->fields.telemetry ? UINT64_MAX - (uint64_t)row->from->position : 0;
    a->status = ql_run_add(a->run, number, ql_row_get, row);
    return a->status == SPOKE_OK && (row->from->disordered || !ql_run_full(a->run));
}

static int64_t window_start(const struct asked *a)
{
    const struct ql_query *q = a->query;
    if (q->windowed)
        return q->window.length_ms > 0 ? a->now_ms - q->window.length_ms : q->window.from_ms;
    return ql_is_aggregate(q) ? a->now_ms - USUAL_SPAN_MS : 0;
}

static bool take_scanned(void *ctx, const struct store_scanned *from)
{
    struct asked *a = ctx;
    if (a->fields.telemetry && from->at_ms < window_start(a))
        return true; /* it was measured long before it came */
    if (!rest_reach_has(a->reach, from->organizations))
        return true;
    const spoke_status status = ql_read(&a->reader, from, take_row, a);
    if (status != SPOKE_OK)
        a->status = status;
    return a->status == SPOKE_OK && (from->disordered || !ql_run_full(a->run));
}

static void walk(struct work *w, struct store *s)
{
    struct asked *a = (struct asked *)w; /* its first member */
    struct store_scan scan = {.template_id = a->template_id,
                              .device_id = a->device_id,
                              .from_ms = window_start(a),
                              .each = take_scanned,
                              .stop = stop,
                              .ctx = a};
    const spoke_status status = a->fields.telemetry ? store_scan_messages(s, &scan) : store_scan_devices(s, &scan);
    if (a->status == SPOKE_OK)
        a->status = status;
    if (a->status == SPOKE_OK)
        a->status = ql_run_end(a->run, &a->json);
}

/* --- the answer --- */

static void fill_reply(struct asked *a, struct rest_reply *reply)
{
    const enum work_end end = work_ended(&a->work);
    if (a->status == SPOKE_OK && a->json != NULL)
        rest_ok(reply, 200, rest_raw(a->json));
    else if (a->status == SPOKE_E_TOO_LARGE)
        rest_fail(reply, 422, "UnprocessableEntity",
                  "The answer would be too large (%u rows or windows, %zu MB); ask for a shorter time, for longer "
                  "windows, or for less with TOP.",
                  MAX_TELEMETRY_ROWS, QL_MAX_RESULT_BYTES / 1024 / 1024);
    else if (end == WORK_TOO_LONG)
        rest_fail(reply, 504, "QueryTimeout",
                  "The query took longer than %u s; ask for a shorter time with WITHIN_WINDOW, or for one $id.",
                  LIMIT_MS / 1000);
    else
        rest_fail_internal(reply, a->status);
}

static void answer_later(struct work *w)
{
    struct asked *a = (struct asked *)w;
    struct rest_reply reply = {0};
    if (work_ended(w) != WORK_LEFT) {
        fill_reply(a, &reply);
        rest_send(a->core, &reply, a->answer, a->user);
    }
    asked_free(a);
}

/* --- the request --- */

static void fail_query(struct rest_call *call, const struct ql_fault *fault)
{
    rest_fail(&call->reply, 400, "InvalidQuery", "At character %zu: %s.", fault->position, fault->message);
}

/* A query of one device reads only what that one sent. */
static bool find_device(struct asked *a)
{
    const struct ql_query *q = a->query;
    for (size_t i = 0; i < q->node_count; i++) {
        const struct ql_node *node = &q->nodes[i];
        if (node->required && node->op == QL_EQUAL && node->path.name == QL_ID && a->device_id == NULL &&
            q->literals[node->first].type == QL_TEXT) {
            a->device_id = text_copy(q->literals[node->first].text);
            return a->device_id != NULL;
        }
    }
    return true;
}

static bool parse(struct rest_call *call, spoke_str text, struct asked *a)
{
    struct ql_fault fault;
    spoke_status status = ql_parse(text, QL_KIND_QUERY, &a->query, &fault);
    if (status == SPOKE_OK) {
        a->template_id = text_copy(a->query->source);
        status = a->template_id != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    }
    const struct template_table *t = status == SPOKE_OK ? core_template(call->core, a->template_id) : NULL;
    if (status == SPOKE_OK && t == NULL) {
        rest_fail(&call->reply, 400, "InvalidQuery", "There is no device template %.200s.", a->template_id);
        return false;
    }
    if (status == SPOKE_OK)
        status = ql_fields_find(a->query, t, &a->fields, &fault);
    if (status == SPOKE_OK && !find_device(a))
        status = SPOKE_E_NO_MEMORY;
    if (status == SPOKE_E_ARG)
        fail_query(call, &fault);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

static bool prepare(struct rest_call *call, struct asked *a)
{
    const cJSON *query = NULL;
    const struct rest_member members[] = {{"query", REST_TEXT, false, &query}};
    if (!rest_members(call, call->body, "a query", members, 1))
        return false;
    if (query == NULL) {
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"query\" of a query is missing: {\"query\": \"SELECT ...\"}.");
        return false;
    }
    if (!parse(call, spoke_str_of(query->valuestring), a))
        return false;
    a->core = call->core;
    a->answer = call->done;
    a->user = call->user;
    a->now_ms = core_unix_ms(call->core);
    bool failed = false;
    a->reach = rest_reach(call, &failed);
    a->reader.fields = &a->fields;
    a->run =
        failed ? NULL
               : ql_run_create(a->query, a->now_ms, a->fields.telemetry ? MAX_TELEMETRY_ROWS : MAX_PROPERTY_ROWS);
    if (a->run == NULL)
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    return a->run != NULL;
}

void rest_ql_post(struct rest_call *call)
{
    struct asked *a = calloc(1, sizeof *a);
    spoke_status status = SPOKE_OK;
    if (a == NULL) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return;
    }
    if (!prepare(call, a)) {
        asked_free(a);
        return;
    }
    a->work.lane = WORK_SLOW;
    a->work.run = walk;
    a->work.done = answer_later;
    if (work_start(call->core, &a->work, LIMIT_MS, &status)) {
        call->later = true;
        call->ticket = a->work.ticket;
        return;
    }
    if (status == SPOKE_E_FULL)
        rest_fail(&call->reply, 429, "TooManyRequests", "Too many queries wait already; ask again in a moment.");
    else
        fill_reply(a, &call->reply);
    asked_free(a);
}
