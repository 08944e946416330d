#include "rest_filter.h"

#include <stdio.h>
#include <string.h>

/* Words of the program; what is below is the number of a test. */
enum { WORD_AND = 0xF0, WORD_OR, WORD_NOT, WORD_OPEN };

struct parser {
    spoke_str rest;
    const struct filter_field *fields;
    size_t count;
    struct filter *out;
    uint8_t waiting[FILTER_DEPTH * 2]; /* words that are still to be put out */
    size_t depth;
    char *why;
    size_t why_cap;
    spoke_status status;
};

static bool fail(struct parser *p, spoke_status status, const char *says, spoke_str at)
{
    if (p->status == SPOKE_OK)
        (void)snprintf(p->why, p->why_cap, "%s at \"%.*s\"", says, at.len > 30 ? 30 : (int)at.len,
                       at.len > 0 ? at.ptr : "");
    p->status = status;
    return false;
}

/* --- words --- */

static void skip_space(struct parser *p)
{
    while (p->rest.len > 0 && (p->rest.ptr[0] == ' ' || p->rest.ptr[0] == '\t'))
        p->rest = spoke_str_from(p->rest.ptr + 1, p->rest.len - 1);
}

static bool word_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
           ch == '$' || ch == '-' || ch == '@';
}

/* Letters, digits and the like; empty: something else comes. */
static spoke_str take_word(struct parser *p)
{
    size_t len = 0;
    skip_space(p);
    while (len < p->rest.len && word_char(p->rest.ptr[len]))
        len++;
    const spoke_str word = spoke_str_from(p->rest.ptr, len);
    p->rest = spoke_str_from(p->rest.ptr + len, p->rest.len - len);
    return word;
}

static bool take_char(struct parser *p, char wanted)
{
    skip_space(p);
    if (p->rest.len == 0 || p->rest.ptr[0] != wanted)
        return false;
    p->rest = spoke_str_from(p->rest.ptr + 1, p->rest.len - 1);
    return true;
}

static bool is(spoke_str word, const char *name)
{
    return spoke_str_equal_nocase(word, spoke_str_of(name));
}

/* 'text' with '' for a quote. The copy fits: it is never longer than what it is read from. */
static bool take_literal(struct parser *p, const char **out)
{
    struct filter *f = p->out;
    skip_space(p);
    const spoke_str from = p->rest;
    const char quote = from.len > 0 ? from.ptr[0] : '\0';
    if (quote != '\'' && quote != '"')
        return fail(p, SPOKE_E_ARG, "a text in quotes is wanted", from);
    *out = f->literals + f->literal_bytes;
    for (size_t i = 1; i < from.len; i++) {
        const bool doubled = from.ptr[i] == quote && i + 1 < from.len && from.ptr[i + 1] == quote;
        if (from.ptr[i] == quote && !doubled) {
            f->literals[f->literal_bytes++] = '\0';
            p->rest = spoke_str_from(from.ptr + i + 1, from.len - i - 1);
            return true;
        }
        f->literals[f->literal_bytes++] = from.ptr[i];
        i += doubled;
    }
    return fail(p, SPOKE_E_ARG, "the text does not end", from);
}

/* --- one comparison --- */

static bool take_field(struct parser *p, spoke_str word, struct filter_test *test)
{
    for (size_t i = 0; i < p->count; i++) {
        if (spoke_str_equal(word, spoke_str_of(p->fields[i].name))) {
            test->field = (unsigned)i;
            return true;
        }
    }
    return fail(p, SPOKE_E_ARG, "there is no such field", word.len > 0 ? word : p->rest);
}

static bool take_operator(struct parser *p, struct filter_test *test)
{
    static const char *const NAMES[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    const spoke_str word = take_word(p);
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (is(word, NAMES[i])) {
            test->operation = i;
            return true;
        }
    }
    return fail(p, SPOKE_E_ARG, "eq, ne, lt, le, gt or ge is wanted", word.len > 0 ? word : p->rest);
}

static bool equality(const struct filter_test *test)
{
    return test->operation == FILTER_EQ || test->operation == FILTER_NE;
}

static bool take_truth(struct parser *p, bool *out)
{
    const spoke_str word = take_word(p);
    *out = is(word, "true");
    return *out || is(word, "false") ||
           fail(p, SPOKE_E_ARG, "true or false is wanted", word.len > 0 ? word : p->rest);
}

static bool take_value(struct parser *p, struct filter_test *test)
{
    skip_space(p);
    const spoke_str from = p->rest;
    if (p->fields[test->field].truth) {
        test->kind = FILTER_TRUTH;
        return (equality(test) || fail(p, SPOKE_E_ARG, "eq or ne is wanted for true and false", from)) &&
               take_truth(p, &test->truth);
    }
    test->kind = FILTER_COMPARE;
    if (from.len == 0 || !word_char(from.ptr[0]))
        return take_literal(p, &test->text);
    test->kind = FILTER_NULL;
    return (is(take_word(p), "null") && equality(test)) ||
           fail(p, SPOKE_E_ARG, "a text in quotes is wanted", from);
}

static bool take_number(struct parser *p, int32_t *out)
{
    uint32_t value = 0;
    skip_space(p);
    const spoke_str from = p->rest;
    spoke_str word = take_word(p);
    const bool minus = word.len > 1 && word.ptr[0] == '-';
    if (minus)
        word = spoke_str_from(word.ptr + 1, word.len - 1);
    if (spoke_str_u32(word, &value) != SPOKE_OK || value > 100000)
        return fail(p, SPOKE_E_ARG, "a whole number is wanted", from);
    *out = minus ? -(int32_t)value : (int32_t)value;
    return true;
}

/* Behind the name of the function: (field,'text'). */
static bool take_arguments(struct parser *p, struct filter_test *test)
{
    if (!take_char(p, '('))
        return fail(p, SPOKE_E_ARG, "( is wanted", p->rest);
    if (!take_field(p, take_word(p), test))
        return false;
    if (p->fields[test->field].truth)
        return fail(p, SPOKE_E_ARG, "a field of text is wanted", p->rest);
    if (!take_char(p, ','))
        return fail(p, SPOKE_E_ARG, "a comma is wanted", p->rest);
    return take_literal(p, &test->text) && (take_char(p, ')') || fail(p, SPOKE_E_ARG, ") is wanted", p->rest));
}

/* contains(..) is indexof(..) ge 0; "eq true" may stand behind it, and "eq false" turns it around. */
static bool take_contains(struct parser *p, struct filter_test *test)
{
    bool truth = true;
    test->kind = FILTER_INDEXOF;
    test->operation = FILTER_GE;
    test->number = 0;
    if (!take_arguments(p, test))
        return false;
    const spoke_str rest = p->rest;
    if (is(take_word(p), "eq")) {
        if (!take_truth(p, &truth))
            return false;
        test->operation = truth ? FILTER_GE : FILTER_LT;
    } else {
        p->rest = rest;
    }
    return true;
}

static bool take_indexof(struct parser *p, struct filter_test *test)
{
    test->kind = FILTER_INDEXOF;
    return take_arguments(p, test) && take_operator(p, test) && take_number(p, &test->number);
}

static bool put(struct parser *p, uint8_t word)
{
    if (p->out->length == sizeof p->out->program)
        return fail(p, SPOKE_E_TOO_LARGE, "the filter is too long", p->rest);
    p->out->program[p->out->length++] = word;
    return true;
}

static bool take_test(struct parser *p, spoke_str word)
{
    struct filter *f = p->out;
    if (f->test_count == FILTER_TESTS)
        return fail(p, SPOKE_E_TOO_LARGE, "a filter has at most 20 comparisons; it goes on", word);
    struct filter_test *test = &f->tests[f->test_count];
    const bool good = is(word, "contains") ? take_contains(p, test)
                      : is(word, "indexof")
                          ? take_indexof(p, test)
                          : take_field(p, word, test) && take_operator(p, test) && take_value(p, test);
    return good && put(p, (uint8_t)f->test_count++);
}

/* --- what joins them: words wait until one comes that binds less --- */

static bool hold(struct parser *p, uint8_t word)
{
    if (p->depth == sizeof p->waiting)
        return fail(p, SPOKE_E_TOO_LARGE, "the filter is nested too deep", p->rest);
    p->waiting[p->depth++] = word;
    return true;
}

static unsigned binding(uint8_t word)
{
    return word == WORD_NOT ? 3 : word == WORD_AND ? 2 : word == WORD_OR ? 1 : 0;
}

static bool let_out(struct parser *p, unsigned at_least)
{
    while (p->depth > 0 && binding(p->waiting[p->depth - 1]) >= at_least)
        if (!put(p, p->waiting[--p->depth]))
            return false;
    return true;
}

static bool close_bracket(struct parser *p)
{
    if (!let_out(p, 1))
        return false;
    if (p->depth == 0)
        return fail(p, SPOKE_E_ARG, "there is no ( before", p->rest);
    p->depth--;
    return true;
}

/* A comparison, with what may stand before it and the brackets behind it. */
static bool take_operand(struct parser *p)
{
    for (;;) {
        if (take_char(p, '(')) {
            if (!hold(p, WORD_OPEN))
                return false;
            continue;
        }
        const spoke_str word = take_word(p);
        if (!is(word, "not")) {
            if (!take_test(p, word))
                return false;
            break;
        }
        if (!hold(p, WORD_NOT))
            return false;
    }
    while (take_char(p, ')'))
        if (!close_bracket(p))
            return false;
    return true;
}

static bool take_all(struct parser *p)
{
    for (;;) {
        if (!take_operand(p))
            return false;
        skip_space(p);
        if (p->rest.len == 0)
            break;
        const spoke_str word = take_word(p);
        const uint8_t joint = is(word, "and") ? WORD_AND : is(word, "or") ? WORD_OR : 0;
        if (joint == 0)
            return fail(p, SPOKE_E_ARG, "and, or, or the end is wanted", word.len > 0 ? word : p->rest);
        if (!let_out(p, binding(joint)) || !hold(p, joint))
            return false;
    }
    if (!let_out(p, 1))
        return false;
    return p->depth == 0 || fail(p, SPOKE_E_ARG, "a ) is missing", p->rest);
}

spoke_status filter_parse(spoke_str text, const struct filter_field *fields, size_t count, struct filter *out,
                          char *why, size_t why_cap)
{
    struct parser p = {.rest = text, .fields = fields, .count = count, .out = out, .why = why, .why_cap = why_cap};
    memset(out, 0, sizeof *out);
    if (text.len > FILTER_TEXT_CAP)
        (void)fail(&p, SPOKE_E_TOO_LARGE, "a filter has at most 1024 bytes; it begins", text);
    else
        (void)take_all(&p);
    return p.status;
}

/* --- running --- */

static bool holds(enum filter_operator operation, int order)
{
    switch (operation) {
    case FILTER_EQ:
        return order == 0;
    case FILTER_NE:
        return order != 0;
    case FILTER_LT:
        return order < 0;
    case FILTER_LE:
        return order <= 0;
    case FILTER_GT:
        return order > 0;
    case FILTER_GE:
        return order >= 0;
    }
    return false;
}

static int compare(spoke_str a, spoke_str b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int index_of(spoke_str text, spoke_str part)
{
    for (size_t i = 0; part.len <= text.len && i <= text.len - part.len; i++)
        if (part.len == 0 || memcmp(text.ptr + i, part.ptr, part.len) == 0)
            return (int)i;
    return -1;
}

static bool one_holds(const struct filter_test *test, const struct filter_value *value)
{
    switch (test->kind) {
    case FILTER_COMPARE:
        return holds(test->operation, compare(value->text, spoke_str_of(test->text)));
    case FILTER_INDEXOF:
        return holds(test->operation, index_of(value->text, spoke_str_of(test->text)) - test->number);
    case FILTER_TRUTH:
    case FILTER_NULL:
        break;
    }
    return false;
}

static bool test_holds(const struct filter_test *test, filter_value_fn value, void *ctx)
{
    struct filter_value one = {{NULL, 0}, false};
    const bool wants_all = test->kind == FILTER_COMPARE && test->operation == FILTER_NE;
    size_t index = 0;
    if (test->kind == FILTER_TRUTH)
        return value(ctx, test->field, 0, &one) && (one.truth == test->truth) == (test->operation == FILTER_EQ);
    if (test->kind == FILTER_NULL)
        return value(ctx, test->field, 0, &one) == (test->operation == FILTER_NE);
    for (; value(ctx, test->field, index, &one); index++)
        if (one_holds(test, &one) != wants_all)
            return !wants_all;
    if (index == 0 && test->kind == FILTER_INDEXOF)
        return holds(test->operation, -1 - test->number);
    return wants_all; /* also when there is none: it is not equal */
}

bool filter_matches(const struct filter *f, filter_value_fn value, void *ctx)
{
    bool stack[sizeof f->program] = {false};
    size_t depth = 0;
    for (size_t i = 0; i < f->length; i++) {
        const uint8_t word = f->program[i];
        if (word < FILTER_TESTS) {
            stack[depth++] = test_holds(&f->tests[word], value, ctx);
        } else if (word == WORD_NOT) {
            stack[depth - 1] = !stack[depth - 1];
        } else {
            depth--;
            stack[depth - 1] =
                word == WORD_AND ? stack[depth - 1] && stack[depth] : stack[depth - 1] || stack[depth];
        }
    }
    return depth == 1 && stack[0];
}
