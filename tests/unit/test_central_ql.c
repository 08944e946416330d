/* The query language: texts taken apart, conditions held against rows, and rows that become results. */
#include <stdlib.h>
#include <string.h>

#include "central/rest/ql.h"
#include "support/support.h"
#include <stdio.h>

static struct ql_query *good(const char *text, enum ql_kind kind)
{
    struct ql_query *q = NULL;
    struct ql_fault fault;
    if (ql_parse(spoke_str_of(text), kind, &q, &fault) != SPOKE_OK)
        fail_msg("%s: at %zu: %s", text, fault.position, fault.message);
    return q;
}

#define assert_bad(text_, kind_, position_, words_) \
    assert_bad_at((text_), (kind_), (position_), (words_), __LINE__)
static void assert_bad_at(const char *text, enum ql_kind kind, size_t position, const char *words, int line)
{
    struct ql_query *q = NULL;
    struct ql_fault fault;
    if (ql_parse(spoke_str_of(text), kind, &q, &fault) == SPOKE_OK) {
        ql_free(q);
        fail_msg("line %d: taken: %s", line, text);
    }
    if (fault.position != position || strstr(fault.message, words) == NULL)
        fail_msg("line %d: %s: at %zu: %s", line, text, fault.position, fault.message);
}

#define P "dtmi:a:b;1"

static void a_query_of_telemetry_is_taken_apart(void **state)
{
    (void)state;
    struct ql_query *q = good("SELECT TOP 3 $id, $ts, flow AS f FROM dtmi:acme:pumpTemplate;2 WHERE "
                              "WITHIN_WINDOW(PT1H) AND f > 10 ORDER BY $ts DESC",
                              QL_KIND_QUERY);
    assert_int_equal(q->top, 3);
    assert_int_equal(q->item_count, 3);
    assert_true(spoke_str_equal(q->items[2].alias, SPOKE_STR("f")));
    assert_true(spoke_str_equal(q->source, SPOKE_STR("dtmi:acme:pumpTemplate;2")));
    assert_true(q->windowed);
    assert_int_equal(q->window.length_ms, 3600000);
    assert_int_equal(q->node_count, 3);
    assert_true(spoke_str_equal(q->nodes[1].path.text, SPOKE_STR("flow")));
    assert_true(q->orders[0].descending);
    ql_free(q);
}

static void an_aggregate_is_taken_apart(void **state)
{
    (void)state;
    struct ql_query *q = good("select avg(flow), Max(hydraulics.pressure) as p from " P
                              " where $id in ['a', 'b''c'] group by window(PT10M), $id order by p, avg_flow desc",
                              QL_KIND_QUERY);
    assert_int_equal(q->items[0].aggregate, QL_AVG);
    assert_int_equal(q->bucket_ms, 600000);
    assert_true(q->by_device);
    assert_int_equal(q->literal_count, 2);
    assert_true(spoke_str_equal(q->literals[1].text, SPOKE_STR("b'c")));
    assert_int_equal(q->orders[0].item, 1);
    assert_int_equal(q->orders[1].item, 0);
    ql_free(q);
}

static void a_filter_of_devices_is_taken_apart(void **state)
{
    (void)state;
    struct ql_query *q = good("SELECT * FROM devices WHERE $template = \"dtmi:acme:pumpTemplate;2\" AND "
                              "NOT ($provisioned = false OR CONTAINS($displayName, 'x'))",
                              QL_KIND_FILTER);
    assert_int_equal(q->node_count, 6);
    assert_int_equal(q->nodes[5].op, QL_AND);
    assert_int_equal(q->nodes[4].op, QL_NOT);
    assert_int_equal(q->nodes[3].op, QL_OR);
    assert_true(q->nodes[0].required);
    assert_false(q->nodes[1].required);
    ql_free(q);
}

static void a_fault_says_where_and_what_is_right(void **state)
{
    static const struct {
        const char *text;
        size_t position;
        const char *words;
    } CASES[] = {
        {"", 1, "ends where SELECT is wanted"},
        {"DELETE x", 1, "SELECT is wanted here, not 'DELETE'"},
        {"SELECT", 7, "a name"},
        {"SELECT * FROM " P, 8, "* is not allowed"},
        {"SELECT TOP x a FROM " P, 12, "whole number"},
        {"SELECT TOP 0 a FROM " P, 12, "whole number"},
        {"SELECT TOP 99999999999 a FROM " P, 12, "whole number"},
        {"SELECT a b FROM " P, 10, "',' or FROM"},
        {"SELECT a, FROM " P, 11, "a name"},
        {"SELECT a. FROM " P, 8, "between dots is missing"},
        {"SELECT a..b FROM " P, 8, "between dots is missing"},
        {"SELECT a.b.c.d.e FROM " P, 8, "at most 4 parts"},
        {"SELECT a AS b, c AS b FROM " P, 21, "name of another item"},
        {"SELECT a, b AS a FROM " P, 16, "name of another item"},
        {"SELECT a AS b, b FROM " P, 16, "two items would have one name; give 'b' another with AS"},
        {"SELECT a, b, a FROM " P, 14, "two items would have one name"},
        {"SELECT $ts, $ts FROM " P, 13, "two items would have one name"},
        {"SELECT AVG(a), AVG(a) FROM " P, 20, "two items would have one name"},
        {"SELECT MAX(b) AS avg_a, AVG(a) FROM " P, 29, "two items would have one name"},
        {"SELECT AVG(a), MAX(b) AS avg_a FROM " P, 20, "two items would have one name"},
        {"SELECT a AS FROM " P, 13, "an alias"},
        {"SELECT MEDIAN(a) FROM " P, 8, "SUM, MAX"},
        {"SELECT AVG($id) FROM " P, 12, "of telemetry"},
        {"SELECT AVG(a), b FROM " P, 16, "beside an aggregate"},
        {"SELECT AVG(a), $ts FROM " P, 16, "beside an aggregate"},
        {"SELECT $displayName FROM " P, 8, "$provisioned"},
        {"SELECT a FROM devices", 15, "one device template"},
        {"SELECT a FROM x", 15, "id of a device template"},
        {"SELECT a FROM " P ", dtmi:c:d;1", 25, "no list"},
        {"SELECT a FROM " P " x", 26, "WHERE"},
        {"SELECT a FROM " P " WHERE", 31, "a name"},
        {"SELECT a FROM " P " WHERE a", 33, "=, !="},
        {"SELECT a FROM " P " WHERE a = ", 36, "a number, a string"},
        {"SELECT a FROM " P " WHERE a = 'x", 36, "does not end"},
        {"SELECT a FROM " P " WHERE a = 1e", 36, "a number such as"},
        {"SELECT a FROM " P " WHERE a ~ 1", 34, "=, !="},
        {"SELECT a FROM " P " WHERE a = b", 36, "a number, a string"},
        {"SELECT a FROM " P " WHERE a > true", 32, "only be compared with ="},
        {"SELECT a FROM " P " WHERE a IN ('x')", 37, "[ is wanted"},
        {"SELECT a FROM " P " WHERE a IN []", 38, "a number, a string"},
        {"SELECT a FROM " P " WHERE a NOT = 1", 38, "IN is wanted"},
        {"SELECT a FROM " P " WHERE (a = 1", 38, "AND, OR or ')'"},
        {"SELECT a FROM " P " WHERE a = 1)", 37, "the end"},
        {"SELECT a FROM " P " WHERE a = 1 AND", 41, "a name"},
        {"SELECT a FROM " P " WHERE AND a = 1", 32, "a name"},
        {"SELECT a FROM " P " WHERE SINE(a)", 32, "WITHIN_WINDOW, CONTAINS"},
        {"SELECT a FROM " P " WHERE WITHIN_WINDOW(1D)", 46, "a duration"},
        {"SELECT a FROM " P " WHERE WITHIN_WINDOW(P1M)", 46, "a duration"},
        {"SELECT a FROM " P " WHERE WITHIN_WINDOW('x/y')", 46, "a duration"},
        {"SELECT a FROM " P " WHERE a = 1 OR WITHIN_WINDOW(P1D)", 55, "under OR or NOT"},
        {"SELECT a FROM " P " WHERE NOT WITHIN_WINDOW(P1D)", 50, "under OR or NOT"},
        {"SELECT a FROM " P " WHERE WITHIN_WINDOW(P1D) AND WITHIN_WINDOW(P2D)", 69, "once"},
        {"SELECT a FROM " P " WHERE $ts > 5", 32, "a time such as"},
        {"SELECT AVG(a) AS x FROM " P " WHERE x > 5", 42, "cannot stand in WHERE"},
        {"SELECT a FROM " P " GROUP BY WINDOW(PT1M)", 26, "wants an aggregate"},
        {"SELECT AVG(a) FROM " P " GROUP BY a", 40, "WINDOW(PT10M) or $id"},
        {"SELECT AVG(a) FROM " P " GROUP BY WINDOW(0)", 47, "duration"},
        {"SELECT AVG(a) FROM " P " ORDER BY $ts", 40, "ordered by a selected item"},
        {"SELECT a FROM " P " ORDER a", 32, "BY is wanted"},
        {"SELECT a FROM " P " ORDER BY a, a, a, a", 44, "at most 3"},
        {"SELECT \xC3\xA4 FROM " P, 8, "a name"},
        {"SELECT a AS \"\xC3\xA4\", 5 FROM " P, 13, "an alias"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_bad(CASES[i].text, QL_KIND_QUERY, CASES[i].position, CASES[i].words);
}

static void a_filter_has_its_own_rules(void **state)
{
    (void)state;
    assert_bad("SELECT a FROM devices", QL_KIND_FILTER, 8, "* is wanted");
    assert_bad("SELECT * FROM devices WHERE $ts = 'x'", QL_KIND_FILTER, 29, "$organizations");
    assert_bad("SELECT * FROM devices WHERE WITHIN_WINDOW(P1D)", QL_KIND_FILTER, 43, "for queries");
    assert_bad("SELECT * FROM devices ORDER BY a", QL_KIND_FILTER, 23, "WHERE, AND, OR or the end");
    ql_free(good("SELECT * FROM devices", QL_KIND_FILTER));
    ql_free(good("SELECT * FROM dtmi:a:b;1 WHERE 5 < a.b", QL_KIND_FILTER));
}

static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    char *text = malloc(strlen(head) + count * strlen(part) + strlen(tail) + 1);
    strcpy(text, head);
    for (size_t i = 0; i < count; i++)
        strcat(text, part);
    strcat(text, tail);
    return text;
}

static void the_limits_hold_to_the_last_one(void **state)
{
    (void)state;
    ql_free(good("SELECT a,b,c,d,e,f,g,h,i,j,k,l,m,n,o FROM " P, QL_KIND_QUERY));
    assert_bad("SELECT a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p FROM " P, QL_KIND_QUERY, 38, "at most 15 items");
    char *text = repeat("SELECT a FROM " P " WHERE a=1", " OR a=1", 9, "");
    ql_free(good(text, QL_KIND_QUERY));
    free(text);
    text = repeat("SELECT a FROM " P " WHERE a=1", " OR a=1", 10, "");
    assert_bad(text, QL_KIND_QUERY, 102, "more than 10 conditions");
    free(text);
    text = repeat("SELECT a FROM " P, " ", 350 - 24, "");
    ql_free(good(text, QL_KIND_QUERY));
    free(text);
    text = repeat("SELECT a FROM " P, " ", 351 - 24, "");
    assert_bad(text, QL_KIND_QUERY, 1, "longer than 350 characters");
    free(text);
    text = repeat("SELECT a FROM " P " WHERE a='", "\xC3\xA4", 350 - 35, "'");
    ql_free(good(text, QL_KIND_QUERY));
    free(text);
    text = repeat("SELECT * FROM devices WHERE ", "(", 8, "a=1))))))))");
    ql_free(good(text, QL_KIND_FILTER));
    free(text);
    text = repeat("SELECT * FROM devices WHERE ", "(", 9, "a=1)))))))))");
    assert_bad(text, QL_KIND_FILTER, 37, "nested more than 8");
    free(text);
    text = repeat("SELECT * FROM devices WHERE ", "NOT ", 100, "a=1");
    assert_bad(text, QL_KIND_FILTER, 285, "nested");
    free(text);
    text = repeat("SELECT * FROM devices WHERE a=1", " OR a=1", 99, "");
    ql_free(good(text, QL_KIND_FILTER));
    free(text);
    text = repeat("SELECT * FROM devices WHERE a=1", " OR a=1", 100, "");
    assert_bad(text, QL_KIND_FILTER, 729, "more than 100 conditions");
    free(text);
    text = repeat("SELECT * FROM devices WHERE a IN [1", ",1", 300, "]");
    assert_bad(text, QL_KIND_FILTER, 635, "more than 300 values");
    free(text);
    text = repeat("SELECT ", "x", 100000, "");
    assert_bad(text, QL_KIND_FILTER, 1, "longer than 2048");
    free(text);
}

static void durations_are_read_and_bounded(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } GOOD[] = {{"P1D", 86400000}, {"PT10M", 600000},        {"P1W", 604800000},
                {"PT1S", 1000},    {"P1DT1H1M1S", 90061000}, {"PT90M", 5400000}};
    static const char *const BAD[] = {"",
                                      "P",
                                      "PT",
                                      "P1",
                                      "PT1",
                                      "P1M",
                                      "P1Y",
                                      "P0D",
                                      "PT0S",
                                      "1D",
                                      "P-1D",
                                      "P1DT",
                                      "P1H",
                                      "PT1D",
                                      "pt1m",
                                      "P1D ",
                                      "P9999999999999999999D",
                                      "P99999D",
                                      "PT1.5S",
                                      "PT1S1M"};
    int64_t ms = 0;
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        assert_true(ql_duration(spoke_str_of(GOOD[i].text), &ms));
        assert_int_equal(ms, GOOD[i].ms);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (ql_duration(spoke_str_of(BAD[i]), &ms))
            fail_msg("%s was taken", BAD[i]);
}

static void a_window_is_a_length_or_a_span(void **state)
{
    (void)state;
    struct ql_query *q = good(
        "SELECT a FROM " P " WHERE WITHIN_WINDOW('2026-03-04T00:00:00Z/2026-03-05T00:00:00Z')", QL_KIND_QUERY);
    assert_int_equal(q->window.to_ms - q->window.from_ms, 86400000);
    ql_free(q);
    q = good("SELECT a FROM " P " WHERE WITHIN_WINDOW('2026-03-04T00:00:00Z/PT1H')", QL_KIND_QUERY);
    assert_int_equal(q->window.to_ms - q->window.from_ms, 3600000);
    ql_free(q);
    q = good("SELECT a FROM " P " WHERE WITHIN_WINDOW('PT1H')", QL_KIND_QUERY);
    assert_int_equal(q->window.length_ms, 3600000);
    ql_free(q);
}

/* --- conditions --- */

/* A row of JSON members. */
static void get(void *ctx, const struct ql_path *path, struct ql_value *out)
{
    static char room[200];
    spoke_buf buf = spoke_buf_from(room, sizeof room);
    char name[100];
    spoke_str json;
    snprintf(name, sizeof name, "%.*s", (int)path->text.len, path->text.ptr);
    *out = (struct ql_value){.type = QL_NONE};
    if (spoke_json_find(spoke_str_of(ctx), name, &json) == SPOKE_OK)
        *out = ql_value_of(json, &buf);
}

static void conditions_hold_as_they_say(void **state)
{
    static char row[] = "{\"n\":10,\"t\":\"abc\",\"u\":\"a\\u0062c\",\"b\":true,\"o\":{\"x\":1},\"z\":null}";
    static const struct {
        const char *condition;
        bool holds;
    } CASES[] = {{"n = 10", true},
                 {"n = 10.0", true},
                 {"10 = n", true},
                 {"9 < n", true},
                 {"9 > n", false},
                 {"n >= 10", true},
                 {"n > 10", false},
                 {"n <> 10", false},
                 {"n != 11", true},
                 {"n = '10'", false},
                 {"n != '10'", false},
                 {"t = 'abc'", true},
                 {"u = 'abc'", true},
                 {"t > 'abb'", true},
                 {"t < 'abcd'", true},
                 {"t IN ['x','abc']", true},
                 {"t NOT IN ['x','abc']", false},
                 {"t NOT IN ['x']", true},
                 {"b = true", true},
                 {"b != true", false},
                 {"b != false", true},
                 {"CONTAINS(t,'bc')", true},
                 {"CONTAINS(t,'')", true},
                 {"CONTAINS(n,'1')", false},
                 {"STARTSWITH(t,'ab')", true},
                 {"STARTSWITH(t,'b')", false},
                 {"EXISTS(o)", true},
                 {"EXISTS(z)", false},
                 {"EXISTS(w)", false},
                 {"w = 1", false},
                 {"w != 1", false},
                 {"NOT w = 1", true},
                 {"w NOT IN [1]", false},
                 {"o = 1", false},
                 {"n = 1 OR n = 10", true},
                 {"n = 1 AND n = 10", false},
                 {"n = 10 OR n = 10 AND n = 1", true},
                 {"(n = 10 OR n = 10) AND n = 1", false},
                 {"NOT n = 1 AND n = 10", true},
                 {"NOT (n = 1 AND n = 10)", true},
                 {"NOT (n = 1 OR n = 10)", false},
                 {"NOT NOT n = 10", true}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "SELECT * FROM devices WHERE %s", CASES[i].condition);
        struct ql_query *q = good(text, QL_KIND_FILTER);
        if (ql_match(q, 0, get, row) != CASES[i].holds)
            fail_msg("%s: not %d", CASES[i].condition, CASES[i].holds);
        ql_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_of_telemetry_is_taken_apart),
        cmocka_unit_test(an_aggregate_is_taken_apart),
        cmocka_unit_test(a_filter_of_devices_is_taken_apart),
        cmocka_unit_test(a_fault_says_where_and_what_is_right),
        cmocka_unit_test(a_filter_has_its_own_rules),
        cmocka_unit_test(the_limits_hold_to_the_last_one),
        cmocka_unit_test(durations_are_read_and_bounded),
        cmocka_unit_test(a_window_is_a_length_or_a_span),
        cmocka_unit_test(conditions_hold_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
