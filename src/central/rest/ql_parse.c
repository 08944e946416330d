/* Query language: tokens to the flat form of ql.h. Conditions go through two stacks of fixed size. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"
#include "ql.h"

#define MAX_STACK 64u /* operators that wait: ANDs, ORs, NOTs and parentheses */
#define TS_EXAMPLE "'2026-03-04T05:06:07Z'"

struct parser {
    struct ql_query *q;
    enum ql_kind kind;
    struct ql_fault *fault;
    struct ql_token token; /* the one to look at */
    size_t at;             /* behind it */
    size_t pool;           /* of q->text: where the next literal's text goes */
    size_t conditions;
};

/* --- faults --- */

/* A name from outside may be long: a part of it says enough. */
static int shown(spoke_str text)
{
    return text.len > 40 ? 40 : (int)text.len;
}

static size_t characters(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xc0u) != 0x80u;
    return count;
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static bool
wrong_at(struct parser *p, size_t at, const char *format, ...)
{
    va_list args;
    p->fault->position = characters(p->q->text, at) + 1;
    va_start(args, format);
    (void)vsnprintf(p->fault->message, sizeof p->fault->message, format, args);
    va_end(args);
    return false;
}

static size_t token_at(const struct parser *p)
{
    return p->token.text.ptr != NULL ? (size_t)(p->token.text.ptr - p->q->text) : p->q->text_len;
}

static bool wanted(struct parser *p, const char *what)
{
    const spoke_str text = p->token.text;
    if (p->token.kind == QL_TOKEN_END)
        return wrong_at(p, p->q->text_len, "the text ends where %s is wanted", what);
    if (p->token.kind == QL_TOKEN_BAD && (text.ptr[0] == '\'' || text.ptr[0] == '"'))
        return wrong_at(p, token_at(p), "a string begins here and does not end; close it with %c", text.ptr[0]);
    return wrong_at(p, token_at(p), "%s is wanted here, not '%.*s'", what, shown(text), text.ptr);
}

/* --- tokens --- */

static void advance(struct parser *p)
{
    p->token = ql_token_next(spoke_str_from(p->q->text, p->q->text_len), &p->at);
}

static bool is(const struct parser *p, const char *word)
{
    return ql_token_is(&p->token, word);
}

static bool take(struct parser *p, const char *word)
{
    if (!is(p, word))
        return false;
    advance(p);
    return true;
}

static bool expect(struct parser *p, const char *word)
{
    return take(p, word) || wanted(p, word);
}

static bool is_keyword(const struct parser *p)
{
    static const char *const WORDS[] = {"FROM", "WHERE", "GROUP", "ORDER", "AND", "OR", "NOT", "IN", "AS"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (is(p, WORDS[i]))
            return true;
    return false;
}

/* --- names --- */

static bool system_name(spoke_str text, enum ql_name *out)
{
    static const char *const NAMES[] = {[QL_FIELD] = "",
                                        [QL_ID] = "$id",
                                        [QL_TS] = "$ts",
                                        [QL_DISPLAY_NAME] = "$displayName",
                                        [QL_TEMPLATE] = "$template",
                                        [QL_ENABLED] = "$enabled",
                                        [QL_PROVISIONED] = "$provisioned",
                                        [QL_SIMULATED] = "$simulated",
                                        [QL_ORGANIZATIONS] = "$organizations"};
    for (size_t i = 1; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (spoke_str_equal(spoke_str_of(NAMES[i]), text)) {
            *out = (enum ql_name)i;
            return true;
        }
    }
    return false;
}

/* In a query: what its rows have. In a filter: what devices have. */
static bool system_offered(const struct parser *p, enum ql_name name)
{
    const bool row = name == QL_ID || name == QL_TS || name == QL_PROVISIONED || name == QL_SIMULATED;
    return p->kind == QL_KIND_QUERY ? row : name != QL_TS;
}

static bool check_segments(struct parser *p, spoke_str text)
{
    size_t dots = 0;
    bool empty = text.len == 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '.')
            continue;
        dots++;
        empty = empty || i == 0 || i + 1 == text.len || text.ptr[i + 1] == '.';
    }
    if (empty)
        return wrong_at(p, token_at(p), "a name between dots is missing in '%.*s'", shown(text), text.ptr);
    return dots < QL_MAX_SEGMENTS ||
           wrong_at(p, token_at(p), "a name has at most %d parts between dots", QL_MAX_SEGMENTS);
}

static bool parse_path(struct parser *p, struct ql_path *out)
{
    *out = (struct ql_path){.name = QL_FIELD, .text = p->token.text, .at = token_at(p)};
    if (p->token.kind == QL_TOKEN_SYSTEM) {
        if (!system_name(p->token.text, &out->name) || !system_offered(p, out->name))
            return wanted(p, p->kind == QL_KIND_QUERY ? "a name, or $id, $ts, $provisioned or $simulated,"
                                                      : "a name, or $id, $displayName, $template, $enabled, "
                                                        "$provisioned, $simulated or $organizations,");
    } else if (p->token.kind != QL_TOKEN_WORD || is_keyword(p)) {
        return wanted(p, "a name");
    } else if (!check_segments(p, p->token.text)) {
        return false;
    }
    advance(p);
    return true;
}

static const struct ql_item *item_of_alias(const struct ql_query *q, const struct ql_path *path)
{
    for (size_t i = 0; path->name == QL_FIELD && i < q->item_count; i++)
        if (q->items[i].alias.len > 0 && spoke_str_equal(q->items[i].alias, path->text))
            return &q->items[i];
    return NULL;
}

/* --- SELECT --- */

static bool aggregate_of(const struct parser *p, enum ql_aggregate *out)
{
    static const char *const NAMES[] = {
        [QL_SUM] = "SUM", [QL_MAX] = "MAX",     [QL_MIN] = "MIN",  [QL_COUNT] = "COUNT",
        [QL_AVG] = "AVG", [QL_FIRST] = "FIRST", [QL_LAST] = "LAST"};
    for (size_t i = QL_SUM; i <= QL_LAST; i++) {
        if (is(p, NAMES[i])) {
            *out = (enum ql_aggregate)i;
            return true;
        }
    }
    return false;
}

/* A name that is followed by '(' is a function. */
static bool opens(const struct parser *p)
{
    size_t at = p->at;
    const struct ql_token next = ql_token_next(spoke_str_from(p->q->text, p->q->text_len), &at);
    return ql_token_is(&next, "(");
}

static bool parse_alias(struct parser *p, struct ql_item *item)
{
    const struct ql_query *q = p->q;
    if (!take(p, "AS"))
        return true;
    if (p->token.kind != QL_TOKEN_WORD || is_keyword(p) ||
        memchr(p->token.text.ptr, '.', p->token.text.len) != NULL)
        return wanted(p, "an alias (letters, digits and '_')");
    for (size_t i = 0; i < q->item_count; i++)
        if (spoke_str_equal(q->items[i].alias, p->token.text) ||
            spoke_str_equal(q->items[i].path.text, p->token.text))
            return wrong_at(p, token_at(p), "the alias '%.*s' is the name of another item; choose another",
                            shown(p->token.text), p->token.text.ptr);
    item->alias = p->token.text;
    advance(p);
    return true;
}

static bool item_named(const struct ql_item *item, spoke_str text)
{
    static const char *const PREFIX[] = {
        [QL_PLAIN] = "",       [QL_SUM] = "sum_", [QL_MAX] = "max_",     [QL_MIN] = "min_",
        [QL_COUNT] = "count_", [QL_AVG] = "avg_", [QL_FIRST] = "first_", [QL_LAST] = "last_"};
    const spoke_str prefix = spoke_str_of(PREFIX[item->aggregate]);
    if (item->alias.len > 0)
        return spoke_str_equal(item->alias, text);
    return spoke_str_starts(text, prefix) &&
           spoke_str_equal(spoke_str_from(text.ptr + prefix.len, text.len - prefix.len), item->path.text);
}

/* Of two items without an alias the prefixes differ already when the aggregates do. */
static bool same_name(const struct ql_item *a, const struct ql_item *b)
{
    if (a->alias.len > 0)
        return item_named(b, a->alias);
    return b->alias.len > 0 ? item_named(a, b->alias)
                            : a->aggregate == b->aggregate && spoke_str_equal(a->path.text, b->path.text);
}

/* A row is an object: two of one name would be there, and readers keep one of them. */
static bool check_name(struct parser *p, const struct ql_item *item)
{
    for (size_t i = 0; i < p->q->item_count; i++)
        if (same_name(&p->q->items[i], item))
            return wrong_at(p, item->path.at, "two items would have one name; give '%.*s' another with AS",
                            shown(item->path.text), item->path.text.ptr);
    return true;
}

static bool parse_item(struct parser *p)
{
    struct ql_item item = {.aggregate = QL_PLAIN};
    if (is(p, "*"))
        return wrong_at(p, token_at(p), "a query names what it selects; * is not allowed here");
    if (p->q->item_count == QL_MAX_ITEMS)
        return wrong_at(p, token_at(p), "a query selects at most %d items", QL_MAX_ITEMS);
    if (opens(p) && p->token.kind == QL_TOKEN_WORD) {
        if (!aggregate_of(p, &item.aggregate))
            return wanted(p, "SUM, MAX, MIN, COUNT, AVG, FIRST or LAST");
        advance(p);
        if (!expect(p, "(") || !parse_path(p, &item.path) || !expect(p, ")"))
            return false;
        if (item.path.name != QL_FIELD)
            return wrong_at(p, item.path.at, "an aggregate is of telemetry, not of %.*s", (int)item.path.text.len,
                            item.path.text.ptr);
    } else if (!parse_path(p, &item.path)) {
        return false;
    }
    if (!parse_alias(p, &item) || !check_name(p, &item))
        return false;
    p->q->items[p->q->item_count++] = item;
    return true;
}

static bool parse_top(struct parser *p)
{
    if (!take(p, "TOP"))
        return true;
    if (p->token.kind != QL_TOKEN_NUMBER || spoke_str_u32(p->token.text, &p->q->top) != SPOKE_OK || p->q->top == 0)
        return wanted(p, "a whole number from 1 on");
    advance(p);
    return true;
}

static bool parse_select(struct parser *p)
{
    if (!expect(p, "SELECT"))
        return false;
    if (p->kind == QL_KIND_FILTER)
        return expect(p, "*");
    if (!parse_top(p) || !parse_item(p))
        return false;
    while (take(p, ","))
        if (!parse_item(p))
            return false;
    return true;
}

/* --- FROM --- */

static bool parse_from(struct parser *p)
{
    if (!is(p, "FROM"))
        return wanted(p, p->q->item_count > 0 ? "',' or FROM" : "FROM");
    advance(p);
    const bool devices = p->kind == QL_KIND_FILTER && is(p, "devices");
    if (is(p, "devices") && !devices)
        return wrong_at(p, token_at(p), "a query is of one device template: FROM dtmi:...;1");
    if (p->token.kind != QL_TOKEN_DTMI && !devices)
        return wanted(p, p->kind == QL_KIND_QUERY ? "the id of a device template (dtmi:...;1)"
                                                  : "devices or the id of a device template (dtmi:...;1)");
    p->q->source = p->token.text;
    advance(p);
    return !is(p, ",") || wrong_at(p, token_at(p), "one device template is allowed, no list");
}

/* --- WHERE --- */

static bool add_node(struct parser *p, const struct ql_node *node)
{
    if (p->q->node_count == QL_MAX_NODES)
        return wrong_at(p, token_at(p), "there are too many conditions");
    p->q->nodes[p->q->node_count++] = *node;
    return true;
}

/* The text between the quotes, which becomes part of the pool. */
static spoke_str unquote(struct parser *p, spoke_str quoted)
{
    char *out = p->q->text + p->pool;
    size_t len = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        out[len++] = quoted.ptr[i];
        if (quoted.ptr[i] == quoted.ptr[0])
            i++;
    }
    p->pool += len;
    return spoke_str_from(out, len);
}

static bool parse_literal(struct parser *p)
{
    struct ql_value value = {.type = QL_NONE};
    if (p->q->literal_count == QL_MAX_LITERALS)
        return wrong_at(p, token_at(p), "there are more than %d values", QL_MAX_LITERALS);
    if (p->token.kind == QL_TOKEN_STRING) {
        value.type = QL_TEXT;
        value.text = unquote(p, p->token.text);
    } else if (p->token.kind == QL_TOKEN_NUMBER) {
        value.type = QL_NUMBER;
        if (spoke_json_double(p->token.text, &value.number) != SPOKE_OK)
            return wanted(p, "a number such as 10, -2.5 or 1e3");
    } else if (is(p, "true") || is(p, "false")) {
        value.type = QL_BOOL;
        value.truth = is(p, "true");
    } else {
        return wanted(p, "a number, a string in quotes, true or false");
    }
    p->q->literals[p->q->literal_count++] = value;
    advance(p);
    return true;
}

static bool comparison(const struct parser *p, enum ql_op *op)
{
    static const struct {
        const char *sign;
        enum ql_op op;
    } SIGNS[] = {{"=", QL_EQUAL},       {"!=", QL_NOT_EQUAL}, {"<>", QL_NOT_EQUAL},    {"<", QL_LESS},
                 {"<=", QL_LESS_EQUAL}, {">", QL_GREATER},    {">=", QL_GREATER_EQUAL}};
    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        if (is(p, SIGNS[i].sign)) {
            *op = SIGNS[i].op;
            return true;
        }
    }
    return false;
}

static enum ql_op mirrored(enum ql_op op)
{
    switch ((int)op) {
    case QL_LESS:
        return QL_GREATER;
    case QL_LESS_EQUAL:
        return QL_GREATER_EQUAL;
    case QL_GREATER:
        return QL_LESS;
    case QL_GREATER_EQUAL:
        return QL_LESS_EQUAL;
    default:
        return op;
    }
}

/* A time is compared as a number of milliseconds. */
static bool settle_literals(struct parser *p, const struct ql_node *node)
{
    for (size_t i = node->first; i < node->first + node->count; i++) {
        struct ql_value *value = &p->q->literals[i];
        int64_t ms = 0;
        if (value->type == QL_BOOL && node->op != QL_EQUAL && node->op != QL_NOT_EQUAL)
            return wrong_at(p, node->path.at, "true and false can only be compared with = and !=");
        if (node->path.name != QL_TS)
            continue;
        if (value->type != QL_TEXT || iso8601_parse(value->text, &ms) != SPOKE_OK)
            return wrong_at(p, node->path.at, "$ts is compared with a time such as %s", TS_EXAMPLE);
        *value = (struct ql_value){.type = QL_NUMBER, .number = (double)ms};
    }
    return true;
}

static bool parse_list(struct parser *p, struct ql_node *node)
{
    if (!expect(p, "["))
        return false;
    do {
        if (!parse_literal(p))
            return false;
        node->count++;
    } while (take(p, ","));
    return expect(p, "]");
}

/* Behind the operand on the left. */
static bool parse_rest(struct parser *p, struct ql_node *node)
{
    const bool negated = is(p, "NOT");
    if (negated)
        advance(p);
    if (take(p, "IN")) {
        node->op = negated ? QL_NOT_IN : QL_IN;
        return parse_list(p, node);
    }
    if (negated || !comparison(p, &node->op))
        return wanted(p, negated ? "IN" : "=, !=, <, <=, >, >= or IN");
    advance(p);
    node->count = 1;
    return parse_literal(p);
}

/* 10 < flow */
static bool parse_turned(struct parser *p, struct ql_node *node)
{
    if (!parse_literal(p))
        return false;
    if (!comparison(p, &node->op))
        return wanted(p, "=, !=, <, <=, > or >=");
    advance(p);
    node->op = mirrored(node->op);
    node->count = 1;
    return parse_path(p, &node->path);
}

static bool read_span(spoke_str text, struct ql_window *out)
{
    spoke_str from, to = {NULL, 0};
    *out = (struct ql_window){0};
    if (ql_duration(text, &out->length_ms))
        return true;
    out->length_ms = 0;
    if (!spoke_str_cut(text, '/', &from, &to) || iso8601_parse(from, &out->from_ms) != SPOKE_OK)
        return false;
    int64_t length = 0;
    if (ql_duration(to, &length))
        out->to_ms = out->from_ms + length;
    else if (iso8601_parse(to, &out->to_ms) != SPOKE_OK)
        return false;
    return out->from_ms <= out->to_ms;
}

static bool parse_window(struct parser *p, struct ql_node *node)
{
    const bool quoted = p->token.kind == QL_TOKEN_STRING;
    const spoke_str text = quoted ? spoke_str_from(p->token.text.ptr + 1, p->token.text.len - 2) : p->token.text;
    if (p->kind != QL_KIND_QUERY)
        return wrong_at(p, token_at(p), "WITHIN_WINDOW is for queries of telemetry");
    if (p->q->windowed)
        return wrong_at(p, token_at(p), "WITHIN_WINDOW can be there once");
    if ((!quoted && p->token.kind != QL_TOKEN_WORD) || !read_span(text, &p->q->window))
        return wanted(p, "a duration such as P1D or PT10M, or 'from/to' with two times such as " TS_EXAMPLE ",");
    node->path = (struct ql_path){.name = QL_TS, .text = p->token.text, .at = token_at(p)};
    p->q->windowed = true;
    advance(p);
    return true;
}

static bool parse_function(struct parser *p, struct ql_node *node)
{
    static const struct {
        const char *name;
        enum ql_op op;
    } NAMES[] = {{"WITHIN_WINDOW", QL_WITHIN_WINDOW},
                 {"CONTAINS", QL_CONTAINS},
                 {"STARTSWITH", QL_STARTS_WITH},
                 {"EXISTS", QL_EXISTS}};
    size_t i = 0;
    while (i < sizeof NAMES / sizeof NAMES[0] && !is(p, NAMES[i].name))
        i++;
    if (i == sizeof NAMES / sizeof NAMES[0])
        return wanted(p, "WITHIN_WINDOW, CONTAINS, STARTSWITH or EXISTS");
    node->op = NAMES[i].op;
    advance(p);
    advance(p); /* '(' */
    if (node->op == QL_WITHIN_WINDOW)
        return parse_window(p, node) && expect(p, ")");
    if (!parse_path(p, &node->path))
        return false;
    if (node->op == QL_EXISTS)
        return expect(p, ")");
    if (!expect(p, ","))
        return false;
    if (p->token.kind != QL_TOKEN_STRING)
        return wanted(p, "a string in quotes");
    node->count = 1;
    return parse_literal(p) && expect(p, ")");
}

static bool settle_alias(struct parser *p, struct ql_node *node)
{
    const struct ql_item *item = item_of_alias(p->q, &node->path);
    if (item == NULL)
        return true;
    if (item->aggregate != QL_PLAIN)
        return wrong_at(p, node->path.at, "an aggregate cannot stand in WHERE");
    node->path.name = item->path.name;
    node->path.text = item->path.text;
    return true;
}

static bool parse_condition(struct parser *p)
{
    const size_t most = p->kind == QL_KIND_QUERY ? QL_QUERY_CONDITIONS : QL_FILTER_CONDITIONS;
    struct ql_node node = {.first = p->q->literal_count};
    bool good;
    if (p->conditions++ == most)
        return wrong_at(p, token_at(p), "there are more than %zu conditions", most);
    if (p->token.kind == QL_TOKEN_WORD && opens(p) && !is_keyword(p))
        good = parse_function(p, &node);
    else if (p->token.kind == QL_TOKEN_STRING || p->token.kind == QL_TOKEN_NUMBER || is(p, "true") ||
             is(p, "false"))
        good = parse_turned(p, &node);
    else
        good = parse_path(p, &node.path) && parse_rest(p, &node);
    return good && (node.op == QL_WITHIN_WINDOW || (settle_alias(p, &node) && settle_literals(p, &node))) &&
           add_node(p, &node);
}

/* --- AND, OR, NOT and parentheses --- */

enum waiting { WAITING_PAREN, WAITING_OR, WAITING_AND, WAITING_NOT }; /* in order of precedence */

struct stack {
    enum waiting of[MAX_STACK];
    size_t count, parens;
};

static bool push(struct parser *p, struct stack *s, enum waiting what)
{
    s->parens += what == WAITING_PAREN;
    if (s->count == MAX_STACK || s->parens > QL_MAX_DEPTH)
        return wrong_at(p, token_at(p), "conditions are nested more than %d deep", QL_MAX_DEPTH);
    s->of[s->count++] = what;
    return true;
}

/* Writes out those that bind at least as closely. */
static bool pop_down_to(struct parser *p, struct stack *s, enum waiting least)
{
    static const enum ql_op OPS[] = {[WAITING_OR] = QL_OR, [WAITING_AND] = QL_AND, [WAITING_NOT] = QL_NOT};
    while (s->count > 0 && s->of[s->count - 1] != WAITING_PAREN && s->of[s->count - 1] >= least) {
        const struct ql_node node = {.op = OPS[s->of[--s->count]]};
        if (!add_node(p, &node))
            return false;
    }
    return true;
}

static bool close_paren(struct parser *p, struct stack *s)
{
    if (!pop_down_to(p, s, WAITING_OR))
        return false;
    s->count--;
    s->parens--;
    advance(p);
    return true;
}

static bool parse_conditions(struct parser *p)
{
    struct stack s = {.count = 0};
    for (bool operand = true;;) {
        if (operand && is(p, "NOT")) {
            if (!push(p, &s, WAITING_NOT))
                return false;
            advance(p);
        } else if (operand && is(p, "(")) {
            if (!push(p, &s, WAITING_PAREN))
                return false;
            advance(p);
        } else if (operand) {
            if (!parse_condition(p))
                return false;
            operand = false;
        } else if (is(p, "AND") || is(p, "OR")) {
            const enum waiting what = is(p, "AND") ? WAITING_AND : WAITING_OR;
            if (!pop_down_to(p, &s, what) || !push(p, &s, what))
                return false;
            advance(p);
            operand = true;
        } else if (is(p, ")") && s.parens > 0) {
            if (!close_paren(p, &s))
                return false;
        } else {
            if (s.parens > 0)
                return wanted(p, "AND, OR or ')'");
            return pop_down_to(p, &s, WAITING_OR);
        }
    }
}

/* From the root back: a postfix list turned round is a tree in prefix order. */
static void mark_required(struct ql_query *q)
{
    bool above[QL_MAX_NODES + 1];
    size_t depth = 0;
    if (q->node_count > 0)
        above[depth++] = true;
    for (size_t i = q->node_count; i-- > 0;) {
        struct ql_node *node = &q->nodes[i];
        node->required = above[--depth];
        if (node->op == QL_AND || node->op == QL_OR)
            above[depth + 1] = above[depth] = node->op == QL_AND && node->required;
        if (node->op == QL_NOT)
            above[depth] = false;
        depth += node->op == QL_AND || node->op == QL_OR ? 2 : node->op == QL_NOT;
    }
}

static bool check_window(struct parser *p)
{
    for (size_t i = 0; i < p->q->node_count; i++)
        if (p->q->nodes[i].op == QL_WITHIN_WINDOW && !p->q->nodes[i].required)
            return wrong_at(p, p->q->nodes[i].path.at, "WITHIN_WINDOW cannot stand under OR or NOT");
    return true;
}

static bool parse_where(struct parser *p)
{
    if (!take(p, "WHERE"))
        return true;
    if (!parse_conditions(p))
        return false;
    mark_required(p->q);
    return check_window(p);
}

/* --- GROUP BY, ORDER BY --- */

bool ql_is_aggregate(const struct ql_query *q)
{
    for (size_t i = 0; i < q->item_count; i++)
        if (q->items[i].aggregate != QL_PLAIN)
            return true;
    return false;
}

static bool parse_bucket(struct parser *p)
{
    const bool quoted = p->token.kind == QL_TOKEN_STRING;
    if (quoted)
        p->token.text = spoke_str_from(p->token.text.ptr + 1, p->token.text.len - 2);
    if ((!quoted && p->token.kind != QL_TOKEN_WORD) || !ql_duration(p->token.text, &p->q->bucket_ms))
        return wanted(p, "a duration such as PT10M");
    advance(p);
    return expect(p, ")");
}

static bool parse_group(struct parser *p)
{
    const size_t at = token_at(p);
    if (!take(p, "GROUP"))
        return true;
    if (!expect(p, "BY"))
        return false;
    if (!ql_is_aggregate(p->q))
        return wrong_at(p, at, "GROUP BY wants an aggregate among the selected items, such as AVG(name)");
    do {
        if (p->token.kind == QL_TOKEN_SYSTEM && spoke_str_equal(p->token.text, SPOKE_STR("$id")) &&
            !p->q->by_device) {
            p->q->by_device = true;
            advance(p);
        } else if (is(p, "WINDOW") && p->q->bucket_ms == 0) {
            advance(p);
            if (!expect(p, "(") || !parse_bucket(p))
                return false;
        } else {
            return wanted(p, "WINDOW(PT10M) or $id, each once,");
        }
    } while (take(p, ","));
    return true;
}

/* What an aggregate's rows can be told apart by. */
static bool check_mixture(struct parser *p)
{
    const struct ql_query *q = p->q;
    for (size_t i = 0; ql_is_aggregate(q) && i < q->item_count; i++) {
        const struct ql_item *item = &q->items[i];
        if (item->aggregate == QL_PLAIN && !(item->path.name == QL_ID && q->by_device) &&
            !(item->path.name == QL_TS && q->bucket_ms != 0))
            return wrong_at(p, item->path.at,
                            "beside an aggregate only what is grouped by can be selected, not '%.*s'",
                            shown(item->path.text), item->path.text.ptr);
    }
    return true;
}

static bool settle_order(struct parser *p, struct ql_order *order)
{
    const struct ql_query *q = p->q;
    for (size_t i = 0; i < q->item_count; i++) {
        if (!item_named(&q->items[i], order->path.text))
            continue;
        order->item = i;
        order->path.name = q->items[i].path.name;
        order->path.text = q->items[i].path.text;
        return true;
    }
    if (!ql_is_aggregate(q) || (order->path.name == QL_TS && q->bucket_ms != 0) ||
        (order->path.name == QL_ID && q->by_device))
        return true;
    return wrong_at(p, order->path.at,
                    "the rows of an aggregate are ordered by a selected item or by what they are "
                    "grouped by");
}

static bool parse_order(struct parser *p)
{
    if (!take(p, "ORDER"))
        return true;
    if (!expect(p, "BY"))
        return false;
    do {
        struct ql_order order = {.item = QL_MAX_ITEMS};
        if (p->q->order_count == QL_MAX_ORDERS)
            return wrong_at(p, token_at(p), "ORDER BY takes at most %d names", QL_MAX_ORDERS);
        if (!parse_path(p, &order.path) || !settle_order(p, &order))
            return false;
        order.descending = is(p, "DESC");
        if (order.descending || is(p, "ASC"))
            advance(p);
        p->q->orders[p->q->order_count++] = order;
    } while (take(p, ","));
    return true;
}

/* --- the whole --- */

static bool parse(struct parser *p)
{
    const size_t most = p->kind == QL_KIND_QUERY ? QL_QUERY_CHARACTERS : QL_FILTER_CHARACTERS;
    if (characters(p->q->text, p->q->text_len) > most)
        return wrong_at(p, 0, "the text is longer than %zu characters", most);
    advance(p);
    if (!parse_select(p) || !parse_from(p) || !parse_where(p))
        return false;
    if (p->kind == QL_KIND_QUERY && (!parse_group(p) || !check_mixture(p) || !parse_order(p)))
        return false;
    return p->token.kind == QL_TOKEN_END ||
           wanted(p, p->kind == QL_KIND_FILTER ? "WHERE, AND, OR or the end"
                                               : "WHERE, AND, OR, GROUP BY, ORDER BY or the end");
}

spoke_status ql_parse(spoke_str text, enum ql_kind kind, struct ql_query **out, struct ql_fault *fault)
{
    struct ql_query *q = calloc(1, sizeof *q);
    *fault = (struct ql_fault){0};
    if (q == NULL)
        return SPOKE_E_NO_MEMORY;
    if (text.len > 4u * QL_FILTER_CHARACTERS) /* more than any allowed one has in bytes */
        text.len = 4u * QL_FILTER_CHARACTERS + 1;
    q->text = malloc(2 * text.len + 1);
    if (q->text == NULL) {
        free(q);
        return SPOKE_E_NO_MEMORY;
    }
    if (text.len > 0)
        memcpy(q->text, text.ptr, text.len);
    q->text_len = text.len;
    struct parser p = {.q = q, .kind = kind, .fault = fault, .pool = text.len};
    if (parse(&p)) {
        *out = q;
        return SPOKE_OK;
    }
    ql_free(q);
    return SPOKE_E_ARG;
}

void ql_free(struct ql_query *query)
{
    if (query == NULL)
        return;
    free(query->text);
    free(query);
}

size_t ql_position(const struct ql_query *query, const struct ql_path *path)
{
    return characters(query->text, path->at) + 1;
}
