/* What hangs together: inheritance, components, depth, counts and sizes. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dtdl_fixture.h"

/* A text that grows. */
struct writing {
    char *text;
    size_t length, room;
};

static void put(struct writing *w, const char *format, ...)
{
    va_list args;
    for (;;) {
        va_start(args, format);
        char *at = w->text != NULL ? w->text + w->length : NULL;
        const int n = vsnprintf(at, w->room - w->length, format, args);
        va_end(args);
        assert_true(n >= 0);
        if (w->text != NULL && w->length + (size_t)n < w->room) {
            w->length += (size_t)n;
            return;
        }
        w->room = w->room * 2 + 4096;
        w->text = realloc(w->text, w->room);
        assert_non_null(w->text);
    }
}

/* "": accepted. */
static void expect(struct writing *w, const char *issues)
{
    struct dtdl_fixture f;
    char ids[1000];
    fixture_load(&f, NULL, w->text);
    if (strcmp(fixture_issues(&f, ids, sizeof ids), issues) != 0)
        fail_msg("%.300s\n%s, not %s", w->text, ids, issues);
    assert_int_equal(f.status, issues[0] == '\0' ? SPOKE_OK : SPOKE_E_MODEL);
    fixture_end(&f);
    free(w->text);
    memset(w, 0, sizeof *w);
}

#define HEAD "{'@context':'dtmi:dtdl:context;%d','@id':'dtmi:x:a%u;1','@type':'Interface'"

/* --- inheritance --- */

static void chain(int version, unsigned steps, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    put(&w, "[" HEAD "}", version, 0u);
    for (unsigned i = 1; i <= steps; i++)
        put(&w, "," HEAD ",'extends':'dtmi:x:a%u;1'}", version, i, i - 1);
    put(&w, "]");
    expect(&w, issues);
}

static void a_chain_of_extends_is_10_long_and_12_in_version_4(void **state)
{
    (void)state;
    chain(2, 10, "");
    chain(2, 11, "excessiveDepthNarrow");
    chain(3, 10, "");
    chain(3, 11, "excessiveDepthNarrow");
    chain(4, 12, "");
    chain(4, 13, "excessiveDepthNarrow");
}

static void fan(int version, unsigned bases, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    put(&w, "[" HEAD ",'extends':['dtmi:x:a1;1'", version, 0u);
    for (unsigned i = 2; i <= bases; i++)
        put(&w, ",'dtmi:x:a%u;1'", i);
    put(&w, "]}");
    for (unsigned i = 1; i <= bases; i++)
        put(&w, "," HEAD "}", version, i);
    put(&w, "]");
    expect(&w, issues);
}

static void an_interface_extends_two_in_version_2_and_1024_later(void **state)
{
    (void)state;
    fan(2, 2, "");
    fan(2, 3, "objectCountAboveMax");
    fan(3, 1024, "");
    fan(3, 1025, "excessiveCount");
    fan(4, 1024, "");
    fan(4, 1025, "excessiveCount");
}

/* Version 2 limits depth and what one extends, and so more than a thousand can be inherited from. */
static void a_tree_of_extends_may_be_full_in_version_2(void **state)
{
    (void)state;
    struct writing w = {NULL, 0, 0};
    put(&w, "[");
    for (unsigned i = 1; i < 2048; i++) {
        put(&w, "%s" HEAD, i > 1 ? "," : "", 2, i);
        if (i < 1024)
            put(&w, ",'extends':['dtmi:x:a%u;1','dtmi:x:a%u;1']", 2 * i, 2 * i + 1);
        put(&w, "}");
    }
    put(&w, "]");
    expect(&w, "");
}

static void extends_may_not_come_round(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, ",'extends':'dtmi:x:a;1'"), "recursiveStructureNarrow", "", "'extends' leads back"},
        {"[" INTERFACE(3, ",'extends':'dtmi:x:b;1'") ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:b;1',"
                                                     "'@type':'Interface','extends':'dtmi:x:a;1'}]",
         "recursiveStructureNarrow", NULL, NULL},
        {INTERFACE(3, ",'contents':{'@type':'Component','name':'c','schema':'dtmi:x:a;1'}"),
         "recursiveStructureNarrow", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define BASE(id, more) ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:" id ";1','@type':'Interface'" more "}"
#define T(name) "{'@type':'Telemetry','name':'" name "','schema':'long'}"

static void inherited_names_stay_apart(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"[" INTERFACE(3, ",'extends':'dtmi:x:b;1','contents':" T("t")) BASE("b", ",'contents':" T("u")) "]", NULL,
         NULL, NULL},
        {"[" INTERFACE(3, ",'extends':'dtmi:x:b;1','contents':" T("t")) BASE("b", ",'contents':" T("t")) "]",
         "nonUniqueImportedPropertyValue", "/0", "two contents with the name 't'"},
        {"[" INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1']") BASE("b", ",'contents':" T("t"))
             BASE("c", ",'contents':" T("t")) "]",
         "nonUniqueImportedPropertyValue", "/0", NULL},
        {"[" INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1']") BASE("b", ",'extends':'dtmi:x:d;1'")
             BASE("c", ",'extends':'dtmi:x:d;1'") BASE("d", ",'contents':" T("t")) "]",
         NULL, NULL, NULL},
        {INTERFACE(3, ",'contents':[" T("t") "," T("t") "]"), "nonUniquePropertyValue", "/contents/1", "name 't'"},
        {INTERFACE(3, ",'contents':[" T("t") "," T("\\u0074") "]"), "nonUniquePropertyValue", NULL, NULL},
        {INTERFACE(3, ",'contents':[" T("t") "," T("T") "]"), NULL, NULL, NULL},
        {CONTENT(3, "Relationship",
                 ",'properties':[{'@type':'Property','name':'p','schema':'long'},"
                 "{'@type':'Property','name':'p','schema':'long'}]"),
         "nonUniquePropertyValue", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void a_walk_meets_own_contents_first_and_each_once(void **state)
{
    (void)state;
    static const char *const wanted[] = {"own", "b", "c", "d"};
    struct dtdl_fixture f;
    struct dtdl_walk walk;
    fixture_load(&f, NULL,
                 "[" INTERFACE(3, ",'extends':['dtmi:x:b;1','dtmi:x:c;1'],'contents':" T("own"))
                     BASE("b", ",'extends':'dtmi:x:d;1','contents':" T("b"))
                         BASE("c", ",'extends':'dtmi:x:d;1','contents':" T("c"))
                             BASE("d", ",'contents':" T("d")) "]");
    assert_ok(f.status);
    dtdl_walk_begin(&walk, dtdl_interface_at(f.model, 0));
    for (size_t i = 0; i < 4; i++)
        assert_str(dtdl_walk_next(&walk)->name, wanted[i]);
    assert_null(dtdl_walk_next(&walk));
    assert_null(dtdl_walk_next(&walk));
    assert_false(walk.truncated);
    fixture_end(&f);
}

/* Two bases each, ten levels of them: 2,047 interfaces, which version 2 allows as long as they hold little. */
static void a_walk_that_meets_too_many_interfaces_says_so(void **state)
{
    (void)state;
    struct writing w = {NULL, 0, 0};
    struct dtdl_fixture f;
    struct dtdl_walk walk;
    put(&w, "[");
    for (unsigned i = 0; i < 2047; i++) {
        put(&w, i == 0 ? HEAD : "," HEAD, 2, i);
        if (i < 1023)
            put(&w, ",'extends':['dtmi:x:a%u;1','dtmi:x:a%u;1']", 2 * i + 1, 2 * i + 2);
        put(&w, "}");
    }
    put(&w, "]");
    fixture_load(&f, NULL, w.text);
    free(w.text);
    assert_ok(f.status);
    dtdl_walk_begin(&walk, dtdl_interface_at(f.model, 0));
    assert_null(dtdl_walk_next(&walk));
    assert_true(walk.truncated);
    fixture_end(&f);
}

/* --- components --- */

#define COMPONENT(of) "{'@type':'Component','name':'c','schema':'dtmi:x:" of ";1'}"

static void a_components_interface_has_no_components_itself(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"[" INTERFACE(3, ",'contents':" COMPONENT("b")) BASE("b", "") "]", NULL, NULL, NULL},
        {"[" INTERFACE(3, ",'contents':" COMPONENT("b")) BASE("b", ",'contents':" COMPONENT("c"))
             BASE("c", "") "]",
         "excludedType", "/0/contents", "no components itself, nor inherit any"},
        {"[" INTERFACE(3, ",'contents':" COMPONENT("b")) BASE("b", ",'extends':'dtmi:x:c;1'")
             BASE("c", ",'contents':" COMPONENT("d")) BASE("d", "") "]",
         "excludedType", "/0/contents", NULL},
        {"[" INTERFACE(3, ",'extends':'dtmi:x:b;1'") BASE("b", ",'contents':" COMPONENT("c")) BASE("c", "") "]",
         NULL, NULL, NULL},
        {CONTENT(3, "Component", ",'schema':{'@type':'Interface'}"), "missingRequiredId", "/contents/0/schema",
         NULL},
        {CONTENT(3, "Component", ",'schema':'long'"), "badType", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

/* --- depth --- */

static void nest(int version, const char *limits, unsigned levels, const char *inner, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    if (limits != NULL)
        put(&w, "{'@context':['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:%s;1']", limits);
    else
        put(&w, "{'@context':'dtmi:dtdl:context;%d'", version);
    put(&w, ",'@id':'dtmi:x:a;1','@type':'Interface','contents':{'@type':'Telemetry','name':'t','schema':");
    for (unsigned i = 0; i < levels; i++)
        put(&w,
            i % 2 == 0 ? "{'@type':'Array','elementSchema':" : "{'@type':'Object','fields':{'name':'f','schema':");
    put(&w, "%s", inner);
    for (unsigned i = levels; i-- > 0;)
        put(&w, i % 2 == 0 ? "}" : "}}");
    put(&w, "}}");
    expect(&w, issues);
}

static void schemas_nest_5_deep_and_8_in_version_4(void **state)
{
    (void)state;
    for (int version = 2; version <= 3; version++) {
        nest(version, NULL, 5, "'long'", "");
        nest(version, NULL, 6, "'long'", "excessiveDepthWide");
        nest(version, NULL, 3, "'point'", "");
        nest(version, NULL, 4, "'point'", "excessiveDepthWide");
        nest(version, NULL, 0, "'multiPolygon'", "");
        nest(version, NULL, 1, "'multiPolygon'", "excessiveDepthWide");
    }
    nest(4, NULL, 8, "'long'", "");
    nest(4, NULL, 9, "'long'", "excessiveDepthWide");
    nest(4, NULL, 7, "'scaledDecimal'", "");
    nest(4, NULL, 8, "'scaledDecimal'", "excessiveDepthWide");
    nest(4, "aio", 12, "'long'", "");
    nest(4, "aio", 13, "'long'", "excessiveDepthWide");
    nest(4, "onvif", 24, "'long'", "");
    nest(4, "onvif", 25, "'long'", "excessiveDepthWide");
}

#define SELF ",'schemas':{'@id':'dtmi:x:s;1','@type':'Array','elementSchema':'dtmi:x:s;1'}"

static void a_schema_may_hold_itself_in_version_4_alone(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(2, SELF), "recursiveStructureWide", "/schemas", "only version 4 allows"},
        {INTERFACE(3, SELF), "recursiveStructureWide", "/schemas", NULL},
        {INTERFACE(4, SELF ",'contents':{'@type':'Telemetry','name':'t','schema':'dtmi:x:s;1'}"), NULL, NULL,
         NULL},
    };
    CHECK_CASES(NULL, cases);
}

/* --- counts --- */

static void contents(int version, unsigned count, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    put(&w, HEAD ",'contents':[", version, 0u);
    for (unsigned i = 0; i < count; i++)
        put(&w, "%s{'@type':'Command','name':'c%u'}", i > 0 ? "," : "", i);
    put(&w, "]}");
    expect(&w, issues);
}

static void an_interface_of_version_2_has_300_contents(void **state)
{
    (void)state;
    contents(2, 300, "");
    contents(2, 301, "objectCountAboveMax");
    contents(3, 301, "");
}

static void inherited_contents_count_in_version_2(void **state)
{
    (void)state;
    for (unsigned own = 100; own <= 101; own++) {
        struct writing w = {NULL, 0, 0};
        put(&w, "[" HEAD ",'extends':'dtmi:x:a1;1','contents':[", 2, 0u);
        for (unsigned i = 0; i < own; i++)
            put(&w, "%s{'@type':'Command','name':'c%u'}", i > 0 ? "," : "", i);
        put(&w, "]}," HEAD ",'contents':[", 2, 1u);
        for (unsigned i = 0; i < 200; i++)
            put(&w, "%s{'@type':'Command','name':'d%u'}", i > 0 ? "," : "", i);
        put(&w, "]}]");
        expect(&w, own == 100 ? "" : "objectCountAboveMax");
    }
}

static void values(const char *head, const char *value, const char *tail, unsigned count, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    put(&w, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        put(&w, i > 0 ? "," : "");
        put(&w, value, i, i);
    }
    put(&w, "%s", tail);
    expect(&w, issues);
}

static void version_2_counts_fields_values_and_properties(void **state)
{
    (void)state;
    static const char head[] =
        "{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a;1','@type':'Interface','contents':";
    char text[300];
    snprintf(text, sizeof text, "%s{'@type':'Telemetry','name':'t','schema':{'@type':'Object','fields':[", head);
    values(text, "{'name':'f%u','schema':'long'}", "]}}}", 30, "");
    values(text, "{'name':'f%u','schema':'long'}", "]}}}", 31, "objectCountAboveMax");
    snprintf(text, sizeof text,
             "%s{'@type':'Telemetry','name':'t','schema':{'@type':'Enum','valueSchema':'integer',"
             "'enumValues':[",
             head);
    values(text, "{'name':'v%u','enumValue':%u}", "]}}}", 100, "");
    values(text, "{'name':'v%u','enumValue':%u}", "]}}}", 101, "objectCountAboveMax");
    snprintf(text, sizeof text, "%s{'@type':'Relationship','name':'r','properties':[", head);
    values(text, "{'@type':'Property','name':'p%u','schema':'long'}", "]}}", 300, "");
    values(text, "{'@type':'Property','name':'p%u','schema':'long'}", "]}}", 301, "objectCountAboveMax");
}

/* An interface of `own` elements below, spread over so many interfaces that none is too large a text. */
static void hierarchy(unsigned commands, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    const unsigned parts = 4;
    put(&w, "[" HEAD ",'extends':['dtmi:x:a1;1'", 3, 0u);
    for (unsigned i = 2; i <= parts; i++)
        put(&w, ",'dtmi:x:a%u;1'", i);
    put(&w, "]}");
    for (unsigned i = 1; i <= parts; i++) {
        const unsigned from = commands * (i - 1) / parts, to = commands * i / parts;
        put(&w, "," HEAD ",'contents':[", 3, i);
        for (unsigned k = from; k < to; k++)
            put(&w, "%s{'@type':'Command','name':'c%u'}", k > from ? "," : "", k);
        put(&w, "]}");
    }
    put(&w, "]");
    expect(&w, issues);
}

static void a_hierarchy_has_100000_elements(void **state)
{
    (void)state;
    hierarchy(100000, "");
    hierarchy(100001, "excessiveCount");
}

/* A diamond of diamonds: 1024 ways lead down to the contents, which are there once. */
static void what_is_inherited_on_many_ways_counts_once(void **state)
{
    (void)state;
    struct writing w = {NULL, 0, 0};
    put(&w, "[" HEAD "}", 3, 0u);
    for (unsigned i = 1; i <= 5; i++) /* two steps each */
        put(&w, "," HEAD ",'extends':['dtmi:x:a%u0;1','dtmi:x:a%u1;1','dtmi:x:a%u2;1','dtmi:x:a%u3;1']}", 3, i, i,
            i, i, i);
    for (unsigned i = 1; i <= 5; i++)
        for (unsigned k = 0; k < 4; k++)
            put(&w, "," HEAD ",'extends':'dtmi:x:a%u;1'}", 3, i * 10 + k, i == 5 ? 90u : i + 1);
    put(&w, "," HEAD ",'contents':[", 3, 90u);
    for (unsigned k = 0; k < 200; k++)
        put(&w, "%s{'@type':'Command','name':'c%u'}", k > 0 ? "," : "", k);
    put(&w, "]}]");
    expect(&w, "");
}

/* --- size --- */

static void sized(int version, size_t bytes, const char *issues)
{
    struct writing w = {NULL, 0, 0};
    static const char tail[] = "}";
    put(&w, HEAD ",'schemas':[", version, 0u);
    for (unsigned i = 0; w.length < bytes - 200; i++)
        put(&w, "%s{'@type':'Object','@id':'dtmi:x:s%u;1'%s}", i > 0 ? "," : "", i,
            version == 2 ? ",'fields':{'name':'f','schema':'long'}" : "");
    put(&w, "]");
    while (w.length < bytes - strlen(tail))
        put(&w, " ");
    put(&w, "%s", tail);
    assert_int_equal(w.length, bytes);
    expect(&w, issues);
}

static void an_interface_is_at_most_a_mebibyte_of_text_since_version_3(void **state)
{
    (void)state;
    sized(3, 1024 * 1024, "");
    sized(3, 1024 * 1024 + 1, "partitionTooLarge");
    sized(4, 1024 * 1024 + 1, "partitionTooLarge");
    sized(2, 1024 * 1024 + 1, "");
}

static void a_nested_interface_is_not_its_hosts_text(void **state)
{
    (void)state;
    struct writing w = {NULL, 0, 0};
    put(&w, HEAD ",'contents':[", 3, 0u);
    for (unsigned i = 1; i <= 3; i++) {
        put(&w, "%s{'@type':'Component','name':'c%u','schema':{'@type':'Interface','@id':'dtmi:x:a%u;1'",
            i > 1 ? "," : "", i, i);
        for (unsigned k = 0; k < 500000; k++)
            put(&w, " ");
        put(&w, "}}");
    }
    put(&w, "]}");
    expect(&w, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_extends_is_10_long_and_12_in_version_4),
        cmocka_unit_test(an_interface_extends_two_in_version_2_and_1024_later),
        cmocka_unit_test(a_tree_of_extends_may_be_full_in_version_2),
        cmocka_unit_test(extends_may_not_come_round),
        cmocka_unit_test(inherited_names_stay_apart),
        cmocka_unit_test(a_walk_meets_own_contents_first_and_each_once),
        cmocka_unit_test(a_walk_that_meets_too_many_interfaces_says_so),
        cmocka_unit_test(a_components_interface_has_no_components_itself),
        cmocka_unit_test(schemas_nest_5_deep_and_8_in_version_4),
        cmocka_unit_test(a_schema_may_hold_itself_in_version_4_alone),
        cmocka_unit_test(an_interface_of_version_2_has_300_contents),
        cmocka_unit_test(inherited_contents_count_in_version_2),
        cmocka_unit_test(version_2_counts_fields_values_and_properties),
        cmocka_unit_test(a_hierarchy_has_100000_elements),
        cmocka_unit_test(what_is_inherited_on_many_ways_counts_once),
        cmocka_unit_test(an_interface_is_at_most_a_mebibyte_of_text_since_version_3),
        cmocka_unit_test(a_nested_interface_is_not_its_hosts_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
