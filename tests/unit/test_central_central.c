/* The service as a library: the public interface alone. */
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <spoke/central/central.h>

enum { LIMIT_MS = 10000 };

static char why[256];

static void silent(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    (void)level;
    (void)module;
    (void)line;
}

static spoke_central *start(spoke_central_config config)
{
    spoke_central *central = NULL;
    config.struct_size = sizeof config;
    config.log = silent;
    if (spoke_central_start(&config, &central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    return central;
}

static spoke_central *start_in_memory(void)
{
    return start((spoke_central_config){.no_listen = true, .ephemeral = true, .control = true});
}

/* --- the plain broker --- */

/* Sends what a client says and reads exactly what it should hear, on one connection. */
static void converse(uint16_t port, const char *say, size_t say_len, const char *hear, size_t hear_len)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char heard[64] = {0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, say, say_len, MSG_NOSIGNAL), (ssize_t)say_len);
    assert_int_equal(recv(fd, heard, hear_len, MSG_WAITALL), (ssize_t)hear_len);
    assert_memory_equal(heard, hear, hear_len);
    close(fd);
}

#define CONVERSE(port, say, hear) converse(port, say, sizeof say - 1, hear, sizeof hear - 1)
#define PLAIN_CONNECT "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x"
#define PLAIN_CONNACK "\x20\x02\x00\x00"

static void a_plain_broker_listens_beside_the_service(void **state)
{
    (void)state;
    spoke_central *central = start((spoke_central_config){
        .ephemeral = true, .any_port = true, .threaded = true, .plain_mqtt_address = "localhost"});
    const spoke_central_env *env = spoke_central_env_of(central);
    assert_string_equal(env->plain_mqtt_host, "127.0.0.1");
    CONVERSE(env->plain_mqtt_port, PLAIN_CONNECT "\xc0\x00", PLAIN_CONNACK "\xd0\x00");
    CONVERSE(env->plain_mqtt_port, PLAIN_CONNECT "\x82\x06\x00\x01\x00\x01t\x00\x30\x04\x00\x01tm",
             PLAIN_CONNACK "\x90\x03\x00\x01\x00\x30\x04\x00\x01tm");
    spoke_central_stop(central);
}

static void what_the_plain_broker_retains_is_there_after_a_restart(void **state)
{
    char folder[] = "/tmp/spoke-broker-XXXXXX", command[80];
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        spoke_central *central = start((spoke_central_config){
            .data_dir = folder, .any_port = true, .threaded = true, .plain_mqtt_address = "127.0.0.1"});
        const uint16_t port = spoke_central_env_of(central)->plain_mqtt_port;
        if (i == 0)
            CONVERSE(port, PLAIN_CONNECT "\x33\x06\x00\x01t\x00\x07m", PLAIN_CONNACK "\x40\x02\x00\x07");
        else
            CONVERSE(port, PLAIN_CONNECT "\x82\x06\x00\x01\x00\x01t\x00",
                     PLAIN_CONNACK "\x90\x03\x00\x01\x00\x31\x04\x00\x01tm");
        spoke_central_stop(central);
    }
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void a_plain_broker_beyond_loopback_has_to_be_asked_for_twice(void **state)
{
    spoke_central *central = NULL;
    spoke_central_config config = SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true,
                                                       .plain_mqtt_address = "0.0.0.0", .log = silent);
    (void)state;
    assert_int_equal(spoke_central_start(&config, &central, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "--plain-mqtt-open"));
    assert_null(central);
}

static void a_plain_broker_needs_sockets(void **state)
{
    spoke_central *central = NULL;
    spoke_central_config config = SPOKE_CENTRAL_CONFIG(.ephemeral = true, .no_listen = true,
                                                       .plain_mqtt_address = "127.0.0.1", .log = silent);
    (void)state;
    assert_int_equal(spoke_central_start(&config, &central, why, sizeof why), SPOKE_E_ARG);
    config.no_listen = false;
    config.plain_mqtt_address = "nonsense";
    config.plain_mqtt_open = true;
    assert_int_equal(spoke_central_start(&config, &central, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "not an IPv4 or IPv6 address; check --plain-mqtt"));
}

/* --- starting --- */

static void memory_only_service_leaves_nothing_and_starts_fast(void **state)
{
    struct timespec before, after;
    (void)state;
    spoke_central_stop(start_in_memory());
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (int i = 0; i < 20; i++) {
        spoke_central *central = start_in_memory();
        assert_null(spoke_central_env_of(central)->ca_file);
        assert_int_equal(spoke_central_env_of(central)->mqtt_port, 0);
        spoke_central_stop(central);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    const double ms =
        (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    print_message("start and stop: %.2f ms\n", ms / 20);
    assert_true(ms / 20 < 50); /* 10 is the aim; sanitizers and a loaded machine get their share */
}

static void environment_says_all_that_a_client_needs(void **state)
{
    char base[64];
    (void)state;
    spoke_central *central = start(
        (spoke_central_config){.ephemeral = true, .any_port = true, .id_scope = "0ne00ABCDEF", .threaded = true});
    const spoke_central_env *env = spoke_central_env_of(central);
    assert_string_equal(env->host, "localhost");
    assert_int_not_equal(env->mqtt_port, 0);
    assert_int_not_equal(env->https_port, 0);
    assert_int_not_equal(env->mqtt_port, env->https_port);
    assert_string_equal(env->id_scope, "0ne00ABCDEF");
    assert_true(strlen(env->group_key) >= 24);
    assert_int_equal(strncmp(env->api_token, "SharedAccessSignature ", 22), 0);
    (void)snprintf(base, sizeof base, "https://localhost:%u", (unsigned)env->https_port);
    assert_string_equal(env->api_base, base);
    char *ca_file = strdup(env->ca_file);
    assert_int_equal(access(ca_file, R_OK), 0);
    spoke_central_stop(central);
    assert_int_equal(access(ca_file, F_OK), -1); /* an ephemeral service takes its folder along */
    free(ca_file);
}

static void refused(spoke_central_config config, spoke_status status, const char *sentence)
{
    spoke_central *central = NULL;
    config.struct_size = sizeof config;
    config.log = silent;
    assert_int_equal(spoke_central_start(&config, &central, why, sizeof why), status);
    assert_null(central);
    if (strstr(why, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, sentence);
}

static void impossible_configurations_are_refused_with_a_sentence(void **state)
{
    (void)state;
    refused(
        (spoke_central_config){.ephemeral = true, .any_port = true, .control = true, .bind_address = "0.0.0.0"},
        SPOKE_E_ARG, "loopback");
    refused((spoke_central_config){.ephemeral = true, .any_port = true, .bind_address = "example.com"},
            SPOKE_E_ARG, "--bind");
    refused((spoke_central_config){.ephemeral = true, .any_port = true, .device_ca_file = "/nowhere/ca.pem"},
            SPOKE_E_PORT, "/nowhere/ca.pem");
    refused((spoke_central_config){.ephemeral = true, .any_port = true, .device_ca_file = "/dev/null"},
            SPOKE_E_CERTIFICATE, "PEM");
    refused((spoke_central_config){.ephemeral = true, .any_port = true, .tls_cert_file = "/etc/hostname"},
            SPOKE_E_ARG, "--tls-key");
    refused((spoke_central_config){.ephemeral = true,
                                   .any_port = true,
                                   .tls_cert_file = "/nowhere/cert.pem",
                                   .tls_key_file = "/nowhere/key.pem"},
            SPOKE_E_PORT, "/nowhere/cert.pem");
    refused((spoke_central_config){.data_dir = "/proc/nowhere", .any_port = true}, SPOKE_E_PORT, "/proc/nowhere");
    refused((spoke_central_config){.ephemeral = true, .no_listen = true, .group_key = "?"}, SPOKE_E_ARG, "");
    spoke_central *central = NULL;
    assert_int_equal(spoke_central_start(NULL, &central, why, sizeof why), SPOKE_E_ARG);
    assert_int_equal(spoke_central_start(NULL, NULL, NULL, 0), SPOKE_E_ARG);
}

static void configuration_may_be_older_or_newer_than_the_library(void **state)
{
    struct {
        spoke_central_config config;
        uint64_t tail;
    } newer = {.config = {.struct_size = sizeof newer, .ephemeral = true, .no_listen = true}};
    spoke_central *central = NULL;
    (void)state;
    assert_ok(spoke_central_start(&newer.config, &central, why, sizeof why));
    spoke_central_stop(central);
    newer.tail = 1;
    assert_int_equal(spoke_central_start(&newer.config, &central, why, sizeof why), SPOKE_E_ARG);
    spoke_central_config older = {.struct_size = offsetof(spoke_central_config, id_scope), .no_listen = true};
    older.ephemeral = true;
    older.id_scope = "0neBEYOND"; /* behind the end that it states */
    assert_ok(spoke_central_start(&older, &central, why, sizeof why));
    assert_string_not_equal(spoke_central_env_of(central)->id_scope, "0neBEYOND");
    spoke_central_stop(central);
}

static void state_survives_a_restart_and_a_folder_has_one_owner(void **state)
{
    char folder[] = "/tmp/spoke-central-test-XXXXXX", command[64];
    int status = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    const spoke_central_config config = {.data_dir = folder, .any_port = true};
    spoke_central *central = start(config);
    char *scope = strdup(spoke_central_env_of(central)->id_scope);
    char *key = strdup(spoke_central_env_of(central)->group_key);
    assert_ok(
        spoke_central_request_wait(central, "PUT", "/api/devices/kept", SPOKE_STR("{}"), LIMIT_MS, &status, NULL));
    assert_int_equal(status, 200);
    refused(config, SPOKE_E_PORT, "in use by another");
    spoke_central_stop(central);
    central = start(config);
    assert_string_equal(spoke_central_env_of(central)->id_scope, scope);
    assert_string_equal(spoke_central_env_of(central)->group_key, key);
    assert_ok(spoke_central_request_wait(central, "GET", "/api/devices/kept", spoke_str_from("", 0), LIMIT_MS,
                                         &status, NULL));
    assert_int_equal(status, 200);
    spoke_central_stop(central);
    free(scope);
    free(key);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* --- requests --- */

static void request_is_answered_inside_the_call_when_it_can_be(void **state)
{
    uint8_t memory[256];
    spoke_buf body = spoke_buf_from(memory, sizeof memory);
    int status = 0;
    (void)state;
    spoke_central *central = start_in_memory();
    assert_ok(spoke_central_request_wait(central, "GET", "/api/devices?api-version=2022-07-31",
                                         spoke_str_from("", 0), LIMIT_MS, &status, &body));
    assert_int_equal(status, 200);
    assert_str(spoke_buf_str(&body), "{\"value\":[]}");
    spoke_buf exact = spoke_buf_from(memory, 12), one_short = spoke_buf_from(memory, 11);
    memory[12] = 0xA5;
    assert_ok(spoke_central_request_wait(central, "GET", "/api/devices", spoke_str_from("", 0), LIMIT_MS, &status,
                                         &exact));
    assert_int_equal(memory[12], 0xA5);
    assert_int_equal(spoke_central_request_wait(central, "GET", "/api/devices", spoke_str_from("", 0), LIMIT_MS,
                                                &status, &one_short),
                     SPOKE_E_TOO_SMALL);
    assert_int_equal(
        spoke_central_request_wait(central, "GET", "api", spoke_str_from("", 0), LIMIT_MS, &status, NULL),
        SPOKE_E_ARG);
    spoke_central_stop(central);
}

struct heard {
    int count, status;
};

static void hear(void *user, int http_status, spoke_str body)
{
    struct heard *heard = user;
    (void)body;
    heard->count++;
    heard->status = http_status;
}

static void done_is_called_once(void **state)
{
    struct heard heard = {0};
    (void)state;
    spoke_central *central = start_in_memory();
    assert_ok(spoke_central_request(central, "GET", "/api/devices/none", spoke_str_from("", 0), hear, &heard));
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.status, 404);
    spoke_central_stop(central);
    assert_int_equal(heard.count, 1);
}

static void device_key_is_appended_whole_or_not_at_all(void **state)
{
    uint8_t memory[64];
    spoke_buf key = spoke_buf_from(memory, sizeof memory), tight = spoke_buf_from(memory, 43);
    (void)state;
    spoke_central *central = start_in_memory();
    assert_ok(spoke_central_device_key(central, "dev-1", &key));
    assert_int_equal(key.len, 44); /* HMAC-SHA256 in base64 */
    assert_int_equal(spoke_central_device_key(central, "dev-1", &tight), SPOKE_E_TOO_SMALL);
    assert_int_equal(tight.len, 0);
    spoke_central_stop(central);
}

/* --- links --- */

static void link_carries_mqtt_bytes(void **state)
{
    /* CONNECT with level 3: refused with code 1, the only answer that needs no credentials (section 3.2.2.3) */
    static const char old[] = "\x10\x0c\x00\x04MQTT\x03\x02\x00\x00\x00\x00";
    spoke_central_link *link = NULL;
    (void)state;
    spoke_central *central = start_in_memory();
    assert_ok(spoke_central_link_open(central, &link));
    assert_false(spoke_central_link_closed(link));
    for (size_t i = 0; i < sizeof old - 1; i++)
        spoke_central_link_send(link, spoke_str_from(old + i, 1));
    const spoke_str output = spoke_central_link_output(link);
    assert_int_equal(output.len, 4);
    assert_memory_equal(output.ptr, "\x20\x02\x00\x01", 4);
    assert_true(spoke_central_link_closed(link));
    spoke_central_link_sent(link, 4);
    assert_int_equal(spoke_central_link_output(link).len, 0);
    spoke_central_link_close(link);
    spoke_central_stop(central);
}

/* --- time --- */

static uint64_t fake_monotonic(void *ctx)
{
    return *(uint64_t *)ctx;
}

static int64_t fake_unix(void *ctx)
{
    return 1767225600000 + (int64_t) * (uint64_t *)ctx;
}

static void injected_clock_decides_what_is_due(void **state)
{
    uint64_t now = 1000;
    spoke_central_link *link = NULL;
    (void)state;
    spoke_central *central = start((spoke_central_config){.no_listen = true,
                                                          .ephemeral = true,
                                                          .monotonic_ms = fake_monotonic,
                                                          .unix_ms = fake_unix,
                                                          .clock_ctx = &now});
    assert_ok(spoke_central_link_open(central, &link));
    const uint64_t due = spoke_central_deadline(central);
    assert_int_equal(due, now + 30000); /* for the CONNECT */
    now = due - 1;
    assert_ok(spoke_central_poll(central, 60000)); /* returns at once: waiting does not move this clock */
    assert_false(spoke_central_link_closed(link));
    now = due;
    assert_ok(spoke_central_poll(central, 0));
    assert_true(spoke_central_link_closed(link));
    spoke_central_link_close(link);
    spoke_central_stop(central);
}

/* --- threads --- */

struct asker {
    spoke_central *central;
    int number, good;
};

static void *ask_often(void *argument)
{
    struct asker *asker = argument;
    for (int i = 0; i < 25; i++) {
        char target[64];
        int status = 0;
        (void)snprintf(target, sizeof target, "/api/devices/d-%d-%d", asker->number, i);
        if (spoke_central_request_wait(asker->central, "PUT", target, SPOKE_STR("{}"), LIMIT_MS, &status, NULL) ==
                SPOKE_OK &&
            status == 200)
            asker->good++;
    }
    return NULL;
}

static void threads_may_ask_at_the_same_time(void **state)
{
    enum { THREADS = 4 };
    struct asker askers[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    spoke_central *central = start((spoke_central_config){.no_listen = true, .ephemeral = true, .threaded = true});
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){central, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].good, 25);
    }
    spoke_central_stop(central);
}

/* Of a store in a file it runs in a thread of the service's own, beside devices; a stop does not wait for it. */
static void a_query_is_answered_from_its_own_thread(void **state)
{
    static const char TEMPLATE[] =
        "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:a:m;1\",\"@type\":\"Interface\",\"contents\":["
        "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}]}";
    static const char QUERY[] = "{\"query\":\"SELECT COUNT(flow) FROM dtmi:a:t;1\"}";
    char memory[200];
    spoke_buf body = spoke_buf_from(memory, sizeof memory);
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .dps_polls = UINT32_MAX);
    spoke_central *central = start(config);
    int status = 0;
    struct heard heard = {0, 0};
    (void)state;
    assert_ok(spoke_central_request_wait(central, "PUT", "/api/deviceTemplates/dtmi:a:t;1", spoke_str_of(TEMPLATE),
                                         LIMIT_MS, &status, NULL));
    assert_int_equal(status, 200);
    assert_ok(
        spoke_central_request_wait(central, "POST", "/api/query", spoke_str_of(QUERY), LIMIT_MS, &status, &body));
    assert_int_equal(status, 200);
    assert_str(spoke_buf_str(&body), "{\"results\":[]}");
    for (int i = 0; i < 8; i++)
        (void)(spoke_central_request(central, "POST", "/api/query", spoke_str_of(QUERY), hear, &heard) ==
               SPOKE_OK);
    spoke_central_stop(central);
}

static void threaded_service_turns_itself(void **state)
{
    spoke_central_link *link = NULL;
    (void)state;
    spoke_central *central = start((spoke_central_config){.no_listen = true, .ephemeral = true, .threaded = true});
    assert_int_equal(spoke_central_poll(central, 0), SPOKE_E_STATE);
    assert_int_equal(spoke_central_link_open(central, &link), SPOKE_E_STATE);
    spoke_central_stop(central);
    spoke_central_stop(NULL);
}

struct retry {
    spoke_central *central;
    int http_status;
    spoke_status again, wait;
};

static void hear_and_try_again(void *user, int http_status, spoke_str body)
{
    struct retry *retry = user;
    (void)body;
    retry->http_status = http_status;
    retry->again = spoke_central_request(retry->central, "POST", "/api/devices/d/commands/c",
                                         SPOKE_STR("{\"connectionTimeout\":30}"), hear_and_try_again, retry);
    retry->wait =
        spoke_central_request_wait(retry->central, "GET", "/api/devices", SPOKE_STR(""), 1000, NULL, NULL);
}

static void stop_refuses_whoever_tries_again(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct retry retry = {.again = SPOKE_OK};
        retry.central = start((spoke_central_config){.no_listen = true, .ephemeral = true, .threaded = threaded});
        assert_ok(
            spoke_central_request_wait(retry.central, "PUT", "/api/devices/d", SPOKE_STR("{}"), 1000, NULL, NULL));
        assert_ok(spoke_central_request(retry.central, "POST", "/api/devices/d/commands/c",
                                        SPOKE_STR("{\"connectionTimeout\":30}"), hear_and_try_again, &retry));
        spoke_central_stop(retry.central);
        assert_int_equal(retry.http_status, 503);
        assert_int_equal(retry.again, SPOKE_E_STATE);
        assert_int_equal(retry.wait, SPOKE_E_STATE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_only_service_leaves_nothing_and_starts_fast),
        cmocka_unit_test(a_plain_broker_listens_beside_the_service),
        cmocka_unit_test(what_the_plain_broker_retains_is_there_after_a_restart),
        cmocka_unit_test(a_plain_broker_beyond_loopback_has_to_be_asked_for_twice),
        cmocka_unit_test(a_plain_broker_needs_sockets),
        cmocka_unit_test(environment_says_all_that_a_client_needs),
        cmocka_unit_test(impossible_configurations_are_refused_with_a_sentence),
        cmocka_unit_test(configuration_may_be_older_or_newer_than_the_library),
        cmocka_unit_test(state_survives_a_restart_and_a_folder_has_one_owner),
        cmocka_unit_test(request_is_answered_inside_the_call_when_it_can_be),
        cmocka_unit_test(done_is_called_once),
        cmocka_unit_test(device_key_is_appended_whole_or_not_at_all),
        cmocka_unit_test(link_carries_mqtt_bytes),
        cmocka_unit_test(injected_clock_decides_what_is_due),
        cmocka_unit_test(threads_may_ask_at_the_same_time),
        cmocka_unit_test(a_query_is_answered_from_its_own_thread),
        cmocka_unit_test(threaded_service_turns_itself),
        cmocka_unit_test(stop_refuses_whoever_tries_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
