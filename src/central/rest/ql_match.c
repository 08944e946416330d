/* Query language: conditions held against a row. */
#include <string.h>

#include "ql.h"

static int ql_order_bytes(spoke_str a, spoke_str b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool ql_holds(enum ql_op op, int order)
{
    switch ((int)op) {
    case QL_EQUAL:
        return order == 0;
    case QL_NOT_EQUAL:
        return order != 0;
    case QL_LESS:
        return order < 0;
    case QL_LESS_EQUAL:
        return order <= 0;
    case QL_GREATER:
        return order > 0;
    case QL_GREATER_EQUAL:
        return order >= 0;
    default:
        return false;
    }
}

/* Values of two types satisfy nothing, not even !=. */
static bool ql_compare(enum ql_op op, const struct ql_value *value, const struct ql_value *literal)
{
    if (value->type != literal->type)
        return false;
    if (value->type == QL_NUMBER)
        return ql_holds(op, (value->number > literal->number) - (value->number < literal->number));
    if (value->type == QL_TEXT)
        return ql_holds(op, ql_order_bytes(value->text, literal->text));
    return value->type == QL_BOOL && ql_holds(op, value->truth != literal->truth);
}

static bool ql_contains(spoke_str text, spoke_str part)
{
    return part.len == 0 || (text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len) != NULL);
}

static bool ql_among(const struct ql_query *q, const struct ql_node *node, const struct ql_value *value)
{
    for (size_t i = node->first; i < node->first + node->count; i++)
        if (ql_compare(QL_EQUAL, value, &q->literals[i]))
            return true;
    return false;
}

static bool ql_in_window(const struct ql_window *w, int64_t now_ms, const struct ql_value *ts)
{
    if (ts->type != QL_NUMBER)
        return false;
    if (w->length_ms > 0)
        return ts->number >= (double)(now_ms - w->length_ms);
    return ts->number >= (double)w->from_ms && ts->number < (double)w->to_ms;
}

static bool ql_condition(const struct ql_query *q, const struct ql_node *node, int64_t now_ms,
                         const struct ql_value *value)
{
    const struct ql_value *literal = &q->literals[node->count > 0 ? node->first : 0];
    switch (node->op) {
    case QL_EXISTS:
        return value->type != QL_NONE;
    case QL_WITHIN_WINDOW:
        return ql_in_window(&q->window, now_ms, value);
    case QL_IN:
        return ql_among(q, node, value);
    case QL_NOT_IN:
        return value->type != QL_NONE && !ql_among(q, node, value);
    case QL_CONTAINS:
        return value->type == QL_TEXT && ql_contains(value->text, literal->text);
    case QL_STARTS_WITH:
        return value->type == QL_TEXT && spoke_str_starts(value->text, literal->text);
    case QL_EQUAL:
    case QL_NOT_EQUAL:
    case QL_LESS:
    case QL_LESS_EQUAL:
    case QL_GREATER:
    case QL_GREATER_EQUAL:
        return ql_compare(node->op, value, literal);
    case QL_NOT:
    case QL_AND:
    case QL_OR:
        break;
    }
    return false;
}

bool ql_match(const struct ql_query *q, int64_t now_ms, ql_get_fn get, void *ctx)
{
    bool stack[QL_MAX_NODES + 1];
    size_t count = 0;
    for (size_t i = 0; i < q->node_count; i++) {
        const struct ql_node *node = &q->nodes[i];
        if (node->op == QL_NOT) {
            stack[count - 1] = !stack[count - 1];
        } else if (node->op == QL_AND || node->op == QL_OR) {
            const bool b = stack[--count], a = stack[count - 1];
            stack[count - 1] = node->op == QL_AND ? a && b : a || b;
        } else {
            struct ql_value value = {.type = QL_NONE};
            get(ctx, &node->path, &value);
            stack[count++] = ql_condition(q, node, now_ms, &value);
            if (!stack[count - 1] && node->required)
                return false;
        }
    }
    return count == 0 || stack[0];
}
