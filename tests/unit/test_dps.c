#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/dps.h>

#include "support/output.h"

#define OPERATION "4.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d"
#define ASSIGNING "{\"operationId\":\"" OPERATION "\",\"status\":\"assigning\"}"
#define ASSIGNED_STATE \
    "{\"x509\":{},\"registrationId\":\"dev-001\",\"createdDateTimeUtc\":\"2022-08-31T22:02:50.5163352Z\"," \
    "\"assignedHub\":\"central-hub-1.local\",\"deviceId\":\"Dev-001b\",\"status\":\"assigned\"," \
    "\"substatus\":\"initialAssignment\",\"lastUpdatedDateTimeUtc\":\"2022-08-31T22:02:50.7370676Z\"," \
    "\"etag\":\"IjY5MDAzNTUyLTAwMDAtMDMwMC0wMDAwLTYzMGZkYThhMDAwMCI=\"}"
#define ASSIGNED \
    "{\"operationId\":\"" OPERATION "\",\"status\":\"assigned\",\"registrationState\":" ASSIGNED_STATE "}"
#define POLL_TOPIC(rid) "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=" rid "&operationId=" OPERATION

static const spoke_dps_config config = {.id_scope = {"0ne00ABCDEF", 11},
                                        .registration_id = {"dev-001", 7},
                                        .model_id = {"dtmi:com:example:TemperatureController;2", 40}};

struct fixture {
    spoke_dps dps;
    char scratch[1025];
    uint64_t now;
};

static void init(struct fixture *f, const spoke_dps_config *with)
{
    memset(f, 0x5A, sizeof *f);
    f->now = 1000;
    assert_ok(spoke_dps_init(&f->dps, with, f->scratch, sizeof f->scratch - 1));
    spoke_dps_start(&f->dps, f->now);
}

static int set_up(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    init(f, &config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    const struct fixture *f = *state;
    const char guard = f->scratch[1024];
    free(*state);
    return guard == 0x5A ? 0 : 1;
}

static void send_expecting(struct fixture *f, const char *topic, const char *payload)
{
    spoke_str sent_topic, sent_payload;
    assert_ok(spoke_dps_output(&f->dps, &sent_topic, &sent_payload));
    assert_str(sent_topic, topic);
    assert_str(sent_payload, payload);
    spoke_dps_sent(&f->dps, f->now);
    assert_int_equal(spoke_dps_output(&f->dps, &sent_topic, &sent_payload), SPOKE_E_AGAIN);
}

static void send_registration(struct fixture *f)
{
    spoke_str topic, payload;
    assert_ok(spoke_dps_output(&f->dps, &topic, &payload));
    assert_true(spoke_str_starts(topic, SPOKE_STR("$dps/registrations/PUT/iotdps-register/?$rid=")));
    spoke_dps_sent(&f->dps, f->now);
}

static void send_anything(struct fixture *f)
{
    spoke_str topic, payload;
    assert_ok(spoke_dps_output(&f->dps, &topic, &payload));
    spoke_dps_sent(&f->dps, f->now);
}

/* From heap of exactly that size, gone right after: the machine must keep nothing of it. */
static void reply(struct fixture *f, const char *topic, const char *body)
{
    const size_t topic_len = strlen(topic), body_len = strlen(body);
    char *topic_copy = malloc(topic_len + 1), *body_copy = malloc(body_len + (body_len == 0));
    memcpy(topic_copy, topic, topic_len);
    memcpy(body_copy, body, body_len);
    spoke_dps_receive(&f->dps, f->now, spoke_str_from(topic_copy, topic_len), spoke_str_from(body_copy, body_len));
    free(topic_copy);
    free(body_copy);
}

static void assert_no_event(struct fixture *f)
{
    spoke_dps_event event;
    assert_int_equal(spoke_dps_next(&f->dps, &event), SPOKE_E_AGAIN);
}

static void assert_silent(struct fixture *f)
{
    spoke_str topic, payload;
    assert_int_equal(spoke_dps_output(&f->dps, &topic, &payload), SPOKE_E_AGAIN);
    assert_no_event(f);
}

static void assert_waits(struct fixture *f, uint64_t pause_ms)
{
    assert_silent(f);
    assert_true(spoke_dps_deadline(&f->dps) == f->now + pause_ms);
    f->now += pause_ms - 1;
    spoke_dps_tick(&f->dps, f->now);
    assert_silent(f);
    f->now += 1;
    spoke_dps_tick(&f->dps, f->now);
}

static spoke_dps_event taken_event(struct fixture *f)
{
    spoke_dps_event event;
    assert_ok(spoke_dps_next(&f->dps, &event));
    assert_no_event(f);
    assert_true(spoke_dps_deadline(&f->dps) == UINT64_MAX);
    return event;
}

static spoke_dps_event refusal(struct fixture *f, spoke_dps_class failure, int32_t code)
{
    const spoke_dps_event event = taken_event(f);
    assert_int_equal(event.kind, SPOKE_DPS_REFUSED);
    assert_int_equal(event.failure, failure);
    assert_int_equal(event.code, code);
    return event;
}

/* --- the connection --- */

static spoke_status write_username(const void *ctx, spoke_buf *out)
{
    return spoke_dps_username(ctx, out);
}

static spoke_status write_resource(const void *ctx, spoke_buf *out)
{
    return spoke_dps_resource(ctx, out);
}

static void the_username_is_the_known_string(void **state)
{
    (void)state;
    spoke_dps_config with_agent = config;
    with_agent.user_agent = SPOKE_STR("ours/1.9 (test)");
    assert_writes(write_username, &config, "0ne00ABCDEF/registrations/dev-001/api-version=2019-03-31");
    assert_writes(write_username, &with_agent,
                  "0ne00ABCDEF/registrations/dev-001/api-version=2019-03-31"
                  "&ClientVersion=ours%2F1.9%20%28test%29");
}

static void the_resource_names_scope_and_registration(void **state)
{
    (void)state;
    assert_writes(write_resource, &config, "0ne00ABCDEF/registrations/dev-001");
}

static void ids_outside_the_service_alphabet_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "a b", "a+b", "a#", "a%2F", "a&b", "caf\xC3\xA9"};
    char memory[512];
    spoke_dps dps;
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_dps_config c = config;
        c.registration_id = spoke_str_of(bad[i]);
        assert_int_equal(spoke_dps_username(&c, &out), SPOKE_E_ARG);
        assert_int_equal(spoke_dps_init(&dps, &c, memory, sizeof memory), SPOKE_E_ARG);
        c = config;
        c.id_scope = spoke_str_of(bad[i]);
        assert_int_equal(spoke_dps_resource(&c, &out), SPOKE_E_ARG);
    }
    spoke_dps_config long_scope = config;
    long_scope.id_scope = spoke_str_from(memory, SPOKE_MAX_SCOPE_BYTES + 1);
    memset(memory, 'x', sizeof memory);
    assert_int_equal(spoke_dps_resource(&long_scope, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void every_character_of_the_service_alphabet_stands_in_ids_as_it_is(void **state)
{
    (void)state;
    spoke_dps_config c = config;
    c.registration_id = SPOKE_STR("aZ09-._:");
    assert_writes(write_resource, &c, "0ne00ABCDEF/registrations/aZ09-._:");
}

static void a_model_id_that_is_no_text_is_refused(void **state)
{
    (void)state;
    char memory[SPOKE_DPS_MIN_SCRATCH_BYTES];
    spoke_dps dps;
    spoke_dps_config c = config;
    c.model_id = SPOKE_STR("dtmi:a\xFF;1");
    assert_int_equal(spoke_dps_init(&dps, &c, memory, sizeof memory), SPOKE_E_ARG);
}

static void a_registration_id_of_128_characters_is_the_longest(void **state)
{
    (void)state;
    char text[129], memory[512];
    memset(text, 'x', sizeof text);
    spoke_dps_config c = config;
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    c.registration_id = spoke_str_from(text, 128);
    assert_ok(spoke_dps_username(&c, &out));
    c.registration_id = spoke_str_from(text, 129);
    assert_int_equal(spoke_dps_username(&c, &out), SPOKE_E_ARG);
}

static void a_payload_that_is_no_object_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const bad[] = {"[]", "1", "null", "{", "{\"a\":}", "{} x", "\"text\""};
    char memory[512];
    spoke_dps dps;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_dps_config c = config;
        c.payload = spoke_str_of(bad[i]);
        assert_int_equal(spoke_dps_init(&dps, &c, memory, sizeof memory), SPOKE_E_ARG);
    }
}

static void too_little_scratch_is_refused_at_once(void **state)
{
    (void)state;
    char memory[SPOKE_DPS_MIN_SCRATCH_BYTES];
    spoke_dps dps;
    assert_int_equal(spoke_dps_init(&dps, &config, memory, sizeof memory - 1), SPOKE_E_NO_MEMORY);
    assert_ok(spoke_dps_init(&dps, &config, memory, sizeof memory));
}

/* --- requests --- */

static void assert_registration_body(spoke_str model_id, const char *payload, const char *body)
{
    struct fixture f;
    spoke_dps_config c = config;
    c.model_id = model_id;
    c.payload = spoke_str_of(payload);
    init(&f, &c);
    send_expecting(&f, "$dps/registrations/PUT/iotdps-register/?$rid=1", body);
}

static void the_registration_announces_the_model(void **state)
{
    (void)state;
    assert_registration_body(config.model_id, NULL,
                             "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":"
                             "\"dtmi:com:example:TemperatureController;2\"}}");
}

static void without_model_and_payload_only_the_id_is_sent(void **state)
{
    (void)state;
    assert_registration_body(SPOKE_STR(""), NULL, "{\"registrationId\":\"dev-001\"}");
}

static void payload_members_stand_beside_the_model(void **state)
{
    (void)state;
    assert_registration_body(SPOKE_STR("dtmi:x;1"),
                             " {\"iotcGateway\": {\"iotcGatewayId\":\"g1\"} , \"a\\\"b\":[1]} ",
                             "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"dtmi:x;1\","
                             "\"iotcGateway\":{\"iotcGatewayId\":\"g1\"},\"a\\\"b\":[1]}}");
    assert_registration_body(SPOKE_STR(""), "{\"modelId\":\"dtmi:own;1\"}",
                             "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"dtmi:own;1\"}}");
    assert_registration_body(SPOKE_STR(""), "{}", "{\"registrationId\":\"dev-001\",\"payload\":{}}");
}

static void the_configured_model_wins_over_one_in_the_payload(void **state)
{
    (void)state;
    assert_registration_body(SPOKE_STR("dtmi:x;1"), "{\"modelId\":\"dtmi:other;1\",\"\\u006dodelId\":2,\"k\":3}",
                             "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"dtmi:x;1\",\"k\":3}}");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    assert_registration_body(SPOKE_STR("a\"\\\n"), NULL,
                             "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"a\\\"\\\\\\n\"}}");
}

static void a_request_that_does_not_fit_says_so_and_writes_not_past_the_scratch(void **state)
{
    (void)state;
    char model[600], scratch[700];
    memset(model, 'm', sizeof model);
    const char *around = "$dps/registrations/PUT/iotdps-register/?$rid=1"
                         "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"\"}}";
    const size_t model_len = SPOKE_DPS_MIN_SCRATCH_BYTES - strlen(around);
    for (size_t extra = 0; extra < 2; extra++) {
        spoke_dps_config c = config;
        c.model_id = spoke_str_from(model, model_len + extra);
        spoke_dps dps;
        spoke_str topic, payload;
        memset(scratch, 0x5A, sizeof scratch);
        assert_ok(spoke_dps_init(&dps, &c, scratch, SPOKE_DPS_MIN_SCRATCH_BYTES));
        spoke_dps_start(&dps, 0);
        assert_int_equal(spoke_dps_output(&dps, &topic, &payload), extra == 0 ? SPOKE_OK : SPOKE_E_TOO_SMALL);
        for (size_t i = SPOKE_DPS_MIN_SCRATCH_BYTES; i < sizeof scratch; i++)
            assert_int_equal(scratch[i], 0x5A);
    }
}

static void nothing_is_said_before_start(void **state)
{
    (void)state;
    struct fixture f = {.now = 0};
    assert_ok(spoke_dps_init(&f.dps, &config, f.scratch, sizeof f.scratch));
    spoke_dps_tick(&f.dps, UINT64_MAX);
    reply(&f, "$dps/registrations/res/200/?$rid=0", ASSIGNED);
    assert_silent(&f);
    assert_true(spoke_dps_deadline(&f.dps) == UINT64_MAX);
}

static void a_request_can_be_written_again_until_it_is_sent(void **state)
{
    struct fixture *f = *state;
    spoke_str topic, payload;
    for (int i = 0; i < 3; i++) {
        assert_ok(spoke_dps_output(&f->dps, &topic, &payload));
        assert_str(topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
    }
}

static void what_was_not_asked_cannot_be_sent(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    const uint64_t due = spoke_dps_deadline(&f->dps);
    f->now += 1000;
    spoke_dps_sent(&f->dps, f->now); /* a second time: the limit counts from the first */
    assert_true(spoke_dps_deadline(&f->dps) == due);
}

/* --- the good way --- */

static void register_wait_poll_and_be_assigned(void **state)
{
    struct fixture *f = *state;
    send_expecting(f, "$dps/registrations/PUT/iotdps-register/?$rid=1",
                   "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":"
                   "\"dtmi:com:example:TemperatureController;2\"}}");
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=3", ASSIGNING);
    assert_waits(f, 3000);
    send_expecting(f, POLL_TOPIC("2"), "");
    reply(f, "$dps/registrations/res/200/?$rid=2", ASSIGNED);
    const spoke_dps_event event = taken_event(f);
    assert_int_equal(event.kind, SPOKE_DPS_ASSIGNED);
    assert_str(event.hub, "central-hub-1.local");
    assert_str(event.device_id, "Dev-001b");
    assert_silent(f);
}

static void assert_pause(struct fixture *f, const char *topic, uint64_t pause_ms)
{
    init(f, &config);
    send_registration(f);
    reply(f, topic, ASSIGNING);
    assert_waits(f, pause_ms);
    send_expecting(f, POLL_TOPIC("2"), "");
}

static void register_waits_as_long_as_retry_after_says(void **state)
{
    struct fixture *f = *state;
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=1", 1000);
    assert_pause(f, "$dps/registrations/res/202/?retry-after=120&$rid=1", 120000);
    assert_pause(f, "$dps/registrations/res/202/?x=1&%24rid=1&retry%2Dafter=7&y", 7000);
}

static void a_missing_retry_after_means_two_seconds(void **state)
{
    struct fixture *f = *state;
    assert_pause(f, "$dps/registrations/res/202/?$rid=1", 2000);
}

static void a_retry_after_that_is_no_number_counts_as_missing(void **state)
{
    struct fixture *f = *state;
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=", 2000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after", 2000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=soon", 2000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=-5", 2000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=1.5", 2000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=Wed%2C%2021%20Oct%202026", 2000);
}

static void a_huge_retry_after_counts_as_five_minutes(void **state)
{
    struct fixture *f = *state;
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=300", 300000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=301", 300000);
    assert_pause(f, "$dps/registrations/res/202/?$rid=1&retry-after=99999999999999999999", 300000);
}

static void retry_after_zero_is_obeyed_without_a_minimum_of_our_own(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    send_expecting(f, POLL_TOPIC("2"), "");
}

static void polls_go_on_while_assigning(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=3", ASSIGNING);
    assert_waits(f, 3000);
    send_expecting(f, POLL_TOPIC("2"), "");
    reply(f, "$dps/registrations/res/202/?$rid=2&retry-after=5",
          "{\"operationId\":\"" OPERATION "\",\"status\":\"assigning\",\"registrationState\":"
          "{\"registrationId\":\"dev-001\",\"status\":\"assigning\"}}");
    assert_waits(f, 5000);
    send_expecting(f, POLL_TOPIC("3"), "");
}

static void a_poll_answer_without_operation_id_reuses_the_known_one(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {"{\"status\":\"assigning\"}",
                                         "{\"operationId\":\"\",\"status\":\"assigning\"}",
                                         "{\"operationId\":null}", "{\"operationId\":\"a/b\"}", "{}"};
    char topic[64], poll[160];
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    for (unsigned i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        snprintf(poll, sizeof poll, POLL_TOPIC("%u"), i + 2);
        snprintf(topic, sizeof topic, "$dps/registrations/res/202/?$rid=%u&retry-after=0", i + 2);
        send_expecting(f, poll, "");
        reply(f, topic, bodies[i]);
    }
    send_expecting(f, POLL_TOPIC("7"), "");
}

static void an_answer_at_once_needs_no_poll(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/200/?$rid=1", ASSIGNED);
    f->now += 3600000;
    spoke_dps_tick(&f->dps, f->now); /* an answer does not age */
    assert_int_equal(taken_event(f).kind, SPOKE_DPS_ASSIGNED);
}

static void allocation_payload_and_unknown_members_do_not_disturb(void **state)
{
    struct fixture *f = *state;
    static const char *const extras[] = {"\"payload\":null", "\"payload\":{\"a\":[1,{}]}", "\"payload\":7",
                                         "\"symmetricKey\":{\"enrollmentGroupId\":\"g\"}",
                                         "\"next\":{\"year\":[\"\\u00e9\",1e9,null]}"};
    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"new\":[],\"status\":\"assigned\",\"registrationState\":{%s,\"assignedHub\":\"h.net\","
                 "\"deviceId\":\"d\"},\"operationId\":\"1\"}",
                 extras[i]);
        init(f, &config);
        send_registration(f);
        reply(f, "$dps/registrations/res/200/?$rid=1", body);
        const spoke_dps_event event = taken_event(f);
        assert_int_equal(event.kind, SPOKE_DPS_ASSIGNED);
        assert_str(event.hub, "h.net");
        assert_str(event.device_id, "d");
    }
}

static void replies_to_nobody_are_ignored(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/200/?$rid=2", ASSIGNED);
    reply(f, "$dps/registrations/res/200/?$rid=6f1c52e1-7f1e", ASSIGNED);
    reply(f, "$dps/registrations/res/401/?$rid=0", "");
    reply(f, "$dps/registrations/res/401/", "");
    reply(f, "$dps/registrations/unknown", "");
    reply(f, "devices/dev-001/messages/devicebound/", ASSIGNED);
    assert_silent(f);
    reply(f, "$dps/registrations/res/202/?$rid=1", ASSIGNING);
    reply(f, "$dps/registrations/res/200/?$rid=1", ASSIGNED); /* a second answer to the same request */
    assert_waits(f, 2000);
    send_expecting(f, POLL_TOPIC("2"), "");
}

/* --- failures: each form that the service uses --- */

static void a_rejected_request_says_code_and_words(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/401/?$rid=1",
          "{\"errorCode\":401002,\"trackingId\":\"8ad0463c-6427-4479-9dfa-3e8bb7003e9b\","
          "\"message\":\"Invalid certificate.\",\"timestampUtc\":\"2020-04-10T05:24:22.4718526Z\"}");
    assert_str(refusal(f, SPOKE_DPS_CREDENTIAL, 401002).message, "Invalid certificate.");
}

static void a_200_in_the_topic_is_not_success(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    send_anything(f);
    reply(f, "$dps/registrations/res/200/?$rid=2",
          "{\"operationId\":\"4.x.y\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"dev-001\","
          "\"createdDateTimeUtc\":\"2020-04-10T03:11:13.0276997Z\",\"status\":\"failed\",\"errorCode\":400207,"
          "\"errorMessage\":\"Custom allocation failed with status code: 400\","
          "\"lastUpdatedDateTimeUtc\":\"2020-04-10T03:11:13.2096201Z\",\"etag\":\"IjYxMDA4ZDQ2\"}}");
    assert_str(refusal(f, SPOKE_DPS_SERVICE, 400207).message, "Custom allocation failed with status code: 400");
}

static void a_disabled_enrolment_has_an_empty_operation_id(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/200/?$rid=1",
          "{\"operationId\":\"\",\"status\":\"disabled\",\"registrationState\":"
          "{\"registrationId\":\"dev-001\",\"status\":\"disabled\"}}");
    refusal(f, SPOKE_DPS_BLOCKED, 200);
    init(f, &config);
    send_registration(f);
    reply(f, "$dps/registrations/res/200/?$rid=1", "{\"operationId\":\"\",\"status\":\"blacklisted\"}");
    refusal(f, SPOKE_DPS_BLOCKED, 200);
}

static void each_code_has_its_class(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *status;
        int32_t code; /* in the body; 0: an empty body */
        spoke_dps_class failure;
        int32_t told;
    } cases[] = {
        {"400", 400000, SPOKE_DPS_CONFIGURATION, 400000},
        {"400", 400207, SPOKE_DPS_SERVICE, 400207},
        {"400", 400208, SPOKE_DPS_SERVICE, 400208},
        {"400", 400209, SPOKE_DPS_BLOCKED, 400209},
        {"401", 401000, SPOKE_DPS_CREDENTIAL, 401000},
        {"401", 401002, SPOKE_DPS_CREDENTIAL, 401002},
        {"401", 400209, SPOKE_DPS_BLOCKED, 400209},
        {"401", 0, SPOKE_DPS_CREDENTIAL, 401},
        {"401", 7, SPOKE_DPS_CREDENTIAL, 401},
        {"401", 1000000, SPOKE_DPS_CREDENTIAL, 401},
        {"404", 404201, SPOKE_DPS_CONFIGURATION, 404201},
        {"404", 0, SPOKE_DPS_CONFIGURATION, 404},
        {"405", 0, SPOKE_DPS_CONFIGURATION, 405},
        {"412", 412000, SPOKE_DPS_CONFIGURATION, 412000},
        {"415", 415001, SPOKE_DPS_CONFIGURATION, 415001},
        {"429", 429001, SPOKE_DPS_THROTTLED, 429001},
        {"429", 0, SPOKE_DPS_THROTTLED, 429},
        {"500", 500001, SPOKE_DPS_TRANSIENT, 500001},
        {"503", 0, SPOKE_DPS_TRANSIENT, 503},
        {"503", 401002, SPOKE_DPS_TRANSIENT, 401002},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char topic[64], body[64] = "";
        snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?$rid=1", cases[i].status);
        if (cases[i].code != 0)
            snprintf(body, sizeof body, "{\"errorCode\":%d,\"message\":\"m\"}", (int)cases[i].code);
        init(f, &config);
        send_registration(f);
        reply(f, topic, body);
        refusal(f, cases[i].failure, cases[i].told);
    }
}

static void a_failed_operation_has_the_class_of_its_code(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *state;
        spoke_dps_class failure;
        int32_t code;
    } cases[] = {
        {"{\"errorCode\":400209,\"errorMessage\":\"m\"}", SPOKE_DPS_BLOCKED, 400209},
        {"{\"errorCode\":401002}", SPOKE_DPS_CREDENTIAL, 401002},
        {"{\"errorCode\":429001}", SPOKE_DPS_THROTTLED, 429001},
        {"{\"errorCode\":500001}", SPOKE_DPS_TRANSIENT, 500001},
        {"{\"errorCode\":\"400209\"}", SPOKE_DPS_TRANSIENT, 200},
        {"{\"errorCode\":1e99}", SPOKE_DPS_TRANSIENT, 200},
        {"null", SPOKE_DPS_TRANSIENT, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"status\":\"failed\",\"registrationState\":%s}", cases[i].state);
        init(f, &config);
        send_registration(f);
        reply(f, "$dps/registrations/res/200/?$rid=1", body);
        refusal(f, cases[i].failure, cases[i].code);
    }
}

static void a_throttled_registration_hands_its_pause_to_the_caller(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/429/?$rid=1&retry-after=20", "");
    assert_int_equal(refusal(f, SPOKE_DPS_THROTTLED, 429).retry_after_s, 20);
    init(f, &config);
    send_registration(f);
    reply(f, "$dps/registrations/res/503/?retry-after=86400&$rid=1", "<html>");
    assert_int_equal(refusal(f, SPOKE_DPS_TRANSIENT, 503).retry_after_s, SPOKE_DPS_MAX_RETRY_AFTER_S);
    init(f, &config);
    send_registration(f);
    reply(f, "$dps/registrations/res/429/?$rid=1", "");
    assert_int_equal(refusal(f, SPOKE_DPS_THROTTLED, 429).retry_after_s, 0);
}

static void a_throttled_poll_is_repeated_about_the_same_operation(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    send_expecting(f, POLL_TOPIC("2"), "");
    reply(f, "$dps/registrations/res/429/?$rid=2&retry-after=10", "{\"status\":\"assigned\"}");
    assert_waits(f, 10000);
    send_expecting(f, POLL_TOPIC("3"), "");
    reply(f, "$dps/registrations/res/500/?$rid=3", "not JSON");
    assert_waits(f, 4000);
    send_expecting(f, POLL_TOPIC("4"), "");
}

static void refused_polls_without_a_pause_double_theirs_to_a_minute(void **state)
{
    struct fixture *f = *state;
    static const uint64_t pauses[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    for (unsigned i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "$dps/registrations/res/429/?$rid=%u&retry-after=0", i + 2);
        send_anything(f);
        reply(f, topic, "");
        assert_waits(f, pauses[i]);
    }
    send_anything(f);
    reply(f, "$dps/registrations/res/202/?$rid=9&retry-after=0", ASSIGNING);
    send_anything(f);
    reply(f, "$dps/registrations/res/429/?$rid=10", "");
    assert_waits(f, 2000); /* an answer in between starts the count anew */
}

static void a_lost_operation_registers_anew_once(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    send_anything(f);
    reply(f, "$dps/registrations/res/404/?$rid=2", "{\"errorCode\":404202,\"message\":\"gone\"}");
    assert_waits(f, 2000);
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=3&retry-after=0", ASSIGNING);
    send_expecting(f, POLL_TOPIC("4"), "");
    reply(f, "$dps/registrations/res/404/?$rid=4", "{\"errorCode\":404202,\"message\":\"gone\"}");
    assert_str(refusal(f, SPOKE_DPS_CONFIGURATION, 404202).message, "gone");
}

static void a_conflict_registers_anew_once(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/409/?$rid=1", "");
    assert_waits(f, 2000);
    send_registration(f);
    reply(f, "$dps/registrations/res/409/?$rid=2", "");
    refusal(f, SPOKE_DPS_CONFIGURATION, 409);
}

static void malformed_replies_are_transient(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *status, *body;
    } cases[] = {
        {"200", ""},
        {"200", "{}"},
        {"200", "[]"},
        {"200", "{\"status\":\"great\"}"},
        {"200", "{\"status\":7}"},
        {"200", "{\"status\":\"assigned\"}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":null}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\"}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"deviceId\":\"d\"}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"\",\"deviceId\":\"d\"}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":7}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":\"a#\"}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h/x\",\"deviceId\":\"d\"}}"},
        {"200",
         "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\\u0000\",\"deviceId\":\"d\"}}"},
        {"200", "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":\"d\"}"},
        {"202", ""},
        {"202", "{}"},
        {"202", "{\"operationId\":\"\",\"status\":\"assigning\"}"},
        {"202", "{\"operationId\":\"a&b\",\"status\":\"assigning\"}"},
        {"202", "{\"operationId\":\"a/#\",\"status\":\"assigning\"}"},
        {"202", "{\"operationId\":\"a\\u0026b\",\"status\":\"assigning\"}"},
        {"202", "{\"operationId\":17,\"status\":\"assigning\"}"},
        {"202", "{\"operationId\":\"1\",\"status\":\"assigning\"}}"},
        {"204", ""},
        {"301", ASSIGNED},
        {"100", ASSIGNED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?$rid=1", cases[i].status);
        init(f, &config);
        send_registration(f);
        reply(f, topic, cases[i].body);
        const spoke_dps_event event = refusal(f, SPOKE_DPS_TRANSIENT, (int32_t)strtol(cases[i].status, NULL, 10));
        assert_int_equal(event.retry_after_s, 0);
        assert_int_equal(event.message.len, 0);
    }
}

static void every_truncation_of_a_body_is_transient(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 0; len < strlen(ASSIGNED); len++) {
        char body[sizeof ASSIGNED] = "";
        memcpy(body, ASSIGNED, len);
        init(f, &config);
        send_registration(f);
        reply(f, "$dps/registrations/res/200/?$rid=1", body);
        refusal(f, SPOKE_DPS_TRANSIENT, 200);
    }
}

static void an_operation_id_is_asked_about_as_it_stands_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"4.aZ~=@,;!*()_:-", "4#", "a&b", "a+b", "a\\u0026b"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char body[256], topic[256];
        snprintf(body, sizeof body, "{\"operationId\":\"%s\",\"status\":\"assigning\"}", ids[i]);
        snprintf(topic, sizeof topic, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=%s",
                 ids[i]);
        init(f, &config);
        send_registration(f);
        reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", body);
        if (i == 0)
            send_expecting(f, topic, "");
        else
            refusal(f, SPOKE_DPS_TRANSIENT, 202);
    }
}

static void too_long_an_operation_id_is_refused(void **state)
{
    struct fixture *f = *state;
    for (int len = 128; len <= 129; len++) {
        char body[256];
        snprintf(body, sizeof body, "{\"operationId\":\"%0*d\",\"status\":\"assigning\"}", len, 0);
        init(f, &config);
        send_registration(f);
        reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", body);
        if (len == 128)
            send_anything(f);
        else
            refusal(f, SPOKE_DPS_TRANSIENT, 202);
    }
}

static void the_longest_assignment_fits_the_smallest_scratch(void **state)
{
    struct fixture *f = *state;
    for (int extra = 0; extra < 2; extra++) {
        char body[1024];
        snprintf(
            body, sizeof body,
            "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"%0*d\",\"deviceId\":\"%0*d\"}}",
            253, 1, 128 + extra, 2);
        assert_ok(spoke_dps_init(&f->dps, &config, f->scratch, SPOKE_DPS_MIN_SCRATCH_BYTES));
        spoke_dps_start(&f->dps, f->now);
        send_registration(f);
        reply(f, "$dps/registrations/res/200/?$rid=1", body);
        const spoke_dps_event event = taken_event(f);
        assert_int_equal(event.kind, extra == 0 ? SPOKE_DPS_ASSIGNED : SPOKE_DPS_REFUSED);
        assert_int_equal(event.hub.len, extra == 0 ? 253 : 0);
    }
}

static void long_words_are_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char body[512] = "{\"message\":\"a";
    for (int i = 0; i < 150; i++)
        strncat(body, "\xC3\xA9", sizeof body - strlen(body) - 1);
    strncat(body, "\"}", sizeof body - strlen(body) - 1);
    send_registration(f);
    reply(f, "$dps/registrations/res/404/?$rid=1", body);
    const spoke_str message = refusal(f, SPOKE_DPS_CONFIGURATION, 404).message;
    assert_int_equal(message.len, 199);
    assert_true(spoke_utf8_valid(message));
}

/* --- time --- */

static void a_request_without_a_reply_ends_the_registration(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    assert_true(spoke_dps_deadline(&f->dps) == f->now + 30000);
    spoke_dps_tick(&f->dps, f->now + 29999);
    assert_silent(f);
    spoke_dps_tick(&f->dps, f->now + 30000);
    refusal(f, SPOKE_DPS_TRANSIENT, 0);
    reply(f, "$dps/registrations/res/200/?$rid=1", ASSIGNED);
    assert_silent(f);
}

static void a_poll_without_a_reply_ends_the_registration(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=0", ASSIGNING);
    send_anything(f);
    spoke_dps_tick(&f->dps, f->now + 30000);
    refusal(f, SPOKE_DPS_TRANSIENT, 0);
}

static void a_request_that_waits_for_room_keeps_nobody_awake(void **state)
{
    struct fixture *f = *state;
    spoke_str topic, payload;
    assert_ok(spoke_dps_output(&f->dps, &topic, &payload)); /* and not sent */
    assert_true(spoke_dps_deadline(&f->dps) == f->now + 900000);
}

static void the_whole_registration_has_a_limit(void **state)
{
    struct fixture *f = *state;
    const uint64_t end = f->now + 900000;
    send_registration(f);
    reply(f, "$dps/registrations/res/202/?$rid=1&retry-after=299", ASSIGNING);
    for (unsigned rid = 2; rid <= 4; rid++) {
        char topic[64];
        snprintf(topic, sizeof topic, "$dps/registrations/res/202/?$rid=%u&retry-after=299", rid);
        f->now += 299000;
        spoke_dps_tick(&f->dps, f->now);
        send_anything(f);
        reply(f, topic, ASSIGNING);
    }
    assert_true(spoke_dps_deadline(&f->dps) == end);
    spoke_dps_tick(&f->dps, end);
    refusal(f, SPOKE_DPS_TRANSIENT, 0);
}

static void a_request_that_is_never_sent_ends_with_the_whole(void **state)
{
    struct fixture *f = *state;
    assert_true(spoke_dps_deadline(&f->dps) == f->now + 900000);
    spoke_dps_tick(&f->dps, f->now + 900000);
    refusal(f, SPOKE_DPS_TRANSIENT, 0);
    assert_silent(f);
}

static void limits_can_be_set(void **state)
{
    struct fixture *f = *state;
    spoke_dps_config c = config;
    c.request_limit_ms = 50;
    c.total_limit_ms = 70;
    init(f, &c);
    assert_true(spoke_dps_deadline(&f->dps) == f->now + 70);
    send_registration(f);
    assert_true(spoke_dps_deadline(&f->dps) == f->now + 50);
}

static void a_registration_can_follow_another(void **state)
{
    struct fixture *f = *state;
    send_registration(f);
    spoke_dps_tick(&f->dps, f->now + 30000);
    refusal(f, SPOKE_DPS_TRANSIENT, 0);
    f->now += 60000;
    spoke_dps_start(&f->dps, f->now);
    send_expecting(f, "$dps/registrations/PUT/iotdps-register/?$rid=2",
                   "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":"
                   "\"dtmi:com:example:TemperatureController;2\"}}");
    reply(f, "$dps/registrations/res/200/?$rid=1", ASSIGNED); /* late, to the first */
    assert_silent(f);
    reply(f, "$dps/registrations/res/200/?$rid=2", ASSIGNED);
    assert_int_equal(taken_event(f).kind, SPOKE_DPS_ASSIGNED);
}

/* --- topics --- */

static void reply_topics_are_taken_apart(void **state)
{
    (void)state;
    spoke_dps_reply out;
    assert_ok(spoke_dps_parse_topic(SPOKE_STR("$dps/registrations/res/202/?retry-after=120&$rid=1"), &out));
    assert_int_equal(out.status, 202);
    assert_str(out.rid, "1");
    assert_true(out.has_retry_after);
    assert_int_equal(out.retry_after_s, 120);
    assert_ok(spoke_dps_parse_topic(SPOKE_STR("$dps/registrations/res/200/?$rid=a-b"), &out));
    assert_str(out.rid, "a-b");
    assert_false(out.has_retry_after);
}

static void other_topics_are_not_found(void **state)
{
    (void)state;
    static const char *const others[] = {"", "$dps/registrations/unknown", "$dps/registrations/res",
                                         "$iothub/twin/res/200/?$rid=1"};
    spoke_dps_reply out;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(spoke_dps_parse_topic(spoke_str_of(others[i]), &out), SPOKE_E_NOT_FOUND);
}

static void broken_reply_topics_break_the_protocol(void **state)
{
    (void)state;
    static const char *const broken[] = {"$dps/registrations/res/",
                                         "$dps/registrations/res/202",
                                         "$dps/registrations/res/202/",
                                         "$dps/registrations/res/202/?",
                                         "$dps/registrations/res/202/?rid",
                                         "$dps/registrations/res/202/?$rid=",
                                         "$dps/registrations/res/2/?$rid=1",
                                         "$dps/registrations/res/20200/?$rid=1",
                                         "$dps/registrations/res/abc/?$rid=1",
                                         "$dps/registrations/res//?$rid=1"};
    spoke_dps_reply out;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(spoke_dps_parse_topic(spoke_str_of(broken[i]), &out), SPOKE_E_PROTOCOL);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_username_is_the_known_string),
        UNIT(the_resource_names_scope_and_registration),
        UNIT(ids_outside_the_service_alphabet_are_refused),
        UNIT(a_registration_id_of_128_characters_is_the_longest),
        UNIT(a_payload_that_is_no_object_is_refused_at_once),
        UNIT(too_little_scratch_is_refused_at_once),
        UNIT(the_registration_announces_the_model),
        UNIT(without_model_and_payload_only_the_id_is_sent),
        UNIT(payload_members_stand_beside_the_model),
        UNIT(the_configured_model_wins_over_one_in_the_payload),
        UNIT(texts_are_escaped),
        UNIT(a_request_that_does_not_fit_says_so_and_writes_not_past_the_scratch),
        UNIT(nothing_is_said_before_start),
        UNIT(a_request_can_be_written_again_until_it_is_sent),
        UNIT(register_wait_poll_and_be_assigned),
        UNIT(register_waits_as_long_as_retry_after_says),
        UNIT(a_missing_retry_after_means_two_seconds),
        UNIT(a_retry_after_that_is_no_number_counts_as_missing),
        UNIT(a_huge_retry_after_counts_as_five_minutes),
        UNIT(retry_after_zero_is_obeyed_without_a_minimum_of_our_own),
        UNIT(polls_go_on_while_assigning),
        UNIT(a_poll_answer_without_operation_id_reuses_the_known_one),
        UNIT(an_answer_at_once_needs_no_poll),
        UNIT(allocation_payload_and_unknown_members_do_not_disturb),
        UNIT(replies_to_nobody_are_ignored),
        UNIT(a_rejected_request_says_code_and_words),
        UNIT(a_200_in_the_topic_is_not_success),
        UNIT(a_disabled_enrolment_has_an_empty_operation_id),
        UNIT(each_code_has_its_class),
        UNIT(a_failed_operation_has_the_class_of_its_code),
        UNIT(a_throttled_registration_hands_its_pause_to_the_caller),
        UNIT(a_throttled_poll_is_repeated_about_the_same_operation),
        UNIT(refused_polls_without_a_pause_double_theirs_to_a_minute),
        UNIT(a_lost_operation_registers_anew_once),
        UNIT(a_conflict_registers_anew_once),
        UNIT(malformed_replies_are_transient),
        UNIT(every_truncation_of_a_body_is_transient),
        UNIT(too_long_an_operation_id_is_refused),
        UNIT(the_longest_assignment_fits_the_smallest_scratch),
        UNIT(long_words_are_cut_between_characters),
        UNIT(a_request_without_a_reply_ends_the_registration),
        UNIT(a_poll_without_a_reply_ends_the_registration),
        UNIT(a_request_that_waits_for_room_keeps_nobody_awake),
        UNIT(the_whole_registration_has_a_limit),
        UNIT(a_request_that_is_never_sent_ends_with_the_whole),
        UNIT(limits_can_be_set),
        UNIT(a_registration_can_follow_another),
        UNIT(reply_topics_are_taken_apart),
        UNIT(other_topics_are_not_found),
        UNIT(broken_reply_topics_break_the_protocol),
        UNIT(what_was_not_asked_cannot_be_sent),
        cmocka_unit_test(every_character_of_the_service_alphabet_stands_in_ids_as_it_is),
        cmocka_unit_test(a_model_id_that_is_no_text_is_refused),
        UNIT(an_operation_id_is_asked_about_as_it_stands_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
