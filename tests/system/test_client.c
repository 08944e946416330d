/* The client against spoke-central over real sockets and TLS, on each transport. The service turns in its own
 * thread; nothing here waits by the clock, only for events with a limit. */
#include <spoke/central/central.h>
#include <spoke/proto/hub.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#define LIMIT_MS 20000

struct fixture {
    const spoke_transport_ops *transport;
    spoke_central *central;
    const spoke_central_env *env;
    spoke_platform *platform;
    spoke_client *client;
    char key[96];
    double target;
    unsigned commands, messages;
    char text[65536];
};

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    return spoke_json_double(wanted->value, &f->target) == SPOKE_OK ? spoke_accept()
                                                                    : spoke_reject(400, "a number");
}

static spoke_ack run_command(const spoke_command *call, void *user)
{
    ((struct fixture *)user)->commands++;
    spoke_write(call->reply, spoke_bool("done", true));
    return spoke_accept();
}

static spoke_ack take_message(const spoke_message *message, void *user)
{
    (void)message;
    ((struct fixture *)user)->messages++;
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("target", set_target),
                                         SPOKE_ON_COMMAND("go", run_command)};

static void quiet(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    if (getenv("TEST_LOG") != NULL)
        fprintf(stderr, "%d %s: %s\n", (int)level, module, line);
}

static spoke_config config_of(struct fixture *f)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = f->env->host, .port = f->env->mqtt_port, .id_scope = f->env->id_scope,
                     .registration_id = "dev-1", .credential.primary = f->key, .trust_file = f->env->ca_file,
                     .platform = f->platform, .transport = f->transport, .handlers = handlers, .handler_count = 2,
                     .on_message = take_message, .user = f, .backoff_min_ms = 50, .backoff_max_ms = 500);
    return config;
}

static void start(struct fixture *f, const spoke_config *config)
{
    assert_ok(spoke_client_create(config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

static void set_up_with(struct fixture *f)
{
    char why[200] = "";
    const spoke_central_config central =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .control = true,
                             .dps_retry_after_s = UINT32_MAX, .log = quiet);
    const spoke_posix_options posix = {.struct_size = sizeof posix, .log_level = SPOKE_LOG_DEBUG, .log = quiet};
    if (spoke_central_start(&central, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    f->env = spoke_central_env_of(f->central);
    assert_ok(spoke_posix_create(&posix, &f->platform));
    spoke_buf key = spoke_buf_from(f->key, sizeof f->key - 1);
    assert_ok(spoke_central_device_key(f->central, "dev-1", &key));
}

static int set_up_native(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->transport = spoke_transport_native();
    set_up_with(f);
    *state = f;
    return 0;
}

#ifdef SPOKE_HAVE_PAHO
static int set_up_paho(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->transport = spoke_transport_paho();
    set_up_with(f);
    *state = f;
    return 0;
}
#endif

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    spoke_posix_destroy(f->platform);
    spoke_central_stop(f->central);
    test_free(f);
    return 0;
}

/* Polls until `met`, or fails with the client's own words. */
static void until(struct fixture *f, bool (*met)(const struct fixture *f), const char *what)
{
    const uint64_t end = f->platform->monotonic_ms(f->platform->ctx) + LIMIT_MS;
    while (!met(f) && f->platform->monotonic_ms(f->platform->ctx) < end)
        if (spoke_client_poll(f->client, 50) != SPOKE_OK)
            break;
    char why[200];
    if (!met(f))
        fail_msg("%s did not come; state %s, %s", what, spoke_state_name(spoke_client_state(f->client)),
                 spoke_client_explain(f->client, why, sizeof why));
}

static bool is_ready(const struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_READY;
}

static bool is_waiting(const struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_BACKOFF;
}

static bool is_drained(const struct fixture *f)
{
    return spoke_client_pending(f->client) == 0;
}

static bool has_target(const struct fixture *f)
{
    return f->target == 21;
}

static bool has_message(const struct fixture *f)
{
    return f->messages == 1;
}

static int request(struct fixture *f, const char *method, const char *target, const char *body)
{
    int status = 0;
    spoke_buf out = spoke_buf_from(f->text, sizeof f->text - 1);
    assert_ok(spoke_central_request_wait(f->central, method, target, spoke_str_of(body), LIMIT_MS, &status, &out));
    f->text[out.len] = '\0';
    return status;
}

static void note_answer(void *user, int http_status, spoke_str body)
{
    int *status = user;
    (void)body;
    __atomic_store_n(status, http_status, __ATOMIC_RELEASE);
}

/* A command needs the device to turn while the service waits. */
static int call_command(struct fixture *f, const char *target)
{
    int status = 0;
    assert_ok(spoke_central_request(f->central, "POST", target, SPOKE_STR("{}"), note_answer, &status));
    const uint64_t end = f->platform->monotonic_ms(f->platform->ctx) + LIMIT_MS;
    while (__atomic_load_n(&status, __ATOMIC_ACQUIRE) == 0 && f->platform->monotonic_ms(f->platform->ctx) < end)
        assert_ok(spoke_client_poll(f->client, 20));
    return status;
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        found++;
    return found;
}

/* --- claims --- */

static void everything_a_device_does_works(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = config_of(f);
    start(f, &config);
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 21.5)));
    until(f, is_ready, "READY");
    until(f, is_drained, "the PUBACK");
    assert_int_equal(request(f, "GET", "/api/devices/dev-1/telemetry/temperature", NULL), 200);
    assert_non_null(strstr(f->text, "21.5"));
    assert_int_equal(request(f, "PATCH", "/api/devices/dev-1/properties", "{\"target\":21}"), 202);
    until(f, has_target, "the property");
    assert_int_equal(call_command(f, "/api/devices/dev-1/commands/go"), 201);
    assert_int_equal(f->commands, 1);
    assert_int_equal(request(f, "POST", "/control/devices/dev-1/c2d", "{\"body\":\"hi\"}"), 202);
    until(f, has_message, "the cloud message");
    assert_ok(spoke_client_close(f->client, 5000));
    assert_int_equal(spoke_client_state(f->client), SPOKE_IDLE);
}

static void a_thousand_messages_arrive_in_order_once(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = config_of(f);
    start(f, &config);
    until(f, is_ready, "READY");
    for (int i = 0; i < 1000;) {
        const spoke_status status = spoke_send(f->client, spoke_i64("n", i));
        i += status == SPOKE_OK;
        assert_true(status == SPOKE_OK || status == SPOKE_E_FULL);
        assert_ok(spoke_client_poll(f->client, status == SPOKE_E_FULL ? 50 : 0));
    }
    until(f, is_drained, "the last PUBACK");
    static char all[2 << 20];
    int status = 0;
    spoke_buf out = spoke_buf_from(all, sizeof all - 1);
    assert_ok(spoke_central_request_wait(f->central, "GET", "/control/devices/dev-1/messages",
                                         (spoke_str){NULL, 0}, LIMIT_MS, &status, &out));
    all[out.len] = '\0';
    assert_int_equal(count(all, "\"body\""), 1000);
    const char *at = all;
    for (int i = 0; i < 1000; i++) {
        char part[32];
        snprintf(part, sizeof part, "{\\\"n\\\":%d}", i);
        at = strstr(at, part);
        assert_non_null(at);
    }
}

static void a_dropped_connection_comes_back_by_itself(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = config_of(f);
    start(f, &config);
    until(f, is_ready, "READY");
    for (int round = 0; round < 3; round++) {
        assert_int_equal(request(f, "POST", "/control/devices/dev-1/disconnect", NULL), 200);
        assert_ok(spoke_send(f->client, spoke_i64("round", round)));
        until(f, is_waiting, "BACKOFF");
        spoke_client_connect_now(f->client);
        until(f, is_ready, "READY again");
        until(f, is_drained, "the PUBACK");
    }
}

static void fresh_credentials_go_with_every_connect(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = config_of(f);
    start(f, &config);
    until(f, is_ready, "READY");
    assert_int_equal(request(f, "PUT", "/control/faults", "{\"expireToken\":{\"deviceId\":\"dev-1\"}}"), 200);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    until(f, is_waiting, "BACKOFF");
    spoke_client_connect_now(f->client);
    until(f, is_drained, "the PUBACK over the next connection");
    until(f, is_ready, "READY again");
}

static void an_untrusted_service_is_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    spoke_config config = config_of(f);
    config.trust_file = NULL; /* the system's bundle, which does not hold the development CA */
    start(f, &config);
    until(f, is_waiting, "BACKOFF");
    assert_string_equal(spoke_status_name(spoke_client_error(f->client)->status), "SPOKE_E_CERTIFICATE");
    assert_int_equal(spoke_client_error(f->client)->source, SPOKE_SOURCE_TLS);
}

static void a_closed_port_is_told_and_retried(void **state)
{
    struct fixture *f = *state;
    spoke_config config = config_of(f);
    config.port = 1; /* nothing listens on tcpmux */
    start(f, &config);
    until(f, is_waiting, "BACKOFF");
    assert_string_equal(spoke_status_name(spoke_client_error(f->client)->status), "SPOKE_E_NET");
}

static void a_missing_trust_file_is_refused_at_init(void **state)
{
    struct fixture *f = *state;
    spoke_config config = config_of(f);
    config.trust_file = "/nonexistent/ca.pem";
    static _Alignas(16) uint8_t memory[262144];
    spoke_client *client;
    spoke_error why = {SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, ""};
    assert_int_not_equal(spoke_client_init(memory, sizeof memory, &config, &client, &why), SPOKE_OK);
    assert_null(client);
    assert_true(strlen(why.text) > 10);
}

static void poll_returns_within_its_limit_while_nothing_happens(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = config_of(f);
    start(f, &config);
    until(f, is_ready, "READY");
    const uint64_t begun = f->platform->monotonic_ms(f->platform->ctx);
    assert_ok(spoke_client_run(f->client, 100));
    assert_in_range(f->platform->monotonic_ms(f->platform->ctx) - begun, 100, 2000);
}

#define over(test, transport) \
    { \
#test "/" #transport, test, set_up_##transport, tear_down, NULL \
    }
#define suite(transport) \
    over(everything_a_device_does_works, transport), over(a_thousand_messages_arrive_in_order_once, transport), \
        over(a_dropped_connection_comes_back_by_itself, transport), \
        over(fresh_credentials_go_with_every_connect, transport), \
        over(an_untrusted_service_is_refused_with_a_sentence, transport), \
        over(a_closed_port_is_told_and_retried, transport), \
        over(a_missing_trust_file_is_refused_at_init, transport), \
        over(poll_returns_within_its_limit_while_nothing_happens, transport)

/* An argument picks tests by name: test_client '*native'. */
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
