#include <string.h>

#include "base/log.h"
#include "transport/native_error.h"
#include "transport/native_link.h"

/* After DISCONNECT the server closes the connection [MQTT-3.14.4-1]. Closing first, with its bytes still unread
 * here, would make TCP reset the connection and lose what the server has not read yet. This long it may take. */
enum { LINGER_MS = 500 };

static uint64_t now_ms(const spoke_transport *t)
{
    return t->platform->monotonic_ms(t->platform->ctx);
}

/* --- the end of a connection --- */

static int32_t link_detail(const spoke_transport *t)
{
    return t->platform->net->detail(t->platform->ctx, t->stream.link);
}

/* The first reason stays. */
static void end(spoke_transport *t, spoke_error why)
{
    if (t->phase == NATIVE_ENDING || t->phase == NATIVE_CLOSED)
        return;
    t->why = why;
    t->phase = NATIVE_ENDING;
    t->events_due = true;
    t->platform->net->close(t->platform->ctx, t->stream.link);
    spoke_mqtt_lost(t->session, why.status != SPOKE_OK ? why.status : SPOKE_E_STATE);
}

static enum native_stage stage(const spoke_transport *t)
{
    switch (t->phase) {
    case NATIVE_REACHING:
        return link_detail(t) == 0 ? NATIVE_STAGE_DNS : NATIVE_STAGE_TCP;
    case NATIVE_SECURING:
        return NATIVE_STAGE_TLS;
    case NATIVE_GREETING:
        return NATIVE_STAGE_CONNACK;
    case NATIVE_CLOSED:
    case NATIVE_OPEN:
    case NATIVE_LEAVING:
    case NATIVE_LINGERING:
    case NATIVE_ENDING:
        break;
    }
    return NATIVE_STAGE_OPEN;
}

/* The stream broke. The link knows the errno; TLS knows whatever is not the link's fault. */
static void end_broken(spoke_transport *t, spoke_status status)
{
    const struct tls *tls = native_stream_tls(&t->stream);
    const bool below = status == SPOKE_E_NET || tls == NULL;
    end(t, below ? native_error_link(stage(t), status, link_detail(t)) : tls_error(tls));
}

/* --- connecting --- */

static spoke_status native_open(spoke_transport *t, const spoke_transport_target *target)
{
    if (t->phase != NATIVE_CLOSED)
        return SPOKE_E_STATE;
    if (target->host == NULL || target->host[0] == '\0' || target->port == 0 ||
        strlen(target->host) > SPOKE_MAX_HOST_BYTES)
        return SPOKE_E_ARG;
    const uint64_t now = t->now = now_ms(t);
    spoke_mqtt_connect_options options = target->mqtt;
    options.connack_limit_ms =
        target->connect_limit_ms != 0 ? target->connect_limit_ms : SPOKE_DEFAULT_CONNECT_LIMIT_MS;
    spoke_status status = spoke_mqtt_connect(t->session, now, &options);
    if (status != SPOKE_OK)
        return status;
    if ((t->test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0)
        log_line(t->platform, SPOKE_LOG_WARN, "native", "no TLS to %s: for tests only", target->host);
    else if ((t->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) != 0)
        log_line(t->platform, SPOKE_LOG_WARN, "native", "%s is not verified: for tests only", target->host);
    struct native_identity *identity = native_identity(t);
    if (identity != NULL && identity->used != identity->context)
        tls_use(t->stream.tls, identity->context);
    if (identity != NULL)
        identity->used = identity->context;
    native_stream_reset(&t->stream);
    t->discard = t->events_due = t->drained = t->full = t->stuck = false;
    t->fresh = true;
    t->host = target->host;
    t->phase_limit = now + options.connack_limit_ms;
    t->phase = NATIVE_REACHING;
    status = t->platform->net->open(t->platform->ctx, t->stream.link, target->host, target->port);
    if (status != SPOKE_OK)
        end_broken(t, status);
    return SPOKE_OK;
}

static void reach(spoke_transport *t)
{
    const spoke_status status = t->platform->net->step(t->platform->ctx, t->stream.link);
    if (status == SPOKE_E_AGAIN)
        return;
    if (status != SPOKE_OK) {
        const enum native_stage at = status == SPOKE_E_DNS ? NATIVE_STAGE_DNS : NATIVE_STAGE_TCP;
        end(t, native_error_link(at, status, link_detail(t)));
        return;
    }
    struct tls *tls = native_stream_tls(&t->stream);
    if (tls == NULL) {
        t->phase = NATIVE_GREETING;
        return;
    }
    t->phase = NATIVE_SECURING;
    const struct tls_stream below = native_stream_below(&t->stream);
    if (tls_start(tls, t->host, &below) != SPOKE_OK)
        end(t, tls_error(tls));
}

static void secure(spoke_transport *t)
{
    native_stream_look(&t->stream);
    const spoke_status status = tls_handshake(t->stream.tls);
    if (status == SPOKE_OK)
        t->phase = NATIVE_GREETING;
    else if (status != SPOKE_E_AGAIN)
        end_broken(t, status);
}

/* --- moving bytes --- */

static bool talking(const spoke_transport *t)
{
    return t->phase == NATIVE_GREETING || t->phase == NATIVE_OPEN || t->phase == NATIVE_LEAVING;
}

/* All that waits, joined: one record, one write, up to what a record holds. */
static void send_waiting(spoke_transport *t, uint64_t now)
{
    spoke_status status = SPOKE_OK;
    spoke_str waiting = spoke_mqtt_output(t->session);
    while (waiting.len > 0 && status == SPOKE_OK) {
        size_t count = 0;
        status = native_stream_write(&t->stream, waiting, &count);
        if (status == SPOKE_OK) {
            spoke_mqtt_sent(t->session, now, count);
            t->events_due = t->events_due || t->full; /* a PUBACK may have found room, and freed a receipt */
        }
        waiting = spoke_mqtt_output(t->session);
    }
    t->stuck = status == SPOKE_E_AGAIN;
    if (status != SPOKE_OK && status != SPOKE_E_AGAIN)
        end_broken(t, status);
}

static void receive(spoke_transport *t, uint64_t now)
{
    t->full = false;
    for (;;) {
        const spoke_buf room = spoke_mqtt_room(t->session);
        size_t count = 0;
        t->full = room.cap == 0;
        if (t->full)
            return;
        const spoke_status status = native_stream_read(&t->stream, room.ptr, room.cap, &count);
        t->drained = status == SPOKE_E_AGAIN;
        if (t->drained)
            return;
        if (status != SPOKE_OK) {
            end_broken(t, status);
            return;
        }
        spoke_mqtt_received(t->session, now, count);
        t->events_due = true;
    }
}

/* Before the session judges a silence, what has arrived meanwhile is read. */
static void talk(spoke_transport *t, bool look)
{
    const uint64_t now = t->now = now_ms(t);
    const bool due = now >= spoke_mqtt_deadline(t->session);
    if (look || due)
        native_stream_look(&t->stream);
    if (!t->stuck || look)
        send_waiting(t, now);
    if (talking(t))
        receive(t, now);
    if (due && talking(t) && t->phase != NATIVE_GREETING) { /* advance looks after that one */
        spoke_mqtt_tick(t->session, now);
        t->events_due = true;
        if (!t->stuck)
            send_waiting(t, now);
    }
    if (t->phase == NATIVE_LEAVING && spoke_mqtt_output(t->session).len == 0) {
        if (native_stream_tls(&t->stream) != NULL)
            tls_close_notify(native_stream_tls(&t->stream));
        t->phase = NATIVE_LINGERING;
        t->phase_limit = now + LINGER_MS;
    }
}

static void linger(spoke_transport *t)
{
    spoke_status status = SPOKE_OK;
    native_stream_look(&t->stream);
    while (status == SPOKE_OK)
        status = native_stream_discard(&t->stream);
    if ((status != SPOKE_OK && status != SPOKE_E_AGAIN) || now_ms(t) >= t->phase_limit)
        end(t, native_error_none());
}

static bool connecting(const spoke_transport *t)
{
    return t->phase == NATIVE_REACHING || t->phase == NATIVE_SECURING || t->phase == NATIVE_GREETING;
}

/* Does what can be done now. `look`: something may have arrived. True: there is something to hand out. */
static bool advance(spoke_transport *t, bool look)
{
    t->fresh = false;
    if (t->phase == NATIVE_REACHING)
        reach(t);
    if (SPOKE_WITH_TLS && t->phase == NATIVE_SECURING)
        secure(t);
    if (talking(t))
        talk(t, look);
    else if (t->phase == NATIVE_LINGERING)
        linger(t);
    if (connecting(t) && !t->events_due && now_ms(t) >= t->phase_limit)
        end(t, native_error_timeout(stage(t)));
    return t->events_due;
}

/* --- sleeping --- */

static uint64_t deadline(const spoke_transport *t)
{
    if (connecting(t) || t->phase == NATIVE_LINGERING)
        return t->phase_limit;
    return talking(t) ? spoke_mqtt_deadline(t->session) : UINT64_MAX;
}

static uint32_t ms_left(const spoke_transport *t)
{
    const uint64_t at = deadline(t), now = at != UINT64_MAX ? now_ms(t) : 0;
    if (at <= now)
        return 0;
    return at - now < UINT32_MAX ? (uint32_t)(at - now) : UINT32_MAX;
}

static unsigned wanted(const spoke_transport *t)
{
    switch (t->phase) {
    case NATIVE_REACHING:
        return SPOKE_WANT_WRITE;
    case NATIVE_SECURING:
        return SPOKE_WITH_TLS ? tls_wants(t->stream.tls) : 0;
    case NATIVE_GREETING:
    case NATIVE_OPEN:
    case NATIVE_LEAVING:
        return (t->full ? 0u : SPOKE_WANT_READ) | (t->stuck ? SPOKE_WANT_WRITE : 0u);
    case NATIVE_LINGERING:
        return SPOKE_WANT_READ;
    case NATIVE_CLOSED:
    case NATIVE_ENDING:
        break;
    }
    return 0;
}

/* The port hears of it even when there is no time to sleep: it takes a wake back, and fd() follows what is wanted.
 */
static void doze(const spoke_transport *t, uint32_t limit_ms)
{
    const uint32_t own = limit_ms > 0 ? ms_left(t) : 0;
    t->platform->net->wait(t->platform->ctx, t->stream.link, wanted(t), own < limit_ms ? own : limit_ms);
}

static void native_step(spoke_transport *t, uint32_t limit_ms)
{
    const bool busy = advance(t, limit_ms == 0);
    doze(t, busy ? 0 : limit_ms);
    if (busy || limit_ms == 0)
        return;
    const unsigned known = wanted(t);
    advance(t, true);
    if ((wanted(t) & ~known & SPOKE_WANT_WRITE) != 0)
        doze(t, 0);
}

static uint32_t native_next_ms(const spoke_transport *t)
{
    if (t->events_due || t->fresh)
        return 0;
    if (talking(t)) {
        const bool can_send = spoke_mqtt_output(t->session).len > 0 && !t->stuck;
        if (can_send || (!t->drained && !t->full))
            return 0;
    }
    return ms_left(t);
}

static int native_fd(const spoke_transport *t)
{
    return t->platform->net->fd(t->platform->ctx, t->stream.link);
}

static void native_wake(spoke_transport *t)
{
    t->platform->net->wake(t->platform->ctx, t->stream.link);
}

/* --- what the application queues --- */

static spoke_status native_publish(spoke_transport *t, const spoke_mqtt_publish_options *message,
                                   uint16_t *packet_id)
{
    return t->phase == NATIVE_OPEN ? spoke_mqtt_publish(t->session, t->now, message, packet_id) : SPOKE_E_STATE;
}

static spoke_status native_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    return t->phase == NATIVE_OPEN ? spoke_mqtt_subscribe(t->session, now_ms(t), filters, count, NULL)
                                   : SPOKE_E_STATE;
}

static spoke_status native_ack(spoke_transport *t, uint16_t receipt)
{
    if (!SPOKE_WITH_LISTENING || t->phase != NATIVE_OPEN)
        return SPOKE_E_STATE;
    const spoke_status status = spoke_mqtt_ack(t->session, now_ms(t), receipt);
    if (t->full) {
        t->full = false; /* what waited for this receipt can be parsed now */
        t->events_due = true;
    }
    return status;
}

static void native_close(spoke_transport *t)
{
    if (t->phase != NATIVE_OPEN)
        end(t, native_error_none());
    else if (spoke_mqtt_disconnect(t->session, now_ms(t)) == SPOKE_OK)
        t->phase = NATIVE_LEAVING;
    /* else the session is lost already, and its event waits to be taken */
}

static void native_abort(spoke_transport *t)
{
    end(t, native_error_none());
    t->discard = true;
}

/* --- events --- */

static void report_closed(spoke_transport *t, spoke_transport_event *event)
{
    t->phase = NATIVE_CLOSED;
    t->events_due = false;
    *event = (spoke_transport_event){.kind = SPOKE_TRANSPORT_CLOSED, .error = t->why};
}

static void take_connack(spoke_transport *t, const spoke_mqtt_event *from, spoke_transport_event *event)
{
    *event = (spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED, .session_present = from->session_present};
    if (t->phase == NATIVE_GREETING)
        t->phase = NATIVE_OPEN;
}

static void take_message(const spoke_mqtt_event *from, spoke_transport_event *event)
{
    const bool whole = from->kind == SPOKE_MQTT_EVENT_PUBLISH;
    *event = (spoke_transport_event){.kind = whole ? SPOKE_TRANSPORT_MESSAGE : SPOKE_TRANSPORT_OVERSIZE,
                                     .topic = from->topic,
                                     .payload = from->payload,
                                     .qos = from->qos,
                                     .dup = from->dup,
                                     .size = from->size,
                                     .receipt = from->packet_id};
}

static void take_lost(spoke_transport *t, const spoke_mqtt_event *from)
{
    const bool refused = from->status == SPOKE_E_REFUSED;
    const spoke_error said = refused ? native_error_refused(from->code) : native_error_session(from->status);
    end(t, said);
    if (refused && t->why.status != SPOKE_OK)
        t->why = said; /* says more than that the service then closed the connection */
}

/* False: not for the application. */
static bool translate(spoke_transport *t, const spoke_mqtt_event *from, spoke_transport_event *event)
{
    switch (from->kind) {
    case SPOKE_MQTT_EVENT_CONNACK:
        if (from->code != 0)
            return false; /* LOST follows */
        take_connack(t, from, event);
        return true;
    case SPOKE_MQTT_EVENT_SUBACK:
        *event = (spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = from->codes};
        return true;
    case SPOKE_MQTT_EVENT_PUBACK:
        *event = (spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = from->token};
        return true;
    case SPOKE_MQTT_EVENT_PUBLISH:
    case SPOKE_MQTT_EVENT_OVERSIZE:
        if (!SPOKE_WITH_LISTENING)
            return false;
        take_message(from, event);
        return true;
    case SPOKE_MQTT_EVENT_LOST:
        take_lost(t, from);
        report_closed(t, event);
        return true;
    case SPOKE_MQTT_EVENT_UNSUBACK:
        break;
    }
    return false;
}

static spoke_status native_next(spoke_transport *t, spoke_transport_event *event)
{
    spoke_mqtt_event from;
    while (t->events_due && !t->discard && spoke_mqtt_next(t->session, t->now, &from) == SPOKE_OK) {
        if (translate(t, &from, event))
            return SPOKE_OK;
    }
    t->events_due = false;
    t->full = t->full && spoke_mqtt_room(t->session).cap == 0;
    if (t->phase != NATIVE_ENDING)
        return SPOKE_E_AGAIN;
    report_closed(t, event);
    return SPOKE_OK;
}

static void native_expiry(const spoke_transport *t, spoke_expiry *out)
{
    memset(out, 0, sizeof(*out));
    const struct tls *tls = native_stream_tls(&t->stream);
    if (tls == NULL)
        return;
    tls_context_ends(native_identity(t)->context, &out->client_cert, &out->trust);
    out->server = tls_peer_ends(tls);
}

static void native_counters(const spoke_transport *t, spoke_transport_counters *out)
{
    *out = (spoke_transport_counters){.bytes_in = t->stream.bytes_in, .bytes_out = t->stream.bytes_out};
}

const spoke_transport_ops *spoke_transport_native(void)
{
    static const spoke_transport_ops ops = {
        .struct_size = sizeof(spoke_transport_ops),
        .name = "native",
        .size = native_size,
        .init = native_init,
        .fini = native_fini,
        .open = native_open,
        .publish = native_publish,
        .subscribe = native_subscribe,
        .ack = native_ack,
        .step = native_step,
        .next = native_next,
        .close = native_close,
        .abort = native_abort,
        .wake = native_wake,
        .fd = native_fd,
        .next_ms = native_next_ms,
        .credentials = native_credentials,
        .expiry = native_expiry,
        .counters = native_counters,
    };
    return &ops;
}
