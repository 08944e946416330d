/* New keys, certificates and trust on trial; certificates that end. */
#include "support/client_fixture.h"

#include <spoke/crypto.h>
#include <stddef.h>

#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0="
#define THIRD_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHhw="
#define DAY_MS 86400000ull
#define NOW_S 1767225600 /* of the fake clock at 0 */

/* --- what the fake transport lacks --- */

static struct {
    spoke_tls_options now, former;
    bool kept;
    unsigned reads, drops; /* credentials read; former ones dropped */
    spoke_status answer;
    spoke_expiry ends;
} store;

static spoke_status fake_credentials(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error)
{
    (void)t;
    if (store.answer != SPOKE_OK) {
        *error = (spoke_error){store.answer, SPOKE_SOURCE_TLS, 0, "the fake does not like it"};
        return store.answer;
    }
    if (tls == NULL) {
        store.kept = false;
        store.drops++;
        return SPOKE_OK;
    }
    const bool back = store.kept && tls->client_cert_pem == store.former.client_cert_pem &&
                      tls->trust_pem == store.former.trust_pem;
    assert_true(back || !store.kept);
    store.reads += back ? 0 : 1;
    store.former = store.now;
    store.now = *tls;
    store.kept = true;
    return SPOKE_OK;
}

static void fake_expiry(const spoke_transport *t, spoke_expiry *out)
{
    (void)t;
    *out = store.ends;
}

/* --- the notices --- */

static struct {
    unsigned count;
    spoke_notice_kind kind;
    spoke_error error;
    int64_t at_s;
    unsigned expiries;
} heard;

static void on_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    heard.count++;
    heard.kind = notice->kind;
    heard.error = notice->error;
    heard.at_s = notice->at_s;
    heard.expiries += notice->kind == SPOKE_NOTICE_EXPIRY ? 1 : 0;
}

static spoke_transport_ops ops;

static int set_up_renewal(void **state)
{
    memset(&store, 0, sizeof store);
    memset(&heard, 0, sizeof heard);
    const int failed = set_up(state);
    struct fixture *f = *state;
    ops = fake_ops;
    ops.credentials = fake_credentials;
    ops.expiry = fake_expiry;
    f->config.transport = &ops;
    f->config.on_notice = on_notice;
    f->config.credential.secondary = NULL;
    start(f);
    return failed;
}

static void use_certificate(struct fixture *f)
{
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert 1", .secondary = "key 1"};
    f->config.trust_pem = "trust 1";
    start(f);
    store.now =
        (spoke_tls_options){.client_cert_pem = "cert 1", .client_key_pem = "key 1", .trust_pem = "trust 1"};
}

/* Waits for the next connection; what its token was signed with. */
static void signature(struct fixture *f, unsigned opens, char out[64])
{
    for (int i = 0; i < 1000 && fake->opens < opens; i++)
        poll(f, 60000);
    assert_int_equal(fake->opens, opens);
    const char *sig = strstr(fake->password, "sig=");
    snprintf(out, 64, "%.40s", sig != NULL ? sig : "none");
}

/* What a token of this moment made with that key would be. */
static void expected(const char *key, char out[64])
{
    char token[SPOKE_MAX_SAS_BYTES + 1];
    spoke_buf buf = spoke_buf_from(token, sizeof token - 1);
    spoke_key k;
    int64_t now_s = NOW_S + (int64_t)(clock_ms / 1000);
    assert_ok(spoke_key_from_base64(spoke_str_of(key), &k));
    assert_ok(spoke_sas_token(SPOKE_STR("hub.local/devices/d"), now_s + 3600, (spoke_str){NULL, 0}, spoke_key_hmac,
                              &k, &buf));
    token[buf.len] = '\0';
    snprintf(out, 64, "%.40s", strstr(token, "sig="));
}

static void expect_key(struct fixture *f, unsigned opens, const char *key)
{
    char is[64], wanted[64];
    signature(f, opens, is);
    expected(key, wanted);
    assert_string_equal(is, wanted);
}

static void accept(struct fixture *f)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = true});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01\x00\x00\x00")});
    poll(f, 0);
    poll(f, 0);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    expect(f, SPOKE_READY);
}

static void refuse(struct fixture *f, spoke_status status, int32_t detail)
{
    say_closed(status, SPOKE_SOURCE_MQTT, detail);
    poll(f, 0);
}

/* --- keys --- */

static void a_new_key_is_taken_over_with_nothing_in_flight(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    const uint32_t token = last_sent()->token;
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    poll(f, 100);
    poll(f, 100);
    expect(f, SPOKE_READY); /* the hub still owes an acknowledgement */
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = token});
    poll(f, 100);
    expect_key(f, 2, OTHER_KEY);
    assert_int_equal(heard.count, 0);
    accept(f);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.kind, SPOKE_NOTICE_CREDENTIAL);
    assert_int_equal(heard.error.status, SPOKE_OK);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void a_key_refused_twice_gives_way_to_the_old_one(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    expect_key(f, 2, OTHER_KEY);
    refuse(f, SPOKE_E_REFUSED, 5);
    expect_key(f, 3, OTHER_KEY);
    assert_int_equal(heard.count, 0);
    refuse(f, SPOKE_E_REFUSED, 5);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.kind, SPOKE_NOTICE_CREDENTIAL);
    assert_int_equal(heard.error.status, SPOKE_E_REFUSED);
    const uint64_t given_up = clock_ms;
    expect_key(f, 4, KEY);
    assert_true(clock_ms - given_up <= 1000);
    accept(f);
    assert_int_equal(heard.count, 1);
}

static void a_trouble_of_the_network_leaves_the_new_key_on_trial(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (unsigned i = 2; i < 6; i++) {
        expect_key(f, i, OTHER_KEY);
        refuse(f, SPOKE_E_NET, 111);
    }
    expect_key(f, 6, OTHER_KEY);
    accept(f);
    assert_int_equal(heard.error.status, SPOKE_OK);
    assert_int_equal(heard.count, 1);
}

/* One round of the new key, at whose end the old one is used: five attempts from this one on. */
static void fail_round(struct fixture *f, unsigned opens)
{
    for (unsigned i = 0; i < 5; i++) {
        expect_key(f, opens + i, OTHER_KEY);
        refuse(f, SPOKE_E_NET, 104);
    }
    expect_key(f, opens + 5, KEY);
}

static void a_key_with_which_no_hub_is_reached_rests_and_is_given_up_after_three_rounds(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(heard.count, 0);
        fail_round(f, 2 + 6 * round);
        accept(f);
        const uint64_t ready = clock_ms;
        if (round == 2)
            break;
        while (fake->opens < 8 + 6 * round)
            poll(f, 1000);
        assert_in_range(clock_ms - ready, 59000, 62000);
    }
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_E_NET);
    run(f, 600000);
    assert_int_equal(fake->opens, 19);
}

static void an_outage_does_not_speak_against_a_new_key(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    fail_round(f, 2);
    for (unsigned i = 7; i < 40; i++) { /* for a long time nothing is reached */
        expect_key(f, i, KEY);
        refuse(f, SPOKE_E_NET, 111);
    }
    expect_key(f, 40, KEY);
    accept(f);
    assert_int_equal(heard.count, 0);
    expect_key(f, 41, OTHER_KEY);
    accept(f);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void a_new_key_is_tried_again_when_the_old_one_no_longer_gets_in(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    fail_round(f, 2); /* an outage, at whose end the old key has been revoked */
    refuse(f, SPOKE_E_REFUSED, 5);
    expect_key(f, 8, KEY); /* once may be a hiccup */
    refuse(f, SPOKE_E_REFUSED, 5);
    assert_int_equal(heard.count, 0);
    expect_key(f, 9, OTHER_KEY);
    accept(f);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void a_new_certificate_is_tried_again_when_the_old_one_has_ended(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (unsigned i = 2; i < 7; i++) {
        signature(f, i, none);
        refuse(f, SPOKE_E_NET, 104);
    }
    for (unsigned i = 7; i < 9; i++) {
        signature(f, i, none);
        assert_string_equal(store.now.client_cert_pem, "cert 1");
        refuse(f, SPOKE_E_TLS, -0x7780);
    }
    signature(f, 9, none);
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    accept(f);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void a_certificate_that_rests_comes_back_without_being_read(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (unsigned i = 2; i < 7; i++) {
        signature(f, i, none);
        assert_string_equal(store.now.client_cert_pem, "cert 2");
        refuse(f, SPOKE_E_NET, 104);
    }
    signature(f, 7, none);
    assert_string_equal(store.now.client_cert_pem, "cert 1");
    accept(f);
    signature(f, 8, none);
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    accept(f);
    assert_int_equal(store.reads, 1);
    assert_int_equal(store.drops, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void both_new_keys_are_tried(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY, .secondary = THIRD_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    expect_key(f, 2, OTHER_KEY);
    refuse(f, SPOKE_E_REFUSED, 5);
    expect_key(f, 3, THIRD_KEY);
    accept(f);
    assert_int_equal(heard.error.status, SPOKE_OK);
    refuse(f, SPOKE_E_NET, 104);
    expect_key(f, 4, THIRD_KEY);
}

static spoke_status foreign_hmac(void *ctx, spoke_str message, uint8_t mac[32])
{
    (void)message;
    memset(mac, 0x11, 32);
    return *(const spoke_status *)ctx;
}

static void a_key_that_lives_elsewhere_is_tried_like_any_other(void **state)
{
    struct fixture *f = *state;
    char is[64];
    spoke_status answer = SPOKE_OK;
    get_ready(f);
    const spoke_credential next = {.hmac = foreign_hmac, .hmac_ctx = &answer};
    assert_ok(spoke_client_set_credential(f->client, &next));
    signature(f, 2, is);
    assert_non_null(strstr(is, "sig=ERERERER"));
    accept(f);
    assert_int_equal(heard.error.status, SPOKE_OK);
    answer = SPOKE_OK;
    const spoke_credential back = {.primary = KEY};
    assert_ok(spoke_client_set_credential(f->client, &back));
    expect_key(f, 3, KEY);
}

static void a_key_that_lives_elsewhere_and_does_not_sign_is_given_up(void **state)
{
    struct fixture *f = *state;
    spoke_status answer = SPOKE_E_PORT;
    get_ready(f);
    const spoke_credential next = {.hmac = foreign_hmac, .hmac_ctx = &answer};
    assert_ok(spoke_client_set_credential(f->client, &next));
    expect_key(f, 2, KEY);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_E_PORT);
}

static void a_key_that_would_end_in_failed_is_given_up_at_once(void **state)
{
    static const spoke_status answers[] = {SPOKE_E_ARG, SPOKE_E_UNSUPPORTED};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        spoke_status answer = answers[i];
        memset(&heard, 0, sizeof heard);
        start(f);
        get_ready(f);
        const spoke_credential next = {.hmac = foreign_hmac, .hmac_ctx = &answer};
        assert_ok(spoke_client_set_credential(f->client, &next));
        expect_key(f, 2, KEY);
        assert_int_equal(heard.count, 1);
        assert_int_equal(heard.error.status, answers[i]);
    }
}

static void what_cannot_be_used_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char why[200];
    get_ready(f);
    const spoke_credential wrong[] = {{.primary = "not base64!"},
                                      {.primary = NULL},
                                      {.primary = OTHER_KEY, .secondary = "short"},
                                      {.kind = SPOKE_X509, .primary = "cert"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(spoke_client_set_credential(f->client, &wrong[i]), SPOKE_E_ARG);
        assert_non_null(strstr(spoke_client_explain(f->client, why, sizeof why), "credential"));
    }
    assert_int_equal(spoke_client_set_credential(NULL, &wrong[0]), SPOKE_E_ARG);
    assert_int_equal(spoke_client_set_credential(f->client, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_set_trust(f->client, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_set_trust(NULL, "trust"), SPOKE_E_ARG);
    run(f, 20000);
    expect(f, SPOKE_READY);
    assert_int_equal(fake->opens, 1);
}

static void one_change_at_a_time(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_int_equal(spoke_client_set_credential(f->client, &next), SPOKE_E_STATE);
    assert_int_equal(spoke_client_set_trust(f->client, "trust 2"), SPOKE_E_STATE);
    expect_key(f, 2, OTHER_KEY);
    assert_int_equal(spoke_client_set_credential(f->client, &next), SPOKE_E_STATE);
    accept(f);
    assert_ok(spoke_client_set_credential(f->client, &next));
}

/* Asks for the other key while the client tells that it begins to connect. */
static void ask_while_connecting(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why,
                                 void *user)
{
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    (void)from;
    (void)why;
    (void)user;
    if (to == SPOKE_CONNECTING && store.reads == 0)
        assert_ok(spoke_client_set_credential(client, &next));
}

static void a_change_asked_for_as_a_connect_begins_needs_no_other_occasion(void **state)
{
    struct fixture *f = *state;
    char none[64];
    f->config.on_state = ask_while_connecting;
    use_certificate(f);
    poll(f, 0);
    assert_int_equal(fake->opens, 1);
    assert_string_equal(store.now.client_cert_pem, "cert 1"); /* it was made with that one, after all */
    connect_only(f);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}"); /* READY, and begun anew */
    run(f, 1000);
    signature(f, 2, none);
    accept(f);
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    assert_int_equal(heard.count, 1);
}

static void a_key_set_before_open_is_the_first_one_used(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    assert_ok(spoke_client_create(&f->config, &f->client));
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_ok(spoke_client_open(f->client));
    poll(f, 0);
    expect_key(f, 1, OTHER_KEY);
}

static void answer_dps(struct fixture *f, const char *status, const char *body)
{
    char topic[200];
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    const char *rid = strstr(last_sent()->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s", status, (int)strcspn(rid, "&"), rid);
    say_message(topic, body, 0);
    poll(f, 0);
}

static void a_key_that_dps_refuses_twice_gives_way_too(void **state)
{
    struct fixture *f = *state;
    char first[64], second[64], third[64];
    f->config.provisioning_host = "dps.local";
    f->config.id_scope = "0ne0";
    f->config.hub_host = NULL;
    spoke_client_destroy(f->client);
    f->last = SPOKE_IDLE;
    assert_ok(spoke_client_create(&f->config, &f->client));
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_ok(spoke_client_open(f->client));
    signature(f, 1, first);
    answer_dps(f, "401", "{\"errorCode\":401002}");
    signature(f, 2, second);
    assert_int_equal(heard.count, 0);
    answer_dps(f, "401", "{\"errorCode\":401002}");
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_E_PROVISION);
    signature(f, 3, third);
    answer_dps(f, "404", "{\"errorCode\":404201}"); /* says nothing about a key */
    assert_int_equal(heard.count, 1);
}

static void a_service_that_is_unavailable_says_nothing_about_a_key(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential next = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &next));
    for (unsigned i = 2; i < 6; i++) {
        expect_key(f, i, OTHER_KEY);
        refuse(f, SPOKE_E_REFUSED, 3);
    }
    expect_key(f, 6, OTHER_KEY);
    refuse(f, SPOKE_E_PORT, 5); /* the port's own trouble: there is no callback to blame */
    expect_key(f, 7, KEY);      /* five attempts without a hub */
    assert_int_equal(heard.count, 0);
}

/* --- certificates and trust --- */

static void a_new_certificate_is_read_at_once_and_tried_at_a_quiet_moment(void **state)
{
    struct fixture *f = *state;
    use_certificate(f);
    get_ready(f);
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_ok(spoke_client_set_credential(f->client, &next));
    assert_int_equal(store.reads, 1);
    assert_string_equal(store.now.client_cert_pem, "cert 1");
    poll(f, 100);
    poll(f, 100);
    assert_int_equal(fake->opens, 2);
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    assert_string_equal(store.now.trust_pem, "trust 1");
    assert_int_equal(store.drops, 0);
    accept(f);
    assert_int_equal(store.drops, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void a_refused_certificate_brings_the_old_one_back(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_ok(spoke_client_set_credential(f->client, &next));
    signature(f, 2, none);
    refuse(f, SPOKE_E_TLS, -0x7780);
    signature(f, 3, none);
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    refuse(f, SPOKE_E_REFUSED, 5);
    assert_string_equal(store.now.client_cert_pem, "cert 1");
    assert_int_equal(store.reads, 1);
    assert_int_equal(store.drops, 1);
    assert_int_equal(heard.error.status, SPOKE_E_REFUSED);
    signature(f, 4, none);
    accept(f);
}

static void a_certificate_that_cannot_be_read_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char why[200];
    use_certificate(f);
    get_ready(f);
    store.answer = SPOKE_E_CERTIFICATE;
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_int_equal(spoke_client_set_credential(f->client, &next), SPOKE_E_CERTIFICATE);
    assert_non_null(strstr(spoke_client_explain(f->client, why, sizeof why), "does not like"));
    assert_int_equal(spoke_client_set_trust(f->client, "trust 2"), SPOKE_E_CERTIFICATE);
    store.answer = SPOKE_OK;
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
}

static void a_transport_that_does_not_let_go_is_complained_about_and_no_more(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    signature(f, 2, none);
    store.answer = SPOKE_E_STATE;
    accept(f);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
    store.answer = SPOKE_OK;
    store.kept = false;
    assert_ok(spoke_client_set_trust(f->client, "trust 3"));
    signature(f, 3, none);
    store.answer = SPOKE_E_STATE;
    refuse(f, SPOKE_E_TLS, 0);
    signature(f, 4, none);
    refuse(f, SPOKE_E_TLS, 0);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.error.status, SPOKE_E_TLS);
}

static void a_portal_does_not_speak_against_a_new_certificate_or_trust(void **state)
{
    struct fixture *f = *state;
    char none[64];
    for (int of_trust = 0; of_trust < 2; of_trust++) {
        memset(&heard, 0, sizeof heard);
        use_certificate(f);
        get_ready(f);
        const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
        assert_ok(of_trust ? spoke_client_set_trust(f->client, "trust 2")
                           : spoke_client_set_credential(f->client, &next));
        for (unsigned i = 2; i < 6; i++) {
            signature(f, i, none);
            refuse(f, SPOKE_E_TLS, -0x7200); /* MBEDTLS_ERR_SSL_INVALID_RECORD: HTML, for example */
            assert_int_equal(heard.count, 0);
        }
        signature(f, 6, none);
        assert_string_equal(of_trust ? store.now.trust_pem : store.now.client_cert_pem,
                            of_trust ? "trust 2" : "cert 2");
        accept(f);
        assert_int_equal(heard.error.status, SPOKE_OK);
    }
}

static void one_refusal_of_a_certificate_is_none(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    const spoke_credential next = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    assert_ok(spoke_client_set_credential(f->client, &next));
    signature(f, 2, none);
    refuse(f, SPOKE_E_TLS, 0);
    signature(f, 3, none);
    accept(f); /* one refusal is none */
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void from_a_key_to_a_certificate_and_back(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_credential cert = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    char none[64];
    assert_ok(spoke_client_set_credential(f->client, &cert));
    signature(f, 2, none);
    assert_string_equal(none, "none");
    assert_string_equal(store.now.client_cert_pem, "cert 2");
    accept(f);
    const spoke_credential key = {.primary = OTHER_KEY};
    assert_ok(spoke_client_set_credential(f->client, &key));
    expect_key(f, 3, OTHER_KEY);
    assert_null(store.now.client_cert_pem);
}

static void new_trust_is_in_force_when_the_hub_was_reached(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    signature(f, 2, none);
    assert_string_equal(store.now.trust_pem, "trust 2");
    assert_string_equal(store.now.client_cert_pem, "cert 1");
    accept(f);
    assert_int_equal(heard.kind, SPOKE_NOTICE_CREDENTIAL);
    assert_int_equal(heard.error.status, SPOKE_OK);
}

static void trust_is_read_even_if_it_stands_where_the_present_one_does(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    f->config.credential = (spoke_credential){.primary = KEY};
    start(f);
    store.now = (spoke_tls_options){.trust_pem = "trust 1"};
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, f->config.trust_pem));
    assert_int_equal(store.reads, 1);
    signature(f, 2, none);
    accept(f);
    assert_int_equal(heard.error.status, SPOKE_OK);
    assert_int_equal(store.drops, 1);
}

static void trust_with_which_the_server_is_not_trusted_is_given_up(void **state)
{
    struct fixture *f = *state;
    char none[64];
    use_certificate(f);
    get_ready(f);
    assert_ok(spoke_client_set_trust(f->client, "trust 2"));
    signature(f, 2, none);
    refuse(f, SPOKE_E_CERTIFICATE, 0);
    while (fake->opens < 3) /* a minute, and not at once: it may be the clock */
        poll(f, 60000);
    refuse(f, SPOKE_E_CERTIFICATE, 0);
    assert_int_equal(heard.error.status, SPOKE_E_CERTIFICATE);
    assert_string_equal(store.now.trust_pem, "trust 1");
    const uint64_t given_up = clock_ms;
    signature(f, 4, none);
    assert_true(clock_ms - given_up <= 1000);
}

static void not_there(const spoke_transport *t, spoke_transport_counters *out)
{
    (void)t;
    (void)out;
    fail_msg("a member behind the end of the table was called");
}

static void a_transport_of_before_cannot_change_certificates_but_keys(void **state)
{
    struct fixture *f = *state;
    ops = fake_ops;
    ops.struct_size = offsetof(spoke_transport_ops, credentials);
    ops.counters = not_there; /* what lies behind a shorter table */
    start(f);
    get_ready(f);
    const spoke_credential cert = {.kind = SPOKE_X509, .primary = "cert 2", .secondary = "key 2"};
    const spoke_credential key = {.primary = OTHER_KEY};
    assert_int_equal(spoke_client_set_credential(f->client, &cert), SPOKE_E_UNSUPPORTED);
    assert_int_equal(spoke_client_set_trust(f->client, "trust 2"), SPOKE_E_UNSUPPORTED);
    assert_ok(spoke_client_set_credential(f->client, &key));
    expect_key(f, 2, OTHER_KEY);
}

/* --- expiry --- */

static void what_ends_soon_is_told_at_connect_and_once_a_day(void **state)
{
    struct fixture *f = *state;
    f->config.sas_lifetime_s = 86400;
    start(f);
    store.ends.client_cert = NOW_S + 29 * 86400;
    get_ready(f);
    poll(f, 0);
    assert_int_equal(heard.expiries, 1);
    assert_int_equal(heard.at_s, store.ends.client_cert);
    assert_int_equal(heard.error.status, SPOKE_E_CERTIFICATE);
    assert_int_equal(heard.error.detail, 28);
    assert_non_null(strstr(heard.error.text, "device's certificate"));
    run(f, DAY_MS / 2);
    assert_int_equal(heard.expiries, 1);
}

static void an_end_within_the_warning_days_is_told_each_day(void **state)
{
    struct fixture *f = *state;
    f->config.credential = (spoke_credential){.kind = SPOKE_X509, .primary = "cert 1", .secondary = "key 1"};
    f->config.expiry_warning_days = 10;
    start(f);
    store.ends = (spoke_expiry){.trust = NOW_S + 12 * 86400, .server = NOW_S + 400 * 86400};
    get_ready(f);
    run(f, 3 * DAY_MS + 1000);
    assert_int_equal(heard.expiries, 2); /* at the days 2 and 3 */
    assert_non_null(strstr(heard.error.text, "trust anchor"));
    assert_int_equal(fake->opens, 1);
}

static void each_certificate_is_told_apart_and_the_past_from_the_future(void **state)
{
    struct fixture *f = *state;
    store.ends = (spoke_expiry){.client_cert = NOW_S - 86400, .trust = NOW_S + 86400, .server = NOW_S + 2 * 86400};
    get_ready(f);
    poll(f, 0);
    assert_int_equal(heard.expiries, 3);
    assert_non_null(strstr(heard.error.text, "service's certificate ends"));
}

static void a_refused_link_tells_what_has_ended(void **state)
{
    struct fixture *f = *state;
    store.ends.client_cert = NOW_S - 86400;
    poll(f, 0);
    refuse(f, SPOKE_E_TLS, -0x7780);
    assert_int_equal(heard.expiries, 1);
    assert_non_null(strstr(heard.error.text, "has ended"));
    spoke_client_connect_now(f->client);
    poll(f, 0);
    refuse(f, SPOKE_E_TLS, -0x7780);
    assert_int_equal(heard.expiries, 1);
}

static void without_a_clock_nothing_is_said_about_ends(void **state)
{
    struct fixture *f = *state;
    use_certificate(f);
    store.ends.client_cert = NOW_S;
    f->clock_unset = true;
    get_ready(f);
    run(f, 1800000);
    assert_int_equal(heard.expiries, 0);
    f->clock_unset = false;
    run(f, 3600000);
    assert_int_equal(heard.expiries, 1);
}

#define renewal(test) cmocka_unit_test_setup_teardown(test, set_up_renewal, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        renewal(a_new_key_is_taken_over_with_nothing_in_flight),
        renewal(a_key_refused_twice_gives_way_to_the_old_one),
        renewal(a_trouble_of_the_network_leaves_the_new_key_on_trial),
        renewal(a_key_with_which_no_hub_is_reached_rests_and_is_given_up_after_three_rounds),
        renewal(an_outage_does_not_speak_against_a_new_key),
        renewal(a_new_key_is_tried_again_when_the_old_one_no_longer_gets_in),
        renewal(a_new_certificate_is_tried_again_when_the_old_one_has_ended),
        renewal(a_certificate_that_rests_comes_back_without_being_read),
        renewal(both_new_keys_are_tried),
        renewal(a_key_that_lives_elsewhere_is_tried_like_any_other),
        renewal(a_key_that_lives_elsewhere_and_does_not_sign_is_given_up),
        renewal(a_key_that_would_end_in_failed_is_given_up_at_once),
        renewal(what_cannot_be_used_changes_nothing),
        renewal(one_change_at_a_time),
        renewal(a_change_asked_for_as_a_connect_begins_needs_no_other_occasion),
        renewal(a_key_set_before_open_is_the_first_one_used),
        renewal(a_new_certificate_is_read_at_once_and_tried_at_a_quiet_moment),
        renewal(a_refused_certificate_brings_the_old_one_back),
        renewal(a_certificate_that_cannot_be_read_changes_nothing),
        renewal(a_key_that_dps_refuses_twice_gives_way_too),
        renewal(a_service_that_is_unavailable_says_nothing_about_a_key),
        renewal(a_transport_that_does_not_let_go_is_complained_about_and_no_more),
        renewal(a_portal_does_not_speak_against_a_new_certificate_or_trust),
        renewal(one_refusal_of_a_certificate_is_none),
        renewal(from_a_key_to_a_certificate_and_back),
        renewal(new_trust_is_in_force_when_the_hub_was_reached),
        renewal(trust_is_read_even_if_it_stands_where_the_present_one_does),
        renewal(trust_with_which_the_server_is_not_trusted_is_given_up),
        renewal(a_transport_of_before_cannot_change_certificates_but_keys),
        renewal(what_ends_soon_is_told_at_connect_and_once_a_day),
        renewal(an_end_within_the_warning_days_is_told_each_day),
        renewal(each_certificate_is_told_apart_and_the_past_from_the_future),
        renewal(a_refused_link_tells_what_has_ended),
        renewal(without_a_clock_nothing_is_said_about_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
