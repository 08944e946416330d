#include "tools/emit_part.h"

#include <string.h>

/* --- functions of types --- */

static void emit_text_of_enum(const struct plan_type *type, struct text *out)
{
    struct emit_signature to = {.returns = "const char *", .name = type->write};
    emit_argument(&to, "%s value", type->name);
    text_adds(out, "\n");
    emit_signature_end(&to, out, "\n{\n");
    if (type->count > 0)
        text_adds(out, "    switch (value) {\n");
    for (size_t i = 0; i < type->count; i++) {
        const struct plan_value *value = &type->values[i];
        text_addf(out, "    case %s:\n        return ", value->constant);
        if (type->kind == SPOKE_SCHEMA_ENUM_STRING)
            emit_add_value_text(out, value);
        else
            text_add_literal(out, spoke_str_of(value->name));
        text_adds(out, ";\n");
    }
    text_adds(out, type->count > 0 ? "    }\n" : "    (void)value;\n");
    text_adds(out, "    return NULL;\n}\n");
}

static void emit_enum_from(const struct plan_type *type, struct text *out)
{
    const bool text = type->kind == SPOKE_SCHEMA_ENUM_STRING;
    struct emit_signature from = {.returns = "bool", .name = type->read};
    emit_argument(&from, text ? "spoke_str text" : "int32_t number");
    emit_argument(&from, "%s *out", type->name);
    text_adds(out, "\n");
    emit_signature_end(&from, out, "\n{\n");
    text_addf(out, "    const size_t index = %s(&%s, %s);\n",
              text ? "spoke_enum_index_of_text" : "spoke_enum_index", type->schema, text ? "text" : "number");
    text_addf(out, "    if (index == %s.count)\n        return false;\n", type->schema);
    text_addf(out, "    *out = (%s)%s;\n    return true;\n}\n", type->name, text ? "index" : "number");
}

static void emit_json(const struct plan_type *type, struct text *out)
{
    struct emit_signature read = {.returns = "spoke_status", .name = type->read};
    struct emit_signature write = {.returns = "void", .name = type->write};
    emit_argument(&read, "spoke_str json");
    emit_argument(&read, "%s *out", type->name);
    emit_argument(&read, "spoke_buf *scratch");
    text_adds(out, "\n");
    emit_signature_end(&read, out, "\n{\n");
    struct text codec = {0};
    emit_add_codec(&codec, type);
    const char *reading[] = {codec.ptr, "json", "out", "scratch", "NULL", NULL};
    const char *writing[] = {codec.ptr, "value", "w", NULL};
    emit_call(out, "    return spoke_codec_read", reading, ";\n}\n\n");
    emit_argument(&write, "spoke_writer *w");
    emit_argument(&write, "const %s *value", type->name);
    emit_signature_end(&write, out, "\n{\n");
    emit_call(out, "    spoke_codec_write", writing, ";\n}\n");
    text_free(&codec);
}

static void emit_type_functions(const struct plan *plan, struct text *out)
{
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (type->read == NULL)
            continue;
        if (plan_is_enum(type)) {
            emit_text_of_enum(type, out);
            emit_enum_from(type, out);
        } else {
            emit_json(type, out);
        }
    }
}

/* --- senders --- */

static const char *sender_of(spoke_member_kind kind)
{
    return kind == SPOKE_TELEMETRY ? "spoke_telemetry_send" : "spoke_property_report";
}

static void emit_scratch(const struct plan *plan, struct text *out)
{
    text_addf(out, "    uint8_t memory[%s];\n    spoke_buf scratch = spoke_buf_from(memory, sizeof memory);\n",
              plan->scratch_bytes);
}

/* The last statement of a function that sends. */
static void emit_sending(const struct plan_part *part, spoke_member_kind kind, const char *fields,
                         const char *count, struct text *out)
{
    struct text head = {0}, component = {0};
    text_addf(&head, "    return %s", sender_of(kind));
    emit_add_name(&component, part->component);
    const char *arguments[] = {"client", component.ptr, fields, count, NULL};
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, ";\n");
    text_adds(out, "}\n");
    text_free(&head);
    text_free(&component);
}

/* What every value that needs memory for its JSON goes through. */
static void emit_one(const struct plan *plan, const char *name, spoke_member_kind kind, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_status", .name = name};
    emit_argument(&s, "spoke_client *client");
    emit_argument(&s, "const char *component");
    emit_argument(&s, "const char *name");
    emit_argument(&s, "const spoke_codec *codec");
    emit_argument(&s, "const void *value");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    emit_scratch(plan, out);
    text_addf(
        out,
        "    spoke_field field;\n"
        "    const spoke_status status = spoke_codec_field(codec, name, value, &scratch, &field);\n"
        "    if (status != SPOKE_OK)\n        return status;\n    return %s(client, component, &field, 1);\n}\n",
        sender_of(kind));
}

static bool needs_one(const struct plan *plan, spoke_member_kind kind)
{
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            if (part->members[i].member == kind && !plan_is_simple(part->members[i].type))
                return true;
        }
    }
    return false;
}

static const char *field_maker(const struct plan_type *type)
{
    if (type->kind == SPOKE_SCHEMA_BOOLEAN)
        return "spoke_bool";
    if (type->kind == SPOKE_SCHEMA_DOUBLE)
        return "spoke_f64";
    if (plan_is_text(type))
        return "spoke_text";
    return type->kind < SPOKE_SCHEMA_UNSIGNED_LONG ? "spoke_i64" : NULL;
}

/* A number, a boolean or text: a field and no more. */
static void emit_plain_send(const struct plan_part *part, const struct plan_member *member, struct text *out)
{
    text_addf(out, "    const spoke_field field = %s(\"%s\", %s);\n    return %s(client, ",
              field_maker(member->type), member->name, member->argument,
              sender_of((spoke_member_kind)member->member));
    emit_add_name(out, part->component);
    text_adds(out, ", &field, 1);\n}\n");
}

/* A float or an enum: what travels is looked up. */
static void emit_simple_send(const struct plan_part *part, const struct plan_member *member, struct text *out)
{
    struct text name = {0}, codec = {0}, value = {0};
    text_addf(&name, "\"%s\"", member->name);
    emit_add_codec(&codec, member->type);
    text_addf(&value, "&%s", member->argument);
    const char *arguments[] = {codec.ptr, name.ptr, value.ptr, "NULL", "&field", NULL};
    text_adds(out, "    spoke_field field;\n");
    emit_call(out, "    const spoke_status status = spoke_codec_field", arguments, ";\n");
    text_adds(out, "    if (status != SPOKE_OK)\n        return status;\n");
    emit_sending(part, (spoke_member_kind)member->member, "&field", "1", out);
    text_free(&name);
    text_free(&codec);
    text_free(&value);
}

static void emit_large_send(const struct plan *plan, const struct plan_part *part,
                            const struct plan_member *member, struct text *out)
{
    struct text head = {0}, component = {0}, name = {0}, codec = {0}, value = {0};
    text_addf(&head, "    return %s", member->member == SPOKE_TELEMETRY ? plan->send_one : plan->report_one);
    emit_add_name(&component, part->component);
    text_addf(&name, "\"%s\"", member->name);
    emit_add_codec(&codec, member->type);
    text_addf(&value, "%s%s", plan_by_pointer(member->type) ? "" : "&", member->argument);
    const char *arguments[] = {"client", component.ptr, name.ptr, codec.ptr, value.ptr, NULL};
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, ";\n");
    text_adds(out, "}\n");
    text_free(&head);
    text_free(&component);
    text_free(&name);
    text_free(&codec);
    text_free(&value);
}

static void emit_send(const struct plan *plan, const struct plan_part *part, const struct plan_member *member,
                      struct text *out)
{
    struct emit_signature signature = emit_send_signature(member);
    text_adds(out, "\n");
    emit_signature_end(&signature, out, "\n{\n");
    if (!plan_is_simple(member->type))
        emit_large_send(plan, part, member, out);
    else if (field_maker(member->type) != NULL)
        emit_plain_send(part, member, out);
    else
        emit_simple_send(part, member, out);
}

static bool batch_needs_scratch(const struct plan_type *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!plan_is_simple(batch->fields[i].type))
            return true;
    }
    return false;
}

static void emit_batch(const struct plan *plan, const struct plan_part *part, const char *function,
                       const struct plan_type *batch, spoke_member_kind kind, struct text *out)
{
    struct text codec = {0};
    if (batch == NULL)
        return;
    struct emit_signature signature = emit_batch_signature(function, batch);
    text_adds(out, "\n");
    emit_signature_end(&signature, out, "\n{\n");
    if (batch_needs_scratch(batch))
        emit_scratch(plan, out);
    text_addf(out, "    spoke_field fields[%zu];\n    size_t count;\n", batch->count);
    emit_add_codec(&codec, batch);
    const char *arguments[] = {codec.ptr, "values", batch_needs_scratch(batch) ? "&scratch" : "NULL",
                               "fields",  "&count", NULL};
    emit_call(out, "    const spoke_status status = spoke_codec_fields", arguments, ";\n");
    text_adds(out, "    if (status != SPOKE_OK)\n        return status;\n");
    emit_sending(part, kind, "fields", "count", out);
    text_free(&codec);
}

void emit_senders(const struct plan *plan, struct text *out)
{
    if (needs_one(plan, SPOKE_TELEMETRY))
        emit_one(plan, plan->send_one, SPOKE_TELEMETRY, out);
    if (needs_one(plan, SPOKE_PROPERTY))
        emit_one(plan, plan->report_one, SPOKE_PROPERTY, out);
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            if (part->members[i].send != NULL)
                emit_send(plan, part, &part->members[i], out);
        }
        emit_batch(plan, part, part->send, part->telemetry, SPOKE_TELEMETRY, out);
        emit_batch(plan, part, part->report, part->properties, SPOKE_PROPERTY, out);
    }
}

/* --- the file --- */

/* Only what the rest uses. */
static void emit_top(const struct plan *plan, const char *body, struct text *out)
{
    const bool offsets = strstr(body, "offsetof(") != NULL, zeroes = strstr(body, "memset(") != NULL;
    emit_comment(out, "", "Written by spoke-model from the device template: do not edit, generate it again.");
    text_addf(out, "#include \"%s_model.h\"\n", plan->prefix);
    if (offsets || zeroes)
        text_addf(out, "\n%s%s", offsets ? "#include <stddef.h>\n" : "", zeroes ? "#include <string.h>\n" : "");
    if (strstr(body, plan->scratch_bytes) == NULL)
        return;
    text_adds(out, "\n");
    emit_comment(out, "",
                 "Stack of a call for the JSON of one value or message. More: define it for the compiler.");
    text_addf(out, "#ifndef %s\n#define %s 512\n#endif\n", plan->scratch_bytes, plan->scratch_bytes);
}

void emit_source(const struct plan *plan, struct text *out)
{
    struct text body = {0};
    emit_tables(plan, &body);
    emit_type_functions(plan, &body);
    emit_senders(plan, &body);
    emit_adapters(plan, &body);
    emit_top(plan, body.ptr != NULL ? body.ptr : "", out);
    text_add(out, text_str(&body));
    out->failed = out->failed || body.failed;
    text_free(&body);
}
