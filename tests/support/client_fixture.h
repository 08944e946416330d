/* One client over a fake transport that works in memory, with a clock that only moves when somebody sleeps. */
#ifndef SPOKE_TESTS_CLIENT_FIXTURE_H
#define SPOKE_TESTS_CLIENT_FIXTURE_H

#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define EVENTS 16
#define SENT 256

/* --- a transport that works, in memory --- */

struct sent {
    char topic[2200], body[4200];
    uint32_t token;
    uint16_t packet_id;
    uint8_t qos;
};

struct spoke_transport {
    spoke_transport_event events[EVENTS];
    char texts[EVENTS][2][4200];
    size_t head, tail;
    struct sent sent[SENT];
    size_t sent_count;
    bool open, full, ignores_close;
    bool owes_suback;
    bool ended; /* CLOSED is among the events: it comes once for each open */
    uint32_t send_bytes;
    unsigned per_step, in_step; /* messages taken between two steps; 0: any number */
    unsigned spins;             /* steps in a row that neither slept nor did anything */
    bool busy;                  /* something happened since the last step */
    unsigned opens, subscribes;
    uint16_t acked[SENT];
    size_t ack_count;
    char host[128], password[512], username[512];
    uint16_t keep_alive_s;
};

static struct spoke_transport *fake; /* the one of the running test */

static inline size_t fake_size(const spoke_transport_options *options)
{
    (void)options;
    return sizeof(struct spoke_transport);
}

static inline spoke_status fake_init(void *memory, size_t size, const spoke_transport_options *options,
                                     spoke_transport **out, spoke_error *error)
{
    (void)error;
    assert_true(size >= sizeof(struct spoke_transport));
    memset(memory, 0, sizeof(struct spoke_transport));
    *out = fake = memory;
    fake->send_bytes = options->limits.send_bytes;
    return SPOKE_OK;
}

static inline void fake_nothing(spoke_transport *t)
{
    (void)t;
}

static inline void copy(char *out, size_t cap, spoke_str text)
{
    snprintf(out, cap, "%.*s", (int)text.len, text.len > 0 ? text.ptr : "");
}

static inline spoke_status fake_open(spoke_transport *t, const spoke_transport_target *target)
{
    assert_false(t->open);
    t->open = true;
    t->ended = t->owes_suback = false;
    t->opens++;
    t->keep_alive_s = target->mqtt.keep_alive_s;
    copy(t->host, sizeof t->host, spoke_str_of(target->host));
    copy(t->password, sizeof t->password, target->mqtt.password);
    copy(t->username, sizeof t->username, target->mqtt.username);
    return SPOKE_OK;
}

static inline spoke_status fake_publish(spoke_transport *t, const spoke_mqtt_publish_options *m,
                                        uint16_t *packet_id)
{
    assert_true(t->open);
    if (spoke_mqtt_publish_bytes(m->topic.len, m->parts[0].len, m->qos) > t->send_bytes)
        return SPOKE_E_TOO_LARGE;
    if (t->full || (t->per_step > 0 && t->in_step >= t->per_step))
        return SPOKE_E_FULL;
    t->in_step++;
    t->busy = true;
    assert_true(t->sent_count < SENT);
    struct sent *s = &t->sent[t->sent_count++];
    copy(s->topic, sizeof s->topic, m->topic);
    copy(s->body, sizeof s->body, m->parts[0]);
    s->token = m->token;
    s->qos = m->qos;
    s->packet_id = m->packet_id;
    if (packet_id != NULL)
        *packet_id = m->packet_id != 0 ? m->packet_id : (uint16_t)t->sent_count;
    return SPOKE_OK;
}

static inline spoke_status fake_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    (void)filters;
    (void)count;
    t->subscribes++;
    t->owes_suback = true;
    return SPOKE_OK;
}

static inline spoke_status fake_ack(spoke_transport *t, uint16_t receipt)
{
    t->acked[t->ack_count++] = receipt;
    return SPOKE_OK;
}

static uint64_t clock_ms;

static inline void fake_step(spoke_transport *t, uint32_t limit_ms)
{
    const bool sleeps = t->head == t->tail;
    if (sleeps)
        clock_ms += limit_ms;
    t->spins = !sleeps || limit_ms > 0 || t->busy ? 0 : t->spins + 1;
    t->busy = false;
    t->in_step = 0;
}

static inline spoke_status fake_next(spoke_transport *t, spoke_transport_event *event)
{
    if (t->head == t->tail)
        return SPOKE_E_AGAIN;
    *event = t->events[t->head++ % EVENTS];
    t->open = t->open && event->kind != SPOKE_TRANSPORT_CLOSED;
    return SPOKE_OK;
}

static inline void say(spoke_transport_event event)
{
    if (fake->ended && event.kind != SPOKE_TRANSPORT_CLOSED)
        return; /* nothing comes behind CLOSED */
    fake->events[fake->tail++ % EVENTS] = event;
}

static inline void say_closed(spoke_status status, spoke_source source, int32_t detail)
{
    if (fake->ended)
        return;
    fake->ended = true;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CLOSED,
                                .error = {status, source, detail, "the fake says so"}});
}

static inline void fake_close(spoke_transport *t)
{
    if (t->open && !t->ignores_close)
        say_closed(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0);
}

static inline void fake_abort(spoke_transport *t)
{
    if (t->open)
        say_closed(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0);
}

static inline int fake_fd(const spoke_transport *t)
{
    (void)t;
    return -1;
}

static inline uint32_t fake_next_ms(const spoke_transport *t)
{
    return t->head == t->tail ? UINT32_MAX : 0;
}

static const spoke_transport_ops fake_ops = {.struct_size = sizeof fake_ops,
                                             .name = "fake",
                                             .size = fake_size,
                                             .init = fake_init,
                                             .fini = fake_nothing,
                                             .open = fake_open,
                                             .publish = fake_publish,
                                             .subscribe = fake_subscribe,
                                             .ack = fake_ack,
                                             .step = fake_step,
                                             .next = fake_next,
                                             .close = fake_close,
                                             .abort = fake_abort,
                                             .wake = fake_nothing,
                                             .fd = fake_fd,
                                             .next_ms = fake_next_ms};

/* --- a machine --- */

static inline uint64_t fake_monotonic(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static inline spoke_status fake_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0x80, len); /* the middle of every jitter */
    return SPOKE_OK;
}

struct fixture {
    spoke_platform platform;
    spoke_config config;
    spoke_client *client;
    bool clock_unset;
    char record[1024]; /* the stored assignment; empty: none */
    unsigned commands, properties, messages;
    spoke_ack verdict;
    char value[64];
    bool initial;
    spoke_state last;
    unsigned changes;
};

static inline spoke_status fake_unix(void *ctx, int64_t *out)
{
    const struct fixture *f = ctx;
    *out = 1767225600 + (int64_t)(clock_ms / 1000);
    return f->clock_unset ? SPOKE_E_CLOCK : SPOKE_OK;
}

static inline spoke_status fake_load(void *ctx, const char *key, spoke_buf *out)
{
    const struct fixture *f = ctx;
    (void)key;
    return f->record[0] != '\0' ? spoke_buf_append(out, spoke_str_of(f->record)) : SPOKE_E_NOT_FOUND;
}

static inline spoke_status fake_store(void *ctx, const char *key, spoke_str value)
{
    struct fixture *f = ctx;
    (void)key;
    copy(f->record, sizeof f->record, value);
    return SPOKE_OK;
}

static inline void note_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why,
                              void *user)
{
    struct fixture *f = user;
    assert_int_equal(from, f->last);
    assert_int_equal(spoke_client_state(client), to);
    assert_non_null(why);
    f->last = to;
    f->changes++;
}

static inline spoke_ack on_property(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    f->properties++;
    f->initial = wanted->initial;
    copy(f->value, sizeof f->value, wanted->value);
    return f->verdict;
}

static inline spoke_ack on_command(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    (void)call;
    f->commands++;
    return f->verdict;
}

static inline spoke_ack on_message(const spoke_message *message, void *user)
{
    struct fixture *f = user;
    (void)message;
    f->messages++;
    return f->verdict;
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("target", on_property),
                                         SPOKE_ON_COMMAND("go", on_command),
                                         SPOKE_ON_COMPONENT_PROPERTY("part", "target", on_property)};

/* A client for f->config, in place of the one before. */
static inline void start(struct fixture *f)
{
    spoke_client_destroy(f->client);
    f->last = SPOKE_IDLE;
    assert_ok(spoke_client_create(&f->config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

/* The same with DPS. */
static inline void start_with_dps(struct fixture *f)
{
    f->config.provisioning_host = "dps.local";
    f->config.id_scope = "0ne0";
    f->config.hub_host = NULL;
    start(f);
}

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f); /* not cmocka's, which loses count when a test sets up once more */
    assert_non_null(f);
    clock_ms = 1000;
    f->verdict = spoke_accept();
    f->platform = *spoke_platform_posix();
    f->platform.ctx = f;
    f->platform.monotonic_ms = fake_monotonic;
    f->platform.unix_seconds = fake_unix;
    f->platform.random = fake_random;
    f->platform.load = fake_load;
    f->platform.store = fake_store;
    f->platform.log = NULL;
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "hub.local", .registration_id = "d", .credential.primary = KEY,
                     .credential.secondary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=",
                     .platform = &f->platform, .transport = &fake_ops, .handlers = handlers, .handler_count = 3,
                     .on_state = note_state, .on_message = on_message, .user = f);
    f->config = config;
    start(f);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    free(f);
    return 0;
}

/* Turns for that long on the fake clock; a client that does not sleep while nothing happens fails the test. */
static inline void run(struct fixture *f, uint64_t ms)
{
    const uint64_t until = clock_ms + ms;
    fake->spins = 0;
    while (clock_ms < until) {
        const uint64_t left = until - clock_ms;
        const spoke_status status = spoke_client_poll(f->client, left < 60000 ? (uint32_t)left : 60000);
        assert_true(status == SPOKE_OK || spoke_client_state(f->client) == SPOKE_FAILED);
        assert_in_range(fake->spins, 0, 8);
    }
}

static inline void poll(struct fixture *f, uint32_t limit_ms)
{
    const spoke_status status = spoke_client_poll(f->client, limit_ms);
    assert_true(status == SPOKE_OK || spoke_client_state(f->client) == SPOKE_FAILED);
}

static inline void say_message(const char *topic, const char *payload, uint8_t qos)
{
    char(*texts)[4200] = fake->texts[fake->tail % EVENTS];
    snprintf(texts[0], sizeof texts[0], "%s", topic);
    snprintf(texts[1], sizeof texts[1], "%s", payload);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_MESSAGE,
                                .topic = spoke_str_of(texts[0]),
                                .payload = spoke_str_of(texts[1]),
                                .qos = qos,
                                .receipt = 7});
}

static inline const struct sent *last_sent(void)
{
    assert_true(fake->sent_count > 0);
    return &fake->sent[fake->sent_count - 1];
}

static inline void connect_only(struct fixture *f)
{
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(spoke_client_state(f->client), SPOKE_SYNCING);
}

/* Answers the GET that was sent last. */
static inline void say_twin(const char *status, const char *body)
{
    char topic[128];
    const char *rid = NULL;
    for (size_t i = 0; i < fake->sent_count; i++)
        if (strstr(fake->sent[i].topic, "/GET/") != NULL)
            rid = strstr(fake->sent[i].topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s", status, rid);
    say_message(topic, body, 0);
}

static inline void get_ready(struct fixture *f)
{
    connect_only(f);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
}

/* Loses the link and comes back as far as the subscriptions. */
static inline void reconnect(struct fixture *f, bool session_present)
{
    clock_ms += 10000;
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    spoke_client_connect_now(f->client);
    poll(f, 0);
    fake->sent_count = 0;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = session_present});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
}

static inline void expect(struct fixture *f, spoke_state state)
{
    assert_string_equal(spoke_state_name(spoke_client_state(f->client)), spoke_state_name(state));
}

#define claim(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
