/* Semantic types, units and the types that extensions add: where they may stand and what they demand. */
#include "support/support.h"

#include "support/dtdl_fixture.h"

#define QT3 "['dtmi:dtdl:context;3','dtmi:dtdl:extension:quantitativeTypes;1']"
#define QT4 "['dtmi:dtdl:context;4','dtmi:dtdl:extension:quantitativeTypes;2']"
#define WITH(context, more) "{'@context':" context ",'@id':'dtmi:x:a;1','@type':'Interface'" more "}"
#define HOLDS(context, types, more) WITH(context, ",'contents':{'@type':" types ",'name':'n'" more "}")

static void a_semantic_type_wants_a_number_and_its_unit(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'double','unit':'kelvin'"), NULL,
         NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'string','unit':'kelvin'"),
         "notRequiredType", "/contents", "String"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'double'"),
         "missingSupplementalObjectProperty", NULL, "comes with its unit"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'double','unit':'metre'"),
         "notRequiredType", NULL, "TemperatureUnit"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'double','unit':'celsius'"),
         "badDtmiOrTerm", "/contents/unit", "celsius"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']",
               ",'schema':'double','unit':['kelvin','kelvin']"),
         "objectMultipleValues", NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature']", ",'schema':'double','unit':null"),
         "propertyValueNull", NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "'Telemetry'", ",'schema':'double','unit':'kelvin'"),
         "propertyIrrelevantDtmiOrTerm", NULL, "no property 'unit'"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Temperature','Pressure']",
               ",'schema':'double','unit':'kelvin'"),
         "conflictingSupplementalTypes", NULL, "'unit'"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','Distance','Length']", ",'schema':'double','unit':'metre'"),
         "conflictingSupplementalTypes", NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','QuantitativeType']", ",'schema':'double'"),
         "abstractSupplementalType", NULL, "sums up"},
        {HOLDS("'dtmi:dtdl:context;2'", "['Telemetry','dtmi:standard:class:Temperature;2']",
               ",'schema':'double','unit':'dtmi:standard:unit:kelvin;2'"),
         NULL, NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "['Command','Temperature']", ""), "invalidCotype", NULL, "Command"},
        {HOLDS("'dtmi:dtdl:context;3'", "['Telemetry','Temperature']", ",'schema':'double','unit':'kelvin'"),
         "typeUndefinedTerm", NULL, "Temperature"},
        {HOLDS(QT3, "['Telemetry','Temperature']", ",'schema':'double','unit':'kelvin'"), NULL, NULL, NULL},
        {HOLDS(QT3, "['Telemetry','Temperature']", ",'schema':'double','unit':'metre'"), "wrongParent", NULL,
         "no unit of TemperatureUnit"},
        {HOLDS(QT3, "['Telemetry','Temperature']", ",'schema':'date','unit':'kelvin'"), "notRequiredType", NULL,
         NULL},
        {HOLDS(QT4, "['Telemetry','Temperature']", ",'schema':'decimal','unit':'kelvin'"), NULL, NULL, NULL},
        {HOLDS("['dtmi:dtdl:context;4','dtmi:dtdl:extension:quantitativeTypes;1']", "['Telemetry','Temperature']",
               ",'schema':'double','unit':'kelvin'"),
         "invalidCotypeVersion", NULL, "other version"},
        {HOLDS(QT3, "'Command'",
               ",'request':{'@type':['CommandRequest','Length'],'name':'r','schema':'long','unit':'metre'}"),
         NULL, NULL, NULL},
        {HOLDS(QT3, "'Telemetry'", ",'schema':'TemperatureUnit'"), NULL, NULL, NULL},
        {HOLDS("'dtmi:dtdl:context;2'", "'Telemetry'", ",'schema':'TemperatureUnit'"), "badType", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define REQUIRED3 "['dtmi:dtdl:context;3','dtmi:dtdl:extension:requirement;1']"
#define FIELD(context, types) \
    HOLDS(context, "'Telemetry'", \
          ",'schema':{'@type':'Object','fields':{'@type':" types ",'name':'f','schema':" \
          "'long'}}")

static void required_stands_on_fields(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {FIELD(REQUIRED3, "['Field','Required']"), NULL, NULL, NULL},
        {FIELD(REQUIRED3, "'Required'"), "badType", NULL, NULL},
        {HOLDS(REQUIRED3, "['Property','Required']", ",'schema':'long'"), "invalidCotype", NULL, "Property"},
        {HOLDS("['dtmi:dtdl:context;4','dtmi:dtdl:extension:requirement;2']", "['Property','Required']",
               ",'schema':'long'"),
         NULL, NULL, NULL},
        {FIELD("'dtmi:dtdl:context;3'", "['Field','Required']"), "typeUndefinedTerm", NULL,
         "add the context \"dtmi:dtdl:extension:requirement;1\""},
    };
    struct dtdl_fixture f;
    CHECK_CASES(NULL, cases);
    fixture_load(&f, NULL, FIELD(REQUIRED3, "['Field','Required']"));
    const struct dtdl_element *telemetry = dtdl_first(dtdl_interface_at(f.model, 0), DTDL_CONTENTS)->to;
    const struct dtdl_element *object = dtdl_target(telemetry, DTDL_SCHEMA);
    assert_int_equal(dtdl_first(object, DTDL_FIELDS)->to->flags & DTDL_IS_REQUIRED, DTDL_IS_REQUIRED);
    fixture_end(&f);
}

#define ANNOTATION \
    "['dtmi:dtdl:context;3','dtmi:dtdl:extension:annotation;1','dtmi:dtdl:extension:overriding;1'," \
    "'dtmi:dtdl:extension:quantitativeTypes;1']"
#define LENGTH "{'@type':['Telemetry','Length'],'name':'t','schema':'long','unit':'metre'}"
#define ANNOTATES(name, of) \
    "{'@type':['Property','ValueAnnotation'],'name':'" name "','annotates':'" of "','schema':'long'}"
#define OVERRIDES(name, of, what, schema) \
    "{'@type':['Property','ValueAnnotation','Override'],'name':'" name "','annotates':'" of \
    "','overrides':'" what "','schema':'" schema "'}"
#define ALL(list) WITH(ANNOTATION, ",'contents':[" list "]")

static void annotations_name_a_property_or_telemetry_beside_them(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ALL(LENGTH "," ANNOTATES("a", "t")), NULL, NULL, NULL},
        {ALL(ANNOTATES("a", "nowhere")), NULL, NULL, NULL}, /* an heir may bring it */
        {ALL("{'@type':'Command','name':'c'}," ANNOTATES("a", "c")), "notSiblingRequiredType", "/contents/1",
         "neither a Property nor Telemetry"},
        {ALL(LENGTH "," ANNOTATES("a", "t") "," ANNOTATES("b", "a")), "disallowedType", "/contents/2",
         "itself an annotation"},
        {ALL(ANNOTATES("a", "a")), "disallowedType", NULL, NULL},
        {ALL("{'@type':['Property','ValueAnnotation'],'name':'a','schema':'long'}"),
         "missingSupplementalLiteralProperty", NULL, "'annotates' is missing"},
        {"[" WITH(
             ANNOTATION,
             ",'extends':'dtmi:x:b;1','contents':" ANNOTATES(
                 "a",
                 "c")) ",{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:b;1','@type':'Interface','contents':{'@type':"
                       "'Command','name':'c'}}]",
         "notSiblingRequiredType", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void an_override_is_of_the_type_that_it_overrides_and_alone(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ALL(LENGTH "," OVERRIDES("o", "t", "unit", "LengthUnit")), NULL, NULL, NULL},
        {ALL(LENGTH "," OVERRIDES("o", "t", "unit", "MassUnit")), "siblingPropertyMismatch", NULL, "unit"},
        {ALL(LENGTH "," OVERRIDES("o", "t", "unit", "long")), "siblingPropertyMismatch", NULL, NULL},
        {ALL(LENGTH "," OVERRIDES("o", "t", "schema", "long")), "matchingPropertyNotSupplemental", NULL,
         "'schema'"},
        {ALL(LENGTH "," OVERRIDES("o", "t", "ttl", "long")), "noMatchingSupplementalProperty", NULL, "'ttl'"},
        {ALL("{'@type':'Telemetry','name':'t','schema':'long'}," OVERRIDES("o", "t", "unit", "LengthUnit")),
         "noMatchingSupplementalProperty", NULL, NULL},
        {ALL(LENGTH "," OVERRIDES("o", "t", "unit", "LengthUnit") "," OVERRIDES("p", "t", "unit", "LengthUnit")),
         "multipleReference", NULL, "overridden twice"},
        {ALL(LENGTH
             "," OVERRIDES("o", "t", "unit", "LengthUnit") "," OVERRIDES("p", "\\u0074", "unit", "LengthUnit")),
         "multipleReference", NULL, NULL},
        {ALL(LENGTH ",{'@type':['Property','Override'],'name':'o','overrides':'unit','schema':'long'}"),
         "missingCocotype", NULL, "also a ValueAnnotation"},
    };
    CHECK_CASES(NULL, cases);
}

#define MQTT(n) "['dtmi:dtdl:context;3','dtmi:dtdl:extension:mqtt;" n "','dtmi:dtdl:extension:requirement;1']"
#define TOPIC(topic) \
    "{'@context':" MQTT("3") ",'@id':'dtmi:x:a;1','@type':['Interface','Mqtt'],'payloadFormat':'x'," \
                             "'telemetryTopic':'" topic "'}"

static void topics_are_labels_and_tokens(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {TOPIC("a/b-c/{d}/{e:f}"), NULL, NULL, NULL},
        {TOPIC("{a}"), NULL, NULL, NULL},
        {TOPIC("a/$b"), NULL, NULL, NULL},
        {TOPIC("$a/b"), "stringInvalid", "/telemetryTopic", NULL},
        {TOPIC(""), "stringInvalid", NULL, NULL},
        {TOPIC("a/"), "stringInvalid", NULL, NULL},
        {TOPIC("a//b"), "stringInvalid", NULL, NULL},
        {TOPIC("a/+"), "stringInvalid", NULL, "labels between slashes"},
        {TOPIC("a/#"), "stringInvalid", NULL, NULL},
        {TOPIC("{}"), "stringInvalid", NULL, NULL},
        {TOPIC("{a:b:c}"), "stringInvalid", NULL, NULL},
        {TOPIC("{a1}"), "stringInvalid", NULL, NULL},
        {TOPIC("a{b}"), "stringInvalid", NULL, NULL},
        {"{'@context':" MQTT("1") ",'@id':'dtmi:x:a;1','@type':['Interface','Mqtt']}",
         "missingSupplementalLiteralProperty", NULL, "'payloadFormat'"},
        {"{'@context':" MQTT("1") ",'@id':'dtmi:x:a;1','@type':['Interface','Mqtt'],'payloadFormat':'x',"
                                  "'cmdServiceGroupId':'g'}",
         "propertyUndefinedTerm", NULL, NULL},
        {"{'@context':" MQTT("2") ",'@id':'dtmi:x:a;1','@type':['Interface','Mqtt'],'payloadFormat':'x',"
                                  "'cmdServiceGroupId':'g'}",
         NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define COMMAND(types, more) HOLDS(MQTT("3"), types, more)

static void cacheable_commands_are_idempotent_for_a_time(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {COMMAND("['Command','Idempotent','Cacheable']", ",'ttl':'PT5S'"), NULL, NULL, NULL},
        {COMMAND("['Command','Idempotent','Cacheable']", ",'ttl':{'@value':'PT5S','@type':'xsd:duration'}"), NULL,
         NULL, NULL},
        {COMMAND("['Command','Cacheable']", ",'ttl':'PT5S'"), "missingCocotype", NULL, "also Idempotent"},
        {COMMAND("['Command','Idempotent','Cacheable']", ",'ttl':'5s'"), "durationInvalid", NULL, "PT30S"},
        {COMMAND("['Command','Idempotent','Cacheable']", ",'ttl':5"), "durationNotString", NULL, NULL},
        {COMMAND("['Command','Idempotent','Cacheable']", ""), "missingSupplementalLiteralProperty", NULL, "'ttl'"},
        {COMMAND("['Command','Idempotent']", ",'ttl':'PT5S'"), "propertyIrrelevantDtmiOrTerm", NULL, NULL},
        {HOLDS(MQTT("3"), "['Telemetry','Idempotent']", ",'schema':'long'"), "invalidCotype", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define INDEXED(name, index) \
    "{'@type':['Telemetry','Indexed'],'name':'" name "','schema':'long','index':" index "}"

static void indices_are_apart(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {WITH(MQTT("3"), ",'contents':[" INDEXED("a", "1") "," INDEXED("b", "2") "]"), NULL, NULL, NULL},
        {WITH(MQTT("3"), ",'contents':[" INDEXED("a", "1") "," INDEXED("b", "1") "]"), "nonUniquePropertyValue",
         "/contents/1", "index"},
        {WITH(MQTT("3"), ",'contents':[" INDEXED("a", "1") "," INDEXED("b", "{'@value':1}") "]"),
         "nonUniquePropertyValue", NULL, NULL},
        {WITH(MQTT("3"), ",'contents':[" INDEXED("a", "1") "," INDEXED("b", "[1]") "]"), "nonUniquePropertyValue",
         NULL, NULL},
        {WITH(MQTT("3"), ",'contents':" INDEXED("a", "0")), "valueBelowMin", NULL, "at least 1"},
        {WITH(MQTT("3"), ",'contents':" INDEXED("a", "1.5")), "integerNotInteger", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define ERROR_OBJECT \
    ",'schemas':{'@id':'dtmi:x:e;1','@type':['Object','Error'],'fields':{'@type':['Field','ErrorMessage'],'name':" \
    "'m','schema':'string'}}"
#define RESULT(fields) \
    WITH(MQTT("3"), \
         ERROR_OBJECT ",'contents':{'@type':'Telemetry','name':'t','schema':{'@type':['Object','Result']," \
                      "'fields':[" fields "]}}")

static void results_have_their_fields(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {RESULT("{'@type':['Field','NormalResult'],'name':'n','schema':'long'},"
                "{'@type':['Field','ErrorResult'],'name':'e','schema':'dtmi:x:e;1'}"),
         NULL, NULL, NULL},
        {RESULT("{'@type':['Field','NormalResult'],'name':'n','schema':'long'},"
                "{'@type':['Field','ErrorResult'],'name':'e','schema':'long'}"),
         "notRequiredType", NULL, "ErrorResult"},
        {RESULT("{'@type':['Field','NormalResult'],'name':'n','schema':'long'},"
                "{'@type':['Field','NormalResult'],'name':'m','schema':'long'}"),
         "siblingDuplicatesCotype", NULL, "NormalResult"},
        {RESULT("{'@type':['Field','NormalResult'],'name':'n','schema':'long'},{'name':'e','schema':'long'}"),
         "notRequiredType", NULL, "Result"},
        {RESULT("{'@type':['Field','NormalResult','Required'],'name':'n','schema':'long'}"), "disallowedCocotype",
         NULL, "NormalResult"},
        {HOLDS(
             MQTT("3"), "'Telemetry'",
             ",'schema':{'@type':'Object','fields':{'@type':['Field','NormalResult'],'name':'n','schema':'long'}}"),
         "parentMissingCotype", NULL, NULL},
        {HOLDS(MQTT("3"), "'Command'",
               ",'response':{'@type':['CommandResponse','Transparent'],'name':'r','schema':'long'}"),
         "notRequiredType", NULL, "Transparent"},
    };
    CHECK_CASES(NULL, cases);
}

#define OPS(type, more) \
    HOLDS("['dtmi:dtdl:context;4','dtmi:iotoperations:context;4']", "['Telemetry','" type "']", more)

static void limits_of_values_conform_to_the_schema(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {OPS("Limited", ",'schema':'byte','minimum':-128,'maximum':127"), NULL, NULL, NULL},
        {OPS("Limited", ",'schema':'byte','maximum':128"), "nonConformantPropertyValue", "/contents/maximum",
         "Byte"},
        {OPS("Limited", ",'schema':'long','maximum':1.5"), "nonConformantPropertyValue", NULL, NULL},
        {OPS("Limited", ",'schema':'double','maximum':{'@value':1.5}"), NULL, NULL, NULL},
        {OPS("Limited", ",'schema':'double','maximum':'1'"), "numericNotNumeric", NULL, NULL},
        {OPS("Limited", ",'schema':'string'"), "notRequiredType", NULL, "Limited"},
        {OPS("Precise", ",'schema':'double','decimalPlaces':2"), NULL, NULL, NULL},
        {OPS("Precise", ",'schema':'double'"), "missingSupplementalLiteralProperty", NULL, "'decimalPlaces'"},
        {OPS("ScaledStatically", ",'schema':'long','scaleFactor':10"), NULL, NULL, NULL},
        {OPS("ScaledStatically", ",'schema':'long','scaleFactor':0.1"), "nonConformantPropertyValue", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

#define CENTRAL "['dtmi:dtdl:context;2','dtmi:iotcentral:context;2']"
#define STATE_ENUM "{'@type':'Enum','valueSchema':'integer','enumValues':[{'name':'a','enumValue':1}]}"

static void types_of_iot_central_have_their_schemas(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {HOLDS(CENTRAL, "['Telemetry','State']", ",'schema':" STATE_ENUM), NULL, NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','State']", ",'schema':'long'"), "notRequiredType", NULL, "State"},
        {HOLDS(CENTRAL, "['Telemetry','Event']", ",'schema':'string'"), NULL, NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','Event']", ",'schema':'boolean'"), "notRequiredType", NULL, NULL},
        {HOLDS(CENTRAL, "['Property','Location']", ",'schema':'geopoint'"), NULL, NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','Location']", ",'schema':'vector'"), "notRequiredValue", NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','VelocityVector']", ",'schema':'vector','unit':'metrePerSecond'"), NULL,
         NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','VelocityVector']", ",'schema':'vector'"), NULL, NULL, NULL},
        {HOLDS(CENTRAL, "['Telemetry','VelocityVector']", ",'schema':'vector','unit':'kelvin'"), "notRequiredType",
         NULL, "VelocityUnit"},
        {HOLDS(CENTRAL, "['Telemetry','VelocityVector','AccelerationVector']", ",'schema':'vector'"),
         "conflictingSupplementalTypes", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_semantic_type_wants_a_number_and_its_unit),
        cmocka_unit_test(required_stands_on_fields),
        cmocka_unit_test(annotations_name_a_property_or_telemetry_beside_them),
        cmocka_unit_test(an_override_is_of_the_type_that_it_overrides_and_alone),
        cmocka_unit_test(topics_are_labels_and_tokens),
        cmocka_unit_test(cacheable_commands_are_idempotent_for_a_time),
        cmocka_unit_test(indices_are_apart),
        cmocka_unit_test(results_have_their_fields),
        cmocka_unit_test(limits_of_values_conform_to_the_schema),
        cmocka_unit_test(types_of_iot_central_have_their_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
