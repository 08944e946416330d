#include "home.h"

#include <string.h>

#include "base/log.h"
#include "machine.h"

#if SPOKE_WITH_RENEWAL

/* A new key, certificate or trust is tried before it is believed: it is taken over between two connections, the old one
 * is kept beside it until the hub has said yes, and comes back when the new one is refused. */

#define RENEW_REFUSALS 2u /* the first may be a hiccup of the service, as with any credential */
/* Of any kind, in a row: the old one may reach what the new one does not, or nothing is reached at all. Only from a hub
 * that the old one does reach, or that refuses it, is the new one tried again, so that an outage does not speak against
 * it. */
#define RENEW_FAILURES 5u
#define RENEW_ROUNDS 3u
#define TLS_NUMBERS (-0x6000) /* mbedTLS: those of its SSL module begin here, downwards */
#define DAY_S 86400
#define DAY_MS UINT64_C(86400000)
#define CLOCK_MS UINT64_C(3600000) /* without a clock expiry is looked at again so much later */

/* --- old and new change places --- */

/* In place: copies of keys that a compiler leaves on the stack are wiped by nobody. */
static void present(const spoke_client *c, struct identity *out)
{
    out->credential = c->config.credential;
    out->key_count = c->key_count;
    out->key_used = c->key_used;
    out->trust_pem = c->config.trust_pem;
    out->trust_file = c->config.trust_file;
    memcpy(out->keys, c->keys, sizeof out->keys);
}

static void swap(spoke_client *c)
{
    struct identity before;
    const struct identity *next = &c->renewal.other;
    present(c, &before);
    c->config.credential = next->credential;
    c->config.trust_pem = next->trust_pem;
    c->config.trust_file = next->trust_file;
    memcpy(c->keys, next->keys, sizeof next->keys);
    c->key_count = next->key_count;
    c->key_used = next->key_used;
    memcpy(&c->renewal.other, &before, sizeof before);
    spoke_wipe(&before, sizeof before);
}

void renew_wipe(spoke_client *c)
{
    spoke_wipe(&c->renewal, sizeof c->renewal);
}

/* The transport keeps the former ones until now. */
static void drop_former(spoke_client *c)
{
    spoke_error why;
    if (c->renewal.staged && c->ops->credentials(c->link, NULL, &why) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "the transport keeps a former credential: %s", why.text);
}

static spoke_status stage(spoke_client *c, const struct identity *next, spoke_error *why)
{
    spoke_config config = c->config;
    config.credential = next->credential;
    config.trust_pem = next->trust_pem;
    config.trust_file = next->trust_file;
    const spoke_tls_options tls = config_tls(&config);
    return c->ops->credentials(c->link, &tls, why);
}

/* --- trying --- */

/* The transport changes places as well. What it holds comes back without being read: that cannot fail. */
static void change_staged(spoke_client *c)
{
    spoke_error why;
    const struct identity now = {
        .credential = c->config.credential, .trust_pem = c->config.trust_pem, .trust_file = c->config.trust_file};
    if (c->renewal.staged && stage(c, &now, &why) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_ERROR, "client", "a credential did not come back: %s", why.text);
}

void renew_begin(spoke_client *c)
{
    struct renewal *r = &c->renewal;
    if (r->phase != RENEW_WAITING || move_trying(c))
        return;
    swap(c);
    change_staged(c);
    r->phase = RENEW_TRYING;
    r->rounds++;
    r->refusals = r->failures = 0;
    log_line(&c->platform, SPOKE_LOG_INFO, "client", "trying the new %s",
             r->of_trust ? "trust anchors" : "credential");
}

void renew_accepted(spoke_client *c)
{
    if (c->renewal.phase != RENEW_TRYING)
        return;
    const spoke_error done =
        client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0,
                     c->renewal.of_trust ? "the hub was reached with the new trust anchors: they are in force"
                                         : "the hub accepted the new credential: it is in force");
    drop_former(c);
    renew_wipe(c);
    move_again(c);
    client_notice(c, SPOKE_NOTICE_CREDENTIAL, &done, 0);
}

/* What answers does not speak our TLS: a portal, say. With paho, whose numbers are small, nobody can tell. */
static bool no_tls_there(const spoke_error *why)
{
    return why->status == SPOKE_E_TLS && why->detail <= TLS_NUMBERS && why->detail != RETRY_TLS_ALERT;
}

/* Does it speak against the one in use, rather than the network? */
static bool refused(const spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (no_tls_there(why))
        return false;
    if (c->renewal.of_trust)
        return why->status == SPOKE_E_CERTIFICATE || why->status == SPOKE_E_TLS;
    if (why->status == SPOKE_E_REFUSED)
        return why->detail == 2 || why->detail == 4 || why->detail == 5; /* MQTT 3.1.1 table 3.1 */
    if (why->status == SPOKE_E_TLS && c->config.credential.kind == SPOKE_X509)
        return !c->link_ready;
    if (why->status == SPOKE_E_PORT) /* the key lives elsewhere, and did not sign */
        return c->config.credential.hmac != NULL;
    return at_dps && why->status == SPOKE_E_PROVISION && provision_refused(c, SPOKE_DPS_CREDENTIAL);
}

/* With the usual retry it might end in FAILED, although the old one works. */
static bool hopeless(const spoke_error *why)
{
    return why->status == SPOKE_E_ARG || why->status == SPOKE_E_UNSUPPORTED;
}

static void give_up(spoke_client *c, spoke_error why)
{
    drop_former(c);
    renew_wipe(c);
    move_again(c);
    client_notice(c, SPOKE_NOTICE_CREDENTIAL, &why, 0);
}

/* The old one no longer gets in, and so will never be READY for a minute: the new one is all that is left. */
static void old_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (refused(c, why, at_dps) && ++c->renewal.refusals >= RENEW_REFUSALS)
        c->renewal.phase = RENEW_WAITING;
}

bool renew_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    struct renewal *r = &c->renewal;
    if (r->phase == RENEW_RESTING)
        old_failed(c, why, at_dps);
    if (r->phase != RENEW_TRYING)
        return false;
    r->failures++;
    if (hopeless(why))
        r->refusals = RENEW_REFUSALS;
    else if (refused(c, why, at_dps))
        r->refusals++;
    if (r->refusals < RENEW_REFUSALS && r->failures < RENEW_FAILURES)
        return false;
    swap(c);
    change_staged(c);
    c->ask_dps = false; /* what the hub said was said to the new one */
    home_forget_troubles(c);
    if (r->refusals >= RENEW_REFUSALS || r->rounds >= RENEW_ROUNDS) {
        give_up(c, *why);
        return true;
    }
    r->phase = RENEW_RESTING;
    r->refusals = 0;
    return true;
}

/* Certificates are looked at anew, too. */
void renew_ready(spoke_client *c)
{
    c->expiry_due = 0;
}

bool renew_idle(const spoke_client *c)
{
    return c->renewal.phase == RENEW_NONE;
}

bool renew_waiting(const spoke_client *c)
{
    return c->renewal.phase == RENEW_WAITING;
}

/* READY with the old one: the network is there. */
void renew_work(spoke_client *c, uint64_t now)
{
    expiry_look(c, now);
    if (c->renewal.phase != RENEW_RESTING || now - c->state_since < RENEW_REST_MS)
        return;
    c->renewal.phase = RENEW_WAITING;
    connect_anew(c);
}

uint64_t renew_deadline(const spoke_client *c)
{
    const bool rests = c->renewal.phase == RENEW_RESTING;
    return rests ? sooner(c->expiry_due, c->state_since + RENEW_REST_MS) : c->expiry_due;
}

/* --- what the program calls --- */

static bool changes_certificate(const spoke_client *c, const struct identity *next)
{
    return next->credential.kind == SPOKE_X509 || c->config.credential.kind == SPOKE_X509;
}

/* With the lock. Another thread may be inside the transport's step: `credentials` is made for that. */
static spoke_status begin(spoke_client *c, struct identity *next, bool of_trust, spoke_error *why)
{
    struct renewal *r = &c->renewal;
    spoke_status status = SPOKE_OK;
    if (r->phase != RENEW_NONE) {
        *why = client_fault(SPOKE_E_STATE, SPOKE_SOURCE_CLIENT, 0,
                            "another credential or trust is being tried: wait for its notice");
        return SPOKE_E_STATE;
    }
    const bool staged = of_trust || changes_certificate(c, next);
    if (staged && !OFFERS(c->ops, credentials)) {
        *why = client_fault(SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT, 0,
                            "this transport cannot change certificates while it lives");
        return SPOKE_E_UNSUPPORTED;
    }
    if (staged)
        status = stage(c, next, why);
    if (status != SPOKE_OK)
        return status;
    renew_wipe(c);
    r->phase = RENEW_WAITING;
    r->of_trust = of_trust;
    r->staged = staged;
    memcpy(&r->other, next, sizeof r->other);
    change_staged(c); /* it can be read; but the next connection may still have to be made with the present one */
    connect_anew(c);
    return SPOKE_OK;
}

static spoke_status finish(spoke_client *c, struct identity *next, bool of_trust, spoke_status status,
                           spoke_error *why)
{
    if (status == SPOKE_OK)
        status = begin(c, next, of_trust, why);
    if (status != SPOKE_OK)
        c->error = *why;
    spoke_wipe(next, sizeof *next);
    unlock_and_wake(c, status == SPOKE_OK);
    return status;
}

spoke_status spoke_client_set_credential(spoke_client *client, const spoke_credential *credential)
{
    struct identity next;
    spoke_error why;
    if (client == NULL || credential == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    present(client, &next);
    next.credential = *credential;
    next.key_used = 0;
    spoke_wipe(next.keys, sizeof next.keys);
    const spoke_status status = config_credential(credential, next.keys, &next.key_count, &why);
    return finish(client, &next, false, status, &why);
}

spoke_status spoke_client_set_trust(spoke_client *client, const char *trust_pem)
{
    struct identity next;
    spoke_error why;
    if (client == NULL || trust_pem == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    present(client, &next);
    next.trust_pem = trust_pem;
    return finish(client, &next, true, SPOKE_OK, &why);
}

/* --- certificates that end --- */

struct ending {
    int64_t at_s;
    const char *soon, *past;
};

static void warn(spoke_client *c, const struct ending *e, int64_t now_s)
{
    const int64_t left_s = e->at_s - now_s;
    if (e->at_s == 0 || left_s > (int64_t)c->config.expiry_warning_days * DAY_S)
        return;
    const spoke_error why = client_fault(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, (int32_t)(left_s / DAY_S),
                                         left_s > 0 ? e->soon : e->past);
    client_notice(c, SPOKE_NOTICE_EXPIRY, &why, e->at_s);
}

void expiry_look(spoke_client *c, uint64_t now)
{
    spoke_expiry ends = {0};
    int64_t now_s;
    if (now < c->expiry_due || !OFFERS(c->ops, expiry)) {
        c->expiry_due = OFFERS(c->ops, expiry) ? c->expiry_due : NEVER;
        return;
    }
    const bool clock_set = c->platform.unix_seconds(c->platform.ctx, &now_s) == SPOKE_OK;
    c->expiry_due = now + (clock_set ? DAY_MS : CLOCK_MS);
    if (!clock_set)
        return;
    c->ops->expiry(c->link, &ends);
    const struct ending all[] = {
        {ends.client_cert,
         "the device's certificate ends soon (detail: days): have it renewed, then set_credential",
         "the device's certificate has ended: have it renewed, then set_credential"},
        {ends.trust, "the last trust anchor ends soon (detail: days): add its successor with set_trust",
         "the last trust anchor has ended: hand over its successor with set_trust"},
        {ends.server, "the service's certificate ends soon (detail: days): ask whoever runs the service",
         "the service's certificate has ended: ask whoever runs the service"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        warn(c, &all[i], now_s);
}

#endif
