/* A list through what it holds: joining and leaving take no memory and the same time however long it is. A node is in
 * one list at most; all zeros is a node in none, and an empty list. */
#ifndef SPOKE_SRC_BASE_LIST_H
#define SPOKE_SRC_BASE_LIST_H

#include <stddef.h>

struct list {
    struct list_node *first, *last;
    size_t count;
};

struct list_node {
    struct list_node *next, *prev;
    struct list *in; /* NULL: none */
    void *owner;     /* what the node is part of */
};

/* At the end. A node that is in a list stays where it is. */
static inline void list_join(struct list *list, struct list_node *node, void *owner)
{
    if (node->in != NULL)
        return;
    *node = (struct list_node){.prev = list->last, .in = list, .owner = owner};
    if (list->last != NULL)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->count++;
}

/* Nothing when it is in none. */
static inline void list_leave(struct list_node *node)
{
    if (node->in == NULL)
        return;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        node->in->last = node->prev;
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        node->in->first = node->next;
    node->in->count--;
    *node = (struct list_node){0};
}

/* The owner of the first node, which leaves; NULL: the list is empty. */
static inline void *list_take(struct list *list)
{
    void *owner = NULL;
    if (list->first != NULL) {
        owner = list->first->owner;
        list_leave(list->first);
    }
    return owner;
}

#endif
