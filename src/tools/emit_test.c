#include "tools/emit_part.h"

#include <stdlib.h>

#include "tools/payload.h"

/* The test includes the source, so that it sees the static tables. It prints what did not come back. Several tests
 * may be included in one file: what they share is guarded. */

static const char shared_driver[] =
    "#ifndef SELF_TEST_SHARED\n"
    "#define SELF_TEST_SHARED\n"
    "static char self_test_text[262144];\n"
    "\n"
    "static int self_test_same(const char *name, spoke_status status, spoke_str got, const char *expected)\n"
    "{\n"
    "    if (status == SPOKE_OK && spoke_str_equal(got, spoke_str_of(expected)))\n"
    "        return 0;\n"
    "    printf(\"%s: %s: expected %s, got %.*s\\n\", name, spoke_status_name(status), expected, (int)got.len, got.ptr);\n"
    "    return 1;\n"
    "}\n"
    "#endif\n";

static const char case_driver[] =
    "\n"
    "#ifndef SELF_TEST_CASES\n"
    "#define SELF_TEST_CASES\n"
    "struct self_test_case {\n"
    "    const char *name;\n"
    "    const spoke_codec *codec;\n"
    "    const char *json;\n"
    "};\n"
    "\n"
    "static char self_test_values[262144];\n"
    "static uint64_t self_test_value[32768];\n"
    "\n"
    "static int self_test_run(const struct self_test_case *test)\n"
    "{\n"
    "    spoke_buf scratch = spoke_buf_from(self_test_values, sizeof self_test_values);\n"
    "    spoke_buf again = spoke_buf_from(self_test_text, sizeof self_test_text);\n"
    "    const spoke_str json = spoke_str_of(test->json);\n"
    "    spoke_str back = spoke_str_from(NULL, 0);\n"
    "    spoke_fault fault;\n"
    "    char why[160];\n"
    "    spoke_status status = spoke_codec_read(test->codec, json, self_test_value, &scratch, &fault);\n"
    "    if (status == SPOKE_E_MODEL)\n"
    "        printf(\"%s\\n\", spoke_fault_text(&fault, why, sizeof why));\n"
    "    if (status == SPOKE_OK)\n"
    "        status = spoke_codec_text(test->codec, self_test_value, &again, &back);\n"
    "    if (status == SPOKE_OK)\n"
    "        status = spoke_schema_check(test->codec->schema, back, NULL);\n"
    "    return self_test_same(test->name, status, back, test->json);\n"
    "}\n"
    "#endif\n";

struct cases {
    const char *prefix;
    struct text rows;    /* of the table */
    struct text strings; /* definitions of payloads that are too long for a literal */
    size_t count;
};

/* The name of a const char array, or a literal. */
static void add_json(struct cases *cases, const struct text *json, struct text *out)
{
    if (json->len <= TEXT_LITERAL_MAX) {
        text_add_literal(out, text_str(json));
        return;
    }
    const size_t id = cases->strings.len;
    text_addf(&cases->strings, "static const char %s_self_test_json_%zu[] = ", cases->prefix, id);
    text_add_characters(&cases->strings, text_str(json));
    text_adds(&cases->strings, ";\n");
    text_addf(out, "%s_self_test_json_%zu", cases->prefix, id);
}

static void add_case(struct cases *cases, const char *name, const struct plan_type *type,
                     const spoke_schema *schema)
{
    for (int flavour = PAYLOAD_PLAIN; flavour <= PAYLOAD_SPARSE; flavour++) {
        struct text json = {0};
        if (schema != NULL && payload_write(schema, (enum payload_flavour)flavour, &json)) {
            text_addf(&cases->rows, "    {\"%s\", ", name);
            emit_add_codec(&cases->rows, type);
            text_adds(&cases->rows, ", ");
            add_json(cases, &json, &cases->rows);
            text_adds(&cases->rows, "},\n");
            cases->count++;
        }
        text_free(&json);
    }
}

static const spoke_member *compiled(const struct plan *plan, const struct plan_part *part,
                                    const struct plan_member *member)
{
    return spoke_model_member(plan->table, spoke_str_of(part->component), spoke_str_of(member->name));
}

static void add_cases(const struct plan *plan, struct cases *cases)
{
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            const struct plan_member *member = &part->members[i];
            const spoke_member *row = compiled(plan, part, member);
            if (member->type != NULL && row != NULL)
                add_case(cases, member->name, member->type, row->schema);
            if (member->response != NULL && row != NULL)
                add_case(cases, member->name, member->response, row->response);
        }
    }
}

/* --- handlers --- */

/* The body answers a command with the sample of its response. */
static void emit_sample_response(const struct plan_member *member, const struct text *json, struct text *out)
{
    text_adds(out, "    static char kept[65536];\n"
                   "    spoke_buf scratch = spoke_buf_from(kept, sizeof kept);\n"
                   "    if (spoke_codec_read(");
    emit_add_codec(out, member->response);
    text_adds(out, ", spoke_str_of(");
    text_add_literal(out, text_str(json));
    text_adds(out, "), response, &scratch, NULL) != SPOKE_OK)\n        return spoke_reject(500, NULL);\n");
}

static void emit_stub(const struct plan *plan, const struct plan_part *part, const struct plan_member *member,
                      struct text *out)
{
    struct emit_signature signature = emit_on_signature(member);
    struct text json = {0};
    const spoke_member *row = compiled(plan, part, member);
    const bool responds = member->member == SPOKE_COMMAND && member->response != NULL;
    text_adds(out, "\n");
    emit_signature_end(&signature, out, "\n{\n    (void)user;\n");
    if (member->member == SPOKE_PROPERTY)
        text_addf(out, "    (void)wanted;\n    (void)%s;\n", member->argument);
    else
        text_addf(out, "    (void)call;\n%s", member->type != NULL ? "    (void)request;\n" : "");
    text_adds(out, plan_may_answer_null(member) ? "    (void)null;\n" : "");
    if (responds && row != NULL && payload_write(row->response, PAYLOAD_PLAIN, &json) &&
        json.len <= TEXT_LITERAL_MAX)
        emit_sample_response(member, &json, out);
    else if (responds)
        text_adds(out, "    (void)response;\n");
    text_adds(out, "    return spoke_accept();\n}\n");
    text_free(&json);
}

static void emit_handler_call(const struct plan *plan, const struct plan_part *part,
                              const struct plan_member *member, size_t index, struct text *out)
{
    struct text request = {0}, response = {0};
    const spoke_member *row = compiled(plan, part, member);
    if (row == NULL)
        return;
    const bool given = row->schema == NULL || payload_write(row->schema, PAYLOAD_PLAIN, &request);
    const bool answered = row->response == NULL || payload_write(row->response, PAYLOAD_PLAIN, &response);
    if (given && answered && request.len <= TEXT_LITERAL_MAX && response.len <= TEXT_LITERAL_MAX) {
        text_addf(out, "    failures += self_test_handler(&%s[%zu], ", plan->handlers, index);
        text_add_literal(out, text_str(&request));
        text_adds(out, ", ");
        text_add_literal(out, text_str(&response));
        text_adds(out, ");\n");
    }
    text_free(&request);
    text_free(&response);
}

static const char handler_driver[] =
    "\n"
    "#ifndef SELF_TEST_HANDLER\n"
    "#define SELF_TEST_HANDLER\n"
    "static int self_test_handler(const spoke_handler *handler, const char *json, const char *expected)\n"
    "{\n"
    "    spoke_writer reply;\n"
    "    spoke_str text = spoke_str_from(NULL, 0);\n"
    "    spoke_ack ack = spoke_accept();\n"
    "    spoke_writer_init(&reply, self_test_text, sizeof self_test_text);\n"
    "    if (handler->command != NULL) {\n"
    "        const spoke_command call = {NULL, spoke_str_of(handler->component), spoke_str_of(handler->name),\n"
    "                                    spoke_str_of(json), 1, false, &reply};\n"
    "        ack = handler->command(&call, NULL);\n"
    "    } else {\n"
    "        const spoke_property wanted = {NULL, spoke_str_of(handler->component), spoke_str_of(handler->name),\n"
    "                                       spoke_str_of(json), 1, false};\n"
    "        ack = handler->property(&wanted, NULL);\n"
    "    }\n"
    "    const spoke_status status = spoke_writer_finish(&reply, &text);\n"
    "    if (ack.code != 200)\n"
    "        printf(\"%s: %d\\n\", handler->name, ack.code);\n"
    "    return self_test_same(handler->name, status, text, expected) + (ack.code != 200);\n"
    "}\n"
    "#endif\n";

static bool has_handlers(const struct plan *plan)
{
    return plan->with_handlers && plan->handler_count > 0;
}

static void emit_handler_tests(const struct plan *plan, struct text *out, struct text *calls)
{
    size_t index = 0;
    if (!has_handlers(plan))
        return;
    struct emit_row *rows = emit_sorted_members(plan, out);
    for (size_t i = 0; rows != NULL && i < plan->member_count; i++) {
        if (rows[i].member->on == NULL)
            continue;
        emit_stub(plan, rows[i].part, rows[i].member, out);
        emit_handler_call(plan, rows[i].part, rows[i].member, index++, calls);
    }
    free(rows);
    if (calls->len > 0)
        text_adds(out, handler_driver);
    else
        text_adds(calls, "    (void)self_test_same;\n    (void)self_test_text;\n");
}

/* That they compile as what they are the initial values of. */
static void emit_initials(const struct plan *plan, struct text *calls)
{
    for (const struct plan_part *part = plan->parts; part != NULL; part = part->next) {
        for (size_t i = 0; i < part->count; i++) {
            const struct plan_member *member = &part->members[i];
            if (member->initial != NULL && !plan_by_pointer(member->type))
                text_addf(
                    calls,
                    "#ifdef %s\n    {\n        const %s initial = %s;\n        (void)initial;\n    }\n#endif\n",
                    member->initial, member->type->name, member->initial);
        }
    }
}

void emit_self_test(const struct plan *plan, struct text *out)
{
    struct cases cases = {plan->prefix, {0}, {0}, 0};
    struct text calls = {0};
    text_addf(out,
              "/* Tries what spoke-model wrote: a test, not a part of a program. */\n#define %s 65536\n"
              "#include \"%s_model.c\"\n\n",
              plan->scratch_bytes, plan->prefix);
    text_addf(out, "#include <stdio.h>\n\nint %s_self_test(void);\n\n", plan->prefix);
    add_cases(plan, &cases);
    if (cases.count > 0 || has_handlers(plan))
        text_adds(out, shared_driver);
    if (cases.count > 0) {
        text_adds(out, case_driver);
        text_addf(out, "\n%sstatic const struct self_test_case %s_self_test_cases[] = {\n%s};\n",
                  cases.strings.len > 0 ? cases.strings.ptr : "", plan->prefix, cases.rows.ptr);
    }
    emit_handler_tests(plan, out, &calls);
    emit_initials(plan, &calls);
    text_addf(out, "\nint %s_self_test(void)\n{\n    int failures = spoke_model_valid(&%s) ? 0 : 1;\n",
              plan->prefix, plan->model);
    if (cases.count > 0)
        text_addf(
            out,
            "    for (size_t i = 0; i < %zu; i++)\n        failures += self_test_run(&%s_self_test_cases[i]);\n",
            cases.count, plan->prefix);
    text_addf(out, "%s    return failures;\n}\n", calls.len > 0 ? calls.ptr : "");
    text_addf(
        out,
        "\n#ifndef SELF_TEST_WITHOUT_MAIN\nint main(void)\n{\n    return %s_self_test() == 0 ? 0 : 1;\n}\n#endif\n",
        plan->prefix);
    text_free(&cases.rows);
    text_free(&cases.strings);
    text_free(&calls);
}
