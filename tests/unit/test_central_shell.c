/* Real sockets on loopback, real TLS, the core on a bench; everything turns in this one thread. */
#include "support/central_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "central/ca.h"
#include "central/core/conn.h"
#include "central/data_dir.h"
#include "central/shell/page.h"
#include "central/shell/shell_private.h"
#include "tls/tls.h"

enum { PATIENCE_MS = 150, TEST_LIMIT_MS = 10000, CLIENTS = 4 };

static spoke_status some_random(void *ctx, uint8_t *out, size_t len)
{
    const spoke_platform *machine = spoke_platform_posix();
    (void)ctx;
    return machine->random(machine->ctx, out, len);
}

/* --- a TLS client --- */

struct client {
    int fd;
    struct tls *tls;
    void *memory;
    bool open, closed, deaf; /* deaf: does not read */
    uint8_t in[600000];
    size_t in_len;
    const uint8_t *out;
    size_t out_len;
};

struct fixture {
    struct bench bench;
    struct data_dir dir;
    struct ca_identity identity;
    char *ca_pem, *token;
    struct tls_context *trust;
    struct shell_options options;
    struct shell *shell;
    struct broker *broker; /* NULL unless the test began with start_plain */
    struct client clients[CLIENTS];
    int logged;
    char last_line[512];
};

static void count_log(void *user, spoke_log_level level, const char *module, const char *line)
{
    struct fixture *f = user;
    (void)level;
    if (strcmp(module, "shell") != 0)
        return;
    f->logged++;
    (void)snprintf(f->last_line, sizeof f->last_line, "%s", line);
}

static spoke_status stream_result(ssize_t result, size_t *count)
{
    *count = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return SPOKE_OK;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? SPOKE_E_AGAIN : SPOKE_E_NET;
}

static spoke_status client_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    return stream_result(recv(((struct client *)ctx)->fd, out, cap, MSG_DONTWAIT), count);
}

static spoke_status client_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    return stream_result(send(((struct client *)ctx)->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL), count);
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void client_dial(struct client *c, uint16_t port)
{
    memset(c, 0, sizeof *c);
    c->fd = dial(port);
}

static void client_start(struct fixture *f, struct client *c, uint16_t port)
{
    const struct tls_stream stream = {c, client_read, client_write};
    client_dial(c, port);
    c->memory = malloc(tls_size());
    assert_non_null(c->memory);
    assert_ok(tls_init(c->memory, tls_size(), f->trust, &c->tls));
    assert_ok(tls_start(c->tls, "localhost", &stream));
}

static void client_stop(struct client *c)
{
    if (c->memory != NULL)
        tls_fini(c->tls);
    free(c->memory);
    if (c->fd > 0)
        close(c->fd);
    memset(c, 0, sizeof *c);
}

static void client_say(struct client *c, const void *bytes, size_t len)
{
    assert_int_equal(c->out_len, 0);
    c->out = bytes;
    c->out_len = len;
}

static void client_step(struct client *c)
{
    size_t count = 0;
    spoke_status status = SPOKE_OK;
    if (c->tls == NULL || c->closed)
        return;
    if (!c->open) {
        status = tls_handshake(c->tls);
        c->open = status == SPOKE_OK;
        c->closed = status != SPOKE_OK && status != SPOKE_E_AGAIN;
        return;
    }
    while (c->out_len > 0 && tls_write(c->tls, c->out, c->out_len, &count) == SPOKE_OK) {
        c->out += count;
        c->out_len -= count;
    }
    while (!c->deaf && c->in_len < sizeof c->in - 1 && status == SPOKE_OK) {
        status = tls_read(c->tls, c->in + c->in_len, sizeof c->in - 1 - c->in_len, &count);
        if (status == SPOKE_OK)
            c->in_len += count;
    }
    c->in[c->in_len] = '\0';
    c->closed = status != SPOKE_OK && status != SPOKE_E_AGAIN;
}

/* --- the loop --- */

static uint64_t real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void turn(struct fixture *f)
{
    shell_wait(f->shell, shell_sleep_ms(f->shell, 1));
    shell_turn(f->shell);
    for (size_t i = 0; i < CLIENTS; i++)
        client_step(&f->clients[i]);
}

#define until(f, condition) \
    do { \
        const uint64_t end_ = real_ms() + TEST_LIMIT_MS; \
        while (!(condition)) { \
            if (real_ms() > end_) \
                fail_msg("this never came true: %s", #condition); \
            turn(f); \
        } \
    } while (0)

static void start(struct fixture *f)
{
    char why[256] = "";
    if (shell_create(&f->options, &f->shell, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    assert_ok(shell_set_base(f->shell, "https://localhost:8443"));
}

static int setup(void **state)
{
    static const char *const names[] = {"localhost"};
    struct fixture *f = calloc(1, sizeof *f);
    char why[256] = "";
    assert_non_null(f);
    bench_open(&f->bench);
    bench_close(&f->bench);
    f->bench.options.log = count_log;
    f->bench.options.log_user = f;
    f->bench.options.log_level = SPOKE_LOG_INFO;
    bench_start(&f->bench);
    assert_ok(data_dir_open(NULL, true, &f->dir, why, sizeof why));
    const struct ca_options ca = {f->dir.path, names, 1, (int64_t)time(NULL), some_random, NULL};
    assert_ok(ca_open(&ca, &f->identity, why, sizeof why));
    f->ca_pem = test_read_file(f->identity.ca_file, NULL);
    assert_ok(core_api_token(f->bench.core, "test", &f->token));
    const struct tls_context_options client = {.trust_pem = f->ca_pem, .random = some_random};
    const char *reason = "";
    int32_t detail = 0;
    assert_ok(tls_context_create(&client, &f->trust, &reason, &detail));
    f->options = (struct shell_options){.core = f->bench.core,
                                        .listen = true,
                                        .bind_address = "127.0.0.1",
                                        .cert_pem = f->identity.cert_pem,
                                        .key_pem = f->identity.key_pem,
                                        .random = some_random};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < CLIENTS; i++)
        client_stop(&f->clients[i]);
    shell_destroy(f->shell);
    broker_destroy(f->broker);
    tls_context_destroy(f->trust);
    ca_identity_free(&f->identity);
    data_dir_close(&f->dir);
    bench_close(&f->bench);
    free(f->ca_pem);
    free(f->token);
    free(f);
    return 0;
}

/* --- MQTT over TLS --- */

/* A CONNECT of nobody that the hub knows: refused, which is an answer as good as any. */
static spoke_buf stranger_connect(uint8_t *memory, size_t cap)
{
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_CONNECT;
    p.as.connect.protocol = SPOKE_STR("MQTT");
    p.as.connect.level = 4;
    p.as.connect.client_id = SPOKE_STR("stranger");
    p.as.connect.username = SPOKE_STR(BENCH_HUB "/stranger/?api-version=2021-04-12");
    p.as.connect.has_username = true;
    p.as.connect.password = SPOKE_STR("nonsense");
    p.as.connect.has_password = true;
    p.as.connect.clean_session = true;
    spoke_buf out = spoke_buf_from(memory, cap);
    assert_ok(spoke_mqtt_encode(&p, &out));
    return out;
}

static void refusal_reaches_the_device_before_the_end(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[256];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    struct client *c = &f->clients[0];
    start(f);
    client_start(f, c, shell_mqtt_port(f->shell));
    client_say(c, packet.ptr, packet.len);
    until(f, c->closed);
    assert_int_equal(c->in_len, 4);
    assert_int_equal(c->in[0], 0x20);
    assert_int_equal(c->in[3], 5);
}

static void packets_in_single_bytes_are_put_together(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[256];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    struct client *c = &f->clients[0];
    start(f);
    client_start(f, c, shell_mqtt_port(f->shell));
    for (size_t i = 0; i < packet.len; i++) {
        client_say(c, packet.ptr + i, 1);
        until(f, c->out_len == 0);
    }
    until(f, c->closed);
    assert_int_equal(c->in_len, 4);
}

/* More of them than one turn reads. */
static void records_that_come_together_are_all_read(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[256];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    struct client *c = &f->clients[0];
    start(f);
    client_start(f, c, shell_mqtt_port(f->shell));
    until(f, c->open);
    for (size_t i = 0; i < packet.len; i++) {
        client_say(c, packet.ptr + i, 1);
        client_step(c);
        assert_int_equal(c->out_len, 0);
    }
    until(f, c->closed);
    assert_int_equal(c->in_len, 4);
}

static void device_that_leaves_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    f->options.max_mqtt = 1;
    shell_destroy(f->shell);
    start(f);
    for (int i = 0; i < 3; i++) { /* with room for one, each leaver makes room for the next */
        client_start(f, c, shell_mqtt_port(f->shell));
        until(f, c->open);
        client_stop(c);
        for (int j = 0; j < 5; j++)
            turn(f);
    }
}

static void connection_above_the_limit_is_closed_with_a_log_line(void **state)
{
    struct fixture *f = *state;
    f->options.max_mqtt = 1;
    start(f);
    client_start(f, &f->clients[0], shell_mqtt_port(f->shell));
    until(f, f->clients[0].open);
    client_start(f, &f->clients[1], shell_mqtt_port(f->shell));
    until(f, f->clients[1].closed);
    assert_false(f->clients[1].open);
    assert_true(f->logged > 0);
    assert_false(f->clients[0].closed);
}

static bool peer_hung_up(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR);
}

/* --- plain MQTT --- */

#define PLAIN_CONNECT "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01"

static void start_plain(struct fixture *f)
{
    const struct broker_options options = {.store = NULL};
    assert_ok(broker_create(&options, &f->broker));
    f->options.broker = f->broker;
    f->options.broker_address = "127.0.0.1";
    start(f);
}

static int plain_say(struct fixture *f, const char *bytes, size_t len)
{
    const int fd = dial(shell_broker_port(f->shell));
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    return fd;
}

#define PLAIN_SAY(f, bytes) plain_say((f), bytes, sizeof bytes - 1)

static void plain_hear(struct fixture *f, int fd, const char *bytes, size_t len)
{
    char heard[64];
    ssize_t count = 0;
    until(f, (count = recv(fd, heard, len, MSG_DONTWAIT | MSG_PEEK)) >= (ssize_t)len);
    assert_int_equal(recv(fd, heard, len, MSG_DONTWAIT), (ssize_t)len);
    assert_memory_equal(heard, bytes, len);
}

#define PLAIN_HEAR(f, fd, bytes) plain_hear((f), (fd), bytes, sizeof bytes - 1)

static void plain_connections_have_a_limit_of_their_own(void **state)
{
    struct fixture *f = *state;
    f->options.max_broker = 1;
    start_plain(f);
    const int first = PLAIN_SAY(f, PLAIN_CONNECT "a");
    PLAIN_HEAR(f, first, "\x20\x02\x00\x00");
    const int second = PLAIN_SAY(f, PLAIN_CONNECT "b");
    until(f, peer_hung_up(second));
    assert_false(peer_hung_up(first));
    close(first);
    close(second);
    until(f, f->shell->counts[STREAM_BROKER] == 0);
}

static void a_plain_refusal_arrives_before_the_end(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    const int fd = PLAIN_SAY(f, "\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01x");
    PLAIN_HEAR(f, fd, "\x20\x02\x00\x01");
    until(f, peer_hung_up(fd));
    close(fd);
}

static void the_end_of_a_plain_stream_publishes_the_will(void **state)
{
    struct fixture *f = *state;
    start_plain(f);
    const int mourner = PLAIN_SAY(f, PLAIN_CONNECT "m\x82\x06\x00\x01\x00\x01w\x00");
    PLAIN_HEAR(f, mourner, "\x20\x02\x00\x00\x90\x03\x00\x01\x00");
    const int dying = PLAIN_SAY(f, "\x10\x14\x00\x04MQTT\x04\x06\x00\x00\x00\x01x\x00\x01w\x00\x02go");
    PLAIN_HEAR(f, dying, "\x20\x02\x00\x00");
    close(dying);
    PLAIN_HEAR(f, mourner, "\x30\x05\x00\x01wgo");
    close(mourner);
}

static void a_plain_peer_that_does_not_read_is_hung_up_on(void **state)
{
    static char message[60000] = "\x30\xdc\xd4\x03\x00\x01t"; /* a PUBLISH of 60,000 bytes */
    struct fixture *f = *state;
    f->options.patience_ms = PATIENCE_MS;
    start_plain(f);
    const int deaf = PLAIN_SAY(f, PLAIN_CONNECT "d\x82\x06\x00\x01\x00\x01t\x00");
    const int loud = PLAIN_SAY(f, PLAIN_CONNECT "l");
    PLAIN_HEAR(f, loud, "\x20\x02\x00\x00");
    memset(message + 7, 'x', sizeof message - 7);
    for (size_t sent = 0; f->shell->counts[STREAM_BROKER] == 2;) {
        const ssize_t count = send(loud, message + sent, sizeof message - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent = count > 0 ? (sent + (size_t)count) % sizeof message : sent;
        turn(f);
    }
    assert_int_equal(f->shell->counts[STREAM_BROKER], 1);
    assert_false(peer_hung_up(loud));
    close(deaf);
    close(loud);
}

static void silence_instead_of_a_handshake_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    f->options.patience_ms = PATIENCE_MS;
    start(f);
    client_dial(&f->clients[0], shell_mqtt_port(f->shell));
    until(f, peer_hung_up(f->clients[0].fd));
    assert_true(f->logged > 0);
}

static void plain_text_on_a_tls_port_is_refused_with_a_log_line(void **state)
{
    struct fixture *f = *state;
    char bytes[64];
    start(f);
    client_dial(&f->clients[0], shell_https_port(f->shell));
    assert_int_equal(send(f->clients[0].fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    const uint64_t end = real_ms() + TEST_LIMIT_MS;
    ssize_t count = -1;
    while (count != 0 && real_ms() < end) { /* an alert may come first */
        turn(f);
        count = recv(f->clients[0].fd, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    assert_int_equal(count, 0);
    assert_true(f->logged > 0);
}

static void lack_of_descriptors_is_waited_out(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    struct rlimit usual, tight;
    start(f);
    client_start(f, c, shell_mqtt_port(f->shell));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    tight = usual;
    tight.rlim_cur = (rlim_t)c->fd + 1; /* the next descriptor would be above it */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < 5; i++)
        turn(f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(f->logged, 1); /* and not once a turn */
    until(f, c->open);
}

static void more_devices_than_open_files_are_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    char why[256] = "";
    f->options.max_mqtt = UINT32_MAX;
    assert_int_equal(shell_create(&f->options, &f->shell, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "4294967295 device connections need"));
    assert_non_null(strstr(why, "--max-connections"));
}

static void usual_number_of_devices_gives_way_to_the_limit_of_open_files(void **state)
{
    struct fixture *f = *state;
    struct rlimit usual, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    tight = usual;
    tight.rlim_cur = 2000;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    start(f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(f->shell->options.max_mqtt, 2000 - SHELL_OTHER_DESCRIPTORS - 2 * 256);
}

/* --- the cost of a turn --- */

static void settle(struct fixture *f)
{
    for (int i = 0; i < 20; i++)
        turn(f);
}

static void turn_does_not_look_at_connections_that_are_silent(void **state)
{
    struct fixture *f = *state;
    uint8_t memory[256];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    start(f);
    for (size_t i = 0; i < CLIENTS; i++)
        client_start(f, &f->clients[i], shell_mqtt_port(f->shell));
    until(f, f->clients[0].open && f->clients[1].open && f->clients[2].open && f->clients[3].open);
    settle(f);
    const uint64_t before = shell_visits(f->shell);
    for (int i = 0; i < 100; i++)
        turn(f);
    assert_int_equal(shell_visits(f->shell), before);
    client_say(&f->clients[0], packet.ptr, packet.len);
    until(f, f->clients[0].closed);
    assert_in_range(shell_visits(f->shell) - before, 1, 20); /* of the one that spoke */
}

static void record_costs_one_look_to_receive_and_one_to_send(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    client_start(f, c, shell_mqtt_port(f->shell));
    until(f, c->open);
    settle(f);
    const uint64_t before = shell_visits(f->shell);
    client_say(c, "\x10", 1);
    settle(f);
    assert_int_equal(shell_visits(f->shell) - before, 2);
}

/* The head of a CONNECT of 100,000 bytes, and the first of them: as much as a turn reads from one stream. */
static void say_much(struct client *c)
{
    static uint8_t much[SHELL_READS_PER_TURN * SHELL_CHUNK_BYTES] = {0x10, 0xa0, 0x8d, 0x06};
    client_say(c, much, sizeof much);
    while (c->out_len > 0)
        client_step(c);
}

static size_t streams_that_were_heard(const struct fixture *f)
{
    size_t count = 0;
    for (const struct list_node *at = f->shell->streams.first; at != NULL; at = at->next)
        count += ((const struct stream *)at->owner)->conn->in.len > 0;
    return count;
}

static void turn_reads_no_more_than_its_share_and_the_others_are_next(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < CLIENTS; i++)
        client_start(f, &f->clients[i], shell_mqtt_port(f->shell));
    until(f, f->clients[0].open && f->clients[1].open && f->clients[2].open && f->clients[3].open);
    settle(f);
    for (size_t i = 0; i < CLIENTS; i++)
        say_much(&f->clients[i]);
    shell_wait(f->shell, TEST_LIMIT_MS);
    shell_turn(f->shell);
    assert_in_range(streams_that_were_heard(f), 1, CLIENTS - 1);
    assert_int_equal(shell_sleep_ms(f->shell, 1000), 0);
    shell_turn(f->shell);
    assert_int_equal(streams_that_were_heard(f), CLIENTS);
}

enum { CROWD = 200 };

static void dial_crowd(struct fixture *f, int fds[CROWD])
{
    /* the head of a ClientHello whose body does not come */
    static const uint8_t hello[] = {0x16, 3, 1, 0, 100};
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(shell_mqtt_port(f->shell));
        assert_int_equal(send(fds[i], hello, sizeof hello, 0), sizeof hello);
    }
}

static void hang_up(const int fds[CROWD])
{
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
}

static void handshakes_that_break_off_in_a_crowd_share_a_line(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    start(f);
    dial_crowd(f, fds);
    until(f, f->shell->streams.count == CROWD);
    f->shell->handshake_log_ms = UINT64_MAX; /* a second that does not pass */
    hang_up(fds);
    until(f, f->shell->streams.count == 0);
    assert_int_equal(f->logged, 0);
    f->shell->handshake_log_ms = 0;
    dial_crowd(f, fds);
    hang_up(fds);
    until(f, f->logged > 0);
    assert_string_equal(f->last_line, "200 more TLS handshakes broke off since the last line");
    assert_true(f->shell->handshake_log_ms > shell_now_ms());
}

static void connections_above_the_limit_share_a_line(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    f->options.max_mqtt = 1;
    start(f);
    client_start(f, &f->clients[0], shell_mqtt_port(f->shell));
    until(f, f->clients[0].open);
    f->shell->listeners[0].refused_log_ms = UINT64_MAX;
    for (size_t i = 0; i < CROWD; i++)
        fds[i] = dial(shell_mqtt_port(f->shell));
    until(f, f->shell->listeners[0].refused == CROWD);
    hang_up(fds);
    assert_int_equal(f->logged, 0);
    f->shell->listeners[0].refused_log_ms = 0;
    client_dial(&f->clients[1], shell_mqtt_port(f->shell));
    until(f, f->logged > 0);
    assert_string_equal(f->last_line, "201 MQTT connections were closed for want of room: the limit is 1");
}

static void turn_steps_no_more_than_a_few_handshakes(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    start(f);
    dial_crowd(f, fds);
    turn(f);                             /* accepts some */
    shell_wait(f->shell, TEST_LIMIT_MS); /* they are ready */
    shell_turn(f->shell);
    assert_true(f->shell->shaking.count > 0);
    assert_int_equal(shell_sleep_ms(f->shell, 1000), 0);
    for (size_t before; (before = f->shell->shaking.count) > 0;) {
        f->shell->event_count = 0;
        shell_turn(f->shell);
        assert_true(before - f->shell->shaking.count <= SHELL_HANDSHAKES_PER_TURN);
    }
    hang_up(fds);
}

static void connections_wait_in_the_backlog_while_handshakes_are_behind(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    bool waited = false;
    start(f);
    dial_crowd(f, fds);
    for (size_t before = 0; before < CROWD; before = f->shell->streams.count) {
        const bool behind = f->shell->shaking.count + f->shell->shaken.count >= SHELL_MAX_HANDSHAKES;
        turn(f);
        if (!behind)
            continue;
        assert_int_equal(f->shell->streams.count, before);
        waited = true;
    }
    assert_true(waited);
    hang_up(fds);
}

/* The first stream, whose client has sent its ClientHello, gets the answer. */
static struct stream *begin_handshake(struct fixture *f, struct client *c)
{
    const int on = 1;
    client_start(f, c, shell_mqtt_port(f->shell));
    assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    client_step(c);
    do {
        shell_wait(f->shell, TEST_LIMIT_MS);
        shell_turn(f->shell);
    } while (f->shell->streams.count == 0 || !((struct stream *)f->shell->streams.first->owner)->shaken);
    return f->shell->streams.first->owner;
}

static void wait_for_crowd(struct fixture *f)
{
    do {
        shell_wait(f->shell, TEST_LIMIT_MS);
        shell_turn(f->shell);
    } while (f->shell->shaking.count < SHELL_MAX_HANDSHAKES);
}

static void handshake_that_has_begun_goes_on_before_others_begin(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    start(f);
    const struct stream *s = begin_handshake(f, &f->clients[0]);
    dial_crowd(f, fds);
    wait_for_crowd(f);
    client_step(&f->clients[0]);
    for (int i = 0; i < 3 && s->state == STREAM_HANDSHAKE; i++) {
        shell_wait(f->shell, TEST_LIMIT_MS);
        shell_turn(f->shell);
    }
    assert_int_equal(s->state, STREAM_OPEN);
    assert_true(f->shell->shaking.count > 0);
    hang_up(fds);
}

/* Its patience is over, and nothing else happens. */
static void run_out(struct fixture *f, struct stream *s)
{
    s->due_ms = 1;
    stream_touch(s);
    f->shell->event_count = 0;
    shell_turn(f->shell);
}

static void peer_that_waits_for_our_step_is_not_given_up_so_soon(void **state)
{
    struct fixture *f = *state;
    int fds[CROWD];
    start(f);
    dial_crowd(f, fds);
    wait_for_crowd(f);
    struct stream *s = f->shell->shaking.last->owner;
    for (int i = 0; i < SHELL_MORE_PATIENCE; i++) {
        run_out(f, s);
        assert_int_equal(s->state, STREAM_HANDSHAKE);
        assert_true(s->due_ms > f->shell->now_ms);
    }
    assert_int_equal(s->late, SHELL_MORE_PATIENCE);
    f->shell->listeners[0].socket.ready = 0; /* nobody takes its place */
    const size_t before = f->shell->streams.count;
    run_out(f, s);
    assert_int_equal(f->shell->streams.count, before - 1);
    hang_up(fds);
}

static void who_left_before_the_handshake_began_costs_no_step(void **state)
{
    static const uint8_t hello[] = {0x16, 3, 1, 0, 100};
    struct fixture *f = *state;
    start(f);
    const int fd = dial(shell_mqtt_port(f->shell));
    assert_int_equal(send(fd, hello, sizeof hello, 0), sizeof hello);
    close(fd);
    until(f, f->logged > 0);
    assert_non_null(strstr(f->last_line, "left before its TLS handshake began"));
    assert_int_equal(f->shell->streams.count, 0);
}

static void credentials_count_by_the_address_of_the_peer(void **state)
{
    struct fixture *f = *state;
    start(f);
    client_start(f, &f->clients[0], shell_mqtt_port(f->shell));
    until(f, f->clients[0].open);
    struct stream *s = f->shell->streams.first->owner;
    assert_int_equal(conn_address(s->conn).len, 4);
    assert_memory_equal(conn_address(s->conn).ptr, "\x7f\0\0\1", 4);
}

static void an_address_of_ipv6_counts_by_its_network(void **state)
{
    struct stream s = {.address = {.ss_family = AF_INET6}};
    struct sockaddr_in6 *six = (void *)&s.address;
    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:2:3:4:5:6", &six->sin6_addr), 1);
    assert_int_equal(stream_address(&s).len, 8);
    assert_memory_equal(stream_address(&s).ptr, &six->sin6_addr, 8);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &six->sin6_addr), 1);
    assert_int_equal(stream_address(&s).len, 4);
    assert_memory_equal(stream_address(&s).ptr, "\xc0\0\2\1", 4);
    s.address.ss_family = AF_UNIX;
    assert_int_equal(stream_address(&s).len, 0);
}

/* A crowd whose steps take tens of turns; the client of HTTP needs two steps and the bytes in between. */
static void handshake_of_http_does_not_stand_in_line_with_devices(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    const int on = 1;
    int fds[CROWD];
    start(f);
    dial_crowd(f, fds);
    until(f, f->shell->shaking.count >= SHELL_MAX_HANDSHAKES);
    client_start(f, c, shell_https_port(f->shell));
    assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    until(f, c->open);
    assert_true(f->shell->shaking.count > 0);
    hang_up(fds);
}

/* --- HTTP --- */

static size_t body_at(const struct client *c)
{
    const char *text = (const char *)c->in, *end = strstr(text, "\r\n\r\n");
    return end != NULL ? (size_t)(end - text) + 4 : SIZE_MAX;
}

/* Is a whole answer with a Content-Length here? */
static bool answered(const struct client *c)
{
    const size_t at = body_at(c);
    const char *length = strstr((const char *)c->in, "Content-Length: ");
    if (at == SIZE_MAX)
        return false;
    return length == NULL || c->in_len >= at + strtoul(length + 16, NULL, 10);
}

static void expect_answer(struct fixture *f, struct client *c, int status)
{
    char start_line[32];
    (void)snprintf(start_line, sizeof start_line, "HTTP/1.1 %d", status);
    until(f, answered(c));
    if (strncmp((const char *)c->in, start_line, strlen(start_line)) != 0)
        fail_msg("expected %s, got %s", start_line, (const char *)c->in);
}

#define assert_has(c, text) assert_non_null(strstr((const char *)(c)->in, (text)))

static void http(struct fixture *f, struct client *c, const char *method, const char *target, const char *headers,
                 const char *body, int status)
{
    static char text[4096];
    if (c->tls == NULL)
        client_start(f, c, shell_https_port(f->shell));
    c->in_len = 0;
    c->in[0] = '\0';
    const int len =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: anything\r\n%s\r\n%s", method, target, headers, body);
    assert_true(len > 0 && (size_t)len < sizeof text);
    client_say(c, text, (size_t)len);
    expect_answer(f, c, status);
}

static char *authorized(const struct fixture *f, const char *more)
{
    static char headers[1024];
    (void)snprintf(headers, sizeof headers, "Authorization: %s\r\n%s", f->token, more);
    return headers;
}

#define DEVICES "/api/devices?api-version=2022-07-31"

static void request_with_a_token_is_answered_in_json(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    http(f, c, "GET", DEVICES, authorized(f, ""), "", 200);
    assert_has(c, "Content-Type: application/json; charset=utf-8\r\n");
    assert_string_equal((const char *)c->in + body_at(c), "{\"value\":[]}");
    /* the same connection goes on */
    http(f, c, "GET", DEVICES, authorized(f, ""), "", 200);
}

static void a_refused_token_is_told_how_to_sign_in(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", DEVICES, "Authorization: Basic YTpi\r\n", "", 401);
    assert_has(&f->clients[0], "WWW-Authenticate: SharedAccessSignature realm=\"spoke-central\"\r\n");
    http(f, &f->clients[0], "GET", DEVICES, authorized(f, ""), "", 200);
    assert_null(strstr((const char *)f->clients[0].in, "WWW-Authenticate"));
}

static void a_patch_is_json_or_a_merge_patch(void **state)
{
    static const struct {
        const char *type;
        int status;
    } CASES[] = {{"Content-Length: 2\r\n", 200},
                 {"Content-Length: 2\r\nContent-Type: application/json\r\n", 200},
                 {"Content-Length: 2\r\nContent-Type: Application/JSON; charset=utf-8\r\n", 200},
                 {"Content-Length: 2\r\nContent-Type: application/merge-patch+json\r\n", 200},
                 {"Content-Length: 2\r\nContent-Type: application/json-patch+json\r\n", 415},
                 {"Content-Length: 2\r\nContent-Type: application/x-www-form-urlencoded\r\n", 415},
                 {"Content-Length: 2\r\nContent-Type: json\r\n", 415},
                 {"Content-Length: 2\r\nContent-Type: ;application/json\r\n", 415}};
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    http(f, c, "PUT", "/api/devices/d1?api-version=2022-07-31",
         authorized(f, "Content-Length: 2\r\nContent-Type: text/plain\r\n"), "{}", 200);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        http(f, c, "PATCH", "/api/devices/d1?api-version=2022-07-31", authorized(f, CASES[i].type), "{}",
             CASES[i].status);
    assert_has(c, "x-ms-error-code: UnsupportedMediaType\r\n");
    assert_has(c, "application/json or application/merge-patch+json");
}

/* What devices send in the meantime costs it no further turn. */
static void question_is_answered_in_the_turn_that_brings_it(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    static char text[2048];
    start(f);
    http(f, c, "GET", DEVICES, authorized(f, ""), "", 200);
    settle(f);
    c->in_len = 0;
    c->in[0] = '\0';
    (void)snprintf(text, sizeof text, "GET " DEVICES " HTTP/1.1\r\nHost: x\r\n%s\r\n", authorized(f, ""));
    client_say(c, text, strlen(text));
    client_step(c);
    shell_wait(f->shell, 1000);
    shell_turn(f->shell);
    client_step(c);
    assert_true(answered(c));
}

static void request_without_a_token_is_refused_with_its_code(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", DEVICES, "", "", 401);
    assert_has(&f->clients[0], "x-ms-error-code: ");
    assert_has(&f->clients[0], "{\"error\":");
}

static void head_is_get_without_a_body(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    client_start(f, c, shell_https_port(f->shell));
    char text[2048];
    (void)snprintf(text, sizeof text, "HEAD " DEVICES " HTTP/1.1\r\nHost: x\r\n%s\r\n", authorized(f, ""));
    client_say(c, text, strlen(text));
    until(f, body_at(c) != SIZE_MAX);
    assert_int_equal(strncmp((const char *)c->in, "HTTP/1.1 200", 12), 0);
    assert_int_equal(c->in_len, body_at(c));
}

static void options_names_the_methods(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "OPTIONS", "/api/devices", "", "", 204);
    assert_has(&f->clients[0], "Allow: GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS\r\n");
}

static void a_wrong_method_is_told_the_right_ones_in_a_header(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "POST", "/api/devices/d1?api-version=2022-07-31", authorized(f, ""), "{}", 405);
    assert_has(&f->clients[0], "Allow: GET, HEAD, PUT, PATCH, DELETE\r\n");
}

/* --- the web page --- */

static void page_needs_no_token_and_allows_nothing_foreign(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    http(f, c, "GET", "/", "", "", 200);
    assert_has(c, "Content-Security-Policy: default-src 'self';");
    assert_has(c, "frame-ancestors 'none'");
    assert_has(c, "X-Content-Type-Options: nosniff\r\n");
    assert_has(c, "Referrer-Policy: no-referrer\r\n");
    assert_has(c, "Cache-Control: no-cache\r\n");
    assert_null(strstr((const char *)c->in, "unsafe-inline"));
    assert_null(strstr((const char *)c->in, "Content-Encoding"));
}

static void page_that_the_browser_has_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    char header[64];
    start(f);
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", page_find("/")->etag);
    http(f, c, "GET", "/", header, "", 304);
    assert_int_equal(c->in_len, body_at(c));
    http(f, c, "GET", "/", "If-None-Match: \"other\"\r\n", "", 200);
}

static void page_is_packed_for_who_takes_gzip(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    if (page_find("/")->gzip.len == 0)
        skip();
    start(f);
    http(f, c, "GET", "/", "Accept-Encoding: br, gzip\r\n", "", 200);
    assert_has(c, "Content-Encoding: gzip\r\n");
    assert_has(c, "Vary: Accept-Encoding\r\n");
    assert_memory_equal(c->in + body_at(c), page_find("/")->gzip.ptr, page_find("/")->gzip.len);
    http(f, c, "GET", "/", "Accept-Encoding: gzip;q=0\r\n", "", 200);
    assert_null(strstr((const char *)c->in, "Content-Encoding"));
}

static void page_is_only_read(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "POST", "/", authorized(f, "Content-Length: 0\r\n"), "", 404);
}

static void path_beside_the_page_leads_to_no_file(void **state)
{
    static const char *const TARGETS[] = {"/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                                          "/app-0.js"};
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        http(f, &f->clients[0], "GET", TARGETS[i], "", "", 401);
        http(f, &f->clients[0], "GET", TARGETS[i], authorized(f, ""), "", 404);
    }
}

static void answers_of_the_api_are_not_stored_by_browsers(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", DEVICES, authorized(f, ""), "", 200);
    assert_has(&f->clients[0], "Cache-Control: no-store\r\n");
    assert_has(&f->clients[0], "X-Content-Type-Options: nosniff\r\n");
}

static void broken_path_is_refused(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", "/api/devices/a%00b?api-version=2022-07-31", authorized(f, ""), "", 400);
    http(f, &f->clients[0], "GET", "/api/devices/a%2fcredentials?api-version=2022-07-31", authorized(f, ""), "",
         400);
    http(f, &f->clients[0], "GET", "/..%2fcentral.db", authorized(f, ""), "", 400);
    assert_has(&f->clients[0], "InvalidRequest");
}

static void body_that_is_announced_too_large_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "PUT", "/api/devices/d?api-version=2022-07-31",
         authorized(f, "Content-Length: 1048577\r\n"), "", 413);
    assert_has(&f->clients[0], "x-ms-error-code: RequestBodyTooLarge\r\n");
}

/* The answer is given and libmicrohttpd gone while most of the body is still to be read. */
static void body_that_is_sent_although_it_was_refused_is_read_and_forgotten(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    const size_t body = 1048577;
    char *text = malloc(body + 256);
    assert_non_null(text);
    start(f);
    const int head =
        snprintf(text, 256, "PUT /api/devices/d HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body);
    memset(text + head, 'x', body);
    client_start(f, c, shell_https_port(f->shell));
    client_say(c, text, (size_t)head + body);
    expect_answer(f, c, 413);
    until(f, c->closed);
    http(f, &f->clients[1], "GET", DEVICES, authorized(f, ""), "", 200);
    free(text);
}

static void body_that_grows_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    const size_t chunk = 0x20000, chunks = 9; /* 9 times 128 KiB */
    size_t len = 0;
    char *text = malloc(chunks * (chunk + 16) + 1024);
    assert_non_null(text);
    start(f);
    len += (size_t)sprintf(text, "PUT /api/devices/d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < chunks; i++) {
        len += (size_t)sprintf(text + len, "%zx\r\n", chunk);
        memset(text + len, 'x', chunk);
        len += chunk;
        len += (size_t)sprintf(text + len, "\r\n");
    }
    len += (size_t)sprintf(text + len, "0\r\n\r\n");
    client_start(f, c, shell_https_port(f->shell));
    client_say(c, text, len);
    expect_answer(f, c, 413);
    free(text);
}

static void large_answer_arrives_whole(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    static struct device d;
    static char text[200001];
    start(f);
    bench_provision(&f->bench, "dev-1");
    device_online(&d, &f->bench, "dev-1", true);
    memset(text, 'm', sizeof text - 1);
    device_publish(&d, "devices/dev-1/messages/events/", text, 1);
    http(f, c, "GET", "/control/devices/dev-1/messages", authorized(f, ""), "", 200);
    assert_true(c->in_len > 200000);
    assert_has(c, text);
    device_goodbye(&d);
}

static void request_that_drips_is_cut(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    static const char text[] =
        "GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    f->options.patience_ms = PATIENCE_MS;
    start(f);
    client_start(f, c, shell_https_port(f->shell));
    until(f, c->open);
    const uint64_t begun = real_ms();
    for (size_t i = 0; !c->closed; i = (i + 1) % (sizeof text - 1)) {
        if (c->out_len == 0)
            client_say(c, text + i, 1);
        turn(f);
        assert_true(real_ms() < begun + TEST_LIMIT_MS);
    }
    assert_true(real_ms() - begun >= PATIENCE_MS - 20);
}

/* One says nothing, one goes no further than the handshake, one drips: all the places there are. */
static void people_find_room_among_connections_that_ask_nothing(void **state)
{
    struct fixture *f = *state;
    static const char question[] = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
                      beginning[] = "GET / HTTP/1.1\r\nX: ";
    struct client *drips = &f->clients[1], *asks = &f->clients[2];
    f->options.max_http = 3;
    start(f);
    client_dial(&f->clients[3], shell_https_port(f->shell)); /* without a word */
    client_start(f, &f->clients[0], shell_https_port(f->shell));
    until(f, f->clients[0].open);
    client_start(f, drips, shell_https_port(f->shell));
    until(f, drips->open);
    client_say(drips, beginning, sizeof beginning - 1);
    until(f, drips->out_len == 0);
    for (int i = 0; i < 4; i++) {
        client_start(f, asks, shell_https_port(f->shell));
        until(f, asks->open || asks->closed);
        assert_true(asks->open);
        client_say(asks, question, sizeof question - 1);
        until(f, strstr((const char *)asks->in, "401") != NULL);
        client_stop(asks);
    }
    assert_true(peer_hung_up(f->clients[3].fd));
}

/* --- an answer that takes its time --- */

#define COMMAND "/api/devices/dev-1/commands/reboot?api-version=2022-07-31"

static void bring_device_online(struct fixture *f, struct device *d)
{
    bench_provision(&f->bench, "dev-1");
    device_online(d, &f->bench, "dev-1", true);
    device_subscribe_ok(d, "$iothub/methods/POST/#", 0);
}

static void ask_command(struct fixture *f, struct client *c)
{
    static char text[2048];
    (void)snprintf(text, sizeof text, "POST " COMMAND " HTTP/1.1\r\nHost: x\r\n%sContent-Length: 2\r\n\r\n{}",
                   authorized(f, ""));
    client_start(f, c, shell_https_port(f->shell));
    client_say(c, text, strlen(text));
}

/* The reply topic of the method call that the device gets. */
static void take_call(struct fixture *f, struct device *d, char *topic, size_t cap)
{
    spoke_mqtt_packet call;
    spoke_str head, rid;
    until(f, core_conn_output(d->conn).len > 0);
    call = device_expect(d, SPOKE_MQTT_PUBLISH);
    assert_true(spoke_str_starts(call.as.publish.topic, SPOKE_STR("$iothub/methods/POST/reboot/")));
    assert_true(spoke_str_cut(call.as.publish.topic, '=', &head, &rid));
    (void)snprintf(topic, cap, "$iothub/methods/res/200/?$rid=%.*s", (int)rid.len, rid.ptr);
}

static void command_is_answered_when_the_device_answers(void **state)
{
    struct fixture *f = *state;
    static struct device d;
    char topic[128];
    start(f);
    bring_device_online(f, &d);
    ask_command(f, &f->clients[0]);
    take_call(f, &d, topic, sizeof topic);
    assert_int_equal(f->clients[0].in_len, 0);
    device_publish(&d, topic, "{\"done\":true}", 0);
    expect_answer(f, &f->clients[0], 201);
    assert_has(&f->clients[0], "{\"done\":true}");
    device_goodbye(&d);
}

static void a_question_under_way_is_not_given_up_for_another(void **state)
{
    struct fixture *f = *state;
    static struct device d;
    char topic[128];
    f->options.max_http = 1;
    start(f);
    bring_device_online(f, &d);
    ask_command(f, &f->clients[0]);
    take_call(f, &d, topic, sizeof topic);
    client_start(f, &f->clients[1], shell_https_port(f->shell));
    until(f, f->clients[1].closed);
    assert_false(f->clients[1].open);
    device_publish(&d, topic, "{\"done\":true}", 0);
    expect_answer(f, &f->clients[0], 201);
    device_goodbye(&d);
}

/* Time alone ends it: no descriptor wakes the loop for the answer. */
static void command_that_nobody_answers_ends_at_its_deadline_without_other_traffic(void **state)
{
    struct fixture *f = *state;
    static struct device d;
    char topic[128];
    start(f);
    bring_device_online(f, &d);
    ask_command(f, &f->clients[0]);
    take_call(f, &d, topic, sizeof topic);
    f->bench.now_ms += 30000;
    turn(f);
    assert_int_equal(shell_sleep_ms(f->shell, 60000), 0);
    expect_answer(f, &f->clients[0], 504);
    device_goodbye(&d);
}

static void client_that_leaves_takes_its_question_along(void **state)
{
    struct fixture *f = *state;
    static struct device d;
    char topic[128];
    start(f);
    bring_device_online(f, &d);
    ask_command(f, &f->clients[0]);
    take_call(f, &d, topic, sizeof topic);
    client_stop(&f->clients[0]);
    for (int i = 0; i < 20; i++)
        turn(f);
    device_publish(&d, topic, "{}", 0); /* nobody asks any more; the sanitizers watch */
    http(f, &f->clients[1], "GET", DEVICES, authorized(f, ""), "", 200);
    device_goodbye(&d);
}

static void service_may_stop_in_the_middle_of_a_question(void **state)
{
    struct fixture *f = *state;
    static struct device d;
    char topic[128];
    start(f);
    bring_device_online(f, &d);
    ask_command(f, &f->clients[0]);
    take_call(f, &d, topic, sizeof topic);
    shell_destroy(f->shell);
    f->shell = NULL;
    device_publish(&d, topic, "{}", 0);
    device_goodbye(&d);
}

/* --- events as they happen --- */

#define STREAM "/api/events/stream?api-version=2022-07-31"

static void happen(struct fixture *f)
{
    assert_ok(core_publish(f->bench.core, EVENT_TEMPLATE_CREATED, NULL, "dtmi:x:y;1", NULL, NULL));
    assert_ok(core_commit(f->bench.core));
}

static void event_reaches_who_follows_the_stream(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    http(f, c, "GET", STREAM, authorized(f, ""), "", 200);
    assert_has(c, "Content-Type: text/event-stream\r\n");
    assert_has(c, "Cache-Control: no-store\r\n");
    until(f, strstr((const char *)c->in, "event: open") != NULL);
    happen(f);
    f->bench.now_ms += 100;
    until(f, strstr((const char *)c->in, "\"templateId\":\"dtmi:x:y;1\"") != NULL);
    http(f, &f->clients[1], "GET", DEVICES, authorized(f, ""), "", 200); /* others are not held up */
}

static void stream_that_waits_costs_no_turns(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", STREAM, authorized(f, ""), "", 200);
    settle(f);
    assert_true(shell_sleep_ms(f->shell, 5000) > 0);
}

static void follower_that_leaves_takes_its_stream_along(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", STREAM, authorized(f, ""), "", 200);
    client_stop(&f->clients[0]);
    for (int i = 0; i < 20; i++)
        turn(f);
    happen(f); /* nobody follows any more; the sanitizers watch */
    f->bench.now_ms += 100;
    http(f, &f->clients[1], "GET", DEVICES, authorized(f, ""), "", 200);
}

static void service_may_stop_while_somebody_follows(void **state)
{
    struct fixture *f = *state;
    start(f);
    http(f, &f->clients[0], "GET", STREAM, authorized(f, ""), "", 200);
    shell_destroy(f->shell);
    f->shell = NULL;
    happen(f);
}

static void head_of_a_stream_is_refused(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    char text[2048];
    start(f);
    client_start(f, c, shell_https_port(f->shell));
    (void)snprintf(text, sizeof text, "HEAD " STREAM " HTTP/1.1\r\nHost: x\r\n%s\r\n", authorized(f, ""));
    client_say(c, text, strlen(text));
    until(f, body_at(c) != SIZE_MAX);
    assert_int_equal(strncmp((const char *)c->in, "HTTP/1.1 406", 12), 0);
}

/* --- WebSocket --- */

#define UPGRADE \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "Sec-WebSocket-Version: 13\r\n"
#define WEBSOCKET_TARGET "/$iothub/websocket?iothub-no-client-cert=true"

static size_t masked(uint8_t *out, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    out[0] = first;
    out[1] = (uint8_t)(0x80 | len);
    memcpy(out + 2, mask, 4);
    for (size_t i = 0; i < len; i++)
        out[6 + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
    return len + 6;
}

static void upgrade(struct fixture *f, struct client *c, const char *protocol)
{
    char headers[512];
    (void)snprintf(headers, sizeof headers, UPGRADE "Sec-WebSocket-Protocol: %s\r\n", protocol);
    http(f, c, "GET", WEBSOCKET_TARGET, headers, "", 101);
    assert_has(c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    assert_int_equal(c->in_len, body_at(c));
    c->in_len = 0;
}

static void websocket_carries_mqtt_whatever_its_frames(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    uint8_t memory[256], frames[600];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    start(f);
    upgrade(f, c, "MQTT");
    assert_has(c, "Sec-WebSocket-Protocol: MQTT\r\n");
    size_t len = masked(frames, 0x02, packet.ptr, 1);
    len += masked(frames + len, 0x89, "hello", 5);
    len += masked(frames + len, 0x80, packet.ptr + 1, packet.len - 1);
    client_say(c, frames, len);
    until(f, c->closed);
    /* a pong, the CONNACK that refuses, a close frame */
    assert_int_equal(c->in_len, 7 + 6 + 4);
    assert_memory_equal(c->in, "\x8A\x05hello\x82\x04\x20\x02\x00\x05\x88\x02\x03\xe8", 17);
}

static void frames_right_behind_the_upgrade_are_not_lost(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    uint8_t memory[256], text[1024];
    const spoke_buf packet = stranger_connect(memory, sizeof memory);
    start(f);
    client_start(f, c, shell_https_port(f->shell));
    size_t len = (size_t)sprintf((char *)text, "GET /%%24iothub/websocket HTTP/1.1\r\nHost: x\r\n" UPGRADE
                                               "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    len += masked(text + len, 0x82, packet.ptr, packet.len);
    client_say(c, text, len);
    until(f, c->closed);
    assert_true(body_at(c) != SIZE_MAX);
    assert_int_equal(c->in_len - body_at(c), 6 + 4);
    assert_memory_equal(c->in + body_at(c), "\x82\x04\x20\x02\x00\x05\x88\x02\x03\xe8", 10);
}

static void close_frame_is_echoed(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    uint8_t frame[64];
    start(f);
    upgrade(f, c, "mqtt");
    client_say(c, frame, masked(frame, 0x88, "\x03\xe9going", 7));
    until(f, c->closed);
    assert_int_equal(c->in_len, 4);
    assert_memory_equal(c->in, "\x88\x02\x03\xe9", 4);
}

static void frame_that_breaks_the_rules_is_told_why(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    start(f);
    upgrade(f, c, "mqtt");
    client_say(c, "\x82\x01x", 3);
    until(f, c->closed);
    assert_int_equal(c->in_len, 4);
    assert_memory_equal(c->in, "\x88\x02\x03\xea", 4);
}

static void upgrade_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *method, *headers;
        int status;
    } rows[] = {
        {"GET", "", 400},
        {"GET", UPGRADE, 400},
        {"GET", UPGRADE "Sec-WebSocket-Protocol: amqp\r\n", 400},
        {"POST", UPGRADE "Sec-WebSocket-Protocol: mqtt\r\nContent-Length: 0\r\n", 400},
        {"GET",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Protocol: mqtt\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426},
        {"GET",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
         "Sec-WebSocket-Key: short\r\n",
         400},
    };
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        http(f, &f->clients[0], rows[i].method, WEBSOCKET_TARGET, rows[i].headers, "", rows[i].status);
}

static void peer_that_asks_and_does_not_read_is_closed(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->clients[0];
    static uint8_t pings[131 * 1000];
    size_t len = 0;
    f->options.patience_ms = PATIENCE_MS;
    start(f);
    upgrade(f, c, "mqtt");
    while (len + 131 <= sizeof pings)
        len += masked(pings + len, 0x89, pings, 125);
    c->deaf = true;
    const int before = f->logged;
    const uint64_t end = real_ms() + TEST_LIMIT_MS;
    while (f->logged == before && real_ms() < end) {
        if (c->out_len == 0)
            client_say(c, pings, len);
        turn(f);
    }
    assert_true(f->logged > before);
}

static void service_may_stop_with_open_websockets(void **state)
{
    struct fixture *f = *state;
    start(f);
    upgrade(f, &f->clients[0], "mqtt");
    client_start(f, &f->clients[1], shell_mqtt_port(f->shell));
    until(f, f->clients[1].open);
    client_start(f, &f->clients[2], shell_https_port(f->shell));
    until(f, f->clients[2].open);
}

/* --- starting --- */

static void port_in_use_is_named_with_its_flag(void **state)
{
    struct fixture *f = *state;
    struct shell *second = NULL;
    char why[256] = "", number[8];
    start(f);
    f->options.https_port = shell_https_port(f->shell);
    assert_int_equal(shell_create(&f->options, &second, why, sizeof why), SPOKE_E_PORT);
    (void)snprintf(number, sizeof number, "%u", (unsigned)f->options.https_port);
    assert_non_null(strstr(why, number));
    assert_non_null(strstr(why, "--https-port"));
    f->options.bind_address = "localhost:1";
    assert_int_equal(shell_create(&f->options, &second, why, sizeof why), SPOKE_E_ARG);
    f->options.bind_address = "192.0.2.1";
    assert_int_equal(shell_create(&f->options, &second, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, "--bind"));
}

#define SHELL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHELL_TEST(refusal_reaches_the_device_before_the_end),
        SHELL_TEST(packets_in_single_bytes_are_put_together),
        SHELL_TEST(records_that_come_together_are_all_read),
        SHELL_TEST(device_that_leaves_is_forgotten),
        SHELL_TEST(connection_above_the_limit_is_closed_with_a_log_line),
        SHELL_TEST(plain_connections_have_a_limit_of_their_own),
        SHELL_TEST(a_plain_refusal_arrives_before_the_end),
        SHELL_TEST(the_end_of_a_plain_stream_publishes_the_will),
        SHELL_TEST(a_plain_peer_that_does_not_read_is_hung_up_on),
        SHELL_TEST(silence_instead_of_a_handshake_is_not_waited_for),
        SHELL_TEST(plain_text_on_a_tls_port_is_refused_with_a_log_line),
        SHELL_TEST(lack_of_descriptors_is_waited_out),
        SHELL_TEST(more_devices_than_open_files_are_refused_with_a_sentence),
        SHELL_TEST(usual_number_of_devices_gives_way_to_the_limit_of_open_files),
        SHELL_TEST(turn_does_not_look_at_connections_that_are_silent),
        SHELL_TEST(record_costs_one_look_to_receive_and_one_to_send),
        SHELL_TEST(turn_reads_no_more_than_its_share_and_the_others_are_next),
        SHELL_TEST(handshakes_that_break_off_in_a_crowd_share_a_line),
        SHELL_TEST(connections_above_the_limit_share_a_line),
        SHELL_TEST(turn_steps_no_more_than_a_few_handshakes),
        SHELL_TEST(connections_wait_in_the_backlog_while_handshakes_are_behind),
        SHELL_TEST(credentials_count_by_the_address_of_the_peer),
        cmocka_unit_test(an_address_of_ipv6_counts_by_its_network),
        SHELL_TEST(handshake_that_has_begun_goes_on_before_others_begin),
        SHELL_TEST(peer_that_waits_for_our_step_is_not_given_up_so_soon),
        SHELL_TEST(who_left_before_the_handshake_began_costs_no_step),
        SHELL_TEST(handshake_of_http_does_not_stand_in_line_with_devices),
        SHELL_TEST(request_with_a_token_is_answered_in_json),
        SHELL_TEST(a_refused_token_is_told_how_to_sign_in),
        SHELL_TEST(a_patch_is_json_or_a_merge_patch),
        SHELL_TEST(question_is_answered_in_the_turn_that_brings_it),
        SHELL_TEST(request_without_a_token_is_refused_with_its_code),
        SHELL_TEST(head_is_get_without_a_body),
        SHELL_TEST(options_names_the_methods),
        SHELL_TEST(a_wrong_method_is_told_the_right_ones_in_a_header),
        SHELL_TEST(page_needs_no_token_and_allows_nothing_foreign),
        SHELL_TEST(page_that_the_browser_has_is_not_sent_again),
        SHELL_TEST(page_is_packed_for_who_takes_gzip),
        SHELL_TEST(page_is_only_read),
        SHELL_TEST(path_beside_the_page_leads_to_no_file),
        SHELL_TEST(answers_of_the_api_are_not_stored_by_browsers),
        SHELL_TEST(broken_path_is_refused),
        SHELL_TEST(body_that_is_announced_too_large_is_refused_at_once),
        SHELL_TEST(body_that_is_sent_although_it_was_refused_is_read_and_forgotten),
        SHELL_TEST(body_that_grows_too_large_is_refused),
        SHELL_TEST(large_answer_arrives_whole),
        SHELL_TEST(request_that_drips_is_cut),
        SHELL_TEST(people_find_room_among_connections_that_ask_nothing),
        SHELL_TEST(a_question_under_way_is_not_given_up_for_another),
        SHELL_TEST(command_is_answered_when_the_device_answers),
        SHELL_TEST(command_that_nobody_answers_ends_at_its_deadline_without_other_traffic),
        SHELL_TEST(client_that_leaves_takes_its_question_along),
        SHELL_TEST(service_may_stop_in_the_middle_of_a_question),
        SHELL_TEST(event_reaches_who_follows_the_stream),
        SHELL_TEST(stream_that_waits_costs_no_turns),
        SHELL_TEST(follower_that_leaves_takes_its_stream_along),
        SHELL_TEST(service_may_stop_while_somebody_follows),
        SHELL_TEST(head_of_a_stream_is_refused),
        SHELL_TEST(websocket_carries_mqtt_whatever_its_frames),
        SHELL_TEST(frames_right_behind_the_upgrade_are_not_lost),
        SHELL_TEST(close_frame_is_echoed),
        SHELL_TEST(frame_that_breaks_the_rules_is_told_why),
        SHELL_TEST(upgrade_that_is_none_is_refused),
        SHELL_TEST(peer_that_asks_and_does_not_read_is_closed),
        SHELL_TEST(service_may_stop_with_open_websockets),
        SHELL_TEST(port_in_use_is_named_with_its_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
