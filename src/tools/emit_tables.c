#include "tools/emit_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The tables in ROM: of each type its schema and its codec, then the members. Sorted as model.h wants it. */

/* --- numbers --- */

static void add_double(struct text *out, double number)
{
    char digits[40];
    snprintf(digits, sizeof digits, "%.17g", isfinite(number) ? number : 0.0);
    text_adds(out, digits);
    if (strpbrk(digits, ".e") == NULL)
        text_adds(out, ".0");
}

static void add_int64(struct text *out, int64_t number)
{
    if (number == INT64_MIN)
        text_adds(out, "INT64_MIN");
    else
        text_addf(out, "%lld", (long long)number);
}

static void emit_range(const struct plan_type *type, struct text *out)
{
    const spoke_range *range = type->range;
    text_addf(out, "static const spoke_range %s = {%s, %s, ", type->list, range->has_low ? "true" : "false",
              range->has_high ? "true" : "false");
    add_double(out, range->low);
    text_adds(out, ", ");
    add_double(out, range->high);
    text_adds(out, ", ");
    add_int64(out, range->low_whole);
    text_adds(out, ", ");
    add_int64(out, range->high_whole);
    text_adds(out, "};\n");
}

/* --- types --- */

/* Texts that are too long for a literal have names. */
static void emit_long_texts(const struct plan_type *type, struct text *out)
{
    for (size_t i = 0; i < type->count; i++) {
        if (type->values[i].text_name == NULL)
            continue;
        text_addf(out, "static const char %s[] = ", type->values[i].text_name);
        text_add_characters(out, type->values[i].text);
        text_adds(out, ";\n");
    }
}

static void emit_values(const struct plan_type *type, struct text *out)
{
    if (type->count == 0)
        return;
    emit_long_texts(type, out);
    text_addf(out, "static const spoke_enum_value %s[] = {\n", type->list);
    for (size_t i = 0; i < type->count; i++) {
        text_adds(out, "    {");
        if (type->values[i].number == INT32_MIN)
            text_adds(out, "INT32_MIN, ");
        else
            text_addf(out, "%ld, ", (long)type->values[i].number);
        if (type->kind == SPOKE_SCHEMA_ENUM_STRING)
            emit_add_value_text(out, &type->values[i]);
        else
            text_adds(out, "NULL");
        text_adds(out, "},\n");
    }
    text_adds(out, "};\n");
}

static int by_name(const void *a, const void *b)
{
    const struct plan_field *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static const struct plan_field **sorted_fields(const struct plan_type *type, struct text *out)
{
    const struct plan_field **sorted = calloc(type->count + 1, sizeof *sorted);
    for (size_t i = 0; sorted != NULL && i < type->count; i++)
        sorted[i] = &type->fields[i];
    if (sorted != NULL)
        qsort(sorted, type->count, sizeof *sorted, by_name);
    else
        out->failed = true;
    return sorted;
}

static void emit_field_rows(const struct plan_type *type, const struct plan_field *const *sorted, struct text *out)
{
    text_addf(out, "static const spoke_schema_field %s[] = {\n", type->list);
    for (size_t i = 0; i < type->count; i++) {
        text_addf(out, "    {\"%s\", ", sorted[i]->name);
        emit_add_schema(out, sorted[i]->type);
        text_addf(out, ", %s},\n", sorted[i]->mask == NULL ? "true" : "false");
    }
    text_adds(out, "};\n");
}

static void emit_layout(const struct plan_type *type, const struct plan_field *const *sorted, struct text *out)
{
    text_addf(out, "static const spoke_codec_member %s[] = {\n", type->layout);
    for (size_t i = 0; i < type->count; i++) {
        text_adds(out, "    {");
        emit_add_codec(out, sorted[i]->type);
        text_addf(out, ", offsetof(%s, %s), ", type->name, sorted[i]->identifier);
        if (sorted[i]->mask == NULL)
            text_adds(out, "SPOKE_CODEC_ALWAYS, ");
        else
            text_addf(out, "%u, ", sorted[i]->bit);
        text_addf(out, "%s},\n", sorted[i]->pointer ? "true" : "false");
    }
    text_adds(out, "};\n");
}

static void emit_fields(const struct plan_type *type, struct text *out)
{
    const struct plan_field **sorted = type->count > 0 ? sorted_fields(type, out) : NULL;
    if (sorted == NULL)
        return;
    if (!type->shared)
        emit_field_rows(type, sorted, out);
    emit_layout(type, sorted, out);
    free(sorted);
}

static const char *pointer_or_null(const struct plan_type *type, const char *name)
{
    return type->count > 0 ? name : "NULL";
}

static void emit_schema(const struct plan_type *type, struct text *out)
{
    text_addf(out, "%sconst spoke_schema %s = {SPOKE_SCHEMA_%s, %zu, ", type->recursive ? "" : "static ",
              type->schema, emit_kind_name(type), type->count);
    if (type->item != NULL)
        emit_add_schema(out, type->item);
    else
        text_adds(out, "NULL");
    text_addf(out, ", %s", type->kind == SPOKE_SCHEMA_OBJECT ? pointer_or_null(type, type->list) : "NULL");
    text_addf(out, ", %s", plan_is_enum(type) ? pointer_or_null(type, type->list) : "NULL");
    text_addf(out, ", %s%s};\n", type->range != NULL ? "&" : "", type->range != NULL ? type->list : "NULL");
}

static size_t has_bytes(const struct plan_type *type)
{
    if (type->optional == 0)
        return 0;
    if (type->optional <= 64)
        return type->optional <= 32 ? 4 : 8;
    return (type->optional + 7) / 8;
}

static void emit_codec(const struct plan_type *type, struct text *out)
{
    text_addf(out, "%sconst spoke_codec %s = {&%s, sizeof(%s), ", type->recursive ? "" : "static ", type->codec,
              type->schema, type->name);
    if (type->kind == SPOKE_SCHEMA_OBJECT && type->optional > 0)
        text_addf(out, "%zu, offsetof(%s, has), NULL, %s};\n", has_bytes(type), type->name, type->layout);
    else if (type->kind == SPOKE_SCHEMA_OBJECT)
        text_addf(out, "0, 0, NULL, %s};\n", pointer_or_null(type, type->layout));
    else if (type->item == NULL)
        text_adds(out, "0, 0, NULL, NULL};\n");
    else {
        if (type->kind == SPOKE_SCHEMA_MAP)
            text_addf(out, "sizeof(%s), offsetof(%s, value), ", type->entry, type->entry);
        else
            text_addf(out, "sizeof(%s), 0, ", type->item->name);
        emit_add_codec(out, type->item);
        text_adds(out, ", NULL};\n");
    }
}

static void emit_type(const struct plan_type *type, struct text *out)
{
    if (type->range != NULL)
        emit_range(type, out);
    if (plan_is_enum(type))
        emit_values(type, out);
    if (type->kind == SPOKE_SCHEMA_OBJECT)
        emit_fields(type, out);
    if (!type->shared)
        emit_schema(type, out);
    emit_codec(type, out);
}

/* --- members --- */

static int by_component_and_name(const void *a, const void *b)
{
    const struct emit_row *first = a, *second = b;
    const char *one = first->part->component != NULL ? first->part->component : "";
    const char *two = second->part->component != NULL ? second->part->component : "";
    const int order = strcmp(one, two);
    return order != 0 ? order : strcmp(first->member->name, second->member->name);
}

struct emit_row *emit_sorted_members(const struct plan *plan, struct text *out)
{
    struct emit_row *rows = calloc(plan->member_count + 1, sizeof *rows);
    size_t at = 0;
    for (const struct plan_part *part = plan->parts; rows != NULL && part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++)
            rows[at++] = (struct emit_row){part, &part->members[i]};
    }
    if (rows != NULL)
        qsort(rows, plan->member_count, sizeof *rows, by_component_and_name);
    else
        out->failed = true;
    return rows;
}

static void add_flags(struct text *out, unsigned flags)
{
    static const char *const names[] = {"SPOKE_WRITABLE", "SPOKE_DURABLE", "SPOKE_NULLABLE_REQUEST",
                                        "SPOKE_NULLABLE_RESPONSE"};
    bool any = false;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags >> i & 1u) == 0)
            continue;
        text_addf(out, "%s%s", any ? " | " : "", names[i]);
        any = true;
    }
    if (!any)
        text_adds(out, "0");
}

static void emit_row(const struct emit_row *row, struct text *out)
{
    static const char *const kinds[] = {"SPOKE_TELEMETRY", "SPOKE_PROPERTY", "SPOKE_COMMAND"};
    const struct plan_member *member = row->member;
    text_adds(out, "    {");
    emit_add_name(out, row->part->component);
    text_addf(out, ", \"%s\", %s, ", member->name, kinds[member->member]);
    add_flags(out, member->flags);
    text_adds(out, ", ");
    if (member->type != NULL)
        emit_add_schema(out, member->type);
    else
        text_adds(out, "NULL");
    text_adds(out, ", ");
    if (member->response != NULL)
        emit_add_schema(out, member->response);
    else
        text_adds(out, "NULL");
    text_adds(out, "},\n");
}

static void emit_members(const struct plan *plan, struct text *out)
{
    struct emit_row *rows = plan->member_count > 0 ? emit_sorted_members(plan, out) : NULL;
    if (rows != NULL) {
        text_addf(out, "static const spoke_member %s[] = {\n", plan->members);
        for (size_t i = 0; i < plan->member_count; i++)
            emit_row(&rows[i], out);
        text_adds(out, "};\n");
    }
    text_addf(out, "const spoke_model %s = {", plan->model);
    text_add_literal(out, spoke_str_of(plan->dtmi));
    if (rows != NULL)
        text_addf(out, ", %s, %zu};\n", plan->members, plan->member_count);
    else
        text_adds(out, ", NULL, 0};\n");
    free(rows);
}

void emit_tables(const struct plan *plan, struct text *out)
{
    text_adds(out, "\n/* clang-format off */\n");
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (type->recursive) /* none of the library's is */
            text_addf(out, "extern const spoke_schema %s;\nextern const spoke_codec %s;\n", type->schema,
                      type->codec);
    }
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next)
        emit_type(type, out);
    emit_members(plan, out);
    text_adds(out, "/* clang-format on */\n");
}
