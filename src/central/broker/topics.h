/* The tree of topic levels: who subscribed to what, and which topics have a retained message (MQTT 3.1.1 section 4.7).
 * Finding a level among its siblings takes the logarithm of their number, whatever names strangers choose, and nothing
 * calls itself however deep a topic is. */
#ifndef SPOKE_SRC_CENTRAL_BROKER_TOPICS_H
#define SPOKE_SRC_CENTRAL_BROKER_TOPICS_H

#include <spoke/base.h>

#include "base/list.h"
#include "message.h"

#define TOPICS_MAX_LEVELS 128

struct topic_node;

/* Part of what subscribes. `filter` in full is found by walking up from its node. */
struct topic_entry {
    struct list_node in_node;
    struct topic_node *node; /* NULL: not in the tree */
    bool below;              /* the filter ends in '#' */
    void *owner;
};

struct topics {
    struct topic_node *root;
    size_t nodes, max_nodes;
};

/* E_NO_MEMORY. */
spoke_status topics_init(struct topics *t, size_t max_nodes);
/* Entries have left before; retained messages are released. */
void topics_fini(struct topics *t);

/* At most TOPICS_MAX_LEVELS. */
bool topics_deep(spoke_str topic_or_filter);

/* The filter is valid. E_FULL: max_nodes; E_TOO_LARGE: too many levels; E_NO_MEMORY. The entry is in no tree then. */
spoke_status topics_add(struct topics *t, spoke_str filter, struct topic_entry *entry, void *owner);
void topics_remove(struct topics *t, struct topic_entry *entry); /* fine when it is in none */
/* Each entry whose filter matches the topic. `each` leaves the tree alone. What it cost: the places looked at, and the
 * entries told. */
size_t topics_match(const struct topics *t, spoke_str topic, void (*each)(void *ctx, struct topic_entry *entry),
                    void *ctx);

/* Takes the message over, also on error; NULL removes what the topic has. Errors as topics_add. */
spoke_status topics_retain(struct topics *t, spoke_str topic, struct message *message);
struct message *topics_retained(const struct topics *t, spoke_str topic); /* NULL: none */
/* Each retained message whose topic matches the filter. `each` leaves the tree alone; false stops. What it cost: the
 * nodes looked at, of which each leads to a retained message, matching or not. */
size_t topics_retained_each(const struct topics *t, spoke_str filter,
                            bool (*each)(void *ctx, struct message *message), void *ctx);

#endif
