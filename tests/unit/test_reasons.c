/* Sixty and more faults, each at the stage where it happens, and the one reason that is counted for it: what a program
 * reads in spoke_stats.ended and tells its operator. */
#include "client/machine.h"
#include "support/client_fixture.h"

enum stage { DPS_DIAL, DPS_UP, HUB_DIAL, HUB_UP, HUB_READY };

#define HOUR 3600000u
#define CERT SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS
#define TLS SPOKE_E_TLS, SPOKE_SOURCE_TLS
#define NET SPOKE_E_NET, SPOKE_SOURCE_PORT
#define SAID SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT

static void dial_dps(struct fixture *f)
{
    start_with_dps(f);
    poll(f, 0);
    expect(f, SPOKE_PROVISIONING);
}

static void dps_up(struct fixture *f)
{
    dial_dps(f);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    clock_ms += 5000;
}

static void go_to(struct fixture *f, enum stage stage)
{
    switch (stage) {
    case DPS_DIAL:
        dial_dps(f);
        return;
    case DPS_UP:
        dps_up(f);
        return;
    case HUB_DIAL:
        poll(f, 0);
        return;
    case HUB_UP:
        connect_only(f);
        return;
    case HUB_READY:
        get_ready(f);
        clock_ms += HOUR / 2;
        return;
    }
}

/* Which reason was counted last; -1: none, -2: several. */
static int counted(struct fixture *f, const uint64_t before[SPOKE_REASON_COUNT])
{
    int found = -1;
    for (int r = 0; r < SPOKE_REASON_COUNT; r++)
        if (f->client->stats.ended[r] != before[r])
            found = found == -1 && f->client->stats.ended[r] == before[r] + 1 ? r : -2;
    return found;
}

/* --- what a link or an attempt ends with --- */

static const struct row {
    const char *fault;
    enum stage stage;
    spoke_status status;
    spoke_source source;
    int32_t detail;
    spoke_reason reason;
} rows[] = {
    {"the name of DPS is unknown", DPS_DIAL, SPOKE_E_DNS, SPOKE_SOURCE_PORT, 4, SPOKE_REASON_DNS},
    {"DPS is down", DPS_DIAL, NET, 111, SPOKE_REASON_NETWORK},
    {"no route to DPS", DPS_DIAL, NET, 113, SPOKE_REASON_NETWORK},
    {"DPS does not answer", DPS_DIAL, SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0, SPOKE_REASON_TIMEOUT},
    {"DPS shows an unknown issuer", DPS_DIAL, CERT, 0x08, SPOKE_REASON_TRUST},
    {"DPS shows another name", DPS_DIAL, CERT, 0x04, SPOKE_REASON_TRUST},
    {"the clock is before DPS's certificate", DPS_DIAL, CERT, 0x0200, SPOKE_REASON_CLOCK},
    {"a portal answers for DPS in HTML", DPS_DIAL, TLS, -0x7200, SPOKE_REASON_TLS},
    {"DPS refuses the token at CONNECT", DPS_DIAL, SAID, 5, SPOKE_REASON_CREDENTIAL},
    {"DPS refuses the user name", DPS_DIAL, SAID, 4, SPOKE_REASON_CREDENTIAL},
    {"DPS is busy at CONNECT", DPS_DIAL, SAID, 3, SPOKE_REASON_SERVICE},
    {"DPS hangs up while asked", DPS_UP, NET, 0, SPOKE_REASON_PEER_CLOSED},
    {"DPS talks nonsense", DPS_UP, SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_PROTOCOL},
    {"the link to DPS falls silent", DPS_UP, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_TIMEOUT},
    {"the hub's name is unknown", HUB_DIAL, SPOKE_E_DNS, SPOKE_SOURCE_PORT, 4, SPOKE_REASON_DNS},
    {"no name server answers", HUB_DIAL, SPOKE_E_DNS, SPOKE_SOURCE_PORT, 11, SPOKE_REASON_DNS},
    {"the port is closed", HUB_DIAL, NET, 111, SPOKE_REASON_NETWORK},
    {"there is no network", HUB_DIAL, NET, 101, SPOKE_REASON_NETWORK},
    {"there is no route", HUB_DIAL, NET, 113, SPOKE_REASON_NETWORK},
    {"reset during TLS", HUB_DIAL, NET, 104, SPOKE_REASON_NETWORK},
    {"closed instead of CONNACK", HUB_DIAL, NET, 0, SPOKE_REASON_NETWORK},
    {"a firewall swallows SYN", HUB_DIAL, SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0, SPOKE_REASON_TIMEOUT},
    {"TLS never ends", HUB_DIAL, SPOKE_E_TIMEOUT, SPOKE_SOURCE_TLS, 0, SPOKE_REASON_TIMEOUT},
    {"no CONNACK comes", HUB_DIAL, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_TIMEOUT},
    {"the certificate has expired", HUB_DIAL, CERT, 0x01, SPOKE_REASON_CLOCK},
    {"the certificate is not valid yet", HUB_DIAL, CERT, 0x0200, SPOKE_REASON_CLOCK},
    {"the issuer is unknown", HUB_DIAL, CERT, 0x08, SPOKE_REASON_TRUST},
    {"expired, and from an unknown issuer", HUB_DIAL, CERT, 0x09, SPOKE_REASON_TRUST},
    {"a portal's certificate", HUB_DIAL, CERT, 0x04, SPOKE_REASON_TRUST},
    {"the certificate was revoked", HUB_DIAL, CERT, 0x02, SPOKE_REASON_TRUST},
    {"the certificate cannot be read", HUB_DIAL, CERT, -0x2180, SPOKE_REASON_TRUST},
    {"paho does not trust it", HUB_DIAL, CERT, -1, SPOKE_REASON_TRUST},
    {"HTML instead of TLS", HUB_DIAL, TLS, -0x7200, SPOKE_REASON_TLS},
    {"no common cipher suite", HUB_DIAL, TLS, -0x7780, SPOKE_REASON_TLS},
    {"another version of TLS", HUB_DIAL, TLS, -0x6e80, SPOKE_REASON_TLS},
    {"a damaged record", HUB_DIAL, TLS, -0x7180, SPOKE_REASON_TLS},
    {"mbedTLS's heap is used up", HUB_DIAL, TLS, -0x7f00, SPOKE_REASON_TLS},
    {"MQTT 3.1.1 is unknown there", HUB_DIAL, SAID, 1, SPOKE_REASON_PROTOCOL},
    {"the client id is refused", HUB_DIAL, SAID, 2, SPOKE_REASON_CREDENTIAL},
    {"the hub is unavailable", HUB_DIAL, SAID, 3, SPOKE_REASON_SERVICE},
    {"the user name is malformed", HUB_DIAL, SAID, 4, SPOKE_REASON_CREDENTIAL},
    {"the key is wrong", HUB_DIAL, SAID, 5, SPOKE_REASON_CREDENTIAL},
    {"a CONNACK code that there is not", HUB_DIAL, SAID, 99, SPOKE_REASON_PROTOCOL},
    {"not MQTT behind TLS", HUB_DIAL, SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_PROTOCOL},
    {"the random source fails", HUB_DIAL, SPOKE_E_PORT, SPOKE_SOURCE_PORT, 5, SPOKE_REASON_LOCAL},
    {"no memory for the link", HUB_DIAL, SPOKE_E_NO_MEMORY, SPOKE_SOURCE_CLIENT, 0, SPOKE_REASON_LOCAL},
    {"closed before SUBACK", HUB_UP, NET, 0, SPOKE_REASON_PEER_CLOSED},
    {"reset while the twin is fetched", HUB_UP, NET, 104, SPOKE_REASON_PEER_CLOSED},
    {"silent while the twin is fetched", HUB_UP, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_TIMEOUT},
    {"the hub closes", HUB_READY, NET, 0, SPOKE_REASON_PEER_CLOSED},
    {"TLS is closed", HUB_READY, SPOKE_E_NET, SPOKE_SOURCE_TLS, -0x7880, SPOKE_REASON_PEER_CLOSED},
    {"the link is reset", HUB_READY, NET, 104, SPOKE_REASON_PEER_CLOSED},
    {"half-open: no PINGRESP", HUB_READY, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_TIMEOUT},
    {"a record is damaged on the way", HUB_READY, TLS, -0x7180, SPOKE_REASON_TLS},
    {"the hub sends what is not MQTT", HUB_READY, SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, 0, SPOKE_REASON_PROTOCOL},
    {"closed and nobody knows why", HUB_READY, SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, SPOKE_REASON_PEER_CLOSED},
};

static void every_end_is_counted_under_its_one_reason(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t before[SPOKE_REASON_COUNT];
        tear_down(state);
        set_up(state);
        f = *state;
        go_to(f, rows[i].stage);
        memcpy(before, f->client->stats.ended, sizeof before);
        say_closed(rows[i].status, rows[i].source, rows[i].detail);
        poll(f, 0);
        const int reason = counted(f, before);
        if (reason != (int)rows[i].reason)
            fail_msg("%s: counted as %d instead of %d", rows[i].fault, reason, (int)rows[i].reason);
        expect(f, SPOKE_BACKOFF);
        if (rows[i].status != SPOKE_OK) {
            assert_int_equal(f->client->stats.troubles[0].error.status, rows[i].status);
            assert_int_equal(f->client->stats.troubles[0].error.detail, rows[i].detail);
        }
    }
}

/* --- what DPS says --- */

static void every_refusal_of_dps_is_counted_under_its_one_reason(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *topic_status;
        int32_t code;
        spoke_reason reason;
    } said[] = {{"401", 401002, SPOKE_REASON_CREDENTIAL},    {"404", 404201, SPOKE_REASON_CONFIGURATION},
                {"400", 400207, SPOKE_REASON_SERVICE},       {"400", 400209, SPOKE_REASON_BLOCKED},
                {"400", 400004, SPOKE_REASON_CONFIGURATION}, {"415", 415001, SPOKE_REASON_CONFIGURATION},
                {"429", 429001, SPOKE_REASON_THROTTLED},     {"500", 500001, SPOKE_REASON_SERVICE},
                {"503", 503001, SPOKE_REASON_SERVICE}};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        uint64_t before[SPOKE_REASON_COUNT];
        char topic[128], body[64];
        dps_up(f);
        memcpy(before, f->client->stats.ended, sizeof before);
        snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?$rid=1", said[i].topic_status);
        snprintf(body, sizeof body, "{\"errorCode\":%d,\"message\":\"no\"}", (int)said[i].code);
        say_message(topic, body, 0);
        poll(f, 0);
        poll(f, 0);
        const int reason = counted(f, before);
        if (reason != (int)said[i].reason)
            fail_msg("DPS says %d: counted as %d instead of %d", (int)said[i].code, reason, (int)said[i].reason);
    }
}

static void a_dps_that_never_answers_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    dps_up(f);
    run(f, 120000);
    assert_true(f->client->stats.ended[SPOKE_REASON_TIMEOUT] >= 1);
}

/* --- what we notice ourselves --- */

static void a_clock_that_is_not_set_is_counted_and_nothing_is_dialled(void **state)
{
    struct fixture *f = *state;
    f->clock_unset = true;
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_CLOCK], 1);
    assert_int_equal(fake->opens, 0);
}

static void a_certificate_of_ours_that_is_refused_is_a_credential(void **state)
{
    struct fixture *f = *state;
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert", .secondary = "key"};
    start(f);
    poll(f, 0);
    say_closed(TLS, -0x7780);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_CREDENTIAL], 1);
}

static void a_refused_subscription_is_protocol_and_a_refused_twin_the_service(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x80\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_PROTOCOL], 1);
    start(f);
    connect_only(f);
    say_twin("403", "{}");
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_SERVICE], 1);
}

static void a_twin_that_does_not_fit_is_configuration(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say((spoke_transport_event){
        .kind = SPOKE_TRANSPORT_OVERSIZE, .topic = SPOKE_STR("$iothub/twin/res/200/?$rid=1"), .size = 100000});
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_CONFIGURATION], 1);
}

static void a_missing_puback_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    run(f, 62000);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_TIMEOUT], 1);
}

static void a_missing_suback_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    run(f, 62000);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_TIMEOUT], 1);
}

static void a_token_that_ended_or_is_renewed_is_no_trouble(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    spoke_client_network(f->client, SPOKE_NETWORK_DOWN); /* so the link is used to its end, which the hub sets */
    run(f, 2 * HOUR);
    expect(f, SPOKE_READY);
    say_closed(NET, 0);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_TOKEN], 1);
    assert_int_equal(f->client->stats.token_renewals, 0);
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    poll(f, 0);
    fake->sent_count = 0;
    get_ready(f);
    while (spoke_client_state(f->client) == SPOKE_READY)
        poll(f, 60000);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_TOKEN], 2);
    assert_int_equal(f->client->stats.token_renewals, 1);
}

static void what_the_program_asked_for_is_counted_as_asked(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_ASKED], 1);
    assert_int_equal(f->client->stats.troubles[0].count, 0);
}

static void each_host_of_a_list_is_counted_for_itself(void **state)
{
    struct fixture *f = *state;
    f->config.hub_host = "a.local,b.local";
    start(f);
    poll(f, 0);
    say_closed(SPOKE_E_DNS, SPOKE_SOURCE_PORT, 4);
    while (fake->opens == 1)
        poll(f, 60000);
    say_closed(NET, 111);
    poll(f, 0);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_DNS], 1);
    assert_int_equal(f->client->stats.ended[SPOKE_REASON_NETWORK], 1);
    assert_int_equal(f->client->stats.attempts, 2);
}

static void times_in_ready_and_back_off_are_added_up(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SAID, 3);
    poll(f, 0);
    const uint64_t begun = clock_ms;
    while (fake->opens == 1)
        poll(f, 60000);
    assert_int_equal(f->client->stats.backoff_ms, clock_ms - begun);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    run(f, 70000);
    say_closed(NET, 104);
    poll(f, 0);
    assert_int_equal(f->client->stats.ready_ms, 70000);
    assert_int_equal(f->client->stats.attempts, 2);
    assert_int_equal(f->client->stats.connects, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(every_end_is_counted_under_its_one_reason),
        claim(every_refusal_of_dps_is_counted_under_its_one_reason),
        claim(a_dps_that_never_answers_is_a_timeout),
        claim(a_clock_that_is_not_set_is_counted_and_nothing_is_dialled),
        claim(a_certificate_of_ours_that_is_refused_is_a_credential),
        claim(a_refused_subscription_is_protocol_and_a_refused_twin_the_service),
        claim(a_twin_that_does_not_fit_is_configuration),
        claim(a_missing_puback_is_a_timeout),
        claim(a_missing_suback_is_a_timeout),
        claim(a_token_that_ended_or_is_renewed_is_no_trouble),
        claim(what_the_program_asked_for_is_counted_as_asked),
        claim(each_host_of_a_list_is_counted_for_itself),
        claim(times_in_ready_and_back_off_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
