/* Random lives of one client: moves, new credentials, network modes, clocks, close and open, restarts, calls from inside
 * handlers, and whatever a link can say, in any combination. At the end of each all is well for some hours: the client
 * has to be READY, with nothing under way, nothing queued, and it must not have gone round without sleeping.
 *
 *     SPOKE_LIVES=100000 build/tests/test_client_combined
 *     SPOKE_LIFE=4711 build/tests/test_client_combined     that one alone */
#include "client/machine.h"
#include "support/client_fixture.h"
#include "support/records.h"

#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0="
#define HOUR_MS 3600000u

/* --- chance --- */

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static spoke_status chance_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)chance(256);
    return SPOKE_OK;
}

/* --- a transport that takes credentials as the contract says --- */

static struct {
    spoke_tls_options now, former;
    bool kept;
} tls;

static bool same_tls(const spoke_tls_options *a, const spoke_tls_options *b)
{
    return a->client_cert_pem == b->client_cert_pem && a->trust_pem == b->trust_pem;
}

static spoke_status take_credentials(spoke_transport *t, const spoke_tls_options *next, spoke_error *error)
{
    (void)t;
    if (next == NULL) {
        tls.kept = false;
        return SPOKE_OK;
    }
    const bool back = tls.kept && same_tls(next, &tls.former);
    if (!back && (tls.kept || chance(8) == 0)) {
        assert_false(tls.kept);
        *error = (spoke_error){SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0, "the fake does not like it"};
        return SPOKE_E_CERTIFICATE;
    }
    tls.former = tls.now;
    tls.now = *next;
    tls.kept = true;
    return SPOKE_OK;
}

static void tell_expiry(const spoke_transport *t, spoke_expiry *out)
{
    (void)t;
    *out = (spoke_expiry){.client_cert = chance(4) == 0 ? 1 : 0};
}

static spoke_transport_ops ops;

/* --- what the program does --- */

static bool calm;

static void change_credential(spoke_client *client)
{
    static const spoke_credential all[] = {{.primary = KEY},
                                           {.primary = OTHER_KEY},
                                           {.primary = OTHER_KEY, .secondary = KEY},
                                           {.kind = SPOKE_X509, .primary = "cert 1", .secondary = "key 1"},
                                           {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"}};
    const spoke_status status =
        chance(4) == 0 ? spoke_client_set_trust(client, chance(2) == 0 ? "trust 1" : "trust 2")
                       : spoke_client_set_credential(client, &all[chance(sizeof all / sizeof all[0])]);
    assert_true(status == SPOKE_OK || status == SPOKE_E_STATE || status == SPOKE_E_CERTIFICATE);
}

static void move(spoke_client *client)
{
    static const char *const scopes[] = {"0ne0", "0ne1", "0ne2"};
    const spoke_status status =
        spoke_client_move(client, scopes[chance(3)], chance(2) == 0 ? NULL : "dps.two, dps.three");
    assert_true(status == SPOKE_OK || status == SPOKE_E_STATE || status == SPOKE_E_PORT ||
                status == SPOKE_E_UNSUPPORTED);
}

static void say_something(spoke_client *client)
{
    const spoke_status status = spoke_send(client, spoke_i64("n", 1));
    assert_true(status == SPOKE_OK || status == SPOKE_E_FULL || status == SPOKE_E_STATE);
}

static void want_open(spoke_client *client)
{
    const spoke_status status = spoke_client_open(client);
    assert_true(status == SPOKE_OK || status == SPOKE_E_STATE);
}

/* What is allowed everywhere, handlers included. */
static void do_something(struct fixture *f, spoke_client *client)
{
    switch (chance(9)) {
    case 0:
        change_credential(client);
        break;
    case 1:
        move(client);
        break;
    case 2:
    case 3:
        spoke_client_network(client, (spoke_network)chance(4));
        break;
    case 4:
        spoke_client_connect_now(client);
        break;
    case 5:
        f->clock_unset = chance(3) == 0;
        break;
    case 6:
        records.fail_at = chance(6) == 0 ? records.stores + (int)chance(3) : RECORDS_NEVER;
        break;
    case 7:
        say_something(client);
        break;
    default:
        want_open(client);
        break;
    }
}

static void on_any_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why,
                         void *user)
{
    struct fixture *f = user;
    (void)from;
    (void)to;
    assert_non_null(why->text);
    assert_int_equal(spoke_client_close(client, 0), SPOKE_E_REENTRANT);
    if (!calm && chance(6) == 0)
        do_something(f, client);
}

static void on_any_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    assert_non_null(notice->error.text);
    if (!calm && chance(4) == 0)
        do_something(user, client);
}

static void begin(struct fixture *f)
{
    spoke_client_destroy(f->client);
    tls.kept = false;
    const bool x509 = f->config.credential.kind == SPOKE_X509;
    tls.now = (spoke_tls_options){.client_cert_pem = x509 ? f->config.credential.primary : NULL};
    assert_ok(spoke_client_create(&f->config, &f->client));
    assert_ok(spoke_client_open(f->client));
}

/* --- what the services say --- */

static struct {
    unsigned opens;      /* seen */
    const char *refused; /* the primary key or certificate that is not accepted in calm; NULL: all are */
} service;

static bool at_dps(void)
{
    return strncmp(fake->host, "dps.", 4) == 0;
}

static void end_somehow(void)
{
    static const struct {
        spoke_status status;
        int32_t detail;
    } ends[] = {{SPOKE_E_NET, 104},     {SPOKE_E_NET, 0},
                {SPOKE_E_DNS, 4},       {SPOKE_E_TLS, -1},
                {SPOKE_E_TLS, -0x7780}, {SPOKE_E_CERTIFICATE, 1},
                {SPOKE_E_TIMEOUT, 0},   {SPOKE_E_CERTIFICATE, 8},
                {SPOKE_E_REFUSED, 1},   {SPOKE_E_REFUSED, 2},
                {SPOKE_E_REFUSED, 3},   {SPOKE_E_REFUSED, 5},
                {SPOKE_E_PROTOCOL, 0},  {SPOKE_OK, 0}};
    const size_t i = chance(sizeof ends / sizeof ends[0]);
    say_closed(ends[i].status, SPOKE_SOURCE_MQTT, ends[i].detail);
}

/* What is dialled with is what the client takes for its own, and would be given up. */
static void expect_own_identity(const spoke_client *c)
{
    const bool x509 = c->config.credential.kind == SPOKE_X509;
    assert_ptr_equal(tls.now.client_cert_pem, x509 ? c->config.credential.primary : NULL);
    assert_ptr_equal(tls.now.trust_pem, c->config.trust_pem);
}

static void greet(struct fixture *f)
{
    expect_own_identity(f->client);
    service.opens = fake->opens;
    fake->sent_count = 0;
    const char *used = f->client->config.credential.primary;
    if (calm && service.refused != NULL && used != NULL && strcmp(used, service.refused) == 0) {
        say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
        return;
    }
    if (!calm && chance(3) == 0) {
        if (chance(4) > 0)
            end_somehow();
        return; /* or silence */
    }
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = chance(2) == 0});
    if (calm || chance(8) > 0)
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED,
                                    .codes = at_dps() ? SPOKE_STR("\x01") : SPOKE_STR("\x01\x00\x00\x00")});
}

static void assign(const char *rid)
{
    char topic[128], body[200];
    const char *scope = strchr(fake->username, '0');
    if (!calm && chance(3) == 0) {
        static const char *const refusals[] = {"401", "404", "429", "500", "403"};
        snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%s&retry-after=%u", refusals[chance(5)], rid,
                 chance(2) == 0 ? 3u : 4000000000u);
        say_message(topic, "{\"errorCode\":401002,\"message\":\"no\"}", 0);
        return;
    }
    snprintf(topic, sizeof topic, "$dps/registrations/res/200/?%s", rid);
    snprintf(body, sizeof body,
             "{\"operationId\":\"o\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"
             "\"hub%.*s.local\",\"deviceId\":\"d\"}}",
             4, scope != NULL ? scope : "0ne0");
    say_message(topic, body, 0);
}

static void answer(struct fixture *f, const struct sent *s)
{
    char topic[128];
    const char *rid = strstr(s->topic, "$rid=");
    (void)f;
    if (!calm && chance(8) == 0)
        return;
    if (s->qos == 1 && strncmp(s->topic, "$dps", 4) != 0)
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = s->token});
    else if (strncmp(s->topic, "$dps", 4) == 0)
        assign(rid);
    else if (strstr(s->topic, "/GET/") != NULL) {
        snprintf(topic, sizeof topic, "$iothub/twin/res/%s/?%s", calm || chance(4) > 0 ? "200" : "429", rid);
        say_message(topic, "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}", 0);
    }
}

static void serve(struct fixture *f)
{
    if (!fake->open || fake->ended)
        return;
    if (fake->opens != service.opens) {
        greet(f);
        return;
    }
    for (size_t i = 0; i < fake->sent_count && fake->tail - fake->head < EVENTS - 4; i++)
        answer(f, &fake->sent[i]);
    fake->sent_count = 0;
    if (!calm && chance(12) == 0)
        end_somehow();
}

/* --- lives --- */

static void turn(struct fixture *f, uint32_t limit_ms)
{
    const spoke_status status = spoke_client_poll(f->client, limit_ms);
    assert_true(status == SPOKE_OK || spoke_client_state(f->client) == SPOKE_FAILED);
    assert_in_range(fake->spins, 0, 20);
    serve(f);
}

static void trouble(struct fixture *f)
{
    const uint32_t what = chance(20);
    if (what < 10)
        turn(f, chance(3) == 0 ? chance(120000) : chance(300));
    else if (what < 16)
        do_something(f, f->client);
    else if (what < 18)
        (void)spoke_client_close(f->client, chance(2) == 0 ? 0 : chance(3000));
    else if (what == 18)
        turn(f, 90000);
    else if (chance(4) == 0)
        begin(f);
}

/* How often it woke. */
static unsigned be_calm(struct fixture *f, uint64_t for_ms)
{
    const uint64_t until = clock_ms + for_ms;
    unsigned polls = 0;
    for (; clock_ms < until; polls++)
        turn(f, (uint32_t)(until - clock_ms));
    return polls;
}

/* Perhaps the new credential is the wrong one, perhaps the old one has been revoked, unless the new one has been refused
 * once already and so may be given up for it, or the service has an answer on its way. */
static void refuse_one_on_trial(const spoke_client *c)
{
    const struct renewal *r = &c->renewal;
    const char *used = c->config.credential.primary, *other = r->other.credential.primary;
    if (fake->open || r->phase == RENEW_NONE || r->of_trust || strcmp(used, other) == 0)
        return;
    if (r->phase == RENEW_TRYING)
        service.refused = used;
    else
        service.refused = chance(2) == 0 ? used : other;
}

static void live(struct fixture *f)
{
    calm = false;
    const uint32_t steps = 5 + chance(150);
    for (uint32_t i = 0; i < steps; i++)
        trouble(f);
    calm = true;
    f->clock_unset = false;
    records.fail_at = RECORDS_NEVER;
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    want_open(f->client);
    refuse_one_on_trial(f->client);
    (void)be_calm(f, 6 * HOUR_MS);
    expect(f, SPOKE_READY);
    assert_int_equal(f->client->renewal.phase, RENEW_NONE);
    assert_int_equal(f->client->move.phase, MOVE_NONE);
    assert_int_equal(spoke_client_pending(f->client), 0);
    assert_false(tls.kept);
    assert_in_range(be_calm(f, HOUR_MS), 1, 30); /* a token is renewed meanwhile, and that is all */
}

static void tell(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%9llu %d %s: %s\n", (unsigned long long)clock_ms, (int)level, module, line);
}

static void one(unsigned life)
{
    void *state = NULL;
    seed = life * UINT64_C(0x9e3779b97f4a7c15) + 1;
    records_reset();
    memset(&service, 0, sizeof service);
    assert_int_equal(set_up(&state), 0);
    struct fixture *f = state;
    ops = fake_ops;
    ops.credentials = take_credentials;
    ops.expiry = tell_expiry;
    f->platform.random = chance_bytes;
    f->platform.log = getenv("SPOKE_LIFE") != NULL ? tell : NULL;
    f->platform.load = records_load;
    f->platform.store = records_store;
    f->config.transport = &ops;
    f->config.provisioning_host = chance(2) == 0 ? "dps.one" : "dps.one, dps.two";
    f->config.id_scope = "0ne0";
    f->config.hub_host = NULL;
    if (chance(4) == 0) {
        f->config.provisioning_host = f->config.id_scope = NULL;
        f->config.hub_host = "hub1.local, hub2.local";
    }
    if (chance(4) == 0)
        f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert 0", .secondary = "key 0"};
    f->config.on_state = on_any_state;
    f->config.on_notice = on_any_notice;
    f->config.first_connect_spread_ms = chance(2) == 0 ? 0 : 20000;
    f->config.in_flight = 4;
    begin(f);
    live(f);
    assert_int_equal(tear_down(&state), 0);
}

static unsigned under_way; /* 0: all ended well */

static void every_life_ends_well(void **state)
{
    (void)state;
    const char *alone = getenv("SPOKE_LIFE"), *lives = getenv("SPOKE_LIVES");
    const unsigned first = alone != NULL ? (unsigned)atoi(alone) : 1;
    const unsigned last = alone != NULL ? first : lives != NULL ? (unsigned)atoi(lives) : 2000;
    for (under_way = first; under_way <= last; under_way++)
        one(under_way);
    under_way = 0;
}

static int name_the_failed(void **state)
{
    (void)state;
    if (under_way != 0)
        print_error("SPOKE_LIFE=%u repeats it, with the log\n", under_way);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(every_life_ends_well, name_the_failed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
