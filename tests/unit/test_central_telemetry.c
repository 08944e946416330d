/* Device-to-cloud messages: the bag, what the hub adds, limits, newest values. */
#include "support/central_stage.h"

#define EVENTS "devices/dev-001/messages/events/"

struct last {
    int count;
    uint8_t qos;
    char component[64], body[64];
    cJSON *system, *properties;
};

static bool keep_last(void *ctx, const struct store_message *row)
{
    struct last *l = ctx;
    cJSON_Delete(l->system);
    cJSON_Delete(l->properties);
    l->count++;
    l->qos = row->qos;
    l->system = cJSON_Parse(row->system);
    l->properties = cJSON_Parse(row->properties);
    (void)snprintf(l->component, sizeof l->component, "%s", row->component);
    (void)snprintf(l->body, sizeof l->body, "%.*s", (int)row->body_len, (const char *)row->body);
    return true;
}

static struct last last_message(void)
{
    struct last l;
    memset(&l, 0, sizeof l);
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 100, keep_last, &l));
    return l;
}

static void last_free(struct last *l)
{
    cJSON_Delete(l->system);
    cJSON_Delete(l->properties);
}

static bool take_created(void *ctx, const struct store_message *row)
{
    *(int64_t *)ctx = row->created_ms;
    return true;
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "(none)";
}

static void assert_value(const char *component, const char *name, const char *json, int64_t at_ms)
{
    char *have;
    int64_t at;
    assert_ok(store_value_get(core_store(bench.core), "dev-001", component, name, &have, &at));
    assert_string_equal(have, json);
    assert_true(at == at_ms);
    free(have);
}

static void system_properties_are_named_and_the_rest_is_the_applications(void **state)
{
    (void)state;
    device_publish(&dev,
                   EVENTS "%24.mid=m1&$.cid=c1&%24.uid=u&%24.ct=application%2Fjson&$.ce=utf-8&%24.sub=thermostat1"
                          "&color=deep%20red&empty=&null&$.odd=1",
                   "{\"temperature\":21.5}", 9);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 9);
    struct last l = last_message();
    assert_int_equal(l.qos, 1);
    assert_string_equal(l.component, "thermostat1");
    assert_string_equal(l.body, "{\"temperature\":21.5}");
    assert_string_equal(text(l.system, "messageId"), "m1");
    assert_string_equal(text(l.system, "correlationId"), "c1");
    assert_string_equal(text(l.system, "userId"), "u");
    assert_string_equal(text(l.system, "contentType"), "application/json");
    assert_string_equal(text(l.system, "contentEncoding"), "utf-8");
    assert_string_equal(text(l.system, "component"), "thermostat1");
    assert_string_equal(text(l.system, "$.odd"), "1");
    assert_string_equal(text(l.properties, "color"), "deep red");
    assert_string_equal(text(l.properties, "empty"), "");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(l.properties, "null")));
    assert_int_equal(cJSON_GetArraySize(l.properties), 3);
    last_free(&l);
}

static void hub_adds_what_it_knows(void **state)
{
    (void)state;
    device_publish(&dev, EVENTS "$.sub=c", "{}", 0);
    struct last l = last_message();
    assert_int_equal(l.qos, 0);
    assert_string_equal(text(l.system, "enqueuedTime"), "2026-01-01T00:00:01.000Z");
    assert_string_equal(text(l.system, "connectionDeviceId"), "dev-001");
    assert_string_equal(text(l.system, "dtDataschema"), BENCH_MODEL);
    assert_string_equal(text(l.system, "dtSubject"), "c");
    assert_json(spoke_str_of(text(l.system, "connectionAuthMethod")),
                "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\"}");
    last_free(&l);
}

static void escapes_are_decoded_to_utf8(void **state)
{
    (void)state;
    device_publish(&dev, EVENTS "a%2Bb=c%2Bd&%C3%A9=%E2%82%AC", "x", 0);
    struct last l = last_message();
    assert_string_equal(text(l.properties, "a+b"), "c+d");
    assert_string_equal(text(l.properties, "\xc3\xa9"), "\xe2\x82\xac");
    last_free(&l);
}

static void retain_becomes_a_property(void **state)
{
    (void)state;
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.as.publish.retain = true;
    p.as.publish.topic = SPOKE_STR(EVENTS);
    device_send(&dev, &p);
    struct last l = last_message();
    assert_string_equal(text(l.properties, "mqtt-retain"), "true");
    last_free(&l);
}

static void last_slash_may_be_missing(void **state)
{
    (void)state;
    device_publish(&dev, "devices/dev-001/messages/events", "{\"t\":1}", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    assert_value("", "t", "1", (int64_t)BENCH_START_S * 1000 + 1000);
}

static void broken_bag_closes(void **state)
{
    (void)state;
    static const char *const bad[] = {EVENTS "a=%zz", EVENTS "%=1", EVENTS "a=%C3", EVENTS "a=%00b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        device_publish(&dev, bad[i], "{}", 1);
        device_expect_nothing(&dev);
        assert_true(core_conn_ended(dev.conn));
        assert_int_equal(bench_events(&bench, "hub-protocol-error"), (int)i + 1);
        device_close(&dev);
        device_online(&dev, &bench, "dev-001", true);
    }
    struct last l = last_message();
    assert_int_equal(l.count, 0);
    last_free(&l);
}

static void properties_count_towards_the_size(void **state)
{
    (void)state;
    static char body[SPOKE_MAX_TELEMETRY_BYTES];
    memset(body, 'x', sizeof body);
    device_publish_bytes(&dev, EVENTS "ab=cd", spoke_str_from(body, sizeof body - 4), 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    device_publish_bytes(&dev, EVENTS "$.mid=cd", spoke_str_from(body, sizeof body - 2), 2);
    device_expect(&dev, SPOKE_MQTT_PUBACK); /* of a system property only the value counts */
    device_publish_bytes(&dev, EVENTS "ab=cd", spoke_str_from(body, sizeof body - 3), 3);
    device_expect_nothing(&dev);
    assert_true(core_conn_ended(dev.conn));
}

static void thousand_properties_are_the_most(void **state)
{
    (void)state;
    static char topic[20000];
    size_t len = (size_t)snprintf(topic, sizeof topic, EVENTS);
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(topic + len, sizeof topic - len, "p%d=1&", i);
    device_publish(&dev, topic, "{}", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    (void)snprintf(topic + len, sizeof topic - len, "last=1");
    device_publish(&dev, topic, "{}", 2);
    assert_true(core_conn_ended(dev.conn));
}

static void newest_value_of_each_name_is_kept(void **state)
{
    (void)state;
    device_publish(&dev, EVENTS, "{\"t\":1,\"o\":{\"x\":[1,2]},\"\\u0074wo\":\"2\"}", 0);
    device_publish(&dev, EVENTS "$.sub=c", "{\"t\":7}", 0);
    bench_advance(&bench, 1000);
    device_publish(&dev, EVENTS, "{\"t\":2}", 0);
    const int64_t start = (int64_t)BENCH_START_S * 1000;
    assert_value("", "t", "2", start + 2000);
    assert_value("", "o", "{\"x\":[1,2]}", start + 1000);
    assert_value("", "two", "\"2\"", start + 1000);
    assert_value("c", "t", "7", start + 1000);
}

static void creation_time_dates_the_value(void **state)
{
    (void)state;
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2021-04-21T11%3A30%3A16Z", "{\"t\":1}", 0);
    assert_value("", "t", "1", INT64_C(1619004616000));
    struct last l = last_message();
    assert_string_equal(text(l.system, "creationTimeUtc"), "2021-04-21T11:30:16Z");
    last_free(&l);
    device_publish(&dev, EVENTS "iothub-creation-time-utc=yesterday", "{\"t\":2}", 0);
    assert_value("", "t", "2", (int64_t)BENCH_START_S * 1000 + 1000);
}

static void late_value_does_not_hide_a_newer_one(void **state)
{
    (void)state;
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2025-12-31T23%3A59%3A50Z", "{\"t\":1}", 0);
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2025-12-31T23%3A59%3A40Z", "{\"t\":2,\"u\":2}", 0);
    assert_value("", "t", "1", BENCH_START_S * INT64_C(1000) - 10000);
    assert_value("", "u", "2", BENCH_START_S * INT64_C(1000) - 20000);
}

static void value_dated_ahead_does_not_hide_what_comes_later(void **state)
{
    (void)state;
    const int64_t now = BENCH_START_S * INT64_C(1000) + 1000;
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2026-01-01T00%3A04%3A00Z", "{\"t\":1}", 0);
    assert_value("", "t", "1", now);
    device_publish(&dev, EVENTS, "{\"t\":2}", 0);
    assert_value("", "t", "2", now);
}

static int64_t created_of_last(void)
{
    int64_t created = -1;
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 100, take_created, &created));
    return created;
}

static void creation_time_far_ahead_of_the_service_is_none(void **state)
{
    (void)state;
    const int64_t now = BENCH_START_S * INT64_C(1000) + 1000;
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2026-01-01T00%3A05%3A01Z", "{\"t\":1}", 0);
    assert_int_equal(created_of_last(), now + 300000);
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2026-01-01T00%3A05%3A02Z", "{\"u\":1}", 0);
    assert_int_equal(created_of_last(), 0);
    assert_value("", "u", "1", now);
    device_publish(&dev, EVENTS "iothub-creation-time-utc=2025-01-01T00%3A00%3A00%2B01%3A00", "{}", 0);
    assert_int_equal(created_of_last(), 0); /* only Z */
}

static void readings_of_a_batch_are_values_the_later_the_better(void **state)
{
    (void)state;
    const int64_t now = BENCH_START_S * INT64_C(1000) + 1000;
    device_publish(&dev, EVENTS, "[{\"t\":1,\"h\":40},{\"t\":2},5,[],{\"p\":{\"x\":[1]}}]", 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    assert_value("", "t", "2", now);
    assert_value("", "h", "40", now);
    assert_value("", "p", "{\"x\":[1]}", now);
}

static void last_thousand_values_of_a_batch_count(void **state)
{
    (void)state;
    static char body[40000];
    size_t len = 0;
    char *json;
    int64_t at;
    for (int i = 0; i < 501; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "%c{\"a%d\":1,\"t\":%d}", i > 0 ? ',' : '[', i, i);
    body[len] = ']';
    device_publish(&dev, EVENTS, body, 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    assert_value("", "t", "500", BENCH_START_S * INT64_C(1000) + 1000);
    assert_value("", "a1", "1", BENCH_START_S * INT64_C(1000) + 1000);
    assert_int_equal(store_value_get(core_store(bench.core), "dev-001", "", "a0", &json, &at), SPOKE_E_NOT_FOUND);
}

static bool count_duplicates(void *ctx, const struct store_message *row)
{
    int *counts = ctx;
    counts[row->duplicate]++;
    return true;
}

static void assert_kept(int first, int again)
{
    int counts[2] = {0, 0};
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 100, count_duplicates, counts));
    assert_int_equal(counts[0], first);
    assert_int_equal(counts[1], again);
}

static void message_sent_again_is_kept_and_flagged(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        device_publish(&dev, EVENTS "%24.mid=m1", "{}", 1);
        device_publish(&dev, EVENTS "%24.mid=m2", "{}", 1);
        device_publish(&dev, EVENTS "%24.mid=", "{}", 1); /* none */
        device_publish(&dev, EVENTS, "{}", 1);
    }
    assert_kept(6, 2);
}

static void the_same_id_from_another_device_is_another_message(void **state)
{
    (void)state;
    bench_provision(&bench, "dev-002");
    device_online(&other, &bench, "dev-002", true);
    device_publish(&other, "devices/dev-002/messages/events/%24.mid=m1", "{}", 1);
    device_publish(&dev, EVENTS "%24.mid=m1", "{}", 1);
    assert_kept(1, 0);
}

static void duplicates_are_acknowledged_and_dropped_if_asked(void **state)
{
    (void)state;
    device_close(&dev);
    bench_close(&bench);
    bench_prepare(&bench);
    bench.options.drop_duplicates = true;
    bench_start(&bench);
    bench_provision(&bench, "dev-001");
    device_online(&dev, &bench, "dev-001", true);
    device_publish(&dev, EVENTS "%24.mid=m1", "{}", 1);
    device_publish(&dev, EVENTS "%24.mid=m1", "{}", 2);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 2);
    assert_kept(1, 0);
}

static void bodies_that_are_no_json_objects_are_messages_without_values(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "hello", "[1]", "{\"t\":}", "{\"t\":1", "\xff\xfe", "5"};
    char *json;
    int64_t at;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        device_publish(&dev, EVENTS, bodies[i], 0);
    device_publish(&dev, EVENTS "$.ct=text%2Fplain", "{\"t\":1}", 0);
    struct last l = last_message();
    assert_int_equal(l.count, 8);
    last_free(&l);
    assert_int_equal(store_value_get(core_store(bench.core), "dev-001", "", "t", &json, &at), SPOKE_E_NOT_FOUND);
}

static void reserved_names_are_ignored(void **state)
{
    (void)state;
    char *json;
    int64_t at;
    device_publish(&dev, EVENTS, "{\"PartitionId\":1,\"$version\":2,\"ok\":3}", 0);
    assert_value("", "ok", "3", (int64_t)BENCH_START_S * 1000 + 1000);
    assert_int_equal(store_value_get(core_store(bench.core), "dev-001", "", "PartitionId", &json, &at),
                     SPOKE_E_NOT_FOUND);
}

static void name_with_a_nul_character_is_not_taken_for_its_beginning(void **state)
{
    (void)state;
    char *json;
    int64_t at;
    device_publish(&dev, EVENTS, "{\"t\\u0000x\":1,\"ok\":3}", 0);
    assert_value("", "ok", "3", (int64_t)BENCH_START_S * 1000 + 1000);
    assert_int_equal(store_value_get(core_store(bench.core), "dev-001", "", "t", &json, &at), SPOKE_E_NOT_FOUND);
}

static void the_first_thousand_members_of_a_message_are_its_values(void **state)
{
    (void)state;
    static char body[STORE_VALUES_KEPT * 12 + 100];
    char *json;
    int64_t at;
    size_t len = 1;
    body[0] = '{';
    for (int i = 0; i <= STORE_VALUES_KEPT; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "%s\"n%d\":%d", i > 0 ? "," : "", i, i);
    body[len] = '}';
    device_publish(&dev, EVENTS, body, 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    assert_value("", "n0", "0", BENCH_START_S * INT64_C(1000) + 1000);
    assert_value("", "n999", "999", BENCH_START_S * INT64_C(1000) + 1000);
    assert_int_equal(store_value_get(core_store(bench.core), "dev-001", "", "n1000", &json, &at),
                     SPOKE_E_NOT_FOUND);
    bench_advance(&bench, 1000);
    device_publish(&dev, EVENTS, "{\"new\":1}", 1);
    assert_value("", "new", "1", BENCH_START_S * INT64_C(1000) + 2000);
    struct last l = last_message();
    assert_string_equal(l.body, "{\"new\":1}");
    last_free(&l);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set_online, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(system_properties_are_named_and_the_rest_is_the_applications),
        CLAIM(hub_adds_what_it_knows),
        CLAIM(escapes_are_decoded_to_utf8),
        CLAIM(retain_becomes_a_property),
        CLAIM(last_slash_may_be_missing),
        CLAIM(broken_bag_closes),
        CLAIM(properties_count_towards_the_size),
        CLAIM(thousand_properties_are_the_most),
        CLAIM(newest_value_of_each_name_is_kept),
        CLAIM(creation_time_dates_the_value),
        CLAIM(late_value_does_not_hide_a_newer_one),
        CLAIM(value_dated_ahead_does_not_hide_what_comes_later),
        CLAIM(creation_time_far_ahead_of_the_service_is_none),
        CLAIM(readings_of_a_batch_are_values_the_later_the_better),
        CLAIM(last_thousand_values_of_a_batch_count),
        CLAIM(message_sent_again_is_kept_and_flagged),
        CLAIM(the_same_id_from_another_device_is_another_message),
        CLAIM(duplicates_are_acknowledged_and_dropped_if_asked),
        CLAIM(bodies_that_are_no_json_objects_are_messages_without_values),
        CLAIM(reserved_names_are_ignored),
        CLAIM(name_with_a_nul_character_is_not_taken_for_its_beginning),
        CLAIM(the_first_thousand_members_of_a_message_are_its_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
