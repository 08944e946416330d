/* Filters, orders and pages of /devices and /deviceTemplates. */
#include "central/rest/rest_filter.h"
#include "support/core_fixture.h"

#define PUMP "dtmi:acme:pumpTemplate;1"

static void ask_well(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static void put_template(struct fixture *f, const char *name, const char *title)
{
    char target[100], body[400];
    snprintf(target, sizeof target, "/api/deviceTemplates/dtmi:acme:%s;1", name);
    snprintf(body, sizeof body,
             "{\"@id\":\"dtmi:acme:%s;1\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],\"displayName\":\"%s\","
             "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],"
             "\"capabilityModel\":{\"@id\":\"dtmi:acme:%sModel;1\",\"@type\":\"Interface\",\"contents\":[]}}",
             name, title, name);
    ask_well(f, "PUT", target, body);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    ask_well(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    ask_well(f, "PUT", "/api/devices/a1", "{\"displayName\":\"Zeta pump\",\"template\":\"" PUMP "\"}");
    ask_well(f, "PUT", "/api/devices/b2", "{\"displayName\":\"Alpha\",\"simulated\":true}");
    ask_well(f, "PUT", "/api/devices/c3", "{\"displayName\":\"it's\",\"enabled\":false}");
    ask_well(f, "PUT", "/api/devices/d4", "{\"organizations\":[\"oslo\"]}");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void encode(const char *text, char *out)
{
    for (; *text != '\0'; text++)
        out += sprintf(out, "%%%02x", (unsigned char)*text);
}

static void ask_filtered(struct fixture *f, const char *list, const char *option, const char *filter)
{
    char *target = malloc(3 * strlen(filter) + 100);
    encode(filter, target + sprintf(target, "/api/%s?%s=", list, option));
    fixture_ask(f, "GET", target, "");
    free(target);
}

/* The ids of the answer, joined. */
static const char *ids(struct fixture *f, char out[200])
{
    const cJSON *item;
    out[0] = '\0';
    cJSON_ArrayForEach(item, fixture_at(f, "value"))
    {
        const cJSON *id = cJSON_GetObjectItem(item, "id");
        strcat(out, cJSON_GetStringValue(id != NULL ? id : cJSON_GetObjectItem(item, "@id")));
    }
    return out;
}

static void a_filter_leaves_what_fits(void **state)
{
    static const char *const CASES[][2] = {
        {"id eq 'a1'", "a1"},
        {"id ne 'a1'", "b2c3d4"},
        {"id gt 'b2'", "c3d4"},
        {"id ge 'b2' and id lt 'd4'", "b2c3"},
        {"id le 'b2'", "a1b2"},
        {"enabled eq false", "c3"},
        {"enabled ne false", "a1b2d4"},
        {"simulated eq true or enabled eq false", "b2c3"},
        {"provisioned eq true", ""},
        {"template eq '" PUMP "'", "a1"},
        {"template eq null", "b2c3d4"},
        {"template ne null", "a1"},
        {"displayName eq 'it''s'", "c3"},
        {"displayName eq \"it's\"", "c3"},
        {"displayName eq 'd4'", "d4"},
        {"scopes eq 'oslo'", "d4"},
        {"organizations ne 'oslo'", "a1b2c3"},
        {"indexof(displayName,'pump') ge 0", "a1"},
        {"indexof(displayName, 'pump') eq -1", "b2c3d4"},
        {"indexof(displayName,'Zeta') eq 0", "a1"},
        {"contains(displayName,'ph')", "b2"},
        {"contains(displayName,'ph') eq false", "a1c3d4"},
        {"contains(template,'pump') eq false", "b2c3d4"},
        {"not contains(displayName,'ph') and id lt 'c3'", "a1"},
        {"not (simulated eq true or enabled eq false)", "a1d4"},
        {"id eq 'a1' or id eq 'b2' and enabled eq false", "a1"},
        {"(id eq 'a1' or id eq 'b2') and simulated eq true", "b2"},
        {"  id   EQ 'a1'  ", "a1"},
        {"id eq ''' or id eq ''a1'", ""},
    };
    struct fixture *f = *state;
    char found[200];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask_filtered(f, "devices", i % 2 == 0 ? "%24filter" : "filter", CASES[i][0]);
        if (f->status != 200 || strcmp(ids(f, found), CASES[i][1]) != 0)
            fail_msg("%s: %d %s", CASES[i][0], f->status, f->text);
    }
}

static void a_filter_that_is_none_is_refused_with_the_place(void **state)
{
    static const char *const CASES[][2] = {
        {"", "there is no such field"},
        {"   ", "there is no such field"},
        {"colour eq 'red'", "there is no such field at \\\"colour\\\""},
        {"id", "eq, ne, lt, le, gt or ge is wanted"},
        {"id like 'a'", "eq, ne, lt, le, gt or ge is wanted at \\\"like\\\""},
        {"id eq", "a text in quotes is wanted"},
        {"id eq a1", "a text in quotes is wanted"},
        {"id eq 'a1", "the text does not end"},
        {"id gt null", "a text in quotes is wanted"},
        {"enabled eq 'true'", "true or false is wanted"},
        {"enabled gt true", "eq or ne is wanted"},
        {"id eq 'a1' and", "there is no such field"},
        {"id eq 'a1' id eq 'b2'", "and, or, or the end is wanted"},
        {"id eq 'a1'; DROP TABLE device", "and, or, or the end is wanted"},
        {"(id eq 'a1'", "a ) is missing"},
        {"id eq 'a1')", "there is no ( before"},
        {"contains(enabled,'a')", "a field of text is wanted"},
        {"contains(id 'a')", "a comma is wanted"},
        {"contains(id,'a'", ") is wanted"},
        {"contains id", "( is wanted"},
        {"indexof(id,'a') ge x", "a whole number is wanted"},
        {"indexof(id,'a') ge 100001", "a whole number is wanted"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask_filtered(f, "devices", "$filter", CASES[i][0]);
        if (f->status != 400 || strcmp(f->code, "InvalidQuery") != 0 || strstr(f->text, CASES[i][1]) == NULL)
            fail_msg("%s: %d %s", CASES[i][0], f->status, f->text);
    }
}

static void a_filter_has_bounds(void **state)
{
    struct fixture *f = *state;
    char text[2000] = "";
    for (size_t i = 0; i < FILTER_TESTS; i++)
        strcat(text, i == 0 ? "id ne 'x'" : " and id ne 'x'");
    ask_filtered(f, "devices", "$filter", text);
    assert_int_equal(f->status, 200);
    strcat(text, " and id ne 'x'");
    ask_filtered(f, "devices", "$filter", text);
    assert_refused(f, 400, "InvalidQuery", "at most 20 comparisons");
    memset(text, '(', 40);
    strcpy(text + 40, "id eq 'a'");
    ask_filtered(f, "devices", "$filter", text);
    assert_refused(f, 400, "InvalidQuery", "nested too deep");
    memset(text, ' ', FILTER_TEXT_CAP + 1);
    text[FILTER_TEXT_CAP + 1] = '\0';
    ask_filtered(f, "devices", "$filter", text);
    assert_refused(f, 400, "InvalidQuery", "at most 1024 bytes");
}

static void a_list_comes_in_the_order_that_was_asked_for(void **state)
{
    static const char *const CASES[][2] = {
        {"id", "a1b2c3d4"},          {"id asc", "a1b2c3d4"},          {"id desc", "d4c3b2a1"},
        {"displayName", "b2a1d4c3"}, {"displayName asc", "b2a1d4c3"}, {"displayName desc", "c3d4a1b2"},
    };
    struct fixture *f = *state;
    char found[200];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask_filtered(f, "devices", i % 2 == 0 ? "$orderby" : "orderby", CASES[i][0]);
        assert_int_equal(f->status, 200);
        assert_string_equal(ids(f, found), CASES[i][1]);
    }
    ask_filtered(f, "devices", "$orderby", "enabled");
    assert_refused(f, 400, "InvalidQuery", "$orderby is displayName or id");
}

static void follow(struct fixture *f)
{
    char target[1500];
    assert_non_null(fixture_at(f, "nextLink"));
    snprintf(target, sizeof target, "%s", fixture_text(f, "nextLink") + strlen("https://localhost:1"));
    fixture_ask(f, "GET", target, "");
    assert_int_equal(f->status, 200);
}

static void pages_in_an_order_go_on_where_they_ended(void **state)
{
    static const char *const ORDERS[][2] = {
        {"displayName", "b2a1d4c3"}, {"displayName%20desc", "c3d4a1b2"}, {"id%20desc", "d4c3b2a1"}};
    struct fixture *f = *state;
    char target[100], found[200], all[200];
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
        snprintf(target, sizeof target, "/api/devices?$top=1&$orderby=%s", ORDERS[i][0]);
        fixture_ask(f, "GET", target, "");
        snprintf(all, sizeof all, "%s", ids(f, found));
        while (fixture_at(f, "nextLink") != NULL) {
            follow(f);
            strcat(all, ids(f, found));
        }
        assert_string_equal(all, ORDERS[i][1]);
    }
}

static void pages_stay_stable_while_devices_come_and_go(void **state)
{
    struct fixture *f = *state;
    char found[200];
    fixture_ask(f, "GET", "/api/devices?$top=2&$orderby=displayName", "");
    assert_string_equal(ids(f, found), "b2a1");
    char *next = strdup(fixture_text(f, "nextLink") + strlen("https://localhost:1"));
    ask_well(f, "PUT", "/api/devices/e5", "{\"displayName\":\"Aardvark\"}");
    ask_well(f, "DELETE", "/api/devices/a1", "");
    ask_well(f, "PUT", "/api/devices/f6", "{\"displayName\":\"middle\"}");
    fixture_ask(f, "GET", next, "");
    assert_string_equal(ids(f, found), "d4c3");
    follow(f);
    assert_string_equal(ids(f, found), "f6");
    assert_null(fixture_at(f, "nextLink"));
    free(next);
}

static void a_token_of_another_order_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/devices?$orderby=displayName&$skiptoken=a1", "");
    assert_refused(f, 400, "InvalidQuery", "another order");
    fixture_ask(f, "GET", "/api/devices?$skiptoken=%27%20OR%201%3d1%20--", "");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "GET", "/api/devices?$orderby=displayName&$skiptoken=x%20%27%20OR%201%3d1%20--", "");
    assert_int_equal(f->status, 200);
}

static void both_spellings_at_once_are_refused(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/devices?$filter=id%20eq%20%27a%27&filter=id%20eq%20%27b%27", "");
    assert_refused(f, 400, "InvalidQuery", "$filter and filter say the same");
    fixture_ask(f, "GET", "/api/devices?$orderby=id&orderby=id", "");
    assert_refused(f, 400, "InvalidQuery", "$orderby and orderby say the same");
}

static void what_a_list_does_not_offer_is_refused(void **state)
{
    static const char *const NAMES[] = {"expand", "$expand", "unmodeled", "$select", "$skip", "$count", "$search"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char target[60];
        snprintf(target, sizeof target, "/api/devices?%s=x", NAMES[i]);
        fixture_ask(f, "GET", target, "");
        assert_refused(f, 400, "InvalidQuery", "is not offered");
    }
    fixture_ask(f, "GET", "/api/users?$filter=id%20eq%20%27a%27", "");
    assert_refused(f, 400, "InvalidQuery", "$filter is not offered");
}

static void a_filter_that_hardly_anything_fits_gives_short_pages_and_holds_nothing_up(void **state)
{
    struct fixture *f = *state;
    char id[20], found[200];
    unsigned pages = 1;
    for (unsigned i = 0; i < 12000; i++) {
        snprintf(id, sizeof id, "n%05u", i);
        struct store_device row = {.id = id, .enabled = true, .approved = true, .simulated = i == 11000};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
    }
    fixture_ask(f, "GET", "/api/devices?$filter=simulated%20eq%20true%20and%20id%20ge%20%27n%27", "");
    assert_string_equal(ids(f, found), "");
    while (fixture_at(f, "nextLink") != NULL) {
        follow(f);
        pages++;
        if (found[0] == '\0')
            (void)ids(f, found);
    }
    assert_string_equal(found, "n11000");
    assert_in_range(pages, 12, 13);
}

static void a_page_that_ends_at_what_is_of_others_does_not_name_it(void **state)
{
    static const char *const ORDERS[] = {"id", "displayName"};
    struct fixture *f = *state;
    char id[20], found[200], target[200];
    fixture_ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    for (unsigned i = 0; i < 2500; i++) {
        snprintf(id, sizeof id, "hidden%04u", i);
        struct store_device row = {.id = id, .display_name = id, .enabled = true, .approved = true};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
    }
    fixture_ask(f, "PUT", "/api/devices/own", "{\"organizations\":[\"oslo\"]}");
    fixture_ask(f, "PUT", "/api/apiTokens/t",
                "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    for (size_t i = 0; i < 2; i++) {
        unsigned pages = 1;
        snprintf(target, sizeof target, "/api/devices?api-version=2022-07-31&$orderby=%s", ORDERS[i]);
        fixture_ask_as(f, "GET", target, "", false, token);
        for (; fixture_at(f, "nextLink") != NULL; pages++) {
            assert_int_equal(f->status, 200);
            assert_null(strstr(f->text, "hidden"));
            char *link = strdup(strstr(fixture_text(f, "nextLink"), "/api/"));
            fixture_ask_as(f, "GET", link, "", false, token);
            free(link);
        }
        assert_string_equal(ids(f, found), "own");
        assert_in_range(pages, 3, 4);
    }
    free(token);
}

static void a_sealed_token_that_was_made_up_is_a_place_like_any_other(void **state)
{
#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const char *const TOKENS[] = {
        "~", "~~", "~" NONCE, "~" NONCE "AAAA", "~" NONCE "A", "~" NONCE "%25%25"};
    struct fixture *f = *state;
    char target[200];
    for (size_t i = 0; i < sizeof TOKENS / sizeof TOKENS[0]; i++) {
        snprintf(target, sizeof target, "/api/devices?$skiptoken=%s", TOKENS[i]);
        fixture_ask(f, "GET", target, "");
        assert_int_equal(f->status, 200);
        assert_non_null(fixture_at(f, "value"));
    }
}

static void templates_are_filtered_and_sorted_too(void **state)
{
    struct fixture *f = *state;
    char found[200];
    put_template(f, "aaa", "Second");
    put_template(f, "bbb", "First");
    fixture_ask(f, "GET", "/api/deviceTemplates?$orderby=displayName", "");
    assert_string_equal(ids(f, found), "dtmi:acme:bbb;1dtmi:acme:aaa;1");
    fixture_ask(f, "GET", "/api/deviceTemplates?$orderby=displayName&$top=1", "");
    assert_string_equal(ids(f, found), "dtmi:acme:bbb;1");
    follow(f);
    assert_string_equal(ids(f, found), "dtmi:acme:aaa;1");
    ask_filtered(f, "deviceTemplates", "$filter", "displayName eq 'Second'");
    assert_string_equal(ids(f, found), "dtmi:acme:aaa;1");
    ask_filtered(f, "deviceTemplates", "$filter", "enabled eq true");
    assert_refused(f, 400, "InvalidQuery", "there is no such field");
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_filter_leaves_what_fits),
        STAGED(a_filter_that_is_none_is_refused_with_the_place),
        STAGED(a_filter_has_bounds),
        STAGED(a_list_comes_in_the_order_that_was_asked_for),
        STAGED(pages_in_an_order_go_on_where_they_ended),
        STAGED(pages_stay_stable_while_devices_come_and_go),
        STAGED(a_token_of_another_order_is_refused),
        STAGED(both_spellings_at_once_are_refused),
        STAGED(what_a_list_does_not_offer_is_refused),
        STAGED(a_filter_that_hardly_anything_fits_gives_short_pages_and_holds_nothing_up),
        STAGED(a_page_that_ends_at_what_is_of_others_does_not_name_it),
        STAGED(a_sealed_token_that_was_made_up_is_a_place_like_any_other),
        STAGED(templates_are_filtered_and_sorted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
