/* What a native client takes from the heap: nothing once it is READY. This program counts the heap calls of one
 * thread while asked to, and tells those of mbedTLS from the rest.
 *
 * The client lives in memory of its own and reaches the service by number, so that neither spoke_client_create nor
 * the resolver is in the picture. With an mbedTLS that has MBEDTLS_MEMORY_BUFFER_ALLOC_C
 * (tests/bench/buffer_alloc.sh makes one) mbedTLS lives in a static buffer too, and the whole life of the client
 * must do without the heap. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/version.h>
#include <spoke/central/central.h>
#include <spoke/spoke.h>

#include "support/support.h"

#if defined(MBEDTLS_MEMORY_BUFFER_ALLOC_C)
#include <mbedtls/memory_buffer_alloc.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_IS_TAKEN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define HEAP_IS_TAKEN /* somebody else stands in front of the heap, or the way in is unknown: nothing is counted */
#endif

enum { LIMIT_MS = 60000, MESSAGES = 10000, WINDOW = 64, TLS_HEAP_BYTES = 1 << 20 };

/* --- the counter --- */

struct heap_calls {
    size_t tls, other;
};

/* volatile: a compiler knows what malloc is, and that it looks at no variable of ours. */
static _Thread_local volatile bool counting;
static _Thread_local volatile struct heap_calls calls;

#ifndef HEAP_IS_TAKEN
#define FOR_LIBRARIES_TOO __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static void count_call(const void *caller)
{
    Dl_info from;
    if (!counting)
        return;
    counting = false; /* dladdr is free to use the heap */
    if (dladdr(caller, &from) != 0 && from.dli_fname != NULL && strstr(from.dli_fname, "libmbed") != NULL)
        calls.tls++;
    else
        calls.other++;
    counting = true;
}

FOR_LIBRARIES_TOO void *malloc(size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_malloc(size);
}

FOR_LIBRARIES_TOO void *calloc(size_t count, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_calloc(count, size);
}

FOR_LIBRARIES_TOO void *realloc(void *block, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_realloc(block, size);
}

FOR_LIBRARIES_TOO void free(void *block)
{
    if (block != NULL)
        count_call(__builtin_return_address(0));
    __libc_free(block);
}
#endif

static struct heap_calls take_calls(void)
{
    const struct heap_calls taken = {calls.tls, calls.other};
    calls.tls = calls.other = 0;
    return taken;
}

/* --- the device and its service --- */

struct fixture {
    spoke_central *central;
    const spoke_central_env *env;
    spoke_platform platform;
    spoke_net net;
    spoke_client *client;
    char key[96], *ca_pem;
    unsigned properties, commands, sent, acknowledged;
    int answer; /* of the command, from the service's thread */
};

static const spoke_schema_field done_fields[] = {{"done", &spoke_schema_boolean, true}};
static const spoke_schema done = {.kind = SPOKE_SCHEMA_OBJECT, .count = 1, .fields = done_fields};
static const spoke_member members[] = {
    {NULL, "go", SPOKE_COMMAND, 0, NULL, &done},
    {NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL},
    {NULL, "temperature", SPOKE_TELEMETRY, 0, &spoke_schema_double, NULL},
};
static const spoke_model model = {"dtmi:test:heap;1", members, sizeof members / sizeof members[0]};

static uint8_t client_memory[256 * 1024] __attribute__((aligned(alignof(max_align_t))));

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    (void)wanted;
    ((struct fixture *)user)->properties++;
    return spoke_accept();
}

static spoke_ack run_command(const spoke_command *call, void *user)
{
    ((struct fixture *)user)->commands++;
    spoke_write(call->reply, spoke_bool("done", true));
    return spoke_accept();
}

static void note_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)id;
    ((struct fixture *)user)->acknowledged += outcome == SPOKE_OK;
}

/* The certificate bears a name; the address is reached without asking a resolver for it. */
static spoke_status open_by_number(void *ctx, void *link, const char *host, uint16_t port)
{
    (void)host;
    return spoke_platform_posix()->net->open(ctx, link, "127.0.0.1", port);
}

static void quiet(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    (void)line;
}

static int set_up(void **state)
{
    char why[200] = "";
    struct fixture *f = test_calloc(1, sizeof *f);
    const spoke_central_config central =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true, .relaxed_durability = true,
                             .dps_retry_after_s = UINT32_MAX);
    if (spoke_central_start(&central, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    f->env = spoke_central_env_of(f->central);
    spoke_buf key = spoke_buf_from(f->key, sizeof f->key - 1);
    assert_ok(spoke_central_device_key(f->central, "dev-1", &key));
    f->ca_pem = test_read_file(f->env->ca_file, NULL);
    assert_non_null(f->ca_pem);
    f->platform = *spoke_platform_posix();
    f->platform.log = quiet;
    f->net = *f->platform.net;
    f->net.open = open_by_number;
    f->platform.net = &f->net;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    counting = false;
    spoke_client_destroy(f->client);
    spoke_central_stop(f->central);
    free(f->ca_pem);
    test_free(f);
    return 0;
}

static void create_client(struct fixture *f)
{
    static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("go", run_command),
                                             SPOKE_ON_PROPERTY("target", set_target)};
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = f->env->host, .port = f->env->mqtt_port, .id_scope = f->env->id_scope,
                     .registration_id = "dev-1", .credential.primary = f->key, .trust_pem = f->ca_pem,
                     .platform = &f->platform, .model = &model, .handlers = handlers, .handler_count = 2,
                     .on_sent = note_sent, .user = f, .queue_bytes = 16384, .in_flight = WINDOW);
    spoke_error why = {SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, ""};
    if (spoke_client_init(client_memory, sizeof client_memory, &config, &f->client, &why) != SPOKE_OK)
        fail_msg("%s", why.text);
    assert_ok(spoke_client_open(f->client));
}

/* cmocka's checks may use the heap, so they stay outside of what is counted. */
static spoke_status turn_until(struct fixture *f, bool (*met)(const struct fixture *f))
{
    const uint64_t end = f->platform.monotonic_ms(f->platform.ctx) + LIMIT_MS;
    spoke_status status = SPOKE_OK;
    counting = true;
    while (status == SPOKE_OK && !met(f)) {
        status = spoke_client_poll(f->client, 20);
        if (f->platform.monotonic_ms(f->platform.ctx) > end)
            status = SPOKE_E_TIMEOUT;
    }
    counting = false;
    return status;
}

static bool is_ready(const struct fixture *f)
{
    return spoke_client_state(f->client) == SPOKE_READY;
}

static bool has_property(const struct fixture *f)
{
    return f->properties > 0;
}

static bool has_answer(const struct fixture *f)
{
    return __atomic_load_n(&f->answer, __ATOMIC_ACQUIRE) != 0;
}

static spoke_status send_messages(struct fixture *f, unsigned count)
{
    const unsigned goal = f->acknowledged + count, last = f->sent + count;
    const uint64_t end = f->platform.monotonic_ms(f->platform.ctx) + LIMIT_MS;
    const spoke_str body = SPOKE_STR("{\"temperature\":21.5}");
    spoke_status status = SPOKE_OK;
    counting = true;
    while (status == SPOKE_OK && f->acknowledged < goal) {
        while (status == SPOKE_OK && f->sent < last) {
            status = spoke_message_send(f->client, &(spoke_outgoing){.body = body, .id = f->sent + 1});
            f->sent += status == SPOKE_OK;
        }
        if (status == SPOKE_OK || status == SPOKE_E_FULL)
            status = spoke_client_poll(f->client, 20);
        if (f->platform.monotonic_ms(f->platform.ctx) > end)
            status = SPOKE_E_TIMEOUT;
    }
    counting = false;
    return status;
}

static void note_answer(void *user, int http_status, spoke_str body)
{
    (void)body;
    __atomic_store_n(&((struct fixture *)user)->answer, http_status, __ATOMIC_RELEASE);
}

static void change_property(struct fixture *f)
{
    char text[1024];
    int status = 0;
    spoke_buf out = spoke_buf_from(text, sizeof text);
    assert_ok(spoke_central_request_wait(f->central, "PATCH", "/api/devices/dev-1/properties",
                                         SPOKE_STR("{\"target\":21}"), LIMIT_MS, &status, &out));
    assert_int_equal(status, 202);
    assert_ok(turn_until(f, has_property));
}

static void call_command(struct fixture *f)
{
    assert_ok(spoke_central_request(f->central, "POST", "/api/devices/dev-1/commands/go", SPOKE_STR("{}"),
                                    note_answer, f));
    assert_ok(turn_until(f, has_answer));
    assert_int_equal(f->answer, 201);
    assert_int_equal(f->commands, 1);
}

/* A refusal has a sentence, and that is made without the heap, too. */
static void say_something_wrong(struct fixture *f)
{
    char text[200];
    counting = true;
    const spoke_status status = spoke_send(f->client, spoke_text("temperatur", SPOKE_STR("21.5")));
    spoke_client_explain(f->client, text, sizeof text);
    counting = false;
    assert_int_equal(status, SPOKE_E_MODEL);
    assert_non_null(strstr(text, "did you mean 'temperature'?"));
}

/* --- claims --- */

static void *use_heap_elsewhere(void *unused)
{
    (void)unused;
    void *volatile block = malloc(64); /* volatile: or the compiler leaves the pair out */
    free(block);
    return NULL;
}

static void the_counter_sees_the_heap_calls_of_its_thread_alone(void **state)
{
    (void)state;
#ifdef HEAP_IS_TAKEN
    skip();
#endif
    pthread_t other;
    take_calls();
    counting = true;
    void *volatile block = malloc(64);
    block = realloc(block, 128);
    free(block);
    block = calloc(1, 64);
    free(block);
    counting = false;
    free(block = malloc(64)); /* not asked to count */
    assert_int_equal(take_calls().other, 5);
    assert_int_equal(pthread_create(&other, NULL, use_heap_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(take_calls().other, 0);
}

static void a_session_takes_nothing_from_the_heap_after_ready(void **state)
{
    struct fixture *f = *state;
    take_calls();
    counting = true;
    create_client(f);
    assert_ok(turn_until(f, is_ready));
    const struct heap_calls before = take_calls();
    assert_ok(send_messages(f, MESSAGES / 2));
    change_property(f);
    call_command(f);
    say_something_wrong(f);
    assert_ok(send_messages(f, MESSAGES / 2));
    assert_int_equal(f->acknowledged, MESSAGES);
    const struct heap_calls after = take_calls();
    print_message("heap calls until READY: mbedTLS %zu, others %zu; after it, with %d messages: %zu, %zu\n",
                  before.tls, before.other, MESSAGES, after.tls, after.other);
    assert_int_equal(after.tls, 0);
    assert_int_equal(after.other, 0);
#if defined(MBEDTLS_MEMORY_BUFFER_ALLOC_C)
    assert_int_equal(before.tls + before.other, 0);
#elif !defined(HEAP_IS_TAKEN)
    assert_true(before.tls > 0);       /* or the callers are told apart wrongly */
    assert_int_equal(before.other, 1); /* the TLS context, which tls_context.c asks mbedTLS's allocator for */
#endif
}

/* --- docs/memory.md --- */

struct sized {
    const char *name;
    uint32_t queue, report, receive, send;
    uint16_t in_flight, commands;
};

static size_t size_of(const struct sized *row)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "global.azure-devices-provisioning.net", .id_scope = "0ne00000000",
                     .registration_id = "thermostat-1",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODw==", .queue_bytes = row->queue,
                     .report_bytes = row->report, .receive_bytes = row->receive, .send_bytes = row->send,
                     .in_flight = row->in_flight, .commands = row->commands);
    return spoke_client_size(&config);
}

/* The last cell of the line that starts with "| name |". */
static size_t documented(const char *text, const char *name)
{
    char start[64];
    assert_in_range(snprintf(start, sizeof start, "\n| %s |", name), 1, sizeof start - 1);
    const char *row = strstr(text, start);
    if (row == NULL)
        fail_msg("docs/memory.md has no row for %s", name);
    const char *end = strstr(row + 1, " |\n");
    while (end != NULL && end[-1] != ' ')
        end--;
    return end != NULL ? (size_t)strtoul(end, NULL, 10) : 0;
}

static void the_memory_document_says_what_a_client_takes(void **state)
{
    (void)state;
    static const struct sized rows[] = {
        {"smallest", 256, 256, 1024, 2048, 1, 1},
        {"small firmware", 2048, 1024, 2048, 2048, 8, 1},
        {"defaults", 0, 0, 0, 0, 0, 0},
        {"gateway", 262144, 16384, 65536, 16384, 1024, 16},
    };
    if (sizeof(void *) != 8)
        skip(); /* the table is one of 64-bit machines */
    char *text = test_read_file(SPOKE_TEST_DATA "/../../docs/memory.md", NULL);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t said = documented(text, rows[i].name), is = size_of(&rows[i]);
        if (said < is - is / 50 || said > is + is / 50)
            fail_msg("docs/memory.md: %s takes %zu bytes, the table says %zu", rows[i].name, is, said);
    }
    free(text);
}

int main(void)
{
#if defined(MBEDTLS_MEMORY_BUFFER_ALLOC_C)
    static uint8_t tls_heap[TLS_HEAP_BYTES] __attribute__((aligned(alignof(max_align_t))));
    mbedtls_memory_buffer_alloc_init(tls_heap, sizeof tls_heap);
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_sees_the_heap_calls_of_its_thread_alone),
        cmocka_unit_test(the_memory_document_says_what_a_client_takes),
        cmocka_unit_test_setup_teardown(a_session_takes_nothing_from_the_heap_after_ready, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
