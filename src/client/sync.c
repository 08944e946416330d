#include "machine.h"

#include "base/log.h"

#if SPOKE_WITH_PROPERTIES

/* The twin: a snapshot and what follows it for properties.c, and reported patches with their answers. */

void sync_init(spoke_client *c)
{
    c->report_pause = (struct backoff){.base_ms = c->config.backoff_min_ms, .cap_ms = c->config.backoff_max_ms};
    c->desired_version = -1;
    c->unanswered_from = SIZE_MAX;
    c->report_retry_at = NEVER;
}

void sync_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    const size_t quarter = resolved->report_bytes / 4, most = SPOKE_MAX_HELD_BYTES,
                 bytes = quarter < most ? quarter : most;
    void *held = carve(at, bytes);
    if (client != NULL)
        spoke_twin_init(&client->twin, held, bytes);
}

void sync_limit_sizes(spoke_client *c)
{
    char room[64];
    spoke_buf topic = spoke_buf_from(room, sizeof room);
    if (spoke_hub_twin_report_topic(UINT32_MAX, &topic) == SPOKE_OK)
        queue_limit(&c->queue, true, session_room(c, topic.len, 0));
}

void sync_ended(spoke_client *c)
{
    c->report_in_flight = false;
    c->report_retry_at = NEVER;
}

void sync_renumbered(spoke_client *c)
{
    c->desired_version = -1;
}

void sync_forget(spoke_client *c)
{
    spoke_twin_forget(&c->twin);
    sync_renumbered(c);
}

bool sync_idle(const spoke_client *c)
{
    return !c->report_in_flight;
}

uint64_t sync_deadline(const spoke_client *c)
{
    const uint64_t due = sooner(spoke_twin_deadline(&c->twin), c->report_retry_at);
    return c->resync_wanted && queue_reports(&c->queue) == 0 ? sooner(due, c->resync_at) : due;
}

/* --- leaving --- */

/* On no connection does it fit: stored by a program with more send_bytes. It must not stop those behind it. */
static void give_up_report(spoke_client *c, uint32_t token)
{
    COUNT(c, reports_refused, 1);
    c->error = client_fault(SPOKE_E_TOO_LARGE, SPOKE_SOURCE_CLIENT, 0,
                            "reported properties from before the restart were dropped: raise send_bytes");
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "%s", c->error.text);
    (void)queue_drop(&c->queue, token, QUEUE_TOO_LARGE); /* nobody waits for its outcome */
    c->news = true;                                      /* the next one's turn */
}

void sync_report(spoke_client *c, uint64_t now)
{
    struct queue_item item;
    uint32_t rid;
    if (c->report_retry_at != NEVER && now >= c->report_retry_at)
        c->report_retry_at = NEVER;
    if (c->draining || c->report_in_flight || c->report_retry_at != NEVER ||
        queue_next_report(&c->queue, now, &item) != SPOKE_OK || spoke_twin_report(&c->twin, now, &rid) != SPOKE_OK)
        return;
    spoke_buf topic = text_room(c);
    spoke_status status = spoke_hub_twin_report_topic(rid, &topic);
    if (status == SPOKE_OK)
        status = session_publish(c, spoke_buf_str(&topic), item.body);
    if (status != SPOKE_OK) {
        spoke_twin_report_cancel(&c->twin); /* no room now */
        if (status == SPOKE_E_TOO_LARGE)
            give_up_report(c, item.token);
        return;
    }
    queue_sent(&c->queue, item.token, 0, 1);
    c->report_in_flight = true;
}

static void send_twin_get(spoke_client *c, uint64_t now)
{
    uint32_t rid;
    if (spoke_twin_output(&c->twin, &rid) != SPOKE_OK)
        return;
    spoke_buf topic = text_room(c);
    if (spoke_hub_twin_get_topic(rid, &topic) == SPOKE_OK &&
        session_publish(c, spoke_buf_str(&topic), (spoke_str){NULL, 0}) == SPOKE_OK)
        spoke_twin_sent(&c->twin, now);
}

/* --- arriving --- */

static void report_answered(spoke_client *c, uint32_t status)
{
    uint32_t id, rest;
    c->report_in_flight = false;
    if (status == 0 || status == 429 || status >= 500) {
        queue_rewind_report(&c->queue);
        c->report_retry_at = now_ms(c) + backoff_next_ms(&c->report_pause, random_u32(c));
        return;
    }
    c->report_pause.attempts = 0;
    if (status >= 300) {
        COUNT(c, reports_refused, 1);
        c->error = client_fault(SPOKE_E_HUB, SPOKE_SOURCE_HUB, (int32_t)status,
                                "the hub refused a reported-property patch: check names, values and sizes");
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "reported properties were refused with %lu and dropped",
                 (unsigned long)status);
    }
    (void)queue_done(&c->queue, queue_report_sent(&c->queue), &id, &rest); /* it is there: report_in_flight */
}

static void take_twin_events(spoke_client *c)
{
    spoke_twin_event event;
    while (!c->closing_link && spoke_twin_next(&c->twin, &event) == SPOKE_OK) {
        switch (event.kind) {
        case SPOKE_TWIN_SNAPSHOT:
            properties_event(c, &event);
            session_synced(c);
            break;
        case SPOKE_TWIN_CHANGE:
            properties_event(c, &event);
            break;
        case SPOKE_TWIN_REPORTED:
            report_answered(c, event.status);
            break;
        case SPOKE_TWIN_FAILED:
            machine_fail(c, SPOKE_E_HUB, SPOKE_SOURCE_HUB, (int32_t)event.status,
                         "the hub did not give a usable twin: the connection is tried anew");
            break;
        }
    }
}

void sync_begin(spoke_client *c, uint64_t now)
{
    spoke_twin_start(&c->twin, now);
}

void sync_receive(spoke_client *c, const spoke_hub_event *event)
{
    spoke_twin_receive(&c->twin, now_ms(c), event);
    take_twin_events(c);
}

void sync_too_large(spoke_client *c, const spoke_hub_event *event, size_t size)
{
    if (event->kind == SPOKE_HUB_TWIN_REPLY)
        machine_fail(c, SPOKE_E_TOO_LARGE, SPOKE_SOURCE_HUB, (int32_t)(size & INT32_MAX),
                     "the twin is larger than receive_bytes: raise it");
    if (event->kind == SPOKE_HUB_DESIRED)
        c->resync_wanted = true;
}

void sync_work(spoke_client *c, uint64_t now)
{
    spoke_twin_tick(&c->twin, now);
    take_twin_events(c);
    if (c->resync_wanted && queue_reports(&c->queue) == 0 && now >= c->resync_at) {
        c->resync_wanted = false;
        spoke_twin_refresh(&c->twin);
    }
    send_twin_get(c, now);
}

#endif
