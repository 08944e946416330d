/* The device template between program and service: what does not fit is stopped, with a sentence that says where. */
#include "support/client_fixture.h"

static const spoke_range percent_range = {.has_low = true, .has_high = true, .low = 0, .high = 100};
static const spoke_schema percent = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &percent_range};
static const spoke_enum_value mode_values[] = {{0, "off"}, {0, "on"}};
static const spoke_schema mode = {.kind = SPOKE_SCHEMA_ENUM_STRING, .count = 2, .values = mode_values};
static const spoke_schema_field point_fields[] = {{"x", &spoke_schema_integer, true},
                                                  {"y", &spoke_schema_integer, false}};
static const spoke_schema point = {.kind = SPOKE_SCHEMA_OBJECT, .count = 2, .fields = point_fields};

static const spoke_member members[] = {
    {NULL, "at", SPOKE_TELEMETRY, 0, &point, NULL},
    {NULL, "count", SPOKE_COMMAND, SPOKE_DURABLE, &mode, &spoke_schema_integer},
    {NULL, "go", SPOKE_COMMAND, 0, NULL, NULL},
    {NULL, "level", SPOKE_TELEMETRY, 0, &percent, NULL},
    {NULL, "mode", SPOKE_PROPERTY, 0, &mode, NULL},
    {NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &percent, NULL},
    {"part", "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &point, NULL},
    {"part", "turns", SPOKE_TELEMETRY, 0, &spoke_schema_integer, NULL},
};
static const spoke_model model = {"dtmi:x:contract;1", members, sizeof members / sizeof members[0]};

static const char *reply; /* what on_count writes, JSON; NULL: nothing */

static spoke_ack on_count(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    f->commands++;
    copy(f->value, sizeof f->value, call->payload);
    if (reply != NULL)
        spoke_write_value(call->reply, spoke_json(NULL, spoke_str_of(reply)));
    return f->verdict;
}

static const spoke_handler all[] = {SPOKE_ON_COMMAND("count", on_count), SPOKE_ON_COMMAND("go", on_command),
                                    SPOKE_ON_PROPERTY("target", on_property),
                                    SPOKE_ON_COMPONENT_PROPERTY("part", "target", on_property)};

/* --- the log --- */

static char logged[512];

static void keep_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)module;
    if (level <= SPOKE_LOG_WARN)
        snprintf(logged, sizeof logged, "%s", line);
}

static int set_up_contract(void **state)
{
    set_up(state);
    struct fixture *f = *state;
    f->platform.log = keep_log;
    f->config.model = &model;
    f->config.handlers = all;
    f->config.handler_count = sizeof all / sizeof all[0];
    logged[0] = '\0';
    reply = NULL;
    start(f);
    return 0;
}

#define under_contract(test) cmocka_unit_test_setup_teardown(test, set_up_contract, tear_down)

/* --- what the program says --- */

static void expect_explained(struct fixture *f, const char *sentence)
{
    char text[220], wanted[220];
    snprintf(wanted, sizeof wanted, "SPOKE_E_MODEL (model): %s", sentence);
    assert_string_equal(spoke_client_explain(f->client, text, sizeof text), wanted);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_MODEL);
    assert_int_equal(spoke_client_error(f->client)->source, SPOKE_SOURCE_MODEL);
}

static void telemetry_that_does_not_fit_is_refused_and_explained(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *component;
        spoke_field field;
        const char *sentence;
    } cases[] = {
        {NULL, spoke_f64("levle", 1), "the template has no telemetry 'levle'; did you mean 'level'?"},
        {NULL, spoke_f64("level", 100.5), "telemetry 'level': expected 0 to 100"},
        {NULL, spoke_text("level", SPOKE_STR("30.30")), "telemetry 'level': expected a number, found text"},
        {NULL, spoke_f64("target", 1), "property 'target': used as telemetry"},
        {NULL, spoke_null("level"), "telemetry 'level': expected a number, found null"},
        {"part", spoke_f64("turns", 2),
         "telemetry 'turns' of component 'part': expected a whole number, found a floating-point number"},
        {"part", spoke_f64("level", 2),
         "the template has no telemetry 'level' of component 'part'; did you mean 'level' of no component?"},
        {"parts", spoke_f64("turns", 2), "the template has no component 'parts'"},
        {NULL, spoke_json("at", SPOKE_STR("{\"y\":1}")), "telemetry 'at': .x: it is required, and missing"},
        {NULL, spoke_json("at", SPOKE_STR("{\"x\":1,\"z\":1}")), "telemetry 'at': no field 'z'; there is x, y"},
        {NULL, spoke_json("at", SPOKE_STR("{\"x\":1")), "telemetry 'at': not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(spoke_telemetry_send(f->client, cases[i].component, &cases[i].field, 1), SPOKE_E_MODEL);
        expect_explained(f, cases[i].sentence);
    }
    assert_int_equal(spoke_send(f->client, spoke_f64("level", 1), spoke_f64("levle", 1)), SPOKE_E_MODEL);
    assert_int_equal(spoke_client_pending(f->client), 0);
    assert_ok(spoke_send(f->client, spoke_f64("level", 1), spoke_json("at", SPOKE_STR("{\"x\":1}"))));
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void a_message_of_json_is_telemetry_and_held_to_the_template(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing bad = {.body = SPOKE_STR("{\"level\":101}")};
    const spoke_outgoing typed = {.body = SPOKE_STR("{\"levle\":1}"), .content_type = "application/json"};
    const spoke_outgoing charset = {.body = SPOKE_STR("{\"levle\":1}"),
                                    .content_type = "application/JSON ; charset=utf-8"};
    const spoke_outgoing packed = {
        .body = SPOKE_STR("\x1f\x8b"), .content_type = "application/json", .content_encoding = "gzip"};
    const spoke_outgoing list = {.body = SPOKE_STR("[]")};
    const spoke_outgoing broken = {.body = SPOKE_STR("{\"level\":1")};
    const spoke_outgoing other = {.body = SPOKE_STR("level,1"), .content_type = "text/csv"};
    const spoke_outgoing good = {.body = SPOKE_STR("{\"turns\":1}"), .component = "part"};
    assert_int_equal(spoke_message_send(f->client, &bad), SPOKE_E_MODEL);
    expect_explained(f, "telemetry 'level': expected 0 to 100");
    assert_int_equal(spoke_message_send(f->client, &typed), SPOKE_E_MODEL);
    assert_int_equal(spoke_message_send(f->client, &charset), SPOKE_E_MODEL);
    assert_int_equal(spoke_message_send(f->client, &list), SPOKE_E_MODEL);
    expect_explained(f, "expected an object, found an array");
    assert_int_equal(spoke_message_send(f->client, &broken), SPOKE_E_ARG);
    assert_int_equal(spoke_client_pending(f->client), 0);
    assert_ok(spoke_message_send(f->client, &other));
    assert_ok(spoke_message_send(f->client, &packed));
    assert_ok(spoke_message_send(f->client, &good));
}

static void reported_properties_are_held_to_the_template(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const size_t before = fake->sent_count;
    assert_int_equal(spoke_report(f->client, spoke_text("mode", SPOKE_STR("On"))), SPOKE_E_MODEL);
    expect_explained(f, "property 'mode': expected one of \"off\", \"on\"");
    assert_int_equal(spoke_report(f->client, spoke_f64("level", 1)), SPOKE_E_MODEL);
    assert_int_equal(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("\"x\""), 1, spoke_accept()),
                     SPOKE_E_MODEL);
    assert_int_equal(spoke_property_ack(f->client, NULL, "nope", SPOKE_STR("1"), 1, spoke_accept()),
                     SPOKE_E_MODEL);
    assert_int_equal(spoke_property_ack(f->client, NULL, "nope", SPOKE_STR("null"), 1, spoke_accept()),
                     SPOKE_E_MODEL);
    poll(f, 0);
    assert_int_equal(fake->sent_count, before);
    assert_ok(spoke_report(f->client, spoke_text("mode", SPOKE_STR("on")), spoke_f64("target", 5)));
    assert_ok(spoke_report(f->client, spoke_null("mode")));
    assert_ok(spoke_report(f->client, spoke_json("mode", SPOKE_STR("null"))));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("50"), 1, spoke_accept()));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("null"), 1, spoke_accept()));
}

static void a_misfit_does_not_hide_why_the_client_has_failed(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_closed(SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0);
    poll(f, 0);
    expect(f, SPOKE_FAILED);
    assert_int_equal(spoke_send(f->client, spoke_f64("levle", 1)), SPOKE_E_MODEL);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_ARG);
    assert_int_equal(spoke_client_poll(f->client, 0), SPOKE_E_ARG);
}

/* --- what the service sets --- */

static void a_wrong_value_is_acknowledged_400_before_any_handler(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200",
             "{\"desired\":{\"target\":\"5\",\"part\":{\"target\":{\"x\":1.5}},\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_int_equal(f->properties, 0);
    assert_string_equal(
        last_sent()->body,
        "{\"target\":{\"value\":\"5\",\"ac\":400,\"av\":2,\"ad\":\"property 'target': expected a number, found text\"},"
        "\"part\":{\"__t\":\"c\",\"target\":{\"value\":{\"x\":1.5},\"ac\":400,\"av\":2,\"ad\":\"property 'target' of "
        "component 'part': .x: expected a whole number, written without fraction and exponent\"}}}");
    expect(f, SPOKE_READY);
}

static void a_value_out_of_range_is_refused_and_the_next_good_one_taken(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":101,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 0);
    assert_string_equal(
        last_sent()->body,
        "{\"target\":{\"value\":101,\"ac\":400,\"av\":2,\"ad\":\"property 'target': expected 0 to 100\"}}");
    say_message("$iothub/twin/PATCH/properties/desired/?$version=3", "{\"t\\u0061rget\":100,\"$version\":3}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    assert_string_equal(f->value, "100");
}

static void removal_reaches_the_handler(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":null,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    assert_string_equal(f->value, "null");
}

static void what_the_template_lacks_or_keeps_to_the_device_is_acknowledged_so(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200",
             "{\"desired\":{\"mode\":\"on\",\"old\":1,\"gone\":null,\"level\":3,\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_int_equal(f->properties, 0);
    assert_string_equal(
        last_sent()->body,
        "{\"mode\":{\"value\":\"on\",\"ac\":405,\"av\":2,\"ad\":\"property 'mode': the service may not set it\"},"
        "\"old\":{\"value\":1,\"ac\":404,\"av\":2,\"ad\":\"the template has no property 'old'\"},"
        "\"level\":{\"value\":3,\"ac\":404,\"av\":2,\"ad\":\"telemetry 'level': used as property\"}}");
}

static void an_empty_name_is_no_component(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200", "{\"desired\":{\"\":{\"target\":5,\"__t\":\"c\"},\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_int_equal(f->properties, 0);
    assert_string_equal(last_sent()->body, "{\"\":{\"value\":{\"target\":5,\"__t\":\"c\"},\"ac\":404,\"av\":2,"
                                           "\"ad\":\"the template has no property ''\"}}");
}

static void a_component_is_known_from_the_template_without_its_marker(void **state)
{
    struct fixture *f = *state;
    f->config.handlers = NULL; /* so that no handler names the component */
    f->config.handler_count = 0;
    f->config.answer_unhandled = true;
    start(f);
    connect_only(f);
    say_twin("200", "{\"desired\":{\"p\\u0061rt\":{\"target\":{\"x\":1}},\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_non_null(strstr(last_sent()->body, "{\"__t\":\"c\",\"target\":{\"value\":{\"x\":1},\"ac\":501,"));
}

/* --- commands --- */

static const struct sent *call(struct fixture *f, const char *name, const char *payload)
{
    char topic[80];
    snprintf(topic, sizeof topic, "$iothub/methods/POST/%s/?$rid=1", name);
    say_message(topic, payload, 0);
    poll(f, 0);
    return last_sent();
}

static void a_request_that_does_not_fit_is_answered_400(void **state)
{
    struct fixture *f = *state;
    reply = "7";
    get_ready(f);
    const struct {
        const char *name, *payload, *body;
    } cases[] = {
        {"count", "\"up\"", "\"command 'count' request: expected one of \\\"off\\\", \\\"on\\\"\""},
        {"count", "", "\"command 'count' request: missing: expected one of \\\"off\\\", \\\"on\\\"\""},
        {"count", "[]", "\"command 'count' request: expected one of \\\"off\\\", \\\"on\\\", found an array\""},
        {"go", "5", "\"command 'go' request: the template has none\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sent *answer = call(f, cases[i].name, cases[i].payload);
        assert_string_equal(answer->topic, "$iothub/methods/res/400/?$rid=1");
        assert_string_equal(answer->body, cases[i].body);
    }
    assert_int_equal(f->commands, 0);
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/200/?$rid=1");
    assert_string_equal(call(f, "go", "null")->topic, "$iothub/methods/res/200/?$rid=1");
    assert_int_equal(f->commands, 2);
}

static void a_response_that_does_not_fit_leaves_as_500(void **state)
{
    struct fixture *f = *state;
    const char *const replies[] = {"\"seven\"", "7.5", NULL};
    get_ready(f);
    for (size_t i = 0; i < 3; i++) {
        reply = replies[i];
        assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/500/?$rid=1");
    }
    assert_string_equal(last_sent()->body, "\"command 'count' response: missing: expected a whole number\"");
    expect_explained(f, "command 'count' response: missing: expected a whole number");
    reply = "\"busy\"";
    f->verdict = spoke_reject(409, NULL); /* an explanation, not the response */
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/409/?$rid=1");
    reply = NULL;
    f->verdict = spoke_reject(202, NULL); /* goes on; the result comes as a property */
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/202/?$rid=1");
}

static void the_text_of_a_verdict_is_no_response(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_reject(200, "done");
    assert_string_equal(call(f, "go", "")->topic, "$iothub/methods/res/200/?$rid=1");
    assert_string_equal(last_sent()->body, "");
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/500/?$rid=1");
    f->verdict = spoke_reject(202, "started");
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/202/?$rid=1");
    assert_string_equal(last_sent()->body, "\"started\"");
    reply = "\"seven\""; /* what is written, is */
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/500/?$rid=1");
}

static void a_method_name_has_no_escapes(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_string_equal(call(f, "g\\u006f", "")->topic, "$iothub/methods/res/404/?$rid=1");
    assert_int_equal(f->commands, 0);
}

static void a_late_reply_that_does_not_fit_is_refused_and_can_be_given_again(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    call(f, "count", "\"on\"");
    const size_t before = fake->sent_count;
    assert_int_equal(spoke_command_reply(f->client, 1, 200, SPOKE_STR("\"x\"")), SPOKE_E_MODEL);
    expect_explained(f, "command 'count' response: expected a whole number, found text");
    poll(f, 0);
    assert_int_equal(fake->sent_count, before);
    assert_ok(spoke_command_reply(f->client, 1, 200, SPOKE_STR("5")));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "5");
}

static void an_offline_command_is_checked_as_bare_text(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    say_message("devices/d/messages/devicebound/method-name=count", "on", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    assert_string_equal(f->value, "on");
    say_message("devices/d/messages/devicebound/method-name=count", "\"on\"", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 2);
    say_message("devices/d/messages/devicebound/method-name=count", "@", 1);
    say_message("devices/d/messages/devicebound/method-name=count", "up", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 2);
    assert_int_equal(fake->ack_count, 4); /* MQTT cannot refuse them */
    say_message("devices/d/messages/devicebound/method-name=go", "@", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 3);
}

/* --- whatever comes --- */

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

/* A value of some kind, now and then broken. */
static const char *strange_value(void)
{
    static const char *const values[] = {"5",
                                         "100.5",
                                         "-0",
                                         "1e1",
                                         "\"on\"",
                                         "\"On\"",
                                         "null",
                                         "{}",
                                         "[1]",
                                         "{\"x\":3}",
                                         "{\"x\":3,\"y\":null}",
                                         "{\"y\":1}",
                                         "true",
                                         "1 2",
                                         "\"\\u006fn\"",
                                         "{\"\\u0078\":3}",
                                         "{\"x\"",
                                         ""};
    return values[dice(sizeof values / sizeof values[0])];
}

static const spoke_schema *fits_now; /* what the handler about to be called may be given */

static spoke_ack take_property(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    f->properties++;
    const spoke_schema *schema = wanted->component.len > 0 ? &point : &percent;
    if (spoke_json_type(wanted->value) != 'n')
        assert_ok(spoke_schema_check(schema, wanted->value, NULL));
    return spoke_accept();
}

static spoke_ack take_command(const spoke_command *called, void *user)
{
    struct fixture *f = user;
    f->commands++;
    if (!called->offline && fits_now != NULL)
        assert_ok(spoke_schema_check(fits_now, called->payload, NULL));
    spoke_write(called->reply, spoke_json(NULL, spoke_str_of("7")));
    return spoke_accept();
}

static const spoke_handler careful[] = {
    SPOKE_ON_COMMAND("count", take_command), SPOKE_ON_COMMAND("go", on_command),
    SPOKE_ON_PROPERTY("target", take_property), SPOKE_ON_COMPONENT_PROPERTY("part", "target", take_property)};

static void no_handler_is_given_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    f->config.handlers = careful;
    f->config.report_bytes = 65536; /* nobody answers the reports here */
    f->config.send_bytes = 4096;
    start(f);
    get_ready(f);
    fits_now = &mode;
    for (int64_t version = 2; version < 400; version++) {
        char topic[80], text[200];
        fake->sent_count = 0;
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", (int)version);
        snprintf(text, sizeof text, "{\"target\":%s,\"part\":{\"target\":%s,\"x\":%s},\"$version\":%d}",
                 strange_value(), strange_value(), strange_value(), (int)version);
        const bool whole = spoke_json_check(spoke_str_of(text)) == SPOKE_OK;
        if (whole)
            say_message(topic, text, 0);
        poll(f, 0);
        version -= whole ? 0 : 1; /* a version that is not said leaves no gap */
        call(f, "count", strange_value());
        say_message("devices/d/messages/devicebound/method-name=count", strange_value(), 1);
        poll(f, 0);
        expect(f, SPOKE_READY);
        fake->ack_count = 0;
    }
    assert_in_range(f->properties, 50, 400);
    assert_in_range(f->commands, 20, 400);
}

/* --- how strictly --- */

static void a_warning_is_logged_and_everything_passes(void **state)
{
    struct fixture *f = *state;
    f->config.checks = SPOKE_CHECKS_WARN;
    start(f);
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_f64("levle", 1)));
    assert_string_equal(logged, "sent all the same: the template has no telemetry 'levle'; did you mean 'level'?");
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":\"5\",\"$version\":2}", 0);
    poll(f, 0);
    assert_string_equal(logged, "taken all the same: property 'target': expected a number, found text");
    assert_int_equal(f->properties, 1);
    reply = "\"seven\"";
    assert_string_equal(call(f, "count", "5")->topic, "$iothub/methods/res/200/?$rid=1");
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_OK);
}

static void without_checks_the_model_is_only_announced(void **state)
{
    struct fixture *f = *state;
    f->config.checks = SPOKE_CHECKS_OFF;
    start(f);
    get_ready(f);
    assert_non_null(strstr(fake->username, "model-id=dtmi%3Ax%3Acontract%3B1"));
    assert_ok(spoke_send(f->client, spoke_f64("levle", 1)));
    assert_ok(spoke_report(f->client, spoke_i64("mode", 1)));
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":\"5\",\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    assert_string_equal(call(f, "count", "\"up\"")->topic, "$iothub/methods/res/200/?$rid=1");
    assert_string_equal(logged, "");
    const spoke_handler strange = SPOKE_ON_COMMAND("stop", on_command);
    f->config.handlers = &strange; /* nor have handlers and template to agree */
    f->config.handler_count = 1;
    start(f);
    get_ready(f);
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/501/?$rid=1");
}

static void the_model_is_announced_to_provisioning_by_itself(void **state)
{
    struct fixture *f = *state;
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    poll(f, 0);
    assert_string_equal(last_sent()->body,
                        "{\"registrationId\":\"d\",\"payload\":{\"modelId\":\"dtmi:x:contract;1\"}}");
}

static void only_a_code_of_success_promises_the_response(void **state)
{
    struct fixture *f = *state;
    const int codes[] = {150, 300, 404};
    get_ready(f);
    reply = "\"seven\"";
    for (size_t i = 0; i < 3; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "$iothub/methods/res/%d/?$rid=1", codes[i]);
        f->verdict = spoke_reject(codes[i], NULL);
        assert_string_equal(call(f, "count", "\"on\"")->topic, topic);
        assert_string_equal(last_sent()->body, "\"seven\"");
    }
}

static void a_warning_lets_late_replies_and_offline_commands_pass(void **state)
{
    struct fixture *f = *state;
    f->config.checks = SPOKE_CHECKS_WARN;
    start(f);
    get_ready(f);
    f->verdict = spoke_defer();
    call(f, "count", "\"on\"");
    assert_ok(spoke_command_reply(f->client, 1, 200, SPOKE_STR("\"x\"")));
    assert_string_equal(logged,
                        "taken all the same: command 'count' response: expected a whole number, found text");
    f->verdict = spoke_accept();
    say_message("devices/d/messages/devicebound/method-name=count", "up", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 2);
    assert_string_equal(f->value, "up");
}

static void without_checks_an_offline_command_comes_as_it_is(void **state)
{
    struct fixture *f = *state;
    f->config.checks = SPOKE_CHECKS_OFF;
    start(f);
    get_ready(f);
    say_message("devices/d/messages/devicebound/method-name=count", "up", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    assert_string_equal(logged, "");
}

static void an_offline_command_that_the_template_lacks_still_has_its_handler(void **state)
{
    struct fixture *f = *state;
    const spoke_handler stop = SPOKE_ON_COMMAND("stop", on_command);
    f->config.checks = SPOKE_CHECKS_WARN;
    f->config.answer_unhandled = true;
    f->config.handlers = &stop;
    f->config.handler_count = 1;
    start(f);
    get_ready(f);
    logged[0] = '\0';
    say_message("devices/d/messages/devicebound/method-name=stop", "anything", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    assert_string_equal(logged, "");
}

/* --- finding the handler --- */

/* In any order of the table, and where a property and a command share their name. */
static void each_handler_is_found_whatever_stands_beside_it(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler sorted[] = {SPOKE_ON_COMMAND("same", on_command),
                                           SPOKE_ON_PROPERTY("same", on_property),
                                           SPOKE_ON_COMPONENT_COMMAND("part", "same", on_count),
                                           SPOKE_ON_COMPONENT_PROPERTY("part", "x", on_property)};
    static const spoke_handler by_component[] = {SPOKE_ON_COMPONENT_COMMAND("part", "same", on_count),
                                                 SPOKE_ON_COMMAND("same", on_command),
                                                 SPOKE_ON_PROPERTY("same", on_property)};
    static const spoke_handler by_name[] = {
        SPOKE_ON_PROPERTY("x", on_property), SPOKE_ON_PROPERTY("same", on_property),
        SPOKE_ON_COMMAND("same", on_command), SPOKE_ON_COMPONENT_COMMAND("part", "same", on_count)};
    const struct {
        const spoke_handler *handlers;
        size_t count;
    } tables[] = {{sorted, 4}, {by_component, 3}, {by_name, 4}};
    f->config.model = NULL;
    for (size_t i = 0; i < 3; i++) {
        f->config.handlers = tables[i].handlers;
        f->config.handler_count = tables[i].count;
        f->commands = f->properties = 0;
        start(f);
        get_ready(f);
        reply = "1";
        assert_string_equal(call(f, "part*same", "")->body, "1");
        assert_string_equal(call(f, "same", "")->body, "");
        assert_int_equal(f->commands, 2);
        assert_string_equal(call(f, "part*x", "")->topic, "$iothub/methods/res/404/?$rid=1");
        say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"s\\u0061me\":6,\"$version\":2}", 0);
        poll(f, 0);
        assert_int_equal(f->properties, 1);
        assert_string_equal(f->value, "6");
        say_message("$iothub/twin/PATCH/properties/desired/?$version=3",
                    "{\"p\\u0061rt\":{\"__t\":\"c\",\"same\":7},\"$version\":3}", 0);
        poll(f, 0);
        assert_int_equal(f->properties, 1); /* of that name there is only the command */
    }
}

/* --- init --- */

static void refused_naming(const spoke_config *config, const char *sentence)
{
    _Alignas(max_align_t) uint8_t memory[256];
    spoke_client *client;
    spoke_error why;
    assert_int_equal(spoke_client_size(config), 0);
    assert_int_equal(spoke_client_init(memory, sizeof memory, config, &client, &why), SPOKE_E_ARG);
    assert_string_equal(why.text, sentence);
    logged[0] = '\0';
    assert_int_equal(spoke_client_create(config, &client), SPOKE_E_ARG);
    assert_non_null(strstr(logged, sentence));
}

static void init_wants_a_handler_for_whatever_the_service_may_ask(void **state)
{
    struct fixture *f = *state;
    f->config.handler_count = 3;
    refused_naming(&f->config, "'part*target': the template's writable property has no handler: add one, or set "
                               "answer_unhandled");
    f->config.handlers = all + 1;
    refused_naming(&f->config, "'count': the template's command has no handler: add one, or set answer_unhandled");
    f->config.answer_unhandled = true;
    start(f);
    get_ready(f);
    assert_string_equal(call(f, "count", "\"on\"")->topic, "$iothub/methods/res/501/?$rid=1");
    assert_string_equal(call(f, "else", "")->topic, "$iothub/methods/res/404/?$rid=1");
}

static void init_refuses_handlers_for_what_the_template_lacks(void **state)
{
    struct fixture *f = *state;
    const spoke_handler strange = SPOKE_ON_COMMAND("stop", on_command),
                        wrong = SPOKE_ON_COMMAND("mode", on_command),
                        fixed = SPOKE_ON_PROPERTY("mode", on_property);
    f->config.answer_unhandled = true;
    f->config.handler_count = 1;
    f->config.handlers = &strange;
    refused_naming(&f->config, "'stop': a handler is given for it, and the template does not have it");
    f->config.handlers = &wrong;
    refused_naming(&f->config, "'mode': a command handler is given for it, and it is no command");
    f->config.handlers = &fixed;
    refused_naming(&f->config, "'mode': a property handler is given for it, and it is no writable property");
    f->config.checks = SPOKE_CHECKS_WARN;
    start(f);
    assert_string_equal(logged, "'mode': a property handler is given for it, and it is no writable property");
}

static void init_refuses_a_property_handler_for_telemetry_and_commands(void **state)
{
    struct fixture *f = *state;
    const spoke_handler telemetry = SPOKE_ON_PROPERTY("level", on_property),
                        command = SPOKE_ON_PROPERTY("go", on_property);
    f->config.answer_unhandled = true;
    f->config.handler_count = 1;
    f->config.handlers = &telemetry;
    refused_naming(&f->config, "'level': a property handler is given for it, and it is no writable property");
    f->config.handlers = &command;
    refused_naming(&f->config, "'go': a property handler is given for it, and it is no writable property");
}

static void the_first_of_several_troubles_is_told(void **state)
{
    struct fixture *f = *state;
    const spoke_handler two[] = {SPOKE_ON_COMPONENT_COMMAND("", "stop", on_command),
                                 SPOKE_ON_COMMAND("halt", on_command)};
    f->config.answer_unhandled = true;
    f->config.handlers = two;
    f->config.handler_count = 2;
    refused_naming(&f->config, "'stop': a handler is given for it, and the template does not have it");
    assert_int_equal(spoke_send(f->client, spoke_f64("levle", 1), spoke_f64("at", 1)), SPOKE_E_MODEL);
    expect_explained(f, "the template has no telemetry 'levle'; did you mean 'level'?");
}

static void a_warning_names_the_component_too(void **state)
{
    struct fixture *f = *state;
    const spoke_handler strange = SPOKE_ON_COMPONENT_COMMAND("part", "stop", on_command);
    f->config.answer_unhandled = true;
    f->config.checks = SPOKE_CHECKS_WARN;
    f->config.handlers = &strange;
    f->config.handler_count = 1;
    start(f);
    assert_string_equal(logged, "'part*stop': a handler is given for it, and the template does not have it");
}

static void without_room_for_the_name_the_reason_stays_general(void **state)
{
    struct fixture *f = *state;
    _Alignas(max_align_t) uint8_t memory[64];
    spoke_client *client;
    spoke_error why;
    f->config.handler_count = 3;
    for (size_t size = 0; size <= sizeof memory; size += 8) {
        memset(memory, 0xa5, sizeof memory);
        assert_int_equal(spoke_client_init(memory, size, &f->config, &client, &why), SPOKE_E_ARG);
        assert_non_null(
            strstr(why.text, size < 32 ? "the template's writable property has no handler" : "'part*t"));
        for (size_t i = size; i < sizeof memory; i++)
            assert_int_equal(memory[i], 0xa5);
    }
}

static void init_refuses_a_table_out_of_order(void **state)
{
    struct fixture *f = *state;
    static const spoke_member unsorted[] = {{NULL, "b", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
                                            {NULL, "a", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL}};
    const spoke_model twisted = {"dtmi:x;1", unsorted, 2};
    f->config.model = &twisted;
    f->config.handler_count = 0;
    assert_int_equal(spoke_client_size(&f->config), 0);
    f->config.checks = SPOKE_CHECKS_OFF;
    assert_int_equal(spoke_client_size(&f->config), 0);
}

/* --- memory --- */

#define MOST 300 /* capabilities that IoT Central allows */

static void the_largest_template_costs_no_more_than_64_bytes(void **state)
{
    struct fixture *f = *state;
    static char names[MOST][5];
    static spoke_member many[MOST];
    static spoke_handler each[MOST];
    for (unsigned i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "p%03u", i);
        many[i] = (spoke_member){NULL, names[i], SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL};
        each[i] = (spoke_handler)SPOKE_ON_PROPERTY(names[i], on_property);
    }
    const spoke_model large = {"dtmi:x:large;1", many, MOST};
    f->config.model = NULL;
    f->config.handlers = NULL;
    f->config.handler_count = 0;
    const size_t without = spoke_client_size(&f->config);
    f->config.model = &large;
    f->config.handlers = each;
    f->config.handler_count = MOST;
    const size_t with = spoke_client_size(&f->config);
    assert_in_range(with, without, without + 64);
}

static void the_state_of_each_of_many_handlers_is_its_own(void **state)
{
    struct fixture *f = *state;
    static char names[MOST][5];
    static spoke_handler each[MOST];
    char desired[4200] = "{\"desired\":{";
    for (unsigned i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "p%03u", i);
        each[i] = (spoke_handler)SPOKE_ON_PROPERTY(names[i], on_property);
        if (i % 7 == 0)
            snprintf(desired + strlen(desired), sizeof desired - strlen(desired), "\"%s\":1,", names[i]);
    }
    snprintf(desired + strlen(desired), sizeof desired - strlen(desired), "\"$version\":2},\"reported\":{}}");
    f->config.model = NULL;
    f->config.handlers = each;
    f->config.handler_count = MOST;
    start(f);
    connect_only(f);
    say_twin("200", desired);
    poll(f, 0);
    assert_int_equal(f->properties, (MOST + 6) / 7);
    reconnect(f, false);
    say_twin("200", "{\"desired\":{\"p000\":1,\"$version\":3},\"reported\":{}}");
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(f->properties, (MOST + 6) / 7 * 2); /* one kept, the others gone: each is told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        under_contract(telemetry_that_does_not_fit_is_refused_and_explained),
        under_contract(a_message_of_json_is_telemetry_and_held_to_the_template),
        under_contract(reported_properties_are_held_to_the_template),
        under_contract(a_misfit_does_not_hide_why_the_client_has_failed),
        under_contract(a_wrong_value_is_acknowledged_400_before_any_handler),
        under_contract(a_value_out_of_range_is_refused_and_the_next_good_one_taken),
        under_contract(removal_reaches_the_handler),
        under_contract(what_the_template_lacks_or_keeps_to_the_device_is_acknowledged_so),
        under_contract(an_empty_name_is_no_component),
        under_contract(a_component_is_known_from_the_template_without_its_marker),
        under_contract(a_request_that_does_not_fit_is_answered_400),
        under_contract(a_response_that_does_not_fit_leaves_as_500),
        under_contract(the_text_of_a_verdict_is_no_response),
        under_contract(a_method_name_has_no_escapes),
        under_contract(a_late_reply_that_does_not_fit_is_refused_and_can_be_given_again),
        under_contract(an_offline_command_is_checked_as_bare_text),
        under_contract(no_handler_is_given_what_does_not_fit),
        under_contract(a_warning_is_logged_and_everything_passes),
        under_contract(without_checks_the_model_is_only_announced),
        under_contract(the_model_is_announced_to_provisioning_by_itself),
        under_contract(init_wants_a_handler_for_whatever_the_service_may_ask),
        under_contract(init_refuses_handlers_for_what_the_template_lacks),
        under_contract(init_refuses_a_table_out_of_order),
        under_contract(the_largest_template_costs_no_more_than_64_bytes),
        under_contract(the_state_of_each_of_many_handlers_is_its_own),
        under_contract(only_a_code_of_success_promises_the_response),
        under_contract(a_warning_lets_late_replies_and_offline_commands_pass),
        under_contract(without_checks_an_offline_command_comes_as_it_is),
        under_contract(an_offline_command_that_the_template_lacks_still_has_its_handler),
        under_contract(each_handler_is_found_whatever_stands_beside_it),
        under_contract(init_refuses_a_property_handler_for_telemetry_and_commands),
        under_contract(the_first_of_several_troubles_is_told),
        under_contract(a_warning_names_the_component_too),
        under_contract(without_room_for_the_name_the_reason_stays_general),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
