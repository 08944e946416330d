#include "tools/emit_part.h"

#include <string.h>

/* --- comments of things --- */

/* The comment "lead about"; nothing when both are empty. */
static void comment(struct text *out, const char *indent, const char *lead, const struct dtdl_element *element)
{
    struct text about = {0};
    text_adds(&about, lead);
    emit_add_about(&about, element);
    if (about.len > 0)
        emit_comment(out, indent, about.ptr);
    out->failed = out->failed || about.failed;
    text_free(&about);
}

static void section(struct text *out, const char *name)
{
    text_addf(out, "\n/* --- %s --- */\n", name);
}

/* A status that is not looked at is a message that may never leave: the compiler says so, as for the library's own. */
static void declare(struct emit_signature signature, struct text *out)
{
    if (strcmp(signature.returns, "spoke_status") == 0)
        signature.returns = "SPOKE_MUST_CHECK spoke_status";
    emit_signature_end(&signature, out, ";\n");
}

/* --- types --- */

/* INT32_MIN has no literal of its own. */
static void add_int32(struct text *out, int32_t number)
{
    if (number == INT32_MIN)
        text_adds(out, "-2147483647 - 1");
    else
        text_addf(out, "%ld", (long)number);
}

static void emit_enum(const struct plan_type *type, struct text *out)
{
    struct emit_signature from = {.returns = "bool", .name = type->read};
    struct emit_signature to = {.returns = "const char *", .name = type->write};
    comment(out, "", "", type->element);
    text_addf(out, "typedef enum %s {\n", type->name);
    for (size_t i = 0; i < type->count; i++) {
        comment(out, "    ", "", type->values[i].element);
        text_addf(out, "    %s", type->values[i].constant);
        if (type->kind == SPOKE_SCHEMA_ENUM_INTEGER) {
            text_adds(out, " = ");
            add_int32(out, type->values[i].number);
        }
        text_adds(out, ",\n");
    }
    if (type->count == 0)
        text_addf(out, "    %s, /* the template lists no value: none can travel */\n", type->values[0].constant);
    text_addf(out, "} %s;\n", type->name);
    emit_comment(out, "",
                 type->kind == SPOKE_SCHEMA_ENUM_STRING
                     ? "What travels, and back. NULL and false: the enum has no such value."
                     : "The value's name in the template, and the value of a number. NULL and false: the enum "
                       "has no such value.");
    emit_argument(&to, "%s value", type->name);
    declare(to, out);
    emit_argument(&from, type->kind == SPOKE_SCHEMA_ENUM_STRING ? "spoke_str text" : "int32_t number");
    emit_argument(&from, "%s *out", type->name);
    declare(from, out);
}

/* "typedef struct x {" ... "} x;", or without typedef where that came first. */
static void struct_begin(const char *name, bool declared, struct text *out)
{
    text_addf(out, declared ? "struct %s {\n" : "typedef struct %s {\n", name);
}

static void struct_end(const char *name, bool declared, struct text *out)
{
    if (declared)
        text_adds(out, "};\n");
    else
        text_addf(out, "} %s;\n", name);
}

static void emit_has(const struct plan_type *type, struct text *out)
{
    const char *bits = plan_has_type(type);
    if (bits != NULL)
        text_addf(out, "    %s has; /* masks of the members that are set */\n", bits);
    else if (type->optional > 0)
        text_addf(out, "    uint8_t has[%zu]; /* bits of the members that are set: spoke_has_set, spoke_has */\n",
                  (type->optional + 7) / 8);
}

static void emit_masks(const struct plan_type *type, struct text *out)
{
    const char *bits = plan_has_type(type);
    for (size_t i = 0; i < type->count; i++) {
        if (type->fields[i].mask == NULL)
            continue;
        if (bits != NULL)
            text_addf(out, "#define %s ((%s)1 << %u)\n", type->fields[i].mask, bits, type->fields[i].bit);
        else
            text_addf(out, "#define %s %uu\n", type->fields[i].mask, type->fields[i].bit);
    }
    if (type->all != NULL && bits != NULL)
        text_addf(out, "#define %s ((%s)-1 >> %zu) /* all of them */\n", type->all, bits,
                  (size_t)(type->optional > 32 ? 64 : 32) - type->optional);
}

static void emit_json_functions(const struct plan_type *type, struct text *out)
{
    struct emit_signature read = {.returns = "spoke_status", .name = type->read};
    struct emit_signature write = {.returns = "void", .name = type->write};
    if (type->read == NULL)
        return;
    emit_argument(&read, "spoke_str json");
    emit_argument(&read, "%s *out", type->name);
    emit_argument(&read, "spoke_buf *scratch");
    declare(read, out);
    emit_argument(&write, "spoke_writer *w");
    emit_argument(&write, "const %s *value", type->name);
    declare(write, out);
}

static void emit_struct(const struct plan_type *type, struct text *out)
{
    comment(out, "", type->documentation != NULL ? type->documentation : "", type->element);
    struct_begin(type->name, type->declared, out);
    emit_has(type, out);
    for (size_t i = 0; i < type->count; i++) {
        const struct plan_field *field = &type->fields[i];
        comment(out, "    ", field->mask == NULL ? "Required. " : "", field->element);
        text_addf(out, field->pointer ? "    const %s *%s;\n" : "    %s %s;\n", field->type->name,
                  field->identifier);
    }
    if (type->count == 0)
        text_adds(out, "    uint8_t nothing; /* the template has no fields */\n");
    struct_end(type->name, type->declared, out);
    emit_masks(type, out);
    emit_json_functions(type, out);
}

static void emit_entry(const struct plan_type *type, struct text *out)
{
    struct_begin(type->entry, type->late_entry, out);
    text_addf(out, "    spoke_str key;\n    %s value;\n", type->item->name);
    struct_end(type->entry, type->late_entry, out);
}

static void emit_list(const struct plan_type *type, struct text *out)
{
    const bool map = type->kind == SPOKE_SCHEMA_MAP;
    if (map && !type->late_entry)
        emit_entry(type, out);
    comment(out, "", "", type->element);
    struct_begin(type->name, type->declared, out);
    text_addf(out, "    const %s *items;\n    size_t count;\n", map ? type->entry : type->item->name);
    struct_end(type->name, type->declared, out);
    emit_json_functions(type, out);
}

static void emit_forward(const struct plan *plan, struct text *out)
{
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (type->declared)
            text_addf(out, "typedef struct %s %s;\n", type->name, type->name);
        if (type->late_entry)
            text_addf(out, "typedef struct %s %s;\n", type->entry, type->entry);
    }
}

static void emit_type(const struct plan_type *type, struct text *out)
{
    if (out->len >= 2 && out->ptr[out->len - 2] != '\n')
        text_adds(out, "\n");
    if (plan_is_enum(type))
        emit_enum(type, out);
    else if (type->kind == SPOKE_SCHEMA_OBJECT)
        emit_struct(type, out);
    else
        emit_list(type, out);
}

static void emit_types(const struct plan *plan, struct text *out)
{
    bool any = false;
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next)
        any = any || type->kind >= SPOKE_SCHEMA_ENUM_INTEGER;
    if (!any)
        return;
    section(out, "types");
    text_adds(out, "\n");
    emit_comment(
        out, "",
        "A struct's _read takes a JSON value that fits the template (else SPOKE_E_MODEL). Text, items and what "
        "pointers point to are views of the JSON or live in `scratch` (SPOKE_E_NO_MEMORY: too small). Its _write "
        "puts the value behind a key, in an array or alone.");
    text_adds(out, "\n");
    emit_forward(plan, out);
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (type->early)
            emit_type(type, out);
    }
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (!type->early && type->kind >= SPOKE_SCHEMA_ENUM_INTEGER)
            emit_type(type, out);
    }
    for (const struct plan_type *type = plan->types; type != NULL; type = type->next) {
        if (!type->late_entry)
            continue;
        text_adds(out, "\n");
        emit_entry(type, out);
    }
}

/* --- functions --- */

/* "Property mode of component lamp. " */
static void add_subject(struct text *out, const char *what, const struct plan_part *part,
                        const struct plan_member *member)
{
    text_addf(out, "%s %s", what, member->name);
    if (part->component != NULL)
        text_addf(out, " of component %s", part->component);
    text_adds(out, ". ");
}

/* What it is, what the template says of it, and what it means for the function below. */
static void member_comment(struct text *out, const char *what, const struct plan_part *part,
                           const struct plan_member *member, const char *more)
{
    struct text text = {0};
    add_subject(&text, what, part, member);
    emit_add_about(&text, member->element);
    text_adds(&text, more);
    emit_comment(out, "", text.ptr != NULL ? text.ptr : "");
    out->failed = out->failed || text.failed;
    text_free(&text);
}

static size_t count_kind(const struct plan_part *part, spoke_member_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < part->count; i++)
        count += part->members[i].member == kind;
    return count;
}

static void emit_sends(const struct plan_part *part, spoke_member_kind kind, const char *what, struct text *out)
{
    for (size_t i = 0; i < part->count; i++) {
        if (part->members[i].member != kind)
            continue;
        member_comment(out, what, part, &part->members[i], "");
        emit_initial(&part->members[i], out);
        declare(emit_send_signature(&part->members[i]), out);
    }
}

static bool any_kind(const struct plan *plan, spoke_member_kind kind)
{
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        if (count_kind(part, kind) > 0)
            return true;
    }
    return false;
}

static void emit_telemetry(const struct plan *plan, struct text *out)
{
    if (!any_kind(plan, SPOKE_TELEMETRY))
        return;
    section(out, "telemetry");
    text_adds(out, "\n");
    emit_comment(out, "",
                 "Each queues one message and copies the values: see spoke_telemetry_send for what it answers.");
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        if (part->telemetry == NULL)
            continue;
        text_adds(out, "\n");
        emit_sends(part, SPOKE_TELEMETRY, "Telemetry", out);
        emit_comment(out, "", "Several values in one message.");
        declare(emit_batch_signature(part->send, part->telemetry), out);
    }
}

static void emit_properties(const struct plan *plan, struct text *out)
{
    if (!any_kind(plan, SPOKE_PROPERTY))
        return;
    section(out, "reported properties");
    text_adds(out, "\n");
    emit_comment(out, "",
                 "Each queues one report and copies the values: see spoke_property_report for what it answers.");
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        if (part->properties == NULL)
            continue;
        text_adds(out, "\n");
        emit_sends(part, SPOKE_PROPERTY, "Property", out);
        emit_comment(out, "", "Several properties in one report.");
        declare(emit_batch_signature(part->report, part->properties), out);
    }
}

/* "Request delay: seconds to wait before. " when the template says anything about it. */
static void add_payload(struct text *out, const char *what, const struct dtdl_element *payload)
{
    struct text about = {0};
    emit_add_about(&about, payload);
    if (about.len > 0)
        text_addf(out, "%s %.*s: %s", what, (int)payload->name.len, payload->name.ptr, about.ptr);
    out->failed = out->failed || about.failed;
    text_free(&about);
}

static void command_comment(const struct plan_part *part, const struct plan_member *member, struct text *out)
{
    struct text text = {0};
    add_subject(&text, "Command", part, member);
    emit_add_about(&text, member->element);
    add_payload(&text, "Request", dtdl_target(member->element, DTDL_REQUEST));
    add_payload(&text, "Response", dtdl_target(member->element, DTDL_RESPONSE));
    if ((member->flags & SPOKE_DURABLE) != 0)
        text_adds(&text, "The service queues it while the device is offline; then nobody waits for the answer. ");
    if (plan_may_lack_request(member))
        text_adds(&text, "The request may be null: NULL. ");
    if (plan_may_answer_null(member))
        text_adds(&text, "Set *null to answer null instead of the response. ");
    emit_comment(out, "", text.ptr != NULL ? text.ptr : "");
    out->failed = out->failed || text.failed;
    text_free(&text);
}

static const char *reply_comment(const struct plan_member *member)
{
    if (member->response == NULL)
        return "Its answer after spoke_defer().";
    return plan_may_answer_null(member)
               ? "Its answer after spoke_defer(); NULL: null, or nothing where the code is no 2xx."
               : "Its answer after spoke_defer(); NULL: without a value.";
}

static void emit_handler(const struct plan_part *part, const struct plan_member *member, struct text *out)
{
    if (member->member == SPOKE_COMMAND) {
        command_comment(part, member, out);
        declare(emit_on_signature(member), out);
        emit_comment(out, "", reply_comment(member));
    } else {
        member_comment(out, "Writable property", part, member,
                       "NULL: the service removed it; go back to the default.");
        declare(emit_on_signature(member), out);
        emit_comment(out, "", "The final verdict after spoke_defer(), with the value that is in force.");
    }
    declare(emit_later_signature(member), out);
}

static void emit_handlers(const struct plan *plan, struct text *out)
{
    if (!plan->with_handlers || plan->handler_count == 0)
        return;
    section(out, "handlers");
    text_adds(out, "\n");
    emit_comment(
        out, "",
        "Your program defines every ..._on_...; one that is forgotten is an error of the linker. They run inside "
        "spoke_client_poll. Values have passed the template's checks and live until the handler returns. A "
        "command's request is NULL only where the template allows null and none came. A response is zeroed "
        "before, and sent when the verdict is a 2xx code; text in it stays valid until the handler has returned, so it is not on the handler's stack.");
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            if (part->members[i].on == NULL)
                continue;
            text_adds(out, "\n");
            emit_handler(part, &part->members[i], out);
        }
    }
}

/* On one line, or as many items on a line as there is room for. */
static void emit_config_macro(const struct plan *plan, struct text *out)
{
    struct text items[3] = {{0}};
    text_addf(&items[0], ".model = &%s,", plan->model);
    text_addf(&items[1], ".handlers = %s,", plan->handlers);
    text_addf(&items[2], ".handler_count = %s", plan->handler_count_name);
    const size_t start = strlen("#define ") + strlen(plan->model_macro);
    const size_t width = items[0].len + items[1].len + items[2].len + 3;
    text_addf(out, "#define %s%s", plan->model_macro, start + width <= EMIT_COLUMNS ? "" : " \\\n   ");
    size_t column = start + width <= EMIT_COLUMNS ? start : 3;
    for (size_t i = 0; i < 3; i++) {
        if (i > 0 && column + 1 + items[i].len + (i < 2 ? 2 : 0) > EMIT_COLUMNS) {
            text_adds(out, " \\\n   ");
            column = 3;
        }
        text_addf(out, " %s", items[i].ptr != NULL ? items[i].ptr : "");
        column += 1 + items[i].len;
        text_free(&items[i]);
    }
    text_adds(out, "\n");
}

static void emit_config(const struct plan *plan, struct text *out)
{
    section(out, "the template");
    text_addf(out, "\nextern const spoke_model %s;\n", plan->model);
    emit_comment(out, "", "Goes into SPOKE_CONFIG(...).");
    if (!plan->with_handlers || plan->handler_count == 0) {
        text_addf(out, "#define %s .model = &%s\n", plan->model_macro, plan->model);
        return;
    }
    emit_config_macro(plan, out);
    text_addf(out, "extern const spoke_handler %s[];\n#define %s %zuu\n", plan->handlers, plan->handler_count_name,
              plan->handler_count);
}

static void emit_top(const struct plan *plan, struct text *out)
{
    struct text about = {0};
    text_addf(&about, "%s. ", plan->dtmi);
    emit_add_about(&about, plan->interface);
    text_adds(&about, "Written by spoke-model from the device template: do not edit, generate it again.");
    emit_comment(out, "", about.ptr != NULL ? about.ptr : "");
    text_free(&about);
    text_addf(out, "#ifndef %s\n#define %s\n\n#include <spoke/client.h>\n#include <spoke/model_codec.h>\n\n",
              plan->guard, plan->guard);
    text_adds(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
}

void emit_header(const struct plan *plan, struct text *out)
{
    emit_top(plan, out);
    emit_config(plan, out);
    emit_types(plan, out);
    emit_telemetry(plan, out);
    emit_properties(plan, out);
    emit_handlers(plan, out);
    text_adds(out, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
