#include "machine.h"

#include <string.h>

/* --- names --- */

const char *spoke_reason_name(spoke_reason reason)
{
    static const char *const names[SPOKE_REASON_COUNT] = {
        [SPOKE_REASON_ASKED] = "asked",
        [SPOKE_REASON_TOKEN] = "token",
        [SPOKE_REASON_DNS] = "dns",
        [SPOKE_REASON_NETWORK] = "network",
        [SPOKE_REASON_TRUST] = "trust",
        [SPOKE_REASON_CLOCK] = "clock",
        [SPOKE_REASON_TLS] = "tls",
        [SPOKE_REASON_CREDENTIAL] = "credential",
        [SPOKE_REASON_BLOCKED] = "blocked",
        [SPOKE_REASON_THROTTLED] = "throttled",
        [SPOKE_REASON_SERVICE] = "service",
        [SPOKE_REASON_CONFIGURATION] = "configuration",
        [SPOKE_REASON_PROTOCOL] = "protocol",
        [SPOKE_REASON_DUPLICATE] = "duplicate",
        [SPOKE_REASON_PEER_CLOSED] = "peer_closed",
        [SPOKE_REASON_TIMEOUT] = "timeout",
        [SPOKE_REASON_LOCAL] = "local",
    };
    return (unsigned)reason < SPOKE_REASON_COUNT ? names[reason] : "?";
}

const char *spoke_drop_name(spoke_drop drop)
{
    static const char *const names[SPOKE_DROP_COUNT] = {
        [SPOKE_DROP_OLDEST] = "oldest",   [SPOKE_DROP_NEWEST] = "newest",       [SPOKE_DROP_LOWEST] = "lowest",
        [SPOKE_DROP_EXPIRED] = "expired", [SPOKE_DROP_TOO_LARGE] = "too_large", [SPOKE_DROP_STORAGE] = "storage",
    };
    return (unsigned)drop < SPOKE_DROP_COUNT ? names[drop] : "?";
}

#if SPOKE_WITH_STATS

/* --- counting --- */

static bool same_trouble(const spoke_error *a, const spoke_error *b)
{
    return a->status == b->status && a->source == b->source && a->detail == b->detail;
}

static void keep_trouble(spoke_client *c, const spoke_error *why)
{
    spoke_trouble *last = c->stats.troubles;
    if (last->count == 0 || !same_trouble(&last->error, why)) {
        memmove(last + 1, last, (SPOKE_TROUBLES - 1) * sizeof *last);
        *last = (spoke_trouble){.error = *why};
    }
    last->count++;
    if (c->platform.unix_seconds(c->platform.ctx, &last->unix_s) != SPOKE_OK)
        last->unix_s = 0;
}

void stats_ended(spoke_client *c, spoke_reason reason, const spoke_error *why)
{
    c->stats.ended[reason]++;
    if (why != NULL && why->status != SPOKE_OK)
        keep_trouble(c, why);
}

void stats_state(spoke_client *c, spoke_state from, spoke_state to, uint64_t stayed_ms)
{
    if (from == SPOKE_READY)
        c->stats.ready_ms += stayed_ms;
    else if (from == SPOKE_BACKOFF)
        c->stats.backoff_ms += stayed_ms;
    if (to == SPOKE_CONNECTING || to == SPOKE_PROVISIONING)
        c->stats.attempts++;
    else if (to == SPOKE_SYNCING)
        c->stats.connects++;
}

void stats_handler(spoke_client *c, bool enters)
{
    if (enters)
        c->handler_since = now_ms(c);
    else
        c->handler_ms += now_ms(c) - c->handler_since;
}

void stats_begin_poll(spoke_client *c)
{
    c->handler_ms = 0;
}

static void take_bytes(spoke_client *c)
{
    spoke_transport_counters counters = {0};
    if (!OFFERS(c->ops, counters))
        return;
    c->ops->counters(c->link, &counters);
    c->stats.bytes_in = counters.bytes_in;
    c->stats.bytes_out = counters.bytes_out;
}

void stats_end_poll(spoke_client *c, uint64_t began, uint32_t limit_ms)
{
    const uint64_t allowed = (uint64_t)limit_ms + c->handler_ms, took = now_ms(c) - began;
    const uint64_t over_ms = took > allowed ? took - allowed : 0;
    if (over_ms > c->stats.longest_poll_ms)
        c->stats.longest_poll_ms = over_ms < UINT32_MAX ? (uint32_t)over_ms : UINT32_MAX;
    take_bytes(c);
}

/* --- telling --- */

/* The state that lasts has not been counted yet. */
static void add_state(const spoke_client *c, struct spoke_stats *out)
{
    const uint64_t so_far = now_ms(c) - c->state_since;
    if (c->state == SPOKE_READY)
        out->ready_ms += so_far;
    else if (c->state == SPOKE_BACKOFF)
        out->backoff_ms += so_far;
}

static void add_queue(const spoke_client *c, struct spoke_stats *out)
{
    const struct queue *q = &c->queue;
    out->accepted = q->counters.accepted;
    out->recovered = q->counters.recovered;
    out->delivered = q->counters.delivered;
    out->refused = q->counters.refused;
    for (int why = 0; why < SPOKE_DROP_COUNT; why++) /* the two lists of reasons are one */
        out->dropped[why] = q->counters.dropped[why];
    out->reports_coalesced = q->counters.coalesced;
    out->queue_messages = (uint32_t)queue_count(q);
    out->queue_high = q->counters.high;
    out->queue_bytes = queue_bytes(q);
    out->queue_age_s = (uint32_t)(queue_age_ms(q, now_ms(c)) / 1000);
#if SPOKE_WITH_STORAGE
    out->storage_programs = q->log.programs;
    out->storage_erases = q->log.erases;
#endif
    out->storage_faults = queue_faults(q);
}

void stats_gauges(const spoke_client *c, struct spoke_stats *out)
{
    *out = c->stats;
    add_queue(c, out);
    add_state(c, out);
}

spoke_status spoke_client_stats(const spoke_client *client, spoke_stats *out)
{
    struct spoke_stats now;
    if (client == NULL || out == NULL || out->struct_size < sizeof out->struct_size)
        return SPOKE_E_ARG;
    lock_client(client);
    stats_gauges(client, &now);
    unlock_client(client);
    const size_t size = out->struct_size, known = size < sizeof now ? size : sizeof now;
    now.struct_size = size;
    memcpy(out, &now, known);
    memset((uint8_t *)out + known, 0, size - known); /* of a newer header: this library counts none of it */
    return SPOKE_OK;
}

#endif
