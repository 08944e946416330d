/* References: within a text, across texts, through a resolver, to what is missing. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "support/dtdl_fixture.h"

#define ALSO(id, more) ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:" id ";1','@type':'Interface'" more "}]"
#define EXTENDS(more) "[" INTERFACE(3, ",'extends':'dtmi:x:b;1'") ALSO("b", more)

static void a_reference_leads_to_its_element_wherever_that_stands(void **state)
{
    (void)state;
    static const char *const texts[] = {
        EXTENDS(""),
        "[" INTERFACE(3, "") ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:b;1','@type':'Interface'}]",
    };
    struct dtdl_fixture f;
    fixture_load(&f, NULL, texts[0]);
    assert_ok(f.status);
    assert_ptr_equal(dtdl_target(dtdl_interface_at(f.model, 0), DTDL_EXTENDS), dtdl_interface_at(f.model, 1));
    fixture_end(&f);
    fixture_begin(&f, NULL); /* another text, added later */
    fixture_add(&f, INTERFACE(3, ",'extends':'dtmi:x:b;1'"));
    fixture_add(&f, "{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:b;1','@type':'Interface'}");
    fixture_finish(&f);
    assert_ok(f.status);
    assert_ptr_equal(dtdl_target(dtdl_interface_at(f.model, 0), DTDL_EXTENDS), dtdl_interface_at(f.model, 1));
    fixture_end(&f);
}

#define OBJECT ",'schemas':{'@id':'dtmi:x:o;1','@type':'Object','fields':{'name':'f','schema':'long'}}"

static void elements_inside_an_interface_are_its_own(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, OBJECT ",'contents':{'@type':'Telemetry','name':'t','schema':'dtmi:x:o;1'}"), NULL, NULL,
         NULL},
        {"[" INTERFACE(3, ",'contents':{'@type':'Telemetry','name':'t','schema':'dtmi:x:o;1'}") ALSO("b", OBJECT),
         "crossPartitionReference", "/0/contents/schema", "belongs to another interface"},
        {INTERFACE(3, OBJECT ",'contents':{'@type':'Telemetry','name':'t','schema':'dtmi:x:a;1'}"), "badType",
         NULL, NULL},
        {EXTENDS(",'contents':{'@type':'Telemetry','@id':'dtmi:x:t;1','name':'t','schema':'long'}"), NULL, NULL,
         NULL},
        {INTERFACE(3, ",'extends':'dtmi:x:t;1','contents':{'@type':'Telemetry','@id':'dtmi:x:t;1','name':'t',"
                      "'schema':'long'}"),
         "badType", "/extends", "an element of another kind"},
        {INTERFACE(3, ",'extends':'dtmi:dtdl:odd;1'"), "undefinedReservedId", "/extends", NULL},
        {INTERFACE(3, ",'extends':'odd'"), "badDtmiOrTerm", "/extends", NULL},
        {INTERFACE(3, ",'extends':{'@id':'dtmi:x:b;1'}"), "idReference", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void an_identifier_is_defined_once(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"[" INTERFACE(3, "") "," INTERFACE(3, "") "]", "duplicateDefinition", "/1/@id", "more than once"},
        {"[" INTERFACE(3, "") ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:\\u0061;1','@type':'Interface'}]",
         "duplicateDefinition", NULL, NULL},
        {INTERFACE(3, ",'contents':{'@id':'dtmi:x:a;1','@type':'Command','name':'c'}"), "duplicateDefinition",
         NULL, NULL},
        {"[" INTERFACE(3, "") ALSO("A", ""), NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void an_older_version_may_be_referred_to_a_newer_may_not(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"[" INTERFACE(4, ",'extends':'dtmi:x:b;1'") ALSO("b", ""), NULL, NULL, NULL},
        {"[" INTERFACE(2, ",'extends':'dtmi:x:b;1'") ALSO("b", ""), "disallowedVersionReference", "/0/extends",
         "newer version"},
        {"[" INTERFACE(2, ",'contents':{'@type':'Component','name':'c','schema':'dtmi:x:b;1'}") ALSO("b", ""),
         "disallowedVersionReference", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void what_is_missing_is_listed_once(void **state)
{
    (void)state;
    char text[6000] = INTERFACE(3, ",'extends':['dtmi:x:m0;1'");
    struct dtdl_fixture f;
    text[strlen(text) - 1] = '\0'; /* goes on */
    for (unsigned i = 1; i < 200; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ",'dtmi:x:m%u;1'", i % 100);
    strcat(text, "]}");
    fixture_load(&f, NULL, text);
    assert_int_equal(f.status, SPOKE_E_NOT_FOUND);
    assert_null(dtdl_issues(f.model));
    assert_str(dtdl_missing(f.model, 0), "dtmi:x:m0;1");
    assert_str(dtdl_missing(f.model, 99), "dtmi:x:m99;1");
    assert_int_equal(dtdl_missing(f.model, 100).len, 0);
    fixture_end(&f);
}

static void errors_are_told_even_when_something_is_missing(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    char ids[100];
    fixture_load(&f, NULL,
                 INTERFACE(3, ",'extends':'dtmi:x:b;1','contents':[{'@type':'Command','name':'c'},"
                              "{'@type':'Command','name':'c'}]"));
    assert_int_equal(f.status, SPOKE_E_MODEL);
    assert_string_equal(fixture_issues(&f, ids, sizeof ids), "nonUniquePropertyValue");
    assert_str(dtdl_missing(f.model, 0), "dtmi:x:b;1");
    fixture_end(&f);
}

/* --- resolver --- */

struct shelf {
    const char *id, *text;
};

struct library {
    const struct shelf *shelves;
    size_t count;
    char asked[200]; /* last labels, in order */
    char texts[4][400];
};

static spoke_status look_up(void *ctx, spoke_str dtmi, const char **name, spoke_str *text)
{
    struct library *library = ctx;
    const size_t used = strlen(library->asked);
    snprintf(library->asked + used, sizeof library->asked - used, "%.*s ", (int)(dtmi.len - 9), dtmi.ptr + 7);
    for (size_t i = 0; i < library->count; i++) {
        if (!spoke_str_equal(dtmi, spoke_str_of(library->shelves[i].id)))
            continue;
        char *copy = library->texts[i];
        for (const char *at = library->shelves[i].text; *at != '\0'; at++)
            *copy++ = (char)(*at == '\'' ? '"' : *at);
        *name = "library.json";
        *text = spoke_str_from(library->texts[i], (size_t)(copy - library->texts[i]));
        return SPOKE_OK;
    }
    return SPOKE_E_NOT_FOUND;
}

static void load_with(struct dtdl_fixture *f, struct library *library, const char *text)
{
    const struct dtdl_options options = {.resolve = look_up, .resolve_ctx = library};
    fixture_load(f, &options, text);
}

#define ONE(id, more) "{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:" id ";1','@type':'Interface'" more "}"

static void the_resolver_is_asked_once_for_each_identifier(void **state)
{
    (void)state;
    static const struct shelf shelves[] = {
        {"dtmi:x:b;1", ONE("b", ",'extends':['dtmi:x:c;1','dtmi:x:a;1']")},
        {"dtmi:x:c;1", "[" ONE("c", ",'extends':'dtmi:x:d;1'") "," ONE("d", "") "]"},
    };
    struct library library = {.shelves = shelves, .count = 2};
    struct dtdl_fixture f;
    load_with(&f, &library,
              INTERFACE(3, ",'contents':[{'@type':'Component','name':'c','schema':'dtmi:x:b;1'},"
                           "{'@type':'Component','name':'d','schema':'dtmi:x:b;1'},"
                           "{'@type':'Relationship','name':'r','target':'dtmi:x:never;1'}]"));
    assert_string_equal(library.asked, "b c ");
    /* b extends a, which holds components of b: a circle through the library */
    assert_int_equal(f.status, SPOKE_E_MODEL);
    assert_int_equal(dtdl_missing(f.model, 0).len, 0);
    fixture_end(&f);
}

static void only_given_texts_have_top_level_interfaces(void **state)
{
    (void)state;
    static const struct shelf shelves[] = {{"dtmi:x:b;1", ONE("b", "")}};
    struct library library = {.shelves = shelves, .count = 1};
    struct dtdl_fixture f;
    load_with(&f, &library, INTERFACE(3, ",'extends':'dtmi:x:b;1'"));
    assert_ok(f.status);
    assert_non_null(dtdl_by_id(f.model, SPOKE_STR("dtmi:x:b;1")));
    assert_null(dtdl_interface_at(f.model, 1));
    fixture_end(&f);
}

static void an_answer_may_bring_what_another_was_asked_for(void **state)
{
    (void)state;
    static const struct shelf shelves[] = {{"dtmi:x:c;1", "[" ONE("b", "") "," ONE("c", "") "]"}};
    struct library library = {.shelves = shelves, .count = 1};
    struct dtdl_fixture f;
    load_with(&f, &library, INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1']"));
    assert_string_equal(library.asked, "b c ");
    assert_ok(f.status);
    assert_str(dtdl_target(dtdl_interface_at(f.model, 0), DTDL_EXTENDS)->id, "dtmi:x:b;1");
    fixture_end(&f);
}

static void an_answer_that_says_nothing_of_the_question_leaves_it_open(void **state)
{
    (void)state;
    static const struct shelf shelves[] = {{"dtmi:x:b;1", ONE("other", "")}, {"dtmi:x:c;1", "[]"}};
    struct library library = {.shelves = shelves, .count = 2};
    struct dtdl_fixture f;
    load_with(&f, &library, INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1','dtmi:x:d;1']"));
    assert_int_equal(f.status, SPOKE_E_NOT_FOUND);
    assert_str(dtdl_missing(f.model, 0), "dtmi:x:b;1");
    assert_str(dtdl_missing(f.model, 1), "dtmi:x:c;1");
    assert_str(dtdl_missing(f.model, 2), "dtmi:x:d;1");
    fixture_end(&f);
}

static void errors_in_an_answer_are_placed_in_it(void **state)
{
    (void)state;
    static const struct shelf shelves[] = {{"dtmi:x:b;1", "{'@context'"}, {"dtmi:x:c;1", ONE("c", ",\n'odd':1")}};
    struct library library = {.shelves = shelves, .count = 2};
    struct dtdl_fixture f;
    char ids[100];
    load_with(&f, &library, INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1'],'odd':1"));
    assert_int_equal(f.status, SPOKE_E_MODEL);
    assert_string_equal(fixture_issues(&f, ids, sizeof ids),
                        "propertyUndefinedTerm,invalidJson,propertyUndefinedTerm");
    const struct dtdl_issue *last = dtdl_issues(f.model)->next->next;
    assert_string_equal(last->file, "library.json");
    assert_int_equal(last->line, 2);
    assert_int_equal(last->column, 1);
    fixture_end(&f);
}

static spoke_status run_out(void *ctx, spoke_str dtmi, const char **name, spoke_str *text)
{
    (void)ctx, (void)dtmi, (void)name, (void)text;
    return SPOKE_E_PORT;
}

static void a_resolver_that_fails_ends_the_matter(void **state)
{
    (void)state;
    const struct dtdl_options options = {.resolve = run_out};
    struct dtdl_fixture f;
    fixture_load(&f, &options, INTERFACE(3, ",'extends':'dtmi:x:b;1'"));
    assert_int_equal(f.status, SPOKE_E_PORT);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_leads_to_its_element_wherever_that_stands),
        cmocka_unit_test(elements_inside_an_interface_are_its_own),
        cmocka_unit_test(an_identifier_is_defined_once),
        cmocka_unit_test(an_older_version_may_be_referred_to_a_newer_may_not),
        cmocka_unit_test(what_is_missing_is_listed_once),
        cmocka_unit_test(errors_are_told_even_when_something_is_missing),
        cmocka_unit_test(the_resolver_is_asked_once_for_each_identifier),
        cmocka_unit_test(only_given_texts_have_top_level_interfaces),
        cmocka_unit_test(an_answer_may_bring_what_another_was_asked_for),
        cmocka_unit_test(an_answer_that_says_nothing_of_the_question_leaves_it_open),
        cmocka_unit_test(errors_in_an_answer_are_placed_in_it),
        cmocka_unit_test(a_resolver_that_fails_ends_the_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
