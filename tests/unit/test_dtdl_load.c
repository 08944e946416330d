/* Elements and their members: what a template may say, and what it is told when it says something else. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dtdl_fixture.h"

static void a_template_of_each_version_becomes_its_graph(void **state)
{
    (void)state;
    static const char *const texts[] = {
        INTERFACE(2, ",'displayName':{'de':'Ger\\u00e4t','en':'Device'},'contents':["
                     "{'@type':'Property','name':'p','writable':true,'schema':'double'},"
                     "{'@type':['Telemetry','Temperature'],'name':'t','schema':'double','unit':'kelvin'}]"),
        INTERFACE(3, ",'displayName':'Device','contents':["
                     "{'@type':'Property','name':'p','writable':true,'schema':'double'},"
                     "{'@context':'dtmi:dtdl:extension:quantitativeTypes;1',"
                     "'@type':['Telemetry','Temperature'],'name':'t','schema':'double','unit':'kelvin'}]"),
        INTERFACE(4, ",'displayName':[{'@value':'Ger\\u00e4t','@language':'de'},'Device'],'contents':["
                     "{'@type':'Property','name':'p','writable':true,'schema':'double'},"
                     "{'@context':'dtmi:dtdl:extension:quantitativeTypes;2',"
                     "'@type':['Telemetry','Temperature'],'name':'t','schema':'double','unit':'kelvin'}]"),
    };
    for (uint8_t i = 0; i < 3; i++) {
        struct dtdl_fixture f;
        fixture_load(&f, NULL, texts[i]);
        assert_ok(f.status);
        const struct dtdl_element *e = dtdl_interface_at(f.model, 0);
        assert_int_equal(e->kind, DTDL_INTERFACE);
        assert_int_equal(e->version, 2 + i);
        assert_str(e->id, "dtmi:x:a;1");
        assert_str(e->display_name, "Device");
        const struct dtdl_link *l = dtdl_first(e, DTDL_CONTENTS);
        assert_int_equal(l->to->kind, DTDL_PROPERTY);
        assert_int_equal(l->to->flags & DTDL_IS_WRITABLE, DTDL_IS_WRITABLE);
        assert_int_equal(dtdl_target(l->to, DTDL_SCHEMA)->kind, DTDL_DOUBLE);
        l = dtdl_next(l);
        assert_string_equal(l->to->semantic_type, "Temperature");
        assert_string_equal(l->to->unit, "kelvin");
        assert_null(dtdl_next(l));
        assert_int_equal(dtdl_element_count(f.model), 3);
        fixture_end(&f);
    }
}

static void elements_have_the_identifiers_that_the_language_assigns(void **state)
{
    (void)state;
    static const char *const wanted[] = {"dtmi:x:a;1", "dtmi:x:a:_contents:__n;1",
                                         "dtmi:x:a:_contents:__n:_schema;1",
                                         "dtmi:x:a:_contents:__n:_schema:_fields:__f;1", "dtmi:x:own;7"};
    struct dtdl_fixture f;
    fixture_load(&f, NULL,
                 TELEMETRY(3, "{'@type':'Object','fields':{'name':'f','schema':{'@type':'Array',"
                              "'@id':'dtmi:x:own;7','elementSchema':'long'}}}"));
    assert_ok(f.status);
    assert_int_equal(dtdl_element_count(f.model), 5);
    for (size_t i = 0; i < 5; i++) {
        char text[100];
        spoke_buf out = spoke_buf_from(text, sizeof text);
        assert_ok(dtdl_element_id(dtdl_element_at(f.model, i), &out));
        assert_str(spoke_buf_str(&out), wanted[i]);
        for (size_t room = 0; room < out.len; room++) {
            spoke_buf small = spoke_buf_from(text, room);
            text[room] = '#';
            assert_int_equal(dtdl_element_id(dtdl_element_at(f.model, i), &small), SPOKE_E_TOO_SMALL);
            assert_int_equal(text[room], '#');
        }
    }
    fixture_end(&f);
}

static void a_document_is_an_object_or_an_array_of_objects(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"[]", NULL, NULL, NULL},
        {"[" INTERFACE(2, "") "]", NULL, NULL, NULL},
        {"7", "notJsonObject", "", "not 7"},
        {"'dtmi:x:a;1'", "notJsonObject", "", NULL},
        {"[" INTERFACE(2, "") ",null]", "notJsonObject", "/1", "not null"},
        {"[[]]", "notJsonObject", "/0", NULL},
        {"{", "invalidJson", "", "name in double quotes"},
        {"{}", "missingContext", "", "\"@context\": \"dtmi:dtdl:context;3\""},
        {"{'@context':'dtmi:dtdl:context;3','@graph':[]}", "topLevelGraphDisallowed", "/@graph",
         "array of interfaces"},
    };
    CHECK_CASES(NULL, cases);
}

static void an_interface_says_what_it_is(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1'}", "typeNotRootable", "", "Interface"},
        {"{'@context':'dtmi:dtdl:context;3','@type':'Interface'}", "missingTopLevelId", "", "dtmi:com:example"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':'Telemetry'}", "typeNotRootable", "/@type",
         "Telemetry"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':['Interface','Telemetry']}",
         "multipleMaterialTypes", "/@type/1", "either Interface or Telemetry"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':'Interfac'}", "typeUndefinedTerm", "/@type",
         "did you mean 'Interface'?"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':5}", "typeNotRootable", "/@type", "5"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':[]}", "typeNotRootable", "/@type", NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':'dtmi:dtdl:class:Interface;3'}", NULL, NULL,
         NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a;1','@type':'dtmi:dtdl:class:Interface;2'}",
         "typeIrrelevantDtmiOrTerm", "/@type", NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':7,'@type':'Interface'}", "idNotString", "/@id", NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':['dtmi:x:a;1'],'@type':'Interface'}", "idNotString", "/@id",
         NULL},
        {"{'@context':'dtmi:dtdl:context;2','@id':'dtmi:x:a','@type':'Interface'}", "invalidId", "/@id",
         "dtmi:x:a"},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:x:a','@type':'Interface'}", NULL, NULL, NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:dtdl:a;1','@type':'Interface'}", "reservedId", "/@id",
         NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:standard:a;1','@type':'Interface'}", "reservedId", NULL,
         NULL},
        {"{'@context':'dtmi:dtdl:context;3','@id':'dtmi:iotcentral:a;1','@type':'Interface'}", NULL, NULL, NULL},
        {"{'@context':['dtmi:dtdl:context;2','dtmi:iotcentral:context;2'],'@id':'dtmi:iotcentral:a;1','@type':"
         "'Interface'}",
         "reservedId", "/@id", NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void contents_are_five_kinds_with_a_name(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, ",'contents':[]"), NULL, NULL, NULL},
        {INTERFACE(3, ",'contents':{'@type':'Command','name':'c'}"), NULL, NULL, NULL},
        {INTERFACE(3, ",'contents':[{'@type':'Field','name':'f','schema':'long'}]"), "badType",
         "/contents/0/@type", "Telemetry, Property, Command, Relationship or Component"},
        {INTERFACE(3, ",'contents':[{'name':'f','schema':'long'}]"), "badType", "/contents/0",
         "an element without @type"},
        {INTERFACE(3, ",'contents':[5]"), "refNotStringOrObject", "/contents/0", "not 5"},
        {INTERFACE(3, ",'contents':[null]"), "propertyValueNull", "/contents/0", "null"},
        {INTERFACE(3, ",'contents':null"), "propertyValueNull", "/contents", "leave it out"},
        {INTERFACE(3, ",'contents':[{'@id':'dtmi:x:b;1'}]"), "idReference", "/contents/0", "plain string"},
        {CONTENT(3, "Telemetry", ""), "missingObjectProperty", "/contents/0", "'schema' is missing"},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','schema':'long'}]"), "missingDtmiSegPropertyValue",
         "/contents/0", "'name' is missing"},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','name':'9x','schema':'long'}]"), "stringInvalid",
         "/contents/0/name", "letters, digits and _"},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','name':'a_','schema':'long'}]"), "stringInvalid", NULL,
         NULL},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','name':'','schema':'long'}]"), "stringInvalid", NULL,
         NULL},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','name':'a\\u0000','schema':'long'}]"), "stringInvalid",
         NULL, "'a?'"},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','name':'\\u0061','schema':'long'}]"), NULL, NULL, NULL},
        {INTERFACE(3, ",'contents':[{'@type':'Telemetry','n\\u0061me':'a','schema':'long'}]"), NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void schemas_are_named_referred_to_or_written_out(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {TELEMETRY(2, "'double'"), NULL, NULL, NULL},
        {TELEMETRY(2, "['double']"), NULL, NULL, NULL},
        {TELEMETRY(2, "['double','long']"), "objectMultipleValues", "/contents/0/schema", "one element"},
        {TELEMETRY(2, "[]"), "objectCountBelowMin", "/contents/0/schema", NULL},
        {TELEMETRY(2, "'doubel'"), "badDtmiOrTerm", "/contents/0/schema", "did you mean 'double'?"},
        {TELEMETRY(2, "'dtmi:dtdl:instance:Schema:double;2'"), NULL, NULL, NULL},
        {TELEMETRY(3, "'dtmi:dtdl:instance:Schema:double;2'"), NULL, NULL, NULL},
        {TELEMETRY(2, "'dtmi:dtdl:instance:Schema:double;3'"), "disallowedVersionReference", "/contents/0/schema",
         "newer version"},
        {TELEMETRY(3, "'byte'"), "badDtmiOrTerm", NULL, "byte"},
        {TELEMETRY(4, "'byte'"), NULL, NULL, NULL},
        {TELEMETRY(3, "'Telemetry'"), "badType", NULL, NULL},
        {TELEMETRY(3, "{'@type':'Double'}"), "badType", "/contents/0/schema/@type", NULL},
        {TELEMETRY(3, "{'@type':'Interface','@id':'dtmi:x:b;1'}"), "badType", NULL, NULL},
        {TELEMETRY(3, "true"), "refNotStringOrObject", "/contents/0/schema", "not true"},
        {TELEMETRY(3, "'point'"), NULL, NULL, NULL},
        {TELEMETRY(3, "'scaledDecimal'"), "badDtmiOrTerm", NULL, NULL},
        {TELEMETRY(4, "'scaledDecimal'"), NULL, NULL, NULL},
        {TELEMETRY(3, "'geopoint'"), "badDtmiOrTerm", NULL, "dtmi:iotcentral:context;2"},
        {CONTENT(2, "Property", ",'schema':'point'"), "excludedType", NULL, "no Array"},
        {CONTENT(3, "Property", ",'schema':'point'"), NULL, NULL, NULL},
        {CONTENT(2, "Property",
                 ",'schema':{'@type':'Object','fields':{'name':'f','schema':{'@type':'Array',"
                 "'elementSchema':'long'}}}"),
         "excludedType", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void complex_schemas_want_their_parts(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {TELEMETRY(3, "{'@type':'Array'}"), "missingObjectProperty", "/contents/0/schema", "'elementSchema'"},
        {TELEMETRY(3, "{'@type':'Map','mapKey':{'name':'k','schema':'string'}}"), "missingObjectProperty", NULL,
         "'mapValue'"},
        {TELEMETRY(
             3, "{'@type':'Map','mapKey':{'name':'k','schema':'long'},'mapValue':{'name':'v','schema':'long'}}"),
         "badType", "/contents/0/schema/mapKey/schema", NULL},
        {TELEMETRY(3, "{'@type':'Map','mapKey':{'name':'k','schema':'string'},'mapValue':{'name':'v','schema':"
                      "'long'}}"),
         NULL, NULL, NULL},
        {TELEMETRY(2, "{'@type':'Object'}"), "missingObjectProperty", NULL, "'fields'"},
        {TELEMETRY(3, "{'@type':'Object'}"), NULL, NULL, NULL},
        {TELEMETRY(2, "{'@type':'Object','fields':[]}"), "objectCountBelowMin", NULL, NULL},
        {TELEMETRY(3, "{'@type':'Object','fields':[{'name':'a','schema':'long'},{'name':'a','schema':'long'}]}"),
         "nonUniquePropertyValue", "/contents/0/schema/fields/1", "same name 'a'"},
        {TELEMETRY(3, "{'@type':'Object','fields':[{'name':'a','schema':'long'},{'name':'A','schema':'long'}]}"),
         NULL, NULL, NULL},
        {TELEMETRY(3, "{'@type':'Object','fields':[{'@type':'Telemetry','name':'a','schema':'long'}]}"), "badType",
         NULL, "a Field"},
        {TELEMETRY(3, "{'@type':'Object','fields':[{'@type':['Odd'],'name':'a','schema':'long'}]}"),
         "typeUndefinedTerm", NULL, "Odd"},
        {TELEMETRY(3, "{'@type':'Enum'}"), "missingObjectProperty", NULL, "'valueSchema'"},
        {TELEMETRY(3, "{'@type':'Enum','valueSchema':'double'}"), "incorrectPropertyValue", NULL,
         "\"integer\" or \"string\""},
        {TELEMETRY(3, "{'@type':'Enum','valueSchema':{'@type':'String'}}"), "incorrectPropertyValue", NULL, NULL},
        {TELEMETRY(3, "{'@type':'Enum','valueSchema':'string'}"), NULL, NULL, NULL},
        {TELEMETRY(2, "{'@type':'Enum','valueSchema':'string'}"), "missingObjectProperty", NULL, "'enumValues'"},
    };
    CHECK_CASES(NULL, cases);
}

#define ENUM(schema, values) TELEMETRY(3, "{'@type':'Enum','valueSchema':'" schema "','enumValues':[" values "]}")
#define VALUE(name, value) "{'name':'" name "','enumValue':" value "}"

static void enum_values_are_apart_and_of_the_enums_type(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {ENUM("integer", VALUE("a", "1") "," VALUE("b", "-2147483648")), NULL, NULL, NULL},
        {ENUM("integer", VALUE("a", "1") "," VALUE("a", "2")), "nonUniquePropertyValue", NULL, "same name 'a'"},
        {ENUM("integer", VALUE("a", "1") "," VALUE("b", "1")), "nonUniquePropertyValue", NULL, "enumValue '1'"},
        {ENUM("integer", VALUE("a", "1") "," VALUE("b", "{'@value':1}")), "nonUniquePropertyValue", NULL, NULL},
        {ENUM("integer", VALUE("a", "0") "," VALUE("b", "-0")), "nonUniquePropertyValue", NULL, NULL},
        {ENUM("string", VALUE("a", "'x'") "," VALUE("b", "'\\u0078'")), "nonUniquePropertyValue", NULL, NULL},
        {ENUM("string", VALUE("a", "'x'") "," VALUE("b", "'X'")), NULL, NULL, NULL},
        {ENUM("string", VALUE("a", "'1'") "," VALUE("b", "1")), "nonConformantDatatype", NULL, "valueSchema says"},
        {ENUM("integer", VALUE("a", "'1'")), "nonConformantDatatype", NULL, NULL},
        {ENUM("integer", VALUE("a", "1.0")), "literalNotValid", "/contents/0/schema/enumValues/0/enumValue",
         "1.0"},
        {ENUM("integer", VALUE("a", "5000000000")), "literalNotValid", NULL, "32 bits"},
        {ENUM("integer", VALUE("a", "2147483648")), "literalNotValid", NULL, NULL},
        {ENUM("integer", VALUE("a", "1e2")), "literalNotValid", NULL, NULL},
        {ENUM("integer", VALUE("a", "true")), "literalNotValid", NULL, NULL},
        {ENUM("integer", VALUE("a", "null")), "propertyValueNull", NULL, NULL},
        {ENUM("integer", VALUE("a", "[1]")), NULL, NULL, NULL},
        {ENUM("integer", VALUE("a", "[1,2]")), "literalMultipleValues", NULL, NULL},
        {ENUM("integer", VALUE("a", "{'@value':1,'@type':'xsd:integer'}")), NULL, NULL, NULL},
        {ENUM("integer", VALUE("a", "{'@value':1,'@type':'xsd:string'}")), "stringValueNotString", NULL, NULL},
        {ENUM("string", VALUE("a", "{'@value':'x','@type':'http://www.w3.org/2001/XMLSchema#string'}")), NULL,
         NULL, NULL},
        {ENUM("string", VALUE("a", "{'@value':'x','@value':'y'}")), "duplicatePropertyName", NULL, "@value"},
        {ENUM("string", "{'name':'a'}"), "missingLiteralProperty", NULL, "'enumValue' is missing"},
    };
    CHECK_CASES(NULL, cases);
}

static void a_member_is_written_once(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, ",'comment':'a','comment':'a'"), "duplicatePropertyName", "/comment",
         "'comment' is written twice"},
        {INTERFACE(3, ",'comment':'a','comm\\u0065nt':'a'"), "duplicatePropertyName", NULL, NULL},
        {INTERFACE(3, ",'comment':'a','dtmi:dtdl:property:comment;3':'a'"), "duplicatePropertyName", NULL, NULL},
        {INTERFACE(3, ",'@id':'dtmi:x:b;1'"), "duplicatePropertyName", NULL, "'@id' is written twice"},
        {INTERFACE(3, ",'\\u0040type':'Interface'"), "duplicatePropertyName", NULL, "'@type' is written twice"},
        {INTERFACE(3, ",'odd':1,'o\\u0064d':1"), "propertyUndefinedTerm", NULL, NULL},
        {INTERFACE(3, ",'displayName':{'en':'a','en':'b'}"), "duplicatePropertyName", "/displayName/en", "'en'"},
    };
    struct dtdl_fixture f;
    char ids[200];
    CHECK_CASES(NULL, cases);
    fixture_load(&f, NULL, INTERFACE(3, ",'odd':1,'o\\u0064d':1"));
    assert_string_equal(fixture_issues(&f, ids, sizeof ids), "propertyUndefinedTerm,duplicatePropertyName");
    fixture_end(&f);
}

static void an_escaped_keyword_is_the_keyword(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {"{'@conte\\u0078t':'dtmi:dtdl:context;3','\\u0040id':'dtmi:x:a;1','@typ\\u0065':'Interface'}", NULL, NULL,
         NULL},
        {"{'@context':'dtmi:dtdl:context;3','\\u0040id':'x','@type':'Interface'}", "invalidId", NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void unknown_members_are_refused_with_a_guess(void **state)
{
    (void)state;
    static const struct dtdl_case cases[] = {
        {INTERFACE(3, ",'conents':[]"), "propertyUndefinedTerm", "/conents", "did you mean 'contents'?"},
        {INTERFACE(3, ",'schema':'double'"), "propertyIrrelevantDtmiOrTerm", "/schema",
         "Interface has no property"},
        {INTERFACE(3, ",'dtmi:dtdl:property:contents;3':[]"), NULL, NULL, NULL},
        {INTERFACE(3, ",'dtmi:dtdl:property:contents;2':[]"), "propertyIrrelevantDtmiOrTerm", NULL, NULL},
        {INTERFACE(3, ",'dtmi:x:p;1':1"), "propertyIrrelevantDtmiOrTerm", NULL, NULL},
        {INTERFACE(3, ",'dtmi:x:':1"), "propertyInvalidDtmi", NULL, NULL},
        {INTERFACE(3, ",'http://x':1"), "propertyNotDtmiNorTerm", NULL, NULL},
        {INTERFACE(3, ",'@odd':1"), "topLevelKeywordDisallowed", "/@odd", NULL},
        {INTERFACE(2, ",'@odd':1"), NULL, NULL, NULL},
        {INTERFACE(2, ",'@graph':[]"), "topLevelGraphDisallowed", NULL, NULL},
        {CONTENT(3, "Command", ",'@odd':1"), "keywordDisallowed", "/contents/0/@odd", NULL},
        {CONTENT(2, "Command", ",'@graph':1"), "graphDisallowed", NULL, NULL},
        {CONTENT(3, "Command", ",'request':{'name':'r','schema':'long','nullable':true}"), "propertyUndefinedTerm",
         NULL, "dtmi:dtdl:context;4"},
        {CONTENT(4, "Command", ",'request':{'name':'r','schema':'long','nullable':true}"), NULL, NULL, NULL},
    };
    CHECK_CASES(NULL, cases);
}

static void all_errors_of_a_text_are_told_in_the_order_of_their_places(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    char ids[300];
    fixture_load(&f, NULL,
                 "{'@context':'dtmi:dtdl:context;2',\n"
                 "'@id':'dtmi:x:a;1','@type':'Interface','odd':1,\n"
                 "'contents':[{'@type':'Telemetry','name':'1','schema':'doubel'},\n"
                 "  {'@type':'Telemetry','name':'t','schema':'long'},\n"
                 "  {'@type':'Telemetry','name':'t','schema':'long'}],\n"
                 "'displayName':5}");
    assert_int_equal(f.status, SPOKE_E_MODEL);
    assert_string_equal(fixture_issues(&f, ids, sizeof ids),
                        "propertyUndefinedTerm,stringInvalid,badDtmiOrTerm,nonUniquePropertyValue,"
                        "langStringNotLangString");
    static const uint32_t places[][2] = {{2, 40}, {3, 41}, {3, 54}, {5, 3}, {6, 15}};
    size_t n = 0;
    for (const struct dtdl_issue *i = dtdl_issues(f.model); i != NULL; i = i->next, n++) {
        assert_int_equal(i->line, places[n][0]);
        assert_int_equal(i->column, places[n][1]);
        assert_string_equal(i->file, "model.json");
    }
    assert_int_equal(dtdl_issue_count(f.model), 5);
    fixture_end(&f);
}

static void errors_past_the_limit_are_counted(void **state)
{
    (void)state;
    const struct dtdl_options options = {.max_issues = 2};
    struct dtdl_fixture f;
    char ids[100];
    fixture_load(&f, &options, "[1,2,3,4]");
    assert_string_equal(fixture_issues(&f, ids, sizeof ids), "notJsonObject,notJsonObject");
    assert_int_equal(dtdl_issue_count(f.model), 4);
    fixture_end(&f);
}

/* Whatever allocation is refused first, the answer is the same. */
static void memory_that_runs_out_anywhere_is_told(void **state)
{
    (void)state;
    static const char text[] =
        "{\"@context\":[\"dtmi:dtdl:context;4\",\"dtmi:dtdl:extension:quantitativeTypes;2\",\"dtmi:dtdl:extension:"
        "annotation;2\",\"dtmi:dtdl:extension:overriding;2\"],\"@id\":\"dtmi:x:a;1\",\"@type\":\"Interface\",\"d\\u0069splayN"
        "ame\":\"\\u0041\",\"extends\":\"dtmi:x:b;1\",\"contents\":[{\"@type\":[\"Telemetry\",\"Temperature\"],\"name\":\"t\","
        "\"schema\":\"double\",\"unit\":\"kelvin\"},{\"@type\":[\"Property\",\"ValueAnnotation\",\"Override\"],\"name\":\"u\","
        "\"annotates\":\"t\",\"overrides\":\"unit\",\"schema\":\"TemperatureUnit\"},{\"@type\":\"Property\",\"name\":\"p\",\"sche"
        "ma\":{\"@type\":\"Enum\",\"valueSchema\":\"string\",\"enumValues\":[{\"name\":\"a\",\"enumValue\":\"\\u0061\"}]}},"
        "{\"@type\":\"Odd\"}]}";
    spoke_status status = SPOKE_E_NO_MEMORY;
    size_t bytes = 0, tried = 0;
    for (; status == SPOKE_E_NO_MEMORY; bytes += 8, tried++) {
        struct arena arena;
        unsigned char *memory = malloc(bytes + 1); /* of just this size, for the sanitizer */
        assert_non_null(memory);
        arena_init(&arena, memory, bytes);
        struct dtdl_model *model = dtdl_create(&arena, NULL);
        if (model != NULL)
            status = dtdl_add(model, "x", spoke_str_of(text));
        if (model != NULL && status == SPOKE_OK)
            status = dtdl_finish(model);
        for (const struct dtdl_issue *i = model != NULL ? dtdl_issues(model) : NULL; i != NULL; i = i->next)
            assert_true(i->line > 0);
        free(memory);
        assert_true(bytes < 100000);
    }
    assert_int_equal(status, SPOKE_E_MODEL);
    assert_true(tried > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_of_each_version_becomes_its_graph),
        cmocka_unit_test(elements_have_the_identifiers_that_the_language_assigns),
        cmocka_unit_test(a_document_is_an_object_or_an_array_of_objects),
        cmocka_unit_test(an_interface_says_what_it_is),
        cmocka_unit_test(contents_are_five_kinds_with_a_name),
        cmocka_unit_test(schemas_are_named_referred_to_or_written_out),
        cmocka_unit_test(complex_schemas_want_their_parts),
        cmocka_unit_test(enum_values_are_apart_and_of_the_enums_type),
        cmocka_unit_test(a_member_is_written_once),
        cmocka_unit_test(an_escaped_keyword_is_the_keyword),
        cmocka_unit_test(unknown_members_are_refused_with_a_guess),
        cmocka_unit_test(all_errors_of_a_text_are_told_in_the_order_of_their_places),
        cmocka_unit_test(errors_past_the_limit_are_counted),
        cmocka_unit_test(memory_that_runs_out_anywhere_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
