#include "machine.h"

#include <string.h>

#include "base/log.h"

#define ACK_LIMIT_MS 60000u /* a message unacknowledged for longer: the connection is tried anew */

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
        outbox_limit(&c->telemetry, payload_room(c, topic.len, 1));
    topic.len = 0;
    if (spoke_hub_twin_report_topic(UINT32_MAX, &topic) == SPOKE_OK)
        outbox_limit(&c->reports, payload_room(c, topic.len, 0));
    outbox_limit(&c->answers, payload_room(c, 0, 0));
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
    outbox_rewind(&c->telemetry);
    if (!session_present)
        outbox_forget_packet_ids(&c->telemetry);
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
    outbox_rewind(&c->telemetry);
    outbox_rewind(&c->reports);
    outbox_clear(&c->answers);
    memset(c->calls, 0, c->call_count * sizeof *c->calls);
    c->report_in_flight = false;
    c->report_retry_at = NEVER;
    c->ack_due = NEVER;
}

bool session_idle(const spoke_client *c)
{
    const bool telemetry_in_flight = c->telemetry.count > c->telemetry.unsent;
    bool call_open = false;
    for (size_t i = 0; i < c->call_count; i++)
        call_open = call_open || c->calls[i].request != 0;
    return !telemetry_in_flight && !c->report_in_flight && c->answers.count == 0 && !call_open;
}

/* --- leaving --- */

/* "devices/{id}/messages/events/" and the message's bag. */
static spoke_status telemetry_topic(spoke_client *c, const struct outbox_entry *entry, spoke_str *topic)
{
    *topic = spoke_str_from(c->events_topic, c->events_topic_bytes);
    if (entry->head_bytes == 0)
        return SPOKE_OK;
    spoke_buf out = spoke_buf_from(c->text, c->text_bytes);
    spoke_status status = spoke_buf_append(&out, *topic);
    if (status == SPOKE_OK)
        status = spoke_buf_append(&out, outbox_head(entry));
    *topic = spoke_buf_str(&out);
    return status;
}

/* The message cannot be sent on any connection: it ends here, said aloud. */
static void give_up_message(spoke_client *c, struct outbox_entry *entry, spoke_status status)
{
    const uint32_t token = outbox_token(&c->telemetry, entry);
    uint32_t id;
    outbox_sent(&c->telemetry, 0);
    if (outbox_done(&c->telemetry, token, &id) != SPOKE_OK)
        return;
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a telemetry message was dropped: %s (raise send_bytes?)",
             spoke_status_text(status));
    session_report_outcome(c, id, status);
}

static bool send_telemetry(spoke_client *c)
{
    struct outbox_entry *entry = outbox_next(&c->telemetry);
    if (entry == NULL || c->draining)
        return false;
    spoke_str topic;
    uint16_t packet_id = 0;
    spoke_status status = telemetry_topic(c, entry, &topic);
    if (status == SPOKE_OK) {
        const spoke_str body = outbox_body(entry);
        const spoke_mqtt_publish_options message = {.topic = topic,
                                                    .parts = &body,
                                                    .part_count = 1,
                                                    .qos = entry->qos,
                                                    .token = outbox_token(&c->telemetry, entry),
                                                    .packet_id = entry->packet_id};
        status = c->ops->publish(c->link, &message, &packet_id);
    }
    if (status == SPOKE_E_NOT_FOUND) { /* the transport no longer knows that id: as a new message */
        entry->packet_id = 0;
        return true;
    }
    if (status == SPOKE_E_TOO_LARGE || status == SPOKE_E_TOO_SMALL || status == SPOKE_E_ARG) {
        give_up_message(c, entry, status == SPOKE_E_TOO_SMALL ? SPOKE_E_TOO_LARGE : status);
        return true;
    }
    if (status != SPOKE_OK) {
        c->refused = true;
        return false;
    }
    outbox_sent(&c->telemetry, packet_id);
    if (c->ack_due == NEVER)
        c->ack_due = now_ms(c) + ACK_LIMIT_MS;
    c->work_left = true;
    return true;
}

static spoke_status publish_plain(spoke_client *c, spoke_str topic, spoke_str body)
{
    const spoke_mqtt_publish_options message = {.topic = topic, .parts = &body, .part_count = 1, .qos = 0};
    const spoke_status status = c->ops->publish(c->link, &message, NULL);
    c->work_left = c->work_left || status == SPOKE_OK;
    c->refused = c->refused || status == SPOKE_E_FULL;
    return status;
}

static bool send_answer(spoke_client *c)
{
    struct outbox_entry *entry = outbox_next(&c->answers);
    if (entry == NULL || publish_plain(c, outbox_head(entry), outbox_body(entry)) != SPOKE_OK)
        return false;
    const uint32_t token = outbox_token(&c->answers, entry);
    uint32_t id;
    outbox_sent(&c->answers, 0);
    return outbox_done(&c->answers, token, &id) == SPOKE_OK;
}

static void send_report(spoke_client *c, uint64_t now)
{
    if (c->report_retry_at != NEVER && now >= c->report_retry_at)
        c->report_retry_at = NEVER;
    const struct outbox_entry *entry = outbox_next(&c->reports);
    if (entry == NULL || c->draining || c->report_in_flight || c->report_retry_at != NEVER)
        return;
    uint32_t rid;
    if (spoke_twin_report(&c->twin, now, &rid) != SPOKE_OK)
        return;
    spoke_buf topic = spoke_buf_from(c->text, c->text_bytes);
    if (spoke_hub_twin_report_topic(rid, &topic) != SPOKE_OK ||
        publish_plain(c, spoke_buf_str(&topic), outbox_body(entry)) != SPOKE_OK) {
        spoke_twin_report_cancel(&c->twin); /* no room now */
        return;
    }
    outbox_sent(&c->reports, 0);
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
    if (c->resync_wanted && c->reports.count == 0) {
        c->resync_wanted = false;
        spoke_twin_refresh(&c->twin);
    }
    send_twin_get(c, now);
    send_receipts(c);
    while (send_answer(c)) {
    }
    send_report(c, now);
    while (send_telemetry(c)) {
    }
}

/* --- arriving --- */

void session_report_outcome(spoke_client *c, uint32_t id, spoke_status outcome)
{
    if (id == 0 || c->config.on_sent == NULL)
        return;
    enter_handler(c);
    c->config.on_sent(c, id, outcome, c->config.user);
    leave_handler(c);
}

static void on_acked(spoke_client *c, uint32_t token)
{
    uint32_t id;
    const bool was_oldest = token == c->telemetry.oldest;
    if (outbox_done(&c->telemetry, token, &id) != SPOKE_OK)
        return;
    if (was_oldest)
        c->ack_due = c->telemetry.count > c->telemetry.unsent ? now_ms(c) + ACK_LIMIT_MS : NEVER;
    session_report_outcome(c, id, SPOKE_OK);
}

static void report_answered(spoke_client *c, uint32_t status)
{
    struct outbox *o = &c->reports;
    uint32_t id;
    c->report_in_flight = false;
    if (status == 0 || status == 429 || status >= 500) {
        outbox_rewind(o);
        c->report_retry_at = now_ms(c) + backoff_next_ms(&c->report_pause, random_u32(c));
        return;
    }
    c->report_pause.attempts = 0;
    c->stats.reports++;
    c->stats.reports_refused += status >= 300;
    if (status >= 300) {
        c->error = client_fault(SPOKE_E_HUB, SPOKE_SOURCE_HUB, (int32_t)status,
                                "the hub refused a reported-property patch: check names, values and sizes");
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "reported properties were refused with %lu and dropped",
                 (unsigned long)status);
    }
    if (outbox_done(o, o->oldest, &id) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "an answer came for no reported patch");
}

static void synced(spoke_client *c)
{
    if (c->state != SPOKE_SYNCING)
        return;
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "ready");
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
    if (status != SPOKE_OK || hub.kind == SPOKE_HUB_UNKNOWN) {
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a message on an unknown topic was ignored: %.*s",
                 (int)(event->topic.len < 100 ? event->topic.len : 100), event->topic.ptr);
        return;
    }
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
    switch (event->kind) {
    case SPOKE_TRANSPORT_CONNECTED:
        on_connected(c, event->session_present);
        break;
    case SPOKE_TRANSPORT_SUBSCRIBED:
        on_subscribed(c, event->codes);
        break;
    case SPOKE_TRANSPORT_ACKED:
        on_acked(c, event->token);
        break;
    case SPOKE_TRANSPORT_MESSAGE:
        on_message(c, event);
        break;
    case SPOKE_TRANSPORT_OVERSIZE:
        on_oversize(c, event);
        break;
    case SPOKE_TRANSPORT_CLOSED: /* handled by the machine */
        break;
    }
}
