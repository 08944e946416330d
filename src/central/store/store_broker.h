/* What the plain MQTT broker keeps, in a store of its own: sessions of clients that come back (CleanSession 0) with
 * their subscriptions, the messages that wait for them and the packet ids that they owe a PUBREL for, and retained
 * messages; and the wills of those that are connected. Writes belong between store_begin and store_commit. */
#ifndef SPOKE_SRC_CENTRAL_STORE_BROKER_H
#define SPOKE_SRC_CENTRAL_STORE_BROKER_H

#include "store.h"

/* As store_open, of a file that has nothing of devices: it takes the calls below, store_begin, store_commit and
 * store_close. */
spoke_status store_broker_open(const char *path, bool durable, struct store **out, char *why, size_t why_cap);
/* All of it. */
spoke_status store_broker_clear(struct store *s);
/* Fine when it is there already. */
spoke_status store_broker_session_put(struct store *s, const char *client_id);
/* And all that belongs to it. */
spoke_status store_broker_session_delete(struct store *s, const char *client_id);
/* From here on each-callbacks see views that live until they return; false stops. */
spoke_status store_broker_session_each(struct store *s, bool (*each)(void *ctx, const char *client_id), void *ctx);

/* E_NOT_FOUND: no such session. */
spoke_status store_broker_subscription_put(struct store *s, const char *client_id, const char *filter,
                                           uint8_t qos);
spoke_status store_broker_subscription_delete(struct store *s, const char *client_id, const char *filter);
spoke_status store_broker_subscription_each(
    struct store *s, bool (*each)(void *ctx, const char *client_id, const char *filter, uint8_t qos), void *ctx);

/* One message on its way to one session. */
struct store_broker_delivery {
    int64_t seq; /* set by the store: their order */
    const char *client_id, *topic;
    spoke_str payload;
    uint16_t packet_id; /* 0: never sent */
    uint8_t qos, state; /* the broker's */
    bool retain;
};
spoke_status store_broker_delivery_add(struct store *s, const struct store_broker_delivery *row, int64_t *seq);
/* E_NOT_FOUND: no such delivery. */
spoke_status store_broker_delivery_set(struct store *s, int64_t seq, uint16_t packet_id, uint8_t state);
spoke_status store_broker_delivery_delete(struct store *s, int64_t seq);
/* In order of seq. */
spoke_status store_broker_delivery_each(struct store *s,
                                        bool (*each)(void *ctx, const struct store_broker_delivery *row),
                                        void *ctx);

/* QoS 2 messages that a session has sent and not released. */
spoke_status store_broker_unreleased_put(struct store *s, const char *client_id, uint16_t packet_id);
spoke_status store_broker_unreleased_delete(struct store *s, const char *client_id, uint16_t packet_id);
spoke_status store_broker_unreleased_each(struct store *s,
                                          bool (*each)(void *ctx, const char *client_id, uint16_t packet_id),
                                          void *ctx);

spoke_status store_broker_retained_put(struct store *s, const char *topic, spoke_str payload, uint8_t qos);
spoke_status store_broker_retained_delete(struct store *s, const char *topic);
spoke_status store_broker_retained_each(struct store *s,
                                        bool (*each)(void *ctx, const char *topic, spoke_str payload, uint8_t qos),
                                        void *ctx);

/* What is published for a client that is connected once it is not. */
struct store_broker_will {
    const char *client_id, *topic;
    spoke_str payload;
    uint8_t qos;
    bool retain;
};
spoke_status store_broker_will_put(struct store *s, const struct store_broker_will *row);
spoke_status store_broker_will_delete(struct store *s, const char *client_id);
spoke_status store_broker_will_clear(struct store *s); /* all of them */
spoke_status store_broker_will_each(struct store *s, bool (*each)(void *ctx, const struct store_broker_will *row),
                                    void *ctx);

#endif
