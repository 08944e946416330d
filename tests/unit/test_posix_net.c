#include "support/support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/posix.h"
#include "support/script_dns.h"

enum { ROUND_MS = 20, ROUNDS = 500 };

struct fixture {
    struct script_dns dns;
    bool resolver; /* built with c-ares: dns is what it asks */
    spoke_platform *platform;
    const spoke_net *net;
    void *ctx, *link;
    int listener, peer;
    uint16_t port;
};

static void bind_loopback(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
    f->port = ntohs(address.sin_port);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || !script_dns_open(&f->dns))
        return -1;
    f->listener = f->peer = -1;
    f->resolver = posix_dns_check_servers(f->dns.servers) == SPOKE_OK;
    const spoke_posix_options options = {.struct_size = sizeof(options),
                                         .dns_servers = f->resolver ? f->dns.servers : NULL};
    if (spoke_posix_create(&options, &f->platform) != SPOKE_OK)
        return -1;
    f->net = f->platform->net;
    f->ctx = f->platform->ctx;
    f->link = malloc(f->net->link_bytes);
    *state = f;
    return f->link != NULL && f->net->init(f->ctx, f->link) == SPOKE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->net->fini(f->ctx, f->link);
    free(f->link);
    if (f->listener >= 0)
        close(f->listener);
    if (f->peer >= 0)
        close(f->peer);
    spoke_posix_destroy(f->platform);
    script_dns_close(&f->dns);
    free(f);
    return 0;
}

static struct fixture *with_resolver(struct fixture *f)
{
    if (!f->resolver)
        skip();
    return f;
}

/* Steps until the link is up or has failed. */
static spoke_status settle(struct fixture *f)
{
    for (int i = 0; i < ROUNDS; i++) {
        const spoke_status status = f->net->step(f->ctx, f->link);
        if (status != SPOKE_E_AGAIN)
            return status;
        f->net->wait(f->ctx, f->link, SPOKE_WANT_WRITE, ROUND_MS);
    }
    return SPOKE_E_TIMEOUT;
}

static void connect_link(struct fixture *f, const char *host)
{
    bind_loopback(f);
    assert_int_equal(listen(f->listener, 1), 0);
    assert_ok(f->net->open(f->ctx, f->link, host, f->port));
    assert_ok(settle(f));
    f->peer = accept(f->listener, NULL, NULL);
    assert_true(f->peer >= 0);
}

static bool fd_ready(struct fixture *f, int limit_ms)
{
    struct pollfd ready = {.fd = f->net->fd(f->ctx, f->link), .events = POLLIN};
    return poll(&ready, 1, limit_ms) == 1;
}

static uint64_t now_ms(void)
{
    const spoke_platform *platform = spoke_platform_posix();
    return platform->monotonic_ms(platform->ctx);
}

/* --- connecting --- */

static void localhost_needs_no_name_server(void **state)
{
    struct fixture *f = *state; /* whose name server never answers */
    const uint64_t before = now_ms();
    connect_link(f, "localhost");
    assert_true(now_ms() - before < 1500);
}

/* A machine without a line for it in its hosts file, such as a bare container, still has a loopback. */
static void a_name_below_localhost_is_the_loopback_whatever_the_hosts_file_says(void **state)
{
    struct fixture *f = *state;
    const uint64_t before = now_ms();
    connect_link(f, "hub-7.LocalHost");
    assert_true(now_ms() - before < 1500);
}

static void bytes_travel_both_ways(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[8];
    size_t count = 0;
    connect_link(f, "127.0.0.1");
    assert_int_equal(f->net->read(f->ctx, f->link, bytes, sizeof(bytes), &count), SPOKE_E_AGAIN);
    assert_ok(f->net->write(f->ctx, f->link, (const uint8_t *)"ping", 4, &count));
    assert_int_equal(count, 4);
    assert_int_equal(read(f->peer, bytes, sizeof(bytes)), 4);
    assert_int_equal(write(f->peer, "pong!", 5), 5);
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 5000);
    assert_ok(f->net->read(f->ctx, f->link, bytes, sizeof(bytes), &count));
    assert_str(spoke_str_from((const char *)bytes, count), "pong!");
}

static void a_closed_port_is_refused_with_its_errno(void **state)
{
    struct fixture *f = *state;
    bind_loopback(f); /* without listen */
    assert_ok(f->net->open(f->ctx, f->link, "127.0.0.1", f->port));
    assert_int_equal(settle(f), SPOKE_E_NET);
    assert_int_equal(f->net->detail(f->ctx, f->link), ECONNREFUSED);
}

static void a_name_that_does_not_exist_is_told_at_once(void **state)
{
    struct fixture *f = with_resolver(*state);
    const uint64_t before = now_ms();
    assert_ok(f->net->open(f->ctx, f->link, "no-such-hub.invalid.example.", 1));
    spoke_status status = SPOKE_E_AGAIN;
    for (int i = 0; i < ROUNDS && status == SPOKE_E_AGAIN; i++) {
        script_dns_serve(&f->dns, SCRIPT_DNS_NXDOMAIN);
        f->net->wait(f->ctx, f->link, 0, ROUND_MS);
        status = f->net->step(f->ctx, f->link);
    }
    assert_int_equal(status, SPOKE_E_DNS);
    assert_int_not_equal(f->net->detail(f->ctx, f->link), 0);
    assert_true(now_ms() - before < 1500);
}

static void a_silent_name_server_blocks_nothing(void **state)
{
    struct fixture *f = with_resolver(*state);
    const uint64_t before = now_ms();
    assert_ok(f->net->open(f->ctx, f->link, "hub.example.com", 1));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(f->net->step(f->ctx, f->link), SPOKE_E_AGAIN);
        f->net->wait(f->ctx, f->link, 0, 10);
    }
    assert_true(now_ms() - before < 1000);
    assert_int_equal(f->net->detail(f->ctx, f->link), 0);
    f->net->close(f->ctx, f->link);
    assert_int_equal(f->net->step(f->ctx, f->link), SPOKE_E_NET);
}

static void the_descriptor_tells_when_the_resolver_wants_its_turn(void **state)
{
    struct fixture *f = with_resolver(*state);
    assert_ok(f->net->open(f->ctx, f->link, "hub.example.com", 1));
    assert_int_equal(f->net->step(f->ctx, f->link), SPOKE_E_AGAIN);
    assert_false(fd_ready(f, 0));
    assert_true(fd_ready(f, 10000)); /* its own time-out, without any answer */
}

static void a_dead_ipv6_does_not_hold_up_ipv4(void **state)
{
    struct fixture *f = with_resolver(*state);
    bind_loopback(f);
    assert_int_equal(listen(f->listener, 1), 0);
    const uint64_t before = now_ms();
    assert_ok(f->net->open(f->ctx, f->link, "hub.example.com", f->port));
    spoke_status status = SPOKE_E_AGAIN;
    for (int i = 0; i < ROUNDS && status == SPOKE_E_AGAIN; i++) {
        script_dns_serve(&f->dns, SCRIPT_DNS_DEAD_V6_LIVE_V4);
        f->net->wait(f->ctx, f->link, 0, ROUND_MS);
        status = f->net->step(f->ctx, f->link);
    }
    assert_ok(status);
    assert_true(now_ms() - before < 1500);
}

static void a_link_connects_again_and_again_without_leaving_descriptors(void **state)
{
    struct fixture *f = *state;
    bind_loopback(f);
    assert_int_equal(listen(f->listener, 16), 0);
    int first = -1;
    for (int i = 0; i < 10; i++) {
        assert_ok(f->net->open(f->ctx, f->link, "localhost", f->port));
        assert_int_equal(f->net->open(f->ctx, f->link, "localhost", f->port), SPOKE_E_STATE);
        assert_ok(settle(f));
        f->net->close(f->ctx, f->link);
        f->net->close(f->ctx, f->link);
        if (f->resolver) {
            assert_ok(f->net->open(f->ctx, f->link, "hub.example.com", f->port));
            f->net->step(f->ctx, f->link);
            f->net->close(f->ctx, f->link);
        }
        const int lowest = dup(0);
        close(lowest);
        assert_true(first < 0 || lowest == first);
        first = lowest;
    }
}

/* --- ends --- */

static void an_orderly_end_is_told_without_errno(void **state)
{
    struct fixture *f = *state;
    uint8_t byte;
    size_t count;
    connect_link(f, "127.0.0.1");
    close(f->peer);
    f->peer = -1;
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 5000);
    assert_int_equal(f->net->read(f->ctx, f->link, &byte, 1, &count), SPOKE_E_NET);
    assert_int_equal(f->net->detail(f->ctx, f->link), 0);
}

static void a_reset_is_told_with_errno_and_raises_no_signal(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 0;
    size_t count;
    connect_link(f, "127.0.0.1");
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(f->peer);
    f->peer = -1;
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 5000);
    assert_int_equal(f->net->read(f->ctx, f->link, &byte, 1, &count), SPOKE_E_NET);
    assert_int_equal(f->net->detail(f->ctx, f->link), ECONNRESET);
    assert_int_equal(f->net->write(f->ctx, f->link, &byte, 1, &count), SPOKE_E_NET);
    assert_int_equal(f->net->detail(f->ctx, f->link), EPIPE);
}

static void a_full_pipe_asks_to_wait_for_room(void **state)
{
    struct fixture *f = *state;
    static const uint8_t block[65536];
    uint8_t sink[65536];
    size_t count;
    connect_link(f, "127.0.0.1");
    spoke_status status = SPOKE_OK;
    size_t sent = 0;
    for (int i = 0; i < 10000 && status == SPOKE_OK; i++) {
        status = f->net->write(f->ctx, f->link, block, sizeof(block), &count);
        sent += status == SPOKE_OK ? count : 0;
    }
    assert_int_equal(status, SPOKE_E_AGAIN);
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ | SPOKE_WANT_WRITE, 10);
    for (size_t got = 0; got < sent;) {
        const ssize_t n = read(f->peer, sink, sizeof(sink));
        assert_true(n > 0);
        got += (size_t)n;
    }
    const uint64_t before = now_ms();
    f->net->wait(f->ctx, f->link, SPOKE_WANT_WRITE, 5000);
    assert_true(now_ms() - before < 4000);
    assert_ok(f->net->write(f->ctx, f->link, block, 1, &count));
}

static void a_link_that_is_not_open_neither_reads_nor_writes(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 0;
    size_t count;
    assert_int_equal(f->net->read(f->ctx, f->link, &byte, 1, &count), SPOKE_E_NET);
    assert_int_equal(f->net->write(f->ctx, f->link, &byte, 1, &count), SPOKE_E_NET);
    assert_int_equal(f->net->step(f->ctx, f->link), SPOKE_E_NET);
}

/* --- sleeping and waking --- */

static void a_wake_before_the_wait_is_not_lost(void **state)
{
    struct fixture *f = *state;
    f->net->wake(f->ctx, f->link);
    f->net->wake(f->ctx, f->link);
    assert_true(fd_ready(f, 0));
    const uint64_t before = now_ms();
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 10000);
    assert_true(now_ms() - before < 5000);
    assert_false(fd_ready(f, 0)); /* and it is used up */
}

static void even_a_look_takes_the_wake(void **state)
{
    struct fixture *f = *state;
    f->net->wake(f->ctx, f->link);
    f->net->wait(f->ctx, f->link, 0, 0);
    assert_false(fd_ready(f, 0));
}

static void a_closed_link_sleeps_its_limit(void **state)
{
    struct fixture *f = *state;
    const uint64_t before = now_ms();
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ | SPOKE_WANT_WRITE, 30);
    assert_true(now_ms() - before >= 29);
}

static void a_connected_link_sleeps_until_bytes_come(void **state)
{
    struct fixture *f = *state;
    connect_link(f, "127.0.0.1");
    assert_false(fd_ready(f, 0));
    assert_int_equal(write(f->peer, "x", 1), 1);
    assert_true(fd_ready(f, 5000));
}

/* A hang-up is told whatever epoll is asked for; who wants nothing must not be kept awake by it. */
static void a_link_that_wants_nothing_sleeps_though_the_peer_has_gone(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    struct fixture *f = *state;
    connect_link(f, "127.0.0.1");
    assert_int_equal(setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(f->peer);
    f->peer = -1;
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 5000);
    const uint64_t before = now_ms();
    f->net->wait(f->ctx, f->link, 0, 50);
    assert_true(now_ms() - before >= 49);
    assert_false(fd_ready(f, 0));
    f->net->wait(f->ctx, f->link, SPOKE_WANT_READ, 0);
    assert_true(fd_ready(f, 0));
}

enum { WAKES = 2000 };

struct waker {
    struct fixture *f;
    pthread_mutex_t mutex;
    unsigned asked;
};

static void *wake_often(void *user)
{
    struct waker *w = user;
    for (unsigned i = 0; i < WAKES; i++) {
        pthread_mutex_lock(&w->mutex);
        w->asked++;
        pthread_mutex_unlock(&w->mutex);
        w->f->net->wake(w->f->ctx, w->f->link);
    }
    return NULL;
}

/* Whoever sleeps without having seen the last request would sleep the whole limit. */
static void no_wake_of_another_thread_is_lost(void **state)
{
    struct waker w = {.f = *state, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_often, &w), 0);
    const uint64_t before = now_ms();
    for (unsigned seen = 0; seen < WAKES;) {
        w.f->net->wait(w.f->ctx, w.f->link, 0, 20000);
        pthread_mutex_lock(&w.mutex);
        seen = w.asked;
        pthread_mutex_unlock(&w.mutex);
    }
    pthread_join(thread, NULL);
    assert_true(now_ms() - before < 15000);
}

/* --- without the resolver's options --- */

static void the_static_port_connects_and_looks_at_no_ctx(void **state)
{
    struct fixture *f = *state;
    const spoke_net *net = spoke_platform_posix()->net;
    char not_ours[] = "the application's own";
    void *link = malloc(net->link_bytes);
    bind_loopback(f);
    assert_int_equal(listen(f->listener, 1), 0);
    assert_ok(net->init(not_ours, link));
    assert_ok(net->open(not_ours, link, "localhost", f->port));
    spoke_status status = SPOKE_E_AGAIN;
    for (int i = 0; i < ROUNDS && (status = net->step(not_ours, link)) == SPOKE_E_AGAIN; i++)
        net->wait(not_ours, link, SPOKE_WANT_WRITE, ROUND_MS);
    assert_ok(status);
    net->fini(not_ours, link);
    free(link);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(localhost_needs_no_name_server),
        TEST(a_name_below_localhost_is_the_loopback_whatever_the_hosts_file_says),
        TEST(bytes_travel_both_ways),
        TEST(a_closed_port_is_refused_with_its_errno),
        TEST(a_name_that_does_not_exist_is_told_at_once),
        TEST(a_silent_name_server_blocks_nothing),
        TEST(the_descriptor_tells_when_the_resolver_wants_its_turn),
        TEST(a_dead_ipv6_does_not_hold_up_ipv4),
        TEST(a_link_connects_again_and_again_without_leaving_descriptors),
        TEST(an_orderly_end_is_told_without_errno),
        TEST(a_reset_is_told_with_errno_and_raises_no_signal),
        TEST(a_full_pipe_asks_to_wait_for_room),
        TEST(a_link_that_is_not_open_neither_reads_nor_writes),
        TEST(a_wake_before_the_wait_is_not_lost),
        TEST(even_a_look_takes_the_wake),
        TEST(a_closed_link_sleeps_its_limit),
        TEST(a_connected_link_sleeps_until_bytes_come),
        TEST(a_link_that_wants_nothing_sleeps_though_the_peer_has_gone),
        TEST(no_wake_of_another_thread_is_lost),
        TEST(the_static_port_connects_and_looks_at_no_ctx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
