/* Look-ups by names as they stand in JSON, escapes and all. For the client and the checks. */
#ifndef SPOKE_SRC_MODEL_LOOKUP_H
#define SPOKE_SRC_MODEL_LOOKUP_H

#include <spoke/model.h>

/* Bytewise order of a name of the template, NUL-terminated, and a view; NULL counts as empty. */
int name_order(const char *name, spoke_str view);
/* spoke_model_member for raw keys: binary search where they hold no escape. */
const spoke_member *model_member_raw(const spoke_model *model, spoke_str raw_component, spoke_str raw_name);
/* Any member of that component; NULL: there is none. */
const spoke_member *model_component_raw(const spoke_model *model, spoke_str raw_component);
/* Index of the field, or schema->count. */
uint16_t schema_field_raw(const spoke_schema *schema, spoke_str raw_name);

#endif
