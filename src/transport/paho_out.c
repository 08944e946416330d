#include <string.h>

#include "transport/paho_link.h"

/* --- flights --- */

void paho_flights_reset(spoke_transport *t)
{
    for (uint32_t i = 0; i < t->flight_count; i++)
        t->flights[i].next = i + 1 < t->flight_count ? i + 1 : PAHO_NONE;
    t->free_first = 0;
    t->acked_first = t->acked_last = PAHO_NONE;
    t->window_used = t->unanswered = 0;
}

void paho_flight_free(spoke_transport *t, struct paho_flight *flight)
{
    if (flight->qos == 1)
        t->window_used--;
    flight->next = t->free_first;
    t->free_first = (uint32_t)(flight - t->flights);
}

/* PAHO_NONE: the window, or what paho may hold, is used up. */
static uint32_t take_flight(spoke_transport *t, uint8_t qos, uint32_t token)
{
    const uint32_t index = t->free_first;
    if (index == PAHO_NONE || (qos == 1 && t->window_used == t->in_flight))
        return PAHO_NONE;
    struct paho_flight *flight = &t->flights[index];
    t->free_first = flight->next;
    flight->qos = qos;
    flight->token = token;
    t->window_used += qos == 1 ? 1 : 0;
    return index;
}

/* --- what the application queues --- */

static bool valid_topic(spoke_str topic)
{
    if (topic.len == 0 || topic.len > UINT16_MAX || !spoke_utf8_valid(topic))
        return false;
    return memchr(topic.ptr, '#', topic.len) == NULL && memchr(topic.ptr, '+', topic.len) == NULL;
}

/* SIZE_MAX: more than can be added up. */
static size_t payload_bytes(const spoke_mqtt_publish_options *message)
{
    size_t total = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].len > SIZE_MAX - total)
            return SIZE_MAX;
        total += message->parts[i].len;
    }
    return total;
}

static uint8_t *put(uint8_t *to, spoke_str bytes)
{
    if (bytes.len > 0)
        memcpy(to, bytes.ptr, bytes.len);
    return to + bytes.len;
}

/* Lock held. Room for the payload; NULL: the queue is full. */
static uint8_t *push_command(spoke_transport *t, const struct paho_command *command, spoke_str topic)
{
    uint8_t *room = paho_queue_push(&t->commands, sizeof(*command) + topic.len + 1 + command->payload_bytes);
    if (room == NULL)
        return NULL;
    memcpy(room, command, sizeof(*command));
    uint8_t *at = put(room + sizeof(*command), topic);
    *at = '\0';
    t->unanswered++;
    return at + 1;
}

/* Lock held. */
static spoke_status queue_message(spoke_transport *t, const spoke_mqtt_publish_options *message, size_t payload)
{
    const struct paho_queue before = t->commands;
    const struct paho_command command = {.kind = PAHO_PUBLISH,
                                         .index = t->free_first,
                                         .topic_bytes = (uint32_t)message->topic.len,
                                         .payload_bytes = (uint32_t)payload,
                                         .qos = message->qos,
                                         .retain = message->retain};
    uint8_t *at = push_command(t, &command, message->topic);
    if (at == NULL)
        return SPOKE_E_FULL;
    if (take_flight(t, message->qos, message->token) == PAHO_NONE) {
        t->commands = before;
        t->unanswered--;
        return SPOKE_E_FULL;
    }
    for (size_t i = 0; i < message->part_count; i++)
        at = put(at, message->parts[i]);
    t->moved.bytes_out += spoke_mqtt_publish_bytes(message->topic.len, payload, message->qos);
    return SPOKE_OK;
}

spoke_status paho_publish(spoke_transport *t, const spoke_mqtt_publish_options *message, uint16_t *packet_id)
{
    if (message == NULL || message->qos > 1 || !valid_topic(message->topic) ||
        (message->parts == NULL && message->part_count > 0))
        return SPOKE_E_ARG;
    if (t->phase != PAHO_OPEN)
        return SPOKE_E_STATE;
    if (message->packet_id != 0)
        return SPOKE_E_NOT_FOUND; /* paho gives its ids itself */
    const size_t payload = payload_bytes(message);
    if (spoke_mqtt_publish_bytes(message->topic.len, payload, message->qos) > t->send_bytes)
        return SPOKE_E_TOO_LARGE;
    pthread_mutex_lock(&t->lock);
    const bool idle = t->unanswered == 0;
    const spoke_status status = queue_message(t, message, payload);
    if (status == SPOKE_E_FULL)
        t->starved = true;
    pthread_mutex_unlock(&t->lock);
    if (idle)
        t->heard_at = paho_now_ms(t);
    if (status == SPOKE_OK && packet_id != NULL)
        *packet_id = 0;
    return status;
}

/* Lock held. One SUBSCRIBE for each filter: where paho (1.3.12) reports the codes of several it does not say how
 * many came, and a SUBACK with too few would have it read what is not there. */
static spoke_status queue_filters(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    const struct paho_queue before = t->commands;
    const uint32_t slot = (t->request_first + t->request_count) % PAHO_REQUESTS, unanswered = t->unanswered;
    for (size_t i = 0; i < count; i++) {
        const struct paho_command command = {.kind = PAHO_SUBSCRIBE,
                                             .index = slot * PAHO_FILTERS + (uint32_t)i,
                                             .topic_bytes = (uint32_t)filters[i].filter.len,
                                             .qos = filters[i].qos};
        if (push_command(t, &command, filters[i].filter) == NULL) {
            t->commands = before;
            t->unanswered = unanswered;
            return before.count == 0 ? SPOKE_E_TOO_LARGE : SPOKE_E_FULL;
        }
    }
    t->requests[slot].count = (uint8_t)count;
    t->requests[slot].answered = 0;
    t->request_count++;
    return SPOKE_OK;
}

static bool valid_filter(const spoke_mqtt_filter *filter)
{
    return filter->qos <= 1 && filter->filter.len > 0 && filter->filter.len <= UINT16_MAX &&
           spoke_utf8_valid(filter->filter);
}

spoke_status paho_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    if (filters == NULL || count == 0)
        return SPOKE_E_ARG;
    for (size_t i = 0; i < count; i++)
        if (!valid_filter(&filters[i]))
            return SPOKE_E_ARG;
    if (t->phase != PAHO_OPEN)
        return SPOKE_E_STATE;
    if (count > PAHO_FILTERS)
        return SPOKE_E_TOO_LARGE;
    pthread_mutex_lock(&t->lock);
    const bool idle = t->unanswered == 0;
    const spoke_status status = t->request_count < PAHO_REQUESTS ? queue_filters(t, filters, count) : SPOKE_E_FULL;
    if (status == SPOKE_E_FULL)
        t->starved = true;
    pthread_mutex_unlock(&t->lock);
    if (idle)
        t->heard_at = paho_now_ms(t);
    return status;
}

spoke_status paho_ack(spoke_transport *t, uint16_t receipt)
{
    if (t->phase != PAHO_OPEN)
        return SPOKE_E_STATE;
    return receipt != 0 ? SPOKE_OK : SPOKE_E_NOT_FOUND; /* paho has sent the PUBACK */
}
