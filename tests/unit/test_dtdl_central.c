/* What IoT Central exports and accepts: taken in the central profile, refused by the language as specified. */
#include "support/support.h"

#include "support/dtdl_fixture.h"

static const struct dtdl_options central = {.profile = DTDL_CENTRAL};

#define TEMPLATE(more, contents) \
    "{'@id':'dtmi:x:template','@type':['ModelDefinition','DeviceModel'],'@context':['dtmi:iotcentral:context;2'," \
    "'dtmi:dtdl:context;2'],'displayName':'T','etag':'\\'x\\'','capabilityModel':{'@id':'dtmi:x:a;1','@type':" \
    "'Interface'" more ",'contents':[" contents "]}}"
#define ONE(types, more) TEMPLATE("", "{'@type':" types ",'name':'n'" more "}")

/* Both profiles read it: the one takes it, the other names the issue. */
struct pair {
    const char *text, *strict_issue;
};

static void check_pairs(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct dtdl_case taken = {pairs[i].text, NULL, NULL, NULL};
        const struct dtdl_case refused = {pairs[i].text, pairs[i].strict_issue, NULL, NULL};
        check_cases(&central, &taken, 1);
        check_cases(NULL, &refused, 1);
    }
}
#define CHECK_PAIRS(pairs) check_pairs((pairs), sizeof(pairs) / sizeof(pairs)[0])

static void a_device_template_is_unwrapped(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_load(&f, &central, ONE("'Telemetry'", ",'schema':'double'"));
    assert_ok(f.status);
    assert_str(dtdl_interface_at(f.model, 0)->id, "dtmi:x:a;1");
    assert_null(dtdl_interface_at(f.model, 1));
    fixture_end(&f);
    static const struct dtdl_case strict[] = {
        {ONE("'Telemetry'", ",'schema':'double'"), "invalidId", "/@id", "dtmi:x:template"}};
    CHECK_CASES(NULL, strict);
}

static void places_in_a_template_are_those_of_the_text(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ONE("'Telemetry'", ",'schema':'doubel'"), "badDtmiOrTerm", "/capabilityModel/contents/0/schema",
         "did you mean 'double'?"},
        {TEMPLATE(",'odd':1", ""), "propertyUndefinedTerm", "/capabilityModel/odd", NULL},
    };
    CHECK_CASES(&central, cases);
}

static void a_plain_interface_is_no_template_and_needs_none(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(2, ""), NULL, NULL, NULL},
        {INTERFACE(3, ""), NULL, NULL, NULL},
        {INTERFACE(4, ""), NULL, NULL, NULL},
        {"{'@id':'dtmi:x:a;1','@type':'Interface','contents':[]}", NULL, NULL,
         NULL}, /* the context is inherited */
        {"{'@context':'dtmi:iotcentral:context;2','@id':'dtmi:x:a;1','@type':'Interface'}", NULL, NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;3','@type':'Interface'}", "missingTopLevelId", NULL, NULL},
    };
    CHECK_CASES(&central, cases);
    static const struct pair pairs[] = {
        {"{'@id':'dtmi:x:a;1','@type':'Interface','contents':[]}", "missingContext"},
        {"{'@context':'dtmi:iotcentral:context;2','@id':'dtmi:x:a;1','@type':'Interface'}", "missingDtdlContext"},
    };
    CHECK_PAIRS(pairs);
}

static void the_older_form_has_id_and_types(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"{'id':'dtmi:x:t','types':['DeviceModel'],'capabilityModel':{'id':'dtmi:x:a;1','types':['CapabilityModel'],"
         "'contents':[{'@type':'Telemetry','name':'t','schema':'double'}]},'solutionModel':{'cloudProperties':[]}}",
         NULL, NULL, NULL},
        {"{'@id':'dtmi:x:t','@type':'DeviceModel','capabilityModel':{'@id':'dtmi:x:a;1','@type':'CapabilityModel'}}",
         NULL, NULL, NULL},
        {"{'id':'dtmi:x:t','capabilityModel':{'types':['CapabilityModel']}}", "missingTopLevelId", NULL, NULL},
    };
    CHECK_CASES(&central, cases);
}

#define INTERFACE_CENTRAL(types, more) \
    "{'@context':['dtmi:iotcentral:context;2','dtmi:dtdl:context;2'],'@id':'dtmi:x:a;1','@type':'Interface'," \
    "'contents':[{'@type':" types ",'name':'n'" more "}]}"

static void additions_of_iot_central_are_taken_in_its_profile_alone(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {INTERFACE_CENTRAL("'Property'", ",'schema':'double','minValue':0,'maxValue':10"),
         "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Telemetry'", ",'schema':'double','displayUnit':'bar'"), "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Telemetry'", ",'schema':'double','displayUnit':{'en':'bar'}"),
         "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Telemetry'", ",'schema':'double','decimalPlaces':2"), "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Property'", ",'schema':'string','minLength':1,'maxLength':4"),
         "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Property'", ",'schema':'string','initialValue':'x'"), "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Command'", ",'durable':true"), "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("'Property'", ",'schema':'boolean','trueName':'on','falseName':'off'"),
         "propertyUndefinedTerm"},
        {INTERFACE_CENTRAL("['Telemetry','Humidity']", ",'schema':'double','unit':'percent'"), "notRequiredType"},
        {INTERFACE_CENTRAL("['Telemetry','Temperature']", ",'schema':'double','unit':'degrees'"), "badDtmiOrTerm"},
        {INTERFACE_CENTRAL("['Telemetry','Temperature']", ",'schema':'double'"),
         "missingSupplementalObjectProperty"},
    };
    CHECK_PAIRS(pairs);
}

static void their_values_are_checked(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ONE("['Property','NumberValue']", ",'schema':'double','minValue':'0'"), "numericNotNumeric",
         "/capabilityModel/contents/0/minValue", "is a number"},
        {ONE("['Property','StringValue']", ",'schema':'string','maxLength':1.5"), "integerNotInteger", NULL, NULL},
        {ONE("['Property','StringValue']", ",'schema':'long'"), "notRequiredType", NULL, "StringValue"},
        {ONE("['Property','NumberValue']", ",'schema':'string'"), "notRequiredType", NULL, NULL},
        {ONE("['Telemetry','Cloud']", ",'schema':'string'"), "invalidCotype", NULL, "Cloud"},
        {ONE("'Command'", ",'durable':'yes'"), "booleanNotBoolean", NULL, NULL},
        {ONE("'Telemetry'", ",'schema':'long','durable':true"), "propertyUndefinedTerm", NULL, NULL},
        {ONE("'Property'", ",'schema':'double','minValue':0,'minValue':1"), "duplicatePropertyName", NULL, NULL},
    };
    CHECK_CASES(&central, cases);
}

static void they_are_kept_for_the_table(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_load(&f, &central,
                 TEMPLATE("", "{'@type':['Property','NumberValue','Initialized'],'name':'a','schema':'double',"
                              "'minValue':-1.50,'maxValue':1e3,'decimalPlaces':2,'initialValue':{'x':[1]}},"
                              "{'@type':['Property','Cloud'],'name':'b','schema':'string'},"
                              "{'@type':'Command','name':'c','durable':true},"
                              "{'@type':'Telemetry','name':'d','schema':'double','unit':'parsec'}"));
    assert_ok(f.status);
    const struct dtdl_link *l = dtdl_first(dtdl_interface_at(f.model, 0), DTDL_CONTENTS);
    assert_str(l->to->extra->minimum, "-1.50");
    assert_str(l->to->extra->maximum, "1e3");
    assert_str(l->to->extra->decimal_places, "2");
    assert_str(l->to->extra->initial_value, "{\"x\":[1]}");
    l = dtdl_next(l);
    assert_int_equal(l->to->flags, DTDL_IS_CLOUD);
    assert_null(l->to->extra);
    l = dtdl_next(l);
    assert_int_equal(l->to->flags, DTDL_IS_DURABLE);
    assert_null(dtdl_next(l)->to->unit);
    fixture_end(&f);
}

static void components_are_written_out_inside_a_template(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ONE("'Component'", ",'schema':{'@id':'dtmi:x:k;1','@type':'Interface','displayName':'K','contents':["
                            "{'@type':['Telemetry','State'],'name':'s','schema':{'@type':'Enum','valueSchema':"
                            "'string','enumValues':[{'name':'a','enumValue':'a','displayName':'A'}]}}]}"),
         NULL, NULL, NULL},
        {TEMPLATE(
             ",'extends':{'@id':'dtmi:x:b;1','@type':'Interface','contents':[{'@type':'Command','name':'c'}]}",
             ""),
         NULL, NULL, NULL},
    };
    CHECK_CASES(&central, cases);
}

static void a_template_may_stand_among_others(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_load(&f, &central,
                 "[" INTERFACE(2, "") ",{'@id':'dtmi:x:t','capabilityModel':{'@id':'dtmi:x:m;1',"
                                      "'@type':'Interface','extends':'dtmi:x:a;1'}}]");
    assert_ok(f.status);
    assert_str(dtdl_interface_at(f.model, 1)->id, "dtmi:x:m;1");
    fixture_end(&f);
}

static void a_list_of_templates_is_read_as_the_api_gives_it(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_load(&f, &central,
                 "{'value':[" INTERFACE(2, "") ",{'@id':'dtmi:x:t','capabilityModel':{'@id':'dtmi:x:m;1',"
                                               "'@type':'Interface'}}],'nextLink':'https://x'}");
    assert_ok(f.status);
    assert_str(dtdl_interface_at(f.model, 1)->id, "dtmi:x:m;1");
    fixture_end(&f);
    static const struct dtdl_case strict[] = {{"{'value':[" INTERFACE(2, "") "]}", "missingContext", NULL, NULL}};
    CHECK_CASES(NULL, strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_template_is_unwrapped),
        cmocka_unit_test(places_in_a_template_are_those_of_the_text),
        cmocka_unit_test(a_plain_interface_is_no_template_and_needs_none),
        cmocka_unit_test(the_older_form_has_id_and_types),
        cmocka_unit_test(additions_of_iot_central_are_taken_in_its_profile_alone),
        cmocka_unit_test(their_values_are_checked),
        cmocka_unit_test(they_are_kept_for_the_table),
        cmocka_unit_test(components_are_written_out_inside_a_template),
        cmocka_unit_test(a_template_may_stand_among_others),
        cmocka_unit_test(a_list_of_templates_is_read_as_the_api_gives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
