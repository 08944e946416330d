#include "system/transport_suite.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/script_broker.h"
#include "support/script_dns.h"
#include "support/shaped_platform.h"
#include "support/support.h"
#include "support/test_ca.h"

enum { ROUNDS = 4000, STEP_MS = 2, MAX_EVENTS = 4096, IN_FLIGHT = 8, SEND_BYTES = 2048, RECEIVE_BYTES = 1024 };

/* --- one transport, one broker, and all that happened --- */

struct seen {
    spoke_transport_event_kind kind;
    bool session_present, dup;
    uint8_t qos;
    uint16_t receipt;
    uint32_t token;
    size_t size;
    char topic[64], payload[RECEIVE_BYTES];
    size_t payload_len;
    spoke_error error;
};

struct fixture {
    const struct transport_kind *kind;
    const spoke_transport_ops *ops;
    struct script_dns dns;
    spoke_platform *posix;
    struct shaped_platform shaped;
    struct test_ca *ca;
    struct script_broker *broker; /* NULL: none */
    void *memory;
    spoke_transport *transport;
    const char *password;
    size_t opened; /* each owes one CLOSED */
    struct seen events[MAX_EVENTS];
    size_t count;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || !script_dns_open(&f->dns))
        return -1;
    f->kind = *state;
    f->ops = f->kind->ops();
    f->password = "secret";
    spoke_posix_options options = {.struct_size = sizeof(options), .dns_servers = f->dns.servers};
    spoke_status status = spoke_posix_create(&options, &f->posix);
    if (status == SPOKE_E_UNSUPPORTED) { /* built without c-ares */
        options.dns_servers = NULL;
        script_dns_close(&f->dns);
        status = spoke_posix_create(&options, &f->posix);
    }
    if (status != SPOKE_OK)
        return -1;
    shaped_platform_init(&f->shaped, f->posix);
    f->ca = test_ca_create("Spoke test root");
    *state = f;
    return 0;
}

static void close_transport(struct fixture *f)
{
    if (f->transport != NULL)
        f->ops->fini(f->transport);
    f->transport = NULL;
    free(f->memory);
    f->memory = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_transport(f);
    script_broker_destroy(f->broker);
    test_ca_destroy(f->ca);
    spoke_posix_destroy(f->posix);
    script_dns_close(&f->dns);
    free(f);
    return 0;
}

static void start_broker(struct fixture *f, const struct test_cert_options *options)
{
    struct test_cert cert;
    const struct test_cert_options usual = {.common_name = "localhost", .names = "localhost"};
    test_ca_issue(f->ca, options != NULL ? options : &usual, &cert);
    script_broker_destroy(f->broker);
    f->broker = script_broker_create(cert.cert_pem, cert.key_pem);
}

static void make_transport(struct fixture *f, const char *trust_pem)
{
    const spoke_transport_options options = {
        .platform = &f->shaped.platform,
        .tls = {.trust_pem = trust_pem},
        .limits = {.receive_bytes = RECEIVE_BYTES, .send_bytes = SEND_BYTES, .in_flight = IN_FLIGHT}};
    spoke_error error;
    const size_t size = f->ops->size(&options);
    assert_true(size > 0);
    f->memory = malloc(size);
    assert_non_null(f->memory);
    assert_ok(f->ops->init(f->memory, size, &options, &f->transport, &error));
}

static spoke_transport_target target_of(const struct fixture *f)
{
    const spoke_transport_target target = {.host = "localhost",
                                           .port = f->broker != NULL ? script_broker_port(f->broker) : 1,
                                           .mqtt = {.client_id = SPOKE_STR("device-1"),
                                                    .username = SPOKE_STR("user"),
                                                    .password = spoke_str_of(f->password),
                                                    .keep_alive_s = 60},
                                           .connect_limit_ms = 10000};
    return target;
}

static void copy_text(char *out, size_t cap, spoke_str text)
{
    assert_true(text.len < cap);
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static void note(struct fixture *f, const spoke_transport_event *event)
{
    assert_true(f->count < MAX_EVENTS);
    struct seen *seen = &f->events[f->count++];
    *seen = (struct seen){.kind = event->kind,
                          .session_present = event->session_present,
                          .dup = event->dup,
                          .qos = event->qos,
                          .receipt = event->receipt,
                          .token = event->token,
                          .size = event->size,
                          .payload_len = event->payload.len,
                          .error = event->error};
    copy_text(seen->topic, sizeof(seen->topic), event->topic);
    copy_text(seen->payload, sizeof(seen->payload),
              event->kind == SPOKE_TRANSPORT_SUBSCRIBED ? event->codes : event->payload);
}

/* One turn of everything. */
static void turn(struct fixture *f)
{
    spoke_transport_event event;
    if (f->broker != NULL)
        script_broker_pump(f->broker);
    f->ops->step(f->transport, STEP_MS);
    while (f->ops->next(f->transport, &event) == SPOKE_OK)
        note(f, &event);
}

static size_t count_of(const struct fixture *f, spoke_transport_event_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        count += f->events[i].kind == kind ? 1 : 0;
    return count;
}

/* The newest event of that kind. */
static const struct seen *last(const struct fixture *f, spoke_transport_event_kind kind)
{
    for (size_t i = f->count; i > 0; i--)
        if (f->events[i - 1].kind == kind)
            return &f->events[i - 1];
    fail_msg("no event of kind %d", (int)kind);
    return NULL;
}

static void await(struct fixture *f, spoke_transport_event_kind kind, size_t count)
{
    for (int i = 0; i < ROUNDS && count_of(f, kind) < count; i++)
        turn(f);
    assert_int_equal(count_of(f, kind), count);
}

static void await_packet(struct fixture *f, spoke_mqtt_type type, spoke_mqtt_packet *packet)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (script_broker_take(f->broker, packet)) {
            assert_int_equal(packet->type, type);
            return;
        }
        turn(f);
    }
    fail_msg("no packet of type %d came", (int)type);
}

static void turns(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++)
        turn(f);
}

static void open_target(struct fixture *f, const spoke_transport_target *target)
{
    assert_ok(f->ops->open(f->transport, target));
    f->opened++;
}

static void open_transport(struct fixture *f)
{
    const spoke_transport_target target = target_of(f);
    open_target(f, &target);
}

static void prepare(struct fixture *f)
{
    start_broker(f, NULL);
    make_transport(f, test_ca_pem(f->ca));
}

/* Connects, or connects again. */
static void connect_anew(struct fixture *f, bool session_present)
{
    spoke_mqtt_packet packet;
    const size_t before = count_of(f, SPOKE_TRANSPORT_CONNECTED);
    open_transport(f);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    script_broker_send_connack(f->broker, session_present, 0);
    await(f, SPOKE_TRANSPORT_CONNECTED, before + 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_CONNECTED)->session_present, session_present);
}

static void connect_fresh(struct fixture *f)
{
    prepare(f);
    connect_anew(f, false);
}

static spoke_status publish(struct fixture *f, uint32_t token, const char *payload, uint16_t *packet_id)
{
    const spoke_str part = spoke_str_of(payload);
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("devices/device-1/x"), .parts = &part, .part_count = 1, .qos = 1, .token = token};
    return f->ops->publish(f->transport, &message, packet_id);
}

static void await_closed(struct fixture *f, spoke_status status, spoke_source source)
{
    await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
    const struct seen *closed = last(f, SPOKE_TRANSPORT_CLOSED);
    assert_int_equal(closed->error.status, status);
    assert_int_equal(closed->error.source, source);
    assert_non_null(closed->error.text);
    assert_true(strlen(closed->error.text) > 0);
    turns(f, 3);
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), f->opened);
}

/* --- a usual life --- */

static void connects_publishes_and_closes(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    uint16_t id = 0;
    connect_fresh(f);
    assert_ok(publish(f, 77, "hello", &id));
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    assert_str(packet.as.publish.topic, "devices/device-1/x");
    assert_str(packet.as.publish.payload, "hello");
    assert_int_equal(packet.as.publish.qos, 1);
    assert_false(packet.as.publish.dup);
    script_broker_send_puback(f->broker, packet.packet_id);
    await(f, SPOKE_TRANSPORT_ACKED, 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_ACKED)->token, 77);
    f->ops->close(f->transport);
    await_packet(f, SPOKE_MQTT_DISCONNECT, &packet);
    script_broker_drop(f->broker, false);
    await_closed(f, SPOKE_OK, SPOKE_SOURCE_CLIENT);
}

static void connect_says_what_the_target_says(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    const spoke_mqtt_will will = {.topic = SPOKE_STR("w"), .payload = SPOKE_STR("gone"), .qos = 1, .retain = true};
    prepare(f);
    spoke_transport_target target = target_of(f);
    target.mqtt.will = &will;
    target.mqtt.clean_session = true;
    open_target(f, &target);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    assert_str(packet.as.connect.protocol, "MQTT");
    assert_int_equal(packet.as.connect.level, 4);
    assert_str(packet.as.connect.client_id, "device-1");
    assert_str(packet.as.connect.username, "user");
    assert_str(packet.as.connect.password, "secret");
    /* never more than was asked for; less where the engine needs it to notice silence in time */
    assert_in_range(packet.as.connect.keep_alive_s, f->kind->follows_clock ? 60 : 30, 60);
    assert_true(packet.as.connect.clean_session);
    assert_str(packet.as.connect.will.payload, "gone");
    assert_true(packet.as.connect.will.retain);
}

static void each_open_brings_its_own_credentials(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    connect_fresh(f);
    script_broker_drop(f->broker, false);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    char renewed[] = "renewed";
    f->password = renewed;
    open_transport(f);
    memset(renewed, 'x', sizeof(renewed) - 1); /* copied by open */
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    assert_str(packet.as.connect.password, "renewed");
}

static void the_bytes_that_pass_are_counted(void **state)
{
    struct fixture *f = *state;
    char payload[501];
    spoke_transport_counters before = {0}, after = {0};
    spoke_mqtt_packet packet;
    connect_fresh(f);
    memset(payload, 'x', 500);
    payload[500] = '\0';
    f->ops->counters(f->transport, &before);
    assert_ok(publish(f, 1, payload, NULL));
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    f->ops->counters(f->transport, &after);
    assert_in_range(after.bytes_out - before.bytes_out, 500, 700);
    script_broker_send_publish(f->broker, "t", spoke_str_of(payload), 0, 0);
    await(f, SPOKE_TRANSPORT_MESSAGE, 1);
    f->ops->counters(f->transport, &after);
    assert_in_range(after.bytes_in - before.bytes_in, 500, 700);
}

/* As many of the codes as this packet has filters: a transport may spread a request over several packets. */
static size_t answer_subscribe(struct fixture *f, const spoke_mqtt_packet *packet, const uint8_t *codes)
{
    uint8_t answer[8] = {0x90, 2, (uint8_t)(packet->packet_id >> 8), (uint8_t)packet->packet_id};
    spoke_str rest = packet->as.filters;
    spoke_mqtt_filter filter;
    size_t count = 0;
    while (spoke_mqtt_filter_next(&rest, true, &filter) == SPOKE_OK && count < sizeof(answer) - 4) {
        answer[4 + count] = codes[count];
        answer[1]++;
        count++;
    }
    script_broker_send_bytes(f->broker, answer, 4 + count);
    return count;
}

static void subscribes_and_hears_the_codes(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    const uint8_t codes[] = {1, 0x80};
    const spoke_mqtt_filter filters[] = {{SPOKE_STR("a/#"), 1}, {SPOKE_STR("b/+"), 0}};
    connect_fresh(f);
    assert_ok(f->ops->subscribe(f->transport, filters, 2));
    for (size_t answered = 0; answered < 2;) {
        await_packet(f, SPOKE_MQTT_SUBSCRIBE, &packet);
        answered += answer_subscribe(f, &packet, codes + answered);
    }
    await(f, SPOKE_TRANSPORT_SUBSCRIBED, 1);
    assert_memory_equal(last(f, SPOKE_TRANSPORT_SUBSCRIBED)->payload, "\x01\x80", 2);
}

static void messages_arrive_and_acks_leave_in_order_of_receipt(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    connect_fresh(f);
    script_broker_send_publish(f->broker, "t/0", SPOKE_STR("zero"), 0, 0);
    script_broker_send_publish(f->broker, "t/1", SPOKE_STR("one"), 1, 11);
    script_broker_send_publish(f->broker, "t/2", SPOKE_STR(""), 1, 12);
    await(f, SPOKE_TRANSPORT_MESSAGE, 3);
    const struct seen *got = &f->events[f->count - 3];
    assert_string_equal(got[0].topic, "t/0");
    assert_string_equal(got[0].payload, "zero");
    assert_int_equal(got[0].qos, 0);
    assert_string_equal(got[1].payload, "one");
    assert_int_equal(got[1].qos, 1);
    assert_int_equal(got[2].payload_len, 0);
    assert_ok(f->ops->ack(f->transport, got[2].receipt));
    assert_ok(f->ops->ack(f->transport, got[1].receipt));
    await_packet(f, SPOKE_MQTT_PUBACK, &packet);
    assert_int_equal(packet.packet_id, 11);
    await_packet(f, SPOKE_MQTT_PUBACK, &packet);
    assert_int_equal(packet.packet_id, 12);
}

/* --- every token ends once --- */

enum { TOKENS = 5 };

static void run_tokens(struct fixture *f, unsigned acked, int turns_before, bool abort_it)
{
    uint16_t ids[TOKENS];
    spoke_mqtt_packet packet;
    f->count = 0;
    connect_anew(f, false);
    for (uint32_t i = 0; i < TOKENS; i++)
        assert_ok(publish(f, 100 + i, "x", NULL));
    for (size_t i = 0; i < TOKENS; i++) {
        await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
        ids[i] = packet.packet_id;
    }
    for (size_t i = 0; i < acked; i++)
        script_broker_send_puback(f->broker, ids[i]);
    turns(f, turns_before);
    if (abort_it)
        f->ops->abort(f->transport);
    else
        f->ops->close(f->transport);
    for (int i = 0; i < ROUNDS && count_of(f, SPOKE_TRANSPORT_CLOSED) == 0; i++) {
        turn(f);
        if (script_broker_take(f->broker, &packet))
            script_broker_drop(f->broker, false); /* DISCONNECT */
    }
    turns(f, 3);
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), 1);
    assert_int_equal(f->events[f->count - 1].kind, SPOKE_TRANSPORT_CLOSED);
    for (uint32_t token = 100; token < 100 + TOKENS; token++) {
        size_t ends = 0;
        for (size_t i = 0; i < f->count; i++)
            ends += f->events[i].kind == SPOKE_TRANSPORT_ACKED && f->events[i].token == token ? 1 : 0;
        assert_true(ends <= 1);
    }
    assert_true(count_of(f, SPOKE_TRANSPORT_ACKED) <= acked);
    script_broker_drop(f->broker, false);
}

static void a_token_ends_once_whenever_the_link_is_closed(void **state)
{
    struct fixture *f = *state;
    prepare(f);
    for (unsigned acked = 0; acked <= TOKENS; acked += TOKENS)
        for (int before = 0; before <= 2; before++) {
            run_tokens(f, acked, before, false);
            run_tokens(f, acked, before, true);
        }
}

static void closing_at_any_point_of_connecting_gives_one_closed(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    for (int before = 0; before < 24; before++) {
        f->count = 0;
        open_transport(f);
        for (int i = 0; i < before; i++) {
            turn(f);
            if (script_broker_take(f->broker, &packet))
                script_broker_send_connack(f->broker, false, 0);
        }
        if (before % 2 == 0)
            f->ops->abort(f->transport);
        else
            f->ops->close(f->transport);
        for (int i = 0; i < ROUNDS && count_of(f, SPOKE_TRANSPORT_CLOSED) == 0; i++) {
            turn(f);
            if (script_broker_take(f->broker, &packet))
                script_broker_drop(f->broker, false);
        }
        assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), 1);
        assert_int_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.status, SPOKE_OK);
        script_broker_drop(f->broker, false);
    }
}

static void what_was_queued_leaves_before_disconnect(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    connect_fresh(f);
    assert_ok(publish(f, 1, "last words", NULL));
    f->ops->close(f->transport);
    assert_int_equal(publish(f, 2, "too late", NULL), SPOKE_E_STATE);
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    assert_str(packet.as.publish.payload, "last words");
    await_packet(f, SPOKE_MQTT_DISCONNECT, &packet);
}

static void nothing_is_accepted_while_closed(void **state)
{
    struct fixture *f = *state;
    const spoke_mqtt_filter filter = {SPOKE_STR("a"), 0};
    prepare(f);
    assert_int_equal(publish(f, 1, "x", NULL), SPOKE_E_STATE);
    assert_int_equal(f->ops->subscribe(f->transport, &filter, 1), SPOKE_E_STATE);
    f->ops->close(f->transport);
    f->ops->abort(f->transport);
    turns(f, 3);
    assert_int_equal(f->count, 0);
    open_transport(f);
    const spoke_transport_target again = target_of(f);
    assert_int_equal(f->ops->open(f->transport, &again), SPOKE_E_STATE);
    assert_int_equal(publish(f, 1, "x", NULL), SPOKE_E_STATE);
}

/* --- back-pressure --- */

static void a_full_window_is_told_and_opens_with_an_ack(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    connect_fresh(f);
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        assert_ok(publish(f, i, "x", NULL));
    turns(f, 3);
    assert_int_equal(publish(f, 99, "x", NULL), SPOKE_E_FULL);
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    script_broker_send_puback(f->broker, packet.packet_id);
    await(f, SPOKE_TRANSPORT_ACKED, 1);
    assert_ok(publish(f, 99, "x", NULL));
}

static void a_full_buffer_is_told_and_a_message_beyond_it_is_too_large(void **state)
{
    struct fixture *f = *state;
    char big[SEND_BYTES + 1];
    connect_fresh(f);
    memset(big, 'b', sizeof(big));
    big[SEND_BYTES] = '\0';
    assert_int_equal(publish(f, 1, big, NULL), SPOKE_E_TOO_LARGE);
    big[SEND_BYTES / 2 - 64] = '\0';
    script_broker_swallow(f->broker, true);
    spoke_status status = SPOKE_OK;
    for (uint32_t i = 0; i < IN_FLIGHT && status == SPOKE_OK; i++)
        status = publish(f, i, big, NULL); /* without a step nothing leaves */
    assert_int_equal(status, SPOKE_E_FULL);
}

/* --- sessions --- */

static void what_was_in_flight_is_repeated_under_its_id(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    uint16_t id = 0;
    connect_fresh(f);
    assert_ok(publish(f, 5, "again", &id));
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    script_broker_drop(f->broker, true);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    if (id == 0)
        skip(); /* this transport cannot */
    assert_int_equal(id, packet.packet_id);
    connect_anew(f, true);
    const spoke_str part = SPOKE_STR("again");
    const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("devices/device-1/x"),
                                                .parts = &part,
                                                .part_count = 1,
                                                .qos = 1,
                                                .token = 5,
                                                .packet_id = id};
    uint16_t same = 0;
    assert_ok(f->ops->publish(f->transport, &message, &same));
    assert_int_equal(same, id);
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    assert_int_equal(packet.packet_id, id);
    assert_true(packet.as.publish.dup);
    script_broker_send_puback(f->broker, id);
    await(f, SPOKE_TRANSPORT_ACKED, 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_ACKED)->token, 5);
}

static void repeats_of_a_full_window_leave_as_they_are_given(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    uint16_t ids[IN_FLIGHT] = {0};
    connect_fresh(f);
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        assert_ok(publish(f, i, "again", &ids[i]));
    turns(f, 3);
    script_broker_drop(f->broker, true);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    if (ids[0] == 0)
        skip(); /* this transport cannot */
    connect_anew(f, true);
    const spoke_str part = SPOKE_STR("again");
    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("devices/device-1/x"),
                                                    .parts = &part,
                                                    .part_count = 1,
                                                    .qos = 1,
                                                    .token = i,
                                                    .packet_id = ids[i]};
        assert_ok(f->ops->publish(f->transport, &message, NULL));
    }
    assert_int_equal(publish(f, IN_FLIGHT, "new", NULL), SPOKE_E_FULL); /* it takes no repeat's place */
    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
        assert_int_equal(packet.packet_id, ids[i]);
        assert_true(packet.as.publish.dup);
    }
}

static void without_a_session_the_window_is_free_again(void **state)
{
    struct fixture *f = *state;
    connect_fresh(f);
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        assert_ok(publish(f, i, "x", NULL));
    turns(f, 3);
    script_broker_drop(f->broker, true);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    connect_anew(f, false);
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        assert_ok(publish(f, i, "x", NULL));
}

/* --- refusals and failures --- */

static void each_refusal_is_told_with_its_code(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    for (uint8_t code = 1; code <= 5; code++) {
        open_transport(f);
        await_packet(f, SPOKE_MQTT_CONNECT, &packet);
        script_broker_send_connack(f->broker, false, code);
        await_closed(f, SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT);
        assert_int_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.detail, code);
        script_broker_drop(f->broker, false);
    }
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_CONNECTED), 0);
}

static void a_lost_connection_is_told(void **state)
{
    struct fixture *f = *state;
    connect_fresh(f);
    script_broker_drop(f->broker, true);
    await_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
    connect_anew(f, false);
    script_broker_drop(f->broker, false);
    await_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
}

static void what_came_before_the_loss_is_handed_out_first(void **state)
{
    struct fixture *f = *state;
    connect_fresh(f);
    script_broker_send_publish(f->broker, "t", SPOKE_STR("last"), 0, 0);
    script_broker_pump(f->broker);
    script_broker_drop(f->broker, false);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    assert_string_equal(last(f, SPOKE_TRANSPORT_MESSAGE)->payload, "last");
    assert_int_equal(f->events[f->count - 1].kind, SPOKE_TRANSPORT_CLOSED);
}

static void a_connection_closed_instead_of_connack_is_told(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    open_transport(f);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    script_broker_drop(f->broker, false);
    await_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
}

static void bytes_that_are_not_mqtt_end_the_connection(void **state)
{
    struct fixture *f = *state;
    static const uint8_t long_length[] = {0x30, 0xff, 0xff, 0xff, 0xff, 0x7f};
    connect_fresh(f);
    script_broker_send_bytes(f->broker, long_length, sizeof(long_length));
    if (f->kind->tells_causes)
        await_closed(f, SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT);
    else
        await_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
}

static void an_oversize_message_is_skipped_and_told(void **state)
{
    struct fixture *f = *state;
    static const char big[3 * RECEIVE_BYTES];
    spoke_mqtt_packet packet;
    connect_fresh(f);
    script_broker_send_publish(f->broker, "big", spoke_str_from(big, sizeof(big)), 1, 21);
    script_broker_send_publish(f->broker, "small", SPOKE_STR("after"), 0, 0);
    await(f, SPOKE_TRANSPORT_MESSAGE, 1);
    const struct seen *over = last(f, SPOKE_TRANSPORT_OVERSIZE);
    assert_true(over->size > sizeof(big));
    assert_string_equal(over->topic, "big");
    assert_string_equal(last(f, SPOKE_TRANSPORT_MESSAGE)->payload, "after");
    assert_ok(f->ops->ack(f->transport, over->receipt));
    await_packet(f, SPOKE_MQTT_PUBACK, &packet);
    assert_int_equal(packet.packet_id, 21);
}

/* Half a second of grace for those that keep their own time. */
static void pass_time(struct fixture *f, uint32_t ms)
{
    if (f->kind->follows_clock) {
        f->shaped.ahead_ms += ms;
        turns(f, 2);
        return;
    }
    const spoke_platform *clock = spoke_platform_posix();
    const uint64_t until = clock->monotonic_ms(clock->ctx) + ms + 500;
    while (clock->monotonic_ms(clock->ctx) < until)
        turn(f);
}

static void a_silent_peer_is_noticed_within_one_and_a_half_keep_alives(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    spoke_transport_target target = target_of(f);
    target.mqtt.keep_alive_s = f->kind->follows_clock ? 1000 : 1;
    const uint32_t keep_alive_ms = target.mqtt.keep_alive_s * 1000u;
    open_target(f, &target);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    script_broker_send_connack(f->broker, false, 0);
    await(f, SPOKE_TRANSPORT_CONNECTED, 1);
    assert_ok(publish(f, 9, "unheard", NULL));
    turns(f, 3);
    script_broker_swallow(f->broker, true);
    pass_time(f, keep_alive_ms);
    if (f->kind->follows_clock) {
        pass_time(f, keep_alive_ms * 4 / 10);
        assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), 0);
    }
    pass_time(f, keep_alive_ms / 10 + 1);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.status, SPOKE_E_TIMEOUT);
}

/* With nothing of ours unanswered, only pings can tell. */
static void an_idle_peer_that_fell_silent_is_noticed_within_one_and_a_half_keep_alives(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    spoke_transport_target target = target_of(f);
    target.mqtt.keep_alive_s = f->kind->follows_clock ? 1000 : 4;
    const uint32_t limit_ms = target.mqtt.keep_alive_s * 1500u;
    open_target(f, &target);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    script_broker_send_connack(f->broker, false, 0);
    await(f, SPOKE_TRANSPORT_CONNECTED, 1);
    script_broker_swallow(f->broker, true);
    const uint64_t begun = f->shaped.platform.monotonic_ms(f->shaped.platform.ctx);
    while (count_of(f, SPOKE_TRANSPORT_CLOSED) == 0 &&
           f->shaped.platform.monotonic_ms(f->shaped.platform.ctx) - begun < 3ull * limit_ms) {
        if (f->kind->follows_clock)
            f->shaped.ahead_ms += 1000;
        turn(f);
    }
    const uint64_t took = f->shaped.platform.monotonic_ms(f->shaped.platform.ctx) - begun;
    print_message("idle silence: noticed after %llu of %u ms\n", (unsigned long long)took, (unsigned)limit_ms);
    assert_in_range(took, limit_ms / 3, limit_ms + 2000);
}

static void a_peer_that_answers_pings_stays(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    static const uint8_t pong[] = {0xd0, 0};
    if (!f->kind->follows_clock)
        skip();
    connect_fresh(f);
    for (int i = 0; i < 5; i++) {
        pass_time(f, 60000);
        await_packet(f, SPOKE_MQTT_PINGREQ, &packet);
        script_broker_send_bytes(f->broker, pong, sizeof(pong));
        turns(f, 3);
    }
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), 0);
}

/* The kernel accepts; nobody answers. */
static void a_black_hole_is_given_up_at_the_limit(void **state)
{
    struct fixture *f = *state;
    prepare(f);
    script_broker_swallow(f->broker, true);
    spoke_transport_target target = target_of(f);
    target.connect_limit_ms = f->kind->follows_clock ? 10000 : 1000;
    open_target(f, &target);
    turns(f, 20);
    assert_int_equal(f->count, 0);
    pass_time(f, target.connect_limit_ms);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.status, SPOKE_E_TIMEOUT);
}

static void a_connack_that_never_comes_is_given_up_at_the_limit(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    spoke_transport_target target = target_of(f);
    target.connect_limit_ms = f->kind->follows_clock ? 10000 : 1000;
    open_target(f, &target);
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    pass_time(f, target.connect_limit_ms);
    await_closed(f, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT);
}

static void a_closed_port_is_told(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    make_transport(f, test_ca_pem(f->ca));
    spoke_transport_target target = target_of(f);
    target.port = ntohs(address.sin_port);
    open_target(f, &target);
    await_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
    close(fd);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
    struct fixture *f = *state;
    if (!f->kind->uses_net || f->dns.fd < 0)
        skip();
    make_transport(f, test_ca_pem(f->ca));
    spoke_transport_target target = target_of(f);
    target.host = "no-such-hub.example.";
    open_target(f, &target);
    for (int i = 0; i < ROUNDS && f->count == 0; i++) {
        script_dns_serve(&f->dns, SCRIPT_DNS_NXDOMAIN);
        turn(f);
    }
    assert_int_equal(f->count, 1);
    assert_int_equal(f->events[0].kind, SPOKE_TRANSPORT_CLOSED);
    assert_int_equal(f->events[0].error.status, SPOKE_E_DNS);
}

static void a_silent_name_server_neither_blocks_nor_outlasts_the_limit(void **state)
{
    struct fixture *f = *state;
    const spoke_platform *clock = spoke_platform_posix();
    if (!f->kind->uses_net || f->dns.fd < 0)
        skip();
    make_transport(f, test_ca_pem(f->ca));
    spoke_transport_target target = target_of(f);
    target.host = "hub.example.";
    open_target(f, &target);
    const uint64_t before = clock->monotonic_ms(clock->ctx);
    turns(f, 20);
    assert_true(clock->monotonic_ms(clock->ctx) - before < 1500);
    assert_int_equal(f->count, 0);
    pass_time(f, 10000);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    assert_int_equal(f->events[0].error.status, SPOKE_E_TIMEOUT);
}

/* --- certificates --- */

static void refuse_certificate(struct fixture *f, const struct test_cert_options *options, const char *trust_pem)
{
    spoke_mqtt_packet packet;
    start_broker(f, options);
    make_transport(f, trust_pem);
    open_transport(f);
    await(f, SPOKE_TRANSPORT_CLOSED, 1);
    const spoke_error error = last(f, SPOKE_TRANSPORT_CLOSED)->error;
    if (f->kind->tells_causes)
        assert_int_equal(error.status, SPOKE_E_CERTIFICATE);
    else
        assert_true(error.status == SPOKE_E_CERTIFICATE || error.status == SPOKE_E_TLS);
    assert_int_equal(error.source, SPOKE_SOURCE_TLS);
    assert_true(strlen(error.text) > 0);
    turns(f, 3);
    assert_false(script_broker_take(f->broker, &packet)); /* above all no password */
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "other.example", .names = "other.example"};
    refuse_certificate(f, &options, test_ca_pem(f->ca));
}

static void an_expired_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "localhost",
                                              .names = "localhost",
                                              .not_before = "20200101000000",
                                              .not_after = "20210101000000"};
    refuse_certificate(f, &options, test_ca_pem(f->ca));
}

static void a_certificate_of_the_future_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "localhost",
                                              .names = "localhost",
                                              .not_before = "20890101000000",
                                              .not_after = "20900101000000"};
    refuse_certificate(f, &options, test_ca_pem(f->ca));
}

static void a_certificate_of_an_unknown_issuer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other = test_ca_create("Another root");
    refuse_certificate(f, NULL, test_ca_pem(other));
    test_ca_destroy(other);
}

/* --- fragments, threads --- */

static void single_bytes_both_ways_change_nothing(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    prepare(f);
    f->shaped.chunk = f->kind->uses_net ? 1 : 0;
    script_broker_split(f->broker, 1);
    connect_anew(f, false);
    assert_ok(publish(f, 3, "fragile", NULL));
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    assert_str(packet.as.publish.payload, "fragile");
    script_broker_send_puback(f->broker, packet.packet_id);
    script_broker_send_publish(f->broker, "t", SPOKE_STR("in pieces"), 1, 300);
    await(f, SPOKE_TRANSPORT_ACKED, 1);
    await(f, SPOKE_TRANSPORT_MESSAGE, 1);
    assert_string_equal(last(f, SPOKE_TRANSPORT_MESSAGE)->payload, "in pieces");
    assert_ok(f->ops->ack(f->transport, last(f, SPOKE_TRANSPORT_MESSAGE)->receipt));
    await_packet(f, SPOKE_MQTT_PUBACK, &packet);
}

static void *wake_transport(void *user)
{
    const struct fixture *f = user;
    f->ops->wake(f->transport);
    return NULL;
}

static void another_thread_ends_the_sleep(void **state)
{
    struct fixture *f = *state;
    const spoke_platform *clock = spoke_platform_posix();
    pthread_t thread;
    connect_fresh(f);
    turns(f, 3);
    const uint64_t before = clock->monotonic_ms(clock->ctx);
    assert_int_equal(pthread_create(&thread, NULL, wake_transport, f), 0);
    f->ops->step(f->transport, 20000);
    pthread_join(thread, NULL);
    assert_true(clock->monotonic_ms(clock->ctx) - before < 10000);
}

static void a_quiet_step_sleeps_its_limit_and_no_longer(void **state)
{
    struct fixture *f = *state;
    const spoke_platform *clock = spoke_platform_posix();
    connect_fresh(f);
    turns(f, 10);
    const uint64_t before = clock->monotonic_ms(clock->ctx);
    f->ops->step(f->transport, 50);
    const uint64_t slept = clock->monotonic_ms(clock->ctx) - before;
    assert_true(slept >= 40 && slept < 2000);
}

/* A loop of the application's own knows the descriptor and next_ms, nothing else. */
static void foreign_turn(struct fixture *f, unsigned *idle)
{
    spoke_transport_event event;
    const uint32_t due = f->ops->next_ms(f->transport);
    struct pollfd ready = {.fd = f->ops->fd(f->transport), .events = POLLIN};
    script_broker_pump(f->broker);
    const int limit = due < 5 ? (int)due : 5;
    if (poll(&ready, 1, limit) == 0 && due > 5)
        return; /* nothing to do: no step */
    const size_t before = f->count;
    f->ops->step(f->transport, 0);
    while (f->ops->next(f->transport, &event) == SPOKE_OK)
        note(f, &event);
    *idle += f->count == before ? 1 : 0;
}

static void a_foreign_loop_needs_only_the_descriptor_and_next_ms(void **state)
{
    struct fixture *f = *state;
    spoke_mqtt_packet packet;
    unsigned idle = 0, answered = 0;
    prepare(f);
    if (f->ops->fd(f->transport) < 0)
        skip();
    open_transport(f);
    for (int i = 0; i < ROUNDS && count_of(f, SPOKE_TRANSPORT_ACKED) < 20; i++) {
        foreign_turn(f, &idle);
        if (count_of(f, SPOKE_TRANSPORT_CONNECTED) == 1 && count_of(f, SPOKE_TRANSPORT_ACKED) == answered)
            answered += publish(f, answered, "x", NULL) == SPOKE_OK ? 1 : 0;
        while (script_broker_take(f->broker, &packet)) {
            if (packet.type == SPOKE_MQTT_CONNECT)
                script_broker_send_connack(f->broker, false, 0);
            else
                script_broker_send_puback(f->broker, packet.packet_id);
        }
    }
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_ACKED), 20);
    f->ops->wake(f->transport);
    idle = 0;
    for (int i = 0; i < 40; i++)
        foreign_turn(f, &idle);
    assert_in_range(idle, 1, 4); /* the wake gives a turn, silence none */
}

static void many_messages_pass_and_none_ends_twice(void **state)
{
    struct fixture *f = *state;
    enum { MESSAGES = 1000 };
    uint8_t ends[MESSAGES] = {0};
    spoke_mqtt_packet packet;
    uint32_t next = 0;
    connect_fresh(f);
    for (int i = 0; i < 20 * ROUNDS && count_of(f, SPOKE_TRANSPORT_ACKED) < MESSAGES; i++) {
        while (next < MESSAGES && publish(f, next, "0123456789", NULL) == SPOKE_OK)
            next++;
        turn(f);
        while (script_broker_take(f->broker, &packet))
            script_broker_send_puback(f->broker, packet.packet_id);
    }
    for (size_t i = 0; i < f->count; i++)
        if (f->events[i].kind == SPOKE_TRANSPORT_ACKED)
            ends[f->events[i].token]++;
    for (size_t i = 0; i < MESSAGES; i++)
        assert_int_equal(ends[i], 1);
}

/* --- against mosquitto --- */

struct mosquitto {
    char folder[64];
    uint16_t port;
    pid_t pid;
};

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void mosquitto_start(struct mosquitto *m, struct test_ca *ca)
{
    char config[512], path[128];
    struct test_cert cert;
    const struct test_cert_options options = {.common_name = "localhost", .names = "localhost"};
    test_ca_issue(ca, &options, &cert);
    snprintf(m->folder, sizeof(m->folder), "/tmp/spoke-mosquitto-XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    assert_int_equal(chmod(m->folder, 0755), 0); /* it gives up its rights before it reads the key */
    m->port = free_port();
    write_text(m->folder, "cert.pem", cert.cert_pem);
    write_text(m->folder, "key.pem", cert.key_pem);
    snprintf(config, sizeof(config),
             "listener %u 127.0.0.1\ncertfile %s/cert.pem\nkeyfile %s/key.pem\nallow_anonymous true\n"
             "log_type none\n",
             (unsigned)m->port, m->folder, m->folder);
    write_text(m->folder, "mosquitto.conf", config);
    snprintf(path, sizeof(path), "%s/mosquitto.conf", m->folder);
    m->pid = fork();
    assert_true(m->pid >= 0);
    if (m->pid == 0) {
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
}

static void mosquitto_stop(const struct mosquitto *m)
{
    static const char *const names[] = {"cert.pem", "key.pem", "mosquitto.conf"};
    char path[128];
    kill(m->pid, SIGTERM);
    waitpid(m->pid, NULL, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", m->folder, names[i]);
        unlink(path);
    }
    rmdir(m->folder);
}

/* Until it listens. */
static bool connect_mosquitto(struct fixture *f, uint16_t port)
{
    spoke_transport_target target = target_of(f);
    target.port = port;
    target.mqtt.clean_session = true;
    for (int attempt = 0; attempt < 100; attempt++) {
        f->count = 0;
        if (f->ops->open(f->transport, &target) != SPOKE_OK)
            return false;
        for (int i = 0; i < ROUNDS && f->count == 0; i++)
            turn(f);
        if (count_of(f, SPOKE_TRANSPORT_CONNECTED) == 1)
            return true;
        usleep(50000); /* another process: there is no clock of ours to turn */
    }
    return false;
}

static void speaks_with_mosquitto(void **state)
{
    struct fixture *f = *state;
    struct mosquitto m;
    enum { MESSAGES = 500 };
    const spoke_mqtt_filter filter = {SPOKE_STR("devices/device-1/#"), 1};
    if (access("/usr/sbin/mosquitto", X_OK) != 0) {
        print_message("mosquitto is not installed: this test is left out\n");
        skip();
    }
    make_transport(f, test_ca_pem(f->ca));
    mosquitto_start(&m, f->ca);
    const bool connected = connect_mosquitto(f, m.port);
    uint32_t next = 0;
    size_t acknowledged = 0;
    if (connected && f->ops->subscribe(f->transport, &filter, 1) == SPOKE_OK)
        for (int i = 0; i < 10 * ROUNDS && count_of(f, SPOKE_TRANSPORT_MESSAGE) < MESSAGES; i++) {
            const bool listening = count_of(f, SPOKE_TRANSPORT_SUBSCRIBED) == 1;
            while (listening && next < MESSAGES && publish(f, next, "echo", NULL) == SPOKE_OK)
                next++;
            turn(f);
            for (; acknowledged < f->count; acknowledged++)
                if (f->events[acknowledged].kind == SPOKE_TRANSPORT_MESSAGE)
                    (void)f->ops->ack(f->transport, f->events[acknowledged].receipt);
        }
    f->ops->close(f->transport);
    for (int i = 0; i < ROUNDS && count_of(f, SPOKE_TRANSPORT_CLOSED) == 0; i++)
        turn(f);
    mosquitto_stop(&m);
    assert_true(connected);
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_MESSAGE), MESSAGES);
    assert_true(count_of(f, SPOKE_TRANSPORT_ACKED) <= MESSAGES);
    assert_int_equal(count_of(f, SPOKE_TRANSPORT_CLOSED), 1);
    assert_int_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.status, SPOKE_OK);
}

/* --- other trust, other identity --- */

#define ENDS_2090 INT64_C(3786912000) /* of what test_ca makes */

static spoke_status take(struct fixture *f, const char *trust_pem)
{
    spoke_error why = {SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, NULL};
    const spoke_tls_options tls = {.trust_pem = trust_pem};
    const spoke_status status = f->ops->credentials(f->transport, trust_pem != NULL ? &tls : NULL, &why);
    assert_int_equal(why.status, status);
    assert_non_null(why.text);
    return status;
}

static void serve_from(struct fixture *f, struct test_ca *ca)
{
    static struct test_cert cert;
    test_ca_issue(ca, &(struct test_cert_options){.common_name = "localhost", .names = "localhost"}, &cert);
    script_broker_serve(f->broker, cert.cert_pem, cert.key_pem);
    await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
}

static void other_trust_counts_from_the_next_open(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other = test_ca_create("Spoke other root");
    spoke_mqtt_packet packet;
    connect_fresh(f);
    assert_ok(take(f, test_ca_pem(other)));
    assert_ok(publish(f, 1, "over the link as it is", NULL));
    await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
    serve_from(f, other);
    connect_anew(f, false);
    assert_ok(take(f, NULL));
    serve_from(f, f->ca);
    open_transport(f);
    await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
    assert_int_not_equal(last(f, SPOKE_TRANSPORT_CLOSED)->error.status, SPOKE_OK);
    close_transport(f);
    test_ca_destroy(other);
}

static void former_trust_comes_back(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other = test_ca_create("Spoke other root");
    connect_fresh(f);
    for (int i = 0; i < 2; i++) {
        assert_ok(take(f, test_ca_pem(other)));
        script_broker_drop(f->broker, false);
        await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
        open_transport(f);
        await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
        const spoke_status status = last(f, SPOKE_TRANSPORT_CLOSED)->error.status;
        assert_true(status == SPOKE_E_CERTIFICATE || (status == SPOKE_E_TLS && !f->kind->tells_causes));
        assert_ok(take(f, test_ca_pem(f->ca)));
        assert_ok(take(f, NULL));
        connect_anew(f, false);
    }
    close_transport(f);
    test_ca_destroy(other);
}

static void only_two_sets_of_credentials_are_kept(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other = test_ca_create("Spoke other root"), *third = test_ca_create("Spoke third root");
    connect_fresh(f);
    assert_ok(take(f, NULL)); /* none are kept: fine */
    assert_ok(take(f, test_ca_pem(other)));
    assert_int_equal(take(f, test_ca_pem(third)), SPOKE_E_STATE);
    assert_int_equal(take(f, NULL), SPOKE_E_STATE); /* the link lives on them */
    script_broker_drop(f->broker, false);
    await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
    assert_ok(take(f, NULL));
    assert_ok(take(f, test_ca_pem(third)));
    assert_ok(take(f, test_ca_pem(other)));
    assert_ok(take(f, NULL));
    serve_from(f, other);
    connect_anew(f, false);
    close_transport(f);
    test_ca_destroy(other);
    test_ca_destroy(third);
}

static void credentials_that_cannot_be_read_change_nothing(void **state)
{
    struct fixture *f = *state;
    struct test_cert cert;
    spoke_error why;
    connect_fresh(f);
    test_ca_issue(f->ca, &(struct test_cert_options){.common_name = "device-1"}, &cert);
    const spoke_tls_options wrong[] = {
        {.trust_pem = "no PEM"},
        {.trust_pem = test_ca_pem(f->ca), .client_cert_pem = cert.cert_pem, .client_key_pem = "no PEM"},
        {.trust_pem = test_ca_pem(f->ca), .client_cert_pem = cert.cert_pem}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(f->ops->credentials(f->transport, &wrong[i], &why),
                         i < 2 ? SPOKE_E_CERTIFICATE : SPOKE_E_ARG);
    script_broker_drop(f->broker, false);
    await(f, SPOKE_TRANSPORT_CLOSED, f->opened);
    connect_anew(f, false);
}

static void ends_of_validity_are_told(void **state)
{
    struct fixture *f = *state;
    struct test_cert cert;
    spoke_expiry ends;
    spoke_error why;
    prepare(f);
    f->ops->expiry(f->transport, &ends);
    assert_true(ends.trust == ENDS_2090 && ends.client_cert == 0 && ends.server == 0);
    connect_anew(f, false);
    f->ops->expiry(f->transport, &ends);
    assert_true(ends.server == (f->kind->tells_causes ? ENDS_2090 : 0));
    test_ca_issue(f->ca, &(struct test_cert_options){.common_name = "device-1", .not_after = "20280229235959"},
                  &cert);
    const spoke_tls_options tls = {
        .trust_pem = test_ca_pem(f->ca), .client_cert_pem = cert.cert_pem, .client_key_pem = cert.key_pem};
    assert_ok(f->ops->credentials(f->transport, &tls, &why));
    f->ops->expiry(f->transport, &ends);
    assert_true(ends.client_cert == INT64_C(1835481599));
    close_transport(f);
}

#define CASE(name) \
    { \
#name, name, setup, teardown, NULL \
    }

int transport_suite_run(const struct transport_kind *kind)
{
    struct CMUnitTest tests[] = {
        CASE(connects_publishes_and_closes),
        CASE(connect_says_what_the_target_says),
        CASE(each_open_brings_its_own_credentials),
        CASE(the_bytes_that_pass_are_counted),
        CASE(subscribes_and_hears_the_codes),
        CASE(messages_arrive_and_acks_leave_in_order_of_receipt),
        CASE(a_token_ends_once_whenever_the_link_is_closed),
        CASE(closing_at_any_point_of_connecting_gives_one_closed),
        CASE(what_was_queued_leaves_before_disconnect),
        CASE(nothing_is_accepted_while_closed),
        CASE(a_full_window_is_told_and_opens_with_an_ack),
        CASE(a_full_buffer_is_told_and_a_message_beyond_it_is_too_large),
        CASE(what_was_in_flight_is_repeated_under_its_id),
        CASE(repeats_of_a_full_window_leave_as_they_are_given),
        CASE(without_a_session_the_window_is_free_again),
        CASE(each_refusal_is_told_with_its_code),
        CASE(a_lost_connection_is_told),
        CASE(what_came_before_the_loss_is_handed_out_first),
        CASE(a_connection_closed_instead_of_connack_is_told),
        CASE(bytes_that_are_not_mqtt_end_the_connection),
        CASE(an_oversize_message_is_skipped_and_told),
        CASE(a_silent_peer_is_noticed_within_one_and_a_half_keep_alives),
        CASE(an_idle_peer_that_fell_silent_is_noticed_within_one_and_a_half_keep_alives),
        CASE(a_peer_that_answers_pings_stays),
        CASE(a_black_hole_is_given_up_at_the_limit),
        CASE(a_connack_that_never_comes_is_given_up_at_the_limit),
        CASE(a_closed_port_is_told),
        CASE(a_name_that_does_not_exist_is_told),
        CASE(a_silent_name_server_neither_blocks_nor_outlasts_the_limit),
        CASE(a_certificate_for_another_name_is_refused),
        CASE(an_expired_certificate_is_refused),
        CASE(a_certificate_of_the_future_is_refused),
        CASE(a_certificate_of_an_unknown_issuer_is_refused),
        CASE(other_trust_counts_from_the_next_open),
        CASE(former_trust_comes_back),
        CASE(only_two_sets_of_credentials_are_kept),
        CASE(credentials_that_cannot_be_read_change_nothing),
        CASE(ends_of_validity_are_told),
        CASE(single_bytes_both_ways_change_nothing),
        CASE(another_thread_ends_the_sleep),
        CASE(a_quiet_step_sleeps_its_limit_and_no_longer),
        CASE(a_foreign_loop_needs_only_the_descriptor_and_next_ms),
        CASE(many_messages_pass_and_none_ends_twice),
        CASE(speaks_with_mosquitto),
    };
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tests[i].initial_state = (void *)(uintptr_t)kind;
    return _cmocka_run_group_tests(kind->ops()->name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
