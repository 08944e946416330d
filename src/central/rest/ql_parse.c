/* Query language: tokens to the flat form of ql.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ql_parser.h"

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

bool ql_wrong_at(struct ql_parser *p, size_t at, const char *format, ...)
{
    va_list args;
    p->fault->position = characters(p->q->text, at) + 1;
    va_start(args, format);
    (void)vsnprintf(p->fault->message, sizeof p->fault->message, format, args);
    va_end(args);
    return false;
}

size_t ql_token_at(const struct ql_parser *p)
{
    return p->token.text.ptr != NULL ? (size_t)(p->token.text.ptr - p->q->text) : p->q->text_len;
}

bool ql_wanted(struct ql_parser *p, const char *what)
{
    const spoke_str text = p->token.text;
    if (p->token.kind == QL_TOKEN_END)
        return ql_wrong_at(p, p->q->text_len, "the text ends where %s is wanted", what);
    if (p->token.kind == QL_TOKEN_BAD && (text.ptr[0] == '\'' || text.ptr[0] == '"'))
        return ql_wrong_at(p, ql_token_at(p), "a string begins here and does not end; close it with %c",
                           text.ptr[0]);
    return ql_wrong_at(p, ql_token_at(p), "%s is wanted here, not '%.*s'", what, shown(text), text.ptr);
}

/* --- tokens --- */

void ql_advance(struct ql_parser *p)
{
    p->token = ql_token_next(spoke_str_from(p->q->text, p->q->text_len), &p->at);
}

bool ql_is(const struct ql_parser *p, const char *word)
{
    return ql_token_is(&p->token, word);
}

bool ql_take(struct ql_parser *p, const char *word)
{
    if (!ql_is(p, word))
        return false;
    ql_advance(p);
    return true;
}

bool ql_expect(struct ql_parser *p, const char *word)
{
    return ql_take(p, word) || ql_wanted(p, word);
}

bool ql_is_keyword(const struct ql_parser *p)
{
    static const char *const WORDS[] = {"FROM", "WHERE", "GROUP", "ORDER", "AND", "OR", "NOT", "IN", "AS"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (ql_is(p, WORDS[i]))
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
static bool system_offered(const struct ql_parser *p, enum ql_name name)
{
    const bool row = name == QL_ID || name == QL_TS || name == QL_PROVISIONED || name == QL_SIMULATED;
    return p->kind == QL_KIND_QUERY ? row : name != QL_TS;
}

static bool check_segments(struct ql_parser *p, spoke_str text)
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
        return ql_wrong_at(p, ql_token_at(p), "a name between dots is missing in '%.*s'", shown(text), text.ptr);
    return dots < QL_MAX_SEGMENTS ||
           ql_wrong_at(p, ql_token_at(p), "a name has at most %d parts between dots", QL_MAX_SEGMENTS);
}

bool ql_parse_path(struct ql_parser *p, struct ql_path *out)
{
    *out = (struct ql_path){.name = QL_FIELD, .text = p->token.text, .at = ql_token_at(p)};
    if (p->token.kind == QL_TOKEN_SYSTEM) {
        if (!system_name(p->token.text, &out->name) || !system_offered(p, out->name))
            return ql_wanted(p, p->kind == QL_KIND_QUERY ? "a name, or $id, $ts, $provisioned or $simulated,"
                                                         : "a name, or $id, $displayName, $template, $enabled, "
                                                           "$provisioned, $simulated or $organizations,");
    } else if (p->token.kind != QL_TOKEN_WORD || ql_is_keyword(p)) {
        return ql_wanted(p, "a name");
    } else if (!check_segments(p, p->token.text)) {
        return false;
    }
    ql_advance(p);
    return true;
}

const struct ql_item *ql_item_of_alias(const struct ql_query *q, const struct ql_path *path)
{
    for (size_t i = 0; path->name == QL_FIELD && i < q->item_count; i++)
        if (q->items[i].alias.len > 0 && spoke_str_equal(q->items[i].alias, path->text))
            return &q->items[i];
    return NULL;
}

/* --- SELECT --- */

static bool aggregate_of(const struct ql_parser *p, enum ql_aggregate *out)
{
    static const char *const NAMES[] = {
        [QL_SUM] = "SUM", [QL_MAX] = "MAX",     [QL_MIN] = "MIN",  [QL_COUNT] = "COUNT",
        [QL_AVG] = "AVG", [QL_FIRST] = "FIRST", [QL_LAST] = "LAST"};
    for (size_t i = QL_SUM; i <= QL_LAST; i++) {
        if (ql_is(p, NAMES[i])) {
            *out = (enum ql_aggregate)i;
            return true;
        }
    }
    return false;
}

/* A name that is followed by '(' is a function. */
bool ql_opens(const struct ql_parser *p)
{
    size_t at = p->at;
    const struct ql_token next = ql_token_next(spoke_str_from(p->q->text, p->q->text_len), &at);
    return ql_token_is(&next, "(");
}

static bool parse_alias(struct ql_parser *p, struct ql_item *item)
{
    const struct ql_query *q = p->q;
    if (!ql_take(p, "AS"))
        return true;
    if (p->token.kind != QL_TOKEN_WORD || ql_is_keyword(p) ||
        memchr(p->token.text.ptr, '.', p->token.text.len) != NULL)
        return ql_wanted(p, "an alias (letters, digits and '_')");
    for (size_t i = 0; i < q->item_count; i++)
        if (spoke_str_equal(q->items[i].alias, p->token.text) ||
            spoke_str_equal(q->items[i].path.text, p->token.text))
            return ql_wrong_at(p, ql_token_at(p), "the alias '%.*s' is the name of another item; choose another",
                               shown(p->token.text), p->token.text.ptr);
    item->alias = p->token.text;
    ql_advance(p);
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
static bool check_name(struct ql_parser *p, const struct ql_item *item)
{
    for (size_t i = 0; i < p->q->item_count; i++)
        if (same_name(&p->q->items[i], item))
            return ql_wrong_at(p, item->path.at, "two items would have one name; give '%.*s' another with AS",
                               shown(item->path.text), item->path.text.ptr);
    return true;
}

static bool parse_item(struct ql_parser *p)
{
    struct ql_item item = {.aggregate = QL_PLAIN};
    if (ql_is(p, "*"))
        return ql_wrong_at(p, ql_token_at(p), "a query names what it selects; * is not allowed here");
    if (p->q->item_count == QL_MAX_ITEMS)
        return ql_wrong_at(p, ql_token_at(p), "a query selects at most %d items", QL_MAX_ITEMS);
    if (ql_opens(p) && p->token.kind == QL_TOKEN_WORD) {
        if (!aggregate_of(p, &item.aggregate))
            return ql_wanted(p, "SUM, MAX, MIN, COUNT, AVG, FIRST or LAST");
        ql_advance(p);
        if (!ql_expect(p, "(") || !ql_parse_path(p, &item.path) || !ql_expect(p, ")"))
            return false;
        if (item.path.name != QL_FIELD)
            return ql_wrong_at(p, item.path.at, "an aggregate is of telemetry, not of %.*s",
                               (int)item.path.text.len, item.path.text.ptr);
    } else if (!ql_parse_path(p, &item.path)) {
        return false;
    }
    if (!parse_alias(p, &item) || !check_name(p, &item))
        return false;
    p->q->items[p->q->item_count++] = item;
    return true;
}

static bool parse_top(struct ql_parser *p)
{
    if (!ql_take(p, "TOP"))
        return true;
    if (p->token.kind != QL_TOKEN_NUMBER || spoke_str_u32(p->token.text, &p->q->top) != SPOKE_OK || p->q->top == 0)
        return ql_wanted(p, "a whole number from 1 on");
    ql_advance(p);
    return true;
}

static bool parse_select(struct ql_parser *p)
{
    if (!ql_expect(p, "SELECT"))
        return false;
    if (p->kind == QL_KIND_FILTER)
        return ql_expect(p, "*");
    if (!parse_top(p) || !parse_item(p))
        return false;
    while (ql_take(p, ","))
        if (!parse_item(p))
            return false;
    return true;
}

/* --- FROM --- */

static bool parse_from(struct ql_parser *p)
{
    if (!ql_is(p, "FROM"))
        return ql_wanted(p, p->q->item_count > 0 ? "',' or FROM" : "FROM");
    ql_advance(p);
    const bool devices = p->kind == QL_KIND_FILTER && ql_is(p, "devices");
    if (ql_is(p, "devices") && !devices)
        return ql_wrong_at(p, ql_token_at(p), "a query is of one device template: FROM dtmi:...;1");
    if (p->token.kind != QL_TOKEN_DTMI && !devices)
        return ql_wanted(p, p->kind == QL_KIND_QUERY ? "the id of a device template (dtmi:...;1)"
                                                     : "devices or the id of a device template (dtmi:...;1)");
    p->q->source = p->token.text;
    ql_advance(p);
    return !ql_is(p, ",") || ql_wrong_at(p, ql_token_at(p), "one device template is allowed, no list");
}

/* --- GROUP BY, ORDER BY --- */

bool ql_is_aggregate(const struct ql_query *q)
{
    for (size_t i = 0; i < q->item_count; i++)
        if (q->items[i].aggregate != QL_PLAIN)
            return true;
    return false;
}

static bool parse_bucket(struct ql_parser *p)
{
    const bool quoted = p->token.kind == QL_TOKEN_STRING;
    if (quoted)
        p->token.text = spoke_str_from(p->token.text.ptr + 1, p->token.text.len - 2);
    if ((!quoted && p->token.kind != QL_TOKEN_WORD) || !ql_duration(p->token.text, &p->q->bucket_ms))
        return ql_wanted(p, "a duration such as PT10M");
    ql_advance(p);
    return ql_expect(p, ")");
}

static bool parse_group(struct ql_parser *p)
{
    const size_t at = ql_token_at(p);
    if (!ql_take(p, "GROUP"))
        return true;
    if (!ql_expect(p, "BY"))
        return false;
    if (!ql_is_aggregate(p->q))
        return ql_wrong_at(p, at, "GROUP BY wants an aggregate among the selected items, such as AVG(name)");
    do {
        if (p->token.kind == QL_TOKEN_SYSTEM && spoke_str_equal(p->token.text, SPOKE_STR("$id")) &&
            !p->q->by_device) {
            p->q->by_device = true;
            ql_advance(p);
        } else if (ql_is(p, "WINDOW") && p->q->bucket_ms == 0) {
            ql_advance(p);
            if (!ql_expect(p, "(") || !parse_bucket(p))
                return false;
        } else {
            return ql_wanted(p, "WINDOW(PT10M) or $id, each once,");
        }
    } while (ql_take(p, ","));
    return true;
}

/* What an aggregate's rows can be told apart by. */
static bool check_mixture(struct ql_parser *p)
{
    const struct ql_query *q = p->q;
    for (size_t i = 0; ql_is_aggregate(q) && i < q->item_count; i++) {
        const struct ql_item *item = &q->items[i];
        if (item->aggregate == QL_PLAIN && !(item->path.name == QL_ID && q->by_device) &&
            !(item->path.name == QL_TS && q->bucket_ms != 0))
            return ql_wrong_at(p, item->path.at,
                               "beside an aggregate only what is grouped by can be selected, not '%.*s'",
                               shown(item->path.text), item->path.text.ptr);
    }
    return true;
}

static bool settle_order(struct ql_parser *p, struct ql_order *order)
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
    return ql_wrong_at(p, order->path.at,
                       "the rows of an aggregate are ordered by a selected item or by what they are "
                       "grouped by");
}

static bool parse_order(struct ql_parser *p)
{
    if (!ql_take(p, "ORDER"))
        return true;
    if (!ql_expect(p, "BY"))
        return false;
    do {
        struct ql_order order = {.item = QL_MAX_ITEMS};
        if (p->q->order_count == QL_MAX_ORDERS)
            return ql_wrong_at(p, ql_token_at(p), "ORDER BY takes at most %d names", QL_MAX_ORDERS);
        if (!ql_parse_path(p, &order.path) || !settle_order(p, &order))
            return false;
        order.descending = ql_is(p, "DESC");
        if (order.descending || ql_is(p, "ASC"))
            ql_advance(p);
        p->q->orders[p->q->order_count++] = order;
    } while (ql_take(p, ","));
    return true;
}

/* --- the whole --- */

static bool parse(struct ql_parser *p)
{
    const size_t most = p->kind == QL_KIND_QUERY ? QL_QUERY_CHARACTERS : QL_FILTER_CHARACTERS;
    if (characters(p->q->text, p->q->text_len) > most)
        return ql_wrong_at(p, 0, "the text is longer than %zu characters", most);
    ql_advance(p);
    if (!parse_select(p) || !parse_from(p) || !ql_parse_where(p))
        return false;
    if (p->kind == QL_KIND_QUERY && (!parse_group(p) || !check_mixture(p) || !parse_order(p)))
        return false;
    return p->token.kind == QL_TOKEN_END ||
           ql_wanted(p, p->kind == QL_KIND_FILTER ? "WHERE, AND, OR or the end"
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
    struct ql_parser p = {.q = q, .kind = kind, .fault = fault, .pool = text.len};
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
