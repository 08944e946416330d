/* A plan as C: the header, the source, and a program that tries both. */
#ifndef SPOKE_SRC_TOOLS_EMIT_H
#define SPOKE_SRC_TOOLS_EMIT_H

#include "tools/plan.h"
#include "tools/text.h"

void emit_header(const struct plan *plan, struct text *out);
void emit_source(const struct plan *plan, struct text *out);
/* A C file with `int PREFIX_self_test(void)`, and a main around it: sample payloads through reader, writer, check and
 * handlers. 0 when all come back as they were. */
void emit_self_test(const struct plan *plan, struct text *out);

#endif
