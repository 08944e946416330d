/* Inside the plan: types of schemas. */
#ifndef SPOKE_SRC_TOOLS_PLAN_TYPE_H
#define SPOKE_SRC_TOOLS_PLAN_TYPE_H

#include "tools/plan.h"

/* The type of a schema element. `compiled` is the same schema of the run-time table, for its ranges; `hint` names
 * what has no name in the template: a number with a range. NULL and plan->status on error. */
struct plan_type *plan_type_of(struct plan *plan, const struct dtdl_element *schema, const spoke_schema *compiled,
                               const char *hint);
/* A struct of optional members without a schema of its own. count members; the caller fills name, type, element. */
struct plan_type *plan_batch(struct plan *plan, const char *name, const char *documentation, size_t count);
void plan_finish_fields(struct plan *plan, struct plan_type *type);
/* Once all types are there: which of them have to be declared before they are complete. */
void plan_order_types(struct plan *plan);
/* What types of an interface start with: the prefix, and for components' interfaces their name. */
const char *plan_interface_base(struct plan *plan, const struct dtdl_element *interface);

#endif
