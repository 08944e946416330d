/* Inside the emitter: pieces of C. */
#ifndef SPOKE_SRC_TOOLS_EMIT_PART_H
#define SPOKE_SRC_TOOLS_EMIT_PART_H

#include "tools/emit.h"

#define EMIT_COLUMNS 115u /* of the house style */

/* A comment of any text, wrapped and made harmless: no end of comment, no trigraph, no control character. */
void emit_comment(struct text *out, const char *indent, const char *text);
/* What the template says of an element: display name, description, unit. Ends in a space when there is anything. */
void emit_add_about(struct text *out, const struct dtdl_element *element);

/* head(a, b, c)tail with lines broken as clang-format does it. The argument list ends with NULL. */
void emit_call(struct text *out, const char *head, const char *const *arguments, const char *tail);

/* One function's head: "spoke_status x(spoke_client *client, ...)". */
#define EMIT_MAX_ARGUMENTS 8u
struct emit_signature {
    const char *returns, *name;
    struct text arguments[EMIT_MAX_ARGUMENTS];
    size_t count;
};
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void emit_argument(struct emit_signature *signature, const char *format, ...);
/* "double celsius", or "const x_report *report". */
void emit_value_argument(struct emit_signature *signature, const struct plan_type *type, const char *name);
/* Writes it, then tail, and frees the arguments. */
void emit_signature_end(struct emit_signature *signature, struct text *out, const char *tail);

/* The functions, each as a signature. */
struct emit_signature emit_send_signature(const struct plan_member *member);
struct emit_signature emit_batch_signature(const char *name, const struct plan_type *batch);
struct emit_signature emit_on_signature(const struct plan_member *member);
struct emit_signature emit_later_signature(const struct plan_member *member);

const char *emit_kind_name(const struct plan_type *type); /* "DOUBLE" of SPOKE_SCHEMA_DOUBLE */
/* "&x_codec" or "&spoke_codec_double"; the same of the schema. */
void emit_add_codec(struct text *out, const struct plan_type *type);
void emit_add_schema(struct text *out, const struct plan_type *type);
/* "NULL" or a literal. */
void emit_add_name(struct text *out, const char *name);
/* What travels for a value of a string enum. */
void emit_add_value_text(struct text *out, const struct plan_value *value);

/* All members in the order of tables: by component, then name, so that they are found by binary search. Heap, as
 * many as the plan has; NULL: there is no memory, and `out` has failed. */
struct emit_row {
    const struct plan_part *part;
    const struct plan_member *member;
};
struct emit_row *emit_sorted_members(const struct plan *plan, struct text *out);

/* The constant of a property's initial value; nothing when it has none. */
void emit_initial(const struct plan_member *member, struct text *out);

/* Parts of the source. */
void emit_tables(const struct plan *plan, struct text *out);
void emit_senders(const struct plan *plan, struct text *out);
void emit_adapters(const struct plan *plan, struct text *out);

#endif
