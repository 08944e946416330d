/* What a message says of itself: the property bag of its topic, decoded, and what the hub adds to it. */
#ifndef SPOKE_SRC_CENTRAL_PROPERTIES_H
#define SPOKE_SRC_CENTRAL_PROPERTIES_H

#include <spoke/base.h>

#define PROPERTIES_ADDED 16u /* room for what the hub adds to each list */

struct property {
    const char *name, *value; /* value NULL: none was given */
};

struct property_list {
    struct property *items;
    size_t count;
};

struct properties {
    struct property_list system; /* under the names that they are shown with */
    struct property_list application;
    size_t bytes; /* what they count towards the size of the message */
    char *text;   /* what the decoded names and values are in */
};

/* Takes two blocks of the heap, also when it fails. E_PROTOCOL: not name=value&.. in percent-encoded UTF-8;
 * E_TOO_LARGE: more than 1,000; E_NO_MEMORY. */
spoke_status properties_read(struct properties *p, spoke_str bag);
void properties_free(struct properties *p);

/* Replaces one of that name. The texts are borrowed. */
void properties_put(struct property_list *list, const char *name, const char *value);
/* NULL: there is none, or it has no value. */
const char *properties_get(const struct property_list *list, const char *name);
/* A JSON object of texts and nulls on the heap; NULL: there is no memory. */
char *properties_json(const struct property_list *list);

#endif
