#include "tools/emit_part.h"

#include <stdlib.h>
#include <string.h>

/* The initial values of IoT Central's templates (co-type Initialized) as constants: of numbers, booleans, text and
 * enums. Other values have no constant in C. */

/* The literals of stdint's types, so that the value has the type of the function it is given to. */
static void add_whole(struct text *out, const struct plan_type *type, spoke_str json)
{
    int64_t number = 0;
    const int len = (int)json.len;
    const bool fits = spoke_json_int(json, &number) == SPOKE_OK;
    if (type->kind == SPOKE_SCHEMA_UNSIGNED_LONG)
        text_addf(out, "UINT64_C(%.*s)", len, json.ptr);
    else if (type->kind == SPOKE_SCHEMA_UNSIGNED_INTEGER)
        text_addf(out, "UINT32_C(%.*s)", len, json.ptr);
    else if (fits && number == INT64_MIN)
        text_adds(out, "INT64_MIN");
    else if (type->kind == SPOKE_SCHEMA_LONG)
        text_addf(out, "INT64_C(%lld)", (long long)number);
    else if (number == INT32_MIN)
        text_adds(out, "INT32_MIN");
    else
        text_addf(out, "%lld", (long long)number);
}

static void add_real(struct text *out, const struct plan_type *type, spoke_str json)
{
    double number = 0;
    char digits[40];
    if (spoke_json_double(json, &number) != SPOKE_OK)
        return;
    const bool narrow = type->kind == SPOKE_SCHEMA_FLOAT;
    snprintf(digits, sizeof digits, narrow ? "%.9g" : "%.17g", number);
    text_addf(out, "%s%s%s", digits, strpbrk(digits, ".e") == NULL ? ".0" : "", narrow ? "f" : "");
}

/* The text without its escapes, for the caller to free; NULL: no memory. */
static char *text_of(spoke_str json, spoke_str *text)
{
    char *memory = malloc(json.len + 1);
    spoke_buf buf = spoke_buf_from(memory, json.len);
    *text = spoke_str_from(NULL, 0);
    if (memory != NULL && spoke_json_text(json, &buf) == SPOKE_OK)
        *text = spoke_buf_str(&buf);
    return memory;
}

static void add_enum(struct text *out, const struct plan_type *type, spoke_str text, spoke_str json)
{
    int64_t number = 0;
    const bool whole = type->kind == SPOKE_SCHEMA_ENUM_INTEGER && spoke_json_int(json, &number) == SPOKE_OK;
    for (size_t i = 0; i < type->count; i++) {
        const struct plan_value *value = &type->values[i];
        if (whole ? value->number == number : spoke_str_equal(value->text, text)) {
            text_adds(out, value->constant);
            return;
        }
    }
}

static void add_text(struct text *out, const struct plan_type *type, spoke_str json)
{
    spoke_str text;
    char *memory = text_of(json, &text);
    if (memory == NULL)
        out->failed = true;
    else if (plan_is_enum(type))
        add_enum(out, type, text, json);
    else if (text.len <= TEXT_LITERAL_MAX) {
        text_adds(out, "SPOKE_STR(");
        text_add_literal(out, text);
        text_adds(out, ")");
    }
    free(memory);
}

static void add_value(struct text *out, const struct plan_type *type, spoke_str json)
{
    if (type->kind == SPOKE_SCHEMA_BOOLEAN)
        text_add(out, json);
    else if (type->kind <= SPOKE_SCHEMA_UNSIGNED_LONG)
        add_whole(out, type, json);
    else if (type->kind <= SPOKE_SCHEMA_DOUBLE)
        add_real(out, type, json);
    else if (plan_is_text(type) || plan_is_enum(type))
        add_text(out, type, json);
}

void emit_initial(const struct plan_member *member, struct text *out)
{
    struct text value = {0};
    if (member->initial == NULL)
        return;
    add_value(&value, member->type, member->element->extra->initial_value);
    if (value.len > 0)
        text_addf(out, "#define %s %s /* where the template starts */\n", member->initial, value.ptr);
    out->failed = out->failed || value.failed;
    text_free(&value);
}
