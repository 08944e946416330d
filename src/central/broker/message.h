/* An application message, once in memory however many sessions and retained topics hold it. */
#ifndef SPOKE_SRC_CENTRAL_BROKER_MESSAGE_H
#define SPOKE_SRC_CENTRAL_BROKER_MESSAGE_H

#include <spoke/base.h>

struct message {
    size_t refs;
    size_t *total; /* bytes of all messages, kept up to date */
    uint8_t qos;   /* as published */
    size_t topic_len, payload_len;
    char bytes[]; /* topic, NUL, payload */
};

/* With one reference. NULL: no memory. `total` outlives the message. */
struct message *message_create(spoke_str topic, spoke_str payload, uint8_t qos, size_t *total);
struct message *message_hold(struct message *m); /* one more */
void message_release(struct message *m);         /* frees with the last one; NULL is fine */

static inline const char *message_topic(const struct message *m)
{
    return m->bytes;
}

static inline spoke_str message_payload(const struct message *m)
{
    return spoke_str_from(m->bytes + m->topic_len + 1, m->payload_len);
}

/* What it takes of a bound. */
static inline size_t message_cost(size_t topic_len, size_t payload_len)
{
    return sizeof(struct message) + topic_len + 1 + payload_len;
}

#endif
