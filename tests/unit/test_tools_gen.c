/* What is generated from a model: names, types and order; and what is left out. Whether it compiles is
 * tests/conformance/generated.sh's business. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "tools/emit.h"
#include "tools/emit_part.h"

#define MEMORY_BYTES (4u * 1024u * 1024u)

struct generated {
    void *memory;
    struct arena arena;
    struct plan plan;
    struct text header, source, test;
};

static struct generated generate_with(const char *json, const struct plan_options *options)
{
    struct generated g = {0};
    const struct dtdl_options central = {.profile = DTDL_CENTRAL};
    g.memory = malloc(MEMORY_BYTES);
    assert_non_null(g.memory);
    arena_init(&g.arena, g.memory, MEMORY_BYTES);
    struct dtdl_model *model = dtdl_create(&g.arena, &central);
    assert_non_null(model);
    assert_ok(dtdl_add(model, "test", spoke_str_of(json)));
    assert_ok(dtdl_finish(model));
    assert_ok(plan_make(&g.plan, &g.arena, dtdl_interface_at(model, 0), options));
    emit_header(&g.plan, &g.header);
    emit_source(&g.plan, &g.source);
    emit_self_test(&g.plan, &g.test);
    assert_false(g.header.failed || g.source.failed || g.test.failed);
    return g;
}

static struct generated generate(const char *json)
{
    const struct plan_options options = {0};
    return generate_with(json, &options);
}

static void release(struct generated *g)
{
    text_free(&g->header);
    text_free(&g->source);
    text_free(&g->test);
    free(g->memory);
}

static void has(const struct text *text, const char *piece)
{
    if (strstr(text->ptr, piece) == NULL)
        fail_msg("'%s' is missing in:\n%s", piece, text->ptr);
}

static void has_not(const struct text *text, const char *piece)
{
    if (strstr(text->ptr, piece) != NULL)
        fail_msg("'%s' is in:\n%s", piece, text->ptr);
}

#define MODEL(contents) \
    "{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"dtmi:com:example:WaterPump;1\",\"@type\":\"Interface\",\"contents\":[" contents \
    "]}"

static void telemetry_has_a_typed_sender_and_a_place_in_the_batch(void **state)
{
    (void)state;
    struct generated g = generate(MODEL("{\"@type\":\"Telemetry\",\"name\":\"flowRate\",\"schema\":\"float\"}"));
    has(&g.header,
        "SPOKE_MUST_CHECK spoke_status water_pump_send_flow_rate(spoke_client *client, float flow_rate);");
    has(&g.header,
        "SPOKE_MUST_CHECK spoke_status water_pump_send(spoke_client *client, const water_pump_telemetry *values);");
    has(&g.header, "#define WATER_PUMP_TELEMETRY_HAS_FLOW_RATE ((uint32_t)1 << 0)");
    has(&g.header, "#define WATER_PUMP_TELEMETRY_ALL ((uint32_t)-1 >> 31)");
    has(&g.source, "{NULL, \"flowRate\", SPOKE_TELEMETRY, 0, &spoke_schema_float, NULL},");
    has(&g.source,
        "const spoke_model water_pump_model = {\"dtmi:com:example:WaterPump;1\", water_pump_members, 1};");
    release(&g);
}

static void a_writable_property_has_a_handler_and_another_has_none(void **state)
{
    (void)state;
    struct generated g =
        generate(MODEL("{\"@type\":\"Property\",\"name\":\"speed\",\"writable\":true,\"schema\":\"integer\"},"
                       "{\"@type\":\"Property\",\"name\":\"age\",\"schema\":\"long\"}"));
    has(&g.header,
        "spoke_ack water_pump_on_speed(const spoke_property *wanted, const int32_t *speed, void *user);");
    has(&g.header, "water_pump_ack_speed(spoke_client *client, int32_t speed, int64_t version,");
    has(&g.header, "SPOKE_MUST_CHECK spoke_status water_pump_report_age(spoke_client *client, int64_t age);");
    has(&g.header, "#define WATER_PUMP_HANDLER_COUNT 1u");
    has_not(&g.header, "water_pump_on_age");
    has(&g.source, "{NULL, \"speed\", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_integer, NULL},");
    release(&g);
}

static void a_command_has_only_the_arguments_that_the_template_has(void **state)
{
    (void)state;
    struct generated g = generate(
        MODEL("{\"@type\":\"Command\",\"name\":\"stop\"},"
              "{\"@type\":\"Command\",\"name\":\"fill\",\"request\":{\"name\":\"litres\",\"schema\":\"double\"},"
              "\"response\":{\"name\":\"took\",\"schema\":\"duration\"}}"));
    has(&g.header, "spoke_ack water_pump_on_stop(const spoke_command *call, void *user);");
    has(&g.header,
        "spoke_ack water_pump_on_fill(const spoke_command *call, const double *request, spoke_str *response,");
    has(&g.header,
        "SPOKE_MUST_CHECK spoke_status water_pump_reply_stop(spoke_client *client, uint32_t request, int code);");
    release(&g);
}

#define FILL(more) \
    "{\"@context\":\"dtmi:dtdl:context;4\",\"@id\":\"dtmi:com:example:WaterPump;1\",\"@type\":\"Interface\",\"contents\":[" \
    "{\"@type\":\"Command\",\"name\":\"fill\",\"request\":{\"name\":\"litres\",\"schema\":\"double\"" more "}}]}"

static void a_request_is_null_only_where_the_template_allows_it(void **state)
{
    (void)state;
    struct generated g = generate(FILL(""));
    has(&g.source, "    if (!given)\n        return water_pump_refuse(SPOKE_E_MODEL);\n");
    has(&g.source, "return water_pump_on_fill(call, &request, user);");
    release(&g);
    g = generate(FILL(",\"nullable\":true"));
    has_not(&g.source, "if (!given)");
    has(&g.source, "return water_pump_on_fill(call, given ? &request : NULL, user);");
    release(&g);
}

static void what_the_template_says_of_a_thing_stands_above_it(void **state)
{
    (void)state;
    struct generated g = generate(MODEL(
        "{\"@type\":\"Command\",\"name\":\"fill\",\"displayName\":\"Fill it\",\"description\":\"Opens the valve\","
        "\"request\":{\"name\":\"litres\",\"description\":\"How much.\",\"schema\":\"double\"}},"
        "{\"@type\":\"Telemetry\",\"name\":\"flowRate\",\"displayName\":\"Flow rate\",\"schema\":\"double\"}"));
    has(&g.header, "/* Command fill. Fill it. Opens the valve. Request litres: How much. */");
    has(&g.header, "/* Telemetry flowRate. */"); /* its display name says no more */
    release(&g);
}

#define DIAGNOSED(id) \
    "[" MODEL("{\"@type\":\"Component\",\"name\":\"health\",\"schema\":\"" id \
              "\"}") ",{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"" id \
                     "\",\"@type\":\"Interface\",\"contents\":[" \
                     "{\"@type\":\"Command\",\"name\":\"getLog\"},{\"@type\":\"Command\",\"name\":\"other\"}]}]"

static void the_clients_own_command_has_no_handler(void **state)
{
    (void)state;
    struct generated g = generate(DIAGNOSED("dtmi:spoke:Diagnostics;1"));
    has(&g.source, "{\"health\", \"getLog\", SPOKE_COMMAND, 0, NULL, NULL},");
    has(&g.header, "spoke_ack water_pump_health_on_other(");
    has_not(&g.header, "get_log");
    release(&g);
    g = generate(DIAGNOSED("dtmi:acme:Diagnostics;1"));
    has(&g.header, "spoke_ack water_pump_health_on_get_log(");
    release(&g);
}

static void no_handlers_leaves_them_out(void **state)
{
    (void)state;
    const struct plan_options options = {.prefix = "Pump", .no_handlers = true};
    struct generated g = generate_with(MODEL("{\"@type\":\"Command\",\"name\":\"stop\"}"), &options);
    has_not(&g.header, "_on_stop");
    has_not(&g.source, "handlers");
    has(&g.header, "#define PUMP_MODEL .model = &pump_model\n");
    release(&g);
}

static void the_table_is_sorted_bytewise(void **state)
{
    (void)state;
    struct generated g = generate(MODEL("{\"@type\":\"Telemetry\",\"name\":\"b\",\"schema\":\"double\"},"
                                        "{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":\"double\"},"
                                        "{\"@type\":\"Telemetry\",\"name\":\"Z\",\"schema\":\"double\"}"));
    const char *upper = strstr(g.source.ptr, "{NULL, \"Z\""), *a = strstr(g.source.ptr, "{NULL, \"a\"");
    const char *b = strstr(g.source.ptr, "{NULL, \"b\"");
    assert_true(upper != NULL && upper < a && a < b);
    release(&g);
}

static void handlers_stand_in_the_order_in_which_the_client_searches(void **state)
{
    (void)state;
    struct generated g =
        generate(MODEL("{\"@type\":\"Command\",\"name\":\"b\"},"
                       "{\"@type\":\"Property\",\"name\":\"a\",\"schema\":\"double\",\"writable\":true}"));
    const char *table = strstr(g.source.ptr, "const spoke_handler");
    assert_non_null(table);
    const char *a = strstr(table, "{NULL, \"a\", water_pump_take_a, NULL}"),
               *b = strstr(table, "{NULL, \"b\", NULL,");
    assert_true(a != NULL && b != NULL && a < b);
    release(&g);
}

static void a_range_stands_in_the_table(void **state)
{
    (void)state;
    struct generated g = generate(
        "{\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"@id\":\"dtmi:com:example:Pump;1\","
        "\"@type\":\"Interface\",\"contents\":[{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"speed\","
        "\"schema\":\"integer\",\"writable\":true,\"minValue\":10,\"maxValue\":20},"
        "{\"@type\":[\"Property\",\"Cloud\"],\"name\":\"owner\",\"schema\":\"string\"}]}");
    has(&g.source, "{true, true, 0.0, 0.0, 10, 20};");
    has(&g.header, "/* Property speed. From 10 to 20. */");
    has_not(&g.source, "owner");
    release(&g);
}

static void schemas_of_the_language_are_the_library_s_tables(void **state)
{
    (void)state;
    struct generated g = generate("{\"@context\":[\"dtmi:dtdl:context;2\",\"dtmi:iotcentral:context;2\"],"
                                  "\"@id\":\"dtmi:com:example:Car;1\",\"@type\":\"Interface\",\"contents\":["
                                  "{\"@type\":\"Telemetry\",\"name\":\"place\",\"schema\":\"geopoint\"},"
                                  "{\"@type\":\"Telemetry\",\"name\":\"route\",\"schema\":\"lineString\"}]}");
    has(&g.source, "{NULL, \"place\", SPOKE_TELEMETRY, 0, &spoke_schema_geopoint, NULL},");
    has(&g.source, "car_geopoint_codec = {&spoke_schema_geopoint, ");
    has(&g.source, "car_line_string_codec = {&spoke_schema_line_string, ");
    has_not(&g.source, "car_geopoint_schema");
    has_not(&g.source, "car_geopoint_fields");
    release(&g);
}

#define INITIAL(name, schema, value) \
    "{\"@type\":[\"Property\",\"Initialized\"],\"name\":\"" name "\",\"schema\":" schema \
    ",\"initialValue\":" value "}"

static void an_initial_value_is_a_constant_of_its_type(void **state)
{
    (void)state;
    struct generated g = generate(
        "{\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"@id\":\"dtmi:com:example:Car;1\","
        "\"@type\":\"Interface\",\"contents\":[" INITIAL("target", "\"double\"", "21") "," INITIAL("gain", "\"float\"", "0.1") "," INITIAL(
            "on", "\"boolean\"",
            "true") "," INITIAL("least", "\"integer\"",
                                "-2147483648") "," INITIAL("many", "\"long\"",
                                                           "9007199254740993") "," INITIAL("label", "\"string\"",
                                                                                           "\"a \\\"b\\\"\"") "," INITIAL("wrong",
                                                                                                                          "\"integer\"",
                                                                                                                          "1.5") "," INITIAL("mode",
                                                                                                                                             "{\"@type\":\"Enum\",\"valueSchema\":\"string\",\"enumValues\":["
                                                                                                                                             "{\"name\":\"off\",\"enumValue\":\"0\"},{\"name\":\"on\",\"enumValue\":\"1\"}]}",
                                                                                                                                             "\"1\"") "]}");
    has(&g.header, "#define CAR_TARGET_INITIAL 21.0 ");
    has(&g.header, "#define CAR_GAIN_INITIAL 0.1f ");
    has(&g.header, "#define CAR_ON_INITIAL true ");
    has(&g.header, "#define CAR_LEAST_INITIAL INT32_MIN ");
    has(&g.header, "#define CAR_MANY_INITIAL INT64_C(9007199254740993) ");
    has(&g.header, "#define CAR_LABEL_INITIAL SPOKE_STR(\"a \\\"b\\\"\") ");
    has(&g.header, "#define CAR_MODE_INITIAL CAR_MODE_ON ");
    has_not(&g.header, "CAR_WRONG_INITIAL");
    release(&g);
}

static void names_that_differ_only_in_case_stay_apart(void **state)
{
    (void)state;
    struct generated g = generate(MODEL("{\"@type\":\"Telemetry\",\"name\":\"level\",\"schema\":\"double\"},"
                                        "{\"@type\":\"Telemetry\",\"name\":\"Level\",\"schema\":\"string\"}"));
    has(&g.header, "SPOKE_MUST_CHECK spoke_status water_pump_send_level(spoke_client *client, double level);");
    has(&g.header,
        "SPOKE_MUST_CHECK spoke_status water_pump_send_level_2(spoke_client *client, spoke_str level);");
    release(&g);
}

static void what_nobody_sees_takes_no_name_from_the_template(void **state)
{
    (void)state;
    struct generated g =
        generate(MODEL("{\"@type\":\"Property\",\"name\":\"one\",\"schema\":\"string\",\"writable\":true},"
                       "{\"@type\":\"Telemetry\",\"name\":\"members\",\"schema\":{\"@type\":\"Object\","
                       "\"fields\":[{\"name\":\"x\",\"schema\":\"double\"}]}}"));
    has(&g.header, "water_pump_report_one(spoke_client *client, spoke_str one);");
    has(&g.header, "water_pump_ack_one(spoke_client *client, spoke_str one,");
    has(&g.header, "} water_pump_members;");
    release(&g);
}

static void components_of_one_interface_share_their_types(void **state)
{
    (void)state;
    struct generated g = generate("[" MODEL(
        "{\"@type\":\"Component\",\"name\":\"inlet\",\"schema\":\"dtmi:com:example:Valve;1\"},"
        "{\"@type\":\"Component\",\"name\":\"outlet\",\"schema\":\"dtmi:com:example:Valve;1\"}") ","
                                                                                                 "{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"dtmi:com:example:Valve;1\",\"@type\":\"Interface\",\"contents\":["
                                                                                                 "{\"@type\":\"Telemetry\",\"name\":\"state\",\"schema\":{\"@type\":\"Enum\",\"valueSchema\":\"integer\","
                                                                                                 "\"enumValues\":[{\"name\":\"open\",\"enumValue\":1}]}}]}]");
    has(&g.header, "water_pump_inlet_send_state(spoke_client *client, water_pump_valve_state state);");
    has(&g.header, "water_pump_outlet_send_state(spoke_client *client, water_pump_valve_state state);");
    has(&g.header, "WATER_PUMP_VALVE_STATE_OPEN = 1,");
    const char *first = strstr(g.header.ptr, "} water_pump_valve_telemetry;");
    assert_non_null(first);
    assert_null(strstr(first + 1, "} water_pump_valve_telemetry;"));
    has(&g.source, "{\"inlet\", \"state\", SPOKE_TELEMETRY, 0, &water_pump_valve_state_schema, NULL},");
    release(&g);
}

static void the_same_model_gives_the_same_text(void **state)
{
    (void)state;
    const char *model =
        MODEL("{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":{\"@type\":\"Object\",\"fields\":["
              "{\"name\":\"x\",\"schema\":\"double\"},{\"name\":\"X\",\"schema\":\"double\"}]}}");
    struct generated one = generate(model), two = generate(model);
    assert_string_equal(one.header.ptr, two.header.ptr);
    assert_string_equal(one.source.ptr, two.source.ptr);
    assert_string_equal(one.test.ptr, two.test.ptr);
    release(&one);
    release(&two);
}

static void an_interface_without_contents_is_a_model_all_the_same(void **state)
{
    (void)state;
    struct generated g = generate(MODEL(""));
    has(&g.source, "const spoke_model water_pump_model = {\"dtmi:com:example:WaterPump;1\", NULL, 0};");
    release(&g);
}

static void the_library_s_own_prefix_is_not_taken(void **state)
{
    (void)state;
    const struct plan_options options = {.prefix = "spoke"};
    struct generated g = generate_with(MODEL(""), &options);
    assert_string_equal(g.plan.prefix, "my_spoke");
    release(&g);
}

/* --- comments and literals --- */

static void a_comment_cannot_be_left(void **state)
{
    (void)state;
    struct text out = {0};
    emit_comment(&out, "",
                 "a */ b /* c ?\?/ d\\\n e\x01 \xe2\x80\xae"
                 "f **/");
    assert_string_equal(out.ptr, "/* a * / b / * c ? ?/ d/ e f ** / */\n");
    text_free(&out);
    emit_comment(&out, "", "a backslash becomes a slash: *\\ and \\*, a *\xe2\x80\xa8/ mark goes");
    assert_string_equal(out.ptr, "/* a backslash becomes a slash: * / and / *, a * / mark goes */\n");
    text_free(&out);
}

static void a_comment_is_wrapped_at_the_column_limit(void **state)
{
    (void)state;
    struct text out = {0}, words = {0};
    for (int i = 0; i < 60; i++)
        text_adds(&words, "word ");
    emit_comment(&out, "    ", words.ptr);
    size_t lines = 0;
    for (const char *line = out.ptr; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        const size_t width = strcspn(line, "\n");
        assert_true(width <= EMIT_COLUMNS);
        assert_true(line[width - 1] != ' ');
    }
    assert_true(lines > 2);
    text_free(&out);
    text_free(&words);
}

static void a_literal_means_the_same_bytes(void **state)
{
    (void)state;
    struct text out = {0};
    text_add_literal(&out, spoke_str_from("a\"b\\c?\?/\n\0"
                                          "1\xc3\xa9",
                                          13));
    assert_string_equal(out.ptr, "\"a\\\"b\\\\c\\?\\?/\\012\\0001\\303\\251\"");
    text_free(&out);
}

static void long_calls_are_broken_where_the_house_style_breaks_them(void **state)
{
    (void)state;
    struct text out = {0};
    const char *arguments[] = {"an_argument_of_some_length_that_takes_room", "another_argument_that_takes_room",
                               "the_last_of_them", NULL};
    emit_call(&out, "    const spoke_status status = a_function", arguments, ";\n");
    assert_string_equal(
        out.ptr, "    const spoke_status status =\n        a_function(an_argument_of_some_length_that_takes_room, "
                 "another_argument_that_takes_room, the_last_of_them);\n");
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telemetry_has_a_typed_sender_and_a_place_in_the_batch),
        cmocka_unit_test(a_writable_property_has_a_handler_and_another_has_none),
        cmocka_unit_test(a_command_has_only_the_arguments_that_the_template_has),
        cmocka_unit_test(a_request_is_null_only_where_the_template_allows_it),
        cmocka_unit_test(what_the_template_says_of_a_thing_stands_above_it),
        cmocka_unit_test(the_clients_own_command_has_no_handler),
        cmocka_unit_test(no_handlers_leaves_them_out),
        cmocka_unit_test(the_table_is_sorted_bytewise),
        cmocka_unit_test(handlers_stand_in_the_order_in_which_the_client_searches),
        cmocka_unit_test(a_range_stands_in_the_table),
        cmocka_unit_test(schemas_of_the_language_are_the_library_s_tables),
        cmocka_unit_test(an_initial_value_is_a_constant_of_its_type),
        cmocka_unit_test(names_that_differ_only_in_case_stay_apart),
        cmocka_unit_test(what_nobody_sees_takes_no_name_from_the_template),
        cmocka_unit_test(components_of_one_interface_share_their_types),
        cmocka_unit_test(the_same_model_gives_the_same_text),
        cmocka_unit_test(an_interface_without_contents_is_a_model_all_the_same),
        cmocka_unit_test(the_library_s_own_prefix_is_not_taken),
        cmocka_unit_test(a_comment_cannot_be_left),
        cmocka_unit_test(a_comment_is_wrapped_at_the_column_limit),
        cmocka_unit_test(a_literal_means_the_same_bytes),
        cmocka_unit_test(long_calls_are_broken_where_the_house_style_breaks_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
