/* What is paho's alone; what all transports promise stands in transport_suite.c. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/script_broker.h"
#include "support/shaped_platform.h"
#include "support/support.h"
#include "support/test_ca.h"
#include "system/transport_suite.h"

#ifdef SPOKE_HAVE_PAHO

enum { ROUNDS = 4000, STEP_MS = 2, IN_FLIGHT = 8, RECEIVE_BYTES = 256 };

struct fixture {
    const spoke_transport_ops *ops;
    struct shaped_platform shaped;
    struct test_ca *ca;
    struct test_cert cert;
    struct script_broker *broker;
    spoke_tls_options tls;
    const struct spoke_trust *trust;
    void *memory;
    spoke_transport *transport;
    size_t connected, closed, subscribed, messages, other;
    spoke_error why;
    uint8_t code;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    f->ops = spoke_transport_paho();
    shaped_platform_init(&f->shaped, spoke_platform_posix());
    f->ca = test_ca_create("Spoke test root");
    const struct test_cert_options options = {.common_name = "localhost", .names = "localhost"};
    test_ca_issue(f->ca, &options, &f->cert);
    f->tls.trust_pem = test_ca_pem(f->ca);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->transport != NULL)
        f->ops->fini(f->transport);
    free(f->memory);
    script_broker_destroy(f->broker);
    test_ca_destroy(f->ca);
    free(f);
    return 0;
}

static spoke_status init(struct fixture *f)
{
    const spoke_transport_options options = {.platform = &f->shaped.platform,
                                             .tls = f->tls,
                                             .trust = f->trust,
                                             .limits = {.receive_bytes = RECEIVE_BYTES, .in_flight = IN_FLIGHT}};
    const size_t size = f->ops->size(&options);
    assert_true(size > 0);
    free(f->memory);
    f->memory = malloc(size);
    assert_non_null(f->memory);
    assert_int_equal(f->ops->init(f->memory, size - 1, &options, &f->transport, &f->why), SPOKE_E_NO_MEMORY);
    const spoke_status status = f->ops->init(f->memory, size, &options, &f->transport, &f->why);
    assert_int_equal(f->why.status, status);
    assert_true(strlen(f->why.text) > 0);
    return status;
}

static void open_to(struct fixture *f, const char *host)
{
    const spoke_transport_target target = {.host = host,
                                           .port = script_broker_port(f->broker),
                                           .mqtt = {.client_id = SPOKE_STR("device-1"), .keep_alive_s = 60},
                                           .connect_limit_ms = 10000};
    assert_ok(f->ops->open(f->transport, &target));
}

static void count(struct fixture *f, const spoke_transport_event *event)
{
    switch (event->kind) {
    case SPOKE_TRANSPORT_CONNECTED:
        f->connected++;
        break;
    case SPOKE_TRANSPORT_CLOSED:
        f->closed++;
        f->why = event->error;
        break;
    case SPOKE_TRANSPORT_SUBSCRIBED:
        f->subscribed++;
        f->code = (uint8_t)event->codes.ptr[0];
        break;
    case SPOKE_TRANSPORT_MESSAGE:
        f->messages++;
        break;
    case SPOKE_TRANSPORT_ACKED:
    case SPOKE_TRANSPORT_OVERSIZE:
        f->other++;
        break;
    }
}

static void turn(struct fixture *f, bool take)
{
    spoke_transport_event event;
    script_broker_pump(f->broker);
    f->ops->step(f->transport, take ? STEP_MS : 0);
    while (take && f->ops->next(f->transport, &event) == SPOKE_OK)
        count(f, &event);
}

static void await(struct fixture *f, const size_t *counter, size_t wanted)
{
    for (int i = 0; i < ROUNDS && *counter < wanted; i++)
        turn(f, true);
    assert_int_equal(*counter, wanted);
}

static void await_packet(struct fixture *f, spoke_mqtt_type type, spoke_mqtt_packet *packet)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (script_broker_take(f->broker, packet)) {
            assert_int_equal(packet->type, type);
            return;
        }
        turn(f, true);
    }
    fail_msg("no packet of type %d came", (int)type);
}

static void start_broker(struct fixture *f, bool tls)
{
    f->broker = script_broker_create(tls ? f->cert.cert_pem : NULL, tls ? f->cert.key_pem : NULL);
}

static void connect_open(struct fixture *f)
{
    spoke_mqtt_packet packet;
    await_packet(f, SPOKE_MQTT_CONNECT, &packet);
    script_broker_send_connack(f->broker, false, 0);
    await(f, &f->connected, f->connected + 1);
}

static void connect_fresh(struct fixture *f)
{
    start_broker(f, (f->tls.test_only & SPOKE_TEST_ONLY_PLAINTEXT) == 0);
    assert_ok(init(f));
    open_to(f, "localhost");
    connect_open(f);
}

/* --- mistakes that show at init --- */

static void a_missing_trust_file_shows_at_init(void **state)
{
    struct fixture *f = *state;
    f->tls = (spoke_tls_options){.trust_file = "/nonexistent/ca.pem"};
    assert_int_equal(init(f), SPOKE_E_NOT_FOUND);
}

static void trust_that_is_not_pem_shows_at_init(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"", "not PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n",
                                        "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        f->tls.trust_pem = wrong[i];
        assert_int_equal(init(f), SPOKE_E_CERTIFICATE);
    }
    f->tls = (spoke_tls_options){.trust_file = "/"};
    assert_int_equal(init(f), SPOKE_E_CERTIFICATE);
}

static void trust_that_is_shared_is_refused(void **state)
{
    struct fixture *f = *state;
    f->trust = (const struct spoke_trust *)f; /* nobody looks into it */
    assert_int_equal(init(f), SPOKE_E_UNSUPPORTED);
}

static void a_client_certificate_and_its_key_come_together_and_whole(void **state)
{
    struct fixture *f = *state;
    f->tls.client_cert_pem = f->cert.cert_pem;
    assert_int_equal(init(f), SPOKE_E_ARG);
    f->tls.client_key_pem = f->cert.cert_pem;
    assert_int_equal(init(f), SPOKE_E_CERTIFICATE);
    f->tls.client_key_pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_int_equal(init(f), SPOKE_E_CERTIFICATE);
    f->tls.client_key_pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n"
                            "-----END RSA PRIVATE KEY-----\n";
    assert_int_equal(init(f), SPOKE_E_CERTIFICATE);
    f->tls.client_key_pem = f->cert.key_pem;
    assert_ok(init(f));
}

/* --- what is for tests only --- */

static void plain_text_connects_and_warns_each_time(void **state)
{
    struct fixture *f = *state;
    f->tls = (spoke_tls_options){.test_only = SPOKE_TEST_ONLY_PLAINTEXT};
    connect_fresh(f);
    assert_int_equal(f->shaped.warnings, 1);
    script_broker_drop(f->broker, false);
    await(f, &f->closed, 1);
    open_to(f, "localhost");
    connect_open(f);
    assert_int_equal(f->shaped.warnings, 2);
}

static void note_line(void *lines, spoke_log_level level, const char *module, const char *line)
{
    assert_int_equal(level, SPOKE_LOG_WARN);
    assert_string_equal(module, "paho");
    assert_non_null(strstr(line, "no TLS"));
    ++*(unsigned *)lines;
}

static void lines_reach_the_second_reader_when_there_is_no_first(void **state)
{
    struct fixture *f = *state;
    unsigned lines = 0;
    f->shaped.platform.log = NULL;
    f->shaped.platform.log_tap = note_line;
    f->shaped.platform.tap_ctx = &lines;
    f->tls = (spoke_tls_options){.test_only = SPOKE_TEST_ONLY_PLAINTEXT};
    connect_fresh(f);
    assert_int_equal(lines, 1);
}

static void any_certificate_will_do_when_asked_for_and_warns(void **state)
{
    struct fixture *f = *state;
    const struct test_cert_options options = {.common_name = "other.example", .names = "other.example"};
    test_cert_self_signed(&options, &f->cert);
    f->tls = (spoke_tls_options){.test_only = SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER};
    connect_fresh(f);
    assert_int_equal(f->shaped.warnings, 1);
}

/* --- causes that paho does tell --- */

static void an_unknown_issuer_is_told_as_such(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other = test_ca_create("Another root");
    f->tls.trust_pem = test_ca_pem(other);
    start_broker(f, true);
    assert_ok(init(f));
    open_to(f, "localhost");
    await(f, &f->closed, 1);
    assert_int_equal(f->why.status, SPOKE_E_CERTIFICATE);
    test_ca_destroy(other);
}

static void a_name_that_cannot_be_resolved_is_told_as_such(void **state)
{
    struct fixture *f = *state;
    start_broker(f, true);
    assert_ok(init(f));
    open_to(f, "no such host"); /* needs no name server to be refused */
    await(f, &f->closed, 1);
    assert_int_equal(f->why.status, SPOKE_E_DNS);
}

/* --- queues --- */

static void messages_of_qos_0_beyond_the_queue_are_dropped_and_logged(void **state)
{
    struct fixture *f = *state;
    enum { SENT = 40 };
    char payload[101];
    connect_fresh(f);
    memset(payload, 'x', 100);
    payload[100] = '\0';
    for (int i = 0; i < SENT; i++)
        script_broker_send_publish(f->broker, "t", spoke_str_of(payload), 0, 0);
    script_broker_send_publish(f->broker, "t", SPOKE_STR("marks the end"), 1, 7);
    spoke_mqtt_packet packet = {0};
    while (!script_broker_take(f->broker, &packet)) /* its PUBACK: paho has read them all */
        turn(f, false);
    for (int i = 0; i < 20; i++)
        turn(f, true);
    assert_true(f->messages >= 4 && f->messages < SENT);
    assert_int_equal(f->closed, 0);
    assert_true(f->shaped.warnings > 0);
}

static void a_message_of_qos_1_beyond_the_queue_comes_with_the_next_packet(void **state)
{
    struct fixture *f = *state;
    enum { SENT = 40 };
    char payload[101];
    spoke_mqtt_packet packet;
    connect_fresh(f);
    memset(payload, 'x', 100);
    payload[100] = '\0';
    for (uint16_t i = 1; i <= SENT; i++)
        script_broker_send_publish(f->broker, "t", spoke_str_of(payload), 1, i);
    for (int acked = 0; acked < SENT; acked += script_broker_take(f->broker, &packet) ? 1 : 0)
        turn(f, false);
    for (int i = 0; i < ROUNDS && f->messages < SENT; i++) {
        script_broker_send_publish(f->broker, "t", SPOKE_STR(""), 0, 0);
        turn(f, true);
    }
    assert_true(f->messages >= SENT);
    assert_true(f->shaped.warnings > 0);
}

static void messages_of_qos_0_are_bounded_while_nothing_leaves(void **state)
{
    struct fixture *f = *state;
    static char big[2000];
    const spoke_str part = spoke_str_from(big, sizeof(big));
    const spoke_mqtt_publish_options message = {.topic = SPOKE_STR("t"), .parts = &part, .part_count = 1};
    connect_fresh(f);
    script_broker_swallow(f->broker, true);
    size_t accepted = 0, full = 0;
    for (int i = 0; i < ROUNDS && full < 200; i++) {
        const spoke_status status = f->ops->publish(f->transport, &message, NULL);
        full = status == SPOKE_E_FULL ? full + 1 : 0;
        accepted += status == SPOKE_OK ? 1 : 0;
        f->ops->step(f->transport, 1);
    }
    assert_int_equal(full, 200);
    script_broker_swallow(f->broker, false);
    size_t arrived = 0;
    for (int i = 0; i < ROUNDS && arrived < accepted; i++) {
        spoke_mqtt_packet packet;
        turn(f, true);
        while (script_broker_take(f->broker, &packet))
            arrived += packet.type == SPOKE_MQTT_PUBLISH ? 1 : 0;
    }
    assert_int_equal(arrived, accepted);
    assert_ok(f->ops->publish(f->transport, &message, NULL));
}

/* --- subscriptions --- */

static void answer(struct fixture *f, const uint8_t *codes, size_t code_count)
{
    spoke_mqtt_packet packet;
    const spoke_mqtt_filter filter = {SPOKE_STR("a/#"), 1};
    connect_fresh(f);
    assert_ok(f->ops->subscribe(f->transport, &filter, 1));
    await_packet(f, SPOKE_MQTT_SUBSCRIBE, &packet);
    uint8_t bytes[16] = {0x90, (uint8_t)(2 + code_count), (uint8_t)(packet.packet_id >> 8),
                         (uint8_t)packet.packet_id};
    memcpy(bytes + 4, codes, code_count);
    script_broker_send_bytes(f->broker, bytes, 4 + code_count);
}

static void a_refused_filter_is_a_code_like_others(void **state)
{
    struct fixture *f = *state;
    answer(f, (const uint8_t[]){0x80}, 1);
    await(f, &f->subscribed, 1);
    assert_int_equal(f->code, 0x80);
}

static void a_code_that_does_not_exist_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    answer(f, (const uint8_t[]){0x42}, 1);
    await(f, &f->closed, 1);
    assert_int_equal(f->why.status, SPOKE_E_PROTOCOL);
}

static void more_codes_than_filters_end_the_connection(void **state)
{
    struct fixture *f = *state;
    answer(f, (const uint8_t[]){1, 1, 1}, 3);
    await(f, &f->closed, 1);
    assert_int_equal(f->why.status, SPOKE_E_PROTOCOL);
}

/* --- life --- */

static void open_right_after_abort_connects(void **state)
{
    struct fixture *f = *state;
    connect_fresh(f);
    for (int i = 0; i < 20; i++) {
        f->ops->abort(f->transport);
        await(f, &f->closed, f->closed + 1);
        open_to(f, "localhost");
    }
    f->ops->abort(f->transport);
    await(f, &f->closed, f->closed + 1);
    script_broker_drop(f->broker, false);
    open_to(f, "localhost");
    connect_open(f);
}

/* The copies of what to connect to stand last. */
static bool keeps_password(const struct fixture *f, const spoke_transport_options *options)
{
    enum { TAIL_BYTES = 2 * (SPOKE_DEFAULT_SEND_BYTES + SPOKE_MAX_HOST_BYTES + 1) };
    const uint8_t *end = (const uint8_t *)f->memory + f->ops->size(options);
    return memmem(end - TAIL_BYTES, TAIL_BYTES, "SharedAccess", 12) != NULL;
}

static void a_password_that_is_not_used_is_wiped(void **state)
{
    static const char text[5000];
    struct fixture *f = *state;
    f->tls.test_only = SPOKE_TEST_ONLY_PLAINTEXT;
    connect_fresh(f);
    const spoke_transport_options options = {.platform = &f->shaped.platform,
                                             .limits = {.receive_bytes = RECEIVE_BYTES, .in_flight = IN_FLIGHT}};
    const spoke_mqtt_will will = {.topic = SPOKE_STR("t"), .payload = spoke_str_from(text, sizeof(text))};
    spoke_transport_target target = {.host = "localhost",
                                     .port = script_broker_port(f->broker),
                                     .mqtt = {.client_id = SPOKE_STR("device-1"),
                                              .username = SPOKE_STR("u"),
                                              .password = SPOKE_STR("SharedAccessSignature"),
                                              .will = &will}};
    f->ops->abort(f->transport); /* takes paho a while */
    await(f, &f->closed, 1);
    assert_int_equal(f->ops->open(f->transport, &target), SPOKE_E_TOO_SMALL);
    assert_false(keeps_password(f, &options));
    target.mqtt.will = NULL;
    assert_ok(f->ops->open(f->transport, &target));
    f->ops->abort(f->transport);
    await(f, &f->closed, 2);
    for (int i = 0; i < ROUNDS && keeps_password(f, &options); i++)
        turn(f, true);
    assert_false(keeps_password(f, &options));
}

static void acknowledgements_that_come_after_abort_are_nobodys(void **state)
{
    struct fixture *f = *state;
    const spoke_str part = SPOKE_STR("x");
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &part, .part_count = 1, .qos = 1};
    spoke_mqtt_packet packet;
    connect_fresh(f);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < IN_FLIGHT; i++)
            assert_ok(f->ops->publish(f->transport, &message, NULL));
        for (int i = 0; i < IN_FLIGHT; i++) {
            await_packet(f, SPOKE_MQTT_PUBLISH, &packet);
            script_broker_send_puback(f->broker, packet.packet_id);
        }
        script_broker_pump(f->broker); /* the acknowledgements are on their way to paho's thread */
        f->ops->abort(f->transport);
        await(f, &f->closed, f->closed + 1);
        f->other = 0;
        open_to(f, "localhost");
        script_broker_drop(f->broker, false);
        connect_open(f);
        assert_int_equal(f->other, 0);
    }
}

static void fini_in_the_midst_of_connecting_returns(void **state)
{
    struct fixture *f = *state;
    start_broker(f, true);
    for (int before = 0; before < 4; before++) {
        assert_ok(init(f));
        open_to(f, "localhost");
        for (int i = 0; i < before; i++)
            turn(f, true);
        f->ops->fini(f->transport);
        f->transport = NULL;
        script_broker_drop(f->broker, false);
    }
}

/* --- several at once: paho's threads, lock and lists are one for all --- */

/* Connects, publishes and gives up without awaiting the answers, again and again. */
static void *churn(void *user)
{
    struct fixture *f = user;
    const spoke_str part = SPOKE_STR("x");
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &part, .part_count = 1, .qos = 1};
    spoke_mqtt_packet packet;
    for (int round = 0; round < 4; round++) {
        open_to(f, "localhost");
        const size_t before = f->closed;
        for (int i = 0; i < ROUNDS && f->other < 3 && f->closed == before; i++) {
            turn(f, true);
            (void)f->ops->publish(f->transport, &message, NULL);
            while (script_broker_take(f->broker, &packet)) {
                if (packet.type == SPOKE_MQTT_CONNECT)
                    script_broker_send_connack(f->broker, false, 0);
                if (packet.type == SPOKE_MQTT_PUBLISH)
                    script_broker_send_puback(f->broker, packet.packet_id);
            }
        }
        f->other = 0;
        f->ops->abort(f->transport);
        for (int i = 0; i < ROUNDS && f->closed == before; i++)
            turn(f, true);
        script_broker_drop(f->broker, false);
    }
    return NULL;
}

static void transports_of_several_threads_do_not_meet(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    void *fixtures[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        fixtures[i] = NULL;
        assert_int_equal(setup(&fixtures[i]), 0);
        struct fixture *f = fixtures[i];
        start_broker(f, true);
        assert_ok(init(f));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, fixtures[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        const struct fixture *f = fixtures[i];
        assert_int_equal(f->connected, 4);
        assert_int_equal(f->closed, 4);
        assert_int_equal(f->why.status, SPOKE_OK);
        teardown(&fixtures[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const unsigned threads = test_threads();
    const struct CMUnitTest tests[] = {
        CASE(a_missing_trust_file_shows_at_init),
        CASE(trust_that_is_not_pem_shows_at_init),
        CASE(trust_that_is_shared_is_refused),
        CASE(a_client_certificate_and_its_key_come_together_and_whole),
        CASE(plain_text_connects_and_warns_each_time),
        CASE(lines_reach_the_second_reader_when_there_is_no_first),
        CASE(any_certificate_will_do_when_asked_for_and_warns),
        CASE(an_unknown_issuer_is_told_as_such),
        CASE(a_name_that_cannot_be_resolved_is_told_as_such),
        CASE(messages_of_qos_0_beyond_the_queue_are_dropped_and_logged),
        CASE(a_message_of_qos_1_beyond_the_queue_comes_with_the_next_packet),
        CASE(messages_of_qos_0_are_bounded_while_nothing_leaves),
        CASE(a_refused_filter_is_a_code_like_others),
        CASE(a_code_that_does_not_exist_ends_the_connection),
        CASE(more_codes_than_filters_end_the_connection),
        CASE(open_right_after_abort_connects),
        CASE(a_password_that_is_not_used_is_wiped),
        CASE(acknowledgements_that_come_after_abort_are_nobodys),
        CASE(fini_in_the_midst_of_connecting_returns),
        cmocka_unit_test(transports_of_several_threads_do_not_meet),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_await_threads(threads);
    return failed;
}

#else

int main(void)
{
    print_message("paho.mqtt.c was not found: nothing to test\n");
    return 0;
}

#endif
