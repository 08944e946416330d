/* Provisioning: CONNECT, the three forms of failure, polling, what is kept of a registration. */
#include "support/central_stage.h"
#include "support/certificates.h"

#include <central/core/core_internal.h>

#define FILTER "$dps/registrations/res/#"
#define PUT "$dps/registrations/PUT/iotdps-register/?$rid=1"
#define BODY "{\"registrationId\":\"dev-001\",\"payload\":{\"modelId\":\"" BENCH_MODEL "\",\"site\":\"north\"}}"

static int setup(void **state)
{
    (void)state;
    bench_open(&bench);
    return 0;
}

static void ready(const char *id)
{
    device_open(&dev, &bench, NULL);
    device_connect_dps(&dev, id);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, FILTER, 1);
}

static cJSON *reply(const char *topic_start)
{
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    if (!spoke_str_starts(p.as.publish.topic, spoke_str_of(topic_start)))
        fail_msg("topic %.*s", (int)p.as.publish.topic.len, p.as.publish.topic.ptr);
    cJSON *body = cJSON_ParseWithLength(p.as.publish.payload.ptr, p.as.publish.payload.len);
    assert_non_null(body);
    return body;
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static int number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valueint : 0;
}

static void poll_operation(const cJSON *assigning, const char *rid)
{
    char topic[256];
    (void)snprintf(topic, sizeof topic,
                   "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%s&operationId=%s", rid,
                   text(assigning, "operationId"));
    device_publish(&dev, topic, " ", 3);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 3);
}

static void connect_refused(const char *id, const char *username, const char *token)
{
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, id, username, token, true, 60);
    assert_int_equal(device_connack(&dev), 5);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(bench_events(&bench, "dps-unauthorized"), 1);
}

/* --- claims --- */

static void unknown_device_is_made_from_the_group_key_after_one_poll(void **state)
{
    (void)state;
    struct store_device row;
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 2);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 2);
    cJSON *assigning = reply("$dps/registrations/res/202/?");
    assert_string_equal(text(assigning, "status"), "assigning");
    assert_int_equal(strlen(text(assigning, "operationId")), 2 + 16 + 1 + 36);
    poll_operation(assigning, "2");
    cJSON *done = reply("$dps/registrations/res/200/?$rid=2");
    const cJSON *registration = cJSON_GetObjectItem(done, "registrationState");
    assert_string_equal(text(done, "status"), "assigned");
    assert_string_equal(text(registration, "assignedHub"), BENCH_HUB);
    assert_string_equal(text(registration, "deviceId"), "dev-001");
    assert_string_equal(text(registration, "substatus"), "initialAssignment");
    assert_int_equal(strlen(text(registration, "createdDateTimeUtc")), strlen("2026-01-01T00:00:01.0000000Z"));
    assert_true(strlen(text(registration, "etag")) > 0);
    cJSON_Delete(assigning);
    cJSON_Delete(done);
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    assert_true(row.provisioned && row.enabled && row.approved);
    assert_string_equal(row.model_id, BENCH_MODEL);
    assert_string_equal(row.hub_host, BENCH_HUB);
    assert_json(spoke_str_of(row.provisioning_payload), "{\"modelId\":\"" BENCH_MODEL "\",\"site\":\"north\"}");
    store_device_free(&row);
    assert_int_equal(bench_events(&bench, "dps-assigned"), 1);
}

static void parameters_of_the_reply_change_places(void **state)
{
    (void)state;
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 0);
    const spoke_mqtt_packet first = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(first.as.publish.topic, "$dps/registrations/res/202/?retry-after=3&$rid=1");
    device_publish(&dev, PUT, BODY, 0);
    const spoke_mqtt_packet second = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(second.as.publish.topic, "$dps/registrations/res/202/?$rid=1&retry-after=3");
}

static void wrong_key_is_told_at_the_registration(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", "L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg=", BENCH_SCOPE "/registrations/dev-001",
                BENCH_START_S + 3600, token, sizeof token);
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, "dev-001", BENCH_SCOPE "/registrations/dev-001/api-version=2019-03-31", token, true,
                      60);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, FILTER, 0);
    device_publish(&dev, PUT, BODY, 0);
    cJSON *body = reply("$dps/registrations/res/401/?$rid=1");
    assert_int_equal(number(body, "errorCode"), 401002);
    assert_true(strlen(text(body, "trackingId")) > 0 && strlen(text(body, "timestampUtc")) > 0);
    cJSON_Delete(body);
    assert_int_equal(bench_events(&bench, "dps-unauthorized"), 1);
}

static void give_the_group_other_keys(void)
{
    struct store_group group;
    assert_ok(store_group_get(core_store(bench.core), "SAS-IoT-Devices", &group));
    free(group.primary_key);
    group.primary_key = strdup("L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg=");
    free(group.secondary_key);
    group.secondary_key = NULL;
    assert_ok(store_group_put(core_store(bench.core), &group));
    store_group_free(&group);
}

static void a_registration_counts_by_the_keys_of_its_moment(void **state)
{
    (void)state;
    ready("dev-001");
    give_the_group_other_keys();
    device_publish(&dev, PUT, BODY, 0);
    cJSON_Delete(reply("$dps/registrations/res/401/?$rid=1"));
}

static void a_registration_counts_by_the_state_that_its_group_has_then(void **state)
{
    (void)state;
    struct store_group group;
    ready("dev-001");
    assert_ok(store_group_get(core_store(bench.core), "SAS-IoT-Devices", &group));
    group.enabled = false;
    assert_ok(store_group_put(core_store(bench.core), &group));
    store_group_free(&group);
    device_publish(&dev, PUT, BODY, 0);
    cJSON *body = reply("$dps/registrations/res/200/?$rid=1");
    assert_string_equal(text(body, "status"), "disabled");
    cJSON_Delete(body);
}

static void a_registration_with_a_token_that_expired_since_is_refused(void **state)
{
    (void)state;
    ready("dev-001");
    bench.start_ms += INT64_C(1000) * 24 * 3600;
    device_publish(&dev, PUT, BODY, 0);
    cJSON_Delete(reply("$dps/registrations/res/401/?$rid=1"));
}

static void a_device_that_got_a_key_of_its_own_does_not_register_by_the_group(void **state)
{
    (void)state;
    const struct store_device row = {.id = (char[]){"Dev-001"},
                                     .primary_key = (char[]){"L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg="},
                                     .enabled = true,
                                     .approved = true};
    ready("dev-001");
    assert_ok(store_device_put(core_store(bench.core), &row));
    device_publish(&dev, PUT, BODY, 0);
    cJSON_Delete(reply("$dps/registrations/res/401/?$rid=1"));
}

static void other_scope_is_refused_at_connect(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, "0ne00OTHER1/registrations/dev-001", BENCH_START_S + 3600, token, sizeof token);
    connect_refused("dev-001", "0ne00OTHER1/registrations/dev-001/api-version=2019-03-31", token);
}

static void expired_token_is_refused_at_connect(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_SCOPE "/registrations/dev-001", BENCH_START_S, token, sizeof token);
    connect_refused("dev-001", BENCH_SCOPE "/registrations/dev-001/api-version=2019-03-31", token);
}

static void token_of_another_device_is_refused_at_connect(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_SCOPE "/registrations/dev-002", BENCH_START_S + 3600, token, sizeof token);
    connect_refused("dev-001", BENCH_SCOPE "/registrations/dev-001/api-version=2019-03-31", token);
}

static void client_id_must_be_that_of_the_user_name(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_SCOPE "/registrations/dev-001", BENCH_START_S + 3600, token, sizeof token);
    connect_refused("dev-002", BENCH_SCOPE "/registrations/dev-001/api-version=2019-03-31", token);
}

static void lower_case_escapes_in_the_token_are_signed_as_they_stand(void **state)
{
    (void)state;
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, "thermostat-01",
                      BENCH_SCOPE "/registrations/thermostat-01/api-version=2021-06-01&ClientVersion=1.9.0",
                      "SharedAccessSignature sr=0ne00ABCDEF%2fregistrations%2fthermostat-01&sig="
                      "GHBR767aV8WfjVRr0tF9%2F6GQssWwjae6w3b4MVcKljU%3D&se=1893456000&skn=registration",
                      true, 60);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, FILTER, 0);
    device_publish(&dev, PUT, "{\"registrationId\":\"thermostat-01\"}", 0);
    cJSON_Delete(reply("$dps/registrations/res/202/?"));
}

static void blocked_device_ends_as_failed_with_400209(void **state)
{
    (void)state;
    struct store_device row;
    bench_provision(&bench, "dev-001");
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    row.enabled = false;
    assert_ok(store_device_put(core_store(bench.core), &row));
    store_device_free(&row);
    bench_faults(&bench, "{\"dpsPolls\":0}");
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 0);
    cJSON *body = reply("$dps/registrations/res/200/?$rid=1");
    assert_string_equal(text(body, "status"), "failed");
    assert_int_equal(number(cJSON_GetObjectItem(body, "registrationState"), "errorCode"), 400209);
    cJSON_Delete(body);
}

static void device_waits_for_approval_when_approved_by_hand(void **state)
{
    (void)state;
    struct store_device row;
    bench_close(&bench);
    bench.options.approve_by_hand = true;
    bench.options.dps_polls = 0;
    bench_start(&bench);
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 0);
    cJSON *body = reply("$dps/registrations/res/200/?$rid=1");
    assert_string_equal(text(body, "status"), "failed");
    cJSON_Delete(body);
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    assert_false(row.enabled || row.provisioned || row.approved);
    row.enabled = true; /* the operator agrees */
    assert_ok(store_device_put(core_store(bench.core), &row));
    store_device_free(&row);
    device_publish(&dev, PUT, BODY, 0);
    body = reply("$dps/registrations/res/200/?$rid=1");
    assert_string_equal(text(body, "status"), "assigned");
    cJSON_Delete(body);
}

static void disabled_enrolment_has_no_operation(void **state)
{
    (void)state;
    struct store_group group;
    assert_ok(store_group_get(core_store(bench.core), "SAS-IoT-Devices", &group));
    group.enabled = false;
    assert_ok(store_group_put(core_store(bench.core), &group));
    store_group_free(&group);
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 0);
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(p.as.publish.topic, "$dps/registrations/res/200/?$rid=1");
    assert_json(p.as.publish.payload, "{\"operationId\":\"\",\"status\":\"disabled\",\"registrationState\":"
                                      "{\"registrationId\":\"dev-001\",\"status\":\"disabled\"}}");
}

static void individual_key_goes_before_the_group(void **state)
{
    (void)state;
    const struct store_device row = {.id = (char[]){"dev-001"},
                                     .primary_key = (char[]){"L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg="},
                                     .enabled = true,
                                     .approved = true};
    assert_ok(store_device_put(core_store(bench.core), &row));
    ready("dev-001"); /* with the group's key */
    device_publish(&dev, PUT, BODY, 0);
    cJSON_Delete(reply("$dps/registrations/res/401/?$rid=1"));
}

static void registration_ids_compare_without_case(void **state)
{
    (void)state;
    struct store_device row;
    bench_provision(&bench, "dev-001");
    bench_faults(&bench, "{\"dpsPolls\":0}");
    ready("DEV-001");
    device_publish(&dev, PUT, BODY, 0);
    cJSON *body = reply("$dps/registrations/res/200/?$rid=1");
    assert_string_equal(text(cJSON_GetObjectItem(body, "registrationState"), "deviceId"), "dev-001");
    cJSON_Delete(body);
    assert_int_equal(store_device_get(core_store(bench.core), "DEV-001", &row), SPOKE_E_NOT_FOUND);
}

static void sixth_poll_in_ten_seconds_is_throttled(void **state)
{
    (void)state;
    bench_faults(&bench, "{\"dpsPolls\":100}");
    ready("dev-001");
    device_publish(&dev, PUT, BODY, 0);
    cJSON *assigning = reply("$dps/registrations/res/202/?");
    for (int i = 0; i < 5; i++) {
        poll_operation(assigning, "9");
        cJSON_Delete(reply("$dps/registrations/res/202/?"));
    }
    poll_operation(assigning, "9");
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(p.as.publish.topic, "$dps/registrations/res/429/?retry-after=10&$rid=9");
    bench_advance(&bench, 10000);
    poll_operation(assigning, "9");
    cJSON_Delete(reply("$dps/registrations/res/202/?"));
    cJSON_Delete(assigning);
}

static void unknown_operation_is_404(void **state)
{
    (void)state;
    ready("dev-001");
    device_publish(&dev, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=x", "", 0);
    cJSON_Delete(reply("$dps/registrations/res/404/?$rid=1"));
}

static void body_that_is_no_registration_is_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "{",
                                         "[]",
                                         "{\"registrationId\":\"other\"}",
                                         "{\"registrationId\":\"dev-001\",\"payload\":5}",
                                         "{\"registrationId\":null}",
                                         "{\"registrationId\":\"dev-001\\u0000x\"}",
                                         "\"x\""};
    ready("dev-001");
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        device_publish(&dev, PUT, bodies[i], 0);
        cJSON_Delete(reply("$dps/registrations/res/400/?$rid=1"));
    }
}

static void older_spelling_of_the_model_counts(void **state)
{
    (void)state;
    struct store_device row;
    ready("dev-001");
    device_publish(&dev, PUT, "{\"registrationId\":\"dev-001\",\"payload\":{\"iotcModelId\":\"dtmi:a:b;1\"}}", 0);
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    assert_string_equal(row.model_id, "dtmi:a:b;1");
    store_device_free(&row);
}

static void a_device_that_names_its_gateway_is_behind_it(void **state)
{
    (void)state;
    struct store_device gateway = {.id = (char[]){"gw"}, .enabled = true, .approved = true};
    char *id = NULL;
    ready("dev-001");
    assert_ok(store_device_put(core_store(bench.core), &gateway));
    device_publish(&dev, PUT,
                   "{\"registrationId\":\"dev-001\",\"payload\":{\"iotcGateway\":{\"iotcGatewayId\":\"gw\"}}}", 0);
    assert_ok(store_gateway_get(core_store(bench.core), "dev-001", &id));
    assert_string_equal(id, "gw");
    free(id);
}

static void a_device_takes_no_other_from_the_gateway_that_it_names(void **state)
{
    (void)state;
    struct store_device gateway = {.id = (char[]){"gw"}, .enabled = true, .approved = true};
    struct store_device leaf = {.id = (char[]){"other"}, .enabled = true, .approved = true};
    const struct store_relationship theirs = {"gw", "dev-001", "other", 1};
    char *id = NULL;
    ready("dev-001");
    assert_ok(store_device_put(core_store(bench.core), &gateway));
    assert_ok(store_device_put(core_store(bench.core), &leaf));
    assert_ok(store_relationship_put(core_store(bench.core), &theirs));
    device_publish(&dev, PUT,
                   "{\"registrationId\":\"dev-001\",\"payload\":{\"iotcGateway\":{\"iotcGatewayId\":\"gw\"}}}", 0);
    cJSON_Delete(reply("$dps/registrations/res/202/?retry-after=3&$rid=1"));
    assert_ok(store_gateway_get(core_store(bench.core), "other", &id));
    assert_string_equal(id, "gw");
    free(id);
}

static void a_gateway_that_is_not_there_is_passed_over(void **state)
{
    (void)state;
    char *id = NULL;
    ready("dev-001");
    device_publish(
        &dev, PUT,
        "{\"registrationId\":\"dev-001\",\"payload\":{\"iotcGateway\":{\"iotcGatewayId\":\"dev-001\"}}}", 0);
    cJSON_Delete(reply("$dps/registrations/res/202/?retry-after=3&$rid=1"));
    assert_int_equal(store_gateway_get(core_store(bench.core), "dev-001", &id), SPOKE_E_NOT_FOUND);
}

static void unknown_topic_closes(void **state)
{
    (void)state;
    ready("dev-001");
    device_publish(&dev, "devices/dev-001/messages/events/", "{}", 1);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(bench_events(&bench, "dps-protocol-error"), 1);
}

static void request_without_rid_closes(void **state)
{
    (void)state;
    ready("dev-001");
    device_publish(&dev, "$dps/registrations/PUT/iotdps-register/?rid=1", BODY, 1);
    assert_true(core_conn_ended(dev.conn));
}

static void other_subscription_closes(void **state)
{
    (void)state;
    ready("dev-001");
    device_subscribe(&dev, "$iothub/methods/POST/#", 0);
    assert_true(core_conn_ended(dev.conn));
    assert_int_equal(bench_events(&bench, "hub-subscribe-denied"), 1);
}

static void assignment_is_durable_before_it_is_answered(void **state)
{
    (void)state;
    static const uint8_t nothing[1] = {0};
    bench_faults(&bench, "{\"dpsPolls\":0}");
    ready("dev-001");
    spoke_mqtt_packet p;
    uint8_t memory[512];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.as.publish.topic = SPOKE_STR(PUT);
    p.as.publish.payload = SPOKE_STR(BODY);
    assert_ok(spoke_mqtt_encode(&p, &out));
    core_conn_receive(dev.conn, out.ptr, out.len);
    core_conn_receive(dev.conn, nothing, 0);
    assert_int_equal(core_conn_output(dev.conn).len, 0);
    core_commit(bench.core);
    assert_true(core_conn_output(dev.conn).len > 0);
}

static void restart_with(struct test_ca *authority)
{
    bench_close(&bench);
    bench.options.device_ca_pem = test_ca_pem(authority);
    bench_start(&bench);
}

static void certificate_of_a_trusted_authority_registers(void **state)
{
    (void)state;
    struct shown shown;
    int status;
    struct test_ca *authority = test_ca_create("Devices");
    restart_with(authority);
    cJSON *body = device_register_with(&dev, &bench, "dev-x509", shown_as(&shown, authority, "dev-x509"), &status);
    assert_int_equal(status, 200);
    assert_string_equal(text(body, "status"), "assigned");
    assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "registrationState"), "x509"));
    cJSON_Delete(body);
    assert_int_equal(device_hub_with(&dev, &bench, "dev-x509", &shown.chain), 0);
    test_ca_destroy(authority);
}

static void certificate_of_another_name_is_refused(void **state)
{
    (void)state;
    struct shown shown;
    struct test_ca *authority = test_ca_create("Devices");
    restart_with(authority);
    assert_int_equal(device_dps_with(&dev, &bench, "dev-x509", shown_as(&shown, authority, "dev-other")), 5);
    test_ca_destroy(authority);
}

static void certificate_of_a_stranger_is_told_at_the_registration(void **state)
{
    (void)state;
    struct shown shown;
    int status;
    struct test_ca *authority = test_ca_create("Devices"), *stranger = test_ca_create("Devices");
    restart_with(authority);
    cJSON *body = device_register_with(&dev, &bench, "dev-x509", shown_as(&shown, stranger, "dev-x509"), &status);
    assert_int_equal(status, 401);
    assert_int_equal(cJSON_GetObjectItem(body, "errorCode")->valueint, 401002);
    cJSON_Delete(body);
    test_ca_destroy(authority);
    test_ca_destroy(stranger);
}

static void authorities_of_the_file_go_with_the_option(void **state)
{
    (void)state;
    struct shown shown;
    int status;
    struct test_ca *authority = test_ca_create("Devices");
    restart_with(authority);
    assert_ok(auth_device_ca(bench.core, NULL)); /* as a start without it does */
    cJSON *body = device_register_with(&dev, &bench, "dev-x509", shown_as(&shown, authority, "dev-x509"), &status);
    assert_int_equal(status, 401);
    cJSON_Delete(body);
    test_ca_destroy(authority);
}

static void a_device_ca_that_is_no_authority_ends_the_start(void **state)
{
    (void)state;
    struct test_cert leaf;
    struct core *core = NULL;
    char why[200] = "";
    test_cert_self_signed(&(struct test_cert_options){.common_name = "leaf"}, &leaf);
    struct core_options options = bench_options(&bench);
    options.device_ca_pem = leaf.cert_pem;
    assert_int_equal(core_create(&options, &core, why, sizeof why), SPOKE_E_CERTIFICATE);
    assert_non_null(strstr(why, "device CA"));
    options.device_ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_int_equal(core_create(&options, &core, why, sizeof why), SPOKE_E_CERTIFICATE);
    options.device_ca_pem = "nothing";
    assert_int_equal(core_create(&options, &core, why, sizeof why), SPOKE_E_CERTIFICATE);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(unknown_device_is_made_from_the_group_key_after_one_poll),
        CLAIM(parameters_of_the_reply_change_places),
        CLAIM(wrong_key_is_told_at_the_registration),
        CLAIM(a_registration_counts_by_the_keys_of_its_moment),
        CLAIM(a_registration_counts_by_the_state_that_its_group_has_then),
        CLAIM(a_registration_with_a_token_that_expired_since_is_refused),
        CLAIM(a_device_that_got_a_key_of_its_own_does_not_register_by_the_group),
        CLAIM(other_scope_is_refused_at_connect),
        CLAIM(expired_token_is_refused_at_connect),
        CLAIM(token_of_another_device_is_refused_at_connect),
        CLAIM(client_id_must_be_that_of_the_user_name),
        CLAIM(lower_case_escapes_in_the_token_are_signed_as_they_stand),
        CLAIM(blocked_device_ends_as_failed_with_400209),
        CLAIM(device_waits_for_approval_when_approved_by_hand),
        CLAIM(disabled_enrolment_has_no_operation),
        CLAIM(individual_key_goes_before_the_group),
        CLAIM(registration_ids_compare_without_case),
        CLAIM(sixth_poll_in_ten_seconds_is_throttled),
        CLAIM(unknown_operation_is_404),
        CLAIM(body_that_is_no_registration_is_400),
        CLAIM(older_spelling_of_the_model_counts),
        CLAIM(a_device_that_names_its_gateway_is_behind_it),
        CLAIM(a_device_takes_no_other_from_the_gateway_that_it_names),
        CLAIM(a_gateway_that_is_not_there_is_passed_over),
        CLAIM(unknown_topic_closes),
        CLAIM(request_without_rid_closes),
        CLAIM(other_subscription_closes),
        CLAIM(assignment_is_durable_before_it_is_answered),
        CLAIM(certificate_of_a_trusted_authority_registers),
        CLAIM(certificate_of_another_name_is_refused),
        CLAIM(certificate_of_a_stranger_is_told_at_the_registration),
        CLAIM(authorities_of_the_file_go_with_the_option),
        CLAIM(a_device_ca_that_is_no_authority_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
