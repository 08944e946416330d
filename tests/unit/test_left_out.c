/* A build without some of its parts (spoke/features.h): calls answer, configurations are refused with a sentence, and
 * what is left works. Run for each switch by tests/size/switches.py; in the usual build nothing is left out. */
#include <spoke/features.h>
#include <spoke/proto/dps.h>
#include <spoke/proto/hub.h>

#include "queue/queue.h"
#include "support/client_fixture.h"

static int set_up_what_there_is(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    clock_ms = 1000;
    f->verdict = spoke_accept();
    f->platform = *spoke_platform_posix();
    f->platform.ctx = f;
    f->platform.monotonic_ms = fake_monotonic;
    f->platform.unix_seconds = fake_unix;
    f->platform.random = fake_random;
    f->platform.load = fake_load;
    f->platform.store = fake_store;
    f->platform.log = NULL;
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "hub.local", .registration_id = "d", .credential.primary = KEY,
                     .platform = &f->platform, .transport = &fake_ops, .on_state = note_state, .user = f);
    f->config = config;
    start(f);
    *state = f;
    return 0;
}

static void connect_as_built(struct fixture *f, bool session_present)
{
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = session_present});
    poll(f, 0);
    if (fake->subscribes > 0) {
        static const char codes[4];
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = spoke_str_from(codes, 1)});
        poll(f, 0);
    }
    if (SPOKE_WITH_PROPERTIES) {
        poll(f, 0);
        say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
        poll(f, 0);
    }
}

static void a_client_gets_ready_and_sends_with_what_is_built(void **state)
{
    struct fixture *f = *state;
    connect_as_built(f, false);
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
    const spoke_field field = spoke_i64("n", 7);
    assert_ok(spoke_telemetry_send(f->client, NULL, &field, 1));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"n\":7}");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 0);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void a_client_asks_dps_where_it_is_built(void **state)
{
    struct fixture *f = *state;
    if (!SPOKE_WITH_DPS)
        skip();
    start_with_dps(f);
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
    say_message("$dps/registrations/res/202/?$rid=1&retry-after=1", "{\"operationId\":\"4.x\"}", 0);
    run(f, 1000);
    assert_string_equal(last_sent()->topic,
                        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.x");
    say_message(
        "$dps/registrations/res/200/?$rid=2",
        "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"hub1.local\",\"deviceId\":\"d\"}}", 0);
    poll(f, 0);
    poll(f, 0);
    assert_string_equal(fake->host, "hub1.local");
    connect_as_built(f, false);
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
}

static void a_client_comes_back_with_what_is_built(void **state)
{
    struct fixture *f = *state;
    connect_as_built(f, false);
    clock_ms += 120000;
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    assert_int_equal(spoke_client_state(f->client), SPOKE_BACKOFF);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_NET);
    run(f, 60000);
    assert_int_equal(fake->opens, 2);
}

/* A program that is set and commanded, as far as this build hears it. */
static void start_with_handlers(struct fixture *f)
{
    static const spoke_handler target = SPOKE_ON_PROPERTY("target", on_property);
    static const spoke_handler go = SPOKE_ON_COMMAND("go", on_command);
    static spoke_handler table[2];
    f->config.handler_count = 0;
    f->config.handlers = table;
    if (SPOKE_WITH_PROPERTIES)
        table[f->config.handler_count++] = target;
    if (SPOKE_WITH_COMMANDS)
        table[f->config.handler_count++] = go;
    start(f);
    connect_as_built(f, false);
}

static void a_command_is_answered_by_its_verdict(void **state)
{
    struct fixture *f = *state;
    if (!SPOKE_WITH_COMMANDS)
        return;
    start_with_handlers(f);
    say_message("$iothub/methods/POST/go/?$rid=1", "{}", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=1");
    say_message("$iothub/methods/POST/stop/?$rid=2", "{}", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/404/?$rid=2");
    say_message("$iothub/methods/POST/go/?$rid=3", "{", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/400/?$rid=3");
    assert_int_equal(f->commands, 1);
}

/* What only the program could finish later is not left open where it cannot. */
static void a_deferred_command_waits_where_answers_may_come_later(void **state)
{
    struct fixture *f = *state;
    if (!SPOKE_WITH_COMMANDS)
        return;
    f->verdict = spoke_defer();
    start_with_handlers(f);
    const size_t before = fake->sent_count;
    say_message("$iothub/methods/POST/go/?$rid=1", "{}", 0);
    poll(f, 0);
    assert_int_equal(fake->sent_count - before, SPOKE_WITH_DEFER ? 0 : 1);
    if (!SPOKE_WITH_DEFER)
        assert_string_equal(last_sent()->topic, "$iothub/methods/res/500/?$rid=1");
}

static void a_writable_property_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    if (!SPOKE_WITH_PROPERTIES)
        return;
    start_with_handlers(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":5,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    assert_non_null(strstr(last_sent()->topic, "$iothub/twin/PATCH/properties/reported/"));
    assert_string_equal(last_sent()->body, "{\"target\":{\"value\":5,\"ac\":200,\"av\":2}}");
}

static void a_device_asks_dps_for_its_hub(void **state)
{
    struct fixture *f = *state;
    if (!SPOKE_WITH_DPS)
        return;
    start_with_dps(f);
    poll(f, 0);
    assert_string_equal(fake->host, "dps.local");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    say_message("$dps/registrations/res/200/?$rid=1",
                "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{"
                "\"assignedHub\":\"hub1.local\",\"deviceId\":\"d1\",\"status\":\"assigned\"}}",
                0);
    poll(f, 0);
    poll(f, 0);
    assert_string_equal(fake->host, "hub1.local");
    assert_str(spoke_client_hub_host(f->client), "hub1.local");
    assert_str(spoke_client_device_id(f->client), "d1");
}

static void a_new_token_comes_before_the_old_one_ends(void **state)
{
    struct fixture *f = *state;
    char first[sizeof fake->password];
    connect_as_built(f, false);
    snprintf(first, sizeof first, "%s", fake->password);
    const uint64_t ends = clock_ms + 3600000;
    while (fake->opens == 1 && clock_ms < ends)
        poll(f, 60000);
    assert_int_equal(fake->opens, 2);
    assert_string_not_equal(fake->password, first);
}

static void what_is_queued_in_an_outage_leaves_in_order(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        const spoke_field field = spoke_i64("n", i);
        assert_ok(spoke_telemetry_send(f->client, NULL, &field, 1));
    }
    for (int attempt = 0; attempt < 3; attempt++) {
        poll(f, 0);
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
        run(f, 130000);
    }
    assert_true(fake->opens > 3);
    fake->sent_count = 0;
    connect_as_built(f, false);
    size_t next = 0;
    for (size_t i = 0; i < fake->sent_count; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "{\"n\":%u}", (unsigned)next);
        next += strcmp(fake->sent[i].body, expected) == 0;
    }
    assert_int_equal(next, 3);
}

static void what_nobody_here_hears_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    connect_as_built(f, false);
    say_message("no/such/topic", "{}", 1); /* a transport that does not listen has none */
    poll(f, 0);
    assert_int_equal(fake->ack_count, SPOKE_WITH_LISTENING ? 1 : 0);
}

static void an_error_has_status_source_number_and_a_word(void **state)
{
    struct fixture *f = *state;
    char text[256];
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    assert_string_equal(spoke_client_explain(f->client, text, 26), "SPOKE_E_NET (port, 104): ");
    assert_true(strlen(spoke_client_explain(f->client, text, sizeof text)) > 26);
    assert_non_null(spoke_client_error(f->client)->text);
}

/* What init says about f->config with one thing changed. */
static const char *refusal(const spoke_config *config, spoke_status expected)
{
    static max_align_t room[64];
    spoke_client *client;
    spoke_error why;
    assert_int_equal(spoke_client_init(room, sizeof room, config, &client, &why), expected);
    assert_int_equal(why.status, expected);
    assert_null(client);
    assert_non_null(why.text);
    return why.text;
}

static void assert_refused(const spoke_config *config, const char *switch_name)
{
    const char *text = refusal(config, SPOKE_E_UNSUPPORTED);
    assert_int_equal(spoke_client_size(config), 0);
    if (SPOKE_WITH_SENTENCES)
        assert_non_null(strstr(text, switch_name));
}

static void hear_outcome(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client, (void)id, (void)outcome, (void)user;
}

static void hear_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client, (void)notice, (void)user;
}

static void no_lock(void *ctx)
{
    (void)ctx;
}

static void a_configuration_that_needs_what_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler property = SPOKE_ON_PROPERTY("target", on_property);
    static const spoke_handler command = SPOKE_ON_COMMAND("go", on_command);
    static const spoke_storage storage = {.struct_size = sizeof storage};
    static const spoke_encoder encoder = {.encoding = "gzip"};
    spoke_platform for_threads = f->platform;
    for_threads.lock = for_threads.unlock = no_lock;
    const struct {
        bool built;
        const char *name;
        spoke_config config;
    } rows[] = {
#define ROW(name, ...) \
    { \
        SPOKE_WITH_##name, "SPOKE_WITH_" #name, \
        { \
            __VA_ARGS__ \
        } \
    }
        ROW(DPS, .provisioning_host = "dps.local", .id_scope = "0ne0"),
        ROW(PROPERTIES, .handlers = &property, .handler_count = 1),
        ROW(COMMANDS, .handlers = &command, .handler_count = 1),
        ROW(MESSAGES, .on_message = on_message),
        ROW(STORAGE, .storage = &storage),
        ROW(BATCHES, .batch_count = 2),
        ROW(BATCHES, .encoder = &encoder),
        ROW(DROPS, .ttl_s = 60),
        ROW(DROPS, .when_full = SPOKE_FULL_DROP_OLDEST),
        ROW(STAMPS, .message_ids = true),
        ROW(LOCKS, .platform = &for_threads),
        ROW(HOSTS, .hub_host = "a.local, b.local"),
        ROW(PACE, .replay_per_s = 10),
        ROW(NOTICES, .on_sent = hear_outcome),
        ROW(NOTICES, .on_notice = hear_notice),
        ROW(SETTINGS, .keep_settings = true),
        ROW(CLOCK_HELP, .time_host = "time.local"),
        ROW(DIAGNOSTICS, .diagnostics = "spoke"),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spoke_config config = rows[i].config;
        config.struct_size = sizeof config;
        config.hub_host = config.hub_host != NULL ? config.hub_host : "hub.local";
        config.registration_id = "d";
        config.credential.primary = KEY;
        config.platform = config.platform != NULL ? config.platform : &f->platform;
        config.transport = &fake_ops;
        if (!rows[i].built)
            assert_refused(&config, rows[i].name);
    }
}

/* Although without DPS the hub is missing, too. */
static void a_device_that_needs_dps_hears_that_it_is_left_out(void **state)
{
    struct fixture *f = *state;
    spoke_config config = f->config;
    config.hub_host = NULL;
    config.provisioning_host = "dps.local";
    config.id_scope = "0ne0";
    if (!SPOKE_WITH_DPS)
        assert_refused(&config, "SPOKE_WITH_DPS");
    config.provisioning_host = NULL;
    config.hub_host = "hub.local";
    config.provisioning_payload = "{}";
    if (!SPOKE_WITH_DPS_PAYLOAD)
        assert_refused(&config, "SPOKE_WITH_DPS_PAYLOAD");
}

static void without_tls_only_plaintext_is_taken(void **state)
{
    struct fixture *f = *state;
    spoke_config config = f->config;
    config.transport = spoke_transport_native();
    if (!SPOKE_WITH_TLS)
        assert_refused(&config, "SPOKE_WITH_TLS");
    config.test_only = SPOKE_TEST_ONLY_PLAINTEXT;
    spoke_client *plain = NULL;
    assert_int_equal(spoke_client_create(&config, &plain), SPOKE_OK);
    spoke_client_destroy(plain);
}

/* What would end beyond the memory for it, or has nowhere to go, is refused by a build that looks at nothing else. */
static void a_configuration_without_a_place_in_memory_is_refused(void **state)
{
    struct fixture *f = *state;
    char id[SPOKE_MAX_ID_BYTES + 2], host[SPOKE_MAX_HOST_BYTES + 2];
    memset(id, 'i', sizeof id);
    memset(host, 'h', sizeof host);
    id[sizeof id - 1] = host[sizeof host - 1] = '\0';
    spoke_config long_id = f->config, long_host = f->config, nowhere = f->config, no_key = f->config;
    long_id.registration_id = id;
    long_host.hub_host = host;
    nowhere.hub_host = NULL;
    no_key.credential.primary = NULL;
    (void)refusal(&long_id, SPOKE_E_ARG);
    (void)refusal(&long_host, SPOKE_E_ARG);
    (void)refusal(&nowhere, SPOKE_E_ARG);
    (void)refusal(&no_key, SPOKE_E_ARG);
}

static void a_network_that_nobody_looks_at_keeps_nobody_from_connecting(void **state)
{
    struct fixture *f = *state;
    spoke_client_network(f->client, SPOKE_NETWORK_AIRPLANE);
    poll(f, 0);
    assert_int_equal(fake->opens, SPOKE_WITH_NETWORK ? 0 : 1);
}

static void a_call_that_was_left_out_says_so(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("n", 7);
    const spoke_command command = {.client = f->client, .payload = SPOKE_STR("\"0ne0\"")};
    const spoke_credential credential = {.primary = KEY};
    const spoke_delivery mortal = {.ttl_s = 60}, watched = {.id = 1};
    const spoke_dps_config custom = {
        .id_scope = SPOKE_STR("0ne0"), .registration_id = SPOKE_STR("d"), .payload = SPOKE_STR("{\"a\":1}")};
    const spoke_hub_identity module = {.device_id = SPOKE_STR("d"), .module_id = SPOKE_STR("m")};
    char scratch[SPOKE_DPS_MIN_SCRATCH_BYTES];
    spoke_buf topic = spoke_buf_from(scratch, sizeof scratch);
    spoke_dps dps;
    const spoke_outgoing message = {.body = SPOKE_STR("{}"), .ttl_s = 60};
    const spoke_outgoing watched_message = {.body = SPOKE_STR("{}"), .id = 1};
    spoke_stats stats = {.struct_size = sizeof stats};
    spoke_work work;
    uint32_t id;
    const struct {
        bool built;
        spoke_status status;
    } calls[] = {
        {SPOKE_WITH_PROPERTIES, spoke_property_report(f->client, NULL, &field, 1)},
        {SPOKE_WITH_PROPERTIES && SPOKE_WITH_DEFER,
         spoke_property_ack(f->client, NULL, "n", SPOKE_STR("7"), 1, spoke_accept())},
        {SPOKE_WITH_COMMANDS && SPOKE_WITH_DEFER, spoke_command_reply(f->client, 1, 200, SPOKE_STR("1"))},
        {SPOKE_WITH_MESSAGES, spoke_message_done(f->client, 1)},
        {SPOKE_WITH_WORK, spoke_work_begin(&command, &id)},
        {SPOKE_WITH_WORK, spoke_work_next(f->client, 0, &work)},
        {SPOKE_WITH_WORK, spoke_work_finish(f->client, 1, &field, 1)},
        {SPOKE_WITH_MOVE, spoke_client_move(f->client, "0ne1", NULL)},
        {SPOKE_WITH_RENEWAL, spoke_client_set_credential(f->client, &credential)},
        {SPOKE_WITH_RENEWAL, spoke_client_set_trust(f->client, "-")},
        {SPOKE_WITH_DROPS, spoke_telemetry_send_as(f->client, &mortal, NULL, &field, 1)},
        {SPOKE_WITH_DROPS, spoke_message_send(f->client, &message)},
        {SPOKE_WITH_NOTICES, spoke_telemetry_send_as(f->client, &watched, NULL, &field, 1)},
        {SPOKE_WITH_NOTICES, spoke_message_send(f->client, &watched_message)},
        {SPOKE_WITH_STATS, spoke_client_stats(f->client, &stats)},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (!calls[i].built)
            assert_int_equal(calls[i].status, SPOKE_E_UNSUPPORTED);
    assert_int_equal(spoke_dps_init(&dps, &custom, scratch, sizeof scratch),
                     SPOKE_WITH_DPS_PAYLOAD ? SPOKE_OK : SPOKE_E_UNSUPPORTED);
    assert_int_equal(spoke_hub_client_id(&module, &topic), SPOKE_WITH_MODULES ? SPOKE_OK : SPOKE_E_ARG);
    if (!SPOKE_WITH_MOVE)
        assert_int_equal(spoke_move_command(&command, NULL).code, 501);
}

/* --- values --- */

static spoke_status written(spoke_field field, char text[40])
{
    char room[40];
    spoke_writer w;
    spoke_str json;
    spoke_writer_init(&w, room, sizeof room);
    spoke_write_value(&w, field);
    const spoke_status status = spoke_writer_finish(&w, &json);
    snprintf(text, 40, "%.*s", (int)json.len, status == SPOKE_OK ? json.ptr : "");
    return status;
}

static void values_are_written_and_read_as_built(void **state)
{
    (void)state;
    char text[40];
    double value = 0;
    assert_ok(written(spoke_f64(NULL, 21.7), text));
    assert_string_equal(text, "21.7");
    assert_ok(written(spoke_f64(NULL, 0.1 + 0.2), text));
    assert_string_equal(text, SPOKE_WITH_EXACT_DOUBLES ? "0.30000000000000004" : "0.3");
    assert_ok(spoke_json_double(SPOKE_STR("-4.25e1"), &value));
    assert_true(value < -42.4 && value > -42.6);
    assert_int_equal(written(spoke_json(NULL, SPOKE_STR("[1,")), text),
                     SPOKE_WITH_RAW_CHECKS ? SPOKE_E_JSON : SPOKE_OK);
}

/* --- on the wire --- */

static max_align_t session_memory[4096 / sizeof(max_align_t)];

static spoke_mqtt *session_that_connects(void)
{
    const spoke_mqtt_limits limits = {.receive_bytes = 256, .send_bytes = 256, .in_flight = 2};
    spoke_mqtt *s = NULL;
    assert_ok(spoke_mqtt_init(session_memory, sizeof session_memory, &limits, &s));
    return s;
}

/* What the server says, and what the session makes of it. */
static spoke_status hears(spoke_mqtt *s, const char *bytes, size_t len, spoke_mqtt_event *event)
{
    size_t used;
    spoke_mqtt_receive(s, 0, spoke_str_from(bytes, len), &used);
    assert_int_equal(used, len);
    return spoke_mqtt_next(s, 0, event);
}

static void connect_session(spoke_mqtt *s)
{
    const spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("d"), .clean_session = !SPOKE_WITH_RESUME};
    const char connack[] = {0x20, 2, 0, 0}, resumed[] = {0x20, 2, 1, 0};
    const char *said = SPOKE_WITH_RESUME && spoke_mqtt_in_flight(s) > 0 ? resumed : connack;
    spoke_mqtt_event event;
    assert_ok(spoke_mqtt_connect(s, 0, &options));
    spoke_mqtt_sent(s, 0, spoke_mqtt_output(s).len);
    assert_ok(hears(s, said, sizeof connack, &event));
    assert_int_equal(event.kind, SPOKE_MQTT_EVENT_CONNACK);
}

static void a_session_speaks_and_hears_its_acknowledgement(void **state)
{
    (void)state;
    spoke_mqtt *s = session_that_connects();
    const spoke_str body = SPOKE_STR("{}");
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &body, .part_count = 1, .qos = 1, .token = 7};
    const char pingresp[] = {(char)0xD0, 0};
    spoke_mqtt_event event;
    uint16_t id = 0;
    connect_session(s);
    assert_ok(spoke_mqtt_publish(s, 0, &message, &id));
    spoke_mqtt_sent(s, 0, spoke_mqtt_output(s).len);
    assert_int_equal(hears(s, pingresp, sizeof pingresp, &event), SPOKE_E_AGAIN);
    const char puback[] = {0x40, 2, 0, (char)id};
    assert_ok(hears(s, puback, sizeof puback, &event));
    assert_int_equal(event.kind, SPOKE_MQTT_EVENT_PUBACK);
    assert_int_equal(event.token, 7);
    const char broken[] = {0x40, 2, 0, 0};
    assert_ok(hears(s, broken, sizeof broken, &event));
    assert_int_equal(event.status, SPOKE_E_PROTOCOL);
}

static void a_session_that_does_not_listen_says_so(void **state)
{
    (void)state;
    spoke_mqtt *s = session_that_connects();
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 1};
    const char publish[] = {0x30, 3, 0, 1, 'a'};
    spoke_mqtt_event event;
    const spoke_status as_built = SPOKE_WITH_LISTENING ? SPOKE_OK : SPOKE_E_UNSUPPORTED;
    connect_session(s);
    assert_int_equal(spoke_mqtt_subscribe(s, 0, &filter, 1, NULL), as_built);
    assert_int_equal(spoke_mqtt_unsubscribe(s, 0, &filter.filter, 1, NULL), as_built);
    assert_int_equal(spoke_mqtt_ack(s, 0, 1), SPOKE_WITH_LISTENING ? SPOKE_E_NOT_FOUND : SPOKE_E_UNSUPPORTED);
    assert_ok(hears(s, publish, sizeof publish, &event));
    assert_int_equal(event.kind, SPOKE_WITH_LISTENING ? SPOKE_MQTT_EVENT_PUBLISH : SPOKE_MQTT_EVENT_LOST);
}

static void a_session_without_resumption_begins_clean(void **state)
{
    (void)state;
    spoke_mqtt *s = session_that_connects();
    const spoke_mqtt_connect_options kept = {.client_id = SPOKE_STR("d"), .clean_session = false};
    const spoke_str body = SPOKE_STR("{}");
    spoke_mqtt_publish_options message = {.topic = SPOKE_STR("t"), .parts = &body, .part_count = 1, .qos = 1};
    spoke_mqtt_event event;
    connect_session(s);
    assert_ok(spoke_mqtt_publish(s, 0, &message, &message.packet_id));
    spoke_mqtt_lost(s, SPOKE_E_NET);
    assert_ok(spoke_mqtt_next(s, 0, &event));
    if (!SPOKE_WITH_RESUME)
        assert_int_equal(spoke_mqtt_connect(s, 0, &kept), SPOKE_E_UNSUPPORTED);
    connect_session(s);
    assert_int_equal(spoke_mqtt_in_flight(s), SPOKE_WITH_RESUME ? 1 : 0);
    assert_int_equal(spoke_mqtt_publish(s, 0, &message, NULL), SPOKE_WITH_RESUME ? SPOKE_OK : SPOKE_E_NOT_FOUND);
}

static void a_will_is_left_where_it_is_built(void **state)
{
    (void)state;
    spoke_mqtt *s = session_that_connects();
    const spoke_mqtt_will will = {.topic = SPOKE_STR("t"), .payload = SPOKE_STR("gone")};
    const spoke_mqtt_connect_options options = {.client_id = SPOKE_STR("d"), .clean_session = true, .will = &will};
    assert_int_equal(spoke_mqtt_connect(s, 0, &options), SPOKE_WITH_WILL ? SPOKE_OK : SPOKE_E_UNSUPPORTED);
}

/* --- the queue --- */

static spoke_status write_number(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    static const char filler[40] = "";
    const unsigned *number = ctx;
    *head_bytes = 0;
    const spoke_status status = spoke_buf_append(out, spoke_str_from((const char *)number, sizeof *number));
    return status == SPOKE_OK ? spoke_buf_append(out, spoke_str_from(filler, *number % sizeof filler)) : status;
}

static unsigned number_in(const struct queue_item *item)
{
    unsigned number;
    memcpy(&number, item->body.ptr, sizeof number);
    assert_int_equal(item->body.len, sizeof number + number % 40);
    return number;
}

/* Messages of all sizes, through a small memory many times over: what is taken comes out, in order. */
static void a_queue_in_memory_loses_nothing_and_keeps_the_order(void **state)
{
    (void)state;
    static max_align_t index[1024 / sizeof(max_align_t)], memory[256 / sizeof(max_align_t)];
    struct queue q;
    const struct queue_options options = {.index = index,
                                          .messages = 8,
                                          .memory = memory,
                                          .memory_bytes = sizeof memory,
                                          .telemetry_bytes = 200,
                                          .telemetry_messages = 8};
    const struct queue_filter all = {.lowest = QUEUE_LOW};
    const struct queue_message message = {.lane = QUEUE_NORMAL};
    unsigned added = 0, expected = 0;
    assert_true(queue_index_bytes(NULL, 8) <= sizeof index);
    assert_ok(queue_init(&q, &options, 0));
    for (unsigned round = 0; round < 500; round++) {
        struct queue_item item;
        uint32_t id, rest;
        while (queue_add(&q, round, &message, write_number, &added) == SPOKE_OK)
            added++;
        assert_true(queue_count(&q) > 0);
        for (unsigned i = 0; i <= round % 3 && queue_next(&q, round, &all, &item) == SPOKE_OK; i++) {
            assert_int_equal(number_in(&item), expected++);
            queue_sent(&q, item.token, 1, 1);
            assert_ok(queue_done(&q, item.token, &id, &rest));
        }
    }
    assert_true(expected > 500);
}

static void what_was_on_its_way_leaves_again(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("n", 7);
    connect_as_built(f, false);
    assert_ok(spoke_telemetry_send(f->client, NULL, &field, 1));
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    run(f, 60000);
    connect_as_built(f, SPOKE_WITH_RESUME);
    const struct sent *again = last_sent();
    assert_string_equal(again->body, "{\"n\":7}");
    assert_int_equal(spoke_client_pending(f->client), 1);
    assert_true((again->packet_id != 0) == SPOKE_WITH_RESUME);
}

static void messages_leave_by_priority_where_there_is_one(void **state)
{
    struct fixture *f = *state;
    const spoke_delivery low = {.priority = SPOKE_LOW}, high = {.priority = SPOKE_HIGH};
    const spoke_field first = spoke_i64("n", 1), second = spoke_i64("n", 2);
    assert_ok(spoke_telemetry_send_as(f->client, &low, NULL, &first, 1));
    assert_ok(spoke_telemetry_send_as(f->client, &high, NULL, &second, 1));
    connect_as_built(f, false);
    assert_string_equal(last_sent()->body, SPOKE_WITH_PRIORITIES ? "{\"n\":1}" : "{\"n\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_gets_ready_and_sends_with_what_is_built, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_client_asks_dps_where_it_is_built, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_client_comes_back_with_what_is_built, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_command_is_answered_by_its_verdict, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_deferred_command_waits_where_answers_may_come_later,
                                        set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_writable_property_is_acknowledged, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_device_asks_dps_for_its_hub, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_new_token_comes_before_the_old_one_ends, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_queued_in_an_outage_leaves_in_order, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_here_hears_is_acknowledged, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(an_error_has_status_source_number_and_a_word, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_configuration_that_needs_what_is_not_there_is_refused,
                                        set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_needs_dps_hears_that_it_is_left_out, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_tls_only_plaintext_is_taken, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_configuration_without_a_place_in_memory_is_refused, set_up_what_there_is,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_network_that_nobody_looks_at_keeps_nobody_from_connecting,
                                        set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_was_left_out_says_so, set_up_what_there_is, tear_down),
        cmocka_unit_test(values_are_written_and_read_as_built),
        cmocka_unit_test(a_session_speaks_and_hears_its_acknowledgement),
        cmocka_unit_test(a_session_that_does_not_listen_says_so),
        cmocka_unit_test(a_session_without_resumption_begins_clean),
        cmocka_unit_test(a_will_is_left_where_it_is_built),
        cmocka_unit_test(a_queue_in_memory_loses_nothing_and_keeps_the_order),
        cmocka_unit_test_setup_teardown(what_was_on_its_way_leaves_again, set_up_what_there_is, tear_down),
        cmocka_unit_test_setup_teardown(messages_leave_by_priority_where_there_is_one, set_up_what_there_is,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
