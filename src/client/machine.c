#include "machine.h"

#include <string.h>

#include "base/log.h"

#define CLOSE_LIMIT_MS 2000u      /* for a graceful close of the link */
#define DRAIN_FOR_TOKEN_MS 10000u /* how long new messages wait for a quiet moment before a token renewal */

uint64_t now_ms(const spoke_client *c)
{
    return c->platform.monotonic_ms(c->platform.ctx);
}

uint32_t random_u32(spoke_client *c)
{
    uint8_t b[4] = {0x9e, 0x37, 0x79, 0xb9}; /* jitter without a random source is still a pause */
    if (c->platform.random(c->platform.ctx, b, sizeof b) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "the port gave no random bytes; retries lose their jitter");
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void enter_state(spoke_client *c, spoke_state to, const spoke_error *why)
{
    const spoke_state from = c->state;
    if (from == to)
        return;
    c->state = to;
    c->state_since = now_ms(c);
    if (why->status != SPOKE_OK)
        c->error = *why;
    else if (to == SPOKE_READY)
        c->error = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, spoke_status_text(SPOKE_OK));
    log_line(&c->platform, why->status == SPOKE_OK ? SPOKE_LOG_INFO : SPOKE_LOG_WARN, "client",
             "%s -> %s: %s (%ld)", spoke_state_name(from), spoke_state_name(to), why->text, (long)why->detail);
    if (c->config.on_state == NULL)
        return;
    const spoke_error copy = *why;
    enter_handler(c);
    c->config.on_state(c, from, to, &copy, c->config.user);
    leave_handler(c);
}

/* --- giving a connection up --- */

void machine_close_link(spoke_client *c, bool graceful)
{
    if (!c->link_open)
        return;
    c->closing_link = true;
    if (graceful)
        c->ops->close(c->link);
    else
        c->ops->abort(c->link);
    c->close_by = now_ms(c) + CLOSE_LIMIT_MS;
    c->work_left = true;
}

void machine_fail(spoke_client *c, spoke_error why)
{
    if (c->link_fault.status == SPOKE_OK)
        c->link_fault = why;
    machine_close_link(c, c->link_ready);
}

static void wait_and_retry(spoke_client *c, const spoke_error *why, const struct retry_input *input)
{
    const struct retry_plan plan = retry_after(&c->retry, input, random_u32(c));
    if (plan.class == RETRY_NEVER) {
        enter_state(c, SPOKE_FAILED, why);
        return;
    }
    c->ask_dps = plan.provision;
    c->retry_at = now_ms(c) + plan.pause_ms;
    enter_state(c, SPOKE_BACKOFF, why);
    log_line(&c->platform, SPOKE_LOG_INFO, "client", "next attempt in %lu ms, %s", (unsigned long)plan.pause_ms,
             c->assigned && !c->ask_dps ? "at the hub" : "at the provisioning service");
}

/* The key, not the service or the network, is in doubt. */
static bool key_refused(const spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (why->status == SPOKE_E_REFUSED)
        return why->detail == 4 || why->detail == 5; /* MQTT 3.1.1 table 3.1 */
    return at_dps && why->status == SPOKE_E_PROVISION && c->dps_refusal.failure == SPOKE_DPS_CREDENTIAL;
}

/* Every refused or lost attempt passes here, whoever noticed it first. */
void machine_attempt_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    const uint64_t now = now_ms(c);
    struct retry_input input = {.error = why,
                                .at_dps = at_dps,
                                .was_connected = c->link_ready,
                                .connected_ms = c->link_ready ? now - c->connected_at : 0,
                                .token_expired = c->link_ready && now >= c->token_ends,
                                .with_certificate = c->config.credential.kind == SPOKE_X509,
                                .has_dps = c->config.provisioning_host != NULL,
                                .assigned = c->assigned};
    if (at_dps && why->status == SPOKE_E_PROVISION) {
        input.dps_refused = true;
        input.dps_class = c->dps_refusal.failure;
        input.retry_after_s = c->dps_refusal.retry_after_s;
    }
    if (c->key_count == 2 && key_refused(c, why, at_dps))
        c->key_used ^= 1; /* the other key may have been rolled in */
    wait_and_retry(c, why, &input);
}

/* The connection is over. What follows depends on who wanted that. */
static void link_closed(spoke_client *c, const spoke_error *error)
{
    const bool at_dps = !c->link_at_hub;
    const spoke_error why = c->link_fault.status != SPOKE_OK ? c->link_fault : *error;
    const bool asked = c->closing_link;
    c->link_open = c->closing_link = false;
    session_ended(c);
    if (!c->wanted) {
        const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "closed");
        enter_state(c, SPOKE_IDLE, &none);
    } else if (asked && c->link_fault.status == SPOKE_OK) {
        connect_begin(c); /* DPS has done its work, or a new token is due */
    } else {
        machine_attempt_failed(c, &why, at_dps);
    }
    c->link_ready = c->subscribed = c->draining = false;
    memset(&c->link_fault, 0, sizeof c->link_fault);
    c->work_left = true;
}

/* --- events --- */

static void link_event(spoke_client *c, const spoke_transport_event *event)
{
    if (event->kind == SPOKE_TRANSPORT_CLOSED)
        link_closed(c, &event->error);
    else if (c->closing_link && event->kind != SPOKE_TRANSPORT_ACKED)
        return; /* a connection given up has nothing more to say, but acknowledgements still count */
    else if (c->link_at_hub)
        session_event(c, event);
    else
        provision_event(c, event);
}

void machine_events(spoke_client *c)
{
    spoke_transport_event event;
    while (c->ops->next(c->link, &event) == SPOKE_OK)
        link_event(c, &event);
}

/* --- what is due --- */

static void work_idle(spoke_client *c, uint64_t now)
{
    if (!c->wanted)
        return;
    if (c->config.first_connect_spread_ms == 0) {
        connect_begin(c);
        return;
    }
    const uint64_t spread = c->config.first_connect_spread_ms;
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "spreading the first attempt");
    c->retry_at = now + (spread * random_u32(c) >> 32);
    enter_state(c, SPOKE_BACKOFF, &none);
}

static void work_ready(spoke_client *c, uint64_t now)
{
    session_work(c, now);
    if (now - c->state_since >= RETRY_STABLE_MS && c->retry.in_a_row > 0)
        retry_stable(&c->retry);
    if (now < c->renew_at || c->closing_link)
        return;
    c->draining = true;
    const bool forced = now >= c->renew_latest || now - c->renew_at >= DRAIN_FOR_TOKEN_MS;
    if (session_idle(c) || forced)
        machine_close_link(c, true); /* CLOSED leads to connect_begin, with a new token */
}

/* A graceful close that the peer does not let finish. */
static void hurry_close(spoke_client *c, uint64_t now)
{
    if (!c->closing_link || now < c->close_by)
        return;
    c->ops->abort(c->link);
    c->close_by = now + CLOSE_LIMIT_MS;
}

/* Until SUBACK nothing else watches the service: MQTT pings are answered all the while. */
static void limit_attempt(spoke_client *c, uint64_t now)
{
    if (c->link_open && !c->closing_link && !c->subscribed && now >= c->attempt_due)
        machine_fail(c,
                     client_fault(SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0,
                                  c->link_ready ? "the service did not answer SUBSCRIBE within the connect limit"
                                                : "the service did not answer within the connect limit"));
}

void machine_work(spoke_client *c, uint64_t now)
{
    c->refused = c->news = false;
    limit_attempt(c, now);
    hurry_close(c, now);
    switch (c->state) {
    case SPOKE_IDLE:
        work_idle(c, now);
        break;
    case SPOKE_PROVISIONING:
        if (!c->closing_link)
            provision_work(c, now);
        break;
    case SPOKE_CONNECTING:
        break;
    case SPOKE_SYNCING:
    case SPOKE_CLOSING:
        if (!c->closing_link)
            session_work(c, now);
        break;
    case SPOKE_READY:
        if (!c->closing_link)
            work_ready(c, now);
        break;
    case SPOKE_BACKOFF:
        if (now >= c->retry_at)
            connect_begin(c);
        break;
    case SPOKE_FAILED:
        break;
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ready_deadline(const spoke_client *c)
{
    if (c->news || (c->refused && c->work_left)) /* after a step there may be room again */
        return 0;
    uint64_t due = sooner(c->ack_due, sooner(spoke_twin_deadline(&c->twin), c->report_retry_at));
    if (c->state != SPOKE_READY)
        return due;
    if (c->retry.in_a_row > 0)
        due = sooner(due, c->state_since + RETRY_STABLE_MS);
    if (!c->draining)
        return sooner(due, c->renew_at);
    return sooner(due, sooner(c->renew_latest, c->renew_at + DRAIN_FOR_TOKEN_MS));
}

uint64_t machine_deadline(const spoke_client *c)
{
    if (c->closing_link)
        return c->close_by;
    if (c->link_open && !c->subscribed)
        return c->attempt_due;
    switch (c->state) {
    case SPOKE_IDLE:
        return c->wanted ? 0 : NEVER;
    case SPOKE_PROVISIONING:
        return spoke_dps_deadline(&c->dps);
    case SPOKE_SYNCING:
    case SPOKE_READY:
    case SPOKE_CLOSING:
        return ready_deadline(c);
    case SPOKE_BACKOFF:
        return c->retry_at;
    case SPOKE_CONNECTING:
    case SPOKE_FAILED:
        return NEVER;
    }
    return NEVER;
}
