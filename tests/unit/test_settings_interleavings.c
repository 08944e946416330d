/* A model checker for kept settings: every order of up to DEPTH events between a small hub, a network that loses,
 * delays and reorders, a power switch, and a whole client. Whatever happens,
 *  - what the handlers were told is at each moment exactly one version of the hub's document, that of the last
 *    snapshot or a later change: an older version never comes over a newer one of the same twin;
 *  - after a restart the handlers get what they had accepted before it, and nothing is said to the hub about that;
 *  - a twin that was made anew, with versions that begin at 1, is taken, unless it has reached just the version that
 *    is known of its predecessor: then nothing tells the two apart, and the order is not followed further;
 *  - when the network has calmed down they have the hub's present document, or all that is missing was lost without
 *    a trace; and then the next change brings it all. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/spoke.h>

#include "support/records.h"

enum {
    DEPTH = 6,
    KEYS = 3,
    MAX_VERSIONS = DEPTH + 4,
    MAX_EPOCHS = DEPTH + 1,
    PATIENCE = 64,
    CLIENT_BYTES = 24 * 1024
};

enum letter {
    PATCH,     /* the service patches the desired section */
    ANSWER,    /* the hub answers the GET that lies there: from now on the reply is on its way */
    REPLY,     /* the reply arrives */
    LOSE,      /* the reply is lost */
    NOTIFY,    /* the first notification on its way arrives */
    OVERTAKE,  /* the second one arrives before the first */
    DROP,      /* the first notification is lost */
    RECONNECT, /* the link is lost, with all that was on its way; the device connects again */
    RESTART,   /* the power is lost and comes back: only the records are left */
    RECREATE,  /* the service deletes the device and makes it anew; the link is lost */
    LETTERS
};
static const char letters[LETTERS + 1] = "PARLNODCWX";

/* --- a transport that holds a few events --- */

struct spoke_transport {
    spoke_transport_event events[4];
    char topic[96], payload[160];
    size_t head, tail;
    bool open;
};

struct network { /* and the hub */
    int epoch, version;
    bool asked, replied;
    uint32_t asked_rid, reply_rid;
    int reply_version;
    int notified[DEPTH + 2], notified_count;
    unsigned dropped; /* bit per version that was lost */
};

struct world {
    struct network net;
    uint64_t clock;
    int view[KEYS]; /* as the handlers know it; 0: unset */
    int document;   /* the version of the twin that they know; -1: none of this twin */
    int former;     /* what is known of the twin before; 0: nothing */
    bool ambiguous;
    bool restoring;
    char trail[DEPTH + 2];
};

/* The client is copied with its memory, back to where it was. */
static struct world w;
static _Alignas(max_align_t) uint8_t client_memory[CLIENT_BYTES];
static size_t client_bytes;
static spoke_client *client;
static spoke_transport *link_now;
static int documents[MAX_EPOCHS][MAX_VERSIONS + 1][KEYS];
static unsigned long worlds;

static void fail_here(const char *why)
{
    print_error("after %s: %s (hub %d, device %d)\n", w.trail, why, w.net.version, w.document);
    fail();
}

static size_t link_size(const spoke_transport_options *options)
{
    (void)options;
    return sizeof(struct spoke_transport);
}

static spoke_status link_init(void *memory, size_t size, const spoke_transport_options *options,
                              spoke_transport **out, spoke_error *error)
{
    (void)size;
    (void)options;
    (void)error;
    *out = link_now = memory;
    memset(memory, 0, sizeof **out);
    return SPOKE_OK;
}

static void link_nothing(spoke_transport *t)
{
    (void)t;
}

static void say(spoke_transport_event event)
{
    link_now->events[link_now->tail++ % 4] = event;
}

static spoke_status link_open(spoke_transport *t, const spoke_transport_target *target)
{
    (void)target;
    t->open = true;
    return SPOKE_OK;
}

static spoke_status link_publish(spoke_transport *t, const spoke_mqtt_publish_options *m, uint16_t *packet_id)
{
    char topic[128];
    snprintf(topic, sizeof topic, "%.*s", (int)m->topic.len, m->topic.ptr);
    if (!t->open || w.restoring)
        fail_here("something was sent before the connection");
    if (strstr(topic, "/GET/") != NULL) {
        w.net.asked = true;
        w.net.asked_rid = (uint32_t)strtoul(strstr(topic, "$rid=") + 5, NULL, 10);
    } else if (strstr(topic, "/reported/") != NULL) { /* answered at once: reports are not what this is about */
        snprintf(t->topic, sizeof t->topic, "$iothub/twin/res/204/?%s&$version=2", strstr(topic, "$rid="));
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_MESSAGE, .topic = spoke_str_of(t->topic)});
    }
    if (packet_id != NULL)
        *packet_id = 1;
    return SPOKE_OK;
}

static spoke_status link_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    (void)t;
    (void)filters;
    (void)count;
    return SPOKE_OK;
}

static spoke_status link_ack(spoke_transport *t, uint16_t receipt)
{
    (void)t;
    (void)receipt;
    return SPOKE_OK;
}

static void link_step(spoke_transport *t, uint32_t limit_ms)
{
    if (t->head == t->tail)
        w.clock += limit_ms;
}

static spoke_status link_next(spoke_transport *t, spoke_transport_event *event)
{
    if (t->head == t->tail)
        return SPOKE_E_AGAIN;
    *event = t->events[t->head++ % 4];
    return SPOKE_OK;
}

static void link_end(spoke_transport *t)
{
    if (t->open)
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CLOSED, .error = {.text = "closed"}});
    t->open = false;
}

static int link_fd(const spoke_transport *t)
{
    (void)t;
    return -1;
}

static uint32_t link_next_ms(const spoke_transport *t)
{
    return t->head == t->tail ? UINT32_MAX : 0;
}

static const spoke_transport_ops ops = {.struct_size = sizeof ops,
                                        .name = "model",
                                        .size = link_size,
                                        .init = link_init,
                                        .fini = link_nothing,
                                        .open = link_open,
                                        .publish = link_publish,
                                        .subscribe = link_subscribe,
                                        .ack = link_ack,
                                        .step = link_step,
                                        .next = link_next,
                                        .close = link_end,
                                        .abort = link_end,
                                        .wake = link_nothing,
                                        .fd = link_fd,
                                        .next_ms = link_next_ms};

/* --- the hub's documents: version v sets key v % KEYS, and each second one deletes another --- */

static int value_of(int epoch, int version)
{
    return (epoch + 1) * 100 + version;
}

static bool deletes(int version)
{
    return version % 2 == 0;
}

static void write_documents(void)
{
    for (int epoch = 0; epoch < MAX_EPOCHS; epoch++) {
        for (int v = 2; v <= MAX_VERSIONS; v++) {
            int *document = documents[epoch][v];
            memcpy(document, documents[epoch][v - 1], sizeof documents[epoch][v]);
            document[v % KEYS] = value_of(epoch, v);
            if (deletes(v))
                document[(v + 1) % KEYS] = 0;
        }
    }
}

static void render_patch(int version, char *out, size_t size)
{
    char deletion[16] = "";
    if (deletes(version))
        snprintf(deletion, sizeof deletion, "\"k%d\":null,", (version + 1) % KEYS);
    snprintf(out, size, "{%s\"k%d\":%d,\"$version\":%d}", deletion, version % KEYS, value_of(w.net.epoch, version),
             version);
}

static void render_twin(int version, char *out, size_t size)
{
    int at = snprintf(out, size, "{\"desired\":{");
    for (int k = 0; k < KEYS; k++) {
        const int value = documents[w.net.epoch][version][k];
        if (value != 0)
            at += snprintf(out + at, size - (size_t)at, "\"k%d\":%d,", k, value);
    }
    snprintf(out + at, size - (size_t)at, "\"$version\":%d},\"reported\":{}}", version);
}

/* --- the device --- */

static spoke_ack on_key(const spoke_property *wanted, void *user)
{
    int64_t number = 0; /* null deletes */
    (void)user;
    if (spoke_json_type(wanted->value) != 'n')
        assert_ok(spoke_json_int(wanted->value, &number));
    w.view[wanted->name.ptr[1] - '0'] = (int)number;
    if (wanted->initial || w.restoring)
        return spoke_accept();
    if (wanted->version != w.document && wanted->version != w.document + 1)
        fail_here("a change that does not follow what was known");
    w.document = (int)wanted->version;
    return spoke_accept();
}

static uint64_t clock_of(void *ctx)
{
    (void)ctx;
    return w.clock;
}

static spoke_status unix_of(void *ctx, int64_t *out)
{
    (void)ctx;
    *out = 1767225600 + (int64_t)(w.clock / 1000);
    return SPOKE_OK;
}

static spoke_status random_of(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0x80, len);
    return SPOKE_OK;
}

static void turn(uint32_t limit_ms)
{
    assert_ok(spoke_client_poll(client, limit_ms));
}

static void power_on(void)
{
    static const spoke_handler handlers[KEYS] = {SPOKE_ON_PROPERTY("k0", on_key), SPOKE_ON_PROPERTY("k1", on_key),
                                                 SPOKE_ON_PROPERTY("k2", on_key)};
    static spoke_platform platform;
    platform = *spoke_platform_posix();
    platform.monotonic_ms = clock_of;
    platform.unix_seconds = unix_of;
    platform.random = random_of;
    platform.load = records_load;
    platform.store = records_store;
    platform.log = NULL;
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "hub.local", .registration_id = "d",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .platform = &platform,
                     .transport = &ops, .handlers = handlers, .handler_count = KEYS, .sas_lifetime_s = 86400,
                     .queue_bytes = 256, .report_bytes = 512, .receive_bytes = 1024, .send_bytes = 2048,
                     .in_flight = 1, .commands = 1, .keep_settings = true);
    spoke_error why;
    client_bytes = spoke_client_size(&config);
    assert_in_range(client_bytes, 1, sizeof client_memory);
    if (spoke_client_init(client_memory, sizeof client_memory, &config, &client, &why) != SPOKE_OK)
        fail_msg("%s", why.text);
    assert_ok(spoke_client_open(client));
}

static void connect(void)
{
    spoke_client_connect_now(client);
    turn(0);
    if (!link_now->open)
        fail_here("it does not connect");
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    turn(0);
    turn(0);
}

static void lose_all(void)
{
    w.net.asked = w.net.replied = false;
    w.net.notified_count = 0;
    w.net.dropped = 0;
}

static void lose_link(void)
{
    lose_all();
    link_now->open = false;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CLOSED,
                                .error = {SPOKE_E_NET, SPOKE_SOURCE_PORT, 104, "lost"}});
    turn(0);
    connect();
}

static void restart(void)
{
    int before[KEYS];
    memcpy(before, w.view, sizeof before);
    memset(w.view, 0, sizeof w.view);
    w.former = 0; /* with a restart every snapshot is taken */
    lose_all();
    spoke_client_destroy(client);
    power_on();
    w.restoring = true;
    turn(0);
    w.restoring = false;
    if (memcmp(w.view, before, sizeof before) != 0)
        fail_here("the handlers did not get what they had accepted");
    connect();
}

static void recreate(void)
{
    w.net.epoch++;
    w.net.version = 1;
    w.former = w.document > 0 ? w.document : w.former;
    w.document = -1;
    lose_link();
}

static void deliver(const char *topic, const char *payload)
{
    snprintf(link_now->topic, sizeof link_now->topic, "%s", topic);
    snprintf(link_now->payload, sizeof link_now->payload, "%s", payload);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_MESSAGE,
                                .topic = spoke_str_of(link_now->topic),
                                .payload = spoke_str_of(link_now->payload)});
    for (int i = 0; i < 4; i++)
        turn(0);
    if (!w.ambiguous && w.document >= 0 && memcmp(w.view, documents[w.net.epoch][w.document], sizeof w.view) != 0)
        fail_here("the handlers have no version of the hub's document");
}

static void deliver_notification(int index)
{
    char topic[96], patch[96];
    const int version = w.net.notified[index];
    w.net.notified_count--;
    memmove(w.net.notified + index, w.net.notified + index + 1,
            (size_t)(w.net.notified_count - index) * sizeof(int));
    snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", version);
    render_patch(version, patch, sizeof patch);
    deliver(topic, patch);
}

static void deliver_reply(void)
{
    char topic[96], twin[160];
    snprintf(topic, sizeof topic, "$iothub/twin/res/200/?$rid=%u", (unsigned)w.net.reply_rid);
    render_twin(w.net.reply_version, twin, sizeof twin);
    w.net.replied = false;
    w.ambiguous = w.document < 0 && w.net.reply_version == w.former;
    w.document = w.net.reply_version;
    deliver(topic, twin);
}

/* --- the events --- */

static bool possible(enum letter letter)
{
    switch (letter) {
    case PATCH:
    case RECONNECT:
    case RESTART:
    case RECREATE:
        return true;
    case ANSWER:
        return w.net.asked && !w.net.replied;
    case REPLY:
    case LOSE:
        return w.net.replied;
    case NOTIFY:
    case DROP:
        return w.net.notified_count > 0;
    case OVERTAKE:
        return w.net.notified_count > 1;
    case LETTERS:
        break;
    }
    return false;
}

static void happen(enum letter letter)
{
    switch (letter) {
    case PATCH:
        w.net.notified[w.net.notified_count++] = ++w.net.version;
        break;
    case ANSWER:
        w.net.asked = false;
        w.net.replied = true;
        w.net.reply_rid = w.net.asked_rid;
        w.net.reply_version = w.net.version;
        break;
    case REPLY:
        deliver_reply();
        break;
    case LOSE:
        w.net.replied = false;
        break;
    case NOTIFY:
    case OVERTAKE:
        deliver_notification(letter == OVERTAKE);
        break;
    case DROP:
        w.net.dropped |= 1u << w.net.notified[0];
        memmove(w.net.notified, w.net.notified + 1, (size_t)--w.net.notified_count * sizeof(int));
        break;
    case RECONNECT:
        lose_link();
        break;
    case RESTART:
        restart();
        break;
    case RECREATE:
        recreate();
        break;
    case LETTERS:
        break;
    }
}

/* --- calm --- */

static bool settled(void)
{
    return spoke_client_state(client) == SPOKE_READY && !w.net.asked && !w.net.replied &&
           w.net.notified_count == 0;
}

static void calm_down(void)
{
    for (int patience = PATIENCE; patience > 0 && !settled(); patience--) {
        if (possible(NOTIFY))
            happen(NOTIFY);
        else if (possible(REPLY))
            happen(REPLY);
        else if (possible(ANSWER))
            happen(ANSWER);
        else
            turn(60000); /* a lost reply is asked for again */
    }
    if (!settled())
        fail_here("it never comes to rest");
}

static void check_calm(void)
{
    calm_down();
    if (w.ambiguous)
        return;
    for (int v = w.document + 1; v <= w.net.version; v++)
        if ((w.net.dropped >> v & 1u) == 0)
            fail_here("a change was missed");
    happen(PATCH);
    calm_down();
    if (!w.ambiguous && memcmp(w.view, documents[w.net.epoch][w.net.version], sizeof w.view) != 0)
        fail_here("the next change did not mend the view");
    restart();
}

/* --- every order --- */

struct save {
    struct world world;
    uint8_t memory[CLIENT_BYTES], kept[sizeof records.all[0]];
};

static struct save saves[DEPTH + 2];

static void save(int depth)
{
    saves[depth].world = w;
    memcpy(saves[depth].memory, client_memory, client_bytes);
    memcpy(saves[depth].kept, &records.all[0], sizeof records.all[0]); /* there is one record */
}

static void restore(int depth)
{
    w = saves[depth].world;
    memcpy(client_memory, saves[depth].memory, client_bytes);
    memcpy(&records.all[0], saves[depth].kept, sizeof records.all[0]);
}

static void explore(int depth)
{
    save(depth);
    worlds++;
    check_calm();
    for (int letter = 0; letter < LETTERS && depth < DEPTH; letter++) {
        restore(depth);
        if (!possible((enum letter)letter))
            continue;
        w.trail[depth] = letters[letter];
        happen((enum letter)letter);
        if (w.ambiguous)
            continue;
        explore(depth + 1);
    }
}

static void settings_follow_the_twin_whatever_is_lost_reordered_or_switched_off(void **state)
{
    (void)state;
    records_reset();
    write_documents();
    w = (struct world){.clock = 1000, .net = {.version = 2}, .document = -1};
    power_on();
    turn(0);
    connect();
    explore(0);
    print_message("%lu worlds\n", worlds);
    assert_true(worlds > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_follow_the_twin_whatever_is_lost_reordered_or_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
