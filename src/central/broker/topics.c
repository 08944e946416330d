#include "topics.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct topic_node {
    spoke_str level; /* first: the key of by_level */
    struct topic_node *parent;
    struct list_node in_siblings, in_retaining; /* of the parent's lists */
    struct list children;                       /* without plus */
    struct list retaining;                      /* those of them that have a retained message, or one below */
    void *by_level;                             /* the same, root of tsearch */
    struct topic_node *plus;
    struct list here, below; /* entries of filters that end here, and here with "/#" behind */
    struct message *retained;
    char text[];
};

/* --- levels --- */

/* Takes one level off; false when there was none left. Every topic and filter has at least one. */
static bool next_level(spoke_str *rest, bool *more, spoke_str *level)
{
    spoke_str head, tail;
    if (!*more)
        return false;
    *more = spoke_str_cut(*rest, '/', &head, &tail);
    *level = head;
    if (*more)
        *rest = tail;
    return true;
}

static bool is_wild(spoke_str level, char wildcard)
{
    return level.len == 1 && level.ptr[0] == wildcard;
}

static bool is_reserved(spoke_str topic)
{
    return topic.len > 0 && topic.ptr[0] == '$';
}

bool topics_deep(spoke_str text)
{
    size_t levels = 1;
    for (size_t i = 0; i < text.len; i++)
        levels += text.ptr[i] == '/';
    return levels > TOPICS_MAX_LEVELS;
}

/* --- nodes --- */

static int compare_levels(const void *a, const void *b)
{
    const spoke_str *left = a, *right = b;
    const size_t common = left->len < right->len ? left->len : right->len;
    const int order = common > 0 ? memcmp(left->ptr, right->ptr, common) : 0;
    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static struct topic_node *child_of(const struct topic_node *node, spoke_str level)
{
    struct topic_node *const *found = tfind(&level, &node->by_level, compare_levels);
    return found != NULL ? *found : NULL;
}

static struct topic_node *node_create(struct topic_node *parent, spoke_str level)
{
    struct topic_node *node = calloc(1, sizeof *node + level.len + 1);
    if (node == NULL)
        return NULL;
    if (level.len > 0)
        memcpy(node->text, level.ptr, level.len);
    node->level = spoke_str_from(node->text, level.len);
    node->parent = parent;
    return node;
}

static spoke_status child_make(struct topics *t, struct topic_node *parent, spoke_str level,
                               struct topic_node **out)
{
    if (t->nodes == t->max_nodes)
        return SPOKE_E_FULL;
    struct topic_node *node = node_create(parent, level);
    if (node == NULL)
        return SPOKE_E_NO_MEMORY;
    if (is_wild(level, '+')) {
        parent->plus = node;
    } else if (tsearch(node, &parent->by_level, compare_levels) != NULL) {
        list_join(&parent->children, &node->in_siblings, node);
    } else {
        free(node);
        return SPOKE_E_NO_MEMORY;
    }
    t->nodes++;
    *out = node;
    return SPOKE_OK;
}

static bool is_idle(const struct topic_node *node)
{
    return node->children.count == 0 && node->plus == NULL && node->here.count == 0 && node->below.count == 0 &&
           node->retained == NULL;
}

/* Removes the node and those above it that nobody needs any more. */
static void prune(struct topics *t, struct topic_node *node)
{
    while (node != t->root && is_idle(node)) {
        struct topic_node *parent = node->parent;
        if (parent->plus == node) {
            parent->plus = NULL;
        } else {
            (void)tdelete(node, &parent->by_level, compare_levels);
            list_leave(&node->in_siblings);
            list_leave(&node->in_retaining);
        }
        free(node);
        t->nodes--;
        node = parent;
    }
}

/* *below: the text ended in '#', and *out is the node before it. */
static spoke_status node_reach(struct topics *t, spoke_str text, struct topic_node **out, bool *below)
{
    struct topic_node *node = t->root;
    spoke_str level, rest = text;
    spoke_status status = SPOKE_OK;
    *below = false;
    if (topics_deep(text))
        return SPOKE_E_TOO_LARGE;
    for (bool more = true; status == SPOKE_OK && next_level(&rest, &more, &level);) {
        struct topic_node *next = is_wild(level, '+') ? node->plus : child_of(node, level);
        *below = is_wild(level, '#');
        if (*below)
            break;
        if (next == NULL)
            status = child_make(t, node, level, &next);
        if (status == SPOKE_OK)
            node = next;
    }
    if (status != SPOKE_OK)
        prune(t, node);
    *out = node;
    return status;
}

/* --- life --- */

spoke_status topics_init(struct topics *t, size_t max_nodes)
{
    t->root = node_create(NULL, spoke_str_from(NULL, 0));
    t->nodes = 0;
    t->max_nodes = max_nodes;
    return t->root != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

/* From leaf to leaf: a node goes once it has no children, and with it those above that nobody needs. */
void topics_fini(struct topics *t)
{
    struct topic_node *node = t->root;
    while (node != NULL) {
        if (node->children.first != NULL) {
            node = node->children.first->owner;
        } else if (node->plus != NULL) {
            node = node->plus;
        } else if (node != t->root) {
            message_release(node->retained);
            node->retained = NULL;
            node->here.count = node->below.count = 0;
            prune(t, node);
            node = t->root;
        } else {
            free(node);
            node = NULL;
        }
    }
    t->root = NULL;
}

/* --- subscriptions --- */

spoke_status topics_add(struct topics *t, spoke_str filter, struct topic_entry *entry, void *owner)
{
    struct topic_node *node = NULL;
    bool below = false;
    const spoke_status status = node_reach(t, filter, &node, &below);
    entry->node = NULL;
    if (status != SPOKE_OK)
        return status;
    entry->node = node;
    entry->below = below;
    entry->owner = owner;
    list_join(below ? &node->below : &node->here, &entry->in_node, entry);
    return SPOKE_OK;
}

void topics_remove(struct topics *t, struct topic_entry *entry)
{
    if (entry->node == NULL)
        return;
    list_leave(&entry->in_node);
    prune(t, entry->node);
    entry->node = NULL;
}

static size_t tell_all(const struct list *entries, void (*each)(void *ctx, struct topic_entry *entry), void *ctx)
{
    for (const struct list_node *at = entries->first; at != NULL; at = at->next)
        each(ctx, at->owner);
    return entries->count;
}

/* A node that matches the topic up to `rest`. */
struct place {
    const struct topic_node *node;
    spoke_str rest;
    bool more;
};

size_t topics_match(const struct topics *t, spoke_str topic, void (*each)(void *ctx, struct topic_entry *entry),
                    void *ctx)
{
    /* Each step takes one place and adds two at most that are a level further down, so one a level waits. */
    struct place places[TOPICS_MAX_LEVELS + 2];
    size_t count = 0, cost = 0;
    if (topics_deep(topic))
        return 0;
    places[count++] = (struct place){t->root, topic, true};
    while (count > 0) {
        struct place at = places[--count];
        cost++;
        /* [MQTT-4.7.2-1]: a wildcard in front does not match '$'. */
        const bool wild = at.node != t->root || !is_reserved(topic);
        spoke_str level;
        if (wild)
            cost += tell_all(&at.node->below, each, ctx); /* "sport/#" matches "sport" as well, section 4.7.1.2 */
        if (!next_level(&at.rest, &at.more, &level)) {
            cost += tell_all(&at.node->here, each, ctx);
            continue;
        }
        struct topic_node *named = child_of(at.node, level);
        if (at.node->plus != NULL && wild)
            places[count++] = (struct place){at.node->plus, at.rest, at.more};
        if (named != NULL)
            places[count++] = (struct place){named, at.rest, at.more};
    }
    return cost;
}

/* --- retained messages --- */

/* A walk over retained messages is not to pass by all that others subscribed to. */
static void note_retaining(struct topic_node *node)
{
    while (node->parent != NULL) {
        struct topic_node *parent = node->parent;
        if (node->retained != NULL || node->retaining.count > 0)
            list_join(&parent->retaining, &node->in_retaining, node);
        else
            list_leave(&node->in_retaining);
        node = parent;
    }
}

spoke_status topics_retain(struct topics *t, spoke_str topic, struct message *message)
{
    struct topic_node *node = NULL;
    bool below = false;
    const spoke_status status = node_reach(t, topic, &node, &below);
    if (status != SPOKE_OK) {
        message_release(message);
        return status;
    }
    message_release(node->retained);
    node->retained = message;
    note_retaining(node);
    prune(t, node);
    return SPOKE_OK;
}

struct message *topics_retained(const struct topics *t, spoke_str topic)
{
    const struct topic_node *node = t->root;
    spoke_str level, rest = topic;
    for (bool more = true; node != NULL && next_level(&rest, &more, &level);)
        node = child_of(node, level);
    return node != NULL ? node->retained : NULL;
}

/* A filter taken apart. */
struct pattern {
    spoke_str levels[TOPICS_MAX_LEVELS];
    size_t count;   /* without '#' */
    bool with_rest; /* '#' follows */
};

static bool pattern_of(spoke_str filter, struct pattern *out)
{
    spoke_str level;
    out->count = 0;
    out->with_rest = false;
    if (topics_deep(filter))
        return false;
    for (bool more = true; next_level(&filter, &more, &level);) {
        out->with_rest = is_wild(level, '#');
        if (!out->with_rest)
            out->levels[out->count++] = level;
    }
    return true;
}

/* Does the pattern take any name at this depth? */
static bool is_open(const struct pattern *p, size_t depth)
{
    return depth >= p->count || is_wild(p->levels[depth], '+');
}

static const struct topic_node *skip_reserved(const struct list_node *at, size_t depth)
{
    while (at != NULL && depth == 0 && is_reserved(((const struct topic_node *)at->owner)->level))
        at = at->next;
    return at != NULL ? at->owner : NULL;
}

static const struct topic_node *first_child(const struct topic_node *node, const struct pattern *p, size_t depth)
{
    if (depth >= p->count && !p->with_rest)
        return NULL;
    if (is_open(p, depth))
        return skip_reserved(node->retaining.first, depth);
    const struct topic_node *child = child_of(node, p->levels[depth]);
    return child != NULL && child->in_retaining.in != NULL ? child : NULL;
}

static const struct topic_node *next_sibling(const struct topic_node *node, const struct pattern *p, size_t depth)
{
    return is_open(p, depth) ? skip_reserved(node->in_retaining.next, depth) : NULL;
}

size_t topics_retained_each(const struct topics *t, spoke_str filter,
                            bool (*each)(void *ctx, struct message *message), void *ctx)
{
    struct pattern p;
    const struct topic_node *node = t->root;
    size_t depth = 0, cost = 0;
    if (!pattern_of(filter, &p))
        return 0;
    while (node != NULL) {
        cost++;
        const bool matches = p.with_rest ? depth >= p.count : depth == p.count;
        if (matches && node->retained != NULL && !each(ctx, node->retained))
            return cost;
        const struct topic_node *next = first_child(node, &p, depth);
        if (next != NULL)
            depth++;
        while (next == NULL && node != t->root) { /* up, until there is one beside */
            next = next_sibling(node, &p, depth - 1);
            if (next == NULL) {
                node = node->parent;
                depth--;
            }
        }
        node = next;
    }
    return cost;
}
