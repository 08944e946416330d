#include "message.h"

#include <stdlib.h>
#include <string.h>

struct message *message_create(spoke_str topic, spoke_str payload, uint8_t qos, size_t *total)
{
    struct message *m = malloc(message_cost(topic.len, payload.len));
    if (m == NULL)
        return NULL;
    m->refs = 1;
    m->total = total;
    m->qos = qos;
    m->topic_len = topic.len;
    m->payload_len = payload.len;
    memcpy(m->bytes, topic.ptr, topic.len);
    m->bytes[topic.len] = '\0';
    if (payload.len > 0)
        memcpy(m->bytes + topic.len + 1, payload.ptr, payload.len);
    *total += message_cost(topic.len, payload.len);
    return m;
}

struct message *message_hold(struct message *m)
{
    m->refs++;
    return m;
}

void message_release(struct message *m)
{
    if (m == NULL || --m->refs > 0)
        return;
    *m->total -= message_cost(m->topic_len, m->payload_len);
    free(m);
}
