#include "machine.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

/* The conversation with the hub: subscribe, synchronise, then carry what the program and the service say. */

/* --- sizes --- */

size_t session_room(const spoke_client *c, size_t topic_bytes, uint8_t qos)
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
    if (spoke_hub_telemetry_topic(&c->identity, NULL, &topic) == SPOKE_OK)
        queue_limit(&c->queue, false,
                    session_room(c, topic.len + (outgoing_ids(c) ? OUTGOING_EXTRA_BYTES : 0), 1));
    sync_limit_sizes(c);
}

/* --- beginning and end --- */

/* The same for every message of a connection, so written once. */
static spoke_status write_events_topic(spoke_client *c)
{
    spoke_buf front = spoke_buf_from(c->events_topic, sizeof c->events_topic);
    const spoke_status status = spoke_hub_telemetry_topic(&c->identity, NULL, &front);
    c->events_topic_bytes = front.len;
    return status;
}

/* What the parts of this build want to hear. */
enum {
    FILTERS = (SPOKE_WITH_MESSAGES ? 1 : 0) + (SPOKE_WITH_PROPERTIES ? 2 : 0) + (SPOKE_WITH_COMMANDS ? 1 : 0),
    FIRST_FILTER = SPOKE_WITH_MESSAGES     ? 0
                   : SPOKE_WITH_PROPERTIES ? 1
                                           : 3 /* of those by spoke_hub_filters */
};

static spoke_status subscribe(spoke_client *c)
{
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    spoke_buf scratch = text_room(c);
    spoke_status status = spoke_hub_filters(&c->identity, &scratch, filters);
    filters[1] = filters[SPOKE_WITH_MESSAGES && !SPOKE_WITH_PROPERTIES ? 3 : 1]; /* closes the twin's gap */
    if (status == SPOKE_OK)
        status = c->ops->subscribe(c->link, filters + FIRST_FILTER, FILTERS);
    return status;
}

static void begin(spoke_client *c)
{
    c->subscribed = true;
    sync_begin(c, now_ms(c));
    session_work(c, now_ms(c));
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
    if (c->state == SPOKE_CONNECTING)
        enter_well(c, SPOKE_SYNCING, "connected, synchronising");
    spoke_status status = write_events_topic(c);
    if (status == SPOKE_OK && FILTERS > 0)
        status = subscribe(c);
    if (status != SPOKE_OK)
        machine_fail(c, status, SPOKE_SOURCE_CLIENT, 0, "the subscriptions do not fit: raise send_bytes");
    else if (FILTERS == 0)
        begin(c);
    c->work_left = true;
}

static void on_subscribed(spoke_client *c, spoke_str codes)
{
    for (size_t i = 0; i < codes.len; i++) {
        if ((uint8_t)codes.ptr[i] <= 1)
            continue;
        machine_fail(c, SPOKE_E_PROTOCOL, SPOKE_SOURCE_HUB, (uint8_t)codes.ptr[i],
                     "the hub refused a subscription that every device needs");
        return;
    }
    begin(c);
}

/* What the hub has forgotten with the connection, the client forgets too; what must not be lost waits again. */
void session_ended(spoke_client *c)
{
    queue_rewind(&c->queue);
    c->live_since = NEVER;
    c->pace_blocks = false;
    c->ack_due = NEVER;
    c->ack_of = QUEUE_NO_TOKEN;
    command_ended(c);
    calls_ended(c);
    sync_ended(c);
}

bool session_idle(const spoke_client *c)
{
    return queue_in_flight(&c->queue) == 0 && sync_idle(c) && command_idle(c) && calls_idle(c);
}

/* --- leaving --- */

spoke_status session_publish(spoke_client *c, spoke_str topic, spoke_str body)
{
    const spoke_mqtt_publish_options message = {.topic = topic, .parts = &body, .part_count = 1, .qos = 0};
    const spoke_status status = c->ops->publish(c->link, &message, NULL);
    c->work_left = c->work_left || status == SPOKE_OK;
    c->refused = c->refused || status == SPOKE_E_FULL;
    return status;
}

void session_work(spoke_client *c, uint64_t now)
{
    if (!at_hub(c) || !c->subscribed || c->closing_link)
        return;
    if (now >= c->ack_due) {
        machine_fail(c, SPOKE_E_TIMEOUT, SPOKE_SOURCE_HUB, 0,
                     "the hub did not acknowledge a message for 60 s: the connection is tried anew");
        return;
    }
    sync_work(c, now);
    message_work(c);
    command_work(c);
    sync_report(c, now);
    outgoing_send(c, now);
}

/* --- arriving --- */

void session_report_outcome(spoke_client *c, uint32_t id, spoke_status outcome)
{
    if (!SPOKE_WITH_NOTICES || id == 0 || c->config.on_sent == NULL)
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

void session_synced(spoke_client *c)
{
    if (c->state != SPOKE_SYNCING)
        return;
    c->live_since = now_ms(c);
    enter_well(c, SPOKE_READY, "ready");
    connect_ready(c);
}

static void acknowledge(spoke_client *c, const spoke_transport_event *event)
{
    if (event->qos == 1 && c->ops->ack(c->link, event->receipt) == SPOKE_OK)
        c->work_left = true;
}

static void on_message(spoke_client *c, const spoke_transport_event *event)
{
    spoke_hub_event hub;
    const spoke_status status =
        FILTERS > 0 ? spoke_hub_parse(&c->identity, event->topic, event->payload, &hub) : SPOKE_E_NOT_FOUND;
    const bool for_program = SPOKE_WITH_MESSAGES && status == SPOKE_OK && hub.kind == SPOKE_HUB_C2D;
    if (!for_program)
        acknowledge(c, event);
    if (status != SPOKE_OK) /* a topic of ours with broken numbers */
        hub.kind = SPOKE_HUB_UNKNOWN;
    switch (hub.kind) {
    case SPOKE_HUB_TWIN_REPLY:
    case SPOKE_HUB_DESIRED:
        sync_receive(c, &hub);
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
    spoke_hub_event hub;
    c->error = client_fault(SPOKE_E_TOO_LARGE, SPOKE_SOURCE_HUB, (int32_t)(event->size & INT32_MAX),
                            "a message was larger than receive_bytes and was dropped: raise it");
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a message of %lu bytes was dropped: raise receive_bytes",
             (unsigned long)event->size);
    acknowledge(c, event);
    if (FILTERS == 0 || spoke_hub_parse(&c->identity, event->topic, (spoke_str){NULL, 0}, &hub) != SPOKE_OK)
        return;
    if (hub.kind == SPOKE_HUB_METHOD)
        command_too_large(c, &hub);
    else
        sync_too_large(c, &hub, event->size);
}

void session_event(spoke_client *c, const spoke_transport_event *event)
{
    assert(event->kind != SPOKE_TRANSPORT_CLOSED && event->kind != SPOKE_TRANSPORT_ACKED); /* dealt with before */
    if (event->kind == SPOKE_TRANSPORT_CONNECTED)
        on_connected(c, event->session_present);
    else if (!SPOKE_WITH_LISTENING)
        return; /* there is nothing else */
    else if (event->kind == SPOKE_TRANSPORT_SUBSCRIBED)
        on_subscribed(c, event->codes);
    else if (event->kind == SPOKE_TRANSPORT_MESSAGE)
        on_message(c, event);
    else
        on_oversize(c, event);
}
