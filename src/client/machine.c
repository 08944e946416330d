#include "machine.h"

#include <string.h>

#include "base/log.h"

#define CLOSE_LIMIT_MS 2000u      /* for a graceful close of the link */
#define SYNC_LIMIT_MS 600000u     /* from CONNACK to READY; the twin's own limits are far below */
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

uint32_t random_below(spoke_client *c, uint32_t limit)
{
    return (uint32_t)((uint64_t)limit * random_u32(c) >> 32);
}

void enter_state(spoke_client *c, spoke_state to, const spoke_error *why)
{
    const spoke_state from = c->state;
    const uint64_t now = now_ms(c);
    if (from == to)
        return;
    stats_state(c, from, to, now - c->state_since);
    c->state = to;
    c->state_since = now;
    if (to == SPOKE_SYNCING)
        clock_trust(c);
    else if (to == SPOKE_IDLE || to == SPOKE_FAILED)
        clock_stop(c);
    if (why->status != SPOKE_OK)
        c->error = *why;
    else if (to == SPOKE_READY)
        c->error = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, NULL);
    log_line(&c->platform, why->status == SPOKE_OK ? SPOKE_LOG_INFO : SPOKE_LOG_WARN, "client",
             "%s -> %s: %s (%ld)", spoke_state_name(from), spoke_state_name(to), why->text, (long)why->detail);
    if (c->config.on_state == NULL)
        return;
    const spoke_error copy = *why;
    enter_handler(c);
    c->config.on_state(c, from, to, &copy, c->config.user);
    leave_handler(c);
}

void enter_without_fault(spoke_client *c, spoke_state to, const char *text)
{
    const spoke_error none = fault_of(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, text);
    enter_state(c, to, &none);
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

bool give_link_up(spoke_client *c, spoke_status status, spoke_source source, int32_t detail)
{
    const bool first = c->link_fault.status == SPOKE_OK;
    if (first)
        c->link_fault = fault_of(status, source, detail, NULL);
    machine_close_link(c, c->link_ready);
    return first;
}

/* True if an attempt that failed so may have failed for the clock: 1 surely, 0 perhaps, -1 no. */
static int about_clock(const spoke_client *c, spoke_reason reason)
{
    if (reason == SPOKE_REASON_CLOCK)
        return 1;
    const bool by_date = c->config.credential.kind == SPOKE_SYMMETRIC_KEY; /* a token ends at one */
    return reason == SPOKE_REASON_TRUST || (reason == SPOKE_REASON_CREDENTIAL && by_date) ? 0 : -1;
}

static void announce_pause(spoke_client *c, const struct retry_plan *plan, const spoke_error *why)
{
    log_line(&c->platform, SPOKE_LOG_INFO, "client", "next attempt in %lu ms, %s", (unsigned long)plan->pause_ms,
             c->assigned && !c->ask_dps ? "at the hub" : "at the provisioning service");
    if (!SPOKE_WITH_REASONS)
        return;
    if (plan->duplicate_begins)
        client_notice(c, SPOKE_NOTICE_DUPLICATE, why, 0);
    const int clock = about_clock(c, plan->reason);
    if (clock >= 0)
        clock_doubt(c, why, clock > 0);
}

static void attempt_ended(spoke_client *c, spoke_reason reason, const spoke_error *why)
{
    stats_ended(c, reason, why);
    diagnostics_ended(c, reason);
}

static void wait_and_retry(spoke_client *c, const spoke_error *given, const struct retry_input *input)
{
    const struct retry_plan plan = retry_after(&c->retry, input, random_u32(c));
    spoke_error why = *given;
    if (SPOKE_WITH_REASONS && plan.text != NULL)
        why.text = plan.text;
    attempt_ended(c, plan.reason, &why);
    if (SPOKE_WITH_REASONS && plan.class == RETRY_NEVER) {
        enter_state(c, SPOKE_FAILED, &why);
        return;
    }
    c->ask_dps = plan.provision;
    c->retry_at = now_ms(c) + plan.pause_ms;
    c->pause_firm = plan.firm;
    clock_clear(c);
    enter_state(c, SPOKE_BACKOFF, &why);
    announce_pause(c, &plan, &why);
}

/* The key, not the service or the network, is in doubt. */
static bool key_refused(const spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (why->status == SPOKE_E_REFUSED)
        return why->detail == 4 || why->detail == 5; /* MQTT 3.1.1 table 3.1 */
    return at_dps && why->status == SPOKE_E_PROVISION && provision_refused(c, SPOKE_DPS_CREDENTIAL);
}

/* The hub hung up before it acknowledged anything, although telemetry was waiting for it. */
static bool unheard(const spoke_client *c)
{
    return SPOKE_WITH_REASONS && c->link_ready && at_hub(c) && !c->link_heard && queue_in_flight(&c->queue) > 0;
}

/* What the life of the link tells about its end. */
static void describe_link(const spoke_client *c, uint64_t now, struct retry_input *in)
{
    in->was_connected = c->link_ready;
    in->was_subscribed = c->subscribed;
    in->unheard = c->link_unheard;
    in->connected_ms = c->link_ready ? now - c->connected_at : 0;
    in->with_certificate = c->config.credential.kind == SPOKE_X509;
}

static void attempt_otherwise(spoke_client *c, const struct retry_input *in)
{
#if SPOKE_WITH_REASONS
    attempt_ended(c, retry_reason(in), in->error);
#else
    (void)c, (void)in;
#endif
}

/* Every refused or lost attempt passes here, whoever noticed it first. */
void machine_attempt_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    const uint64_t now = now_ms(c);
    struct retry_input input = {.error = why,
                                .at_dps = at_dps,
                                .token_expired = c->link_ready && now >= c->token_ends,
                                .has_dps = config_uses_dps(&c->config),
                                .assigned = c->assigned};
    if (SPOKE_WITH_REASONS)
        describe_link(c, now, &input);
    if (at_dps && why->status == SPOKE_E_PROVISION)
        provision_verdict(c, &input);
    if (c->key_count == 2 && key_refused(c, why, at_dps))
        c->key_used ^= 1; /* the other key may have been rolled in */
    c->pause_firm = false;
    if (connect_otherwise(c, why, at_dps))
        attempt_otherwise(c, &input);
    else
        wait_and_retry(c, why, &input);
}

/* --- the network, as the program sees it --- */

/* Wanted, and not allowed: BACKOFF until the program says otherwise. */
static void hold(spoke_client *c)
{
    c->retry_at = now_ms(c);
    c->pause_firm = false;
    enter_well(c, SPOKE_BACKOFF, "the program says that there is no network: waiting for it");
}

static uint64_t spread_ms(spoke_client *c)
{
    return random_below(c, c->config.first_connect_spread_ms);
}

/* A network that is there again is tried at once, but not against the service's own wish, and not by a whole fleet
 * together. */
static void network_changed(spoke_client *c, uint64_t now)
{
    const spoke_network before = c->network_seen;
    const bool was_away = before == SPOKE_NETWORK_DOWN || before == SPOKE_NETWORK_AIRPLANE;
    c->network_seen = c->network;
    if (c->network == SPOKE_NETWORK_AIRPLANE && c->link_open && !c->closing_link)
        machine_close_link(c, c->link_ready);
    if (!machine_may_dial(c))
        clock_stop(c);
    if (c->state != SPOKE_BACKOFF || !machine_may_dial(c))
        return;
    const uint64_t soon = now + spread_ms(c);
    const bool later = was_away && c->retry_at != AT_ONCE && c->retry_at < soon;
    const bool earlier = !c->pause_firm && c->retry_at > soon && (was_away || c->network == SPOKE_NETWORK_UP);
    if (later || earlier)
        c->retry_at = soon;
}

/* The connection was ended by us, and not for a fault. */
static void go_on(spoke_client *c)
{
    attempt_ended(c, c->renewing ? SPOKE_REASON_TOKEN : SPOKE_REASON_ASKED, NULL);
    if (c->renewing)
        COUNT(c, token_renewals, 1);
    if (machine_may_dial(c))
        connect_begin(c); /* DPS has done its work, or a new token is due */
    else
        hold(c);
}

/* The connection is over. What follows depends on who wanted that. */
static void link_closed(spoke_client *c, const spoke_error *error)
{
    const bool at_dps = !at_hub(c);
    const spoke_error why = c->link_fault.status != SPOKE_OK ? c->link_fault : *error;
    const bool asked = c->closing_link;
    const bool unanswered = unheard(c);
    c->link_open = c->closing_link = false;
    session_ended(c);
    if (!c->wanted) {
        attempt_ended(c, SPOKE_REASON_ASKED, NULL);
        enter_well(c, SPOKE_IDLE, "closed");
    } else if (asked && c->link_fault.status == SPOKE_OK) {
        go_on(c);
    } else {
        c->link_unheard = unanswered;
        machine_attempt_failed(c, &why, at_dps);
    }
    c->link_ready = c->subscribed = c->draining = c->renewing = false;
    memset(&c->link_fault, 0, sizeof c->link_fault);
    c->work_left = true;
}

/* --- events --- */

static void link_event(spoke_client *c, const spoke_transport_event *event)
{
    if (event->kind == SPOKE_TRANSPORT_ACKED && at_hub(c))
        session_acked(c, event->token);
    else if (event->kind == SPOKE_TRANSPORT_CLOSED)
        link_closed(c, &event->error);
    else if (c->closing_link)
        return; /* a connection given up has nothing more to say, but acknowledgements still count */
    else if (at_hub(c))
        session_event(c, event);
    else
        provision_event(c, event);
}

void machine_events(spoke_client *c)
{
    spoke_transport_event event;
    c->events_at = now_ms(c);
    while (c->ops->next(c->link, &event) == SPOKE_OK)
        link_event(c, &event);
    session_watch_acks(c);
}

/* --- what is due --- */

/* Once, and before any connection. */
static void begin_life(spoke_client *c)
{
    if (c->alive)
        return;
    c->alive = true;
    work_tell(c);
    settings_restore(c);
}

static void work_idle(spoke_client *c, uint64_t now)
{
    if (!c->wanted)
        return;
    begin_life(c);
    if (!machine_may_dial(c)) {
        hold(c);
        return;
    }
    if (c->config.first_connect_spread_ms == 0) {
        connect_begin(c);
        return;
    }
    c->retry_at = now + spread_ms(c);
    c->pause_firm = false;
    enter_well(c, SPOKE_BACKOFF, "spreading the first attempt");
}

static void work_back_off(spoke_client *c, uint64_t now)
{
    if (!machine_may_dial(c))
        return;
    clock_work(c, now);
    if (now >= c->retry_at)
        connect_begin(c);
}

/* Without a network to come back on, the link is used as long as it stands. */
static bool renewal_due(const spoke_client *c, uint64_t now)
{
    return now >= c->renew_at && machine_may_dial(c) && !c->closing_link;
}

static void work_ready(spoke_client *c, uint64_t now)
{
    diagnostics_work(c, now);
    session_work(c, now);
    renew_work(c, now);
    move_work(c, now);
    if (now - c->state_since >= RETRY_STABLE_MS && retry_troubled(&c->retry))
        retry_stable(&c->retry);
    c->draining = renewal_due(c, now);
    if (!c->draining)
        return;
    const bool forced = now >= c->renew_latest || now - c->renew_at >= DRAIN_FOR_TOKEN_MS;
    if (!session_idle(c) && !forced)
        return;
    c->renewing = !LINKS_END_ANEW || !c->anew;
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
    if (!c->link_open || c->closing_link)
        return;
    if (!c->subscribed && now >= c->attempt_due)
        machine_fail(c, SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0,
                     c->link_ready ? "the service did not answer SUBSCRIBE within the connect limit"
                                   : "the service did not answer within the connect limit");
    else if (c->state == SPOKE_SYNCING && now - c->state_since >= SYNC_LIMIT_MS)
        machine_fail(c, SPOKE_E_TIMEOUT, SPOKE_SOURCE_HUB, 0,
                     "the device did not get READY within 10 minutes: the connection is tried anew");
}

void machine_work(spoke_client *c, uint64_t now)
{
    c->refused = c->news = false;
    if (SPOKE_WITH_NETWORK && c->network != c->network_seen)
        network_changed(c, now);
    if (c->link_open) /* a question for the time is of use only before the next attempt */
        clock_stop(c);
    limit_attempt(c, now);
    hurry_close(c, now);
    settings_work(c);
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
        work_back_off(c, now);
        break;
    case SPOKE_FAILED:
        break;
    }
    outgoing_work(c, now);
}

static uint64_t ready_deadline(const spoke_client *c)
{
    if (c->news || (c->refused && c->work_left)) /* after a step there may be room again */
        return 0;
    uint64_t due = sooner(c->ack_due, sync_deadline(c));
    if (c->state == SPOKE_SYNCING)
        return sooner(due, c->state_since + SYNC_LIMIT_MS);
    if (c->state != SPOKE_READY)
        return due;
    due = sooner(due, diagnostics_deadline(c));
    if (retry_troubled(&c->retry))
        due = sooner(due, c->state_since + RETRY_STABLE_MS);
    due = sooner(due, sooner(renew_deadline(c), move_deadline(c)));
    if (!machine_may_dial(c))
        return due;
    if (!c->draining)
        return sooner(due, c->renew_at);
    return sooner(due, sooner(c->renew_latest, c->renew_at + DRAIN_FOR_TOKEN_MS));
}

uint64_t machine_deadline(const spoke_client *c)
{
    if ((SPOKE_WITH_NETWORK && c->network != c->network_seen) || settings_due(c))
        return 0;
    if (c->closing_link)
        return c->close_by;
    if (c->link_open && !c->subscribed)
        return c->attempt_due;
    switch (c->state) {
    case SPOKE_IDLE:
        return c->wanted ? 0 : NEVER;
    case SPOKE_PROVISIONING:
        return provision_deadline(c);
    case SPOKE_SYNCING:
    case SPOKE_READY:
    case SPOKE_CLOSING:
        return ready_deadline(c);
    case SPOKE_BACKOFF:
        return machine_may_dial(c) ? sooner(c->retry_at, clock_deadline(c)) : NEVER;
    case SPOKE_FAILED:
    case SPOKE_CONNECTING: /* its link keeps the limit */
        break;
    }
    return NEVER;
}
