/* A gateway and the devices behind it. */
#include "support/core_fixture.h"

#define GATEWAY "/api/devices/gw/relationships"

static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    *state = f;
    ask(f, "PUT", "/api/devices/gw", "{}");
    ask(f, "PUT", "/api/devices/leaf", "{}");
    ask(f, "PUT", "/api/devices/leaf2", "{}");
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void both_ends_show_it_and_it_goes_with_either(void **state)
{
    static const char SHOWN[] =
        "{\"id\":\"r1\",\"etag\":\"\\\"19cb73d3271\\\"\",\"source\":\"gw\",\"target\":\"leaf\"}";
    struct fixture *f = *state;
    char list[200];
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"source\":\"gw\",\"target\":\"leaf\"}");
    assert_answer(f, 200, SHOWN);
    snprintf(list, sizeof list, "{\"value\":[%s]}", SHOWN);
    fixture_ask(f, "GET", GATEWAY, "");
    assert_answer(f, 200, list);
    fixture_ask(f, "GET", "/api/devices/leaf/relationships", "");
    assert_answer(f, 200, list);
    fixture_ask(f, "GET", "/api/devices/leaf/relationships/r1", "");
    assert_answer(f, 200, SHOWN);
    ask(f, "DELETE", "/api/devices/leaf", "");
    fixture_ask(f, "GET", GATEWAY, "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void a_list_is_of_neighbours_alone_and_in_pages(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    ask(f, "PUT", "/api/devices/leaf/relationships/r2", "{\"target\":\"leaf2\"}");
    ask(f, "GET", GATEWAY, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    ask(f, "GET", "/api/devices/leaf/relationships?$top=1", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "r1");
    assert_non_null(fixture_at(f, "nextLink"));
    ask(f, "GET", "/api/devices/leaf/relationships?$skiptoken=r1", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "r2");
}

static void patch_moves_the_other_end_and_delete_ends_it(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    fixture_ask(f, "PATCH", GATEWAY "/r1", "{\"target\":\"leaf2\",\"etag\":\"\\\"1\\\"\"}");
    assert_refused(f, 412, "PreconditionFailed", "");
    ask(f, "PATCH", GATEWAY "/r1", "{\"target\":\"leaf2\"}");
    assert_string_equal(fixture_text(f, "target"), "leaf2");
    fixture_ask(f, "DELETE", "/api/devices/leaf2/relationships/r1", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "DELETE", GATEWAY "/r1", "");
    assert_refused(f, 404, "NotFound", "no relationship r1");
    fixture_ask(f, "PATCH", GATEWAY "/r1", "{}");
    assert_refused(f, 404, "NotFound", "no relationship r1");
}

static void a_relationship_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", GATEWAY "/r1", "{}");
    assert_refused(f, 400, "InvalidBody", "\"target\" of a relationship");
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"none\"}");
    assert_refused(f, 400, "InvalidBody", "Device none does not exist");
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"source\":\"leaf\",\"target\":\"leaf2\"}");
    assert_refused(f, 400, "InvalidBody", "has to be the path's device");
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"target\":1}");
    assert_refused(f, 400, "InvalidBody", "has to be a string");
    fixture_ask(f, "PUT", GATEWAY "/r 1", "{\"target\":\"leaf\"}");
    assert_refused(f, 400, "InvalidRequest", "letters");
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"gw\"}");
    assert_refused(f, 409, "Conflict", "behind itself");
    fixture_ask(f, "PUT", "/api/devices/none/relationships/r1", "{\"target\":\"leaf\"}");
    assert_refused(f, 404, "NotFound", "none");
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    ask(f, "PUT", "/api/devices/leaf/relationships/r2", "{\"target\":\"leaf2\"}");
    fixture_ask(f, "PUT", "/api/devices/leaf2/relationships/r3", "{\"target\":\"gw\"}");
    assert_refused(f, 409, "Conflict", "Device gw would be behind itself");
    fixture_ask(f, "PUT", GATEWAY "/r4", "{\"target\":\"leaf2\"}");
    assert_refused(f, 409, "Conflict", "Device leaf2 is behind gateway leaf already");
}

static void an_id_is_given_once_for_each_device(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    fixture_ask(f, "PUT", "/api/devices/leaf2/relationships/r1", "{\"source\":\"gw\",\"target\":\"leaf2\"}");
    assert_refused(f, 409, "Conflict", "Device gw has a relationship r1 already");
    ask(f, "PUT", "/api/devices/leaf/relationships/r2", "{\"target\":\"leaf2\"}");
    fixture_ask(f, "PATCH", "/api/devices/leaf2/relationships/r2", "{\"source\":\"gw\"}");
    assert_int_equal(f->status, 200);
    ask(f, "GET", "/api/devices/leaf/relationships/r1", "");
    ask(f, "DELETE", GATEWAY "/r1", "");
    ask(f, "DELETE", GATEWAY "/r2", "");
    ask(f, "PUT", "/api/devices/leaf/relationships/r1", "{\"target\":\"leaf2\"}");
    fixture_ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}"); /* of two a path or a page would name one */
    assert_refused(f, 409, "Conflict", "Device leaf has a relationship r1 already");
}

static void a_bound_token_sees_what_has_both_ends_in_its_reach(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    ask(f, "PATCH", "/api/devices/gw", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    ask(f, "PUT", "/api/apiTokens/t",
        "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "GET", GATEWAY "?api-version=2022-07-31", "", false, token);
    assert_answer(f, 200, "{\"value\":[]}");
    fixture_ask_as(f, "PUT", GATEWAY "/r2?api-version=2022-07-31", "{\"target\":\"leaf2\"}", false, token);
    assert_refused(f, 400, "InvalidBody", "Device leaf2 does not exist");
    free(token);
}

static void a_list_looks_at_a_thousand_and_names_none_out_of_reach(void **state)
{
    struct fixture *f = *state;
    char id[20];
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    ask(f, "PATCH", "/api/devices/gw", "{\"organizations\":[\"oslo\"]}");
    for (unsigned i = 0; i < 1100; i++) {
        snprintf(id, sizeof id, "hidden%04u", i);
        struct store_device row = {.id = id, .enabled = true, .approved = true};
        const struct store_relationship link = {"gw", id, id, 1};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
        assert_ok(store_relationship_put(core_store(f->bench.core), &link));
    }
    ask(f, "PUT", "/api/apiTokens/t",
        "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "GET", GATEWAY "?api-version=2022-07-31", "", false, token);
    assert_int_equal(f->status, 200);
    assert_non_null(fixture_at(f, "nextLink"));
    assert_null(strstr(f->text, "hidden"));
    free(token);
}

static void a_relationship_with_an_end_out_of_reach_is_not_changed(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    ask(f, "PATCH", "/api/devices/gw", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PUT", "/api/devices/own", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PUT", GATEWAY "/r1", "{\"target\":\"leaf\"}");
    ask(f, "PUT", "/api/devices/leaf2/relationships/r1", "{\"source\":\"leaf2\",\"target\":\"own\"}");
    ask(f, "PUT", "/api/apiTokens/t",
        "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "PUT", GATEWAY "/r1?api-version=2022-07-31", "{\"target\":\"own\"}", false, token);
    assert_refused(f, 409, "Conflict", "has a relationship r1 that reaches");
    fixture_ask_as(f, "PATCH", GATEWAY "/r1?api-version=2022-07-31", "{\"target\":\"own\"}", false, token);
    assert_refused(f, 404, "NotFound", "has no relationship r1");
    fixture_ask_as(f, "PUT", "/api/devices/own/relationships/r1?api-version=2022-07-31",
                   "{\"source\":\"gw\",\"target\":\"own\"}", false, token);
    assert_refused(f, 409, "Conflict", "has a relationship r1 that reaches");
    fixture_ask_as(f, "PUT", GATEWAY "/r2?api-version=2022-07-31", "{\"target\":\"own\"}", false, token);
    assert_refused(f, 409, "Conflict", "Device own is behind a gateway of another organization already");
    assert_null(strstr(f->text, "leaf2"));
    ask(f, "GET", "/api/devices/leaf/relationships/r1", "");
    ask(f, "GET", "/api/devices/leaf2/relationships/r1", "");
    free(token);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(both_ends_show_it_and_it_goes_with_either),
        WITH_CORE(a_list_is_of_neighbours_alone_and_in_pages),
        WITH_CORE(patch_moves_the_other_end_and_delete_ends_it),
        WITH_CORE(a_relationship_that_cannot_be_is_refused),
        WITH_CORE(an_id_is_given_once_for_each_device),
        WITH_CORE(a_bound_token_sees_what_has_both_ends_in_its_reach),
        WITH_CORE(a_list_looks_at_a_thousand_and_names_none_out_of_reach),
        WITH_CORE(a_relationship_with_an_end_out_of_reach_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
