/* Saved queries: what is kept, and what is refused. */
#include "support/core_fixture.h"

#define PATH "/api/queries/flow"
#define TEXT "SELECT AVG(flow) FROM dtmi:acme:pump;1 WHERE WITHIN_WINDOW(P1D) GROUP BY WINDOW(PT1H)"

static int set_up(void **state)
{
    *state = fixture_create(false);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void put(struct fixture *f, const char *query)
{
    char body[600];
    snprintf(body, sizeof body, "{\"displayName\":\"Flow\",\"query\":\"%s\"}", query);
    fixture_ask(f, "PUT", PATH, body);
}

static void a_query_is_kept_with_its_name(void **state)
{
    struct fixture *f = *state;
    put(f, TEXT);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "GET", PATH, NULL);
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "displayName"), "Flow");
    assert_string_equal(fixture_text(f, "query"), TEXT);
}

static void a_query_of_a_template_to_come_is_kept(void **state)
{
    struct fixture *f = *state;
    put(f, "SELECT x FROM dtmi:acme:later;1");
    assert_int_equal(f->status, 200);
}

static void what_is_no_query_is_refused_with_its_place(void **state)
{
    struct fixture *f = *state;
    put(f, "SELECT FROM");
    assert_refused(f, 400, "InvalidBody", "\"query\" of a saved query, at character");
    put(f, "");
    assert_int_equal(f->status, 400);
}

/* The query of a device group is another language. */
static void a_filter_of_devices_is_no_query(void **state)
{
    struct fixture *f = *state;
    put(f, "SELECT * FROM devices");
    assert_int_equal(f->status, 400);
}

static void a_query_longer_than_queries_are_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[420] = "SELECT flow FROM dtmi:acme:pump;1 WHERE flow > 1";
    while (strlen(text) <= 350)
        strcat(text, "0");
    put(f, text);
    assert_int_equal(f->status, 400);
}

static void what_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", PATH, "{\"query\":\"" TEXT "\"}");
    assert_refused(f, 400, "InvalidBody", "displayName");
    fixture_ask(f, "PUT", PATH, "{\"displayName\":\"x\"}");
    assert_refused(f, 400, "InvalidBody", "\"query\" of a saved query is missing");
}

static void a_change_is_held_to_the_same_rules(void **state)
{
    struct fixture *f = *state;
    put(f, TEXT);
    fixture_ask(f, "PATCH", PATH, "{\"query\":\"SELECT\"}");
    assert_int_equal(f->status, 400);
    fixture_ask(f, "PATCH", PATH, "{\"displayName\":\"Renamed\"}");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "query"), TEXT);
}

#define QUERIES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUERIES(a_query_is_kept_with_its_name),
        QUERIES(a_query_of_a_template_to_come_is_kept),
        QUERIES(what_is_no_query_is_refused_with_its_place),
        QUERIES(a_filter_of_devices_is_no_query),
        QUERIES(a_query_longer_than_queries_are_is_refused),
        QUERIES(what_is_missing_is_named),
        QUERIES(a_change_is_held_to_the_same_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
