/* Connections that end as soon as they carry something, again and again, as at a hub whose quota is used up: accepted,
 * then closed at the first message. Memory stays flat, and a program that ends right after fini ends well.
 *
 * CHURN_ROUNDS in the environment says how often for each transport; paho needs up to a second for each. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spoke/transport.h>

#include "support/script_broker.h"
#include "support/support.h"
#include "support/test_ca.h"

#ifdef __SANITIZE_ADDRESS__
#define UNDER_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN
#endif
#endif

enum { STEP_MS = 1, LIMIT_MS = 20000, LOOKS = 8, FLAT_RSS_BYTES = 1024 * 1024, FLAT_HEAP_BYTES = 1024 };

struct kind {
    const spoke_transport_ops *(*ops)(void);
    int rounds;
    size_t heap_bytes; /* that a connection may leave behind */
};

struct fixture {
    const struct kind *kind;
    const spoke_transport_ops *ops;
    struct test_ca *ca;
    struct test_cert cert;
    struct script_broker *broker;
    void *memory;
    spoke_transport *transport;
    bool connected, closed;
};

static spoke_transport *make(const spoke_transport_ops *ops, const char *trust_pem, uint32_t test_only,
                             void **memory)
{
    const spoke_transport_options options = {.platform = spoke_platform_posix(),
                                             .tls = {.trust_pem = trust_pem, .test_only = test_only}};
    spoke_transport *transport = NULL;
    spoke_error why;
    const size_t size = ops->size(&options);
    *memory = malloc(size);
    if (*memory == NULL || ops->init(*memory, size, &options, &transport, &why) != SPOKE_OK)
        return NULL;
    return transport;
}

static spoke_transport_target target_of(uint16_t port)
{
    const spoke_transport_target target = {.host = "localhost",
                                           .port = port,
                                           .mqtt = {.client_id = SPOKE_STR("device-1"),
                                                    .username = SPOKE_STR("user"),
                                                    .password = SPOKE_STR("secret"),
                                                    .keep_alive_s = 60},
                                           .connect_limit_ms = 15000};
    return target;
}

static spoke_status publish(const spoke_transport_ops *ops, spoke_transport *transport)
{
    const spoke_str body = SPOKE_STR("{\"temperature\":21.5}");
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("devices/device-1/messages/events/"), .parts = &body, .part_count = 1, .qos = 1};
    uint16_t packet_id;
    return ops->publish(transport, &message, &packet_id);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    const struct test_cert_options names = {.common_name = "localhost", .names = "localhost"};
    f->kind = *state;
    f->ops = f->kind->ops();
    f->ca = test_ca_create("Spoke test root");
    test_ca_issue(f->ca, &names, &f->cert);
    f->broker = script_broker_create(f->cert.cert_pem, f->cert.key_pem);
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

/* --- one connection --- */

static void turn(struct fixture *f)
{
    spoke_transport_event event;
    script_broker_pump(f->broker);
    f->ops->step(f->transport, STEP_MS);
    while (f->ops->next(f->transport, &event) == SPOKE_OK) {
        f->connected = f->connected || event.kind == SPOKE_TRANSPORT_CONNECTED;
        f->closed = f->closed || event.kind == SPOKE_TRANSPORT_CLOSED;
    }
}

static void await_packet(struct fixture *f, spoke_mqtt_type type)
{
    const uint64_t end = spoke_platform_posix()->monotonic_ms(NULL) + LIMIT_MS;
    spoke_mqtt_packet packet;
    while (!script_broker_take(f->broker, &packet)) {
        if (f->closed || spoke_platform_posix()->monotonic_ms(NULL) > end)
            fail_msg("no packet of type %d came", (int)type);
        turn(f);
    }
    assert_int_equal(packet.type, type);
}

static void await_flag(struct fixture *f, const bool *flag)
{
    const uint64_t end = spoke_platform_posix()->monotonic_ms(NULL) + LIMIT_MS;
    while (!*flag && spoke_platform_posix()->monotonic_ms(NULL) < end)
        turn(f);
    assert_true(*flag);
}

static void run_into_the_quota(struct fixture *f, bool reset)
{
    const spoke_transport_target target = target_of(script_broker_port(f->broker));
    f->connected = f->closed = false;
    assert_ok(f->ops->open(f->transport, &target));
    await_packet(f, SPOKE_MQTT_CONNECT);
    script_broker_send_connack(f->broker, false, 0);
    await_flag(f, &f->connected);
    assert_ok(publish(f->ops, f->transport));
    await_packet(f, SPOKE_MQTT_PUBLISH);
    script_broker_drop(f->broker, reset);
    await_flag(f, &f->closed);
}

/* --- memory --- */

static size_t rss_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int rounds_of(const struct fixture *f)
{
    const char *text = getenv("CHURN_ROUNDS");
    return text != NULL && atoi(text) > 2 * LOOKS ? atoi(text) : f->kind->rounds;
}

/* The least of the last rounds: a transport may still be clearing up when its end has been told. */
struct least {
    size_t rss, heap;
};

static void look(struct least *least)
{
    const size_t rss = rss_bytes(), heap = mallinfo2().uordblks;
    least->rss = least->rss == 0 || rss < least->rss ? rss : least->rss;
    least->heap = least->heap == 0 || heap < least->heap ? heap : least->heap;
}

static void memory_stays_flat_while_each_connection_ends_at_its_first_message(void **state)
{
    struct fixture *f = *state;
    const int rounds = rounds_of(f), settled = rounds / 2;
    struct least before = {0, 0}, after = {0, 0};
    f->transport = make(f->ops, test_ca_pem(f->ca), 0, &f->memory);
    assert_non_null(f->transport);
    for (int i = 0; i < rounds; i++) {
        run_into_the_quota(f, i % 2 == 0);
        if (i >= settled - LOOKS && i < settled)
            look(&before);
        if (i >= rounds - LOOKS)
            look(&after);
    }
    print_message("%s: connections %d to %d: RSS %zu -> %zu, heap %zu -> %zu bytes\n", f->ops->name, settled,
                  rounds, before.rss, after.rss, before.heap, after.heap);
    assert_true(after.heap <= before.heap + FLAT_HEAP_BYTES + (size_t)(rounds - settled) * f->kind->heap_bytes);
#ifndef UNDER_ASAN /* which keeps what was freed for a while */
    assert_true(after.rss <= before.rss + FLAT_RSS_BYTES);
#endif
}

/* --- the end of the program --- */

/* What the program does in a process of its own: as far as told, then fini, then the end of main. */
enum stage { ENDS_CONNECTING, ENDS_CONNECTED, ENDS_SENDING, STAGES };

static bool reached(const spoke_transport_ops *ops, spoke_transport *transport, spoke_transport_event_kind kind)
{
    spoke_transport_event event;
    const uint64_t end = spoke_platform_posix()->monotonic_ms(NULL) + LIMIT_MS;
    while (spoke_platform_posix()->monotonic_ms(NULL) < end) {
        ops->step(transport, STEP_MS);
        while (ops->next(transport, &event) == SPOKE_OK)
            if (event.kind == kind)
                return true;
    }
    return false;
}

static int program(const spoke_transport_ops *ops, uint16_t port, enum stage stage)
{
    void *memory = NULL;
    const spoke_transport_target target = target_of(port);
    spoke_transport *transport = make(ops, NULL, SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER, &memory);
    if (transport == NULL || ops->open(transport, &target) != SPOKE_OK)
        return 10;
    if (stage != ENDS_CONNECTING && !reached(ops, transport, SPOKE_TRANSPORT_CONNECTED))
        return 11;
    if (stage == ENDS_SENDING && publish(ops, transport) != SPOKE_OK)
        return 12;
    ops->step(transport, 0);
    ops->fini(transport);
    free(memory);
    return 0;
}

static pid_t start_program(const struct fixture *f, enum stage stage)
{
    char port[8], number[8];
    snprintf(port, sizeof port, "%u", (unsigned)script_broker_port(f->broker));
    snprintf(number, sizeof number, "%d", (int)stage);
    const pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "test_churn", f->ops->name, port, number, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Serves until the program has ended. */
static int exit_status(struct fixture *f, pid_t pid)
{
    const uint64_t end = spoke_platform_posix()->monotonic_ms(NULL) + LIMIT_MS;
    spoke_mqtt_packet packet;
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        script_broker_pump(f->broker);
        while (script_broker_take(f->broker, &packet))
            if (packet.type == SPOKE_MQTT_CONNECT)
                script_broker_send_connack(f->broker, false, 0);
        if (spoke_platform_posix()->monotonic_ms(NULL) > end) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            fail_msg("the program did not end");
        }
        usleep(500);
    }
    script_broker_drop(f->broker, true);
    return status;
}

static void program_that_ends_right_after_fini_ends_well(void **state)
{
    struct fixture *f = *state;
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < 4; i++)
            assert_int_equal(exit_status(f, start_program(f, (enum stage)stage)), 0);
}

int main(int argc, char **argv)
{
    static const struct kind kinds[] = {
        {spoke_transport_native, 1000, 0},
#ifdef SPOKE_HAVE_PAHO
        /* paho takes an index from OpenSSL for each, 56 bytes, and gives none back (1.3.12); the rest is warming up */
        {spoke_transport_paho, 40, 512},
#endif
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (argc == 4) { /* as the program of its own */
            if (strcmp(argv[1], kinds[i].ops()->name) == 0)
                return program(kinds[i].ops(), (uint16_t)atoi(argv[2]), (enum stage)atoi(argv[3]));
            continue;
        }
#define CLAIM(name) \
    { \
#name, name, setup, teardown, (void *)(uintptr_t)&kinds[i] \
    }
        const struct CMUnitTest tests[] = {
            CLAIM(memory_stays_flat_while_each_connection_ends_at_its_first_message),
            CLAIM(program_that_ends_right_after_fini_ends_well),
        };
        failed += cmocka_run_group_tests_name(kinds[i].ops()->name, tests, NULL, NULL);
    }
    return failed;
}
