/* MQTT through paho.mqtt.c (MQTTAsync), for Linux. What a program that chooses it should know, for 1.3.12:
 *
 *  - Each open makes a new paho handle and each end destroys it: paho's own reconnect, offline queue and
 *    persistence stay off, and nothing of one connection leaks into the next. Destroying takes paho up to a second;
 *    it happens behind the caller's back, and an open that follows at once waits for it.
 *  - fini is the one call that may block: for that second, and for a name that is being looked up.
 *  - paho acknowledges a received message as soon as its callback returns: `ack` has nothing left to do. Up to
 *    four times receive_bytes of messages wait for `next`. Beyond that QoS 0 is dropped, and QoS 1 stays with paho,
 *    which offers it again when the next packet comes in, be it the answer to a ping. Both are logged.
 *  - A message that was in flight when the connection was lost cannot be repeated under its id.
 *  - A dead peer is noticed within 1.5 keep-alives. On an idle connection paho's own pings need 2.5 of its intervals,
 *    so that CONNECT names, and pings follow, about 0.6 of what was asked for. An open connection that breaks is E_NET,
 *    whatever the cause.
 *  - The service's certificate cannot be seen: nobody warns before it ends.
 *  - Certificates and keys given as text reach it through anonymous memory. It keeps user name and password on its
 *    heap until the connection ends, and does not wipe them.
 *  - abort closes with a DISCONNECT where that can still be written: no will is published.
 *  - paho obeys http_proxy and https_proxy of the environment, for localhost too; a warning says so at each open.
 *  - Each connection leaves 56 bytes with OpenSSL, an index that paho takes when it starts and never gives back.
 *  - paho sets SIGPIPE to SIG_IGN for the whole process, and does not survive a fork. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/paho_link.h"

enum {
    DRAIN_MS = 500, /* for answers to what was sent, before DISCONNECT */
    LEAVE_MS = 3000 /* for all of close */
};

uint64_t paho_now_ms(const spoke_transport *t)
{
    return t->platform->monotonic_ms(t->platform->ctx);
}

/* A line about `what`, which must neither start another line nor drive a terminal. */
static void say(const spoke_transport *t, const char *what, const char *text)
{
    char line[192];
    snprintf(line, sizeof(line), "%s: %s", what, text);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    if (t->platform->log_tap != NULL)
        t->platform->log_tap(t->platform->tap_ctx, SPOKE_LOG_WARN, "paho", line);
    if (t->platform->log != NULL)
        t->platform->log(t->platform->ctx, SPOKE_LOG_WARN, "paho", line);
}

void paho_signal(spoke_transport *t)
{
    const uint64_t one = 1;
    if (write(t->event_fd, &one, sizeof(one)) < 0) {
        /* full: it is readable already */
    }
}

/* --- the end of a connection --- */

/* The first reason stays. */
static void end(spoke_transport *t, spoke_error why)
{
    if (t->phase == PAHO_ENDING || t->phase == PAHO_CLOSED)
        return;
    t->why = why;
    t->phase = PAHO_ENDING;
    pthread_mutex_lock(&t->lock);
    if (t->open_due)
        paho_target_wipe(&t->targets[t->target]); /* else the worker does, once it has used it */
    t->live = t->open_due = false;
    t->retire_due = true;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}

/* What the other threads found, and what only time tells. */
static void look_after(spoke_transport *t)
{
    const uint64_t now = paho_now_ms(t);
    pthread_mutex_lock(&t->lock);
    const bool heard = t->heard, lost = t->lost, left = t->left, greeted = t->connected_due;
    const bool waiting = t->unanswered > 0;
    const spoke_error loss = t->loss;
    t->heard = false;
    pthread_mutex_unlock(&t->lock);
    if (heard || !waiting)
        t->heard_at = now;
    if (t->phase == PAHO_LEAVING && (lost || left || now >= t->phase_limit))
        end(t, paho_error(PAHO_LOSS_NONE, 0));
    else if (lost)
        end(t, loss);
    else if (t->phase == PAHO_CONNECTING && !greeted && now >= t->phase_limit)
        end(t, paho_error(PAHO_LOSS_LIMIT, 0));
    else if (t->phase == PAHO_OPEN && t->keep_alive_ms > 0 && now - t->heard_at >= t->keep_alive_ms / 2u * 3u)
        end(t, paho_error(PAHO_LOSS_SILENT, 0));
}

/* --- opening --- */

static void warn(const spoke_transport *t, const char *host)
{
    if ((t->test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0)
        say(t, host, "no TLS: for tests only");
    else if ((t->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) != 0)
        say(t, host, "the server is not verified: for tests only");
    if (paho_worker_proxied(t))
        say(t, host, "paho connects through the proxy that the environment names");
}

/* Lock held. What a former connection left behind. */
static void forget(spoke_transport *t)
{
    paho_queue_clear(&t->messages);
    t->connected_due = t->lost = t->left = t->heard = t->starved = false;
    t->dropped = t->deferred = 0;
    t->request_first = t->request_count = 0;
    paho_flights_reset(t);
}

static spoke_status paho_open(spoke_transport *t, const spoke_transport_target *target)
{
    if (t->phase != PAHO_CLOSED)
        return SPOKE_E_STATE;
    if (target == NULL || !paho_target_valid(target))
        return SPOKE_E_ARG;
    spoke_transport_target wanted = *target;
    if (wanted.connect_limit_ms == 0)
        wanted.connect_limit_ms = SPOKE_DEFAULT_CONNECT_LIMIT_MS;
    pthread_mutex_lock(&t->lock);
    t->target = t->taken == 0 ? 1 : 0;
    const bool kept = paho_target_keep(&t->targets[t->target], &wanted);
    if (kept) {
        forget(t);
        t->used = t->targets[t->target].pem = &t->pems[t->pem];
        t->open_due = true;
        pthread_cond_signal(&t->work);
    }
    pthread_mutex_unlock(&t->lock);
    if (!kept)
        return SPOKE_E_TOO_SMALL;
    warn(t, target->host);
    t->discard = t->holding = false;
    t->keep_alive_ms = target->mqtt.keep_alive_s * 1000u;
    t->phase_limit = paho_now_ms(t) + wanted.connect_limit_ms;
    t->phase = PAHO_CONNECTING;
    return SPOKE_OK;
}

/* --- closing --- */

static struct timespec from_now(uint32_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)ms * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

static void paho_close(spoke_transport *t)
{
    if (t->phase != PAHO_OPEN) {
        if (t->phase == PAHO_CONNECTING)
            end(t, paho_error(PAHO_LOSS_NONE, 0));
        return;
    }
    t->phase = PAHO_LEAVING;
    t->phase_limit = paho_now_ms(t) + LEAVE_MS;
    pthread_mutex_lock(&t->lock);
    t->release_due = t->leave_due = true;
    t->drain_until = from_now(DRAIN_MS);
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}

static void paho_abort(spoke_transport *t)
{
    end(t, paho_error(PAHO_LOSS_NONE, 0));
    if (t->phase == PAHO_ENDING)
        t->why = paho_error(PAHO_LOSS_NONE, 0);
    t->discard = true;
}

/* --- events --- */

/* Lock held. False: not yet. */
static bool take_codes(spoke_transport *t, spoke_transport_event *event)
{
    const struct paho_request *request = &t->requests[t->request_first];
    if (t->request_count == 0 || request->answered < request->count)
        return false;
    for (uint8_t i = 0; i < request->count; i++)
        t->codes[i] = request->filters[i].code;
    event->kind = SPOKE_TRANSPORT_SUBSCRIBED;
    event->codes = spoke_str_from((const char *)t->codes, request->count);
    t->request_first = (t->request_first + 1) % PAHO_REQUESTS;
    t->request_count--;
    return true;
}

static bool take_acked(spoke_transport *t, spoke_transport_event *event)
{
    if (t->acked_first == PAHO_NONE)
        return false;
    struct paho_flight *flight = &t->flights[t->acked_first];
    event->kind = SPOKE_TRANSPORT_ACKED;
    event->token = flight->token;
    t->acked_first = flight->next;
    paho_flight_free(t, flight);
    return true;
}

static bool take_message(spoke_transport *t, spoke_transport_event *event)
{
    const struct paho_message *m = paho_queue_peek(&t->messages);
    if (m == NULL)
        return false;
    const char *topic = (const char *)(m + 1);
    event->kind = m->oversize ? SPOKE_TRANSPORT_OVERSIZE : SPOKE_TRANSPORT_MESSAGE;
    event->topic = spoke_str_from(topic, m->topic_bytes);
    event->payload = spoke_str_from(topic + m->topic_bytes, m->payload_bytes);
    event->qos = m->qos;
    event->dup = m->dup;
    event->receipt = m->receipt;
    event->size = m->size;
    t->holding = true;
    return true;
}

/* Lock held. */
static bool take_event(spoke_transport *t, spoke_transport_event *event)
{
    if (t->holding)
        paho_queue_pop(&t->messages);
    t->holding = false;
    if (t->phase == PAHO_CLOSED || t->discard)
        return false;
    if (t->connected_due) {
        t->connected_due = false;
        event->kind = SPOKE_TRANSPORT_CONNECTED;
        event->session_present = t->session_present;
        if (t->phase == PAHO_CONNECTING)
            t->phase = PAHO_OPEN;
        return true;
    }
    return take_acked(t, event) || take_codes(t, event) || take_message(t, event);
}

static void tell_of_overflow(spoke_transport *t, uint32_t dropped, uint32_t deferred)
{
    char count[16];
    snprintf(count, sizeof(count), "%u", (unsigned)(dropped > 0 ? dropped : deferred));
    say(t, count,
        dropped > 0 ? "so many messages of QoS 0 came faster than they were taken, and are lost"
                    : "so many messages of QoS 1 came faster than they were taken, and wait inside paho");
}

static spoke_status paho_next(spoke_transport *t, spoke_transport_event *event)
{
    memset(event, 0, sizeof(*event));
    pthread_mutex_lock(&t->lock);
    const uint32_t dropped = t->dropped, deferred = t->deferred;
    t->dropped = t->deferred = 0;
    const bool taken = take_event(t, event);
    const bool lost = !taken && (t->lost || t->left);
    pthread_mutex_unlock(&t->lock);
    if (dropped > 0 || deferred > 0)
        tell_of_overflow(t, dropped, deferred);
    if (taken)
        return SPOKE_OK;
    if (lost)
        look_after(t);
    if (t->phase != PAHO_ENDING)
        return SPOKE_E_AGAIN;
    t->phase = PAHO_CLOSED;
    event->kind = SPOKE_TRANSPORT_CLOSED;
    event->error = t->why;
    return SPOKE_OK;
}

/* --- sleeping --- */

/* Lock held. Something for next to say. */
static bool events_wait(const spoke_transport *t)
{
    if (t->phase == PAHO_CLOSED)
        return false;
    const struct paho_request *request = &t->requests[t->request_first];
    return t->phase == PAHO_ENDING || t->connected_due || t->lost || t->left || t->acked_first != PAHO_NONE ||
           t->messages.count > (t->holding ? 1u : 0u) ||
           (t->request_count > 0 && request->answered == request->count);
}

static uint64_t deadline(const spoke_transport *t, bool waiting)
{
    if (t->phase == PAHO_CONNECTING || t->phase == PAHO_LEAVING)
        return t->phase_limit;
    if (t->phase == PAHO_OPEN && waiting && t->keep_alive_ms > 0)
        return t->heard_at + t->keep_alive_ms / 2u * 3u;
    return UINT64_MAX;
}

static uint32_t ms_left(spoke_transport *t)
{
    pthread_mutex_lock(&t->lock);
    const bool busy = events_wait(t), waiting = t->unanswered > 0;
    pthread_mutex_unlock(&t->lock);
    const uint64_t at = deadline(t, waiting), now = paho_now_ms(t);
    if (busy || at <= now)
        return 0;
    return at - now < UINT32_MAX ? (uint32_t)(at - now) : UINT32_MAX;
}

/* What was queued leaves together, at one wake of the worker. */
static void release(spoke_transport *t)
{
    pthread_mutex_lock(&t->lock);
    if (t->commands.count > 0 && !t->release_due) {
        t->release_due = true;
        pthread_cond_signal(&t->work);
    }
    pthread_mutex_unlock(&t->lock);
}

static void doze(spoke_transport *t, uint32_t limit_ms)
{
    struct pollfd wait = {.fd = t->event_fd, .events = POLLIN};
    uint64_t count;
    const int limit = limit_ms < INT32_MAX ? (int)limit_ms : INT32_MAX;
    if (poll(&wait, 1, limit) > 0 && read(t->event_fd, &count, sizeof(count)) < 0) {
        /* another step was faster */
    }
}

static void paho_step(spoke_transport *t, uint32_t limit_ms)
{
    release(t);
    look_after(t);
    const uint32_t own = ms_left(t);
    doze(t, own < limit_ms ? own : limit_ms);
    look_after(t);
}

static uint32_t paho_next_ms(const spoke_transport *t)
{
    spoke_transport *own = (spoke_transport *)(uintptr_t)t; /* for its lock */
    pthread_mutex_lock(&own->lock);
    const bool unreleased = t->commands.count > 0 && !t->release_due;
    pthread_mutex_unlock(&own->lock);
    return unreleased ? 0 : ms_left(own);
}

static int paho_fd(const spoke_transport *t)
{
    return t->event_fd;
}

/* What lies below MQTT is paho's own: of its packets the messages are counted, the rest is small. */
static void paho_counters(const spoke_transport *t, spoke_transport_counters *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&t->lock; /* looking changes nothing but the lock */
    pthread_mutex_lock(lock);
    *out = t->moved;
    pthread_mutex_unlock(lock);
}

const spoke_transport_ops *spoke_transport_paho(void)
{
    static const spoke_transport_ops ops = {
        .struct_size = sizeof(spoke_transport_ops),
        .name = "paho",
        .size = paho_size,
        .init = paho_init,
        .fini = paho_fini,
        .open = paho_open,
        .publish = paho_publish,
        .subscribe = paho_subscribe,
        .ack = paho_ack,
        .step = paho_step,
        .next = paho_next,
        .close = paho_close,
        .abort = paho_abort,
        .wake = paho_signal,
        .fd = paho_fd,
        .next_ms = paho_next_ms,
        .credentials = paho_credentials,
        .expiry = paho_expiry,
        .counters = paho_counters,
    };
    return &ops;
}
