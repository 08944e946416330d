/* What a telemetry name was over a time, in buckets: made for charts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "central/core/work.h"
#include "ql_rows.h"
#include "rest.h"

enum { LIMIT_MS = 10000, USUAL_BUCKETS = 100, MOST_BUCKETS = 1000, MOST_LAST_BYTES = 1024 };
#define USUAL_SPAN_MS (INT64_C(3600) * 1000)

struct bucket {
    uint64_t count, numbers;
    double least, most, sum;
    int64_t last_ms;
    char *last; /* JSON */
};

struct history {
    struct work work;
    struct core *core;
    core_done_fn answer;
    void *user;
    char *device_id, *component, *name;
    int64_t from_ms, to_ms, bucket_ms;
    size_t wanted; /* buckets */
    struct ql_fields fields;
    struct ql_reader reader;
    struct bucket *buckets;
    spoke_status status;
    bool walked;
};

static void history_free(struct history *h)
{
    for (size_t i = 0; h->buckets != NULL && i < h->wanted; i++)
        free(h->buckets[i].last);
    free(h->buckets);
    ql_reader_free(&h->reader);
    free(h->device_id);
    free(h->component);
    free(h->name);
    free(h);
}

/* --- walking, perhaps in another thread --- */

static int stop(void *ctx)
{
    struct history *h = ctx;
    return work_ended(&h->work) != WORK_GOES_ON;
}

static void add_number(struct bucket *b, double value)
{
    b->least = b->numbers == 0 || value < b->least ? value : b->least;
    b->most = b->numbers == 0 || value > b->most ? value : b->most;
    b->sum += value;
    b->numbers++;
}

static spoke_status keep_last(struct bucket *b, spoke_str json, int64_t at_ms)
{
    if ((b->last != NULL && at_ms <= b->last_ms) || json.len > MOST_LAST_BYTES)
        return SPOKE_OK;
    char *text = text_copy(json);
    if (text == NULL)
        return SPOKE_E_NO_MEMORY;
    free(b->last);
    b->last = text;
    b->last_ms = at_ms;
    return SPOKE_OK;
}

static bool take_row(void *ctx, struct ql_row *row)
{
    static const struct ql_path FIELD = {.name = QL_FIELD, .slot = 0};
    struct history *h = ctx;
    struct ql_value value = {.type = QL_NONE};
    ql_row_get(row, &FIELD, &value);
    if (value.type == QL_NONE)
        return true;
    struct bucket *b = &h->buckets[(row->from->at_ms - h->from_ms) / h->bucket_ms];
    b->count++;
    if (value.type == QL_NUMBER)
        add_number(b, value.number);
    h->status = keep_last(b, value.json, row->from->at_ms);
    return h->status == SPOKE_OK;
}

static bool take_scanned(void *ctx, const struct store_scanned *from)
{
    struct history *h = ctx;
    if (from->at_ms < h->from_ms || from->at_ms >= h->to_ms)
        return true;
    const spoke_status status = ql_read(&h->reader, from, take_row, h);
    if (status != SPOKE_OK)
        h->status = status;
    return h->status == SPOKE_OK;
}

static void walk(struct work *w, struct store *s)
{
    struct history *h = (struct history *)w; /* its first member */
    const struct store_scan scan = {
        .device_id = h->device_id, .from_ms = h->from_ms, .each = take_scanned, .stop = stop, .ctx = h};
    const spoke_status status = store_scan_messages(s, &scan);
    if (h->status == SPOKE_OK)
        h->status = status;
    h->walked = true;
}

/* --- the answer --- */

static cJSON *bucket_json(const struct history *h, size_t i)
{
    const struct bucket *b = &h->buckets[i];
    cJSON *object = cJSON_CreateObject();
    json_add_time(object, "timestamp", h->from_ms + (int64_t)i * h->bucket_ms);
    cJSON_AddNumberToObject(object, "count", (double)b->count);
    if (b->numbers > 0) {
        cJSON_AddNumberToObject(object, "min", b->least);
        cJSON_AddNumberToObject(object, "avg", b->sum / (double)b->numbers);
        cJSON_AddNumberToObject(object, "max", b->most);
    }
    if (b->last != NULL)
        cJSON_AddItemToObject(object, "last", rest_raw(b->last));
    return object;
}

static void fill_reply(struct history *h, struct rest_reply *reply)
{
    if (h->status != SPOKE_OK || !h->walked) {
        if (work_ended(&h->work) == WORK_TOO_LONG)
            rest_fail(reply, 504, "QueryTimeout", "It took longer than %d s; ask for a shorter time.",
                      LIMIT_MS / 1000);
        else
            rest_fail_internal(reply, h->status != SPOKE_OK ? h->status : SPOKE_E_STATE);
        return;
    }
    cJSON *body = cJSON_CreateObject();
    json_add_time(body, "from", h->from_ms);
    json_add_time(body, "to", h->to_ms);
    cJSON_AddNumberToObject(body, "bucketMs", (double)h->bucket_ms);
    cJSON *list = cJSON_AddArrayToObject(body, "value");
    for (size_t i = 0; i < h->wanted; i++)
        if (h->buckets[i].count > 0)
            cJSON_AddItemToArray(list, bucket_json(h, i));
    rest_ok(reply, 200, body);
}

static void answer_later(struct work *w)
{
    struct history *h = (struct history *)w;
    struct rest_reply reply = {0};
    if (work_ended(w) != WORK_LEFT) {
        fill_reply(h, &reply);
        rest_send(h->core, &reply, h->answer, h->user);
    }
    history_free(h);
}

/* --- the request --- */

static bool read_range(struct rest_call *call, struct history *h)
{
    h->to_ms = core_unix_ms(call->core) + 1; /* what came this very millisecond is shown */
    h->wanted = USUAL_BUCKETS;
    if (!rest_option_time(call, "to", &h->to_ms))
        return false;
    h->from_ms = h->to_ms - USUAL_SPAN_MS;
    if (!rest_option_time(call, "from", &h->from_ms) ||
        !rest_option_count(call, "buckets", MOST_BUCKETS, &h->wanted))
        return false;
    if (h->from_ms >= h->to_ms) {
        rest_fail(&call->reply, 400, "InvalidQuery", "from has to be before to.");
        return false;
    }
    const int64_t wanted = (int64_t)h->wanted;
    h->bucket_ms = (h->to_ms - h->from_ms + wanted - 1) / wanted;
    return true;
}

/* "motor.rpm" is a field of the value. */
static bool prepare(struct rest_call *call, struct history *h, const char *component, const char *name)
{
    const bool copied = text_set(&h->device_id, spoke_str_of(call->args[0])) &&
                        text_set(&h->component, spoke_str_of(component)) && text_set(&h->name, spoke_str_of(name));
    h->buckets = calloc(h->wanted, sizeof *h->buckets);
    if (!copied || h->buckets == NULL) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return false;
    }
    const struct ql_path path = {.text = spoke_str_of(h->name)};
    struct ql_field *field = &h->fields.of[0];
    h->fields.telemetry = true;
    h->fields.count = 1;
    field->component = spoke_str_of(h->component);
    field->count = ql_segments(&path, field->segments);
    h->reader.fields = &h->fields;
    h->core = call->core;
    h->answer = call->done;
    h->user = call->user;
    return true;
}

static void start(struct rest_call *call, struct history *h)
{
    spoke_status status = SPOKE_OK;
    h->work = (struct work){.lane = WORK_QUICK, .run = walk, .done = answer_later};
    if (work_start(call->core, &h->work, LIMIT_MS, &status)) {
        call->later = true;
        call->ticket = h->work.ticket;
        return;
    }
    if (status == SPOKE_E_FULL)
        rest_fail(&call->reply, 429, "TooManyRequests", "Too many questions wait already; ask again in a moment.");
    else
        fill_reply(h, &call->reply);
    history_free(h);
}

static void answer(struct rest_call *call, const char *component, const char *name)
{
    if (!rest_device_exists(call))
        return;
    struct history *h = calloc(1, sizeof *h);
    if (h == NULL)
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    else if (read_range(call, h) && prepare(call, h, component, name))
        start(call, h);
    else
        history_free(h);
}

void rest_history_get(struct rest_call *call)
{
    answer(call, "", call->args[1]);
}

void rest_component_history_get(struct rest_call *call)
{
    answer(call, call->args[1], call->args[2]);
}
