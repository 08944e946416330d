/* @context: versions of the language, extensions, limits, what is not known here, and contexts inside others. */
#include "support/support.h"

#include <string.h>

#include "support/dtdl_fixture.h"

/* An interface with that @context. */
#define WITH(context) "{'@context':" context ",'@id':'dtmi:x:a;1','@type':'Interface'}"

static void the_language_comes_first_in_a_known_version(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {WITH("'dtmi:dtdl:context;2'"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;4']"), NULL, NULL, NULL},
        {WITH("[]"), "emptyContext", "/@context", "names nothing"},
        {WITH("null"), "invalidContext", NULL, "null"},
        {WITH("7"), "invalidContext", "/@context", "7"},
        {WITH("['dtmi:dtdl:context;3',7]"), "invalidContext", "/@context/1", NULL},
        {WITH("{'a':'dtmi:x:a;1'}"), "disallowedLocalContext", NULL, "cannot be defined"},
        {WITH("['dtmi:dtdl:context;3',{}]"), "disallowedLocalContext", "/@context/1", NULL},
        {WITH("'dtmi:dtdl:context'"), "missingContextVersion", NULL, NULL},
        {WITH("'dtmi:dtdl:context;1'"), "unrecognizedContextVersion", NULL, NULL},
        {WITH("'dtmi:dtdl:context;5'"), "unrecognizedContextVersion", NULL, NULL},
        {WITH("'dtmi:dtdl:context;3.1'"), "unrecognizedContextVersion", NULL, NULL},
        {WITH("'http://x/dtdl'"), "nonDtmiContextSpecifier", NULL, "http://x/dtdl"},
        {WITH("'dtmi:_x:y;1'"), "invalidContextSpecifier", NULL, NULL},
        {WITH("'dtmi:x:;1'"), "invalidContextSpecifier", NULL, NULL},
        {WITH("'dtmi:dtdl:extension:mqtt;3'"), "missingDtdlContext", NULL, "dtmi:dtdl:extension:mqtt;3"},
        {WITH("['dtmi:dtdl:context;3','dtmi:dtdl:extension:mqtt;3']"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;2','dtmi:dtdl:context;3']"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;3','dtmi:dtdl:extension:mqtt;3','dtmi:dtdl:context;3']"),
         "dtdlContextFollowsAffiliate", "/@context/2", NULL},
        {WITH("'dtmi:iotcentral:context;2'"), "missingDtdlContext", NULL, NULL},
        {WITH("['dtmi:iotcentral:context;2','dtmi:dtdl:context;2']"), NULL, NULL, NULL},
        {WITH("'dtmi:dtdl:c\\u006fntext;3'"), NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void a_newer_version_than_asked_for_is_refused(void **state)
{
    (void)state;
    const struct dtdl_options options = {.max_version = 3};
    static const struct dtdl_case cases[] = {
        {WITH("'dtmi:dtdl:context;3'"), NULL, NULL, NULL},
        {WITH("'dtmi:dtdl:context;4'"), "disallowedContextVersion", NULL, "raise the allowed version"},
    };
    CHECK_CASES(&options, cases);
}

#define UNKNOWN(version, type, more) \
    "{'@context':['dtmi:dtdl:context;" #version \
    "','dtmi:other:context;1'],'@id':'dtmi:x:a;1','@type':['Interface'," \
    "'" type "']" more "}"

static void unknown_contexts_are_borne_in_version_2_and_where_they_are_allowed(void **state)
{
    (void)state;
    static const struct dtdl_case by_version[] = {
        {UNKNOWN(2, "Odd", ",'odd':1"), NULL, NULL, NULL},
        {UNKNOWN(3, "Odd", ""), "unresolvableContextSpecifier", "/@context/1", "allow undefined extensions"},
        {WITH("['dtmi:dtdl:context;3','dtmi:dtdl:extension:mqtt;9']"), "unresolvableContextVersion", NULL, NULL},
        {WITH("['dtmi:dtdl:context;3','dtmi:other:context']"), "invalidContextSpecifierForVersion", NULL, NULL},
        {WITH("['dtmi:dtdl:context;3','dtmi:other:context;1#f']"), "invalidContextSpecifier", NULL, NULL},
    };
    static const struct dtdl_case allowed[] = {
        {UNKNOWN(3, "Odd", ",'odd':1"), NULL, NULL, NULL},
        {UNKNOWN(4, "dtmi:other:Odd;1", ",'dtmi:other:odd;1':1"), NULL, NULL, NULL},
        {UNKNOWN(3, "dtmi:other:", ""), "typeInvalidDtmi", "/@type/1", NULL},
        {UNKNOWN(3, "http://odd", ""), "typeNotDtmiNorTerm", NULL, NULL},
        {UNKNOWN(3, "Telemtry", ",'http://odd':1"), "propertyNotDtmiNorTerm", NULL, NULL},
        {UNKNOWN(3, "schema", ""), NULL, NULL, NULL},
        {INTERFACE(3, ",'contents':{'@type':['Command','Odd'],'name':'c'}"), "typeUndefinedTerm", NULL, NULL},
    };
    static const struct dtdl_case refused[] = {
        {UNKNOWN(2, "Odd", ""), "unresolvableContextSpecifier", NULL, NULL},
        {UNKNOWN(3, "Odd", ""), "unresolvableContextSpecifier", NULL, NULL},
    };
    const struct dtdl_options allow = {.undefined = DTDL_UNDEFINED_ALLOW};
    const struct dtdl_options disallow = {.undefined = DTDL_UNDEFINED_DISALLOW};
    CHECK_CASES(NULL, by_version);
    CHECK_CASES(&allow, allowed);
    CHECK_CASES(&disallow, refused);
}

static void unknown_types_and_members_are_borne_together_or_not_at_all(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a;1','@type':['Interface','Odd'],'odd':{'a':[1]}}", NULL,
         NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a;1','@type':['Interface','http://odd'],'http://p':1}",
         NULL, NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a;1','@type':['Interface','dtmi:odd:']}",
         "typeInvalidDtmi", NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a;1','@type':['Interface','dtmi:odd;1']}",
         "typeIrrelevantDtmiOrTerm", NULL, NULL},
        {INTERFACE(2, ",'odd':1"), "propertyUndefinedTerm", NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':['Interface','Odd']}", "typeUndefinedTerm",
         NULL, "Odd"},
    };
    CHECK_CASES(NULL, cases);
}

static void limits_stand_right_behind_limitless(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:onvif;1']"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:context;4#limits']"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:context;4']"), NULL, NULL, NULL},
        {WITH("'dtmi:dtdl:context;4#limitless'"), "missingLimitContext", NULL, "dtmi:dtdl:context;4#limits"},
        {WITH("['dtmi:dtdl:context;4','dtmi:dtdl:limits:onvif;1']"), "misplacedLimitContext", "/@context/1",
         "limitless"},
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:extension:mqtt;3','dtmi:dtdl:limits:aio;1']"),
         "missingLimitContext", NULL, NULL},
        {WITH("'dtmi:dtdl:context;4#odd'"), "invalidContextFragment", NULL, NULL},
        {WITH("'dtmi:dtdl:context;3#limitless'"), "disallowedContextFragment", NULL, "version 4 alone"},
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:odd;1']"), "disallowedLimitContext", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void only_limits_that_are_accepted_count(void **state)
{
    (void)state;
    static const char *const accepted[] = {"dtmi:dtdl:limits:aio"};
    const struct dtdl_options options = {.limits = accepted, .limit_count = 1};
    static const struct dtdl_case cases[] = {
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:aio;1']"), NULL, NULL, NULL},
        {WITH("['dtmi:dtdl:context;4#limitless','dtmi:dtdl:limits:onvif;1']"), "disallowedLimitContext", NULL,
         "not accepted here"},
    };
    CHECK_CASES(&options, cases);
}

#define NESTED(outer, type, context, more) \
    INTERFACE(outer, ",'contents':{'@type':'Component','name':'c','schema':{'@context':" context \
                     ",'@id':'dtmi:x:b;1','@type':'" type "'" more "}}")

static void a_context_inside_another_adds_to_it(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {NESTED(3, "Interface", "'dtmi:dtdl:context;2'", ""), NULL, NULL, NULL},
        {NESTED(4, "Interface", "'dtmi:dtdl:context;3'", ""), NULL, NULL, NULL},
        {NESTED(2, "Interface", "'dtmi:dtdl:context;3'", ""), "disallowedVersionDefinition", NULL, NULL},
        {NESTED(3, "Interface", "'dtmi:dtdl:extension:quantitativeTypes;1'",
                ",'contents':{'@type':['Telemetry','Temperature'],'name':'t','schema':'long','unit':'kelvin'}"),
         NULL, NULL, NULL},
        {NESTED(3, "Interface", "[]", ""), NULL, NULL, NULL},
        /* version 2 has them without an extension */
        {NESTED(3, "Interface", "'dtmi:dtdl:context;2'",
                ",'contents':{'@type':['Telemetry','Temperature'],'name':'t','schema':'long','unit':'kelvin'}"),
         NULL, NULL, NULL},
        {INTERFACE(3, ",'schemas':{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:s;1','@type':'Object','fields':"
                      "{'name':'f','schema':'long'}}"),
         "disallowedVersionDefinition", "/schemas", NULL},
        {INTERFACE(3, ",'contents':{'@context':'dtmi:dtdl:context;2','@type':'Telemetry','name':'t','schema':"
                      "'long'}"),
         NULL, NULL, NULL},
        {TELEMETRY(4, "{'@context':'dtmi:dtdl:context;3','@type':'Array','elementSchema':'byte'}"),
         "badDtmiOrTerm", NULL, "byte"},
    };
    CHECK_CASES(NULL, cases);
}

static void a_graph_tells_the_version_of_each_element(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_load(&f, NULL, NESTED(4, "Interface", "'dtmi:dtdl:context;2'", ""));
    assert_ok(f.status);
    assert_int_equal(dtdl_by_id(f.model, SPOKE_STR("dtmi:x:a;1"))->version, 4);
    assert_int_equal(dtdl_by_id(f.model, SPOKE_STR("dtmi:x:b;1"))->version, 2);
    assert_string_equal(dtdl_class_name((enum dtdl_class)dtdl_by_id(f.model, SPOKE_STR("dtmi:x:b;1"))->kind),
                        "Interface");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_comes_first_in_a_known_version),
        cmocka_unit_test(a_newer_version_than_asked_for_is_refused),
        cmocka_unit_test(unknown_contexts_are_borne_in_version_2_and_where_they_are_allowed),
        cmocka_unit_test(unknown_types_and_members_are_borne_together_or_not_at_all),
        cmocka_unit_test(limits_stand_right_behind_limitless),
        cmocka_unit_test(only_limits_that_are_accepted_count),
        cmocka_unit_test(a_context_inside_another_adds_to_it),
        cmocka_unit_test(a_graph_tells_the_version_of_each_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
