#include "machine.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

/* The conversation with the hub: subscribe, synchronise the twin, then carry what the program and the service say.
 */

spoke_hub_identity session_identity(const spoke_client *c)
{
    const spoke_hub_identity id = {
        .hub_host = spoke_str_of(c->hub_host),
        .device_id = spoke_str_of(c->device_id),
        .model_id = spoke_str_of(c->config.model != NULL ? c->config.model->dtmi : NULL),
        .user_agent = spoke_str_of(c->config.user_agent),
    };
    return id;
}

/* --- sizes --- */

/* The most that fits a PUBLISH with a topic that starts so: the rest of the topic and the payload. */
static size_t payload_room(const spoke_client *c, size_t topic_bytes, uint8_t qos)
{
    const size_t all = c->config.send_bytes;
    const size_t least = spoke_mqtt_publish_bytes(topic_bytes, 0, qos);
    size_t room = least < all ? all - least : 0;
    while (room > 0 &&
           spoke_mqtt_publish_bytes(topic_bytes, room, qos) > all) /* a longer length takes bytes too */
        room--;
    return room;
}

void session_limit_sizes(spoke_client *c)
{
    char room[SPOKE_MAX_ID_BYTES + 64];
    spoke_buf topic = spoke_buf_from(room, sizeof room);
    const spoke_hub_identity id = {.device_id =
                                       spoke_str_of(c->assigned ? c->device_id : c->config.registration_id)};
    if (spoke_hub_telemetry_topic(&id, NULL, &topic) == SPOKE_OK)
        queue_limit(&c->queue, false,
                    payload_room(c, topic.len + (outgoing_ids(c) ? OUTGOING_EXTRA_BYTES : 0), 1));
    topic.len = 0;
    if (spoke_hub_twin_report_topic(UINT32_MAX, &topic) == SPOKE_OK)
        queue_limit(&c->queue, true, payload_room(c, topic.len, 0));
    queue_limit(&c->answers, false, payload_room(c, 0, 0));
}

/* --- beginning and end --- */

/* The same for every message of a connection, so written once. */
static spoke_status write_events_topic(spoke_client *c, const spoke_hub_identity *id)
{
    spoke_buf front = spoke_buf_from(c->events_topic, sizeof c->events_topic);
    const spoke_status status = spoke_hub_telemetry_topic(id, NULL, &front);
    c->events_topic_bytes = front.len;
    return status;
}

static void on_connected(spoke_client *c, bool session_present)
{
    c->link_ready = true;
    c->connected_at = now_ms(c);
    c->attempt_due = c->connected_at + c->config.connect_limit_ms;
    retry_accepted(&c->retry);
    renew_accepted(c);
    queue_rewind(&c->queue);
    if (!session_present)
        queue_forget_packet_ids(&c->queue);
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "connected, synchronising");
    if (c->state == SPOKE_CONNECTING)
        enter_state(c, SPOKE_SYNCING, &none);
    const spoke_hub_identity id = session_identity(c);
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    spoke_buf scratch = spoke_buf_from(c->text, c->text_bytes);
    spoke_status status = write_events_topic(c, &id);
    if (status == SPOKE_OK)
        status = spoke_hub_filters(&id, &scratch, filters);
    if (status == SPOKE_OK)
        status = c->ops->subscribe(c->link, filters, SPOKE_HUB_FILTER_COUNT);
    if (status != SPOKE_OK)
        machine_fail(
            c, client_fault(status, SPOKE_SOURCE_CLIENT, 0, "the subscriptions do not fit: raise send_bytes"));
    c->work_left = true;
}

static void on_subscribed(spoke_client *c, spoke_str codes)
{
    for (size_t i = 0; i < codes.len; i++) {
        if ((uint8_t)codes.ptr[i] <= 1)
            continue;
        machine_fail(c, client_fault(SPOKE_E_PROTOCOL, SPOKE_SOURCE_HUB, (uint8_t)codes.ptr[i],
                                     "the hub refused a subscription that every device needs"));
        return;
    }
    c->subscribed = true;
    spoke_twin_start(&c->twin, now_ms(c));
    session_work(c, now_ms(c));
}

/* What the hub has forgotten with the connection, the client forgets too; what must not be lost waits again. */
void session_ended(spoke_client *c)
{
    queue_rewind(&c->queue);
    queue_clear(&c->answers);
    c->live_since = NEVER;
    c->pace_blocks = false;
    memset(c->calls, 0, c->call_count * sizeof *c->calls);
    c->report_in_flight = false;
    c->report_retry_at = NEVER;
    c->ack_due = NEVER;
    c->ack_of = QUEUE_NO_TOKEN;
}

bool session_idle(const spoke_client *c)
{
    bool call_open = false;
    for (size_t i = 0; i < c->call_count; i++)
        call_open = call_open || c->calls[i].request != 0;
    return queue_in_flight(&c->queue) == 0 && !c->report_in_flight && queue_count(&c->answers) == 0 && !call_open;
}

/* --- leaving --- */

static spoke_status publish_plain(spoke_client *c, spoke_str topic, spoke_str body)
{
    const spoke_mqtt_publish_options message = {.topic = topic, .parts = &body, .part_count = 1, .qos = 0};
    const spoke_status status = c->ops->publish(c->link, &message, NULL);
    c->work_left = c->work_left || status == SPOKE_OK;
    c->refused = c->refused || status == SPOKE_E_FULL;
    return status;
}

static bool send_answer(spoke_client *c, uint64_t now)
{
    static const struct queue_filter any = {.lowest = QUEUE_NORMAL};
    struct queue_item item;
    if (queue_next(&c->answers, now, &any, &item) != SPOKE_OK ||
        publish_plain(c, item.head, item.body) != SPOKE_OK)
        return false;
    uint32_t id, rest;
    queue_sent(&c->answers, item.token, 0, 1);
    return queue_done(&c->answers, item.token, &id, &rest) == SPOKE_OK;
}

/* On no connection does it fit: stored by a program with more send_bytes. It must not stop those behind it. */
static void give_up_report(spoke_client *c, uint32_t token)
{
    c->stats.reports_refused++;
    c->error = client_fault(SPOKE_E_TOO_LARGE, SPOKE_SOURCE_CLIENT, 0,
                            "reported properties from before the restart were dropped: raise send_bytes");
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "%s", c->error.text);
    (void)queue_drop(&c->queue, token, QUEUE_TOO_LARGE); /* nobody waits for its outcome */
    c->news = true;                                      /* the next one's turn */
}

static void send_report(spoke_client *c, uint64_t now)
{
    struct queue_item item;
    uint32_t rid;
    if (c->report_retry_at != NEVER && now >= c->report_retry_at)
        c->report_retry_at = NEVER;
    if (c->draining || c->report_in_flight || c->report_retry_at != NEVER ||
        queue_next_report(&c->queue, now, &item) != SPOKE_OK || spoke_twin_report(&c->twin, now, &rid) != SPOKE_OK)
        return;
    spoke_buf topic = spoke_buf_from(c->text, c->text_bytes);
    spoke_status status = spoke_hub_twin_report_topic(rid, &topic);
    if (status == SPOKE_OK)
        status = publish_plain(c, spoke_buf_str(&topic), item.body);
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
    spoke_buf topic = spoke_buf_from(c->text, c->text_bytes);
    if (spoke_hub_twin_get_topic(rid, &topic) == SPOKE_OK &&
        publish_plain(c, spoke_buf_str(&topic), (spoke_str){NULL, 0}) == SPOKE_OK)
        spoke_twin_sent(&c->twin, now);
}

/* PUBACKs for messages that the program has finished since. */
static void send_receipts(spoke_client *c)
{
    for (size_t i = 0; i < c->call_count; i++) {
        struct pending_call *call = &c->calls[i];
        if (call->request == 0 || !call->is_message || !call->done)
            continue;
        if (c->ops->ack(c->link, call->receipt) == SPOKE_OK)
            c->work_left = true;
        memset(call, 0, sizeof *call);
    }
}

static void take_twin_events(spoke_client *c);

void session_work(spoke_client *c, uint64_t now)
{
    if (!c->link_at_hub || !c->subscribed || c->closing_link)
        return;
    if (now >= c->ack_due) {
        machine_fail(c,
                     client_fault(SPOKE_E_TIMEOUT, SPOKE_SOURCE_HUB, 0,
                                  "the hub did not acknowledge a message for 60 s: the connection is tried anew"));
        return;
    }
    spoke_twin_tick(&c->twin, now);
    take_twin_events(c);
    if (c->resync_wanted && queue_reports(&c->queue) == 0 && now >= c->resync_at) {
        c->resync_wanted = false;
        spoke_twin_refresh(&c->twin);
    }
    send_twin_get(c, now);
    send_receipts(c);
    while (send_answer(c, now)) {
    }
    send_report(c, now);
    outgoing_send(c, now);
}

/* --- arriving --- */

void session_report_outcome(spoke_client *c, uint32_t id, spoke_status outcome)
{
    if (id == 0 || c->config.on_sent == NULL)
        return;
    enter_outcome(c);
    c->config.on_sent(c, id, outcome, c->config.user);
    leave_outcome(c);
}

/* One PUBACK ends all that travelled in the message. */
void session_acked(spoke_client *c, uint32_t token)
{
    uint32_t id;
    if (!c->link_heard)
        retry_heard(&c->retry);
    c->link_heard = true;
    while (token != QUEUE_NO_TOKEN && queue_done(&c->queue, token, &id, &token) == SPOKE_OK)
        session_report_outcome(c, id, SPOKE_OK);
}

void session_watch_acks(spoke_client *c)
{
    const uint32_t oldest = queue_oldest_sent(&c->queue);
    if (oldest == c->ack_of)
        return;
    c->ack_of = oldest;
    c->ack_due = oldest != QUEUE_NO_TOKEN ? c->events_at + ACK_LIMIT_MS : NEVER;
}

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
        c->stats.reports_refused++;
        c->error = client_fault(SPOKE_E_HUB, SPOKE_SOURCE_HUB, (int32_t)status,
                                "the hub refused a reported-property patch: check names, values and sizes");
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "reported properties were refused with %lu and dropped",
                 (unsigned long)status);
    }
    (void)queue_done(&c->queue, queue_report_sent(&c->queue), &id, &rest); /* it is there: report_in_flight */
}

static void synced(spoke_client *c)
{
    if (c->state != SPOKE_SYNCING)
        return;
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "ready");
    c->live_since = now_ms(c);
    enter_state(c, SPOKE_READY, &none);
    connect_ready(c);
}

static void take_twin_events(spoke_client *c)
{
    spoke_twin_event event;
    while (!c->closing_link && spoke_twin_next(&c->twin, &event) == SPOKE_OK) {
        switch (event.kind) {
        case SPOKE_TWIN_SNAPSHOT:
            properties_event(c, &event);
            synced(c);
            break;
        case SPOKE_TWIN_CHANGE:
            properties_event(c, &event);
            break;
        case SPOKE_TWIN_REPORTED:
            report_answered(c, event.status);
            break;
        case SPOKE_TWIN_FAILED:
            machine_fail(c, client_fault(SPOKE_E_HUB, SPOKE_SOURCE_HUB, (int32_t)event.status,
                                         "the hub did not give a usable twin: the connection is tried anew"));
            break;
        }
    }
}

static void on_message(spoke_client *c, const spoke_transport_event *event)
{
    const spoke_hub_identity id = session_identity(c);
    spoke_hub_event hub;
    const spoke_status status = spoke_hub_parse(&id, event->topic, event->payload, &hub);
    const bool for_program = status == SPOKE_OK && hub.kind == SPOKE_HUB_C2D;
    if (event->qos == 1 && !for_program && c->ops->ack(c->link, event->receipt) == SPOKE_OK)
        c->work_left = true;
    if (status != SPOKE_OK) /* a topic of ours with broken numbers */
        hub.kind = SPOKE_HUB_UNKNOWN;
    switch (hub.kind) {
    case SPOKE_HUB_TWIN_REPLY:
    case SPOKE_HUB_DESIRED:
        spoke_twin_receive(&c->twin, now_ms(c), &hub);
        take_twin_events(c);
        break;
    case SPOKE_HUB_METHOD:
        command_event(c, &hub);
        break;
    case SPOKE_HUB_C2D:
        message_event(c, &hub, event->qos, event->receipt);
        break;
    case SPOKE_HUB_UNKNOWN:
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a message on an unknown topic was ignored: %.*s",
                 (int)(event->topic.len < 100 ? event->topic.len : 100), event->topic.ptr);
        break;
    }
}

/* A packet larger than the receive buffer was skipped. Whoever waits for it is told. */
static void on_oversize(spoke_client *c, const spoke_transport_event *event)
{
    const spoke_hub_identity id = session_identity(c);
    spoke_hub_event hub;
    c->error = client_fault(SPOKE_E_TOO_LARGE, SPOKE_SOURCE_HUB, (int32_t)(event->size & INT32_MAX),
                            "a message was larger than receive_bytes and was dropped: raise it");
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a message of %lu bytes was dropped: raise receive_bytes",
             (unsigned long)event->size);
    if (event->qos == 1 && c->ops->ack(c->link, event->receipt) == SPOKE_OK)
        c->work_left = true;
    if (spoke_hub_parse(&id, event->topic, (spoke_str){NULL, 0}, &hub) != SPOKE_OK)
        return;
    if (hub.kind == SPOKE_HUB_METHOD &&
        command_answer(c, hub.rid, 413, SPOKE_STR("\"the request is larger than this device can take\"")) !=
            SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "no room to refuse a command: the caller will time out");
    if (hub.kind == SPOKE_HUB_TWIN_REPLY)
        machine_fail(c, client_fault(SPOKE_E_TOO_LARGE, SPOKE_SOURCE_HUB, (int32_t)(event->size & INT32_MAX),
                                     "the twin is larger than receive_bytes: raise it"));
    if (hub.kind == SPOKE_HUB_DESIRED)
        c->resync_wanted = true;
}

void session_event(spoke_client *c, const spoke_transport_event *event)
{
    assert(event->kind != SPOKE_TRANSPORT_CLOSED && event->kind != SPOKE_TRANSPORT_ACKED); /* dealt with before */
    if (event->kind == SPOKE_TRANSPORT_CONNECTED)
        on_connected(c, event->session_present);
    else if (event->kind == SPOKE_TRANSPORT_SUBSCRIBED)
        on_subscribed(c, event->codes);
    else if (event->kind == SPOKE_TRANSPORT_MESSAGE)
        on_message(c, event);
    else
        on_oversize(c, event);
}
