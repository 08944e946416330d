#include <spoke/transport.h>

#include <stdalign.h>
#include <string.h>

#include "base/log.h"
#include "tls/tls.h"
#include "transport/layout.h"
#include "transport/native_error.h"
#include "transport/native_stream.h"

/* Where Debian, Alpine, Arch and OpenWrt keep the trusted certificates. */
static const char system_trust_file[] = "/etc/ssl/certs/ca-certificates.crt";

/* After DISCONNECT the server closes the connection [MQTT-3.14.4-1]. Closing first, with its bytes still unread
 * here, would make TCP reset the connection and lose what the server has not read yet. This long it may take. */
enum { LINGER_MS = 500 };

enum phase {
    PHASE_CLOSED,    /* -> REACHING by open */
    PHASE_REACHING,  /* names and TCP -> SECURING, GREETING (plain), ENDING */
    PHASE_SECURING,  /* TLS handshake -> GREETING, ENDING */
    PHASE_GREETING,  /* CONNECT is out -> OPEN, ENDING */
    PHASE_OPEN,      /* -> LEAVING, ENDING */
    PHASE_LEAVING,   /* DISCONNECT is queued -> LINGERING, ENDING */
    PHASE_LINGERING, /* the server's turn to close -> ENDING */
    PHASE_ENDING     /* the link is closed; what came in is handed out, then the CLOSED event -> CLOSED */
};

struct spoke_transport {
    const spoke_platform *platform;
    uint32_t test_only;
    struct tls_context *context;
    spoke_mqtt *session;
    struct native_stream stream;

    enum phase phase;
    uint64_t now; /* of the last step: exact enough for a call that comes once for each message */
    const char *host;
    uint64_t phase_limit; /* when patience with connecting, or with lingering, ends */
    spoke_error why;      /* ENDING: what the CLOSED event will say */
    bool discard;         /* ENDING: aborted, what came in does not matter */
    bool events_due;      /* the session may hold events */
    bool fresh;           /* opened, and not stepped yet */
    bool drained;         /* the last read found nothing */
    bool full;            /* the session takes nothing more until its events, or acks, are dealt with */
    bool stuck;           /* the link does not take what waits to go out */
};

static uint64_t now_ms(const spoke_transport *t)
{
    return t->platform->monotonic_ms(t->platform->ctx);
}

/* --- memory and set-up --- */

static bool plain(const spoke_transport_options *options)
{
    return (options->tls.test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0;
}

struct layout {
    size_t link, tls, session, total;
};

static bool lay_out(const spoke_transport_options *options, struct layout *out)
{
    const size_t session_bytes = spoke_mqtt_size(&options->limits);
    out->total = 0;
    if (session_bytes == 0 || !layout_add(&out->total, sizeof(spoke_transport)))
        return false;
    out->link = out->total;
    if (!layout_add(&out->total, options->platform->net->link_bytes))
        return false;
    out->tls = out->total;
    if (!plain(options) && !layout_add(&out->total, tls_size()))
        return false;
    out->session = out->total;
    return layout_add(&out->total, session_bytes);
}

static bool complete(const spoke_transport_options *options)
{
    const spoke_platform *platform = options != NULL ? options->platform : NULL;
    return platform != NULL && platform->monotonic_ms != NULL && platform->random != NULL && platform->net != NULL;
}

static size_t native_size(const spoke_transport_options *options)
{
    struct layout layout;
    return complete(options) && lay_out(options, &layout) ? layout.total : 0;
}

static spoke_status refuse(spoke_error *error, spoke_status status, spoke_source source, int32_t detail,
                           const char *text)
{
    *error = (spoke_error){status, source, detail, text};
    return status;
}

static spoke_status make_context(const spoke_transport_options *options, struct tls_context **out,
                                 spoke_error *error)
{
    const spoke_tls_options *tls = &options->tls;
    struct tls_context_options wanted = {
        .trust_pem = tls->trust_pem,
        .cert_pem = tls->client_cert_pem,
        .key_pem = tls->client_key_pem,
        .do_not_verify = (tls->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) != 0,
        .random = options->platform->random,
        .random_ctx = options->platform->ctx,
    };
    if (tls->trust_pem == NULL)
        wanted.trust_file = tls->trust_file;
    if (tls->trust_pem == NULL && tls->trust_file == NULL && !wanted.do_not_verify)
        wanted.trust_file = system_trust_file;
    const char *why = NULL;
    int32_t detail = 0;
    const spoke_status status = tls_context_create(&wanted, out, &why, &detail);
    return status == SPOKE_OK ? SPOKE_OK : refuse(error, status, SPOKE_SOURCE_TLS, detail, why);
}

static spoke_status make_tls(spoke_transport *t, void *memory, const spoke_transport_options *options,
                             spoke_error *error)
{
    spoke_status status = make_context(options, &t->context, error);
    if (status != SPOKE_OK)
        return status;
    status = tls_init(memory, tls_size(), t->context, &t->stream.tls);
    return status == SPOKE_OK ? SPOKE_OK : refuse(error, status, SPOKE_SOURCE_TLS, 0, spoke_status_text(status));
}

static void native_fini(spoke_transport *t)
{
    const spoke_platform *platform = t->platform;
    if (t->session != NULL)
        spoke_mqtt_lost(t->session, SPOKE_E_STATE); /* wipes a CONNECT that is still queued */
    if (t->stream.link != NULL)
        platform->net->fini(platform->ctx, t->stream.link);
    if (t->stream.tls != NULL)
        tls_fini(t->stream.tls);
    tls_context_destroy(t->context);
    spoke_wipe(t, sizeof(*t));
}

static spoke_status build(spoke_transport *t, const spoke_transport_options *options, const struct layout *layout,
                          spoke_error *error)
{
    const spoke_platform *platform = options->platform;
    uint8_t *memory = (uint8_t *)t;
    spoke_status status =
        spoke_mqtt_init(memory + layout->session, layout->total - layout->session, &options->limits, &t->session);
    if (status != SPOKE_OK)
        return refuse(error, status, SPOKE_SOURCE_MQTT, 0, "a limit of the MQTT session is out of range");
    if (!plain(options) && (status = make_tls(t, memory + layout->tls, options, error)) != SPOKE_OK)
        return status;
    void *link = memory + layout->link;
    status = platform->net->init(platform->ctx, link);
    if (status != SPOKE_OK)
        return refuse(error, status, SPOKE_SOURCE_PORT, platform->net->detail(platform->ctx, link),
                      "the port could not prepare a connection: see detail");
    t->stream.link = link;
    return SPOKE_OK;
}

static spoke_status native_init(void *memory, size_t size, const spoke_transport_options *options,
                                spoke_transport **out, spoke_error *error)
{
    struct layout layout;
    *error = native_error_none();
    if (memory == NULL || (uintptr_t)memory % alignof(max_align_t) != 0 || !complete(options))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0,
                      "the transport needs aligned memory and a complete platform");
    if (!lay_out(options, &layout))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0, "a limit of the transport is out of range");
    if (size < layout.total)
        return refuse(error, SPOKE_E_NO_MEMORY, SPOKE_SOURCE_CLIENT, 0,
                      "the memory for the transport is too small");
    spoke_transport *t = memory;
    memset(t, 0, sizeof(*t));
    t->platform = t->stream.platform = options->platform;
    t->test_only = options->tls.test_only;
    const spoke_status status = build(t, options, &layout, error);
    if (status != SPOKE_OK) {
        native_fini(t);
        return status;
    }
    *out = t;
    return SPOKE_OK;
}

/* --- the end of a connection --- */

static int32_t link_detail(const spoke_transport *t)
{
    return t->platform->net->detail(t->platform->ctx, t->stream.link);
}

/* The first reason stays. */
static void end(spoke_transport *t, spoke_error why)
{
    if (t->phase == PHASE_ENDING || t->phase == PHASE_CLOSED)
        return;
    t->why = why;
    t->phase = PHASE_ENDING;
    t->events_due = true;
    t->platform->net->close(t->platform->ctx, t->stream.link);
    spoke_mqtt_lost(t->session, why.status != SPOKE_OK ? why.status : SPOKE_E_STATE);
}

static enum native_stage stage(const spoke_transport *t)
{
    switch (t->phase) {
    case PHASE_REACHING:
        return link_detail(t) == 0 ? NATIVE_STAGE_DNS : NATIVE_STAGE_TCP;
    case PHASE_SECURING:
        return NATIVE_STAGE_TLS;
    case PHASE_GREETING:
        return NATIVE_STAGE_CONNACK;
    case PHASE_CLOSED:
    case PHASE_OPEN:
    case PHASE_LEAVING:
    case PHASE_LINGERING:
    case PHASE_ENDING:
        break;
    }
    return NATIVE_STAGE_OPEN;
}

/* The stream broke. The link knows the errno; TLS knows whatever is not the link's fault. */
static void end_broken(spoke_transport *t, spoke_status status)
{
    const bool below = status == SPOKE_E_NET || t->stream.tls == NULL;
    end(t, below ? native_error_link(stage(t), status, link_detail(t)) : tls_error(t->stream.tls));
}

/* --- connecting --- */

static spoke_status native_open(spoke_transport *t, const spoke_transport_target *target)
{
    if (t->phase != PHASE_CLOSED)
        return SPOKE_E_STATE;
    if (target->host == NULL || target->host[0] == '\0' || target->port == 0 ||
        strnlen(target->host, SPOKE_MAX_HOST_BYTES + 1) > SPOKE_MAX_HOST_BYTES)
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
    native_stream_reset(&t->stream);
    t->discard = t->events_due = t->drained = t->full = t->stuck = false;
    t->fresh = true;
    t->host = target->host;
    t->phase_limit = now + options.connack_limit_ms;
    t->phase = PHASE_REACHING;
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
    if (t->stream.tls == NULL) {
        t->phase = PHASE_GREETING;
        return;
    }
    t->phase = PHASE_SECURING;
    const struct tls_stream below = native_stream_below(&t->stream);
    if (tls_start(t->stream.tls, t->host, &below) != SPOKE_OK)
        end(t, tls_error(t->stream.tls));
}

static void secure(spoke_transport *t)
{
    native_stream_look(&t->stream);
    const spoke_status status = tls_handshake(t->stream.tls);
    if (status == SPOKE_OK)
        t->phase = PHASE_GREETING;
    else if (status != SPOKE_E_AGAIN)
        end_broken(t, status);
}

/* --- moving bytes --- */

static bool talking(const spoke_transport *t)
{
    return t->phase == PHASE_GREETING || t->phase == PHASE_OPEN || t->phase == PHASE_LEAVING;
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
    if (due && talking(t) && t->phase != PHASE_GREETING) { /* advance looks after that one */
        spoke_mqtt_tick(t->session, now);
        t->events_due = true;
        if (!t->stuck)
            send_waiting(t, now);
    }
    if (t->phase == PHASE_LEAVING && spoke_mqtt_output(t->session).len == 0) {
        if (t->stream.tls != NULL)
            tls_close_notify(t->stream.tls);
        t->phase = PHASE_LINGERING;
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
    return t->phase == PHASE_REACHING || t->phase == PHASE_SECURING || t->phase == PHASE_GREETING;
}

/* Does what can be done now. `look`: something may have arrived. True: there is something to hand out. */
static bool advance(spoke_transport *t, bool look)
{
    t->fresh = false;
    if (t->phase == PHASE_REACHING)
        reach(t);
    if (t->phase == PHASE_SECURING)
        secure(t);
    if (talking(t))
        talk(t, look);
    else if (t->phase == PHASE_LINGERING)
        linger(t);
    if (connecting(t) && !t->events_due && now_ms(t) >= t->phase_limit)
        end(t, native_error_timeout(stage(t)));
    return t->events_due;
}

/* --- sleeping --- */

static uint64_t deadline(const spoke_transport *t)
{
    if (connecting(t) || t->phase == PHASE_LINGERING)
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
    case PHASE_REACHING:
        return SPOKE_WANT_WRITE;
    case PHASE_SECURING:
        return tls_wants(t->stream.tls);
    case PHASE_GREETING:
    case PHASE_OPEN:
    case PHASE_LEAVING:
        return (t->full ? 0u : SPOKE_WANT_READ) | (t->stuck ? SPOKE_WANT_WRITE : 0u);
    case PHASE_LINGERING:
        return SPOKE_WANT_READ;
    case PHASE_CLOSED:
    case PHASE_ENDING:
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
    return t->phase == PHASE_OPEN ? spoke_mqtt_publish(t->session, t->now, message, packet_id) : SPOKE_E_STATE;
}

static spoke_status native_subscribe(spoke_transport *t, const spoke_mqtt_filter *filters, size_t count)
{
    return t->phase == PHASE_OPEN ? spoke_mqtt_subscribe(t->session, now_ms(t), filters, count, NULL)
                                  : SPOKE_E_STATE;
}

static spoke_status native_ack(spoke_transport *t, uint16_t receipt)
{
    if (t->phase != PHASE_OPEN)
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
    if (t->phase != PHASE_OPEN)
        end(t, native_error_none());
    else if (spoke_mqtt_disconnect(t->session, now_ms(t)) == SPOKE_OK)
        t->phase = PHASE_LEAVING;
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
    t->phase = PHASE_CLOSED;
    t->events_due = false;
    event->kind = SPOKE_TRANSPORT_CLOSED;
    event->error = t->why;
}

static void take_connack(spoke_transport *t, const spoke_mqtt_event *from, spoke_transport_event *event)
{
    event->kind = SPOKE_TRANSPORT_CONNECTED;
    event->session_present = from->session_present;
    if (t->phase == PHASE_GREETING)
        t->phase = PHASE_OPEN;
}

static void take_message(const spoke_mqtt_event *from, spoke_transport_event *event)
{
    event->kind = from->kind == SPOKE_MQTT_EVENT_PUBLISH ? SPOKE_TRANSPORT_MESSAGE : SPOKE_TRANSPORT_OVERSIZE;
    event->topic = from->topic;
    event->payload = from->payload;
    event->qos = from->qos;
    event->dup = from->dup;
    event->size = from->size;
    event->receipt = from->packet_id;
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
        event->kind = SPOKE_TRANSPORT_SUBSCRIBED;
        event->codes = from->codes;
        return true;
    case SPOKE_MQTT_EVENT_PUBACK:
        event->kind = SPOKE_TRANSPORT_ACKED;
        event->token = from->token;
        return true;
    case SPOKE_MQTT_EVENT_PUBLISH:
    case SPOKE_MQTT_EVENT_OVERSIZE:
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
    memset(event, 0, sizeof(*event));
    while (t->events_due && !t->discard && spoke_mqtt_next(t->session, t->now, &from) == SPOKE_OK) {
        if (translate(t, &from, event))
            return SPOKE_OK;
    }
    t->events_due = false;
    t->full = t->full && spoke_mqtt_room(t->session).cap == 0;
    if (t->phase != PHASE_ENDING)
        return SPOKE_E_AGAIN;
    report_closed(t, event);
    return SPOKE_OK;
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
    };
    return &ops;
}
