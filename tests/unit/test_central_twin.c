/* Twins on the wire: GET, reported patches, desired changes. */
#include "support/central_stage.h"

#define REPORT "$iothub/twin/PATCH/properties/reported/?$rid=r-1"
#define GET "$iothub/twin/GET/?$rid=g"

static int setup(void **state)
{
    (void)stage_set_online(state);
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    return 0;
}

static void expect(const char *topic, const char *json)
{
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_int_equal(p.as.publish.qos, 0);
    assert_str(p.as.publish.topic, topic);
    if (json == NULL)
        assert_int_equal(p.as.publish.payload.len, 0);
    else
        assert_json(p.as.publish.payload, json);
}

static void expect_error(const char *topic, int code)
{
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(p.as.publish.topic, topic);
    cJSON *body = cJSON_ParseWithLength(p.as.publish.payload.ptr, p.as.publish.payload.len);
    assert_int_equal(cJSON_GetObjectItem(body, "errorCode")->valueint, code);
    assert_true(cJSON_IsString(cJSON_GetObjectItem(body, "message")));
    cJSON_Delete(body);
}

static void expect_twin(const char *json)
{
    device_publish(&dev, GET, " ", 0);
    expect("$iothub/twin/res/200/?$rid=g", json);
}

static spoke_status desire(const char *json, bool replace, int64_t *version)
{
    char why[160] = "";
    cJSON *patch = cJSON_Parse(json);
    assert_non_null(patch);
    const spoke_status status =
        core_desired_patch(bench.core, "dev-001", patch, replace, version, why, sizeof why);
    cJSON_Delete(patch);
    core_commit(bench.core);
    return status;
}

static void fresh_twin_has_two_empty_sections_of_version_1(void **state)
{
    (void)state;
    expect_twin("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
}

static void report_is_answered_204_with_the_new_version_and_no_body(void **state)
{
    (void)state;
    device_publish(&dev, REPORT, "{\"serial\":\"S1\",\"t\":{\"__t\":\"c\",\"x\":1}}", 0);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=2", NULL);
    device_publish(&dev, REPORT, "{\"serial\":null}", 0);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=3", NULL);
    device_expect_nothing(&dev); /* reports are not echoed */
    expect_twin("{\"desired\":{\"$version\":1},\"reported\":{\"t\":{\"__t\":\"c\",\"x\":1},\"$version\":3}}");
}

static void report_with_qos_1_is_acknowledged_first(void **state)
{
    (void)state;
    device_publish(&dev, REPORT, "{\"a\":1}", 11);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 11);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=2", NULL);
}

static void report_that_breaks_a_rule_is_400_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "5",
                                      "{\"a\":1,\"$version\":3}",
                                      "{\"a\":1,\"$metadata\":{}}",
                                      "{\"a\":1,\"b.c\":2}",
                                      "{\"a\":4503599627370496}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"x\\u0000y\"}",
                                      "{\"a\\u0000b\":1}",
                                      "{\"a\":1}x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        device_publish(&dev, REPORT, bad[i], 0);
        expect_error("$iothub/twin/res/400/?$rid=r-1", 400004);
    }
    expect_twin("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    assert_false(core_conn_ended(dev.conn));
}

static void report_nested_very_deeply_is_400(void **state)
{
    (void)state;
    char json[20000] = "{\"a\":";
    memset(json + 5, '[', 9000);
    memset(json + 9005, ']', 9000);
    json[18005] = '}';
    device_publish(&dev, REPORT, json, 0);
    expect_error("$iothub/twin/res/400/?$rid=r-1", 400004);
}

static void section_is_limited_after_the_merge(void **state)
{
    (void)state;
    char json[4200], topic[80];
    for (int i = 0; i < 8; i++) { /* 8 times 1 + 4090 */
        (void)snprintf(json, sizeof json, "{\"%d\":\"%04090d\"}", i, 0);
        device_publish(&dev, REPORT, json, 0);
        (void)snprintf(topic, sizeof topic, "$iothub/twin/res/204/?$rid=r-1&$version=%d", i + 2);
        expect(topic, NULL);
    }
    device_publish(&dev, REPORT, "{\"s\":\"0123456789012345678901234567890123456789\"}", 0); /* 41: one too many */
    expect_error("$iothub/twin/res/413/?$rid=r-1", 413001);
    device_publish(&dev, REPORT, "{\"s\":\"012345678901234567890123456789012345678\"}", 0);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=10", NULL);
}

static void desired_change_is_told_with_its_version_and_its_nulls(void **state)
{
    (void)state;
    int64_t version;
    device_subscribe_ok(&dev, "$iothub/twin/PATCH/properties/desired/#", 0);
    assert_ok(desire("{\"target\":21,\"old\":null}", false, &version));
    assert_int_equal(version, 2);
    expect("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":21,\"old\":null,\"$version\":2}");
    assert_ok(desire("{\"c\":{\"__t\":\"c\",\"x\":1}}", false, &version));
    expect("$iothub/twin/PATCH/properties/desired/?$version=3", "{\"c\":{\"__t\":\"c\",\"x\":1},\"$version\":3}");
    expect_twin("{\"desired\":{\"target\":21,\"c\":{\"__t\":\"c\",\"x\":1},\"$version\":3},"
                "\"reported\":{\"$version\":1}}");
}

static void replacement_is_told_as_the_whole_section(void **state)
{
    (void)state;
    int64_t version;
    assert_ok(desire("{\"a\":1,\"b\":2}", false, &version));
    device_subscribe_ok(&dev, "$iothub/twin/PATCH/properties/desired/#", 0);
    assert_ok(desire("{\"b\":3,\"c\":null}", true, &version));
    expect("$iothub/twin/PATCH/properties/desired/?$version=3", "{\"b\":3,\"$version\":3}");
    expect_twin("{\"desired\":{\"b\":3,\"$version\":3},\"reported\":{\"$version\":1}}");
}

static void change_is_neither_sent_unsubscribed_nor_kept_for_later(void **state)
{
    (void)state;
    int64_t version;
    assert_ok(desire("{\"a\":1}", false, &version));
    device_expect_nothing(&dev);
    device_subscribe_ok(&dev, "$iothub/twin/PATCH/properties/desired/#", 0);
    device_expect_nothing(&dev);
}

static void desired_limits_are_the_same_and_atomic(void **state)
{
    (void)state;
    int64_t version = 77;
    assert_int_equal(desire("{\"ok\":1,\"$version\":2}", false, &version), SPOKE_E_ARG);
    cJSON *big = cJSON_CreateObject();
    char text[4001], why[160];
    memset(text, 'x', 4000);
    text[4000] = '\0';
    for (char name[2] = "a"; name[0] <= 'i'; name[0]++)
        cJSON_AddStringToObject(big, name, text);
    assert_int_equal(core_desired_patch(bench.core, "dev-001", big, false, &version, why, sizeof why),
                     SPOKE_E_TOO_LARGE);
    assert_non_null(strstr(why, "32768"));
    cJSON_Delete(big);
    assert_int_equal(version, 77);
    expect_twin("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
}

static void unknown_device_has_no_twin(void **state)
{
    (void)state;
    char why[160];
    int64_t version;
    cJSON *patch = cJSON_Parse("{\"a\":1}");
    assert_int_equal(core_desired_patch(bench.core, "nobody", patch, false, &version, why, sizeof why),
                     SPOKE_E_NOT_FOUND);
    cJSON_Delete(patch);
}

static void metadata_is_kept_for_the_rest_of_the_service(void **state)
{
    (void)state;
    struct store_twin row;
    device_publish(&dev, REPORT, "{\"t\":{\"__t\":\"c\",\"x\":1}}", 0);
    assert_ok(store_twin_get(core_store(bench.core), "dev-001", &row));
    assert_json(spoke_str_of(row.reported_meta),
                "{\"t\":{\"$lastUpdated\":\"2026-01-01T00:00:01.000Z\",\"$lastUpdatedVersion\":2,"
                "\"x\":{\"$lastUpdated\":\"2026-01-01T00:00:01.000Z\",\"$lastUpdatedVersion\":2}}}");
    store_twin_free(&row);
}

static void requests_without_rid_or_with_a_long_one_close(void **state)
{
    (void)state;
    char topic[400];
    device_publish(&dev, "$iothub/twin/GET/", "", 0);
    assert_true(core_conn_ended(dev.conn));
    device_close(&dev);
    device_online(&dev, &bench, "dev-001", true);
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    (void)snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%0128d", 0);
    device_publish(&dev, topic, "", 0);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    (void)snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%0129d", 0);
    device_publish(&dev, topic, "", 0);
    assert_true(core_conn_ended(dev.conn));
}

static void report_without_api_version_is_400(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_HUB "/devices/dev-001", BENCH_START_S + 60, token, sizeof token);
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, "dev-001", BENCH_HUB "/dev-001", token, true, 60);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    device_publish(&dev, REPORT, "{\"a\":1}", 0);
    expect_error("$iothub/twin/res/400/?$rid=r-1", 400004);
}

/* {"<name>":[<item>,<item>,...]} with `count` items. */
static const char *repeat(const char *name, const char *item, size_t count)
{
    static char json[400000];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"%s\":[", name);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, "%s%s", i > 0 ? "," : "", item);
    (void)snprintf(json + len, sizeof json - len, "]}");
    return json;
}

static void what_the_32_kb_do_not_count_is_bounded_too(void **state)
{
    (void)state;
    static char unseen[6 * 4096 + 3];
    unseen[0] = '"';
    for (size_t i = 0; i < 4096; i++)
        memcpy(unseen + 1 + 6 * i, "\\u0001", 6);
    unseen[sizeof unseen - 2] = '"';
    device_publish(&dev, REPORT, repeat("a", "null", 4095), 0);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=2", NULL);
    device_publish(&dev, REPORT, "{\"b\":{}}", 0);
    expect_error("$iothub/twin/res/413/?$rid=r-1", 413001);
    device_publish(&dev, REPORT, repeat("a", "{}", 4096), 0);
    expect_error("$iothub/twin/res/413/?$rid=r-1", 413001);
    device_publish(&dev, REPORT, repeat("a", unseen, 11), 0);
    expect_error("$iothub/twin/res/413/?$rid=r-1", 413001);
    device_publish(&dev, REPORT, repeat("a", unseen, 10), 0);
    expect("$iothub/twin/res/204/?$rid=r-1&$version=3", NULL);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(fresh_twin_has_two_empty_sections_of_version_1),
        CLAIM(report_is_answered_204_with_the_new_version_and_no_body),
        CLAIM(report_with_qos_1_is_acknowledged_first),
        CLAIM(report_that_breaks_a_rule_is_400_and_changes_nothing),
        CLAIM(report_nested_very_deeply_is_400),
        CLAIM(section_is_limited_after_the_merge),
        CLAIM(desired_change_is_told_with_its_version_and_its_nulls),
        CLAIM(replacement_is_told_as_the_whole_section),
        CLAIM(change_is_neither_sent_unsubscribed_nor_kept_for_later),
        CLAIM(desired_limits_are_the_same_and_atomic),
        CLAIM(unknown_device_has_no_twin),
        CLAIM(metadata_is_kept_for_the_rest_of_the_service),
        CLAIM(requests_without_rid_or_with_a_long_one_close),
        CLAIM(report_without_api_version_is_400),
        CLAIM(what_the_32_kb_do_not_count_is_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
