/* Query language: the conditions behind WHERE. They go through two stacks of fixed size, and come out in postfix order. */
#include <string.h>

#include "base/iso8601.h"
#include "ql_parser.h"

#define MAX_STACK 64u /* operators that wait: ANDs, ORs, NOTs and parentheses */
#define TS_EXAMPLE "'2026-03-04T05:06:07Z'"

static bool add_node(struct ql_parser *p, const struct ql_node *node)
{
    if (p->q->node_count == QL_MAX_NODES)
        return ql_wrong_at(p, ql_token_at(p), "there are too many conditions");
    p->q->nodes[p->q->node_count++] = *node;
    return true;
}

/* The text between the quotes, which becomes part of the pool. */
static spoke_str unquote(struct ql_parser *p, spoke_str quoted)
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

static bool parse_literal(struct ql_parser *p)
{
    struct ql_value value = {.type = QL_NONE};
    if (p->q->literal_count == QL_MAX_LITERALS)
        return ql_wrong_at(p, ql_token_at(p), "there are more than %d values", QL_MAX_LITERALS);
    if (p->token.kind == QL_TOKEN_STRING) {
        value.type = QL_TEXT;
        value.text = unquote(p, p->token.text);
    } else if (p->token.kind == QL_TOKEN_NUMBER) {
        value.type = QL_NUMBER;
        if (spoke_json_double(p->token.text, &value.number) != SPOKE_OK)
            return ql_wanted(p, "a number such as 10, -2.5 or 1e3");
    } else if (ql_is(p, "true") || ql_is(p, "false")) {
        value.type = QL_BOOL;
        value.truth = ql_is(p, "true");
    } else {
        return ql_wanted(p, "a number, a string in quotes, true or false");
    }
    p->q->literals[p->q->literal_count++] = value;
    ql_advance(p);
    return true;
}

static bool comparison(const struct ql_parser *p, enum ql_op *op)
{
    static const struct {
        const char *sign;
        enum ql_op op;
    } SIGNS[] = {{"=", QL_EQUAL},       {"!=", QL_NOT_EQUAL}, {"<>", QL_NOT_EQUAL},    {"<", QL_LESS},
                 {"<=", QL_LESS_EQUAL}, {">", QL_GREATER},    {">=", QL_GREATER_EQUAL}};
    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        if (ql_is(p, SIGNS[i].sign)) {
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
static bool settle_literals(struct ql_parser *p, const struct ql_node *node)
{
    for (size_t i = node->first; i < node->first + node->count; i++) {
        struct ql_value *value = &p->q->literals[i];
        int64_t ms = 0;
        if (value->type == QL_BOOL && node->op != QL_EQUAL && node->op != QL_NOT_EQUAL)
            return ql_wrong_at(p, node->path.at, "true and false can only be compared with = and !=");
        if (node->path.name != QL_TS)
            continue;
        if (value->type != QL_TEXT || iso8601_parse(value->text, &ms) != SPOKE_OK)
            return ql_wrong_at(p, node->path.at, "$ts is compared with a time such as %s", TS_EXAMPLE);
        *value = (struct ql_value){.type = QL_NUMBER, .number = (double)ms};
    }
    return true;
}

static bool parse_list(struct ql_parser *p, struct ql_node *node)
{
    if (!ql_expect(p, "["))
        return false;
    do {
        if (!parse_literal(p))
            return false;
        node->count++;
    } while (ql_take(p, ","));
    return ql_expect(p, "]");
}

/* Behind the operand on the left. */
static bool parse_rest(struct ql_parser *p, struct ql_node *node)
{
    const bool negated = ql_is(p, "NOT");
    if (negated)
        ql_advance(p);
    if (ql_take(p, "IN")) {
        node->op = negated ? QL_NOT_IN : QL_IN;
        return parse_list(p, node);
    }
    if (negated || !comparison(p, &node->op))
        return ql_wanted(p, negated ? "IN" : "=, !=, <, <=, >, >= or IN");
    ql_advance(p);
    node->count = 1;
    return parse_literal(p);
}

/* 10 < flow */
static bool parse_turned(struct ql_parser *p, struct ql_node *node)
{
    if (!parse_literal(p))
        return false;
    if (!comparison(p, &node->op))
        return ql_wanted(p, "=, !=, <, <=, > or >=");
    ql_advance(p);
    node->op = mirrored(node->op);
    node->count = 1;
    return ql_parse_path(p, &node->path);
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

static bool parse_window(struct ql_parser *p, struct ql_node *node)
{
    const bool quoted = p->token.kind == QL_TOKEN_STRING;
    const spoke_str text = quoted ? spoke_str_from(p->token.text.ptr + 1, p->token.text.len - 2) : p->token.text;
    if (p->kind != QL_KIND_QUERY)
        return ql_wrong_at(p, ql_token_at(p), "WITHIN_WINDOW is for queries of telemetry");
    if (p->q->windowed)
        return ql_wrong_at(p, ql_token_at(p), "WITHIN_WINDOW can be there once");
    if ((!quoted && p->token.kind != QL_TOKEN_WORD) || !read_span(text, &p->q->window))
        return ql_wanted(p,
                         "a duration such as P1D or PT10M, or 'from/to' with two times such as " TS_EXAMPLE ",");
    node->path = (struct ql_path){.name = QL_TS, .text = p->token.text, .at = ql_token_at(p)};
    p->q->windowed = true;
    ql_advance(p);
    return true;
}

static bool parse_function(struct ql_parser *p, struct ql_node *node)
{
    static const struct {
        const char *name;
        enum ql_op op;
    } NAMES[] = {{"WITHIN_WINDOW", QL_WITHIN_WINDOW},
                 {"CONTAINS", QL_CONTAINS},
                 {"STARTSWITH", QL_STARTS_WITH},
                 {"EXISTS", QL_EXISTS}};
    size_t i = 0;
    while (i < sizeof NAMES / sizeof NAMES[0] && !ql_is(p, NAMES[i].name))
        i++;
    if (i == sizeof NAMES / sizeof NAMES[0])
        return ql_wanted(p, "WITHIN_WINDOW, CONTAINS, STARTSWITH or EXISTS");
    node->op = NAMES[i].op;
    ql_advance(p);
    ql_advance(p); /* '(' */
    if (node->op == QL_WITHIN_WINDOW)
        return parse_window(p, node) && ql_expect(p, ")");
    if (!ql_parse_path(p, &node->path))
        return false;
    if (node->op == QL_EXISTS)
        return ql_expect(p, ")");
    if (!ql_expect(p, ","))
        return false;
    if (p->token.kind != QL_TOKEN_STRING)
        return ql_wanted(p, "a string in quotes");
    node->count = 1;
    return parse_literal(p) && ql_expect(p, ")");
}

static bool settle_alias(struct ql_parser *p, struct ql_node *node)
{
    const struct ql_item *item = ql_item_of_alias(p->q, &node->path);
    if (item == NULL)
        return true;
    if (item->aggregate != QL_PLAIN)
        return ql_wrong_at(p, node->path.at, "an aggregate cannot stand in WHERE");
    node->path.name = item->path.name;
    node->path.text = item->path.text;
    return true;
}

static bool parse_condition(struct ql_parser *p)
{
    const size_t most = p->kind == QL_KIND_QUERY ? QL_QUERY_CONDITIONS : QL_FILTER_CONDITIONS;
    struct ql_node node = {.first = p->q->literal_count};
    bool good;
    if (p->conditions++ == most)
        return ql_wrong_at(p, ql_token_at(p), "there are more than %zu conditions", most);
    if (p->token.kind == QL_TOKEN_WORD && ql_opens(p) && !ql_is_keyword(p))
        good = parse_function(p, &node);
    else if (p->token.kind == QL_TOKEN_STRING || p->token.kind == QL_TOKEN_NUMBER || ql_is(p, "true") ||
             ql_is(p, "false"))
        good = parse_turned(p, &node);
    else
        good = ql_parse_path(p, &node.path) && parse_rest(p, &node);
    return good && (node.op == QL_WITHIN_WINDOW || (settle_alias(p, &node) && settle_literals(p, &node))) &&
           add_node(p, &node);
}

/* --- AND, OR, NOT and parentheses --- */

enum waiting { WAITING_PAREN, WAITING_OR, WAITING_AND, WAITING_NOT }; /* in order of precedence */

struct stack {
    enum waiting of[MAX_STACK];
    size_t count, parens;
};

static bool push(struct ql_parser *p, struct stack *s, enum waiting what)
{
    s->parens += what == WAITING_PAREN;
    if (s->count == MAX_STACK || s->parens > QL_MAX_DEPTH)
        return ql_wrong_at(p, ql_token_at(p), "conditions are nested more than %d deep", QL_MAX_DEPTH);
    s->of[s->count++] = what;
    return true;
}

/* Writes out those that bind at least as closely. */
static bool pop_down_to(struct ql_parser *p, struct stack *s, enum waiting least)
{
    static const enum ql_op OPS[] = {[WAITING_OR] = QL_OR, [WAITING_AND] = QL_AND, [WAITING_NOT] = QL_NOT};
    while (s->count > 0 && s->of[s->count - 1] != WAITING_PAREN && s->of[s->count - 1] >= least) {
        const struct ql_node node = {.op = OPS[s->of[--s->count]]};
        if (!add_node(p, &node))
            return false;
    }
    return true;
}

static bool close_paren(struct ql_parser *p, struct stack *s)
{
    if (!pop_down_to(p, s, WAITING_OR))
        return false;
    s->count--;
    s->parens--;
    ql_advance(p);
    return true;
}

static bool parse_conditions(struct ql_parser *p)
{
    struct stack s = {.count = 0};
    for (bool operand = true;;) {
        if (operand && ql_is(p, "NOT")) {
            if (!push(p, &s, WAITING_NOT))
                return false;
            ql_advance(p);
        } else if (operand && ql_is(p, "(")) {
            if (!push(p, &s, WAITING_PAREN))
                return false;
            ql_advance(p);
        } else if (operand) {
            if (!parse_condition(p))
                return false;
            operand = false;
        } else if (ql_is(p, "AND") || ql_is(p, "OR")) {
            const enum waiting what = ql_is(p, "AND") ? WAITING_AND : WAITING_OR;
            if (!pop_down_to(p, &s, what) || !push(p, &s, what))
                return false;
            ql_advance(p);
            operand = true;
        } else if (ql_is(p, ")") && s.parens > 0) {
            if (!close_paren(p, &s))
                return false;
        } else {
            if (s.parens > 0)
                return ql_wanted(p, "AND, OR or ')'");
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

static bool check_window(struct ql_parser *p)
{
    for (size_t i = 0; i < p->q->node_count; i++)
        if (p->q->nodes[i].op == QL_WITHIN_WINDOW && !p->q->nodes[i].required)
            return ql_wrong_at(p, p->q->nodes[i].path.at, "WITHIN_WINDOW cannot stand under OR or NOT");
    return true;
}

bool ql_parse_where(struct ql_parser *p)
{
    if (!ql_take(p, "WHERE"))
        return true;
    if (!parse_conditions(p))
        return false;
    mark_required(p->q);
    return check_window(p);
}
