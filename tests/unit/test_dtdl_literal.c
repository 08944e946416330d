/* Plain values: text with its limits, languages, numbers judged as written, and objects that stand for them. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "support/dtdl_fixture.h"

#define RELATION(more) CONTENT(3, "Relationship", more)
#define RELATION2(more) CONTENT(2, "Relationship", more)

static void multiplicities_are_whole_numbers_in_their_range(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {RELATION(",'maxMultiplicity':1"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':2147483647"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':1.0"), "integerNotInteger", "/contents/0/maxMultiplicity", "not 1.0"},
        {RELATION(",'maxMultiplicity':1e1"), "integerNotInteger", NULL, "1e1"},
        {RELATION(",'maxMultiplicity':2147483648"), "integerNotInteger", NULL, "32 bits"},
        {RELATION(",'maxMultiplicity':123456789012345678901234567890"), "integerNotInteger", NULL, NULL},
        {RELATION(",'maxMultiplicity':'1'"), "integerNotInteger", NULL, "1"},
        {RELATION(",'maxMultiplicity':0"), "valueBelowMin", NULL, "at least 1"},
        {RELATION(",'maxMultiplicity':501"), NULL, NULL, NULL},
        {RELATION2(",'maxMultiplicity':500"), NULL, NULL, NULL},
        {RELATION2(",'maxMultiplicity':501"), "valueAboveRange", NULL, "1 to 500"},
        {RELATION2(",'maxMultiplicity':-1"), "valueBelowRange", NULL, NULL},
        {RELATION(",'minMultiplicity':0"), NULL, NULL, NULL},
        {RELATION(",'minMultiplicity':1"), "valueNotExact", NULL, "only be 0"},
        {RELATION(",'maxMultiplicity':[5]"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':[]"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':[5,6]"), "integerMultipleValues", NULL, NULL},
        {RELATION(",'maxMultiplicity':null"), "propertyValueNull", NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5}"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5.0}"), "integerValueNotInteger", NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5,'@type':'xsd:integer'}"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5,'@type':['xsd:integer']}"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5,'@type':'xsd:string'}"), "integerTypeNotInteger", NULL,
         "xsd:integer"},
        {RELATION(",'maxMultiplicity':{'@value':5,'@type':[]}"), "literalTypeNotSingular", NULL, NULL},
        {RELATION(",'maxMultiplicity':{}"), "integerObjectNoValue", NULL, "@value is missing"},
        {RELATION(",'maxMultiplicity':{'@value':5,'@id':'x'}"), "valueObjectId", NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@value':5,'odd':1}"), "valueObjectInvalidProp", NULL, "odd"},
        {RELATION(",'maxMultiplicity':{'@value':5,'@odd':1}"), "valueObjectKeyword", NULL, NULL},
        {RELATION2(",'maxMultiplicity':{'@value':5,'@odd':1}"), NULL, NULL, NULL},
        {RELATION(",'maxMultiplicity':{'@v\\u0061lue':5}"), NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void flags_are_true_or_false(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {CONTENT(3, "Property", ",'schema':'long','writable':false"), NULL, NULL, NULL},
        {CONTENT(3, "Property", ",'schema':'long','writable':[true]"), NULL, NULL, NULL},
        {CONTENT(3, "Property", ",'schema':'long','writable':'true'"), "booleanNotBoolean", "/contents/0/writable",
         "true or false"},
        {CONTENT(3, "Property", ",'schema':'long','writable':1"), "booleanNotBoolean", NULL, NULL},
        {CONTENT(3, "Property", ",'schema':'long','writable':{'@value':1}"), "booleanValueNotBoolean", NULL, NULL},
        {CONTENT(3, "Property", ",'schema':'long','writable':[true,true]"), "booleanMultipleValues", NULL, NULL},
        {CONTENT(3, "Telemetry", ",'schema':'long','writable':true"), "propertyIrrelevantDtmiOrTerm", NULL,
         "Telemetry has no property"},
    };
    CHECK_CASES(NULL, cases);
}

static void text_has_its_languages(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, ",'displayName':''"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':'a\\u0000b'"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':{}"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':[]"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en':'a','de-CH':'b','zh-Hant-TW':'c','es-419':'d','fil':'e'}"), NULL, NULL,
         NULL},
        {INTERFACE(3, ",'displayName':{'EN':'a'}"), "langStringInvalidCode", "/displayName/EN",
         "'EN' is no language"},
        {INTERFACE(3, ",'displayName':{'e':'a'}"), "langStringInvalidCode", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en-us':'a'}"), "langStringInvalidCode", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en-USA':'a'}"), "langStringInvalidCode", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en-':'a'}"), "langStringInvalidCode", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'':'a'}"), "langStringInvalidCode", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en':5}"), "langStringValueNotString", NULL, "not 5"},
        {INTERFACE(3, ",'displayName':{'@odd':'a'}"), "langMapObjKeyword", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'@value':'a','@language':'en'}"), "langTagValueInLangMap", NULL,
         "an array"},
        {INTERFACE(3, ",'displayName':[{'@value':'a','@language':'de'},'b']"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':['a',{'@value':'b','@language':'en'}]"), "langStringElementCodeNotUnique",
         "/displayName/1", "'en'"},
        {INTERFACE(3, ",'displayName':['a','b']"), "langStringElementCodeNotUnique", NULL, NULL},
        {INTERFACE(3, ",'displayName':[{'en':'a'}]"), "langStringElementNoValue", NULL, NULL},
        {INTERFACE(3, ",'displayName':[{'@language':'en'}]"), "langStringElementNoValue", NULL, NULL},
        {INTERFACE(3, ",'displayName':[{'@value':5}]"), "langStringElementValueNotString", NULL, NULL},
        {INTERFACE(3, ",'displayName':[{'@value':'a','@language':5}]"), "langStringElementCodeNotString", NULL,
         NULL},
        {INTERFACE(3, ",'displayName':[{'@value':'a','@language':'x'}]"), "langStringElementInvalidCode", NULL,
         NULL},
        {INTERFACE(3, ",'displayName':[{'@value':'a','@type':'xsd:string'}]"), "langStringElementType", NULL,
         NULL},
        {INTERFACE(2, ",'displayName':[{'@value':'a','@type':'xsd:string'}]"), NULL, NULL, NULL},
        {INTERFACE(3, ",'displayName':[{'@value':'a','@value':'b'}]"), "duplicatePropertyName", NULL, NULL},
        {INTERFACE(3, ",'displayName':[7]"), "langStringElementNotStringOrObject", NULL, NULL},
        {INTERFACE(3, ",'displayName':true"), "langStringNotLangString", NULL, NULL},
        {INTERFACE(3, ",'displayName':null"), "propertyValueNull", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void english_is_kept_or_else_the_first_language(void **state)
{
    (void)state;
    static const struct {
        const char *text, *kept;
    } names[] = {
        {"{'de':'D','en':'E','fr':'F'}", "E"},
        {"{'de':'D','fr':'F'}", "D"},
        {"[{'@value':'D','@language':'de'},'E']", "E"},
        {"'\\u00e4'", "\xC3\xA4"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[200];
        struct dtdl_fixture f;
        snprintf(text, sizeof text, INTERFACE(3, ",'displayName':%s"), names[i].text);
        fixture_load(&f, NULL, text);
        assert_ok(f.status);
        assert_str(dtdl_interface_at(f.model, 0)->display_name, names[i].kept);
        fixture_end(&f);
    }
}

static void fill(char *out, const char *unit, size_t count)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * strlen(unit), unit, strlen(unit) + 1);
}

/* member: with one %s for the text. */
static void expect_length(const char *head, const char *member, const char *unit, size_t count, const char *issue)
{
    static char text[8000], value[6000], whole[8000];
    struct dtdl_fixture f;
    fill(value, unit, count);
    snprintf(text, sizeof text, member, value);
    snprintf(whole, sizeof whole, "%s%s", head, text);
    fixture_load(&f, NULL, whole);
    const struct dtdl_issue *first = dtdl_issues(f.model);
    if ((first == NULL) != (issue == NULL) || (first != NULL && strcmp(first->id, issue) != 0))
        fail_msg("%zu times %s in %s: %s", count, unit, member, first != NULL ? first->id : "accepted");
    fixture_end(&f);
}

#define OPEN(version) "{'@context':'dtmi:dtdl:context;" #version "','@id':'dtmi:x:a;1','@type':'Interface'"
#define OPEN_LIMITS(which) \
    "{'@context':['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:" which \
    ";1'],'@id':'dtmi:x:a;1','@type':'Interface'"
#define NAMED ",'contents':{'@type':'Telemetry','name':'%s','schema':'long'}}"

static void names_have_64_characters_in_version_2_and_512_later(void **state)
{
    (void)state;
    expect_length(OPEN(2), NAMED, "a", 64, NULL);
    expect_length(OPEN(2), NAMED, "a", 65, "stringTooLong");
    expect_length(OPEN(3), NAMED, "a", 512, NULL);
    expect_length(OPEN(3), NAMED, "a", 513, "stringTooLong");
    expect_length(OPEN_LIMITS("onvif"), NAMED, "a", 512, NULL);
    expect_length(OPEN_LIMITS("onvif"), NAMED, "a", 513, "stringTooLong");
}

static void lengths_count_utf16_units(void **state)
{
    (void)state;
    expect_length(OPEN(2), ",'displayName':'%s'}", "\xC3\xA4", 64, NULL);
    expect_length(OPEN(2), ",'displayName':'%s'}", "\xC3\xA4", 65, "langStringValueTooLong");
    expect_length(OPEN(2), ",'displayName':'%s'}", "\xF0\x9F\x98\x80", 32, NULL);
    expect_length(OPEN(2), ",'displayName':'%s'}", "\xF0\x9F\x98\x80", 33, "langStringValueTooLong");
    expect_length(OPEN(2), ",'displayName':'%s'}", "\\ud83d\\ude00", 32, NULL);
    expect_length(OPEN(2), ",'displayName':'%s'}", "\\ud83d\\ude00", 33, "langStringValueTooLong");
}

static void descriptions_grow_with_the_limits_of_the_context(void **state)
{
    (void)state;
    expect_length(OPEN(2), ",'description':'%s'}", "a", 512, NULL);
    expect_length(OPEN(2), ",'description':'%s'}", "a", 513, "langStringValueTooLong");
    expect_length(OPEN(3), ",'displayName':'%s'}", "a", 512, NULL);
    expect_length(OPEN(3), ",'comment':'%s'}", "a", 513, "stringTooLong");
    expect_length(OPEN_LIMITS("aio"), ",'description':'%s'}", "a", 2048, NULL);
    expect_length(OPEN_LIMITS("aio"), ",'description':'%s'}", "a", 2049, "langStringValueTooLong");
    expect_length(OPEN_LIMITS("onvif"), ",'description':'%s'}", "a", 4096, NULL);
    expect_length(OPEN_LIMITS("onvif"), ",'description':'%s'}", "a", 4097, "langStringValueTooLong");
    expect_length(OPEN_LIMITS("onvif"), ",'comment':'%s'}", "a", 513, "stringTooLong");
}

#define ID_OPEN(version) "{'@context':'dtmi:dtdl:context;" #version "','@type':'Interface'"
#define ID_OPEN_LIMITS "{'@context':['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:aio;1'],'@type':'Interface'"
#define TARGET ",'contents':{'@type':'Relationship','name':'r','target':'dtmi:%s;1'}}"
#define OWN_ID ",'@id':'dtmi:%s;1'}"
#define INNER_ID ",'@id':'dtmi:x:a;1','contents':{'@id':'dtmi:%s;1','@type':'Command','name':'c'}}"

static void identifiers_have_their_lengths(void **state)
{
    (void)state;
    expect_length(ID_OPEN(2), OWN_ID, "a", 121, NULL); /* 128 with what stands around */
    expect_length(ID_OPEN(2), OWN_ID, "a", 122, "idTooLongForType");
    expect_length(ID_OPEN(3), OWN_ID, "a", 122, "idTooLongForType");
    expect_length(ID_OPEN(3), OWN_ID, "a", 2042, "idTooLong");
    expect_length(ID_OPEN_LIMITS, OWN_ID, "a", 249, NULL);
    expect_length(ID_OPEN_LIMITS, OWN_ID, "a", 250, "idTooLongForType");
    expect_length(ID_OPEN(3), INNER_ID, "a", 2041, NULL);
    expect_length(ID_OPEN(3), INNER_ID, "a", 2042, "idTooLong");
    expect_length(ID_OPEN_LIMITS, INNER_ID, "a", 505, NULL);
    expect_length(ID_OPEN_LIMITS, INNER_ID, "a", 506, "idTooLong");
    expect_length(OPEN(3), TARGET, "a", 2041, NULL);
    expect_length(OPEN(3), TARGET, "a", 2042, "identifierTooLong");
    expect_length(OPEN_LIMITS("aio"), TARGET, "a", 2041, NULL);
}

static void a_target_is_an_identifier_that_need_not_exist(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {RELATION(",'target':'dtmi:x:nowhere;1'"), NULL, NULL, NULL},
        {RELATION(",'target':'dtmi:x:nowhere'"), NULL, NULL, NULL},
        {RELATION2(",'target':'dtmi:x:nowhere'"), "identifierNotDtmi", "/contents/0/target", "dtmi:x:nowhere"},
        {RELATION(",'target':'dtmi:x:nowhere;1#f'"), "identifierNotDtmi", NULL, NULL},
        {RELATION(",'target':'Room'"), "identifierNotDtmi", NULL, "'Room'"},
        {RELATION(",'target':7"), "identifierNotString", NULL, NULL},
        {RELATION(",'target':{'@id':'dtmi:x:a;1'}"), "identifierNotString", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiplicities_are_whole_numbers_in_their_range),
        cmocka_unit_test(flags_are_true_or_false),
        cmocka_unit_test(text_has_its_languages),
        cmocka_unit_test(english_is_kept_or_else_the_first_language),
        cmocka_unit_test(names_have_64_characters_in_version_2_and_512_later),
        cmocka_unit_test(lengths_count_utf16_units),
        cmocka_unit_test(descriptions_grow_with_the_limits_of_the_context),
        cmocka_unit_test(identifiers_have_their_lengths),
        cmocka_unit_test(a_target_is_an_identifier_that_need_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
