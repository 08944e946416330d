/* Certificates and roots that roll over while a device is connected, over real sockets and TLS, on each transport: it
 * misses no more than one connection, and loses nothing. */
#include <pthread.h>
#include <spoke/central/central.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/script_broker.h"
#include "support/support.h"
#include "support/test_ca.h"

#define LIMIT_MS 20000
#define MESSAGES 64

struct fixture {
    const spoke_transport_ops *transport;
    struct test_ca *roots[3];
    spoke_platform *platform;
    spoke_client *client;
    /* the service: either this, with its own CA and the devices' */
    spoke_central *central;
    char device_ca[64];
    struct test_cert leaf, next;
    /* or a hub that does as little as a hub can */
    struct script_broker *broker;
    struct test_cert server;
    unsigned seen[MESSAGES];
    /* what the device says */
    unsigned backoffs, readies, accepted;
    pthread_mutex_t lock; /* of the notices */
    pthread_cond_t heard;
    unsigned notices;
    spoke_notice_kind kind;
    spoke_error told;
    int64_t told_at;
    char trust[2][8192];
    char text[65536];
};

static void quiet(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    if (getenv("TEST_LOG") != NULL)
        fprintf(stderr, "%d %s: %s\n", (int)level, module, line);
}

static void note_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct fixture *f = user;
    (void)client;
    (void)from;
    (void)why;
    f->backoffs += to == SPOKE_BACKOFF ? 1 : 0;
    f->readies += to == SPOKE_READY ? 1 : 0;
}

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    struct fixture *f = user;
    (void)client;
    pthread_mutex_lock(&f->lock);
    f->notices++;
    f->kind = notice->kind;
    f->told = notice->error;
    f->told_at = notice->at_s;
    pthread_cond_signal(&f->heard);
    pthread_mutex_unlock(&f->lock);
}

/* While another thread polls. */
static void await_notices(struct fixture *f, unsigned count)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += LIMIT_MS / 1000;
    pthread_mutex_lock(&f->lock);
    while (f->notices < count && pthread_cond_timedwait(&f->heard, &f->lock, &end) == 0) {
    }
    const unsigned notices = f->notices;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(notices, count);
}

static int set_up(void **state, const spoke_transport_ops *transport)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    const spoke_posix_options posix = {.struct_size = sizeof posix, .log_level = SPOKE_LOG_DEBUG, .log = quiet};
    f->transport = transport;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->heard, NULL);
    assert_ok(spoke_posix_create(&posix, &f->platform));
    f->roots[0] = test_ca_create("Root 1");
    f->roots[1] = test_ca_create("Root 2");
    f->roots[2] = test_ca_create("Root 3");
    *state = f;
    return 0;
}

static int set_up_native(void **state)
{
    return set_up(state, spoke_transport_native());
}

#ifdef SPOKE_HAVE_PAHO
static int set_up_paho(void **state)
{
    return set_up(state, spoke_transport_paho());
}
#endif

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    spoke_posix_destroy(f->platform);
    spoke_central_stop(f->central);
    script_broker_destroy(f->broker);
    for (size_t i = 0; i < 3; i++)
        test_ca_destroy(f->roots[i]);
    pthread_cond_destroy(&f->heard);
    pthread_mutex_destroy(&f->lock);
    if (f->device_ca[0] != '\0')
        unlink(f->device_ca);
    test_free(f);
    return 0;
}

static void start(struct fixture *f, spoke_config config)
{
    config.platform = f->platform;
    config.transport = f->transport;
    config.on_state = note_state;
    config.on_notice = note;
    config.user = f;
    config.backoff_min_ms = 50;
    config.backoff_max_ms = 500;
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

/* --- the small hub --- */

static void answer_twin(struct fixture *f, spoke_str topic)
{
    char name[256], reply[256];
    snprintf(name, sizeof name, "%.*s", (int)topic.len, topic.ptr);
    const char *rid = strstr(name, "$rid=");
    if (strstr(name, "$iothub/twin/GET/") == NULL || rid == NULL)
        return;
    snprintf(reply, sizeof reply, "$iothub/twin/res/200/?%s", rid);
    script_broker_send_publish(f->broker, reply,
                               SPOKE_STR("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}"), 0, 0);
}

static void take_message(struct fixture *f, const spoke_mqtt_packet *packet)
{
    spoke_str json;
    int64_t n;
    assert_ok(spoke_json_find(packet->as.publish.payload, "n", &json));
    assert_ok(spoke_json_int(json, &n));
    assert_in_range(n, 0, MESSAGES - 1);
    f->seen[n]++;
    script_broker_send_puback(f->broker, packet->packet_id);
}

static void answer_subscribe(struct fixture *f, const spoke_mqtt_packet *packet)
{
    spoke_mqtt_packet suback = {.type = SPOKE_MQTT_SUBACK, .packet_id = packet->packet_id};
    spoke_str rest = packet->as.filters;
    spoke_mqtt_filter filter;
    char codes[8] = {0};
    size_t count = 0;
    while (spoke_mqtt_filter_next(&rest, true, &filter) == SPOKE_OK)
        codes[count++] = (char)filter.qos;
    suback.as.codes = spoke_str_from(codes, count);
    script_broker_send(f->broker, &suback);
}

static void turn_hub(struct fixture *f)
{
    spoke_mqtt_packet packet;
    script_broker_pump(f->broker);
    while (script_broker_take(f->broker, &packet)) {
        if (packet.type == SPOKE_MQTT_CONNECT)
            script_broker_send_connack(f->broker, false, 0);
        else if (packet.type == SPOKE_MQTT_SUBSCRIBE)
            answer_subscribe(f, &packet);
        else if (packet.type == SPOKE_MQTT_PUBLISH && packet.as.publish.qos == 1)
            take_message(f, &packet);
        else if (packet.type == SPOKE_MQTT_PUBLISH)
            answer_twin(f, packet.as.publish.topic);
        else if (packet.type == SPOKE_MQTT_DISCONNECT)
            script_broker_drop(f->broker, false);
    }
    script_broker_pump(f->broker);
}

/* --- turning --- */

static bool is_ready(const struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_READY;
}

static bool is_waiting(const struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_BACKOFF;
}

static bool is_told(const struct fixture *f)
{
    return f->notices > 0;
}

static bool is_drained(const struct fixture *f)
{
    return spoke_client_pending(f->client) == 0;
}

/* READY again after the last one that was looked at. */
static bool is_ready_again(const struct fixture *f)
{
    return f->readies > f->accepted && is_ready(f);
}

static void until(struct fixture *f, bool (*met)(const struct fixture *f), const char *what)
{
    const uint64_t end = f->platform->monotonic_ms(f->platform->ctx) + LIMIT_MS;
    char why[200];
    while (!met(f) && f->platform->monotonic_ms(f->platform->ctx) < end) {
        if (f->broker != NULL)
            turn_hub(f);
        if (spoke_client_poll(f->client, f->broker != NULL ? 2 : 50) != SPOKE_OK)
            break;
    }
    if (!met(f))
        fail_msg("%s did not come; state %s, %s", what, spoke_state_name(spoke_client_state(f->client)),
                 spoke_client_explain(f->client, why, sizeof why));
    f->accepted = f->readies;
}

static void send_some(struct fixture *f, int from, int count)
{
    for (int i = from; i < from + count; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
}

/* --- X.509, against spoke-central --- */

static void issue(struct fixture *f, struct test_cert *out, const char *not_after)
{
    test_ca_issue(f->roots[0], &(struct test_cert_options){.common_name = "dev-1", .not_after = not_after}, out);
}

static void write_device_ca(struct fixture *f)
{
    snprintf(f->device_ca, sizeof f->device_ca, "/tmp/spoke-rollover-XXXXXX");
    const int fd = mkstemp(f->device_ca);
    const char *pem = test_ca_pem(f->roots[0]);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    close(fd);
}

static void ready_with_certificate(struct fixture *f)
{
    char why[200] = "";
    write_device_ca(f);
    issue(f, &f->leaf, NULL);
    const spoke_central_config central =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .control = true,
                             .dps_retry_after_s = UINT32_MAX, .log = quiet, .device_ca_file = f->device_ca);
    if (spoke_central_start(&central, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    const spoke_central_env *env = spoke_central_env_of(f->central);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = env->host, .port = env->mqtt_port, .id_scope = env->id_scope,
                     .registration_id = "dev-1", .trust_file = env->ca_file,
                     .credential = {
                         .kind = SPOKE_X509, .primary = f->leaf.cert_pem, .secondary = f->leaf.key_pem});
    start(f, config);
    until(f, is_ready, "READY");
}

static size_t arrived(struct fixture *f)
{
    int status = 0;
    size_t count = 0;
    spoke_buf out = spoke_buf_from(f->text, sizeof f->text - 1);
    assert_ok(spoke_central_request_wait(f->central, "GET", "/control/devices/dev-1/messages",
                                         (spoke_str){NULL, 0}, LIMIT_MS, &status, &out));
    f->text[out.len] = '\0';
    for (const char *at = f->text; (at = strstr(at, "\"body\"")) != NULL; at++)
        count++;
    return count;
}

static spoke_status set_certificate(struct fixture *f, const char *cert, const char *key)
{
    const spoke_credential next = {.kind = SPOKE_X509, .primary = cert, .secondary = key};
    return spoke_client_set_credential(f->client, &next);
}

static void a_new_certificate_costs_one_connection_and_no_message(void **state)
{
    struct fixture *f = *state;
    ready_with_certificate(f);
    issue(f, &f->next, NULL);
    send_some(f, 0, 20);
    assert_ok(set_certificate(f, f->next.cert_pem, f->next.key_pem));
    send_some(f, 20, 20);
    until(f, is_told, "the notice");
    assert_int_equal(f->kind, SPOKE_NOTICE_CREDENTIAL);
    assert_ok(f->told.status);
    until(f, is_ready, "READY with the new one");
    until(f, is_drained, "the last PUBACK");
    assert_int_equal(f->backoffs, 0);
    assert_int_equal(f->readies, 2);
    assert_int_equal(arrived(f), 40);
    memset(&f->leaf, 0, sizeof f->leaf); /* the notice ends the loan */
    assert_ok(set_certificate(f, f->next.cert_pem, f->next.key_pem));
    until(f, is_ready_again, "READY a third time");
}

static void a_certificate_that_the_hub_refuses_is_given_up(void **state)
{
    struct fixture *f = *state;
    ready_with_certificate(f);
    test_ca_issue(f->roots[1], &(struct test_cert_options){.common_name = "dev-1"}, &f->next);
    send_some(f, 0, 5);
    assert_ok(set_certificate(f, f->next.cert_pem, f->next.key_pem));
    until(f, is_told, "the notice");
    assert_int_equal(f->kind, SPOKE_NOTICE_CREDENTIAL);
    assert_int_not_equal(f->told.status, SPOKE_OK);
    until(f, is_ready, "READY with the old one");
    send_some(f, 5, 5);
    until(f, is_drained, "the last PUBACK");
    assert_int_equal(f->backoffs, 2); /* its two refusals; the second leads back */
    assert_int_equal(arrived(f), 10);
}

static void a_certificate_that_cannot_be_read_or_has_another_key_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char why[300];
    ready_with_certificate(f);
    issue(f, &f->next, NULL);
    assert_int_equal(set_certificate(f, "no PEM", f->next.key_pem), SPOKE_E_CERTIFICATE);
    assert_non_null(strstr(spoke_client_explain(f->client, why, sizeof why), "PEM"));
    assert_int_equal(set_certificate(f, f->next.cert_pem, "no PEM"), SPOKE_E_CERTIFICATE);
    assert_int_equal(spoke_client_set_trust(f->client, "no PEM"), SPOKE_E_CERTIFICATE);
    send_some(f, 0, 3);
    until(f, is_drained, "the PUBACK");
    assert_int_equal(f->readies, 1);
    assert_int_equal(f->notices, 0);
    assert_ok(set_certificate(f, f->next.cert_pem, f->next.key_pem));
    until(f, is_told, "the notice");
    assert_ok(f->told.status);
}

static void a_certificate_that_ends_soon_is_told(void **state)
{
    struct fixture *f = *state;
    ready_with_certificate(f);
    time_t soon = time(NULL) + 5 * 86400;
    struct tm parts;
    char text[16];
    strftime(text, sizeof text, "%Y%m%d%H%M%S", gmtime_r(&soon, &parts));
    issue(f, &f->next, text);
    assert_ok(set_certificate(f, f->next.cert_pem, f->next.key_pem));
    until(f, is_told, "the notice");
    assert_ok(f->told.status);
    while (f->notices < 2)
        assert_ok(spoke_client_poll(f->client, 50));
    assert_int_equal(f->kind, SPOKE_NOTICE_EXPIRY);
    assert_int_equal(f->told_at, soon);
}

/* The runner's thread sleeps in the transport most of the time: that is when this one comes. */
static void a_certificate_may_be_set_while_another_thread_polls(void **state)
{
    struct fixture *f = *state;
    spoke_runner *runner = NULL;
    ready_with_certificate(f);
    assert_ok(spoke_runner_start(f->client, &runner));
    for (unsigned round = 1; round <= 3; round++) {
        issue(f, round % 2 != 0 ? &f->next : &f->leaf, NULL);
        const struct test_cert *cert = round % 2 != 0 ? &f->next : &f->leaf;
        assert_ok(set_certificate(f, cert->cert_pem, cert->key_pem));
        assert_ok(spoke_send(f->client, spoke_i64("n", round)));
        await_notices(f, round);
    }
    spoke_runner_stop(runner);
    assert_ok(f->told.status);
    until(f, is_ready, "READY");
    until(f, is_drained, "the last PUBACK");
    assert_int_equal(arrived(f), 3);
}

/* --- roots, against the small hub --- */

static void serve(struct fixture *f, unsigned root)
{
    test_ca_issue(f->roots[root], &(struct test_cert_options){.common_name = "localhost", .names = "localhost"},
                  &f->server);
    if (f->broker == NULL)
        f->broker = script_broker_create(f->server.cert_pem, f->server.key_pem);
    else
        script_broker_serve(f->broker, f->server.cert_pem, f->server.key_pem);
}

/* Into the text that is not borrowed. */
static const char *anchors(struct fixture *f, unsigned slot, unsigned first, unsigned second)
{
    snprintf(f->trust[slot], sizeof f->trust[slot], "%s%s", test_ca_pem(f->roots[first]),
             first != second ? test_ca_pem(f->roots[second]) : "");
    return f->trust[slot];
}

static void ready_with_trust(struct fixture *f, const char *trust_pem)
{
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "localhost", .port = script_broker_port(f->broker), .registration_id = "dev-1",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .trust_pem = trust_pem);
    start(f, config);
    until(f, is_ready, "READY");
}

/* The server hangs up and comes back so. A link that lasted no two seconds makes a client wait; nobody else has to. */
static void move_root(struct fixture *f, unsigned root)
{
    serve(f, root);
    until(f, is_waiting, "the loss");
    spoke_client_connect_now(f->client);
}

static void a_server_that_moves_its_root_twice_costs_one_connection_each_time(void **state)
{
    struct fixture *f = *state;
    serve(f, 0);
    ready_with_trust(f, anchors(f, 0, 0, 1));
    send_some(f, 0, 10);
    until(f, is_drained, "the PUBACK");
    move_root(f, 1); /* prepared: it is trusted beside the old one */
    send_some(f, 10, 10);
    until(f, is_ready_again, "READY under the second root");
    until(f, is_drained, "the PUBACK");
    assert_int_equal(script_broker_accepted(f->broker), 2);
    assert_ok(spoke_client_set_trust(f->client, anchors(f, 1, 1, 2)));
    until(f, is_told, "the notice");
    assert_ok(f->told.status);
    until(f, is_ready, "READY with new anchors");
    assert_int_equal(script_broker_accepted(f->broker), 3);
    move_root(f, 2);
    send_some(f, 20, 10);
    until(f, is_ready_again, "READY under the third root");
    until(f, is_drained, "the PUBACK");
    assert_int_equal(script_broker_accepted(f->broker), 4);
    for (int i = 0; i < 30; i++)
        assert_true(f->seen[i] >= 1);
    assert_int_equal(f->backoffs, 2); /* one each time the server hung up */
}

static void trust_that_the_server_does_not_have_is_given_up(void **state)
{
    struct fixture *f = *state;
    serve(f, 0);
    ready_with_trust(f, anchors(f, 0, 0, 1));
    assert_ok(spoke_client_set_trust(f->client, anchors(f, 1, 2, 2)));
    until(f, is_waiting, "the first refusal");
    spoke_client_connect_now(f->client);
    until(f, is_told, "the notice");
    assert_int_equal(f->kind, SPOKE_NOTICE_CREDENTIAL);
    assert_true(f->told.status == SPOKE_E_CERTIFICATE || f->told.status == SPOKE_E_TLS);
    until(f, is_ready, "READY with the old anchors");
    send_some(f, 0, 3);
    until(f, is_drained, "the PUBACK");
}

static void anchors_that_end_soon_are_told_when_the_last_one_does(void **state)
{
    struct fixture *f = *state;
    struct test_cert soon;
    time_t at = time(NULL) + 3 * 86400;
    struct tm parts;
    char text[16];
    strftime(text, sizeof text, "%Y%m%d%H%M%S", gmtime_r(&at, &parts));
    test_cert_self_signed(&(struct test_cert_options){.common_name = "Old root", .not_after = text}, &soon);
    serve(f, 0);
    snprintf(f->trust[0], sizeof f->trust[0], "%s%s", soon.cert_pem, test_ca_pem(f->roots[0]));
    ready_with_trust(f, f->trust[0]);
    for (int i = 0; i < 5; i++)
        assert_ok(spoke_client_poll(f->client, 2));
    assert_int_equal(f->notices, 0); /* the other one lasts */
}

#define over(test, transport) \
    { \
#test "/" #transport, test, set_up_##transport, tear_down, NULL \
    }
#define suite(transport) \
    over(a_new_certificate_costs_one_connection_and_no_message, transport), \
        over(a_certificate_that_the_hub_refuses_is_given_up, transport), \
        over(a_certificate_that_cannot_be_read_or_has_another_key_changes_nothing, transport), \
        over(a_certificate_that_ends_soon_is_told, transport), \
        over(a_certificate_may_be_set_while_another_thread_polls, transport), \
        over(a_server_that_moves_its_root_twice_costs_one_connection_each_time, transport), \
        over(trust_that_the_server_does_not_have_is_given_up, transport), \
        over(anchors_that_end_soon_are_told_when_the_last_one_does, transport)

int main(int argc, char **argv)
{
    const unsigned threads = test_threads();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    unsetenv("http_proxy"); /* paho obeys them, even for localhost */
    unsetenv("https_proxy");
    const struct CMUnitTest tests[] = {
        suite(native),
#ifdef SPOKE_HAVE_PAHO
        suite(paho),
#endif
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_await_threads(threads);
    return failed;
}
