/* Whatever a service does for a while: when it behaves again, the client is READY within one back-off, nothing that
 * was accepted is lost, doubled or out of order, and it never spins. */
#include "support/client_fixture.h"

#define SEEDS 300
#define ROUNDS 120
#define MESSAGES 64

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

struct ledger {
    unsigned accepted, ended[MESSAGES + 1];
};

static struct ledger ledger;

static void note_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)user;
    assert_ok(outcome);
    assert_in_range(id, 1, ledger.accepted);
    ledger.ended[id]++;
}

static void say_suback(void)
{
    fake->owes_suback = false;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED,
                                .codes = dice(8) == 0 ? SPOKE_STR("\x80") : SPOKE_STR("\x01\x00\x00\x00")});
}

static void say_some_error(void)
{
    static const spoke_status kinds[] = {SPOKE_E_NET, SPOKE_E_DNS,      SPOKE_E_TIMEOUT,
                                         SPOKE_E_TLS, SPOKE_E_PROTOCOL, SPOKE_E_REFUSED};
    say_closed(kinds[dice(6)], SPOKE_SOURCE_MQTT, 3);
}

/* Something a service may say on a connection that was or was not accepted. */
static void strange_service(struct fixture *f)
{
    if (!fake->open || fake->ended || fake->tail - fake->head > 8)
        return;
    switch (dice(9)) {
    case 0:
        say_some_error();
        break;
    case 1:
        if (spoke_client_state(f->client) == SPOKE_CONNECTING)
            say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = dice(2) == 0});
        break;
    case 2:
        if (fake->owes_suback)
            say_suback();
        break;
    case 3:
        if (fake->sent_count > 0)
            say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED,
                                        .token = fake->sent[dice((uint32_t)fake->sent_count)].token});
        break;
    case 4:
        say_message("$iothub/methods/POST/go/?$rid=9", "1", 0);
        break;
    case 5:
        say_message("$iothub/twin/PATCH/properties/desired/?$version=9", "{\"target\":1}", 0);
        break;
    case 6:
        fake->full = !fake->full;
        break;
    case 7:
        fake->ignores_close = !fake->ignores_close;
        break;
    default:
        clock_ms += dice(30000);
        break;
    }
}

static void send_one(struct fixture *f)
{
    char body[32];
    snprintf(body, sizeof body, "%u", ledger.accepted + 1);
    const spoke_outgoing message = {.body = spoke_str_of(body), .id = ledger.accepted + 1};
    if (ledger.accepted < MESSAGES && spoke_message_send(f->client, &message) == SPOKE_OK)
        ledger.accepted++;
}

static size_t answered; /* of fake->sent */

/* A service as it should be: answers all that was said since the last time. */
static void good_service(unsigned *opens)
{
    if (fake->open && !fake->ended && fake->opens != *opens) {
        *opens = fake->opens;
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    }
    if (fake->owes_suback) {
        fake->owes_suback = false;
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    }
    for (; answered < fake->sent_count && fake->tail - fake->head < EVENTS - 2; answered++) {
        const struct sent *s = &fake->sent[answered];
        const char *rid = strstr(s->topic, "$rid=");
        char topic[128];
        if (s->qos == 1)
            say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = s->token});
        else if (strncmp(s->topic, "$iothub/twin/", 13) == 0) {
            snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s", strstr(s->topic, "GET") ? "200" : "204", rid);
            say_message(topic, "{\"desired\":{\"$version\":20},\"reported\":{}}", 0);
        }
    }
    if (answered == fake->sent_count)
        answered = fake->sent_count = 0;
}

static void behave_until_all_is_well(struct fixture *f)
{
    /* an attempt that is under way when the service mends has its limits to pass first */
    const uint64_t until = clock_ms + 2 * SPOKE_DEFAULT_CONNECT_LIMIT_MS + 10 * 60000u;
    unsigned opens = fake->opens;
    fake->full = fake->ignores_close = false;
    answered = fake->sent_count;
    fake->spins = 0;
    while (spoke_client_state(f->client) != SPOKE_READY || spoke_client_pending(f->client) > 0) {
        poll(f, 60000);
        good_service(&opens);
        if (clock_ms >= until) {
            char why[200];
            fail_msg("stays in %s with %zu pending: %s", spoke_state_name(spoke_client_state(f->client)),
                     spoke_client_pending(f->client), spoke_client_explain(f->client, why, sizeof why));
        }
        assert_in_range(fake->spins, 0, 8);
    }
}

static void after_any_trouble_the_client_is_ready_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    f->config.on_sent = note_sent;
    for (uint32_t i = 0; i < SEEDS; i++) {
        seed = i;
        memset(&ledger, 0, sizeof ledger);
        start(f);
        for (int round = 0; round < ROUNDS; round++) {
            strange_service(f);
            if (dice(4) == 0)
                send_one(f);
            if (dice(20) == 0) {
                const spoke_status status = spoke_report(f->client, spoke_i64("r", round));
                assert_true(status == SPOKE_OK || status == SPOKE_E_FULL);
            }
            if (fake->sent_count > SENT / 2)
                fake->sent_count = 0;
            poll(f, dice(2000));
        }
        if (spoke_client_state(f->client) == SPOKE_FAILED)
            fail_msg("seed %u ended in FAILED", (unsigned)i);
        behave_until_all_is_well(f);
        for (unsigned id = 1; id <= ledger.accepted; id++)
            if (ledger.ended[id] != 1)
                fail_msg("seed %u: message %u ended %u times", (unsigned)i, id, ledger.ended[id]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {claim(after_any_trouble_the_client_is_ready_and_nothing_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
