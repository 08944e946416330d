#include "tools/emit_part.h"

#include <stdlib.h>

/* Between the client's handlers, which see JSON, and the program's, which see C. */

static void emit_refuse(const struct plan *plan, struct text *out)
{
    text_addf(out, "\nstatic spoke_ack %s(spoke_status status)\n{\n", plan->refuse);
    text_adds(out,
              "    if (status == SPOKE_E_NO_MEMORY)\n"
              "        return spoke_reject(500, \"the value needs more memory than this device has for it\");\n"
              "    return spoke_reject(400, \"the value does not fit the device template\");\n}\n");
}

static void emit_scratch(const struct plan *plan, struct text *out)
{
    text_addf(out, "    uint8_t memory[%s];\n    spoke_buf scratch = spoke_buf_from(memory, sizeof memory);\n",
              plan->scratch_bytes);
}

static void emit_reading(const struct plan *plan, const char *head, const struct plan_type *type,
                         const char *const *more, struct text *out)
{
    struct text codec = {0};
    const char *arguments[8] = {NULL};
    size_t count = 1;
    emit_add_codec(&codec, type);
    arguments[0] = codec.ptr;
    for (; more[count - 1] != NULL; count++)
        arguments[count] = more[count - 1];
    emit_call(out, head, arguments, ";\n");
    text_addf(out, "    if (status != SPOKE_OK)\n        return %s(status);\n", plan->refuse);
    text_free(&codec);
}

/* --- properties --- */

static void emit_take(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_ack", .name = member->adapter};
    const bool scratch = plan_needs_scratch(member->type);
    const char *const reading[] = {"wanted->value", "&value", scratch ? "&scratch" : "NULL", "NULL", NULL};
    emit_argument(&s, "const spoke_property *wanted");
    emit_argument(&s, "void *user");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    if (scratch)
        emit_scratch(plan, out);
    text_addf(
        out,
        "    %s value;\n    if (spoke_json_type(wanted->value) == 'n')\n        return %s(wanted, NULL, user);\n",
        member->type->name, member->on);
    emit_reading(plan, "    const spoke_status status = spoke_codec_read", member->type, reading, out);
    text_addf(out, "    return %s(wanted, &value, user);\n}\n", member->on);
}

/* What every ..._ack_... goes through. */
static void emit_ack_one(const struct plan *plan, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_status", .name = plan->ack_one};
    emit_argument(&s, "spoke_client *client");
    emit_argument(&s, "const char *component");
    emit_argument(&s, "const char *name");
    emit_argument(&s, "const spoke_codec *codec");
    emit_argument(&s, "const void *value");
    emit_argument(&s, "int64_t version");
    emit_argument(&s, "spoke_ack ack");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    emit_scratch(plan, out);
    text_adds(out, "    spoke_str json;\n"
                   "    const spoke_status status = spoke_codec_text(codec, value, &scratch, &json);\n"
                   "    if (status != SPOKE_OK)\n        return status;\n"
                   "    return spoke_property_ack(client, component, name, json, version, ack);\n}\n");
}

static void emit_ack(const struct plan *plan, const struct plan_part *part, const struct plan_member *member,
                     struct text *out)
{
    struct text head = {0}, component = {0}, name = {0}, codec = {0}, value = {0};
    struct emit_signature signature = emit_later_signature(member);
    text_addf(&head, "    return %s", plan->ack_one);
    emit_add_codec(&codec, member->type);
    emit_add_name(&component, part->component);
    text_addf(&name, "\"%s\"", member->name);
    text_addf(&value, "%s%s", plan_by_pointer(member->type) ? "" : "&", member->argument);
    text_adds(out, "\n");
    emit_signature_end(&signature, out, "\n{\n");
    const char *ack[] = {"client", component.ptr, name.ptr, codec.ptr, value.ptr, "version", "ack", NULL};
    emit_call(out, head.ptr != NULL ? head.ptr : "", ack, ";\n");
    text_adds(out, "}\n");
    text_free(&head);
    text_free(&component);
    text_free(&name);
    text_free(&codec);
    text_free(&value);
}

/* --- commands --- */

static void emit_command_locals(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    if (member->type != NULL && plan_needs_scratch(member->type))
        emit_scratch(plan, out);
    if (member->type != NULL)
        text_addf(out, "    %s request;\n    bool given;\n", member->type->name);
    if (member->response != NULL)
        text_addf(out, "    %s response;\n", member->response->name);
    if (plan_may_answer_null(member))
        text_adds(out, "    bool null = false;\n");
}

static void emit_on_call(const struct plan_member *member, struct text *out)
{
    struct text head = {0};
    const char *arguments[6] = {"call", NULL};
    size_t count = 1;
    text_addf(&head, member->response != NULL ? "    const spoke_ack ack = %s" : "    return %s", member->on);
    if (member->type != NULL)
        arguments[count++] = plan_may_lack_request(member) ? "given ? &request : NULL" : "&request";
    if (member->response != NULL)
        arguments[count++] = "&response";
    if (plan_may_answer_null(member))
        arguments[count++] = "&null";
    arguments[count++] = "user";
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, ";\n");
    text_free(&head);
}

static void emit_request_reading(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    const char *const reading[] = {"call->payload",
                                   "call->offline",
                                   "&request",
                                   "&given",
                                   plan_needs_scratch(member->type) ? "&scratch" : "NULL",
                                   NULL};
    emit_reading(plan, "    const spoke_status status = spoke_codec_request", member->type, reading, out);
    /* The client lets none through either, unless it only warns: handlers need not look. */
    if (!plan_may_lack_request(member))
        text_addf(out, "    if (!given)\n        return %s(SPOKE_E_MODEL);\n", plan->refuse);
}

/* What every answer with a value goes through: now, and after spoke_defer(). */
static void emit_respond(const struct plan *plan, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_ack", .name = plan->respond};
    emit_argument(&s, "const spoke_command *call");
    emit_argument(&s, "spoke_ack ack");
    emit_argument(&s, "const spoke_codec *codec");
    emit_argument(&s, "const void *response");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    text_adds(out, "    if (ack.code >= 200 && ack.code < 300 && !call->offline)\n"
                   "        spoke_codec_write(codec, response, call->reply);\n    return ack;\n}\n");
}

static void emit_reply_one(const struct plan *plan, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_status", .name = plan->reply_one};
    emit_argument(&s, "spoke_client *client");
    emit_argument(&s, "uint32_t request");
    emit_argument(&s, "int code");
    emit_argument(&s, "const spoke_codec *codec");
    emit_argument(&s, "const void *response");
    emit_argument(&s, "bool nothing");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    emit_scratch(plan, out);
    text_adds(
        out,
        "    spoke_str json = spoke_str_from(NULL, 0);\n"
        "    const spoke_status status = nothing ? SPOKE_OK : spoke_codec_text(codec, response, &scratch, &json);\n"
        "    return status == SPOKE_OK ? spoke_command_reply(client, request, code, json) : status;\n}\n");
}

static void emit_response_writing(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    struct text head = {0}, codec = {0};
    text_addf(&head, "    return %s", plan->respond);
    emit_add_codec(&codec, member->response);
    const char *value = plan_may_answer_null(member) ? "null ? NULL : &response" : "&response";
    const char *arguments[] = {"call", "ack", codec.ptr, value, NULL};
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, ";\n");
    text_free(&head);
    text_free(&codec);
}

static void emit_call_adapter(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    struct emit_signature s = {.returns = "static spoke_ack", .name = member->adapter};
    emit_argument(&s, "const spoke_command *call");
    emit_argument(&s, "void *user");
    text_adds(out, "\n");
    emit_signature_end(&s, out, "\n{\n");
    emit_command_locals(plan, member, out);
    if (member->type != NULL)
        emit_request_reading(plan, member, out);
    if (member->response != NULL)
        text_adds(out, "    memset(&response, 0, sizeof response);\n");
    emit_on_call(member, out);
    if (member->response != NULL)
        emit_response_writing(plan, member, out);
    text_adds(out, "}\n");
}

static void emit_reply(const struct plan *plan, const struct plan_member *member, struct text *out)
{
    struct text head = {0}, codec = {0};
    struct emit_signature signature = emit_later_signature(member);
    text_adds(out, "\n");
    emit_signature_end(&signature, out, "\n{\n");
    if (member->response == NULL) {
        text_adds(out, "    return spoke_command_reply(client, request, code, spoke_str_from(NULL, 0));\n}\n");
        return;
    }
    text_addf(&head, "    return %s", plan->reply_one);
    emit_add_codec(&codec, member->response);
    const char *nothing =
        plan_may_answer_null(member) ? "response == NULL && (code < 200 || code > 299)" : "response == NULL";
    const char *arguments[] = {"client", "request", "code", codec.ptr, "response", nothing, NULL};
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, ";\n");
    text_adds(out, "}\n");
    text_free(&head);
    text_free(&codec);
}

/* --- all of them --- */

/* Of those with a handler. */
static bool any_member(const struct plan *plan, bool (*has)(const struct plan_member *member))
{
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            if (part->members[i].on != NULL && has(&part->members[i]))
                return true;
        }
    }
    return false;
}

static bool is_read(const struct plan_member *member)
{
    return member->type != NULL;
}

static bool is_acknowledged(const struct plan_member *member)
{
    return member->member == SPOKE_PROPERTY;
}

static bool is_answered(const struct plan_member *member)
{
    return member->member == SPOKE_COMMAND && member->response != NULL;
}

static void emit_shared(const struct plan *plan, struct text *out)
{
    if (any_member(plan, is_read))
        emit_refuse(plan, out);
    if (any_member(plan, is_acknowledged))
        emit_ack_one(plan, out);
    if (any_member(plan, is_answered)) {
        emit_respond(plan, out);
        emit_reply_one(plan, out);
    }
}

static void emit_handler_table(const struct plan *plan, struct text *out)
{
    struct emit_row *rows = emit_sorted_members(plan, out);
    text_addf(out, "\n/* clang-format off */\nconst spoke_handler %s[] = {\n", plan->handlers);
    for (size_t i = 0; rows != NULL && i < plan->member_count; i++) {
        const struct plan_member *member = rows[i].member;
        if (member->on == NULL)
            continue;
        text_adds(out, "    {");
        emit_add_name(out, rows[i].part->component);
        text_addf(out, ", \"%s\", ", member->name);
        text_addf(out, member->member == SPOKE_COMMAND ? "NULL, %s},\n" : "%s, NULL},\n", member->adapter);
    }
    text_adds(out, "};\n/* clang-format on */\n");
    free(rows);
}

void emit_adapters(const struct plan *plan, struct text *out)
{
    if (!plan->with_handlers || plan->handler_count == 0)
        return;
    emit_shared(plan, out);
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            const struct plan_member *member = &part->members[i];
            if (member->on == NULL)
                continue;
            if (member->member == SPOKE_COMMAND) {
                emit_call_adapter(plan, member, out);
                emit_reply(plan, member, out);
            } else {
                emit_take(plan, member, out);
                emit_ack(plan, part, member, out);
            }
        }
    }
    emit_handler_table(plan, out);
}
