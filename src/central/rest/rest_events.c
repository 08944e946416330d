/* GET /api/events: the event stream in pages. */
#include "rest_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"

#define MAX_PAGE 1000u
#define MAX_SCANNED 20000u /* events that one request looks at; what the caller does not see is among them */

/* --- how one is shown --- */

static void add_text(cJSON *object, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        cJSON_AddItemToObject(object, name, rest_text(text, strlen(text)));
}

/* JSON as JSON, without being taken apart: it may be large. Anything else as text. */
static void add_body(cJSON *object, const struct store_event *row)
{
    const spoke_str body = spoke_str_from(row->body, row->body_len);
    if (row->body_len == 0)
        return;
    if (spoke_json_check(body) == SPOKE_OK && spoke_utf8_valid(body))
        cJSON_AddRawToObject(object, "body", row->body);
    else
        cJSON_AddItemToObject(object, "text", rest_text(row->body, row->body_len));
}

cJSON *event_json(const struct store_event *row)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "position", (double)row->position);
    cJSON_AddStringToObject(item, "source", core_event_source(row->kind));
    cJSON_AddStringToObject(item, "type", core_event_type(row->kind));
    add_text(item, "deviceId", row->device_id);
    add_text(item, "templateId", row->template_id);
    add_text(item, "component", row->component);
    json_add_time(item, "enqueuedTime", row->at_ms);
    if (row->created_ms != 0)
        json_add_time(item, "creationTime", row->created_ms);
    if (row->duplicate)
        cJSON_AddTrueToObject(item, "duplicate");
    add_body(item, row);
    if (row->properties != NULL && strcmp(row->properties, "{}") != 0)
        cJSON_AddItemToObject(item, "messageProperties", rest_raw(row->properties));
    return item;
}

/* --- GET --- */

struct event_list {
    struct events_asked asked;
    struct rest_page page;
    size_t scanned;
    int64_t last;
};

static bool add_event(void *ctx, const struct store_event *row)
{
    struct event_list *l = ctx;
    char key[24];
    l->scanned++;
    l->last = row->position;
    if (!events_asked_sees(&l->asked, row))
        return !events_asked_tired(&l->asked);
    (void)snprintf(key, sizeof key, "%" PRId64, row->position);
    return rest_page_add(&l->page, event_json(row), key) && !events_asked_tired(&l->asked);
}

static bool read_order(struct rest_call *call, bool *newest_first)
{
    char *text = NULL;
    if (!rest_option(call, "order", &text))
        return false;
    const bool good = text == NULL || strcmp(text, "desc") == 0 || strcmp(text, "asc") == 0;
    *newest_first = text == NULL || strcmp(text, "desc") == 0;
    if (!good)
        rest_fail(&call->reply, 400, "InvalidQuery", "order is desc, the newest first, or asc.");
    free(text);
    return good;
}

/* Where a page of before ended, and what is committed: behind that stands what may yet be taken back. */
static void bound_range(struct rest_call *call, struct event_list *l)
{
    struct store_event_range *range = &l->asked.range;
    const int64_t end = store_event_last(core_store(call->core)) + 1;
    int64_t token = 0;
    range->before = range->before == 0 || range->before > end ? end : range->before;
    if (l->page.after == NULL || !events_position(l->page.after, &token))
        return; /* no token of ours: from the start, as for any list */
    if (range->newest_first)
        range->before = token < range->before ? token : range->before;
    else
        range->after = token > range->after ? token : range->after;
}

/* So many were looked at that the rest is for another request, though the page may have room. */
static void end_early(struct event_list *l)
{
    char key[24];
    if (l->page.more || (l->scanned < MAX_SCANNED && !events_asked_tired(&l->asked)))
        return;
    (void)snprintf(key, sizeof key, "%" PRId64, l->last);
    free(l->page.last);
    l->page.last = strdup(key);
    l->page.more = true;
}

void rest_events_list(struct rest_call *call)
{
    struct event_list l = {.scanned = 0};
    if (events_asked_read(call, &l.asked) && read_order(call, &l.asked.range.newest_first) &&
        rest_page_begin_most(call, &l.page, MAX_PAGE)) {
        bound_range(call, &l);
        const spoke_status status =
            store_event_each(core_store(call->core), &l.asked.range, MAX_SCANNED, add_event, &l);
        end_early(&l);
        rest_page_end(call, &l.page, status);
    }
    events_asked_free(&l.asked);
}
