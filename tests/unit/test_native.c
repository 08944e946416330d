#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include <spoke/transport.h>

#include "support/test_ca.h"

/* --- a port in memory --- */

enum { RX_BYTES = 8192, TX_BYTES = 65536 };

struct fake_port {
    spoke_platform platform;
    spoke_net net;
    uint64_t now;
    spoke_status init_status, open_status, step_status;
    int32_t detail;
    bool open, ended;
    uint8_t rx[RX_BYTES], tx[TX_BYTES];
    size_t rx_at, rx_end, tx_len;
    size_t room; /* bytes that write still takes */
    unsigned opens, reads, writes, waits, wakes, inits, finis, warnings;
    unsigned want;      /* of the last wait */
    uint32_t limit_ms;  /* of the last wait */
    const char *answer; /* arrives while the next wait sleeps */
    size_t answer_len;
};

static uint64_t fake_now(void *ctx)
{
    return ((struct fake_port *)ctx)->now;
}

static spoke_status fake_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 4, len);
    return SPOKE_OK;
}

static void fake_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)module;
    (void)line;
    ((struct fake_port *)ctx)->warnings += level == SPOKE_LOG_WARN ? 1 : 0;
}

static spoke_status fake_init(void *ctx, void *link)
{
    struct fake_port *p = ctx;
    *(uint64_t *)link = 0;
    p->inits++;
    return p->init_status;
}

static void fake_fini(void *ctx, void *link)
{
    (void)link;
    ((struct fake_port *)ctx)->finis++;
}

static spoke_status fake_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct fake_port *p = ctx;
    (void)link;
    (void)host;
    (void)port;
    p->opens++;
    p->open = p->open_status == SPOKE_OK;
    p->ended = false;
    p->rx_at = p->rx_end = p->tx_len = 0;
    return p->open_status;
}

static spoke_status fake_step(void *ctx, void *link)
{
    (void)link;
    return ((struct fake_port *)ctx)->step_status;
}

static spoke_status fake_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct fake_port *p = ctx;
    (void)link;
    p->reads++;
    *count = p->rx_end - p->rx_at < cap ? p->rx_end - p->rx_at : cap;
    memcpy(out, p->rx + p->rx_at, *count);
    p->rx_at += *count;
    if (*count > 0)
        return SPOKE_OK;
    return p->ended || !p->open ? SPOKE_E_NET : SPOKE_E_AGAIN;
}

/* TLS alerts of the level "warning", faster than anybody reads them. It ends only to end the test. */
static spoke_status flooded_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    static const uint8_t warning[] = {0x15, 3, 3, 0, 2, 1, 90};
    struct fake_port *p = ctx;
    (void)link;
    p->reads++;
    for (*count = 0; *count < cap; ++*count)
        out[*count] = warning[p->rx_at++ % sizeof(warning)];
    return p->reads < 10000 ? SPOKE_OK : SPOKE_E_NET;
}

static spoke_status fake_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct fake_port *p = ctx;
    (void)link;
    p->writes++;
    if (!p->open)
        return SPOKE_E_NET;
    *count = len < p->room ? len : p->room;
    assert_true(*count <= TX_BYTES - p->tx_len);
    memcpy(p->tx + p->tx_len, bytes, *count);
    p->tx_len += *count;
    p->room -= *count;
    return *count > 0 ? SPOKE_OK : SPOKE_E_AGAIN;
}

static void fake_close(void *ctx, void *link)
{
    (void)link;
    ((struct fake_port *)ctx)->open = false;
}

static void arrives(struct fake_port *p, const void *bytes, size_t len)
{
    assert_true(len <= RX_BYTES - p->rx_end);
    memcpy(p->rx + p->rx_end, bytes, len);
    p->rx_end += len;
}

static void fake_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct fake_port *p = ctx;
    (void)link;
    p->waits++;
    p->want = want;
    p->limit_ms = limit_ms;
    if (limit_ms > 0 && p->answer != NULL) {
        arrives(p, p->answer, p->answer_len);
        p->answer = NULL;
    } else {
        p->now += limit_ms;
    }
}

static void fake_wake(void *ctx, void *link)
{
    (void)link;
    ((struct fake_port *)ctx)->wakes++;
}

static int fake_fd(void *ctx, void *link)
{
    (void)ctx;
    (void)link;
    return 42;
}

static int32_t fake_detail(void *ctx, void *link)
{
    (void)link;
    return ((struct fake_port *)ctx)->detail;
}

static void fake_port_init(struct fake_port *p)
{
    memset(p, 0, sizeof(*p));
    p->now = 1000;
    p->room = TX_BYTES;
    p->net =
        (spoke_net){sizeof(spoke_net), sizeof(uint64_t), fake_init, fake_fini, fake_open, fake_step,  fake_read,
                    fake_write,        fake_close,       fake_wait, fake_wake, fake_fd,   fake_detail};
    p->platform = (spoke_platform){.struct_size = sizeof(spoke_platform),
                                   .ctx = p,
                                   .monotonic_ms = fake_now,
                                   .random = fake_random,
                                   .log = fake_log,
                                   .net = &p->net};
}

/* --- a plain transport over it --- */

struct fixture {
    struct fake_port port;
    const spoke_transport_ops *ops;
    spoke_transport_options options;
    uint8_t *memory;
    size_t size;
    spoke_transport *t;
    spoke_transport_event event; /* the last */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    fake_port_init(&f->port);
    f->ops = spoke_transport_native();
    f->options.platform = &f->port.platform;
    f->options.tls.test_only = SPOKE_TEST_ONLY_PLAINTEXT;
    f->options.limits =
        (spoke_mqtt_limits){.receive_bytes = 256, .send_bytes = 512, .in_flight = 4, .receipts = 1};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->t != NULL)
        f->ops->fini(f->t);
    free(f->memory);
    free(f);
    return 0;
}

static void make(struct fixture *f)
{
    spoke_error error;
    f->size = f->ops->size(&f->options);
    assert_true(f->size > 0);
    f->memory = malloc(f->size);
    assert_non_null(f->memory);
    assert_ok(f->ops->init(f->memory, f->size, &f->options, &f->t, &error));
}

static spoke_transport_target target(void)
{
    const spoke_transport_target target = {.host = "hub.example",
                                           .port = 8883,
                                           .mqtt = {.client_id = SPOKE_STR("d"), .keep_alive_s = 100},
                                           .connect_limit_ms = 5000};
    return target;
}

static void open_link(struct fixture *f)
{
    const spoke_transport_target to = target();
    assert_ok(f->ops->open(f->t, &to));
}

static bool next(struct fixture *f)
{
    return f->ops->next(f->t, &f->event) == SPOKE_OK;
}

static void expect(struct fixture *f, spoke_transport_event_kind kind)
{
    assert_true(next(f));
    assert_int_equal(f->event.kind, kind);
}

static void expect_nothing(struct fixture *f)
{
    assert_false(next(f));
}

static void expect_closed(struct fixture *f, spoke_status status, spoke_source source)
{
    expect(f, SPOKE_TRANSPORT_CLOSED);
    assert_int_equal(f->event.error.status, status);
    assert_int_equal(f->event.error.source, source);
    assert_non_null(f->event.error.text);
    expect_nothing(f);
}

static void connect_link(struct fixture *f)
{
    make(f);
    open_link(f);
    arrives(&f->port, "\x20\x02\x00\x00", 4);
    f->ops->step(f->t, 0);
    expect(f, SPOKE_TRANSPORT_CONNECTED);
    expect_nothing(f);
    f->ops->step(f->t, 0); /* finds the link empty */
    f->port.tx_len = 0;
    f->port.reads = f->port.writes = f->port.waits = 0;
}

static spoke_status publish(struct fixture *f, uint32_t token, spoke_str payload)
{
    const spoke_mqtt_publish_options message = {
        .topic = SPOKE_STR("t"), .parts = &payload, .part_count = 1, .qos = 1, .token = token};
    return f->ops->publish(f->t, &message, NULL);
}

/* --- memory and set-up --- */

static void a_limit_out_of_range_has_no_size(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->ops->size(NULL), 0);
    f->options.limits.receive_bytes = 1;
    assert_int_equal(f->ops->size(&f->options), 0);
    f->options.limits.receive_bytes = 256;
    f->port.net.link_bytes = SIZE_MAX - 64;
    assert_int_equal(f->ops->size(&f->options), 0);
}

static void an_incomplete_platform_is_refused(void **state)
{
    struct fixture *f = *state;
    spoke_error error;
    uint64_t memory[512];
    f->port.platform.random = NULL;
    assert_int_equal(f->ops->size(&f->options), 0);
    assert_int_equal(f->ops->init(memory, sizeof(memory), &f->options, &f->t, &error), SPOKE_E_ARG);
    assert_int_equal(error.status, SPOKE_E_ARG);
    f->port.platform.random = fake_random;
    f->options.platform = NULL;
    assert_int_equal(f->ops->init(memory, sizeof(memory), &f->options, &f->t, &error), SPOKE_E_ARG);
}

static void the_memory_asked_for_is_exactly_enough(void **state)
{
    struct fixture *f = *state;
    spoke_error error;
    const size_t size = f->ops->size(&f->options);
    f->memory = malloc(size + 1);
    f->memory[size] = 0xa5;
    assert_int_equal(f->ops->init(f->memory, size - 1, &f->options, &f->t, &error), SPOKE_E_NO_MEMORY);
    assert_int_equal(f->ops->init(f->memory + 1, size, &f->options, &f->t, &error), SPOKE_E_ARG);
    assert_null(f->t);
    assert_ok(f->ops->init(f->memory, size, &f->options, &f->t, &error));
    open_link(f);
    f->ops->step(f->t, 0);
    assert_int_equal(f->memory[size], 0xa5);
}

static spoke_error init_error(struct fixture *f)
{
    spoke_error error = {SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, NULL};
    f->size = f->ops->size(&f->options);
    assert_true(f->size > 0);
    void *memory = malloc(f->size);
    const spoke_status status = f->ops->init(memory, f->size, &f->options, &f->t, &error);
    if (status == SPOKE_OK)
        f->ops->fini(f->t);
    f->t = NULL;
    free(memory);
    assert_int_equal(error.status, status);
    assert_non_null(error.text);
    return error;
}

static void mistakes_in_trust_and_keys_show_at_init(void **state)
{
    struct fixture *f = *state;
    f->options.tls.test_only = 0;
    f->options.tls.trust_pem = "not a certificate";
    assert_int_equal(init_error(f).status, SPOKE_E_CERTIFICATE);
    f->options.tls.trust_pem = NULL;
    f->options.tls.trust_file = "/nonexistent/trust.pem";
    assert_int_equal(init_error(f).status, SPOKE_E_NOT_FOUND);
    struct test_ca *ca = test_ca_create("Root");
    f->options.tls.trust_pem = test_ca_pem(ca); /* wins over the file */
    assert_int_equal(init_error(f).status, SPOKE_OK);
    f->options.tls.client_cert_pem = test_ca_pem(ca);
    assert_int_equal(init_error(f).status, SPOKE_E_ARG); /* without its key */
    test_ca_destroy(ca);
    assert_int_equal(f->port.inits, f->port.finis);
}

static void without_any_trust_the_systems_bundle_is_read(void **state)
{
    struct fixture *f = *state;
    f->options.tls.test_only = 0;
    char *bundle = test_read_file("/etc/ssl/certs/ca-certificates.crt", NULL);
    assert_int_equal(init_error(f).status, bundle != NULL ? SPOKE_OK : SPOKE_E_NOT_FOUND);
    free(bundle);
}

static void a_port_that_cannot_begin_is_told(void **state)
{
    struct fixture *f = *state;
    f->port.init_status = SPOKE_E_PORT;
    f->port.detail = 24;
    const spoke_error error = init_error(f);
    assert_int_equal(error.status, SPOKE_E_PORT);
    assert_int_equal(error.source, SPOKE_SOURCE_PORT);
    assert_int_equal(error.detail, 24);
}

/* --- opening --- */

static void a_target_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    char host[SPOKE_MAX_HOST_BYTES + 2];
    make(f);
    spoke_transport_target to = target();
    to.host = "";
    assert_int_equal(f->ops->open(f->t, &to), SPOKE_E_ARG);
    memset(host, 'h', sizeof(host));
    host[sizeof(host) - 1] = '\0';
    to.host = host;
    assert_int_equal(f->ops->open(f->t, &to), SPOKE_E_ARG);
    to = target();
    to.port = 0;
    assert_int_equal(f->ops->open(f->t, &to), SPOKE_E_ARG);
    expect_nothing(f);
    open_link(f);
}

static void a_connect_larger_than_the_buffer_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    static const char password[600] = "p";
    make(f);
    spoke_transport_target to = target();
    to.mqtt.username = SPOKE_STR("u");
    to.mqtt.password = spoke_str_from(password, sizeof(password));
    assert_int_equal(f->ops->open(f->t, &to), SPOKE_E_TOO_SMALL);
    assert_int_equal(f->port.opens, 0);
    expect_nothing(f);
}

static void test_only_options_warn_at_every_open(void **state)
{
    struct fixture *f = *state;
    make(f);
    for (unsigned i = 1; i <= 2; i++) {
        open_link(f);
        assert_int_equal(f->port.warnings, i);
        f->ops->abort(f->t);
        expect_closed(f, SPOKE_OK, SPOKE_SOURCE_CLIENT);
    }
}

static void a_port_that_cannot_open_ends_in_closed(void **state)
{
    struct fixture *f = *state;
    make(f);
    f->port.open_status = SPOKE_E_NET;
    f->port.detail = 24;
    open_link(f);
    expect_closed(f, SPOKE_E_NET, SPOKE_SOURCE_PORT);
    open_link(f);
}

static void each_stage_fails_under_its_own_name(void **state)
{
    struct fixture *f = *state;
    static const struct {
        spoke_status port, status;
        const char *word;
    } cases[] = {{SPOKE_E_DNS, SPOKE_E_DNS, "name"}, {SPOKE_E_NET, SPOKE_E_NET, "TCP"}};
    make(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->port.step_status = cases[i].port;
        f->port.detail = 111;
        open_link(f);
        f->ops->step(f->t, 0);
        assert_true(next(f));
        assert_int_equal(f->event.error.status, cases[i].status);
        assert_int_equal(f->event.error.detail, 111);
        assert_non_null(strstr(f->event.error.text, cases[i].word));
    }
}

static void a_stage_that_takes_too_long_is_named(void **state)
{
    struct fixture *f = *state;
    make(f);
    f->port.step_status = SPOKE_E_AGAIN;
    for (int32_t detail = 0; detail <= 115; detail += 115) {
        f->port.detail = detail;
        open_link(f);
        f->ops->step(f->t, 0);
        expect_nothing(f);
        f->port.now += 4999;
        f->ops->step(f->t, 0);
        expect_nothing(f);
        f->port.now += 1;
        f->ops->step(f->t, 0);
        expect(f, SPOKE_TRANSPORT_CLOSED);
        assert_int_equal(f->event.error.status, SPOKE_E_TIMEOUT);
        assert_non_null(strstr(f->event.error.text, detail == 0 ? "name server" : "host"));
    }
}

static void the_sleep_ends_at_the_connect_limit(void **state)
{
    struct fixture *f = *state;
    make(f);
    f->port.step_status = SPOKE_E_AGAIN;
    open_link(f);
    f->ops->step(f->t, 60000);
    assert_int_equal(f->port.limit_ms, 5000);
    expect(f, SPOKE_TRANSPORT_CLOSED);
}

static void a_flood_of_warnings_does_not_outlast_the_connect_limit(void **state)
{
    struct fixture *f = *state;
    f->options.tls.test_only = SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER;
    f->port.net.read = flooded_read;
    make(f);
    open_link(f);
    f->ops->step(f->t, 10);
    assert_in_range(f->port.reads, 1, 1000);
    expect_nothing(f);
    f->port.now += 5000;
    f->ops->step(f->t, 10);
    expect_closed(f, SPOKE_E_TIMEOUT, SPOKE_SOURCE_TLS);
}

/* The refusal is the reason, whatever else happens in the same moment. */
static void a_refusal_outweighs_the_loss_that_follows(void **state)
{
    struct fixture *f = *state;
    make(f);
    open_link(f);
    f->port.room = 5; /* of the CONNECT: what is left fails later */
    arrives(&f->port, "\x20\x02\x00\x05", 4);
    f->ops->step(f->t, 0);
    f->port.open = false;
    f->ops->step(f->t, 0);
    expect_closed(f, SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT);
}

/* --- rounds --- */

static void a_round_is_one_write_and_one_read(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    for (uint32_t i = 0; i < 4; i++)
        assert_ok(publish(f, i, SPOKE_STR("x")));
    assert_int_equal(f->port.writes, 0);
    arrives(&f->port, "\xd0\x00", 2);
    f->ops->step(f->t, 0);
    assert_int_equal(f->port.writes, 1);
    assert_int_equal(f->port.reads, 1);
    assert_int_equal(f->port.tx_len, 4 * 8);
}

static void a_quiet_link_sends_before_it_sleeps_and_reads_once_after(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    assert_ok(publish(f, 7, SPOKE_STR("x")));
    f->port.answer = "\x40\x02\x00\x01";
    f->port.answer_len = 4;
    f->ops->step(f->t, 1000);
    assert_int_equal(f->port.tx_len, 8);
    assert_int_equal(f->port.waits, 1);
    assert_int_equal(f->port.reads, 1);
    assert_int_equal(f->port.writes, 1);
    expect(f, SPOKE_TRANSPORT_ACKED);
    assert_int_equal(f->event.token, 7);
}

static void events_that_wait_keep_it_from_sleeping(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    arrives(&f->port, "\x30\x03\x00\x01t", 5);
    f->ops->step(f->t, 0);
    assert_int_equal(f->ops->next_ms(f->t), 0);
    f->ops->step(f->t, 1000);
    assert_int_equal(f->port.limit_ms, 0);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
    assert_str(f->event.topic, "t");
}

static void the_sleep_ends_when_a_ping_is_due(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    f->ops->step(f->t, 1000000);
    assert_int_equal(f->port.limit_ms, 100000);
    assert_int_equal(f->port.tx_len, 2);
    assert_int_equal(f->port.tx[0], 0xc0);
}

static void a_closed_transport_sleeps_until_woken(void **state)
{
    struct fixture *f = *state;
    make(f);
    f->ops->step(f->t, 1234);
    assert_int_equal(f->port.limit_ms, 1234);
    assert_int_equal(f->port.waits, 1);
    assert_int_equal(f->port.reads, 0);
    assert_int_equal(f->ops->next_ms(f->t), UINT32_MAX);
    assert_int_equal(f->ops->fd(f->t), 42);
    f->ops->wake(f->t);
    assert_int_equal(f->port.wakes, 1);
}

static void next_ms_says_when_the_next_step_is_due(void **state)
{
    struct fixture *f = *state;
    make(f);
    open_link(f);
    assert_int_equal(f->ops->next_ms(f->t), 0);
    f->ops->step(f->t, 0);
    assert_int_equal(f->ops->next_ms(f->t), 5000);
    f->ops->fini(f->t);
    free(f->memory);
    connect_link(f);
    assert_int_equal(f->ops->next_ms(f->t), 100000);
    assert_ok(publish(f, 1, SPOKE_STR("x")));
    assert_int_equal(f->ops->next_ms(f->t), 0);
    f->ops->step(f->t, 0);
    assert_int_equal(f->ops->next_ms(f->t), 100000);
}

/* --- back-pressure --- */

static void a_stuck_link_is_waited_for_and_nothing_is_lost_or_doubled(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    assert_ok(publish(f, 1, SPOKE_STR("first")));
    f->port.room = 3;
    f->ops->step(f->t, 0);
    assert_int_equal(f->port.want, SPOKE_WANT_READ | SPOKE_WANT_WRITE);
    assert_true(f->ops->next_ms(f->t) > 0);
    assert_ok(publish(f, 2, SPOKE_STR("second")));
    for (int i = 0; i < 40; i++) {
        f->port.room = 1;
        f->ops->step(f->t, 10);
    }
    assert_int_equal(f->port.want, SPOKE_WANT_READ);
    static const char expected[] = "\x32\x0a\x00\x01t\x00\x01"
                                   "first\x32\x0b\x00\x01t\x00\x02second";
    assert_int_equal(f->port.tx_len, sizeof(expected) - 1);
    assert_memory_equal(f->port.tx, expected, sizeof(expected) - 1);
}

/* Whoever polls with a limit may still sleep on the descriptor afterwards. */
static void the_port_hears_of_a_link_that_got_stuck_after_the_sleep(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    f->port.room = 0;
    f->ops->step(f->t, 200000); /* until the PINGREQ, which does not leave */
    expect_nothing(f);
    assert_true(f->ops->next_ms(f->t) > 0);
    assert_int_equal(f->port.want, SPOKE_WANT_READ | SPOKE_WANT_WRITE);
}

static void without_a_free_receipt_it_stops_listening_and_does_not_spin(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    arrives(&f->port, "\x32\x05\x00\x01t\x00\x05\x32\x05\x00\x01t\x00\x06", 14);
    f->ops->step(f->t, 0);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
    expect_nothing(f);
    f->ops->step(f->t, 50);
    assert_int_equal(f->port.want, 0);
    assert_int_equal(f->port.limit_ms, 50);
    assert_true(f->ops->next_ms(f->t) > 0);
    assert_ok(f->ops->ack(f->t, 5));
    assert_int_equal(f->ops->next_ms(f->t), 0);
    f->ops->step(f->t, 50);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
    assert_int_equal(f->event.receipt, 6);
    assert_int_equal(f->ops->ack(f->t, 5), SPOKE_E_NOT_FOUND);
}

static void a_message_is_told_once_its_receipt_finds_room(void **state)
{
    struct fixture *f = *state;
    f->options.limits.send_bytes = 64;
    connect_link(f);
    arrives(&f->port, "\x32\x05\x00\x01t\x00\x05\x32\x05\x00\x01t\x00\x06", 14);
    f->ops->step(f->t, 0);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
    f->port.room = 0;
    assert_ok(publish(f, 1, SPOKE_STR("0123456789012345678901234567890123456789012345678901234"))); /* 62 */
    assert_ok(f->ops->ack(f->t, 5));
    expect_nothing(f);
    f->ops->step(f->t, 0);
    expect_nothing(f);
    f->port.room = TX_BYTES;
    f->ops->step(f->t, 0);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
    assert_int_equal(f->event.receipt, 6);
}

/* A program with its own loop sleeps on fd and next_ms; for what was read ahead the port will not call it. */
static void next_ms_counts_what_was_read_ahead(void **state)
{
    static const char message[] = "\x30\x4b\x00\x01t"
                                  "012345678901234567890123456789012345678901234567890123456789012345678901";
    struct fixture *f = *state;
    connect_link(f);
    for (int i = 0; i < 4; i++) /* 308 bytes, and the session takes 256 */
        arrives(&f->port, message, sizeof(message) - 1);
    f->ops->step(f->t, 0);
    for (int i = 0; i < 3; i++)
        expect(f, SPOKE_TRANSPORT_MESSAGE);
    expect_nothing(f);
    assert_int_equal(f->ops->next_ms(f->t), 0);
    f->ops->step(f->t, 0);
    expect(f, SPOKE_TRANSPORT_MESSAGE);
}

/* --- closing --- */

static void close_drains_then_waits_for_the_service_to_close(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    assert_ok(publish(f, 1, SPOKE_STR("x")));
    f->ops->close(f->t);
    f->port.room = 4;
    f->ops->step(f->t, 0);
    expect_nothing(f);
    f->port.room = 100;
    f->ops->step(f->t, 0);
    assert_int_equal(f->port.tx_len, 8 + 2);
    assert_int_equal(f->port.tx[8], 0xe0);
    expect_nothing(f);
    assert_true(f->port.open);
    f->port.ended = true;
    f->ops->step(f->t, 0);
    assert_false(f->port.open);
    expect_closed(f, SPOKE_OK, SPOKE_SOURCE_CLIENT);
}

static void a_service_that_never_closes_is_not_waited_for_long(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    f->ops->close(f->t);
    f->ops->step(f->t, 0);
    expect_nothing(f);
    assert_in_range(f->ops->next_ms(f->t), 1, 1000);
    f->ops->step(f->t, 60000);
    assert_in_range(f->port.limit_ms, 1, 1000);
    expect_closed(f, SPOKE_OK, SPOKE_SOURCE_CLIENT);
}

static void abort_closes_at_once_and_drops_what_came_in(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    arrives(&f->port, "\x30\x03\x00\x01t", 5);
    f->ops->step(f->t, 0);
    f->ops->abort(f->t);
    assert_false(f->port.open);
    expect_closed(f, SPOKE_OK, SPOKE_SOURCE_CLIENT);
    f->ops->abort(f->t);
    expect_nothing(f);
}

static void a_connect_that_never_left_is_wiped(void **state)
{
    struct fixture *f = *state;
    make(f);
    spoke_transport_target to = target();
    to.mqtt.username = SPOKE_STR("u");
    to.mqtt.password = SPOKE_STR("SharedAccessSignature");
    f->port.step_status = SPOKE_E_AGAIN;
    assert_ok(f->ops->open(f->t, &to));
    assert_non_null(memmem(f->memory, f->size, "SharedAccess", 12));
    f->ops->abort(f->t);
    assert_null(memmem(f->memory, f->size, "SharedAccess", 12));
}

static void a_silence_is_judged_only_after_reading(void **state)
{
    struct fixture *f = *state;
    connect_link(f);
    f->port.now += 100000;
    f->ops->step(f->t, 0); /* PINGREQ */
    expect_nothing(f);
    f->port.now += 1000000; /* the machine slept */
    arrives(&f->port, "\xd0\x00", 2);
    f->ops->step(f->t, 10);
    while (next(f))
        assert_int_not_equal(f->event.kind, SPOKE_TRANSPORT_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_limit_out_of_range_has_no_size),
        TEST(an_incomplete_platform_is_refused),
        TEST(the_memory_asked_for_is_exactly_enough),
        TEST(mistakes_in_trust_and_keys_show_at_init),
        TEST(without_any_trust_the_systems_bundle_is_read),
        TEST(a_port_that_cannot_begin_is_told),
        TEST(a_target_that_cannot_be_is_refused),
        TEST(a_connect_larger_than_the_buffer_is_refused_at_once),
        TEST(test_only_options_warn_at_every_open),
        TEST(a_port_that_cannot_open_ends_in_closed),
        TEST(each_stage_fails_under_its_own_name),
        TEST(a_stage_that_takes_too_long_is_named),
        TEST(the_sleep_ends_at_the_connect_limit),
        TEST(a_flood_of_warnings_does_not_outlast_the_connect_limit),
        TEST(a_refusal_outweighs_the_loss_that_follows),
        TEST(a_round_is_one_write_and_one_read),
        TEST(a_quiet_link_sends_before_it_sleeps_and_reads_once_after),
        TEST(events_that_wait_keep_it_from_sleeping),
        TEST(the_sleep_ends_when_a_ping_is_due),
        TEST(a_closed_transport_sleeps_until_woken),
        TEST(next_ms_says_when_the_next_step_is_due),
        TEST(a_stuck_link_is_waited_for_and_nothing_is_lost_or_doubled),
        TEST(the_port_hears_of_a_link_that_got_stuck_after_the_sleep),
        TEST(without_a_free_receipt_it_stops_listening_and_does_not_spin),
        TEST(a_message_is_told_once_its_receipt_finds_room),
        TEST(next_ms_counts_what_was_read_ahead),
        TEST(close_drains_then_waits_for_the_service_to_close),
        TEST(a_service_that_never_closes_is_not_waited_for_long),
        TEST(abort_closes_at_once_and_drops_what_came_in),
        TEST(a_connect_that_never_left_is_wiped),
        TEST(a_silence_is_judged_only_after_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
