/* JSON text as a cJSON tree whose numbers keep the token that was written: a template's 9223372036854775807 or 2.0
 * comes out as it came in, which cJSON's own numbers cannot promise. */
#ifndef SPOKE_SRC_CENTRAL_JSON_TREE_H
#define SPOKE_SRC_CENTRAL_JSON_TREE_H

#include <cJSON.h>
#include <spoke/base.h>

#define JSON_TREE_DEPTH 128u /* printing and freeing recurse: a bound of the stack, not of the language */

/* *out: a new tree; its numbers are raw items (cJSON_IsRaw). E_JSON: not JSON, not UTF-8, or with a NUL character;
 * E_TOO_LARGE: too deep; E_NO_MEMORY. *at (may be NULL): the byte where the trouble is. */
spoke_status json_tree_read(spoke_str text, cJSON **out, size_t *at);
/* JSON merge (RFC 7396). Takes copies of the patch. E_TOO_LARGE: more members than a merge is for, which would hold
 * up the other devices; E_NO_MEMORY: half merged. */
spoke_status json_tree_merge(cJSON *target, const cJSON *patch);

/* A member with the time as text, such as "2026-03-04T05:06:07.089Z". Outside 1970..9999, which only a wrong clock says,
 * it is left out. */
void json_add_time(cJSON *object, const char *name, int64_t unix_ms);

/* Every item below the root, parents first, in order. */
struct json_tree_level {
    cJSON *parent, *next;
    const char *key;
};
struct json_tree_walk {
    cJSON *parent;   /* of the item that was given last */
    const char *key; /* its name; in an array, the array's */
    struct json_tree_level levels[JSON_TREE_DEPTH + 1];
    size_t depth;
    bool too_deep;
};
void json_tree_begin(struct json_tree_walk *walk, cJSON *root);
cJSON *json_tree_next(struct json_tree_walk *walk); /* NULL: done, or too deep */
/* Puts another item in the place of the scalar that was given last and goes on below it. Takes it. */
spoke_status json_tree_replace(struct json_tree_walk *walk, cJSON *item, cJSON *instead);

#endif
