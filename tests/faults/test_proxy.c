/* The proxy between a client and a service that the test plays itself: real sockets on loopback, the test's clock. */
#include "support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

struct stage {
    struct proxy *p;
    uint64_t now;
    int listener, client, service; /* service: what the proxy opened */
};

static struct sockaddr_in address_of(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return address;
}

static void turns(struct stage *s, int count)
{
    for (int i = 0; i < count; i++)
        proxy_turn(s->p, s->now, 1, -1);
}

static int dial(struct stage *s)
{
    const struct sockaddr_in address = address_of(proxy_port(s->p));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int served(struct stage *s)
{
    struct pollfd waiting = {.fd = s->listener, .events = POLLIN};
    for (int i = 0; i < 100 && poll(&waiting, 1, 0) == 0; i++)
        turns(s, 1);
    const int fd = accept(s->listener, NULL, NULL);
    assert_true(fd >= 0);
    turns(s, 3);
    return fd;
}

static void connect_through(struct stage *s)
{
    s->client = dial(s);
    s->service = served(s);
}

static int set_up(void **state)
{
    struct stage *s = test_calloc(1, sizeof *s);
    struct sockaddr_in address = address_of(0);
    socklen_t len = sizeof address;
    s->now = 1000;
    s->client = s->service = -1;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    s->p = proxy_open(ntohs(address.sin_port), 1);
    assert_non_null(s->p);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    if (s->client >= 0)
        close(s->client);
    if (s->service >= 0)
        close(s->service);
    close(s->listener);
    proxy_close(s->p);
    test_free(s);
    return 0;
}

static void command(struct stage *s, const char *line)
{
    char reply[160];
    proxy_command(s->p, s->now, line, reply, sizeof reply);
    assert_string_equal(reply, "ok");
}

/* What comes out there within some turns. -1: reset; else how many bytes, 0 also for the end. */
static int received(struct stage *s, int fd, char *out, size_t cap, bool *ended)
{
    size_t len = 0;
    *ended = false;
    for (int i = 0; i < 20; i++) {
        turns(s, 1);
        const ssize_t got = recv(fd, out + len, cap - len, MSG_DONTWAIT);
        if (got == 0)
            *ended = true;
        if (got < 0 && errno != EAGAIN)
            return -1;
        if (got > 0)
            len += (size_t)got;
    }
    return (int)len;
}

static void expect(struct stage *s, int fd, const char *text)
{
    char out[256];
    bool ended;
    const int len = received(s, fd, out, sizeof out, &ended);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(out, text, strlen(text));
    assert_false(ended);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect_end(struct stage *s, int fd, bool reset)
{
    char out[16];
    bool ended;
    const int len = received(s, fd, out, sizeof out, &ended);
    if (reset)
        assert_int_equal(len, -1);
    else
        assert_true(len == 0 && ended);
}

static void bytes_and_ends_pass_both_ways(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    say(s->client, "hello");
    expect(s, s->service, "hello");
    say(s->service, "world");
    expect(s, s->client, "world");
    shutdown(s->client, SHUT_WR);
    expect_end(s, s->service, false);
    say(s->service, "still");
    expect(s, s->client, "still");
}

static void a_delay_holds_bytes_for_its_time(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "delay 500");
    say(s->client, "late");
    expect(s, s->service, "");
    s->now += 499;
    expect(s, s->service, "");
    s->now += 1;
    expect(s, s->service, "late");
}

static void a_rate_lets_so_many_bytes_pass_in_a_second(void **state)
{
    struct stage *s = *state;
    char text[201], out[256];
    bool ended;
    memset(text, 'x', 200);
    text[200] = '\0';
    connect_through(s);
    command(s, "rate 100");
    say(s->client, text);
    size_t got = 0;
    for (int ms = 0; ms < 1000; ms += 10, s->now += 10)
        got += (size_t)received(s, s->service, out, sizeof out, &ended);
    assert_in_range(got, 80, 120);
}

static void a_stall_moves_nothing_and_loses_nothing(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "stall 2000");
    say(s->client, "up");
    say(s->service, "down");
    expect(s, s->service, "");
    expect(s, s->client, "");
    s->now += 2000;
    expect(s, s->service, "up");
    expect(s, s->client, "down");
}

static void a_cut_falls_behind_the_byte_that_was_named(void **state)
{
    struct stage *s = *state;
    char out[16];
    bool ended;
    connect_through(s);
    command(s, "cut up 3 fin");
    say(s->client, "hello");
    assert_int_equal(received(s, s->service, out, sizeof out, &ended), 3);
    assert_true(ended);
    expect_end(s, s->client, false);
}

static void a_cut_can_be_a_reset(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "cut down 2 rst");
    say(s->service, "ab");
    expect_end(s, s->service, true);
}

static void a_swallowed_direction_is_silent_and_the_other_lives(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "swallow up");
    say(s->client, "lost");
    expect(s, s->service, "");
    say(s->service, "heard");
    expect(s, s->client, "heard");
    close(s->client);
    s->client = -1;
    expect(s, s->service, ""); /* nor is the end told */
}

static void the_byte_that_was_named_is_corrupted_and_no_other(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "corrupt up 2");
    say(s->client, "abc");
    expect(s, s->service,
           "a\x9d"
           "c");
    say(s->client, "abc");
    expect(s, s->service, "abc");
}

static void chunks_change_nothing_of_the_bytes(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "chunk 1");
    say(s->client, "byte by byte");
    expect(s, s->service, "byte by byte");
}

static void refused_connections_come_again_on_the_same_port(void **state)
{
    struct stage *s = *state;
    const struct sockaddr_in address = address_of(proxy_port(s->p));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    command(s, "refuse on");
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    command(s, "refuse off");
    connect_through(s);
    say(s->client, "again");
    expect(s, s->service, "again");
}

static void a_black_hole_takes_connections_and_never_answers(void **state)
{
    struct stage *s = *state;
    struct pollfd waiting = {.fd = s->listener, .events = POLLIN};
    command(s, "blackhole on");
    s->client = dial(s);
    say(s->client, "anybody?");
    expect(s, s->client, "");
    assert_int_equal(poll(&waiting, 1, 0), 0);
}

static void a_lingering_end_is_overtaken_by_the_next_connection(void **state)
{
    struct stage *s = *state;
    command(s, "linger 1000");
    connect_through(s);
    const int old = s->service;
    close(s->client);
    connect_through(s);
    say(s->client, "new");
    expect(s, s->service, "new");
    expect(s, old, "");
    s->now += 1000;
    expect_end(s, old, false);
    close(old);
}

static void a_service_that_is_away_resets_the_client(void **state)
{
    struct stage *s = *state;
    close(s->listener);
    s->client = dial(s);
    expect_end(s, s->client, true);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
}

static void kill_ends_every_connection(void **state)
{
    struct stage *s = *state;
    connect_through(s);
    command(s, "kill rst");
    expect_end(s, s->client, true);
    expect_end(s, s->service, true);
}

static void a_wrong_command_is_told_and_changes_nothing(void **state)
{
    static const char *const wrong[] = {
        "",           "dance",        "cut",        "cut up",  "cut left 3", "cut up 3 hard", "delay",
        "delay fast", "refuse maybe", "swallow it", "rate -1", "target 0",   "a b c d e f"};
    struct stage *s = *state;
    char reply[160];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        proxy_command(s->p, s->now, wrong[i], reply, sizeof reply);
        assert_memory_equal(reply, "error", 5);
    }
    connect_through(s);
    say(s->client, "fine");
    expect(s, s->service, "fine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_and_ends_pass_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delay_holds_bytes_for_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_lets_so_many_bytes_pass_in_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stall_moves_nothing_and_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_falls_behind_the_byte_that_was_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_can_be_a_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_swallowed_direction_is_silent_and_the_other_lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_byte_that_was_named_is_corrupted_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunks_change_nothing_of_the_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_connections_come_again_on_the_same_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_black_hole_takes_connections_and_never_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lingering_end_is_overtaken_by_the_next_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_service_that_is_away_resets_the_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_ends_every_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_command_is_told_and_changes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
