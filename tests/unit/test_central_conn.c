/* The MQTT server session: framing, CONNECT, keep-alive, subscriptions, sessions, the end. */
#include "support/central_stage.h"

#include <central/core/conn.h>
#include <unistd.h>

#define EVENTS "devices/dev-001/messages/events/"
#define C2D "devices/dev-001/messages/devicebound/#"

static void fresh(void)
{
    device_open(&dev, &bench, NULL);
}

static void online(void)
{
    device_online(&dev, &bench, "dev-001", true);
}

static bool count_one(void *ctx, const struct store_message *row)
{
    (void)row;
    ++*(int *)ctx;
    return true;
}

static int messages(void)
{
    int count = 0;
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 1000, count_one, &count));
    return count;
}

static void assert_ended(const char *event)
{
    assert_true(core_conn_ended(dev.conn));
    if (event != NULL)
        assert_int_equal(bench_events(&bench, event), 1);
}

static void send_bytes(const void *bytes, size_t len)
{
    device_raw(&dev, bytes, len);
}

/* --- framing --- */

static void packets_may_come_byte_by_byte(void **state)
{
    (void)state;
    uint8_t memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_packet p;
    online();
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = 5;
    p.as.publish.qos = 1;
    p.as.publish.topic = SPOKE_STR(EVENTS);
    p.as.publish.payload = SPOKE_STR("{\"t\":1}");
    assert_ok(spoke_mqtt_encode(&p, &out));
    assert_ok(spoke_mqtt_encode(&p, &out)); /* two of them */
    for (size_t i = 0; i < out.len; i++)
        send_bytes(out.ptr + i, 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 5);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 5);
    assert_int_equal(messages(), 2);
}

static void fifth_length_byte_closes(void **state)
{
    (void)state;
    online();
    send_bytes("\x30\xff\xff\xff\xff\x01", 6);
    assert_ended("hub-protocol-error");
}

static void longest_message_is_taken_and_a_longer_packet_refused_at_its_header(void **state)
{
    (void)state;
    static char body[SPOKE_MAX_TELEMETRY_BYTES];
    memset(body, 'x', sizeof body);
    online();
    device_publish_bytes(&dev, EVENTS, spoke_str_from(body, sizeof body), 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_PUBACK).packet_id, 1);
    send_bytes("\x32\xff\xff\xff\x7f", 5); /* 256 MB are announced: nothing is collected */
    assert_ended("hub-protocol-error");
}

static void first_packet_must_be_connect(void **state)
{
    (void)state;
    fresh();
    send_bytes("\xc0\x00", 2);
    assert_ended("hub-protocol-error");
}

static void second_connect_closes(void **state)
{
    (void)state;
    online();
    device_connect_hub(&dev, "dev-001", true);
    assert_ended("hub-protocol-error");
}

static void packets_of_a_server_close(void **state)
{
    (void)state;
    online();
    send_bytes("\xd0\x00", 2); /* PINGRESP */
    assert_ended("hub-protocol-error");
}

static void garbage_never_connects(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        fresh();
        bytes[0] = 0x10;
        bytes[1] = 62;
        for (size_t i = 2; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        if (round % 2 == 0)
            memcpy(bytes + 2, "\x00\x04MQTT\x04\x02\x00\x3c", 10);
        send_bytes(bytes, sizeof bytes);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
    }
    assert_int_equal(bench_events(&bench, "hub-connected"), 0);
}

/* --- CONNECT --- */

static void other_versions_are_answered_1(void **state)
{
    (void)state;
    static const uint8_t five[] = {0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'a'};
    fresh();
    send_bytes(five, sizeof five);
    assert_int_equal(device_connack(&dev), 1);
    assert_ended("hub-refused");
}

static void empty_client_id_is_answered_2(void **state)
{
    (void)state;
    fresh();
    device_connect_as(&dev, "", BENCH_HUB "/dev-001/?api-version=2021-04-12", "x", true, 60);
    assert_int_equal(device_connack(&dev), 2);
}

static void foreign_user_name_is_answered_4(void **state)
{
    (void)state;
    fresh();
    device_connect_as(&dev, "dev-001", "admin", "secret", true, 60);
    assert_int_equal(device_connack(&dev), 4);
}

static void connect_must_come_within_30_seconds(void **state)
{
    (void)state;
    fresh();
    bench_advance(&bench, 29999);
    assert_false(core_conn_ended(dev.conn));
    assert_int_equal(core_deadline(bench.core), bench.now_ms + 1);
    bench_advance(&bench, 1);
    assert_ended("hub-protocol-error");
}

static void client_id_that_comes_again_drops_the_first(void **state)
{
    (void)state;
    online();
    device_online(&other, &bench, "dev-001", true);
    assert_ended("hub-disconnected");
    assert_false(core_conn_ended(other.conn));
    assert_true(core_device_connected(bench.core, "dev-001"));
}

static void provisioning_and_hub_have_separate_names(void **state)
{
    (void)state;
    online();
    device_open(&other, &bench, NULL);
    device_connect_dps(&other, "dev-001");
    assert_int_equal(device_connack(&other), 0);
    assert_false(core_conn_ended(dev.conn));
}

/* --- keep-alive --- */

static void silence_of_one_and_a_half_intervals_closes(void **state)
{
    (void)state;
    online(); /* 240 s */
    bench_advance(&bench, 359999);
    send_bytes("\xc0\x00", 2);
    device_expect(&dev, SPOKE_MQTT_PINGRESP);
    bench_advance(&bench, 359999);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_ended("hub-disconnected");
}

static void keep_alive_zero_means_1767_seconds(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_HUB "/devices/dev-001", BENCH_START_S + 99999, token, sizeof token);
    fresh();
    device_connect_as(&dev, "dev-001", BENCH_HUB "/dev-001/?api-version=2021-04-12", token, true, 0);
    assert_int_equal(device_connack(&dev), 0);
    bench_advance(&bench, 1766999);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_ended("hub-disconnected");
}

static void keep_alive_is_capped_at_1767_seconds(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_HUB "/devices/dev-001", BENCH_START_S + 999999, token, sizeof token);
    fresh();
    device_connect_as(&dev, "dev-001", BENCH_HUB "/dev-001/?api-version=2021-04-12", token, true, 65535);
    assert_int_equal(device_connack(&dev), 0);
    bench_advance(&bench, 1767000);
    assert_ended("hub-disconnected");
}

/* --- subscriptions --- */

static void qos_2_is_granted_as_1(void **state)
{
    (void)state;
    online();
    device_subscribe(&dev, C2D, 2);
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_SUBACK);
    assert_int_equal(p.as.codes.ptr[0], 1);
}

static void all_four_filters_in_one_packet_and_both_spellings(void **state)
{
    (void)state;
    uint8_t memory[512];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const spoke_mqtt_filter filters[] = {{SPOKE_STR(C2D), 1},
                                         {SPOKE_STR("$iothub/twin/res/#"), 0},
                                         {SPOKE_STR("$iothub/twin/PATCH/properties/desired/#"), 0},
                                         {SPOKE_STR("$iothub/methods/POST/#"), 0},
                                         {SPOKE_STR("devices/+/messages/devicebound/#"), 1},
                                         {SPOKE_STR(C2D), 0}};
    assert_ok(spoke_mqtt_encode_filters(3, true, filters, 6, &out));
    online();
    send_bytes(out.ptr, out.len);
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_SUBACK);
    assert_int_equal(p.as.codes.len, 6);
    assert_memory_equal(p.as.codes.ptr, "\1\0\0\0\1\0", 6);
}

static void other_filters_close_without_suback(void **state)
{
    (void)state;
    static const char *const bad[] = {"devices/dev-002/messages/devicebound/#",
                                      "#",
                                      "devices/#",
                                      "$iothub/twin/res/+",
                                      "devices/dev-001/messages/events/#",
                                      "devices/dev-001/messages/devicebound/+"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        online();
        device_subscribe(&dev, bad[i], 1);
        device_expect_nothing(&dev);
        assert_true(core_conn_ended(dev.conn));
        assert_int_equal(bench_events(&bench, "hub-subscribe-denied"), (int)i + 1);
        device_close(&dev);
    }
}

static void reason_for_a_refused_filter_is_utf8(void **state)
{
    (void)state;
    char filter[400] = "x";
    for (size_t len = 1; len < 390; len += 3)
        (void)snprintf(filter + len, sizeof filter - len, "\xe2\x82\xac");
    online();
    device_subscribe(&dev, filter, 1);
    cJSON *list = core_events_get(bench.core);
    const cJSON *event;
    cJSON_ArrayForEach(event, list)
    {
        const cJSON *why = cJSON_GetObjectItem(event, "why");
        assert_true(why == NULL || spoke_utf8_valid(spoke_str_of(why->valuestring)));
    }
    cJSON_Delete(list);
}

static void keep_line(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)level;
    (void)module;
    static const char *const BAD[] = {"\n",           "\xc2\x9b",     "\xe2\x80\xae",
                                      "\xe2\x81\xa6", "\xe2\x80\xa8", "\xd8\x9c"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        *(bool *)user = *(bool *)user || strstr(line, BAD[i]) != NULL;
}

static void log_lines_stay_lines_whatever_a_client_calls_itself(void **state)
{
    (void)state;
    bool broken = false;
    bench_close(&bench);
    bench.options.log = keep_line;
    bench.options.log_user = &broken;
    bench.options.log_level = SPOKE_LOG_DEBUG;
    bench_start(&bench);
    fresh();
    device_connect_as(&dev, "a\nerror: all is lost", "x/a", "p", true, 60);
    device_close(&dev);
    fresh();
    device_connect_as(&dev,
                      "a\xc2\x9b"
                      "2J",
                      "x/a", "p", true, 60); /* CSI: clears a terminal */
    device_close(&dev);
    fresh();
    device_connect_as(&dev,
                      "a\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xd8\x9c"
                      "b",
                      "x/a", "p", true, 60); /* turn text round */
    assert_false(broken);
}

struct lines {
    unsigned count;
    char last[512];
};

static void count_line(void *user, spoke_log_level level, const char *module, const char *line)
{
    struct lines *lines = user;
    (void)module;
    lines->count += level <= SPOKE_LOG_WARN;
    (void)snprintf(lines->last, sizeof lines->last, "%s", line);
}

static void start_anew_with_log(struct lines *lines)
{
    bench_close(&bench);
    bench.options.log = count_line;
    bench.options.log_user = lines;
    bench.options.log_level = SPOKE_LOG_WARN;
    bench_start(&bench);
}

/* Refused, or gone before they said who they are: their number must not fill a disk. */
static void many_strangers_share_a_few_lines_a_second(void **state)
{
    (void)state;
    struct lines lines = {0};
    start_anew_with_log(&lines);
    for (int i = 0; i < 100; i++) {
        fresh();
        if (i % 2 == 0)
            device_connect_as(&dev, "stranger", "x/a", "p", true, 60);
        else
            device_raw(&dev, "\xff\xff\xff\xff\xff", 5);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
    }
    assert_int_equal(lines.count, 20);
    bench.now_ms += 1000;
    fresh();
    device_connect_as(&dev, "stranger", "x/a", "p", true, 60);
    assert_int_equal(lines.count, 22);
    assert_string_equal(lines.last, "80 more lines about clients that were refused were left out");
}

static void a_device_that_errs_all_the_time_has_a_few_lines_a_second(void **state)
{
    (void)state;
    struct lines lines = {0};
    start_anew_with_log(&lines);
    bench_provision(&bench, "dev-001");
    online();
    for (int i = 0; i < 100; i++)
        device_publish(&dev, "$iothub/twin/GET/?$rid=1", "", 0); /* without a subscription to the answers */
    assert_int_equal(lines.count, 5);
    bench.now_ms += 1000;
    device_publish(&dev, "$iothub/methods/res/200/?$rid=1", "", 0);
    assert_int_equal(lines.count, 7);
    assert_string_equal(lines.last, "dev-001: 95 more lines about it were left out");
}

static void nothing_is_collected_from_a_stranger_but_a_connect(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t len;
    } cases[] = {{"\x30\x80\x80\x10", 4} /* PUBLISH of 256 KB */, {"\x10\x80\x80\x10", 4} /* CONNECT of 256 KB */};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fresh();
        send_bytes(cases[i].header, cases[i].len);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
    }
    assert_int_equal(bench_events(&bench, "hub-protocol-error"), 2);
}

static void an_idle_connection_keeps_no_large_buffer(void **state)
{
    (void)state;
    static char body[200000];
    memset(body, 'x', sizeof body);
    online();
    device_subscribe_ok(&dev, C2D, 0);
    device_publish_bytes(&dev, EVENTS, spoke_str_from(body, sizeof body), 1);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    static uint8_t packet[sizeof body + 100];
    spoke_mqtt_packet p = {.type = SPOKE_MQTT_PUBLISH};
    p.as.publish.topic = SPOKE_STR(EVENTS);
    p.as.publish.payload = spoke_str_from(body, sizeof body);
    spoke_buf out = spoke_buf_from(packet, sizeof packet);
    assert_ok(spoke_mqtt_encode(&p, &out));
    device_raw(&dev, packet, 10); /* in two pieces: the first has to be kept */
    device_raw(&dev, packet + 10, out.len - 10);
    assert_int_equal(messages(), 2);
    assert_ok(core_c2d_send(bench.core, "dev-001", spoke_str_from(body, 60000), NULL, NULL, 0, 0));
    core_commit(bench.core);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_true(dev.conn->in.cap <= 4096 && dev.conn->out.cap <= 4096);
}

static void unsubscribe_is_answered_and_ends_deliveries(void **state)
{
    (void)state;
    uint8_t memory[128] = {0xa2, 2 + 2 + sizeof C2D - 1, 0, 9, 0, sizeof C2D - 1};
    memcpy(memory + 6, C2D, sizeof C2D - 1);
    online();
    device_subscribe_ok(&dev, C2D, 1);
    send_bytes(memory, 6 + sizeof C2D - 1);
    assert_int_equal(device_expect(&dev, SPOKE_MQTT_UNSUBACK).packet_id, 9);
    assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("x"), NULL, NULL, 0, 0));
    core_commit(bench.core);
    device_expect_nothing(&dev);
}

/* --- sessions --- */

static void session_survives_with_clean_session_0(void **state)
{
    (void)state;
    fresh();
    device_connect_hub(&dev, "dev-001", false);
    assert_false(device_expect(&dev, SPOKE_MQTT_CONNACK).as.connack.session_present);
    device_subscribe_ok(&dev, C2D, 1);
    device_goodbye(&dev);
    fresh();
    device_connect_hub(&dev, "dev-001", false);
    assert_true(device_expect(&dev, SPOKE_MQTT_CONNACK).as.connack.session_present);
    assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("x"), NULL, NULL, 0, 0));
    core_commit(bench.core);
    device_expect(&dev, SPOKE_MQTT_PUBLISH);
}

static void session_queue_and_twin_survive_a_restart_of_the_service(void **state)
{
    (void)state;
    char path[] = "/tmp/spoke-test-XXXXXX";
    char why[100];
    int64_t version;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    bench_close(&bench);
    bench.options.store_path = path;
    bench_start(&bench);
    bench_provision(&bench, "dev-001");
    device_online(&dev, &bench, "dev-001", false);
    device_subscribe_ok(&dev, C2D, 1);
    device_goodbye(&dev);
    assert_ok(core_c2d_send(bench.core, "dev-001", SPOKE_STR("x"), NULL, NULL, 0, 0));
    cJSON *patch = cJSON_Parse("{\"a\":1}");
    assert_ok(core_desired_patch(bench.core, "dev-001", patch, false, &version, why, sizeof why));
    bench_close(&bench);
    bench.options.id_scope = bench.options.group_key = bench.options.hub_host = NULL; /* kept, too */
    bench_start(&bench);
    fresh();
    device_connect_hub(&dev, "dev-001", false);
    assert_true(device_expect(&dev, SPOKE_MQTT_CONNACK).as.connack.session_present);
    assert_str(device_expect(&dev, SPOKE_MQTT_PUBLISH).as.publish.payload, "x");
    assert_ok(core_desired_patch(bench.core, "dev-001", patch, false, &version, why, sizeof why));
    assert_int_equal(version, 3);
    cJSON_Delete(patch);
    device_close(&dev);
    bench_close(&bench);
    (void)unlink(path);
    stage_set(state);
}

static void clean_session_1_forgets_the_session(void **state)
{
    (void)state;
    device_online(&dev, &bench, "dev-001", false);
    device_subscribe_ok(&dev, C2D, 1);
    device_goodbye(&dev);
    online();
    device_goodbye(&dev);
    fresh();
    device_connect_hub(&dev, "dev-001", false);
    assert_false(device_expect(&dev, SPOKE_MQTT_CONNACK).as.connack.session_present);
}

/* --- publishing --- */

static void qos_2_publish_closes(void **state)
{
    (void)state;
    online();
    send_bytes("\x34\x07\x00\x03"
               "a/b\x00\x01",
               9);
    assert_ended("hub-protocol-error");
}

static void unknown_topic_closes(void **state)
{
    (void)state;
    static const char *const bad[] = {"devices/dev-002/messages/events/", "test", "$iothub/twin/DELETE/?$rid=1",
                                      "devices/dev-001/messages/eventsx", "$dps/registrations/PUT/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        online();
        device_publish(&dev, bad[i], "{}", 1);
        device_expect_nothing(&dev);
        assert_true(core_conn_ended(dev.conn));
        device_close(&dev);
    }
    assert_int_equal(messages(), 0);
}

static void acknowledgement_waits_for_the_commit_and_so_does_what_follows(void **state)
{
    (void)state;
    uint8_t memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_packet p;
    online();
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.packet_id = 5;
    p.as.publish.qos = 1;
    p.as.publish.topic = SPOKE_STR(EVENTS);
    assert_ok(spoke_mqtt_encode(&p, &out));
    assert_ok(spoke_buf_append(&out, SPOKE_STR("\xc0\x00")));
    core_conn_receive(dev.conn, out.ptr, out.len);
    device_expect_nothing(&dev);
    assert_int_equal(core_deadline(bench.core), bench.now_ms); /* the shell is asked to commit at once */
    core_commit(bench.core);
    device_expect(&dev, SPOKE_MQTT_PUBACK);
    device_expect(&dev, SPOKE_MQTT_PINGRESP);
}

static void device_that_never_reads_is_dropped(void **state)
{
    (void)state;
    static char desired[4000];
    char why[100];
    int64_t version;
    cJSON *patch = cJSON_CreateObject();
    memset(desired, 'x', sizeof desired - 1);
    for (int i = 0; i < 8; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        cJSON_AddStringToObject(patch, name, desired);
    }
    assert_ok(core_desired_patch(bench.core, "dev-001", patch, false, &version, why, sizeof why));
    cJSON_Delete(patch);
    online();
    device_subscribe_ok(&dev, "$iothub/twin/res/#", 0);
    for (int i = 0; i < 200 && !core_conn_ended(dev.conn); i++)
        device_publish(&dev, "$iothub/twin/GET/?$rid=1", "", 0);
    assert_ended("hub-protocol-error");
}

/* --- the end --- */

static void connect_with_will(const char *topic, uint8_t qos)
{
    char token[1024];
    spoke_mqtt_packet p;
    bench_token("dev-001", NULL, BENCH_HUB "/devices/dev-001", BENCH_START_S + 600, token, sizeof token);
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_CONNECT;
    p.as.connect.protocol = SPOKE_STR("MQTT");
    p.as.connect.level = 4;
    p.as.connect.client_id = SPOKE_STR("dev-001");
    p.as.connect.username = SPOKE_STR(BENCH_HUB "/dev-001/?api-version=2021-04-12");
    p.as.connect.password = spoke_str_of(token);
    p.as.connect.has_username = p.as.connect.has_password = p.as.connect.has_will = true;
    p.as.connect.will.topic = spoke_str_of(topic);
    p.as.connect.will.payload = SPOKE_STR("{\"gone\":true}");
    p.as.connect.will.qos = qos;
    fresh();
    device_send(&dev, &p);
}

static bool check_will(void *ctx, const struct store_message *row)
{
    ++*(int *)ctx;
    assert_json(spoke_str_of(row->properties), "{\"iothub-MessageType\":\"Will\",\"a\":\"b\"}");
    assert_memory_equal(row->body, "{\"gone\":true}", 13);
    return true;
}

static void will_is_telemetry_when_no_disconnect_came(void **state)
{
    (void)state;
    int wills = 0;
    connect_with_will(EVENTS "a=b", 1);
    assert_int_equal(device_connack(&dev), 0);
    device_close(&dev);
    assert_ok(store_message_each(core_store(bench.core), "dev-001", 0, 10, check_will, &wills));
    assert_int_equal(wills, 1);
}

static void will_is_not_sent_after_disconnect(void **state)
{
    (void)state;
    connect_with_will(EVENTS, 0);
    assert_int_equal(device_connack(&dev), 0);
    device_goodbye(&dev);
    assert_int_equal(messages(), 0);
}

static void will_is_sent_when_the_token_expires(void **state)
{
    (void)state;
    connect_with_will(EVENTS, 0);
    assert_int_equal(device_connack(&dev), 0);
    send_bytes("\xc0\x00", 2);
    bench_advance(&bench, 599000);
    assert_ended("hub-token-expired");
    assert_int_equal(messages(), 1);
}

static void will_must_be_for_the_own_events_with_qos_0_or_1(void **state)
{
    (void)state;
    connect_with_will("devices/dev-002/messages/events/", 0);
    assert_ended("hub-protocol-error");
    device_close(&dev);
    connect_with_will(EVENTS, 2);
    assert_true(core_conn_ended(dev.conn));
}

static void token_ends_the_connection_when_it_expires(void **state)
{
    (void)state;
    online(); /* expires at 3600 s, the clock began at 1 s */
    for (int i = 0; i < 35; i++) {
        bench_advance(&bench, 100000);
        send_bytes("\xc0\x00", 2);
    }
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 99000 - 1);
    assert_false(core_conn_ended(dev.conn));
    bench_advance(&bench, 1);
    assert_ended("hub-token-expired");
    assert_int_equal(bench_events(&bench, "hub-disconnected"), 1);
}

static void device_that_is_blocked_deleted_or_rekeyed_is_dropped(void **state)
{
    (void)state;
    struct store_device row;
    online();
    core_device_changed(bench.core, "dev-001");
    assert_false(core_conn_ended(dev.conn)); /* nothing of the kind happened */
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    row.primary_key = strdup("L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg=");
    assert_ok(store_device_put(core_store(bench.core), &row));
    core_device_changed(bench.core, "dev-001");
    assert_ended("hub-disconnected");
    device_close(&dev);
    free(row.primary_key);
    row.primary_key = NULL;
    assert_ok(store_device_put(core_store(bench.core), &row));
    store_device_free(&row);
    online();
    assert_ok(store_device_delete(core_store(bench.core), "dev-001"));
    core_device_changed(bench.core, "dev-001");
    assert_true(core_conn_ended(dev.conn));
}

static void service_drops_a_device_on_request(void **state)
{
    (void)state;
    assert_false(core_device_disconnect(bench.core, "dev-001", "asked"));
    online();
    assert_true(core_device_disconnect(bench.core, "dev-001", "asked"));
    assert_ended("hub-disconnected");
    assert_false(core_device_connected(bench.core, "dev-001"));
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(packets_may_come_byte_by_byte),
        CLAIM(fifth_length_byte_closes),
        CLAIM(longest_message_is_taken_and_a_longer_packet_refused_at_its_header),
        CLAIM(first_packet_must_be_connect),
        CLAIM(second_connect_closes),
        CLAIM(packets_of_a_server_close),
        CLAIM(garbage_never_connects),
        CLAIM(other_versions_are_answered_1),
        CLAIM(empty_client_id_is_answered_2),
        CLAIM(foreign_user_name_is_answered_4),
        CLAIM(connect_must_come_within_30_seconds),
        CLAIM(client_id_that_comes_again_drops_the_first),
        CLAIM(provisioning_and_hub_have_separate_names),
        CLAIM(silence_of_one_and_a_half_intervals_closes),
        CLAIM(keep_alive_zero_means_1767_seconds),
        CLAIM(keep_alive_is_capped_at_1767_seconds),
        CLAIM(qos_2_is_granted_as_1),
        CLAIM(all_four_filters_in_one_packet_and_both_spellings),
        CLAIM(other_filters_close_without_suback),
        CLAIM(reason_for_a_refused_filter_is_utf8),
        CLAIM(log_lines_stay_lines_whatever_a_client_calls_itself),
        CLAIM(many_strangers_share_a_few_lines_a_second),
        CLAIM(a_device_that_errs_all_the_time_has_a_few_lines_a_second),
        CLAIM(nothing_is_collected_from_a_stranger_but_a_connect),
        CLAIM(an_idle_connection_keeps_no_large_buffer),
        CLAIM(unsubscribe_is_answered_and_ends_deliveries),
        CLAIM(session_survives_with_clean_session_0),
        CLAIM(session_queue_and_twin_survive_a_restart_of_the_service),
        CLAIM(clean_session_1_forgets_the_session),
        CLAIM(qos_2_publish_closes),
        CLAIM(unknown_topic_closes),
        CLAIM(acknowledgement_waits_for_the_commit_and_so_does_what_follows),
        CLAIM(device_that_never_reads_is_dropped),
        CLAIM(will_is_telemetry_when_no_disconnect_came),
        CLAIM(will_is_not_sent_after_disconnect),
        CLAIM(will_is_sent_when_the_token_expires),
        CLAIM(will_must_be_for_the_own_events_with_qos_0_or_1),
        CLAIM(token_ends_the_connection_when_it_expires),
        CLAIM(device_that_is_blocked_deleted_or_rekeyed_is_dropped),
        CLAIM(service_drops_a_device_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
