#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "json_tree.h"

#define EVENT_LIMIT 10000u /* the oldest are forgotten */

struct event {
    const char *kind; /* one of our literals */
    char *device_id, *reg_id, *why;
    int32_t code;
    int64_t at_ms;
};

struct event_ring {
    size_t first, count;
    struct event of[EVENT_LIMIT];
};

static void event_clear(struct event *e)
{
    free(e->device_id);
    free(e->reg_id);
    free(e->why);
    memset(e, 0, sizeof *e);
}

void events_free(struct event_ring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->count; i++)
        event_clear(&ring->of[(ring->first + i) % EVENT_LIMIT]);
    free(ring);
}

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : text_copy(spoke_str_of(text));
}

void core_event(struct core *c, const char *kind, const char *device_id, const char *reg_id, const char *why,
                int32_t code)
{
    if (c->events == NULL)
        c->events = calloc(1, sizeof *c->events);
    struct event_ring *ring = c->events;
    if (ring == NULL)
        return; /* no memory: an event is lost, the log line stays */
    if (ring->count == EVENT_LIMIT) {
        event_clear(&ring->of[ring->first]);
        ring->first = (ring->first + 1) % EVENT_LIMIT;
        ring->count--;
    }
    struct event *e = &ring->of[(ring->first + ring->count++) % EVENT_LIMIT];
    e->kind = kind;
    e->at_ms = core_unix_ms(c);
    e->device_id = copy_or_null(device_id);
    e->reg_id = copy_or_null(reg_id);
    e->why = copy_or_null(why);
    e->code = code;
}

static cJSON *event_tree(const struct event *e)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddStringToObject(tree, "kind", e->kind);
    json_add_time(tree, "at", e->at_ms);
    if (e->device_id != NULL)
        cJSON_AddStringToObject(tree, "deviceId", e->device_id);
    if (e->reg_id != NULL)
        cJSON_AddStringToObject(tree, "regId", e->reg_id);
    if (e->why != NULL)
        cJSON_AddStringToObject(tree, "why", e->why);
    if (e->code != 0)
        cJSON_AddNumberToObject(tree, "code", e->code);
    return tree;
}

cJSON *core_events_get(struct core *c)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; c->events != NULL && i < c->events->count; i++)
        cJSON_AddItemToArray(list, event_tree(&c->events->of[(c->events->first + i) % EVENT_LIMIT]));
    return list;
}
