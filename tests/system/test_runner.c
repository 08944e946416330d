/* Tier 2: many threads speak, one turns; against spoke-central over TLS. Run under ThreadSanitizer as well. */
#include <pthread.h>
#include <spoke/central/central.h>
#include <spoke/spoke.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

#define THREADS 4
#define EACH 100
#define LIMIT_MS 30000

struct fixture {
    spoke_central *central;
    spoke_platform *platform;
    spoke_client *client;
    spoke_runner *runner;
    char key[96];
    atomic_int sent, handled;
    atomic_uint request;
    bool refused; /* a second thread that polled */
};

static void quiet(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    (void)level;
    (void)module;
    (void)line;
}

static spoke_ack later(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    atomic_store(&f->request, call->request);
    return spoke_defer();
}

static spoke_ack stop_from_handler(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    (void)call;
    assert_int_equal(spoke_client_poll(f->client, 0), SPOKE_E_REENTRANT);
    assert_int_equal(spoke_client_close(f->client, 0), SPOKE_E_REENTRANT);
    assert_int_equal(spoke_runner_stop(f->runner), SPOKE_E_REENTRANT);
    spoke_client_destroy(f->client); /* refused: the client goes on */
    atomic_fetch_add(&f->handled, 1);
    return spoke_accept();
}

static const spoke_schema_field late_fields[] = {{"late", &spoke_schema_boolean, true}};
static const spoke_schema late = {.kind = SPOKE_SCHEMA_OBJECT, .count = 1, .fields = late_fields};
static const spoke_member members[] = {
    {NULL, "later", SPOKE_COMMAND, 0, NULL, &late},
    {NULL, "misbehave", SPOKE_COMMAND, 0, NULL, NULL},
    {NULL, "n", SPOKE_TELEMETRY, 0, &spoke_schema_integer, NULL},
};
static const spoke_model model = {"dtmi:test:runner;1", members, sizeof members / sizeof members[0]};

static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("later", later),
                                         SPOKE_ON_COMMAND("misbehave", stop_from_handler)};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    char why[200] = "";
    const spoke_central_config central =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .control = true,
                             .dps_retry_after_s = UINT32_MAX, .log = quiet);
    const spoke_posix_options posix = {.struct_size = sizeof posix, .log = quiet};
    if (spoke_central_start(&central, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    assert_ok(spoke_posix_create(&posix, &f->platform));
    spoke_buf key = spoke_buf_from(f->key, sizeof f->key - 1);
    assert_ok(spoke_central_device_key(f->central, "dev-1", &key));
    const spoke_central_env *env = spoke_central_env_of(f->central);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = env->host, .port = env->mqtt_port, .id_scope = env->id_scope,
                     .registration_id = "dev-1", .credential.primary = f->key, .trust_file = env->ca_file,
                     .platform = f->platform, .model = &model, .handlers = handlers, .handler_count = 2, .user = f,
                     .queue_bytes = 65536, .log_bytes = 4096);
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_runner_stop(f->runner));
    spoke_client_destroy(f->client);
    spoke_posix_destroy(f->platform);
    spoke_central_stop(f->central);
    test_free(f);
    return 0;
}

/* What is refused is remembered under the lock, whoever asks for it meanwhile; its log line meets those of others. */
static void send_misfit(struct fixture *f)
{
    char text[200];
    spoke_stats stats = SPOKE_STATS;
    assert_int_equal(spoke_send(f->client, spoke_text("n", SPOKE_STR("1"))), SPOKE_E_MODEL);
    assert_non_null(strstr(spoke_client_explain(f->client, text, sizeof text), "SPOKE_"));
    assert_ok(spoke_client_stats(f->client, &stats));
}

static void *send_some(void *user)
{
    struct fixture *f = user;
    for (int i = 0; i < EACH;) {
        send_misfit(f);
        const spoke_status status = spoke_send(f->client, spoke_i64("n", i));
        i += status == SPOKE_OK;
        if (status == SPOKE_OK)
            atomic_fetch_add(&f->sent, 1);
        else
            sched_yield();
    }
    return NULL;
}

static bool wait_for(struct fixture *f, bool (*met)(struct fixture *f))
{
    const uint64_t end = f->platform->monotonic_ms(f->platform->ctx) + LIMIT_MS;
    while (!met(f) && f->platform->monotonic_ms(f->platform->ctx) < end)
        usleep(1000);
    return met(f);
}

static bool drained(struct fixture *f)
{
    return atomic_load(&f->sent) == THREADS * EACH && spoke_client_pending(f->client) == 0;
}

static bool ready(struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_READY;
}

/* Now and then the runner is between two polls, and the call is let in. */
static bool refused(struct fixture *f)
{
    f->refused = f->refused || spoke_client_poll(f->client, 0) == SPOKE_E_STATE;
    return f->refused;
}

static bool called(struct fixture *f)
{
    return atomic_load(&f->request) != 0;
}

static void threads_send_while_one_turns_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    assert_ok(spoke_runner_start(f->client, &f->runner));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_some, f), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(wait_for(f, drained));
    static char all[1 << 20];
    int status = 0;
    size_t found = 0;
    spoke_buf out = spoke_buf_from(all, sizeof all - 1);
    assert_ok(spoke_central_request_wait(f->central, "GET", "/control/devices/dev-1/messages",
                                         (spoke_str){NULL, 0}, LIMIT_MS, &status, &out));
    all[out.len] = '\0';
    for (const char *at = strstr(all, "\"body\""); at != NULL; at = strstr(at + 1, "\"body\""))
        found++;
    assert_int_equal(found, THREADS * EACH);
}

static void note_answer(void *user, int http_status, spoke_str body)
{
    (void)body;
    atomic_store((atomic_int *)user, http_status);
}

static int call_command(struct fixture *f, const char *target, void (*meanwhile)(struct fixture *f))
{
    atomic_int status = 0;
    assert_ok(spoke_central_request(f->central, "POST", target, SPOKE_STR("{}"), note_answer, &status));
    if (meanwhile != NULL)
        meanwhile(f);
    const uint64_t end = f->platform->monotonic_ms(f->platform->ctx) + LIMIT_MS;
    while (atomic_load(&status) == 0 && f->platform->monotonic_ms(f->platform->ctx) < end)
        usleep(1000);
    return atomic_load(&status);
}

static void reply_later(struct fixture *f)
{
    assert_true(wait_for(f, called));
    assert_int_equal(spoke_command_reply(f->client, atomic_load(&f->request), 200, SPOKE_STR("5")), SPOKE_E_MODEL);
    assert_ok(spoke_command_reply(f->client, atomic_load(&f->request), 200, SPOKE_STR("{\"late\":true}")));
}

static void a_command_is_answered_from_another_thread(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_runner_start(f->client, &f->runner));
    assert_true(wait_for(f, ready));
    assert_int_equal(call_command(f, "/api/devices/dev-1/commands/later", reply_later), 201);
}

static void a_handler_may_not_poll_close_stop_or_destroy(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_runner_start(f->client, &f->runner));
    assert_true(wait_for(f, ready));
    assert_int_equal(call_command(f, "/api/devices/dev-1/commands/misbehave", NULL), 201);
    assert_int_equal(atomic_load(&f->handled), 1);
}

static void a_second_thread_may_not_poll(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_runner_start(f->client, &f->runner));
    assert_true(wait_for(f, ready));
    assert_true(wait_for(f, refused));
}

static void stopping_is_prompt_while_the_client_sleeps(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_runner_start(f->client, &f->runner));
    assert_true(wait_for(f, ready));
    const uint64_t begun = f->platform->monotonic_ms(f->platform->ctx);
    assert_ok(spoke_runner_stop(f->runner));
    f->runner = NULL;
    assert_in_range(f->platform->monotonic_ms(f->platform->ctx) - begun, 0, 5000);
}

static void a_platform_without_lock_is_refused(void **state)
{
    struct fixture *f = *state;
    const spoke_config config = SPOKE_CONFIG(.hub_host = "localhost", .registration_id = "dev-2",
                                             .credential.primary = f->key, .test_only = SPOKE_TEST_ONLY_PLAINTEXT);
    spoke_client *client = NULL;
    spoke_runner *runner = NULL;
    assert_ok(spoke_client_create(&config, &client));
    assert_int_equal(spoke_runner_start(client, &runner), SPOKE_E_ARG);
    spoke_client_destroy(client);
}

#define claim(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(threads_send_while_one_turns_and_nothing_is_lost), claim(a_command_is_answered_from_another_thread),
        claim(a_handler_may_not_poll_close_stop_or_destroy),     claim(a_second_thread_may_not_poll),
        claim(stopping_is_prompt_while_the_client_sleeps),       claim(a_platform_without_lock_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
