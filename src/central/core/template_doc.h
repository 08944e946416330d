/* What people send as a device template, brought into IoT Central's form: one object whose capabilityModel is the
 * interface, with every other interface inlined where it is first used. Trees are those of json_tree.h. */
#ifndef SPOKE_SRC_CENTRAL_TEMPLATE_DOC_H
#define SPOKE_SRC_CENTRAL_TEMPLATE_DOC_H

#include <cJSON.h>
#include <spoke/base.h>

#include "json_tree.h"

#define TEMPLATE_ID_CAP 257u /* ids of templates and their models, with a NUL */

/* 1 to 256 characters that begin with "dtmi:" and can stand in a path. */
bool template_id_good(const char *id);
/* Takes *tree (an interface, an array of interfaces, or a template) and puts the template in its place, its "@id"
 * the given one. E_MODEL: why says what is wrong (the language's rules are not looked at here). E_NO_MEMORY. */
spoke_status template_doc_make(cJSON **tree, const char *id, char *why, size_t why_cap);
/* The next string that stands for an interface: in "schema" or "extends". NULL: none is left. */
cJSON *template_doc_next_reference(struct json_tree_walk *walk);
/* capabilityModel's "@id"; NULL: there is none. */
const char *template_doc_model_id(const cJSON *tree);
/* The id that a template gets which was sent without one: its own, or for "dtmi:a:b;1" "dtmi:a:b:template;1". False:
 * the document names no interface, or a name that is too long. */
bool template_doc_own_id(const cJSON *tree, char out[TEMPLATE_ID_CAP]);

#endif
