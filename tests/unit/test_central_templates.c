/* Device templates: the REST resource, which device gets which, and what does not fit. */
#include "support/core_fixture.h"

#include <central/core/core_internal.h>

#define TEMPLATE "dtmi:acme:pumpTemplate;2"
#define PATH "/api/deviceTemplates/" TEMPLATE
#define MODEL "dtmi:acme:pump;1" /* what the fixture's device announces */
#define EVENTS "devices/d1/messages/events/"

#define CONTENTS \
    "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}," \
    "{\"@type\":\"Telemetry\",\"name\":\"count\",\"schema\":\"integer\"}," \
    "{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true," \
    "\"minValue\":0,\"maxValue\":100}," \
    "{\"@type\":\"Property\",\"name\":\"firmware\",\"schema\":\"string\"}," \
    "{\"@type\":[\"Property\",\"Cloud\",\"StringValue\"],\"name\":\"city\",\"schema\":\"string\"}," \
    "{\"@type\":\"Command\",\"name\":\"later\",\"durable\":true," \
    "\"request\":{\"@type\":\"CommandPayload\",\"name\":\"text\",\"schema\":\"string\"}}," \
    "{\"@type\":\"Command\",\"name\":\"wake\",\"durable\":true}," \
    "{\"@type\":\"Command\",\"name\":\"purge\"," \
    "\"request\":{\"@type\":\"CommandPayload\",\"name\":\"seconds\",\"schema\":\"integer\"}}," \
    "{\"@type\":\"Command\",\"name\":\"stop\"}," \
    "{\"@type\":\"Component\",\"name\":\"hydraulics\",\"schema\":" HYDRAULICS "}"
#define HYDRAULICS \
    "{\"@id\":\"dtmi:acme:hydraulics;1\",\"@type\":\"Interface\",\"contents\":[" \
    "{\"@type\":\"Telemetry\",\"name\":\"rpm\",\"schema\":\"integer\"}," \
    "{\"@type\":\"Property\",\"name\":\"limit\",\"schema\":\"integer\",\"writable\":true}," \
    "{\"@type\":[\"Property\",\"Cloud\"],\"name\":\"bay\",\"schema\":\"integer\"}," \
    "{\"@type\":\"Command\",\"name\":\"bleed\"}]}"
#define CONTEXT "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"]"
#define INTERFACE(id, contents) "\"@id\":\"" id "\",\"@type\":\"Interface\",\"contents\":[" contents "]"
#define FORM(id, model, contents) \
    "{\"@id\":\"" id "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"]," CONTEXT ",\"displayName\":\"Pump\"," \
    "\"capabilityModel\":{" INTERFACE(model, contents) "}}"
#define PUMP FORM(TEMPLATE, MODEL, CONTENTS)

static int set_up(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void put(struct fixture *f, const char *path, const char *body)
{
    fixture_ask(f, "PUT", path, body);
    if (f->status != 200)
        fail_msg("PUT %s: %d %s", path, f->status, f->text);
}

/* With the template there and a device that has it. */
static int set_up_assigned(void **state)
{
    struct fixture *f = fixture_create(true);
    *state = f;
    put(f, PATH, PUMP);
    fixture_connect(f, "d1");
    return 0;
}

static void assert_template(struct fixture *f, const char *device, const char *expected)
{
    char path[100];
    snprintf(path, sizeof path, "/api/devices/%s", device);
    fixture_ask(f, "GET", path, "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "template"), expected);
}

/* --- the resource --- */

static void a_template_is_made_shown_and_deleted(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    assert_string_equal(fixture_text(f, "@id"), TEMPLATE);
    assert_string_equal(fixture_text(f, "displayName"), "Pump");
    assert_string_equal(fixture_text(f, "capabilityModel.@id"), MODEL);
    assert_true(fixture_text(f, "etag")[0] == '"');
    char *made = strdup(f->text);
    fixture_ask(f, "GET", PATH, "");
    assert_answer(f, 200, made);
    fixture_ask(f, "GET", "/api/deviceTemplates", "");
    assert_string_equal(fixture_text(f, "value.0.@id"), TEMPLATE);
    fixture_ask(f, "DELETE", PATH, "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", PATH, "");
    assert_refused(f, 404, "NotFound", TEMPLATE " does not exist");
    fixture_ask(f, "DELETE", PATH, "");
    assert_refused(f, 404, "NotFound", "does not exist");
    fixture_ask(f, "PATCH", PATH, "{}");
    assert_refused(f, 404, "NotFound", "does not exist");
    free(made);
}

static void what_get_gave_can_be_put_back(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    char *made = strdup(f->text);
    put(f, PATH, made);
    assert_answer(f, 200, made);
    free(made);
}

static void numbers_are_kept_as_they_were_written(void **state)
{
    struct fixture *f = *state;
    put(f, PATH,
        FORM(TEMPLATE, MODEL,
             "{\"@type\":[\"Property\",\"NumberValue\"],\"name\":\"n\",\"schema\":\"long\",\"writable\":true,"
             "\"minValue\":-9007199254740993,\"maxValue\":9223372036854775807}"));
    assert_non_null(strstr(f->text, "-9007199254740993"));
    assert_non_null(strstr(f->text, "9223372036854775807"));
}

static void a_plain_interface_is_wrapped(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, "{\"@context\":\"dtmi:dtdl:context;2\"," INTERFACE(MODEL, "") "}");
    assert_string_equal(fixture_text(f, "@id"), TEMPLATE);
    assert_string_equal(fixture_text(f, "@type.0"), "ModelDefinition");
    assert_string_equal(fixture_text(f, "@context"), "dtmi:dtdl:context;2");
    assert_string_equal(fixture_text(f, "capabilityModel.@id"), MODEL);
}

static void an_array_of_interfaces_becomes_one_template(void **state)
{
    struct fixture *f = *state;
    put(f, PATH,
        "[{\"@context\":\"dtmi:dtdl:context;2\"," INTERFACE(
            "dtmi:acme:part;1",
            "") "},"
                "{\"@context\":\"dtmi:dtdl:context;2\"," INTERFACE(
                    MODEL, "{\"@type\":\"Component\",\"name\":\"a\",\"schema\":\"dtmi:acme:part;1\"},"
                           "{\"@type\":\"Component\",\"name\":\"b\",\"schema\":\"dtmi:acme:part;1\"}") "}]");
    assert_string_equal(fixture_text(f, "capabilityModel.@id"), MODEL);
    assert_string_equal(fixture_text(f, "capabilityModel.contents.0.schema.@id"), "dtmi:acme:part;1");
    assert_string_equal(fixture_text(f, "capabilityModel.contents.1.schema"), "dtmi:acme:part;1");
}

static void a_template_that_breaks_rules_is_refused_with_all_of_them(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", PATH,
                FORM(TEMPLATE, MODEL,
                     "\n{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":\"dubble\"},"
                     "\n{\"@type\":\"Telemetry\",\"name\":\"b\",\"schema\":\"strin\"}"));
    assert_refused(f, 400, "InvalidBody", "breaks 2 rules");
    assert_refused(f, 400, "InvalidBody", "dubble");
    assert_refused(f, 400, "InvalidBody", "\nLine 2, column ");
    assert_refused(f, 400, "InvalidBody", ", /capabilityModel/contents/0/schema: ");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "error.issues")), 2);
    assert_string_equal(fixture_text(f, "error.issues.1.pointer"), "/capabilityModel/contents/1/schema");
    assert_int_equal(fixture_at(f, "error.issues.1.line")->valueint, 3);
    assert_true(fixture_at(f, "error.issues.1.column")->valueint > 0);
    assert_true(cJSON_IsString(fixture_at(f, "error.issues.1.rule")));
    assert_true(cJSON_IsString(fixture_at(f, "error.issues.1.message")));
    fixture_ask(f, "GET", PATH, "");
    assert_int_equal(f->status, 404);
}

static void references_out_of_the_template_are_named(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", PATH,
                FORM(TEMPLATE, MODEL, "{\"@type\":\"Component\",\"name\":\"a\",\"schema\":\"dtmi:acme:away;1\"}"));
    assert_refused(f, 400, "InvalidBody", "put it inline: dtmi:acme:away;1");
}

static void bodies_that_are_no_template_are_refused(void **state)
{
    static const char *const BODIES[] = {"",
                                         "{",
                                         "[]",
                                         "null",
                                         "1",
                                         "\"x\"",
                                         "{}",
                                         "{}x",
                                         "[1,2]",
                                         "{\"capabilityModel\":1}",
                                         "{\"@type\":\"Interface\"}",
                                         "{\"a\":\"\xff\"}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        fixture_ask(f, "PUT", PATH, BODIES[i]);
        if (f->status != 400)
            fail_msg("%s: %d %s", BODIES[i], f->status, f->text);
    }
    fixture_ask(f, "PUT", PATH, FORM("dtmi:other;1", MODEL, ""));
    assert_refused(f, 400, "InvalidBody", "differs from the path's");
    fixture_ask(f, "PUT", "/api/deviceTemplates/" MODEL,
                "{\"@context\":\"dtmi:dtdl:context;2\"," INTERFACE(MODEL, "") "}");
    assert_refused(f, 400, "InvalidBody", "another than its model's");
    fixture_ask(f, "PUT", "/api/deviceTemplates/pump", PUMP);
    assert_refused(f, 400, "InvalidRequest", "DTMI");
}

static char *repeated(const char *piece, size_t count)
{
    const size_t len = strlen(piece);
    char *text = malloc(len * count + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, piece, len);
    text[len * count] = '\0';
    return text;
}

static void a_body_beyond_a_megabyte_or_deep_is_refused_at_once(void **state)
{
    static const struct {
        const char *piece;
        size_t count;
        int status;
    } CASES[] = {{" ", 1048577, 413}, {"[", 100000, 400}, {"{\"a\":", 100000, 400}, {"[", 1000000, 400}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *body = repeated(CASES[i].piece, CASES[i].count);
        fixture_ask(f, "PUT", PATH, body);
        assert_int_equal(f->status, CASES[i].status);
        free(body);
    }
}

static void an_enum_that_would_slow_every_message_is_refused(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(200000);
    size_t len = (size_t)sprintf(
        body, "{\"@context\":\"dtmi:dtdl:context;3\",\"@id\":\"" MODEL "\",\"@type\":\"Interface\","
              "\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"e\",\"schema\":{\"@type\":\"Enum\","
              "\"valueSchema\":\"integer\",\"enumValues\":[");
    for (int i = 0; i <= 1000; i++)
        len += (size_t)sprintf(body + len, "%s{\"name\":\"v%d\",\"enumValue\":%d}", i > 0 ? "," : "", i, i);
    strcpy(body + len, "]}}]}");
    fixture_ask(f, "PUT", PATH, body);
    assert_refused(f, 422, "UnprocessableEntity", "more than 1000");
    free(body);
}

static void a_model_belongs_to_one_template(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    fixture_ask(f, "PUT", "/api/deviceTemplates/dtmi:acme:other;1", FORM("dtmi:acme:other;1", MODEL, ""));
    assert_refused(f, 409, "Conflict", TEMPLATE " has the model " MODEL);
}

static void a_patch_merges_and_is_judged(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    fixture_ask(f, "PATCH", PATH, "{\"displayName\":\"Other pump\",\"description\":\"d\"}");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "displayName"), "Other pump");
    assert_string_equal(fixture_text(f, "capabilityModel.contents.0.name"), "flow");
    fixture_ask(f, "PATCH", PATH, "{\"description\":null}");
    assert_int_equal(f->status, 200);
    assert_null(fixture_at(f, "description"));
    fixture_ask(
        f, "PATCH", PATH,
        "{\"capabilityModel\":{\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"a\",\"schema\":\"dubble\"}]}}");
    assert_refused(f, 400, "InvalidBody", "dubble");
    fixture_ask(f, "PATCH", PATH, "{\"capabilityModel\":null}");
    assert_int_equal(f->status, 400);
    fixture_ask(f, "PATCH", PATH, "{\"@id\":\"dtmi:x;1\"}");
    assert_refused(f, 400, "InvalidBody", "differs from the path's");
    fixture_ask(f, "PATCH", PATH, "[]");
    assert_refused(f, 400, "InvalidBody", "has to be a JSON object");
    fixture_ask(f, "GET", PATH, "");
    assert_string_equal(fixture_text(f, "displayName"), "Other pump");
}

static void an_old_etag_is_412(void **state)
{
    struct fixture *f = *state;
    char patch[200];
    fixture_ask(f, "PUT", PATH, "{\"etag\":\"\\\"1\\\"\"," CONTEXT "," INTERFACE(MODEL, "") "}");
    assert_refused(f, 412, "PreconditionFailed", "nothing yet");
    put(f, PATH, PUMP);
    const char *etag = fixture_text(f, "etag");
    snprintf(patch, sizeof patch, "{\"displayName\":\"n\",\"etag\":\"\\\"%.*s\\\"\"}", (int)strlen(etag) - 2,
             etag + 1);
    fixture_ask(f, "PATCH", PATH, patch);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PATCH", PATH, patch);
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    fixture_ask(f, "PATCH", PATH, "{\"etag\":5}");
    assert_refused(f, 400, "InvalidBody", "\"etag\"");
}

static void ask_if_match(struct fixture *f, const char *method, const char *path, const char *if_match)
{
    const struct core_request request = {.method = method,
                                         .path = path,
                                         .query = "",
                                         .trusted = true,
                                         .if_match = if_match,
                                         .body = SPOKE_STR("{}")};
    f->ticket = core_request(f->bench.core, &request, fixture_done, f);
}

static void if_match_guards_like_an_etag(void **state)
{
    struct fixture *f = *state;
    char list[100];
    ask_if_match(f, "PUT", "/api/devices/d1", "*");
    assert_refused(f, 412, "PreconditionFailed", "nothing yet");
    put(f, PATH, PUMP);
    snprintf(list, sizeof list, "\"0\" , %s", fixture_text(f, "etag"));
    ask_if_match(f, "DELETE", PATH, "\"0\"");
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    ask_if_match(f, "DELETE", PATH, "");
    assert_int_equal(f->status, 412);
    ask_if_match(f, "PATCH", PATH, "*");
    assert_int_equal(f->status, 200);
    ask_if_match(f, "DELETE", PATH, list);
    assert_int_equal(f->status, 204);
}

static void if_none_match_creates_and_never_replaces(void **state)
{
    struct fixture *f = *state;
    struct core_request request = {.method = "PUT",
                                   .path = "/api/organizations/oslo",
                                   .query = "",
                                   .trusted = true,
                                   .if_none_match = "*",
                                   .body = SPOKE_STR("{\"displayName\":\"Oslo\"}")};
    static const char *const PATHS[] = {"/api/organizations/oslo", "/api/devices/d1"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        request.path = PATHS[i];
        (void)core_request(f->bench.core, &request, fixture_done, f);
        assert_int_equal(f->status, 200);
        (void)core_request(f->bench.core, &request, fixture_done, f);
        assert_refused(f, 412, "PreconditionFailed", "there already");
    }
    request.if_none_match = "\"0\"";
    (void)core_request(f->bench.core, &request, fixture_done, f);
    assert_int_equal(f->status, 200);
}

static void templates_come_in_pages(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        char path[80], body[200];
        snprintf(path, sizeof path, "/api/deviceTemplates/dtmi:t%d;1", i);
        snprintf(body, sizeof body,
                 "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:m%d;1\",\"@type\":\"Interface\"}", i);
        put(f, path, body);
    }
    fixture_ask(f, "GET", "/api/deviceTemplates?$top=3", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 3);
    assert_string_equal(fixture_text(f, "nextLink"),
                        "https://localhost:1/api/deviceTemplates?$top=3&%24skiptoken=dtmi%3At2%3B1");
    fixture_ask(f, "GET", "/api/deviceTemplates?$top=3&%24skiptoken=dtmi%3At2%3B1", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 2);
    assert_null(fixture_at(f, "nextLink"));
}

/* --- which device has which --- */

static void a_device_gets_the_template_of_the_model_that_it_announces_in_its_connect(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    fixture_device_row(f, "d1");
    assert_template(f, "d1", "(none)");
    fixture_login(f, "d1");
    assert_template(f, "d1", TEMPLATE);
}

static void provision(struct fixture *f, const char *id, const char *payload)
{
    char body[300], resource[256], token[1024], username[300], key[96];
    device_open(&f->device, &f->bench, NULL);
    assert_ok(core_device_key(f->bench.core, id, false, key));
    snprintf(resource, sizeof resource, "0ne0000ABCD/registrations/%s", id);
    snprintf(username, sizeof username, "%s/api-version=2019-03-31", resource);
    bench_token(id, key, resource, bench_unix(&f->bench) / 1000 + 3600, token, sizeof token);
    device_connect_as(&f->device, id, username, token, true, 240);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_CONNACK);
    device_subscribe_ok(&f->device, "$dps/registrations/res/#", 1);
    snprintf(body, sizeof body, "{\"registrationId\":\"%s\",\"payload\":%s}", id, payload);
    device_publish(&f->device, "$dps/registrations/PUT/iotdps-register/?$rid=1", body, 0);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    device_goodbye(&f->device);
}

static void a_device_gets_the_template_of_the_model_that_it_announces_to_dps(void **state)
{
    static const char *const PAYLOADS[] = {"{\"modelId\":\"" MODEL "\"}", "{\"iotcModelId\":\"" MODEL "\"}",
                                           "{\"iotcentralModelId\":\"" MODEL "\"}"};
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    for (size_t i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "p%zu", i);
        provision(f, id, PAYLOADS[i]);
        assert_template(f, id, TEMPLATE);
    }
    provision(f, "p3", "{\"modelId\":\"dtmi:acme:else;1\"}");
    assert_template(f, "p3", "(none)");
}

static void a_template_that_comes_later_finds_its_devices(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, EVENTS, "{\"bogus\":1}", 1);
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/bogus", "");
    assert_null(fixture_at(f, "flag"));
    put(f, PATH, PUMP);
    assert_template(f, "d1", TEMPLATE);
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/bogus", "");
    assert_string_equal(fixture_text(f, "flag"), "unmodeled");
    fixture_publish(f, EVENTS, "{\"bogus\":1}", 1);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 1);
}

static void an_operator_s_choice_stays_until_it_is_taken_back(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"template\":\"dtmi:acme:mine;1\"}");
    fixture_device_row(f, "d2");
    fixture_ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"dtmi:acme:mine;1\"}");
    fixture_login(f, "d2");
    assert_template(f, "d2", "dtmi:acme:mine;1");
    device_close(&f->device);
    fixture_ask(f, "PATCH", "/api/devices/d2", "{\"template\":null}");
    assert_template(f, "d2", "(none)");
    fixture_login(f, "d2");
    assert_template(f, "d2", TEMPLATE);
}

static void a_device_of_another_model_changes_its_template(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    put(f, "/api/deviceTemplates/dtmi:acme:old;1", FORM("dtmi:acme:old;1", "dtmi:acme:pump;3", ""));
    provision(f, "d1", "{\"modelId\":\"dtmi:acme:pump;3\"}");
    assert_template(f, "d1", "dtmi:acme:old;1");
    provision(f, "d1", "{\"modelId\":\"" MODEL "\"}");
    assert_template(f, "d1", TEMPLATE);
    provision(f, "d1", "{\"modelId\":\"dtmi:acme:pump;7\"}");
    assert_template(f, "d1", "(none)");
}

static void a_template_in_use_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "DELETE", PATH, "");
    assert_refused(f, 409, "Conflict", "1 device has this template");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"template\":null}");
    fixture_ask(f, "DELETE", PATH, "");
    assert_int_equal(f->status, 204);
}

/* --- what does not fit --- */

static void telemetry_is_kept_and_flagged(void **state)
{
    static const struct {
        const char *name, *value, *flag, *reason;
    } CASES[] = {
        {"flow", "12.75", NULL, ""},
        {"flow", "\"12.75\"", "wrong type", "telemetry 'flow'"},
        {"count", "7", NULL, ""},
        {"count", "7.0", "wrong type", "telemetry 'count'"},
        {"count", "2147483648", "wrong type", "telemetry 'count'"},
        {"Flow", "1", "unmodeled", "no telemetry 'Flow'"},
        {"firmware", "\"1\"", "unmodeled", "it is a property"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char body[100], path[100];
        snprintf(body, sizeof body, "{\"%s\":%s}", CASES[i].name, CASES[i].value);
        snprintf(path, sizeof path, "/api/devices/d1/telemetry/%s", CASES[i].name);
        fixture_publish(f, EVENTS, body, 1);
        fixture_ask(f, "GET", path, "");
        assert_int_equal(f->status, 200);
        assert_non_null(strstr(f->text, CASES[i].value));
        if (CASES[i].flag == NULL) {
            assert_null(fixture_at(f, "flag"));
            assert_null(fixture_at(f, "reason"));
        } else {
            assert_string_equal(fixture_text(f, "flag"), CASES[i].flag);
            if (strstr(fixture_text(f, "reason"), CASES[i].reason) == NULL)
                fail_msg("%s", f->text);
        }
    }
}

static void telemetry_of_components_is_looked_up_there(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS "%24.sub=hydraulics", "{\"rpm\":1,\"flow\":2.5}", 1);
    fixture_publish(f, EVENTS "%24.sub=nowhere", "{\"rpm\":1}", 1);
    fixture_publish(f, EVENTS, "{\"rpm\":1}", 1);
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/telemetry/rpm", "");
    assert_null(fixture_at(f, "flag"));
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/telemetry/flow", "");
    assert_string_equal(fixture_text(f, "flag"), "unmodeled");
    fixture_ask(f, "GET", "/api/devices/d1/components/nowhere/telemetry/rpm", "");
    assert_string_equal(fixture_text(f, "reason"), "the template has no component 'nowhere'");
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/rpm", "");
    assert_string_equal(fixture_text(f, "flag"), "unmodeled");
}

static void messages_list_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS, "{\"flow\":1}", 1);
    fixture_publish(f, EVENTS, "{\"f\\u006cow\":true,\"x\":1,\"$version\":1}", 1);
    fixture_publish(f, EVENTS, "no JSON", 1);
    fixture_publish(f, EVENTS "%24.ct=text%2Fplain", "no JSON", 1);
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_null(fixture_at(f, "0.flags"));
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "1.flags")), 2);
    assert_string_equal(fixture_text(f, "1.flags.0.name"), "flow");
    assert_string_equal(fixture_text(f, "1.flags.0.flag"), "wrong type");
    assert_string_equal(fixture_text(f, "1.flags.1.name"), "x");
    assert_string_equal(fixture_text(f, "1.flags.1.flag"), "unmodeled");
    assert_string_equal(fixture_text(f, "2.flags.0.reason"), "the message is not a JSON object");
    assert_null(fixture_at(f, "3.flags"));
}

static void each_reading_of_a_batch_is_checked(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS, "[{\"flow\":1},{\"flow\":\"much\"},7,{\"x\":1}]", 1);
    fixture_publish(f, EVENTS, "[]", 1);
    fixture_publish(f, EVENTS "%24.ce=gzip", "not gzip", 1);
    fixture_ask(f, "GET", "/control/devices/d1/messages", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "0.flags")), 3);
    assert_int_equal(fixture_at(f, "0.flags.0.element")->valueint, 1);
    assert_string_equal(fixture_text(f, "0.flags.0.name"), "flow");
    assert_string_equal(fixture_text(f, "0.flags.0.flag"), "wrong type");
    assert_int_equal(fixture_at(f, "0.flags.1.element")->valueint, 2);
    assert_string_equal(fixture_text(f, "0.flags.1.reason"), "a reading is not a JSON object");
    assert_int_equal(fixture_at(f, "0.flags.2.element")->valueint, 3);
    assert_string_equal(fixture_text(f, "0.flags.2.flag"), "unmodeled");
    assert_string_equal(fixture_text(f, "1.flags.0.reason"), "the message has no readings: its array is empty");
    assert_int_equal(strncmp(fixture_text(f, "2.flags.0.reason"), "the body is kept as it came", 27), 0);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 1);
    assert_int_equal(fixture_at(f, "misfits.wrongType")->valueint, 4);
}

static void misfits_are_counted_for_each_device(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS, "{\"flow\":1}", 1);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_string_equal(fixture_text(f, "template"), TEMPLATE);
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 0);
    assert_null(fixture_at(f, "misfits.lastReason"));
    fixture_publish(f, EVENTS, "{\"flow\":true,\"x\":1,\"y\":1}", 1);
    fixture_publish(f, EVENTS, "{\"z\":1}", 1);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 3);
    assert_int_equal(fixture_at(f, "misfits.wrongType")->valueint, 1);
    assert_string_equal(fixture_text(f, "misfits.lastReason"), "the template has no telemetry 'z'");
    assert_string_equal(fixture_text(f, "misfits.lastTime"), "2026-03-04T05:06:07.089Z");
}

static void report(struct fixture *f, const char *json)
{
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1", json, 0);
}

static void reported_properties_are_kept_and_flagged(void **state)
{
    struct fixture *f = *state;
    report(f, "{\"firmware\":1,\"setpoint\":{\"value\":true,\"ac\":200,\"av\":1},\"x\":1,\"flow\":2,"
              "\"hydraulics\":{\"__t\":\"c\",\"limit\":5,\"y\":2}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_int_equal(fixture_at(f, "x")->valueint, 1);
    assert_string_equal(fixture_text(f, "$metadata.firmware.flag"), "wrong type");
    assert_string_equal(fixture_text(f, "$metadata.setpoint.flag"), "wrong type");
    assert_string_equal(fixture_text(f, "$metadata.x.flag"), "unmodeled");
    assert_non_null(strstr(fixture_text(f, "$metadata.flow.reason"), "it is telemetry"));
    assert_null(fixture_at(f, "hydraulics.$metadata.limit.flag"));
    assert_string_equal(fixture_text(f, "hydraulics.$metadata.y.flag"), "unmodeled");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 3);
    assert_int_equal(fixture_at(f, "misfits.wrongType")->valueint, 2);
    report(f, "{\"firmware\":\"3.1.0\",\"setpoint\":{\"value\":4.5,\"ac\":200,\"av\":1},\"x\":null,\"flow\":null,"
              "\"hydraulics\":{\"__t\":\"c\",\"y\":null}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_null(strstr(f->text, "flag"));
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 3);
}

static void a_component_of_the_template_is_one_without_its_mark(void **state)
{
    struct fixture *f = *state;
    report(f, "{\"hydraulics\":{\"limit\":5}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_int_equal(fixture_at(f, "hydraulics.limit")->valueint, 5);
    report(f, "{\"hydraulics\":null}");
    report(f, "{\"hydraulics\":7}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_string_equal(fixture_text(f, "misfits.lastReason"),
                        "a component has to be an object of its properties");
}

static void components_are_known_from_the_template(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/devices/d1/components", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_string_equal(fixture_text(f, "value.0.name"), "hydraulics");
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/properties", "");
    assert_answer(f, 200, "{\"$metadata\":{}}");
    fixture_ask(f, "GET", "/api/devices/d1/components/other/properties", "");
    assert_int_equal(f->status, 404);
}

static void what_the_service_sets_has_to_fit(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *words;
    } CASES[] = {
        {"properties", "{\"setpoint\":\"warm\"}", 400, "property 'setpoint'"},
        {"properties", "{\"setpoint\":100.5}", 400, "property 'setpoint'"},
        {"properties", "{\"setpoint\":20,\"stepoint\":20}", 422, "no property 'stepoint'"},
        {"properties", "{\"firmware\":\"2\"}", 422, "read-only"},
        {"properties", "{\"flow\":2}", 422, "it is telemetry"},
        {"properties", "{\"hydraulics\":{\"limit\":2.5}}", 400, "property 'limit' of component 'hydraulics'"},
        {"properties", "{\"hydraulics\":7}", 400, "a component has to be an object"},
        {"properties", "{\"other\":{\"__t\":\"c\",\"limit\":2}}", 422, "no property 'other'"},
        {"components/hydraulics/properties", "{\"limit\":true}", 400, "property 'limit'"},
        {"components/hydraulics/properties", "{\"setpoint\":1}", 422, "no property 'setpoint' of component"},
        {"components/other/properties", "{\"limit\":1}", 404, "no component other"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const char *code = CASES[i].status == 400   ? "InvalidBody"
                           : CASES[i].status == 422 ? "UnprocessableEntity"
                                                    : "NotFound";
        char path[100];
        snprintf(path, sizeof path, "/api/devices/d1/%s", CASES[i].path);
        fixture_ask(f, "PATCH", path, CASES[i].body);
        assert_refused(f, CASES[i].status, code, CASES[i].words);
        fixture_ask(f, "PUT", path, CASES[i].body);
        assert_refused(f, CASES[i].status, code, CASES[i].words);
    }
    assert_int_equal(fixture_take(f), 0);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "desiredVersion")->valueint, 1);
}

static void what_fits_goes_out_components_with_their_mark(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/d1/properties",
                "{\"setpoint\":20.5,\"hydraulics\":{\"limit\":3},\"old\":null}");
    assert_int_equal(f->status, 202);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "{\"setpoint\":20.5,\"hydraulics\":{\"limit\":3,\"__t\":\"c\"},\"old\":null,"
                                    "\"$version\":2}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"setpoint\":null,\"hydraulics\":null}");
    assert_int_equal(f->status, 202);
}

static void cloud_properties_stay_with_the_service(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/d1/properties",
                "{\"city\":\"Oslo\",\"setpoint\":4,\"hydraulics\":{\"bay\":3}}");
    assert_answer(
        f, 202,
        "{\"$metadata\":{\"setpoint\":{\"desiredValue\":4}},\"city\":\"Oslo\",\"hydraulics\":{\"bay\":3}}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "{\"setpoint\":4,\"$version\":2}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200,
                  "{\"$metadata\":{\"setpoint\":{\"desiredValue\":4,\"desiredVersion\":2}},\"city\":\"Oslo\","
                  "\"hydraulics\":{\"bay\":3}}");
    fixture_ask(f, "PATCH", "/api/devices/d1/components/hydraulics/properties", "{\"bay\":4,\"limit\":1}");
    assert_int_equal(f->status, 202);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "{\"hydraulics\":{\"limit\":1,\"__t\":\"c\"},\"$version\":3}");
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/properties", "");
    assert_int_equal(fixture_at(f, "bay")->valueint, 4);
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_int_equal(fixture_at(f, "hydraulics.bay")->valueint, 4);
    assert_string_equal(fixture_text(f, "city"), "Oslo");
}

static void cloud_properties_alone_change_no_twin(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"city\":\"Oslo\"}");
    assert_int_equal(f->status, 202);
    fixture_ask(f, "PATCH", "/api/devices/d1/components/hydraulics/properties", "{\"bay\":4}");
    assert_int_equal(f->status, 202);
    assert_int_equal(fixture_take(f), 0);
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"city\":null}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200, "{\"$metadata\":{},\"hydraulics\":{\"bay\":4}}");
    fixture_ask(f, "PUT", "/api/devices/d1/components/hydraulics/properties", "{}");
    fixture_ask(f, "PUT", "/api/devices/d1/properties", "{}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200, "{\"$metadata\":{}}");
}

static void cloud_properties_have_to_fit_and_are_not_for_devices(void **state)
{
    struct fixture *f = *state;
    char big[40000];
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"city\":5}");
    assert_refused(f, 400, "InvalidBody", "cloud property 'city'");
    memset(big, 'x', sizeof big);
    memcpy(big, "{\"city\":\"", 9);
    memcpy(big + sizeof big - 3, "\"}", 3);
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", big);
    assert_refused(f, 422, "UnprocessableEntity", "cloud properties would take more");
    memcpy(big, "{\"setpoint\":4,\"city\":\"", 22);
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", big);
    assert_refused(f, 422, "UnprocessableEntity", "cloud properties would take more");
    fixture_ask(f, "PUT", "/api/devices/d1/properties", big);
    assert_refused(f, 422, "UnprocessableEntity", "cloud properties would take more");
    assert_int_equal(fixture_take(f), 0); /* nothing is half done */
    report(f, "{\"city\":\"Oslo\"}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_non_null(strstr(fixture_text(f, "$metadata.city.reason"), "a cloud property"));
}

static void a_command_has_to_be_in_the_template_and_fit(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *words;
    } CASES[] = {
        {"commands/purg", "{}", 404, "no command 'purg'"},
        {"commands/setpoint", "{}", 404, "it is a property"},
        {"commands/purge", "{\"request\":\"long\"}", 400, "command 'purge'"},
        {"commands/purge", "{\"request\":2.0}", 400, "command 'purge'"},
        {"commands/purge", "{}", 400, "command 'purge'"},
        {"commands/stop", "{\"request\":1}", 400, "command 'stop'"},
        {"commands/bleed", "{}", 404, "no command 'bleed'"},
        {"components/hydraulics/commands/stop", "{}", 404, "no command 'stop' of component 'hydraulics'"},
        {"components/other/commands/stop", "{}", 404, "no component 'other'"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char path[100];
        snprintf(path, sizeof path, "/api/devices/d1/%s", CASES[i].path);
        fixture_ask(f, "POST", path, CASES[i].body);
        assert_refused(f, CASES[i].status, CASES[i].status == 404 ? "NotFound" : "InvalidBody", CASES[i].words);
    }
    assert_int_equal(fixture_take(f), 0);
    fixture_ask(f, "POST", "/api/devices/d1/commands/purge", "{\"request\":5}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "5");
    fixture_ask(f, "POST", "/api/devices/d1/components/hydraulics/commands/bleed", "{\"request\":{}}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
}

static void a_durable_command_is_queued_as_a_message(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "POST", "/api/devices/d1/commands/later", "{\"request\":5}");
    assert_refused(f, 400, "InvalidBody", "command 'later'");
    device_subscribe_ok(&f->device, "devices/d1/messages/devicebound/#", 1);
    fixture_ask(f, "POST", "/api/devices/d1/commands/later", "{\"request\":\"say \\\"hi\\\"\"}");
    assert_int_equal(f->status, 201);
    assert_string_equal(fixture_text(f, "request"), "say \"hi\"");
    assert_null(fixture_at(f, "response"));
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_non_null(strstr(f->topic, "devices/d1/messages/devicebound/"));
    assert_non_null(strstr(f->topic, "method-name=later"));
    assert_non_null(strstr(f->topic, "iothub-ack=none"));
    assert_string_equal(f->payload, "say \"hi\"");
    device_close(&f->device);
    fixture_ask(f, "POST", "/api/devices/d1/commands/wake", "{}");
    assert_int_equal(f->status, 201);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "c2dPending")->valueint, 2);
    fixture_ask(f, "GET", "/api/devices/d1/commands/wake", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    for (int i = 0; i < 48; i++)
        fixture_ask(f, "POST", "/api/devices/d1/commands/wake", "{}");
    assert_int_equal(f->status, 201);
    fixture_ask(f, "POST", "/api/devices/d1/commands/wake", "{}");
    assert_refused(f, 429, "TooManyRequests", "403004");
}

static void an_answer_that_does_not_fit_is_handed_on_and_flagged(void **state)
{
    static const struct {
        const char *status, *answer, *flag;
    } CASES[] = {
        {"200", "true", "(none)"}, {"200", "7", "wrong type"}, {"200", "", "wrong type"}, {"400", "7", "(none)"}};
    struct fixture *f = *state;
    put(f, PATH,
        FORM(TEMPLATE, MODEL,
             "{\"@type\":\"Command\",\"name\":\"ask\","
             "\"response\":{\"@type\":\"CommandPayload\",\"name\":\"r\",\"schema\":\"boolean\"}}"));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char topic[100];
        fixture_ask(f, "POST", "/api/devices/d1/commands/ask", "{}");
        assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
        snprintf(topic, sizeof topic, "$iothub/methods/res/%s/?$rid=%s", CASES[i].status,
                 strstr(f->topic, "$rid=") + 5);
        fixture_publish(f, topic, CASES[i].answer, 0);
        assert_int_equal(f->status, 201);
        assert_string_equal(fixture_text(f, "flag"), CASES[i].flag);
    }
}

static void tables_are_kept_within_bounds(void **state)
{
    struct fixture *f = *state;
    put(f, PATH, PUMP);
    for (int i = 0; i < 1100; i++) {
        char id[40];
        snprintf(id, sizeof id, "dtmi:nowhere:t%d;1", i);
        assert_null(core_template(f->bench.core, id));
        assert_true(f->bench.core->kept_count <= 1024);
    }
    assert_non_null(core_template(f->bench.core, TEMPLATE));
    assert_true(f->bench.core->kept_bytes > 0);
    core_template_changed(f->bench.core, TEMPLATE);
    assert_int_equal(f->bench.core->kept_bytes, 0);
}

static void a_device_without_a_template_is_not_checked(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, EVENTS, "{\"anything\":[1]}", 1);
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/anything", "");
    assert_answer(f, 200, "{\"timestamp\":\"2026-03-04T05:06:07.089Z\",\"value\":[1]}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"anything\":1}");
    assert_int_equal(f->status, 202);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_null(fixture_at(f, "template"));
    assert_null(fixture_at(f, "misfits"));
}

static void a_changed_template_counts_from_the_next_message_on(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, EVENTS, "{\"x\":1}", 1);
    put(f, PATH, FORM(TEMPLATE, MODEL, "{\"@type\":\"Telemetry\",\"name\":\"x\",\"schema\":\"integer\"}"));
    fixture_publish(f, EVENTS, "{\"x\":1}", 1);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 1);
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"template\":null}");
    fixture_publish(f, EVENTS, "{\"y\":1}", 1);
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" TEMPLATE "\"}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "misfits.unmodeled")->valueint, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define ASSIGNED(test) cmocka_unit_test_setup_teardown(test, set_up_assigned, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_template_is_made_shown_and_deleted),
        TEST(what_get_gave_can_be_put_back),
        TEST(numbers_are_kept_as_they_were_written),
        TEST(a_plain_interface_is_wrapped),
        TEST(an_array_of_interfaces_becomes_one_template),
        TEST(a_template_that_breaks_rules_is_refused_with_all_of_them),
        TEST(references_out_of_the_template_are_named),
        TEST(bodies_that_are_no_template_are_refused),
        TEST(a_body_beyond_a_megabyte_or_deep_is_refused_at_once),
        TEST(an_enum_that_would_slow_every_message_is_refused),
        TEST(a_model_belongs_to_one_template),
        TEST(a_patch_merges_and_is_judged),
        TEST(an_old_etag_is_412),
        TEST(if_match_guards_like_an_etag),
        TEST(if_none_match_creates_and_never_replaces),
        TEST(templates_come_in_pages),
        TEST(a_device_gets_the_template_of_the_model_that_it_announces_in_its_connect),
        TEST(a_device_gets_the_template_of_the_model_that_it_announces_to_dps),
        TEST(a_template_that_comes_later_finds_its_devices),
        TEST(an_operator_s_choice_stays_until_it_is_taken_back),
        TEST(a_device_of_another_model_changes_its_template),
        ASSIGNED(a_template_in_use_is_not_deleted),
        ASSIGNED(telemetry_is_kept_and_flagged),
        ASSIGNED(telemetry_of_components_is_looked_up_there),
        ASSIGNED(messages_list_what_does_not_fit),
        ASSIGNED(misfits_are_counted_for_each_device),
        ASSIGNED(reported_properties_are_kept_and_flagged),
        ASSIGNED(a_component_of_the_template_is_one_without_its_mark),
        ASSIGNED(each_reading_of_a_batch_is_checked),
        ASSIGNED(components_are_known_from_the_template),
        ASSIGNED(what_the_service_sets_has_to_fit),
        ASSIGNED(what_fits_goes_out_components_with_their_mark),
        ASSIGNED(cloud_properties_stay_with_the_service),
        ASSIGNED(cloud_properties_alone_change_no_twin),
        ASSIGNED(cloud_properties_have_to_fit_and_are_not_for_devices),
        ASSIGNED(a_command_has_to_be_in_the_template_and_fit),
        ASSIGNED(a_durable_command_is_queued_as_a_message),
        ASSIGNED(an_answer_that_does_not_fit_is_handed_on_and_flagged),
        TEST(tables_are_kept_within_bounds),
        TEST(a_device_without_a_template_is_not_checked),
        ASSIGNED(a_changed_template_counts_from_the_next_message_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
