#include "transport/paho_callbacks.h"

#include <string.h>

void paho_lose(spoke_transport *t, enum paho_loss loss, int32_t detail)
{
    t->live = false;
    if (t->lost)
        return;
    t->lost = true;
    t->loss = paho_error(loss, detail);
    paho_signal(t);
}

void paho_on_connected(void *context, MQTTAsync_successData *data)
{
    spoke_transport *t = context;
    pthread_mutex_lock(&t->lock);
    if (t->live) {
        t->connected_due = t->heard = true;
        t->session_present = data != NULL && data->alt.connect.sessionPresent != 0;
        paho_signal(t);
    }
    pthread_mutex_unlock(&t->lock);
}

/* paho says little more than that it failed. A certificate for another name looks to it as a closed port does:
 * only whether the port can be reached tells the two apart. */
static void sort_failure(spoke_transport *t, int32_t code, const char *message)
{
    const bool greeting = strcmp(message, "TCP connect completion failure") == 0;
    if (code > 0 && code <= UINT8_MAX)
        paho_lose(t, PAHO_LOSS_REFUSED, code);
    else if (greeting)
        paho_lose(t, PAHO_LOSS_GREETING, code);
    else if (t->certificate_failed)
        paho_lose(t, PAHO_LOSS_CERTIFICATE, code);
    else if (t->tls_failed)
        paho_lose(t, PAHO_LOSS_HANDSHAKE, code);
    else if (paho_plain(t) || t->address_bytes == 0)
        paho_lose(t, PAHO_LOSS_TCP, code);
    else {
        t->live = false;
        t->probe_due = true;
        t->connect_code = code;
        pthread_cond_signal(&t->work);
    }
}

void paho_on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    spoke_transport *t = context;
    const int32_t code = data != NULL ? data->code : MQTTASYNC_FAILURE;
    const char *message = data != NULL && data->message != NULL ? data->message : "";
    pthread_mutex_lock(&t->lock);
    if (t->live)
        sort_failure(t, code, message);
    pthread_mutex_unlock(&t->lock);
}

int paho_on_tls_error(const char *text, size_t len, void *context)
{
    static const char untrusted[] = "certificate verify failed";
    spoke_transport *t = context;
    pthread_mutex_lock(&t->lock);
    t->tls_failed = true;
    if (memmem(text, len, untrusted, sizeof(untrusted) - 1) != NULL)
        t->certificate_failed = true;
    pthread_mutex_unlock(&t->lock);
    return 1; /* the next line, please */
}

void paho_on_lost(void *context, char *cause)
{
    spoke_transport *t = context;
    (void)cause; /* always NULL */
    pthread_mutex_lock(&t->lock);
    if (t->live)
        paho_lose(t, PAHO_LOSS_LINK, 0);
    pthread_mutex_unlock(&t->lock);
}

/* Lock held. False: no room. */
static bool keep_message(spoke_transport *t, spoke_str topic, const MQTTAsync_message *from)
{
    const size_t payload_bytes = from->payloadlen > 0 ? (size_t)from->payloadlen : 0;
    struct paho_message m = {.dup = from->dup != 0,
                             .qos = from->qos > 0 ? 1 : 0,
                             .receipt = from->qos > 0 ? (uint16_t)from->msgid : 0,
                             .topic_bytes = topic.len,
                             .payload_bytes = payload_bytes};
    m.size = spoke_mqtt_publish_bytes(topic.len, payload_bytes, m.qos);
    m.oversize = m.size > t->receive_bytes;
    if (m.oversize)
        m.payload_bytes = 0;
    if (m.topic_bytes > t->receive_bytes)
        m.topic_bytes = 0;
    uint8_t *room = paho_queue_push(&t->messages, sizeof(m) + m.topic_bytes + m.payload_bytes);
    if (room == NULL)
        return false;
    t->moved.bytes_in += m.size;
    memcpy(room, &m, sizeof(m));
    memcpy(room + sizeof(m), topic.ptr, m.topic_bytes);
    if (m.payload_bytes > 0)
        memcpy(room + sizeof(m) + m.topic_bytes, from->payload, m.payload_bytes);
    return true;
}

/* paho sends the PUBACK whatever this answers. 0: it keeps the message and offers it again when more comes in. */
int paho_on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    spoke_transport *t = context;
    const spoke_str name = spoke_str_from(topic, topic_len > 0 ? (size_t)topic_len : strlen(topic));
    bool done = true;
    pthread_mutex_lock(&t->lock);
    if (t->live) {
        t->heard = true;
        if (!keep_message(t, name, message)) {
            done = message->qos == 0;
            *(done ? &t->dropped : &t->deferred) += 1;
        }
        paho_signal(t);
    }
    pthread_mutex_unlock(&t->lock);
    if (!done)
        return 0;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* Lock held. */
static void answered(spoke_transport *t)
{
    t->unanswered--;
    if (t->leave_due)
        pthread_cond_signal(&t->work);
}

void paho_feed(spoke_transport *t)
{
    if (t->starved)
        paho_signal(t);
    t->starved = false;
}

static void append_acked(spoke_transport *t, struct paho_flight *flight)
{
    const uint32_t index = (uint32_t)(flight - t->flights);
    flight->next = PAHO_NONE;
    if (t->acked_first == PAHO_NONE)
        t->acked_first = index;
    else
        t->flights[t->acked_last].next = index;
    t->acked_last = index;
}

void paho_on_sent(void *context, MQTTAsync_successData *data)
{
    struct paho_flight *flight = context;
    spoke_transport *t = flight->owner;
    (void)data;
    pthread_mutex_lock(&t->lock);
    if (t->live) {
        answered(t);
        if (flight->qos == 1) {
            t->heard = true;
            append_acked(t, flight);
            paho_signal(t);
        } else {
            paho_flight_free(t, flight);
            paho_feed(t);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

void paho_on_send_failed(void *context, MQTTAsync_failureData *data)
{
    const struct paho_flight *flight = context;
    spoke_transport *t = flight->owner;
    pthread_mutex_lock(&t->lock);
    if (t->live)
        paho_lose(t, PAHO_LOSS_LINK, data != NULL ? data->code : MQTTASYNC_FAILURE);
    pthread_mutex_unlock(&t->lock);
}

static void take_code(struct paho_filter *filter, int code)
{
    spoke_transport *t = filter->owner;
    pthread_mutex_lock(&t->lock);
    if (t->live && (code == PAHO_NOT_SUBSCRIBED || (code >= 0 && code <= 2))) {
        filter->code = (uint8_t)code;
        t->requests[filter->request].answered++;
        t->heard = true;
        answered(t);
        paho_signal(t);
    } else if (t->live) {
        paho_lose(t, PAHO_LOSS_SUBACK, code);
    }
    pthread_mutex_unlock(&t->lock);
}

void paho_on_subscribed(void *context, MQTTAsync_successData *data)
{
    take_code(context, data != NULL ? data->alt.qos : PAHO_NOT_SUBSCRIBED);
}

void paho_on_subscribe_failed(void *context, MQTTAsync_failureData *data)
{
    struct paho_filter *filter = context;
    spoke_transport *t = filter->owner;
    const int code = data != NULL ? data->code : MQTTASYNC_FAILURE;
    if (code == PAHO_NOT_SUBSCRIBED) {
        take_code(filter, code);
        return;
    }
    pthread_mutex_lock(&t->lock);
    if (t->live)
        paho_lose(t, PAHO_LOSS_LINK, code);
    pthread_mutex_unlock(&t->lock);
}

void paho_say_left(spoke_transport *t)
{
    pthread_mutex_lock(&t->lock);
    if (t->live) {
        t->left = true;
        paho_signal(t);
    }
    pthread_mutex_unlock(&t->lock);
}

void paho_on_left(void *context, MQTTAsync_successData *data)
{
    (void)data;
    paho_say_left(context);
}

void paho_on_leave_failed(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    paho_say_left(context);
}
