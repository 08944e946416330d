#include "tools/emit_part.h"

#include <string.h>

/* --- comments --- */

/* Length of a UTF-8 sequence that a compiler warns about in comments, or that an editor breaks a line at: marks that
 * change the direction of text, separators of lines. */
static size_t direction_mark(const char *at)
{
    static const char *const marks[] = {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xab",
                                        "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6",
                                        "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xe2\x80\xa8",
                                        "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strncmp(at, marks[i], 3) == 0)
            return 3;
    }
    return 0;
}

/* A byte as it may stand in a comment: no backslash, which would join lines, and no control character. */
static char harmless(char c)
{
    if (c == '\\')
        return '/';
    return (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
}

static void add_harmless(struct text *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        const char before = out->len > 0 ? out->ptr[out->len - 1] : ' ', c = harmless(*at);
        const size_t mark = direction_mark(at);
        if (mark > 0) {
            at += mark - 1;
            continue;
        }
        if ((before == '*' && c == '/') || (before == '/' && c == '*') || (before == '?' && c == '?'))
            text_adds(out, " ");
        text_add(out, spoke_str_from(&c, 1));
    }
}

/* Columns, not bytes: what does not start a character is not counted. */
static size_t columns(spoke_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

void emit_comment(struct text *out, const char *indent, const char *text)
{
    struct text body = {0};
    add_harmless(&body, text);
    size_t column = strlen(indent) + 2;
    spoke_str rest = text_str(&body), word;
    text_addf(out, "%s/*", indent);
    while (rest.len > 0) {
        (void)spoke_str_cut(rest, ' ', &word, &rest);
        if (word.len == rest.len && word.ptr == rest.ptr)
            rest = spoke_str_from(NULL, 0);
        if (word.len == 0)
            continue;
        if (column + 1 + columns(word) + 3 > EMIT_COLUMNS && column > strlen(indent) + 3) {
            text_addf(out, "\n%s *", indent);
            column = strlen(indent) + 2;
        }
        text_addf(out, " %.*s", (int)word.len, word.ptr);
        column += 1 + columns(word);
    }
    text_adds(out, " */\n");
    out->failed = out->failed || body.failed;
    text_free(&body);
}

static void add_sentence(struct text *out, spoke_str text)
{
    while (text.len > 0 && (unsigned char)text.ptr[text.len - 1] <= ' ')
        text.len--;
    if (text.len == 0)
        return;
    const char last = text.ptr[text.len - 1];
    text_add(out, text);
    text_adds(out, last == '.' || last == '!' || last == '?' || last == ':' ? " " : ". ");
}

/* The next letter or digit from *at on, lower-case; NUL at the end. */
static char next_letter(spoke_str text, size_t *at)
{
    while (*at < text.len) {
        const char c = text.ptr[(*at)++];
        if (c != ' ' && c != '_' && c != '-' && c != '.')
            return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return '\0';
}

/* "Target temperature" and "targetTemperature". */
static bool says_the_same(spoke_str a, spoke_str b)
{
    size_t at_a = 0, at_b = 0;
    char c = ' ';
    while (c != '\0') {
        c = next_letter(a, &at_a);
        if (c != next_letter(b, &at_b))
            return false;
    }
    return true;
}

/* "From -40 to 85. ", "At least 1 characters. " */
static void add_limits(struct text *out, spoke_str low, spoke_str high, const char *of_what)
{
    if (low.len > 0 && high.len > 0)
        text_addf(out, "From %.*s to %.*s%s. ", (int)low.len, low.ptr, (int)high.len, high.ptr, of_what);
    else if (low.len > 0)
        text_addf(out, "At least %.*s%s. ", (int)low.len, low.ptr, of_what);
    else if (high.len > 0)
        text_addf(out, "At most %.*s%s. ", (int)high.len, high.ptr, of_what);
}

void emit_add_about(struct text *out, const struct dtdl_element *element)
{
    if (element == NULL)
        return;
    if (!says_the_same(element->display_name, element->name))
        add_sentence(out, element->display_name);
    if (!says_the_same(element->description, element->display_name))
        add_sentence(out, element->description);
    if (element->unit != NULL)
        text_addf(out, "Unit: %s. ", element->unit);
    if (element->extra != NULL) {
        add_limits(out, element->extra->minimum, element->extra->maximum, "");
        add_limits(out, element->extra->min_length, element->extra->max_length, " characters");
    }
}

/* --- calls --- */

/* Column at which the last line of the text ends. */
static size_t column_of(const struct text *text)
{
    size_t start = text->len;
    while (start > 0 && text->ptr[start - 1] != '\n')
        start--;
    return text->len - start;
}

/* Columns of the tail up to the end of its line. */
static size_t tail_width(const char *tail)
{
    return strcspn(tail, "\n");
}

/* Columns of the call on one line, from its head on. */
static size_t width_of(const char *head, const char *const *arguments, const char *tail)
{
    size_t width = strlen(head) + 2 + tail_width(tail);
    for (size_t i = 0; arguments[i] != NULL; i++)
        width += strlen(arguments[i]) + (i > 0 ? 2 : 0);
    return width;
}

/* Whether no argument is too long for a line that begins there. */
static bool fit_at(size_t column, const char *const *arguments, const char *tail)
{
    for (size_t i = 0; arguments[i] != NULL; i++) {
        const size_t end = arguments[i + 1] == NULL ? 1 + tail_width(tail) : 1;
        if (column + strlen(arguments[i]) + end > EMIT_COLUMNS)
            return false;
    }
    return true;
}

/* As many arguments on a line as there is room for. */
static void fill_arguments(struct text *out, size_t indent, const char *const *arguments, const char *tail)
{
    size_t column = indent;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        const bool last = arguments[i + 1] == NULL;
        const size_t needed = strlen(arguments[i]) + (last ? 1 + tail_width(tail) : 1);
        if (i > 0 && column + 1 + needed > EMIT_COLUMNS) {
            text_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (i > 0) {
            text_adds(out, " ");
            column++;
        }
        text_addf(out, "%s%s", arguments[i], last ? "" : ",");
        column += strlen(arguments[i]) + 1;
    }
    text_addf(out, ")%s", tail);
}

/* Of what clang-format weighs, the first that fits: one line; behind an "=" of the head on one line; aligned behind
 * the bracket; the same behind the "="; four columns in. */
void emit_call(struct text *out, const char *head, const char *const *arguments, const char *tail)
{
    const char *equals = strstr(head, " = ");
    const size_t margin = strspn(head, " ");
    const size_t aligned = strlen(head) + 1;
    bool broken = false;
    if (width_of(head, arguments, tail) > EMIT_COLUMNS && equals != NULL)
        broken = margin + 4 + width_of(equals + 3, arguments, tail) <= EMIT_COLUMNS ||
                 !fit_at(aligned, arguments, tail);
    if (broken)
        text_addf(out, "%.*s =\n%*s%s(", (int)(equals - head), head, (int)margin + 4, "", equals + 3);
    else
        text_addf(out, "%s(", head);
    const size_t column = column_of(out);
    if (fit_at(column, arguments, tail) || arguments[0] == NULL) {
        fill_arguments(out, column, arguments, tail);
        return;
    }
    const size_t inner = broken ? margin + 8 : margin + 4;
    text_addf(out, "\n%*s", (int)inner, "");
    fill_arguments(out, inner, arguments, tail);
}

/* --- signatures --- */

void emit_argument(struct emit_signature *signature, const char *format, ...)
{
    char text[1024]; /* types and names are bounded by the plan */
    va_list args;
    if (signature->count == EMIT_MAX_ARGUMENTS)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_adds(&signature->arguments[signature->count++], text);
}

void emit_value_argument(struct emit_signature *signature, const struct plan_type *type, const char *name)
{
    if (plan_by_pointer(type))
        emit_argument(signature, "const %s *%s", type->name, name);
    else
        emit_argument(signature, "%s %s", type->name, name);
}

void emit_signature_end(struct emit_signature *signature, struct text *out, const char *tail)
{
    const char *arguments[EMIT_MAX_ARGUMENTS + 1] = {NULL};
    struct text head = {0};
    for (size_t i = 0; i < signature->count; i++)
        arguments[i] = signature->arguments[i].ptr != NULL ? signature->arguments[i].ptr : "";
    const bool pointer = signature->returns[strlen(signature->returns) - 1] == '*';
    text_addf(&head, "%s%s%s", signature->returns, pointer ? "" : " ", signature->name);
    /* too long behind the bracket, but not with the return type on a line of its own */
    if (!fit_at(head.len + 1, arguments, tail) && fit_at(strlen(signature->name) + 1, arguments, tail)) {
        text_addf(out, "%s\n", signature->returns);
        head.len = 0;
        text_adds(&head, signature->name);
    }
    emit_call(out, head.ptr != NULL ? head.ptr : "", arguments, tail);
    text_free(&head);
    for (size_t i = 0; i < signature->count; i++)
        text_free(&signature->arguments[i]);
}

struct emit_signature emit_send_signature(const struct plan_member *member)
{
    struct emit_signature s = {.returns = "spoke_status", .name = member->send};
    emit_argument(&s, "spoke_client *client");
    emit_value_argument(&s, member->type, member->argument);
    return s;
}

struct emit_signature emit_batch_signature(const char *name, const struct plan_type *batch)
{
    struct emit_signature s = {.returns = "spoke_status", .name = name};
    emit_argument(&s, "spoke_client *client");
    emit_argument(&s, "const %s *values", batch->name);
    return s;
}

struct emit_signature emit_on_signature(const struct plan_member *member)
{
    struct emit_signature s = {.returns = "spoke_ack", .name = member->on};
    if (member->member == SPOKE_COMMAND) {
        emit_argument(&s, "const spoke_command *call");
        if (member->type != NULL)
            emit_argument(&s, "const %s *request", member->type->name);
        if (member->response != NULL)
            emit_argument(&s, "%s *response", member->response->name);
        if (plan_may_answer_null(member))
            emit_argument(&s, "bool *null");
    } else {
        emit_argument(&s, "const spoke_property *wanted");
        emit_argument(&s, "const %s *%s", member->type->name, member->argument);
    }
    emit_argument(&s, "void *user");
    return s;
}

struct emit_signature emit_later_signature(const struct plan_member *member)
{
    struct emit_signature s = {.returns = "spoke_status", .name = member->later};
    emit_argument(&s, "spoke_client *client");
    if (member->member == SPOKE_COMMAND) {
        emit_argument(&s, "uint32_t request");
        emit_argument(&s, "int code");
        if (member->response != NULL)
            emit_argument(&s, "const %s *response", member->response->name);
    } else {
        emit_value_argument(&s, member->type, member->argument);
        emit_argument(&s, "int64_t version");
        emit_argument(&s, "spoke_ack ack");
    }
    return s;
}

/* --- tables --- */

const char *emit_kind_name(const struct plan_type *type)
{
    static const char *const names[] = {"BOOLEAN",
                                        "BYTE",
                                        "SHORT",
                                        "INTEGER",
                                        "LONG",
                                        "UNSIGNED_BYTE",
                                        "UNSIGNED_SHORT",
                                        "UNSIGNED_INTEGER",
                                        "UNSIGNED_LONG",
                                        "FLOAT",
                                        "DOUBLE",
                                        "DECIMAL",
                                        "STRING",
                                        "DATE",
                                        "TIME",
                                        "DATE_TIME",
                                        "DURATION",
                                        "BYTES",
                                        "UUID",
                                        "ENUM_INTEGER",
                                        "ENUM_STRING",
                                        "ARRAY",
                                        "MAP",
                                        "OBJECT"};
    return names[type->kind];
}

void emit_add_codec(struct text *out, const struct plan_type *type)
{
    if (type->primitive != NULL)
        text_addf(out, "&spoke_codec_%s", type->primitive);
    else
        text_addf(out, "&%s", type->codec);
}

void emit_add_schema(struct text *out, const struct plan_type *type)
{
    if (type->primitive != NULL)
        text_addf(out, "&spoke_schema_%s", type->primitive);
    else
        text_addf(out, "&%s", type->schema);
}

void emit_add_name(struct text *out, const char *name)
{
    if (name == NULL)
        text_adds(out, "NULL");
    else
        text_add_literal(out, spoke_str_of(name));
}

void emit_add_value_text(struct text *out, const struct plan_value *value)
{
    if (value->text_name != NULL)
        text_adds(out, value->text_name);
    else
        text_add_literal(out, value->text);
}
